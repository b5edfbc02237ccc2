"""Moves and presses are heard one at a time, in the order of the page, also beside a running cell."""

import json
import time

import pytest
from test_dashboard_kernel import a_kernel, run

SHOWN = """
import json, threading, time
from lenet_helpers.explorers.kit.base import Explorer
from lenet_helpers.figures.canvas import figure

heard, drawing = [], []

class State:
    value = 0

class Both(Explorer):
    def build(self):
        self.figure, _ax = figure(width=1, height=1, layout=None)
        self.slider("value", "value", 0, 100)
        self.button("press", "press", self.pressed)

    def pressed(self):
        heard.append((self.state.value, threading.get_ident(), time.time()))

    def draw(self):
        drawing.append("begin")
        time.sleep(0.005)
        drawing.append("end")

    def sentence(self):
        return ""

both = Both(State())
print(json.dumps([both.controls[name].comm.comm_id for name in ("value", "press")]))
"""

# What was drawn, once each of 60 messages had its picture.
DRAWN = """
end = time.time() + 30
while len(drawing) < 2 * 60 and time.time() < end:
    time.sleep(0.05)
print(json.dumps(drawing))
"""


class Page:
    """What JupyterLab's page sends to a kernel; every message asks for a subshell."""

    def __init__(self, client):
        self.client = client
        self.slider, self.button = json.loads(run(client, SHOWN))

    def subshell(self):
        self.client.control_channel.send(self.client.session.msg("create_subshell_request", {}))
        return self.client.get_control_msg(timeout=30)["content"]["subshell_id"]

    def send(self, comm, subshell, **data):
        message = self.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)

    def move(self, value, subshell):
        self.send(self.slider, subshell, method="update", state={"value": value}, buffer_paths=[])

    def press(self, subshell):
        self.send(self.button, subshell, method="custom", content={"event": "click"})

    def heard(self, n):
        """The first `n` presses, as (value, thread, time)."""
        for _attempt in range(100):
            heard = json.loads(run(self.client, "print(json.dumps(heard))"))
            if len(heard) >= n:
                break
            time.sleep(0.1)
        return heard


@pytest.fixture
def page():
    with a_kernel() as (_manager, client):
        yield Page(client)


def test_a_press_finds_what_was_moved_before_it(page):
    values, subshell = list(range(1, 31)), page.subshell()
    for value in values:
        page.move(value, subshell)
        page.press(subshell)
    found, threads, _times = zip(*page.heard(len(values)))
    assert list(found) == values and len(set(threads)) == 1


def test_a_press_is_heard_while_a_cell_runs(page):
    subshell = page.subshell()
    page.client.execute("""end = time.time() + 30
while not heard and time.time() < end:
    time.sleep(0.01)
ended = time.time()""")
    page.press(subshell)
    ((_value, _thread, pressed),) = page.heard(1)
    assert pressed < float(run(page.client, "print(ended)"))


def test_two_threads_do_not_draw_one_figure_at_once(page):
    """Where the page asks for a thread for each control, as JupyterLab's settings allow."""
    one, other = page.subshell(), page.subshell()
    for value in range(1, 31):
        page.move(value, one)
        page.press(other)
    assert len({thread for _value, thread, _time in page.heard(30)}) == 1
    drawing = json.loads(run(page.client, DRAWN))
    assert drawing == (["begin", "end"] * len(drawing))[: len(drawing)] and len(drawing) >= 2 * 60
