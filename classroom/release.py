"""Build the student release of every assignment from source/ (`make classroom`).

    python -m classroom.release [ps1 ...]

Solutions and hidden tests are taken out by nbgrader; then every released file is
searched for anything of them that slipped through.
"""

import argparse
import logging
import sys

import nbformat
from nbgrader.converters import GenerateAssignment

from .grading.course import Course
from .grading.leaks import leaks


def release(course, assignments=None):
    """Build release/ for `assignments` (all by default); returns the list of leaks found, empty if all is
    well.
    """
    found = []
    for assignment in assignments or course.assignments():
        converter = GenerateAssignment(
            coursedir=course.directory(assignment), config=course.config, force=True
        )
        converter.log.setLevel(logging.ERROR)
        converter.start()
        for path in sorted((course.root / "source" / assignment).glob("*.ipynb")):
            source = nbformat.read(path, 4)
            text = (course.root / "release" / assignment / path.name).read_text(encoding="utf-8")
            found += [f"{assignment}/{path.name}: {leak}" for leak in leaks(source, text)]
    return found


def main(arguments=None):
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m classroom.release", description=__doc__.split("\n")[0])
    parser.add_argument("assignments", nargs="*", help="for example ps1; all by default")
    course = Course()
    names = parser.parse_args(arguments).assignments or course.assignments()
    found = release(course, names)
    for leak in found:
        print("LEAK", leak)
    print(
        f"{len(names)} assignments released to {course.root.name}/release: {', '.join(names)}"
        if not found
        else "release has leaks: do not hand it out"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
