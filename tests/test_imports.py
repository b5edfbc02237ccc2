"""Imports point one way: from what is general to what is particular, and never to the widgets."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lenet_helpers"
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))
}
WIDGETS = {"ipywidgets", "anywidget", "traitlets"}

# Each name on the left may import, of ours, only what stands on the right.
ONLY = {
    "wording": set(),
    "modes": set(),
    "files": set(),
    "progress": {"files", "wording"},
    "levers": {"wording"},
    "canvas": {"wording"},
    "plots": {"canvas", "wording"},
    "sources": {"files", "wording"},
    "data": {"sources", "levers", "wording"},
    "augment": {"levers", "wording"},
    "analysis": {"levers", "modes", "wording"},
    "summary": {"modes", "wording"},
    "models": {"levers", "summary", "wording"},
    "train_config": {"levers", "wording"},
    "training": {"data", "augment", "modes", "train_config", "levers", "wording"},
}


def imports(path, *, top_level=False):
    """(ours, others): modules that a file imports; `top_level` leaves out what is imported inside
    functions.
    """
    tree = ast.parse(path.read_text("utf-8"))
    nodes = tree.body if top_level else ast.walk(tree)
    ours, others = set(), set()
    package = path.relative_to(PACKAGE).parts[:-1]
    for node in nodes:
        if isinstance(node, ast.Import):
            others |= {alias.name.partition(".")[0] for alias in node.names}
        elif (
            isinstance(node, ast.ImportFrom)
            and not node.level
            and node.module.partition(".")[0] != "lenet_helpers"
        ):
            others.add(node.module.partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            ours |= _resolve(node, package)
    return ours, others


def _resolve(node, package):
    """Dotted names, inside the package, of what `from ..x import y` brings in."""
    base = list(package[: len(package) - node.level + 1]) if node.level else []
    given = node.module.split(".") if node.module else []
    base += given if node.level else given[1:]
    found = set()
    for alias in node.names:
        for name in (".".join([*base, alias.name]), ".".join(base), ".".join([*base, "__init__"])):
            if name in MODULES:
                found.add(name)
                break
    return found


@pytest.mark.parametrize("name", sorted(ONLY))
def test_a_layer_imports_only_what_lies_below(name):
    assert imports(MODULES[name])[0] <= ONLY[name]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_only_explorers_know_widgets(name):
    if not name.startswith("explorers"):
        assert not imports(MODULES[name])[1] & WIDGETS


@pytest.mark.parametrize("name", sorted(MODULES))
def test_nothing_imports_explorers(name):
    """But the front door, for the quiz's view, at the moment when it is asked for."""
    if name.startswith("explorers"):
        return
    if name == "__init__":
        assert not {m for m in imports(MODULES[name], top_level=True)[0] if m.startswith("explorers")}
        return
    assert not {m for m in imports(MODULES[name])[0] if m.startswith("explorers")}


def test_models_and_training_meet_in_the_notebook():
    for models in ("models", "lenet1998"):
        assert not imports(MODULES[models])[0] & {"training", "data", "session"}
    assert not imports(MODULES["training"])[0] & {"models", "lenet1998"}


def test_there_is_no_circle():
    graph = {name: imports(path)[0] - {name} for name, path in MODULES.items()}
    order = list(TopologicalSorter(graph).static_order())
    assert set(order) == set(MODULES)


def test_no_module_uses_pyplot():
    """Its figures are global: two threads that draw would draw into one."""
    for path in MODULES.values():
        assert "pyplot" not in {
            name
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
            for name in (*alias.name.split("."), *(getattr(node, "module", None) or "").split("."))
        }, path


def test_importing_the_package_loads_no_widgets():
    code = "import sys, lenet_helpers; sys.exit(bool({'ipywidgets', 'anywidget'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, check=False).returncode == 0


def test_the_import_reader_sees_what_it_should(tmp_path, monkeypatch):
    """A test that finds nothing must be able to find something."""
    inside = PACKAGE / "checks" / "imaginary.py"
    source = (
        "import ipywidgets.widgets\nfrom .core import Failed\nfrom ..explorers import base\nfrom"
        " lenet_helpers.data import Split\n"
    )
    monkeypatch.setattr(Path, "read_text", lambda self, *_: source)
    ours, others = imports(inside)
    assert ours == {"checks.core", "explorers.base", "data"} and others == {"ipywidgets"}
