"""Read a file that claims to be a notebook. Runs in the examiner's process, under its limit on memory."""

import json
import os
import stat
from pathlib import Path

from . import clean

MOST_BYTES, MOST_CELLS, MOST_SOURCE = 100_000_000, 3000, 2_000_000


class Unreadable(ValueError):
    """The submitted file is not a notebook that can be graded."""


def read(path, trusted=()):
    """The notebook at `path` as a dict of nbformat 4 with clean cells and without outputs; Unreadable, with
    the reason, if it is none.
    """
    try:
        raw = json.loads(_bytes(Path(path)).decode("utf-8-sig").replace("\r\n", "\n"))
        if not isinstance(raw, dict) or not isinstance(raw.get("cells", raw.get("worksheets")), list):
            raise ValueError("it has no list of cells")
        nb = _slim(raw)
    except Unreadable:
        raise
    except (Exception, RecursionError, MemoryError) as error:  # whatever a decoder or nbformat raises
        what = (str(error).splitlines() or [""])[0][:120]
        raise Unreadable(f"not a valid notebook ({type(error).__name__}: {what})") from None
    return clean.notebook(nb, trusted)


def _bytes(path):
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise Unreadable(f"{path.name} is missing") from None
    except OSError as error:
        raise Unreadable(f"{path.name} can not be opened ({error.strerror})") from None
    with os.fdopen(fd, "rb") as file:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode):
            raise Unreadable(f"{path.name} is no ordinary file")
        if about.st_size > MOST_BYTES:
            raise Unreadable(f"the notebook is larger than {MOST_BYTES // 1_000_000} MB")
        return file.read(MOST_BYTES)


def _slim(raw):
    """The cells alone: what they say and which of the teacher's they claim to be."""
    import nbformat

    if raw.get("nbformat", 4) != 4:
        raw = nbformat.convert(nbformat.from_dict(raw), 4)
    if len(raw["cells"]) > MOST_CELLS:
        raise ValueError(f"it has more than {MOST_CELLS} cells")
    nb, room = nbformat.v4.new_notebook(), MOST_SOURCE
    for cell in raw["cells"]:
        if not isinstance(cell, dict):
            raise ValueError("a cell is no cell")
        source = cell.get("source", "")
        source = source if isinstance(source, str) else "".join(map(str, source))
        source = source.replace("\r\n", "\n")
        room -= len(source)
        if room < 0:
            raise ValueError(f"its cells hold more than {MOST_SOURCE} characters")
        made = {
            "code": nbformat.v4.new_code_cell,
            "raw": nbformat.v4.new_raw_cell,
        }.get(cell.get("cell_type"), nbformat.v4.new_markdown_cell)(source)
        about = (
            (cell.get("metadata") or {}).get("nbgrader") if isinstance(cell.get("metadata"), dict) else None
        )
        if isinstance(about, dict) and isinstance(about.get("grade_id"), str):
            made.metadata["nbgrader"] = {"grade_id": about["grade_id"][:200]}
        nb.cells.append(made)
    return nb
