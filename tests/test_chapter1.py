"""Numbers that chapter 1 says in prose, computed here, and how its page is built."""

import json
import re

import nbformat
import pytest
import torch
from torch import nn

from lenet_helpers import LeNet, check, layer_table
from lenet_helpers.explorers.fair_count import FairCountState
from lenet_helpers.quizzes.questions import load_questions

CHAPTER = "01-why-convolution"


@pytest.fixture(scope="module")
def page(pytestconfig):
    return nbformat.read(pytestconfig.rootpath / "notebooks" / "en" / f"{CHAPTER}.ipynb", 4)


@pytest.fixture(scope="module")
def prose(page):
    return "\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")


def test_numbers_of_the_flawed_claim(prose):
    pixels, places = 28 * 28, 24 * 24
    for number in (
        pixels * 10,
        5 * 5 * 10,
        10 * places,
        pixels * 10 * places,
        pixels * 10 * places // 250,
        25 * 10 * places,
    ):
        assert f"{number:,}" in prose, number
    classifier = nn.Linear(784, 10)
    conv = nn.Sequential(nn.Conv2d(1, 10, 5), nn.Flatten(), nn.Linear(5760, 10))
    count = [sum(p.numel() for p in net.parameters()) for net in (classifier, conv)]
    assert count == [7_850, 57_870] and f"{count[1] / count[0]:.1f} times as *many*" in prose
    assert f"{7840 / 250:.0f} times fewer" in prose


def test_numbers_of_the_quiz():
    text = json.dumps([vars(o) for q in load_questions(CHAPTER) for o in q.options])
    conv1 = layer_table(LeNet())[0]
    assert (conv1.parameters, conv1.multiply_adds) == (156, 86_400)
    for number in ("156 parameters", "86,400", "7,850", "7,840", "5,760", "4,515,840", "576 times"):
        assert number in text, number
    assert FairCountState(28, 5, 10).multiplications["dense"] == 4_515_840 and 24 * 24 == 576
    assert (28 + 2 * 2 - 5) // 1 + 1 == 28 and (28 - 5) // 2 + 1 == 12
    layer = nn.Conv1d(1, 1, 5, stride=2)
    x = torch.zeros(1, 1, 28, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad[0, 0, 26] != 0 and x.grad[0, 0, 27] == 0, "pixel 27 is never read"


def test_intervals_named_in_the_prose(pytestconfig, prose):
    results = json.loads(
        (pytestconfig.rootpath / "lenet_helpers/results/permutation.json").read_text("utf-8")
    )
    dense, conv = results["change"]["dense"], results["change"]["conv"]
    assert dense["low"] < 0 < dense["high"] and conv["high"] < -0.05
    assert "interval of the dense net contains zero" in prose
    assert results["conditions"]["seeds"] == 10 and "ten runs of each net" in prose
    assert (
        results["conditions"]["train_images"] == 3000 and results["conditions"]["validation_images"] == 10_000
    )


def test_every_exercise_has_stub_hint_and_solved_cell(page):
    ids = {cell.id for cell in page.cells}
    code = "\n".join(cell.source for cell in page.cells if cell.cell_type == "code")
    for name in (
        "undo_permutation",
        "cross_correlate",
        "diagonal_detector",
        "output_size",
        "fair_count",
        "still_matches",
    ):
        assert name in check.names()
        stem = name.replace("_", "-")
        assert {f"{stem}-exercise", f"{stem}-hint", f"{stem}-solution"} <= ids
        assert f"check.{name}(solved_{name}, record=False)" in code
    for cell in page.cells:
        if cell.id.endswith("-solution"):
            assert cell.metadata["jupyter"]["source_hidden"]


def test_every_question_of_the_file_is_asked_once(page):
    code = "\n".join(cell.source for cell in page.cells if cell.cell_type == "code")
    for question in load_questions(CHAPTER):
        assert code.count(f'"{question.id}"') == 1, question.id


def test_sections_predict_run_observe_explain_and_end_on_a_takeaway(prose):
    sections = re.split(r"^## ", prose, flags=re.M)
    numbered = [s for s in sections if re.match(r"1\.\d ", s)]
    assert len(numbered) == 6
    for section in numbered:
        places = [section.index(f"**{word}.**") for word in ("Predict", "Observe", "Explain", "Takeaway")]
        assert places == sorted(places), section[:40]


def test_one_title_no_skipped_levels_and_pictures_with_text(page, prose):
    levels = [len(m) for m in re.findall(r"^(#+) ", prose, flags=re.M)]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    pictures = 0
    for cell in page.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                pictures += 1
                assert len(output.metadata["image/png"]["alt"]) > 30, cell.id
    assert pictures >= 7


def test_no_invariance_is_claimed_where_equivariance_is_meant(prose):
    for sentence in re.split(r"(?<=[.!?])\s", prose):
        if "invarian" in sentence and "Zhang" not in sentence:
            assert re.search(
                r"equivarian|\bno\b|not|nothing|wrong|\*\*invariant\*\*|invariance \|", sentence
            ), sentence
