"""Build the student release of every assignment from source/ (`make classroom`).

    python -m classroom.release [ps1 ...] [--language zh]

Solutions and hidden tests are taken out by nbgrader, stored pairs for the students' own
check are laid beside the notebook, and every released file is searched for anything of
solutions and hidden tests that slipped through. With a language, what stands in source-zh/
is released to release-zh/ as well: other texts, the same code, exercises and marks, so that
both may be handed out and are graded alike.
"""

import argparse
import copy
import json
import logging
import sys
from itertools import zip_longest
from pathlib import Path

import nbformat
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import SaveCells

from . import pairs
from .grading.course import ENGLISH, HERE, TEXT_STUBS, Course, UnknownName, source_of
from .grading.leaks import leaks, leaks_in_text
from .grading.screen import without_hidden


def release(course, assignments=None, language=ENGLISH):
    """Build release/ for `assignments` (all by default), and release-<language>/ for another `language`.

    Returns the list of leaks and of differences between the languages, empty if all is well.
    """
    found = []
    for assignment in assignments or course.assignments(language):
        found += _release(course, assignment)
        if language != ENGLISH:
            found += _release(course, assignment, language) + differences(course, assignment, language)
    return found


def _release(course, assignment, language=ENGLISH):
    config = copy.deepcopy(course.config)
    to = course.root / config.CourseDirectory.get("release_directory", "release")
    if language != ENGLISH:
        to = course.root / f"release-{language}"
        config.CourseDirectory.source_directory = source_of(language)
        config.CourseDirectory.release_directory = to.name
        config.ClearSolutions.text_stub = TEXT_STUBS.get(language, TEXT_STUBS[ENGLISH])
        # The gradebook has the English cells: what grading goes by does not depend on who releases last.
        config.GenerateAssignment.no_database = True
        config.GenerateAssignment.preprocessors.remove(SaveCells)
    converter = GenerateAssignment(
        coursedir=CourseDirectory(config=config, assignment_id=assignment), config=config, force=True
    )
    converter.log.setLevel(logging.ERROR)
    converter.start()
    pairs.write_for(course, assignment, to / assignment)
    found = []
    for path in sorted((course.root / source_of(language) / assignment).glob("*.ipynb")):
        source = nbformat.read(path, 4)
        text = (to / assignment / path.name).read_text(encoding="utf-8")
        found += [f"{assignment}/{path.name}: {leak}" for leak in leaks(source, text)]
        for other in sorted((to / assignment).rglob("*")):
            if other.suffix in (".py", ".json", ".txt", ".md", ".csv"):
                found += [
                    f"{assignment}/{other.name}: {leak}"
                    for leak in leaks_in_text(source, other.read_text(encoding="utf-8"))
                ]
    return found


def differences(course, assignment, language):
    """Where an assignment in another language is not the same one: other cells, other code, other marks."""
    found, places = [], [course.root / source_of(code) / assignment for code in (ENGLISH, language)]
    for name in sorted({path.name for place in places for path in place.glob("*.ipynb")}):
        pair = [_skeleton(place / name) for place in places]
        if pair[0] != pair[1]:
            cell = next((a or b)[0] for a, b in zip_longest(*pair) if a != b)
            found.append(f"{places[1].parent.name}/{assignment}/{name}: cell {cell} differs from the English")
    return found


def _skeleton(path):
    """What may not differ between languages: (id, kind, code, nbgrader's own) of each cell."""
    cells = nbformat.read(path, 4).cells if path.is_file() else ()
    return [
        (c.id, c.cell_type, c.source if c.cell_type == "code" else "", c.metadata.get("nbgrader"))
        for c in cells
    ]


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
    parser.add_argument("--language", default=ENGLISH, help="also in this language, for example zh")
    options = parser.parse_args(arguments)
    course = Course(options.course)
    try:
        names = course.chosen(options.assignments, options.language)
    except UnknownName as error:
        print(error, file=sys.stderr)
        return 2
    found = release(course, names, options.language)
    for problem in found:
        print("LEAK" if "differs from" not in problem else "OTHER", problem)
    to = "release" if options.language == ENGLISH else f"release-{options.language}"
    print(
        f"{len(names)} assignments released to {course.root.name}/{to}: {', '.join(names)}"
        if not found
        else f"{to} has faults: do not hand it out"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
