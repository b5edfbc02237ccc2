"""Random shifts, rotations and changes of size for a whole batch at once."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def random_affine(
    images: Tensor,
    *,
    shift: float = 0.0,
    rotation: float = 0.0,
    scale: float = 0.0,
    background: float = 0.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Each image moved, turned and resized by amounts of its own, drawn uniformly.

    images: float (n, channels, height, width); the result has the same shape.
    shift: largest move along each axis, as a fraction of the side (0.1 of 28 is 2.8 pixels).
    rotation: largest turn to either side [degrees].
    scale: largest relative change of size (0.1: from 0.9 to 1.1 times).
    background: value of the pixels that come into view from outside.
    """
    n = len(images)
    draws = torch.rand(n, 4, generator=generator, dtype=torch.float32) * 2 - 1
    angle = draws[:, 0] * math.radians(rotation)
    size = 1 + draws[:, 1] * scale
    moves = draws[:, 2:] * 2 * shift  # affine_grid measures a side as 2
    return affine(images, angle, size, moves, background)


def affine(images: Tensor, angle: Tensor, size: Tensor, moves: Tensor, background: float = 0.0) -> Tensor:
    """Turn by `angle` (n,) [radians], resize by `size` (n,) and move by `moves` (n, 2) [half sides: x, y].

    Bilinear, with `background` outside. All the images in one call: far quicker than one picture at a time.
    """
    cos, sin = torch.cos(angle) / size, torch.sin(angle) / size
    inverse = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)
    # The grid says where each output pixel comes from, so it holds the inverse map; no GPU is waited for.
    theta = torch.cat([inverse, -inverse @ moves[:, :, None]], 2).to(images, non_blocking=images.is_cuda)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    # grid_sample knows only 0 outside the image; take the background away and add it again.
    return F.grid_sample(images - background, grid, align_corners=False) + background
