"""Quizzes: every question well formed, every choice answered, the score kept."""

import html
import os
import subprocess
import sys

import pytest
import yaml

from lenet_helpers import quiz
from lenet_helpers.quizzes import progress
from lenet_helpers.quizzes import questions as quizzes
from lenet_helpers.quizzes.questions import QUESTIONS, Quiz, load_questions, score

FILES = sorted(QUESTIONS.glob("*/*.yaml"))
CHAPTER = "01-why-convolution"


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("LENET_PROGRESS", str(tmp_path / "folder" / "progress.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}-{f.stem}")
def test_every_question_answers_every_choice(file):
    questions = load_questions(file.stem, file.parent.name)
    assert questions
    for question in questions:
        assert question.text.strip() and question.section
        feedback = [option.feedback for option in question.options]
        assert len(set(feedback)) == len(feedback), f"{question.id}: each choice has feedback of its own"
        assert all(len(text) >= 12 for text in feedback), question.id


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}-{f.stem}")
def test_the_right_answer_is_not_given_away_by_its_length(file):
    longest = [
        max(q.options, key=lambda o: len(o.text)).correct for q in load_questions(file.stem, file.parent.name)
    ]
    assert len(longest) < 4 or sum(longest) <= 0.75 * len(longest)


def test_order_is_fixed_by_the_seed_and_differs_between_seeds():
    question = load_questions(CHAPTER)[0]
    assert [o.id for o in question.shuffled(1)] == [o.id for o in question.shuffled(1)]
    assert len({tuple(o.id for o in question.shuffled(seed)) for seed in range(20)}) > 3
    firsts = {q.shuffled()[0].correct for q in load_questions(CHAPTER)}
    assert firsts == {True, False}, "the right answer is not always first, nor never"


def test_the_first_try_counts_and_survives_a_restart():
    questions = load_questions(CHAPTER)
    first, second = Quiz(CHAPTER, questions[0]), Quiz(CHAPTER, questions[1])
    right = [next(o.id for o in q.options if o.correct) for q in questions]
    wrong = next(o.id for o in questions[0].options if not o.correct)
    assert not first.answer(wrong).correct
    assert first.answer(right[0]).correct
    second.answer(right[1])
    second.answer(next(o.id for o in questions[1].options if not o.correct))
    assert score(CHAPTER) == (1, 2, len(questions))
    code = f"from lenet_helpers.quizzes.questions import score; print(score({CHAPTER!r}))"
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert again.stdout.strip() == str((1, 2, len(questions)))
    code = f"from lenet_helpers.quizzes.questions import score; print(score({CHAPTER!r}))"
    again = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert again.stdout.strip() == str((1, 2, len(questions)))
    with pytest.raises(ValueError, match="choose one of"):
        first.answer("nonsense")


def test_the_view_answers_each_choice_and_works_without_a_mouse():
    view = quiz(CHAPTER)
    for card in view.cards:
        assert card.button.disabled and card.choice.value is None
        for option in card.quiz.options:
            card.choice.value = option.id  # what an arrow key does
            assert not card.button.disabled
            card.button.click()
            assert ("✓" in card.feedback.value) == option.correct
    n = len(view.cards)
    assert f"All {n} questions of this chapter solved" in view.cards[-1].feedback.value
    data = quiz(CHAPTER, "layout")._repr_mimebundle_()
    assert len(quiz(CHAPTER, "layout").cards) == 1
    assert "permut" in data["text/plain"] and "<li>" in data["text/html"]


def test_the_right_option_is_marked_after_an_answer_and_the_answer_is_remembered():
    card = quiz(CHAPTER).cards[0]
    assert not any(label[0] in "✓✗" for label, _id in card.choice.options), "nothing is marked before"
    wrong = next(o for o in card.quiz.options if not o.correct)
    right = next(o for o in card.quiz.options if o.correct)
    card.choice.value = wrong.id
    card.button.click()
    labels = {key: label for label, key in card.choice.options}
    assert labels[right.id] == f"✓ {right.text}" and labels[wrong.id] == f"✗ {wrong.text}"
    assert sum(label[0] in "✓✗" for label in labels.values()) == 2
    assert card.choice.value == wrong.id and not card.button.disabled
    assert wrong.feedback[:20] in html.unescape(card.feedback.value)
    assert "0 of" not in card.feedback.value, "what is missing is not counted"
    again = quiz(CHAPTER).cards[0]
    assert again.choice.value == wrong.id and wrong.feedback[:20] in html.unescape(again.feedback.value)
    assert {key: label for label, key in again.choice.options} == labels
    again.choice.value = right.id
    assert wrong.feedback[:20] not in html.unescape(again.feedback.value)
    again.button.click()
    assert "Solved in this chapter so far: 1." in again.feedback.value


def test_an_answer_of_an_option_that_is_gone_is_forgotten():
    progress.record("quiz", f"{CHAPTER}/{load_questions(CHAPTER)[0].id}", {"chosen": "no longer there"})
    card = quiz(CHAPTER).cards[0]
    assert card.choice.value is None and card.feedback.value == ""


def test_unknown_chapters_and_questions_are_named():
    with pytest.raises(ValueError, match=CHAPTER):
        quiz("09-nothing")
    with pytest.raises(ValueError, match="layout"):
        quiz(CHAPTER, "nothing")


def test_a_language_without_a_translation_falls_back_on_english():
    assert load_questions(CHAPTER, "xx") == load_questions(CHAPTER, "en")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda e: e["options"][0].update(correct=False) or [o.update(correct=False) for o in e["options"]],
        lambda e: [o.update(correct=True) for o in e["options"]],
        lambda e: e["options"][0].update(feedback=""),
        lambda e: e["options"][0].update(id=e["options"][1]["id"]),
        lambda e: e.update(options=e["options"][:1]),
    ],
)
def test_malformed_questions_are_refused(spoil, tmp_path, monkeypatch):
    entries = yaml.safe_load((QUESTIONS / "en" / f"{CHAPTER}.yaml").read_text("utf-8"))
    spoil(entries[0])
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "bad.yaml").write_text(yaml.safe_dump(entries), encoding="utf-8")
    monkeypatch.setattr(quizzes, "QUESTIONS", tmp_path)
    with pytest.raises(ValueError, match=entries[0]["id"]):
        load_questions("bad", "en")


def test_progress_is_one_file_easy_to_delete(monkeypatch):
    progress.record("exercises", "a", True)
    progress.record("exercises", "b", True)
    progress.record("quiz", "c", {"tries": 1})
    assert progress.load() == {"exercises": {"a": True, "b": True}, "quiz": {"c": {"tries": 1}}}
    assert [f.name for f in progress.path().parent.iterdir()] == ["progress.json"]
    progress.path().write_text("{broken", encoding="utf-8")
    assert progress.load() == {} and progress.get("quiz") == {}
    progress.path().write_text('{"exercises": 3, "quiz": {}}', encoding="utf-8")
    progress.record("exercises", "a", True)
    assert progress.load() == {"exercises": {"a": True}, "quiz": {}}
    progress.forget()
    assert not progress.path().exists()
    progress.forget()
    monkeypatch.setenv("LENET_PROGRESS", "off")
    progress.record("exercises", "a", True)
    assert progress.path() is None and progress.load() == {}


def test_a_folder_that_cannot_be_written_loses_nothing_but_the_record(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    monkeypatch.setenv("LENET_PROGRESS", str(blocked / "progress.json"))
    progress.record("exercises", "a", True)
    assert progress.load() == {}
