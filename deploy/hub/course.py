"""The course and its people from one file, `class.toml`, and the folders in which a hub keeps their work."""

import hashlib
import os
import re
import secrets
import stat
import tempfile
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NOBODY = 65534  # whom everybody's server belongs to where root starts the hub
ID = "lenet"  # nbgrader's name of the course
NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")


def languages():
    """As `lenet_helpers.wording` has them, whose package would bring torch into the hub."""
    found = (ROOT / "lenet_helpers" / "locale").glob("*/LC_MESSAGES/lenet_helpers.mo")
    return ["en", *sorted(path.parents[1].name for path in found)]


def rooted():
    """Whether root is starting the hub."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


class ClassError(ValueError):
    """What is wrong with a class file, in one sentence."""


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    name: str = ""
    email: str = ""
    lms_id: str = ""
    language: str = "en"


@dataclass(frozen=True)
class Limits:
    """What one person's server may use; see class.toml."""

    memory_mb: int = 3000
    threads: int = 1
    processes: int = 200
    idle_minutes: int = 60


@dataclass(frozen=True)
class Class:
    """A course with its people, by the names they log in with."""

    released: tuple = ()
    data: Path | None = None
    limits: Limits = Limits()
    graders: dict = field(default_factory=dict)
    students: dict = field(default_factory=dict)

    def person(self, name):
        """The person with this account."""
        return (self.graders | self.students)[name]


def read_class(path):
    """The Class that a file describes. Raises ClassError, one sentence that names what is wrong."""
    path = Path(path).resolve()
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise ClassError(f"{path.name} cannot be read: {problem}") from None
    _only(path, "", found, {"course", "limits", "graders", "students"})
    course = found.get("course", {})
    _only(path, "course", course, {"released", "data"})
    released, data = course.get("released", []), course.get("data")
    known = sorted(p.name for p in (ROOT / "classroom" / "source").iterdir() if p.is_dir())
    if not isinstance(released, list) or not set(map(str, released)) <= set(known):
        raise ClassError(f"{path.name}: released is {released!r}: a list, chosen from {', '.join(known)}")
    if data is not None:
        data = (path.parent / Path(str(data)).expanduser()).resolve()
        if not data.is_dir():
            raise ClassError(f"{path.name}: the folder data = {str(data)!r} does not exist")
    people = {kind: _people(path, kind, found.get(kind, {})) for kind in ("graders", "students")}
    if both := set(people["graders"]) & set(people["students"]):
        raise ClassError(f"{path.name}: {min(both)!r} is both grader and student: choose one")
    if not people["graders"]:
        raise ClassError(f"{path.name}: there is no grader: name at least one under [graders]")
    return Class(tuple(released), data, _limits(path, found.get("limits", {})), **people)


def _only(path, where, table, known):
    if not isinstance(table, dict):
        raise ClassError(f"{path.name}: [{where}] is {table!r}, no table")
    if unknown := set(table) - known:
        place = f"[{where}] has" if where else "it has"
        raise ClassError(f"{path.name}: {place} {min(unknown)!r}: choose from {', '.join(sorted(known))}")


def _name(path, name):
    # nbgrader separates names with + in the exchange; in addresses and folders they stand as they are.
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ClassError(
            f"{path.name}: the name {name!r}: small letters, digits, - and _ only, a letter first"
        )


def _limits(path, table):
    _only(path, "limits", table, {f.name for f in fields(Limits)})
    for name, value in table.items():
        if type(value) is not int or value < 1:
            raise ClassError(f"{path.name}: {name} = {value!r}: a whole number from 1")
    return Limits(**table)


def _people(path, kind, table):
    _only(path, kind, table, set(table) if isinstance(table, dict) else set())
    people = {}
    for name, about in table.items():
        _name(path, name)
        _only(path, f"{kind}.{name}", about, {f.name for f in fields(Person)})
        for key, value in about.items():
            if not isinstance(value, str):
                raise ClassError(f"{path.name}: {kind}.{name}: {key} = {value!r}: write it in quotes")
        people[name] = Person(**about)
        if people[name].language not in languages():
            raise ClassError(
                f"{path.name}: {kind}.{name}: language {people[name].language!r}:"
                f" choose from {', '.join(languages())}"
            )
    return people


def give(folder, all_of_it=False):
    """Let a folder be that of everybody's servers, where root starts the hub."""
    if rooted():
        for path in (folder, *(folder.rglob("*") if all_of_it else ())):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


class Folders:
    """Where a hub keeps everything; nothing of it is in git.

    `run` has the sockets. It lies in the system's folder for such things, because the address of
    a socket may not be longer than 107 bytes.
    """

    def __init__(self, root):
        self.root = Path(root).resolve()
        self.course, self.exchange = self.root / "course", self.root / "exchange"
        self.homes, self.inbox, self.secrets = self.root / "homes", self.root / "inbox", self.root / "secrets"
        self.logs = self.root / "logs"
        mark = hashlib.sha256(str(self.root).encode()).hexdigest()[:8]
        base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
        self.run = Path(base) / f"lenet-hub-{os.getuid()}-{mark}"

    def socket(self, kind, name=""):
        """Path of a socket: the hub's own, the proxy's, or a person's server."""
        return self.run / kind / (f"{name}.sock" if name else "s.sock")

    def secret(self, name, size=32):
        """A random text of `size` bytes that is made once and kept."""
        path = self.secrets / name
        if not path.exists():
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(size))
        return path.read_text()

    def make(self, people):
        """Make what is not there yet, readable by this user alone."""
        own = (self.root, self.course, self.homes, self.inbox, self.secrets, self.logs, self.run)
        for folder in own:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = self.run.lstat()
        if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
            raise ClassError(f"{self.run} is not a folder that you alone can read: remove it and start again")
        for kind in ("hub", "proxy", "servers"):
            (self.run / kind).mkdir(mode=0o700, exist_ok=True)
        (self.run / "hub").chmod(0o755)  # in the sandboxes; nobody else comes as far as here
        for name in people:
            for folder in (self.homes / name, self.inbox / name):
                folder.mkdir(mode=0o700, exist_ok=True)
                give(folder)
