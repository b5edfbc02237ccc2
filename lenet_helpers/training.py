"""Training: a generator of records around the loop that chapter 3 shows.

    for record in train(model, digits, TrainConfig(learning_rate=0.02)):
        print(record.validation_accuracy)

Leaving the `for` (or closing the generator) stops the training between two steps; the
model keeps what it learned.
"""

import time
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F

from .augment import random_affine
from .data import Split, batches
from .modes import evaluation_mode
from .train_config import QUICK, TrainConfig, count_steps, learning_rate_at, make_optimizer
from .wording import _

__all__ = [
    "QUICK",
    "Diverged",
    "EpochRecord",
    "Score",
    "TrainConfig",
    "TrainingState",
    "evaluate",
    "train",
    "train_one_epoch",
]


@dataclass(frozen=True)
class EpochRecord:
    """What was known after a step. Losses in nats per image, accuracies as fractions.

    The training numbers are running means over the steps since the last record, taken
    while the weights were still changing: they lag behind the validation numbers, which
    are measured at the end.
    """

    step: int
    epoch: float
    train_loss: float
    train_accuracy: float
    validation_loss: float | None  # None: no validation split
    validation_accuracy: float | None
    learning_rate: float
    seconds: float  # of training and validation since the start, or since resuming
    images_per_second: float  # of training alone, since the last record


@dataclass(frozen=True)
class Score:
    """Mean loss [nats per image] and accuracy [fraction] over n images."""

    loss: float
    accuracy: float
    n: int


class TrainingState:
    """What a run needs besides the weights in order to go on: its configuration, optimizer and step count.

    The order of the images, the augmentation and dropout depend on (seed, step) alone,
    so that no random state has to be kept.
    """

    def __init__(self, model, config=TrainConfig()):
        self.config = config
        self.step = 0
        self.optimizer = make_optimizer(model.to(config.device), config)


class Diverged(ArithmeticError):
    """The loss or a weight is no longer a finite number. The model has the last good weights."""


def evaluate(model, split):
    """Mean loss [nats per image] and accuracy [fraction] of `model` on `split`, as a `Score`.

    Leaves train/eval mode as it was. Raises ValueError on an empty split.
    """
    if len(split) == 0:
        raise ValueError(_("evaluate: the split is empty; give it at least one image"))
    device = next(model.parameters()).device
    loss, correct = 0.0, 0
    with evaluation_mode(model), torch.inference_mode():
        for images, labels in batches(split, min(1000, len(split))):
            logits, labels = model(images.to(device)), labels.to(device)
            # sum, not mean: the last batch is smaller and must not weigh more
            loss += F.cross_entropy(logits, labels, reduction="sum").item()
            correct += (logits.argmax(1) == labels).sum().item()
    return Score(loss / len(split), correct / len(split), len(split))


def train_one_epoch(model, optimizer, split, batch_size, generator=None):
    """One pass over `split`: the loop that all of training comes down to."""
    for images, labels in batches(split, batch_size, generator):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def train(model, dataset, config=TrainConfig(), *, state=None):
    """Train `model` on `dataset.train`: a generator of `EpochRecord`, one every `config.record_every` steps.

    The loop of `train_one_epoch`, with the schedule, the augmentation and the records
    around it. Fractional epochs end on a record. To go on after a stop, give the
    `state` that was saved (see `checkpoint`); the result is then bit for bit that of a
    run that was never stopped.

    Raises ValueError where model, data and configuration do not fit together, and
    `Diverged`, with the last good weights put back, once loss or weights are no longer
    finite; that is looked at once a record.
    """
    _check_fit(model, dataset, config)
    state = state or TrainingState(model, config)
    return _records(model, dataset, config, state)


def _records(model, dataset, config, state):
    per_epoch, total = count_steps(dataset, config)
    every = config.record_every or per_epoch
    stream = _batches_from(state.step, dataset, config)
    started, good = time.perf_counter(), _copy_weights(model)
    while state.step < total:
        first, tick, steps = state.step, time.perf_counter(), []
        # Dropout draws from torch's global generator: what the caller had there is given back.
        with torch.random.fork_rng(devices=_cuda_devices(config)):
            model.train()
            for images, labels in islice(stream, min(every - first % every, total - first)):
                rate = learning_rate_at(state.step, total, config)
                steps.append(_step(model, state.optimizer, rate, images, labels))
                state.step += 1
        losses, right, counts = _read(steps)
        seconds = time.perf_counter() - tick
        good = _last_good(model, good, losses, first, config)
        score = evaluate(model, dataset.validation) if dataset.validation else None
        yield EpochRecord(
            step=state.step,
            epoch=state.step / per_epoch,
            train_loss=((losses * counts).sum() / counts.sum()).item(),
            train_accuracy=right / counts.sum().item(),
            validation_loss=score.loss if score else None,
            validation_accuracy=score.accuracy if score else None,
            learning_rate=rate,
            seconds=time.perf_counter() - started,
            images_per_second=counts.sum().item() / seconds,
        )


def _step(model, optimizer, rate, images, labels):
    """One step of the loop; returns loss, logits and labels as tensors, unread."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    logits = model(images)
    loss = F.cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach(), logits.detach(), labels


def _read(steps):
    """Losses (steps,) as float64, how many predictions were right, and images (steps,), of what `_step`
    returned.
    """
    # All steps at once: reading a number from a GPU waits for it, and small operations cost more than
    # they compute.
    losses, logits, labels = zip(*steps)
    right = (torch.cat(logits).argmax(1) == torch.cat(labels)).sum().item()
    return (
        torch.stack(losses).double().cpu(),
        right,
        torch.tensor([len(one) for one in labels], dtype=torch.float64),
    )


def _batches_from(step, dataset, config):
    """Batches without end, epoch after epoch, from step number `step` on."""
    split = Split(dataset.train.images.to(config.device), dataset.train.labels.to(config.device))
    per_epoch, _total = count_steps(dataset, config)
    while True:
        epoch, done = divmod(step, per_epoch)
        order = torch.randperm(len(split), generator=_generator(config.seed, "order", epoch))
        for index in order.split(config.batch_size)[done:]:
            images, labels = split.images.index_select(0, index), split.labels[index]
            if config.augments:
                images = random_affine(
                    images,
                    shift=config.shift,
                    rotation=config.rotation,
                    scale=config.scale,
                    background=dataset.background,
                    generator=_generator(config.seed, "augment", step),
                )
            _seed_dropout(_number(config.seed, "dropout", step), config.device)
            yield images, labels
            step += 1


def _seed_dropout(number, device):
    # torch.manual_seed would seed every kind of device there is, and notes down the call stack for
    # each: a tenth of a step.
    torch.default_generator.manual_seed(number)
    if device != "cpu":
        getattr(torch, device.split(":")[0]).manual_seed(number)


def _number(seed, purpose, position):
    """A random whole number that depends on these three alone."""
    key = ("order", "augment", "dropout").index(purpose)
    return int(np.random.SeedSequence([seed, key, position]).generate_state(1)[0])


def _generator(seed, purpose, position):
    return torch.Generator().manual_seed(_number(seed, purpose, position))


def _copy_weights(model):
    # A copy: state_dict() alone holds the live tensors, which the next step changes.
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _last_good(model, good, losses, first, config):
    """A copy of the weights if all is finite; else puts `good` back and raises `Diverged`."""
    finite = torch.isfinite(losses)
    if finite.all() and all(torch.isfinite(p).all() for p in model.parameters()):
        return _copy_weights(model)
    model.load_state_dict(good)
    # With every loss still finite, it was the last step that spoiled the weights.
    step = first + 1 + (int((~finite).int().argmax()) if not finite.all() else len(losses) - 1)
    message = _(
        "the loss is no longer a finite number at step {step} with learning_rate={rate:g}: choose a lower"
        " learning rate; the model has the weights of step {good} again"
    )
    raise Diverged(message.format(step=step, rate=config.learning_rate, good=first))


def _check_fit(model, dataset, config):
    """One image through the model, so that what does not fit is said in words before anything is trained."""
    n = len(dataset.train)
    if config.batch_size > n:
        message = _("batch_size={value}: choose 1 to {n} (the training split has {n} images)")
        raise ValueError(message.format(value=config.batch_size, n=n))
    device = _find_device(config.device)
    image = dataset.train.images[:1]
    try:
        with evaluation_mode(model.to(device)), torch.no_grad():
            shape = tuple(model(image.to(device)).shape)
    except RuntimeError as error:
        message = _(
            "the model does not take images of shape {shape} ({why}): build it for them with"
            " LeNetConfig(input_size=…, in_channels=…)"
        )
        raise ValueError(message.format(shape=tuple(image.shape[1:]), why=error)) from error
    classes = len(dataset.class_names)
    if shape != (1, classes):
        message = _(
            "the model gives {shape} for one image: it must give one logit for each of the {n} classes, shape"
            " (1, {n})"
        )
        raise ValueError(message.format(shape=shape, n=classes))


def _find_device(name):
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(name.split(":")[0], False):
        found = ", ".join(kind for kind, usable in there.items() if usable)
        raise ValueError(
            _("device={name!r} is not to be had here: choose one of {found}").format(name=name, found=found)
        )
    return torch.device(name)


def _cuda_devices(config):
    return [torch.device(config.device)] if config.device.startswith("cuda") else []
