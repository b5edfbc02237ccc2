"""Translations can't drift: on a made-up language, and on every one that there is."""

import copy
import shutil
from gettext import GNUTranslations
from pathlib import Path

import nbformat
import pytest
import yaml
from babel.messages import Catalog
from babel.messages.pofile import read_po, write_po
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import translations
from tools.translations import (
    chapter_problems,
    differing,
    digest,
    message_problems,
    problems,
    question_problems,
    unmarked,
    update_chapter,
)

ROOT = Path(__file__).parents[1]


def chapter():
    language = new_code_cell('set_language("en")', id="language", metadata={"tags": ["language"]})
    cells = [
        new_markdown_cell("# Why `conv1` has 156 weights\n\n$6·25+6$, see [2](02.ipynb).", id="title"),
        language,
        new_code_cell("print(1)", id="show"),
        new_markdown_cell("Of 784 inputs, 25 matter.", id="why"),
    ]
    return new_notebook(cells=cells)


def translation(english):
    made = copy.deepcopy(english)
    made.cells[0].source = "# 为什么 `conv1` 有 156 个权重\n\n$6·25+6$，见 [2](02.ipynb)。"
    made.cells[1].source = 'set_language("zh")'
    made.cells[3].source = "784 个输入里只有 25 个起作用。"
    for cell, source in zip(made.cells, english.cells):
        if cell.cell_type == "markdown":
            cell.metadata["translated_from"] = digest(source.source)
    return made


def test_a_true_translation_has_no_problems():
    english = chapter()
    assert chapter_problems(english, translation(english)) == []


def change(kind, english, made):
    if kind == "stale":
        english.cells[3].source = "Of 784 inputs, only 25 matter."
    elif kind == "other code":
        made.cells[2].source = "print(2)"
    elif kind == "missing":
        del made.cells[2]
    elif kind == "other numbers":
        made.cells[3].source = made.cells[3].source.replace("25", "26")
    elif kind == "other formulas":
        made.cells[0].source = made.cells[0].source.replace("$6·25+6$", "$6·25$")
    elif kind == "other links":
        made.cells[0].source = made.cells[0].source.replace("02.ipynb", "03.ipynb")
    elif kind == "other code ":
        made.cells[0].source = made.cells[0].source.replace("`conv1`", "`conv2`")
    elif kind == "untranslated":
        made.cells[3].metadata["untranslated"] = True
    elif kind == "another order":
        made.cells.reverse()


@pytest.mark.parametrize(
    "kind",
    [
        "stale",
        "other code",
        "missing",
        "other numbers",
        "other formulas",
        "other links",
        "other code ",
        "untranslated",
    ]
    + ["another order"],
)
def test_every_kind_of_drift_is_named(kind):
    english = chapter()
    made = translation(english)
    change(kind, english, made)
    (problem,) = chapter_problems(english, made)[:1]
    assert kind.strip() in problem[1]


@pytest.mark.parametrize(
    "english, chinese, kinds",
    [
        ("0.78 % of 10,000", "10,000 张里的 0.78 %", []),
        ("Chapter 3, in 5 lines.", "第 3 章，5 行。", []),
        ("5 of 9", "9 个中的 6 个", ["numbers"]),
        ("LeNet-5 has $n=3$ parts: `f(2)`", "LeNet-5 有 $n=3$ 个部分：`f(2)`", []),
        ("a −1.5", "a 1.5", ["numbers"]),
    ],
)
def test_numbers_are_compared_wherever_they_stand(english, chinese, kinds):
    assert differing(english, chinese) == kinds


def test_an_update_copies_code_marks_new_cells_and_keeps_what_is_translated():
    english = chapter()
    made = translation(english)
    english.cells[2].source = "print(3)"
    english.cells.insert(1, new_markdown_cell("New.", id="new"))
    updated = update_chapter(english, made)
    assert [c.id for c in updated.cells] == [c.id for c in english.cells]
    assert updated.cells[3].source == "print(3)" and updated.cells[4].source.startswith("784")
    assert updated.cells[2].source == 'set_language("zh")'
    assert chapter_problems(english, updated) == [("new", "untranslated")]


def test_messages_missing_fuzzy_or_with_other_fields_are_named():
    template, made = Catalog(), Catalog(locale="zh")
    for text in ("epoch {n}", "a", "b", "c {x:.1f}"):
        template.add(text)
    made.add("epoch {n}", "第 {m} 轮")
    made.add("b", "乙", flags=["fuzzy"])
    made.add("c {x:.1f}", "丙 {x:.1f}")
    found = dict(message_problems(template, made))
    assert found == {
        "epoch {n}": "other fields",
        "a": "untranslated",
        "b": "fuzzy: the English has changed since",
    }


def test_questions_have_the_same_ids_and_right_answers():
    english = yaml.safe_load((ROOT / "lenet_helpers/quizzes/en/03-training.yaml").read_text("utf-8"))
    made = copy.deepcopy(english)
    made[0]["text"] = "哪一条？"
    assert question_problems(english, made) == []
    made[1]["options"][0]["correct"] = not made[1]["options"][0].get("correct")
    assert [i for i, _what in question_problems(english, made)] == [english[1]["id"]]
    assert question_problems(english, made[:-1])[-1][0] == english[-1]["id"]


def test_a_third_language_needs_a_folder_and_a_catalogue(tmp_path):
    """From an empty folder to one that only lacks words: what CONTRIBUTING says."""
    for name in ("notebooks/en/03-training.ipynb", "lenet_helpers/quizzes/en/03-training.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "lenet_helpers" / "levers.py", tmp_path / "lenet_helpers" / "levers.py")
    (tmp_path / "notebooks" / "eo").mkdir()
    found = problems(tmp_path, update=True)
    assert problems(tmp_path) == found and {line.rpartition(": ")[2] for line in found} == {
        "untranslated",
        "another question, option or right answer",
    }
    po = tmp_path / "lenet_helpers/locale/eo/LC_MESSAGES/lenet_helpers.po"
    with open(po, "rb") as file:
        catalogue = read_po(file)
    for message in catalogue:
        if message.id:
            message.string = message.id
    with open(po, "wb") as file:
        write_po(file, catalogue)
    assert not [line for line in problems(tmp_path, update=True) if line.startswith("eo: ")]
    with open(po.with_suffix(".mo"), "rb") as file:
        assert GNUTranslations(file).gettext("lever") == "lever"


def test_assignments_are_kept_like_chapters_once_there_is_a_folder(tmp_path):
    english = tmp_path / "classroom" / "source" / "ps4" / "ps4.ipynb"
    made = tmp_path / "classroom" / "source-eo" / "ps4" / "ps4.ipynb"
    english.parent.mkdir(parents=True)
    shutil.copy(ROOT / "classroom" / "source" / "ps4" / "ps4.ipynb", english)
    (tmp_path / "lenet_helpers").mkdir()
    assert problems(tmp_path, update=True) == [], "no folder, no duty"
    made.parent.parent.mkdir()
    found = problems(tmp_path, update=True)
    assert found and all(
        line.startswith("eo/ps4.ipynb: ") and line.endswith(": untranslated") for line in found
    )
    pair = [nbformat.read(path, as_version=4) for path in (english, made)]
    for source, cell in zip(*(nb.cells for nb in pair)):
        if cell.cell_type == "markdown":
            cell.metadata["translated_from"] = digest(source.source)
            del cell.metadata["untranslated"]
    nbformat.write(pair[1], made)
    assert problems(tmp_path) == []
    graded = next(c for c in pair[1].cells if c.cell_type == "markdown" and "nbgrader" in c.metadata)
    graded.metadata["nbgrader"]["points"] = 1
    nbformat.write(pair[1], made)
    assert problems(tmp_path) == [f"eo/ps4.ipynb: {graded.id}: other marks of nbgrader"]
    assert problems(tmp_path, update=True) == problems(tmp_path) == [], "and put right"


def test_every_marked_string_can_be_seen_and_none_is_empty():
    assert unmarked() == []


@pytest.mark.parametrize(
    "code",
    ['_(f"epoch {n}")', '_("")', '_("a" + name)', "N_(name)", "f\"{_('word')} {n}\"", 'pgettext("c", "")'],
)
def test_a_string_that_babel_would_miss_is_found(tmp_path, code):
    (tmp_path / "module.py").write_text(f"x = {code}\n", "utf-8")
    assert unmarked(tmp_path) == [("module.py", 1)]


def test_the_languages_that_there_are_are_true():
    assert translations.main(["--check"]) == 0
