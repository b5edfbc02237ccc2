"""How long a submission takes: this grader beside plain `nbgrader autograde`, on the same notebooks in one
run.

    python -m classroom.benchmark [--students 30] [--plain 30]

Everybody hands in a right ps1. Plain nbgrader, with its own settings, grades half of its
share before and half after this grader grades all, so that a machine that gets busier or
quieter in between favours neither. Prints seconds for each submission: the whole time
divided by their number, and the median time from one graded submission to the next.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

from .grade import grade
from .grading.course import HERE, Course
from .release import release, solved


def make_course(root, students, name="ps1"):
    """A course folder in `root` with a release of one assignment and a right submission of each student."""
    shutil.copytree(HERE / "source" / name, root / "source" / name)
    course = Course(root)
    release(course)
    notebook = json.dumps(solved(json.loads((HERE / "source" / name / f"{name}.ipynb").read_text())))
    for student in students:
        folder = root / "submitted" / student / name
        # Plain nbgrader runs the test cells, and those import the students' own check.
        shutil.copytree(root / "release" / name / "selfcheck", folder / "selfcheck")
        (folder / f"{name}.ipynb").write_text(notebook)
    return course


def intervals(stamps, started):
    """Seconds from each of the sorted moments to the next, the first from `started`."""
    stamps = [started, *sorted(stamps)]
    return [later - earlier for earlier, later in zip(stamps, stamps[1:])]


def plain(course, group):
    """Seconds for each submission of the students whose names begin with `group`: nbgrader as it comes."""
    program = Path(sys.executable).parent / "nbgrader"
    command = [
        str(program),
        "autograde",
        "ps1",
        "--student",
        f"{group}*",
        f"--course-dir={course.root}",
        f"--CourseDirectory.db_url=sqlite:///{course.root}/gradebook.db",
    ]
    started = time.time()
    with tempfile.TemporaryDirectory() as empty:  # no nbgrader_config.py here
        subprocess.run(
            command,
            cwd=empty,
            check=True,
            capture_output=True,
            env=os.environ | {"PYTHONPATH": str(HERE.parent)},
        )
    stamps = [p.stat().st_mtime for p in course.root.glob(f"autograded/{group}*/ps1/ps1.ipynb")]
    return intervals(stamps, started), time.time() - started


def ours(course, workers, name="ps1"):
    """The same for this grader, the start of its warm processes included."""
    stamps, started = [], time.time()
    finished = grade(course, [name], workers=workers, say=lambda line: stamps.append(time.time()))
    # ps4's report waits for a human.
    told = [problem for _s, problem in finished if problem and "need a human" not in problem]
    assert not told, f"a right answer was not graded: {told[0]}"
    return intervals(stamps[1:], started), time.time() - started


def main():
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m classroom.benchmark", description=__doc__.split("\n")[0])
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument(
        "--plain", type=int, default=30, help="how many of them plain nbgrader grades as well"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--each", type=int, default=6, help="submissions of each assignment for the estimate (0: none)"
    )
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="nbgrader|sqlalchemy")
    names = [f"{'ab'[i % 2]}{i:03d}" for i in range(options.plain)]
    with tempfile.TemporaryDirectory() as folder:
        theirs = make_course(Path(folder) / "plain", names)
        mine = make_course(Path(folder) / "ours", [f"s{i:03d}" for i in range(options.students)])
        first, seconds_a = plain(theirs, "a")
        quick, seconds = ours(mine, options.workers)
        second, seconds_b = plain(theirs, "b")
    for label, each, total in (
        ("plain nbgrader autograde", first + second, seconds_a + seconds_b),
        (f"this grader, {options.workers} workers", quick, seconds),
    ):
        print(
            f"{label}: {len(each)} submissions in {total:.1f} s, {total / len(each):.2f} s each, median"
            f" interval {statistics.median(each):.2f} s"
        )
    print(
        f"ratio of the totals {seconds / options.students / ((seconds_a + seconds_b) / options.plain):.2f}, "
        f"of the medians {statistics.median(quick) / statistics.median(first + second):.2f}"
    )
    for name in ("ps1", "ps2", "ps3", "ps4") if options.each else ():
        with tempfile.TemporaryDirectory() as folder:
            course = make_course(Path(folder), [f"s{i:03d}" for i in range(options.each)], name)
            each, _whole = ours(course, options.workers, name)
        # The first of each worker waits for its warm process; later ones do not.
        later = sorted(each[options.workers - 1 :] or each)
        mean = statistics.fmean(later)
        print(f"{name}: {mean:.2f} s each, 200 submissions about {200 * mean / 60:.0f} min")


if __name__ == "__main__":
    main()
