"""From LeNet-5 of 1998 to today's LeNet, one switch at a time: what each step costs and gains.

    python -m benchmarks.modernisations ladder      # six networks, validation images only
    python -m benchmarks.modernisations search      # recipes for the 1998 net, validation only
    python -m benchmarks.modernisations faithful    # the 1998 net on all 60,000, test read once a seed

Results go to lenet_helpers/results/modernisations-<part>.json, one run at a time: a run that
is in the file already is skipped, so a stopped benchmark goes on where it was. MNIST is
read from $LENET_DATA or downloaded. One thread; about an hour in all on an idle laptop.

Every run: Adam (0.9, 0.99), no weight decay, learning rate up linearly over the first
quarter of the steps and down to 0, batch 128, no distorted images, pixels scaled as in
the paper (−0.1 to 1.175) in every network, so that only the switch differs.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from lenet_helpers.data import Split, batches, load_dataset
from lenet_helpers.figures.ladder import FAITHFUL, LADDER
from lenet_helpers.files import write_whole
from lenet_helpers.lenet1998 import LeNet1998, field_of_1998
from lenet_helpers.summary import count_parameters, layer_table

RESULTS = Path(__file__).parents[1] / "lenet_helpers" / "results"


@dataclass(frozen=True)
class Recipe:
    """What a run is made of besides its network. `n_train`: 50,000 leaves 10,000 to validate on."""

    epochs: int
    learning_rate: float
    n_train: int
    batch_size: int = 128


def run(config, recipe, seed, train, held_out):
    """Train one network; returns its number of mistakes on `held_out` and the seconds it took."""
    torch.manual_seed(seed)
    model = LeNet1998(config)
    optimizer = torch.optim.Adam(model.parameters(), betas=(0.9, 0.99))
    order = torch.Generator().manual_seed(seed)
    steps, step = recipe.epochs * -(-len(train) // recipe.batch_size), 0
    started = time.perf_counter()
    for _epoch in range(recipe.epochs):
        for images, labels in batches(train, recipe.batch_size, order):
            done = step / steps
            optimizer.param_groups[0]["lr"] = recipe.learning_rate * min(4 * done + 1e-3, (1 - done) / 0.75)
            loss = model.loss(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
    with torch.inference_mode():
        wrong = sum((model(x).argmax(1) != y).sum().item() for x, y in batches(held_out, 1000))
    return {
        "mistakes": wrong,
        "images": len(held_out),
        "train_loss_last_batch": round(loss.item(), 4),
        "seconds": round(time.perf_counter() - started),
    }


def prepared(split, config):
    """`split` in [0, 1] on the paper's field and scale, of the size that `config` takes."""
    return Split(field_of_1998(split.images, config.input_size), split.labels)


def counts(config):
    """Parameters and multiply-adds of the network, for the table."""
    model = LeNet1998(config)
    return {
        "parameters": count_parameters(model),
        "multiply_adds": sum(r.multiply_adds for r in layer_table(model)),
    }


class Book:
    """Results on disk: a header and a list of runs, each found again by its key."""

    def __init__(self, part, header):
        self.path = RESULTS / f"modernisations-{part}.json"
        old = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.content = {**header, "runs": old.get("runs", [])}

    def has(self, key):
        """Whether the run `key` was made already."""
        return any(all(one.get(k) == v for k, v in key.items()) for one in self.content["runs"])

    def add(self, one):
        """Append a run and save; a reader never sees half a file."""
        self.content["runs"].append(one)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, json.dumps(self.content, indent=1).encode())


def do(part, networks, recipes, seeds, on):
    """Every network with every recipe and seed, skipping what is in the book."""
    header = {
        "command": f"python -m benchmarks.modernisations {part}",
        "data": f"MNIST, {on}",
        "recipe": "Adam (0.9, 0.99), linear up over a quarter and down to 0, no weight decay, no distortions",
        "torch": torch.__version__.split("+")[0],
        "threads": torch.get_num_threads(),
        "counts": {name: counts(config) for name, config in networks.items()},
    }
    book = Book(part, header)
    validation = 0 if on == "test" else 10_000
    for seed in seeds:
        for recipe in recipes:
            digits = load_dataset("mnist", validation=validation, n_train=recipe.n_train, scaling="unit")
            held_out = digits.test if on == "test" else digits.validation
            for name, config in networks.items():
                key = {"network": name, "seed": seed, **asdict(recipe)}
                if not book.has(key):
                    book.add(
                        key
                        | run(
                            config, recipe, seed, prepared(digits.train, config), prepared(held_out, config)
                        )
                    )
                    print(book.content["runs"][-1], flush=True)


def main(part):
    """Run one part of the benchmark."""
    torch.set_num_threads(1)
    if part == "search":
        recipes = [Recipe(8, rate, 50_000) for rate in (0.001, 0.002, 0.004, 0.008, 0.016)]
        do("search", {"1998": FAITHFUL}, recipes, range(1), "validation")
    elif part == "ladder":
        do("ladder", LADDER, [Recipe(6, 0.004, 10_000)], range(3), "validation")
    else:
        do("faithful", {"1998": FAITHFUL}, [Recipe(20, 0.004, 60_000)], range(3), "test")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("ladder", "search", "faithful"))
    main(parser.parse_args(sys.argv[1:]).part)
