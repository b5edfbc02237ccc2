"""Numbers that the prose and the quiz of chapter 2 state, recomputed."""

import json
import math
import os
import statistics
from dataclasses import asdict, replace

import nbformat
import pytest
import torch
import torch.nn.functional as F

from benchmarks import weights
from lenet_helpers import (
    LeNet,
    LeNetConfig,
    LeNetVariant,
    count_parameters,
    evaluate,
    layer_table,
    load_dataset,
)
from lenet_helpers.explorers.activations import ActivationState
from lenet_helpers.figures.ladder import LADDER, counts, errors
from lenet_helpers.figures.layers import activity, trained_lenet
from lenet_helpers.lenet1998 import (
    DENSE_CONNECTIONS,
    LeNet1998,
    LeNet1998Config,
    connections,
    discriminative_loss,
    field_of_1998,
    scaled_tanh,
)
from lenet_helpers.lenet1998.codes import digit_codes
from lenet_helpers.results import stored_result


@pytest.fixture(scope="module")
def cells(pytestconfig):
    """The chapter's prose, by cell id."""
    page = nbformat.read(pytestconfig.rootpath / "notebooks" / "en" / "02-lenet-architecture.ipynb", 4)
    return {cell.id: cell.source for cell in page.cells if cell.cell_type == "markdown"}


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
    steps = [a - b for a, b in zip(runs["softmax"], runs["dense C3"])]
    assert (round(min(steps), 2), round(max(steps), 2)) == (0.19, 0.25), "points, as prose and quiz say"
    assert (round(mean["1998"], 2), round(mean["today"], 2)) == (4.07, 2.73)
    assert counts(LADDER["dense C3"])[1] - counts(LADDER["softmax"])[1] == 90_000
    assert counts(LADDER["today"])[1] / counts(LADDER["ReLU"])[1] == pytest.approx(2 / 3, abs=0.02)


def test_the_recipe_was_chosen_on_validation_images():
    runs = stored_result("modernisations-search")["runs"]
    best = min(runs, key=lambda run: run["mistakes"])
    assert (
        best["learning_rate"] == 0.004 == stored_result("modernisations-faithful")["runs"][0]["learning_rate"]
    )


# The paper, by its own words ----------------------------------------------------------

# Each phrase of the chapter that speaks for the paper, with the place where the paper says it.
PAPER = [
    # II.A, last but one paragraph: "340,908 connections, but only 60,000 trainable free parameters".
    ("paper-observe", "60,000 trained parameters and 340,908 *connections*"),
    # II.B, second paragraph: stroke ends and corners in the centre of the highest fields; -0.1 and 1.175.
    ("paper-input-text", "the ends of strokes and corners can lie in the middle of the receptive fields"),
    ("paper-input-text", '"This makes the mean input roughly 0, and the variance roughly 1"'),
    # II.A, on subsampling: quasi-linear and blurring for small coefficients, noisy OR or AND for large.
    ("pooling-explain", 'it acts like a noisy "or" or a noisy "and", depending on the bias'),
    # II.B, layer C3: "the reason is twofold"; Table I.
    ("c3-observe", "maps that read different inputs are forced to find different features"),
    # II.B, output layer: "kept fixed (at least initially)"; not useful for isolated digits; O, o and 0.
    ("rbf-text", 'kept its drawings fixed "(at least initially)"'),
    ("rbf-explain", "not particularly useful for isolated digits"),
    ("rbf-explain", "capital O, small o and zero"),
    # II.B, output layer: RBFs reject non-characters, being active in a well circumscribed region alone.
    (
        "rbf-explain",
        "A further reason is rejection: a unit that measures a distance is active only near its code",
    ),
    # II.B, layer F6, and Appendix A: the squashing function; Appendix A: the first weights.
    ("recap", "1.7159·tanh(2x/3), weights within ±2.4/fan-in"),
    # II.C, equation 9: the rubbish class at distance j, and what j prevents.
    ("rbf-explain", "a wrong class that is already much further away than $j$ is left alone"),
    # III.C, figure 5: 0.95 % without distortions; 20 passes through the training set.
    ("faithful-text", "the paper's figure of 0.95 % errors? The paper took 20 passes"),
    # II.B, layer C5: a convolution that happens to cover its whole input.
    ("recap", "| C5 | a convolution that covers its whole input |"),
]


@pytest.mark.parametrize("cell,phrase", PAPER)
def test_what_is_said_of_the_paper_stands_where_it_was_checked(cells, cell, phrase):
    assert phrase in cells[cell]


def test_340068_is_no_number_of_the_paper(cells):
    links = connections(LeNet1998())
    assert sum(links.values()) == 340_908 and sum(links.values()) - links["output"] == 340_068
    sentences = [s for text in cells.values() for s in text.split(". ") if "340,068" in s]
    assert sentences and not any("paper" in s for s in sentences)


def test_equation_9_survives_float32_and_the_softmax_without_j_does_not():
    far = torch.full((10,), -120.0)
    assert far.exp().sum() == 0 and far.exp().sum().log() == -math.inf
    assert (120 + torch.log(torch.exp(torch.tensor(-1.0)) + far.exp().sum())).item() == pytest.approx(119)
    assert discriminative_loss(far[None], torch.tensor([4])).item() == pytest.approx(119)
    assert F.cross_entropy(far[None], torch.tensor([4])).item() == pytest.approx(math.log(10), abs=1e-4)


def test_distances_between_the_drawings():
    codes = digit_codes()
    apart = {(a, b): int((codes[a] - codes[b]).square().sum()) for a in range(10) for b in range(a + 1, 10)}
    assert min(apart, key=apart.get) == (3, 8) and max(apart.values()) == 6 * min(apart.values())
    assert int(codes[0].square().sum()) == 84


def test_all_sigmoids_fade_across_images_and_relu_less():
    split = load_dataset().train[:: 3000 // 200]
    spread = {
        name: ActivationState(split.images, split.labels, activation=name).spreads()
        for name in ("sigmoid", "relu")
    }
    layers = list(spread["sigmoid"])
    fading = [spread["sigmoid"][name] for name in layers]
    assert fading == sorted(fading, reverse=True) and fading[-2] < 0.001
    assert spread["relu"]["fc2"] > 20 * spread["sigmoid"]["fc2"]
    # Across images, not across units: a layer whose units differ but never change has no spread.
    state = ActivationState(split.images[:1].repeat(5, 1, 1, 1), split.labels[:5])
    assert max(state.spreads().values()) < 1e-6


# The stored weights of 2.10 ------------------------------------------------------------


def test_the_stored_weights_are_what_their_file_says():
    model, about = trained_lenet()
    assert json.loads(about["recipe"]) == asdict(weights.RECIPE) and about["seed"] == str(weights.SEED)
    score = evaluate(model, load_dataset().validation)
    assert score.accuracy == pytest.approx(float(about["validation_accuracy"]), abs=0.002) and score.n == 1000
    assert weights.WEIGHTS.stat().st_size < 200_000


def test_the_command_that_made_the_weights_makes_such_weights(tmp_path):
    threads = torch.get_num_threads()
    model, accuracy = weights.make(replace(weights.RECIPE, steps=150, record_every=150))
    torch.set_num_threads(threads)
    assert accuracy > 0.8
    weights.write(tmp_path / "short.safetensors", model, accuracy)
    again, about = trained_lenet(tmp_path / "short.safetensors")
    assert float(about["validation_accuracy"]) == pytest.approx(accuracy, abs=1e-4)
    images = load_dataset().validation.images[:50]
    with torch.inference_mode():
        assert torch.allclose(again(images), model.eval()(images), atol=1e-5)


def test_a_digit_on_its_way():
    model, _about = trained_lenet()
    image = load_dataset().validation.images[400]
    found = activity(model, image)
    with torch.inference_mode():
        maps = model.conv1(image[None])
        assert torch.allclose(torch.from_numpy(found["conv1"]), maps[0], atol=1e-5)
        assert torch.allclose(torch.from_numpy(found["pool1"]), model.pool1(maps)[0].relu(), atol=1e-5)
        assert torch.allclose(torch.from_numpy(found["fc3"]), model(image[None])[0], atol=1e-4)
    assert [found[name].min() >= 0 for name in ("pool1", "pool2", "fc1", "fc2")] == [True] * 4
    assert found["conv1"].min() < 0 and int(found["fc3"].argmax()) == 4
