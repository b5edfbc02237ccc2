"""What a step of `train` costs, against that of an earlier commit and against torch's usual layout.

    python -m benchmarks.steps [--blocks 60] [--steps 20] [--against 038b2b0]

LeNet on the course's digits, plain SGD and Adam, batches of 32, 128 and 256, each on the number of
threads that `train` chooses (printed; the earlier `train`, which always took all, gets as many).
Three contenders take turns in one process, so that a machine that slows down slows all three:

now       `train` as it is here
then      `train` of the commit `--against`, its package read out of git
usual     a loop with contiguous weights and torch's own optimizer, and no records kept

Printed is the median over the blocks of each ratio, with its quartiles: of wall-clock time, and
of the processor time of this process, which other programs disturb less (but threads that wait
for each other count as busy).
"""

import argparse
import importlib.util
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tarfile
import time
from datetime import date
from pathlib import Path

import torch
import torch.nn.functional as F

from lenet_helpers import LeNet, TrainConfig, batches, load_dataset, train
from lenet_helpers.files import write_whole
from lenet_helpers.models import LeNetConfig, new_model
from lenet_helpers.results import FOLDER
from lenet_helpers.training import LIGHT

ROOT = Path(__file__).resolve().parent.parent
RESULT = FOLDER / "steps.json"
WORK = 281_640  # multiply-adds of one image
KINDS = {"sgd": torch.optim.SGD, "adam": lambda p, lr: torch.optim.Adam(p, lr, fused=True)}
CONTENDERS = ("now", "then", "usual")


def package_of(commit):
    """The package as it was at `commit`, imported under another name."""
    whole = subprocess.run(["git", "rev-parse", commit], cwd=ROOT, capture_output=True, text=True, check=True)
    folder = ROOT / "build" / "steps" / whole.stdout.strip()
    if not folder.exists():
        archive = subprocess.run(
            ["git", "archive", commit, "lenet_helpers"], cwd=ROOT, capture_output=True, check=True
        )
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(folder, filter="data")
    name, start = "lenet_helpers_then", folder / "lenet_helpers" / "__init__.py"
    spec = importlib.util.spec_from_file_location(name, start, submodule_search_locations=[str(start.parent)])
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    spec.loader.exec_module(package)
    return package


def usual(dataset, config):
    """Steps without end, contiguous weights."""
    model, epoch = new_model(LeNetConfig(), 0), 0
    optimizer = KINDS[config["optimizer"]](model.parameters(), lr=config["learning_rate"])
    while True:
        order = torch.Generator().manual_seed(epoch)
        for images, labels in batches(dataset.train, config["batch_size"], order):
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield
        epoch += 1


def threads_for(batch):
    """As many as `train` takes for LeNet."""
    return 1 if batch * WORK < LIGHT else torch.get_num_threads()


def contenders(before, dataset, config, steps):
    """Name → a function that takes `steps` steps."""
    torch.manual_seed(0)
    now = train(LeNet(), dataset, TrainConfig(**config, record_every=steps))
    torch.manual_seed(0)
    then = before.train(before.LeNet(), dataset, before.TrainConfig(**config, record_every=steps))
    loop = usual(dataset, config)
    return {
        "now": lambda: next(now),
        "then": lambda: next(then),
        "usual": lambda: [next(loop) for _step in range(steps)],
    }


def measure(before, dataset, config, blocks, steps):
    """(wall-clock, processor) seconds of every block, shape (blocks, 2), by contender."""
    takes_turns = contenders(before, dataset, config, steps)
    threads, seconds = torch.get_num_threads(), {name: [] for name in CONTENDERS}
    for block in range(blocks + 1):
        first = block % len(CONTENDERS)
        for name in (*CONTENDERS[first:], *CONTENDERS[:first]):
            torch.set_num_threads(threads if name == "now" else threads_for(config["batch_size"]))
            wall, busy = time.perf_counter(), time.process_time()
            takes_turns[name]()
            spent = time.perf_counter() - wall, time.process_time() - busy
            if block:  # the first warms up
                seconds[name].append(spent)
    torch.set_num_threads(threads)
    return {name: torch.tensor(values) for name, values in seconds.items()}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=60)
    parser.add_argument("--steps", type=int, default=20, help="steps in a block")
    parser.add_argument("--against", default="038b2b0", help="a commit of this repository")
    parser.add_argument("--batch", type=int, nargs="+", default=[32, 128, 256])
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args(arguments)
    before, dataset, rows = package_of(options.against), load_dataset(validation=0), []
    for optimizer in KINDS:
        for batch in options.batch:
            config = dict(batch_size=batch, optimizer=optimizer, learning_rate=0.001, epochs=1000)
            seconds = measure(before, dataset, config, options.blocks, options.steps)
            step = 1000 * seconds["now"][:, 0].median().item() / options.steps
            row = dict(optimizer=optimizer, batch=batch, threads=threads_for(batch), ms=round(step, 2))
            print(f"{optimizer:5s} batch {batch:3d}, {row['threads']} thread(s): {step:6.2f} ms a step")
            for name, shown in (("then", options.against), ("usual", "the usual layout")):
                for kind, column in (("wall-clock", 0), ("processor", 1)):
                    ratios = (seconds["now"][:, column] / seconds[name][:, column]).tolist()
                    low, middle, high = row[f"{name}, {kind}"] = [
                        round(quartile, 3) for quartile in statistics.quantiles(ratios, n=4)
                    ]
                    print(f"    {middle:.2f} [{low:.2f}, {high:.2f}] of {shown}, {kind} time", flush=True)
            rows.append(row)
    if not options.no_write:
        summary = {
            "command": "python -m benchmarks.steps",
            "date": date.today().isoformat(),
            "against": options.against,
            "torch": torch.__version__,
            "processor": f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads",
            "load": os.getloadavg()[0],
            "blocks": options.blocks,
            "steps in a block": options.steps,
            "rows": rows,
        }
        write_whole(RESULT, (json.dumps(summary, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
