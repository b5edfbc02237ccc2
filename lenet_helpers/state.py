"""What a run needs besides the weights in order to go on, and what it must not be given instead."""

import hashlib
from typing import Any

import torch
from torch import Tensor, nn

from .data import Dataset, Split
from .fit import find_device
from .summary import trained_weights
from .train_config import TrainConfig, count_steps, make_optimizer
from .wording import _


class TrainingState:
    """A run's configuration, optimizer and step count, for one model and one set of training images.

    The order of the images, the augmentation and dropout depend on (seed, step) alone,
    so that no random state has to be kept.
    """

    def __init__(self, model: nn.Module, config: TrainConfig = TrainConfig()) -> None:
        self.config = config
        self.step = 0
        self.data: str | None = None  # the `fingerprint` of the training images; None before the first step
        self.optimizer = make_optimizer(model.to(find_device(config.device)), config)
        self.trained = tuple(trained_weights(model))

    def weights(self) -> dict[str, Tensor]:
        """The trained parameters by name, as the optimizer holds them."""
        return dict(zip(self.trained, self.optimizer.param_groups[0]["params"], strict=True))

    def continue_with(self, model: nn.Module, dataset: Dataset, config: TrainConfig) -> None:
        """Take over `config`; raises ValueError, saying what differs, for another model, recipe or images."""
        mine, kept = trained_weights(model), self.weights()
        for name in [*kept, *mine]:
            if (name in mine) != (name in kept):
                message = _("state: {name} is trained in the model or in the state, not in both; begin anew")
                raise ValueError(message.format(name=name))
            if mine[name] is not kept[name]:
                raise ValueError(
                    _("state: it belongs to another model; make one with TrainingState(model, config)")
                )
        before, now = _what_must_stay(dataset, self.config), _what_must_stay(dataset, config)
        for name, value in before.items():
            if value != now[name]:
                message = _(
                    "state: begun with {name}={before!r}, not {now!r}; go on with state.config, or begin anew"
                )
                raise ValueError(message.format(name=name, before=value, now=now[name]))
        images = fingerprint(dataset.train)
        if self.data not in (None, images):
            raise ValueError(
                _("state: begun on other training images; go on with those, or make a new TrainingState")
            )
        self.config, self.data = config, images
        for weight, memory in self.optimizer.state.items():
            for key, tensor in memory.items():
                if torch.is_tensor(tensor):
                    # Where the weight is, and as it lies in memory: fused optimizers take both side by side.
                    like = weight if tensor.shape == weight.shape else tensor.to(weight.device)
                    memory[key] = torch.empty_like(like, requires_grad=False).copy_(tensor)


def _what_must_stay(dataset: Dataset, config: TrainConfig) -> dict[str, Any]:
    names = ("batch_size", "optimizer", "momentum", "weight_decay", "schedule", "seed")
    # A constant rate may go on for longer; one-cycle's depends on where the end is.
    steps = None if config.schedule == "constant" else count_steps(dataset, config)[1]
    return {name: getattr(config, name) for name in names} | {"steps": steps}


def fingerprint(split: Split) -> str:
    """A short text that tells splits apart: of all labels and of up to 200 images spread over the split."""
    some = split.images[:: max(1, len(split) // 100)]
    whole = hashlib.sha256()
    for tensor in (split.labels, some):
        whole.update(tensor.cpu().contiguous().numpy().tobytes())
    return whole.hexdigest()[:16]
