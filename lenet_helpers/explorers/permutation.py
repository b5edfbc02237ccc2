"""Chapter 1.1: what two networks lose when the pixels of every image change places."""

from dataclasses import dataclass

import numpy as np
from torch import nn

from ..figures.canvas import COLOURS, bare, figure, label
from ..results import stored_result
from ..wording import _
from .kit.base import Explorer
from .kit.fitting import first_of_each, require_digits


def permutation(fraction, seed, pixels=784):
    """Where each pixel's value is taken from: an int array (pixels,), a permutation.

    A share `fraction` of the places, drawn by `seed`, is shuffled among itself; the
    others stay.
    """
    rng = np.random.default_rng(seed)
    moved = rng.permutation(pixels)[: round(fraction * pixels)]
    order = np.arange(pixels)
    order[moved] = rng.permutation(moved)
    return order


def dense_net():
    """784 → 56 → 10: as many parameters as LeNet (44,530 against 44,426), no convolution."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 56), nn.ReLU(), nn.Linear(56, 10))


@dataclass
class PermutationState:
    """Which digit is shown, how much of it is permuted, and the measured accuracies.

    `results`: the file benchmarks/permutation.py writes. `percent`: one of those measured.
    """

    images: np.ndarray  # (n, 28, 28), grey
    results: dict
    percent: int = 100
    seed: int = 0
    digit: int = 0

    @property
    def permuted(self):
        """The digit shown, (28, 28), after the permutation."""
        image = np.asarray(self.images[self.digit])
        return image.reshape(-1)[permutation(self.percent / 100, self.seed, image.size)].reshape(image.shape)

    @property
    def percents(self):
        """The percentages that were measured, ascending."""
        return sorted(int(p) for p in self.results["accuracy"]["dense"])

    def accuracies(self, net, percent=None):
        """Validation accuracy [fraction] of each run of `net`, "dense" or "conv", (seeds,)."""
        percent = self.percent if percent is None else percent
        return np.array(self.results["accuracy"][net][str(percent)])


class PermutationExplorer(Explorer):
    """One digit before and after, and both networks' accuracy on images so permuted."""

    name = "permutation"

    def __init__(self, dataset, results=None, count=10):
        """`dataset`: 28×28 digits, the first `count` validation images are shown; `results`: instead of the
        stored ones.
        """
        results = stored_result("permutation") if results is None else results
        split = dataset.validation or dataset.test
        require_digits(split.images, "PermutationExplorer")  # whose results are those of digits
        shown = first_of_each(split.labels, count, "PermutationExplorer")
        images = dataset.to_unit(split.images[shown])[:, 0].numpy()
        super().__init__(PermutationState(images, results))

    def build(self):
        state = self.state
        self.figure, _unused = figure(1, 1, width=7.4, height=2.9, layout=None)
        self.figure.clear()
        before = self.figure.add_axes((0.01, 0.12, 0.22, 0.72))
        after = self.figure.add_axes((0.25, 0.12, 0.22, 0.72))
        bare(before, _("the digit"))
        bare(after, _("its pixels permuted"))
        self.before = before.imshow(state.images[0], cmap="gray", vmin=0, vmax=1)
        self.after = after.imshow(state.images[0], cmap="gray", vmin=0, vmax=1)
        self._build_chart(self.figure.add_axes((0.57, 0.19, 0.41, 0.68)))
        self.choice("percent", _("pixels permuted"), [(f"{p} %", p) for p in state.percents])
        self.slider("seed", _("permutation number"), 0, 9)
        self.slider("digit", _("digit shown"), 0, len(state.images) - 1)
        self.ask(
            _(
                "All pixels are permuted, the same way in every image, and both nets are trained anew. What"
                " happens to their accuracy?"
            ),
            {
                "both": _("both fall about as much"),
                "dense": _("only the dense net's falls"),
                "conv": _("only the convolutional net's falls"),
                "neither": _("neither changes"),
            },
            answer="conv",
        )

    def _build_chart(self, ax):
        self.lines, self.dots = [], []
        styles = (
            ("dense", _("dense net"), COLOURS["vermillion"], "s", (0, (4, 2))),
            ("conv", _("convolutional net"), COLOURS["blue"], "o", "-"),
        )
        for net, name, colour, marker, dash in styles:
            (line,) = ax.plot([], [], color=colour, linestyle=dash, marker=marker, linewidth=2, label=name)
            (dots,) = ax.plot([], [], color=colour, marker=marker, linestyle="", markersize=4, alpha=0.45)
            self.lines.append((net, line))
            self.dots.append((net, dots))
        self.here = ax.axvline(100, color="#595959", linewidth=1, linestyle=":")
        worst = min(
            self.state.accuracies(net, p).min() for net in ("dense", "conv") for p in self.state.percents
        )
        # Before the prediction from 0: an axis made for the outcome tells how far something falls.
        self.lowest = {False: 0, True: np.floor(100 * worst) - 0.5}
        self.chart = ax
        ax.set_xlim(-6, 106)
        ax.set_xticks(self.state.percents)
        label(ax, x=_("pixels permuted [%]"), y=_("accuracy [%]"))
        ax.legend(fontsize=9, loc="lower left")

    def draw(self):
        state = self.state
        self.before.set_data(state.images[state.digit])
        self.after.set_data(state.permuted)
        self.here.set_xdata([state.percent, state.percent])
        shown = state.percents if self.revealed else state.percents[:1]
        self.chart.set_ylim(self.lowest[self.revealed], 100)
        for net, line in self.lines:
            line.set_data(shown, [100 * state.accuracies(net, p).mean() for p in shown])
        for net, dots in self.dots:
            runs = [(p, 100 * a) for p in shown for a in state.accuracies(net, p)]
            dots.set_data(*zip(*runs, strict=True))

    def sentence(self):
        if not self.revealed:
            return _("Accuracies on plain digits are drawn; those on permuted ones wait for your prediction.")
        state = self.state
        dense, conv = state.accuracies("dense"), state.accuracies("conv")
        return _(
            "With {percent} % of the pixels permuted the dense net gets {dense:.1f} % (s.d. {dense_sd:.1f})"
            " of the validation images right, the convolutional net {conv:.1f} % (s.d. {conv_sd:.1f}); {n}"
            " runs of each, trained on {train:,} digits, judged on {images:,}. Faint marks are single runs."
        ).format(
            percent=state.percent,
            dense=100 * dense.mean(),
            dense_sd=100 * dense.std(ddof=1),
            conv=100 * conv.mean(),
            conv_sd=100 * conv.std(ddof=1),
            n=len(dense),
            train=state.results["conditions"]["train_images"],
            images=state.results["conditions"]["validation_images"],
        )
