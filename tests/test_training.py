import dataclasses
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lenet_helpers import (
    Dataset,
    LeNet,
    LeNetConfig,
    LeNetVariant,
    Split,
    TrainConfig,
    TrainingState,
    evaluate,
    load_dataset,
    train,
)
from lenet_helpers.training import QUICK, Diverged, train_one_epoch


@pytest.fixture(scope="module")
def digits():
    return load_dataset(n_train=200, validation=100)


def fresh(seed=0, config=None):
    torch.manual_seed(seed)
    return LeNetVariant(config) if config else LeNet()


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


class Softmax(nn.Module):
    """One dense layer on the pixels: small enough to do its gradient by hand."""

    def __init__(self, pixels, classes):
        super().__init__()
        self.dense = nn.Linear(pixels, classes)

    def forward(self, x):
        return self.dense(x.flatten(1))


def test_two_sgd_steps_match_hand_calculation():  # two: one step can't see a missing zero_grad
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 6)), np.array([0, 2, 1, 2])
    torch.manual_seed(0)
    model = Softmax(6, 3)
    w, b = (p.detach().double().numpy().copy() for p in model.parameters())
    split = Split(torch.tensor(x, dtype=torch.float32).reshape(4, 1, 2, 3), torch.tensor(y))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    train_one_epoch(model, optimizer, split, batch_size=2)
    for rows in (slice(0, 2), slice(2, 4)):
        scores = x[rows] @ w.T + b
        p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        p[np.arange(2), y[rows]] -= 1  # d loss / d scores, before dividing by the batch
        w, b = w - 0.5 * p.T @ x[rows] / 2, b - 0.5 * p.sum(0) / 2
    np.testing.assert_allclose(model.dense.weight.detach(), w, atol=1e-6)
    np.testing.assert_allclose(model.dense.bias.detach(), b, atol=1e-6)


def test_train_takes_the_same_steps_as_the_plain_loop(digits):
    """An independent loop, momentum and decay written out, on the order that the seed gives."""
    config = TrainConfig(
        batch_size=64,
        epochs=2,
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=0.01,
        schedule="one-cycle",
        seed=3,
    )
    model, twin = fresh(), fresh()
    list(train(model, digits, config))
    velocity, step, total = [torch.zeros_like(p) for p in twin.parameters()], 0, 8
    for epoch in range(2):
        seed = int(np.random.SeedSequence([3, 0, epoch]).generate_state(1)[0])
        for index in torch.randperm(200, generator=torch.Generator().manual_seed(seed)).split(64):
            rate = 0.1 * ((step + 1) / 2 if step < 2 else (total - step) / 6)
            gradients = torch.autograd.grad(
                F.cross_entropy(twin(digits.train.images[index]), digits.train.labels[index]),
                list(twin.parameters()),
            )
            with torch.no_grad():
                for p, g, v in zip(twin.parameters(), gradients, velocity):
                    v.mul_(0.9).add_(g + 0.01 * p)
                    p.sub_(rate * v)
            step += 1
    torch.testing.assert_close(weights(model), weights(twin), rtol=0, atol=1e-5)


def test_records_say_what_happened(digits):
    model = fresh()
    config = TrainConfig(batch_size=64, epochs=2.5, record_every=None)
    records = list(train(model, digits, config))
    assert [(r.step, r.epoch) for r in records] == [(4, 1.0), (8, 2.0), (10, 2.5)]
    last = evaluate(model, digits.validation)
    assert (records[-1].validation_loss, records[-1].validation_accuracy) == (last.loss, last.accuracy)
    assert all(r.seconds > 0 and r.images_per_second > 0 and r.learning_rate == 0.05 for r in records)
    assert [r.step for r in train(fresh(), digits, TrainConfig(batch_size=64, steps=7, record_every=3))] == [
        3,
        6,
        7,
    ]


def test_the_training_loss_weighs_every_image_the_same(digits):
    # Batches of 150 and 50: with a learning rate near 0 the mean over images is evaluate's.
    model = fresh()
    (record,) = train(model, digits, TrainConfig(batch_size=150, epochs=1, learning_rate=1e-4))
    assert record.train_loss == pytest.approx(evaluate(fresh(), digits.train).loss, abs=2e-4)
    correct = record.train_accuracy * 200
    assert correct == pytest.approx(round(correct), abs=1e-9)


def test_without_a_validation_split_the_records_carry_none(digits):
    classic = dataclasses.replace(digits, validation=None)
    (record,) = train(fresh(), classic, TrainConfig(epochs=1))
    assert record.validation_loss is None and record.validation_accuracy is None


def test_records_do_not_change_the_run(digits):
    config = TrainConfig(batch_size=32, epochs=2, shift=0.1, rotation=10, scale=0.1)
    net = LeNetConfig(dropout=0.3)
    often, seldom = fresh(config=net), fresh(config=net)
    list(train(often, digits, dataclasses.replace(config, record_every=1)))
    list(train(seldom, digits, config))
    assert torch.equal(weights(often), weights(seldom))


def test_the_seed_decides_and_the_callers_random_numbers_are_left_alone(digits):
    runs = []
    for seed in (0, 0, 1):
        model = fresh(config=LeNetConfig(dropout=0.5))
        torch.manual_seed(1234)
        list(train(model, digits, TrainConfig(epochs=1, seed=seed)))
        assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(1234)))
        runs.append(weights(model))
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])


def test_leaving_the_loop_stops_between_two_steps(digits):
    model = fresh()
    for record in train(model, digits, TrainConfig(batch_size=20, epochs=50, record_every=3)):
        break
    assert record.step == 3
    kept = weights(model).clone()
    assert torch.equal(weights(model), kept) and evaluate(model, digits.test).n == 1000


def test_an_interrupt_leaves_a_usable_model_and_the_history(digits):
    class Impatient(LeNet):
        calls = 0

        def forward(self, x):
            self.calls += 1
            if self.calls == 14:
                raise KeyboardInterrupt
            return super().forward(x)

    model, history = Impatient(), []
    before = torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        for record in train(model, digits, TrainConfig(batch_size=50, epochs=9)):
            history.append(record)
    assert len(history) >= 1 and torch.isfinite(weights(model)).all()
    assert torch.equal(before, torch.get_rng_state())


def test_divergence_names_step_and_rate_and_gives_the_good_weights_back(digits):
    model = fresh()
    records, kept = [], None
    with pytest.raises(Diverged) as error:
        for record in train(
            model, digits, TrainConfig(batch_size=20, epochs=5, learning_rate=10.0, record_every=2)
        ):
            records.append(record)
            kept = weights(model)
    text = str(error.value)
    assert "learning_rate=10" in text and "choose a lower learning rate" in text
    good, step = (records[-1].step if records else 0), int(text.split(" at step ")[1].split(" ")[0])
    assert good < step <= good + 2 and f"step {good} again" in text
    assert (
        torch.equal(weights(model), kept if records else weights(fresh()))
        and torch.isfinite(weights(model)).all()
    )


def test_a_loss_that_is_not_finite_at_once_names_step_one(digits):
    model = fresh()
    torch.nn.init.constant_(model.fc3.bias, math.nan)
    with pytest.raises(Diverged, match="at step 1 with"):
        list(train(model, digits, TrainConfig(epochs=1)))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_pixel_that_is_no_number_is_the_datas_fault_not_the_rates(digits, value):
    images = digits.train.images.clone()
    images[5, 0, 3, 3] = value
    spoiled = dataclasses.replace(digits, train=Split(images, digits.train.labels))
    with pytest.raises(ValueError, match="training image 5 has a pixel"):
        train(fresh(), spoiled, TrainConfig(epochs=1))


def test_evaluate_by_hand_with_an_uneven_last_batch(digits):
    model = fresh()
    split = load_dataset().train[:1501]
    logits = model(split.images).detach().double()
    expected = -F.log_softmax(logits, 1)[torch.arange(1501), split.labels].mean().item()
    score = evaluate(model, split)
    assert score.loss == pytest.approx(expected, rel=1e-5)
    assert score.accuracy == (logits.argmax(1) == split.labels).double().mean().item() and score.n == 1501


def test_evaluate_leaves_the_modes_and_needs_no_gradient(digits):
    model = fresh(config=LeNetConfig(dropout=0.5)).train()
    first, second = evaluate(model, digits.test), evaluate(model, digits.test)
    assert first == second and model.training and all(p.grad is None for p in model.parameters())
    with pytest.raises(ValueError, match="evaluate: the split is empty"):
        evaluate(model, digits.test[:0])


def test_the_model_is_in_training_mode_while_it_trains(digits):
    modes = []

    class Watched(LeNet):
        def forward(self, x):
            modes.append((self.training, len(x)))
            return super().forward(x)

    list(train(Watched().eval(), digits, TrainConfig(batch_size=200, epochs=2)))
    assert modes == [(False, 1)] + [(True, 200), (False, 100)] * 2


@pytest.mark.parametrize(
    "model, changes, words",
    [
        (LeNet(), dict(batch_size=201), "batch_size=201: choose 1 to 200"),
        (LeNetVariant(LeNetConfig(classes=9)), {}, "the model gives (1, 9) for one image"),
        (LeNetVariant(LeNetConfig(in_channels=3)), {}, "the model does not take images of shape (1, 28, 28)"),
        (LeNetVariant(LeNetConfig(input_size=32)), {}, "LeNetConfig(input_size=…"),
        (LeNet(), dict(device="quantum"), "device='quantum'"),
    ],
)
def test_what_does_not_fit_together_is_said_before_anything_is_trained(digits, model, changes, words):
    with pytest.raises(ValueError) as error:
        train(model, digits, TrainConfig(**changes))
    assert words in str(error.value)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_named(digits, device):
    if {"cuda": torch.cuda, "mps": torch.backends.mps}[device].is_available():
        records = list(train(fresh(), digits, TrainConfig(device=device, epochs=1)))
        assert records[0].train_loss > 0
    else:
        with pytest.raises(ValueError, match=f"device='{device}' is not to be had here: choose one of cpu"):
            train(fresh(), digits, TrainConfig(device=device))


def test_augmentation_touches_training_images_only_and_fills_with_background(digits):
    seen = []

    class Watched(LeNet):
        def forward(self, x):
            seen.append((self.training, x.detach().clone()))
            return super().forward(x)

    list(train(Watched(), digits, TrainConfig(batch_size=200, epochs=1, shift=0.2)))
    (_, _), (training, moved), (validating, plain) = seen
    assert training and not validating and torch.equal(plain, digits.validation.images)
    assert not torch.equal(moved.sort(0).values, digits.train.images.sort(0).values)
    assert (
        moved.min() >= digits.background - 1e-5 and (moved[:, :, 0, 0] - digits.background).abs().max() < 1e-5
    )


def test_the_quick_recipe_learns_the_embedded_digits():
    data, model = load_dataset(), fresh()
    *_, last = train(model, data, QUICK)
    assert last.validation_accuracy > 0.945  # the median of ten seeds is above 0.96, see make proof


def test_one_image_and_one_class_of_data_still_train():
    one = Split(torch.randn(1, 1, 28, 28), torch.tensor([7]))
    data = Dataset("one", one, one, one, tuple("0123456789"), "made up")
    *_, last = train(fresh(), data, TrainConfig(batch_size=1, epochs=20))
    assert last.validation_accuracy == 1.0


def test_state_carries_on_without_a_file(digits):
    config = TrainConfig(batch_size=64, epochs=3, optimizer="adam", learning_rate=0.005, schedule="one-cycle")
    whole, parts = fresh(), fresh()
    list(train(whole, digits, config))
    state = TrainingState(parts, config)
    for record in train(parts, digits, config, state=state):
        if record.step == 4:
            break
    list(train(parts, digits, config, state=state))
    assert torch.equal(weights(whole), weights(parts))
