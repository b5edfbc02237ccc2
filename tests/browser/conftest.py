"""One JupyterLab and one browser for all chapters; a chapter's page stays open while its tests run."""

import pytest

from tools.browser import BROWSERS, FLAGS, Lab, chapters, find_browser
from tools.chapter import STOP, Chapter

from . import hands

# Less work for two cores: JavaScript is compiled at once, its garbage collected seldom and in one go.
QUICK = "--js-flags=--always-sparkplug --min-semi-space-size=32 --max-semi-space-size=64 --single-threaded-gc"
SKIPPED = f"browser tests skipped: none of {', '.join(BROWSERS)} found (LENET_CHROMIUM may name another)"


def pytest_terminal_summary(terminalreporter):
    if not find_browser():
        terminalreporter.write_line(SKIPPED)


@pytest.fixture(scope="package")
def browser():
    path = find_browser()
    if not path:
        pytest.skip(SKIPPED)
    from playwright.sync_api import sync_playwright

    # For this folder only: while Playwright is open, an event loop runs in this thread.
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=[*FLAGS, QUICK])
        yield started
        started.close()


@pytest.fixture(scope="package")
def new_page(browser):
    """Makes an empty page. All are of one context, so that JupyterLab is fetched and compiled once; each has
    a process of its own.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    # Two that load at once must not hear each other: a JupyterLab that has not chosen the name of its window
    # yet takes any other's for the same, complains, and loads again under another address.
    context.add_init_script("addEventListener('storage', event => event.stopImmediatePropagation(), true)")
    return context.new_page


@pytest.fixture(scope="package")
def lab(browser, tmp_path_factory):
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture(scope="module", autouse=True)
def a_new_reader(lab):
    """Each file begins with nothing answered and nothing solved, whatever the others did before it."""
    lab.progress.unlink(missing_ok=True)


class Shelf:
    """The chapters, each opened, looked at unrun, started, interrupted by a restart and started again.

    One ahead of the one in use, the longest first: so one chapter's kernel works while
    another's page is tried. Those with a dashboard are restarted while it trains.
    """

    def __init__(self, new_page, lab, wanted):
        self.new_page, self.lab, self.wanted, self.open = new_page, lab, wanted, {}

    def take(self, path):
        """The chapter of that path; what will be asked for next is begun."""
        after = self.wanted[self.wanted.index(path) + 1 :]
        ahead = dict.fromkeys((self.wanted[-1], path, *after[:1]))
        wanted = [one for one in ahead if one not in self.open]
        self.open |= {
            one: Chapter(self.new_page(), self.lab, one) for one in wanted
        }  # all load at the same time
        for one in wanted:
            self._begin(self.open[one].wait_open())
        # Their kernels came as far as the dashboard while the other pages were looked at.
        for one in wanted:
            if self.open[one].has_dashboard():
                restart_in_training(self.open[one])
        self.open[path].page.bring_to_front()  # the others work on in the background
        return self.open[path]

    @staticmethod
    def _begin(chapter):
        chapter.unrun = look_unrun(chapter)
        if chapter.has_dashboard():
            chapter.start_to_dashboard()
        else:
            chapter.start_interrupted()


def restart_in_training(chapter):
    """Train in a chapter that was run as far as its dashboard, restart the kernel meanwhile, and run
    everything.
    """
    figure = chapter.dashboard()
    chapter.page.bring_to_front()
    hands.train(chapter.page, figure)
    assert figure.locator(STOP).is_enabled(), "the training ended before the restart"
    chapter.restart()
    chapter.start_all()


def look_unrun(chapter):
    """What the page shows before any cell has run: (its words, pictures drawn, pictures there, pictures
    stored).
    """
    pictures = chapter.page.locator(".jp-OutputArea-output img")
    drawn = pictures.evaluate_all("images => images.filter(i => i.complete && i.naturalWidth > 100).length")
    if pictures.count():
        chapter.shot("unrun", pictures.first)
    shown = [outputs for cell, outputs in chapter.outputs() if cell not in chapter.folded()]
    stored = sum("image/png" in o.get("data", {}) for outputs in shown for o in outputs)
    return chapter.words(), drawn, pictures.count(), stored


@pytest.fixture(scope="package")
def shelf(new_page, lab, request):
    mine = [item for item in request.session.items if "shelf" in getattr(item, "fixturenames", ())]
    return Shelf(new_page, lab, list(dict.fromkeys(item.callspec.params["chapter"] for item in mine)))


# Left to `make proof-chapters`: chapter 4, which trains for a minute, its dashboard is driven by
# `test_instruments.py`; and the translated ones, of which `test_chinese.py` runs some cells.
PROOF = [one for one in chapters() if not one.startswith("en/") or one == "en/04-tuning.ipynb"]
ALL = [pytest.param(one, marks=[pytest.mark.proof] * (one in PROOF)) for one in chapters()]


@pytest.fixture(scope="package", params=ALL)
def chapter(shelf, request):
    """A chapter, open and on its way to being run: `chapter.ensure_ran()` waits for that."""
    taken = shelf.take(request.param)
    yield taken
    taken.close()
