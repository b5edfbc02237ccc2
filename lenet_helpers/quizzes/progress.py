"""What a learner has answered and solved: one small JSON file, local, easy to find and delete.

It lies where `path()` says; `forget()` deletes it. The environment variable
LENET_PROGRESS names another file, or is "off" for none (as when chapters are tested).
"""

import json
import os
from pathlib import Path

from platformdirs import user_data_path

from ..files import write_whole


def path():
    """Where the file is or will be; None when LENET_PROGRESS is "off"."""
    chosen = os.environ.get("LENET_PROGRESS", "")
    if chosen == "off":
        return None
    return (
        Path(chosen).expanduser()
        if chosen
        else user_data_path("lenet-course", appauthor=False) / "progress.json"
    )


def load():
    """All that is stored, {kind: {key: value}}; empty if nothing is, or the file cannot be read as such."""
    file = path()
    try:
        stored = json.loads(file.read_text("utf-8")) if file else {}
    except (OSError, ValueError):
        return {}
    return (
        {kind: kept for kind, kept in stored.items() if isinstance(kept, dict)}
        if isinstance(stored, dict)
        else {}
    )


def record(kind, key, value):
    """Store one thing, for example record("exercises", "cross_correlate", True).

    Two notebooks at once never leave half a file. A folder that cannot be written loses
    the record, not the lesson.
    """
    file = path()
    if file is None:
        return
    stored = load()
    stored.setdefault(kind, {})[key] = value
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(stored, indent=1, ensure_ascii=False, sort_keys=True).encode("utf-8"))
    except OSError:
        return


def get(kind):
    """What is stored of one kind, {key: value}."""
    return load().get(kind, {})


def forget():
    """Delete the file and everything in it."""
    file = path()
    if file is not None:
        file.unlink(missing_ok=True)
