"""Linux isolation of one forked child: namespaces, limits, no privileges.

Called inside the outer bubblewrap sandbox, by a child that the warm process has just
forked. The outer sandbox already has no network, a read-only system and nothing of the
course; the calls here give every submission its own processes, its own writable
folders and its own count of processes, so that nothing passes from one to the next.
"""

import ctypes
import os
import resource
import sys

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (
    0x20000,
    0x4000000,
    0x8000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
_NOSUID, _NODEV = 2, 4
_REC_PRIVATE = 0x4000 | 0x40000
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_SET_PDEATHSIG = 4, 38, 1
_CAPABILITY_VERSION_3 = 0x20080522

# A checkout or an environment that lies below /tmp must stay in sight: then /tmp is not given away.
_NEEDED = (sys.prefix, sys.base_prefix)
WRITABLE = tuple(
    path
    for path in ("/box", "/tmp", "/dev/shm")
    if not any(place.startswith(path + "/") for place in _NEEDED)
)
SCRATCH = "/tmp" if "/tmp" in WRITABLE else "/box"  # for temporary files

_libc = ctypes.CDLL(None, use_errno=True)


def leave_root():
    """Become the unprivileged user 65534 if this is root: root is bound by no process limit."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    # Changing user makes a process undumpable, and then it may not write its own id maps.
    _libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def new_namespaces():
    """Enter new user, mount, process, IPC, host-name and network namespaces. Raises OSError where the
    system forbids it.
    """
    uid, gid = os.getuid(), os.getgid()
    _call(_libc.unshare, _NEWUSER | _NEWNS | _NEWPID | _NEWIPC | _NEWUTS | _NEWNET)
    for name, text in (("setgroups", "deny"), ("uid_map", f"1000 {uid} 1"), ("gid_map", f"1000 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def own_folders(disk_mb):
    """Mount a fresh, empty, size-limited folder over each writable place. Only inside `new_namespaces`."""
    _call(_libc.mount, b"none", b"/", None, _REC_PRIVATE, None)
    options = f"size={disk_mb}m,mode=1777".encode()
    for path in WRITABLE:
        _call(_libc.mount, b"tmpfs", path.encode(), b"tmpfs", _NOSUID | _NODEV, options)


def drop_privileges():
    """Give up every capability for good, and gaining any by running a program."""
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    _call(_libc.capset, ctypes.byref(header), ctypes.byref(none))


def die_with_parent():
    """Ask to be killed when the parent ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)


def set_limits(limits):
    """Apply the per-process limits of `limits` (a dict as from `Limits.as_dict`)."""
    mb = 1024 * 1024
    # A net below the watcher, which ends a notebook at the limit itself: what it holds is not all that is
    # reserved, and code that catches every MemoryError would go on just below.
    data = _data_kb() * 1024 + limits["memory_mb"] * mb * 3 // 2
    wanted = {
        resource.RLIMIT_DATA: data,
        resource.RLIMIT_NPROC: limits["processes"],
        resource.RLIMIT_FSIZE: limits["file_mb"] * mb,
        resource.RLIMIT_NOFILE: limits["open_files"],
        resource.RLIMIT_CORE: 0,
        # The watcher counts CPU over all processes; this is the net below it.
        resource.RLIMIT_CPU: int(limits["total_seconds"]) + 30,
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _data_kb():
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmData:"):
                return int(line.split()[1])
    return 0


def _call(function, *arguments):
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function.__name__}: {os.strerror(number)}")
