"""Notice when student code replaces a function that the tests rely on, and put it back.

A snapshot of the trusted modules is taken before any student code runs. It protects
against `torch.allclose = lambda *a: True` and its like. It is no wall: code that shares
a process with the tests can always reach them (see TEACHING.md, "What the sandbox
promises"); what is found here is listed for a human.
"""

import sys
import types

_ROOTS = (
    "builtins",
    "math",
    "random",
    "operator",
    "inspect",
    "signal",
    "torch",
    "torch.nn",
    "torch.nn.functional",
    "torch.nn.modules.module",
    "torch.nn.modules.conv",
    "torch.nn.modules.linear",
    "torch.nn.modules.pooling",
    "torch.nn.modules.loss",
    "torch.optim",
    "torch.optim.optimizer",
    "torch.optim.sgd",
    "torch.testing",
    "torch.autograd",
    "torch.random",
    "torch._tensor",
    "numpy",
    "numpy.random",
    "lenet_helpers",
)
_CODE = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type)


class Guard:
    """A snapshot of the functions and classes of the trusted modules."""

    def __init__(self):
        modules = [
            m
            for name, m in sorted(sys.modules.items())
            if name in _ROOTS or name.startswith("lenet_helpers.")
        ]
        self._owners = [(m.__name__, m, _callables(m)) for m in modules if isinstance(m, types.ModuleType)]
        seen = set()
        for name, module, members in list(self._owners):
            for key, value in members.items():
                # A class has methods that could be replaced too, Tensor.__eq__ for one.
                if isinstance(value, type) and value.__module__ != "builtins" and id(value) not in seen:
                    seen.add(id(value))
                    self._owners.append((f"{name}.{key}", value, _callables(value)))
        self._code = [
            (f"{name}.{key}", value, value.__code__, value.__defaults__, value.__kwdefaults__)
            for name, _owner, members in self._owners
            if name.startswith("lenet_helpers")
            for key, value in members.items()
            if isinstance(value, types.FunctionType)
        ]

    def restore(self):
        """Put back what was replaced; returns the names of what had been, sorted."""
        found = set()
        for name, owner, members in self._owners:
            now = vars(owner)
            for key, value in members.items():
                if now.get(key) is not value:
                    found.add(f"{name}.{key}")
                    _put_back(owner, key, value)
            if isinstance(owner, type):
                found |= _remove_new(name, owner, members)
        for name, function, code, defaults, kwdefaults in self._code:
            if (function.__code__, function.__defaults__, function.__kwdefaults__) != (
                code,
                defaults,
                kwdefaults,
            ):
                found.add(name)
                function.__code__, function.__defaults__, function.__kwdefaults__ = code, defaults, kwdefaults
        return sorted(found)


def _callables(owner):
    kinds = (
        _CODE
        if isinstance(owner, types.ModuleType)
        else (
            *_CODE,
            types.MethodDescriptorType,
            types.WrapperDescriptorType,
            property,
            classmethod,
            staticmethod,
        )
    )
    return {key: value for key, value in vars(owner).items() if isinstance(value, kinds)}


def _put_back(owner, key, value):
    try:
        setattr(owner, key, value)
    except (AttributeError, TypeError):  # a built-in class: it could not have been changed either
        pass


def _remove_new(name, owner, members):
    """A method that was added to a class hides the inherited one: remove it."""
    added = [key for key in _callables(owner) if key not in members]
    for key in added:
        try:
            delattr(owner, key)
        except (AttributeError, TypeError):
            pass
    return {f"{name}.{key}" for key in added}
