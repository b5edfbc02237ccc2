"""Pictures keep what they show, or are refused by name (formats, depths, transparency, broken files)."""

import io
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from reliability import observed

from lenet_helpers import load_dataset, sources
from lenet_helpers.readers.decode import decode_file
from lenet_helpers.sources import DataError, image_folder

# A wedge: dark at the left, bright at the right, black on top. 28 grey levels and a direction.
WEDGE = np.vstack([np.zeros((7, 28)), np.tile(np.linspace(0, 1, 28), (21, 1))])
BYTES = np.rint(WEDGE * 255).astype(np.uint8)


def decoded(path, size=28, channels=1, background=255, white=None):
    return decode_file(path, size, channels, background, white).pixels


def saved(tmp_path, name, image, **options):
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(tmp_path / name, **options)
    return tmp_path / name


def with_alpha(colour, alpha):
    """RGBA: one colour everywhere, `alpha` (28, 28) in [0, 1]."""
    return np.dstack([np.full((28, 28, 3), colour, np.uint8), np.rint(alpha * 255).astype(np.uint8)])


DEEP = {
    "16-bit PNG": ("a.png", (WEDGE * 65535).astype(np.uint16), None),
    "16-bit TIFF": ("a.tif", (WEDGE * 65535).astype(np.uint16), None),
    "16-bit big-endian TIFF": ("a.tif", (WEDGE * 65535).astype(">u2"), None),
    "16-bit PGM": ("a.pgm", (WEDGE * 65535).astype(np.uint16), None),
    "float TIFF": ("a.tif", WEDGE.astype(np.float32), None),
    "float TIFF up to 255": ("a.tif", (WEDGE * 255).astype(np.float32), 255),
    "12 bits in a 16-bit PNG": ("a.png", (WEDGE * 4095).astype(np.uint16), 4095),
    "32-bit TIFF": ("a.tif", (WEDGE * 1e9).astype(np.int32), 1_000_000_000),
    "8-bit PNG": ("a.png", BYTES, None),
}


@pytest.mark.parametrize("kind", DEEP)
def test_deep_pictures_are_scaled_by_their_range(tmp_path, kind):
    name, values, white = DEEP[kind]
    pixels = decoded(saved(tmp_path, name, values), white=white)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - BYTES).max() <= 1


TURNED = {  # what it shows, what is saved: Pillow turns over 1 and 8 bits by itself, then as now
    "1 bit": (np.where(WEDGE >= 0.5, 255, 0), WEDGE >= 0.5),
    "8 bits": (BYTES, BYTES),
    "16 bits": (BYTES, np.rint(65535 * (1 - WEDGE)).astype(np.uint16)),
    "floats": (BYTES, (1 - WEDGE).astype(np.float32)),
}


@pytest.mark.parametrize("kind", TURNED)
def test_a_tiff_in_which_0_is_white_shows_what_it_shows(tmp_path, kind):
    """As scanners and X-ray machines write them: photometric interpretation WhiteIsZero (TIFF 6.0)."""
    shown, values = TURNED[kind]
    pixels = decoded(saved(tmp_path, "a.tif", values, tiffinfo={262: 0}))
    assert np.abs(pixels.astype(int) - shown).max() <= 1


REFUSED = {
    "float beyond 1": ("a.tif", (WEDGE * 255).astype(np.float32), "white="),
    "negative floats": ("a.tif", (WEDGE - 0.5).astype(np.float32), "from -0.5"),
    "not a number": ("a.tif", np.where(WEDGE > 0.5, np.nan, WEDGE).astype(np.float32), "nan"),
    "infinite": ("a.tif", np.where(WEDGE > 0.5, np.inf, WEDGE).astype(np.float32), "inf"),
    "32 bits of unknown meaning": ("a.tif", (WEDGE * 5000).astype(np.int32), "white=5000"),
    "signed 16 bits below 0": ("a.tif", (WEDGE * 500 - 250).astype(np.int16), "-250"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_values_that_nobody_can_interpret_are_refused(tmp_path, kind):
    name, values, word = REFUSED[kind]
    with pytest.raises(DataError, match="a.tif") as error:
        decoded(saved(tmp_path, name, values))
    assert word in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("bits", [9, 10, 12, 14])
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_few_bits_in_16_are_refused_until_white_is_given(tmp_path, monkeypatch, bits, ending):
    white = 2**bits - 1
    for label in "ab":
        (tmp_path / label).mkdir()
        for i in range(2):
            saved(tmp_path / label, f"{i}.{ending}", (WEDGE * white).astype(np.uint16))
    monkeypatch.setitem(sources.REGISTRY, "mine", image_folder(tmp_path))
    with pytest.raises(DataError, match=f"white={white} ") as error:
        load_dataset("mine")
    assert str(tmp_path) in str(error.value)
    for given_white, levels in ((white, 28), (65535, len(np.unique((WEDGE * white).astype(int) // 257)))):
        monkeypatch.setitem(sources.REGISTRY, "mine", image_folder(tmp_path, white=given_white))
        found = len(load_dataset("mine", scaling="unit").train.images.unique())
        assert abs(found - levels) <= 1


ALPHA = {
    "RGBA PNG": ("a.png", lambda: Image.fromarray(with_alpha(0, WEDGE))),
    "LA PNG": ("a.png", lambda: Image.fromarray(with_alpha(0, WEDGE)).convert("LA")),
    "RGBA WebP": ("a.webp", lambda: Image.fromarray(with_alpha(0, WEDGE))),
    "RGBA TIFF": ("a.tif", lambda: Image.fromarray(with_alpha(0, WEDGE))),
    "half seen grey": ("a.png", lambda: Image.fromarray(with_alpha(0, WEDGE * 0.5))),
}


@pytest.mark.parametrize("kind", ALPHA)
@pytest.mark.parametrize("background", [255, 200])
def test_transparent_pictures_lie_on_a_stated_background(tmp_path, kind, background):
    name, make = ALPHA[kind]
    options = {"lossless": True} if name.endswith("webp") else {}
    pixels = decoded(saved(tmp_path, name, make(), **options), background=background)
    alpha = np.asarray(make().getchannel("A")).astype(float) / 255
    # Black ink, so much of it: what is left of the background.
    assert np.abs(pixels - background * (1 - alpha)).max() <= 1


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_one_transparent_colour(tmp_path, mode):
    image = Image.fromarray(np.where(WEDGE > 0.5, 90, 7).astype(np.uint8)).convert(mode)
    key = {"L": 7, "RGB": (7, 7, 7), "P": image.getpixel((0, 0))}[mode]
    pixels = decoded(saved(tmp_path, "a.png", image, transparency=key))
    assert set(np.unique(pixels)) == {90, 255} and pixels[0, 0] == 255


@pytest.mark.parametrize(("colour", "background"), [(255, 255), (0, 0), (128, 128)])
def test_ink_that_nobody_could_see_is_refused(tmp_path, colour, background):
    path = saved(tmp_path, "white on white.png", with_alpha(colour, WEDGE))
    with pytest.raises(DataError, match="white on white.png.*background="):
        decoded(path, background=background)
    other = 0 if background > 127 else 255
    assert np.ptp(decoded(path, background=other)) > 100


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_the_camera_says(tmp_path, orientation):
    """The eight orientations of EXIF 2.3, table 6: how the stored rows and columns lie in the scene."""
    upright = np.arange(28 * 28).reshape(28, 28) % 251
    stored = {
        1: upright,
        2: np.fliplr(upright),
        3: np.rot90(upright, 2),
        4: np.flipud(upright),
        5: upright.T,
        6: np.rot90(upright, 1),  # to be turned clockwise, so it was stored turned the other way
        7: np.rot90(upright.T, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, "a.png", np.ascontiguousarray(stored).astype(np.uint8), exif=exif.tobytes())
    assert np.array_equal(decoded(path), upright)


OTHER_MODES = {
    "palette PNG": ("a.png", lambda: Image.fromarray(BYTES).quantize(28), 3),
    "palette GIF": ("a.gif", lambda: Image.fromarray(BYTES).quantize(28), 3),
    "one-bit PNG": ("a.png", lambda: Image.fromarray(BYTES > 127), None),
    "one-bit PBM": ("a.pbm", lambda: Image.fromarray(BYTES > 127), None),
    "CMYK JPEG": ("a.jpg", lambda: Image.fromarray(BYTES).convert("RGB").convert("CMYK"), 8),
    "CMYK TIFF": ("a.tif", lambda: Image.fromarray(BYTES).convert("RGB").convert("CMYK"), 1),
    "colour PNG": ("a.png", lambda: Image.fromarray(BYTES).convert("RGB"), 1),
    "YCbCr JPEG": ("a.jpg", lambda: Image.fromarray(BYTES).convert("YCbCr"), 8),
    "BMP": ("a.bmp", lambda: Image.fromarray(BYTES), 0),
    "capital ending": ("A.PNG", lambda: Image.fromarray(BYTES), 0),
}


@pytest.mark.parametrize("kind", OTHER_MODES)
def test_other_modes_show_the_same(tmp_path, kind):
    name, make, tolerance = OTHER_MODES[kind]
    path = saved(tmp_path, name, make())
    expected = BYTES if tolerance is not None else 255 * (BYTES > 127)
    for channels in (1, 3):
        pixels = decoded(path, channels=channels).astype(int)
        seen = pixels if channels == 1 else pixels[..., 1]
        assert pixels.shape == ((28, 28) if channels == 1 else (28, 28, 3))
        assert np.abs(seen - expected).max() <= (tolerance or 0)


def test_grey_is_the_usual_weighted_sum_and_colour_stays(tmp_path):
    path = saved(tmp_path, "a.png", np.full((4, 4, 3), (200, 100, 50), np.uint8))
    # ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B.
    assert (decoded(path, size=4) == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)).all()
    assert (decoded(path, size=4, channels=3) == (200, 100, 50)).all()


def frames_of(*levels):
    return [Image.fromarray(np.full((8, 8), level, np.uint8)) for level in levels]


@pytest.mark.parametrize("ending", ["gif", "png", "webp", "tif"])
def test_the_first_frame_of_an_animation_is_used_and_that_is_said(tmp_path, monkeypatch, ending):
    first, *rest = frames_of(40, 140, 240)
    for label in "ab":
        (tmp_path / label).mkdir()
        saved(tmp_path / label, "still.png", first)
        options = {"lossless": True} if ending == "webp" else {}
        saved(tmp_path / label, f"moving.{ending}", first, save_all=True, append_images=rest, **options)
    monkeypatch.setitem(sources.REGISTRY, "mine", image_folder(tmp_path, size=8))
    with pytest.warns(UserWarning, match=rf"2 files hold several pictures.*moving\.{ending}"):
        data = load_dataset("mine", scaling="unit")
    assert data.train.images.mul(255).round().unique().tolist() == [40]


def test_stills_are_not_talked_about(tmp_path, monkeypatch):
    for label in "ab":
        (tmp_path / label).mkdir()
        for i in range(2):
            saved(tmp_path / label, f"{i}.gif", BYTES)
    monkeypatch.setitem(sources.REGISTRY, "mine", image_folder(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_dataset("mine")


BROKEN = {
    "half": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "a page": lambda data: b"<html>404 Not Found</html>",
    "a flipped byte": lambda data: data[:60] + bytes([data[60] ^ 255]) + data[61:],
    "zeros": lambda data: bytes(len(data)),
    "the head alone": lambda data: data[:30],
    "text": lambda data: "sehr geehrte Damen".encode("utf-16"),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("ending", ["png", "tif", "gif", "webp"])
def test_a_broken_file_is_named_in_one_sentence(tmp_path, kind, ending):
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    path = saved(tmp_path, f"5.{ending}", noise)
    path.write_bytes(BROKEN[kind](path.read_bytes()))
    try:
        decoded(path)
    except DataError as error:
        assert f"5.{ending}" in str(error) and "\n" not in str(error)
    else:  # formats without a checksum can't notice one byte
        assert kind == "a flipped byte" and ending != "png"


@pytest.mark.parametrize("shape", [(15000, 13000), (10000, 9500)])
def test_a_huge_picture_is_named(tmp_path, shape):
    path = saved(tmp_path, "poster.png", Image.new("1", shape))
    with pytest.raises(DataError, match="poster.png"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        decoded(path)


def picture_bytes(ending):
    file = io.BytesIO()
    Image.fromarray(BYTES).save(file, ending)
    return file.getvalue()


GOOD = {ending: picture_bytes(ending) for ending in ("PNG", "GIF", "TIFF", "BMP", "WEBP", "PPM", "JPEG")}


@st.composite
def damaged(draw):
    """A picture file with some bytes changed, cut or put in."""
    data = bytearray(GOOD[draw(st.sampled_from(sorted(GOOD)))])
    for _change in range(draw(st.integers(1, 4))):
        where = draw(st.integers(0, max(len(data) - 1, 0)))
        data[where : where + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(data)


def never_anything_but_pixels_or_a_named_file(folder, data):
    path = folder / "fuzz.png"
    path.write_bytes(data)
    try:
        pixels = decoded(path)
    except DataError as error:
        assert "fuzz.png" in str(error)
    else:
        assert pixels.shape == (28, 28) and pixels.dtype == np.uint8


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(max_size=200), damaged()))
def test_any_bytes_are_pixels_or_a_named_file(tmp_path, data):
    never_anything_but_pixels_or_a_named_file(tmp_path, data)


@pytest.mark.proof
@settings(max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(max_size=200), damaged()))
def test_any_bytes_are_pixels_or_a_named_file_for_long(tmp_path, data):
    never_anything_but_pixels_or_a_named_file(tmp_path, data)
    observed("Anything for a parser", "a picture", "read, or told in one sentence")
