"""Every interactive figure in one notebook of the test's own: does it fit the hand, at every width?

Measured in a real JupyterLab: the length of slider tracks, what is cut off, what needs scrolling, where the
focus is; then canvases by mouse and keyboard, and what is left after a reload and a restart.
"""

import nbformat
import pytest

from tools.browser import Lab
from tools.chapter import PANEL, STOP, TRAIN, Chapter

from . import hands

WIDTHS = (1280, 900, 700)
TRACK = {1280: 140, 900: 110, 700: 110}  # pixels: the shortest slider track that fits a hand
CELLS = {
    "imports": """from lenet_helpers import LeNet, LeNetConfig, TrainConfig, load_dataset, quiz, train
from lenet_helpers.explorers import *
from benchmarks.hand import every_explorer
digits = load_dataset(n_train=600, validation=200)
made = every_explorer(digits)""",
    "quiz": 'quiz("01-why-convolution", "layout")',
    "dashboard": "TrainingDashboard(digits)",
    "lab": "TuningLab(digits)",
}
NAMES = (
    "Permutation Convolution Kernel Size FairCount Equivariance Channels Pooling Ledger ReceptiveField C3 Mixture"
    " Activation Noise Gallery Pixel Loop Curves Confusion FeatureMap Clinic"
).split()
CELLS |= {name: f'made["{name}{"Gallery" if name == "Kernel" else "Explorer"}"]()' for name in NAMES}
CELLS["pad"] = 'made["DigitPad"]()'


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """The notebook, run, with the file panel open as a learner has it."""
    folder = tmp_path_factory.mktemp("instruments")
    (folder / "shelf" / "en").mkdir(parents=True)
    cells = [nbformat.v4.new_code_cell(source, id=name) for name, source in CELLS.items()]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(notebook, folder / "shelf" / "en" / "instruments.ipynb")
    lab = Lab(folder, folder / "shelf")
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    opened = Chapter(context.new_page(), lab, "en/instruments.ipynb").wait_open()
    opened.page.evaluate("() => window.jupyterapp.shell.expandLeft()")
    opened.ensure_ran()
    assert not opened.errors()
    yield opened
    opened.close()
    lab.close()


def named(figure):
    return next(
        c for c in figure.get_attribute("class").split() if c.startswith("lenet-") and c != "lenet-explorer"
    )


def look(page, width, theme="Light"):
    page.page.set_viewport_size({"width": width, "height": 900})
    page.theme(theme)
    page.page.wait_for_timeout(500)


# Before the predictions ----------------------------------------------------------------

# What must fit one screen: from the question to the end of the picture.
HEIGHT = """f => { const boxes = [...f.querySelectorAll('.lenet-live, img.lenet-picture, .lenet-grid')]
    .filter(e => e.offsetParent !== null).map(e => e.getBoundingClientRect());
    return Math.max(...boxes.map(b => b.bottom)) - Math.min(...boxes.map(b => b.top)); }"""
ROOM = "() => document.querySelector('.jp-WindowedPanel-outer, .jp-Notebook').getBoundingClientRect().height"
TRACKS = """f => [...f.querySelectorAll('.noUi-base')].filter(e => e.offsetParent !== null)
    .map(e => Math.round(e.getBoundingClientRect().width))"""
CUT = """f => { const right = f.closest('.jp-OutputArea-output').getBoundingClientRect().right, cut = [];
    for (const e of f.querySelectorAll('button, select, input, .widget-readout, .widget-label, img, canvas, p, label')) {
        if (e.offsetParent === null || e.closest('.lenet-table, details')) continue;
        const box = e.getBoundingClientRect();
        if (box.width && box.right > right + 1) cut.push(e.tagName + '.' + e.className + ' ' + Math.round(box.right - right));
        if (e.matches('button, .widget-readout') && e.scrollWidth > e.clientWidth + 2) cut.push(e.textContent + ' inside');
    } return cut; }"""


# A radio button's focus ring is 2 pixels wide, 2 pixels off (kit/style.py): what clips must leave it whole.
CLIPPED = """f => { const clipped = [];
    for (const e of f.querySelectorAll('input[type=radio]')) {
        if (e.offsetParent === null) continue;
        const box = e.getBoundingClientRect(), end = f.closest('.jp-OutputArea-output').parentElement;
        for (let a = e.parentElement; a !== end; a = a.parentElement) {
            const style = getComputedStyle(a), room = a.getBoundingClientRect();
            if (style.overflowX === 'visible' && style.overflowY === 'visible') continue;
            if (box.left - 4 < room.left || box.right + 4 > room.right || box.top - 4 < room.top
                || box.bottom + 4 > room.bottom) clipped.push(a.className + ' ' + e.value);
        }
    } return clipped; }"""


def shots(page, figures, label):
    for figure in figures:
        page.shot(f"{label}-{named(figure)}", figure)


@pytest.mark.parametrize("width", WIDTHS)
def test_tracks_are_long_enough_and_nothing_is_cut_off(page, width):
    look(page, width)
    short, cut = {}, {}
    for figure in page.figures():
        figure.scroll_into_view_if_needed()
        tracks = figure.evaluate(TRACKS)
        if tracks and min(tracks) < TRACK[width]:
            short[named(figure)] = min(tracks)
        if found := figure.evaluate(CUT):
            cut[named(figure)] = found
    shots(page, page.figures(), f"{width}")
    assert not short and not cut, (short, cut)


def test_the_ring_around_a_choice_is_whole(page):
    look(page, 1280)
    asked = [f for f in page.figures() + page.quizzes() if f.locator("input[type=radio]").count()]
    clipped = {named(f): found for f in asked if (found := f.evaluate(CLIPPED))}
    assert len(asked) > 5 and not clipped


def test_question_controls_and_picture_fit_one_screen(page):
    look(page, 1280)
    room = page.page.evaluate(ROOM)
    tall = {
        named(figure): round(height)
        for figure in page.figures()
        if (height := figure.evaluate(HEIGHT)) > room
    }
    assert room < 850 and not tall, (room, tall)


def test_all_levers_open_fit_one_screen_too(page):
    look(page, 1280)
    figure = page.page.locator(".lenet-dashboard")
    more = figure.locator(".lenet-more-levers")
    hands.press(page.page, more)
    hands.appears(figure.locator(".lenet-lever-rotation .noUi-handle"))
    page.shot("more-levers", figure)
    height, tracks = figure.evaluate(HEIGHT), figure.evaluate(TRACKS)
    hands.press(page.page, more)
    assert height <= page.page.evaluate(ROOM) and min(tracks) >= TRACK[1280], (height, tracks)


def test_at_twice_the_size_nothing_is_cut_off(page):
    """The browser's zoom at 200 % in a window of 1280×900: the page has half as many pixels each way."""
    page.page.set_viewport_size({"width": 640, "height": 450})
    page.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    page.page.wait_for_timeout(500)
    cut = {named(figure): found for figure in page.figures() if (found := figure.evaluate(CUT))}
    short = {
        named(f): tracks
        for f in page.figures()
        if min(tracks := f.evaluate(TRACKS), default=999) < TRACK[700]
    }
    shots(page, page.figures(), "zoom")
    page.page.evaluate("() => window.jupyterapp.shell.expandLeft()")
    assert not cut and not short, (cut, short)


# A prediction, and where the keyboard is after it ---------------------------------------

FOCUS = "f => f.contains(document.activeElement) && document.activeElement !== document.body"


def test_who_has_gone_on_keeps_the_focus(page):
    """A figure leads the focus on once it has redrawn, but not away from where somebody works by then."""
    figure = next(f for f in page.figures() if f.locator(".lenet-predict-choice input[type=radio]").count())
    hands.press(page.page, figure.locator(".lenet-predict-choice input[type=radio]").first, "Space")
    commit = hands.appears(figure.locator("button.lenet-predict-commit:not([disabled])"))
    elsewhere = page.page.locator(".lenet-lever-learning_rate .noUi-handle").first
    commit.evaluate("(e, other) => { e.click(); other.focus(); }", elsewhere.element_handle())
    hands.appears(figure.locator(".lenet-verdict [role=status]"))
    page.page.wait_for_timeout(1000)
    assert elsewhere.evaluate("e => e === document.activeElement")


def test_the_focus_stays_in_the_figure_and_the_question_folds(page):
    look(page, 1280)
    lost, unfolded = [], []
    for figure in page.figures():
        options = figure.locator(".lenet-predict-choice input[type=radio]")
        if not options.count() or not options.first.is_enabled():
            continue
        hands.press(page.page, options.first, "Space")
        hands.press(page.page, hands.appears(figure.locator("button.lenet-predict-commit:not([disabled])")))
        verdict = hands.appears(figure.locator(".lenet-verdict [role=status]"))
        try:
            page.page.wait_for_function(f"f => ({FOCUS})(f)", arg=figure.element_handle(), timeout=3000)
        except hands.NotInTime:
            lost.append(named(figure))
        if options.first.is_visible() or verdict.bounding_box()["height"] > 50:
            unfolded.append(named(figure))
    assert not lost and not unfolded, (lost, unfolded)


def test_values_are_spoken_not_positions(page):
    wrong = {}
    for figure in page.figures():
        spoken = figure.evaluate("""f => [...f.querySelectorAll('.noUi-handle')].filter(h => h.offsetParent !== null)
            .map(h => [h.getAttribute('aria-label'), h.getAttribute('aria-valuetext'),
            h.closest('.widget-inline-hbox').querySelector('.widget-readout').textContent])""")
        bad = [s for s in spoken if not s[0] or s[1] != s[2]]
        if bad:
            wrong[named(figure)] = bad
    assert not wrong
    rate = page.page.locator(".lenet-lever-learning_rate .noUi-handle").first
    before = rate.get_attribute("aria-valuetext")
    hands.press(page.page, rate, "ArrowRight")
    page.page.wait_for_timeout(300)
    assert float(rate.get_attribute("aria-valuetext")) > float(before)


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_axe_finds_nothing_serious(page, theme):
    look(page, 1280, theme)
    if theme == "Dark":
        shots(page, page.figures() + page.quizzes(), "dark")
    assert page.violations() == []


# Canvases ------------------------------------------------------------------------------


def canvas(page, css, which=0):
    found = page.page.locator(f"{css} canvas").nth(which)
    found.scroll_into_view_if_needed()
    return found


def cell_centre(canvas, rows, columns, row, column, *, left, top):
    """Page coordinates of a cell's middle, `left` and `top` being the canvas's margins in its own pixels."""
    box = canvas.bounding_box()
    cell = (box["width"] - left - 6) / columns
    scale = 1.0
    return box["x"] + left * scale + (column + 0.5) * cell, box["y"] + top * scale + (row + 0.5) * cell


def caption(page, css):
    return page.page.locator(css).locator("p").last.inner_text()


def says(page, css, text, seconds=5):
    for _attempt in range(int(seconds / 0.1)):
        if text in page.page.locator(css).inner_text():
            return True
        page.page.wait_for_timeout(100)
    return False


def test_the_c3_table_is_clicked_and_typed_on(page):
    look(page, 1280)
    grid = canvas(page, ".lenet-c3")
    assert says(page, ".lenet-c3", "60 of 96 kernels")
    page.page.mouse.click(*cell_centre(grid, 6, 16, 3, 15, left=46, top=44))
    assert says(page, ".lenet-c3", "59 of 96 kernels")
    grid.focus()
    page.page.keyboard.press("ArrowUp")
    page.page.keyboard.press("Enter")
    # From the cell clicked last: map 15 of C3 reads map 2 of S2 as well, in 1998.
    assert says(page, ".lenet-c3", "58 of 96 kernels")
    assert "map 15 of C3 does not read map 2 of S2" in page.page.locator(".lenet-c3 [aria-live]").inner_text()
    page.shot("c3", grid)


def test_hovering_and_arrow_keys_move_the_window_over_the_picture(page):
    output = canvas(page, ".lenet-convolution", 3)
    page.page.mouse.move(*cell_centre(output, 5, 5, 2, 3, left=6, top=26))
    assert says(page, ".lenet-convolution", "Output at row 2, column 3")
    output.focus()
    page.page.keyboard.press("ArrowDown")
    assert says(page, ".lenet-convolution", "Output at row 3, column 3")
    page.shot("convolution", output)


def test_a_kernel_is_painted_by_dragging_and_by_keyboard(page):
    easel = canvas(page, ".lenet-kernels")
    page.page.locator(".lenet-kernels-blank").click()
    assert says(page, ".lenet-kernels", "weights sum to 0.00")
    start = cell_centre(easel, 7, 7, 0, 3, left=6, top=6)
    end = cell_centre(easel, 7, 7, 6, 3, left=6, top=6)
    page.page.mouse.move(*start)
    page.page.mouse.down()
    page.page.mouse.move(*end, steps=14)
    page.page.mouse.up()
    assert says(page, ".lenet-kernels", "weights sum to 1.75"), caption(page, ".lenet-kernels")
    easel.focus()
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("Space")
    assert says(page, ".lenet-kernels", "weights sum to 2.00")
    page.shot("kernels", easel)


def test_a_digit_is_drawn_with_mouse_and_keyboard(page):
    pad = canvas(page, ".lenet-pad")
    box = pad.bounding_box()
    middle, top = box["x"] + box["width"] / 2, box["y"]
    page.page.mouse.move(middle, top + 40)
    page.page.mouse.down()
    page.page.mouse.move(middle, top + 200, steps=12)
    page.page.mouse.up()
    assert says(page, ".lenet-pad", "The network says")
    page.shot("pad", pad)
    page.page.locator(".lenet-pad-blank").click()
    assert says(page, ".lenet-pad", "The pad is blank")
    pad.focus()
    for _dot in range(12):
        page.page.keyboard.press("Shift+ArrowDown")
    assert says(page, ".lenet-pad", "The network says")
    page.page.locator(".lenet-pad-keep").click()
    assert says(page, ".lenet-pad", "Digits kept in my-digits.json: 1")


def test_a_digit_is_drawn_with_a_finger(page):
    pad = canvas(page, ".lenet-pad")
    page.page.locator(".lenet-pad-blank").click()
    assert says(page, ".lenet-pad", "The pad is blank")
    box = pad.bounding_box()
    x = box["x"] + box["width"] / 2
    touch = page.page.context.new_cdp_session(page.page)

    def send(kind, *points):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    send("touchStart", {"x": x, "y": box["y"] + 30})
    for step in range(10):
        send("touchMove", {"x": x, "y": box["y"] + 40 + 15 * step})
    send("touchEnd")
    touch.detach()
    assert says(page, ".lenet-pad", "The network says")


# Illegal settings, a run that goes wrong -------------------------------------------------


def test_an_impossible_network_disables_train_and_says_why_beside_the_levers(page):
    figure = page.page.locator(".lenet-dashboard").first
    figure.scroll_into_view_if_needed()
    hands.press(page.page, figure.locator(".lenet-more-levers"))
    layers = hands.appears(figure.locator(".lenet-lever-convs_per_stage .noUi-handle"))
    hands.press(page.page, layers, "ArrowRight")
    page.page.keyboard.press("ArrowRight")
    alert = hands.appears(figure.locator("[role=alert]"))
    assert "does not fit" in alert.inner_text()
    assert figure.locator(".lenet-dashboard-train").is_disabled()
    assert alert.bounding_box()["y"] < figure.locator("img.lenet-picture").bounding_box()["y"]
    page.shot("illegal", figure)
    hands.press(page.page, layers, "ArrowLeft")
    page.page.keyboard.press("ArrowLeft")
    figure.locator(".lenet-dashboard-train:not([disabled])").wait_for()
    epochs = figure.locator(".lenet-lever-epochs input")
    epochs.fill("-3")
    epochs.press("Enter")
    assert says(page, ".lenet-dashboard", "-3 lies outside 0.01 to 1000; 0.01 was taken")
    assert epochs.input_value() == "0.01"
    epochs.fill("1")
    epochs.press("Enter")


# Training ------------------------------------------------------------------------------

LIMIT = 500  # milliseconds


def test_train_grows_a_curve_and_stop_stops_it(page):
    figure, times = page.page.locator(".lenet-dashboard"), []
    for _attempt in range(3):
        hands.train(page.page, figure)
        times.append(hands.click_stop(figure))
        # Other programs on the machine can hold up one attempt, hardly three.
        if times[-1] < LIMIT:
            break
    print("stopped after", [round(t) for t in times], "ms")
    assert min(times) < LIMIT, times
    page.page.wait_for_timeout(1000)
    page.shot("stopped", figure)
    still = hands.picture(figure)
    assert not hands.changes(page.page, figure, still, seconds=1), "something still trains"


def test_while_it_trains_other_cells_run(page):
    figure = page.page.locator(".lenet-dashboard")
    hands.train(page.page, figure)
    try:
        assert page.run_first_cell() < 5
    finally:
        hands.click_stop(figure)


# What is left ----------------------------------------------------------------------------

BROKEN = "f => getComputedStyle(f, '::before').content !== 'none'"


def reload(page):
    """Save, and load the page anew, the kernel still there."""
    page.page.evaluate(f"() => {PANEL}.context.save()")
    page.page.wait_for_timeout(1000)
    page.page.reload()
    page.wait_open()
    # JupyterLab asks the kernel for its figures; what it drew too early is drawn again.
    page.page.wait_for_function(
        "() => !/Loading widget|model not found/.test(document.querySelector('.jp-Notebook').innerText)",
        timeout=60_000,
    )
    page.page.wait_for_timeout(500)


def test_after_a_reload_the_controls_are_there_again_and_show_the_run(page):
    """What runs in the kernel went on meanwhile; nothing has to be run again."""
    before, dashboard = len(page.figures()), page.page.locator(".lenet-dashboard")
    epochs = dashboard.locator(".lenet-lever-epochs input")
    epochs.fill("1000")
    epochs.press("Enter")
    hands.press(page.page, hands.appears(dashboard.locator(f"{TRAIN}:not([disabled])")))
    hands.appears(dashboard.locator(f"{STOP}:not([disabled])"))
    reload(page)
    assert len(page.figures()) == before and len(page.quizzes()) == 1
    page.shot("reloaded", dashboard)
    assert hands.changes(page.page, dashboard, hands.picture(dashboard)), "the run is not followed any more"
    hands.click_stop(dashboard)
    hands.appears(dashboard.locator("[role=status]", has_text="Stopped at epoch"))
    assert epochs.input_value() == "1000", "the levers stand as they stood"


def test_after_a_restart_stills_and_one_sentence_are_left(page):
    """No broken-link icons, no dead controls."""
    before = len(page.figures())
    page.restart()
    page.page.wait_for_timeout(500)
    figures = page.figures()
    assert len(figures) == before
    for figure in figures:
        assert "run this cell again to get the controls back" in figure.inner_text()
        live = figure.locator("button, select, input, .noUi-handle").evaluate_all(
            "all => all.filter(e => e.offsetParent !== null).length"
        )
        icons = figure.evaluate(f"""f => [f, ...f.querySelectorAll('*')].filter({BROKEN})
            .filter(e => e.offsetParent !== null && getComputedStyle(e, '::before').content.length > 2).length""")
        assert not live and not icons, (named(figure), live, icons)
    page.shot("restarted", figures[3])


def test_a_page_loaded_after_a_restart_shows_stills_that_say_how_to_go_on(page):
    """No dead controls: the process that knew them has gone."""
    reload(page)
    assert page.page.locator(".jp-OutputArea-output img").count() >= 5 and not page.figures()
    page.shot("reloaded-after-restart")
