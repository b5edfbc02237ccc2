"""The machinery of the checks: what counts as an answer, and what learners are told."""

import ast
import contextlib
import inspect
import random
import re
import subprocess
import sys
import threading
import time
import warnings

import nbformat
import numpy as np
import pytest
import torch

from lenet_helpers.checks import (
    Exercise,
    Failed,
    NotStarted,
    Trial,
    agree,
    chapter4,
    check,
    judge,
    points,
    stopwatch,
)
from lenet_helpers.checks.chapter1_counting import moves_along, output_size, still_matches
from lenet_helpers.checks.errors import in_own_terms
from lenet_helpers.checks.surroundings import known_surroundings
from lenet_helpers.checks.values import (
    NUMBER,
    TEXT,
    TRUTH,
    WHOLE,
    describe,
    difference,
    plain,
    sequence,
)
from lenet_helpers.checks.wrapping import wrap
from lenet_helpers.quizzes import progress
from tools import notebooks


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("LENET_PROGRESS", str(tmp_path / "progress.json"))


def double(x):
    return 2 * x


DOUBLE = Exercise("double", solution=double, hints=("one", "two", "three"), time_limit=0.5)


@DOUBLE.property("doubles", "every number is doubled")
def doubles(candidate, rng):
    x = torch.from_numpy(rng.normal(size=(2, 3)))
    trial = Trial(candidate, x)
    if not agree(trial.array(), 2 * x.numpy()):
        trial.fail("not-doubled", look="f(1)")


@DOUBLE.property("numbers", "it works for plain numbers")
def numbers(candidate, rng):
    trial = Trial(candidate, 3)
    if trial.result != 6:
        trial.fail("numbers", look="f(3)")


def key_of(candidate, **options):
    with pytest.raises(Failed) as caught:
        DOUBLE.run(candidate, **options)
    return caught.value.key


class Everything:
    """Equal to everything, and true in every comparison."""

    shape, dtype, ndim = (2, 3), torch.float64, 2

    def __eq__(self, other):
        return True

    __le__ = __ge__ = __lt__ = __gt__ = __eq__

    def __array__(self, *args, **kwargs):
        return np.zeros((2, 3))


class LazyArray(np.ndarray):
    def __sub__(self, other):
        return np.zeros(self.shape)


class AlwaysEqual(torch.Tensor):
    def __eq__(self, other):
        return True


@pytest.mark.parametrize(
    "cheat",
    [
        lambda x: Everything(),
        lambda x: np.zeros((2, 3)).view(LazyArray),
        lambda x: np.full((2, 3), Everything(), dtype=object),
        lambda x: torch.zeros(2, 3).as_subclass(AlwaysEqual),
        lambda x: [[0.0] * 3, [0.0] * 2],
        lambda x: "yes",
        lambda x: True,
    ],
)
def test_objects_that_only_look_equal_are_rejected(cheat):
    assert key_of(cheat) == "wrong-type"


def test_not_a_number_agrees_with_nothing():
    assert key_of(lambda x: x * float("nan")) == "not-doubled"
    assert key_of(lambda x: x * float("inf")) == "not-doubled"
    assert not agree(np.array([np.nan]), np.array([np.nan]))


def test_patched_comparisons_do_not_help(monkeypatch):
    def yes(*args, **kwargs):
        return True

    for module, name in (
        (torch, "allclose"),
        (torch, "equal"),
        (np, "allclose"),
        (np, "array_equal"),
        (torch.Tensor, "allclose"),
        (torch.Tensor, "equal"),
        (np, "isclose"),
        (np, "all"),
    ):
        monkeypatch.setattr(module, name, yes)
    monkeypatch.setattr(torch.Tensor, "__eq__", yes)
    monkeypatch.setattr(torch.Tensor, "numpy", lambda self: np.zeros((2, 3)))
    assert key_of(lambda x: x) == "not-doubled"
    monkeypatch.undo()
    DOUBLE.run(double)


def test_patched_conv2d_is_not_the_reference(monkeypatch):
    monkeypatch.setattr(torch.nn.functional, "conv2d", lambda *a, **k: torch.zeros(1, 1, 1, 1))
    check.cross_correlate(check.exercise("cross_correlate").solution)


def test_one_none_and_errors():
    assert key_of(lambda x: None) == "returned-none"
    assert key_of(lambda x: 1 / 0) == "raised"
    assert key_of(lambda x: sys.exit(0)) == "raised"
    assert key_of("double") == "not-a-function"
    assert key_of(lambda x: x.mul_(2)) == "in-place"
    assert key_of(lambda x: x * 2 if isinstance(x, torch.Tensor) else 7) == "numbers"


def test_messages_say_what_was_tried_and_where_to_look():
    with pytest.raises(AssertionError) as caught:
        DOUBLE.run(lambda x: x, seed=7)
    text = str(caught.value)
    for part in ("double", "every number is doubled", "2×3 float64", "f(1)", "seed=7"):
        assert part in text
    shown = caught.value._render_traceback_()
    assert (
        shown[0].startswith("✗ double")
        and max(len(line) for part in shown for line in part.split("\n")) <= 96
    )
    assert " ".join(" ".join(shown).split()) == " ".join(("✗ " + text).split())


def test_a_seed_repeats_the_inputs_and_no_seed_draws_fresh_ones():
    seen = []
    for seed in (1, 1, 2, None, None):
        DOUBLE.run(lambda x: seen.append(x) or 2 * x, seed=seed, only="doubles")
    assert torch.equal(seen[0], seen[1])
    assert len({float(x[0, 0]) for x in seen}) == 4
    state = np.random.get_state()[1].copy(), torch.get_rng_state()
    DOUBLE.run(double)
    assert (np.random.get_state()[1] == state[0]).all() and torch.equal(torch.get_rng_state(), state[1])


def test_an_untouched_stub_is_not_started_but_a_missing_kernel_is_an_error(capsys):
    def stub(image, kernel):
        raise NotImplementedError("write me")

    check.cross_correlate(stub)
    assert "not started" in capsys.readouterr().out and progress.load() == {}
    with pytest.raises(NotStarted):
        DOUBLE.run(stub_one)
    assert key_of(stub_one, strict=True) == "not-started"
    assert [r.passed for r in DOUBLE.grade(stub_one)] == [False, False]
    bits = torch.zeros(2, dtype=torch.float64)
    assert key_of(lambda x: bits << 1) == "raised", (
        "torch raises NotImplementedError for an operation it lacks"
    )


def stub_one(x):
    raise NotImplementedError


def test_properties_can_be_run_and_graded_one_by_one():
    def half_right(x):
        return 2 * x if isinstance(x, torch.Tensor) else 0

    DOUBLE.run(half_right, only="doubles")
    assert key_of(half_right, only="numbers") == "numbers"
    assert [(r.property, r.passed, r.key) for r in DOUBLE.grade(half_right, seed=1)] == [
        ("doubles", True, None),
        ("numbers", False, "numbers"),
    ]
    with pytest.raises(ValueError, match="doubles, numbers"):
        DOUBLE.run(double, only="speed")


def endless(x):
    while True:
        try:
            time.perf_counter()
        except Exception:
            pass


WORTH = {"plain": 4, "padding": 3, "stride": 2.5}


@pytest.mark.parametrize("seeds", [(), (3, 4)])
def test_a_part_earns_its_points_or_nothing(capsys, seeds):
    def forgets_the_stride(n, k, p=0, s=1, d=1):
        return output_size(n, k, p)

    earned = points.points("output_size", forgets_the_stride, WORTH, seeds=seeds)
    assert (earned, earned.undecided, repr(earned)) == (7, "", "7.0")
    rows = capsys.readouterr().out.splitlines()
    assert [row[:10] for row in rows[:3]] == ["✓ 4 of 4 w", "✓ 3 of 3 p", "✗ 0 of 2.5"]
    assert rows[-1] == "output_size: 7 of 9.5 points"
    assert any("seed=" in row for row in rows) != bool(seeds), "a hidden test's seed is not told"
    assert points.points("output_size", output_size, WORTH, seeds=seeds) == 9.5
    with pytest.raises(ValueError, match="no property 'speed': choose one of plain, padding, stride"):
        points.points("output_size", output_size, {"speed": 1})


def test_every_round_must_hold():
    seen = []

    def right_once(n, k, p=0, s=1, d=1):
        seen.append(n)
        return output_size(n, k, p, s, d) + (len(seen) > 11)  # a round has eleven cases

    assert points.points("output_size", right_once, {"plain": 4}, seeds=(1,)) == 4
    assert points.points("output_size", right_once, {"plain": 4}, seeds=(1, 2)) == 0


def test_an_answer_without_end_is_tried_once_and_left_to_a_human(monkeypatch, capsys):
    monkeypatch.setattr(check.exercise("output_size"), "time_limit", 0.2)

    def never(*_arguments):
        while True:
            pass

    earned = points.points("output_size", never, WORTH, seeds=(1,))
    assert (earned, earned.undecided) == (0, "output_size did not end in time")
    assert capsys.readouterr().out.count("✗ 0 of ") == 1, "the other parts are not tried"


def test_a_stub_earns_nothing_or_stops_the_notebook(monkeypatch, capsys):
    def stub(*_arguments):
        raise NotImplementedError

    with pytest.raises(points.Unfinished, match="output_size is not started") as caught:
        points.points("output_size", stub, WORTH)
    assert caught.value._render_traceback_() == [f"✋ {caught.value}"]
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert points.points("output_size", stub, WORTH) == 0
    assert "0 of 9.5 points" in capsys.readouterr().out


def test_endless_loops_are_stopped():
    start = time.process_time()
    assert key_of(endless) == "out-of-time"
    assert time.process_time() - start < 5


def test_without_a_timer_the_stop_button_is_named_once(capsys, monkeypatch):
    monkeypatch.setattr(stopwatch, "_said", False)

    def run():
        for _time in range(2):
            DOUBLE.run(double)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert capsys.readouterr().out.count("Stop") == 1


def test_warnings_fail_nobody_and_stay_off_stderr(capsys):
    def warns(x):
        warnings.warn("careful", UserWarning, stacklevel=1)
        return 2 * x

    DOUBLE.run(warns)
    assert capsys.readouterr().err == ""


def test_passing_prints_one_line_returns_nothing_and_is_remembered(capsys):
    solution = check.exercise("output_size").solution
    assert check.output_size(solution, record=False) is None
    assert progress.load() == {}
    capsys.readouterr()
    check.output_size(solution)
    assert capsys.readouterr().out.count("\n") == 1
    assert progress.get("exercises") == {"output_size": True}


def test_hints_come_one_after_the_other_and_solutions_are_printed(capsys):
    fresh = type(check)()
    for _turn in range(4):
        fresh.hint("output_size")
    out = capsys.readouterr().out
    assert [out.count(f"Hint {n} of 3") for n in (1, 2, 3)] == [1, 1, 2]
    fresh.hint("output_size", 1)
    assert "Hint 1" in capsys.readouterr().out
    with pytest.raises(ValueError, match="1 to 3"):
        fresh.hint("output_size", 4)
    fresh.solution("output_size")
    printed = capsys.readouterr().out
    assert printed.startswith("def output_size(")
    names = {"np": np, "torch": torch}
    exec(printed, names)
    check.exercise("output_size").run(names["output_size"])


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(AttributeError, match="cross_correlate"):
        check.cross_corelate  # noqa: B018
    with pytest.raises(ValueError, match="output_size"):
        check.hint("outputsize")
    assert not hasattr(check, "_ipython_display_")
    assert "output_size" in dir(check)


def test_plain_copies_are_copies():
    x = torch.ones(2, requires_grad=True)
    copy = plain(x)
    copy[0] = 5
    assert float(x[0].detach()) == 1 and copy.dtype == np.float64
    assert plain(np.float32(2)) == 2 and plain(3) == 3
    assert plain(1j) is None and plain(torch.ones(1) * 1j) is None and plain(True) is None


def test_references_of_chapter_1_against_torch():
    for args in ((28, 5, 0, 1, 1), (28, 5, 2, 1, 1), (7, 3, 1, 2, 1), (20, 3, 2, 3, 4)):
        n, k, p, s, d = args
        wanted = torch.nn.functional.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, k), None, s, p, d).shape[
            2
        ]
        assert output_size(*args) == wanted
    rng = np.random.default_rng(0)
    for pool in (2, 3):
        for dx in range(-4, 7):
            for dy in range(-4, 7):
                assert moves_along(rng, dx, dy, pool) == still_matches(dx, dy, pool)


def test_the_package_itself_needs_no_widgets():
    code = (
        "import sys, lenet_helpers; from lenet_helpers import check, quizzes; check.names();"
        "sys.exit('ipywidgets' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Process-wide settings: known while a check runs, then as they were -----------------------


class Shouting(torch.overrides.TorchFunctionMode):
    """A function mode that breaks every sum."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if getattr(function, "__name__", "") in ("sum", "mean", "zeros"):
            raise RuntimeError("a mode of an earlier cell")
        return function(*args, **(kwargs or {}))


@contextlib.contextmanager
def set_and_undone(setting):
    """One process-wide setting as an earlier cell may have left it; undone after the block."""
    change, undo = SETTINGS[setting]
    change()
    try:
        yield
    finally:
        undo()


_modes = contextlib.ExitStack()
SETTINGS = {
    "gradients off": (lambda: torch.set_grad_enabled(False), lambda: torch.set_grad_enabled(True)),
    "float64 by default": (
        lambda: torch.set_default_dtype(torch.float64),
        lambda: torch.set_default_dtype(torch.float32),
    ),
    "float16 by default": (
        lambda: torch.set_default_dtype(torch.float16),
        lambda: torch.set_default_dtype(torch.float32),
    ),
    "meta device by default": (
        lambda: torch.set_default_device("meta"),
        lambda: torch.set_default_device(None),
    ),
    "deterministic algorithms": (
        lambda: torch._C._set_deterministic_algorithms(True),
        lambda: torch._C._set_deterministic_algorithms(False),
    ),
    "three threads": (lambda: torch.set_num_threads(3), lambda: torch.set_num_threads(1)),
    "autocast": (
        lambda: torch.set_autocast_enabled("cpu", True),
        lambda: torch.set_autocast_enabled("cpu", False),
    ),
    "products in bfloat16": (
        lambda: torch.set_float32_matmul_precision("medium"),
        lambda: torch.set_float32_matmul_precision("highest"),
    ),
    "anomaly detection": (
        lambda: torch.autograd.set_detect_anomaly(True),
        lambda: torch.autograd.set_detect_anomaly(False),
    ),
    "numpy raises": (lambda: np.seterr(all="raise"), lambda: np.seterr(all="warn")),
    "warnings are errors": (lambda: warnings.simplefilter("error"), warnings.resetwarnings),
    "a device's context": (
        lambda: _modes.enter_context(torch.device("meta")),
        _modes.close,
    ),
    "a function mode": (lambda: _modes.enter_context(Shouting()), _modes.close),
    "inference mode": (lambda: _modes.enter_context(torch.inference_mode()), _modes.close),
}


def surroundings():
    """Everything of SETTINGS that can be read."""
    return (
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
        str(torch.get_default_device()),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_num_threads(),
        torch.is_autocast_enabled("cpu"),
        torch.is_anomaly_enabled(),
        torch.is_inference_mode_enabled(),
        len(torch.overrides._get_current_function_mode_stack()),
        tuple(np.geterr().items()),
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),
        random.getstate(),
        list(warnings.filters),
    )


QUICK = (
    "cross_correlate",
    "output_size",
    "max_pool",
    "build_lenet",
    "split_statistics",
    "training_loop",
    "prepare",
)


@pytest.mark.parametrize("setting", SETTINGS)
def test_right_answers_stay_right_and_nothing_is_changed(setting):
    names = [n for n in check.names() if check.exercise(n).contract] if "default" in setting else QUICK
    for name in names:
        exercise = check.exercise(name)
        with warnings.catch_warnings(), set_and_undone(setting):
            before = surroundings()
            exercise.run(exercise.solution, seed=5)
            assert surroundings() == before, name


@pytest.mark.parametrize("setting", [s for s in SETTINGS if "mode" not in s and "context" not in s])
def test_an_answer_leaves_nothing_changed(setting):
    change, undo = SETTINGS[setting]

    def meddles(x):
        result = x * 2
        change()
        torch.manual_seed(3)
        np.random.seed(3)
        random.seed(3)
        return result

    with warnings.catch_warnings():
        before = surroundings()
        try:
            DOUBLE.run(meddles, seed=1)  # the second property comes after the first call has meddled
            assert surroundings() == before
            with pytest.raises(Failed):
                DOUBLE.run(lambda x: change(), seed=1)
            assert surroundings() == before
            with pytest.raises(ZeroDivisionError), known_surroundings():
                change()
                1 / 0  # noqa: B018
            assert surroundings() == before
        finally:
            undo()


def test_the_check_draws_the_same_whatever_came_before():
    seen = []
    for n in (0, 7):
        torch.manual_seed(n)
        DOUBLE.run(lambda x: seen.append(torch.rand(1)) or 2 * x, seed=3, only="doubles")
    assert seen[0] == seen[1]


# Contracts and numbers in messages --------------------------------------------------------


def message(name, answer, seed=1):
    with pytest.raises(Failed) as caught:
        check.exercise(name).run(answer, seed=seed)
    return caught.value


def test_an_untouched_exercise_prints_its_contract(capsys):
    def stub(*_arguments):
        raise NotImplementedError

    for name in check.names():
        contract = check.exercise(name).contract
        if contract:
            getattr(check, name)(stub)
            printed = " ".join(capsys.readouterr().out.split())
            assert printed.startswith(f"{name}: not started Takes: ")
            for part in (contract.takes, contract.gives, contract.keeps, contract.may):
                assert " ".join(part.split()) in printed, name
    check.contract("max_pool")
    assert "largest value of each" in capsys.readouterr().out


def test_failures_show_numbers_and_quote_the_contract():
    def padded(image, kernel):
        return torch.zeros(7, 7, dtype=image.dtype)

    failure = message("cross_correlate", padded)
    assert re.search(r"expected \d×\d, got 7×7", failure.got)
    assert check.exercise("cross_correlate").contract.gives in str(failure)

    def one_wrong_cell(image, kernel):
        result = torch.nn.functional.conv2d(image[None, None], kernel[None, None])[0, 0]
        result[1, 2] += 1
        return result

    failure = message("cross_correlate", one_wrong_cell)
    found = re.search(r"row 1, column 2: expected (\S+), got (\S+) \(1 of \d+ cells differ\)", failure.got)
    assert float(found[2]) - float(found[1]) == pytest.approx(1, abs=1e-4)
    assert "expected 5.0, got 33.0" in difference(33.0, 5.0)
    assert describe(33.0) == "33.0" and describe(33) == "33" and describe(np.float32(33)) == "33.0"
    assert describe(torch.tensor(True)) == "tensor(True)" and describe(torch.tensor(33.0)) == "tensor(33.0)"
    assert describe(np.bool_(True)) == "np.True_" and describe(-0.5) == "-0.5" and describe(1e300) == "1e+300"


def test_a_window_stored_where_a_number_belongs_has_its_own_sentence():
    for make in (torch.zeros, lambda *size, dtype: np.zeros(size)):

        def forgets_sum(image, kernel, make=make):
            (h, w), (kh, kw) = image.shape, kernel.shape
            result = make(h - kh + 1, w - kw + 1, dtype=image.dtype)
            for r in range(h - kh + 1):
                for c in range(w - kw + 1):
                    result[r, c] = image[r : r + kh, c : c + kw] * kernel
            return result

        failure = message("cross_correlate", forgets_sum)
        assert failure.key == "window-stored" and "where one number belongs" in failure.got


@pytest.mark.parametrize(
    "action, told",
    [
        (lambda: torch.nn.Linear(256, 120)(torch.zeros(3, 400)), "takes 256 numbers was given 400"),
        (lambda: torch.zeros(3, 16, 4, 4).view(64, 256), "768 numbers cannot be arranged as (64, 256)"),
        (lambda: torch.nn.Conv2d(1, 6, 5)(torch.zeros(2, 3, 8, 8)), "reads 1 channels was given 3"),
        (
            lambda: torch.nn.Conv2d(1, 6, 5)(torch.zeros(2, 1, 3, 3)),
            "kernel of 5 × 5 does not fit into maps of 3 × 3",
        ),
        (lambda: torch.zeros(2, 3) * torch.zeros(4, 3), "2 against 4"),
        (lambda: np.zeros((2, 3)) * np.zeros((4, 3)), "(2,3) against (4,3)"),
        (lambda: torch.zeros(3)[5], "index 5 was asked for on axis 0, which has 3 places"),
        (
            lambda: torch.zeros(3, 3).__setitem__(0, torch.ones(4)),
            "shape (4) were stored in a place of shape (3)",
        ),
        (
            lambda: torch.nn.functional.cross_entropy(torch.zeros(3, 9), torch.zeros(4, dtype=torch.long)),
            "3 predictions met 4 labels",
        ),
    ],
)
def test_torchs_errors_are_told_in_the_answers_terms(action, told):
    with pytest.raises(Exception) as caught:
        action()
    assert told.replace("channels", "maps") in in_own_terms(caught.value)[1]
    failure = None
    with pytest.raises(Failed) as caught:
        DOUBLE.run(lambda x: action())
    failure = caught.value
    assert told.replace("channels", "maps") in failure.got and "<lambda>" in failure.got


def test_lists_and_dicts_changed_in_place_are_noticed():
    for argument in ([1, 2], {"a": [1]}, [{"a": torch.ones(2)}], np.ones(3), torch.ones(2, 3).T):

        def spoils(x):
            if isinstance(x, dict):
                x["a"].append(2)
            elif isinstance(x, list):
                x[0] = {"a": torch.zeros(2)}
            else:
                x[0] = 5
            return 1

        with pytest.raises(Failed) as caught:
            Trial(spoils, argument)
        assert caught.value.key == "in-place"
        Trial(lambda x: 1, argument)


def test_arguments_keep_their_memory_layout():
    x = torch.arange(24.0).reshape(4, 6)
    for view in (x.T, x[1:, 2:], x[:, ::2]):
        seen = []
        Trial(lambda y, seen=seen: seen.append(y) or 1, view)
        assert seen[0].stride() == view.stride() and torch.equal(seen[0], view) and seen[0] is not view


def test_a_mistake_is_named_only_where_it_explains_everything():
    mistakes = [
        ("plus-one", lambda n: n + 1, "one"),
        ("doubled", lambda n: 2 * n, "two"),
        ("also-one", lambda n: n + 1 if n < 5 else 0, "three"),
    ]

    def key(answer, cases, **how):
        with pytest.raises(Failed) as caught:
            judge(answer, cases, lambda n: n, mistakes, kind=WHOLE, look="here", **how)
        return caught.value.key, caught.value.got

    assert key(lambda n: n + 1, [(3,), (7,)])[0] == "plus-one"
    assert key(lambda n: n + 1, [(3,), (4,)])[0] is None, "two mistakes explain it"
    assert key(lambda n: n + 1, [(3,)], more=lambda: (9,))[0] == "plus-one", "a further case decides"
    assert key(lambda n: 2 * n if n < 9 else n, [(3,)], more=lambda: (9,))[0] is None, (
        "a further case denies it"
    )
    assert key(lambda n: n + 7, [(3,)]) == (None, "expected 3, got 10")
    raises = key(lambda n: 2 * n if n < 9 else 1 // 0, [(3,), (9,)])
    assert raises == (None, "expected 3, got 6"), "wrong before it raised, but one answer proves nothing"
    some = [(n,) for n in range(1, 10)]
    assert key(lambda n: 2 * n if n < 9 else 1 // 0, some)[0] == "doubled"
    judge(lambda n: float(n), [(3,)], lambda n: n, mistakes, kind=WHOLE, look="here")


def test_every_kind_of_number_counts():
    for value in (
        12,
        12.0,
        np.float64(12),
        np.int8(12),
        np.array([12]),
        torch.tensor(12),
        torch.tensor([12.0]),
    ):
        assert WHOLE.convert(value) == 12 and NUMBER.convert(value) == 12.0
    for value in (12.5, "12", True, None, float("nan"), float("inf"), [1, 2], np.bool_(True)):
        assert WHOLE.convert(value) is None
    for value in (True, np.bool_(True), torch.tensor(True), np.array(True)):
        assert TRUTH.convert(value) is True
    for value in (1, "True", torch.tensor(1), None, [True]):
        assert TRUTH.convert(value) is None
    for value in ("a", np.str_("a"), np.array("a")):
        assert TEXT.convert(value) == "a" and type(TEXT.convert(value)) is str
    pair = sequence(2, "key", "look")
    for value in (
        (1, 2),
        [1, 2.0],
        np.array([1, 2]),
        torch.tensor([1.0, 2.0]),
        (torch.tensor(1), np.float32(2)),
    ):
        assert pair.convert(value) == [1.0, 2.0]
    for value in ((1,), {1, 2}, "12", 3, torch.zeros(2, 2)):
        assert pair.convert(value) is None


def test_a_shape_that_two_mistakes_lead_to_names_neither():
    def key(mistakes):
        with pytest.raises(Failed) as caught:
            Trial(lambda: 0).judge_shape((3, 2), (2, 3), mistakes, look="both sizes")
        return caught.value.key, caught.value.look

    swapped, again, other = (
        ("swapped", (3, 2), "order"),
        ("swapped", (3, 2), "later"),
        ("cut", (3, 2), "edge"),
    )
    assert key([swapped]) == key([swapped, again]) == ("swapped", "order"), "its first hint"
    assert key([swapped, other]) == key([("cut", (2, 2), "edge")]) == (None, "both sizes")
    Trial(lambda: 0).judge_shape((2, 3), (2, 3), [], look="")


def test_of_one_mistakes_hints_the_first_is_told_and_six_answers_prove_it():
    doubled = [("doubled", lambda n: 2 * n, "first"), ("doubled", lambda n: n + n, "second")]

    def told(right_until, n):
        with pytest.raises(Failed) as caught:
            judge(
                lambda n: 2 * n if n <= right_until else 1 // 0,
                [(i,) for i in range(1, n + 1)], lambda n: n, doubled, kind=WHOLE, look="here",
            )  # fmt: skip
        return caught.value.key, caught.value.look

    assert told(9, 9) == told(6, 9) == ("doubled", "first")
    assert told(5, 9) == (None, "here"), "too few answers before the error"


@pytest.mark.parametrize(
    "error, key",
    [
        (IndexError, "left-over"),
        (ValueError, "left-over"),
        (RuntimeError, "left-over"),
        (TypeError, "raised"),
    ],
)
def test_an_error_that_only_one_mistake_brings_about_is_named(error, key):
    def answer():
        raise error("x" * 300 + "\nmore")

    with pytest.raises(Failed) as caught:
        Trial(answer, on_error=("left-over", "the edge"))
    assert caught.value.key == key and (caught.value.look == "the edge") == (key == "left-over")
    line = answer.__code__.co_firstlineno + 1
    assert caught.value.got == f"{error.__name__}: {'x' * 200} (line {line}, in answer)"


def test_the_first_seed_is_told_too():
    with pytest.raises(Failed, match=re.escape("Same inputs again: check.double(..., seed=0)")):
        DOUBLE.run(lambda x: x, seed=0)
    seeds = []
    for _time in range(8):
        with pytest.raises(Failed) as caught:
            DOUBLE.run(lambda x: x)
        seeds.append(caught.value.seed)
    assert 10**5 <= max(seeds) < 10**6, "short enough to type, and enough of them"


def test_a_generator_is_told_as_one():
    def yields(x):
        yield 2 * x

    assert key_of(yields) == "not-run"
    assert key_of(lambda x: map(float, x)) == "not-run"


# One source for the solution in a chapter and the one that check.solution prints ----------------


def test_collapsed_solutions_are_the_checks_own():
    shown = set()
    for path in notebooks.chapters():
        for cell in nbformat.read(path, as_version=4).cells:
            for node in ast.parse(cell.source).body if cell.id.endswith("-solution") else ():
                name = getattr(node, "name", "").removeprefix("solved_").removesuffix("_solution")
                if isinstance(node, ast.FunctionDef) and name in check.names():
                    assert cell.source.startswith(f"# {notebooks.LABEL}\n") or "check.solution" in cell.source
                    own = ast.parse(inspect.getsource(check.exercise(name).solution)).body[0]
                    own.name = node.name
                    assert ast.dump(node) == ast.dump(own), f"python -m tools.notebooks solutions {path.name}"
                    shown.add(name)
    assert {"max_pool", "training_loop", "verdict"} <= shown


def test_solutions_are_written_into_their_cells_alone():
    source = (
        "x = 1\n\ndef solved_max_pool(maps):\n    return 3\n\ncheck.max_pool(solved_max_pool, record=False)"
    )
    cells = [
        nbformat.v4.new_code_cell(source, id="max-pool-solution"),
        nbformat.v4.new_code_cell(source, id="max-pool-other"),
        nbformat.v4.new_markdown_cell(source, id="words-solution"),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    for _again in range(2):
        notebooks.write_solutions(notebook)
        text = notebook.cells[0].source
        assert text.startswith("x = 1\n\n# Our solution\ndef solved_max_pool(maps, size=2):\n")
        assert text.endswith("    return result\n\ncheck.max_pool(solved_max_pool, record=False)")
        assert text.count("# Our solution") == 1
        assert [cell.source for cell in notebook.cells[1:]] == [source, source]


def test_a_map_that_only_happens_to_match_does_not_count():
    """Of one random map under windows of seven, all maxima stay inside their windows one time in fifty."""
    for seed in range(120):
        assert not moves_along(np.random.default_rng(seed), 7, 1, 7)
        assert moves_along(np.random.default_rng(seed), 7, -14, 7)
    for seed in range(90, 110):  # a right answer was refused with seeds 95 and 107
        assert all(
            result.passed for result in check.exercise("still_matches").grade(still_matches, seed=seed)
        )


def test_a_contest_is_as_clear_as_its_difference_in_units_of_its_error():
    """By hand: gains of 1, 2, 3 and 4 points have mean 2.5 and s.d. 1.29; t is 3.18 for four."""
    base = np.zeros((4, 100))
    gains = base.copy()
    for row, n in enumerate((1, 2, 3, 4)):
        gains[row, :n] = 1
    assert chapter4._ratio(gains, base) == pytest.approx(2.5 / (3.18 * 1.2909944 / 2))
    assert chapter4._ratio(base, gains) == chapter4._ratio(gains, base)


def test_a_call_is_told_by_its_arguments_or_in_the_words_it_was_given():
    assert Trial(lambda a, b: a, 1, 2.5).tried == "1, 2.5"
    assert Trial(lambda a, b: a, 1, 2.5, tried="a = 1").tried == "a = 1"


def test_lines_are_as_wide_as_they_are_seen():
    """A Chinese character takes two columns, an accent that is put on a letter none; lines of 88 at most."""
    assert wrap("卷积" * 6, 8) == ["卷积卷积"] * 3
    assert wrap("e\u0301e\u0301 ab", 5) == ["e\u0301e\u0301 ab"]
    assert wrap("a" * 43 + " " + "b" * 44, 88) == ["a" * 43 + " " + "b" * 44]


def test_fresh_inputs_are_of_a_million_and_each_property_sees_torch_seeded_anew(monkeypatch):
    asked, seeded = [], []

    def noted(seed):
        seeded.append(seed)
        return known_surroundings(seed)

    monkeypatch.setattr("secrets.randbelow", lambda most: asked.append(most) or len(asked))
    monkeypatch.setattr("lenet_helpers.checks.core.known_surroundings", noted)
    check.exercise("output_size").run(output_size, strict=True)
    points.points("output_size", output_size, WORTH)
    assert asked == [10**6, 10**6]
    assert len(seeded) >= 4 and len(set(seeded)) == len(seeded)


def test_a_hint_is_88_columns_wide_at_most(capsys, monkeypatch):
    text = "a" * 43 + " " + "b" * 27 + " end"  # with "Hint 1 of 3: " before it, 88 columns
    for hint, lines in ((text, 1), (text + "s", 2)):
        wide = Exercise("wide", solution=double, hints=(hint, "two", "three"))
        fresh = type(check)()
        monkeypatch.setattr(fresh, "exercise", lambda _name, wide=wide: wide)
        fresh.hint("wide", 1)
        assert len(capsys.readouterr().out.splitlines()) == lines
