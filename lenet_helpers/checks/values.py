"""What counts as a number, a truth or a tensor in an answer, and how two of them are compared in words.

`plain` makes float64 numpy copies of everything numeric: a parameter, a numpy scalar, a list
of tensors. They are compared with operators of numpy's own type only, so no replaced
`torch.allclose`, and no object that equals everything, can make two of them agree.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ..wording import N_, _

# Kept at import: learner code may replace the attributes, not what these names hold.
_Tensor, _ndarray, _generic = torch.Tensor, np.ndarray, np.generic
_tensors = (torch.Tensor, torch.nn.Parameter, torch.nn.Buffer)
_detach, _to, _to_numpy, _to_dense = _Tensor.detach, _Tensor.to, _Tensor.numpy, _Tensor.to_dense
_float64, _strided, _array, _empty_strided = torch.float64, torch.strided, np.array, torch.empty_strided


def plain(value):
    """`value` as a fresh float64 numpy array; None unless it is a tensor, an array, a number, or a list or
    tuple of those with one shape.
    """
    kind = type(value)
    if kind in _tensors:
        if value.is_complex() or value.is_meta:
            return None
        value = _detach(value) if value.layout == _strided else _to_dense(_detach(value))
        return _array(_to_numpy(_to(_to(value, "cpu"), _float64)))  # two steps: not every device has float64
    if kind is float or kind is int and abs(value) < 2**1000:
        return _array(float(value))
    if (
        kind is _ndarray
        and value.dtype.kind in "fiub"
        or issubclass(kind, _generic)
        and value.dtype.kind in "fiu"
    ):
        return _array(value, dtype="float64")
    if issubclass(kind, (list, tuple)) and value:
        parts = [plain(part) for part in value]
        if all(part is not None and part.shape == getattr(parts[0], "shape", None) for part in parts):
            return _array(parts)
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


def equal(a, b, tolerance):
    """Whether two converted results are one and the same: arrays within `tolerance`, all else exactly."""
    if type(a) is _ndarray or type(b) is _ndarray:
        return agree(a, b, tolerance)
    if type(a) is float and type(b) is float:
        return abs(a - b) <= tolerance * max(1e-12, abs(b))
    return type(a) is type(b) and a == b


# Kinds of results --------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """A kind of result: `convert` gives the plain value, or None for anything else; `key` names that mistake,
    `look` says what is wanted.
    """

    convert: Callable
    key: str
    look: str


def _number(value):
    array = plain(value)
    return None if array is None or array.size != 1 else float(array.reshape(()))


def _whole(value):
    number = _number(value)
    return int(number) if number is not None and number == number // 1 and abs(number) < 2**53 else None


def _truth(value):
    if type(value) in _tensors and value.dtype == torch.bool and value.numel() == 1 and not value.is_meta:
        return bool(_number(value))
    if type(value) is _ndarray and value.dtype == bool and value.size == 1 or type(value) is np.bool_:
        return bool(value)
    return value if type(value) is bool else None


def _text(value):
    if type(value) is _ndarray and value.dtype.kind == "U" and value.size == 1:
        value = value.item()
    return str.__str__(value) if isinstance(value, str) else None


ARRAY = Kind(plain, "wrong-type", N_("what is returned: a tensor, a numpy array or a number is wanted"))
NUMBER = Kind(_number, "not-a-number", N_("what is returned: one number is wanted"))
WHOLE = Kind(_whole, "not-an-integer", N_("what is returned: one whole number is wanted, such as 12 or 12.0"))
TRUTH = Kind(_truth, "not-a-bool", N_("what is returned: True or False is wanted"))
TEXT = Kind(_text, "not-a-name", N_("what is returned: a name, as text, is wanted"))


def words(*known, key, look):
    """The kind "one of these words"."""
    return Kind(lambda value: text if (text := _text(value)) in known else None, key, look)


def sequence(n, key, look, each=_number):
    """The kind "a list, tuple, array or tensor of n numbers" (n None: of any length): a list."""

    def convert(value):
        if type(value) in _tensors + (_ndarray,) and value.ndim >= 1 and plain(value) is not None:
            value = list(plain(value))
        if not isinstance(value, (list, tuple)) or n is not None and len(value) != n:
            return None
        parts = [each(part) for part in value]
        return None if any(part is None for part in parts) else parts

    return Kind(convert, key, look)


def part(kind, i):
    """The kind whose value is number `i` of what `kind` gives."""

    def convert(value):
        whole = kind.convert(value)
        return None if whole is None else whole[i]

    return Kind(convert, kind.key, kind.look)


# In words ----------------------------------------------------------------------------


def describe(value):
    """A few words for messages: kind, shape and, if few, the numbers."""
    if value is None or type(value) is bool or isinstance(value, str):
        return repr(value)
    if type(value) in _tensors and value.numel() == 1 and value.ndim == 0 and plain(value) is not None:
        return f"tensor({_figure(value.item())})"
    array = None if isinstance(value, (list, tuple)) else plain(value)
    if array is None:
        return _describe_other(value)
    if array.ndim == 0:
        return _figure(value)
    shape, kind = size(array.shape), str(value.dtype).removeprefix("torch.")
    if array.size > 12:
        return f"{shape} {kind}"
    array = array.astype("int64") if "int" in kind else array.round(3)
    numbers = np.array2string(array, separator=", ")
    return f"{shape} {kind} {numbers.replace(chr(10), '')}"


def _describe_other(value):
    if type(value) in (tuple, list):
        inside = ", ".join(describe(part) for part in value[:6]) + (", …" if len(value) > 6 else "")
        return f"[{inside}]" if type(value) is list else f"({inside})"
    if type(value) is dict and len(value) <= 6 and all(isinstance(key, (str, int)) for key in value):
        return "{" + ", ".join(f"{key!r}: {describe(part)}" for key, part in value.items()) + "}"
    if type(value) in _tensors:
        return f"{size(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    return repr(value) if type(value) is np.bool_ else type(value).__name__


def _figure(value):
    """A number as Python would write it, with six digits: 33, 33.0, 0.333333."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)) or getattr(getattr(value, "dtype", None), "kind", "f") in "iu":
        return str(int(value))
    text = f"{float(value):.6g}"
    return text if set(text) & set(".en") else text + ".0"


def size(shape):
    """A shape as people say it: 8×9, and "one number" for none."""
    return "×".join(map(str, shape)) if len(shape) else _("one number")


def difference(got, wanted):
    """One sentence with both numbers: the shapes, or one cell where two arrays differ."""
    if type(got) is not _ndarray or type(wanted) is not _ndarray:
        return _("expected {wanted}, got {got}").format(wanted=describe(wanted), got=describe(got))
    if got.shape != wanted.shape:
        return _("expected {wanted}, got {got}").format(wanted=size(wanted.shape), got=size(got.shape))
    gap = np.nan_to_num(np.abs(got - wanted), nan=np.inf)
    index = tuple(int(i) for i in np.unravel_index(gap.argmax(), gap.shape))
    count = int((gap > 1e-9 * max(1.0, float(np.abs(wanted).max()))).sum())
    numbers = dict(wanted=_figure(float(wanted[index])), got=_figure(float(got[index])), n=count, of=got.size)
    if got.ndim == 0:
        return _("expected {wanted}, got {got}").format(**numbers)
    if got.ndim == 2:
        text = _("row {row}, column {column}: expected {wanted}, got {got} ({n} of {of} cells differ)")
        return text.format(row=index[0], column=index[1], **numbers)
    text = _("at [{index}]: expected {wanted}, got {got} ({n} of {of} numbers differ)")
    return text.format(index=", ".join(map(str, index)), **numbers)


# Copies ------------------------------------------------------------------------------


def copy(value):
    """A copy of an argument, down to what lists and dicts hold, in the same memory layout."""
    if type(value) in _tensors:
        value = _detach(value)
        if value.is_meta or value.layout != _strided or 0 in value.stride():
            return value.clone()
        same = _empty_strided(value.size(), value.stride(), dtype=value.dtype, device=value.device)
        return same.copy_(value)
    if type(value) is _ndarray:
        return value.copy(order="K")
    if type(value) in (list, tuple):
        return type(value)(copy(part) for part in value)
    return {key: copy(part) for key, part in value.items()} if type(value) is dict else value


def unchanged(now, before):
    """Whether a copy handed to an answer is still what it was."""
    if type(now) is not type(before):
        return False
    if type(now) in _tensors or type(now) is _ndarray:
        a, b = plain(now), plain(before)
        return now.dtype == before.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if type(now) in (list, tuple):
        return len(now) == len(before) and all(map(unchanged, now, before))
    if type(now) is dict:
        return list(now) == list(before) and all(unchanged(now[key], before[key]) for key in now)
    return type(now) not in (int, float, str, bool) or now == before
