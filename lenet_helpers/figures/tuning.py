"""Pictures and tables of chapter 4: measured effects of levers, and what luck alone does."""

import numpy as np
import pandas as pd
import torch
from IPython.display import display
from matplotlib.lines import Line2D

from ..augment import random_affine
from ..levers import levers_of
from ..results import stored_result
from ..tuning.book import in_words
from ..tuning.evidence import OUTCOMES, many_comparisons, power, verdict_of
from ..wording import N_, _, listed
from .canvas import COLOURS, GREY, LINES, figure, label, series, show
from .ladder import named
from .plots import image_grid

WIDEST = 10.0  # points; larger losses are drawn at the edge, with their value
OWN = "{name}, own rate"  # as benchmarks.levers names an arm at the learning rate chosen for it


# Headings may be alike in another language: columns are named only when a table is done.
COLUMNS = {
    "changed": N_("changed"),
    "validation": N_("validation [%]"),
    "seeds": N_("seeds"),
    "difference": N_("difference [points]"),
    "verdict": N_("verdict"),
    "training": N_("training [%]"),
    "parameters": N_("parameters"),
    "work": N_("work, × baseline"),
    "training loss": N_("training loss"),
    "validation loss": N_("validation loss"),
    "loss difference": N_("difference in validation loss"),
}


class Effects:
    """What `python -m benchmarks.levers` measured, read from its file.

    `names` are the settings' names in that file. Differences are paired, on the same seeds
    and validation images; their 95 % intervals are those of `tuning.evidence`. A setting that
    was also measured at a learning rate of its own is shown both ways.
    """

    def __init__(self, results=None):
        self.results = stored_result("levers") if results is None else results

    def names(self):
        """The settings there are, baselines left out."""
        return list(self.results["comparisons"])

    def verdict(self, name):
        """The outcome of a setting against its baseline: "better", "undecided" or "worse"."""
        one = self.results["comparisons"][name]
        return verdict_of(one["low"], one["high"])

    def table(self, *names):
        """One row per setting, after its baseline: validation, difference with interval and verdict,
        training accuracy scored at the end, cost.
        """
        return named(
            pd.DataFrame([self._row(name) for name in self._with_baselines(names)]).set_index("changed"),
            COLUMNS,
        )

    def losses(self, *names):
        """Accuracy and loss side by side, one row per setting after its baseline: both differences with
        their intervals, and the losses on training and validation images [nats/image].
        """
        rows = []
        for name in self._with_baselines(names):
            setting, one = self.results["settings"][name], self.results["comparisons"].get(name)
            row = {
                key: self._row(name)[key]
                for key in ("changed", "seeds", "validation", "difference", "verdict")
            }
            row["training loss"] = f"{setting['train_loss']:.3f}"
            row["validation loss"] = f"{setting['validation_loss']:.3f}"
            # Settings of the first round were stored without the loss of each seed.
            row["loss difference"] = "–" if one is None or not one["loss"] else _signed(one["loss"], 1, 3)
            rows.append(row)
        return named(pd.DataFrame(rows).set_index("changed"), COLUMNS)

    def _with_baselines(self, names):
        """`names` (by default all), also at their own rates; each baseline once before the first that is
        compared with it.
        """
        # What was run with a single seed stands for itself: it has no interval.
        compared = self.results["comparisons"]
        shown = (each for name in names or compared for each in self._both(name) or [name])
        pairs = ((compared[name]["baseline"] if name in compared else name, name) for name in shown)
        return list(dict.fromkeys(name for pair in pairs for name in pair))

    def _both(self, name):
        """The comparisons there are of a setting: at the baseline's learning rate, then at its own."""
        return [each for each in (name, OWN.format(name=name)) if each in self.results["comparisons"]]

    def _row(self, name):
        setting, one = self.results["settings"][name], self.results["comparisons"].get(name)
        base = self.results["settings"][one["baseline"] if one else name]
        spread = "" if setting["sd"] is None else f" ± {100 * setting['sd']:.2f}"
        return {
            "changed": self.label(name),
            "validation": f"{100 * setting['mean']:.2f}{spread}",
            "seeds": len(setting["accuracies"]),
            "difference": "–" if one is None else _signed(one, 100, 2),
            "verdict": "–" if one is None else _(OUTCOMES[self.verdict(name)]),
            "training": f"{100 * setting['train_accuracy']:.1f}",
            "parameters": setting["parameters"],
            "work": round(setting["multiply_adds"] / base["multiply_adds"], 2),
        }

    def label(self, name):
        """A setting in the reader's words, from its levers."""
        setting, usual = self.results["settings"][name], self.results["settings"]["baseline"]
        changed, arm = dict(setting["changed"]), name.removesuffix(OWN.format(name=""))
        if arm != name:
            changed.pop("learning_rate", None)
        words = in_words(changed) if changed else _("baseline")
        if arm != name:
            rate = self.results["chosen"][arm]["chosen"]
            words = _("own rate {rate:g}: {levers}").format(rate=rate, levers=words)
        if setting["n_train"] != usual["n_train"]:
            return _("{n} images: {levers}").format(n=setting["n_train"], levers=words)
        if setting["epochs"] != usual["epochs"]:
            return _("{n:g} epochs: {levers}").format(n=setting["epochs"], levers=words)
        return words

    def figure(self, *names):
        """Differences to the baseline with intervals, one row per setting; filled where 0 is outside.

        Where a setting was given a learning rate of its own, its row has two intervals: dashed at the
        baseline's rate, and solid with both sides at the rates chosen for them.
        """
        compared, rows, words = self.results["comparisons"], [], _("{what}\nown rate {rate:g}")
        for name in names:
            both, text = [compared[each] for each in self._both(name)], self.label(name)
            if len(both) > 1:
                text = words.format(what=text, rate=self.results["chosen"][name]["chosen"])
            rows.append((text, both))
        fig = forest(rows, _("difference from the baseline [points]"))
        if any(len(both) > 1 for _text, both in rows):
            # Above the axes: inside, it would lie on an interval.
            fig.set_figheight(fig.get_figheight() + 0.3)
            ways = zip(STYLES, (_("same learning rate"), _("each its own rate")))
            fig.legend(
                handles=[
                    Line2D([], [], color=GREY, linestyle=style, linewidth=2, label=text)
                    for style, text in ways
                ],
                fontsize=9,
                ncols=2,
                frameon=False,
                loc="outside upper left",
            )
        return fig

    def show(self, *names):
        """Show the figure of `names`, its numbers in a sentence below it; the verdict is that of the
        comparison at own rates, where there is one.
        """
        parts = []
        for name in names:
            *same, judged = self._both(name)
            text = _("{what}: {difference} ({verdict})")
            if same:
                text = _("{what}: {same} at the same rate, {difference} with {rate:g} as its own ({verdict})")
            differences = [_signed(self.results["comparisons"][each], 100, 2) for each in (name, judged)]
            parts.append(
                text.format(
                    what=self.label(name),
                    same=differences[0],
                    difference=differences[1],
                    rate=self.results["chosen"][name]["chosen"] if same else None,
                    verdict=_(OUTCOMES[self.verdict(judged)]),
                )
            )
        show(self.figure(*names), self._sentence(names, parts))

    def _sentence(self, names, parts):
        text = _(
            "Difference from the baseline in points, mean and 95 % interval: {parts}. {train:,} training"
            " images of MNIST, {images:,} validation images, {seeds} shared seeds."
        )
        compared = self.results["comparisons"]
        seeds = sorted({compared[each]["seeds"] for name in names for each in self._both(name)})
        return text.format(
            parts=listed(parts, clauses=True),
            train=self.results["settings"][names[0]]["n_train"],
            images=compared[names[0]]["images"],
            seeds="–".join(dict.fromkeys(f"{n}" for n in (seeds[0], seeds[-1]))),
        )

    def show_rates(self):
        """Show validation error against the learning rate, for SGD and Adam, both axes logarithmic."""
        fig, ax = figure(width=7.2, height=3.4)
        names, best = {"sgd": "SGD", "adam": "Adam"}, []
        for index, (optimizer, points) in enumerate(self.results["rates"].items()):
            rates = np.array([p["rate"] for p in points])
            fewest = min(len(p["accuracies"]) for p in points)
            runs = 100 - 100 * np.array([p["accuracies"][:fewest] for p in points])
            runs[[p["diverged"] > 0 for p in points]] = np.nan
            style = series(index)
            ax.plot(rates, runs.mean(axis=1), **style, label=names[optimizer])
            ax.vlines(rates, runs.min(axis=1), runs.max(axis=1), color=style["color"], linewidth=1)
            lost = rates[np.isnan(runs).any(axis=1)]
            ax.plot(
                lost,
                np.full(len(lost), 90.0),
                "x",
                color=style["color"],
                markersize=9,
                label=_("{optimizer}: diverged").format(optimizer=names[optimizer]) if len(lost) else None,
            )
            top = int(np.nanargmin(runs.mean(axis=1)))
            best.append(
                _("{optimizer} is best at {rate:g} ({error:.1f} %)").format(
                    optimizer=names[optimizer], rate=rates[top], error=runs[top].mean()
                )
            )
        ax.axhline(90, color=GREY, linestyle=":", linewidth=1.5, label=_("guessing"))
        ax.set_xscale("log")
        ax.set_yscale("log")
        ticks = (2, 3, 5, 10, 20, 30, 50, 90)
        ax.set_yticks(ticks, [str(t) for t in ticks])
        ax.minorticks_off()
        label(ax, x=_("peak learning rate (log axis)"), y=_("validation error [%] (log axis)"))
        fig.legend(fontsize=9, ncols=4, frameon=False, loc="outside upper left")
        text = _("Validation error against the peak learning rate (runs per point: {seeds}): {best}.")
        show(fig, text.format(seeds=runs.shape[1], best=listed(best, clauses=True)))

    def show_sizes(self):
        """Show validation error against the number of training images at equal steps, both axes
        logarithmic.
        """
        fig, ax = figure(width=7.2, height=3.6)
        words = {
            "plain": _("as they are"),
            "augmented": _("augmented: shift, rotation, scale"),
        }
        ends = []
        for index, (arm, points) in enumerate(self.results["sizes"]["arms"].items()):
            n = [p["images"] for p in points]
            fewest = min(len(p["accuracies"]) for p in points)
            errors = 100 - 100 * np.array([p["accuracies"][:fewest] for p in points])
            ax.plot(n, errors.mean(axis=1), **series(index), label=words[arm])
            ax.vlines(n, errors.min(axis=1), errors.max(axis=1), color=series(index)["color"], linewidth=1)
            ends.append(
                _("{what}: {first:.1f} % with {few} images, {last:.1f} % with {many:,}").format(
                    what=words[arm],
                    first=errors[0].mean(),
                    few=n[0],
                    last=errors[-1].mean(),
                    many=n[-1],
                )
            )
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xticks(n, [f"{x:,}" for x in n], minor=False)
        ticks = [t for t in (1, 2, 3, 5, 10, 20, 30) if errors.min() < 1.5 * t]
        ax.set_yticks(ticks, [str(t) for t in ticks])
        ax.minorticks_off()
        label(ax, x=_("training images (log axis)"), y=_("validation error [%] (log axis)"))
        ax.legend(fontsize=10)
        text = _("Validation error after {steps:,} steps (runs per point: {seeds}): {ends}.")
        show(
            fig,
            text.format(
                steps=self.results["sizes"]["steps"], seeds=errors.shape[1], ends=listed(ends, clauses=True)
            ),
        )

    def show_classes(self, *names):
        """Show the validation error of every class for some settings, as bars side by side."""
        fig, ax = figure(width=8.2, height=3.0)
        hatches = (None, "//", "..", "xx")
        for index, name in enumerate(names):
            errors = 100 - 100 * np.array(self.results["settings"][name]["by_class"])
            ax.bar(
                np.arange(10) + (index - (len(names) - 1) / 2) * 0.8 / len(names),
                errors,
                width=0.8 / len(names),
                color=LINES[index],
                hatch=hatches[index],
                edgecolor="white",
                label=self.label(name),
            )
        ax.set_xticks(range(10))
        label(ax, x=_("digit"), y=_("validation error [%]"))
        ax.legend(fontsize=10)
        worst = int(np.argmax(errors))
        text = _("Validation error per digit. With {what} the digit {worst} fares worst: {error:.1f} %.")
        show(fig, text.format(what=self.label(names[-1]), worst=worst, error=errors[worst]))


STYLES = ((0, (2, 1.5)), "-")  # of the two intervals in a row: at the baseline's rate, each at its own


def forest(rows, xlabel):
    """Intervals [points], one row per (name, comparisons in it); filled where 0 is outside."""
    fig, ax = figure(width=8.2, height=0.9 + sum(0.2 + 0.24 * len(found) for _name, found in rows))
    clipped, styles = False, STYLES if max(len(found) for _name, found in rows) > 1 else ("-",)
    for row, (_name, found) in enumerate(rows):
        for index, one in enumerate(found):
            mean, low, high = (100 * one[key] for key in ("mean", "low", "high"))
            colour, marker = _sign(verdict_of(one["low"], one["high"]))
            y = row + (index - (len(found) - 1) / 2) * 0.36
            away = mean < -WIDEST
            clipped |= away
            low, high, at = max(low, -WIDEST), max(high, -WIDEST), max(mean, -WIDEST)
            ax.plot([low, high], [y, y], color=colour, linewidth=2, linestyle=styles[index])
            filled = colour if marker != "o" else "white"
            ax.plot(at, y, "<" if away else marker, color=colour, markersize=8, markerfacecolor=filled)
            where = dict(xycoords=("axes fraction", "data"), va="center", fontsize=10)
            ax.annotate(f"{mean:+.2f}", (1.01, y), **where)
    ax.axvline(0, color=GREY, linestyle="--", linewidth=1.5)
    ax.set_yticks(range(len(rows)), [name for name, _found in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    if clipped:
        ax.set_xlim(left=-WIDEST - 0.4)
        xlabel = _("{what}; ◀: outside the picture").format(what=xlabel)
    label(ax, x=xlabel)
    return fig


def _signed(one, factor, digits):
    """A difference with its interval, as "+0.12 [−0.10, +0.34]"."""
    mean, low, high = (f"{factor * one[key]:+.{digits}f}" for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def show_coverage():
    """Show how often the 95 % interval of each rule holds the true difference, from `benchmarks.coverage`."""
    stored = stored_result("coverage")
    cases = {"noise": _("the twenty runs above"), "seed-dominated": _("one side varies much by seed")}
    rules = {
        "paired t": _("paired t"),
        "two standard errors": _("two standard errors"),
        "bootstrap": _("bootstrap of seeds and images"),
    }
    fig, axes = figure(1, 2, width=9, height=3.2, sharey=True)
    said = []
    for ax, (case, words) in zip(axes, cases.items()):
        low, high = (100 * edge for edge in stored["band"])
        ax.axhspan(
            low, high, color="#D9D9D9", label=_("{low:.0f} to {high:.0f} %").format(low=low, high=high)
        )
        for index, (rule, name) in enumerate(rules.items()):
            rows = [r for r in stored["rows"] if (r["case"], r["rule"]) == (case, rule)]
            ax.plot(
                [r["seeds"] for r in rows], [100 * r["coverage"] for r in rows], **series(index), label=name
            )
            if rule == "paired t":
                said += [100 * r["coverage"] for r in rows]
        ax.set_xticks([r["seeds"] for r in rows])
        label(ax, x=_("seeds on each side"), title=words)
    axes[0].set_ylim(75, 101)
    label(axes[0], y=_("coverage [%]"))
    axes[1].legend(fontsize=9, loc="lower right")
    text = _(
        "Share of 95 % intervals that hold the true mean difference, for 3, 5 and 8 seeds. The paired t"
        " interval: {low:.1f} to {high:.1f} %."
    )
    show(fig, text.format(low=min(said), high=max(said)))


def coverage_table():
    """Coverage and false alarms [%] of the rule in use: one row per case, from `benchmarks.coverage`."""
    words = {
        "noise": _("the twenty runs above"),
        "seed-dominated": _("one side varies much by seed"),
        "one run in ten fails": _("one run in ten fails"),
        "other images": _("read as a claim about other images"),
    }
    rows = [r for r in stored_result("coverage")["rows"] if r["rule"] == "paired t"]
    table = pd.DataFrame(
        {
            (_("coverage [%]"), r["seeds"]): {
                words[o["case"]]: f"{100 * o['coverage']:.1f}" for o in rows if o["seeds"] == r["seeds"]
            }
            for r in rows
        }
        | {
            (_("false alarms [%]"), r["seeds"]): {
                words[o["case"]]: f"{100 * o['false_alarms']:.1f}" for o in rows if o["seeds"] == r["seeds"]
            }
            for r in rows
        }
    )
    table.columns.names = ["", _("seeds")]
    return table


def show_power(spread, differences=(0.003, 0.006, 0.012), most=30):
    """Show how often the right verdict comes, against the number of seeds per side.

    `spread`: s.d. of the differences per seed (fractions); one curve for each true difference.
    """
    seeds = np.arange(2, most + 1)
    fig, ax = figure(width=7.2, height=3.2)
    said = []
    for index, difference in enumerate(differences):
        found = 100 * power(difference, spread, seeds)
        name = _("{points:g} points").format(points=100 * difference)
        ax.plot(seeds, found, **series(index), label=name)
        enough = seeds[found >= 80]
        if len(enough):
            said.append(_("{what}: {n} seeds").format(what=name, n=enough[0]))
    ax.axhline(80, color=GREY, linestyle=":", label=_("80 %"))
    ax.set_ylim(0, 102)
    label(ax, x=_("seeds on each side"), y=_("right verdict [%]"))
    ax.legend(fontsize=10, title=_("true difference"), title_fontsize=10)
    text = _(
        "How often a true difference is found, for differences per seed with an s.d. of {sd:.2f} points. For"
        " four finds in five it takes {parts}."
    )
    show(fig, text.format(sd=100 * spread, parts=listed(said, clauses=True)))


def show_many(spread, seeds=3, most=40):
    """Show what happens when up to `most` settings that change nothing are compared with one baseline."""
    numbers = np.unique(np.geomspace(1, most, 12).round().astype(int))
    alarms, leads = np.array([many_comparisons(spread, int(n), seeds) for n in numbers]).T * 100
    fig, (left, right) = figure(1, 2, width=9, height=3.0)
    left.plot(numbers, alarms, **series(0))
    right.plot(numbers, leads, **series(1))
    label(left, x=_("settings tried"), y=_("at least one “better” [%]"))
    label(right, x=_("settings tried"), y=_("mean lead of the best [points]"))
    left.set_ylim(0, 100)
    right.set_ylim(bottom=min(0, leads.min()))
    text = _(
        "Settings that change nothing, {seeds} seeds each: of {most}, at least one is called better in"
        " {alarms:.0f} % of campaigns, and the best leads by {lead:.2f} points."
    )
    show(fig, text.format(seeds=seeds, most=most, alarms=alarms[-1], lead=leads[-1]))


def show_traces(traces):
    """Show what optimizers make of the gradients of one weight: name → one dict per step, with "gradient",
    "step" and what the optimizer keeps for that weight, by torch's names.
    """
    kept = {
        "momentum_buffer": (_("v, the fading sum"), lambda x: x),
        "exp_avg": (_("m, the mean of gradients"), lambda x: x),
        "exp_avg_sq": (_("√s, of their squares"), np.sqrt),
    }
    fig, axes = figure(2, len(traces), width=9.2, height=4.6, sharex=True, squeeze=False)
    said = []
    for column, (name, rows) in enumerate(traces.items()):
        top, bottom = axes[:, column]
        across = np.arange(1, len(rows) + 1)
        steps = np.array([row["step"] for row in rows])
        top.plot(across, [row["gradient"] for row in rows], color=GREY, linewidth=1, label=_("gradient g"))
        for index, (key, (words, form)) in enumerate(kept.items()):
            if key in rows[0]:
                values = form(np.array([row[key] for row in rows]))
                top.plot(across, values, **series(index, marker=False), label=words)
        bottom.bar(across, 1000 * steps, color=LINES[0])
        for ax in (top, bottom):
            ax.axhline(0, color="black", linewidth=0.8)
        # Room for the legend above the curves, which fill the axis from end to end.
        low, high = top.get_ylim()
        top.set_ylim(low, high + 0.2 * (len(top.get_lines()) - 1) * (high - low))
        top.legend(fontsize=9, loc="upper left")
        label(top, title=name, y=_("gradient") if not column else None)
        label(bottom, x=_("batch"), y=_("step, in thousandths") if not column else None)
        first, sizes = 1000 * abs(steps[0]), 1000 * np.abs(steps)
        said.append(
            _("{name}: first {first:.2f}, then {low:.2f} to {high:.2f}").format(
                name=name, first=first, low=sizes[1:].min(), high=sizes[1:].max()
            )
        )
    text = _("One weight of conv1 over {n} batches. Size of its steps in thousandths: {parts}.")
    show(fig, text.format(n=len(rows), parts=listed(said, clauses=True)))


def lever_table(*config_classes: type) -> str:
    """The levers of configuration classes as a Markdown table: name in code, label, default, what is
    allowed, what it does.
    """
    rows = [(_("in code"), _("lever"), _("default"), _("allowed"), _("what it does")), ["---"] * 5]
    for config_class in config_classes:
        rows += [
            (f"`{one.name}`", _(one.label), f"{one.default}", one.allowed, _(one.help) if one.help else "")
            for one in levers_of(config_class).values()
        ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def show_levers(*config_classes):
    """Show the table of the levers that the configuration classes declare."""
    table = lever_table(*config_classes)
    display({"text/markdown": table, "text/plain": table}, raw=True)


def _sign(verdict):
    """Colour and marker: up for a gain, down for a loss, an open circle where it is undecided."""
    if verdict == "better":
        return COLOURS["blue"], "^"
    return (COLOURS["vermillion"], "v") if verdict == "worse" else (GREY, "o")


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
