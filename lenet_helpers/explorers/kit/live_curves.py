"""Loss and accuracy while training goes on: one figure whose lines are moved, never rebuilt."""

import math

import numpy as np
from matplotlib.ticker import PercentFormatter

from ...figures.canvas import COLOURS, GREY, LINES, MARKERS, figure, label, of_part
from ...wording import _

FIELDS = ("loss", "accuracy")
HIGHEST = 10.0  # nats per image: losses above leave the picture, and a mark says where


class LiveCurves:
    """Two axes side by side: training dashed with open markers, validation solid with filled ones.

    While a run is on, the axes stay as they are: all its steps, accuracies from 0 to 1, losses up to
    guessing, and a mark where one is higher. Once it is over they close in on what there is.
    """

    def __init__(self, x="epoch"):
        self.x, self.planned, self.running = x, 0.0, False
        self.history, self.lost_at = [], None
        self.figure, axes = figure(1, 2, width=9.2, height=3.1, layout=None)
        self.axes = dict(zip(FIELDS, axes))
        for ax, left in zip(axes, (0.065, 0.58)):
            ax.set_position((left, 0.17, 0.41, 0.68))
        label(axes[0], x=_("epochs"), y=_("loss [nats per image]"))
        label(axes[1], x=_("epochs"), y=_("accuracy"))
        axes[1].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes[0].axhline(math.log(10), color=GREY, linestyle=":", linewidth=1.2, label=_("guessing"))
        self.lines = {
            (part, field): self._line(part, field) for part in ("train", "validation") for field in FIELDS
        }
        (self.lost,) = self.axes["loss"].plot(
            [],
            [],
            "^",
            color=COLOURS["vermillion"],
            markeredgecolor="black",
            markersize=9,
            clip_on=False,
            zorder=6,
            label=_("above the picture"),
        )
        self.others, self.bands, self.legend = [], [], None
        self._name_lines()

    def _line(self, part, field):
        training = part == "train"
        name = {"train": _("training (mean since the last point)"), "validation": _("validation")}[part]
        (line,) = self.axes[field].plot([], [], label=name, zorder=4, **of_part(training, COLOURS["blue"]))
        return line

    def across(self, x):
        """Draw against "epoch" or "step" from now on."""
        self.x = x
        for ax in self.axes.values():
            ax.set_xlabel(_("epochs") if x == "epoch" else _("steps"))

    def show_run(self, history, planned=0.0, *, running=False, lost_at=None):
        """Move the four lines to `history`, a list of records.

        `planned`: where the run ends or would have ended, and `lost_at`: its last step before it
        diverged, both in epochs or steps, as `across` says.
        """
        self.history, self.planned, self.running, self.lost_at = history, planned, running, lost_at
        for (part, field), line in self.lines.items():
            points = [(getattr(r, self.x), getattr(r, f"{part}_{field}")) for r in history]
            points = [p for p in points if p[1] is not None]
            line.set_data(*zip(*points)) if points else line.set_data([], [])
        self.fit()

    def show_others(self, band, overlays, training=True):
        """Behind the run: `band`, histories of the baseline's seeds or None, and `overlays`, name →
        histories.

        A band spans the lowest and the highest seed; the line in it is their mean.
        """
        for artist in (*self.others, *self.bands):
            artist.remove()
        self.others, self.bands = [], []
        for (part, _field), line in self.lines.items():
            line.set_visible(training or part == "validation")
        if not training:
            self.lines["validation", "loss"].set_label(_("this run, validation"))
        for field in FIELDS:
            if band:
                across, values = stack(band, f"validation_{field}", self.x)
                name = _("baseline, {n} seeds").format(n=len(band))
                self.bands.append(
                    self.axes[field].fill_between(
                        across, values.min(0), values.max(0), color="#B0B0B0", alpha=0.6, label=name
                    )
                )
                self.others += self.axes[field].plot(
                    across, values.mean(0), color="black", linestyle=":", linewidth=1.6, label=_("their mean")
                )
            for index, (name, histories) in enumerate(overlays.items(), start=3):
                across, values = stack(histories, f"validation_{field}", self.x)
                self.others += self.axes[field].plot(
                    across,
                    values.mean(0),
                    color=LINES[index % len(LINES)],
                    label=name,
                    linewidth=1.6,
                    marker=MARKERS[index % len(MARKERS)],
                    markersize=4,
                    linestyle=(0, (2, 1)),
                )
        self.fit()

    def _name_lines(self):
        """One legend for both axes, above them: inside it would hide how a run begins."""
        shown = [a for a in self._named() if a.get_visible() and not a.get_label().startswith("_")]
        if not len(self.lost.get_xdata()):
            shown.remove(self.lost)
        if self.legend and [a.get_label() for a in shown] == [t.get_text() for t in self.legend.get_texts()]:
            return
        if self.legend:
            self.legend.remove()
        self.legend = self.figure.legend(
            handles=shown, ncols=5, fontsize=9, loc="upper left", bbox_to_anchor=(0.055, 1.0), frameon=False
        )

    def _named(self):
        """What is drawn on an axis, the baseline's band before the line in it."""
        lines = list(self.axes["loss"].get_lines())
        return (
            [a for a in lines if a not in self.others]
            + self.bands[:1]
            + [a for a in lines if a in self.others]
        )

    def fit(self):
        """Axes that hold all losses, and the accuracies down to a little under the lowest final one; while
        a run is on, axes that do not depend on how it goes.
        """
        lines = {
            f: [
                ln
                for ln in ax.get_lines()
                if ln.get_visible()
                and ln is not self.lost
                and len(ln.get_xdata()) > 0
                and ln.get_transform() == ax.transData
            ]
            for f, ax in self.axes.items()
        }
        drawn = [float(np.max(ln.get_xdata())) for ln in lines["accuracy"]]
        across = max([self.planned, *drawn]) or 1.0
        losses = [loss for ln in lines["loss"] for loss in ln.get_ydata() if np.isfinite(loss)]
        ends = [float(ln.get_ydata()[-1]) for ln in lines["accuracy"]]
        if self.running:
            losses, ends = [], [0.0]
        for ax in self.axes.values():
            ax.set_xlim(0, across * 1.03)
        top = min(max([2.4, *losses]), HIGHEST) * 1.04
        self.axes["loss"].set_ylim(0, top)
        away = [getattr(r, self.x) for r in self.history if left_the_picture(r, min(top, HIGHEST))]
        away += [] if self.lost_at is None else [self.lost_at]
        self.lost.set_data(away, [top] * len(away))
        self._name_lines()
        self.axes["accuracy"].set_ylim(max(0.0, min([0.9, *ends]) - 0.1), 1.005)


def left_the_picture(record, top=HIGHEST):
    """Whether a loss of the record is too large to be drawn, or no number at all."""
    losses = [v for v in (record.train_loss, record.validation_loss) if v is not None]
    return any(not loss <= top for loss in losses)


def stack(histories, field, x):
    """(x values (points,), values (seeds, points)) of several runs of one configuration."""
    across = [getattr(r, x) for r in histories[0]]
    return np.array(across), np.array([[getattr(r, field) for r in h] for h in histories], dtype=float)
