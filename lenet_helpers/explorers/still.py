"""A picture with its sentence, as the result of a cell."""

import base64


class Still:
    """What an interactive figure showed at one moment: PNG bytes and the sentence that says it.

    The sentence is the picture's alternative text; whoever makes a Still also prints it.
    """

    def __init__(self, picture, sentence):
        self.picture, self.sentence = picture, sentence

    def _repr_mimebundle_(self, **kwargs):
        data = {"image/png": base64.b64encode(self.picture).decode("ascii"), "text/plain": self.sentence}
        return data, {"image/png": {"alt": self.sentence}}
