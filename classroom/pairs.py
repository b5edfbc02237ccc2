"""Stored pairs for the students' own check: what a right answer gives on inputs from public seeds.

`record` runs every property of a task on the solution and writes down each call: the
arguments, what came back, what was changed. No line of a solution is in there.
"""

import base64
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lenet_helpers.wording import _

from .grading import build, tasks, wire
from .grading.candidate import Session

PUBLIC_SEEDS = (101, 202)
HERE = Path(__file__).resolve().parent


class NotRecordable(BaseException):  # no Exception: a trial would take it for the answer's own
    """A task whose answer chooses what it asks for has no pairs."""


class _Recorder(Session):
    """Stands where the student's process would be; the solution answers here."""

    def __init__(self, solution, dtype):
        self.calls, self._solution, self._dtype = [], solution, dtype
        self._callbacks = []

    def __call__(self, *args):
        models = []
        call = {"args": [self._out(value, models) for value in args], "dtype": self._dtype}
        if self._callbacks:
            raise NotRecordable
        self.calls.append(call)
        try:
            result = self._solution(*args)
        except ValueError as error:
            call["error"] = type(error).__name__
            raise
        if isinstance(result, nn.Module):
            call["forwards"] = []
            return _Net(result, call["forwards"])
        call["result"] = wire.encode(result)
        call["after"] = [self._after(value) for value in args]
        return result

    def _after(self, value):
        if isinstance(value, nn.Module):
            return wire.encode(build.tensors(value))
        return wire.encode(value) if isinstance(value, (torch.Tensor, np.ndarray, list, dict)) else None


class _Net(nn.Module):
    """A network whose forward passes are written down."""

    def __init__(self, inner, forwards):
        super().__init__()
        self.inner, self._forwards = inner, forwards

    def forward(self, x):
        y = self.inner(x)
        weights = [wire.encode(p.detach().clone()) for p in self.parameters()]
        self._forwards.append(
            {"weights": weights, "training": self.training, "input": wire.encode(x), "output": wire.encode(y)}
        )
        return y


def record(exercise):
    """{property: {"label", "calls"}} of one exercise; calls None where there are no pairs."""
    found = {}
    for each in exercise.properties:
        recorder = _Recorder(exercise.solution, each.name == "dtype")
        reading = getattr(exercise, "result", None)

        def candidate(*args, recorder=recorder, reading=reading):
            result = recorder(*args)
            return reading(result) if reading else result

        try:
            for seed in PUBLIC_SEEDS:
                exercise.run(candidate, seed=seed, only=each.name, strict=True)
        except NotRecordable:
            recorder.calls = None
        found[each.name] = {"label": _(each.label), "calls": recorder.calls}
    return found


def write(exercises, folder):
    """The self-check for a list of exercises, as the package `selfcheck` in `folder`."""
    package = Path(folder) / "selfcheck"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(HERE / "selfcheck", package, ignore=shutil.ignore_patterns("__pycache__"))
    for module in ("wire", "build", "frames"):
        shutil.copy(Path(build.__file__).with_name(f"{module}.py"), package)
    pairs = {exercise.name: record(exercise) for exercise in exercises}

    def plain(value):
        return {"$": base64.b64encode(value).decode()}

    (package / "pairs.json").write_text(json.dumps(pairs, default=plain), encoding="utf-8")


def write_for(course, assignment, folder):
    """The self-check of one assignment beside its released notebook in `folder`, where it has exercises."""
    from .grading.marks import exercises_of

    exercises = list(tasks.load(exercises_of(course.root), assignment).values())
    if (HERE / "exercises").resolve() == exercises_of(course.root).resolve() and exercises:
        write(exercises, folder)
