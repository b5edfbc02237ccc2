"""Save a training run to one file and go on from it later, bit for bit.

The file is in the safetensors format, which holds tensors and text and nothing that
could be executed.
"""

import dataclasses
import json

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from .files import write_whole
from .training import TrainConfig, TrainingState
from .wording import _

FORMAT = "lenet_helpers checkpoint 1"


def save_checkpoint(path, model, state):
    """Write weights, optimizer and step count to `path`, whole or not at all.

    A full disk or a crash leaves an earlier checkpoint as it was. Raises OSError where
    it cannot be written.
    """
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"optimizer.{i}.{name}": value for i, name, value in _optimizer_tensors(state.optimizer)}
    about = {
        "format": FORMAT,
        "step": str(state.step),
        "config": json.dumps(dataclasses.asdict(state.config)),
    }
    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, about)
    write_whole(path, data)


def load_checkpoint(path, model):
    """Put the weights saved in `path` into `model` and return the `TrainingState` to go on with.

    Raises ValueError for a file that is no checkpoint of ours or belongs to another
    architecture; the model is then left as it was.
    """
    about, tensors = _read(path)
    weights = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
    _check_architecture(path, model, weights)
    try:
        state = TrainingState(model, TrainConfig(**json.loads(about["config"])))
        _restore_optimizer(state.optimizer, tensors)
        state.step = int(about["step"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(
            _("{path}: a checkpoint of another version ({why}); train again").format(path=path, why=error)
        ) from error
    model.load_state_dict(weights)
    return state


def _read(path):
    try:
        with safe_open(path, framework="pt") as file:
            about, tensors = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        message = _(
            "{path}: not a checkpoint, or cut short; files made by pickle or torch.save are not opened, since"
            " they can run code"
        )
        raise ValueError(message.format(path=path)) from error
    if about.get("format") != FORMAT:
        raise ValueError(
            _("{path}: holds tensors, but not a checkpoint of save_checkpoint").format(path=path)
        )
    return about, tensors


def _check_architecture(path, model, weights):
    mine = {name: tuple(t.shape) for name, t in model.state_dict().items()}
    saved = {name: tuple(t.shape) for name, t in weights.items()}
    for name in [*mine, *saved]:
        if mine.get(name) != saved.get(name):
            message = _(
                "{path}: saved from another architecture: {name} is {saved} in the file and {mine} in this"
                " model; build the model with the configuration it was saved with"
            )
            raise ValueError(message.format(path=path, name=name, saved=saved.get(name), mine=mine.get(name)))


def _optimizer_tensors(optimizer):
    """(position of the weight, name of the quantity, tensor) for all that the optimizer remembers."""
    for i, weight in enumerate(optimizer.param_groups[0]["params"]):
        for name, value in optimizer.state.get(weight, {}).items():
            if value is not None:
                yield i, name, torch.as_tensor(value)


def _restore_optimizer(optimizer, tensors):
    weights = optimizer.param_groups[0]["params"]
    for key, tensor in tensors.items():
        if key.startswith("optimizer."):
            _prefix, i, name = key.split(".")
            weight = weights[int(i)]
            # The step count of Adam stays on the CPU, as torch itself keeps it.
            optimizer.state[weight][name] = tensor if tensor.ndim == 0 else tensor.to(weight.device)
