"""What grading leaves behind: a CSV by student and task, HTML feedback, and a list of what needs a human."""

import csv
import json
import logging

from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateFeedback

from .submission import record_path


def write_feedback(course, submissions):
    """One HTML page for each graded notebook, in feedback/<student>/<assignment>/."""
    for submission in submissions:
        converter = GenerateFeedback(
            coursedir=course.directory(submission.assignment, submission.student),
            config=course.config,
            force=True,
        )
        converter.log.setLevel(logging.CRITICAL)
        try:
            converter.start()
        except Exception as error:  # feedback can be made again; grades must not wait for it
            print(f"no feedback for {submission}: {error}")


def write_results(course):
    """Write results/scores.csv and results/needs-human.md from the gradebook; returns the two paths."""
    folder = course.root / "results"
    folder.mkdir(exist_ok=True)
    rows, human = [], []
    with course.gradebook() as gradebook:
        columns = [
            (a, cell.notebook.name, cell.name, cell.max_score)
            for a in course.assignments()
            for cell in _graded_cells(gradebook, a)
        ]
        students = sorted(
            {s for a in course.assignments() for s, _folder in course.submissions(a)}
            | {s.id for s in gradebook.students}
        )
        for student in students:
            row, open_tasks = _row(course, gradebook, student, columns)
            rows.append(row)
            human += open_tasks
        header = [
            "student",
            *(f"{a} {name} (of {most:g})" for a, _n, name, most in columns),
            "total",
            "state",
        ]
    scores, needs = folder / "scores.csv", folder / "needs-human.md"
    with open(scores, "w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([[safe(value) for value in row] for row in [header, *rows]])
    notes = _notes(course)
    lines = ["# What needs a human", "", f"{len(human)} open, {len(notes)} to look at.", ""]
    lines += (
        [f"- [ ] {line}" for line in human]
        + ["", "## Worth a look (points were given)", ""]
        + [f"- {line}" for line in notes]
    )
    needs.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return scores, needs


def safe(value):
    """`value` for a CSV cell that a spreadsheet must not take for a formula."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return "'" + text if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r", "\n") else text


def _graded_cells(gradebook, assignment):
    try:
        notebooks = gradebook.find_assignment(assignment).notebooks
    except MissingEntry:
        return []
    for notebook in notebooks:
        order = [cell.name for cell in notebook.source_cells]
        yield from sorted(notebook.grade_cells, key=lambda cell: order.index(cell.name))


def _row(course, gradebook, student, columns):
    """(the student's CSV row, the lines for the list of open things)."""
    values, total, open_tasks, missing = [], 0.0, [], False
    for assignment, notebook, name, _most in columns:
        try:
            grade = gradebook.find_grade(name, notebook, assignment, student)
        except MissingEntry:
            handed_in = course.folder("submitted", student, assignment).is_dir()
            values.append("not gradable" if handed_in else "")
            if handed_in:
                open_tasks.append(
                    f"{assignment} · {student} · {name}: handed in, but there is no grade; see what `make"
                    " grade` printed"
                )
            missing = True
            continue
        if grade.needs_manual_grade and grade.manual_score is None:
            why = _why(course, student, assignment, notebook, name)
            values.append("not gradable" if why else "to grade")
            open_tasks.append(f"{assignment} · {student} · {name}: {why or 'to be graded by hand'}")
        else:
            values.append(float(grade.score))
            total += grade.score
    state = "needs a human" if open_tasks else "not all handed in" if missing else "complete"
    return [student, *values, "" if open_tasks else total, state], open_tasks


def _record(course, student, assignment):
    try:
        return json.loads(record_path(course, student, assignment).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"notebooks": {}}


def _why(course, student, assignment, notebook, name):
    return (
        _record(course, student, assignment)["notebooks"].get(notebook, {}).get("undecided", {}).get(name, "")
    )


def _notes(course):
    found = []
    for assignment in course.assignments():
        for student, _folder in course.submissions(assignment):
            for about in _record(course, student, assignment)["notebooks"].values():
                found += [f"{assignment} · {student}: {note}" for note in about["notes"]]
                found += [
                    f"{assignment} · {student} · {name}: 0 points, {why}"
                    for name, why in about["zero"].items()
                ]
    return found
