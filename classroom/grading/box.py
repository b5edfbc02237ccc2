"""One notebook inside the sandbox: run its cells, and answer calls from copies of the process.

Runs in the forked child, in the same process as the student's code, and holds no check,
no reference, no seed and no mark. Nothing that is sent from here earns a point but values
that the examiner recomputes.
"""

import os
import signal
import socket
import sys
import traceback

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from . import frames, wire
from .build import Builder, fill

KEPT_FORMATS = ("text/plain", "image/png")


class Outputs:
    """The outputs of one cell, cut off at a number of bytes. The examiner looks at them again."""

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
            self.items.append(["stream", "\n[output cut here: too much was printed]\n"])
        return not self.cut

    def stream(self, _name, text):
        """Add printed text."""
        if not self._room(len(text)):
            return
        if self.items and self.items[-1][0] == "stream":
            self.items[-1][1] += text
        else:
            self.items.append(["stream", text])

    def data(self, formats):
        """Add a displayed object or a cell's value."""
        text, picture = (formats.get(name) for name in KEPT_FORMATS)
        text = text if isinstance(text, str) else ""
        picture = picture if isinstance(picture, (str, bytes)) else ""
        if (text or picture) and self._room(len(text) + len(picture) // 4):
            self.items.append(["data", text, picture])

    def error(self, name, value, lines):
        """Add an exception with its traceback; always kept, in short where there is no room."""
        text = [str(line)[:4000] for line in lines[-40:]]
        self.items.append(["error", str(name)[:200], str(value)[:2000], "\n".join(text)])


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
        self.outputs.data(data)

    def clear_output(self, wait=False):
        pass


class _Hook(DisplayHook):
    outputs = None

    def __call__(self, result=None):
        if result is not None:
            formats, _metadata = self.shell.display_formatter.format(result)
            self.outputs.data(formats)
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


def serve(control, shell, limits):
    """Run the cells that arrive on the socket `control`, and open sessions, until the stream ends."""
    outputs, me = Outputs(limits["output_bytes"]), os.getpid()
    shell.attach(outputs)
    sys.stdout, sys.stderr = _Stream(outputs, "stdout"), _Stream(outputs, "stderr")
    while (data := frames.read(control.fileno())) is not None:
        request = frames.unpack(data)
        if request["op"] == "open":
            _open(control, shell, outputs)
            continue
        outputs.clear()
        error = _run(shell, request["source"])
        # A process that the cell forked would go on here as well: it is not the notebook.
        if os.getpid() != me:
            os._exit(0)
        frames.write(control.fileno(), frames.pack({"outputs": outputs.items, "error": error}))


def _run(shell, source):
    """Run one cell; the name of the error that ended it, or ""."""
    try:
        result = shell.run_cell(source, store_history=False, silent=False)
        error = result.error_before_exec or result.error_in_exec
    except BaseException as caught:  # a KeyboardInterrupt between the cell and IPython's own handler, ...
        error = caught
    return type(error).__name__ if error is not None else ""


def _open(control, shell, outputs):
    """Fork: the copy answers calls for one property, this process waits for its end."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            ours.close()
            control.close()
            _Session(theirs.fileno(), shell, outputs).serve()
        finally:
            os._exit(0)
    theirs.close()
    socket.send_fds(control, [b"o"], [ours.fileno()])
    ours.close()
    while True:
        try:
            os.waitpid(child, 0)
            break
        except ChildProcessError:  # a handler of the student's own was quicker
            break
        except BaseException:
            continue


class _Session:
    """One property's calls, answered in a copy of the notebook's process."""

    def __init__(self, fd, shell, outputs):
        import torch

        torch.set_num_threads(1)  # threads do not survive a fork
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self._fd, self._shell, self._outputs = fd, shell, outputs
        self._builder = Builder(self._ask)

    def serve(self):
        """Answer requests until the stream ends."""
        while (data := frames.read(self._fd)) is not None:
            request = frames.unpack(data)
            self._outputs.clear()
            try:
                reply = getattr(self, "_" + request["op"])(request)
            except BaseException as error:
                reply = {"error": _told(error)}
            reply["printed"] = "".join(item[1] for item in self._outputs.items if item[0] == "stream")[:2000]
            try:
                data = frames.pack(reply)
            except BaseException as error:
                data = frames.pack({"error": _told(error), "printed": ""})
            frames.write(self._fd, data)

    def _look(self, request):
        import torch

        value = eval(request["what"], self._shell.user_ns)
        if isinstance(value, torch.nn.Module) or not callable(value):
            return {"value": self._out(value)}
        return {"callable": str(getattr(value, "__name__", type(value).__name__))[:100]}

    def _call(self, request):
        what = request["what"]
        function = eval(what, self._shell.user_ns) if isinstance(what, str) else self._builder.kept[what]
        self._builder._made.clear()
        if "fill" in request:
            fill(function, self._in(request["fill"]), request["training"])
        args = [self._in(part) for part in request["args"]]
        kwargs = {name: self._in(part) for name, part in request["kwargs"].items()}
        if request["no_grad"]:
            import torch

            with torch.no_grad():
                result = function(*args, **kwargs)
        else:
            result = function(*args, **kwargs)
        # What a call changed goes back: the arguments, and the networks among them.
        after = [self._out(value) if sent else None for value, sent in zip(args, request["back"])]
        return {"value": self._out(result), "after": after}

    def _ask(self, number, method, args, kwargs):
        parts = [self._out(value) for value in args]
        named = {str(name): self._out(value) for name, value in kwargs.items()}
        frames.write(self._fd, frames.pack({"ask": number, "method": method, "args": parts, "kwargs": named}))
        data = frames.read(self._fd)
        if data is None:
            os._exit(0)
        reply = frames.unpack(data)
        if "error" in reply:
            raise {"TypeError": TypeError, "ValueError": ValueError}.get(reply["error"][0], RuntimeError)(
                reply["error"][1]
            )
        return self._in(reply["value"])

    def _in(self, parts):
        return wire.decode(parts, self._builder.make)

    def _out(self, value):
        return wire.encode(value, self._builder.describe)


def _told(error):
    """What is said about an exception: kinds, message, and the line it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        frame for frame in frames if not frame.filename.startswith((sys.prefix, sys.base_prefix, "/usr/lib"))
    ]
    last = (own or frames)[-1] if frames else None
    deepest = frames[-1].filename if frames else ""
    try:
        message = str(error)
    except BaseException:
        message = "(its message could not be read)"
    return {
        "kinds": [str(kind.__name__)[:100] for kind in type(error).__mro__[:10]],
        "message": message[:1000],
        "line": int(last.lineno or 0) if last else 0,
        "function": str(last.name)[:100] if last else "",
        "stub": type(error) is NotImplementedError and not deepest.startswith((sys.prefix, sys.base_prefix)),
    }
