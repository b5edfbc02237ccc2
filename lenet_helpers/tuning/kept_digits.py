"""A learner's own digits, kept in one small file of theirs: JSON, nothing sent anywhere, easy to delete.

    keep("my-digits.json", ink, 7)      # ink: (height, width) in [0, 1], as it was drawn
    images, labels = as_set("my-digits.json", normalise=True, centre=False)

What is kept is the drawing, not what was made of it: so that one set can be prepared in several ways.
"""

import base64
import json
from pathlib import Path

import numpy as np
import torch

from ..files import locked, write_whole
from ..wording import _
from .own_digits import FIELD, prepared


def keep(file, ink, label):
    """Add a drawing and what it is meant to be to `file`, which is made if need be; returns how many it has.

    Raises ValueError for an empty drawing, for a file that holds something else and for one that can't be
    written. Two notebooks at once lose nothing.
    """
    ink = np.asarray(ink)
    if not ink.any():
        raise ValueError(_("the drawing is empty: draw something first"))
    grey = np.round(255 * np.clip(ink, 0, 1)).astype(np.uint8)
    new = {"label": int(label), "height": grey.shape[0], "width": grey.shape[1]}
    new["ink"] = base64.b64encode(grey.tobytes()).decode("ascii")
    try:
        with locked(file):
            digits = [*_read(file), new]
            write_whole(file, json.dumps({"digits": digits}, indent=1).encode())
    except OSError as problem:
        message = _("{file}: can't be written ({why}); choose a file in a folder of your own")
        raise ValueError(message.format(file=file, why=problem.strerror or problem)) from None
    return len(digits)


def kept(file):
    """Every drawing in `file`, a list of float32 arrays (height, width) in [0, 1], and a list of labels."""
    digits = _read(file)
    return [_drawing(each) for each in digits], [each["label"] for each in digits]


def as_set(file, **how):
    """What is kept in `file`, each drawing prepared by `how` (as `own_digits.prepared` takes it): float32
    (n, 1, 28, 28) in [0, 1] and int64 (n,). n is 0 where nothing is kept yet.
    """
    drawings, labels = kept(file)
    images = np.zeros((len(drawings), 1, FIELD, FIELD), dtype=np.float32)
    for image, drawing in zip(images, drawings):
        image[0] = prepared(drawing, **how)
    return torch.from_numpy(images), torch.tensor(labels, dtype=torch.int64)


def _drawing(each):
    grey = np.frombuffer(base64.b64decode(each["ink"], validate=True), np.uint8)
    return grey.reshape(each["height"], each["width"]).astype(np.float32) / 255


def _read(file):
    """The digits in `file` as they are stored, each one looked at; none where there is no file."""
    try:
        digits = json.loads(Path(file).read_bytes())["digits"]
        for each in digits:
            if type(each["label"]) is not int or not _drawing(each).any():
                raise ValueError(each["label"])
    except FileNotFoundError:
        return []
    except OSError as problem:
        message = _("{file}: can't be read ({why}); choose another file")
        raise ValueError(message.format(file=file, why=problem.strerror or problem)) from None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        message = _("{file}: not a file of kept digits; rename or delete it, and draw them again")
        raise ValueError(message.format(file=file)) from None
    return digits
