"""Results of runs too long for a reader to wait for, stored with the command that makes them."""

import json
from pathlib import Path
from typing import Any

from ..wording import _

FOLDER = Path(__file__).parent


def stored_result(name: str) -> dict[str, Any]:
    """What `results/<name>.json` of this package holds: numbers, conditions and the command that made them.

    Raises ValueError, naming the results there are, for any other name.
    """
    file = FOLDER / f"{name}.json"
    if not file.exists():
        there = ", ".join(sorted(path.stem for path in FOLDER.glob("*.json")))
        raise ValueError(_("stored_result({name!r}): choose one of {names}").format(name=name, names=there))
    found: dict[str, Any] = json.loads(file.read_bytes())
    return found
