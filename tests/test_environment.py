"""The three ways to install agree: pyproject.toml, the locks and environment.yml."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import torch
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from rattler import MatchSpec
from torchvision.ops import nms

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
# conda-forge's name where it differs: matplotlib-base leaves a desktop toolkit out.
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base", "jupyter-server": "jupyter_server"}


def conda_specs():
    specs = [MatchSpec(line) for line in CONDA["dependencies"] if isinstance(line, str)]
    return {spec.name.normalized: spec for spec in specs}


def locked(name):
    """{package: version} of a lock; a package may have several lines, one a platform."""
    lines = (ROOT / "requirements" / name).read_text("utf-8").splitlines()
    found = {}
    for line in lines:
        if match := re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", line):
            found.setdefault(canonicalize_name(match[1]), set()).add(Version(match[2]))
    return found


@pytest.mark.parametrize(
    "requirement", [Requirement(line) for line in PROJECT["dependencies"]], ids=lambda r: r.name
)
def test_conda_asks_for_the_same_versions(requirement):
    spec = conda_specs()[CONDA_NAMES.get(requirement.name, requirement.name.lower())]
    assert SpecifierSet(str(spec.version)) == requirement.specifier


def test_conda_has_nothing_else():
    ours = {
        CONDA_NAMES.get(Requirement(d).name, Requirement(d).name.lower()) for d in PROJECT["dependencies"]
    }
    assert set(conda_specs()) - ours == {"python", "pip", "setuptools"}


def test_conda_python_is_the_projects():
    assert SpecifierSet(str(conda_specs()["python"].version)) == SpecifierSet(PROJECT["requires-python"])


def test_conda_installs_the_package_itself_and_last():
    assert CONDA["name"] == "lenet" and CONDA["channels"][0] == "conda-forge"
    assert CONDA["dependencies"][-1] == {"pip": ["-e ."]}


@pytest.mark.parametrize("lock", ["lab.txt", "all.txt"])
def test_the_lock_fulfils_the_project(lock):
    versions = locked(lock)
    for requirement in map(Requirement, PROJECT["dependencies"]):
        found = versions[canonicalize_name(requirement.name)]
        assert all(version in requirement.specifier for version in found), requirement


def test_the_extras_are_in_the_larger_lock():
    versions = locked("all.txt")
    for requirement in (
        Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines
    ):
        assert all(v in requirement.specifier for v in versions[canonicalize_name(requirement.name)]), (
            requirement
        )


def test_both_locks_agree():
    small, large = locked("lab.txt"), locked("all.txt")
    assert {name: large.get(name) for name in small} == small


def test_torch_and_torchvision_are_one_pinned_pair():
    pins = {r.name: str(r.specifier) for r in map(Requirement, PROJECT["dependencies"])}
    assert pins["torch"].startswith("==") and pins["torchvision"].startswith("==")
    # What torchvision itself says it was built for, and one of its compiled operators at work.
    wanted = next(r for r in map(Requirement, metadata.requires("torchvision")) if r.name == "torch")
    assert Version(pins["torch"][2:]) in wanted.specifier
    assert nms(torch.tensor([[0.0, 0, 1, 1], [0, 0, 1, 1]]), torch.tensor([1.0, 0.5]), 0.5).tolist() == [0]


def supported():
    return [
        f"3.{minor}" for minor in range(8, 30) if f"3.{minor}.1" in SpecifierSet(PROJECT["requires-python"])
    ]


def test_python_versions_agree_everywhere():
    versions = supported()
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"foreach v,([\d. ]+),", makefile)[1].split() == versions
    assert re.search(r"--python-version (3\.\d+)", makefile)[1] == versions[0]
    stated = [
        c.rpartition(" ")[2] for c in PROJECT.get("classifiers", []) if re.search(r"Python :: 3\.\d", c)
    ]
    assert stated in ([], versions)
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8"))
    tested = {row["python"] for row in workflow["jobs"]["test"]["strategy"]["matrix"]["include"]}
    assert tested <= set(versions) and {versions[0], versions[-1]} <= tested


@pytest.mark.parametrize("lock", sorted(p.name for p in (ROOT / "requirements").glob("*.txt")))
def test_every_locked_package_carries_hashes(lock):
    text = (ROOT / "requirements" / lock).read_text("utf-8")
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert blocks and all("--hash=sha256:" in block for block in blocks if "==" in block)
