"""Every trial asked for has a number of its own, a *slot*: it counts once, however often it had to be begun.

Optuna signs running trials, and marks those as failed whose signs have stopped; here they
are put back in the queue, with the values they were being tried with.
"""

from optuna.storages import RetryHeartbeatStaleTrialCallback as Retry
from optuna.trial import TrialState

from .storage import quietly

COUNTED = (TrialState.COMPLETE, TrialState.PRUNED)
BEGUN = (*COUNTED, TrialState.RUNNING, TrialState.WAITING)
AHEAD = 8  # slots kept in the queue: reading a thousand waiting trials takes longer than a short trial
RETRIES = 5  # whose workers died as often as that: perhaps the values kill them, so let others be tried


class Surplus(Exception):
    """This trial repeats one that another worker has, or was not asked for."""


def top_up(study, trials):
    """Queue the next slots, of `trials` in all, that nobody has begun or whose worker was lost."""
    found = [t for t in study.get_trials(deepcopy=False) if "slot" in t.user_attrs]
    held = {t.user_attrs["slot"] for t in found if t.state in BEGUN}
    lost = _last_lost(found)
    room = AHEAD - sum(t.state is TrialState.WAITING for t in found)
    for slot in [slot for slot in range(trials) if slot not in held][: max(room, 0)]:
        if slot in lost:
            with quietly():
                Retry()(study, lost[slot])
        else:
            study.enqueue_trial({}, user_attrs={"slot": slot})


def _last_lost(trials):
    """By slot, the trial whose worker was lost last and whose values are to be tried again."""
    lost = {
        t.user_attrs["slot"]: t
        for t in trials
        if t.state is TrialState.FAIL and "worker" in t.user_attrs and "surplus" not in t.user_attrs
    }
    return {slot: trial for slot, trial in lost.items() if begun_before(trial) < RETRIES}


def _history(trial):
    with quietly():
        return Retry.retry_history(trial)


def begun_before(trial):
    """How often this trial was begun and lost before."""
    return len(_history(trial))


def check_needed(trial):
    """Raise `Surplus` if this trial's slot is finished, belongs to an earlier trial still to be run, or is to
    be begun again with the values of one that was lost, and they are not this trial's.
    """
    slot = trial.user_attrs.get("slot")
    same = [t for t in trial.study.get_trials(deepcopy=False) if t.user_attrs.get("slot") == slot]
    ours = next(t for t in same if t.number == trial.number)
    others = [t for t in same if t is not ours]
    lost = None if slot is None else _last_lost(others).get(slot)
    taken = any(t.state in COUNTED or (t.state in BEGUN and t.number < ours.number) for t in others)
    if slot is None or taken or (lost and lost.number not in _history(ours)):
        # A copy of a lost trial bears that one's worker: without a mark, it would pass for lost itself.
        trial.set_user_attr("surplus", True)
        raise Surplus


def finished(study):
    """The trials that count, one for each slot, in the order of the slots."""
    found = {}
    for trial in study.get_trials(deepcopy=False, states=COUNTED):
        if "slot" in trial.user_attrs:
            found.setdefault(trial.user_attrs["slot"], trial)
    return [found[slot] for slot in sorted(found)]
