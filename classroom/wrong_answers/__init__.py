"""Answers known to be wrong, task by task, with the property that must reject each; and right ones that
must pass.

`ps1.csv` … `ps4.csv` have one answer a line: the task, the answer (a function or class in
`tests/known_wrong`, where it stands beside the message it must get), and the property
that must reject it; "nothing" for a right answer in an unusual form, which must get full
marks. Whole notebooks, hostile ones included, are in `notebooks.py`.
"""

import csv
import importlib
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parents[1] / "tests"


@dataclass(frozen=True)
class Answer:
    """One line of a table."""

    task: str
    name: str
    rejected_by: str  # a property's name, or "nothing"

    @property
    def right(self):
        """Whether this answer must get full marks."""
        return self.rejected_by == "nothing"

    def load(self):
        """The function or class itself."""
        if str(TESTS) not in sys.path:
            sys.path.insert(0, str(TESTS))
        module, _dot, name = self.name.rpartition(".")
        return getattr(importlib.import_module(f"known_wrong.{module}"), name)


def answers(assignment):
    """The answers of one assignment, as a list of `Answer`."""
    with open(HERE / f"{assignment}.csv", newline="", encoding="utf-8") as file:
        return [Answer(**row) for row in csv.DictReader(file)]
