"""Answers known to be right or wrong, which hold the checks to their word.

In `chapterN.py`, beside each other for each exercise::

    @correct("double")
    def with_a_loop(x): ...

    @wrong("double", "halved", by="doubles")   # the key of its message, the property that rejects it
    def halves(x): ...

An answer is registered here once: `tests/test_known_wrong.py` tries all of them with several
seeds, each wrong one also against its property alone, as the classroom gives partial credit.
"""

CORRECT, WRONG = [], []


def correct(exercise):
    """Decorator: a variant that must pass."""

    def add(function):
        CORRECT.append((exercise, function))
        return function

    return add


def wrong(exercise, key, by=None):
    """Decorator: a mistake that property `by` must reject with the message `key`."""

    def add(function):
        WRONG.append((exercise, key, by, function))
        return function

    return add
