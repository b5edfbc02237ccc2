"""What a hand does is done in its order, however long the kernel takes for each move.

While the kernel is at the last move of a slider, ipywidgets holds the next one back; the press of a button
it never holds back.
"""

import pytest

from tools.chapter import Chapter

from . import hands

IMPORTS = """import time
from lenet_helpers import LeNet, load_dataset
from lenet_helpers.explorers import DigitPad
from lenet_helpers.explorers.drawing_pad import PadState
from lenet_helpers.explorers.kit.base import Explorer
from lenet_helpers.figures.canvas import figure
WAIT = 0.3  # seconds"""
SLOW = """class State:
    value, preset, found = 0, "none", "nothing"

class Slow(Explorer):
    name = "slow"

    def build(self):
        self.figure, _ax = figure(width=1, height=1, layout=None)
        self.slider("value", "value", 0, 100)
        self.choice("preset", "preset", ["none", "fifty"]).observe(self.preset, "value")
        self.button("press", "press", lambda: setattr(self.state, "found", self.state.value))

    def preset(self, change):
        self.controls["value"].value = 50

    def draw(self):
        time.sleep(WAIT)

    def sentence(self):
        return f"pressed at {self.state.found}, now at {self.state.value}"

Slow(State())"""
PAD = """look = PadState.look
PadState.look = lambda state: time.sleep(WAIT) or look(state)
DigitPad(LeNet(), load_dataset(n_train=200, validation=100))"""
SETTLED = 8 * 300  # milliseconds: longer than the kernel is at what came before


@pytest.fixture(scope="module")
def page(new_page, lab):
    path = lab.write("order/slow.ipynb", {"imports": IMPORTS, "slow": SLOW, "pad": PAD})
    opened = Chapter(new_page(), lab, path).wait_open()
    opened.ensure_ran()
    assert not opened.errors()
    yield opened
    assert not opened.problems
    opened.close()


def step(page, figure, steps):
    """Move the figure's slider with the keyboard, faster than the kernel follows."""
    hands.press(page, figure.locator(".noUi-handle"), "ArrowRight")
    for _step in range(steps - 1):
        page.keyboard.press("ArrowRight")


def test_a_press_comes_after_the_moves_before_it(page):
    figure = page.page.locator(".lenet-slow")
    step(page.page, figure, 4)
    figure.locator(".lenet-slow-press").press("Enter")
    hands.said(figure, "pressed at 4, now at 4", css="p")


def test_what_is_chosen_comes_after_the_moves_before_it(page):
    figure = page.page.locator(".lenet-slow")
    step(page.page, figure, 4)
    figure.locator("select").select_option("fifty")
    hands.said(figure, "now at 50", css="p")
    page.page.wait_for_timeout(SETTLED)
    hands.said(figure, "now at 50", css="p", seconds=0.1)


# Where ink lies on the pad: the share of dark pixels in its left half and in its right.
INK = """c => { const wide = c.width / 2 - 20, half = x => {
    const { data } = c.getContext('2d').getImageData(x, 10, wide, c.height - 20);
    let dark = 0;
    for (let i = 0; i < data.length; i += 4) dark += data[i] < 128;
    return dark / (data.length / 4); };
    return [half(10), half(10 + wide)]; }"""


class Pad:
    def __init__(self, page):
        self.page, self.figure = page.page, page.page.locator(".lenet-pad")
        self.canvas = self.figure.locator("canvas").first
        self.canvas.scroll_into_view_if_needed()

    def stroke(self, across):
        """One from top to bottom, `across` of the way from the left to the right."""
        box = self.canvas.bounding_box()
        x = box["x"] + across * box["width"]
        self.page.mouse.move(x, box["y"] + 40)
        self.page.mouse.down()
        self.page.mouse.move(x, box["y"] + 190, steps=12)
        self.page.mouse.up()

    def press(self, button):
        """Press one of its buttons, by a script: no hand is faster."""
        self.figure.locator(button).evaluate("e => e.click()")

    def settled(self):
        self.page.wait_for_timeout(SETTLED)
        return [share > 0.02 for share in self.canvas.evaluate(INK)]


def test_a_pad_that_was_wiped_stays_blank(page):
    pad = Pad(page)
    pad.stroke(0.25)
    pad.press(".lenet-pad-blank")
    assert pad.settled() == [False, False]
    hands.said(pad.figure, "The pad is blank", css="p")


def test_a_stroke_that_begins_before_the_kernel_has_wiped_is_on_the_new_page(page):
    pad = Pad(page)
    pad.stroke(0.25)
    pad.press(".lenet-pad-blank")
    pad.stroke(0.75)
    assert pad.settled() == [False, True]
    hands.said(pad.figure, "The network says", css="p")
    pad.press(".lenet-pad-blank")


def test_the_rubber_rubs_from_the_moment_it_is_pressed(page):
    pad = Pad(page)
    pad.stroke(0.25)
    pad.press(".lenet-pad-eraser")
    pad.stroke(0.25)
    pad.press(".lenet-pad-eraser")
    pad.stroke(0.75)
    assert pad.settled() == [False, True]
    pad.press(".lenet-pad-blank")
