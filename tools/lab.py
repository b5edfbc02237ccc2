"""Start JupyterLab at the learner's copies of the chapters: `python -m tools.lab`, or `make lab`.

On this machine alone (127.0.0.1), with JupyterLab's token on, in the reader's language. Further
arguments go to `jupyter lab`, for example --port 8899 or --no-browser.
"""

import json
import os
import sys
import webbrowser
from importlib.metadata import entry_points
from pathlib import Path

if __name__ == "__main__":
    # Ctrl-C while this loads ends it without Python's traceback. JupyterLab asks first, once it is there.
    sys.excepthook = lambda kind, *rest: kind is KeyboardInterrupt or sys.__excepthook__(kind, *rest)
    from tools.light import light

    light()

from lenet_helpers.files import write_whole
from lenet_helpers.wording import _, set_language
from tools.copies import COPIES, reader, refresh

START = "00-start-here.ipynb"
SETTINGS = Path(__file__).parent / "jupyterlab-overrides.json"
# What JupyterLab is told wherever it shows the chapters.
COURSE = [
    "--LabApp.extension_manager=readonly",
    # File, Save and Export as HTML: the pictures keep their texts.
    "--HTMLExporter.preprocessors=lenet_helpers.figures.export.AlternativeTexts",
    "--ServerApp.contents_manager_class=lenet_helpers.figures.contents.CourseContents",
    "--ServerApp.kernel_websocket_connection_class=lenet_helpers.figures.websocket.AtOnce",
]


def arguments(extra=()):
    """The arguments of `jupyter lab` on this machine; `extra` come last and win."""
    given = [
        f"--ServerApp.root_dir={COPIES}",
        f"--LabApp.default_url={front_door()}",
        "--ServerApp.ip=127.0.0.1",
        *COURSE,
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        print(_("You are root: fine in a container, otherwise better start this as yourself."), flush=True)
        given.append("--allow-root")
    if not has_browser():
        print(_("No web browser was found here: open the address printed below in one."), flush=True)
        given.append("--no-browser")
    return [*given, *extra]


def front_door():
    """Where JupyterLab opens: the start page in the reader's language."""
    language = reader()
    start = COPIES / language / START
    return f"/lab/tree/{language}/{START}" if start.exists() else "/lab"


def jupyterlab_in(language, folder=COPIES):
    """Have JupyterLab itself speak `language` where a language pack is installed, and keep to the course's
    settings, as defaults that a choice in its own menus goes before. They lie in a hidden folder of the
    copies: nobody's settings are touched.
    """
    packs = sorted(pack.name for pack in entry_points(group="jupyterlab.languagepack"))
    # A reader who asks for English is not answered in the system's language.
    spoken = "en" if os.environ.get("LENET_LANGUAGE") else "default"
    spoken = next((pack for pack in packs if pack.startswith(language)), spoken)
    config = folder.absolute() / ".jupyter"
    (config / "labconfig").mkdir(parents=True, exist_ok=True)
    # Read at each start, so that an update of the course brings its settings along. "defer": JupyterLab's
    # own windowing mode estimates the heights of cells not drawn yet, and misses the section a link leads to.
    default = json.loads(SETTINGS.read_text("utf-8"))
    default |= {"@jupyterlab/translation-extension:plugin": {"locale": spoken}}
    write_whole(config / "labconfig" / "default_setting_overrides.json", json.dumps(default).encode())
    more = os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join([str(config), *([more] if more else [])])


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
    sys.stdout.reconfigure(errors="replace")  # a terminal without Chinese
    set_language(reader())
    for sentence in refresh():
        print(sentence, flush=True)
    jupyterlab_in(reader())
    from jupyterlab.labapp import main

    sys.exit(main(arguments(sys.argv[1:])))
