"""LeNet from nothing, measured: what it reaches, how it compares to torch, where the time goes.

    OMP_NUM_THREADS=1 python -m benchmarks.from_nothing      # about two minutes; writes the result

One thread throughout, float32, batches of 32 of the embedded digits. All times are the
processor's, not the clock's: what other programs take is not counted. Steps of numpy and of
torch alternate in blocks, so that a processor that slows down slows both; `ratio` is the
median of the blocks' ratios. `parts` splits a step of numpy by function and layer. The
roofline is what this processor can do at best: its multiplications a second, measured by
a large matrix product, and its bytes a second, measured by a long copy.
"""

import argparse
import json
import os
import statistics
import time
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from lenet_helpers import LeNet, from_nothing, layer_table, load_dataset

RESULT = Path(__file__).parents[1] / "lenet_helpers" / "results" / "from-nothing.json"
BATCH, MOMENTUM = 32, 0.9
RATES = (0.02, 0.02, 0.02, 0.02, 0.005, 0.005)  # one an epoch; lowered in steps, as in 1998


def learn(digits, seed):
    """Validation accuracy after each epoch, and the processor's seconds for training alone."""
    images, labels = digits.train.images.numpy(), digits.train.labels.numpy()
    held_out = digits.validation.images.numpy(), digits.validation.labels.numpy()
    rng = np.random.default_rng(seed)
    weights, seconds, accuracies = from_nothing.first_weights(rng), 0.0, []
    for rate in RATES:
        start = time.process_time()
        for _loss in from_nothing.train(
            weights, from_nothing.shuffled_batches(images, labels, BATCH, rng), rate, MOMENTUM
        ):
            pass
        seconds += time.process_time() - start
        accuracies.append(from_nothing.accuracy(weights, *held_out))
    return {"seed": seed, "accuracy": accuracies, "seconds": round(seconds, 2)}


def endless(digits):
    """Batches epoch after epoch, without end. (One batch over and over would be learned by heart, and
    gradients near 0 are numbers that processors compute slowly with.)
    """
    images, labels = digits.train.images.numpy(), digits.train.labels.numpy()
    rng = np.random.default_rng(0)
    while True:
        for batch in from_nothing.shuffled_batches(images, labels, BATCH, rng):
            if len(batch[1]) == BATCH:
                yield batch


def numpy_steps(digits):
    """Steps of from_nothing, without end."""
    weights = from_nothing.first_weights(np.random.default_rng(0))
    yield from from_nothing.train(weights, endless(digits), RATES[0], MOMENTUM)


def torch_steps(digits):
    """The same steps by torch."""
    torch.manual_seed(0)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATES[0], momentum=MOMENTUM)
    for images, labels in endless(digits):
        loss = F.cross_entropy(model(torch.from_numpy(images)), torch.from_numpy(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


def compare(digits, blocks, steps):
    """Milliseconds of a step of numpy and of torch, block by block in turn."""
    runs = {"numpy": numpy_steps(digits), "torch": torch_steps(digits)}
    times = {name: [] for name in runs}
    for block in range(blocks + 1):
        for name in sorted(runs, reverse=bool(block % 2)):
            start = time.process_time()
            for _step in range(steps):
                next(runs[name])
            if block:  # the first warms up
                times[name].append((time.process_time() - start) / steps * 1000)
    ratios = sorted(np.divide(times["numpy"], times["torch"]))
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {
        "blocks": blocks,
        "steps in a block": steps,
        "numpy [ms]": round(statistics.median(times["numpy"]), 3),
        "torch [ms]": round(statistics.median(times["torch"]), 3),
        "ratio": round(middle, 2),
        "quartiles": [round(low, 2), round(high, 2)],
    }


# Which layer the first, second, … call of a function in one step belongs to.
PARTS = {
    "convolve": ("conv1 forward", "conv2 forward"),
    "max_pool": ("pooling forward",) * 2,
    "relu": ("ReLU",) * 4,
    "dense": ("dense layers",) * 3,
    "cross_entropy": ("loss",),
    "dense_backward": ("dense layers",) * 3,
    "relu_backward": ("ReLU",) * 4,
    "max_pool_backward": ("pooling backward",) * 2,
    "convolve_backward": ("conv2 backward", "conv1 backward"),
    "sgd_step": ("moving the weights",),
}


def split(digits, steps):
    """Median milliseconds of each part of a step, and of the whole step around them."""
    calls, depth = [], 0
    plain = {name: getattr(from_nothing, name) for name in PARTS}

    def timed(name):
        def call(*arguments):
            nonlocal depth
            depth += 1
            start = time.process_time()
            result = plain[name](*arguments)
            depth -= 1
            if not depth:  # a convolution inside a convolution's backward belongs to that
                calls.append((name, (time.process_time() - start) * 1000))
            return result

        return call

    rows, whole = [], []
    try:
        for name in PARTS:
            setattr(from_nothing, name, timed(name))
        run = numpy_steps(digits)
        next(run)
        for _step in range(steps):
            calls.clear()
            start = time.process_time()
            next(run)
            whole.append((time.process_time() - start) * 1000)
            rows.append(_by_part(calls))
    finally:
        for name, function in plain.items():
            setattr(from_nothing, name, function)
    parts = {part: round(statistics.median(row[part] for row in rows), 3) for part in rows[0]}
    return {"steps": steps, "step [ms]": round(statistics.median(whole), 3), "parts [ms]": parts}


def _by_part(calls):
    seen, row = Counter(), Counter()
    for name, milliseconds in calls:
        row[PARTS[name][seen[name]]] += milliseconds
        seen[name] += 1
    return row


def unasked(times):
    """Milliseconds of the gradient for the images, which no step of training needs."""
    weights = from_nothing.first_weights(np.random.default_rng(0))
    grad = np.random.default_rng(1).normal(size=(BATCH, 6, 24, 24)).astype(np.float32)
    padded = np.pad(grad, ((0, 0), (0, 0), (4, 4), (4, 4)))
    turned = weights["conv1"][0][:, :, ::-1, ::-1].swapaxes(0, 1)
    return round(_median_ms(lambda: from_nothing.convolve(padded, turned, 0), times), 3)


def _median_ms(function, times):
    spans = []
    for _time in range(times + 1):
        start = time.process_time()
        function()
        spans.append((time.process_time() - start) * 1000)
    return statistics.median(spans[1:])


def machine(times):
    """What one core can do, in 10⁹ a second: multiply-adds of a large product, bytes of a long copy."""
    side, n = 2000, 50_000_000
    a = np.ones((side, side), np.float32)
    source, target = np.ones(n, np.float32), np.empty(n, np.float32)
    product = _median_ms(lambda: a @ a, times)
    copied = _median_ms(lambda: np.copyto(target, source), times)
    return {
        "multiply-adds [10^9/s]": round(side**3 / product / 1e6, 1),
        "bytes [10^9/s]": round(2 * 4 * n / copied / 1e6, 1),
    }


def roofline(can):
    """Per step of one batch: multiply-adds, the bytes that must move at least, and the time both allow.

    Training costs three times the forward pass: forward, gradient for the weights, gradient for
    the input; but none for the images. Bytes: every layer's input and output once per pass, in float32.
    """
    table = {row.name: row for row in layer_table(LeNet())}
    sizes = [28 * 28] + [int(np.prod(row.output_shape)) for row in table.values()]
    work = BATCH * sum((2 if name == "conv1" else 3) * row.multiply_adds for name, row in table.items())
    passes = [2 if name == "conv1" else 3 for name in table]
    moved = 4 * BATCH * sum(times * (a + b) for times, (a, b) in zip(passes, pairwise(sizes)))
    arithmetic = work / can["multiply-adds [10^9/s]"] / 1e6
    memory = moved / can["bytes [10^9/s]"] / 1e6
    return {
        "multiply-adds": work,
        "bytes": moved,
        "arithmetic [ms]": round(arithmetic, 3),
        "memory [ms]": round(memory, 3),
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--blocks", type=int, default=150)
    parser.add_argument("--steps", type=int, default=4, help="steps in a block")
    parser.add_argument("--write", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args(arguments)
    if os.environ.get("OMP_NUM_THREADS") != "1":
        raise SystemExit("one thread is measured: run it with OMP_NUM_THREADS=1 set")
    torch.set_num_threads(1)
    digits = load_dataset()
    runs = [learn(digits, seed) for seed in range(options.seeds)]
    can = machine(min(15, options.blocks))
    result = {
        "what": "LeNet in numpy against torch: one thread, float32, batches of 32 of the embedded digits;"
        " processor time",
        "command": "OMP_NUM_THREADS=1 python -m benchmarks.from_nothing",
        "date": date.today().isoformat(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "n": {"training images": len(digits.train), "validation images": len(digits.validation)},
        "learning rates": list(RATES),
        "runs": runs,
        "step": compare(digits, options.blocks, options.steps),
        "split": split(digits, options.blocks * options.steps // 2),
        "image gradient [ms]": unasked(options.blocks),
        "machine": can,
        "roofline": roofline(can),
    }
    if options.write:
        RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps(result, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
