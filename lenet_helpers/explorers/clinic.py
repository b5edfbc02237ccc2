"""Chapter 3.9: six broken runs, shown by their curves and records alone. Diagnose, see the fix, compare."""

import html
import math
from dataclasses import dataclass, field

import ipywidgets as w
import numpy as np

from ..figures.canvas import GREY, LINES, figure, label, of_part
from ..results import stored_result
from ..wording import N_, _, sentences
from .clinic_faults import FAULTS, evidence
from .kit.base import Explorer

LETTERS = "ABCDEF"
COLUMNS = {
    "epoch": N_("epoch"),
    "train_loss": N_("training loss"),
    "validation_loss": N_("validation loss"),
    "train_accuracy": N_("training accuracy"),
    "validation_accuracy": N_("validation accuracy"),
    "scored_again": N_("the same weights, scored again"),
}


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
        self.widget.children += (self.mended, self.records)

    def build(self):
        self.mended, self.records = w.HTML(), w.HTML()
        self.mended.add_class("lenet-clinic-fix")
        self.records.add_class("lenet-clinic-records")
        self.figure, axes = figure(1, 2, width=8.4, height=3.4, layout=None)
        self.figure.subplots_adjust(left=0.09, right=0.98, bottom=0.17, top=0.88, wspace=0.28)
        self.curves = {}
        for ax, kind, unit in zip(axes, ("loss", "accuracy"), (_("loss [nats per image]"), _("accuracy"))):
            label(ax, x=_("epochs"), y=unit)
            for part, text, style in (
                ("train", _("training"), of_part(True, LINES[0])),
                ("validation", _("validation"), of_part(False, LINES[0])),
                ("repaired", _("validation, repaired"), of_part(False, LINES[1], "s")),
            ):
                (self.curves[part, kind],) = ax.plot([], [], **style, label=text)
        axes[0].axhline(math.log(10), color=GREY, linestyle=":", label=_("guessing, ln 10"))
        axes[1].set_ylim(-0.03, 1.03)
        axes[0].legend(fontsize=9, loc="best")
        self.loss = axes[0]
        self.title = self.figure.suptitle("", fontsize=12, y=0.98)
        self.choice("patient", _("patient"), [(letter, i) for i, letter in enumerate(LETTERS)])
        self.choice(
            "diagnosis",
            _("your diagnosis"),
            [(_("choose one"), "")] + [(_(fault.name), key) for key, fault in FAULTS.items()],
        )
        self.verdict = ""
        self.button("diagnose", _("Diagnose"), self._diagnose)
        self.controls["patient"].observe(self._next, "value")

    def _next(self, _change):
        self.verdict, self.state.diagnosis = "", ""
        self.controls["diagnosis"].value = ""

    def _diagnose(self):
        right = self.state.diagnose()
        said = FAULTS[self.state.diagnosis]
        if right:
            fix = _("The fix: {fix}.").format(fix=_(said.fix))
            self.verdict = "✓ " + sentences(_("That is it."), _(said.looks), fix)
        else:
            found = evidence(self.state.diagnosis, self.state.runs[self.state.fault])
            self.verdict = "✗ " + sentences(_("These curves say otherwise."), _(said.looks), found)

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
        # From 0 for every patient, so that they can be compared, solved or not.
        self.loss.set_ylim(0, 1.05 * max(math.log(10), losses.max()))
        self.mended.value = _code(FAULTS[fault].before, FAULTS[fault].after) if solved else ""
        self.records.value = _table(state.runs[fault])
        name = _(FAULTS[fault].name) if solved else "?"
        self.title.set_text(_("patient {letter}: {name}").format(letter=LETTERS[state.patient], name=name))

    def sentence(self):
        state, fault = self.state, self.state.fault
        last = state.runs[fault][-1]
        text = _(
            "Patient {letter} at epoch {epoch}: training loss {train_loss:.2f}, accuracy"
            " {train_accuracy:.0%}; validation loss {validation_loss:.2f}, accuracy"
            " {validation_accuracy:.1%}, and {scored_again:.1%} when the same weights are scored again."
        )
        return sentences(text.format(letter=LETTERS[state.patient], **last), self.verdict)


def _code(before, after):
    """The faulty lines and the mended ones, marked as in a diff."""
    old, new = ([mark + line for line in code.split("\n")] for mark, code in (("− ", before), ("+ ", after)))
    text = html.escape("\n".join(old + new))
    return (
        '<pre style="background:#fff;color:#000;border-left:4px solid'
        f' #009E73;padding:6px;white-space:pre-wrap">{text}</pre>'
    )


def _table(records):
    """The records as a table that folds away: losses in nats per image, accuracies as fractions."""
    names = [html.escape(_(name)) for name in COLUMNS.values()]
    head = "".join(f'<th scope="col" style="padding:0 8px">{name}</th>' for name in names)
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td style="text-align:right;padding:0 8px">{_number(record[key])}</td>' for key in COLUMNS
        )
        + "</tr>"
        for record in records
    )
    summary = html.escape(_("the records"))
    return f"<details><summary>{summary}</summary><table><tr>{head}</tr>{rows}</table></details>"


def _number(value):
    return f"{value:d}" if isinstance(value, int) else f"{value:.3f}"
