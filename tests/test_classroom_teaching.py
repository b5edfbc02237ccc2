"""What TEACHING.md has a teacher type does what it says there; a run can be stopped and stays small."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="the classroom needs nbgrader: pip install -e .[classroom]")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from classroom_attacks import ATTACKS, CLASS, Case  # noqa: E402
from test_classroom_class import make_course, needs_sandbox  # noqa: E402

from classroom.grading.course import Course  # noqa: E402
from classroom.grading.submission import Submission  # noqa: E402
from classroom.release import solved  # noqa: E402

TEXT = (ROOT / "classroom" / "TEACHING.md").read_text(encoding="utf-8")
BLOCKS = [textwrap.dedent(part) for part in re.findall(r"^ *```sh\n(.*?)^ *```$", TEXT, re.M | re.S)]
LEFT_BEHIND = ("release", "submitted", "autograded", "feedback", "results", "gradebook.db", "private-seed")
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own


def test_every_command_and_option_in_the_text_is_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?:^\s*|`)make ([a-z-]+)", TEXT, re.M))
    assert targets >= {"classroom", "grade", "proof", "test", "translations"}
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in targets)
    modules = set(re.findall(r"python -m (classroom[.\w]*\w)", TEXT))
    assert modules >= {"classroom.collect", "classroom.feedback", "classroom.release"}
    files = [ROOT / f"{module.replace('.', '/')}.py" for module in modules | {"classroom.grade"}]
    code = "".join(path.read_text(encoding="utf-8") for path in files)
    options = set(re.findall(r"(--[a-z][a-z-]+)", TEXT))
    assert options and all(f'"{option}"' in code for option in options)


def terminal(folder, block):
    """Type a block of the text in a new terminal, its environment activated; returns what was shown."""
    # Nothing is installed here, and a server that never ends only says that it could start.
    prelude = """
make() { command make -o "$VENV/.all" "$@"; }
jupyter() { pwd; type -P jupyter; command jupyter "$@" --version; }
"""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        ["bash", "-ec", prelude + BLOCKS[0] + block],
        cwd=folder,
        env=kept | {"VENV": sys.prefix},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, f"{block}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.proof
@needs_sandbox
def test_a_day_as_the_text_has_it(tmp_path):
    assert BLOCKS[0] == ". .venv/bin/activate\n" and len(BLOCKS) == 7
    shutil.copytree(ROOT / "classroom", tmp_path / "classroom", ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    shutil.copytree(ROOT / "lenet_helpers", tmp_path / "lenet_helpers")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    room = tmp_path / "classroom"
    (room / "roster.csv").write_text("student,name,email,lms_id\nanna,Anna Maier,anna@example.org,101\n")
    source = room / "source" / "ps1" / "ps1.ipynb"
    with zipfile.ZipFile(tmp_path / "submissions.zip", "w") as file:
        handed = json.dumps(solved(json.loads(source.read_text(encoding="utf-8"))))
        file.writestr("Anna Maier_101_assignsubmission_file_/Copy of ps1.ipynb", handed)
    page = room / "feedback" / "anna" / "ps1" / "ps1.html"

    def total():
        with open(room / "results" / "scores.csv", newline="", encoding="utf-8-sig") as file:
            (anna,) = csv.DictReader(file)
        return anna["name"], anna["ps1 total (of 100)"]

    steps = iter(BLOCKS[1:])
    assert "4 assignments released" in terminal(tmp_path, next(steps))
    assert (room / "release" / "ps1" / "selfcheck" / "pairs.json").is_file()
    assert "1 files sorted in, 0 not recognised" in terminal(tmp_path, next(steps))
    assert "1/1 ps1 · anna: graded" in terminal(tmp_path, next(steps))
    assert total() == ("Anna Maier", "100") and page.is_file()
    assert "0 open" in (room / "results" / "needs-human.md").read_text()
    where, program, _version = terminal(tmp_path, next(steps)).split(maxsplit=2)
    assert where == str(room) and program.startswith(sys.prefix)
    with Course(room).gradebook() as gradebook:
        comment = gradebook.find_submission_notebook("ps1", "ps1", "anna").comments[0]
        comment.manual_comment = "By hand: well done"
        gradebook.db.commit()
    assert "1 pages" in terminal(tmp_path, next(steps)) and "By hand: well done" in page.read_text()
    assert "0 to grade, 1 graded before" in terminal(tmp_path, "make grade")
    text = source.read_text(encoding="utf-8")
    source.write_text(re.sub(r"seeds=\(\d+", "seeds=(7", text, count=1), encoding="utf-8")
    assert "1 to grade" in terminal(tmp_path, next(steps)) and total()[1] == "100"


# A run on its own -------------------------------------------------------------------------


def started(course, *more, code="import sys; from classroom.grade import main; sys.exit(main())"):
    """Grading as a process of its own, its output as text."""
    return subprocess.Popen(
        [sys.executable, "-u", "-c", code, "--course", str(course.root), *more],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def processes():
    """{(process id, start): parent} of all that run."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in "ZX":  # ended; its parent has not asked yet
            found[int(name), fields[19]] = int(fields[1])
    return found


def below(pid):
    """(process id, start) of every process that descends from `pid`."""
    family, found = {pid}, processes()
    for _generation in range(20):
        family |= {each for (each, _start), parent in found.items() if parent in family}
    return {key for key in found if key[0] in family - {pid}}


@pytest.mark.proof
@needs_sandbox
def test_ctrl_c_ends_grading_with_a_sentence_and_leaves_no_process(tmp_path):
    course = make_course(tmp_path, {"anna": CLASS["perfect"], "ben": CLASS["sleeps"]})
    process = started(course, "--workers", "1")
    while "1/2 ps1 · anna: graded" not in (line := process.stdout.readline()):
        assert line, process.stderr.read()
    time.sleep(2)  # in the middle of the second
    family, began = below(process.pid), time.monotonic()
    assert len(family) >= 4, "examiner, sandbox, warm process, notebook"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
    _out, said = process.communicate(timeout=60)
    assert time.monotonic() - began < 3
    assert process.returncode == 130 and "Traceback" not in said
    assert "Stopped: 1 of 2 are graded and stay so; the same command goes on from here." in said
    while family & set(processes()) and time.monotonic() - began < 30:
        time.sleep(0.2)  # a busy system takes its time to take down gigabytes
    assert not family & set(processes())
    anna, ben = (Submission(course, name, "ps1") for name in ("anna", "ben"))
    assert anna.graded_already() and anna.has_page() and not ben.graded_already()


def _huge(notebook):
    """A file of 95 MB: a student's stale outputs."""
    cell = next(c for c in notebook["cells"] if c["cell_type"] == "code")
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 95_000_000}]


def _many_files(folder):
    for number in range(60):
        (folder / f"{number}.bin").write_bytes(bytes(2_000_000))


@pytest.mark.proof
@needs_sandbox
def test_the_process_that_grades_stays_small(tmp_path):
    """Its own peak, without its children: what students send is large, not it."""
    names = ("print-flood", "strange-files", "deep-json", "memory-bomb", "disk-bomb")
    cases = {name: CLASS[name] for name in names}
    cases |= {"huge": Case(_huge), "many-files": Case(None, beside=_many_files)}
    cases["returns-too-much"] = Case(ATTACKS["returns-too-much"])
    course = make_course(tmp_path, cases)
    code = """
import re, sys
from classroom.grade import main
main()
print("peak", re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""
    said, errors = started(course, code=code).communicate(timeout=540)
    assert f"{len(cases)}/{len(cases)} ps1" in said, errors
    peak = int(said.rpartition("peak ")[2]) / 1024
    print(f"peak {peak:.0f} MB")
    assert peak < 500
