"""Every chapter as a learner meets it: opened, read, interrupted, run from top to bottom."""

from tools.browser import WORKBENCH

# What ipywidgets and JupyterLab write where a widget could not be drawn.
BROKEN = ("model not found", "Error displaying widget", "Loading widget", "Error creating widget", "Could not instantiate")
ROOTS = ".jp-OutputArea-output .jupyter-widgets:not(.jupyter-widgets *)"


def test_unrun_it_shows_pictures_and_sentences(chapter):
    """As stored, before any cell has run: a still picture or a list of choices where a widget would be."""
    if chapter.path == WORKBENCH:
        return
    assert not [text for text in BROKEN if text in chapter.words()]
    pictures = chapter.page.locator(".jp-OutputArea-output img")
    assert pictures.evaluate_all("images => images.every(i => i.complete && i.naturalWidth > 100)")
    assert pictures.count() == sum("image/png" in o.get("data", {}) for _cell, outputs in chapter.outputs() for o in outputs)
    for picture in pictures.all()[:1]:
        chapter.shot("unrun", picture)


def test_a_restart_while_it_runs_is_recovered_from(chapter):
    chapter.start_all()
    chapter.wait_for_cell(3)
    chapter.restart()
    chapter.run_all()
    assert not chapter.errors()


def test_it_runs_to_the_end(chapter):
    chapter.ensure_ran()
    chapter.shot("ran", chapter.page.locator(".jp-Notebook .jp-Cell").first)
    assert not chapter.errors()
    assert not [text for text in BROKEN if text in chapter.words()]


def test_every_widget_is_drawn(chapter):
    chapter.ensure_ran()
    live = [cell for cell, outputs in chapter.outputs() for o in outputs if chapter.is_widget(o)]
    drawn = len(chapter.figures()) + len(chapter.quizzes())
    assert live and drawn == len(live)
    for figure in chapter.figures():
        figure.scroll_into_view_if_needed()
        assert figure.is_visible()
        pictures = figure.locator("img").evaluate_all("images => images.every(i => i.complete && i.naturalWidth > 100)")
        assert pictures, figure.get_attribute("class")
