"""Chapter 0: where to go on, and a card for each chapter with what the reader has done in it.

Plain HTML without widgets: JupyterLab follows the links in it, and so does the web edition.
"""

import html

from ..quizzes import progress
from ..quizzes.course import CHAPTERS, done, last_place
from ..quizzes.questions import load_questions
from ..wording import _, language, preferred_language

_CARD = "border:1px solid #888;border-radius:6px;padding:6px 14px;margin:8px 0;max-width:46em"


class CourseMap:
    """The course at a glance: *Continue* at the place last worked on, then the chapters."""

    def __init__(self, chapters=CHAPTERS):
        self.chapters = [chapter for chapter in chapters if chapter.number]
        # A reader who changed to another language than that of the system finds it again.
        chosen = language() if language() != preferred_language() else ""
        progress.record("reader", "language", chosen)

    def go_on(self):
        """(address, sentence) of the place to go on at."""
        last = last_place()
        if last is None:
            first = self.chapters[0]
            text = _("Begin with chapter {n}: {title}")
            return first.link(), text.format(n=first.number, title=_(first.title))
        chapter, section, _date = last
        if section is None:
            text = _("Continue with chapter {n}: {title}")
        else:
            text = _("Continue in section {section} of chapter {n}: {title}")
        sentence = text.format(n=chapter.number, title=_(chapter.title), section=section)
        return chapter.link(section), sentence

    def worked_on(self):
        """When the reader worked here last, in words; empty for a newcomer."""
        last = last_place()
        return _("You worked on it last on {date}.").format(date=last[2]) if last and last[2] else ""

    def rows(self):
        """[(chapter, its head, what it asks, what was done in it)], the last empty before anything was."""
        return [
            (
                chapter,
                _("{n} {title} · {minutes} minutes").format(
                    n=chapter.number, title=_(chapter.title), minutes=chapter.minutes
                ),
                _("Asks first: {question}").format(question=_(chapter.asks)),
                progress_in(chapter),
            )
            for chapter in self.chapters
        ]

    def text(self):
        """All of it as plain text."""
        lines = [self.go_on()[1]]
        for _chapter, *words in self.rows():
            lines += ["", *filter(None, words)]
        return "\n".join(lines)

    def _html(self):
        address, sentence = self.go_on()
        when = html.escape(self.worked_on())
        parts = [f'<p><b><a href="{address}">{html.escape(sentence)}</a></b> {when}</p>']
        for chapter, head, asks, did in self.rows():
            lines = [f'<a href="{chapter.link()}"><b>{html.escape(head)}</b></a>', html.escape(asks)]
            if did:
                lines.append(html.escape(did))
            parts.append(f'<div style="{_CARD}">' + "<br>".join(lines) + "</div>")
        return "".join(parts)

    def _repr_mimebundle_(self, **_kwargs):
        return {"text/html": self._html(), "text/plain": self.text()}


def progress_in(chapter):
    """What was done in a chapter, counted upwards; empty before anything was."""
    solved, answered = done(chapter)
    exercises, questions = len(chapter.exercises()), len(load_questions(chapter.name))
    if solved == exercises and answered == questions:
        return _("All exercises solved and all questions answered.")
    if solved and answered:
        return _("Exercises solved: {solved}. Questions answered: {answered}.").format(
            solved=solved, answered=answered
        )
    if solved:
        return _("Exercises solved: {solved}.").format(solved=solved)
    return _("Questions answered: {answered}.").format(answered=answered) if answered else ""
