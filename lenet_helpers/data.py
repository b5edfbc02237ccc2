"""Datasets as tensors in memory: load, split, scale, and cut into batches.

Where the pixels come from is in `sources`; this module decides which image is for
training, which for validation and which for the test, and how pixels are scaled.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from .levers import whole_number
from .sources import REGISTRY, Pixels, find_root
from .wording import _

# Mean and standard deviation to scale by; None: the training split's own.
SCALINGS = {"standard": None, "half": (0.5, 0.5), "unit": (0.0, 1.0)}


@dataclass(frozen=True)
class Split:
    """Images, float32 (n, channels, height, width), and labels, int64 (n,), counted from 0."""

    images: torch.Tensor
    labels: torch.Tensor

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.ndim != 4 or images.dtype != torch.float32:
            message = _(
                "images of shape {shape} and {dtype}: give float32 of shape (n, channels, height, width)"
            )
            raise ValueError(message.format(shape=tuple(images.shape), dtype=images.dtype))
        if labels.shape != images.shape[:1] or labels.dtype != torch.int64:
            message = _("labels of shape {shape} and {dtype}: give int64 of shape ({n},), one for each image")
            raise ValueError(message.format(shape=tuple(labels.shape), dtype=labels.dtype, n=len(images)))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Any) -> "Split":
        """The part of the split that `index` (a slice, a mask or a tensor of positions) picks."""
        return Split(self.images[index], self.labels[index])


@dataclass(frozen=True)
class Dataset:
    """Three disjoint splits and what is known about them.

    `validation` is None where no images were set aside. Pixels are scaled as
    (x − mean) / std from [0, 1]; `background` is what an empty pixel becomes.
    """

    name: str
    train: Split
    validation: Split | None
    test: Split
    class_names: tuple[str, ...]
    source: str  # where the images come from, one sentence
    mean: float = 0.0
    std: float = 1.0
    background: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "background", (0.0 - self.mean) / self.std)
        for name, split in self.splits().items():
            if not len(split):
                message = _("{name}: the {split} split is empty; give it at least one image")
                raise ValueError(message.format(name=self.name, split=name))
            low, high, n = int(split.labels.min()), int(split.labels.max()), len(self.class_names)
            if low < 0 or high >= n:
                message = _(
                    "{name}: label {label} in the {split} split; labels count the {n} classes from 0 to"
                    " {last}"
                )
                label = low if low < 0 else high
                raise ValueError(message.format(name=self.name, label=label, split=name, n=n, last=n - 1))

    def splits(self) -> dict[str, Split]:
        """The splits there are, by name."""
        found = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in found.items() if split is not None}

    def require_validation(self) -> Split:
        """The validation split, for whatever cannot do without. Raises ValueError where there is none."""
        if self.validation is None:
            message = _(
                "this needs a validation split, and {name!r} has none: set images aside with"
                " load_dataset({name!r}, validation={n})"
            )
            raise ValueError(message.format(name=self.name, n=max(1, len(self.train) // 6)))
        return self.validation

    def to_unit(self, images: torch.Tensor) -> torch.Tensor:
        """Scaled `images` back in [0, 1], 0 for an empty pixel."""
        return images * self.std + self.mean

    def from_unit(self, images: torch.Tensor) -> torch.Tensor:
        """Images in [0, 1] scaled as this dataset's are."""
        return (images - self.mean) / self.std


def load_dataset(
    name: str = "mnist-5k",
    *,
    root: str | os.PathLike[str] | None = None,
    n_train: int | None = None,
    validation: int | None = None,
    seed: int = 0,
    scaling: str = "standard",
) -> Dataset:
    """Load a dataset by its name in `sources.REGISTRY` and return a `Dataset`.

    root: folder of the files, laid out as torchvision does; by default $LENET_DATA,
        else the user's cache folder.
    n_train: how many training images to keep; by default all that are left.
    validation: how many images to set aside from the training images for validation;
        0 for none. By default a sixth or a quarter, as the registry says, or the
        validation images that the files themselves set aside.
    seed: chooses the training and the validation images, in equal shares of each class.
        The test images are the same whatever the seed.
    scaling: "standard" subtracts the training split's mean and divides by its standard
        deviation; "half" is (x − 0.5)/0.5; "unit" leaves [0, 1].

    Raises ValueError for a name, count or scaling that is not possible, and
    `sources.DataError` (an OSError) for files that are missing, cut short or altered.
    """
    for shown, value, there in (
        (f"load_dataset({name!r})", name, REGISTRY),
        (f"scaling={scaling!r}", scaling, SCALINGS),
    ):
        if value not in there:
            raise ValueError(_("{value}: choose one of {names}").format(value=shown, names=", ".join(there)))
    source = REGISTRY[name]
    raw = source.load(find_root(root))
    if validation is None:
        validation = source.validation if raw.validation_labels is None else len(raw.validation_labels)
    arrays = _in_splits(raw, n_train, validation, seed)
    mean, std = _scale(arrays[0][0], scaling)
    train, held_out, test = (
        Split(_as_floats(images, mean, std), torch.as_tensor(labels, dtype=torch.int64))
        for images, labels in arrays
    )
    names = tuple(raw.class_names)
    return Dataset(name, train, held_out if validation else None, test, names, _(source.about), mean, std)


def _in_splits(raw: Pixels, n_train: int | None, validation: int, seed: int) -> list[tuple[Any, Any]]:
    """(images, labels) of training, validation and test; the files' own validation images, if any."""
    images, labels, available = raw.train_images, raw.train_labels, len(raw.train_labels)
    if raw.validation_images is not None and raw.validation_labels is not None:
        images, labels = raw.validation_images, raw.validation_labels
    own = labels is not raw.train_labels
    validation = _count("validation", validation, 0, len(labels) - (not own), len(labels))
    taken = 0 if own else validation
    if n_train is not None:
        n_train = _count("n_train", n_train, 1, available - taken, available)
    train, held_out = split_by_class(raw.train_labels, n_train, taken, seed)
    if own:
        held_out = split_by_class(labels, None, validation, seed)[1]
    return [
        (raw.train_images[train], raw.train_labels[train]),
        (images[held_out], labels[held_out]),
        (raw.test_images, raw.test_labels),
    ]


def split_by_class(
    labels: ArrayLike, n_train: int | None, n_validation: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of the training and of the validation images, in equal shares of each class.

    labels: array (n,). n_train: None for all that are left. Both results are sorted and
    have no position in common.
    """
    labels = np.asarray(labels)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    # Every image's rank within its class, scaled to [0, 1): taking the lowest ranks
    # takes the same share of every class, to within one image.
    rank = np.empty(len(labels))
    for label in np.unique(labels):
        members = order[labels[order] == label]
        rank[members] = (np.arange(len(members)) + rng.random()) / len(members)
    by_share = np.argsort(rank, kind="stable")
    end = None if n_train is None else n_validation + n_train
    return np.sort(by_share[n_validation:end]), np.sort(by_share[:n_validation])


def batches(
    split: Split, batch_size: int, generator: torch.Generator | None = None, *, skip: int = 0
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield (images, labels) of up to `batch_size` images until every image was seen once.

    In order, or shuffled by `generator`; the first `skip` batches are left out. The last batch may be
    smaller. Raises ValueError for a batch size that is not from 1 to the number of images.
    """
    n, size = len(split), whole_number(batch_size)
    if size is None or not 1 <= size <= n:
        message = _("batch_size={value}: choose 1 to {n} (the split has {n} images)")
        raise ValueError(message.format(value=batch_size, n=n))
    if generator is None:
        yield from list(zip(split.images.split(size), split.labels.split(size)))[skip:]
        return
    order = torch.randperm(n, generator=generator).to(split.labels.device)
    for index in order.split(size)[skip:]:
        yield split.images.index_select(0, index), split.labels.index_select(0, index)


def _count(name: str, value: Any, low: int, high: int, available: int) -> int:
    """`value` as an int. Raises ValueError unless it is a whole number from `low` to `high`."""
    number = whole_number(value)
    if number is None or not low <= number <= high:
        message = _("{name}={value!r}: choose {low} to {high} ({n} training images are available)")
        raise ValueError(message.format(name=name, value=value, low=low, high=high, n=available))
    return number


def _scale(train_images: NDArray[np.uint8], scaling: str) -> tuple[float, float]:
    if fixed := SCALINGS[scaling]:
        return fixed
    # Counting the 256 grey levels is exact, and far quicker than a float copy of the set.
    counts = np.bincount(train_images.reshape(-1), minlength=256)
    levels = np.arange(256) / 255
    mean = (counts * levels).sum() / counts.sum()
    variance = (counts * (levels - mean) ** 2).sum() / counts.sum()
    # A constant image has no spread to divide by.
    return float(mean), float(variance**0.5) or 1.0


def _as_floats(images: NDArray[np.uint8], mean: float, std: float) -> torch.Tensor:
    # One table of 256 values: the same number for the same grey level in every split.
    table = torch.arange(256, dtype=torch.float64).div(255).sub(mean).div(std).float()
    return table[torch.as_tensor(images).int()]
