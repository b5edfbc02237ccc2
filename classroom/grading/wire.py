"""What crosses between examiner and answerer: data, never code.

None, booleans, numbers, strings, bytes, lists, tuples, dicts, sets, tensors and arrays
(type, shape, bytes), in msgpack; every container is a list that begins with a tag. What
is none of these goes through `other`, a function that each side brings.

Reading is bounded: in bytes, in nesting, in items. What does not fit is `Refused`.
"""

import math

import numpy as np
import torch

from .frames import MOST_BYTES, MOST_ITEMS, Refused

MOST_DEPTH, MOST_DIGITS = 40, 4000
TENSORS = {
    str(kind).removeprefix("torch."): kind
    for kind in (
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
        torch.complex64,
        torch.complex128,
    )
}


class Opaque:
    """Stands for an object that can't cross. Attributes hold those of its fields that could."""


def encode(value, other=None):
    """`value` as msgpack-able parts. `other(value)` gives the parts of what is no plain data."""
    return _Writer(other).value(value, 0)


def decode(parts, other=None):
    """The value that `encode` took apart. `other(tag, items, decode)` makes what is no plain data."""
    return _Reader(other).value(parts, 0)


class _Writer:
    def __init__(self, other):
        self._other, self._left, self._bytes = other, MOST_ITEMS, MOST_BYTES // 2

    def value(self, value, depth):
        self._left -= 1
        if self._left < 0 or depth > MOST_DEPTH:
            raise Refused("too many parts, or too deeply nested")
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is float:
            return value
        if kind is int:
            return value if -(2**63) <= value < 2**64 else ["I", _digits(value)]
        if kind in (str, bytes):
            self._take(len(value))
            return value
        for base, write in _WRITERS:
            if isinstance(value, base):
                return write(self, value, depth)
        if self._other is None:
            raise Refused(f"{kind.__name__} is no plain data")
        return self._other(value, lambda part: self.value(part, depth + 1))

    def _take(self, n):
        self._bytes -= n
        if self._bytes < 0:
            raise Refused("more bytes than may cross")

    def _items(self, tag):
        return lambda value, depth: [tag, *(self.value(item, depth + 1) for item in value)]

    def _dict(self, value, depth):
        return [
            "d",
            *(
                part
                for k, v in value.items()
                for part in (self.value(k, depth + 1), self.value(v, depth + 1))
            ),
        ]

    def _tensor(self, value, _depth):
        with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
            plain = value.as_subclass(torch.Tensor).detach()
            name = str(plain.dtype).removeprefix("torch.")
            if name not in TENSORS:
                raise Refused(f"tensors of {name} do not cross")
            self._take(plain.numel() * plain.element_size())
            plain = (
                (plain.to_dense() if plain.layout != torch.strided else plain)
                .cpu()
                .resolve_conj()
                .resolve_neg()
            )
            data = (
                plain.reshape(-1).contiguous().view(torch.uint8).numpy().tobytes() if plain.numel() else b""
            )
            return ["T", name, list(plain.shape), data]

    def _array(self, value, depth):
        if value.dtype.kind not in "fiubc" or value.dtype.itemsize > 16:
            return self.value(value.tolist(), depth)
        self._take(value.nbytes)
        value = np.asarray(value)
        return [
            "A",
            value.dtype.newbyteorder("<").str,
            list(value.shape),
            value.astype(value.dtype.newbyteorder("<")).tobytes(),
        ]

    def _scalar(self, value, depth):
        if isinstance(value, (np.str_, np.bytes_)) or value.dtype.kind not in "fiubc":
            return self.value(value.item(), depth)
        return ["n", value.dtype.newbyteorder("<").str, value.tobytes()]


_WRITERS = (
    (torch.Tensor, lambda w, v, d: w._tensor(v, d)),
    (np.ndarray, lambda w, v, d: w._array(v, d)),
    (np.generic, lambda w, v, d: w._scalar(v, d)),
    (bool, lambda w, v, d: bool(v)),
    (int, lambda w, v, d: w.value(int(v), d)),
    (float, lambda w, v, d: float(v)),
    (str, lambda w, v, d: w.value(str.__str__(v), d)),
    (tuple, lambda w, v, d: w._items("t")(v, d)),
    (dict, lambda w, v, d: w._dict(v, d)),
    (list, lambda w, v, d: w._items("l")(v, d)),
    ((set, frozenset), lambda w, v, d: w._items("s")(v, d)),
    ((range, type({}.keys()), type({}.values()), bytearray), lambda w, v, d: w._items("l")(v, d)),
)


def _digits(value):
    if value.bit_length() > 3 * MOST_DIGITS:
        raise Refused("a whole number of thousands of digits")
    return str(value)


class _Reader:
    def __init__(self, other):
        self._other, self._left = other, MOST_ITEMS

    def value(self, parts, depth):
        self._left -= 1
        if self._left < 0 or depth > MOST_DEPTH + 5:
            raise Refused("too many parts, or too deeply nested")
        if parts is None or type(parts) in (bool, int, float, bytes):
            return parts
        if type(parts) is str:
            # Half of a surrogate pair can be neither printed nor stored.
            return parts.encode("utf-8", "backslashreplace").decode() if not parts.isascii() else parts
        if type(parts) is not list or not parts or type(parts[0]) is not str:
            raise Refused("a part of an unknown kind")
        tag, *items = parts
        try:
            return self._made(tag, items, depth)
        except Refused:
            raise
        except Exception as error:  # wrong types and counts of parts end here
            raise Refused(f"a broken part ({type(error).__name__})") from None

    def _made(self, tag, items, depth):
        def inner(part):
            return self.value(part, depth + 1)

        if tag in ("l", "t", "s"):
            made = [inner(item) for item in items]
            return made if tag == "l" else (tuple if tag == "t" else set)(made)
        if tag == "d":
            return {inner(k): inner(v) for k, v in zip(items[::2], items[1::2], strict=True)}
        if tag == "I":
            (digits,) = items
            if len(digits) > MOST_DIGITS:
                raise Refused("a whole number of thousands of digits")
            return int(digits)
        if tag == "T":
            name, shape, data = items
            return _tensor(TENSORS[name], _shape(shape), data)
        if tag == "A":
            name, shape, data = items
            return np.frombuffer(data, _dtype(name)).reshape(_shape(shape)).copy()
        if tag == "n":
            name, data = items
            return np.frombuffer(data, _dtype(name))[0]
        if self._other is None:
            raise Refused("a part of an unknown kind")
        return self._other(tag, items, inner)


def _shape(shape):
    if (
        type(shape) is not list
        or len(shape) > 16
        or any(type(n) is not int or not 0 <= n < 2**40 for n in shape)
    ):
        raise Refused("a shape that is none")
    return tuple(shape)


def _dtype(name):
    kind = np.dtype(name)
    if kind.kind not in "fiubc" or kind.itemsize > 16:
        raise Refused("an array of an unknown type")
    return kind


def _tensor(kind, shape, data):
    size = torch.empty((), dtype=kind).element_size()
    if math.prod(shape) * size != len(data):
        raise Refused("a tensor whose bytes do not fit its shape")
    if not data:
        return torch.empty(shape, dtype=kind)
    return torch.frombuffer(bytearray(data), dtype=kind).reshape(shape)
