"""What an answer may be and how it is told: every kind of value, by hand."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest
import torch
from torch import nn

from lenet_helpers.checks import values as v

Pair = namedtuple("Pair", "width height")
NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    "value, shape",
    [
        (3, ()),
        (-0.5, ()),
        (2**999, ()),
        (-(2**999), ()),
        (np.float32(0.25), ()),
        (np.int8(-3), ()),
        (np.array([True, False]), (2,)),
        (np.arange(6, dtype="uint8").reshape(2, 3), (2, 3)),
        (torch.ones(2, 3, dtype=torch.bfloat16), (2, 3)),
        (torch.eye(3).to_sparse(), (3, 3)),
        (torch.ones(2, requires_grad=True), (2,)),
        (nn.Parameter(torch.ones(4)), (4,)),
        (torch.tensor(True), ()),
        ([1, 2.5], (2,)),
        ((torch.ones(2), [3, 4], np.zeros(2)), (3, 2)),
        (Pair(5, 6), (2,)),
    ],
)
def test_plain_makes_a_float64_array_of_everything_numeric(value, shape):
    array = v.plain(value)
    assert type(array) is np.ndarray and array.dtype == np.float64 and array.shape == shape


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, "3", b"3", 1j, object(), [], (), [1, "2"], [1, [2]], [[1, 2], [3]], [1, None], {1: 2}),
        *(2**1000, -(2**1000), np.array(["a"]), np.array([1j]), np.bool_(True), np.str_("a"), {1, 2}),
        *(torch.ones(2, dtype=torch.complex64), torch.ones(2, device="meta")),
    ],
    ids=lambda value: type(value).__name__,  # an object would tell its address
)
def test_plain_gives_none_for_anything_else(value):
    assert v.plain(value) is None


def test_plain_keeps_the_numbers():
    assert v.plain([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
    assert v.plain(torch.tensor([[0.0, 2.0]]).to_sparse()).tolist() == [[0, 2]]
    assert v.plain(np.float32(0.1)) == np.float32(0.1) and v.plain(-7) == -7
    array = np.zeros(2)
    assert v.plain(array) is not array and not np.shares_memory(v.plain(array), array)


def both(a, b, tolerance=1e-3):
    return v.agree(np.array(a, float), np.array(b, float), tolerance)


def test_arrays_agree_within_the_tolerance_relative_to_the_largest_or_one():
    assert both([], []) and both([1.0], [1.0])
    assert both([0.0], [1e-3]) and not both([0.0], [1.1e-3]) and not both([1.1e-3], [0.0])
    assert both([1000.0, 0.5], [1000.0, 1.4]) and not both([1000.0, 0.5], [1000.0, 1.6])
    assert both([-1000.0, 0.5], [-1000.0, 1.4]) and not both([-1000.0, 0.5], [-1000.0, 1.6])
    assert not both([1.0, 1.0], [1.0]) and not both([[1.0]], [1.0]) and not both([NAN], [NAN])
    assert not both([INFINITE], [1.0]) and not both([1.0, 5.0], [1.0, 1.0])
    assert not v.agree([1.0], np.ones(1)) and not v.agree(np.ones(1), [1.0])
    half = 0.5
    assert both([1.5], [1], half) and not both([1.51], [1], half)
    assert both([0.5], [1], half) and not both([0.49], [1], half)
    assert both([-2], [-4], half) and not both([-1.9], [-4], half)
    assert both([-4, 3], [-4, 1], half) and not both([-4, 3.1], [-4, 1], half)
    assert both([0.6], [0.1], half) and not both([0.61], [0.1], half), "never less than the tolerance itself"
    assert not both([NAN, 1], [1, 1], half)
    assert v.agree(np.ones(1), np.ones(1) + 5e-10) and not v.agree(np.ones(1), np.ones(1) + 5e-9)


def test_equal_takes_floats_relatively_and_everything_else_exactly():
    assert v.equal(100.0, 100.09, 1e-3) and not v.equal(100.0, 100.2, 1e-3)
    assert v.equal(1e-8, 1.0005e-8, 1e-3) and not v.equal(1e-8, 1.1e-8, 1e-3)
    assert v.equal(-100.0, -100.09, 1e-3) and not v.equal(1.0, -1.0, 1e-3)
    assert v.equal(0.0, 1e-16, 1e-3) and not v.equal(0.0, 1e-14, 1e-3)
    assert v.equal("a", "a", 1) and not v.equal("a", "b", 1) and not v.equal(True, 1, 1)
    assert v.equal([1.0], [1.0], 1) and not v.equal([1.0], [1.1], 1) and not v.equal(3, 3.0, 1)
    assert v.equal(0.75, 0.5, 0.5) and not v.equal(0.76, 0.5, 0.5)
    assert v.equal(-0.75, -0.5, 0.5) and not v.equal(0.25, -0.5, 0.5)
    assert v.equal(1e-13, 0.0, 0.5) and not v.equal(1e-12, 0.0, 0.5), "beside 0, a millionth of a millionth"
    assert not v.equal(1, 1.0, 0.5) and not v.equal([1, 2], [1, 3], 0.5)
    assert not v.equal(np.ones(2), [1.0, 1.0], 1) and not v.equal([1.0, 1.0], np.ones(2), 1)


@pytest.mark.parametrize(
    "kind, takes, refuses",
    [
        (
            v.NUMBER,
            [(3, 3.0), (np.float32(0.5), 0.5), (torch.tensor([[2.0]]), 2.0), ([4], 4.0), (NAN, None)],
            [None, "3", True, [1, 2], torch.ones(2), 1j],
        ),
        (
            v.WHOLE,
            [
                (12, 12),
                (12.0, 12),
                (-3.0, -3),
                (torch.tensor(7.0), 7),
                (2**53 - 1, 2**53 - 1),
                (1 - 2**53, 1 - 2**53),
            ],
            [12.5, 2**53, -(2**53), NAN, INFINITE, None, "12", True],
        ),
        (
            v.TRUTH,
            [
                *((True, True), (False, False), (np.bool_(False), False), (np.array([True]), True)),
                *((torch.tensor(False), False), (torch.tensor([[True]]), True)),
            ],
            [
                1,
                0.0,
                None,
                "True",
                np.array([1]),
                np.array([True, False]),
                torch.tensor(1),
                torch.ones(2) > 0,
            ],
        ),
        (
            v.TEXT,
            [("a", "a"), (np.str_("b"), "b"), (np.array("c"), "c"), (np.array(["d"]), "d")],
            [None, 3, b"a", np.array(["a", "b"]), np.array([1]), ["a"]],
        ),
        (
            v.words("up", "down", key="k", look="l"),
            [("up", "up"), (np.str_("down"), "down")],
            ["left", 3, ""],
        ),
        (
            v.sequence(2, "k", "l"),
            [
                ([1, 2], [1.0, 2.0]),
                ((1, 2), [1.0, 2.0]),
                (np.array([1, 2]), [1.0, 2.0]),
                (Pair(1, 2), [1, 2]),
            ],
            [[1], [1, 2, 3], 1, "12", {1, 2}, [1, None], [1, "2"], torch.tensor(1.0), np.array(["a", "b"])],
        ),
        (v.sequence(None, "k", "l"), [([], []), ((1,), [1.0]), (torch.ones(3), [1.0] * 3)], [None, 3, "abc"]),
        (v.sequence(2, "k", "l", v.WHOLE.convert), [([1.0, 2], [1, 2])], [[1.5, 2]]),
        (v.part(v.sequence(2, "k", "l"), 1), [([1, 2], 2.0)], [[1], None]),
    ],
)
def test_kinds_of_results(kind, takes, refuses):
    for value, wanted in takes:
        got = kind.convert(value)
        assert wanted is None or got == wanted and type(got) is type(wanted), value
    assert [value for value in refuses if kind.convert(value) is not None] == []


def test_a_flat_tensor_on_no_device_is_no_truth():
    assert v.TRUTH.convert(torch.ones(1, dtype=torch.bool, device="meta")) is None
    assert (v.words("a", key="k", look="l").key, v.sequence(1, "k", "l").look) == ("k", "l")
    assert (v.part(v.NUMBER, 0).key, v.part(v.NUMBER, 0).look) == (v.NUMBER.key, v.NUMBER.look)


@pytest.mark.parametrize(
    "value, said",
    [
        (None, "None"),
        (True, "True"),
        ("a'b", '"a\'b"'),
        (33, "33"),
        (33.0, "33.0"),
        (-0.5, "-0.5"),
        (1 / 3, "0.333333"),
        (1e300, "1e+300"),
        (NAN, "nan"),
        (INFINITE, "inf"),
        (np.int64(4), "4"),
        (np.float32(33), "33.0"),
        (np.bool_(True), "np.True_"),
        (np.array(3), "3"),
        (np.array(3.0), "3.0"),
        (torch.tensor(33), "tensor(33)"),
        (torch.tensor(33.0), "tensor(33.0)"),
        (torch.tensor(True), "tensor(True)"),
        (torch.tensor([1.5]), "1 float32 [1.5]"),
        (np.arange(4), "4 int64 [0, 1, 2, 3]"),
        (torch.full((6, 2), 0.12345), "6×2 float32 [" + ", ".join(["[0.123, 0.123]"] * 6) + "]"),
        (torch.zeros(13), "13 float32"),
        (torch.zeros(2, dtype=torch.complex64), "2 complex64"),
        ([1, 2.0, "a"], "[1, 2.0, 'a']"),
        ((1, None), "(1, None)"),
        (list(range(6)), "[0, 1, 2, 3, 4, 5]"),
        (list(range(7)), "[0, 1, 2, 3, 4, 5, …]"),
        ((1,) * 7, "(1, 1, 1, 1, 1, 1, …)"),
        ({"a": 1, 2: [3.0]}, "{'a': 1, 2: [3.0]}"),
        ({n: n for n in range(6)}, "{0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5}"),
        ({n: n for n in range(7)}, "dict"),
        ({(1, 2): 3}, "dict"),
        (OrderedDict(), "OrderedDict"),
        (Pair(1, 2), "Pair"),
        (object(), "object"),
        (object, "type"),
        (1j, "complex"),
        (1234567.0, "1.23457e+06"),
        (np.float32(1 / 3), "0.333333"),
        (np.array([1 / 3, 2]), "2 float64 [0.333, 2.   ]"),
        (torch.tensor([7]), "1 int64 [7]"),
        (torch.zeros(2, 2), "2×2 float32 [[0., 0.], [0., 0.]]"),
        (torch.zeros(12, dtype=torch.int64), f"12 int64 [{', '.join('0' * 12)}]"),
        (torch.zeros(13, dtype=torch.int64), "13 int64"),
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)  # fmt: skip
def test_values_in_words(value, said):
    assert v.describe(value) == said


def told(got, wanted):
    return v.difference(np.array(got, float), np.array(wanted, float))


def test_a_difference_shows_shapes_or_the_one_cell_that_differs_most():
    assert told(np.zeros((7, 7)), np.zeros((8, 9))) == "expected 8×9, got 7×7"
    assert told(3, [3]) == "expected 1, got one number"
    assert told(2, 3.5) == "expected 3.5, got 2.0"
    assert told([[1, 2], [3, 9]], [[1, 5], [3, 4]]) == (
        "row 1, column 1: expected 4.0, got 9.0 (2 of 4 cells differ)"
    )
    assert told([0, 2, 0], [0, 2, NAN]) == "at [2]: expected nan, got 0.0 (1 of 3 numbers differ)"
    assert told(np.zeros((1, 2, 2)), np.ones((1, 2, 2))) == (
        "at [0, 0, 0]: expected 1.0, got 0.0 (4 of 4 numbers differ)"
    )
    assert told([1e6, 1e-4], [1e6, 0]) == "at [1]: expected 0.0, got 0.0001 (0 of 2 numbers differ)"
    assert told([3, 3], [3, 2 - 1e-8]).endswith("(1 of 2 numbers differ)")
    assert told([1, NAN], [5, 2]) == "at [1]: expected 2.0, got nan (2 of 2 numbers differ)"
    assert told(np.eye(2), np.ones((2, 2))) == (
        "row 0, column 1: expected 1.0, got 0.0 (2 of 4 cells differ)"
    )
    assert v.difference([1, 2], [1, 3]) == "expected [1, 3], got [1, 2]"
    assert v.difference("a", "b") == "expected 'b', got 'a'"
    assert v.difference(np.zeros(2), "b") == "expected 'b', got 2 float64 [0., 0.]"
    assert v.difference(None, np.zeros(2)) == "expected 2 float64 [0., 0.], got None"


def test_a_copy_has_the_numbers_and_the_layout_and_no_memory_in_common():
    across = torch.arange(6.0).reshape(2, 3).T
    one = v.copy(across)
    assert (
        torch.equal(one, across) and one.stride() == across.stride() and one.data_ptr() != across.data_ptr()
    )
    assert not v.copy(torch.ones(2, requires_grad=True)).requires_grad
    spread = v.copy(torch.ones(1, 3).expand(4, 3))
    assert spread.shape == (4, 3) and torch.equal(spread, torch.ones(4, 3))
    spread[0, 0] = 5  # in the original, four numbers share this place
    assert spread.sum() == 16
    for sparse in (torch.eye(2).to_sparse(), torch.eye(2).to_sparse_csr()):
        assert torch.equal(v.copy(sparse).to_dense(), torch.eye(2))
    assert v.copy(torch.ones(2, device="meta")).is_meta
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert (v.copy(array) == array).all() and v.copy(array).strides == array.strides
    assert not np.shares_memory(v.copy(array), array)
    inside = {"a": [torch.zeros(2)], "b": (np.zeros(1), "text")}
    other = v.copy(inside)
    other["a"][0] += 1
    other["b"][0][0] = 5
    assert inside["a"][0].tolist() == [0, 0] and inside["b"][0].tolist() == [0] and type(other["b"]) is tuple
    text = object()
    assert v.copy(text) is text


@pytest.mark.parametrize(
    "before, now",
    [
        (torch.zeros(2), torch.tensor([0.0, -0.0])),
        (torch.zeros(2), torch.zeros(2, dtype=torch.float64)),
        (torch.zeros(2), torch.zeros(1, 2)),
        (torch.zeros(2), np.zeros(2)),
        (np.zeros(2), np.array([0.0, 1e-300])),
        (np.zeros(2), np.zeros(2, "float32")),
        ([1, 2], [1]),
        ([1, 2], [1, 3]),
        ([1], (1,)),
        ([torch.zeros(1)], [torch.ones(1)]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {}),
        (1, 2),
        (0.5, 0.25),
        ("a", "b"),
        (True, False),
        (1, True),
        ([1], [True]),
        ([2.5], [2.0]),
        (np.ones((1, 2)), np.ones((2, 1))),
        (np.array([-0.0]), np.array([0.0])),
    ],
)
def test_what_was_handed_over_is_seen_to_be_changed(before, now):
    assert not v.unchanged(now, before) and v.unchanged(v.copy(before), before)


def test_what_cannot_be_compared_counts_as_unchanged():
    assert v.unchanged(object(), object()) and not v.unchanged(object(), 3)
    assert v.unchanged([len], [max]) and v.unchanged(torch.tensor([NAN]), torch.tensor([NAN]))
