"""The warm process: imports everything once, then forks one child for each notebook.

Started inside the sandbox by `sandbox.Worker`, it reads requests and writes answers as
frames (see `frames`) on the two descriptors named on its command line. It never runs
student code itself and passes on, unread, what a child says.
"""

import os
import sys

from . import box, frames, isolate, watch
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
        weight.grad = torch.zeros(2)
        kind([weight], lr=0.1).step()


def main(reading, writing):
    """Serve requests from descriptor `reading` until it closes; the first message tells what isolation there
    is.
    """
    boxed = bool(os.environ.get("LENET_BOXED"))
    if boxed:
        isolate.leave_root()
    warm_up()
    shell = box.make_shell()
    shell.run_cell("pass")  # the first cell is the slow one
    isolated = boxed and _can_isolate()
    frames.write(writing, frames.pack({"ready": True, "isolated": isolated}))
    ready_to_train, job = False, None
    while (data := frames.read(reading)) is not None:
        request = frames.unpack(data)
        do = request.pop("do")
        if do == "start":
            if request["trains"] and not ready_to_train:
                warm_up_training()
                ready_to_train = True
            request |= {"alone": boxed, "base_mb": watch.usage(os.getpid(), set())[1]}
            job = Job(request, shell, isolated)
            answer = {"why": job.ended} if job.ended else {}
        elif job is None:
            answer = {"why": "no notebook was started"}
        else:
            answer = getattr(job, do)(**request)
        frames.write(writing, frames.pack(answer))


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
