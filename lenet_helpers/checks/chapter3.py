"""Chapter 3: statistics of a split, a printed loss. The loop is in `chapter3_loop`, going on after a stop
in `chapter3_resume`.
"""

import numpy as np
import torch

from ..wording import N_, _
from .core import Contract, Exercise
from .trial import judge
from .values import NUMBER, part, sequence


def split_statistics(images, is_train):
    pixels = images[is_train] / 255
    return pixels.mean().item(), pixels.std().item()


SPLIT_STATISTICS = Exercise(
    "split_statistics",
    solution=split_statistics,
    hints=(
        N_("Which images may a number that the model uses be made from? Pick those first."),
        N_(
            "Bytes go from 0 to 255: divide once, and only then take the mean over every pixel of every"
            " image."
        ),
        N_(
            "pixels = images[is_train] / 255, then the mean and the standard deviation of all of them at"
            " once."
        ),
    ),
    contract=Contract(
        N_(
            "images: a uint8 tensor (n, height, width), training and test images together, of any size and"
            " memory layout. is_train: a bool tensor (n,), True where an image is for training."
        ),
        N_(
            "two numbers, mean and standard deviation of all training pixels scaled to [0, 1]; the divisor"
            " may be n or n − 1."
        ),
    ),
)


def _bytes(rng, n, height, width):
    """Images that are dark where they are for training and bright elsewhere, and which are which."""
    is_train = np.zeros(n, dtype=bool)
    is_train[rng.permutation(n)[: n * 5 // 8]] = True
    levels = np.where(is_train, rng.integers(20, 120, n), rng.integers(150, 250, n))
    images = rng.integers(0, levels[:, None, None] + 1, (n, height, width)).astype(np.uint8)
    return torch.from_numpy(images), torch.from_numpy(is_train)


_PAIR = sequence(2, "not-a-pair", N_("what is returned: two numbers, the mean and the standard deviation"))


def _statistic(of):
    """A mistake's formula of: all pixels in [0, 1] as float64 (n, h, w), and the mask."""
    return lambda images, is_train: float(of(images.numpy() / 255, is_train.numpy()))


def _statistics_mistakes(spread):
    """What usual mistakes give for the mean (`spread` np.mean) or the standard deviation (np.std)."""
    other = np.std if spread is np.mean else np.mean
    known = [
        ("swapped", lambda x, t: other(x[t]), N_("the order of the two: the mean comes first")),
        (
            "leak",
            lambda x, t: spread(x),
            N_("which images went in: a number made from the test images has seen the test"),
        ),
        (
            "wrong-split",
            lambda x, t: spread(x[~t]),
            N_("which images went in: True in `is_train` marks the training images"),
        ),
        ("scaled-twice", lambda x, t: spread(x[t] / 255), N_("how often you divide by 255")),
        (
            "not-scaled",
            lambda x, t: spread(x[t] * 255),
            N_("the range: pixels as bytes go to 255, here they are wanted in [0, 1]"),
        ),
    ]
    if spread is np.std:
        known += [
            (
                "variance",
                lambda x, t: np.var(x[t]),
                N_("the unit: a standard deviation is the root of the variance"),
            ),
            (
                "averaged",
                lambda x, t: np.mean([np.std(image) for image in x[t]]),
                N_("the order of things: an average of the images' deviations misses how the images differ"),
            ),
        ]
    return [(key, _statistic(of), look) for key, of, look in known]


def _judge_statistics(candidate, rng, i):
    cases = [
        _bytes(rng, *size) for size in ((40, 10, 7), (2 * int(rng.integers(15, 30)) + 1, 12, 8), (33, 8, 13))
    ]
    images, is_train = _bytes(rng, 48, 12, 11)
    cases.append((images[:, 1:-1, 2:].mT, is_train))  # cut out and turned: the same as any other
    spread = (np.mean, np.std)[i]
    judge(
        candidate,
        cases,
        _statistic(lambda x, t: spread(x[t])),
        _statistics_mistakes(spread),
        kind=part(_PAIR, i),
        names=("images", "is_train"),
        look=_("three tiny images, worked out on paper and by your function"),
        tolerance=1e-3,  # with so many pixels, n and n - 1 as divisor agree to a thousandth
    )


@SPLIT_STATISTICS.property("mean", N_("the mean is that of all training pixels, scaled to [0, 1] once"))
def mean(candidate, rng):
    _judge_statistics(candidate, rng, 0)


@SPLIT_STATISTICS.property(
    "std", N_("the standard deviation is that of all training pixels, scaled to [0, 1] once")
)
def std(candidate, rng):
    _judge_statistics(candidate, rng, 1)


def mean_loss(printed, images, batch_size):
    batches = -(-images // batch_size)
    return 10**printed / batches


MEAN_LOSS = Exercise(
    "mean_loss",
    solution=mean_loss,
    hints=(
        N_("The printed number is log10 of a sum. Undo the logarithm first: what is left?"),
        N_(
            "The sum runs over batches. How many batches does an epoch have when the last one may be smaller?"
        ),
        N_("10 ** printed is the sum; divide it by the number of batches, images / batch_size rounded up."),
    ),
    contract=Contract(
        N_(
            "printed: a float, log10 of the sum of one epoch's batch losses, each the mean over its batch."
            " images and batch_size: whole numbers ≥ 1; the last batch may be smaller, but no image is left"
            " out."
        ),
        N_("the mean of the batch losses, one number: mean_loss(2.7313, 60_000, 256) is 2.292."),
    ),
)


def _batches(images, batch_size):
    return -(-images // batch_size)


_LOSS_MISTAKES = (
    (
        "natural-log",
        lambda p, n, b: float(np.exp(p)) / _batches(n, b),
        N_("the base of the logarithm: it was log10"),
    ),
    (
        "still-logarithm",
        lambda p, n, b: p / _batches(n, b),
        N_("the logarithm: it is still in your number"),
    ),
    ("not-divided", lambda p, n, b: 10.0**p, N_("sum or mean: what does the sum run over?")),
    (
        "per-image",
        lambda p, n, b: 10.0**p / n,
        N_("what was added up: one loss for each batch, and each was a mean already"),
    ),
    (
        "last-batch-lost",
        lambda p, n, b: 10.0**p / max(1, n // b),
        N_("the last batch: it is smaller, but it was added too"),
    ),
    (
        "one-too-many",
        lambda p, n, b: 10.0**p / (n // b + 1),
        N_("an epoch without a rest: how many batches are 100 images in batches of 50?"),
    ),
    (
        "not-whole",
        lambda p, n, b: 10.0**p / (n / b),
        N_("the number of batches: can it be a fraction?"),
    ),
    (
        "batch-size",
        lambda p, n, b: 10.0**p / b,
        N_("what you divide by: the number of batches, not the images in one"),
    ),
)


def _losses(candidate, rng, sizes):
    cases = [(float(rng.uniform(-0.5, 3.2)), images, batch_size) for images, batch_size in sizes]
    judge(
        candidate,
        cases,
        lambda p, n, b: 10.0**p / _batches(n, b),
        _LOSS_MISTAKES,
        kind=NUMBER,
        names=("printed", "images", "batch_size"),
        more=lambda: (float(rng.uniform(0.5, 3.2)), int(rng.integers(1, 900)), int(rng.integers(2, 90))),
        look=_("a run of two batches, with losses 40 and 60: log10 of their sum is 2"),
        tolerance=1e-6,
    )


def _batch_sizes(rng, n):
    return [(int(b), int(count)) for b, count in rng.integers((2, 3), (90, 15), (n, 2))]


@MEAN_LOSS.property("full-batches", N_("it undoes the logarithm and divides by the number of batches"))
def full_batches(candidate, rng):
    sizes = [(size * count, size) for size, count in _batch_sizes(rng, 5)]
    _losses(candidate, rng, [*sizes, (17, 1), (40, 40)])


@MEAN_LOSS.property("uneven-last-batch", N_("a smaller last batch counts as one batch"))
def uneven_last_batch(candidate, rng):
    sizes = [(size * count + int(rng.integers(1, size)), size) for size, count in _batch_sizes(rng, 5)]
    _losses(candidate, rng, [*sizes, (64 * 3 + 1, 64), (64 * 4 - 1, 64), (7, 50), (60_000, 256), (120, 30)])
