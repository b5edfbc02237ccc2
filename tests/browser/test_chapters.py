"""Every chapter as a learner meets it: opened, read, interrupted, run, moved, answered, trained.

In this order: a chapter is run once and then used by all tests. One JupyterLab serves all files of this
folder, and the runner that spreads files over processes keeps it so.
"""

import pytest

from lenet_helpers.quizzes.questions import load_questions

from . import hands

# What ipywidgets and JupyterLab write where a widget could not be drawn.
BROKEN = (
    "model not found",
    "Error displaying widget",
    "Loading widget",
    "Error creating widget",
    "Could not instantiate",
)


def test_unrun_it_shows_pictures_and_sentences(chapter):
    """As stored, before any cell has run: a still picture or a list of choices where a widget would be."""
    words, drawn, there, stored = chapter.unrun
    assert not [text for text in BROKEN if text in words]
    assert drawn == there == stored > 0


def test_it_runs_to_the_end_also_after_a_restart_in_the_middle(chapter):
    """Of training, where the chapter has a Train button: see `Shelf`. Train is pressed again further down."""
    chapter.ensure_ran()
    chapter.shot("ran", chapter.page.locator(".jp-Notebook .jp-Cell").first)
    assert not chapter.errors()
    assert not [text for text in BROKEN if text in chapter.words()]


def test_every_widget_is_drawn(chapter):
    chapter.ensure_ran()
    live = [cell for cell, outputs in chapter.outputs() for o in outputs if chapter.is_widget(o)]
    drawn = len(chapter.figures()) + len(chapter.quizzes()) + len(chapter.bars())
    assert live and drawn == len(live)
    for figure in chapter.figures():
        figure.scroll_into_view_if_needed()
        assert figure.is_visible()
        if named(figure) == "round-trip":  # a line of words
            continue
        pictures = figure.locator("img, canvas").evaluate_all(
            "all => { const seen = all.filter(i => i.offsetParent !== null), drawn = i => i.matches('canvas')"
            " || i.complete && i.naturalWidth > 100; return seen.length && seen.every(drawn); }"
        )
        assert pictures, figure.get_attribute("class")


# The figures ---------------------------------------------------------------------------


def named(figure):
    return figure.get_attribute("class").split("lenet-")[-1].split()[0]


def predict(chapter, figure, choose=0):
    """Give the prediction a figure asks for, with the keyboard; returns the verdict, None if it doesn't
    ask.
    """
    options = figure.locator(".lenet-predict-choice input[type=radio]")
    if options.count() == 0 or not options.first.is_enabled():
        return None
    assert figure.locator("button.lenet-predict-commit").is_disabled()
    hands.press_in(chapter.page, figure, ".lenet-predict-choice input[type=radio]", "Space", choose)
    hands.press_in(chapter.page, figure, "button.lenet-predict-commit:not([disabled])")
    return hands.said(figure, "✓", "✗")


@pytest.fixture(scope="package")
def predicted(chapter):
    """The chapter, run, and every prediction given."""
    chapter.ensure_ran()
    chapter.verdicts = {}
    for index, figure in enumerate(chapter.figures()):
        if index == 0:
            chapter.shot("figure-before-prediction", figure)
            hidden = hands.picture(figure)
        chapter.verdicts[named(figure)] = predict(chapter, figure)
        if index == 0:
            # The verdict comes at once, what the figure kept back a moment later.
            if chapter.verdicts[named(figure)]:
                hands.changes(chapter.page, figure, hidden)
            chapter.shot("figure-after-prediction", figure)
    return chapter


def test_a_prediction_is_contrasted_with_the_result(predicted):
    verdicts = [verdict for verdict in predicted.verdicts.values() if verdict]
    if not set(predicted.verdicts) - {"pad"}:  # nobody is asked before drawing
        pytest.skip("no figure of this chapter asks")
    assert verdicts
    assert all(len(verdict) > 10 for verdict in verdicts)


def test_every_control_moves_by_keyboard(predicted):
    stuck = []
    for figure in predicted.figures():
        before, found = hands.picture(figure), hands.controls(figure)
        for kind, element in found:
            # a dashboard's levers are for its next run, which must still fit together
            old, new = hands.move(predicted.page, kind, element, back=predicted.trains(figure))
            if old == new:
                stuck.append((named(figure), kind, old))
        # a dashboard's picture changes when it trains, an empty pad's when something is drawn
        if (
            found
            and not predicted.trains(figure)
            and named(figure) != "pad"
            and not hands.changes(predicted.page, figure, before)
        ):
            stuck.append((named(figure), "picture"))
    assert not stuck


def test_one_slider_moves_by_mouse_and_the_picture_follows(predicted):
    sliders = 0
    for figure in predicted.figures():
        for kind, element in hands.controls(figure):
            if kind == "slider" and not predicted.trains(figure):
                sliders += 1
                before = hands.picture(figure)
                hands.drag(predicted.page, element)
                if hands.changes(predicted.page, figure, before, seconds=3):
                    predicted.shot("slider-by-mouse", figure)
                    return
    if sliders:
        pytest.fail("no slider changed a picture")


def test_no_figure_shows_a_traceback(predicted):
    for figure in predicted.figures():
        assert "Traceback" not in figure.inner_text() and 'File "' not in figure.inner_text()


def test_the_tab_key_reaches_every_control(predicted):
    short = {
        named(f): reached
        for f in predicted.figures()
        if (reached := hands.reached_by_tab(predicted.page, f))[0] != reached[1]
    }
    assert not short


def test_the_focus_is_seen(predicted):
    figures = predicted.figures() + predicted.quizzes()[:1]
    unseen = zip(map(named, figures), hands.unseen_focus(predicted.page, figures))
    assert not [(name, found) for name, found in unseen if found]


# The questions -------------------------------------------------------------------------


def answer(page, card, option):
    """Choose `option` in a question's card and press the button; returns what is said to it."""
    labels = [label.strip() for label in card.locator(".widget-radio-box label").all_inner_texts()]
    # Once a question is answered, its right option and a wrong choice have a mark before them.
    place = next(i for i, label in enumerate(labels) if label.lstrip("✓✗ ") == option.text)
    hands.press_in(page, card, "input[type=radio]", "Space", place)
    hands.press_in(page, card, "button.lenet-quiz-check:not([disabled])")
    verdict = hands.said(card, "✓" if option.correct else "✗")
    assert " ".join(option.feedback[:40].split()) in " ".join(verdict.split())
    return verdict


def test_wrong_and_right_answers_are_told_apart(chapter):
    chapter.ensure_ran()
    asked = 0
    for question in load_questions(chapter.questions, chapter.language):
        choices = chapter.page.locator(f".lenet-quiz-{question.id}")
        if choices.count() == 0:
            continue
        card = chapter.page.locator(".widget-vbox", has=choices.first).last
        asked += 1
        wrong = next(option for option in question.options if not option.correct)
        right = next(option for option in question.options if option.correct)
        assert answer(chapter.page, card, wrong).startswith("✗"), question.id
        if asked == 1:
            chapter.shot("quiz-wrong", card)
        assert answer(chapter.page, card, right).startswith("✓"), question.id
        if asked == 1:
            chapter.shot("quiz-right", card)
    assert asked


# The whole page ------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_axe_finds_nothing_serious(chapter, theme):
    chapter.ensure_ran()
    chapter.theme(theme)
    pictures = chapter.page.locator(".jp-OutputArea-output img")
    chapter.shot(theme.lower(), pictures.first if pictures.count() else None)
    # A theme changes colours, and nothing else that axe looks at.
    assert (chapter.violations() if theme == "Light" else chapter.violations(["color-contrast"])) == []


# At the end ----------------------------------------------------------------------------


def test_the_browser_had_nothing_to_complain_about(chapter):
    assert not chapter.problems, "\n".join(chapter.problems)
