"""One JupyterLab and one browser for all chapters; a chapter's page stays open while its tests run."""

import pytest

from tools.browser import BROWSERS, FLAGS, Lab, chapters, find_browser
from tools.chapter import Chapter

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
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="package")
def lab(browser, tmp_path_factory):
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture(scope="package", params=chapters())
def chapter(browser, lab, request):
    """A chapter, open and not run yet: `chapter.ensure_ran()` runs it, once."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    opened = Chapter(context.new_page(), lab, request.param)
    yield opened
    opened.close()
