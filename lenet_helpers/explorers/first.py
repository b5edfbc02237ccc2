"""Chapter 0: the smallest of the interactive figures, to meet prediction, slider and sentence."""

from dataclasses import dataclass

from matplotlib.patches import Rectangle

from ..figures.canvas import COLOURS, GREY, bare, figure
from ..wording import _
from .kit.base import Explorer

START = 28  # MNIST's side; the slider ends at twice that


@dataclass
class SideState:
    """A square image of `side` times `side` pixels."""

    side: int = START

    @property
    def pixels(self):
        return self.side**2

    @property
    def factor(self):
        """How many times as many pixels as an image of 28×28 has."""
        return self.pixels / START**2


class FirstExplorer(Explorer):
    """A square that grows with the slider, beside one of 28×28 pixels."""

    name = "first"

    def __init__(self):
        super().__init__(SideState())

    def build(self):
        self.figure, ax = figure(width=6, height=2.6, layout=None)
        ax.set_position((0.02, 0.02, 0.96, 0.96))
        bare(ax)
        ax.set(xlim=(-1, 100), ylim=(-1, 2 * START + 1), aspect="equal")
        ax.add_patch(Rectangle((0, 0), START, START, facecolor="none", edgecolor=GREY, linewidth=2))
        ax.text(START / 2, START / 2, f"{START}×{START}", ha="center", va="center", color=GREY)
        self.square = ax.add_patch(Rectangle((START + 8, 0), START, START, facecolor=COLOURS["sky blue"]))
        self.size = ax.text(START + 8, START / 2, "", ha="center", va="center")
        self.slider("side", _("side [pixels]"), 1, 2 * START)
        self.ask(
            _("An image grows to twice its side. How many times as many pixels does it hold?"),
            ["2", "4", "8"],
            answer="4",
        )

    def outcome(self):
        """What was asked: an image of twice the side."""
        before, self.state.side = self.state.side, 2 * START
        try:
            return self.still(revealed=True)
        finally:
            self.state.side = before
            self.draw()

    def draw(self):
        side = self.state.side
        self.square.set(width=side, height=side)
        self.size.set(x=START + 8 + side / 2, y=side / 2)
        self.size.set_text(f"{side}×{side}" + (f"\n{self.state.pixels:,}" if self.revealed else ""))

    def sentence(self):
        state = self.state
        if not self.revealed:
            return _("A square image of {n}×{n} pixels, beside one of 28×28.").format(n=state.side)
        return _("{n}×{n} are {pixels:,} pixels: {factor:.2f} times the 784 of a 28×28 image.").format(
            n=state.side, pixels=state.pixels, factor=state.factor
        )
