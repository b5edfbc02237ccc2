"""Chapter 3.4: one finished run, drawn so that it tells what happened, and so that it misleads."""

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import MaxNLocator

from ..figures.canvas import GREY, LINES, figure, label, of_part, series
from ..wording import _, sentences
from .kit.base import Explorer


@dataclass
class CurvesState:
    """The records of a run and how they are drawn.

    `history`: records, one an epoch; `batches_per_epoch`: of the run as it was;
    `halvings`: how often the batch size is thought halved (negative: doubled), learning
    per image staying the same; `summed`: log10 of the sum of the batch losses, on the
    axis of the accuracy.
    """

    history: list
    batches_per_epoch: int
    halvings: int = 1
    summed: bool = True

    def column(self, name):
        """One field of the records, as an array; NaN where there is none."""
        return np.array([getattr(r, name) for r in self.history], dtype=float)

    @property
    def batches(self):
        """Batches in an epoch at the batch size thought of."""
        return self.batches_per_epoch * 2.0**self.halvings

    @property
    def log_sums(self):
        """log10 of the sum of the mean losses of all batches of an epoch, at each record."""
        return np.log10(self.column("train_loss") * self.batches)

    @property
    def log_sums_as_run(self):
        """The same at the batch size of the run."""
        return np.log10(self.column("train_loss") * self.batches_per_epoch)


class CurvesExplorer(Explorer):
    """Loss and accuracy on axes of their own; or log10 of a sum beside the accuracy."""

    name = "curves"

    def __init__(self, history, batches_per_epoch):
        super().__init__(CurvesState(list(history), batches_per_epoch))

    def build(self):
        self.figure, axes = figure(1, 2, width=8.4, height=3.3, layout=None)
        self.figure.subplots_adjust(left=0.09, right=0.98, bottom=0.18, top=0.88, wspace=0.3)
        self.left, self.right = axes
        label(self.left, x=_("epochs"))
        label(self.right, x=_("epochs"), y=_("accuracy"))
        for ax in axes:
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        (self.train,) = self.left.plot([], [], **of_part(True, LINES[0]), label=_("training"))
        (self.validation,) = self.left.plot([], [], **of_part(False, LINES[0]), label=_("validation"))
        (self.sum,) = self.left.plot([], [], **series(2), label=_("log₁₀ of the sum of the batch losses"))
        (self.asrun,) = self.left.plot(
            [], [], color=GREY, linewidth=1.2, label=_("the same, at the batch size of the run")
        )
        self.chance = self.left.axhline(math.log(10), color=GREY, linestyle=":", label=_("guessing, ln 10"))
        self.right.plot(
            self.state.column("epoch"),
            self.state.column("train_accuracy"),
            **of_part(True, LINES[0]),
            label=_("training"),
        )
        self.right.plot(
            self.state.column("epoch"),
            self.state.column("validation_accuracy"),
            **of_part(False, LINES[0]),
            label=_("validation"),
        )
        self.right.legend(fontsize=9)
        self.switch("summed", _("draw log₁₀ of the sum of the batch losses, beside the accuracy"))
        self.slider("halvings", _("batch size halved, times"), -3, 3)
        self.ask(
            _(
                "The batch size is halved and each image is learned from as before. The curve of log₁₀ of the"
                " sum of the batch losses …"
            ),
            {"stays": _("stays where it is"), "rises": _("rises by 0.301"), "falls": _("falls by 0.301")},
            answer="rises",
        )

    def draw(self):
        state, x = self.state, self.state.column("epoch")
        summed = state.summed
        nothing = ([], [])
        self.train.set_data(*(nothing if summed else (x, state.column("train_loss"))))
        # In the misleading drawing the accuracy shares the axis: it stands where the validation loss was.
        self.validation.set_data(x, state.column("validation_accuracy" if summed else "validation_loss"))
        self.validation.set_label(_("validation accuracy") if summed else _("validation"))
        # Before the prediction: the curve at the batch size of the run, wherever the slider stands.
        sums = state.log_sums if self.revealed else state.log_sums_as_run
        self.sum.set_data(*((x, sums) if summed else nothing))
        moved = summed and self.revealed and state.halvings != 0
        self.asrun.set_data(*((x, state.log_sums_as_run) if moved else nothing))
        self.chance.set_visible(not summed)
        self.left.set_ylabel(_("what unit?") if summed else _("loss [nats per image]"), fontsize=11)
        shown = (
            [self.validation, self.sum] + moved * [self.asrun]
            if summed
            else [self.train, self.validation, self.chance]
        )
        self.left.legend(handles=shown, fontsize=9, loc="upper right")
        self.left.set_xlim(x[0] - 0.3, x[-1] + 0.3)
        top = (
            max(3.4, float(np.nanmax(sums)) + 1.3)
            if summed
            else 1.1 * max(math.log(10), float(state.column("train_loss").max()))
        )
        bottom = min(0.0, float(np.nanmin(sums)) - 0.2) if summed else 0.0
        self.left.set_ylim(bottom, top)

    def sentence(self):
        state, last = self.state, self.state.history[-1]
        text = _(
            "At epoch {n:g}: training loss {train:.3f} nats per image, validation loss {validation:.3f},"
            " validation accuracy {accuracy:.1%}."
        ).format(
            n=last.epoch,
            train=last.train_loss,
            validation=float(state.column("validation_loss")[-1]),
            accuracy=float(state.column("validation_accuracy")[-1]),
        )
        if state.summed and self.revealed:
            more = _(
                "Summed over {n:g} batches and put under a logarithm, the first of these is {value:.3f}, in"
                " no unit, and it moves by 0.301 each time the number of batches doubles."
            )
            return sentences(text, more.format(n=state.batches, value=state.log_sums[-1]))
        return text
