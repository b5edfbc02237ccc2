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
            # where the options are words: {"same": _("stays the same"), …}, answer="same"

        def draw(self):                         # at each change, from self.state alone
            self.bar.set_height(self.state.area if self.revealed else 0)

        def sentence(self):                     # caption, and the text where there is no kernel
            return _("A side of {n} gives an area of {a}.").format(n=self.state.side, a=self.state.area)

    SquareExplorer(SquareState())               # in a notebook: shown as the cell's result

`self.revealed` is False until the learner has predicted (or chosen to skip): draw what
they need to decide, and hold back the outcome. A redraw must stay under 100 ms: set data
on artists made in `build`, keep `layout=None` and place the axes yourself; where it can't,
pass `continuous_update=False`. An exception in a callback is shown beside the controls.

What a notebook stores is the figure before the prediction, with one line that says how to go on.
"""

import contextlib
import gc
import html
import threading
import traceback

import ipywidgets as w
import torch
import traitlets

from ...figures.canvas import png
from ...wording import _, sentences
from .accessibility import Labels
from .order import heard_in_order
from .prediction import Prediction
from .still import bundle, live_output
from .style import gone, style_sheet

# What was imported up to here stays until the end. Else Python's collector walks through all of torch and
# matplotlib after some hundred moves, a fifth of a second in which no figure answers.
gc.freeze()

# One callback at a time: a page may ask for a thread for each control. Of two that draw at once the older
# sentence may stay, and torch the other's number of threads.
_ALONE = threading.RLock()

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

    def __init__(self, state):
        self.state = state
        self.controls = {}
        self.figure = None
        self.prediction = None
        self.stage = None  # a widget that is shown in place of the picture, where a figure has one
        self.image = Picture(format="png")
        self.image.add_class("lenet-picture")
        self.labels = Labels()
        self.caption = w.HTML()
        self.error = w.HTML()
        self.error.add_class("lenet-error")
        self.build()
        self.panel = self.arrange(self.controls)
        rows = [self.prediction.widget] if self.prediction else []
        live = [*rows, self.panel, self.error]
        for one in live:
            one.add_class("lenet-live")
        if self.stage is not None:
            self.image.layout.display = "none"
            live.append(self.stage)
        self.widget = w.VBox([style_sheet(), gone(), *live, self.image, self.caption, self.labels])
        self.widget.add_class("lenet-explorer")
        self.widget.add_class(f"lenet-{self.name}")
        heard_in_order(self.widget)
        self.refresh()

    # for subclasses -------------------------------------------------------------------
    def build(self):
        """Make `self.figure`, its artists and the controls, once."""
        raise NotImplementedError

    def draw(self):
        """Bring the artists up to date with `self.state`."""
        raise NotImplementedError

    def draw_stage(self):
        """The same as `draw`, on `self.stage`, where a figure has one."""
        raise NotImplementedError

    def sentence(self):
        """What the picture shows now, in one or two sentences."""
        raise NotImplementedError

    def arrange(self, controls):
        """The controls in one box, in as many columns as fit."""
        box = w.Box(list(controls.values()))
        box.add_class("lenet-panel")
        return box

    def problem(self):
        """Why the setting cannot be, where the figure shows that itself; None where it can."""
        return getattr(self.state, "problem", None)

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
        widget.add_class("lenet-control")
        widget.style.description_width = "initial"
        widget.observe(
            lambda change: self._guarded(lambda: setattr(self.state, field, change["new"])), "value"
        )
        self.controls[field] = widget
        return widget

    def ask(self, question, options, answer):
        """Ask for a prediction before the outcome is drawn.

        `options`: a dict from id to words, or a list of numbers as strings; `answer`: the right one's id,
        or a function of no arguments that finds it from the state at that moment.
        """
        self.prediction = Prediction(question, options, answer, self._reveal)
        self.prediction.widget.add_class(f"lenet-{self.name}-prediction")

    def _reveal(self):
        self._guarded(lambda: None)
        self.labels.move_focus(".lenet-verdict")  # the button that was pressed is gone

    @property
    def revealed(self):
        """Whether the outcome may be drawn: a prediction was made, skipped, or never asked for."""
        return self.prediction is None or self.prediction.done

    # drawing --------------------------------------------------------------------------
    def refresh(self):
        """Redraw the picture and the caption from the state."""
        said = self.sentence()
        if self.stage is None:
            self.draw()
            with self.image.hold_sync():  # one message, not two
                self.image.value = png(self.figure, compression=1)
                self.image.tooltip = said
            self.labels.text = said
        else:  # the picture is hidden, and nobody needs two more messages
            self.draw_stage()
        self.image.remove_class("lenet-stale")
        if self.problem():
            self.error.value = _alert(_("Not possible: {problem}").format(problem=self.problem()))
        self.caption.value = f'<p style="{CAPTION}">{html.escape(said)}</p>'

    def _guarded(self, action):
        """Run a callback; what it raises stands beside the controls instead of vanishing."""
        try:
            self.error.value = ""
            with _ALONE, _one_thread():
                action()
                self.refresh()
        except ValueError as problem:  # an illegal setting: its message is written for learners
            self._show_error(_("Not possible: {problem}").format(problem=problem))
        except Exception:
            self._show_error(traceback.format_exc(limit=-3))

    def _show_error(self, text):
        """Say what went wrong; the picture, which is that of the last legal setting, is greyed."""
        self.image.add_class("lenet-stale")
        self.error.value = _alert(text)

    # without a kernel -----------------------------------------------------------------
    def how_to_go_on(self):
        """The line that a stored picture ends on."""
        if self.prediction:
            return _("Run this cell to predict and see.")
        return _("Run this cell to get the controls.")

    def still(self, revealed=False):
        """(PNG bytes, sentence) as the figure is before the prediction, or with the outcome if `revealed`."""
        with self.prediction.as_if(revealed) if self.prediction else contextlib.nullcontext():
            self.draw()
            picture, said = png(self.figure), self.sentence()
        self.draw()  # the artists are those of the live picture
        return picture, said

    def outcome(self):
        """(PNG bytes, sentence) of what happens, for a page without a kernel: the figure as it stands."""
        return self.still(revealed=True)

    def _repr_mimebundle_(self, **kwargs):
        data = live_output(self.widget, **kwargs)
        picture, said = self.still()
        before = picture, sentences(said, self.how_to_go_on())
        still, metadata = bundle(before, self.outcome() if self.prediction else None)
        return data | still, metadata


@contextlib.contextmanager
def _one_thread():
    """torch on one thread for the block. With two, beside other busy programs on two cores, one stroke in
    ten on the pad took 50 ms in place of 2: the threads wait for each other.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _alert(text):
    return (
        '<pre role="alert" style="white-space:pre-wrap;background:#fff;color:#8a1c00;'
        f'border-left:4px solid #D55E00;padding:6px">{html.escape(text)}</pre>'
    )
