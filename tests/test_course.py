"""The start page: its table against the chapters and README, progress and Continue as a reader meets them."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from lenet_helpers import check
from lenet_helpers.checks import Failed
from lenet_helpers.checks.front import exercises
from lenet_helpers.explorers.first import FirstExplorer, SideState
from lenet_helpers.explorers.start import CourseMap, progress_in
from lenet_helpers.quizzes import course, progress
from lenet_helpers.quizzes.course import CHAPTERS, done, last_place, place
from lenet_helpers.quizzes.questions import Quiz, load_questions

ROOT = Path(__file__).parents[1]
NOTEBOOKS = {path.stem: nbformat.read(path, 4) for path in sorted((ROOT / "notebooks/en").glob("*.ipynb"))}
each = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("LENET_PROGRESS", str(tmp_path / "progress.json"))


def test_every_chapter_has_its_row_in_order():
    assert [chapter.name for chapter in CHAPTERS] == list(NOTEBOOKS)


@each
def test_a_row_says_what_readme_and_the_chapter_say(chapter):
    readme = (ROOT / "README.md").read_text("utf-8")
    number = "" if chapter.title.startswith("Appendix") else rf"{chapter.number} "
    row = rf"^\| \[{number}([^\]]+)\]\(notebooks/en/{chapter.name}\.ipynb\) \|.*\| (\d+) \|$"
    (found,) = re.findall(row, readme, re.MULTILINE)
    assert found == (chapter.title, str(chapter.minutes))
    prose = "\n".join(cell.source for cell in NOTEBOOKS[chapter.name].cells if cell.cell_type == "markdown")
    said = "two hours" if chapter.minutes == 120 else f"{chapter.minutes} minutes"
    assert f"about {said}" in prose.lower()
    title = re.search(r"^# (.+)$", prose, re.MULTILINE)[1]
    assert chapter.title in title


@each
def test_a_rows_sections_and_exercises_are_the_chapters(chapter):
    headings, checked, section = {}, {}, None
    for cell in NOTEBOOKS[chapter.name].cells:
        if cell.cell_type == "markdown":
            for heading in re.findall(r"^## +(\d+\.\d+)?", cell.source, re.MULTILINE):
                section = heading or None
                if section:
                    headings[section] = cell.id
        else:
            for name in re.findall(r"^check\.(\w+)\(\w+\)$", cell.source, re.MULTILINE):
                if cell.id.endswith("-exercise"):
                    checked.setdefault(section, []).append(name)
    assert {number: cell for number, (cell, *_names) in chapter.sections.items()} == headings
    assert {n: names for n, (_cell, *names) in chapter.sections.items() if names} == checked
    assert set(chapter.exercises()) <= set(check.names())


def test_no_exercise_of_a_chapter_is_left_out():
    from lenet_helpers.checks.front import _chapters

    modules = [module for module in _chapters() if ".chapter" in module]
    known = {name for module in modules for name in exercises(module)}
    assert known == {name for chapter in CHAPTERS for name in chapter.exercises()}


def test_the_first_prediction_is_the_start_pages_question():
    explorer = FirstExplorer()
    assert explorer.prediction.question == CHAPTERS[0].asks
    assert SideState(56).factor == 4 == float(explorer.prediction.answer) and SideState().pixels == 784
    assert "784 pixels" not in explorer.sentence()
    # Where there is no kernel, what happens is what was asked.
    assert "56×56 are 3,136 pixels: 4.00 times" in explorer.outcome()[1] and explorer.state.side == 28
    explorer.prediction.choice.value = "8"
    explorer.prediction.commit.click()
    explorer.controls["side"].value = 56
    assert "3,136 pixels: 4.00 times" in explorer.sentence() and explorer.error.value == ""


def test_the_glossary_leads_to_sections_that_are_there():
    (glossary,) = [cell for cell in NOTEBOOKS["00-start-here"].cells if cell.id == "glossary"]
    links = re.findall(r"\[(\d\.\d)\]\(([^#)]+)\.ipynb#cell-id=([^)]+)\)", glossary.source)
    assert len(links) == glossary.source.count("](") > 20
    rows = {chapter.name: chapter for chapter in CHAPTERS}
    assert not [link for link in links if rows[link[1]].sections[link[0]][0] != link[2]]
    words = re.findall(r"^\| (\S.*?) \|", glossary.source, re.MULTILINE)[1:]
    assert words == sorted(words)


# What the reader has done ------------------------------------------------------------------


def words():
    return CourseMap().text()


def test_a_newcomer_is_sent_to_the_first_chapter_and_told_of_nothing_missing():
    assert "Begin with chapter 1" in words() and "solved" not in words()
    assert not re.search(r"\b0\b|\bof\b \d", words().split("\n", 1)[0])
    assert all(progress_in(chapter) == "" for chapter in CHAPTERS)
    page = CourseMap()._repr_mimebundle_()["text/html"]
    assert page.count('href="') == len(CHAPTERS) and "00-start-here" not in page


def test_a_check_and_a_question_are_counted_and_lead_back(capsys):
    check.max_pool(check.exercise("max_pool").solution)
    chapter = place("exercises", "max_pool")[0]
    assert (chapter.name, done(chapter)) == ("02-lenet-architecture", (1, 0))
    assert "Continue in section 2.2 of chapter 2" in words() and "Exercises solved: 1." in words()
    page = CourseMap()._repr_mimebundle_()["text/html"]
    assert 'href="02-lenet-architecture.ipynb#cell-id=pooling-predict"' in page
    question = load_questions("03-training")[0]
    Quiz("03-training", question).answer(next(o.id for o in question.options if not o.correct))
    assert f"Continue in section {question.section} of chapter 3" in words()
    assert "Questions answered: 1." in words() and "Exercises solved: 1." in words()
    assert re.fullmatch(r"You worked on it last on \d{4}-\d\d-\d\d\.", CourseMap().worked_on())


def test_a_wrong_answer_is_a_place_too_but_a_stub_and_our_solution_are_none():
    def stub(x):
        raise NotImplementedError

    check.double(stub)
    check.double(lambda x: 2 * x, record=False)
    with pytest.raises(Failed):
        check.double(lambda x: x, record=False)
    assert progress.load() == {}
    with pytest.raises(Failed):
        check.double(lambda x: x)
    assert last_place()[:2] == (CHAPTERS[0], "0.2") and progress.get("exercises") == {}
    assert words().startswith("Continue in section 0.2 of chapter 0: Start here")


def test_a_whole_chapter_is_told_as_whole():
    chapter = CHAPTERS[0]
    for name in chapter.exercises():
        progress.record("exercises", name, True)
    for question in load_questions(chapter.name):
        progress.record("quiz", f"{chapter.name}/{question.id}", {"tries": 1})
    assert progress_in(chapter) == "All exercises solved and all questions answered."


@pytest.mark.parametrize(
    "last",
    [
        {},
        {"kind": "exercises", "key": "gone"},
        {"kind": "quiz", "key": "99-none/x"},
        {"kind": "quiz", "key": "03-training"},
        {"kind": 3, "key": None, "when": []},
        {"kind": "exercises", "key": ["a"], "when": "yesterday"},
    ],
)
def test_a_place_that_is_no_more_is_forgotten(last):
    progress.path().write_text(json.dumps({"last": last, "exercises": {}}), "utf-8")
    assert last_place() is None and "Begin with" in words()


def test_a_question_that_was_taken_out_leads_to_its_chapter():
    progress.visited("quiz", "03-training/no longer asked")
    assert last_place()[1] is None and words().startswith("Continue with chapter 3: Training")


def test_a_date_that_is_none_is_left_out():
    progress.path().write_text(
        json.dumps({"last": {"kind": "exercises", "key": "double", "when": 7}}), "utf-8"
    )
    assert course.last_place()[2] == "" == CourseMap().worked_on()
