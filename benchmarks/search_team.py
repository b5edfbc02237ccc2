"""Four workers on one study, one of them killed in the middle of a trial: what chapter 4 shows.

    python -m benchmarks.search_team

The embedded digits, two epochs a trial, 24 trials. Writes `lenet_helpers/results/search-team.json`.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import date

import optuna
import torch
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from lenet_helpers.results import FOLDER
from lenet_helpers.tuning.search import importances, open_study, winner
from lenet_helpers.tuning.slots import COUNTED, begun_before, finished

RESULTS = FOLDER / "search-team.json"


def worker(storage, trials, *more):
    """Start one `python -m lenet_helpers.tuning.search` in a process of its own, on one thread."""
    line = f"-m lenet_helpers.tuning.search --storage {storage} --trials {trials} --heartbeat 1"
    return subprocess.Popen(
        [sys.executable, *line.split(), *more],
        stdout=subprocess.DEVNULL,  # a pipe that nobody reads would stop it when full
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def kill_one(study, workers, patience=300):
    """Kill the process that is in the middle of a trial, as a power cut would; returns that trial, or None
    where all the work was done first.
    """
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if all(w.poll() is not None for w in workers):
            return None
        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            pid = int(trial.user_attrs.get("worker", ":0").split(":")[1])
            victim = next((w for w in workers if w.pid == pid and w.poll() is None), None)
            if victim and finished(study) and not trial.intermediate_values:
                victim.kill()
                victim.wait()
                try:
                    # No change, but it takes the trial's row for itself: so it waits for a commit of the
                    # dead one's that is still on its way.
                    study._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
                except UpdateFinishedTrialError:
                    continue  # it finished while we took aim: that is no loss, and we try again
                return trial
        time.sleep(0.02)
    raise TimeoutError(f"no worker was in the middle of a trial within {patience} s")


def wait_for(workers, patience):
    """Wait until all have ended. Raises RuntimeError with a worker's own message if one failed that was
    not killed.
    """
    for each in workers:
        errors = each.communicate(timeout=patience)[1]
        if each.returncode > 0:  # a killed one's is negative
            raise RuntimeError(errors.strip().splitlines()[-1])


def work_together(storage, *more, n_workers=4, trials=16, patience=300):
    """Let workers share a study, kill one, send in another; returns (study, the trial that was cut off).

    `more`: further arguments for `lenet_helpers.tuning.search`.
    """
    study = open_study(storage)
    workers = [worker(storage, trials, *more) for _n in range(n_workers)]
    try:
        lost = kill_one(study, workers, patience)
        workers.append(worker(storage, trials, *more))
        wait_for(workers, patience)
    finally:
        for each in workers:
            each.kill()
    return study, lost


def accounts(study, trials):
    """(slots done, slots lost, slots counted twice, times that a trial was begun again) of a study that
    should have done `trials`.
    """
    counted = Counter(t.user_attrs["slot"] for t in study.trials if t.state in COUNTED)
    again = sum(begun_before(t) for t in finished(study))
    return len(counted), len(set(range(trials)) - set(counted)), sum(n > 1 for n in counted.values()), again


def main(trials=24):
    with tempfile.TemporaryDirectory() as folder:
        study, lost = work_together(
            f"sqlite:///{folder}/team.db", "--epochs", "2", trials=trials, patience=1800
        )
        done, missing, twice, again = accounts(study, trials)
        shares = Counter(t.user_attrs["worker"] for t in finished(study))
        content = {
            "what": "four workers, one killed, one sent in; embedded digits, two epochs a trial",
            "command": "python -m benchmarks.search_team",
            "date": date.today().isoformat(),
            "versions": {
                "python": platform.python_version(),
                "torch": torch.__version__,
                "optuna": optuna.__version__,
            },
            "trials": trials,
            "done": done,
            "lost": missing,
            "counted_twice": twice,
            "begun_again": again,
            "slot_cut_off": lost.user_attrs["slot"],
            "trials_by_worker": sorted(shares.values(), reverse=True),
            "importances": {name: round(share, 3) for name, share in importances(study).items()},
            "best": {name: round(value, 5) for name, value in winner(study).params.items()},
        }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")
    print({key: content[key] for key in ("done", "lost", "counted_twice", "begun_again")})


if __name__ == "__main__":
    main()
