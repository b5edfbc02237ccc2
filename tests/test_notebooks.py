"""The chapters as files: structure, stored outputs, what each picture says, and code equal to the helper's.

That every cell runs, and that what is tagged `nbval-check-output` prints what is stored, is nbval's part (see
conftest.py).
"""

import ast
import importlib
import inspect
import re
import textwrap
from pathlib import Path

import nbformat
import pytest
import yaml

from tools.notebooks import METADATA, WIDGET, build, chapters

ROOT = Path(__file__).parents[1]
CHAPTERS = chapters()
NOTEBOOKS = {
    str(path.relative_to(ROOT / "notebooks")): nbformat.read(path, as_version=4) for path in CHAPTERS
}
TAKEAWAY = re.compile(r"^\*\*(Takeaway|小结)", re.MULTILINE)
LANGUAGE_CELL = 'from lenet_helpers import set_language\nset_language("{}")'
# Words of prose that don't occur in code, keys or format strings.
ENGLISH = re.compile(
    r"\b(the|of|is|are|with|your|you|and|for|from|this|that|has|have|it|a|an)\b", re.IGNORECASE
)

each_chapter = pytest.mark.parametrize("name", NOTEBOOKS)


def code_cells(name):
    return [cell for cell in NOTEBOOKS[name].cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def headings(name):
    found = []
    for cell in NOTEBOOKS[name].cells:
        if cell.cell_type == "markdown":
            prose = re.sub(r"^```.*?^```", "", cell.source, flags=re.MULTILINE | re.DOTALL)
            found += [
                (len(marks), text)
                for marks, text in re.findall(r"^(#{1,6}) +(.+)$", prose, flags=re.MULTILINE)
            ]
    return found


def test_there_are_chapters():
    assert NOTEBOOKS


@each_chapter
def test_one_title_and_no_skipped_level(name):
    levels = [level for level, _text in headings(name)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:]))


@each_chapter
def test_metadata_is_minimal_and_names_the_kernel(name):
    assert dict(NOTEBOOKS[name].metadata) == METADATA


@each_chapter
def test_ids_are_unique_and_stable(name):
    ids = [cell.id for cell in NOTEBOOKS[name].cells]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", i) and len(i) <= 64 for i in ids)


@each_chapter
def test_the_first_code_cell_sets_the_language(name):
    first, *others = code_cells(name)
    assert tags(first) == ["language"] and first.source == LANGUAGE_CELL.format(name.split("/")[0])
    assert not any("language" in tags(cell) for cell in others)


@each_chapter
def test_code_cells_are_short(name):
    for cell in code_cells(name):
        # a whole network, shown as the helper has it, and a collapsed solution may take a little more
        longer = cell.id.endswith("-solution") or any(tag.startswith("shows:") for tag in tags(cell))
        assert 1 <= len(cell.source.splitlines()) <= (20 if longer else 15), cell.id


@each_chapter
def test_prose_comes_before_code(name):
    cells = NOTEBOOKS[name].cells
    assert cells[0].cell_type == "markdown" and cells[-1].source.strip()


@each_chapter
def test_imports_stand_in_one_cell(name):
    with_imports = [
        c.id
        for c in code_cells(name)[1:]
        if any(isinstance(n, (ast.Import, ast.ImportFrom)) for n in parse(c).body)
    ]
    assert len(with_imports) <= 1, with_imports


@each_chapter
def test_nothing_failed_and_nothing_is_unexecuted(name):
    """nbval would miss a cell without a number."""
    numbers = [cell.execution_count for cell in code_cells(name)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert not [
        c.id
        for c in code_cells(name)
        for o in c.outputs
        if o.output_type == "error" or o.get("name") == "stderr"
    ]


@each_chapter
def test_no_cell_hides_a_failure(name):
    forbidden = {"raises-exception", "nbval-skip", "nbval-raises-exception", "skip-execution"}
    assert not [cell.id for cell in code_cells(name) if forbidden & set(tags(cell))]


@each_chapter
def test_several_cells_are_compared(name):
    compared = [cell for cell in code_cells(name) if "nbval-check-output" in tags(cell)]
    assert len(compared) >= 3 and all(cell.outputs for cell in compared)


@each_chapter
def test_every_picture_says_what_it_shows(name):
    for cell in code_cells(name):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                alt = output.metadata.get("image/png", {}).get("alt", "")
                assert len(alt) > 20, cell.id
                assert "text/plain" in output.data and not re.match(
                    r"<Figure|<IPython|\w+\(", output.data["text/plain"]
                ), cell.id
            assert WIDGET not in output.get("data", {}), f"{cell.id}: a widget without a kernel shows nothing"
    for cell in NOTEBOOKS[name].cells:
        if cell.cell_type == "markdown":
            assert all(alt.strip() for alt in re.findall(r"!\[([^\]]*)\]\(", cell.source)), cell.id


@each_chapter
def test_every_explorer_left_its_still(name):
    """A cell that ends in an explorer or a quiz stores a picture or text in its place."""
    for cell in code_cells(name):
        last = parse(cell).body[-1] if parse(cell).body else None
        if (
            isinstance(last, ast.Expr)
            and isinstance(last.value, ast.Call)
            and called(last.value).endswith(("Explorer", "Dashboard", "Lab"))
        ):
            assert any("image/png" in output.get("data", {}) for output in cell.outputs), cell.id
        if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and called(last.value) == "quiz":
            assert any(o.get("data", {}).get("text/html") and o.data["text/plain"] for o in cell.outputs), (
                cell.id
            )


@each_chapter
def test_size(name):
    assert (ROOT / "notebooks" / name).stat().st_size < 1_500_000


@each_chapter
def test_solutions_are_collapsed_and_only_they(name):
    for cell in code_cells(name):
        collapsed = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert collapsed == cell.id.endswith("-solution"), cell.id


@each_chapter
def test_every_exercise_has_a_hint_and_a_solved_check(name):
    calls = [(cell, node) for cell in code_cells(name) for node in ast.walk(parse(cell)) if is_check(node)]
    helps = {"hint", "solution", "properties"}
    hinted = {
        node.args[0].value
        for _cell, node in calls
        if node.func.attr in helps and isinstance(node.args[0], ast.Constant)
    }
    checked = {node.func.attr for _cell, node in calls} - helps
    solved = {node.func.attr for cell, node in calls if "-solution" in cell.id}
    assert checked and checked <= hinted and checked <= solved, (checked - hinted, checked - solved)


@each_chapter
def test_the_code_holds_no_sentences(name):
    """Both editions share the code: what a learner reads comes from the helper."""
    for cell in code_cells(name):
        for node in ast.walk(parse(cell)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not (len(node.value.split()) >= 3 and ENGLISH.search(node.value)), (
                    cell.id,
                    node.value,
                )


@each_chapter
def test_shown_code_is_the_helpers_code(name):
    for cell in code_cells(name):
        for shown in (tag.removeprefix("shows:") for tag in tags(cell) if tag.startswith("shows:")):
            assert code_alone(parse(cell)) == code_alone(definition(shown)), (cell.id, shown)


@each_chapter
def test_every_section_ends_on_its_takeaway(name):
    sections, inside = {}, None  # the markdown cells of each numbered section
    for cell in NOTEBOOKS[name].cells:
        if cell.cell_type == "markdown":
            if heading := re.search(r"^## (\d+\.\d+)?", cell.source, re.MULTILINE):
                inside = heading[1]
            if inside:
                sections.setdefault(inside, []).append(cell.source)
    assert sections
    for number, cells in sections.items():
        takeaways = [bool(TAKEAWAY.search(text)) for text in cells]
        assert takeaways[-1] and sum(takeaways) == 1, number


@each_chapter
def test_every_question_asked_exists_and_is_asked_once(name):
    asked = re.findall(r'quiz\("([^"]+)", "([^"]+)"\)', "\n".join(cell.source for cell in code_cells(name)))
    assert asked and len(asked) == len(set(asked))
    language, file = name.split("/")
    questions = ROOT / "lenet_helpers" / "quizzes" / language / file.replace(".ipynb", ".yaml")
    ids = yaml_ids(yaml.safe_load(questions.read_text("utf-8")))
    assert all(chapter == Path(file).stem and question in ids for chapter, question in asked), asked


@each_chapter
def test_links_between_chapters_lead_somewhere(name):
    here = (ROOT / "notebooks" / name).parent
    for cell in NOTEBOOKS[name].cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)#\s]+\.(?:ipynb|md|py|json))(?:#[^)]*)?\)", cell.source):
                assert "://" in target or (here / target).exists(), (cell.id, target)


@pytest.mark.proof
@each_chapter
def test_two_builds_are_the_same_bytes(name, tmp_path):
    built = []
    for attempt in ("one", "two"):
        copy = tmp_path / attempt / Path(name).name
        copy.parent.mkdir()
        copy.write_bytes((ROOT / "notebooks" / name).read_bytes())
        build(copy)
        built.append(copy.read_bytes())
    assert built[0] == built[1]


# What the tests above read cells with -----------------------------------------------


def parse(cell):
    source = "\n".join(line for line in cell.source.splitlines() if not line.lstrip().startswith(("%", "!")))
    return ast.parse(source)


def is_check(node):
    """Whether it is a call like check.name(...)."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "check"
    )


def called(call):
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def yaml_ids(node):
    """All values under an `id` key, and all keys, wherever they stand in a question file."""
    if isinstance(node, dict):
        own = {str(node["id"])} if "id" in node else set()
        return own.union(map(str, node), *map(yaml_ids, node.values()))
    return set().union(*map(yaml_ids, node)) if isinstance(node, list) else set()


def definition(dotted):
    """The syntax tree of `module.Name` or `module.Class.method` of the helper package."""
    parts = dotted.split(".")
    module, names = importlib.import_module(f"lenet_helpers.{parts[0]}"), parts[1:]
    while names and inspect.ismodule(found := getattr(module, names[0])):
        module, names = found, names[1:]
    for part in names:
        module = getattr(module, part)
    return ast.parse(textwrap.dedent(inspect.getsource(module)))


def code_alone(tree):
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
    return ast.dump(tree)


def test_docstrings_and_type_hints_don_t_count_and_code_does():
    with_one = 'def f(x: int) -> int:\n    """Say."""\n    return x\n'
    assert code_alone(ast.parse(with_one)) == code_alone(ast.parse("def f(x):\n    return x"))
    assert code_alone(ast.parse(with_one)) != code_alone(ast.parse("def f(x):\n    return -x"))
