"""Inside the sandbox: make what the examiner describes, and describe what an answer gives back.

Models, optimizers, batches, data sets, files and callables arrive as plain descriptions
and first weights. A network that an answer returns stays here under a number; what
crosses is its class, its parameters' names and values.
"""

import itertools
import os
import tempfile
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

from . import frames


class Batches:
    """(images, labels) pairs that can be looped over again and again; each time they are fresh copies."""

    def __init__(self, pairs):
        self._pairs = pairs

    def __iter__(self):
        return iter([(images.clone(), labels.clone()) for images, labels in self._pairs])

    def __len__(self):
        return len(self._pairs)


class Builder:
    """Objects made for one call, and the networks that answers returned, by number."""

    def __init__(self, ask=None):
        self.ask = ask  # sends a callback's arguments and returns what it gives
        self.kept, self._numbers, self._made = {}, itertools.count(), []

    def make(self, tag, items, inner):
        """What the examiner described, for `wire.decode`."""
        if tag == "h":
            return self.kept[items[0]]
        made = getattr(self, f"_make_{tag}")(*items, inner)
        if tag == "m":
            self._made.append(made)
        return made

    def _make_m(self, kind, about, state, training, inner):
        model = layers(about) if kind == "layers" else _lenet(about)
        model.load_state_dict(inner(state), assign=True)
        for parameter in model.parameters():
            parameter.requires_grad_(True)
        return model.train(training)

    def _make_O(self, name, options, model, inner):
        return getattr(torch.optim, name)(self._made[model].parameters(), **dict(inner(options)))

    def _make_B(self, pairs, inner):
        return Batches(inner(pairs))

    def _make_D(self, name, parts, class_names, source, mean, std, inner):
        from lenet_helpers import Dataset, Split

        train, validation, test = (Split(*pair) if pair else None for pair in inner(parts))
        return Dataset(name, train, validation, test, tuple(inner(class_names)), source, mean, std)

    def _make_p(self, name, content, inner):
        path = Path(tempfile.mkdtemp()) / os.path.basename(name)
        path.write_bytes(content)
        return path

    def _make_k(self, number, name, methods, inner):
        return _Callback(self.ask, number, name, methods)

    def describe(self, value, inner):
        """What an answer gave back and is no plain data, for `wire.encode`."""
        if isinstance(value, nn.Module):
            number = next((n for n, kept in self.kept.items() if kept is value), None)
            if number is None:
                number = next(self._numbers)
                self.kept[number] = value
            return [
                "h",
                number,
                type(value).__name__,
                inner(tensors(value)),
                *map(inner, names(value)),
                value.training,
            ]
        fields = getattr(value, "__dict__", None)
        if not isinstance(fields, dict) or isinstance(value, type) or callable(value):
            return ["o", type(value).__name__, ["d"]]
        plain = {}
        for key, part in list(fields.items())[:50]:
            try:
                inner(part)
                plain[str(key)] = part
            except frames.Refused:
                continue
        return ["o", type(value).__name__, inner(plain)]


def tensors(model):
    """Parameters and buffers by name."""
    return {name: part.detach() for name, part in [*model.named_parameters(), *model.named_buffers()]}


def names(model):
    """Names of the parameters that gradients reach, and of the buffers."""
    return [n for n, p in model.named_parameters() if p.requires_grad], [
        n for n, _part in model.named_buffers()
    ]


def fill(model, values, training):
    """Put the examiner's values into a network's parameters and buffers."""
    with torch.no_grad():
        for name, part in [*model.named_parameters(), *model.named_buffers()]:
            if name in values:
                part.copy_(values[name])
    model.train(training)


def layers(about):
    """A network from its description: [class name, options] or ["Sequential", [[name, description], ...]]."""
    name, options = about
    if name == "Sequential":
        return nn.Sequential(OrderedDict((key, layers(part)) for key, part in options))
    return getattr(nn, name)(**options)


def _lenet(config):
    from lenet_helpers import LeNet, LeNetConfig, LeNetVariant

    if config is None:
        return LeNet()
    return LeNetVariant(LeNetConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}))


class _Callback:
    """A callable that the examiner keeps; calls go there and back."""

    def __init__(self, ask, number, name, methods):
        self._ask, self._number, self.__name__ = ask, number, name
        for method in methods:
            setattr(self, method, _Method(ask, number, method))

    def __call__(self, *args, **kwargs):
        return self._ask(self._number, "", args, kwargs)


class _Method:
    def __init__(self, ask, number, method):
        self._ask, self._number, self.__name__ = ask, number, method

    def __call__(self, *args, **kwargs):
        return self._ask(self._number, self.__name__, args, kwargs)
