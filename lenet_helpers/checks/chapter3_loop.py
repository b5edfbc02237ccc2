"""Chapter 3: complete the training loop. Judged by what it does to the weights, not by how it is written."""

import copy

import numpy as np
import torch
import torch.nn.functional as F

from ..wording import N_, _
from .core import Contract, Exercise, Failed
from .loop_probe import Batches, Log, Probe
from .trial import Trial, agree
from .values import sequence


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
    contract=Contract(
        N_(
            "a model and a torch optimizer of its weights; two collections of (images, labels) that can be"
            " looped over again and again, whose batches differ in size; epochs ≥ 1."
        ),
        N_(
            "a list (tuple, array or tensor) with the validation accuracy after each epoch, right answers"
            " over all validation images, from 0 to 1. The model is trained: in each epoch one step of the"
            " optimizer for each training batch, in their order, on the mean cross-entropy of the model's"
            " logits, in training mode; in evaluation mode it then meets every validation image."
        ),
        keeps=N_("the batches; and validation images change no weight"),
        may=N_("anything in torch; validation batches may also be joined into one"),
    ),
    time_limit=30.0,
)

EPOCHS = 3


def _pairs(rng, sizes):
    return [
        (torch.from_numpy(rng.normal(size=(n, 6))), torch.from_numpy(rng.integers(0, 4, n))) for n in sizes
    ]


def _setting(rng, train_sizes=(5, 2, 5, 3), validation_sizes=(6, 2, 1)):
    log = Log()
    splits = {"train": _pairs(rng, train_sizes), "validation": _pairs(rng, validation_sizes)}
    model = Probe(rng, log, splits)
    model.eval()  # as an evaluation before the loop would have left it
    return model, {name: Batches(pairs) for name, pairs in splits.items()}, log


def _go(candidate, model, batches, epochs, rate=0.3, momentum=0.0):
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum)
    tried = _(
        "{epochs} epochs of {n} training batches, SGD with learning rate {rate:g}, momentum {momentum:g}"
    )
    tried = tried.format(epochs=epochs, n=len(batches["train"]), rate=rate, momentum=momentum)
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


def _logits_loss(logits, labels):
    return F.cross_entropy(logits, labels)


def _trained(
    model, pairs, epochs, rate=0.3, momentum=0.0, loss=_logits_loss, clear="batch", early=False, every=1
):
    """A copy of `model` after SGD by hand; the options from `loss` on are known mistakes.

    clear: when old gradients are forgotten, before each "batch", each "epoch", "once" or "never".
    early: step before backward, with the gradients of the batch before. every: step once in so many batches.
    """
    model = copy.deepcopy(model)
    weights = list(model.parameters())
    grads, speed = ([torch.zeros_like(w) for w in weights] for _unused in range(2))
    for epoch in range(epochs):
        for number, (images, labels) in enumerate(pairs):
            if early and (epoch or number):
                _move(weights, grads, speed, rate, momentum)
            new = torch.autograd.grad(loss(model.compute(images), labels), weights)
            fresh = clear == "batch" or clear == "epoch" and not number
            grads = list(new) if fresh else [g + n for g, n in zip(grads, new)]
            if not early and (number + 1) % every == 0:
                _move(weights, grads, speed, rate, momentum)
    return model


def _move(weights, grads, speed, rate, momentum):
    with torch.no_grad():
        for i, (weight, grad) in enumerate(zip(weights, grads)):
            speed[i] = momentum * speed[i] + grad
            weight -= rate * speed[i]


def _flat(model):
    return np.concatenate([weight.detach().numpy().reshape(-1) for weight in model.parameters()])


def _softmax_loss(logits, labels):
    return F.cross_entropy(logits.softmax(1), labels)


_SOFTMAX = N_("what goes into cross_entropy: it applies the softmax itself")
_CLEAR = N_("zero_grad(): without it every batch adds to the gradients of those before")
_STEP_MISTAKES = (
    ("no-zero-grad", dict(clear="never"), _CLEAR),
    ("zero-grad-each-epoch", dict(clear="epoch"), N_("where zero_grad() stands: once for every batch?")),
    (
        "step-before-backward",
        dict(early=True),
        N_("the order: step() uses the gradients that backward() has left"),
    ),
    (
        "summed-loss",
        dict(loss=lambda logits, labels: F.cross_entropy(logits, labels, reduction="sum")),
        N_("the loss: a sum grows with the batch, and the step with it; take the mean"),
    ),
    ("softmax-twice", dict(loss=_softmax_loss), _SOFTMAX),
    (
        "softmax-over-batch",
        dict(loss=lambda logits, labels: F.cross_entropy(logits.softmax(0), labels)),
        N_("what goes into cross_entropy: the logits as they are, no softmax over the batch"),
    ),
    (
        "no-logarithm",
        dict(loss=lambda logits, labels: F.nll_loss(logits.softmax(1), labels)),
        N_("the loss: nll_loss wants log_softmax, the logarithm of the softmax"),
    ),
    (
        "no-softmax",
        dict(loss=F.nll_loss),
        N_("the loss: nll_loss wants log_softmax of the logits; cross_entropy takes the logits"),
    ),
    ("every-second-batch", dict(every=2), N_("how often step() is called: once for every batch?")),
)


def _step_mistakes(start, batches, epochs, **settings):
    """(key, the weights that it leads to, where to look) for the usual mistakes."""
    pairs, validation = batches["train"].pairs, batches["validation"].pairs

    def after(pairs, epochs, **options):
        return _flat(_trained(start, pairs, epochs, **settings, **options))

    known = [(key, after(pairs, epochs, **options), look) for key, options, look in _STEP_MISTAKES]
    return known + [
        (
            "nothing-moved",
            _flat(start),
            _(
                "zero_grad() between backward() and step() throws the new gradients away; "
                "or is step() missing, or does it move other weights?"
            ),
        ),
        ("last-batch-lost", after(pairs[:-1], epochs), _("the last batch: it is smaller, but it is data")),
        (
            "one-batch",
            after(pairs[-1:], epochs),
            _("the loop over the batches: does its body hold the whole step?"),
        ),
        (
            "trains-on-validation",
            after([*pairs, *validation], epochs),
            _("the loop over the validation batches: nothing there may change the weights"),
        ),
        ("reversed", after(pairs[::-1], epochs), _("the order of the batches: they are taken as they come")),
        (
            "one-epoch-short",
            after(pairs, epochs - 1),
            _("range(...): how many epochs does it give, and does each of them train?"),
        ),
        ("one-epoch-more", after(pairs, epochs + 1), _("range(...): how many epochs does it give?")),
        ("one-epoch-only", after(pairs, 1), _("the loop over the epochs: does all of its body stand in it?")),
    ]


@TRAINING_LOOP.property(
    "sgd-steps", N_("after each epoch the weights are exactly those of plain SGD, one step per batch")
)
def sgd_steps(candidate, rng):
    look = _(
        "one step per batch, with the optimizer that was passed in and the mean cross-entropy of the logits?"
    )
    # Three epochs first: what shows after one could be any of several mistakes.
    for epochs, momentum in ((EPOCHS, 0.0), (EPOCHS, 0.9), (1, 0.0)):
        model, batches, _log = _setting(rng)
        start, pairs = copy.deepcopy(model), batches["train"].pairs
        trial = _go(candidate, model, batches, epochs, momentum=momentum)
        wanted = _flat(_trained(start, pairs, epochs, momentum=momentum))
        if not agree(_flat(model), wanted, 1e-9):
            mistakes = _step_mistakes(start, batches, epochs, momentum=momentum)
            trial.judge(_flat(model), wanted, mistakes, look=look, tolerance=1e-9)


@TRAINING_LOOP.property(
    "every-epoch", N_("every epoch trains, in training mode, on every training batch once")
)
def every_epoch(candidate, rng):
    model, batches, log = _setting(rng)
    trial = _go(candidate, model, batches, EPOCHS)
    n = sum(len(labels) for _images, labels in batches["train"].pairs)
    training, evaluating = log.images("train", True), log.images("train", False)
    got = _("{n} training images met the model in training mode, {m} in evaluation mode").format(
        n=len(training), m=len(evaluating)
    )
    if training == list(range(n)) * EPOCHS:
        return  # a second look at the training images in evaluation mode is no harm
    if not training and len(evaluating) >= EPOCHS * n:
        look = _("model.train() before the training batches: dropout and batch normalisation ask for it")
        trial.fail("trains-in-eval-mode", got=got, look=look)
    if training == list(range(n)) and len(evaluating) == (EPOCHS - 1) * n:
        look = _("where model.train() stands: inside the loop over epochs?")
        trial.fail("evaluation-left-on", got=got, look=look)
    look = _("what is looped over: the training batches, once per epoch, in training mode, and no others")
    trial.fail("reads-training-data", got=got, look=look)


@TRAINING_LOOP.property(
    "validation",
    N_("every validation image is met once per epoch, in evaluation mode, and never trained on"),
)
def validation(candidate, rng):
    model, batches, log = _setting(rng)
    start = copy.deepcopy(model)
    trial = _go(candidate, model, batches, EPOCHS)
    n = sum(len(labels) for _images, labels in batches["validation"].pairs)
    training, evaluating = log.images("validation", True), log.images("validation", False)
    got = _("{n} validation images met the model in evaluation mode, {m} in training mode").format(
        n=len(evaluating), m=len(training)
    )
    everything = [*batches["train"].pairs, *batches["validation"].pairs]
    if agree(_flat(model), _flat(_trained(start, everything, EPOCHS)), 1e-9):
        look = _("the loop over the validation batches: nothing there may change the weights")
        trial.fail("trains-on-validation", got=got, look=look)
    if not training and not evaluating:
        trial.fail("never-validates", got=got, look=_("which batches the accuracy is measured on"))
    if not evaluating:
        trial.fail(
            "validates-in-training-mode", got=got, look=_("model.eval() before the validation batches")
        )
    if training or sorted(evaluating) != sorted(list(range(n)) * EPOCHS):
        look = _(
            "how often the validation batches are looped over, and in which mode: once per epoch, evaluating"
        )
        trial.fail("reads-validation-data", got=got, look=look)


_ACCURACIES = sequence(None, "not-a-list", N_("what is returned: a list with one number for each epoch"))


@TRAINING_LOOP.property(
    "accuracies", N_("it returns the validation accuracy after each epoch, as fractions of all images")
)
def accuracies(candidate, rng):
    for epochs in (EPOCHS, 1, 6):  # several calls: nothing of one may be left for the next
        model, batches = _telling_labels(rng)
        pairs = batches["validation"].pairs
        stages = [_trained(model, batches["train"].pairs, n) for n in range(epochs + 1)]
        trial = _go(candidate, model, batches, epochs)
        got, wanted = trial.returned(_ACCURACIES), [_accuracy(stage, pairs) for stage in stages]
        mistakes = [
            ("percent", [100 * a for a in wanted[1:]], _("the unit: a fraction between 0 and 1")),
            (
                "count",
                [_accuracy(stage, pairs, np.sum) for stage in stages[1:]],
                _("right answers or their share? Divide by the number of images"),
            ),
            (
                "mean-of-batches",
                [float(np.mean([h.mean() for h in _hits(stage, pairs)])) for stage in stages[1:]],
                _("the small last batch: it must not weigh as much as a full one"),
            ),
            (
                "training-accuracy",
                [_accuracy(stage, batches["train"].pairs) for stage in stages[1:]],
                _("which images were counted"),
            ),
            ("too-early", wanted[:-1], _("when it is measured: after the epoch, not before")),
            (
                "counts-run-on",
                [float(np.mean(wanted[1 : n + 2])) for n in range(epochs)],
                _("where the counts are set to 0: in every epoch anew?"),
            ),
            (
                "best-so-far",
                [max(wanted[1 : n + 2]) for n in range(epochs)],
                _("what is kept: each epoch's own accuracy, also when it falls"),
            ),
        ]
        if epochs > 1:
            mistakes += [
                (
                    "last-epoch-only",
                    wanted[-1:],
                    _("where the list is made: once, before the loop over epochs"),
                ),
                ("nothing-appended", [], _("what is appended: one number an epoch")),
            ]
        look = _("argmax over the classes, compared with the labels, counted over all validation images")
        _judge_list(trial, got, wanted[1:], mistakes, look)


def _judge_list(trial, got, wanted, mistakes, look):
    """Lists of floats, compared as arrays; a wrong number of numbers is told as such."""
    if len(got) != len(wanted) and not any(len(got) == len(value) for _key, value, _look in mistakes):
        trial.fail(
            "not-one-an-epoch",
            got=_("{n} numbers for {m} epochs").format(n=len(got), m=len(wanted)),
            look=_("the list: one number is appended after each epoch, to a list that is new at every call"),
        )
    arrays = [(key, np.array(value, dtype=float), hint) for key, value, hint in mistakes]
    trial.judge(np.array(got, dtype=float), np.array(wanted), arrays, look=look, tolerance=1e-6)


def _telling_labels(rng):
    """Model and batches whose accuracies over three epochs rise and fall, and tell the known mistakes
    apart.
    """
    while True:
        model, batches, _log = _setting(rng, validation_sizes=(7, 3, 1))
        pairs = batches["validation"].pairs
        stages = [_trained(model, batches["train"].pairs, 0)]
        for _epoch in range(EPOCHS):
            stages.append(_trained(stages[-1], batches["train"].pairs, 1))
        answers = [[stage.compute(images).argmax(1) for images, _labels in pairs] for stage in stages]
        # Labels that agree with the second epoch's answers more than with the others'.
        for i, (images, labels) in enumerate(pairs):
            lucky = torch.from_numpy(rng.random(len(labels)) < 0.7)
            pairs[i] = (images, torch.where(lucky, answers[2][i], labels))
        hits = [_accuracy(stage, pairs, np.sum) for stage in stages]
        train = _accuracy(stages[1], batches["train"].pairs)
        means = [float(np.mean([h.mean() for h in _hits(stage, pairs)])) for stage in stages]
        different = (
            all(abs(m - h / 11) > 1e-6 for m, h in zip(means, hits)) and abs(train - hits[1] / 11) > 1e-6
        )
        if len(set(hits)) == EPOCHS + 1 and hits[1] < hits[2] > hits[3] and 0 < min(hits) and different:
            return model, batches


def _hits(model, pairs):
    with torch.no_grad():
        return [(model.compute(x).argmax(1) == y).numpy().astype(np.float64) for x, y in pairs]


def _accuracy(model, pairs, summary=np.mean):
    return float(summary(np.concatenate(_hits(model, pairs))))


@TRAINING_LOOP.property("overfits", N_("given enough epochs it learns 16 images by heart"))
def overfits(candidate, rng):
    model, batches, _log = _setting(rng, train_sizes=(8, 5, 3))
    pairs = batches["train"].pairs
    pairs[:] = [
        (images, images[:, :4].argmax(1)) for images, _labels in pairs
    ]  # something that can be learned
    batches["validation"] = Batches(pairs)
    trial = _go(candidate, model, batches, 100, rate=0.5)
    learned = _accuracy(model, pairs, np.sum)
    if learned < 16:
        trial.fail(
            "does-not-learn",
            got=_("{n:.0f} of 16 learned").format(n=learned),
            look=_("the direction of the steps: does the loss fall from epoch to epoch?"),
        )
