"""Arrays in, matplotlib Figure out: the course's figures, drawn without pyplot.

Every function takes numpy arrays (or anything `numpy.asarray` takes, tensors on the
CPU included), says units on its axes and never relies on colour alone.
"""

import math

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ..wording import _, pgettext
from .canvas import COLOURS, DASHES, GREY, LINES, MARKERS, SIGNED, bare, figure, label, of_part, series


def learning_curves(histories, *, chance=math.log(10), x="epoch"):
    """Loss and accuracy, each on its own axes, of one run or of several.

    `histories` is a list of records as `train` yields them, or a dict from a run's
    name to such a list. Training is dashed with open markers, validation solid with
    filled ones; `chance` [nats/image] is drawn as the loss of guessing, None leaves
    it out. `x` is ``"epoch"`` or ``"step"``.
    """
    if not isinstance(histories, dict):
        histories = {"": histories}
    fig, (loss, accuracy) = figure(1, 2, width=9, height=3.6)
    for index, history in enumerate(histories.values()):
        for kind, ax in (("loss", loss), ("accuracy", accuracy)):
            _curve(ax, history, f"train_{kind}", x, index, training=True)
            _curve(ax, history, f"validation_{kind}", x, index, training=False)
    if chance is not None:
        loss.axhline(chance, color=GREY, linestyle=":", linewidth=1.5)
        text = _("guessing: {loss:.2f}").format(loss=chance)
        loss.annotate(
            text,
            (1, chance),
            xycoords=("axes fraction", "data"),
            xytext=(-4, -12),
            textcoords="offset points",
            color=GREY,
            fontsize=9,
            ha="right",
        )
    across = _("epochs") if x == "epoch" else _("steps")
    label(loss, x=across, y=_("loss [nats per image]"))
    label(accuracy, x=across, y=_("accuracy"))
    loss.set_ylim(bottom=0)
    accuracy.yaxis.set_major_formatter(PercentFormatter(1.0))
    handles = _legend(histories)
    fig.legend(handles=handles, loc="outside lower center", ncols=min(4, len(handles)), fontsize=10)
    return fig


def _curve(ax, history, field, x, index, *, training):
    points = [(getattr(r, x), getattr(r, field)) for r in history]
    points = [(a, b) for a, b in points if b is not None]
    if not points:
        return
    marker = MARKERS[index % len(MARKERS)] if len(points) <= 40 else None
    ax.plot(*zip(*points, strict=True), **of_part(training, LINES[index % len(LINES)], marker))


def _legend(histories):
    kinds = [
        Line2D([], [], **of_part(True, GREY), label=_("training")),
        Line2D([], [], **of_part(False, GREY), label=_("validation")),
    ]
    runs = [
        Line2D([], [], color=LINES[i % len(LINES)], marker=MARKERS[i % len(MARKERS)], label=name)
        for i, name in enumerate(histories)
        if name
    ]
    return kinds + runs


def lines(x, curves, *, xlabel, ylabel, title=None, height=3.4):
    """Several curves over the same `x`: `curves` is a dict from name to values."""
    fig, ax = figure(width=7.2, height=height)
    for index, (name, values) in enumerate(curves.items()):
        ax.plot(x, values, label=name, **series(index, marker=len(x) <= 40))
    label(ax, x=xlabel, y=ylabel, title=title)
    if len(curves) > 1:
        ax.legend(fontsize=10)
    return fig


def bars(values, *, xlabel, log=False, title=None, form="{:,.0f}"):
    """Horizontal bars, each with its number written out: `values` maps names to numbers."""
    fig, ax = figure(width=7.2, height=0.9 + 0.45 * len(values))
    drawn = ax.barh(range(len(values)), list(values.values()), color=COLOURS["blue"], height=0.62)
    ax.set_yticks(range(len(values)), list(values))
    ax.bar_label(drawn, [form.format(v) for v in values.values()], padding=4, fontsize=10)
    ax.invert_yaxis()
    ax.set_xscale("log" if log else "linear")
    ax.margins(x=0.18)
    label(ax, x=xlabel, title=title, grid=False)
    return fig


def image_grid(images, titles=None, *, columns=10, scale=0.85, low=None, high=None, cmap="gray"):
    """Grey images (n, height, width) or (n, 1, height, width) in a grid, `columns` a row.

    All share one grey scale from `low` to `high` (default: their own extremes), so that
    brightness can be compared. `titles`: n short strings.
    """
    images = np.asarray(images, dtype=float)
    images = images.reshape(-1, *images.shape[-2:])
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    tall = scale * images.shape[1] / images.shape[2] + (0.3 if titles is not None else 0.06)
    fig, axes = figure(rows, columns, width=scale * columns, height=rows * tall, squeeze=False)
    norm = Normalize(images.min() if low is None else low, images.max() if high is None else high)
    for ax in axes.flat:
        bare(ax, named=True)
    for index, (ax, image) in enumerate(zip(axes.flat, images, strict=False)):
        ax.imshow(image, cmap=cmap, norm=norm)
        if titles is not None:
            ax.set_title(str(titles[index]), fontsize=10, pad=3)
    return fig


def signed_image(image, *, title=None, limit=None, values=False, width=4.4):
    """An array (height, width) with sign: purple below zero, white at it, orange above.

    The scale is symmetric, ±`limit` (default: the largest magnitude). `values` writes
    the numbers in, for arrays small enough to read.
    """
    image = np.asarray(image, dtype=float)
    limit = limit or float(np.abs(image).max()) or 1.0
    fig, ax = figure(width=width, height=width * 0.8)
    drawn = ax.imshow(image, cmap=SIGNED, vmin=-limit, vmax=limit)
    bare(ax, title)
    fig.colorbar(drawn, ax=ax, shrink=0.85).ax.tick_params(labelsize=10)
    if values:
        for (row, column), value in np.ndenumerate(image):
            ink = "white" if abs(value) > 0.6 * limit else "black"
            ax.text(column, row, f"{value:.3g}", ha="center", va="center", color=ink, fontsize=9)
    return fig


def mosaic(tiles, columns, *, gap=1, below=None, empty=np.nan):
    """Tiles (n, height, width) side by side in one array, `columns` a row, with `empty` between them.

    `gap`: pixels between columns, and between rows unless `below` says how many there.
    """
    n, height, width = tiles.shape
    down, across = height + (gap if below is None else below), width + gap
    rows = -(-n // columns)
    whole = np.full((rows * down - (down - height), columns * across - gap), empty, dtype=float)
    for i, tile in enumerate(tiles):
        y, x = down * (i // columns), across * (i % columns)
        whole[y : y + height, x : x + width] = tile
    return whole


def feature_maps(maps, *, columns=8, title=None, signed=False, width=7.2):
    """Maps (n, height, width) as one mosaic picture, numbered row by row from 0.

    One image, not n axes: twenty times faster to draw. `signed` centres the colours on
    zero; otherwise dark is the least and white the greatest value.
    """
    maps = np.asarray(maps, dtype=float)
    maps = maps.reshape(-1, *maps.shape[-2:])
    n, high, wide = maps.shape
    columns = min(columns, n)
    gap = max(1, wide // 12)
    room = gap + round(columns * wide * 0.03)  # between rows, so that the numbers fit in
    whole = mosaic(maps, columns, gap=gap, below=room)
    fig, ax = figure(width=width, height=width * whole.shape[0] / whole.shape[1] + 0.5)
    for index in range(n):
        top, left = (high + room) * (index // columns), (wide + gap) * (index % columns)
        ax.text(left - 0.3, top - 0.6, index, fontsize=9, va="bottom", color="black")
    limit = float(np.abs(maps).max()) or 1.0
    scale = {"cmap": SIGNED, "vmin": -limit, "vmax": limit} if signed else {"cmap": "gray"}
    fig.colorbar(ax.imshow(whole, **scale), ax=ax, shrink=0.85).ax.tick_params(labelsize=9)
    bare(ax)
    if title:
        ax.set_title(title, fontsize=12, pad=16)
    return fig


def confusion_matrix(counts, names=None, *, title=None):
    """Counts (classes, classes), row = true class, column = prediction.

    The diagonal is left uncoloured: it would drown the mistakes, which are the point.
    """
    counts = np.asarray(counts)
    names = [str(i) for i in range(len(counts))] if names is None else [str(n) for n in names]
    mistakes = counts.astype(float)
    np.fill_diagonal(mistakes, np.nan)
    most = max(1.0, float(np.nanmax(mistakes)))
    fig, ax = figure(width=6.4, height=5.6)
    drawn = ax.imshow(mistakes, cmap="Blues", vmin=0, vmax=most)
    for (row, column), count in np.ndenumerate(counts):
        ink = "white" if row != column and count > 0.6 * most else "black"
        weight = "bold" if row == column else "normal"
        ax.text(
            column,
            row,
            f"{count:d}" if count else "·",
            ha="center",
            va="center",
            color=ink,
            fontsize=9,
            fontweight=weight,
        )
    ax.set_xticks(range(len(names)), names, rotation=0 if max(map(len, names)) < 3 else 45)
    ax.set_yticks(range(len(names)), names)
    label(ax, x=pgettext("class", "predicted"), y=pgettext("class", "true"), title=title, grid=False)
    bar = fig.colorbar(drawn, ax=ax, shrink=0.85)
    bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    bar.set_label(_("mistakes [images]"), fontsize=10)
    return fig


def histogram(values, *, xlabel, bins=50, title=None, log=False, density=False):
    """How often each value occurs; `values` is an array, or a dict from name to array."""
    groups = values if isinstance(values, dict) else {"": values}
    groups = {name: np.asarray(array, dtype=float).ravel() for name, array in groups.items()}
    edges = np.histogram_bin_edges(np.concatenate(list(groups.values())), bins)
    fig, ax = figure(width=7.2, height=3.2)
    for index, (name, array) in enumerate(groups.items()):
        counts, __ = np.histogram(array, edges, density=density)
        style = {"color": LINES[index], "linestyle": DASHES[index], "linewidth": 2}
        ax.stairs(counts, edges, label=name, **style)
        ax.stairs(counts, edges, fill=True, color=LINES[index], alpha=0.18)
    ax.set_yscale("log" if log else "linear")
    label(ax, x=xlabel, y=_("density") if density else _("count"), title=title)
    if len(groups) > 1:
        ax.legend(fontsize=10)
    return fig
