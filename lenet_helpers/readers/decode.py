"""One picture file as 8-bit pixels that show what the picture shows, or an error that names the file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ..sources import DataError
from ..wording import _

# Formats that hold several pictures of one thing (sizes, layers, both eyes): the first is the picture.
_NOT_ANIMATED = {"MPO", "ICO", "ICNS", "PSD"}

_PHOTOMETRIC = 262  # TIFF 6.0, section 8: 0 says that 0 is white


@dataclass(frozen=True)
class Picture:
    """`pixels` uint8, (size, size) or (size, size, 3); `frames` in the file; `peak` of a 16-bit picture."""

    pixels: NDArray[np.uint8]
    frames: int = 1
    peak: int | None = None


def decode_file(path: Path, size: int, channels: int, background: int, white: float | None) -> Picture:
    """The picture in `path`. Raises DataError, naming the file, for whatever cannot be shown faithfully."""
    try:
        with Image.open(path) as file:
            limit = Image.MAX_IMAGE_PIXELS
            if limit and file.width * file.height > limit:
                message = _("{name}: {width}×{height} pixels are too many; make the picture smaller")
                raise DataError(message.format(name=path, width=file.width, height=file.height))
            frames = 1 if file.format in _NOT_ANIMATED else getattr(file, "n_frames", 1)
            file.seek(0)
            whole = 65535 if file.format in ("PNG", "PPM") else None
            # A copy: turning is done in memory, and the file can be closed.
            image = ImageOps.exif_transpose(file)
            pixels, peak = as_pixels(str(path), image, size, channels, background, white, whole)
            # WhiteIsZero: Pillow turns 1 and 8 bits over itself, and nothing else.
            if file.format == "TIFF" and image.mode[0] in "IF" and file.tag_v2.get(_PHOTOMETRIC) == 0:
                pixels = 255 - pixels
    except DataError:
        raise
    # Pillow raises OSError, ValueError, SyntaxError, struct.error, zlib.error, EOFError, ... from here.
    except Exception as error:
        message = _("{path}: could not be read as a picture ({why}); mend or delete the file")
        raise DataError(message.format(path=path, why=f"{type(error).__name__}: {error}")) from error
    return Picture(pixels, frames, peak)


def as_pixels(
    name: str,
    image: Image.Image,
    size: int,
    channels: int,
    background: int,
    white: float | None,
    whole: int | None = None,
) -> tuple[NDArray[np.uint8], int | None]:
    """(pixels, highest value of a 16-bit picture or None) of an open picture of any mode.

    name: what errors call it. whole: the value that is white in 32-bit whole numbers, None where
    nobody knows.
    """
    peak = None
    if image.mode[0] in "IF":
        image, peak = _eight_bit(name, image, background, white, whole)
    image = _opaque(name, image, background)
    if image.mode not in ("1", "L"):  # not from everything is there a direct way to grey
        image = image.convert("RGB")
    image = image.convert("RGB" if channels == 3 else "L")
    return np.asarray(image.resize((size, size))), peak


def _eight_bit(
    name: str, image: Image.Image, background: int, white: float | None, whole: int | None
) -> tuple[Image.Image, int | None]:
    """Values of 16 or 32 bits scaled from [0, white] to [0, 255], grey; and the highest of 16-bit values."""
    values = np.asarray(image).astype(np.float64)
    sixteen = image.mode.startswith("I;16")
    full = white or (1.0 if image.mode == "F" else 65535 if sixteen else whole)
    low, high = float(values.min()), float(values.max())
    if full is None:
        message = _(
            "{name}: whole numbers of 32 bits, from {low:g} to {high:g}; say which one is white, for example"
            " white={high:g}"
        )
        raise DataError(message.format(name=name, low=low, high=high))
    if not (0 <= low and high <= full):  # false for NaN
        message = _(
            "{name}: its values go from {low:g} to {high:g} instead of 0 to {full:g}; bring them there, or"
            " say which value is white, for example white=255"
        )
        raise DataError(message.format(name=name, low=low, high=high, full=full))
    grey = np.rint(values * (255 / full)).astype(np.uint8)
    transparent: Any = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[values == transparent] = background
    return Image.fromarray(grey), int(high) if sixteen or image.mode == "I" else None


def _opaque(name: str, image: Image.Image, background: int) -> Image.Image:
    """The picture as it looks on a sheet of the grey level `background`."""
    if not image.has_transparency_data:
        return image
    image = image.convert("LA") if image.mode == "La" else image
    picture = image.convert("RGBA")
    sheet = Image.new("RGBA", picture.size, (background, background, background, 255))
    sheet.alpha_composite(picture)
    seen = sheet.convert("RGB")
    low, high = picture.getchannel("A").getextrema()
    if low != high and np.ptp(np.asarray(seen), axis=(0, 1)).max() == 0:
        message = _(
            "{name}: transparent, and nothing of it can be seen on a background of {level}; choose another,"
            " for example background={other}"
        )
        raise DataError(message.format(name=name, level=background, other=0 if background > 127 else 255))
    return seen
