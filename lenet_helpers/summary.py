"""Count and measure any network made of torch layers: shapes, parameters, work, receptive fields."""

from dataclasses import dataclass

import torch
from torch import nn

from .modes import evaluation_mode
from .wording import _


@dataclass(frozen=True)
class LayerRow:
    """One layer of a network as it runs on one image."""

    name: str
    kind: str  # the layer's class, for example "Conv2d"
    output_shape: tuple  # without the batch: (channels, height, width) or (units,)
    parameters: int  # those that are trained
    multiply_adds: int  # for one image; biases, pooling and activations not counted


def count_parameters(model):
    """Number of trained parameters of `model` (those that require a gradient)."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def layer_table(model, input_shape=None):
    """One `LayerRow` per layer, in the order in which the layers run.

    `input_shape` is (channels, height, width) of one image; by default what the model's
    configuration says, else (1, 28, 28). Dropout, which changes neither shape nor
    count, is left out.
    """
    rows = []

    def note(name):
        def hook(layer, inputs, output):
            rows.append(
                LayerRow(
                    name,
                    type(layer).__name__,
                    tuple(output.shape[1:]),
                    count_parameters(layer),
                    _multiply_adds(layer, output),
                )
            )

        return hook

    _run_with_hooks(model, input_shape or _input_shape(model), note)
    return rows


def receptive_fields(model, input_shape=None):
    """Side, in input pixels, of the square that one unit sees: a dict from layer name to int.

    By the usual recurrence, r += (k − 1)·jump and jump *= stride, for a network whose
    convolutions and poolings follow each other; dense layers, which see everything
    that the layer before them sees, are left out.
    """
    sides, state = {}, {"side": 1, "jump": 1}

    def note(name):
        def hook(layer, inputs, output):
            if not hasattr(layer, "kernel_size"):
                return
            k, stride, dilation = (_side(getattr(layer, a, 1)) for a in ("kernel_size", "stride", "dilation"))
            state["side"] += dilation * (k - 1) * state["jump"]
            state["jump"] *= stride
            sides[name] = state["side"]

        return hook

    _run_with_hooks(model, input_shape or _input_shape(model), note)
    return sides


def _input_shape(model):
    config = getattr(model, "config", None)
    side, channels = getattr(config, "input_size", 28), getattr(config, "in_channels", 1)
    return (channels, side, side)


def _side(value):
    """The side of a square kernel, stride or dilation given as an int or a pair."""
    pair = value if isinstance(value, tuple) else (value, value)
    if len(set(pair)) > 1:
        raise ValueError(
            _("receptive_fields: {value!r} is not square; measure height and width apart").format(value=value)
        )
    return pair[0]


def _multiply_adds(layer, output):
    if hasattr(layer, "multiply_adds"):  # a layer of our own, which knows best
        return layer.multiply_adds(output.shape[1:])
    per_image = output[0].numel()
    if isinstance(layer, nn.Conv2d):
        return per_image * layer.weight[0].numel()
    if isinstance(layer, nn.Linear):
        return per_image * layer.in_features
    return 0


def _run_with_hooks(model, input_shape, make_hook):
    """Send one blank image through `model` with a hook on every layer; leaves no trace on it."""
    leaves = [
        (n, m)
        for n, m in model.named_modules()
        if n and not list(m.children()) and not isinstance(m, nn.Dropout)
    ]
    handles = [m.register_forward_hook(make_hook(n)) for n, m in leaves]
    weight = next(model.parameters())
    try:
        with evaluation_mode(model), torch.no_grad():
            model(torch.zeros(1, *input_shape, dtype=weight.dtype, device=weight.device))
    finally:
        for handle in handles:
            handle.remove()
