"""What is committed: a small core, and nothing that belongs to one machine, one mirror or one person."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lenet_helpers"
MODULES = sorted(PACKAGE.rglob("*.py"))
TEXT = {
    ".py",
    ".md",
    ".txt",
    ".toml",
    ".yml",
    ".yaml",
    ".json",
    ".ipynb",
    ".po",
    ".js",
    ".css",
    ".cfg",
    ".html",
    ".svg",
    "",
}

# Put together here, so that this file doesn't contain what it forbids.
REGISTRIES = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "anaconda" + ".org",
    "registry.npm" + "js",
    "download.py" + "torch.org",
    "proxy.golang" + ".org",
]
MACHINE = ["/ho" + "me/", "/Use" + "rs/", "/ro" + "ot/", "/wo" + "rk/", "C:" + "\\\\Users"]


def tracked():
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    names = (
        subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
        .stdout.decode()
        .split("\0")
    )
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def texts():
    for path in tracked():
        if path.suffix in TEXT:
            yield path, path.read_text("utf-8")


def test_no_registry_is_named():
    found = [
        (str(path.relative_to(ROOT)), name) for path, text in texts() for name in REGISTRIES if name in text
    ]
    assert not found


def test_no_path_of_one_machine():
    found = [
        (str(path.relative_to(ROOT)), name) for path, text in texts() for name in MACHINE if name in text
    ]
    assert not found


@pytest.mark.parametrize("lock", sorted(p.name for p in (ROOT / "requirements").glob("*.txt")))
def test_locks_hold_names_versions_and_hashes_only(lock):
    text = (ROOT / "requirements" / lock).read_text("utf-8")
    assert "://" not in text and "--index" not in text and "--find-links" not in text


def test_nothing_large_is_committed():
    assert not [(path.name, path.stat().st_size) for path in tracked() if path.stat().st_size > 1_500_000]


def test_no_compiled_or_generated_file_is_committed():
    names = [str(path.relative_to(ROOT)) for path in tracked()]
    assert not [
        n
        for n in names
        if re.search(r"\.pyc$|\.egg-info|\.ipynb_checkpoints|^_site/|^artefacts/|\.DS_Store", n)
    ]


def test_text_files_end_well():
    bad = []
    for path, text in texts():
        if path.suffix in {".py", ".md", ".toml", ".yml", ".yaml"} and text:
            if not text.endswith("\n") or "\r" in text or "\t" in text.replace("\n\t", "\n"):
                bad.append(str(path.relative_to(ROOT)))
    assert not bad


def test_the_core_is_read_in_an_evening():
    """The flat modules, as formatted; `from_nothing` is a chapter's own text."""
    core = [path for path in PACKAGE.glob("*.py") if path.name != "from_nothing.py"]
    assert len(core) <= 20
    assert sum(len(path.read_text("utf-8").splitlines()) for path in core) <= 2050


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_module_says_what_it_is_for(path):
    if path.read_text("utf-8").strip():
        assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


def exported():
    import lenet_helpers

    return sorted(
        name
        for name in vars(lenet_helpers)
        if not name.startswith("_") and callable(getattr(lenet_helpers, name))
    )


@pytest.mark.parametrize("name", exported())
def test_what_learners_call_is_documented(name):
    import lenet_helpers

    assert (getattr(lenet_helpers, name).__doc__ or "").strip()


def test_links_between_documents_lead_somewhere():
    broken = []
    for path in tracked():
        if path.suffix == ".md":
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
                if (
                    "://" not in target
                    and not target.startswith("mailto:")
                    and not (path.parent / target).exists()
                ):
                    broken.append((str(path.relative_to(ROOT)), target))
    assert not broken
