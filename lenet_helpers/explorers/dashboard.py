"""A panel of levers, Train, Stop, and curves that grow while the network learns."""

import html
import threading
import time

import ipywidgets as w

from ..figures.canvas import png
from ..models import LeNetConfig, new_model
from ..summary import count_parameters, layer_table
from ..train_config import count_steps, quick_recipe
from ..tuning.session import TrainingSession
from ..wording import _
from .kit.base import CAPTION, Explorer
from .kit.lever_panel import LeverPanel
from .kit.live_curves import LiveCurves

REDRAW = 0.7  # seconds between two pictures while training: each costs some fifteen steps


class TrainingDashboard(Explorer):
    """Set levers, press Train, watch; `.state` is the `TrainingSession` behind it.

    Opens on the quick recipe (half an epoch of it where there are many images). Moving a lever during a
    run is for the next run. Times are
    shown live only, never in the still picture.
    """

    name = "dashboard"

    def __init__(self, dataset, model_config=LeNetConfig(), train_config=None):
        self.dataset = dataset
        # The training thread draws, and so does who chooses an overlay meanwhile; the figure is one.
        self._drawing = threading.RLock()
        self._drawn, self._points = 0.0, 0  # when, and with how many points, the last picture was made
        super().__init__(TrainingSession(dataset, model_config, train_config or quick_recipe(dataset)))
        self.state.listener = self._from_session
        self._after_move()

    # making ---------------------------------------------------------------------------
    def build(self):
        self.curves = LiveCurves()
        self.figure = self.curves.figure
        self.panel_of_levers = LeverPanel(
            self.state.model_config,
            self.state.train_config,
            most={"batch_size": len(self.dataset.train)},
            on_change=lambda: self._tried(self._after_move),
        )
        self.train = self._button("train", _("Train"), "play", self.start)
        self.stop = self._button("stop", _("Stop"), "stop", self.state.stop)
        self.stop.disabled = True
        self.bar = w.FloatProgress(
            value=0.0, min=0.0, max=1.0, description=_("progress"), layout=w.Layout(width="20em")
        )
        self.bar.add_class("lenet-dashboard-progress")
        self.left = w.HTML()
        self.cost = w.HTML()
        self.guess = w.FloatSlider(
            value=90,
            min=10,
            max=100,
            step=0.5,
            readout_format=".1f",
            layout=w.Layout(width="34em", max_width="100%"),
            description=_("I expect a validation accuracy of [%]"),
            style={"description_width": "19em"},
        )
        self.guess.add_class("lenet-dashboard-guess")
        self.guess.observe(lambda _change: setattr(self, "guessed", True), "value")
        self.guessed = False
        self.controls = {
            "levers": self.panel_of_levers.widget,
            "cost": self.cost,
            "guess": self.guess,
            "buttons": w.HBox(
                [self.train, self.stop, self.bar, self.left], layout=w.Layout(flex_flow="row wrap")
            ),
        }

    def _button(self, name, description, icon, action):
        button = w.Button(description=description, icon=icon, layout=w.Layout(width="auto", min_width="7em"))
        button.add_class(f"lenet-{self.name}-{name}")
        button.on_click(lambda _button: self._tried(action))
        return button

    # what the learner does --------------------------------------------------------------
    def start(self, seeds=None):
        """Train with the levers as they stand; False, and nothing happens, while a run is on."""
        self._after_move()
        return self.state.start(seeds, self.guess.value / 100 if self.guessed else None)

    def run(self, seeds=None, **levers):
        """Set `levers`, train, wait until it is done, and return the records: for code cells."""
        self.state.join()
        if levers:
            self.panel_of_levers.set(**levers)
        while not self.start(seeds):  # another one has begun meanwhile
            self.state.join()
        self.state.join()
        if self.state.run.status in ("failed", "diverged"):
            print(self.state.run.message)
        return self.state.history

    def close(self):
        """Stop training, wait for the thread, and take the widget down."""
        self.state.close()
        self.widget.close()

    def _after_move(self):
        """Levers moved: what the next run will be, and what it will cost."""
        self.state.model_config = self.panel_of_levers.apply(self.state.model_config)
        self.state.train_config = self.panel_of_levers.apply(self.state.train_config)
        model = new_model(self.state.model_config, 0)
        text = _("Next run: {parameters:,} parameters, {work:,} multiply-adds an image, {steps:,} steps")
        work = sum(row.multiply_adds for row in layer_table(model))
        text = text.format(
            parameters=count_parameters(model),
            work=work,
            steps=count_steps(self.dataset, self.state.train_config)[1],
        )
        self.cost.value = _paragraph(text + self._estimate(work))

    def _estimate(self, work):
        """How long the next run will take, from the pace of the last one; nothing before that."""
        run = self.state.run
        if run is None or not run.done:
            return "."
        before = sum(row.multiply_adds for row in layer_table(run.models[0])) * run.train_config.batch_size
        config = self.state.train_config
        pace = run.seconds / run.done * max(0.3, work * config.batch_size / before)
        return _(", about {seconds:.0f} s here.").format(
            seconds=max(1, pace * count_steps(self.dataset, config)[1])
        )

    def _tried(self, action):
        """Run a callback; what it raises stands in the widget."""
        try:
            self.error.value = ""
            action()
        except Exception as problem:
            self._show_error(str(problem) or type(problem).__name__)

    # drawing, also from the training thread, which sets traits of widgets and nothing else ---
    def _from_session(self):
        run, running = self.state.run, self.state.running
        # Train is disabled exactly while a run is on, Stop otherwise.
        self.train.disabled, self.stop.disabled = running, not running
        self.bar.value = run.done / run.total if run.total else 0.0
        self.left.value = self._time_left(run)
        points = len(self.state.history)
        if not running or (points != self._points and time.monotonic() - self._drawn > REDRAW):
            self.refresh()
            self._drawn, self._points = time.monotonic(), points
        if not running:
            self._ended(run)

    def _ended(self, run):
        """The last thing a run does."""
        if run.status in ("failed", "diverged"):
            self._show_error(run.message)

    def _time_left(self, run):
        if not self.state.running:
            return _paragraph(_("{seconds:.1f} s").format(seconds=run.seconds))
        if run.remaining is None:
            return _paragraph(_("starting"))
        return _paragraph(
            _("step {done} of {total}, {left:.1f} s left").format(
                done=run.done, total=run.total, left=run.remaining
            )
        )

    def draw(self):
        self.curves.show_run(self.state.history)

    def refresh(self):
        with self._drawing:
            self.draw()
            self.image.value = png(self.figure)
        self.image.tooltip = self.labels.text = self.sentence()
        self.caption.value = f'<p role="status" style="{CAPTION}">{html.escape(self.sentence())}</p>'

    def sentence(self):
        """The last run in words, without its times."""
        run = self.state.run
        if run is None:
            return _("No run yet: say what you expect, then press Train.")
        if run.status == "failed":
            return _("This network was not trained: {reason}").format(reason=run.message)
        if not self.state.history:
            return (
                _("The run has just begun.")
                if run.status == "running"
                else _("Stopped before the first point of the curves.")
            )
        return " ".join(part for part in (self._result(run), self._contrast(run)) if part)

    def _result(self, run):
        last = self.state.history[-1]
        how = {
            "running": _("Running"),
            "finished": _("Finished"),
            "stopped": _("Stopped"),
            "diverged": _("Diverged"),
        }[run.status]
        if last.validation_accuracy is None:
            return _(
                "{how} at epoch {epochs:.2g}: training accuracy {train:.1f} %; no validation split."
            ).format(how=how, epochs=last.epoch, train=100 * last.train_accuracy)
        whole, sample = len(self.dataset.validation), len(self.state.sample)
        n = whole if last.step == count_steps(self.dataset, run.train_config)[1] else sample
        error = (last.validation_accuracy * (1 - last.validation_accuracy) / n) ** 0.5
        text = _(
            "{how} at epoch {epochs:.2g}: training accuracy {train:.1f} %, validation {val:.1f} % (±"
            " {error:.1f} from the {n:,} images alone)."
        )
        text = text.format(
            how=how,
            epochs=last.epoch,
            train=100 * last.train_accuracy,
            val=100 * last.validation_accuracy,
            error=100 * error,
            n=n,
        )
        if sample == whole:
            return text
        return (
            text
            + " "
            + _(
                "Each seed's last point is measured on all {whole:,} validation images, those before it on"
                " {sample:,}."
            ).format(whole=whole, sample=sample)
        )

    def _contrast(self, run):
        """What was expected against what came, once the run is over."""
        if run.prediction is None or run.status != "finished" or not run.accuracies:
            return ""
        gap = 100 * (run.accuracies[-1] - run.prediction)
        return _("You expected {guess:.1f} %: {gap:+.1f} points.").format(guess=100 * run.prediction, gap=gap)


def _paragraph(text):
    return f'<span style="{CAPTION}">{html.escape(text)}</span>'
