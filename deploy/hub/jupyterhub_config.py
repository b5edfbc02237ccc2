"""JupyterHub for this course. `python -m deploy.hub` starts it as a trial on this machine.

For real, with containers and your institution's accounts: `LENET_HUB=docker jupyterhub -f
deploy/hub/jupyterhub_config.py`; that half is read by a test and was run by nobody yet.
docs/scaling.md says what each needs.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deploy.hub import containers, course, formgrader, trial

c = get_config()  # noqa: F821  JupyterHub puts get_config here
group = course.read_class(os.environ.get("LENET_HUB_CLASS", course.HERE / "class.toml"))
folders = course.Folders(os.environ.get("LENET_HUB_FOLDER", course.ROOT / "hub"))
port = int(os.environ.get("LENET_HUB_PORT", "8000"))
folders.make([*group.graders, *group.students])

# People ---------------------------------------------------------------------------------
graders, students = f"formgrade-{course.ID}", f"nbgrader-{course.ID}"
c.Authenticator.allowed_users = {*group.graders, *group.students}
c.JupyterHub.load_groups = {
    graders: {"users": sorted(group.graders)},
    students: {"users": sorted(group.students)},
}
c.JupyterHub.load_roles = [
    {"name": "graders", "groups": [graders], "scopes": [f"access:services!service={course.ID}"]},
    {
        "name": "culler",
        "services": ["culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    },
]

# The hub itself: its files, and that servers outlive it ---------------------------------------
c.JupyterHub.db_url = f"sqlite:///{folders.root / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(folders.secrets / "cookies")
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.ConfigurableHTTPProxy.should_start = False  # it outlives the hub as well
c.ConfigurableHTTPProxy.auth_token = folders.secret("proxy")
# A class comes at once: a page that shows progress for a while, in place of one that says "too many".
c.JupyterHub.concurrent_spawn_limit = 0
c.Spawner.start_timeout = c.Spawner.http_timeout = 600
c.JupyterHub.services = [
    {
        "name": "culler",
        "command": [
            *(sys.executable, "-m", "jupyterhub_idle_culler"),
            f"--timeout={60 * group.limits.idle_minutes}",
            f"--url=http://127.0.0.1:{port}/hub/api",
        ],
    },
    formgrader.service(folders),
]

if os.environ.get("LENET_HUB") == "docker":
    containers.configure(c, folders, group)
else:
    trial.configure(c, folders, group, port)
