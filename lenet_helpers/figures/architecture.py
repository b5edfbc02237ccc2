"""Drawings of networks and tables for the architecture chapter: rows in, Figure out."""

import numpy as np
import torch
from matplotlib.collections import PolyCollection
from matplotlib.patches import Rectangle

from ..lenet1998.codes import digit_codes
from ..modes import evaluation_mode
from ..wording import _, listed
from .canvas import COLOURS, GREY, bare, figure, show
from .plots import learning_curves

KIND_COLOURS = {"Conv2d": COLOURS["sky blue"], "MaxPool2d": COLOURS["orange"], "Linear": COLOURS["purple"]}
_DEPTH = 0.55  # pixels by which each map is set off from the one before it
_GAP = 9.0  # pixels between two layers


def network_figure():
    """A blank figure and its two axes, for `draw_network`: the network above, the table below."""
    fig, (top, bottom) = figure(2, 1, width=9.2, height=4.7, layout=None)
    top.set_position((0.01, 0.54, 0.98, 0.46))
    bottom.set_position((0.01, 0.005, 0.98, 0.525))
    bare(top)
    bare(bottom)
    bottom.set(xlim=(0, 100), ylim=(8, -1))
    top.set_aspect("equal")
    top.margins(0.02, 0.08)
    return fig, top, bottom


def draw_network(top, bottom, input_shape, rows, *, counts=True, broken=None):
    """The network to scale on the axes `top`, over a table of its layers on `bottom`.

    `input_shape` (c, h, w); `rows` are `LayerRow`s. Maps are drawn as stacks of squares,
    one for each channel, in one scale of pixels; a dense layer as a column whose height
    grows with its units (10 units a pixel). `counts=False` leaves the two counts out.
    `broken`: the name of a layer that does not fit after those rows, marked as such.
    """
    for ax in (top, bottom):  # three times as fast as clearing them, axes and all
        for artist in (*ax.texts, *ax.patches, *ax.collections, *ax.lines):
            artist.remove()
    top.dataLim.set_points(np.array([[np.inf, np.inf], [-np.inf, -np.inf]]))
    edge = x = _stack(top, 0.0, input_shape, "#E5E5E5", _("input"))
    arrows = []
    for row in rows:
        colour = KIND_COLOURS.get(row.kind, "#E5E5E5")
        draw = _stack if len(row.output_shape) == 3 else _column
        edge = draw(top, x + _GAP, row.output_shape, colour, row.name)
        arrows.append(x)
        x = edge
    if broken:
        arrows.append(x)
        edge = _broken(top, x + _GAP, broken)
    middle = [0.0] * len(arrows)
    top.quiver([a + 1 for a in arrows], middle, _GAP - 2, 0, color=GREY, **_ARROW)
    top.autoscale_view()
    _table(bottom, rows, counts, broken)


_ARROW = dict(angles="xy", scale_units="xy", scale=1, width=0.0016, headwidth=6, headlength=6)


def _stack(ax, x, shape, colour, name):
    """A stack of squares from `x` on, centred on 0; returns where it ends."""
    maps, side = shape[0], shape[-1]
    corners = np.array([(0, 0), (side, 0), (side, side), (0, side)], dtype=float)
    m = np.arange(maps)[:, None]
    offsets = np.hstack((x + m * _DEPTH, -side / 2 + (m - maps / 2) * _DEPTH))
    # One artist for all squares: a hundred are drawn as fast as one.
    squares = corners[None] + offsets[:, None]
    ax.add_collection(PolyCollection(squares, facecolors=colour, edgecolors="black", linewidths=0.6))
    ends = x + side + (maps - 1) * _DEPTH
    _name(ax, (x + ends) / 2, -side / 2 - maps / 2 * _DEPTH, name, "×".join(map(str, shape)))
    return ends


def _column(ax, x, shape, colour, name):
    height, width = max(1.0, shape[0] / 10), 2.5
    ax.add_patch(
        Rectangle((x, -height / 2), width, height, facecolor=colour, edgecolor="black", linewidth=0.6)
    )
    _name(ax, x + width / 2, -height / 2, name, str(shape[0]))
    return x + width


def _broken(ax, x, name):
    style = dict(fill=False, edgecolor=COLOURS["vermillion"], linewidth=2, linestyle="--", hatch="xx")
    ax.add_patch(Rectangle((x, -5), 10, 10, **style))
    ax.text(x + 5, -6.5, _("{layer}\ndoes not fit").format(layer=name), ha="center", va="top", fontsize=9)
    return x + 30


def _name(ax, x, y, name, size):
    ax.text(x, y - 1.5, f"{name}\n{size}", ha="center", va="top", fontsize=9)


def _table(ax, rows, counts, broken=None):
    """Name, shape, parameters and multiply-adds, with bars for the two counts."""
    _line(ax, -0.5, (_("layer"), _("output"), _("parameters"), _("multiply-adds")), weight="bold")
    numbers = [(f"{r.parameters:,}", f"{r.multiply_adds:,}") if counts else ("?", "?") for r in rows]
    for y, row in enumerate(rows):
        _line(ax, y + 0.5, (row.name, "×".join(map(str, row.output_shape)), *numbers[y]))
    if counts and rows:
        colours = [KIND_COLOURS.get(row.kind, GREY) for row in rows]
        for left, values in ((48.5, [r.parameters for r in rows]), (83.5, [r.multiply_adds for r in rows])):
            widths = [16 * value / max(1, *values) for value in values]
            bars = [
                [(left, y + 0.15), (left + wide, y + 0.15), (left + wide, y + 0.85), (left, y + 0.85)]
                for y, wide in enumerate(widths)
            ]
            ax.add_collection(
                PolyCollection(bars, facecolors=colours, edgecolors="black", linewidths=0.5), autolim=False
            )
    if broken:
        _line(ax, len(rows) + 0.5, (broken, _("does not fit"), "", ""), color=COLOURS["vermillion"])
        return
    ax.axhline(len(rows), color="black", linewidth=1)
    sums = (
        (f"{sum(r.parameters for r in rows):,}", f"{sum(r.multiply_adds for r in rows):,}")
        if counts
        else ("?", "?")
    )
    _line(ax, len(rows) + 0.5, (_("sum"), "", *sums), weight="bold")


def _line(ax, y, cells, **style):
    for (x, side), text in zip(((0, "left"), (27, "right"), (47, "right"), (82, "right")), cells):
        if text:
            ax.text(x, y, text, ha=side, va="center", fontsize=10, **style)


def show_codes():
    """The ten fixed codes of the 1998 network's output layer, as pictures."""
    fig, axes = figure(1, 10, width=8.6, height=1.9, layout=None)
    fig.subplots_adjust(0.01, 0.02, 0.99, 0.84, wspace=0.3)
    for digit, (ax, code) in enumerate(zip(axes, digit_codes().view(10, 12, 7))):
        ax.imshow(code, cmap="Greys", vmin=-1.4, vmax=1.2)
        bare(ax, str(digit), named=True)
        # Lines between the pixels: 84 of them, as F6 has outputs.
        ax.set_xticks([x - 0.5 for x in range(8)], minor=True)
        ax.set_yticks([y - 0.5 for y in range(13)], minor=True)
        ax.grid(which="minor", color="white", linewidth=0.8)
        ax.tick_params(which="minor", length=0)
    show(fig, _("Ten drawings of 7×12 pixels, one for each digit; dark is +1, light is −1."))


def show_f6(model, split, count=10):
    """F6's 84 outputs for the first image of each of `count` classes, above the code they should match.

    `split` holds images as `model` (a `LeNet1998` with distances) takes them.
    """
    chosen = [int((split.labels == d).nonzero()[0, 0]) for d in range(count)]
    seen = {}
    handle = model.output.register_forward_hook(lambda layer, inputs, output: seen.update(f6=inputs[0]))
    with evaluation_mode(model), torch.no_grad():
        distances = -model(split.images[chosen])
    handle.remove()
    pictures = torch.cat((seen["f6"], model.output.codes[:count])).view(-1, 12, 7)
    titles = [_("to {d}: {y:.0f}").format(d=d, y=distances[d, d]) for d in range(count)]
    titles += [str(d) for d in range(count)]
    fig, axes = figure(2, count, width=8.8, height=3.7, layout=None)
    fig.subplots_adjust(0.01, 0.02, 0.93, 0.92, wspace=0.3, hspace=0.2)
    for ax, picture, title in zip(axes.flat, pictures, titles):
        drawn = ax.imshow(picture, cmap="Greys", vmin=-1.7159, vmax=1.7159)
        bare(ax, title)
        ax.title.set_fontsize(9)
        ax.spines[:].set_visible(True)
    bar = fig.colorbar(drawn, cax=fig.add_axes((0.95, 0.1, 0.012, 0.78)), ticks=(-1, 0, 1))
    bar.ax.tick_params(labelsize=9)
    show(
        fig,
        _(
            "Above, F6's 84 outputs for one digit of each class, with their squared distance to its code;"
            " below, the codes."
        ),
    )


def show_activations_learning(histories):
    """Curves of runs that differ in their activation: `histories` is a dict from name to records."""
    histories = {"ReLU" if name == "relu" else name: history for name, history in histories.items()}
    losses = listed(f"{name} {history[-1].validation_loss:.1f}" for name, history in histories.items())
    show(
        learning_curves(histories),
        _(
            "Loss and accuracy during {n} steps of SGD. Validation loss at the end: {losses}; guessing gives"
            " 2.3."
        ).format(n=next(iter(histories.values()))[-1].step, losses=losses),
    )
