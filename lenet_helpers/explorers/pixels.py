"""Chapter 3.2: the pixels' values under three scalings, and what a border of zeros looks like in each."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..figures.canvas import COLOURS, GREY, bare, figure, label
from ..wording import N_, _, sentences
from .kit.base import Explorer

SCALINGS = {
    "unit": N_("as they are, [0, 1]"),
    "half": N_("(x − 0.5)/0.5"),
    "standard": N_("training mean and s.d."),
}
BINS = 32


@dataclass
class PixelState:
    """The training pixels in [0, 1], how they are scaled, and one image with a border of zeros.

    `pixels`: any shape, [0, 1]; `image`: (height, width), [0, 1]; `scaling`: a key of SCALINGS;
    `padding`: the border's width [pixels].
    """

    pixels: np.ndarray
    image: np.ndarray
    scaling: str = "half"
    padding: int = 4

    @cached_property
    def raw(self):
        """(mean, standard deviation) of the pixels in [0, 1]."""
        return float(self.pixels.mean(dtype=np.float64)), float(self.pixels.std(dtype=np.float64))

    @property
    def shift_and_scale(self):
        """(m, s) of the scaling x → (x − m)/s."""
        mean, spread = self.raw
        return {"unit": (0.0, 1.0), "half": (0.5, 0.5), "standard": (mean, spread or 1.0)}[self.scaling]

    def scaled(self, values):
        """`values` in [0, 1] after the scaling."""
        shift, scale = self.shift_and_scale
        return (values - shift) / scale

    @property
    def statistics(self):
        """(mean, standard deviation) of the pixels after the scaling."""
        return self.scaled(self.raw[0]), self.raw[1] / self.shift_and_scale[1]

    @cached_property
    def _raw_histogram(self):
        counts, edges = np.histogram(self.pixels, BINS, (0, 1))
        return 100 * counts / self.pixels.size, edges

    @property
    def histogram(self):
        """(share of the pixels in each bin [%], the bins' edges after the scaling)."""
        shares, edges = self._raw_histogram
        return shares, self.scaled(edges)

    @property
    def background(self):
        """What an empty pixel becomes."""
        return self.scaled(0.0)

    @property
    def border(self):
        """The grey level in [0, 1], black to white, at which a padded zero appears: the scaling undone."""
        shift, _scale = self.shift_and_scale
        return shift

    @property
    def padded(self):
        """The scaled image with `padding` zeros on each side, (height + 2p, width + 2p)."""
        return np.pad(self.scaled(self.image), self.padding)


class PixelExplorer(Explorer):
    """Histogram of the scaled pixels, and an image whose padding shows what 0 means now."""

    name = "pixels"

    def __init__(self, dataset):
        """`dataset`: its training pixels are counted, whatever its own scaling; colours are averaged to
        grey.
        """
        images = dataset.to_unit(dataset.train.images).clamp(0, 1).mean(1).numpy()
        super().__init__(PixelState(images, images[0]))

    def build(self):
        self.figure, _unused = figure(width=7.6, height=3.3, layout=None)
        self.figure.clear()
        ax = self.figure.add_axes((0.09, 0.17, 0.51, 0.72))
        shares, edges = self.state.histogram
        self.steps = ax.stairs(shares, edges, fill=True, color=COLOURS["sky blue"], edgecolor=COLOURS["blue"])
        self.mean = ax.axvline(0, color=COLOURS["vermillion"], linewidth=2, label=_("mean"))
        (self.spread,) = ax.plot(
            [0, 0],
            [2, 2],
            "|-",
            color=COLOURS["vermillion"],
            linewidth=2,
            markersize=14,
            label=_("mean ± s.d."),
        )
        self.zero = ax.axvline(0, color=GREY, linestyle=":", linewidth=2, label=_("zero: what padding adds"))
        ax.set_yscale("log")
        ax.set_ylim(0.05, 150)
        ax.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
        label(ax, x=_("pixel value after scaling"), y=_("share of training pixels [%]"))
        ax.legend(fontsize=9, loc="upper right")
        self._build_image(self.figure.add_axes((0.64, 0.06, 0.33, 0.8)))
        self.choice("scaling", _("scaling"), [(_(name), key) for key, name in SCALINGS.items()])
        self.slider("padding", _("padding [pixels]"), 0, 8)
        self.ask(
            _(
                "Pixels are scaled by (x − 0.5)/0.5, then the image is padded with zeros. How does the border"
                " look?"
            ),
            {
                "black": _("black, like the background"),
                "grey": _("mid-grey"),
                "white": _("white, like the ink"),
            },
            answer="grey",
        )

    def _build_image(self, ax):
        bare(ax, _("padded with zeros"))
        ax.set_facecolor("#FFFFFF")
        self.shown = ax.imshow(self.state.image, cmap="gray", vmin=0, vmax=1)
        self.axes = ax
        self.hidden = ax.text(0, 0, "?", fontsize=16, color=COLOURS["vermillion"], ha="center", va="center")

    def draw(self):
        state = self.state
        shares, edges = state.histogram
        self.steps.set_data(shares, edges)
        mean, spread = state.statistics
        self.mean.set_xdata([mean, mean])
        self.spread.set_xdata([mean - spread, mean + spread])
        room = 0.04 * (edges[-1] - edges[0])
        left = min(edges[0], mean - spread)
        self.steps.axes.set_xlim(left - room, edges[-1] + room)
        self._draw_image()

    def _draw_image(self):
        state, p = self.state, self.state.padding
        low, high = state.scaled(0.0), state.scaled(1.0)
        picture = state.padded.copy()
        if not self.revealed and p:
            inside = picture[p:-p, p:-p].copy()
            picture[:] = np.nan
            picture[p:-p, p:-p] = inside
        height, width = picture.shape
        self.shown.set_data(picture)
        self.shown.set_clim(low, high)
        self.shown.set_extent((-0.5, width - 0.5, height - 0.5, -0.5))
        self.hidden.set_text("" if self.revealed or not p else "?")
        self.hidden.set_position((width / 2 - 0.5, (p - 1) / 2))

    def sentence(self):
        state = self.state
        mean, spread = state.statistics
        text = _(
            "Scaling “{name}”: the training pixels have mean {mean:.3f} and s.d. {spread:.3f}; an empty pixel"
            " becomes {background:.3f}, full ink {ink:.3f}."
        ).format(
            name=_(SCALINGS[state.scaling]),
            mean=mean,
            spread=spread,
            background=state.background,
            ink=state.scaled(1.0),
        )
        if not self.revealed:
            return text
        if not state.padding:
            return sentences(text, _("Without padding there is no border."))
        if state.border == 0:
            return sentences(text, _("A border of zeros is background here: it cannot be seen."))
        more = _(
            "A border of zeros is {share:.0%} of the way from background to ink: a grey frame that no "
            "image had before."
        )
        return sentences(text, more.format(share=state.border))
