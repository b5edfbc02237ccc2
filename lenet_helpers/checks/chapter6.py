"""The appendix's exercise on the convolution's backward pass. Pooling and the gradient check have their own.

convolve_backward(grad, maps, weight)  -> gradients for maps, weight and bias, each in the shape of that
    grad (n, m, rows, columns): the gradient of the loss for the convolution's output
    maps (n, c, height, width), weight (m, c, kh, kw); no padding, stride 1; all numpy, float64,
    unchanged afterwards
"""

import numpy as np
import torch
import torch.nn.functional as F

from .. import from_nothing
from ..wording import N_, _
from .core import Exercise
from .trial import Trial, agree, plain

CONVOLVE_BACKWARD = Exercise(
    "convolve_backward",
    solution=from_nothing.convolve_backward,
    hints=(
        N_(
            "Take one weight first. At every place and in every image it was multiplied with one pixel, and"
            " the product went into one output. Which sum follows?"
        ),
        N_(
            "Loop over the kernel's rows u and columns v. The weight (u, v) met the window maps[:, :, u : u +"
            " rows, v : v + columns]. Multiply it with `grad` for its own gradient; and what goes back to"
            " these same pixels is `grad` times that weight, added to what other weights send there."
        ),
        N_(
            "For each (u, v): for_weight[:, :, u, v] = np.einsum('nmij,ncij->mc', grad, window) and"
            " for_maps[:, :, u : u + rows, v : v + columns] += np.einsum('nmij,mc->ncij', grad, weight[:, :,"
            " u, v]). For the bias: the sum of `grad` over all axes but that of the maps."
        ),
    ),
)
PARTS = ("maps", "weight", "bias")


def by_torch(function, grad, *inputs):
    """Gradients for each input, as torch has them: nothing is shared with the solution."""
    tensors = [torch.from_numpy(x).requires_grad_() for x in inputs]
    return [g.numpy() for g in torch.autograd.grad(function(*tensors), tensors, torch.from_numpy(grad))]


def _layer(rng):
    """(grad, maps, weight, bias) of a convolution in which no two sizes are equal."""
    maps, weight = rng.normal(size=(2, 3, 7, 9)), rng.normal(size=(4, 3, 3, 2))
    return rng.normal(size=(2, 4, 5, 8)), maps, weight, rng.normal(size=4)


def _try_convolution(candidate, rng):
    """One call: (trial, the three arrays that came back, the three that are right, what went in)."""
    grad, maps, weight, bias = _layer(rng)
    trial = Trial(candidate, grad, maps, weight)
    result = trial.result
    if result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    got = [plain(part) for part in result] if type(result) in (tuple, list) and len(result) == 3 else [None]
    if any(part is None for part in got):
        trial.fail(
            "not-three", look=_("what is returned: three arrays, for the maps, the weight and the bias")
        )
    return trial, got, by_torch(F.conv2d, grad, maps, weight, bias), (grad, maps, weight)


def _shape_of(trial, got, right, part):
    if got.shape != right.shape:
        message = _("for the {part}: {got}; expected {right}")
        trial.fail(
            "shape",
            got=message.format(part=part, got=got.shape, right=right.shape),
            look=_("the shapes: a gradient has the shape of what it belongs to"),
        )


def judge(trial, got, right, mistakes, look):
    """Nothing where the two agree; else Failed, under the key of the mistake that gives the same numbers."""
    if agree(got, right, 1e-8):
        return
    for key, wrong, hint in mistakes:
        if agree(got, np.ascontiguousarray(wrong), 1e-8):
            trial.fail(key, look=hint)
    trial.fail("value", look=look)


@CONVOLVE_BACKWARD.property("shapes", N_("each gradient has the shape of what it belongs to"))
def conv_shapes(candidate, rng):
    trial, got, right, _inputs = _try_convolution(candidate, rng)
    for part, ours, theirs in zip(PARTS, got, right):
        _shape_of(trial, ours, theirs, part)


@CONVOLVE_BACKWARD.property("by-bias", N_("a bias collects from every place of its map, in every image"))
def conv_by_bias(candidate, rng):
    trial, got, right, (grad, _maps, _weight) = _try_convolution(candidate, rng)
    _shape_of(trial, got[2], right[2], "bias")
    sums = grad.sum(axis=(2, 3))
    mistakes = [
        ("averaged", part, _("sum or mean: `grad` holds what the loss made of the batch already"))
        for part in (sums.mean(0), grad.mean(axis=(0, 2, 3)), grad.mean(axis=(2, 3)).sum(0))
    ]
    mistakes += [("one-image", part, _("the axis of the images: all of them count")) for part in sums]
    judge(trial, got[2], right[2], mistakes, _("one map of one image: the bias is added at every place"))


@CONVOLVE_BACKWARD.property("by-weight", N_("a weight collects from every place, in every image"))
def conv_by_weight(candidate, rng):
    trial, got, right, (grad, _maps, _weight) = _try_convolution(candidate, rng)
    _shape_of(trial, got[1], right[1], "weight")
    n, _m, rows, columns = grad.shape
    mistakes = [
        (
            "weight-turned",
            right[1][:, :, ::-1, ::-1],
            _("which pixel a weight met: weight (0, 0) meets the upper left corner of each window"),
        )
    ]
    mistakes += [
        ("averaged", right[1] / d, _("sum or mean: `grad` holds what the loss made of the batch already"))
        for d in (n, rows * columns, n * rows * columns)
    ]
    judge(
        trial, got[1], right[1], mistakes, _("a 1×1 kernel on one image: its weight's gradient is Σ grad·x")
    )


@CONVOLVE_BACKWARD.property("by-maps", N_("a pixel collects from every window that it lay in"))
def conv_by_maps(candidate, rng):
    trial, got, right, (grad, _maps, weight) = _try_convolution(candidate, rng)
    _shape_of(trial, got[0], right[0], "maps")
    kh, kw = weight.shape[2:]
    turned = np.ascontiguousarray(weight[:, :, ::-1, ::-1])
    edge = np.zeros_like(right[0])
    inner = np.s_[:, :, kh - 1 : 1 - kh, kw - 1 : 1 - kw]
    edge[inner] = right[0][inner]
    mistakes = [
        (
            "not-turned",
            _spread(grad, turned, right[0].shape, add=True),
            _("the kernel's direction on the way back: what weight (0, 0) read lies up and left of the rest"),
        ),
        (
            "overwritten",
            _spread(grad, weight, right[0].shape, add=False),
            _("windows overlap: is the second one's share added, or put in the place of the first's?"),
        ),
        ("edge-lost", edge, _("pixels at the edge: fewer windows read them, but some do")),
    ]
    judge(
        trial,
        got[0],
        right[0],
        mistakes,
        _("one image, one map, a 1×1 kernel: the gradient is `grad` times that weight"),
    )


def _spread(grad, weight, shape, *, add):
    """Every output's gradient sent back through the kernel, added up or overwriting what is there."""
    by_maps = np.zeros(shape)
    kh, kw = weight.shape[2:]
    for row, column in np.ndindex(grad.shape[2:]):
        share = np.einsum("nm,mcuv->ncuv", grad[:, :, row, column], weight)
        window = np.s_[:, :, row : row + kh, column : column + kw]
        by_maps[window] = by_maps[window] + share if add else share
    return by_maps
