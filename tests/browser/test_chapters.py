"""Every chapter in a real JupyterLab: run, looked at, moved, answered, trained, restarted."""

import re

import pytest
import yaml
from .driver import NOTEBOOKS, chapters

QUESTIONS = NOTEBOOKS.parent / "lenet_helpers" / "questions"
TRAINING = [path for path in chapters() if re.search(r"(TrainingDashboard|TuningLab)\(", (NOTEBOOKS / path).read_text())]
STOP_LIMIT = 500  # milliseconds between the click on Stop and the button's going grey
AXE = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
OWN_CONTENT = [".jp-OutputArea-output", ".jp-RenderedMarkdown"]


def test_runs_from_top_to_bottom(chapter):
    assert not chapter.errors()
    assert not chapter.problems
    chapter.shot("01-ran", chapter.page.locator(".jp-MarkdownCell").first)


def test_every_widget_is_there(chapter):
    words = chapter.screen_words()
    assert "model not found" not in words and "Loading widget" not in words
    live = [cell for cell, outputs in chapter.outputs() for o in outputs
            if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]
    assert chapter.page.locator(".jp-OutputArea-output .jupyter-widgets").count() >= len(live) > 0
    for figure in chapter.figures():
        for image in figure.locator("img.widget-image").all():
            assert image.evaluate("i => i.complete && i.naturalWidth > 50"), figure.get_attribute("class")


def test_accessible_before_anything_is_touched(chapter):
    assert chapter.violations() == []


def test_predictions_are_made_with_the_keyboard(chapter):
    for figure in chapter.figures():
        choices = figure.locator(".lenet-predict-choice input")
        if not choices.count():
            continue
        before = chapter.look(figure)
        choices.first.focus()
        chapter.page.keyboard.press("Space")
        commit = figure.locator("button.lenet-predict-commit")
        commit.and_(chapter.page.locator(":enabled")).wait_for()
        commit.focus()
        chapter.page.keyboard.press("Enter")
        assert chapter.wait_change(figure, before), figure.get_attribute("class")
        figure.get_by_text(re.compile("[✓✗]")).first.wait_for()
        chapter.shot(f"02-predicted-{chapter.name(figure)}", figure)


def test_every_slider_moves_the_picture(chapter):
    for figure in chapter.figures():
        for slider in figure.locator(".widget-slider:not([class*='lenet-lever-']):visible").all():
            handle = slider.locator(".noUi-handle")
            before = chapter.settled(figure)
            handle.focus()
            low = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemin")
            chapter.page.keyboard.press("ArrowRight" if low else "ArrowLeft")
            assert chapter.wait_change(figure, before), (chapter.name(figure), slider.get_attribute("class"))
        assert figure.locator(".lenet-error").inner_text().strip() == "" or not figure.get_by_text("Traceback").count()
    assert not chapter.problems


def test_a_slider_follows_the_mouse(chapter):
    for figure in chapter.figures():
        slider = figure.locator(".widget-hslider:visible").first
        if slider.count():
            slider.scroll_into_view_if_needed()
            before, bar, handle = chapter.settled(figure), slider.locator(".noUi-base").bounding_box(), slider.locator(".noUi-handle").bounding_box()
            mouse, y = chapter.page.mouse, handle["y"] + handle["height"] / 2
            mouse.move(handle["x"] + handle["width"] / 2, y)
            mouse.down()
            mouse.move(bar["x"] + 0.6 * bar["width"], y, steps=6)
            mouse.up()
            assert chapter.wait_change(figure, before), chapter.name(figure)
            chapter.shot("03-slider-moved", figure)
            return


def test_questions_answered_wrong_then_right(chapter):
    language, name = chapter.path.removesuffix(".ipynb").split("/")
    questions = {q["id"]: q for q in yaml.safe_load((QUESTIONS / language / f"{name}.yaml").read_text("utf-8"))}
    for card in chapter.page.locator(".lenet-quiz .widget-vbox:has(> .lenet-radio)").all():
        (key,) = set(re.findall(r"lenet-quiz-([\w-]+)", card.locator(".lenet-radio").get_attribute("class")))
        options = sorted(questions[key]["options"], key=lambda option: option.get("correct", False))
        for option, mark in ((options[0], "✗"), (options[-1], "✓")):
            card.locator("label").filter(has_text=re.compile(rf"^\s*{re.escape(option['text'])}\s*$")).locator("input").click()
            card.locator("button.lenet-quiz-check:enabled").click()
            card.locator(".lenet-quiz-feedback").get_by_text(mark).wait_for()
            assert squeezed(option["feedback"]) in squeezed(card.locator(".lenet-quiz-feedback").inner_text()), key
        last = card
    chapter.shot("04-question-answered", last)


def squeezed(text):
    return " ".join(text.split())


def test_keyboard_reaches_every_control_and_shows_where_it_is(chapter):
    for figure in chapter.figures():
        missed, unseen = chapter.walk(figure)
        assert not missed and not unseen, (chapter.name(figure), missed, unseen)


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_accessible_after_use_in_both_themes(chapter, theme):
    chapter.theme(theme)
    chapter.shot(f"05-{theme.lower()}", chapter.page.locator(".jp-OutputArea-output img").first)
    assert chapter.violations() == []


@pytest.mark.parametrize("chapter", TRAINING, indirect=True)
def test_training_grows_and_stops(chapter):
    figure = chapter.dashboard()
    train, stop = chapter.train_and_stop(figure)
    before = chapter.picture(figure)
    train.click()
    stop.and_(chapter.page.locator(":enabled")).wait_for()
    assert train.is_disabled()
    grown = {before}
    while len(grown) < 4 and stop.is_enabled():  # the curve is redrawn while it trains
        grown.add(chapter.picture(figure))
        chapter.page.wait_for_timeout(100)
    assert len(grown) >= 4
    chapter.shot("06-training", figure)
    assert stop.is_enabled(), "the run was over before it could be stopped: make its default longer"
    assert chapter.stop_time(stop) < STOP_LIMIT
    assert train.is_enabled() and "Stopped" in figure.inner_text() or chapter.path[:2] != "en"
    still = chapter.settled(figure)
    chapter.page.wait_for_timeout(800)
    assert chapter.look(figure) == still, "something still trains"
    chapter.shot("07-stopped", figure)


@pytest.mark.parametrize("chapter", TRAINING, indirect=True)
def test_a_restart_in_the_middle_of_training_is_recovered_from(chapter):
    train, stop = chapter.train_and_stop(chapter.dashboard())
    train.click()
    stop.and_(chapter.page.locator(":enabled")).wait_for()
    chapter.restart()
    chapter.run_to_dashboard()
    figure = chapter.dashboard()
    train, stop = chapter.train_and_stop(figure)
    before = chapter.picture(figure)
    train.click()
    assert chapter.wait_change(figure, before)
    stop.and_(chapter.page.locator(":enabled")).wait_for()
    stop.click()
    train.and_(chapter.page.locator(":enabled")).wait_for()
    assert not chapter.errors()
    chapter.shot("08-after-restart", figure)


def test_the_console_stayed_clean(chapter):
    assert not chapter.problems
