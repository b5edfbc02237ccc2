"""Assignment 3: training loops that no chapter prints. Judged by the weights they leave and the numbers they
return: the networks have batch normalisation, so that both depend on the mode they were in.
"""

import copy
import itertools

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from classroom.contract import (
    N_,
    Batches,
    Exercise,
    Trial,
    _,
    agree,
    draw,
    flat,
    judge,
    lenient,
    loop,
    numbers,
    parts,
    tensor,
    vectors,
)

# 1. Statistics of colour images, without a leak ------------------------------------------------


def channel_statistics(images, is_train):
    pixels = images[is_train].double() / 255
    return pixels.mean(dim=(0, 2, 3)), pixels.std(dim=(0, 2, 3))


CHANNEL_STATISTICS = lenient(Exercise("channel_statistics", solution=channel_statistics, hints=()), vectors)


def _statistics(candidate, rng, which):
    n = 40
    is_train = np.zeros(n, dtype=bool)
    is_train[rng.permutation(n)[:25]] = True
    levels = np.where(is_train[:, None], rng.integers(20, 120, (n, 3)), rng.integers(150, 250, (n, 3)))
    images = rng.integers(0, levels[:, :, None, None] + 1, (n, 3, 7, 6)).astype(np.uint8)
    trial = Trial(candidate, torch.from_numpy(images), torch.from_numpy(is_train))
    part = parts(
        trial, 2, _("what is returned: two tensors of three numbers, means and standard deviations")
    )[which]
    one, spread = Trial(lambda: part, tried=trial.tried), (np.mean, np.std)[which]
    seen = images[is_train] / 255
    over = (0, 2, 3)
    mistakes = [
        (
            "leak",
            spread(images / 255, over),
            _("which images went in: a number made from the test images has seen the test"),
        ),
        (
            "wrong-split",
            spread(images[~is_train] / 255, over),
            _("True in `is_train` marks the training images"),
        ),
        (
            "not-scaled",
            spread(seen * 255, over),
            _("the range: pixels as bytes go to 255, here they are wanted in [0, 1]"),
        ),
        ("all-channels", np.full(3, spread(seen)), _("the channels: each has statistics of its own")),
        (
            "averaged",
            np.mean([spread(image, (1, 2)) for image in seen], 0),
            _("an average of the images' deviations misses how the images differ"),
        ),
    ]
    if one.array().shape != (3,):
        one.fail("shape", look=_("the shape: three numbers, one for each channel"))
    # Dividing by n or by n - 1 is both in use: with so many pixels the two agree to a thousandth.
    judge(
        one,
        spread(seen, over),
        mistakes,
        _("three tiny images, worked out on paper"),
        tolerance=1e-3 * float(spread(seen, over).min()),
    )


@CHANNEL_STATISTICS.property(
    "mean", N_("the means are those of each channel of all training images, scaled to [0, 1]")
)
def channel_mean(candidate, rng):
    _statistics(candidate, rng, 0)


@CHANNEL_STATISTICS.property("std", N_("so are the standard deviations"))
def channel_std(candidate, rng):
    _statistics(candidate, rng, 1)


# 2. The loss of an epoch -------------------------------------------------------------------------


def epoch_loss(batch_losses, batch_sizes):
    return sum(loss * n for loss, n in zip(batch_losses, batch_sizes)) / sum(batch_sizes)


EPOCH_LOSS = Exercise("epoch_loss", solution=epoch_loss, hints=())


def _losses(candidate, rng, sizes):
    losses = [float(x) for x in rng.uniform(0.2, 2.5, len(sizes))]
    trial = Trial(candidate, losses, sizes)
    sizes = np.array(sizes)
    right = float(np.dot(losses, sizes) / sizes.sum())
    mistakes = [
        (
            "mean-of-means",
            np.mean(losses),
            _("the small batch: its images count as much as all others, not more"),
        ),
        ("sum", np.sum(losses), _("sum or mean: a longer epoch is not a worse one")),
        ("not-divided", np.dot(losses, sizes), _("sum or mean: what is it divided by?")),
        ("last", losses[-1], _("which batches went in: all of them")),
    ]
    one = Trial(
        lambda: trial.array().reshape(()) if trial.array().size == 1 else trial.array(), tried=trial.tried
    )
    judge(one, right, mistakes, _("two batches of 3 images and 1, with losses 1 and 2"))


@EPOCH_LOSS.property("equal", N_("of batches of one size it is the mean of their losses"))
def equal_batches(candidate, rng):
    _losses(candidate, rng, [draw(rng, 4, 32)] * draw(rng, 3, 6))


@EPOCH_LOSS.property("uneven", N_("a smaller batch counts by its images"))
def uneven_batches(candidate, rng):
    _losses(candidate, rng, [draw(rng, 20, 32)] * draw(rng, 3, 6) + [draw(rng, 2, 6)])


# Networks and batches for the loops -----------------------------------------------------------------


def _pairs(rng, sizes):
    return Batches([(tensor(rng, n, 6), torch.from_numpy(rng.integers(0, 4, n))) for n in sizes])


def _network(rng):
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 4)).double()
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(tensor(rng, *weight.shape) * 0.5)
    return model.eval()  # as an evaluation before the loop would have left it


TRAINS = [
    ("", {}, ""),
    (
        "trains-in-eval-mode",
        dict(train_mode="never"),
        N_("model.train() before the training batches: batch normalisation asks for it"),
    ),
    (
        "evaluation-left-on",
        dict(train_mode="first"),
        N_("where model.train() stands: inside the loop over epochs?"),
    ),
]
VALIDATES = [
    ("", {}, ""),
    ("validates-in-training-mode", dict(eval_mode=False), N_("model.eval() before the validation batches")),
]
NOTHING = N_("is step() called, after backward() and before zero_grad()?")


def _returned(trial, epochs):
    got = numbers(trial.result)
    if trial.result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    if type(got) is not tuple or len(got) != epochs or any(type(n) is not float for n in got):
        trial.fail("not-a-list", look=_("what is returned: a list with one number for each epoch"))
    return got


def _accuracy(model, batches):
    with torch.no_grad():
        return float(torch.cat([(model(x).argmax(1) == y).double() for x, y in batches.pairs]).mean())


# 3. Gradients from several batches --------------------------------------------------------------------


def accumulating_loop(model, optimizer, train_batches, validation_batches, epochs, every):
    accuracies = []
    for epoch in range(epochs):
        model.train()
        waiting = []
        for number, (images, labels) in enumerate(train_batches, 1):
            waiting.append(F.cross_entropy(model(images), labels))
            if len(waiting) == every or number == len(train_batches):
                optimizer.zero_grad()
                (sum(waiting) / len(waiting)).backward()
                optimizer.step()
                waiting = []
        model.eval()
        with torch.no_grad():
            hits = torch.cat([model(images).argmax(1) == labels for images, labels in validation_batches])
        accuracies.append(hits.double().mean().item())
    return accuracies


ACCUMULATING_LOOP = Exercise("accumulating_loop", solution=accumulating_loop, hints=(), time_limit=20.0)
STEPS = [
    ("", {}, ""),
    ("every-batch", dict(every=1), N_("when step() is called: once for each `every` batches")),
    (
        "summed-gradients",
        dict(shared="sum"),
        N_("the size of a step: the mean of the batches' gradients, not their sum"),
    ),
    ("no-zero-grad", dict(clear=False), N_("zero_grad(): after each step the next gradients begin at zero")),
    ("summed-loss", dict(reduction="sum"), N_("the loss of a batch: its mean")),
    ("softmax-twice", dict(soft=True), N_("what goes into cross_entropy: it applies the softmax itself")),
]
LEFT_OVER = [
    ("", {}, ""),
    (
        "left-over-lost",
        dict(leftover=False),
        N_("the end of an epoch: the batches that are left over make a step, too"),
    ),
    (
        "left-over-lost",
        dict(leftover="skipped"),
        N_("the end of an epoch: the batches that are left over make a step, too"),
    ),
    (
        "left-over-too-small",
        dict(shared="every"),
        N_("the last step: the mean of as many batches as there are left"),
    ),
]


def _accumulated(candidate, rng, sizes, epochs, every, asked):
    """The aspect `asked` must be right, whatever else is wrong."""
    model, train, validation = _network(rng), _pairs(rng, sizes), _pairs(rng, (6, 3))
    start, optimizer = copy.deepcopy(model), torch.optim.SGD(model.parameters(), lr=0.3)
    tried = _("{epochs} epochs of {n} training batches, a step every {every}").format(
        epochs=epochs, n=len(train), every=every
    )
    trial = Trial(candidate, model, optimizer, train, validation, epochs, every, tried=tried)
    if agree(flat(model), flat(start), 0.0):
        trial.fail("nothing-moved", look=_(NOTHING))
    aspects = {"steps": STEPS, "leftover": LEFT_OVER, "trains": TRAINS, "validates": VALIDATES}
    order = [aspects[asked], *(v for k, v in aspects.items() if k != asked)]
    for (key, options, look), *others in itertools.product(*order):
        settings = {"every": every}
        for _key, more, _look in others:
            settings |= more
        found, _accuracies = loop(start, train, validation, epochs, 0.3, **settings | options)
        if agree(flat(model), flat(found), 1e-8):
            if key:
                trial.fail(key, look=_(look))
            return
    trial.fail(
        "other-weights", look=_("one step for each `every` batches, with the optimizer that was passed in")
    )


@ACCUMULATING_LOOP.property("steps", N_("each step follows the mean gradient of `every` batches"))
def accumulating_steps(candidate, rng):
    _accumulated(candidate, rng, (5, 5, 4, 5), 1, 2, "steps")


@ACCUMULATING_LOOP.property(
    "left-over", N_("batches left over at an epoch's end make a step of their own mean")
)
def accumulating_left_over(candidate, rng):
    _accumulated(candidate, rng, (5, 5, 4, 5, 3), 1, 3, "leftover")


@ACCUMULATING_LOOP.property("trains", N_("every epoch trains in training mode"))
def accumulating_trains(candidate, rng):
    _accumulated(candidate, rng, (5, 5, 4, 5), 2, 2, "trains")


@ACCUMULATING_LOOP.property("validates", N_("validation is in evaluation mode and changes nothing"))
def accumulating_validates(candidate, rng):
    _accumulated(candidate, rng, (5, 5, 4, 5), 2, 2, "validates")


@ACCUMULATING_LOOP.property(
    "accuracies", N_("it returns the validation accuracy after each epoch, as fractions of all images")
)
def accumulating_accuracies(candidate, rng):
    model, train, validation = _network(rng), _pairs(rng, (5, 5, 4)), _pairs(rng, (60, 20, 3))
    start, optimizer = copy.deepcopy(model), torch.optim.SGD(model.parameters(), lr=0.3)
    trial = Trial(
        candidate, model, optimizer, train, validation, 2, 2, tried=_("2 epochs, 83 validation images")
    )
    got = _returned(trial, 2)[-1]
    if agree(flat(model), flat(start), 0.0):
        trial.fail("nothing-moved", look=_(NOTHING))
    right = _accuracy(model.eval(), validation)
    if abs(got - _accuracy(model.train(), validation)) < 1e-6:  # the mode has a property of its own
        return
    mistakes = [
        ("percent", 100 * right, _("the unit: a fraction between 0 and 1")),
        ("count", 83 * right, _("right answers or their share? Divide by the number of images")),
        (
            "mean-of-batches",
            float(np.mean([_accuracy(model.eval(), Batches([pair])) for pair in validation.pairs])),
            _("the small last batch: it must not weigh as much as a full one"),
        ),
        ("training-accuracy", _accuracy(model.eval(), train), _("which images were counted")),
    ]
    judge(
        Trial(lambda: got, tried=trial.tried),
        right,
        mistakes,
        _("argmax over the classes, compared with the labels, over all validation images"),
    )


# 4. A step that is not too long --------------------------------------------------------------------------


def clipped_step(model, optimizer, images, labels, most):
    optimizer.zero_grad()
    F.cross_entropy(model(images), labels).backward()
    norm = torch.sqrt(sum((p.grad**2).sum() for p in model.parameters()))
    for p in model.parameters():
        p.grad *= min(1.0, most / norm)
    optimizer.step()
    return norm.item()


CLIPPED_STEP = Exercise("clipped_step", solution=clipped_step, hints=())


def _clipped(candidate, rng, share):
    """(trial, network after it, the same before, its gradients, their norm, most)."""
    model = _network(rng).train()
    images, labels = tensor(rng, 9, 6), torch.from_numpy(rng.integers(0, 4, 9))
    start, optimizer = copy.deepcopy(model), torch.optim.SGD(model.parameters(), lr=0.5)
    grads = _gradients(start, images, labels)
    norm = float(torch.sqrt(sum((g**2).sum() for g in grads)))
    most = share * norm
    trial = Trial(
        candidate,
        model,
        optimizer,
        images,
        labels,
        most,
        tried=_("gradient norm {norm:.3f}, at most {most:.3f}").format(norm=norm, most=most),
    )
    return trial, model, start, grads, norm, most


def _gradients(model, images, labels):
    model = copy.deepcopy(model)
    return torch.autograd.grad(F.cross_entropy(model(images), labels), list(model.parameters()))


def _moved(trial, model, start, grads, mistakes, most):
    if agree(flat(model), flat(start), 0.0):
        trial.fail("nothing-moved", look=_(NOTHING))
    weights, norm = (
        [p.detach().numpy() for p in model.parameters()],
        float(sum((g**2).sum() for g in grads)) ** 0.5,
    )
    right = ("", _stepped(start, grads, lambda g: g * min(1.0, most / norm)), "")
    for key, wanted, look in [right, *mistakes]:
        if not key and all(agree(w, np.ascontiguousarray(x), 1e-8) for w, x in zip(weights, wanted)):
            return
        if all(agree(w, np.ascontiguousarray(x), 1e-8) for w, x in zip(weights, wanted)):
            trial.fail(key, look=look)
    trial.fail(
        "other-weights",
        look=_("the norm is that of all gradients together; each is made smaller by the same factor"),
    )


def _stepped(start, grads, change):
    return [(p.detach() - 0.5 * change(g)).numpy() for p, g in zip(start.parameters(), grads)]


@CLIPPED_STEP.property(
    "clipped", N_("a gradient longer than `most` is made exactly that long, its direction kept")
)
def clipped(candidate, rng):
    trial, model, start, grads, norm, most = _clipped(candidate, rng, float(rng.uniform(0.05, 0.2)))
    mistakes = [
        (
            "not-clipped",
            _stepped(start, grads, lambda g: g),
            _("the place of clipping: after backward() and before step()"),
        ),
        (
            "each-number",
            _stepped(start, grads, lambda g: g.clamp(-most, most)),
            _("what is clipped: the length of the whole gradient, not each number"),
        ),
        (
            "each-tensor",
            _stepped(start, grads, lambda g: g * min(1.0, most / float(g.norm()))),
            _("the norm: one for all parameters together"),
        ),
    ]
    _moved(trial, model, start, grads, mistakes, most)


@CLIPPED_STEP.property("left-alone", N_("a shorter one is left as it is"))
def left_alone(candidate, rng):
    trial, model, start, grads, norm, most = _clipped(candidate, rng, float(rng.uniform(1.5, 3.0)))
    mistakes = [
        (
            "always-scaled",
            _stepped(start, grads, lambda g: g * most / norm),
            _("a short gradient: nothing makes it longer"),
        )
    ]
    _moved(trial, model, start, grads, mistakes, most)


@CLIPPED_STEP.property("norm", N_("it returns the norm that the gradient had before"))
def returned_norm(candidate, rng):
    trial, model, start, grads, norm, most = _clipped(candidate, rng, float(rng.uniform(0.05, 0.2)))
    mistakes = [
        ("after", most, _("when the norm is measured: before clipping")),
        ("squared", norm**2, _("the norm: the root of the sum of squares")),
        (
            "sum-of-norms",
            sum(float(g.norm()) for g in grads),
            _("the norm of all numbers together, not the sum of the tensors' norms"),
        ),
    ]
    one = Trial(
        lambda: trial.array().reshape(()) if trial.array().size == 1 else trial.array(), tried=trial.tried
    )
    judge(one, norm, mistakes, _("the root of the sum of the squares of all gradients"), "norm", 1e-6)


# 5. Cool down ------------------------------------------------------------------------------


def cooling_loop(model, optimizer, train_batches, validation_batches, epochs):
    best, rates = -1.0, []
    for epoch in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        model.train()
        for images, labels in train_batches:
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            hits = torch.cat([model(images).argmax(1) == labels for images, labels in validation_batches])
        accuracy = hits.double().mean().item()
        if accuracy <= best:
            for group in optimizer.param_groups:
                group["lr"] /= 2
        best = max(best, accuracy)
    return rates


COOLING_LOOP = Exercise("cooling_loop", solution=cooling_loop, hints=(), time_limit=20.0)
EPOCHS, RATE = 6, 0.4


def _cool(start, train, validation, halve):
    """By hand: (network, rates, accuracies). `halve(accuracies)`: whether the next rate is halved."""
    model, rate, rates, scores = start, RATE, [], []
    for _epoch in range(EPOCHS):
        rates.append(rate)
        model, (score,) = loop(model, train, validation, 1, rate)
        scores.append(score)
        rate = rate / 2 if halve(scores) else rate
    return model, rates, scores


def _no_better(scores):
    return len(scores) > 1 and scores[-1] <= max(scores[:-1])


COOLINGS = [
    ("never", lambda s: False, N_("the learning rate: it stands in optimizer.param_groups")),
    ("always", lambda s: True, N_("when it is halved: only after an epoch that was no better")),
    (
        "since-the-last",
        lambda s: len(s) > 1 and s[-1] <= s[-2],
        N_("what an epoch is compared with: the best so far, not the last one"),
    ),
    (
        "ties-forgiven",
        lambda s: len(s) > 1 and s[-1] < max(s[:-1]),
        N_("an epoch that is just as good as the best is no better"),
    ),
]


def _cooled(candidate, rng, telling):
    """(trial, network, start and batches, right run), one in which the rules `telling` decide otherwise."""
    while True:
        model, train, validation = _network(rng), _pairs(rng, (6, 6, 4)), _pairs(rng, (5, 3))
        start = copy.deepcopy(model)
        right = _cool(start, train, validation, _no_better)

        def halved(rule, scores=right[2]):
            return [rule(scores[: n + 1]) for n in range(EPOCHS - 1)]

        # Up to the first other decision both runs are the same one.
        if all(halved(rule) != halved(_no_better) for key, rule, _look in COOLINGS if key in telling):
            break
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    trial = Trial(
        candidate, model, optimizer, train, validation, EPOCHS, tried=_("6 epochs, learning rate 0.4")
    )
    if agree(flat(model), flat(start), 0.0):
        trial.fail("nothing-moved", look=_(NOTHING))
    return trial, model, (start, train, validation), right


@COOLING_LOOP.property(
    "weights", N_("the weights are those of a run whose steps are halved whenever an epoch was no better")
)
def cooled_weights(candidate, rng):
    trial, model, about, right = _cooled(candidate, rng, ("never", "always", "since-the-last"))
    if agree(flat(model), flat(right[0]), 1e-8):
        return
    for key, halve, look in COOLINGS:
        if agree(flat(model), flat(_cool(*about, halve)[0]), 1e-8):
            trial.fail(key, look=_(look))
    trial.fail(
        "other-weights",
        look=_("one step a batch, training mode, evaluation mode, and the rate for the next epoch"),
    )


@COOLING_LOOP.property("rates", N_("it returns the learning rate of each epoch"))
def cooled_rates(candidate, rng):
    trial, _model, about, (_best, rates, _scores) = _cooled(
        candidate, rng, ("never", "always", "ties-forgiven")
    )
    got = _returned(trial, EPOCHS)
    if np.allclose(got, rates, rtol=1e-9):
        return
    if np.allclose(got[:-1], rates[1:], rtol=1e-9):
        trial.fail("one-late", look=_("the rate that an epoch was trained with, not the next one's"))
    for key, halve, look in COOLINGS:
        if np.allclose(got, _cool(*about, halve)[1], rtol=1e-9):
            trial.fail(key, look=_(look))
    trial.fail("rates", look=_("accuracies 0.5, 0.8, 0.8, 0.7: rates 0.4, 0.4, 0.4, 0.2"))
