"""The dashboard, and the bar of a cell that trains, in a live kernel with no front end attached."""

import os
import threading
import time
from contextlib import contextmanager

import pytest
from jupyter_client.manager import start_new_kernel

MAKE = """
from lenet_helpers import load_dataset
from lenet_helpers.explorers import TrainingDashboard
import threading
d = TrainingDashboard(load_dataset("mnist-5k", n_train=600, validation=200))
d.panel_of_levers.set(epochs=300)
"""
LONG = 180  # seconds; imports take long on a busy machine


@contextmanager
def a_kernel():
    manager, client = start_new_kernel(
        kernel_name="python3", env={**os.environ, "OMP_NUM_THREADS": "1", "LENET_PROGRESS": "off"}
    )
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel():
    with a_kernel() as started:
        yield started


def run(client, code):
    """What `code` prints; its error, if it raises, is the test's."""
    said = []

    def hear(message):
        if message["msg_type"] == "stream":
            said.append(message["content"]["text"])
        elif message["msg_type"] == "error":
            raise AssertionError("\n".join(message["content"]["traceback"]))

    client.execute_interactive(code, timeout=LONG, output_hook=hear)
    return "".join(said)


def test_start_other_cells_stop_diverge_and_restart(kernel):
    manager, client = kernel
    run(client, MAKE)
    run(client, "d.train.click()")
    assert "True False" in run(client, "print(d.train.disabled, d.stop.disabled)"), (
        "a cell runs while it trains"
    )
    moved = """
for n in range(50):
    d.panel_of_levers.controls["learning_rate"].value = (0.001, 0.02)[n % 2]
print(d.state.running, d.state.run.train_config.learning_rate, repr(d.error.value))
"""
    assert "True 0.008 ''" in run(client, moved)
    run(client, "d.stop.click(); d.state.join()")
    assert "stopped False True" in run(client, "print(d.state.run.status, d.train.disabled, d.stop.disabled)")
    diverge = (
        'd.panel_of_levers.set(optimizer="sgd", learning_rate=10.0, schedule="constant"); d.train.click();'
        " d.state.join()"
    )
    run(client, diverge)
    assert "diverged" in run(client, "print(d.state.run.status, 'learning_rate=10' in d.error.value)")
    run(
        client,
        'd.panel_of_levers.set(optimizer="adam", learning_rate=0.008, schedule="one-cycle"); d.train.click()',
    )
    assert "True" in run(client, "print(d.state.running)")
    manager.restart_kernel(now=False)  # in the middle of a run
    client.wait_for_ready(timeout=LONG)
    assert (
        run(
            client, "import threading; print([t.name for t in threading.enumerate() if 'lenet' in t.name])"
        ).strip()
        == "[]"
    )


BAR = """
import threading
from lenet_helpers import LeNet, TrainConfig, load_dataset
from lenet_helpers.explorers.progress import train_with_progress
for record in train_with_progress(LeNet(), load_dataset(), TrainConfig(epochs=1000)):
    {body}
"""
FOLLOWERS = 'print([t.name for t in threading.enumerate() if "_follow" in t.name])'


@pytest.mark.parametrize(
    "body, said",
    [
        ("if record.epoch == 1: print(1)", "Stopped at step"),
        ("record.nothing", "AttributeError"),
    ],
)
def test_a_cell_that_trains_ends_with_its_bar(kernel, body, said):
    """Interrupted after its first epoch it says one sentence; after an error in the loop nothing goes on."""
    manager, client = kernel
    tracebacks, printed = [], []

    def hear(message):
        if message["msg_type"] == "error":
            tracebacks.append(message["content"]["traceback"])
        elif message["msg_type"] == "stream":
            printed.append(message["content"]["text"])
            if len(printed) == 1:
                threading.Timer(0.2, manager.interrupt_kernel).start()  # no longer in print

    client.execute_interactive(BAR.format(body=body), timeout=LONG, output_hook=hear, stop_on_error=False)
    ((*lines,),) = tracebacks
    assert said in lines[-1], lines
    if said.startswith("Stopped"):
        assert len(lines) == 1
    assert run(client, FOLLOWERS).strip() == "[]"


def test_a_kernel_asked_to_stop_in_the_middle_of_a_run_goes():
    with a_kernel() as (manager, client):
        run(client, MAKE + "d.train.click()")
        clock = time.monotonic()
        manager.shutdown_kernel(now=False)
        assert not manager.is_alive() and time.monotonic() - clock < 30
