"""Chapter 1.2: one convolution, place by place, with every product written out."""

from dataclasses import dataclass, field

import ipywidgets as w
import numpy as np
from matplotlib.patches import Rectangle

from ..figures.canvas import COLOURS, SIGNED, bare, figure
from ..wording import N_, _
from .kit.base import Explorer

PICTURE = (
    (0, 0, 0, 0, 0, 0, 0),
    (0, 9, 9, 9, 9, 9, 0),
    (0, 0, 0, 0, 7, 9, 0),
    (0, 0, 0, 3, 9, 2, 0),
    (0, 0, 0, 8, 7, 0, 0),
    (0, 0, 3, 9, 1, 0, 0),
    (0, 0, 0, 0, 0, 0, 0),
)  # a seven

PRESETS = {
    N_("brighter to the right"): ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)),
    N_("brighter downwards"): ((-1, -1, -1), (0, 0, 0), (1, 1, 1)),
    N_("sum of the window"): ((1, 1, 1), (1, 1, 1), (1, 1, 1)),
    N_("copy of the middle"): ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
    N_("copy of the left neighbour"): ((0, 0, 0), (1, 0, 0), (0, 0, 0)),
}
LARGEST = 9.0  # of an editable weight


@dataclass
class ConvolutionState:
    """A picture, a 3×3 kernel and how far the window has come.

    `step`: the place the window stands in, in reading order from 0. `flip`: turn the
    kernel by half a turn, which makes cross-correlation a convolution.
    """

    image: np.ndarray = field(default_factory=lambda: np.array(PICTURE, dtype=float))
    kernel: np.ndarray = field(
        default_factory=lambda: np.array(PRESETS["brighter to the right"], dtype=float)
    )
    step: int = 9
    flip: bool = False

    def __post_init__(self):
        self.image = np.array(self.image, dtype=float)
        if self.image.ndim != 2 or min(self.image.shape) < 3 or max(self.image.shape) > 10:
            raise ValueError(
                _("image of shape {shape}: give rows and columns, 3 to 10 of each").format(
                    shape=self.image.shape
                )
            )

    @property
    def used(self):
        """The kernel as it is laid on the picture, (3, 3)."""
        return self.kernel[::-1, ::-1] if self.flip else self.kernel

    @property
    def output_shape(self):
        """(rows, columns) of the result."""
        return self.image.shape[0] - 2, self.image.shape[1] - 2

    @property
    def places(self):
        """How many places the window can stand in."""
        return self.output_shape[0] * self.output_shape[1]

    @property
    def corner(self):
        """(row, column) of the window's upper left pixel."""
        return divmod(min(max(self.step, 0), self.places - 1), self.output_shape[1])

    @property
    def products(self):
        """The nine products under the window, (3, 3)."""
        row, column = self.corner
        return self.image[row : row + 3, column : column + 3] * self.used

    @property
    def output(self):
        """The finished result, (rows − 2, columns − 2)."""
        windows = np.lib.stride_tricks.sliding_window_view(self.image, (3, 3))
        return (windows * self.used).sum(axis=(2, 3))

    @property
    def grown(self):
        """The result so far: NaN where the window has not been."""
        output = self.output
        output.reshape(-1)[self.step + 1 :] = np.nan
        return output


class ConvolutionExplorer(Explorer):
    """Slide a 3×3 window over a small picture and watch the output grow."""

    name = "convolution"

    def __init__(self, image=None):
        """`image`: numbers in rows and columns, 3 to 10 of each; by default a coarse seven."""
        super().__init__(ConvolutionState() if image is None else ConvolutionState(np.asarray(image)))

    def build(self):
        state = self.state
        self.figure, axes = figure(1, 3, width=8.6, height=3.2, layout=None, width_ratios=(7, 3.4, 5.4))
        self.figure.subplots_adjust(0.01, 0.04, 0.99, 0.88, wspace=0.08)
        titles = (_("picture and window"), _("kernel"), _("output"))
        for ax, title in zip(axes, titles):
            bare(ax, title)
        self.picture = axes[0].imshow(state.image, cmap="gray", vmin=-3, vmax=state.image.max() + 1)
        _numbers(axes[0], state.image, "white", lambda v: v < 0.7 * state.image.max())
        # Black under white: the window stands out on dark and on bright pixels.
        self.frames = [
            axes[0].add_patch(
                Rectangle((0, 0), 3, 3, fill=False, linewidth=lw, edgecolor=colour, clip_on=False)
            )
            for lw, colour in ((6, "black"), (3, COLOURS["orange"]))
        ]
        self.weights = axes[1].imshow(state.used, cmap=SIGNED, vmin=-2, vmax=2)
        self.weight_texts = _numbers(axes[1], state.used)
        self.result = axes[2].imshow(np.zeros(state.output_shape), cmap=SIGNED, vmin=-1, vmax=1)
        self.result_texts = _numbers(axes[2], np.zeros(state.output_shape))
        self.cell = axes[2].add_patch(
            Rectangle((0, 0), 1, 1, fill=False, linewidth=3, edgecolor="black", clip_on=False)
        )
        self.slider("step", _("place of the window"), 0, state.places - 1)
        self.preset = w.Dropdown(options=[(_(label), label) for label in PRESETS], description=_("kernel"))
        self.preset.add_class("lenet-convolution-preset")
        self.preset.style.description_width = self.describe_width
        self.preset.layout.width = "34em"
        self.preset.observe(lambda change: self._guarded(lambda: self._use_preset(change["new"])), "value")
        self.controls["preset"] = self.preset
        self.switch("flip", _("turn the kernel by half a turn"))
        self._build_weights()
        self.ask(
            _("In each row of the kernel stand −1, 0 and 1. Where will the output be largest?"),
            [
                _("where the picture is brightest"),
                _("where it gets brighter from left to right"),
                _("where it gets darker from left to right"),
                _("where it is dark all over"),
            ],
            answer=_("where it gets brighter from left to right"),
        )

    def _build_weights(self):
        self.boxes = []
        for row, column in np.ndindex(3, 3):
            box = w.BoundedFloatText(
                value=self.state.kernel[row, column],
                min=-LARGEST,
                max=LARGEST,
                step=1,
                description=_("weight {row},{column}").format(row=row, column=column),
                layout=w.Layout(width="11em"),
                style={"description_width": "6em"},
            )
            box.add_class(f"lenet-convolution-weight-{row}{column}")
            box.observe(
                lambda change, at=(row, column): self._guarded(lambda: self._edit(at, change["new"])), "value"
            )
            self.boxes.append(box)
        self.controls["weights"] = w.GridBox(
            self.boxes, layout=w.Layout(grid_template_columns="repeat(3, 12em)")
        )

    def _edit(self, at, value):
        self.state.kernel[at] = value

    def _use_preset(self, name):
        self.state.kernel = np.array(PRESETS[name], dtype=float)
        for box, value in zip(self.boxes, self.state.kernel.reshape(-1)):
            with box.hold_trait_notifications():
                box.value = value

    def draw(self):
        state = self.state
        row, column = state.corner
        for frame in self.frames:
            frame.set_xy((column - 0.5, row - 0.5))
        self.cell.set_xy((column - 0.5, row - 0.5))
        self.weights.set_data(state.used)
        _rewrite(self.weight_texts, state.used, 2)
        grown = state.grown if self.revealed else np.full(state.output_shape, np.nan)
        limit = float(np.abs(state.output).max()) or 1.0
        self.result.set_data(np.nan_to_num(grown))
        self.result.set_clim(-limit, limit)
        _rewrite(self.result_texts, grown, limit, "" if self.revealed else "?")

    def sentence(self):
        state = self.state
        row, column = state.corner
        window = state.image[row : row + 3, column : column + 3]
        terms = " + ".join(
            f"{a:g}·{'(' if b < 0 else ''}{b:g}{')' if b < 0 else ''}"
            for a, b in zip(window.reshape(-1), state.used.reshape(-1))
        )
        total = f"{state.products.sum():g}" if self.revealed else "?"
        return _("Output at row {row}, column {column}: {terms} = {total}.").format(
            row=row, column=column, terms=terms, total=total
        )


def _numbers(ax, values, ink="black", where=None):
    """Write each value into its cell; white where `where(value)` holds."""
    return {
        at: ax.text(
            at[1],
            at[0],
            f"{value:g}",
            ha="center",
            va="center",
            fontsize=11,
            color=ink if where is None or where(value) else "black",
        )
        for at, value in np.ndenumerate(np.asarray(values, dtype=float))
    }


def _rewrite(texts, values, limit, unknown=""):
    """New numbers in old cells, readable on the signed colours."""
    for at, value in np.ndenumerate(values):
        texts[at].set_text(unknown if np.isnan(value) else f"{value:g}")
        texts[at].set_color("white" if abs(value) > 0.6 * limit else "black")
