"""Imports point one way, as the contracts in pyproject.toml say, and none of them draws or waits."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lenet_helpers"
CONFIG = ROOT / "pyproject.toml"


def lint(folder):
    """The exit status and the output of import-linter on the package in `folder`."""
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    environment = os.environ | {"PYTHONPATH": str(folder)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )
    return run.returncode, run.stdout + run.stderr


def test_every_contract_is_kept():
    status, output = lint(ROOT)
    assert status == 0, output
    assert "0 broken" in output


def test_a_broken_contract_would_be_seen(tmp_path, monkeypatch):
    """The same contracts over a copy in which the core imports a room, and a room the widgets."""
    for module, line in (("files", "from .figures import canvas"), ("tuning/book", "import ipywidgets")):
        copy = tmp_path / module.replace("/", "-")
        for path in PACKAGE.rglob("*.py"):
            target = copy / "lenet_helpers" / path.relative_to(PACKAGE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(path.read_text("utf-8"), "utf-8")
        broken = copy / "lenet_helpers" / f"{module}.py"
        broken.write_text(broken.read_text("utf-8") + line + "\n", "utf-8")
        (copy / "pyproject.toml").write_text(CONFIG.read_text("utf-8"), "utf-8")
        status, output = lint(copy)
        assert status == 1 and "1 broken" in output, output


def test_no_module_uses_pyplot():
    """Its figures are global: two threads that draw would draw into one."""
    for path in PACKAGE.rglob("*.py"):
        names = {
            name
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
            for name in (*alias.name.split("."), *(getattr(node, "module", None) or "").split("."))
        }
        assert "pyplot" not in names, path


def test_importing_the_package_loads_no_widgets():
    code = "import sys, lenet_helpers; sys.exit(bool({'ipywidgets', 'anywidget'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_chapter_does_not_wait_for_what_it_never_uses():
    """The imports of all chapters load none of the packages that take a second and serve others."""
    lines = ["import sys"]
    for chapter in sorted(ROOT.glob("notebooks/en/*.ipynb")):
        for cell in json.loads(chapter.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                code = "".join(line for line in cell["source"] if not line.startswith("%"))
                imports = [n for n in ast.parse(code).body if isinstance(n, (ast.Import, ast.ImportFrom))]
                lines += map(ast.unparse, imports)
    slow = {"nbconvert", "jsonschema", "sklearn", "torchvision", "torch._dynamo"}
    code = "\n".join([*dict.fromkeys(lines), f"print(*{slow} & set(sys.modules))"])
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert len(lines) > 20 and not done.stdout.split(), done.stdout


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere torch has other threads")
@pytest.mark.parametrize("given, kept", [({}, "5000"), ({"GOMP_SPINCOUNT": "7"}, "7")])
def test_torchs_threads_do_not_spin_for_long(given, kept):
    """By what their library itself says that it read as torch was loaded; the reader's own choice stays."""
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    environment |= {"OMP_DISPLAY_ENV": "VERBOSE"} | given
    code = [sys.executable, "-c", "import lenet_helpers"]
    done = subprocess.run(code, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert f"GOMP_SPINCOUNT = '{kept}'" in done.stderr
