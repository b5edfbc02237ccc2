"""For real: containers by DockerSpawner and your institution's accounts by OAuth.

Untried: a test reads these settings; nobody has run them. The image needs the locked packages, the
extra `hub` and this checkout at /srv/suite (see docs/scaling.md). What each container is
shown is what a sandbox of the trial is shown.
"""

import os

from . import sandbox
from .course import ID

SUITE = "/srv/suite"


def configure(c, folders, group):
    """Set what differs from the trial. Names of the variables are said where one is missing."""
    c.JupyterHub.bind_url = "http://127.0.0.1:8000"  # behind a web server that speaks https
    c.JupyterHub.hub_ip = "0.0.0.0"  # on the containers' own network
    c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
    c.DockerSpawner.image = needed("LENET_HUB_IMAGE")
    c.DockerSpawner.network_name = os.environ.get("LENET_HUB_NETWORK", "lenet-hub")
    c.DockerSpawner.remove = True
    c.DockerSpawner.cmd = ["python", f"{SUITE}/deploy/hub/server.py"]
    home, exchange = sandbox.HOMES + "/{username}", folders.exchange / ID
    c.DockerSpawner.notebook_dir = home
    c.DockerSpawner.volumes = {
        str(folders.homes / "{username}"): home,
        str(folders.inbox / "{username}"): f"{sandbox.EXCHANGE}/{ID}/inbound",
    }
    c.DockerSpawner.read_only_volumes = {
        str(exchange / "outbound"): f"{sandbox.EXCHANGE}/{ID}/outbound",
        str(exchange / "feedback"): f"{sandbox.EXCHANGE}/{ID}/feedback",
    }
    if group.data is not None:
        c.DockerSpawner.read_only_volumes[str(group.data)] = sandbox.DATA
    c.Spawner.mem_limit = group.limits.memory_mb * 2**20
    c.Spawner.cpu_limit = float(group.limits.threads)
    c.DockerSpawner.extra_host_config = {"pids_limit": group.limits.processes, "cap_drop": ["ALL"]}

    def for_this_person(spawner):
        spawner.environment = sandbox.environment(group, spawner.user.name, {}) | {"PYTHONPATH": SUITE}

    c.Spawner.pre_spawn_hook = for_this_person
    c.JupyterHub.authenticator_class = "generic-oauth"
    c.GenericOAuthenticator.client_id = needed("OAUTH_CLIENT_ID")
    c.GenericOAuthenticator.client_secret = needed("OAUTH_CLIENT_SECRET")
    c.GenericOAuthenticator.authorize_url = needed("OAUTH_AUTHORIZE_URL")
    c.GenericOAuthenticator.token_url = needed("OAUTH_TOKEN_URL")
    c.GenericOAuthenticator.userdata_url = needed("OAUTH_USERDATA_URL")
    c.GenericOAuthenticator.oauth_callback_url = needed("OAUTH_CALLBACK_URL")
    c.GenericOAuthenticator.scope = ["openid"]
    c.GenericOAuthenticator.username_claim = os.environ.get("OAUTH_USERNAME_CLAIM", "preferred_username")


def needed(name):
    """The value of a variable that has no default."""
    try:
        return os.environ[name]
    except KeyError:
        raise ValueError(f"the variable {name} is not set: docs/scaling.md says which are needed") from None
