"""Save a training run to one file and go on from it later, bit for bit.

The file is in the safetensors format, which holds tensors and text and nothing that could be executed.
"""

import dataclasses
import hashlib
import json
import os
from dataclasses import replace
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from .files import write_whole
from .state import TrainingState
from .summary import device_of, trained_weights
from .train_config import TrainConfig
from .wording import _

FORMAT = "lenet_helpers checkpoint 3"
_Path = str | os.PathLike[str]


def save_checkpoint(path: _Path, model: nn.Module, state: TrainingState) -> None:
    """Write weights, optimizer and step count to `path`, whole or else an earlier one as it was.

    Raises OSError where it cannot be written, ValueError for a model that keeps anything but dense tensors.
    """
    about = {"config": dataclasses.asdict(state.config), "step": state.step, "data": state.data}
    text = json.dumps(about | {"model": _describe(model)})
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for name, weight in state.weights().items():
        for quantity, value in state.optimizer.state.get(weight, {}).items():
            if value is not None:
                tensors[f"optimizer.{name}.{quantity}"] = torch.as_tensor(value)
    # Contiguous: the file does not depend on the layout that suits this machine's processor.
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_whole(path, save(copies, {"format": FORMAT, "about": text, "sum": _checksum(copies, text)}))


def load_checkpoint(path: _Path, model: nn.Module) -> TrainingState:
    """Put the weights saved in `path` into `model` and return the `TrainingState` to go on with.

    The model stays on its device, wherever the file was saved. Raises ValueError for a file that is
    no checkpoint of ours or has changed since, and where the model's layers, the type of its numbers,
    its configuration or what is trained of it differ from what was saved, naming the difference; the
    model is then left as it was.
    """
    about, tensors = _read(path)
    saved, mine = about.get("model", {}), _describe(model)
    for name in [*mine, *saved]:
        if saved.get(name) != mine.get(name):
            message = _(
                "{path}: saved from another model: {name} is {saved} in the file and {mine} in this model;"
                " build the model as it was when it was saved"
            )
            words = {"saved": _in_words(saved.get(name)), "mine": _in_words(mine.get(name))}
            raise ValueError(message.format(path=path, name=name, **words))
    try:
        state = TrainingState(model, replace(TrainConfig(**about["config"]), device=str(device_of(model))))
        state.step, state.data = int(about["step"]), about["data"]
        for name, weight in state.weights().items():
            prefix = f"optimizer.{name}."
            remembered = {key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)}
            state.optimizer.state[weight].update({key: t.to(weight.device) for key, t in remembered.items()})
        weights = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
        model.load_state_dict(weights)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        message = _("{path}: a checkpoint of another version ({why}); train again")
        raise ValueError(message.format(path=path, why=" ".join(str(error).split()))) from error
    return state


def _describe(model: nn.Module) -> dict[str, str]:
    """Shape, type and whether it is trained, of every tensor by name; and what shapes cannot tell."""
    trained = trained_weights(model)
    found = {}
    for name, value in model.state_dict().items():  # 0 in its strides: one number expanded to many places
        if not isinstance(value, Tensor) or value.layout != torch.strided or 0 in value.squeeze().stride():
            message = _("{name} is no dense tensor, and a checkpoint holds no other: keep it elsewhere")
            raise ValueError(message.format(name=name))
        frozen = "" if name in trained else ", not trained"
        found[name] = f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}{frozen}"
    config = getattr(model, "config", None)
    if dataclasses.is_dataclass(config):
        for field in dataclasses.fields(config):  # the plain LeNet is the default, and has none
            if getattr(config, field.name) != field.default:
                found[f"config.{field.name}"] = repr(getattr(config, field.name))
    return found


def _checksum(tensors: dict[str, Tensor], about: str) -> str:
    return hashlib.sha256(save(tensors, {"about": about})).hexdigest()


def _in_words(described: object) -> str:
    what, frozen, _rest = str(described).partition(", not trained")
    return _("{what}, not trained").format(what=what) if frozen else what


def _read(path: _Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            notes, tensors = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        message = _(
            "{path}: not a checkpoint, or cut short; files made by pickle or torch.save are not opened, since"
            " they can run code"
        )
        raise ValueError(message.format(path=path)) from error
    named = notes.get("format", "")
    if named != FORMAT:
        message = _("{path}: holds tensors, but not a checkpoint of save_checkpoint")
        if named.startswith("lenet_helpers checkpoint"):
            message = _("{path}: a checkpoint of another version ({why}); train again")
        raise ValueError(message.format(path=path, why=named))
    if notes.get("sum") != _checksum(tensors, notes.get("about", "")):
        message = _("{path}: changed since it was saved, by hand or by a failing disk; take an earlier one")
        raise ValueError(message.format(path=path))
    return json.loads(notes["about"]), tensors
