"""Errors from inside torch and numpy that an answer's shapes have caused, told in the answer's terms."""

import re

from ..wording import N_, _

# What torch 2 and numpy 2 say, and what it means for somebody who has never seen it. {0}, {1}: the sizes.
_WINDOW = "window-stored"
_KNOWN = (
    (
        r"expand\(.*\{\[(.*?)\]\}, size=\[\]",
        _WINDOW,
        N_("you stored a window of products ({0}) where one number belongs"),
    ),
    (
        r"(setting an array element with a sequence|only one element tensors can be converted)",
        _WINDOW,
        N_("you stored several numbers where one number belongs"),
    ),
    (
        r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)",
        "",
        N_("a layer or matrix that takes {2} numbers was given {1}"),
    ),
    (
        r"shape '\[(.*?)\]' is invalid for input of size (\d+)",
        "",
        N_("{1} numbers cannot be arranged as ({0})"),
    ),
    (
        r"weight of size \[(.*?)\], expected input\[(.*?)\] to have (\d+) channels, but got (\d+)",
        "",
        N_("a convolution that reads {2} maps was given {3}"),
    ),
    (
        r"input size per channel: \((.*?)\)\. Kernel size: \((.*?)\)",
        "",
        N_("a kernel of {1} does not fit into maps of {0}"),
    ),
    (
        r"expanded size of the tensor.*Target sizes: \[(.*?)\]\.\s+Tensor sizes: \[(.*?)\]",
        "",
        N_("numbers of shape ({1}) were stored in a place of shape ({0})"),
    ),
    (
        r"could not broadcast input array from shape \((.*?)\) into shape \((.*?)\)",
        "",
        N_("numbers of shape ({0}) were stored in a place of shape ({1})"),
    ),
    (
        r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)",
        "",
        N_("two tensors whose sizes do not fit were combined element by element: {0} against {1}"),
    ),
    (
        r"broadcast together with shapes \((.*?)\) \((.*?)\)",
        "",
        N_("two arrays whose shapes do not fit were combined element by element: ({0}) against ({1})"),
    ),
    (
        r"index (-?\d+) is out of bounds for (?:dimension|axis) (\d+) with size (\d+)",
        "",
        N_("index {0} was asked for on axis {1}, which has {2} places, 0 and up"),
    ),
    (r"batch_size \((\d+)\) to match target batch_size \((\d+)\)", "", N_("{0} predictions met {1} labels")),
)


def in_own_terms(error):
    """(key, sentence) for an error whose message is known: `key` names the mistake, or is empty where several
    mistakes end so. ("", "") for any other.
    """
    message = str(error).split("\n")[0]
    for pattern, key, text in _KNOWN:
        if found := re.search(pattern, message):
            return key, _(text).format(*(part.replace("x", "×").strip() for part in found.groups()))
    return "", ""
