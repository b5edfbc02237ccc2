"""What one submission may use. Student code meets these limits; teachers change them here or in the call."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one submission. CPU seconds, not wall seconds, so that a busy machine costs no marks."""

    cell_seconds: float = 30.0  # CPU seconds of one cell, all its processes together
    cell_wall_seconds: float = 120.0  # for code that only sleeps
    total_seconds: float = 300.0  # CPU seconds of the whole notebook
    memory_mb: int = 1500  # above what the warm process already holds, all processes together
    processes: int = 40  # processes and threads; more than half as many processes end the notebook
    file_mb: int = 32  # one file
    disk_mb: int = 64  # all files together
    open_files: int = 128
    output_bytes: int = 200_000  # kept of one cell's printed output

    def as_dict(self):
        """The limits as a plain dict, for the way into the sandbox."""
        return asdict(self)
