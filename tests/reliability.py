"""Rows of docs/reliability.md: a test writes one after it has observed its fault, never before.

`make proof-reliability` sets LENET_RELIABILITY to a file; each call of `observed` adds a line to it,
and this module, run as a program, makes the table of them::

    python tests/reliability.py artefacts/reliability.jsonl docs/reliability.md LENET_MINUTES=30

The other long proofs note in its last table that the whole test has passed, by the files of --junitxml::

    python tests/reliability.py whole docs/reliability.md artefacts/oldest.xml
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

WHOLE = "\n## The whole test\n\n| Run | Times | Outcome |\n|---|---:|---|\n"
RUNS = {  # by the name of its file; any other is one of those in their own order
    "random": "in random order",
    "oldest": "with the oldest versions that are allowed",
    "newest": "with the newest versions that are allowed",
}


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


def whole(target, *files):
    """Note in `target` how often the whole test has passed, a line for each way to run it."""
    runs = {}
    for file in map(Path, files):
        runs.setdefault(RUNS.get(file.stem, "in its own order"), []).append(
            ElementTree.parse(file).find("testsuite").attrib
        )
    front, head, lines = _parted(target)
    rows = dict(line.strip("| ").split(" | ", 1) for line in lines.splitlines())
    for run, suites in runs.items():
        if any(int(one["failures"]) + int(one["errors"]) for one in suites):
            sys.exit(f"{run}: not all passed")
        skipped = [int(one["skipped"]) for one in suites]
        passed = [int(one["tests"]) - n for one, n in zip(suites, skipped)]
        days = _to(one["timestamp"][:10] for one in suites)
        rows[run] = f"{len(suites)} | all passed: {_to(passed)} tests, {_to(skipped)} skipped; {days}"
    lines = "".join(f"| {run} | {rest} |\n" for run, rest in sorted(rows.items()))
    Path(target).write_text(front + (head or WHOLE) + lines, "utf-8")


def _parted(target):
    return Path(target).read_text("utf-8").partition(WHOLE) if Path(target).exists() else ("", "", "")


def _to(values):
    ordered = sorted(values)
    least, most = ordered[0], ordered[-1]
    return str(least) if least == most else f"{least} to {most}"


if __name__ == "__main__":
    whole(*sys.argv[2:]) if sys.argv[1] == "whole" else main(*sys.argv[1:])
