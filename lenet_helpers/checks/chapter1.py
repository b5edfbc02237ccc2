"""Chapter 1, first half: layout, cross-correlation, kernels. Sizes and counts are in `chapter1_counting`."""

import numpy as np
import torch

from ..wording import N_, _
from .core import Exercise
from .trial import Trial, agree


def undo_permutation(weight, order):
    return weight[:, order]


UNDO_PERMUTATION = Exercise(
    "undo_permutation",
    solution=undo_permutation,
    hints=(
        N_(
            "Which axis of the weights belongs to pixels, which to outputs? Only one of them needs to be"
            " touched."
        ),
        N_("Pixel i of the new image is pixel order[i] of the old one. Which old weight should it meet?"),
        N_(
            "Column i of the new weights is column order[i] of the old ones. Indexing with the whole array"
            " does all columns at once."
        ),
    ),
)


def _weights(rng, outputs, pixels):
    """Random weights, an order that is not its own inverse, and one image."""
    order = rng.permutation(pixels)
    while (order[order] == np.arange(pixels)).any():
        order = rng.permutation(pixels)
    return torch.from_numpy(rng.normal(size=(outputs, pixels))), torch.from_numpy(order)


@UNDO_PERMUTATION.property(
    "same-outputs", N_("new weights times permuted image = old weights times plain image")
)
def same_outputs(candidate, rng):
    weight, order = _weights(rng, 8, 8)
    trial = Trial(candidate, weight, order)
    got, w, o = trial.array(), weight.numpy(), order.numpy()
    mistakes = [
        (
            "rows",
            w[o],
            _("which axis was reordered: rows belong to outputs, and those stayed where they were"),
        ),
        ("both-axes", w[o][:, o], _("how many axes were reordered: only the pixels changed places")),
        (
            "inverse",
            w[:, np.argsort(o)],
            _("the direction: new pixel i is old pixel order[i], not the other way round"),
        ),
        ("unchanged", w, _("the first weight of each row: which pixel does it meet now?")),
    ]
    if agree(got, w[:, o]):
        return
    for key, wrong, look in mistakes:
        if agree(got, wrong):
            trial.fail(key, look=look)
    trial.fail("same-outputs", look=_("a layer with one output and three pixels, worked out on paper"))


@UNDO_PERMUTATION.property("any-size", N_("it works for any number of outputs and pixels"))
def any_size(candidate, rng):
    for outputs, pixels in ((3, 11), (12, 5), (1, 7)):
        weight, order = _weights(rng, outputs, pixels)
        look = _("numbers written down in the code that should come from `.shape`, or not be needed at all")
        trial = Trial(candidate, weight, order, on_error=("any-size", look))
        if not agree(trial.array(), weight.numpy()[:, order.numpy()]):
            trial.fail("any-size", look=look)


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
        N_(
            "How many places can the kernel stand in without leaving the image? That is the result's shape, "
            "one axis at a time."
        ),
        N_("Two loops walk over those places. At each, cut out the window of the image under the kernel."),
        N_(
            "window = image[row : row + kh, column : column + kw]; multiply it with the kernel, element by"
            " element, and sum. Make the result with the image's dtype."
        ),
    ),
)


def _reference(image, kernel):
    """Cross-correlation of two numpy arrays, by plain sums."""
    (h, w), (kh, kw) = image.shape, kernel.shape
    return np.array(
        [
            [float((image[r : r + kh, c : c + kw] * kernel).sum()) for c in range(w - kw + 1)]
            for r in range(h - kh + 1)
        ]
    )


def _pair(rng, image_shape, kernel_shape, dtype=torch.float64):
    return (
        torch.from_numpy(rng.normal(size=image_shape)).to(dtype),
        torch.from_numpy(rng.normal(size=kernel_shape)).to(dtype),
    )


@CROSS_CORRELATE.property(
    "shape", N_("the result has h − kh + 1 rows and w − kw + 1 columns, also when nothing is square")
)
def shape(candidate, rng):
    h = w = kh = kw = 0
    while h - kh == w - kw:  # else swapping rows and columns of the result would go unseen
        h, w = (int(n) for n in rng.choice(np.arange(6, 12), 2, replace=False))
        kh, kw = (int(n) for n in rng.choice(np.arange(1, 5), 2, replace=False))
    image, kernel = _pair(rng, (h, w), (kh, kw))
    look = _(
        "which of the two sizes belongs to rows, which to columns, and whether every one is read from "
        "`.shape` instead of written down"
    )
    trial = Trial(candidate, image, kernel, on_error=("shape", look))
    got = trial.array().shape
    if got == (w - kw + 1, h - kh + 1):
        trial.fail("swapped", look=_("rows and columns: `.shape` gives the height first"))
    if got == (h - kw + 1, w - kh + 1):
        trial.fail(
            "transposed", look=_("the kernel's rows and columns: do they meet the image's rows and columns?")
        )
    if got in {(h - kh, w - kw), (h - kh, w - kw + 1), (h - kh + 1, w - kw)}:
        trial.fail("missing-one", look=_("a kernel as large as the image: in how many places can it stand?"))
    if got == (h, w):
        trial.fail("padded", look=_("the border: here the kernel never leaves the image"))
    if got != (h - kh + 1, w - kw + 1):
        trial.fail("shape", look=look)


@CROSS_CORRELATE.property(
    "values", N_("each number is the sum of window times kernel, the kernel as it stands")
)
def values(candidate, rng):
    image, kernel = _pair(rng, (7, 9), (3, 3))
    trial = Trial(candidate, image, kernel)
    got, a, k = trial.array(), image.numpy(), kernel.numpy()
    mistakes = [
        ("flipped", _reference(a, k[::-1, ::-1]), _("the kernel's orientation: nothing turns it round here")),
        ("flipped", _reference(a, k[::-1]), _("the kernel's orientation: nothing turns its rows round here")),
        (
            "flipped",
            _reference(a, k[:, ::-1]),
            _("the kernel's orientation: nothing turns its columns round here"),
        ),
        (
            "transposed",
            _reference(a, k.T),
            _("the kernel's rows and columns: do they meet the image's rows and columns?"),
        ),
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
        if str(getattr(trial.result, "dtype", "")).removeprefix("torch.") != str(kind).removeprefix("torch."):
            trial.fail("dtype", look=_("the line that makes the result: which dtype does it ask for?"))


def diagonal_detector():
    return torch.tensor([[2.0, -1.0, -1.0], [-1.0, 2.0, -1.0], [-1.0, -1.0, 2.0]])


DIAGONAL_DETECTOR = Exercise(
    "diagonal_detector",
    solution=diagonal_detector,
    hints=(
        N_(
            "Cross-correlation is largest where the image looks like the kernel. What does a falling diagonal"
            " look like in three by three pixels?"
        ),
        N_(
            "Positive weights on the diagonal draw the response up. What should the other six do, so that a"
            " plain bright area gives zero?"
        ),
        N_(
            "Three weights lie on the falling diagonal, six off it. If each of the six is −1, the three must"
            " add up to 6."
        ),
    ),
)


def _lines(brightness):
    """3×3 pictures of a bright line through the middle, by direction."""
    flat = {
        "falling": np.eye(3),
        "rising": np.eye(3)[::-1],
        "level": np.eye(3)[1][:, None] * np.ones(3),
        "upright": np.ones((3, 1)) * np.eye(3)[1],
    }
    return {name: brightness * picture for name, picture in flat.items()}


def _kernel(candidate):
    """(trial, kernel as numpy (3, 3)) of a detector; any other shape fails."""
    trial = Trial(candidate, tried=_("your kernel on bright lines and on plain areas"))
    kernel = trial.array()
    if kernel.shape != (3, 3):
        trial.fail("size", look=_("the kernel's shape: three rows of three weights are wanted"))
    return trial, kernel


@DIAGONAL_DETECTOR.property(
    "finds-it",
    N_("a bright line falling from left to right gives a positive response, larger than any other line's"),
)
def finds_it(candidate, rng):
    trial, kernel = _kernel(candidate)
    response = {name: float((kernel * p).sum()) for name, p in _lines(rng.uniform(0.5, 2)).items()}
    strongest = max(response, key=lambda name: abs(response[name]))
    got = ", ".join(f"{name}: {value:.2f}" for name, value in response.items())
    if abs(response[strongest]) < 1e-9:
        trial.fail(
            "silent", got=got, look=_("what your kernel answers to a line: here every line gives zero")
        )
    if strongest == "rising" and response["rising"] > abs(response["falling"]):
        trial.fail("other-direction", got=got, look=_("which way your diagonal runs: row 0 is at the top"))
    if strongest == "falling" and response["falling"] < 0:
        trial.fail("sign", got=got, look=_("the signs: a bright line should give a positive number"))
    others = max(abs(value) for name, value in response.items() if name != "falling")
    if not response["falling"] > 2 * others:
        trial.fail(
            "not-selective",
            got=got,
            look=_("the answers to the other directions: at most half as strong is asked for"),
        )


@DIAGONAL_DETECTOR.property("balanced", N_("a plain area gives zero, however bright it is"))
def balanced(candidate, rng):
    trial, kernel = _kernel(candidate)
    area = float(rng.uniform(1, 5)) * float(kernel.sum())
    if not abs(area) < 1e-5 * max(1.0, float(np.abs(kernel).max())):
        trial.fail(
            "sum",
            got=_("{value:.3f} on a plain area").format(value=area),
            look=_("the sum of the nine weights"),
        )
