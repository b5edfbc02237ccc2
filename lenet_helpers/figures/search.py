"""Pictures of chapter 4's search: how it went, what mattered, and what its winner is worth."""

import numpy as np

from ..tuning.book import in_words
from ..tuning.evidence import paired_difference, unpack
from ..tuning.search import STARTUP, best_so_far
from ..wording import _
from .canvas import COLOURS, GREY, figure, label, show


def search_history(trials, random=STARTUP):
    """Validation accuracy of every trial and the best so far, against the trial's number.

    trials: a list of `tuning.search.Tried`. One that was cut short stands, as a cross,
    where its accuracy was then. The first `random` trials are shaded.
    """
    values, best = best_so_far(trials)
    if np.isnan(values).all():
        raise ValueError(_("show_search: none of {n} trials was run to the end").format(n=len(trials)))
    last = np.array([t.reports[-1] if t.reports else 0.0 for t in trials])  # where it was stopped
    floor = 100 * best[-1] - 25  # lower ones would press the good ones into one line
    across, height, cut = np.arange(1, len(trials) + 1), np.maximum(100 * last, floor), np.isnan(values)
    fig, ax = figure(width=7.2, height=3.4)
    ax.axvspan(0.5, random + 0.5, color="0.93", label=_("chosen at random"))
    ax.plot(across[~cut], height[~cut], "o", color=COLOURS["blue"], label=_("run to the end"))
    ax.plot(
        across[cut], height[cut], "x", color=COLOURS["vermillion"], label=_("cut short, at that accuracy")
    )
    ax.step(across, 100 * best, where="post", color="black", linestyle="--", label=_("best so far"))
    low = 100 * last < floor
    ax.plot(across[low], height[low], "v", color=GREY, mfc="none", ms=11, label=_("lower than drawn"))
    ax.set_xlim(0.5, len(trials) + 0.5)
    ax.set_ylim(bottom=floor - 0.5)
    label(ax, x=_("trial"), y=_("validation accuracy [%]"))
    ax.legend(fontsize=9, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False)
    return fig


def show_search(trials, random=STARTUP):
    """Show `search_history`, in a sentence as well."""
    values, best = best_so_far(trials)
    text = _(
        "{n} trials, the first {random} at random, {cut} cut short; the best accuracy on validation was"
        " {early:.1f} % after the random ones and {best:.1f} % at the end."
    )
    numbers = {"n": len(trials), "random": random, "cut": int(np.isnan(values).sum())}
    early = 100 * best[min(random, len(trials)) - 1]
    show(search_history(trials, random), text.format(**numbers, early=early, best=100 * best[-1]))


def show_judgement(stored):
    """Show what became of a search's winner with seeds and images that had no part in the search.

    stored: the result `search-winner`.
    """
    right = {name: unpack(rows, stored["images"]) for name, rows in stored["right"].items()}
    score = 100 * stored["winner"]["score"]
    fig, ax = figure(width=7.2, height=2.4)
    seed = _("a new seed")
    for row, (name, table) in enumerate(right.items()):
        accuracies = 100 * table.mean(axis=1)
        ax.plot(accuracies, np.full(len(table), row), "o", color=COLOURS["blue"], mfc="none", label=seed)
        ax.plot(accuracies.mean(), row, "|", color="black", markersize=24, markeredgewidth=2, label=_("mean"))
    ax.plot(score, 0, "*", color=COLOURS["vermillion"], markersize=14, label=_("its score in the search"))
    ax.set_yticks([0, 1], [_("the winner"), _("the quick recipe")])
    ax.set_ylim(1.6, -0.6)
    label(ax, x=_("accuracy on new images [%]"))
    handles, names = ax.get_legend_handles_labels()
    one_each = dict(zip(names, handles))
    fig.legend(
        one_each.values(),
        one_each.keys(),
        fontsize=9,
        ncols=3,
        frameon=False,
        markerscale=0.6,
        loc="outside upper left",
    )
    winner, recipe = right["winner"], right["quick recipe"]
    text = _(
        "In the search the winner scored {score:.1f} %. Trained again with {seeds} new seeds and judged by"
        " {images:,} new images it has {again:.1f} %, the quick recipe {recipe:.1f} %. Difference:"
        " {difference}."
    )
    numbers = {"score": score, "again": 100 * winner.mean(), "recipe": 100 * recipe.mean()}
    difference = paired_difference(winner, recipe).in_words()
    counts = {"seeds": len(winner), "images": stored["images"]}
    show(fig, text.format(**numbers, **counts, difference=difference))


def show_importances(shares):
    """Show how much of the spread of scores each lever explains, `shares`: name → fraction."""
    fig, ax = figure(width=7.2, height=0.8 + 0.4 * len(shares))
    names = [in_words({name: ""}).strip() for name in shares]
    ax.barh(names, [100 * s for s in shares.values()], color=COLOURS["blue"])
    ax.invert_yaxis()
    label(ax, x=_("share of the spread of scores [%]"))
    first, share = next(iter(shares.items()))
    show(
        fig,
        _("Most important lever: {name}, {share:.0f} % of the spread.").format(
            name=in_words({first: ""}).strip(), share=100 * share
        ),
    )
