"""Start the warm process, in bubblewrap where there is one, and hand it notebooks.

What it can see is a folder made for it: the suite without its checks, and the half of the
grader that runs inside. Nothing of the course is in there.
"""

import os
import shutil
import site
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from . import frames
from .isolate import SCRATCH, WRITABLE
from .limits import Limits

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]  # the folder of lenet_helpers and classroom
INSIDE = ("box", "build", "frames", "isolate", "job", "limits", "template", "watch", "wire")
SUITE = "/suite"

NO_SANDBOX = """bubblewrap (the program bwrap) was not found or may not be used here.
Without it, students' code runs with YOUR rights: it can read, change and send away
every file that you can, the gradebook included. Install bubblewrap (on Debian and
Ubuntu: apt install bubblewrap), or say --without-sandbox if you accept that."""


class NoSandbox(RuntimeError):
    """There is no usable sandbox and nobody allowed to go without."""


class WorkerDied(RuntimeError):
    """A process of the grader itself ended. The notebook it was running is not graded."""


def bubblewrap():
    """Path of a bwrap that works here, or None."""
    path = shutil.which("bwrap")
    if path is None:
        return None
    trial = [path, "--unshare-all", "--ro-bind", "/", "/", "true"]
    return path if subprocess.run(trial, capture_output=True).returncode == 0 else None


def stage(folder):
    """Put what students' code may import into `folder`: the suite with the stand-in for its checks."""
    hidden = shutil.ignore_patterns("checks", "__pycache__", "*.po", "*.pot")
    shutil.copytree(ROOT / "lenet_helpers", folder / "lenet_helpers", ignore=hidden)
    shutil.copytree(HERE / "stand_in", folder / "lenet_helpers" / "checks", ignore=hidden)
    (folder / "lenet_helpers" / "checks" / "selfcheck.py").rename(folder / "selfcheck.py")
    inside = folder / "classroom" / "grading"
    inside.mkdir(parents=True)
    for name in INSIDE:
        shutil.copy(HERE / f"{name}.py", inside)
    for package in (inside, inside.parent):
        (package / "__init__.py").touch()
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder)], capture_output=True)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def launch(module, environment, said, before=(), *arguments, cwd=None):
    """Start a module of the grader that talks in frames: (process, descriptor to read from, to write to).

    `said`: a file for what it prints as errors. before: a command that runs it, bubblewrap's for one.
    """
    theirs_in, writing = os.pipe()
    reading, theirs_out = os.pipe()
    command = [sys.executable, "-P", "-m", f"classroom.grading.{module}", str(theirs_in), str(theirs_out)]
    process = subprocess.Popen(
        [*before, *command, *arguments],
        env=environment,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=said,
        pass_fds=(theirs_in, theirs_out),
        start_new_session=True,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    return process, reading, writing


def last_line(said):
    """The last line that a process left in the file `said`."""
    said.seek(0)
    lines = said.read()[-2000:].decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no message"


class Worker:
    """A warm process, started at its first notebook; use as a context manager.

    `sandboxed=False` runs students' code with the caller's rights.
    """

    def __init__(self, sandboxed=True):
        self.sandboxed = sandboxed
        self._process = self._home = None
        self.isolated = None

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def start(self):
        """Start the warm process (a few seconds); done by `begin` where it was not."""
        self._home = Path(tempfile.mkdtemp(prefix="lenet-grading-"))
        self._home.chmod(0o755)
        suite = self._home / "suite"
        suite.mkdir()
        stage(suite)
        me = f"for-{os.getpid()}"  # so that whoever looks at the list of processes sees whose it is
        environment = _environment(self._home, suite, self.sandboxed)
        before = []
        if self.sandboxed:
            before = _bwrap(bubblewrap() or _refuse(), environment, suite)
            environment = {"PATH": os.environ.get("PATH", "/usr/bin")}
        self._said = tempfile.TemporaryFile()
        self._process, self._in, self._out = launch(
            "template", environment, self._said, before, me, cwd="/" if self.sandboxed else self._home
        )
        self.isolated = self._receive()["isolated"]

    def begin(self, cells, files=None, limits=Limits()):
        """Start a notebook's process. cells: the sources, looked at to know what to import beforehand.

        files: dict from relative path to base64 text.
        """
        if self._process is None:
            self.start()
        home = "/box" if self.sandboxed else tempfile.mkdtemp(dir=self._home)
        # A guess that only decides what is imported before the fork.
        trains = any(word in source for source in cells for word in ("train", "optim"))
        return self.ask(
            "start",
            files=files or {},
            limits=limits.as_dict(),
            home=home,
            trains=trains,
            answer_bytes=frames.MOST_BYTES,
        )

    def ask(self, do, **request):
        """One request to the warm process, and its answer."""
        try:
            frames.write(self._out, frames.pack({"do": do, **request}))
        except OSError:
            pass  # the next line says why
        return self._receive()

    def finish(self):
        """End the notebook's process."""
        self.ask("end")
        # Where a child cannot have folders of its own, the next notebook gets a fresh sandbox.
        if self.sandboxed and not self.isolated:
            self.close()

    def _receive(self):
        data = frames.read(self._in, 2 * frames.MOST_BYTES)
        if data is None:
            said = last_line(self._said)
            self.close()
            raise WorkerDied("the grading process ended: " + said)
        return frames.unpack(data, 2 * frames.MOST_BYTES)

    def close(self):
        """End the warm process and everything in its sandbox."""
        if self._process is None:
            return
        process, self._process = self._process, None
        os.close(self._out)
        os.close(self._in)
        try:
            process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._said.close()
        shutil.rmtree(self._home, ignore_errors=True)


def _refuse():
    raise NoSandbox(NO_SANDBOX)


def _environment(home, suite, sandboxed):
    """The environment of student code: nothing of the teacher's own."""
    from platformdirs import user_cache_path

    cache, scratch = ("/cache", SCRATCH) if sandboxed else (str(user_cache_path()), "/tmp")
    paths = {
        "HOME": str(home),
        "XDG_CACHE_HOME": cache,
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": SUITE if sandboxed else str(suite),
        "TMPDIR": scratch,
    }
    fixed = {
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "TQDM_DISABLE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "NBGRADER_EXECUTION": "autograde",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": f"{scratch}/mpl",
        "IPYTHONDIR": f"{scratch}/ipython",
    }
    return paths | fixed | ({"LENET_BOXED": "1", "HOME": "/box"} if sandboxed else {})


def _bwrap(program, environment, suite):
    """The bubblewrap command: the system and Python read-only, three small writable folders, no network."""
    command = [
        program,
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--die-with-parent",
        "--clearenv",
        "--hostname",
        "classroom",
    ]
    if os.getuid() == 0:
        # Enough for the warm process to become an ordinary user, which it does first of all.
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    for name, value in environment.items():
        command += ["--setenv", name, value]
    command += system_and_python()
    for path in _hidden():
        command += ["--perms", "0755", "--tmpfs", str(path)]
    command += ["--ro-bind", str(suite), SUITE]
    command += _cache()
    size = str(Limits().disk_mb * 1024 * 1024)
    command += ["--proc", "/proc", "--dev", "/dev"]
    for path in WRITABLE:
        command += ["--perms", "1777", "--size", size, "--tmpfs", path]
    return command + ["--remount-ro", "/", "--remount-ro", "/dev", "--chdir", "/", "--"]


def system_and_python():
    """Arguments of bwrap that show the system's programs and this Python with its packages, read-only."""
    command = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/") / name
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            command += ["--ro-bind", str(path), str(path)]
    command += [
        "--ro-bind-try",
        "/etc/ld.so.cache",
        "/etc/ld.so.cache",
        "--ro-bind-try",
        "/etc/fonts",
        "/etc/fonts",
    ]
    readable = _readable()
    for parent in sorted({up for path in readable for up in path.parents} - {Path("/")}):
        # bwrap makes missing folders for its own user alone
        command += ["--perms", "0755", "--dir", str(parent)]
    for path in readable:
        command += ["--ro-bind", str(path), str(path)]
    return command


def _packages():
    places = {Path(p) for p in (sysconfig.get_paths()["purelib"], *site.getsitepackages())}
    return {p.resolve() for p in places if p.exists()}


def _readable():
    """What must be visible: this Python and its packages."""
    places = {Path(p).resolve() for p in (sys.prefix, sys.base_prefix)} | _packages()
    places = {p for p in places if not str(p).startswith("/usr/") and p != Path("/usr")}
    return sorted(p for p in places if not any(p != q and p.is_relative_to(q) for q in places))


def _hidden():
    """Installed copies of the suite, which have its checks: they stay out of sight."""
    return [p for place in _packages() for p in (place / "lenet_helpers", place / "classroom") if p.is_dir()]


def _cache():
    """The embedded digits, already parsed: seconds saved for every notebook."""
    from platformdirs import user_cache_path

    from lenet_helpers import load_dataset

    load_dataset("mnist-5k")  # writes the cache where there is none
    path = user_cache_path("lenet_helpers") / "mnist-5k.npz"
    return [
        "--perms",
        "0755",
        "--dir",
        "/cache",
        "--perms",
        "0755",
        "--dir",
        "/cache/lenet_helpers",
        "--ro-bind-try",
        str(path),
        "/cache/lenet_helpers/mnist-5k.npz",
    ]
