"""A step of 256 images in several ways, side by side in one run, and how far the processor's own limit is.

    python -m benchmarks.rivals [--blocks 30] [--steps 4]

LeNet, plain SGD (the appendix's numpy too), the course's digits, as many threads as there are
(OMP_NUM_THREADS says how many):

source       the notebook this course grew from: a DataLoader whose images are transformed one by one
example      in the style of PyTorch's own MNIST example: such a loader, log-softmax, .to(device), prints
tensors      a DataLoader over a TensorDataset of normalised images
numpy        the appendix, written in numpy
ours         lenet_helpers.train
lightning    PyTorch Lightning's Trainer over the same loader, no logs, no checkpoints, where it is installed
skorch       skorch's NeuralNetClassifier on the same images, no scoring, where it is installed
floor        forward, backward, step on one fixed batch in channels-last, nothing else
roofline     the multiply-adds and bytes of a step at the highest speeds measured here; not a program

Neither Lightning nor skorch is needed by the course: `pip install --target FOLDER pytorch-lightning skorch`,
FOLDER in PYTHONPATH, and OMP_NUM_THREADS=1 let them take part. (Their loops run in threads of their own,
whose pools of helpers would slow down everybody on two cores: ours from 8 to 11 ms.) Blocks alternate in
random order. Printed: milliseconds of a step and the median ratio to ours, by wall-clock time and by
processor time. The result goes to lenet_helpers/results/rivals.json, on one thread to
rivals-one-thread.json.
"""

import argparse
import importlib
import importlib.util
import json
import os
import platform
import random
import statistics
import threading
import time
from datetime import date
from importlib.metadata import version

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.loops import BATCH, RATE, Pictures, from_loader, ours
from lenet_helpers import LeNet, from_nothing, load_dataset
from lenet_helpers.files import write_whole
from lenet_helpers.results import FOLDER
from lenet_helpers.summary import layer_table


def example(pictures):
    """Steps in the style of PyTorch's MNIST example, without end."""
    device = torch.device("cpu")
    model = LeNet().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    while True:
        model.train()
        for index, (data, target) in enumerate(DataLoader(pictures, BATCH, shuffle=True)):
            data, target = data.to(device), target.to(device)
            optimizer.zero_grad()
            output = F.log_softmax(model(data), dim=1)
            loss = F.nll_loss(output, target)
            loss.backward()
            optimizer.step()
            if index % 10 == 0:
                f"Train: {index} Loss: {loss.item():.6f}"
            yield


def floor(images, labels):
    """The step alone, on one batch, without end."""
    model = LeNet().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    while True:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield


def in_turns(fit):
    """Steps, without end, of a loop that is not ours: `fit` calls the function it is given after each one."""
    go, done = threading.Semaphore(0), threading.Semaphore(0)

    def after_a_step():
        done.release()
        go.acquire()

    def work():
        go.acquire()
        fit(after_a_step)

    threading.Thread(target=work, daemon=True).start()
    while True:
        go.release()
        done.acquire()
        yield


def lightning(split):
    """Steps of Lightning's Trainer; None where it is not installed, or on several threads."""
    if torch.get_num_threads() > 1 or not importlib.util.find_spec("pytorch_lightning"):
        return None
    library = importlib.import_module("pytorch_lightning")

    class Module(library.LightningModule):
        def __init__(self, after):
            super().__init__()
            self.net, self.on_train_batch_end = LeNet(), lambda *_what: after()

        def training_step(self, batch, _index):
            return F.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=RATE)

    def fit(after):
        quiet = dict.fromkeys(
            ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
        )
        trainer = library.Trainer(accelerator="cpu", max_epochs=-1, **quiet)
        trainer.fit(Module(after), DataLoader(TensorDataset(split.images, split.labels), BATCH, shuffle=True))

    return in_turns(fit)


def skorch(split):
    """Steps of skorch's NeuralNetClassifier; None where it is not installed, or on several threads."""
    if torch.get_num_threads() > 1 or not importlib.util.find_spec("skorch"):
        return None
    library = importlib.import_module("skorch")

    class After(importlib.import_module("skorch.callbacks").Callback):
        def __init__(self, after):
            self.on_batch_end = lambda *_net, **_what: after()

    def fit(after):
        options = dict(optimizer=torch.optim.SGD, lr=RATE, batch_size=BATCH, iterator_train__shuffle=True)
        library.NeuralNetClassifier(
            LeNet,
            criterion=torch.nn.CrossEntropyLoss,
            max_epochs=10**9,
            train_split=None,
            verbose=0,
            callbacks=[After(after)],
            **options,
        ).fit(split.images, split.labels)

    return in_turns(fit)


def numpy_steps(split):
    """Steps of the appendix, without end."""
    images, labels = split.images.numpy(), split.labels.numpy()
    rng = np.random.default_rng(0)

    def batches():
        while True:
            order = rng.permutation(len(labels))
            for start in range(0, len(order) - BATCH + 1, BATCH):
                index = order[start : start + BATCH]
                yield images[index], labels[index]

    yield from from_nothing.train(from_nothing.first_weights(rng), batches(), RATE, 0.0)


def roofline():
    """Lower bounds of a step [s] and the speeds they rest on: multiply-adds and bytes, counted, over the
    highest rates of multiplying matrices and of copying memory here.
    """
    rows = layer_table(LeNet())
    forward = sum(row.multiply_adds for row in rows)
    # Backward: the gradient of the weights, and that of every input but the image.
    adds = (3 * forward - rows[0].multiply_adds) * BATCH
    # Each output is written and read once forward, its gradient once backward; four bytes each.
    values = sum(int(np.prod(row.output_shape)) for row in rows)
    traffic = 4 * (4 * values + 2 * 784) * BATCH
    a = torch.randn(1024, 1024)
    b, out = torch.randn(1024, 1024), torch.empty(1024, 1024)
    peak = 2 * 1024**3 / _quickest(lambda: torch.mm(a, b, out=out))
    large, target = torch.randn(2**24), torch.empty(2**24)
    bandwidth = 2 * large.nbytes / _quickest(lambda: target.copy_(large))
    return {
        "multiply-adds": adds,
        "bytes": traffic,
        "GFLOP/s measured": round(peak / 1e9, 1),
        "GB/s measured": round(bandwidth / 1e9, 1),
        "arithmetic [ms]": round(1000 * 2 * adds / peak, 3),
        "memory [ms]": round(1000 * traffic / bandwidth, 3),
    }


def tried():
    """Microseconds of processor time an image of parts of a step, forward and backward, done otherwise."""
    images = torch.randn(BATCH, 1, 28, 28)
    conv = torch.nn.Conv2d(1, 6, 5).to(memory_format=torch.channels_last)
    maps = conv(images).detach().requires_grad_()

    def pool(function):
        out = function(maps)
        torch.autograd.grad(out, maps, torch.ones_like(out))

    def convolve(own):
        with torch.backends.mkldnn.flags(enabled=own):
            out = conv(images)
            torch.autograd.grad(out, list(conv.parameters()), torch.ones_like(out))

    def half():
        with torch.autocast("cpu", torch.bfloat16):
            out = conv(images)
        torch.autograd.grad(out, list(conv.parameters()), torch.ones_like(out))

    def four_views(x):
        top, low = x[..., ::2, :], x[..., 1::2, :]
        high = torch.maximum(top, low)
        return torch.maximum(high[..., ::2], high[..., 1::2])

    ways = {
        "first pooling": lambda: pool(lambda x: F.max_pool2d(x, 2)),
        "first pooling, by torch.maximum": lambda: pool(four_views),
        "first convolution": lambda: convolve(True),
        "first convolution, without oneDNN": lambda: convolve(False),
        "first convolution, in bfloat16": half,
    }
    seconds = measure(ways, 20)
    return {name: round(1e6 * float(np.median(one[:, 1])) / BATCH, 2) for name, one in seconds.items()}


def _quickest(work, times=20):
    """Seconds, of processor time on every thread: the machine's limit is not that of its other programs."""
    seconds = []
    for _time in range(times):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds) / torch.get_num_threads()


def measure(contenders, blocks):
    """(wall-clock, processor) seconds of every block, by contender."""
    seconds = {name: [] for name in contenders}
    names, order = list(contenders), random.Random(0)
    for block in range(blocks + 1):
        for name in order.sample(names, len(names)):
            wall, busy = time.perf_counter(), time.process_time()
            contenders[name]()
            if block:  # the first warms up
                seconds[name].append((time.perf_counter() - wall, time.process_time() - busy))
    return {name: np.array(values) for name, values in seconds.items()}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=30)
    parser.add_argument("--steps", type=int, default=4, help="steps in a block")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args(arguments)
    torch.manual_seed(0)
    dataset = load_dataset(validation=0, scaling="half")
    split = dataset.train
    pictures = Pictures(dataset.to_unit(split.images), split.labels)
    steps = {
        "source": from_loader(pictures),
        "example": example(pictures),
        "tensors": from_loader(TensorDataset(split.images, split.labels)),
        "numpy": numpy_steps(split),
        "lightning": lightning(split),
        "skorch": skorch(split),
        "floor": floor(split.images[:BATCH], split.labels[:BATCH]),
    }
    contenders = {
        name: lambda s=s: [next(s) for _turn in range(options.steps)] for name, s in steps.items() if s
    }
    records = ours(dataset, options.steps)
    contenders["ours"] = lambda: next(records)
    seconds, rows = measure(contenders, options.blocks), {}
    for name in (*(name for name in contenders if name not in ("floor", "ours")), "ours", "floor"):
        wall, busy = (np.median(seconds[name] / seconds["ours"], axis=0)).tolist()
        rows[name] = {
            "ms": round(1000 * statistics.median(seconds[name][:, 0]) / options.steps, 2),
            "times ours": round(wall, 2),
            "times ours, processor time": round(busy, 2),
        }
        print(f"{name:9s} {rows[name]['ms']:8.2f} ms   {wall:5.2f} times ours, {busy:5.2f} by processor time")
    limit = roofline()
    print("roofline ", limit)
    otherwise = tried()
    print("done otherwise [µs an image]", otherwise)
    if not options.no_write:
        summary = {
            "command": "python -m benchmarks.rivals",
            "date": date.today().isoformat(),
            "torch": torch.__version__,
            "processor": f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads",
            "load": os.getloadavg()[0],
            "blocks": options.blocks,
            "steps in a block": options.steps,
            "batch": BATCH,
            "versions": {
                name: version(name) for name in ("pytorch-lightning", "skorch") if name.split("-")[-1] in rows
            },
            "rows": rows,
            "roofline": limit,
            "done otherwise": otherwise,
        }
        name = "rivals-one-thread.json" if torch.get_num_threads() == 1 else "rivals.json"
        write_whole(FOLDER / name, (json.dumps(summary, indent=1, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main()
