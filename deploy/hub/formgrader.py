"""nbgrader's Formgrader as a service of the hub: one server that all graders share, in a sandbox."""

import os
import sys

from classroom.grading.sandbox import bubblewrap

from . import sandbox
from .course import ID, ROOT, ClassError


def service(folders):
    """The service, as JupyterHub's configuration describes one. Raises ClassError without bubblewrap."""
    program = bubblewrap()
    if program is None:
        raise ClassError("bubblewrap is not installed, or may not be used here: grading needs it")
    return {
        "name": ID,
        "url": f"http://127.0.0.1:{os.environ.get('LENET_HUB_FORMGRADER_PORT', '8090')}",
        "command": [*sandbox.formgrader(program, folders), sys.executable, "/srv/server.py"],
        "oauth_no_confirm": True,
        "timeout": 120,
        "environment": {
            "LENET_FORMGRADER": "1",
            "HOME": f"{sandbox.HOMES}/formgrader",
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
            "JUPYTERHUB_ROOT_DIR": sandbox.COURSE,
            "JUPYTERHUB_DEFAULT_URL": "/formgrader",
            "JUPYTERHUB_USER": "formgrader",
        },
    }
