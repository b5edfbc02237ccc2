"""The figures: legible on white, told apart by colour-blind readers, drawn in threads, with a text for
each.
"""

import base64
import io
import itertools
import threading
from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from lenet_helpers.figures import canvas, plots

WHITE = (1.0, 1.0, 1.0)
# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision
# deficiency" (2009), severity 1.0: what is seen of linear red, green and blue.
DEFICIENCIES = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour):
    """sRGB "#rrggbb" or three numbers in [0, 1] as linear light."""
    if isinstance(colour, str):
        colour = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    colour = np.asarray(colour, dtype=float)
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """WCAG 2's contrast ratio, 1 to 21."""
    light, dark = sorted(
        (float(np.dot((0.2126, 0.7152, 0.0722), linear(c))) for c in (one, other)), reverse=True
    )
    return (light + 0.05) / (dark + 0.05)


def lab(rgb):
    """CIE L*a*b* of linear light, white D65."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(
        rgb, 0, 1
    )
    ratio = xyz / (0.9505, 1.0, 1.089)
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def history(points=6):
    return [
        SimpleNamespace(
            epoch=i + 1,
            step=94 * (i + 1),
            train_loss=2.3 * 0.5**i,
            train_accuracy=1 - 0.8 * 0.6**i,
            validation_loss=2.3 * 0.52**i,
            validation_accuracy=1 - 0.82 * 0.6**i,
        )
        for i in range(points)
    ]


FIGURES = {
    "learning_curves": lambda: plots.learning_curves({"one": history(), "two": history(3)}),
    "lines": lambda: plots.lines(
        [1, 2, 3], {"a": [1, 2, 3], "b": [3, 2, 1]}, xlabel="shift [pixels]", ylabel="accuracy"
    ),
    "bars": lambda: plots.bars({"dense": 4_515_840, "convolution": 250}, xlabel="weights", log=True),
    "image_grid": lambda: plots.image_grid(np.zeros((7, 1, 28, 28)), titles=range(7), columns=5),
    "signed_image": lambda: plots.signed_image([[1.0, -2.0], [0.0, 0.5]], values=True),
    "feature_maps": lambda: plots.feature_maps(np.arange(16 * 4.0).reshape(16, 2, 2)),
    "confusion_matrix": lambda: plots.confusion_matrix(np.diag([9, 8, 7]) + np.eye(3, k=1, dtype=int)),
    "histogram": lambda: plots.histogram(
        {"train": [0.0, 1.0, 1.0], "test": [0.5, 0.25, 2.0]}, xlabel="pixel"
    ),
}


def test_contrast_by_hand():
    assert contrast("#000000", WHITE) == pytest.approx(21)
    assert contrast("#767676", WHITE) == pytest.approx(4.54, abs=0.01)  # the grey WCAG's own pages name


@pytest.mark.parametrize("colour", canvas.LINES)
def test_lines_stand_out_from_the_paper(colour):
    assert contrast(colour, WHITE) >= 3.0


def test_words_on_the_paper_are_readable():
    assert contrast(canvas.GREY, WHITE) >= 4.5


@pytest.mark.parametrize("name", DEFICIENCIES)
def test_lines_are_told_apart_by_colour_blind_readers(name):
    seen = [lab(np.array(DEFICIENCIES[name]) @ linear(colour)) for colour in canvas.LINES]
    for (i, one), (j, other) in itertools.combinations(enumerate(seen), 2):
        # 10 is what a glance tells apart; below it, dash and marker have to do it, for later lines only.
        assert np.linalg.norm(one - other) > 10, (canvas.LINES[i], canvas.LINES[j])


def test_colour_is_never_alone():
    styles = [canvas.series(i) for i in range(len(canvas.LINES))]
    for key in ("color", "linestyle", "marker"):
        assert len({str(style[key]) for style in styles}) == len(styles)


@pytest.mark.parametrize("name", FIGURES)
def test_opaque_white_and_reproducible(name):
    first, second = canvas.png(FIGURES[name]()), canvas.png(FIGURES[name]())
    assert first == second
    pixels = matplotlib.image.imread(io.BytesIO(first))
    assert np.all(pixels[0, 0, :3] == 1) and (pixels.shape[2] == 3 or np.all(pixels[..., 3] == 1))
    assert pixels[..., :3].min() < 0.7


@pytest.mark.parametrize("name", FIGURES)
def test_words_are_large_enough(name):
    figure = FIGURES[name]()
    words = [
        text
        for ax in figure.axes
        for text in (ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts)
        if text.get_text()
    ]
    assert all(text.get_fontsize() >= 9 for text in words)


def test_drawn_in_a_thread_as_in_the_main_one():
    drawn = {}
    thread = threading.Thread(target=lambda: drawn.update(png=canvas.png(FIGURES["learning_curves"]())))
    thread.start()
    thread.join()
    assert drawn["png"] == canvas.png(FIGURES["learning_curves"]())


def test_learning_curves_draw_what_is_recorded():
    loss, accuracy = plots.learning_curves(history()).axes
    train, validation, chance = loss.lines
    assert list(train.get_ydata()) == [r.train_loss for r in history()]
    assert list(validation.get_ydata()) == [r.validation_loss for r in history()]
    assert chance.get_ydata()[0] == pytest.approx(2.302585)
    assert [line.get_ydata()[-1] for line in accuracy.lines] == [
        history()[-1].train_accuracy,
        history()[-1].validation_accuracy,
    ]
    assert "nats" in loss.get_ylabel()


def test_learning_curves_without_validation():
    records = [
        SimpleNamespace(**{**vars(r), "validation_loss": None, "validation_accuracy": None})
        for r in history()
    ]
    loss, accuracy = plots.learning_curves(records, chance=None).axes
    assert len(loss.lines) == len(accuracy.lines) == 1


def test_confusion_matrix_writes_every_count_and_colours_mistakes_only():
    counts = np.array([[5, 1, 0], [2, 6, 0], [0, 0, 7]])
    ax = plots.confusion_matrix(counts, ["a", "b", "c"]).axes[0]
    assert [text.get_text() for text in ax.texts] == ["5", "1", "·", "2", "6", "·", "·", "·", "7"]
    assert np.isnan(np.diag(ax.images[0].get_array().filled(np.nan))).all()


def test_feature_maps_keep_every_value():
    maps = np.random.default_rng(0).normal(size=(5, 4, 6))
    mosaic = plots.feature_maps(maps, columns=2).axes[0].images[0].get_array()
    shown = np.asarray(mosaic.compressed() if np.ma.isMaskedArray(mosaic) else mosaic[~np.isnan(mosaic)])
    assert sorted(shown) == pytest.approx(sorted(maps.ravel()))


def test_signed_image_is_white_at_zero():
    image = plots.signed_image([[-1.0, 4.0]]).axes[0].images[0]
    assert image.get_clim() == (-4.0, 4.0)
    assert min(image.cmap(0.5)[:3]) > 0.95


def test_show_gives_picture_text_and_sentence():
    InteractiveShell.instance()
    with capture_output() as captured:
        canvas.show(FIGURES["bars"](), alt='Dense needs 4,515,840 weights, "convolution" 250.')
    (output,) = captured.outputs
    data, metadata = output.data, output.metadata
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == data["text/plain"] == captured.stdout.strip()
    assert "&quot;convolution&quot;" in data["text/html"] and data["image/png"] in data["text/html"]


@pytest.mark.parametrize("alt", ["", "  "])
def test_show_without_a_text_is_refused(alt):
    with pytest.raises(ValueError, match="say in one sentence"):
        canvas.show(FIGURES["bars"](), alt=alt)
