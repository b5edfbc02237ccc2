"""Does the quicker step learn as well? Paired with an earlier commit's, seed by seed.

    LENET_DATA=... python -m benchmarks.same_accuracy [--seeds 20] [--seconds 480] [--against 038b2b0]

The three-epoch recipe of `benchmarks.levers`, with the same first weights, order of images and seed, is
trained twice on 10,000 images of MNIST: by `train` as it is here and by that of the earlier commit. Both
are scored on the same 10,000 validation images; the interval of the paired difference is that of
`tuning.evidence`. First, the weights after the same 60 steps of plain SGD are compared: equal to rounding.
One thread, or as many as OMP_NUM_THREADS says. Runs are kept in build/same-accuracy/, so that a stopped
measurement goes on; the summary goes to lenet_helpers/results/same-accuracy.json.
"""

import argparse
import json
import time
from dataclasses import asdict, replace
from datetime import date

import numpy as np
import torch

from benchmarks.levers import MANY, RECIPE, VALIDATION
from benchmarks.steps import ROOT, package_of
from lenet_helpers import LeNet, TrainConfig, load_dataset, train
from lenet_helpers.files import write_whole
from lenet_helpers.models import LeNetConfig, new_model
from lenet_helpers.results import FOLDER
from lenet_helpers.tuning.evidence import paired_difference
from lenet_helpers.tuning.session import score_images

KEPT, RESULT = ROOT / "build" / "same-accuracy", FOLDER / "same-accuracy.json"


def first_weights(seed):
    """A network of today's class with the seed's first weights; both contenders train one."""
    return new_model(LeNetConfig(), seed)


def weights_after(package, data, steps=60):
    """All weights after the first steps of plain SGD, by the `train` of a package."""
    # Not the recipe's Adam: it divides by gradients that are all but zero, and makes rounding large.
    model, config = first_weights(0), package.TrainConfig(learning_rate=0.05, steps=steps)
    for _record in package.train(model, data, config):
        pass
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def right(package, data, seed):
    """Which validation images the trained network gets right, bool (n,)."""
    changed = {k: v for k, v in asdict(RECIPE).items() if v != getattr(TrainConfig(), k)}
    model = first_weights(seed)
    scored_apart = replace(data, validation=None)
    for _record in package.train(model, scored_apart, package.TrainConfig(**{**changed, "seed": seed})):
        pass
    return score_images(model, data.validation)[1]


class Now:
    """Today's package, under the names that the earlier one has."""

    LeNet, TrainConfig, train = LeNet, TrainConfig, staticmethod(train)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no run after so long")
    parser.add_argument("--against", default="038b2b0", help="a commit of this repository")
    options = parser.parse_args(arguments)
    end = time.monotonic() + options.seconds
    data = load_dataset("mnist", n_train=MANY, validation=VALIDATION)
    packages = {"now": Now, "then": package_of(options.against)}
    weights = {name: weights_after(package, data) for name, package in packages.items()}
    largest = (weights["now"] - weights["then"]).abs().max().item()
    print(f"largest difference of a weight after 60 steps of plain SGD: {largest:.1e}")
    KEPT.mkdir(parents=True, exist_ok=True)
    for seed in range(options.seeds):
        for name, package in packages.items():
            file = KEPT / f"{name}-{seed}.npy"
            if not file.exists() and time.monotonic() < end:
                np.save(file, right(package, data, seed))
    done = [s for s in range(options.seeds) if all((KEPT / f"{name}-{s}.npy").exists() for name in packages)]
    if not done:
        raise SystemExit("no seed is done yet: go on with the same command")
    tables = {name: np.stack([np.load(KEPT / f"{name}-{s}.npy") for s in done]) for name in packages}
    result = paired_difference(tables["now"], tables["then"])
    points = {key: round(100 * getattr(result, key), 4) for key in ("mean", "low", "high")}
    means = {name: 100 * table.mean() for name, table in tables.items()}
    print(
        f"{len(done)} seeds: {means['now']:.3f} % now, {means['then']:.3f} % then,"
        f" difference {points['mean']:+.3f} points [{points['low']:+.3f}, {points['high']:+.3f}]"
    )
    summary = {
        "command": "python -m benchmarks.same_accuracy",
        "date": date.today().isoformat(),
        "against": options.against,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "seeds": len(done),
        "accuracy": {
            name: [round(float(a), 4) for a in table.mean(axis=1)] for name, table in tables.items()
        },
        "difference in points": points,
        "largest difference of a weight after 60 steps": largest,
    }
    write_whole(RESULT, (json.dumps(summary, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
