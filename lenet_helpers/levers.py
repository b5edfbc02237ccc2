"""Levers: values a learner may tune, each declared once.

A lever is a dataclass field that also knows its bounds (or choices), its scale and its
label. The slider, the bounds check, the search space and the table in chapter 4
are all read from that one declaration::

    @dataclass(frozen=True)
    class TrainConfig:
        learning_rate: float = lever(0.05, bounds=(1e-4, 1.0), scale="log",
                                     label=N_("learning rate"))

        def __post_init__(self):
            validate(self)
"""

import math
from dataclasses import dataclass, field, fields
from typing import Any, NoReturn

from .wording import _


@dataclass(frozen=True)
class Lever:
    """One tunable value: its default, what it may be, and how to show it."""

    name: str
    default: Any
    bounds: tuple[float, float] | None  # (lowest, highest), both allowed
    choices: tuple[Any, ...] | None
    scale: str  # "linear" or "log"
    step: float | None  # None: the view chooses
    label: str  # marked with N_, translated where it is shown
    help: str

    @property
    def kind(self) -> type:
        """The type a value must have: int, float or str."""
        return type(self.default)

    @property
    def allowed(self) -> str:
        """What the value may be, in words."""
        if self.bounds is None:
            return ", ".join(map(str, self.choices or ()))
        low, high = (f"{bound:,}" if self.kind is int else f"{bound:g}" for bound in self.bounds)
        what = _("a whole number from {low} to {high}") if self.kind is int else _("{low} to {high}")
        return what.format(low=low, high=high)

    def check(self, value: Any) -> Any:
        """`value` in this lever's type. Raises ValueError naming it and what is allowed."""
        if self.bounds is None:
            for choice in self.choices or ():
                if not isinstance(value, bool) and value == choice:
                    return choice
            self._refuse(value)
        number = whole_number(value) if self.kind is int else finite_number(value)
        if number is None or not self.bounds[0] <= number <= self.bounds[1]:
            self._refuse(value)
        return number

    def _refuse(self, value: object) -> NoReturn:
        message = _("{name}={value!r}: choose {allowed}")
        raise ValueError(message.format(name=self.name, value=value, allowed=self.allowed))


def finite_number(value: Any) -> float | None:
    """`value` as a float where it is a finite number of any kind, else None; True and False are none."""
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):  # an array of two numbers, an int beyond all floats
        return None
    return number if math.isfinite(number) else None


def whole_number(value: Any) -> int | None:
    """`value` as an int where it is a whole number of any kind (3, 3.0, numpy's), else None."""
    number = finite_number(value)
    return None if number is None or number != int(number) else int(value)


def checked_count(name: str, value: Any) -> int:
    """`value` as an int of at least 1; raises ValueError, naming it, for anything else."""
    number = whole_number(value)
    if number is None or number < 1:
        message = _("{name}={value!r}: choose a whole number of at least 1")
        raise ValueError(message.format(name=name, value=value))
    return number


def lever(
    default: Any,
    *,
    bounds: tuple[float, float] | None = None,
    choices: tuple[Any, ...] | None = None,
    scale: str = "linear",
    step: float | None = None,
    label: str,
    help: str = "",
) -> Any:
    """A dataclass field for a tunable value; give either `bounds` or `choices`."""
    if (bounds is None) == (choices is None):
        raise TypeError("lever: give either bounds or choices")
    if scale not in ("linear", "log"):
        raise TypeError(f"lever: scale={scale!r} is neither 'linear' nor 'log'")
    about = dict(bounds=bounds, choices=choices, scale=scale, step=step, label=label, help=help)
    return field(default=default, metadata={"lever": about})


def levers_of(config_class: type) -> dict[str, Lever]:
    """The levers of a configuration class: a dict from name to `Lever`, in order."""
    return {
        f.name: Lever(name=f.name, default=f.default, **f.metadata["lever"])
        for f in fields(config_class)
        if "lever" in f.metadata
    }


def validate(config: Any) -> None:
    """Check every lever of `config`; raises ValueError at the first that is not allowed.

    Whole numbers given for a float become floats, so that two equal configurations also print the same.
    """
    for name, one in levers_of(type(config)).items():
        object.__setattr__(config, name, one.check(getattr(config, name)))
