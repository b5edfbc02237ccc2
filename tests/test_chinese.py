"""The Chinese edition reads as Chinese does: marks, spaces, one word a term, a font for each character."""

import gettext
import io
import re
from pathlib import Path

import nbformat
import pytest
import yaml
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from fontTools.ttLib import TTFont
from markdown_it import MarkdownIt
from matplotlib import font_manager

from lenet_helpers import set_language
from lenet_helpers.figures.canvas import CHINESE_FONT, figure, png
from lenet_helpers.wording import DOMAIN, LOCALES

ROOT = Path(__file__).parents[1]
PO = LOCALES / "zh" / "LC_MESSAGES" / f"{DOMAIN}.po"
HAN = "\u4e00-\u9fff"


@pytest.fixture
def speak_chinese():
    set_language("zh")
    yield
    set_language("en")


def catalogue():
    with open(PO, "rb") as file:
        return [message for message in read_po(file, locale="zh") if message.id]


def _texts_of(questions):
    for q in questions:
        yield q["id"], q["text"]
        for option in q["options"]:
            yield f"{q['id']}/{option['id']}", option["text"]
            yield f"{q['id']}/{option['id']}", option["feedback"]


def pairs():
    """(place, English, Chinese) of everything that a learner reads, but for the documents."""
    for path in sorted((ROOT / "notebooks" / "en").glob("*.ipynb")):
        english = nbformat.read(path, as_version=4).cells
        chinese = nbformat.read(ROOT / "notebooks" / "zh" / path.name, as_version=4).cells
        for a, b in zip(english, chinese):
            if a.cell_type == "markdown":
                yield f"{path.stem}: {a.id}", a.source, b.source
    for message in catalogue():
        yield f"message {message.id[:50]!r}", message.id, message.string
    for path in sorted((ROOT / "lenet_helpers" / "quizzes" / "en").glob("*.yaml")):
        files = (path, path.parents[1] / "zh" / path.name)
        for a, b in zip(*(_texts_of(yaml.safe_load(file.read_text("utf-8"))) for file in files)):
            yield f"{path.stem}: {a[0]}", a[1], b[1]


def chinese_texts():
    yield from ((place, text) for place, _english, text in pairs())
    for path in (ROOT / "README.zh-CN.md", ROOT / "classroom" / "TEACHING.zh-CN.md"):
        yield path.name, path.read_text("utf-8")


def prose(text):
    """`text` with code, formulas and {fields} as an x, without link targets, tags and emphasis."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    text = re.sub(r"<[^>]*>", "", text)
    text = re.sub(r"`[^`\n]*`|\$\$[^$]+\$\$|\$[^$]+\$|\{[^{}]*\}", "x", text)
    return re.sub(r"\*{1,2}", "", text)


RULES = {
    "a space is missing beside Latin letters or figures": rf"[{HAN}][A-Za-z0-9]|[A-Za-z0-9%][{HAN}]",
    "a half-width mark": rf"[{HAN}][,;:?!()]|[,;:?!()][{HAN}]|[{HAN}]\.(?=\s|$)",
    "a space beside a full-width mark": r"[ \t][，。；：？！）、]|[，。；：？！（、][ \t]+(?=\S)",
    "a space between Chinese characters": rf"[{HAN}] +[{HAN}]",
    "a space before a percent sign": r"\d +[%％]",
    "straight quotes": rf"[\"'][{HAN}]|[{HAN}][\"']",
}
# Words of other translations, and of other meanings: see CONTRIBUTING.
AVOIDED = "迭代周期 步长 丢弃法 归一化 增广 基线 真值 下采样 精度 批大小 批次大小 数据泄漏 特征映射".split()


@pytest.mark.parametrize("rule", RULES)
def test_marks_and_spaces(rule):
    pattern = re.compile(RULES[rule], re.MULTILINE)
    found = [
        (place, clean[max(0, m.start() - 8) : m.end() + 8])
        for place, text in chinese_texts()
        for clean in [prose(text)]
        for m in pattern.finditer(clean)
    ]
    assert not found


def test_the_rules_find_what_they_are_for():
    wrong = ["用5个", "是的,好", "好 ，好", "好 的", "96 %", '"好"']
    for text, pattern in zip(wrong, RULES.values()):
        assert re.search(pattern, text), text


def test_no_word_of_another_translation():
    found = [(place, word) for place, text in chinese_texts() for word in AVOIDED if word in prose(text)]
    assert not found


def test_pooling_is_introduced_once_a_chapter():
    for path in sorted((ROOT / "notebooks" / "zh").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        assert text.count("池化") == text.count("汇聚（池化）") <= 1, path.name
    assert not [m.id for m in catalogue() if "池化" in m.string]


# English words and the one Chinese word of each; `|` where the English has two meanings.
TERMS = {
    r"equivarian": "等变",
    r"\binvarian": "不变",
    r"\bstrides?\b": "步幅",
    r"\bpadding\b": "填充",
    r"\bpooling\b": "汇聚",
    r"\breceptive field": "感受野",
    r"\blearning rate": "学习率",
    r"\bepochs?\b": "轮",
    r"\bmomentum\b": "动量",
    r"\bweight decay\b": "权重衰减",
    r"\bdropout\b": "暂退",
    r"\baccurac": "准确率",
    r"\bcross-entropy\b": "交叉熵",
    r"\boverfit": "过拟合",
    r"\bbootstrap": "自助",
    r"\bstandard deviation": "标准差",
    r"\bstandard errors?\b": "标准误",
    r"\bcheckpoint": "检查点",
    r"\bcross-correlat": "互相关",
    r"\bbatch size": "批量大小",
}


@pytest.mark.parametrize("english", TERMS)
def test_one_word_a_term(english):
    pattern, missing, seen = re.compile(english, re.IGNORECASE), [], 0
    for place, text, translation in pairs():
        # Titles of papers stay in their language, names of parameters in code's.
        if not place.endswith("reading") and pattern.search(prose(text)):
            seen += 1
            if not re.search(f"{TERMS[english]}|{english}", translation, re.IGNORECASE):
                missing.append((place, translation[:80]))
    assert seen and not missing


def _without_formulas(text):
    return re.sub(r"\$[^$]*\$", "x", text)


def test_emphasis_closes():
    """CommonMark closes no `**` between a full-width mark and a Chinese character."""
    render = MarkdownIt("commonmark").render
    stray = [
        place
        for place, text in chinese_texts()
        if re.search(
            r"\*\*\S", re.sub(r"<code>.*?</code>", "", render(_without_formulas(text)), flags=re.DOTALL)
        )
    ]
    assert not stray


def test_the_font_has_every_character_of_the_messages():
    fonts = [TTFont(CHINESE_FONT), TTFont(font_manager.findfont("DejaVu Sans"))]
    there = set().union(*(font.getBestCmap() for font in fonts))
    missing = {c for m in catalogue() for c in m.string if not c.isspace() and ord(c) not in there}
    assert not missing, "python -m tools.font"


def test_pictures_draw_every_character_also_in_bold(speak_chinese, recwarn, capfd):
    fig, ax = figure(width=2, height=2, layout=None)
    ax.set_title("更好、更差，未定", fontweight="bold")
    ax.set_xlabel("准确率 −3 %")
    png(fig)
    assert not recwarn.list and not capfd.readouterr().err


def test_the_compiled_catalogue_is_the_written_one():
    buffer = io.BytesIO()
    with open(PO, "rb") as file:
        write_mo(buffer, read_po(file, locale="zh", domain=DOMAIN))
    buffer.seek(0)
    with open(PO.with_suffix(".mo"), "rb") as file:
        stored, written = (gettext.GNUTranslations(one)._catalog for one in (file, buffer))
    heads = stored.pop(""), written.pop("")  # the version of Babel, among others
    assert stored == written and len(stored) > 1000 and all(heads), "make translations"
