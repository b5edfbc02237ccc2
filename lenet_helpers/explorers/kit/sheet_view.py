"""Pictures and bars on one canvas, drawn in the browser from a byte a pixel: for what must follow a hand.

    sheet = Sheet(width=860, height=370)
    sheet.show([Part("what the network gets", image, (10, 20, 150, 150))], bars=[0.1, 0.9])

One small message instead of a picture made here: a tenth of the time from the ink to the screen.
"""

from dataclasses import dataclass
from pathlib import Path

import anywidget
import numpy as np
import traitlets as T
from matplotlib import colormaps

from ...figures.canvas import SIGNED

EMPTY = 255  # the byte of a pixel that shows the paper


@dataclass
class Part:
    """One picture of a sheet: `values` (rows, columns), NaN left empty, fitted into `box` (left, top, width,
    height) [pixels of the sheet]. Grey from 0 to 1; `signed`: purple below zero, orange above.
    """

    title: str
    values: np.ndarray
    box: tuple
    signed: bool = False

    def bytes(self):
        """A byte a pixel: a place in the palette, or EMPTY."""
        low, high = (-1.0, 1.0) if self.signed else (0.0, 1.0)
        if self.signed:
            high = float(np.nanmax(np.abs(self.values), initial=0)) or 1.0
            low = -high
        share = (np.nan_to_num(self.values) - low) / (high - low)
        places = np.round((EMPTY - 1) * np.clip(share, 0, 1)).astype(np.uint8)
        places[np.isnan(self.values)] = EMPTY
        return places.tobytes()


def _palette(name):
    """The colours of places 0 to EMPTY - 1, three bytes each."""
    colours = colormaps[name](np.linspace(0, 1, EMPTY))[:, :3]
    return np.round(255 * colours).astype(np.uint8).tobytes()


class Sheet(anywidget.AnyWidget):
    """`name` is what a screen reader says of it. `axis`: what the bars count, `names`: theirs, `place`: where
    they stand, a box as a part has one.
    """

    _esm = Path(__file__).parent / "sheet_view.js"

    width = T.Int(860).tag(sync=True)
    height = T.Int(370).tag(sync=True)
    name = T.Unicode("").tag(sync=True)
    axis = T.Unicode("").tag(sync=True)
    names = T.List(T.Unicode()).tag(sync=True)
    place = T.List(T.Float()).tag(sync=True)
    bars = T.List(T.Float()).tag(sync=True)
    parts = T.List(T.Dict()).tag(sync=True)
    pixels = T.Bytes(b"").tag(sync=True, from_json=lambda value, widget: bytes(value))
    palettes = T.Dict().tag(sync=True)

    def __init__(self, **kwargs):
        super().__init__(palettes={"grey": _palette("gray"), "signed": _palette(SIGNED)}, **kwargs)
        self.add_class("lenet-sheet")

    def show(self, parts, bars):
        """Draw `parts`, and `bars` as fractions, in one message."""
        with self.hold_sync():
            self.bars = [float(bar) for bar in bars]
            self.parts = [
                {
                    "title": part.title,
                    "box": list(part.box),
                    "shape": list(part.values.shape),
                    "palette": "signed" if part.signed else "grey",
                }
                for part in parts
            ]
            self.pixels = b"".join(part.bytes() for part in parts)
