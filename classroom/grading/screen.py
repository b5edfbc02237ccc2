"""Look at a submitted notebook before anything of it runs: put it back in shape, note what is wrong.

Works on cells as nbformat gives them and on `Known` cells, which say what the teacher's
notebook has. Nothing here runs or imports what a student wrote.
"""

import ast
import json
from collections import Counter
from dataclasses import dataclass

import nbformat

MOST_BYTES = 5_000_000
SUSPICIOUS = {
    "ctypes",
    "gc",
    "_getframe",
    "f_back",
    "tb_frame",
    "__closure__",
    "__subclasses__",
    "settrace",
    "setprofile",
    "lenet_helpers.checks",
    "_posixsubprocess",
}


class Unreadable(ValueError):
    """The submitted file is not a notebook that can be graded."""


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


def read(path):
    """The notebook at `path`; Unreadable, with the reason, if it is none."""
    if path.is_symlink() or any(p.is_symlink() for p in path.parent.rglob("*")):
        raise Unreadable("the submission contains a link to a file elsewhere")
    if not path.is_file():
        found = ", ".join(sorted(p.name for p in path.parent.glob("*.ipynb"))) or "no notebook"
        raise Unreadable(f"{path.name} is missing (found: {found})")
    if path.stat().st_size > MOST_BYTES:
        raise Unreadable(f"the notebook is larger than {MOST_BYTES // 1_000_000} MB: outputs were left in it")
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        raw = json.loads(text)
        if not isinstance(raw, dict) or not isinstance(raw.get("cells"), list):
            raise ValueError("it has no list of cells")
        nb = nbformat.from_dict(nbformat.convert(nbformat.from_dict(raw), 4))
        for cell in nb.cells:
            cell.source = "".join(cell.source).replace("\r\n", "\n")
            cell.setdefault("metadata", nbformat.NotebookNode())
        _changes, nb = nbformat.validator.normalize(nb)
        nbformat.validate(nb)
    except (
        Exception
    ) as error:  # UnicodeDecodeError, JSONDecodeError, ValidationError, KeyError, TypeError, ...
        raise Unreadable(
            f"not a valid notebook ({type(error).__name__}: {str(error).splitlines()[0][:120]})"
        ) from None
    return nb


def mend(nb, known):
    """Put the teacher's cells back in order and form; returns (undecided, notes).

    undecided: dict from a test cell's id to the reason why it can't be graded. notes:
    things a teacher may want to know. `known` is the list of Known, in order.
    """
    names = {cell.name: cell for cell in known}
    for cell in nb.cells:
        _forget_strangers(cell, names)
    counts = Counter(_id(cell) for cell in nb.cells if _id(cell))
    undecided, notes = {}, []
    for cell in known:
        if cell.test and counts[cell.name] != 1:
            undecided[cell.name] = (
                "its test cell was deleted"
                if not counts[cell.name]
                else "its test cell is there more than once"
            )
        elif not counts[cell.name] and cell.solution:
            notes.append(f"answer cell {cell.name} was deleted")
    _keep_last(nb)
    notes += [
        f"test cell {_id(cell)} was changed (put back)"
        for cell in nb.cells
        if _id(cell) and names[_id(cell)].test and not _is_release(cell.source, names[_id(cell)].source)
    ]
    notes += [f"uses {word}" for word in sorted(_suspicious(nb))]
    if _sort(nb, [cell.name for cell in known]):
        notes.append("cells were in another order (put back)")
    _add_missing(nb, known, counts)
    return undecided, notes


def _id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def _forget_strangers(cell, names):
    """Only the teacher's cells have ids and points; and those have the teacher's."""
    about = cell.metadata.get("nbgrader")
    name = about.get("grade_id") if isinstance(about, dict) else None
    if name in names:
        cell.metadata["nbgrader"] = nbformat.from_dict(names[name].metadata())
    else:
        cell.metadata.pop("nbgrader", None)


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
    """Add the teacher's cells that are gone: tests, so that a human can enter points, and locked ones,
    which others need.
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
    return submitted.split() == full.split() or submitted.split() == without_hidden(full).split()


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


def _suspicious(nb):
    """Names in the student's own code that reach into the interpreter: for a human to look at."""
    found = set()
    for cell in nb.cells:
        if cell.cell_type != "code" or cell.metadata.get("nbgrader", {}).get("locked"):
            continue
        try:
            tree = ast.parse(cell.source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            words = [getattr(node, "attr", ""), getattr(node, "id", ""), getattr(node, "module", "") or ""]
            words += [alias.name for alias in getattr(node, "names", []) if isinstance(alias, ast.alias)]
            found |= {word for word in words if word in SUSPICIOUS}
    return found
