"""One notebook being run: the child it runs in, seen from the warm process that watches it."""

import base64
import os
import random
import secrets
import select
import signal
import socket
import struct
import time
from pathlib import Path

from . import box, isolate, watch

POLL_SECONDS = 0.05


class Job:
    """One notebook being run: its child, its clock, its answers."""

    def __init__(self, request, shell, guard, isolated):
        self.request, self.limits, self.isolated = request, request["limits"], isolated
        self.answers, self.ended = [], ""
        self.channel, theirs = _pair()
        ready, self._tell = os.pipe()
        self.parent = os.fork()
        if self.parent == 0:
            _quietly(self._enter, theirs, shell, guard)
        os.close(theirs)
        os.close(self._tell)
        first = os.read(ready, 16)
        os.close(ready)
        self.child = int(first or b"0")
        self.ours = _grader_processes() | {self.parent} if request["alone"] else set()
        self.ours.discard(self.child)

    def _enter(self, channel, shell, guard):
        """In the first child: enter new namespaces and start the second, which runs the notebook."""
        os.close(self.channel)
        if not self.isolated:
            os.setsid()
            os.write(self._tell, str(os.getpid()).encode())
            return self._notebook(channel, shell, guard)
        isolate.die_with_parent()
        isolate.new_namespaces()
        child = os.fork()
        if child == 0:
            isolate.own_folders(self.limits["disk_mb"])
            isolate.drop_privileges()
            isolate.die_with_parent()
            return self._notebook(channel, shell, guard)
        os.write(self._tell, str(child).encode())
        os.close(self._tell)
        os.close(channel)
        os.waitpid(child, 0)

    def _notebook(self, channel, shell, guard):
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(0, 1)
        os.dup2(0, 2)
        channel = os.dup2(channel, 3)
        os.closerange(4, 4096)
        home = Path(self.request["home"])
        (home / "work").mkdir(parents=True, exist_ok=True)
        os.chdir(home / "work")
        os.environ["HOME"] = str(home)
        for name, content in self.request["files"].items():
            path = home / "work" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(content))
        isolate.set_limits(self.limits)
        _seed()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        box.serve(channel, shell, guard, self.limits)

    def run(self):
        """Run all cells; returns the report."""
        started = time.monotonic()
        for cell in self.request["cells"]:
            if self.ended:
                self.answers.append({"outputs": [], "why": "did not run: " + self.ended})
                continue
            # An answer must repeat the token: printing to a guessed descriptor is not enough to forge one.
            token = secrets.token_hex(16)
            box.send(self.channel, {"source": cell["source"], "test": cell["test"], "token": token})
            self.answers.append(self._wait(token))
        self._end()
        return {"cells": self.answers, "ended": self.ended, "seconds": time.monotonic() - started}

    def _wait(self, token):
        """The child's answer to one cell; stops it when it uses too much."""
        began, cpu_before, late = time.monotonic(), self._usage()[0], ""
        next_look, stop_at = began + POLL_SECONDS, None
        while True:
            if select.select([self.channel], [], [], max(0.0, min(next_look - time.monotonic(), 0.5)))[0]:
                answer = _checked(box.receive, self.channel, self.request["answer_bytes"])
                if answer is None or answer.pop("token", None) != token:
                    return self._kill("the process that ran the notebook ended")
                return answer | {"late": late} if late else answer
            now = time.monotonic()
            if now < next_look:
                continue
            next_look = now + min(0.5, max(POLL_SECONDS, (now - began) / 10))
            cpu, memory, count = self._usage()
            if count > self.limits["processes"] // 2:
                return self._kill(f"it started more than {self.limits['processes'] // 2} processes")
            if memory > self.limits["memory_mb"] + self.request["base_mb"]:
                return self._kill(f"it used more than {self.limits['memory_mb']} MB of memory")
            if cpu > self.limits["total_seconds"]:
                return self._kill(
                    f"the notebook used more than {self.limits['total_seconds']:g} s of computing time"
                )
            if stop_at is None and (
                cpu - cpu_before > self.limits["cell_seconds"]
                or now - began > self.limits["cell_wall_seconds"]
            ):
                late, stop_at = (
                    f"the cell ran longer than {self.limits['cell_seconds']:g} s of computing time",
                    now + 3,
                )
                _signal(self.child, signal.SIGINT)
            if stop_at is not None and now > stop_at:
                return self._kill(late + " and could not be interrupted")

    def _usage(self):
        return watch.usage(self.child, self.ours)

    def _kill(self, why):
        self.ended = why
        self._end()
        return {"outputs": [], "why": why}

    def _end(self):
        """Kill whatever the notebook left running. Its process namespace dies with its first process."""
        if self.child:
            for pid in [self.child, *([] if self.isolated else watch.processes(self.child, self.ours))]:
                _signal(pid, signal.SIGKILL)
            self.child = 0
            os.close(self.channel)
            os.waitpid(self.parent, 0)


def _pair():
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


def _quietly(function, *arguments):
    """Call and end this process, whatever happens: a child must never return into the warm process's loop."""
    try:
        function(*arguments)
    finally:
        os._exit(0)


def _checked(receive, channel, most):
    """A message of a child, or None if it is not one: it is written by a process that student code shares."""
    try:
        head = _peek(channel)
        if not head or struct.unpack(">I", head)[0] > most:
            return None
        answer = receive(channel)
    except (OSError, ValueError):
        return None
    shaped = isinstance(answer, dict) and isinstance(answer.get("outputs"), list)
    return answer if shaped and all(isinstance(item, dict) for item in answer["outputs"]) else None


def _peek(channel):
    with socket.socket(fileno=os.dup(channel)) as end:
        end.settimeout(5)
        return end.recv(4, socket.MSG_PEEK | socket.MSG_WAITALL)


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _grader_processes():
    """Every process of the outer sandbox before the notebook starts: the warm process and its reaper."""
    return {os.getpid(), os.getppid(), 1}


def _seed():
    import numpy
    import torch

    random.seed(0)
    numpy.random.seed(0)
    torch.manual_seed(0)
