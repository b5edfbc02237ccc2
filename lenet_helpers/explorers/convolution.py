"""Chapter 1.2: one convolution, place by place, with every product written out."""

from dataclasses import dataclass, field

import ipywidgets as w
import numpy as np
from matplotlib.patches import Rectangle

from ..figures.canvas import COLOURS, SIGNED, bare, figure
from ..wording import N_, _, sentences
from .kit.base import Explorer
from .kit.canvas_view import Grid, frame

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
LARGEST = 3  # of a weight that can be painted


@dataclass
class ConvolutionState:
    """A picture, a 3×3 kernel and the window.

    `step`: the place the window stands in, in reading order from 0. `flip`: turn the kernel by 180°,
    which makes cross-correlation a convolution. `paint`: the weight that a press on the kernel sets.
    """

    image: np.ndarray = field(default_factory=lambda: np.array(PICTURE, dtype=float))
    kernel: np.ndarray = field(
        default_factory=lambda: np.array(PRESETS["brighter to the right"], dtype=float)
    )
    step: int = 9
    flip: bool = False
    paint: int = 1

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
        """The result, (rows − 2, columns − 2)."""
        windows = np.lib.stride_tricks.sliding_window_view(self.image, (3, 3))
        return (windows * self.used).sum(axis=(2, 3))

    def weigh(self, row, column):
        """Set the weight that is laid on (row, column) of the window to `paint`."""
        self.used[row, column] = self.paint


class ConvolutionExplorer(Explorer):
    """Slide a 3×3 window over a small picture: its nine products, and the output that they make."""

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
        self._build_grids()
        self.slider("step", _("place of the window"), 0, state.places - 1)
        self.preset = w.Dropdown(
            options=[(_(label), label) for label in PRESETS] + [(_("my own"), None)], description=_("kernel")
        )
        self.preset.add_class("lenet-convolution-preset")
        self.preset.add_class("lenet-control")
        self.preset.style.description_width = "initial"
        self.preset.observe(lambda change: self._guarded(lambda: self._use_preset(change["new"])), "value")
        self.controls["preset"] = self.preset
        self.slider("paint", _("weight to paint on the kernel"), -LARGEST, LARGEST)
        self.switch("flip", _("turn the kernel by 180°"))
        self.ask(
            _("In each row of the kernel stand −1, 0 and 1. Where will the output be largest?"),
            {
                "bright": _("where the picture is brightest"),
                "brighter": _("where it gets brighter from left to right"),
                "darker": _("where it gets darker from left to right"),
                "dark": _("where it is dark all over"),
            },
            answer="brighter",
        )

    def _build_grids(self):
        """What is shown while there is a kernel: four grids, two of which are to be pressed."""
        rows, columns = self.state.output_shape
        self.grids = {
            "picture": Grid(
                title=_("picture and window"), name=_("The picture, and the window on it"), cell=32
            ),
            "kernel": Grid(
                title=_("kernel"),
                name=_("The kernel: press a cell to give it the weight to paint"),
                cell=40,
                rows=3,
                columns=3,
                drags=True,
            ),
            "products": Grid(title=_("products"), name=_("The nine products"), cell=40, rows=3, columns=3),
            "output": Grid(
                title=_("output"),
                name=_("The output: point at a cell to see its window and products"),
                cell=40,
                rows=rows,
                columns=columns,
            ),
        }
        for name in ("point", "press"):
            getattr(self.grids["output"], f"on_{name}")(self._look_at)
        self.grids["kernel"].on_press(lambda row, column: self._guarded(lambda: self._paint(row, column)))
        self.stage = w.HBox(
            list(self.grids.values()), layout=w.Layout(flex_flow="row wrap", grid_gap="4px 16px")
        )

    def _look_at(self, row, column):
        self.controls["step"].value = row * self.state.output_shape[1] + column

    def _paint(self, row, column):
        self.state.weigh(row, column)
        self.preset.value = next(
            (name for name, weights in PRESETS.items() if (self.state.kernel == weights).all()), None
        )

    def _use_preset(self, name):
        if name is not None:
            self.state.kernel = np.array(PRESETS[name], dtype=float)

    def draw_stage(self):
        state = self.state
        row, column = state.corner
        known = state.output if self.revealed else np.full(state.output_shape, np.nan)
        limit = float(np.abs(state.output).max()) or 1.0
        picture, kernel, products, output = self.grids.values()
        picture.show(state.image, low=-3, high=state.image.max() + 1, texts=True)
        picture.frames = [frame(row, column, 3, 3, "#000", 7), frame(row, column, 3, 3, COLOURS["orange"], 4)]
        kernel.show_signed(state.used, limit=2)
        products.show_signed(state.products)
        output.show_signed(known, limit=limit)
        output.frames = [frame(row, column, colour="#000")]
        spoken = _("output row {row}, column {column}: {value}")
        output.spoken = [
            spoken.format(row=r, column=c, value="?" if np.isnan(v) else f"{v:g}")
            for (r, c), v in np.ndenumerate(known)
        ]
        spoken = _("weight {row},{column}: {value:g}")
        kernel.spoken = [spoken.format(row=r, column=c, value=v) for (r, c), v in np.ndenumerate(state.used)]

    def draw(self):
        state = self.state
        row, column = state.corner
        for edge in self.frames:
            edge.set_xy((column - 0.5, row - 0.5))
        self.cell.set_xy((column - 0.5, row - 0.5))
        self.weights.set_data(state.used)
        _rewrite(self.weight_texts, state.used, 2)
        known = state.output if self.revealed else np.full(state.output_shape, np.nan)
        limit = float(np.abs(state.output).max()) or 1.0
        self.result.set_data(np.nan_to_num(known))
        self.result.set_clim(-limit, limit)
        _rewrite(self.result_texts, known, limit)

    def sentence(self):
        state = self.state
        row, column = state.corner
        window = state.image[row : row + 3, column : column + 3]
        terms = " + ".join(
            f"{a:g}·{'(' if b < 0 else ''}{b:g}{')' if b < 0 else ''}"
            for a, b in zip(window.reshape(-1), state.used.reshape(-1))
        )
        total = f"{state.products.sum():g}" if self.revealed else "?"
        here = _("Output at row {row}, column {column} (counted from 0): {terms} = {total}.").format(
            row=row, column=column, terms=terms, total=total
        )
        if not self.revealed:
            return here
        whole = _("The largest output is {largest:g}, the smallest {smallest:g}.")
        return sentences(here, whole.format(largest=state.output.max(), smallest=state.output.min()))


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


def _rewrite(texts, values, limit):
    """New numbers in old cells, readable on the signed colours; NaN is a question mark."""
    for at, value in np.ndenumerate(values):
        texts[at].set_text("?" if np.isnan(value) else f"{value:g}")
        texts[at].set_color("white" if abs(value) > 0.6 * limit else "black")
