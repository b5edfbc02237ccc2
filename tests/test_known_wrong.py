"""Every check accepts the right answers we know and rejects each known mistake by its own message."""

import importlib
import pkgutil

import pytest

import known_wrong as known
from lenet_helpers.checks import Failed, check

for module in pkgutil.iter_modules(known.__path__):
    importlib.import_module(f"{known.__name__}.{module.name}")

SEEDS = (0, 1, 2, 3, 4)


def _ids(rows):
    return [f"{row[0]}-{row[-1].__name__}" for row in rows]


@pytest.mark.parametrize("row", known.CORRECT, ids=_ids(known.CORRECT))
def test_correct_variant_passes(row):
    exercise, answer = row
    for seed in SEEDS:
        check.exercise(exercise).run(answer, seed=seed, strict=True)


@pytest.mark.parametrize("row", known.WRONG, ids=_ids(known.WRONG))
def test_wrong_answer_is_rejected_by_its_own_message(row):
    exercise, key, answer = row
    for seed in SEEDS:
        with pytest.raises(Failed) as caught:
            check.exercise(exercise).run(answer, seed=seed, strict=True)
        assert caught.value.key == key, str(caught.value)
        assert caught.value.broke and caught.value.look, "a message says what broke and where to look"


@pytest.mark.parametrize("name", check.names())
def test_enough_known_answers(name):
    right = [f for exercise, f in known.CORRECT if exercise == name]
    mistakes = [(key, f) for exercise, key, f in known.WRONG if exercise == name]
    assert len(right) >= 2, f"{name}: two correct variants at least"
    assert len(mistakes) >= 6, f"{name}: six wrong ones at least"


@pytest.mark.parametrize("name", check.names())
def test_exercise_is_complete(name):
    exercise = check.exercise(name)
    assert len(exercise.hints) == 3 and all(len(hint) > 20 for hint in exercise.hints)
    assert len({p.name for p in exercise.properties}) == len(exercise.properties) >= 2
    assert exercise.solution.__name__ == name, "the printed solution bears the exercise's name"
    exercise.run(exercise.solution, seed=0, strict=True)


def test_no_answer_is_listed_for_an_exercise_that_does_not_exist():
    listed = {row[0] for row in known.CORRECT} | {row[0] for row in known.WRONG}
    assert listed <= set(check.names())
