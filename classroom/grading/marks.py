"""nbgrader's steps that differ from its own: look first, run in the sandbox, save only what is certain.

With `nbgrader_config.py` these also serve `nbgrader autograde` and the Formgrader's
button. A test that can't be graded leaves its grade empty and marked for a human.
"""

import atexit
import base64
import json
import math
import os
import threading
from pathlib import Path

import nbformat
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades

from .leaks import hidden_numbers
from .sandbox import Worker, bubblewrap
from .screen import Known, mend, without_hidden

NOTES = "classroom"  # key in the notebook's metadata
MOST_FILES, MOST_FILE_BYTES = 50, 2_000_000

reports = {}  # (student, assignment, notebook) -> the report of a notebook that ran already
_workers = threading.local()


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


def key_of(resources):
    """(student, assignment, notebook) of what nbgrader is converting."""
    return tuple(resources["nbgrader"][name] for name in ("student", "assignment", "notebook"))


class Screen(NbGraderPreprocessor):
    """First of all: cells back in order, missing ones added, what can't be graded noted."""

    def preprocess(self, nb, resources):
        student, assignment, notebook = key_of(resources)
        with Gradebook(resources["nbgrader"]["db_url"]) as gradebook:
            known = known_cells(gradebook, notebook, assignment)
        undecided, notes = mend(nb, known)
        nb.metadata[NOTES] = {"undecided": undecided, "notes": notes, "zero": {}}
        return nb, resources


class RunInSandbox(NbGraderPreprocessor):
    """In place of nbgrader's Execute: run the notebook in the sandbox, or take the report of a run already
    made.
    """

    def preprocess(self, nb, resources):
        key = key_of(resources)
        report = reports.pop(key, None)
        if report is None:
            worker = self._worker()
            report = worker.run(cells_to_run(nb), files_beside(resources["metadata"]["path"]))
        apply_report(nb, report)
        return nb, resources

    def _worker(self):
        if not hasattr(_workers, "one"):
            allowed = os.environ.get("CLASSROOM_WITHOUT_SANDBOX") == "1"
            _workers.one = Worker(sandboxed=not (allowed and bubblewrap() is None))
            atexit.register(_workers.one.close)
        return _workers.one


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


def is_test(cell):
    """Whether a cell is an autograded test."""
    return cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell)


def cells_to_run(nb):
    """The code cells of a notebook as the sandbox wants them."""
    return [{"source": cell.source, "test": is_test(cell)} for cell in nb.cells if cell.cell_type == "code"]


def files_beside(folder):
    """Other files of an assignment, base64, by relative path: small ones, no links, no notebooks."""
    found = {}
    for path in sorted(Path(folder or ".").rglob("*")):
        small = path.is_file() and not path.is_symlink() and path.stat().st_size <= MOST_FILE_BYTES
        if (
            small
            and path.suffix != ".ipynb"
            and path.name not in ("timestamp.txt",)
            and len(found) < MOST_FILES
        ):
            found[str(path.relative_to(folder))] = base64.b64encode(path.read_bytes()).decode()
    return found


def apply_report(nb, report):
    """Put the outputs of a run into the notebook and decide each test cell: points, an explained 0, or
    undecided.
    """
    about = nb.metadata.setdefault(NOTES, {"undecided": {}, "notes": [], "zero": {}})
    patched = set()
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    for i, (cell, answer) in enumerate(zip(code, report["cells"])):
        cell.execution_count = i + 1
        cell.outputs = [nbformat.from_dict(output) for output in _outputs(answer)]
        patched |= set(answer.get("patched") or [])
        if is_test(cell):
            _decide(cell, answer, about)
    if report["ended"]:
        about["notes"].append("the notebook did not run to its end: " + report["ended"])
    if patched:
        about["notes"].append(
            "replaced what the tests rely on (put back): " + ", ".join(sorted(map(str, patched))[:10])
        )


def _decide(cell, answer, about):
    name, most = cell.metadata["nbgrader"]["grade_id"], float(cell.metadata["nbgrader"]["points"])
    points, why = answer.get("points"), answer.get("late") or answer.get("why")
    secret = hidden_numbers(nbformat.v4.new_notebook(cells=[cell]))
    for output in cell.outputs:
        if output.output_type == "stream":
            # A library's warning must cost nothing: nbgrader gives 0 for anything on stderr.
            output.name, output.text = "stdout", _without(output.text, secret)
        elif output.output_type == "error":
            # A traceback quotes the test cell, hidden tests included, and students see it in their feedback.
            output.evalue = _without(output.evalue, secret)
            output.traceback = [f"{output.ename}: {output.evalue}"]
    number = (
        isinstance(points, (int, float))
        and not isinstance(points, bool)
        and math.isfinite(points)
        and 0 <= points <= most + 1e-9
    )
    if name in about["undecided"]:
        pass
    elif number and not why:
        cell.outputs = [o for o in cell.outputs if o.output_type not in ("execute_result", "error")]
        cell.outputs.append(
            nbformat.v4.new_output("execute_result", {"text/plain": repr(min(float(points), most))})
        )
    elif answer.get("error") == "NameError" and not any("answer cell" in note for note in about["notes"]):
        about["zero"][name] = f"there is no answer: {why}"
    else:
        about["undecided"][name] = why or f"the points came as {points!r}"
    if name in about["undecided"]:
        text = f"Not gradable by machine: {about['undecided'][name]}. A human will look at it."
        cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=text))


def _without(text, secret):
    for number in secret:
        text = text.replace(number, "…")
    return text


def _outputs(answer):
    """Outputs in nbformat's shape; what a child process sent in another shape is left out."""
    kept = []
    for output in answer["outputs"][:500]:
        try:
            nbformat.validate(output, ref="output", version=4)
        except Exception:  # nbformat's ValidationError, and what jsonschema raises on odd types
            continue
        kept.append(json.loads(json.dumps(output)))
    return kept
