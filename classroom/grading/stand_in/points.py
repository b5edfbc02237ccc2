"""In the place of the suite's `points` while a notebook is graded."""

from . import _SAID


def points(*_args, **_kwargs):
    """Say that marks are given later."""
    print(_SAID)
