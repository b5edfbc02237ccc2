"""A box to type a number in, which says so when it takes another: ipywidgets' own corrects in silence."""

import ipywidgets as w
import traitlets

from ...wording import _


class _Bounded:
    """`low` and `high` are allowed; `said` is what was said about the last value typed, "" for nothing."""

    def __init__(self, *, low, high, **kwargs):
        self.low, self.high = low, high
        super().__init__(**kwargs)

    @traitlets.validate("value")
    def _keep_inside(self, proposal):
        typed = proposal["value"]
        value = min(max(typed, self.low), self.high)
        if value == typed:
            self.said = ""
        else:
            text = _("{name}: {typed:g} lies outside {low:g} to {high:g}; {value:g} was taken.")
            self.said = text.format(
                name=self.description, typed=typed, low=self.low, high=self.high, value=value
            )
        return value


class FloatBox(_Bounded, w.FloatText):
    """For any number from `low` to `high`."""

    said = traitlets.Unicode("")


class IntBox(_Bounded, w.IntText):
    """For a whole number from `low` to `high`."""

    said = traitlets.Unicode("")
