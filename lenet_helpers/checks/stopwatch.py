"""Stop learner code that runs for too long, where the system can do it."""

import signal
import threading
from contextlib import contextmanager

from ..wording import _


class OutOfTime(BaseException):
    """The time is up. Not an Exception, so that `except Exception` in a loop cannot swallow it."""


_said = False


def can_interrupt():
    """Whether a timer can stop code here: POSIX, and only in the main thread."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


def _say_once():
    global _said
    if not _said:
        _said = True
        print(_("This system has no timer to stop an endless loop: if a check never ends, press Stop (■)."))


@contextmanager
def time_limit(seconds):
    """Raise OutOfTime in the block after `seconds`; where that cannot be done, say so once."""
    if not can_interrupt():
        _say_once()
        yield
        return

    def ring(signum, frame):
        raise OutOfTime

    handler = signal.signal(signal.SIGALRM, ring)
    # It rings again every half second: a bare `except:` in a loop may eat the first ring.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
