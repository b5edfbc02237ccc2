from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from lenet_helpers import LeNet, TrainConfig, load_dataset
from lenet_helpers.train_config import QUICK, count_steps, learning_rate_at, make_optimizer
from lenet_helpers.tuning.recipes import quick_recipe


def test_the_default_is_plain_sgd():
    config = TrainConfig()
    assert (config.learning_rate, config.batch_size, config.epochs, config.seed) == (0.05, 32, 5, 0)
    assert (config.optimizer, config.momentum, config.weight_decay, config.schedule, config.augments) == (
        "sgd",
        0,
        0,
        "constant",
        False,
    )


@pytest.mark.parametrize("name", ["shift", "rotation", "scale"])
def test_each_kind_of_augmentation_is_one_by_itself(name):
    assert TrainConfig(**{name: 0.1}).augments


@pytest.mark.parametrize(
    "values, words",
    [
        (dict(batch_size=0), "batch_size=0: choose a whole number from 1"),
        (dict(epochs=0), "epochs=0: choose 0.01 to 1000"),
        (dict(learning_rate=0), "learning_rate=0: choose 0.0001"),
        (dict(learning_rate=-1.0), "learning_rate=-1.0: choose"),
        (dict(steps=0), "steps=0: choose a whole number of at least 1"),
        (dict(record_every=1.5), "record_every=1.5: choose"),
        (dict(optimizer="lion"), "optimizer='lion': choose sgd, adam, adamw"),
        (dict(schedule="cosine"), "schedule='cosine': choose"),
        (dict(momentum=1.0), "momentum=1.0: choose 0 to 0.999"),
        (dict(weight_decay=1.1), "weight_decay=1.1: choose 0 to 1"),
        (dict(shift=0.51), "shift=0.51: choose 0 to 0.5"),
        (dict(rotation=181), "rotation=181: choose 0 to 180"),
        (dict(scale=0.91), "scale=0.91: choose 0 to 0.9"),
        (dict(learning_rate=10.1), "learning_rate=10.1: choose 0.0001 to 10"),
        (dict(batch_size=60_001), "batch_size=60001: choose a whole number from 1 to 60,000"),
        (dict(epochs=1001), "epochs=1001: choose 0.01 to 1000"),
        (dict(seed=-1), "seed=-1: choose a whole number from 0 to 2,147,483,647"),
        (dict(seed=2_147_483_648), "seed=2147483648: choose a whole number from 0 to 2,147,483,647"),
    ],
)
def test_bad_values_are_named(values, words):
    with pytest.raises(ValueError) as error:
        TrainConfig(**values)
    assert str(error.value).startswith(words)


LARGEST = dict(
    learning_rate=10, batch_size=60_000, epochs=1000, momentum=0.999, weight_decay=1, shift=0.5, rotation=180,
    scale=0.9, seed=2_147_483_647,
)  # fmt: skip
SMALLEST = dict.fromkeys(("momentum", "weight_decay", "shift", "rotation", "scale", "seed"), 0) | dict(
    learning_rate=1e-4, batch_size=1, epochs=0.01, steps=1, record_every=1
)


@pytest.mark.parametrize("values", [LARGEST, SMALLEST])
def test_what_a_message_proposes_is_accepted(values):
    config = TrainConfig(**values)
    assert {name: getattr(config, name) for name in values} == values


@pytest.mark.parametrize(
    "values, expected",
    [
        (dict(batch_size=32, epochs=5), (94, 470)),  # 3,000 images: 93 full batches and one of 24
        (dict(batch_size=3000, epochs=2), (1, 2)),
        (dict(batch_size=32, epochs=0.5), (94, 47)),
        (dict(batch_size=3000, epochs=0.1), (1, 1)),  # never no step at all
        (dict(batch_size=32, epochs=5, steps=7), (94, 7)),
    ],
)
def test_steps(values, expected):
    assert count_steps(load_dataset(), TrainConfig(**values)) == expected


def test_one_cycle_goes_up_for_a_quarter_and_down_to_nearly_zero():
    config = TrainConfig(learning_rate=0.8, schedule="one-cycle")
    rates = [learning_rate_at(step, 8, config) for step in range(8)]
    assert rates == pytest.approx(
        [0.4, 0.8, 0.8, 0.8 * 5 / 6, 0.8 * 4 / 6, 0.8 * 3 / 6, 0.8 * 2 / 6, 0.8 * 1 / 6]
    )
    # Twelve steps tell a quarter from a third: the peak is step 3, not 4.
    assert max(range(12), key=lambda step: learning_rate_at(step, 12, config)) == 2
    assert learning_rate_at(2, 12, config) == learning_rate_at(3, 12, config) == 0.8
    assert [learning_rate_at(step, 1, config) for step in range(1)] == [0.8]
    assert learning_rate_at(5, 8, TrainConfig(learning_rate=0.1)) == 0.1


def test_optimizers_carry_the_configuration_and_skip_frozen_weights():
    model = LeNet()
    model.conv1.requires_grad_(False)
    sgd = make_optimizer(model, TrainConfig(momentum=0.9, weight_decay=0.01, learning_rate=0.3))
    assert isinstance(sgd, torch.optim.SGD) and len(sgd.param_groups[0]["params"]) == 8
    assert {k: sgd.param_groups[0][k] for k in ("lr", "momentum", "weight_decay")} == dict(
        lr=0.3, momentum=0.9, weight_decay=0.01
    )
    read = TrainConfig(optimizer="".join("sgd"), momentum=0.9)  # a copy, as from a file
    assert make_optimizer(model, read).defaults["momentum"] == 0.9
    assert isinstance(make_optimizer(model, TrainConfig(optimizer="adam")), torch.optim.Adam)
    assert isinstance(make_optimizer(model, TrainConfig(optimizer="adamw")), torch.optim.AdamW)
    assert make_optimizer(model, TrainConfig(optimizer="adam")).defaults["fused"], "an eighth of a step"


def test_the_quick_recipe_takes_seconds_with_few_images_and_with_many():
    def of(n):
        return SimpleNamespace(train=range(n))

    assert quick_recipe(of(3000)) == QUICK
    many = quick_recipe(of(50_000))
    assert count_steps(of(50_000), many)[1] == 782 and replace(many, epochs=QUICK.epochs) == QUICK


def test_the_quick_recipe_is_for_ten_thousand_images_at_most():
    """Half an epoch of more."""
    assert quick_recipe(SimpleNamespace(train=range(10_000))) == QUICK
    assert quick_recipe(SimpleNamespace(train=range(10_001))) == replace(QUICK, epochs=0.5)
