"""The interactive figures: predict, then move every control, by keyboard and by mouse, and see what changes."""

import pytest

from . import hands


def named(figure):
    return figure.get_attribute("class").split("lenet-")[-1].split()[0]


def predict(chapter, figure, choose=0):
    """Give the prediction a figure asks for, with the keyboard; returns the verdict, None if it doesn't ask."""
    options = figure.locator(".lenet-predict-choice input[type=radio]")
    if options.count() == 0 or not options.first.is_enabled():
        return None
    assert figure.locator("button.lenet-predict-commit").is_disabled()
    hands.press(chapter.page, options.nth(choose), "Space")
    commit = figure.locator("button.lenet-predict-commit:not([disabled])")
    commit.wait_for(timeout=10_000)
    hands.press(chapter.page, commit)
    verdict = figure.locator("[role=status]", has_text="✓").or_(figure.locator("[role=status]", has_text="✗"))
    verdict.first.wait_for(timeout=10_000)
    return verdict.first.inner_text()


@pytest.fixture(scope="package")
def predicted(chapter):
    """The chapter, run, and every prediction given."""
    chapter.ensure_ran()
    chapter.verdicts = {}
    for index, figure in enumerate(chapter.figures()):
        if index == 0:
            chapter.shot("figure-before-prediction", figure)
        chapter.verdicts[named(figure)] = predict(chapter, figure)
        if index == 0:
            chapter.shot("figure-after-prediction", figure)
    return chapter


def test_a_prediction_is_contrasted_with_the_result(predicted):
    verdicts = [verdict for verdict in predicted.verdicts.values() if verdict]
    assert verdicts or "workbench" in predicted.path
    assert all(len(verdict) > 10 for verdict in verdicts)


def test_every_control_moves_by_keyboard(predicted):
    stuck = []
    for figure in predicted.figures():
        before, found = hands.picture(figure), hands.controls(figure)
        for kind, element in found:
            old, new = hands.move(predicted.page, kind, element)
            if old == new:
                stuck.append((named(figure), kind, old))
        # a dashboard's levers are for the next run: its picture changes when it trains
        if found and not predicted.trains(figure) and not hands.changes(predicted.page, figure, before):
            stuck.append((named(figure), "picture"))
    assert not stuck


def test_one_slider_moves_by_mouse_and_the_picture_follows(predicted):
    for figure in predicted.figures():
        for kind, element in hands.controls(figure):
            if kind == "slider" and not predicted.trains(figure):
                before = hands.picture(figure)
                hands.drag(predicted.page, element)
                if hands.changes(predicted.page, figure, before, seconds=3):
                    predicted.shot("slider-by-mouse", figure)
                    return
    if not all(predicted.trains(figure) for figure in predicted.figures()):
        pytest.fail("no slider changed a picture")


def test_no_figure_shows_a_traceback(predicted):
    for figure in predicted.figures():
        assert "Traceback" not in figure.inner_text() and 'File "' not in figure.inner_text()


def test_the_tab_key_reaches_every_control(predicted):
    short = {named(f): reached for f in predicted.figures() if (reached := hands.reached_by_tab(predicted.page, f))[0] != reached[1]}
    assert not short


def test_the_focus_is_seen(predicted):
    unseen = set()
    for figure in predicted.figures() + predicted.quizzes()[:1]:
        for element in figure.locator("button:not([disabled]), select, input, .noUi-handle").element_handles():
            if element.evaluate(hands.USABLE) and not hands.focus_shows(predicted.page, element):
                unseen.add((named(figure), element.evaluate("e => e.tagName + ' ' + (e.type || '') + ' ' + e.className")))
    assert not unseen
