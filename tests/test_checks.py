"""The machinery of the checks: what counts as an answer, and what learners are told."""

import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch

from lenet_helpers.checks import Exercise, Failed, NotStarted, Trial, agree, check
from lenet_helpers.checks.chapter1_counting import moves_along, output_size, still_matches
from lenet_helpers.checks.trial import plain
from lenet_helpers.quizzes import progress


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


def test_endless_loops_are_stopped():
    start = time.process_time()
    assert key_of(endless) == "out-of-time"
    assert time.process_time() - start < 5


def test_without_a_timer_the_stop_button_is_named_once(capsys):
    def run():
        for _time in range(2):
            DOUBLE.run(double)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert capsys.readouterr().out.count("Stop") <= 1


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
        fresh.hint("output_size", 9)
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
