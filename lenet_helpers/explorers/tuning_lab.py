"""The bench of chapter 4: the dashboard with a pinned baseline, several seeds and a book of runs."""

import html
from dataclasses import fields, replace

import ipywidgets as w
import numpy as np

from ..models import LeNetConfig
from ..train_config import QUICK, count_steps
from ..training import EpochRecord
from ..tuning.book import Book, in_words
from ..tuning.evidence import OUTCOMES
from ..tuning.interrupts import held_back
from ..wording import _, sentences
from .dashboard import TrainingDashboard
from .kit.base import CAPTION
from .kit.still import Still


class TuningLab(TrainingDashboard):
    """Change one lever, train it with several seeds, compare with the baseline, keep the test set sealed.

    `.book` is the table of runs. `lab.pin_baseline()` and `lab.compare(kernel_size=3)` do
    from a code cell what the buttons do, and wait for the result.
    """

    name = "lab"

    def __init__(self, dataset, model_config=LeNetConfig(), train_config=QUICK, seeds=3):
        self.book, self.first_seeds = Book(), seeds
        self._sealed = dataset.test
        # What trains and is drawn here holds validation images where the test set would be.
        super().__init__(replace(dataset, test=dataset.require_validation()), model_config, train_config)
        self.widget.children += (self.below,)

    def build(self):
        super().build()
        self.seeds = w.IntSlider(
            value=self.first_seeds, min=1, max=10, description=_("seeds"), continuous_update=False
        )
        self.equal = w.Dropdown(
            options=[(_("equal epochs"), "epochs"), (_("equal steps"), "steps")],
            description=_("compare at"),
        )
        self.expect = w.Dropdown(
            options=[(_("no idea yet"), None), *((_(words), name) for name, words in OUTCOMES.items())],
            description=_("Against the baseline I expect:"),
        )
        method = w.Box([self.seeds, self.equal, self.expect])
        method.add_class("lenet-panel")
        for one in method.children:
            one.add_class("lenet-control")
            one.style.description_width = "initial"
        self.pin = self._button("pin", _("Pin last run as baseline"), "thumb-tack", self.pin_last)
        self.overlay = w.SelectMultiple(
            options=[],
            description=_("overlay runs"),
            rows=3,
            style={"description_width": "initial"},
            layout=w.Layout(width="auto", max_width="36em"),
        )
        self.overlay.add_class("lenet-overlay")
        self.overlay.observe(lambda _change: self._tried(self._redraw_others), "value")
        self.file = w.Text(value="runs.csv", description=_("file"), layout=w.Layout(width="18em"))
        self.export = self._button("export", _("Save table"), "download", lambda: self.save(self.file.value))
        self.reload = self._button("reload", _("Load table"), "upload", lambda: self.load(self.file.value))
        self.sure = w.Checkbox(
            value=False, description=_("I am done choosing"), indent=False, layout=w.Layout(width="auto")
        )
        self.open = self._button(
            "reveal", _("Open the test set, once, for the last run"), "unlock", self.reveal
        )
        self.open.disabled = True
        self.sure.observe(
            lambda change: setattr(
                self.open, "disabled", not change["new"] or self.book.revealed is not None
            ),
            "value",
        )
        self.listing, self.verdict = w.HTML(), w.HTML()
        for name in ("seeds", "equal", "expect", "overlay", "file", "sure", "listing"):
            getattr(self, name).add_class(f"lenet-lab-{name}")
        flow = w.Layout(flex_flow="row wrap")
        buttons = self.controls.pop("buttons")
        buttons.children = [*(one for one in buttons.children if one is not self.guess), self.pin]
        self.controls |= {"method": method, "buttons": buttons}
        # Below the picture: what is looked at and kept once runs are over.
        self.below = w.VBox(
            [
                self.overlay,
                self.listing,
                w.HBox([self.file, self.export, self.reload], layout=flow),
                w.HBox([self.sure, self.open], layout=flow),
                self.verdict,
            ]
        )
        self.below.add_class("lenet-below")

    # what the learner does --------------------------------------------------------------
    def start(self, seeds=None):
        """Train the levers as they stand with every seed."""
        base = self.book.baseline
        self._after_move()
        wanted = self.state.train_config
        if base and self.equal.value == "steps":
            steps = count_steps(self.dataset, base.train_config)[1]
            self.state.train_config = replace(wanted, steps=steps)
        try:
            return self.state.start(seeds or range(self.seeds.value))
        finally:
            self.state.train_config = wanted  # the number of steps was this run's alone

    @held_back()
    def pin_baseline(self, **levers):
        """Train with `levers` and make that run the baseline; returns a still of it."""
        self._run(levers)
        self.pin_last()
        return self.shown()

    @held_back()
    def compare(self, expect=None, equal="epochs", **levers):
        """Back to the baseline, change `levers`, train, compare; returns a still to show in a cell.

        expect: "better", "undecided" or "worse", the learner's prediction. equal: "epochs" or
        "steps", what both runs have as many of.
        """
        if expect not in (None, *OUTCOMES):
            names = ", ".join(OUTCOMES)
            raise ValueError(
                _("expect={value!r}: choose one of {names}, or None").format(value=expect, names=names)
            )
        if self.book.baseline is None:
            raise ValueError(_("compare: there is no baseline yet; call pin_baseline() first"))
        self.expect.value, self.equal.value = expect, equal
        base = self.book.baseline
        values = {
            name: getattr(config, name)
            for config in (base.model_config, base.train_config)
            for name in self.panel_of_levers.controls
            if hasattr(config, name)
        }
        self._run(values | levers)
        return self.shown()

    def _run(self, levers):
        before = len(self.book.entries)
        self.run(**levers)
        if len(self.book.entries) == before:
            raise ValueError(self.state.run.message or _("the run was stopped and is not in the book"))

    def shown(self):
        """The picture as it stands, for a cell to show; the sentence is printed."""
        print(self.sentence())
        return Still(bytes(self.image.value), self.sentence())

    def pin_last(self):
        """Make the last run the baseline."""
        self.book.pin(self._last().number)
        self._redraw_others()

    def reveal(self):
        """Open the sealed test set for the last run, once."""
        opened = self.book.reveal(self._last().number, self._sealed)
        self.open.disabled = True
        text = _(
            "Test set opened for run {number}: {mean:.2f} % ({seeds} seeds, {images:,} images). It stays in"
            " the table; there is no second look."
        )
        text = text.format(
            number=opened.number,
            mean=100 * np.mean(opened.accuracies),
            seeds=len(opened.accuracies),
            images=opened.images,
        )
        self.verdict.value = f'<p role="status" style="{CAPTION}">{html.escape(text)}</p>'
        return opened

    def save(self, path):
        """Write the book to `path`, and say so, and where another table that stood there was kept."""
        kept = self.book.save(path)
        saved = _("Saved: {n} runs in {path}.").format(n=len(self.book.entries), path=path)
        other = _("{path} held something else than this table; that was kept as {kept}.")
        text = sentences(saved, other.format(path=path, kept=kept) if kept else "")
        self.verdict.value = f'<p role="status" style="{CAPTION}">{html.escape(text)}</p>'

    def load(self, path):
        """Take over the book that was saved to `path`, its seal included. Refused while runs here are in no
        file.
        """
        unsaved = len(self.book.entries) - self.book.saved
        if unsaved:
            raise ValueError(
                _("unsaved runs ({n}) would be lost: save this table first, then load {path}").format(
                    n=unsaved, path=path
                )
            )
        self.book = Book.load(path)
        self.open.disabled = True
        self._redraw_others()

    def _last(self):
        if not self.book.entries:
            raise ValueError(_("there is no finished run yet: press Train first"))
        return self.book.entries[-1]

    # drawing --------------------------------------------------------------------------
    def _ended(self, run):
        self._show_failure(run)
        if (run.correct and run.status == "finished") or run.status == "diverged":
            self.book.add(run, self.expect.value, train=self.dataset.train)
        self._redraw_others()

    def _redraw_others(self):
        """Band, overlays, table: what changes between runs only."""
        words = {
            e.number: _("baseline") if e is self.book.baseline else in_words(self.book.changed(e))
            for e in self.book.entries
        }
        entries = {f"{number}: {text}"[:60]: number for number, text in words.items()}
        if tuple(entries.items()) != self.overlay.options:
            chosen = [n for n in self.overlay.value if n in entries.values()]
            self.overlay.options = tuple(entries.items())
            self.overlay.value = chosen
        chosen = {_("run {n}").format(n=n): self.book[n].histories for n in self.overlay.value}
        base = self.book.baseline
        with self._drawing:
            self.curves.across("step" if self.equal.value == "steps" else "epoch")
            self.curves.show_others(
                base.histories if base else None, {k: h for k, h in chosen.items() if h}, training=False
            )
            self.refresh()
        self.listing.value = self._listing()

    def _listing(self):
        table = self.book.table()
        if not len(table):
            return ""
        table[_("seconds")] = [f"{seconds:.1f}" for seconds in self.book.seconds().values()]
        style = "<style>.lenet-table td, .lenet-table th { padding: 2px 10px; text-align: right }</style>"
        return style + table.reset_index().to_html(border=0, classes="lenet-table", index=False)

    def draw(self):
        run = self.state.run
        over = run is not None and run.status == "finished" and len(run.histories) > 1
        self._draw(mean_history(run.histories) if over else self.state.history)

    def sentence(self):
        run = self.state.run
        entry = self.book.entries[-1] if self.book.entries else None
        if run is None or entry is None or run.models is not entry.models:
            return super().sentence()
        changed = self.book.changed(entry)
        scores = 100 * np.array(entry.accuracies)
        if entry.status == "diverged":
            return _("Diverged with {levers}: {reason}.").format(levers=in_words(changed), reason=run.message)
        spread = f" ± {scores.std(ddof=1):.2f}" if len(scores) > 1 else ""
        if entry is self.book.baseline:
            text = _(
                "Baseline: validation {mean:.2f}{spread} % ({seeds} seeds, mean ± s.d.; {images} images)."
            )
        else:
            text = _(
                "{levers}: validation {mean:.2f}{spread} % ({seeds} seeds, mean ± s.d.; {images} images)."
            )
        text = text.format(
            levers=in_words(changed),
            mean=scores.mean(),
            spread=spread,
            seeds=len(scores),
            images=entry.correct.shape[1],
        )
        return sentences(text, *self._comparison(entry, changed), self._lost())

    def _comparison(self, entry, changed):
        """Sentences: the difference from the baseline, the prediction beside it, a warning if two levers
        moved.
        """
        difference = self.book.difference(entry)
        if difference is None:
            return
        yield _("Against the baseline: {difference}.").format(difference=difference.in_words())
        if entry.expected:
            text = (
                _("You predicted: {said}. It came so.")
                if entry.expected == difference.verdict
                else _("You predicted: {said}. Measured: {came}.")
            )
            yield text.format(said=_(OUTCOMES[entry.expected]), came=_(OUTCOMES[difference.verdict]))
        moved = set(changed) - {"steps"}  # equal steps is how the two are compared, not a lever
        if len(moved) > 1:
            yield _("{n} levers moved at once: this says nothing about any one of them.").format(n=len(moved))


def mean_history(histories):
    """One list of records with the mean over seeds of every number, point by point."""

    def mean(records, name):
        values = [getattr(r, name) for r in records]
        return None if None in values else float(np.mean(values))

    return [
        EpochRecord(**{f.name: mean(records, f.name) for f in fields(EpochRecord)})
        for records in zip(*histories)
    ]
