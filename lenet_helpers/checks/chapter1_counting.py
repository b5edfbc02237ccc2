"""Chapter 1, second half: size arithmetic, fair counts, and shifts that survive pooling."""

import numpy as np

from ..wording import N_, _
from .core import Contract, Exercise
from .trial import judge
from .values import TRUTH, WHOLE, part, sequence


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
    contract=Contract(
        N_(
            "whole numbers, by position: pixels n, kernel k, padding p at each end, stride s, dilation d."
            " p, s and d may be left out: 0, 1 and 1. The kernel always fits at least once."
        ),
        N_("the number of places of the kernel, a whole number; 12.0 is as good as 12."),
    ),
)


_NAMES = ("n", "k", "p", "s", "d")


def _formula(key, formula, look):
    """A known mistake as `judge` wants it: `formula(n, k, p, s, d)`, with the defaults filled in."""
    return key, lambda n, k, p=0, s=1, d=1: formula(n, k, p, s, d), look


_SIZE_MISTAKES = tuple(
    _formula(*mistake)
    for mistake in (
        (
            "missing-one",
            lambda n, k, p, s, d: output_size(n, k, p, s, d) - 1,
            N_("a kernel exactly as wide as the row: in how many places can it stand?"),
        ),
        (
            "padding-once",
            lambda n, k, p, s, d: (n + p - d * (k - 1) - 1) // s + 1,
            N_("the ends of the row: how many of them are padded?"),
        ),
        (
            "padding-ignored",
            lambda n, k, p, s, d: output_size(n, k, 0, s, d),
            N_("the third argument: is it used?"),
        ),
        (
            "ceil",
            lambda n, k, p, s, d: -(-(n + 2 * p - d * (k - 1) - 1) // s) + 1,
            N_("the last step: may the kernel hang over the end?"),
        ),
        (
            "one-inside",
            lambda n, k, p, s, d: (n + 2 * p - d * (k - 1)) // s,
            N_("where the 1 stands: inside the division or after it?"),
        ),
        (
            "stride-ignored",
            lambda n, k, p, s, d: output_size(n, k, p, 1, d),
            N_("the fourth argument: is it used?"),
        ),
        (
            "rounded",
            lambda n, k, p, s, d: round((n + 2 * p - d * (k - 1) - 1) / s) + 1,
            N_("the rounding: half a step is not a step"),
        ),
        (
            "dilation-ignored",
            lambda n, k, p, s, d: output_size(n, k, p, s, 1),
            N_("the fifth argument: is it used?"),
        ),
        (
            "dilation-times",
            lambda n, k, p, s, d: output_size(n, k * d, p, s, 1),
            N_("the reach of 3 weights with a gap of one between them"),
        ),
        (
            "dilation-off-by-one",
            lambda n, k, p, s, d: output_size(n, d * (k - 1), p, s, 1),
            N_("the reach: does it count both end weights?"),
        ),
    )
) + (
    (
        "order",
        lambda n, k, s=1, p=0, d=1: output_size(n, k, p, max(1, s), d),
        N_("the order of the arguments: n, k, p, s, d"),
    ),
)


def _sizes(candidate, rng, cases, look):
    dilated = any(len(case) == 5 and case[4] > 1 for case in cases)  # else those mistakes look like others
    mistakes = [m for m in _SIZE_MISTAKES if dilated or not m[0].startswith("dilation")]
    used = min(map(len, cases))

    def more():
        return _draw(rng, 2, used)[1]

    judge(candidate, cases, output_size, mistakes, kind=WHOLE, names=_NAMES, more=more, look=look)


def _draw(rng, n, used, left_over=None):
    """n cases (n, k, p, s, d) with the first `used` arguments given; `left_over` pixels after the last step
    (negative: so many too few for another), by default any number; among them a kernel that fits just once.
    """
    cases = []
    while len(cases) < n:
        k, p, s, d = (int(rng.integers(*limits)) for limits in ((1, 9), (1, 6), (2, 7), (2, 5)))
        given = [k, p, s, d][: used - 1]
        p, s, d = (given + [0, 1, 1][used - 2 :])[1:]
        rest = int(rng.integers(s)) if left_over is None else left_over % s
        steps = int(rng.integers(2, 20)) if cases else 0
        row = d * (k - 1) + 1 + s * steps + rest
        if row - 2 * p > 0:
            cases.append((row - 2 * p, *given))
    return cases


@OUTPUT_SIZE.property("plain", N_("without padding, stride and dilation, all places are counted"))
def plain_sizes(candidate, rng):
    cases = [*_draw(rng, 8, 2), (7, 7), (9, 1), (10, 4)]
    _sizes(candidate, rng, cases, _("5 pixels and a kernel of 3, counted on your fingers"))


@OUTPUT_SIZE.property("padding", N_("padding is added at both ends"))
def padding(candidate, rng):
    cases = [*_draw(rng, 8, 3), (6, 3, 4), (9, 4, 1)]
    _sizes(candidate, rng, cases, _("5 pixels, padding 1: how long is the row now?"))


@OUTPUT_SIZE.property(
    "stride", N_("a last step that does not fit is not taken, and the first place is counted")
)
def stride(candidate, rng):
    cases = [
        *_draw(rng, 6, 4, left_over=1),
        *_draw(rng, 4, 4, left_over=0),
        *_draw(rng, 6, 4),
        (11, 3, 1, 2),
        (20, 4, 7, 8),
    ]
    _sizes(candidate, rng, cases, _("7 pixels, a kernel of 3, stride 3: draw the places"))


@OUTPUT_SIZE.property("rounding", N_("rounding always goes down"))
def rounding(candidate, rng):
    cases = [*_draw(rng, 8, 4, left_over=-1), (9, 2, 1, 4), (8, 2, 1, 6), (10, 3, 0, 2), (9, 1, 0, 1, 1)]
    _sizes(candidate, rng, cases, _("7 pixels, a kernel of 2, stride 3: draw the places"))


@OUTPUT_SIZE.property("dilation", N_("a dilated kernel reaches over d·(k − 1) + 1 pixels"))
def dilation(candidate, rng):
    cases = [
        *_draw(rng, 10, 5),
        (20, 3, 0, 1, 2),
        (22, 3, 0, 3, 2),
        (23, 4, 2, 2, 3),
        (40, 4, 6, 7, 6),
        (20, 3, 1, 2, 4),
    ]
    _sizes(candidate, rng, cases, _("a kernel of 3 with d = 2: mark the pixels it touches"))


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
    contract=Contract(
        N_(
            "whole numbers: an image of n×n pixels and one channel, kernels of k×k, k ≤ n, and how many maps"
            " they make, with stride 1 and no padding."
        ),
        N_(
            "four whole numbers (tuple, list or array): parameters of the dense layer and of the convolution"
            " that make the same outputs, biases included; then the multiplications of each for one image."
        ),
    ),
)


_FOUR = sequence(
    4,
    "four-numbers",
    N_("what is returned: four whole numbers, dense and convolution, parameters first"),
    each=WHOLE.convert,
)


def _counts(candidate, rng, i, mistakes, look):
    """Judge number `i` of the four; mistakes: (key, formula of n, k, maps and the side of a map, look)."""

    def drawn():
        return int(rng.integers(9, 30)), int(rng.integers(1, 9)), int(rng.integers(2, 12))

    cases = [drawn() for _unused in range(6)] + [(8, 8, 3), (7, 2, 1), (12, 5, 4)]

    def on_maps(formula):
        return lambda n, k, maps: formula(n, k, maps, n - k + 1)

    judge(
        candidate,
        cases,
        lambda *case: fair_count(*case)[i],
        [(key, on_maps(formula), hint) for key, formula, hint in mistakes],
        kind=part(_FOUR, i),
        names=("n", "k", "maps"),
        more=drawn,
        look=look,
    )


@FAIR_COUNT.property(
    "dense-parameters", N_("the dense layer makes as many outputs as the convolution, each with its bias")
)
def dense_parameters(candidate, rng):
    unequal = _("how many numbers each layer produces: is it the same?")
    size = _("the size of one map: how many places does the kernel have?")
    mistakes = [
        ("unequal-outputs", lambda n, k, m, side: n * n * m, unequal),
        ("unequal-outputs", lambda n, k, m, side: (n * n + 1) * m, unequal),
        (
            "biases-forgotten",
            lambda n, k, m, side: n * n * m * side**2,
            _("the biases: a dense layer has one for each output"),
        ),
        ("output-size", lambda n, k, m, side: (n * n + 1) * m * n * n, size),
        ("output-size", lambda n, k, m, side: (n * n + 1) * m * (n - k) ** 2, size),
    ]
    _counts(candidate, rng, 0, mistakes, _("one dense output: how many weights reach it?"))


@FAIR_COUNT.property("conv-parameters", N_("the convolution has one kernel and one bias for each map"))
def conv_parameters(candidate, rng):
    shared = _("what is shared: does a map have a new bias, or a new kernel, at each place?")
    mistakes = [
        (
            "biases-forgotten",
            lambda n, k, m, side: k * k * m,
            _("the biases: a convolution has one for each map"),
        ),
        ("one-bias", lambda n, k, m, side: k * k * m + 1, _("the biases: do all maps share one?")),
        ("not-shared", lambda n, k, m, side: k * k * m + m * side**2, shared),
        ("not-shared", lambda n, k, m, side: (k * k + 1) * m * side**2, shared),
    ]
    _counts(candidate, rng, 1, mistakes, _("one map: how many numbers does it learn?"))


@FAIR_COUNT.property(
    "multiplications", N_("every output costs its multiplications again, shared weights or not")
)
def multiplications(candidate, rng):
    often = _("how often one kernel weight is used in one image")
    biases = _("the biases: are they multiplied with anything?")
    look = _("one output of that layer: how many products are summed for it?")
    dense = [("bias-multiplied", lambda n, k, m, side: (n * n + 1) * m * side**2, biases)]
    convolution = [
        ("places-forgotten", lambda n, k, m, side: k * k * m, often),
        ("places-forgotten", lambda n, k, m, side: (k * k + 1) * m, often),
        ("bias-multiplied", lambda n, k, m, side: (k * k + 1) * m * side**2, biases),
    ]
    _counts(candidate, rng, 2, dense, look)
    _counts(candidate, rng, 3, convolution, look)


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
    contract=Contract(
        N_(
            "whole numbers: the shift dx and dy, which may be negative, 0 or larger than a window, and the"
            " side pool ≥ 1 of the windows and of their stride. The map's sides are multiples of pool."
        ),
        N_(
            "True if every map, rolled so and then pooled, is the pooled map rolled by whole cells; else"
            " False: a truth of Python, numpy or torch."
        ),
    ),
)


def moves_along(rng, dx, dy, pool):
    """By experiment: does a pooled random map only move when the map is rolled by (dx, dy)?

    Eight maps: of one, every window's maximum may happen to stay inside its window (one in fifty for a
    shift by one pixel under windows of seven).
    """
    cells = 5

    def pooled(a):
        return a.reshape(cells, pool, cells, pool).max(axis=(1, 3))

    def moves(plain):
        before, after = pooled(plain), pooled(np.roll(plain, (dy, dx), axis=(0, 1)))
        # Every way to roll it: the windows of its size into the map laid out twice each way.
        moved = np.lib.stride_tricks.sliding_window_view(np.tile(before, (2, 2)), before.shape)
        return (moved == after).all(axis=(2, 3)).any()

    return all(moves(rng.normal(size=(cells * pool, cells * pool))) for _map in range(8))


_SHIFT_MISTAKES = (
    (
        "always",
        lambda dx, dy, pool: True,
        N_("the explorer at dx = 1, dy = 1: the pooled map changes"),
    ),
    (
        "always",
        lambda dx, dy, pool: abs(dx) < pool and abs(dy) < pool,
        N_("small shifts: pooled maps change under them as well"),
    ),
    ("one-axis-only", lambda dx, dy, pool: dx % pool == 0, N_("a shift that fits along one axis only")),
    ("one-axis-only", lambda dx, dy, pool: dy % pool == 0, N_("a shift that fits along one axis only")),
    (
        "one-axis-only",
        lambda dx, dy, pool: dx % pool == 0 or dy % pool == 0,
        N_("a shift that fits along one axis only"),
    ),
    (
        "sum",
        lambda dx, dy, pool: (dx + dy) % pool == 0,
        N_("two misfits that add up to a whole window: do they cancel?"),
    ),
    (
        "size-hard-coded",
        lambda dx, dy, pool: dx % 2 == 0 and dy % 2 == 0,
        N_("the third argument: is it used?"),
    ),
    (
        "missed",
        lambda dx, dy, pool: dx == 0 and dy == 0,
        N_("a shift by exactly one window"),
    ),
    (
        "larger-multiples",
        lambda dx, dy, pool: dx in (0, pool) and dy in (0, pool),
        N_("a shift by two or three windows"),
    ),
    (
        "negative",
        lambda dx, dy, pool: dx % pool == dy % pool == 0 <= min(dx, dy),
        N_("a shift by one window to the left or upwards"),
    ),
)


def _shifts(candidate, rng, shifts, pools, look):
    """Judge on every (dx, dy) of `shifts(pool)` for every window size."""
    cases = [(dx, dy, pool) for pool in pools for dx, dy in shifts(pool)]

    def more():
        pool = int(rng.integers(2, 8))
        dx, dy = (int(pool * rng.integers(-3, 4) + rng.choice([0, 0, 1, pool - 1])) for _axis in "xy")
        return dx, dy, pool

    judge(
        candidate,
        cases,
        lambda *case: moves_along(rng, *case),
        _SHIFT_MISTAKES,
        kind=TRUTH,
        names=("dx", "dy", "pool"),
        more=more,
        look=look,
    )


def _some(rng, *pools):
    return [int(pool) for pool in rng.permutation(pools)]


@STILL_MATCHES.property("not-always", N_("a shift by one pixel on both axes breaks the match"))
def not_always(candidate, rng):
    look = _("the explorer at dx = 1, dy = 1")
    _shifts(
        candidate, rng, lambda p: [(1, 1), (p, p), (0, p), (p, p + 1), (2 * p, p)], _some(rng, 2, 5, 7), look
    )


@STILL_MATCHES.property("both-axes", N_("both axes must fit, each for itself"))
def both_axes(candidate, rng):
    def shifts(p):
        mixed = [(p, 1), (1, p), (0, 1), (3 % p or 1, 0), (1, 0), (p, 2 * p), (2 * p, p + 1)]
        return [*mixed, (2 % p or 1, p - (2 % p or 1)), (1, p - 1), (-1, 1), (p + 1, p - 1)]

    _shifts(candidate, rng, shifts, _some(rng, 2, 3, 5, 7), _("a shift that fits along one axis only"))


@STILL_MATCHES.property("any-pool", N_("it depends on the size of the pooling window"))
def any_pool(candidate, rng):
    def shifts(p):
        return [(dx, dy) for dx in (2, 3, 4, 6) for dy in (2, 4, 6)]

    _shifts(candidate, rng, shifts, _some(rng, 1, 2, 3, 4, 5, 6), _("the third argument: is it used?"))


@STILL_MATCHES.property("whole-windows", N_("whole windows in any number match, none included"))
def whole_windows(candidate, rng):
    def shifts(p):
        few = [(a * p, b * p) for a in range(4) for b in range(4)]
        return [*few, (p - 1, p), (p, 2 * p + 1), (5 * p, 0), (0, 6 * p)]

    _shifts(candidate, rng, shifts, _some(rng, 2, 3, 4, 5), _("a shift by so many windows on each axis"))


@STILL_MATCHES.property("backwards", N_("shifts to the left and upwards count as well"))
def backwards(candidate, rng):
    def shifts(p):
        some = [(-p, p), (-2 * p, -p), (p, -p), (0, -3 * p), (-1, 0), (-p, -1), (-p + 1, p), (-1, p)]
        return [*some, (p, p), (0, -p - 1), (2 * p, 3 * p)]

    _shifts(candidate, rng, shifts, _some(rng, 2, 3, 5), _("a shift by whole windows to the left or upwards"))
