"""Collecting through the exchange when everybody's folder of submissions is their own.

In nbgrader's exchange all drop their work into one folder, and the system's users keep them
apart. In a trial on one machine there is one such user; so each student sees an inbox of
their own, and collecting takes from it what bears the student's name.
"""

import os
import re
import shutil
import stat
from pathlib import Path

from nbgrader.exchange.default.collect import ExchangeCollect

INBOX = Path("/srv/inbox")
MOST_FILES, MOST_BYTES, DEEPEST = 500, 100_000_000, 10


class Collect(ExchangeCollect):
    """nbgrader's own, after what waits in the students' inboxes has been taken over."""

    inbox = INBOX

    def init_src(self):
        for student in sorted(p.name for p in self.inbox.iterdir()):
            taken, refused = take_over(
                self.inbox / student, student, Path(self.root) / self.coursedir.course_id / "inbound"
            )
            for name, why in refused:
                self.log.warning("%s: %r stays in the inbox: %s", student, name, why)
        super().init_src()


def take_over(inbox, student, inbound):
    """Copy the student's submissions into `inbound`; returns (names taken, [(name refused, why)]).

    The student may be writing into the inbox at this moment. Nothing is followed that is a link, and
    nothing is copied but files and folders.
    """
    pattern = re.compile(re.escape(student) + r"\+[\w.-]+\+[^+/]+\+[\w=-]+")
    taken, refused = [], []
    for name in sorted(os.listdir(inbox)):
        if not pattern.fullmatch(name):
            refused.append((name, f"it is not named as a submission of {student}"))
            continue
        place = Path(inbound) / name
        if place.exists():
            continue
        half = place.with_name(f".{name}.half")
        shutil.rmtree(half, ignore_errors=True)
        try:
            _copy(inbox, name, half, [MOST_FILES, MOST_BYTES])
        except (OSError, ValueError) as problem:
            shutil.rmtree(half, ignore_errors=True)
            refused.append((name, str(problem)))
            continue
        os.replace(half, place)
        taken.append(name)
    return taken, refused


def _copy(parent, name, to, left, depth=0, at=None):
    """Copy the folder `name` in `parent`; `at` is the parent's descriptor, `left`: files and bytes."""
    if depth > DEEPEST:
        raise ValueError(f"folders are more than {DEEPEST} deep")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    opened = os.open(Path(parent) / name if at is None else name, flags | os.O_DIRECTORY, dir_fd=at)
    try:
        to.mkdir(mode=0o700)
        for entry in sorted(os.listdir(opened)):
            about = os.stat(entry, dir_fd=opened, follow_symlinks=False)
            if stat.S_ISDIR(about.st_mode):
                _copy(None, entry, to / entry, left, depth + 1, opened)
                continue
            if not stat.S_ISREG(about.st_mode):
                raise ValueError(f"{entry!r} is a link or no file")
            with open(os.open(entry, flags, dir_fd=opened), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise ValueError(f"{entry!r} is a link or no file")
                left[0] -= 1
                content = file.read(left[1] + 1)
                left[1] -= len(content)
                if min(left) < 0:
                    raise ValueError(f"it is more than {MOST_FILES} files or {MOST_BYTES // 10**6} MB")
            (to / entry).write_bytes(content)
    finally:
        os.close(opened)
