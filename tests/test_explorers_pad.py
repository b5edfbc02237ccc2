"""The drawing pad: the ink fitted into MNIST's box as its makers did, and what the network is given."""

import numpy as np
import pytest
import torch

from lenet_helpers import load_dataset
from lenet_helpers.analysis import bounding_box, centre_of_mass
from lenet_helpers.explorers import DigitPad
from lenet_helpers.explorers.drawing_pad import BOX, INK, like_mnist


def ink(*boxes):
    """A page with some filled boxes (top, left, height, width)."""
    page = np.zeros((INK, INK))
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


def test_a_blank_page_is_no_digit_and_odd_bytes_are_no_ink():
    digits = load_dataset(n_train=300, validation=100)
    seen = []

    class Watched(torch.nn.Module):
        def forward(self, x):
            seen.append(x)
            return torch.eye(10)[[7]] * 5

    pad = DigitPad(Watched(), digits)
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
