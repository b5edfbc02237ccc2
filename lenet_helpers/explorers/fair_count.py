"""Chapter 1.5: parameters and multiplications of three layers that make the same outputs."""

from dataclasses import dataclass

import numpy as np

from ..figures.canvas import COLOURS, figure, label
from ..wording import N_, _
from .kit.base import Explorer

KINDS = (("dense", N_("dense")), ("local", N_("local, not shared")), ("conv", N_("convolution")))


@dataclass
class FairCountState:
    """An n×n image into `maps` maps by a k×k kernel, without padding."""

    n: int = 28
    k: int = 5
    maps: int = 6

    @property
    def problem(self):
        """Why there is no such layer, or None."""
        if self.k <= self.n:
            return None
        return _("a {k}×{k} kernel does not fit an image of {n}×{n}: use a smaller one").format(
            k=self.k, n=self.n
        )

    @property
    def outputs(self):
        """Numbers each of the three layers produces for one image."""
        return self.maps * (self.n - self.k + 1) ** 2 if self.problem is None else 0

    @property
    def parameters(self):
        """Weights and biases, by kind of layer."""
        pixels, window = self.n**2, self.k**2
        return {
            "dense": (pixels + 1) * self.outputs,
            "local": (window + 1) * self.outputs,
            "conv": (window + 1) * self.maps if self.outputs else 0,
        }

    @property
    def multiplications(self):
        """Multiplications for one image, by kind of layer."""
        pixels, window = self.n**2, self.k**2
        return {"dense": pixels * self.outputs, "local": window * self.outputs, "conv": window * self.outputs}


class FairCountExplorer(Explorer):
    """Dense, locally connected and convolutional, at equal outputs, on a logarithmic axis."""

    name = "fair-count"

    def __init__(self, n=28, k=5, maps=6):
        super().__init__(FairCountState(n, k, maps))

    def build(self):
        self.figure, axes = figure(1, 2, width=8.6, height=2.7, layout=None)
        self.figure.subplots_adjust(0.17, 0.2, 0.97, 0.87, wspace=0.1)
        self.panels = []
        for ax, title in zip(axes, (_("parameters"), _("multiplications per image"))):
            # Dots: on a logarithmic axis the length of a bar means nothing.
            colours = (COLOURS["vermillion"], COLOURS["orange"], COLOURS["blue"])
            drawn = [
                ax.plot([1], [row], color=colour, marker=marker, markersize=10, markeredgecolor="black")[0]
                for row, (colour, marker) in enumerate(zip(colours, "sDo"))
            ]
            texts = [ax.text(1, row, "", va="center", fontsize=10) for row in range(3)]
            ax.set_ylim(2.6, -0.6)
            ax.set_xscale("log")
            ax.set_xlim(1, 1e10)
            ax.set_xticks([1, 1e2, 1e4, 1e6, 1e8])
            ax.minorticks_off()
            label(ax, x=title)
            self.panels.append((drawn, texts))
        axes[0].set_yticks(range(3), [_(text) for _kind, text in KINDS])
        axes[1].set_yticks(range(3), ["", "", ""])
        self.slider("n", _("side of the image [pixels]"), 4, 64)
        self.slider("k", _("side of the kernel [pixels]"), 1, 9)
        self.slider("maps", _("maps"), 1, 32)
        state = self.state
        ratio = state.parameters["dense"] / state.parameters["conv"]
        choices = {
            "multiplications": state.multiplications["dense"] / state.multiplications["conv"],
            "pixels": state.n**2,
            "parameters": ratio,
        }
        self.ask(
            _(
                "A dense layer makes the same {outputs:,} outputs as LeNet's first convolution. It has how"
                " many times as many parameters?"
            ).format(outputs=state.outputs),
            {name: _about(number) for name, number in choices.items()},
            answer="parameters",
        )

    def draw(self):
        state = self.state
        for (drawn, texts), counts in zip(self.panels, (state.parameters, state.multiplications)):
            for dot, text, (kind, _text) in zip(drawn, texts, KINDS):
                shown = counts[kind] if self.revealed or kind == "conv" else 0
                dot.set_data([shown or np.nan], dot.get_ydata())
                text.set_x(2.2 * max(shown, 1))
                text.set_text(f"{shown:,}" if shown else "?" if state.outputs else "")

    def sentence(self):
        state = self.state
        if state.problem:
            return _("Not possible: {problem}.").format(problem=state.problem)
        if not self.revealed:
            return _("{outputs:,} outputs from {n}×{n} pixels. What do they cost in a dense layer?").format(
                outputs=state.outputs, n=state.n
            )
        parameters, products = state.parameters, state.multiplications
        return _(
            "For the same {outputs:,} outputs the dense layer has {ratio:,.0f} times the parameters of the "
            "convolution, but {work:,.1f} times its multiplications: sharing weights saves memory, not "
            "multiplications; locality saves those."
        ).format(
            outputs=state.outputs,
            ratio=parameters["dense"] / parameters["conv"],
            work=products["dense"] / products["conv"],
        )


def _about(number):
    """Rounded to two figures, as one would guess it."""
    return _("about {n:,}").format(n=int(float(f"{number:.2g}")))
