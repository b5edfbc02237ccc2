"""What all interactive figures share: one picture redrawn, a prediction first, errors in sight.

How to add an explorer, in a file of its own: a state that knows no widgets, and a view::

    @dataclass
    class SquareState:                          # numbers in, numbers out; tested alone
        side: int = 3

        @property
        def area(self):
            return self.side ** 2

    class SquareExplorer(Explorer):
        name = "square"                         # css class lenet-square

        def build(self):                        # once: artists to be reused, and controls
            self.figure, ax = figure(width=4, height=3, layout=None)
            (self.bar,) = ax.bar([""], [0])
            ax.set_ylim(0, 100)
            self.slider("side", _("side [pixels]"), 1, 10)
            self.ask(_("You double the side. The area grows by a factor of …"), ["2", "4", "8"], answer="4")

        def draw(self):                         # at each change, from self.state alone
            self.bar.set_height(self.state.area if self.revealed else 0)

        def sentence(self):                     # caption, and the text where there is no kernel
            return _("A side of {n} gives an area of {a}.").format(n=self.state.side, a=self.state.area)

    SquareExplorer(SquareState())               # in a notebook: shown as the cell's result

`self.revealed` is False until the learner has predicted (or chosen to skip): draw what
they need to decide, and hold back the outcome. A redraw must stay under 100 ms: set data
on artists made in `build`, keep `layout=None` and place the axes yourself; where it can't,
pass `continuous_update=False`. An exception in a callback is shown in the figure.
"""

import base64
import html
import io
import textwrap
import traceback

import ipywidgets as w
import matplotlib.image
import numpy as np
import traitlets

from ...figures.canvas import bare, figure, png
from ...wording import _
from .accessibility import Labels
from .prediction import Prediction
from .radio import STYLE

CAPTION = "font-size:14px;line-height:1.45;max-width:46em;margin:4px 0"


class Picture(w.Image):
    """An Image whose tooltip is the picture's accessible name, as ipywidgets' Image has no alternative text.

    The browser's part reads `description` before it sets a tooltip: without that trait it
    fails, and no picture is shown at all.
    """

    description = traitlets.Unicode("").tag(sync=True)


class Explorer:
    """A state, a widget that shows it, and a still picture where there is no kernel."""

    name = "explorer"
    describe_width = "13em"

    def __init__(self, state):
        self.state = state
        self.controls = {}
        self.figure = None
        self.prediction = None
        self.image = Picture(format="png", layout=w.Layout(max_width="100%"))
        self.image.add_class("lenet-picture")
        self.labels = Labels()
        self.caption = w.HTML()
        self.error = w.HTML()
        self.error.add_class("lenet-error")
        self.build()
        rows = [self.prediction.widget] if self.prediction else []
        self.panel = w.VBox(list(self.controls.values()))
        self.widget = w.VBox(
            [w.HTML(STYLE), *rows, self.panel, self.image, self.caption, self.error, self.labels]
        )
        self.widget.add_class("lenet-explorer")
        self.widget.add_class(f"lenet-{self.name}")
        self.refresh()

    # for subclasses -------------------------------------------------------------------
    def build(self):
        """Make `self.figure`, its artists and the controls, once."""
        raise NotImplementedError

    def draw(self):
        """Bring the artists up to date with `self.state`."""
        raise NotImplementedError

    def sentence(self):
        """What the picture shows now, in one or two sentences."""
        raise NotImplementedError

    # controls -------------------------------------------------------------------------
    def slider(self, field, description, low, high, step=1, *, continuous_update=True, form=None):
        """A slider with description and readout, tied to `state.<field>`; integer if all its numbers are."""
        whole = all(isinstance(v, int) for v in (low, high, step))
        make = w.IntSlider if whole else w.FloatSlider
        return self.control(
            field,
            make(
                value=getattr(self.state, field),
                min=low,
                max=high,
                step=step,
                description=description,
                readout=True,
                readout_format=form or ("d" if whole else ".2f"),
                continuous_update=continuous_update,
            ),
        )

    def choice(self, field, description, options):
        """A drop-down list tied to `state.<field>`; `options` as ipywidgets takes them."""
        return self.control(
            field, w.Dropdown(value=getattr(self.state, field), options=options, description=description)
        )

    def switch(self, field, description):
        """A box to tick, tied to `state.<field>`."""
        return self.control(
            field, w.Checkbox(value=getattr(self.state, field), description=description, indent=False)
        )

    def button(self, name, description, action):
        """A button that calls `action()`, then redraws."""
        button = w.Button(description=description, layout=w.Layout(width="auto"))
        button.on_click(lambda _button: self._guarded(action))
        button.add_class(f"lenet-{self.name}-{name}")
        self.controls[name] = button
        return button

    def control(self, field, widget):
        """Tie any widget with a `value` to `state.<field>`: a change sets it and redraws."""
        widget.add_class(f"lenet-{self.name}-{field}")
        widget.style.description_width = self.describe_width
        if not isinstance(widget, w.Checkbox):
            widget.layout.width = "34em"
        widget.layout.max_width = "100%"
        widget.observe(
            lambda change: self._guarded(lambda: setattr(self.state, field, change["new"])), "value"
        )
        self.controls[field] = widget
        return widget

    def ask(self, question, options, answer):
        """Ask for a prediction before the outcome is drawn.

        `options`: strings; `answer`: the right one, or a function of no arguments that
        finds it from the state at that moment.
        """
        self.prediction = Prediction(question, options, answer, lambda: self._guarded(lambda: None))
        self.prediction.widget.add_class(f"lenet-{self.name}-prediction")

    @property
    def revealed(self):
        """Whether the outcome may be drawn: a prediction was made, skipped, or never asked for."""
        return self.prediction is None or self.prediction.done

    # drawing --------------------------------------------------------------------------
    def refresh(self):
        """Redraw the picture and the caption from the state."""
        self.draw()
        self.image.value = png(self.figure)
        self.image.tooltip = self.labels.text = self.sentence()
        self.caption.value = f'<p style="{CAPTION}">{html.escape(self.sentence())}</p>'

    def _guarded(self, action):
        """Run a callback; what it raises stands in the figure instead of vanishing."""
        try:
            self.error.value = ""
            action()
            self.refresh()
        except ValueError as problem:  # an illegal setting: its message is written for learners
            self._show_error(_("Not possible: {problem}").format(problem=problem))
        except Exception:
            self._show_error(traceback.format_exc(limit=-3))

    def _show_error(self, text):
        self.error.value = (
            f'<pre role="alert" style="white-space:pre-wrap;background:#fff;color:#8a1c00;'
            f'border-left:4px solid #D55E00;padding:6px">{html.escape(text)}</pre>'
        )

    def still(self):
        """(PNG bytes, sentence) of the outcome as it stands, the sentence written below the picture."""
        if self.prediction:
            with self.prediction.shown():
                self.draw()
                picture, sentence = png(self.figure), self.sentence()
            self.draw()
        else:
            picture, sentence = png(self.figure), self.sentence()
        return _with_caption(picture, sentence), sentence

    def _repr_mimebundle_(self, **kwargs):
        data = dict(self.widget._repr_mimebundle_(**kwargs) or {})
        picture, sentence = self.still()
        data["image/png"] = base64.b64encode(picture).decode("ascii")
        data["text/plain"] = sentence
        return data, {"image/png": {"alt": sentence}}


def _with_caption(picture, sentence):
    """The PNG with `sentence` written under it, for pages that show nothing but pictures."""
    pixels = matplotlib.image.imread(io.BytesIO(picture))
    height, width = pixels.shape[:2]
    lines = textwrap.wrap(sentence, max(30, width // 7))
    room = 16 * len(lines) + 14
    fig, ax = figure(width=width / 100, height=(height + room) / 100, layout=None)
    ax.set_position((0, room / (height + room), 1, height / (height + room)))
    bare(ax)
    ax.imshow(np.clip(pixels, 0, 1), aspect="auto", interpolation="none")
    fig.text(8 / width, (room - 6) / (height + room), "\n".join(lines), fontsize=9, va="top", linespacing=1.2)
    return png(fig)
