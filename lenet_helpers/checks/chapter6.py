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
from .core import Contract, Exercise
from .trial import judge, plain
from .values import Kind, part

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
    contract=Contract(
        N_(
            "grad (n, m, rows, columns), the gradient of the loss for the convolution's output; maps (n, c,"
            " height, width), its input; weight (m, c, kh, kw), not always square. Three numpy arrays of"
            " float64; no padding, stride 1."
        ),
        N_(
            "three arrays or tensors, in a tuple or list: the gradients for maps, weight and bias, in this"
            " order, each in the shape of what it belongs to."
        ),
        may=N_(
            "loops, numpy, and torch's functions, but not its backward; your own function is called by"
            " position"
        ),
    ),
)


def by_torch(function, grad, *inputs):
    """Gradients for each input, as torch has them: nothing is shared with the solution."""
    tensors = [torch.from_numpy(x).requires_grad_() for x in inputs]
    return [g.numpy() for g in torch.autograd.grad(function(*tensors), tensors, torch.from_numpy(grad))]


_TURNED = N_("the kernel's direction on the way back: what weight (0, 0) read lies up and left of the rest")
_MEAN = N_("sum or mean: `grad` holds what the loss made of the batch already")


def _three(value):
    """The three arrays of an answer, or None."""
    if type(value) not in (tuple, list) or len(value) != 3:
        return None
    parts = [plain(each) for each in value]
    return None if any(each is None for each in parts) else parts


_PARTS = Kind(
    _three, "not-three", N_("what is returned: three arrays, for the maps, the weight and the bias")
)


def _shapes(value):
    parts = _three(value)
    return None if parts is None else [list(each.shape) for each in parts]


_SHAPES = Kind(_shapes, _PARTS.key, _PARTS.look)


def _layers(rng):
    """(grad, maps, weight) of some convolutions; uneven sizes, so that no axis passes for another."""
    for n, c, m, kh, kw, rows, columns in (
        (2, 3, 7, 3, 2, 5, 8),
        (7, 1, 2, 2, 4, 3, 5),
        (1, 5, 6, 4, 3, 5, 3),
    ):
        shapes = (n, m, rows, columns), (n, c, rows + kh - 1, columns + kw - 1), (m, c, kh, kw)
        yield tuple(rng.normal(size=shape) for shape in shapes)


def _right(grad, maps, weight):
    return by_torch(F.conv2d, grad, maps, weight, np.zeros(len(weight)))


def _convolutions(candidate, rng, i, mistakes, look):
    """Judge part `i` of the three; mistakes: (key, function of (right part, grad, maps, weight), look)."""

    def of_right(formula):
        return lambda *case: np.ascontiguousarray(formula(_right(*case)[i], *case))

    judge(
        candidate,
        list(_layers(rng)),
        lambda *case: _right(*case)[i],
        [(key, of_right(formula), hint) for key, formula, hint in mistakes],
        kind=part(_PARTS, i),
        names=("grad", "maps", "weight"),
        look=look,
        tolerance=1e-8,
    )


@CONVOLVE_BACKWARD.property("shapes", N_("each gradient has the shape of what it belongs to"))
def conv_shapes(candidate, rng):
    judge(
        candidate,
        list(_layers(rng)),
        lambda *case: _shapes(_right(*case)),
        kind=_SHAPES,
        names=("grad", "maps", "weight"),
        look=_("the shapes: a gradient has the shape of what it belongs to"),
    )


@CONVOLVE_BACKWARD.property("by-bias", N_("a bias collects from every place of its map, in every image"))
def conv_by_bias(candidate, rng):
    all_images = _("the axis of the images: all of them count")
    mistakes = [
        ("averaged", lambda right, grad, *_more: right / len(grad), _(_MEAN)),
        ("averaged", lambda right, grad, *_more: grad.mean(axis=(0, 2, 3)), _(_MEAN)),
        ("averaged", lambda right, grad, *_more: grad.mean(axis=(2, 3)).sum(axis=0), _(_MEAN)),
        ("one-image", lambda right, grad, *_more: grad[0].sum(axis=(1, 2)), all_images),
        ("one-image", lambda right, grad, *_more: grad[-1].sum(axis=(1, 2)), all_images),
    ]
    _convolutions(candidate, rng, 2, mistakes, _("one map of one image: the bias is added at every place"))


@CONVOLVE_BACKWARD.property("by-weight", N_("a weight collects from every place, in every image"))
def conv_by_weight(candidate, rng):
    mistakes = [
        (
            "weight-turned",
            lambda right, *_more: right[:, :, ::-1, ::-1],
            _("which pixel a weight met: weight (0, 0) meets the upper left corner of each window"),
        ),
        ("averaged", lambda right, grad, *_more: right / len(grad), _(_MEAN)),
        ("averaged", lambda right, grad, *_more: right / grad[0, 0].size, _(_MEAN)),
        ("averaged", lambda right, grad, *_more: right / grad[:, 0].size, _(_MEAN)),
    ]
    _convolutions(
        candidate, rng, 1, mistakes, _("a 1×1 kernel on one image: its weight's gradient is Σ grad·x")
    )


@CONVOLVE_BACKWARD.property("by-maps", N_("a pixel collects from every window that it lay in"))
def conv_by_maps(candidate, rng):
    def without_edge(right, _grad, _maps, weight):
        kh, kw = weight.shape[2:]
        inner = np.zeros_like(right)
        rows, columns = (slice(k - 1, side - k + 1) for k, side in zip((kh, kw), right.shape[2:]))
        inner[:, :, rows, columns] = right[:, :, rows, columns]
        return inner

    mistakes = [
        (
            "not-turned",
            lambda right, grad, maps, weight: _spread(grad, weight[:, :, ::-1, ::-1], maps.shape, add=True),
            _(_TURNED),
        ),
        (
            "overwritten",
            lambda right, grad, maps, weight: _spread(grad, weight, maps.shape, add=False),
            _("windows overlap: is the second one's share added, or put in the place of the first's?"),
        ),
        ("edge-lost", without_edge, _("pixels at the edge: fewer windows read them, but some do")),
    ]
    look = _("one image, one map, a 1×1 kernel: the gradient is `grad` times that weight")
    _convolutions(candidate, rng, 0, mistakes, look)


def _spread(grad, weight, shape, *, add):
    """Every output's gradient sent back through the kernel, added up or overwriting what is there."""
    by_maps = np.zeros(shape)
    kh, kw = weight.shape[2:]
    for row, column in np.ndindex(grad.shape[2:]):
        share = np.einsum("nm,mcuv->ncuv", grad[:, :, row, column], weight)
        window = np.s_[:, :, row : row + kh, column : column + kw]
        by_maps[window] = by_maps[window] + share if add else share
    return by_maps
