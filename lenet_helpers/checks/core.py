"""What an exercise is, and how it is run.

How to add an exercise, in a module `checks/chapterN.py` (found by its name)::

    def double(x):                                        # the solution, printed as it stands
        return 2 * x

    DOUBLE = Exercise("double", solution=double, hints=(N_("..."), N_("..."), N_("...")))

    @DOUBLE.property("doubles", N_("every number is doubled"))
    def doubles(candidate, rng):
        x = torch.from_numpy(rng.normal(size=(2, 3)))
        trial = Trial(candidate, x)                       # calls candidate on copies
        if not agree(trial.array(), 2 * x.numpy()):
            trial.fail("not-doubled", look=_("Print f(1) and f(2) beside each other."))

and two correct variants and six wrong ones in `tests/known_wrong/chapterN.py`. A learner
then writes `check.double(f)`. Properties run in order and the first that breaks is
reported, so put basic ones first and let each one stand alone: the classroom runs them
one by one for partial credit, `DOUBLE.run(f, seed=7, only="doubles", strict=True)`, or
all of them with `DOUBLE.grade(f, seed=7)`.
"""

import secrets
import textwrap
import warnings
import zlib
from dataclasses import dataclass, field

import numpy as np

from ..wording import _
from .stopwatch import OutOfTime, time_limit

_generator = np.random.default_rng  # kept now: learner code may replace what numpy's names point to


class NotStarted(Exception):
    """The learner's function is still the stub that raises NotImplementedError."""


class Failed(AssertionError):
    """A property that does not hold. `key` names the mistake, for tests and teachers.

    `tried`, `got` and `look` are sentences: the call made, what came back, where to look
    next. `property` and `exercise` are filled in by the runner.
    """

    def __init__(self, key, *, tried="", got="", look="", broke="", exercise="", seed=None):
        self.key, self.tried, self.got, self.look = key, tried, got, look
        self.broke, self.exercise, self.seed = broke, exercise, seed
        super().__init__(key)

    def __str__(self):
        rows = [
            (_("Should hold"), self.broke),
            (_("Tried"), self.tried),
            (_("Came back"), self.got),
            (_("Look at"), self.look),
        ]
        lines = [_("{exercise}: not there yet").format(exercise=self.exercise)]
        lines += [f"  {label}: {text}" for label, text in rows if text]
        if self.seed is not None:
            again = f"check.{self.exercise}(..., seed={self.seed})"
            lines.append("  " + _("Same inputs again: {call}").format(call=again))
        return "\n".join(lines)

    def _render_traceback_(self):
        """Jupyter shows these lines in place of forty lines of traceback."""
        return [
            textwrap.fill(line, 96, subsequent_indent="      ", replace_whitespace=False)
            for line in f"✗ {self}".split("\n")
        ]


@dataclass(frozen=True)
class Property:
    """One thing that must hold: `test(candidate, rng)` raises Failed when it does not."""

    name: str
    label: str
    test: object


@dataclass(frozen=True)
class Result:
    """How one property fared: `key` and `message` are None where it held."""

    property: str
    label: str
    passed: bool
    key: str | None = None
    message: str | None = None


@dataclass
class Exercise:
    """A named task, its properties in the order they are tried, hints and a solution.

    `hints`: three strings, from a nudge to nearly there. `solution`: a function that
    passes; its source is what a learner is shown. `time_limit`: seconds of computing
    for all the properties together.
    """

    name: str
    solution: object
    hints: tuple
    time_limit: float = 10.0
    properties: list = field(default_factory=list)

    def property(self, name, label):
        """Decorator: `function(candidate, rng)` becomes the next property tried."""

        def add(test):
            self.properties.append(Property(name, label, test))
            return test

        return add

    def run(self, candidate, *, seed=None, only=None, strict=False):
        """Try the properties on inputs drawn from `seed` (None: fresh ones); the first that breaks raises
        Failed.

        `only`: one property's name. An untouched stub raises NotStarted, or Failed
        with the key "not-started" when `strict`.
        """
        chosen = [p for p in self.properties if only in (None, p.name)]
        if not chosen:
            names = ", ".join(p.name for p in self.properties)
            raise ValueError(_("no property {name!r}: choose one of {names}").format(name=only, names=names))
        seed = secrets.randbelow(10**6) if seed is None else seed
        current = chosen[0]
        try:
            # A library's warning must not fail an answer, nor reach stderr where graders count it.
            with warnings.catch_warnings(), time_limit(self.time_limit):
                warnings.simplefilter("ignore")
                for current in chosen:
                    current.test(candidate, _generator([seed, zlib.crc32(current.name.encode())]))
        except NotStarted:
            if not strict:
                raise
            failure = Failed("not-started", got=_("The stub is untouched: it raises NotImplementedError."))
        except OutOfTime:
            failure = Failed(
                "out-of-time",
                got=_("No answer after {n:g} seconds of computing.").format(n=self.time_limit),
                look=_("a loop whose condition never turns false"),
            )
        except Failed as caught:
            failure = caught
        else:
            return
        failure.exercise, failure.broke, failure.seed = self.name, _(current.label), seed
        raise failure from None

    def grade(self, candidate, *, seed=None):
        """Every property on its own: a list of Result. An untouched stub passes none."""
        results = []
        for each in self.properties:
            try:
                self.run(candidate, seed=seed, only=each.name, strict=True)
            except Failed as failure:
                results.append(Result(each.name, _(each.label), False, failure.key, str(failure)))
            else:
                results.append(Result(each.name, _(each.label), True))
        return results
