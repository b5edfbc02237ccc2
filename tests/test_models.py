import itertools

import pytest
import torch
import torch.nn.functional as F

from lenet_helpers import LeNet, LeNetConfig, count_parameters
from lenet_helpers.models import LeNetVariant


def test_plain_net_has_the_known_counts():
    model = LeNet()
    assert count_parameters(model) == 44_426
    assert count_parameters(model.fc1) + count_parameters(model.fc2) + count_parameters(model.fc3) == 41_854


def test_forward_equals_a_hand_written_pass():
    model, x = LeNet(), torch.randn(3, 1, 28, 28)
    weights = dict(model.named_parameters())
    out = x
    for name in ("conv1", "conv2"):
        out = F.conv2d(out, weights[f"{name}.weight"], weights[f"{name}.bias"]).clamp(min=0)
        out = out.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))
    out = out.reshape(3, 256)
    for name in ("fc1", "fc2", "fc3"):
        out = out @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        out = out if name == "fc3" else out.clamp(min=0)
    torch.testing.assert_close(model(x), out, rtol=1e-4, atol=1e-5)


def test_variant_at_the_default_is_the_plain_net():
    torch.manual_seed(0)
    plain = LeNet()
    torch.manual_seed(0)
    variant = LeNetVariant(LeNetConfig())
    assert type(plain) is LeNet and type(variant) is LeNetVariant
    ours, theirs = plain.state_dict(), variant.state_dict()
    assert list(ours) == list(theirs) and all(torch.equal(ours[name], theirs[name]) for name in ours)
    x = torch.randn(2, 1, 28, 28)
    assert torch.equal(plain(x), variant(x))


def test_images_are_not_mixed_by_a_wrong_size():
    # The old view(-1, 256) turned 64 images of 32×32 into 100 rows.
    with pytest.raises(RuntimeError):
        LeNet()(torch.zeros(64, 1, 32, 32))


@pytest.mark.parametrize(
    "changes, parameters",
    [
        (dict(padding=(2, 0)), 61_706),
        (dict(input_size=32), 61_706),
        # Two 3×3 convolutions a stage, padded: 1·9·6+6 + 6·9·6+6 + 6·9·16+16 + 16·9·16+16; 16·7·7 →
        # 120 → 84 → 10.
        (
            dict(kernel_size=3, convs_per_stage=2, padding=1),
            60 + 330 + 880 + 2320 + (784 * 120 + 120) + 10_164 + 850,
        ),
        (dict(width=2.0), (25 * 12 + 12) + (12 * 25 * 32 + 32) + (512 * 120 + 120) + 10_164 + 850),
        (
            dict(channels=(8, 32), kernel_size=3),
            (9 * 8 + 8) + (8 * 9 * 32 + 32) + (32 * 25 * 120 + 120) + 10_164 + 850,
        ),
        (dict(hidden=(), classes=3), 156 + 2416 + 256 * 3 + 3),
        (dict(in_channels=3), 156 + 2 * 150 + 2416 + 41_854),
    ],
)
def test_parameter_counts_by_hand(changes, parameters):
    model = LeNetVariant(LeNetConfig(**changes))
    assert count_parameters(model) == parameters
    config = model.config
    assert model(torch.zeros(2, config.in_channels, config.input_size, config.input_size)).shape == (
        2,
        config.classes,
    )


def test_every_combination_is_built_or_refused_in_words():
    built = refused = 0
    for convs, k, p, channels, size in itertools.product(
        (1, 2, 3), (1, 3, 5, 7), (0, 1, 3), ((4,), (4, 6), (4, 6, 8)), (8, 28, 33)
    ):
        try:
            config = LeNetConfig(
                convs_per_stage=convs, kernel_size=k, padding=p, channels=channels, input_size=size
            )
            assert LeNetVariant(config)(torch.zeros(1, 1, size, size)).shape == (1, 10)
            built += 1
        except ValueError as error:
            assert "does not fit" in str(error) and "padding" in str(error)
            refused += 1
    assert built > 50 and refused > 50


def test_what_does_not_fit_names_layer_sizes_and_three_ways_out():
    with pytest.raises(ValueError) as error:
        LeNetVariant(LeNetConfig(channels=(6, 16, 32)))
    assert (
        str(error.value)
        == "conv3: a 5×5 kernel does not fit its 4×4 input; use padding, a smaller kernel, or fewer layers"
    )
    with pytest.raises(ValueError, match="pool2: a 2×2 window does not fit its 1×1 input"):
        LeNetVariant(LeNetConfig(input_size=8, kernel_size=3))
    with pytest.raises(
        ValueError, match="conv3: a 7×7 kernel does not fit its 3×3 input with padding 1; use"
    ):
        LeNetVariant(LeNetConfig(channels=(2, 2, 2), kernel_size=7, padding=1, input_size=26))


@pytest.mark.parametrize(
    "changes, words",
    [
        (dict(channels=()), "channels"),
        (dict(channels=(6, 0)), "channels[1]=0"),
        (dict(hidden=(1.5,)), "hidden[0]=1.5"),
        (dict(classes=0), "classes=0"),
        (dict(padding=-1), "padding=-1"),
        (dict(padding=(1, 2, 3)), "padding=(1, 2, 3)"),
        (dict(kernel_size=4), "kernel_size=4"),
        (dict(activation="swish"), "activation='swish'"),
        (dict(dropout=1.0), "dropout=1.0: choose 0 to 0.9"),
        (dict(dropout=-0.1), "dropout=-0.1: choose 0 to 0.9"),
        (dict(width=0.24), "width=0.24: choose 0.25 to 8"),
        (dict(width=8.1), "width=8.1: choose 0.25 to 8"),
        (dict(convs_per_stage=0), "convs_per_stage=0: choose a whole number from 1 to 3"),
        (dict(convs_per_stage=4), "convs_per_stage=4: choose a whole number from 1 to 3"),
        (dict(input_size=0), "input_size=0: choose a whole number of at least 1"),
        (dict(in_channels=0), "in_channels=0: choose a whole number of at least 1"),
    ],
)
def test_bad_values_are_named(changes, words):
    with pytest.raises(ValueError) as error:
        LeNetConfig(**changes)
    assert words in str(error.value)


@pytest.mark.parametrize(
    "values",
    [
        dict(width=0.25, convs_per_stage=1, dropout=0, in_channels=1, classes=1, padding=0),
        dict(width=8, convs_per_stage=3, dropout=0.9, kernel_size=1),
    ],
)
def test_what_a_message_proposes_is_accepted(values):
    config = LeNetConfig(**values)
    assert {name: getattr(config, name) for name in values} == values


def test_dropout_acts_in_training_only():
    model, x = LeNetVariant(LeNetConfig(dropout=0.5)), torch.randn(4, 1, 28, 28)
    assert not torch.equal(model.train()(x), model(x))
    assert torch.equal(model.eval()(x), model(x))


def test_every_weight_learns():
    for config in (
        LeNetConfig(),
        LeNetConfig(convs_per_stage=2, kernel_size=3, padding=1, activation="tanh", pooling="average"),
    ):
        model = LeNetVariant(config)
        F.cross_entropy(model(torch.randn(8, 1, 28, 28)), torch.arange(8)).backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
