"""The stored measurements of chapter 4: consistent, repeatable, and saying what the text says."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.levers import SETTINGS, changed, run
from lenet_helpers import load_dataset
from lenet_helpers.figures.canvas import png
from lenet_helpers.figures.tuning import Effects
from lenet_helpers.sources import DataError

RESULTS = Path(__file__).parent.parent / "lenet_helpers" / "results"


@pytest.fixture(scope="module")
def effects():
    return Effects()


def one(effects, name):
    """(mean, low, high) in points."""
    return [100 * effects.results["comparisons"][name][key] for key in ("mean", "low", "high")]


def test_every_setting_is_stored_with_its_n_and_spread(effects):
    assert set(effects.results["settings"]) == set(SETTINGS)
    assert effects.results["seeds"] >= 5
    for name, stored in effects.results["settings"].items():
        assert len(stored["accuracies"]) == effects.results["seeds"], name
        assert stored["mean"] == pytest.approx(np.mean(stored["accuracies"]), abs=1e-4)
        assert stored["sd"] == pytest.approx(np.std(stored["accuracies"], ddof=1), abs=1e-4)
        assert stored["changed"] == changed(name)


def test_differences_are_those_of_the_means_and_lie_in_their_intervals(effects):
    settings = effects.results["settings"]
    for name, c in effects.results["comparisons"].items():
        assert c["images"] == 10_000
        assert c["mean"] == pytest.approx(settings[name]["mean"] - settings[c["baseline"]]["mean"], abs=2e-5)
        assert c["low"] < c["mean"] < c["high"]


def test_a_stored_run_can_be_made_again(effects, one_thread):
    try:
        dataset = load_dataset("mnist", n_train=500, validation=10_000)
    except DataError:
        pytest.skip("needs full MNIST")
    _n, network, training = SETTINGS["few"]
    again = run(dataset, network, replace(training, seed=0))["right"].mean()
    assert again == pytest.approx(effects.results["settings"]["few"]["accuracies"][0], abs=0.006)


@pytest.mark.parametrize(
    "name, low, high",
    [
        # what the chapter's text says of each, in points: the mean lies in [low, high]
        ("two 3x3", -0.3, 0.3),
        ("three 3x3", -1.6, -0.8),
        ("two 5x5", -0.6, -0.1),
        ("one 3x3", -0.3, 0.2),
        ("one 7x7", -1.0, -0.4),
        ("one 1x1", -8.0, -7.0),
        ("width 0.5", -1.0, -0.5),
        ("width 3", 0.3, 0.5),
        ("few, width 3", 0.7, 1.5),
        ("rate 0.0005", -4.0, -3.0),
        ("rate 0.03", -2.5, -1.5),
        ("rate 0.1", -90.0, -80.0),
        ("dropout 0.5", -0.6, -0.4),
        ("decay 0.01", -0.6, -0.4),
        ("few, dropout 0.5", 0.8, 1.2),
        ("batch 128, equal epochs", -0.8, -0.4),
        ("batch 128, equal steps", 0.2, 0.6),
        ("all three", 0.2, 0.3),
        ("few, all three", 3.5, 4.0),
        ("shift 0.4", -10, -6),
        ("rotation 180", -10, -6),
    ],
)
def test_sizes_in_the_text(effects, name, low, high):
    assert low <= one(effects, name)[0] <= high


def test_signs_in_the_text(effects):
    better = {
        "width 3",
        "few, width 3",
        "few, dropout 0.5",
        "batch 128, equal steps",
        "all three",
        "few, all three",
    }
    luck = {
        "two 3x3",
        "one 3x3",
        "dropout 0.2",
        "decay 0.0001",
        "shift 0.07",
        "rotation 10",
        "scale 0.1",
        "few, decay 0.001",
    }
    for name in effects.names():
        _mean, low, high = one(effects, name)
        if name in better:
            assert low > 0, name
        elif name in luck:
            assert low < 0 < high, name
        elif name != "batch 8":
            assert high < 0, name


def test_costs_and_fits_in_the_text(effects):
    s = effects.results["settings"]
    base = s["baseline"]
    assert (base["parameters"], base["multiply_adds"]) == (44_426, 281_640)
    assert s["two 3x3"]["multiply_adds"] / base["multiply_adds"] == pytest.approx(1.8, abs=0.1)
    assert s["one 3x3"]["multiply_adds"] / base["multiply_adds"] == pytest.approx(0.7, abs=0.02)
    assert s["one 3x3"]["parameters"] > base["parameters"] > s["two 5x5"]["parameters"]
    assert s["width 3"]["multiply_adds"] / base["multiply_adds"] == pytest.approx(6, abs=0.3)
    assert 1 - s["width 0.5"]["multiply_adds"] / base["multiply_adds"] == pytest.approx(0.6, abs=0.03)
    assert s["few"]["train_accuracy"] > 0.999 and s["few, width 3"]["train_accuracy"] > 0.999
    assert base["train_accuracy"] - base["mean"] < 0.01, "hardly a gap to close"
    assert s["dropout 0.5"]["train_accuracy"] < s["dropout 0.5"]["mean"], (
        "training accuracy is measured with dropout on"
    )
    assert s["rotation 180"]["by_class"][9] == min(s["rotation 180"]["by_class"])
    assert abs(s["rate 0.1"]["mean"] - 0.1) < 0.03


def test_search_team_lost_nothing_and_counted_nothing_twice():
    team = json.loads((RESULTS / "search-team.json").read_text())
    assert team["done"] == team["trials"] and (
        team["lost"],
        team["counted_twice"],
    ) == (0, 0)
    assert team["begun_again"] >= 1 and sum(team["trials_by_worker"]) == team["trials"]
    assert sum(team["importances"].values()) == pytest.approx(1, abs=0.01)


def test_figures_are_drawn_with_a_row_for_each_setting(effects):
    figure = effects.figure("width 3", "rate 0.1", "few, all three")
    assert len(figure.axes[0].get_yticklabels()) == 3
    assert len(png(figure)) > 5000
    assert len(effects.table("width 3", "rate 0.1")) == 2


def test_quiz_has_a_question_for_every_section():
    from lenet_helpers.quizzes.questions import load_questions

    sections = [q.section for q in load_questions("04-tuning", "en")]
    assert sections == [f"4.{n}" for n in range(10)]
