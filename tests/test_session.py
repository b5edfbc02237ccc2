"""Training beside the notebook, driven without a front end."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from lenet_helpers import LeNetConfig, load_dataset, train
from lenet_helpers.models import new_model
from lenet_helpers.train_config import QUICK, count_steps
from lenet_helpers.training import EpochRecord, evaluate
from lenet_helpers.tuning.session import TrainingSession, means_of, score_images


@pytest.fixture(scope="module")
def digits():
    return load_dataset("mnist-5k", n_train=600, validation=200)


def until(condition, seconds=20.0):
    """Wait for `condition()`; the test fails if it never comes true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def finished(session, **how):
    assert session.start(**how)
    assert session.join(60)
    return session.run


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_a_run_gives_the_same_weights_and_scores_as_the_plain_loop(digits, one_thread):
    config = replace(QUICK, epochs=1.5, seed=3)
    session = TrainingSession(digits, LeNetConfig(dropout=0.2), config)
    run = finished(session)
    model = new_model(LeNetConfig(dropout=0.2), 3)
    records = list(train(model, digits, config))
    assert run.status == "finished"
    assert torch.equal(weights(model), weights(run.model))
    last = session.history[-1]
    assert last.step == records[-1].step == count_steps(digits, config)[1]
    assert last.validation_accuracy == pytest.approx(records[-1].validation_accuracy)
    assert last.validation_loss == pytest.approx(records[-1].validation_loss, rel=1e-5)
    assert run.accuracies == [pytest.approx(last.validation_accuracy)]


def test_training_numbers_are_means_over_the_images_since_the_last_point(digits):
    uneven = replace(digits, train=digits.train[:70])  # 32 + 32 + 6: the last batch must not weigh more
    session = TrainingSession(uneven, train_config=replace(QUICK, epochs=12))
    finished(session)
    model = new_model(LeNetConfig(), QUICK.seed)
    whole = list(train(model, uneven, replace(QUICK, epochs=12, record_every=8)))
    assert [r.step for r in session.history] == [r.step for r in whole] == [8, 16, 24, 32, 36]
    assert [r.train_loss for r in session.history] == pytest.approx([r.train_loss for r in whole], rel=1e-5)
    assert [r.train_accuracy for r in session.history] == pytest.approx([r.train_accuracy for r in whole])


def test_means_weigh_every_image_the_same():
    """By hand: 8 images with loss 1, 2 with loss 6; 10 images a second and 1 a second."""
    first = EpochRecord(1, 0.1, 1.0, 0.5, None, None, 0.1, 0.8, 10.0, 8)
    last = EpochRecord(2, 0.2, 6.0, 1.0, None, None, 0.1, 2.8, 1.0, 2)
    assert means_of([first, last]) == {
        "train_loss": pytest.approx(2.0),  # (8·1 + 2·6)/10, not 3.5
        "train_accuracy": pytest.approx(0.6),
        "images_per_second": pytest.approx(10 / 2.8),
        "images": 10,
    }


def test_epochs_of_few_images_have_a_point_for_as_many_images_as_it_is_scored_on():
    few = load_dataset("mnist-5k", n_train=64, validation=320)  # an epoch is 2 steps, the sample 10
    session = TrainingSession(few, train_config=replace(QUICK, epochs=60))
    finished(session)
    assert [record.step for record in session.history] == [16, 32, 48, 64, 80, 96, 112, 120]


def test_with_many_validation_images_points_within_a_run_are_scored_on_a_share_of_each_class():
    many = load_dataset("mnist-5k", n_train=600, validation=2500)
    session = TrainingSession(many, train_config=replace(QUICK, epochs=2))
    run = finished(session)
    whole, share = many.validation, many.validation[::3]
    assert (
        session.sample.labels.bincount().tolist()
        == share.labels.bincount().tolist()
        == pytest.approx([83] * 10, abs=1)
    )
    model = new_model(LeNetConfig(), QUICK.seed)
    plain = train(model, replace(many, validation=share), replace(QUICK, epochs=2, record_every=8))
    expected = {record.step: (record.validation_loss, record.validation_accuracy) for record in plain}
    expected[run.done] = (evaluate(model, whole).loss, evaluate(model, whole).accuracy)
    assert len(session.history) > 3
    for record in session.history:
        assert (record.validation_loss, record.validation_accuracy) == pytest.approx(
            expected[record.step], rel=1e-5
        )
    assert run.correct[0].shape == (2500,)


def test_several_seeds_give_a_history_and_a_row_of_right_images_each(digits):
    session = TrainingSession(digits, train_config=replace(QUICK, epochs=0.5))
    run = finished(session, seeds=(0, 1, 2))
    assert len(run.histories) == len(run.correct) == 3
    assert all(c.shape == (200,) and c.dtype == bool for c in run.correct)
    assert run.done == run.total == 3 * count_steps(digits, run.train_config)[1]
    assert len({h[-1].validation_loss for h in run.histories}) == 3


def test_a_second_start_does_nothing_while_a_run_is_on(digits):
    session = TrainingSession(digits, train_config=replace(QUICK, epochs=200))
    before = threading.active_count()
    assert session.start()
    first = session.run
    assert not session.start() and session.run is first
    assert threading.active_count() == before + 1
    assert session.close() and not session.running
    assert threading.active_count() == before


@pytest.mark.parametrize("levers", [{}, {"width": 4.0, "convs_per_stage": 2, "kernel_size": 3}])
def test_stop_takes_effect_within_the_step_that_is_on(digits, levers):
    session = TrainingSession(digits, LeNetConfig(**levers), replace(QUICK, epochs=200))
    session.start()
    until(lambda: session.history)
    steps = session.run.done
    session.stop()
    session.join()
    assert session.run.done <= steps + 8  # what began while we looked
    assert session.run.status == "stopped" and not session.running
    assert torch.isfinite(weights(session.run.model)).all()


@pytest.mark.proof
@pytest.mark.parametrize("levers", [{}, {"width": 4.0, "convs_per_stage": 2, "kernel_size": 3}])
def test_stop_takes_three_tenths_of_a_second_at_most(digits, levers):
    for seed in range(10):
        session = TrainingSession(digits, LeNetConfig(**levers), replace(QUICK, epochs=200, seed=seed))
        session.start()
        until(lambda: session.history)
        clock = time.perf_counter()
        session.stop()
        session.join()
        assert time.perf_counter() - clock < 0.3


def test_stopping_before_the_first_step_and_stopping_twice_are_harmless(digits):
    session = TrainingSession(digits, train_config=replace(QUICK, epochs=50))
    session.stop()  # nothing to stop
    session.start()
    session.stop()
    session.stop()
    assert session.join(5) and session.run.status == "stopped"
    assert session.run.correct == []
    assert finished(TrainingSession(digits, train_config=replace(QUICK, epochs=0.2))).status == "finished"


def test_the_listener_is_never_called_by_two_threads_at_once(digits):
    inside, together, ends = [], [], []

    def listen():
        inside.append(threading.current_thread().name)
        time.sleep(0.02)  # as a drawing takes
        together.append(len(inside))
        inside.pop()
        ends.append(not session.running)

    session = TrainingSession(digits, train_config=replace(QUICK, steps=1), listener=listen)
    for _again in range(5):
        ends.clear()
        finished(session)
        assert ends.count(True) == 1, "the end is told once"
    assert set(together) == {1}


def test_changes_during_a_run_wait_for_the_next(digits):
    session = TrainingSession(digits, train_config=replace(QUICK, epochs=3))
    session.start()
    for n in range(50):
        session.train_config = replace(QUICK, learning_rate=0.001 * (n + 1), epochs=0.2)
        session.model_config = replace(session.model_config, width=0.5 + n / 50)
    session.join()
    assert session.run.train_config == replace(QUICK, epochs=3)
    assert session.run.model_config.width == 1.0
    assert finished(session).train_config.learning_rate == pytest.approx(0.05)


def test_a_diverging_run_says_so_and_the_next_one_works(digits):
    session = TrainingSession(
        digits,
        train_config=replace(QUICK, optimizer="sgd", learning_rate=10.0, schedule="constant", epochs=3),
    )
    run = finished(session)
    assert run.status == "diverged" and "learning_rate=10" in run.message
    assert torch.isfinite(weights(run.model)).all()
    session.train_config = replace(QUICK, epochs=0.2)
    assert finished(session).status == "finished"


def test_a_network_that_does_not_fit_is_a_message_and_no_thread(digits):
    session = TrainingSession(digits, LeNetConfig(convs_per_stage=3))
    before = threading.active_count()
    session.start()
    assert (session.run.status, threading.active_count()) == ("failed", before)
    assert "does not fit" in session.run.message


def test_an_error_in_the_listener_ends_as_a_message(digits):
    calls = []

    def listener():
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("no ink left")

    session = TrainingSession(digits, train_config=replace(QUICK, epochs=1), listener=listener)
    session.start()
    session.join()
    assert session.run.status == "failed" and "no ink left" in session.run.message


def test_torch_generator_is_left_alone(digits):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    finished(TrainingSession(digits, LeNetConfig(dropout=0.5), replace(QUICK, epochs=0.3)))
    assert torch.equal(torch.rand(3), expected)


def test_score_images_agrees_with_evaluate_on_an_uneven_split(digits):
    model = new_model(LeNetConfig(), 1)
    split = load_dataset("mnist-5k").train[:1203]
    loss, right = score_images(model, split)
    score = evaluate(model, split)
    assert (loss, right.mean()) == (pytest.approx(score.loss, rel=1e-5), pytest.approx(score.accuracy))
    assert score_images(model, split, stopped=lambda: True) is None


def test_without_validation_the_curves_are_training_only(digits):
    session = TrainingSession(replace(digits, validation=None), train_config=replace(QUICK, epochs=0.5))
    run = finished(session)
    assert run.status == "finished" and run.correct == []
    assert session.history[-1].validation_accuracy is None


def interrupt(session, rng):
    """Start, stop at a moment of its own, and check that nothing is left half done."""
    session.start()
    time.sleep(rng.uniform(0, 0.15))
    session.stop()
    assert session.join(5)
    assert session.run.status in ("stopped", "finished")
    assert torch.isfinite(weights(session.run.model)).all()
    steps = [r.step for r in session.history]
    assert steps == sorted(set(steps))


@pytest.mark.parametrize("times", [5, pytest.param(100, marks=pytest.mark.proof)])
def test_interruptions_leave_nothing_behind(digits, times):
    session = TrainingSession(digits, train_config=replace(QUICK, epochs=2))
    rng, before = np.random.default_rng(0), threading.active_count()
    for _again in range(times):
        interrupt(session, rng)
    assert threading.active_count() == before
    assert finished(session).status == "finished"
