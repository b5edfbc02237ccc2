"""What can go wrong in a training loop, how it shows in the records, and how it is mended."""

from typing import NamedTuple

from ..wording import N_, _


class Fault(NamedTuple):
    """Something wrong with a training loop."""

    name: str  # what a reader would call it
    looks: str  # what its curves look like
    fix: str
    before: str  # the faulty lines
    after: str  # the mended ones


FAULTS = {
    "rate-too-high": Fault(
        N_("the learning rate is far too high"),
        N_(
            "A learning rate far too high throws the weights about: the loss jumps up at first or settles"
            " near ln 10, at once and for good, in training and validation alike."
        ),
        N_("a learning rate of 0.05"),
        "optimizer = torch.optim.SGD(model.parameters(), lr=1.0)",
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.05)",
    ),
    "rate-too-low": Fault(
        N_("the learning rate is far too low"),
        N_(
            "A learning rate far too low lets both losses creep down together, epoch after epoch by the same"
            " little, with no noise to speak of."
        ),
        N_("a learning rate of 0.05"),
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.001)",
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.05)",
    ),
    "no-zero-grad": Fault(
        N_("zero_grad() is missing"),
        N_(
            "Without zero_grad() each step follows the sum of all gradients so far and overshoots again and"
            " again: the net may begin to learn, but then the loss rises above ln 10 and stays there, in"
            " training and validation."
        ),
        N_("optimizer.zero_grad() before loss.backward()"),
        "loss.backward()",
        "optimizer.zero_grad()\nloss.backward()",
    ),
    "broken-pairs": Fault(
        N_("images and labels no longer belong together"),
        N_(
            "With images and labels out of step there is nothing to learn but each image by heart: training"
            " stays near ln 10, and may slowly leave it, while validation stays at chance or gets worse."
        ),
        N_("shuffle images and labels by the same order"),
        "train = Split(train.images[order], train.labels)",
        "train = Split(train.images[order], train.labels[order])",
    ),
    "softmax-twice": Fault(
        N_("a softmax stands before the loss, which has one of its own"),
        N_(
            "With a second softmax the logits lie between 0 and 1, so the loss cannot fall below −ln(e/(e +"
            " 9)) = 1.46 however right the net is: learning starts late, and a fair accuracy stands beside a"
            " loss that would fit a far worse one."
        ),
        N_("hand the logits to F.cross_entropy, without softmax"),
        "loss = F.cross_entropy(model(images).softmax(1), labels)",
        "loss = F.cross_entropy(model(images), labels)",
    ),
    "dropout-in-evaluation": Fault(
        N_("dropout is left on while validating"),
        N_(
            "With dropout on while validating, two scores of the same weights on the same images differ, and"
            " validation stays below what the weights can do."
        ),
        N_("model.eval() before scoring, model.train() after it"),
        "logits = model(validation.images)",
        "model.eval()\nlogits = model(validation.images)\nmodel.train()",
    ),
}


def evidence(fault, records):
    """What the `records` of a run say for or against `fault`: one sentence with their numbers."""
    train, validation = ([r[f"{part}_loss"] for r in records] for part in ("train", "validation"))
    if fault == "rate-too-high":
        return _(
            "Here the training loss starts at {first:.2f}, never falls below {low:.2f} and ends at"
            " {last:.2f}."
        ).format(first=train[0], low=min(train), last=train[-1])
    if fault == "rate-too-low":
        change = max(abs(b - a) for a, b in zip(train, train[1:]))
        return _("Here the training loss changes by up to {change:.3f} from one epoch to the next.").format(
            change=change
        )
    if fault == "no-zero-grad":
        return _(
            "Here the training loss of the first epoch is {first:.2f}, the highest later one {high:.2f}, the"
            " last {last:.2f}."
        ).format(first=train[0], high=max(train[1:]), last=train[-1])
    if fault == "broken-pairs":
        return _(
            "Here the training loss falls to {train:.2f}, the validation loss to {validation:.2f}, and the"
            " best validation accuracy is {best:.0%}."
        ).format(
            train=min(train), validation=min(validation), best=max(r["validation_accuracy"] for r in records)
        )
    if fault == "softmax-twice":
        least = min(records, key=lambda record: record["train_loss"])
        return _("Here the lowest training loss is {low:.2f}, at a training accuracy of {right:.0%}.").format(
            low=least["train_loss"], right=least["train_accuracy"]
        )
    differ = sum(r["validation_accuracy"] != r["scored_again"] for r in records)
    return _("Here two scores of the same weights differ in {n} of {epochs} epochs.").format(
        n=differ, epochs=len(records)
    )
