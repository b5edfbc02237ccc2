"""The measurement behind chapter 5, on a few digits: that it runs, keeps seeds and is drawn; no accuracy."""

import json
from dataclasses import replace

import pytest

from benchmarks import beyond as benchmark
from lenet_helpers import load_dataset
from lenet_helpers.figures import beyond as figures
from lenet_helpers.sources import DataError


@pytest.fixture
def small(monkeypatch, tmp_path, one_thread):
    digits = load_dataset()
    few = replace(
        digits, train=digits.train[::10], validation=digits.validation[::10], test=digits.test[::10]
    )
    monkeypatch.setattr(benchmark, "load_dataset", lambda name, seed=0: few)
    monkeypatch.setattr(benchmark, "RECIPE", replace(benchmark.RECIPE, epochs=1))
    monkeypatch.setattr(benchmark, "MOST_WRONG", 0.95)
    monkeypatch.setattr(benchmark, "RESULT", tmp_path / "beyond.json")
    return few


def test_the_benchmark_counts_keeps_seeds_and_is_drawn(small, capsys):
    benchmark.main(["--seeds", "0"])
    benchmark.main(["--seeds", "3", "--fashion"])
    stored = json.loads(benchmark.RESULT.read_text())
    assert list(stored["runs"]) == ["0", "3"]
    run, n = stored["runs"]["3"], len(small.test)
    for change, amounts in stored["amounts"].items():
        for counts in run["curves"][change].values():
            assert len(counts) == len(amounts) and all(0 <= c <= n for c in counts)
    assert sum(size for _right, size in run["slices"]["class"]) == n
    assert sum(size for _right, size in run["slices"]["slant [degrees]"]["counts"]) == n
    bins = run["confidence"]["after"]["bins"]
    assert sum(each[1] for each in bins) == n
    assert set(run["confidence"]["strangers"]) == {"upside down", "noise", "Fashion-MNIST"}
    stored["n"]["test images"] = n
    figures.show_stored_curves(stored, "shift")
    assert "the mean of 2 seeds" in capsys.readouterr().out


def test_the_benchmark_says_what_it_needs(monkeypatch):
    def missing(name, seed=0):
        raise DataError("no files")

    monkeypatch.setattr(benchmark, "load_dataset", missing)
    with pytest.raises(SystemExit, match="no files"):
        benchmark.main(["--seeds", "0"])
