"""Levers: values a learner may tune, each declared once.

A lever is a dataclass field that also knows its bounds (or choices), its scale and its
label. The slider, the bounds check, the search space and the table in chapter 4
(`lever_table`) are all read from that one declaration::

    @dataclass(frozen=True)
    class TrainConfig:
        learning_rate: float = lever(0.05, bounds=(1e-4, 1.0), scale="log",
                                     label=N_("learning rate"))

        def __post_init__(self):
            validate(self)
"""

import math
from dataclasses import dataclass, field, fields

from .wording import _


@dataclass(frozen=True)
class Lever:
    """One tunable value: its default, what it may be, and how to show it."""

    name: str
    default: object
    bounds: tuple | None  # (lowest, highest), both allowed
    choices: tuple | None
    scale: str  # "linear" or "log"
    step: float | None  # None: the view chooses
    label: str  # marked with N_, translated where it is shown
    help: str

    @property
    def kind(self):
        """The type a value must have: int, float or str."""
        return type(self.default)

    @property
    def allowed(self):
        """What the value may be, in words."""
        if self.choices is not None:
            return ", ".join(map(str, self.choices))
        low, high = (f"{bound:,}" if self.kind is int else f"{bound:g}" for bound in self.bounds)
        what = _("a whole number from {low} to {high}") if self.kind is int else _("{low} to {high}")
        return what.format(low=low, high=high)

    def check(self, value):
        """`value` in this lever's type. Raises ValueError naming it and what is allowed."""
        if self.choices is not None:
            if value not in self.choices:
                self._refuse(value)
            return value
        if not self._is_number(value) or not self.bounds[0] <= value <= self.bounds[1]:
            self._refuse(value)
        return self.kind(value)

    def _is_number(self, value):
        if isinstance(value, bool) or not hasattr(value, "__float__"):
            return False
        return math.isfinite(value) and (self.kind is float or value == int(value))

    def _refuse(self, value):
        message = _("{name}={value!r}: choose {allowed}")
        raise ValueError(message.format(name=self.name, value=value, allowed=self.allowed))


def lever(default, *, bounds=None, choices=None, scale="linear", step=None, label, help=""):
    """A dataclass field for a tunable value; give either `bounds` or `choices`."""
    if (bounds is None) == (choices is None):
        raise TypeError("lever: give either bounds or choices")
    if scale not in ("linear", "log"):
        raise TypeError(f"lever: scale={scale!r} is neither 'linear' nor 'log'")
    about = dict(bounds=bounds, choices=choices, scale=scale, step=step, label=label, help=help)
    return field(default=default, metadata={"lever": about})


def levers_of(config_class):
    """The levers of a configuration class: a dict from name to `Lever`, in order."""
    return {
        f.name: Lever(name=f.name, default=f.default, **f.metadata["lever"])
        for f in fields(config_class)
        if "lever" in f.metadata
    }


def lever_table(*config_classes):
    """The levers of configuration classes as a Markdown table: name in code, label, default, what is
    allowed, what it does.
    """
    rows = [(_("in code"), _("lever"), _("default"), _("allowed"), _("what it does")), ["---"] * 5]
    for config_class in config_classes:
        rows += [
            (f"`{one.name}`", _(one.label), f"{one.default}", one.allowed, _(one.help) if one.help else "")
            for one in levers_of(config_class).values()
        ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def validate(config):
    """Check every lever of `config`; raises ValueError at the first that is not allowed.

    Whole numbers given for a float become floats, so that two equal configurations
    also print the same.
    """
    for name, one in levers_of(type(config)).items():
        object.__setattr__(config, name, one.check(getattr(config, name)))
