"""Every interactive figure: a prediction stays one until it is given, in the notebook as in the widget."""

import base64
import io
import json
from functools import cache

import ipywidgets as w
import numpy as np
import pytest
from PIL import Image

from benchmarks.hand import every_explorer
from lenet_helpers import explorers, load_dataset
from lenet_helpers.explorers.kit import still as stills
from lenet_helpers.figures.canvas import SIGNED, figure, png
from lenet_helpers.figures.export import OUTCOME, with_outcomes_folded
from tools.notebooks import NOTEBOOKS, chapters

DIGITS = load_dataset(n_train=300, validation=100)
MADE = every_explorer(DIGITS)
# What asks nothing first: the clinic's question is the figure itself, the pad waits for ink.
UNASKED = {"ClinicExplorer", "DigitPad"}
each = pytest.mark.parametrize("name", MADE)
asking = pytest.mark.parametrize("name", sorted(set(MADE) - UNASKED))
GO_ON = "Run this cell to predict and see."


@cache
def looked_at(name):
    """The figure of that name, for tests that leave it as it is."""
    return MADE[name]()


def drawn(explorer):
    """The figure's picture as it stands, drawn anew from the state."""
    explorer.draw()
    return png(explorer.figure)


def answered(explorer):
    explorer.prediction.choice.value = explorer.prediction.answer
    explorer.prediction.commit.click()
    assert explorer.error.value == "" and explorer.revealed
    return explorer


def test_no_figure_is_left_out():
    assert set(explorers.__all__) == set(MADE) | {"TrainingDashboard", "TuningLab"}


@asking
def test_what_is_stored_is_the_figure_before_the_prediction(name):
    explorer = MADE[name]()
    hidden, asked = drawn(explorer), explorer.sentence()
    answered(explorer)
    shown = drawn(explorer)
    assert shown != hidden, "nothing was held back"
    assert explorer.still() == (hidden, asked)
    assert explorer.still(revealed=True) == (shown, explorer.sentence())
    assert drawn(explorer) == shown, "a still leaves the live picture as it was"


@asking
def test_a_picture_of_the_outcome_leaves_nothing_of_it_in_the_figure(name):
    explorer = looked_at(name)
    hidden = drawn(explorer)
    explorer.still(revealed=True)
    assert png(explorer.figure) == hidden and not explorer.revealed


@asking
def test_a_notebook_gets_the_question_open_and_the_outcome_apart(name):
    explorer = answered(MADE[name]())  # even where the cell is shown again after the answer
    with explorer.prediction.as_if(False):
        asked = explorer.sentence()
        hidden = drawn(explorer)
    data, metadata = explorer._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == f"{asked} {GO_ON}"
    stored = base64.b64decode(data["image/png"])
    assert stored == stills.with_few_colours(stills.with_caption(hidden, f"{asked} {GO_ON}"))
    assert data["text/plain"].startswith(f"{asked} {GO_ON}")
    outcome = data[OUTCOME]
    assert outcome["sentence"] == explorer.outcome()[1] != asked
    assert stored != base64.b64decode(outcome["png"])


@asking
def test_what_stands_before_the_prediction_does_not_tell(name):
    """No number or phrase of the outcome's sentence that the answer consists of is said before."""
    explorer = looked_at(name)
    answer = explorer.prediction.options[explorer.prediction.answer]
    if len(answer) > 2:  # a digit or two stand in any sentence
        assert answer not in explorer.sentence()
        assert answer not in explorer.caption.value and answer not in (explorer.image.tooltip or "")


@each
def test_states_hold_no_figure_and_no_widget(name):
    state = looked_at(name).state
    for value in vars(state).values():
        assert not isinstance(value, w.Widget)
        assert "matplotlib" not in type(value).__module__
    assert not hasattr(state, "figure")


@each
def test_a_still_has_a_picture_and_words(name):
    data, metadata = looked_at(name)._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert len(metadata["image/png"]["alt"].split()) > 8
    assert metadata["image/png"]["alt"].endswith(
        "Run this cell to get the controls." if name in UNASKED else GO_ON
    )


@asking
def test_options_are_told_apart_by_their_ids_not_by_their_words(name):
    """In another language two options may read alike; the answer is still one of them."""
    explorer = MADE[name]()
    prediction = explorer.prediction
    assert prediction.answer in prediction.options
    assert len(prediction.options) == len(set(prediction.options.values())) >= 3
    wrong = next(key for key in prediction.options if key != prediction.answer)
    prediction.choice.value = wrong
    prediction.commit.click()
    assert prediction.value == wrong and prediction.verdict.value.count("✗") == 1
    assert prediction.form.layout.display == "none", "an answered question folds to one line"


def test_c3_ticks_nothing_before_the_prediction_and_cells_are_clicked_after():
    view = explorers.C3Explorer()
    assert set(view.grid.texts) == {"?"} and set(view.grid.fills) == {"#FFFFFF"}
    assert view.controls["preset"].layout.display == "none"
    press = {"kind": "press", "row": 3, "column": 15}
    view.grid._handle_custom_msg(press, [])
    assert "predict first" in view.error.value and view.state.kernels() == 60
    answered(view)
    assert view.grid.texts.count("X") == 60
    view.grid._handle_custom_msg(press, [])
    assert view.state.kernels() == 59 and view.controls["preset"].value == "edited"
    view.grid._handle_custom_msg(press, [])
    assert view.state.kernels() == 60 and view.controls["preset"].value == "1998"
    for row, column in ((6, 0), (-1, 0), (0, 16), (None, 2), ("1", 1)):
        view.grid._handle_custom_msg({"kind": "press", "row": row, "column": column}, [])
    assert view.state.kernels() == 60, "what lies outside the grid is nothing"


# What is stored ------------------------------------------------------------------------


# By language, as the catalogue has it.
GOING_ON = {"en": GO_ON, "zh": "运行这个单元格，先预测，再看结果。"}


def stored_outcomes():
    for path in chapters():
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                if OUTCOME in output.get("data", {}):
                    chapter = path.relative_to(NOTEBOOKS)
                    yield pytest.param(output, chapter.parts[0], id=f"{chapter}:{cell['id']}")


def pixels(code):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(code))).convert("RGB"), dtype=int)


def draws(stored, outcome):
    """Whether the stored picture (base64) is that of the outcome, with or without a line of words below."""
    stored, outcome = pixels(stored), pixels(outcome)
    height, width = outcome.shape[:2]
    if stored.shape[0] < height or stored.shape[1] != width:
        return False
    # 40 of 255: a palette and a scaled line of text stay below, a question mark and a number do not.
    return bool((np.abs(stored[:height] - outcome).max(axis=2) > 40).mean() < 0.0005)


@pytest.mark.parametrize(("output", "language"), list(stored_outcomes()))
def test_no_chapter_stores_an_outcome_in_the_open(output, language):
    alt, outcome = output["metadata"]["image/png"]["alt"], output["data"][OUTCOME]
    assert alt.endswith(GOING_ON[language])
    assert outcome["sentence"] not in alt
    assert not draws(output["data"]["image/png"], outcome["png"])


@pytest.mark.parametrize("name", ["SizeExplorer", "ReceptiveFieldExplorer"])
def test_an_outcome_that_is_stored_in_the_open_is_seen(name):
    explorer = MADE[name]()
    revealed, open_ = explorer.still(revealed=True), explorer.still()
    for shown, seen in ((revealed, True), (open_, False)):
        data, _metadata = stills.bundle((shown[0], f"{open_[1]} {GO_ON}"), revealed)
        assert draws(data["image/png"], data[OUTCOME]["png"]) == seen


def test_a_stored_picture_keeps_its_colours():
    """A ramp of grey beside the signed colours: with a palette too, no grey turns purple."""
    fig, (left, right) = figure(1, 2, width=4, height=2, layout=None)
    ramp = np.linspace(-1, 1, 400).reshape(20, 20)
    left.imshow(ramp, cmap="gray")
    right.imshow(ramp, cmap=SIGNED)
    picture = png(fig)
    first, small = (pixels(base64.b64encode(p)) for p in (picture, stills.with_few_colours(picture)))
    assert np.abs(first - small).max() <= 10


def test_pages_that_can_fold_keep_the_outcome_one_step_away():
    data, metadata = MADE["SizeExplorer"]()._repr_mimebundle_()
    data.pop("application/vnd.jupyter.widget-view+json", None)
    picture, fold = with_outcomes_folded([{"data": dict(data), "metadata": metadata}])
    assert OUTCOME not in picture["data"] and picture["data"]["image/png"] == data["image/png"]
    page = fold["data"]["text/html"]
    assert page.startswith("<details><summary>Show what happens</summary>") and "open" not in page[:20]
    assert data[OUTCOME]["png"] in page and data[OUTCOME]["sentence"].split(".")[0] in page
