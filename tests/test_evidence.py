"""Paired comparisons and what luck alone does."""

import numpy as np
import pytest

from lenet_helpers.tuning.evidence import luck, pack, paired_bootstrap, unpack

RNG = np.random.default_rng(7)


def noisy(accuracy, seeds=6, images=400, spread=0.01):
    """Runs whose images differ in difficulty, so that pairing on images matters."""
    hard = RNG.random(images) < 0.1
    p = np.clip(accuracy + RNG.normal(0, spread, (seeds, 1)) - 0.5 * hard, 0, 1)
    return RNG.random((seeds, images)) < p


def test_mean_and_counts_match_hand_calculation():
    baseline = np.array([[1, 1, 0, 0], [1, 0, 0, 0]], dtype=bool)
    candidate = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], dtype=bool)
    result = paired_bootstrap(candidate, baseline)
    assert result.mean == pytest.approx(5 / 8 - 3 / 8)
    assert (result.seeds, result.images) == (2, 4)


def test_a_run_against_itself_differs_by_nothing():
    runs = noisy(0.95)
    result = paired_bootstrap(runs, runs)
    assert (result.mean, result.low, result.high, result.verdict) == (0, 0, 0, 0)


def test_swapping_the_sides_mirrors_the_interval():
    a, b = noisy(0.95), noisy(0.93)
    forth, back = paired_bootstrap(a, b), paired_bootstrap(b, a)
    assert forth.mean == pytest.approx(-back.mean)
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low), abs=1e-6)


def test_interval_agrees_with_an_index_by_index_bootstrap():
    a, b = noisy(0.95, seeds=5, images=120), noisy(0.92, seeds=5, images=120)
    d = a.astype(float) - b
    rng = np.random.default_rng(3)
    slow = [d[np.ix_(rng.integers(5, size=5), rng.integers(120, size=120))].mean() for _ in range(6000)]
    ours = paired_bootstrap(a, b, resamples=6000)
    assert (ours.low, ours.high) == pytest.approx(np.quantile(slow, (0.025, 0.975)), abs=0.003)


def test_seed_noise_widens_the_interval_beyond_image_noise():
    images = 5000
    steady = np.ones((5, images), dtype=bool)
    shaky = steady.copy()
    for row, wrong in zip(shaky, (0, 100, 0, 150, 400)):
        row[:wrong] = False
    result = paired_bootstrap(shaky, steady)
    only_images = 1.96 * np.sqrt(0.026 * 0.974 / images)
    assert result.high - result.low > 4 * only_images


def test_one_row_is_one_seed_and_unequal_shapes_are_refused():
    assert paired_bootstrap(np.array([True, False]), np.array([False, False])).seeds == 1
    with pytest.raises(ValueError, match=r"\(2, 4\) and \(2, 5\)"):
        paired_bootstrap(np.zeros((2, 4)), np.zeros((2, 5)))


@pytest.mark.parametrize("effect, verdict", [(0.05, 1), (-0.05, -1), (0.0, 0)])
def test_verdict_and_words(effect, verdict):
    baseline = np.zeros((4, 2000), dtype=bool)
    baseline[:, :1800] = True
    candidate = baseline.copy()
    if effect > 0:
        candidate[:, 1800:1900] = True
    elif effect < 0:
        candidate[:, 1700:1800] = False
    result = paired_bootstrap(candidate, baseline)
    assert result.verdict == verdict
    assert "4 seeds, 2000 images" in result.in_words()


def test_luck_is_centred_on_zero_and_shrinks_with_seeds_and_images():
    runs = noisy(0.95, seeds=20, images=1000, spread=0.01)
    one, five = luck(runs, seeds_each=1), luck(runs, seeds_each=5)
    assert abs(one.mean()) < 0.002
    assert five.std() < 0.6 * one.std()
    assert luck(runs, images=100).std() > one.std()


@pytest.mark.parametrize("seeds_each", [0, 11])
def test_luck_needs_two_separate_groups(seeds_each):
    with pytest.raises(ValueError, match="1 to 10"):
        luck(noisy(0.9, seeds=20), seeds_each=seeds_each)


def test_pack_and_unpack_are_inverse():
    runs = noisy(0.9, seeds=3, images=37)  # 37: the last byte is not full
    assert np.array_equal(unpack(pack(runs), 37), runs)
