"""Radio buttons whose long labels wrap: ipywidgets' own cut them to one line of fixed height."""

import ipywidgets as w


def radio(options, description):
    """Radio buttons, nothing chosen yet. `options`: strings or (label, value) pairs.

    The arrow keys move the choice; `description` is the group's name.
    """
    buttons = w.RadioButtons(
        options=options,
        value=None,
        description=description,
        layout=w.Layout(width="auto"),
        style={"description_width": "initial"},
    )
    buttons.add_class("lenet-radio")
    return buttons
