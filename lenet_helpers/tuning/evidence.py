"""Is a difference real? Paired comparisons and what luck alone would do.

Two sources of noise reach every validation score: the seed (initial weights, order of the
images, dropout, augmentation) and the finite set of validation images. Everything here
works on *which* images each run gets right, an array (seeds, images) of booleans, so that
both sources can be resampled.
"""

import base64
from dataclasses import dataclass

import numpy as np

from ..wording import _


@dataclass(frozen=True)
class Difference:
    """A mean difference in accuracy (fractions) with its bootstrap interval."""

    mean: float
    low: float
    high: float
    seeds: int
    images: int

    @property
    def verdict(self):
        """-1, 0 or 1: worse, cannot tell, better (does the interval leave 0 out?)."""
        return int(self.low > 0) - int(self.high < 0)

    def in_words(self):
        """One sentence with the size, the interval and n, in percentage points."""
        endings = {-1: _("worse"), 0: _("could be luck"), 1: _("better")}
        text = _(
            "{mean:+.2f} points (95 % interval {low:+.2f} to {high:+.2f}; {seeds} seeds, {images} images):"
            " {verdict}"
        )
        return text.format(
            mean=100 * self.mean,
            low=100 * self.low,
            high=100 * self.high,
            seeds=self.seeds,
            images=self.images,
            verdict=endings[self.verdict],
        )


def paired_bootstrap(candidate, baseline, *, resamples=2000, level=0.95, seed=0):
    """Mean accuracy difference candidate − baseline, as a `Difference`.

    Both are (seeds, images) arrays of booleans: row s, column i says whether the run with
    seed s got image i right; rows and columns mean the same seed and image in both. Each
    resample draws seeds *and* images with replacement (a crossed bootstrap: Owen, "The
    pigeonhole bootstrap", Annals of Applied Statistics 1, 2007), which errs on the wide
    side. Raises ValueError where the shapes differ.
    """
    candidate, baseline = np.atleast_2d(candidate), np.atleast_2d(baseline)
    if candidate.shape != baseline.shape:
        message = _("paired_bootstrap: shapes {a} and {b} differ; compare the same seeds on the same images")
        raise ValueError(message.format(a=candidate.shape, b=baseline.shape))
    difference = candidate.astype(np.float32) - baseline.astype(np.float32)
    n_seeds, n_images = difference.shape
    means = _resampled_means(difference, resamples, np.random.default_rng(seed))
    tail = (1 - level) / 2
    low, high = np.quantile(means, (tail, 1 - tail))
    return Difference(float(difference.mean()), float(low), float(high), n_seeds, n_images)


def _resampled_means(values, resamples, rng, block=200):
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


def pack(correct):
    """A (seeds, images) table of booleans as one short line of text (base64 of the bits) a row."""
    rows = np.packbits(np.asarray(correct, dtype=bool), axis=1)
    return [base64.b64encode(row.tobytes()).decode() for row in rows]


def unpack(rows, images):
    """The table that `pack` made text of, (len(rows), images) booleans."""
    raw = [np.frombuffer(base64.b64decode(row), dtype=np.uint8) for row in rows]
    return np.unpackbits(np.stack(raw), axis=1, count=images).astype(bool)
