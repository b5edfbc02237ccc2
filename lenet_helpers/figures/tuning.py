"""Pictures and tables of chapter 4: measured effects of levers, and how a search went."""

import numpy as np
import pandas as pd
import torch
from IPython.display import display

from ..augment import random_affine
from ..levers import lever_table
from ..results import stored_result
from ..tuning.book import in_words
from ..wording import N_, _
from .canvas import COLOURS, GREY, figure, label, show
from .ladder import named
from .plots import image_grid

# Headings may be alike in another language: columns are named only when the table is done.
COLUMNS = {
    "changed": N_("changed"),
    "validation": N_("validation [%]"),
    "difference": N_("difference [points]"),
    "training": N_("training [%]"),
    "parameters": N_("parameters"),
    "work": N_("work, × baseline"),
}
WIDEST = 10.0  # points; larger losses are drawn at the edge, with their value


class Effects:
    """What `python -m benchmarks.levers` measured, read from its file.

    `names` are the settings' names in that file. Differences are paired, on the same
    seeds and validation images, with 95 % bootstrap intervals over both.
    """

    def __init__(self, results=None):
        self.results = stored_result("levers") if results is None else results

    def names(self):
        """The settings there are, baselines left out."""
        return list(self.results["comparisons"])

    def table(self, *names):
        """One row a setting: what changed, validation, difference with interval, cost."""
        rows = [self._row(name) for name in names or self.names()]
        return named(pd.DataFrame(rows).set_index("changed"), COLUMNS)

    def _row(self, name):
        setting, one = self.results["settings"][name], self.results["comparisons"][name]
        base = self.results["settings"][one["baseline"]]
        return {
            "changed": self.label(name),
            "validation": f"{100 * setting['mean']:.2f} ± {100 * setting['sd']:.2f}",
            "difference": f"{100 * one['mean']:+.2f} [{100 * one['low']:+.2f}, {100 * one['high']:+.2f}]",
            "training": f"{100 * setting['train_accuracy']:.1f}",
            "parameters": setting["parameters"],
            "work": round(setting["multiply_adds"] / base["multiply_adds"], 2),
        }

    def label(self, name):
        """A setting in the reader's words, from its levers."""
        setting = self.results["settings"][name]
        words = in_words(setting["changed"])
        if setting["n_train"] == self.results["settings"]["baseline"]["n_train"]:
            return words
        return _("{n} images: {levers}").format(n=setting["n_train"], levers=words)

    def figure(self, *names):
        """Differences to the baseline with their intervals, one row a setting; filled where 0 is outside."""
        fig, ax = figure(width=8.2, height=0.9 + 0.42 * len(names))
        for row, name in enumerate(names):
            one = {key: 100 * self.results["comparisons"][name][key] for key in ("mean", "low", "high")}
            colour, marker = _sign(one)
            at = max(one["mean"], -WIDEST)
            ax.plot(
                [max(one["low"], -WIDEST), one["high"] if at > -WIDEST else at],
                [row, row],
                color=colour,
                linewidth=2,
            )
            ax.plot(
                at,
                row,
                marker=marker if at > -WIDEST else "<",
                color=colour,
                markersize=8,
                markerfacecolor="white" if marker == "o" else colour,
            )
            ax.annotate(
                f"{one['mean']:+.2f}",
                (1.01, row),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=10,
            )
        ax.axvline(0, color=GREY, linestyle="--", linewidth=1.5)
        ax.set_yticks(range(len(names)), [self.label(name) for name in names])
        ax.set_ylim(len(names) - 0.5, -0.5)
        label(ax, x=_("validation accuracy, difference to the baseline [points]"))
        return fig

    def show(self, *names):
        """Show the figure of `names`, its numbers in a sentence below it."""
        parts = []
        for name in names:
            one = {key: 100 * self.results["comparisons"][name][key] for key in ("mean", "low", "high")}
            parts.append(
                _("{what}: {mean:+.2f} [{low:+.2f}, {high:+.2f}]").format(what=self.label(name), **one)
            )
        text = _(
            "Difference to the baseline in points, mean and 95 % interval: {parts}. Full MNIST, {images:,}"
            " validation images, {seeds} seeds."
        )
        images = self.results["comparisons"][names[0]]["images"]
        show(
            self.figure(*names),
            text.format(parts="; ".join(parts), images=images, seeds=self.results["seeds"]),
        )


def show_levers(*config_classes):
    """Show the table of the levers that the configuration classes declare."""
    table = lever_table(*config_classes)
    display({"text/markdown": table, "text/plain": table}, raw=True)


def _sign(one):
    """Colour and marker: up for a gain, down for a loss, an open circle for what may be luck."""
    if one["low"] > 0:
        return COLOURS["blue"], "^"
    return (COLOURS["vermillion"], "v") if one["high"] < 0 else (GREY, "o")


def search_history(values, best):
    """Validation accuracy of every trial (NaN: cut short) and the best so far, against the trial's number."""
    fig, ax = figure(width=7.2, height=3.0)
    across = np.arange(len(values))
    cut = np.isnan(values)
    floor = 100 * (best[-1] - 0.12)  # the failures would press the good ones into one line
    shown = np.maximum(100 * values, floor)
    ax.plot(
        across[~cut],
        shown[~cut],
        "o",
        color=COLOURS["blue"],
        label=_("run to the end (at the edge: {floor:.0f} % or less)").format(floor=floor),
    )
    ax.plot(across[cut], np.full(cut.sum(), floor), "x", color=COLOURS["vermillion"], label=_("cut short"))
    ax.step(across, 100 * best, where="post", color="black", linestyle="--", label=_("best so far"))
    label(ax, x=_("trial"), y=_("validation accuracy [%]"))
    ax.legend(fontsize=10)
    return fig


def show_search(values, best):
    """Show `search_history`, in a sentence as well."""
    text = _("{n} trials, {cut} of them cut short; the best reaches {best:.1f} % on validation.")
    show(
        search_history(values, best),
        text.format(n=len(values), cut=int(np.isnan(values).sum()), best=100 * np.nanmax(values)),
    )


def show_importances(shares):
    """Show how much of the spread of scores each lever explains, `shares`: name → fraction."""
    fig, ax = figure(width=7.2, height=0.8 + 0.4 * len(shares))
    names = [in_words({name: ""}).strip() for name in shares]
    ax.barh(range(len(names)), [100 * s for s in shares.values()], color=COLOURS["blue"])
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    label(ax, x=_("share of the spread of scores [%]"))
    first, share = next(iter(shares.items()))
    show(
        fig,
        _("Most important lever: {name}, {share:.0f} % of the spread.").format(
            name=in_words({first: ""}).strip(), share=100 * share
        ),
    )


def show_augmented(dataset, *, shift=0.0, rotation=0.0, scale=0.0, n=10, rows=3, seed=0):
    """Show `n` training images and, below them, `rows` random versions of each as training would see them."""
    generator = torch.Generator().manual_seed(seed)
    images = dataset.train.images[:: len(dataset.train) // n][:n]
    changes = dict(
        shift=shift, rotation=rotation, scale=scale, background=dataset.background, generator=generator
    )
    grid = torch.cat([images, *(random_affine(images, **changes) for _row in range(rows))])
    text = _(
        "Top row: {n} training images. Below: random versions of each, moved by up to {shift:.0%} of the"
        " side, turned by up to {rotation:g} degrees, resized by up to {scale:.0%}."
    )
    show(
        image_grid(dataset.to_unit(grid).numpy(), columns=n, low=0, high=1),
        text.format(n=n, shift=shift, rotation=rotation, scale=scale),
    )
