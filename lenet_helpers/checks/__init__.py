"""Exercises: properties tested on fresh random inputs, with hints and solutions.

Learners use `check` alone::

    check.cross_correlate(my_function)      # one line if it holds, else raises check.Failed
    check.cross_correlate(f, record=False)  # the same, not counted as the learner's own (solution cells)
    check.hint("cross_correlate")           # the next of three hints
    check.solution("cross_correlate")       # prints a solution

`core` says how to add an exercise, `trial` how one call of a learner's function is
made and judged, `front` what a learner sees.
"""

from .core import Contract, Exercise, Failed, NotStarted, Result
from .front import Check
from .trial import Trial, agree, judge

check = Check()

__all__ = [
    "Check",
    "Contract",
    "Exercise",
    "Failed",
    "NotStarted",
    "Result",
    "Trial",
    "agree",
    "check",
    "judge",
]
