"""How far a plain cell has come: its steps and the time left, while it goes on."""

import html
import threading
import time
from types import SimpleNamespace

import ipywidgets as w
from IPython import get_ipython
from IPython.display import display

from ..figures.canvas import STORED
from ..state import TrainingState
from ..train_config import TrainConfig, count_steps
from ..training import train
from ..wording import _
from .kit.still import live_output
from .kit.style import style_sheet

REDRAW = 0.3  # seconds between two looks


def train_with_progress(model, dataset, config=TrainConfig(), *, state=None):
    """`train`, with a bar below the cell that shows its steps and the time left; the same records.

    Whoever stops taking records stops the bar too.
    """
    state = state or TrainingState(model, config)
    records = train(model, dataset, config, state=state)
    return _followed(records, Progress(state, count_steps(dataset, config)[1]))


def with_progress(parts):
    """What `parts`, which has a length, yields, with the same bar: for a loop written out in a cell."""
    count = SimpleNamespace(step=0)

    def counted():
        for part in parts:
            yield part
            count.step += 1

    return _followed(counted(), Progress(count, len(parts)))


def _followed(records, progress):
    display(progress)
    with progress:
        yield from records


class Progress:
    """A bar for a run of `total` steps, read from `state.step` by a thread of its own.

    It ends with the cell even where nobody closes it: after an error, the traceback keeps the loop alive.
    """

    def __init__(self, state, total):
        self.state, self.total = state, total
        self.bar = w.IntProgress(value=state.step, min=0, max=total, layout=w.Layout(width="20em"))
        self.words = w.HTML(html.escape(_("starting")))
        self.widget = w.HBox([style_sheet(), self.bar, self.words])
        self.widget.add_class("lenet-progress")
        self._over = threading.Event()

    def __enter__(self):
        self._first, self._started = self.state.step, time.monotonic()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()
        if shell := get_ipython():
            shell.events.register("post_run_cell", self._end)

    def __exit__(self, *_how):
        if shell := get_ipython():
            shell.events.unregister("post_run_cell", self._end)
        self._end()

    def _end(self, *_result):
        self._over.set()
        self._thread.join()
        self._look()

    def _follow(self):
        while not self._over.wait(REDRAW):
            self._look()

    def _look(self):
        done, seconds = self.state.step, time.monotonic() - self._started
        self.bar.value = done
        if self._over.is_set():
            said = _("{seconds:.1f} s").format(seconds=seconds)
        elif done > self._first:
            left = seconds / (done - self._first) * (self.total - done)
            said = _("step {done} of {total}, {left:.1f} s left").format(
                done=done, total=self.total, left=left
            )
        else:
            said = _("starting")
        self.words.value = html.escape(said)

    def __repr__(self):
        return _("{total:,} steps").format(total=self.total)

    def _repr_mimebundle_(self, **kwargs):
        # Opened again without its kernel a notebook shows the words; a chapter stores nothing of a bar.
        said = {"text/html": f"<p>{self!r}</p>", "text/plain": repr(self)}
        return live_output(self.widget, **kwargs) | said | {STORED: {}}
