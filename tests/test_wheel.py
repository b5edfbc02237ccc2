"""The wheel works where no checkout is: stored results, questions and the front end's files come along."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SMOKE = """
import lenet_helpers, sys
from lenet_helpers import LeNet, TrainConfig, check, load_dataset, train
from lenet_helpers.figures.tuning import Effects
from lenet_helpers.explorers import NoiseExplorer
from lenet_helpers.quizzes.questions import load_questions
from lenet_helpers.results import stored_result
assert lenet_helpers.__file__.startswith(sys.argv[1]), lenet_helpers.__file__
assert stored_result("source-recipe") and Effects().names() and load_questions("01-why-convolution")
NoiseExplorer()
(record,) = train(LeNet(), load_dataset(n_train=100), TrainConfig(epochs=1))
check.undo_permutation(lambda weight, order: weight[:, order])
print("works", round(record.epoch))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of a copy of what is committed, built without network."""
    copy, out = tmp_path_factory.mktemp("source") / "course", tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns(
        ".git", ".venv", "__pycache__", "*.egg-info", "build", "tests", "notebooks"
    )
    shutil.copytree(ROOT, copy, ignore=ignored)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(copy)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    return next(out.glob("*.whl"))


def test_it_holds_the_package_alone_with_its_data(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"lenet_helpers"}
    ours = {str(p.relative_to(ROOT)) for p in (ROOT / "lenet_helpers").rglob("*") if p.suffix in DATA}
    assert ours <= set(names), sorted(ours - set(names))


DATA = {".py", ".json", ".yaml", ".js", ".css", ".mo", ".safetensors", ".ttf", ".otf"}


def test_it_works_without_the_checkout(wheel, tmp_path):
    installed = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(installed)
    environment = os.environ | {"PYTHONPATH": str(installed), "LENET_PROGRESS": "off"}
    run = subprocess.run(
        [sys.executable, "-c", SMOKE, str(installed)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0 and "works 1" in run.stdout, run.stderr[-3000:]
