"""Is a difference real? One rule for every verdict of the course, and what luck alone would do.

A configuration is trained with several seeds, and `correct`, an array (seeds, images) of
booleans, says which validation images each run gets right. Two configurations are compared
seed by seed on the same images. The rule (`paired_difference`): one difference in accuracy
per seed, their mean, and the paired t interval around it. What the interval promises, and
what it doesn't, is measured by `python -m benchmarks.coverage`.
"""

import base64
from dataclasses import dataclass

import numpy as np
from scipy.special import nctdtr, stdtrit

from ..wording import N_, _

# The three outcomes of a comparison, by the name that code uses, as a reader sees them.
OUTCOMES = {"better": N_("better"), "undecided": N_("undecided"), "worse": N_("worse")}


@dataclass(frozen=True)
class Difference:
    """A mean difference in accuracy (fractions) with its interval.

    `seeds`: how many seeds both sides have, on which everything rests. With a single
    seed there is no spread to judge by, and the interval is infinite.
    """

    mean: float
    low: float
    high: float
    seeds: int
    images: int

    @property
    def verdict(self):
        """`better` or `worse` where the interval leaves out 0, else `undecided`."""
        return verdict_of(self.low, self.high)

    def in_words(self):
        """One sentence with the size, the interval and n, in percentage points."""
        verdict = _(OUTCOMES[self.verdict])
        if self.seeds < 2:
            text = _("{mean:+.2f} points ({images} images, 1 shared seed, so no interval): {verdict}")
            return text.format(mean=100 * self.mean, images=self.images, verdict=verdict)
        text = _(
            "{mean:+.2f} points (95 % interval {low:+.2f} to {high:+.2f}; {seeds} shared seeds, {images}"
            " images): {verdict}"
        )
        return text.format(
            mean=100 * self.mean,
            low=100 * self.low,
            high=100 * self.high,
            seeds=self.seeds,
            images=self.images,
            verdict=verdict,
        )


def verdict_of(low, high):
    """The outcome that an interval from `low` to `high` gives: a key of `OUTCOMES`."""
    if low > 0:
        return "better"
    return "worse" if high < 0 else "undecided"


def t_quantile(seeds, level=0.95):
    """How many standard errors on either side of the mean of `seeds` differences hold `level` of the cases.

    Student's t with seeds − 1 degrees of freedom (Student, "The probable error of a mean",
    Biometrika 6, 1908): 4.30 for 3 seeds, 2.78 for 5, 2.36 for 8. Infinite for a single seed.
    """
    if seeds < 1:
        raise ValueError(_("seeds={value!r}: choose a whole number of at least 1").format(value=seeds))
    return float(stdtrit(seeds - 1, (1 + level) / 2)) if seeds > 1 else float("inf")


def paired_difference(candidate, baseline, *, level=0.95):
    """Mean accuracy difference candidate − baseline, as a `Difference`: the rule of the course.

    Both are (seeds, images) arrays of booleans: row s, column i says whether the run with
    seed s got image i right; rows and columns mean the same seed and image in both. The
    interval is mean ± t · s.d. / √seeds over the differences per seed. It is about new
    seeds on these very images; other images add noise of their own. Raises ValueError
    where the shapes differ.
    """
    difference = _paired(candidate, baseline, "paired_difference")
    gaps = difference.mean(axis=1, dtype=np.float64)
    return Difference(*paired_interval(gaps, level), *difference.shape)


def paired_interval(gaps, level=0.95):
    """(mean, low, high) of one number per seed (seeds,), as a rule a difference: mean ± t · s.d. / √seeds."""
    gaps = np.asarray(gaps, dtype=np.float64)
    mean, n = float(gaps.mean()), len(gaps)
    half = t_quantile(n, level) * float(gaps.std(ddof=1)) / n**0.5 if n > 1 else float("inf")
    return mean, mean - half, mean + half


def paired_bootstrap(candidate, baseline, *, resamples=2000, level=0.95, seed=0):
    """The interval that a bootstrap over seeds and images gives, as a `Difference`.

    Arguments as for `paired_difference`. Each resample draws seeds *and* images with
    replacement (a crossed bootstrap: Owen, "The pigeonhole bootstrap", Annals of Applied
    Statistics 1, 2007), and the middle `level` of the resampled means is the interval.
    With few seeds its coverage can be far from `level`, either way: `benchmarks.coverage`.
    """
    difference = _paired(candidate, baseline, "paired_bootstrap")
    n_seeds, n_images = difference.shape
    means = resampled_means(difference, resamples, np.random.default_rng(seed))
    tail = (1 - level) / 2
    low, high = np.quantile(means, (tail, 1 - tail))
    return Difference(float(difference.mean()), float(low), float(high), n_seeds, n_images)


def _paired(candidate, baseline, name):
    """candidate − baseline, float32 (seeds, images); ValueError where the shapes differ."""
    candidate, baseline = np.atleast_2d(candidate), np.atleast_2d(baseline)
    if candidate.shape != baseline.shape:
        message = _("{name}: shapes {a} and {b} differ; compare the same seeds on the same images")
        raise ValueError(message.format(name=name, a=candidate.shape, b=baseline.shape))
    return candidate.astype(np.float32) - baseline.astype(np.float32)


def power(difference, spread, seeds, level=0.95):
    """How often `seeds` seeds per side bring the right verdict, for a true difference that big.

    `spread`: the s.d. of the differences per seed, in the unit of `difference`. The share of
    paired t intervals that leave out 0 on the right side (noncentral t).
    """
    seeds = np.asarray(seeds)
    border = np.array([t_quantile(n, level) for n in np.atleast_1d(seeds)]).reshape(seeds.shape)
    return 1 - nctdtr(seeds - 1, abs(difference) / spread * np.sqrt(seeds), border)


def many_comparisons(spread, candidates, seeds, draws=4000, seed=0):
    """What comes of comparing `candidates` settings that change nothing with a baseline.

    Returns (the share of such campaigns in which at least one verdict is "better", the
    mean lead of the one that looks best). `spread` is the s.d. of one run's accuracy; all
    settings are compared with the same `seeds` runs of the baseline, as on the bench.
    """
    rng = np.random.default_rng(seed)
    runs = rng.normal(0, spread, (draws, candidates + 1, seeds))
    gaps = runs[:, 1:] - runs[:, :1]
    means = gaps.mean(axis=2)
    half = t_quantile(seeds) * gaps.std(axis=2, ddof=1) / seeds**0.5
    return float((means > half).any(axis=1).mean()), float(means.max(axis=1).mean())


def resampled_means(values, resamples, rng, block=200):
    """Means (resamples,) of `values` (seeds, images), both axes drawn with replacement."""
    n_seeds, n_images = values.shape
    means = []
    for start in range(0, resamples, block):
        n = min(block, resamples - start)
        # How often each seed or image was drawn: cheaper than gathering n copies of the table.
        seeds, images = _drawn(n_seeds, n_seeds, n, rng), _drawn(n_images, n_images, n, rng)
        means.append(np.einsum("bi,bi->b", (seeds / n_seeds) @ values, images / n_images))
    return np.concatenate(means)


def _drawn(n, size, times, rng):
    """How often each of `n` things is drawn in `size` draws with replacement: (times, n)."""
    picks = rng.integers(n, size=(times, size)) + n * np.arange(times)[:, None]
    return np.bincount(picks.ravel(), minlength=times * n).reshape(times, n)


def luck(correct, *, seeds_each=1, images=None, draws=4000, seed=0):
    """Differences (draws,) between two groups of runs of ONE configuration: pure luck.

    `correct` is (seeds, images) of booleans. Each draw picks `images` of the validation
    images (by default all) and two separate groups of `seeds_each` runs, and subtracts
    the groups' mean accuracies. The nearest thing to "I changed something that does
    nothing".
    """
    correct = np.asarray(correct)
    n_seeds, n_images = correct.shape
    if not 1 <= seeds_each <= n_seeds // 2:
        message = _("seeds_each={value}: choose 1 to {most}, two separate groups out of {n} runs")
        raise ValueError(message.format(value=seeds_each, most=n_seeds // 2, n=n_seeds))
    rng = np.random.default_rng(seed)
    images = images or n_images
    order = rng.permuted(np.tile(np.arange(n_seeds), (draws, 1)), axis=1)
    # +1/k for the runs of one group, −1/k for those of the other, 0 for the rest.
    sides = np.zeros((draws, n_seeds), dtype=np.float32)
    np.put_along_axis(sides, order[:, :seeds_each], 1 / seeds_each, axis=1)
    np.put_along_axis(sides, order[:, seeds_each : 2 * seeds_each], -1 / seeds_each, axis=1)
    gaps = sides @ correct.astype(np.float32)
    if images == n_images:
        return gaps.mean(axis=1)
    return _means_of_few(np.rint(gaps * seeds_each).astype(np.int8), images, seeds_each, rng) / seeds_each


def _means_of_few(values, images, most, rng):
    """Mean of `images` values of each row (draws, n), drawn without replacement; whole numbers, ±`most`.

    Without replacement: drawing again what was measured once would add noise of its own. How often each
    value comes up is hypergeometric, so no image need be drawn by itself.
    """
    total, left = np.zeros(len(values)), np.full(len(values), values.shape[1])
    wanted = np.full(len(values), images)
    for value in range(-most, most + 1):
        there = np.count_nonzero(values == value, axis=1)
        taken = rng.hypergeometric(there, left - there, wanted)
        total += value * taken
        left, wanted = left - there, wanted - taken
    return total / images


def coverage_of(interval, correct, seeds, *, draws=300, seed=0):
    """How often an interval holds the truth, as a share of `draws` comparisons of luck with luck.

    `correct` is (runs, images) of ONE configuration; each draw picks two separate groups of
    `seeds` runs, so that the true mean difference is 0. `interval(difference, rng)` gets the
    table (seeds, images) of differences and returns (low, high).
    """
    correct = np.asarray(correct)
    if not 1 <= seeds <= len(correct) // 2:
        message = _("seeds={value}: choose 1 to {most}, two separate groups out of {n} runs")
        raise ValueError(message.format(value=seeds, most=len(correct) // 2, n=len(correct)))
    rng, held = np.random.default_rng(seed), 0
    for _draw in range(draws):
        rows = rng.permutation(len(correct))[: 2 * seeds]
        low, high = interval(correct[rows[:seeds]].astype(float) - correct[rows[seeds:]], rng)
        held += low <= 0 <= high
    return held / draws


def pack(correct):
    """A (seeds, images) table of booleans as one short line of text (base64 of the bits) a row."""
    rows = np.packbits(np.asarray(correct, dtype=bool), axis=1)
    return [base64.b64encode(row.tobytes()).decode() for row in rows]


def unpack(rows, images):
    """The table that `pack` made text of, (len(rows), images) booleans."""
    raw = [np.frombuffer(base64.b64decode(row), dtype=np.uint8) for row in rows]
    return np.unpackbits(np.stack(raw), axis=1, count=images).astype(bool)
