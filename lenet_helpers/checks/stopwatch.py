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
    """Raise OutOfTime in the block after `seconds` of computing, or ten times that of waiting.

    Computing time, so that a busy machine fails nobody. Where there is no timer, say so once.
    """
    if not can_interrupt():
        _say_once()
        yield
        return

    def ring(signum, frame):
        raise OutOfTime

    timers = (
        (signal.ITIMER_PROF, signal.SIGPROF, seconds),
        (signal.ITIMER_REAL, signal.SIGALRM, 10 * seconds),
    )
    before = [(number, signal.signal(number, ring)) for _timer, number, _seconds in timers]
    # Both ring again every half second: a bare `except:` in a loop may eat the first ring.
    for timer, _number, delay in timers:
        signal.setitimer(timer, delay, 0.5)
    try:
        yield
    finally:
        for timer, _number, _delay in timers:
            signal.setitimer(timer, 0)
        for number, handler in before:
            signal.signal(number, handler)
