from dataclasses import dataclass

import pytest

from lenet_helpers import LeNetConfig, TrainConfig
from lenet_helpers.figures.tuning import lever_table
from lenet_helpers.levers import lever, levers_of, validate


@dataclass(frozen=True)
class Kettle:
    heat: float = lever(0.5, bounds=(0.1, 10.0), scale="log", label="heat")
    cups: int = lever(2, bounds=(1, 8), label="cups", help="one for each guest")
    tea: str = lever("green", choices=("green", "black"), label="tea")
    owner: str = "nobody"

    def __post_init__(self):
        validate(self)


def test_levers_are_read_from_the_declaration_in_order():
    levers = levers_of(Kettle)
    assert list(levers) == ["heat", "cups", "tea"]
    assert levers["heat"].bounds == (0.1, 10.0) and levers["heat"].scale == "log"
    assert [one.kind for one in levers.values()] == [float, int, str]


@pytest.mark.parametrize(
    "values", [dict(heat=0.1), dict(heat=10), dict(cups=1), dict(cups=8.0), dict(tea="black")]
)
def test_the_bounds_themselves_are_allowed(values):
    Kettle(**values)


def test_a_whole_number_given_for_a_float_becomes_one():
    assert repr(Kettle(heat=1)) == repr(Kettle(heat=1.0))
    assert isinstance(Kettle(cups=3.0).cups, int)


@pytest.mark.parametrize(
    "values, words",
    [
        (dict(heat=0.0), "heat=0.0: choose 0.1 to 10"),
        (dict(heat=float("nan")), "heat=nan: choose"),
        (dict(heat=float("inf")), "heat=inf: choose"),
        (dict(heat="hot"), "heat='hot': choose"),
        (dict(heat=None), "heat=None: choose"),
        (dict(cups=0), "cups=0: choose a whole number from 1 to 8"),
        (dict(cups=1.5), "cups=1.5: choose a whole number"),
        (dict(cups=True), "cups=True: choose"),
        (dict(tea="blue"), "tea='blue': choose green, black"),
    ],
)
def test_what_is_not_allowed_is_named_with_the_way_out(values, words):
    with pytest.raises(ValueError) as error:
        Kettle(**values)
    assert str(error.value).startswith(words)


def test_a_lever_has_either_bounds_or_choices():
    with pytest.raises(TypeError):
        lever(1, label="x")
    with pytest.raises(TypeError):
        lever(1, bounds=(0, 2), choices=(1,), label="x")
    with pytest.raises(TypeError):
        lever(1, bounds=(0, 2), scale="cubic", label="x")


def test_the_table_has_a_row_for_each_declaration_and_for_nothing_else():
    table = [
        [part.strip() for part in line.strip("|").split("|")] for line in lever_table(Kettle).splitlines()
    ]
    assert table[1] == ["---"] * 5 and {len(row) for row in table} == {5}
    assert table[2:] == [
        ["`heat`", "heat", "0.5", "0.1 to 10", ""],
        ["`cups`", "cups", "2", "a whole number from 1 to 8", "one for each guest"],
        ["`tea`", "tea", "green", "green, black", ""],
    ]


def test_the_table_of_the_course_says_what_each_lever_does():
    levers = levers_of(LeNetConfig) | levers_of(TrainConfig)
    rows = lever_table(LeNetConfig, TrainConfig).splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(levers)
    assert all(one.help for one in levers.values())


def test_the_arrow_keys_move_every_lever_of_the_course_up_within_its_bounds():
    for name, one in (levers_of(LeNetConfig) | levers_of(TrainConfig)).items():
        if one.step is not None:
            low, high = one.bounds
            assert 0 < one.step <= (high - low) / 4, name
