"""A student and a grader as their browsers are to the hub: cookies, XSRF tokens, websockets."""

import asyncio
import json
import re
import time
import uuid

import aiohttp

CHAPTER = "en/03-training.ipynb"
CELLS = ("imports", "data-load")
DASHBOARD = "dashboard = explorers.TrainingDashboard(digits)\ndashboard"
PATIENCE = 900  # seconds


class Person:
    """Somebody with a browser's memory; use as an asynchronous context manager."""

    def __init__(self, address, name, password):
        self.address, self.name, self.password = address, name, password
        self.home = f"{address}/user/{name}"

    async def __aenter__(self):
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        self.session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # cookies of an address without a name
            timeout=timeout,
            connector=aiohttp.TCPConnector(limit=0),
        )
        return self

    async def __aexit__(self, *_exception):
        await self.session.close()

    def xsrf(self, url):
        """The token that a page of this address would send along."""
        path = url.removeprefix(self.address)
        found = [c for c in self.session.cookie_jar if c.key == "_xsrf" and path.startswith(c["path"])]
        return max(found, key=lambda cookie: len(cookie["path"])).value if found else ""

    async def log_in(self):
        """By the form; returns whether it was accepted."""
        url = f"{self.address}/hub/login"
        async with self.session.get(url) as answer:
            token = re.search(r'name="_xsrf" value="([^"]*)"', await answer.text())
        form = {
            "username": self.name,
            "password": self.password,
            "_xsrf": token[1] if token else self.xsrf(url),
        }
        async with self.session.post(url, data=form) as answer:
            return answer.status == 200 and "/hub/login" not in str(answer.url)

    async def come_in(self, patience=PATIENCE):
        """Ask for the server, which starts it, until JupyterLab's page is there; returns the seconds."""
        started = time.monotonic()
        while time.monotonic() - started < patience:
            # Starts a server, shows one that is starting, or leads to the one that runs.
            async with self.session.get(f"{self.address}/hub/spawn") as answer:
                if answer.status == 200 and "jupyter-config-data" in await answer.text():
                    return time.monotonic() - started
            await asyncio.sleep(0.5)
        raise TimeoutError(f"{self.name}: no server after {patience} s")

    async def ask(self, method, path, base=None, **given):
        """A request of a page of the server (or of `base`); returns (status, what came as JSON or text)."""
        url = f"{base or self.home}/{path}"
        async with self.session.request(
            method, url, headers={"X-XSRFToken": self.xsrf(url)}, **given
        ) as answer:
            text = await answer.text()
            try:
                return answer.status, json.loads(text)
            except ValueError:
                return answer.status, text

    async def good(self, method, path, base=None, **given):
        """`ask`, whose answer must be a good one; returns it."""
        status, answer = await self.ask(method, path, base, **given)
        if status >= 400:
            raise RuntimeError(f"{self.name}: {method} {path}: {status} {str(answer)[:300]}")
        return answer

    async def notebook(self, path):
        """A notebook of the server, as a dict."""
        return (await self.good("GET", f"api/contents/{path}?content=1"))["content"]

    async def save(self, path, notebook):
        await self.good(
            "PUT", f"api/contents/{path}", json={"type": "notebook", "format": "json", "content": notebook}
        )

    async def still_in(self):
        """Whether hub and server know them without another login."""
        pages = [
            await self.session.get(url) for url in (f"{self.address}/hub/home", f"{self.home}/api/status")
        ]
        return all(page.status == 200 and "login" not in str(page.url) for page in pages)

    async def open_chapter(self, path=CHAPTER):
        """A kernel of the chapter's own, as opening it in JupyterLab starts one; returns it, connected."""
        body = {"path": path, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
        about = await self.good("POST", "api/sessions", json=body)
        return await Kernel(self, about["kernel"]["id"]).connect()

    async def nbgrader(self, action):
        """fetch, submit or fetch_feedback of ps1, as the Assignment List does."""
        body = {"course_id": "lenet", "assignment_id": "ps1"}
        answer = await self.good("POST", f"assignments/{action}", data=body)
        if isinstance(answer, dict) and not answer.get("success", True):
            raise RuntimeError(f"{self.name}: {action}: {answer}")
        return answer

    # a grader's -----------------------------------------------------------------------------
    @property
    def formgrader(self):
        return f"{self.address}/services/lenet/formgrader"

    async def open_formgrader(self):
        """The status and the text of its first page."""
        async with self.session.get(self.formgrader) as answer:
            return answer.status, await answer.text()

    async def grading(self, method, path, **given):
        return await self.good(method, f"api/{path}", self.formgrader, **given)


class Kernel:
    """One websocket to one kernel."""

    def __init__(self, person, identity):
        self.person, self.id, self.session = person, identity, uuid.uuid4().hex
        self.seen = []  # (seconds, message) of all that came

    async def connect(self):
        url = f"{self.person.home}/api/kernels/{self.id}/channels"
        self.socket = await self.person.session.ws_connect(
            f"{url}?session_id={self.session}",
            headers={"Origin": self.person.address},
            max_msg_size=0,
            autoping=True,
        )
        self.reading = asyncio.create_task(self._read())
        return self

    async def _read(self):
        async for message in self.socket:
            if message.type == aiohttp.WSMsgType.TEXT:
                self.seen.append((time.monotonic(), json.loads(message.data)))

    async def send(self, channel, kind, content):
        identity = uuid.uuid4().hex
        header = {
            "msg_id": identity,
            "session": self.session,
            "username": self.person.name,
            "date": "",
            "msg_type": kind,
            "version": "5.3",
        }
        await self.socket.send_json(
            {"channel": channel, "header": header, "parent_header": {}, "metadata": {}, "content": content}
        )
        return identity

    async def until(self, wanted, start=0, patience=PATIENCE):
        """The first message from number `start` on for which `wanted` holds, with the time it came at."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            while start < len(self.seen):
                at, message = self.seen[start]
                if wanted(message):
                    return at, message
                start += 1
            if self.reading.done():
                raise ConnectionError(f"{self.person.name}: the kernel's connection was closed")
            await asyncio.sleep(0.02)
        raise TimeoutError(f"{self.person.name}: nothing after {patience} s")

    async def run(self, code, patience=PATIENCE, **expressions):
        """Run code; returns the values of `expressions` as text. What it raises is a RuntimeError here."""
        begun = len(self.seen)
        asked = {"code": code, "user_expressions": expressions, "store_history": True, "silent": False}
        identity = await self.send("shell", "execute_request", asked | {"allow_stdin": False})
        _at, reply = await self.until(
            lambda m: m["msg_type"] == "execute_reply" and m["parent_header"].get("msg_id") == identity,
            begun,
            patience,
        )
        content = reply["content"]
        if content["status"] != "ok":
            raise RuntimeError(f"{self.person.name}: {content.get('ename')}: {content.get('evalue')}")
        found = content["user_expressions"]
        return {name: value["data"]["text/plain"] for name, value in found.items()}

    async def train(self):
        """Press Train of `dashboard`; returns the seconds until the first picture and until the result."""
        ids = await self.run(
            "",
            train="dashboard.train.model_id",
            stop="dashboard.stop.model_id",
            image="dashboard.image.model_id",
        )
        train, stop, image = (ids[name].strip("'") for name in ("train", "stop", "image"))
        begun, pressed = len(self.seen), time.monotonic()

        def state(message, comm):
            content = message["content"]
            if message["msg_type"] != "comm_msg" or content.get("comm_id") != comm:
                return {}
            return content["data"].get("state", {})

        click = {"comm_id": train, "data": {"method": "custom", "content": {"event": "click"}}}
        await self.send("shell", "comm_msg", click)
        # Stop can be pressed exactly while a run is on.
        await self.until(lambda m: state(m, stop).get("disabled") is False, begun)
        first, _message = await self.until(lambda m: "tooltip" in state(m, image), begun)
        last, _message = await self.until(lambda m: state(m, stop).get("disabled") is True, begun)
        told = await self.run(
            "", status="dashboard.state.run.status", accuracy="dashboard.state.run.accuracies[-1]"
        )
        return first - pressed, last - pressed, told["status"].strip("'"), float(told["accuracy"])
