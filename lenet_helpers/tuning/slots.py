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
    lost = {t.user_attrs["slot"]: t for t in found if t.state is TrialState.FAIL and "worker" in t.user_attrs}
    room = AHEAD - sum(t.state is TrialState.WAITING for t in found)
    for slot in [slot for slot in range(trials) if slot not in held][: max(room, 0)]:
        if slot in lost and begun_before(lost[slot]) < RETRIES:
            with quietly():
                Retry()(study, lost[slot])
        else:
            study.enqueue_trial({}, user_attrs={"slot": slot})


def begun_before(trial):
    """How often this trial was begun and lost before."""
    with quietly():
        return len(Retry.retry_history(trial))


def check_needed(trial):
    """Raise `Surplus` if this trial's slot is finished, or belongs to an earlier trial still to be run."""
    slot = trial.user_attrs.get("slot")
    same = [
        t
        for t in trial.study.get_trials(deepcopy=False)
        if t.user_attrs.get("slot") == slot and t.number != trial.number
    ]
    if slot is None or any(
        t.state in COUNTED or (t.state in BEGUN and t.number < trial.number) for t in same
    ):
        raise Surplus


def finished(study):
    """The trials that count, one for each slot, in the order of the slots."""
    found = {}
    for trial in study.get_trials(deepcopy=False, states=COUNTED):
        if "slot" in trial.user_attrs:
            found.setdefault(trial.user_attrs["slot"], trial)
    return [found[slot] for slot in sorted(found)]
