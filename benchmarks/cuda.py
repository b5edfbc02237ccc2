"""LeNet on a GPU: the same `train`, data and weights there. Prints one line where no CUDA device is at hand.

    python -m benchmarks.cuda [--blocks 15]

Milliseconds of a step (median over blocks) against the batch size, plain and distorted, on the GPU and on
one thread of the same machine's processor; how often the host waits for the GPU between two records, after
few and after many steps; and the shorter recipes of `lenet_helpers.tuning.recipes`, scored on 10,000
validation images where MNIST is at hand (LENET_DATA), else on the course's own digits. Writes
lenet_helpers/results/cuda.json.
"""

import argparse
import json
import os
import platform
import time
import warnings
from dataclasses import replace
from datetime import date

import torch

from benchmarks.cost import medians, repeated
from lenet_helpers import LeNetConfig, TrainConfig, load_dataset, train
from lenet_helpers.files import write_whole
from lenet_helpers.models import new_model
from lenet_helpers.results import FOLDER
from lenet_helpers.tuning.recipes import RECIPES

RESULT = FOLDER / "cuda.json"
BATCHES = (32, 128, 256, 1024, 4096)
STEPS = 40  # in a block
DISTORTED = {name: getattr(RECIPES["six passes, distorted"], name) for name in ("shift", "rotation", "scale")}


def records_of(dataset, batch, device, steps, **changes):
    """`train` without end, a record every `steps` steps."""
    config = TrainConfig(
        batch_size=batch, optimizer="adamw", learning_rate=0.001, epochs=1000, device=device, **changes
    )
    return train(new_model(LeNetConfig(), 0), dataset, replace(config, record_every=steps))


def step_rows(dataset, blocks):
    """A row for each batch size: milliseconds of a step."""
    rows = {}
    for batch in BATCHES:
        runs = {
            "CUDA [ms]": records_of(dataset, batch, "cuda", STEPS),
            "CUDA, distorted [ms]": records_of(dataset, batch, "cuda", STEPS, **DISTORTED),
            "one thread [ms]": records_of(dataset, batch, "cpu", 2),
            "one thread, distorted [ms]": records_of(dataset, batch, "cpu", 2, **DISTORTED),
        }
        seconds = medians({name: lambda run=run: next(run) for name, run in runs.items()}, blocks)
        row = {
            name: round(1000 * wall / (STEPS if "CUDA" in name else 2), 3)
            for name, (wall, _busy) in seconds.items()
        }
        row["times as fast"] = round(row["one thread [ms]"] / row["CUDA [ms]"], 1)
        rows[f"batch {batch}"] = row
        print(f"batch {batch}: {row}", flush=True)
    return rows


def waits(dataset, steps):
    """How often the host waits for the GPU until the first record, after so many steps."""
    records = records_of(dataset, 128, "cuda", steps, **DISTORTED)
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        next(records)
    torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(one.message) for one in told)


def recipe_rows(data, seeds):
    """Each recipe as a whole: seconds by the clock, images a second, validation accuracies."""
    rows = {}
    for name, recipe in RECIPES.items():
        if recipe.epochs > 10:  # minutes
            continue
        accuracies, seconds = [], []
        for seed in range(seeds):
            model, tick = new_model(LeNetConfig(), seed), time.perf_counter()
            *_, last = train(model, data, replace(recipe, seed=seed, device="cuda", record_every=10**6))
            seconds.append(time.perf_counter() - tick)
            accuracies.append(last.validation_accuracy)
        rows[name] = {
            "seconds": round(sorted(seconds)[seeds // 2], 2),
            "validation accuracies": [round(one, 4) for one in accuracies],
        }
        print(f"{name}: {rows[name]}", flush=True)
    return rows


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print("CUDA: no device here, nothing measured")
        return
    torch.set_num_threads(1)
    name = "mnist" if os.environ.get("LENET_DATA") else "mnist-5k"
    data = load_dataset(name, validation=10_000 if name == "mnist" else 1_000)
    many = replace(data, train=repeated(data.train, 60_000), validation=None)
    result = {
        "command": "python -m benchmarks.cuda",
        "date": date.today().isoformat(),
        "torch": torch.__version__,
        "processor": f"{torch.cuda.get_device_name()}; {platform.machine()}, {os.cpu_count()} cores",
        "data": name,
        "load": os.getloadavg()[0],
        "steps": step_rows(many, options.blocks),
        "waits": {str(steps): waits(many, steps) for steps in (10, 400)},
        "recipes": recipe_rows(data, options.seeds),
    }
    print("waits:", result["waits"])
    write_whole(RESULT, (json.dumps(result, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
