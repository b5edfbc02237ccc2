"""Receptive fields twice: by arithmetic, and by asking which input pixels have a gradient."""

from dataclasses import dataclass, field

import torch
from matplotlib.patches import Rectangle

from ..figures.canvas import COLOURS, bare, figure
from ..models import LeNet, LeNetConfig, LeNetVariant
from ..modes import first_weights
from ..summary import receptive_fields
from ..wording import N_, _
from .kit.base import Explorer
from .kit.fitting import require_digits

LAYERS = ("conv1", "pool1", "conv2", "pool2")
WAYS = {
    "one": N_("one image, one map; max pooling"),
    "union": N_("200 images, all maps; max pooling"),
    "smooth": N_("one image, one map; average pooling"),
}


@dataclass
class ReceptiveState:
    """One unit of an untrained LeNet and the input pixels that it depends on.

    `images` (n, 1, 28, 28) in [0, 1], 200 or more for the way "union"; `layer` is one of
    LAYERS, (`row`, `column`) the unit's place in its map; `way` a key of WAYS; with max pooling
    goes ReLU, with average pooling tanh.
    """

    images: torch.Tensor
    layer: str = "pool2"
    row: int = 1
    column: int = 2
    way: str = "one"
    picture: int = 0
    cache: dict = field(default_factory=dict, repr=False)

    def model(self):
        """The network asked: fresh weights, the same at every call, in evaluation mode."""
        smooth = LeNetConfig(activation="tanh", pooling="average")
        with first_weights(0):
            return (LeNetVariant(smooth) if self.way == "smooth" else LeNet()).eval()

    def side(self):
        """The receptive field's side in pixels, by arithmetic."""
        with first_weights(0):
            return receptive_fields(LeNet())[self.layer]

    def jump(self):
        """How many pixels the field moves from one unit to the next: each pooling doubles it."""
        return {"conv1": 1, "pool1": 2, "conv2": 2, "pool2": 4}[self.layer]

    def units(self):
        """Units along one side of the layer's maps."""
        return {"conv1": 24, "pool1": 12, "conv2": 8, "pool2": 4}[self.layer]

    def position(self):
        """(row, column), no further than the last unit."""
        return min(self.row, self.units() - 1), min(self.column, self.units() - 1)

    def box(self):
        """(top, left, side) in input pixels, by arithmetic: side + jump·position."""
        row, column = self.position()
        return row * self.jump(), column * self.jump(), self.side()

    def gradient(self):
        """Size of the unit's gradient at every pixel (28, 28): the largest over the images asked."""
        key = (self.layer, *self.position(), self.way, self.picture)
        if key not in self.cache:
            self.cache[key] = self._measure()
        return self.cache[key]

    def _measure(self):
        generator, (row, column) = torch.Generator().manual_seed(0), self.position()
        images = self.images[:200] if self.way == "union" else self.images[self.picture : self.picture + 1]
        if self.way == "union":
            # Where paper is blank all values of a window tie and its first one always wins; a
            # trace of noise decides.
            images = images + 0.02 * torch.randn(images.shape, generator=generator)
        images = images.clone().requires_grad_()
        maps = _output_of(self.model(), self.layer, images)[:, :, row, column]
        # All maps at once, weighted at random: a weighted sum of gradients vanishes only where all
        # of them do.
        weights = (
            torch.randn(maps.shape[1], generator=generator)
            if self.way == "union"
            else torch.eye(maps.shape[1])[0]
        )
        (maps * weights).sum().backward()
        return images.grad[:, 0].abs().amax(0)

    def seen(self):
        """(top, left, height, width) of the smallest box around all pixels with a gradient; None if there
        is none.
        """
        touched = self.gradient() > 0
        rows, columns = (
            touched.any(1).nonzero().flatten().tolist(),
            touched.any(0).nonzero().flatten().tolist(),
        )
        if not rows:
            return None
        return rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1

    def count(self):
        """How many pixels have a gradient."""
        return int((self.gradient() > 0).sum())

    def sentence(self):
        """Arithmetic and measurement in one sentence."""
        row, column = self.position()
        text = _(
            "{layer}, unit ({row}, {column}): by arithmetic it sees {side}×{side} = {all} pixels; {way}: {n}"
            " of them have a gradient."
        )
        return text.format(
            layer=self.layer,
            row=row,
            column=column,
            side=self.side(),
            all=self.side() ** 2,
            way=_(WAYS[self.way]),
            n=self.count(),
        )


def _output_of(model, layer, images):
    """What `layer` gives out, (n, c, h, w)."""
    found = {}
    handle = getattr(model, layer).register_forward_hook(
        lambda module, inputs, output: found.update(output=output)
    )
    try:
        model(images)
    finally:
        handle.remove()
    return found["output"]


class ReceptiveFieldExplorer(Explorer):
    """Pick a unit; see the box of input pixels it sees, computed and measured."""

    name = "receptive"

    def __init__(self, images):
        """`images`: 200 digits or more, (n, 1, 28, 28) in [0, 1]."""
        require_digits(images, "ReceptiveFieldExplorer")
        super().__init__(ReceptiveState(images))

    def build(self):
        self.figure, axes = figure(1, 2, width=7.2, height=3.8, layout=None)
        self.figure.subplots_adjust(left=0.01, right=0.99, top=0.91, bottom=0.02, wspace=0.04)
        for ax in axes:
            bare(ax, " ")
            ax.spines[:].set_visible(True)
        self.titles = [ax.title for ax in axes]
        blank = torch.zeros(28, 28).numpy()
        self.input = axes[0].imshow(blank, cmap="Greys", vmin=0, vmax=1.4)
        self.gradient = axes[1].imshow(blank, cmap="Greys", vmin=0)
        (self.dots,) = axes[1].plot([], [], linestyle="", marker=".", markersize=4, color=COLOURS["blue"])
        style = dict(fill=False, edgecolor=COLOURS["vermillion"], linewidth=3)
        self.boxes = [ax.add_patch(Rectangle((0, 0), 1, 1, **style)) for ax in axes]
        self.ask(
            _("One number after pool2: how wide is the square of the input that it depends on?"),
            ["4", "10", "16", "28"],
            answer="16",
        )
        self.choice("layer", _("layer"), LAYERS)
        self.slider("row", _("unit's row"), 0, 23)
        self.slider("column", _("unit's column"), 0, 23)
        self.choice("way", _("measured on"), [(_(text), key) for key, text in WAYS.items()])
        self.slider("picture", _("image"), 0, 19)

    def draw(self):
        state = self.state
        for name in ("row", "column"):
            self.controls[name].max = state.units() - 1
        self.input.set_data(state.images[state.picture, 0].numpy())
        for artist in (*self.boxes, self.gradient, self.dots):
            artist.set_visible(self.revealed)
        if not self.revealed:
            self.titles[0].set_text(_("input"))
            self.titles[1].set_text("?")
            return
        self.titles[0].set_text(_("input, and the box by arithmetic"))
        self.titles[1].set_text(_("size of the gradient; dot: not zero"))
        gradient = state.gradient()
        self.gradient.set_data(gradient.numpy() ** 0.5)
        self.gradient.set_clim(0, float(gradient.max()) ** 0.5 or 1.0)
        rows, columns = (gradient > 0).nonzero(as_tuple=True)
        self.dots.set_data(columns.numpy(), rows.numpy())
        top, left, side = state.box()
        for box in self.boxes:
            box.set_bounds(left - 0.5, top - 0.5, side, side)

    def sentence(self):
        return (
            self.state.sentence()
            if self.revealed
            else _("A digit. The box that one unit sees waits for your prediction.")
        )
