"""A picture with its sentence, as the result of a cell."""

import base64
import io

from PIL import Image


class Still:
    """What an interactive figure showed at one moment: PNG bytes and the sentence that says it.

    The sentence is the picture's alternative text; whoever makes a Still also prints it.
    """

    def __init__(self, picture, sentence):
        self.picture, self.sentence = with_few_colours(picture), sentence

    def _repr_mimebundle_(self, **kwargs):
        data = {"image/png": base64.b64encode(self.picture).decode("ascii"), "text/plain": self.sentence}
        return data, {"image/png": {"alt": self.sentence}}


def with_few_colours(picture, colours=64):
    """The PNG with a palette: a third of the bytes for lines and text. A chapter holds a dozen of them."""
    image = Image.open(io.BytesIO(picture)).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    small = io.BytesIO()
    image.save(small, format="png", optimize=True)
    return small.getvalue()
