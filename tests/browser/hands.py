"""Keyboard and mouse on one figure: each control found, reached, moved, and what it did; Train and Stop."""

import contextlib

from playwright.sync_api import TimeoutError as NotInTime

from tools.chapter import STOP, TRAIN

CONTROLS = {
    "slider": ".noUi-handle",
    "list": "select",
    "box to tick": "input[type=checkbox]",
    "number": "input[type=number], .widget-text:not(.lenet-dashboard-guess) input[type=text]",
}
# The value of a control as the page holds it.
VALUE = """e => e.matches('.noUi-handle') ? e.getAttribute('aria-valuenow') + ' ' + (e.closest('.widget-inline-hbox, .jupyter-widgets')
    .querySelector('.widget-readout')?.innerText || '') : e.type === 'checkbox' ? String(e.checked) : e.value"""
AT_END = """e => e.matches('.noUi-handle') ? +e.getAttribute('aria-valuenow') >= +e.getAttribute('aria-valuemax')
    : e.tagName === 'SELECT' && e.selectedIndex === e.options.length - 1"""
# A file's name is typed, not moved.
MOVES = "e => e.type !== 'text' || (e.value !== '' && !isNaN(e.value))"
USABLE = "e => !e.disabled && !e.closest('[disabled]') && e.offsetParent !== null"


def controls(figure):
    """[(kind, element)] of the controls that can be used now."""
    return [
        (kind, element)
        for kind, css in CONTROLS.items()
        for element in figure.locator(css).element_handles()
        if element.evaluate(USABLE) and element.evaluate(MOVES)
    ]


def value(element):
    return element.evaluate(VALUE)


BACK = {
    "ArrowRight": "ArrowLeft",
    "ArrowLeft": "ArrowRight",
    "ArrowDown": "ArrowUp",
    "ArrowUp": "ArrowDown",
    "Space": "Space",
}


def move(page, kind, element, *, back=False):
    """Move a control one step with the keyboard, and `back` again if asked to; returns (before, after)."""
    before = value(element)
    keys = {
        "slider": ("ArrowRight", "ArrowLeft"),
        "list": ("ArrowDown", "ArrowUp"),
        "box to tick": ("Space",),
        "number": ("ArrowUp", "ArrowDown"),
    }[kind]
    for key in reversed(keys) if element.evaluate(AT_END) else keys:
        press(page, element, key)
        with contextlib.suppress(NotInTime):
            page.wait_for_function(
                f"([e, before]) => ({VALUE})(e) !== before", arg=[element, before], timeout=2000, polling=30
            )
        # Asked once more: a page that had no time to answer may have moved, and the other key would undo it.
        if (after := value(element)) != before:
            if back:
                page.keyboard.press(BACK[key])
            return before, after
    return before, before


def drag(page, element):
    """Drag a slider's handle with the mouse, to the middle of its bar or to the end."""
    element.scroll_into_view_if_needed()
    bar = element.evaluate_handle("e => e.closest('.noUi-base')").as_element().bounding_box()
    box = element.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    middle = bar["x"] + bar["width"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(middle if abs(middle - x) > 20 else bar["x"] + bar["width"] * 0.9, y, steps=5)
    page.mouse.up()


def picture(figure):
    """A fingerprint of the figure's pictures and canvases: of their bytes, not of their addresses."""
    return figure.locator("img, canvas").evaluate_all("""async all => {
        const images = all.filter(i => i.offsetParent !== null);
        const bytes = await Promise.all(images.map(async i => i.toDataURL
            ? new TextEncoder().encode(i.toDataURL()) : (await fetch(i.src)).arrayBuffer()));
        const sums = await Promise.all(bytes.map(b => crypto.subtle.digest('SHA-256', b)));
        return sums.map(s => new Uint8Array(s).join()).join('|'); }""")


def within(page, look, seconds=10, every=100):
    """What `look` finds, as soon as it finds something; it is called again after `every` ms."""
    for _attempt in range(int(seconds * 1000 / every)):
        if found := look():
            return found
        page.wait_for_timeout(every)
    return look()


def changes(page, figure, before, seconds=10):
    """Whether the figure's picture becomes another than `before`."""
    return within(page, lambda: picture(figure) != before, seconds)


def appears(locator, seconds=10):
    """Wait until something matches `locator`, looking more often than Playwright does; returns the first of it."""
    if within(locator.page, locator.count, seconds, every=30):
        return locator.first
    said = [text for text in locator.page.locator("[role=status]").all_inner_texts() if text.strip()]
    focus = locator.page.evaluate("() => document.activeElement.outerHTML.slice(0, 300)")
    raise NotInTime(f"not there after {seconds} s: {locator}; the page says {said}; the focus is on {focus}")


def press(page, element, key="Enter", seconds=10):
    """Press a key on an element, once it has the focus: one that is not drawn yet doesn't take it."""

    def focused():
        element.focus()
        return element.evaluate("e => e === document.activeElement")

    if not within(page, focused, seconds, every=30):
        raise NotInTime(f"did not take the focus in {seconds} s: {element}")
    page.keyboard.press(key)


# Looked for by the page itself: a question to it from here takes as long as the figure takes to answer.
FOCUSED = """(f, [css, which, seconds]) => new Promise((done, fail) => {
    const end = performance.now() + seconds * 1000, look = () => {
        const e = f.querySelectorAll(css)[which];
        e?.focus();
        if (e && e === document.activeElement) done();
        else if (performance.now() > end) fail(`nothing took the focus in ${seconds} s: ${css}`);
        else setTimeout(look, 15); };
    look(); })"""
SAID = """(f, [css, words, seconds]) => new Promise((done, fail) => {
    const end = performance.now() + seconds * 1000, look = () => {
        const text = e => e.textContent.replace(/\\s+/g, ' ');
        const found = [...f.querySelectorAll(css)].find(e => words.some(w => text(e).includes(w)));
        if (found) done(found.innerText);
        else if (performance.now() > end) fail(`not said in ${seconds} s: ${words}`);
        else setTimeout(look, 15); };
    look(); })"""


def press_in(page, figure, css, key="Enter", which=0, seconds=10):
    """Press a key on a figure's control, once it is there and has the focus."""
    figure.evaluate(FOCUSED, [css, which, seconds])
    page.keyboard.press(key)


def said(figure, *words, css="[role=status]", seconds=10):
    """What a figure says, once it says one of `words`."""
    return figure.evaluate(SAID, [css, [" ".join(w.split()) for w in words], seconds])


def reached_by_tab(page, figure):
    """(how many stops the figure has, how many the Tab key reached), radio buttons of one group being one stop."""
    figure.scroll_into_view_if_needed()
    stops = figure.evaluate("""f => {
        const seen = new Set(), stops = [];
        for (const e of f.querySelectorAll('button, select, input, [tabindex="0"]')) {
            if (e.disabled || e.tabIndex < 0 || e.offsetParent === null || e.closest('[disabled]')) continue;
            const name = e.type === 'radio' ? e.name || e.closest('.widget-radio-box') : e;
            if (!seen.has(name)) { seen.add(name); stops.push(e); }
        }
        window.lenetStops = stops; window.lenetReached = new Set();
        if (stops.length) stops[0].focus();
        return stops.length; }""")
    note = """() => { const a = document.activeElement; for (const s of window.lenetStops) if (s === a
        || (a.type === 'radio' && s.type === 'radio' && s.closest('.widget-radio-box') === a.closest('.widget-radio-box')))
        window.lenetReached.add(s); return window.lenetReached.size; }"""
    reached = page.evaluate(note)
    for _stop in range(stops * 2 + 2):
        if reached == stops:
            break
        page.keyboard.press("Tab")
        reached = page.evaluate(note)
    return stops, reached


# One style sheet for all figures: each that comes or goes has the page work out its whole look anew.
UNSEEN = """all => {
    const style = e => [e, e.parentElement, e.closest('label') || e].map(x => { const s = getComputedStyle(x);
        return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.borderColor, s.backgroundColor].join(); }).join('|');
    const usable = USABLE, still = document.head.appendChild(document.createElement('style'));
    still.textContent = '* { transition: none !important; }';  // JupyterLab fades some of its borders
    const unseen = all.map(f => {
        const found = [...f.querySelectorAll('button:not([disabled]), select, input, .noUi-handle')].filter(usable);
        document.activeElement.blur();
        const before = found.map(style);
        return found.filter((e, i) => { e.focus(); return style(e) === before[i]; })
            .map(e => e.tagName + ' ' + (e.type || '') + ' ' + e.className); });
    still.remove();
    return unseen; }""".replace("USABLE", f"({USABLE})")


def unseen_focus(page, figures):
    """For each figure, those of its controls that look the same, with all that is around them, when the
    keyboard is on them.
    """
    page.keyboard.press("Shift")  # the last thing used was the keyboard
    return page.evaluate(UNSEEN, [figure.element_handle() for figure in figures])


# Training ------------------------------------------------------------------------------

# Milliseconds, by the page's own clock, from the click until Stop is grey and Train is not.
CLICK_STOP = """(f, [train, stop]) => new Promise((done, fail) => {
    const [t, s] = [f.querySelector(train), f.querySelector(stop)], start = performance.now();
    if (s.disabled) { fail('the training ended before it was stopped'); return; }
    const see = () => { if (s.disabled && !t.disabled) { watch.disconnect(); done(performance.now() - start); } };
    const watch = new MutationObserver(see);
    for (const b of [t, s]) watch.observe(b, {attributes: true});
    setTimeout(() => fail('Stop did nothing for 20 s'), 20000); s.click(); see(); })"""


def train(page, figure):
    """Press Train with many epochs and see the curve grow twice."""
    button = figure.locator(f"{TRAIN}:not([disabled])").first
    button.wait_for(timeout=30_000)
    lengthen(page, figure)
    button.wait_for(timeout=30_000)
    press(page, button)
    figure.locator(f"{STOP}:not([disabled])").first.wait_for(timeout=30_000)
    for _growth in range(2):
        assert changes(page, figure, picture(figure), seconds=40), "the curve does not grow"


def lengthen(page, figure):
    """The most epochs that the lever gives: a run that no test sees the end of."""
    control = figure.locator(".lenet-lever-epochs").first
    box = control.locator("input[type=number], input[type=text]")
    if control.locator(".noUi-handle").count():
        press(page, control.locator(".noUi-handle").first, "End")
    elif box.count():
        box.first.fill("1000")
        box.first.press("Enter")
    page.wait_for_timeout(300)


def click_stop(figure):
    """Click Stop; returns the milliseconds until it was done."""
    return figure.evaluate(CLICK_STOP, [TRAIN, STOP])
