"""The chapters where nothing runs: in place of each widget a picture and a sentence, in every renderer.

JupyterLab itself is looked at in tests/browser.
"""

import asyncio
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import nbformat
import pytest
from nbconvert import HTMLExporter, MarkdownExporter
from traitlets.config import Configurable

from lenet_helpers.checks.wrapping import display_width
from lenet_helpers.figures.contents import CourseContents
from lenet_helpers.figures.export import OUTCOME, keep_stills
from tools.notebooks import NOTEBOOKS, WIDGET, chapters

NAMES = [str(path.relative_to(NOTEBOOKS)) for path in chapters()]
each_chapter = pytest.mark.parametrize("name", NAMES)
# What is left of a widget that nobody replaced.
REMAINS = (
    "model not found",
    "Error displaying widget",
    "VBox(children",
    "HBox(children",
    "Image(value=",
    "<Figure size",
)


class Images(HTMLParser):
    """Every <img> of a page as a dict of its attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.found.append(dict(attributes))

    handle_startendtag = handle_starttag


def read(name):
    return nbformat.read(NOTEBOOKS / name, as_version=4)


def pictures(name):
    """The texts of the pictures stored in a chapter's outputs, in order."""
    return [
        output.metadata["image/png"]["alt"]
        for cell in read(name).cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]


def outcomes(name):
    """The sentences of the outcomes that are stored apart, in order."""
    return [
        output.data[OUTCOME]["sentence"]
        for cell in read(name).cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if OUTCOME in output.get("data", {})
    ]


def exported(name, **options):
    """A chapter as HTML, as the menu of `make lab` exports it."""
    exporter = HTMLExporter(
        embed_images=True, preprocessors=["lenet_helpers.figures.export.AlternativeTexts"], **options
    )
    return exporter.from_notebook_node(read(name))


# The exporters know nothing of languages, but for the words that a fold opens with: JupyterLab's
# template shows both editions, the others the English one.
@pytest.mark.parametrize(
    "name, template",
    [(name, "lab") for name in NAMES] + [(name, "classic") for name in NAMES if name.startswith("en/")],
)
def test_html_keeps_every_picture_with_its_text(name, template):
    page, _resources = exported(name, template_name=template)
    found = [image for image in Images(page).found if image["src"].startswith("data:image/png")]
    folded = outcomes(name)
    alts = [image.get("alt") for image in found]
    assert [alt for alt in alts if alt not in folded] == pictures(name) != []
    assert [alt for alt in alts if alt in folded] == folded
    words = {"en": "Show what happens", "zh": "看看结果如何"}[name[:2]]
    assert page.count(f"<summary>{words}</summary>") == len(folded), "each in a fold of its own"
    assert not [text for text in REMAINS if text in page]


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("en/")])
def test_html_for_printing_stands_alone(name):
    """What a browser turns into PDF: no input prompts, no widget machinery, no picture kept elsewhere."""
    page, resources = exported(name, exclude_input_prompt=True, exclude_output_prompt=True)
    assert all(image["src"].startswith("data:") and image.get("alt") for image in Images(page).found)
    assert not resources.get("outputs") and WIDGET not in page


def test_a_notebook_saved_with_live_widgets_exports_their_pictures():
    metadata = {"image/png": {"alt": 'A "seven".'}}
    output = nbformat.v4.new_output(
        "execute_result", {WIDGET: {}, "image/png": "iVBORw0KGgo=", "text/plain": "x"}, metadata=metadata
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("figure", outputs=[output])])
    page, _resources = HTMLExporter(
        preprocessors=["lenet_helpers.figures.export.AlternativeTexts"]
    ).from_notebook_node(notebook)
    (image,) = Images(page).found
    assert image["alt"] == 'A "seven".' and WIDGET not in page


@each_chapter
def test_a_plain_renderer_shows_the_same_pictures(name):
    """Markdown knows no scripts and no styles: what stands there stands in GitHub's preview too."""
    text, resources = MarkdownExporter().from_notebook_node(read(name))
    assert len(re.findall(r"!\[[^\]]*\]\([^)]+\.png\)", text)) == len(pictures(name))
    assert sum(file.endswith(".png") for file in resources["outputs"]) == len(pictures(name))
    assert not [remains for remains in REMAINS if remains in text]


@each_chapter
def test_every_widget_left_a_picture_or_words(name):
    for cell in read(name).cells:
        if cell.cell_type == "code":
            for output in cell.outputs:
                data = output.get("data", {})
                assert WIDGET not in data, cell.id
                if "image/png" in data:
                    assert "text/html" not in data, f"{cell.id}: a picture inside HTML is not shown by GitHub"
                    alt = output.metadata["image/png"]["alt"]
                    assert len(alt.split()) >= 3 or display_width(alt) >= 12, cell.id


def test_what_is_saved_holds_pictures_in_place_of_live_figures():
    """Opened again, JupyterLab would look for widgets that no kernel knows any more."""
    outputs = [
        nbformat.v4.new_output(
            "execute_result", {WIDGET: {"model_id": "x"}, "image/png": "p", "text/plain": "t"}
        ),
        nbformat.v4.new_output("display_data", {WIDGET: {"model_id": "y"}, "text/plain": "a progress bar"}),
        nbformat.v4.new_output("stream", text="hello"),
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("m"), nbformat.v4.new_code_cell("x", outputs=outputs)]
    )
    keep_stills({"type": "notebook", "content": notebook}, path="a.ipynb", contents_manager=None)
    kept = notebook.cells[1].outputs
    assert set(kept[0].data) == {"image/png", "text/plain"} and WIDGET in kept[1].data
    keep_stills({"type": "file", "content": "text"}, path="a.txt", contents_manager=None)


# A server that remembers which figures live ------------------------------------------------


def served(folder, session_path="a.ipynb", pid=7):
    """The course's contents manager on `folder`, beside one kernel in process `pid`."""
    kernel = SimpleNamespace(provisioner=SimpleNamespace(pid=pid))

    class Sessions:
        async def list_sessions(self):
            return [{"path": session_path, "kernel": {"id": "k"}}]

    server = Server(session_manager=Sessions(), kernel_manager=SimpleNamespace(get_kernel=lambda _id: kernel))
    return CourseContents(parent=server, root_dir=str(folder)), kernel.provisioner


class Server(Configurable):
    def __init__(self, **kwargs):
        super().__init__()
        vars(self).update(kwargs)


def saved(manager, *views, path="a.ipynb"):
    outputs = [nbformat.v4.new_output("display_data", {WIDGET: v, "image/png": "cA=="}) for v in views]
    cell = nbformat.v4.new_code_cell("x", id="figure", outputs=outputs, execution_count=3)
    asyncio.run(manager.save({"type": "notebook", "content": nbformat.v4.new_notebook(cells=[cell])}, path))


def opened(manager, path="a.ipynb"):
    model = asyncio.run(manager.get(path))
    return [WIDGET in output["data"] for cell in model["content"]["cells"] for output in cell["outputs"]]


def test_a_page_loaded_anew_gets_the_figures_back_whose_process_runs(tmp_path):
    manager, process = served(tmp_path)
    saved(
        manager,
        {"model_id": "x", "processes": [7, 1]},
        {"model_id": "y"},
        {"model_id": "z", "processes": [6]},
    )
    assert WIDGET not in (tmp_path / "a.ipynb").read_text(), "the file holds pictures"
    assert opened(manager) == [True, False, False]
    process.pid = 8  # a restart
    assert opened(manager) == [False, False, False]
    process.pid = None  # a kernel somewhere else, of which nothing is known
    assert opened(manager) == [False, False, False]


def test_figures_of_another_notebook_or_of_another_run_are_not_mixed_up(tmp_path):
    manager, _process = served(tmp_path, session_path="b.ipynb")
    saved(manager, {"model_id": "x", "processes": [7]})
    assert opened(manager) == [False], "the kernel is another notebook's"
    manager, _process = served(tmp_path)
    saved(manager, {"model_id": "x", "processes": [7]})
    file = tmp_path / "a.ipynb"
    file.write_text(file.read_text().replace('"execution_count": 3', '"execution_count": 4'))
    assert opened(manager) == [False], "changed on disk since"


def test_other_files_are_served_as_ever(tmp_path):
    manager, _process = served(tmp_path)
    asyncio.run(manager.save({"type": "file", "format": "text", "content": "words"}, "a.txt"))
    assert asyncio.run(manager.get("a.txt"))["content"] == "words"
    assert asyncio.run(manager.get(""))["type"] == "directory"
    asyncio.run(manager.save({"type": "directory"}, "folder"))
    assert (tmp_path / "folder").is_dir()
