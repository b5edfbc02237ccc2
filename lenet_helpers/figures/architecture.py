"""Drawings of networks and tables for the architecture chapter: rows in, Figure out."""

import torch
from matplotlib.patches import Polygon, Rectangle

from ..lenet1998.codes import digit_codes
from ..modes import evaluation_mode
from ..wording import _
from .canvas import COLOURS, GREY, bare, figure
from .plots import image_grid, learning_curves, show

KIND_COLOURS = {"Conv2d": COLOURS["sky blue"], "MaxPool2d": COLOURS["orange"], "Linear": COLOURS["purple"]}
_DEPTH = 0.55  # pixels by which each map is set off from the one before it
_GAP = 9.0  # pixels between two layers


def draw_network(input_shape, rows, counts=True):
    """The network to scale over a table of its layers.

    `input_shape` (c, h, w); `rows` are `LayerRow`s. Maps are drawn as stacks of squares,
    one for each channel, in one scale of pixels; a dense layer as a column whose height
    grows with its units (10 units a pixel). `counts=False` leaves the two counts out.
    """
    fig, (top, bottom) = figure(2, 1, width=9.6, height=6.2, layout=None)
    top.set_position((0.01, 0.5, 0.98, 0.49))
    bottom.set_position((0.01, 0.01, 0.98, 0.46))
    bare(top)
    x = 0.0
    edge = x = _stack(top, x, input_shape, "#E5E5E5", _("input"))
    for row in rows:
        colour = KIND_COLOURS.get(row.kind, "#E5E5E5")
        if len(row.output_shape) == 3:
            edge = _stack(top, x + _GAP, row.output_shape, colour, row.name)
        else:
            edge = _column(top, x + _GAP, row.output_shape[0], colour, row.name)
        top.annotate("", (x + _GAP - 1, 0), (x + 1, 0), arrowprops={"arrowstyle": "->", "color": GREY})
        x = edge
    top.set_aspect("equal")
    top.autoscale_view()
    top.margins(0.02, 0.08)
    _table(bottom, rows, counts)
    return fig


def _stack(ax, x, shape, colour, name):
    """A stack of squares from `x` on, centred on 0; returns where it ends."""
    maps, side = shape[0], shape[-1]
    for m in range(maps):
        corner = (x + m * _DEPTH, -side / 2 + (m - maps / 2) * _DEPTH)
        ax.add_patch(Rectangle(corner, side, side, facecolor=colour, edgecolor="black", linewidth=0.6))
    ends = x + side + (maps - 1) * _DEPTH
    _name(ax, (x + ends) / 2, -side / 2 - maps / 2 * _DEPTH, name, "×".join(map(str, shape)))
    return ends


def _column(ax, x, units, colour, name):
    height, width = max(1.0, units / 10), 2.5
    corners = [(x, -height / 2), (x + width, -height / 2), (x + width, height / 2), (x, height / 2)]
    ax.add_patch(Polygon(corners, closed=True, facecolor=colour, edgecolor="black", linewidth=0.6))
    _name(ax, x + width / 2, -height / 2, name, str(units))
    return x + width


def _name(ax, x, y, name, size):
    ax.text(x, y - 1.5, f"{name}\n{size}", ha="center", va="top", fontsize=9)


def _table(ax, rows, counts):
    """Name, shape, parameters and multiply-adds, with bars for the two counts."""
    bare(ax)
    ax.set_xlim(0, 100)
    ax.set_ylim(len(rows) + 1, -1)
    _line(ax, -0.5, (_("layer"), _("output"), _("parameters"), _("multiply-adds")), weight="bold")
    most = max(r.parameters for r in rows), max(r.multiply_adds for r in rows)
    for y, row in enumerate(rows, start=0):
        numbers = (f"{row.parameters:,}", f"{row.multiply_adds:,}") if counts else ("?", "?")
        _line(ax, y + 0.5, (row.name, "×".join(map(str, row.output_shape)), *numbers))
        bars = ((48.5, row.parameters, most[0]), (83.5, row.multiply_adds, most[1])) if counts else ()
        for x, value, top in bars:
            colour = KIND_COLOURS.get(row.kind, GREY)
            ax.add_patch(
                Rectangle(
                    (x, y + 0.15),
                    16 * value / max(1, top),
                    0.7,
                    facecolor=colour,
                    edgecolor="black",
                    linewidth=0.5,
                )
            )
    ax.axhline(len(rows), color="black", linewidth=1)
    sums = (
        (f"{sum(r.parameters for r in rows):,}", f"{sum(r.multiply_adds for r in rows):,}")
        if counts
        else ("?", "?")
    )
    _line(ax, len(rows) + 0.5, (_("sum"), "", *sums), weight="bold")


def _line(ax, y, cells, **style):
    for (x, side), text in zip(((0, "left"), (27, "right"), (47, "right"), (82, "right")), cells):
        ax.text(x, y, text, ha=side, va="center", fontsize=10, **style)


def show_codes():
    """The ten fixed codes of the 1998 network's output layer, as pictures."""
    fig = image_grid(
        digit_codes().view(10, 12, 7).numpy(), [str(d) for d in range(10)], columns=10, cmap="Greys"
    )
    show(fig, _("Ten drawings of 7×12 pixels, one for each digit; dark is +1, light is −1."))


def show_f6(model, split, count=8):
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
    titles = [_("to {d}: {y:.0f}").format(d=d, y=distances[d, d]) for d in range(count)] + [
        str(d) for d in range(count)
    ]
    fig = image_grid(
        pictures.numpy(), titles, columns=count, low=-1.7159, high=1.7159, cmap="Greys", scale=1.0
    )
    show(
        fig,
        _(
            "Above, F6's 84 outputs for one digit of each class, with their squared distance to its code;"
            " below, the codes."
        ),
    )


def show_activations_learning(histories):
    """Curves of runs that differ in their activation: `histories` is a dict from name to records."""
    losses = ", ".join(f"{name} {history[-1].validation_loss:.1f}" for name, history in histories.items())
    show(
        learning_curves(histories),
        _(
            "Loss and accuracy during {n} steps of SGD. Validation loss at the end: {losses}; guessing gives"
            " 2.3."
        ).format(n=next(iter(histories.values()))[-1].step, losses=losses),
    )
