"""The start page in JupyterLab: the doctor's round trip, and links that lead to a section."""

import json
import urllib.request

import pytest

from tools.chapter import GIVEN_UP, PANEL, Chapter, complaints
from tools.lab import SETTINGS

from . import hands

START = "en/00-start-here.ipynb"
# Whether the heading of a section stands in the window, in the notebook in front.
IN_VIEW = f"""([path, words]) => {{
    if ({PANEL}?.context?.path !== path) return false;
    const headings = [...{PANEL}.node.querySelectorAll("h2")];
    const found = headings.find(h => h.textContent.startsWith(words));
    if (!found) return false;
    const box = found.getBoundingClientRect();
    return box.top >= 0 && box.bottom <= window.innerHeight;
}}"""


def follow(page, link, path, heading):
    """Click a link to a section, once."""
    link.click()
    page.wait_for_function(IN_VIEW, arg=[path, heading], timeout=60_000)


@pytest.fixture(scope="module")
def start(new_page, lab):
    """The start page, run, for a reader who solved an exercise of chapter 2."""
    last = {"kind": "exercises", "key": "max_pool", "when": "2026-11-24T09:00:00+00:00"}
    lab.progress.write_text(json.dumps({"exercises": {"max_pool": True}, "last": last}), "utf-8")
    chapter = Chapter(new_page(), lab, START).wait_open()
    chapter.ensure_ran()
    yield chapter
    chapter.close()


def test_the_page_and_python_reach_each_other(start):
    line = start.page.locator(".lenet-round-trip [role=status]")
    line.get_by_text("reach each other").wait_for()
    assert start.page.get_by_text("checksum right").count() == 1
    start.shot("doctor", line)


def test_progress_is_shown_and_continue_leads_to_the_section(start):
    page = start.page
    assert page.get_by_text("Exercises solved: 1.").count() == 1
    link = page.get_by_text("Continue in section 2.2 of chapter 2")
    follow(page, link, "en/02-lenet-architecture.ipynb", "2.2")
    start.shot("continued")


def test_the_glossary_leads_to_a_section(start):
    page = start.page
    page.evaluate(f"() => {{ window.jupyterapp.commands.execute('docmanager:open', {{path: '{START}'}}); }}")
    link = page.get_by_role("row", name="accuracy share").get_by_role("link")
    follow(page, link, "en/03-training.ipynb", "3.4")


TRACKER = "@jupyterlab/notebook-extension:tracker"


@pytest.fixture
def unrun(new_page, lab):
    """The start page, nothing run, with the windowing mode that `make lab` sets."""
    address = f"{lab.url}/lab/api/settings/{TRACKER}?token={lab.token}"

    def put(raw):
        body = json.dumps({"raw": raw}).encode()
        urllib.request.urlopen(urllib.request.Request(address, body, method="PUT"))

    before = json.load(urllib.request.urlopen(address))["raw"]
    put(json.dumps(json.loads(SETTINGS.read_text("utf-8"))[TRACKER]))
    chapter = Chapter(new_page(), lab, START).wait_open()
    yield chapter
    chapter.close()
    put(before)


def test_before_anything_is_run_one_click_leads_to_a_section_far_down(unrun):
    link = unrun.page.get_by_role("row", name="calibration whether").get_by_role("link")
    follow(unrun.page, link, "en/05-beyond-the-test-set.ipynb", "5.6")


def test_only_a_kernel_without_a_date_is_no_complaint(new_page, lab):
    page = new_page()
    page.goto(f"{lab.url}/static/favicons/favicon.ico")
    page.route("**/api/**", lambda route: route.fulfill(status=500))
    found, others = complaints(page), ["kernels/1?2", "sessions?2", "kernelspecs?2", "kernels"]
    for asked in ["kernels?2", *others]:
        page.evaluate("async where => { await fetch(where); }", f"/api/{asked}")
    page.route("**/api/**", lambda route: route.fulfill(status=403))
    page.evaluate("async () => { await fetch('/api/kernels?2'); console.error('ours'); }")
    # What failed to load is told on a way of its own.
    assert hands.within(page, lambda: len(found) >= len(others) + 2)
    told = {text.rpartition("/api/")[2] if "/api/" in text else text.split()[0] for text in found}
    assert told == {*others, "kernels?2", "ours"} and len(found) == len(told)
    page.close()


LATE = {
    "round-trip": "from lenet_helpers.explorers.doctor import RoundTrip\nRoundTrip()",
    "table": "from lenet_helpers.explorers import C3Explorer\nC3Explorer()",
}
# anywidget's two seconds are over at once.
IMPATIENT = (
    "const given = AbortSignal.timeout;"
    " AbortSignal.timeout = ms => given.call(AbortSignal, ms === 2000 ? 0 : ms);"
)


def test_the_first_figures_of_a_page_move_however_late_they_start(new_page, lab):
    """When they are run, and when the page is loaded anew, where all figures start at the same time."""
    page, given_up = new_page(), []
    page.add_init_script(IMPATIENT)
    page.on("pageerror", lambda error: given_up.append(str(error)))
    chapter = Chapter(page, lab, lab.write("late/late.ipynb", LATE)).wait_open()
    chapter.ensure_ran()
    assert not chapter.errors()
    for when in ("run", "loaded anew"):
        hands.appears(page.locator(".lenet-round-trip").get_by_text("reach each other"), seconds=30)
        assert GIVEN_UP in given_up, f"{when}: nothing was late, so nothing was tried"
        figure = page.locator(".lenet-c3")
        table = hands.appears(figure.locator("canvas"))
        before = hands.picture(figure)
        hands.press(page, table, "Enter")
        assert hands.changes(page, figure, before), when
        page.evaluate(f"() => {PANEL}.context.save()")
        given_up.clear()
        page.reload()
        chapter.wait_open()
    assert not chapter.problems
    chapter.close()


def test_a_control_that_moves_while_the_page_is_busy_has_moved(new_page):
    page = new_page()
    page.set_content("<input type=number value=1>")
    page.evaluate("""() => addEventListener('keydown', () => setTimeout(() => {
        const end = performance.now() + 2500; while (performance.now() < end); }, 0), {once: true})""")
    assert hands.move(page, "number", page.locator("input").element_handle()) == ("1", "2")
    page.close()
