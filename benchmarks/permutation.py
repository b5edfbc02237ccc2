"""What a dense and a convolutional net lose when pixels are permuted: chapter 1's measurement.

    python -m benchmarks.permutation               # a few minutes on one core

Data: full MNIST from `--data`, else $LENET_DATA, else the cache. 10,000 of its training
images are set aside for validation, the same for all runs; the test images are not
touched. Each seed draws 3,000 training images, one permutation and the initial weights,
and every run of a seed shares them. Writes lenet_helpers/results/permutation.json. One thread, so that
digits repeat.
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from lenet_helpers.data import Split, load_dataset, split_by_class
from lenet_helpers.explorers.permutation import dense_net, permutation
from lenet_helpers.models import LeNet
from lenet_helpers.summary import count_parameters
from lenet_helpers.training import QUICK, train
from lenet_helpers.tuning.evidence import paired_bootstrap

RESULTS = Path(__file__).resolve().parent.parent / "lenet_helpers" / "results" / "permutation.json"
PERCENTS = (0, 25, 50, 75, 100)
NETS = {"dense": dense_net, "conv": LeNet}
TRAIN_IMAGES, VALIDATION_IMAGES = 3_000, 10_000


def permuted(split, order):
    """The split with the pixels of every image in the order given."""
    flat = split.images.flatten(1)[:, torch.from_numpy(order)]
    return Split(flat.reshape(split.images.shape), split.labels)


def right(net, dataset, seed):
    """Which validation images a freshly trained `net` gets right, (n,) of booleans."""
    torch.manual_seed(seed)
    model = NETS[net]()
    for _record in train(model, dataset, QUICK):
        pass
    with torch.inference_mode():
        guess = torch.cat([model(part).argmax(1) for part in dataset.validation.images.split(1000)])
    return (guess == dataset.validation.labels).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    hits = {(net, p): [] for net in NETS for p in PERCENTS}
    everything = load_dataset("mnist", root=options.data, validation=VALIDATION_IMAGES)
    for seed in range(options.seeds):
        chosen, _rest = split_by_class(everything.train.labels, TRAIN_IMAGES, 0, seed)
        plain = replace(everything, train=everything.train[torch.from_numpy(chosen)])
        for percent in PERCENTS:
            order = permutation(percent / 100, seed)
            data = replace(
                plain, train=permuted(plain.train, order), validation=permuted(plain.validation, order)
            )
            for net in NETS:
                hits[net, percent].append(right(net, data, seed))
                print(seed, percent, net, hits[net, percent][-1].mean(), flush=True)
    write(hits, options.seeds)


def write(hits, seeds):
    """The accuracies of all runs, and each net's paired difference at 100 % against 0 %."""
    accuracy = {
        net: {str(p): [round(float(h.mean()), 4) for h in hits[net, p]] for p in PERCENTS} for net in NETS
    }
    change = {net: asdict(paired_bootstrap(np.array(hits[net, 100]), np.array(hits[net, 0]))) for net in NETS}
    conditions = {
        "dataset": "MNIST",
        "train_images": TRAIN_IMAGES,
        "validation_images": VALIDATION_IMAGES,
        "seeds": seeds,
        "recipe": asdict(QUICK),
        "threads": 1,
        "parameters": {net: count_parameters(make()) for net, make in NETS.items()},
        "made_by": "python -m benchmarks.permutation",
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(
        json.dumps({"conditions": conditions, "accuracy": accuracy, "change": change}, indent=1) + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
