"""What one submission may use. Student code meets these limits; teachers change them here or in the call."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one submission.

    Computing is counted in CPU seconds and waiting in seconds in which no process of the
    submission wanted to compute, so that a busy machine costs no marks.
    """

    cell_seconds: float = 30.0  # CPU seconds of one cell, all its processes together
    cell_idle_seconds: float = 12.0  # for code that only sleeps
    call_share: float = 1.0  # of the CPU seconds that an exercise allows, for each of its properties
    call_idle_seconds: float = 4.0
    late_seconds: float = 2.0  # CPU seconds of each further property once one of the task ran out of time
    total_seconds: float = 300.0  # CPU seconds of the whole notebook
    total_idle_seconds: float = 40.0
    total_wall_seconds: float = 900.0  # by the clock, whatever happens
    replays: int = 3  # how often a notebook begins again without the cell that ended it
    memory_mb: int = 1500  # above what the warm process already holds, all processes together
    processes: int = 40  # processes and threads; more than half as many processes end the notebook
    file_mb: int = 32  # one file
    disk_mb: int = 64  # all files together
    open_files: int = 128
    output_bytes: int = 200_000  # kept of one cell's printed output
    total_output_bytes: int = 2_000_000  # kept of all cells

    def as_dict(self):
        """The limits as a plain dict, for the way into the sandbox."""
        return asdict(self)
