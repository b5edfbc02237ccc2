"""The shared search: same levers, no trial lost, none counted twice."""

import contextlib
import sqlite3

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from benchmarks.search_team import accounts, work_together
from lenet_helpers import load_dataset
from lenet_helpers.levers import levers_of
from lenet_helpers.models import LeNetConfig
from lenet_helpers.training import QUICK, TrainConfig
from lenet_helpers.tuning.search import (
    COUNTED,
    SPACE,
    Search,
    best_so_far,
    configurations,
    finished,
    importances,
    open_study,
    suggest,
    top_up,
    work,
)

optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("mnist-5k", n_train=200, validation=100)


def test_space_is_made_of_levers_within_their_bounds():
    levers = levers_of(LeNetConfig) | levers_of(TrainConfig)
    for name, (low, high) in SPACE.items():
        assert levers[name].check(low) == low and levers[name].check(high) == high


def test_suggestions_have_each_levers_type_and_scale():
    study = optuna.create_study()
    trial = study.ask()
    values = suggest(trial, {**SPACE, "kernel_size": None, "convs_per_stage": None})
    kinds = {name: type(value) for name, value in values.items()}
    assert kinds == {
        "learning_rate": float,
        "batch_size": int,
        "width": float,
        "dropout": float,
        "shift": float,
        "kernel_size": int,
        "convs_per_stage": int,
    }
    assert trial.distributions["learning_rate"].log and not trial.distributions["dropout"].log
    assert trial.distributions["kernel_size"].choices == (1, 3, 5, 7)


def test_a_range_outside_the_levers_own_is_refused():
    with pytest.raises(ValueError, match="dropout"):
        suggest(optuna.create_study().ask(), {"dropout": (0.0, 0.95)})


def test_values_go_to_the_configuration_they_belong_to(digits):
    network, training = configurations({"width": 2.0, "learning_rate": 0.01}, digits, 1.5)
    assert network == LeNetConfig(width=2.0)
    assert (training.learning_rate, training.epochs, training.schedule) == (0.01, 1.5, QUICK.schedule)


def test_one_worker_does_every_slot_once(digits):
    study = open_study()
    work(study, digits, Search(trials=6, epochs=1.0))
    assert [t.user_attrs["slot"] for t in finished(study)] == list(range(6))
    assert len(study.trials) == 6
    work(study, digits, Search(trials=6, epochs=1.0))  # nothing is left to do
    assert len(study.trials) == 6
    work(study, digits, Search(trials=8, epochs=1.0))  # more are asked for later
    assert len(finished(study)) == 8


def test_a_lost_trial_goes_back_with_its_values_and_a_copy_is_not_counted(digits):
    study = open_study()
    study.enqueue_trial({"learning_rate": 0.01}, user_attrs={"slot": 0})
    trial = study.ask()
    trial.suggest_float("learning_rate", 3e-4, 0.1, log=True)
    study.tell(trial, state=TrialState.FAIL)
    top_up(study, 1)
    study.enqueue_trial({}, user_attrs={"slot": 0})  # as if two workers had noticed at once
    work(study, digits, Search(trials=1, epochs=0.5))
    study.optimize(lambda t: pytest.fail("unreachable"), n_trials=0)
    counted = [t for t in study.trials if t.state in COUNTED]
    assert [t.params["learning_rate"] for t in counted] == [0.01]
    assert len(finished(study)) == 1


def test_a_worker_that_dies_before_its_first_sign_is_missed_all_the_same(digits, tmp_path):
    study = open_study(f"sqlite:///{tmp_path}/study.db")
    top_up(study, 2)
    with pytest.warns(UserWarning, match="Heartbeat"):
        lost = study.ask()  # begun, and nothing more: no thread that signs was ever started
    with contextlib.closing(sqlite3.connect(tmp_path / "study.db")) as file, file:
        assert file.execute("UPDATE trial_heartbeats SET heartbeat = '2000-01-01 00:00:00'").rowcount == 1
    work(study, digits, Search(trials=2, epochs=0.5))
    assert study.trials[lost.number].state is TrialState.FAIL
    assert accounts(study, 2)[:3] == (2, 0, 0)


def test_a_network_that_does_not_fit_is_cut_short_with_its_reason(digits):
    study = open_study()
    for slot, kernel_size in enumerate(
        (1, 3, 5, 7)
    ):  # asked for: left to luck, one study in sixteen has no large kernel
        study.enqueue_trial({"convs_per_stage": 3, "kernel_size": kernel_size}, user_attrs={"slot": slot})
    space = (("convs_per_stage", (3, 3)), ("kernel_size", None))
    work(study, digits, Search(trials=4, epochs=0.5, space=space))
    reasons = [t.user_attrs.get("reason", "") for t in finished(study) if t.params["kernel_size"] > 3]
    assert len(reasons) == 2 and all("does not fit" in reason for reason in reasons)


def test_history_and_importances(digits):
    study = open_study(seed=1)
    work(
        study,
        digits,
        Search(trials=8, epochs=1.0, space=(("learning_rate", (3e-4, 0.1)), ("dropout", (0.0, 0.5)))),
    )
    values, best = best_so_far(study)
    assert len(values) == len(best) == 8
    assert np.all(np.diff(best[~np.isnan(best)]) >= 0) and np.nanmax(values) == best[-1]
    assert set(importances(study)) == {"learning_rate", "dropout"}


@pytest.mark.parametrize(
    "n_workers, trials, times", [(2, 8, 1), pytest.param(4, 24, 20, marks=pytest.mark.proof)]
)
def test_workers_share_a_file_and_a_killed_ones_trial_is_done_again(tmp_path, n_workers, trials, times):
    for n in range(times):
        folder = tmp_path / str(n)
        folder.mkdir()
        study, lost = work_together(
            f"sqlite:///{folder}/study.db",
            "--epochs",
            "1",
            "--n-train",
            "400",
            n_workers=n_workers,
            trials=trials,
        )
        assert accounts(study, trials)[:3] == (trials, 0, 0)
        assert {t.state for t in study.trials} <= {*COUNTED, TrialState.FAIL}
        again = [t for t in finished(study) if t.user_attrs["slot"] == lost.user_attrs["slot"]]
        assert study.trials[lost.number].state is TrialState.FAIL
        assert len(again) == 1 and again[0].number != lost.number
        assert study.trials[lost.number].params.items() <= again[0].params.items()
