"""What a step of `train` costs, against the same step with weights in torch's usual layout.

    python -m benchmarks.steps [--blocks 60] [--steps 20]

LeNet on MNIST's shapes, plain SGD and Adam, batches of 32, 128 and 256, each on the number of
threads that `train` chooses (printed). The other step is that of release 0.1: contiguous
weights, torch's own optimizer, `F.cross_entropy`, the records' bookkeeping left out, which
is in its favour. Blocks of steps alternate in one process, so that a machine that slows down
slows both; printed is the median over the blocks of the ratio, and its quartiles.
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F

from lenet_helpers import LeNet, TrainConfig, batches, load_dataset, train
from lenet_helpers.training import LIGHT

KINDS = {"sgd": torch.optim.SGD, "adam": lambda p, lr: torch.optim.Adam(p, lr, fused=True)}


def usual(dataset, config):
    """Steps without end, contiguous weights."""
    torch.manual_seed(0)
    model, epoch = LeNet(), 0
    optimizer = KINDS[config.optimizer](model.parameters(), lr=config.learning_rate)
    while True:
        for images, labels in batches(dataset.train, config.batch_size, torch.Generator().manual_seed(epoch)):
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield
        epoch += 1


def ratio(dataset, config, blocks, steps):
    """[seconds of our block / seconds of the usual one], and the milliseconds of our step."""
    threads = 1 if config.batch_size * 281_640 < LIGHT else torch.get_num_threads()
    torch.manual_seed(0)
    records, theirs = train(LeNet(), dataset, config), usual(dataset, config)

    def ours():
        next(records)

    def other():
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        for _step in range(steps):
            next(theirs)
        torch.set_num_threads(before)

    ratios, mine = [], []
    for block in range(blocks + 1):
        seconds = {}
        for run in (ours, other) if block % 2 else (other, ours):
            start = time.perf_counter()
            run()
            seconds[run] = time.perf_counter() - start
        if block:  # the first warms up
            ratios.append(seconds[ours] / seconds[other])
            mine.append(1000 * seconds[ours] / steps)
    return ratios, statistics.median(mine), threads


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=60)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args(arguments)
    dataset = load_dataset(validation=0)
    for optimizer in KINDS:
        for batch in (32, 128, 256):
            config = TrainConfig(
                batch_size=batch,
                optimizer=optimizer,
                learning_rate=0.001,
                epochs=1000,
                record_every=options.steps,
            )
            ratios, mine, threads = ratio(dataset, config, options.blocks, options.steps)
            low, middle, high = statistics.quantiles(ratios, n=4)
            print(
                f"{optimizer:5s} batch {batch:3d}, {threads} thread(s): {mine:6.2f} ms a step,"
                f" {middle:.2f} of the usual layout's [{low:.2f}, {high:.2f}]"
            )


if __name__ == "__main__":
    main()
