"""Chapter 4, the bootstrap: right answers written in other ways, and the mistakes people make."""

import numpy as np

from . import correct, wrong


@correct("bootstrap")
def columns_first(difference, resamples, rng):
    n, m = difference.shape
    means = np.empty(resamples)
    for i in range(resamples):
        drawn = difference[:, rng.choice(m, m)]
        means[i] = drawn[rng.choice(n, n)].mean()
    return tuple(float(x) for x in np.percentile(means, [2.5, 97.5]))


@correct("bootstrap")
def by_counting(difference, resamples, rng):
    n, m = difference.shape
    rows = rng.multinomial(n, np.full(n, 1 / n), size=resamples) / n
    columns = rng.multinomial(m, np.full(m, 1 / m), size=resamples) / m
    means = ((rows @ difference) * columns).sum(axis=1)
    return np.quantile(means, [0.025, 0.975])


@correct("bootstrap")
def sorted_by_hand(difference, resamples, rng):
    n, m = difference.shape
    means = sorted(
        difference[np.ix_(rng.integers(0, n, n), rng.integers(0, m, m))].mean() for _i in range(resamples)
    )
    cut = int(0.025 * resamples)
    return [means[cut], means[-1 - cut]]


def _bootstrap(difference, resamples, rng, rows=True, columns=True, ends=(0.025, 0.975), replace=True):
    n, m = difference.shape
    means = [
        difference[rng.choice(n, n, replace=replace) if rows else slice(None)][
            :, rng.choice(m, m, replace=replace) if columns else slice(None)
        ].mean()
        for _i in range(resamples)
    ]
    return np.quantile(means, ends)


@wrong("bootstrap", "no-seeds")
def images_alone(difference, resamples, rng):
    return _bootstrap(difference, resamples, rng, rows=False)


@wrong("bootstrap", "no-images")
def seeds_alone(difference, resamples, rng):
    return _bootstrap(difference, resamples, rng, columns=False)


@wrong("bootstrap", "no-replacement")
def shuffles(difference, resamples, rng):
    return _bootstrap(difference, resamples, rng, replace=False)


@wrong("bootstrap", "single-cells")
def cell_by_cell(difference, resamples, rng):
    n, m = difference.shape
    means = []
    for _i in range(resamples):
        # A seed for each row, but images of its own for each: they no longer move together.
        seeds, columns = rng.integers(n, size=n), rng.integers(m, size=(n, m))
        means.append(difference[seeds[:, None], columns].mean())
    return np.quantile(means, (0.025, 0.975))


@wrong("bootstrap", "ninety")
def five_percent_on_each_side(difference, resamples, rng):
    return _bootstrap(difference, resamples, rng, ends=(0.05, 0.95))


@wrong("bootstrap", "two-deviations")
def mean_and_two_deviations(difference, resamples, rng):
    n, m = difference.shape
    means = [
        difference[rng.integers(n, size=n)][:, rng.integers(m, size=m)].mean() for _i in range(resamples)
    ]
    return difference.mean() - 2 * np.std(means), difference.mean() + 2 * np.std(means)


@wrong("bootstrap", "seeds")
def quantiles_of_the_seeds(difference, resamples, rng):
    return np.quantile(difference.mean(axis=1), (0.025, 0.975))


@wrong("bootstrap", "seeds")
def smallest_and_largest(difference, resamples, rng):
    return _bootstrap(difference, resamples, rng, ends=(0, 1))


@wrong("bootstrap", "upside-down")
def high_then_low(difference, resamples, rng):
    return _bootstrap(difference, resamples, rng)[::-1]


@wrong("bootstrap", "own-generator")
def a_generator_of_its_own(difference, resamples, rng):
    return _bootstrap(difference, resamples, np.random.default_rng())


@wrong("bootstrap", "always-the-same")
def a_fixed_generator(difference, resamples, rng):
    return _bootstrap(difference, resamples, np.random.default_rng(0))


@wrong("bootstrap", "not-a-pair")
def returns_all_means(difference, resamples, rng):
    return _bootstrap(difference, resamples, rng, ends=np.linspace(0, 1, 11))


@wrong("bootstrap", "returned-none")
def prints_it(difference, resamples, rng):
    _bootstrap(difference, resamples, rng)


@wrong("bootstrap", "nothing-to-find", by="nothing-to-find")
def with_a_continuity_correction(difference, resamples, rng):
    low, high = _bootstrap(difference, resamples, rng)
    half = 0.5 / difference.size
    return low - half, high + half


@wrong("bootstrap", "seeds", by="level")  # by itself there: "one-sided"
def five_percent_below_alone(difference, resamples, rng):
    return _bootstrap(difference, resamples, rng, ends=(0.05, 1))
