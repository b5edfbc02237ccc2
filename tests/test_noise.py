"""The luck explorer, and that the stored runs it shows can be made again."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.noise import right_images
from lenet_helpers import load_dataset
from lenet_helpers.explorers import NoiseExplorer
from lenet_helpers.explorers.noise import NoiseState
from lenet_helpers.results import stored_result
from lenet_helpers.tuning.evidence import unpack


@pytest.fixture
def explorer():
    return NoiseExplorer()


def test_stored_table_agrees_with_its_accuracies():
    stored = stored_result("noise")
    correct = unpack(stored["correct"], stored["images"])
    assert correct.shape == (20, 1000)
    assert correct.mean(axis=1) == pytest.approx(stored["accuracies"])


def test_quick_recipe_reaches_96_percent_as_the_median_of_ten_seeds():
    accuracies = stored_result("noise")["accuracies"]
    assert np.median(accuracies[:10]) >= 0.96 and np.median(accuracies[10:]) >= 0.96


def test_a_stored_run_can_be_made_again(one_thread):
    stored = stored_result("noise")
    again = right_images(load_dataset(), seed=3).mean()
    assert again == pytest.approx(stored["accuracies"][3], abs=0.005)  # other processors may round otherwise


def test_share_of_luck_by_hand():
    state = NoiseState(np.array([[1, 1, 1, 0], [1, 1, 0, 0]], dtype=bool), images=4, claim=25.0)
    assert sorted(set(state.differences().round(3))) == [-25.0, 25.0]
    assert state.share(state.differences()) == 1.0
    state.claim = 26.0
    assert state.share(state.differences()) == 0.0


def test_outcome_waits_for_the_prediction(explorer):
    assert not explorer.bars.get_visible() and "luck alone" not in explorer.sentence().lower()
    explorer.prediction.choice.value = explorer.prediction.answer
    explorer.prediction.commit.click()
    assert explorer.bars.get_visible() and "Luck alone" in explorer.sentence()
    assert explorer.prediction.value == explorer.prediction.answer
    assert "in about 2 of 3" in explorer.prediction.verdict.value


def test_more_seeds_leave_less_to_luck_and_fewer_images_more(explorer):
    explorer.prediction.skip.click()
    one = explorer.state.share(explorer.state.differences())
    explorer.controls["seeds_each"].value = 10
    ten = explorer.state.share(explorer.state.differences())
    explorer.controls["seeds_each"].value = 1
    explorer.controls["images"].value = 100
    few = explorer.state.share(explorer.state.differences())
    assert ten < one < few
    assert explorer.error.value == ""


def test_own_runs_can_be_shown():
    rng = np.random.default_rng(0)
    assert NoiseExplorer(rng.random((6, 300)) < 0.9).state.images == 300


@pytest.mark.parametrize("change", [dict(claim=1.0), dict(seeds_each=4)])
def test_state_is_plain_numbers(explorer, change):
    state = replace(explorer.state, **change)
    assert 0 <= state.share(state.differences()) <= 1
