"""Where a shared study is kept: what Optuna's database storage needs to lose no trial and run none twice."""

import time
import warnings

import optuna
import sqlalchemy
from optuna.trial import TrialState


class Signed(optuna.storages.RDBStorage):
    """Signs for a trial before it runs. Optuna signs only after: a worker that died in between was never
    missed, and all waited for it.
    """

    def set_trial_state_values(self, trial_id, state, values=None):
        """As Optuna's own; returns whether the state was set."""
        if state is TrialState.RUNNING:
            self.record_heartbeat(trial_id)
        return super().set_trial_state_values(trial_id, state, values)


def open_storage(url, heartbeat):
    """The database at `url`, made if it is not there; running trials are signed every `heartbeat` seconds."""
    # Workers of one file wait for each other instead of giving up after five seconds.
    engine = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else None
    storage = patiently(
        lambda: Signed(url, engine, heartbeat_interval=heartbeat, grace_period=10 * heartbeat)
    )
    if url.startswith("sqlite"):
        _one_at_a_time(storage.engine)
    return storage


def _one_at_a_time(engine):
    """Make every transaction of an SQLite file exclusive from its first read on.

    Optuna takes a waiting trial by SELECT … FOR UPDATE and then writes; SQLite has no FOR
    UPDATE, so that two workers could read "waiting" together and both run the trial.
    """

    @sqlalchemy.event.listens_for(engine, "connect")
    def no_begin_of_its_own(connection, _record):
        connection.isolation_level = None

    @sqlalchemy.event.listens_for(engine, "begin")
    def lock_first(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()  # connections made before these rules


def patiently(action, attempts=8):
    """`action()`, again after a moment where another worker is making the same tables just now."""
    for attempt in range(attempts):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                return action()
        except Exception:
            if attempt == attempts - 1:
                raise
            time.sleep(0.2 * (attempt + 1))
