"""A folder of pictures, read as people mean it: classes or splits, without what the system put there."""

import os
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..sources import DataError, Pixels
from ..wording import _
from .decode import Picture, decode_file

_SYSTEM = {
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "lost+found",
    "system volume information", "icon\r",
}  # fmt: skip
_SPLITS = {
    "train": "train", "training": "train", "test": "test", "testing": "test",
    "val": "validation", "valid": "validation", "validation": "validation",
}  # fmt: skip
_SIXTEEN_BITS = 65535
Part = tuple[NDArray[np.uint8], NDArray[np.int64]]


def read(
    _root: Path,
    path: str | os.PathLike[str],
    size: int,
    channels: int,
    test_share: float,
    background: int,
    white: float | None,
) -> Pixels:
    """The pictures below `path`; see `sources.image_folder`."""
    _check_settings(size, channels, test_share, background, white)
    folder = Path(os.path.expanduser(path)).absolute()
    if not folder.is_dir():
        message = (
            _("{path}: a file, not a folder; unpack it, then give the folder")
            if folder.exists()
            else _("{path}: no such folder; give a folder with one subfolder of images for each class")
        )
        raise DataError(message.format(path=folder))
    try:
        parts = _splits(folder)
        names = tuple(sorted((entry.name for entry in _folders(parts["train"])), key=_in_order))
        left_out: Counter[str] = Counter()
        files = {key: _files(part, names, left_out) for key, part in parts.items()}
    except DataError:
        raise
    except OSError as error:  # no permission, a folder that goes away meanwhile
        raise DataError(_("{path}: could not be searched ({why})").format(path=folder, why=error)) from error
    _check_classes(folder, names, files, own_test="test" in parts)
    decoded = {
        key: [(decode_file(file, size, channels, background, white), label) for file, label in listed]
        for key, listed in files.items()
    }
    everything = [
        (path, picture) for key in files for (path, _1), (picture, _2) in zip(files[key], decoded[key])
    ]
    _check_depth(folder, [picture for _path, picture in everything], white)
    _tell(folder, left_out, [path for path, picture in everything if picture.frames > 1])
    arrays = {key: _arrays(part, channels) for key, part in decoded.items()}
    if "test" not in arrays:
        images, labels = arrays["train"]
        is_test = _evenly(labels, test_share)
        arrays["train"], arrays["test"] = (
            (images[~is_test], labels[~is_test]),
            (images[is_test], labels[is_test]),
        )
    return Pixels(*arrays["train"], *arrays["test"], names, *arrays.get("validation", (None, None)))


def _check_settings(
    size: int, channels: int, test_share: float, background: int, white: float | None
) -> None:
    """Raise ValueError for a setting with which no picture can be read."""
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 4096:
        raise ValueError(
            _(
                "size={value!r}: choose a whole number of pixels from 1 to 4096; pictures become size×size"
            ).format(value=size)
        )
    if isinstance(channels, bool) or channels not in (1, 3):
        raise ValueError(_("channels={value!r}: choose 1 (grey) or 3 (colour)").format(value=channels))
    if not isinstance(test_share, (int, float)) or not 0 < test_share < 1:
        raise ValueError(
            _("test_share={value!r}: choose a number between 0 and 1, for example 0.2 for a fifth").format(
                value=test_share
            )
        )
    if isinstance(background, bool) or not isinstance(background, int) or not 0 <= background <= 255:
        raise ValueError(
            _("background={value!r}: choose a grey level from 0 (black) to 255 (white)").format(
                value=background
            )
        )
    if white is not None and (not isinstance(white, (int, float)) or not 0 < white < float("inf")):
        raise ValueError(
            _("white={value!r}: give the value that is white, for example 4095").format(value=white)
        )


# What lies where -----------------------------------------------------------------------


def _is_ours(name: str) -> bool:
    """Whether a person put it there: neither hidden nor one of the operating system's."""
    return not name.startswith(".") and name.lower() not in _SYSTEM


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if _is_ours(entry.name) and entry.is_dir())


def _pictures(path: Path) -> list[Path]:
    """Pictures that lie in the folder itself."""
    return [entry for entry in path.iterdir() if _is_ours(entry.name) and _is_picture(entry)]


def _is_picture(path: Path) -> bool:
    Image.init()
    if Image.registered_extensions().get(path.suffix.lower()) not in Image.OPEN:
        return False
    # Reading a pipe would wait for ever; of a link that leads nowhere, reading says so.
    return path.is_file() or not path.exists()


def _in_order(name: str) -> tuple[int, int, str]:
    """Numbers by size, then names: class "2" before class "10"."""
    return (0, int(name), name) if name.isascii() and name.isdigit() else (1, 0, name)


def _splits(folder: Path) -> dict[str, Path]:
    """The splits that the folder holds, or the folder itself as {"train": folder}."""
    inside = _folders(folder)
    named = [entry for entry in inside if entry.name.lower() in _SPLITS]
    train = [entry for entry in named if _SPLITS[entry.name.lower()] == "train"]
    all_named = len(named) == len(inside)
    # A class called "train", with pictures of trains, lies beside other classes.
    if not train or not (all_named or not _pictures(train[0])):
        if len(named) > 1 and all_named:
            raise DataError(
                _("{path}: holds {names}, but no folder train").format(
                    path=folder, names=", ".join(entry.name for entry in named)
                )
            )
        return {"train": folder}
    others = [entry.name for entry in inside if entry not in named]
    parts: dict[str, Path] = {}
    for entry in named:
        if parts.setdefault(_SPLITS[entry.name.lower()], entry) != entry:
            others.append(entry.name)
    if others:
        raise DataError(
            _(
                "{path}: {names} beside the folder {train}; keep either splits (train, test, val) or classes"
            ).format(path=folder, names=", ".join(others), train=train[0].name)
        )
    for part in parts.values():
        if not _folders(part):
            raise DataError(_("{path}: no subfolders in it; put one there for each class").format(path=part))
    return parts


def _files(part: Path, names: tuple[str, ...], left_out: Counter[str]) -> list[tuple[Path, int]]:
    """(picture, label) of all pictures in the class folders of one split, in a fixed order.

    Counts in `left_out` the endings of files that are no pictures.
    """
    found: list[tuple[Path, int]] = []
    for entry in _folders(part):
        if entry.name not in names:
            raise DataError(
                _("{path}: a class that the training images lack; they have {names}").format(
                    path=entry, names=", ".join(names)
                )
            )
        if part.resolve().is_relative_to(entry.resolve()):
            message = _("{path}: a link to a folder that it lies in itself; delete the link")
            raise DataError(message.format(path=entry))
        for below, folders, files in os.walk(entry, onerror=_stop):
            folders[:] = sorted(filter(_is_ours, folders))
            for path in (Path(below, name) for name in sorted(files) if _is_ours(name)):
                if _is_picture(path):
                    found.append((path, names.index(entry.name)))
                else:
                    left_out[path.suffix.lower() or path.name] += 1
    return found


def _stop(error: OSError) -> None:
    raise error


def _check_classes(
    folder: Path, names: tuple[str, ...], files: dict[str, list[tuple[Path, int]]], *, own_test: bool
) -> None:
    """Raise DataError unless there are two classes or more, each with enough pictures."""
    if len(names) < 2:
        message = _(
            "{path}: class folders found: {names}; a data set needs at least two, each with the pictures of"
            " one class"
        )
        if names and (folder / names[0]).is_dir() and len(_folders(folder / names[0])) > 1:
            message = _("{path}: holds nothing but the folder {names}; give that one: {path}/{names}")
        raise DataError(message.format(path=folder, names=", ".join(names) or "–"))
    for key, listed in files.items():
        counts = Counter(label for _path, label in listed)
        for label, name in enumerate(names):
            if not counts[label] and (key == "train" or not counts):
                message = _("{path}: class {name} has no pictures ({split}); add some or delete its folder")
                raise DataError(message.format(path=folder, name=name, split=key))
            if counts[label] == 1 and not own_test:
                message = _(
                    "{path}: class {name} has one picture; a class needs one to train on and one to test on"
                )
                raise DataError(message.format(path=folder, name=name))


# What is made of it --------------------------------------------------------------------


def _tell(folder: Path, left_out: Counter[str], animated: list[Path]) -> None:
    """Say in a warning what is not used of the folder."""
    if left_out:
        message = _("{path}: {n} files that are no pictures are left out ({endings})")
        warnings.warn(
            message.format(path=folder, n=left_out.total(), endings=", ".join(sorted(left_out))), stacklevel=2
        )
    if animated:
        message = _("{path}: {n} files hold several pictures, of which the first is used ({first})")
        warnings.warn(message.format(path=folder, n=len(animated), first=animated[0].name), stacklevel=2)


def _check_depth(folder: Path, pictures: list[Picture], white: float | None) -> None:
    """Refuse 16-bit pictures that use less than half of their range, unless `white` was given."""
    peaks = [picture.peak for picture in pictures if picture.peak is not None]
    if peaks and white is None and max(peaks) < _SIXTEEN_BITS // 2:
        message = _(
            "{path}: the brightest of the 16-bit pictures reaches {peak} of {full}; say which value is white,"
            " for example white={guess} (or white={full} if they are meant to be dark)"
        )
        guess = 2 ** max(max(peaks).bit_length(), 1) - 1
        raise DataError(message.format(path=folder, peak=max(peaks), full=_SIXTEEN_BITS, guess=guess))


def _arrays(part: list[tuple[Picture, int]], channels: int) -> Part:
    stacked = np.stack([picture.pixels for picture, _label in part])
    images = stacked[:, None] if channels == 1 else np.ascontiguousarray(stacked.transpose(0, 3, 1, 2))
    return images, np.array([label for _picture, label in part], dtype=np.int64)


def _evenly(labels: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Which images are for the test: `share` of each class, at least one and never all, evenly spaced."""
    chosen = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        n = min(max(round(share * len(members)), 1), len(members) - 1)
        chosen[members[np.arange(n) * len(members) // n]] = True
    return chosen
