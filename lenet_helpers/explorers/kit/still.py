"""Pictures with their sentence, as the result of a cell and as what is stored without a kernel."""

import base64
import html
import io
import os

import matplotlib.image
import numpy as np
from PIL import Image

from ...checks.wrapping import wrap
from ...figures.canvas import OUTCOME, WIDGET, bare, figure, png
from ...wording import _


class Still:
    """What an interactive figure showed at one moment: PNG bytes and the sentence that says it.

    The sentence is the picture's alternative text; whoever makes a Still also prints it.
    """

    def __init__(self, picture, sentence):
        self.picture, self.sentence = with_few_colours(picture), sentence

    def _repr_mimebundle_(self, **kwargs):
        code = base64.b64encode(self.picture).decode("ascii")
        # JupyterLab gives a bare PNG no alternative text, but keeps that of HTML.
        tag = (
            f'<img src="data:image/png;base64,{code}" alt="{html.escape(self.sentence, quote=True)}"'
            ' style="max-width: 100%; height: auto">'
        )
        data = {"text/html": tag, "image/png": code, "text/plain": self.sentence}
        return data, {"image/png": {"alt": self.sentence}}


def live_output(widget, **kwargs):
    """The output data of a widget, with the processes that know it: see `figures.contents`."""
    data = dict(widget._repr_mimebundle_(**kwargs) or {})
    if WIDGET in data:
        # In a virtual environment on Windows, the server knows the parent.
        data[WIDGET] = data[WIDGET] | {"processes": [os.getpid(), os.getppid()]}
    return data


def bundle(before, outcome=None):
    """Output data and metadata of a figure without a kernel: what it shows before it is used.

    `before` and `outcome` are (PNG bytes, sentence). The outcome is stored apart from the picture, for
    pages that can fold it away; where nothing is drawn, the words tell it.
    """
    picture, sentence = before
    code = base64.b64encode(with_few_colours(with_caption(picture, sentence))).decode("ascii")
    data = {"image/png": code, "text/plain": sentence}
    if outcome:
        picture, after = outcome
        code = base64.b64encode(with_few_colours(picture)).decode("ascii")
        data[OUTCOME] = {"summary": _("Show what happens"), "sentence": after, "png": code}
        data["text/plain"] += "\n\n" + _("What happens: {sentence}").format(sentence=after)
    return data, {"image/png": {"alt": sentence}}


def with_few_colours(picture):
    """The PNG with a palette: a third of the bytes for lines and text. A chapter holds a dozen of them."""
    # Maximum coverage keeps rare colours; the median cut shows a grey pixel as purple where both are rare.
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image = image.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small = io.BytesIO()
    image.save(small, format="png", optimize=True)
    return small.getvalue()


def with_caption(picture, sentence):
    """The PNG with `sentence` written under it, for pages that show nothing but pictures."""
    pixels = matplotlib.image.imread(io.BytesIO(picture))
    height, width = pixels.shape[:2]
    lines = wrap(sentence, max(30, width // 7))
    room = 16 * len(lines) + 14
    fig, ax = figure(width=width / 100, height=(height + room) / 100, layout=None)
    ax.set_position((0, room / (height + room), 1, height / (height + room)))
    bare(ax)
    ax.imshow(np.clip(pixels, 0, 1), aspect="auto", interpolation="none")
    fig.text(8 / width, (room - 6) / (height + room), "\n".join(lines), fontsize=9, va="top", linespacing=1.2)
    return png(fig)
