"""Assignment 4's experiment: the check watches which runs an answer asks for."""

from lenet_helpers.checks.core import Exercise
from lenet_helpers.checks.trial import Trial, plain
from lenet_helpers.wording import N_, _


def experiment(run):
    baseline = {"learning_rate": 0.02, "batch_size": 32, "dropout": 0.0}
    changed = baseline | {"dropout": 0.3}
    seeds = (0, 1, 2, 3)
    return {
        "baseline": {seed: run(seed, **baseline) for seed in seeds},
        "changed": {seed: run(seed, **changed) for seed in seeds},
    }


EXPERIMENT = Exercise(
    "experiment",
    solution=experiment,
    hints=(
        N_("An experiment is a baseline and one change. Which lever are you curious about?"),
        N_(
            "Run both configurations with the same seeds, three at the very least, and keep every result by"
            " its seed."
        ),
        N_(
            "Two dicts from seed to validation accuracy: {'baseline': {0: ..., 1: ..., 2: ...}, 'changed':"
            " {...}}."
        ),
    ),
    time_limit=60.0,
)


class Bench:
    """Stands in for training: notes every run that is asked for and makes up its validation accuracy."""

    def __init__(self, rng):
        self._rng, self.known, self.tested = rng, {}, False
        self.public = {"test_accuracy": self.test_accuracy}

    def __call__(
        self,
        seed,
        learning_rate=0.02,
        batch_size=32,
        epochs=4,
        momentum=0.9,
        weight_decay=0.0,
        dropout=0.0,
        shift=0.0,
    ):
        """Validation accuracy of one run; the same again for the same seed and levers."""
        levers = {name: value for name, value in locals().items() if name not in ("self", "seed")}
        key = (int(seed), tuple(sorted(levers.items())))
        if key not in self.known:
            self.known[key] = round(float(self._rng.uniform(0.90, 0.97)), 4)
        return self.known[key]

    def test_accuracy(self, *_arguments, **_levers):
        """The test set's accuracy, which a plan does not look at."""
        self.tested = True
        return 0.95


def _plan(candidate, rng):
    """(trial, bench, the two tables seed -> accuracy); Failed where the result is not of that form."""
    bench = Bench(rng)
    trial = Trial(candidate, bench, tried=_("a bench that notes every run"))
    result = trial.result
    if result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    tables = [result.get(name) for name in ("baseline", "changed")] if type(result) is dict else [None]
    if any(type(table) is not dict or not table for table in tables):
        trial.fail(
            "not-two-tables",
            look=_("what is returned: {'baseline': {seed: accuracy, ...}, 'changed': {seed: accuracy, ...}}"),
        )
    return trial, bench, tables


def _configurations(bench):
    """Levers of every configuration that was run, with its seeds: dict from sorted items to set of seeds."""
    found = {}
    for seed, levers in bench.known:
        found.setdefault(levers, set()).add(seed)
    return found


@EXPERIMENT.property("validation-only", N_("the test accuracy is never asked for"))
def validation_only(candidate, rng):
    trial, bench, _tables = _plan(candidate, rng)
    if bench.tested:
        trial.fail(
            "looked-at-test",
            got=_("run.test_accuracy was called"),
            look=_("which split plans and compares: the test set is opened once, at the very end"),
        )


@EXPERIMENT.property("one-change", N_("two configurations are run, and they differ in exactly one lever"))
def one_change(candidate, rng):
    trial, bench, _tables = _plan(candidate, rng)
    configurations = [dict(levers) for levers in _configurations(bench)]
    if len(configurations) < 2:
        trial.fail(
            "no-comparison",
            got=_("{n} configurations were run").format(n=len(configurations)),
            look=_("what the change is compared with: a baseline of its own"),
        )
    if len(configurations) > 2:
        trial.fail(
            "many-configurations",
            got=_("{n} configurations were run").format(n=len(configurations)),
            look=_("one question at a time: a baseline and one change"),
        )
    a, b = configurations
    differ = {name for name in {*a, *b} if a.get(name) != b.get(name)}
    if len(differ) != 1:
        trial.fail(
            "two-changes",
            got=_("they differ in {names}").format(names=", ".join(sorted(differ))),
            look=_("how many levers move: with two, nobody can say which one did it"),
        )


@EXPERIMENT.property("several-seeds", N_("both are run with at least three seeds, the same for both"))
def several_seeds(candidate, rng):
    trial, bench, _tables = _plan(candidate, rng)
    seeds = list(_configurations(bench).values())
    if not seeds or min(map(len, seeds)) < 3:
        trial.fail(
            "too-few-seeds",
            got=_("{n} seeds").format(n=min(map(len, seeds), default=0)),
            look=_("how often each configuration is run: one run says little about the next"),
        )
    if any(some != seeds[0] for some in seeds):
        trial.fail(
            "other-seeds",
            look=_("the seeds of both configurations: with the same ones, runs can be compared in pairs"),
        )


@EXPERIMENT.property("honest-table", N_("the table holds what the runs gave, all of them, by seed"))
def honest_table(candidate, rng):
    trial, bench, tables = _plan(candidate, rng)
    for table in tables:
        numbers = {seed: plain(value) for seed, value in table.items()}
        if any(value is None or value.size != 1 for value in numbers.values()):
            trial.fail("not-two-tables", look=_("the values in the tables: one accuracy for each seed"))
        # Which configuration is meant is the learner's affair; that its numbers are those of one is not.
        matches = [
            levers
            for levers, seeds in _configurations(bench).items()
            if seeds == set(numbers)
            and all(abs(float(numbers[s].reshape(())) - bench.known[s, levers]) < 1e-9 for s in seeds)
        ]
        if not matches:
            trial.fail(
                "other-numbers",
                look=_("the numbers in the tables: every seed that was run, with exactly what the run gave"),
            )
    if tables[0] == tables[1]:
        trial.fail("same-table", look=_("baseline and changed: both tables hold the same runs"))
