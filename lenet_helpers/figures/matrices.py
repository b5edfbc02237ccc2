"""Chapter 1's last two pictures: one layer as four matrices, and a kernel while it is learned."""

import numpy as np

from ..wording import _, listed
from .canvas import SIGNED, bare, figure, show

INPUTS, WIDTH = 8, 3  # of the layer drawn: eight inputs, a kernel of three, so six outputs


def layer_matrices(seed=0):
    """Four (6, 8) matrices of one-dimensional layers, by name: NaN where there is no weight.

    "dense": a weight for each pair; "local": each output reads three neighbours with
    weights of its own; "shared": all outputs have the same three; "permuted": "shared" with
    its inputs in another order.
    """
    rng = np.random.default_rng(seed)
    outputs = INPUTS - WIDTH + 1
    row, column = np.indices((outputs, INPUTS))
    inside = (column >= row) & (column < row + WIDTH)
    dense = rng.normal(size=(outputs, INPUTS))
    kernel = np.array([1.0, -1.6, 0.8])
    shared = np.where(inside, kernel[np.clip(column - row, 0, WIDTH - 1)], np.nan)
    order = rng.permutation(INPUTS)
    return {
        "dense": dense,
        "local": np.where(inside, rng.normal(size=dense.shape), np.nan),
        "shared": shared,
        "permuted": shared[:, order],
    }


def show_matrices(seed=0):
    """Draw `layer_matrices`: a row for each output, a column for each input, white where nothing is read."""
    matrices = layer_matrices(seed)
    names = {
        "dense": _("dense"),
        "local": _("locally connected"),
        "shared": _("convolution"),
        "permuted": _("convolution, inputs permuted"),
    }
    fig, axes = figure(1, 4, width=9.4, height=2.7, layout=None)
    fig.subplots_adjust(0.03, 0.1, 0.94, 0.84, wspace=0.12)
    for ax, (name, matrix) in zip(axes, matrices.items()):
        drawn = ax.imshow(matrix, cmap=SIGNED, vmin=-2, vmax=2)
        bare(ax, names[name], named=True)
        ax.title.set_fontsize(10)
        for (row, column), weight in np.ndenumerate(matrix):
            ax.text(
                column,
                row,
                "·" if np.isnan(weight) else f"{weight:z.1f}",
                ha="center",
                va="center",
                fontsize=7,
                color="white" if abs(weight) > 1.2 else "black",
            )
        distinct = len(np.unique(matrix[~np.isnan(matrix)]))
        ax.set_xlabel(
            _("{inputs} inputs, {n} different weights").format(inputs=INPUTS, n=distinct), fontsize=9
        )
    axes[0].set_ylabel(_("{n} outputs").format(n=INPUTS - WIDTH + 1), fontsize=9)
    bar = fig.colorbar(drawn, cax=fig.add_axes((0.955, 0.14, 0.01, 0.66)), ticks=(-2, 0, 2))
    bar.ax.tick_params(labelsize=9)
    show(
        fig,
        _(
            "Four layers from eight inputs (columns) to six outputs (rows) as matrices; a dot stands where no"
            " weight is. Dense: 48 weights. Locally connected: three neighbours for each output, 18 weights."
            " Convolution: the same three weights in every row, one step further each time. With permuted"
            " inputs the same three weights lie scattered."
        ),
    )


def show_learning(seen, target):
    """Draw a kernel (k, k) as it was early and late in its training, and last the kernel `target`.

    `seen`: the kernels of all steps, a list of tensors or arrays; four of them are drawn.
    """
    last = len(seen) - 1
    steps = sorted({0, last // 40, last // 8, last})
    pictures = [np.asarray(seen[step], dtype=float) for step in steps] + [np.asarray(target, dtype=float)]
    titles = [_("step {n}").format(n=n) for n in steps] + [_("the given kernel")]
    # Of the first and the wanted kernel: one that explodes leaves the scale, and says so in numbers.
    limit = max(float(np.abs(picture).max()) for picture in (pictures[0], pictures[-1]))
    fig, axes = figure(1, len(pictures), width=8.4, height=2.1, layout=None)
    fig.subplots_adjust(0.01, 0.03, 0.92, 0.85, wspace=0.12)
    for ax, picture, title in zip(axes, pictures, titles):
        drawn = ax.imshow(picture, cmap=SIGNED, vmin=-limit, vmax=limit)
        bare(ax, title)
        for (row, column), weight in np.ndenumerate(picture):
            ink = "white" if abs(weight) > 0.6 * limit else "black"
            text = f"{weight:z.1f}" if abs(weight) < 100 else f"{weight:.0e}"
            ax.text(column, row, text, ha="center", va="center", fontsize=9, color=ink)
    axes[-1].spines[:].set_visible(True)
    fig.colorbar(drawn, cax=fig.add_axes((0.94, 0.1, 0.012, 0.68))).ax.tick_params(labelsize=9)
    gaps = [float(np.abs(picture - pictures[-1]).max()) for picture in pictures[:-1]]
    show(
        fig,
        _(
            "A kernel while it is learned, at steps {steps}, and at the right the given kernel."
            " Its largest difference from that kernel is {gaps}."
        ).format(
            steps=listed(steps),
            gaps=listed(f"{gap:.2f}" if gap < 100 else f"{gap:.1e}" for gap in gaps),
        ),
    )
