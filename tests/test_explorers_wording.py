"""What translators need of the figures' code: whole sentences as constants, ids, marks outside messages."""

import ast
import gettext
from pathlib import Path

import pytest

from lenet_helpers import wording
from lenet_helpers.checks.wrapping import display_width, wrap
from lenet_helpers.figures import canvas
from lenet_helpers.figures.canvas import in_english
from lenet_helpers.figures.ladder import named
from lenet_helpers.wording import pgettext, sentences

ROOMS = ("explorers", "figures")
FILES = [f for room in ROOMS for f in sorted(Path(wording.__file__).parent.joinpath(room).rglob("*.py"))]


class Catalogue(gettext.NullTranslations):
    """A language of the test's own."""

    def __init__(self, messages):
        super().__init__()
        self.messages = messages

    def gettext(self, message):
        return self.messages.get(message, message)

    def pgettext(self, context, message):
        return self.messages.get((context, message), message)


@pytest.fixture
def speak(monkeypatch):
    def begin(messages, code="zh"):
        monkeypatch.setattr(wording, "_catalogue", Catalogue(messages))
        monkeypatch.setattr(wording, "_language", code)
        wording.shown.clear()

    return begin


def calls(tree, names=("_", "N_", "pgettext")):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_messages_are_constants_without_marks_and_not_inside_f_strings(file):
    tree = ast.parse(file.read_text("utf-8"))
    inside = {id(node) for f in ast.walk(tree) if isinstance(f, ast.JoinedStr) for node in ast.walk(f)}
    for call in calls(tree):
        message = call.args[-1]
        where = f"{file.name}:{call.lineno}"
        assert not isinstance(message, ast.JoinedStr), f"{where}: a key that changes with its value"
        if isinstance(message, ast.Constant):
            assert message.value and not set("✓✗") & set(message.value), where
            # Babel does not look inside f-strings: what stands there is never translated.
            assert id(call) not in inside, where


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_no_table_is_keyed_by_translated_words(file):
    """Two headings may read alike in another language: one column would be lost without a word."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Dict):
            translated = [k for k in node.keys if isinstance(k, ast.Call) and next(calls(k, ("_",)), None)]
            assert len(translated) < 2, f"{file.name}:{node.lineno}"


def test_columns_that_read_alike_are_both_kept(speak):
    import pandas as pd

    speak({"mean": "值", "error": "值", "name": "名"})
    table = pd.DataFrame([{"a": "x", "mean": 1, "error": 2}]).set_index("a")
    shown = named(table, {"a": "name", "mean": "mean", "error": "error"})
    assert (
        list(shown.columns) == ["值", "值"] and shown.iloc[0].tolist() == [1, 2] and shown.index.name == "名"
    )


def test_lines_are_wrapped_by_the_width_they_take():
    assert wrap("one two three", 7) == ["one two", "three"]
    text = "卷积核在图像上滑动,每一步都做九次乘法。"
    lines = wrap(text, 10)
    assert "".join(lines) == text and all(display_width(line) <= 12 for line in lines)
    assert not any(line[0] in ",。" for line in lines), "no line begins with a closing mark"
    assert wrap("LeNet 有 44426 个参数", 12)[0] == "LeNet 有"
    assert wrap("", 10) == wrap("   ", 10) == [] and wrap("incomprehensibilities", 5) == [
        "incomprehensibilities"
    ]


def test_sentences_stand_apart_as_the_language_has_it(speak):
    assert sentences("One.", "", "Two.") == "One. Two."
    speak({("between two sentences", " "): ""})
    assert sentences("一。", "", "二。") == "一。二。"


def test_one_word_has_a_translation_for_each_context(speak):
    speak({("pooling", "none"): "不池化", ("padding", "none"): "不填充"})
    assert (pgettext("pooling", "none"), pgettext("padding", "none")) == ("不池化", "不填充")
    assert pgettext("elsewhere", "none") == "none"


def test_an_empty_string_stays_empty(speak):
    speak({"": "Project-Id-Version: …"})
    assert wording._("") == ""


def test_a_shown_message_is_led_back_to_english_with_its_values(speak):
    speak({"epoch {n}, loss {loss:.2f}": "第 {n} 轮,损失 {loss:.2f}", "loss": "损失"})
    shown = wording._("epoch {n}, loss {loss:.2f}").format(n=3, loss=0.25)
    assert shown == "第 3 轮,损失 0.25" and in_english(shown) == "epoch 3, loss 0.25"
    assert in_english(wording._("loss")) == "loss"
    assert in_english("从未见过") == "从未见过"


def test_without_a_chinese_font_pictures_are_english_and_it_is_said_once(
    speak, monkeypatch, capsys, tmp_path
):
    monkeypatch.setattr(canvas, "_told", False)
    monkeypatch.setattr(canvas, "CHINESE_FONT", tmp_path / "not-shipped.otf")
    monkeypatch.setattr(canvas.font_manager, "get_font_names", lambda: ["DejaVu Sans"])
    monkeypatch.setitem(canvas.matplotlib.rcParams, "font.family", ["DejaVu Sans"])
    speak({"loss": "损失", "map {m}": "图 {m}"})

    def drawn(x, tick):
        fig, ax = canvas.figure(width=2, height=2, layout=None)
        canvas.label(ax, x=x)
        ax.set_xticks([0, 1], [tick, "b"])
        return canvas.png(fig)

    shown = drawn(wording._("loss"), wording._("map {m}").format(m=1))
    assert capsys.readouterr().out.count("No font with Chinese characters") == 1
    speak({}, code="en")
    assert shown == drawn("loss", "map 1")


def test_a_chinese_font_is_added_behind_the_readers_own(speak, monkeypatch, tmp_path):
    monkeypatch.setattr(canvas, "CHINESE_FONT", tmp_path / "not-shipped.otf")
    monkeypatch.setattr(canvas.font_manager, "get_font_names", lambda: ["DejaVu Sans", "Noto Sans CJK SC"])
    monkeypatch.setitem(canvas.matplotlib.rcParams, "font.family", ["DejaVu Serif", "DejaVu Sans"])
    speak({})
    assert canvas._use_fonts()
    assert canvas.matplotlib.rcParams["font.family"] == ["DejaVu Serif", "DejaVu Sans", "Noto Sans CJK SC"]
    assert canvas._use_fonts() and len(canvas.matplotlib.rcParams["font.family"]) == 3
