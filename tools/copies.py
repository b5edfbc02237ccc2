"""The learner's own copies of the chapters: made once, kept through every update of the course.

    python -m tools.copies                           # what make lab does first
    python -m tools.copies original 03-training      # a chapter as it was; yours is set aside
    python -m tools.copies original 03-training loop-exercise     # one cell of it

Copies lie in `course/<language>/`, which git ignores, or in the folder that LENET_COURSE names.
Beside them, in `.shipped`, lies each chapter as it was when it was copied. After an update of
the course the three are merged cell by cell, by the cells' ids: what the learner wrote stays,
whatever the course did.
"""

import argparse
import os
import sys
from pathlib import Path

import nbformat

from lenet_helpers.files import locked, set_aside, write_whole
from lenet_helpers.quizzes import progress
from lenet_helpers.wording import _, listed, preferred_language, set_language

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "notebooks"
# Elsewhere for a class whose course folder cannot be written.
COPIES = Path(os.environ.get("LENET_COURSE") or ROOT / "course").expanduser()


def reader():
    """The code of the reader's language: of the start page they ran last, or of the environment."""
    return preferred_language(progress.get("reader").get("language", ""))


def refresh(shipped=SHIPPED, copies=COPIES):
    """Bring the copies up to date; returns sentences about what a learner should know."""
    said = []
    for source in sorted(Path(shipped).glob("*/*.ipynb")):
        name = source.relative_to(shipped)
        mine, base = Path(copies) / name, Path(copies) / ".shipped" / name
        if not _is_fresh(source, mine, base):
            base.parent.mkdir(parents=True, exist_ok=True)
            with locked(base):  # of two that start at once the second finds it done
                said += _refresh_one(source, mine, base)
    return said


def _is_fresh(source, mine, base):
    return mine.exists() and base.exists() and base.read_bytes() == source.read_bytes()


def _refresh_one(source, mine, base):
    if _is_fresh(source, mine, base):
        return []
    said = []
    if mine.exists():
        said = _update(source, mine, base)
    else:
        mine.parent.mkdir(parents=True, exist_ok=True)
        write_whole(mine, source.read_bytes())
    write_whole(base, source.read_bytes())
    return said


def original(chapter, cell=None, shipped=SHIPPED, copies=COPIES):
    """Put a chapter, or one of its cells, back as the course has it; returns what was done, in a sentence.

    Raises ValueError for a chapter or a cell that there is not, naming those there are.
    """
    found = {f"{path.parent.name}/{path.stem}": path for path in sorted(Path(shipped).glob("*/*.ipynb"))}
    chosen = [key for key in found if chapter.removesuffix(".ipynb") in (key, key.split("/")[1])]
    chosen.sort(key=lambda key: not key.startswith(reader() + "/"))  # one name, several languages
    if not chosen:
        raise ValueError(_("{name!r}: choose one of {names}").format(name=chapter, names=listed(found)))
    source = found[chosen[0]]
    mine = Path(copies) / source.relative_to(shipped)
    if cell is None:
        kept = set_aside(mine) if mine.exists() else None
        mine.parent.mkdir(parents=True, exist_ok=True)
        write_whole(mine, source.read_bytes())
        if kept is None:
            return _("{name}: a fresh copy").format(name=chosen[0])
        return _("{name}: a fresh copy; yours is now {kept}").format(name=chosen[0], kept=kept.name)
    cells = {c.id: c for c in nbformat.read(source, as_version=4).cells}
    if cell not in cells:
        names = listed(c.id for c in cells.values() if c.cell_type == "code")
        raise ValueError(_("{name!r}: choose one of {names}").format(name=cell, names=names))
    notebook = nbformat.read(mine, as_version=4)
    places = [i for i, c in enumerate(notebook.cells) if c.id == cell]
    if places:
        notebook.cells[places[0]] = cells[cell]
    else:
        order = list(cells)
        before = set(order[: order.index(cell)])
        at = max((i + 1 for i, c in enumerate(notebook.cells) if c.id in before), default=0)
        notebook.cells.insert(at, cells[cell])
    _write(notebook, mine)
    return _("{name}: the cell {cell} is as the course has it; reload the page to see it").format(
        name=chosen[0], cell=cell
    )


def _update(source, mine, base):
    """Merge a changed chapter into the learner's copy; what a learner should know, in sentences."""
    theirs = nbformat.read(source, as_version=4)
    try:
        notebook = nbformat.read(mine, as_version=4)
        old = nbformat.read(base, as_version=4) if base.exists() else nbformat.v4.new_notebook()
        merged, kept = merge(old.cells, notebook.cells, theirs.cells)
        notebook.cells, notebook.metadata = merged, theirs.metadata
        _write(notebook, mine)
    except OSError:
        raise
    except Exception:  # of a file that is no notebook nbformat raises nearly everything
        kept = set_aside(mine)
        write_whole(mine, source.read_bytes())
        return [
            _("{name} could not be read: it is now {kept}, and a fresh copy stands in its place").format(
                name=mine.name, kept=kept.name
            )
        ]
    said = [_("{name}: the course has changed; what you wrote is kept").format(name=mine.name)]
    if kept:
        cells = listed(kept)
        said.append(
            _("{name}: these cells changed in the course and in your copy, yours stand: {cells}").format(
                name=mine.name, cells=cells
            )
        )
    return said


def merge(base, mine, theirs):
    """(cells, ids of those both sides changed) of a three-way merge by the cells' ids.

    base: the cells as they were copied; mine: as the learner has them; theirs: as the course
    has them now. What the learner changed, added or deleted stays so; the rest is theirs.
    """
    old, own, new = ({cell.id: cell for cell in cells} for cells in (base, mine, theirs))
    touched = {i for i, cell in own.items() if i not in old or cell.source != old[i].source}
    merged, both = [], []
    for i, cell in new.items():
        if i in own and i in touched and (i in old or own[i].source != cell.source):
            merged.append(own[i])
            if i not in old or cell.source != old[i].source:
                both.append(i)
        elif i in own and i in old and cell.source == old[i].source:
            merged.append(own[i])  # with the learner's outputs
        elif i in own or i not in old:
            merged.append(cell)
    # The learner's own cells, and changed ones that the course no longer has, after what they followed.
    place = {cell.id: n for n, cell in enumerate(merged)}
    for before, cell in zip([None, *mine], mine):
        if cell.id not in place and cell.id in touched:
            at = place[before.id] + 1 if before is not None and before.id in place else 0
            merged.insert(at, cell)
            place = {c.id: n for n, c in enumerate(merged)}
    return merged, both


def _write(notebook, path):
    write_whole(path, nbformat.writes(notebook).encode("utf-8"))


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tools.copies", description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", metavar="original CHAPTER [CELL]")
    given = parser.parse_args(arguments).what
    sys.stdout.reconfigure(errors="replace")  # a terminal without Chinese
    set_language(reader())
    try:
        if given and (given[0] != "original" or not 2 <= len(given) <= 3):
            raise ValueError(_("say nothing, or: original CHAPTER [CELL]"))
        said = [original(*given[1:])] if given else refresh()
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print("\n".join(said), end="\n" if said else "")


if __name__ == "__main__":
    main()
