"""Chapter 4: the bootstrap, written by hand, whose coverage the chapter then measures.

bootstrap(difference, resamples, rng)  -> (low, high), the middle 95 % of the resampled means
    difference: float array (seeds, images), candidate − baseline: −1, 0 or 1 for each image
    each resample draws as many seeds and as many images as there are, both with replacement
    rng: the numpy.random.Generator to draw with
"""

import numpy as np

from ..tuning.evidence import resampled_means
from ..wording import N_, _
from .core import Contract, Exercise
from .trial import Trial

RESAMPLES = 1501


def bootstrap(difference, resamples, rng):
    seeds, images = difference.shape
    means = []
    for _resample in range(resamples):
        rows = rng.integers(seeds, size=seeds)
        columns = rng.integers(images, size=images)
        means.append(difference[rows][:, columns].mean())
    low, high = np.quantile(means, (0.025, 0.975))
    return low, high


BOOTSTRAP = Exercise(
    "bootstrap",
    solution=bootstrap,
    hints=(
        N_(
            "A resample is a table as large as the one you have, made by drawing its rows and its columns."
            " What do you keep of each?"
        ),
        N_(
            "rng.integers(n, size=n) draws n of n positions with replacement. Draw rows and columns anew in"
            " every turn, take the table's mean, and collect the means."
        ),
        N_(
            "In the loop: means.append(difference[rows][:, columns].mean()); after it:"
            " np.quantile(means, (0.025, 0.975))."
        ),
    ),
    contract=Contract(
        N_(
            "difference: an array (seeds, images) of numbers from −1 to 1. resamples: how often to draw."
            " rng: a numpy.random.Generator."
        ),
        N_(
            "Two numbers, low and high: the 2.5 % and the 97.5 % quantile of the resampled means. Each is the"
            " mean of a table made of as many rows and as many columns, both drawn with replacement with rng;"
            " the columns drawn are the same for all rows."
        ),
    ),
)


def _interval(candidate, difference, *, resamples=RESAMPLES, seed=0):
    """(low, high) that the answer gives, and its trial."""
    trial = Trial(
        candidate,
        difference,
        resamples,
        np.random.default_rng(seed),
        tried=_("{seeds} seeds, {images} images, {n} resamples").format(
            seeds=len(difference), images=difference.shape[1], n=resamples
        ),
    )
    both = trial.array()
    if both.shape != (2,) or not np.isfinite(both).all():
        trial.fail("not-a-pair", look=_("what is returned: two numbers, the lower and the upper end"))
    if both[0] > both[1]:
        trial.fail("upside-down", look=_("the order: the lower end comes first"))
    return both, trial


def _width(both):
    return both[1] - both[0]


def _judge(trial, both, right, mistakes, key, look, tolerance=0.25):
    """Compare the ends with `right`, a (low, high); `mistakes` are (key, (low, high), where to look).

    Resampling is random: what lies nearest counts, and whether it is near at all.
    """

    def away(other):
        return float(np.abs(both - np.array(other)).max()) / max(_width(right), 1e-3)

    name, wrong, where = min(mistakes, key=lambda mistake: away(mistake[1]))
    if away(right) <= tolerance and away(right) <= away(wrong):
        return
    got = _("{low:.4f} to {high:.4f}; by our bootstrap {a:.4f} to {b:.4f}").format(
        low=both[0], high=both[1], a=right[0], b=right[1]
    )
    if away(wrong) <= 0.1:
        trial.fail(name, got=got, look=where)
    trial.fail(key, got=got, look=look)


def _middle(means, level=0.95):
    return np.quantile(means, ((1 - level) / 2, (1 + level) / 2))


@BOOTSTRAP.property("nothing-to-find", N_("runs that differ nowhere give an interval from 0 to 0"))
def nothing(candidate, rng):
    both, trial = _interval(candidate, np.zeros((3, int(rng.integers(30, 60)))), resamples=50)
    if np.abs(both).max() > 1e-12:
        trial.fail("nothing-to-find", look=_("what is averaged: the differences, and nothing else"))


@BOOTSTRAP.property("seeds", N_("seeds are drawn: where they differ, the interval is wide"))
def seeds_are_drawn(candidate, rng):
    # Each seed agrees with itself on all images: only drawing seeds moves the mean.
    shares = np.array([0.0, 0.02, 0.05, 0.11, 0.30]) + float(rng.uniform(0, 0.02))
    images = 400
    table = (np.arange(images) < np.round(shares * images)[:, None]).astype(float)
    table = table[:, rng.permutation(images)]
    right = bootstrap(table, RESAMPLES, np.random.default_rng(1))
    only_images = _middle(
        [table[:, np.random.default_rng(i).integers(images, size=images)].mean() for i in range(400)]
    )
    both, trial = _interval(candidate, table)
    _judge(
        trial,
        both,
        right,
        (
            (
                "no-seeds",
                only_images,
                _("what is drawn: images only; the seeds are the same in every resample"),
            ),
            (
                "no-replacement",
                (table.mean(), table.mean()),
                _("how it is drawn: without replacement every resample is the same table"),
            ),
        ),
        "seeds",
        _("what a resample is: as many rows as there are seeds, drawn with replacement"),
    )


@BOOTSTRAP.property(
    "images", N_("images are drawn: with seeds that agree, the interval is that of the images")
)
def images_are_drawn(candidate, rng):
    images = int(rng.integers(150, 250))
    row = np.zeros(images)
    row[: images // 8], row[images // 8 : images // 6] = 1, -1
    table = np.tile(rng.permutation(row), (4, 1))
    right = bootstrap(table, RESAMPLES, np.random.default_rng(1))
    shuffled = _middle(
        [np.random.default_rng(i).choice(table.ravel(), size=table.size).mean() for i in range(400)]
    )
    both, trial = _interval(candidate, table)
    _judge(
        trial,
        both,
        right,
        (
            (
                "no-images",
                (table.mean(), table.mean()),
                _("what is drawn: seeds only; the images are the same in every resample"),
            ),
            (
                "single-cells",
                shuffled,
                _("what is drawn: whole columns, the same for every seed, not cell by cell"),
            ),
        ),
        "images",
        _("what a resample is: as many columns as there are images, drawn with replacement"),
    )


def _resampled(table, n=2000):
    return resampled_means(table, n, np.random.default_rng(1))


def _table(shares, images=300):
    """Row s has a share `shares[s]` of ones, the rest is 0."""
    return (np.arange(images) < np.round(np.asarray(shares) * images)[:, None]).astype(float)


@BOOTSTRAP.property("level", N_("95 % of the resampled means lie between the two numbers"))
def level(candidate, rng):
    # One image, many seeds and resamples: what chance does to the quantiles is small here, a quarter of the
    # tolerance at each end, and nearly nothing in what they are compared with.
    table = rng.permutation(np.linspace(-1, 1, 40))[:, None] * float(rng.uniform(0.5, 1))
    both, trial = _interval(candidate, table, resamples=6_000)
    means = _resampled(table, 40_000)
    narrow = _("the quantiles: 2.5 % and 97.5 % leave 95 % between them")
    _judge(
        trial,
        both,
        _middle(means),
        (
            ("ninety", _middle(means, 0.90), narrow),
            ("one-sided", np.quantile(means, (0.05, 1)), narrow),
            ("extremes", (means.min(), means.max()), narrow),
        ),
        "level",
        narrow,
        tolerance=0.035,
    )


@BOOTSTRAP.property("quantiles", N_("the ends are quantiles of the means, also where these are lopsided"))
def quantiles(candidate, rng):
    table = _table(np.array([0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.15, 0.5]) + float(rng.uniform(0, 0.01)))
    both, trial = _interval(candidate, table, resamples=2000)
    means = _resampled(table)
    look = _("how the ends are found: quantiles of the means, whatever shape these have")
    around = (table.mean() - 2 * means.std(), table.mean() + 2 * means.std())
    _judge(trial, both, _middle(means), (("two-deviations", around, look),), "quantiles", look)


@BOOTSTRAP.property("generator", N_("the same generator gives the same interval, another one hardly another"))
def generator_is_used(candidate, rng):
    table = rng.choice([-1.0, 0.0, 1.0], size=(5, 80), p=[0.05, 0.85, 0.1])
    first, trial = _interval(candidate, table, resamples=60, seed=3)
    again, _same = _interval(candidate, table, resamples=60, seed=3)
    others = [_interval(candidate, table, resamples=60, seed=s)[0] for s in (4, 5, 6)]
    if np.abs(first - again).max() > 0:
        trial.fail("own-generator", look=_("where the random numbers come from: the generator that is given"))
    if all(np.abs(first - other).max() == 0 for other in others):
        trial.fail(
            "always-the-same", look=_("where the random numbers come from: the generator that is given")
        )
