"""One call of a learner's function, made and judged with care.

`Trial(candidate, *args)` calls it on copies of `args`, notices inputs changed in place,
and turns errors into messages. `trial.returned(kind)` is the result as a plain value of that
kind, `trial.judge` compares it. `judge` does all this on many cases at once and names a
known mistake only where that mistake explains *every* answer given.
"""

import dis
import inspect
import os
import traceback

import numpy
import torch

from ..wording import _
from .core import Failed, NotStarted
from .errors import in_own_terms
from .surroundings import undisturbed
from .values import ARRAY, agree, copy, describe, difference, equal, plain, size, unchanged

__all__ = ["Trial", "agree", "describe", "judge", "plain"]

_RAISE = dis.opmap["RAISE_VARARGS"]
_LIBRARIES = tuple(os.path.dirname(module.__file__) for module in (torch, numpy))


def _is_stub(error):
    """Whether the error is a `raise NotImplementedError` written out, not torch saying an operation lacks a
    kernel.
    """
    frames = error.__traceback__
    while frames.tb_next:
        frames = frames.tb_next
    code = frames.tb_frame.f_code
    return code.co_code[frames.tb_lasti] == _RAISE and not code.co_filename.startswith(_LIBRARIES)


FURTHER_CASES, FEW = 60, 6


class Trial:
    """The call `candidate(*args)`: `.result` as it came, `.returned(kind)` as a plain value.

    `on_error=(key, look)`: the mistake to name when a size or an index in the learner's
    code does not fit, for trials in which only that mistake can bring it about.
    """

    def __init__(self, candidate, *args, on_error=None, tried=None):
        self.tried = tried or ", ".join(describe(a) for a in args)
        self.result = None
        if not callable(candidate):
            self.fail(
                "not-a-function",
                got=describe(candidate),
                look=_("pass the function itself, without brackets and arguments"),
            )
        copies = [copy(a) for a in args]
        try:
            with undisturbed():
                self.result = candidate(*copies)
        except (
            KeyboardInterrupt,
            Failed,
        ):  # Failed: from a check that wraps the answer and names its mistake
            raise
        except (Exception, SystemExit) as error:  # exit() in an answer must not end the kernel
            self._explain(error, on_error)
        for given, now in zip(args, copies):
            if not unchanged(now, copy(given)):
                self.fail(
                    "in-place",
                    got=_("an input was changed: it is now {value}").format(value=describe(now)),
                    look=_("lines that assign into an argument, sort or reverse it, or end in an underscore"),
                )

    def _explain(self, error, on_error):
        if isinstance(error, NotImplementedError) and _is_stub(error):
            raise NotStarted from None
        key, look = "raised", _("the line that the message names")
        if on_error and isinstance(error, (IndexError, ValueError, RuntimeError)):
            key, look = on_error
        named, message = in_own_terms(error)
        if named:
            key, look = named, _("what stands to the right of the = sign: is it summed?")
        frames = traceback.extract_tb(error.__traceback__)
        own = [f for f in frames if not f.filename.startswith(_LIBRARIES)] or frames
        got = _("{kind}: {message} (line {line}, in {function})").format(
            kind=type(error).__name__,
            message=message or str(error).split("\n")[0][:200],
            line=own[-1].lineno,
            function=own[-1].name,
        )
        self.fail(key, got=got, look=look)

    def returned(self, kind=ARRAY):
        """The result as a plain value of `kind`; Failed for anything else, for None by a key of its own."""
        if self.result is None:
            self.fail("returned-none", look=_("the end of your function: does it return something?"))
        value = kind.convert(self.result)
        if value is None and inspect.isgenerator(self.result) or type(self.result) in (map, filter, zip):
            self.fail(
                "not-run",
                got=_("a generator: nobody has gone through it, so nothing was computed"),
                look=_("the result: put list(...) around the generator, or use return in place of yield"),
            )
        if value is None:
            self.fail(kind.key, look=_(kind.look))
        return value

    def array(self):
        """The result as a float64 numpy copy; Failed for anything but a tensor, array or number."""
        return self.returned(ARRAY)

    def judge(self, got, wanted, mistakes=(), *, look, tolerance=1e-5):
        """Nothing if `got` equals `wanted`; else Failed, with the name of the one mistake in `mistakes`
        (key, what it gives, where to look) that gives just this, or without a name where none or several do.
        """
        _judge(
            [(self, got, wanted)], [(key, [value], hint) for key, value, hint in mistakes], look, tolerance
        )

    def judge_shape(self, got, wanted, mistakes=(), *, look):
        """The same for shapes, which are told apart more coarsely: several mistakes may share one."""
        if got == wanted:
            return
        named = {key: hint for key, value, hint in reversed(mistakes) if value == got}
        key, hint = next(iter(named.items())) if len(named) == 1 else (None, look)
        text = _("expected {wanted}, got {got}").format(wanted=size(wanted), got=size(got))
        self.fail(key, got=text, look=hint)

    def fail(self, key, *, look, got=None):
        """Raise Failed for this call; `got` defaults to a description of the result."""
        raise Failed(
            key, tried=self.tried, got=describe(self.result) if got is None else got, look=look
        ) from None


def judge(
    candidate,
    cases,
    right,
    mistakes=(),
    *,
    kind=ARRAY,
    names=(),
    say=None,
    more=None,
    look,
    tolerance=1e-5,
    on_error=None,
):
    """Try `candidate` on every case, a tuple of arguments, and compare with `right(*case)`.

    mistakes: (key, function like `right`, where to look). One is named where it, and no mistake of another
    name, explains the answers of all cases; otherwise the message shows the first wrong answer and where to
    `look`. names: of the arguments, for the message; `say(*case)` words it where they would be too long.
    more: draws a further case; a failure is tried on some, so that no mistake is named by chance.
    on_error: as `Trial` takes it.
    """

    def row(case):
        tried = say(*case) if say else ", ".join(f"{n} = {describe(value)}" for n, value in zip(names, case))
        trial = Trial(candidate, *case, on_error=on_error, tried=tried or None)
        return trial, trial.returned(kind), right(*case)

    def wrong(rows):
        return [row for row in rows if not equal(row[1], row[2], tolerance)]

    rows, failure = [], None
    for case in cases:
        try:
            rows.append(row(case))
        except Failed as caught:  # a number that was wrong before says more than an error after it
            failure = caught
            break
    if failure and not wrong(rows):
        raise failure
    if not wrong(rows):
        return
    tried = list(cases[: len(rows)])
    try:
        for _unused in range(FURTHER_CASES if more else 0):
            case = more()
            rows.append(row(case))
            tried.append(case)
    except Failed as caught:
        failure = caught
    if failure and len(rows) < FEW:
        mistakes = ()  # after an error, so few answers prove nothing
    explained = [(key, [formula(*case) for case in tried], hint) for key, formula, hint in mistakes]
    _judge(rows, explained, look, tolerance)


def _judge(rows, mistakes, look, tolerance):
    wrong = [row for row in rows if not equal(row[1], row[2], tolerance)]
    if not wrong:
        return
    named = {
        key: hint
        for key, values, hint in reversed(mistakes)
        if all(equal(got, value, tolerance) for (_trial, got, _wanted), value in zip(rows, values))
    }
    trial, got, wanted = wrong[0]
    key, hint = next(iter(named.items())) if len(named) == 1 else (None, look)
    trial.fail(key, got=difference(got, wanted), look=_(hint))
