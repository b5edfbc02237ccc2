"""The measurement behind chapter 1's first figure: same images, moved pixels, honest summary."""

import json

import numpy as np
import torch

from benchmarks import permutation as benchmark
from lenet_helpers import load_dataset
from lenet_helpers.explorers.permutation import PermutationExplorer, permutation


def test_pixels_change_places_and_nothing_else():
    split = load_dataset().validation[:20]
    order = permutation(1.0, 5)
    moved = benchmark.permuted(split, order)
    assert moved.images.shape == split.images.shape and torch.equal(moved.labels, split.labels)
    back = benchmark.permuted(moved, np.argsort(order))
    assert torch.equal(back.images, split.images) and not torch.equal(moved.images, split.images)
    same = benchmark.permuted(split, permutation(0.0, 5))
    assert torch.equal(same.images, split.images)


def test_the_summary_holds_what_the_figure_reads(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    rate = {"dense": lambda p: 0.9, "conv": lambda p: 0.95 - p / 1000}
    hits = {
        (net, p): [rng.random(4000) < rate[net](p) for _seed in range(3)]
        for net in benchmark.NETS
        for p in benchmark.PERCENTS
    }
    monkeypatch.setattr(benchmark, "RESULTS", tmp_path / "permutation.json")
    benchmark.write(hits, 3)
    written = json.loads((tmp_path / "permutation.json").read_text("utf-8"))
    assert written["conditions"]["parameters"] == {"dense": 44_530, "conv": 44_426}
    assert written["change"]["conv"]["high"] < 0 and abs(written["change"]["dense"]["mean"]) < 0.03
    explorer = PermutationExplorer(load_dataset(), written)
    assert explorer.state.percents == list(benchmark.PERCENTS)
    assert len(explorer.state.accuracies("conv", 50)) == 3
