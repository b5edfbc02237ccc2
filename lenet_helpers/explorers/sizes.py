"""Chapter 1.4: how many places a kernel has, with padding, stride and dilation."""

from dataclasses import dataclass

import numpy as np
from matplotlib.patches import Rectangle

from ..figures.canvas import COLOURS, figure, label
from ..wording import _
from .kit.base import Explorer

LIMITS = {"n": (1, 32), "k": (1, 9), "p": (0, 5), "s": (1, 6), "d": (1, 5)}


@dataclass
class SizeState:
    """One axis of a convolution: n pixels, kernel k, padding p, stride s, dilation d."""

    n: int = 8
    k: int = 3
    p: int = 0
    s: int = 2
    d: int = 1

    @property
    def reach(self):
        """Pixels from the kernel's first weight to its last, both counted."""
        return self.d * (self.k - 1) + 1

    @property
    def padded(self):
        """Pixels with the padding of both ends."""
        return self.n + 2 * self.p

    @property
    def problem(self):
        """Why this setting has no result, in a sentence; None where it has one."""
        if self.reach <= self.padded:
            return None
        text = _(
            "the kernel reaches over {reach} pixels, but there are only {padded} with padding: use a smaller "
            "kernel or dilation, or at least {p} pixels of padding"
        )
        return text.format(reach=self.reach, padded=self.padded, p=-(-(self.reach - self.n) // 2))

    @property
    def output(self):
        """How many places the kernel has; 0 where it does not fit."""
        return (self.padded - self.reach) // self.s + 1 if self.problem is None else 0

    @property
    def touched(self):
        """Pixels each place reads, (places, k), counted from the first padded one."""
        return np.arange(self.output)[:, None] * self.s + np.arange(self.k)[None, :] * self.d

    @property
    def coverage(self):
        """How many windows read each pixel of the padded square, (n + 2p, n + 2p)."""
        one_axis = np.bincount(self.touched.reshape(-1), minlength=self.padded)
        return np.outer(one_axis, one_axis)


class SizeExplorer(Explorer):
    """n, k, p, s and d by slider; the grid and the places follow."""

    name = "sizes"

    def __init__(self, n=8, k=3, p=0, s=2, d=1):
        super().__init__(SizeState(n, k, p, s, d))

    def build(self):
        self.figure, (self.grid, self.stairs) = figure(1, 2, width=8.4, height=3.5, layout=None)
        self.figure.subplots_adjust(0.07, 0.15, 0.98, 0.9, wspace=0.2)
        # Square root: four readings against one stay apart, and so do a hundred against fifty.
        self.count = self.grid.imshow(np.zeros((1, 1)), cmap="Blues", vmin=0, vmax=1, origin="upper")
        self.inside = self.grid.add_patch(Rectangle((0, 0), 1, 1, fill=False, linewidth=2, edgecolor="black"))
        (self.first,) = self.grid.plot(
            [], [], "s", markersize=5, color=COLOURS["orange"], markeredgecolor="black"
        )
        (self.never,) = self.grid.plot([], [], "x", markersize=4, color=COLOURS["vermillion"])
        self.pads = [self.stairs.axvspan(0, 0, color="#E0E0E0", linewidth=0, zorder=0) for _side in range(2)]
        (self.taps,) = self.stairs.plot(
            [], [], "s", markersize=5, color=COLOURS["orange"], markeredgecolor="black"
        )
        label(self.grid, x=_("pixel, padding included"), y=_("pixel"), grid=False)
        label(self.stairs, x=_("pixel, grey: padding"), y=_("place of the kernel"), grid=False)
        self.message = self.stairs.text(
            0.5, 0.5, "", transform=self.stairs.transAxes, ha="center", va="center", fontsize=12, wrap=True
        )
        names = {
            "n": _("n, pixels"),
            "k": _("k, kernel"),
            "p": _("p, padding"),
            "s": _("s, stride"),
            "d": _("d, dilation"),
        }
        for name, (low, high) in LIMITS.items():
            self.slider(name, names[name], low, high)
        self.ask(
            _(
                "n = {n} pixels, a kernel of {k}, padding {p}, stride {s}:"
                " at how many places can the kernel stand?"
            ).format(n=self.state.n, k=self.state.k, p=self.state.p, s=self.state.s),
            [str(self.state.output + extra) for extra in (-1, 0, 1, 3)],
            answer=str(self.state.output),
        )

    def draw(self):
        state = self.state
        size, low = state.padded, -state.p - 0.5
        self.count.set_data(np.sqrt(state.coverage) if self.revealed else np.zeros((size, size)))
        self.count.set_extent((low, low + size, low + size, low))
        self.count.set_clim(0, max(1.0, float(np.sqrt(state.coverage.max()))))
        self.inside.set_bounds(-0.5, -0.5, state.n, state.n)
        self.grid.set_xlim(low - 0.3, low + size + 0.3)
        self.grid.set_ylim(low + size + 0.3, low - 0.3)
        taps = np.arange(state.k) * state.d - state.p
        rows, columns = np.meshgrid(taps, taps)
        self.first.set_data((columns.ravel(), rows.ravel()) if state.output else ([], []))
        missed = np.argwhere(state.coverage == 0) - state.p
        self.never.set_data(missed[:, 1], missed[:, 0]) if self.revealed else self.never.set_data([], [])
        self._draw_stairs(low, size)

    def _draw_stairs(self, low, size):
        state, shown = self.state, self.state.output if self.revealed else min(1, self.state.output)
        places = np.repeat(np.arange(shown), state.k)
        self.taps.set_data(state.touched[:shown].reshape(-1) - state.p, places)
        self.taps.set_markersize(6 if state.output <= 16 else 3)
        self.pads[0].set_bounds(low, 0, state.p, 1)
        self.pads[1].set_bounds(state.n - 0.5, 0, state.p, 1)
        self.stairs.set_xlim(low - 0.3, low + size + 0.3)
        # Before the prediction a row for each pixel: an axis that ends at the last place would tell it.
        rows = max(state.output, 3) if self.revealed else size
        self.stairs.set_ylim(rows - 0.5, -0.5)
        self.stairs.yaxis.get_major_locator().set_params(integer=True)
        self.message.set_text(
            _("no place at all") if state.problem else "" if self.revealed else _("and then?")
        )

    def sentence(self):
        state = self.state
        if state.problem:
            return _("Not possible: {problem}.").format(problem=state.problem)
        if not self.revealed:
            return _("The kernel in its first place. How many follow?")
        text = _(
            "A padded row of {padded} pixels, a kernel that reaches over {reach}, steps of {step}: {output}"
            " places on each axis. Dark pixels are read most often, crossed ones ({missed} of {total}) never;"
            " squares mark the pixels that the kernel reads in its first place."
        )
        missed = int((state.coverage == 0).sum())
        return text.format(
            padded=state.padded,
            reach=state.reach,
            step=state.s,
            output=state.output,
            missed=missed,
            total=state.padded**2,
        )
