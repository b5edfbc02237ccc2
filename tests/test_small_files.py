"""Progress, books of runs, results: nothing in them is lost, whoever writes and however it is encoded."""

import codecs
import json
import os
import subprocess
import sys
import threading
import warnings
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reliability import observed

from lenet_helpers.files import locked, set_aside
from lenet_helpers.models import LeNetConfig
from lenet_helpers.quizzes import progress
from lenet_helpers.results import FOLDER, stored_result
from lenet_helpers.training import EpochRecord, TrainConfig
from lenet_helpers.tuning.book import Book, Budget, Entry


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("LENET_PROGRESS", str(tmp_path / "progress.json"))
    return tmp_path / "progress.json"


def everything(folder):
    """All text of all files of a folder."""
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in sorted(folder.iterdir()))


# Encodings -------------------------------------------------------------------------------

ENCODINGS = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a byte order mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "UTF-16, as Notepad's Unicode": lambda text: text.encode("utf-16"),
    "UTF-16 big-endian": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "Windows line ends": lambda text: text.replace("\n", "\r\n").encode(),
    "a trailing empty line": lambda text: (text + "\n\n").encode(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_progress_is_read_in_every_encoding_that_says_what_it_is(file, encoding):
    stored = {"exercises": {"卷积": True, "b": True}, "quiz": {"1/é": {"tries": 2}}}
    file.write_bytes(ENCODINGS[encoding](json.dumps(stored, ensure_ascii=False, indent=1)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert progress.load() == stored
        progress.record("exercises", "c", True)
    stored["exercises"]["c"] = True
    assert progress.load() == stored and json.loads(file.read_text("utf-8")) == stored


# Files that cannot be read ---------------------------------------------------------------

SPOILED = {
    "a comma too many": lambda data: data.replace(b"true\n", b"true,\n"),
    "cut short": lambda data: data[: len(data) // 2],
    "an open brace": lambda data: data + b"{",
    "a stray byte": lambda data: data.replace(b"true", b"tr\xffe", 1),
    "a list": lambda data: b"[" + data + b"]",
    "deeply nested": lambda data: data + b"[" * 100_000,
    "zeros, after a power cut": lambda data: data + bytes(50),
    "a merge conflict": lambda data: b"<<<<<<< HEAD\n" + data + b"=======\n",
    "one kind is no table": lambda data: data.replace(b'"quiz"', b'"odd": 7, "quiz"'),
}


@pytest.mark.parametrize("way", SPOILED)
@pytest.mark.parametrize("act", ["load", "record"])
def test_an_unreadable_progress_file_is_moved_aside_and_said(file, way, act):
    for key in "ab":
        progress.record("exercises", key, True)
    progress.record("quiz", "q", {"tries": 1})
    bad = SPOILED[way](file.read_bytes())
    file.write_bytes(bad)
    with pytest.warns(UserWarning, match="progress-earlier-1.json") as said:
        progress.load() if act == "load" else progress.record("exercises", "c", True)
    assert len(said) == 1 and str(file) in str(said[0].message)
    assert (file.parent / "progress-earlier-1.json").read_bytes() == bad
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # said once
        progress.record("exercises", "d", True)
        assert progress.get("exercises")["d"] is True
    observed("Unreadable", f"a progress file: {way}", "kept beside, said once; the next record kept")


def test_good_parts_of_an_odd_file_stay(file):
    file.write_text('{"exercises": {"a": true}, "quiz": 3}', "utf-8")
    with pytest.warns(UserWarning, match="quiz"):
        assert progress.load() == {"exercises": {"a": True}}


def test_files_set_aside_never_replace_one_another(file):
    for n in range(1, 4):
        file.write_text(f"broken {n}", "utf-8")
        with pytest.warns(UserWarning):
            progress.record("exercises", str(n), True)
    assert all(f"broken {n}" in everything(file.parent) for n in range(1, 4))
    assert progress.get("exercises") == {"3": True}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs permissions that bind this user")
def test_a_folder_of_somebody_else_is_read_and_left_alone(file):
    progress.record("exercises", "a", True)
    before = file.read_bytes()
    file.parent.chmod(0o500)
    try:
        assert progress.get("exercises") == {"a": True}
        progress.record("exercises", "b", True)
        assert file.read_bytes() == before
    finally:
        file.parent.chmod(0o700)


def test_values_that_json_spells_oddly_survive(file):
    odd = {
        "lone surrogate \ud800": "\udfff",
        "emoji": "🙂",
        "line": "\u2028",
        "quote": '"\\',
        "number": 1e300,
    }
    for key, value in odd.items():
        progress.record("quiz", key, value)
    assert progress.get("quiz") == odd


# Two at once -----------------------------------------------------------------------------

WRITER = """
import sys, time
from lenet_helpers.quizzes import progress
print("ready", flush=True)
sys.stdin.readline()
for i in range(20):
    progress.record("exercises", f"{sys.argv[1]}-{i}", True)
"""


def test_two_notebooks_at_once_lose_nothing(file):
    both = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for n in range(2)
    ]
    for one in both:
        assert one.stdout.readline() == "ready\n"
    for one in both:  # at the same moment, once both have everything imported
        one.stdin.write("go\n")
        one.stdin.flush()
    for one in both:
        one.communicate(timeout=60)
    assert len(progress.get("exercises")) == 40
    assert [path.name for path in file.parent.iterdir() if path.suffix != ".lock"] == ["progress.json"]
    observed("Two at once", "two notebooks record progress, 20 times each", "40 of 40 records kept")


def test_many_threads_at_once_lose_nothing(file):
    def write(n):
        for i in range(10):
            progress.record("exercises", f"{n}-{i}", True)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(progress.get("exercises")) == 60


def test_a_writer_that_never_lets_go_costs_the_record_not_the_lesson(file, monkeypatch):
    progress.record("exercises", "a", True)
    monkeypatch.setattr(locked.__wrapped__, "__defaults__", (0.1,))
    with FileLock(file.with_name(f".{file.name}.lock")):
        progress.record("exercises", "b", True)
        assert progress.get("exercises") == {"a": True}
    progress.record("exercises", "c", True)
    assert progress.get("exercises") == {"a": True, "c": True}


def test_a_lock_left_by_a_killed_notebook_holds_nobody_up(file):
    code = (
        "import os, signal\nfrom lenet_helpers.files import locked\n"
        f"with locked({str(file)!r}):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode < 0
    progress.record("exercises", "a", True)
    assert progress.get("exercises") == {"a": True}
    observed("Killed", "while it holds the lock of the progress file", "the next record is kept at once")


def test_an_error_under_the_lock_gives_it_back(tmp_path):
    with pytest.raises(KeyboardInterrupt), locked(tmp_path / "a"):
        raise KeyboardInterrupt
    with locked(tmp_path / "a", timeout=0.1):
        pass


def test_free_names(tmp_path):
    names = []
    for _n in range(3):
        (tmp_path / "runs.csv").write_bytes(b"x")
        names.append(set_aside(tmp_path / "runs.csv").name)
    assert names == ["runs-earlier-1.csv", "runs-earlier-2.csv", "runs-earlier-3.csv"]


# Books of runs ---------------------------------------------------------------------------


def book_of(*numbers):
    """A book with made-up runs."""
    book = Book()
    for number in numbers:
        record = EpochRecord(**{field.name: 0.5 for field in fields(EpochRecord)} | {"step": 10})
        correct = np.random.default_rng(number).random((2, 50)) < 0.8
        entry = Entry(
            number, LeNetConfig(), TrainConfig(learning_rate=0.1 / number), (0, 1), "finished",
            [[record], [record]], correct, 61_706, 416_520, 1.5,
        )  # fmt: skip
        book.entries.append(entry)
    return book


TABLE_ENCODINGS = {
    "as written": lambda data: data,
    "with Excel's byte order mark": lambda data: codecs.BOM_UTF8 + data,
    "Windows line ends": lambda data: data.replace(b"\n", b"\r\n"),
    "without the last line end": lambda data: data.rstrip(b"\n"),
    "an empty line more": lambda data: data + b"\n",
}


@pytest.mark.parametrize("encoding", TABLE_ENCODINGS)
def test_a_book_is_read_with_or_without_a_byte_order_mark(tmp_path, encoding):
    book = book_of(1, 2)
    book.pin(1)
    book.save(tmp_path / "runs.csv")
    (tmp_path / "runs.csv").write_bytes(TABLE_ENCODINGS[encoding]((tmp_path / "runs.csv").read_bytes()))
    again = Book.load(tmp_path / "runs.csv")
    assert again.table().equals(book.table()) and again.baseline.number == 1


OTHERS = {
    "another notebook's runs": lambda path: book_of(7).save(path),
    "own notes": lambda path: path.write_text("day,mood\n1,good\n", "utf-8"),
    "an empty file": lambda path: path.write_bytes(b""),
    "binary": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0"),
    "runs edited by hand": lambda path: (
        book_of(1).save(path),
        path.write_text(path.read_text("utf-8") + "remark", "utf-8"),
    ),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_book_is_never_written_over_something_else(tmp_path, other):
    path = tmp_path / "runs.csv"
    OTHERS[other](path)
    before = path.read_bytes()
    with pytest.warns(UserWarning, match="runs-earlier-1.csv"):
        kept = book_of(1).save(path)
    assert kept.read_bytes() == before and kept.name == "runs-earlier-1.csv"
    assert len(Book.load(path).entries) == 1
    observed("Unreadable", f"{other} where a book of runs is saved", "kept beside, and said")


def test_ones_own_file_is_replaced_without_ado(tmp_path):
    book = book_of(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(2, 5):
            assert book.save(tmp_path / "runs.csv") is None
            book.entries += book_of(number).entries
        again = Book.load(tmp_path / "runs.csv")
        again.entries += book_of(9).entries
        assert again.save(tmp_path / "runs.csv") is None
    assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]


def test_two_notebooks_that_save_to_one_file_keep_both_tables(tmp_path):
    path = tmp_path / "runs.csv"
    books = [book_of(*range(1, n + 2)) for n in range(6)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        threads = [threading.Thread(target=book.save, args=(path,)) for book in books]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    kept = sorted(len(Book.load(file).entries) for file in tmp_path.glob("runs*.csv"))
    assert kept == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "zip", "txt"])
def test_the_ending_of_a_books_name_means_nothing(tmp_path, ending):
    book_of(1, 2).save(tmp_path / f"runs.{ending}")
    assert len(Book.load(tmp_path / f"runs.{ending}").entries) == 2


def test_results_may_carry_a_byte_order_mark(tmp_path, monkeypatch):
    for path in FOLDER.glob("*.json"):
        (tmp_path / path.name).write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    expected = {path.stem: stored_result(path.stem) for path in FOLDER.glob("*.json")}
    monkeypatch.setattr("lenet_helpers.results.FOLDER", tmp_path)
    assert {name: stored_result(name) for name in expected} == expected


# Any bytes -------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
any_progress = st.one_of(
    st.binary(max_size=60), st.builds(lambda value: json.dumps(value).encode(), json_values)
)


def progress_survives(folder, data):
    """Whatever the file holds: a record is kept, and so are the bytes that were there, or their meaning."""
    for path in folder.iterdir():
        path.unlink()
    file = folder / "progress.json"
    file.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = progress.load()
        aside = [path.read_bytes() for path in folder.glob("progress-earlier-*")]
        assert aside == [data] or repr(before) == repr(json.loads(data))
        progress.record("exercises", "mine", True)
        after = progress.load()
    assert after["exercises"].pop("mine") is True
    before.setdefault("exercises", {}).pop("mine", None)
    assert repr(sorted(after.items())) == repr(sorted(before.items())) or _same(after, before)


def _same(one, other):
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=any_progress)
def test_any_progress_file_is_survived(file, data):
    progress_survives(file.parent, data)


@pytest.mark.proof
@settings(max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=any_progress)
def test_any_progress_file_is_survived_for_long(file, data):
    progress_survives(file.parent, data)
    observed("Anything for a parser", "a progress file", "read, or told in one sentence")


GOOD_BOOK = []


@st.composite
def damaged_books(draw, folder):
    if not GOOD_BOOK:
        book = book_of(1, 2)
        book.pin(2)
        book.save(folder / "good.csv")
        GOOD_BOOK.append((folder / "good.csv").read_bytes())
    data = bytearray(GOOD_BOOK[0])
    for _change in range(draw(st.integers(1, 5))):
        where = draw(st.integers(0, max(len(data) - 1, 0)))
        data[where : where + draw(st.integers(0, 40))] = draw(
            st.binary(max_size=6)
            | st.sampled_from([b"null", b"-1", b"[]", b'""', b",", b'"', b"1e999", b"{}"])
        )
    return bytes(data)


NUMBERS = [one.name for one in fields(EpochRecord)]


def a_book_is_read_or_named(folder, data):
    path = folder / "fuzz.csv"
    path.write_bytes(data)
    try:
        book = Book.load(path)
        book.table()
        book.leaderboard(Budget())
        book.refused(Budget(images=1, parameters=1, multiply_adds=1, seeds=9))
        book.save(path)
        records = [r for e in book.entries for history in e.histories for r in history]
        drawn = [getattr(r, name) for r in records for name in NUMBERS] + list(book.seconds().values())
        assert all(one is None or isinstance(one, int | float) for one in drawn)
    except ValueError as error:
        assert "fuzz.csv" in str(error) or "run" in str(error)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_book_is_read_or_named(tmp_path, data):
    a_book_is_read_or_named(tmp_path, data.draw(st.binary(max_size=80) | damaged_books(tmp_path)))


@pytest.mark.proof
@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_book_is_read_or_named_for_long(tmp_path, data):
    a_book_is_read_or_named(tmp_path, data.draw(st.binary(max_size=80) | damaged_books(tmp_path)))
    observed("Anything for a parser", "a book of runs", "read, or told in one sentence")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("train_accuracies", "[null]"),  # these two were found by the long fuzz
        ("train_accuracies", '[""]'),
        ("train_accuracies", "7"),
        ("seeds", "[null]"),
        ("seeds", '["a"]'),
        ("seconds", "soon"),
        ("curves", '[[{"step": "1"}]]'),
        ("curves", "[[[1]]]"),
        ("images", "-3"),
        ("correct", '["a"]'),
        ("network", "[]"),
        ("training", '{"learning_rate": "fast"}'),
        ("revealed", "[1]"),
    ],
)
def test_a_cell_of_a_book_that_means_nothing_is_named_on_loading(tmp_path, column, value):
    path = tmp_path / "fuzz.csv"
    book_of(1, 2).save(path)
    table = pd.read_csv(path).astype(object)
    table.loc[0, column] = value
    table.to_csv(path, index=False)
    with pytest.raises(ValueError, match="fuzz.csv: not a table of runs"):
        Book.load(path)


def test_a_number_beyond_all_floats_in_a_book_is_named(tmp_path):
    """Found by the long fuzz: pandas reads 1e61706 as infinity, which is no count."""
    path = tmp_path / "fuzz.csv"
    book_of(1).save(path)
    table = pd.read_csv(path).astype(object)
    table.loc[0, "parameters"] = "1e61706"
    table.to_csv(path, index=False)
    a_book_is_read_or_named(tmp_path, path.read_bytes())
    with pytest.raises(ValueError, match=r"fuzz\.csv"):
        Book.load(path)
