"""Chapter 4, training with care: right answers written in other ways, and the mistakes people make."""

import copy

import torch

from . import correct, wrong

# prepare ------------------------------------------------------------------------------


@correct("prepare")
def step_by_step(train, validation, augment):
    m, s = train.mean().item(), train.std().item()
    moved = augment(train)
    return moved.sub(m).div(s), validation.sub(m).div(s)


@correct("prepare")
def with_one_scaling_function(train, validation, augment):
    def scale(images):
        return (images - train.mean()) / train.std(unbiased=True)

    return [scale(augment(train)), scale(validation)]


def _scaled(images, of):
    return (images - of.mean()) / of.std()


@wrong("prepare", "augmented-validation", by="validation")
def augments_everything(train, validation, augment):
    return _scaled(augment(train), train), _scaled(augment(validation), train)


@wrong("prepare", "statistics-from-both", by="validation")
def statistics_of_all_images(train, validation, augment):
    both = torch.cat([train, validation])
    return _scaled(augment(train), both), _scaled(validation, both)


@wrong("prepare", "own-statistics", by="validation")
def each_split_by_itself(train, validation, augment):
    return _scaled(augment(train), train), _scaled(validation, validation)


@wrong("prepare", "statistics-after", by="validation")
def statistics_of_the_augmented(train, validation, augment):
    moved = augment(train)
    return _scaled(moved, moved), _scaled(validation, moved)


@wrong("prepare", "not-augmented", by="training")
def forgets_augment(train, validation, augment):
    return _scaled(train, train), _scaled(validation, train)


@wrong("prepare", "scaled-first", by="training")
def scales_before_augmenting(train, validation, augment):
    return augment(_scaled(train, train)), _scaled(validation, train)


@wrong("prepare", "not-scaled", by="validation")
def leaves_validation_raw(train, validation, augment):
    return _scaled(augment(train), train), validation


@wrong("prepare", "not-a-pair", by="validation")
def joins_them(train, validation, augment):
    return torch.cat(step_by_step(train, validation, augment))


@wrong("prepare", "swapped", by="validation")
def validation_comes_first(train, validation, augment):
    return step_by_step(train, validation, augment)[::-1]


@wrong("prepare", "variance", by="validation")
def divides_by_the_variance(train, validation, augment):
    mean, variance = train.mean(), train.var()
    return (augment(train) - mean) / variance, (validation - mean) / variance


@wrong("prepare", "augmented-twice", by="training")
def another_call_for_good_measure(train, validation, augment):
    augment(train)
    return step_by_step(train, validation, augment)


@wrong("prepare", "augmented-twice", by="training")
def augments_the_augmented(train, validation, augment):
    return _scaled(augment(augment(train)), train), _scaled(validation, train)


# keep_best ----------------------------------------------------------------------------


@correct("keep_best")
def with_deepcopy(model, epochs):
    best, number, weights = float("-inf"), None, None
    for n, (validation, test) in enumerate(epochs):
        if validation > best:
            best, number, weights = validation, n, copy.deepcopy(model.state_dict())
    return number, weights


@correct("keep_best")
def keeps_all_then_chooses(model, epochs):
    rows = [
        (v, -n, {k: t.detach().clone() for k, t in model.state_dict().items()})
        for n, (v, _t) in enumerate(epochs)
    ]
    _v, n, weights = max(rows, key=lambda row: row[:2])
    return -n, weights


@wrong("keep_best", "aliased", by="epoch")
def keeps_the_live_tensors(model, epochs):
    best, kept = -1.0, None
    for n, (validation, test) in enumerate(epochs):
        if validation > best:
            best, kept = validation, (n, model.state_dict())
    return kept


@wrong("keep_best", "aliased", by="epoch")
def copies_the_dict_alone(model, epochs):
    best, kept = -1.0, None
    for n, (validation, test) in enumerate(epochs):
        if validation > best:
            best, kept = validation, (n, dict(model.state_dict()))
    return kept


@wrong("keep_best", "chose-on-test", by="epoch")
def best_test_epoch(model, epochs):
    best, kept = -1.0, None
    for n, (validation, test) in enumerate(epochs):
        if test > best or (test == best and validation > kept[2]):
            best, kept = test, (n, copy.deepcopy(model.state_dict()), validation)
    return kept[:2]


@wrong("keep_best", "last", by="epoch")
def keeps_the_last(model, epochs):
    for n, (validation, test) in enumerate(epochs):
        kept = n, copy.deepcopy(model.state_dict())
    return kept


@wrong("keep_best", "first", by="epoch")
def never_replaces(model, epochs):
    best, kept = None, None
    for n, (validation, test) in enumerate(epochs):
        if best is None:
            best, kept = validation, (n, copy.deepcopy(model.state_dict()))
    return kept


@wrong("keep_best", "not-a-pair", by="epoch")
def weights_alone(model, epochs):
    return with_deepcopy(model, epochs)[1]


@wrong("keep_best", "returned-none", by="epoch")
def says_nothing(model, epochs):
    with_deepcopy(model, epochs)


@wrong("keep_best", "counted-from-one", by="epoch")
def numbers_the_first_epoch_one(model, epochs):
    number, weights = with_deepcopy(model, epochs)
    return number + 1, weights


@wrong("keep_best", "last-of-equals", by="epoch")
def an_equal_epoch_replaces(model, epochs):
    best, kept = -1.0, None
    for n, (validation, test) in enumerate(epochs):
        if validation >= best:
            best, kept = validation, (n, copy.deepcopy(model.state_dict()))
    return kept


@wrong("keep_best", "lowest", by="epoch")
def takes_accuracy_for_loss(model, epochs):
    best, kept = 2.0, None
    for n, (validation, test) in enumerate(epochs):
        if validation < best:
            best, kept = validation, (n, copy.deepcopy(model.state_dict()))
    return kept


@wrong("keep_best", "copied-late", by="epoch")
def copies_after_the_loop(model, epochs):
    accuracies = [validation for validation, test in epochs]
    return accuracies.index(max(accuracies)), copy.deepcopy(model.state_dict())


@wrong("keep_best", "wrong-weights", by="epoch")
def copies_one_epoch_late(model, epochs):
    best, number, weights, found = -1.0, None, None, False
    for n, (validation, test) in enumerate(epochs):
        if found or weights is None:
            weights, found = copy.deepcopy(model.state_dict()), False
        if validation > best:
            best, number, found = validation, n, True
    return number, weights


@wrong("keep_best", "not-all-weights", by="epoch")
def trained_weights_alone(model, epochs):
    best, kept = -1.0, None
    for n, (validation, test) in enumerate(epochs):
        if validation > best:
            best, kept = validation, (n, {k: p.detach().clone() for k, p in model.named_parameters()})
    return kept


# stop_epoch ---------------------------------------------------------------------------


@correct("stop_epoch")
def by_looking_back(losses, patience):
    for t in range(patience, len(losses)):
        before = losses[: t - patience + 1]
        if min(losses[t - patience + 1 : t + 1]) >= min(before):
            return t
    return len(losses) - 1


@correct("stop_epoch")
def by_the_best_epoch(losses, patience):
    best = 0
    for t in range(len(losses)):
        if losses[t] < losses[best]:
            best = t
        if t - best >= patience:
            return t
    return t


def _walk(losses, patience, better=lambda loss, lowest: loss < lowest, reset=True, previous=False):
    lowest, waited = float("inf"), 0
    for t, loss in enumerate(losses):
        if better(loss, lowest):
            lowest, waited = loss, 0 if reset else waited
        else:
            waited += 1
            lowest = loss if previous else lowest
        if waited >= patience:
            return t
    return len(losses) - 1


@wrong("stop_epoch", "off-by-one", by="patience")
def one_epoch_too_patient(losses, patience):
    return _walk(losses, patience + 1)


@wrong("stop_epoch", "patience", by="patience")
def one_epoch_too_hasty(losses, patience):
    return max(2, _walk(losses, patience) - 1) if patience > 1 else _walk(losses, 2)


@wrong("stop_epoch", "previous", by="patience")
def against_the_previous(losses, patience):
    return _walk(losses, patience, previous=True)


@wrong("stop_epoch", "total", by="patience")
def counts_in_all(losses, patience):
    return _walk(losses, patience, reset=False)


@wrong("stop_epoch", "equal-counts", by="patience")
def equal_is_enough(losses, patience):
    return _walk(losses, patience, better=lambda loss, lowest: loss <= lowest)


@wrong("stop_epoch", "best-epoch", by="patience")
def returns_the_best(losses, patience):
    return losses.index(min(losses))


@wrong("stop_epoch", "never-stops", by="patience")
def goes_on_to_the_end(losses, patience):
    return len(losses) - 1


@wrong("stop_epoch", "counted-from-one", by="patience")
def numbers_the_first_epoch_one_too(losses, patience):
    return by_the_best_epoch(losses, patience) + 1


@wrong("stop_epoch", "highest", by="patience")
def waits_for_a_higher_loss(losses, patience):
    return _walk(losses, patience, better=lambda loss, highest: highest == float("inf") or loss > highest)
