"""What an exercise is, and how it is run.

How to add an exercise, in a module `checks/chapterN.py` (found by its name)::

    def double(x):                                        # the solution, printed as it stands
        return 2 * x

    DOUBLE = Exercise(
        "double",
        solution=double,
        hints=(N_("..."), N_("..."), N_("...")),
        contract=Contract(N_("x: a tensor of numbers"), N_("a tensor like x, every number doubled")),
    )

    @DOUBLE.property("doubles", N_("every number is doubled"))
    def doubles(candidate, rng):
        cases = [(torch.from_numpy(rng.normal(size=shape)),) for shape in ((2, 3), (1,), (4, 1, 5))]
        mistakes = [("halved", lambda x: x / 2, _("the direction: twice as much is wanted"))]
        judge(candidate, cases, lambda x: 2 * x.numpy(), mistakes, look=_("f(1) and f(2), side by side"))

A check demands what the contract says and nothing more. `judge` calls the answer on copies
of every case; it names a mistake where that mistake alone explains all the answers, and
otherwise shows one wrong number beside the right one. Draw sizes many and uneven, and
put a case on either side of every boundary in the contract: `tests/test_mutants.py` alters
the solution by machine and fails where an altered one passes.

Right answers in other forms, wrong ones and the message meant for each stand in
`tests/known_wrong/chapterN.py`. Properties run in order and the first that breaks is
reported, so put basic ones first and let each one stand alone: the classroom runs them
one by one for partial credit, `DOUBLE.run(f, seed=7, only="doubles", strict=True)`, or
all of them with `DOUBLE.grade(f, seed=7)`.
"""

import functools
import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..wording import N_, _
from .stopwatch import OutOfTime, time_limit
from .surroundings import known_surroundings
from .wrapping import wrap

_generator = np.random.default_rng  # kept now: learner code may replace what numpy's names point to


class NotStarted(Exception):
    """The learner's function is still the stub that raises NotImplementedError."""


@dataclass(frozen=True)
class Contract:
    """What an exercise asks for; its check demands nothing beyond it. Each part is one or two sentences.

    takes: the arguments, their kinds, shapes and dtypes. gives: what is returned. keeps: what must not
    change. may: what can be used.
    """

    takes: str
    gives: str
    keeps: str = N_("the arguments: nothing writes into them")
    may: str = N_("anything in Python, numpy and torch; your own function is called by position")

    def rows(self):
        """(label, text) of each part, in the learner's language."""
        labels = (_("Takes"), _("Gives back"), _("Stays as it is"), _("May be used"))
        return list(zip(labels, map(_, (self.takes, self.gives, self.keeps, self.may))))


class Failed(AssertionError):
    """A property that does not hold. `key` names the mistake, for tests and teachers; where no mistake is
    certain, it is the property's name.

    `tried`, `got` and `look` are sentences: the call made, what came back, where to look
    next. `broke`, `exercise` and `contract` are filled in by the property.
    """

    def __init__(self, key, *, tried="", got="", look="", broke="", exercise="", seed=None, contract=None):
        self.key, self.tried, self.got, self.look = key, tried, got, look
        self.broke, self.exercise, self.seed, self.contract = broke, exercise, seed, contract
        super().__init__(key)

    def __str__(self):
        rows = [
            (_("Should hold"), self.broke),
            (_("Tried"), self.tried),
            (_("Came back"), self.got),
            (_("Look at"), self.look),
            *(self.contract.rows() if self.contract else ()),
        ]
        lines = [_("{exercise}: not there yet").format(exercise=self.exercise)]
        lines += ["  " + _("{label}: {text}").format(label=label, text=text) for label, text in rows if text]
        if self.seed is not None:
            again = f"check.{self.exercise}(..., seed={self.seed})"
            lines.append("  " + _("Same inputs again: {call}").format(call=again))
        return "\n".join(lines)

    def _render_traceback_(self):
        """Jupyter shows these lines in place of forty lines of traceback."""
        first, *rows = f"✗ {self}".split("\n")
        return ["\n      ".join(wrap(first, 96)), *("  " + "\n      ".join(wrap(row, 92)) for row in rows)]


@dataclass(frozen=True)
class Property:
    """One thing that must hold: `test(candidate, rng)` raises Failed when it does not."""

    name: str
    label: str
    test: Callable


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
    passes; its source is what a learner is shown. `contract`: what is asked, shown before
    the start and with every failure. `time_limit`: seconds of computing for all the
    properties together.
    """

    name: str
    solution: Callable
    hints: tuple
    contract: Contract | None = None
    time_limit: float = 10.0
    properties: list = field(default_factory=list)

    def property(self, name, label):
        """Decorator: `function(candidate, rng)` becomes the next property tried."""

        def add(test):
            self.properties.append(Property(name, label, functools.partial(self._try, name, label, test)))
            return test

        return add

    def _try(self, name, label, test, candidate, rng):
        """One property under known surroundings; its failure is told in full."""
        try:
            with known_surroundings(int(rng.integers(2**31))):
                test(candidate, rng)
        except Failed as failure:
            failure.key = failure.key or name
            failure.exercise, failure.broke, failure.contract = self.name, _(label), self.contract
            raise

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
            with time_limit(self.time_limit):
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
        failure.contract = self.contract
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
