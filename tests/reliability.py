"""Rows of docs/reliability.md: a test writes one after it has observed its fault, never before.

`make proof-reliability` sets LENET_RELIABILITY to a file; each call of `observed` adds a line to it,
and this module, run as a program, makes the table of them::

    python tests/reliability.py artefacts/reliability.jsonl docs/reliability.md LENET_MINUTES=30

The other long proofs note in its last table that the whole test has passed, by the file of --junitxml; TREE
is what was tested, as git names it::

    python tests/reliability.py whole docs/reliability.md TREE artefacts/oldest.xml
"""

import contextlib
import json
import os
import platform
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import torch

from lenet_helpers.files import locked

HEAD = """# Faults injected

Written whole by one run of `make proof-reliability`: a row is added only after a test has injected the fault,
observed it, and checked the outcome. A test that fails writes no row and fails the command. An outcome that
holds a number holds the one measured in this run. The last table is written by `make proof-repeats`,
`make proof-oldest` and `make proof-newest`.

Run on {day}, {system}, Python {python}, torch {torch}, with `{how}`.
"""

WHOLE = """
## The whole test

Each run of the whole test that passed: in random order, twenty times in its own, and with the oldest and the
newest versions that are allowed. A tree is what was tested, by the name that git gives it without this page.

| Run | Tree | Day | Passed | Skipped | Seconds |
|---|---|---|---:|---:|---:|
"""


def observed(kind, fault, outcome, times=1):
    """Note that `fault` was injected `times` times, was seen to happen, and ended in `outcome`."""
    file = os.environ.get("LENET_RELIABILITY")
    if file:
        row = json.dumps([kind, fault, outcome, times], ensure_ascii=False)
        with locked(file, timeout=60), open(file, "a", encoding="utf-8") as lines:
            lines.write(row + "\n")


class Child:
    """`action()` in a copy of this process, which may be killed: `os.fork` costs no new import of torch.

    `result()` waits for its end and returns (what it returned, the signal that ended it or 0).
    """

    def __init__(self, action):
        self._reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self._reading)
                torch.set_num_threads(1)  # its other threads did not come along, and would be waited for
                answer = {"value": action()}
            except BaseException as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            with contextlib.suppress(BaseException):
                os.write(writing, json.dumps(answer).encode())
            os._exit(0)  # nothing of pytest's is done twice
        os.close(writing)

    def result(self):
        with open(self._reading, "rb") as pipe:
            answer = json.loads(pipe.read() or b'{"value": null}')
        status = os.waitpid(self.pid, 0)[1]
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["value"], os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def at_once(*actions):
    """What each of `actions` returns, each in a process of its own, begun at the same moment."""
    reading, writing = os.pipe()

    def wait_then(action):
        os.close(writing)
        os.read(reading, 1)  # returns for all of them when the last writing end is closed
        return action()

    children = [Child(lambda action=action: wait_then(action)) for action in actions]
    os.close(reading)
    os.close(writing)
    return [child.result()[0] for child in children]


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


def main(source, target, how):
    """Make `target` of the lines in `source`; `how` says what was left out of the run."""
    rows = [json.loads(line) for line in Path(source).read_text("utf-8").splitlines()]
    if not rows:
        sys.exit(f"{source}: no fault was observed")
    head = HEAD.format(
        day=datetime.now(UTC).date(),
        system=platform.system(),
        python=platform.python_version(),
        torch=torch.__version__,
        how=how.strip(),
    )
    Path(target).write_text(page(rows, head) + "".join(_parted(target)[1:]), "utf-8")


def whole(target, tree, file):
    """Note in `target` that the whole test has passed on `tree`, in the line named like `file`."""
    suite = ElementTree.parse(file).find("testsuite").attrib
    if int(suite["failures"]) + int(suite["errors"]):
        sys.exit(f"{file}: not all passed")
    passed = int(suite["tests"]) - int(suite["skipped"])
    front, head, lines = _parted(target)
    rows = dict(line.strip("| ").split(" | ", 1) for line in lines.splitlines())
    rows[Path(file).stem] = (
        f"{tree} | {suite['timestamp'][:10]} | {passed} | {suite['skipped']} | {float(suite['time']):.0f}"
    )
    lines = "".join(f"| {run} | {rest} |\n" for run, rest in sorted(rows.items()))
    Path(target).write_text(front + (head or WHOLE) + lines, "utf-8")


def _parted(target):
    return Path(target).read_text("utf-8").partition(WHOLE) if Path(target).exists() else ("", "", "")


if __name__ == "__main__":
    whole(*sys.argv[2:]) if sys.argv[1] == "whole" else main(*sys.argv[1:])
