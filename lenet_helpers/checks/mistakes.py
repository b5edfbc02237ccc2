"""Exercises that count: one whole number is right, and each usual wrong one has a message."""

import numpy as np

from ..wording import _
from .trial import Trial

_whole = (int, np.int64, np.int32)


def count(candidate, args, names, right, mistakes, look):
    """Try a counting function on `args`; `mistakes` are (key, value, where to look)."""
    trial = Trial(candidate, *args, tried=", ".join(f"{a} = {b}" for a, b in zip(names, args)))
    value = trial.array()
    if type(trial.result) not in _whole:
        trial.fail(
            "not-an-integer", look=_("the kind of the result: parameters are counted in whole numbers")
        )
    if int(value) == right:
        return
    for key, wrong, hint in mistakes:
        if int(value) == wrong:
            trial.fail(key, look=hint)
    trial.fail("count", look=look)
