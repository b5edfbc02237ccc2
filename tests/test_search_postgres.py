"""A search on a real PostgreSQL server: workers killed, the server gone for a while, nothing lost."""

import importlib.util
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import InvalidRequestError, OperationalError, PendingRollbackError
from test_search import SMALL, commands_shown

from benchmarks.postgres_server import programs, running_server
from benchmarks.search_postgres import trouble_table, troubled
from benchmarks.search_team import accounts, kill_one
from lenet_helpers import load_dataset
from lenet_helpers.tuning import storage
from lenet_helpers.tuning.search import Search, main, open_study, tried, work

pytestmark = [
    pytest.mark.skipif(
        programs() is None,
        reason="no PostgreSQL server here (on Debian: apt-get install postgresql)",
    ),
    pytest.mark.skipif(
        importlib.util.find_spec("psycopg") is None,
        reason="no driver for PostgreSQL here (pip install psycopg[binary])",
    ),
]
KERNELS = {"kernel_size": (1, 3)}


@pytest.fixture(scope="module")
def server():
    with running_server() as server:
        yield server


@pytest.fixture(scope="module")
def digits():
    return load_dataset(n_train=200, validation=100)


def test_the_server_listens_on_loopback_only_and_asks_for_the_password(server, monkeypatch):
    import psycopg

    with psycopg.connect(server.address) as connection:
        (listening,) = connection.execute("SHOW listen_addresses").fetchone()
        (sockets,) = connection.execute("SHOW unix_socket_directories").fetchone()
    assert (listening, sockets) == ("127.0.0.1", "")
    monkeypatch.setenv("PGPASSWORD", "wrong")
    with pytest.raises(ConnectionError, match="cannot be used .*password"):
        open_study(server.address)


@pytest.mark.parametrize(
    "part, wrong", [("/postgres", "/nothing"), ("learner@", "nobody@"), ("127.0.0.1", "localhost.invalid")]
)
def test_what_the_server_refuses_is_one_sentence(server, part, wrong):
    with pytest.raises(ConnectionError, match="cannot be used") as caught:
        open_study(server.address.replace(part, wrong))
    assert "\n" not in str(caught.value)


def test_a_study_is_kept_and_gone_on_with(server, digits):
    for trials in (2, 3):
        work(open_study(server.address, "kept"), digits, Search(trials, 0.2, KERNELS))
    assert [t.slot for t in tried(open_study(server.address, "kept"))] == [0, 1, 2]
    with pytest.raises(ValueError, match="seed 0, not 1"):
        work(open_study(server.address, "kept"), digits, Search(4, 0.2, KERNELS, seed=1))


def test_the_command_works_as_printed(server, capsys):
    lines = [line for line in commands_shown() if "postgresql:" in line]
    assert lines
    for line in lines:
        printed = shlex.split(line)
        printed[printed.index("--storage") + 1] = server.address
        assert main([*printed, *SMALL]) == 0
        assert "1 trials done" in capsys.readouterr().out


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_worker_waits_for_a_server_that_is_gone_and_goes_on(server, digits, caplog, monkeypatch, mode):
    """The server stops between two trials, and is back when the worker has noticed twice."""
    study, waits = open_study(server.address, mode), []

    def back_at_the_second(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            server.start()

    monkeypatch.setattr(storage.time, "sleep", back_at_the_second)
    work(
        study,
        digits,
        Search(3, 0.2, KERNELS),
        on_trial=lambda _study, trial: trial.user_attrs["slot"] == 1 and server.stop(mode),
    )
    assert len(waits) >= 2 and accounts(study, 3) == (3, 0, 0, 0)
    told = [record.getMessage() for record in caplog.records]
    assert told and all("does not answer" in line and "\n" not in line for line in told)


def test_a_connection_that_breaks_within_a_trial_costs_that_trial_only(server, digits, monkeypatch):
    import psycopg

    from lenet_helpers.tuning import search as search_module

    study, original = open_study(server.address, "broken"), search_module.configurations
    broken = []

    def break_all_connections(*arguments):
        if not broken:
            broken.append(True)
            with psycopg.connect(server.address, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                )
        return original(*arguments)

    monkeypatch.setattr(search_module, "configurations", break_all_connections)
    work(study, digits, Search(3, 0.2, KERNELS))
    assert broken and accounts(study, 3)[:3] == (3, 0, 0)


def test_a_connection_that_broke_between_two_statements_is_lost_too():
    """Seen in a run of workers while the server restarted."""

    def failed(cause):
        error = StorageInternalError("…")
        error.__cause__ = cause
        return storage.connection_lost(error)

    assert failed(PendingRollbackError("Can't reconnect until invalid transaction is rolled back."))
    assert failed(OperationalError("SELECT 1", {}, Exception("closed"), connection_invalidated=True))
    assert not failed(OperationalError("SELECT 1", {}, Exception("disk full")))
    assert not failed(InvalidRequestError("a mistake of ours"))


def test_patience_with_a_server_ends(server, digits, monkeypatch):
    study = open_study(server.address, "patience")
    monkeypatch.setattr(storage, "PATIENCE", 2)
    monkeypatch.setattr(storage.time, "sleep", lambda _seconds: None)
    server.stop()
    try:
        with pytest.raises(ConnectionError, match="the database failed"):
            work(study, digits, Search(1, 0.2, KERNELS))
    finally:
        server.start()


def test_a_worker_whose_last_word_is_on_its_way_was_not_killed_in_a_trial(server):
    """What a worker had committed when it was killed may be on the server's disk only a while later."""
    import psycopg

    study = open_study(server.address, "last word")
    for slot in range(2):
        study.enqueue_trial({}, user_attrs={"slot": slot})
    with pytest.warns(UserWarning, match="Heartbeat"):
        study.tell(study.ask(), 0.5)
        trial = study.ask()
    with psycopg.connect(server.address) as dead_ones:
        worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        try:
            trial.set_user_attr("worker", f"here:{worker.pid}")
            dead_ones.execute("SELECT 1 FROM trials WHERE trial_id = %s FOR UPDATE", [trial._trial_id])
            dead_ones.execute("UPDATE trials SET state = 'PRUNED' WHERE trial_id = %s", [trial._trial_id])
            later = threading.Timer(1.0, dead_ones.commit)
            later.start()
            assert kill_one(study, [worker]) is None
            later.join()
        finally:
            worker.kill()
            worker.wait()


@pytest.mark.parametrize(
    "n_workers, trials, kills",
    [(2, 6, 1), pytest.param(8, 150, 10, marks=pytest.mark.proof)],
)
def test_workers_killed_and_a_server_restarted_lose_nothing(server, capsys, n_workers, trials, kills):
    study = troubled(
        server,
        *("--epochs", "3"),
        name=f"{n_workers} workers",
        n_workers=n_workers,
        trials=trials,
        kills=kills,
        every=1.0,
        away=1.0 * n_workers,
    )
    done, lost, twice, again = accounts(study, trials)
    if n_workers == 8:  # the proof shows what it found
        found = {"workers": n_workers, "killed": kills, "server_stopped": 1, "trials": trials, "done": done}
        with capsys.disabled():
            print("\n" + trouble_table(found | {"lost": lost, "counted_twice": twice, "begun_again": again}))
    assert (done, lost, twice) == (trials, 0, 0) and again >= kills


def _runs(pid):
    """Whether a process is at work: one that has ended and waits for its parent to notice is not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_the_server_is_gone_afterwards():
    with running_server() as one:
        folder = one.folder
        pid = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    assert not folder.exists()
    assert not _runs(pid)
