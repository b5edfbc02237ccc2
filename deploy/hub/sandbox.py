"""What a person's server sees in a trial on one machine: a bubblewrap command.

Everybody's server runs as the user who started the hub, so no permission of a file keeps them
apart; what is not shown here is what they cannot reach. They have no network of their own:
the hub is a socket in a folder, the proxy comes in through a socket that was opened outside.
"""

import resource
from pathlib import Path

from classroom.grading.sandbox import system_and_python

from .course import HERE, ID, NOBODY, ROOT, rooted

HOMES = "/students"
COURSE, EXCHANGE, INBOX, DATA, CONFIG = (
    f"/srv/{name}" for name in ("course", "exchange", "inbox", "data", "config")
)
SUITE = ("lenet_helpers", "notebooks", "tools")
# Root in a namespace of its own still owns root's files, those below /proc/sys with them; so where root
# starts the hub, the sandbox is made by root and left to nobody.
if rooted():
    USER, ALONE = NOBODY, ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    BECOME = ["/usr/bin/setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
else:
    USER, ALONE, BECOME = 1000, ["--unshare-user", "--uid", "1000", "--gid", "1000"], []
ENTER = ["/usr/bin/env", "-C"]
SCRATCH = 512 * 2**20  # bytes of /tmp and of /dev/shm, which are memory


def student(program, folders, group, name):
    """The command in front of a student's or a grader's own server."""
    home, exchange = f"{HOMES}/{name}", folders.exchange / ID
    command = _base(program, folders, name, ["--unshare-net", "--unshare-pid", "--proc", "/proc"])
    command += ["--perms", "1777", "--tmpfs", EXCHANGE]  # nbgrader wants it writable, and writes below only
    command += _show(folders.homes / name, home, write=True)
    command += _show(folders.inbox / name, f"{EXCHANGE}/{ID}/inbound", write=True)
    for kind in ("outbound", "feedback"):
        command += _show(exchange / kind, f"{EXCHANGE}/{ID}/{kind}")
    if group.data is not None:
        command += _show(group.data, DATA)
    return [*command, "--remount-ro", "/", "--chdir", "/", "--", *BECOME, *ENTER, home]


def formgrader(program, folders):
    """The command in front of the graders' common Formgrader: the course, the exchange, all submissions.

    It keeps the machine's network, as JupyterHub reaches a service by a port only; and its list of
    processes, as the grader's own sandboxes inside this one may have a /proc only where all of one is seen.
    """
    command = _base(program, folders, "formgrader", ["--bind", "/proc", "/proc"])
    for name in ("classroom", "deploy"):
        command += _show(ROOT / name, ROOT / name)
    for folder, place in ((folders.course, COURSE), (folders.exchange, EXCHANGE), (folders.inbox, INBOX)):
        command += _show(folder, place, write=True)
    command += [*_parents(f"{HOMES}/formgrader"), "--perms", "1777", "--tmpfs", f"{HOMES}/formgrader"]
    return [*command, "--remount-ro", "/", "--chdir", "/", "--", *BECOME, *ENTER, COURSE]


def _base(program, folders, name, processes):
    """System, Python, suite and settings, read-only; the way to the hub; a name; scratch folders."""
    command = [program, *ALONE, "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    command += ["--die-with-parent", "--hostname", "course", *processes, "--dev", "/dev"]
    for place in ("/tmp", "/dev/shm"):  # first: Python itself may lie below /tmp
        command += ["--perms", "1777", "--size", str(SCRATCH), "--tmpfs", place]
    command += [*_parents("/etc/passwd"), *system_and_python()]
    for part in SUITE:
        command += _show(ROOT / part, ROOT / part)
    command += _show(HERE / "server.py", "/srv/server.py")
    command += _show(HERE / "jupyter", CONFIG)
    # Where it is outside, so that the addresses which the hub gives are right in here.
    command += _show(folders.run / "hub", folders.run / "hub")
    command += _show(people_file(folders, name), "/etc/passwd")
    return [*command, "--remount-ro", "/dev"]


def _show(path, place, write=False):
    """Arguments of bwrap that show `path` at `place`."""
    return [*_parents(place), "--bind" if write else "--ro-bind", str(path), str(place)]


def _parents(place):
    """Folders above, which bwrap would make for its own user alone."""
    above = [str(up) for up in reversed(Path(place).parents) if up != Path("/")]
    return [word for up in above for word in ("--perms", "0755", "--dir", up)]


def people_file(folders, name):
    """The sandbox's list of users, one line long: nbgrader asks it who is handing in."""
    path = folders.run / f"passwd-{name}"
    path.write_text(f"{name}:x:{USER}:{USER}:{name}:{HOMES}/{name}:/bin/bash\n", "utf-8")
    path.chmod(0o644)
    return path


def environment(group, name, own):
    """The variables of a person's server; `own`: those the hub sets, which it needs."""
    person, threads = group.person(name), str(group.limits.threads)
    given = own | {
        "HOME": f"{HOMES}/{name}",
        "USER": name,
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "LENET_COURSE": f"{HOMES}/{name}",
        "LENET_LANGUAGE": person.language,
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "JUPYTER_CONFIG_PATH": CONFIG,
        "JUPYTER_PLATFORM_DIRS": "1",
    }
    if not rooted():  # nobody's processes are counted on the whole machine
        given["LENET_PROCESSES"] = str(group.limits.processes)
    return given | ({"LENET_DATA": DATA} if group.data is not None else {})


def limit(group):
    """Limits of a server's process, set between fork and exec; its children inherit them."""
    data = group.limits.memory_mb * 2**20

    def set_limits():
        resource.setrlimit(resource.RLIMIT_DATA, (data, data))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return set_limits
