"""A class that hands in honest, odd and hostile notebooks, graded in the sandbox. The whole class is a
proof.
"""

import csv
import hashlib
import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="the classroom needs nbgrader: pip install -e .[classroom]")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from classroom.grade import grade  # noqa: E402
from classroom.grading import sandbox  # noqa: E402
from classroom.grading.course import Course  # noqa: E402
from classroom.grading.leaks import hidden_numbers  # noqa: E402
from classroom.grading.limits import Limits  # noqa: E402
from classroom.grading.outcome import write_feedback, write_results  # noqa: E402
from classroom.grading.submission import Submission  # noqa: E402
from classroom.release import release  # noqa: E402
from classroom.wrong_answers.notebooks import CLASS, solved  # noqa: E402

LIMITS = Limits(cell_seconds=12, total_seconds=60)
QUICK = ("perfect", "blank", "flipped-kernel", "test-deleted", "exits", "points-forged", "not-json", "spy")
SOURCE = ROOT / "classroom" / "source"
HAS_SANDBOX = sandbox.bubblewrap() is not None
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
needs_sandbox = pytest.mark.skipif(not HAS_SANDBOX, reason="bubblewrap is not usable here")


def make_course(root, students):
    """A course folder with a release of assignment 1 and everybody's submission."""
    shutil.copytree(SOURCE / "ps1", root / "source" / "ps1")
    course = Course(root)
    assert release(course) == []
    original = json.loads((SOURCE / "ps1" / "ps1.ipynb").read_text())
    for name in students:
        notebook = solved(original)
        content = CLASS[name].change(notebook)
        folder = root / "submitted" / name / "ps1"
        folder.mkdir(parents=True)
        (folder / "ps1.ipynb").write_bytes(json.dumps(notebook).encode() if content is None else content)
    return course


def grades_of(course, student):
    """Points by test; None where the gradebook says that a human must look."""
    with course.gradebook() as gradebook:
        found = gradebook.find_submission_notebook("ps1", "ps1", student).grades
        return {g.name: None if g.needs_manual_grade else g.auto_score for g in found}


def file_hashes(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file()
    }


def leftovers():
    """Processes of the grader, started by this test's process, that are still there."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"classroom.grading.template" in line and f"for-{os.getpid()}\0".encode() in line:
            found.append(pid)
    return found


def check_class(course, students):
    """Grade and compare with what each case declares."""
    before = file_hashes(course.root / "source") | file_hashes(course.root / "submitted")
    finished = grade(course, ["ps1"], limits=LIMITS, say=lambda line: print(line, flush=True))
    assert {s.student for s, _problem in finished} == set(students)
    scores, needs = write_results(course)
    listed = needs.read_text()
    got = {name: grades_of(course, name) for name in students}
    wanted = {name: CLASS[name].grades() for name in students}
    assert {n: g for n, g in got.items() if g != wanted[n]} == {
        n: w for n, w in wanted.items() if got[n] != w
    }
    for name in students:
        case = CLASS[name]
        for test, value in case.grades().items():
            assert (f"ps1 · {name} · {test}" in listed.split("## Worth")[0]) == (value is None), (name, test)
        assert case.note in "\n".join(line for line in listed.splitlines() if f"· {name}" in line), name
    assert file_hashes(course.root / "source") | file_hashes(course.root / "submitted") == before
    assert leftovers() == [], "no process is left"
    return scores


def check_the_spy(course):
    text = (course.folder("autograded", "spy", "ps1") / "ps1.ipynb").read_text()
    outputs = [o for c in json.loads(text)["cells"] for o in c.get("outputs", [])]
    printed = "".join("".join(o.get("text", "")) for o in outputs)
    assert (
        "nothing []" in printed and "none" in printed and "FOUND" not in printed and "SECRET" not in printed
    )


def check_feedback(course, name, shown):
    """The page shows what was earned, and no hidden test: neither its source nor a seed in a message."""
    page = (course.folder("feedback", name, "ps1") / "ps1.html").read_text()
    assert shown in page and "HIDDEN TESTS" not in page
    graded = nbformat.read(course.folder("autograded", name, "ps1") / "ps1.ipynb", 4)
    printed = json.dumps([cell.get("outputs", []) for cell in graded.cells])
    secret = hidden_numbers(nbformat.read(SOURCE / "ps1" / "ps1.ipynb", 4))
    # Pictures in the page are long strings of letters and digits: numbers are looked for where they
    # stand alone.
    assert secret and not [n for n in secret if re.search(rf"(?<!\w){n}(?!\w)", page) or n in printed]


@needs_sandbox
def test_a_handful_is_graded_as_declared(tmp_path):
    course = make_course(tmp_path, QUICK)
    scores = check_class(course, QUICK)
    check_the_spy(course)
    rows = {row[0]: row for row in csv.reader(scores.open(encoding="utf-8-sig"))}
    assert rows["perfect"][-2:] == ["100", "complete"] and rows["blank"][-2:] == ["0", "complete"]
    assert rows["test-deleted"][-2:] == ["", "needs a human"] and "not gradable" in rows["test-deleted"]
    write_feedback(course, [Submission(course, "flipped-kernel", "ps1")])
    check_feedback(course, "flipped-kernel", "✗ 0 of 12")
    said = []
    assert grade(course, ["ps1"], say=said.append) == [] and said == [
        f"0 to grade, {len(QUICK)} graded before and unchanged"
    ]


@pytest.mark.proof
@needs_sandbox
def test_the_whole_class_twice(tmp_path):
    course = make_course(tmp_path, CLASS)
    started = time.monotonic()
    check_class(course, CLASS)
    check_the_spy(course)
    print(f"{len(CLASS)} submissions in {time.monotonic() - started:.0f} s")
    first = {name: grades_of(course, name) for name in CLASS}
    finished = grade(course, ["ps1"], again=True, limits=LIMITS, say=lambda line: None)
    assert len(finished) == len(CLASS)
    assert {name: grades_of(course, name) for name in CLASS} == first, "grading again gives identical scores"
    write_feedback(course, [submission for submission, _problem in finished])
    for name in CLASS:
        page = course.folder("feedback", name, "ps1") / "ps1.html"
        assert page.is_file() and "HIDDEN TESTS" not in page.read_text()


@pytest.mark.proof
@needs_sandbox
@pytest.mark.parametrize("name", ["ps1", "ps2", "ps3", "ps4"])
def test_the_reference_solutions_get_full_marks(tmp_path, name):
    shutil.copytree(SOURCE / name, tmp_path / "source" / name)
    course = Course(tmp_path)
    release(course)
    folder = tmp_path / "submitted" / "teacher" / name
    folder.mkdir(parents=True)
    (folder / f"{name}.ipynb").write_text(
        json.dumps(solved(json.loads((SOURCE / name / f"{name}.ipynb").read_text())))
    )
    grade(course, limits=Limits(cell_seconds=120), say=print)
    with course.gradebook() as gradebook:
        for g in gradebook.find_submission_notebook(name, name, "teacher").grades:
            assert g.auto_score == g.max_score or (g.name == "report" and g.needs_manual_grade), g.name


def test_without_bubblewrap_it_says_so_and_asks(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    course = make_course(tmp_path, ())
    with pytest.raises(
        sandbox.NoSandbox, match="students' code runs with YOUR rights(?s:.*)--without-sandbox"
    ):
        grade(course, ["ps1"], say=print)


def test_without_a_sandbox_it_still_grades(tmp_path):
    """The flag: no isolation, but the same grades, and its own process ends."""
    course = make_course(tmp_path, ("flipped-kernel",))
    grade(course, ["ps1"], workers=1, sandboxed=False, limits=LIMITS, say=print)
    assert grades_of(course, "flipped-kernel") == CLASS["flipped-kernel"].grades()
