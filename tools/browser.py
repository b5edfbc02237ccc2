"""A JupyterLab of the tests' own, and the Chromium to look at it with."""

import os
import re
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request

import nbformat

from .kernel import chapter_environment
from .lab import COURSE
from .notebooks import METADATA, NOTEBOOKS
from .ports import kept

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage"
).split()
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# As `make lab` starts it: see `tools.light`.
LAB = "from tools.light import light; light(); from jupyterlab.labapp import main; main()"
# The whole chapter stays in the page, so that it can be looked through in one go.
SETTINGS = {
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    "notebook-extension/tracker": '{"windowingMode": "none"}',
    "docmanager-extension/plugin": '{"autosave": false}',
}


def find_browser():
    """Path of an installed Chromium (LENET_CHROMIUM names another), or None."""
    named = os.environ.get("LENET_CHROMIUM")
    return named or next((path for name in BROWSERS if (path := shutil.which(name))), None)


class Lab:
    """A `jupyter lab` on 127.0.0.1, on a copy of the chapters, with settings of its own."""

    def __init__(self, folder, notebooks=NOTEBOOKS):
        self.root, self.token = folder / "notebooks", secrets.token_hex(16)
        self.progress = folder / "progress.json"  # what is answered here is nobody's progress but this run's
        shutil.copytree(notebooks, self.root, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        for name, text in SETTINGS.items():
            file = folder / "config/lab/user-settings/@jupyterlab" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self._environment = chapter_environment()
        private = {
            f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")
        }
        private |= {
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            "HOME": str(folder),
            "JUPYTER_PLATFORM_DIRS": "1",
            "MPLCONFIGDIR": str(folder / "mpl"),
        }
        private["LENET_PROGRESS"] = str(self.progress)
        self._keeping, port = kept()
        command = [
            sys.executable,
            "-c",
            LAB,
            "--no-browser",
            "--expose-app-in-browser",
            "--allow-root",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={port}",
            f"--ServerApp.root_dir={self.root}",
            f"--IdentityProvider.token={self.token}",
            *COURSE,
        ]
        self.log = folder / "server.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, env=self._environment.__enter__() | private, stdout=log, stderr=log
            )
        self.url = self._wait()

    def _wait(self, seconds=120):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"http://127\.0\.0\.1:\d+", self.log.read_text())
            if found:
                try:
                    urllib.request.urlopen(f"{found[0]}/api?token={self.token}", timeout=5)
                    return found[0]
                except OSError:
                    pass
            time.sleep(0.2)
        self.close()
        raise RuntimeError(f"jupyter lab did not start:\n{self.log.read_text()[-3000:]}")

    def write(self, path, sources):
        """Write a notebook of code cells, {id: source}, beside the chapters; returns its path."""
        cells = [nbformat.v4.new_code_cell(source, id=name) for name, source in sources.items()]
        (self.root / path).parent.mkdir(exist_ok=True)
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), self.root / path)
        return path

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._keeping.close()
        self._environment.__exit__(None, None, None)


def chapters():
    """Paths of the chapters of every language, relative to the notebooks' folder, in order."""
    return sorted(path.relative_to(NOTEBOOKS).as_posix() for path in NOTEBOOKS.glob("*/*.ipynb"))
