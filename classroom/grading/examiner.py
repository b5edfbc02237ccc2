"""The process that judges: it never runs student code, it calls it by message.

Started by `Examiner`, which the grading process holds, it owns a sandbox with the warm
process, runs a notebook's cells there, calls the answers, recomputes what is right and
sends back points, sentences and cleaned outputs. It reads and cleans notebooks, too.
"""

import os
import resource
import subprocess
import sys
import tempfile

from . import frames
from .limits import Limits
from .sandbox import ROOT, WorkerDied, last_line, launch

MOST_REPORT = 64_000_000


class Examiner:
    """The examiner's process, started at its first notebook; use as a context manager."""

    def __init__(self, sandboxed=True):
        self.sandboxed, self._process = sandboxed, None

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def _start(self):
        self._said = tempfile.TemporaryFile()
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p),
            "OMP_NUM_THREADS": "1",
        }
        environment |= {"NBGRADER_EXECUTION": "autograde", "CLASSROOM_BOXED": "1" if self.sandboxed else ""}
        self._process, self._in, self._out = launch("examiner", environment, self._said)

    def read(self, path, trusted=()):
        """The notebook at `path`, slim and clean: {"notebook": dict} or {"unreadable": why}."""
        return self._ask({"do": "read", "path": str(path), "trusted": list(trusted)})

    def examine(self, cells, *, exercises, assignment, private, files=None, limits=Limits()):
        """Run and judge a notebook's code cells; returns the report.

        cells: list of dict(source, test, name): `test` is the teacher's source of a test
        cell or "". exercises: folder of the exercises. The report has "cells" (for each:
        outputs, and for tests points and properties, or why), "ended", "notes", "seconds".
        """
        return self._ask(
            {
                "do": "examine",
                "cells": cells,
                "files": files or {},
                "limits": limits.as_dict(),
                "exercises": str(exercises),
                "assignment": assignment,
                "private": private,
            }
        )

    def _ask(self, request):
        if self._process is None:
            self._start()
        process = self._process
        try:
            frames.write(self._out, frames.pack(request))
            data = frames.read(self._in, MOST_REPORT)
        except OSError:
            data = None
        if data is None:
            said = last_line(self._said)
            if process is self._process:
                self.close()
            raise WorkerDied("the examiner's process ended: " + said)
        answer = frames.unpack(data, MOST_REPORT)
        if "failed" in answer:
            raise WorkerDied(answer["failed"])
        return answer

    def stop(self):
        """End the process from another thread: the one that waits for its answer is told."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self):
        """End the process and its sandbox."""
        if self._process is None:
            return
        process, self._process = self._process, None
        for fd in (self._out, self._in):
            os.close(fd)
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._said.close()


# Inside the process ---------------------------------------------------------------------


def main(reading, writing):
    """Serve requests from descriptor `reading` until it closes."""
    # A hostile file or answer may ask for more than there is: then this one fails, not the machine.
    resource.setrlimit(resource.RLIMIT_DATA, (3_000_000_000, resource.RLIM_INFINITY))
    from . import judge

    worker = judge.worker(bool(os.environ.get("CLASSROOM_BOXED")))
    try:
        while (data := frames.read(reading)) is not None:
            request = frames.unpack(data)
            try:
                answer = getattr(judge, request.pop("do"))(worker, **request)
            except WorkerDied as error:
                answer = {"failed": f"the sandbox failed ({error})"}
                worker.close()
            frames.write(writing, frames.pack(answer))
    finally:
        worker.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
