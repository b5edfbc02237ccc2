"""One control for every lever, made from the lever's declaration alone."""

from dataclasses import fields, replace

import ipywidgets as w

from ...levers import levers_of
from ...wording import _

DECADE = (1, 1.5, 2, 3, 5, 8)  # round numbers, about evenly spaced on a log scale


class LeverPanel:
    """Controls for the levers of some configurations: `.controls` by name, `.widget` to show.

    `configs` are configurations (instances); their values are what the controls show
    first. `most` gives a lever a lower highest value (a batch cannot be larger than the
    training split). `on_change()` is called after a control moved.
    """

    def __init__(self, *configs, most=None, on_change=lambda: None):
        self.controls, self._on_change = {}, on_change
        for config in configs:
            for lever in levers_of(type(config)).values():
                control = control_for(lever, getattr(config, lever.name), (most or {}).get(lever.name))
                control.observe(lambda _change: self._on_change(), "value")
                self.controls[lever.name] = control
        self.widget = w.GridBox(
            list(self.controls.values()),
            layout=w.Layout(
                grid_template_columns="repeat(auto-fill, minmax(21em, 1fr))", grid_gap="0 1em", width="100%"
            ),
        )

    def apply(self, config):
        """`config` with each lever as its control stands; raises ValueError as the configuration does."""
        named = {f.name for f in fields(config)} & set(self.controls)
        return replace(config, **{name: self.controls[name].value for name in named})

    def set(self, **values):
        """Move controls; KeyError names one that is not there."""
        for name, value in values.items():
            if name not in self.controls:
                raise KeyError(
                    _("no lever {name!r}: choose one of {names}").format(
                        name=name, names=", ".join(self.controls)
                    )
                )
        # One call of on_change at the end: half-set levers may not fit together.
        call, self._on_change = self._on_change, lambda: None
        try:
            for name, value in values.items():
                _move(self.controls[name], value)
        finally:
            self._on_change = call
        self._on_change()


def control_for(lever, value, most=None):
    """The ipywidgets control that suits a lever's kind, bounds and scale."""
    common = dict(description=_(lever.label), tooltip=_(lever.help) or _(lever.label))
    if lever.choices is not None:
        control = w.Dropdown(options=lever.choices, value=value, **common)
    elif lever.scale == "log":
        options = sorted({*_round_numbers(lever, most), value})
        control = w.SelectionSlider(
            options=_labelled(options), value=value, continuous_update=False, **common
        )
    else:
        control = _linear(lever, value, common)
    control.style.description_width = "11.5em"  # "convolutions per stage" fits
    control.layout.width = "auto"
    control.add_class(f"lenet-lever-{lever.name}")
    return control


def _linear(lever, value, common):
    low, high = lever.bounds
    step = lever.step or (1 if lever.kind is int else 1e-4)
    bounds = dict(min=low, max=high, value=value, step=step)
    if (high - low) / step > 200:  # too fine for a slider: a box to type in
        return (w.BoundedIntText if lever.kind is int else w.BoundedFloatText)(**bounds, **common)
    if lever.kind is int:
        return w.IntSlider(**bounds, continuous_update=False, **common)
    return w.FloatSlider(**bounds, readout_format=".2f", continuous_update=False, **common)


def _round_numbers(lever, most):
    low, high = lever.bounds
    high = min(high, most or high)
    if lever.kind is int:
        numbers = [2**n for n in range(int(high).bit_length())]
    else:
        numbers = [float(f"{digit}e{power}") for power in range(-12, 7) for digit in DECADE]
    return [n for n in numbers if low <= n <= high]


def _labelled(values):
    return [(f"{value:g}", value) for value in values]


def _move(control, value):
    if isinstance(control, w.SelectionSlider) and value not in [v for _label, v in control.options]:
        control.options = _labelled(sorted({*(v for _label, v in control.options), value}))
    control.value = value
