"""A student in Chromium: the same steps as `hub_people.Person`, by hand and eye."""

import re
import time

from tools.browser import FLAGS, find_browser

from .hub_people import CHAPTER, PATIENCE

IN_TIME = 1000 * PATIENCE
DASHBOARD = "explorers.TrainingDashboard(digits)"
LAST_CELL = 'load_dataset("mnist-5k")'  # of the chapter's beginning: its data


def chromium():
    """Whether there are both a browser and Playwright here."""
    try:
        import playwright.async_api  # noqa: F401
    except ImportError:
        return False
    return find_browser() is not None


class BrowserPerson:
    """Somebody in a real browser; an asynchronous context manager. `complaints`: its console's errors."""

    def __init__(self, address, name, password):
        self.address, self.name, self.password = address, name, password
        self.home, self.complaints, self.kernel = f"{address}/user/{name}", [], self

    async def __aenter__(self):
        from playwright.async_api import async_playwright

        self.playwright = await async_playwright().start()
        self.browser = await self.playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        self.page = await self.browser.new_page(viewport={"width": 1280, "height": 900})
        self.page.set_default_timeout(IN_TIME)
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        return self

    async def __aexit__(self, *_exception):
        await self.browser.close()
        await self.playwright.stop()

    async def log_in(self):
        await self.page.goto(f"{self.address}/hub/login")
        await self.page.fill("#username_input", self.name)
        await self.page.fill("#password_input", self.password)
        await self.page.click("#login_submit")
        await self.page.wait_for_load_state()
        return "/hub/login" not in self.page.url

    async def come_in(self):
        started = time.monotonic()
        await self.page.goto(f"{self.address}/hub/spawn")
        await self.page.wait_for_url(f"{self.home}/lab**")
        await self.page.wait_for_selector("#jp-main-dock-panel")
        return time.monotonic() - started

    async def open_chapter(self):
        """Chapter 3 up to its data, then a cell with the dashboard; returns itself, which can train."""
        page = self.page
        await page.goto(f"{self.home}/lab/tree/{CHAPTER}")
        cell = page.locator(".jp-CodeCell", has_text=LAST_CELL).first
        await cell.locator(".cm-content").click()
        await page.locator(".lm-MenuBar-item", has_text=re.compile("^Run$")).click()
        await page.locator(".lm-Menu-item", has_text="Run All Above Selected Cell").click()
        # A slow page may not have given the focus back: the keys wait for what they are meant for.
        await cell.locator(".cm-content").click()
        await page.keyboard.press("Shift+Enter")
        await page.locator(".jp-mod-selected", has_text=LAST_CELL).wait_for(state="detached")
        await page.keyboard.press("Escape")
        await page.keyboard.press("a")
        await self.write(DASHBOARD, "Shift+Enter")
        await page.locator(".lenet-dashboard-train").wait_for()
        return self

    async def train(self):
        """Press Train; returns seconds to the first picture and to the result, its status, its accuracy."""
        page = self.page
        picture = page.locator(".lenet-dashboard .lenet-picture")
        before = await picture.get_attribute("src")
        started = time.monotonic()
        await page.click(".lenet-dashboard-train")
        await page.wait_for_function(
            "before => document.querySelector('.lenet-dashboard .lenet-picture')?.src !== before",
            arg=before,
            polling=50,
        )
        first = time.monotonic() - started
        said = page.locator(".lenet-dashboard [role=status]", has_text="Finished at epoch")
        await said.wait_for()
        last = time.monotonic() - started
        accuracy = re.search(r"validation ([\d.]+) %", await said.inner_text())
        return first, last, "finished", float(accuracy[1]) / 100

    async def run_cell(self, code):
        """Run code in a new cell below the dashboard, and return the text that it prints."""
        page = self.page
        await page.locator(".jp-CodeCell", has_text=DASHBOARD).locator(".cm-content").first.click()
        await page.keyboard.press("Escape")
        await page.keyboard.press("b")
        await self.write(code, "Control+Enter")
        output = page.locator(".jp-CodeCell.jp-mod-selected .jp-OutputArea-output").first
        return (await output.inner_text()).strip()

    async def write(self, code, key):
        """Write code into the empty cell that is selected, and press the key that runs it."""
        fresh = self.page.locator(".jp-CodeCell.jp-mod-selected .cm-content", has_text=re.compile(r"^\s*$"))
        await fresh.click()
        await self.page.keyboard.insert_text(code)
        await self.page.keyboard.press(key)

    async def mark(self, submission, task, points, comment):
        """Open a submission in the Formgrader; give points for a task, write a comment below the answer."""
        page, formgrader = self.page, f"{self.address}/services/lenet/formgrader"
        await page.goto(f"{formgrader}/manage_assignments")
        await page.locator("td.name a", has_text="ps1").wait_for()
        await page.goto(f"{formgrader}/submissions/{submission}")
        for field, value, kind in (
            (f"input[id='{task}']", str(points), "grade"),
            (f"[id='{task}-answer-comment']", comment, "comment"),
        ):
            await page.fill(field, value)
            async with page.expect_response(
                lambda r, k=kind: f"/api/{k}/" in r.url and r.request.method == "PUT"
            ) as saved:
                await page.keyboard.press("Tab")
            assert (await saved.value).ok
