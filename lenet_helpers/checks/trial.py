"""One call of a learner's function, made and judged with care.

`Trial(candidate, *args)` calls it on copies of `args`, notices inputs changed in place,
and turns errors into messages. `trial.array()` is the result as a plain float64 numpy
copy. `agree` compares two such copies with operators of numpy's own type only, so no
replaced `torch.allclose`, and no object that equals everything, can make it true.
"""

import dis
import os
import traceback

import numpy as np
import torch

from ..wording import _
from .core import Failed, NotStarted

# Kept at import: learner code may replace the attributes, not what these names hold.
_Tensor, _ndarray = torch.Tensor, np.ndarray
_detach, _to, _to_numpy, _clone = torch.Tensor.detach, torch.Tensor.to, torch.Tensor.numpy, torch.Tensor.clone
_float64, _array = torch.float64, np.array
_numbers = (int, float, np.float64, np.float32, np.int64, np.int32)
_RAISE = dis.opmap["RAISE_VARARGS"]
_TORCH = os.path.dirname(torch.__file__)


def plain(value):
    """`value` as a fresh float64 numpy array, or None unless it is exactly a tensor, an array or a number."""
    kind = type(value)
    if kind is _Tensor and not value.is_complex():
        return _array(
            _to_numpy(_to(_to(_detach(value), "cpu"), _float64))
        )  # two steps: not every device has float64
    if (kind is _ndarray and value.dtype.kind in "fiub") or kind in _numbers:
        return _array(value, dtype="float64")
    return None


def agree(a, b, tolerance=1e-9):
    """Whether two float64 arrays have one shape and differ by at most `tolerance`, relative to the largest
    |b| or 1.
    """
    if type(a) is not _ndarray or type(b) is not _ndarray or a.shape != b.shape:
        return False
    if a.size == 0:
        return True
    limit = tolerance * max(1.0, float(b.max()), float(-b.min()))
    gap = a - b
    return bool(((gap <= limit) & (gap >= -limit)).all())  # NaN is in neither half


def describe(value):
    """A few words for messages: kind, shape and, if few, the numbers."""
    if value is None:
        return "None"
    array = plain(value)
    if array is None:
        if type(value) in (tuple, list) and len(value) <= 6:
            return "(" + ", ".join(describe(v) for v in value) + ")"
        return repr(value) if type(value) in (str, bool, np.bool_) else type(value).__name__
    if array.ndim == 0:
        return f"{float(array):g}"
    shape = "×".join(str(n) for n in array.shape) or "0"
    kind = str(value.dtype).removeprefix("torch.")
    if array.size > 12:
        return f"{shape} {kind}"
    return f"{shape} {kind} {np.array2string(array.round(3), separator=', ').replace(chr(10), '')}"


def _copy(value):
    if type(value) is _Tensor:
        return _clone(_detach(value))
    return value.copy() if type(value) in (_ndarray, dict, list) else value


def _is_stub(error):
    """Whether the error is a `raise NotImplementedError` written out, not torch saying an operation lacks a
    kernel.
    """
    frames = error.__traceback__
    while frames.tb_next:
        frames = frames.tb_next
    code = frames.tb_frame.f_code
    return code.co_code[frames.tb_lasti] == _RAISE and not code.co_filename.startswith(_TORCH)


class Trial:
    """The call `candidate(*args)`: `.result` as it came, `.array()` as plain numbers.

    `on_error=(key, look)`: the mistake to name when a size or an index in the learner's
    code does not fit, for trials whose shapes are chosen to bring that out.
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
        copies = [_copy(a) for a in args]
        try:
            self.result = candidate(*copies)
        except (
            KeyboardInterrupt,
            Failed,
        ):  # Failed: from a check that wraps the answer and has named its mistake
            raise
        except (Exception, SystemExit) as error:  # exit() in an answer must not end the kernel
            self._explain(error, on_error)
        for given, copy in zip(args, copies):
            before, after = plain(given), plain(copy)
            if before is not None and (after is None or not agree(after, before, 0.0)):
                self.fail(
                    "in-place",
                    got=_("an input was changed: {value}").format(value=describe(copy)),
                    look=_("lines that assign into an argument, or end in an underscore, like add_"),
                )

    def _explain(self, error, on_error):
        if isinstance(error, NotImplementedError) and _is_stub(error):
            raise NotStarted from None
        fits_not = isinstance(error, (IndexError, ValueError, RuntimeError))
        key, look = on_error if on_error and fits_not else ("raised", _("the line that the message names"))
        last = traceback.extract_tb(error.__traceback__)[-1]
        got = _("{kind}: {message} (line {line}, in {function})").format(
            kind=type(error).__name__,
            message=str(error).split("\n")[0][:200],
            line=last.lineno,
            function=last.name,
        )
        self.fail(key, got=got, look=look)

    def array(self):
        """The result as a float64 numpy copy; Failed for anything but a tensor, array or number."""
        array = plain(self.result)
        if self.result is None:
            self.fail("returned-none", look=_("the end of your function: does it return something?"))
        if array is None:
            self.fail(
                "wrong-type",
                look=_("the kind of the result: a plain tensor, numpy array or number is wanted"),
            )
        return array

    def fail(self, key, *, look, got=None):
        """Raise Failed for this call; `got` defaults to a description of the result."""
        raise Failed(
            key, tried=self.tried, got=describe(self.result) if got is None else got, look=look
        ) from None
