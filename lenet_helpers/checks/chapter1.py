"""Chapter 1's exercises: layout, cross-correlation, kernels, sizes, fair counts, equivariance."""

import numpy as np
import torch

from ..wording import N_, _
from .core import Exercise
from .trial import Trial, agree


def cross_correlate(image, kernel):
    h, w = image.shape
    kh, kw = kernel.shape
    result = torch.zeros(h - kh + 1, w - kw + 1, dtype=image.dtype)
    for row in range(h - kh + 1):
        for column in range(w - kw + 1):
            window = image[row : row + kh, column : column + kw]
            result[row, column] = (window * kernel).sum()
    return result


CROSS_CORRELATE = Exercise(
    "cross_correlate",
    solution=cross_correlate,
    hints=(
        N_("How many places can the kernel stand in without leaving the image? That is the result's shape, "
           "one axis at a time."),
        N_("Two loops walk over those places. At each, cut out the window of the image under the kernel."),
        N_("window = image[row : row + kh, column : column + kw]; multiply it with the kernel, element by element, "
           "and sum. Make the result with the image's dtype."),
    ),
)


def _reference(image, kernel):
    """Cross-correlation of two numpy arrays, by plain sums."""
    (h, w), (kh, kw) = image.shape, kernel.shape
    return np.array([[float((image[r:r + kh, c:c + kw] * kernel).sum()) for c in range(w - kw + 1)]
                     for r in range(h - kh + 1)])


def _pair(rng, image_shape, kernel_shape, dtype=torch.float64):
    return (torch.from_numpy(rng.normal(size=image_shape)).to(dtype),
            torch.from_numpy(rng.normal(size=kernel_shape)).to(dtype))


@CROSS_CORRELATE.property("shape", N_("the result has h − kh + 1 rows and w − kw + 1 columns, also when nothing is square"))
def shape(candidate, rng):
    h, w = (int(n) for n in rng.choice(np.arange(6, 12), 2, replace=False))
    kh, kw = (int(n) for n in rng.choice(np.arange(1, 5), 2, replace=False))
    image, kernel = _pair(rng, (h, w), (kh, kw))
    look = _("which of the two sizes belongs to rows, which to columns, and whether every one is read from "
             "`.shape` instead of written down")
    trial = Trial(candidate, image, kernel, on_error=("shape", look))
    got = trial.array().shape
    if got == (w - kw + 1, h - kh + 1):
        trial.fail("swapped", look=_("rows and columns: `.shape` gives the height first"))
    if got == (h - kw + 1, w - kh + 1):
        trial.fail("transposed", look=_("the kernel's rows and columns: do they meet the image's rows and columns?"))
    if got in {(h - kh, w - kw), (h - kh, w - kw + 1), (h - kh + 1, w - kw)}:
        trial.fail("missing-one", look=_("a kernel as large as the image: in how many places can it stand?"))
    if got == (h, w):
        trial.fail("padded", look=_("the border: here the kernel never leaves the image"))
    if got != (h - kh + 1, w - kw + 1):
        trial.fail("shape", look=look)


@CROSS_CORRELATE.property("values", N_("each number is the sum of window times kernel, the kernel as it stands"))
def values(candidate, rng):
    image, kernel = _pair(rng, (7, 9), (3, 3))
    trial = Trial(candidate, image, kernel)
    got, a, k = trial.array(), image.numpy(), kernel.numpy()
    mistakes = [
        ("flipped", _reference(a, k[::-1, ::-1]), _("the kernel's orientation: nothing turns it round here")),
        ("flipped", _reference(a, k[::-1]), _("the kernel's orientation: nothing turns its rows round here")),
        ("flipped", _reference(a, k[:, ::-1]), _("the kernel's orientation: nothing turns its columns round here")),
        ("transposed", _reference(a, k.T), _("the kernel's rows and columns: do they meet the image's rows and columns?")),
        ("truncated", np.trunc(_reference(a, k)), _("the dtype of the result: can it hold a fraction?")),
        ("clipped", np.maximum(_reference(a, k), 0), _("negative sums: they are answers too")),
        ("averaged", _reference(a, k) / k.size, _("what is done with the products after they are added")),
    ]
    if got.shape == (5, 7) and agree(got, _reference(a, k), 1e-6):
        return
    for key, wrong, look in mistakes:
        if agree(got, wrong, 1e-6):
            trial.fail(key, look=look)
    trial.fail("values", look=_("a 2×2 image and a 1×2 kernel, computed on paper and by your function"))


@CROSS_CORRELATE.property("uneven-kernel", N_("a kernel that is not square works too"))
def uneven_kernel(candidate, rng):
    for kernel_shape in ((1, 4), (4, 2), (2, 5)):
        image, kernel = _pair(rng, (6, 8), kernel_shape)
        look = _("the kernel's two sizes: is each used on its own axis?")
        trial = Trial(candidate, image, kernel, on_error=("uneven-kernel", look))
        if not agree(trial.array(), _reference(image.numpy(), kernel.numpy()), 1e-6):
            trial.fail("uneven-kernel", look=look)


@CROSS_CORRELATE.property("whole-image", N_("a kernel as large as the image gives one number"))
def whole_image(candidate, rng):
    image, kernel = _pair(rng, (3, 4), (3, 4))
    trial = Trial(candidate, image, kernel)
    if not agree(trial.array(), _reference(image.numpy(), kernel.numpy()), 1e-6):
        trial.fail("whole-image", look=_("the last place of the loop: is it counted?"))


@CROSS_CORRELATE.property("dtype", N_("the result keeps the floating type of the image: float32 and float64"))
def dtype(candidate, rng):
    for kind in (torch.float32, torch.float64):
        image, kernel = _pair(rng, (5, 6), (2, 3), kind)
        trial = Trial(candidate, image, kernel)
        trial.array()
        if str(trial.result.dtype).removeprefix("torch.") != str(kind).removeprefix("torch."):
            trial.fail("dtype", look=_("the line that makes the result: which dtype does it ask for?"))
