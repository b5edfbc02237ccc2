"""Write the feedback pages anew from the gradebook, without grading (`python -m classroom.feedback`).

    python -m classroom.feedback [ps1 ...] [--student anna] [--course FOLDER]

Points and comments that were entered by hand are on the pages, and so are the tables in
results/.
"""

import argparse
import sys
import warnings
from pathlib import Path

from .grading.course import HERE, Course, UnknownName
from .grading.outcome import write_feedback, write_results


class _Page:
    def __init__(self, student, assignment):
        self.student, self.assignment = student, assignment

    def __str__(self):
        return f"{self.assignment} · {self.student}"


def graded(course, assignments=None, students=None):
    """What has been graded: objects with `student` and `assignment`."""
    return [
        _Page(path.parent.name, name)
        for name in course.chosen(assignments)
        for path in sorted(course.root.glob(f"autograded/*/{name}"))
        if students is None or path.parent.name in students
    ]


def main(arguments=None):
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m classroom.feedback", description=__doc__.split("\n")[0])
    parser.add_argument("assignments", nargs="*", help="for example ps1; all by default")
    parser.add_argument("--student", action="append", help="only this one (may be given several times)")
    parser.add_argument("--course", type=Path, default=HERE, help="the course's folder (default: this one)")
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore", module="nbgrader|sqlalchemy")  # nbgrader's own, of no use to a teacher
    course = Course(options.course)
    try:
        pages = graded(course, options.assignments, options.student)
    except UnknownName as error:
        print(error, file=sys.stderr)
        return 2
    write_feedback(course, pages)
    print(f"{len(pages)} pages in {course.root / 'feedback'}")
    for path in write_results(course):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
