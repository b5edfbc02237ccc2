"""What three nets make of permuted pixels, and of few digits: chapter 1's two measurements.

    python -m benchmarks.permutation permutation       # eight minutes on one core
    python -m benchmarks.permutation sizes             # eight minutes on one core

Data: full MNIST from `--data`, else $LENET_DATA, else the cache. 10,000 of its training
images are set aside for validation, the same for all runs; the test images are not
touched. Each seed draws the training images, one permutation and the initial weights,
and every run of a seed shares them. One thread, so that digits repeat.

`permutation`: 3,000 training digits, 0 to 100 % of the pixels permuted; writes
lenet_helpers/results/permutation.json. `sizes`: pixels as they are, 100 to 3,000 training
digits, the same number of steps for each, two learning rates; writes training-size.json.
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from lenet_helpers.data import Split, load_dataset, split_by_class
from lenet_helpers.explorers.permutation import dense_net, permutation
from lenet_helpers.figures.sharing import local_net
from lenet_helpers.models import LeNet
from lenet_helpers.summary import count_parameters
from lenet_helpers.training import QUICK, train
from lenet_helpers.tuning.evidence import paired_bootstrap

FOLDER = Path(__file__).resolve().parent.parent / "lenet_helpers" / "results"
RESULTS, SIZES = FOLDER / "permutation.json", FOLDER / "training-size.json"
PERCENTS = (0, 25, 50, 75, 100)
NETS = {"dense": dense_net, "local": local_net, "conv": LeNet}
TRAIN_IMAGES, VALIDATION_IMAGES = 3_000, 10_000
TRAIN_SIZES = (100, 300, 1_000, 3_000)
RATES = (0.004, 0.008)  # each net is shown at its better one
STEPS = 470  # five epochs of 3,000 digits in batches of 32, the quick recipe


def permuted(split, order):
    """The split with the pixels of every image in the order given."""
    flat = split.images.flatten(1)[:, torch.from_numpy(order)]
    return Split(flat.reshape(split.images.shape), split.labels)


def right(net, dataset, seed, recipe=QUICK):
    """Which validation images a freshly trained `net` gets right, (n,) of booleans."""
    torch.manual_seed(seed)
    model = NETS[net]()
    for _record in train(model, dataset, recipe):
        pass
    with torch.inference_mode():
        guess = torch.cat([model(part).argmax(1) for part in dataset.validation.images.split(1000)])
    return (guess == dataset.validation.labels).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("part", choices=("permutation", "sizes"))
    parser.add_argument("--data")
    parser.add_argument("--seeds", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    everything = load_dataset("mnist", root=options.data, validation=VALIDATION_IMAGES)
    if options.part == "sizes":
        measure_sizes(everything, options.seeds or 6)
    else:
        measure_permutation(everything, options.seeds or 10)


def drawn(everything, n, seed):
    """The data set with `n` of its training images, the same for every net of a seed."""
    chosen, _rest = split_by_class(everything.train.labels, n, 0, seed)
    return replace(everything, train=everything.train[torch.from_numpy(chosen)])


def measure_permutation(everything, seeds):
    """Every net at every percentage, `seeds` times."""
    hits = {(net, p): [] for net in NETS for p in PERCENTS}
    for seed in range(seeds):
        plain = drawn(everything, TRAIN_IMAGES, seed)
        for percent in PERCENTS:
            order = permutation(percent / 100, seed)
            data = replace(
                plain, train=permuted(plain.train, order), validation=permuted(plain.validation, order)
            )
            for net in NETS:
                hits[net, percent].append(right(net, data, seed))
                print(seed, percent, net, hits[net, percent][-1].mean(), flush=True)
    write(hits, seeds)


def measure_sizes(everything, seeds):
    """Every net, number of training digits and learning rate, `seeds` times."""
    accuracy = {net: {str(n): {str(rate): [] for rate in RATES} for n in TRAIN_SIZES} for net in NETS}
    for seed in range(seeds):
        for n in TRAIN_SIZES:
            data = drawn(everything, n, seed)
            for net in NETS:
                for rate in RATES:
                    recipe = replace(QUICK, learning_rate=rate, steps=STEPS, record_every=STEPS)
                    share = round(float(right(net, data, seed, recipe).mean()), 4)
                    accuracy[net][str(n)][str(rate)].append(share)
                    print(seed, n, net, rate, share, flush=True)
    recipe = asdict(replace(QUICK, steps=STEPS)) | {"learning_rate": list(RATES)}
    conditions = conditions_of(seeds, recipe, "sizes") | {"train_images": list(TRAIN_SIZES)}
    save(SIZES, {"conditions": conditions, "accuracy": accuracy})


def conditions_of(seeds, recipe, part):
    """Under what conditions a part was measured."""
    return {
        "dataset": "MNIST",
        "train_images": TRAIN_IMAGES,
        "validation_images": VALIDATION_IMAGES,
        "seeds": seeds,
        "recipe": recipe,
        "threads": 1,
        "torch": torch.__version__.split("+")[0],
        "parameters": {net: count_parameters(make()) for net, make in NETS.items()},
        "made_by": f"python -m benchmarks.permutation {part}",
    }


def save(path, content):
    """Write `content` as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write(hits, seeds):
    """The accuracies of all runs, and each net's paired difference at 100 % against 0 %."""
    accuracy = {
        net: {str(p): [round(float(h.mean()), 4) for h in hits[net, p]] for p in PERCENTS} for net in NETS
    }
    change = {net: asdict(paired_bootstrap(np.array(hits[net, 100]), np.array(hits[net, 0]))) for net in NETS}
    conditions = conditions_of(seeds, asdict(QUICK), "permutation")
    save(RESULTS, {"conditions": conditions, "accuracy": accuracy, "change": change})


if __name__ == "__main__":
    main()
