"""Chapter 2's exercises on sizes: the receptive field, and how many numbers are flattened."""

from ..wording import N_, _
from .core import Exercise
from .mistakes import count


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
)


def _field_case(candidate, layers):
    def grow(step):
        side, jump = 1, 1
        for kernel, stride in layers:
            side, jump = step(side, jump, kernel, stride)
        return side

    right = grow(lambda side, jump, k, s: (side + (k - 1) * jump, jump * s))
    mistakes = [
        (
            "stride-ignored",
            grow(lambda side, jump, k, s: (side + k - 1, 1)),
            _("the stride: how far apart in the input are two neighbours after a pooling?"),
        ),
        (
            "stride-too-early",
            grow(lambda side, jump, k, s: (side + (k - 1) * jump * s, jump * s)),
            _("the order of the two steps: a layer's own stride spreads only the layers after it"),
        ),
        (
            "kernel-not-minus-one",
            grow(lambda side, jump, k, s: (side + k * jump, jump * s)),
            _("a kernel of 1: how much wider does it make the field?"),
        ),
        (
            "last-stride-only",
            grow(lambda side, jump, k, s: (side + (k - 1) * jump, s)),
            _("two poolings of stride 2: how far apart are neighbours then?"),
        ),
        (
            "multiplied",
            grow(lambda side, jump, k, s: (side * k, 1)),
            _("two 3×3 kernels, one after the other: draw what they see"),
        ),
        (
            "product",
            grow(lambda side, jump, k, s: (side * s + k - 1, 1)),
            _("the direction: from the input forward, or from the unit back?"),
        ),
        ("started-at-zero", right - 1, _("the start: before any layer, a unit sees one pixel")),
    ]
    count(candidate, (layers,), ("layers",), right, mistakes, _("one 5×5 convolution: 5"))


@RECEPTIVE_FIELD.property("lenet", N_("LeNet's four layers give 5, 6, 14, 16"))
def lenet_fields(candidate, rng):
    layers = [(5, 1), (2, 2), (5, 1), (2, 2)]
    for depth in (1, 2, 3, 4):
        _field_case(candidate, layers[:depth])


@RECEPTIVE_FIELD.property(
    "any-stack", N_("any stack of kernels and strides is right, also when a convolution strides")
)
def any_stack(candidate, rng):
    kernels, strides = rng.permutation([3, 5, 7, 2, 4]), rng.permutation([1, 2, 3, 2, 3])
    _field_case(candidate, [(int(k), int(s)) for k, s in zip(kernels, strides)])


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
)


def _flat_case(candidate, n, p):
    side = ((n + 2 * p - 4) // 2 - 4) // 2
    mistakes = [
        ("forgot-16-maps", side * side, _("the 16 maps: all of them are flattened")),
        ("not-squared", 16 * side, _("the maps: they have rows and columns")),
        ("six-maps", 6 * side * side, _("the number of maps that the second convolution makes")),
        ("padding-ignored", 16 * (((n - 4) // 2 - 4) // 2) ** 2, _("the second argument: is it used?")),
        (
            "padding-once",
            16 * (((n + p - 4) // 2 - 4) // 2) ** 2,
            _("the padding: it is added on both sides"),
        ),
        ("no-pooling", 16 * (n + 2 * p - 8) ** 2, _("the two poolings: each halves the side")),
        ("one-pooling", 16 * ((n + 2 * p - 8) // 2) ** 2, _("the two poolings: each halves the side")),
        (
            "padded-twice",
            16 * (((n + 2 * p - 4) // 2 + 2 * p - 4) // 2) ** 2,
            _("the padding: only the first convolution has it"),
        ),
        ("always-256", 256, _("the arguments: are they used?")),
        ("always-400", 400, _("the arguments: are they used?")),
    ]
    right = 16 * side * side
    count(
        candidate,
        (n, p),
        ("input_size", "padding"),
        right,
        [m for m in mistakes if m[1] != right],
        _("28 pixels without padding: 28 → 24 → 12 → 8 → 4"),
    )


@FLATTEN_SIZE.property("both", N_("28 pixels give 256, 28 with padding 2 and 32 without give 400"))
def both_sizes(candidate, rng):
    for n, p in ((32, 0), (28, 0), (28, 4), (28, 2)):  # in this order each mistake shows alone
        _flat_case(candidate, n, p)


@FLATTEN_SIZE.property("other-sizes", N_("other sizes are right too"))
def other_sizes(candidate, rng):
    _flat_case(candidate, int(rng.integers(44, 90)), int(rng.integers(3, 9)))
