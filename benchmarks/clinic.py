"""Six runs that are really broken, and their repaired twins: the patients of chapter 3's clinic.

    python -m benchmarks.clinic               # a minute or two; writes lenet_helpers/results/clinic.json

Embedded digits, 2,000 to train on and 1,000 to validate on; plain SGD, learning rate 0.05,
batches of 32, 20 epochs; every run starts from the same weights and sees the images in
the same order. After each epoch the validation images are scored twice, as a careful
reader of a strange curve would. One seed: the runs are examples, not measurements.
"""

import argparse
import json
from datetime import date
from pathlib import Path

import torch
import torch.nn.functional as F

from lenet_helpers.data import Split, batches, load_dataset
from lenet_helpers.models import LeNetConfig, LeNetVariant
from lenet_helpers.modes import evaluation_mode

RESULT = Path(__file__).resolve().parents[1] / "lenet_helpers" / "results" / "clinic.json"
EPOCHS, BATCH, SEED = 20, 32, 0
# What differs from a healthy run, and which healthy run shows the repair.
CASES = {
    "rate-too-high": dict(rate=1.0),
    "rate-too-low": dict(rate=0.001),
    "no-zero-grad": dict(clear=False),
    "broken-pairs": dict(shuffle_labels=True),
    "softmax-twice": dict(softmax=True),
    "dropout-in-evaluation": dict(dropout=0.5, evaluate_in_training_mode=True),
}
HEALTHY = {"healthy": {}, "healthy-dropout": dict(dropout=0.5)}
REPAIRED = {name: "healthy-dropout" if name == "dropout-in-evaluation" else "healthy" for name in CASES}


def run(
    *,
    rate=0.05,
    clear=True,
    shuffle_labels=False,
    softmax=False,
    dropout=0.0,
    evaluate_in_training_mode=False,
    epochs=EPOCHS,
):
    """The records, one a dict, of a loop with the faults asked for."""
    data = load_dataset(n_train=2000, validation=1000, seed=SEED)
    train = data.train
    if shuffle_labels:
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(SEED))
        train = Split(train.images[order], train.labels)  # the labels did not come along
    torch.manual_seed(SEED)
    model = LeNetVariant(LeNetConfig(dropout=dropout))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    answer = (lambda x: model(x).softmax(1)) if softmax else model
    generator, records = torch.Generator().manual_seed(SEED), []
    for epoch in range(1, epochs + 1):
        loss, accuracy = _epoch(answer, optimizer, batches(train, BATCH, generator), clear, len(train))
        first, second = (
            _score(model, answer, data.validation, evaluate_in_training_mode) for _again in range(2)
        )
        records.append(
            dict(
                epoch=epoch,
                train_loss=loss,
                train_accuracy=accuracy,
                validation_loss=first[0],
                validation_accuracy=first[1],
                scored_again=second[1],
            )
        )
    return [{key: round(value, 4) for key, value in record.items()} for record in records]


def _epoch(answer, optimizer, pairs, clear, n):
    total, right = 0.0, 0
    for images, labels in pairs:
        logits = answer(images)
        loss = F.cross_entropy(logits, labels)
        if clear:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        right += (logits.argmax(1) == labels).sum().item()
    return total / n, right / n


def _score(model, answer, split, in_training_mode):
    if not in_training_mode:
        with evaluation_mode(model):
            return _score(model, answer, split, True)
    with torch.no_grad():
        logits = answer(split.images)
    return (
        F.cross_entropy(logits, split.labels).item(),
        (logits.argmax(1) == split.labels).double().mean().item(),
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # the same digits on every run of one machine
    runs = {}
    for name, faults in (HEALTHY | CASES).items():
        runs[name] = run(**faults, epochs=options.epochs)
        print(name, runs[name][-1], flush=True)
    about = dict(
        command="python -m benchmarks.clinic",
        date=date.today().isoformat(),
        torch=torch.__version__,
        seed=SEED,
        runs_each=1,
        conditions=(
            "embedded digits, 2,000 to train, 1,000 to validate, SGD, learning rate 0.05 unless that is the"
            " fault, batch 32"
        ),
    )
    RESULT.write_text(json.dumps(about | {"repaired": REPAIRED, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
