"""Killed, full, read-only, two at once: what is left of each small file, and what the learner is told."""

import contextlib
import os
import resource
import shutil
import signal
import tempfile
import warnings
from pathlib import Path

import nbformat
import numpy as np
import pytest
import reliability
from reliability import Child, at_once, observed, page
from test_small_files import book_of
from torchvision import datasets

from lenet_helpers import LeNet, TrainConfig, files, load_dataset, train
from lenet_helpers.checkpoint import load_checkpoint, save_checkpoint
from lenet_helpers.quizzes import progress
from lenet_helpers.readers import digits
from lenet_helpers.sources import DataError
from lenet_helpers.training import TrainingState
from lenet_helpers.tuning.book import Book
from lenet_helpers.tuning.kept_digits import keep, kept
from tools.copies import original, refresh

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs processes, signals and permissions of POSIX")


# The files we write: how something numbered is written below a folder, and the numbers that are read there.


def record(folder, n):
    progress.record("exercises", str(n), True)


def recorded(folder):
    return sorted(map(int, progress.get("exercises")))


def save_book(folder, n):
    earlier = folder / "runs.csv"
    book = Book.load(earlier) if earlier.exists() else book_of()
    book.entries += book_of(n).entries
    book.save(earlier)


def booked(folder):
    return [entry.number for entry in Book.load(folder / "runs.csv").entries]


def keep_digit(folder, n):
    keep(folder / "digits.json", np.eye(4), n)


def kept_digits(folder):
    return sorted(kept(folder / "digits.json")[1])


@pytest.fixture(scope="module")
def trained():
    """A network of a few steps with its state."""
    data, model = load_dataset(n_train=64), LeNet()
    state = TrainingState(model, TrainConfig(batch_size=16, steps=2))
    list(train(model, data, state.config, state=state))
    return model, state


def save_run(folder, n, run):
    model, run_state = run
    run_state.step = n
    save_checkpoint(folder / "run.safetensors", model, run_state)


def saved_runs(folder):
    file = folder / "run.safetensors"
    return [load_checkpoint(file, LeNet()).step] if file.exists() else []


FILES = {
    "progress is recorded": (record, recorded, "all"),
    "a book of runs is saved": (save_book, booked, "all"),
    "a drawn digit is kept": (keep_digit, kept_digits, "all"),
    "a checkpoint is saved": (save_run, saved_runs, "last"),
}


@pytest.fixture(params=FILES)
def small_file(request, tmp_path, monkeypatch, trained):
    """(what is done, a function that writes number n, one that reads the numbers, whether all are kept)."""
    monkeypatch.setenv("LENET_PROGRESS", str(tmp_path / "progress.json"))
    write, read, keeps = FILES[request.param]
    more = (trained,) if write is save_run else ()
    return request.param, lambda n: write(tmp_path, n, *more), lambda: read(tmp_path), keeps == "all"


# Killed ---------------------------------------------------------------------------------

STEPS = [
    "before the bytes",
    "half of the bytes",
    "before the disk has them",
    "before the renaming",
    "after the renaming",
]


def dying(step, action):
    """`action`, but this process kills itself at `step` on the way to a whole file."""

    def die(*_arguments):
        os.kill(os.getpid(), signal.SIGKILL)

    class Half:
        def __init__(self, name, mode):
            self.file = open(name, mode)

        def __enter__(self):
            return self

        def __exit__(self, *_exception):
            self.file.close()

        def write(self, data):
            self.file.write(data[: len(data) // 2])
            self.file.flush()
            die()

    def changed():
        rename = os.replace
        if step == "before the bytes":
            files.open = die
        elif step == "half of the bytes":
            files.open = Half
        elif step == "before the disk has them":
            os.fsync = die
        elif step == "before the renaming":
            os.replace = die
        else:
            os.replace = lambda *paths: (rename(*paths), die())
        action()

    return changed


def killed(step, action):
    """Run `action` in a process that is killed at `step`; check that it was."""
    assert Child(dying(step, action)).result() == (None, signal.SIGKILL)


@pytest.mark.parametrize("step", STEPS)
def test_killed_while_a_small_file_is_written(small_file, step):
    name, write, read, keeps_all = small_file
    write(1)
    killed(step, lambda: write(2))
    after = [1, 2] if step == "after the renaming" else [1]
    assert read() == (after if keeps_all else after[-1:])
    write(3)
    assert read() == ([*after, 3] if keeps_all else [3])
    observed("Killed", f"while {name}, {step}", "what was there is whole, the next one is kept")


@pytest.mark.parametrize("step", STEPS)
def test_killed_while_the_digits_are_cached(tmp_path, monkeypatch, step):
    parsed = digits._cached()
    killed(step, lambda: digits._write_cache(tmp_path / "mnist-5k.npz", *parsed))
    monkeypatch.setattr(digits, "user_cache_path", lambda name: tmp_path)
    monkeypatch.setattr(digits, "_parse", lambda: parsed)
    assert len(load_dataset().test) == 1000
    assert digits._digest(*digits._cached()) == digits.SHA256
    observed("Killed", "while the digits are cached, " + step, "the next load is whole")


def chapters(folder):
    """A course with two small chapters, and where the copies go."""
    shipped, copies = folder / "notebooks", folder / "course"
    (shipped / "en").mkdir(parents=True)
    for name in ("01-one", "02-two"):
        cell = nbformat.v4.new_markdown_cell("# " + name, id="title")
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), shipped / "en" / f"{name}.ipynb")
    return shipped, copies


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("what", ["the chapters are copied", "a chapter is put back"])
def test_killed_while_chapters_are_copied(tmp_path, step, what):
    shipped, copies = chapters(tmp_path)
    if what == "a chapter is put back":
        refresh(shipped, copies)
        killed(step, lambda: original("01-one", shipped=shipped, copies=copies))
    else:
        killed(step, lambda: refresh(shipped, copies))
    refresh(shipped, copies)
    for source in shipped.rglob("*.ipynb"):
        mine = copies / source.relative_to(shipped)
        assert nbformat.read(mine, 4).cells == nbformat.read(source, 4).cells
    observed("Killed", f"while {what}, {step}", "the next start has every chapter whole")


# A full disk ----------------------------------------------------------------------------


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


def told(write, n):
    """What the learner is told where number `n` cannot be written: the error's text, or "" for none."""
    try:
        write(n)
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def check_told(name, said):
    # Progress is lost without a word: the lesson goes on. The others are asked for, and say so.
    assert (said == "") == (name == "progress is recorded") and "\n" not in said
    return "the lesson goes on" if said == "" else "told in one sentence"


def test_a_full_disk_while_a_small_file_is_written(small_file, tmp_path, full):
    name, write, read, _keeps_all = small_file
    write(1)
    disk, before = full(), sorted(path.name for path in tmp_path.iterdir())
    outcome = check_told(name, told(write, 2))
    assert disk.met == 1 and read() == [1] and sorted(path.name for path in tmp_path.iterdir()) == before
    observed("Disk full", f"while {name} (injected)", f"{outcome}; what was there is whole")


def test_a_full_disk_while_a_book_is_saved_over_anothers(tmp_path, full):
    book_of(5).save(tmp_path / "runs.csv")
    before = sorted(path.read_bytes() for path in tmp_path.iterdir())
    disk = full()
    with pytest.raises(OSError, match="No space left"), pytest.warns(UserWarning, match="runs-earlier-1"):
        book_of(1, 2).save(tmp_path / "runs.csv")
    assert disk.met == 1 and sorted(path.read_bytes() for path in tmp_path.iterdir()) == before


def test_a_full_disk_while_the_digits_are_cached(tmp_path, monkeypatch, full):
    parsed = digits._cached()
    monkeypatch.setattr(digits, "_parse", lambda: parsed)
    monkeypatch.setattr(digits, "user_cache_path", lambda name: tmp_path)
    disk = full()
    assert len(load_dataset().test) == 1000
    assert disk.met == 1 and list(tmp_path.iterdir()) == []
    observed("Disk full", "while the digits are cached (injected)", "loaded all the same")


def test_a_file_that_may_grow_no_further(small_file, tmp_path):
    """RLIMIT_FSIZE: the kernel itself refuses the bytes, in the midst of a file."""
    name, write, read, _keeps_all = small_file
    write(1)
    before = sorted(path.name for path in tmp_path.iterdir())

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
        return told(write, 2)

    said, _signal = Child(limited).result()
    outcome = check_told(name, said)
    assert read() == [1] and sorted(path.name for path in tmp_path.iterdir()) == before
    write(3)
    observed("Disk full", f"while {name} (a limit of 20 bytes a file)", f"{outcome}; what was there is whole")


def on_a_small_disk(size, action):
    """`action(folder)` where the folder is a real disk of `size`, in a process of its own; None: not here."""
    libc = __import__("ctypes").CDLL(None, use_errno=True)
    with tempfile.TemporaryDirectory() as name:

        def mounted():
            # A namespace of its own: nobody else sees the disk, and it goes with the process.
            users = 0 if os.geteuid() == 0 else 0x10000000
            if libc.unshare(0x00020000 | users) or libc.mount(None, b"/", None, 0x44000, None):
                return None
            if libc.mount(b"none", name.encode(), b"tmpfs", 0, f"size={size}".encode()):
                return None
            return action(Path(name))

        return Child(mounted).result()[0]


def fill(folder):
    """Leave no byte free; returns the file to delete."""
    with open(folder / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(512))
    return folder / "filler"


def test_a_real_disk_without_room(small_file, tmp_path, monkeypatch, trained):
    name, _write, _read, keeps_all = small_file
    write, read, _keeps = FILES[name]
    more = (trained,) if write is save_run else ()

    def on(folder):
        os.environ["LENET_PROGRESS"] = str(folder / "progress.json")
        write(folder, 1, *more)
        room = fill(folder)
        said = told(lambda n: write(folder, n, *more), 2)
        after = read(folder)
        room.unlink()
        write(folder, 3, *more)
        return [said, after, read(folder), shutil.disk_usage(folder).total]

    found = on_a_small_disk("1m", on)
    if found is None:
        pytest.skip("no disk can be mounted here")
    said, after, later, size = found
    assert size == 2**20, "it was the small disk that was full"
    outcome = check_told(name, said)
    assert after == [1] and later == ([1, 3] if keeps_all else [3])
    observed("Disk full", f"while {name} (a disk of 1 MB, full)", f"{outcome}; what was there is whole")


def test_a_real_disk_too_small_for_the_digits(monkeypatch):
    parsed = digits._cached()

    def on(folder):
        digits._parse = lambda: parsed
        digits.user_cache_path = lambda name: folder
        return [len(load_dataset().test), [path.name for path in folder.iterdir()]]

    found = on_a_small_disk("64k", on)
    if found is None:
        pytest.skip("no disk can be mounted here")
    assert found == [1000, []]
    observed("Disk full", "while the digits are cached (a disk of 64 kB)", "loaded all the same")


# Read-only ------------------------------------------------------------------------------


@contextlib.contextmanager
def a_folder_for_all():
    """A folder that others may enter: pytest's own are closed to them."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


def as_a_stranger(folder, action):
    """`action()` by a user to whom the folder is read-only: root, to whom nothing is, becomes another."""

    def acting():
        if os.geteuid() == 0:
            os.seteuid(65534)
        try:
            (folder / "try").write_text("x")
        except PermissionError:
            return action()
        return "it could be written to"

    folder.chmod(0o555)
    try:
        return Child(acting).result()[0]
    finally:
        folder.chmod(0o755)


@pytest.mark.parametrize("name", FILES)
def test_a_read_only_folder(monkeypatch, trained, name):
    write, read, _keeps = FILES[name]
    more = (trained,) if write is save_run else ()
    with a_folder_for_all() as folder:
        monkeypatch.setenv("LENET_PROGRESS", str(folder / "progress.json"))
        write(folder, 1, *more)
        before = sorted(path.name for path in folder.iterdir())
        found = as_a_stranger(folder, lambda: [told(lambda n: write(folder, n, *more), 2), read(folder)])
        assert found[1] == [1] and sorted(path.name for path in folder.iterdir()) == before
    observed("Read-only folder", "while " + name, f"{check_told(name, found[0])}; still read")


def test_a_read_only_cache_folder():
    parsed = digits._cached()

    def load():
        digits._parse = lambda: parsed
        return len(load_dataset().test)

    with a_folder_for_all() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "user_cache_path", lambda name: folder)
        assert as_a_stranger(folder, load) == 1000 and not list(folder.iterdir())
    observed("Read-only folder", "while the digits are cached", "loaded all the same")


def test_a_read_only_folder_for_mnist():
    def fetch():
        datasets.MNIST.mirrors = []
        try:
            load_dataset("mnist", root=folder)
        except DataError as error:
            return str(error)

    with a_folder_for_all() as folder:
        said = as_a_stranger(folder, fetch)
        assert said.startswith(f"MNIST: cannot be written to {folder} (") and "\n" not in said
    observed("Read-only folder", "while MNIST is fetched", "told in one sentence")


# Two at once ----------------------------------------------------------------------------


def test_four_processes_at_once(small_file, tmp_path):
    name, write, read, keeps_all = small_file
    n = 4
    if name == "a book of runs is saved":  # each has a table of its own, as notebooks have

        def save(k):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                book_of(*range(1, k + 2)).save(tmp_path / "runs.csv")

        at_once(*[lambda k=k: save(k) for k in range(n)])
        sizes = sorted(len(Book.load(file).entries) for file in tmp_path.glob("runs*.csv"))
        assert sizes == [1, 2, 3, 4]
        outcome = "every table kept, under a name of its own"
    elif keeps_all:
        at_once(*[lambda k=k: [write(10 * k + i) for i in range(5)] and None for k in range(n)])
        assert read() == sorted(10 * k + i for k in range(n) for i in range(5))
        outcome = f"{5 * n} of {5 * n} kept"
    else:
        at_once(*[lambda k=k: write(k) for k in range(n)])
        assert read()[0] in range(n)
        outcome = "one of the four, whole"
    observed("Two at once", f"four processes, while {name}", outcome)


def test_four_processes_cache_the_digits(tmp_path, monkeypatch):
    parsed = digits._cached()
    at_once(*[lambda: digits._write_cache(tmp_path / "mnist-5k.npz", *parsed)] * 4)
    monkeypatch.setattr(digits, "user_cache_path", lambda name: tmp_path)
    monkeypatch.setattr(digits, "_parse", lambda: pytest.fail("the cache is whole"))
    assert len(load_dataset().test) == 1000
    observed("Two at once", "four processes, while the digits are cached", "the cache is whole")


@pytest.mark.parametrize("before", ["nothing", "an older chapter", "a chapter cut short"])
def test_four_processes_copy_the_chapters(tmp_path, before):
    shipped, copies = chapters(tmp_path)
    sources = list(shipped.rglob("*.ipynb"))
    if before != "nothing":
        refresh(shipped, copies)
        for source in sources:
            source.write_bytes(source.read_bytes().replace(b"# 0", b"# New 0"))
            mine = copies / source.relative_to(shipped)
            if before == "a chapter cut short":
                mine.write_bytes(mine.read_bytes()[:40])
    at_once(*[lambda: refresh(shipped, copies) and None] * 4)
    for source in sources:
        assert b"# New 0" in source.read_bytes() or before == "nothing"
        mine = copies / source.relative_to(shipped)
        assert nbformat.read(mine, 4).cells == nbformat.read(source, 4).cells
        assert len(list(mine.parent.glob(f"{mine.stem}-earlier-*"))) == (before == "a chapter cut short")
    observed("Two at once", f"four processes copy the chapters over {before}", "every chapter whole")


def test_a_book_that_was_moved_aside_is_whole(tmp_path):
    book_of(1, 2, 3).save(tmp_path / "runs.csv")
    with pytest.warns(UserWarning):
        moved = book_of(4).save(tmp_path / "runs.csv")
    assert len(Book.load(moved).entries) == 3
    observed("Two at once", "two notebooks save their runs to one name", "both tables kept")


# The page itself ------------------------------------------------------------------------


def test_the_page_counts_what_was_observed_and_nothing_else():
    rows = [["B", "b", "told", 1], ["A", "a", "whole", 2], ["B", "b", "told", 3], ["B", "c", "lost", 1]]
    text = page(rows, "head\n")
    assert text.splitlines() == [
        "head", "",
        "## A", "", "| Fault | Injected | Outcome |", "|---|---:|---|", "| a | 2 | whole |", "",
        "## B", "", "| Fault | Injected | Outcome |", "|---|---:|---|", "| b | 4 | told |",
        "| c | 1 | lost |",
    ]  # fmt: skip


def test_the_last_table_has_each_whole_run_and_stays_when_the_page_is_made_anew(tmp_path):
    target, rows = tmp_path / "page.md", tmp_path / "rows.jsonl"
    rows.write_text('["A", "a", "told", 2]\n', "utf-8")

    def suite(name, tests, skipped, failures=0, errors=0):
        counts = f'tests="{tests}" skipped="{skipped}" failures="{failures}" errors="{errors}"'
        file = tmp_path / name
        file.write_text(
            f'<testsuites><testsuite {counts} timestamp="2026-11-26T10:00:00" time="590.51"/></testsuites>',
            "utf-8",
        )
        return str(file)

    reliability.main(rows, target, "")
    assert "The whole test" not in target.read_text("utf-8")
    for tree, file in [
        ("1234", suite("oldest.xml", 9, 0)),
        ("1234", suite("random.xml", 10, 1)),
        ("1234", suite("01.xml", 10, 1)),
        ("5678", suite("01.xml", 11, 2)),
    ]:
        reliability.whole(target, tree, file)
    reliability.main(rows, target, "again")
    reliability.whole(target, "5678", suite("02.xml", 11, 2))
    text = target.read_text("utf-8")
    assert "`again`" in text and text.count("## ") == 2
    assert text.partition("|---|---|---|---:|---:|---:|\n")[2].splitlines() == [
        "| 01 | 5678 | 2026-11-26 | 9 | 2 | 591 |",
        "| 02 | 5678 | 2026-11-26 | 9 | 2 | 591 |",
        "| oldest | 1234 | 2026-11-26 | 9 | 0 | 591 |",
        "| random | 1234 | 2026-11-26 | 9 | 1 | 591 |",
    ]
    for fault in ({"failures": 1}, {"errors": 1}):
        with pytest.raises(SystemExit, match=r"03.xml: not all passed"):
            reliability.whole(target, "5678", suite("03.xml", 10, 1, **fault))
    assert target.read_text("utf-8") == text


def test_a_row_is_written_by_observation_alone(tmp_path, monkeypatch):
    file = tmp_path / "rows.jsonl"
    monkeypatch.setenv("LENET_RELIABILITY", str(file))
    observed("A", "a", "told", 2)
    observed("A", "b", "whole")
    assert file.read_text("utf-8").splitlines() == ['["A", "a", "told", 2]', '["A", "b", "whole", 1]']
    monkeypatch.delenv("LENET_RELIABILITY")
    observed("A", "c", "told")
    assert len(file.read_text("utf-8").splitlines()) == 2


def test_a_child_tells_its_value_its_error_and_its_end():
    assert Child(lambda: {"a": 1}).result() == ({"a": 1}, 0)
    assert Child(lambda: os.kill(os.getpid(), signal.SIGTERM)).result() == (None, signal.SIGTERM)
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        Child(lambda: 1 / 0).result()
