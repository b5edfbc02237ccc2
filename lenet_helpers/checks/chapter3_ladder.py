"""Chapter 3: the rung of the debugging ladder that catches most broken loops.

fit_one_batch(model, optimizer, images, labels, steps)  -> list of `steps` losses [nats/image]
    trains on this one batch again and again, in training mode; loss number i is the mean
    cross-entropy just before step i changes the weights
"""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..wording import N_, _
from .core import Contract, Exercise
from .trial import Trial, agree, plain


def fit_one_batch(model, optimizer, images, labels, steps):
    model.train()
    losses = []
    for _step in range(steps):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


FIT_ONE_BATCH = Exercise(
    "fit_one_batch",
    solution=fit_one_batch,
    hints=(
        N_("It is the training loop without its data: which of its lines need the batch?"),
        N_(
            "Repeat: predict and compare, note the loss, clear, differentiate, step. Note it as a number:"
            " .item()."
        ),
        N_(
            "for _ in range(steps): loss = F.cross_entropy(model(images), labels); zero_grad, backward, step;"
            " losses.append(loss.item())."
        ),
    ),
    contract=Contract(
        N_(
            "model and optimizer, which belong together; images (n, 1, height, width) and labels (n,), one"
            " batch; steps: a whole number. The model comes in either mode."
        ),
        N_(
            "A list, array or tensor of `steps` losses: number i is the mean cross-entropy in nats per image"
            " just before step i. Each step is one of the optimizer on that loss, in training mode."
        ),
        keeps=N_("images and labels: nothing writes into them"),
    ),
)


class _Probe(nn.Module):
    """A small network that notes the mode of every call."""

    def __init__(self, seed):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layer = nn.Linear(12, 10)
        self.modes = []

    def forward(self, x):
        self.modes.append(self.training)
        return self.layer(x.flatten(1))


def _variant(model, images, labels, steps, rate, kind):
    """Losses and final weights of the right loop, or of one with a known fault."""
    model = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), rate)
    losses = []
    for _step in range(steps):
        reduction = "sum" if kind == "summed" else "mean"
        logits = model(images).softmax(1) if kind == "softmax-twice" else model(images)
        loss = F.cross_entropy(logits, labels, reduction=reduction)
        if kind != "no-zero-grad":
            optimizer.zero_grad()
        loss.backward()
        if kind == "no-move":
            optimizer.zero_grad()
        optimizer.step()
        after = F.cross_entropy(model(images), labels)
        losses.append((after if kind == "after-the-step" else loss).item())
    return np.array(losses), plain(model.layer.weight.detach())


FAULTS = (
    ("no-zero-grad", N_("whether old gradients are cleared: backward() adds to those that are there")),
    (
        "no-move",
        N_("why the weights never move: is there a step, and does it find the gradients of this batch?"),
    ),
    ("summed", N_("the loss: a mean per image, not the sum over the batch")),
    ("softmax-twice", N_("what goes into the cross-entropy: raw logits, it does the softmax itself")),
    ("after-the-step", N_("when the loss is noted: before the step changes the weights")),
)


def _trials(candidate, rng):
    """`_tried` on batches and numbers of steps of many sizes, even and odd."""
    for n, steps in ((1, 3), (4, 6), (7, 5), (23, 8), (6, 1)):
        yield _tried(candidate, rng, n + 2 * int(rng.integers(0, 3)), steps)


def _tried(candidate, rng, n, steps):
    """(the trial, the model, steps, a function from a fault to the losses and weights it leads to)."""
    model = _Probe(int(rng.integers(1000)))
    # Laid out in memory in another order than their shape says, as a slice of a data set may be.
    images = torch.from_numpy(rng.normal(size=(4, 3, 1, n))).float().permute(3, 2, 1, 0)
    labels = torch.from_numpy(rng.integers(0, 10, 2 * n))[::2]
    rate = 0.3
    original = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), rate)
    trial = Trial(
        candidate,
        model,
        optimizer,
        images,
        labels,
        steps,
        tried=_("a batch of {n} images, {steps} steps of SGD").format(n=n, steps=steps),
    )
    if trial.result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    return trial, model, steps, lambda kind: _variant(original, images, labels, steps, rate, kind)


def _losses(trial, steps):
    array = trial.array()
    if array.ndim != 1:
        trial.fail("not-a-list", look=_("what is returned: a list with one loss per step"))
    if len(array) != steps:
        text = _("{n} losses for {steps} steps").format(n=len(array), steps=steps)
        trial.fail("wrong-count", got=text, look=_("what is noted: one loss per step, no more and no fewer"))
    return array


@FIT_ONE_BATCH.property("weights", N_("after so many steps the weights are those of SGD on this batch"))
def weights_move(candidate, rng):
    for trial, model, _steps, variant in _trials(candidate, rng):
        _compare_weights(trial, plain(model.layer.weight.detach()), variant)


def _compare_weights(trial, got, variant):
    if agree(got, variant("")[1], 1e-4):
        return
    for key, look in FAULTS:
        if agree(got, variant(key)[1], 1e-4):
            trial.fail(key, got=_("other weights than plain SGD makes"), look=_(look))
    trial.fail(
        "weights",
        got=_("other weights than plain SGD makes"),
        look=_("each of the five lines: predict and compare, clear, differentiate, step"),
    )


@FIT_ONE_BATCH.property("losses", N_("it returns the loss before each step, in nats per image"))
def losses_are_noted(candidate, rng):
    for trial, _model, steps, variant in _trials(candidate, rng):
        _compare_losses(trial, _losses(trial, steps), variant)


def _compare_losses(trial, got, variant):
    right = variant("")[0]
    if agree(got, right, 1e-4):
        return
    for key, look in FAULTS:
        if agree(got, variant(key)[0], 1e-4):
            trial.fail(key, look=_(look))
    trial.fail("losses", look=_("the numbers returned, against the cross-entropy before each step"))


@FIT_ONE_BATCH.property("mode", N_("the network is in training mode all the while"))
def in_training_mode(candidate, rng):
    def in_evaluation_mode_first(model, *others):
        model.eval()
        return candidate(model, *others)

    trial, model, _steps, _variant = _tried(in_evaluation_mode_first, rng, 5, 3)
    if not model.modes or not all(model.modes):
        trial.fail(
            "evaluation-mode",
            got=_("a call of the network in evaluation mode"),
            look=_("the mode: it may come to you in either, and dropout works in training mode only"),
        )
