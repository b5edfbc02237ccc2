"""Notebooks graded in the sandbox: honest, odd and hostile ones. The old course in `todays_course` is
the fixture; the long class and the attacks are proofs.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="the classroom needs nbgrader: pip install -e .[classroom]")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from classroom_attacks import ATTACKS, CLASS, FULL, Case  # noqa: E402

from classroom.grade import grade  # noqa: E402
from classroom.grading import sandbox  # noqa: E402
from classroom.grading.course import Course, UnknownName  # noqa: E402
from classroom.grading.limits import Limits  # noqa: E402
from classroom.grading.outcome import write_feedback, write_results  # noqa: E402
from classroom.grading.submission import Submission  # noqa: E402
from classroom.release import release, solved  # noqa: E402

OLD = ROOT / "tests" / "todays_course"
QUICK = (
    "perfect",
    "blank",
    "flipped-kernel",
    "exits-in-an-answer",
    "endless-answer",
    "test-deleted",
    "not-json",
    "patches-the-checks",
)
LIMITS = Limits(cell_seconds=6, call_share=0.3, late_seconds=0.5, cell_idle_seconds=4, total_idle_seconds=15)
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
needs_sandbox = pytest.mark.skipif(sandbox.bubblewrap() is None, reason="bubblewrap is not usable here")


def make_course(root, cases, assignment="ps1", source=OLD):
    """A course folder with a release of one assignment and everybody's submission."""
    shutil.copytree(source / "source" / assignment, root / "source" / assignment)
    if source == OLD:
        shutil.copytree(source / "exercises", root / "exercises")
    course = Course(root)
    assert release(course) == []
    original = json.loads((root / "source" / assignment / f"{assignment}.ipynb").read_text())
    for name, case in cases.items():
        notebook = solved(original)
        content = case.change(notebook) if case.change else None
        folder = root / "submitted" / name / assignment
        folder.mkdir(parents=True)
        (folder / f"{assignment}.ipynb").write_bytes(
            json.dumps(notebook).encode() if content is None else content
        )
        if case.beside:
            case.beside(folder)
    return course


def grades_of(course, student, assignment="ps1"):
    """Points by test; None where the gradebook says that a human must look."""
    with course.gradebook() as gradebook:
        found = gradebook.find_submission_notebook(assignment, assignment, student).grades
        return {g.name: None if g.needs_manual_grade else g.auto_score for g in found}


def leftovers():
    """Processes of the grader that are still there."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"classroom.grading.template" in line and f"for-{os.getpid()}\0".encode() in line:
            found.append(pid)
    return found


def check_class(course, cases):
    """Grade and compare with what each case declares; returns the list for humans."""
    finished = grade(course, ["ps1"], limits=LIMITS, feedback=True, say=lambda line: print(line, flush=True))
    assert {s.student for s, _problem in finished} == set(cases)
    listed = write_results(course)[1].read_text()
    got = {name: grades_of(course, name) for name in cases}
    assert {n: g for n, g in got.items() if g != cases[n].grades()} == {}
    for name, case in cases.items():
        lines = [line for line in listed.splitlines() if f"· {name}" in line]
        assert case.note in "\n".join(lines), name
        page = (course.folder("feedback", name, "ps1") / "ps1.html").read_text()
        assert "HIDDEN TESTS" not in page
        if None in case.grades().values():
            assert "not decided yet" in page
    assert leftovers() == []
    return listed


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A handful of submissions, graded once."""
    if sandbox.bubblewrap() is None:
        pytest.skip("bubblewrap is not usable here")
    root = tmp_path_factory.mktemp("class")
    cases = {name: CLASS[name] for name in QUICK}
    course = make_course(root, cases)
    return course, check_class(course, cases)


def test_a_handful_is_graded_as_declared(graded):
    course, listed = graded
    page = (course.folder("feedback", "flipped-kernel", "ps1") / "ps1.html").read_text()
    assert "0 of 12" in page and "nothing turns it round here" in page, "the mistake is told"
    assert "not-json · " in listed.split("## Worth")[0]


def test_what_was_graded_is_left_alone_until_something_changes(graded):
    course, _listed = graded

    def waiting():
        return sorted(name for name in QUICK if not Submission(course, name, "ps1").graded_already())

    assert waiting() == []
    with course.gradebook() as gradebook:
        gradebook.remove_submission("ps1", "perfect")
    assert waiting() == ["perfect"], "removed in the gradebook and still handed in"
    record = Submission(course, "blank", "ps1")._record_path()
    about = json.loads(record.read_text())
    record.write_text(json.dumps(about | {"failed": True}))
    assert waiting() == ["blank", "perfect"], "the grader's own failure is tried again"
    source = course.root / "source" / "ps1" / "ps1.ipynb"
    source.write_text(source.read_text().replace("seeds=(48213,", "seeds=(48214,"))
    assert waiting() == ["blank", "perfect"], "an edited source counts once it is released"
    assert release(course) == [] and waiting() == sorted(QUICK)


def test_feedback_shows_what_the_gradebook_says_now(graded):
    course, _listed = graded
    with course.gradebook() as gradebook:
        grade_of = gradebook.find_grade("output-size", "ps1", "ps1", "not-json")
        grade_of.manual_score, grade_of.needs_manual_grade = 7.5, False
        gradebook.find_comment(
            "output-size-answer", "ps1", "ps1", "not-json"
        ).manual_comment = "By hand: well done"
        gradebook.db.commit()
    write_feedback(course, [Submission(course, "not-json", "ps1")])
    page = (course.folder("feedback", "not-json", "ps1") / "ps1.html").read_text()
    assert "7.5 / 25" in page and "By hand: well done" in page and "7.5 so far, 4 not decided yet" in page


def test_unknown_names_are_said(graded):
    course, _listed = graded
    with pytest.raises(UnknownName, match="no assignment 'ps9': choose from ps1"):
        grade(course, ["ps9"])
    with pytest.raises(UnknownName, match="zoe handed in nothing"):
        grade(course, ["ps1"], students=["zoe"])


def test_without_bubblewrap_it_says_so_and_asks(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    with pytest.raises(
        sandbox.NoSandbox, match="students' code runs with YOUR rights(?s:.*)--without-sandbox"
    ):
        grade(make_course(tmp_path, {}), ["ps1"], say=print)


@needs_sandbox
def test_asserts_of_a_teachers_own_are_graded_and_marked(tmp_path):
    def own(notebook):
        pass

    course = make_course(tmp_path, {})
    path = course.root / "source" / "ps1" / "ps1.ipynb"
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "output-size":
            cell["source"] = "assert output_size(5, 3) == 3"
    path.write_text(json.dumps(notebook))
    assert release(course) == []
    for name, answer in (("right", "n - k + 1"), ("wrong", "n - k")):
        handed = solved(notebook)
        for cell in handed["cells"]:
            if cell["metadata"].get("nbgrader", {}).get("grade_id") == "output-size-answer":
                cell["source"] = f"def output_size(n, k):\n    return {answer}"
        folder = course.folder("submitted", name, "ps1")
        folder.mkdir(parents=True)
        (folder / "ps1.ipynb").write_text(json.dumps(handed))
    grade(course, ["ps1"], workers=1, limits=LIMITS)
    assert grades_of(course, "right")["output-size"] == 25 and grades_of(course, "wrong")["output-size"] == 0
    assert grades_of(course, "wrong")["fair-count"] == FULL["fair-count"]
    assert (
        "rests on the student's own process"
        in (course.folder("autograded", "right", "ps1") / "ps1.ipynb").read_text()
    )


# Proofs -----------------------------------------------------------------------------------


@pytest.mark.proof
@needs_sandbox
def test_the_whole_class(tmp_path):
    import resource

    listed = check_class(make_course(tmp_path, CLASS), CLASS)
    assert "everybody: checked" not in listed.replace("\\", "") or "\n- [x]" not in listed
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1_500_000, (
        "this test imports torch; grade alone stays below 500 MB"
    )


@pytest.mark.proof
@needs_sandbox
def test_twenty_attacks_get_nothing(tmp_path):
    cases = {name: Case(change, dict.fromkeys(FULL, 0.0)) for name, change in ATTACKS.items()}
    assert len(cases) >= 20
    check_class(make_course(tmp_path, cases), cases)


@pytest.mark.proof
@needs_sandbox
@pytest.mark.parametrize("name", ["ps1", "ps2", "ps3", "ps4"])
@pytest.mark.parametrize("source", [OLD, ROOT / "classroom"], ids=["old", "new"])
def test_the_reference_solutions_get_full_marks(tmp_path, name, source):
    course = make_course(tmp_path, {"teacher": Case(None)}, name, source)
    grade(course, [name], workers=1, limits=Limits(cell_seconds=120), say=print)
    with course.gradebook() as gradebook:
        for g in gradebook.find_submission_notebook(name, name, "teacher").grades:
            assert g.auto_score == g.max_score or (g.name == "report" and g.needs_manual_grade), g.name
