"""Chapter 4: training with care: what touches validation, which weights to keep, when to stop."""

import numpy as np
import torch
from torch import nn

from ..wording import N_, _
from .core import Contract, Exercise
from .trial import Trial, agree, judge, plain
from .values import WHOLE, Kind


def prepare(train, validation, augment):
    mean, std = train.mean(), train.std()
    return (augment(train) - mean) / std, (validation - mean) / std


PREPARE = Exercise(
    "prepare",
    solution=prepare,
    hints=(
        N_(
            "Validation stands for digits nobody has seen: may it be changed at random, or lend its"
            " statistics?"
        ),
        N_(
            "Two numbers, both from the training images as given. One call of augment, on the training"
            " images."
        ),
        N_(
            "mean, std = train.mean(), train.std(); then augment(train) and validation, each minus mean, over"
            " std."
        ),
    ),
    contract=Contract(
        N_(
            "train and validation: float32 tensors (n, 1, h, w) with values in [0, 1]. augment: a function"
            " that takes images, by position, and gives changed ones of the same shape."
        ),
        N_(
            "two tensors or arrays, in this order: the training images, augmented once and then scaled, and"
            " the validation images, scaled only. Scaled means minus the mean, over the standard deviation"
            " (divisor n or n − 1), of the training images as given."
        ),
    ),
)


def _splits(rng, odd):
    """Dark training images, bright validation images: sizes odd or even, cut out of larger ones."""
    h, w = (2 * int(n) + odd for n in rng.choice(np.arange(4, 8), 2, replace=False))
    n, m = 2 * int(rng.integers(6, 10)) + odd, 2 * int(rng.integers(3, 6)) + odd
    train, validation = rng.uniform(0.0, 0.6, (n, 1, h + 2, w)), rng.uniform(0.3, 1.0, (m, 1, h + 2, w))
    return tuple(torch.from_numpy(images).float()[:, :, 1:-1] for images in (train, validation))


class _Darker:
    """An augmentation that anybody can recognise: mirrored and half as bright, at the next call less so."""

    def __init__(self):
        self.calls = 0

    def __call__(self, images):
        self.calls += 1
        return images.flip(-1) * (0.6 - 0.1 * self.calls)


def _two_arrays(value):
    parts = [plain(p) for p in value] if isinstance(value, (tuple, list)) and len(value) == 2 else [None]
    return None if any(p is None for p in parts) else parts


_TWO = Kind(
    _two_arrays, "not-a-pair", N_("what is returned: two tensors, the training and the validation images")
)


def _prepared(candidate, rng, i, known, look):
    """Judge result i of a trial; `known(train, validation, scaled)` gives the right array and the
    mistakes.
    """
    for odd in (0, 1):
        train, validation = _splits(rng, odd)
        tried = _("{n} dark training images, {m} bright validation images of {h}×{w}").format(
            n=len(train), m=len(validation), h=train.shape[2], w=train.shape[3]
        )
        trial = Trial(candidate, train, validation, _Darker(), tried=tried)
        parts = trial.returned(_TWO)
        shapes = [tuple(train.shape), tuple(validation.shape)]
        swapped = ("swapped", shapes[1 - i], _("the order of the two: the training images come first"))
        trial.judge_shape(parts[i].shape, shapes[i], [swapped], look=look)

        def scaled(images, of):
            return ((images - of.mean()) / of.std()).double().numpy()

        wanted, mistakes = known(train, validation, scaled)
        trial.judge(parts[i], wanted, mistakes, look=look, tolerance=2e-3)  # n or n - 1 as divisor


@PREPARE.property("validation", N_("validation images are only scaled, with the training statistics"))
def validation_is_left_alone(candidate, rng):
    def known(train, validation, scaled):
        both = torch.cat([train.flatten(), validation.flatten()])
        return scaled(validation, train), [
            (
                "augmented-validation",
                scaled(_Darker()(validation), train),
                _("what augment is called on: validation must stay as digits really are"),
            ),
            (
                "augmented-validation",
                scaled(validation.flip(-1) * 0.4, train),  # the second call of augment
                _("what augment is called on: validation must stay as digits really are"),
            ),
            (
                "own-statistics",
                scaled(validation, validation),
                _("whose mean and s.d. scale validation: the network was fed with the training ones"),
            ),
            (
                "statistics-from-both",
                scaled(validation, both),
                _("which images the statistics are made from: validation has leaked into them"),
            ),
            (
                "statistics-after",
                scaled(validation, _Darker()(train)),
                _("when the statistics are taken: from the training images as given"),
            ),
            (
                "variance",
                ((validation - train.mean()) / train.var()).double().numpy(),
                _("what is divided by: the standard deviation, not the variance"),
            ),
            ("not-scaled", validation.double().numpy(), _("whether validation is scaled at all")),
        ]

    _prepared(candidate, rng, 1, known, _("the second tensor, against (validation − mean) / std"))


@PREPARE.property("training", N_("training images are augmented once, then scaled"))
def training_is_augmented(candidate, rng):
    def known(train, validation, scaled):
        both = torch.cat([train.flatten(), validation.flatten()])
        moved, again = _Darker()(train), train.flip(-1) * 0.4
        return scaled(moved, train), [
            ("not-augmented", scaled(train, train), _("whether augment is called on the training images")),
            (
                "scaled-first",
                _Darker()(torch.from_numpy(scaled(train, train))).numpy(),
                _("the order: augment works on pixels in [0, 1], so it comes first"),
            ),
            (
                "statistics-after",
                scaled(moved, moved),
                _("when the statistics are taken: from the training images as given"),
            ),
            (
                "statistics-from-both",
                scaled(moved, both),
                _("which images the statistics are made from: validation has leaked into them"),
            ),
            (
                "augmented-twice",
                scaled(again, train),
                _("how often augment is called: a second call may give other images"),
            ),
            (
                "augmented-twice",
                scaled(again.flip(-1) * 0.5, train),
                _("how often augment is called: a second call may give other images"),
            ),
            ("not-scaled", moved.double().numpy(), _("whether the training images are scaled at all")),
        ]

    _prepared(candidate, rng, 0, known, _("the first tensor, against (augment(train) − mean) / std"))


def keep_best(model, epochs):
    best, kept = -1.0, None
    for number, (validation, _test) in enumerate(epochs):
        if validation > best:
            best = validation
            kept = number, {name: tensor.clone() for name, tensor in model.state_dict().items()}
    return kept


KEEP_BEST = Exercise(
    "keep_best",
    solution=keep_best,
    hints=(
        N_("The next epoch goes on changing the model. What happens to weights that you only pointed at?"),
        N_("Remember the best validation accuracy so far; when it is beaten, take a copy of every tensor."),
        N_(
            "Inside the loop: if validation > best: kept = number, {k: v.clone() for k, v in"
            " model.state_dict().items()}."
        ),
    ),
    contract=Contract(
        N_(
            "model: a network. epochs: an iterable, to be gone through once; each turn trains the model in"
            " place and gives (validation accuracy, test accuracy), above 0 and up to 1."
        ),
        N_(
            "two things: the number of the epoch with the best validation accuracy, counted from 0, the first"
            " of several equal ones; and the weights that the model had after it, a dict as from"
            " state_dict()."
        ),
        keeps=N_("the weights that you return: whatever happens to the model later"),
    ),
)


class _Career:
    """A model, and an iterable that changes it in place each epoch; `seen`: what its state was after each."""

    def __init__(self, accuracies):
        self.model, self.seen = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)), []
        self._accuracies = accuracies

    def epochs(self):
        """The turns of training."""
        for pair in self._accuracies:
            self.turn()
            self.seen.append({name: plain(tensor) for name, tensor in self.model.state_dict().items()})
            yield pair

    def turn(self):
        """One more epoch: every tensor changes in place, as an optimizer and batch normalisation do it."""
        with torch.no_grad():
            for tensor in self.model.state_dict().values():
                tensor.add_(1)


def _number_and_weights(value):
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not isinstance(value[1], dict):
        return None
    number = WHOLE.convert(value[0])
    return None if number is None else (number, value[1])


_KEPT = Kind(
    _number_and_weights, "not-a-pair", N_("what is returned: the epoch's number and a dict of weights")
)
_BEST_MISTAKES = (
    ("first", lambda v, t: 0, N_("whether a better epoch replaces the one that is kept")),
    ("last", lambda v, t: len(v) - 1, N_("whether a worse epoch may replace the one that is kept")),
    ("lowest", lambda v, t: int(np.argmin(v)), N_("the direction: a larger accuracy is better")),
    (
        "counted-from-one",
        lambda v, t: int(np.argmax(v)) + 1,
        N_("the number of the first epoch: epochs are counted from 0 here"),
    ),
    (
        "last-of-equals",
        lambda v, t: len(v) - 1 - int(np.argmax(v[::-1])),
        N_("equal epochs: the first of them is wanted"),
    ),
    (
        "chose-on-test",
        lambda v, t: int(np.argmax(t)),
        N_("which of the two numbers is compared: the best test epoch is chosen by the test"),
    ),
    (
        "chose-on-test",
        lambda v, t: max(range(len(v)), key=lambda i: (t[i], v[i], -i)),
        N_("which of the two numbers is compared: the best test epoch is chosen by the test"),
    ),
    (
        "chose-on-test",
        lambda v, t: int(np.argmax(np.add(v, t))),
        N_("which of the two numbers is compared: the test must play no part"),
    ),
)


def _keeps(candidate, cases):
    """Judge the numbers on all cases (validation, test), then the weights on each."""
    results = []
    for validation, test in cases:
        career = _Career(list(zip(validation, test)))
        tried = _("validation {v}, test {t}").format(v=validation, t=test)
        trial = Trial(candidate, career.model, career.epochs(), tried=tried)
        results.append((trial, career, *trial.returned(_KEPT)))
    numbers = iter([number for _trial, _career, number, _weights in results])
    judge(
        lambda *_case: next(numbers),
        cases,
        lambda v, t: int(np.argmax(v)),
        _BEST_MISTAKES,
        kind=WHOLE,
        names=(_("validation"), _("test")),
        look=_("which epoch has the best validation accuracy, counted from 0"),
    )
    for trial, career, number, weights in results:
        _judge_weights(trial, career, number, weights)


def _judge_weights(trial, career, number, weights):
    """The weights must be those after epoch `number`, and stay so."""

    def are(state):
        return set(weights) == set(state) and all(agree(plain(weights[k]), state[k], 0.0) for k in state)

    if are(career.seen[number]):
        career.turn()
        if are(career.seen[number]):
            return
        key, look = "aliased", _("state_dict() hands out the live tensors; only a copy stays as it was")
    elif set(weights) != set(career.seen[number]):
        key, look = (
            "not-all-weights",
            _("which tensors are kept: all that state_dict() names, and only those"),
        )
    elif are(career.seen[-1]):
        career.turn()
        if are(career.seen[-1]):
            key, look = "copied-late", _("when the copy is made: in the best epoch, not after the loop")
        else:
            key, look = "aliased", _("state_dict() hands out the live tensors; only a copy stays as it was")
    else:
        key, look = (
            "wrong-weights",
            _("when the weights are copied: in the best epoch, before the next begins"),
        )
    got = _("epoch {n}, with other weights than it had").format(n=number)
    trial.fail(key, got=got, look=look)


def _accuracies(rng, n, best=None):
    """n validation accuracies, rising and falling, the best at `best` if given."""
    values = [round(float(x), 3) for x in rng.uniform(0.7, 0.94, n)]
    if best is not None:
        values[best] = 0.95
    return values


@KEEP_BEST.property("epoch", N_("the best validation epoch is found, wherever it lies"))
def best_epoch(candidate, rng):
    places = [(5, 4), (6, 1), (4, 0), (int(rng.integers(5, 9)), 2), (7, 5), (1, 0), (3, 1)]
    cases = [(_accuracies(rng, n, best), _accuracies(rng, n)) for n, best in places]
    _keeps(candidate, [*cases, ([0.8, 0.9, 0.9, 0.85], [0.9] * 4), ([0.9, 0.8, 0.9], [0.8, 0.85, 0.9])])


@KEEP_BEST.property("validation-only", N_("the test accuracy plays no part"))
def without_the_test(candidate, rng):
    cases = [([0.8, 0.93, 0.91, 0.9], [0.8, 0.9, 0.92, 0.95]), ([0.9, 0.85, 0.92], [0.96, 0.8, 0.81])]
    cases += [(_accuracies(rng, 6, i), _accuracies(rng, 6, 5 - i)) for i in (1, 4)]
    _keeps(candidate, cases)


@KEEP_BEST.property("copy", N_("the weights are those of that epoch, whatever came later"))
def weights_are_a_copy(candidate, rng):
    _keeps(candidate, [([0.8, 0.93, 0.91, 0.9], [0.9] * 4), ([0.8, 0.85, 0.9], [0.9] * 3), ([0.9], [0.8])])


def stop_epoch(losses, patience):
    lowest, waited = float("inf"), 0
    for epoch, loss in enumerate(losses):
        if loss < lowest:
            lowest, waited = loss, 0
        else:
            waited += 1
        if waited == patience:
            return epoch
    return len(losses) - 1


STOP_EPOCH = Exercise(
    "stop_epoch",
    solution=stop_epoch,
    hints=(
        N_(
            "Walk through the losses with two numbers in hand: the lowest so far, and how long you have"
            " waited."
        ),
        N_("A new lowest loss sets the waiting back to 0; anything else, an equal loss too, adds 1."),
        N_(
            "Stop at the first epoch where the waiting equals patience; if that never comes, return"
            " len(losses) − 1."
        ),
    ),
    contract=Contract(
        N_(
            "losses: a list of floats, the validation loss after each epoch, at least one. patience: a whole"
            " number ≥ 1."
        ),
        N_(
            "the number, counted from 0, of the epoch after which training stops: the first at which"
            " `patience` epochs in a row have brought no loss below the lowest before them (an equal one is"
            " not below); the last epoch if that never happens."
        ),
    ),
)


def _walk(losses, patience, better=lambda loss, lowest: loss < lowest, reset=True, previous=False):
    """stop_epoch with one part exchanged: what usual mistakes differ in."""
    lowest, waited = float("inf"), 0
    for epoch, loss in enumerate(losses):
        if better(loss, lowest):
            lowest, waited = loss, 0 if reset else waited
        else:
            waited += 1
            lowest = loss if previous else lowest
        if waited >= patience:
            return epoch
    return len(losses) - 1


_STOP_MISTAKES = (
    (
        "counted-from-one",
        lambda losses, patience: stop_epoch(losses, patience) + 1,
        N_("the number of the first epoch: epochs are counted from 0 here"),
    ),
    (
        "off-by-one",
        lambda losses, patience: stop_epoch(losses, patience + 1),
        N_("the moment of the comparison: stop when the waiting equals patience, not when it exceeds it"),
    ),
    (
        "off-by-one",
        lambda losses, patience: stop_epoch(losses, max(1, patience - 1)),
        N_("where the counting starts: the best epoch itself is no waiting"),
    ),
    (
        "best-epoch",
        lambda losses, patience: losses.index(min(losses)),
        N_("what is asked for: the epoch at which training stops, not the best one"),
    ),
    (
        "best-epoch",
        lambda losses, patience: losses.index(min(losses[: stop_epoch(losses, patience) + 1])),
        N_("what is asked for: the epoch at which training stops, not the best one"),
    ),
    (
        "never-stops",
        lambda losses, patience: len(losses) - 1,
        N_("whether the waiting is ever compared with patience"),
    ),
    (
        "previous",
        lambda losses, patience: _walk(losses, patience, previous=True),
        N_("what each loss is compared with: a fall from a bad epoch is no new lowest"),
    ),
    (
        "total",
        lambda losses, patience: _walk(losses, patience, reset=False),
        N_("whether the waiting goes back to 0 at a new lowest loss"),
    ),
    (
        "equal-counts",
        lambda losses, patience: _walk(losses, patience, better=lambda loss, lowest: loss <= lowest),
        N_("< or ≤: does standing still deserve more patience?"),
    ),
    (
        "highest",
        lambda losses, patience: stop_epoch([-loss for loss in losses], patience),
        N_("the direction: a lower loss is better"),
    ),
)


def _stops(candidate, rng, cases):
    def more():
        return _random_losses(rng, int(rng.integers(4, 20))), int(rng.integers(1, 5))

    look = _("the waiting, counted epoch by epoch on paper")
    names = ("losses", "patience")
    judge(candidate, cases, stop_epoch, _STOP_MISTAKES, kind=WHOLE, names=names, more=more, look=look)


def _random_losses(rng, n):
    """A walk down with steps up, equal ones and a new lowest after long waits."""
    steps = rng.choice([-0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.15], n)
    return [round(float(x), 2) for x in 2 + np.cumsum(steps)]


@STOP_EPOCH.property(
    "patience", N_("training stops after exactly `patience` epochs without a new lowest loss")
)
def patience_is_exact(candidate, rng):
    low = round(float(rng.uniform(0.1, 0.2)), 2)
    losses = [1.0, 0.5, low, 0.6, 0.7, 0.8, 0.9, 1.0, 0.05, 1.1]  # a lower loss comes, but too late
    cases = [(losses, patience) for patience in (2, 1, 3, 4, 5)]
    _stops(
        candidate,
        rng,
        cases
        + [(_random_losses(rng, 14), int(p)) for p in rng.integers(1, 5, 6)]
        + [([*losses, *losses[::-1]], 7)],
    )


@STOP_EPOCH.property("lowest", N_("the yardstick is the lowest loss so far, not the previous one"))
def against_the_lowest(candidate, rng):
    fall = [round(float(x), 3) for x in np.sort(rng.uniform(0.25, 0.6, 6))[::-1]]
    _stops(
        candidate, rng, [([1.0, 0.2, *fall], 3), ([1.0, 0.2, *fall], 4), ([0.9, 0.5, 0.7, 0.6, 0.55, 0.4], 3)]
    )


@STOP_EPOCH.property("in-a-row", N_("a new lowest loss sets the waiting back to nothing"))
def in_a_row(candidate, rng):
    saw = [1.0, 0.9, 0.95, 0.8, 0.85, 0.7, 0.75, 0.6]
    slow = [1.0, 1.1, 1.2, 0.9, 1.0, 1.1, 0.8, 0.9, 0.9, 0.7]
    _stops(candidate, rng, [(saw, 2), (slow, 3), (slow, 2), (saw, 1), (_random_losses(rng, 20), 3)])


@STOP_EPOCH.property("equal", N_("an equal loss is no improvement"))
def equal_is_no_gain(candidate, rng):
    level = round(float(rng.uniform(0.3, 0.8)), 2)
    _stops(
        candidate,
        rng,
        [([level] * 5, 2), ([0.9, level, level, level, 0.1], 2), ([0.9, 0.5, 0.6, 0.5, 0.7, 0.4], 3)],
    )


@STOP_EPOCH.property("never", N_("without a stop, the last epoch is returned"))
def never_stopped(candidate, rng):
    down = [round(float(x), 3) for x in np.sort(rng.uniform(0.2, 0.9, 6))[::-1]]
    _stops(
        candidate, rng, [([0.9, 0.8, 0.7], 2), (down, 1), ([*down, 1.0, 1.1], 3), ([0.7], 1), ([0.7, 0.8], 2)]
    )
