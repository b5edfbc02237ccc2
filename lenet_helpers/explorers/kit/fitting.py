"""Which images a figure can show: the right ones, or one sentence that says why not."""

import torch

from ...wording import _


def require_digits(images: torch.Tensor, figure: str, labels: torch.Tensor | None = None) -> None:
    """Raise ValueError unless `images` are (n, 1, 28, 28) and `labels` ten classes: what LeNet() takes.

    figure: the name a reader knows it by.
    """
    if tuple(images.shape[1:]) != (1, 28, 28):
        message = _("{figure} is made for images of 1×28×28 (channels×rows×columns), not of {found}")
        raise ValueError(message.format(figure=figure, found="×".join(map(str, images.shape[1:]))))
    if labels is not None and int(labels.max()) > 9:
        message = _("{figure} is made for ten classes, 0 to 9; the split has a class {label}")
        raise ValueError(message.format(figure=figure, label=int(labels.max())))


def first_of_each(labels: torch.Tensor, classes: int, figure: str) -> list[int]:
    """Position of the first image of each of the `classes` first classes; ValueError where one has none."""
    found = []
    for label in range(classes):
        places = (labels == label).nonzero()
        if not len(places):
            message = _(
                "{figure} shows one image of each of {n} classes; the split has none of class {label}"
            )
            raise ValueError(message.format(figure=figure, n=classes, label=label))
        found.append(int(places[0]))
    return found
