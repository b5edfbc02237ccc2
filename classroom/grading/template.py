"""The warm process: imports everything once, then forks one child for each notebook.

Started inside the sandbox by `sandbox.Worker`, it reads jobs and writes reports as
messages (see `box.send`) on the two descriptors named on its command line. It never
runs student code itself and believes nothing that a child says beyond its shape.
"""

import os
import sys

from . import box, isolate, watch
from .guard import Guard
from .job import Job


def warm_up():
    """Import what notebooks use, with one thread only: a process with threads must not be forked."""
    import matplotlib
    import numpy  # noqa: F401
    import torch

    torch.set_num_threads(1)
    matplotlib.use("Agg")
    import matplotlib.backends.backend_agg
    import matplotlib.figure
    import torch.nn.functional

    import lenet_helpers
    import lenet_helpers.checks
    import lenet_helpers.checks.points  # noqa: F401
    from lenet_helpers import load_dataset

    load_dataset("mnist-5k")  # reads the cache into the page cache, and fails early where there is none


def warm_up_training():
    """Make each kind of optimiser take a step: the first one imports a great deal, and wraps torch's own
    methods.
    """
    import torch

    for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW):
        weight = torch.nn.Parameter(torch.zeros(2))
        weight.grad = torch.zeros(2)  # no backward(): that would start threads
        kind([weight], lr=0.1).step()


def trains(request):
    """Whether a notebook seems to train something. It only decides what is imported before the fork."""
    return any(word in cell["source"] for cell in request["cells"] for word in ("train", "optim"))


def main(reading, writing):
    """Serve jobs from descriptor `reading` until it closes; the first message tells what isolation there
    is.
    """
    boxed = bool(os.environ.get("LENET_BOXED"))
    if boxed:
        isolate.leave_root()
    warm_up()
    shell, guard = box.make_shell(), Guard()
    shell.run_cell("pass")  # the first cell is the slow one
    isolated = boxed and _can_isolate()
    box.send(writing, {"ready": True, "isolated": isolated})
    ready_to_train = False
    while (request := box.receive(reading)) is not None:
        if not ready_to_train and trains(request):
            warm_up_training()
            ready_to_train, guard = True, Guard()
        request |= {"alone": boxed, "base_mb": watch.usage(os.getpid(), set())[1]}
        box.send(writing, Job(request, shell, guard, isolated).run())


def _can_isolate():
    """Whether a child may enter namespaces of its own here."""
    child = os.fork()
    if child == 0:
        try:
            isolate.new_namespaces()
            inner = os.fork()
            if inner == 0:
                isolate.own_folders(1)
                os._exit(0)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]))
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
