"""One browser and one JupyterLab for the whole run; nothing of either without Chromium."""

import pytest
from .driver import BROWSERS, FLAGS, Chapter, Lab, chapters, find_browser

SKIPPED = f"browser tests skipped: none of {', '.join(BROWSERS)} found (LENET_CHROMIUM names another)"


def pytest_terminal_summary(terminalreporter):
    if not find_browser():
        terminalreporter.write_line(SKIPPED)


@pytest.fixture(scope="session")
def browser():
    path = find_browser()
    if not path:
        pytest.skip(SKIPPED)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


def open_chapter(browser, lab, path):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    return Chapter(context.new_page(), lab, path)


@pytest.fixture(scope="module", params=chapters())
def chapter(request, browser, lab):
    """A chapter of which every cell has been run."""
    chapter = open_chapter(browser, lab, request.param)
    chapter.run_all()
    yield chapter
    chapter.close()


@pytest.fixture
def unrun(request, browser, lab):
    """A chapter as it is opened, with its stored outputs and no cell run."""
    chapter = open_chapter(browser, lab, request.param)
    yield chapter
    chapter.close()
