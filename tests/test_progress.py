"""The bar below a cell that trains: it follows the steps, changes nothing, and ends with the run."""

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from IPython.core.events import EventManager, available_events

from lenet_helpers import LeNet, TrainConfig, TrainingState, load_dataset, train
from lenet_helpers.explorers import progress
from lenet_helpers.figures.canvas import STORED

FEW = TrainConfig(batch_size=32, epochs=2)


@pytest.fixture(scope="module")
def digits():
    return load_dataset(n_train=320, validation=100)


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, and a bar that is looked at often."""
    seen = []
    monkeypatch.setattr(progress, "display", seen.append)
    monkeypatch.setattr(progress, "REDRAW", 0.005)
    return seen


def fresh():
    torch.manual_seed(0)
    return LeNet()


def test_the_records_and_the_weights_are_those_of_train(digits, shown):
    plain, followed = fresh(), fresh()
    expected = [r.validation_loss for r in train(plain, digits, FEW)]
    got = [r.validation_loss for r in progress.train_with_progress(followed, digits, FEW)]
    assert got == expected and len(shown) == 1
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), followed.parameters()))
    assert shown[0].bar.value == shown[0].bar.max == 20, "2 epochs of 10 batches"


def test_steps_and_time_left_are_shown_between_two_records(digits, shown):
    said = set()
    run = progress.train_with_progress(fresh(), digits, replace(FEW, epochs=30))
    first = next(run)  # not displayed before
    shown[0].words.observe(lambda change: said.add(change["new"]), "value")
    list(run)
    steps = {int(words.split()[1]) for words in said if words.startswith("step")}
    assert all(words.endswith("s left") for words in said if words.startswith("step"))
    assert len(steps) > 3 and any(step % first.step for step in steps), steps


def test_no_thread_is_left_whoever_stops_and_however(digits, shown):
    before = threading.active_count()
    for _record in progress.train_with_progress(fresh(), digits, FEW):
        break
    run = progress.train_with_progress(fresh(), digits, FEW)
    next(run)
    with pytest.raises(KeyboardInterrupt):
        run.throw(KeyboardInterrupt)
    list(progress.train_with_progress(fresh(), digits, FEW))
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before
    assert all(one.words.value.endswith(" s") for one in shown)


def test_a_run_that_goes_on_counts_from_where_it_stopped(digits, shown):
    model = fresh()
    state = TrainingState(model, FEW)
    for _record in progress.train_with_progress(model, digits, FEW, state=state):
        break
    assert state.step == 10 and shown[0].bar.value == 10
    list(progress.train_with_progress(model, digits, FEW, state=state))
    assert shown[1].bar.value == 20 and state.step == 20


def test_what_does_not_fit_is_refused_before_anything_is_shown(digits, shown):
    with pytest.raises(ValueError, match="another model"):
        progress.train_with_progress(fresh(), digits, FEW, state=TrainingState(fresh(), FEW))
    assert not shown


def test_a_loop_written_out_gets_the_same_bar(shown):
    done = []
    for part in progress.with_progress(["a", "b", "c"]):
        done.append((part, shown[0].state.step))
    assert done == [("a", 0), ("b", 1), ("c", 2)], "a step counts once the loop has done it"
    assert shown[0].bar.value == shown[0].bar.max == 3


def test_after_an_error_in_the_loop_the_bar_ends_with_the_cell(digits, shown, monkeypatch):
    """Its traceback keeps the records alive: nobody closes them."""
    shell = SimpleNamespace(events=EventManager(None, available_events))
    monkeypatch.setattr(progress, "get_ipython", lambda: shell)
    before = threading.active_count()
    for cell in (progress.train_with_progress(fresh(), digits, FEW), progress.with_progress([1, 2])):
        next(cell)
        assert threading.active_count() > before
        shell.events.trigger("post_run_cell", None)
        assert threading.active_count() == before and shown[-1].words.value.endswith(" s")
        list(cell)  # whoever goes on in another cell gets the rest
        assert not shell.events.callbacks["post_run_cell"] and shown[-1].bar.value == shown[-1].bar.max


def test_a_bar_stores_nothing_and_leaves_a_line_without_a_time(digits, shown):
    bar = progress.Progress(TrainingState(fresh(), FEW), 1200)
    data = bar._repr_mimebundle_()
    assert data["text/plain"] == "1,200 steps" and data["text/html"] == "<p>1,200 steps</p>"
    assert data[STORED] == {}
    assert str(bar) == "1,200 steps", "what plain Python prints"
