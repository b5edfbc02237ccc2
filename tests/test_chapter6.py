"""Numbers that the prose and the quiz of the appendix state, recomputed."""

import math

import numpy as np
import pytest

from benchmarks import from_nothing as benchmark
from lenet_helpers import LeNet, count_parameters, from_nothing, layer_table, load_dataset
from lenet_helpers.results import stored_result


def test_products_behind_a_weight_of_conv1():
    assert {row.name: row for row in layer_table(LeNet())}["conv1"].output_shape == (6, 24, 24)
    assert 24 * 24 * 32 == 18_432


def test_where_exp_ends():
    assert math.isfinite(math.exp(709)) and int(math.log(np.finfo(np.float64).max)) == 709
    with pytest.raises(OverflowError):
        math.exp(710)


def test_kept_outputs_outweigh_the_weights():
    weights = from_nothing.first_weights(np.random.default_rng(0), dtype=np.float64)
    _logits, out = from_nothing.forward(weights, np.zeros((32, 1, 28, 28)))
    kept = sum(array.nbytes for array in out.values())
    assert kept > 3 * sum(part.nbytes for pair in weights.values() for part in pair)


def test_relu_can_be_asked_instead_of_its_input():
    """The answer to the question of 6.5: fc1 need not be kept."""
    weights = from_nothing.first_weights(np.random.default_rng(0))
    images = np.random.default_rng(1).normal(size=(4, 1, 28, 28))
    _logits, out = from_nothing.forward(weights, images)
    assert ((out["relu3"] > 0) == (out["fc1"] > 0)).all() and 0 < (out["fc1"] > 0).mean() < 1


def test_ties_are_everyday_business():
    digits = load_dataset()
    weights = from_nothing.first_weights(np.random.default_rng(0))
    maps = from_nothing.convolve(digits.train.images[:500].numpy(), *weights["conv1"])
    windows = from_nothing.cut(maps, 2)
    assert ((windows == windows.max(-1, keepdims=True)).sum(-1) > 1).mean() > 0.3


def test_velocity_settles_at_ten():
    velocity = 0.0
    for _step in range(200):
        velocity = 0.9 * velocity + 1
    assert velocity == pytest.approx(10)


def test_the_stored_measurement_is_whole():
    stored = stored_result("from-nothing")
    assert len(stored["runs"]) >= 5 and stored["learning rates"] == list(benchmark.RATES)
    for run in stored["runs"]:
        assert len(run["accuracy"]) == len(benchmark.RATES) and run["accuracy"][-1] >= 0.95
    assert stored["n"] == {"training images": 3000, "validation images": 1000}
    step, roof = stored["step"], stored["roofline"]
    low, high = step["quartiles"]
    assert low <= step["ratio"] <= high and step["blocks"] >= 40
    parts = stored["split"]["parts [ms]"]
    assert set(parts) == {part for each in benchmark.PARTS.values() for part in each}
    assert 0.8 < sum(parts.values()) / stored["split"]["step [ms]"] < 1.1
    table = {row.name: row.multiply_adds for row in layer_table(LeNet())}
    assert roof["multiply-adds"] == 32 * (3 * sum(table.values()) - table["conv1"])
    rate = stored["machine"]["multiply-adds [10^9/s]"]
    assert roof["arithmetic [ms]"] == pytest.approx(roof["multiply-adds"] / rate / 1e6, abs=1e-3)
    assert count_parameters(LeNet()) == 44_426


def test_what_the_prose_says_of_the_measurement():
    stored = stored_result("from-nothing")
    parts, unasked = stored["split"]["parts [ms]"], stored["image gradient [ms]"]
    assert max(parts, key=parts.get) == "conv1 backward"
    assert unasked > parts["conv1 backward"] / 2
    assert 0.28 < unasked / stored["split"]["step [ms]"] < 0.38, "about a third of the step"
    assert 3 < stored["step"]["ratio"] < 10, "several times faster"
    roof = max(stored["roofline"]["arithmetic [ms]"], stored["roofline"]["memory [ms]"])
    assert roof < 0.25 * stored["step"]["torch [ms]"], "neither comes close"
    assert max(run["seconds"] for run in stored["runs"]) < 30, "as measured; no clock runs in this test"


def test_the_benchmark_runs(capsys, monkeypatch, one_thread):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    plain = from_nothing.convolve
    benchmark.main(["--no-write", "--seeds", "0", "--blocks", "2", "--steps", "1"])
    assert '"ratio"' in capsys.readouterr().out
    assert from_nothing.convolve is plain, "the stopwatches are gone again"


def test_the_benchmark_wants_one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with pytest.raises(SystemExit, match="OMP_NUM_THREADS=1"):
        benchmark.main(["--no-write"])


def test_a_wrong_label_is_taken_without_a_word():
    """The appendix shows it: nothing is checked."""
    logits = np.random.default_rng(0).normal(size=(1, 10))
    assert (
        from_nothing.cross_entropy(logits, np.array([-1]))[0]
        == from_nothing.cross_entropy(logits, np.array([9]))[0]
    )
