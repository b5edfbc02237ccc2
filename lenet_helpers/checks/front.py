"""`check`, as a learner meets it: one attribute per exercise, hints and solutions."""

import difflib
import importlib
import inspect
import pkgutil

from ..quizzes import progress
from ..wording import _
from .core import Exercise, Failed, NotStarted
from .wrapping import wrap


def _chapters():
    package = __name__.rpartition(".")[0]
    folder = importlib.import_module(package).__path__
    return [f"{package}.{m.name}" for m in pkgutil.iter_modules(folder) if m.name.startswith("chapter")]


def exercises(module_name):
    """The exercises declared in one module, by name."""
    module = importlib.import_module(module_name)
    return {e.name: e for e in vars(module).values() if isinstance(e, Exercise)}


class Check:
    """`check.NAME(function)` tries exercise NAME; modules are imported when first needed."""

    Failed = Failed

    def __init__(self):
        self._hints_given = {}

    def exercise(self, name):
        """The Exercise called `name`; ValueError, with the nearest name, if there is none."""
        known = {}
        for module in _chapters():
            known |= exercises(module)
            if name in known:
                return known[name]
        near = difflib.get_close_matches(name, known, 1, 0.0)
        raise ValueError(
            _("no exercise {name!r}: did you mean {near!r}? All: {names}").format(
                name=name, near=near[0], names=", ".join(known)
            )
        )

    def names(self):
        """The names of all exercises, chapter by chapter."""
        return [name for module in _chapters() for name in exercises(module)]

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            exercise = self.exercise(name)
        except ValueError as error:
            raise AttributeError(str(error)) from None

        def run(candidate, *, seed=None, record=True):
            """Try the exercise; `seed` repeats inputs, `record=False` keeps it out of the progress file."""
            return self._try(exercise, candidate, seed, record)

        return run

    def _try(self, exercise, candidate, seed, record):
        try:
            exercise.run(candidate, seed=seed)
        except NotStarted:
            print(_("{name}: not started").format(name=exercise.name))
            self._print_contract(exercise)
            return
        except Failed:
            if record:
                progress.visited("exercises", exercise.name)
            raise
        if record:
            progress.visited("exercises", exercise.name)
            progress.record("exercises", exercise.name, True)
        print(
            "✓ "
            + _("{name}: all {n} properties hold on the inputs tried").format(
                name=exercise.name, n=len(exercise.properties)
            )
        )

    def contract(self, name):
        """Print what exercise `name` takes and gives back, what stays as it is and what may be used."""
        print(name)
        self._print_contract(self.exercise(name))

    def _print_contract(self, exercise):
        for label, text in exercise.contract.rows() if exercise.contract else ():
            print("  " + "\n    ".join(wrap(_("{label}: {text}").format(label=label, text=text), 86)))

    def properties(self, name):
        """Print what the check of exercise `name` tries, one property a line."""
        for each in self.exercise(name).properties:
            print("•", _(each.label))

    def hint(self, name, tier=None):
        """Print the next of the three hints for exercise `name`, or number `tier` (1 to 3)."""
        hints = self.exercise(name).hints
        if tier is None:
            tier = min(self._hints_given.get(name, 0) + 1, len(hints))
        if tier not in range(1, len(hints) + 1):
            raise ValueError(_("hint {tier!r}: choose 1 to {n}").format(tier=tier, n=len(hints)))
        self._hints_given[name] = tier
        text = _("Hint {tier} of {n}: {text}").format(tier=tier, n=len(hints), text=_(hints[tier - 1]))
        print("\n".join(wrap(text, 88)))  # JupyterLab breaks long lines within words

    def solution(self, name):
        """Print the source of a solution of exercise `name`."""
        print(inspect.getsource(self.exercise(name).solution).rstrip())

    def __dir__(self):
        return [*super().__dir__(), *self.names()]
