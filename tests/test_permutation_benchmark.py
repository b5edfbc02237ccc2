"""The measurement behind chapter 1's first figure: same images, moved pixels, honest summary."""

import json
from dataclasses import replace

import numpy as np
import torch

from benchmarks import permutation as benchmark
from lenet_helpers import load_dataset
from lenet_helpers.explorers.permutation import PermutationExplorer, permutation
from lenet_helpers.figures.sharing import best_runs
from lenet_helpers.training import QUICK


def test_pixels_change_places_and_nothing_else():
    split = load_dataset().validation[:20]
    order = permutation(1.0, 5)
    moved = benchmark.permuted(split, order)
    assert moved.images.shape == split.images.shape and torch.equal(moved.labels, split.labels)
    back = benchmark.permuted(moved, np.argsort(order))
    assert torch.equal(back.images, split.images) and not torch.equal(moved.images, split.images)
    same = benchmark.permuted(split, permutation(0.0, 5))
    assert torch.equal(same.images, split.images)


def test_the_summary_holds_what_the_figure_reads(tmp_path):
    rng = np.random.default_rng(0)
    rate = {"dense": lambda p: 0.9, "conv": lambda p: 0.95 - p / 1000}
    hits = {
        (net, p): [rng.random(4000) < rate[net](p) for _seed in range(3)]
        for net in ("dense", "conv")
        for p in benchmark.PERCENTS
    }
    benchmark.write(tmp_path / "permutation.json", hits, 3)
    written = json.loads((tmp_path / "permutation.json").read_text("utf-8"))
    assert written["conditions"]["parameters"] == {"dense": 44_530, "local": 286_334, "conv": 44_426}
    assert written["change"]["conv"]["high"] < 0 and abs(written["change"]["dense"]["mean"]) < 0.03
    explorer = PermutationExplorer(load_dataset(), written)
    assert explorer.state.percents == list(benchmark.PERCENTS)
    assert len(explorer.state.accuracies("conv", 50)) == 3


def test_sizes_are_measured_on_the_same_images_for_every_net(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "SIZES", tmp_path / "sizes.json")
    monkeypatch.setattr(benchmark, "TRAIN_SIZES", (20, 40))
    monkeypatch.setattr(benchmark, "STEPS", 2)
    seen = []

    def right(net, data, seed, recipe):
        seen.append((net, len(data.train), recipe.steps, float(data.train.images.sum())))
        return np.arange(10) < {"dense": 2, "local": 3, "conv": 4}[net] + (recipe.learning_rate > 0.005)

    monkeypatch.setattr(benchmark, "right", right)
    benchmark.measure_sizes(load_dataset(), seeds=2)
    written = json.loads((tmp_path / "sizes.json").read_text("utf-8"))
    assert written["conditions"]["seeds"] == 2 and written["conditions"]["train_images"] == [20, 40]
    assert best_runs(written, "local", 40) == [0.4, 0.4], "the better of two learning rates"
    assert {steps for _net, _n, steps, _ink in seen} == {2}
    runs = len(seen)
    benchmark.measure_sizes(load_dataset(), seeds=2)
    assert len(seen) == runs, "what is stored is not measured again"
    for n in (20, 40):  # two seeds, two draws of images, whatever the net and the rate
        assert len({ink for _net, size, _steps, ink in seen if size == n}) == 2


def test_one_run_of_each_net_is_a_run():
    data = load_dataset()
    for net in benchmark.NETS:
        hits = benchmark.right(net, data, 0, replace(QUICK, steps=3, record_every=3))
        assert hits.shape == (1000,) and hits.dtype == bool
