"""What we ship opens no door: launchers, settings, installs, files that are read, advisories."""

import ast
import hashlib
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from reliability import observed
from test_environment import locked
from test_repository import texts, tracked

ROOT = Path(__file__).parents[1]

# Launchers and settings -------------------------------------------------------------------

OPEN_DOORS = {
    "every origin": r"allow_origin(_pat)?\b\W{0,4}[=:,]\s*r?['\"]?(\*|\.\*)",
    "no XSRF": r"disable_check_xsrf\b\W{0,4}[=:]\s*[Tt]rue",
    "no token": r"\b(token|password)\s*=\s*(''|\"\")(?![\w'\"])|Provider\.token=(\s|['\"],|$)",
    "every address": r"\b0\.0\.0\.0\b|\bip\s*=\s*['\"]?\*|--ip[= ]['\"]?\*",
    "every host": r"allow_remote_access\b\W{0,4}[=:]\s*[Tt]rue",
    "no authentication": r"allow_unauthenticated_access\b\W{0,4}[=:]\s*[Tt]rue",
}
# The hub's own port, which its containers reach over a network that is theirs alone.
EXCEPTIONS = {("deploy/hub/containers.py", "every address")}
SHIPPED = {".py", ".json", ".toml", ".yml", ".yaml", ".sh", ".cfg", ".ipynb", ".md", ""}


def open_doors(text):
    return [name for name, pattern in OPEN_DOORS.items() if re.search(pattern, text, re.MULTILINE)]


def test_no_launcher_and_no_setting_opens_a_door():
    found, seen = [], 0
    for path, text in texts():
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith("tests/") and path.suffix in SHIPPED:
            seen += 1
            found += [(name, door) for door in open_doors(text) if (name, door) not in EXCEPTIONS]
    assert seen > 100 and not found


@pytest.mark.parametrize(
    "line, door",
    [
        ('c.ServerApp.allow_origin = "*"', "every origin"),
        ("--ServerApp.allow_origin='*'", "every origin"),
        ('"allow_origin": "*"', "every origin"),
        ('c.ServerApp.allow_origin_pat = ".*"', "every origin"),
        ("c.ServerApp.disable_check_xsrf = True", "no XSRF"),
        ('"disable_check_xsrf": true', "no XSRF"),
        ("--ServerApp.token=''", "no token"),
        ('c.IdentityProvider.token = ""', "no token"),
        ('"--IdentityProvider.token=",', "no token"),
        ('c.ServerApp.password = ""', "no token"),
        ("--ip 0.0.0.0", "every address"),
        ('--ip="*"', "every address"),
        ("c.ServerApp.ip = '*'", "every address"),
        ("c.ServerApp.allow_remote_access = True", "every host"),
        ("c.ServerApp.allow_unauthenticated_access = True", "no authentication"),
    ],
)
def test_the_search_for_open_doors_finds_each(line, door):
    assert door in open_doors(line)


def test_the_launchers_keep_to_this_machine():
    """The two programs that start a server name loopback themselves, whatever Jupyter's default is."""
    for name in ("lab.py", "browser.py"):
        assert "--ServerApp.ip=127.0.0.1" in (ROOT / "tools" / name).read_text("utf-8")


# What is read ------------------------------------------------------------------------------


def dangerous_calls(tree):
    """Calls that can run code from a file: pickle's, torch.load's without weights_only=True, and the like."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        given = {k.arg: ast.unparse(k.value) for k in node.keywords}
        if re.fullmatch(r"(torch\.)?load", name) and name != "load" and given.get("weights_only") != "True":
            found.append(name)
        elif re.fullmatch(
            r"(c?[pP]ickle|dill|cloudpickle|joblib|marshal|shelve)\.(load|loads|open|Unpickler)", name
        ):
            found.append(name)
        elif name in (
            "torch.hub.load",
            "torch.jit.load",
            "pd.read_pickle",
            "pandas.read_pickle",
            "yaml.load",
        ):
            found.append(name)
        elif given.get("allow_pickle", "False") != "False":
            found.append(name)
    return found


RISKY = re.compile(r"load|[pP]ickle|marshal|shelve|joblib")


def shipped_code():
    """(name, syntax tree) of everything that is run: modules, and the chapters' cells."""
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith("tests/"):
            continue
        if path.suffix == ".py":
            text = path.read_text("utf-8")
            if RISKY.search(text):  # parsing all of them takes seconds
                yield name, ast.parse(text)
        elif path.suffix == ".ipynb":
            for cell in json.loads(path.read_text("utf-8"))["cells"]:
                if cell["cell_type"] == "code":
                    lines = [
                        x
                        for x in "".join(cell["source"]).splitlines()
                        if not x.lstrip().startswith(("%", "!"))
                    ]
                    yield f"{name} {cell.get('id')}", ast.parse("\n".join(lines))


def test_nothing_that_is_read_can_run_code():
    found = [(name, calls) for name, tree in shipped_code() if (calls := dangerous_calls(tree))]
    assert not found


@pytest.mark.parametrize(
    "line, found",
    [
        ("torch.load(path)", True),
        ("torch.load(path, weights_only=False)", True),
        ("torch.load(path, weights_only=True)", False),
        ("pickle.load(file)", True),
        ("joblib.load(path)", True),
        ("np.load(path, allow_pickle=True)", True),
        ("np.load(path, allow_pickle=False)", False),
        ("json.load(file)", False),
        ("yaml.load(text)", True),
        ("yaml.safe_load(text)", False),
    ],
)
def test_the_search_for_dangerous_calls_finds_each(line, found):
    assert bool(dangerous_calls(ast.parse(line))) == found


# Module of the package → what it may import that can reach a network, and why.
NETWORK = {
    "readers/torchvision_sets.py": {"socket", "http"},  # how long a mirror may be silent; its errors
    "tuning/search.py": {"socket"},  # the name of this machine, into the study that its owner chose
}
REACHES = {
    "socket",
    "http",
    "urllib",
    "requests",
    "httpx",
    "aiohttp",
    "ftplib",
    "smtplib",
    "ssl",
    "websockets",
}


def test_the_package_talks_to_nobody():
    """No telemetry: no module but these imports anything that reaches a network."""
    for path in sorted((ROOT / "lenet_helpers").rglob("*.py")):
        imported = set(re.findall(r"^ *(?:import|from) +(\w+)", path.read_text("utf-8"), re.MULTILINE))
        name = path.relative_to(ROOT / "lenet_helpers").as_posix()
        assert imported & REACHES <= NETWORK.get(name, set()), name


# What is installed -------------------------------------------------------------------------


def test_every_install_checks_hashes():
    """Makefile and workflow; exceptions: the course itself, torch from an index of its own, and the
    environments of proof-oldest and proof-newest, which try what the lock does not have.
    """
    makefile = (ROOT / "Makefile").read_text("utf-8")
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8")
    lines = re.findall(r"^\s*(?:@?\$\(UV\)|.*pip install) .*$", makefile + workflow, re.MULTILINE)
    lines = [line for line in lines if not line.startswith("UV :=")]
    unchecked = [line for line in lines if "--require-hashes" not in line]
    assert len(lines) >= 8 and all(
        re.search(r"--editable \.|--torch-backend|artefacts/venv-", line) for line in unchecked
    )


def wheel(folder, body):
    """A small wheel whose one module holds `body`."""
    path = folder / "lenet_probe-1.0-py3-none-any.whl"
    about = "lenet_probe-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lenet_probe.py", body)
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: lenet-probe\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(
            f"{about}/RECORD", f"lenet_probe.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n"
        )
    return path


@pytest.mark.parametrize("program", ["uv pip", pytest.param("pip", marks=pytest.mark.proof)])
def test_a_tampered_wheel_fails_the_install(tmp_path, program):
    good = wheel(tmp_path, "answer = 42\n")
    lock = tmp_path / "lock.txt"
    lock.write_text(f"lenet-probe==1.0 --hash=sha256:{hashlib.sha256(good.read_bytes()).hexdigest()}\n")
    command = [sys.executable, "-m", *program.split(), "install", "--no-index", "--find-links", str(tmp_path)]
    command += ["--require-hashes", "-r", str(lock), "--no-deps", "--target"]
    command += ["--no-cache"] if program == "uv pip" else ["--no-cache-dir", "--disable-pip-version-check"]
    at = command.index("--target") + 1

    def install(name):
        where = tmp_path / name
        done = subprocess.run(
            [*command[:at], str(where), *command[at:]], capture_output=True, text=True, check=False
        )
        return done, (where / "lenet_probe.py").exists()

    done, there = install("before")
    assert done.returncode == 0 and there, done.stderr
    wheel(tmp_path, "answer = 43\n")
    done, there = install("after")
    assert done.returncode != 0 and not there
    assert re.search("hash", done.stdout + done.stderr, re.IGNORECASE)
    observed("Strangers", f"a wheel that was changed after it was locked, {program} install", "refused")


# Advisories --------------------------------------------------------------------------------


def advisories():
    """Rows of docs/security.md: (package, first version without the flaw, what the lock has)."""
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    return re.findall(r"^\| ([\w-]+) \| ([\d.]+) \| ([\d.]+) \|", text, re.MULTILINE)


def test_the_note_on_advisories_tells_what_is_locked_and_the_lock_is_newer():
    versions = locked("all.txt")
    rows = advisories()
    assert len(rows) >= 15
    for name, mended, stated in rows:
        assert versions[canonicalize_name(name)] == {Version(stated)}, name
        assert Version(stated) >= Version(mended), name


def test_who_installs_without_the_lock_gets_no_flaw_that_is_known():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    asked = [Requirement(line) for line in project["dependencies"] + extras]
    mended = {canonicalize_name(name): Version(version) for name, version, _locked in advisories()}
    seen = 0
    for requirement in asked:
        first = mended.get(canonicalize_name(requirement.name))
        if first is not None:
            seen += 1
            lowest = min(Version(s.version) for s in requirement.specifier if s.operator in (">=", "=="))
            assert lowest >= first, f"{requirement}: {first} is the first that is mended"
    assert seen >= 6
