"""What an activation and an initialisation do to a fresh LeNet: signals forward, gradients back."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ..figures.canvas import AT_THE_TOP, COLOURS, GREY, bare, figure, label
from ..lenet1998 import scaled_tanh
from ..models import ACTIVATIONS, LeNetConfig, LeNetVariant
from ..modes import first_weights
from ..wording import N_, _
from .kit.base import Explorer
from .kit.fitting import require_digits

CURVES = {**ACTIVATIONS, "scaled_tanh": scaled_tanh}
NAMES = {
    "relu": "ReLU",
    "leaky_relu": N_("leaky ReLU"),
    "tanh": "tanh",
    "sigmoid": N_("sigmoid"),
    "scaled_tanh": "1.7159·tanh(2x/3)",
}
# The largest weight of a uniform distribution, from the layer's fan-in and fan-out.
BOUNDS = {
    "torch": lambda fan_in, fan_out: fan_in**-0.5,
    "1998": lambda fan_in, fan_out: 2.4 / fan_in,
    "xavier": lambda fan_in, fan_out: (6 / (fan_in + fan_out)) ** 0.5,
    "he": lambda fan_in, fan_out: (6 / fan_in) ** 0.5,
}
RULES = {
    "torch": N_("torch's default, ±1/√fan-in"),
    "1998": N_("the paper's, ±2.4/fan-in"),
    "xavier": N_("Xavier, ±√(6/(fan-in + fan-out))"),
    "he": N_("He, ±√(6/fan-in)"),
}
LAYERS = ("conv1", "conv2", "fc1", "fc2", "fc3")
# Where each layer's output is taken: pooling stands before the activation.
_OUTPUTS = {"conv1": "pool1", "conv2": "pool2", "fc1": "fc1", "fc2": "fc2", "fc3": "fc3"}


@dataclass
class ActivationState:
    """A LeNet that has not learned anything, and a batch of digits.

    `images` (n, 1, 28, 28), `labels` (n,); `activation` is a key of CURVES,
    `initialisation` one of BOUNDS; every weight is multiplied by `gain`.
    """

    images: torch.Tensor
    labels: torch.Tensor
    activation: str = "sigmoid"
    initialisation: str = "torch"
    gain: float = 1.0
    cache: dict = field(default_factory=dict, repr=False)

    def model(self):
        """The fresh network, the same at every call."""
        with first_weights(0):
            model = LeNetVariant(LeNetConfig())
            model.activation = CURVES[self.activation]
            for name in LAYERS:
                layer = getattr(model, name)
                places = layer.weight[0, 0].numel()  # 25 for a convolution, 1 for a dense layer
                fans = layer.weight[0].numel(), layer.weight.shape[0] * places
                bound = self.gain * BOUNDS[self.initialisation](*fans)
                nn.init.uniform_(layer.weight, -bound, bound)
                nn.init.zeros_(layer.bias)
        return model

    def signals(self):
        """(outputs, gradients): dicts from layer to flat tensors, after the activation and of the weights."""
        return self._once(self._measure)

    def _once(self, measure):
        """What `measure` finds, which is asked once for each setting."""
        key = (measure.__name__, self.activation, self.initialisation, self.gain)
        if key not in self.cache:
            self.cache[key] = measure()
        return self.cache[key]

    def _measure(self):
        model, found = self.model(), {}
        for layer, tap in _OUTPUTS.items():
            squash = CURVES[self.activation] if layer != "fc3" else lambda x: x
            getattr(model, tap).register_forward_hook(
                lambda m, i, out, layer=layer, f=squash: found.update({layer: f(out).detach().flatten()})
            )
        F.cross_entropy(model(self.images), self.labels).backward()
        return found, {name: getattr(model, name).weight.grad.flatten() for name in LAYERS}

    def spreads(self):
        """Standard deviation of a unit's output across the images, root mean square over a layer's units."""
        return self._once(self._spreads)

    def _spreads(self):
        return {
            name: float(values.view(len(self.images), -1).std(0).square().mean().sqrt())
            for name, values in self.signals()[0].items()
        }

    def sizes(self):
        """Root mean square of every layer's outputs and weight gradients: two dicts from layer to float."""
        return self._once(self._sizes)

    def _sizes(self):
        return tuple(
            {name: float(values.square().mean().sqrt()) for name, values in part.items()}
            for part in self.signals()
        )

    def fading(self):
        """How many times smaller conv1's gradients are than those of fc3, by their root mean squares."""
        gradients = self.sizes()[1]
        return gradients["fc3"] / gradients["conv1"] if gradients["conv1"] else float("inf")

    def curve(self):
        """x, activation and derivative as three tensors."""
        x = torch.linspace(-4, 4, 161, requires_grad=True)
        y = CURVES[self.activation](x)
        (slope,) = torch.autograd.grad(y.sum(), x)
        return x.detach(), y.detach(), slope

    def sentence(self):
        """The two things to read off, with numbers."""
        outputs, gradients = self.sizes()
        text = _(
            "{activation}, {rule}, gain {gain:g}; {n} digits, before any training: from digit to digit the"
            " outputs of fc2 differ by {spread:.2g} (s.d.), and conv1's gradients are {ratio:.3g} times as"
            " large as fc3's."
        )
        spread = self.spreads()["fc2"]
        return text.format(
            activation=_(NAMES[self.activation]),
            rule=_(RULES[self.initialisation]),
            gain=self.gain,
            n=len(self.labels),
            spread=spread,
            ratio=gradients["conv1"] / gradients["fc3"],
        )


class ActivationExplorer(Explorer):
    """Choose activation, initialisation and gain; see what reaches the last layer and what comes back."""

    name = "activations"

    def __init__(self, split, count=100):
        """`split`: a Split of 28×28 digits, standardised; `count` of them are used, spread over it."""
        require_digits(split.images, "ActivationExplorer", split.labels)
        step = max(1, len(split) // count)  # spread over the split, which may be sorted by class
        super().__init__(ActivationState(split.images[::step][:count], split.labels[::step][:count]))

    def build(self):
        self.figure, axes = figure(3, 2, width=9.2, height=4.5, layout=None)
        left, right = 0.05, 0.99
        self.curves = []
        for at, ax, dash, limits in zip((left, 0.57), axes[0], ("-", (0, (4, 2))), ((-2, 4), (-0.1, 1.3))):
            ax.set_position((at, 0.7, 0.42, 0.23))
            self.curves += ax.plot([], [], color=COLOURS["blue"], linewidth=2, linestyle=dash)
            ax.axhline(0, color=GREY, linewidth=0.8)
            label(ax, title=" ")
            ax.set(xlim=(-4, 4), ylim=limits, xticks=(-4, 0, 4), yticks=(0, 1))
        axes[0, 1].set_title(_("its derivative"), fontsize=12, **AT_THE_TOP)
        for bottom, (ax, unused) in zip((0.345, 0.03), axes[1:]):
            ax.set_position((left, bottom, right - left, 0.21))
            unused.remove()
        self.outputs = _Histograms(
            axes[1, 0],
            _("outputs of each layer"),
            _("outputs of each layer, from {low:.2g} to {high:.2g}; at its name, their spread across digits"),
            COLOURS["sky blue"],
        )
        self.gradients = _Histograms(
            axes[2, 0],
            _("gradients of each layer, log10 of their size"),
            _(
                "gradients of each layer, log10 of their size, from {low:.2g} to {high:.2g};"
                " at its name, their size"
            ),
            COLOURS["orange"],
        )
        self.ask(
            _(
                "A fresh LeNet with sigmoids. How large are the gradients of conv1's weights beside those of"
                " fc3's?"
            ),
            {
                "alike": _("about as large"),
                "tenth": _("about a tenth"),
                "hundredth": _("less than a hundredth"),
            },
            answer=self._answer,
        )
        self.choice("activation", _("activation"), [(_(text), key) for key, text in NAMES.items()])
        self.choice("initialisation", _("initialisation"), [(_(text), key) for key, text in RULES.items()])
        self.slider("gain", _("gain"), 0.25, 4.0, 0.25, continuous_update=False)

    def _answer(self):
        fading = ActivationState(self.state.images, self.state.labels).fading()
        return "hundredth" if fading > 100 else "tenth" if fading > 3 else "alike"

    def draw(self):
        state = self.state
        x, y, slope = state.curve()
        for line, values in zip(self.curves, (y, slope)):
            line.set_data(x.numpy(), values.numpy())
        self.curves[0].axes.set_title(_(NAMES[state.activation]), fontsize=12, **AT_THE_TOP)
        if not self.revealed:
            self.outputs.hide()
            self.gradients.hide()
            return
        outputs, gradients = state.signals()
        largest = max(float(g.abs().max()) for g in gradients.values())
        top = max(-1.0, math.log10(largest)) if largest else -1.0
        # One range for all layers, so that shrinking shows.
        ends = min(float(o.min()) for o in outputs.values()), max(float(o.max()) for o in outputs.values())
        spreads, sizes = state.spreads(), state.sizes()[1]
        self.outputs.show(outputs, ends, {layer: f"{layer}: {spreads[layer]:.2g}" for layer in LAYERS})
        logs = {layer: g.abs().clamp(min=1e-12).log10() for layer, g in gradients.items()}
        self.gradients.show(logs, (-8.0, top), {layer: f"{layer}: {sizes[layer]:.1e}" for layer in LAYERS})

    def sentence(self):
        return (
            self.state.sentence()
            if self.revealed
            else _("The sigmoid and its derivative. What it does to a network waits for your prediction.")
        )


class _Histograms:
    """A row of histograms, one for each layer, over one range: one artist, moved and never made anew."""

    BARS, WIDE = 30, 1.2  # of a layer; how far apart two layers begin

    def __init__(self, ax, title, ranged, colour):
        self.ax, self.title, self.ranged = ax, title, ranged
        bare(ax)
        starts = self.WIDE * np.arange(len(LAYERS))
        edges = starts[:, None] + np.linspace(0, 1, self.BARS + 1)
        self.none = np.full((len(LAYERS), self.BARS + 1), np.nan)
        self.bars = ax.stairs(
            self.none.ravel()[:-1],
            edges.ravel(),
            fill=True,
            facecolor=colour,
            edgecolor="black",
            linewidth=0.4,
        )
        ax.hlines(np.zeros(len(LAYERS)), starts, starts + 1, color="black", linewidth=0.8)
        ax.set(xlim=(0, starts[-1] + 1), ylim=(-0.02, 1.2))
        self.names = [ax.text(x + 0.02, 1.06, "", fontsize=9) for x in starts]
        self.head = ax.set_title(title, fontsize=10, loc="left", **AT_THE_TOP)

    def hide(self):
        self.bars.set_data(self.none.ravel()[:-1])
        self.head.set_text(self.title)
        for text, layer in zip(self.names, LAYERS):
            text.set_text(f"{layer}: ?")

    def show(self, values, limits, names):
        """How often the values of each layer's flat tensor occur between `limits`, the most frequent being 1;
        over them their `names`.
        """
        low, high = limits
        if high - low < 1e-3:  # all but one value: give the bar a width that can be seen
            low, high = low - 0.5e-3, high + 0.5e-3
        heights = self.none.copy()
        for row, layer in zip(heights, LAYERS):
            counts, _edges = np.histogram(values[layer].numpy(), self.BARS, (low, high))
            row[:-1] = counts / max(1, counts.max())
        self.bars.set_data(heights.ravel()[:-1])
        self.head.set_text(self.ranged.format(low=low, high=high))
        for text, layer in zip(self.names, LAYERS):
            text.set_text(names[layer])
