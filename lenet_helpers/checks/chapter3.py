"""Chapter 3: statistics of a split, a printed loss. The loop is in `chapter3_loop`, going on after a stop
in `chapter3_resume`.

What a learner writes, in the order of the chapter:

    split_statistics(images, is_train)  -> (mean, std) of the training pixels scaled to [0, 1]
        images: uint8 tensor (n, height, width), training and test images together
        is_train: bool tensor (n,)
    training_loop(model, optimizer, train_batches, validation_batches, epochs)
        -> list of the validation accuracy [fraction] after each epoch
        both `batches` can be looped over again and again and give (images, labels)
    mean_loss(printed, images, batch_size)  -> mean loss of a batch [nats]
        printed: log10 of the sum of one epoch's batch losses, e.g. mean_loss(2.7313, 60_000, 256) = 2.29
    resume(path, model, dataset)  -> list of the records from the checkpoint at `path` to the run's end;
        `model` then has the weights of a run that was never stopped
"""

import numpy as np
import torch

from ..wording import N_, _
from .core import Exercise
from .trial import Trial, agree, plain


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
)


def _bytes(rng):
    """Images that are dark where they are for training and bright elsewhere, and which are which."""
    n = 40
    is_train = np.zeros(n, dtype=bool)
    is_train[rng.permutation(n)[:25]] = True
    levels = np.where(is_train, rng.integers(20, 120, n), rng.integers(150, 250, n))
    images = rng.integers(0, levels[:, None, None] + 1, (n, 7, 6)).astype(np.uint8)
    return torch.from_numpy(images), torch.from_numpy(is_train)


def _pair_of_numbers(trial):
    """The result as two floats; Failed if it is not a pair of numbers."""
    result = trial.result
    if result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    parts = [plain(part) for part in result] if type(result) in (tuple, list) and len(result) == 2 else [None]
    if any(part is None or part.size != 1 for part in parts):
        trial.fail("not-a-pair", look=_("what is returned: two numbers, the mean and the standard deviation"))
    return [float(part.reshape(())) for part in parts]


def _statistics_mistake(images, is_train, which, got):
    """(key, advice) if `got` is what a known mistake gives for the mean (which=0) or the spread (1)."""
    a, t = images.numpy().astype(np.float64), is_train.numpy()
    spread = (np.mean, np.std)[which]
    known = [
        (
            "leak",
            spread(a / 255),
            _("which images went in: a number made from the test images has seen the test"),
        ),
        (
            "wrong-split",
            spread(a[~t] / 255),
            _("which images went in: True in `is_train` marks the training images"),
        ),
        ("scaled-twice", spread(a[t] / 255 / 255), _("how often you divide by 255")),
        (
            "not-scaled",
            spread(a[t]),
            _("the range: pixels as bytes go to 255, here they are wanted in [0, 1]"),
        ),
    ]
    if which == 1:
        known += [
            ("variance", np.var(a[t] / 255), _("the unit: a standard deviation is the root of the variance")),
            (
                "averaged",
                np.mean([np.std(image / 255) for image in a[t]]),
                _("the order of things: an average of the images' deviations misses how the images differ"),
            ),
        ]
    for key, wrong, look in known:
        if abs(got - wrong) <= 2e-3 * abs(wrong):
            return key, look
    return None


@SPLIT_STATISTICS.property("mean", N_("the mean is that of all training pixels, scaled to [0, 1] once"))
def mean(candidate, rng):
    _judge_statistics(candidate, rng, 0)


@SPLIT_STATISTICS.property(
    "std", N_("the standard deviation is that of all training pixels, scaled to [0, 1] once")
)
def std(candidate, rng):
    _judge_statistics(candidate, rng, 1)


def _judge_statistics(candidate, rng, which):
    images, is_train = _bytes(rng)
    trial = Trial(candidate, images, is_train)
    got = _pair_of_numbers(trial)
    pixels = images.numpy()[is_train.numpy()].astype(np.float64) / 255
    wanted = (pixels.mean(), pixels.std())
    # Dividing by n or by n - 1 is both in use: with so many pixels the two agree to a thousandth.
    if abs(got[which] - wanted[which]) <= 1e-3 * wanted[which]:
        return
    if abs(got[0] - wanted[1]) <= 1e-3 and abs(got[1] - wanted[0]) <= 1e-3:
        trial.fail("swapped", look=_("the order of the two: the mean comes first"))
    mistake = _statistics_mistake(images, is_train, which, got[which])
    key, look = mistake or (
        ("mean", "std")[which],
        _("three tiny images, worked out on paper and by your function"),
    )
    trial.fail(key, look=look)


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
)


def _judge_loss(candidate, printed, images, batch_size):
    trial = Trial(
        candidate, printed, images, batch_size, tried=f"mean_loss({printed:.4f}, {images}, {batch_size})"
    )
    value = trial.array()
    if value.size != 1:
        trial.fail("not-a-number", look=_("what is returned: one number is wanted"))
    total, count = 10.0**printed, -(-images // batch_size)
    if agree(value.reshape(()), np.array(total / count), 1e-6):
        return
    mistakes = [
        ("natural-log", np.exp(printed) / count, _("the base of the logarithm: it was log10")),
        ("still-logarithm", printed / count, _("the logarithm: it is still in your number")),
        ("not-divided", total, _("sum or mean: what does the sum run over?")),
        (
            "per-image",
            total / images,
            _("what was added up: one loss for each batch, and each was a mean already"),
        ),
        (
            "last-batch-lost",
            total / max(1, images // batch_size),
            _("the last batch: it is smaller, but it was added too"),
        ),
        ("not-whole", total / (images / batch_size), _("the number of batches: can it be a fraction?")),
        (
            "batch-size",
            total / batch_size,
            _("what you divide by: the number of batches, not the images in one"),
        ),
    ]
    for key, wrong, look in mistakes:
        if agree(value.reshape(()), np.array(wrong), 1e-6):
            trial.fail(key, look=look)
    trial.fail("value", look=_("a run of two batches, with losses 40 and 60: log10 of their sum is 2"))


@MEAN_LOSS.property("full-batches", N_("it undoes the logarithm and divides by the number of batches"))
def full_batches(candidate, rng):
    batch_size, count = int(rng.integers(20, 90)), int(rng.integers(5, 15))
    _judge_loss(candidate, float(rng.uniform(1.2, 3.0)), batch_size * count, batch_size)


@MEAN_LOSS.property("uneven-last-batch", N_("a smaller last batch counts as one batch"))
def uneven_last_batch(candidate, rng):
    batch_size, count = int(rng.integers(20, 90)), int(rng.integers(3, 8))
    images = batch_size * count + int(rng.integers(1, batch_size))
    _judge_loss(candidate, float(rng.uniform(1.2, 3.0)), images, batch_size)
