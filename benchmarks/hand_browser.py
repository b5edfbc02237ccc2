"""How long the learner waits, measured in a real Chromium: `python -m benchmarks.hand --browser`.

Parts of it alone: `python -m benchmarks.hand_browser lab 03 05`.

For every interactive figure of every chapter each control is moved by keyboard; what is counted is the time,
by the page's own clock, from the key to the frame in which the last new picture is shown. Then Train to its
first sign, Stop, ink to picture on chapter 5's pad, and `make lab`'s command to a chapter that can be read.
When everything was measured the table goes to docs/hand.md.
"""

import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from lenet_helpers.files import write_whole
from tools.browser import FLAGS, Lab, find_browser
from tools.chapter import STOP, TRAIN, Chapter
from tools.ports import kept

ROOT = Path(__file__).parents[1]
CHAPTERS = [f"en/{p.name}" for p in sorted((ROOT / "notebooks" / "en").glob("[0-9]*.ipynb"))]
QUIET = 250  # milliseconds without another picture: that was the last
KEYS = {
    ".noUi-handle": ("ArrowRight", "End", "ArrowLeft", "Home", "ArrowRight", "ArrowRight"),
    "select": ("ArrowDown", "ArrowDown", "ArrowUp", "ArrowDown"),
    "input[type=checkbox]": ("Space", "Space"),
    "button:not([class*=predict]):not([class*=keep]):not([class*=eraser])": ("Enter", "Enter", "Enter"),
}
# From here on every key, click and stroke on the page starts a watch that each new picture reads.
WATCH = """() => {
  const hand = window.lenetHand = { start: 0, shown: [], root: null };
  const picture = (at) => { if (hand.root?.contains(at)) requestAnimationFrame(() =>
    hand.shown.push(performance.now() - hand.start)); };
  document.addEventListener("load", e => { if (e.target.matches?.("img")) picture(e.target); }, true);
  const clear = CanvasRenderingContext2D.prototype.fillRect;
  CanvasRenderingContext2D.prototype.fillRect = function (x, y, ...size) {
    if (x === 0 && y === 0) picture(this.canvas);
    return clear.call(this, x, y, ...size);
  };
  const begin = (e) => { hand.start = e.timeStamp; hand.shown = []; };
  for (const kind of ["keydown", "pointermove"]) document.addEventListener(kind, begin, true);
}"""
# Milliseconds to the last picture; null where none came within two seconds.
SETTLED = """quiet => new Promise(done => { const hand = window.lenetHand, began = performance.now();
  const look = () => { const last = hand.shown.at(-1), now = performance.now();
    if (last !== undefined && now - hand.start - last > quiet) done(last);
    else if (last === undefined && now - began > 2000) done(null);
    else setTimeout(look, 20); };
  look(); })"""
USABLE = "e => !e.disabled && !e.closest('[disabled]') && e.checkVisibility()"
# Milliseconds from a click on `pressed` until `sign` can be pressed and, for Stop, `pressed` no more.
CLICKED = """(f, [pressed, sign]) => new Promise((done, fail) => {
    const [from, to] = [f.querySelector(pressed), f.querySelector(sign)], start = performance.now();
    const see = () => { if (!from.disabled || to.disabled) return;
        watch.disconnect(); done(performance.now() - start); };
    const watch = new MutationObserver(see);
    for (const b of [from, to]) watch.observe(b, {attributes: true});
    setTimeout(() => fail('nothing for 20 s'), 20000); from.click(); })"""


def named(figure):
    """A figure's name, as its class has it."""
    return re.search(r"lenet-(?!explorer)([\w-]+)", figure.get_attribute("class"))[1]


def moves(page, figure):
    """Milliseconds of every move of the figure's controls that drew a picture, the first move left out."""
    for skip in figure.locator(".lenet-predict-skip").all():
        if skip.is_visible():
            skip.click()
            page.wait_for_timeout(600)
    figure.evaluate("f => { f.scrollIntoView({block: 'center'}); window.lenetHand.root = f; }")
    times = []
    for css, keys in KEYS.items():
        for element in figure.locator(css).element_handles():
            for key in keys:
                if not element.evaluate(USABLE):
                    break
                element.focus()
                page.wait_for_timeout(30)
                page.keyboard.press(key)
                took = page.evaluate(SETTLED, QUIET)
                if took is not None:
                    times.append(took)
    return times[1:]


def training(page, figure):
    """(milliseconds from Train to Stop being offered, from Stop to Train being offered), five times each."""
    starts, stops = [], []
    epochs = figure.locator(".lenet-lever-epochs input").first
    if epochs.count():
        epochs.fill("20")
        epochs.press("Enter")
    for _again in range(5):
        figure.locator(f"{TRAIN}:not([disabled])").first.wait_for(timeout=60_000)
        starts.append(figure.evaluate(CLICKED, [TRAIN, STOP]))
        page.wait_for_timeout(1500)
        stops.append(figure.evaluate(CLICKED, [STOP, TRAIN]))
    return starts, stops


def strokes(page, figure):
    """(of 40 single strokes of the pointer, after a whole line drawn at speed), in milliseconds to the
    picture.
    """
    figure.locator(".lenet-pad-blank").click()
    pad, sheet = figure.locator(".lenet-grid canvas"), figure.locator(".lenet-sheet")
    pad.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    sheet.evaluate("s => { window.lenetHand.root = s; }")
    box = pad.bounding_box()
    x, y = box["x"] + 0.4 * box["width"], box["y"] + 0.15 * box["height"]
    single, lines = [], []
    for line in range(4):
        page.mouse.move(x + 12 * line, y)
        page.mouse.down()
        for step in range(1, 11):
            page.mouse.move(x + 12 * line, y + 14 * step)
            single.append(page.evaluate(SETTLED, 60))
        page.mouse.up()
    figure.locator(".lenet-pad-blank").click()
    for line in range(5):
        page.mouse.move(x + 10 * line, y)
        page.mouse.down()
        page.mouse.move(x + 10 * line, y + 150, steps=60)
        lines.append(page.evaluate(SETTLED, 120))
        page.mouse.up()
    return [t for t in single if t is not None][1:], [t for t in lines if t is not None]


def lab_to_chapter(browser, folder):
    """Seconds from the command of `make lab` to the start page with its cells in the browser, warm."""
    environment = os.environ | {"LENET_COURSE": str(folder / "course"), "JUPYTER_PLATFORM_DIRS": "1"}
    environment |= {f"JUPYTER_{n}_DIR": str(folder / n.lower()) for n in ("CONFIG", "DATA", "RUNTIME")}
    environment |= {"JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces")}
    keeping, port = kept()
    command = [
        sys.executable,
        "-m",
        "tools.lab",
        "--no-browser",
        f"--ServerApp.port={port}",
        "--expose-app-in-browser",
    ]
    began, log = time.perf_counter(), folder / "lab.log"
    with log.open("w") as written:  # a pipe that nobody empties would stop the server
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=written, stderr=written)
    try:
        found = None
        while not found:
            if server.poll() is not None:
                raise RuntimeError("make lab's command ended")
            time.sleep(0.01)
            found = re.search(r"http://127\.0\.0\.1:\S+", log.read_text())
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(found[0], wait_until="commit")
        page.wait_for_selector(".jp-Notebook .jp-RenderedHTMLCommon h1", timeout=60_000)
        took = time.perf_counter() - began
        page.context.close()
        return took
    finally:
        server.terminate()
        server.wait(30)
        keeping.close()


# What a table's row is held to: (in its name, highest median, highest of all), in its unit.
AIMS = ((": Train", 500, 500), (": Stop", 300, 300), ("make lab", 8, 8), ("", 100, 200))


def row(name, times, unit="ms"):
    """One line of the table, with the aims that it misses."""
    form = "{:.0f}" if unit == "ms" else "{:.1f}"
    ends = [f(times) for f in (statistics.median, max)] if times else []
    aims = next(aims for part, *aims in AIMS if part in name)
    missed = [kind for kind, end, aim in zip(("median", "worst"), ends, aims) if end > aim]
    numbers = " | ".join(form.format(end) for end in ends) or "– | –"
    return f"| {name} | {len(times)} | {numbers} | {unit} | {', '.join(missed)} |"


PAGE = """# How quick it feels

Written by `python -m benchmarks.hand --browser`, in a real JupyterLab in Chromium {chromium}: from a key on
a control to the frame that shows the last new picture, for every control of every figure; from Train to the
first sign; from Stop to Train again; from ink to its picture; from `make lab`'s command to its start page.

The aims: a median of 100 ms and 200 ms at worst for a picture, 500 ms from Train to a sign, 300 ms to stop,
8 s for `make lab`. The last column names those that are missed.

{date}; {processor}; load average at the start {load:.1f}.

{table}
"""


def chapter_rows(browser, lab, path):
    """Rows for one chapter: each figure, and what it is that trains or is drawn on in it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    chapter = Chapter(context.new_page(), lab, path).wait_open()
    chapter.ensure_ran(400)
    page, number = chapter.page, path[3:5].lstrip("0") or "0"
    page.evaluate(WATCH)
    for figure in chapter.figures():
        name = named(figure)
        label = f"{number} {name}"
        if chapter.trains(figure):
            starts, stops = training(page, figure)
            yield row(f"{label}: Train to first sign", starts)
            yield row(f"{label}: Stop", stops)
        elif times := moves(page, figure):
            yield row(label, times)
        if name == "pad":
            single, lines = strokes(page, figure)
            yield row(f"{label}: ink to picture", single)
            yield row(f"{label}: end of a line drawn at speed to its picture", lines)
    chapter.close()


def main(only=()):
    """Print the table, line by line; `only` these parts: chapters, "lab"."""
    from playwright.sync_api import sync_playwright

    path = find_browser()
    if path is None:
        sys.exit("No Chromium found: install it, or name one in LENET_CHROMIUM.")
    load, lines = (
        os.getloadavg()[0],
        ["| what | n | median | worst | unit | missed |", "|---|---:|---:|---:|---|---|"],
    )
    print(f"{platform.machine()}, {os.cpu_count()} cores, load at the start {load:.1f}\n")
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        chromium = browser.version
        if not only or "lab" in only:
            times = [lab_to_chapter(browser, Path(scratch)) for _again in range(4)][1:]
            lines.append(row("make lab, warm, to the start page", times, "s"))
            print(lines[-1], flush=True)
        (Path(scratch) / "lab").mkdir()
        lab = Lab(Path(scratch) / "lab")
        try:
            for one in (c for c in CHAPTERS if not only or c[3:5] in only):
                for line in chapter_rows(browser, lab, one):
                    print(line, flush=True)
                    lines.append(line)
        finally:
            browser.close()
            lab.close()
    print(f"\nload at the end {os.getloadavg()[0]:.1f}")
    if not only:
        threads = os.environ.get("OMP_NUM_THREADS", "not set")
        processor = f"{platform.machine()}, {os.cpu_count()} cores, OMP_NUM_THREADS {threads}"
        text = PAGE.format(
            chromium=chromium, date=date.today(), processor=processor, load=load, table="\n".join(lines)
        )
        write_whole(ROOT / "docs" / "hand.md", text.encode())


if __name__ == "__main__":
    main(sys.argv[1:])
