"""Starting JupyterLab: on this machine alone, with its token, as root and without a browser."""

import http.cookiejar
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from reliability import observed

from lenet_helpers.explorers.start import CourseMap
from lenet_helpers.quizzes import progress
from lenet_helpers.wording import preferred_language, set_language
from tools import copies, lab
from tools.ports import kept


def test_root_is_told_and_allowed(monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    assert "--allow-root" in lab.arguments() and "You are root" in capsys.readouterr().out
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    assert "--allow-root" not in lab.arguments()


def test_without_a_browser_the_address_is_left_to_the_reader(monkeypatch, capsys):
    monkeypatch.setattr(lab, "has_browser", lambda: False)
    assert "--no-browser" in lab.arguments() and "open the address" in capsys.readouterr().out
    monkeypatch.setattr(lab, "has_browser", lambda: True)
    assert "--no-browser" not in lab.arguments()


def test_a_terminal_browser_does_not_count(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not lab.has_browser()


def test_what_is_given_comes_last():
    assert lab.arguments(["--port=1"])[-1] == "--port=1"


def answer(address, seconds=20):
    """The status a server answers with; it may print its address a moment before it listens."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return urllib.request.urlopen(address, timeout=10).status
        except urllib.error.HTTPError as error:
            return error.code
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def asked(address, method="GET", **headers):
    """(status, headers) of an answer; nothing is followed or remembered between two of them."""
    request = urllib.request.Request(
        address, method=method, data=b"{}" if method == "POST" else None,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


def strangers_are_refused(base, token, pid):
    """Nobody without the token, no other site, no other name, no other machine."""
    contents = f"{base}/api/contents"
    strangers = {
        "a request without the token": (contents, "GET", {}),
        "a request with a wrong token": (contents, "GET", {"Authorization": "token " + "0" * 48}),
        "a POST without the token": (contents, "POST", {}),
        "a terminal without the token": (f"{base}/api/terminals", "POST", {}),
        "a kernel without the token": (f"{base}/api/kernels", "POST", {}),
        "another name for this machine (DNS rebinding)": (
            f"{contents}?token={token}", "GET", {"Host": "evil.example"},
        ),
    }  # fmt: skip
    for fault, (address, method, headers) in strangers.items():
        status, answered = asked(address, method, **headers)
        assert status == 403 and "Access-Control-Allow-Origin" not in answered, fault
        observed("Strangers", fault, "403")
    # A browser that is logged in, led here by another site: it sends its cookies, but knows no XSRF token.
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    browser.open(f"{base}/lab?token={token}", timeout=60).read()
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)
    assert asked(contents, Cookie=cookies)[0] == 200 and "_xsrf" in cookies
    for fault, more in {
        "a forged POST (XSRF)": {},
        "a forged POST from another site": {"Origin": "http://evil.example"},
    }.items():
        status = asked(contents, "POST", Cookie=cookies, **more)[0]
        assert status in (403, 404), fault  # 404 is Jupyter's answer to another site
        observed("Strangers", fault, str(status))
    # Who has the token may read from anywhere; who has the cookies of a logged-in browser may not.
    assert (
        "Access-Control-Allow-Origin" not in asked(contents, Origin="http://evil.example", Cookie=cookies)[1]
    )
    listening = [c.laddr.ip for c in psutil.Process(pid).net_connections("inet") if c.status == "LISTEN"]
    assert listening and set(listening) <= {"127.0.0.1", "::1"}
    observed("Strangers", "another machine", "nothing listens beyond loopback")


def test_the_server_answers_with_its_token_alone_and_in_the_readers_language(tmp_path):
    private = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    private |= {"LENET_COURSE": str(tmp_path / "course"), "LENET_LANGUAGE": "zh", "LENET_PROGRESS": "off"}
    keeping, port = kept()
    command = [sys.executable, "-m", "tools.lab", "--no-browser", f"--port={port}"]
    with (
        keeping,
        subprocess.Popen(
            command, env=os.environ | private, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as server,
    ):
        try:
            deadline, log, address = time.monotonic() + 120, "", None
            while address is None and time.monotonic() < deadline:
                log += server.stdout.readline()
                address = re.search(r"(http://\S+?)/lab/tree/zh/00-start-here.ipynb\?token=(\w+)", log)
            assert address, log
            base, token = address.groups()
            assert base.startswith(("http://127.0.0.1:", "http://localhost:"))
            assert answer(f"{base}/api/contents?token={token}") == 200
            strangers_are_refused(base, token, server.pid)

            def ask(path, data=None):
                request = urllib.request.Request(
                    f"{base}/{path}",
                    json.dumps(data).encode() if data else None,
                    {"Authorization": f"token {token}"},
                    method="PUT" if data else "GET",
                )
                return urllib.request.urlopen(request, timeout=60).read().decode()

            assert "03-training.ipynb" in ask("api/contents/en")
            page = ask("nbconvert/html/en/01-why-convolution.ipynb")
            assert 'alt="' in page and "No description has been provided" not in page
            # JupyterLab's own words, until another language is chosen in its menu.
            menu = "lab/api/settings/@jupyterlab/translation-extension:plugin"
            found = json.loads(ask(menu))
            assert found["schema"]["properties"]["locale"]["default"] == "zh_CN" and not found["settings"]
            words = json.loads(ask("lab/api/translations/zh_CN"))["data"]["jupyterlab"]
            assert words["menu\u0004File"] == ["文件"]
            ask(menu, {"raw": json.dumps({"locale": "en"})})
            assert json.loads(ask(menu))["settings"] == {"locale": "en"}
        finally:
            server.terminate()
    assert server.returncode is not None


def test_ctrl_c_while_it_loads_ends_it_without_a_traceback(tmp_path):
    course = tmp_path / "course"
    private = {
        "LENET_COURSE": str(course),
        "LENET_PROGRESS": "off",
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "tools.lab", "--no-browser", "--port=0"],
        env=os.environ | private, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        # A shell in the background leaves its children deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not course.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    server.send_signal(signal.SIGINT)
    said, _none = server.communicate(timeout=120)
    assert server.returncode == -signal.SIGINT and "Traceback" not in said, said


@pytest.mark.parametrize(
    "target", ["setup", "lab", "test", "proof", "notebooks", "classroom", "grade", "lock"]
)
def test_make_help_lists(target):
    root = Path(__file__).parents[1]
    listing = subprocess.run(["make", "help"], cwd=root, capture_output=True, text=True, check=True).stdout
    assert f"make {target} " in listing


SYSTEM = ("LENET_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.fixture
def system(monkeypatch, tmp_path):
    """Sets what the environment says: system(LANG="zh_CN.UTF-8"); at first nothing."""

    def say(**given):
        for name in SYSTEM:
            monkeypatch.delenv(name, raising=False)
        for name, value in given.items():
            monkeypatch.setenv(name, value)

    monkeypatch.setenv("LENET_PROGRESS", str(tmp_path / "progress.json"))
    say()
    yield say
    set_language("en")


@pytest.mark.parametrize(
    "given, language",
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "ZH"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LENET_LANGUAGE": "zh", "LC_ALL": "en_GB.UTF-8"}, "zh"),
        ({"LENET_LANGUAGE": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LENET_LANGUAGE": "xx", "LANG": "zh_CN.UTF-8"}, "zh"),
    ],
)
def test_the_readers_language_is_found(system, given, language):
    system(**given)
    assert preferred_language() == language == copies.reader()
    assert preferred_language("zh") == ("en" if given.get("LENET_LANGUAGE") == "en" else "zh")


def test_it_opens_on_the_start_page_in_the_readers_language(tmp_path, monkeypatch, system):
    monkeypatch.setattr(lab, "COPIES", tmp_path)
    system(LANG="zh_CN.UTF-8")
    assert lab.front_door() == "/lab"  # nothing there yet
    for language in ("en", "zh"):
        (tmp_path / language).mkdir()
        (tmp_path / language / lab.START).touch()
    assert lab.front_door() == f"/lab/tree/zh/{lab.START}"
    system(LENET_LANGUAGE="en")
    assert lab.front_door() == f"/lab/tree/en/{lab.START}"


def test_who_changed_the_language_on_the_start_page_finds_it_again(system):
    set_language("zh")
    CourseMap()
    assert copies.reader() == "zh"
    system(LANG="zh_CN.UTF-8")
    set_language("en")
    CourseMap()
    assert copies.reader() == "en"
    set_language("zh")
    CourseMap()
    assert copies.reader() == "zh" and progress.get("reader") == {"language": ""}
    system()
    assert copies.reader() == "en"  # nothing was chosen: it follows the system


def test_jupyterlab_keeps_its_language_where_there_is_no_pack(tmp_path, monkeypatch, system):
    monkeypatch.setattr(lab, "entry_points", lambda group: [])
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "mine")
    for given, spoken in (({}, "default"), ({"LENET_LANGUAGE": "en"}, "en"), ({"LANG": "zh_CN"}, "default")):
        system(**given)
        lab.jupyterlab_in(preferred_language(), tmp_path)
        text = (tmp_path / ".jupyter/labconfig/default_setting_overrides.json").read_text("utf-8")
        settings = json.loads(text)
        assert settings.pop("@jupyterlab/translation-extension:plugin") == {"locale": spoken}
        assert settings == json.loads(lab.SETTINGS.read_text("utf-8"))
    assert os.environ["JUPYTER_CONFIG_PATH"].endswith(f"{os.pathsep}mine")


def test_torch_for_the_processor_alone_is_asked_for_by_name():
    """The command line; the download itself needs an index that has those builds."""
    root = Path(__file__).parents[1]
    command = ["make", "-n", "lab", "TORCH=cpu", "VENV=nowhere"]
    steps = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    assert re.search(r"uv pip install .* --torch-backend cpu torch==\d[\d.]+ torchvision==\d[\d.]+\n", steps)
    (awk,) = re.findall(r"awk '([^']+)'", steps)
    lock = root / "requirements" / "lab.txt"
    kept = subprocess.run(["awk", awk, str(lock)], capture_output=True, text=True, check=True).stdout
    names = {line.split("==")[0] for line in kept.splitlines() if "==" in line and not line.startswith(" ")}
    assert {"jupyterlab", "numpy"} <= names
    assert not [name for name in names if name.startswith(("torch", "nvidia", "cuda", "triton"))]
    assert "cuda" not in kept and kept.count("--hash") > 1000


def test_what_a_kernel_answers_waits_for_no_company(monkeypatch):
    """TCP holds a second small message back, up to 40 ms, until the first is acknowledged."""
    from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

    from lenet_helpers.figures.websocket import AtOnce

    asked = []
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda self: asked.append("connected"))
    connection = AtOnce.__new__(AtOnce)
    monkeypatch.setattr(AtOnce, "websocket_handler", SimpleNamespace(set_nodelay=asked.append))
    connection.connect()
    assert asked == [True, "connected"]
    option = "--ServerApp.kernel_websocket_connection_class="
    assert f"{option}{AtOnce.__module__}.{AtOnce.__name__}" in lab.arguments()
