"""One pass over a full set with a good recipe: MNIST and Fashion-MNIST, three seeds each.

    LENET_DATA=... python -m benchmarks.full_set             # a few minutes; writes the result

AdamW without decay, batches of 128, learning rate up to 0.01 and down to 0 (one-cycle),
50,000 images to train and 10,000 to validate, chosen by the seed. The recipe was fixed
before the test set was opened; it is read once a seed, for the table of chapter 3.
"""

import argparse
import json
import statistics
from dataclasses import asdict
from datetime import date
from pathlib import Path

import torch

from lenet_helpers import LeNet, TrainConfig, evaluate, load_dataset, train
from lenet_helpers.sources import DataError

RESULT = Path(__file__).parents[1] / "lenet_helpers" / "results" / "full-set.json"
RECIPE = dict(learning_rate=0.01, batch_size=128, epochs=1.0, optimizer="adamw", schedule="one-cycle")


def run(name, seed):
    """Validation and test accuracy of one run, as fractions."""
    data = load_dataset(name, seed=seed)
    torch.manual_seed(seed)
    model = LeNet()
    *_, last = train(model, data, TrainConfig(**RECIPE, seed=seed))
    return last.validation_accuracy, evaluate(model, data.test).accuracy


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", nargs="+", default=["mnist", "fashion-mnist"])
    options = parser.parse_args(arguments)
    result = dict(
        command="python -m benchmarks.full_set",
        date=date.today().isoformat(),
        recipe=asdict(TrainConfig(**RECIPE)),
        torch=torch.__version__,
    )
    for name in options.data:
        try:
            pairs = [run(name, seed) for seed in range(options.seeds)]
        except DataError as problem:
            raise SystemExit(str(problem)) from None
        result[name] = {"seeds": options.seeds, "training images": 50_000} | {
            part: {
                "mean": round(statistics.mean(values), 4),
                "sd": round(statistics.stdev(values), 4),
                "runs": values,
            }
            for part, values in zip(("validation", "test"), zip(*pairs))
        }
        print(name, result[name], flush=True)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
