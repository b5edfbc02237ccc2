"""The learner's copies: whatever the course does, what the learner wrote is still there."""

import copy
import itertools

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import copies
from tools.copies import merge, original, refresh

NAME = "en/01-chapter.ipynb"


def cells(**sources):
    made = []
    for i, source in sources.items():
        make = new_markdown_cell if i.startswith("text") else new_code_cell
        made.append(make(source, id=i))
    return made


def write(path, made):
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=made), path)


def sources(path):
    return {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}


@pytest.fixture
def course(tmp_path):
    """(shipped, copies) with one chapter, copied."""
    shipped, mine = tmp_path / "notebooks", tmp_path / "course"
    write(shipped / NAME, cells(text="Predict.", task="def f(): raise NotImplementedError", show="f()"))
    assert refresh(shipped, mine) == []
    return shipped, mine


def test_a_first_copy_is_the_chapter_itself(course):
    shipped, mine = course
    assert (mine / NAME).read_bytes() == (shipped / NAME).read_bytes()


def test_nothing_is_touched_where_the_course_has_not_changed(course):
    shipped, mine = course
    write(mine / NAME, cells(text="Predict.", task="def f(): return 1"))
    before = (mine / NAME).read_bytes()
    assert refresh(shipped, mine) == [] and (mine / NAME).read_bytes() == before


def test_an_update_keeps_answers_and_brings_new_text(course):
    shipped, mine = course
    write(mine / NAME, cells(text="Predict.", note="# mine", task="def f(): return 1", show="f()"))
    write(
        shipped / NAME,
        cells(
            text="Predict, then run.", new="1 + 1", task="def f():\n    raise NotImplementedError", show="f()"
        ),
    )
    said = refresh(shipped, mine)
    assert sources(mine / NAME) == {
        "text": "Predict, then run.",
        "note": "# mine",
        "new": "1 + 1",
        "task": "def f(): return 1",
        "show": "f()",
    }
    assert "what you wrote is kept" in said[0] and said[1].endswith("yours stand: task")
    assert refresh(shipped, mine) == []


def test_outputs_stay_where_the_code_did(course):
    shipped, mine = course
    notebook = nbformat.read(mine / NAME, as_version=4)
    notebook.cells[2].outputs = [nbformat.v4.new_output("stream", text="my own output")]
    nbformat.write(notebook, mine / NAME)
    write(shipped / NAME, cells(text="Predict well.", task="def f(): raise NotImplementedError", show="f()"))
    refresh(shipped, mine)
    assert nbformat.read(mine / NAME, as_version=4).cells[2].outputs[0].text == "my own output"


def test_a_copy_that_cannot_be_read_is_set_aside_and_named(course):
    shipped, mine = course
    (mine / NAME).write_text("{ broken", "utf-8")
    write(shipped / NAME, cells(text="New."))
    (said,) = refresh(shipped, mine)
    assert "01-chapter-earlier-1.ipynb" in said and sources(mine / NAME) == {"text": "New."}
    assert (mine / "en" / "01-chapter-earlier-1.ipynb").read_text("utf-8") == "{ broken"


def test_every_combination_of_three_versions_keeps_what_the_learner_wrote():
    """One cell, each of: absent, as it was, changed: on the learner's side and on the course's; and order."""
    base = cells(a="a", b="b", c="c")
    for mine_b, theirs_b in itertools.product((None, "b", "mine"), (None, "b", "theirs")):
        mine = cells(a="a", **({} if mine_b is None else {"b": mine_b}), own="own", c="c")
        theirs = cells(a="a", **({} if theirs_b is None else {"b": theirs_b}), c="c", d="d")
        merged, both = merge(base, copy.deepcopy(mine), copy.deepcopy(theirs))
        found = {cell.id: cell.source for cell in merged}
        assert found["own"] == "own" and list(found)[-2:] == ["c", "d"]
        if mine_b == "mine":
            assert found["b"] == "mine"
        elif mine_b is None or theirs_b is None:
            assert "b" not in found  # the learner deleted it, or the course did and nobody had changed it
        else:
            assert found["b"] == theirs_b
        assert both == (["b"] if (mine_b, theirs_b) == ("mine", "theirs") else [])


def test_a_chapter_goes_back_and_the_learners_is_kept(course):
    shipped, mine = course
    write(mine / NAME, cells(task="def f(): return 1"))
    said = original("01-chapter", shipped=shipped, copies=mine)
    assert "01-chapter-earlier-1.ipynb" in said
    assert sources(mine / NAME) == sources(shipped / NAME)
    assert sources(mine / "en" / "01-chapter-earlier-1.ipynb") == {"task": "def f(): return 1"}


def test_a_name_in_two_languages_means_the_readers(course, monkeypatch):
    shipped, mine = course
    write(shipped / "zh/01-chapter.ipynb", cells(text="预测。"))
    for language in ("en", "zh"):
        monkeypatch.setenv("LENET_LANGUAGE", language)
        assert original("01-chapter", shipped=shipped, copies=mine).startswith(f"{language}/01-chapter")
    assert original("en/01-chapter", shipped=shipped, copies=mine).startswith("en/01-chapter")


@pytest.mark.parametrize("there", [True, False])
def test_one_cell_goes_back_to_its_place(course, there):
    shipped, mine = course
    write(
        mine / NAME, cells(text="My words.", **({"task": "def f(): return 1"} if there else {}), show="f()")
    )
    original("01-chapter", "task", shipped=shipped, copies=mine)
    assert sources(mine / NAME) == {
        "text": "My words.",
        "task": "def f(): raise NotImplementedError",
        "show": "f()",
    }


@pytest.mark.parametrize(
    "given, words", [(("nine",), "en/01-chapter"), (("01-chapter", "nine"), "task, show")]
)
def test_what_there_is_not_is_named_beside_what_there_is(course, given, words):
    with pytest.raises(ValueError, match=words):
        original(*given, shipped=course[0], copies=course[1])


def test_the_command_says_what_is_wrong_in_a_sentence(monkeypatch, course):
    monkeypatch.setattr(copies, "SHIPPED", course[0])
    monkeypatch.setenv("LENET_LANGUAGE", "en")
    for given in (["back"], ["original"], ["original", "a", "b", "c"]):
        with pytest.raises(SystemExit, match=r"original CHAPTER \[CELL\]"):
            copies.main(given)
