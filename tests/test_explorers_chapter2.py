"""The interactive figures of the architecture chapter: states by hand, controls driven to their ends."""

import subprocess
import sys

import ipywidgets as w
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lenet_helpers.data import Split
from lenet_helpers.explorers.activations import BOUNDS, CURVES, ActivationExplorer, ActivationState
from lenet_helpers.explorers.c3_table import C3Explorer, C3State, without_c3
from lenet_helpers.explorers.channels import ChannelsExplorer, ChannelsState
from lenet_helpers.explorers.ledger import LedgerExplorer, LedgerState
from lenet_helpers.explorers.mixture import MixtureExplorer, MixtureState
from lenet_helpers.explorers.pooling import MAP, PoolingExplorer, PoolingState
from lenet_helpers.explorers.receptive import LAYERS as POOLED
from lenet_helpers.explorers.receptive import ReceptiveFieldExplorer, ReceptiveState
from lenet_helpers.figures.ladder import LADDER, conditions, ladder_table
from lenet_helpers.lenet1998 import LeNet1998, LeNet1998Config, connections
from lenet_helpers.models import LeNet, LeNetConfig, LeNetVariant
from lenet_helpers.summary import count_parameters, layer_table

RESULTS = {
    "data": "digits",
    "recipe": "a recipe",
    "runs": [
        {
            "network": name,
            "seed": seed,
            "epochs": 1,
            "learning_rate": 0.1,
            "n_train": 100,
            "batch_size": 10,
            "mistakes": 20 + place + seed,
            "images": 1000,
        }
        for place, name in enumerate(LADDER)
        for seed in (1, 0)
    ],
}


@pytest.fixture(scope="module")
def digits():
    """Two hundred blurred random strokes: not digits, but nowhere constant and mostly dark."""
    generator = torch.Generator().manual_seed(0)
    images = F.avg_pool2d(torch.rand(200, 1, 28, 28, generator=generator), 3, 1, 1).sub(0.45).clamp(0) * 5
    return Split(images.float(), torch.arange(200) % 10)


@pytest.fixture(scope="module")
def explorers(digits):
    return {
        "channels": ChannelsExplorer(digits.images[0]),
        "pooling": PoolingExplorer(),
        "ledger": LedgerExplorer(),
        "receptive": ReceptiveFieldExplorer(digits.images),
        "c3": C3Explorer(),
        "mixture": MixtureExplorer(RESULTS),
        "activations": ActivationExplorer(digits),
    }


# states -------------------------------------------------------------------------------


def test_channels_add_up_to_torchs_convolution(digits):
    state = ChannelsState(digits.images[0, 0], bias=0.3)
    for size, n in ((3, 28), (1, 4)):
        state.size = size
        expected = F.conv2d(state.maps()[None], state.kernel(), torch.tensor([0.3]))[0, 0]
        assert torch.allclose(state.output(), expected, atol=1e-5)
        assert state.parameters() == n
    assert "28 parameters" in ChannelsState(digits.images[0, 0]).sentence()


def test_one_bias_is_not_told_before_the_prediction(digits):
    """One of the answers has a bias for each slice."""
    explorer = ChannelsExplorer(digits.images[0, 0])
    assert "30" in explorer.prediction.options and explorer.bias.get_text() == ""
    explorer.prediction.skip.click()
    assert explorer.bias.get_text() == "bias +0.00, once"


def test_a_silenced_channel_adds_nothing(digits):
    state = ChannelsState(digits.images[0, 0], weight0=1.0, weight1=0.0, weight2=0.0)
    assert torch.allclose(state.output(), state.responses()[0])


def test_pooling_by_hand():
    state = PoolingState(MAP, row=1, column=1)
    assert state.window().tolist() == [[8, 6], [4, 9]]
    assert state.calculation() == "max(8, 6, 4, 9) = 9"
    state.kind = "average"
    assert state.calculation() == "(8 + 6 + 4 + 9) / 4 = 6.75"
    state.kind, state.coefficient, state.bias = "trained", 0.5, -1.0
    assert state.calculation() == "0.5 · (8 + 6 + 4 + 9) − 1 = 12.5"
    assert state.parameters() == 2
    assert state.unused() == (1, 1) and state.output().shape == (3, 3)
    assert PoolingState(MAP, size=3, stride=1).output().shape == (5, 5)
    assert PoolingState(MAP, row=99, column=99).position() == (2, 2)


def test_the_ledger_does_not_load_torchs_compiler():
    code = (
        "import sys; from lenet_helpers.explorers.ledger import LedgerState; LedgerState().rows();"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_ledger_is_lenets():
    theirs = {r.name: (r.output_shape, r.parameters, r.multiply_adds) for r in layer_table(LeNet())}
    ours = {r.name: (r.output_shape, r.parameters, r.multiply_adds) for r in LedgerState().rows()}
    assert ours == theirs
    assert LedgerState().totals() == (44_426, 281_640) and LedgerState().flatten() == 256
    assert LedgerState().dense_share() == pytest.approx(0.942, abs=5e-4)
    assert LedgerState(padding=2).totals()[0] == 61_706 == LedgerState(input_size=32).totals()[0]
    assert LedgerState(padding=2).flatten() == 400


@pytest.mark.parametrize("k", [1, 3, 7])
def test_ledger_agrees_with_a_built_network(k):
    config = LeNetConfig(kernel_size=k, channels=(4, 9), padding=(3, 0), input_size=32)
    state = LedgerState(32, 3, k, k, 4, 9)
    assert [(r.name, r.output_shape, r.parameters) for r in state.rows()] == [
        (r.name, r.output_shape, r.parameters) for r in layer_table(LeNetVariant(config))
    ]


@pytest.mark.parametrize(
    ("setting", "layer", "sizes"),
    [
        ({"k1": 29}, "conv1", "29×29 kernel does not fit its 28×28"),
        ({"k2": 13}, "conv2", "13×13 kernel does not fit its 12×12"),
        ({"k1": 28}, "pool1", "2×2 window does not fit its 1×1"),
        ({"k2": 12}, "pool2", "2×2 window does not fit its 1×1"),
    ],
)
def test_illegal_settings_name_the_layer_and_both_sizes(setting, layer, sizes):
    state = LedgerState(**setting)
    assert state.problem.startswith(f"{layer}: a {sizes}") and state.broken == layer
    assert state.sentence() == state.problem
    before = [row.name for row in LedgerState().rows()]
    assert [row.name for row in state.rows()] == before[: before.index(layer)], "the layers that do fit"


@pytest.mark.parametrize("layer", POOLED)
def test_receptive_field_by_arithmetic_and_by_gradient_agree(layer, digits):
    state = ReceptiveState(digits.images, layer=layer)
    for row, column in ((0, 0), (1, 2), (99, 99)):
        state.row, state.column = row, column
        top, left, side = state.box()
        for way in ("union", "smooth"):
            state.way = way
            assert state.seen() == (top, left, side, side)
            assert state.count() == side**2
        assert top + side <= 28 and left + side <= 28


def test_one_image_under_relu_and_max_pooling_shows_only_part(digits):
    state = ReceptiveState(digits.images, layer="pool2", way="one")
    assert state.side() == 16 and 0 < state.count() < 256


def test_receptive_fields_are_5_6_14_16(digits):
    assert [ReceptiveState(digits.images, layer=layer).side() for layer in POOLED] == [5, 6, 14, 16]


def test_c3_counts_equal_the_built_network():
    state = C3State()
    assert state.counts() == ((1_516, 151_600), (60_000, 340_908)) and state.kernels() == 60
    assert without_c3() == (58_484, 189_308)
    for preset in ("dense", "own", "empty", "1998"):
        state.preset = preset
        model = LeNet1998(LeNet1998Config(connections=state.connections()))
        (own, links), (all_own, all_links) = state.counts()
        assert own == count_parameters(model.c3) and all_own == count_parameters(model)
        assert links == connections(model)["c3"] and all_links == sum(connections(model).values())
        assert state.preset == preset


def test_c3_is_edited_one_connection_at_a_time():
    state = C3State()
    assert 3 in state.table[15]
    state.toggle(3, 15)
    assert 3 not in state.table[15] and state.parameters() == 1_491 and state.preset == "edited"
    state.toggle(3, 15)
    assert state.preset == "1998"
    state.toggle(3, 15)
    assert C3State().parameters() == 1_516, "another explorer's table is untouched"
    state.preset = "own"
    assert len(state.twins()) == 6


def test_activation_statistics_of_a_known_network(digits):
    state = ActivationState(digits.images, digits.labels, activation="relu")
    outputs, gradients = state.signals()
    assert outputs["conv1"].numel() == 200 * 6 * 12 * 12 and outputs["conv1"].min() >= 0
    assert gradients["conv2"].numel() == 2400
    model = state.model()
    F.cross_entropy(model(digits.images), digits.labels).backward()
    assert torch.allclose(model.fc1.weight.grad.flatten(), gradients["fc1"])


def test_sigmoids_starve_the_first_layer_and_relu_does_not(digits):
    assert ActivationState(digits.images, digits.labels, "sigmoid").fading() > 100
    assert ActivationState(digits.images, digits.labels, "relu").fading() < 3


@pytest.mark.parametrize("rule", BOUNDS)
def test_initialisations_stay_within_their_bounds(rule, digits):
    model = ActivationState(digits.images, digits.labels, "tanh", rule, gain=2.0).model()
    for name, fans in (("conv2", (150, 400)), ("fc1", (256, 120))):
        weight, bound = getattr(model, name).weight, 2.0 * BOUNDS[rule](*fans)
        assert 0.95 * bound < weight.abs().max() <= bound


@pytest.mark.parametrize("name", CURVES)
def test_derivatives(name, digits):
    x, y, slope = ActivationState(digits.images, digits.labels, name).curve()
    numeric = np.gradient(y.numpy(), x.numpy())
    away = np.abs(x.numpy()) > 0.1  # a kink has no derivative
    assert np.abs(slope.numpy() - numeric)[away].max() < 0.02


def test_mixture_knows_its_place_on_the_ladder():
    state = MixtureState(RESULTS)
    assert state.name() == "1998" and state.counts() == (60_000, 328_096, 340_908)
    assert "60,000 parameters" in state.sentence() and "2.05 % error, mean of 2 seeds" in state.sentence()
    state.output, state.table, state.pooling = "linear", "dense", "max"
    assert state.name() == "max pooling"
    state.activation, state.initialisation, state.input_size = "relu", "torch", 28
    assert state.name() == "today" and state.counts()[:2] == (44_426, 281_640)
    state.activation = "tanh"
    assert state.name() is None and state.sentence().endswith("This mixture was not measured.")


def test_each_step_of_the_ladder_changes_one_thing():
    steps = list(LADDER.values())
    changed = [{f for f in vars(a) if getattr(a, f) != getattr(b, f)} for a, b in zip(steps, steps[1:])]
    assert changed == [
        {"output", "loss"},
        {"connections"},
        {"pooling"},
        {"activation", "initialisation"},
        {"input_size"},
    ]


def test_ladder_table():
    table = ladder_table(RESULTS)
    assert table["parameters"].tolist() == ["60,000", "60,850", "61,750", "61,706", "61,706", "44,426"]
    assert table.iloc[0].tolist()[2:] == ["2.05 ± 0.07", 2, ""]
    assert table.iloc[1].tolist()[2:] == ["2.15 ± 0.07", 2, "+0.10, +0.10"]
    assert "100 training images" in conditions(RESULTS)


# views --------------------------------------------------------------------------------

NAMES = ["channels", "pooling", "ledger", "receptive", "c3", "mixture", "activations"]


@pytest.mark.parametrize("name", NAMES)
def test_prediction_comes_first(name, explorers):
    explorer = explorers[name]
    before, hidden = explorer.still(), explorer.sentence()
    assert not explorer.revealed
    explorer.prediction.choice.value = explorer.prediction.answer
    explorer.prediction.commit.click()
    assert explorer.revealed and "✓" in explorer.prediction.verdict.value
    assert explorer.still(revealed=True)[0] != before[0] and explorer.sentence() != hidden
    assert explorer.error.value == ""


def _drive(explorer, name, control):
    """Every end of a control, with the message that the explorer then shows."""
    if isinstance(control, (w.IntSlider, w.FloatSlider)):
        values = [control.min, control.max, control.value]
    elif isinstance(control, w.Checkbox):
        values = [not control.value, control.value]
    else:
        values = [value for _label, value in control._options_full]
    for value in values:
        control.value = value
        yield explorer.error.value


@pytest.mark.parametrize("name", NAMES)
def test_controls_to_their_ends(name, explorers):
    explorer = explorers[name]
    for field, control in explorer.controls.items():
        start = control.value
        for message in _drive(explorer, field, control):
            assert "Traceback" not in message
            assert not message or "Not possible" in message and name == "ledger"
        control.value = start
        assert explorer.error.value == "" and control.description
        assert f"lenet-{name}-{field}" in control._dom_classes


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_and_a_sentence_without_a_kernel(name, explorers):
    data, metadata = explorers[name]._repr_mimebundle_()
    assert data["image/png"] and len(data["text/plain"]) > 20
    assert data["text/plain"].startswith(metadata["image/png"]["alt"])


def test_an_illegal_ledger_marks_the_layer_and_says_why_beside_the_controls():
    explorer = LedgerExplorer()
    explorer.prediction.skip.click()
    picture = explorer.image.value
    explorer.controls["k2"].value = 15
    assert "conv2: a 15×15 kernel does not fit its 12×12 input" in explorer.error.value
    assert "conv2" in explorer.caption.value and "281,640" not in explorer.caption.value
    assert explorer.image.value != picture, "no old numbers"
    rows = list(explorer.widget.children)
    assert rows.index(explorer.panel) + 1 == rows.index(explorer.error) < rows.index(explorer.image)
    texts = [text.get_text() for text in explorer.bottom.texts]
    assert "does not fit" in texts and "conv1" in texts and "pool2" not in texts
    explorer.controls["k2"].value = 5
    assert explorer.error.value == "" and "281,640" in explorer.caption.value
