"""Chapter 3: complete the training loop. Judged by what it does to the weights, not by how it is written."""

import copy

import numpy as np
import torch
import torch.nn.functional as F

from ..wording import N_, _
from .core import Exercise, Failed
from .loop_probe import Batches, Log, Probe
from .trial import Trial, agree, plain


def training_loop(model, optimizer, train_batches, validation_batches, epochs):
    accuracies = []
    for epoch in range(epochs):
        model.train()
        for images, labels in train_batches:
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        correct = seen = 0
        with torch.no_grad():
            for images, labels in validation_batches:
                correct += (model(images).argmax(1) == labels).sum().item()
                seen += len(labels)
        accuracies.append(correct / seen)
    return accuracies


TRAINING_LOOP = Exercise(
    "training_loop",
    solution=training_loop,
    hints=(
        N_(
            "One step has five lines: predict, measure the loss, clear old gradients, compute new ones, move"
            " the weights. In which order must they stand?"
        ),
        N_(
            "Before the training batches of every epoch: model.train(). Before the validation batches:"
            " model.eval()."
        ),
        N_(
            "Count the right answers and the images, and divide once at the end: the last batch may be"
            " smaller."
        ),
    ),
    time_limit=30.0,
)


def _pairs(rng, sizes):
    return [
        (torch.from_numpy(rng.normal(size=(n, 6))), torch.from_numpy(rng.integers(0, 4, n))) for n in sizes
    ]


def _setting(rng, train_sizes=(5, 5, 3), validation_sizes=(6, 2)):
    log = Log()
    splits = {"train": _pairs(rng, train_sizes), "validation": _pairs(rng, validation_sizes)}
    model = Probe(rng, log, splits)
    model.eval()  # as an evaluation before the loop would have left it
    return model, {name: Batches(name, pairs, log) for name, pairs in splits.items()}, log


def _go(candidate, model, batches, epochs, rate=0.3):
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    tried = _("{epochs} epochs of {n} training batches, SGD with learning rate {rate:g}").format(
        epochs=epochs, n=len(batches["train"]), rate=rate
    )
    arguments = (model, optimizer, batches["train"], batches["validation"], epochs)
    return Trial(_name_a_cut(candidate, tried) if callable(candidate) else candidate, *arguments, tried=tried)


def _name_a_cut(candidate, tried):
    """`candidate`, but torch's complaint about a loss without a graph becomes a message of ours."""

    def run(*arguments):
        try:
            return candidate(*arguments)
        except (AttributeError, RuntimeError) as error:
            if "modified by an inplace operation" in str(error):
                raise Failed(
                    "step-before-backward",
                    tried=tried,
                    got=_("the weights had moved before backward() could use them"),
                    look=_("the order: step() uses the gradients that backward() has left"),
                ) from None
            if "'backward'" not in str(error) and "does not require grad" not in str(error):
                raise
            raise Failed(
                "graph-cut",
                tried=tried,
                got=_("backward() could not reach the weights"),
                look=_(
                    "the loss that backward() is called on: .item(), .detach() or no_grad() cut it off from"
                    " the weights"
                ),
            ) from None

    return run


def _reference(
    model, pairs, epochs, rate=0.3, order="clear-back-step", reduction="mean", soft=False, last=True
):
    """Weights, flat, after plain SGD by hand on a copy of `model`; the options are known mistakes."""
    model = copy.deepcopy(model)
    weights = list(model.parameters())
    grads = [torch.zeros_like(w) for w in weights]
    for _epoch in range(epochs):
        for images, labels in pairs if last else pairs[:-1]:
            logits = model(images)
            loss = F.cross_entropy(logits.softmax(1) if soft else logits, labels, reduction=reduction)
            new = torch.autograd.grad(loss, weights)
            if order == "step-back":  # step first, with the gradients of the batch before
                _move(weights, grads, rate)
                grads = list(new)
            elif order == "never-cleared":
                grads = [g + n for g, n in zip(grads, new)]
                _move(weights, grads, rate)
            else:
                _move(weights, new, rate)
    return _flat(model)


def _move(weights, grads, rate):
    with torch.no_grad():
        for weight, grad in zip(weights, grads):
            weight -= rate * grad


def _flat(model):
    return np.concatenate([weight.detach().numpy().reshape(-1) for weight in model.parameters()])


@TRAINING_LOOP.property(
    "sgd-steps", N_("after each epoch the weights are exactly those of plain SGD, one step a batch")
)
def sgd_steps(candidate, rng):
    model, batches, _log = _setting(rng)
    pairs, before, start = batches["train"].pairs, _flat(model), copy.deepcopy(model)
    trial = _go(candidate, model, batches, 1)
    got = _flat(model)
    if agree(got, _reference(start, pairs, 1), 1e-9):
        return
    if agree(got, before, 0.0):
        trial.fail(
            "nothing-moved",
            look=_(
                "zero_grad() between backward() and step() throws the new gradients away; "
                "or is step() missing, or does it move other weights?"
            ),
        )
    mistakes = [
        (
            "no-zero-grad",
            dict(order="never-cleared"),
            _("zero_grad(): without it every batch adds to the gradients of those before"),
        ),
        (
            "step-before-backward",
            dict(order="step-back"),
            _("the order: step() uses the gradients that backward() has left"),
        ),
        (
            "summed-loss",
            dict(reduction="sum"),
            _("the loss: a sum grows with the batch, and the step with it; take the mean"),
        ),
        ("softmax-twice", dict(soft=True), _("what goes into cross_entropy: it applies the softmax itself")),
        ("last-batch-lost", dict(last=False), _("the last batch: it is smaller, but it is data")),
    ]
    for key, options, look in mistakes:
        if agree(got, _reference(start, pairs, 1, **options), 1e-9):
            trial.fail(key, look=look)
    trial.fail(
        "other-optimizer",
        look=_("one step a batch, with the optimizer that was passed in and the mean cross-entropy?"),
    )


@TRAINING_LOOP.property(
    "every-epoch", N_("every epoch trains, in training mode, on every training batch once")
)
def every_epoch(candidate, rng):
    model, batches, log = _setting(rng)
    trial = _go(candidate, model, batches, 3)
    modes = [training for name, training in log.passes if name == "train"]
    n = len(batches["train"])
    if len(modes) >= n and not any(modes[:n]):
        trial.fail(
            "trains-in-eval-mode",
            got=_("the training batches met a model in evaluation mode"),
            look=_("model.train() before the training batches: dropout and batch normalisation ask for it"),
        )
    if len(modes) > n and not all(modes):
        trial.fail(
            "evaluation-left-on",
            got=_("from the second epoch on the model trained in evaluation mode"),
            look=_("where model.train() stands: inside the loop over epochs?"),
        )
    if log.reads["train"] != 3 or len(modes) != 3 * n:
        trial.fail(
            "reads-training-data",
            got=_("{n} passes of training batches through the model in 3 epochs of {m}").format(
                n=len(modes), m=n
            ),
            look=_("what is looped over: the training batches, once an epoch, and no others"),
        )


@TRAINING_LOOP.property(
    "validation",
    N_("the validation batches are read once an epoch, in evaluation mode, and never trained on"),
)
def validation(candidate, rng):
    model, batches, log = _setting(rng)
    start = copy.deepcopy(model)
    trial = _go(candidate, model, batches, 2)
    modes = [training for name, training in log.passes if name == "validation"]
    if not modes:
        trial.fail(
            "never-validates",
            got=_("no validation image went through the model"),
            look=_("which batches the accuracy is measured on"),
        )
    if any(modes):
        trial.fail(
            "validates-in-training-mode",
            got=_("the validation batches met a model in training mode"),
            look=_("model.eval() before the validation batches"),
        )
    if log.reads["validation"] != 2 or len(modes) != 2 * len(batches["validation"]):
        trial.fail(
            "reads-validation-data",
            got=_("{n} passes of validation batches in 2 epochs of {m}").format(
                n=len(modes), m=len(batches["validation"])
            ),
            look=_("how often the validation batches are looped over: once an epoch"),
        )
    everything = [*batches["train"].pairs, *batches["validation"].pairs]
    if agree(_flat(model), _reference(start, everything, 2), 1e-9):
        trial.fail(
            "trains-on-validation",
            look=_("the loop over the validation batches: nothing there may change the weights"),
        )


@TRAINING_LOOP.property(
    "accuracies", N_("it returns the validation accuracy after each epoch, as fractions of all images")
)
def accuracies(candidate, rng):
    model, batches = _telling_labels(rng)
    start, pairs = copy.deepcopy(model), batches["validation"].pairs
    trial = _go(candidate, model, batches, 1)
    numbers = trial.result if type(trial.result) in (list, tuple) else None
    if trial.result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    if numbers is None or len(numbers) != 1 or plain(numbers[0]) is None or plain(numbers[0]).size != 1:
        trial.fail("not-a-list", look=_("what is returned: a list with one number for each epoch"))
    got = float(plain(numbers[0]).reshape(()))
    hits = _hits(model, pairs)
    wanted = sum(h.sum() for h in hits) / sum(len(h) for h in hits)
    if abs(got - wanted) <= 1e-6:
        return
    before = _hits(start, pairs)
    train_hits = _hits(model, batches["train"].pairs)
    mistakes = [
        ("percent", 100 * wanted, _("the unit: a fraction between 0 and 1")),
        (
            "count",
            float(sum(h.sum() for h in hits)),
            _("right answers or their share? Divide by the number of images"),
        ),
        (
            "mean-of-batches",
            float(np.mean([h.mean() for h in hits])),
            _("the small last batch: it must not weigh as much as a full one"),
        ),
        (
            "training-accuracy",
            sum(h.sum() for h in train_hits) / sum(len(h) for h in train_hits),
            _("which images were counted"),
        ),
        (
            "too-early",
            sum(h.sum() for h in before) / sum(len(h) for h in before),
            _("when it is measured: after the epoch, not before"),
        ),
    ]
    for key, wrong, look in mistakes:
        if abs(got - wrong) <= 1e-6:
            trial.fail(key, look=look)
    trial.fail(
        "accuracy",
        look=_("argmax over the classes, compared with the labels, counted over all validation images"),
    )


def _telling_labels(rng):
    """Model and batches for which the known mistakes give other accuracies than the right answer, 6 of 9."""
    while True:
        model, batches, _log = _setting(rng, validation_sizes=(7, 1, 1))
        trained, pairs = copy.deepcopy(model), batches["validation"].pairs
        torch.nn.utils.vector_to_parameters(
            torch.from_numpy(_reference(model, batches["train"].pairs, 1)), trained.parameters()
        )
        right = iter([1, 1, 1, 1, 1, 0, 0, 0, 1])
        for i, (images, _labels) in enumerate(pairs):
            answers = trained.second(torch.tanh(trained.first(images))).argmax(1)
            pairs[i] = (images, torch.tensor([a if next(right) else (a + 1) % 4 for a in answers.tolist()]))
        if sum(h.sum() for h in _hits(model, pairs)) != 6:
            return model, batches


def _hits(model, pairs):
    # Not through forward: looking must not be noted as something the learner did.
    with torch.no_grad():
        logits = [model.second(torch.tanh(model.first(images))) for images, _labels in pairs]
    return [
        (out.argmax(1) == labels).numpy().astype(np.float64) for out, (_images, labels) in zip(logits, pairs)
    ]


@TRAINING_LOOP.property("overfits", N_("given enough epochs it learns 16 images by heart"))
def overfits(candidate, rng):
    model, batches, log = _setting(rng, train_sizes=(8, 8))
    for pair, (images, _labels) in zip((0, 1), batches["train"].pairs):
        batches["train"].pairs[pair] = (images, images[:, :4].argmax(1))  # something that can be learned
    batches["validation"] = Batches("validation", batches["train"].pairs, log)
    trial = _go(candidate, model, batches, 150, rate=0.5)
    hits = np.concatenate(_hits(model, batches["train"].pairs))
    if not hits.all():
        trial.fail(
            "does-not-learn",
            got=_("{n:.0f} of 16 learned").format(n=hits.sum()),
            look=_("does every batch take a step, in the direction that lowers the loss?"),
        )
