"""What three nets make of permuted pixels, and of few digits: chapter 1's two measurements.

    python -m benchmarks.permutation permutation       # two minutes on one core
    python -m benchmarks.permutation local             # one minute
    python -m benchmarks.permutation sizes             # five minutes; goes on where it was stopped

Data: full MNIST from `--data`, else $LENET_DATA, else the cache. 10,000 of its training
images are set aside for validation, the same for all runs; the test images are not
touched. Each seed draws the training images, one permutation and the initial weights,
and every run of a seed shares them. One thread, so that digits repeat.

`permutation`: dense and convolutional, 3,000 training digits, 0 to 100 % of the pixels permuted;
writes lenet_helpers/results/permutation.json. `local`: the locally connected net on the same images
and permutations, at 0 and 100 %; writes permutation-local.json. `sizes`: all three, pixels as they
are, 100 to 3,000 training digits, the same number of steps for each, two learning rates; writes
training-size.json.
"""

import argparse
import json
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch

from lenet_helpers.data import Split, load_dataset, split_by_class
from lenet_helpers.explorers.permutation import dense_net, permutation
from lenet_helpers.figures.sharing import local_net
from lenet_helpers.models import LeNet
from lenet_helpers.summary import count_parameters
from lenet_helpers.training import QUICK, train
from lenet_helpers.tuning.evidence import paired_difference

FOLDER = Path(__file__).resolve().parent.parent / "lenet_helpers" / "results"
RESULTS, LOCAL = FOLDER / "permutation.json", FOLDER / "permutation-local.json"
SIZES = FOLDER / "training-size.json"
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
    for _record in train(model, replace(dataset, validation=None), recipe):  # judged once, below
        pass
    with torch.inference_mode():
        guess = torch.cat([model(part).argmax(1) for part in dataset.validation.images.split(1000)])
    return (guess == dataset.validation.labels).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("part", choices=("permutation", "local", "sizes"))
    parser.add_argument("--data")
    parser.add_argument("--seeds", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    everything = load_dataset("mnist", root=options.data, validation=VALIDATION_IMAGES)
    if options.part == "sizes":
        measure_sizes(everything, options.seeds or 10)
    elif options.part == "local":
        measure_permutation(everything, options.seeds or 10, LOCAL, ("local",), (0, 100))
    else:
        measure_permutation(everything, options.seeds or 10, RESULTS, ("dense", "conv"), PERCENTS)


def drawn(everything, n, seed):
    """The data set with `n` of its training images, the same for every net of a seed."""
    chosen, _rest = split_by_class(everything.train.labels, n, 0, seed)
    return replace(everything, train=everything.train[torch.from_numpy(chosen)])


def measure_permutation(everything, seeds, path, nets, percents):
    """Each of `nets` at each of `percents`, `seeds` times."""
    hits = {(net, p): [] for net in nets for p in percents}
    for seed in range(seeds):
        plain = drawn(everything, TRAIN_IMAGES, seed)
        for percent in percents:
            order = permutation(percent / 100, seed)
            data = replace(
                plain, train=permuted(plain.train, order), validation=permuted(plain.validation, order)
            )
            for net in nets:
                hits[net, percent].append(right(net, data, seed))
                print(seed, percent, net, hits[net, percent][-1].mean(), flush=True)
    write(path, hits, seeds)


def measure_sizes(everything, seeds):
    """Every net, number of training digits and learning rate, `seeds` times; saved after each."""
    accuracy = {net: {str(n): {str(rate): [] for rate in RATES} for n in TRAIN_SIZES} for net in NETS}
    if SIZES.exists():
        accuracy = json.loads(SIZES.read_text(encoding="utf-8"))["accuracy"]
    recipe = asdict(replace(QUICK, steps=STEPS)) | {"learning_rate": list(RATES)}
    for seed, n, net, rate in product(range(seeds), TRAIN_SIZES, NETS, RATES):
        runs = accuracy[net][str(n)][str(rate)]
        if len(runs) > seed:
            continue
        recipe_of_run = replace(QUICK, learning_rate=rate, steps=STEPS, record_every=STEPS)
        runs.append(round(float(right(net, drawn(everything, n, seed), seed, recipe_of_run).mean()), 4))
        print(seed, n, net, rate, runs[-1], flush=True)
        # Of the seeds, those that every net has: the last ones of a file that was cut short may be missing.
        done = min(len(r) for sizes in accuracy.values() for rates in sizes.values() for r in rates.values())
        conditions = conditions_of(done, recipe, "sizes") | {"train_images": list(TRAIN_SIZES)}
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


def write(path, hits, seeds):
    """The accuracies of all runs, and each net's paired difference at 100 % against 0 %."""
    nets, percents = (list(dict.fromkeys(key[i] for key in hits)) for i in (0, 1))
    accuracy = {
        net: {str(p): [round(float(h.mean()), 4) for h in hits[net, p]] for p in percents} for net in nets
    }
    change = {
        net: asdict(paired_difference(np.array(hits[net, 100]), np.array(hits[net, 0]))) for net in nets
    }
    part = "local" if path == LOCAL else "permutation"
    conditions = conditions_of(seeds, asdict(QUICK), part)
    save(path, {"conditions": conditions, "accuracy": accuracy, "change": change})


if __name__ == "__main__":
    main()
