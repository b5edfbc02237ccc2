"""Answers written from the contracts alone: right ones pass, wrong ones are rejected, on every seed."""

from collections import Counter

import blind_answers as blind
import pytest

from lenet_helpers.checks import Failed, check

PROOF = pytest.mark.proof


def _ids(rows):
    return [f"{exercise}-{answer.__name__}" for exercise, answer in rows]


@pytest.mark.parametrize("row", blind.RIGHT, ids=_ids(blind.RIGHT))
@pytest.mark.parametrize("seeds", [(11,), pytest.param(range(20), marks=PROOF)], ids=["one", "many"])
def test_right_by_the_contract(row, seeds):
    exercise, answer = row
    for seed in seeds:
        check.exercise(exercise).run(answer, seed=seed, strict=True)


@pytest.mark.parametrize("row", blind.WRONG, ids=_ids(blind.WRONG))
@pytest.mark.parametrize("seeds", [(11,), pytest.param(range(20), marks=PROOF)], ids=["one", "many"])
def test_wrong_by_the_contract(row, seeds):
    exercise, answer = row
    for seed in seeds:
        with pytest.raises(Failed) as caught:
            check.exercise(exercise).run(answer, seed=seed, strict=True)
        assert caught.value.look and caught.value.contract.gives in str(caught.value)


def test_every_exercise_has_blind_answers():
    right, wrong = (Counter(exercise for exercise, _answer in rows) for rows in (blind.RIGHT, blind.WRONG))
    names = [name for name in check.names() if check.exercise(name).contract]
    assert min(right[name] for name in names) >= 3 and min(wrong[name] for name in names) >= 5
