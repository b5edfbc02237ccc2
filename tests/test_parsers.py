"""Every parser we own, fed with anything: it gives what it should, or one sentence that names the value.

Pictures are fuzzed in test_pictures, idx files in test_torchvision_sets, progress and books in
test_small_files; the others here, in one table.
"""

import base64
import json
import os
import struct
import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reliability import observed

from classroom.grading import frames, notebooks, wire
from lenet_helpers import LeNet, TrainConfig, load_dataset, sources
from lenet_helpers.checkpoint import load_checkpoint, save_checkpoint
from lenet_helpers.explorers import TrainingDashboard
from lenet_helpers.levers import levers_of
from lenet_helpers.models import LeNetConfig
from lenet_helpers.readers import digits
from lenet_helpers.sources import DataError, image_folder
from lenet_helpers.training import TrainingState
from lenet_helpers.tuning.book import Book
from lenet_helpers.tuning.kept_digits import as_set, keep, kept
from lenet_helpers.tuning.question import Search
from lenet_helpers.tuning.storage import open_storage
from tools.copies import refresh

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
PIECES = [b"null", b"-1", b"[]", b'""', b",", b'"', b"1e999", b"{}", b"\0", b"\xff", b"999999999999999999999"]


@st.composite
def damaged(draw, good):
    """`good` bytes with some changed, cut out or put in."""
    data = bytearray(good)
    for _change in range(draw(st.integers(1, 5))):
        where = draw(st.integers(0, max(len(data) - 1, 0)))
        data[where : where + draw(st.integers(0, 30))] = draw(st.binary(max_size=6) | st.sampled_from(PIECES))
    return bytes(data)


def told(error, *names):
    """Whether an error is one sentence of ours that names what was wrong."""
    text = str(error)
    assert "\n" not in text.strip() and len(text) < 2000, text
    assert not names or any(name in text for name in names), text


# Each parser: a function that makes a good input, the strategy around it, and what must hold -------


class Checkpoint:
    """`load_checkpoint`: safetensors, and JSON about it."""

    def __init__(self, folder):
        self.path, model = folder / "run.safetensors", LeNet()
        save_checkpoint(self.path, model, TrainingState(model, TrainConfig()))
        good = self.path.read_bytes()
        size = struct.unpack("<Q", good[:8])[0]
        self.rest, self.header = good[8 + size :], good[8 : 8 + size]
        self.saved = [p.detach().clone() for p in model.parameters()]
        # The header's length is put right: else nearly all of it is "cut short".
        heads = damaged(self.header).map(lambda h: struct.pack("<Q", len(h)) + h + self.rest)
        bodies = damaged(self.rest).map(lambda r: good[: 8 + size] + r)
        self.inputs = st.binary(max_size=60) | heads | bodies

    def parse(self, data):
        self.path.write_bytes(data)
        model = LeNet()
        before = [p.detach().clone() for p in model.parameters()]
        try:
            state = load_checkpoint(self.path, model)
        except ValueError as error:
            told(error, "run.safetensors")
            assert all(torch.equal(*pair) for pair in zip(before, model.parameters())), "left as it was"
        else:
            assert state.step == 0 and all(torch.equal(*pair) for pair in zip(self.saved, model.parameters()))


class KeptDigits:
    """`kept_digits`: a learner's own drawings, JSON."""

    def __init__(self, folder):
        self.path = folder / "digits.json"
        keep(self.path, np.eye(6), 7)
        good = self.path.read_bytes()
        sizes = st.integers(-3, 10) | st.sampled_from([10**30, 2**63, None, "4", 2.0, True])
        ink = st.binary(max_size=40).map(lambda b: base64.b64encode(b).decode()) | st.text(max_size=9)
        entry = st.fixed_dictionaries({"label": sizes, "height": sizes, "width": sizes, "ink": ink})
        files = st.lists(entry | json_values, max_size=3).map(lambda d: json.dumps({"digits": d}).encode())
        self.inputs = damaged(good) | files | json_values.map(lambda v: json.dumps(v).encode())

    def parse(self, data):
        self.path.write_bytes(data)
        try:
            drawings, labels = kept(self.path)
            images, _labels = as_set(self.path, normalise=True, centre=True)
        except ValueError as error:
            told(error, "digits.json")
            try:  # and nothing is written over it
                keep(self.path, np.eye(4), 1)
            except ValueError:
                assert self.path.read_bytes() == data
        else:
            assert len(drawings) == len(labels) == len(images) and torch.isfinite(images).all()
            assert keep(self.path, np.eye(4), 1) == len(labels) + 1


class Cache:
    """The digits' cache, an .npz: whatever it is, the digits are the published ones."""

    def __init__(self, folder):
        self.path, self.parsed = folder / "mnist-5k.npz", digits._cached()
        small = folder / "small.npz"
        np.savez(small, images=self.parsed[0][:3], labels=self.parsed[1][:3])
        self.inputs = st.binary(max_size=100) | damaged(small.read_bytes())

    def parse(self, data):
        self.path.write_bytes(data)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(digits, "user_cache_path", lambda name: self.path.parent)
            patch.setattr(digits, "_parse", lambda: self.parsed)
            patch.setattr(digits, "_write_cache", lambda *_any: None)
            assert digits._cached()[0] is self.parsed[0]


class Addresses:
    """`open_storage`: the address of a study's database."""

    inputs = (
        st.text(max_size=30)
        | json_values
        | st.builds(
            "{}://{}".format,
            st.sampled_from(["sqlite", "http", "postgres", "mysql", "x+y"]),
            st.text(max_size=12),
        )
    )

    def __init__(self, folder):
        self.folder = folder

    def parse(self, address):
        here = os.getcwd()
        os.chdir(self.folder)  # where a file that it names may be made
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("lenet_helpers.tuning.storage.sqlalchemy.create_engine", refuse_network)
                open_storage(address, 5)
        except (ValueError, ConnectionError) as error:
            told(error)
        finally:
            os.chdir(here)


def refuse_network(url, **options):
    """No server is asked: what is parsed is the address."""
    from sqlalchemy import exc

    if url.get_backend_name() != "sqlite":
        url._get_entrypoint()
    raise exc.OperationalError("connect", {}, Exception("nobody answers"))


class Questions:
    """`Search`: what a search may be asked."""

    names = st.sampled_from([*levers_of(LeNetConfig), *levers_of(TrainConfig), "lerning_rate"])
    ranges = (
        st.none()
        | st.lists(st.integers() | st.floats() | st.text(max_size=5), max_size=3).map(tuple)
        | json_values
    )
    inputs = st.fixed_dictionaries(
        {"trials": st.integers(-2, 5) | json_values},
        optional={
            "epochs": st.floats() | json_values,
            "seed": st.integers() | json_values,
            "space": st.dictionaries(names, ranges, max_size=3)
            | st.lists(st.tuples(names, ranges), max_size=3)
            | json_values,
        },
    )

    def __init__(self, folder):
        pass

    def parse(self, asked):
        try:
            search = Search(**asked)
        except ValueError as error:
            told(error)
        else:
            assert search.trials >= 1 and search.space and Search(**asked) == search


class Levers:
    """Every lever's `check`: a value that is one, or a sentence that names the lever."""

    every = levers_of(LeNetConfig) | levers_of(TrainConfig)
    inputs = st.tuples(
        st.sampled_from(sorted(every)), json_values | st.integers() | st.floats() | st.complex_numbers()
    )

    def __init__(self, folder):
        pass

    def parse(self, given):
        name, value = given
        try:
            checked = self.every[name].check(value)
        except ValueError as error:
            told(error, name)
        else:
            assert self.every[name].check(checked) == checked and type(checked) in (
                self.every[name].kind,
                tuple,
                int,
            )


class Predictions:
    """What a learner types into the dashboard as a prediction."""

    inputs = (
        st.text(max_size=8)
        | st.floats().map(str)
        | st.sampled_from(["97,5", "97.5 %", "1e1", "٩٧", "１２", "_", "1_0", "+5"])
    )

    def __init__(self, folder):
        self.made = TrainingDashboard(load_dataset(n_train=100, validation=20))

    def parse(self, typed):
        self.made.guess.value = typed
        try:
            prediction = self.made.prediction_made()
        except ValueError as error:
            told(error, "prediction")
        else:
            assert prediction is None or 0 <= prediction <= 1


class Folders:
    """`image_folder`: names of files and folders, whatever lies in them."""

    names = st.sampled_from(
        ["train", "test", "val", "0", "1", "a", ".git", "Thumbs.db", "x.png", "y.PNG", "z.txt"]
    )
    inputs = st.lists(st.tuples(names, names, st.sampled_from(["picture", "text", "folder"])), max_size=12)

    def __init__(self, folder):
        from PIL import Image

        self.folder, self.n = folder, 0
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(folder / "one.png")
        self.picture = (folder / "one.png").read_bytes()

    def parse(self, listed):
        self.n += 1
        root = self.folder / str(self.n)
        root.mkdir()
        for above, name, kind in listed:
            path = root / above / name
            try:
                (path if kind == "folder" else path.parent).mkdir(parents=True, exist_ok=True)
                if kind != "folder" and not path.exists():
                    path.write_bytes(self.picture if kind == "picture" else b"text")
            except OSError:  # a file where a folder should be
                pass
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            patch.setitem(sources.REGISTRY, "mine", image_folder(root, size=8))
            try:
                found = load_dataset("mine")
            except (DataError, ValueError) as error:
                told(error)
            else:
                assert len(found.train) and len(found.test) and len(found.class_names) >= 1


class Copies:
    """A learner's copy of a chapter, JSON that may be anything: kept, or set aside whole."""

    def __init__(self, folder):
        from nbformat.v4 import new_markdown_cell, new_notebook, writes

        self.folder, self.n = folder, 0
        self.old = writes(new_notebook(cells=[new_markdown_cell("# Old", id="title")])).encode()
        self.new = writes(new_notebook(cells=[new_markdown_cell("# New", id="title")])).encode()
        self.inputs = (
            damaged(self.old) | json_values.map(lambda v: json.dumps(v).encode()) | st.binary(max_size=50)
        )

    def parse(self, mine):
        self.n += 1
        shipped, copies = self.folder / str(self.n) / "notebooks", self.folder / str(self.n) / "course"
        for path, data in (
            (shipped / "en" / "01.ipynb", self.new),
            (copies / "en" / "01.ipynb", mine),
            (copies / ".shipped" / "en" / "01.ipynb", self.old),
        ):
            path.parent.mkdir(parents=True)
            path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            said = refresh(shipped, copies)
        assert said and all("\n" not in sentence for sentence in said)
        aside = copies / "en" / "01-earlier-1.ipynb"
        assert not aside.exists() or aside.read_bytes() == mine
        json.loads((copies / "en" / "01.ipynb").read_bytes())


class Submissions:
    """A notebook that was handed in."""

    def __init__(self, folder):
        from nbformat.v4 import new_code_cell, new_notebook, writes

        self.path = folder / "ps1.ipynb"
        cell = new_code_cell("1 + 1", metadata={"nbgrader": {"grade_id": "a"}})
        self.inputs = (
            damaged(writes(new_notebook(cells=[cell])).encode())
            | json_values.map(lambda v: json.dumps({"cells": v}).encode())
            | json_values.map(lambda v: json.dumps({"cells": [v], "nbformat": 4}).encode())
            | st.binary(max_size=60)
        )

    def parse(self, data):
        self.path.write_bytes(data)
        try:
            found = notebooks.read(self.path)
        except notebooks.Unreadable as error:
            told(error)
        else:
            assert isinstance(found["cells"], list)


class Frames:
    """msgpack between the grader's processes, and the values in it."""

    good = wire.encode({"a": [1, 2.5, "x"], "b": (torch.arange(3), np.eye(2), {3}, 2**70)})
    values = st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats()
        | st.text(max_size=5)
        | st.binary(max_size=16),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.tuples(st.sampled_from("ltsdITAn"), inner, inner).map(list)
            | st.tuples(
                st.sampled_from(["T", "A"]),
                st.sampled_from(["float32", "<f8", "bool", "O", "V3"]),
                inner,
                inner,
            ).map(list)
        ),
        max_leaves=8,
    )
    inputs = st.binary(max_size=60) | damaged(frames.pack(good)) | values.map(frames.pack)

    def __init__(self, folder):
        pass

    def parse(self, data):
        try:
            wire.decode(frames.unpack(data))
        except frames.Refused as error:
            told(error)


PARSERS = [
    Checkpoint, KeptDigits, Cache, Addresses, Questions, Levers, Predictions, Folders, Copies, Submissions,
    Frames,
]  # fmt: skip
QUICK, LONG = 10, 500
SLOW = {"Folders": 300, "Copies": 300, "Addresses": 300}


def fuzz(kind, folder, times):
    subject = kind(folder)

    @settings(max_examples=times, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(data=subject.inputs)
    def run(data):
        subject.parse(data)

    run()


@pytest.mark.parametrize("kind", PARSERS, ids=lambda kind: kind.__name__)
def test_anything_is_read_or_told(tmp_path, kind):
    fuzz(kind, tmp_path, QUICK)


@pytest.mark.proof
@pytest.mark.parametrize("kind", PARSERS, ids=lambda kind: kind.__name__)
def test_anything_is_read_or_told_for_long(tmp_path, kind):
    times = SLOW.get(kind.__name__, LONG)
    fuzz(kind, tmp_path, times)
    observed(
        "Anything for a parser",
        kind.__doc__.split(":")[0].rstrip("."),
        "read, or told in one sentence",
        times,
    )


def test_book_and_levers_are_the_same_after_a_round(tmp_path):
    """What a fuzz can't see: a good file gives back what was put in."""
    from test_small_files import book_of

    book_of(1, 2).save(tmp_path / "runs.csv")
    assert [entry.number for entry in Book.load(tmp_path / "runs.csv").entries] == [1, 2]
    assert wire.decode(frames.unpack(frames.pack(Frames.good)))["a"] == [1, 2.5, "x"]
