"""One submission on its way: read and judged by the examiner, its result written down by the teacher's
process.
"""

import hashlib
import json
import logging
import os
import shutil
import stat
import time
from pathlib import Path

import nbformat
from nbgrader.api import MissingEntry
from nbgrader.converters import Autograde

from . import clean, marks, screen
from .limits import Limits
from .tasks import private_seed

HERE = Path(__file__).resolve().parent
MOST_READ = 5_000_000  # of larger files beside a notebook, size and time tell whether they changed


def record_path(course, student, assignment):
    """Where the grader keeps what it noted about a submission. Not in autograded/: feedback copies that."""
    return course.root / "results" / "records" / assignment / f"{student}.json"


def digest_of(places):
    """A hash of the files in some folders."""
    digest = hashlib.sha256()
    for place in places:
        for path in sorted(p for p in place.rglob("*") if p.suffix not in (".pyc", ".po", ".mo")):
            if path.is_symlink() or not path.is_file():
                continue
            about = path.stat()
            digest.update(f"{path.relative_to(place)}\0".encode(errors="surrogateescape"))
            small = about.st_size <= MOST_READ or path.suffix == ".ipynb" and about.st_size <= 100_000_000
            digest.update(path.read_bytes() if small else f"{about.st_size} {about.st_mtime_ns}".encode())
    return digest.hexdigest()


class Assignment:
    """What the gradebook says of one assignment: read once, in the thread that writes grades."""

    def __init__(self, course, name):
        self.course, self.name = course, name
        self.exercises, self.private = marks.exercises_of(course.root), private_seed(course.root)
        with course.gradebook() as gradebook:
            notebooks = [notebook.name for notebook in gradebook.find_assignment(name).notebooks]
            self.known = {n: marks.known_cells(gradebook, n, name) for n in notebooks}
        self.texts = {n: marks.teachers_texts(course.root, name, n) for n in notebooks}
        self.files, _left_out = marks.files_beside(course.root / "source" / name)
        packages = digest_of([HERE, HERE.parents[1] / "lenet_helpers", self.exercises])
        # What was released, not what stands in source/: that is what students had and what is graded.
        self.digest = f"{packages} {self.private} {sorted(self.files)} {self.known}"


class Submission:
    """What one student handed in for one assignment. `problem` says what could not be graded, and why."""

    def __init__(self, course, student, assignment):
        self.course, self.student = course, student
        self.about = assignment if isinstance(assignment, Assignment) else Assignment(course, assignment)
        self.assignment = self.about.name
        self.folder = course.folder("submitted", student, self.assignment)
        self.out = course.folder("autograded", student, self.assignment)
        self.notebook, self.problem, self.reports, self.notes, self.seconds = {}, {}, {}, {}, 0.0
        self.failed = False  # the grader's own failure: to be tried again

    def __str__(self):
        return f"{self.assignment} · {self.student}"

    def fingerprint(self):
        """A hash of everything the grade depends on."""
        return hashlib.sha256((self.about.digest + digest_of([self.folder])).encode()).hexdigest()

    def graded_already(self):
        """Whether the same was graded by the same tests before, and the gradebook still says so."""
        try:
            known = json.loads(self._record_path().read_text(encoding="utf-8"))
            return (
                not known["failed"]
                and self.out.is_dir()
                and known["scores"] == self._scores()
                and known["fingerprint"] == self.fingerprint()
            )
        except (OSError, ValueError, KeyError):
            return False

    def has_page(self):
        """Whether every notebook has its feedback page."""
        folder = self.course.folder("feedback", self.student, self.assignment)
        return all((folder / f"{name}.html").is_file() for name in self.about.known)

    def _scores(self):
        """What the machine gave, by test, as the gradebook has it."""
        found = {}
        with self.course.gradebook() as gradebook:
            for name in self.about.known:
                try:
                    notebook = gradebook.find_submission_notebook(name, self.assignment, self.student)
                except MissingEntry:
                    return None
                found |= {f"{name}/{grade.name}": grade.auto_score for grade in notebook.grades}
        return found

    def examine(self, examiner, limits=Limits()):
        """Read, run and judge; called from a worker's thread, touches no gradebook."""
        started = time.monotonic()
        own, left_out = marks.files_beside(self.folder)
        for name, known in self.about.known.items():
            path, notes = find_notebook(self.folder, name, known)
            if left_out:
                notes.append(
                    f"{left_out} files beside the notebook were left out (too large, too many or no files)"
                )
            answer = examiner.read(path, self.about.texts[name])
            if "unreadable" in answer:
                others = sorted(p.name for p in self.folder.glob("*.ipynb"))
                found = f" (found: {', '.join(others) or 'no notebook'})" if not path.exists() else ""
                self.problem[name] = clean.line(answer["unreadable"] + found)
                continue
            nb = nbformat.from_dict(answer["notebook"])
            self.notes[name] = marks.new_notes(notes + screen.mend(nb, known))
            self.notebook[name] = nb
            self.reports[name] = examiner.examine(
                marks.cells_to_run(nb),
                files=own | self.about.files,
                limits=limits,
                assignment=self.assignment,
                exercises=self.about.exercises,
                private=self.about.private,
            )
        self.seconds = time.monotonic() - started

    def record(self):
        """Write grades into the gradebook and the graded notebooks into autograded/; returns the record."""
        if self.out.exists():
            _remove(self.out)
        converter = self._converter()
        converter.notebooks = [str(self.folder / f"{name}.ipynb") for name in self.about.known]
        self.out.mkdir(parents=True)
        converter.init_assignment(self.assignment, self.student)
        about = {}
        for name in self.about.known:
            nb = self.notebook.get(name) if name not in self.problem else self._stand_in(name)
            nb.metadata[marks.NOTES] = self.notes.get(name) or marks.new_notes(())
            if name in self.problem:
                self._nothing_runs(nb, self.problem[name])
            else:
                marks.apply_report(nb, self.reports[name])
            nb = self._run_steps(nb, name, converter.autograde_preprocessors)
            nbformat.write(nb, self.out / f"{name}.ipynb")
            about[name] = dict(nb.metadata[marks.NOTES])
        converter.set_permissions(self.assignment, self.student)
        record = {
            "fingerprint": self.fingerprint(),
            "failed": self.failed,
            "scores": self._scores(),
            "notebooks": about,
            "problem": self.problem,
            "seconds": round(self.seconds, 3),
        }
        path = self._record_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
        fresh.replace(path)
        return record

    def _stand_in(self, name):
        """The released notebook with a note, in place of one that can't be read: a human can enter points
        there.
        """
        nb = nbformat.read(self.course.root / "release" / self.assignment / f"{name}.ipynb", 4)
        text = (
            f"**This submission could not be graded:** {self.problem[name]}. The cells below are the released"
            " ones."
        )
        nb.cells.insert(0, nbformat.v4.new_markdown_cell(text))
        screen.mend(nb, self.about.known[name])
        return nb

    def _record_path(self):
        return record_path(self.course, self.student, self.assignment)

    def _nothing_runs(self, nb, why):
        about = nb.metadata[marks.NOTES]
        for cell in nb.cells:
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if grade_id and cell.metadata["nbgrader"].get("grade"):
                about["undecided"][grade_id] = why

    def _converter(self):
        directory = self.course.directory(self.assignment, self.student)
        # nbgrader would copy whatever lies beside the notebook, pipes and sparse gigabytes included.
        directory.ignore = [*directory.ignore, "*"]
        converter = Autograde(coursedir=directory, config=self.course.config)
        converter.log.setLevel(logging.CRITICAL)
        return converter

    def _run_steps(self, nb, name, steps):
        resources = {
            "nbgrader": {
                "student": self.student,
                "assignment": self.assignment,
                "notebook": name,
                "db_url": self.course.config.CourseDirectory.db_url,
            },
            "metadata": {"path": str(self.folder)},
        }
        for step in steps:
            if step is marks.Examine:
                continue
            preprocessor = step(config=self.course.config)
            preprocessor.log.setLevel(logging.CRITICAL)
            nb, resources = preprocessor.preprocess(nb, resources)
        return nb


def find_notebook(folder, name, known):
    """(path, notes): the file of one notebook, also when it was renamed, told by the ids it holds."""
    wanted, notes = folder / f"{name}.ipynb", []
    others = [
        p
        for p in sorted(folder.rglob("*.ipynb"))
        if p != wanted and not p.is_symlink() and ".ipynb_checkpoints" not in p.parts
    ]
    ids = {cell.name.encode() for cell in known}

    def hits(path):
        try:
            if path.is_symlink() or not path.is_file() or path.stat().st_size > 100_000_000:
                return 0
            data = path.read_bytes()
            return sum(b'"' + i + b'"' in data for i in ids)
        except OSError:
            return 0

    if hits(wanted) > 0 or not others:
        return wanted, notes
    best = max(others, key=hits)
    if hits(best) * 2 >= len(ids):
        why = "is empty or none" if wanted.exists() else "is missing"
        return best, [
            f"{wanted.name} {why}; {best.relative_to(folder)} was graded in its place, by its content"
        ]
    return wanted, notes


def _remove(folder):
    def force(function, path, _error):
        os.chmod(path, stat.S_IRWXU)
        function(path)

    shutil.rmtree(folder, onerror=force)
