"""Chapter 1, learning a kernel: the gradient of a shared weight is a sum over all places where it is used."""

import numpy as np
import torch

from ..wording import N_, _
from .core import Exercise
from .trial import Trial, agree


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
)


def _reference(image, gradient):
    """The same sum from autograd: what torch's own backward gives for the kernel, a float64 array."""
    h, w = image.shape
    rows, columns = gradient.shape
    kernel = torch.zeros(1, 1, h - rows + 1, w - columns + 1, dtype=torch.float64, requires_grad=True)
    output = torch.nn.functional.conv2d(image.double()[None, None], kernel)
    (found,) = torch.autograd.grad(output, kernel, gradient.double()[None, None])
    return found[0, 0].numpy()


def _case(rng, kernel_shape, places, dtype=torch.float64):
    """An image and the loss's gradient at each place of the output."""
    size = tuple(k + p - 1 for k, p in zip(kernel_shape, places))
    return (
        torch.from_numpy(rng.normal(size=size)).to(dtype),
        torch.from_numpy(rng.normal(size=places)).to(dtype),
    )


@SHARED_GRADIENT.property(
    "shape",
    N_("the result has the kernel's shape: h − rows + 1 by w − columns + 1, also when nothing is square"),
)
def shape(candidate, rng):
    kernel = tuple(int(n) for n in rng.choice(np.arange(2, 6), 2, replace=False))
    places = tuple(int(n) for n in rng.choice(np.arange(6, 10), 2, replace=False))
    image, gradient = _case(rng, kernel, places)
    look = _("how large the kernel was: the image's sides, less the output's, plus one, each axis by itself")
    trial = Trial(candidate, image, gradient, on_error=("shape", look))
    got = trial.array().shape
    if got == places:
        trial.fail(
            "one-a-place", look=_("what is shared: all places have one kernel, so their shares add up")
        )
    if got == kernel[::-1]:
        trial.fail("swapped", look=_("rows and columns: `.shape` gives the height first"))
    if got != kernel:
        trial.fail("shape", look=look)


@SHARED_GRADIENT.property("values", N_("every place adds its window times the loss's gradient at its output"))
def values(candidate, rng):
    image, gradient = _case(rng, (3, 3), (5, 6))
    trial = Trial(candidate, image, gradient)
    got, right = trial.array(), _reference(image, gradient)
    if agree(got, right, 1e-6):
        return
    x, g = image.numpy(), gradient.numpy()
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3))
    mistakes = [
        ("averaged", right / g.size, _("what is done with the places' shares: a loss adds them up")),
        ("flipped", right[::-1, ::-1], _("the kernel's orientation: nothing turns it round here")),
        ("transposed", right.T, _("rows and columns of the result: do they follow those of the image?")),
        ("unweighted", windows.sum((0, 1)), _("the second argument: how much does each place matter?")),
        (
            "last-place",
            g[-1, -1] * windows[-1, -1],
            _("the sum: is it kept from place to place, or overwritten?"),
        ),
        ("first-place", g[0, 0] * windows[0, 0], _("the loops: how many places are visited?")),
        ("descent", -right, _("the sign: the gradient is asked for, not the step against it")),
    ]
    for key, wrong, look in mistakes:
        if agree(got, wrong, 1e-6):
            trial.fail(key, look=look)
    trial.fail(
        "values", look=_("one row of three pixels and two places, computed on paper and by your function")
    )


@SHARED_GRADIENT.property(
    "uneven", N_("kernels and outputs that are not square work too, a single place included")
)
def uneven(candidate, rng):
    look = _("the loops' ends: rows and columns of the output, each from its own axis")
    for kernel, places in (((1, 4), (5, 2)), ((4, 2), (3, 6)), ((2, 5), (1, 1)), ((1, 1), (3, 4))):
        image, gradient = _case(rng, kernel, places)
        trial = Trial(candidate, image, gradient, on_error=("uneven", look))
        if not agree(trial.array(), _reference(image, gradient), 1e-6):
            trial.fail("uneven", look=look)


@SHARED_GRADIENT.property("zero-places", N_("places whose output does not matter add nothing"))
def zero_places(candidate, rng):
    image, gradient = _case(rng, (3, 2), (4, 5))
    row, column = (int(rng.integers(n)) for n in gradient.shape)
    only = torch.zeros_like(gradient)
    only[row, column] = gradient[row, column]
    trial = Trial(candidate, image, only)
    if not agree(trial.array(), _reference(image, only), 1e-6):
        trial.fail(
            "zero-places", look=_("an output gradient that is 0 but for one place: whose window is left?")
        )
