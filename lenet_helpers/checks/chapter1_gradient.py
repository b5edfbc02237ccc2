"""Chapter 1, learning a kernel: the gradient of a shared weight is a sum over all places where it is used."""

import numpy as np
import torch

from ..wording import N_, _
from .chapter1 import laid_out
from .core import Contract, Exercise
from .trial import Trial, judge


def shared_gradient(image, output_gradient):
    (h, w), (rows, columns) = image.shape, output_gradient.shape
    kh, kw = h - rows + 1, w - columns + 1
    result = torch.zeros(kh, kw, dtype=image.dtype)
    for row in range(rows):
        for column in range(columns):
            window = image[row : row + kh, column : column + kw]
            result += output_gradient[row, column] * window
    return result


SHARED_GRADIENT = Exercise(
    "shared_gradient",
    solution=shared_gradient,
    hints=(
        N_(
            "One place first: output (i, j) is the sum of window times kernel. Raise one weight of the kernel"
            " by 1: by how much does this output rise?"
        ),
        N_(
            "By the pixel under that weight. So a place contributes its whole window, times how much the loss"
            " changes with its output."
        ),
        N_(
            "The kernel has h − rows + 1 rows. Start with zeros of its shape; at each place add"
            " output_gradient[row, column] times the window there."
        ),
    ),
    contract=Contract(
        N_(
            "image (h, w) and output_gradient (rows, columns): float32 or float64 tensors of one dtype and of"
            " any memory layout. output_gradient holds how the loss changes with the output at each place of"
            " a kernel that moves over the image at stride 1 without padding."
        ),
        N_(
            "the gradient of that kernel: a tensor or numpy array (h − rows + 1, w − columns + 1), its rows"
            " and columns in the order of the image's."
        ),
    ),
)


def _reference(image, gradient):
    """The same sum from autograd: what torch's own backward gives for the kernel, a float64 array."""
    (h, w), (rows, columns) = image.shape, gradient.shape
    kernel = torch.zeros(1, 1, h - rows + 1, w - columns + 1, dtype=torch.float64, requires_grad=True)
    output = torch.nn.functional.conv2d(image.double()[None, None], kernel)
    (found,) = torch.autograd.grad(output, kernel, gradient.double()[None, None])
    return found[0, 0].numpy()


def _windows(image, gradient):
    """The window of every place, (rows, columns, kh, kw)."""
    shape = tuple(a - b + 1 for a, b in zip(image.shape, gradient.shape))
    return np.lib.stride_tricks.sliding_window_view(image.numpy(), shape)


_MISTAKES = (
    (
        "averaged",
        lambda x, g: _reference(x, g) / g.numel(),
        N_("what is done with the places' shares: a loss adds them up"),
    ),
    (
        "flipped",
        lambda x, g: _reference(x, g)[::-1, ::-1],
        N_("the kernel's orientation: nothing turns it round here"),
    ),
    (
        "transposed",
        lambda x, g: _reference(x, g).T,
        N_("rows and columns of the result: do they follow those of the image?"),
    ),
    (
        "unweighted",
        lambda x, g: _windows(x, g).sum((0, 1)),
        N_("the second argument: how much does each place matter?"),
    ),
    (
        "last-place",
        lambda x, g: float(g[-1, -1]) * _windows(x, g)[-1, -1],
        N_("the sum: is it kept from place to place, or overwritten?"),
    ),
    (
        "first-place",
        lambda x, g: float(g[0, 0]) * _windows(x, g)[0, 0],
        N_("the loops: how many places are visited?"),
    ),
    (
        "descent",
        lambda x, g: -_reference(x, g),
        N_("the sign: the gradient is asked for, not the step against it"),
    ),
)


def _case(rng, kernel, places, dtype=torch.float64):
    """An image, and the loss's gradient at each place of the output."""
    size = tuple(k + p - 1 for k, p in zip(kernel, places))
    return laid_out(rng, size, dtype), laid_out(rng, places, dtype)


def _gradients(candidate, rng, sizes, look, dtype=torch.float64):
    """Judge on random cases of these (kernel, places)."""
    cases = [_case(rng, *size, dtype) for size in sizes]
    names = ("image", "output_gradient")
    judge(candidate, cases, _reference, _MISTAKES, names=names, look=look, tolerance=1e-4)


@SHARED_GRADIENT.property(
    "shape",
    N_("the result has the kernel's shape, h − rows + 1 by w − columns + 1, also when nothing is square"),
)
def shape(candidate, rng):
    kernel = tuple(int(n) for n in rng.choice(np.arange(2, 6), 2, replace=False))
    places = tuple(int(n) for n in rng.choice(np.arange(6, 10), 2, replace=False))
    look = _("how large the kernel was: the image's sides, less the output's, plus one, each axis by itself")
    trial = Trial(candidate, *_case(rng, kernel, places), on_error=("shape", look))
    mistakes = [
        ("one-a-place", places, _("what is shared: all places have one kernel, so their shares add up")),
    ]
    trial.judge_shape(trial.array().shape, kernel, mistakes, look=look)


@SHARED_GRADIENT.property("values", N_("every place adds its window times the loss's gradient at its output"))
def values(candidate, rng):
    look = _("one row of three pixels and two places, computed on paper and by your function")
    sizes = [((3, 3), (5, 6)), ((4, 4), (4, 3)), ((2, 2), (int(rng.integers(6, 9)), 7))]
    _gradients(candidate, rng, sizes, look)


@SHARED_GRADIENT.property(
    "uneven", N_("kernels and outputs that are not square work too, a single place included")
)
def uneven(candidate, rng):
    look = _("the loops' ends: rows and columns of the output, each from its own axis")
    sizes = [((1, 4), (5, 2)), ((4, 2), (3, 6)), ((2, 5), (1, 1)), ((1, 1), (3, 4)), ((3, 1), (1, 5))]
    _gradients(candidate, rng, sizes, look)


@SHARED_GRADIENT.property("zero-places", N_("places whose output does not matter add nothing"))
def zero_places(candidate, rng):
    cases = []
    for _unused in range(3):
        image, gradient = _case(rng, (3, 2), (4, 5))
        row, column = (int(rng.integers(n)) for n in gradient.shape)
        only = torch.zeros_like(gradient)
        only[row, column] = gradient[row, column]
        cases.append((image, only))
    look = _("an output gradient that is 0 but for one place: whose window is left?")
    judge(candidate, cases, _reference, names=("image", "output_gradient"), look=look, tolerance=1e-4)


@SHARED_GRADIENT.property("single", N_("float32 works as well as float64"))
def single(candidate, rng):
    look = _("the line that makes the result: which dtype does it ask for?")
    _gradients(candidate, rng, [((3, 2), (4, 5))], look, torch.float32)
