"""Write a file whole or not at all, one writer at a time, and never over what cannot be read."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

PATIENCE = 10.0  # seconds to wait for another notebook that writes the same file


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Put the bytes `data` at `path`: written beside it, then renamed.

    A full disk, a crash or a second writer leaves an earlier file as it was, and nobody
    ever reads half a file. Raises OSError where it cannot be written.
    """
    path = Path(path)
    # Not a file of tempfile's: those are closed to everybody else, also after the renaming.
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(beside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)  # after closing: Windows renames no open file
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def locked(path: str | os.PathLike[str], timeout: float = PATIENCE) -> Iterator[None]:
    """Read, change and write the file at `path` alone: others who ask for its lock wait.

    The lock is a hidden, empty file beside it as long as somebody writes. Raises OSError
    (TimeoutError after `timeout` seconds; -1 waits for ever) where it cannot be had.
    """
    path = Path(path)
    lock = path.with_name(f".{path.name}.lock")
    with FileLock(lock, timeout=timeout):
        try:
            yield
        finally:
            # Still held: who waits for this file sees that it is gone, and makes a new one. Windows
            # deletes no open file; there it stays.
            if os.name != "nt":
                lock.unlink(missing_ok=True)


def set_aside(path: str | os.PathLike[str]) -> Path:
    """Rename the file at `path` to a name that is free, "runs.csv" to "runs-earlier-1.csv"; returns that."""
    path = Path(path)
    number = 1
    while (free := path.with_name(f"{path.stem}-earlier-{number}{path.suffix}")).exists():
        number += 1
    path.rename(free)
    return free
