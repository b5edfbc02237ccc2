"""How to train: the configuration, and what follows from it (steps, learning rate, optimizer)."""

from dataclasses import dataclass, replace

import torch

from .levers import lever, validate
from .wording import N_, _


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
        0.0,
        bounds=(0.0, 0.999),
        step=0.05,
        label=N_("momentum"),
        help=N_("share of the last step that is made again; SGD only"),
    )
    weight_decay: float = lever(
        0.0,
        bounds=(0.0, 1.0),
        label=N_("weight decay"),
        help=N_("how strongly every weight is pulled towards 0"),
    )
    schedule: str = lever(
        "constant",
        choices=("constant", "one-cycle"),
        label=N_("schedule"),
        help=N_("one-cycle: up over the first quarter, then down to 0"),
    )
    shift: float = lever(
        0.0,
        bounds=(0.0, 0.5),
        step=0.01,
        label=N_("shift"),
        help=N_("largest random move, as a fraction of the side"),
    )
    rotation: float = lever(
        0.0, bounds=(0.0, 180.0), step=1, label=N_("rotation"), help=N_("largest random turn, in degrees")
    )
    scale: float = lever(
        0.0,
        bounds=(0.0, 0.9),
        step=0.01,
        label=N_("scale"),
        help=N_("largest random change of size, as a fraction"),
    )
    seed: int = lever(
        0,
        bounds=(0, 2**31 - 1),
        label=N_("seed"),
        help=N_("fixes the order of the images, the augmentation and dropout"),
    )
    steps: int | None = None  # overrides epochs
    record_every: int | None = None  # steps between records; None: one record at the end of each epoch
    device: str = "cpu"  # or "cuda", "mps"

    def __post_init__(self):
        validate(self)
        for name in ("steps", "record_every"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or value != int(value) or value < 1):
                raise ValueError(
                    _("{name}={value}: choose a whole number of at least 1, or None").format(
                        name=name, value=value
                    )
                )

    @property
    def augments(self):
        """Whether the training images are moved, turned or resized."""
        return bool(self.shift or self.rotation or self.scale)


# The recipe that the dashboard opens on: 96 % and better on the embedded digits within about two seconds.
QUICK = TrainConfig(learning_rate=0.008, batch_size=32, epochs=5, optimizer="adam", schedule="one-cycle")


def quick_recipe(dataset):
    """QUICK for a few thousand training images; half an epoch of it for more than 10,000 (98 % on full
    MNIST).
    """
    return QUICK if len(dataset.train) <= 10_000 else replace(QUICK, epochs=0.5)


def count_steps(dataset, config):
    """(steps in one epoch, steps in the whole run)."""
    per_epoch = -(-len(dataset.train) // config.batch_size)
    return per_epoch, config.steps or max(1, round(config.epochs * per_epoch))


def learning_rate_at(step, total, config):
    """The learning rate of step number `step`, counted from 0, of `total`."""
    if config.schedule == "constant":
        return config.learning_rate
    peak = max(1, total // 4)
    part = (step + 1) / peak if step < peak else (total - step) / (total - peak)
    return config.learning_rate * part


def make_optimizer(model, config):
    """The optimizer that `config` names, on the trained parameters of `model`."""
    weights = [p for p in model.parameters() if p.requires_grad]
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(weights, rate, momentum=config.momentum, weight_decay=decay)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    # Fused: one pass over each weight instead of nine, an eighth of a step of LeNet.
    return kind(weights, rate, weight_decay=decay, fused=True)
