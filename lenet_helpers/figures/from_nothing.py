"""The appendix's figures, each with a sentence made from the numbers that it shows."""

import numpy as np

from ..wording import N_, _
from . import plots
from .canvas import SIGNED, bare, figure, label, series, show

PARTS = {
    "conv1 forward": N_("conv1, forward"),
    "conv2 forward": N_("conv2, forward"),
    "pooling forward": N_("pooling, forward"),
    "dense layers": N_("dense layers, both ways"),
    "ReLU": N_("ReLU, both ways"),
    "loss": N_("loss"),
    "pooling backward": N_("pooling, backward"),
    "conv2 backward": N_("conv2, backward"),
    "conv1 backward": N_("conv1, backward"),
    "moving the weights": N_("moving the weights"),
}


def show_image_gradient(image, gradient):
    """An image (height, width) beside the gradient of its loss for every pixel, signed."""
    fig, (left, right) = figure(1, 2, width=6.4, height=3.0)
    left.imshow(image, cmap="gray")
    limit = float(np.abs(gradient).max())
    drawn = right.imshow(gradient, cmap=SIGNED, vmin=-limit, vmax=limit)
    fig.colorbar(drawn, ax=right, shrink=0.85).ax.tick_params(labelsize=10)
    bare(left, _("the image"))
    bare(right, _("gradient of the loss"))
    row, column = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
    sentence = _(
        "A digit, and beside it the gradient of its loss for each pixel, orange where more ink would"
        " raise the loss and purple where it would lower it; the largest, {value:+.3f}, is in row {row},"
        " column {column}."
    )
    show(fig, sentence.format(value=gradient[row, column], row=row, column=column))


def show_two_runs(ours, theirs):
    """Losses of the same steps taken by numpy and by torch, and how far apart they are."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    steps, gap = np.arange(1, len(ours) + 1), np.abs(ours - theirs)
    fig, (loss, difference) = figure(1, 2, width=9, height=3.2)
    loss.plot(steps, ours, label="numpy", **series(0, marker=False))
    loss.plot(steps, theirs, label="torch", **series(1, marker=False))
    loss.legend(fontsize=10)
    label(loss, x=_("steps"), y=_("loss [nats per image]"))
    difference.semilogy(steps, np.maximum(gap, 1e-17), **series(2, marker=False))
    label(difference, x=_("steps"), y=_("difference of the two [nats]"))
    sentence = _(
        "The losses of {n} steps on the same batches lie on one another, from {first:.2f} down to {last:.2f};"
        " the two differ by less than a millionth of a nat at {near} of the {n} steps."
    )
    near = int((gap < 1e-6).sum())
    show(fig, sentence.format(n=len(steps), first=ours[0], last=ours[-1], near=near))


def show_parts(stored):
    """Where a step of numpy spends its time: `stored` is the result "from-nothing"."""
    parts = {_(PARTS[name]): ms for name, ms in stored["split"]["parts [ms]"].items()}
    ordered = dict(sorted(parts.items(), key=lambda item: -item[1]))
    whole, longest = sum(parts.values()), next(iter(ordered))
    fig = plots.bars(ordered, xlabel=_("time of one step [ms]"), form="{:.2f}")
    sentence = _(
        "A step of numpy part by part, the longest first: {longest} takes {share:.0f} % of the {whole:.1f}"
        " ms, and {second} comes next."
    )
    share, second = 100 * ordered[longest] / whole, list(ordered)[1]
    show(fig, sentence.format(longest=longest, share=share, whole=whole, second=second))
