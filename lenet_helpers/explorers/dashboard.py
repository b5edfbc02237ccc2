"""A panel of levers, Train, Stop, and curves that grow while the network learns."""

import html
import math
import threading
import time

import ipywidgets as w

from ..figures.canvas import png
from ..models import LeNetConfig, new_model
from ..summary import count_parameters, layer_table
from ..train_config import count_steps
from ..tuning.interrupts import at_once, held_back
from ..tuning.recipes import quick_recipe
from ..tuning.session import TrainingSession
from ..wording import N_, _, sentences
from .kit.base import CAPTION, Explorer
from .kit.lever_panel import LeverPanel
from .kit.live_curves import LiveCurves, left_the_picture

REDRAW = 0.7  # seconds between two pictures while training: each costs some fifteen steps
SHARE = 10  # and no more than one part in so many of the time, where a picture takes longer than usual
LONGEST = 5.0  # seconds, at most, that the curves stand still: the machine may have slept while it drew


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
        self.possible = True
        self.seen = False  # whether it was ever put on a page: else pictures while training are for nobody
        self._points, self._next = 0, 0.0  # how many points the last picture has, and when another is due
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
            value=0.0, min=0.0, max=1.0, description=_("progress"), layout=w.Layout(width="16em")
        )
        self.bar.add_class("lenet-dashboard-progress")
        self.left = w.HTML()
        self.cost = w.HTML()
        # Asked, not filled in: a number that stands there already is nobody's prediction.
        self.guess = w.Text(
            value="",
            placeholder=_("for example 90"),
            description=_("I expect a validation accuracy of [%]"),
            style={"description_width": "initial"},
        )
        self.guess.add_class("lenet-dashboard-guess")
        self.guess.add_class("lenet-control")
        go = w.HBox([self.guess, self.train, self.stop, self.bar, self.left])
        go.add_class("lenet-go")
        self.controls = {"levers": self.panel_of_levers.widget, "cost": self.cost, "buttons": go}

    def arrange(self, controls):
        return w.VBox(list(controls.values()))

    def _button(self, name, description, icon, action):
        button = w.Button(description=description, icon=icon, layout=w.Layout(width="auto", min_width="7em"))
        button.add_class(f"lenet-{self.name}-{name}")
        button.on_click(lambda _button: self._pressed(action))
        return button

    # what the learner does --------------------------------------------------------------
    def start(self, seeds=None):
        """Train with the levers as they stand; False, and nothing happens, while a run is on."""
        self._after_move()
        return self.state.start(seeds, self.prediction_made())

    def prediction_made(self):
        """The validation accuracy that the learner expects, a fraction; None where nothing was typed."""
        typed = self.guess.value.strip().removesuffix("%").replace(",", ".")
        if not typed:
            return None
        try:
            percent = float(typed)
        except ValueError:
            percent = math.nan
        if not 0 <= percent <= 100:
            message = _("your prediction {typed!r}: give a number from 0 to 100, or leave it empty")
            raise ValueError(message.format(typed=self.guess.value))
        return percent / 100

    @held_back()  # an interrupt between Start and the wait would leave the thread at work
    def run(self, seeds=None, **levers):
        """Set `levers`, train, wait until it is done, and return the records: for code cells."""
        try:
            at_once(self.state.join)
            if levers:
                self.panel_of_levers.set(**levers)
            while not self.start(seeds):  # another one has begun meanwhile
                at_once(self.state.join)
            at_once(self.state.join)
        except KeyboardInterrupt:
            raise self.state.interrupted() from None
        if self.state.run.status in ("failed", "diverged"):
            print(self.state.run.message)
        return self.state.history

    def close(self):
        """Stop training, wait for the thread, and take the widget down."""
        self.state.close()
        self.widget.close()

    def _after_move(self):
        """Levers moved: what the next run will be, and what it will cost."""
        possible = False
        try:
            self._plan()
            possible = True
        finally:  # only now: Train disabled for a moment would lose a press that follows at once
            self._set_possible(possible)

    def _plan(self):
        """Take over the levers as they stand; raises ValueError where they give no network."""
        model_config = self.panel_of_levers.apply(self.state.model_config)
        train_config = self.panel_of_levers.apply(self.state.train_config)
        model = new_model(model_config, 0)
        work = sum(row.multiply_adds for row in layer_table(model))
        steps = count_steps(self.dataset, train_config)[1]
        self.state.model_config, self.state.train_config = model_config, train_config
        text = _("Next run: {parameters:,} parameters, {work:,} multiply-adds an image, {steps:,} steps.")
        text = text.format(parameters=count_parameters(model), work=work, steps=steps)
        self.cost.value = _paragraph(sentences(text, self._estimate(work)))

    def _set_possible(self, possible):
        """Whether the levers as they stand give a network: else Train waits, and what is drawn is greyed."""
        self.possible = possible
        self.train.disabled = self.state.running or not possible
        for shown in (self.cost, self.image):
            (shown.remove_class if possible else shown.add_class)("lenet-stale")

    def _estimate(self, work):
        """How long the next run will take, from the pace of the last one; nothing before that."""
        run = self.state.run
        if run is None or not run.done:
            return ""
        before = sum(row.multiply_adds for row in layer_table(run.models[0])) * run.train_config.batch_size
        config = self.state.train_config
        pace = run.seconds / run.done * max(0.3, work * config.batch_size / before)
        return _("It takes about {seconds:.0f} s here.").format(
            seconds=max(1, pace * count_steps(self.dataset, config)[1])
        )

    def _pressed(self, action):
        """A button's own callback: whoever presses it has it on a page, in a box of their own perhaps."""
        self.seen = True
        self._tried(action)

    def _tried(self, action):
        """Run a callback; what it raises stands in the widget."""
        try:
            self.error.value = ""
            action()
        except OSError as problem:
            self._show_error(_("That file cannot be used: {problem}").format(problem=problem))
        except Exception as problem:
            self._show_error(str(problem) or type(problem).__name__)

    # drawing, also from the training thread, which sets traits of widgets and nothing else ---
    def _from_session(self):
        run, running = self.state.run, self.state.running
        # Train is disabled exactly while a run is on, Stop otherwise.
        self.train.disabled, self.stop.disabled = running or not self.possible, not running
        self.bar.value = run.done / run.total if run.total else 0.0
        self.left.value = self._time_left(run)
        points, began = len(self.state.history), time.monotonic()
        if not running:
            self._ended(run)
        elif self.seen and points != self._points and began > self._next:
            self.refresh()
            ended = time.monotonic()
            self._next = ended + min(max(REDRAW, SHARE * (ended - began)), LONGEST)
            self._points = points

    def _ended(self, run):
        """The last thing a run does."""
        self.refresh()
        self._show_failure(run)

    def _show_failure(self, run):
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
        self._draw(self.state.history)

    def _draw(self, history):
        """`history` on axes that show the whole run from its start."""
        run, per_epoch = self.state.run, 1
        one, steps = count_steps(self.dataset, run.train_config if run else self.state.train_config)
        if self.curves.x == "epoch":
            per_epoch = one
        status, lost_at = run.status if run else "", None
        if status == "diverged":
            lost_at = (run.done - len(run.correct) * steps) / per_epoch
        self.curves.show_run(history, steps / per_epoch, running=status == "running", lost_at=lost_at)

    def refresh(self):
        with self._drawing:
            self.draw()
            self.image.value = png(self.figure, compression=1)
        if self.possible:
            self.image.remove_class("lenet-stale")
        self.image.tooltip = self.labels.text = self.sentence()
        self.caption.value = f'<p role="status" style="{CAPTION}">{html.escape(self.sentence())}</p>'

    def _repr_mimebundle_(self, **kwargs):
        self.seen = True
        return super()._repr_mimebundle_(**kwargs)

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
        return sentences(self._how(run), *self._result(run), self._lost(), self._contrast(run))

    def _how(self, run):
        """How the run ended, and where."""
        said = {
            "running": N_("Running, at epoch {epochs:.2g}."),
            "finished": N_("Finished at epoch {epochs:.2g}."),
            "stopped": N_("Stopped at epoch {epochs:.2g}, before its end."),
            "diverged": N_("Diverged after epoch {epochs:.2g}."),
        }
        # Stop, pressed when the last step was taken, stopped nothing.
        status = "finished" if run.status == "stopped" and run.done == run.total else run.status
        return _(said[status]).format(epochs=self.state.history[-1].epoch)

    def _result(self, run):
        """Sentences: the accuracies, what they were measured on, whether they are guessing."""
        last = self.state.history[-1]
        train, accuracy = 100 * last.train_accuracy, last.validation_accuracy
        if accuracy is None:
            yield _("Training accuracy {train:.1f} %; there is no validation split.").format(train=train)
            return
        whole, sample = len(self.dataset.validation), len(self.state.sample)
        n = whole if last.step == count_steps(self.dataset, run.train_config)[1] else sample
        text = _(
            "Training accuracy {train:.1f} %, validation {val:.1f} % (± {error:.1f} from the {n:,} images"
            " alone)."
        )
        error = (accuracy * (1 - accuracy) / n) ** 0.5
        yield text.format(train=train, val=100 * accuracy, error=100 * error, n=n)
        chance = 1 / len(self.dataset.class_names)
        if run.status != "running" and accuracy < chance + 2 * (chance * (1 - chance) / n) ** 0.5:
            yield _("That is guessing: {chance:.0f} % come right by chance.").format(chance=100 * chance)
        if sample != whole:
            text = _(
                "Each seed's last point is measured on all {whole:,} validation images, those before it on"
                " {sample:,}."
            )
            yield text.format(whole=whole, sample=sample)

    def _lost(self):
        """What the marks at the upper edge mean, where there are any."""
        if not any(left_the_picture(record) for record in self.state.history):
            return ""
        return _("The loss left the picture (▲ at its edge): the learning rate is too high.")

    def _contrast(self, run):
        """What was expected against what came, once the run is over."""
        if run.prediction is None or not run.accuracies or run.status == "running":
            return ""
        gap = 100 * (run.accuracies[-1] - run.prediction)
        return _("You expected {guess:.1f} %: {gap:+.1f} points.").format(guess=100 * run.prediction, gap=gap)


def _paragraph(text):
    return f'<span style="{CAPTION}">{html.escape(text)}</span>'
