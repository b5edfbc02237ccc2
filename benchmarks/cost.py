"""What a step costs as the work grows: batch, width, depth, images, threads; augmentation and scoring.

    python -m benchmarks.cost [--blocks 15] [--no-write]

LeNet and its variants on the course's digits, AdamW, one thread unless said otherwise. Milliseconds are
the median over blocks, wall-clock; microseconds an image come from processor time, which other programs
disturb less. Memory is what a step keeps for its backward pass, counted: the distinct tensors that
autograd saves, weights left out. Augmentation is set against the same change made image by image
(torchvision's RandomAffine on PIL images, in a DataLoader), scoring against the way of the notebook that
this course grew from (a DataLoader that transforms every image, batches of 256). A GPU has a benchmark
of its own, `cuda`. The result goes to lenet_helpers/results/cost.json.
"""

import argparse
import json
import os
import platform
import time
from dataclasses import replace
from datetime import date

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torchvision.transforms import Compose, Normalize, RandomAffine, ToTensor

from benchmarks.loops import Pictures
from lenet_helpers import LeNetConfig, TrainConfig, evaluate, load_dataset, train
from lenet_helpers.augment import random_affine
from lenet_helpers.files import write_whole
from lenet_helpers.models import new_model
from lenet_helpers.results import FOLDER
from lenet_helpers.summary import count_parameters, layer_table

RESULT = FOLDER / "cost.json"
BATCHES = (1, 8, 32, 64, 128, 256, 512, 1024)
WIDTHS = (0.5, 1.0, 2.0, 4.0)
DEPTHS = (1, 2, 3)
IMAGES = (1_000, 3_000, 10_000, 30_000, 60_000)


def medians(contenders, blocks):
    """Median wall-clock and processor seconds of each, taking turns; the first turn warms up."""
    seconds = {name: [] for name in contenders}
    for block in range(blocks + 1):
        for name, work in contenders.items():
            wall, busy = time.perf_counter(), time.process_time()
            work()
            if block:
                seconds[name].append((time.perf_counter() - wall, time.process_time() - busy))
    return {name: np.median(values, axis=0).tolist() for name, values in seconds.items()}


def steps_of(dataset, network, batch, images):
    """A function that trains on `images` images more, in batches of `batch`."""
    steps = max(1, images // batch)
    config = TrainConfig(
        batch_size=batch,
        optimizer="adamw",
        learning_rate=0.001,
        epochs=1000,
        record_every=steps,
    )
    records = train(new_model(network, 0), dataset, config)
    return steps, lambda: next(records)


def rows_of(dataset, settings, blocks, images=512):
    """A row for each setting: name → (network, batch)."""
    runs = {name: steps_of(dataset, *setting, images) for name, setting in settings.items()}
    seconds = medians({name: run for name, (_steps, run) in runs.items()}, blocks)
    rows = {}
    for name, (network, batch) in settings.items():
        steps, (wall, busy) = runs[name][0], seconds[name]
        model = new_model(network, 0)
        rows[name] = {
            "step [ms]": round(1000 * wall / steps, 3),
            "an image [µs of processor time]": round(1e6 * busy / (steps * batch), 1),
            "kept for backward [MB]": round(kept_bytes(model, dataset.train[torch.arange(batch)]) / 1e6, 3),
            "parameters": count_parameters(model),
            "multiply-adds": sum(row.multiply_adds for row in layer_table(model)),
        }
        print(f"{name}: {rows[name]}", flush=True)
    return rows


def kept_bytes(model, split):
    """Bytes of what autograd keeps of a step: distinct pieces of memory, the weights left out."""
    weights, found = {p.untyped_storage().data_ptr() for p in model.parameters()}, {}

    def note(tensor):
        place = tensor.untyped_storage()
        if place.data_ptr() not in weights:
            found[place.data_ptr()] = place.nbytes()
        return tensor

    model = model.to(memory_format=torch.channels_last)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = F.cross_entropy(model(split.images), split.labels)
    loss.backward()
    return sum(found.values())


def repeated(split, n):
    """A split of n images, those of `split` over and over."""
    return split[torch.arange(n) % len(split)]


def epochs_of(dataset, counts):
    """Seconds of one pass over so many images in batches of 128, and of `train` before its first step."""
    rows = {}
    for n in counts:
        longer = replace(dataset, train=repeated(dataset.train, n))
        config = TrainConfig(batch_size=128, optimizer="adamw", learning_rate=0.001, epochs=1)
        model, tick = new_model(LeNetConfig(), 0), time.process_time()
        records = train(model, longer, config)
        start = time.process_time() - tick
        for _record in records:
            pass
        rows[f"{n:,}"] = {
            "start [s of processor time]": round(start, 3),
            "a pass [s of processor time]": round(time.process_time() - tick - start, 2),
            "images in memory [MB]": round(longer.train.images.nbytes / 1e6, 1),
        }
        print(f"{n:,} images: {rows[f'{n:,}']}", flush=True)
    return rows


def augmentation(dataset, blocks, images=512):
    """Microseconds an image: a whole batch at once, and image by image."""
    split = dataset.train[:images]
    pictures = Pictures(dataset.to_unit(split.images), split.labels)
    change = RandomAffine(7, translate=(0.07, 0.07), scale=(0.95, 1.05))
    pictures.transform = Compose([change, ToTensor(), Normalize((0.5,), (0.5,))])
    plain = Pictures(dataset.to_unit(split.images), split.labels)
    ways = {
        "whole batches": lambda: [
            random_affine(batch, shift=0.07, rotation=7.0, scale=0.05) for batch in split.images.split(128)
        ],
        "image by image, in a DataLoader": lambda: list(DataLoader(pictures, 128)),
        "the DataLoader without the change": lambda: list(DataLoader(plain, 128)),
    }
    seconds = medians(ways, blocks)
    rows = {name: round(1e6 * busy / images, 1) for name, (_wall, busy) in seconds.items()}
    rows["times as long, image by image"] = round(
        seconds["image by image, in a DataLoader"][1] / seconds["whole batches"][1], 1
    )
    print("augmentation:", rows, flush=True)
    return rows


def scoring(dataset, blocks):
    """Seconds for 10,000 images, by `evaluate` and the source's way."""
    split = repeated(dataset.train, 10_000)
    pictures = Pictures(dataset.to_unit(split.images), split.labels)
    model = new_model(LeNetConfig(), 0)

    def source():
        right = 0
        with torch.no_grad():
            for images, labels in DataLoader(pictures, 256):
                right += (model(images).argmax(1) == labels).sum().item()
        return right / len(split)

    seconds = medians({"evaluate": lambda: evaluate(model, split), "source": source}, blocks)
    rows = {name: round(busy, 3) for name, (_wall, busy) in seconds.items()}
    rows["times as long, the source's way"] = round(seconds["source"][1] / seconds["evaluate"][1], 1)
    print("scoring 10,000 images:", rows, flush=True)
    return rows


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=15)
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args(arguments)
    there, blocks = torch.get_num_threads(), options.blocks
    dataset = load_dataset(validation=0)
    torch.set_num_threads(1)
    plain = LeNetConfig()
    by_batch = {f"batch {b}": (plain, b) for b in BATCHES}
    deep = {n: LeNetConfig(convs_per_stage=n, kernel_size=3) for n in DEPTHS}
    tables = {
        "batch": rows_of(dataset, by_batch, blocks),
        "width, batch 64": rows_of(
            dataset, {f"width {w:g}": (LeNetConfig(width=w), 64) for w in WIDTHS}, blocks
        ),
        "depth, 3×3, batch 64": rows_of(dataset, {f"{n} a stage": (c, 64) for n, c in deep.items()}, blocks),
        "images": epochs_of(dataset, IMAGES),
        "augmentation [µs an image, processor time]": augmentation(dataset, blocks),
        "scoring 10,000 images [s of processor time]": scoring(dataset, max(3, blocks // 5)),
    }
    torch.set_num_threads(there)
    for threads in range(2, there + 1):
        torch.set_num_threads(threads)
        tables[f"batch, up to {threads} threads"] = rows_of(dataset, by_batch, blocks)
    if not options.no_write:
        summary = {
            "command": "python -m benchmarks.cost",
            "date": date.today().isoformat(),
            "torch": torch.__version__,
            "processor": f"{platform.machine()}, {os.cpu_count()} cores",
            "load": os.getloadavg()[0],
            "blocks": blocks,
            "tables": tables,
        }
        write_whole(RESULT, (json.dumps(summary, indent=1, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
