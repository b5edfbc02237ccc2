"""Look at a trained network: its mistakes, its feature maps, what it looks at. Arrays in, arrays out."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from .modes import evaluation_mode
from .summary import device_of, run_with_hooks
from .wording import _


def probabilities(model: nn.Module, images: Tensor, batch_size: int = 1000) -> Tensor:
    """Softmax probabilities (n, classes), on the CPU, of `images` (n, channels, height, width)."""
    device = device_of(model)
    with evaluation_mode(model), torch.inference_mode():
        parts = [model(part.to(device)).softmax(1).cpu() for part in images.split(batch_size)]
    return torch.cat(parts)


def confusion(probs: Tensor, labels: Tensor) -> NDArray[np.int64]:
    """Counts (classes, classes): row the true class, column the predicted one."""
    from sklearn.metrics import confusion_matrix  # takes most of a second: not for everybody who starts

    counts = confusion_matrix(labels.cpu(), probs.argmax(1).cpu(), labels=range(probs.shape[1]))
    return np.asarray(counts, np.int64)


def most_confused(counts: ArrayLike) -> tuple[int, int, int]:
    """(true, predicted, how often) of the most frequent mistake; the first of several."""
    wrong = np.array(counts)
    np.fill_diagonal(wrong, 0)
    true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    return int(true), int(predicted), int(wrong[true, predicted])


def hardest(probs: Tensor, labels: Tensor, n: int = 20) -> Tensor:
    """Positions of the `n` images whose true class was given the least probability, worst first."""
    return probs.gather(1, labels.to(probs.device)[:, None])[:, 0].argsort(stable=True)[:n]


def feature_maps(
    model: nn.Module, image: Tensor, layers: Sequence[str] | None = None
) -> dict[str, NDArray[np.float32]]:
    """What each layer answers to one image (1, height, width): a dict from layer name to an array.

    layers: names of the layers wanted; by default all that answer with maps
    (channels, height, width). The numbers are those right after the layer, before the
    activation. Raises ValueError for a name that is no layer.
    """
    names = [name for name, _module in model.named_modules() if name]
    for name in layers or ():
        if name not in names:
            message = _("layer {name!r}: choose among {names}")
            raise ValueError(message.format(name=name, names=", ".join(names)))
    maps: dict[str, NDArray[np.float32]] = {}

    def note(name: str, _layer: nn.Module, output: Tensor) -> None:
        maps[name] = output[0].cpu().numpy()

    run_with_hooks(model, image[None].to(device_of(model)), note)
    return {name: m for name, m in maps.items() if (name in layers if layers else m.ndim == 3)}


def occlusion(
    model: nn.Module, image: Tensor, label: int, *, size: int = 5, background: float = 0.0
) -> NDArray[np.float32]:
    """Probability of class `label` with a square of `size` pixels covered, (height, width).

    Entry (y, x) is for the square centred there. It is filled with `background`, the
    value of an empty pixel: after standardising, 0 would be grey.
    """
    if size % 2 == 0 or size < 1:
        message = _("size={size}: choose an odd number of pixels, so that the square has a centre")
        raise ValueError(message.format(size=size))
    _channels, height, width = image.shape
    half = size // 2
    covered = image.repeat(height * width, 1, 1, 1)
    for i in range(height * width):
        y, x = divmod(i, width)
        covered[i, :, max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1] = background
    chances: NDArray[np.float32] = probabilities(model, covered)[:, label].numpy()
    return chances.reshape(height, width)


def bounding_box(image: Tensor, empty: float = 0.0) -> tuple[int, int, int, int] | None:
    """(top, left, height, width) of the pixels of `image` (height, width) above `empty`; None if blank."""
    rows, columns = torch.nonzero(image > empty, as_tuple=True)
    if not len(rows):
        return None
    top, left = int(rows.min()), int(columns.min())
    return top, left, int(rows.max()) - top + 1, int(columns.max()) - left + 1
