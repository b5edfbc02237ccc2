"""The appendix's third exercise: a gradient check that finds a planted error.

gradient_check(loss, x, gradient)  -> the position of the wrong entry, a tuple of whole numbers; None if
    there is none
    loss: a function from an array shaped like `x` to a number
    x: float64 array of any number of axes; the same afterwards, to the last bit
    gradient: array shaped like `x`, the claimed gradient. At most one entry is wrong, and by at least
    1 % of the largest derivative; all others are right to 10⁻⁸.
"""

import numpy as np

from ..wording import N_, _
from .core import Contract, Exercise
from .trial import Trial, describe


def gradient_check(loss, x, gradient):
    step, measured = 1e-5, np.empty_like(x)
    for position in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[position] += step
        down[position] -= step
        measured[position] = (loss(up) - loss(down)) / (2 * step)
    gap = abs(gradient - measured)
    if gap.max() <= 1e-3 * abs(measured).max():
        return None
    return np.unravel_index(gap.argmax(), x.shape)


GRADIENT_CHECK = Exercise(
    "gradient_check",
    solution=gradient_check,
    hints=(
        N_("A derivative says how the loss moves when one entry of x moves by a little. Move it and see."),
        N_(
            "For each position: a copy of x with that entry raised by 1e-5, another with it lowered. The"
            " difference of the two losses, divided by 2e-5, is the measured derivative."
        ),
        N_(
            "Compare the absolute differences with the largest measured derivative: np.ndindex(x.shape) walks"
            " over all positions, and np.unravel_index(gap.argmax(), x.shape) turns a place in the flat array"
            " into one."
        ),
    ),
    contract=Contract(
        N_(
            "loss, a function from an array in the shape of x to a number; x, a float64 array with any"
            " number of axes; gradient, an array in the shape of x: the claimed gradient of loss at x. At"
            " most one entry is wrong, by at least 1 % of the largest; the others are right to eight"
            " digits. Not all are 0."
        ),
        N_(
            "the position of the wrong entry, whole numbers in a tuple or list, one for each axis; None if"
            " all are right."
        ),
        may=N_("anything but a framework's gradients; your own function is called by position"),
    ),
)
_whole = (int, np.int64, np.int32)


def _position(trial, x):
    """The result as a tuple of ints, or None; Failed if it is neither, or no position in `x`."""
    result = trial.result
    if result is None:
        return None
    if type(result) in _whole:
        trial.fail("flat-position", look=_("the kind of the result: one number for each axis, in a tuple"))
    if type(result) not in (tuple, list) or any(type(each) not in _whole for each in result):
        trial.fail("not-a-position", look=_("the kind of the result: a tuple of whole numbers, or None"))
    position = tuple(int(each) for each in result)
    if len(position) != x.ndim or any(not 0 <= p < side for p, side in zip(position, x.shape)):
        trial.fail("not-a-position", look=_("the axes: one number for each, counted from 0"))
    return position


def _tried(x, planted):
    if planted is None:
        return _("x of shape {shape}, every entry of the gradient right").format(shape=x.shape)
    return _("x of shape {shape}, an error planted at {place}").format(shape=x.shape, place=planted)


def _find(candidate, loss, x, right, planted, error, key, look):
    """One call, with `error` added to the derivative at `planted` (None: nowhere); `key`: if it is missed."""
    gradient = right.copy()
    if planted is not None:
        gradient[planted] += error
    trial = Trial(candidate, loss, x, gradient, tried=_tried(x, planted))
    got = _position(trial, x)
    if got == planted:
        return
    if planted is not None and got is not None and got == _place(right):
        trial.fail("largest", look=_("what is largest: the difference of the two derivatives, not either"))
    trial.fail(key, got=describe(trial.result), look=look)


def _place(array):
    return tuple(int(i) for i in np.unravel_index(np.abs(array).argmax(), array.shape))


def _smooth(rng, shape, size=1.0, sign=0):
    """(loss, x, its gradient): a sum of waves, each entry with a pace and a height of its own.

    size: of the largest derivative, about; sign: of all derivatives, 0 for some of each.
    """
    pace, height = rng.uniform(0.5, 1.0, shape), size * rng.uniform(0.5, 1.5, shape)
    x = rng.uniform(0.5, 1.2, shape)  # pace · x stays below π/2: the cosine is positive
    height *= np.sign(rng.normal(size=shape)) if sign == 0 else sign
    return (lambda z: float((height * np.sin(pace * z)).sum())), x, height * pace * np.cos(pace * x)


def _elsewhere(rng, right):
    """A random position that is not that of the largest derivative."""
    while (place := tuple(int(rng.integers(side)) for side in right.shape)) == _place(right):
        pass
    return place


_LOOK = N_("one entry alone: move it by a little and print the claimed and the measured derivative")


@GRADIENT_CHECK.property("finds", N_("it finds one wrong entry, whether too large or too small"))
def finds(candidate, rng):
    for sign, key in ((1, "missed"), (-1, "missed-too-small")):
        for shape in ((3, 4), (2, 3, 2), (7,)):
            loss, x, right = _smooth(rng, shape)
            error = sign * rng.uniform(0.05, 0.5) * np.abs(right).max()
            look = _(_LOOK) if sign > 0 else _("the sign: a claimed derivative may be too small as well")
            _find(candidate, loss, x, right, _elsewhere(rng, right), error, key, look)


@GRADIENT_CHECK.property("clean", N_("it raises no alarm where every entry is right"))
def clean(candidate, rng):
    loss, x, right = _smooth(rng, (4, 3))
    place, error = _elsewhere(rng, right), 0.3 * np.abs(right).max()
    _find(candidate, loss, x, right, place, error, "missed", _(_LOOK))
    look = _("when None is returned: two derivatives never agree to the last digit")
    for shape, sign in (((4, 3), 0), ((5,), -1), ((6, 2), 1)):
        loss, x, right = _smooth(rng, shape, sign=sign)
        _find(candidate, loss, x, right, None, 0.0, "false-alarm", look)


@GRADIENT_CHECK.property("any-size", N_("one per cent of the largest is found, whatever its size"))
def any_size(candidate, rng):
    look = _("what an error is compared with: the largest derivative, not a fixed number and not their sum")
    for size, shape in ((1e-2, (6, 7)), (1.0, (9, 8)), (100.0, (6, 7))):
        loss, x, right = _smooth(rng, shape, size)
        error = rng.choice([-1, 1]) * 0.012 * np.abs(right).max()
        _find(candidate, loss, x, right, _elsewhere(rng, right), error, "relative", look)
        _find(candidate, loss, x, right, None, 0.0, "false-alarm", look)


@GRADIENT_CHECK.property("curved", N_("a strongly curved loss misleads it neither way"))
def curved(candidate, rng):
    x, right, bend = rng.normal(size=(2, 4)), rng.uniform(0.5, 1.5, (2, 4)), rng.uniform(1e6, 2e6, (2, 4))
    start = x.copy()

    def loss(z):
        return float((right * (z - start) + bend * (z - start) ** 2 / 2).sum())

    look = _("the difference: taken to one side only, it measures the slope beside x, not at x")
    for place in (None, _elsewhere(rng, right)):
        _find(candidate, loss, x, right, place, 0.3 * np.abs(right).max(), "one-sided", look)


@GRADIENT_CHECK.property("rounding", N_("a loss of a thousand drowns nothing in rounding"))
def rounding(candidate, rng):
    small, x, right = _smooth(rng, (3, 3))
    look = _("the step: a loss near 1000 is kept to 10⁻¹³; what is left of that, divided by your step?")
    for place in (None, _elsewhere(rng, right)):
        error = 0.02 * np.abs(right).max()
        _find(candidate, lambda z: 1000 + small(z), x, right, place, error, "step-too-small", look)


@GRADIENT_CHECK.property("dead", N_("entries with derivative 0 are no trouble"))
def dead(candidate, rng):
    loss, x, right = _smooth(rng, (3, 4))
    alive = np.ones((3, 4))
    alive[rng.integers(3)] = 0.0
    alive[0 if alive[0].any() else 1, 0] = 0.0
    right, look = right * alive, _("how you compare: an error relative to each entry divides by 0 here")
    living = [tuple(map(int, p)) for p in np.argwhere(alive)]
    for place in (None, next(p for p in living if p != _place(right))):
        error = 0.1 * np.abs(right).max()
        masked = lambda z: loss(np.where(alive > 0, z, x))  # noqa: E731
        _find(candidate, masked, x, right, place, error, "relative", look)
