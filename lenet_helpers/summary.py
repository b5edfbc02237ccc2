"""Count and measure any network made of torch layers: shapes, parameters, work, receptive fields."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from .modes import evaluation_mode
from .wording import _


@dataclass(frozen=True)
class LayerRow:
    """One layer of a network as it runs on one image."""

    name: str
    kind: str  # the layer's class, for example "Conv2d"
    output_shape: tuple[int, ...]  # without the batch: (channels, height, width) or (units,)
    parameters: int  # those that are trained
    multiply_adds: int  # for one image; biases, pooling and activations not counted


def trained_weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that training changes, by name; ValueError where a lazy one has no shape yet."""
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if lazy := [name for name, weight in trained.items() if is_lazy(weight)]:
        message = _("{name} has no shape yet: send an image through first, model(data.train.images[:1])")
        raise ValueError(message.format(name=lazy[0]))
    return trained


def count_parameters(model: nn.Module) -> int:
    """Number of trained parameters of `model` (those that require a gradient)."""
    return sum(p.numel() for p in trained_weights(model).values())


def layer_table(model: nn.Module, input_shape: tuple[int, ...] | None = None) -> list[LayerRow]:
    """One `LayerRow` per layer, in the order in which the layers run.

    `input_shape` is (channels, height, width) of one image; by default what the model's configuration says,
    else (1, 28, 28). Dropout, which changes neither shape nor count, is left out.
    """
    rows = []

    def note(name: str, layer: nn.Module, output: Tensor) -> None:
        shape, work = tuple(output.shape[1:]), _multiply_adds(layer, output)
        rows.append(LayerRow(name, type(layer).__name__, shape, count_parameters(layer), work))

    run_with_hooks(model, _blank_image(model, input_shape), note)
    return rows


def run_and_count(model: nn.Module, image: Tensor) -> tuple[Tensor, int]:
    """What `model` returns for `image` (1, channels, height, width), and the multiply-adds that it took."""
    work = []

    def note(_name: str, layer: nn.Module, output: Any) -> None:
        work.append(_multiply_adds(layer, output) if isinstance(output, Tensor) else 0)

    return run_with_hooks(model, image, note), sum(work)


def receptive_fields(model: nn.Module, input_shape: tuple[int, ...] | None = None) -> dict[str, int]:
    """Side, in input pixels, of the square that one unit sees: a dict from layer name to int.

    By the usual recurrence, r += (k − 1)·jump and jump *= stride, for convolutions and poolings that follow
    each other; dense layers, which see everything that the layer before them sees, are left out.
    """
    sides: dict[str, int] = {}
    side, jump = 1, 1

    def note(name: str, layer: nn.Module, _output: Tensor) -> None:
        nonlocal side, jump
        if not hasattr(layer, "kernel_size"):
            return
        k, stride, dilation = (_side(getattr(layer, a, 1)) for a in ("kernel_size", "stride", "dilation"))
        side += dilation * (k - 1) * jump
        jump *= stride
        sides[name] = side

    run_with_hooks(model, _blank_image(model, input_shape), note)
    return sides


def device_of(model: nn.Module) -> torch.device:
    """Where the model's weights are; the CPU for one that has none."""
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def _blank_image(model: nn.Module, shape: tuple[int, ...] | None) -> Tensor:
    config, weight = getattr(model, "config", None), next(model.parameters())
    side = getattr(config, "input_size", 28)
    shape = shape or (getattr(config, "in_channels", 1), side, side)
    return torch.zeros(1, *shape, dtype=weight.dtype, device=weight.device)


def _side(value: int | tuple[int, ...]) -> int:
    """The side of a square kernel, stride or dilation given as an int or a pair."""
    pair = value if isinstance(value, tuple) else (value, value)
    if len(set(pair)) > 1:
        raise ValueError(
            _("receptive_fields: {value!r} is not square; measure height and width apart").format(value=value)
        )
    return pair[0]


def _multiply_adds(layer: nn.Module, output: Tensor) -> int:
    if hasattr(layer, "multiply_adds"):  # a layer of our own, which knows best
        layer_itself: Any = layer
        return int(layer_itself.multiply_adds(output.shape[1:]))
    per_image = output[0].numel()
    if isinstance(layer, nn.Conv2d):
        return per_image * layer.weight[0].numel()
    if isinstance(layer, nn.Linear):
        return per_image * layer.in_features
    return 0


def run_with_hooks(model: nn.Module, image: Tensor, note: Callable[[str, nn.Module, Any], None]) -> Any:
    """Send `image` through `model`, telling `note` of every layer; leaves no trace on the model."""

    def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
        return lambda layer, _inputs, output: note(name, layer, output)

    leaves = [(n, m) for n, m in model.named_modules() if n and not list(m.children())]
    handles = [m.register_forward_hook(hook(n)) for n, m in leaves if not isinstance(m, nn.Dropout)]
    try:
        with evaluation_mode(model), torch.no_grad():
            return model(image)
    finally:
        for handle in handles:
            handle.remove()
