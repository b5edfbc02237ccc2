"""What a person's server sees in a trial on one machine: a bubblewrap command.

Everybody's server runs as the user who started the hub, so no permission of a file keeps them
apart; what is not shown here is what they cannot reach. They have no network of their own:
the hub is a socket in a folder, the proxy comes in through a socket that was opened outside.
"""

import resource

from classroom.grading.sandbox import system_and_python

from .course import HERE, ID, ROOT

HOMES = "/students"
COURSE, EXCHANGE, INBOX, DATA, CONFIG = (
    f"/srv/{name}" for name in ("course", "exchange", "inbox", "data", "config")
)
SUITE = ("lenet_helpers", "notebooks", "tools")
SCRATCH = 512 * 2**20  # bytes of /tmp and of /dev/shm, which are memory


def student(program, folders, group, name):
    """The command in front of a student's or a grader's own server."""
    home = f"{HOMES}/{name}"
    command = _base(program, folders, name, ["--unshare-net", "--unshare-pid", "--proc", "/proc"])
    command += ["--bind", str(folders.homes / name), home]
    exchange = folders.exchange / ID
    command += ["--tmpfs", EXCHANGE]
    for kind in ("outbound", "feedback"):
        command += ["--ro-bind", str(exchange / kind), f"{EXCHANGE}/{ID}/{kind}"]
    command += ["--bind", str(folders.inbox / name), f"{EXCHANGE}/{ID}/inbound"]
    if group.data is not None:
        command += ["--ro-bind", str(group.data), DATA]
    return [*command, "--remount-ro", "/", "--chdir", home, "--"]


def formgrader(program, folders):
    """The command in front of the graders' common Formgrader: the course, the exchange, all submissions.

    It keeps the machine's network, as JupyterHub reaches a service by a port only; and its list of
    processes, as the grader's own sandboxes inside this one may have a /proc only where all of one is seen.
    """
    command = _base(program, folders, "formgrader", ["--bind", "/proc", "/proc"])
    for name in ("classroom", "deploy"):
        command += ["--ro-bind", str(ROOT / name), str(ROOT / name)]
    command += ["--bind", str(folders.course), COURSE]
    command += ["--bind", str(folders.exchange), EXCHANGE, "--bind", str(folders.inbox), INBOX]
    command += ["--perms", "0700", "--dir", f"{HOMES}/formgrader", "--tmpfs", f"{HOMES}/formgrader"]
    return [*command, "--remount-ro", "/", "--chdir", COURSE, "--"]


def _base(program, folders, name, processes):
    """System, Python, suite and settings, read-only; the way to the hub; a name; scratch folders."""
    command = [program, "--unshare-user", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    command += ["--die-with-parent", "--uid", "1000", "--gid", "1000", "--hostname", "course"]
    command += [*processes, "--dev", "/dev"]
    for place in ("/tmp", "/dev/shm"):  # first: Python itself may lie below /tmp
        command += ["--perms", "1777", "--size", str(SCRATCH), "--tmpfs", place]
    command += system_and_python()
    for part in SUITE:
        command += ["--ro-bind", str(ROOT / part), str(ROOT / part)]
    command += ["--ro-bind", str(HERE / "server.py"), "/srv/server.py"]
    command += ["--ro-bind", str(HERE / "jupyter"), CONFIG]
    hub = str(folders.run / "hub")
    command += ["--ro-bind", hub, hub]  # where it is, so that the addresses the hub gives are right in here
    command += ["--ro-bind", str(people_file(folders, name)), "/etc/passwd"]
    return [*command, "--remount-ro", "/dev"]


def people_file(folders, name):
    """The sandbox's list of users, one line long: nbgrader asks it who is handing in."""
    path = folders.run / f"passwd-{name}"
    path.write_text(f"{name}:x:1000:1000:{name}:{HOMES}/{name}:/bin/bash\n", "utf-8")
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
        "LENET_PROCESSES": str(group.limits.processes),
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "JUPYTER_CONFIG_PATH": CONFIG,
        "JUPYTER_PLATFORM_DIRS": "1",
    }
    return given | ({"LENET_DATA": DATA} if group.data is not None else {})


def limit(group):
    """Limits of a server's process, set between fork and exec; its children inherit them."""
    data = group.limits.memory_mb * 2**20

    def set_limits():
        resource.setrlimit(resource.RLIMIT_DATA, (data, data))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return set_limits
