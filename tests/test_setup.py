"""The course where people put it: paths with spaces and other scripts, other folders, other Pythons."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from lenet_helpers import load_dataset
from lenet_helpers.explorers import NoiseExplorer, PermutationExplorer
from lenet_helpers.results import FOLDER, stored_result
from lenet_helpers.sources import find_root

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "notebooks" / "en").glob("0*.ipynb"))
needs_make = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


def asked_of_make(folder, question, here=None, **environment):
    """What make's variables are in a shell line of a rule of the Makefile's, run in `folder` or `here`."""
    (folder / "question.mk").write_text(f"question:\n\t@printf %s {question}\n", "utf-8")
    command = ["make", "-s", "-f", str(ROOT / "Makefile"), "-f", str(folder / "question.mk"), "question"]
    done = subprocess.run(
        command, cwd=here or folder, env=os.environ | environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout


@needs_make
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/tmp/plain", "/tmp/plain"),
        ("/tmp/my data", "/tmp/my data"),
        ("/tmp/two  spaces", "/tmp/two  spaces"),
        ("/tmp/数据 集", "/tmp/数据 集"),
        ("/tmp/données", "/tmp/données"),
        ("~/data", "{home}/data"),
        ("~/my data", "{home}/my data"),
        ("data", "{here}/data"),
        ("my data/mnist", "{here}/my data/mnist"),
        ("/tmp/it's", "/tmp/it's"),
        ('/tmp/a"b', '/tmp/a"b'),
        ("/tmp/a$b", "/tmp/a$b"),
        ("/tmp/a#b", "/tmp/a#b"),
        ("/tmp/a(b),c)", "/tmp/a(b),c)"),
        ("/tmp/$(shell echo no)`echo no`", "/tmp/$(shell echo no)`echo no`"),
        ("", ""),
    ],
)
def test_make_hands_lenet_data_on_as_it_is_meant(tmp_path, given, expected):
    home = str(tmp_path / "a b")
    found = asked_of_make(tmp_path, '"$$LENET_DATA"', LENET_DATA=given, HOME=home)
    assert found == expected.format(home=home, here=tmp_path)


@needs_make
def test_what_make_proof_names_is_there_and_nothing_is_left_out(tmp_path):
    """Every test that is named, every file with a long test in a part, every fault in the table."""
    faults, parts = (
        asked_of_make(tmp_path, f"'{names}'", here=ROOT).split()
        for names in ("$(FAULTS)", "$(foreach part,$(filter PROOF_%,$(.VARIABLES)),$($(part)))")
    )
    for named in faults + parts:
        file, _, test = named.partition("::")
        text = (ROOT / file).read_text("utf-8")
        assert not test or f"def {test}(" in text, named
    there = {named.partition("::")[0] for named in faults + parts}
    for file in sorted(ROOT.glob("tests/test_*.py")):
        name, text = file.relative_to(ROOT).as_posix(), file.read_text("utf-8")
        assert "pytest.mark.proof" not in text or name in there, f"{name}: in no part of make proof"
        injects = re.search(r"^from reliability import .*\bobserved\b", text, re.MULTILINE)
        assert not injects or any(named.startswith(name) for named in faults), f"{name}: not in the table"


@needs_make
def test_repeats_go_on_where_the_page_stops_and_begin_anew_after_a_change(tmp_path):
    """With a whole test that passes `left` times, and lines of the page that hold only its name and tree."""
    page, artefacts, source = tmp_path / "docs" / "page.md", tmp_path / "artefacts", tmp_path / "source.py"
    for file, text in {
        page: "",
        source: "1",
        tmp_path / ".gitignore": "artefacts",
        artefacts
        / "test.sh": "read left < artefacts/left; echo $((left - 1)) > artefacts/left; [ $left -gt 0 ]",
        artefacts / "row.sh": 'echo "| $(basename $2 .xml) | $1 |" >> docs/page.md',
    }.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")

    def run(*command):
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    def commit():
        run("git", "add", "--all")
        assert run("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-m", "a").returncode == 0

    def repeats(left):
        """What of 21 ran, with `left` runs that pass; whether the command said that all is well."""
        (artefacts / "left").write_text(f"{left}\n", "utf-8")
        parts = {
            "FAULTS_PAGE": "docs/page.md",
            "PYTEST": "sh artefacts/test.sh",
            "WHOLE": "sh artefacts/row.sh",
        }
        named = [f"{name}={value}" for name, value in parts.items()]
        done = run("make", "-s", "-f", str(ROOT / "Makefile"), "-o", ".venv/.all", "proof-repeats", *named)
        return [
            line.split()[0] for line in done.stdout.splitlines() if "done before" not in line
        ], done.returncode

    numbers = [f"{n:02d}" for n in range(1, 21)]
    run("git", "init")
    commit()
    assert repeats(3) == (["random", "01", "02", "03", "03"], 2)  # begins, and fails
    commit()
    assert repeats(21) == (numbers[2:], 0)  # goes on with what failed: a commit of the page is no change
    assert repeats(21) == ([], 0)
    source.write_text("2", "utf-8")
    assert repeats(21) == (["Commit"], 2)
    commit()
    assert repeats(21) == (["random", *numbers], 0)
    tree = {line.split()[3] for line in page.read_text("utf-8").splitlines()[21:]}
    assert len(tree) == 1 and not tree & {
        line.split()[3] for line in page.read_text("utf-8").splitlines()[:21]
    }


@pytest.mark.parametrize("name", ["my data", "数据 集", "plain", "~/sets", "~/我的 sets"])
def test_python_finds_the_same_folder(tmp_path, monkeypatch, name):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("LENET_DATA", name)
    assert find_root() == Path(name.replace("~", str(tmp_path)))
    assert find_root(name) == find_root(Path(name)) == find_root()


@needs_make
@pytest.mark.skipif(os.name == "nt", reason="shims are shell scripts")
@pytest.mark.parametrize("good", ["3.11", "3.12", "3.13", "3.14", None])
def test_a_python_that_is_not_switched_on_is_not_taken(tmp_path, good):
    """pyenv's shims are all on the PATH; those of versions that are off only complain."""
    shims = tmp_path / "shims"
    shims.mkdir()
    for version in ("3.11", "3.12", "3.13", "3.14"):
        shim = shims / f"python{version}"
        runs = (
            "exit 0" if version == good else f"echo 'pyenv: python{version}: command not found' >&2; exit 127"
        )
        shim.write_text(f"#!/bin/sh\n{runs}\n", "utf-8")
        shim.chmod(0o755)
    for tool in ("sh", "make", "printf"):
        if shutil.which(tool):
            (shims / tool).symlink_to(shutil.which(tool))
    found = asked_of_make(tmp_path, "$(PYTHON)", PATH=str(shims))
    assert found == (f"python{good}" if good else "python3")


@pytest.mark.parametrize(
    "find",
    [
        lambda: [stored_result(path.stem) for path in FOLDER.glob("*.json")],
        lambda: PermutationExplorer(load_dataset()),
        lambda: NoiseExplorer(),
        lambda: load_dataset(),
    ],
    ids=["stored results", "PermutationExplorer", "NoiseExplorer", "load_dataset"],
)
@pytest.mark.parametrize("folder", ["plain", "with a space", "目录"])
def test_the_courses_results_are_found_from_any_folder(tmp_path, monkeypatch, find, folder):
    (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / folder)
    assert find() is not None


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The course in a folder whose name has spaces and Chinese characters."""
    folder = tmp_path_factory.mktemp("home") / "我的 课程 (copy)"
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("lenet_helpers", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    return folder


def run(notebook, checkout, place):
    """Run the cells in a kernel that starts in the folder `place` and imports the package of `checkout`."""
    place.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"PYTHONPATH": str(checkout), "LENET_PROGRESS": "off"}
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(place)}})
    client.execute(env=environment)
    return notebook


def only_first(notebook, cells):
    """The notebook's first `cells` cells of code, and one that says whose package it was."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"][:cells]
    code.append(nbformat.v4.new_code_cell("import lenet_helpers; print(lenet_helpers.__file__)"))
    return nbformat.v4.new_notebook(cells=code, metadata=notebook.metadata)


@pytest.mark.parametrize("chapter", CHAPTERS[:1], ids=lambda path: path.stem)
def test_a_chapter_begins_in_any_folder_of_any_checkout(tmp_path, checkout, chapter):
    notebook = only_first(nbformat.read(chapter, 4), 3)
    done = run(notebook, checkout, tmp_path / "another place" / "别处")
    assert str(checkout) in done.cells[-1].outputs[0].text


@pytest.mark.proof
@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_runs_in_any_folder_of_any_checkout(tmp_path, checkout, chapter):
    notebook = only_first(nbformat.read(chapter, 4), None)
    done = run(notebook, checkout, tmp_path / "another place" / "别处")
    assert str(checkout) in done.cells[-1].outputs[0].text


def test_the_package_may_lie_anywhere(checkout, tmp_path):
    code = (
        "import lenet_helpers; from lenet_helpers.results import stored_result;"
        "print(lenet_helpers.__file__); print(len(stored_result('noise')) > 0)"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code], cwd=tmp_path, encoding="utf-8",
        env=os.environ | {"PYTHONPATH": str(checkout)}, capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout.split("\n")[:2] == [str(checkout / "lenet_helpers" / "__init__.py"), "True"]
