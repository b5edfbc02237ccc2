"""What is done to a figure is heard in the order in which it is done, and beside a running cell.

JupyterLab asks for all widgets to be heard in one thread of their own. From 7.4 on, ipykernel hears each in
the thread from which it last spoke: a button, which never speaks, in that of the cells, and a slider in the
other. Then a press of Train can overtake the lever that was moved before it, and Stop waits for a cell.

This is the kernel's half; that all is sent in its order is the page's, `keepOrder` in `accessibility.js`.
"""


def heard_in_order(widget):
    """Have `widget` and all within it heard in the thread that the page asks for."""
    if widget.comm is not None:
        widget.comm._reply_subshell_for = _as_asked
    for child in getattr(widget, "children", ()):
        heard_in_order(child)


def _as_asked(_data, subshell):
    """In place of ipykernel's method of that name: which thread hears a message that asks for `subshell`."""
    return subshell
