"""Chapter 1, second half: size arithmetic, fair counts, and shifts that survive pooling."""

import numpy as np

from ..wording import N_, _
from .core import Exercise
from .trial import Trial

_whole = (int, np.int64, np.int32)


def output_size(n, k, p=0, s=1, d=1):
    reach = d * (k - 1) + 1
    return (n + 2 * p - reach) // s + 1


OUTPUT_SIZE = Exercise(
    "output_size",
    solution=output_size,
    hints=(
        N_(
            "Begin without padding, stride and dilation: write down the places of a 3-wide kernel on 5 pixels"
            " and count them."
        ),
        N_(
            "Padding lengthens the row at both ends. Dilation lengthens the kernel: how far apart are its"
            " first and last weight?"
        ),
        N_(
            "The kernel reaches over d·(k − 1) + 1 pixels. From the first place, count how many whole strides"
            " still fit in, and then the first place itself."
        ),
    ),
)


def _telling(rng, draw, right, wrongs):
    """Arguments from `draw(rng)` for which the right and all wrong formulas give different numbers."""
    for _attempt in range(10_000):
        args = draw(rng)
        values = [right(*args), *(wrong(*args) for wrong in wrongs)]
        if min(values) > 0 and len(set(values)) == len(values):
            return args
    raise AssertionError("two of the formulas can hardly be told apart")


def _compare(candidate, rng, draw, mistakes, key, look):
    """Try `candidate` on telling arguments; `mistakes`: (key, formula, look) for the typical ones."""
    args = _telling(rng, draw, output_size, [formula for _key, formula, _look in mistakes])
    names = ("n", "k", "p", "s", "d")
    trial = Trial(candidate, *args, tried=", ".join(f"{a} = {b}" for a, b in zip(names, args)))
    value = trial.array()
    if type(trial.result) not in _whole:
        trial.fail("not-an-integer", look=_("the division: // gives a whole number of places, / does not"))
    if int(value) == output_size(*args):
        return
    for mistake, formula, hint in mistakes:
        if int(value) == formula(*args):
            trial.fail(mistake, look=hint)
    trial.fail(key, look=look)


def _draw(*ranges):
    return lambda rng: tuple(int(rng.integers(low, high + 1)) for low, high in ranges)


def _strided(left_over):
    """Draw (n, k, p, s) with one pixel left over after the last step (1), or one too few for another (-1)."""

    def draw(rng):
        s, k, p, steps = (int(rng.integers(a, b)) for a, b in ((3, 7), (2, 7), (0, 3), (3, 7)))
        return k + s * steps + left_over % s - 2 * p, k, p, s

    return draw


@OUTPUT_SIZE.property("plain", N_("without padding, stride and dilation, all places are counted"))
def plain_sizes(candidate, rng):
    mistakes = [
        (
            "missing-one",
            lambda n, k: n - k,
            _("a kernel exactly as wide as the row: in how many places can it stand?"),
        )
    ]
    _compare(
        candidate,
        rng,
        _draw((8, 40), (2, 7)),
        mistakes,
        "plain",
        _("5 pixels and a kernel of 3, counted on your fingers"),
    )


@OUTPUT_SIZE.property("padding", N_("padding is added at both ends"))
def padding(candidate, rng):
    mistakes = [
        (
            "padding-once",
            lambda n, k, p: n + p - k + 1,
            _("the ends of the row: how many of them are padded?"),
        ),
        ("padding-ignored", lambda n, k, p: n - k + 1, _("the third argument: is it used?")),
        ("order", lambda n, k, p: (n - k) // p + 1, _("the order of the arguments: n, k, p, s, d")),
    ]
    _compare(
        candidate,
        rng,
        _draw((8, 40), (2, 7), (2, 4)),
        mistakes,
        "padding",
        _("5 pixels, padding 1: how long is the row now?"),
    )


@OUTPUT_SIZE.property(
    "stride", N_("a last step that does not fit is not taken, and the first place is counted")
)
def stride(candidate, rng):
    def steps(n, k, p, s):
        return (n + 2 * p - k) / s

    mistakes = [
        (
            "ceil",
            lambda n, k, p, s: int(np.ceil(steps(n, k, p, s))) + 1,
            _("the last step: may the kernel hang over the end?"),
        ),
        (
            "one-inside",
            lambda n, k, p, s: (n + 2 * p - k + 1) // s,
            _("where the 1 stands: inside the division or after it?"),
        ),
        ("stride-ignored", lambda n, k, p, s: n + 2 * p - k + 1, _("the fourth argument: is it used?")),
    ]
    _compare(
        candidate,
        rng,
        _strided(1),
        mistakes,
        "stride",
        _("7 pixels, a kernel of 3, stride 3: draw the places"),
    )


@OUTPUT_SIZE.property("rounding", N_("rounding always goes down"))
def rounding(candidate, rng):
    mistakes = [
        (
            "rounded",
            lambda n, k, p, s: round((n + 2 * p - k) / s) + 1,
            _("the rounding: half a step is not a step"),
        )
    ]
    _compare(
        candidate,
        rng,
        _strided(-1),
        mistakes,
        "rounding",
        _("7 pixels, a kernel of 2, stride 3: draw the places"),
    )


@OUTPUT_SIZE.property("dilation", N_("a dilated kernel reaches over d·(k − 1) + 1 pixels"))
def dilation(candidate, rng):
    mistakes = [
        (
            "dilation-ignored",
            lambda n, k, p, s, d: output_size(n, k, p, s),
            _("the fifth argument: is it used?"),
        ),
        (
            "dilation-times",
            lambda n, k, p, s, d: output_size(n, k * d, p, s),
            _("the reach of 3 weights with a gap of one between them"),
        ),
        (
            "dilation-off-by-one",
            lambda n, k, p, s, d: output_size(n, d * (k - 1), p, s),
            _("the reach: does it count both end weights?"),
        ),
    ]
    draw = _draw((20, 60), (2, 5), (0, 3), (1, 2), (2, 4))
    _compare(
        candidate, rng, draw, mistakes, "dilation", _("a kernel of 3 with d = 2: mark the pixels it touches")
    )


def fair_count(n, k, maps):
    outputs = maps * (n - k + 1) ** 2
    dense_parameters = (n * n + 1) * outputs
    conv_parameters = (k * k + 1) * maps
    return dense_parameters, conv_parameters, n * n * outputs, k * k * outputs


FAIR_COUNT = Exercise(
    "fair_count",
    solution=fair_count,
    hints=(
        N_(
            "A fair comparison makes both layers produce the same number of outputs. How many does the"
            " convolution make?"
        ),
        N_(
            "Every dense output has a weight for each pixel and a bias. Every map of the convolution has one"
            " kernel and one bias, wherever it stands."
        ),
        N_(
            "With outputs = maps × (n − k + 1)²: a dense output costs n² multiplications, a convolution's k²."
            " Parameters: (n² + 1) for each dense output, (k² + 1) for each map."
        ),
    ),
)


def _counts(candidate, rng):
    """(trial, numbers given, arguments): sizes drawn so that nothing coincides."""
    args = int(rng.integers(9, 30)), int(rng.choice([2, 3, 4, 5])), int(rng.integers(2, 12))
    trial = Trial(candidate, *args, tried=_("n = {}, k = {}, maps = {}").format(*args))
    given = trial.result
    if type(given) not in (tuple, list) or len(given) != 4 or any(type(g) not in _whole for g in given):
        trial.fail(
            "four-numbers",
            look=_("what is returned: four whole numbers, dense and convolution, parameters first"),
        )
    return trial, [int(g) for g in given], args


@FAIR_COUNT.property(
    "dense-parameters", N_("the dense layer makes as many outputs as the convolution, each with its bias")
)
def dense_parameters(candidate, rng):
    trial, given, (n, k, maps) = _counts(candidate, rng)
    outputs = maps * (n - k + 1) ** 2
    if given[0] in (n * n * maps, (n * n + 1) * maps):
        trial.fail("unequal-outputs", look=_("how many numbers each layer produces: is it the same?"))
    if given[0] == n * n * outputs:
        trial.fail("biases-forgotten", look=_("the biases: a dense layer has one for each output"))
    if given[0] in ((n * n + 1) * maps * n * n, (n * n + 1) * maps * (n - k) ** 2):
        trial.fail("output-size", look=_("the size of one map: how many places does the kernel have?"))
    if given[0] != (n * n + 1) * outputs:
        trial.fail("dense-parameters", look=_("one dense output: how many weights reach it?"))


@FAIR_COUNT.property("conv-parameters", N_("the convolution has one kernel and one bias for each map"))
def conv_parameters(candidate, rng):
    trial, given, (n, k, maps) = _counts(candidate, rng)
    if given[1] == k * k * maps:
        trial.fail("biases-forgotten", look=_("the biases: a convolution has one for each map"))
    if given[1] == k * k * maps + 1:
        trial.fail("one-bias", look=_("the biases: do all maps share one?"))
    if given[1] in (k * k * maps + maps * (n - k + 1) ** 2, (k * k + 1) * maps * (n - k + 1) ** 2):
        trial.fail(
            "not-shared",
            look=_("what is shared: does a map have a new bias, or a new kernel, at each place?"),
        )
    if given[1] != (k * k + 1) * maps:
        trial.fail("conv-parameters", look=_("one map: how many numbers does it learn?"))


@FAIR_COUNT.property(
    "multiplications", N_("every output costs its multiplications again, shared weights or not")
)
def multiplications(candidate, rng):
    trial, given, (n, k, maps) = _counts(candidate, rng)
    outputs = maps * (n - k + 1) ** 2
    if given[3] in (k * k * maps, (k * k + 1) * maps):
        trial.fail("places-forgotten", look=_("how often one kernel weight is used in one image"))
    if given[2:] == [(n * n + 1) * outputs, (k * k + 1) * outputs]:
        trial.fail("bias-multiplied", look=_("the biases: are they multiplied with anything?"))
    if given[2:] != [n * n * outputs, k * k * outputs]:
        trial.fail(
            "multiplications", look=_("one output of each layer: how many products are summed for it?")
        )


def still_matches(dx, dy, pool):
    return dx % pool == 0 and dy % pool == 0


STILL_MATCHES = Exercise(
    "still_matches",
    solution=still_matches,
    hints=(
        N_("Set the explorer to pooling and try shifts one by one. For which does the difference vanish?"),
        N_(
            "The pooling windows stand still while the map slides under them. When does each window find"
            " exactly what its neighbour held before?"
        ),
        N_(
            "Along one axis: when the shift is a whole number of windows. There are two axes, and both must"
            " agree."
        ),
    ),
)


def moves_along(rng, dx, dy, pool):
    """By experiment: does a pooled random map only move when the map is rolled by (dx, dy)?"""
    cells = 5
    plain = rng.normal(size=(cells * pool, cells * pool))

    def pooled(a):
        return a.reshape(cells, pool, cells, pool).max(axis=(1, 3))

    after = pooled(np.roll(plain, (dy, dx), axis=(0, 1)))
    moved = (np.roll(pooled(plain), (i, j), axis=(0, 1)) for i in range(cells) for j in range(cells))
    return any((after == m).all() for m in moved)


def _shifts(candidate, rng, shifts, pool, key, look):
    for dx, dy in shifts:
        trial = Trial(candidate, dx, dy, pool, tried=f"dx = {dx}, dy = {dy}, pool = {pool}")
        if type(trial.result) not in (bool, np.bool_):
            trial.fail("not-a-bool", look=_("what is returned: True or False is wanted"))
        if bool(trial.result) != moves_along(rng, dx, dy, pool):
            trial.fail(key, look=look)


@STILL_MATCHES.property("not-always", N_("a shift by one pixel on both axes breaks the match"))
def not_always(candidate, rng):
    _shifts(candidate, rng, [(1, 1)], int(rng.choice([5, 7])), "always", _("the explorer at dx = 1, dy = 1"))


@STILL_MATCHES.property("both-axes", N_("both axes must fit, each for itself"))
def both_axes(candidate, rng):
    pool = int(rng.choice([5, 7]))
    look = _("a shift that fits along one axis only")
    _shifts(candidate, rng, [(pool, 1), (1, pool), (0, 1), (3, 0)], pool, "one-axis-only", look)
    _shifts(
        candidate,
        rng,
        [(2, pool - 2)],
        pool,
        "sum",
        _("two misfits that add up to a whole window: do they cancel?"),
    )


@STILL_MATCHES.property("any-pool", N_("it depends on the size of the pooling window"))
def any_pool(candidate, rng):
    pool = int(rng.choice([5, 7]))
    _shifts(candidate, rng, [(2, 2), (4, 2)], pool, "size-hard-coded", _("the third argument: is it used?"))


@STILL_MATCHES.property("whole-windows", N_("whole windows in any number match, none included"))
def whole_windows(candidate, rng):
    pool = int(rng.choice([2, 3, 5]))
    _shifts(
        candidate,
        rng,
        [(0, 0), (pool, pool), (pool, 0)],
        pool,
        "missed",
        _("a shift by exactly one window, or by nothing"),
    )
    look = _("a shift by two or three windows")
    _shifts(candidate, rng, [(2 * pool, pool), (pool, 3 * pool)], pool, "larger-multiples", look)


@STILL_MATCHES.property("backwards", N_("shifts to the left and upwards count as well"))
def backwards(candidate, rng):
    pool = int(rng.choice([2, 3, 5]))
    _shifts(
        candidate,
        rng,
        [(-pool, pool), (-2 * pool, -pool)],
        pool,
        "negative",
        _("a shift by one window to the left"),
    )
