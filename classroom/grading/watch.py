"""How much CPU and memory the processes of one submission use, read from /proc."""

import os

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def processes(root, ours):
    """Process ids that belong to the submission whose first process is `root`.

    `ours`: ids that are the grader's own. In a sandbox every other process is the
    student's; without one, only descendants of `root` can be told apart.
    """
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in ours:
            fields = _stat(name)
            if fields:
                found[int(name)] = fields
    if ours:
        return found
    family, grew = {root}, True
    while grew:
        more = {pid for pid, fields in found.items() if int(fields[1]) in family} - family
        family |= more
        grew = bool(more)
    return {pid: fields for pid, fields in found.items() if pid in family}


def computed(found):
    """CPU seconds so far of some processes (as `processes` gives them), their ended children included."""
    return sum(sum(int(value) for value in fields[11:15]) for fields in found.values()) / _TICK


def usage(root, ours, many=8):
    """(CPU seconds so far, megabytes, number of processes, whether one wants to compute) of a submission;
    memory of the first `many` processes.
    """
    found = processes(root, ours)
    memory = sum(_private_mb(pid) for pid in list(found)[:many])
    busy = any(_wants_to_run(pid, fields) for pid, fields in found.items())
    return computed(found), memory, len(found), busy


def _wants_to_run(pid, fields):
    """Whether a thread of the process computes, waits for a processor or for a disk."""
    if fields[0] in (b"R", b"D"):
        return True
    if int(fields[17]) < 2:  # threads
        return False
    try:
        return any(
            (_stat(f"{pid}/task/{name}") or [b"S"])[0] in (b"R", b"D")
            for name in os.listdir(f"/proc/{pid}/task")
        )
    except OSError:
        return False


def _stat(name):
    """Fields of /proc/<pid>/stat from the state on (0: state, 1: parent), or None when it has ended."""
    try:
        with open(f"/proc/{name}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return None


def _private_mb(pid):
    """Memory of a process that is not a file's. Pages shared with other processes count in part (Pss)."""
    for name, keys in (
        ("smaps_rollup", (b"Pss_Anon:", b"Pss_Shmem:")),
        ("status", (b"RssAnon:", b"RssShmem:")),
    ):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                return sum(int(line.split()[1]) for line in file if line.startswith(keys)) / 1024
        except OSError:
            continue
    return 0.0
