"""The measurement behind chapter 5: on a few digits, that it runs, keeps seeds and is drawn; and that what is
stored is whole, and as the prose says.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import beyond as benchmark
from lenet_helpers import load_dataset
from lenet_helpers.figures import beyond as figures
from lenet_helpers.results import stored_result
from lenet_helpers.sources import DataError
from lenet_helpers.tuning import calibration


@pytest.fixture
def small(monkeypatch, tmp_path, one_thread):
    digits = load_dataset()
    few = replace(
        digits, train=digits.train[::10], validation=digits.validation[::10], test=digits.test[::10]
    )
    monkeypatch.setattr(benchmark, "load_dataset", lambda name, seed=0: few)
    monkeypatch.setattr(benchmark, "RECIPE", replace(benchmark.RECIPE, epochs=1))
    monkeypatch.setattr(benchmark, "MOST_WRONG", 0.95)
    monkeypatch.setattr(benchmark.clothes, "at_hand", lambda data: {"Fashion-MNIST": data.test.images[:7]})
    monkeypatch.setattr(benchmark, "RESULT", tmp_path / "beyond.json")
    return few


def test_the_benchmark_counts_keeps_seeds_and_is_drawn(small, capsys):
    benchmark.main(["--seeds", "0"])
    benchmark.main(["--seeds", "3"])
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
    strangers = run["confidence"]["strangers"]
    assert {name: each["n"] for name, each in strangers.items()} == {
        "digits": n,
        "upside down": n,
        "letters": 121,
        "noise": n,
        "Fashion-MNIST": 7,
    }
    assert strangers["digits"]["accepted"] == run["confidence"]["rejection"]["accepted"]
    stored["n"]["test images"] = n
    capsys.readouterr()
    figures.show_stored_curves(stored, "shift")
    figures.show_stored_epsilons(stored)
    figures.show_stored_slices(stored)
    # The printed sentences, without what a kernel would be handed, and their numbers by hand.
    said = " ".join(line for line in capsys.readouterr().out.splitlines() if not line.startswith("{"))
    assert said.count("the mean of 2 seeds") == 3
    runs = stored["runs"].values()
    hit = np.mean([run["attacks"]["plain"]["attacked"][4] for run in runs]) / n
    assert f"plain, attacked {100 * hit:.1f} %" in said
    classes = [
        np.mean([run["slices"]["class"][k][0] / run["slices"]["class"][k][1] for run in runs])
        for k in range(10)
    ]
    assert f"by class, lowest for {np.argmin(classes)} ({100 * min(classes):.1f} %)" in said


def test_the_benchmark_says_what_it_needs(monkeypatch):
    def missing(name, seed=0):
        raise DataError("no files")

    monkeypatch.setattr(benchmark, "load_dataset", missing)
    with pytest.raises(SystemExit, match="no files"):
        benchmark.main(["--seeds", "0"])


# What is stored ------------------------------------------------------------------------


@pytest.fixture
def stored():
    return stored_result("beyond")


def test_the_stored_result_is_whole(stored):
    assert stored["command"] == "python -m benchmarks.beyond" and list(stored["runs"]) == ["0", "1", "2"]
    n = stored["n"]["test images"]
    assert n == 10_000 and stored["amounts"] == benchmark.AMOUNTS and stored["epsilons"] == benchmark.EPSILONS
    for run in stored["runs"].values():
        for change, amounts in stored["amounts"].items():
            assert list(run["curves"][change]) == ["plain", "augmented", "global pooling"]
            for counts in run["curves"][change].values():
                assert len(counts) == len(amounts) and all(0 <= count <= n for count in counts)
        for kinds in run["attacks"].values():
            for counts in kinds.values():
                assert len(counts) == len(stored["epsilons"]) and max(counts) <= n
        for when in ("before", "after"):
            assert sum(each[1] for each in run["confidence"][when]["bins"]) == n
        kinds = ["digits", "upside down", "letters", "noise", "Fashion-MNIST"]
        assert list(run["confidence"]["strangers"]) == kinds
        parts = [run["slices"]["class"], *(run["slices"][name]["counts"] for name in list(run["slices"])[1:])]
        assert len(parts) == 3 and all(sum(size for _right, size in part) == n for part in parts)


def test_what_the_prose_says_of_the_shift(stored):
    """Section 5.1: means over three seeds, in per cent of the test images."""
    runs = stored["runs"].values()
    mean = {
        name: np.mean([run["curves"]["shift"][name] for run in runs], axis=0) / 100
        for name in ("plain", "augmented", "global pooling")
    }
    assert min(table[0] for table in mean.values()) >= 98.5
    assert [round(mean["plain"][at], 1) for at in (4, 8)] == [68.1, 15.8]
    assert [round(mean["augmented"][at], 1) for at in (4, 8)] == [97.4, 65.2]
    assert 50_000 / 3_000 > 16


def test_eighteen_of_twenty():
    """Section 5.3."""
    low, high = calibration.wilson(18, 20)
    assert (round(low, 2), round(high, 2)) == (0.70, 0.97)
