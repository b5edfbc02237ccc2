"""An answer as the examiner meets it: something to call, whose process lies elsewhere.

`Answer` looks like the function or class that a student wrote. Arguments go over by
value, results come back by value, and arguments that the call changed are changed here
as well, so that a property of an exercise can judge it as if it stood in this process.
"""

import types
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lenet_helpers.checks.stopwatch import OutOfTime

from . import frames, wire

_KINDS = {
    kind.__name__: kind
    for kind in (
        ArithmeticError,
        AssertionError,
        AttributeError,
        ImportError,
        IndexError,
        KeyError,
        LookupError,
        MemoryError,
        NameError,
        NotImplementedError,
        OSError,
        OverflowError,
        RecursionError,
        RuntimeError,
        StopIteration,
        TypeError,
        ValueError,
        ZeroDivisionError,
    )
}
_LAYERS = {
    "Linear": lambda m: dict(in_features=m.in_features, out_features=m.out_features, bias=m.bias is not None),
    "Conv2d": lambda m: dict(
        in_channels=m.in_channels,
        out_channels=m.out_channels,
        kernel_size=list(m.kernel_size),
        stride=list(m.stride),
        padding=list(m.padding),
        bias=m.bias is not None,
    ),
    "BatchNorm1d": lambda m: dict(num_features=m.num_features, momentum=m.momentum),
    "BatchNorm2d": lambda m: dict(num_features=m.num_features, momentum=m.momentum),
    "Flatten": lambda m: {},
    "ReLU": lambda m: {},
    "Tanh": lambda m: {},
    "MaxPool2d": lambda m: dict(kernel_size=m.kernel_size),
}


class Batches:
    """(images, labels) pairs that can be looped over again and again; each time they are fresh copies."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __iter__(self):
        return iter([(images.clone(), labels.clone()) for images, labels in self.pairs])

    def __len__(self):
        return len(self.pairs)


class Missing(Exception):
    """There is no answer of that name, or it could not be looked at."""


class Session:
    """A copy of the notebook's process that answers the calls of one property."""

    def __init__(self, worker, seconds):
        self._worker, self._callbacks, self.printed = worker, [], ""
        self.results = []  # of every call with arguments, for `constant`
        reply = worker.ask("open", seconds=seconds)
        if reply.get("why"):
            raise Missing(reply["why"])

    def close(self):
        """End the copy."""
        self._worker.ask("close")

    def look(self, what):
        """The answer called `what`: an `Answer` to call, or its value."""
        reply = self._ask({"op": "look", "what": what})
        if "error" in reply:
            raise Missing(f"{_first(reply['error'])}: {_text(reply['error'].get('message'))[:200]}")
        if "callable" in reply:
            return Answer(self, what, _text(reply["callable"]))
        return self._in(reply.get("value"))

    def call(self, what, args, kwargs=None, fill=None):
        """Call an answer, or the network kept under number `what`; its result."""
        models = []
        message = {
            "op": "call",
            "what": what,
            "args": [self._out(value, models) for value in args],
            "kwargs": {name: self._out(value, models) for name, value in (kwargs or {}).items()},
            "back": [isinstance(v, (torch.Tensor, np.ndarray, list, dict, nn.Module)) for v in args],
            "no_grad": not torch.is_grad_enabled(),
        }
        if fill is not None:
            message |= {"fill": wire.encode(fill[0]), "training": fill[1]}
        reply = self._ask(message)
        if "error" in reply:
            raise _error(reply["error"])
        for value, parts in zip(args, reply.get("after") or []):
            if parts is not None:
                _absorb(value, self._in(parts))
        result = self._in(reply.get("value"))
        if args:
            self.results.append(result)
        return result

    def _ask(self, message):
        body = frames.pack(message)
        while True:
            answer = self._worker.ask("call", body=body)
            if answer.get("why"):
                if answer.get("timeout"):
                    raise OutOfTime
                raise RuntimeError(answer["why"])
            try:
                reply = frames.unpack(answer["body"])
            except frames.Refused as error:
                raise RuntimeError(f"what came back could not be read: {error}") from None
            if type(reply) is not dict:
                raise RuntimeError("what came back could not be read")
            if "ask" not in reply:
                self.printed = _text(reply.get("printed"))
                return reply
            body = frames.pack(self._called_back(reply))

    def _called_back(self, reply):
        try:
            function = self._callbacks[int(reply["ask"])]
            if reply.get("method"):
                function = function.public[reply["method"]]
            args = [self._in(part) for part in reply["args"]]
            kwargs = {_text(name): self._in(part) for name, part in reply["kwargs"].items()}
        except Exception as error:  # a broken call of the student's process
            return {"error": ["RuntimeError", f"this call could not be read ({type(error).__name__})"]}
        try:
            return {"value": wire.encode(function(*args, **kwargs))}
        except Exception as error:
            return {"error": [type(error).__name__, str(error)[:500]]}

    # Values -----------------------------------------------------------------------------

    def _out(self, value, models):
        return wire.encode(value, lambda part, inner: self._describe(part, inner, models))

    def _describe(self, value, inner, models):
        if isinstance(value, Network):
            return ["h", value.number]
        if isinstance(value, nn.Module):
            models.append(value)
            state = inner({k: v.detach() for k, v in value.state_dict().items()})
            if type(value).__name__ in ("LeNet", "LeNetVariant"):
                config = getattr(value, "config", None)
                config = (
                    None
                    if config is None
                    else {k: list(v) if isinstance(v, tuple) else v for k, v in vars(config).items()}
                )
                return ["m", "lenet", config, state, value.training]
            return ["m", "layers", _layers(value), state, value.training]
        if isinstance(value, torch.optim.Optimizer):
            first = value.param_groups[0]["params"][0]
            index = next(i for i, m in enumerate(models) if any(p is first for p in m.parameters()))
            options = {
                k: v for k, v in value.defaults.items() if k in ("lr", "momentum", "weight_decay", "betas")
            }
            return ["O", type(value).__name__, inner(options), index]
        if isinstance(value, Batches):
            return ["B", inner([list(pair) for pair in value.pairs])]
        if isinstance(value, Path):
            return ["p", value.name, value.read_bytes()]
        if hasattr(value, "class_names") and hasattr(value, "train"):
            parts = [
                [s.images, s.labels] if s is not None else None
                for s in (value.train, value.validation, value.test)
            ]
            return [
                "D",
                value.name,
                inner(parts),
                inner(list(value.class_names)),
                value.source,
                value.mean,
                value.std,
            ]
        if callable(value):
            self._callbacks.append(value)
            return [
                "k",
                len(self._callbacks) - 1,
                getattr(value, "__name__", "run"),
                list(getattr(value, "public", {})),
            ]
        raise TypeError(f"an exercise can't pass a {type(value).__name__} to an answer")

    def _in(self, parts):
        return wire.decode(parts, self._made)

    def _made(self, tag, items, inner):
        if tag == "h":
            number, kind, values, trained, buffers, training = items
            values = inner(values)
            if type(values) is not dict or any(type(v) is not torch.Tensor for v in values.values()):
                raise frames.Refused("a network that is none")
            return Network(
                self, int(number), _text(kind), values, inner(trained), inner(buffers), bool(training)
            )
        if tag == "o":
            kind, fields = items
            opaque = type(_name(kind), (wire.Opaque,), {})()
            for name, value in inner(fields).items():
                setattr(opaque, str(name), value)
            return opaque
        raise frames.Refused("a part of an unknown kind")


class Answer:
    """What a student wrote and can be called. `result`, if set, is applied to what comes back."""

    def __init__(self, session, what, name):
        self._session, self._what, self.__name__ = session, what, name
        self.result = None

    def __call__(self, *args, **kwargs):
        value = self._session.call(self._what, args, kwargs)
        return self.result(value) if self.result else value


class Network(nn.Module):
    """A network that an answer made: its parameters are here, its forward pass is over there."""

    def __init__(self, session, number, kind, values, trained, buffers, training):
        super().__init__()
        self._session, self.number, self.kind = session, number, kind
        for name, value in values.items():
            *path, last = name.split(".")
            owner = self
            for part in path:
                if part not in owner._modules:
                    owner._modules[part] = nn.Module()
                owner = owner._modules[part]
            if name in buffers:
                owner._buffers[last] = value
            else:
                learned = name in trained and value.is_floating_point()
                owner._parameters[last] = nn.Parameter(value, requires_grad=learned)
        self.train(training)

    def forward(self, *args, **kwargs):
        values = {name: p.detach() for name, p in [*self.named_parameters(), *self.named_buffers()]}
        return self._session.call(self.number, args, kwargs, fill=(values, self.training))


def _layers(model):
    name = type(model).__name__
    if name == "Sequential":
        return [name, [[key, _layers(part)] for key, part in model.named_children()]]
    return [name, _LAYERS[name](model)]


def _absorb(local, remote):
    """Change `local` as the call over there changed its copy."""
    try:
        if isinstance(local, nn.Module):
            values = {name: p.detach() for name, p in [*remote.named_parameters(), *remote.named_buffers()]}
            local.load_state_dict({name: values.get(name, part) for name, part in local.state_dict().items()})
            local.train(remote.training)
        elif isinstance(local, torch.Tensor):
            local.data = remote
        elif isinstance(local, np.ndarray):
            local[...] = remote
        elif type(local) is list and type(remote) is list:
            local[:] = remote
        elif type(local) is dict and type(remote) is dict:
            local.clear()
            local.update(remote)
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise RuntimeError(f"an argument came back in another form ({type(error).__name__})") from None


def _error(about):
    """The exception that an answer raised, as one of Python's own kinds, with its line and function."""
    kinds = about.get("kinds") if type(about) is dict else None
    kinds = [kind for kind in kinds if type(kind) is str] if type(kinds) is list else []
    base = next((_KINDS[kind] for kind in kinds if kind in _KINDS), RuntimeError)
    if base is NotImplementedError and about.get("stub") is not True:
        base = RuntimeError  # torch says so of an operation that it lacks
    name = _name(kinds[0]) if kinds else "Error"
    error = (
        base(_text(about.get("message"))[:300])
        if name == base.__name__
        else type(name, (base,), {})(_text(about.get("message"))[:300])
    )
    line = about.get("line") if type(about.get("line")) is int and 0 < about["line"] < 100_000 else 1
    function = _text(about.get("function"))[:60] or "answer"
    code = compile("def raiser(error): raise error", "the answer", "exec").co_consts[0]
    code = code.replace(co_name=function, co_qualname=function, co_firstlineno=line)
    try:
        types.FunctionType(code, {})(error)
    except BaseException as raised:
        return raised.with_traceback(raised.__traceback__.tb_next)


def _first(about):
    kinds = about.get("kinds") if type(about) is dict else None
    return _name(kinds[0]) if kinds and type(kinds) is list and type(kinds[0]) is str else "Error"


def _name(text):
    return text if type(text) is str and text.isidentifier() and len(text) < 60 else "Object"


def _text(value):
    if type(value) is not str:
        return ""
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for c in value.encode("utf-8", "backslashreplace").decode()
    )


# Answers that are the same whatever goes in --------------------------------------------


def constant(results):
    """Whether every one of these results is one and the same number or word, in any shape."""
    seen = {_mark(value) for value in results}
    return len(results) >= 3 and len(seen) == 1 and "varied" not in str(seen)


def _mark(value):
    if isinstance(value, torch.Tensor):
        value = value.to(torch.float64).numpy() if not value.is_complex() else np.array("varied")
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "fiub":
        found = np.unique(np.asarray(value, dtype=np.float64))
        return "varied" if len(found) > 1 else _one(found.tolist())
    if isinstance(value, (list, tuple)):
        return _one(_mark(v) for v in value[:1000])
    if isinstance(value, (bool, int, float)):
        return repr(float(value)) if abs(value) < 1e300 else "big"
    return repr(value)[:200] if value is None or isinstance(value, str) else "varied"


def _one(values):
    values = sorted({str(v) for v in values})
    return (
        values[0]
        if len(values) == 1
        else "(" + ",".join(values) + ")"
        if values and len(values) < 5
        else "varied"
        if values
        else "empty"
    )
