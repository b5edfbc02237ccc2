"""Build the student release of every assignment from source/ (`make classroom`).

    python -m classroom.release [ps1 ...]

Solutions and hidden tests are taken out by nbgrader, stored pairs for the students' own
check are laid beside the notebook, and every released file is searched for anything of
solutions and hidden tests that slipped through.
"""

import argparse
import json
import logging
import sys
from pathlib import Path

import nbformat
from nbgrader.converters import GenerateAssignment

from . import pairs
from .grading.course import HERE, Course, UnknownName
from .grading.leaks import leaks, leaks_in_text
from .grading.screen import without_hidden


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
        pairs.write_for(course, assignment)
        for path in sorted((course.root / "source" / assignment).glob("*.ipynb")):
            source = nbformat.read(path, 4)
            text = (course.root / "release" / assignment / path.name).read_text(encoding="utf-8")
            found += [f"{assignment}/{path.name}: {leak}" for leak in leaks(source, text)]
            for other in sorted((course.root / "release" / assignment).rglob("*")):
                if other.suffix in (".py", ".json", ".txt", ".md", ".csv"):
                    found += [
                        f"{assignment}/{other.name}: {leak}"
                        for leak in leaks_in_text(source, other.read_text(encoding="utf-8"))
                    ]
    return found


def solved(source):
    """A student's perfect notebook: the source (a dict as in the file) without marks and hidden tests."""
    notebook = json.loads(json.dumps(source))
    for cell in notebook["cells"]:
        text = without_hidden("".join(cell["source"]))
        cell["source"] = "\n".join(line for line in text.split("\n") if " SOLUTION" not in line)
    return notebook


def main(arguments=None):
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m classroom.release", description=__doc__.split("\n")[0])
    parser.add_argument("assignments", nargs="*", help="for example ps1; all by default")
    parser.add_argument("--course", type=Path, default=HERE, help="the course's folder (default: this one)")
    options = parser.parse_args(arguments)
    course = Course(options.course)
    try:
        names = course.chosen(options.assignments)
    except UnknownName as error:
        print(error, file=sys.stderr)
        return 2
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
