"""Chapter 2's exercises on layers: parameters of a convolution, max pooling, C3's table."""

import numpy as np
import torch

from ..wording import N_, _
from .core import Exercise
from .mistakes import count
from .trial import Trial, agree


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
)


def _conv_case(candidate, n_in, n_out, k):
    mistakes = [
        (
            "first-channel-only",
            n_out * k * k + n_out,
            _("the input maps: does a kernel look at one of them or at all?"),
        ),
        (
            "bias-per-channel",
            n_out * n_in * k * k + n_out * n_in,
            _("the biases: the responses are added up first, then one bias is added"),
        ),
        (
            "bias-per-weight",
            n_out * n_in * (k * k + 1) * 1 + n_out,
            _("the biases: one for each output map and no other"),
        ),
        ("no-bias", n_out * n_in * k * k, _("the biases")),
        (
            "bias-per-input",
            n_out * n_in * k * k + n_in,
            _("the biases: one for each output map, not for each input map"),
        ),
        ("one-bias", n_out * n_in * k * k + 1, _("the biases: one for each output map, not one for all")),
        ("k-not-squared", n_out * n_in * k + n_out, _("a k×k slice: how many weights?")),
        ("one-map", n_in * k * k + 1, _("the output maps: each has a kernel of its own")),
    ]
    count(
        candidate,
        (n_in, n_out, k),
        ("n_in", "n_out", "k"),
        n_out * n_in * k * k + n_out,
        mistakes,
        _("one input map, one output map and a 1×1 kernel: two numbers in all"),
    )


@CONV_PARAMETERS.property("conv2", N_("LeNet's conv2 (6 maps in, 16 out, 5×5) has 2,416"))
def conv2(candidate, rng):
    _conv_case(candidate, 6, 16, 5)


@CONV_PARAMETERS.property("any-sizes", N_("it is right for any numbers of maps and any kernel"))
def any_sizes(candidate, rng):
    n_in, n_out = (int(n) for n in rng.choice(np.arange(3, 40), 2, replace=False))
    _conv_case(candidate, n_in, n_out, int(rng.integers(3, 8)))


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
)


def _blocks(x, size, summarise):
    """`x` (n, c, h, w) cut into size×size windows set `size` apart, each summarised over its last axis."""
    n, c, h, w = x.shape
    x = x[:, :, : h // size * size, : w // size * size]
    x = x.reshape(n, c, h // size, size, w // size, size).swapaxes(3, 4)
    return summarise(x.reshape(n, c, h // size, w // size, size * size))


def _pool_mistakes(x, size):
    """(key, what comes out, where to look) for the usual wrong poolings of a numpy array."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
    right = _blocks(x, size, lambda b: b.max(-1))
    return right, [
        ("stride-one", windows.max(axis=(4, 5)), _("how far the window moves: by its own size, not by one")),
        (
            "averaged",
            _blocks(x, size, lambda b: b.mean(-1)),
            _("what is taken from each window: its largest value"),
        ),
        (
            "minimum",
            _blocks(x, size, lambda b: b.min(-1)),
            _("what is taken from each window: its largest value"),
        ),
        (
            "largest-magnitude",
            _blocks(x, size, lambda b: np.take_along_axis(b, np.abs(b).argmax(-1)[..., None], -1)[..., 0]),
            _("negative values: −3 is not larger than 2"),
        ),
        (
            "zero-in-window",
            np.maximum(right, 0),
            _("windows of negative values only: where would a zero come from?"),
        ),
        (
            "subsampled",
            x[:, :, ::size, ::size][:, :, : right.shape[2], : right.shape[3]],
            _("the other values of the window"),
        ),
        (
            "over-channels",
            np.broadcast_to(right.max(1, keepdims=True), right.shape),
            _("the maps: each is pooled on its own"),
        ),
    ]


@MAX_POOL.property(
    "shape", N_("a window that moves by its own size gives height // size rows and width // size columns")
)
def pool_shape(candidate, rng):
    size = int(rng.integers(3, 5))  # not 2, the default: the argument must be used
    x = rng.normal(size=(2, 3, size * int(rng.integers(3, 5)), size * int(rng.integers(5, 7))))
    look = _("the shape of the result: images and maps as they were, height and width divided by the size")
    trial = Trial(candidate, torch.from_numpy(x), size, on_error=("shape", look))
    got, (n, c, h, w) = trial.array(), x.shape
    if got.shape == (n, c, h - size + 1, w - size + 1):
        trial.fail("stride-one", look=_("how far the window moves: by its own size, not by one"))
    if got.shape in {(n, 1, h // size, w // size), (n, h // size, w // size)}:
        trial.fail("over-channels", look=_("the maps: each is pooled on its own"))
    if got.shape == (n, c, h // 2, w // 2):
        trial.fail("size-ignored", look=_("the second argument: is it used?"))
    if got.shape != (n, c, h // size, w // size):
        trial.fail("shape", look=look)


@MAX_POOL.property("values", N_("each number is the largest of its window, negative ones included"))
def pool_values(candidate, rng):
    x = rng.normal(size=(2, 3, 6, 8))
    x[:, 0] = -np.abs(x[:, 0]) - 0.5  # a map of negative values only
    right, mistakes = _pool_mistakes(x, 2)
    trial = Trial(candidate, torch.from_numpy(x), 2)
    got = trial.array()
    if agree(got, right, 1e-6):
        return
    for key, wrong, look in mistakes:
        if agree(got, np.ascontiguousarray(wrong), 1e-6):
            trial.fail(key, look=look)
    trial.fail("values", look=_("a 2×2 map: the result is one number, the largest of the four"))


@MAX_POOL.property("left-over", N_("an edge too narrow for a window is dropped"))
def pool_left_over(candidate, rng):
    x = rng.normal(size=(1, 2, 7, 9))
    x[:, :, -1], x[:, :, :, -1] = 50.0, 50.0  # the edge, where nothing should look
    look = _("the last row and column of a 7×9 map: is there a whole window left for them?")
    trial = Trial(candidate, torch.from_numpy(x), 2, on_error=("left-over", look))
    if not agree(trial.array(), _pool_mistakes(x, 2)[0], 1e-6):
        trial.fail("left-over", look=look)


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
)


def _table(rng):
    """A random table whose rows differ in length: a list of tuples over six input maps."""
    lengths = rng.permutation([1, 2, 3, 4, 5, 6, 2, 3, 4][: int(rng.integers(7, 10))])
    return [tuple(sorted(rng.choice(6, n, replace=False).tolist())) for n in lengths.tolist()]


def _table_case(candidate, table, k):
    kernels, rows = sum(map(len, table)), len(table)
    mistakes = [
        ("dense", rows * 6 * k * k + rows, _("the table: not every map reads all six")),
        ("no-bias", kernels * k * k, _("the biases")),
        (
            "bias-per-kernel",
            kernels * (k * k + 1),
            _("the biases: one for each output map, not one for each kernel"),
        ),
        ("one-bias", kernels * k * k + 1, _("the biases: one for each output map")),
        ("first-row", rows * (len(table[0]) * k * k + 1), _("the rows: are they all as long as the first?")),
        ("one-kernel-a-map", rows * (k * k + 1), _("the inputs of a map: each has a kernel of its own")),
        ("k-ignored", kernels * 25 + rows, _("the second argument: is it used?")),
        ("weights-shared", 6 * k * k + rows, _("two maps that read the same input: do they share a kernel?")),
    ]
    count(
        candidate,
        (table, k),
        ("connections", "k"),
        kernels * k * k + rows,
        mistakes,
        _("a table of one row with one input: 26"),
    )


@C3_PARAMETERS.property("the-paper", N_("the paper's table gives 1,516"))
def the_paper(candidate, rng):
    from ..lenet1998 import C3_CONNECTIONS

    _table_case(candidate, list(C3_CONNECTIONS), 5)


@C3_PARAMETERS.property("any-table", N_("any table and any kernel size are counted right"))
def any_table(candidate, rng):
    _table_case(candidate, _table(rng), int(rng.choice([3, 7])))
