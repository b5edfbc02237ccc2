"""Chapter 2's exercises on layers: parameters of a convolution, max pooling, C3's table."""

import numpy as np

from ..lenet1998 import C3_CONNECTIONS
from ..wording import N_, _
from .chapter1 import laid_out
from .core import Contract, Exercise
from .trial import Trial, judge
from .values import WHOLE


def conv_parameters(n_in, n_out, k):
    weights = n_out * n_in * k * k
    biases = n_out
    return weights + biases


CONV_PARAMETERS = Exercise(
    "conv_parameters",
    solution=conv_parameters,
    hints=(
        N_("One output map first: how many numbers are in the kernel that makes it?"),
        N_("That kernel has a slice of k×k for every input map. How many biases does one output map have?"),
        N_("Each of the n_out maps has n_in·k·k weights and one bias."),
    ),
    contract=Contract(
        N_("whole numbers ≥ 1: maps that go in, maps that come out, the side k of a square kernel."),
        N_("the number of weights and biases, a whole number; 12.0 is as good as 12."),
    ),
)


_CONV_MISTAKES = (
    (
        "first-channel-only",
        lambda i, o, k: o * k * k + o,
        N_("the input maps: does a kernel look at one of them or at all of them?"),
    ),
    (
        "bias-per-channel",
        lambda i, o, k: o * i * k * k + o * i,
        N_("the biases: the responses are added up first, then one bias is added"),
    ),
    (
        "bias-per-weight",
        lambda i, o, k: 2 * o * i * k * k,
        N_("the biases: one for each output map and no other"),
    ),
    ("no-bias", lambda i, o, k: o * i * k * k, N_("the biases: every output map has one")),
    (
        "bias-per-input",
        lambda i, o, k: o * i * k * k + i,
        N_("the biases: one for each output map, not for each input map"),
    ),
    (
        "one-bias",
        lambda i, o, k: o * i * k * k + 1,
        N_("the biases: one for each output map, not one for all"),
    ),
    ("k-not-squared", lambda i, o, k: o * i * k + o, N_("a k×k slice: how many weights?")),
    ("one-map", lambda i, o, k: i * k * k + 1, N_("the output maps: each has a kernel of its own")),
)


def _sizes(rng):
    return tuple(int(n) for n in rng.integers(2, (40, 40, 9)))


def _conv_cases(candidate, rng, cases):
    look = _("two input maps, three output maps and 2×2 kernels: write all the numbers down and count them")
    names = ("n_in", "n_out", "k")
    judge(
        candidate,
        cases,
        conv_parameters,
        _CONV_MISTAKES,
        kind=WHOLE,
        names=names,
        more=lambda: _sizes(rng),
        look=look,
    )


@CONV_PARAMETERS.property("conv2", N_("LeNet's conv2 (6 maps in, 16 out, 5×5) has 2,416"))
def conv2(candidate, rng):
    _conv_cases(candidate, rng, [(6, 16, 5)])


@CONV_PARAMETERS.property("any-sizes", N_("it is right for any numbers of maps and any kernel"))
def any_sizes(candidate, rng):
    drawn = [_sizes(rng) for _unused in range(6)]
    _conv_cases(candidate, rng, [*drawn, (1, 6, 5), (16, 1, 4), (3, 7, 1), (7, 3, 2), (5, 5, 3), (4, 9, 7)])


def max_pool(maps, size=2):
    n, channels, height, width = maps.shape
    rows, columns = height // size, width // size
    result = maps.new_zeros(n, channels, rows, columns)
    for row in range(rows):
        for column in range(columns):
            window = maps[:, :, row * size : (row + 1) * size, column * size : (column + 1) * size]
            result[:, :, row, column] = window.amax(dim=(2, 3))
    return result


MAX_POOL = Exercise(
    "max_pool",
    solution=max_pool,
    hints=(
        N_(
            "How many whole windows of the given size stand side by side along one axis? An edge that is left"
            " over is dropped."
        ),
        N_(
            "Loop over the places of the result. The window of place (row, column) begins at row·size and"
            " column·size."
        ),
        N_(
            "Cut the window out of all images and maps at once, maps[:, :, top:bottom, left:right], and take"
            " the largest value over its last two axes only: .amax(dim=(2, 3))."
        ),
    ),
    contract=Contract(
        N_(
            "maps: a float tensor (n, channels, height, width) of any sizes, signs and memory layout, at"
            " least one window large. size: a whole number ≥ 1, the window's side and stride; it may be left"
            " out: 2."
        ),
        N_(
            "a tensor or array (n, channels, height // size, width // size) with the largest value of each"
            " window; rows and columns too few for a whole window at the end are dropped."
        ),
    ),
)


def _blocks(x, size, summarise):
    """`x` (n, c, h, w) cut into size×size windows set `size` apart, each summarised over its last axis."""
    n, c, h, w = x.shape
    x = x[:, :, : h // size * size, : w // size * size]
    x = x.reshape(n, c, h // size, size, w // size, size).swapaxes(3, 4)
    return summarise(x.reshape(n, c, h // size, w // size, size * size))


def _pooled(x, size=2):
    return _blocks(x.numpy(), size, lambda block: block.max(-1))


_TAKEN = N_("what is taken from each window: its largest value")
_POOL_MISTAKES = (
    (
        "stride-one",
        lambda x, size=2: np.lib.stride_tricks.sliding_window_view(x.numpy(), (size, size), axis=(2, 3)).max(
            axis=(4, 5)
        ),
        N_("how far the window moves: by its own size, not by one"),
    ),
    ("averaged", lambda x, size=2: _blocks(x.numpy(), size, lambda b: b.mean(-1)), _TAKEN),
    ("minimum", lambda x, size=2: _blocks(x.numpy(), size, lambda b: b.min(-1)), _TAKEN),
    (
        "largest-magnitude",
        lambda x, size=2: _blocks(
            x.numpy(), size, lambda b: np.take_along_axis(b, np.abs(b).argmax(-1)[..., None], -1)[..., 0]
        ),
        N_("negative values: −3 is not larger than 2"),
    ),
    (
        "zero-in-window",
        lambda x, size=2: np.maximum(_pooled(x, size), 0),
        N_("windows of negative values only: where would a zero come from?"),
    ),
    (
        "subsampled",
        lambda x, size=2: _blocks(x.numpy(), size, lambda b: b[..., 0]),
        N_("the other values of the window"),
    ),
    (
        "over-channels",
        lambda x, size=2: _pooled(x, size).max(1, keepdims=True) + np.zeros_like(_pooled(x, size)),
        N_("the maps: each is pooled on its own"),
    ),
)


def _pools(candidate, rng, cases, look):
    def more():
        size = int(rng.integers(1, 5))
        return _maps(rng, 2, 3, size * int(rng.integers(1, 5)), size * int(rng.integers(1, 5))), size

    judge(candidate, cases, _pooled, _POOL_MISTAKES, names=("maps", "size"), more=more, look=look)


def _maps(rng, *shape):
    """Random maps of either sign, every second one negative throughout."""
    x = laid_out(rng, shape)
    x[:, ::2] = -x[:, ::2].abs() - 0.5
    return x


@MAX_POOL.property(
    "shape", N_("a window that moves by its own size gives height // size rows and width // size columns")
)
def pool_shape(candidate, rng):
    size = int(rng.integers(3, 5))  # not 2, the default: the argument must be used
    n, c, h, w = 2, 3, size * int(rng.integers(3, 5)), size * int(rng.integers(5, 7))
    trial = Trial(candidate, laid_out(rng, (n, c, h, w)), size)
    moved = _("how far the window moves: by its own size, not by one")
    alone = _("the maps: each is pooled on its own")
    mistakes = [
        ("stride-one", (n, c, h - size + 1, w - size + 1), moved),
        ("over-channels", (n, 1, h // size, w // size), alone),
        ("over-channels", (n, h // size, w // size), alone),
        ("over-images", (1, c, h // size, w // size), _("the images: each is pooled on its own")),
        ("size-ignored", (n, c, h // 2, w // 2), _("the second argument: is it used?")),
        ("swapped", (n, c, w // size, h // size), _("rows and columns: which comes first in the shape?")),
    ]
    look = _("the shape of the result: images and maps as they were, height and width divided by the size")
    trial.judge_shape(trial.array().shape, (n, c, h // size, w // size), mistakes, look=look)


@MAX_POOL.property("values", N_("each number is the largest of its window, negative ones included"))
def pool_values(candidate, rng):
    cases = [(_maps(rng, 2, 3, 6, 8), 2), (_maps(rng, 3, 2, 12, 6), 3), (_maps(rng, 2, 4, 8, 12), 4)]
    cases += [
        (_maps(rng, 1, 1, 4, 6),),
        (_maps(rng, 2, 2, 10, 5), 5),
        (_maps(rng, 3, 1, 4, 5), 1),
        (_maps(rng, 7, 2, 6, 12), 6),
    ]
    _pools(candidate, rng, cases, _("the window of the number named: which of its values is the largest?"))


@MAX_POOL.property("left-over", N_("an edge too narrow for a window is dropped"))
def pool_left_over(candidate, rng):
    cases = []
    for h, w, size in ((7, 9, 2), (8, 10, 3), (11, 4, 4), (4, 5, 2), (6, 7, 2), (7, 6, 2), (9, 14, 5)):
        x = _maps(rng, 2, 3, h, w)
        x[:, :, h // size * size :], x[:, :, :, w // size * size :] = 50.0, 50.0  # where nothing should look
        cases.append((x, size))
    _pools(candidate, rng, cases, _("the last rows and columns: is there a whole window left for them?"))


def c3_parameters(connections, k=5):
    kernels = sum(len(inputs) for inputs in connections)
    return kernels * k * k + len(connections)


C3_PARAMETERS = Exercise(
    "c3_parameters",
    solution=c3_parameters,
    hints=(
        N_("connections[m] lists the input maps that output map m reads. How many kernels does map m have?"),
        N_("Add up the lengths of all rows: that many kernels of k×k weights. What is still missing?"),
        N_("One bias for each output map, so len(connections) of them. The paper's table: 60·25 + 16."),
    ),
    contract=Contract(
        N_(
            "connections: a list with a tuple for each output map, which names the input maps that it reads,"
            " each once. k: the side of a square kernel; it may be left out: 5."
        ),
        N_("the number of weights and biases, a whole number; 12.0 is as good as 12."),
    ),
)


def _table(rng, inputs):
    """A random table whose rows differ in length: a list of tuples of input maps."""
    lengths = rng.permutation([1, 2, inputs, *rng.integers(1, inputs + 1, int(rng.integers(3, 9)))])
    return [tuple(rng.choice(inputs, n, replace=False).tolist()) for n in lengths.tolist()]


def _counted(formula):
    """A mistake's formula of: kernels in all, output maps, input maps, k."""
    return lambda table, k=5: formula(sum(map(len, table)), len(table), 1 + max(map(max, table)), k)


_TABLE_MISTAKES = (
    (
        "dense",
        _counted(lambda n, rows, inputs, k: rows * inputs * k * k + rows),
        N_("the table: not every map reads all"),
    ),
    (
        "dense",
        _counted(lambda n, rows, inputs, k: rows * 6 * k * k + rows),
        N_("the table: not every map reads all"),
    ),
    (
        "weights-shared",
        _counted(lambda n, rows, inputs, k: 6 * k * k + rows),
        N_("two maps that read the same input: do they share a kernel?"),
    ),
    ("no-bias", _counted(lambda n, rows, inputs, k: n * k * k), N_("the biases: every output map has one")),
    (
        "bias-per-kernel",
        _counted(lambda n, rows, inputs, k: n * (k * k + 1)),
        N_("the biases: one for each output map, not one for each kernel"),
    ),
    (
        "one-bias",
        _counted(lambda n, rows, inputs, k: n * k * k + 1),
        N_("the biases: one for each output map"),
    ),
    (
        "first-row",
        lambda table, k=5: len(table) * (len(table[0]) * k * k + 1),
        N_("the rows: are they all as long as the first?"),
    ),
    (
        "one-kernel-a-map",
        _counted(lambda n, rows, inputs, k: rows * (k * k + 1)),
        N_("the inputs of a map: each has a kernel of its own"),
    ),
    ("k-ignored", _counted(lambda n, rows, inputs, k: n * 25 + rows), N_("the second argument: is it used?")),
    (
        "weights-shared",
        _counted(lambda n, rows, inputs, k: inputs * k * k + rows),
        N_("two maps that read the same input: do they share a kernel?"),
    ),
)


def _tables(candidate, rng, cases):
    def more():
        return _table(rng, int(rng.integers(3, 9))), int(rng.integers(1, 8))

    look = _("a table of two rows, (0, 1) and (2,), with 2×2 kernels: write all the numbers down")
    names = ("connections", "k")
    judge(candidate, cases, c3_parameters, _TABLE_MISTAKES, kind=WHOLE, names=names, more=more, look=look)


@C3_PARAMETERS.property("the-paper", N_("the paper's table gives 1,516"))
def the_paper(candidate, rng):
    _tables(candidate, rng, [(list(C3_CONNECTIONS), 5), (list(C3_CONNECTIONS),)])


@C3_PARAMETERS.property("any-table", N_("any table and any kernel size are counted right"))
def any_table(candidate, rng):
    drawn = [(_table(rng, int(rng.integers(3, 9))), int(k)) for k in rng.permutation([1, 2, 3, 4, 6, 7])]
    _tables(candidate, rng, [*drawn, ([(1,)], 3), (_table(rng, 4),)])
