"""What exercises of this course share: kind readings of a result, and training loops worked out by hand.

A task's text says "a whole number"; whether that comes as an int, as 5.0 or as a tensor of
one number is nobody's mistake. `lenient(exercise, reading)` gives an exercise that reads
results so before they are judged.
"""

import copy
import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from lenet_helpers.checks import Exercise, Trial, agree
from lenet_helpers.wording import N_, _

from .grading.candidate import Batches

__all__ = [
    "Batches",
    "Exercise",
    "N_",
    "Trial",
    "_",
    "agree",
    "beside",
    "draw",
    "flat",
    "judge",
    "lenient",
    "loop",
    "numbers",
    "one_of",
    "parts",
    "tensor",
    "truth",
    "vectors",
    "whole",
    "wholes",
]


def beside(file, name):
    """The module `name` in the folder of `file`: exercises are no package."""
    path = Path(file).parent / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"{path.parent.parent.name}_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lenient(exercise, reading):
    """The exercise, but results go through `reading` first."""
    made = dataclasses.replace(exercise)
    made.result = reading
    return made


def _single(value):
    """A number out of a tensor or array of one number; other values as they are."""
    if isinstance(value, (torch.Tensor, np.ndarray)) and np.prod(value.shape) == 1:
        return value.reshape(()).item()
    return value.item() if isinstance(value, np.generic) else value


def whole(value):
    """A whole number in any form as int; anything else as it is."""
    single = _single(value)
    if type(single) is float and single.is_integer():
        return int(single)
    return single if type(single) is int else value


def truth(value):
    """True or False in any form as bool; anything else, 0 and 1 included, as it is."""
    single = _single(value)
    return single if type(single) is bool else value


def _parts(value, reading):
    if isinstance(value, (torch.Tensor, np.ndarray)) and value.ndim == 1 and len(value) <= 20:
        value = list(value)
    return tuple(reading(part) for part in value) if isinstance(value, (list, tuple)) else value


def wholes(value):
    """Several whole numbers, in a tuple, a list or a tensor, as a tuple of int."""
    return _parts(value, whole)


def numbers(value):
    """Several numbers, in a tuple, a list or a tensor, as a tuple of float."""
    return _parts(value, lambda part: float(_single(part)) if type(_single(part)) in (int, float) else part)


def flat(model):
    """All parameters and buffers of a network in one float64 array."""
    return np.concatenate(
        [part.detach().double().numpy().reshape(-1) for part in model.state_dict().values()]
    )


def loop(
    model,
    train,
    validation,
    epochs,
    rate,
    *,
    every=1,
    clip=None,
    clear=True,
    early=False,
    reduction="mean",
    soft=False,
    drop_last=False,
    train_mode="always",
    eval_mode=True,
    leftover=True,
    shared="mean",
    clip_each=False,
    clip_late=False,
    rounding="images",
):
    """Plain SGD by hand on a copy of `model`: (the copy, its validation accuracies).

    every: batches whose mean gradient makes one step. clip: the largest norm of a step's
    gradient. Everything after `*` but these two is a known mistake when it is not the
    default.
    """
    model = copy.deepcopy(model)
    weights, accuracies = list(model.parameters()), []
    nothing = [torch.zeros_like(w) for w in weights]
    held = before = kept = nothing
    pairs = train.pairs[:-1] if drop_last else train.pairs
    if leftover == "skipped":
        pairs = pairs[: len(pairs) // every * every]
    for epoch in range(epochs):
        if train_mode == "always" or train_mode == "first" and epoch == 0:
            model.train()
        waiting = 0
        for number, (images, labels) in enumerate(pairs, 1):
            logits = model(images)
            loss = F.cross_entropy(logits.softmax(1) if soft else logits, labels, reduction=reduction)
            grads = torch.autograd.grad(loss, weights)
            grads = _clipped(grads, clip) if clip_each else grads
            held = [h + g for h, g in zip(held, grads)]
            waiting += 1
            if waiting == every or number == len(pairs) and leftover:
                share = {"mean": waiting, "sum": 1, "every": every}[shared]
                step = [k + h / share for k, h in zip(kept, held)]
                step = _clipped(step, clip) if clip and not clip_each and not clip_late else step
                used, before = (before, step) if early else (step, step)
                with torch.no_grad():
                    for weight, grad in zip(weights, used):
                        weight -= rate * grad
                held, kept, waiting = nothing, nothing if clear else step, 0
        if eval_mode:
            model.eval()
        with torch.no_grad():
            hits = [(model(images).argmax(1) == labels).double() for images, labels in validation.pairs]
        accuracies.append(
            float(np.mean([h.mean() for h in hits]))
            if rounding == "batches"
            else float(torch.cat(hits).mean())
        )
    return model, accuracies


def _clipped(grads, most):
    norm = float(torch.sqrt(sum((g**2).sum() for g in grads)))
    return [g * min(1.0, most / norm) if norm else g for g in grads]


def judge(trial, right, mistakes=(), look="", key="values", tolerance=1e-6):
    """Fail `trial` unless its result agrees with `right`; `mistakes`: (key, result, where to look)."""
    got, right = trial.array(), np.asarray(right, dtype=np.float64)
    if agree(got, right, tolerance):
        return
    for name, wrong, advice in mistakes:
        wrong = np.array(wrong, dtype=np.float64)
        if not agree(wrong, right, tolerance) and agree(got, wrong, tolerance):
            trial.fail(name, look=advice)
    trial.fail(key, look=look)


def parts(trial, n, look):
    """The result as `n` parts; Failed if it is no tuple or list of that many."""
    if trial.result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    if type(trial.result) not in (tuple, list) or len(trial.result) != n:
        trial.fail("parts", look=look)
    return trial.result


def one_of(trial, got, right, mistakes=(), look="", key="values"):
    """Fail `trial` unless `got == right`, both plain; known mistakes as in `judge`."""
    if type(got) is type(right) and got == right:
        return
    for name, wrong, advice in mistakes:
        if wrong != right and type(got) is type(wrong) and got == wrong:
            trial.fail(name, look=advice)
    trial.fail(key, look=look)


def vectors(value):
    """Several rows of numbers, each a tensor, an array or a list, as a tuple of arrays."""
    return _parts(
        value, lambda part: np.array(part, dtype=np.float64) if type(part) in (list, tuple) else part
    )


def tensor(rng, *shape, dtype=torch.float64):
    """Random normal numbers."""
    return torch.from_numpy(rng.normal(size=shape)).to(dtype)


def draw(rng, low, high, n=1, *, distinct=False):
    """`n` whole numbers from `low` to `high`, both included; one number for n=1."""
    found = [
        int(x)
        for x in (
            rng.choice(np.arange(low, high + 1), n, replace=False)
            if distinct
            else rng.integers(low, high + 1, n)
        )
    ]
    return found[0] if n == 1 else found
