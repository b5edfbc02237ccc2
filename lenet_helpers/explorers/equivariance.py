"""Chapter 1.6: shift, then filter, or filter, then shift: when is it the same?"""

from dataclasses import dataclass, field
from itertools import product

import numpy as np

from ..figures.canvas import SIGNED, bare, figure
from ..wording import _, pgettext, sentences
from .kit.base import Explorer
from .kit.fitting import require_digits

KERNEL = np.array(
    [[-1, -2, 0, 2, 1], [-2, -3, 0, 3, 2], [-3, -5, 0, 5, 3], [-2, -3, 0, 3, 2], [-1, -2, 0, 2, 1]]
)


def convolve(image, padding):
    """Cross-correlate (h, w) with a 5×5 edge kernel of whole numbers; the result keeps its size.

    `padding`: "zeros", or "circular", where the picture goes on from its other side.
    """
    wide = np.pad(image, 2, mode="wrap" if padding == "circular" else "constant")
    windows = np.lib.stride_tricks.sliding_window_view(wide, KERNEL.shape)
    return np.einsum("ijab,ab->ij", windows, KERNEL)


def max_pool(maps):
    """The largest of each 2×2 window, without overlap; the sides must be even."""
    h, w = maps.shape
    return maps.reshape(h // 2, 2, w // 2, 2).max(axis=(1, 3))


@dataclass
class EquivarianceState:
    """A digit of whole numbers, a shift, and what is done to it.

    Pixels run from 0 to 255, less 33, about their mean: as after standardising, an empty
    pixel is not zero. Whole numbers in float64 make every sum exact, so that a difference
    of zero is zero. `pools` is 0, 1 or 2.
    """

    image: np.ndarray = field(repr=False)  # (28, 28)
    dx: int = 1
    dy: int = 0
    pools: int = 1
    padding: str = "circular"

    def shift(self, array, dx, dy):
        """Roll by dx columns and dy rows: what leaves on one side comes back on the other."""
        return np.roll(array, (dy, dx), axis=(0, 1))

    def features(self, image):
        """Convolution, ReLU, and `pools` times a 2×2 max pool."""
        maps = np.maximum(convolve(image, self.padding), 0)
        for _round in range(self.pools):
            maps = max_pool(maps)
        return maps

    @property
    def of_shifted(self):
        """f(shift x)."""
        return self.features(self.shift(self.image, self.dx, self.dy))

    @property
    def cell(self):
        """Side of one cell of the map in pixels: 1, 2 or 4."""
        return 2**self.pools

    @property
    def shifted_of(self):
        """shift f(x), by whole cells: of the neighbouring whole shifts, the one that comes nearest to
        f(shift x).
        """
        maps, target = self.features(self.image), self.of_shifted
        options = [
            (self.dx // self.cell, -(-self.dx // self.cell)),
            (self.dy // self.cell, -(-self.dy // self.cell)),
        ]
        moved = [self.shift(maps, *step) for step in product(*options)]
        return min(moved, key=lambda m: np.abs(m - target).sum())

    @property
    def difference(self):
        """f(shift x) − shift f(x)."""
        return self.of_shifted - self.shifted_of

    @property
    def share(self):
        """The largest difference, as a share of the largest response."""
        return float(np.abs(self.difference).max() / (self.of_shifted.max() or 1.0))

    @property
    def share_unshifted(self):
        """The same against f(x) left where it was: zero only if f were invariant."""
        maps = self.of_shifted
        return float(np.abs(maps - self.features(self.image)).max() / (maps.max() or 1.0))


class EquivarianceExplorer(Explorer):
    """f(shift x), shift f(x) and their difference, with and without pooling."""

    name = "equivariance"

    def __init__(self, dataset, digit=3):
        """`dataset`: 28×28 digits; the first validation image of class `digit` is shown."""
        split = dataset.validation or dataset.test
        require_digits(split.images, "EquivarianceExplorer")
        if not (split.labels == digit).any():
            raise ValueError(_("digit={digit}: no image of that class in the split").format(digit=digit))
        first = int((split.labels == digit).nonzero()[0])
        unit = dataset.to_unit(split.images[first, 0]).double().numpy()
        super().__init__(EquivarianceState(np.rint(255 * unit) - 33))

    def build(self):
        self.figure, axes = figure(1, 4, width=8.8, height=2.6, layout=None)
        self.figure.subplots_adjust(0.01, 0.03, 0.9, 0.84, wspace=0.05)
        titles = (_("shifted input"), _("f(shift x)"), _("shift f(x)"), _("difference"))
        self.pictures = []
        for ax, title, cmap in zip(axes, titles, ("gray", "gray", "gray", SIGNED)):
            bare(ax, title)
            self.pictures.append(ax.imshow(self.state.image, cmap=cmap))
        self.unknown = [
            ax.text(0.5, 0.5, "?", transform=ax.transAxes, ha="center", va="center", fontsize=20)
            for ax in axes[1:]
        ]
        # In shares of the largest response: the numbers themselves mean little.
        self.bar = self.figure.colorbar(self.pictures[3], cax=self.figure.add_axes((0.91, 0.1, 0.012, 0.68)))
        self.verdict = axes[3].text(
            0.5,
            0.02,
            "",
            transform=axes[3].transAxes,
            ha="center",
            va="bottom",
            fontsize=11,
            bbox={"facecolor": "white", "edgecolor": "black", "boxstyle": "round"},
        )
        self.slider("dx", _("dx, to the right [pixels]"), -8, 8)
        self.slider("dy", _("dy, downwards [pixels]"), -8, 8)
        self.choice(
            "pools",
            _("pooling"),
            [(pgettext("pooling", "none"), 0), (_("one 2×2 max pool"), 1), (_("two 2×2 max pools"), 2)],
        )
        self.choice("padding", _("padding"), [(_("circular"), "circular"), (_("zeros"), "zeros")])
        self.ask(
            _("The digit moves one pixel to the right. What happens to its max-pooled feature map?"),
            {
                "same": _("it stays the same"),
                "moves": _("it moves along, exactly"),
                "changes": _("it changes: neither the same nor just moved"),
            },
            answer="changes",
        )

    def draw(self):
        state = self.state
        moved, after = state.of_shifted, state.shifted_of
        self.pictures[0].set_data(state.shift(state.image, state.dx, state.dy))
        limit = float(moved.max()) or 1.0
        for picture, array, unknown in zip(self.pictures[1:], (moved, after, state.difference), self.unknown):
            picture.set_visible(self.revealed)
            unknown.set_visible(not self.revealed)
            picture.set_data(array)
            picture.set_extent((0, 28, 28, 0))
            picture.set_clim(0, limit)
        self.pictures[0].set_extent((0, 28, 28, 0))
        self.pictures[3].set_clim(-limit, limit)
        self.bar.set_ticks([-limit, 0, limit], labels=["−100 %", "0", "100 %"], fontsize=8)
        equal = _("exactly 0") if state.share == 0 else _("up to {p:.0f} %").format(p=100 * state.share)
        self.verdict.set_text(equal if self.revealed else "")

    def sentence(self):
        state = self.state
        if not self.revealed:
            return _("The digit, shifted. Its feature maps wait for your prediction.")
        if state.share == 0:
            first = _("Shifted by dx = {dx}, dy = {dy}: f(shift x) and shift f(x) are equal in every cell.")
        else:
            first = _(
                "Shifted by dx = {dx}, dy = {dy}: f(shift x) and shift f(x) differ by up to {share:.0f} % of"
                " the largest response."
            )
        second = _("Against f(x) left in its place the difference is {other:.0f} %.")
        return sentences(
            first.format(dx=state.dx, dy=state.dy, share=max(1, 100 * state.share)),
            second.format(other=100 * state.share_unshifted),
        )
