"""Let the computer search: an Optuna study over the levers, alone or shared by many processes.

    python -m lenet_helpers.tuning.search --storage sqlite:///digits.db --trials 40

Run the same line again, in another terminal or, with a database that machines share, on
another machine, to help with the same study; or after a crash, to go on. Every trial asked
for has a number of its own, a *slot*: it counts once, however often it had to be begun.
"""

import argparse
import os
import socket
import time
from dataclasses import dataclass, replace

import numpy as np
import optuna
import torch
from optuna.trial import TrialState

from ..data import load_dataset
from ..levers import levers_of
from ..models import LeNetConfig, fit_to, new_model
from ..train_config import QUICK, TrainConfig
from ..training import train
from ..wording import _
from .storage import open_storage, patiently

# Names of levers, and where in the lever's own range it is worth searching.
SPACE = {
    "learning_rate": (3e-4, 0.1),
    "batch_size": (16, 128),
    "width": (0.5, 2.0),
    "dropout": (0.0, 0.5),
    "shift": (0.0, 0.2),
}
COUNTED = (TrialState.COMPLETE, TrialState.PRUNED)
BEGUN = (*COUNTED, TrialState.RUNNING, TrialState.WAITING)


class Surplus(Exception):
    """This trial repeats one that another worker has, or was not asked for."""


@dataclass(frozen=True)
class Search:
    """What every worker of one study must agree on."""

    trials: int
    epochs: float = 3.0
    space: tuple = tuple(SPACE.items())


def suggest(trial, space):
    """A value for every lever named in `space`, a dict name → (low, high) or None for all of it.

    Type and scale are the lever's own. Raises ValueError for a range outside the lever's.
    """
    levers = levers_of(LeNetConfig) | levers_of(TrainConfig)
    return {name: _suggest_one(trial, levers[name], bounds) for name, bounds in space.items()}


def _suggest_one(trial, lever, bounds):
    if lever.choices is not None:
        return trial.suggest_categorical(lever.name, lever.choices)
    low, high = (lever.check(bound) for bound in bounds or lever.bounds)
    log = lever.scale == "log"
    if lever.kind is int:
        return trial.suggest_int(lever.name, low, high, log=log)
    return trial.suggest_float(lever.name, low, high, log=log)


def configurations(values, dataset, epochs):
    """(LeNetConfig, TrainConfig) with the levers of `values` set, the rest as in the quick recipe."""
    network = {name: value for name, value in values.items() if name in levers_of(LeNetConfig)}
    training = {name: value for name, value in values.items() if name not in network}
    return fit_to(dataset, LeNetConfig(**network)), replace(QUICK, epochs=epochs, **training)


def objective(trial, dataset, search):
    """Validation accuracy of one trial, reported once an epoch so that a poor one can be cut short."""
    if "slot" not in trial.user_attrs or _taken(trial):
        raise Surplus
    trial.set_user_attr("worker", f"{socket.gethostname()}:{os.getpid()}")
    values = suggest(trial, dict(search.space))
    try:
        network, training = configurations(values, dataset, search.epochs)
        for epoch, record in enumerate(train(new_model(network, training.seed), dataset, training)):
            trial.report(record.validation_accuracy, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
    except (ArithmeticError, ValueError) as error:  # diverged, or a network that does not fit
        trial.set_user_attr("reason", str(error))
        raise optuna.TrialPruned from error
    return record.validation_accuracy


def _taken(trial):
    """Whether this slot is finished, or belongs to an earlier trial that is still to be run."""
    same = [
        t
        for t in trial.study.get_trials(deepcopy=False)
        if t.user_attrs.get("slot") == trial.user_attrs["slot"] and t.number != trial.number
    ]
    return any(t.state in COUNTED or (t.state in BEGUN and t.number < trial.number) for t in same)


def open_study(storage=None, name="lenet", *, heartbeat=5, seed=None):
    """The study `name` in `storage` (an Optuna URL; None: in memory), made if it is not there.

    A worker signs its running trial every `heartbeat` seconds; ten times that without
    a sign and the trial counts as lost and is begun again. (A worker that was only slow
    finds its slot taken, and goes on to the next.)
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # a line a trial, with its time, is too much
    storage = None if storage is None else open_storage(storage, heartbeat)
    return patiently(
        lambda: optuna.create_study(
            storage=storage,
            study_name=name,
            load_if_exists=True,
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=seed),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0),
        )
    )


def work(study, dataset, search, *, on_trial=None, poll=0.5):
    """Run trials of `study` until all that were asked for are done, by us or by others."""
    while len(finished(study)) < search.trials:
        patiently(lambda: optuna.storages.fail_stale_trials(study))
        top_up(study, search.trials)
        if study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            _one_trial(study, dataset, search, on_trial)
        else:
            time.sleep(poll)  # the rest is in other hands: stay, in case a hand fails


def _one_trial(study, dataset, search, on_trial):
    try:
        study.optimize(
            lambda trial: objective(trial, dataset, search),
            n_trials=1,
            catch=(Surplus,),
            callbacks=[on_trial] if on_trial else None,
        )
    except (optuna.exceptions.UpdateFinishedTrialError, ValueError) as error:
        # We were so slow that the others took us for dead: the slot is theirs now.
        if isinstance(error, ValueError) and not str(error).startswith("Cannot tell"):
            raise


def top_up(study, trials):
    """Put every slot that nobody has begun, or whose worker was lost, (back) in the queue.

    A lost trial keeps the values it was being tried with.
    """
    found = study.get_trials(deepcopy=False)
    held = {t.user_attrs.get("slot") for t in found if t.state in BEGUN}
    lost = {t.user_attrs.get("slot"): t.params for t in found if t.state is TrialState.FAIL}
    for slot in range(trials):
        if slot not in held:
            study.enqueue_trial(lost.get(slot, {}), user_attrs={"slot": slot})


def finished(study):
    """The trials that count, one for each slot, in the order of the slots."""
    found = {}
    for trial in study.get_trials(deepcopy=False, states=COUNTED):
        if "slot" in trial.user_attrs:
            found.setdefault(trial.user_attrs["slot"], trial)
    return [found[slot] for slot in sorted(found)]


def importances(study):
    """How much of the scores' spread each lever explains (fractions, largest first), a dict."""
    return optuna.importance.get_param_importances(
        study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
    )


def best_so_far(study):
    """Accuracies (slots,) of the trials run to the end (NaN where cut short), and the best up to each."""
    values = np.array([t.value if t.state is TrialState.COMPLETE else np.nan for t in finished(study)])
    return values, np.fmax.accumulate(values)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m lenet_helpers.tuning.search",
        description=_("Search over LeNet's levers; run it several times to share the work."),
    )
    parser.add_argument(
        "--storage",
        default="sqlite:///lenet-search.db",
        help=_("database URL (default: one file in this folder)"),
    )
    parser.add_argument("--study", default="lenet", help=_("name of the study"))
    parser.add_argument(
        "--trials", type=int, default=20, help=_("trials of the whole study, all workers together")
    )
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--dataset", default="mnist-5k")
    parser.add_argument("--n-train", type=int, default=None)
    parser.add_argument("--threads", type=int, default=1, help=_("processor threads of this worker"))
    parser.add_argument("--heartbeat", type=int, default=5, help=_("seconds between two signs of life"))
    parser.add_argument("--levers", nargs="+", default=list(SPACE), help=_("levers to search over"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    dataset = load_dataset(options.dataset, n_train=options.n_train)
    study = open_study(options.storage, options.study, heartbeat=options.heartbeat)
    space = tuple((name, SPACE.get(name)) for name in options.levers)
    search = Search(options.trials, options.epochs, space)
    work(study, dataset, search, on_trial=_report)
    text = _("{n} trials done; best validation accuracy {best:.2f} % with {values}")
    best = study.best_trial
    print(text.format(n=len(finished(study)), best=100 * best.value, values=best.params))


def _report(study, trial):
    if trial.state in COUNTED:
        text = _("slot {slot}: {accuracy:.2f} % ({state})")
        value = trial.value if trial.value is not None else float("nan")
        print(
            text.format(slot=trial.user_attrs["slot"], accuracy=100 * value, state=trial.state.name.lower()),
            flush=True,
        )


if __name__ == "__main__":
    main()
