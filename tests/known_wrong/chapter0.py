"""Chapter 0: the double of a tensor, right in many ways, and the slips of a first try."""

import numpy as np

from . import correct, wrong


@correct("double")
def sum_with_itself(x):
    return x + x


@correct("double")
def in_numpy(x):
    return 2.0 * np.asarray(x)


@correct("double")
def in_a_copy(x):
    return x.clone().mul_(2)


@wrong("double", "unchanged", by="doubles")
def gives_it_back(x):
    return x


@wrong("double", "squared", by="doubles")
def squares(x):
    return x**2


@wrong("double", "halved", by="doubles")
def halves(x):
    return x / 2


@wrong("double", "added", by="doubles")
def adds_two(x):
    return x + 2


@wrong("double", "positive", by="doubles")
def loses_the_sign(x):
    return (2 * x).abs()


@wrong("double", "in-place", by="doubles")
def writes_into_its_argument(x):
    x *= 2
    return x


@wrong("double", "returned-none", by="doubles")
def forgets_to_return(x):
    2 * x


@wrong("double", "doubles", by="doubles")
def only_the_first(x):
    y = x.clone()
    y.view(-1)[0] *= 2
    return y


@wrong("double", "raised", by="any-shape")
def one_axis_only(x):
    return 2 * x.view(len(x))


@wrong("double", "any-shape", by="any-shape")
def flattens(x):
    return 2 * x.flatten()
