"""One submission on its way: read, prepared for the sandbox, and its result written down, all by the
teacher's process.
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
from nbgrader.converters import Autograde

from . import marks, screen
from .limits import Limits

HERE = Path(__file__).resolve().parent


def record_path(course, student, assignment):
    """Where the grader keeps what it noted about a submission. Not in autograded/: feedback copies that."""
    return course.root / "results" / "records" / assignment / f"{student}.json"


def fingerprint(course, folder, assignment):
    """A hash of everything the grade depends on: the submission, the source, the checks and the grader."""
    digest = hashlib.sha256()
    packages = [HERE, HERE.parents[1] / "lenet_helpers"]
    places = [folder, course.root / "source" / assignment, *packages]
    for place in places:
        for path in sorted(
            p
            for p in place.rglob("*")
            if p.suffix not in (".pyc", ".po", ".mo") and p.is_file() and not p.is_symlink()
        ):
            digest.update(f"{path.relative_to(place)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


class Submission:
    """What one student handed in for one assignment. `status` and `about` say how it went."""

    def __init__(self, course, student, assignment):
        self.course, self.student, self.assignment = course, student, assignment
        self.folder = course.folder("submitted", student, assignment)
        self.out = course.folder("autograded", student, assignment)
        self.notebook, self.problem, self.jobs, self.seconds = {}, {}, {}, 0.0

    def __str__(self):
        return f"{self.assignment} · {self.student}"

    def graded_already(self):
        """Whether the same submission was graded by the same tests before."""
        try:
            known = json.loads(self._record_path().read_text(encoding="utf-8"))["fingerprint"]
            return self.out.is_dir() and known == fingerprint(self.course, self.folder, self.assignment)
        except (OSError, ValueError, KeyError):
            return False

    def names(self):
        """Names of the notebooks that the assignment has."""
        with self.course.gradebook() as gradebook:
            return [notebook.name for notebook in gradebook.find_assignment(self.assignment).notebooks]

    def prepare(self):
        """Read and mend the notebooks; `jobs` then has what the sandbox is to run, by notebook."""
        steps = self._steps("sanitize_preprocessors")
        for name in self.names():
            try:
                self.notebook[name] = self._run_steps(screen.read(self.folder / f"{name}.ipynb"), name, steps)
                self.jobs[name] = marks.cells_to_run(self.notebook[name])
            except Exception as error:  # whatever is odd about one file must not stop the others
                told = isinstance(error, screen.Unreadable)
                self.problem[name] = (
                    str(error) if told else f"it could not be prepared ({type(error).__name__}: {error})"
                )
                self.notebook[name] = self._run_steps(self._stand_in(name), name, steps)

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
        return nb

    def files(self):
        """The data files that go into the sandbox: the student's, then the teacher's over them."""
        return marks.files_beside(self.folder) | marks.files_beside(
            self.course.root / "source" / self.assignment
        )

    def run(self, worker, limits=Limits()):
        """Run the jobs in the sandbox; called from a worker's thread, touches no gradebook."""
        started, files = time.monotonic(), self.files()
        self.reports = {}
        for name, cells in self.jobs.items():
            self.reports[name] = worker.run(cells, files, limits)
        self.seconds = time.monotonic() - started

    def record(self):
        """Write grades into the gradebook and the graded notebooks into autograded/."""
        if self.out.exists():
            _remove(self.out)
        converter = self._converter()
        converter.notebooks = [str(self.folder / f"{name}.ipynb") for name in self.notebook]
        self.out.mkdir(parents=True)
        converter.init_assignment(self.assignment, self.student)
        about = {}
        for name, nb in self.notebook.items():
            if name in self.problem:
                self._nothing_runs(nb, self.problem[name])
            else:
                marks.reports[self.student, self.assignment, name] = self.reports[name]
            nb = self._run_steps(
                nb, name, self._steps("autograde_preprocessors", converter, skip_run=name in self.problem)
            )
            nbformat.write(nb, self.out / f"{name}.ipynb")
            about[name] = dict(nb.metadata[marks.NOTES])
        converter.set_permissions(self.assignment, self.student)
        record = {
            "fingerprint": fingerprint(self.course, self.folder, self.assignment),
            "notebooks": about,
            "problem": self.problem,
            "seconds": round(self.seconds, 3),
        }
        path = self._record_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
        return record

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
        converter = Autograde(coursedir=directory, config=self.course.config)
        converter.log.setLevel(logging.CRITICAL)
        return converter

    def _steps(self, which, converter=None, skip_run=False):
        steps = (converter or self._converter()).__getattribute__(which)
        return [step for step in steps if not (skip_run and step is marks.RunInSandbox)]

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
            preprocessor = step(config=self.course.config)
            preprocessor.log.setLevel(logging.CRITICAL)
            nb, resources = preprocessor.preprocess(nb, resources)
        return nb


def _remove(folder):
    def force(function, path, _error):
        os.chmod(path, stat.S_IRWXU)
        function(path)

    shutil.rmtree(folder, onerror=force)
