"""The question an explorer asks before it shows anything, and the comparison afterwards."""

import html
from contextlib import contextmanager

import ipywidgets as w

from ...wording import _
from .radio import radio

_LINE = "margin:4px 0;max-width:60em;line-height:1.45"


class Prediction:
    """One guess: `.value` is what the learner said (None: skipped), `.done` whether they have.

    `options`: a dict from id to what is shown, or a list of strings that are their own ids (numbers).
    `answer` is the right option's id, or a function that finds it when asked. `reveal()` is called once
    the guess is in.
    """

    def __init__(self, question, options, answer, reveal):
        self.question, self._answer, self._reveal = question, answer, reveal
        self.options = dict(options) if isinstance(options, dict) else {text: text for text in options}
        self.value, self.done = None, False
        first = html.escape(_("Predict first."))
        self.asked = w.HTML(f'<p style="{_LINE}"><b>{first}</b> {html.escape(question)}</p>')
        self.choice = radio([(text, key) for key, text in self.options.items()], _("Your prediction"))
        self.commit = w.Button(
            description=_("This is my prediction"), disabled=True, layout=w.Layout(width="auto")
        )
        self.skip = w.Button(description=_("Show without predicting"), layout=w.Layout(width="auto"))
        self.choice.add_class("lenet-predict-choice")
        self.commit.add_class("lenet-predict-commit")
        self.skip.add_class("lenet-predict-skip")
        self.verdict = w.HTML()
        self.verdict.add_class("lenet-verdict")
        self.choice.observe(self._chosen, "value")
        self.commit.on_click(lambda _button: self._close(self.choice.value))
        self.skip.on_click(lambda _button: self._close(None))
        self.form = w.VBox(
            [self.asked, self.choice, w.HBox([self.commit, self.skip], layout=w.Layout(flex_flow="row wrap"))]
        )
        self.widget = w.VBox([self.form, self.verdict])

    @property
    def answer(self):
        """The right option's id, as things stand."""
        return self._answer() if callable(self._answer) else self._answer

    def _chosen(self, change):
        self.commit.disabled = change["new"] is None

    def _close(self, value):
        self.value, self.done = value, True
        self.choice.disabled = self.commit.disabled = self.skip.disabled = True
        self.form.layout.display = "none"
        said = html.escape(self._verdict())
        # One line, which opens on the question.
        self.verdict.value = (
            f'<details style="{_LINE}"><summary><span role="status">{said}</span></summary>'
            f"{html.escape(self.question)}</details>"
        )
        self._reveal()

    def _verdict(self):
        answer = self.options[self.answer]
        if self.value is None:
            return _("Result: {answer}.").format(answer=answer)
        said = self.options[self.value]
        if self.value == self.answer:
            return "✓ " + _("You predicted: {value}. So it is. Say why before you read on.").format(
                value=said
            )
        text = _("You predicted: {value}. The answer is: {answer}. What did your picture of it leave out?")
        return "✗ " + text.format(value=said, answer=answer)

    @contextmanager
    def as_if(self, done):
        """For the block, as if the outcome had been revealed, or had not: for still pictures."""
        before, self.done = self.done, done
        try:
            yield
        finally:
            self.done = before
