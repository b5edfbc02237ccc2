"""How to train: the configuration, and what follows from it (steps, learning rate, optimizer)."""

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from .data import Dataset
from .levers import checked_count, lever, validate
from .wording import N_, _


def _device_name(device: str | int | torch.device | None) -> str:
    try:
        return str(torch.device("cpu" if device is None else device))
    except (RuntimeError, TypeError) as error:
        message = _("device={device!r}: choose cpu, cuda, cuda:1, … or mps")
        raise ValueError(message.format(device=device)) from error


@dataclass(frozen=True)
class TrainConfig:
    """How to train. The defaults are plain SGD: no momentum, no decay, no schedule, no augmentation."""

    learning_rate: float = lever(
        0.05,
        bounds=(1e-4, 10.0),
        scale="log",
        label=N_("learning rate"),
        help=N_("the highest one, where a schedule changes it"),
    )
    batch_size: int = lever(
        32, bounds=(1, 60_000), scale="log", label=N_("batch size"), help=N_("images per step")
    )
    epochs: float = lever(
        5.0, bounds=(0.01, 1000.0), step=0.5, label=N_("epochs"), help=N_("passes over the training images")
    )
    optimizer: str = lever(
        "sgd", choices=("sgd", "adam", "adamw"), label=N_("optimizer"), help=N_("how gradients become steps")
    )
    momentum: float = lever(
        0.0, bounds=(0.0, 0.999), step=0.05, label=N_("momentum"), help=N_("share of the last step; SGD only")
    )
    weight_decay: float = lever(
        0.0, bounds=(0.0, 1.0), label=N_("weight decay"), help=N_("how strongly weights are pulled to 0")
    )
    schedule: str = lever(
        "constant",
        choices=("constant", "one-cycle"),
        label=N_("schedule"),
        help=N_("one-cycle: up over the first quarter, then down to 0"),
    )
    shift: float = lever(
        0.0, bounds=(0.0, 0.5), step=0.01, label=N_("shift"), help=N_("largest random move, of the side")
    )
    rotation: float = lever(
        0.0, bounds=(0.0, 180.0), step=1, label=N_("rotation"), help=N_("largest random turn, in degrees")
    )
    scale: float = lever(
        0.0, bounds=(0.0, 0.9), step=0.01, label=N_("scale"), help=N_("largest random change of size")
    )
    seed: int = lever(
        0,
        bounds=(0, 2**31 - 1),
        label=N_("seed"),
        help=N_("fixes the order of the images, the augmentation and dropout"),
    )
    steps: int | None = None  # overrides epochs
    record_every: int | None = None  # steps between records; None: one record at the end of each epoch
    device: str = "cpu"  # or "cuda", "cuda:1", "mps"; a torch.device or the number of a GPU will do

    def __post_init__(self) -> None:
        validate(self)
        for name in ("steps", "record_every"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, checked_count(name, getattr(self, name)))
        object.__setattr__(self, "device", _device_name(self.device))

    @property
    def augments(self) -> bool:
        """Whether the training images are moved, turned or resized."""
        return bool(self.shift or self.rotation or self.scale)


# The recipe that the dashboard opens on: 96 % and better on the embedded digits within about two seconds.
QUICK = TrainConfig(learning_rate=0.008, batch_size=32, epochs=5, optimizer="adam", schedule="one-cycle")


def count_steps(dataset: Dataset, config: TrainConfig) -> tuple[int, int]:
    """(steps in one epoch, steps in the whole run)."""
    per_epoch = -(-len(dataset.train) // config.batch_size)
    return per_epoch, config.steps or max(1, round(config.epochs * per_epoch))


def learning_rate_at(step: int, total: int, config: TrainConfig) -> float:
    """The learning rate of step number `step`, counted from 0, of `total`."""
    if config.schedule == "constant":
        return config.learning_rate
    peak = max(1, total // 4)
    part = (step + 1) / peak if step < peak else (total - step) / (total - peak)
    return config.learning_rate * part


def _lean(kind: type[Optimizer]) -> type[Optimizer]:
    """`kind` without the three wrappers that import torch's compiler, a second's work, to keep it away."""
    plain: dict[str, Any] = {
        name: inspect.unwrap(getattr(kind, name)) for name in ("add_param_group", "zero_grad")
    }
    return type(kind.__name__, (kind,), plain | {"step": torch.no_grad()(inspect.unwrap(kind.step))})


_OPTIMIZERS = {
    "sgd": _lean(torch.optim.SGD),
    "adam": _lean(torch.optim.Adam),
    "adamw": _lean(torch.optim.AdamW),
}


def make_optimizer(model: nn.Module, config: TrainConfig) -> Optimizer:
    """The optimizer that `config` names, on the trained parameters of `model`."""
    weights = [p for p in model.parameters() if p.requires_grad]
    # Fused: one pass over each weight instead of nine, an eighth of a step of LeNet.
    special = {"momentum": config.momentum} if config.optimizer == "sgd" else {"fused": True}
    kind: Any = _OPTIMIZERS[config.optimizer]
    optimizer: Optimizer = kind(weights, config.learning_rate, weight_decay=config.weight_decay, **special)
    return optimizer
