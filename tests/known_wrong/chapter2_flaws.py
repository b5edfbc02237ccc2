"""Chapter 2, find the flaws: the right set, and sets that miss or add something."""

from . import correct, wrong


@correct("flaws")
def as_a_set():
    return {"F", "E", "D", "C", "A"}


@correct("flaws")
def as_a_list():
    return ["A", "C", "D", "E", "F"]


@wrong("flaws", "accused-B", by="none-accused")
def everything():
    return set("ABCDEFG")


@wrong("flaws", "accused-G", by="none-accused")
def accuses_the_ledger():
    return {"A", "C", "D", "E", "F", "G"}


@wrong("flaws", "missed-A", by="none-missed")
def nothing():
    return set()


@wrong("flaws", "missed-C", by="none-missed")
def takes_max_pooling_for_the_papers():
    return {"A", "D", "E", "F"}


@wrong("flaws", "missed-D", by="none-missed")
def takes_the_sigmoid_on_trust():
    return {"A", "C", "E", "F"}


@wrong("flaws", "missed-E", by="none-missed")
def believes_400():
    return {"A", "C", "D", "F"}


@wrong("flaws", "missed-F", by="none-missed")
def believes_one_weight():
    return {"A", "C", "D", "E"}


@wrong("flaws", "not-letters", by="letters")
def a_word():
    return "ACDEF"
