"""What each lever does, measured: the numbers that chapter 4 quotes.

    python -m benchmarks.levers                    # runs what is missing, then summarises
    python -m benchmarks.levers --seconds 480      # the same, in slices: stops in time, goes on next time
    python -m benchmarks.levers --part 1 2         # the first of two halves, for two processors at once
    python -m benchmarks.levers --summarise        # only writes the summary again

Data: full MNIST (`--data`, else $LENET_DATA); 10,000 of its training images to learn from
(500 in the settings called "few"), 10,000 others for validation; the test images are never
touched. Every setting is trained with the same seeds and compared with its baseline on the
same validation images by `tuning.evidence`, the rule of the course. Training accuracy and
loss are scored at the end, on the training images as they are, without dropout.

Every network of another depth or width, and batches of 128 (`TUNED`), are measured twice: at
the baseline's learning rate, and at the best of `RATES` on validation, chosen with seeds of
their own (`CHOOSING`); their baselines get the same choice. A choice between two rates that are
nearly equally good may fall on the worse one; with two seeds of s.d. 0.2 points each that costs
about 0.03 points on average at worst, far less than the intervals are wide. Two curves go with this:
accuracy against the learning rate, for SGD and Adam, and against the number of training images at
equal steps.

Which images each run got right is kept in `build/levers/`, so that a stopped measurement goes
on where it was; the summary goes to `lenet_helpers/results/levers.json`. One thread, so that
the digits repeat.
"""

import argparse
import json
import math
import platform
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import torch

from lenet_helpers.data import Split, load_dataset
from lenet_helpers.models import LeNetConfig, new_model
from lenet_helpers.results import FOLDER
from lenet_helpers.summary import count_parameters, layer_table
from lenet_helpers.training import QUICK, Diverged, train
from lenet_helpers.tuning.evidence import paired_difference, paired_interval
from lenet_helpers.tuning.session import score_images

CACHE = Path(__file__).resolve().parent.parent / "build" / "levers"
RESULTS = FOLDER / "levers.json"
MANY, FEW, VALIDATION = 10_000, 500, 10_000
RECIPE = replace(QUICK, epochs=3.0)
STEPS = 939  # 3 epochs of 10,000 images in batches of 32
SEEDS, CHOOSING, CURVE_SEEDS = range(5), (100, 101), range(2)


@dataclass(frozen=True)
class Setting:
    """One configuration on `n_train` images, and the setting that it is compared with.

    `shown`: how the training images are shown besides as they are, "mirrored" or
    "half turn", each in half of the cases.
    """

    n_train: int = MANY
    network: LeNetConfig = field(default_factory=LeNetConfig)
    training: object = RECIPE
    baseline: str = "baseline"
    shown: str | None = None


def setting(n_train=MANY, baseline="baseline", shown=None, **levers):
    """A `Setting` with `levers` changed from `RECIPE` and the plain network."""
    network = {k: v for k, v in levers.items() if k in LeNetConfig.__dataclass_fields__}
    training = {k: v for k, v in levers.items() if k not in network}
    return Setting(n_train, LeNetConfig(**network), replace(RECIPE, **training), baseline, shown)


# 500 images for three epochs would be 48 steps: 40 epochs let every setting finish.
LONG_FEW = dict(n_train=FEW, epochs=40.0, baseline="few")
LONG = dict(epochs=15.0, baseline="long")
AUGMENTED = dict(shift=0.07, rotation=10.0, scale=0.1)
DEPTH = {
    "two 3x3": dict(convs_per_stage=2, kernel_size=3),
    "three 3x3": dict(convs_per_stage=3, kernel_size=3),
    "two 5x5": dict(convs_per_stage=2),
    # Padded so that each stage hands on maps as large as the baseline's.
    "three 3x3, padded": dict(convs_per_stage=3, kernel_size=3, padding=(1, 0, 0, 1, 0, 0)),
    "two 5x5, padded": dict(convs_per_stage=2, padding=(2, 0, 2, 0)),
}
WIDTH = {"width 0.5": dict(width=0.5), "width 3": dict(width=3.0)}

SETTINGS = {
    "baseline": setting(),
    **{name: setting(**levers) for name, levers in (DEPTH | WIDTH).items()},
    "one 3x3": setting(kernel_size=3),
    "one 7x7": setting(kernel_size=7),
    "one 1x1": setting(kernel_size=1),
    "rate 0.0005": setting(learning_rate=0.0005),
    "rate 0.03": setting(learning_rate=0.03),
    "rate 0.1": setting(learning_rate=0.1),
    "dropout 0.2": setting(dropout=0.2),
    "dropout 0.5": setting(dropout=0.5),
    "decay 0.0001": setting(weight_decay=0.0001),
    "decay 0.01": setting(weight_decay=0.01),
    "adamw 0.1": setting(optimizer="adamw", weight_decay=0.1),
    "batch 8": setting(batch_size=8),
    "batch 128, equal epochs": setting(batch_size=128),
    "batch 128, equal steps": setting(batch_size=128, steps=STEPS),
    "shift 0.07": setting(shift=0.07),
    "rotation 10": setting(rotation=10.0),
    "scale 0.1": setting(scale=0.1),
    "all three": setting(**AUGMENTED),
    "shift 0.4": setting(shift=0.4),
    "rotation 180": setting(rotation=180.0),
    "mirrored": setting(shown="mirrored"),
    "half turn": setting(shown="half turn"),
    "few": setting(**LONG_FEW),
    "few, width 3": setting(**LONG_FEW, width=3.0),
    "few, dropout 0.5": setting(**LONG_FEW, dropout=0.5),
    "few, decay 0.001": setting(**LONG_FEW, weight_decay=0.001),
    "few, decay 0.01": setting(**LONG_FEW, weight_decay=0.01),
    "few, all three": setting(**LONG_FEW, **AUGMENTED),
    "long": setting(**LONG),
    "long, dropout 0.5": setting(**LONG, dropout=0.5),
    "long, rotation 180": setting(**LONG, rotation=180.0),
}

# Measured first: the baselines, and what is compared with them alone.
FIRST = (
    "baseline",
    "few",
    "three 3x3, padded",
    "two 5x5, padded",
    "adamw 0.1",
    "mirrored",
    "half turn",
    "few, decay 0.01",
)

# Arms that get a learning rate of their own, and the rates that they choose among.
TUNED = ("baseline", *DEPTH, *WIDTH, "batch 128, equal epochs", "few", "few, width 3")
RATES = (0.002, 0.004, 0.008, 0.016, 0.032)
OWN = "{name}, own rate"

CURVES = {
    "adam": {rate: setting(learning_rate=rate) for rate in (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1)},
    "sgd": {
        rate: setting(learning_rate=rate, optimizer="sgd") for rate in (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    },
}
SIZES = (100, 300, 1_000, 3_000, 10_000, 50_000)
SIZE_STEPS = 2 * STEPS
SIZE_ARMS = {"plain": {}, "augmented": AUGMENTED}


def size_setting(arm, n):
    """The recipe with one of `SIZE_ARMS` on `n` images, always for as many steps."""
    return setting(n_train=n, steps=SIZE_STEPS, **SIZE_ARMS[arm])


def plan():
    """Every run, (name, `Setting`, seed): what others depend on first, then round by round of seeds."""
    curves = [(f"{optimizer} {rate:g}", one) for optimizer, c in CURVES.items() for rate, one in c.items()]
    curves += [(f"{n} images, {arm}", size_setting(arm, n)) for arm in SIZE_ARMS for n in SIZES]
    slow = [name for name in SETTINGS if name.startswith("long")]
    for name in TUNED:
        for seed in CHOOSING:
            yield from ((f"choose {rate:g} {name}", with_rate(name, rate), seed) for rate in RATES)
    for seeds in (SEEDS[:3], SEEDS[3:]):
        for names in (FIRST, TUNED if chosen() else ()):
            for seed in seeds:
                yield from ((*(own(n) if names is TUNED else (n, SETTINGS[n])), seed) for n in names)
        yield from ((name, one, seed) for seed in CURVE_SEEDS for name, one in curves)
        yield from ((name, SETTINGS[name], seed) for seed in seeds for name in SETTINGS if name not in slow)
        yield from ((name, SETTINGS[name], seed) for seed in seeds for name in slow)


def chosen():
    """Whether every arm has had its choice of rates."""
    return all(path(f"choose {r:g} {name}", s).exists() for name in TUNED for r in RATES for s in CHOOSING)


def own(name):
    """(the name of its runs, `Setting`) of arm `name` at the rate that was chosen for it."""
    rate = chosen_rate(name)
    # At the rate of the recipe they have been made already.
    return name if rate == RECIPE.learning_rate else f"{name}, at {rate:g}", with_rate(name, rate)


def with_rate(name, rate):
    """Setting `name` at another learning rate, compared with its baseline at that one's own rate."""
    one = SETTINGS[name]
    training = replace(one.training, learning_rate=rate)
    return replace(one, training=training, baseline=OWN.format(name=one.baseline))


def chosen_rate(name):
    """The rate with the best mean validation accuracy over the choosing seeds."""
    return max(RATES, key=lambda rate: choice_accuracy(name, rate))


def choice_accuracy(name, rate):
    """Mean validation accuracy of arm `name` at `rate` over the choosing seeds."""
    return float(np.mean([load(f"choose {rate:g} {name}", seed)["right"].mean() for seed in CHOOSING]))


def main():
    parser = argparse.ArgumentParser(description="Measure what each lever of chapter 4 does.")
    parser.add_argument("--data", help="folder with MNIST (default: $LENET_DATA or the cache)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after about so long")
    parser.add_argument("--part", type=int, nargs=2, default=(1, 1), metavar=("NUMBER", "OF"))
    parser.add_argument("--summarise", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if not options.summarise:
        measure(options.data, time.monotonic() + options.seconds, *options.part)
    left = sum(not path(name, seed).exists() for name, _one, seed in plan())
    if left:
        print(f"{left} runs to go: run the same line again")
    RESULTS.write_text(json.dumps(summarise(), indent=1, allow_nan=False) + "\n")
    print(f"wrote {RESULTS.name}")


def measure(root, end, part=1, parts=1):
    """Train what is missing until time `end`; of several processes each takes its part."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for number, (name, one, seed) in enumerate(plan()):
        if number % parts != part - 1 or path(name, seed).exists():
            continue
        if time.monotonic() > end:
            return
        started = time.monotonic()
        result = run(dataset(one.n_train, root), replace(one, training=replace(one.training, seed=seed)))
        partial = path(name, seed).with_suffix(f".{part}.partial.npz")
        np.savez_compressed(partial, **result)
        partial.replace(path(name, seed))  # whole or not at all
        took = time.monotonic() - started
        print(f"seed {seed}  {name:34} {100 * result['right'].mean():6.2f} %  {took:.1f} s", flush=True)


def path(name, seed):
    """Where the run of setting `name` with this seed is kept."""
    return CACHE / f"{name.replace(' ', '_')}-{seed}.npz"


@cache
def dataset(n_train, root):
    """MNIST with `n_train` training images; the validation images are always the same."""
    return load_dataset("mnist", root=root, n_train=n_train, validation=VALIDATION)


def run(data, one):
    """Train once; which validation images are right, their labels, and what the training images score."""
    model = new_model(one.network, one.training.seed)
    shown, training = _shown(data, one)
    try:
        for _record in train(model, replace(shown, validation=None), training):
            pass
    except Diverged:
        nothing = np.zeros(len(data.validation), dtype=bool)
        return dict(right=nothing, labels=data.validation.labels.numpy(), diverged=True) | dict.fromkeys(
            ("validation_loss", "train_loss", "train_accuracy"), float("nan")
        )
    loss, right = score_images(model, data.validation)
    train_loss, train_right = score_images(model, data.train)
    return dict(
        right=right,
        labels=data.validation.labels.numpy(),
        diverged=False,
        validation_loss=loss,
        train_loss=train_loss,
        train_accuracy=train_right.mean(),
    )


def _shown(data, one):
    """The data and the configuration to train with: twice the images, each as it is and changed, for as
    many steps.
    """
    if one.shown is None:
        return data, one.training
    axes = {"mirrored": (-1,), "half turn": (-2, -1)}[one.shown]
    images, labels = data.train.images, data.train.labels
    both = Split(torch.cat([images, images.flip(*axes)]), torch.cat([labels, labels]))
    return replace(data, train=both), replace(one.training, steps=STEPS)


def summarise():
    """The contents of levers.json, from the runs in the cache: each setting with the seeds it has."""
    owned = {OWN.format(name=name): own(name) for name in TUNED}
    everything = SETTINGS | {name: one for name, (_run, one) in owned.items()}
    stored = {name: name for name in SETTINGS} | {name: run for name, (run, _one) in owned.items()}
    runs = {name: load_all(where, rounds([where], SEEDS)) for name, where in stored.items()}
    settings = {name: describe(everything[name], runs[name]) for name in everything}
    return {
        "what": "validation accuracy on 10,000 images of MNIST's training set; test set untouched",
        "command": "python -m benchmarks.levers",
        "date": date.today().isoformat(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "threads": 1,
        "recipe": asdict(RECIPE),
        "seeds": min(len(kept["right"]) for kept in runs.values()),
        "settings": settings,
        "comparisons": {
            name: compare(runs[name], runs[everything[name].baseline])
            | {"baseline": everything[name].baseline}
            for name in everything
            if name != everything[name].baseline and shared(runs[name], runs[everything[name].baseline]) > 1
        },
        "chosen": {
            name: {
                "rates": {f"{rate:g}": round(choice_accuracy(name, rate), 4) for rate in RATES},
                "chosen": chosen_rate(name),
                "seeds": CHOOSING,
            }
            for name in TUNED
        },
        "rates": {
            optimizer: [curve_point(f"{optimizer} {rate:g}", rate=rate) for rate in curve]
            for optimizer, curve in CURVES.items()
        },
        "sizes": {
            "steps": SIZE_STEPS,
            "arms": {arm: [curve_point(f"{n} images, {arm}", images=n) for n in SIZES] for arm in SIZE_ARMS},
        },
    }


def rounds(names, seeds):
    """The first of `seeds` with which every one of `names` was run."""
    names, whole = list(names), []
    for seed in seeds:
        if not all(path(name, seed).exists() for name in names):
            break
        whole.append(seed)
    if not whole:
        raise SystemExit("not one round of runs is whole yet: run python -m benchmarks.levers first")
    return whole


def load(name, seed):
    """One run; SystemExit where it has not been made."""
    if not path(name, seed).exists():
        raise SystemExit(f"no run of {name!r} with seed {seed} yet: run python -m benchmarks.levers first")
    return np.load(path(name, seed))


def load_all(name, seeds):
    """The runs of one setting, stacked seed by seed."""
    found = [load(name, seed) for seed in seeds]
    return {key: np.stack([f[key] for f in found]) for key in found[0].files}


def describe(one, kept):
    """One setting: what it is, what it costs, and what it scored."""
    model = new_model(one.network, 0)
    right, labels = kept["right"], kept["labels"][0]
    accuracies = right.mean(axis=1)
    return {
        "n_train": one.n_train,
        "epochs": one.training.epochs,
        "changed": changed(one),
        "parameters": count_parameters(model),
        "multiply_adds": sum(row.multiply_adds for row in layer_table(model)),
        "accuracies": [round(float(a), 4) for a in accuracies],
        "mean": round(float(accuracies.mean()), 5),
        "sd": round(float(accuracies.std(ddof=1)), 5) if len(accuracies) > 1 else None,
        "validation_loss": round(float(kept["validation_loss"].mean()), 4),
        "train_loss": round(float(kept["train_loss"].mean()), 4),
        "train_accuracy": round(float(kept["train_accuracy"].mean()), 4),
        "by_class": [round(float(right[:, labels == c].mean()), 4) for c in range(10)],
    }


def changed(one):
    """The levers in which a setting differs from the recipe on as many images: name → value."""
    theirs = SETTINGS[one.baseline.removesuffix(OWN.format(name=""))]
    pairs = [
        (asdict(a), asdict(b)) for a, b in ((one.network, theirs.network), (one.training, theirs.training))
    ]
    found = {key: a[key] for a, b in pairs for key in a if a[key] != b[key]}
    return found | ({"shown": one.shown} if one.shown else {})


def shared(ours, theirs):
    """How many seeds both settings were run with; their seeds are the first ones of the same list."""
    return min(len(ours["right"]), len(theirs["right"]))


def compare(ours, theirs):
    """The paired difference in accuracy over the seeds that both have, and that in loss [nats/image]."""
    n = shared(ours, theirs)
    result = paired_difference(ours["right"][:n], theirs["right"][:n])
    loss = paired_interval(ours["validation_loss"][:n] - theirs["validation_loss"][:n])
    return {
        **{key: round(getattr(result, key), 5) for key in ("mean", "low", "high")},
        "loss": {key: round(value, 4) for key, value in zip(("mean", "low", "high"), loss)},
        "seeds": result.seeds,
        "images": result.images,
    }


def curve_point(name, **where):
    """One point of a curve over the curve's seeds."""
    kept = load_all(name, rounds([name], CURVE_SEEDS))
    numbers = {key: float(kept[key].mean()) for key in ("train_accuracy", "validation_loss")}
    return where | {
        "accuracies": [round(float(a), 4) for a in kept["right"].mean(axis=1)],
        "diverged": int(kept["diverged"].sum()),
        # A run that diverged has no score.
        **{key: round(value, 4) if math.isfinite(value) else None for key, value in numbers.items()},
    }


if __name__ == "__main__":
    main()
