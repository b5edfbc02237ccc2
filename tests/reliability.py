"""Rows of docs/reliability.md: a test writes one after it has observed its fault, never before.

`make proof-reliability` sets LENET_RELIABILITY to a file; each call of `observed` adds a line to it,
and this module, run as a program, makes the table of them::

    python tests/reliability.py artefacts/reliability.jsonl docs/reliability.md
"""

import json
import os
import platform
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import torch

from lenet_helpers.files import locked

HEAD = """# Faults injected

Written by `make proof-reliability`: a row is added only after a test has injected the fault, observed it, and
checked the outcome. A test that fails writes no row and fails the command.

Run on {day}, {system}, Python {python}, torch {torch}.
"""


def observed(kind, fault, outcome, times=1):
    """Note that `fault` was injected `times` times, was seen to happen, and ended in `outcome`."""
    file = os.environ.get("LENET_RELIABILITY")
    if file:
        row = json.dumps([kind, fault, outcome, times], ensure_ascii=False)
        with locked(file, timeout=60), open(file, "a", encoding="utf-8") as lines:
            lines.write(row + "\n")


def page(rows, head=HEAD):
    """The page's text: a table for each kind of fault, in the order in which they were first seen."""
    times = Counter()
    for kind, fault, outcome, n in rows:
        times[kind, fault, outcome] += n
    parts, seen = [head], None
    for (kind, fault, outcome), n in sorted(times.items()):
        if kind != seen:
            parts.append(f"\n## {kind}\n\n| Fault | Injected | Outcome |\n|---|---:|---|\n")
            seen = kind
        parts.append(f"| {fault} | {n} | {outcome} |\n")
    return "".join(parts)


def main(source, target):
    """Make `target` of the lines in `source`."""
    rows = [json.loads(line) for line in Path(source).read_text("utf-8").splitlines()]
    if not rows:
        sys.exit(f"{source}: no fault was observed")
    head = HEAD.format(
        day=datetime.now(UTC).date(),
        system=platform.system(),
        python=platform.python_version(),
        torch=torch.__version__,
    )
    Path(target).write_text(page(rows, head), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
