"""Quiz questions with radio buttons, an answer to every choice, and a still text version."""

import html

import ipywidgets as w

from ...quizzes.questions import Quiz, load_questions, score
from ...wording import _, sentences
from .accessibility import Labels
from .order import heard_in_order
from .radio import radio
from .still import live_output
from .style import gone, style_sheet

_LINE = "margin:2px 0;max-width:60em;line-height:1.45"


class QuizView:
    """Some questions, one below the other. `.quizzes` holds the states, `.widget` shows them."""

    def __init__(self, quizzes):
        self.quizzes = quizzes
        self.cards = [QuestionCard(quiz) for quiz in quizzes]
        self.widget = w.VBox([style_sheet(), gone(), *(card.widget for card in self.cards), Labels()])
        self.widget.add_class("lenet-quiz")

    def text(self):
        """The questions and their choices as plain text, for pages without a kernel."""
        lines = []
        for quiz in self.quizzes:
            lines.append(f"{quiz.question.section}  {quiz.question.text}")
            lines += [f"  ○ {option.text}" for option in quiz.options]
        return "\n".join(lines)

    def _html(self):
        cards = []
        for quiz in self.quizzes:
            items = "".join(f"<li>{html.escape(option.text)}</li>" for option in quiz.options)
            cards.append(f"<p><b>{html.escape(quiz.question.text)}</b></p><ul>{items}</ul>")
        return "".join(cards)

    def _repr_mimebundle_(self, **kwargs):
        data = live_output(self.widget, **kwargs)
        return data | {"text/html": self._html(), "text/plain": self.text()}


class QuestionCard:
    """One question: choices, a button, and what is said to the choice made."""

    def __init__(self, quiz):
        self.quiz = quiz
        question = quiz.question
        title = w.HTML(f'<p style="{_LINE}"><b>{html.escape(question.text)}</b></p>')
        self.choice = radio(self._options(), _("Answer"))
        self.button = w.Button(
            description=_("Check my answer"),
            disabled=True,
            layout=w.Layout(width="auto", align_self="flex-start"),
        )
        self.feedback = w.HTML()
        self.choice.add_class(f"lenet-quiz-{question.id}")
        self.button.add_class("lenet-quiz-check")
        self.feedback.add_class("lenet-quiz-feedback")
        self.choice.observe(self._chosen, "value")
        self.button.on_click(lambda _button: self._judge())
        self.widget = w.VBox([title, self.choice, self.button, self.feedback])
        heard_in_order(self.widget)
        self._recall()

    def _options(self, said=None):
        """(label, id) of each choice; once one was made, the right one is marked, and a wrong one too."""
        marks = {o.id: "✓ " if o.correct else "✗ " if o.id == said else "" for o in self.quiz.options}
        return [(marks[o.id] + o.text if said else o.text, o.id) for o in self.quiz.options]

    def _recall(self):
        """What was answered before, in an earlier session too."""
        said = self.quiz.stored().get("chosen")
        option = next((o for o in self.quiz.options if o.id == said), None)
        if option is None:
            return
        self._mark(option)
        self._say(sentences(_("You have answered this one before."), option.feedback))

    def _mark(self, option):
        self.marking = True  # the choice that comes back with the new labels is not the learner's
        self.choice.options = self._options(option.id)
        self.choice.value = option.id
        self.marking = False

    marking = False

    def _chosen(self, change):
        self.button.disabled = change["new"] is None
        if not self.marking:
            self._say("")

    def _judge(self):
        option = self.quiz.answer(self.choice.value)
        self._mark(option)
        verdict = "✓ " + _("Right.") if option.correct else "✗ " + _("Not this one.")
        self._say(sentences(verdict, option.feedback, self._count()))

    def _count(self):
        """How far the reader has come: what is solved, not what is missing."""
        _first, solved, asked = score(self.quiz.chapter)
        # Nothing is kept where the progress file is switched off or cannot be written.
        if not self.quiz.stored() or not solved:
            return ""
        if solved == asked:
            return _("(All {asked} questions of this chapter solved.)").format(asked=asked)
        return _("(Solved in this chapter so far: {solved}.)").format(solved=solved)

    def _say(self, text):
        self.feedback.value = f'<p role="status" style="{_LINE}">{html.escape(text)}</p>'


def quiz(chapter, *ids, seed=0):
    """Ask the questions of `chapter` with these ids, or all of them: a figure for Jupyter to show.

    `seed` fixes the order of the answers.
    """
    questions = {q.id: q for q in load_questions(chapter)}
    for wanted in ids:
        if wanted not in questions:
            raise ValueError(
                _("no question {question!r}: choose one of {ids}").format(
                    question=wanted, ids=", ".join(questions)
                )
            )
    return QuizView([Quiz(chapter, questions[name], seed) for name in ids or questions])
