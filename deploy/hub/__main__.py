"""Start JupyterHub for this course on this machine: `python -m deploy.hub`, or `make hub`.

    python -m deploy.hub [--class class.toml] [--folder hub] [--port 8000]     # 0: one that is free

A trial: on 127.0.0.1 alone, each person's server in a sandbox, the accounts of the class
file. Ctrl-C ends everything; the folder keeps it. SIGHUP, or a hub that fell, restarts the
hub alone: nobody's server and nobody's kernel notices.
"""

import argparse
import ctypes
import errno
import fcntl
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from classroom.grading.sandbox import bubblewrap
from tools.ports import kept

from .course import HERE, ROOT, ClassError, Folders, read_class

FELL_TOO_OFTEN = 5


def missing():
    """One sentence for what is not installed here, or None."""
    for package in ("jupyterhub", "jupyterhub_idle_culler", "nbgrader"):
        if importlib.util.find_spec(package) is None:
            return f'{package} is not installed: pip install -e ".[classroom,hub]"'
    if proxy() is None:
        return (
            "configurable-http-proxy is not installed: npm ci --prefix deploy/hub"
            " (or name the program in LENET_HUB_PROXY)"
        )
    if bubblewrap() is None:
        return "bubblewrap (the program bwrap) is not installed, or may not be used here"
    return None


def proxy():
    """The command of configurable-http-proxy, or None."""
    name = "configurable-http-proxy"
    for place in (os.environ.get("LENET_HUB_PROXY"), HERE / "node_modules" / ".bin" / name):
        if place and Path(place).exists():
            return str(place)
    return shutil.which(name)


class Hub:
    """The proxy and the hub as processes of this one."""

    def __init__(self, file, folder, port):
        self.folders, self.port, self.file = Folders(folder), port, Path(file).resolve()
        self.processes, self.falls, self.lock = {}, {"hub": 0, "proxy": 0}, None

    def start(self):
        """Prepare the folders, then start proxy and hub. Raises ClassError."""
        group = read_class(self.file)
        self.open_port()
        self.folders.make([*group.graders, *group.students])
        lock = open(self.folders.root / "lock", "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ClassError(
                f"another hub is at work in {self.folders.root}: end it, or give another --folder"
            ) from None
        self.lock = lock
        prepared = [sys.executable, "-m", "deploy.hub.prepare", "--class", str(self.file)]
        prepared += ["--folder", str(self.folders.root)]
        if (status := subprocess.run(prepared, cwd=ROOT).returncode) != 0:
            raise ClassError(f"the folder could not be prepared (status {status}, see above)")
        self.start_proxy()
        self.start_hub()

    def open_port(self):
        """Open the port, for as long as this process lives: nobody else can have it, whatever falls."""
        try:
            self.listening = socket.create_server(("127.0.0.1", self.port), backlog=128)
        except (OSError, OverflowError) as problem:
            taken = getattr(problem, "errno", None) == errno.EADDRINUSE
            why = "is taken" if taken else f"cannot be used ({problem})"
            raise ClassError(
                f"port {self.port} {why}: give another one, or --port 0 for one that is free"
            ) from None
        self.port = self.listening.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        # JupyterHub hands a service no open port, only its number.
        self.keeping, self.formgrader_port = kept()

    def start_proxy(self):
        hub, api = (self.folders.socket(kind) for kind in ("hub", "proxy"))
        api.unlink(missing_ok=True)  # of one that was killed
        command = [proxy(), "--ip", "127.0.0.1", "--port", str(self.port), "--api-socket", str(api)]
        command += [
            "--error-target",
            f"http+unix://{quote(str(hub), safe='')}/hub/error",
            "--log-level",
            "warn",
        ]
        loaded = json.dumps(str(HERE / "port.cjs"), ensure_ascii=False)  # Node quotes as JSON does
        given = {
            "CONFIGPROXY_AUTH_TOKEN": self.folders.secret("proxy"),
            "LENET_HUB_PORT": str(self.port),
            "LENET_SOCKET": str(self.listening.fileno()),
            "NODE_OPTIONS": f"{os.environ.get('NODE_OPTIONS', '')} --require {loaded}",
        }
        self._start("proxy", command, given, [self.listening.fileno()])

    def start_hub(self):
        for pid in children(os.getpid()):  # services of a hub that fell
            if pid not in self._own() and not is_server(pid):
                kill(pid)
        command = [sys.executable, "-m", "jupyterhub", "-f", str(HERE / "jupyterhub_config.py")]
        given = {
            "LENET_HUB": "trial",
            "LENET_HUB_CLASS": str(self.file),
            "LENET_HUB_FOLDER": str(self.folders.root),
            "LENET_HUB_PORT": str(self.port),
            "LENET_HUB_FORMGRADER_PORT": str(self.formgrader_port),
            "PYTHONPATH": str(ROOT),
        }
        self._start("hub", command, given)

    def _start(self, name, command, given, files=()):
        # Sessions of their own: Ctrl-C is for this process, which ends them in order.
        with open(self.folders.logs / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                env=os.environ | given,
                cwd=self.folders.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=files,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    def wait_ready(self, seconds=120):
        """Until the hub answers through the proxy; raises ClassError with the end of a log."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._fallen():
            try:
                with urllib.request.urlopen(f"{self.address}/hub/api", timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        name = next(iter(self._fallen()), "hub")
        log = (self.folders.logs / f"{name}.log").read_text(errors="replace")[-3000:]
        raise ClassError(f"the {name} did not start:\n{log}")

    def _fallen(self):
        return [name for name, process in self.processes.items() if process.poll() is not None]

    def start_what_fell(self):
        """Start proxy or hub again where it has ended; raises ClassError where that happens too often."""
        for name in self._fallen():
            self.falls[name] += 1
            if self.falls[name] > FELL_TOO_OFTEN:
                log = self.folders.logs / f"{name}.log"
                raise ClassError(f"the {name} fell {self.falls[name]} times: see {log}")
            print(f"The {name} fell and is started again.", flush=True)
            {"hub": self.start_hub, "proxy": self.start_proxy}[name]()

    def restart_hub(self):
        """End the hub and start it again; the proxy, all servers and all kernels go on."""
        end(self.processes["hub"])
        self.start_hub()

    def stop(self):
        """End the hub with everybody's servers, then the proxy."""
        hub = self.processes.get("hub")
        if hub is not None and hub.poll() is None:
            request = urllib.request.Request(
                f"{self.address}/hub/api/shutdown",
                data=json.dumps({"servers": True, "proxy": False}).encode(),
                headers={"Authorization": f"token {self.folders.secret('launcher')}"},
            )
            try:
                urllib.request.urlopen(request, timeout=10).close()
                self._wait_for_end(hub)
            except OSError:
                pass
        for process in self.processes.values():
            end(process)
        for pid in descendants(os.getpid()):  # of a hub that was killed, or failed at its start
            kill(pid)
        self.reap()
        if self.lock is not None:  # otherwise it is another hub's
            # Found again after a command that was killed, they are no descendants.
            for pid in (int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
                if is_server(pid, self.folders.run):
                    kill(pid)
            shutil.rmtree(self.folders.run, ignore_errors=True)

    def _wait_for_end(self, hub, seconds=60):
        deadline = time.monotonic() + seconds
        while hub.poll() is None and time.monotonic() < deadline:
            self.reap()  # or the hub would wait for servers that have ended
            time.sleep(0.1)

    def _own(self):
        return {process.pid for process in self.processes.values()}

    def reap(self):
        """Take note of orphans that ended, so that the hub sees them gone."""
        for pid in children(os.getpid()):
            if pid not in self._own():
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # of prctl(2)


def end_with_parent():
    """Ask the system to end this process when the launcher is killed; servers go on, for the next one."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def adopt():
    """Let this process inherit what its children leave behind: servers, when the hub is restarted."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children(pid):
    """Process ids of the children of a process."""
    found = []
    with suppress(OSError):  # it has just ended, or one of its threads has
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found


def command_line(pid):
    """How a process was called, its arguments each ended by a zero byte; nothing where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def is_server(pid, run=""):
    """Whether this is the shell in front of somebody's sandbox, which sees its hub's folder `run`."""
    command = command_line(pid)
    return b"server-of-" in command and os.fsencode(run) in command


def descendants(pid):
    """Process ids of all that descends from a process."""
    found, todo = [], [pid]
    while todo:
        below = children(todo.pop())
        found += below
        todo += below
    return found


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def end(process):
    """End a process, with force if it takes longer than ten seconds."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main(arguments=None):
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.hub", description=__doc__.split("\n")[0])
    parser.add_argument("--class", dest="file", type=Path, default=HERE / "class.toml", help="who and what")
    parser.add_argument("--folder", type=Path, default=ROOT / "hub", help="where everybody's work is kept")
    parser.add_argument(
        "--port", type=int, default=8000, help="on 127.0.0.1 (default 8000; 0: one that is free)"
    )
    options = parser.parse_args(arguments)
    if sentence := missing():
        print(sentence, file=sys.stderr)
        return 2
    hub = Hub(options.file, options.folder, options.port)
    asked = []
    signal.signal(signal.SIGHUP, lambda *_: asked.append("restart"))
    signal.signal(signal.SIGTERM, lambda *_: asked.append("stop"))
    if os.geteuid() == 0:
        print("You are root: fine in a container, otherwise better start this as yourself.", flush=True)
    adopt()
    try:
        hub.start()
        hub.wait_ready()
        print(f"JupyterHub is at {hub.address}, on this machine alone. Ctrl-C ends it.")
        for who in ("students", "graders"):
            print(f"Password of the {who}: {hub.folders.secret(who, 8)}")
        print(f"Names: {options.file}. Work: {hub.folders.root}. Logs: {hub.folders.logs}.", flush=True)
        while "stop" not in asked:
            time.sleep(0.5)
            hub.reap()
            hub.start_what_fell()
            if "restart" in asked:
                asked.clear()
                hub.restart_hub()
                hub.wait_ready()
                print("The hub is started again.", flush=True)
    except ClassError as problem:
        print(problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second press must not leave servers behind
        hub.stop()
    print("Ended; everybody's work is kept.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
