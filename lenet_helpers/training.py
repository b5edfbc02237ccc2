"""Training: a generator of records around the step that chapter 3 shows.

    for record in train(model, digits, TrainConfig(learning_rate=0.02)):
        print(record.validation_accuracy)

Leaving the `for` (or closing the generator) stops the training between two steps; the
model keeps what it learned.
"""

import time
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from .augment import random_affine
from .data import Dataset, Split, batches
from .fit import check_fit
from .modes import evaluation_mode, interrupts_between_steps, seed_draws, usual_torch
from .state import TrainingState as TrainingState
from .summary import device_of, run_and_count
from .train_config import QUICK as QUICK
from .train_config import TrainConfig as TrainConfig
from .train_config import count_steps, learning_rate_at, make_optimizer
from .wording import _

# Multiply-adds of a forward pass up to which one thread does it: LeNet with a batch of 32 has 9 million.
# Two threads would gain a third on an idle machine and lose two thirds beside one other busy program.
LIGHT = 20e6
BATCH = 50  # a network is small, for scoring, if its step with as many images is light
PIECE = 500  # images scored at once: more no longer fit the processor's cache


@dataclass(frozen=True)
class EpochRecord:
    """What was known after a step. Losses in nats per image, accuracies as fractions.

    The training numbers are running means over the steps since the last record, taken while the weights were
    still changing: they lag behind the validation numbers, which are measured at the end.
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
    images: int  # trained on since the last record: what the means are means over


@dataclass(frozen=True)
class Score:
    """Mean loss [nats per image] and accuracy [fraction] over n images."""

    loss: float
    accuracy: float
    n: int


class Diverged(ArithmeticError):
    """The loss or a weight is no longer a finite number. The model has the last good weights."""


class Interrupted(KeyboardInterrupt):
    """Stopped by hand, between two steps. Model and `TrainingState` keep what was learned."""

    def _render_traceback_(self) -> list[str]:
        """Jupyter shows this line in place of a traceback."""
        return [str(self)]


def training_step(
    model: nn.Module, optimizer: Optimizer, images: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """One step of training, the only one there is: returns loss () and logits (n, classes) from before it."""
    logits = model(images)
    loss = F.cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach(), logits.detach()


def train_one_epoch(
    model: nn.Module,
    optimizer: Optimizer,
    split: Split,
    batch_size: int,
    generator: torch.Generator | None = None,
) -> None:
    """One pass over `split`: the loop that all of training comes down to."""
    for images, labels in batches(split, batch_size, generator):
        training_step(model, optimizer, images, labels)


def evaluate(model: nn.Module, split: Split) -> Score:
    """Mean loss [nats per image] and accuracy [fraction] of `model` on `split`, as a `Score`.

    Leaves train/eval mode as it was. Raises ValueError on an empty split.
    """
    if len(split) == 0:
        raise ValueError(_("evaluate: the split is empty; give it at least one image"))
    return _score(score_pieces(model, split))


def score_pieces(
    model: nn.Module, split: Split, threads: int | None = None
) -> Iterator[tuple[float, Tensor]]:
    """Sum of the losses [nats] and which images are right, bool (n,), piece by piece of `split`."""
    device = device_of(model)
    threads = threads or _threads(run_and_count(model, split.images[:1].to(device))[1] * BATCH)
    for images, labels in batches(split, min(PIECE, len(split))):
        with usual_torch(threads, device), evaluation_mode(model), torch.inference_mode():
            logits, labels = model(images.to(device)), labels.to(device)
            # sum, not mean: the last piece is smaller and must not weigh more
            loss = F.cross_entropy(logits, labels, reduction="sum").item()
            right = (logits.argmax(1) == labels).cpu()
        yield loss, right


def _score(pieces: Iterable[tuple[float, Tensor]]) -> Score:
    losses, right = zip(*pieces, strict=True)
    correct = torch.cat(right)
    return Score(sum(losses) / len(correct), int(correct.sum()) / len(correct), len(correct))


def train(
    model: nn.Module,
    dataset: Dataset,
    config: TrainConfig = TrainConfig(),
    *,
    state: TrainingState | None = None,
) -> Iterator[EpochRecord]:
    """Train `model` on `dataset.train`: a generator of `EpochRecord`, one every `config.record_every` steps.

    The loop of `train_one_epoch`, with the schedule, the augmentation and the records around it.
    Fractional epochs end on a record. To go on after a stop, give the `state` that was saved (see
    `checkpoint`); the result is then bit for bit that of a run that was never stopped.

    Raises ValueError where model, data, configuration and state do not fit together; `Diverged`,
    with the last good weights put back, once loss or weights are no longer finite (that is looked
    at once a record); and `Interrupted` where it is stopped by hand.
    """
    work = check_fit(model, dataset, config)
    state = state or TrainingState(model, config)
    state.continue_with(model, dataset, config)
    records = _records(model, dataset, config, state, _threads(work * config.batch_size))
    return _told_where(records, state, count_steps(dataset, config)[1])


def _told_where(records: Iterator[EpochRecord], state: TrainingState, total: int) -> Iterator[EpochRecord]:
    try:
        yield from records
    except KeyboardInterrupt as interrupt:
        message = _("Stopped at step {step} of {total}; run the cell again.")
        raise Interrupted(message.format(step=state.step, total=total)) from interrupt


def _threads(work: float) -> int:
    return 1 if work < LIGHT else torch.get_num_threads()


def _records(
    model: nn.Module, dataset: Dataset, config: TrainConfig, state: TrainingState, threads: int
) -> Iterator[EpochRecord]:
    per_epoch, total = count_steps(dataset, config)
    every = config.record_every or per_epoch
    device = torch.device(config.device)
    stream = _batches_from(state.step, dataset, config, device)
    started, good = time.perf_counter(), deepcopy(model.state_dict())
    while state.step < total:
        first, tick, steps, short = state.step, time.perf_counter(), [], False
        wanted = min(every - first % every, total - first)
        try:
            with interrupts_between_steps() as look, usual_torch(threads, device):
                model.train()
                for images, labels in islice(stream, wanted):
                    rate = learning_rate_at(state.step, total, config)
                    for group in state.optimizer.param_groups:
                        group["lr"] = rate
                    loss, logits = training_step(model, state.optimizer, images, labels)
                    steps.append((loss, logits, labels))
                    state.step += 1
                    look()
            losses, right, counts = _read(steps)
            seconds = time.perf_counter() - tick
            good = _last_good(model, good, losses, first, config)
            score = _score(score_pieces(model, dataset.validation, threads)) if dataset.validation else None
        except (RuntimeError, MemoryError) as error:
            if len(steps) == wanted or "memory" not in f"{type(error).__name__}: {error}".lower():
                raise  # another error, or one of scoring, whose pieces do not depend on the batch size
            short = True
        if short:  # only now: the error's traceback holds the tensors of the failed step
            raise ValueError(_batch_that_fits(model, dataset, config))
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
            images=int(counts.sum()),
        )


def _batch_that_fits(model: nn.Module, dataset: Dataset, config: TrainConfig) -> str:
    """What to do where memory ran out: a half, a quarter … of the batch, tried on a copy of the model."""
    none = _("no memory is left, even for one image at a time: restart the kernel, or take a smaller network")
    message = _("batch_size={value} takes more memory than there is: choose batch_size={fits}, which fits")
    fits, device = config.batch_size // 2, device_of(model)
    while fits:
        try:
            twin = deepcopy(model)
            some = dataset.train[:fits]
            training_step(twin, make_optimizer(twin, config), some.images.to(device), some.labels.to(device))
            break
        except (RuntimeError, MemoryError):
            fits //= 2
    return message.format(value=config.batch_size, fits=fits) if fits else none


def _read(steps: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, int, Tensor]:
    """Losses (steps,) as float64, how many predictions were right, and images (steps,)."""
    # All at once: reading a number from a GPU waits for it, and small operations cost more than they compute.
    losses, logits, labels = zip(*steps, strict=True)
    right = int((torch.cat(logits).argmax(1) == torch.cat(labels)).sum())
    counts = torch.tensor([len(one) for one in labels], dtype=torch.float64, device="cpu")
    return torch.stack(losses).cpu().double(), right, counts


def _batches_from(
    step: int, dataset: Dataset, config: TrainConfig, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end, epoch after epoch, from step number `step` on."""
    split = Split(dataset.train.images.to(device), dataset.train.labels.to(device))
    per_epoch, _total = count_steps(dataset, config)
    while True:
        epoch, done = divmod(step, per_epoch)
        order = _generator(config.seed, "order", epoch)
        for images, labels in batches(split, config.batch_size, order, skip=done):
            if config.augments:
                images = random_affine(
                    images,
                    shift=config.shift,
                    rotation=config.rotation,
                    scale=config.scale,
                    background=dataset.background,
                    generator=_generator(config.seed, "augment", step),
                )
            seed_draws(_number(config.seed, "dropout", step), device)
            yield images, labels
            step += 1


def _number(seed: int, purpose: str, position: int) -> int:
    """A random whole number that depends on these three alone."""
    key = ("order", "augment", "dropout").index(purpose)
    return int(np.random.SeedSequence([seed, key, position]).generate_state(1)[0])


def _generator(seed: int, purpose: str, position: int) -> torch.Generator:
    return torch.Generator().manual_seed(_number(seed, purpose, position))


def _last_good(
    model: nn.Module, good: dict[str, Tensor], losses: Tensor, first: int, config: TrainConfig
) -> dict[str, Tensor]:
    """A copy of the weights if all is finite; else puts `good` back and raises `Diverged`."""
    finite = torch.isfinite(losses)
    if finite.all() and all(torch.isfinite(p).all() for p in model.parameters()):
        return deepcopy(model.state_dict())  # alone it holds the live tensors, which the next step changes
    model.load_state_dict(good)
    # With every loss still finite, it was the last step that spoiled the weights.
    step = first + 1 + (int((~finite).int().argmax()) if not finite.all() else len(losses) - 1)
    message = _(
        "the loss is no longer a finite number at step {step} with learning_rate={rate:g}: choose a lower"
        " learning rate; the model has the weights of step {good} again"
    )
    raise Diverged(message.format(step=step, rate=config.learning_rate, good=first))
