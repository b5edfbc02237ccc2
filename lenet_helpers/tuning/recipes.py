"""Recipes for LeNet on the whole of MNIST, from a second's work to minutes, and one that fits a budget.

Chosen on 10,000 validation images, for two threads, and judged on the test set once a run:
`python -m benchmarks.records` measures them, and docs/records.md has the table.
"""

import math
from dataclasses import replace

from ..data import Dataset
from ..levers import finite_number
from ..models import LeNetConfig, fit_to, new_model
from ..results import stored_result
from ..train_config import QUICK, TrainConfig
from ..training import train
from ..wording import _

_PLAIN = TrainConfig(learning_rate=0.02, batch_size=256, optimizer="adamw", schedule="one-cycle")
_FEW = replace(_PLAIN, batch_size=96)

RECIPES: dict[str, TrainConfig] = {
    "dash": replace(_FEW, learning_rate=0.016, epochs=1 / 3),
    "sprint": replace(_FEW, epochs=0.4),
    "one pass": replace(_PLAIN, learning_rate=0.015, batch_size=128, epochs=1.0),
    "three passes": replace(_PLAIN, epochs=3.0),
    "six passes, distorted": replace(
        _PLAIN, learning_rate=0.016, epochs=6.0, rotation=7.0, scale=0.05, shift=0.07
    ),
    "eighty passes, distorted": replace(
        _PLAIN, learning_rate=0.004, batch_size=128, epochs=80.0, rotation=14.0, scale=0.1, shift=0.1
    ),
}
SMALL = 10_000  # training images up to which QUICK's batches of 32 take more steps of as many images
PROBED = 6  # steps whose speed stands for that of all


def quick_recipe(dataset: Dataset) -> TrainConfig:
    """QUICK for a few thousand training images; half an epoch of it for more than 10,000."""
    return QUICK if len(dataset.train) <= SMALL else replace(QUICK, epochs=0.5)


def recipe_for(dataset: Dataset, *, images: float | None = None, seconds: float | None = None) -> TrainConfig:
    """A configuration for LeNet on `dataset` that spends a budget: `images` trained on, or `seconds`.

    Of the recipes on the measured front (each more accurate than all that cost less), the
    one whose cost is nearest, as a ratio, with its epochs set to use the budget up; for a
    training split of up to 10,000 images QUICK's small batches, distorted as that recipe is.
    Seconds become images at the speed of a few steps taken here and now: on a machine that is
    busy otherwise the run takes longer. Scoring validation images comes on top.

    Raises ValueError unless exactly one budget is given and it is a number that pays for at
    least one step.
    """
    given = {name: value for name, value in (("images", images), ("seconds", seconds)) if value is not None}
    if len(given) != 1:
        raise ValueError(_("recipe_for: give a budget, either images=… or seconds=…"))
    ((unit, value),) = given.items()
    budget = finite_number(value)
    if budget is None or budget <= 0:
        message = _("{name}={value!r}: choose a number above 0")
        raise ValueError(message.format(name=unit, value=value))
    if unit == "images":
        return _filled(dataset, _nearest(dataset, budget), budget)
    # A distorted image costs more than a plain one: what a recipe would see here decides where it stands.
    speeds: dict[tuple[int, bool], float] = {}
    best, pays_for, nearest = QUICK, 0.0, math.inf
    for images_of_it, config in _choices(dataset).items():
        alike = config.batch_size, config.augments  # what the speed depends on
        if alike not in speeds:
            speeds[alike] = images_per_second(dataset, config)
        distance = _distance(budget * speeds[alike], images_of_it)
        if distance < nearest:
            best, pays_for, nearest = config, budget * speeds[alike], distance
    return _filled(dataset, best, pays_for)


def front() -> dict[int, TrainConfig]:
    """Images that a recipe is trained on → the recipe, for those more accurate than all that cost less."""
    best, found = 0.0, {}
    for one in sorted(stored_result("records")["recipes"].values(), key=lambda one: one["images"]):
        if one["median"] > best:
            best, found[one["images"]] = one["median"], TrainConfig(**one["recipe"])
    return found


def images_per_second(dataset: Dataset, config: TrainConfig) -> float:
    """Training images a second of LeNet with this configuration, on this machine now."""
    part = replace(dataset, train=dataset.train[: PROBED * config.batch_size], validation=None)
    few = replace(config, steps=2 * PROBED, record_every=PROBED)
    *_first, last = train(new_model(fit_to(dataset, LeNetConfig()), 0), part, few)  # the first steps warm up
    return last.images_per_second


def _choices(dataset: Dataset) -> dict[int, TrainConfig]:
    if len(dataset.train) > SMALL:
        return front()
    moved = ("shift", "rotation", "scale")
    return {n: replace(QUICK, **{name: getattr(one, name) for name in moved}) for n, one in front().items()}


def _nearest(dataset: Dataset, images: float) -> TrainConfig:
    return min(_choices(dataset).items(), key=lambda one: _distance(images, one[0]))[1]


def _distance(images: float, other: float) -> float:
    return abs(math.log(images / other))


def _filled(dataset: Dataset, config: TrainConfig, images: float) -> TrainConfig:
    """`config` with as many epochs of `dataset` as `images` pay for."""
    n, size = len(dataset.train), min(config.batch_size, len(dataset.train))
    low, high = max(size, math.ceil(n / 100)), 1000 * n  # the epochs that a configuration may have
    if not low <= images <= high:
        message = _("the budget pays for {images:,.0f} images: choose one for {low:,} to {high:,}")
        raise ValueError(message.format(images=images, low=low, high=high))
    return replace(config, batch_size=size, epochs=images / n)
