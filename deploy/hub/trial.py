"""The trial's half of the configuration: this machine alone, everybody in a sandbox, two passwords."""

from hmac import compare_digest
from urllib.parse import quote

from jupyterhub.auth import DummyAuthenticator
from traitlets import Unicode

from classroom.grading.sandbox import bubblewrap

from . import sandbox
from .server import leave_closing_to_the_proxy
from .spawner import SandboxSpawner


class TwoPasswords(DummyAuthenticator):
    """Names of the class file, one password for all students and another for all graders."""

    graders_password = Unicode(config=True)
    students_password = Unicode(config=True)
    graders = ()

    async def authenticate(self, handler, data):
        name, given = data["username"], data["password"]
        right = self.graders_password if name in self.graders else self.students_password
        return name if right and compare_digest(given.encode(), right.encode()) else None


def configure(c, folders, group, port):
    """Everything listens on private sockets, but for the proxy and the Formgrader, which are on loopback."""
    leave_closing_to_the_proxy()
    hub = f"http+unix://{quote(str(folders.socket('hub')), safe='')}"
    c.JupyterHub.bind_url = f"http://127.0.0.1:{port}"
    c.JupyterHub.hub_bind_url = c.JupyterHub.hub_connect_url = hub
    c.JupyterHub.hub_socket_mode = 0o666  # in a folder that is closed to others
    c.ConfigurableHTTPProxy.api_url = f"http+unix://{quote(str(folders.socket('proxy')), safe='')}"
    c.JupyterHub.authenticator_class = TwoPasswords
    TwoPasswords.graders = frozenset(group.graders)
    c.TwoPasswords.graders_password = folders.secret("graders", 8)
    c.TwoPasswords.students_password = folders.secret("students", 8)
    c.JupyterHub.spawner_class = SandboxSpawner
    program = bubblewrap()
    c.Spawner.poll_interval = 10  # seconds until a server that fell is noticed
    c.SandboxSpawner.group, c.SandboxSpawner.folders, c.SandboxSpawner.program = group, folders, program
    c.Spawner.notebook_dir = sandbox.HOMES + "/{username}"
    c.JupyterHub.services += [{"name": "launcher", "api_token": folders.secret("launcher"), "display": False}]
    c.JupyterHub.load_roles += [{"name": "launcher", "services": ["launcher"], "scopes": ["shutdown"]}]
