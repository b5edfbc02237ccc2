"""What an activation and an initialisation do to a fresh LeNet: signals forward, gradients back."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F

from ..figures.canvas import COLOURS, GREY, figure, label
from ..lenet1998 import scaled_tanh
from ..models import ACTIVATIONS, LeNetConfig, LeNetVariant
from ..wording import N_, _
from .kit.base import Explorer

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
_OUTPUTS = {
    "conv1": "pool1",
    "conv2": "pool2",
    "fc1": "fc1",
    "fc2": "fc2",
    "fc3": "fc3",
}  # pooling stands before the activation


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
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = LeNetVariant(LeNetConfig())
            model.activation = CURVES[self.activation]
            with torch.no_grad():
                for name in LAYERS:
                    layer = getattr(model, name)
                    places = layer.weight[0, 0].numel()  # 25 for a convolution, 1 for a dense layer
                    fans = layer.weight[0].numel(), layer.weight.shape[0] * places
                    bound = self.gain * BOUNDS[self.initialisation](*fans)
                    layer.weight.uniform_(-bound, bound)
                    layer.bias.zero_()
        return model

    def signals(self):
        """(outputs, gradients): dicts from layer to flat tensors, after the activation and of the weights."""
        key = (self.activation, self.initialisation, self.gain)
        if key not in self.cache:
            self.cache[key] = self._measure()
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

    def sizes(self):
        """Root mean square of every layer's outputs and weight gradients: two dicts from layer to float."""
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
            "{activation}, {rule}, gain {gain:g}; {n} digits, before any training: outputs of fc2 have a"
            " spread of {spread:.2g}, conv1's gradients are {ratio:.3g} times as large as fc3's."
        )
        spread = float(self.signals()[0]["fc2"].std())
        return text.format(
            activation=_(NAMES[self.activation]),
            rule=_(RULES[self.initialisation]),
            gain=self.gain,
            n=len(self.labels),
            spread=spread,
            ratio=gradients["conv1"] / gradients["fc3"],
        )

    def figure(self, outcome=True):
        """Curve and derivative; below them a histogram of outputs and of gradients for each layer."""
        fig, axes = figure(3, 5, width=9.6, height=6.4, layout=None, height_ratios=(1.3, 1, 1))
        fig.subplots_adjust(left=0.055, right=0.99, top=0.93, bottom=0.085, hspace=0.62, wspace=0.28)
        for ax in axes[0, 2:]:
            ax.remove()
        self._curves(axes[0, 0], axes[0, 1])
        fig.text(0.43, 0.80, self._notes() if outcome else "?", fontsize=11, va="center", linespacing=1.5)
        outputs, gradients = self.signals()
        for ax, name in zip(axes[1], LAYERS):
            _histogram(ax, outputs[name] if outcome else None, COLOURS["sky blue"])
            label(ax, title=_("outputs of {layer}").format(layer=name), grid=False)
        largest = max(float(g.abs().max()) for g in gradients.values())
        for ax, name in zip(axes[2], LAYERS):
            values = gradients[name].abs().clamp(min=1e-12).log10() if outcome else None
            _histogram(
                ax, values, COLOURS["orange"], limits=(-8, max(-1.0, torch.tensor(largest).log10().item()))
            )
            label(ax, title=_("gradients of {layer}").format(layer=name), x=_("log10 of size"), grid=False)
        for ax in (*axes[1], *axes[2]):
            ax.set_yticks([])
            ax.title.set_fontsize(10)
            ax.tick_params(labelsize=8)
            ax.xaxis.label.set_fontsize(9)
        return fig

    def _curves(self, left, right):
        x, y, slope = self.curve()
        for ax, values, title in ((left, y, _(NAMES[self.activation])), (right, slope, _("its derivative"))):
            ax.plot(
                x, values, color=COLOURS["blue"], linewidth=2, linestyle="-" if ax is left else (0, (4, 2))
            )
            ax.axhline(0, color=GREY, linewidth=0.8)
            label(ax, title=title)
        left.set_ylim(-2, 4)
        right.set_ylim(-0.1, 1.3)

    def _notes(self):
        outputs, gradients = self.sizes()
        spread = {name: float(values.std()) for name, values in self.signals()[0].items()}
        lines = [_("layer: spread of outputs, size of gradients")]
        lines += [f"{name}: {spread[name]:.2g}, {gradients[name]:.1e}" for name in LAYERS]
        return "\n".join(lines)


def _histogram(ax, values, colour, limits=None):
    if values is None:
        ax.text(0.5, 0.5, "?", transform=ax.transAxes, ha="center", va="center")
        return
    low, high = limits or (float(values.min()), float(values.max()))
    if high - low < 1e-3:  # all but one value: give the bar a width that can be seen
        low, high = low - 0.5e-3, high + 0.5e-3
    ax.hist(values.numpy(), bins=30, range=(low, high), color=colour, edgecolor="black", linewidth=0.3)
    ax.set_xlim(low, high)


class ActivationExplorer(Explorer):
    """Choose activation, initialisation and gain; see what reaches the last layer and what comes back."""

    name = "activations"

    def __init__(self, split, count=200):
        """`split`: a Split of 28×28 digits, standardised; the first `count` are used."""
        step = max(1, len(split) // count)  # spread over the split, which may be sorted by class
        super().__init__(ActivationState(split.images[::step][:count], split.labels[::step][:count]))

    def build(self):
        self.ask(
            _(
                "A fresh LeNet with sigmoids. How large are the gradients of conv1's weights beside those of"
                " fc3's?"
            ),
            [_("about as large"), _("about a tenth"), _("less than a hundredth")],
            answer=self._answer,
        )
        self.choice("activation", _("activation"), [(_(text), key) for key, text in NAMES.items()])
        self.choice("initialisation", _("initialisation"), [(_(text), key) for key, text in RULES.items()])
        self.slider("gain", _("gain"), 0.25, 4.0, 0.25, continuous_update=False)

    def _answer(self):
        fading = ActivationState(self.state.images, self.state.labels).fading()
        return (
            _("less than a hundredth")
            if fading > 100
            else _("about a tenth")
            if fading > 3
            else _("about as large")
        )

    def draw(self):
        self.figure = self.state.figure(outcome=self.revealed)

    def sentence(self):
        return (
            self.state.sentence()
            if self.revealed
            else _("The sigmoid and its derivative. What it does to a network waits for your prediction.")
        )
