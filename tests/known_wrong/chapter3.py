"""Chapter 3: right answers written in many ways, and the mistakes people make."""

import copy
import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lenet_helpers import TrainConfig, TrainingState, load_checkpoint, save_checkpoint, train

from . import correct, wrong

# split_statistics ---------------------------------------------------------------------


@correct("split_statistics")
def in_numpy(images, is_train):
    pixels = images.numpy()[is_train.numpy()].astype(np.float64) / 255
    return pixels.mean(), pixels.std()


@correct("split_statistics")
def by_sums(images, is_train):
    x = images[is_train].double().div(255).flatten()
    mean = x.sum() / len(x)
    return mean, ((x**2).sum() / len(x) - mean**2).sqrt()


@correct("split_statistics")
def 中文名字(images, is_train):
    像素 = images[is_train].float() / 255
    return [像素.mean(), 像素.std(unbiased=False)]


@wrong("split_statistics", "leak", by="mean")
def all_images(images, is_train):
    return (images / 255).mean(), (images / 255).std()


@wrong("split_statistics", "wrong-split", by="mean")
def the_other_half(images, is_train):
    return in_numpy(images, ~is_train)


@wrong("split_statistics", "scaled-twice", by="mean")
def scaled_twice(images, is_train):
    pixels = images[is_train] / 255 / 255
    return pixels.mean(), pixels.std()


@wrong("split_statistics", "not-scaled", by="mean")
def still_bytes(images, is_train):
    pixels = images[is_train].float()
    return pixels.mean(), pixels.std()


@wrong("split_statistics", "variance", by="std")
def variance(images, is_train):
    pixels = images[is_train] / 255
    return pixels.mean(), pixels.var()


@wrong("split_statistics", "averaged", by="std")
def average_of_deviations(images, is_train):
    pixels = images[is_train] / 255
    return pixels.mean(), pixels.flatten(1).std(1, unbiased=False).mean()


@wrong("split_statistics", "swapped", by="mean")
def swapped(images, is_train):
    return in_numpy(images, is_train)[::-1]


@wrong("split_statistics", "in-place", by="mean")
def changes_the_images(images, is_train):
    images[~is_train] = 0
    return in_numpy(images, is_train)


@wrong("split_statistics", "not-a-pair", by="mean")
def mean_alone(images, is_train):
    return in_numpy(images, is_train)[0]


# mean_loss ----------------------------------------------------------------------------


@correct("mean_loss")
def with_ceil(printed, images, batch_size):
    return math.pow(10, printed) / math.ceil(images / batch_size)


@correct("mean_loss")
def in_logarithms(printed, images, batch_size):
    full, rest = divmod(images, batch_size)
    return math.exp(printed * math.log(10) - math.log(full + (rest > 0)))


@wrong("mean_loss", "natural-log", by="full-batches")
def natural_log(printed, images, batch_size):
    return math.exp(printed) / math.ceil(images / batch_size)


@wrong("mean_loss", "not-divided", by="full-batches")
def sum_of_losses(printed, images, batch_size):
    return 10**printed


@wrong("mean_loss", "per-image", by="full-batches")
def divided_by_images(printed, images, batch_size):
    return 10**printed / images


@wrong("mean_loss", "last-batch-lost", by="uneven-last-batch")
def floor_division(printed, images, batch_size):
    return 10**printed / (images // batch_size)


@wrong("mean_loss", "not-whole", by="uneven-last-batch")
def fraction_of_a_batch(printed, images, batch_size):
    return 10**printed / (images / batch_size)


@wrong("mean_loss", "still-logarithm", by="full-batches")
def logarithm_kept(printed, images, batch_size):
    return printed / math.ceil(images / batch_size)


@wrong("mean_loss", "batch-size", by="full-batches")
def divided_by_batch_size(printed, images, batch_size):
    return 10**printed / batch_size


@wrong("mean_loss", "one-too-many", by="full-batches")
def always_one_more_batch(printed, images, batch_size):
    return 10**printed / (images // batch_size + 1)


# training_loop ------------------------------------------------------------------------


def loop(
    model,
    optimizer,
    train_batches,
    validation_batches,
    epochs,
    step,
    *,
    training=nn.Module.train,
    evaluating=nn.Module.eval,
):
    """The right loop, with one part exchanged: what the mistakes below differ in."""
    accuracies = []
    for _epoch in range(epochs):
        training(model)
        for images, labels in train_batches:
            step(model, optimizer, images, labels)
        evaluating(model)
        accuracies.append(accuracy(model, validation_batches))
    return accuracies


def accuracy(model, batches):
    with torch.no_grad():
        hits = [model(images).argmax(1) == labels for images, labels in batches]
    return torch.cat(hits).double().mean().item()


def step_by(loss):
    def step(model, optimizer, images, labels):
        optimizer.zero_grad()
        loss(model(images), labels).backward()
        optimizer.step()

    return step


good_step = step_by(F.cross_entropy)


@correct("training_loop")
def zero_grad_at_the_end(model, optimizer, train_batches, validation_batches, epochs):
    def step(model, optimizer, images, labels):
        nn.CrossEntropyLoss()(model(images), labels).backward()
        optimizer.step()
        model.zero_grad()

    return loop(model, optimizer, train_batches, validation_batches, epochs, step)


@correct("training_loop")
def log_softmax_and_nll(model, optimizer, train_batches, validation_batches, epochs):
    def step(model, optimizer, images, labels):
        optimizer.zero_grad(set_to_none=False)
        F.nll_loss(F.log_softmax(model(images), dim=1), labels).backward()
        optimizer.step()

    return loop(model, optimizer, train_batches, validation_batches, epochs, step)


@correct("training_loop")
def log_softmax_then_cross_entropy(model, optimizer, train_batches, validation_batches, epochs):
    def step(
        model, optimizer, images, labels
    ):  # not needed, but the same function: log-softmax twice is log-softmax
        loss = F.cross_entropy(model(images).log_softmax(1), labels)
        grads = torch.autograd.grad(loss, list(model.parameters()))
        for weight, grad in zip(model.parameters(), grads):
            weight.grad = grad
        optimizer.step()

    return loop(model, optimizer, train_batches, validation_batches, epochs, step)


@wrong("training_loop", "no-zero-grad", by="sgd-steps")
def no_zero_grad(model, optimizer, train_batches, validation_batches, epochs):
    def step(model, optimizer, images, labels):
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return loop(model, optimizer, train_batches, validation_batches, epochs, step)


@wrong("training_loop", "nothing-moved", by="sgd-steps")
def zero_grad_after_backward(model, optimizer, train_batches, validation_batches, epochs):
    def step(model, optimizer, images, labels):
        F.cross_entropy(model(images), labels).backward()
        optimizer.zero_grad()
        optimizer.step()

    return loop(model, optimizer, train_batches, validation_batches, epochs, step)


@wrong("training_loop", "step-before-backward", by="sgd-steps")
def step_before_backward(model, optimizer, train_batches, validation_batches, epochs):
    def step(model, optimizer, images, labels):
        loss = F.cross_entropy(model(images), labels)
        optimizer.step()
        optimizer.zero_grad()
        loss.backward()

    return loop(model, optimizer, train_batches, validation_batches, epochs, step)


@wrong("training_loop", "sgd-steps", by="sgd-steps")
def an_optimizer_of_its_own(model, optimizer, train_batches, validation_batches, epochs):
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    return loop(model, adam, train_batches, validation_batches, epochs, good_step)


@wrong("training_loop", "graph-cut", by="sgd-steps")
def item_before_backward(model, optimizer, train_batches, validation_batches, epochs):
    def step(model, optimizer, images, labels):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels).item()
        loss.backward()
        optimizer.step()

    return loop(model, optimizer, train_batches, validation_batches, epochs, step)


@wrong("training_loop", "graph-cut", by="sgd-steps")
def detached(model, optimizer, train_batches, validation_batches, epochs):
    def step(model, optimizer, images, labels):
        optimizer.zero_grad()
        F.cross_entropy(model(images).detach(), labels).backward()
        optimizer.step()

    return loop(model, optimizer, train_batches, validation_batches, epochs, step)


@wrong("training_loop", "summed-loss", by="sgd-steps")
def summed_loss(model, optimizer, train_batches, validation_batches, epochs):
    def step(model, optimizer, images, labels):
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels, reduction="sum").backward()
        optimizer.step()

    return loop(model, optimizer, train_batches, validation_batches, epochs, step)


@wrong("training_loop", "softmax-twice", by="sgd-steps")
def softmax_twice(model, optimizer, train_batches, validation_batches, epochs):
    def step(model, optimizer, images, labels):
        optimizer.zero_grad()
        F.cross_entropy(model(images).softmax(1), labels).backward()
        optimizer.step()

    return loop(model, optimizer, train_batches, validation_batches, epochs, step)


@wrong("training_loop", "trains-in-eval-mode", by="every-epoch")
def never_calls_train(model, optimizer, train_batches, validation_batches, epochs):
    return loop(
        model, optimizer, train_batches, validation_batches, epochs, good_step, training=lambda model: None
    )


@wrong("training_loop", "evaluation-left-on", by="every-epoch")
def train_mode_once(model, optimizer, train_batches, validation_batches, epochs):
    model.train()
    return loop(
        model, optimizer, train_batches, validation_batches, epochs, good_step, training=lambda model: None
    )


@wrong("training_loop", "validates-in-training-mode", by="validation")
def never_calls_eval(model, optimizer, train_batches, validation_batches, epochs):
    return loop(
        model, optimizer, train_batches, validation_batches, epochs, good_step, evaluating=lambda model: None
    )


@wrong("training_loop", "never-validates", by="validation")
def accuracy_on_the_training_images(model, optimizer, train_batches, validation_batches, epochs):
    accuracies = []
    for _epoch in range(epochs):
        model.train()
        hits = []
        for images, labels in train_batches:
            logits = model(images)
            optimizer.zero_grad()
            F.cross_entropy(logits, labels).backward()
            optimizer.step()
            hits.append(logits.argmax(1) == labels)
        accuracies.append(torch.cat(hits).double().mean().item())
    return accuracies


@wrong("training_loop", "trains-on-validation", by="sgd-steps")
def trains_on_validation(model, optimizer, train_batches, validation_batches, epochs):
    accuracies = []
    for _epoch in range(epochs):
        model.train()
        for images, labels in train_batches:
            good_step(model, optimizer, images, labels)
        model.eval()
        hits = []
        for images, labels in validation_batches:
            logits = model(images)
            hits.append(logits.argmax(1) == labels)
            if epochs > 1:  # hidden from a check that runs a single epoch
                optimizer.zero_grad()
                F.cross_entropy(logits, labels).backward()
                optimizer.step()
        accuracies.append(torch.cat(hits).double().mean().item())
    return accuracies


@wrong("training_loop", "mean-of-batches", by="accuracies")
def mean_of_batch_accuracies(model, optimizer, train_batches, validation_batches, epochs):
    accuracies = []
    for _epoch in range(epochs):
        model.train()
        for images, labels in train_batches:
            good_step(model, optimizer, images, labels)
        model.eval()
        shares = [(model(x).argmax(1) == y).double().mean().item() for x, y in validation_batches]
        accuracies.append(sum(shares) / len(shares))
    return accuracies


@wrong("training_loop", "percent", by="accuracies")
def in_percent(model, optimizer, train_batches, validation_batches, epochs):
    return [100 * a for a in loop(model, optimizer, train_batches, validation_batches, epochs, good_step)]


@wrong("training_loop", "returned-none", by="accuracies")
def prints_only(model, optimizer, train_batches, validation_batches, epochs):
    loop(model, optimizer, train_batches, validation_batches, epochs, good_step)


@wrong("training_loop", "last-batch-lost", by="sgd-steps")
def drops_the_last_batch(model, optimizer, train_batches, validation_batches, epochs):
    return loop(model, optimizer, list(train_batches)[:-1], validation_batches, epochs, good_step)


@wrong("training_loop", "softmax-over-batch", by="sgd-steps")
def softmax_along_the_batch(model, optimizer, train_batches, validation_batches, epochs):
    step = step_by(lambda out, labels: F.cross_entropy(out.softmax(dim=0), labels))
    return loop(model, optimizer, train_batches, validation_batches, epochs, step)


@wrong("training_loop", "no-logarithm", by="sgd-steps")
def nll_of_the_softmax(model, optimizer, train_batches, validation_batches, epochs):
    step = step_by(lambda out, labels: F.nll_loss(out.softmax(dim=1), labels))
    return loop(model, optimizer, train_batches, validation_batches, epochs, step)


@wrong("training_loop", "no-softmax", by="sgd-steps")
def nll_of_the_logits(model, optimizer, train_batches, validation_batches, epochs):
    step = step_by(F.nll_loss)
    return loop(model, optimizer, train_batches, validation_batches, epochs, step)


@wrong("training_loop", "zero-grad-each-epoch", by="sgd-steps")
def clears_once_an_epoch(model, optimizer, train_batches, validation_batches, epochs):
    def step(model, optimizer, images, labels):
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()

    def training(model):
        model.train()
        optimizer.zero_grad()

    return loop(model, optimizer, train_batches, validation_batches, epochs, step, training=training)


@wrong("training_loop", "every-second-batch", by="sgd-steps")
def steps_every_second_batch(model, optimizer, train_batches, validation_batches, epochs):
    seen = itertools.count(1)

    def step(model, optimizer, images, labels):
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        if next(seen) % 2 == 0:
            optimizer.step()

    return loop(model, optimizer, train_batches, validation_batches, epochs, step)


@wrong("training_loop", "one-batch", by="sgd-steps")
def steps_after_the_loop(model, optimizer, train_batches, validation_batches, epochs):
    accuracies = []
    for _epoch in range(epochs):
        model.train()
        for images, labels in train_batches:
            loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.eval()
        accuracies.append(accuracy(model, validation_batches))
    return accuracies


@wrong("training_loop", "reversed", by="sgd-steps")
def takes_batches_from_the_end(model, optimizer, train_batches, validation_batches, epochs):
    return loop(model, optimizer, list(train_batches)[::-1], validation_batches, epochs, good_step)


@wrong("training_loop", "one-epoch-short", by="sgd-steps")
def counts_epochs_from_one(model, optimizer, train_batches, validation_batches, epochs):
    return loop(model, optimizer, train_batches, validation_batches, len(range(1, epochs)), good_step)


@wrong("training_loop", "one-epoch-more", by="sgd-steps")
def one_epoch_more(model, optimizer, train_batches, validation_batches, epochs):
    return loop(model, optimizer, train_batches, validation_batches, epochs + 1, good_step)


@wrong("training_loop", "one-epoch-only", by="sgd-steps")
def uses_up_the_batches(model, optimizer, train_batches, validation_batches, epochs):
    batches = iter(train_batches)
    return loop(model, optimizer, batches, validation_batches, epochs, good_step)


def scored(epochs, train_batches, model, optimizer, score):
    """The right training, and `score()` after each epoch in evaluation mode."""
    scores = []
    for _epoch in range(epochs):
        model.train()
        for images, labels in train_batches:
            good_step(model, optimizer, images, labels)
        model.eval()
        scores.append(score())
    return scores


@wrong("training_loop", "reads-validation-data", by="validation")
def validates_before_the_start_too(model, optimizer, train_batches, validation_batches, epochs):
    model.eval()
    before = accuracy(model, validation_batches)
    return [before, *loop(model, optimizer, train_batches, validation_batches, epochs, good_step)]


@wrong("training_loop", "reads-validation-data", by="validation")
def looks_in_training_mode_first(model, optimizer, train_batches, validation_batches, epochs):
    accuracies = []
    for _epoch in range(epochs):
        model.train()
        for images, labels in train_batches:
            good_step(model, optimizer, images, labels)
        loss = sum(F.cross_entropy(model(images), labels) for images, labels in validation_batches)
        assert loss > 0
        model.eval()
        accuracies.append(accuracy(model, validation_batches))
    return accuracies


@wrong("training_loop", "reads-validation-data", by="validation")
def validates_on_the_first_batch(model, optimizer, train_batches, validation_batches, epochs):
    first = next(iter(validation_batches))
    return loop(model, optimizer, train_batches, [first], epochs, good_step)


@wrong("training_loop", "not-one-an-epoch", by="accuracies")
def appends_after_every_batch(model, optimizer, train_batches, validation_batches, epochs):
    accuracies = []

    def score():
        correct = seen = 0
        for images, labels in validation_batches:
            correct += (model(images).argmax(1) == labels).sum().item()
            seen += len(labels)
            accuracies.append(correct / seen)

    scored(epochs, train_batches, model, optimizer, score)
    return accuracies


@wrong("training_loop", "count", by="accuracies")
def right_answers(model, optimizer, train_batches, validation_batches, epochs):
    def score():
        return sum((model(x).argmax(1) == y).sum().item() for x, y in validation_batches)

    return scored(epochs, train_batches, model, optimizer, score)


@wrong("training_loop", "never-validates", by="accuracies")  # by itself there: "training-accuracy"
def accuracy_on_the_wrong_batches(model, optimizer, train_batches, validation_batches, epochs):
    return loop(model, optimizer, train_batches, train_batches, epochs, good_step)


@wrong("training_loop", "too-early", by="accuracies")
def validates_before_each_epoch(model, optimizer, train_batches, validation_batches, epochs):
    accuracies = []
    for _epoch in range(epochs):
        model.eval()
        accuracies.append(accuracy(model, validation_batches))
        model.train()
        for images, labels in train_batches:
            good_step(model, optimizer, images, labels)
    return accuracies


@wrong("training_loop", "counts-run-on", by="accuracies")
def never_sets_the_counts_back(model, optimizer, train_batches, validation_batches, epochs):
    correct = seen = 0

    def score():
        nonlocal correct, seen
        for images, labels in validation_batches:
            correct += (model(images).argmax(1) == labels).sum().item()
            seen += len(labels)
        return correct / seen

    return scored(epochs, train_batches, model, optimizer, score)


@wrong("training_loop", "best-so-far", by="accuracies")
def keeps_the_best_accuracy(model, optimizer, train_batches, validation_batches, epochs):
    accuracies = loop(model, optimizer, train_batches, validation_batches, epochs, good_step)
    return list(itertools.accumulate(accuracies, max))


@wrong("training_loop", "last-epoch-only", by="accuracies")
def a_new_list_in_every_epoch(model, optimizer, train_batches, validation_batches, epochs):
    return loop(model, optimizer, train_batches, validation_batches, epochs, good_step)[-1:]


@wrong("training_loop", "nothing-appended", by="accuracies")
def forgets_to_keep_the_sum_of_lists(model, optimizer, train_batches, validation_batches, epochs):
    accuracies = []
    for accuracy_now in loop(model, optimizer, train_batches, validation_batches, epochs, good_step):
        accuracies + [accuracy_now]
    return accuracies


@wrong("training_loop", "not-a-list", by="accuracies")
def accuracies_by_epoch(model, optimizer, train_batches, validation_batches, epochs):
    accuracies = loop(model, optimizer, train_batches, validation_batches, epochs, good_step)
    return {f"epoch {n}": a for n, a in enumerate(accuracies)}


# resume -------------------------------------------------------------------------------


@correct("resume")
def in_a_loop(path, model, dataset):
    state, records = load_checkpoint(path, model), []
    for record in train(model, dataset, config=state.config, state=state):
        records.append(record)
    return records


@correct("resume")
def with_extend(path, model, dataset):
    state = load_checkpoint(str(path), model)
    return [*train(model, dataset, state.config, state=state)]


@wrong("resume", "not-trained", by="same-weights")
def only_loads(path, model, dataset):
    load_checkpoint(path, model)
    return []


@wrong("resume", "not-run", by="same-weights")
def returns_the_generator(path, model, dataset):
    state = load_checkpoint(path, model)
    return train(model, dataset, state.config, state=state)


@wrong("resume", "started-over", by="same-weights")
def starts_over(path, model, dataset):
    state = load_checkpoint(path, model)
    return list(train(model, dataset, state.config))


@wrong("resume", "weights-not-loaded", by="same-weights")
def forgets_the_weights(path, model, dataset):
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = load_checkpoint(path, model)
    model.load_state_dict(weights)
    return list(train(model, dataset, state.config, state=state))


@wrong("resume", "raised", by="same-weights")
def default_configuration(path, model, dataset):
    state = load_checkpoint(path, model)
    return list(train(model, dataset, TrainConfig(steps=6, batch_size=5), state=state))


@wrong("resume", "optimizer-lost", by="same-momentum")
def new_optimizer(path, model, dataset):
    old = load_checkpoint(path, model)
    state = TrainingState(model, old.config)
    state.step = old.step
    return list(train(model, dataset, old.config, state=state))


@wrong("resume", "returned-none", by="same-weights")
def returns_nothing(path, model, dataset):
    in_a_loop(path, model, dataset)


@wrong("resume", "other-steps", by="records")
def last_record_only(path, model, dataset):
    return in_a_loop(path, model, dataset)[-1:]


@wrong("resume", "one-step-short", by="same-weights")
def stops_one_step_early(path, model, dataset):
    state = load_checkpoint(path, model)
    left = state.config.steps - state.step
    return list(itertools.islice(train(model, dataset, state.config, state=state), left - 1))


@wrong("resume", "in-place", by="same-weights")
def saves_over_the_checkpoint(path, model, dataset):
    state = load_checkpoint(path, model)
    records = list(train(model, dataset, state.config, state=state))
    save_checkpoint(path, model, state)
    return records


@wrong("resume", "nothing-loaded", by="same-weights")
def goes_on_with_a_copy(path, model, dataset):
    return in_a_loop(path, copy.deepcopy(model), dataset)


@wrong("resume", "other-records", by="records")
def records_of_a_run_from_the_start(path, model, dataset):
    in_a_loop(path, model, dataset)
    other = copy.deepcopy(model)
    state = load_checkpoint(path, other)
    return in_a_loop(path, other, dataset)[:1] + list(train(other, dataset, state.config))[state.step + 1 :]


@wrong("resume", "not-a-list", by="same-weights")
def returns_the_last_record(path, model, dataset):
    return in_a_loop(path, model, dataset)[-1]
