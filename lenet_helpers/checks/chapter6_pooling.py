"""The appendix's exercise on pooling: its backward pass, ties included.

max_pool_backward(grad, maps, size=2)  -> the gradient for `maps`, in their shape
    maps (n, c, height, width), grad (n, c, height // size, width // size), both numpy float64 and
    unchanged afterwards; of several equal largest numbers of a window, the first, row by row, gets all
"""

import numpy as np
import torch
import torch.nn.functional as F

from .. import from_nothing
from ..wording import N_, _
from .chapter6 import by_torch
from .core import Contract, Exercise
from .trial import judge, plain
from .values import ARRAY, Kind

MAX_POOL_BACKWARD = Exercise(
    "max_pool_backward",
    solution=from_nothing.max_pool_backward,
    hints=(
        N_("Change a number of a window that is not its largest by a little. What happens to the output?"),
        N_(
            "So each window sends its part of `grad` to one place only. `argmax` finds it, and of equal ones"
            " it gives the first."
        ),
        N_(
            "Loop over images, maps, rows and columns: window = maps[n, c, row * size : (row + 1) * size,"
            " column * size : (column + 1) * size]; u, v = divmod(window.argmax(), size); there, and nowhere"
            " else, the result is grad[n, c, row, column]."
        ),
    ),
    contract=Contract(
        N_(
            "grad (n, c, height // size, width // size) and maps (n, c, height, width), numpy arrays of"
            " float64; size, a whole number, 2 if it is left out."
        ),
        N_(
            "the gradient for maps, an array or tensor in their shape. Of several equal largest numbers of"
            " a window the first, row by row, gets all; an edge too narrow for a window gets 0."
        ),
        may=N_(
            "loops, numpy, and torch's functions, but not its backward; your own function is called by"
            " position"
        ),
    ),
)


def _right(grad, maps, size=2):
    return by_torch(lambda x: F.max_pool2d(x, size), grad, maps)[0]


def _windows(rng, shapes, draw):
    """(grad, maps, size) for each (n, c, rows, columns, size, pixels left over below and to the right);
    without size, which is then 2, where that is None. `draw(shape)` makes the maps.
    """
    for n, c, rows, columns, size, below, beside in shapes:
        side = size or 2
        maps = draw((n, c, rows * side + below, columns * side + beside))
        yield (rng.normal(size=(n, c, rows, columns)), maps, size)[: 3 if size else 2]


def _spread(pooled, maps, size):
    """Each number of `pooled` at all places of its window, 0 on the edge that is left over."""
    big = pooled.repeat(size, axis=2).repeat(size, axis=3)
    result = np.zeros_like(maps)
    result[:, :, : big.shape[2], : big.shape[3]] = big
    return result


def _equal(maps, size):
    """1 where a number is the largest of its window, or as large, else 0; and how many each window has."""
    pooled = F.max_pool2d(torch.from_numpy(maps), size).numpy()
    hit = (maps == _spread(pooled, maps, size)) * (_spread(np.ones_like(pooled), maps, size) > 0) * 1.0
    return hit, F.avg_pool2d(torch.from_numpy(hit), size).numpy() * size**2


def _last(grad, maps, size=2):
    """The right answer, but the last of equal numbers gets it."""
    height, width = (side * size for side in grad.shape[2:])
    inner = np.ascontiguousarray(maps[:, :, :height, :width][:, :, ::-1, ::-1])
    result = np.zeros_like(maps)
    turned = _right(np.ascontiguousarray(grad[:, :, ::-1, ::-1]), inner, size)
    result[:, :, :height, :width] = turned[:, :, ::-1, ::-1]
    return result


def _by_two(grad, maps, size=2):
    """The right answer as if windows were 2×2, as far as `grad` goes."""
    rows, columns = grad.shape[2:]
    result = np.zeros_like(maps)
    result[:, :, : 2 * rows, : 2 * columns] = _right(grad, maps[:, :, : 2 * rows, : 2 * columns].copy(), 2)
    return result


def _largest(maps, size):
    return _spread(F.max_pool2d(torch.from_numpy(maps), size).numpy(), maps, size)


_POOL_MISTAKES = (
    ("size-ignored", _by_two, N_("the third argument: is it used?")),
    (
        "everywhere",
        lambda grad, maps, size=2: _spread(grad, maps, size),
        N_("which place of a window had a part in the output: only its largest"),
    ),
    (
        "averaged",
        lambda grad, maps, size=2: _spread(grad, maps, size) / size**2,
        N_("which pooling this is: the maximum is no average"),
    ),
    (
        "grad-ignored",
        lambda grad, maps, size=2: _right(np.ones_like(grad), maps, size),
        N_("`grad`: what is sent back is its numbers, not ones"),
    ),
    (
        "lowest",
        lambda grad, maps, size=2: _right(grad, -maps, size),
        N_("which number of a window came out: its largest"),
    ),
    (
        "times-maps",
        lambda grad, maps, size=2: _right(grad, maps, size) * maps,
        N_("what is sent back: `grad` as it is, not times the number"),
    ),
    (
        "every-tie",
        lambda grad, maps, size=2: _equal(maps, size)[0] * _spread(grad, maps, size),
        N_("windows with equal numbers: more goes back than came in, once for every one of them"),
    ),
    (
        "shared",
        lambda grad, maps, size=2: _equal(maps, size)[0] * _spread(grad / _equal(maps, size)[1], maps, size),
        N_("windows with equal numbers: here the first of them gets all, as in torch"),
    ),
    ("last", _last, N_("which of several equal numbers gets it: here the first")),
    (
        "zeros-left-out",
        lambda grad, maps, size=2: _right(grad, maps, size) * (_largest(maps, size) != 0),
        N_("windows of zeros only: they have a largest number too"),
    ),
)


def _pools(candidate, cases, look, on_error=None):
    judge(
        candidate,
        list(cases),
        _right,
        _POOL_MISTAKES,
        names=("grad", "maps", "size"),
        look=look,
        tolerance=1e-8,
        on_error=on_error,
    )


def _shape(value):
    array = plain(value)
    return None if array is None else list(array.shape)


@MAX_POOL_BACKWARD.property("shape", N_("the result has the shape of `maps`, which it belongs to"))
def pool_shape(candidate, rng):
    shapes = [(2, 3, 2, 4, 2, 0, 0), (1, 2, 3, 1, 2, 0, 0)]
    judge(
        candidate,
        list(_windows(rng, shapes, lambda shape: rng.normal(size=shape))),
        lambda grad, maps, size: list(maps.shape),
        kind=Kind(_shape, ARRAY.key, ARRAY.look),
        names=("grad", "maps", "size"),
        look=_("the shape of the result: that of `maps`, which it belongs to"),
    )


@MAX_POOL_BACKWARD.property("winner", N_("the largest number of each window gets all, the others nothing"))
def pool_winner(candidate, rng):
    shapes = [(2, 3, 2, 3, 3, 0, 0), (7, 1, 3, 2, 4, 0, 0), (1, 2, 1, 4, 6, 0, 0), (3, 6, 4, 1, 5, 0, 0)]
    cases = _windows(rng, shapes, lambda shape: rng.normal(size=shape) - 1)
    fits = ("size-ignored", _("the third argument: is it used?"))
    _pools(candidate, cases, _("one window: all of the result is 0 but one number"), fits)


@MAX_POOL_BACKWARD.property("two", N_("a window is 2×2 where its size is left out"))
def pool_two(candidate, rng):
    shapes = [(2, 3, 2, 3, None, 0, 0), (1, 2, 3, 6, None, 0, 0)]
    cases = _windows(rng, shapes, lambda shape: rng.normal(size=shape))
    _pools(candidate, cases, _("the call with two arguments"))


@MAX_POOL_BACKWARD.property("ties", N_("of several equal largest numbers, the first gets all"))
def pool_ties(candidate, rng):
    def draw(shape):
        maps = 1.5 * rng.integers(0, 2, shape)  # two values only: ties in most windows
        maps[0, 0] = 0.0  # nothing but ties, as over a digit's background
        return maps

    cases = _windows(rng, [(2, 3, 3, 4, 2, 0, 0), (1, 4, 2, 3, 3, 0, 0)], draw)
    _pools(candidate, cases, _("a window of four equal numbers: how many places get something?"))


@MAX_POOL_BACKWARD.property("left-over", N_("an edge too narrow for a window gets 0"))
def pool_left_over(candidate, rng):
    def draw(shape):
        maps = rng.normal(size=shape)
        maps[:, :, -1], maps[:, :, :, -1] = 50.0, 50.0  # where nothing should look
        return maps

    cases = _windows(rng, [(2, 2, 3, 2, 2, 1, 1), (1, 3, 2, 1, 3, 2, 1), (1, 1, 2, 2, 4, 1, 3)], draw)
    look = _("the last row and column of a 7×5 map: no window of 2×2 reads them")
    _pools(candidate, cases, look, ("left-over", look))
