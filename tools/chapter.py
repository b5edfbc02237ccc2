"""What a learner does with a chapter, done by Playwright: open, run, restart, look."""

import os
import re
import secrets

from .notebooks import NOTEBOOKS, WIDGET

ARTEFACTS = NOTEBOOKS.parent / "artefacts"
# The outermost of our widgets in each output.
TOP = ".jp-OutputArea-output .jupyter-widgets[class*=' lenet-']:not([class*=' lenet-'] *)"
TRAIN, STOP = "button[class*='lenet-'][class*='-train']", "button[class*='lenet-'][class*='-stop']"
PANEL = "window.jupyterapp.shell.currentWidget"
CELLS = f"[...{PANEL}.content.model.cells].filter(c => c.type === 'code' && c.sharedModel.getSource().trim())"
DASHBOARD = r"/TrainingDashboard\(|TuningLab\(/"
IDLE = f"""() => {{ const cells = {CELLS};
    const failed = cells.some(c => [...Array(c.outputs.length).keys()].some(i => c.outputs.get(i).type
    === 'error'));
    const waiting = cells.some(c => c.executionState === 'running' || (c.executionCount === null && !failed));
    return {PANEL}.sessionContext.session?.kernel?.status === 'idle' && !waiting; }}"""

# Until the outputs have kept their places for 300 ms, which a busy machine stretches.
STILL = """() => new Promise(done => {
    let last, looks;
    const look = () => {
        const outputs = [...document.querySelectorAll('.jp-OutputArea-output')];
        const now = outputs.map(e => Object.values(e.getBoundingClientRect().toJSON())).join();
        [last, looks] = [now, now === last ? looks + 1 : 0];
        looks < 6 ? setTimeout(look, 50) : done(); };
    look(); })"""


# Every few seconds JupyterLab asks which kernels there are. If the server has just filed one and not dated it
# yet, it answers 500 (jupyter-server 2.21: "last_activity ... not the NoneType"), and JupyterLab asks again.
NOT_DATED_YET = re.compile(r"status of 500 .*/api/kernels\?\d+$")
# A machine so busy that the page's first figures took over two seconds to start: they move all the same, see
# `accessibility.js`, but anywidget has said so by then.
GIVEN_UP = "[anywidget] Failed to initialize model."


def complaints(page):
    """The list to which everything is added that the page's console complains about from now on."""
    found = []

    def keep(message):
        said = f"{message.text} {message.location.get('url', '')}"
        if message.type == "error" and not NOT_DATED_YET.search(said):
            found.append(said)

    page.on("console", keep)
    page.on("pageerror", lambda error: str(error) == GIVEN_UP or found.append(str(error)))
    return found


class Chapter:
    """One notebook, open in one page of the browser. `problems` collects what its console complains about."""

    def __init__(self, page, lab, path):
        self.page, self.path, self.problems = page, path, complaints(page)
        self.ran = self.running = False
        self.language, self.questions = path.removesuffix(".ipynb").split("/")
        # Not waited for: another page can load meanwhile, see `wait_open`.
        page.goto(
            f"{lab.url}/lab/workspaces/auto-{secrets.token_hex(3)}/tree/{path}?token={lab.token}",
            wait_until="commit",
        )

    def wait_open(self):
        """Wait until the notebook is there and has a kernel; returns the chapter."""
        page = self.page
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        page.wait_for_function(
            f"() => {PANEL}?.sessionContext?.session?.kernel?.connectionStatus === 'connected'",
            timeout=60_000,
            polling=100,  # not at every frame: the page has enough to do
        )
        page.evaluate("() => window.jupyterapp.shell.collapseLeft()")  # it would only take room
        return self

    def command(self, name):
        # Not awaited: a command may take as long as the kernel does.
        self.page.evaluate(f"() => {{ window.jupyterapp.commands.execute('{name}'); }}")

    # running ------------------------------------------------------------------------------
    def clear(self):
        """Take all outputs away, so that what shows later is of the run that follows."""
        self.command("notebook:clear-all-cell-outputs")
        self.page.wait_for_function(f"() => {CELLS}.every(c => c.executionCount === null)")

    def start_all(self):
        """Begin to run every cell, and return at once: kernel and page go on by themselves."""
        self.clear()
        self.command("notebook:run-all-cells")
        self.running = True

    def ensure_ran(self, seconds=300):
        """Wait until all cells have run, or one has failed, and the kernel has nothing to do; begin it
        where nobody has.
        """
        if not self.ran:
            if not self.running:
                self.start_all()
            self.page.wait_for_function(IDLE, timeout=seconds * 1000, polling=500)
            self.ran, self.running = True, False

    def restart(self):
        """Restart the kernel as a learner does, and confirm."""
        before = list(self.problems)
        self.command("notebook:restart-kernel")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.wait_for_function(
            f"() => {PANEL}.sessionContext.session?.kernel?.status === 'idle'"
            f" && {CELLS}.every(c => c.executionState !== 'running')",
            timeout=60_000,
        )
        self.ran = self.running = False
        # JupyterLab says so itself of every question that the old kernel had not answered yet.
        self.problems[:] = before + [
            p for p in self.problems[len(before) :] if "Canceled future for" not in p
        ]

    def start_to_dashboard(self):
        """Begin to run the cells up to the first with a dashboard, not further; `dashboard` waits for it."""
        self.clear()
        self.page.evaluate(f"""() => {{ const n = {PANEL}.content;
            n.activeCellIndex = [...n.model.cells].findIndex(c => c.type === 'code' &&
            {DASHBOARD}.test(c.sharedModel.getSource()));
            const run = name => window.jupyterapp.commands.execute(name);
            run('notebook:run-all-above').then(() => run('notebook:run-cell')); }}""")

    def dashboard(self, seconds=240):
        """The chapter's first figure with a Train button, once it is there and the button can be pressed."""
        self.page.locator(f"{TRAIN}:not([disabled])").first.wait_for(timeout=seconds * 1000)
        return next(figure for figure in self.figures() if self.trains(figure))

    def run_first_cell(self):
        """Run the first code cell alone, until its new number stands there."""
        count = f"{CELLS}[0].executionCount"
        before = self.page.evaluate(f"() => {count}")
        self.page.evaluate(
            f"() => {{ const n = {PANEL}.content; n.activeCellIndex = n.widgets.findIndex(c => c.model.type"
            " === 'code'); window.jupyterapp.commands.execute('notebook:run-cell'); }"
        )
        self.page.wait_for_function(
            f"before => ![null, before].includes({count})", arg=before, timeout=60_000, polling=30
        )

    def has_dashboard(self):
        """Whether one of its cells makes a figure that trains."""
        return self.page.evaluate(f"() => {CELLS}.some(c => {DASHBOARD}.test(c.sharedModel.getSource()))")

    def start_interrupted(self):
        """Begin to run every cell, restart the kernel while one runs and the others wait, and begin again."""
        self.start_all()
        self.page.wait_for_function(
            f"() => {PANEL}.sessionContext.session?.kernel?.status === 'busy'", polling=30
        )
        self.restart()
        self.start_all()

    def close(self):
        """Shut the kernel down without saving, so that the next chapter has the machine to itself, and
        leave.
        """
        self.page.evaluate(f"() => {PANEL}.sessionContext.shutdown()")
        self.page.close()

    # looking ------------------------------------------------------------------------------
    def outputs(self):
        """[(cell id, its outputs as stored)] from the notebook's model: the page may hold only the cells in
        view.
        """
        return self.page.evaluate(f"() => {CELLS}.map(c => [c.id, c.outputs.toJSON()])")

    def folded(self):
        """Ids of the cells whose stored outputs stay folded: they would answer a question above."""
        hidden = f"{CELLS}.filter(c => (c.getMetadata('jupyter') || {{}}).outputs_hidden).map(c => c.id)"
        return set(self.page.evaluate(f"() => {hidden}"))

    def errors(self):
        return [
            f"{cell}: {o['ename']}: {o['evalue']}"
            for cell, outputs in self.outputs()
            for o in outputs
            if o["output_type"] == "error"
        ]

    @staticmethod
    def is_widget(output):
        """Whether an output is one of our widgets; a progress bar of tqdm is not."""
        data = output.get("data", {})
        return WIDGET in data and bool({"image/png", "text/html"} & set(data))

    def words(self):
        return self.page.locator(".jp-Notebook").inner_text()

    def figures(self):
        """Our interactive figures, the quizzes and the bars of cells that train left out."""
        return self.page.locator(f"{TOP}:not(.lenet-quiz, .lenet-progress)").all()

    def bars(self):
        return self.page.locator(".lenet-progress").all()

    def quizzes(self):
        return self.page.locator(".lenet-quiz").all()

    @staticmethod
    def trains(figure):
        """Whether a figure has a Train button."""
        return figure.locator(TRAIN).count() > 0

    def shot(self, name, element=None):
        """Keep a picture of the window, scrolled to `element`, where LENET_SHOTS is set."""
        if not os.environ.get("LENET_SHOTS"):
            return
        ARTEFACTS.mkdir(exist_ok=True)
        if element is not None:
            element.scroll_into_view_if_needed()
            element.evaluate("e => e.scrollIntoView({block: 'center'})")
        self.page.screenshot(
            path=ARTEFACTS / f"{self.path.replace('/', '-').removesuffix('.ipynb')}-{name}.png"
        )

    def theme(self, name):
        """Switch JupyterLab to its "Dark" or "Light" theme."""
        self.page.evaluate(
            "() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab"
            f" {name}'}})"
        )
        light = str(name == "Light").lower()
        self.page.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{light}'")
        self.page.evaluate(STILL)

    def violations(self, rules=("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")):
        """Serious and critical findings of axe in our own content by these sets of rules, one line each."""
        from axe_playwright_python.sync_playwright import Axe

        parts = [
            [part]
            for part in (".jp-OutputArea-output", ".jp-RenderedMarkdown")
            if self.page.locator(part).count()
        ]
        found = Axe().run(
            self.page,
            context={"include": parts},
            options={"resultTypes": ["violations"], "runOnly": list(rules)},
        )
        return [
            f"{v['id']}: {node['target']} {node['html'][:200]} {node.get('failureSummary', '')[:200]}"
            for v in found.response["violations"]
            if v["impact"] in ("serious", "critical")
            for node in v["nodes"]
        ]
