"""Chapter 1.3: how one kernel responds to a digit, by direction and by blur."""

from dataclasses import dataclass, field

import ipywidgets as w
import numpy as np

from ..figures.canvas import SIGNED, bare, figure, show
from ..wording import _
from .kit.base import Explorer
from .kit.canvas_view import Grid
from .kit.fitting import first_of_each

SIDE = 7  # of the kernel, in pixels


def edge_kernel(angle, blur):
    """A (7, 7) kernel that responds to brightness rising in direction `angle` [degrees].

    0 is to the right, 90 upwards. `blur` [pixels] is the standard deviation of the bell
    that smooths along with it (Canny, "A computational approach to edge detection", IEEE
    PAMI 8, 1986). Its weights sum to 0; the positive ones to 1.
    """
    reach = np.arange(SIDE) - SIDE // 2
    x, y = np.meshgrid(reach, -reach)
    direction = np.deg2rad(angle)
    along = x * np.cos(direction) + y * np.sin(direction)
    bell = np.exp(-(x**2 + y**2) / (2 * blur**2))
    kernel = along * bell
    kernel -= kernel.mean()
    return kernel / kernel[kernel > 0].sum()


@dataclass
class KernelState:
    """A digit and the kernel laid over it: one of `edge_kernel`, or one painted by hand."""

    images: np.ndarray  # (n, 28, 28) in [0, 1]
    digit: int = 0
    angle: int = 0
    blur: float = 0.8
    painted: dict = field(default_factory=dict, repr=False)  # (angle, blur) → (7, 7), painted by hand there

    @property
    def own(self):
        """The kernel that was painted over the one of this angle and blur, or None."""
        return self.painted.get((self.angle, self.blur))

    @property
    def kernel(self):
        """The kernel, (7, 7)."""
        return edge_kernel(self.angle, self.blur) if self.own is None else self.own

    def paint(self, row, column, weight):
        """Set one weight of a kernel of one's own, which begins as the one laid on now."""
        kernel = self.kernel.copy()
        kernel[row, column] = weight
        self.painted[self.angle, self.blur] = kernel

    def clear(self):
        """Begin a kernel of one's own with zeros."""
        self.painted[self.angle, self.blur] = np.zeros((SIDE, SIDE))

    @property
    def response(self):
        """Cross-correlation of digit and kernel, (22, 22), signed."""
        windows = np.lib.stride_tricks.sliding_window_view(self.images[self.digit], (SIDE, SIDE))
        return np.einsum("ijab,ab->ij", windows, self.kernel)


class KernelGallery(Explorer):
    """Turn an edge kernel, blur it, and see the signed response of a digit."""

    name = "kernels"

    def __init__(self, dataset):
        """`dataset`: its first validation image of each class is shown, in [0, 1]."""
        split = dataset.validation or dataset.test
        shown = first_of_each(split.labels, len(dataset.class_names), "KernelGallery")
        super().__init__(KernelState(dataset.to_unit(split.images[shown])[:, 0].double().numpy(), digit=1))

    def build(self):
        state = self.state
        self.figure, axes = figure(1, 3, width=8.2, height=2.9, layout=None, width_ratios=(1, 0.7, 1.25))
        self.figure.subplots_adjust(0.01, 0.03, 0.94, 0.86, wspace=0.08)
        for ax, title in zip(axes, (_("digit"), _("kernel, {n}×{n}").format(n=SIDE), _("response"))):
            bare(ax, title)
        self.digit = axes[0].imshow(state.images[state.digit], cmap="gray", vmin=0, vmax=1)
        self.weights = axes[1].imshow(state.kernel, cmap=SIGNED)
        self.response = axes[2].imshow(state.response, cmap=SIGNED, vmin=-1, vmax=1)
        bar = self.figure.colorbar(self.response, ax=axes[2], shrink=0.9, ticks=(-1, 0, 1))
        bar.ax.tick_params(labelsize=10)
        self.peak = axes[2].plot([], [], "k+", markersize=12, markeredgewidth=2)[0]
        self.dip = axes[2].plot([], [], "k_", markersize=12, markeredgewidth=2)[0]
        self.slider("angle", _("direction [degrees]"), 0, 345, 15)
        self.slider("blur", _("blur [pixels]"), 0.4, 2.4, 0.2, form=".1f")
        self.slider("digit", _("digit"), 0, len(state.images) - 1)
        self._build_easel()
        self.ask(
            _(
                "The kernel responds to brightness that rises from left to right. What does a bright upright"
                " stroke on black give?"
            ),
            {
                "band": _("one positive band over the stroke"),
                "left": _("positive on its left side, negative on its right"),
                "right": _("negative on its left side, positive on its right"),
                "zero": _("zero: it is not an edge but a stroke"),
            },
            answer="left",
        )

    def _build_easel(self):
        """The kernel as a grid to paint on, and what to paint with."""
        self.easel = Grid(
            rows=SIDE, columns=SIDE, cell=24, drags=True, name=_("The kernel: press cells to paint weights")
        )
        self.easel.on_press(
            lambda row, column: self._guarded(lambda: self.state.paint(row, column, self.paint.value))
        )
        self.paint = w.ToggleButtons(
            options=[("−", -0.25), ("0", 0.0), ("+", 0.25)],
            value=0.25,
            description=_("paint on the kernel"),
            style={"button_width": "2.8em", "description_width": "initial"},
        )
        self.paint.add_class("lenet-kernels-paint")
        self.blank = w.Button(description=_("Blank kernel"), layout=w.Layout(width="auto"))
        self.blank.add_class("lenet-kernels-blank")
        self.blank.on_click(lambda _button: self._guarded(self.state.clear))
        self.controls["easel"] = w.HBox(
            [self.easel, w.VBox([self.paint, self.blank])], layout=w.Layout(grid_gap="0 12px")
        )
        self.controls["easel"].add_class("lenet-wide")

    def draw(self):
        state = self.state
        self.easel.show_signed(state.kernel, texts=None)
        kernel, response = state.kernel, state.response
        limit = float(np.abs(kernel).max()) or 1.0
        self.digit.set_data(state.images[state.digit])
        self.weights.set_data(kernel)
        self.weights.set_clim(-limit, limit)
        reach = max(1.0, float(np.abs(response).max())) if state.own is not None else 1.0
        self.response.set_clim(-reach, reach)
        self.response.set_data(response if self.revealed else np.zeros_like(response))
        for mark, where in ((self.peak, response.argmax()), (self.dip, response.argmin())):
            row, column = np.unravel_index(where, response.shape)
            mark.set_data(([column], [row]) if self.revealed else ([], []))

    def sentence(self):
        state = self.state
        if not self.revealed:
            return _(
                "A kernel for brightness that rises towards {angle}°; its response waits for your prediction."
            ).format(angle=state.angle)
        if state.own is not None:
            return _(
                "Your kernel, on the digit {digit}: highest response {high:+.2f} (marked +), lowest"
                " {low:+.2f} (marked −); its weights sum to {total:.2f}."
            ).format(
                digit=state.digit,
                high=state.response.max(),
                low=state.response.min(),
                total=state.kernel.sum(),
            )
        return _(
            "The kernel for brightness rising towards {angle}°, on the digit {digit}: highest response"
            " {high:+.2f} (marked +), lowest {low:+.2f} (marked −); its weights sum to {total:.2f}."
        ).format(
            angle=state.angle,
            digit=state.digit,
            high=state.response.max(),
            low=state.response.min(),
            total=abs(state.kernel.sum()),
        )


def show_response(image, kernel):
    """Show an image (h, w), a kernel (k, k) of your own, and the signed response beside each other."""
    image, kernel = (np.asarray(a, dtype=float) for a in (image, kernel))
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    response = np.einsum("ijab,ab->ij", windows, kernel)
    fig, axes = figure(1, 3, width=7.6, height=2.6, width_ratios=(1, 0.6, 1.2))
    for ax, title in zip(axes, (_("digit"), _("kernel"), _("response"))):
        bare(ax, title)
    axes[0].imshow(image, cmap="gray")
    for ax, values in ((axes[1], kernel), (axes[2], response)):
        limit = float(np.abs(values).max()) or 1.0
        drawn = ax.imshow(values, cmap=SIGNED, vmin=-limit, vmax=limit)
    for (row, column), weight in np.ndenumerate(kernel):
        axes[1].text(column, row, f"{weight:.2g}", ha="center", va="center", fontsize=9)
    fig.colorbar(drawn, ax=axes[2], shrink=0.9)
    row, column = np.unravel_index(response.argmax(), response.shape)
    show(
        fig,
        _(
            "The highest response is {high:.1f}, at row {row}, column {column} (counted from 0); the lowest"
            " is {low:.1f}. Orange is positive, purple negative."
        ).format(high=response.max(), row=row, column=column, low=response.min()),
    )
