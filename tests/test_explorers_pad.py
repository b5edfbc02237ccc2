"""The drawing pad: the ink fitted into MNIST's box as its makers did, and what the network is given."""

import ipywidgets as widgets
import numpy as np
import pytest
import torch

from lenet_helpers import LeNet, load_dataset
from lenet_helpers.analysis import bounding_box
from lenet_helpers.explorers import DigitPad
from lenet_helpers.explorers.drawing_pad import INK
from lenet_helpers.explorers.gallery import centre_of_mass
from lenet_helpers.tuning import kept_digits
from lenet_helpers.tuning.own_digits import BOX
from lenet_helpers.tuning.own_digits import prepared as like_mnist


def ink(*boxes):
    """A page with some filled boxes (top, left, height, width)."""
    page = np.zeros((INK, INK), dtype=np.float32)
    for top, left, height, width in boxes:
        page[top : top + height, left : left + width] = 1
    return page


@pytest.mark.parametrize(
    "boxes",
    [
        [(0, 0, 40, 8)],
        [(50, 50, 4, 6)],
        [(10, 3, 2, 50)],
        [(0, 0, 56, 56)],
        [(5, 5, 30, 4), (31, 5, 4, 20)],
        [(20, 20, 1, 1)],
    ],
    ids=["tall", "corner", "wide", "full", "L", "dot"],
)
def test_the_longer_side_is_20_pixels_and_the_mass_is_in_the_middle(boxes):
    image = torch.from_numpy(like_mnist(ink(*boxes)))
    _top, _left, height, width = bounding_box(image, 0.02)
    assert image.shape == (28, 28) and max(height, width) == BOX
    y, x = centre_of_mass(image)
    assert abs(y - 14) <= 0.5 + 1e-4 and abs(x - 14) <= 0.5 + 1e-4, "as near as whole pixels allow"
    assert 0 <= image.min() and image.max() <= 1


def test_proportions_are_kept_and_the_place_on_the_page_does_not_matter():
    image = like_mnist(ink((0, 0, 40, 10)))
    _top, _left, height, width = bounding_box(torch.from_numpy(image), 0.02)
    assert (height, width) == (20, 5)
    assert (like_mnist(ink((13, 37, 40, 10))) == image).all()


def test_a_digit_of_mnist_stays_about_as_it_is():
    """Fitted once already by MNIST's makers, a digit that fills the box is left nearly unchanged."""
    digits = load_dataset(n_train=300)
    images = digits.to_unit(digits.train.images)[:, 0]
    centres = torch.tensor([centre_of_mass(image) for image in images])
    assert 13.5 <= centres.min() and centres.max() <= 14.5, "where MNIST's makers put the ink"
    full = [i for i in images if max(bounding_box(i, 0.05)[2:]) == BOX]
    assert len(full) > 50
    gaps = [float(np.abs(like_mnist(i.numpy()) - i.numpy()).mean()) for i in full]
    shifted = [float(np.abs(np.roll(i.numpy(), 2, 1) - i.numpy()).mean()) for i in full]
    assert np.median(gaps) < 0.25 * np.median(shifted)


DIGITS = load_dataset(n_train=300, validation=100)


def drawn(pad, *boxes):
    pad.pad.greys = (255 * ink(*boxes)).astype(np.uint8).tobytes()
    assert pad.error.value == ""
    return pad


def test_a_blank_page_is_no_digit_and_odd_bytes_are_no_ink(tmp_path):
    digits, seen = DIGITS, []

    class Watched(torch.nn.Module):
        def forward(self, x):
            seen.append(x)
            return torch.eye(10)[[7]] * 5

    pad = DigitPad(Watched(), digits, tmp_path / "mine.json")
    assert "blank" in pad.sentence() and not seen
    greys = (255 * ink((5, 20, 40, 6))).astype(np.uint8).tobytes()
    pad.pad.greys = greys
    assert pad.error.value == "" and "The network says 7" in pad.sentence()
    assert seen[-1].shape == (1, 1, 28, 28)
    # The background is what it was in training: not 0, but an empty pixel scaled as the data are.
    assert seen[-1].min() == pytest.approx(digits.background)
    np.testing.assert_allclose(digits.to_unit(seen[-1][0, 0]), pad.state.image, atol=1e-5)
    pad.pad.greys = b"\x01\x02"
    assert "The network says 7" in pad.sentence(), "half a page is not taken"
    pad.blank.click()
    assert "blank" in pad.sentence()


def test_each_step_is_shown_and_each_switch_leaves_one_out(tmp_path):
    pad = drawn(DigitPad(LeNet(), DIGITS, tmp_path / "mine.json"), (2, 4, 40, 10))
    assert [picture.shape for picture in pad.state.steps] == [(40, 10), (20, 5), (28, 28)]
    pad.controls["centre"].value = False
    off = pad.state.image.copy()
    assert analysis_centre(off)[1] < 8, "where it was drawn: at the left"
    pad.controls["normalise"].value = False
    assert [picture.shape for picture in pad.state.steps] == [(56, 56), (28, 28), (28, 28)]
    assert bounding_box(torch.from_numpy(pad.state.image), 0.02) == (1, 2, 20, 5), "half the page's size"
    assert pad.error.value == ""


def analysis_centre(image):
    return centre_of_mass(torch.from_numpy(image))


def test_every_layer_answers_and_none_to_a_blank_page(tmp_path):
    net = LeNet()
    pad = DigitPad(net, DIGITS, tmp_path / "mine.json")
    assert not any(artist.get_array().filled(0).any() for artist in pad.layers.values())
    drawn(pad, (10, 20, 36, 8))
    assert list(pad.layers) == ["conv1", "pool1", "conv2", "pool2", "fc1", "fc2"]
    x = DIGITS.from_unit(torch.from_numpy(pad.state.image)[None, None])
    with torch.no_grad():
        right = net.conv1(x)[0, 0].double()
    pad.still()
    shown = pad.layers["conv1"].get_array()
    torch.testing.assert_close(torch.tensor(shown[:24, :24].data), right)


def test_the_page_gets_the_same_pictures_as_bytes(tmp_path):
    """What the canvas draws, taken apart again: 255 is paper, 127 zero, 0 and 254 the largest answers."""
    net = LeNet()
    pad = drawn(DigitPad(net, DIGITS, tmp_path / "mine.json"), (10, 20, 36, 8))
    pictures, at = {}, 0
    for part in pad.sheet.parts:
        rows, columns = part["shape"]
        places = np.frombuffer(pad.sheet.pixels, np.uint8, rows * columns, at).reshape(rows, columns)
        pictures[part["title"]] = places
        at += rows * columns
    assert at == len(pad.sheet.pixels)
    np.testing.assert_allclose(
        pictures["what the network gets"] / 254, pad.state.image, atol=0.5 / 254 + 1e-6
    )
    x = DIGITS.from_unit(torch.from_numpy(pad.state.image)[None, None])
    with torch.no_grad():
        answers = net.conv1(x)[0].numpy()
        chances = net(x).softmax(1)[0]
    largest = np.abs(answers).max()
    places = pictures["conv1, 6"]
    np.testing.assert_allclose(
        (places[:24, :24] - 127.0) / 127 * largest, answers[0], atol=largest / 254 + 1e-6
    )
    assert (places[24, :24] == 255).all(), "between two maps there is paper"
    np.testing.assert_allclose(pad.sheet.bars, chances, atol=1e-6)
    pad.blank.click()
    assert not pad.sheet.bars and "blank" in pad.sheet.name


def test_a_stroke_is_answered_by_two_small_messages(tmp_path, monkeypatch):
    """The picture in one, the sentence in another where it changes: each costs the hand milliseconds."""
    pad, sent = drawn(DigitPad(LeNet(), DIGITS, tmp_path / "mine.json"), (10, 20, 36, 8)), []

    def note(self, message, buffers=None):
        if message["method"] == "update":
            sent.append((type(self).__name__, sum(map(len, buffers or ()))))

    monkeypatch.setattr(widgets.Widget, "_send", note)
    more = np.frombuffer(pad.pad.greys, np.uint8).copy()
    more[:200] = 255
    pad.pad.set_state({"greys": memoryview(more.tobytes())})  # as from the browser
    assert [name for name, _size in sent if name != "HTML"] == ["Sheet"] and len(sent) <= 2
    assert 0 < max(size for _name, size in sent) < 20_000


def test_a_stroke_is_answered_on_one_thread_and_the_others_are_given_back(tmp_path):
    class Watched(LeNet):
        seen = set()

        def forward(self, x):
            self.seen.add(torch.get_num_threads())
            return super().forward(x)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        pad = DigitPad(Watched(), DIGITS, tmp_path / "mine.json")
        Watched.seen.clear()
        drawn(pad, (10, 20, 36, 8))
        assert Watched.seen == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_digits_are_kept_and_make_a_test_set(tmp_path):
    file = tmp_path / "mine.json"
    pad = drawn(DigitPad(LeNet(), DIGITS, file), (2, 4, 40, 10))
    said = int(pad.state.probabilities.argmax())
    pad.controls["meant"].value = said
    pad.controls["keep"].click()
    assert "Digits kept in" in pad.sentence() and "1; prepared in this way, 1 of them" in pad.sentence()
    pad.controls["meant"].value = (said + 1) % 10
    pad.controls["keep"].click()
    assert "2; prepared in this way, 1 of them" in pad.sentence()
    images, labels = kept_digits.as_set(file)
    assert images.shape == (2, 1, 28, 28) and labels.tolist() == [said, (said + 1) % 10]
    np.testing.assert_allclose(images[0, 0], like_mnist(ink((2, 4, 40, 10))), atol=1e-6)
    # Another pad, another day: they are still there.
    assert "Digits kept in" in DigitPad(LeNet(), DIGITS, file).sentence()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mine.json"]


def test_a_blank_page_is_not_kept_and_nothing_kept_is_an_empty_set(tmp_path):
    file = tmp_path / "mine.json"
    pad = DigitPad(LeNet(), DIGITS, file)
    pad.controls["keep"].click()
    assert "draw something first" in pad.error.value and not file.exists()
    images, labels = kept_digits.as_set(file, centre=False)
    assert images.shape == (0, 1, 28, 28) and labels.shape == (0,)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"digits": 3}',
        b'{"digits": [{"label": 1}]}',
        b'{"digits": [{"label": "1", "height": 1, "width": 1, "ink": "/w=="}]}',
        b'{"digits": [{"label": 1, "height": 2, "width": 2, "ink": "/w=="}]}',
        b'{"digits": [{"label": 1, "height": 1, "width": 1, "ink": "AA=="}]}',
        b'{"digits": [{"label": true, "height": 1, "width": 1, "ink": "/w=="}]}',
        b'{"digits": [{"label": 1, "height": ' + b"9" * 40 + b', "width": 1, "ink": "/w=="}]}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
    ids=range(11),
)
def test_a_file_of_something_else_is_named_and_left_as_it_is(tmp_path, content):
    file = tmp_path / "mine.json"
    file.write_bytes(content)
    for use in (lambda: kept_digits.keep(file, ink((5, 5, 20, 5)), 1), lambda: kept_digits.kept(file)):
        with pytest.raises(ValueError, match="mine.json: not a file of kept digits; rename or delete it"):
            use()
    assert file.read_bytes() == content


def test_a_place_that_can_t_be_written_is_named(tmp_path):
    with pytest.raises(ValueError, match="can't be read"):
        kept_digits.kept(tmp_path)
    (tmp_path / "no-folder").write_text("")
    with pytest.raises(ValueError, match="mine.json: can't be (read|written)"):
        kept_digits.keep(tmp_path / "no-folder" / "mine.json", ink((5, 5, 20, 5)), 1)
