"""Take the README's pictures from a real JupyterLab: `python -m tools.pictures`, or `make pictures`.

docs/pictures/chapter.png: a figure of chapter 3 in use. docs/pictures/training.png: a
training run, stopped where it has something to show.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from .browser import FLAGS, Lab, find_browser
from .chapter import Chapter

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
WINDOW = {"width": 1160, "height": 900}


def open_page(browser, lab, path):
    context = browser.new_context(viewport=WINDOW, reduced_motion="reduce")
    return Chapter(context.new_page(), lab, path).wait_open()


def chapter(browser, lab):
    """Chapter 3, run, with the first figure that has a slider on the page."""
    page = open_page(browser, lab, "en/03-training.ipynb")
    page.ensure_ran(600)
    figure = next(f for f in page.figures() if f.locator(".noUi-handle").count())
    handle = figure.locator(".noUi-handle").first
    handle.focus()
    for _step in range(3):
        page.page.keyboard.press("ArrowRight")
    page.page.wait_for_timeout(2000)
    keep(page, figure, "chapter.png")
    page.close()


def training(browser, lab):
    """The dashboard at the end of a run with its own settings."""
    page = open_page(browser, lab, "en/04-tuning.ipynb")
    page.start_to_dashboard()
    figure = page.dashboard()
    train = "button.lenet-dashboard-train"
    figure.locator(train).click()
    figure.locator(f"{train}[disabled]").wait_for()
    figure.locator(f"{train}:not([disabled])").wait_for(timeout=120_000)
    page.page.wait_for_timeout(1000)
    keep(page, figure, "training.png")
    page.close()


def keep(page, figure, name):
    """A picture of the window around `figure`, with few colours: the files go with every checkout."""
    figure.evaluate("f => f.scrollIntoView({block: 'center'})")
    page.page.wait_for_timeout(500)
    picture = (
        Image.open(io.BytesIO(page.page.screenshot())).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    )
    PICTURES.mkdir(parents=True, exist_ok=True)
    picture.save(PICTURES / name, optimize=True)
    print(f"docs/pictures/{name}: {(PICTURES / name).stat().st_size / 1000:.0f} kB", flush=True)


def main():
    path = find_browser()
    if path is None:
        sys.exit("No Chromium found: install it, or name one in LENET_CHROMIUM.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lab = Lab(Path(folder))
        try:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            training(browser, lab)
            chapter(browser, lab)
            browser.close()
        finally:
            lab.close()


if __name__ == "__main__":
    main()
