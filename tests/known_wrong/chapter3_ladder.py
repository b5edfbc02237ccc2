"""Chapter 3, fitting one batch: right answers written in other ways, and the mistakes people make."""

import torch
import torch.nn.functional as F

from lenet_helpers.training import training_step

from . import correct, wrong


@correct("fit_one_batch")
def with_the_package(model, optimizer, images, labels, steps):
    model.train()
    return [training_step(model, optimizer, images, labels)[0].item() for _step in range(steps)]


@correct("fit_one_batch")
def as_tensors(model, optimizer, images, labels, steps):
    model.train(True)
    losses = []
    while len(losses) < steps:
        model.zero_grad()
        loss = torch.nn.CrossEntropyLoss()(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)


def _loop(model, optimizer, images, labels, steps, clear="first", note="before", reduction="mean", step=True):
    model.train()
    losses = []
    for _step in range(steps):
        loss = F.cross_entropy(model(images), labels, reduction=reduction)
        if clear == "first":
            optimizer.zero_grad()
        loss.backward()
        if clear == "late":
            optimizer.zero_grad()
        if step:
            optimizer.step()
        losses.append(F.cross_entropy(model(images), labels).item() if note == "after" else loss.item())
    return losses


@wrong("fit_one_batch", "no-zero-grad")
def never_clears(*arguments):
    return _loop(*arguments, clear="never")


@wrong("fit_one_batch", "no-move")
def clears_before_the_step(*arguments):
    return _loop(*arguments, clear="late")


@wrong("fit_one_batch", "no-move")
def forgets_the_step(*arguments):
    return _loop(*arguments, step=False)


@wrong("fit_one_batch", "summed")
def sums_the_losses(*arguments):
    return _loop(*arguments, reduction="sum")


@wrong("fit_one_batch", "after-the-step")
def notes_the_loss_after(*arguments):
    return _loop(*arguments, note="after")


@wrong("fit_one_batch", "softmax-twice")
def softmax_before_the_loss(model, optimizer, images, labels, steps):
    return _loop(lambda_of(model), optimizer, images, labels, steps)


class lambda_of:
    """The model with a softmax on top."""

    def __init__(self, model):
        self.model = model

    def __call__(self, images):
        return self.model(images).softmax(1)

    def train(self):
        self.model.train()


@wrong("fit_one_batch", "evaluation-mode")
def leaves_the_mode(model, optimizer, images, labels, steps):
    return [training_step(model, optimizer, images, labels)[0].item() for _step in range(steps)]


@wrong("fit_one_batch", "wrong-count")
def one_loss_too_many(model, optimizer, images, labels, steps):
    losses = _loop(model, optimizer, images, labels, steps)
    return [*losses, F.cross_entropy(model(images), labels).item()]


@wrong("fit_one_batch", "not-a-list")
def returns_the_last(*arguments):
    return _loop(*arguments)[-1]


@wrong("fit_one_batch", "returned-none")
def prints_them(*arguments):
    print(_loop(*arguments)[-1])


@wrong("fit_one_batch", "weights", by="weights")
def with_adam(model, optimizer, images, labels, steps):
    return _loop(model, torch.optim.Adam(model.parameters()), images, labels, steps)


@wrong("fit_one_batch", "losses", by="losses")
def divides_once_more(model, optimizer, images, labels, steps):
    return [loss / (1 + len(images)) for loss in _loop(model, optimizer, images, labels, steps)]
