"""Channels adding up: one kernel has a slice for every input map, and the responses are summed."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from ..figures.canvas import AT_THE_TOP, GREY, SIGNED, bare, figure
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
        self.figure, axes = figure(3, 4, width=7.2, height=4.7, layout=None)
        self.figure.subplots_adjust(left=0.01, right=0.99, top=0.94, bottom=0.01, wspace=0.1, hspace=0.22)
        for ax in axes.flat:
            bare(ax)
            ax.title.set_fontsize(10)
        self.maps, self.responses, self.slices = [], [], []
        for c, name in enumerate(MAP_NAMES):
            title = _("map {c}: {name}").format(c=c, name=_(name))
            self.maps.append(_signed(axes[0, c], title))
            self.maps[c].set_data(self.state.maps()[c].numpy())
            self.slices.append(_Slice(axes[1, c], _("slice {c}").format(c=c)))
            self.responses.append(_signed(axes[2, c], _("response {c}").format(c=c)))
        middle = dict(fontsize=11, ha="center", va="center")
        self.bias = axes[1, 3].text(0.5, 0.5, "", color=GREY, **middle)
        self.total, self.title = _signed(axes[2, 3], "?"), axes[2, 3].title
        for c, sign in enumerate("++="):
            axes[2, c].text(1.08, 0.5, sign, transform=axes[2, c].transAxes, **middle | {"fontsize": 20})
        self.ask(
            _("Three input maps, one output map, a 3×3 kernel: how many trained numbers does that take?"),
            ["10", "12", "28", "30"],
            answer="28",
        )
        for c, name in enumerate(MAP_NAMES):
            text = _("weight of slice {c} ({name})").format(c=c, name=_(name))
            self.slider(f"weight{c}", text, -1.0, 1.0, 0.25)
        self.slider("bias", _("bias"), -0.5, 0.5, 0.1)
        self.choice("size", _("kernel"), [("3×3", 3), ("1×1", 1)])

    def draw(self):
        state = self.state
        kernel, responses, total = state.kernel()[0], state.responses(), state.output()
        limit = max(float(responses.abs().max()), float(total.abs().max()), 1e-6)
        for c in range(3):
            self.slices[c].show(kernel[c])
            _show(self.responses[c], responses[c], limit)
        _show(self.total, total if self.revealed else torch.zeros_like(total), limit)
        self.title.set_text(_("their sum: one map") if self.revealed else "?")
        # "Once" is what the prediction is about.
        self.bias.set_text(_("bias {b:+.2f}, once").format(b=state.bias) if self.revealed else "")

    def sentence(self):
        return (
            self.state.sentence()
            if self.revealed
            else _("Three input maps, and the kernel's three slices. Their sum waits for your prediction.")
        )


def _signed(ax, title):
    """A framed picture in signed colours, to be filled by `_show`."""
    drawn = ax.imshow(np.zeros((2, 2)), cmap=SIGNED, vmin=-1, vmax=1, interpolation="nearest")
    ax.set_title(title, fontsize=10, **AT_THE_TOP)
    ax.spines[:].set_visible(True)
    ax.spines[:].set_color("#999999")
    return drawn


def _show(drawn, values, limit):
    height, width = values.shape
    drawn.set_data(values.numpy())
    drawn.set_extent((-0.5, width - 0.5, height - 0.5, -0.5))
    drawn.set_clim(-limit, limit)
    drawn.axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


class _Slice:
    """One slice of the kernel with its numbers written in."""

    def __init__(self, ax, title):
        self.drawn = _signed(ax, title)
        self.texts = [ax.text(0, 0, "", ha="center", va="center", fontsize=9) for _weight in range(9)]

    def show(self, values):
        """`values`: (size, size), size 1 or 3."""
        _show(self.drawn, values, 1.0)
        numbers = [(at, float(values[at])) for at in np.ndindex(*values.shape)]
        for text in self.texts[len(numbers) :]:
            text.set_visible(False)
        for text, ((row, column), value) in zip(self.texts, numbers):
            text.set(x=column, y=row, text=f"{value:.2f}", visible=True)
            text.set_color("white" if abs(value) > 0.6 else "black")
