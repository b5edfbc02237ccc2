"""Which images a figure can show: the right ones, or one sentence that says why not."""

import torch

from ...wording import _


def require_shape(images: torch.Tensor, channels: int, side: int, figure: str) -> None:
    """Raise ValueError unless `images` are (n, channels, side, side): a network or stored result needs it.

    figure: the name a reader knows it by.
    """
    found, wanted = tuple(images.shape[1:]), (channels, side, side)
    if found != wanted:
        message = _("{figure} is made for images of {wanted} (channels×rows×columns), not of {found}")
        shapes = {"wanted": "×".join(map(str, wanted)), "found": "×".join(map(str, found))}
        raise ValueError(message.format(figure=figure, **shapes))


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
