"""Answers known to be right or wrong, which hold the checks to their word.

In `chapterN.py`, beside each other for each exercise::

    @correct("double")
    def with_a_loop(x): ...

    @wrong("double", "not-doubled")          # the key of the message meant for it
    def forgets_negatives(x): ...

`tests/test_known_wrong.py` runs them all, with several seeds, and fails where an exercise
has fewer than two correct or six wrong ones.
"""

CORRECT, WRONG = [], []


def correct(exercise):
    """Decorator: a variant that must pass."""

    def add(function):
        CORRECT.append((exercise, function))
        return function

    return add


def wrong(exercise, key):
    """Decorator: a mistake that must be rejected by the message `key`."""

    def add(function):
        WRONG.append((exercise, key, function))
        return function

    return add
