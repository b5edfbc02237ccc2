"""Numbers that the prose and the quiz of chapter 2 state, recomputed."""

import math
import os
import statistics

import pytest
import torch

from lenet_helpers import LeNet, LeNetConfig, LeNetVariant, count_parameters, layer_table, load_dataset
from lenet_helpers.figures.ladder import LADDER, counts, errors
from lenet_helpers.lenet1998 import (
    DENSE_CONNECTIONS,
    LeNet1998,
    LeNet1998Config,
    connections,
    field_of_1998,
    scaled_tanh,
)
from lenet_helpers.results import stored_result


def test_shares_of_parameters_and_work():
    rows = {row.name: row for row in layer_table(LeNet())}
    dense = sum(rows[name].parameters for name in ("fc1", "fc2", "fc3"))
    assert round(100 * dense / 44_426, 1) == 94.2 and round(100 * rows["fc1"].parameters / 44_426, 1) == 69.4
    assert round(100 * (rows["conv1"].multiply_adds + rows["conv2"].multiply_adds) / 281_640) == 85
    assert round(100 - 100 * dense / 44_426, 1) == 5.8


def test_padding_costs_17280():
    padded = LeNetVariant(LeNetConfig(padding=(2, 0)))
    assert count_parameters(padded) == 61_706 and 61_706 - 44_426 == 17_280 == (400 - 256) * 120
    assert count_parameters(LeNetVariant(LeNetConfig(input_size=32))) == 61_706
    assert sum(row.multiply_adds for row in layer_table(padded)) == 416_520
    assert (
        count_parameters(LeNetVariant(LeNetConfig(kernel_size=3))) > 44_426
    )  # smaller kernels, more parameters


def test_one_map_of_conv2_has_151():
    assert 6 * 25 + 1 == 151 and 16 * 151 == 2_416 and 6 * 26 == 156 == count_parameters(LeNet().conv1)


def test_connections_of_1998():
    links = connections(LeNet1998())
    assert links["output"] == 840 == 10 * 84
    assert links["s2"] == 5 * 1_176 and 1_176 == 6 * 14 * 14 and 2 * 1_176 == 2_352
    dense = LeNet1998(LeNet1998Config(connections=DENSE_CONNECTIONS))
    work = [next(r.multiply_adds for r in layer_table(m) if r.name == "c3") for m in (LeNet1998(), dense)]
    assert work == [150_000, 240_000] and count_parameters(dense.c3) - count_parameters(LeNet1998().c3) == 900


def test_counts_of_the_recap():
    assert counts(LADDER["1998"]) == (60_000, 328_096, 340_908)
    assert counts(LADDER["today"])[:2] == (44_426, 281_640)


def test_slopes():
    x = torch.zeros(1, requires_grad=True)
    assert torch.autograd.grad(scaled_tanh(x), x)[0].item() == pytest.approx(1.14, abs=0.005)
    assert torch.autograd.grad(torch.sigmoid(x), x)[0].item() == 0.25 and 4**4 > 250
    assert math.log(10) == pytest.approx(2.30, abs=0.005)


def test_the_papers_claim_about_its_input():
    # The full set where there is one, never a download: the embedded digits give nearly the same.
    full = {"name": "mnist", "validation": 0} if os.environ.get("LENET_DATA") else {}
    field = field_of_1998(load_dataset(**full, scaling="unit").train.images)
    assert field.mean().item() == pytest.approx(0.0275, abs=0.002)
    assert field.var().item() == pytest.approx(0.123, abs=0.001)


def test_the_network_of_1998_on_the_full_set():
    runs = errors(stored_result("modernisations-faithful"), "1998")
    assert len(runs) == 3 and round(statistics.mean(runs), 2) == 0.96
    assert 100 * math.sqrt(0.0096 * 0.9904 / 10_000) == pytest.approx(0.1, abs=0.005)


def test_the_ladder_says_what_the_prose_says():
    results = stored_result("modernisations-ladder")
    runs = {name: errors(results, name) for name in LADDER}
    assert {len(each) for each in runs.values()} == {3}
    mean = {name: statistics.mean(each) for name, each in runs.items()}
    names = list(LADDER)
    for before, after in zip(names, names[1:]):
        signs = {math.copysign(1, b - a) for a, b in zip(runs[before], runs[after])}
        assert len(signs) == 1, "every step has one sign in all seeds"
    assert mean["dense C3"] - mean["max pooling"] > 0.4, "a large step"
    assert mean["max pooling"] - mean["ReLU"] > 0.3, "a large step"
    assert 0 < mean["softmax"] - mean["dense C3"] < 0.4, "dense C3 buys little"
    assert mean["today"] > mean["ReLU"], "the smaller input costs accuracy"
    assert counts(LADDER["dense C3"])[1] - counts(LADDER["softmax"])[1] == 90_000
    assert counts(LADDER["today"])[1] / counts(LADDER["ReLU"])[1] == pytest.approx(2 / 3, abs=0.02)


def test_the_recipe_was_chosen_on_validation_images():
    runs = stored_result("modernisations-search")["runs"]
    best = min(runs, key=lambda run: run["mistakes"])
    assert (
        best["learning_rate"] == 0.004 == stored_result("modernisations-faithful")["runs"][0]["learning_rate"]
    )
