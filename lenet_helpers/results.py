"""Results of runs too long for a reader to wait for, stored with the command that makes them."""

import json
from pathlib import Path

from .wording import _

FOLDER = Path(__file__).parents[1] / "notebooks" / "results"


def stored_result(name):
    """What `notebooks/results/<name>.json` holds: numbers, conditions and the command that made them.

    Raises ValueError, naming the results there are, for any other name.
    """
    # Beside the package in a checkout; beside the notebooks where only they were copied.
    for folder in (FOLDER, Path("..") / "results"):
        if (folder / f"{name}.json").exists():
            return json.loads((folder / f"{name}.json").read_text("utf-8"))
    there = ", ".join(sorted(path.stem for path in FOLDER.glob("*.json")))
    raise ValueError(_("stored_result({name!r}): choose one of {names}").format(name=name, names=there))
