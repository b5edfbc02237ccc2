"""Look at a trained network: its mistakes, its feature maps, what it looks at. Arrays in, arrays out."""

import numpy as np
import torch
from sklearn.metrics import confusion_matrix

from .modes import evaluation_mode
from .wording import _


def probabilities(model, images, batch_size=1000):
    """Softmax probabilities (n, classes) of `images` (n, channels, height, width), in evaluation mode."""
    with evaluation_mode(model), torch.inference_mode():
        parts = [model(part).softmax(1) for part in images.split(batch_size)]
    return torch.cat(parts)


def confusion(probs, labels):
    """Counts (classes, classes): row the true class, column the predicted one."""
    classes = range(probs.shape[1])
    return confusion_matrix(labels.numpy(), probs.argmax(1).numpy(), labels=list(classes))


def most_confused(counts):
    """(true, predicted, how often) of the most frequent mistake; the first of several."""
    wrong = np.array(counts)
    np.fill_diagonal(wrong, 0)
    true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    return int(true), int(predicted), int(wrong[true, predicted])


def hardest(probs, labels, n=20):
    """Positions of the `n` images whose true class was given the least probability, worst first."""
    return probs[torch.arange(len(labels)), labels].argsort(stable=True)[:n]


def feature_maps(model, image, layers=None):
    """What each layer answers to one image (1, height, width): a dict from layer name to an array.

    layers: names of the layers wanted; by default all that answer with maps
    (channels, height, width). The numbers are those right after the layer, before the
    activation. Raises ValueError for a name that is no layer.
    """
    names = dict(model.named_modules())
    unknown = [name for name in layers or () if name not in names]
    if unknown:
        raise ValueError(
            _("layer {name!r}: choose among {names}").format(
                name=unknown[0], names=", ".join(n for n in names if n)
            )
        )
    maps, handles = {}, []
    for name, layer in names.items():
        if name in (layers or names) and name and not list(layer.children()):
            handles.append(
                layer.register_forward_hook(
                    lambda _l, _in, out, name=name: maps.__setitem__(name, out[0].numpy())
                )
            )
    try:
        with evaluation_mode(model), torch.inference_mode():
            model(image[None])
    finally:
        for handle in handles:
            handle.remove()
    return {name: m for name, m in maps.items() if layers or m.ndim == 3}


def occlusion(model, image, label, *, size=5, background=0.0):
    """Probability of class `label` with a square of `size` pixels covered, (height, width): entry (y, x) is
    centred there.

    The square is filled with `background`, the value of an empty pixel: after
    standardising, 0 would be grey.
    """
    if size % 2 == 0 or size < 1:
        raise ValueError(
            _("size={size}: choose an odd number of pixels, so that the square has a centre").format(
                size=size
            )
        )
    _channels, height, width = image.shape
    half = size // 2
    covered = image.repeat(height * width, 1, 1, 1)
    for i in range(height * width):
        y, x = divmod(i, width)
        covered[i, :, max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1] = background
    return probabilities(model, covered)[:, label].reshape(height, width).numpy()


def bounding_box(image, empty=0.0):
    """(top, left, height, width) of the pixels of `image` (height, width) above `empty`; None of a blank
    one.
    """
    rows, columns = torch.nonzero(image > empty, as_tuple=True)
    if not len(rows):
        return None
    top, left = int(rows.min()), int(columns.min())
    return top, left, int(rows.max()) - top + 1, int(columns.max()) - left + 1


def centre_of_mass(image):
    """(y, x) of the mean position of the ink in `image` (height, width), in pixels from the upper left
    corner's centre.
    """
    ink = image.double()
    y, x = (torch.arange(n, dtype=torch.float64) for n in ink.shape)
    return float((ink.sum(1) * y).sum() / ink.sum()), float((ink.sum(0) * x).sum() / ink.sum())
