"""Format, lint, types and declared dependencies, as `make lint` runs them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "format", "--check", "--no-cache", "."],
        ["ruff", "check", "--no-cache", "."],
        ["mypy", "--strict", "--cache-dir", "{tmp}"],
        ["deptry", "."],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_is_clean(command, tmp_path):
    arguments = [part.format(tmp=tmp_path) for part in command]
    run = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
