"""Chapter 4: training with care: what touches validation, which weights to keep, when to stop.

What a learner writes:

    prepare(train, validation, augment)  -> (train, validation) as the network gets them
        train, validation: float tensors (n, 1, h, w) in [0, 1]; augment: images -> changed images, same shape
        training images augmented first, then both splits scaled by the mean and s.d. of the training
        images as given
    keep_best(model, epochs)  -> (epoch number from 0, weights as in state_dict()) of the best validation
    accuracy
        epochs: iterable; each turn trains `model` and gives (validation accuracy, test accuracy)
    stop_epoch(losses, patience)  -> number, from 0, of the epoch after which training stops
        losses: validation loss after each epoch; stop after `patience` epochs in a row without a new lowest
        loss; the last epoch if that never happens
"""

import numpy as np
import torch
from torch import nn

from ..wording import N_, _
from .core import Exercise
from .trial import Trial, agree, plain


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
)


def _splits(rng):
    train = torch.from_numpy(rng.uniform(0.0, 0.6, (12, 1, 5, 4))).float()
    return train, torch.from_numpy(rng.uniform(0.3, 1.0, (7, 1, 5, 4))).float()


def _darker(images):
    """An augmentation that anybody can recognise: mirrored and half as bright."""
    return images.flip(-1) * 0.5


def _prepared(candidate, rng):
    """(the two results, the inputs, a function of (images, statistics of) that scales, the trial)."""
    train, validation = _splits(rng)
    trial = Trial(
        candidate, train, validation, _darker, tried=_("12 dark training images, 7 bright validation images")
    )
    if trial.result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    parts = (
        [plain(p) for p in trial.result]
        if type(trial.result) in (tuple, list) and len(trial.result) == 2
        else [None]
    )
    if any(p is None for p in parts):
        trial.fail(
            "not-a-pair", look=_("what is returned: two tensors, the training and the validation images")
        )

    def scaled(images, of):
        return ((images - of.mean()) / of.std()).double().numpy()

    return parts, train, validation, scaled, trial


@PREPARE.property("validation", N_("validation images are only scaled, with the training statistics"))
def validation_is_left_alone(candidate, rng):
    (_t, got), train, validation, scaled, trial = _prepared(candidate, rng)
    both = torch.cat([train.flatten(), validation.flatten()])
    if agree(got, scaled(validation, train), 1e-4):
        return
    for key, wrong, look in (
        (
            "augmented-validation",
            scaled(_darker(validation), train),
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
            scaled(validation, _darker(train)),
            _("when the statistics are taken: from the training images as given"),
        ),
        ("not-scaled", validation.double().numpy(), _("whether validation is scaled at all")),
    ):
        if agree(got, wrong, 1e-4):
            trial.fail(key, look=look)
    trial.fail("validation", look=_("the second tensor, against (validation − mean) / std"))


@PREPARE.property("training", N_("training images are augmented once, then scaled"))
def training_is_augmented(candidate, rng):
    (got, _v), train, validation, scaled, trial = _prepared(candidate, rng)
    right = ((_darker(train) - train.mean()) / train.std()).double().numpy()
    if agree(got, right, 1e-4):
        return
    for key, wrong, look in (
        ("not-augmented", scaled(train, train), _("whether augment is called on the training images")),
        (
            "scaled-first",
            _darker(torch.from_numpy(scaled(train, train))).numpy(),
            _("the order: augment works on pixels in [0, 1], so it comes first"),
        ),
        (
            "statistics-after",
            scaled(_darker(train), _darker(train)),
            _("when the statistics are taken: from the training images as given"),
        ),
    ):
        if agree(got, wrong, 1e-4):
            trial.fail(key, look=look)
    trial.fail("training", look=_("the first tensor, against (augment(train) − mean) / std"))


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
)


def _career(rng, validation, test):
    """A model, and an iterable that changes it in place each epoch; what its weight was after each."""
    model = nn.Linear(3, 2)
    seen = []

    def epochs():
        for v, t in zip(validation, test):
            with torch.no_grad():
                for p in model.parameters():
                    p.add_(1.0)  # in place, as an optimizer does
            seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
            yield v, t

    return model, epochs(), seen


def _kept(candidate, rng, validation, test, others):
    model, epochs, seen = _career(rng, validation, test)
    wanted = int(np.argmax(validation))
    trial = Trial(candidate, model, epochs, tried=_("validation {v}, test {t}").format(v=validation, t=test))
    if trial.result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    if (
        type(trial.result) not in (tuple, list)
        or len(trial.result) != 2
        or not isinstance(trial.result[1], dict)
    ):
        trial.fail("not-a-pair", look=_("what is returned: the epoch's number and a dict of weights"))
    number, weights = plain(trial.result[0]), trial.result[1]
    if number is None or number.shape != ():
        trial.fail("not-a-pair", look=_("what is returned: the epoch's number and a dict of weights"))
    number = float(number)
    if number != wanted:
        key, look = others.get(
            number, ("wrong-epoch", _("which epoch has the best validation accuracy, counted from 0"))
        )
        trial.fail(key, got=_("epoch {n:g}").format(n=number), look=look)
    same = {
        n: all(agree(plain(weights.get(k)), plain(v), 0.0) for k, v in old.items())
        for n, old in enumerate(seen)
    }
    if not same[wanted]:
        aliased = same[len(seen) - 1]
        trial.fail(
            "aliased" if aliased else "wrong-weights",
            got=_("epoch {n:g}, with other weights than it had").format(n=number),
            look=(
                _("state_dict() hands out the live tensors; only a copy stays as it was")
                if aliased
                else _("when the weights are taken")
            ),
        )


@KEEP_BEST.property("epoch", N_("the best validation epoch is found, wherever it lies"))
def best_epoch(candidate, rng):
    rising = sorted(float(x) for x in rng.uniform(0.8, 0.9, 4))
    _kept(
        candidate,
        rng,
        [*rising, 0.95],
        [0.9] * 5,
        {0: ("first", _("whether a better epoch replaces the one that is kept"))},
    )
    _kept(
        candidate,
        rng,
        [0.7, 0.95, *rising],
        [0.9] * 6,
        {
            5: ("last", _("whether a worse epoch may replace the one that is kept")),
            0: ("lowest", _("the direction: a larger accuracy is better")),
        },
    )


@KEEP_BEST.property("validation-only", N_("the test accuracy has no say"))
def without_the_test(candidate, rng):
    _kept(
        candidate,
        rng,
        [0.8, 0.93, 0.91, 0.9],
        [0.8, 0.9, 0.92, 0.95],
        {
            3: (
                "chose-on-test",
                _("which of the two numbers is compared: the best test epoch is chosen by the test"),
            ),
            2: ("chose-on-test", _("which of the two numbers is compared")),
        },
    )


@KEEP_BEST.property("copy", N_("the weights are those of that epoch, whatever came later"))
def weights_are_a_copy(candidate, rng):
    _kept(candidate, rng, [0.8, 0.93, 0.91, 0.9], [0.9] * 4, {})


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
)


def _stopped(candidate, losses, patience, wanted, others=None):
    trial = Trial(
        candidate,
        list(losses),
        patience,
        tried=_("losses {losses}, patience {patience}").format(losses=losses, patience=patience),
    )
    got = trial.array()
    if got.shape == () and float(got) == wanted:
        return
    number = float(got) if got.shape == () else None
    if number is None:
        trial.fail("not-a-number", look=_("what is returned: the number of one epoch"))
    late = "too-late" if number > wanted else "too-early"
    key, look = (others or {}).get(number, (late, _("the waiting, counted epoch by epoch on paper")))
    trial.fail(key, look=look)


@STOP_EPOCH.property(
    "patience", N_("training stops after exactly `patience` epochs without a new lowest loss")
)
def patience_is_exact(candidate, rng):
    low = round(float(rng.uniform(0.1, 0.2)), 2)
    losses = [1.0, 0.5, low, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1]
    for patience in (1, 2, 3):
        _stopped(
            candidate,
            losses,
            patience,
            2 + patience,
            {
                3 + patience: (
                    "off-by-one",
                    _(
                        "the moment of the comparison: stop when the waiting equals patience, not when it"
                        " exceeds it"
                    ),
                ),
                1 + patience: (
                    "off-by-one",
                    _("where the counting starts: the best epoch itself is no waiting"),
                ),
                2: (
                    "best-epoch",
                    _("what is asked for: the epoch at which training stops, not the best one"),
                ),
                8: ("never-stops", _("whether the waiting is ever compared with patience")),
            },
        )


@STOP_EPOCH.property("lowest", N_("the yardstick is the lowest loss so far, not the previous one"))
def against_the_lowest(candidate, rng):
    losses = [1.0, 0.2, 0.6, 0.5, 0.4, 0.3, 0.25]
    _stopped(
        candidate,
        losses,
        3,
        4,
        {6: ("previous", _("what each loss is compared with: a fall from a bad epoch is no new lowest"))},
    )


@STOP_EPOCH.property("in-a-row", N_("a new lowest loss sets the waiting back to nothing"))
def in_a_row(candidate, rng):
    losses = [1.0, 0.9, 0.95, 0.8, 0.85, 0.7, 0.75, 0.6]
    _stopped(
        candidate, losses, 2, 7, {4: ("total", _("whether the waiting goes back to 0 at a new lowest loss"))}
    )


@STOP_EPOCH.property("equal", N_("an equal loss is no improvement"))
def equal_is_no_gain(candidate, rng):
    _stopped(
        candidate,
        [0.5, 0.5, 0.5, 0.5, 0.5],
        2,
        2,
        {4: ("equal-counts", _("< or ≤: does standing still deserve more patience?"))},
    )


@STOP_EPOCH.property("never", N_("without a stop, the last epoch is returned"))
def never_stopped(candidate, rng):
    _stopped(candidate, [0.9, 0.8, 0.7], 2, 2)
