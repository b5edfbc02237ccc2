"""Images changed on purpose, confidence, own digits: what chapter 5 rests on."""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lenet_helpers import LeNet, analysis, evaluate, load_dataset
from lenet_helpers.explorers.gallery import centre_of_mass
from lenet_helpers.tuning import calibration, clothes, own_digits, robustness

FASHION_PACKAGE = Path("/usr/share/datasets/fashion-mnist")  # Debian's dataset-fashion-mnist


@pytest.fixture(scope="module")
def digits():
    return load_dataset()


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return LeNet()


# Moved, turned, resized -----------------------------------------------------------------


def test_a_shift_by_hand():
    image = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert robustness.shifted(image, 1, 0, -1.0).tolist() == [[[[-1, 0, 1], [-1, 3, 4]]]]
    assert robustness.shifted(image, -2, 1, -1.0).tolist() == [[[[-1, -1, -1], [2, -1, -1]]]]
    assert robustness.shifted(image, 3, 0, -1.0).eq(-1).all() and torch.equal(
        robustness.shifted(image, 0), image
    )


def test_a_shift_out_of_the_frame_is_refused():
    with pytest.raises(ValueError, match="shifted by 4, 0"):
        robustness.shifted(torch.zeros(1, 1, 2, 3), 4)


def test_positive_angles_turn_clockwise():
    image = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    turned = robustness.turned(image, 90.0, background=-1.0)
    assert torch.allclose(turned, torch.rot90(image, -1, (2, 3)), atol=1e-4)


def test_half_the_size_is_a_quarter_of_the_ink():
    image = torch.zeros(1, 1, 32, 32)
    image[..., 8:24, 8:24] = 1.0
    assert robustness.resized(image, 0.5).sum().item() == pytest.approx(image.sum().item() / 4, rel=0.02)
    with pytest.raises(ValueError, match="factor above 0"):
        robustness.resized(image, 0.0)


def test_no_change_leaves_accuracy_as_it_is(digits, net):
    for change, nothing in (("shift", 0), ("rotation", 0.0), ("scale", 1.0)):
        right = robustness.right_after(net, digits.validation, change, [nothing], digits.background)
        assert right.shape == (1, 1000)
        assert right.mean() == pytest.approx(evaluate(net, digits.validation).accuracy, abs=2e-3)
    with pytest.raises(ValueError, match="choose one of shift, rotation, scale"):
        robustness.right_after(net, digits.validation, "mirror", [1], 0.0)


def test_global_pooling_doesn_t_feel_a_shift_of_two_inside_the_frame():
    """A small blob far from the edges: every map moves whole, and its maximum stays."""
    torch.manual_seed(0)
    net = robustness.GlobalPoolingLeNet().double()
    nn.init.zeros_(net.conv1.bias)
    image = torch.zeros(1, 1, 44, 44, dtype=torch.float64)  # larger than 28: no window is cut off
    image[..., 20:23, 20:23] = torch.rand(3, 3, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(net(image), net(robustness.shifted(image, 2, -2)), atol=1e-12)
    assert not torch.allclose(net(image), net(robustness.shifted(image, 1)), atol=1e-6)


# Attacked ------------------------------------------------------------------------------


def test_input_gradients_are_each_images_own(digits, net):
    part = digits.validation[:5]
    together = robustness.input_gradient(net, part.images, part.labels)
    alone = [robustness.input_gradient(net, part[i : i + 1].images, part[i : i + 1].labels) for i in range(5)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-6)
    assert all(p.grad is None for p in net.parameters()) and not part.images.requires_grad


def test_an_attack_is_measured_in_units_of_a_pixel(digits, net):
    part = digits.validation[::20]
    hit = robustness.fgsm(net, part.images, part.labels, 0.1, digits)
    before, after = digits.to_unit(part.images), digits.to_unit(hit)
    assert after.min() >= -1e-6 and after.max() <= 1 + 1e-6
    assert (after - before).abs().max() <= 0.1 + 1e-6
    middle = (before > 0.1) & (before < 0.9)
    assert torch.allclose((after - before)[middle].abs(), torch.tensor(0.1), atol=1e-5)
    with torch.no_grad():
        assert F.cross_entropy(net(hit), part.labels) > F.cross_entropy(net(part.images), part.labels) + 0.02


def test_one_direction_serves_every_size_of_attack(digits, net):
    part = digits.validation[::20]
    attacked = robustness.attacker(net, part.images, part.labels, digits)
    for epsilon in (0, 0.1, 0.3):
        alone = robustness.fgsm(net, part.images, part.labels, epsilon, digits)
        assert torch.equal(attacked(epsilon), alone)


def test_nothing_is_added_at_epsilon_nought_and_nonsense_is_refused(digits, net):
    part = digits.validation[:3]
    assert torch.allclose(robustness.fgsm(net, part.images, part.labels, 0, digits), part.images, atol=1e-5)
    for attack in (
        lambda: robustness.fgsm(net, part.images, part.labels, 25, digits),
        lambda: robustness.sign_noise(part.images, -0.1, digits),
    ):
        with pytest.raises(ValueError, match="choose 0 to 1"):
            attack()


def test_noise_has_the_size_of_the_attack_and_no_aim(digits):
    part = digits.validation[:200]
    noisy = robustness.sign_noise(part.images, 0.1, digits, torch.Generator().manual_seed(0))
    before = digits.to_unit(part.images)
    change = (digits.to_unit(noisy) - before)[(before > 0.15) & (before < 0.85)]
    assert torch.allclose(change.abs(), torch.tensor(0.1), atol=1e-5) and change.mean().abs() < 0.005


def test_training_against_attacks_learns_and_repeats(digits):
    small = digits.train[::10]

    part, nets, steps = replace(digits, train=small), [], []
    for follow in (iter, lambda each: (steps.append(step) or step for step in each)):
        torch.manual_seed(0)
        nets.append(LeNet())
        robustness.train_against(nets[-1], part, 0.1, epochs=12, follow=follow)
    assert steps == list(range(12 * 10)), "12 epochs of 300 images, 32 at a time"
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters()))
    assert evaluate(nets[0], small).accuracy > 0.6


# Confidence ----------------------------------------------------------------------------


def test_calibration_error_by_hand():
    assert calibration.calibration_error([0.9] * 4, [1, 0, 1, 1]) == pytest.approx(0.15)
    # Two bins: 3 of 4 images with a gap of 0.15 − one of 1 with 0.35.
    assert calibration.calibration_error([0.9, 0.9, 0.9, 0.35], [1, 1, 1, 0]) == pytest.approx(
        0.75 * 0.1 + 0.25 * 0.35
    )
    assert [(b.low, b.high, b.n) for b in calibration.reliability([1.0, 0.05, 0.1], [1, 0, 1])] == [
        (0.0, 0.1, 2),
        (0.9, 1.0, 1),
    ]


def test_an_honest_net_has_an_error_too_and_less_with_more_images():
    confidence = np.random.default_rng(0).uniform(0.5, 1, 4000)
    few, many = calibration.honest_error(confidence[:200]), calibration.honest_error(confidence)
    assert 0.02 < few < 0.1 and few / many == pytest.approx(np.sqrt(20), rel=0.3)


def test_of_honest_nets_19_in_20_lie_within_their_95_percent():
    rng = np.random.default_rng(7)
    confidence = rng.uniform(0.5, 1, 1000)
    low, high = np.quantile(calibration.honest_errors(confidence), (0.025, 0.975))
    others = [calibration.calibration_error(confidence, rng.random(1000) < confidence) for _ in range(300)]
    assert 0.9 < np.mean([low <= error <= high for error in others]) < 0.99
    doubting = rng.random(1000) < confidence - 0.1
    assert calibration.calibration_error(confidence, doubting) > high


@pytest.mark.parametrize("t", [0.4, 1.0, 3.0])
def test_the_temperature_is_found_again(t):
    rng = np.random.default_rng(1)
    true = 2 * rng.normal(size=(20_000, 4))
    p = np.exp(true) / np.exp(true).sum(1, keepdims=True)
    labels = (rng.random(20_000)[:, None] > p.cumsum(1)).sum(1).clip(0, 3)
    assert calibration.fit_temperature(true * t, labels) == pytest.approx(t, rel=0.05)


def test_a_threshold_by_hand():
    confidence, correct = np.array([0.5, 0.6, 0.7, 0.8, 0.9]), np.array([0, 1, 0, 1, 1], bool)
    # From 0.6 up one of four is wrong, from 0.7 up one of three, from 0.8 up none.
    assert calibration.rejection_threshold(confidence, correct, 0.25) == 0.6
    assert calibration.rejection_threshold(confidence, correct, 0.1) == 0.8
    assert calibration.rejection_threshold(confidence, correct, 0.4) == 0.5
    assert calibration.accepted(confidence, correct, 0.7) == (0.6, pytest.approx(1 / 3), 3)
    with pytest.raises(ValueError, match="most confident answers are wrong more often"):
        calibration.rejection_threshold(confidence, ~correct, 0.1)


def test_equally_confident_answers_are_cut_together():
    confidence, correct = np.array([0.9, 0.9, 0.9, 0.5]), np.array([1, 1, 0, 1], bool)
    assert calibration.rejection_threshold(confidence, correct, 0.26) == 0.5
    with pytest.raises(ValueError):
        calibration.rejection_threshold(confidence[:3], correct[:3], 0.1)


def test_wilsons_interval():
    """Printed values: Newcombe, Statistics in Medicine 17, 1998, table I, method 3."""
    for right, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        assert calibration.wilson(right, n) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    with pytest.raises(ValueError):
        calibration.wilson(3, 2)


@pytest.mark.parametrize("bad", [([], []), ([0.5], [1, 0]), ([1.5], [1]), ([float("nan")], [1])])
def test_what_is_no_confidence_is_refused(bad):
    with pytest.raises(ValueError):
        calibration.calibration_error(*bad)


# Handwriting ---------------------------------------------------------------------------


@pytest.mark.parametrize("width", [2, 4, 6])
def test_the_width_of_a_bar(width):
    bar = np.zeros((1, 40, 40))
    bar[0, 4:36, 10 : 10 + width] = 1
    assert calibration.stroke_width(bar)[0] == pytest.approx(2 * width * 32 / (2 * (width + 32)), rel=0.05)


def test_the_slant_of_a_leaning_bar():
    lean = np.zeros((3, 41, 41))
    for row in range(5, 36):
        lean[0, row, 20] = 1
        lean[1, row, 20 + (20 - row) // 2] = 1  # its upper end to the right
        lean[2, row, 20 - (20 - row)] = 1
    degrees = calibration.slant(lean)
    assert degrees == pytest.approx([0, np.degrees(np.arctan(0.5)), -45], abs=0.5)
    assert calibration.slant(np.zeros((1, 5, 5)))[0] == 0


# Own digits ----------------------------------------------------------------------------


def test_a_prepared_digit_is_like_mnists():
    for font in own_digits.font_names():
        for digit in "0123456789":
            image = own_digits.prepared(own_digits.drawn(digit, font, size=30, at=(0.35, 0.6)))
            assert image.shape == (28, 28) and image.dtype == np.float32
            assert 0 <= image.min() and image.max() <= 1
            top, left, height, width = analysis.bounding_box(torch.from_numpy(image), 0.0)
            y, x = centre_of_mass(torch.from_numpy(image))
            assert max(height, width) in (19, 20)
            assert abs(x - 14) <= 0.55 and (
                abs(y - 14) <= 0.55 or top + height == 28
            )  # as far as the field goes


def test_preparing_a_digit_of_mnist_changes_little(digits):
    images = digits.to_unit(digits.validation.images[:50])[:, 0].clamp(0, 1).numpy()
    again = np.stack([own_digits.prepared(image) for image in images])
    assert np.abs(again - images).mean() < 0.02


def test_where_it_is_drawn_matters_only_without_centring():
    one, other = (own_digits.drawn("3", "DejaVuSans", at=at) for at in ((0.4, 0.45), (0.6, 0.55)))
    assert np.abs(own_digits.prepared(one) - own_digits.prepared(other)).max() < 1e-6
    assert (
        np.abs(own_digits.prepared(one, centre=False) - own_digits.prepared(other, centre=False)).max() > 0.5
    )


def test_an_empty_drawing_and_an_unknown_font_are_named():
    with pytest.raises(ValueError, match="draw something first"):
        own_digits.prepared(np.zeros((64, 64)))
    with pytest.raises(ValueError, match="choose one of DejaVuSans"):
        own_digits.drawn("1", "Helvetica")


def test_a_set_of_letters():
    images, labels = own_digits.font_set("AB")
    assert images.shape == (2 * len(own_digits.font_names()), 1, 28, 28)
    assert labels.tolist() == [0, 1] * len(own_digits.font_names())
    assert torch.equal(images, own_digits.font_set("AB")[0])


# Clothes -------------------------------------------------------------------------------


def test_clothes_are_scaled_as_the_digits_are(digits, tmp_path, monkeypatch):
    if not FASHION_PACKAGE.exists():
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for packed in FASHION_PACKAGE.glob("*.gz"):
        (raw / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    monkeypatch.setenv("LENET_DATA", str(tmp_path))
    (images,) = clothes.at_hand(digits, n=5).values()
    pixels = np.frombuffer((raw / "t10k-images-idx3-ubyte").read_bytes(), np.uint8, offset=16)
    assert images.shape == (5, 1, 28, 28) and images.dtype == torch.float32
    expected = torch.from_numpy(pixels[: 5 * 784].reshape(5, 1, 28, 28) / 255)
    assert torch.allclose(digits.to_unit(images).double(), expected, atol=1e-6)


def test_without_whole_files_there_are_no_clothes_and_nothing_is_fetched(digits, tmp_path, monkeypatch):
    monkeypatch.setenv("LENET_DATA", str(tmp_path))
    assert clothes.at_hand(digits) == {} and not list(tmp_path.iterdir())
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    assert clothes.at_hand(digits) == {}
    (raw / "train-images-idx3-ubyte").write_bytes(b"cut short")
    assert clothes.at_hand(digits) == {}
    assert [path.name for path in tmp_path.rglob("*")] == ["FashionMNIST", "raw", "train-images-idx3-ubyte"]
