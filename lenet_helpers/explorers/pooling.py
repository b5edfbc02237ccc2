"""Pooling on a small map: what one window makes of its values, for three kinds of pooling."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.patches import Rectangle

from ..figures.canvas import COLOURS, bare, figure
from ..wording import N_, _
from .kit.base import Explorer

KINDS = {"max": N_("maximum"), "average": N_("average"), "trained": N_("1998: trained sum")}


@dataclass
class PoolingState:
    """A map (h, w), a window on it, and how the window is summed up.

    `kind` is a key of KINDS; the one of 1998 multiplies the window's sum by one trained
    `coefficient` and adds one trained `bias`. `row`, `column` count outputs; they are
    kept inside the output map.
    """

    map: torch.Tensor
    kind: str = "max"
    size: int = 2
    stride: int = 2
    row: int = 0
    column: int = 0
    coefficient: float = 0.25
    bias: float = 0.0

    def output(self):
        """The pooled map: (h − size)/stride + 1 rows, rounded down."""
        x = self.map[None, None]
        if self.kind == "max":
            return F.max_pool2d(x, self.size, self.stride)[0, 0]
        average = F.avg_pool2d(x, self.size, self.stride)[0, 0]
        return average if self.kind == "average" else self.coefficient * self.size**2 * average + self.bias

    def position(self):
        """(row, column) of the output looked at, no further than the last one."""
        rows, columns = self.output().shape
        return min(self.row, rows - 1), min(self.column, columns - 1)

    def window(self):
        """The values (size, size) that the chosen output is made of."""
        top, left = (self.stride * p for p in self.position())
        return self.map[top : top + self.size, left : left + self.size]

    def unused(self):
        """(rows, columns) at the lower and right edge that no window reaches."""
        return tuple(n - ((n - self.size) // self.stride * self.stride + self.size) for n in self.map.shape)

    def parameters(self):
        """Trained numbers for this one map."""
        return 2 if self.kind == "trained" else 0

    def calculation(self):
        """How the chosen output comes about, as a line of arithmetic."""
        values = [f"{v:g}" for v in self.window().flatten().tolist()]
        result = f"{self.output()[self.position()].item():.4g}"
        if self.kind == "max":
            return f"max({', '.join(values)}) = {result}"
        total = " + ".join(values)
        if self.kind == "average":
            return f"({total}) / {self.size**2} = {result}"
        return (
            f"{self.coefficient:g} · ({total}) {'−' if self.bias < 0 else '+'} {abs(self.bias):g} = {result}"
        )

    def sentence(self):
        """What the figure shows, in words with numbers."""
        rows, columns = self.output().shape
        text = _(
            "{kind} over {k}×{k} windows, stride {s}: a {h}×{w} map becomes {rows}×{columns}. Here: {line}"
        )
        return text.format(
            kind=_(KINDS[self.kind]),
            k=self.size,
            s=self.stride,
            h=self.map.shape[0],
            w=self.map.shape[1],
            rows=rows,
            columns=columns,
            line=self.calculation(),
        )


# One map with a strong response here and there; 7×7, so that windows of 2 leave an edge over.
MAP = torch.tensor(
    [
        [0.0, 1, 3, 2, 0, 0, 4],
        [2, 5, 1, 0, 7, 2, 0],
        [0, 0, 8, 6, 1, 1, 2],
        [1, 3, 4, 9, 0, 5, 3],
        [0, 2, 0, 1, 6, 3, 0],
        [4, 1, 2, 0, 2, 8, 1],
        [0, 3, 0, 7, 1, 0, 2],
    ]
)


class PoolingExplorer(Explorer):
    """Move a pooling window over a small map; compare maximum, average and the sum of 1998."""

    name = "pooling"

    def __init__(self, map=MAP):
        """`map`: a small tensor (h, w) of numbers."""
        super().__init__(PoolingState(map, row=1, column=1))

    def build(self):
        self.figure, (left, right) = figure(1, 2, width=7.2, height=3.7, layout=None)
        self.figure.subplots_adjust(left=0.01, right=0.99, top=0.91, bottom=0.02, wspace=0.06)
        h, w = self.state.map.shape
        self.map = _Cells(left, h, w)
        self.map.show(self.state.map.numpy())
        bare(left, _("map, {h}×{w}").format(h=h, w=w))
        bare(right, "?")
        self.pooled, self.title = _Cells(right, h, w), right.title
        style = dict(fill=False, edgecolor=COLOURS["vermillion"], linewidth=3.5, clip_on=False)
        self.window, self.result = (ax.add_patch(Rectangle((0, 0), 1, 1, **style)) for ax in (left, right))
        unused = dict(facecolor="white", alpha=0.55, hatch="//", edgecolor="#595959")
        self.unused = [left.add_patch(Rectangle((0, 0), 0, 0, **unused)) for _edge in range(2)]
        self.ask(
            _("A 7×7 map, windows of 2×2 at stride 2, no padding: how large is the pooled map?"),
            ["3×3", "3.5×3.5", "4×4", "6×6"],
            answer="3×3",
        )
        self.choice("kind", _("kind"), [(_(name), key) for key, name in KINDS.items()])
        self.slider("size", _("window side"), 1, 4)
        self.slider("stride", _("stride"), 1, 4)
        self.slider("row", _("output row"), 0, 6)
        self.slider("column", _("output column"), 0, 6)
        self.slider("coefficient", _("coefficient"), -1.0, 1.0, 0.25)
        self.slider("bias", _("bias"), -2.0, 2.0, 0.5)

    def draw(self):
        state = self.state
        out, (row, column) = state.output(), state.position()
        for field in ("coefficient", "bias"):  # what the other kinds don't have is not offered
            self.controls[field].layout.display = None if state.kind == "trained" else "none"
        for field, last in zip(("row", "column"), out.shape):
            self.controls[field].max = last - 1  # a position that is not there can't be asked for
        self.window.set_bounds(column * state.stride - 0.5, row * state.stride - 0.5, state.size, state.size)
        self.result.set_bounds(column - 0.5, row - 0.5, 1, 1)
        self.result.set_visible(self.revealed)
        self.pooled.show(out.numpy() if self.revealed else None)
        size = _("pooled, {h}×{w}").format(h=out.shape[0], w=out.shape[1])
        self.title.set_text(size if self.revealed else "?")
        rows, columns = state.unused() if self.revealed else (0, 0)
        h, w = state.map.shape
        self.unused[0].set_bounds(-0.5, h - rows - 0.5, w, rows)
        self.unused[1].set_bounds(w - columns - 0.5, -0.5, columns, h)
        for patch, there in zip(self.unused, (rows, columns)):
            patch.set_visible(there > 0)

    def sentence(self):
        return (
            self.state.sentence()
            if self.revealed
            else _("A map and one window on it. The pooled map waits for your prediction.")
        )


class _Cells:
    """Grey squares with their numbers written in, at most `rows` × `columns` of them."""

    def __init__(self, ax, rows, columns):
        self.ax, self.image = ax, ax.imshow(np.zeros((rows, columns)), cmap="Greys")
        size = 12 if max(rows, columns) <= 8 else 9
        self.texts = {
            at: ax.text(at[1], at[0], "", ha="center", va="center", fontsize=size)
            for at in np.ndindex(rows, columns)
        }

    def show(self, numbers):
        """Draw an array, or nothing for None."""
        self.image.set_visible(numbers is not None)
        numbers = np.zeros((1, 1)) if numbers is None else numbers
        rows, columns = numbers.shape
        self.image.set_data(numbers)
        self.image.set_extent((-0.5, columns - 0.5, rows - 0.5, -0.5))
        self.image.set_clim(min(0.0, float(numbers.min())), 1.6 * max(9.0, float(numbers.max())))
        self.ax.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
        shown = self.image.get_visible()
        for (row, column), text in self.texts.items():
            inside = shown and row < rows and column < columns
            text.set_visible(inside)
            if inside:
                text.set_text(f"{numbers[row, column]:.3g}")
