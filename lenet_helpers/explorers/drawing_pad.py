"""Draw a digit and see what a network makes of it: the ink is fitted into MNIST's box, then classified."""

from dataclasses import dataclass, field

import ipywidgets as w
import numpy as np
import torch

from ..figures.canvas import COLOURS, bare, figure, label
from ..modes import evaluation_mode
from ..wording import _
from .kit.base import Explorer
from .kit.canvas_view import Grid

SIDE, BOX, INK = 28, 20, 56  # pixels: the network's image, MNIST's box for the ink, the pad


def like_mnist(ink):
    """A drawing (height, width) in [0, 1], 1 for ink, as MNIST's makers would have stored it: (28, 28).

    The ink's own box is scaled, its proportions kept, so that its longer side is 20 pixels, and its
    centre of mass is put on pixel (14, 14), counted from 0, as it lies in every stored digit (LeCun et al.
    1998, section III.A, says "the center"). A blank drawing
    stays blank.
    """
    ink = np.asarray(ink, dtype=np.float32)
    rows, columns = (np.flatnonzero((ink > 0.05).any(axis)) for axis in (1, 0))
    image = np.zeros((SIDE, SIDE), dtype=np.float32)
    if not len(rows):
        return image
    cut = torch.from_numpy(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = BOX / max(cut.shape)
    height, width = (max(1, round(scale * side)) for side in cut.shape)
    # "area" averages over what falls into a pixel, which is how grey edges come about.
    small = torch.nn.functional.interpolate(cut[None, None], (height, width), mode="area")[0, 0].numpy()
    y, x = (
        float((np.arange(n) * small.sum(1 - axis)).sum() / small.sum()) for axis, n in enumerate(small.shape)
    )
    # Whole pixels; a heavy side must not push the ink out of the image.
    top = min(max(round(SIDE / 2 - y), 0), SIDE - height)
    left = min(max(round(SIDE / 2 - x), 0), SIDE - width)
    image[top : top + height, left : left + width] = small
    return image


@dataclass
class PadState:
    """What is drawn, and who looks at it. `ink`: (56, 56) in [0, 1]; `scale`: from [0, 1] to what the
    network was trained on.
    """

    model: torch.nn.Module
    scale: object
    class_names: tuple
    ink: np.ndarray = field(default_factory=lambda: np.zeros((INK, INK), dtype=np.float32), repr=False)

    @property
    def image(self):
        """The drawing as the network gets it, (28, 28) in [0, 1]."""
        return like_mnist(self.ink)

    @property
    def probabilities(self):
        """Softmax over the classes, (classes,); None of a blank pad."""
        image = self.image
        if not image.any():
            return None
        with evaluation_mode(self.model), torch.inference_mode():
            logits = self.model(self.scale(torch.from_numpy(image)[None, None]))
        return logits.softmax(1)[0].numpy()


class DigitPad(Explorer):
    """Draw with the mouse, a pen or the keyboard; beside it what the network gets, and what it says."""

    name = "pad"

    def __init__(self, model, dataset):
        """`model`: trained on `dataset`, whose scaling of pixels its images then need."""
        super().__init__(PadState(model, dataset.from_unit, tuple(dataset.class_names)))

    def build(self):
        self.pad = Grid(
            rows=INK,
            columns=INK,
            cell=5,
            brush=2.2,
            name=_("Drawing pad: draw with the pointer; arrow keys move, space or Shift with an arrow inks"),
        )
        self.pad.observe(lambda change: self._guarded(lambda: self._take(change["new"])), "greys")
        self.eraser = w.ToggleButton(description=_("Rubber"), icon="eraser", layout=w.Layout(width="auto"))
        self.eraser.observe(lambda change: setattr(self.pad, "erases", change["new"]), "value")
        self.blank = w.Button(description=_("Blank page"), layout=w.Layout(width="auto"))
        self.blank.on_click(lambda _button: setattr(self.pad, "greys", bytes(INK * INK)))
        for name in ("eraser", "blank"):
            getattr(self, name).add_class(f"lenet-pad-{name}")
        self.controls["pad"] = w.HBox(
            [self.pad, w.VBox([self.eraser, self.blank])], layout=w.Layout(grid_gap="0 12px")
        )
        self.controls["pad"].add_class("lenet-wide")
        self.figure, (seen, said) = figure(1, 2, width=7.2, height=2.8, layout=None, width_ratios=(1, 1.6))
        self.figure.subplots_adjust(0.01, 0.17, 0.98, 0.88, wspace=0.2)
        bare(seen, _("what the network gets"))
        self.seen = seen.imshow(np.zeros((SIDE, SIDE)), cmap="gray", vmin=0, vmax=1)
        names = self.state.class_names
        self.bars = said.bar(range(len(names)), [0] * len(names), color=COLOURS["blue"], edgecolor="black")
        said.set_xticks(range(len(names)), names)
        said.set_ylim(0, 100)
        label(said, x=_("class"), y=_("probability [%]"), grid=False)

    def _take(self, greys):
        if len(greys) == INK * INK:
            self.state.ink = np.frombuffer(greys, np.uint8).reshape(INK, INK).astype(np.float32) / 255

    def draw(self):
        self.seen.set_data(self.state.image)
        chances = self.state.probabilities
        for i, bar in enumerate(self.bars):
            bar.set_height(0 if chances is None else 100 * chances[i])

    def sentence(self):
        chances = self.state.probabilities
        if chances is None:
            return _("The pad is blank: draw a digit.")
        best = int(chances.argmax())
        return _("The network says {name}, with a probability of {share:.0f} %.").format(
            name=self.state.class_names[best], share=100 * chances[best]
        )
