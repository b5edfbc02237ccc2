"""Paired comparisons and what luck alone does."""

import numpy as np
import pytest
from scipy import stats

from benchmarks import coverage
from lenet_helpers.results import stored_result
from lenet_helpers.tuning.evidence import (
    OUTCOMES,
    luck,
    many_comparisons,
    pack,
    paired_bootstrap,
    paired_difference,
    power,
    t_quantile,
    unpack,
)

RNG = np.random.default_rng()


@pytest.fixture(autouse=True)
def _the_same_draws_in_every_test():
    RNG.bit_generator.state = np.random.default_rng(7).bit_generator.state


def noisy(accuracy, seeds=6, images=400, spread=0.01):
    """Runs whose images differ in difficulty, so that pairing on images matters."""
    hard = RNG.random(images) < 0.1
    p = np.clip(accuracy + RNG.normal(0, spread, (seeds, 1)) - 0.5 * hard, 0, 1)
    return RNG.random((seeds, images)) < p


def test_mean_and_counts_match_hand_calculation():
    baseline = np.array([[1, 1, 0, 0], [1, 0, 0, 0]], dtype=bool)
    candidate = np.array([[1, 1, 1, 0], [1, 1, 1, 0]], dtype=bool)
    for rule in (paired_difference, paired_bootstrap):
        result = rule(candidate, baseline)
        assert result.mean == pytest.approx(6 / 8 - 3 / 8)
        assert (result.seeds, result.images) == (2, 4)
    # Differences 1/4 and 2/4: standard error 1/8, and 12.71 of them on either side (tables of Student's t).
    result = paired_difference(candidate, baseline)
    assert (result.high - result.mean) == pytest.approx(12.706 / 8, rel=1e-4)


@pytest.mark.parametrize("seeds, table", [(2, 12.71), (3, 4.303), (5, 2.776), (8, 2.365), (30, 2.045)])
def test_quantiles_are_those_of_the_printed_tables(seeds, table):
    assert t_quantile(seeds) == pytest.approx(table, abs=0.005)


def test_the_interval_is_that_of_scipys_paired_test():
    a, b = noisy(0.95, seeds=5), noisy(0.93, seeds=5)
    interval = stats.ttest_rel(a.mean(1), b.mean(1)).confidence_interval(0.95)
    ours = paired_difference(a, b)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), abs=1e-6)


@pytest.mark.parametrize("rule", [paired_difference, paired_bootstrap])
def test_a_run_against_itself_differs_by_nothing(rule):
    runs = noisy(0.95)
    result = rule(runs, runs)
    assert (result.mean, result.low, result.high, result.verdict) == (0, 0, 0, "undecided")


@pytest.mark.parametrize("rule", [paired_difference, paired_bootstrap])
def test_swapping_the_sides_mirrors_the_interval(rule):
    a, b = noisy(0.95), noisy(0.93)
    forth, back = rule(a, b), rule(b, a)
    assert forth.mean == pytest.approx(-back.mean)
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low), abs=1e-6)


def test_one_seed_decides_nothing():
    result = paired_difference(np.array([True, True]), np.array([False, False]))
    assert (result.seeds, result.verdict) == (1, "undecided")
    assert "1 shared seed, so no interval" in result.in_words() and "inf" not in result.in_words()


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


@pytest.mark.parametrize("rule", [paired_difference, paired_bootstrap])
def test_one_row_is_one_seed_and_unequal_shapes_are_refused(rule):
    assert rule(np.array([True, False]), np.array([False, False])).seeds == 1
    with pytest.raises(ValueError, match=r"\(2, 4\) and \(2, 5\)"):
        rule(np.zeros((2, 4)), np.zeros((2, 5)))


def test_power_is_the_share_of_right_verdicts():
    rng = np.random.default_rng(1)
    for seeds, effect in ((3, 0.006), (8, 0.003), (8, -0.003)):
        gaps = rng.normal(effect, 0.004, (20_000, seeds))
        half = t_quantile(seeds) * gaps.std(axis=1, ddof=1) / seeds**0.5
        found = (np.abs(gaps.mean(axis=1)) > half) & (np.sign(gaps.mean(axis=1)) == np.sign(effect))
        assert power(effect, 0.004, seeds) == pytest.approx(found.mean(), abs=0.015)
    assert (np.diff(power(0.003, 0.004, np.arange(2, 30))) > 0).all()


def test_many_comparisons_find_something_where_there_is_nothing():
    alone, lead = many_comparisons(0.003, candidates=1, seeds=3)
    assert alone == pytest.approx(0.025, abs=0.01) and abs(lead) < 2e-4
    found, lead_of_many = many_comparisons(0.003, candidates=20, seeds=3)
    assert found > 5 * alone and lead_of_many > 0.002


def test_stored_coverage_keeps_the_promise():
    stored = stored_result("coverage")
    ours = {(r["case"], r["seeds"]): r for r in stored["rows"] if r["rule"] == "paired t"}
    for case in coverage.WITHIN:
        for seeds in coverage.SEEDS:
            assert 0.93 <= ours[case, seeds]["coverage"] <= 0.97
            assert 0.03 <= ours[case, seeds]["false_alarms"] <= 0.07
    assert stored["seed"] == coverage.FRESH_SEED not in stored["trial_seeds"]


@pytest.mark.parametrize("case", coverage.WITHIN)
@pytest.mark.parametrize("seeds", coverage.SEEDS)
def test_coverage_again_in_small(case, seeds):
    covered, alarms = coverage.simulate(case, "paired t", seeds, 2000, np.random.default_rng(seeds))
    assert 0.93 <= covered <= 0.97 and 0.03 <= alarms <= 0.07


def test_the_promise_is_not_kept_by_two_standard_errors():
    covered, _alarms = coverage.simulate("noise", "two standard errors", 3, 1000, np.random.default_rng(0))
    assert covered < 0.9


@pytest.mark.parametrize("effect, verdict", [(0.05, "better"), (-0.05, "worse"), (0.0, "undecided")])
def test_verdict_and_words(effect, verdict):
    baseline = np.zeros((4, 2000), dtype=bool)
    baseline[:, :1800] = True
    candidate = baseline.copy()
    if effect > 0:
        candidate[:, 1800:1900] = True
    elif effect < 0:
        candidate[:, 1700:1800] = False
    result = paired_difference(candidate, baseline)
    assert result.verdict == verdict and verdict in OUTCOMES
    assert "4 shared seeds, 2000 images" in result.in_words() and result.in_words().endswith(verdict)


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
