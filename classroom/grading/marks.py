"""nbgrader's steps that differ from its own: clean and mend first, let the examiner judge, save only what
is certain.

With `nbgrader_config.py` these also serve `nbgrader autograde` and the Formgrader's
button. A test that can't be graded leaves its grade empty and marked for a human.
"""

import atexit
import base64
import os
from pathlib import Path

import nbformat
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import GetGrades, NbGraderPreprocessor, SaveAutoGrades
from traitlets import Unicode

from . import clean
from .examiner import Examiner
from .sandbox import bubblewrap
from .screen import Known, mend, without_hidden
from .tasks import EXERCISES, private_seed, task_of

NOTES = "classroom"  # key in the notebook's metadata
MOST_FILES, MOST_FILE_BYTES, MOST_BYTES = 50, 2_000_000, 10_000_000
UNDECIDED = "not decided yet"
OWN_TESTS = "rests on the student's own process: its tests are plain asserts"

reports = {}  # (student, assignment, notebook) -> the report of a notebook that was examined already
_examiner = None


def known_cells(gradebook, notebook, assignment):
    """The teacher's cells of one notebook, as `Known`, in order."""
    found = gradebook.find_notebook(notebook, assignment)
    points = {cell.name: cell.max_score for cell in found.grade_cells}
    answers = {cell.name for cell in found.solution_cells}
    return [
        Known(
            c.name,
            c.cell_type,
            c.source,
            c.locked,
            c.name in points,
            c.name in answers,
            points.get(c.name, 0.0),
        )
        for c in found.source_cells
    ]


def teachers_texts(root, assignment, notebook):
    """The Markdown cells of the released notebook, in every language: those need no cleaning."""
    found = []
    for path in sorted(Path(root).glob(f"release*/{assignment}/{notebook}.ipynb")):
        try:
            found += [c.source for c in nbformat.read(path, 4).cells if c.cell_type == "markdown"]
        except (OSError, ValueError):
            continue
    return found


def key_of(resources):
    """(student, assignment, notebook) of what nbgrader is converting."""
    return tuple(resources["nbgrader"][name] for name in ("student", "assignment", "notebook"))


def new_notes(notes):
    """What the grader writes down about one notebook, at the beginning."""
    return {
        "undecided": {},
        "notes": [clean.line(note) for note in notes],
        "zero": {},
        "own_tests": [],
        "properties": {},
    }


class Screen(NbGraderPreprocessor):
    """First of all: everything clean, cells back in order, missing ones added."""

    root = Unicode(help="the course's folder").tag(config=True)

    def preprocess(self, nb, resources):
        student, assignment, notebook = key_of(resources)
        with Gradebook(resources["nbgrader"]["db_url"]) as gradebook:
            known = known_cells(gradebook, notebook, assignment)
        clean.notebook(nb, teachers_texts(self.root, assignment, notebook))
        nb.metadata[NOTES] = new_notes(mend(nb, known))
        return nb, resources


class Examine(NbGraderPreprocessor):
    """In place of nbgrader's Execute: the examiner runs and judges the notebook, or has done so already."""

    root = Unicode(help="the course's folder").tag(config=True)

    def preprocess(self, nb, resources):
        report = reports.pop(key_of(resources), None)
        if report is None:
            files, _left_out = files_beside(resources["metadata"]["path"])
            report = _the_examiner().examine(
                cells_to_run(nb),
                files=files,
                assignment=resources["nbgrader"]["assignment"],
                exercises=exercises_of(self.root),
                private=private_seed(self.root),
            )
        apply_report(nb, report)
        return nb, resources


def exercises_of(root):
    """The folder of a course's exercises: its own, or those beside this program."""
    own = Path(root) / EXERCISES
    return own if own.is_dir() else Path(__file__).resolve().parents[1] / EXERCISES


def _the_examiner():
    global _examiner
    if _examiner is None:
        allowed = os.environ.get("CLASSROOM_WITHOUT_SANDBOX") == "1"
        _examiner = Examiner(sandboxed=not (allowed and bubblewrap() is None))
        atexit.register(_examiner.close)
    return _examiner


class SaveGrades(SaveAutoGrades):
    """Nbgrader's, but a test that could not be graded gets no points, not even 0: a human decides."""

    def preprocess(self, nb, resources):
        self._undecided = nb.metadata.get(NOTES, {}).get("undecided", {})
        return super().preprocess(nb, resources)

    def _add_score(self, cell, resources):
        name = cell.metadata["nbgrader"]["grade_id"]
        if name not in self._undecided:
            return super()._add_score(cell, resources)
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        grade.auto_score, grade.needs_manual_grade = None, True
        self.gradebook.db.commit()


class HideTests(NbGraderPreprocessor):
    """Before feedback is written: hidden tests out of the test cells again, as in the release."""

    def preprocess_cell(self, cell, resources, _index):
        if is_test(cell):
            cell.source = without_hidden(cell.source)
        return cell, resources


class ShowGrades(GetGrades):
    """Nbgrader's, but a grade that nobody has given yet is shown as such and not as 0."""

    def preprocess(self, nb, resources):
        self._open = 0
        nb, resources = super().preprocess(nb, resources)
        if self._open:
            score = resources["nbgrader"]["score"]
            resources["nbgrader"]["score"] = f"{score:g} so far, {self._open} {UNDECIDED}"
        return nb, resources

    def _get_score(self, cell, resources):
        super()._get_score(cell, resources)
        name = cell.metadata["nbgrader"]["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        if is_open(grade):
            self._open += 1
            cell.metadata.nbgrader["score"] = UNDECIDED


def is_open(grade):
    """Whether nobody, neither machine nor human, has given this grade."""
    return grade.manual_score is None and grade.auto_score is None


def as_number(value):
    """Jinja's `float`, but words stay what they are."""
    return value if isinstance(value, str) else float(value or 0)


def rounded(value, digits=0):
    """Jinja's `round`, but words stay what they are."""
    return value if isinstance(value, str) else round(value, digits)


def is_test(cell):
    """Whether a cell is an autograded test."""
    return cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell)


def cells_to_run(nb):
    """The code cells of a notebook as the examiner wants them. Tests that `points` names run nowhere."""
    return [
        {"source": cell.source, "test": cell.source if is_test(cell) else ""}
        for cell in nb.cells
        if cell.cell_type == "code"
    ]


def files_beside(folder):
    """(files, left out): other files of an assignment, base64, by relative path, and how many were not taken.

    Small ones, no links, no notebooks.
    """
    found, left_out, room = {}, 0, MOST_BYTES
    for path in sorted(Path(folder or ".").rglob("*")):
        if path.is_dir() or path.suffix == ".ipynb" or path.name == "timestamp.txt":
            continue
        fits = path.is_file() and not path.is_symlink() and path.stat().st_size <= min(MOST_FILE_BYTES, room)
        if not fits or len(found) >= MOST_FILES:
            left_out += 1
            continue
        room -= path.stat().st_size
        found[str(path.relative_to(folder))] = base64.b64encode(path.read_bytes()).decode()
    return found, left_out


def apply_report(nb, report):
    """Put the outputs of a run into the notebook and decide each test cell: points, an explained 0, or
    undecided.
    """
    about = nb.metadata.setdefault(NOTES, new_notes(()))
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    for i, (cell, answer) in enumerate(zip(code, report["cells"])):
        cell.execution_count = i + 1
        cell.outputs = [nbformat.from_dict(output) for output in answer["outputs"]]
        if is_test(cell):
            _decide(cell, answer, about)
    about["notes"] += [clean.line(note) for note in report["notes"]]
    if report["ended"]:
        about["notes"].append("the notebook did not run to its end: " + clean.line(report["ended"]))


def _decide(cell, answer, about):
    name, most = cell.metadata["nbgrader"]["grade_id"], float(cell.metadata["nbgrader"]["points"])
    if answer.get("own_tests"):
        about["own_tests"].append(name)
        points, why = (most if answer["passed"] else 0.0), None
        cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=f"This mark {OWN_TESTS}.\n"))
    else:
        points, why = answer.get("points"), answer.get("why")
        task = task_of(cell.source)
        if points is not None and task is not None and task.total:
            points *= most / task.total
    if answer.get("zero"):
        about["zero"][name] = answer["zero"]
    if answer.get("properties"):
        about["properties"][name] = answer["properties"]
    if name in about["undecided"]:
        pass
    elif points is not None and not why:
        cell.outputs = [o for o in cell.outputs if o.output_type not in ("execute_result", "error")] + [
            nbformat.v4.new_output("execute_result", {"text/plain": repr(min(float(points), most))})
        ]
    else:
        about["undecided"][name] = clean.line(why or "the test gave no points")
    if name in about["undecided"]:
        text = f"Not gradable by machine: {about['undecided'][name]}. A human will look at it."
        cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=text))
