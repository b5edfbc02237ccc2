"""Build the static web edition: `python -m tools.site [folder]`, or `make site` (into _site).

Sphinx, myst-nb and furo, from the outputs stored in the notebooks: nothing is run and
nothing is fetched. Every picture carries its alternative text.
"""

import ast
import base64
import html
import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from sphinx import search
from sphinx.cmd.build import build_main

from lenet_helpers.figures.export import with_outcomes_folded
from lenet_helpers.quizzes.questions import Quiz, load_questions

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_site"
NARROW = 60  # characters of a line that every window shows
CONF = """
project = {words[title]!r}
author = "the course's authors"
extensions = ["myst_nb", "tools.site"]
html_theme = "furo"
html_title = project
language = {words[sphinx]!r}
templates_path = ["templates"]
html_sidebars = {{"**": {sidebar!r}}}
html_context = {{"languages": {languages!r}}}
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath"]
# A formula is turned into MathML when the site is built: no script is fetched to show it.
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_use_index = False
exclude_patterns = ["results"]
suppress_warnings = ["mystnb.unknown_mime_type", "misc.highlighting_failure"]
"""
# furo's sidebar, and below the title the languages.
SIDEBAR = ["brand", "languages", "search", "scroll-start", "navigation", "scroll-end"]
# The words around the chapters, by language. `theme`: what furo and myst-nb say in English alone.
WORDS = {
    "en": {
        "sphinx": "en",
        "name": "English",
        "title": "LeNet, hands on",
        "lead": (
            "The chapters as they read without a kernel: each interactive figure stands as a picture and a"
            " sentence. To move the figures, train the network and check your answers, open the notebooks in"
            " JupyterLab: `make lab`."
        ),
        "solution": "Show a solution",
        "hint": "Show a hint",
        "close": "Fold it away",
        "choose": "Open the answer you would give.",
        "right": "Right.",
        "wrong": "Not this one.",
        "theme": {},
    },
    "zh": {
        "sphinx": "zh_CN",
        "name": "中文",
        "title": "动手学 LeNet",
        "lead": (
            "这里是各章不连内核时的样子：每个交互图都换成一张静态图和一句话。想拨动滑块、训练网络、检查答案，请在"
            " JupyterLab 中打开笔记本：`make lab`。"
        ),
        "solution": "显示解答",
        "hint": "显示提示",
        "close": "收起",
        "choose": "点开你要选的答案。",
        "right": "正确。",
        "wrong": "不是这个。",
        "theme": {
            "Toggle site navigation sidebar": "打开或收起导航栏",
            "Toggle table of contents sidebar": "打开或收起本页目录",
            "Toggle Light / Dark / Auto color theme": "切换浅色、深色或自动配色",
            "Toggle hidden content": "显示或收起内容",
            "Skip to content": "跳到正文",
            "Back to top": "回到顶部",
            "On this page": "本页内容",
            "Next": "下一页",
            "Previous": "上一页",
            "Home": "首页",
            "Contents": "目录",
            "Menu": "菜单",
            "Expand": "展开",
            "Light mode": "浅色",
            "Dark mode": "深色",
            "Auto light/dark, in light mode": "自动配色，当前浅色",
            "Auto light/dark, in dark mode": "自动配色，当前深色",
            "Made with": "网页主题：",
            "Please activate JavaScript to enable the search functionality.": "请先启用 JavaScript。",
        },
    },
}


def build(target=SITE, notebooks=ROOT / "notebooks"):
    """Build the site of every language there is into `target`; returns Sphinx's exit status."""
    target = Path(target)
    languages = sorted(folder.name for folder in notebooks.iterdir() if any(folder.glob("*.ipynb")))
    with tempfile.TemporaryDirectory() as scratch:
        for code in languages:
            source = Path(scratch) / code
            _prepare(source, notebooks / code, code, languages)
            # Beside what it builds, myst-nb leaves a folder of its own: here that goes with the rest.
            out = Path(scratch) / f"built-{code}" / "html"
            status = build_main(
                [
                    "-b",
                    "html",
                    "-q",
                    "-W",
                    "--keep-going",
                    "-d",
                    f"{scratch}/trees-{code}",
                    str(source),
                    str(out),
                ]
            )
            if status:
                return status
            for page in out.glob("*.html"):
                text = _in_our_words(page.read_text("utf-8"), _words(code)["theme"])
                page.write_text(_reached_by_tab(text), "utf-8")
            shutil.copytree(out, target / _folder("en", code), dirs_exist_ok=True)
    return 0


def _words(code):
    return WORDS.get(code) or WORDS["en"] | {"sphinx": code, "name": code}


def _folder(code, other):
    """The way from a page in language `code` to the same page in another: a folder each, English at the top,
    as its address must not change when others are added.
    """
    return "" if code == other else f"{other}/" if code == "en" else "../" + _folder("en", other)


def _in_our_words(page, theme):
    """`page` with the words of the theme's own, texts and labels, as the language has them."""
    for english, ours in theme.items():
        page = re.sub(rf'([>"]\s*){re.escape(english)}(\s*[<"])', rf"\g<1>{ours}\g<2>", page)
    return page


def _reached_by_tab(page):
    """The page with what may have to be scrolled, code, output, formulas, within the keyboard's reach."""

    def mark(block):
        lines = html.unescape(re.sub(r"<[^>]+>", "", block[1])).splitlines()
        return f'<pre tabindex="0">{block[1]}</pre>' if max(map(len, lines), default=0) > NARROW else block[0]

    page = page.replace('<div class="math-wrapper', '<div tabindex="0" class="math-wrapper')
    return re.sub(r"<pre>(.*?)</pre>", mark, page, flags=re.DOTALL)


def _prepare(source, chapters, code, languages):
    """A Sphinx project in `source`: the chapters of one language and a front page."""
    (source / "templates" / "sidebar").mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("site-languages.html"), source / "templates/sidebar/languages.html")
    words = _words(code)
    switch = [
        {"code": one, "name": _words(one)["name"], "folder": _folder(code, one), "here": one == code}
        for one in languages
    ]
    sidebar = [f"sidebar/{part}.html" for part in SIDEBAR]
    (source / "conf.py").write_text(CONF.format(words=words, sidebar=sidebar, languages=switch), "utf-8")
    names = sorted(path.stem for path in chapters.glob("*.ipynb"))
    for name in names:
        notebook = nbformat.read(chapters / f"{name}.ipynb", as_version=4)
        notebook.cells[0].source = notebook.cells[0].source.replace("# ", f"# {int(name[:2])} ", 1)
        for cell in notebook.cells:
            _for_the_site(cell, name, code, words)
        nbformat.write(notebook, source / f"{name}.ipynb")
    if (chapters.parent / "pictures").exists():
        shutil.copytree(chapters.parent / "pictures", source / "pictures")
    toctree = "\n".join(["```{toctree}", ":maxdepth: 2", "", *names, "```"])
    (source / "index.md").write_text(
        f"(index-title)=\n# {words['title']}\n\n{words['lead']}\n\n{toctree}\n", "utf-8"
    )


# Cells as they read on the site ----------------------------------------------------------


def _for_the_site(cell, chapter, code, words):
    """Change one cell: sections that can be linked at, links that work here too, folds with words of their
    own, questions that answer.
    """
    if cell.cell_type == "markdown":
        # A section is found under its chapter's and its cell's name, in every language.
        cell.source = re.sub(r"^(?=#{1,4} )", f"\n({chapter}-{cell.id})=\n", cell.source, count=1, flags=re.M)
        cell.source = re.sub(r"\]\(([\w-]+)\.ipynb#cell-id=([\w-]+)\)", r"](#\1-\2)", cell.source)
        cell.source = re.sub(
            r"\[([^\]]+)\]\(\.\./(\w+)/([\w-]+)\.ipynb\)",
            lambda found: f'<a href="{_folder(code, found[2])}{found[3]}.html">{found[1]}</a>',
            cell.source,
        )
        return
    cell.outputs = with_outcomes_folded(cell.outputs)
    if cell.metadata.get("jupyter", {}).get("source_hidden"):
        _fold(cell, "hide-cell", words["solution"], words["close"])
    elif re.search(r"^check\.hint\(", cell.source, re.MULTILINE):
        _fold(cell, "hide-output", words["hint"], words["close"])
    questions = _asked(cell.source, code)
    for output in cell.outputs:
        data = output.get("data", {})
        if questions and "text/html" in data:
            data["text/html"] = "".join(_question(quiz, words) for quiz in questions)
        elif "text/html" in data:
            data["text/html"] = re.sub(r'href="([\w-]+)\.ipynb"', r'href="\1.html"', data["text/html"])


def _fold(cell, tag, show, hide):
    cell.metadata["tags"] = [*cell.metadata.get("tags", []), tag]
    cell.metadata["mystnb"] = {"code_prompt_show": show, "code_prompt_hide": hide}


def _asked(source, code):
    """The questions that a cell asks, quiz("chapter", "id", …), their answers in the notebook's order."""
    try:
        last = ast.parse(source).body[-1]
        if last.value.func.id != "quiz":
            return []
        chapter, *ids = [argument.value for argument in last.value.args]
    except (SyntaxError, IndexError, AttributeError):  # a magic, an empty cell, anything but that call
        return []
    questions = {question.id: question for question in load_questions(chapter, code)}
    return [Quiz(chapter, questions[name]) for name in ids or questions]


def _question(quiz, words):
    """A question whose answers open, one at a time, on what is said to them: no script, no kernel."""
    name = html.escape(quiz.key, quote=True)
    parts = [
        f'<div class="lenet-question"><p><b>{html.escape(quiz.question.text)}</b></p><p>{words["choose"]}</p>'
    ]
    for option in quiz.options:
        verdict = f"✓ {words['right']}" if option.correct else f"✗ {words['wrong']}"
        parts.append(
            f'<details name="{name}"><summary>{html.escape(option.text)}</summary>'
            f"<p><b>{verdict}</b> {html.escape(option.feedback)}</p></details>"
        )
    return "".join([*parts, "</div>"])


class SearchChinese(search.SearchLanguage):
    """Chinese without a dictionary of words: each run of characters, of which the search finds parts from
    three characters on, and every two that follow each other.
    """

    lang = "zh"

    def split(self, input):
        runs = re.findall(r"[\u4e00-\u9fff]+", input)
        pairs = {run[i : i + 2] for run in runs for i in range(len(run) - 1)}
        return [*runs, *pairs, *re.findall(r"[a-zA-Z0-9_]+", input)]


def setup(app):
    """Sphinx calls this: our search, our anchors, and for every stored picture its alternative text."""
    app.add_search_language(SearchChinese)
    app.connect("doctree-read", _anchors, priority=100)  # before the tables of contents are made
    app.connect("doctree-read", _alternative_texts)
    app.add_html_math_renderer("mathml", inline_renderers=(_mathml, None), block_renderers=(_mathml, None))
    return {"parallel_read_safe": True}


def _anchors(app, doctree):
    """A section's anchor is what we name it, in tables of contents too, not what its heading says."""
    from docutils import nodes

    for section in doctree.findall(nodes.section):
        section["ids"].sort(key=lambda name: not name.startswith(nodes.make_id(app.env.docname) + "-"))


def _alternative_texts(app, doctree):
    from docutils import nodes

    path = Path(app.srcdir) / f"{app.env.docname}.ipynb"
    if not path.exists():
        return
    notebook = nbformat.read(path, as_version=4)
    texts = {
        base64.b64decode(output.data["image/png"]): output.metadata.get("image/png", {}).get("alt", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    }
    for image in doctree.findall(nodes.image):
        file = Path(app.srcdir) / image["uri"].lstrip("/")
        if "alt" not in image and file.exists():
            image["alt"] = texts.get(file.read_bytes(), "")


def _mathml(translator, node):
    from docutils import nodes
    from docutils.utils.math.latex2mathml import tex2mathml

    block = isinstance(node, nodes.math_block)
    translator.body.append(tex2mathml(node.astext(), as_block=block))
    raise nodes.SkipNode


if __name__ == "__main__":
    sys.exit(build(*sys.argv[1:2]))
