"""One control for every lever, made from the lever's declaration alone."""

from dataclasses import fields, replace

import ipywidgets as w

from ...levers import levers_of
from ...models import LeNetConfig
from ...wording import N_, _
from .number import FloatBox, IntBox

DECADE = (1, 1.5, 2, 3, 5, 8)  # round numbers, about evenly spaced on a log scale
AUGMENTATION = ("shift", "rotation", "scale")
# Folded away: what is seldom turned, or only after something else has been.
SELDOM = ("convs_per_stage", "momentum", "weight_decay", "seed", *AUGMENTATION)
GROUPS = {"network": N_("Network"), "training": N_("Training"), "augmentation": N_("Augmentation")}


class LeverPanel:
    """Controls for the levers of some configurations: `.controls` by name, `.widget` to show.

    `configs` are configurations (instances); their values are what the controls show
    first. `most` gives a lever a lower highest value (a batch cannot be larger than the
    training split). `on_change()` is called after a control moved.
    """

    def __init__(self, *configs, most=None, on_change=lambda: None):
        self.controls, self._on_change = {}, on_change
        self.corrected = w.HTML()
        self.corrected.add_class("lenet-corrected")
        groups = {group: [] for group in GROUPS}
        for config in configs:
            for lever in levers_of(type(config)).values():
                control = control_for(lever, getattr(config, lever.name), (most or {}).get(lever.name))
                control.observe(lambda _change: self._on_change(), "value")
                if hasattr(control, "said"):
                    control.observe(lambda change: self._say(change["new"]), "said")
                self.controls[lever.name] = control
                groups[group_of(lever.name, config)].append(control)
        # They stand last in their group, in what is left of its row; a group of such alone goes whole.
        seldom = [control for name, control in self.controls.items() if name in SELDOM]
        self.folded, shown = list(seldom), []
        for group, controls in groups.items():
            if not controls:
                continue
            name = _(GROUPS[group])
            title, box = w.HTML(f"<b>{name}</b>"), w.Box(sorted(controls, key=seldom.__contains__))
            title.add_class("lenet-lever-group")
            box.add_class("lenet-panel")
            if all(control in seldom for control in controls):
                self.folded += [title, box]
            shown += [title, box]
        self.more = w.ToggleButton(
            value=False, description=_("More levers"), icon="caret-right", layout=w.Layout(width="auto")
        )
        self.more.add_class("lenet-more-levers")
        self.more.observe(lambda change: self._unfold(change["new"]), "value")
        self._unfold(False)
        self.widget = w.VBox([*shown, self.more, self.corrected])

    def _unfold(self, wanted):
        for part in self.folded:
            part.layout.display = None if wanted else "none"
        self.more.icon = "caret-down" if wanted else "caret-right"

    def _say(self, text):
        self.corrected.value = f'<span role="status">{text}</span>' if text else ""

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


def group_of(name, config):
    """The group of GROUPS that a lever of `config` is shown in."""
    if name in AUGMENTATION:
        return "augmentation"
    return "network" if isinstance(config, LeNetConfig) else "training"


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
    control.style.description_width = "initial"
    control.add_class("lenet-control")
    control.add_class(f"lenet-lever-{lever.name}")
    return control


def _linear(lever, value, common):
    low, high = lever.bounds
    step = lever.step or (1 if lever.kind is int else 1e-4)
    if (high - low) / step > 200:  # too fine for a slider: a box to type in
        box = IntBox if lever.kind is int else FloatBox
        return box(low=low, high=high, value=value, step=step, **common)
    bounds = dict(min=low, max=high, value=value, step=step)
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
