"""A PostgreSQL server of one's own for a while: on loopback, in a folder of its own, ended afterwards."""

import os
import secrets
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from tools.ports import kept


def programs():
    """The folder of initdb and pg_ctl; None where there is no server."""
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: -int(p.parent.name))
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent, *newest_first] if found else newest_first
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


class Server:
    """One PostgreSQL server; `address` is that of its database, `password` belongs in PGPASSWORD."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.password = secrets.token_hex(16)
        self._keeping, port = kept()  # while it is stopped as well
        self.address = f"postgresql://learner@127.0.0.1:{port}/postgres"
        # The server refuses to run as root: there it belongs to the user that Debian's package makes.
        self._user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        if self._user:
            shutil.chown(self.folder, **self._user)
        key = self.folder / "password"
        key.write_text(self.password)
        if self._user:
            shutil.chown(key, **self._user)
        self._run(
            "initdb", "--username=learner", "--auth=scram-sha-256", f"--pwfile={key}", "--encoding=UTF8"
        )
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": ""}
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        with open(self.folder / "data" / "postgresql.conf", "a") as file:
            file.writelines(lines)

    def start(self):
        """Start it, and wait until it answers."""
        self._run("pg_ctl", "start", "--wait", f"--log={self.folder / 'log'}")

    def stop(self, mode="fast"):
        """Stop it; "immediate" is as good as pulling the plug."""
        self._run("pg_ctl", "stop", "--wait", f"--mode={mode}")

    def close(self):
        """Give the port back, after the last stop."""
        self._keeping.close()

    def _run(self, program, *arguments):
        done = subprocess.run(
            [programs() / program, *arguments, f"--pgdata={self.folder / 'data'}"],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would stay open as long as the server runs
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
            **self._user,
        )
        if done.returncode:
            log = self.folder / "log"
            raise RuntimeError(f"{program} failed: {log.read_text() if log.exists() else arguments}")


@contextmanager
def running_server():
    """A started `Server`, whose password is in PGPASSWORD; stopped and removed at the end."""
    before = os.environ.get("PGPASSWORD")
    with tempfile.TemporaryDirectory(prefix="lenet-postgres-") as folder:
        server = Server(folder)
        server.start()
        os.environ["PGPASSWORD"] = server.password
        try:
            yield server
        finally:
            os.environ.pop("PGPASSWORD")
            if before is not None:
                os.environ["PGPASSWORD"] = before
            server.stop("immediate")
            server.close()
