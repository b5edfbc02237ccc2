"""What the notebook builder keeps of a run and what it drops."""

import base64
import io
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from lenet_helpers.explorers.progress import Progress
from lenet_helpers.figures.canvas import figure, png
from tools.kernel import chapter_environment
from tools.notebooks import METADATA, WIDGET, build, normalise


def run_of(*outputs, **metadata):
    cell = new_code_cell("x", id="x", execution_count=1, outputs=list(outputs), metadata=metadata)
    return new_notebook(cells=[cell], metadata={"language_info": {"name": "python", "version": "3.99"}})


def outputs_after(*outputs):
    notebook = run_of(*outputs)
    normalise(notebook)
    return notebook.cells[0].outputs


def test_metadata_is_the_same_on_every_machine():
    notebook = run_of(
        execution={"started": "now"},
        tags=["nbval-check-output"],
        jupyter={"source_hidden": True},
        lenet={"of": "abc"},
    )
    normalise(notebook)
    assert dict(notebook.metadata) == METADATA
    assert set(notebook.cells[0].metadata) == {"tags", "jupyter", "lenet"}


def test_a_live_figure_leaves_its_picture():
    fig, ax = figure(width=4, height=3)
    ax.plot([0, 1], [1, 0])
    drawn = base64.b64encode(png(fig)).decode("ascii")
    data = {WIDGET: {"model_id": "a"}, "image/png": drawn, "text/plain": "A curve falls."}
    (kept,) = outputs_after(
        new_output("display_data", data, metadata={"image/png": {"alt": "A curve falls."}})
    )
    assert set(kept.data) == {"image/png", "text/plain"} and kept.metadata == {
        "image/png": {"alt": "A curve falls."}
    }
    # The same picture, in fewer bytes.
    assert len(kept.data["image/png"]) < 0.8 * len(drawn)
    before, after = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(code))).convert("RGB"), dtype=int)
        for code in (drawn, kept.data["image/png"])
    )
    assert before.shape == after.shape and np.abs(before - after).mean() < 1


def test_a_progress_bar_leaves_nothing():
    assert (
        outputs_after(new_output("display_data", {WIDGET: {"model_id": "a"}, "text/plain": "  0%| | 0/10"}))
        == []
    )


def test_our_own_bar_leaves_nothing_either_and_what_is_printed_around_it_becomes_one():
    bar = new_output("display_data", Progress(SimpleNamespace(step=0), 9)._repr_mimebundle_())
    assert "text/html" in bar.data, "for who opens a saved copy again"
    before, after = (new_output("stream", name="stdout", text=t) for t in ("1\n", "2\n"))
    (kept,) = outputs_after(before, bar, after)
    assert kept.text == "1\n2\n"


def test_prints_in_pieces_become_one():
    pieces = [new_output("stream", name="stdout", text=t) for t in ("1\n", "2\n")]
    (kept,) = outputs_after(*pieces)
    assert kept.text == "1\n2\n"


@pytest.mark.parametrize("text", ["<object at 0x7f1234567890>", "/tmp/abc123", "ipykernel_4711"])
def test_what_differs_from_run_to_run_is_refused_by_name(text):
    with pytest.raises(ValueError, match="cell x"):
        outputs_after(new_output("stream", name="stdout", text=text))


def test_folders_of_the_run_get_their_usual_names():
    notebook = run_of(new_output("stream", name="stdout", text="in /somewhere/else"))
    normalise(notebook, {"/somewhere/else": "~/data"})
    assert notebook.cells[0].outputs[0].text == "in ~/data"


def test_the_kernel_has_no_network_and_one_thread(tmp_path):
    """Also that an unexecuted cell gets its number, a semicolon keeps an output away, and markdown stays as
    it is.
    """
    path = tmp_path / "small.ipynb"
    code = (
        "import os, socket\nprint(os.environ['OMP_NUM_THREADS'], os.environ['LENET_PROGRESS'])\ntry:\n   "
        " socket.create_connection(('192.0.2.1', 80), timeout=1)\nexcept OSError:\n    print('offline')"
    )
    cells = [
        new_markdown_cell("# Title", id="title"),
        new_code_cell(code, id="one"),
        new_code_cell("1;", id="two"),
    ]
    nbformat.write(new_notebook(cells=cells), path)
    build(path)
    title, one, two = nbformat.read(path, as_version=4).cells
    assert title.source == "# Title" and (one.execution_count, two.execution_count) == (1, 2)
    assert one.outputs[0].text == "1 off\noffline\n" and two.outputs == []
    first = path.read_bytes()
    build(path)
    assert path.read_bytes() == first


def test_nothing_of_this_users_data_is_seen(monkeypatch, tmp_path):
    monkeypatch.setenv("LENET_DATA", str(tmp_path))
    with chapter_environment() as environment:
        assert environment["LENET_DATA"] != str(tmp_path)
