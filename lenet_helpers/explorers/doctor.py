"""Chapter 0: what the doctor found, and whether a figure in this page reaches Python and back."""

import html

import anywidget
import ipywidgets as w
import traitlets as T
from IPython.display import display

from ..figures.canvas import STORED
from ..tuning.doctor import examine
from ..wording import _
from .kit.accessibility import Labels
from .kit.order import heard_in_order
from .kit.still import live_output

_ASK_AND_SHOW = """
export default {
  render({ model, el }) {
    el.setAttribute("role", "status");
    const show = () => { el.textContent = model.get("answer") || model.get("waiting"); };
    model.on("change:answer", show);
    show();
    model.send({ asked: true });
  },
};
"""


class Doctor:
    """The findings on this machine. Live they are shown; stored is a sentence that is true everywhere."""

    def __init__(self):
        self.findings = examine()

    def text(self):
        lines = [
            "{mark} {name}: {found}".format(mark="!" if one.advice else "✓", name=one.name, found=one.found)
            + (f"\n  → {one.advice}" if one.advice else "")
            for one in self.findings
        ]
        return "\n".join([*lines, self.verdict()])

    def verdict(self):
        """The whole in a sentence."""
        if any(one.advice for one in self.findings):
            return _(
                "Something needs your attention: the lines that begin with an exclamation mark say what."
            )
        return _("This machine is ready for the course.")

    def _html(self):
        return f'<pre style="white-space:pre-wrap">{html.escape(self.text())}</pre>'

    def _repr_mimebundle_(self, **_kwargs):
        stored = _("Run this cell to have your machine looked at: versions, digits, device and speed.")
        return {
            "text/html": self._html(),
            "text/plain": self.text(),
            STORED: {"text/html": f"<p>{html.escape(stored)}</p>", "text/plain": stored},
        }


class _Asking(anywidget.AnyWidget):
    """Asks Python as soon as the page shows it, and shows the answer."""

    _esm = _ASK_AND_SHOW
    waiting = T.Unicode("").tag(sync=True)
    answer = T.Unicode("").tag(sync=True)


class RoundTrip:
    """A line that changes once a message went from the page to Python and back."""

    def __init__(self):
        waiting = _(
            "The page has asked Python and waits for its answer. If this line stays when no cell is running,"
            " restart the kernel and run the cell again."
        )
        self.asking = _Asking(waiting=waiting)
        self.asking.on_msg(self._answer)
        self.widget = w.VBox([self.asking, Labels()])  # which gives a busy page time
        self.widget.add_class("lenet-round-trip")
        heard_in_order(self.widget)

    def _answer(self, _widget, _content, _buffers):
        said = _("The page and Python reach each other: the interactive figures will work.")
        self.asking.answer = f"✓ {said}"

    def _repr_mimebundle_(self, **kwargs):
        missing = _(
            "Run this cell to try the interactive figures. If this sentence stays, the page shows no widgets:"
            " open the chapter in JupyterLab with make lab, and trust the notebook if it asks."
        )
        data = live_output(self.widget, **kwargs)
        return data | {"text/html": f"<p>{html.escape(missing)}</p>", "text/plain": missing}


def look_at_this_machine():
    """Show what the doctor finds, then try a round trip between the page and Python."""
    display(Doctor())
    display(RoundTrip())
