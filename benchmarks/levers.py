"""What each lever does, measured: the numbers that chapter 4 quotes.

    python -m benchmarks.levers --seeds 5          # runs what is missing, then summarises
    python -m benchmarks.levers --summarise        # only writes the summary again

Data: full MNIST (`--data`, else $LENET_DATA), 10,000 images set aside for validation, the
test images never touched. Every configuration is trained with the same seeds on the same
training images and compared with its baseline on the same validation images; the interval
comes from a bootstrap over seeds and images together. Which images each run got right is
kept in `build/levers/`, so that a stopped measurement goes on where it was; the summary
goes to `lenet_helpers/results/levers.json`. One thread, so that the digits repeat.
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from lenet_helpers.data import load_dataset
from lenet_helpers.models import LeNetConfig, new_model
from lenet_helpers.summary import count_parameters, layer_table
from lenet_helpers.training import QUICK, train
from lenet_helpers.tuning.evidence import paired_bootstrap
from lenet_helpers.tuning.session import score_images

HOME = Path(__file__).resolve().parent.parent
CACHE = HOME / "build" / "levers"
RESULTS = HOME / "lenet_helpers" / "results" / "levers.json"
MANY, FEW = 10_000, 500
RECIPE = replace(QUICK, epochs=3.0)
NETWORK = ("width", "convs_per_stage", "kernel_size", "dropout")


def setting(n_train=MANY, **levers):
    """(n_train, LeNetConfig, TrainConfig): `RECIPE` with `levers` changed."""
    network = {k: v for k, v in levers.items() if k in NETWORK}
    training = {k: v for k, v in levers.items() if k not in NETWORK}
    return n_train, LeNetConfig(**network), replace(RECIPE, **training)


# 500 images for three epochs would be 48 steps: 40 epochs let every setting finish.
LONG = dict(n_train=FEW, epochs=40.0)
STEPS = 939  # 3 epochs of 10,000 images in batches of 32

SETTINGS = {
    "baseline": setting(),
    "two 3x3": setting(convs_per_stage=2, kernel_size=3),
    "three 3x3": setting(convs_per_stage=3, kernel_size=3),
    "two 5x5": setting(convs_per_stage=2),
    "one 3x3": setting(kernel_size=3),
    "one 7x7": setting(kernel_size=7),
    "one 1x1": setting(kernel_size=1),
    "width 0.5": setting(width=0.5),
    "width 3": setting(width=3.0),
    "rate 0.0005": setting(learning_rate=0.0005),
    "rate 0.03": setting(learning_rate=0.03),
    "rate 0.1": setting(learning_rate=0.1),
    "dropout 0.2": setting(dropout=0.2),
    "dropout 0.5": setting(dropout=0.5),
    "decay 0.0001": setting(weight_decay=0.0001),
    "decay 0.01": setting(weight_decay=0.01),
    "batch 8": setting(batch_size=8),
    "batch 128, equal epochs": setting(batch_size=128),
    "batch 128, equal steps": setting(batch_size=128, steps=STEPS),
    "shift 0.07": setting(shift=0.07),
    "rotation 10": setting(rotation=10.0),
    "scale 0.1": setting(scale=0.1),
    "all three": setting(shift=0.07, rotation=10.0, scale=0.1),
    "shift 0.4": setting(shift=0.4),
    "rotation 180": setting(rotation=180.0),
    "few": setting(**LONG),
    "few, width 3": setting(**LONG, width=3.0),
    "few, dropout 0.5": setting(**LONG, dropout=0.5),
    "few, decay 0.001": setting(**LONG, weight_decay=0.001),
    "few, all three": setting(**LONG, shift=0.07, rotation=10.0, scale=0.1),
}


def baseline_of(name):
    """The setting that `name` is compared with: same number of training images."""
    return "few" if name.startswith("few") else "baseline"


def main():
    parser = argparse.ArgumentParser(description="Measure what each lever of chapter 4 does.")
    parser.add_argument("--data", help="folder with MNIST (default: $LENET_DATA or the cache)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--summarise", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if not options.summarise:
        measure(range(options.seeds), options.data)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(summarise(), indent=1) + "\n")
    print(f"wrote {RESULTS.name}")


def measure(seeds, root):
    """Train what is missing, seed by seed, so that a stopped measurement is balanced."""
    CACHE.mkdir(parents=True, exist_ok=True)
    datasets = {n: load_dataset("mnist", root=root, n_train=n, validation=10_000) for n in (MANY, FEW)}
    for seed in seeds:
        for name, (n_train, network, training) in SETTINGS.items():
            path = CACHE / f"{name.replace(' ', '_')}-{seed}.npz"
            if path.exists():
                continue
            result = run(datasets[n_train], network, replace(training, seed=seed))
            partial = path.with_suffix(".partial.npz")
            np.savez_compressed(partial, **result)
            partial.replace(path)  # whole or not at all
            print(f"seed {seed}  {name:26} {100 * result['right'].mean():6.2f} %", flush=True)


def run(dataset, network, training):
    """Train once; which validation images are right, their labels, and the losses at the end."""
    model = new_model(network, training.seed)
    last = None
    for last in train(model, replace(dataset, validation=None), training):
        pass
    loss, right = score_images(model, dataset.validation)
    return dict(
        right=right,
        labels=dataset.validation.labels.numpy(),
        validation_loss=loss,
        train_loss=last.train_loss,
        train_accuracy=last.train_accuracy,
    )


def summarise():
    """The contents of levers.json, from the runs kept in the cache."""
    runs = {name: load(name) for name in SETTINGS}
    seeds = min(len(r["right"]) for r in runs.values())
    return {
        "what": "validation accuracy on 10,000 images of MNIST's training set; test set untouched",
        "command": f"python -m benchmarks.levers --seeds {seeds}",
        "recipe": asdict(RECIPE),
        "seeds": seeds,
        "settings": {name: describe(name, runs[name], seeds) for name in SETTINGS},
        "comparisons": {name: compare(name, runs, seeds) for name in SETTINGS if name != baseline_of(name)},
    }


def load(name):
    """The runs of one setting so far, stacked seed by seed."""
    found = []
    while (path := CACHE / f"{name.replace(' ', '_')}-{len(found)}.npz").exists():
        found.append(np.load(path))
    if not found:
        raise SystemExit(f"no run of {name!r} yet: run python -m benchmarks.levers first")
    return {key: np.stack([f[key] for f in found]) for key in found[0].files}


def describe(name, kept, seeds):
    n_train, network, training = SETTINGS[name]
    model = new_model(network, 0)
    right, labels = kept["right"][:seeds], kept["labels"][0]
    accuracies = right.mean(axis=1)
    return {
        "n_train": n_train,
        "changed": changed(name),
        "parameters": count_parameters(model),
        "multiply_adds": sum(row.multiply_adds for row in layer_table(model)),
        "accuracies": [round(float(a), 4) for a in accuracies],
        "mean": round(float(accuracies.mean()), 5),
        "sd": round(float(accuracies.std(ddof=1)), 5) if seeds > 1 else None,
        "train_loss": round(float(kept["train_loss"][:seeds].mean()), 4),
        "validation_loss": round(float(kept["validation_loss"][:seeds].mean()), 4),
        "train_accuracy": round(float(kept["train_accuracy"][:seeds].mean()), 4),
        "by_class": [round(float(right[:, labels == c].mean()), 4) for c in range(10)],
    }


def changed(name):
    """The levers in which a setting differs from its baseline."""
    ours, theirs = SETTINGS[name], SETTINGS[baseline_of(name)]
    pairs = [(asdict(a), asdict(b)) for a, b in zip(ours[1:], theirs[1:])]
    return {key: a[key] for a, b in pairs for key in a if a[key] != b[key]}


def compare(name, runs, seeds):
    base = baseline_of(name)
    result = paired_bootstrap(runs[name]["right"][:seeds], runs[base]["right"][:seeds])
    numbers = {key: round(getattr(result, key), 5) for key in ("mean", "low", "high")}
    return {"baseline": base, **numbers, "seeds": result.seeds, "images": result.images}


if __name__ == "__main__":
    main()
