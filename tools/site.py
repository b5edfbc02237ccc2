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
from sphinx.cmd.build import build_main

from lenet_helpers.figures.export import with_outcomes_folded
from lenet_helpers.quizzes.questions import Quiz, load_questions

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_site"
NARROW = 60  # characters of a line that every window shows
CONF = """
project = "LeNet, hands on"
author = "the course's authors"
extensions = ["myst_nb", "tools.site"]
html_theme = "furo"
html_title = project
language = {language!r}
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
# A formula is turned into MathML when the site is built: no script is fetched to show it.
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
exclude_patterns = ["results"]
suppress_warnings = ["mystnb.unknown_mime_type", "misc.highlighting_failure"]
"""
# The words around the chapters, by language.
WORDS = {
    "en": {
        "sphinx": "en",
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
    },
    "zh": {
        "sphinx": "zh_CN",
        "title": "动手学 LeNet",
        "lead": (
            "这里是各章的静态页面:每个交互图都以一张图片和一句话代替。要移动滑块、训练网络、检查答案,请在"
            " JupyterLab 中打开笔记本:`make lab`。"
        ),
        "solution": "显示参考答案",
        "hint": "显示提示",
        "close": "收起",
        "choose": "点开你要选的答案。",
        "right": "正确。",
        "wrong": "不是这个。",
    },
}


def build(target=SITE, notebooks=ROOT / "notebooks"):
    """Build the site of every language there is into `target`; returns Sphinx's exit status."""
    target = Path(target)
    languages = sorted(folder.name for folder in notebooks.iterdir() if any(folder.glob("*.ipynb")))
    with tempfile.TemporaryDirectory() as scratch:
        for code in languages:
            source = Path(scratch) / code
            _prepare(source, notebooks / code, code, [other for other in languages if other != code])
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
            for page in out.rglob("*.html"):
                page.write_text(_reached_by_tab(page.read_text("utf-8")), "utf-8")
            # One folder a language, English at the top: its address does not change when others are added.
            shutil.copytree(out, target if code == "en" else target / code, dirs_exist_ok=True)
    return 0


def _reached_by_tab(page):
    """The page with what may have to be scrolled, code, output, formulas, within the keyboard's reach."""

    def mark(block):
        lines = html.unescape(re.sub(r"<[^>]+>", "", block[1])).splitlines()
        return f'<pre tabindex="0">{block[1]}</pre>' if max(map(len, lines), default=0) > NARROW else block[0]

    page = page.replace('<div class="math-wrapper', '<div tabindex="0" class="math-wrapper')
    return re.sub(r"<pre>(.*?)</pre>", mark, page, flags=re.DOTALL)


def _prepare(source, chapters, code, others):
    """A Sphinx project in `source`: the chapters of one language and a front page."""
    source.mkdir()
    words = WORDS.get(code, WORDS["en"])
    headings = _headings(chapters)
    (source / "conf.py").write_text(CONF.format(language=words["sphinx"]), "utf-8")
    names = sorted(path.stem for path in chapters.glob("*.ipynb"))
    for name in names:
        notebook = nbformat.read(chapters / f"{name}.ipynb", as_version=4)
        notebook.cells[0].source = notebook.cells[0].source.replace("# ", f"# {int(name[:2])} ", 1)
        for cell in notebook.cells:
            _for_the_site(cell, code, words, headings)
        nbformat.write(notebook, source / f"{name}.ipynb")
    if (chapters.parent / "pictures").exists():
        shutil.copytree(chapters.parent / "pictures", source / "pictures")
    toctree = "\n".join(["```{toctree}", ":maxdepth: 2", "", *names, "```"])
    (source / "index.md").write_text(f"# {words['title']}\n\n{words['lead']}\n\n{toctree}\n", "utf-8")


# Cells as they read on the site ----------------------------------------------------------


def _for_the_site(cell, code, words, headings):
    """Change one cell: folds with words of their own, questions that answer, links that work here too."""
    if cell.cell_type == "markdown":
        cell.source = re.sub(
            r"\]\(([\w-]+\.ipynb)#cell-id=([\w-]+)\)",
            lambda found: f"]({found[1]}#{headings.get((found[1], found[2]), '')})",
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


def _headings(chapters):
    """(notebook, cell id) → the anchor that the site gives to the first heading in that cell."""
    found = {}
    for path in chapters.glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            heading = re.search(r"^#{2,4} +(.+?) *$", cell.source, re.MULTILINE)
            if cell.cell_type == "markdown" and heading:
                anchor = re.sub(r"[^\w\u4e00-\u9fff\- ]", "", heading[1].lower().replace(" ", "-"))
                found[path.name, cell.id] = anchor
    return found


def setup(app):
    """Sphinx calls this: give every stored picture its alternative text."""
    app.connect("doctree-read", _alternative_texts)
    app.add_html_math_renderer("mathml", inline_renderers=(_mathml, None), block_renderers=(_mathml, None))
    return {"parallel_read_safe": True}


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
