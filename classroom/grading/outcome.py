"""What grading leaves behind: tables of marks for people and for learning platforms, HTML feedback, what the
class stumbled over, and a list of what needs a human. All of it says what the gradebook says at that moment.
"""

import csv
import json
import logging

from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateFeedback

from . import clean
from .marks import OWN_TESTS, is_open
from .roster import Roster
from .submission import record_path

NOT_YET = ("not gradable", "to grade")


def write_feedback(course, submissions):
    """One HTML page for each graded notebook, in feedback/<student>/<assignment>/, from the gradebook."""
    for submission in submissions:
        converter = GenerateFeedback(
            coursedir=course.directory(submission.assignment, submission.student),
            config=course.config,
            force=True,
        )
        converter.log.setLevel(logging.CRITICAL)
        try:
            converter.start()
        except (Exception, SystemExit) as error:  # it can be made again; grades must not wait for it
            print(f"no feedback for {submission}: {error}")


def write_results(course):
    """Write the files of results/ from the gradebook; returns their paths."""
    folder = course.root / "results"
    folder.mkdir(exist_ok=True)
    roster, assignments = Roster(course.root), course.assignments()
    human, marks = [], {}
    with course.gradebook() as gradebook:
        columns = {name: list(_graded_cells(gradebook, name)) for name in assignments}
        for student in _students(course, gradebook, roster):
            marks[student] = {}
            for name in assignments:
                marks[student][name], lines = _mark(course, gradebook, student, name, columns[name])
                human += lines
    paths = [
        _scores(folder / "scores.csv", roster, marks, columns),
        _needs_human(folder / "needs-human.md", human, _notes(course) + _strays(course, roster)),
        _canvas(folder / "canvas.csv", roster, marks, columns),
        *(_moodle(folder / f"moodle-{name}.csv", roster, marks, name) for name in assignments),
    ]
    return paths + _class(course, folder)


def safe(value):
    """`value` for a CSV cell that a spreadsheet must not take for a formula."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return "'" + text if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r", "\n") else text


def _write(path, rows):
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([[safe(value) for value in row] for row in rows])
    return path


def _students(course, gradebook, roster):
    """Who is in the tables: the roster and who handed in; without a roster also who has marks."""
    found = {s for a in course.assignments() for s, _folder in course.submissions(a)} | set(roster.people)
    return sorted(found if roster.people else found | {s.id for s in gradebook.students})


def _graded_cells(gradebook, assignment):
    """(notebook, test, points) of every graded cell, in order."""
    try:
        notebooks = gradebook.find_assignment(assignment).notebooks
    except MissingEntry:
        return
    for notebook in notebooks:
        order = [cell.name for cell in notebook.source_cells]
        for cell in sorted(notebook.grade_cells, key=lambda cell: order.index(cell.name)):
            yield notebook.name, cell.name, cell.max_score


def _mark(course, gradebook, student, assignment, columns):
    """({"cells": values, "penalty": points, "total": number or ""}, lines for the list of open things)."""
    values, lines, penalty = [], [], 0.0
    handed_in = course.folder("submitted", student, assignment).is_dir()
    for notebook, name, _most in columns:
        try:
            found = gradebook.find_submission_notebook(notebook, assignment, student)
            grade = next(grade for grade in found.grades if grade.name == name)
        except (MissingEntry, StopIteration):
            values.append("not gradable" if handed_in else "")
            if handed_in:
                lines.append(
                    f"{assignment} · {student} · {name}: handed in, but there is no grade; run `make grade`"
                )
            continue
        penalty = found.late_submission_penalty or 0.0
        if is_open(grade) or grade.needs_manual_grade and grade.manual_score is None:
            why = _why(course, student, assignment, notebook, name)
            values.append("not gradable" if why else "to grade")
            lines.append(f"{assignment} · {student} · {name}: {why or 'to be graded by hand'}")
        else:
            values.append(float(grade.score))
    points = [value for value in values if isinstance(value, float)]
    whole = len(points) == len(values) and values
    total = max(0.0, sum(points) - penalty) if whole else ""
    return {"cells": values, "penalty": float(penalty), "total": total, "handed_in": handed_in}, lines


def _scores(path, roster, marks, columns):
    """One line a student: who it is, each task, each assignment, the term, and whether all is decided."""
    header = ["student", "name", "email", "lms_id"]
    for name, cells in columns.items():
        header += [f"{name} {test} (of {most:g})" for _n, test, most in cells]
        header += [f"{name} late", f"{name} total (of {sum(most for *_x, most in cells):g})"]
    most = sum(points for cells in columns.values() for *_x, points in cells)
    rows = [[*header, f"total (of {most:g})", "state"]]
    for student, by_name in marks.items():
        about = roster.person(student)
        row = [student, about.name, about.email, about.lms_id]
        for mark in by_name.values():
            row += [*mark["cells"], -mark["penalty"] if mark["penalty"] else "", mark["total"]]
        open_here = any(value in NOT_YET for mark in by_name.values() for value in mark["cells"])
        missing = any(mark["total"] == "" for mark in by_name.values())
        total = sum(mark["total"] for mark in by_name.values() if mark["total"] != "")
        state = "needs a human" if open_here else "not all handed in" if missing else "complete"
        rows.append([*row, "" if open_here else total, state])
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        # A penalty is a number below zero and no formula.
        writer = csv.writer(file)
        writer.writerows([[f"{v:g}" if isinstance(v, float) else safe(v) for v in row] for row in rows])
    return path


def _moodle(path, roster, marks, assignment):
    """For Moodle's Grades → Import → CSV file: map "ID number" or "Email address" to the user."""
    rows = [["ID number", "Email address", "Username", assignment]]
    for student, by_name in marks.items():
        about = roster.person(student)
        rows.append([about.lms_id, about.email, student, by_name[assignment]["total"]])
    return _write(path, rows)


def _canvas(path, roster, marks, columns):
    """For Canvas's Grades → Import: users are told by "ID"; new assignments are made where there are none."""
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *columns]]
    rows.append(
        [
            "    Points Possible",
            "",
            "",
            "",
            "",
            *(sum(most for *_x, most in cells) for cells in columns.values()),
        ]
    )
    for student, by_name in marks.items():
        about = roster.person(student)
        rows.append(
            [
                about.name or student,
                about.lms_id,
                "",
                student,
                "",
                *(mark["total"] for mark in by_name.values()),
            ]
        )
    return _write(path, rows)


def _needs_human(path, human, notes):
    lines = ["# What needs a human", "", f"{len(human)} open, {len(notes)} to look at.", ""]
    lines += [f"- [ ] {clean.line(text, 600)}" for text in human]
    lines += ["", "## Worth a look", "", *(f"- {clean.line(text, 600)}" for text in notes)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _record(course, student, assignment):
    try:
        return json.loads(record_path(course, student, assignment).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"notebooks": {}}


def _why(course, student, assignment, notebook, name):
    about = _record(course, student, assignment)["notebooks"].get(notebook, {})
    return about.get("undecided", {}).get(name, "")


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
                found += [
                    f"{assignment} · {student} · {name}: {OWN_TESTS}" for name in about.get("own_tests", ())
                ]
    return found


def _strays(course, roster):
    """What lies in submitted/ and belongs to no assignment, and who is in no roster: nobody disappears."""
    known, found = set(course.assignments()), []
    for path in sorted((course.root / "submitted").glob("*")) if (course.root / "submitted").is_dir() else ():
        if path.name.startswith("."):
            continue
        if not path.is_dir():
            found.append(
                f"submitted/{path.name}: in no student's folder; `python -m classroom.collect` sorts files in"
            )
            continue
        inside = [p for p in path.iterdir() if not p.name.startswith(".")]
        for part in inside:
            if part.name not in known:
                where = f"submitted/{path.name}/{part.name}"
                found.append(f"{where}: no assignment's name; `python -m classroom.collect` sorts it in")
        if not inside:
            found.append(f"submitted/{path.name}: empty")
        if roster.people and path.name not in roster.people:
            found.append(f"{path.name}: handed in and in no line of roster.csv")
    return found


# What the class stumbled over --------------------------------------------------------------


def _class(course, folder):
    """class.csv and class.png: for every property, how many have it; [] where nothing was graded."""
    found = {}
    for assignment in course.assignments():
        for student, _folder in course.submissions(assignment):
            for about in _record(course, student, assignment)["notebooks"].values():
                for test, properties in about.get("properties", {}).items():
                    for each in properties:
                        entry = found.setdefault(
                            (assignment, test, each["name"]),
                            {"label": each["label"], "keys": {}, "of": 0, "held": 0},
                        )
                        entry["of"] += 1
                        entry["held"] += each["got"] > 0
                        if each["key"]:
                            entry["keys"][each["key"]] = entry["keys"].get(each["key"], 0) + 1
    if not found:
        return []
    rows = [["assignment", "task", "property", "what must hold", "hold it", "of", "most frequent mistakes"]]
    for (assignment, test, name), entry in found.items():
        often = sorted(entry["keys"].items(), key=lambda item: -item[1])[:3]
        told = ", ".join(f"{key} ({n})" for key, n in often)
        rows.append([assignment, test, name, entry["label"], entry["held"], entry["of"], told])
    return [_write(folder / "class.csv", rows), _picture(folder / "class.png", found)]


def _picture(path, found):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [f"{assignment} · {test} · {name}" for assignment, test, name in found]
    shares = [entry["held"] / entry["of"] for entry in found.values()]
    figure = Figure(figsize=(8, 1 + 0.24 * len(names)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.barh(names, shares, color="tab:blue")
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of the class for whom it holds", title="Who stumbled where")
    axes.xaxis.set_major_formatter(lambda value, _position: f"{value:.0%}")
    figure.savefig(path, dpi=100)
    return path
