"""What the speed benchmarks count, by hand, and the page written from their stored results."""

import itertools
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks import cost, performance, records, rivals, same_accuracy, steps, suite
from lenet_helpers import load_dataset
from lenet_helpers.models import new_model
from lenet_helpers.results import stored_result

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def digits():
    return load_dataset(n_train=600, validation=0)


def test_a_steps_arithmetic_and_traffic_by_hand(monkeypatch):
    monkeypatch.setattr(rivals, "_quickest", lambda _work: 1.0)
    limit = rivals.roofline()
    # Forward, gradients of the weights, gradients of the inputs, which the image has no use for.
    assert limit["multiply-adds"] == 256 * (281_640 + 281_640 + 281_640 - 86_400)
    outputs = 6 * 24 * 24 + 6 * 12 * 12 + 16 * 8 * 8 + 16 * 4 * 4 + 120 + 84 + 10
    assert limit["bytes"] == 256 * 4 * (4 * outputs + 2 * 28 * 28)
    assert limit["arithmetic [ms]"] == pytest.approx(1000 * limit["multiply-adds"] / 1024**3, abs=1e-3)


def test_what_a_dense_layer_keeps_for_backward_by_hand(digits):
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    kept = cost.kept_bytes(model, digits.train[torch.arange(50)])
    # Its input, the logarithms of ten probabilities, the label; and single numbers.
    assert 0 <= kept - 50 * (784 * 4 + 10 * 4 + 8) <= 16


def test_a_split_is_repeated_in_order(digits):
    longer = cost.repeated(digits.train, 1_300)
    assert len(longer) == 1_300 and torch.equal(longer.labels[600:1_200], digits.train.labels)


def test_the_loops_of_all_rivals_take_steps(digits, capsys, monkeypatch):
    monkeypatch.setattr(rivals, "tried", dict)
    monkeypatch.setattr(rivals, "BATCH", 16)
    monkeypatch.setattr(rivals, "load_dataset", lambda **_options: digits)
    rivals.main(["--blocks", "1", "--steps", "1", "--no-write"])
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()[:6]] == [
        "source",
        "example",
        "tensors",
        "numpy",
        "ours",
        "floor",
    ]


def test_what_trains_otherwise_is_told_from_what_trains_the_same(digits):
    class Other(same_accuracy.Now):
        @staticmethod
        def TrainConfig(**levers):
            return steps.TrainConfig(**levers | {"learning_rate": 0.06})

    first, again, other = (
        same_accuracy.weights_after(package, digits, steps=2)
        for package in (same_accuracy.Now, same_accuracy.Now, Other)
    )
    assert torch.equal(first, again) and (first - other).abs().max() > 1e-5


def test_contenders_start_from_the_same_weights_and_train_on(digits):
    class Before:
        LeNet, TrainConfig, train = steps.LeNet, steps.TrainConfig, staticmethod(steps.train)

    config = dict(batch_size=200, optimizer="sgd", learning_rate=0.01, epochs=1000)
    seconds = steps.measure(Before, digits, config, blocks=1, steps=1)
    assert {name: tuple(values.shape) for name, values in seconds.items()} == {
        "now": (1, 2),
        "then": (1, 2),
        "usual": (1, 2),
    }


def test_a_pace_scales_both_sides_from_their_blocks(digits, monkeypatch):
    """A clock that ticks once a reading: each block takes one second, whatever it does."""
    monkeypatch.setitem(records.RECIPES, "dash", records.TrainConfig(epochs=5.0, batch_size=300))
    for name, value in {"BLOCKS": 3, "BLOCK": 4, "SOURCE_BLOCK": 2}.items():
        monkeypatch.setattr(records, name, value)
    monkeypatch.setattr(records.time, "perf_counter", itertools.count().__next__)
    monkeypatch.setattr(records, "train", lambda *_arguments: itertools.count())
    one = records.pace(digits, itertools.count(), "dash", 0)
    # A start of one second and ten steps of a quarter; 2,350 steps of half a second.
    assert one["share"] == pytest.approx((1 + 10 / 4) / (2_350 / 2))


def test_a_run_ends_with_its_accuracy(digits, monkeypatch):
    monkeypatch.setitem(records.RECIPES, "dash", records.TrainConfig(epochs=0.5, batch_size=300))
    assert 0 <= records.run(digits, "dash", 0)["accuracy"] <= 1


def test_a_run_that_diverges_is_kept_with_its_reason(digits, monkeypatch):
    def spoiled(config, seed):
        model = new_model(config, seed)
        torch.nn.init.constant_(model.fc3.weight, 3e38)
        return model

    monkeypatch.setattr(records, "new_model", spoiled)
    assert "no longer a finite number at step 1" in records.run(digits, "dash", 0)["accuracy"]


def test_the_page_is_written_from_the_stored_results():
    assert (ROOT / "docs" / "performance.md").read_text("utf-8") == performance.page()


def test_the_quicker_step_is_not_worse_by_a_tenth_of_a_point():
    stored = stored_result("same-accuracy")
    assert stored["difference in points"]["low"] > -0.1
    assert stored["largest difference of a weight after 60 steps"] < 1e-6


def test_the_time_of_the_suite_is_added_up_by_parts(tmp_path):
    (tmp_path / "run.xml").write_text(
        """<testsuites><testsuite tests="4" failures="1" errors="0" skipped="0" time="12.4">
        <testcase classname="notebooks.en.03-training.ipynb" name="Cell 0" time="2.5"/>
        <testcase classname="notebooks.en.03-training.ipynb" name="Cell 1" time="0.5"/>
        <testcase classname="tests.browser.test_start" name="test_a" time="7"/>
        <testcase classname="tests.test_levers" name="test_b" time="0.25"/></testsuite></testsuites>"""
    )
    found = suite.summary(tmp_path / "run.xml")
    assert found["parts"] == {
        "English chapters, nbval": {"tests": 2, "seconds": 3.0},
        "in the browser": {"tests": 1, "seconds": 7.0},
        "everything else": {"tests": 1, "seconds": 0.2},
    }
    assert (found["seconds"], found["failures"]) == (12, 1)
    assert list(found["slowest"])[0] == "tests.browser.test_start::test_a"
    assert "| in the browser | 1 | 7 |" in performance.about_suite(found)
