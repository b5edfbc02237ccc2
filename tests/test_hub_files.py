"""What a hub reads and writes before anybody logs in: the class file, its folders, the exchange."""

import asyncio
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("nbgrader", reason="the classroom needs nbgrader: pip install -e .[classroom]")

from deploy.hub import course, exchange, sandbox, server
from deploy.hub.course import ClassError, Folders, read_class
from deploy.hub.exchange import take_over
from lenet_helpers import wording
from tools import lab

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the hub is for Linux")
GRADER = "[graders]\ngrace = {}\n"


def write(tmp_path, text):
    path = tmp_path / "class.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_sample_class_is_read():
    group = read_class(course.HERE / "class.toml")
    assert set(group.graders) == {"grace", "gus"} and set(group.students) == {"anna", "ben", "carla"}
    assert group.students["anna"] == course.Person("Anna Example", "anna@example.org", "101", "en")
    assert group.released == ("ps1",) and group.limits == course.Limits() and group.data is None


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "there is no grader"),
        ("x = [", "cannot be read"),
        ("[students]\nanna = {}\n", "there is no grader"),
        (GRADER + "[students]\ngrace = {}\n", "'grace' is both grader and student"),
        (GRADER + "[students]\n'Anna Ü' = {}\n", "the name 'Anna Ü'"),
        (GRADER + "[students]\n'a+b' = {}\n", "the name 'a+b'"),
        (GRADER + "[students]\n'../x' = {}\n", "the name '../x'"),
        (GRADER + "[students]\nanna = 'Anna'\n", "[students.anna] is 'Anna', no table"),
        (GRADER + "[students]\nanna = { mail = 'x' }\n", "[students.anna] has 'mail'"),
        (GRADER + "[students]\nanna = { lms_id = 7 }\n", "lms_id = 7: write it in quotes"),
        (GRADER + "[students]\nanna = { language = 'xx' }\n", "language 'xx': choose from en"),
        (GRADER + "[limits]\nmemory_mb = 0\n", "memory_mb = 0"),
        (GRADER + "[limits]\nmemory_mb = true\n", "memory_mb = True"),
        (GRADER + "[limits]\nmemory = 5\n", "[limits] has 'memory'"),
        (GRADER + "[course]\nreleased = ['ps9']\n", "released is ['ps9']: a list, chosen from ps1, ps2"),
        (GRADER + "[course]\nreleased = 'ps1'\n", "released is 'ps1'"),
        (GRADER + "[course]\ndata = 'nowhere'\n", "nowhere' does not exist"),
        (GRADER + "[teachers]\nx = {}\n", "it has 'teachers'"),
        ("graders = 1\n", "[graders] is 1, no table"),
    ],
)
def test_what_is_wrong_with_a_class_is_one_sentence(tmp_path, text, words):
    with pytest.raises(ClassError) as caught:
        read_class(write(tmp_path, text))
    assert words in str(caught.value) and str(caught.value).startswith("class.toml")
    assert "cannot be read" in words or "\n" not in str(caught.value)


def test_a_class_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(ClassError, match="class.toml cannot be read"):
        read_class(tmp_path / "class.toml")


def test_languages_are_those_of_the_suite():
    assert course.languages() == wording.languages()


@linux
def test_folders_are_for_their_owner_alone_and_secrets_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folders = Folders(tmp_path / "hub")
    folders.make(["anna"])
    for folder in (folders.root, folders.run, folders.homes / "anna", folders.inbox / "anna"):
        assert folder.stat().st_mode & 0o777 == 0o700
    first = folders.secret("proxy")
    assert len(first) == 64 and folders.secret("proxy") == first
    assert (folders.secrets / "proxy").stat().st_mode & 0o777 == 0o600
    assert len(str(folders.socket("servers", "a" * 31))) - len(str(tmp_path)) < 80


@linux
@pytest.mark.parametrize("kind", ["open", "link"])
def test_a_folder_for_sockets_that_somebody_else_laid_there_is_refused(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folders = Folders(tmp_path / "hub")
    if kind == "open":
        folders.run.mkdir()
        folders.run.chmod(0o777)
    else:
        (tmp_path / "theirs").mkdir(mode=0o700)
        folders.run.symlink_to(tmp_path / "theirs")
    with pytest.raises(ClassError, match="you alone can read"):
        folders.make(["anna"])


@pytest.fixture
def boxes(tmp_path):
    inbox, inbound = tmp_path / "inbox", tmp_path / "inbound"
    inbox.mkdir()
    inbound.mkdir()
    return inbox, inbound


def hand_in(inbox, name="anna+ps1+2026-03-02 12:00:00.000000 UTC+abc_-=12"):
    (inbox / name / "more").mkdir(parents=True)
    (inbox / name / "ps1.ipynb").write_text(json.dumps({"a": 1}))
    (inbox / name / "more" / "helper.py").write_text("x = 1")
    return name


@linux
def test_a_submission_is_taken_over_whole_and_once(boxes):
    inbox, inbound = boxes
    name = hand_in(inbox)
    assert take_over(inbox, "anna", inbound) == ([name], [])
    assert (inbound / name / "more" / "helper.py").read_text() == "x = 1"
    assert take_over(inbox, "anna", inbound) == ([], [])
    assert os.listdir(inbound) == [name]


@linux
@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda f: (f / "x").symlink_to("/etc/passwd"), "'x' is a link or no file"),
        (lambda f: (f / "more" / "x").symlink_to("/etc"), "'x' is a link or no file"),
        (lambda f: os.mkfifo(f / "x"), "'x' is a link or no file"),
        (lambda f: (f / "/".join("d" * 12)).mkdir(parents=True), "10 deep"),
        (lambda f: [(f / str(n)).touch() for n in range(exchange.MOST_FILES)], "500 files"),
        (lambda f: os.truncate(f / "ps1.ipynb", exchange.MOST_BYTES + 1), "100 MB"),
    ],
)
def test_what_is_no_plain_submission_stays_in_the_inbox(boxes, spoil, words):
    inbox, inbound = boxes
    name = hand_in(inbox)
    spoil(inbox / name)
    taken, ((refused, why),) = take_over(inbox, "anna", inbound)
    assert taken == [] and refused == name and words in why and os.listdir(inbound) == []


@linux
@pytest.mark.parametrize(
    "name", ["ben+ps1+now+abc", "anna+ps1", "anna", ".x", "anna+../x+now+abc", "annab+ps1+now+abc"]
)
def test_names_that_are_not_the_students_own_are_refused(boxes, name):
    inbox, inbound = boxes
    hand_in(inbox, name)
    taken, refused = take_over(inbox, "anna", inbound)
    assert taken == [] and refused and os.listdir(inbound) == []


@linux
def test_a_link_in_place_of_a_submission_is_refused(boxes, tmp_path):
    inbox, inbound = boxes
    hand_in(tmp_path, "elsewhere")
    (inbox / "anna+ps1+now+abc").symlink_to(tmp_path / "elsewhere")
    taken, refused = take_over(inbox, "anna", inbound)
    assert taken == [] and len(refused) == 1 and os.listdir(inbound) == []


def test_a_persons_language_and_the_shared_data_reach_the_server(tmp_path):
    (tmp_path / "data").mkdir()
    group = read_class(
        write(tmp_path, "[course]\ndata = 'data'\n" + GRADER + "[students]\nanna = { language = 'en' }\n")
    )
    found = sandbox.environment(group, "anna", {"JUPYTERHUB_API_TOKEN": "t"})
    assert found["LENET_LANGUAGE"] == "en" and found["LENET_DATA"] == "/srv/data"
    assert found["JUPYTERHUB_API_TOKEN"] == "t" and found["OMP_NUM_THREADS"] == "1"
    assert "LENET_DATA" not in sandbox.environment(read_class(course.HERE / "class.toml"), "anna", {})


@linux
def test_a_students_sandbox_is_shown_no_more_than_it_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folders = Folders(tmp_path / "hub")
    group = read_class(course.HERE / "class.toml")
    folders.make(group.students)
    command = sandbox.student("bwrap", folders, group, "anna")
    written = [command[n + 1] for n, word in enumerate(command) if word == "--bind"]
    assert written == [str(folders.homes / "anna"), str(folders.inbox / "anna")]
    assert "--unshare-net" in command and "--clearenv" not in command
    shown = [command[n + 1] for n, word in enumerate(command) if word.startswith("--ro-bind")]
    assert not [path for path in shown if "classroom" in path or path == str(course.ROOT)]
    assert not [word for word in command if "token" in word.lower()]  # everybody can read command lines


OWN_SERVER = """
import json, runpy, sys, types
hub = types.ModuleType("jupyterhub.singleuser")  # says what the server is asked, in place of starting one
sys.modules |= {"jupyterhub": types.ModuleType("jupyterhub"), "jupyterhub.singleuser": hub}
def serve():
    from jupyter_core.paths import jupyter_config_path
    print(json.dumps([jupyter_config_path(), sys.argv[1:], "torch" in sys.modules]))
hub.main = serve
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


def test_chapters_meet_the_same_jupyterlab_as_on_a_machine_of_ones_own(tmp_path):
    given = os.environ | {"LENET_COURSE": str(tmp_path), "LENET_LANGUAGE": "zh", "LENET_PROGRESS": "off"}
    given |= {"JUPYTER_CONFIG_PATH": "/srv/config", "PYTHONPATH": str(course.ROOT)}
    command = [sys.executable, "-c", OWN_SERVER, course.HERE / "server.py"]
    done = subprocess.run(command, env=given, cwd=tmp_path, capture_output=True, text=True, check=True)
    (mine, class_wide, *_rest), arguments, torch = json.loads(done.stdout.splitlines()[-1])
    assert class_wide == "/srv/config" and not torch
    assert set(lab.COURSE) < set(arguments)
    text = (Path(mine) / "labconfig" / "default_setting_overrides.json").read_text("utf-8")
    language = {"@jupyterlab/translation-extension:plugin": {"locale": "zh_CN"}}
    assert json.loads(text) == json.loads(lab.SETTINGS.read_text("utf-8")) | language


class Settings(dict):
    """Takes what a configuration file sets, as JupyterHub's own would."""

    def __getattr__(self, name):
        return self.setdefault(name, Settings())

    def __setattr__(self, name, value):
        self[name] = value


DOCKER = {
    "LENET_HUB": "docker",
    "LENET_HUB_IMAGE": "course:1",
    **{
        f"OAUTH_{n}": f"https://example.org/{n}"
        for n in ("AUTHORIZE_URL", "TOKEN_URL", "USERDATA_URL", "CALLBACK_URL")
    },
    "OAUTH_CLIENT_ID": "id",
    "OAUTH_CLIENT_SECRET": "secret",
}


@linux
def test_the_half_for_containers_shows_what_the_sandbox_shows(tmp_path, monkeypatch):
    """Read, not run."""
    pytest.importorskip("jupyterhub", reason="no JupyterHub here: pip install -e .[classroom,hub]")
    for name, value in (
        DOCKER | {"LENET_HUB_FOLDER": str(tmp_path / "hub"), "XDG_RUNTIME_DIR": str(tmp_path)}
    ).items():
        monkeypatch.setenv(name, value)
    c = Settings()
    runpy.run_path(str(course.HERE / "jupyterhub_config.py"), {"get_config": lambda: c})
    assert c.JupyterHub.spawner_class == "dockerspawner.DockerSpawner"
    assert c.JupyterHub.authenticator_class == "generic-oauth" and c.Authenticator.allowed_users >= {
        "anna",
        "grace",
    }
    assert set(c.DockerSpawner.volumes.values()) == {"/students/{username}", "/srv/exchange/lenet/inbound"}
    assert c.Spawner.mem_limit == 3000 * 2**20
    anna = SimpleNamespace(user=SimpleNamespace(name="anna"), environment={})
    c.Spawner.pre_spawn_hook(anna)
    assert anna.environment["LENET_LANGUAGE"] == "en"
    monkeypatch.delenv("OAUTH_TOKEN_URL")
    with pytest.raises(ValueError, match="OAUTH_TOKEN_URL is not set"):
        runpy.run_path(str(course.HERE / "jupyterhub_config.py"), {"get_config": Settings})


@pytest.mark.parametrize("kept", [False, True])
def test_a_server_leaves_closing_a_connection_to_the_proxy(kept, monkeypatch):
    """The proxy writes once more after the body, and a closed socket would make a good answer a 503."""
    from tornado import httpserver, httputil, netutil
    from tornado.http1connection import HTTP1Connection

    monkeypatch.setattr(HTTP1Connection, "_can_keep_alive", HTTP1Connection._can_keep_alive)
    if kept:
        server.leave_closing_to_the_proxy()

    def answer(request):
        start = httputil.ResponseStartLine("HTTP/1.1", 201, "Created")
        request.connection.write_headers(start, httputil.HTTPHeaders({"Content-Length": "2"}), b"{}")
        request.connection.finish()

    async def post():
        (socket,) = netutil.bind_sockets(0, "127.0.0.1")
        listening = httpserver.HTTPServer(answer)
        listening.add_socket(socket)
        reading, writing = await asyncio.open_connection(*socket.getsockname())
        writing.write(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
        head = await reading.readuntil(b"\r\n\r\n")
        assert b" 201 " in head and await reading.readexactly(2) == b"{}"
        try:
            return await asyncio.wait_for(reading.read(1), 0.3)
        except TimeoutError:
            return "open"
        finally:
            writing.close()
            listening.stop()

    assert asyncio.run(post()) == ("open" if kept else b"")
