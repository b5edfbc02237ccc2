"""What the learner waits for before the first step: the import, and the first `train` of a process.

    python -m benchmarks.startup [--times 10]

Fresh processes take turns: one imports torch alone, one the package as well; one takes ten steps of Adam
twice over. Printed are medians of wall-clock seconds: the import beyond torch's own, and the first ten steps
beyond the second. Writes lenet_helpers/results/startup.json.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from datetime import date
from pathlib import Path

import torch

from lenet_helpers.files import write_whole
from lenet_helpers.results import FOLDER

ROOT, RESULT = Path(__file__).resolve().parents[1], FOLDER / "startup.json"
CLOCK = "import time; tick = time.perf_counter()\n{work}\nprint(time.perf_counter() - tick)"
STEPS = """import time
from lenet_helpers import LeNet, TrainConfig, load_dataset, train
digits = load_dataset(validation=0)
for _turn in range(2):
    tick = time.perf_counter()
    list(train(LeNet(), digits, TrainConfig(optimizer="adam", learning_rate=0.001, steps=10)))
    print(time.perf_counter() - tick)
"""
PROGRAMS = {
    "torch": CLOCK.format(work="import torch"),
    "torch and lenet_helpers": CLOCK.format(work="import torch, lenet_helpers"),
    "ten steps": STEPS,
}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args(arguments)
    load, found = os.getloadavg()[0], {name: [] for name in PROGRAMS}
    for turn in range(options.times + 1):
        for name, program in PROGRAMS.items():
            run = subprocess.run(
                [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
            )
            if turn:  # the first reads the files into memory
                found[name].append([float(line) for line in run.stdout.split()])
    middle = {name: [statistics.median(row) for row in zip(*rows)] for name, rows in found.items()}
    (alone,), (both,), (first, second) = middle.values()
    seconds = {
        "import torch": alone,
        "import lenet_helpers, beyond that": both - alone,
        "ten steps of Adam, the first time": first,
        "ten steps of Adam, the second time": second,
    }
    result = {
        "command": "python -m benchmarks.startup",
        "date": date.today().isoformat(),
        "torch": torch.__version__,
        "processor": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": load,
        "times": options.times,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }
    for name, value in result["seconds"].items():
        print(f"{value:7.3f} s  {name}")
    write_whole(RESULT, (json.dumps(result, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
