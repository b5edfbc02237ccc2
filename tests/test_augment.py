import math

import pytest
import torch
import torch.nn.functional as F

from lenet_helpers.augment import affine, random_affine

BACKGROUND = -0.42


def digit(side=28):
    image = torch.full((1, 1, side, side), BACKGROUND)
    image[0, 0, 6:20, 10:13] = 2.0
    image[0, 0, 17:20, 10:19] = 1.0
    return image


def zeros(n=1):
    return torch.zeros(n)


def test_nothing_asked_changes_nothing():
    images = torch.randn(5, 3, 9, 7)
    torch.testing.assert_close(random_affine(images, background=0.3), images, rtol=0, atol=1e-5)


def test_a_whole_pixel_move_is_a_shift_filled_with_background():
    moved = affine(digit(), zeros(), torch.ones(1), torch.tensor([[2 * 3 / 28, 2 * -2 / 28]]), BACKGROUND)
    expected = torch.full_like(moved, BACKGROUND)
    expected[0, 0, :-2, 3:] = digit()[0, 0, 2:, :-3]
    torch.testing.assert_close(moved, expected, rtol=0, atol=1e-4)


def test_a_quarter_turn_is_rot90():
    turned = affine(digit(), torch.tensor([math.pi / 2]), torch.ones(1), torch.zeros(1, 2), BACKGROUND)
    ways = [torch.rot90(digit(), k, (2, 3)) for k in (1, 3)]
    assert min((turned - way).abs().max() for way in ways) < 1e-3


def test_twice_the_size_is_twice_the_size():
    blown = affine(digit(), zeros(), torch.full((1,), 2.0), torch.zeros(1, 2), BACKGROUND)
    centre = digit()[:, :, 7:21, 7:21]
    expected = F.interpolate(centre, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(blown[:, :, 2:-2, 2:-2], expected[:, :, 2:-2, 2:-2], rtol=0, atol=1e-3)


@pytest.mark.parametrize("change", [dict(shift=0.4), dict(rotation=45), dict(scale=0.5)])
def test_what_comes_into_view_is_background_not_grey(change):
    empty = torch.full((64, 1, 28, 28), BACKGROUND)
    out = random_affine(empty, background=BACKGROUND, generator=torch.Generator().manual_seed(0), **change)
    torch.testing.assert_close(out, empty, rtol=0, atol=1e-5)


def test_every_image_gets_its_own_move_within_the_limit():
    images = digit().repeat(200, 1, 1, 1)
    out = random_affine(images, shift=0.1, background=BACKGROUND, generator=torch.Generator().manual_seed(1))
    ink = out - BACKGROUND
    positions = torch.arange(28.0)
    centre = (ink.sum(2) * positions).sum(2) / ink.sum((2, 3))
    home = ((digit() - BACKGROUND).sum(2) * positions).sum(2) / (digit() - BACKGROUND).sum((2, 3))
    moves = (centre - home).squeeze()
    assert moves.unique().numel() > 190
    assert moves.abs().max() <= 2.8 + 1e-2 and moves.max() > 2.3 and moves.min() < -2.3


def test_same_generator_same_images_and_the_global_state_is_untouched():
    images, before = torch.randn(4, 1, 28, 28), torch.get_rng_state()
    a, b = (
        random_affine(images, shift=0.1, rotation=9, scale=0.1, generator=torch.Generator().manual_seed(5))
        for _again in range(2)
    )
    assert torch.equal(a, b) and torch.equal(before, torch.get_rng_state())
