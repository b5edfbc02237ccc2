"""How pytest runs the chapters: with nbval, cell by cell in their order, in a kernel without network.

Every cell must run; the text of those tagged `nbval-check-output` must be what is stored.
What is set here has no option of nbval's: how long a cell's last message may take, that a
kernel may die, and that pictures, stored as PNG alone, are shown as HTML too.
"""

import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from queue import Empty

import nbval.kernel
import nbval.plugin
import pytest

from tools.kernel import chapter_environment

KERNEL = "lenet-chapter"
BROWSER = "tests/browser/"
LONGEST = (BROWSER, "notebooks/en/04-tuning.ipynb", "tests/test_known_wrong.py")
# For a browser, servers, other processes: of three, one process does these alone, and two compute until
# nothing else is left.
WAITING = (BROWSER,) + tuple(
    f"tests/test_{name}.py"
    for name in ("hub", "search_postgres", "search", "torchvision_sets", "site", "lab")
)
THIRD = "gw2"


def pytest_configure(config):
    """A kernel of its own name, with the environment of `tools.kernel`: nbval takes it by name."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell leaves it that starts us by `&`
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # In memory if that can be: chapter 4 keeps a study in a file, and would wait for the disk at each entry.
    memory = Path("/dev/shm")
    folder = tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None)
    chapter = chapter_environment()
    environment = chapter.__enter__()
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "a chapter's",
        "language": "python",
        "env": {name: value for name, value in environment.items() if os.environ.get(name) != value}
        | {"TMPDIR": folder.name},
    }
    config.add_cleanup(folder.cleanup)
    config.add_cleanup(lambda: chapter.__exit__(None, None, None))
    place = Path(folder.name) / "kernels" / KERNEL
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps(spec), "utf-8")
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [folder.name, os.environ.get("JUPYTER_PATH")]))
    config.option.nbval_kernel_name = KERNEL


def get_message(kernel, stream, timeout=None, ask=nbval.kernel.RunningKernel.get_message):
    """As nbval's own, but a kernel that died is not waited for until the time is up."""
    end = time.monotonic() + (float("inf") if timeout is None else timeout)
    while True:
        try:
            return ask(kernel, stream, timeout=max(0, min(1, end - time.monotonic())))
        except Empty:
            if not kernel.is_alive():
                raise RuntimeError("the kernel died") from None
            if time.monotonic() >= end:
                raise


nbval.kernel.RunningKernel.get_message = get_message


def pytest_itemcollected(item):
    if isinstance(item, nbval.plugin.IPyNbCell):
        item.output_timeout = 120
        item.parent.skip_compare = tuple({*item.parent.skip_compare, "text/html"})
        # Its code is the English chapter's, a test says so, and it trains for a minute: make proof-chapters.
        if item.path.parts[-2:] == ("zh", "04-tuning.ipynb"):
            item.add_marker(pytest.mark.proof)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Files and tests in the order that LENET_ORDER gives, a seed; a chapter's cells always in their own, and
    so the tests that go down one open page in the browser, as a reader does.
    """
    if seed := os.environ.get("LENET_ORDER"):
        order = random.Random(seed)
        files = {item.path: order.random() for item in items}
        items.sort(
            key=lambda item: (files[item.path], 0 if item.nodeid.startswith(BROWSER) else order.random())
        )
    chapters = {}
    for place, item in enumerate(items):
        if isinstance(item, nbval.plugin.IPyNbCell):
            chapters.setdefault(item.parent, []).append(place)
    for places in chapters.values():
        cells = sorted((items[place] for place in places), key=lambda cell: cell.cell_num)
        for place, cell in zip(places, cells):
            items[place] = cell


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file to a process, also without --dist loadfile: all cells of a chapter share one kernel. The files
    with a browser go to one process together: they share it, and a JupyterLab.
    """
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return BROWSER if nodeid.startswith(BROWSER) else super()._split_scope(nodeid)

        def _assign_work_unit(self, node):
            # What takes minutes comes first: at the end one process would wait for the other.
            for scope in reversed(LONGEST):
                if scope in self.workqueue:
                    self.workqueue.move_to_end(scope, last=False)
            third = any(one.gateway.id == THIRD for one in self.nodes)
            waiting = [scope for scope in WAITING if scope in self.workqueue]
            if node.gateway.id != THIRD:
                for scope in waiting if third else ():
                    self.workqueue.move_to_end(scope)
            elif waiting:
                self.workqueue.move_to_end(waiting[0], last=False)
            else:
                node.shutdown()  # a third computation would take from the other two what it gains
                return
            super()._assign_work_unit(node)

    return Scheduling(config, log)


@pytest.fixture
def one_thread():
    """For results to the last bit: with two threads torch may add up in another order."""
    import torch  # here, as the process that only hands out the tests does without

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
