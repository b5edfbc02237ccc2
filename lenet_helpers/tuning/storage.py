"""Where a shared study is kept: what Optuna's database storage needs to lose no trial and run none twice."""

import logging
import re
import time
import warnings
from contextlib import contextmanager

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState
from sqlalchemy import exc

from ..wording import _
from .interrupts import at_once

PATIENCE = 600  # seconds that a worker waits for a server that has gone away
_log = logging.getLogger(__name__)


class Signed(optuna.storages.RDBStorage):
    """Signs for a trial before it runs. Optuna signs only after: a worker that died in between was never
    missed, and all waited for it.
    """

    def set_trial_state_values(self, trial_id, state, values=None):
        """As Optuna's own; returns whether the state was set."""
        if state is TrialState.RUNNING:
            super().record_heartbeat(trial_id)
        return super().set_trial_state_values(trial_id, state, values)

    def record_heartbeat(self, trial_id):
        """As Optuna's own; a sign that the server did not take is left out, the next is due soon."""
        try:
            super().record_heartbeat(trial_id)
        except StorageInternalError as error:
            if not connection_lost(error):
                raise


def connection_lost(error):
    """Whether this error of a storage came of a connection that broke (its server stopped, for one)."""
    cause = error.__cause__
    # The second: SQLAlchemy's word where it broke between two statements of one transaction.
    return getattr(cause, "connection_invalidated", False) or isinstance(cause, exc.PendingRollbackError)


@contextmanager
def quietly():
    """Optuna without a line a trial and without its warnings that heartbeats are new."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        try:
            yield
        finally:
            optuna.logging.set_verbosity(before)


def open_storage(address, heartbeat):
    """The database at `address`, made if it is not there; `heartbeat` is the time between two signs [s].

    Raises ValueError for what is no address of a database, or whose driver is missing, and
    ConnectionError for a database that cannot be reached or used.
    """
    url = _read_address(address)
    shown = url.render_as_string(hide_password=True)
    is_file = url.get_backend_name() == "sqlite"
    # Workers of one file wait for each other instead of giving up after five seconds.
    options = {"connect_args": {"timeout": 60} if is_file else {}, "pool_pre_ping": not is_file}
    try:
        sqlalchemy.create_engine(url, **options).connect().close()
        storage = _made_together(
            lambda: Signed(
                url.render_as_string(hide_password=False),
                options,
                heartbeat_interval=heartbeat,
                grace_period=10 * heartbeat,
            )
        )
    except exc.ArgumentError as error:  # a dialect that SQLAlchemy does not know, among others
        raise _no_address(shown) from error
    except ImportError as error:
        message = _("storage={value!r}: its driver {name} is not installed; pip install {what}")
        name = url.get_driver_name()
        what = {"psycopg": '"psycopg[binary]"', "psycopg2": "psycopg2-binary", "mysqldb": "mysqlclient"}
        raise ValueError(message.format(value=shown, name=name, what=what.get(name, name))) from error
    except (exc.SQLAlchemyError, StorageInternalError, RuntimeError) as error:
        message = _("storage={value!r}: this database cannot be used ({why}); is it there, and is it yours?")
        raise ConnectionError(message.format(value=shown, why=reason(error))) from error
    (_one_at_a_time if is_file else _wait_for_server)(storage.engine)
    return storage


def _read_address(address):
    try:
        url = sqlalchemy.make_url(address if isinstance(address, sqlalchemy.URL) else str(address))
    except (exc.ArgumentError, ValueError) as error:
        raise _no_address(address) from error
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        return url
    if url.host:  # two slashes in place of three
        raise _no_address(address)
    if url.database in (None, "", ":memory:"):
        message = _("storage={value!r} is one process's memory; leave storage out for that")
        raise ValueError(message.format(value=str(address)))
    return url


def _no_address(address):
    message = _(
        "storage={value!r} is no address of a database: write sqlite:///search.db for a file, or"
        " postgresql://user@host/name"
    )
    shown = re.sub(r":[^:/@]*@", ":***@", str(address))  # a password is nobody else's
    return ValueError(message.format(value=shown))


def reason(error):
    """The database's own first line, without SQLAlchemy's wrapping."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]


def _made_together(make, attempts=8):
    """`make()`, again after a moment where another worker is making the same tables just now."""
    for attempt in range(attempts):
        try:
            with quietly():
                return make()
        except (exc.SQLAlchemyError, StorageInternalError) as error:
            cause = error.__cause__ if isinstance(error, StorageInternalError) else error
            at_work = isinstance(cause, (exc.IntegrityError, exc.ProgrammingError))
            if attempt == attempts - 1 or not (at_work or "already exists" in str(cause)):
                raise
            time.sleep(0.2 * (attempt + 1))


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


def _wait_for_server(engine):
    """Where the server has gone away, wait for it to come back."""

    @sqlalchemy.event.listens_for(engine, "do_connect")
    def connect(dialect, _record, arguments, options):
        for second in range(PATIENCE):
            try:
                return dialect.connect(*arguments, **options)
            except dialect.loaded_dbapi.OperationalError as error:
                if second == 0:
                    text = _("The database does not answer ({why}); waiting for it.")
                    _log.warning(text.format(why=reason(error)))
                at_once(time.sleep, 1)
        return None  # SQLAlchemy tries once more, and tells
