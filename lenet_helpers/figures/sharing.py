"""What a shared kernel buys: a net with windows but without sharing, and accuracy by training digits."""

import torch
from torch import nn

from ..results import stored_result
from ..wording import N_, _, listed
from .canvas import COLOURS, figure, label, show

NETS = {"dense": N_("dense"), "local": N_("locally connected"), "conv": N_("convolutional")}
# A dense net and a convolutional one look as they do in the figure on permuted pixels.
STYLES = {
    "dense": (COLOURS["vermillion"], "s", "--"),
    "local": (COLOURS["black"], "^", ":"),
    "conv": (COLOURS["blue"], "o", "-"),
}


class LocalConv2d(nn.Module):
    """A convolution without sharing: each place of the output has k×k kernels and biases of its own.

    (n, channels, side, side) to (n, maps, side − k + 1, side − k + 1). `weight` has the shape
    (places, channels·k·k, maps), `bias` (places, 1, maps); first values as torch draws a convolution's.
    """

    def __init__(self, channels, maps, side, k=5):
        super().__init__()
        self.k, self.out = k, side - k + 1
        fan_in = channels * k * k
        self.weight = nn.Parameter(torch.empty(self.out**2, fan_in, maps))
        self.bias = nn.Parameter(torch.empty(self.out**2, 1, maps))
        for tensor in (self.weight, self.bias):
            nn.init.uniform_(tensor, -(fan_in**-0.5), fan_in**-0.5)

    def forward(self, x):
        windows = x.unfold(2, self.k, 1).unfold(3, self.k, 1)  # (images, channels, rows, columns, k, k)
        # One product of matrices for each place: (images, channels·k·k) by (channels·k·k, maps).
        windows = windows.permute(2, 3, 0, 1, 4, 5).flatten(0, 1).flatten(2)
        sums = torch.baddbmm(self.bias, windows, self.weight)
        return sums.permute(1, 2, 0).unflatten(2, (self.out, self.out))


def local_net():
    """LeNet with its two convolutions replaced by `LocalConv2d`: 286,334 parameters against 44,426."""
    return nn.Sequential(
        *(LocalConv2d(1, 6, 28), nn.MaxPool2d(2), nn.ReLU()),
        *(LocalConv2d(6, 16, 12), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def best_runs(results, net, size):
    """Accuracy [fraction] of each run of `net` on `size` digits, at the better of its learning rates."""
    rates = results["accuracy"][net][str(size)].values()
    return max(rates, key=lambda runs: sum(runs) / len(runs))


def show_training_sizes(results=None):
    """Accuracy of the dense, the locally connected and the convolutional net by number of training digits.

    `results`: what `python -m benchmarks.permutation sizes` writes; by default what is stored.
    """
    results = stored_result("training-size") if results is None else results
    conditions, lines = results["conditions"], []
    sizes = conditions["train_images"]
    fig, ax = figure(width=7.2, height=3.6)
    for net, name in NETS.items():
        runs = [[100 * a for a in best_runs(results, net, size)] for size in sizes]
        means = [sum(each) / len(each) for each in runs]
        colour, marker, dash = STYLES[net]
        ax.plot(
            sizes,
            means,
            color=colour,
            marker=marker,
            linewidth=2,
            linestyle=dash,
            label=_(name),
        )
        for size, each in zip(sizes, runs):
            ax.plot(
                [size] * len(each), each, color=colour, marker=marker, linestyle="", markersize=4, alpha=0.35
            )
        lines.append(_("{net}: {means}").format(net=_(name), means=listed(f"{m:.1f}" for m in means)))
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
    ax.minorticks_off()
    label(ax, x=_("training digits (logarithmic)"), y=_("validation accuracy [%]"))
    ax.legend(fontsize=10)
    text = _(
        "Accuracy [%] on {images:,} validation digits after training on {sizes} digits, mean of {n} runs:"
        " {lines}. Faint marks are single runs."
    )
    show(
        fig,
        text.format(
            images=conditions["validation_images"],
            sizes=listed(f"{size:,}" for size in sizes),
            n=conditions["seeds"],
            lines=listed(lines, clauses=True),
        ),
    )
