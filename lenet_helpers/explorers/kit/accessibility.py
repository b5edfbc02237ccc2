"""What ipywidgets and JupyterLab leave out: names of sliders and pictures, arrow keys, order, second tries.

JupyterLab takes the arrow keys, and all letters, for commands to the notebook wherever the
focus is not on a text box: on a list or on radio buttons too. An attribute tells it not to.

In a page loaded anew, the kernel still there, it may ask for figures too early. A link to a
section of a chapter that is not open yet leads to the chapter's top, as it goes to the section
before the page has its height: the link is followed again once the page stands still, unless
the reader has begun to do something else.
"""

from pathlib import Path

import anywidget
import traitlets as T


class Labels(anywidget.AnyWidget):
    """Invisible. Inside a box of class lenet-explorer or lenet-quiz; `text` becomes its picture's
    alternative text.
    """

    _esm = Path(__file__).parent / "accessibility.js"
    text = T.Unicode("").tag(sync=True)

    def move_focus(self, selector):
        """Put the keyboard's focus on the box's first element that the CSS `selector` finds."""
        self.send({"focus": selector})
