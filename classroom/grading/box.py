"""One notebook inside the sandbox: run its code cells and report what they put out.

Runs in the forked child, in the same process as the student's code. Cells arrive one
by one, so that no test can be read before it runs.
"""

import json
import math
import os
import struct
import sys

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

KEPT_FORMATS = ("text/plain", "image/png")  # no HTML, no scripts: a human opens these notebooks later


def send(fd, message):
    """Write one message, a JSON object, with its length before it."""
    data = json.dumps(message).encode()
    data = struct.pack(">I", len(data)) + data
    while data:
        data = data[os.write(fd, data) :]


def receive(fd):
    """Read one message; None at the end of the stream."""
    head = _read(fd, 4)
    return json.loads(_read(fd, struct.unpack(">I", head)[0])) if head else None


def _read(fd, n):
    parts = b""
    while len(parts) < n:
        part = os.read(fd, n - len(parts))
        if not part:
            return b""
        parts += part
    return parts


class Outputs:
    """The outputs of one cell as nbformat has them, cut off at a number of bytes."""

    def __init__(self, limit):
        self.limit = limit
        self.clear()

    def clear(self):
        """Start a new cell."""
        self.items, self.used, self.cut = [], 0, False

    def _room(self, n):
        self.used += n
        if self.used > self.limit and not self.cut:
            self.cut = True
            self.items.append(
                {
                    "output_type": "stream",
                    "name": "stdout",
                    "text": "\n[output cut here: too much was printed]\n",
                }
            )
        return not self.cut

    def stream(self, name, text):
        """Add printed text to the stream "stdout" or "stderr"."""
        if not self._room(len(text)):
            return
        last = self.items[-1] if self.items else {}
        if last.get("name") == name:
            last["text"] += text
        else:
            self.items.append({"output_type": "stream", "name": name, "text": text})

    def data(self, kind, formats):
        """Add a displayed object (`kind` "display_data") or a cell's value ("execute_result")."""
        kept = {key: str(value) for key, value in formats.items() if key in KEPT_FORMATS}
        if kept and self._room(sum(map(len, kept.values()))):
            extra = {"execution_count": None} if kind == "execute_result" else {}
            self.items.append({"output_type": kind, "data": kept, "metadata": {}, **extra})

    def error(self, name, value, lines):
        """Add an exception with its traceback; always kept, in short where there is no room."""
        text = [str(line)[:4000] for line in lines[-40:]]
        self.items.append(
            {"output_type": "error", "ename": str(name), "evalue": str(value)[:2000], "traceback": text}
        )


class _Stream:
    encoding, errors, closed = "utf-8", "replace", False

    def __init__(self, outputs, name):
        self._outputs, self.name = outputs, name

    def write(self, text):
        self._outputs.stream(self.name, str(text))
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        pass

    def isatty(self):
        return False

    def fileno(self):
        return 1 if self.name == "stdout" else 2

    def writable(self):
        return True


class _Publisher(DisplayPublisher):
    outputs = None

    def publish(self, data, metadata=None, **_more):
        self.outputs.data("display_data", data)

    def clear_output(self, wait=False):
        pass


class _Hook(DisplayHook):
    outputs = None

    def __call__(self, result=None):
        if result is not None:
            formats, _metadata = self.shell.display_formatter.format(result)
            self.outputs.data("execute_result", formats)
            self.update_user_ns(result)
            self.fill_exec_result(result)


class Shell(InteractiveShell):
    """IPython without a terminal, a history or a kernel."""

    displayhook_class, display_pub_class = _Hook, _Publisher

    def attach(self, outputs):
        """Send everything that is shown to `outputs`."""
        self._kept = outputs
        self.displayhook.outputs = self.display_pub.outputs = outputs

    def _showtraceback(self, etype, evalue, stb):
        self._kept.error(etype.__name__, evalue, stb)

    def enable_gui(self, gui=None):
        """There is no window system here."""


def make_shell():
    """The shell of the warm process; every forked child goes on with its own copy."""
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    shell = Shell.instance(config=config)
    shell.colors = "nocolor"
    return shell


def serve(channel, shell, guard, limits):
    """Run the cells that arrive on `channel` and answer each with its outputs, until the stream ends.

    A test cell's answer also has "points", a number, or "why", the reason for there being
    none, and "patched": trusted functions that student code had replaced.
    """
    outputs, me = Outputs(limits["output_bytes"]), os.getpid()
    shell.attach(outputs)
    sys.stdout, sys.stderr = _Stream(outputs, "stdout"), _Stream(outputs, "stderr")
    while True:
        request = receive(channel)
        if request is None:
            return
        outputs.clear()
        patched = guard.restore()
        result = _run(shell, request["source"])
        # A process that the cell forked would go on here as well: it is not the notebook.
        if os.getpid() != me:
            os._exit(0)
        changed = guard.restore()
        answer = {
            "token": request["token"],
            "outputs": outputs.items,
            "patched": sorted({*patched, *changed}),
        }
        if request["test"]:
            answer |= _points(result, changed)
        send(channel, answer)


def _run(shell, source):
    try:
        return shell.run_cell(source, store_history=False, silent=False)
    except KeyboardInterrupt:  # it came between the cell and IPython's own handler
        return None


def _points(result, changed):
    """What a test cell gives: {"points": number} or {"why": reason}."""
    from lenet_helpers.checks.points import Points

    if changed:
        return {"why": "the answer replaced " + ", ".join(changed) + " while it was tested"}
    if result is None or result.error_in_exec is not None or result.error_before_exec is not None:
        error = result and (result.error_in_exec or result.error_before_exec)
        return {
            "why": f"the test cell stopped with {type(error).__name__}: {error}"[:300],
            "error": type(error).__name__,
        }
    if type(result.result) is not Points:
        return {"why": "the test cell ran but gave no points"}
    if result.result.undecided:
        return {"why": result.result.undecided}
    value = float(result.result)
    return {"points": value} if math.isfinite(value) else {"why": f"the points are {value}"}
