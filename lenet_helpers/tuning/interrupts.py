"""Ctrl-C, and a notebook's ■, strike only where nothing is half written.

    with held_back():
        write(...)  # an interrupt waits
        at_once(compute, ...)  # here it strikes

An interrupt between taking a trial and noting its end would leave the database saying that
somebody still works on it.
"""

import signal
import threading
from contextlib import contextmanager

from ..training import Interrupted
from ..wording import _

_open = False  # is the main thread inside `at_once`?
_waiting = False  # is an interrupt held back?


@contextmanager
def held_back():
    """Within, an interrupt waits for the next `at_once` or for the end; a second one does not wait."""
    global _waiting
    if not _in_main_thread():  # Python interrupts the main thread only
        yield
        return
    before = signal.signal(signal.SIGINT, _hold_back)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.default_int_handler)
        late, _waiting = _waiting, False
    if late:
        raise Interrupted(_("Stopped."))


def at_once(function, *arguments):
    """`function(*arguments)`; an interrupt, new or held back, strikes at once."""
    global _open
    if not _in_main_thread():
        return function(*arguments)
    try:
        _open = True
        if _waiting:
            _strike()
        return function(*arguments)
    finally:
        _open = False


def _hold_back(_signal, _frame):
    global _waiting
    if _open or _waiting:
        _strike()
    _waiting = True


def _strike():
    global _open, _waiting
    _open = _waiting = False
    raise KeyboardInterrupt


def _in_main_thread():
    return threading.current_thread() is threading.main_thread()
