"""A search on PostgreSQL: workers killed, the server restarted, and what more workers bring.

    python -m benchmarks.search_postgres

The embedded digits. First eight workers in processes of their own on one study, one of them
killed every few seconds and another sent in, the server stopped in the middle and started
again; then a study for each number of workers, undisturbed. Writes
`lenet_helpers/results/search-postgres.json` and prints the tables of docs/scaling.md.
"""

import json
import os
import platform
import time
from datetime import date

import optuna

from lenet_helpers.results import FOLDER
from lenet_helpers.tuning.search import open_study
from lenet_helpers.tuning.slots import finished

from .postgres_server import running_server
from .search_team import accounts, kill_one, wait_for, worker

RESULTS = FOLDER / "search-postgres.json"


def troubled(
    server, *more, name="troubled", n_workers=8, trials=150, kills=10, every=3.0, away=5.0, patience=500
):
    """Workers share a study on `server`; one is killed every `every` seconds, `kills` in all, and another
    sent in; after half of them the server is gone for `away` seconds. Returns the study.

    `more`: further arguments for `lenet_helpers.tuning.search`. Raises RuntimeError with a
    worker's own message if one fails that was not killed.
    """
    study = open_study(server.address, name)
    more = (*more, "--study", name)
    workers = [worker(server.address, trials, *more) for _n in range(n_workers)]
    try:
        for n in range(kills):
            if kill_one(study, workers, patience) is None:
                raise RuntimeError(f"the work was done after {n} of {kills} were killed: ask for more trials")
            if n == kills // 2:
                _until_all_work(study, workers)  # one that is about to connect would find no server, and end
                server.stop("immediate")
                time.sleep(away)
                server.start()
            workers.append(worker(server.address, trials, *more))
            time.sleep(every)
        wait_for(workers, patience)
    finally:
        for each in workers:
            each.kill()
    return study


def _until_all_work(study, workers):
    while True:
        begun = {int(t.user_attrs["worker"].split(":")[1]) for t in study.trials if "worker" in t.user_attrs}
        if {w.pid for w in workers if w.poll() is None} <= begun:
            return
        time.sleep(0.1)


def trials_an_hour(server, n_workers, *more, trials, patience=500):
    """The pace of `n_workers` on a study of their own, from the first trial's begin to the last one's end."""
    name = f"{n_workers} workers"
    workers = [worker(server.address, trials, *more, "--study", name) for _n in range(n_workers)]
    try:
        wait_for(workers, patience)
    finally:
        for each in workers:
            each.kill()
    done = finished(open_study(server.address, name))
    seconds = max(t.datetime_complete for t in done) - min(t.datetime_start for t in done)
    return round(3600 * len(done) / seconds.total_seconds())


def trouble_table(content):
    """What became of a troubled search, as a Markdown table."""
    names = ("workers", "killed", "server_stopped", "trials", "done", "lost", "counted_twice", "begun_again")
    return _table([name.replace("_", " ") for name in names], [content[name] for name in names])


def tables(content):
    """The stored result as the two Markdown tables of docs/scaling.md."""
    pace = _table(["workers", "trials an hour"], *content["trials_an_hour"].items())
    return trouble_table(content) + "\n\n" + pace


def _table(head, *rows):
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows))


# Levers that change a trial's cost are left out of the pace: a draw of wide networks is no slow machine.
PACE = ("--epochs", "3", "--levers", "learning_rate", "dropout")


def main(trials=150, kills=10, numbers=(1, 2, 4, 8), pace_trials=60):
    with running_server() as server:
        study = troubled(server, "--epochs", "3", trials=trials, kills=kills)
        done, lost, twice, again = accounts(study, trials)
        pace = {n: trials_an_hour(server, n, *PACE, trials=pace_trials) for n in numbers}
    content = {
        "what": (
            "eight workers on one PostgreSQL study, one killed every few seconds, the server stopped and"
            " started again in the middle; embedded digits, three epochs a trial. The pace: studies of"
            f" {pace_trials} trials over learning rate and dropout, nobody killed"
        ),
        "command": "python -m benchmarks.search_postgres",
        "date": date.today().isoformat(),
        "versions": {"python": platform.python_version(), "optuna": optuna.__version__},
        "cores": os.cpu_count(),
        "workers": 8,
        "killed": kills,
        "server_stopped": 1,
        "trials": trials,
        "done": done,
        "lost": lost,
        "counted_twice": twice,
        "begun_again": again,
        "trials_an_hour": pace,
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")
    print(tables(content))


if __name__ == "__main__":
    main()
