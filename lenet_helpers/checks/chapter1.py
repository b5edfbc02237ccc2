"""Chapter 1, first half: layout, cross-correlation, kernels. Sizes and counts are in `chapter1_counting`."""

import numpy as np
import torch

from ..wording import N_, _, listed
from .core import Contract, Exercise
from .trial import Trial, judge


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
    contract=Contract(
        N_(
            "weight: a float tensor (outputs, pixels), of any size and memory layout. order: an int64 tensor"
            " (pixels,) that names every pixel once; pixel i of the new image is pixel order[i] of the old."
        ),
        N_("a tensor or array of weight's shape; times the new image it gives what weight gave of the old."),
    ),
)


def _weights(rng, outputs, pixels):
    """Random weights, and an order that is not its own inverse."""
    order = rng.permutation(pixels)
    while (order[order] == np.arange(pixels)).any():
        order = rng.permutation(pixels)
    return laid_out(rng, (outputs, pixels)), torch.from_numpy(order)


def laid_out(rng, shape, dtype=torch.float64):
    """Random numbers of one of three memory layouts: compact, transposed, cut out of something larger."""
    style = rng.integers(3)
    larger = [n + (2 if style == 2 else 0) for n in shape]
    if style == 1:
        larger[-2:] = larger[:-3:-1]
    numbers = torch.from_numpy(rng.normal(size=larger)).to(dtype)
    if style == 1:
        return numbers.mT
    return numbers[tuple(slice(1, 1 + n) for n in shape)] if style == 2 else numbers


def _undone(weight, order):
    return weight.numpy()[:, order.numpy()]


_UNDO_MISTAKES = (
    (
        "rows",
        lambda w, o: w.numpy()[o.numpy()] if len(w) == len(o) else None,
        N_("which axis was reordered: rows belong to outputs, and those stayed where they were"),
    ),
    (
        "both-axes",
        lambda w, o: w.numpy()[o.numpy()][:, o.numpy()] if len(w) == len(o) else None,
        N_("how many axes were reordered: only the pixels changed places"),
    ),
    (
        "inverse",
        lambda w, o: w.numpy()[:, np.argsort(o.numpy())],
        N_("the direction: new pixel i is old pixel order[i], not the other way round"),
    ),
    ("unchanged", lambda w, o: w.numpy(), N_("the first weight of each row: which pixel does it meet now?")),
)


@UNDO_PERMUTATION.property(
    "same-outputs", N_("new weights times permuted image = old weights times plain image")
)
def same_outputs(candidate, rng):
    cases = [_weights(rng, n, n) for n in (8, 5, 8)]  # square, so that no mistake fails for its shape alone
    look = _("one output, three pixels and the order 1, 2, 0, worked out on paper")
    judge(candidate, cases, _undone, _UNDO_MISTAKES, names=("weight", "order"), look=look)


@UNDO_PERMUTATION.property("any-size", N_("it works for any number of outputs and pixels"))
def any_size(candidate, rng):
    sizes = [(3, 11), (12, 5), (1, 7), (int(rng.integers(13, 20)), 3), (2, int(rng.integers(13, 30)))]
    cases = [_weights(rng, *size) for size in sizes]
    look = _("numbers written down in the code that should come from `.shape`, or not be needed at all")
    judge(candidate, cases, _undone, _UNDO_MISTAKES, names=("weight", "order"), look=look)


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
    contract=Contract(
        N_(
            "image (h, w) and kernel (kh, kw): float32 or float64 tensors, both of one dtype, the kernel no"
            " larger than the image, neither square in general, of any memory layout."
        ),
        N_(
            "the sums of window times kernel, the kernel as it stands: a tensor or numpy array"
            " (h − kh + 1, w − kw + 1) of the image's dtype."
        ),
    ),
)


def _reference(image, kernel):
    """Cross-correlation, by plain sums in float64: a numpy array."""
    image, kernel = (np.asarray(x, dtype="float64") for x in (image, kernel))
    (h, w), (kh, kw) = image.shape, kernel.shape
    return np.array(
        [
            [float((image[r : r + kh, c : c + kw] * kernel).sum()) for c in range(w - kw + 1)]
            for r in range(h - kh + 1)
        ]
    )


def _padded(image, kernel):
    sides = [((k - 1) // 2, k // 2) for k in kernel.shape]
    return _reference(np.pad(image, sides), kernel)


def _turned(flip, look):
    return "flipped", lambda a, k: _reference(a, flip(k.numpy())), look


_CROSS_MISTAKES = (
    _turned(lambda k: k[::-1, ::-1], N_("the kernel's orientation: nothing turns it round here")),
    _turned(lambda k: k[::-1], N_("the kernel's orientation: nothing turns its rows round here")),
    _turned(lambda k: k[:, ::-1], N_("the kernel's orientation: nothing turns its columns round here")),
    (
        "transposed",
        lambda a, k: _reference(a, k.T) if k.shape[0] <= a.shape[1] and k.shape[1] <= a.shape[0] else None,
        N_("the kernel's rows and columns: do they meet the image's rows and columns?"),
    ),
    (
        "transposed",
        lambda a, k: _reference(a, k.numpy().T.reshape(k.shape)),
        N_("the kernel's rows and columns: do they meet the image's rows and columns?"),
    ),
    ("swapped", lambda a, k: _reference(a, k).T, N_("rows and columns: `.shape` gives the height first")),
    (
        "missing-one",
        lambda a, k: _reference(a, k)[:-1, :-1],
        N_("a kernel as large as the image: in how many places can it stand?"),
    ),
    ("padded", _padded, N_("the border: here the kernel never leaves the image")),
    (
        "truncated",
        lambda a, k: np.trunc(_reference(a, k)),
        N_("the dtype of the result: can it hold a fraction?"),
    ),
    ("clipped", lambda a, k: np.maximum(_reference(a, k), 0), N_("negative sums: they are answers too")),
    (
        "averaged",
        lambda a, k: _reference(a, k) / k.numel(),
        N_("what is done with the products after they are added"),
    ),
)


def _cross(candidate, rng, sizes, look):
    """Judge on random images and kernels of these (h, w, kh, kw)."""

    def drawn(size):
        return laid_out(rng, size[:2]), laid_out(rng, size[2:])

    def more():
        return drawn([int(n) for n in rng.integers((5, 5, 1, 1), (9, 9, 5, 5))])

    names = ("image", "kernel")
    judge(candidate, list(map(drawn, sizes)), _reference, _CROSS_MISTAKES, names=names, more=more, look=look)


@CROSS_CORRELATE.property(
    "shape", N_("the result has h − kh + 1 rows and w − kw + 1 columns, also when nothing is square")
)
def shape(candidate, rng):
    h = w = kh = kw = 0
    while len({h - kh, w - kw, h - kw, w - kh}) < 4:  # else swapped sizes would go unseen
        h, w = (int(n) for n in rng.choice(np.arange(6, 12), 2, replace=False))
        kh, kw = (int(n) for n in rng.choice(np.arange(2, 5), 2, replace=False))
    image, kernel = laid_out(rng, (h, w)), laid_out(rng, (kh, kw))
    trial = Trial(candidate, image, kernel, tried=f"image {h}×{w}, kernel {kh}×{kw}")
    mistakes = [
        ("swapped", (w - kw + 1, h - kh + 1), _("rows and columns: `.shape` gives the height first")),
        (
            "missing-one",
            (h - kh, w - kw),
            _("a kernel as large as the image: in how many places can it stand?"),
        ),
        ("missing-one", (h - kh, w - kw + 1), _("the rows: in how many places can the kernel stand?")),
        ("missing-one", (h - kh + 1, w - kw), _("the columns: in how many places can the kernel stand?")),
        (
            "transposed",
            (h - kw + 1, w - kh + 1),
            _("the kernel's rows and columns: do they meet the image's rows and columns?"),
        ),
        ("padded", (h, w), _("the border: here the kernel never leaves the image")),
        (
            "not-summed",
            (h - kh + 1, w - kw + 1, kh, kw),
            _("each place: you stored a window of products where one number belongs, their sum"),
        ),
    ]
    look = _("the line that makes the result: which sizes does it use, and are they read from `.shape`?")
    trial.judge_shape(trial.array().shape, (h - kh + 1, w - kw + 1), mistakes, look=look)


@CROSS_CORRELATE.property(
    "values", N_("each number is the sum of window times kernel, the kernel as it stands")
)
def values(candidate, rng):
    look = _("the cell named: which window of the image lies under the kernel there?")
    _cross(candidate, rng, [(7, 9, 3, 3), (8, 6, 5, 5), (int(rng.integers(5, 9)), 7, 3, 3)], look)


@CROSS_CORRELATE.property("uneven-kernel", N_("a kernel of any size works: not square, of even sides"))
def uneven_kernel(candidate, rng):
    sizes = [(1, 4), (4, 2), (2, 5), (2, 2), (4, 4), (3, 1), (1, 1), (6, 7)]
    look = _("the kernel's two sizes: is each used on its own axis, and are even ones right?")
    _cross(candidate, rng, [(6, 8, *size) for size in sizes], look)


@CROSS_CORRELATE.property("whole-image", N_("a kernel as large as the image gives one number"))
def whole_image(candidate, rng):
    look = _("the last place of the loop: is it counted?")
    _cross(candidate, rng, [(3, 4, 3, 4), (5, 2, 5, 2), (4, 6, 4, 2), (4, 6, 3, 6)], look)


@CROSS_CORRELATE.property("dtype", N_("the result keeps the floating type of the image: float32 and float64"))
def dtype(candidate, rng):
    for kind in (torch.float32, torch.float64):
        image, kernel = laid_out(rng, (5, 6), kind), laid_out(rng, (2, 3), kind)
        trial = Trial(candidate, image, kernel, tried=_("an image and a kernel of {kind}").format(kind=kind))
        trial.array()
        got = str(getattr(trial.result, "dtype", type(trial.result).__name__)).removeprefix("torch.")
        wanted = str(kind).removeprefix("torch.")
        look = _("the line that makes the result: which dtype does it ask for?")
        trial.judge(got, wanted, look=look)


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
    contract=Contract(
        N_("nothing: it is called without arguments."),
        N_(
            "a 3×3 kernel: a tensor, an array or nested lists. Its sum of products with a bright line falling"
            " through the centre is positive, and more than twice as large as the absolute value of that with"
            " any level, upright or rising line, through the centre or beside it. With a plain area it is 0."
        ),
        keeps=N_("nothing: there are no arguments"),
    ),
)


_DIRECTIONS = {
    "falling": N_("falling"),
    "rising": N_("rising"),
    "level": N_("level"),
    "upright": N_("upright"),
}


def _lines():
    """3×3 pictures of bright lines, by direction: through the centre first, then beside it."""
    eye = np.eye(3)
    return {
        "falling": [eye],
        "rising": [eye[::-1], np.eye(3, k=1)[::-1], np.eye(3, k=-1)[::-1]],
        "level": [np.outer(eye[i], np.ones(3)) for i in (1, 0, 2)],
        "upright": [np.outer(np.ones(3), eye[i]) for i in (1, 0, 2)],
    }


def _kernel(candidate):
    """(trial, kernel as numpy (3, 3)) of a detector; any other shape fails."""
    trial = Trial(candidate, tried=_("your kernel on bright lines and on plain areas"))
    kernel = trial.array()
    look = _("the kernel's shape: three rows of three weights are wanted")
    trial.judge_shape(kernel.shape, (3, 3), [("size", kernel.shape, look)], look=look)
    if not np.isfinite(kernel).all():
        trial.fail("not-finite", look=_("the nine weights: one of them is no finite number"))
    return trial, kernel


@DIAGONAL_DETECTOR.property(
    "finds-it",
    N_("a bright line falling from left to right gives a positive response, larger than any other line's"),
)
def finds_it(candidate, rng):
    trial, kernel = _kernel(candidate)
    bright = rng.uniform(0.5, 2)
    answers = {name: [bright * float((kernel * p).sum()) for p in ps] for name, ps in _lines().items()}
    response = {name: max(values, key=abs) for name, values in answers.items()}
    row = _("{label}: {text}")
    got = listed(row.format(label=_(_DIRECTIONS[n]), text=f"{value:.2f}") for n, value in response.items())
    others = max(abs(value) for name, value in response.items() if name != "falling")
    if response["falling"] > 2 * others:
        return
    if max(abs(values[0]) for values in answers.values()) <= 1e-9 * np.abs(kernel).max():
        trial.fail("silent", got=got, look=_("the response to a line: here every line gives zero"))
    if response["falling"] < 0 and -response["falling"] > 2 * others:
        trial.fail("sign", got=got, look=_("the signs: a bright line should give a positive number"))
    mirrored = [
        abs(float((kernel[::-1] * p).sum())) for n, ps in _lines().items() if n != "falling" for p in ps
    ]
    if answers["rising"][0] / bright > 2 * max(mirrored):
        trial.fail("other-direction", got=got, look=_("which way your diagonal runs: row 0 is at the top"))
    trial.fail(
        "not-selective",
        got=got,
        look=_("the strongest response to the other directions: less than half of the falling one is wanted"),
    )


@DIAGONAL_DETECTOR.property("balanced", N_("a plain area gives zero, however bright it is"))
def balanced(candidate, rng):
    trial, kernel = _kernel(candidate)
    area = float(rng.uniform(1, 5)) * float(kernel.sum())
    if not abs(area) < 1e-5 * max(1e-12, float(np.abs(kernel).max())):
        trial.fail(
            "sum",
            got=_("{value:.3f} on a plain area").format(value=area),
            look=_("the sum of the nine weights"),
        )
