"""One notebook being run: the child it runs in, seen from the warm process that watches it.

The warm process passes frames on, counts time and memory, and ends what uses too much. It
never looks into a frame that a child has written.
"""

import base64
import os
import random
import select
import signal
import socket
import struct
import time
from pathlib import Path

from . import box, frames, isolate, watch

POLL_SECONDS = 0.05


class Job:
    """One notebook's process, its clock, and the session that is open."""

    def __init__(self, request, shell, isolated):
        self.request, self.limits, self.isolated = request, request["limits"], isolated
        self.ended, self._session, self._fork = "", None, 0
        self._idle, self._idle_before, self._began = 0.0, 0.0, time.monotonic()
        self.control, theirs = socket.socketpair()
        ready, self._tell = os.pipe()
        self.parent = os.fork()
        if self.parent == 0:
            _quietly(self._enter, theirs, shell)
        theirs.close()
        os.close(self._tell)
        first = os.read(ready, 16)
        os.close(ready)
        self.child = int(first or b"0")
        self.ours = _grader_processes() | {self.parent} if request["alone"] else set()
        self.ours.discard(self.child)
        if not self.child:
            self.ended = "the process that runs the notebook could not be started"

    def _enter(self, channel, shell):
        """In the first child: enter new namespaces and start the second, which runs the notebook."""
        self.control.close()
        if not self.isolated:
            os.setsid()
            os.write(self._tell, str(os.getpid()).encode())
            return self._notebook(channel, shell)
        isolate.die_with_parent()
        isolate.new_namespaces()
        child = os.fork()
        if child == 0:
            isolate.own_folders(self.limits["disk_mb"])
            isolate.drop_privileges()
            isolate.die_with_parent()
            return self._notebook(channel, shell)
        os.write(self._tell, str(child).encode())
        os.close(self._tell)
        channel.close()
        os.waitpid(child, 0)

    def _notebook(self, channel, shell):
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(0, 1)
        os.dup2(0, 2)
        channel = socket.socket(fileno=os.dup2(channel.detach(), 3))
        os.closerange(4, 4096)
        home = Path(self.request["home"])
        work = home / "work"
        work.mkdir(parents=True, exist_ok=True)
        os.chdir(work)
        os.environ["HOME"] = str(home)
        for name, content in self.request["files"].items():
            try:
                path = work / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(base64.b64decode(content))
            except OSError:  # too many or too large for the disk here: the notebook says what it misses
                continue
        import sys

        sys.path.insert(0, str(work))  # helper files beside the notebook, as Jupyter has it
        isolate.set_limits(self.limits)
        _seed()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        box.serve(channel, shell, self.limits)

    # What the examiner may ask for ----------------------------------------------------

    def cell(self, source):
        """Run one cell: {"body": the child's frame} or {"why": ...}; "late" where it was interrupted."""
        if self.ended:
            return {"why": self.ended}
        return self._exchange(
            self.control, {"op": "cell", "source": source}, self._cell_limits(), interrupt=True
        )

    def open(self, seconds):
        """A copy of the process for one property, which may compute for `seconds`."""
        self.close()
        if self.ended:
            return {"why": self.ended}
        try:
            frames.write(self.control.fileno(), frames.pack({"op": "open"}))
            if not select.select([self.control], [], [], 20)[0]:
                return {"why": self._kill("the process that ran the notebook does not answer")}
            _data, fds, _flags, _address = socket.recv_fds(self.control, 1, 1)
        except OSError:
            fds = []
        if not fds:
            return {"why": self._kill("the process that ran the notebook ended")}
        self._session = socket.socket(fileno=fds[0])
        self._budget = (self._computed() + seconds, seconds)
        return {}

    def call(self, body):
        """Pass one frame to the copy and its answer back."""
        if self._session is None:
            return {"why": "there is no process to ask"}
        until, seconds = self._budget
        limits = (max(0.0, until - self._computed()), self.limits["call_idle_seconds"], seconds)
        return self._exchange(self._session, body, limits, interrupt=False)

    def close(self):
        """End the copy and whatever it started."""
        if self._session is None:
            return {}
        self._session.close()
        self._session = None
        deadline = time.monotonic() + 0.2
        while True:
            left = [pid for pid in watch.processes(self.child, self.ours) if pid != self.child]
            if not left:
                return {}
            if time.monotonic() > deadline:
                for pid in left:
                    _signal(pid, signal.SIGKILL)
            time.sleep(0.002)
            if time.monotonic() > deadline + 5:
                self._kill("processes of the notebook could not be ended")
                return {}

    def end(self):
        """Kill whatever the notebook left running. Its process namespace dies with its first process."""
        self._session = None
        if self.child:
            for pid in [self.child, *([] if self.isolated else watch.processes(self.child, self.ours))]:
                _signal(pid, signal.SIGKILL)
            self.child = 0
            self.control.close()
            os.waitpid(self.parent, 0)
        return {}

    # Watching -------------------------------------------------------------------------

    def _cell_limits(self):
        return self.limits["cell_seconds"], self.limits["cell_idle_seconds"], self.limits["cell_seconds"]

    def _exchange(self, channel, message, limits, interrupt):
        """Send and wait for the answer; stop what uses too much."""
        most_cpu, most_idle, named = limits
        cpu_before, idle_before, late, stop_at = self._computed(), self._idle, "", None
        began = seen = time.monotonic()
        next_look = began + POLL_SECONDS
        reader = _Frames(channel, self.request["answer_bytes"])
        try:
            data = message if isinstance(message, bytes) else frames.pack(message)
            frames.write(channel.fileno(), data)
        except OSError:
            return self._lost(channel, "the process that ran the notebook ended")
        while True:
            if select.select([channel], [], [], max(0.0, min(next_look - time.monotonic(), 0.5)))[0]:
                try:
                    body = reader.more()
                except (OSError, frames.Refused) as error:
                    why = "the answer was too large" if isinstance(error, frames.Refused) else ""
                    return self._lost(channel, why or "the process that ran the notebook ended")
                if body is not None:
                    return {"body": body, "late": late} if late else {"body": body}
            now = time.monotonic()
            if now < next_look:
                continue
            cpu, memory, count, busy = watch.usage(self.child, self.ours)
            # To look takes long where a notebook holds gigabytes: then seldom.
            cost = time.monotonic() - now
            next_look = now + max(min(0.5, max(POLL_SECONDS, (now - began) / 10)), 5 * cost)
            self._idle += 0.0 if busy else now - seen
            seen = now
            if count > self.limits["processes"] // 2:
                return self._lost(channel, f"it started more than {self.limits['processes'] // 2} processes")
            # The system's own limit lies above this one: code that goes on and on trying ends here.
            if memory > self.limits["memory_mb"] + self.request["base_mb"]:
                return self._lost(channel, f"it used more than {self.limits['memory_mb']} MB of memory")
            if why := self._over(cpu, now):
                return {"why": self._kill(why)}
            if stop_at is None and (cpu - cpu_before > most_cpu or self._idle - idle_before > most_idle):
                slow = cpu - cpu_before > most_cpu
                late = (
                    f"more than {named:g} s of computing" if slow else f"more than {most_idle:g} s of waiting"
                )
                if not interrupt:
                    return self._lost(channel, late, timeout=True)
                stop_at = now + 3
                _signal(self.child, signal.SIGCONT)
                _signal(self.child, signal.SIGINT)
            if stop_at is not None and now > stop_at:
                return self._lost(channel, late + ", and could not be interrupted")

    def _over(self, cpu, now):
        """Why the whole notebook must end, or ""."""
        if cpu > self.limits["total_seconds"]:
            return f"the notebook used more than {self.limits['total_seconds']:g} s of computing"
        if self._idle > self.limits["total_idle_seconds"]:
            return f"the notebook waited for more than {self.limits['total_idle_seconds']:g} s"
        if now - self._began > self.limits["total_wall_seconds"]:
            return f"the notebook ran for more than {self.limits['total_wall_seconds']:g} s"
        return ""

    def _lost(self, channel, why, timeout=False):
        """A session that went wrong ends alone; a cell that did takes the process with it."""
        if channel is self._session:
            for pid in watch.processes(self.child, self.ours):
                if pid != self.child:
                    _signal(pid, signal.SIGKILL)
            self.close()
            return {"why": why, "timeout": timeout}
        return {"why": self._kill(why), "died": True}

    def _computed(self):
        return watch.computed(watch.processes(self.child, self.ours))

    def _kill(self, why):
        self.ended = why
        self.end()
        return why


class _Frames:
    """One frame, read piece by piece: a child that sends half of one must not hold the watcher up."""

    def __init__(self, channel, most):
        self._channel, self._most, self._parts, self._size = channel, most, [], 0

    def more(self):
        """Read what is there; the frame's bytes once they are complete, else None."""
        part = self._channel.recv(1 << 20, socket.MSG_DONTWAIT)
        if not part:
            raise OSError("the stream ended")
        self._parts.append(part)
        self._size += len(part)
        if self._size < 4:
            return None
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts[:1])
        if len(data) < 4:
            self._parts = [b"".join(self._parts)]
            data = self._parts[0]
        (length,) = struct.unpack(">I", data[:4])
        if length > self._most or self._size > 4 + length:
            raise frames.Refused("a frame too long")
        return b"".join(self._parts)[4:] if self._size == 4 + length else None


def _quietly(function, *arguments):
    """Call and end this process, whatever happens: a child must never return into the warm process's loop."""
    try:
        function(*arguments)
    finally:
        os._exit(0)


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
