"""Digits that nobody has prepared: from a drawing of any size to an image like MNIST's, step by step.

MNIST's makers scaled each digit, keeping its proportions, so that it fits a box of 20×20, and
placed it in a field of 28×28 with its centre of mass in the middle. A net that was trained on
the result expects it.
"""

from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ..wording import _

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
BOX, FIELD = 20, 28


def font_names():
    """The fonts that come with matplotlib and have plain letters and digits: 11 cuts of DejaVu."""
    wanted = ("Sans", "Serif", "SansMono")
    names = [
        f"DejaVu{w}{cut}" for w in wanted for cut in ("", "-Bold", "-Oblique", "-BoldOblique", "-Italic")
    ]
    return [name for name in names if (FONTS / f"{name}.ttf").exists()]


def drawn(text, font, *, size=40, field=64, at=(0.5, 0.5)):
    """`text` drawn in a font of that many pixels: float array (field, field) in [0, 1], white on black.

    `at`: where the middle of the letter goes, as fractions of the field from the left and from the top.
    """
    if font not in font_names():
        names = ", ".join(font_names())
        raise ValueError(_("font={font!r}: choose one of {names}").format(font=font, names=names))
    canvas = Image.new("L", (field, field))
    place = (at[0] * field, at[1] * field)
    face = ImageFont.truetype(str(FONTS / f"{font}.ttf"), size)
    ImageDraw.Draw(canvas).text(place, text, fill=255, font=face, anchor="mm")
    return np.asarray(canvas, dtype=np.float32) / 255


def cropped(image):
    """The smallest box that holds all ink. Raises ValueError for an empty drawing."""
    ink = np.asarray(image) > 0
    if not ink.any():
        raise ValueError(_("the drawing is empty: draw something first"))
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return np.asarray(image)[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def fitted(image, side):
    """`image` (height, width) made as large as fits `side` × `side`, its proportions kept."""
    height, width = np.shape(image)
    factor = side / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    picture = Image.fromarray(np.asarray(image, dtype=np.float32))
    return np.clip(
        np.asarray(picture.resize(size, Image.Resampling.BOX if factor < 1 else Image.Resampling.BILINEAR)),
        0,
        1,
    )


def placed(image, field=FIELD, *, by_mass=True):
    """`image` in the middle of a field × field square: its centre of mass there, or its box's centre."""
    height, width = image.shape
    y, x = (height - 1) / 2, (width - 1) / 2
    if by_mass:
        ink = image.sum()
        y, x = (image.sum(1) @ np.arange(height)) / ink, (image.sum(0) @ np.arange(width)) / ink
    # Whole pixels, as far as the field allows: a lopsided digit must not be cut off.
    top = min(max(0, round((field - 1) / 2 + 0.5 - y)), field - height)
    left = min(max(0, round((field - 1) / 2 + 0.5 - x)), field - width)
    result = np.zeros((field, field), dtype=np.float32)
    result[top : top + height, left : left + width] = image
    return result


def prepared(image, *, normalise=True, centre=True):
    """A drawing as MNIST would have it, (28, 28) in [0, 1]; without one step or both, for comparison.

    normalise: crop it and fit it into 20×20; else the whole drawing is shrunk to 28×28.
    centre: put its centre of mass in the middle; else it stays where it was drawn.
    """
    image = np.asarray(image, dtype=np.float32)
    if not normalise:
        small = fitted(image, FIELD)
        return placed(fitted(cropped(small), max(cropped(small).shape))) if centre else small
    digit = fitted(cropped(image), BOX)
    if centre:
        return placed(digit)
    # Where it was drawn: the middle of its box keeps its place, in fractions of the field.
    rows, columns = np.flatnonzero((image > 0).any(axis=1)), np.flatnonzero((image > 0).any(axis=0))
    middle = (
        (rows[0] + rows[-1] + 1) / 2 / image.shape[0],
        (columns[0] + columns[-1] + 1) / 2 / image.shape[1],
    )
    top, left = (
        min(max(0, round(m * FIELD - side / 2)), FIELD - side) for m, side in zip(middle, digit.shape)
    )
    result = np.zeros((FIELD, FIELD), dtype=np.float32)
    result[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return result


def font_set(text, *, seed=0, **how):
    """Every character of `text` in every font, drawn at random places and sizes, and prepared by `how`.

    Returns images float32 (n, 1, 28, 28) in [0, 1] and the position in `text` of each, int64 (n,).
    """
    rng = np.random.default_rng(seed)
    images, labels = [], []
    for font in font_names():
        for label, character in enumerate(text):
            size, at = int(rng.integers(20, 48)), tuple(rng.uniform(0.4, 0.6, 2))
            images.append(prepared(drawn(character, font, size=size, at=at), **how))
            labels.append(label)
    return torch.from_numpy(np.stack(images))[:, None], torch.tensor(labels)
