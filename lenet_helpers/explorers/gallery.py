"""Chapter 3.1: one digit, the box that holds its ink, where its ink balances, and its class's mean."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from matplotlib.patches import Rectangle

from ..analysis import bounding_box
from ..figures.canvas import COLOURS, bare, figure
from ..wording import _, sentences
from .kit.base import Explorer

SIDE = 20  # pixels: the box that MNIST's makers scaled every digit to
FAINTEST = 0.5 / 255  # less than the lowest grey level above an empty pixel


def centre_of_mass(image):
    """(y, x) of the mean position of the ink in `image` (height, width), in pixels from the upper left
    corner's centre.
    """
    ink = image.double()
    y, x = (torch.arange(n, dtype=torch.float64) for n in ink.shape)
    return float((ink.sum(1) * y).sum() / ink.sum()), float((ink.sum(0) * x).sum() / ink.sum())


@dataclass
class GalleryState:
    """Which image is looked at: the `index`-th of class `label`, counted from 0.

    `images`: (n, height, width) in [0, 1], 0 for an empty pixel; `labels`: (n,).
    """

    images: torch.Tensor
    labels: torch.Tensor
    class_names: tuple
    label: int = 0
    index: int = 0

    @cached_property
    def smallest_class(self):
        """How many images the rarest class has."""
        return int(torch.bincount(self.labels, minlength=len(self.class_names)).min())

    @property
    def of_class(self):
        """All images of the class, (m, height, width)."""
        return self.images[self.labels == self.label]

    @property
    def image(self):
        """The image looked at, (height, width)."""
        return self.of_class[self.index]

    @property
    def box(self):
        """(top, left, height, width) of the smallest box with all the ink; None of a blank image."""
        return bounding_box(self.image, FAINTEST)

    @property
    def centre(self):
        """(y, x) at which the ink balances, in pixels counted from 0; None of a blank image."""
        return centre_of_mass(self.image) if self.box else None

    @property
    def margin(self):
        """(rows above, columns left) of the central SIDE × SIDE box."""
        height, width = self.images.shape[1:]
        return max(0, (height - SIDE) // 2), max(0, (width - SIDE) // 2)

    @cached_property
    def shares(self):
        """(fraction whose own box is at most SIDE × SIDE, fraction inside the central one)."""
        rows, columns = ((self.images > FAINTEST).any(axis).numpy() for axis in (2, 1))
        own = (_extent(rows) <= SIDE) & (_extent(columns) <= SIDE)
        central = np.ones(len(rows), bool)
        for ink, margin in zip((rows, columns), self.margin):
            outside = np.concatenate([ink[:, :margin], ink[:, margin + SIDE :]], 1)
            central &= ~outside.any(1)
        return float(own.mean()), float(central.mean())


def _extent(ink):
    """From the first True to the last of each row of `ink` (n, length), in pixels."""
    first, last = ink.argmax(1), ink.shape[1] - 1 - ink[:, ::-1].argmax(1)
    return np.where(ink.any(1), last - first + 1, 0)


class GalleryExplorer(Explorer):
    """An image with its own box, the central box and its centre of mass; the class's mean beside it."""

    name = "gallery"

    def __init__(self, dataset):
        """`dataset`: its training images are shown; colours are averaged to grey."""
        images = dataset.to_unit(dataset.train.images).mean(1)
        super().__init__(GalleryState(images, dataset.train.labels, dataset.class_names))

    def build(self):
        state = self.state
        self.figure, _unused = figure(width=7.6, height=3.3, layout=None)
        self.figure.clear()
        one = self.figure.add_axes((0.01, 0.12, 0.33, 0.76))
        mean = self.figure.add_axes((0.36, 0.12, 0.33, 0.76))
        bare(one, " ")
        bare(mean, " ")
        self.title, self.mean_title = one.title, mean.title
        self.one, self.mean = (
            ax.imshow(state.images[0].numpy(), cmap="gray", vmin=0, vmax=1) for ax in (one, mean)
        )
        self.own = one.add_patch(
            Rectangle(
                (0, 0), 1, 1, fill=False, edgecolor=COLOURS["orange"], linewidth=2.5, label=_("its own box")
            )
        )
        for ax in (one, mean):
            top, left = state.margin
            centre = ax.add_patch(
                Rectangle(
                    (left - 0.5, top - 0.5),
                    SIDE,
                    SIDE,
                    fill=False,
                    linestyle="--",
                    edgecolor=COLOURS["sky blue"],
                    linewidth=2,
                    label=_("central {n}×{n}").format(n=SIDE),
                )
            )
        (self.mark,) = one.plot(
            [],
            [],
            "P",
            color=COLOURS["vermillion"],
            markeredgecolor="white",
            markersize=10,
            label=_("centre of mass"),
        )
        self.figure.legend(
            handles=[self.own, centre, self.mark],
            loc="lower center",
            bbox_to_anchor=(0.35, -0.01),
            ncols=3,
            fontsize=10,
            facecolor="#404040",
            labelcolor="white",
            edgecolor="none",
        )
        self._build_bars(self.figure.add_axes((0.75, 0.2, 0.23, 0.6)))
        self.slider("label", _("class (number in the list)"), 0, len(state.class_names) - 1)
        self.slider("index", _("which image of the class"), 0, state.smallest_class - 1)
        self._ask()

    def _build_bars(self, ax):
        names = [_("own box\nat most\n{n}×{n}").format(n=SIDE), _("inside\ncentral\n{n}×{n}").format(n=SIDE)]
        self.bars = ax.bar(
            range(2),
            [0, 0],
            color=[COLOURS["orange"], COLOURS["sky blue"]],
            edgecolor="black",
            hatch=("", "//"),
        )
        self.numbers = [ax.text(i, 0, "", ha="center", va="bottom", fontsize=11) for i in range(2)]
        ax.set_xticks(range(2), names)
        ax.set_ylim(0, 115)
        ax.set_yticks([0, 50, 100])
        ax.set_title(_("training images [%]"), fontsize=11)

    def _ask(self):
        options = {"5": _("about 5 %"), "25": _("about 25 %"), "75": _("about 75 %"), "100": _("all of them")}
        near = min(options, key=lambda percent: abs(int(percent) - 100 * self.state.shares[1]))
        self.ask(
            _(
                "You cut a border of 4 pixels off each 28×28 image, which leaves the central 20×20. What"
                " share of the training images loses no ink?"
            ),
            options,
            answer=near,
        )

    def draw(self):
        state = self.state
        self.one.set_data(state.image.numpy())
        self.mean.set_data(state.of_class.mean(0).numpy())
        name = state.class_names[state.label]
        self.title.set_text(_("class {name}, image {index}").format(name=name, index=state.index))
        self.mean_title.set_text(_("mean of {n} images").format(n=len(state.of_class)))
        top, left, height, width = state.box or (0, 0, 0, 0)
        self.own.set_bounds(left - 0.5, top - 0.5, width, height)
        y, x = state.centre or (np.nan, np.nan)
        self.mark.set_data([x], [y])
        for bar, number, share in zip(self.bars, self.numbers, state.shares):
            bar.set_height(100 * share if self.revealed else 0)
            number.set_y(100 * share + 2 if self.revealed else 2)
            number.set_text(f"{100 * share:.1f}" if self.revealed else "?")

    def sentence(self):
        state = self.state
        if state.box is None:
            return _("This image is blank: it has no box and no centre of mass.")
        top, left, height, width = state.box
        text = _(
            "The ink of this image fills a box {height} pixels high and {width} wide, its upper left corner"
            " in row {top}, column {left}; it balances at row {y:.1f}, column {x:.1f}."
        ).format(height=height, width=width, top=top, left=left, y=state.centre[0], x=state.centre[1])
        if not self.revealed:
            return text
        own, central = state.shares
        more = _(
            "Of {n:,} training images {own:.1%} fit a {side}×{side} box of their own, and {central:.1%}"
            " lie inside the central one."
        )
        return sentences(text, more.format(n=len(state.images), own=own, central=central, side=SIDE))
