"""Chapter 2's exercise: which statements about a network does the evidence contradict?"""

from ..wording import N_, _, listed
from .core import Contract, Exercise
from .trial import Trial
from .values import TEXT, Kind


def flaws():
    return {"A", "C", "D", "E", "F"}


FLAWS = Exercise(
    "flaws",
    solution=flaws,
    hints=(
        N_(
            "Take one statement at a time and name the cell of this chapter that could contradict it. Two of"
            " the seven stand."
        ),
        N_(
            "A to D speak of the network of 1998, D besides of the code; E and G speak of the code alone, and"
            " F of any dense layer. Of the four about 1998 one stands, of the two about the code one."
        ),
        N_(
            "Look at the shapes that the code prints, at fc1.weight.shape, and at the paper's table in"
            " section 2.5."
        ),
    ),
    contract=Contract(
        N_("nothing: it is called without arguments."),
        N_("a set (a list or tuple will do) of the letters, from A to G, of the statements that are wrong."),
        keeps=N_("nothing: there are no arguments"),
        may=N_("every cell of this chapter"),
    ),
)
# Where the evidence on each statement stands.
_EVIDENCE = {
    "A": N_("statement A: the field of the paper's input in section 2.5"),
    "B": N_("statement B: the shape of conv1's kernels"),
    "C": N_("statement C: what S2 does in section 2.2"),
    "D": N_("statement D: the functions named in the code, and in the paper"),
    "E": N_("statement E: the shape before flattening"),
    "F": N_("statement F: the shape of fc1's weights"),
    "G": N_("statement G: the column of parameters in the ledger"),
}


def _set_of_letters(value):
    if type(value) not in (set, frozenset, list, tuple):
        return None
    found = {TEXT.convert(one) for one in value}
    return found if found <= set(_EVIDENCE) else None


_LETTERS = Kind(
    _set_of_letters,
    "not-letters",
    N_("the kind of the result: a set of letters from A to G, such as {'B', 'G'}"),
)


def _letters(candidate):
    trial = Trial(candidate, tried=_("asking for the letters"))
    return trial, trial.returned(_LETTERS)


@FLAWS.property("letters", N_("the answer is a set of letters from A to G"))
def letters(candidate, rng):
    _letters(candidate)


@FLAWS.property("none-accused", N_("no statement that stands is called wrong"))
def none_accused(candidate, rng):
    trial, found = _letters(candidate)
    for letter in sorted(found - flaws()):
        trial.fail(f"accused-{letter}", got=listed(sorted(found)), look=_(_EVIDENCE[letter]))


@FLAWS.property("none-missed", N_("every statement that the evidence contradicts is found"))
def none_missed(candidate, rng):
    trial, found = _letters(candidate)
    for letter in sorted(flaws() - found):
        trial.fail(f"missed-{letter}", got=listed(sorted(found)) or "{}", look=_(_EVIDENCE[letter]))
