"""Radio buttons whose long labels wrap: ipywidgets' own cut them to one line of fixed height."""

import ipywidgets as w


def radio(options, description):
    """Radio buttons, nothing chosen yet. `options`: strings or (label, value) pairs.

    The arrow keys move the choice; `description` is the group's name.
    """
    buttons = w.RadioButtons(
        options=options, value=None, description=description, layout=w.Layout(width="auto")
    )
    buttons.add_class("lenet-radio")
    return buttons


STYLE = """<style>
.lenet-radio { height: auto !important; align-items: flex-start; }
.lenet-radio .widget-radio-box { height: auto !important; max-width: 60em; }
.lenet-radio .widget-radio-box label {
  height: auto !important; white-space: normal; line-height: 1.4; margin: 3px 0;
}
</style>"""
