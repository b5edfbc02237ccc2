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
from .core import Exercise
from .trial import Trial, agree


def shift_images(images, dx, dy, background):
    height, width = images.shape[2:]
    moved = torch.full_like(images, background)
    to_rows, to_columns = slice(max(dy, 0), height + min(dy, 0)), slice(max(dx, 0), width + min(dx, 0))
    rows, columns = slice(max(-dy, 0), height - max(dy, 0)), slice(max(-dx, 0), width - max(dx, 0))
    moved[:, :, to_rows, to_columns] = images[:, :, rows, columns]
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
)


def _shifted(x, dx, dy, background):
    """Pixel by pixel, from where each one comes."""
    result = np.full(x.shape, background)
    for row, column in np.ndindex(x.shape[2:]):
        if 0 <= row - dy < x.shape[2] and 0 <= column - dx < x.shape[3]:
            result[:, :, row, column] = x[:, :, row - dy, column - dx]
    return result


def _shift_case(candidate, rng, dx, dy):
    x, background = rng.normal(size=(2, 1, 6, 8)), -0.75
    trial = Trial(candidate, torch.from_numpy(x), dx, dy, background)
    got = trial.array()
    if got.shape != x.shape:
        trial.fail("shape", look=_("the shape of the result: the frame stays as it is"))
    right = _shifted(x, dx, dy, background)
    if agree(got, right):
        return
    mistakes = [
        (
            "rolled",
            np.roll(x, (dy, dx), (2, 3)),
            _("what leaves the frame on one side: does it come in on the other?"),
        ),
        (
            "other-way",
            _shifted(x, -dx, -dy, background),
            _("the direction: a positive dx moves to the right, a positive dy down"),
        ),
        (
            "axes-swapped",
            _shifted(x, dy, dx, background),
            _("the axes: dx moves along a row, dy along a column"),
        ),
        (
            "filled-with-zero",
            _shifted(x, dx, dy, 0.0),
            _("what comes into view: after scaling, 0 is grey and not an empty pixel"),
        ),
        ("not-moved", x, _("whether anything moves")),
        ("one-axis", _shifted(x, dx, 0, background), _("the other axis: is dy used?")),
    ]
    for key, wrong, look in mistakes:
        if agree(got, wrong):
            trial.fail(key, look=look)
    trial.fail("value", look=_("one bright pixel on an empty image: where is it afterwards?"))


@SHIFT_IMAGES.property("right-and-down", N_("positive amounts move right and down"))
def right_and_down(candidate, rng):
    _shift_case(candidate, rng, int(rng.integers(3, 5)), int(rng.integers(1, 3)))


@SHIFT_IMAGES.property("left-and-up", N_("negative amounts move left and up"))
def left_and_up(candidate, rng):
    _shift_case(candidate, rng, -int(rng.integers(3, 5)), -int(rng.integers(1, 3)))


@SHIFT_IMAGES.property("still", N_("nought moves nothing, along one axis or both"))
def still(candidate, rng):
    _shift_case(candidate, rng, 3, 0)
    _shift_case(candidate, rng, 0, -2)
    x = rng.normal(size=(2, 1, 5, 4))
    trial = Trial(candidate, torch.from_numpy(x), 0, 0, -0.75)
    if not agree(trial.array(), x):
        trial.fail("nought", look=_("slices that end at −0: they are empty"))


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
)


def _attack_case(candidate, x, g, epsilon):
    trial = Trial(candidate, torch.from_numpy(x), torch.from_numpy(g), epsilon)
    got = trial.array()
    if got.shape != x.shape:
        trial.fail("shape", look=_("the shape of the result: that of the images"))
    step = epsilon * np.sign(g)
    if agree(got, np.clip(x + step, 0, 1), 1e-6):
        return
    largest = np.abs(g).max(axis=(1, 2, 3), keepdims=True)
    mistakes = [
        ("not-clipped", x + step, _("pixels below 0 or above 1: no camera takes such a picture")),
        ("helps", np.clip(x - step, 0, 1), _("the sign: this lowers the loss")),
        (
            "size-of-gradient",
            np.clip(x + epsilon * g, 0, 1),
            _("how far a pixel moves: by epsilon, however small its derivative"),
        ),
        (
            "size-of-gradient",
            np.clip(x + epsilon * g / largest, 0, 1),
            _("how far a pixel moves: by epsilon, however small its derivative"),
        ),
        ("clipped-wide", np.clip(x + step, -1, 1), _("the range of a pixel: here 0 to 1")),
        ("change-only", step, _("what is returned: the pictures, not what was added to them")),
        (
            "change-clipped",
            x + np.clip(step, 0, 1),
            _("what is kept between 0 and 1: the sum, not what is added"),
        ),
        (
            "nought-moved",
            np.clip(x + epsilon * np.where(g >= 0, 1, -1), 0, 1),
            _("pixels whose derivative is 0: there is no way to go"),
        ),
    ]
    for key, wrong, look in mistakes:
        if agree(got, wrong, 1e-6):
            trial.fail(key, look=look)
    trial.fail("value", look=_("one pixel of 0.5 with a derivative of −3: where does it go?"))


@ATTACK.property("moves", N_("every pixel moves by epsilon, the way its derivative points"))
def moves(candidate, rng):
    g = rng.normal(size=(2, 1, 4, 5)) * 1e-2
    _attack_case(candidate, rng.uniform(0.3, 0.7, g.shape), g, 0.1)


@ATTACK.property("stays-a-picture", N_("no pixel leaves [0, 1]"))
def stays_a_picture(candidate, rng):
    g = rng.normal(size=(2, 1, 4, 5))
    x = rng.uniform(0, 1, g.shape)
    x[:, :, 0], x[:, :, 1] = 0.0, 1.0
    _attack_case(candidate, x, g, float(rng.uniform(0.2, 0.4)))


@ATTACK.property("flat", N_("a pixel whose derivative is 0 stays where it is"))
def flat(candidate, rng):
    g = rng.normal(size=(2, 1, 4, 5)) * (rng.random((2, 1, 4, 5)) < 0.5)
    _attack_case(candidate, rng.uniform(0.3, 0.7, g.shape), g, 0.15)
