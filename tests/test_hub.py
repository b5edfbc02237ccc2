"""A class on a real hub: proxy, single-user servers, exchange and Formgrader, all of it on loopback.

Two students in the ordinary tests; twenty, one of them in Chromium, in `make proof-hub`.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import psutil
import pytest

from deploy.hub.__main__ import FELL_TOO_OFTEN, Hub, children, command_line, missing

if sentence := missing():
    pytest.skip(f"no hub can be started here: {sentence}", allow_module_level=True)

from benchmarks import hub_class
from benchmarks.hub_browser import chromium
from benchmarks.hub_class import GRADERS, RunningHub, descendants
from benchmarks.hub_people import Person
from benchmarks.hub_rehearsal import day, expected, grader_of, submissions
from deploy.hub.course import HERE, ROOT, ClassError, Folders


def run(coroutine):
    return asyncio.run(coroutine)


@pytest.fixture(scope="module")
def empty_hub(tmp_path_factory):
    with RunningHub(tmp_path_factory.mktemp("hub"), 2, memory_mb=2500, processes=150) as hub:
        yield hub


@pytest.fixture(scope="module")
def found(empty_hub):
    """What the day of two students came to, which begins with nobody there."""
    return run(whole_day(empty_hub))


@pytest.fixture(scope="module")
def hub(empty_hub, found):
    """The hub after that day, with everybody at work."""
    return empty_hub


async def entered(stack, hub, names, browser=()):
    return [await stack.enter_async_context(hub.person(name, name in browser)) for name in names]


async def whole_day(hub, browser=()):
    async with contextlib.AsyncExitStack() as stack:
        people = await entered(stack, hub, hub.students, browser)
        graders = await entered(stack, hub, GRADERS)
        found, points, pages = await day(hub, people, graders)
        wires = [name for name in hub.students if name not in browser]
        assert sorted(points) == sorted(pages) == wires  # nothing lost, nothing twice
        for name in wires:
            assert points[name] == expected(name)
            assert f"Seen by {grader_of(name, wires)}, {name}." in pages[name]
            assert not any(f", {other}." in pages[name] for other in wires if other != name)
            assert f"{sum(expected(name).values()):g}" in pages[name]
        return found


def test_a_day_of_two_students(found):
    assert found["students"] == 2


def inside(hub, name, **expressions):
    """What expressions give in a student's kernel, as text."""

    async def ask():
        async with hub.person(name) as person:
            assert await person.log_in()
            await person.come_in()
            kernel = await person.open_chapter()
            return await kernel.run(
                "import os, psutil, resource, socket\nfrom pathlib import Path", **expressions
            )

    return run(ask())


def attempt(code):
    """An expression that gives what `code` gives, or the name of what it raises."""
    tried = f"try:\n result = {code}\nexcept Exception as e:\n result = type(e).__name__"
    return f"[exec({tried!r}, found := {{**globals()}}), found['result']][1]"


def test_a_students_server_sees_nothing_of_others_of_the_course_or_of_the_hub(hub):
    folder, sockets = hub.folder, _run_folder(hub)
    there = [
        folder / "homes" / "s002",
        folder / "course" / "source" / "ps1" / "ps1.ipynb",
        folder / "course" / "gradebook.db",
        folder / "course" / "private-seed",
        folder / "jupyterhub.sqlite",
        folder / "secrets" / "cookies",
        folder / "inbox" / "s002",
        folder / "exchange" / "lenet" / "inbound",
        sockets / "proxy" / "s.sock",
        sockets / "servers" / "s002.sock",
        ROOT / "classroom" / "source" / "ps1" / "ps1.ipynb",
        ROOT / "classroom" / "exercises" / "ps1.py",
    ]
    assert all(path.exists() for path in there)  # otherwise this would prove nothing
    seen = inside(
        hub,
        "s001",
        paths=f"[p for p in {[str(path) for path in there]!r} if os.path.exists(p)]",
        homes="os.listdir('/students')",
        processes="[p for p in psutil.process_iter(['cmdline']) if 'server-of' in str(p.info['cmdline'])]",
        submissions="sorted({p.split('+')[0] for p in os.listdir('/srv/exchange/lenet/inbound')})",
    )
    assert seen == {
        "paths": "[]",
        "homes": "['s001']",
        "processes": "[]",
        "submissions": "['s001']",
    }


def test_a_students_server_writes_nowhere_but_home_and_cannot_raise_its_limits(hub):
    tries = {
        "outbound": 'open("/srv/exchange/lenet/outbound/x", "w")',
        "feedback": 'os.listdir("/srv/exchange/lenet/feedback")',
        "mode": 'os.chmod("/srv/exchange/lenet/feedback", 0o755)',
        "suite": f'open("{ROOT}/lenet_helpers/x", "w")',
        "python": f'open("{sys.prefix}/x", "w")',
        "kernel": 'open("/proc/sys/kernel/core_pattern", "w")',
        "limit": "resource.setrlimit(resource.RLIMIT_DATA, (2**40, 2**40))",
        "memory": "bytearray(4 * 2**30)",
    }
    seen = inside(hub, "s001", **{name: attempt(code) for name, code in tries.items()})
    assert {name: text.strip("'") for name, text in seen.items()} == {
        "outbound": "OSError",
        "feedback": "PermissionError",
        "mode": "OSError",
        "suite": "OSError",
        "python": "OSError",
        "kernel": "PermissionError",
        "limit": "ValueError",
        "memory": "MemoryError",
    }


def test_a_students_server_has_no_network_and_its_token_is_for_itself(hub):
    code = """
import http.client, json
class Hub(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(HUB)
def status(path, method="GET"):
    hub = Hub("hub")
    token = os.environ["JUPYTERHUB_API_TOKEN"]
    hub.request(method, "/hub/api/" + path, headers={"Authorization": "token " + token})
    return hub.getresponse().status
"""
    path = f"{_run_folder(hub)}/hub/s.sock"

    async def ask():
        async with hub.person("s001") as person:
            await person.log_in()
            await person.come_in()
            kernel = await person.open_chapter()
            return await kernel.run(
                f"import os, socket\nHUB = {path!r}\n{code}",
                interfaces="[name for _n, name in socket.if_nameindex()]",
                proxy=attempt(f'socket.create_connection(("127.0.0.1", {hub.port}), 3)'),
                answers="[status('users/s001'), status('users/s002'), status('users'),"
                " status('shutdown', 'POST'), status('users/s002/server', 'DELETE')]",
            )

    seen = run(ask())
    assert seen["interfaces"] == "['lo']" and seen["proxy"] == "'ConnectionRefusedError'"
    assert seen["answers"] == "[200, 404, 403, 403, 403]"


def test_one_student_does_not_get_at_another_or_at_the_formgrader(hub):
    async def ask():
        async with hub.person("s001") as person:
            await person.log_in()
            answers = {}
            for name, url in {
                "server": f"{hub.address}/user/s002/api/contents",
                "page": f"{hub.address}/user/s002/lab",
                "formgrader": f"{hub.address}/services/lenet/formgrader",
                "grades": f"{hub.address}/services/lenet/formgrader/api/students",
                "admin": f"{hub.address}/hub/admin",
            }.items():
                async with person.session.get(url) as answer:
                    answers[name] = answer.status
            return answers

    assert run(ask()) == {"server": 403, "page": 403, "formgrader": 403, "grades": 403, "admin": 403}


def test_passwords_of_students_open_no_grader_and_no_stranger(hub):
    async def log_in(name, password):
        async with Person(hub.address, name, password) as person:
            return await person.log_in()

    students, graders = hub.password("students"), hub.password("graders")
    tries = [
        ("s001", "wrong"),
        ("s001", ""),
        ("s001", graders),
        (GRADERS[0], students),
        ("stranger", students),
    ]
    assert not any(run(log_in(name, password)) for name, password in tries)
    assert run(log_in("s001", students)) and run(log_in(GRADERS[0], graders))


def test_cookies_and_xsrf_are_as_the_hub_has_them(hub):
    async def ask():
        async with hub.person("s001") as person:
            await person.log_in()
            await person.come_in()
            cookies = {cookie.key: cookie for cookie in person.session.cookie_jar}
            kernels, hubs = f"{person.home}/api/kernels", f"{hub.address}/hub/login"
            forged = {}
            for name, url, headers in (
                ("none", kernels, {}),
                ("wrong", kernels, {"X-XSRFToken": "x"}),
                ("login", hubs, {}),
            ):
                async with person.session.post(url, headers=headers) as answer:
                    forged[name] = answer.status
            async with person.session.get(f"{person.home}/lab") as answer:
                policy = answer.headers["Content-Security-Policy"]
            return cookies, forged, policy

    cookies, forged, policy = run(ask())
    assert forged == {"none": 403, "wrong": 403, "login": 403}
    assert "frame-ancestors 'none'" in policy
    for name in ("jupyterhub-hub-login", "jupyterhub-session-id", "jupyterhub-user-s001"):
        assert cookies[name]["httponly"], name
    assert cookies["jupyterhub-user-s001"]["path"] == "/user/s001/"


def test_nothing_listens_beyond_loopback(hub):
    """The hub's processes and everybody's, by the sockets that each has open in its own network."""
    pids = [hub.process.pid, *descendants(hub.process.pid)]
    listening = {}
    for pid in pids:
        own = set()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            for link in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(FileNotFoundError):
                    own.add(os.readlink(f"/proc/{pid}/fd/{link}"))
        for kind in ("tcp", "tcp6", "udp", "udp6"):
            lines = []
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                lines = Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]
            for line in lines:
                fields = line.split()
                state = "0A" if kind.startswith("tcp") else "07"
                if fields[3] == state and f"socket:[{fields[9]}]" in own:
                    listening.setdefault(fields[1].split(":")[0], set()).add(pid)
    assert set(listening) == {"0100007F"}  # 127.0.0.1, as the kernel writes it


def test_what_is_not_a_submission_of_its_owner_is_not_collected(hub):
    """Names of others, links, devices, too much: they stay in the inbox, and collecting goes on."""
    stamp = "2026-03-02 12:00:00.000000 UTC+abcdefgh"
    code = f"""
inbound = Path("/srv/exchange/lenet/inbound")
(inbound / "s002+ps1+{stamp}").mkdir()
(inbound / "s001+ps1+{stamp}1").mkdir()
(inbound / "s001+ps1+{stamp}1" / "ps1.ipynb").symlink_to("/srv/course/source/ps1/ps1.ipynb")
(inbound / "s001+ps1+{stamp}2").symlink_to("/srv/course/source/ps1")
(inbound / "s001+ps1+{stamp}3").mkdir()
os.mkfifo(inbound / "s001+ps1+{stamp}3" / "ps1.ipynb")
"""
    clean = f"""
import shutil
for one in inbound.glob("*+{stamp}*"):
    one.unlink() if one.is_symlink() else shutil.rmtree(one)
"""

    async def ask():
        async with hub.person("s001") as person, hub.person(GRADERS[0]) as grader:
            await person.log_in()
            await person.come_in()
            kernel = await person.open_chapter()
            await kernel.run(f"import os\nfrom pathlib import Path\n{code}")
            await grader.log_in()
            await grader.open_formgrader()
            answer = await grader.grading("POST", "assignment/ps1/collect")
            found = await submissions(grader)
            await kernel.run(clean)
            return answer, found

    before = _tree(hub.folder / "course" / "submitted")
    answer, found = run(ask())
    assert answer["success"] and set(found) == set(hub.students)
    assert _tree(hub.folder / "course" / "submitted") == before
    for words in ("not named as a submission of s001", "is a link or no file"):
        assert words in answer["log"]


def test_a_hub_or_a_proxy_that_falls_is_started_again_and_nobody_loses_anything(hub):
    def fell(program):
        for pid in children(hub.process.pid):
            if program in command_line(pid):
                os.kill(pid, signal.SIGKILL)

    def cullers():
        return sum(b"jupyterhub_idle_culler" in command_line(pid) for pid in descendants(hub.process.pid))

    async def until_in(person):
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                if await person.still_in():
                    return
            await asyncio.sleep(1)
        raise TimeoutError

    async def work():
        async with hub.person("s001") as person:
            await person.log_in()
            await person.come_in()
            kernel = await person.open_chapter()
            await kernel.run("kept = 6 * 7")
            for program, sentence in (
                (b"jupyterhub", "The hub fell"),
                (b"configurable-http-proxy", "The proxy fell"),
            ):
                fell(program)
                with pytest.raises(OSError):  # the port stays the hub's, whoever is there to answer
                    socket.create_server(("127.0.0.1", hub.port))
                async with aiohttp.ClientSession() as stranger:  # who comes now is not refused but waits
                    async with stranger.get(f"{hub.address}/hub/login"):
                        pass
                await asyncio.to_thread(hub.wait_for, sentence)
                await until_in(person)
            kernel = await person.open_chapter()
            return await kernel.run("", kept="kept")

    assert run(work()) == {"kept": "42"}
    wait_until(lambda: cullers() == 1)


@pytest.mark.parametrize("port, words", [(None, "is taken"), (70000, "0-65535"), (-1, "0-65535")])
def test_a_port_that_cannot_be_had_is_one_sentence(tmp_path, port, words):
    with socket.create_server(("127.0.0.1", 0)) as another:
        port = another.getsockname()[1] if port is None else port
        with pytest.raises(ClassError, match=words) as error:
            Hub(HERE / "class.toml", tmp_path, port).start()
    said = str(error.value)
    assert said.startswith(f"port {port} ") and said.endswith("or --port 0 for one that is free")


def test_the_port_is_the_hubs_before_the_folder_is_prepared(tmp_path, monkeypatch):
    hub = Hub(HERE / "class.toml", tmp_path, 0)

    def prepared(*_command, **_options):
        with pytest.raises(OSError):
            socket.create_server(("127.0.0.1", hub.port))
        return subprocess.CompletedProcess([], returncode=7)

    monkeypatch.setattr(subprocess, "run", prepared)
    with pytest.raises(ClassError, match="status 7"):
        hub.start()
    # No `stop`: that ends whatever descends from this process, the other tests' hub as well.
    for opened in (hub.listening, hub.keeping, hub.lock):
        opened.close()
    shutil.rmtree(hub.folders.run)


@pytest.mark.parametrize("name", ["hub", "proxy"])
def test_what_falls_again_and_again_ends_the_command_and_names_its_log(tmp_path, name, capsys):
    class Fallen(Hub):
        def start_hub(self):
            self.processes["hub"] = ended

        def start_proxy(self):
            self.processes["proxy"] = ended

    ended = subprocess.Popen(["true"])
    ended.wait()
    hub = Fallen(HERE / "class.toml", tmp_path, 0)
    hub.processes[name] = ended
    for _time in range(FELL_TOO_OFTEN):
        hub.start_what_fell()
    assert capsys.readouterr().out.count(f"The {name} fell and is started again.") == FELL_TOO_OFTEN
    with pytest.raises(ClassError, match=f"the {name} fell 6 times: see .*{name}.log"):
        hub.start_what_fell()


def test_a_second_hub_in_the_same_folder_is_refused_in_one_sentence(hub):
    for port, words in ((hub.port, f"port {hub.port} is taken"), (0, "another hub is at work in")):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "deploy.hub",
                "--class",
                hub.file,
                "--folder",
                hub.folder,
                "--port",
                str(port),
            ],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1


def test_a_command_that_is_killed_finds_its_servers_again_and_one_that_is_ended_leaves_none(tmp_path):
    async def ask(code, **expressions):
        async with hub.person("s001") as person:
            await person.log_in()
            await person.come_in()
            kernel = await person.open_chapter()
            return await kernel.run(code, **expressions)

    hub, seen = RunningHub(tmp_path, 1), set()

    def look():
        for pid in (hub.process.pid, *descendants(hub.process.pid)):
            with contextlib.suppress(psutil.NoSuchProcess):
                seen.add(psutil.Process(pid))  # which knows when it began: numbers come again

    with hub:
        run(ask("kept = 6 * 7"))
        look()
        assert len(seen) > 6
        hub_and_proxy = [psutil.Process(pid) for pid in children(hub.process.pid)]
        hub.process.kill()
        hub.process.wait()
        wait_until(lambda: not any(process.is_running() for process in hub_and_proxy))
    with hub:
        assert run(ask("", kept="kept")) == {"kept": "42"}
        look()
        # A hub that does not end its servers when asked to: 6.1.0 took no secret of this length.
        (hub.folder / "secrets" / "launcher").write_text("another", "utf-8")
    wait_until(lambda: not any(process.is_running() for process in seen))


# Families of a shell, its child and its grandchild, as quickly as they come and go.
FAMILIES = "while true; do (true & true) & (true & true) & wait; done"


def test_processes_are_counted_while_they_come_and_go():
    """The command counts its children every now and then, and any of them may end meanwhile."""
    with subprocess.Popen(["sh", "-c", FAMILIES], start_new_session=True) as shell:
        try:
            deadline, most = time.monotonic() + 3, 0
            while time.monotonic() < deadline:
                pids = descendants(os.getpid())
                most = max(most, len(pids))
                assert shell.pid in pids and all(isinstance(command_line(pid), bytes) for pid in pids)
        finally:
            os.killpg(shell.pid, signal.SIGKILL)
    assert most > 2 and children(shell.pid) == [] and command_line(shell.pid) == b""


def wait_until(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _run_folder(hub):
    return Folders(hub.folder).run


def _tree(folder):
    return {str(p): p.stat().st_mtime_ns for p in sorted(folder.rglob("*")) if p.is_file()}


# the proofs ---------------------------------------------------------------------------------
@pytest.mark.proof
def test_a_day_of_twenty_students(tmp_path, capsys):
    browser = ["s001"] if chromium() else []
    with RunningHub(tmp_path, 20) as hub:
        found = run(whole_day(hub, browser))
    with capsys.disabled():
        print("\n" + hub_class.table({"classes": [found]}))


@pytest.mark.proof
@pytest.mark.skipif(not chromium(), reason="no Chromium or Playwright here")
def test_the_formgrader_works_in_a_browser_under_the_hub(tmp_path):
    async def grade():
        async with contextlib.AsyncExitStack() as stack:
            (student,) = await entered(stack, hub, ["s001"])
            (wire,) = await entered(stack, hub, [GRADERS[0]])
            (grader,) = await entered(stack, hub, [GRADERS[1]], GRADERS)
            for one in (student, wire):
                await one.log_in()
            await student.come_in()
            await student.nbgrader("fetch")
            await student.nbgrader("submit")
            await wire.open_formgrader()
            await wire.grading("POST", "assignment/ps1/collect")
            await wire.grading("POST", "submission/ps1/s001/autograde")
            (submission,) = (await submissions(wire)).values()
            assert await grader.log_in()
            await grader.mark(submission, "panorama", 12.5, "Nearly: look at the edge again.")
            grades = await wire.grading("GET", f"grades?submission_id={submission}")
            comments = await wire.grading("GET", f"comments?submission_id={submission}")
            return grader.complaints, grades, comments

    with RunningHub(tmp_path, 1) as hub:
        complaints, grades, comments = run(grade())
    assert {g["name"]: g["manual_score"] for g in grades}["panorama"] == 12.5
    assert "Nearly: look at the edge again." in [c["manual_comment"] for c in comments]
    assert not [text for text in complaints if "frame" in text or "403" in text]
