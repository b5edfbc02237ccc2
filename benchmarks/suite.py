"""Where `make test` spends its time.

    python -m benchmarks.suite                        # runs make test, then writes the table
    python -m benchmarks.suite --xml artefacts/x.xml  # only reads what a run with --junitxml=... wrote

A second of a worker is one in which one of pytest's processes was at a test; with two processes a
minute of the clock has 120 of them, less what is spent on starting, on finding the tests, and on
waiting for the other at the end. Writes `lenet_helpers/results/suite.json`.
"""

import argparse
import json
import os
import platform
import re
import subprocess
from collections import Counter
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import torch

from lenet_helpers.files import write_whole
from lenet_helpers.results import FOLDER

ROOT = Path(__file__).resolve().parents[1]
RESULTS = FOLDER / "suite.json"
# The first that fits the name of a test's module.
PARTS = {
    "English chapters, nbval": r"notebooks\.en\.",
    "Chinese chapters, nbval": r"notebooks\.zh\.",
    "in the browser": r"tests\.browser\.",
    "JupyterHub, PostgreSQL": r"tests\.test_(hub|search_postgres)",
    "classroom": r"tests\.test_classroom",
    "exercises: right, wrong and altered answers": r"tests\.test_(known_wrong|blind|mutants|planted|checks)",
    "figures and the dashboard, without a browser": r"tests\.test_(explorers|dashboard|without_kernel)",
    "formats of data": r"tests\.test_(folders|torchvision|pictures|sources|parsers)",
    "everything else": "",
}


def seconds_of_parts(cases):
    """{part: (tests, seconds)} of `cases`, (module, seconds) each."""
    tests, seconds = Counter(), Counter()
    for module, time in cases:
        part = next(name for name, pattern in PARTS.items() if re.match(pattern, module))
        tests[part] += 1
        seconds[part] += time
    return {part: (tests[part], seconds[part]) for part in PARTS if tests[part]}


def summary(xml):
    """What the JUnit report at `xml` says: by part, the slowest tests, and the time of the clock."""
    suite = next(ElementTree.parse(xml).iter("testsuite"))
    cases = [
        (case.get("classname"), case.get("name"), float(case.get("time"))) for case in suite.iter("testcase")
    ]
    slowest = sorted(cases, key=lambda case: -case[2])[:10]
    return {
        "command": "python -m benchmarks.suite",
        "date": date.today().isoformat(),
        "torch": torch.__version__,
        "processor": f"{platform.machine()}, {os.cpu_count()} cores",
        "seconds": round(float(suite.get("time"))),
        **{key: int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")},
        "parts": {
            part: {"tests": tests, "seconds": round(seconds, 1)}
            for part, (tests, seconds) in seconds_of_parts((module, s) for module, _name, s in cases).items()
        },
        "slowest": {f"{module}::{name}": round(seconds, 1) for module, name, seconds in slowest},
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--xml", type=Path)
    options = parser.parse_args(arguments)
    load, xml = os.getloadavg()[0], options.xml
    if not xml:
        xml = ROOT / "artefacts" / "suite.xml"
        xml.parent.mkdir(exist_ok=True)
        subprocess.run(["make", "test", f"ARGS=-q --junitxml={xml}"], cwd=ROOT, check=True)
    result = summary(xml) | ({} if options.xml else {"load": round(load, 1)})
    for part, row in result["parts"].items():
        print(f"{row['seconds']:7.1f} s of workers, {row['tests']:5} tests: {part}")
    print(f"{result['seconds']} s by the clock, {result['failures'] + result['errors']} failed")
    write_whole(RESULTS, (json.dumps(result, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
