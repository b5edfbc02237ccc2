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

from classroom_attacks import ATTACKS, CLASS, FULL, Case, answer, cell  # noqa: E402

from classroom.grade import grade  # noqa: E402
from classroom.grading import sandbox  # noqa: E402
from classroom.grading.course import Course, UnknownName  # noqa: E402
from classroom.grading.limits import Limits  # noqa: E402
from classroom.grading.outcome import write_feedback, write_results  # noqa: E402
from classroom.grading.submission import Submission  # noqa: E402
from classroom.release import release, solved  # noqa: E402
from tools.ports import kept  # noqa: E402

OLD = ROOT / "tests" / "todays_course"
QUICK = ("perfect", "several-mistakes", "not-json", "patches-the-checks")  # each alone: a proof
LIMITS = Limits(cell_seconds=6, call_share=0.3, late_seconds=0.5, cell_idle_seconds=4, total_idle_seconds=15)
QUICK_LIMITS = Limits(cell_seconds=2, call_share=0.1, late_seconds=0.2)
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


def check_class(course, cases, limits=LIMITS, workers=2):
    """Grade and compare with what each case declares; returns the list for humans."""
    finished = grade(
        course, limits=limits, workers=workers, feedback=True, say=lambda line: print(line, flush=True)
    )
    assert {s.student for s, _problem in finished if s.assignment == "ps1"} == set(cases)
    listed = write_results(course)[1].read_text()
    got = {name: grades_of(course, name) for name in cases}
    wrong = {n: g for n, g in got.items() if g != cases[n].grades()}
    # Who writes into the grader's own descriptors may also end as "not gradable": no points either.
    wrong = {n: g for n, g in wrong.items() if n not in cases or n not in ATTACKS or any(g.values())}
    assert wrong == {}
    for name, case in cases.items():
        lines = [line for line in listed.splitlines() if f"· {name}" in line]
        assert case.note in "\n".join(lines), name
        page = (course.folder("feedback", name, "ps1") / "ps1.html").read_text()
        assert "HIDDEN TESTS" not in page
        if None in got[name].values():
            assert "not decided yet" in page
    assert leftovers() == []
    return listed


def own_asserts(course):
    """Add an assignment whose teacher wrote one test with `assert`, and two who hand it in."""
    notebook = json.loads((course.root / "source" / "ps1" / "ps1.ipynb").read_text())
    kept = {"imports", "output-size-answer", "output-size", "fair-count-answer", "fair-count"}
    notebook["cells"] = [
        c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") in kept
    ]
    cell(notebook, "output-size")["source"] = "assert output_size(5, 3) == 3"
    (course.root / "source" / "own").mkdir()
    (course.root / "source" / "own" / "own.ipynb").write_text(json.dumps(notebook))
    shutil.copy(course.root / "exercises" / "ps1.py", course.root / "exercises" / "own.py")
    assert release(course, ["own"]) == []
    for name, formula in (("right", "n - k + 1"), ("wrong", "n - k")):
        handed = solved(notebook)
        answer(handed, "output-size", f"def output_size(n, k):\n    return {formula}")
        folder = course.folder("submitted", name, "own")
        folder.mkdir(parents=True)
        (folder / "own.ipynb").write_text(json.dumps(handed))


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A handful of submissions, graded once. One worker: to start a second one takes longer than it saves."""
    if sandbox.bubblewrap() is None:
        pytest.skip("bubblewrap is not usable here")
    root = tmp_path_factory.mktemp("class")
    cases = {name: CLASS[name] for name in QUICK}
    course = make_course(root, cases)
    own_asserts(course)
    return course, check_class(course, cases, QUICK_LIMITS, workers=1)


def test_a_handful_is_graded_as_declared(graded):
    course, listed = graded
    page = (course.folder("feedback", "several-mistakes", "ps1") / "ps1.html").read_text()
    assert "0 of 12" in page and "nothing turns it round here" in page, "the mistake is told"
    assert "not-json · " in listed.split("## Worth")[0]


def test_asserts_of_a_teachers_own_are_graded_and_marked(graded):
    course, listed = graded
    right, wrong = grades_of(course, "right", "own"), grades_of(course, "wrong", "own")
    assert right == {"output-size": 25, "fair-count": FULL["fair-count"]}
    assert wrong == {"output-size": 0, "fair-count": FULL["fair-count"]}
    said = "rests on the student's own process"
    assert said in (course.folder("autograded", "right", "own") / "own.ipynb").read_text()
    assert said in (course.folder("feedback", "right", "own") / "own.html").read_text() and said in listed


def test_what_was_graded_is_left_alone_until_something_changes(graded):
    course, _listed = graded

    def waiting():
        return sorted(name for name in QUICK if not Submission(course, name, "ps1").graded_already())

    assert waiting() == []
    with course.gradebook() as gradebook:
        gradebook.remove_submission("ps1", "perfect")
    assert waiting() == ["perfect"], "removed in the gradebook and still handed in"
    record = Submission(course, "not-json", "ps1")._record_path()
    about = json.loads(record.read_text())
    record.write_text(json.dumps(about | {"failed": True}))
    assert waiting() == ["not-json", "perfect"], "the grader's own failure is tried again"
    source = course.root / "source" / "ps1" / "ps1.ipynb"
    source.write_text(source.read_text().replace("seeds=(48213,", "seeds=(48214,"))
    assert waiting() == ["not-json", "perfect"], "an edited source counts once it is released"
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
    with pytest.raises(UnknownName, match="no assignment 'ps9': choose from own, ps1"):
        grade(course, ["ps9"])
    with pytest.raises(UnknownName, match="zoe handed in nothing"):
        grade(course, ["ps1"], students=["zoe"])


def test_without_bubblewrap_it_says_so_and_asks(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    with pytest.raises(
        sandbox.NoSandbox, match="students' code runs with YOUR rights(?s:.*)--without-sandbox"
    ):
        grade(Course(tmp_path), say=print)


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
    course = make_course(tmp_path, cases)
    check_class(course, cases)
    looked = course.folder("autograded", "looks-for-the-course", "ps1") / "ps1.ipynb"
    assert "clean\\n" in looked.read_text(), "it went through all folders and found nothing"


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


def formgrader(course, run):
    """Start Jupyter where TEACHING.md says, in the course's folder, and call `run(address)`."""
    import subprocess
    import time
    import urllib.request

    keeping, port = kept()
    address = f"http://127.0.0.1:{port}"
    shutil.copy(ROOT / "classroom" / "nbgrader_config.py", course.root)
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=", "--ServerApp.port_retries=0"]
    bin_folder = str(Path(sys.executable).parent)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": bin_folder + os.pathsep + os.environ["PATH"]}
    server = subprocess.Popen(
        command, cwd=course.root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _try in range(300):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=5)
                break
            except OSError:
                time.sleep(0.2)
        return run(address)
    finally:
        server.terminate()
        server.wait(timeout=30)
        keeping.close()


SCRIPT = "<script>window.PWNED=1</script><img src=x onerror='window.PWNED=1'>"


def hostile_page(notebook):
    """Script wherever a notebook can hold text."""
    from classroom_attacks import extra

    texts = [
        SCRIPT,
        "[x](javascript:window.PWNED=1)",
        "$\\href{javascript:window.PWNED=1}{x}$",
        "<svg onload='window.PWNED=1'>",
    ]
    notebook["cells"] += [
        {"cell_type": "markdown", "id": f"m{n}", "metadata": {"tags": [SCRIPT]}, "source": text}
        for n, text in enumerate(texts)
    ]
    notebook["cells"].append(
        {"cell_type": "raw", "id": "raw", "metadata": {"raw_mimetype": "text/html"}, "source": SCRIPT}
    )
    notebook["metadata"] = {
        "title": SCRIPT,
        "language_info": {"name": SCRIPT},
        "kernelspec": {"name": SCRIPT},
    }
    extra(
        notebook,
        f"from IPython.display import HTML, display, publish_display_data\ndisplay(HTML({SCRIPT!r}))",
    )
    extra(
        notebook,
        f"s = {SCRIPT!r}\nkinds = ('image/png', 'text/html', 'text/plain', 'image/svg+xml')\n"
        "publish_display_data({kind: s for kind in kinds})",
    )
    extra(notebook, f"print({SCRIPT!r}); raise type({SCRIPT!r}, (Exception,), {{}})({SCRIPT!r})")


@pytest.fixture
def browse():
    """A function that opens a page of a real Chromium: browse(use) gives use(tab)'s result and requests."""
    playwright = pytest.importorskip("playwright.sync_api")
    if (chromium := shutil.which("chromium")) is None:
        pytest.skip("no Chromium here")

    def run(use):
        asked = []
        with playwright.sync_playwright() as p:
            browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            tab = browser.new_page()
            tab.on("request", lambda request: asked.append(request.url))
            tab.on("pageerror", lambda error: asked.append(f"error: {error}"))
            result = use(tab)
            browser.close()
        return result, asked

    return run


def to_others(asked, address):
    """Of all requests those that went elsewhere, and what a page's own scripts failed at."""
    return [url for url in asked if not url.startswith((address, "file:", "data:"))]


HOSTILE = {
    "mallory": Case(hostile_page),
    **{name: CLASS[name] for name in ("writes-to-the-list", "surrogate", "strange-files", "not-json")},
}


@pytest.mark.proof
@needs_sandbox
def test_nothing_of_a_hostile_notebook_runs_in_the_teachers_browser(tmp_path, browse):
    course = make_course(tmp_path, HOSTILE)
    grade(course, ["ps1"], limits=LIMITS, feedback=True)
    before = {name: grades_of(course, name) for name in HOSTILE}
    assert before["mallory"] == FULL, "and the answers are right"
    with course.gradebook() as gradebook:
        ids = {name: gradebook.find_submission_notebook("ps1", "ps1", name).id for name in HOSTILE}

    def look(address):
        pages = [f"{address}/formgrader/submissions/{number}/" for number in ids.values()]
        pages += [(course.folder("feedback", name, "ps1") / "ps1.html").as_uri() for name in HOSTILE]
        pages += [f"{address}/formgrader/gradebook/ps1", f"{address}/formgrader/gradebook/ps1/ps1"]
        pages += [f"{address}/formgrader/manage_submissions/ps1", f"{address}/formgrader/manage_students"]

        def use(tab):
            seen = {}
            for url in pages:
                tab.goto(url, wait_until="load")
                tab.wait_for_timeout(1500)
                seen[url] = tab.evaluate("window.PWNED || 0"), tab.content()
            return seen

        return *browse(use), address

    seen, asked, address = formgrader(course, look)
    assert {url for url, (pwned, _html) in seen.items() if pwned} == set()
    for url, (_pwned, html) in seen.items():
        if f"/submissions/{ids['mallory']}/" in url or "/feedback/mallory/" in url:
            assert "undo_permutation: 10 of 10 points" in html
    assert to_others(asked, address) == [] and not [url for url in asked if url.endswith("/x")]
    assert {name: grades_of(course, name) for name in HOSTILE} == before


@pytest.mark.proof
@needs_sandbox
def test_the_formgraders_button_is_served_by_the_same_examiner(tmp_path, browse):
    cases = {name: CLASS[name] for name in ("flipped-kernel", "patches-the-checks")}
    cases["mallory"] = Case(hostile_page)
    course = make_course(tmp_path, cases)

    def look(address):
        def use(tab):
            tab.goto(f"{address}/formgrader/manage_submissions/ps1", wait_until="networkidle")
            for name in cases:
                row = tab.locator("tr", has=tab.locator(".student-id", has_text=name))
                row.locator(".autograde a").click()
                box = tab.locator("#success-modal, #error-modal")
                box.wait_for(timeout=240_000)
                assert "Successfully autograded" in box.inner_text(), box.inner_text()
                box.locator(".modal-footer .close").click()
                box.wait_for(state="detached")
            with course.gradebook() as gradebook:
                number = gradebook.find_submission_notebook("ps1", "ps1", "mallory").id
            tab.goto(f"{address}/formgrader/submissions/{number}/", wait_until="load")
            tab.wait_for_timeout(1500)
            return tab.evaluate("window.PWNED || 0"), tab.content()

        return *browse(use), address

    (pwned, html), asked, address = formgrader(course, look)
    assert {name: grades_of(course, name) for name in cases} == {n: c.grades() for n, c in cases.items()}
    assert pwned == 0 and "undo_permutation: 10 of 10 points" in html and to_others(asked, address) == []


@pytest.mark.proof
@needs_sandbox
def test_nbgrader_autograde_is_judged_by_the_same_examiner(tmp_path):
    import subprocess

    cases = {name: CLASS[name] for name in ("flipped-kernel", "patches-the-checks")}
    course = make_course(tmp_path, cases)
    shutil.copy(ROOT / "classroom" / "nbgrader_config.py", course.root)
    program = str(Path(sys.executable).parent / "nbgrader")
    bin_folder = str(Path(sys.executable).parent)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": bin_folder + os.pathsep + os.environ["PATH"]}
    done = subprocess.run(
        [program, "autograde", "ps1"], cwd=course.root, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for name, case in cases.items():
        assert grades_of(course, name) == case.grades()
