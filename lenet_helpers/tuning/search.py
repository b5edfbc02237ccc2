"""Let the computer search: an Optuna study over the levers, alone or shared by many processes.

    python -m lenet_helpers.tuning.search --storage sqlite:///digits.db --trials 40

Run the same line again, in another terminal or, with a database that machines share, on
another machine, to help with the same study; or after a crash, to go on.
"""

import argparse
import os
import socket
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import optuna
import torch
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import TrialState

from ..data import load_dataset
from ..levers import checked_count
from ..models import new_model
from ..training import Interrupted, train
from ..wording import _
from .interrupts import at_once, held_back
from .question import SPACE, Search, agree, configurations, question, suggest
from .session import score_images
from .slots import COUNTED, Surplus, check_needed, finished, top_up
from .storage import connection_lost, open_storage, quietly, reason

STARTUP = 10  # trials drawn at random before TPE begins to choose


def open_study(storage=None, name="lenet", *, heartbeat=5, seed=None):
    """The study `name` in `storage` (a database's address; None: in memory), made if it is not there.

    A worker signs its running trial every `heartbeat` seconds; ten times that without
    a sign and the trial counts as lost and is begun again. (A worker that was only slow
    finds its slot taken, and goes on to the next.) `seed` is that of the choices.
    """
    if not isinstance(name, str) or not 1 <= len(name) <= 512:
        raise ValueError(_("study {name!r}: give it a name of 1 to 512 letters").format(name=name))
    storage = None if storage is None else open_storage(storage, checked_count("heartbeat", heartbeat))
    with quietly():
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            load_if_exists=True,
            direction="maximize",
            sampler=optuna.samplers.TPESampler(n_startup_trials=STARTUP, seed=seed),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0),
        )
    if study.directions != [optuna.study.StudyDirection.MAXIMIZE]:
        message = _("study {name!r} does not look for the highest accuracy; choose another name for yours")
        raise ValueError(message.format(name=name))
    return study


def work(study, dataset, search, *, on_trial=None, poll=0.5):
    """Run trials of `study` until all that were asked for are done, by us or by others.

    `on_trial`, if given, is called with the study and each trial of ours. An interrupt ends
    it within a step: what is done stays, the trial in hand goes back into the queue, and
    `Interrupted` says so. Raises ValueError where the study was begun with another question or
    the data set has no validation split, and ConnectionError where its database fails; one that
    is only away is waited for.
    """
    with quietly(), held_back():
        asked = question(dataset, search)
        try:
            while not _all_done(study, search, asked):
                _one_turn(study, dataset, search, on_trial, poll)
        except KeyboardInterrupt:
            top_up(study, search.trials)
            message = _("Stopped with {done} of {trials} trials done; run it again to go on.")
            raise Interrupted(message.format(done=len(finished(study)), trials=search.trials)) from None


def _all_done(study, search, asked):
    with _database():
        agree(study, asked)  # each time: of two that began at once, one has not seen the other's question
        return len(finished(study)) >= search.trials
    return False


def _one_turn(study, dataset, search, on_trial, poll):
    """Run one trial; where the rest is in other hands, wait a moment, in case a hand fails."""
    ended = []
    with _database():
        optuna.storages.fail_stale_trials(study)
        top_up(study, search.trials)
        if study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            _one_trial(study, lambda trial: objective(trial, dataset, search), ended)
        else:
            at_once(time.sleep, poll)
    if on_trial is not None:
        for trial in ended:
            on_trial(study, trial)


def _one_trial(study, run, ended):
    """Let Optuna run one trial; `ended` gets it, unless others took it over."""
    ends = []  # what `run` came to: None, or what it raised

    def noted(trial):
        try:
            score = run(trial)
        except BaseException as error:
            ends.append(error)
            raise
        ends.append(None)
        return score

    try:
        study.optimize(noted, 1, catch=(Surplus,), callbacks=[lambda _study, trial: ended.append(trial)])
    except (UpdateFinishedTrialError, ValueError, AssertionError):
        # What Optuna raises where the end of a trial is to be noted that has one already: we were so
        # slow, or so long without a database, that the others took us for dead. The slot is theirs now.
        if not ends:
            raise
        if ends[0] and not isinstance(ends[0], (optuna.TrialPruned, Surplus, UpdateFinishedTrialError)):
            # A connection that broke, an interrupt: Optuna's complaint hid it.
            raise ends[0] from ends[0].__cause__


@contextmanager
def _database():
    """A connection that breaks costs the trial in hand, which is begun again; all else is an error."""
    try:
        yield
    except StorageInternalError as error:
        if not connection_lost(error):
            message = _("the database failed ({why}); the trials done are kept")
            raise ConnectionError(message.format(why=reason(error))) from error


def objective(trial, dataset, search):
    """Validation accuracy of one trial, reported once per epoch so that a poor one can be cut short."""
    check_needed(trial)
    trial.set_user_attr("worker", f"{socket.gethostname()}:{os.getpid()}")
    try:
        values = suggest(trial, search.space)
        network, training = configurations(values, dataset, search.epochs, search.seed)
        records = train(new_model(network, training.seed), dataset, training)
        for epoch, record in enumerate(iter(lambda: at_once(next, records, None), None)):
            trial.report(record.validation_accuracy, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
    except (ArithmeticError, ValueError) as error:  # diverged, or a network that does not fit
        trial.set_user_attr("reason", str(error))
        raise optuna.TrialPruned from error
    return record.validation_accuracy


# What a study found -------------------------------------------------------------------


@dataclass(frozen=True)
class Tried:
    """One trial that counts: its levers' values, and validation accuracies (fractions) after each epoch."""

    slot: int
    values: dict
    reports: tuple
    cut: bool  # short, or it never began
    reason: str = ""  # of one that diverged or could not be built


def tried(study):
    """The trials of `study` that count, as `Tried`, in the order of the slots."""
    return [
        Tried(
            slot=t.user_attrs["slot"],
            values=t.params,
            reports=tuple(t.intermediate_values[epoch] for epoch in sorted(t.intermediate_values)),
            cut=t.state is not TrialState.COMPLETE,
            reason=t.user_attrs.get("reason", ""),
        )
        for t in finished(study)
    ]


def best_so_far(trials):
    """Accuracies (n,) of the trials run to the end (NaN where cut short), and the best up to each.

    trials: a list of `Tried`.
    """
    values = np.array([np.nan if t.cut else t.reports[-1] for t in trials], dtype=float)
    return values, np.fmax.accumulate(values)


def winner(study):
    """The trial with the highest accuracy of those run to the end. Raises ValueError where there is none."""
    ended = [t for t in finished(study) if t.state is TrialState.COMPLETE]
    if ended:
        return max(ended, key=lambda t: t.value)
    reasons = [t.user_attrs["reason"] for t in finished(study) if "reason" in t.user_attrs]
    if reasons:
        raise ValueError(_("no trial ran to its end; one of the reasons: {why}").format(why=reasons[0]))
    raise ValueError(_("no trial has run to its end yet: call work(study, dataset, search) first"))


def importances(study):
    """How much of the scores' spread each lever explains (fractions, largest first), a dict."""
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    scores = {t.value for t in finished(study) if t.state is TrialState.COMPLETE}
    if len(scores) < 2:
        message = _("importances need two trials that ended with different scores; this study has {n}")
        raise ValueError(message.format(n=len(scores)))
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def halves(dataset):
    """(for the search, for the judgement): two datasets that share all but the validation images.

    Each has every second validation image of each class, so that the winner is judged by
    images that had no part in choosing it.
    """
    held_out = dataset.require_validation()
    order = torch.argsort(held_out.labels, stable=True)
    parts = (held_out[order[first::2].sort().values] for first in (0, 1))
    return tuple(replace(dataset, validation=part) for part in parts)


def judge(values, dataset, epochs, seeds):
    """Which validation images networks with these levers get right, one row a seed: bool (seeds, images).

    Give seeds, and a dataset whose validation images, had no part in the search.
    """
    held_out, rows = dataset.require_validation(), []
    for seed in seeds:
        network, training = configurations(values, dataset, epochs, seed)
        model = new_model(network, seed)
        for record in train(model, dataset, training):
            pass
        rows.append(score_images(model, held_out)[1])
    return np.stack(rows)


# A worker on the command line ---------------------------------------------------------


def main(arguments=None):
    options = _parser().parse_args(arguments)
    try:
        _work_from(options)
    except (ValueError, OSError, StorageInternalError, KeyboardInterrupt) as error:
        # One sentence: the way out is in it, and a traceback would hide that.
        print(error, file=sys.stderr)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m lenet_helpers.tuning.search",
        description=_("Search over LeNet's levers; run it several times to share the work."),
    )
    parser.add_argument(
        "--storage",
        default="sqlite:///lenet-search.db",
        help=_("the database's address (default: one file in this folder)"),
    )
    parser.add_argument("--study", default="lenet", help=_("name of the study"))
    parser.add_argument(
        "--trials", type=int, default=20, help=_("trials of the whole study, all workers together")
    )
    parser.add_argument("--epochs", type=float, default=3.0, help=_("passes over the training images"))
    parser.add_argument("--dataset", default="mnist-5k", help=_("name of the data set"))
    parser.add_argument("--n-train", type=int, default=None, help=_("training images (default: all)"))
    parser.add_argument("--seed", type=int, default=0, help=_("of the weights and the order of the images"))
    parser.add_argument("--threads", type=int, default=1, help=_("processor threads of this worker"))
    parser.add_argument("--heartbeat", type=int, default=5, help=_("seconds between two signs of life"))
    parser.add_argument("--levers", nargs="+", default=list(SPACE), help=_("levers to search over"))
    return parser


def _work_from(options):
    search = Search(options.trials, options.epochs, tuple(options.levers), options.seed)
    torch.set_num_threads(checked_count("threads", options.threads))
    study = open_study(options.storage, options.study, heartbeat=options.heartbeat)
    dataset = load_dataset(options.dataset, n_train=options.n_train)
    work(study, dataset, search, on_trial=_report)
    best = winner(study)
    text = _("{n} trials done; best validation accuracy {best:.2f} % with {values}")
    print(text.format(n=len(finished(study)), best=100 * best.value, values=best.params))


def _report(_study, trial):
    slot = trial.user_attrs.get("slot")
    if trial.state is TrialState.COMPLETE:
        print(_("slot {slot}: {accuracy:.2f} %").format(slot=slot, accuracy=100 * trial.value), flush=True)
    elif trial.state in COUNTED:
        print(_("slot {slot}: cut short").format(slot=slot), flush=True)


if __name__ == "__main__":
    sys.exit(main())
