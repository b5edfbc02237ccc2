"""Check yourself: your answers beside stored pairs of inputs and results.

    from selfcheck import points
    points("panorama", panorama, {"shape": 6, "values": 10})

`pairs.json` holds, for every property of a task, calls and what comes back from a right
answer. Grading tries the same properties on other inputs. There is no solution in here.
"""

import base64
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from . import wire
from .build import Builder, tensors

_TOLERANCE = 1e-4


class Unfinished(NotImplementedError):
    """An exercise that is still a stub stops "Run All" here, on purpose."""

    def _render_traceback_(self):
        return ["✋ " + str(self)]


class Differs(Exception):
    """What came back is not what a right answer gives."""


def points(name, answer, worth, seeds=()):
    """Try `answer` on the stored pairs of task `name` and print the points of each property, from `worth`."""
    task = _pairs()[name]
    earned = 0
    for each, value in worth.items():
        label, calls = task[each]["label"], task[each]["calls"]
        if calls is None:
            print(f"· {value:g} when graded: {label}")
            continue
        try:
            for call in calls:
                _try(answer, call)
        except NotImplementedError as error:
            if "replace this line" not in str(error):
                raise
            raise Unfinished(
                f"{name} is not started: fill in its cell above, then run this one again"
            ) from None
        except Differs as error:
            print(f"✗ 0 of {value:g} {label}\n{error}")
        else:
            earned += value
            print(f"✓ {value:g} of {value:g} {label}")
    tried = sum(value for each, value in worth.items() if task[each]["calls"] is not None)
    if tried:
        print(f"{name}: {earned:g} of {tried:g} points on these inputs; grading draws others")


def _pairs():
    def back(part):
        return base64.b64decode(part["$"]) if set(part) == {"$"} else part

    text = (Path(__file__).parent / "pairs.json").read_text(encoding="utf-8")
    return json.loads(text, object_hook=back)


def _try(answer, call):
    builder = Builder()

    def made(parts):
        return wire.decode(parts, builder.make)

    args, what = [made(part) for part in call["args"]], "called"
    tried = ", ".join(_words(part) for part in args)
    try:
        result = answer(*args)
        if "forwards" not in call:
            if "error" in call:
                raise Differs(_lines(tried, "no error", f"a {call['error']} is wanted here"))
            _same(result, made(call["result"]), tried, call["dtype"])
            for value, part in zip(args, call["after"]):
                if part is not None:
                    what = "an argument" if not isinstance(value, nn.Module) else "the network"
                    wanted = made(part)
                    value = tensors(value) if isinstance(value, nn.Module) else value
                    _same(value, wanted, tried, False, f"{what} after the call: ")
            return
        if not isinstance(result, nn.Module):
            raise Differs(
                _lines(tried, _words(result), "a network is wanted: a class that inherits from nn.Module")
            )
        for forward in call["forwards"]:
            _network(result, forward, made, tried)
    except (Differs, NotImplementedError):
        raise
    except Exception as error:
        if "error" in call and call["error"] in [kind.__name__ for kind in type(error).__mro__]:
            return
        raise Differs(_lines(tried, f"{type(error).__name__}: {error}", "no error is wanted here")) from None


def _network(model, forward, made, tried):
    """Put stored weights into a network, by their shapes, and compare what comes out."""
    weights = [made(part) for part in forward["weights"]]
    left = {tuple(w.shape): w for w in weights}
    have = sorted(tuple(p.shape) for p in model.parameters())
    if have != sorted(tuple(w.shape) for w in weights):
        raise Differs(_lines(tried, f"parameters {have}", f"parameters {sorted(left)} are wanted"))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(left[tuple(parameter.shape)])
        images = made(forward["input"])
        _same(
            model.train(forward["training"])(images),
            made(forward["output"]),
            f"{tried}; images {_words(images)}",
            False,
        )


def _lines(tried, got, wanted):
    return f"  Tried: {tried}\n  Came back: {got}\n  {wanted}"


def _same(got, wanted, tried, dtype, which=""):
    if not _agree(_plain(got), _plain(wanted)):
        raise Differs(_lines(tried, which + _words(got), "A right answer gives: " + _words(wanted)))
    if dtype and isinstance(wanted, torch.Tensor) and getattr(got, "dtype", None) != wanted.dtype:
        raise Differs(_lines(tried, _words(got), f"its type should be {wanted.dtype}"))


def _plain(value):
    """Numbers as arrays, sequences as lists; other things as they are."""
    if isinstance(value, torch.Tensor):
        return value.detach().double().numpy() if value.dtype != torch.bool or value.ndim else bool(value)
    if isinstance(value, (np.bool_, bool)):
        return bool(value)
    if isinstance(value, (int, float, np.generic, np.ndarray)):
        return np.asarray(value, dtype=np.float64)
    if isinstance(value, (list, tuple)):
        parts = [_plain(part) for part in value]
        if any(isinstance(part, (list, tuple)) for part in value):
            return sorted(parts, key=str)  # rows in any order
        return parts
    return value


def _agree(a, b):
    if isinstance(a, np.ndarray) and isinstance(b, list) or isinstance(b, np.ndarray) and isinstance(a, list):
        a, b = (list(v) if isinstance(v, np.ndarray) and v.ndim else v for v in (a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return set(a) == set(b) and all(_agree(_plain(a[key]), _plain(b[key])) for key in b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_agree(_plain(x), _plain(y)) for x, y in zip(a, b))
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and bool(np.allclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE))
    return type(a) is type(b) and a == b


def _words(value):
    if isinstance(value, (torch.Tensor, np.ndarray)):
        shape = "×".join(map(str, value.shape)) or "one number"
        few = "" if np.prod(value.shape) > 12 else " " + str(np.asarray(value).round(3).tolist())
        return f"{shape} {str(value.dtype).removeprefix('torch.')}{few}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)) and len(value) <= 8:
        return "(" + ", ".join(map(_words, value)) + ")"
    if isinstance(value, dict) and len(value) > 4:
        return f"{len(value)} entries"
    if value is None or isinstance(value, (str, int, dict)):
        return repr(value)[:200]
    return type(value).__name__
