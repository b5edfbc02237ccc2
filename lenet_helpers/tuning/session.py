"""Training that runs beside the notebook: one run at a time, Start, Stop, and no widget in sight.

`TrainingSession` is what a dashboard draws. It owns one thread, which takes the steps of
`train` one by one (eight by eight where they are short), so that Stop works at once however
large the network is.
"""

import atexit
import math
import threading
import time
import weakref
from dataclasses import dataclass, field, replace

import numpy as np

from ..models import LeNetConfig, fit_to, new_model
from ..summary import run_and_count
from ..train_config import QUICK, count_steps
from ..training import LIGHT, Interrupted, score_pieces, train
from ..wording import _

# points a run of few epochs adds to its curves after the first one; a longer run adds one an epoch at most
POINTS = 5
STRIDE = 8  # steps between two looks at the Stop button, where steps are short
FIRST_POINT = 2 * STRIDE  # steps to the first point, so that something moves at once
SAMPLE = 1000  # validation images, at most, behind each point but the last: 10,000 take as long as 100 steps

_sessions = weakref.WeakSet()


@dataclass
class Run:
    """One configuration trained with one or more seeds, and how that ended."""

    model_config: LeNetConfig
    train_config: object
    seeds: tuple
    histories: list = field(default_factory=list)  # one list of records a seed begun
    correct: list = field(default_factory=list)  # one bool array (validation images,) a seed finished
    status: str = "running"  # then "finished", "stopped", "diverged" or "failed"
    message: str = ""
    seconds: float = 0.0
    models: list = field(default_factory=list)  # the networks begun, one a seed
    done: int = 0  # steps taken
    total: int = 0  # steps planned, all seeds together
    prediction: float | None = None  # what the learner expected, a validation accuracy

    @property
    def accuracies(self):
        """Validation accuracy of every seed finished, as fractions."""
        return [float(c.mean()) for c in self.correct]

    @property
    def model(self):
        """The network trained last; None before any."""
        return self.models[-1] if self.models else None

    @property
    def remaining(self):
        """Seconds left at the pace so far; None before the first step."""
        return self.seconds / self.done * (self.total - self.done) if self.done else None


class TrainingSession:
    """One training run at a time on `dataset`, in a thread of its own.

    `model_config` and `train_config` are what the *next* run will use: changing them
    while a run is on does not touch that run. `listener`, if given, is called without
    arguments whenever there is something new to draw, mostly from the training thread.
    """

    def __init__(self, dataset, model_config=LeNetConfig(), train_config=QUICK, listener=None):
        self.dataset = dataset
        self.model_config, self.train_config = fit_to(dataset, model_config), train_config
        self.listener = listener or (lambda: None)
        self.run = None
        self._thread = None
        self._stop = threading.Event()
        self._over = threading.Event()  # the thread has done its last: Thread.join misleads once interrupted
        self._lock = threading.Lock()
        self._told = 0.0  # when the listener was last called
        validation = dataset.validation
        # What points within a run are scored on: the same share of every class, also where the
        # images are sorted by class.
        self.sample = validation and validation[:: math.ceil(len(validation) / SAMPLE)]
        _sessions.add(self)

    @property
    def running(self):
        """Whether a run is on."""
        return self.run is not None and self.run.status == "running"

    @property
    def history(self):
        """The last run's records, of the seed trained last (an empty list before any)."""
        return self.run.histories[-1] if self.run and self.run.histories else []

    def start(self, seeds=None, prediction=None):
        """Begin a run with each of `seeds` in turn; False, and nothing else, while one is on.

        A configuration that cannot be built is no exception here: the run is over at
        once, its status "failed" and its message the reason.
        """
        with self._lock:
            if self.running:
                return False
            self.join()
            seeds = tuple(seeds) if seeds is not None else (self.train_config.seed,)
            self.run = run = Run(self.model_config, self.train_config, seeds, prediction=prediction)
            self._stop.clear()
            self._over.clear()
            try:
                models = [new_model(run.model_config, seed) for seed in seeds]
                run.total = len(seeds) * count_steps(self.dataset, run.train_config)[1]
            except Exception as error:
                run.status, run.message = "failed", str(error)
                models = []
        try:
            # Before there is a thread: a run can be over at once, and only one may draw, or add it to a book.
            self.listener()
        finally:
            if models:
                self._thread = threading.Thread(
                    target=self._work, args=(run, models), daemon=True, name="lenet-training"
                )
                self._thread.start()
        return True

    def stop(self):
        """Ask the run to stop after the step it is in; returns at once."""
        self._stop.set()

    def join(self, timeout=None):
        """Wait until the thread has ended; True if it has. Interrupted, stop the run: `Interrupted`."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        try:
            self._over.wait(timeout)
            if self._over.is_set():
                thread.join()
            return self._over.is_set()
        except KeyboardInterrupt:
            raise self.interrupted() from None

    def interrupted(self):
        """Stop the run, and wait until it has; returns the `Interrupted` that says where it was stopped."""
        self.close()
        if self.run is None:
            return Interrupted(_("Stopped."))
        message = _("Stopped at step {step} of {total}; run the cell again.")
        return Interrupted(message.format(step=self.run.done, total=self.run.total))

    def close(self):
        """Stop, and wait until no thread is left."""
        self.stop()
        return self.join(5)

    def _work(self, run, models):
        clock = time.perf_counter()
        try:
            for model, seed in zip(models, run.seeds):
                run.models.append(model)
                self._train_one(run, model, replace(run.train_config, seed=seed), clock)
                if self._stop.is_set():
                    break
            status, message = ("stopped" if self._stop.is_set() else "finished"), ""
        except ArithmeticError as error:
            status, message = "diverged", str(error)
        except Exception as error:  # shown in the widget: a thread's traceback is seen by nobody
            status, message = "failed", f"{type(error).__name__}: {error}"
        run.seconds = time.perf_counter() - clock
        run.message, run.status = message, status
        try:
            self._tell()
        finally:
            self._over.set()

    def _train_one(self, run, model, config, clock):
        """Train one seed, a few steps at a time, and add a point to its history now and then."""
        per_epoch, steps = count_steps(self.dataset, config)
        stride = STRIDE if work_of_a_step(model, self.dataset, config) < LIGHT else 1
        # An epoch of few images is no reason to score many: a point may cost what the steps before it cost.
        seldom = max(per_epoch, len(self.sample or ()) / config.batch_size)
        every = stride * math.ceil(min(steps / POINTS, seldom) / stride)
        history, since, correct, before = [], [], None, run.done
        run.histories.append(history)
        # Validation is scored here, in pieces: inside `train` it could outlast Stop's 0.3 s.
        unvalidated = replace(self.dataset, validation=None)
        records = train(model, unvalidated, replace(config, record_every=stride))
        try:
            for record in records:
                since.append(record)
                run.done, run.seconds = before + record.step, time.perf_counter() - clock
                if self._stop.is_set():
                    return
                if record.step == steps or record.step % every == 0 or record.step == min(FIRST_POINT, every):
                    scored = self.dataset.validation if record.step == steps else self.sample
                    correct = self._add_point(history, since, model, scored)
                    since = []
                self._tell(each_step=True)
            if correct is not None and not self._stop.is_set():
                run.correct.append(correct)
        finally:
            records.close()

    def _add_point(self, history, since, model, validation):
        """Append what `since`, records of few steps, amounts to; returns which images are right."""
        loss, accuracy, correct = None, None, None
        if validation is not None:
            score = score_images(model, validation, self._stop.is_set)
            if score is None:
                return None
            loss, correct = score
            accuracy = float(correct.mean())
        history.append(
            replace(since[-1], validation_loss=loss, validation_accuracy=accuracy, **means_of(since))
        )
        self._tell()
        return correct

    def _tell(self, each_step=False):
        """Call the listener; about steps at most five times a second: a browser lays the whole page out anew
        each time.
        """
        now = time.perf_counter()
        if not each_step or now - self._told > 0.2:
            self._told = now
            self.listener()


def means_of(records):
    """Training loss, accuracy, speed and number of images over several records: means over the images."""
    n = np.array([r.images for r in records])
    return {
        "train_loss": float(np.dot(n, [r.train_loss for r in records]) / n.sum()),
        "train_accuracy": float(np.dot(n, [r.train_accuracy for r in records]) / n.sum()),
        "images_per_second": float(n.sum() / np.sum(n / [r.images_per_second for r in records])),
        "images": int(n.sum()),
    }


def work_of_a_step(model, dataset, config):
    """Multiply-adds of one step's forward pass."""
    return config.batch_size * run_and_count(model, dataset.train.images[:1])[1]


def score_images(model, split, stopped=lambda: False):
    """Mean loss [nats/image] and which images are right, bool (n,); None when `stopped()` turns true."""
    total, right = 0.0, []
    for loss, correct in score_pieces(model, split):
        if stopped():
            return None
        total += loss
        right.append(correct.numpy())
    return total / len(split), np.concatenate(right)


@atexit.register
def _close_all():
    """A thread inside torch while the interpreter goes down can crash it: end them first."""
    for session in list(_sessions):
        session.close()
