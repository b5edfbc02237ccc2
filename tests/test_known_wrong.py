"""Every check accepts the right answers we know and rejects each known mistake by its own message."""

import ast
import importlib
import inspect
import json
import pkgutil
import re
from pathlib import Path

import known_wrong as known
import numpy as np
import pytest
import torch
from torch import nn

from lenet_helpers.checks import Failed, check, values
from lenet_helpers.checks.chapter4 import _telling
from lenet_helpers.checks.front import _chapters, exercises

for module in pkgutil.iter_modules(known.__path__):
    importlib.import_module(f"{known.__name__}.{module.name}")

# Two in every run, twenty in `make proof-checks`.
SEEDS = [(0, 1), pytest.param(range(2, 20), marks=pytest.mark.proof, id="more")]
# What each property alone says to each mistake: a diagnosis that changes is seen in a diff, and read there.
# Stored anew by `python tests/test_known_wrong.py`.
VERDICTS = Path(__file__).parent / "known_wrong" / "verdicts.json"


def _ids(rows):
    return [f"{row[0]}-{row[-1].__name__}" for row in rows]


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("row", known.CORRECT, ids=_ids(known.CORRECT))
def test_correct_variant_passes(row, seeds):
    exercise, answer = row
    for seed in seeds:
        check.exercise(exercise).run(answer, seed=seed, strict=True)


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("row", known.WRONG, ids=_ids(known.WRONG))
def test_wrong_answer_is_rejected_by_its_own_message(row, seeds):
    exercise, key, by, answer = row
    for seed in seeds[1:]:
        with pytest.raises(Failed) as caught:
            check.exercise(exercise).run(answer, seed=seed, strict=True)
        assert caught.value.key == key, str(caught.value)
        assert caught.value.broke and caught.value.look, "a message says what broke and where to look"
    if seeds[0] > 0:
        return
    # As the classroom tries it, with the first seed: each property alone, no earlier one catches the mistake.
    failed = alone(exercise, answer)
    assert failed and by in (None, *failed) and next(iter(failed.values())) == key
    assert failed == json.loads(VERDICTS.read_text("utf-8"))[exercise][answer.__name__]


def alone(exercise, answer):
    """{property: key} of those that reject the answer, each tried without the others."""
    return {r.property: r.key for r in check.exercise(exercise).grade(answer, seed=0) if not r.passed}


def keys(module):
    """The keys that stand in a module: of two words or more, first in a tuple that ends with a hint, or
    first in `fail(…)`.
    """
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        match node:
            case ast.Constant(str(key)) if re.fullmatch("[a-z]+(-[a-z]+)+", key):
                yield key
            case ast.Tuple(elts=[ast.Constant(str(key)), *_, ast.Call() | ast.Name()]):
                yield key
            case ast.Call(func=ast.Attribute(attr="fail"), args=[ast.Constant(str(key)), *_]):
                yield key


@pytest.mark.parametrize("module", [name for name in _chapters() if ".chapter" in name] + [values.__name__])
def test_every_named_mistake_is_made_by_some_answer(module):
    verdicts = json.loads(VERDICTS.read_text("utf-8"))
    own = exercises(module) or check.names()
    told = {key for name in own for answer in verdicts[name].values() for key in answer.values()}
    properties = {p.name for name in own for p in check.exercise(name).properties}
    activations = {"rr-r", "r-rr"}  # letters for the layers of build_lenet
    assert set(keys(importlib.import_module(module))) - properties - activations <= told


@pytest.mark.parametrize("name", check.names())
def test_enough_known_answers(name):
    right = [f for exercise, f in known.CORRECT if exercise == name]
    mistakes = [row for row in known.WRONG if row[0] == name]
    assert len(right) >= 2, f"{name}: two correct variants at least"
    assert len(mistakes) >= 6, f"{name}: six wrong ones at least"


def test_contests_of_winner_are_drawn_until_each_mistake_has_been_fooled():
    def run(name, *validation):
        return dict(name=name, levers={"width": 2}, validation=validation, test=[0.5])

    plain = [run("only", 0.9)], {"width": 1}  # with one run, no mistake shows
    telling = [run("low", 0.8), run("high", 0.9)], {"width": 1}  # the lowest mean wins by mistake
    assert _telling(iter([plain, plain, telling]).__next__, ("lowest",), n=1) == [plain, telling]
    assert _telling(iter([telling, plain, telling]).__next__, ("lowest",), n=3) == [telling, plain, telling]


def test_max_pool_backward_meets_a_large_number_in_a_left_over_row_or_column():
    seen = []

    def answer(grad, maps, size=2):
        seen.append((np.array(maps), size))
        return check.exercise("max_pool_backward").solution(grad, maps, size)

    check.exercise("max_pool_backward").run(answer, seed=0, only="left-over")
    for maps, size in seen:
        largest = maps.max()
        assert (maps[:, :, -1] == largest).all() and (maps[:, :, :, -1] == largest).all()
        whole = maps[:, :, : maps.shape[2] // size * size, : maps.shape[3] // size * size]
        assert whole.max() < largest / 5, "what is read is far below"


@pytest.mark.parametrize("name", check.names())
def test_exercise_is_complete(name):
    exercise = check.exercise(name)
    assert len(exercise.hints) == 3 and all(len(hint) > 20 for hint in exercise.hints)
    assert len({p.name for p in exercise.properties}) == len(exercise.properties) >= 2
    assert exercise.solution.__name__ == name, "the printed solution bears the exercise's name"
    if any(name in exercises(module) for module in _chapters() if ".chapter" in module):
        assert all(text and len(text) < 500 for _label, text in exercise.contract.rows())
    exercise.run(exercise.solution, seed=0, strict=True)


def test_no_answer_is_listed_for_an_exercise_that_does_not_exist():
    listed = {row[0] for row in known.CORRECT} | {row[0] for row in known.WRONG}
    assert listed <= set(check.names())


# What a function may return by mistake, whatever the exercise asks for.
ODD = {
    "None": lambda: None,
    "text": lambda: "text",
    "empty text": lambda: "",
    "bytes": lambda: b"x",
    "object": object,
    "class": lambda: dict,
    "function": lambda: len,
    "module": lambda: nn.Linear(2, 2),
    "generator": lambda: iter([1, 2]),
    "True": lambda: True,
    "negative": lambda: -1,
    "huge": lambda: 10**30,
    "nan": lambda: float("nan"),
    "infinite": lambda: float("inf"),
    "complex": lambda: 1j,
    "empty list": list,
    "empty dict": dict,
    "set": lambda: {1, 2},
    "ragged": lambda: [1, [2]],
    "records": lambda: [{}],
    "long list": lambda: list(range(50)),
    "pair": lambda: (1, 2),
    "pair of None": lambda: (None, None),
    "list and dict": lambda: ([1], {"a": 1}),
    "array": lambda: np.array([1, 2]),
    "booleans": lambda: np.array([True, False]),
    "texts": lambda: np.array(["a"]),
    "tensor": lambda: torch.zeros(2, 3),
    "scalar tensor": lambda: torch.tensor(3.0),
    "complex tensor": lambda: torch.zeros(2, dtype=torch.complex64),
}


class Odd(nn.Module):
    """A network whose forward returns what `make` makes."""

    def __init__(self, make):
        super().__init__()
        self.layer, self.make = nn.Linear(2, 2), make

    def forward(self, *_arguments):
        return self.make()


@pytest.mark.parametrize("name", check.names())
def test_whatever_comes_back_is_answered_with_a_message(name):
    """Never an error of the check's own: each property alone, as the classroom tries them; and none of
    these passes them all.
    """
    exercise = check.exercise(name)
    networks = name in ("build_lenet", "trained_network")  # where what is returned is called again
    for what, make in ODD.items():
        forms = (lambda make=make: Odd(make), lambda make=make: lambda *_arguments, **_named: make())
        for made in (make, *(forms if networks or what in ("None", "pair") else ())):
            results = exercise.grade(lambda *_arguments, made=made, **_named: made(), seed=1)
            assert not all(result.passed for result in results), what
            assert all(result.passed or result.message for result in results), what
    assert not any(result.passed for result in exercise.grade(3, seed=1)), "a number is no function"


if __name__ == "__main__":
    stored = {name: {} for name in check.names()}
    for exercise, _key, _by, answer in known.WRONG:
        stored[exercise][answer.__name__] = alone(exercise, answer)
    VERDICTS.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")
