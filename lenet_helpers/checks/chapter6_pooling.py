"""The appendix's exercise on pooling: its backward pass, ties included.

max_pool_backward(grad, maps, size=2)  -> the gradient for `maps`, in their shape
    maps (n, c, height, width), grad (n, c, height // size, width // size), both numpy float64 and
    unchanged afterwards; of several equal largest numbers of a window, the first, row by row, gets all
"""

import numpy as np
import torch.nn.functional as F

from .. import from_nothing
from ..wording import N_, _
from .chapter6 import by_torch, judge
from .core import Exercise
from .trial import Trial, agree

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
)


def _pool(candidate, maps, grad, size, **on_error):
    trial = Trial(candidate, grad, maps, size, **on_error)
    got = trial.array()
    if got.shape != maps.shape:
        trial.fail("shape", look=_("the shape of the result: that of `maps`, which it belongs to"))
    return trial, got, by_torch(lambda x: F.max_pool2d(x, size), grad, maps)[0]


def _repeat(pooled, size):
    return pooled.repeat(size, axis=2).repeat(size, axis=3)


@MAX_POOL_BACKWARD.property("winner", N_("the largest number of each window gets all, the others nothing"))
def pool_winner(candidate, rng):
    size = int(rng.integers(3, 5))  # not 2, the default: the argument must be used
    maps = rng.normal(size=(2, 3, 2 * size, 3 * size)) - 1
    grad = rng.normal(size=(2, 3, 2, 3))
    fits = ("size-ignored", _("the third argument: is it used?"))
    trial, got, right = _pool(candidate, maps, grad, size, on_error=fits)
    lowest = by_torch(lambda x: -F.max_pool2d(-x, size), grad, maps)[0]
    everywhere = _repeat(grad, size)
    mistakes = [
        ("everywhere", everywhere, _("which place of a window had a part in the output: only its largest")),
        ("averaged", everywhere / size**2, _("which pooling this is: the maximum is no average")),
        ("grad-ignored", (right != 0).astype(float), _("`grad`: what is sent back is its numbers, not ones")),
        ("lowest", lowest, _("which number of a window came out: its largest")),
        ("times-maps", right * maps, _("what is sent back: `grad` as it is, not times the number")),
    ]
    judge(trial, got, right, mistakes, _("one window: all of the result is 0 but one number"))


@MAX_POOL_BACKWARD.property("ties", N_("of several equal largest numbers, the first gets all"))
def pool_ties(candidate, rng):
    maps = rng.integers(0, 2, (2, 3, 6, 8)).astype(float)  # zeros and ones: ties in most windows
    maps[0, 0] = 0.0  # nothing but ties, as over a digit's background
    grad = rng.normal(size=(2, 3, 3, 4))
    trial, got, right = _pool(candidate, maps, grad, 2)
    pooled = maps.reshape(2, 3, 3, 2, 4, 2).max(axis=(3, 5))
    equal = (maps == _repeat(pooled, 2)) * 1.0
    counts = equal.reshape(2, 3, 3, 2, 4, 2).sum(axis=(3, 5))
    turned = np.ascontiguousarray(maps[:, :, ::-1, ::-1])
    last = by_torch(lambda x: F.max_pool2d(x, 2), np.ascontiguousarray(grad[:, :, ::-1, ::-1]), turned)[0]
    mistakes = [
        (
            "every-tie",
            equal * _repeat(grad, 2),
            _("windows with equal numbers: more goes back than came in, once for every one of them"),
        ),
        (
            "shared",
            equal * _repeat(grad / counts, 2),
            _("windows with equal numbers: here the first of them gets all, as in torch"),
        ),
        ("last", last[:, :, ::-1, ::-1], _("which of several equal numbers gets it: here the first")),
        ("zeros-left-out", right * (maps != 0), _("windows of zeros only: they have a largest number too")),
    ]
    judge(trial, got, right, mistakes, _("a window of four equal numbers: how many places get something?"))


@MAX_POOL_BACKWARD.property("left-over", N_("an edge too narrow for a window gets 0"))
def pool_left_over(candidate, rng):
    maps, grad = rng.normal(size=(2, 2, 7, 5)), rng.normal(size=(2, 2, 3, 2))
    maps[:, :, -1], maps[:, :, :, -1] = 50.0, 50.0  # where nothing should look
    look = _("the last row and column of a 7×5 map: no window of 2×2 reads them")
    trial, got, right = _pool(candidate, maps, grad, 2, on_error=("left-over", look))
    if not agree(got[:, :, -1], right[:, :, -1]) or not agree(got[:, :, :, -1], right[:, :, :, -1]):
        trial.fail("left-over", look=look)
    judge(trial, got, right, [], _("the windows beside the edge: they are where they were"))
