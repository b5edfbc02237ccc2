"""A teacher's day: what learning platforms hand out is sorted in, tables say what the gradebook says."""

import csv
import json
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="the classroom needs nbgrader: pip install -e .[classroom]")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import shutil  # noqa: E402

from nbgrader.plugins import LateSubmissionPlugin  # noqa: E402, F401

from classroom import collect, feedback  # noqa: E402
from classroom.grading import outcome  # noqa: E402
from classroom.grading.course import Course  # noqa: E402
from classroom.grading.submission import Assignment, Submission  # noqa: E402
from classroom.release import release, solved  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
PEOPLE = [("anna", "Anna Ü. Maier", "anna@example.org", "101"), ("ben", "=Ben", "ben@example.org", "102")]


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A course with two assignments released and a roster, made once."""
    root = tmp_path_factory.mktemp("released")
    for name in ("ps1", "ps4"):
        shutil.copytree(ROOT / "classroom" / "source" / name, root / "source" / name)
    assert release(Course(root)) == []
    with open(root / "roster.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("student", "name", "email", "lms_id"), *PEOPLE])
    return root


@pytest.fixture
def course(released, tmp_path):
    """A copy of it for each test."""
    shutil.copytree(released, tmp_path, dirs_exist_ok=True)
    return Course(tmp_path)


def notebook(name):
    return json.dumps(
        solved(json.loads((ROOT / "classroom" / "source" / name / f"{name}.ipynb").read_text()))
    ).encode()


def record(course, student, assignment, points):
    """Write down a result as the examiner would have sent it: `points` for every test."""
    submission = Submission(course, student, Assignment(course, assignment))
    known = submission.about.known[assignment]
    from nbformat.v4 import new_notebook

    from classroom.grading import marks, screen

    nb = new_notebook()
    screen.mend(nb, known)
    submission.notebook[assignment] = nb
    submission.notes[assignment] = marks.new_notes(["a note"])
    properties = [
        {"name": "p", "label": "it holds", "worth": 1, "got": points, "key": "" if points else "wrong"}
    ]
    cells = [
        {"outputs": [], "points": points, "properties": properties} for c in nb.cells if c.cell_type == "code"
    ]
    submission.reports[assignment] = {"cells": cells, "notes": [], "ended": ""}
    return submission.record()


def table(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_moodle_canvas_and_plain_folders_are_sorted_in(course, tmp_path):
    moodle, canvas, flat = tmp_path / "moodle.zip", tmp_path / "canvas.zip", tmp_path / "flat"
    with zipfile.ZipFile(moodle, "w") as file:
        file.writestr("Anna Ü. Maier_101_assignsubmission_file_/Kopie von ps1.ipynb", notebook("ps1"))
        file.writestr("Anna Ü. Maier_101_assignsubmission_file_/mine.py", b"x = 1")
        file.writestr("Zoe_999_assignsubmission_file_/empty.ipynb", b"")
        file.writestr("../../../escape_77_assignsubmission_file_/ps1.ipynb", notebook("ps1"))
    with zipfile.ZipFile(canvas, "w") as file:
        file.writestr("ben_LATE_102_5501_ps4-2.ipynb", notebook("ps4"))
        file.writestr("ben_102_5502_notes.txt", b"x")
    flat.mkdir()
    (flat / "carla_ps1.ipynb").write_bytes(notebook("ps1"))
    (flat / "dan").mkdir()
    (flat / "dan" / "PS1 final.ipynb").write_bytes(notebook("ps1"))
    said = []
    done, strange = collect.collect(course, [moodle, canvas, flat], say=said.append)
    found = {
        str(p.relative_to(course.root / "submitted"))
        for p in (course.root / "submitted").rglob("*")
        if p.is_file()
    }
    assert {
        "anna/ps1/ps1.ipynb",
        "anna/ps1/mine.py",
        "ben/ps4/ps4.ipynb",
        "ben/ps4/notes.txt",
        "carla/ps1/ps1.ipynb",
        "dan/ps1/ps1.ipynb",
    } <= found
    assert done == 7 and strange == 1 and len(said) == 9
    assert any("NOT RECOGNISED" in line and "empty.ipynb" in line for line in said)
    assert any("renamed from Kopie von ps1.ipynb" in line for line in said)
    assert all(p.is_relative_to(course.root) for p in tmp_path.rglob("ps1.ipynb"))


def test_tables_have_names_totals_and_what_is_open(course):
    for student, name, points in (("anna", "ps1", 15.0), ("ben", "ps1", 0.0), ("anna", "ps4", 15.0)):
        folder = course.folder("submitted", student, name)
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_bytes(notebook(name))
        record(course, student, name, points)
    (course.root / "submitted" / "loose.ipynb").write_text("x")
    (course.root / "submitted" / "ben" / "PS4").mkdir()
    names = {path.name for path in outcome.write_results(course)}
    assert names == {
        "scores.csv",
        "needs-human.md",
        "canvas.csv",
        "moodle-ps1.csv",
        "moodle-ps4.csv",
        "class.csv",
        "class.png",
    }
    folder = course.root / "results"
    anna, ben = table(folder / "scores.csv")
    assert (anna["name"], anna["email"], anna["lms_id"]) == ("Anna Ü. Maier", "anna@example.org", "101")
    assert ben["name"] == "'=Ben" and anna["ps1 move-weights (of 15)"] == "15"
    assert (
        anna["ps4 report (of 25)"] == "to grade"
        and anna["ps4 total (of 100)"] == ""
        and anna["total (of 200)"] == ""
    )
    assert (
        anna["state"] == "needs a human"
        and ben["state"] == "not all handed in"
        and ben["ps1 total (of 100)"] == "0"
    )
    assert {row["ID number"]: row["ps1"] for row in table(folder / "moodle-ps1.csv")} == {
        "101": anna["ps1 total (of 100)"],
        "102": "0",
    }
    canvas = table(folder / "canvas.csv")
    assert canvas[0]["ps1"] == "100" and canvas[2]["ID"] == "102" and canvas[1]["ps4"] == ""
    listed = (folder / "needs-human.md").read_text()
    for part in ("report: to be graded by hand", "submitted/loose.ipynb", "submitted/ben/PS4", "a note"):
        assert part in listed.replace("\\", "")
    first = table(folder / "class.csv")[0]
    assert (first["hold it"], first["of"], first["most frequent mistakes"]) == ("1", "2", "wrong (1)")
    assert (folder / "class.png").read_bytes().startswith(b"\x89PNG")


def test_feedback_is_made_anew_by_one_command(course, capsys):
    folder = course.folder("submitted", "anna", "ps4")
    folder.mkdir(parents=True)
    (folder / "ps4.ipynb").write_bytes(notebook("ps4"))
    record(course, "anna", "ps4", 10.0)
    assert feedback.main(["ps4", "--course", str(course.root)]) == 0
    page = course.folder("feedback", "anna", "ps4") / "ps4.html"
    assert "not decided yet" in page.read_text() and "1 pages" in capsys.readouterr().out
    with course.gradebook() as gradebook:
        gradebook.find_grade("report", "ps4", "ps4", "anna").manual_score = 21.0
        gradebook.db.commit()
    feedback.main(["--student", "anna", "--course", str(course.root)])
    assert "not decided yet" not in page.read_text() and "21.0 / 25" in page.read_text()
    assert feedback.main(["ps9", "--course", str(course.root)]) == 2


def test_the_late_policy_of_the_course_counts(course):
    from classroom.grade import write_results

    (course.root / "nbgrader_config.py").write_text(
        "c = get_config()\nc.LateSubmissionPlugin.penalty_method = 'zero'\n"
    )
    course = Course(course.root)
    folder = course.folder("submitted", "anna", "ps1")
    folder.mkdir(parents=True)
    (folder / "ps1.ipynb").write_bytes(notebook("ps1"))
    (folder / "timestamp.txt").write_text("2026-03-02 12:00:00 UTC")
    with course.gradebook() as gradebook:
        gradebook.update_or_create_assignment("ps1", duedate="2026-03-01 12:00:00 UTC")
    record(course, "anna", "ps1", 15.0)
    write_results(course)
    anna = table(course.root / "results" / "scores.csv")[0]
    assert float(anna["ps1 late"]) < 0 and anna["ps1 total (of 100)"] == "0"
