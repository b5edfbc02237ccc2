"""Each Chinese chapter in JupyterLab: of every one a figure, a question, and an exercise answered wrongly.

Their cells stand one after the other in one notebook and run in one kernel; `make proof` runs the chapters
themselves, as `test_chapters.py` does with the English ones.
"""

import re

import nbformat
import pytest

from lenet_helpers.quizzes.questions import load_questions
from tools.chapter import CELLS, Chapter
from tools.notebooks import NOTEBOOKS

from . import hands
from .test_chapters import answer, named, predict
from .test_instruments import CUT

# Chapter: what its cells need besides its imports, a figure, an exercise with a wrong answer, a question.
PARTS = {
    "00-start-here": ("", "first-explorer", "double-exercise", "return x", "first-quiz"),
    "01-why-convolution": ("", "sizes-explorer", "output-size-exercise", "return n - k", "sizes-quiz"),
    "02-lenet-architecture": (
        "",
        "pooling-explorer",
        "max-pool-exercise",
        "return maps[:, ::size, ::size]",
        "pooling-quiz",
    ),
    "03-training": (
        "digits = load_dataset()",
        "pixels",
        "split-exercise",
        "return images.double().mean() / 255, images.double().std() / 255",
        "padding-quiz",
    ),
    "04-tuning": ("", "noise-explorer", "stop-epoch-exercise", "return len(losses)", "noise-quiz"),
    "05-beyond-the-test-set": (
        "plain, digits = LeNet(), load_dataset()",
        "draw-pad",
        "shift-images-exercise",
        "return images.roll((dy, dx), (2, 3))",
        "shift-quiz",
    ),
    "06-lenet-from-nothing": (
        "",
        None,
        "max-pool-backward-exercise",
        "return np.zeros_like(maps)",
        "ties-quiz",
    ),
}
# Latin letters that may stand in a Chinese sentence: names, and what is typed in code.
NAMES = set("LeNet MNIST JupyterLab PyTorch Python".split())


@pytest.fixture(scope="module")
def parts(new_page, lab):
    """The notebook of the parts, run."""
    cells = []
    for name, (more, *wanted) in PARTS.items():
        notebook = nbformat.read(NOTEBOOKS / "zh" / f"{name}.ipynb", as_version=4)
        there = {cell.id: cell for cell in notebook.cells}
        language = next(cell.id for cell in notebook.cells if "language" in cell.metadata.get("tags", []))
        figure, exercise, wrong, quiz = wanted
        there[exercise].source = there[exercise].source.replace("raise NotImplementedError", wrong)
        there[exercise].metadata["tags"] = ["raises-exception"]  # and the cells below it run
        there["imports"].source += f"\n{more}"
        kept = ["title", language, "imports", *([figure] if figure else []), exercise, quiz]
        for kind in kept:
            there[kind].id = f"{name[:2]}-{kind}"
            there[kind].metadata.pop("jupyter", None)
            cells.append(there[kind])
    path = "zh/parts.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata), lab.root / path)
    opened = Chapter(new_page(), lab, path).wait_open()
    opened.start_all()
    opened.page.wait_for_function(f"() => {CELLS}.every(c => c.executionCount !== null)", timeout=120_000)
    opened.ensure_ran()
    opened.cells = cells
    yield opened
    opened.close()


def left_in_english(text):
    """Words in a row that are no names; a term's English in brackets after the Chinese is meant."""
    rows = re.findall(r"[A-Za-z][a-z]+(?: [A-Za-z][a-z]+)+", re.sub(r"（[A-Za-z -]+）", "", text))
    return [row for row in rows if len(set(row.split()) - NAMES) > 1]


def in_chinese(text):
    return len(re.findall(r"[\u4e00-\u9fff]", text)) > 5


def test_a_wrong_answer_is_explained(parts):
    said = parts.page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']")
    said = [one for one in said.all_inner_texts() if "✗" in one]
    assert len(said) == len(PARTS) and all(map(in_chinese, said))
    parts.shot("exercise", parts.page.get_by_text("✗").first)


def test_a_figure_answers_a_prediction_and_a_control(parts):
    assert len(parts.figures()) == sum(figure is not None for _more, figure, *_rest in PARTS.values())
    for figure in parts.figures():
        verdict = predict(parts, figure)
        assert verdict is None or in_chinese(verdict), verdict
        kind, control = hands.controls(figure)[0]
        before, after = hands.move(parts.page, kind, control)
        assert before != after and in_chinese(figure.inner_text()), named(figure)


def test_a_question_answers_a_wrong_choice(parts):
    for (name, (*_rest, quiz)), card in zip(PARTS.items(), parts.quizzes(), strict=True):
        asked = next(cell.source for cell in parts.cells if cell.id == f"{name[:2]}-{quiz}")
        question = next(one for one in load_questions(name, parts.language) if f'"{one.id}"' in asked)
        said = answer(parts.page, card, next(option for option in question.options if not option.correct))
        assert said.startswith("✗") and in_chinese(said)


def test_no_english_is_left_and_nothing_is_cut_off(parts):
    cut = {}
    for width, theme in ((1280, "Light"), (700, "Dark")):
        parts.page.set_viewport_size({"width": width, "height": 900})
        parts.theme(theme)
        for figure in parts.figures() + parts.quizzes():
            if found := figure.evaluate(CUT):
                cut[named(figure), width] = found
        parts.shot(f"{width}", parts.figures()[1])
    assert not cut
    outputs = parts.page.locator(".jp-OutputArea-output")
    said = parts.page.locator(".jp-OutputArea-output, .jp-RenderedMarkdown").all_inner_texts()
    said += outputs.locator("[title], [placeholder], img").evaluate_all(
        "all => all.map(e => [e.title, e.placeholder, e.alt].join(' | '))"
    )
    assert not [row for text in said for row in left_in_english(text)]
    controls = outputs.locator("button, label, option").all_inner_texts()
    assert not [text for text in controls if re.fullmatch(r"[A-Za-z]?[a-z]{3,}", text.strip())]


def test_nothing_is_said_beside_it(parts):
    """No missing glyph, no font that was not found."""
    assert not [o["text"] for _cell, outputs in parts.outputs() for o in outputs if o.get("name") == "stderr"]
    assert not parts.problems
