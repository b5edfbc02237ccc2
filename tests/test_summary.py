from dataclasses import FrozenInstanceError

import pytest
import torch
from torch import nn

from lenet_helpers import LeNet, LeNetConfig, LeNetVariant, count_parameters, layer_table, receptive_fields
from lenet_helpers.summary import run_and_count

# Name, output, parameters, multiply-adds, each by hand: maps × side² × kernel weights.
LEDGER = [
    ("conv1", (6, 24, 24), 156, 6 * 24 * 24 * 25),
    ("pool1", (6, 12, 12), 0, 0),
    ("conv2", (16, 8, 8), 2_416, 16 * 8 * 8 * 6 * 25),
    ("pool2", (16, 4, 4), 0, 0),
    ("fc1", (120,), 30_840, 256 * 120),
    ("fc2", (84,), 10_164, 120 * 84),
    ("fc3", (10,), 850, 84 * 10),
]


@pytest.mark.parametrize("model", [LeNet(), LeNetVariant(LeNetConfig())], ids=["plain", "variant"])
def test_ledger_of_lenet(model):
    rows = layer_table(model)
    assert [(r.name, r.output_shape, r.parameters, r.multiply_adds) for r in rows] == LEDGER
    assert sum(r.multiply_adds for r in rows) == 281_640
    assert sum(r.parameters for r in rows) == count_parameters(model) == 44_426


class Gated(nn.Module):
    """Ends in a layer that returns two things."""

    def __init__(self):
        super().__init__()
        self.dense, self.memory = nn.Linear(4, 3), nn.LSTM(3, 2)

    def forward(self, x):
        return self.memory(self.dense(x))[0]


def test_the_work_of_a_run_is_the_ledgers_and_what_gives_no_tensor_counts_nothing():
    logits, work = run_and_count(LeNet(), torch.zeros(1, 1, 28, 28))
    assert logits.shape == (1, 10) and work == 281_640
    out, work = run_and_count(Gated(), torch.zeros(1, 5, 4))
    assert out.shape == (1, 5, 2) and work == 5 * 3 * 4


def test_measuring_leaves_no_trace():
    model = LeNetVariant(LeNetConfig(dropout=0.5)).train()
    model.conv1.eval()  # a frozen layer stays in its own mode
    before = torch.get_rng_state()
    layer_table(model)
    receptive_fields(model)
    assert model.training and not model.conv1.training and model.conv2.training
    assert not any(m._forward_hooks for m in model.modules())
    assert torch.equal(before, torch.get_rng_state())


def test_frozen_weights_are_not_counted():
    model = LeNet()
    model.fc1.requires_grad_(False)
    assert count_parameters(model) == 44_426 - 30_840


def test_receptive_fields_of_lenet():
    assert receptive_fields(LeNet()) == {"conv1": 5, "pool1": 6, "conv2": 14, "pool2": 16}


def test_receptive_field_agrees_with_the_gradient():
    # Positive weights, no ReLU, average pooling: every pixel in the box leaves a gradient.
    layers = nn.Sequential(
        nn.Conv2d(1, 1, 3, stride=2, dilation=2), nn.AvgPool2d(2, stride=1), nn.Conv2d(1, 1, 3)
    )
    for p in layers.parameters():
        nn.init.constant_(p, 1.0)
    x = torch.zeros(1, 1, 41, 41, requires_grad=True)
    layers(x)[0, 0, 4, 4].backward()
    rows, columns = torch.nonzero(x.grad[0, 0], as_tuple=True)
    side = int(rows.max() - rows.min()) + 1
    assert receptive_fields(layers, (1, 41, 41))["2"] == side == int(columns.max() - columns.min()) + 1


def test_a_kernel_that_is_not_square_is_refused():
    with pytest.raises(ValueError, match="not square"):
        receptive_fields(nn.Sequential(nn.Conv2d(1, 1, (2, 3))))


def test_the_image_that_is_sent_through_is_one_and_black():
    seen = []
    model = LeNet()
    model.conv1.register_forward_pre_hook(lambda _layer, given: seen.append(given[0]))
    rows = layer_table(model)
    assert [tuple(image.shape) for image in seen] == [(1, 1, 28, 28)] and not seen[0].any()
    with pytest.raises(FrozenInstanceError):
        rows[0].parameters = 0
