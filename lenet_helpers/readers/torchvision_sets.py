"""Classification sets of torchvision.datasets as `Pixels`: files found or fetched, quirks mended."""

import errno
import hashlib
import inspect
import socket
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..files import locked
from ..sources import DataError, Pixels
from ..wording import N_, _
from .decode import as_pixels

PATIENCE = 30.0  # seconds without a byte after which a server counts as silent
_OURS = {"root", "train", "transform", "target_transform", "transforms"}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}


def _idx_files(folder: str, *sha256: str) -> dict[str, str]:
    """Paths of MNIST's four uncompressed files below the root → SHA-256."""
    names = (f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))
    return {f"{folder}/raw/{name}": digest for name, digest in zip(names, sha256)}


PUBLISHED = {
    "MNIST": _idx_files(
        "MNIST",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    "FashionMNIST": _idx_files(
        "FashionMNIST",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}


def read(
    root: Path, name: str, files: Mapping[str, str] | str, resize: int | None, keywords: Mapping[str, Any]
) -> Pixels:
    """The set `name` below `root`; see `sources.torchvision_set`."""
    kind = _kind(name)
    files = PUBLISHED[name] if isinstance(files, str) else files
    for keyword in _OURS & set(keywords):
        raise ValueError(
            _("{name}: {keyword}= is not yours to choose here; load_dataset does").format(
                name=name, keyword=keyword
            )
        )
    train, test = _found_or_fetched(kind, root, files, keywords)
    parts = [_arrays(name, part, resize) for part in (train, test)]
    if parts[0][0].shape == parts[1][0].shape and np.array_equal(parts[0][0], parts[1][0]):
        message = _("{name}: with {keywords} the training and the test images are the same; leave that out")
        raise DataError(message.format(name=name, keywords=dict(keywords)))
    labels = [part[1] for part in parts]
    names = _class_names(train, max(int(one.max(initial=0)) for one in labels) + 1)
    if names[0] == "N/A" and min(int(one.min(initial=1)) for one in labels) == 1:
        # EMNIST's letters count from 1, with a class 0 that nothing is in.
        names, labels = names[1:], [one - 1 for one in labels]
    return Pixels(parts[0][0], labels[0], parts[1][0], labels[1], names)


def check_file(path: Path, sha256: str) -> None:
    """Raise `DataError` unless the file's SHA-256 is the one expected."""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        message = _(
            "{path} is not the published file (SHA-256 {found}… instead of {expected}…): delete it, then load"
            " again"
        )
        raise DataError(message.format(path=path, found=found[:12], expected=sha256[:12]))


def _kind(name: str) -> Any:
    from torchvision import datasets

    kind = getattr(datasets, name, None)
    if not inspect.isclass(kind):
        names = {
            known.lower(): known for known in datasets.__all__ if inspect.isclass(getattr(datasets, known))
        }
        close = get_close_matches(str(name).lower(), names, 1, 0) or ["mnist"]
        message = _("torchvision.datasets has no {name!r}; did you mean {close!r}?")
        raise ValueError(message.format(name=name, close=names[close[0]]))
    return kind


# Found or fetched -----------------------------------------------------------------------


def _found_or_fetched(
    kind: Any, root: Path, files: Mapping[str, str], keywords: Mapping[str, Any]
) -> tuple[Any, Any]:
    """(training, test) objects of the class `kind`, from the files below `root`, fetched where they lack."""
    arguments = _arguments(kind)
    name = kind.__name__
    ways: list[dict[str, Any]] = (
        [{"train": True}, {"train": False}]
        if "train" in arguments
        else [{"split": "train"}, {"split": "test"}]
        if "split" in arguments
        else []
    )
    if not ways:
        raise ValueError(
            _("{name}: torchvision gives no training and test part of it; it cannot be used here").format(
                name=name
            )
        )
    # `split` of the user's chooses the training part; the test part stays the test part.
    both = [{**ways[0], **keywords}, {**keywords, **ways[1]}]
    fetch = keywords.get("download", "download" in arguments)
    offline = {"download": False} if "download" in arguments else {}
    try:
        return _both(kind, root, files, both, offline)
    except (TypeError, ValueError, AttributeError, ImportError, DataError) as error:
        if not fetch or not isinstance(error, DataError):
            raise _told(name, root, error, bool(files)) from error
    except Exception as error:  # files that lack or are broken: torchvision raises nearly everything
        if not fetch:
            raise _told(name, root, error, bool(files)) from error
    try:
        root.mkdir(parents=True, exist_ok=True)
        # One process fetches, another waits for it. A file of a fetch going on is cut short: only
        # alone can it be judged.
        with locked(root / "download", timeout=-1), _patience(PATIENCE):
            return _from_mirrors(kind, root, files, both)
    except Exception as error:
        raise _told(name, root, error, bool(files)) from error


def _both(
    kind: Any, root: Path, files: Mapping[str, str], both: list[dict[str, Any]], more: dict[str, Any]
) -> tuple[Any, Any]:
    """Both parts; every file with a known SHA-256 is checked before it is read."""
    _check_files(root, files)
    train, test = (kind(str(root), **{**keywords, **more}) for keywords in both)
    if more.get("download"):
        _check_files(root, files)
    return train, test


def _from_mirrors(
    kind: Any, root: Path, files: Mapping[str, str], both: list[dict[str, Any]]
) -> tuple[Any, Any]:
    """Both parts, from the first mirror that has them: torchvision gives up at the first that hangs."""
    from torchvision.datasets import MNIST

    complete = bool(files) and all((root / name).exists() for name in files)
    mirrors = kind.mirrors if getattr(kind, "download", None) is MNIST.download else [None]
    # USPS, for one, would take whatever lies there under the name.
    own = {root / name for name in files}
    own |= {root / entry[1] for entry in getattr(kind, "split_list", {}).values()}
    for left, mirror in enumerate(mirrors, 1 - len(mirrors)):
        # The folder is named after the class.
        one = type(kind.__name__, (kind,), {"mirrors": [mirror]}) if mirror else kind
        before = {path for path in own if path.exists()}
        try:
            return _both(one, root, files, both, {"download": not complete})
        except Exception:
            for path in own - before:  # fetched or extracted halfway: not to be trusted next time
                path.unlink(missing_ok=True)
            if left == 0:
                raise
    raise AssertionError("no mirror")


def _check_files(root: Path, files: Mapping[str, str]) -> None:
    for name, sha256 in files.items():
        if (root / name).exists():
            check_file(root / name, sha256)


def _arguments(kind: Any) -> set[str]:
    """Names of the arguments of a class, through those that hand **kwargs on to their base."""
    names: set[str] = set()
    for one in kind.__mro__:
        if "__init__" not in vars(one):
            continue
        parameters = inspect.signature(one.__init__).parameters.values()
        names |= {p.name for p in parameters}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return names


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """A server that says nothing for so long has failed: torchvision itself would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _told(name: str, root: Path, error: Exception, published: bool) -> Exception:
    """What went wrong, in one sentence with a way out that fits it."""
    if isinstance(error, DataError):
        return error
    text = textwrap.shorten(str(error), 240)
    why = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        message = _("{name}: cannot be written to {root} ({why}); point LENET_DATA at another folder")
    elif isinstance(error, (OSError, HTTPException)) or (
        isinstance(error, RuntimeError)
        and any(word in text for word in ("ownload", "corrupted", "not found"))
    ):
        message = (
            _(
                "{name}: the files are not in {root} and could not be read or fetched ({why}); connect to the"
                ' network once, point LENET_DATA at a folder that has them, or use load_dataset("mnist-5k")'
            )
            if published
            else _(
                "{name}: torchvision found no whole set of its files in {root} and could not fetch them"
                " ({why}); put them there, or load the set once where its server can be reached"
            )
        )
    elif isinstance(error, (TypeError, ValueError, AttributeError, ImportError)):
        message = _(
            "{name}: torchvision cannot read it so ({why}); see the arguments of torchvision.datasets.{name}"
        )
    else:
        message = _(
            "{name}: a file in {root} is broken ({why}); delete the set's files there, then load again"
        )
    return DataError(message.format(name=name, root=root, why=why))


# Quirks ---------------------------------------------------------------------------------


def _arrays(name: str, part: Any, resize: int | None) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """(images, labels) as `Pixels` holds them."""
    if hasattr(part, "data"):
        images, labels = np.asarray(part.data), getattr(part, "targets", getattr(part, "labels", None))
        if name == "EMNIST":  # kept as columns, to be read by another program
            images = images.transpose(0, 2, 1)
        if resize:
            channels = 1 if images.ndim == 3 else 3
            pictures = (Image.fromarray(image) for image in _channels_last(images))
            images = np.stack([as_pixels(name, one, resize, channels, 255, None)[0] for one in pictures])
    else:
        images, labels = _one_by_one(name, part, resize)
    images = _as_bytes(images)
    labels = np.asarray(labels)
    if name == "QMNIST" and labels.ndim == 2:  # eight columns about each digit; the first is its class
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or len(labels) != len(images):
        message = _(
            "{name}: its targets, of shape {shape} and {dtype}, are no class numbers, one for each image"
        )
        raise DataError(message.format(name=name, shape=labels.shape, dtype=labels.dtype))
    return images, labels.astype(np.int64)


def _one_by_one(name: str, part: Any, resize: int | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """(images, labels) of a set of picture files, each of a size of its own."""
    if not resize:
        message = _(
            "{name}: its pictures have sizes of their own; choose one: torchvision_set({name!r}, resize=32)"
        )
        raise DataError(message.format(name=name))
    images, labels, channels = [], [], 3
    for index in range(len(part)):
        image, label = part[index]
        if not isinstance(image, Image.Image):
            raise DataError(_("{name}: its items are no pictures").format(name=name))
        if index == 0 and image.mode in ("1", "L"):
            channels = 1
        images.append(as_pixels(name, image, resize, channels, 255, None)[0])
        labels.append(label)
    return np.stack(images), np.array(labels)


def _channels_last(images: NDArray[Any]) -> NDArray[Any]:
    first = images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[3] not in (1, 3)
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)) if first else images


def _as_bytes(images: NDArray[Any]) -> NDArray[np.uint8]:
    """uint8 (n, channels, height, width) from (n, h, w), (n, h, w, c) or (n, c, h, w)."""
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        message = _("images of shape {shape} and {dtype}: only sets of uint8 images of one size can be used")
        raise DataError(message.format(shape=images.shape, dtype=images.dtype))
    if images.ndim == 3:
        return np.ascontiguousarray(images[:, None])
    return np.ascontiguousarray(_channels_last(images).transpose(0, 3, 1, 2))


# Fashion-MNIST's classes: where a set's names are words, they are the reader's.
FASHION = (
    N_("T-shirt/top"),
    N_("Trouser"),
    N_("Pullover"),
    N_("Dress"),
    N_("Coat"),
    N_("Sandal"),
    N_("Shirt"),
    N_("Sneaker"),
    N_("Bag"),
    N_("Ankle boot"),
)


def _class_names(part: Any, n: int) -> tuple[str, ...]:
    """The classes' names, or their numbers where the set has none."""
    names = getattr(part, "classes", None) or [str(label) for label in range(n)]
    return tuple(_(str(name).split(" - ")[0]) for name in names)
