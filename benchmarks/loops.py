"""How fast is our loop? Four ways to take the same steps, side by side in one run.

    python -m benchmarks.loops [--data mnist] [--blocks 80] [--steps 10]

The same network, optimizer (SGD, learning rate 0.02) and batch size (256) four times:

per image    a DataLoader over torchvision's MNIST: each image turned into a tensor and normalised on its own
tensors      a DataLoader over a TensorDataset of normalised images
ours         lenet_helpers.train
floor        forward, backward, step on one fixed batch: no loading at all

Blocks of steps are interleaved, so that a machine that slows down slows all four. Printed
are the median milliseconds of a step and the median, over blocks, of each ratio. The
losses of the first steps on the same batches are compared too: the speed must not come
from training something else.
"""

import argparse
import random
import statistics
import time
from itertools import chain, count, islice

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
from torchvision.datasets import MNIST
from torchvision.transforms import Compose, Normalize, ToTensor

from lenet_helpers import LeNet, TrainConfig, batches, load_dataset, train

BATCH, RATE = 256, 0.02


class Pictures(MNIST):
    """Images in memory, transformed one by one when asked for, by torchvision's own code."""

    def __init__(self, images, labels):
        self.data = images.mul(255).round().byte().squeeze(1)
        self.targets = labels
        self.transform = Compose([ToTensor(), Normalize((0.5,), (0.5,))])
        self.target_transform = None


def from_loader(dataset, shuffle=True):
    """Steps of a plain loop over a DataLoader, without end: yields each step's loss."""
    torch.manual_seed(0)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    while True:
        for images, labels in DataLoader(dataset, BATCH, shuffle=shuffle):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            yield loss.item()


def ours(dataset, block):
    """Steps of `lenet_helpers.train`, `block` of them a turn."""
    torch.manual_seed(0)
    config = TrainConfig(learning_rate=RATE, batch_size=BATCH, epochs=1000, record_every=block)
    yield from train(LeNet(), dataset, config)


def floor(images, labels):
    """Forward, backward and step on one fixed batch, without end."""
    torch.manual_seed(0)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    while True:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


def measure(contenders, blocks):
    """Seconds of every block, a list a contender; each contender is a function that takes one block of
    steps.
    """
    seconds = {name: [] for name in contenders}
    names, order = list(contenders), random.Random(0)
    for turn in range(blocks + 1):
        # Anyone may follow anyone: what ran before leaves the processor's caches its own way.
        for name in order.sample(names, len(names)):
            start = time.perf_counter()
            contenders[name]()
            if turn:  # the first turn warms up
                seconds[name].append(time.perf_counter() - start)
    return seconds


def largest_difference(dataset, pictures, steps):
    """Largest difference of the losses of the first `steps` steps, ours against the per-image loop, on
    batches in the same order.
    """
    torch.manual_seed(0)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    theirs, largest = from_loader(pictures, shuffle=False), 0.0
    in_order = chain.from_iterable(batches(dataset.train, BATCH) for _epoch in count())
    for images, labels in islice(in_order, steps):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        largest = max(largest, abs(loss.item() - next(theirs)))
    return largest


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="mnist-5k", help="a name in lenet_helpers.sources.REGISTRY")
    parser.add_argument("--blocks", type=int, default=80)
    parser.add_argument("--steps", type=int, default=10, help="steps in a block")
    options = parser.parse_args(arguments)

    dataset = load_dataset(options.data, validation=0, scaling="half")
    split = dataset.train
    pictures = Pictures(dataset.to_unit(split.images), split.labels)
    steps = {
        "per image": from_loader(pictures),
        "tensors": from_loader(TensorDataset(split.images, split.labels)),
        "floor": floor(split.images[:BATCH], split.labels[:BATCH]),
    }
    contenders = {name: lambda s=s: [next(s) for _turn in range(options.steps)] for name, s in steps.items()}
    records = ours(dataset, options.steps)
    contenders["ours"] = lambda: next(records)
    seconds = measure(contenders, options.blocks)

    print(
        f"{options.data}, {torch.get_num_threads()} threads, {options.blocks} blocks of {options.steps} steps"
        f" of {BATCH} images"
    )
    for name in ("per image", "tensors", "ours", "floor"):
        step = statistics.median(seconds[name]) / options.steps * 1000
        ratio = statistics.median(np.divide(seconds[name], seconds["ours"]))
        print(f"{name:10s} {step:7.2f} ms a step   {ratio:5.2f} times ours")
    print(f"ours is {statistics.median(np.divide(seconds['ours'], seconds['floor'])):.3f} times the floor")
    difference = largest_difference(dataset, pictures, 20)
    print(f"largest difference of a loss over 20 steps on the same batches: {difference:.1e}")


if __name__ == "__main__":
    main()
