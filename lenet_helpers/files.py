"""Write a file whole or not at all."""

import os
import secrets
from pathlib import Path


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
