"""The closing pictures of chapter 4: what accuracy costs, and what each part of a recipe buys."""

import numpy as np

from ..results import stored_result
from ..tuning.book import in_words
from ..wording import _, listed
from .canvas import COLOURS, GREY, figure, label, show
from .tuning import forest

LENET = 281_640  # multiply-adds of one image
SOURCE = 600_000  # images that the source notebook's ten epochs are trained on


def effect_costs(levers):
    """[(multiply-adds of all forward passes of the training, mean validation accuracy)] of every setting."""
    points = []
    for one in levers["settings"].values():
        changed = one["changed"]
        batch = changed.get("batch_size", levers["recipe"]["batch_size"])
        images = changed["steps"] * batch if "steps" in changed else one["epochs"] * one["n_train"]
        points.append((images * one["multiply_adds"], one["mean"]))
    return points


def cost_figure(records, levers, source):
    """Error against the work of training, both axes logarithmic.

    records, levers, source: the results `records`, `levers` and `source-recipe`.
    """
    fig, ax = figure(width=7.2, height=4.2)
    work, right = np.array(effect_costs(levers)).T
    worst = 12.0  # higher errors would press the others into one line; they stand at the top edge
    errors = 100 - 100 * right
    ax.plot(
        work,
        np.minimum(errors, worst),
        "o",
        color=GREY,
        mfc="none",
        label=_("effects of this chapter (validation, 10,000 images or 500)"),
    )
    recipes = records["recipes"]
    work = [LENET * one["images"] for one in recipes.values()]
    runs = [100 - 100 * np.array(one["accuracies"]) for one in recipes.values()]
    middle = [float(np.median(run)) for run in runs]
    ax.plot(work, middle, "-o", color=COLOURS["blue"], label=_("recipes (test, 60,000 images), median"))
    ax.vlines(work, [run.min() for run in runs], [run.max() for run in runs], color=COLOURS["blue"])
    ax.plot(
        [LENET * SOURCE],
        [100 - 100 * source["test_accuracy"][-1]],
        "*",
        ms=13,
        color=COLOURS["vermillion"],
        label=_("ten epochs of plain SGD (test, 60,000 images)"),
    )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ticks = [0.5, 1, 2, 3, 5, 10]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    label(ax, x=_("multiply-adds of all forward passes (log axis)"), y=_("error [%] (log axis)"))
    ax.legend(fontsize=9)
    return fig


def show_cost():
    """Show `cost_figure` of the stored results, the recipes in a sentence below it."""
    records = stored_result("records")
    parts = [
        _("{images:,} images: {accuracy:.2f} %").format(images=one["images"], accuracy=100 * one["median"])
        for one in records["recipes"].values()
    ]
    text = _("Accuracy against cost. Test accuracy of the recipes (median): {parts}.")
    fig = cost_figure(records, stored_result("levers"), stored_result("source-recipe"))
    show(fig, text.format(parts=listed(parts, clauses=True)))


def parts_figure(runs):
    """A recipe with one part changed at a time: the differences to it, with their intervals [points].

    runs: one recipe's arms in the result `records`, itself first.
    """
    rows = [
        (
            _("{levers}\nrate {rate:g}").format(levers=in_words(run["changed"]), rate=run["rate"]),
            [run["difference"]],
        )
        for run in runs[1:]
    ]
    return forest(rows, _("difference from the recipe [points]"))


def show_parts(name):
    """Show `parts_figure` of the recipe of that name, and its numbers in a sentence below."""
    runs = stored_result("records")["ablated"][name]
    parts = [
        _("{levers}: {mean:+.2f} points").format(
            levers=in_words(run["changed"]), mean=100 * run["difference"]["mean"]
        )
        for run in runs[1:]
    ]
    text = _("What each part buys: accuracy with one part of the recipe changed, {n} seeds each. {parts}.")
    show(parts_figure(runs), text.format(n=len(runs[0]["accuracies"]), parts=listed(parts, clauses=True)))
