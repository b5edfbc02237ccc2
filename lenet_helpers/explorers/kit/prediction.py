"""The question an explorer asks before it shows anything, and the comparison afterwards."""

import html
from contextlib import contextmanager

import ipywidgets as w

from ...wording import _
from .radio import radio


class Prediction:
    """One guess: `.value` is what the learner said (None: skipped), `.done` whether they have.

    `answer` is the right option, or a function that finds it when asked. `reveal()` is
    called once the guess is in.
    """

    def __init__(self, question, options, answer, reveal):
        self.question, self.options, self._answer, self._reveal = question, list(options), answer, reveal
        self.value, self.done = None, False
        text = w.HTML(
            '<p style="margin:4px'
            f' 0;max-width:60em;line-height:1.45"><b>{html.escape(_("Predict first."))}</b>'
            f" {html.escape(question)}</p>"
        )
        self.choice = radio(options, _("Your prediction"))
        self.commit = w.Button(
            description=_("This is my prediction"), disabled=True, layout=w.Layout(width="auto")
        )
        self.skip = w.Button(description=_("Show without predicting"), layout=w.Layout(width="auto"))
        self.choice.add_class("lenet-predict-choice")
        self.commit.add_class("lenet-predict-commit")
        self.skip.add_class("lenet-predict-skip")
        self.verdict = w.HTML()
        self.choice.observe(self._chosen, "value")
        self.commit.on_click(lambda _button: self._close(self.choice.value))
        self.skip.on_click(lambda _button: self._close(None))
        self.buttons = w.HBox([self.commit, self.skip])
        self.widget = w.VBox([text, self.choice, self.buttons, self.verdict])

    @property
    def answer(self):
        """The right option, as things stand."""
        return self._answer() if callable(self._answer) else self._answer

    def _chosen(self, change):
        self.commit.disabled = change["new"] is None

    def _close(self, value):
        self.value, self.done = value, True
        self.choice.disabled = self.commit.disabled = self.skip.disabled = True
        self.buttons.layout.display = "none"
        if value is None:
            text = _("Result: {answer}.").format(answer=self.answer)
        elif value == self.answer:
            text = _("✓ You predicted: {value}. So it is. Say why before you read on.").format(value=value)
        else:
            text = _(
                "✗ You predicted: {value}. The answer is: {answer}. What did your picture of it leave out?"
            ).format(value=value, answer=self.answer)
        self.verdict.value = (
            f'<p role="status" style="margin:4px 0;max-width:60em;line-height:1.45">{html.escape(text)}</p>'
        )
        self._reveal()

    @contextmanager
    def shown(self):
        """For the block, as if the outcome had been revealed: used for the still picture."""
        before, self.done = self.done, True
        try:
            yield
        finally:
            self.done = before
