"""A grid of cells in the browser: click, hover, drag-paint and keyboard, one ES module and no build step.

    grid = Grid(rows=6, columns=16, name="which map reads which")
    grid.show(values)                  # or set fills, texts, frames
    grid.on_press(lambda row, column: ...)

Hover and the arrow keys point at a cell; a click, Enter or the space bar presses it, and with `drags` so
does every cell a drag comes over. With a `brush` the browser lays grey ink itself and sends `greys`.
"""

from pathlib import Path

import anywidget
import numpy as np
import traitlets as T
from matplotlib import colormaps

from ...figures.canvas import SIGNED


def _synced(trait):
    return trait.tag(sync=True)


class Grid(anywidget.AnyWidget):
    """Cells in rows and columns. Lists have an entry a cell, row by row; an empty one leaves cells blank.

    `frames`: rings, dicts of row, column, rows, columns, colour (a CSS colour) and width [pixels].
    `spoken`: what a screen reader says of each cell. `cell`: side of a cell [pixels]. `brush`: radius of
    the ink [cells], 0 for none; `greys`: the ink, a byte a cell, 255 black; `wiped_by`: the CSS selector of
    the figure's button that takes all ink away, at once.
    """

    _esm = Path(__file__).parent / "canvas_view.js"

    rows = _synced(T.Int(1))
    columns = _synced(T.Int(1))
    cell = _synced(T.Int(30))
    name = _synced(T.Unicode(""))
    title = _synced(T.Unicode(""))
    row_title = _synced(T.Unicode(""))
    fills = _synced(T.List(T.Unicode()))
    texts = _synced(T.List(T.Unicode()))
    inks = _synced(T.List(T.Unicode()))
    spoken = _synced(T.List(T.Unicode()))
    frames = _synced(T.List(T.Dict()))
    row_names = _synced(T.List(T.Unicode()))
    column_names = _synced(T.List(T.Unicode()))
    drags = _synced(T.Bool(False))
    brush = _synced(T.Float(0.0))
    erases = _synced(T.Bool(False))
    wiped_by = _synced(T.Unicode(""))
    # Bytes arrive from the browser as a memoryview.
    greys = T.Bytes(b"").tag(sync=True, from_json=lambda value, widget: bytes(value))

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._heard = {"press": [], "point": []}
        self.add_class("lenet-grid")
        self.on_msg(lambda _widget, content, _buffers: self._hear(content))

    def on_press(self, action):
        """Call `action(row, column)` when a cell is clicked, or Enter or the space bar pressed on it."""
        self._heard["press"].append(action)

    def on_point(self, action):
        """Call `action(row, column)` when the pointer or an arrow key comes to a cell."""
        self._heard["point"].append(action)

    def _hear(self, content):
        row, column = content.get("row"), content.get("column")
        inside = isinstance(row, int) and isinstance(column, int)
        if inside and 0 <= row < self.rows and 0 <= column < self.columns:
            for action in self._heard.get(content.get("kind"), ()):
                action(row, column)

    def show(self, values, *, low=None, high=None, cmap="gray", texts=None):
        """Colour the cells by `values` (rows, columns) from `low` to `high`; NaN is left blank, marked “?”.

        `texts`: True writes the numbers in, an array of strings these.
        """
        values = np.asarray(values, dtype=float)
        known = np.nan_to_num(values)
        low = float(known.min()) if low is None else low
        high = float(known.max()) if high is None else high
        share = (known - low) / ((high - low) or 1.0)
        colours = np.round(255 * colormaps[cmap](np.clip(share, 0, 1))[..., :3]).astype(int).reshape(-1, 3)
        blank = np.isnan(values).reshape(-1)
        bright = colours @ (0.299, 0.587, 0.114)
        with self.hold_sync():
            self.rows, self.columns = values.shape
            self.fills = [
                "#ffffff" if empty else "#{:02x}{:02x}{:02x}".format(*colour)
                for colour, empty in zip(colours, blank)
            ]
            self.inks = ["#000" if empty or b > 140 else "#fff" for b, empty in zip(bright, blank)]
            if texts is True:
                texts = [["?" if np.isnan(v) else f"{v:g}" for v in row] for row in values]
            self.texts = [] if texts is None else [str(t) for row in texts for t in row]

    def show_signed(self, values, *, limit=None, texts=True):
        """Colour the cells by sign: purple below zero, white at it, orange above; ±`limit` at the ends."""
        limit = limit or float(np.nanmax(np.abs(np.nan_to_num(values)))) or 1.0
        self.show(values, low=-limit, high=limit, cmap=SIGNED, texts=texts)


def frame(row, column, rows=1, columns=1, colour="#D55E00", width=3):
    """A ring around some cells, for `Grid.frames`."""
    return {"row": row, "column": column, "rows": rows, "columns": columns, "colour": colour, "width": width}
