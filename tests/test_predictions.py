"""Chapters 1 and 2 ask before they answer: nothing above a question answers it, no outcome lies open."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
CHAPTERS = ("01-why-convolution", "02-lenet-architecture")
QUESTION = re.compile(r"\*\*Predict\b")
ANSWERED = re.compile(r"\*\*(Observe|Explain)\b")
# A figure asks by itself, and stores the picture before the prediction; exercises and quizzes ask too.
ASKS_ITSELF = re.compile(r"\b\w*(Explorer|Gallery)\(|\bcheck\.|^quiz\(", re.MULTILINE)


def cells(chapter):
    return nbformat.read(ROOT / "notebooks" / "en" / f"{chapter}.ipynb", 4).cells


def open_outcomes(found):
    """Ids of cells with an open output between a question in prose and the words that answer it."""
    waiting, left_open = False, []
    for cell in found:
        if cell.cell_type == "markdown":
            # The last of the two words in a cell counts: many a cell answers one question and asks another.
            last = max(
                (
                    (m.start(), word)
                    for word, p in (("ask", QUESTION), ("tell", ANSWERED))
                    for m in p.finditer(cell.source)
                ),
                default=None,
            )
            waiting = waiting if last is None else last[1] == "ask"
        elif waiting and cell.get("outputs") and not ASKS_ITSELF.search(cell.source):
            if not cell.metadata.get("jupyter", {}).get("outputs_hidden"):
                left_open.append(cell.id)
    return left_open


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_outcome_of_a_prediction_is_folded(chapter):
    # These show what the question is about, not its answer.
    allowed = {"rbf-codes", "digit-weights", "paper-train"}
    assert set(open_outcomes(cells(chapter))) <= allowed


def test_an_open_outcome_is_found():
    ask = nbformat.v4.new_markdown_cell("**Predict.** Which?")
    shown = nbformat.v4.new_code_cell("1 + 1", outputs=[nbformat.v4.new_output("stream", text="2")])
    assert open_outcomes([ask, shown]) == [shown.id]
    assert open_outcomes([ask, nbformat.v4.new_markdown_cell("**Observe.** Two."), shown]) == []
    shown.metadata["jupyter"] = {"outputs_hidden": True}
    assert open_outcomes([ask, shown]) == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_solution_lies_open(chapter):
    """A printed solution is folded away like its source."""
    for cell in cells(chapter):
        if cell.id.endswith("-solution") and "check.solution(" in cell.source:
            assert cell.metadata["jupyter"].get("outputs_hidden"), cell.id


# What gave an answer away before its question: the cell that holds heading, goal or question, and the answer.
ANSWERS = [
    ("01-why-convolution", "layout-predict", r"ignores the layout|do worse"),
    ("01-why-convolution", "title", r"pooling keeps"),
    ("01-why-convolution", "count-predict", r"## .*[Ss]haring, counted"),
    ("01-why-convolution", "shift-predict", r"## .*(not invariant|Equivariant)"),
    ("02-lenet-architecture", "title", r"44,426|60,000|340,908|from learning"),
    ("02-lenet-architecture", "channels-predict", r"## .*(spans|all input maps)"),
    ("02-lenet-architecture", "ledger-predict-counts", r"not the same layer"),
    ("02-lenet-architecture", "digit-predict", r"seven in ten|pool2 about"),
]


@pytest.mark.parametrize("chapter,cell,answer", ANSWERS)
def test_nothing_above_the_question_answers_it(chapter, cell, answer):
    (found,) = [c for c in cells(chapter) if c.id == cell]
    assert not re.search(answer, found.source)


def test_a_formula_stands_below_the_exercise_that_asks_for_it():
    ids = [cell.id for cell in cells("01-why-convolution")]
    assert ids.index("output-size-exercise") < ids.index("sizes-explain")
    assert ids.index("still-matches-exercise") < ids.index("shift-explain")
