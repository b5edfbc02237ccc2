"""Put a submitted notebook back in shape before anything of it runs, and note what was wrong.

Works on cells as nbformat gives them and on `Known` cells, which say what the teacher's
notebook has. Nothing here runs or imports what a student wrote.
"""

from collections import Counter
from dataclasses import dataclass

import nbformat


@dataclass(frozen=True)
class Known:
    """One cell with an nbgrader id as the teacher released it."""

    name: str
    kind: str  # "code" or "markdown"
    source: str
    locked: bool
    grade: bool
    solution: bool
    points: float = 0.0

    @property
    def test(self):
        """Whether this is an autograded test cell."""
        return self.grade and not self.solution

    def metadata(self):
        """What nbgrader keeps in such a cell."""
        about = dict(
            grade=self.grade,
            grade_id=self.name,
            locked=self.locked,
            solution=self.solution,
            schema_version=3,
            task=False,
            cell_type=self.kind,
        )
        return about | ({"points": self.points} if self.grade else {})


def mend(nb, known):
    """Put the teacher's cells back in order and form; returns notes: things a teacher may want to know.

    `known` is the list of Known, in order.
    """
    names = {cell.name: cell for cell in known}
    for cell in nb.cells:
        _forget_strangers(cell, names)
    notes = _recognise(nb, known)
    counts = Counter(_id(cell) for cell in nb.cells if _id(cell))
    for cell in known:
        if cell.test and not counts[cell.name]:
            notes.append(f"test cell {cell.name} was deleted (put back)")
        elif cell.test and counts[cell.name] > 1:
            notes.append(f"test cell {cell.name} was there more than once (the last one counts)")
        elif not counts[cell.name] and cell.solution:
            notes.append(f"answer cell {cell.name} was deleted")
    _keep_last(nb)
    notes += [
        f"test cell {_id(cell)} was changed (put back)"
        for cell in nb.cells
        if _id(cell) and names[_id(cell)].test and not _is_release(cell.source, names[_id(cell)].source)
    ]
    if _sort(nb, [cell.name for cell in known]):
        notes.append("cells were in another order (put back)")
    _add_missing(nb, known, counts)
    for cell in nb.cells:
        if _id(cell) and (names[_id(cell)].locked or names[_id(cell)].test):
            cell.source = names[_id(cell)].source
    return notes


def _id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def _forget_strangers(cell, names):
    """Only the teacher's cells have ids and points; and those have the teacher's."""
    about = cell.metadata.get("nbgrader")
    name = about.get("grade_id") if isinstance(about, dict) else None
    if isinstance(name, str) and name in names and names[name].kind == cell.cell_type:
        cell.metadata["nbgrader"] = nbformat.from_dict(names[name].metadata())
    else:
        cell.metadata.pop("nbgrader", None)


def _recognise(nb, known):
    """Find the teacher's cells by what they say where a program has dropped their ids."""
    there, found = {_id(cell) for cell in nb.cells}, []
    for cell in known:
        if cell.name in there or cell.kind != "code":
            continue
        head = cell.source.split("\n", 1)[0].strip()
        for other in reversed(nb.cells):
            whole = _is_release(other.source, cell.source)
            begins = (
                cell.solution
                and head.startswith(("def ", "class "))
                and other.source.lstrip().startswith(head)
            )
            if not _id(other) and other.cell_type == "code" and (whole or begins):
                other.metadata["nbgrader"] = nbformat.from_dict(cell.metadata())
                found.append(cell.name)
                break
    return [f"{len(found)} cells had lost their nbgrader ids (recognised by their text)"] if found else []


def _keep_last(nb):
    """Of cells with the same id only the last stays the teacher's, as nbgrader has it; copies become the
    student's own.
    """
    seen = set()
    for cell in reversed(nb.cells):
        if _id(cell) in seen:
            cell.metadata.pop("nbgrader")
        elif _id(cell):
            seen.add(_id(cell))


def _sort(nb, order):
    """Bring known cells into the teacher's order; others stay behind the known cell before them. True if
    anything moved.
    """
    place = {name: i for i, name in enumerate(order)}
    groups = [(-1, [])]
    for cell in nb.cells:
        if _id(cell) in place:
            groups.append((place[_id(cell)], []))
        groups[-1][1].append(cell)
    ordered = sorted(groups, key=lambda group: group[0])
    nb.cells = [cell for _place, cells in ordered for cell in cells]
    return ordered != groups


def _add_missing(nb, known, counts):
    """Add the teacher's cells that are gone: tests and hand-graded answers, for their points, and locked
    ones, which others need.
    """
    for i, cell in enumerate(known):
        if counts[cell.name] or (cell.solution and not cell.grade):
            continue
        before = {other.name for other in known[:i]}
        at = max([j for j, found in enumerate(nb.cells) if _id(found) in before], default=-1) + 1
        make = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
        nb.cells.insert(at, make(cell.source, metadata={"nbgrader": cell.metadata()}))


def _is_release(submitted, full):
    """Whether `submitted` is a test cell as released, or its whole source `full`."""
    return submitted.split() in (full.split(), without_hidden(full).split())


def without_hidden(source):
    """A cell's source with its hidden tests taken out, as nbgrader does for the release."""
    kept, hidden = [], False
    for line in source.split("\n"):
        if "BEGIN HIDDEN TESTS" in line:
            hidden = True
        elif "END HIDDEN TESTS" in line:
            hidden = False
        elif not hidden:
            kept.append(line)
    return "\n".join(kept)
