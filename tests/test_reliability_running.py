"""While something runs: interrupts at random instants, sliders, no memory, a dead kernel, a long day."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from jupyter_client.manager import start_new_kernel
from nbformat.v4 import new_code_cell, new_notebook
from reliability import observed

from lenet_helpers import LeNet, TrainConfig, load_dataset, train
from lenet_helpers import training as training_module
from lenet_helpers.explorers import TrainingDashboard, TuningLab
from lenet_helpers.models import LeNetConfig, new_model
from lenet_helpers.training import QUICK, Interrupted, TrainingState

ROOT = Path(__file__).parents[1]
posix = pytest.mark.skipif(os.name == "nt", reason="needs signals and limits of POSIX")
STOPPED = re.compile(r"Stopped(\.| at step (\d+) of \d+; run the cell again\.)")
SHORT = replace(QUICK, epochs=0.2)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("mnist-5k", n_train=600, validation=200)


# Interrupts at random instants ------------------------------------------------------------


class Cell:
    """`for record in train(...)` in a cell."""

    def __init__(self, digits):
        self.digits = digits

    def begin(self):
        self.state = None
        self.model, self.records = new_model(LeNetConfig(), 0), []
        config = replace(QUICK, epochs=500, record_every=3)
        self.state = TrainingState(self.model, config)
        for record in train(self.model, self.digits, config, state=self.state):
            self.records.append(record)

    def check(self, step):
        if self.state is None:  # struck before there was one
            return
        assert step in (None, self.state.step)
        assert [record.step for record in self.records] == [3 * n for n in range(1, 1 + len(self.records))]
        assert self.state.step - 3 <= 3 * len(self.records) <= self.state.step
        assert all(torch.isfinite(p).all() for p in self.model.parameters())

    def may_be_told_nothing(self):
        return True  # struck before the first step, or in the cell's own lines

    def again(self):
        records = list(train(new_model(LeNetConfig(), 0), self.digits, SHORT))
        assert records[-1].step == 4


class Dashboard:
    """`dashboard.run()`."""

    kind = TrainingDashboard

    def __init__(self, digits):
        self.made = self.kind(digits, train_config=SHORT)
        self.before = None

    def begin(self):
        self.made.run(epochs=500)

    def may_be_told_nothing(self):
        return self.made.state.run is self.before  # struck before anything had begun

    def check(self, step):
        run = self.made.state.run
        assert not self.made.state.running and (run is None or step in (None, run.done))
        steps = [record.step for record in self.made.state.history]
        assert steps == sorted(set(steps)) and (not steps or steps[-1] <= run.done)
        assert not self.made.train.disabled
        self.before = run

    def again(self):
        assert self.made.run(epochs=0.2)[-1].step == 4
        assert self.made.state.run.status == "finished"


class Lab(Dashboard):
    """`lab.compare()`."""

    kind = TuningLab

    def __init__(self, digits):
        super().__init__(digits)
        self.made.seeds.value = 1
        self.made.pin_baseline(epochs=0.2)
        self.before = self.made.state.run

    def begin(self):
        entries = len(self.made.book.entries)
        try:
            self.made.compare(width=2.0, epochs=500)
        finally:
            assert len(self.made.book.entries) == entries, "a run that was stopped is in no book"

    def again(self):
        self.made.compare(epochs=0.3)
        assert self.made.book.entries[-1].histories[0][-1].step == 6


INTERRUPTED = {
    "train in a cell": Cell,
    "dashboard.run": Dashboard,
    "lab.compare": Lab,
}


def press_after(seconds):
    """Ctrl-C for the main thread, so long after its start [s]; a notebook's ■ sends the same signal."""
    return threading.Timer(seconds, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))


@posix
@pytest.mark.parametrize("times", [2, pytest.param(100, marks=pytest.mark.proof)])
@pytest.mark.parametrize("what", INTERRUPTED)
def test_interrupts_at_random_instants(digits, capsys, what, times):
    subject, rng, plain = INTERRUPTED[what](digits), np.random.default_rng(), 0
    threads, handler = threading.active_count(), signal.getsignal(signal.SIGINT)
    for _n in range(times):
        press = press_after(rng.uniform(0, 0.4))
        with pytest.raises(KeyboardInterrupt) as caught:
            press.start()  # in here, as it may strike before anything has begun
            subject.begin()
        press.join()
        assert signal.getsignal(signal.SIGINT) is handler
        assert threading.active_count() == threads, "no thread goes on"
        said = STOPPED.fullmatch(str(caught.value))
        if said:
            assert isinstance(caught.value, Interrupted) and caught.value._render_traceback_() == [said[0]]
        else:
            plain += 1
            assert subject.may_be_told_nothing(), repr(caught.value)
        subject.check(int(said[2]) if said and said[2] else None)
    subject.again()
    outcome = "stopped within the step, no thread goes on, the history is kept, the next run is its own; "
    outcome += "said where in one sentence"
    if plain:
        outcome += f", but for {plain} that struck before the first step or in the cell's own lines"
    observed("Interrupts at random instants", what, outcome, times)


IN_A_KERNEL = {
    "train in a cell": (
        "model = new_model(LeNetConfig(), 0)",
        "for record in train(model, digits, config): pass",
    ),
    "dashboard.run": ("made = TrainingDashboard(digits, train_config=config)", "made.run()"),
    "lab.compare": (
        "made = TuningLab(digits, train_config=config, seeds=1); made.pin_baseline(epochs=0.2)",
        "made.compare(epochs=500)",
    ),
}


@pytest.mark.proof
@pytest.mark.parametrize("what", IN_A_KERNEL)
def test_the_stop_button_at_random_instants_of_a_cell(what):
    before, cell = IN_A_KERNEL[what]
    code = f"""
from dataclasses import replace
import threading
from lenet_helpers import load_dataset, train
from lenet_helpers.explorers import TrainingDashboard, TuningLab
from lenet_helpers.models import LeNetConfig, new_model
from lenet_helpers.training import QUICK
digits, config = load_dataset(n_train=600, validation=200), replace(QUICK, epochs=500)
{before}
"""
    manager, client = start_new_kernel(
        kernel_name="python3", env=os.environ | {"OMP_NUM_THREADS": "1", "LENET_PROGRESS": "off"}
    )
    shown, presses, rng = [], [], np.random.default_rng()

    def hear(message):
        if message["msg_type"] == "error":
            shown.append(message["content"]["traceback"])
        elif message["msg_type"] == "stream":
            shown.append(message["content"]["text"])

    def hear_and_press(message):
        hear(message)
        if message["msg_type"] == "execute_input":  # the cell begins: before that, nobody is interrupted
            presses.append(threading.Timer(rng.uniform(0, 0.5), manager.interrupt_kernel))
            presses[-1].start()

    try:
        assert client.execute_interactive(code, timeout=180)["content"]["status"] == "ok"
        sentences = 0
        for _n in range(10):
            shown.clear()
            reply = client.execute_interactive(cell, timeout=60, output_hook=hear_and_press)
            presses.pop().join()
            assert reply["content"]["status"] == "error"  # so that Run All does not run on
            told = len(shown[-1]) == 1 and STOPPED.fullmatch(shown[-1][0])
            sentences += bool(told)
            # Struck before `train` or the cell itself had begun, it is the cell's own line, or none at all.
            assert told or what == "train in a cell" or "lenet_helpers" not in "".join(shown[-1]), shown
            shown.clear()
            client.execute_interactive(
                "print([t.name for t in threading.enumerate() if 'lenet' in t.name])",
                timeout=60,
                output_hook=hear,
            )
            assert "".join(shown).strip() == "[]"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    outcome = "the cell shows one sentence, and no thread goes on"
    if sentences < 10:
        outcome += f"; {10 - sentences} show the line of theirs that was struck"
    observed("Interrupts at random instants", f"{what}, by the kernel's ■", outcome, 10)


# Sliders -----------------------------------------------------------------------------------


def test_fifty_slider_events_during_a_run_are_for_the_next_one(digits):
    made = TrainingDashboard(digits, train_config=SHORT)
    made.panel_of_levers.set(epochs=100)
    made.train.click()
    rates = [value for _label, value in made.panel_of_levers.controls["learning_rate"].options]
    seen = 0
    for n in range(50):
        made.panel_of_levers.controls["learning_rate"].value = rates[n % len(rates)]
        seen += made.state.running
    made.panel_of_levers.set(learning_rate=0.02, epochs=0.5)
    made.stop.click()
    made.state.join()
    assert seen == 50, "all of them came while it trained"
    assert made.state.run.train_config.learning_rate == SHORT.learning_rate
    assert made.error.value == "" and made.state.run.status == "stopped"
    made.run()
    assert made.state.run.train_config.learning_rate == 0.02
    made.close()
    observed(
        "Sliders", "50 moved while the dashboard trains", "the run is untouched, the next one has them", 50
    )


# Memory ------------------------------------------------------------------------------------

TEXTS = {
    "CPU": RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory:"
        " you tried to allocate 165888000 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "Windows": RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
    "CUDA": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    "MPS": RuntimeError("MPS backend out of memory (MPS allocated: 17.00 GB)"),
    "std::bad_alloc": MemoryError("std::bad_alloc"),
}


def a_step_with_room_for(most, error):
    """`training_step` where more than `most` images raise `error`."""

    def step(model, optimizer, images, labels):
        if len(images) > most:
            raise error
        return STEP(model, optimizer, images, labels)

    return step


STEP = training_module.training_step


@pytest.mark.parametrize("kind", TEXTS)
def test_a_batch_that_does_not_fit_is_told_with_one_that_does(digits, monkeypatch, kind):
    monkeypatch.setattr(training_module, "training_step", a_step_with_room_for(140, TEXTS[kind]))
    model = LeNet()
    weights = [p.detach().clone() for p in model.parameters()]
    with pytest.raises(ValueError) as caught:
        list(train(model, digits, TrainConfig(batch_size=500, steps=2)))
    assert str(caught.value) == (
        "batch_size=500 takes more memory than there is: choose batch_size=125, which fits"
    )
    assert all(torch.equal(*pair) for pair in zip(weights, model.parameters())), "tried on a copy"
    assert list(train(model, digits, TrainConfig(batch_size=125, steps=2)))
    observed("Memory", f"none for the batch (the error of {kind})", "told with a batch size that fits")


def test_no_memory_at_all_is_told_too(digits, monkeypatch):
    monkeypatch.setattr(training_module, "training_step", a_step_with_room_for(0, TEXTS["CPU"]))
    with pytest.raises(ValueError, match="no memory is left, even for one image"):
        list(train(LeNet(), digits, TrainConfig(batch_size=32, steps=1)))


@pytest.mark.parametrize("where", ["step", "scoring"])
def test_other_errors_are_not_taken_for_it(digits, monkeypatch, where):
    """A shape that is wrong; and memory that lacks for scoring, whose pieces the batch size does not set."""
    if where == "step":
        monkeypatch.setattr(training_module, "training_step", a_step_with_room_for(0, RuntimeError("shape")))
    else:

        def scoring(*_any):
            raise TEXTS["CPU"]

        monkeypatch.setattr(training_module, "score_pieces", scoring)
    with pytest.raises(RuntimeError, match="shape" if where == "step" else "can't allocate memory"):
        list(train(LeNet(), digits, TrainConfig(batch_size=32, steps=1)))


@posix
@pytest.mark.proof
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's account of memory")
@pytest.mark.parametrize("megabytes", [300, 400])
def test_real_memory_that_runs_out_is_told_with_a_batch_that_fits(megabytes):
    code = f"""
import resource
from lenet_helpers import LeNetConfig, TrainConfig, load_dataset, train
from lenet_helpers.models import new_model
data, model = load_dataset(), new_model(LeNetConfig(width=4.0), 0)
def one_step(batch_size):
    list(train(model, data, TrainConfig(batch_size=batch_size, steps=1)))
one_step(32)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + {megabytes} * 2**20,) * 2)
try:
    one_step(3000)
except ValueError as error:
    print(error)
    one_step(int(str(error).rpartition("batch_size=")[2].split(",")[0]))
    print("trained")
"""
    # A process of its own: a copy of this one has memory that was freed, and may need no more.
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said, trained = done.stdout.splitlines()
    assert said.startswith("batch_size=3000 takes more memory than there is") and trained == "trained"
    observed(
        "Memory",
        f"a limit of {megabytes} MB more, batch_size=3000",
        "told with a batch size, which then trained",
    )


# A chapter that misbehaves, under nbval ------------------------------------------------------

BAD_CELLS = {
    "a flood of prints": ("for n in range(100_000): print('flood', n)", None),
    "an endless loop": ("while True: pass", "Timeout of 20 seconds"),
    "a killed kernel": ("import os; os.kill(os.getpid(), 9)", "the kernel died"),
}


@posix
@pytest.mark.proof
@pytest.mark.parametrize("bad", BAD_CELLS)
def test_a_chapter_that_misbehaves_holds_up_no_other(tmp_path, bad):
    cell, words = BAD_CELLS[bad]
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tests").mkdir()
    (tmp_path / "notebooks").mkdir()
    for name, sources in (("a", ["n = 1", cell, "n + 1"]), ("b", ["n = 1", "n + 1"])):
        cells = [new_code_cell(source, execution_count=1 + i) for i, source in enumerate(sources)]
        nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / f"{name}.ipynb")
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "notebooks"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, "--nbval-cell-timeout=20"], cwd=tmp_path, env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False, timeout=400,
    )  # fmt: skip
    results = re.findall(r"notebooks/(\w)(?:\.|::)ipynb::Cell (\d) (\w+)", done.stdout)
    assert [r for r in results if r[0] == "b"] == [("b", "0", "PASSED"), ("b", "1", "PASSED")], done.stdout
    assert ("a", "0", "PASSED") in results
    if words is None:
        assert done.returncode == 0 and len(results) == 5, done.stdout[-3000:]
        observed("Under nbval", bad, "read to its end, all other cells pass")
    else:
        assert done.returncode == 1 and ("a", "1", "FAILED") in results and re.search(words, done.stdout)
        observed("Under nbval", bad, "that cell fails and is named, the other chapters pass")


# Long and many -----------------------------------------------------------------------------

DAY = """
import threading
from lenet_helpers import load_dataset
from lenet_helpers.explorers import TrainingDashboard
d = TrainingDashboard(load_dataset())
d.run(epochs=3)
d
"""
# As a learner does: press Train whenever it has ended.
PRESS = """
d.panel_of_levers.set(epochs=150)
if not d.state.running:
    d.train.click()
assert not d.error.value
"""


def resident(pid):
    """Megabytes of memory that a process holds."""
    import psutil

    return psutil.Process(pid).memory_info().rss / 2**20


@pytest.mark.proof
def test_a_dashboard_that_trains_for_long_does_not_grow():
    """Minutes of it: LENET_MINUTES, 30 by default. The first two, in which pools fill, are not counted."""
    minutes = float(os.environ.get("LENET_MINUTES", "30"))
    manager, client = start_new_kernel(
        kernel_name="python3", env=os.environ | {"OMP_NUM_THREADS": "1", "LENET_PROGRESS": "off"}
    )
    pid, runs, pictures, sizes = manager.provisioner.process.pid, 0, 0, []

    def hear(message):
        nonlocal pictures
        pictures += message["msg_type"] == "comm_msg"

    def cell(code):
        reply = client.execute_interactive(code, timeout=120, output_hook=hear)
        assert reply["content"]["status"] == "ok", reply

    try:
        cell(DAY)
        end = time.monotonic() + 60 * minutes
        warm = time.monotonic() + min(120, 20 * minutes)
        while time.monotonic() < end:
            cell(PRESS)
            runs += 1
            with contextlib.suppress(Exception):  # what a browser would take from the kernel
                while True:
                    hear(client.get_iopub_msg(timeout=5))
                    if time.monotonic() > end:
                        break
            if time.monotonic() > warm:
                sizes.append(resident(pid))
        cell("d.stop.click(); d.state.join()")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    early, late = np.median(sizes[: max(3, len(sizes) // 10)]), np.median(sizes[-max(3, len(sizes) // 10) :])
    print(f"{early:.1f} MB, {late:.1f} MB, {pictures} messages, {runs} times Train")
    assert pictures > 100 and late - early < 8
    observed(
        "Long", f"a dashboard trains for {minutes:g} minutes", f"grew by {max(0.0, late - early):.1f} MB"
    )
