"""Train and Stop in the dashboards of the chapters, and kernels that are restarted in the middle."""

import pytest

from . import hands

TRAIN, STOP = "button[class*='lenet-'][class*='-train']", "button[class*='lenet-'][class*='-stop']"
# Milliseconds, by the page's own clock, from the click until Stop is grey and Train is not.
CLICK_STOP = """(f, [train, stop]) => new Promise((done, fail) => {
    const [t, s] = [f.querySelector(train), f.querySelector(stop)], start = performance.now();
    const see = () => { if (s.disabled && !t.disabled) { watch.disconnect(); done(performance.now() - start); } };
    const watch = new MutationObserver(see);
    for (const b of [t, s]) watch.observe(b, {attributes: true});
    setTimeout(() => fail('Stop did nothing for 20 s'), 20000); s.click(); see(); })"""
LIMIT = 500  # milliseconds


def click_stop(figure):
    return figure.evaluate(CLICK_STOP, [TRAIN, STOP])


def train(chapter, figure):
    """Press Train with many epochs and see the curve grow twice."""
    button = figure.locator(f"{TRAIN}:not([disabled])").first
    button.wait_for(timeout=30_000)
    lengthen(chapter.page, figure)
    button.wait_for(timeout=30_000)
    hands.press(chapter.page, button)
    figure.locator(f"{STOP}:not([disabled])").first.wait_for(timeout=30_000)
    for _growth in range(2):
        assert hands.changes(chapter.page, figure, hands.picture(figure), seconds=40), "the curve does not grow"


def lengthen(page, figure):
    """More epochs than a test waits for."""
    control = figure.locator(".lenet-lever-epochs").first
    box = control.locator("input[type=number], input[type=text]")
    if control.locator(".noUi-handle").count():
        hands.press(page, control.locator(".noUi-handle").first, "End")
    elif box.count():
        box.first.fill("50")
        box.first.press("Enter")
    page.wait_for_timeout(300)


def dashboards(chapter):
    chapter.ensure_ran()
    found = [figure for figure in chapter.figures() if chapter.trains(figure)]
    if not found:
        pytest.skip("this chapter has no dashboard")
    return found


def test_train_grows_a_curve_and_stop_stops_it(chapter):
    figure = dashboards(chapter)[0]
    times = []
    for attempt in range(3):
        train(chapter, figure)
        if attempt == 0:
            chapter.shot("training", figure)
        times.append(click_stop(figure))
        # Other programs on the machine can hold up one attempt, hardly three.
        if times[-1] < LIMIT:
            break
    chapter.shot("stopped", figure)
    print("stopped after", [round(t) for t in times], "ms")
    assert min(times) < LIMIT, times
    still = hands.picture(figure)
    assert not hands.changes(chapter.page, figure, still, seconds=1), "something still trains"


def test_while_it_trains_other_cells_run(chapter):
    figure = dashboards(chapter)[0]
    train(chapter, figure)
    try:
        assert chapter.run_first_cell() < 5
    finally:
        click_stop(figure)


def test_a_restart_in_the_middle_of_training_is_recovered_from(chapter):
    train(chapter, dashboards(chapter)[0])
    chapter.restart()
    chapter.run_to_dashboard()
    figure = next(figure for figure in chapter.figures() if chapter.trains(figure))
    assert not chapter.errors()
    train(chapter, figure)
    chapter.shot("after-restart", figure)
    click_stop(figure)
