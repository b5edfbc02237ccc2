"""How strong the checks are: solutions altered by machine must be rejected, on every seed.

All mutants and 20 seeds run in `make proof`, a sample of both in `make test`. A mutant that
is as right as the solution stands in EQUIVALENT with the reason, and must pass.
"""

import mutants
import numpy as np
import pytest

from lenet_helpers.checks import Failed, check

NAMES = [name for name in check.names() if check.exercise(name).contract]
SEEDS = range(20)

_ORDER = "the two lines do not depend on each other"
_SAME_SUM = "a sum does not ask in which order it is taken"
_GRID = "still one number for every 2 %, and the best one among them"
_LEADING = "the axes in front are only cut and put together again"
EQUIVALENT = {
    "shared_gradient": {
        "4: torch.zeros(kh, kw, dtype=image.dtype) -> torch.zeros(kh, kw)": "the dtype is not asked for",
    },
    "cross_correlate": {
        "2: h, w = image.shape one line later": _ORDER,
        "4: torch.zeros -> torch.ones": "every cell is written",
    },
    "diagonal_detector": {
        "2: torch.tensor([[2.0, -1.0, -1.0], [-1.0, 2.0, -1.0], [-1.0, -1.0, 2.0]]) -> "
        "[[2.0, -1.0, -1.0], [-1.0, 2.0, -1.0], [-1.0, -1.0, 2.0]]": "nested lists are allowed",
        "rounded": "its numbers are whole",
    },
    "fair_count": {"3: dense_parameters = (n * n + 1) * outputs one line later": _ORDER},
    "conv_parameters": {"2: weights = n_out * n_in * k * k one line later": _ORDER},
    "max_pool": {
        "4: maps.new_zeros -> maps.new_ones": "every cell is written",
        "8: (2, 3) -> (3, 2)": "the largest of the same numbers",
    },
    "c3_parameters": {"lists are sorted first": _SAME_SUM, "lists are taken backwards": _SAME_SUM},
    "build_lenet": {
        f"{line} one line later": _ORDER
        for line in (
            "5: self.conv1 = nn.Conv2d(1, 6, kernel_size=5)",
            "6: self.conv2 = nn.Conv2d(6, 16, kernel_size=5)",
            "7: self.fc1 = nn.Linear(16 * 4 * 4, 120)",
            "8: self.fc2 = nn.Linear(120, 84)",
        )
    },
    "flaws": {"2: {'A', 'C', 'D', 'E', 'F'} -> {'F', 'E', 'D', 'C', 'A'}": "the same set"},
    "flatten_size": {"3: (side - 4) // 2 -> (side - 4) / 2": "half a pixel never completes a window"},
    "split_statistics": {
        "3: pixels.mean().item() -> pixels.mean()": "a tensor of one number is a number",
        "3: pixels.std().item() -> pixels.std()": "a tensor of one number is a number",
    },
    "training_loop": {
        "10: model.eval() one line later": _ORDER,
        "6: loss = F.cross_entropy(model(images), labels) one line later": "cleared before backward()",
        "14: correct += (model(images).argmax(1) == labels).sum().item() one line later": _ORDER,
        "14: (model(images).argmax(1) == labels).sum().item() -> "
        "(model(images).argmax(1) == labels).sum()": "a tensor of one number is a number",
    },
    "fit_one_batch": {
        "2: model.train() one line later": _ORDER,
        "5: loss = F.cross_entropy(model(images), labels) one line later": "cleared before backward()",
        "8: optimizer.step() one line later": _ORDER,
    },
    "bootstrap": {
        "2: seeds, images = difference.shape one line later": _ORDER,
        "5: rows = rng.integers(seeds, size=seeds) one line later": _ORDER,
    },
    "verdict": {
        "2: t = {3: 4.3, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26} "
        "one line later": _ORDER,
        "8: differences.mean() > 0 -> differences.mean() >= 0": "a mean of 0 is undecided before",
        "8: differences.mean -> differences.sum": "only the sign is asked",
    },
    "winner": {
        "lists are sorted first": "the order of runs plays no part",
        "lists are taken backwards": "the order of runs plays no part",
    },
    "keep_best": {
        "2: 1.0 -> 2.0": "accuracies are above 0, and -2 is as far below",
        "2: 1.0 -> 0.5": "accuracies are above 0, and -0.5 is below",
        "5: best = validation one line later": _ORDER,
    },
    "stop_epoch": {
        "2: 0 -> 1": "the first loss is below infinity and sets the waiting to 0",
        "2: 0 -> -1": "the first loss is below infinity and sets the waiting to 0",
        "8: waited == patience -> waited >= patience": "the waiting grows by 1 and cannot jump over patience",
    },
    "shift_images": {"2: height, width = images.shape[2:] one line later": _ORDER},
    "calibration_error": {
        "2: place = np.ceil(confidence * bins) one line later": _ORDER,
        "6: confidence[here].mean() - correct[here].mean() -> "
        "correct[here].mean() - confidence[here].mean()": "only the size of the gap is used",
    },
    "convolve_backward": {
        "9: grad_weight = np.tensordot(grad, windows, axes=((0, 2, 3), (0, 4, 5))) one line later": _ORDER,
        "12: padded = np.pad(grad, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1))) "
        "one line later": _ORDER,
        "13: weight[:, :, ::-1, ::-1].swapaxes(0, 1) -> "
        "weight[:, :, ::-1, ::-1].swapaxes(1, 0)": "two axes are exchanged either way",
        "14: (0, 2, 3) -> (3, 2, 0)": _SAME_SUM,
    },
    "max_pool_backward": {
        "6: n, c, rows, columns = grad.shape one line later": _ORDER,
        "7: winner = cut(maps, size).argmax(axis=-1)[..., None] one line later": _ORDER,
        "10: tiles = tiles.reshape(n, c, rows, columns, size, size).swapaxes(3, 4) one line later": _ORDER,
        "10: tiles.reshape(n, c, rows, columns, size, size).swapaxes(3, 4) -> "
        "tiles.reshape(n, c, rows, columns, size, size).swapaxes(4, 3)": "two axes are exchanged either way",
        "10: tiles.reshape(n, c, rows, columns, size, size) -> "
        "tiles.reshape(c, n, rows, columns, size, size)": _LEADING,
        "10: tiles.reshape(n, c, rows, columns, size, size) -> "
        "tiles.reshape(n, rows, c, columns, size, size)": _LEADING,
    },
    "temperature": {
        "2: logits, labels = (torch.from_numpy(logits), torch.from_numpy(labels)) one line later": _ORDER,
        "7: np.geomspace(0.05, 20, 600) -> np.geomspace(20, 0.05, 600)": "the same numbers",
        "7: 0.05 -> 0.025": _GRID,
        "7: 20 -> 21": _GRID,
        "7: 20 -> 19": _GRID,
        "7: 20 -> 40": _GRID,
        "7: 600 -> 601": _GRID,
        "7: 600 -> 599": _GRID,
        "7: 600 -> 1200": _GRID,
    },
    "gradient_check": {
        "5: up[position] += step one line later": _ORDER,
        "9: gap.max() <= 0.001 * abs(measured).max() -> "
        "gap.max() < 0.001 * abs(measured).max()": "no gap is a thousandth to the last digit",
        "2: 1e-05 -> 5e-06": "as good a step",
        "2: 1e-05 -> -1e-05": "one step up and one down, in the other order",
        "8: gradient - measured -> measured - gradient": "only the size of the gap is used",
        "9: gap.max -> gap.sum": "entries that are right add next to nothing",
        "9: 0.001 -> 0.0005": "the contract leaves a wide gap between right and wrong entries",
    },
}


def key_of(exercise, answer, seed):
    """The key of the failure, or None where the answer passes."""
    try:
        exercise.run(answer, seed=seed, strict=True)
    except Failed as failure:
        return failure.key
    return None


def survivors(name, chosen, seeds):
    exercise = check.exercise(name)
    return {m.name: s for m in chosen for s in seeds if key_of(exercise, m.function, s) is None}


def told_apart(name):
    """(mutants that must be rejected, those that are as right as the solution)."""
    every, equivalent = mutants.mutants(check.exercise(name)), EQUIVALENT.get(name, {})
    right = [m for m in every if m.name in equivalent]
    assert len(right) == len(equivalent), "an equivalent mutant is listed that there is no more"
    return [m for m in every if m.name not in equivalent], right


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_of_altered_solutions_is_rejected(name):
    wrong, right = told_apart(name)
    rng = np.random.default_rng(list(name.encode()))
    chosen = [wrong[i] for i in rng.permutation(len(wrong))[:12]]
    assert survivors(name, chosen, (int(rng.integers(1000)),)) == {}
    for mutant in right:
        assert key_of(check.exercise(name), mutant.function, 3) is None, mutant.name


@pytest.mark.proof
@pytest.mark.parametrize("name", NAMES)
def test_every_altered_solution_is_rejected_on_every_seed(name):
    assert survivors(name, told_apart(name)[0], SEEDS) == {}


# Keys that say what came back, or which property broke, without naming a mistake.
NEUTRAL = {"raised", "returned-none", "out-of-time", "not-started", "in-place", "not-run", "window-stored"}


def _neutral(exercise):
    return NEUTRAL | {each.name for each in exercise.properties}


@pytest.mark.proof
@pytest.mark.parametrize("name", NAMES)
def test_a_message_names_a_mistake_that_was_made(name):
    """Two edits at once: what is named then is named for one of them alone too, or nothing is named. A few
    may differ: together, two edits can make that other mistake, and alone an edit may only raise an error.
    """
    exercise, rng = check.exercise(name), np.random.default_rng(7)
    pairs, others = mutants.pairs(exercise.solution, 60, rng), []
    for one, other, both in pairs:
        for seed in range(2):
            key = key_of(exercise, both.function, seed)
            if key is None or key in _neutral(exercise) or key.startswith("not-a"):
                continue
            alone = {key_of(exercise, m.function, s) for m in (one, other) for s in range(4)}
            if key not in alone:
                others.append((both.name, key, alone))
                break
    assert len(others) <= max(1, len(pairs) / 20), others


def test_the_engine_makes_what_it_says():
    def solution(n, k):
        total = 0
        for i in range(n):
            total += i * k
        return total - 1

    names = {m.name for m in mutants.edited(solution)}
    for name in (
        "2: 0 -> 1",
        "4: i * k -> i + k",
        "5: total - 1 -> 1 - total",
        "4: total += i * k dropped",
        "4: total += i * k without its sum",
        "3: for i in range(n): once",
    ):
        assert name in names, names
    made = {m.name: m.function for m in mutants.edited(solution)}
    assert made["2: 0 -> 1"](4, 3) == 18 and made["5: total - 1 -> 1 - total"](4, 3) == -17
