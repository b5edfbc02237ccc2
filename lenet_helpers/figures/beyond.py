"""Chapter 5's figures, each with a sentence made from the numbers that it shows."""

import numpy as np
from matplotlib.ticker import PercentFormatter

from ..tuning.calibration import wilson
from ..tuning.evidence import paired_interval
from ..wording import N_, _, listed
from . import plots
from .canvas import GREY, SIGNED, bare, figure, label, series, show

ACROSS = {
    "shift": N_("shift to the right [pixels]"),
    "rotation": N_("rotation [degrees]"),
    "scale": N_("size [times the original]"),
    "epsilon": N_("ε [units of a pixel's range]"),
}
# What the chapter's code calls its nets, images and groups: said in the reader's language where it is drawn.
NAMES = (
    N_("plain"),
    N_("augmented"),
    N_("global pooling"),
    N_("drawn"),
    N_("cropped"),
    N_("fitted"),
    N_("placed"),
    N_("clean"),
    N_("attacked"),
    N_("noise"),
    N_("plain, noise"),
    N_("plain, attacked"),
    N_("hardened, noise"),
    N_("hardened, attacked"),
    N_("class"),
    N_("stroke width [pixels]"),
    N_("slant [degrees]"),
)


def _intervals(counts, n):
    """Shares and the lengths of their error bars below and above: arrays (k,) and (2, k)."""
    counts, n = np.broadcast_arrays(np.asarray(counts, dtype=float), n)
    shares = counts / n
    ends = np.array([wilson(c, size) for c, size in zip(counts, n)]).T
    return shares, np.abs(ends - shares)


def _percent(ax):
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))


def show_curves(change, amounts, right):
    """Accuracy against a change, live: `right` maps a net's name to booleans (amounts, images)."""
    n = next(iter(right.values())).shape[1]
    counts = {name: table.sum(axis=1) for name, table in right.items()}
    fig = _curves(change, amounts, {name: _intervals(c, n) for name, c in counts.items()})
    parts = [
        _("{name}: {first:.0f} % at {a:g}, {last:.0f} % at {b:g}").format(
            name=_(name), first=100 * c[0] / n, last=100 * c[-1] / n, a=amounts[0], b=amounts[-1]
        )
        for name, c in counts.items()
    ]
    sentence = _("Accuracy on {n:,} images with 95 % intervals, against {change}. {parts}.")
    show(fig, sentence.format(n=n, change=_(ACROSS[change]), parts=listed(parts, clauses=True)))


def show_stored_curves(stored, change):
    """The same on full MNIST: means over seeds with their 95 % intervals."""
    runs, n = list(stored["runs"].values()), stored["n"]["test images"]
    amounts = stored["amounts"][change]
    curves = {
        name: _over_seeds([run["curves"][change][name] for run in runs], n)
        for name in runs[0]["curves"][change]
    }
    parts = [
        _("{name} {last:.1f} %").format(name=_(name), last=100 * mean[-1])
        for name, (mean, _bars) in curves.items()
    ]
    fig = _curves(change, amounts, curves, seeds=len(runs))
    sentence = _(
        "Accuracy on the {n:,} test images of full MNIST against {change}: the mean of {seeds} seeds with its"
        " 95 % interval. At {end:g}: {parts}."
    )
    text = sentence.format(
        n=n, change=_(ACROSS[change]), seeds=len(runs), end=amounts[-1], parts=listed(parts)
    )
    show(fig, text)


def _over_seeds(counts, n):
    """Mean share over seeds, and how far the ends of its 95 % interval (t over the seeds) lie from it."""
    intervals = [paired_interval(shares) for shares in np.array(counts).T / n]
    mean, low, _high = np.array(intervals).T
    return mean, mean - low


def _curves(change, amounts, curves, seeds=None):
    fig, ax = figure(width=7.2, height=3.6)
    for index, (name, (shares, bars)) in enumerate(curves.items()):
        ax.errorbar(amounts, shares, bars, label=_(name), capsize=3, **series(index))
    label(ax, x=_(ACROSS[change]), y=_("accuracy"))
    _percent(ax)
    title = None if seeds is None else _("mean, 95 % interval, {n} seeds").format(n=seeds)
    ax.legend(fontsize=10, title=title, title_fontsize=10)
    return fig


def show_steps(pictures):
    """A drawing on its way to an image like MNIST's: `pictures` maps the step's name to an array."""
    fig, axes = figure(1, len(pictures), width=1.9 * len(pictures), height=2.3)
    for ax, (name, picture) in zip(axes, pictures.items()):
        ax.imshow(picture, cmap="gray")
        bare(ax, _(name))
    shapes = [f"{p.shape[0]}×{p.shape[1]}" for p in pictures.values()]
    show(
        fig,
        _("A drawing and what is made of it, step by step: {steps}.").format(
            steps=listed(
                _("{name} ({shape})").format(name=_(name), shape=shape)
                for name, shape in zip(pictures, shapes)
            )
        ),
    )


def show_reasons(image, covered, gradient, label):
    """Which pixels mattered: the image, the probability of `label` with a square covered, the gradient."""
    fig, (left, middle, right) = figure(1, 3, width=9.6, height=3.0)
    left.imshow(image, cmap="gray")
    bare(left, _("the image"))
    drawn = middle.imshow(covered, cmap="viridis", vmin=0, vmax=1)
    bare(middle, _("probability, square covered"))
    fig.colorbar(drawn, ax=middle, shrink=0.8)
    limit = float(np.abs(gradient).max())
    drawn = right.imshow(gradient, cmap=SIGNED, vmin=-limit, vmax=limit)
    bare(right, _("gradient of the loss"))
    fig.colorbar(drawn, ax=right, shrink=0.8)
    row, column = np.unravel_index(covered.argmin(), covered.shape)
    sentence = _(
        "A {label}; the probability of {label} falls lowest, to {low:.2f}, when the square about row {row},"
        " column {column} is covered; beside it the gradient of the loss for each pixel."
    )
    show(fig, sentence.format(label=label, low=float(covered.min()), row=row, column=column))


def show_attack(rows, titles, epsilon):
    """Rows of images in [0, 1], each below what the net reads: `rows` and `titles` map a kind to lists."""
    images = np.concatenate([np.asarray(part) for part in rows.values()])
    names = [title for part in titles.values() for title in part]
    columns = len(next(iter(rows.values())))
    fig = plots.image_grid(images, names, columns=columns, low=0, high=1)
    for kind, first in zip(titles, fig.axes[::columns]):
        first.set_ylabel(_(kind), fontsize=10)
    read = [_("{kind} {digits}").format(kind=_(kind), digits=" ".join(part)) for kind, part in titles.items()]
    sentence = _("Rows of images, and over each image what the net reads, with ε = {epsilon:g}: {read}.")
    show(fig, sentence.format(read=listed(read, clauses=True), epsilon=epsilon))


def show_epsilons(epsilons, counts, n):
    """Accuracy against the size of an attack: `counts` maps a name to right answers out of `n`."""
    fig = _curves("epsilon", epsilons, {name: _intervals(right, n) for name, right in counts.items()})
    parts = [
        _("{name} {share:.0f} %").format(name=_(name), share=100 * right[-1] / n)
        for name, right in counts.items()
    ]
    sentence = _("Accuracy on {n:,} images against ε, with 95 % intervals. At ε = {last:g}: {parts}.")
    show(fig, sentence.format(n=n, last=epsilons[-1], parts=listed(parts)))


def show_stored_epsilons(stored):
    """The same on full MNIST, for the plain and the hardened net, each with noise of the same size: means
    over seeds with their 95 % intervals.
    """
    runs, n = list(stored["runs"].values()), stored["n"]["test images"]
    epsilons, trained = stored["epsilons"], stored["trained against epsilon up to"]
    curves = {
        f"{net}, {kind}": _over_seeds([run["attacks"][net][kind] for run in runs], n)
        for net in ("plain", "hardened")
        for kind in ("noise", "attacked")
    }
    # The noise of the hardened net comes last: the other three have the colours of the live figure.
    ordered = dict(sorted(curves.items(), key=lambda one: one[0] == "hardened, noise"))
    fig = _curves("epsilon", epsilons, ordered, seeds=len(runs))
    parts = [
        _("{name} {last:.1f} %").format(name=_(name), last=100 * mean[epsilons.index(trained)])
        for name, (mean, _bars) in curves.items()
    ]
    sentence = _(
        "Accuracy on the {n:,} test images of full MNIST against ε: the mean of {seeds} seeds with its 95 %"
        " interval. At ε = {trained:g}, the largest in training: {parts}."
    )
    show(fig, sentence.format(n=n, seeds=len(runs), trained=trained, parts=listed(parts, clauses=True)))


def show_reliability(groups):
    """Accuracy against confidence, bin by bin with n: `groups` maps a name to a list of bins."""
    fig, axes = figure(1, len(groups), width=4.6 * len(groups), height=4.0, squeeze=False)
    for index, (ax, (name, bins)) in enumerate(zip(axes.flat, groups.items())):
        ax.plot([0, 1], [0, 1], color=GREY, linestyle=":")
        shares, bars = _intervals([b.n * b.accuracy for b in bins], np.array([b.n for b in bins]))
        style = series(index) | {"linestyle": "none"}
        ax.errorbar([b.confidence for b in bins], shares, bars, capsize=3, **style)
        for each in bins:
            place = each.confidence, -0.09  # below the axis: no point and no bar reaches there
            ax.annotate(f"{each.n}", place, ha="center", va="center", fontsize=8, rotation=90)
        label(ax, x=_("confidence"), y=_("accuracy"), title=name)
        ax.set_xlim(0, 1.03)
        _percent(ax)
        ax.axhline(0, color=GREY, linewidth=0.8)
        ax.set_ylim(-0.18, 1.02)
        ax.set_yticks(np.linspace(0, 1, 6))
    parts = [
        _("{name}: {n} images in {k} bins, the fullest holds {most}").format(
            name=name, n=sum(b.n for b in bins), k=len(bins), most=max(b.n for b in bins)
        )
        for name, bins in groups.items()
    ]
    sentence = _("Accuracy against confidence with 95 % intervals, n below each point. {parts}.")
    show(fig, sentence.format(parts=listed(parts, clauses=True)))


def show_slices(rows, across):
    """Accuracy of parts of a set, with n and intervals: `rows` maps a part's name to (right, n)."""
    fig, ax = figure(width=7.2, height=3.2)
    low, high = _slices(ax, rows, across)
    right, n = np.array(list(rows.values())).sum(axis=0)
    sentence = _(
        "Accuracy by {across} with 95 % intervals, the dotted line at the {total:.1f} % of all: lowest for"
        " {low} ({a:.1f} %), highest for {high} ({b:.1f} %)."
    )
    text = sentence.format(
        across=_(across), total=100 * right / n, low=low[0], a=low[1], high=high[0], b=high[1]
    )
    show(fig, text)


def show_stored_slices(stored):
    """The same on full MNIST by class, stroke width and slant: the mean of the seeds, with intervals for as
    many images as a part has.
    """
    runs = [run["slices"] for run in stored["runs"].values()]
    fig, axes = figure(len(runs[0]), 1, width=8.2, height=7.8, sharey=True)
    parts = []
    for ax, across in zip(axes, runs[0]):
        if across == "class":
            names, counts = [str(k) for k in range(10)], [run[across] for run in runs]
        else:
            edges = runs[0][across]["edges"]
            names = [f"{a:.1f} – {b:.1f}" for a, b in zip(edges, edges[1:])]
            counts = [run[across]["counts"] for run in runs]
        low, high = _slices(ax, dict(zip(names, np.mean(counts, axis=0))), across)
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
        part = _("by {across}, lowest for {low} ({a:.1f} %), highest for {high} ({b:.1f} %)")
        parts.append(part.format(across=_(across), low=low[0], a=low[1], high=high[0], b=high[1]))
    sentence = _(
        "Accuracy on the {n:,} test images of full MNIST, the mean of {seeds} seeds, with 95 % intervals for"
        " the images of each part, the dotted lines at all: {parts}."
    )
    text = sentence.format(n=stored["n"]["test images"], seeds=len(runs), parts=listed(parts, clauses=True))
    show(fig, text)


def _slices(ax, rows, across):
    """Draw (right, n) of each part; returns (name, accuracy [%]) of the lowest and of the highest."""
    counts, n = np.array(list(rows.values())).T
    shares, bars = _intervals(counts, n)
    style = series(0) | {"linestyle": "none"}
    ax.errorbar(range(len(rows)), shares, bars, capsize=4, **style)
    names = [_("{name}\nn = {n}").format(name=name, n=int(size)) for name, size in zip(rows, n)]
    ax.set_xticks(range(len(rows)), names, fontsize=9)
    ax.set_xlim(-0.5, len(rows) - 0.5)
    ax.axhline(counts.sum() / n.sum(), color=GREY, linestyle=":")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    label(ax, x=_(across), y=_("accuracy"))
    parts = list(rows)
    return [(parts[k], 100 * shares[k]) for k in (int(shares.argmin()), int(shares.argmax()))]
