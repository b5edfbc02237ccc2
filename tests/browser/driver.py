"""What a learner does with a chapter, done by Playwright: open, run, move, answer, train."""

import os
import re
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat

from tools.notebooks import METADATA, NOTEBOOKS, WIDGET, chapter_environment

ARTEFACTS = NOTEBOOKS.parent / "artefacts"
FLAGS = ("--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
         "--disable-component-update --disable-sync --disable-dev-shm-usage").split()
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The whole chapter stays in the page, so that it can be looked through in one go.
SETTINGS = {
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    "notebook-extension/tracker": '{"windowingMode": "none"}',
    "docmanager-extension/plugin": '{"autosave": false}',
}
# The outermost of our widgets in each output.
TOP = ".jp-OutputArea-output .jupyter-widgets[class*=' lenet-']:not([class*=' lenet-'] *)"
# Made here: what a chapter may or may not have, small enough to be tried again and again.
WORKBENCH = "en/workbench.ipynb"
CELLS = (
    'from lenet_helpers import load_dataset, quiz, set_language\nset_language("en")',
    "from lenet_helpers.explorers import SizeExplorer, TrainingDashboard",
    "SizeExplorer()",
    "TrainingDashboard(load_dataset())",
    'quiz("03-training", "padding-colour")',
)
MODEL = "window.jupyterapp.shell.currentWidget"


def find_browser():
    """Path of an installed Chromium (LENET_CHROMIUM names another), or None."""
    named = os.environ.get("LENET_CHROMIUM")
    return named or next((path for name in BROWSERS if (path := shutil.which(name))), None)


class Lab:
    """A `jupyter lab` on 127.0.0.1, on a copy of the chapters, with settings of its own."""

    def __init__(self, folder, notebooks=NOTEBOOKS):
        self.root, self.token = folder / "notebooks", secrets.token_hex(16)
        shutil.copytree(notebooks, self.root, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        for name, text in SETTINGS.items():
            file = folder / "config/lab/user-settings/@jupyterlab" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), self.root / WORKBENCH)
        self._environment = chapter_environment()
        private = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
        private |= {"JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"), "HOME": str(folder),
                    "JUPYTER_PLATFORM_DIRS": "1", "MPLCONFIGDIR": str(folder / "mpl")}
        # What is answered here is nobody's progress but this run's.
        private["LENET_PROGRESS"] = str(folder / "progress.json")
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser", "--allow-root",
                   "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--ServerApp.root_dir={self.root}",
                   f"--IdentityProvider.token={self.token}", "--LabApp.extension_manager=readonly"]
        self.log = folder / "server.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, env=self._environment.__enter__() | private, stdout=log, stderr=log)
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

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._environment.__exit__(None, None, None)


class Chapter:
    """One notebook open in one page of the browser."""

    def __init__(self, page, lab, path):
        self.page, self.lab, self.path, self.problems, self.ran = page, lab, path, [], False
        self.questions = "03-training" if path == WORKBENCH else None  # the chapter whose questions it asks, if not its own
        page.on("console", lambda m: self.problems.append(f"{m.text} {m.location.get('url', '')}") if m.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(f"{lab.url}/lab/workspaces/auto-{secrets.token_hex(3)}/tree/{path}?token={lab.token}")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        page.wait_for_function(f"() => {MODEL}?.sessionContext?.session?.kernel?.connectionStatus === 'connected'", timeout=60_000)
        # A guided tour and the side bar would only take room.
        page.evaluate("() => window.jupyterapp.shell.collapseLeft()")

    def command(self, name):
        # Not awaited: a command may take as long as the kernel does.
        self.page.evaluate(f"() => {{ window.jupyterapp.commands.execute('{name}'); }}")

    def run_all(self, seconds=240):
        """Run every cell and wait until the kernel has nothing left to do."""
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(f"() => [...{MODEL}.content.model.cells].some(c => c.executionState === 'running')", timeout=30_000)
        self.wait_idle(seconds)
        self.ran = True

    def ensure_ran(self):
        if not self.ran:
            self.run_all()

    def restart(self):
        """Restart the kernel as a learner does, and confirm."""
        self.command("notebook:restart-kernel")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.wait_for_function(f"() => {MODEL}.sessionContext.session?.kernel?.status === 'idle'"
                                    f" && [...{MODEL}.content.model.cells].every(c => c.executionState !== 'running')", timeout=60_000)
        self.ran = False

    def run_first_cell(self):
        """Run the first code cell alone; returns the seconds until its new number stands there."""
        started = time.monotonic()
        count = f"[...{MODEL}.content.model.cells].find(c => c.type === 'code').executionCount"
        before = self.page.evaluate(f"() => {count}")
        self.page.evaluate(f"() => {{ const n = {MODEL}.content; n.activeCellIndex = n.widgets.findIndex(c => c.model.type === 'code');"
                           " window.jupyterapp.commands.execute('notebook:run-cell'); }")
        self.page.wait_for_function(f"before => ![null, before].includes({count})", arg=before, timeout=60_000, polling=30)
        return time.monotonic() - started

    def trains(self, figure):
        """Whether a figure has a Train button."""
        return figure.locator("button.lenet-dashboard-train").count() > 0

    def close(self):
        """Close the page and shut its kernel down, so that the next chapter has the machine to itself."""
        self.page.evaluate(f"async () => {{ {MODEL}.content.model.dirty = false; await {MODEL}.sessionContext.shutdown(); }}")
        self.page.close()

    def wait_idle(self, seconds=240):
        """Wait until every cell has run or one has failed, and the kernel has nothing to do."""
        self.page.wait_for_function(
            f"""() => {{ const w = {MODEL}; const k = w.sessionContext.session?.kernel;
                const cells = [...w.content.model.cells].filter(c => c.type === 'code' && c.sharedModel.getSource().trim());
                const failed = cells.some(c => c.outputs.toJSON().some(o => o.output_type === 'error'));
                const waiting = cells.some(c => c.executionState === 'running' || (c.executionCount === null && !failed));
                return k?.status === 'idle' && !waiting; }}""",
            timeout=seconds * 1000, polling=200)

    def outputs(self):
        """[(cell id, its outputs as stored)] from the notebook's model."""
        return self.page.evaluate(f"() => [...{MODEL}.content.model.cells].filter(c => c.type === 'code')"
                                  ".map(c => [c.id, c.outputs.toJSON()])")

    @staticmethod
    def is_widget(output):
        """Whether an output is one of our figures; a progress bar of tqdm is not."""
        return WIDGET in output.get("data", {}) and "HBox(children=(HTML(value=" not in str(output["data"].get("text/plain", ""))

    def errors(self):
        return [f"{cell}: {o['ename']}: {o['evalue']}" for cell, outputs in self.outputs() for o in outputs
                if o["output_type"] == "error"]

    def shot(self, name, locator=None):
        ARTEFACTS.mkdir(exist_ok=True)
        file = ARTEFACTS / f"{self.path.replace('/', '-').removesuffix('.ipynb')}-{name}.png"
        if locator is not None:
            locator.scroll_into_view_if_needed()
        self.page.screenshot(path=file)
        return file

    # figures ------------------------------------------------------------------------------
    def figures(self):
        """Our interactive figures: every rendered root with the picture and controls in it."""
        return self.page.locator(f"{TOP}:not(.lenet-quiz)").all()

    def quizzes(self):
        return self.page.locator(".lenet-quiz").all()

    def screen_words(self):
        return self.page.locator(".jp-Notebook").inner_text()

    def name(self, figure):
        """The explorer's own name, from its css classes."""
        names = re.findall(r"lenet-([\w-]+)", figure.get_attribute("class"))
        return next(name for name in names if name != "explorer")

    def walk(self, figure):
        """Press Tab through a figure: (controls never reached, controls that show no focus)."""
        controls = figure.evaluate(MARK_CONTROLS)
        if not controls:
            return [], []
        figure.locator("[data-stop]").first.focus()
        self.page.keyboard.press("Shift+Tab")
        seen, unseen = set(), set()
        for _turn in range(3 * controls + 8):
            self.page.keyboard.press("Tab")
            stop, visible, inside = figure.evaluate(FOCUSED)
            if seen and not inside:
                break
            if stop is not None:
                seen.add(stop)
                if not visible:
                    unseen.add(stop)
        name = "(f, i) => (e => e.outerHTML.slice(0, 120))(f.querySelector(`[data-stop='${i}']`))"
        missed = [figure.evaluate(name, i) for i in map(str, range(controls)) if i not in seen]
        return missed, [figure.evaluate(name, i) for i in unseen]

    # accessibility ------------------------------------------------------------------------
    def violations(self, content=(".jp-OutputArea-output", ".jp-RenderedMarkdown")):
        """Serious and critical findings of axe in our own content, one line each."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page, context={"include": [[part] for part in content if self.page.locator(part).count()]},
                          options={"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
        return [f"{v['id']}: {node['target']} {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
                for v in found.response["violations"] if v["impact"] in ("serious", "critical") for node in v["nodes"]]

    def theme(self, name):
        self.page.evaluate(f"() => window.jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {name}'}})")
        dark = str(name == "Dark").lower()
        self.page.wait_for_function(f"() => document.body.dataset.jpThemeLight !== '{dark}'")
        self.page.wait_for_timeout(300)

    # training -----------------------------------------------------------------------------
    def dashboard(self):
        return self.page.locator(f"{TOP}:has(button[class*='-train'])").first

    def train_and_stop(self, figure):
        return (figure.locator("button[class*='lenet-'][class*='-train']"), figure.locator("button[class*='lenet-'][class*='-stop']"))

    def stop_time(self, stop):
        """Click Stop; milliseconds, by the page's own clock, until the button is disabled."""
        return stop.evaluate("""b => new Promise((done, fail) => { const start = performance.now();
            const see = () => { if (b.disabled) { watch.disconnect(); done(performance.now() - start); } };
            const watch = new MutationObserver(see); watch.observe(b, {attributes: true});
            setTimeout(() => fail('Stop did nothing for 20 s'), 20000); b.click(); see(); })""")

    def restart(self):
        """Restart the kernel, as the menu does once the reader has confirmed."""
        self.page.evaluate(f"() => {MODEL}.sessionContext.session.kernel.restart()")
        self.page.wait_for_function(f"() => {MODEL}.sessionContext.session.kernel.status === 'idle'", timeout=60_000)

    def run_to_dashboard(self):
        """Run the cells up to the first dashboard, not further."""
        self.page.evaluate(f"""() => {{ const n = {MODEL}.content; const at = [...n.model.cells].findIndex(
            c => c.type === 'code' && /TrainingDashboard\\(|TuningLab\\(/.test(c.sharedModel.getSource()));
            n.activeCellIndex = at; window.jupyterapp.commands.execute('notebook:run-all-above')
              .then(() => window.jupyterapp.commands.execute('notebook:run-cell')); }}""")
        self.page.wait_for_function(f"""() => {{ const n = {MODEL}.content; const c = n.activeCell.model;
            return {MODEL}.sessionContext.session.kernel.status === 'idle' && c.executionCount > 0 && c.executionState !== 'running'; }}""",
                                    timeout=240_000, polling=300)
        self.dashboard().wait_for()

    def close(self):
        """Shut the kernel down without saving, and leave."""
        self.page.evaluate(f"() => {MODEL}.sessionContext.shutdown()")
        self.page.context.close()


# Number everything that Tab should stop at: a radio group once, nothing hidden or disabled.
MARK_CONTROLS = """f => { let n = 0; const groups = new Set();
  f.querySelectorAll('[data-stop]').forEach(e => e.removeAttribute('data-stop'));
  for (const e of f.querySelectorAll('input, select, button, textarea, [tabindex="0"], [contenteditable="true"]')) {
    if (e.disabled || e.tabIndex < 0 || !e.checkVisibility() || e.closest('[disabled]')) continue;
    if (e.type === 'radio') { const g = e.closest('.widget-radio-box'); if (groups.has(g)) continue; groups.add(g);
      g.querySelectorAll('input').forEach(r => r.dataset.stop = n); n++; continue; }
    e.dataset.stop = n++; }
  return n; }"""
FOCUSED = """f => { const e = document.activeElement; const s = getComputedStyle(e);
  const line = parseFloat(s.outlineWidth) > 0 && s.outlineStyle !== 'none';
  const framed = s.boxShadow !== 'none'; const now = s.borderColor; e.blur(); const then = getComputedStyle(e).borderColor; e.focus();
  return [e.dataset?.stop ?? null, line || framed || now !== then, f.contains(e)]; }"""


def chapters():
    """Paths of the chapters of every language, relative to the notebooks' folder."""
    return [WORKBENCH, *sorted(path.relative_to(NOTEBOOKS).as_posix() for path in Path(NOTEBOOKS).glob("*/*.ipynb"))]
