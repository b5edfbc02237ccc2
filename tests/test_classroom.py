"""The assignments: nothing secret is released, points add up, right answers pass and wrong ones are
rejected as declared.
"""

import json
import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="the classroom needs nbgrader: pip install -e .[classroom]")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from classroom.grading import screen  # noqa: E402
from classroom.grading.course import Course  # noqa: E402
from classroom.grading.leaks import hidden_numbers, leaks, secrets_of  # noqa: E402
from classroom.grading.outcome import safe  # noqa: E402
from classroom.release import release  # noqa: E402
from classroom.wrong_answers import answers  # noqa: E402
from classroom.wrong_answers.notebooks import CLASS, solved  # noqa: E402
from lenet_helpers.checks import Failed, check  # noqa: E402
from lenet_helpers.checks.points import Points, Unfinished, points  # noqa: E402

SETS = ("ps1", "ps2", "ps3", "ps4")


@pytest.fixture(autouse=True)
def graded(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")


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
    """For each autograded task: (exercise, name of the answer, points by property, hidden seeds, points of
    the cell).
    """
    for cell in graded_cells(source(assignment)):
        if cell.cell_type == "code":
            call = cell.source[cell.source.index("points(") :]
            asked = []
            names = re.match(r'points\(\s*"(\w+)", (\w+),', call)
            exec(
                call,
                {
                    "points": lambda name, answer, worth, seeds: asked.append((name, worth, seeds)),
                    names[2]: None,
                },
            )
            yield (*asked[0][:1], names[2], *asked[0][1:], cell.metadata["nbgrader"]["points"])


# What students get --------------------------------------------------------------------


@pytest.mark.parametrize("name", SETS)
def test_release_keeps_its_secrets(course, name):
    original = source(name)
    assert len(secrets_of(original)) > 10 and len(hidden_numbers(original)) >= 3, (
        "there is something to look for"
    )
    text = (course.root / "release" / name / f"{name}.ipynb").read_text()
    assert leaks(original, text) == []
    assert "raise NotImplementedError" in text and "points(" in text, "stubs and visible tests are in it"


def test_the_leak_search_finds_leaks():
    original = source("ps1")
    text = json.dumps(original)
    found = leaks(original, text)
    assert any("hidden number" in leak for leak in found) and any("window = image" in leak for leak in found)
    metadata_only = nbformat.v4.new_notebook(metadata={"note": "seeds were 48213 and so on"})
    assert any("48213" in leak for leak in leaks(original, json.dumps(metadata_only)))


@pytest.mark.parametrize("name", SETS)
def test_points_add_up(name):
    notebook = source(name)
    assert sum(cell.metadata["nbgrader"]["points"] for cell in graded_cells(notebook)) == 100
    for exercise, _answer, worth, seeds, most in tasks_of(name):
        assert sum(worth.values()) == most
        assert set(worth) == {p.name for p in check.exercise(exercise).properties}, (
            f"{exercise}: every property has its points"
        )
        assert seeds and all(seed >= 1000 for seed in seeds), "hidden seeds that the leak search can find"


def test_accuracy_is_worth_a_fifth_at_most_and_comes_last():
    worth = [(name, p, value) for name, _a, parts, _s, _m in tasks_of("ps3") for p, value in parts.items()]
    assert worth[-1][1] == "accuracy" and worth[-1][2] <= 20


@pytest.mark.parametrize("name", SETS)
def test_released_notebook_stops_at_the_first_unfinished_exercise(course, name, monkeypatch):
    """Cells run in one namespace, as Run All does it; the first test cell says what to do."""
    monkeypatch.delenv("NBGRADER_EXECUTION")
    notebook, space = nbformat.read(course.root / "release" / name / f"{name}.ipynb", 4), {}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if not cell.metadata.get("nbgrader", {}).get("grade"):
            try:
                exec(cell.source, space)
            except NotImplementedError as stub:
                assert "replace this line by your code" in str(stub)
                return
            continue
        with pytest.raises(Unfinished, match="is not started: fill in its cell above"):
            exec(cell.source, space)
        return


# Right and wrong answers --------------------------------------------------------------

TABLE = [(assignment, answer) for assignment in SETS for answer in answers(assignment)]
WRONG = [row for row in TABLE if not row[1].right]
RIGHT = [row for row in TABLE if row[1].right]


def _ids(rows):
    return [f"{assignment}-{answer.task}-{answer.name}" for assignment, answer in rows]


def test_there_are_enough_answers():
    assert len(WRONG) >= 40
    for assignment in SETS:
        for exercise, *_rest in tasks_of(assignment):
            assert sum(answer.task == exercise for _a, answer in RIGHT) >= 2, f"{exercise}: two right answers"
            assert sum(answer.task == exercise for _a, answer in WRONG) >= 6, f"{exercise}: six wrong ones"


def _seeds(assignment, task):
    return next((worth, seeds) for name, _a, worth, seeds, _m in tasks_of(assignment) if name == task)


@pytest.mark.parametrize("row", WRONG, ids=_ids(WRONG))
def test_wrong_answer_loses_the_declared_property(row):
    assignment, answer = row
    _worth, seeds = _seeds(assignment, answer.task)
    with pytest.raises(Failed):
        check.exercise(answer.task).run(answer.load(), seed=seeds[0], only=answer.rejected_by, strict=True)


@pytest.mark.parametrize("row", RIGHT, ids=_ids(RIGHT))
def test_right_answer_gets_full_marks(row, capsys):
    assignment, answer = row
    worth, seeds = _seeds(assignment, answer.task)
    earned = points(answer.task, answer.load(), worth, seeds=seeds[:1])
    assert type(earned) is Points and earned == sum(worth.values()) and not earned.undecided, (
        capsys.readouterr().out
    )


def test_points_are_partial_and_name_the_property(capsys):
    worth, seeds = _seeds("ps1", "cross_correlate")
    wrong = next(a for _s, a in WRONG if a.task == "cross_correlate" and a.rejected_by == "values")
    assert 0 < points("cross_correlate", wrong.load(), worth, seeds=seeds) < 30
    assert "✗ 0 of 12" in capsys.readouterr().out


def test_a_stub_gets_nothing_when_graded():
    def output_size(n, k, p=0, s=1, d=1):
        raise NotImplementedError

    assert points("output_size", output_size, {"plain": 5, "padding": 5}, seeds=(1234,)) == 0


def test_points_refuse_unknown_properties():
    with pytest.raises(ValueError, match="no property 'plane': choose one of plain, "):
        points("output_size", None, {"plane": 5})


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
    assert screen.mend(notebook, KNOWN) == ({}, [])
    assert ids(notebook) == ["a-answer", "a", "b-answer", "b"]


def test_missing_and_doubled_tests_are_undecided_and_others_are_not():
    undecided, _notes = screen.mend(notebook := handed_in("a-answer", "b-answer", "b", "b"), KNOWN)
    assert undecided == {"a": "its test cell was deleted", "b": "its test cell is there more than once"}
    assert "a" in ids(notebook), "the missing test is back, for a human to enter points"


def test_cells_are_put_back_in_order_with_what_follows_them():
    notebook = handed_in("b-answer", "b", "a-answer", "a")
    notebook.cells.insert(1, nbformat.v4.new_code_cell("# mine"))
    _undecided, notes = screen.mend(notebook, KNOWN)
    assert [c.source for c in notebook.cells] == ["# a-answer", "# a", "# b-answer", "# mine", "# b"]
    assert notes == ["cells were in another order (put back)"]


def test_points_and_ids_of_a_students_own_are_taken_away():
    notebook = handed_in("a-answer", "a", "b-answer", "b", "mine")
    notebook.cells[1].metadata["nbgrader"]["points"] = 1000
    screen.mend(notebook, KNOWN)
    assert (
        notebook.cells[1].metadata["nbgrader"]["points"] == 5.0
        and "nbgrader" not in notebook.cells[4].metadata
    )


@pytest.mark.parametrize(
    "content", [b"", b"%PDF", b"[]", b'{"cells": 3}', b'{"cells": [3]}', b"\xff\xfe", b'{"nbformat": 4}']
)
def test_what_is_no_notebook_is_said_to_be_none(tmp_path, content):
    (tmp_path / "ps1.ipynb").write_bytes(content)
    with pytest.raises(screen.Unreadable):
        screen.read(tmp_path / "ps1.ipynb")


def test_links_are_refused(tmp_path):
    (tmp_path / "secret").write_text("gradebook")
    folder = tmp_path / "hand-in"
    folder.mkdir()
    nbformat.write(nbformat.v4.new_notebook(), folder / "ps1.ipynb")
    screen.read(folder / "ps1.ipynb")
    (folder / "data").symlink_to(tmp_path / "secret")
    with pytest.raises(screen.Unreadable, match="link"):
        screen.read(folder / "ps1.ipynb")


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@a", "\t=1", " =1", "\r=1"])
def test_a_spreadsheet_sees_no_formula(value):
    assert safe(value).startswith("'")


def test_numbers_and_names_are_left_alone():
    assert [safe(v) for v in (3.5, 30.0, "anna", "not gradable", "")] == [
        "3.5",
        "30",
        "anna",
        "not gradable",
        "",
    ]


def test_the_synthetic_class_is_large_enough():
    assert len(CLASS) >= 30
    notebook = solved(json.loads((ROOT / "classroom" / "source" / "ps1" / "ps1.ipynb").read_text()))
    assert not any(
        "HIDDEN" in "".join(c["source"]) or "SOLUTION" in "".join(c["source"]) for c in notebook["cells"]
    )


# Deciding what a test cell gave ---------------------------------------------------------


def decide(answer, notes=(), most=10.0):
    """What `marks` makes of a sandbox's answer for one test cell: (undecided, explained zeros, the cell)."""
    from classroom.grading import marks

    metadata = {"nbgrader": known("a", test=True).metadata() | {"points": most}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("points(...)", metadata=metadata)])
    notebook.metadata[marks.NOTES] = {"undecided": {}, "notes": list(notes), "zero": {}}
    marks.apply_report(notebook, {"cells": [{"outputs": [], **answer}], "ended": ""})
    about = notebook.metadata[marks.NOTES]
    return about["undecided"], about["zero"], notebook.cells[0]


def test_points_become_the_cells_value_and_warnings_cost_nothing():
    from nbgrader.utils import determine_grade

    warning = {"output_type": "stream", "name": "stderr", "text": "UserWarning"}
    undecided, zero, cell = decide({"points": 7.5, "outputs": [warning]})
    assert not undecided and not zero and determine_grade(cell) == (7.5, 10.0)


@pytest.mark.parametrize(
    "answer",
    [
        {"points": float("nan")},
        {"points": float("inf")},
        {"points": 11},
        {"points": -1},
        {"points": True},
        {"points": "10"},
        {},
        {"why": "the process that ran the notebook ended"},
        {"points": 10, "late": "too long"},
        {"why": "KeyboardInterrupt", "error": "KeyboardInterrupt"},
    ],
)
def test_everything_else_is_undecided_never_full_marks_nor_zero(answer):
    undecided, zero, _cell = decide(answer)
    assert list(undecided) == ["a"] and undecided["a"] and not zero


def test_an_answer_that_is_not_there_is_an_explained_zero_unless_its_cell_was_deleted():
    missing = {"why": "the test cell stopped with NameError: name 'f' is not defined", "error": "NameError"}
    assert decide(missing)[1] == {"a": "there is no answer: " + missing["why"]}
    assert list(decide(missing, notes=["answer cell a-answer was deleted"])[0]) == ["a"]


def test_outputs_of_an_unknown_shape_are_left_out():
    good = {"output_type": "stream", "name": "stdout", "text": "fine"}
    _u, _z, cell = decide({"points": 1, "outputs": [good, {"output_type": "stream", "text": 3}, {"x": 1}]})
    assert [output.output_type for output in cell.outputs] == ["stream", "execute_result"]


def test_outputs_of_a_test_cell_give_no_hidden_seed_away():
    """A traceback quotes the cell's source, and an answer can print what it finds in its callers."""
    from classroom.grading import marks

    source = "points(f,\n### BEGIN HIDDEN TESTS\nseeds=(48213,),\n### END HIDDEN TESTS\n)"
    cell = nbformat.v4.new_code_cell(source, metadata={"nbgrader": known("a", test=True).metadata()})
    notebook = nbformat.v4.new_notebook(cells=[cell])
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "seeds 48213"},
        {
            "output_type": "error",
            "ename": "NameError",
            "evalue": "name 'f'",
            "traceback": [source, "NameError: name 'f'"],
        },
    ]
    marks.apply_report(
        notebook, {"cells": [{"outputs": outputs, "why": "it stopped", "error": "NameError"}], "ended": ""}
    )
    shown = json.dumps(notebook.cells[0].outputs)
    assert "48213" not in shown and "HIDDEN" not in shown and "NameError: name 'f'" in shown
