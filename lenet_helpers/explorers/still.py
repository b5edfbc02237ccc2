"""A picture with its sentence, as the result of a cell."""

import base64
import html


class Still:
    """What an interactive figure showed at one moment: PNG bytes and the sentence that says it."""

    def __init__(self, picture, sentence):
        self.picture, self.sentence = picture, sentence

    def _repr_mimebundle_(self, **kwargs):
        code = base64.b64encode(self.picture).decode("ascii")
        tag = f'<img src="data:image/png;base64,{code}" alt="{html.escape(self.sentence, quote=True)}" style="max-width: 100%">'
        return {"text/html": tag, "image/png": code, "text/plain": self.sentence}, {"image/png": {"alt": self.sentence}}
