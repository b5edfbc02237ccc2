"""Accuracy against time on all of MNIST: the recipes of `lenet_helpers.tuning.recipes`, raced.

    LENET_DATA=... python -m benchmarks.records --choose           # what the recipes were chosen from
    LENET_DATA=... python -m benchmarks.records --ablate           # what each part of them buys
    LENET_DATA=... python -m benchmarks.records --pace             # what each costs
    LENET_DATA=... python -m benchmarks.records --seconds 480      # the runs, in slices; goes on next time
    python -m benchmarks.records --summarise                       # only writes the summary again

Cost is told as a share of what ten epochs of the notebook that this course grew from cost on the same
machine at the same time. `--pace` runs its loop (a DataLoader that turns every image into a tensor and
normalises it on its own, SGD, batches of 256) in turns with `train` in one process, with as many threads,
so that a machine that slows down, or is busy with something else, slows both. Both sides are scaled from
these blocks: ours is the start of `train` and all steps of the recipe, the source's ten epochs are 2,350
steps. Scoring is left out on both sides.

Every recipe is trained on the 60,000 training images, and the test set is read once a run, after the
last step. Recipes are chosen by `--choose`, on 50,000 training and 10,000 validation images, which
reads no test image; so does `--ablate`, which leaves out one part at a time: every arm, the recipe itself
too, takes the best of four learning rates on three seeds, and is then compared seed by seed on others.
Both tell accuracies alone and may run on a GPU (`--device cuda`, `--share 0/8` for one of eight
processes); costs and test scores are always a processor's. Each run is kept in build/records/ as soon as
it is done, with the commit it ran at; the summary goes to lenet_helpers/results/records.json and
docs/records.md.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from collections import Counter
from dataclasses import asdict, replace
from datetime import date
from itertools import product
from pathlib import Path

import numpy as np
import torch

from benchmarks.loops import Pictures, from_loader
from lenet_helpers import TrainConfig, evaluate, load_dataset, train
from lenet_helpers.files import write_whole
from lenet_helpers.models import LeNetConfig, new_model
from lenet_helpers.results import FOLDER
from lenet_helpers.train_config import count_steps
from lenet_helpers.training import Diverged
from lenet_helpers.tuning.book import in_words
from lenet_helpers.tuning.evidence import paired_interval
from lenet_helpers.tuning.recipes import RECIPES

ROOT = Path(__file__).resolve().parent.parent
KEPT, RESULT, PAGE = ROOT / "build" / "records", FOLDER / "records.json", ROOT / "docs" / "records.md"
SOURCE_STEPS = 10 * -(-60_000 // 256)
PACES, BLOCKS, BLOCK, SOURCE_BLOCK = 5, 12, 8, 2  # paces of a recipe; blocks in one; steps in a block
LONG = 4_800_000  # images of the longest recipe: about four times as long as the source's ten epochs
MOST = 10  # seeds of a recipe, unless it takes long
SEEDS = {"six passes, distorted": 5, "eighty passes, distorted": 3}

# accuracy, of which seed ("median", "every"), highest share of the source's ten epochs
BARS = {
    "dash": [(0.9744, "median", 1 / 85)],
    "sprint": [(0.9744, "every", 1 / 75)],
    "three passes": [(0.99, "every", 1 / 14)],
    "six passes, distorted": [(0.993, "median", 1 / 6)],
    "eighty passes, distorted": [(0.9955, "median", 4.0)],
}


def candidates():
    """What was tried on validation images: name → (configuration for 50,000 images, seeds)."""

    plain = TrainConfig(learning_rate=0.008, batch_size=128, optimizer="adamw", schedule="one-cycle")
    distorted = replace(plain, rotation=7.0, scale=0.05, shift=0.07)

    def of(base, images, seeds, **changes):
        config = replace(distorted if "distorted" in base else plain, **changes)
        label = ", ".join(f"{key} {value:g}" for key, value in changes.items())
        return f"{base}: {images:,} images, {label}", (
            replace(config, steps=round(images / config.batch_size)),
            seeds,
        )

    tried = [
        of("sprint", images, 3, batch_size=batch, learning_rate=rate)
        for images, batch, rate in [
            (24_000, 64, 0.006),
            (24_000, 64, 0.01),
            (24_000, 128, 0.008),
            (24_000, 128, 0.012),
            (20_000, 64, 0.01),
            (20_000, 32, 0.008),
            (16_000, 64, 0.01),
            (16_000, 32, 0.008),
            (24_000, 128, 0.02),
            (20_000, 64, 0.015),
            (16_000, 64, 0.015),
            (24_000, 64, 0.015),
        ]
    ]
    tried += [
        of("one pass", 60_000, 2, batch_size=b, learning_rate=r)
        for b, r in [(64, 0.008), (128, 0.006), (128, 0.01), (128, 0.015), (128, 0.02), (64, 0.012)]
    ]
    tried += [
        of("three passes", 180_000, 2, batch_size=b, learning_rate=r)
        for b, r in [(128, 0.005), (128, 0.008), (128, 0.012), (64, 0.008)]
    ]
    tried += [
        of("six passes, distorted", 360_000, 1, rotation=t, scale=s, shift=m)
        for t, s, m in [(4, 0.03, 0.04), (7, 0.05, 0.07), (10, 0.07, 0.1)]
    ]
    # Two threads are worth their while in larger batches: those were tried last.
    tried += [
        of("sprint", images, 3, batch_size=batch, learning_rate=rate)
        for images in (16_800, 20_000, 24_000, 28_000)
        for batch, rate in product((96, 128), (0.012, 0.016, 0.02, 0.03))
    ]
    tried += [
        of("three passes", images, 5, batch_size=b, learning_rate=r)
        for images, b, rates in [
            (120_000, 128, (0.008, 0.012, 0.016)),
            (120_000, 192, (0.01, 0.014, 0.02)),
            (140_000, 256, (0.012, 0.016, 0.024)),
            (160_000, 256, (0.012, 0.016, 0.02)),
            (180_000, 256, (0.012, 0.016, 0.02)),
        ]
        for r in rates
    ]
    tried += [
        of("six passes, distorted", 360_000, 3, batch_size=256, learning_rate=rate) for rate in (0.012, 0.016)
    ]
    tried += [
        of("six passes, distorted", images, 3, learning_rate=r, rotation=t, scale=s, shift=m)
        for images, r in product((210_000, 240_000), (0.008, 0.012))
        for t, s, m in [(4, 0.03, 0.04), (5, 0.04, 0.05), (7, 0.05, 0.07)]
    ]
    tried += [
        of("eighty passes, distorted", LONG, 1, learning_rate=r, weight_decay=d, rotation=t, scale=s, shift=m)
        for r, d in product((0.004, 0.008), (0.0, 0.05))
        for t, s, m in [(7, 0.05, 0.07), (10, 0.1, 0.07), (14, 0.1, 0.1)]
    ]
    return dict(tried)


# What a recipe is compared with: itself, and itself without one part, or with another in its place.
SGD = {"optimizer": "sgd", "learning_rate": 0.1}
PLAIN = {"rotation": 0.0, "scale": 0.0, "shift": 0.0}
CONSTANT = {"schedule": "constant"}
ABLATIONS = {
    "sprint": [{}, CONSTANT, {**SGD, "momentum": 0.9}, {"batch_size": 32}, {"batch_size": 256}],
    "three passes": [
        {},
        CONSTANT,
        {**SGD, "momentum": 0.9},
        SGD,
        {"batch_size": 64},
        {"batch_size": 512},
    ],
    "six passes, distorted": [
        {},
        CONSTANT,
        PLAIN,
        *({name: value} for name, value in PLAIN.items()),
    ],
}
FACTORS, CHOOSING, JUDGED = (0.25, 0.5, 1.0, 2.0), (100, 101, 102), 5


def ablate(data, recipe, number, device):
    """All runs of one arm: four rates on three seeds, then the best of them on others."""
    changed = ABLATIONS[recipe][number]
    arm = replace(RECIPES[recipe], **changed, device=device, record_every=10**6)

    def accuracies(rate, seeds):
        found = []
        for seed in seeds:
            try:
                *_, last = train(
                    new_model(LeNetConfig(), seed), data, replace(arm, learning_rate=rate, seed=seed)
                )
                found.append(last.validation_accuracy)
            except Diverged:
                found.append(0.0)
        return found

    tried = {
        arm.learning_rate * factor: statistics.mean(accuracies(arm.learning_rate * factor, CHOOSING))
        for factor in FACTORS
    }
    best = max(tried, key=tried.get)
    print(f"{recipe}, {in_words(changed)}: rate {best:g}, {tried[best]:.4f}", flush=True)
    return {
        "changed": {name: value for name, value in changed.items() if name != "learning_rate"},
        "rate": best,
        "tried": {f"{rate:g}": accuracy for rate, accuracy in tried.items()},
        "accuracies": accuracies(best, range(JUDGED)),
        "device": torch.cuda.get_device_name() if device == "cuda" else "processor",
        "torch": torch.__version__,
    }


def keep(kind, name, seed, made):
    """What was kept of one run; else `made()`, kept."""
    file = _file(kind, name, seed)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(made()).encode())
    return json.loads(file.read_bytes())


def _file(kind, name, seed):
    return KEPT / kind / f"{name} {seed}.json".replace(" ", "-").replace(":", "").replace(",", "")


def commit():
    """The commit that is checked out, with a + where the package, stored results apart, differs from it."""

    def git(*command):
        return subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--", "lenet_helpers", f":!{FOLDER.relative_to(ROOT)}")
    return git("rev-parse", "--short=10", "HEAD") + "+" * bool(changed)


def choose(data, name, seed, device):
    """One run on validation images: its accuracy there."""
    config = replace(candidates()[name][0], seed=seed, device=device, record_every=10**6)
    *_, last = train(new_model(LeNetConfig(), seed), data, config)
    print(f"{name}, seed {seed}: {last.validation_accuracy:.4f}", flush=True)
    return {"accuracy": last.validation_accuracy, "device": device}


def run(data, name, seed):
    """One run of a recipe: its accuracy on the test set, read at its end, or why it failed."""
    model, load = new_model(LeNetConfig(), seed), os.getloadavg()[0]
    try:
        for _record in train(model, data, replace(RECIPES[name], seed=seed)):
            pass
        accuracy = evaluate(model, data.test).accuracy
    except Diverged as stopped:
        accuracy = str(stopped)
    print(f"{name}, seed {seed}: {accuracy}", flush=True)
    return {"accuracy": accuracy, "load": load, "commit": commit()}


def pace(data, source, name, number):
    """What a recipe costs, as a share of the source's ten epochs: of wall-clock and of processor time."""
    config = RECIPES[name]
    steps = count_steps(data, config)[1]
    start, ours, theirs = [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]
    model, load = new_model(LeNetConfig(), number), os.getloadavg()[0]
    # Without end: the first records of a longer run are those of the recipe, its rate apart.
    endless = replace(config, epochs=1000.0, record_every=BLOCK)
    records = _clocked(start, lambda: train(model, data, endless))
    next(records)  # warms up
    for _block in range(BLOCKS):
        _clocked(ours, lambda: next(records))
        _clocked(theirs, lambda: [next(source) for _step in range(SOURCE_BLOCK)])
    shares = [
        (begin + mine * steps / (BLOCKS * BLOCK)) / (other * SOURCE_STEPS / (BLOCKS * SOURCE_BLOCK))
        for begin, mine, other in zip(start, ours, theirs)
    ]
    print(f"{name}, pace {number}: {_ratio(shares[0])}, by processor time {_ratio(shares[1])}", flush=True)
    return {
        "share": shares[0],
        "share of processor time": shares[1],
        "ms a step": 1000 * ours[0] / (BLOCKS * BLOCK),
        "load": load,
        "threads": torch.get_num_threads(),
        "commit": commit(),
    }


def _clocked(total, work):
    wall, busy = time.perf_counter(), time.process_time()
    result = work()
    total[0] += time.perf_counter() - wall
    total[1] += time.process_time() - busy
    return result


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no run after so long")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--choose", action="store_true", help="the runs on validation images")
    kind.add_argument("--ablate", action="store_true", help="the recipes without one part")
    kind.add_argument("--pace", action="store_true", help="what each recipe costs")
    kind.add_argument("--summarise", action="store_true", help="run nothing, write the summary")
    parser.add_argument("--only", nargs="+", default=list(RECIPES), help="names of recipes")
    parser.add_argument("--device", default="cpu", help="of --choose and --ablate")
    parser.add_argument("--share", default="0/1", help="K/N: every Nth run, from number K on")
    options = parser.parse_args(arguments)
    end = time.monotonic() + options.seconds
    if options.choose:
        data = load_dataset("mnist", validation=10_000)
        tasks = [
            ("choose", name, s)
            for name, (_config, seeds) in candidates().items()
            for s in range(seeds)
            if name.split(":")[0] in options.only
        ]
        tasks.sort(key=lambda task: -candidates()[task[1]][0].steps)  # so that shares take equally long
        made = lambda name, seed: choose(data, name, seed, options.device)  # noqa: E731
    elif options.ablate:
        data = load_dataset("mnist", validation=10_000)
        tasks = [
            ("ablate", recipe, number)
            for recipe, changes in ABLATIONS.items()
            if recipe in options.only
            for number in range(len(changes))
        ]
        tasks.sort(key=lambda task: -RECIPES[task[1]].epochs / RECIPES[task[1]].batch_size)
        made = lambda name, number: ablate(data, name, number, options.device)  # noqa: E731
    elif options.pace:
        data = load_dataset("mnist", validation=0)
        source = from_loader(Pictures(data.to_unit(data.train.images), data.train.labels))
        tasks = [("paces", name, number) for number in range(PACES) for name in options.only]
        made = lambda name, number: pace(data, source, name, number)  # noqa: E731
    elif not options.summarise:
        data = load_dataset("mnist", validation=0)
        tasks = [  # seed by seed
            ("runs", name, seed)
            for seed in range(MOST)
            for name in options.only
            if seed < SEEDS.get(name, MOST)
        ]
        made = lambda name, seed: run(data, name, seed)  # noqa: E731
    first, every = map(int, options.share.split("/"))
    for kind, name, seed in [] if options.summarise else tasks[first::every]:
        if time.monotonic() < end:
            keep(kind, name, seed, lambda name=name, seed=seed: made(name, seed))
    summary = summarise()
    write_whole(RESULT, (json.dumps(summary, indent=1) + "\n").encode())
    write_whole(PAGE, page(summary).encode())
    print(table(summary))


def summarise():
    """What all the runs that were kept say together."""
    tried = {name: kept("choose", name, range(seeds)) for name, (_c, seeds) in candidates().items()}
    recipes = {name: kept("runs", name, range(MOST)) for name in RECIPES}
    paces = {name: kept("paces", name, range(PACES)) for name in RECIPES}
    return {
        "command": "python -m benchmarks.records",
        "date": date.today().isoformat(),
        "data": "MNIST: 60,000 training images, the 10,000 test images read once a run",
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processor": f"{platform.machine()}, {os.cpu_count()} cores",
        "recipes": {name: about(name, runs, paces[name]) for name, runs in recipes.items() if runs},
        "ablated": {name: told for name in ABLATIONS if (told := arms(name))},
        "tried on": Counter(run["device"] for runs in tried.values() for run in runs.values()),
        "tried on validation": {
            name: [round(run["accuracy"], 4) for run in runs.values()] for name, runs in tried.items() if runs
        },
    }


def arms(recipe):
    """A recipe's arms, itself first: their runs, and the difference to the recipe, seed by seed."""
    runs = list(kept("ablate", recipe, range(len(ABLATIONS[recipe]))).values())
    for run in runs[1:]:
        gaps = np.array(run["accuracies"]) - np.array(runs[0]["accuracies"])
        run["difference"] = dict(zip(("mean", "low", "high"), paired_interval(gaps)))
    return runs


def kept(kind, name, seeds):
    """The runs that there are: seed → what was kept."""
    files = {seed: _file(kind, name, seed) for seed in seeds}
    return {seed: json.loads(file.read_bytes()) for seed, file in files.items() if file.exists()}


def about(name, runs, paces):
    """One recipe's runs and paces, and what they come to; a run that failed counts as the lowest accuracy."""
    failed = {seed: run["accuracy"] for seed, run in runs.items() if isinstance(run["accuracy"], str)}
    right = [0.0 if seed in failed else run["accuracy"] for seed, run in runs.items()]
    spread = {
        key: [pace[key] for pace in paces.values()]
        for key in ("share", "share of processor time", "ms a step", "load")
    }
    return {
        "recipe": {k: v for k, v in asdict(RECIPES[name]).items() if v != getattr(TrainConfig(), k)},
        "images": images_of(RECIPES[name]),
        "n": len(runs),
        "accuracies": right,
        "median": statistics.median(right),
        "lowest": min(right),
        "failures": failed,
        "paces": len(paces),
        "threads": sorted({pace["threads"] for pace in paces.values()}),
        **{
            key: {"median": statistics.median(v), "lowest": min(v), "highest": max(v)}
            for key, v in spread.items()
            if v
        },
        "commits": sorted({one["commit"] for one in (*runs.values(), *paces.values())}),
        "bars": [bar(right, spread["share"], *one) for one in BARS.get(name, ()) if paces],
    }


def images_of(config):
    """Images that a recipe is trained on, over all its epochs of MNIST's 60,000."""
    return round(config.epochs * 60_000)


def bar(right, shares, accuracy, which, share):
    """One of the aims, and whether it was met."""
    reached = statistics.median(right) if which == "median" else min(right)
    spent = statistics.median(shares)
    return {
        "aim": f"{100 * accuracy:g} % ({which} of the seeds) at {_ratio(share)} of the source's ten epochs",
        "reached": f"{100 * reached:.2f} % at {_ratio(spent)}",
        "met": reached >= accuracy and spent <= share,
    }


def _ratio(share):
    return f"{share:.2g} ×" if share > 1 else f"1/{1 / share:.1f}"


def _points(difference):
    mean, low, high = (100 * difference[key] for key in ("mean", "low", "high"))
    return f"{mean:+.2f} | [{low:+.2f}, {high:+.2f}] |"


def table(summary):
    """The leaderboard in Markdown."""
    rows = [
        "| recipe | images | accuracy, median | lowest | highest | n | failed"
        " | share of ten epochs | from, to | by processor time | paces | commit |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for name, one in summary["recipes"].items():
        share, right, busy = one.get("share"), one["accuracies"], one.get("share of processor time")
        cells = [
            name,
            f"{one['images']:,}",
            f"**{100 * one['median']:.2f} %**",
            f"{100 * one['lowest']:.2f} %",
            f"{100 * max(right):.2f} %",
            f"{one['n']}",
            f"{len(one['failures'])}",
            f"**{_ratio(share['median'])}**" if share else "",
            f"{_ratio(share['lowest'])}, {_ratio(share['highest'])}" if share else "",
            _ratio(busy["median"]) if busy else "",
            f"{one['paces']}",
            ", ".join(one["commits"]),
        ]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def page(summary):
    """docs/records.md, all of it."""
    aims = [
        f"| {name} | {one['aim']} | {one['reached']} | {'yes' if one['met'] else 'no'} |"
        for name, recipe in summary["recipes"].items()
        for one in recipe["bars"]
    ]
    recipes = [
        f"| {name} | " + ", ".join(f"`{k}={v!r}`" for k, v in one["recipe"].items()) + " |"
        for name, one in summary["recipes"].items()
    ]
    tried = [
        f"| {name} | {', '.join(f'{100 * a:.2f}' for a in right)} |"
        for name, right in summary["tried on validation"].items()
    ]
    parts = [
        f"| {name} | {in_words(run['changed'])} | {run['rate']:g} |"
        f" {100 * statistics.mean(run['accuracies']):.2f} % | "
        + (_points(run["difference"]) if "difference" in run else "| |")
        for name, runs in summary["ablated"].items()
        for run in runs
    ]
    places = {
        f"{run['device']}, torch {run['torch']}" for runs in summary["ablated"].values() for run in runs
    }
    failed = [
        f"- {name}, seed {seed}: {why}"
        for name, one in summary["recipes"].items()
        for seed, why in one["failures"].items()
    ]
    paced = [one for one in summary["recipes"].values() if one["paces"]]
    said = "Not paced yet: no cost is told."
    if paced:
        loads = [one["load"]["median"] for one in paced]
        threads = " and ".join(str(n) for n in sorted({n for one in paced for n in one["threads"]}))
        said = (
            f"Paced with {threads} thread(s) on each side; load average, median by recipe,"
            f" {min(loads):.1f} to {max(loads):.1f}."
        )
    return PAGE_TEXT.format(
        command=summary["command"],
        date=summary["date"],
        processor=summary["processor"],
        python=summary["python"],
        torch=summary["torch"],
        paced=said,
        table=table(summary),
        aims="\n".join(aims),
        recipes="\n".join(recipes),
        waiting="".join(f"- {name}: not run yet\n" for name in RECIPES if name not in summary["recipes"]),
        parts="\n".join(parts),
        places="; ".join(sorted(places)) or "not run yet",
        judged=JUDGED,
        tried="\n".join(tried),
        devices=", ".join(f"{device} {count}" for device, count in summary["tried on"].items()),
        failed="\n".join(failed) or "No run failed.",
    )


PAGE_TEXT = """# Records: accuracy against time

LeNet, 44,426 parameters, on MNIST's 60,000 training images, on a processor.
Written by `{command}`, which also measures. Its docstring says how.

{date}; {processor}; Python {python}, torch {torch}.
{paced}

{table}

A share is the time of `train` for one run, over the time of ten epochs of the source notebook's loop, both
scaled from blocks of steps that took turns (`--pace`). The test set is read once a run, after its last step.
Add a row by adding a recipe to `lenet_helpers.tuning.recipes`.

## Aims

| recipe | aim | reached | met |
|---|---|---|---|
{aims}

## The recipes

What differs from `TrainConfig()`:

| recipe | levers |
|---|---|
{recipes}

Chosen on validation images alone, for two threads. Earlier recipes of these names, in batches of 64 and
128, had been scored on the test set before.

## Runs that failed, or are still to come

{failed}
{waiting}
## What each part buys

Trained on 50,000 images, scored on 10,000 validation images; every arm at the best of four rates, chosen on
three other seeds. The difference to the recipe is in points, on {judged} seeds, with its 95 % interval
(paired t). Run on: {places}.

| recipe | changed | rate | accuracy | difference | interval |
|---|---|---:|---:|---:|---:|
{parts}

## What was tried

On 50,000 training and 10,000 validation images; a number for each seed, in percent. No test image was read.
Runs by device: {devices}.

| tried | validation accuracy |
|---|---|
{tried}
"""


if __name__ == "__main__":
    main()
