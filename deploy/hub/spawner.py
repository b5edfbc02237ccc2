"""A spawner for a trial: each person's server is a process of this machine, in a sandbox of its own."""

import os
import signal
import socket
import subprocess
import sys
from urllib.parse import quote

from jupyterhub.spawner import LocalProcessSpawner
from traitlets import Any

from . import sandbox


class SandboxSpawner(LocalProcessSpawner):
    """JupyterHub's spawner of local processes, bubblewrap before the server, a socket in place of a port.

    `group`, `folders` and `program` are set by jupyterhub_config.py.
    """

    group, folders, program = Any(config=True), Any(config=True), Any(config=True)

    @property
    def server(self):
        # The database has no column for the path of a socket; it follows from the name.
        server = LocalProcessSpawner.server.fget(self)
        if server is not None and not server.connect_url.startswith("http+unix"):
            server.proto = "http+unix"
            address = quote(str(self.folders.socket("servers", self.user.name)), safe="")
            server.connect_addr, server.connect_url = address, f"http+unix://{address}"
        return server

    @server.setter
    def server(self, server):
        LocalProcessSpawner.server.fset(self, server)

    def user_env(self, env):
        return sandbox.environment(self.group, self.user.name, env)

    async def start(self):
        path = self.folders.socket("servers", self.user.name)
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            path.chmod(0o600)
            listening.listen(128)
            env = self.get_env() | {
                "LENET_SOCKET": str(listening.fileno()),
                # Nobody listens there: what the server is asked to be, before it is handed its socket.
                "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:8888{self.server.base_url}",
            }
            inside = [sys.executable, "/srv/server.py", *self.get_args()]
            command = sandbox.student(self.program, self.folders, self.group, self.user.name) + inside
            # The sandbox ends with its parent, which must not be the hub: that may be restarted.
            command = ["/bin/sh", "-c", '"$@"; exit $?', "server-of-" + self.user.name, *command]
            log = open(self.folders.logs / f"{self.user.name}.log", "ab")
            with log:
                self.proc = subprocess.Popen(
                    command,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[listening.fileno()],
                    preexec_fn=sandbox.limit(self.group),
                    start_new_session=True,
                )
        self.pid = self.proc.pid
        return f"http+unix://{quote(str(path), safe='')}"

    async def _signal(self, sig):
        """To the whole group: the shell in front of the sandbox would only wait."""
        try:
            os.killpg(self.pid, sig)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    async def stop(self, now=False):
        await super().stop(now)
        self.folders.socket("servers", self.user.name).unlink(missing_ok=True)


def end(pid):
    """End a server and all that runs in its sandbox."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
