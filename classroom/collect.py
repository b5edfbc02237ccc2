"""Sort what was handed in into submitted/<student>/<assignment>/ (`python -m classroom.collect`).

    python -m classroom.collect FILE_OR_FOLDER ... [--assignment ps1] [--course FOLDER]

Takes the zip files that Moodle and Canvas make of all submissions, folders, and single
notebooks. Which assignment a notebook answers is told by its content, whatever its name;
who handed it in, by the roster or the file's name. Every file is accounted for in a line.
"""

import argparse
import re
import sys
import zipfile
from pathlib import Path, PurePosixPath

from .grading.course import HERE, Course, UnknownName
from .grading.marks import known_cells
from .grading.roster import Roster

MOST_FILE, MOST_ALL = 100_000_000, 2_000_000_000
MOODLE = re.compile(r"^(?P<name>.+)_(?P<id>\d+)_assignsubmission_(file|onlinetext)_?$")
CANVAS = re.compile(r"^(?P<name>[^_]+)_(LATE_)?(?P<id>\d+)_\d+_(?P<file>.+)$")


def files_in(path):
    """(parts of the path, function that gives the bytes) of every file in a zip file, a folder or a file."""
    if path.is_dir():
        for each in sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink()):
            if each.stat().st_size <= MOST_FILE:
                yield each.relative_to(path).parts, each.read_bytes
            else:
                yield each.relative_to(path).parts, None
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            room = MOST_ALL
            for each in archive.infolist():
                room -= each.file_size
                fits = each.file_size <= MOST_FILE and room >= 0
                if not each.is_dir():
                    yield (
                        PurePosixPath(each.filename).parts,
                        (lambda each=each: archive.read(each)) if fits else None,
                    )
    else:
        yield (path.name,), path.read_bytes


def who(parts, roster):
    """(student, name the file had): from Moodle's or Canvas's way of naming, or a folder's or file's name."""
    for number, part in enumerate(parts[:-1]):
        if found := MOODLE.match(part):
            return roster.find(found["id"], found["name"]) or _id(found["name"]), parts[-1]
        if number == len(parts) - 2:
            break
    if found := CANVAS.match(parts[-1]):
        return roster.find(found["id"], found["name"]) or _id(found["name"]), re.sub(
            r"-\d+(?=\.\w+$)", "", found["file"]
        )
    if len(parts) > 1:
        return roster.find(parts[0]) or _id(parts[0]), parts[-1]
    stem = re.sub(r"[ _-]*ps\d+.*$", "", Path(parts[0]).stem, flags=re.I)
    return (roster.find(stem) or _id(stem), parts[-1]) if stem else (None, parts[-1])


def _id(text):
    return re.sub(r"[^\w.-]+", "-", text, flags=re.UNICODE).strip("-.")[:80] or None


def what(data, cells):
    """The (assignment, notebook) whose ids a file holds, or None; `cells`: ids by (assignment, notebook)."""
    hits = {key: sum(b'"' + name.encode() + b'"' in data for name in names) for key, names in cells.items()}
    best = max(hits, key=hits.get, default=None)
    return best if best and hits[best] * 2 >= len(cells[best]) else None


def collect(course, paths, assignment=None, say=print):
    """Sort files in; returns (sorted in, not recognised)."""
    roster, cells, done, strange = Roster(course.root), {}, 0, 0
    with course.gradebook() as gradebook:
        for name in course.chosen([assignment] if assignment else None):
            for notebook in gradebook.find_assignment(name).notebooks:
                cells[name, notebook.name] = [c.name for c in known_cells(gradebook, notebook.name, name)]
    waiting, places = [], {}
    for path in paths:
        for parts, read in files_in(Path(path)):
            label = "/".join(parts)
            parts = tuple(part for part in parts if part not in ("..", ".", "/"))  # nothing leads elsewhere
            if any(part.startswith((".", "__MACOSX")) for part in parts):
                continue
            student, name = who(parts, roster)
            data = read() if read else None
            key = what(data, cells) if data is not None and name.endswith(".ipynb") else None
            if student is None or data is None or name.endswith(".ipynb") and key is None:
                say(
                    f"NOT RECOGNISED {label}: "
                    + (
                        "too large"
                        if data is None
                        else "whose?"
                        if student is None
                        else "which assignment? empty or not ours"
                    )
                )
                strange += 1
            elif key is None:
                waiting.append((label, student, name, data))
            else:
                done += _put(course, student, key[0], f"{key[1]}.ipynb", data, label, name, say)
                places[student] = key[0]
    for label, student, name, data in waiting:  # other files go beside their student's notebook
        if student in places:
            done += _put(course, student, places[student], name, data, label, name, say)
        else:
            say(f"NOT RECOGNISED {label}: no notebook of {student} beside it")
            strange += 1
    say(f"{done} files sorted in, {strange} not recognised")
    return done, strange


def _put(course, student, assignment, name, data, label, was, say):
    folder = course.folder("submitted", student, assignment)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (re.sub(r"[/\\\0]", "_", name).lstrip(".") or "file")
    if path.exists() and path.read_bytes() != data:
        say(f"{label}: in the place of an earlier {path.name} of {student}")
    path.write_bytes(data)
    renamed = f" (renamed from {was}, by its content)" if name != was else ""
    say(f"{label} -> {path.relative_to(course.root)}{renamed}")
    return 1


def main(arguments=None):
    """Command line; returns the exit status: 1 where something was not recognised."""
    parser = argparse.ArgumentParser(prog="python -m classroom.collect", description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--assignment", help="only this one")
    parser.add_argument("--course", type=Path, default=HERE, help="the course's folder (default: this one)")
    options = parser.parse_args(arguments)
    try:
        return 1 if collect(Course(options.course), options.paths, options.assignment)[1] else 0
    except (UnknownName, OSError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
