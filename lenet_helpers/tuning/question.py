"""What a study asks: levers and ranges, epochs, data, seed. All its workers must ask the same."""

import hashlib
from dataclasses import asdict, dataclass, replace

import torch
from optuna.trial import TrialState

from ..levers import checked_count, levers_of
from ..models import LeNetConfig, fit_to
from ..train_config import QUICK, TrainConfig
from ..wording import _

# Names of levers, and where in the lever's own range it is worth searching.
SPACE = {
    "learning_rate": (3e-4, 0.1),
    "batch_size": (16, 128),
    "width": (0.5, 2.0),
    "dropout": (0.0, 0.5),
    "shift": (0.0, 0.2),
}
LEVERS = levers_of(LeNetConfig) | levers_of(TrainConfig)
FIXED = ("epochs", "seed")  # the same for all trials of a study


@dataclass(frozen=True)
class Search:
    """What every worker of one study must agree on; only `trials` may grow later.

    space: dict from lever to range, or a row of (lever, range) pairs or of levers alone. A
        range is (low, high) for a number, any choices for the others, None for all that
        the lever allows. It is kept as pairs, every range in full.
    seed: of the first weights, the order of the images, dropout and augmentation.

    Raises ValueError for what cannot be searched.
    """

    trials: int
    epochs: float = 3.0
    space: tuple = tuple(SPACE.items())
    seed: int = 0

    def __post_init__(self):
        pairs = _pairs(self.space)
        names = [name for name, _range in pairs]
        for name in names:
            _check_name(name, names)
        if not names:
            raise ValueError(_("space: give at least one lever to search over"))
        keep = {
            "trials": checked_count("trials", self.trials),
            "epochs": LEVERS["epochs"].check(self.epochs),
            "seed": LEVERS["seed"].check(self.seed),
            "space": tuple((name, _check_range(LEVERS[name], chosen)) for name, chosen in pairs),
        }
        for name, value in keep.items():
            object.__setattr__(self, name, value)


def _pairs(space):
    if isinstance(space, str):
        space = (space,)
    try:
        entries = space.items() if isinstance(space, dict) else space
        pairs = [(one, SPACE.get(one)) if isinstance(one, str) else tuple(one) for one in entries]
        return [(name, chosen) for name, chosen in pairs]
    except (TypeError, ValueError) as error:
        message = _(
            "space={value!r}: name levers, alone or with their ranges, as in {{'dropout': (0.0, 0.5)}}"
        )
        raise ValueError(message.format(value=space)) from error


def _check_name(name, names):
    if not isinstance(name, str) or name not in LEVERS:
        message = _("space: {name!r} is no lever; choose from {names}")
        there = ", ".join(one for one in LEVERS if one not in FIXED)
        raise ValueError(message.format(name=name, names=there))
    if name in FIXED:
        message = _("space: {name} is the same for all trials; set it by Search({name}=…) instead")
        raise ValueError(message.format(name=name))
    if names.count(name) > 1:
        raise ValueError(_("space: {name} is named twice; name it once").format(name=name))


def _check_range(lever, chosen):
    if chosen is None:
        return lever.choices or lever.bounds
    if isinstance(chosen, (str, int, float)) or not len(chosen):
        message = _("space: {name}={value!r}; give the values to choose from, as a tuple")
        raise ValueError(message.format(name=lever.name, value=chosen))
    checked = tuple(map(lever.check, chosen))
    if lever.choices is None and (len(checked) != 2 or checked[0] > checked[1]):
        message = _("space: {name}={value!r}; give the lowest and the highest value, in this order")
        raise ValueError(message.format(name=lever.name, value=chosen))
    return checked


def suggest(trial, space):
    """A value for every lever named in `space`, as `Search` keeps it; type and scale are the lever's own."""
    return {name: _suggest_one(trial, LEVERS[name], chosen) for name, chosen in space}


def _suggest_one(trial, lever, chosen):
    if lever.choices is not None:
        return trial.suggest_categorical(lever.name, chosen)
    kind = trial.suggest_int if lever.kind is int else trial.suggest_float
    return kind(lever.name, *chosen, log=lever.scale == "log")


def configurations(values, dataset, epochs, seed=0):
    """(LeNetConfig, TrainConfig) with the levers of `values` set, the rest as in the quick recipe."""
    network = {name: value for name, value in values.items() if name in levers_of(LeNetConfig)}
    training = {name: value for name, value in values.items() if name not in network}
    return fit_to(dataset, LeNetConfig(**network)), replace(QUICK, epochs=epochs, seed=seed, **training)


def question(dataset, search):
    """What is asked, as a dict that JSON can hold. Raises ValueError where nothing is there to judge by."""
    held_out = dataset.require_validation()
    asked = asdict(search)
    del asked["trials"]
    return asked | {
        "space": {name: list(chosen) for name, chosen in search.space},
        "direction": "maximize",
        "dataset": dataset.name,
        "training images": len(dataset.train),
        "validation images": len(held_out),
        "pixels": _fingerprint(dataset),
    }


def _fingerprint(dataset):
    """A short name for exactly these images, labels and scaling, the same on every machine."""
    mark = hashlib.sha256(f"{dataset.mean:.4f} {dataset.std:.4f}".encode())
    for split in (dataset.train, dataset.validation):
        # Grey levels, since the last bit of a scaled pixel may differ between processors.
        levels = dataset.to_unit(split.images).mul(255).round().to(torch.uint8)
        mark.update(levels.numpy().tobytes() + split.labels.numpy().tobytes())
    return mark.hexdigest()[:16]


def _begun(study):
    return any(t.state is not TrialState.WAITING for t in study.get_trials(deepcopy=False))


def agree(study, asked):
    """Store the question in a study that has none; raises ValueError where it has another."""
    begun = _begun(study)  # looked at first: of two that start at once, the other may ask and begin meanwhile
    stored = study.user_attrs.get("question")
    if stored is None and not begun:
        study.set_user_attr("question", asked)
        stored = study.user_attrs["question"]
    name = study.study_name
    if stored is None:
        message = _("study {name!r} has trials of something else; choose another name for the study")
        raise ValueError(message.format(name=name))
    for key, value in asked.items():
        if stored.get(key) != value:
            message = _(
                "study {name!r} was begun with {key} {there}, not {here}: give the same, or choose another"
                " name for a new study"
            )
            raise ValueError(message.format(name=name, key=key, there=stored.get(key), here=value))
