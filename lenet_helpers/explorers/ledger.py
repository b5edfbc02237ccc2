"""The shape ledger: every layer's shape, parameters and work, and the network drawn to scale."""

from dataclasses import dataclass

from ..figures.architecture import draw_network
from ..summary import LayerRow
from ..wording import _
from .kit.base import Explorer


class Illegal(ValueError):
    """A layer does not fit its input; the message names the layer, both sizes and the ways out."""


@dataclass
class LedgerState:
    """A LeNet's sizes. Kernels k1, k2 and channels c1, c2 of the two convolutions; `padding` on conv1."""

    input_size: int = 28
    padding: int = 0
    k1: int = 5
    k2: int = 5
    c1: int = 6
    c2: int = 16

    def rows(self):
        """One `LayerRow` per layer, by arithmetic. Raises `Illegal` at the first layer that does not fit."""
        side = _convolved("conv1", self.input_size + 2 * self.padding, self.k1)
        rows = [_conv("conv1", 1, self.c1, self.k1, side)]
        side = _pooled("pool1", side)
        rows.append(LayerRow("pool1", "MaxPool2d", (self.c1, side, side), 0, 0))
        side = _convolved("conv2", side, self.k2)
        rows.append(_conv("conv2", self.c1, self.c2, self.k2, side))
        side = _pooled("pool2", side)
        rows.append(LayerRow("pool2", "MaxPool2d", (self.c2, side, side), 0, 0))
        sizes = (self.c2 * side * side, 120, 84, 10)
        for n, (n_in, n_out) in enumerate(zip(sizes, sizes[1:]), start=1):
            rows.append(LayerRow(f"fc{n}", "Linear", (n_out,), n_in * n_out + n_out, n_in * n_out))
        return rows

    def flatten(self):
        """How many numbers the first dense layer gets."""
        channels, height, width = self.rows()[3].output_shape
        return channels * height * width

    def totals(self):
        """(parameters, multiply-adds) of the whole network."""
        rows = self.rows()
        return sum(r.parameters for r in rows), sum(r.multiply_adds for r in rows)

    def dense_share(self):
        """The fraction of the parameters that sits in the dense layers."""
        return sum(r.parameters for r in self.rows() if r.kind == "Linear") / self.totals()[0]

    def sentence(self):
        """The whole network in one sentence, or why there is none."""
        try:
            parameters, work = self.totals()
        except Illegal as error:
            return str(error)
        text = _(
            "{parameters:,} parameters ({share:.1%} of them dense), {work:,} multiply-adds; "
            "the first dense layer gets {c}×{side}×{side} = {flat:,} numbers."
        )
        channels, side, _side = self.rows()[3].output_shape
        return text.format(
            parameters=parameters,
            share=self.dense_share(),
            work=work,
            c=channels,
            side=side,
            flat=self.flatten(),
        )

    def figure(self, outcome=True):
        """The network to scale above its ledger; raises `Illegal` where there is none."""
        return draw_network((1, self.input_size, self.input_size), self.rows(), counts=outcome)


def _conv(name, n_in, n_out, k, side):
    weights = n_in * n_out * k * k
    return LayerRow(name, "Conv2d", (n_out, side, side), weights + n_out, weights * side * side)


def _convolved(name, side, k):
    if k > side:
        message = _(
            "{name}: a {k}×{k} kernel does not fit its {side}×{side} input; use padding, a smaller kernel, or"
            " fewer layers"
        )
        raise Illegal(message.format(name=name, k=k, side=side))
    return side - k + 1


def _pooled(name, side):
    if side < 2:
        message = _(
            "{name}: a 2×2 window does not fit its {side}×{side} input; use padding, a smaller kernel, or"
            " fewer layers"
        )
        raise Illegal(message.format(name=name, side=side))
    return side // 2


class LedgerExplorer(Explorer):
    """The network drawn to scale over its shapes and counts; a setting that can't be says which layer
    breaks.
    """

    name = "ledger"

    def __init__(self):
        super().__init__(LedgerState())

    def build(self):
        self.ask(
            _(
                "Without padding this network has 44,426 parameters. Pad the input of conv1 by 2 pixels on"
                " each side, change nothing else: how many are there?"
            ),
            ["44,426", "45,026", "61,706"],
            answer="61,706",
        )
        self.choice("input_size", _("input side [pixels]"), [28, 32])
        sliders = (
            ("padding", _("padding of conv1"), 0, 4),
            ("k1", _("kernel of conv1"), 1, 29),
            ("k2", _("kernel of conv2"), 1, 15),
            ("c1", _("maps of conv1"), 1, 32),
            ("c2", _("maps of conv2"), 1, 64),
        )
        for field, text, low, high in sliders:
            self.slider(field, text, low, high, continuous_update=False)

    def draw(self):
        self.figure = self.state.figure(outcome=self.revealed)

    def sentence(self):
        return (
            self.state.sentence()
            if self.revealed
            else _("The network to scale. Its counts wait for your prediction.")
        )
