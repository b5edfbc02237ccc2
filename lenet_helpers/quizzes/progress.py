"""What a learner has answered and solved: one small JSON file, local, easy to find and delete.

It lies where `path()` says; `forget()` deletes it. The environment variable
LENET_PROGRESS names another file, or is "off" for none (as when chapters are tested).
"""

import json
import os
import warnings
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from ..files import locked, set_aside, write_whole
from ..wording import _

Stored = dict[str, dict[str, Any]]


def path() -> Path | None:
    """Where the file is or will be; None when LENET_PROGRESS is "off"."""
    chosen = os.environ.get("LENET_PROGRESS", "")
    if chosen == "off":
        return None
    if chosen:
        return Path(os.path.expanduser(chosen))
    return user_data_path("lenet-course", appauthor=False) / "progress.json"


def load() -> Stored:
    """All that is stored, {kind: {key: value}}; empty if nothing is.

    A file that cannot be read as such is moved aside, which a warning says.
    """
    file = path()
    if file is None or not file.exists():
        return {}
    try:
        with locked(file):
            return _read(file)
    except OSError:  # a folder that only others may write to
        try:
            return _parse(file.read_bytes())[0]
        except OSError:
            return {}


def record(kind: str, key: str, value: Any) -> None:
    """Store one thing, for example record("exercises", "cross_correlate", True).

    Two notebooks at once lose nothing. A folder that cannot be written loses the record,
    not the lesson.
    """
    file = path()
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with locked(file):
            stored = _read(file)
            stored.setdefault(kind, {})[key] = value
            _write(file, stored)
    except OSError:
        return


def get(kind: str) -> dict[str, Any]:
    """What is stored of one kind, {key: value}."""
    return load().get(kind, {})


def forget() -> None:
    """Delete the file and everything in it."""
    file = path()
    if file is not None:
        file.unlink(missing_ok=True)


def _write(file: Path, stored: Stored) -> None:
    text = json.dumps(stored, indent=1, ensure_ascii=False, sort_keys=True)
    write_whole(file, text.encode("utf-8", "surrogatepass"))


def _read(file: Path) -> Stored:
    """What the file holds, under its lock. What is no progress file is moved aside, its good parts kept."""
    try:
        stored, why = _parse(file.read_bytes())
    except FileNotFoundError:
        return {}
    if why:
        kept = set_aside(file)
        if stored:
            _write(file, stored)
        message = _(
            "{path}: not a progress file ({why}); it was kept as {kept}, and a new one begun. Mend it and"
            " give it its old name to have it back"
        )
        warnings.warn(message.format(path=file, why=why, kept=kept.name), stacklevel=4)
    return stored


def _parse(data: bytes) -> tuple[Stored, str]:
    """({kind: {key: value}}, what is wrong with the rest or "")."""
    try:
        found = json.loads(data)  # UTF-8, -16 or -32, with a byte order mark or without
    except (ValueError, RecursionError) as error:
        return {}, str(error)
    if not isinstance(found, dict):
        return {}, type(found).__name__
    good = {kind: kept for kind, kept in found.items() if isinstance(kept, dict)}
    return good, ", ".join(repr(kind) for kind in found if kind not in good)
