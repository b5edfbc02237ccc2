"""A picture with its sentence, as the result of a cell."""

import base64
import html
import io

from PIL import Image


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


def with_few_colours(picture, colours=64):
    """The PNG with a palette: a third of the bytes for lines and text. A chapter holds a dozen of them."""
    image = Image.open(io.BytesIO(picture)).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    small = io.BytesIO()
    image.save(small, format="png", optimize=True)
    return small.getvalue()
