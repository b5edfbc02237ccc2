"""The start page's exercise: small enough to be solved in a minute, to see what a check says."""

import torch

from ..wording import N_, _
from .core import Contract, Exercise
from .trial import judge


def double(x):
    return 2 * x


DOUBLE = Exercise(
    "double",
    solution=double,
    hints=(
        N_("What must be done to a 3, so that it becomes a 6? And to a 5, so that it becomes a 10?"),
        N_("A tensor can be multiplied by a number as a whole: no loop over its entries is needed."),
        N_("One line is enough: return 2 * x. It makes a new tensor and leaves x alone."),
    ),
    contract=Contract(
        N_("x: a float tensor of any shape."),
        N_("a tensor or array of x's shape with every number doubled."),
    ),
)

_MISTAKES = (
    ("unchanged", lambda x: x.numpy(), N_("what is returned: it is x as it came")),
    ("squared", lambda x: x.numpy() ** 2, N_("the operation: twice x is wanted, and x times x came back")),
    ("halved", lambda x: x.numpy() / 2, N_("the direction: twice as much is wanted, not half")),
    ("added", lambda x: x.numpy() + 2, N_("the operation: 2 was added, where it should multiply")),
    ("positive", lambda x: abs(2 * x.numpy()), N_("the sign: the double of −3 is −6")),
)


@DOUBLE.property("doubles", N_("every number is doubled, negative ones and fractions too"))
def doubles(candidate, rng):
    cases = [(torch.from_numpy(rng.normal(size=n) * 3),) for n in (4, 3)]
    judge(candidate, cases, lambda x: 2 * x.numpy(), _MISTAKES, names=("x",), look=_("f(1) and f(−2)"))


@DOUBLE.property("any-shape", N_("it works for tensors of any shape"))
def any_shape(candidate, rng):
    shapes = ((2, 3), (1, 1), (int(rng.integers(2, 5)), 1, 3))
    cases = [(torch.from_numpy(rng.normal(size=shape)),) for shape in shapes]
    look = _("sizes or positions written down in the code: none are needed")
    judge(candidate, cases, lambda x: 2 * x.numpy(), _MISTAKES, names=("x",), look=look)
