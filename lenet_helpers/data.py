"""Datasets as tensors in memory: load, split, scale, and cut into batches.

Where the pixels come from is in `sources`; this module decides which image is for
training, which for validation and which for the test, and how pixels are scaled.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from .levers import whole_number
from .sources import REGISTRY, find_root
from .wording import _

SCALINGS = ("standard", "half", "unit")


@dataclass(frozen=True)
class Split:
    """Images, float32 (n, channels, height, width), and labels, int64 (n,), counted from 0."""

    images: torch.Tensor
    labels: torch.Tensor

    def __post_init__(self):
        images, labels = self.images, self.labels
        if images.ndim != 4 or images.dtype != torch.float32:
            message = _(
                "images of shape {shape} and {dtype}: give float32 of shape (n, channels, height, width)"
            )
            raise ValueError(message.format(shape=tuple(images.shape), dtype=images.dtype))
        if labels.shape != images.shape[:1] or labels.dtype != torch.int64:
            message = _("labels of shape {shape} and {dtype}: give int64 of shape ({n},), one for each image")
            raise ValueError(message.format(shape=tuple(labels.shape), dtype=labels.dtype, n=len(images)))

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
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
    class_names: tuple
    source: str  # where the images come from, one sentence
    mean: float = 0.0
    std: float = 1.0
    background: float = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "background", (0.0 - self.mean) / self.std)
        for name, split in self.splits().items():
            if len(split) == 0:
                raise ValueError(
                    _("{name}: the {split} split is empty; give it at least one image").format(
                        name=self.name, split=name
                    )
                )
            low, high = int(split.labels.min()), int(split.labels.max())
            if low < 0 or high >= len(self.class_names):
                message = _(
                    "{name}: label {label} in the {split} split; labels count the {n} classes from 0 to"
                    " {last}"
                )
                n = len(self.class_names)
                label = low if low < 0 else high
                raise ValueError(message.format(name=self.name, label=label, split=name, n=n, last=n - 1))

    def splits(self):
        """The splits there are, by name."""
        found = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in found.items() if split is not None}

    def to_unit(self, images):
        """Scaled `images` back in [0, 1], 0 for an empty pixel."""
        return images * self.std + self.mean

    def from_unit(self, images):
        """Images in [0, 1] scaled as this dataset's are."""
        return (images - self.mean) / self.std


def load_dataset(name="mnist-5k", *, root=None, n_train=None, validation=None, seed=0, scaling="standard"):
    """Load a dataset by its name in `sources.REGISTRY` and return a `Dataset`.

    root: folder of the files, laid out as torchvision does; by default $LENET_DATA,
        else the user's cache folder.
    n_train: how many training images to keep; by default all that are left.
    validation: how many images to set aside from the training images for validation;
        0 for none. By default a sixth or a quarter, as the registry says.
    seed: chooses the training and the validation images, in equal shares of each class.
        The test images are the same whatever the seed.
    scaling: "standard" subtracts the training split's mean and divides by its standard
        deviation; "half" is (x − 0.5)/0.5; "unit" leaves [0, 1].

    Raises ValueError for a name, count or scaling that is not possible, and
    `sources.DataError` (an OSError) for files that are missing, cut short or altered.
    """
    if name not in REGISTRY:
        raise ValueError(
            _("load_dataset({name!r}): choose one of {names}").format(name=name, names=", ".join(REGISTRY))
        )
    if scaling not in SCALINGS:
        raise ValueError(
            _("scaling={value!r}: choose one of {names}").format(value=scaling, names=", ".join(SCALINGS))
        )
    source = REGISTRY[name]
    raw = source.load(find_root(root))
    validation = source.validation if validation is None else validation
    _check_counts(len(raw.train_labels), len(raw.class_names), n_train, validation)
    train, held_out = split_by_class(raw.train_labels, n_train, validation, seed)
    images = {
        "train": raw.train_images[train],
        "validation": raw.train_images[held_out],
        "test": raw.test_images,
    }
    labels = {
        "train": raw.train_labels[train],
        "validation": raw.train_labels[held_out],
        "test": raw.test_labels,
    }
    mean, std = _scale(images["train"], scaling)
    splits = {
        key: Split(_as_floats(images[key], mean, std), torch.as_tensor(labels[key], dtype=torch.int64))
        for key in images
    }
    if not len(splits["validation"]):
        splits["validation"] = None
    return Dataset(
        name=name, class_names=tuple(raw.class_names), source=_(source.about), mean=mean, std=std, **splits
    )


def split_by_class(labels, n_train, n_validation, seed):
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

    In order, or shuffled by `generator`; the first `skip` batches are left out. The last
    batch may be smaller. Raises ValueError for a batch size that is not from 1 to the
    number of images.
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


def _check_counts(available, n_classes, n_train, validation):
    for name, value, low in (("validation", validation, 0), ("n_train", n_train, 1)):
        if value is None:
            continue
        highest = available - 1 if name == "validation" else available - validation
        if isinstance(value, bool) or value != int(value) or not low <= value <= highest:
            message = _("{name}={value}: choose {low} to {high} ({n} training images are available)")
            raise ValueError(message.format(name=name, value=value, low=low, high=highest, n=available))


def _scale(train_images, scaling):
    if scaling == "unit":
        return 0.0, 1.0
    if scaling == "half":
        return 0.5, 0.5
    # Counting the 256 grey levels is exact, and far quicker than a float copy of the set.
    counts = np.bincount(train_images.reshape(-1), minlength=256)
    levels = np.arange(256) / 255
    mean = (counts * levels).sum() / counts.sum()
    variance = (counts * (levels - mean) ** 2).sum() / counts.sum()
    # A constant image has no spread to divide by.
    return float(mean), float(variance**0.5) or 1.0


def _as_floats(images, mean, std):
    # One table of 256 values: the same number for the same grey level in every split.
    table = torch.arange(256, dtype=torch.float64).div(255).sub(mean).div(std).float()
    return table[torch.as_tensor(images).int()]
