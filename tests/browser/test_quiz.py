"""Every question of a chapter, answered wrong and then right."""

from lenet_helpers.quizzes import load_questions

from . import hands


def answer(page, card, option):
    """Choose `option` in a question's card and press the button; returns what is said to it."""
    labels = [label.strip() for label in card.locator(".widget-radio-box label").all_inner_texts()]
    hands.press(page, card.locator("input[type=radio]").nth(labels.index(option.text)), "Space")
    button = card.locator("button.lenet-quiz-check:not([disabled])")
    button.wait_for(timeout=10_000)
    hands.press(page, button)
    said = card.locator("[role=status]", has_text=option.feedback[:40])
    said.wait_for(timeout=10_000)
    return said.inner_text()


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
