"""Plugins that people have installed don't break the chapters: other orders, processes, import modes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from xdist.scheduler import loadscope

import conftest

ROOT = Path(__file__).parents[1]
# What pytest-randomly does, without its seed: the tests of a file in another order.
SHUFFLE = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    items[:] = items[::-1]
"""


def test_cells_stay_in_order_and_in_one_kernel(tmp_path):
    options = ["-n", "2", "-p", "shuffle", "--import-mode=importlib"]
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "shuffle.py").write_text(SHUFFLE, "utf-8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "notebooks").mkdir()
    for chapter in "ab":
        sources = [
            "n = 0",
            *[f"n += 1; assert n == {i}" for i in range(1, 4)],
            "import os; os.environ['LENET_PROGRESS']",
        ]
        cells = [new_code_cell(source, execution_count=1 + i) for i, source in enumerate(sources)]
        nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / f"{chapter}.ipynb")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "notebooks"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0 and "10 passed" in run.stdout, run.stdout[-2000:] + run.stderr[-2000:]


def test_of_three_processes_one_waits_for_servers_and_two_compute(monkeypatch):
    monkeypatch.setattr(loadscope, "parse_tx_spec_config", lambda _config: [None] * 3)
    spread, nodes = conftest.pytest_xdist_make_scheduler(Mock(), Mock()), [Mock() for _n in range(3)]
    files = ["a", "b", "c", "hub", "lab", "known_wrong"]
    tests = [f"tests/test_{name}.py::test_{n}" for name in files for n in range(3)]
    for number, node in enumerate(nodes):
        node.gateway.id, node.shutting_down = f"gw{number}", False
        spread.add_node(node)
    for node in nodes:
        spread.add_node_collection(node, tests)
    spread.schedule()

    def given(node):
        return [scope.removeprefix("tests/test_").removesuffix(".py") for scope in spread.assigned_work[node]]

    assert [given(node) for node in nodes] == [["known_wrong"], ["a"], ["hub"]]
    for node, name in [(2, "hub"), (2, "lab"), (0, "known_wrong"), (1, "a")]:
        for n in range(3):
            spread.mark_test_complete(nodes[node], tests.index(f"tests/test_{name}.py::test_{n}"))
    assert [given(node) for node in nodes] == [["known_wrong", "b"], ["a", "c"], ["hub", "lab"]]
    assert nodes[2].shutdown.called and not nodes[0].shutdown.called
