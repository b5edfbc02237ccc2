"""The shape ledger: every layer's shape, parameters and work, and the network drawn to scale."""

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache

from torch import nn

from ..figures.architecture import draw_network, network_figure
from ..models import conv_side, pool_side
from ..summary import layer_table
from ..wording import _
from .kit.base import Explorer


@dataclass(unsafe_hash=True)
class LedgerState:
    """A LeNet's sizes. Kernels k1, k2 and channels c1, c2 of the two convolutions; `padding` on conv1."""

    input_size: int = 28
    padding: int = 0
    k1: int = 5
    k2: int = 5
    c1: int = 6
    c2: int = 16

    def _layers(self):
        """Name, layer, name, layer, …; ValueError where the one of that name does not fit."""
        yield "conv1"
        side = conv_side("conv1", self.input_size, self.k1, self.padding)
        yield nn.Conv2d(1, self.c1, self.k1, padding=self.padding, device="meta")
        yield "pool1"
        side = pool_side("pool1", side)
        yield nn.MaxPool2d(2)
        yield "conv2"
        side = conv_side("conv2", side, self.k2)
        yield nn.Conv2d(self.c1, self.c2, self.k2, device="meta")
        yield "pool2"
        side = pool_side("pool2", side)
        yield nn.MaxPool2d(2)
        yield "flatten"
        yield nn.Flatten()
        sizes = (self.c2 * side * side, 120, 84, 10)
        for n, (n_in, n_out) in enumerate(zip(sizes, sizes[1:]), start=1):
            yield f"fc{n}"
            yield nn.Linear(n_in, n_out, device="meta")

    @property
    def problem(self):
        """Why there is no such network: the layer, both sizes and the ways out; None where there is one."""
        return _built(self)[2]

    @property
    def broken(self):
        """The name of the first layer that does not fit, or None."""
        return _built(self)[1]

    def rows(self):
        """One `LayerRow` a layer, up to the first that does not fit, by the course's own `layer_table`."""
        return _built(self)[0]

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
        if self.problem:
            return self.problem
        parameters, work = self.totals()
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


@lru_cache(16)
def _built(state):
    """(rows up to the first layer that does not fit; that one's name or None; why or None)."""
    layers, steps, name, why = OrderedDict(), state._layers(), None, None
    try:
        for name in steps:
            layers[name] = next(steps)
        name = None
    except ValueError as error:
        why = str(error)
    if not layers:
        return [], name, why
    # Weights without values: only shapes count. To run on the device "meta", where nothing would be computed
    # at all, torch first loads its compiler, for longer than all this takes.
    network = nn.Sequential(layers).to_empty(device="cpu")
    rows = layer_table(network, (1, state.input_size, state.input_size))
    return [row for row in rows if row.kind != "Flatten"], name, why


class LedgerExplorer(Explorer):
    """The network drawn to scale over its shapes and counts; a setting that can't be says which layer
    breaks.
    """

    name = "ledger"

    def __init__(self):
        super().__init__(LedgerState())

    def build(self):
        self.figure, self.top, self.bottom = network_figure()
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
        state = self.state
        shape = (1, state.input_size, state.input_size)
        draw_network(self.top, self.bottom, shape, state.rows(), counts=self.revealed, broken=state.broken)

    def sentence(self):
        if self.state.problem:
            return _("There is no such network: {layer} does not fit.").format(layer=self.state.broken)
        return (
            self.state.sentence()
            if self.revealed
            else _("The network to scale. Its counts wait for your prediction.")
        )
