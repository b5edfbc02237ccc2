"""Chapter 2's exercises on sizes: the receptive field, and how many numbers are flattened."""

from ..wording import N_, _
from .core import Contract, Exercise
from .trial import judge
from .values import WHOLE


def receptive_field(layers):
    side, jump = 1, 1
    for kernel, stride in layers:
        side += (kernel - 1) * jump
        jump *= stride
    return side


RECEPTIVE_FIELD = Exercise(
    "receptive_field",
    solution=receptive_field,
    hints=(
        N_(
            "Begin with one pixel. What does a kernel of 5 add to a side of 1? And why does the second 5×5"
            " kernel add 8?"
        ),
        N_(
            "After a pooling with stride 2, neighbours in the map lie 2 pixels apart in the input. Keep that"
            " distance in a variable."
        ),
        N_("side grows by (kernel − 1)·jump, and only then jump is multiplied by the stride."),
    ),
    contract=Contract(
        N_(
            "layers: a list of (kernel, stride) pairs of whole numbers ≥ 1, in the order in which they are"
            " applied to the image; an empty list is the image itself."
        ),
        N_("the side, in pixels of the image, of what one unit after the last layer sees: a whole number."),
        keeps=N_("layers: the list keeps its pairs and their order"),
    ),
)


def _grown(step, start=(1, 1)):
    """A mistake's formula: `step(side, jump, kernel, stride)` gives the next side and jump."""

    def formula(layers):
        side, jump = start
        for kernel, stride in layers:
            side, jump = step(side, jump, kernel, stride)
        return side

    return formula


_FIELD_MISTAKES = (
    (
        "stride-ignored",
        _grown(lambda side, jump, k, s: (side + k - 1, 1)),
        N_("the stride: how far apart in the input are two neighbours after a pooling?"),
    ),
    (
        "stride-too-early",
        _grown(lambda side, jump, k, s: (side + (k - 1) * jump * s, jump * s)),
        N_("the order of the two steps: a layer's own stride spreads only the layers after it"),
    ),
    (
        "kernel-not-minus-one",
        _grown(lambda side, jump, k, s: (side + k * jump, jump * s)),
        N_("a kernel of 1: how much wider does it make the field?"),
    ),
    (
        "last-stride-only",
        _grown(lambda side, jump, k, s: (side + (k - 1) * jump, s)),
        N_("two poolings of stride 2: how far apart are neighbours then?"),
    ),
    (
        "multiplied",
        _grown(lambda side, jump, k, s: (side * k, 1)),
        N_("two 3×3 kernels, one after the other: draw what they see"),
    ),
    (
        "forwards",
        _grown(lambda side, jump, k, s: ((side - 1) * s + k, 1)),
        N_("the direction: this recursion is right from the last layer back to the first"),
    ),
    (
        "started-at-zero",
        lambda layers: receptive_field(layers) - 1,
        N_("the start: before any layer, a unit sees one pixel"),
    ),
)


def _stack(rng, depth):
    pairs = zip(rng.integers(1, 8, depth), rng.integers(1, 4, depth))
    return [(int(kernel), int(stride)) for kernel, stride in pairs]


def _fields(candidate, rng, stacks):
    judge(
        candidate,
        [(stack,) for stack in stacks],
        receptive_field,
        _FIELD_MISTAKES,
        kind=WHOLE,
        names=("layers",),
        more=lambda: (_stack(rng, int(rng.integers(1, 7))),),
        look=_("a 3×3 kernel with stride 2 and another 3×3 kernel: draw the pixels that reach one unit"),
    )


@RECEPTIVE_FIELD.property("lenet", N_("LeNet's four layers give 5, 6, 14, 16"))
def lenet_fields(candidate, rng):
    layers = [(5, 1), (2, 2), (5, 1), (2, 2)]
    _fields(candidate, rng, [layers[:depth] for depth in (1, 2, 3, 4)])


@RECEPTIVE_FIELD.property(
    "any-stack", N_("any stack of kernels and strides is right, also when a convolution strides")
)
def any_stack(candidate, rng):
    mixed = [
        (int(k), int(s)) for k, s in zip(rng.permutation([3, 5, 7, 2, 4]), rng.permutation([1, 2, 3, 2, 3]))
    ]
    _fields(
        candidate,
        rng,
        [
            mixed,
            *(_stack(rng, depth) for depth in (1, 2, 3, 5, 7)),
            [(4, 3)],
            [(2, 3), (3, 1), (2, 2), (1, 2), (6, 1)],
        ],
    )


def flatten_size(input_size, padding):
    side = input_size + 2 * padding
    side = (side - 4) // 2
    side = (side - 4) // 2
    return 16 * side * side


FLATTEN_SIZE = Exercise(
    "flatten_size",
    solution=flatten_size,
    hints=(
        N_("Follow one side through the four layers: 5×5 convolution, pooling, 5×5 convolution, pooling."),
        N_(
            "A 5×5 convolution without padding takes 4 off a side; a 2×2 pooling halves it, rounding down."
            " Padding adds at both ends."
        ),
        N_("side = input_size + 2·padding; twice: side = (side − 4) // 2. The maps at the end are 16."),
    ),
    contract=Contract(
        N_(
            "whole numbers: images of input_size×input_size pixels, and padding ≥ 0, added on each side by"
            " the first convolution only. Together they leave at least one pixel after the last pooling."
        ),
        N_(
            "how many numbers are flattened, a whole number: 16 maps after convolution 5×5, pooling 2×2,"
            " convolution 5×5, pooling 2×2, where a pooling drops a last odd row and column."
        ),
    ),
)


def _flat(formula):
    """A mistake's formula of the padded side at the start."""
    return lambda n, p: formula(n + 2 * p)


def _halved(side):
    return ((side - 4) // 2 - 4) // 2


_FLAT_MISTAKES = (
    ("forgot-16-maps", _flat(lambda side: _halved(side) ** 2), N_("the 16 maps: all of them are flattened")),
    ("not-squared", _flat(lambda side: 16 * _halved(side)), N_("the maps: they have rows and columns")),
    (
        "six-maps",
        _flat(lambda side: 6 * _halved(side) ** 2),
        N_("the number of maps that the second convolution makes"),
    ),
    ("padding-ignored", lambda n, p: 16 * _halved(n) ** 2, N_("the second argument: is it used?")),
    ("padding-once", lambda n, p: 16 * _halved(n + p) ** 2, N_("the padding: it is added on both sides")),
    ("no-pooling", _flat(lambda side: 16 * (side - 8) ** 2), N_("the two poolings: each halves the side")),
    (
        "one-pooling",
        _flat(lambda side: 16 * ((side - 8) // 2) ** 2),
        N_("the two poolings: each halves the side"),
    ),
    (
        "padded-twice",
        lambda n, p: 16 * (((n + 2 * p - 4) // 2 + 2 * p - 4) // 2) ** 2,
        N_("the padding: only the first convolution has it"),
    ),
    (
        "rounded-up",
        _flat(lambda side: 16 * (-(-(-(-(side - 4) // 2) - 4) // 2)) ** 2),
        N_("an odd side: does a pooling keep its last row and column?"),
    ),
    ("always-256", lambda n, p: 256, N_("the arguments: are they used?")),
    ("always-400", lambda n, p: 400, N_("the arguments: are they used?")),
)


def _flats(candidate, rng, cases):
    def more():
        return int(rng.integers(20, 90)), int(rng.integers(0, 9))

    look = _("the side after each of the four layers, written down for this size and padding")
    names = ("input_size", "padding")
    judge(candidate, cases, flatten_size, _FLAT_MISTAKES, kind=WHOLE, names=names, more=more, look=look)


@FLATTEN_SIZE.property("both", N_("28 pixels give 256, 28 with padding 2 and 32 without give 400"))
def both_sizes(candidate, rng):
    _flats(candidate, rng, [(28, 0), (32, 0), (28, 2), (28, 4)])


@FLATTEN_SIZE.property("other-sizes", N_("other sizes are right too, odd ones included"))
def other_sizes(candidate, rng):
    start = int(rng.integers(30, 60))
    sides = [(start + i, int(rng.integers(0, 9))) for i in range(8)]
    _flats(candidate, rng, [*sides, (16, 0), (15, 1), (12, 2), (19, 0), (20, 0), (33, 3)])
