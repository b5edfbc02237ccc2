"""The assignments and the grader's parts: nothing secret is released, right answers pass and wrong ones are
told their mistake, what crosses between processes and what a teacher sees is plain.
"""

import base64
import importlib
import io
import json
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

pytest.importorskip("nbgrader", reason="the classroom needs nbgrader: pip install -e .[classroom]")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import shutil  # noqa: E402

import classroom_answers  # noqa: E402

from classroom.grading import clean, frames, notebooks, screen, tasks, wire  # noqa: E402
from classroom.grading.candidate import constant  # noqa: E402
from classroom.grading.course import Course  # noqa: E402
from classroom.grading.leaks import hidden_numbers, leaks, secrets_of  # noqa: E402
from classroom.grading.marks import teachers_texts  # noqa: E402
from classroom.release import main, release, solved  # noqa: E402
from lenet_helpers.checks import Failed, check  # noqa: E402

SETS = ("ps1", "ps2", "ps3", "ps4")
EXERCISES = {name: tasks.load(ROOT / "classroom" / "exercises", name) for name in SETS}
ALL = {name: exercise for each in EXERCISES.values() for name, exercise in each.items()}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course with its release built: as a clean clone would have it."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "classroom" / "source", root / "source")
    course = Course(root)
    assert release(course) == []
    return course


def source(assignment):
    return nbformat.read(ROOT / "classroom" / "source" / assignment / f"{assignment}.ipynb", 4)


def graded_cells(notebook):
    return [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]


def tasks_of(assignment):
    """(task, points of its cell) for every autograded task."""
    for cell in graded_cells(source(assignment)):
        if cell.cell_type == "code":
            yield tasks.task_of(cell.source), cell.metadata["nbgrader"]["points"]


# What students get --------------------------------------------------------------------


@pytest.mark.parametrize("name", SETS)
def test_release_keeps_its_secrets(course, name):
    original = source(name)
    assert len(secrets_of(original)) > 5 and len(hidden_numbers(original)) >= 3, (
        "there is something to look for"
    )
    text = (course.root / "release" / name / f"{name}.ipynb").read_text()
    assert leaks(original, text) == []
    assert "raise NotImplementedError" in text and "points(" in text, "stubs and visible tests are in it"


def test_an_assignment_in_another_language_is_the_same_one(course, capsys):
    """A made-up language: texts of its own; ids, code, marks and what the gradebook knows stay."""
    made = source("ps4")
    for cell in made.cells:
        if cell.cell_type == "markdown" and not cell.source.startswith("###"):
            cell.source = "Saluton! " + cell.source
    place = course.root / "source-eo" / "ps4" / "ps4.ipynb"
    place.parent.mkdir(parents=True)
    nbformat.write(made, place)

    def released(folder):
        return nbformat.read(course.root / folder / "ps4" / "ps4.ipynb", 4)

    def known():
        with course.gradebook() as gradebook:
            return [
                (c.name, c.source, c.checksum) for c in gradebook.find_notebook("ps4", "ps4").source_cells
            ]

    before = known()
    assert main(["--language", "eo", "--course", str(course.root)]) == 0
    assert "release-eo: ps4" in capsys.readouterr().out and known() == before
    pair = released("release").cells, released("release-eo").cells
    for ours, theirs in zip(*pair, strict=True):
        assert ours.id == theirs.id and ours.metadata.keys() == theirs.metadata.keys()
        if ours.cell_type == "code":
            assert ours.source == theirs.source and ours.metadata == theirs.metadata
        elif "nbgrader" not in ours.metadata:
            assert theirs.source == "Saluton! " + ours.source
    assert (course.root / "release-eo" / "ps4" / "selfcheck" / "pairs.json").is_file()
    texts = teachers_texts(course.root, "ps4", "ps4")
    assert {cell.source for cells in pair for cell in cells if cell.cell_type == "markdown"} <= set(texts)
    made.cells[next(n for n, c in enumerate(made.cells) if c.cell_type == "code")].source += "\nx = 1"
    nbformat.write(made, place)
    assert main(["--language", "eo", "--course", str(course.root)]) == 1
    assert "differs from the English" in capsys.readouterr().out
    assert main(["--language", "xx", "--course", str(course.root)]) == 2


def test_the_leak_search_finds_leaks():
    original = source("ps1")
    found = leaks(original, json.dumps(original))
    number = sorted(hidden_numbers(original))[0]
    assert any("hidden number" in leak for leak in found) and any("pixel = image" in leak for leak in found)
    metadata_only = nbformat.v4.new_notebook(metadata={"note": f"seeds were {number} and so on"})
    assert any(number in leak for leak in leaks(original, json.dumps(metadata_only)))


@pytest.mark.parametrize("name", SETS)
def test_points_add_up_and_every_property_has_its_own(name):
    notebook = source(name)
    assert sum(cell.metadata["nbgrader"]["points"] for cell in graded_cells(notebook)) == 100
    assert all(len(cell.source.splitlines()) <= 15 for cell in notebook.cells), "as in the chapters"
    for task, most in tasks_of(name):
        assert task.total == most and len(task.seeds) >= 2
        assert set(task.worth) == {p.name for p in EXERCISES[name][task.exercise].properties}


def test_no_graded_task_is_in_the_suite_or_in_a_chapter():
    """Neither `check.solution` nor a chapter prints one; the package has no module of theirs."""
    assert not set(ALL) & set(check.names())
    chapters = "".join(p.read_text(encoding="utf-8") for p in sorted((ROOT / "notebooks").rglob("*.ipynb")))
    package = "".join(p.read_text(encoding="utf-8") for p in sorted((ROOT / "lenet_helpers").rglob("*.py")))
    for name in set(ALL) - {"experiment"}:
        assert f"def {name}(" not in chapters + package and name not in chapters, name


def selfcheck_of(course, name, monkeypatch):
    """The module that students of one assignment import, from the folder that they got."""
    monkeypatch.syspath_prepend(course.root / "release" / name)
    for module in [m for m in sys.modules if m.split(".")[0] == "selfcheck"]:
        monkeypatch.delitem(sys.modules, module)
    return importlib.import_module("selfcheck")


@pytest.mark.parametrize("name", SETS)
def test_students_check_themselves_on_stored_pairs(course, name, monkeypatch, capsys):
    selfcheck = selfcheck_of(course, name, monkeypatch)
    for task, _most in tasks_of(name):
        selfcheck.points(task.exercise, EXERCISES[name][task.exercise].solution, task.worth)
        said = capsys.readouterr().out
        assert "✗" not in said and (
            f"{task.total:g} of {task.total:g}" in said or task.exercise == "experiment"
        )
    for exercise, _lost, _key, answer in classroom_answers.WRONG:
        if exercise in EXERCISES[name] and exercise != "experiment":
            worth = next(task.worth for task, _most in tasks_of(name) if task.exercise == exercise)
            selfcheck.points(exercise, answer, worth)
            assert "✗" in capsys.readouterr().out, (exercise, _key)


@pytest.mark.parametrize("name", SETS)
def test_released_notebook_stops_at_the_first_unfinished_exercise(course, name, monkeypatch):
    """Cells run in one namespace, as Run All does it; a stub says what to do."""
    selfcheck = selfcheck_of(course, name, monkeypatch)
    notebook, space = nbformat.read(course.root / "release" / name / f"{name}.ipynb", 4), {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade"):
            with pytest.raises(selfcheck.Unfinished, match="is not started: fill in its cell above"):
                exec(cell.source, space)
            return
        if cell.cell_type == "code":
            try:
                exec(cell.source, space)
            except NotImplementedError as stub:
                assert "replace this line by your code" in str(stub)
                return


# Right and wrong answers --------------------------------------------------------------


def over_the_wire(task, answer):
    """The answer as the examiner meets it: results are values, read leniently."""
    reading = getattr(ALL[task], "result", None) or (lambda value: value)

    def call(*args):
        result = answer(*args)
        return result if isinstance(result, torch.nn.Module) else reading(wire.decode(wire.encode(result)))

    return call


def test_there_are_enough_answers():
    for name in ALL:
        assert [task for task, _answer in classroom_answers.RIGHT].count(name) >= 1, name
        assert [task for task, *_rest in classroom_answers.WRONG].count(name) >= 3, name


@pytest.mark.parametrize("number", range(len(classroom_answers.RIGHT)))
def test_right_answers_pass_in_any_form(number):
    task, answer = classroom_answers.RIGHT[number]
    for seed in range(3):
        ALL[task].run(over_the_wire(task, answer), seed=seed, strict=True)
    ALL[task].run(over_the_wire(task, ALL[task].solution), seed=9, strict=True)


@pytest.mark.parametrize("number", range(len(classroom_answers.WRONG)))
def test_wrong_answers_are_told_their_mistake(number):
    task, lost, key, answer = classroom_answers.WRONG[number]
    for seed in range(2):
        with pytest.raises(Failed) as failed:
            ALL[task].run(over_the_wire(task, answer), seed=seed, only=lost, strict=True)
        assert failed.value.key == key


def test_what_one_mistake_breaks_is_charged_once():
    """A row too few costs the shape, not every number; a missing zero_grad costs the steps, not the modes."""
    wrong = {(task, key): answer for task, _lost, key, answer in classroom_answers.WRONG}
    for task, key, kept in (
        ("panorama", "missing-one", {"values", "dtype"}),
        ("accumulating_loop", "no-zero-grad", {"trains", "validates", "accuracies"}),
    ):
        answer = wrong[task, key]
        results = ALL[task].grade(over_the_wire(task, answer), seed=5)
        assert kept <= {result.property for result in results if result.passed}


# What crosses between the processes -------------------------------------------------------


VALUES = [
    None,
    True,
    3,
    -(2**70),
    2.5,
    "ü",
    b"x",
    [1, (2, {"a": [3.0]})],
    {1: "x", (1, 2): None},
    {1, 2},
    float("inf"),
    torch.arange(6).reshape(2, 3),
    torch.zeros(0, 3),
    torch.tensor(2.0, dtype=torch.bfloat16),
    torch.tensor([True, False]),
    np.arange(4.0).reshape(2, 2)[:, ::-1],
    np.float32(1.5),
]


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_values_cross_as_they_are(number):
    value = VALUES[number]
    back = wire.decode(frames.unpack(frames.pack(wire.encode(value))))
    assert type(back) is type(value)
    if isinstance(value, torch.Tensor):
        assert back.dtype == value.dtype and torch.equal(back, value)
    elif isinstance(value, np.ndarray):
        assert back.dtype == value.dtype and np.array_equal(back, value)
    else:
        assert back == value


def test_half_a_surrogate_pair_arrives_as_something_printable():
    back = wire.decode(frames.unpack(frames.pack(wire.encode(["\ud800", {"\udfff": 1}]))))
    json.dumps(back, ensure_ascii=False).encode()


HOSTILE = [
    ["T", "float32", [2, 3], b"123"],
    ["T", "float32", [2**39], b""],
    ["T", "object", [1], b"12345678"],
    ["A", "|O", [1], b"12345678"],
    ["A", "<f8", [-1], b""],
    ["A", "<f8", ["1"], b"12345678"],
    ["I", "9" * 5000],
    ["I", "x"],
    ["d", 1],
    ["d", ["l"], 1],
    ["s", ["l"]],
    ["?"],
    [],
    [1],
    {"a": 1},
    ["h", 1],
    ["n", "<f8", b""],
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_broken_parts_are_refused(number):
    with pytest.raises(frames.Refused):
        wire.decode(HOSTILE[number])


def test_depth_and_number_of_parts_are_bounded():
    deep = ["l"]
    for _level in range(500):
        deep = ["l", deep]
    with pytest.raises(frames.Refused):
        wire.decode(deep)
    with pytest.raises(frames.Refused):
        frames.unpack(b"\x91" * 5000 + b"\xc0")
    for data in (b"", b"\xc1", b"\xdd\xff\xff\xff\xff", b"\x81\x91\x01\x01"):
        with pytest.raises(frames.Refused):
            frames.unpack(data)
    endless = []
    endless.append(endless)
    with pytest.raises(frames.Refused):
        wire.encode(endless)


def test_an_answer_that_is_always_the_same_is_known():
    assert (
        constant([0, torch.zeros(2, 3), np.zeros(4)])
        and constant([None] * 3)
        and constant([False, False, False])
    )
    assert not constant([0, 0]) and not constant([0, 1, 0]) and not constant([torch.arange(3)] * 3)
    assert constant([(1, 2), (1, 2), (2, 1)]), "as values in any order: the same"
    assert not constant([True, False, True]) and not constant([{"a": 1}] * 3)


def test_a_test_cell_is_read_and_not_run():
    task = tasks.task_of('from x import points\npoints("a", f.g, {"p": 2, "q": 3}, seeds=(1, 2))')
    assert (task.exercise, task.answer, task.total, task.seeds) == ("a", "f.g", 5, (1, 2))
    assert tasks.task_of("assert f(1) == 2") is None and tasks.task_of("points(") is None
    assert tasks.task_of("points(__import__('os'), f, {})") is None
    assert tasks.mixed("ab", 1) != tasks.mixed("ac", 1) != tasks.mixed("ac", 2)


# What a teacher sees ------------------------------------------------------------------


ATTACKS = [
    '<img src=x onerror="alert(1)">',
    "<script>alert(1)</script>",
    "<svg onload=alert(1)><circle/></svg>",
    '[x](javascript:alert(1)) and <a href="java&#10;script:alert(1)">y</a>',
    "![x](http://192.0.2.1/x.png) ![y](attachment:z.png)",
    "</div></div><iframe srcdoc='<script>1</script>'></iframe>",
    "$$\\href{javascript:alert(1)}{x}$$",
    '<style>@import "http://192.0.2.1"</style><link rel=stylesheet href=//192.0.2.1>',
    "<form action=//192.0.2.1><input autofocus onfocus=alert(1)></form>",
    "a\n\n<div\nonmouseover=alert(1)\n\n>b</div>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
]


@pytest.mark.parametrize("number", range(len(ATTACKS)))
def test_markdown_becomes_html_without_power(number):
    from html.parser import HTMLParser

    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    found = []

    class Look(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.append((tag, dict(attrs)))

    Look().feed(markdown2html_mistune(clean.markdown(ATTACKS[number])))
    for tag, attrs in found:
        assert tag not in (
            "script",
            "img",
            "svg",
            "iframe",
            "style",
            "link",
            "form",
            "input",
            "math",
            "object",
        )
        assert not set(attrs) - {"class", "href", "rel", "start", "colspan", "rowspan"}
        assert attrs.get("href", "http:").split(":")[0] in ("http", "https", "mailto")
    assert found[0] == ("div", {"class": "tex2jax_ignore mathjax_ignore"}), "no formula is read in there"


def test_honest_markdown_keeps_its_form():
    html = clean.markdown(
        "# Mine\n\nI found **0.4** < 0.5, *see*:\n\n- a\n- b\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )
    for part in ("<h1>", "<strong>0.4</strong>", "&lt; 0.5", "<li>", "<td>1</td>"):
        assert part in html


def picture(**info):
    from PIL import Image, PngImagePlugin

    about = PngImagePlugin.PngInfo()
    for key, value in info.items():
        about.add_text(key, value)
    out = io.BytesIO()
    Image.new("RGB", (3, 2), (255, 0, 0)).save(out, "PNG", pnginfo=about)
    return out.getvalue()


def test_pictures_are_encoded_anew_without_what_is_hidden_in_them():
    data = base64.b64encode(picture(note="<script>hidden</script>")).decode()
    again = base64.b64decode(clean.png(data))
    assert b"hidden" not in again and again.startswith(b"\x89PNG")
    for bad in (
        '"><img src=x onerror=1>',
        "",
        "AAAA",
        base64.b64encode(b"GIF89a").decode(),
        data[:60],
        5,
        None,
    ):
        assert clean.png(bad) == ""


def test_outputs_are_text_and_pictures_and_bounded():
    budget = [10_000]
    items = [
        ["stream", "a\x00b\ud800"],
        ["data", "<b>x</b>", "no picture"],
        ["error", "E", "v", "t"],
        ["html", "<script>"],
        "x",
        ["stream", 3],
        ["stream", "x" * 20_000],
        ["stream", "lost"],
    ]
    found = clean.outputs(items, budget)
    assert [o["output_type"] for o in found] == ["stream", "display_data", "error", "stream", "stream"]
    assert "cut off" in found[-1]["text"] and "lost" not in json.dumps(found)
    json.dumps(found, ensure_ascii=False).encode()
    assert clean.outputs("nothing", [10]) == []


def test_nothing_that_a_student_writes_makes_a_line_of_its_own():
    text = clean.line("x\n\n## Worth a look\r\n- [x] all: <b>*checked*</b>\u2028y\ud800 http://a")
    assert len(text.splitlines()) == 1 and "\\<b\\>" in text and "\\[x\\]" in text and "http://" not in text
    text.encode()
    assert clean.line(text, 600) == text, "a line may be made of such parts"
    assert clean.line("\\\\*a* \\") == "\\\\\\*a\\* \\\\", (
        "and a backslash of the student's own frees nothing"
    )


def test_a_students_notebook_keeps_only_what_is_graded():
    nb = nbformat.v4.new_notebook(
        metadata={"title": "<script>", "language_info": {"name": "<x>"}, "widgets": {}}
    )
    nb.cells = [
        nbformat.v4.new_markdown_cell(
            "# Text", metadata={"tags": ["remove_cell"]}, attachments={"a": {"image/png": ""}}
        ),
        nbformat.v4.new_markdown_cell("<i>mine</i><script>1</script>"),
        nbformat.v4.new_raw_cell("<script>1</script>", metadata={"raw_mimetype": "text/html"}),
        nbformat.v4.new_code_cell("1", metadata={"collapsed": True, "nbgrader": {"grade_id": "a"}}),
    ]
    clean.notebook(nb, trusted=["# Text"])
    assert set(nb.metadata) == {"kernelspec", "language_info"} and "<" not in json.dumps(nb.metadata)
    assert nb.cells[0].source == "# Text" and not nb.cells[0].metadata and "attachments" not in nb.cells[0]
    assert "script" not in nb.cells[1].source and "<i>mine</i>" in nb.cells[1].source
    assert nb.cells[2].cell_type == "markdown" and "<script" not in nb.cells[2].source
    assert nb.cells[3].metadata == {"nbgrader": {"grade_id": "a"}}


# Looking before running ----------------------------------------------------------------


def known(name, kind="code", test=False, **more):
    return screen.Known(name, kind, more.get("source", f"# {name}"), test, test, not test, 5.0 * test)


KNOWN = [known("a-answer"), known("a", test=True), known("b-answer"), known("b", test=True)]


def handed_in(*names):
    cells = [
        nbformat.v4.new_code_cell(f"# {name}", metadata={"nbgrader": {"grade_id": name}}) for name in names
    ]
    return nbformat.v4.new_notebook(cells=cells)


def ids(notebook):
    return [cell.metadata["nbgrader"]["grade_id"] for cell in notebook.cells if "nbgrader" in cell.metadata]


def test_a_whole_notebook_is_left_alone():
    notebook = handed_in("a-answer", "a", "b-answer", "b")
    assert screen.mend(notebook, KNOWN) == []
    assert ids(notebook) == ["a-answer", "a", "b-answer", "b"]


def test_missing_doubled_and_changed_tests_are_put_back_and_said():
    notebook = handed_in("a-answer", "b-answer", "b", "b")
    notebook.cells[3].source = "points = lambda *a, **k: 100"
    notes = screen.mend(notebook, KNOWN)
    assert ids(notebook) == ["a-answer", "a", "b-answer", "b"] and notebook.cells[-1].source == "# b"
    assert [note.split(" (")[0] for note in notes] == [
        "test cell a was deleted",
        "test cell b was there more than once",
        "test cell b was changed",
    ]


def test_cells_are_put_back_in_order_with_what_follows_them():
    notebook = handed_in("b-answer", "b", "a-answer", "a")
    notebook.cells.insert(1, nbformat.v4.new_code_cell("# mine"))
    notes = screen.mend(notebook, KNOWN)
    assert [c.source for c in notebook.cells] == ["# a-answer", "# a", "# b-answer", "# mine", "# b"]
    assert notes == ["cells were in another order (put back)"]


def test_cells_that_lost_their_ids_are_recognised():
    cells = [
        known("f-answer", source="def f(x):\n    raise NotImplementedError"),
        known("f", test=True, source="points(f)"),
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(text) for text in ("import x", "def f(x):\n    return 1", "points(f)")
        ]
    )
    notes = screen.mend(notebook, cells)
    assert ids(notebook) == ["f-answer", "f"] and len(notebook.cells) == 3
    assert notes == ["2 cells had lost their nbgrader ids (recognised by their text)"]


def test_points_and_ids_of_a_students_own_are_taken_away():
    notebook = handed_in("a-answer", "a", "b-answer", "b", "mine")
    notebook.cells[1].metadata["nbgrader"]["points"] = 1000
    screen.mend(notebook, KNOWN)
    assert (
        notebook.cells[1].metadata["nbgrader"]["points"] == 5.0
        and "nbgrader" not in notebook.cells[4].metadata
    )


NONE = [
    b"",
    b"%PDF",
    b"[]",
    b'{"cells": 3}',
    b'{"cells": [3]}',
    b"\xff\xfe",
    b'{"nbformat": 4}',
    b"[" * 100_000,
    b'{"cells": [{"cell_type": "code", "source": ' + b"[" * 5000 + b"]" * 5000 + b"}]}",
    b'{"nbformat": 99, "cells": []}',
]


@pytest.mark.parametrize("number", range(len(NONE)))
def test_what_is_no_notebook_is_said_to_be_none(tmp_path, number):
    (tmp_path / "ps1.ipynb").write_bytes(NONE[number])
    try:
        assert notebooks.read(tmp_path / "ps1.ipynb").cells is not None
    except notebooks.Unreadable as error:
        assert "not a valid notebook" in str(error)
    else:
        assert number == 8, "a source of nested lists is text, the others are no notebooks"


def test_links_fifos_and_folders_are_no_notebooks(tmp_path):
    import os

    (tmp_path / "secret.ipynb").write_text(nbformat.writes(nbformat.v4.new_notebook()))
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "secret.ipynb")
    os.mkfifo(tmp_path / "fifo.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    assert notebooks.read(tmp_path / "secret.ipynb").cells == []
    for name in ("link", "fifo", "folder", "missing"):
        with pytest.raises(notebooks.Unreadable):
            notebooks.read(tmp_path / f"{name}.ipynb")


def test_a_solved_notebook_shows_no_mark():
    notebook = solved(json.loads((ROOT / "classroom" / "source" / "ps1" / "ps1.ipynb").read_text()))
    assert not any(
        "HIDDEN" in "".join(c["source"]) or "SOLUTION" in "".join(c["source"]) for c in notebook["cells"]
    )
