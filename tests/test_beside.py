"""Cells, figures and trainings beside them leave each other's random numbers and torch's switches alone."""

import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.hand import ends, every_explorer
from lenet_helpers import LeNet, LeNetConfig, LeNetVariant, TrainConfig, evaluate, load_dataset, train
from lenet_helpers.lenet1998 import LeNet1998
from lenet_helpers.models import Dropout, new_model
from lenet_helpers.modes import first_weights
from lenet_helpers.tuning.doctor import seconds_per_step
from lenet_helpers.tuning.session import TrainingSession

DIGITS = load_dataset(n_train=300, validation=100)
MADE = every_explorer(DIGITS)
DROPPING = LeNetConfig(dropout=0.5)
LONG = TrainConfig(epochs=1000, batch_size=50, optimizer="adam", shift=0.1, rotation=10)


def shared():
    """What all threads share: torch's own random numbers and the switches that a run needs set."""
    return (
        torch.get_rng_state().tolist(),
        torch.get_default_dtype(),
        torch.get_float32_matmul_precision(),
        torch.backends.mkldnn.matmul.fp32_precision,
        torch.backends.cudnn.deterministic,
    )


@pytest.fixture
def a_cells_own():
    """A learner's own settings, and after the test those there were."""
    before = shared()
    torch.set_default_dtype(torch.float64)
    torch.set_float32_matmul_precision("medium")
    torch.manual_seed(7)
    yield shared()
    torch.set_default_dtype(before[1])
    torch.set_float32_matmul_precision(before[2])


@contextmanager
def training_beside(model_config):
    session = TrainingSession(DIGITS, model_config, LONG)
    assert session.start()
    try:
        yield session
        assert session.running, session.run.message
    finally:
        assert session.close()


def first(model):
    return next(model.parameters()).flatten()[:4].tolist(), torch.rand(1).item()


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_cell_draws_the_numbers_of_its_seed_while_a_figure_trains(dropout):
    def cell():
        torch.manual_seed(0)
        return first(LeNet())

    expected = cell()
    with training_beside(LeNetConfig(dropout=dropout)):
        assert [cell() for _again in range(300)] == [expected] * 300


def test_first_weights_depend_on_their_seed_alone_while_a_figure_trains():
    torch.manual_seed(3)
    plain = first(LeNetVariant(DROPPING))[0]
    with training_beside(DROPPING):
        assert all(first(new_model(DROPPING, 3))[0] == plain for _again in range(300))


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_what_a_cell_has_set_stays_while_a_figure_trains_and_after_both(a_cells_own, dropout):
    with training_beside(LeNetConfig(dropout=dropout)) as session:
        while session.run.done < 100:
            assert shared() == a_cells_own
            time.sleep(0.001)
    assert shared() == a_cells_own


def test_two_runs_at_once_put_back_what_was_there_before_them(a_cells_own):
    with training_beside(DROPPING):
        for _again in range(20):
            list(train(new_model(DROPPING, 0), DIGITS, TrainConfig(epochs=1, batch_size=100)))
    assert shared() == a_cells_own


def test_a_figures_run_is_the_same_whatever_the_cells_beside_it_do():
    def ran(beside):
        session = TrainingSession(DIGITS, DROPPING, replace(LONG, epochs=4))
        session.start()
        while not session.join(0.001):
            beside()
        assert session.run.status == "finished", session.run.message
        return [replace(record, seconds=0, images_per_second=0) for record in session.history]

    def busy():
        torch.manual_seed(0)
        torch.set_default_dtype(torch.float64)
        evaluate(new_model(DROPPING, 1), DIGITS.validation[:10])
        torch.set_default_dtype(torch.float32)

    assert ran(busy) == ran(lambda: None)


def test_a_figures_run_is_a_cells():
    session = TrainingSession(DIGITS, DROPPING, replace(LONG, epochs=2))
    session.start()
    session.join()
    model = new_model(DROPPING, LONG.seed)
    list(train(model, DIGITS, replace(LONG, epochs=2)))
    for mine, theirs in zip(model.parameters(), session.run.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("name", MADE)
def test_figures_use_up_none_of_a_cells_random_numbers(name):
    before = shared()
    explorer = MADE[name]()
    if explorer.prediction:
        explorer.prediction.skip.click()
    for control in list(explorer.controls.values()):
        for value in ends(control):
            control.value = value
    assert shared() == before


def test_the_doctor_uses_up_none_either():
    before = shared()
    seconds_per_step(DIGITS, 0.01)
    assert shared() == before


# First weights, and dropout --------------------------------------------------------------

MAKERS = {
    "LeNet": LeNet,
    "a variant": lambda: LeNetVariant(LeNetConfig(width=2, convs_per_stage=2, padding=1)),
    "1998": LeNet1998,
    "other layers": lambda: nn.Sequential(nn.ConvTranspose2d(2, 3, 4), nn.Embedding(5, 4), nn.LSTM(3, 4)),
    "by hand": lambda: nn.ParameterList(
        [nn.init.orthogonal_(torch.empty(5, 3)), nn.init.xavier_normal_(torch.empty(2, 4))]
    ),
}


@pytest.mark.parametrize("name", MAKERS)
def test_first_weights_are_those_after_torchs_own_seed(name):
    torch.manual_seed(11)
    plain = [p.detach().clone() for p in MAKERS[name]().parameters()]
    before = shared()
    with first_weights(11):
        ours = MAKERS[name]()
    assert shared() == before
    for a, b in zip(plain, ours.parameters(), strict=True):
        assert torch.equal(a, b) and b.dtype == torch.float32 and b.requires_grad


@pytest.mark.parametrize("make", [LeNet, LeNetVariant])
def test_first_weights_are_float32_whatever_the_default(a_cells_own, make):
    with first_weights(0):
        assert {p.dtype for p in make().parameters()} == {torch.float32}


def test_first_weights_of_two_threads_at_once():
    torch.manual_seed(0)
    plain, found = first(LeNet())[0], []

    def make():
        for _again in range(50):
            found.append(first(new_model(LeNetConfig(), 0))[0])

    threads = [threading.Thread(target=make) for _two in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [plain] * 100


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.9])
def test_dropout_is_torchs_own(rate):
    x = torch.randn(50, 40, requires_grad=True)
    results = []
    for layer in (Dropout(rate), nn.Dropout(rate)):
        torch.manual_seed(4)
        y = layer(x)
        results.append((y, *torch.autograd.grad(y.square().sum(), x)))
    for ours, theirs in zip(*results, strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(Dropout(rate).eval()(x), x) and repr(Dropout(rate)) == repr(nn.Dropout(rate))


def test_a_learners_own_dropout_is_seeded_by_the_run():
    """Layers that are torch's draw from torch's own generator, which a run in a cell seeds and gives back."""

    class Own(LeNet):
        def forward(self, x):
            return super().forward(F.dropout(x, 0.5, self.training))

    losses = []
    for seed in (1, 2):
        with first_weights(0):
            model = Own()
        torch.manual_seed(seed)  # changes nothing: the run's seed counts
        before = torch.get_rng_state()
        losses += [list(train(model, DIGITS, TrainConfig(epochs=1, batch_size=100)))[-1].train_loss]
        assert torch.equal(before, torch.get_rng_state())
    assert losses[0] == losses[1]
