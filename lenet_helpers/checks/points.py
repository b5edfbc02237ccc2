"""Points for an answer, property by property: what a test cell of an assignment calls.

    points("output_size", output_size, {"no padding": 4, "padding": 3})

prints which properties hold and returns the points earned as the cell's value, which is
how nbgrader reads partial credit. While a student works, an answer that is not started
stops the notebook with one helpful line; while it is graded it earns 0 and the other
tests go on. Grading repeats the same properties on inputs drawn from the teacher's own
`seeds`, so that knowing the test does not help to write down its answers.
"""

import os
import secrets

from ..wording import _
from .core import Failed
from .front import Check

_check = Check()


class Points(float):
    """Points earned. `undecided` says why a human must look, or is empty."""

    undecided = ""

    def __repr__(self):
        return float.__repr__(self)  # a plain number, for nbgrader


class Unfinished(NotImplementedError):
    """An exercise that is still a stub stops "Run All" here, on purpose."""

    def _render_traceback_(self):
        return ["✋ " + str(self)]


def points(name, answer, worth, *, seeds=()):
    """Points for `answer` to exercise `name`: a `Points` from 0 to the sum of `worth`.

    worth: dict from the exercise's property names to points. seeds: one round of inputs
    for each; by default one round of fresh ones. A property earns its points when it
    holds in every round. Raises ValueError for a property that does not exist, and
    Unfinished for a stub, unless the notebook is being graded.
    """
    exercise = _check.exercise(name)
    labels = {each.name: each.label for each in exercise.properties}
    if unknown := set(worth) - set(labels):
        raise ValueError(
            _("no property {name!r}: choose one of {names}").format(
                name=sorted(unknown)[0], names=", ".join(labels)
            )
        )
    secret, seeds = bool(seeds), seeds or (secrets.randbelow(10**6),)
    earned, undecided, first = 0.0, "", None
    for each, value in worth.items():
        failure = _first_failure(exercise, answer, each, seeds)
        if failure is not None and failure.key == "not-started" and not being_graded():
            raise Unfinished(
                _("{name} is not started: fill in its cell above, then run this one again").format(name=name)
            ) from None
        earned += 0 if failure else value
        first = first or failure
        print(
            "✗" if failure else "✓",
            _("{got:g} of {value:g}").format(got=0 if failure else value, value=value),
            _(labels[each]),
        )
        if failure is not None and failure.key == "out-of-time":
            undecided = _("{name} did not end in time").format(name=name)
            break
    if first:
        if secret:
            first.seed = None  # a message that names the seed would give the hidden test away
        print(first)
    print(
        _("{name}: {earned:g} of {total:g} points").format(
            name=name, earned=earned, total=sum(worth.values())
        )
    )
    result = Points(earned)
    result.undecided = undecided
    return result


def being_graded():
    """Whether nbgrader, or the course's own grader, runs this notebook."""
    return os.environ.get("NBGRADER_EXECUTION") == "autograde"


def _first_failure(exercise, answer, name, seeds):
    for seed in seeds:
        try:
            exercise.run(answer, seed=seed, only=name, strict=True)
        except Failed as failure:
            return failure
    return None
