"""Start JupyterLab at the learner's copies of the chapters: `python -m tools.lab`, or `make lab`.

On this machine alone (127.0.0.1), with JupyterLab's token on. Further arguments go to
`jupyter lab`, for example --port 8899 or --no-browser.
"""

import os
import sys
import webbrowser

from lenet_helpers.wording import languages
from tools.copies import COPIES, refresh

START = "00-start-here.ipynb"


def arguments(extra=()):
    """The arguments of `jupyter lab` on this machine; `extra` come last and win."""
    given = [
        f"--ServerApp.root_dir={COPIES}",
        f"--LabApp.default_url={front_door()}",
        "--ServerApp.ip=127.0.0.1",
        "--LabApp.extension_manager=readonly",
        # File, Save and Export as HTML: the pictures keep their texts.
        "--HTMLExporter.preprocessors=lenet_helpers.figures.export.AlternativeTexts",
        "--ServerApp.contents_manager_class=lenet_helpers.figures.contents.CourseContents",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        print("You are root: fine in a container, otherwise better start this as yourself.", flush=True)
        given.append("--allow-root")
    if not has_browser():
        print("No web browser was found here: open the address printed below in one.", flush=True)
        given.append("--no-browser")
    return [*given, *extra]


def front_door():
    """Where JupyterLab opens: the start page, in the language of the environment where the course has it."""
    wanted = [os.environ.get(name, "") for name in ("LENET_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")]
    language = next((code for name in wanted if (code := name[:2].lower()) in languages()), "en")
    start = COPIES / language / START
    return f"/lab/tree/{language}/{START}" if start.exists() else "/lab"


def has_browser():
    """Whether there is a browser with a window; one in the terminal would take the terminal over."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


if __name__ == "__main__":
    os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")
    for sentence in refresh():
        print(sentence, flush=True)
    from jupyterlab.labapp import main

    sys.exit(main(arguments(sys.argv[1:])))
