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
import torch

from ..models import LeNetConfig, fit_to, new_model
from ..modes import evaluation_mode
from ..summary import layer_table
from ..train_config import make_optimizer
from ..training import QUICK, count_steps, train

# points a run of few epochs adds to its curves after the first one; a longer run adds one an epoch
POINTS = 5
STRIDE = 8  # steps between two looks at the Stop button, where steps are short
FIRST_POINT = 2 * STRIDE  # steps to the first point, so that something moves at once
LIGHT = 20e6  # multiply-adds a step under which they are: LeNet with batch 32 has 9 million
SAMPLE = 1000  # validation images, at most, behind each point but the last: 10,000 take as long as 100 steps
PIECE = 500  # validation images scored between two looks at the Stop button; more leave the cache, slower

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
        self._lock = threading.Lock()
        self._workers = torch.get_num_threads()
        validation = dataset.validation
        # What points within a run are scored on: the same share of every class, also where the
        # images are sorted by class.
        self.sample = validation and validation[:: math.ceil(len(validation) / SAMPLE)]
        _sessions.add(self)
        # A process's first optimizer imports seconds' worth of torch: now, rather than after the click.
        make_optimizer(new_model(LeNetConfig(), 0), train_config)

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
        """Wait until the thread has ended; True if it has."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
            return not thread.is_alive()
        return True

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
        self._tell()

    def _train_one(self, run, model, config, clock):
        """Train one seed, a few steps at a time, and add a point to its history now and then."""
        per_epoch, steps = count_steps(self.dataset, config)
        light = work_of_a_step(model, self.dataset, config) < LIGHT
        stride = STRIDE if light else 1
        # A second thread's workers get in the way of the first one's: short steps are twice as fast without.
        torch.set_num_threads(1 if light else self._workers)
        every = stride * math.ceil(min(steps / POINTS, per_epoch) / stride)
        history, since, correct, before = [], [], None, run.done
        sizes = [len(i) for i in torch.arange(len(self.dataset.train)).split(config.batch_size)]
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
                    correct = self._add_point(history, since, sizes, model, scored)
                    since = []
                self._tell(each_step=True)
            if correct is not None and not self._stop.is_set():
                run.correct.append(correct)
        finally:
            records.close()

    def _add_point(self, history, since, sizes, model, validation):
        """Append what `since`, records of few steps, amounts to, with its score on `validation`; returns
        which images are right.
        """
        loss, accuracy, correct = None, None, None
        first = history[-1].step if history else 0
        if validation is not None:
            score = score_images(model, validation, self._stop.is_set)
            if score is None:
                return None
            loss, correct = score
            accuracy = float(correct.mean())
        history.append(
            replace(
                since[-1], validation_loss=loss, validation_accuracy=accuracy, **means_of(since, sizes, first)
            )
        )
        self._tell()
        return correct

    def _tell(self, each_step=False):
        """Call the listener; about steps at most five times a second: a browser lays the whole page out
        anew each time.
        """
        now = time.perf_counter()
        if not each_step or now - getattr(self, "_told", 0) > 0.2:
            self._told = now
            self.listener()


def means_of(records, sizes, first):
    """Training loss, accuracy and speed over records from step `first` + 1 on; `sizes`: images in each step
    of an epoch.
    """
    ends = [first, *(r.step for r in records)]
    n = np.array([sum(sizes[step % len(sizes)] for step in range(*pair)) for pair in zip(ends, ends[1:])])
    return {
        "train_loss": float(np.dot(n, [r.train_loss for r in records]) / n.sum()),
        "train_accuracy": float(np.dot(n, [r.train_accuracy for r in records]) / n.sum()),
        "images_per_second": float(n.sum() / np.sum(n / [r.images_per_second for r in records])),
    }


def work_of_a_step(model, dataset, config):
    """Multiply-adds of one step's forward pass."""
    return config.batch_size * sum(
        row.multiply_adds for row in layer_table(model, tuple(dataset.train.images.shape[1:]))
    )


def score_images(model, split, stopped=lambda: False):
    """Mean loss [nats/image] and which images are right, bool (n,); None when `stopped()` turns true."""
    loss, right = 0.0, []
    with evaluation_mode(model), torch.inference_mode():
        for start in range(0, len(split), PIECE):
            if stopped():
                return None
            piece = split[start : start + PIECE]
            logits = model(piece.images)
            loss += torch.nn.functional.cross_entropy(logits, piece.labels, reduction="sum").item()
            right.append((logits.argmax(1) == piece.labels).numpy())
    return loss / len(split), np.concatenate(right)


@atexit.register
def _close_all():
    """A thread inside torch while the interpreter goes down can crash it: end them first."""
    for session in list(_sessions):
        session.close()
