"""Faults planted by machine in the core and the checks are noticed by the tests: `make proof-mutants`.

All of it takes hours; two faults are planted here, and what the last whole run stored is read.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
STORED = json.loads((ROOT / "docs" / "mutants.json").read_text("utf-8"))["mutants"]
SURVIVED = [name for name, verdict in STORED.items() if verdict == "survived"]
PAGE = (ROOT / "docs" / "mutants.md").read_text("utf-8")


def test_two_faults_in_the_analysis_are_noticed(tmp_path):
    command = [
        sys.executable,
        "-m",
        "benchmarks.mutants",
        "--module",
        "lenet_helpers/analysis.py",
        "--count",
        "2",
    ]
    command += ["--result", str(tmp_path / "mutants.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "mutants: 2 of 2 killed (100.0 %)" in done.stdout
    assert (ROOT / "lenet_helpers" / "analysis.py").read_text("utf-8").count("def confusion(") == 1, (
        "in a copy"
    )


def test_nine_of_ten_of_three_hundred_were_noticed():
    judged = [verdict for verdict in STORED.values() if verdict]
    assert len(judged) >= 300 and judged.count("killed") >= 0.9 * len(judged)


def test_each_that_survived_is_told_with_the_reason():
    """In docs/mutants.md, a row each; at most one in twenty of all is called equivalent."""
    told = re.findall(r"^\| `([^`]+)` \| (equivalent|mended): .+ \|$", PAGE, re.M)
    assert sorted(name for name, _kind in told) == sorted(SURVIVED)
    assert sum(kind == "equivalent" for _name, kind in told) <= 0.05 * sum(map(bool, STORED.values()))
