"""Chapter 5's exercises on changed images: a shift, an attack. `chapter5_confidence` has the others.

What a learner writes:

    shift_images(images, dx, dy, background)  -> images of the same shape, moved right by dx and down by dy
        images: float tensor (n, 1, height, width); dx, dy: whole numbers, negative ones too
        pixels that come into view have the value `background`
    attack(images, gradient, epsilon)  -> attacked images of the same shape, all pixels in [0, 1]
        images: float tensor (n, 1, height, width) in [0, 1]; gradient: the derivative of the loss by them
"""

import numpy as np
import torch

from ..wording import N_, _
from .core import Contract, Exercise
from .trial import judge


def shift_images(images, dx, dy, background):
    height, width = images.shape[2:]
    moved = torch.full_like(images, background)
    for row in range(height):
        for column in range(width):
            if 0 <= row - dy < height and 0 <= column - dx < width:
                moved[:, :, row, column] = images[:, :, row - dy, column - dx]
    return moved


SHIFT_IMAGES = Exercise(
    "shift_images",
    solution=shift_images,
    hints=(
        N_("Begin with a picture that is nothing but background, and copy into it what stays in view."),
        N_(
            "With dx = 3 the columns 0 to width − 4 are copied to the columns 3 to width − 1. What changes"
            " for dx = −3?"
        ),
        N_(
            "For dx of at least 0: moved[..., dx:] = images[..., : width - dx]. For a negative one:"
            " moved[..., :dx] = images[..., -dx:]. Rows likewise, with dy."
        ),
    ),
    contract=Contract(
        N_(
            "images, a float tensor (n, 1, height, width); dx and dy, whole numbers, positive, negative or"
            " 0, each nearer to 0 than the side along which it moves; background, a number."
        ),
        N_(
            "a tensor or array of the same shape: every image moved right by dx and down by dy pixels. What"
            " leaves the frame is lost; what comes into view has the value background."
        ),
    ),
)


def _shifted(images, dx, dy, background):
    """Cut out of a frame with background on all sides: nothing is shared with the solution."""
    x = images.numpy()
    height, width = x.shape[2:]
    wide = np.pad(x, ((0, 0), (0, 0), (height, height), (width, width)), constant_values=background)
    return wide[:, :, height - dy : 2 * height - dy, width - dx : 2 * width - dx]


_SHIFT_MISTAKES = (
    (
        "rolled",
        lambda x, dx, dy, background: np.roll(x.numpy(), (dy, dx), (2, 3)),
        N_("what leaves the frame on one side: does it come in on the other?"),
    ),
    (
        "other-way",
        lambda x, dx, dy, background: _shifted(x, -dx, -dy, background),
        N_("the direction: a positive dx moves to the right, a positive dy down"),
    ),
    (
        "axes-swapped",
        lambda x, dx, dy, background: _shifted(x, dy, dx, background),
        N_("the axes: dx moves along a row, dy along a column"),
    ),
    (
        "filled-with-zero",
        lambda x, dx, dy, background: _shifted(x, dx, dy, 0.0),
        N_("what comes into view: after scaling, 0 is grey and not an empty pixel"),
    ),
    ("not-moved", lambda x, dx, dy, background: x.numpy(), N_("whether anything moves")),
    (
        "one-axis",
        lambda x, dx, dy, background: _shifted(x, dx, 0, background),
        N_("the other axis: is dy used?"),
    ),
    (
        "one-axis",
        lambda x, dx, dy, background: _shifted(x, 0, dy, background),
        N_("the other axis: is dx used?"),
    ),
    (
        "nought",
        lambda x, dx, dy, background: (
            _shifted(x, dx, dy, background) if dx or dy else np.full(x.shape, background)
        ),
        N_("slices that end at −0: they are empty"),
    ),
    (
        "nought",
        lambda x, dx, dy, background: (
            _shifted(x, dx, dy, background) if dx and dy else np.full(x.shape, background)
        ),
        N_("slices that end at −0: they are empty"),
    ),
)


def _numbers(rng, n, height, width, low=-2.0, high=2.0):
    """A float tensor (n, 1, height, width), the columns of each image side by side in memory."""
    drawn = rng.uniform(low, high, size=(n, 1, width, height))
    return torch.from_numpy(drawn).transpose(2, 3)


def _shifts(candidate, rng, amounts, look):
    """Judge on every (dx, dy) of `amounts`, the frame each time a little larger than they need."""
    cases = []
    for i, (dx, dy) in enumerate(amounts):
        height, width = (max(abs(dx), abs(dy)) + int(extra) for extra in rng.permutation([1, 2, 3])[:2])
        images = _numbers(rng, int(rng.integers(1, 4)) if i else 7, height, width)
        cases.append((images, dx, dy, round(float(rng.uniform(-3.5, -2.5)), 2)))
    names = ("images", "dx", "dy", "background")
    judge(candidate, cases, _shifted, _SHIFT_MISTAKES, names=names, look=look)


_LOOK = N_("one bright pixel on an empty image: where is it afterwards?")


@SHIFT_IMAGES.property("right-and-down", N_("positive amounts move right and down"))
def right_and_down(candidate, rng):
    _shifts(candidate, rng, [(3, 1), (1, 4), (7, 2), (2, 8), (1, 1)], _(_LOOK))


@SHIFT_IMAGES.property("left-and-up", N_("negative amounts move left and up"))
def left_and_up(candidate, rng):
    _shifts(candidate, rng, [(-3, -1), (-1, -4), (-6, 2), (2, -5), (-1, -1)], _(_LOOK))


@SHIFT_IMAGES.property("still", N_("nought moves nothing, along one axis or both"))
def still(candidate, rng):
    _shifts(candidate, rng, [(3, 0), (0, -2), (0, 0), (-1, 0), (0, 4)], _(_LOOK))


def attack(images, gradient, epsilon):
    return (images + epsilon * gradient.sign()).clamp(0, 1)


ATTACK = Exercise(
    "attack",
    solution=attack,
    hints=(
        N_("In which direction must one pixel move so that the loss rises? And how far may it go?"),
        N_("The sign of the derivative says which way; epsilon says how far, the same for every pixel."),
        N_("images + epsilon * gradient.sign(), and then keep what is a picture: between 0 and 1."),
    ),
    contract=Contract(
        N_(
            "images, a float tensor (n, 1, height, width) of pixels in [0, 1]; gradient, a tensor of the"
            " same shape, the derivative of the loss for each pixel; epsilon, a number from 0 to 1."
        ),
        N_(
            "the attacked images, a tensor or array of the same shape: each pixel moved by epsilon in the"
            " direction that raises the loss, then kept within [0, 1]. A pixel whose derivative is 0 stays"
            " where it is."
        ),
    ),
)


def _clipped(x):
    return np.clip(x, 0, 1)


def _scaled(g):
    return g / np.abs(g).max(axis=(1, 2, 3), keepdims=True)


# What each mistake makes of (images, derivatives, epsilon), as arrays.
_ATTACK_MISTAKES = (
    (
        "not-clipped",
        lambda x, g, e: x + e * np.sign(g),
        N_("pixels below 0 or above 1: no camera takes such a picture"),
    ),
    ("helps", lambda x, g, e: _clipped(x - e * np.sign(g)), N_("the sign: this lowers the loss")),
    (
        "size-of-gradient",
        lambda x, g, e: _clipped(x + e * g),
        N_("how far a pixel moves: by epsilon, however small its derivative"),
    ),
    (
        "size-of-gradient",
        lambda x, g, e: _clipped(x + e * _scaled(g)),
        N_("how far a pixel moves: by epsilon, however small its derivative"),
    ),
    (
        "clipped-wide",
        lambda x, g, e: np.clip(x + e * np.sign(g), -1, 1),
        N_("the range of a pixel: here 0 to 1"),
    ),
    (
        "change-only",
        lambda x, g, e: e * np.sign(g),
        N_("what is returned: the pictures, not what was added to them"),
    ),
    (
        "change-clipped",
        lambda x, g, e: x + _clipped(e * np.sign(g)),
        N_("what is kept between 0 and 1: the sum, not what is added"),
    ),
    (
        "nought-moved",
        lambda x, g, e: _clipped(x + e * np.where(g >= 0, 1, -1)),
        N_("pixels whose derivative is 0: there is no way to go"),
    ),
    (
        "nought-moved",
        lambda x, g, e: _clipped(x + e * np.where(g > 0, 1, -1)),
        N_("pixels whose derivative is 0: there is no way to go"),
    ),
)


def _attacks(candidate, rng, low, high, *, size=1.0, flat=0.0):
    """Judge on images of pixels from `low` to `high`, derivatives of about `size`, `flat` of them 0."""
    cases = []
    for n, height, width in ((7, 4, 5), (2, 5, 6), (1, 3, 7)):
        x, g = _numbers(rng, n, height, width, low, high).clamp(0, 1), _numbers(rng, n, height, width)
        cases.append(
            (x, size * g * (_numbers(rng, n, height, width, 0, 1) >= flat), float(rng.uniform(0.1, 0.3)))
        )

    def on_arrays(formula):
        return lambda x, g, epsilon: formula(x.numpy(), g.numpy(), epsilon)

    judge(
        candidate,
        cases,
        on_arrays(lambda x, g, e: _clipped(x + e * np.sign(g))),
        [(key, on_arrays(formula), look) for key, formula, look in _ATTACK_MISTAKES],
        names=("images", "gradient", "epsilon"),
        look=_("one pixel of 0.5 with a derivative of −3: where does it go?"),
    )


@ATTACK.property("moves", N_("every pixel moves by epsilon, the way its derivative points"))
def moves(candidate, rng):
    _attacks(candidate, rng, 0.3, 0.7, size=1e-2)


@ATTACK.property("stays-a-picture", N_("no pixel leaves [0, 1]"))
def stays_a_picture(candidate, rng):
    _attacks(candidate, rng, -0.5, 1.5)


@ATTACK.property("flat", N_("a pixel whose derivative is 0 stays where it is"))
def flat(candidate, rng):
    _attacks(candidate, rng, 0.3, 0.7, flat=0.5)
