"""Channels adding up: one kernel has a slice for every input map, and the responses are summed."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..figures.canvas import GREY, SIGNED, bare, figure
from ..wording import N_, _
from .kit.base import Explorer

# What the three input maps show; made from one digit by the fixed kernels below.
MAP_NAMES = (N_("left-right edges"), N_("up-down edges"), N_("ink"))
_DIFFERENCE = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
_MAKERS = torch.stack((_DIFFERENCE, _DIFFERENCE.T, torch.full((3, 3), 1 / 9)))
# The slices of the 3×3 kernel before they are weighted: a vertical, a horizontal bar and a dot.
_BAR = torch.tensor([[0.0, 1.0, 0.0]] * 3) / 3
_DOT = torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
_SLICES = torch.stack((_BAR, _BAR.T, _DOT))


@dataclass
class ChannelsState:
    """One output map computed from three input maps made of a digit.

    `image` (h, w) in [0, 1]; the three weights scale the kernel's slices; `size` is the
    kernel's side, 1 or 3; `bias` is added once.
    """

    image: torch.Tensor
    weight0: float = 1.0
    weight1: float = 1.0
    weight2: float = -0.5
    size: int = 3
    bias: float = 0.0

    def maps(self):
        """The three input maps (3, h − 2, w − 2)."""
        return F.conv2d(self.image[None, None], _MAKERS[:, None])[0]

    def weights(self):
        """The three weights as a tensor (3,)."""
        return torch.tensor([self.weight0, self.weight1, self.weight2])

    def kernel(self):
        """The kernel (1, 3, size, size): one slice for each input map."""
        slices = _SLICES if self.size == 3 else torch.ones(3, 1, 1)
        return (slices * self.weights()[:, None, None])[None] + 0.0  # + 0.0: no minus zero

    def responses(self):
        """What each slice makes of its own map (3, h, w), before anything is added."""
        return F.conv2d(self.maps()[None], self.kernel().transpose(0, 1), groups=3)[0]

    def output(self):
        """The one output map (h, w): the responses added up, plus the bias once."""
        return self.responses().sum(0) + self.bias

    def parameters(self):
        """Weights in all slices of the kernel, plus one bias."""
        return self.kernel().numel() + 1

    def sentence(self):
        """What the figure shows, in words with numbers."""
        text = _(
            "Three input maps, one kernel of 3×{k}×{k} weights and one bias: {n} parameters, one output map"
            " of {h}×{w}."
        )
        h, w = self.output().shape
        return text.format(k=self.size, n=self.parameters(), h=h, w=w)

    def figure(self, outcome=True):
        """Rows: input maps, slices with their weights, responses; at the right their sum (the `outcome`)."""
        fig, axes = figure(3, 4, width=8.4, height=6.6, layout=None)
        fig.subplots_adjust(left=0.01, right=0.99, top=0.95, bottom=0.01, wspace=0.2, hspace=0.16)
        maps, kernel, responses, total = self.maps(), self.kernel()[0], self.responses(), self.output()
        limit = max(float(responses.abs().max()), float(total.abs().max()), 1e-6)
        for c in range(3):
            _signed(axes[0, c], maps[c], 1.0, _("map {c}: {name}").format(c=c, name=_(MAP_NAMES[c])))
            _numbers(axes[1, c], kernel[c], _("slice {c}").format(c=c))
            _signed(axes[2, c], responses[c], limit, _("response {c}").format(c=c))
        for row, text in ((0, ""), (1, _("bias {b:+.2f}, once").format(b=self.bias))):
            bare(axes[row, 3])
            axes[row, 3].text(0.5, 0.5, text, ha="center", va="center", fontsize=11, color=GREY)
        if outcome:
            _signed(axes[2, 3], total, limit, _("their sum: one map"))
        else:
            bare(axes[2, 3], "?")
        for c, sign in enumerate("++="):
            axes[2, c].text(
                1.08, 0.5, sign, transform=axes[2, c].transAxes, fontsize=20, ha="center", va="center"
            )
        return fig


def _signed(ax, values, limit, title):
    ax.imshow(values.numpy(), cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
    bare(ax, title)
    ax.spines[:].set_visible(True)
    ax.spines[:].set_color("#999999")


def _numbers(ax, values, title):
    _signed(ax, values, 1.0, title)
    for row, line in enumerate(values.tolist()):
        for column, value in enumerate(line):
            ax.text(
                column,
                row,
                f"{value:.2f}",
                ha="center",
                va="center",
                fontsize=10,
                color="white" if abs(value) > 0.6 else "black",
            )


class ChannelsExplorer(Explorer):
    """Weigh three input maps, slice by slice, and watch their responses add up to one map."""

    name = "channels"

    def __init__(self, image):
        """`image`: one grey picture (h, w) or (1, h, w) in [0, 1], of 5 pixels or more each way."""
        if image.shape[:-2] not in ((), (1,)) or min(image.shape) < 1 or min(image.shape[-2:]) < 5:
            message = _("image of shape {shape}: give one grey picture, (rows, columns), of 5×5 or more")
            raise ValueError(message.format(shape=tuple(image.shape)))
        super().__init__(ChannelsState(image.reshape(image.shape[-2:])))

    def build(self):
        self.ask(
            _("Three input maps, one output map, a 3×3 kernel: how many trained numbers does that take?"),
            ["10", "12", "28", "30"],
            answer="28",
        )
        for c, name in enumerate(MAP_NAMES):
            text = _("weight of slice {c} ({name})").format(c=c, name=_(name))
            self.slider(f"weight{c}", text, -1.0, 1.0, 0.25, continuous_update=False)
        self.slider("bias", _("bias"), -0.5, 0.5, 0.1, continuous_update=False)
        self.choice("size", _("kernel"), [("3×3", 3), ("1×1", 1)])

    describe_width = "17em"

    def draw(self):
        self.figure = self.state.figure(outcome=self.revealed)

    def sentence(self):
        return (
            self.state.sentence()
            if self.revealed
            else _("Three input maps, and the kernel's three slices. Their sum waits for your prediction.")
        )
