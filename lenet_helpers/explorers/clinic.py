"""Chapter 3.9: six broken runs, shown by their curves and records alone. Diagnose, see the fix, compare."""

import math
from dataclasses import dataclass, field

import numpy as np

from ..canvas import GREY, figure, label, series
from ..results import stored_result
from ..wording import N_, _
from .base import Explorer

# Each fault: what a reader would call it, what its curves look like, and the line that mends it.
FAULTS = {
    "rate-too-high": (N_("the learning rate is far too high"),
                      N_("A learning rate far too high throws the weights about: the loss jumps up at first or settles near ln 10, at once and for good, in training and validation alike."),
                      N_("a tenth of the learning rate")),
    "rate-too-low": (N_("the learning rate is far too low"),
                     N_("A learning rate far too low lets both losses creep down together, epoch after epoch by the same little, with no noise to speak of."),
                     N_("a hundred times the learning rate")),
    "no-zero-grad": (N_("zero_grad() is missing"),
                     N_("Without zero_grad() each step follows the sum of all gradients so far and overshoots again and again: the net may begin to learn, then the loss shoots up, comes back, and ends above ln 10 in training and validation."),
                     N_("optimizer.zero_grad() before loss.backward()")),
    "broken-pairs": (N_("images and labels no longer belong together"),
                     N_("With images and labels out of step there is nothing to learn but each image by heart: training stays near ln 10, and may slowly leave it, while validation stays at chance or gets worse."),
                     N_("shuffle images and labels by the same order")),
    "softmax-twice": (N_("a softmax stands before the loss, which has one of its own"),
                      N_("With a second softmax the logits lie between 0 and 1, so the loss cannot fall below −ln(e/(e + 9)) = 1.46 however right the net is: learning starts late, and a fair accuracy stands beside a loss that would fit a far worse one."),
                      N_("hand the logits to F.cross_entropy, without softmax")),
    "dropout-in-evaluation": (N_("dropout is left on while validating"),
                              N_("With dropout on while validating, two scores of the same weights on the same images differ, and validation stays below what the weights can do."),
                              N_("model.eval() before scoring, model.train() after it")),
}
LETTERS = "ABCDEF"


@dataclass
class ClinicState:
    """Which patient is on the table and what the reader has said so far.

    `runs`: dict from fault (and "healthy…") to records as `benchmarks.clinic` makes them;
    `repaired`: dict from fault to the healthy run that shows its repair.
    """

    runs: dict
    repaired: dict
    patient: int = 0
    diagnosis: str = ""
    solved: set = field(default_factory=set)

    @property
    def order(self):
        """The faults in the order of the patients A to F: not the order of the list of diagnoses."""
        names = sorted(FAULTS)
        return names[3:] + names[:3]

    @property
    def fault(self):
        """What really is wrong with this patient."""
        return self.order[self.patient]

    def column(self, name, key):
        """One column of the records of run `name`."""
        return np.array([record[key] for record in self.runs[name]])

    def diagnose(self):
        """Judge the diagnosis that is chosen; ValueError where none is."""
        if not self.diagnosis:
            raise ValueError(_("no diagnosis chosen; pick one from the list first"))
        if self.diagnosis == self.fault:
            self.solved.add(self.patient)
        return self.diagnosis == self.fault


class ClinicExplorer(Explorer):
    """A patient's curves; a list of diagnoses; once it is right, the fix and the repaired run."""

    name = "clinic"

    def __init__(self):
        stored = stored_result("clinic")
        super().__init__(ClinicState(stored["runs"], stored["repaired"]))

    def build(self):
        self.figure, axes = figure(1, 2, width=8.4, height=3.4, layout=None)
        self.figure.subplots_adjust(left=0.09, right=0.98, bottom=0.17, top=0.88, wspace=0.28)
        self.curves = {}
        for ax, kind, unit in zip(axes, ("loss", "accuracy"), (_("loss [nats per image]"), _("accuracy"))):
            label(ax, x=_("epochs"), y=unit)
            for i, (part, text) in enumerate((("train", _("training")), ("validation", _("validation")), ("repaired", _("validation, repaired")))):
                (self.curves[part, kind],) = ax.plot([], [], **series(i), label=text)
        axes[0].axhline(math.log(10), color=GREY, linestyle=":", label=_("guessing, ln 10"))
        axes[1].set_ylim(-0.03, 1.03)
        axes[0].legend(fontsize=8, loc="best")
        self.loss = axes[0]
        self.title = self.figure.suptitle("", fontsize=12, y=0.98)
        self.choice("patient", _("patient"), [(letter, i) for i, letter in enumerate(LETTERS)])
        self.choice("diagnosis", _("your diagnosis"), [(_("choose one"), "")] + [(_(text), key) for key, (text, _why, _fix) in FAULTS.items()])
        self.verdict = ""
        self.button("diagnose", _("Diagnose"), self._diagnose)
        self.controls["patient"].observe(self._next, "value")

    def _next(self, _change):
        self.verdict, self.state.diagnosis = "", ""
        self.controls["diagnosis"].value = ""

    def _diagnose(self):
        said = FAULTS[self.state.diagnosis][1] if self.state.diagnosis else ""
        if self.state.diagnose():
            text = _("✓ That is it. {why} The fix: {fix}.")
            self.verdict = text.format(why=_(said), fix=_(FAULTS[self.state.fault][2]))
        else:
            self.verdict = _("✗ These curves say otherwise. {why} Compare that with what you see.").format(why=_(said))

    def draw(self):
        state, fault = self.state, self.state.fault
        epochs = state.column(fault, "epoch")
        healthy = state.repaired[fault]
        solved = state.patient in state.solved
        for kind in ("loss", "accuracy"):
            for part in ("train", "validation"):
                self.curves[part, kind].set_data(epochs, state.column(fault, f"{part}_{kind}"))
            values = state.column(healthy, f"validation_{kind}") if solved else np.full(len(epochs), np.nan)
            self.curves["repaired", kind].set_data(state.column(healthy, "epoch"), values)
            self.curves["train", kind].axes.set_xlim(0.5, len(epochs) + 0.5)
        losses = np.concatenate([state.column(fault, f"{part}_loss") for part in ("train", "validation")])
        # Where all stays near ln 10 the differences are small: show them, unless the healthy curve needs the room.
        low = 0.0 if solved or losses.min() < 1.0 else losses.min() - 0.03
        self.loss.set_ylim(low, max(math.log(10) + 0.03, losses.max() + 0.03 * (losses.max() - low)))
        name = _(FAULTS[fault][0]) if solved else "?"
        self.title.set_text(_("patient {letter}: {name}").format(letter=LETTERS[state.patient], name=name))

    def sentence(self):
        state, fault = self.state, self.state.fault
        last = state.runs[fault][-1]
        text = _("Patient {letter} after {epoch} epochs: training loss {train_loss:.2f}, accuracy {train_accuracy:.0%}; validation loss "
                 "{validation_loss:.2f}, accuracy {validation_accuracy:.1%}, and {scored_again:.1%} when the same weights are scored again.")
        return (text.format(letter=LETTERS[state.patient], **last) + " " + self.verdict).strip()
