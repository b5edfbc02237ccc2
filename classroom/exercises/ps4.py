"""Assignment 4, a tuning report: choose with two aims, find fair pairs, compare errors, plan two changes."""

import itertools

import numpy as np

from classroom.contract import N_, Exercise, Trial, _, draw, judge, lenient, numbers, parts

# 1. Choose what is good enough and quick -----------------------------------------------------------


def choose_quick(runs, tolerance):
    found = {}
    for run in runs:
        found.setdefault(run["name"], []).append(run)

    def mean(name, key):
        return sum(run[key] for run in found[name]) / len(found[name])

    best = max(mean(name, "validation_accuracy") for name in found)
    good = [name for name in found if mean(name, "validation_accuracy") >= best - tolerance]
    return min(good, key=lambda name: mean(name, "seconds"))


CHOOSE_QUICK = Exercise("choose_quick", solution=choose_quick, hints=())


def _choice(candidate, rng, wanted, others, **runs):
    """runs: for each name a list of (validation, test, seconds)."""
    base, names = float(rng.uniform(0.90, 0.92)), list(runs)
    # New names each time, so that a name alone is no answer.
    new = dict(
        zip(
            names,
            (
                f"{a}-{n}"
                for a, n in zip(rng.permutation(["oak", "elm", "ash", "fir", "yew"]), rng.permutation(99))
            ),
        )
    )
    table = [
        dict(name=new[name], seed=seed, validation_accuracy=base + v, test_accuracy=base + t, seconds=s)
        for name, rows in runs.items()
        for seed, (v, t, s) in enumerate(rows)
    ]
    table = [table[i] for i in rng.permutation(len(table))]
    trial = Trial(
        candidate, table, 0.01, tried=_("{n} runs of {m} configurations").format(n=len(table), m=len(runs))
    )
    if trial.result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    if type(trial.result) is not str:
        trial.fail("not-a-name", look=_("what is returned: the name of a configuration"))
    for name, (key, look) in others.items():
        if trial.result == new[name]:
            trial.fail(key, look=look)
    if trial.result != new[wanted]:
        trial.fail(
            "choice",
            look=_(
                "three configurations on paper: which are good enough, and which of those is the quickest?"
            ),
        )


@CHOOSE_QUICK.property("validation-only", N_("the test accuracy has no say"))
def validation_only(candidate, rng):
    others = {
        "leaky": ("chose-on-test", _("which accuracy decides: a test set that chooses is no test any more")),
        "slow": ("slowest", _("the seconds: fewer are better")),
    }
    _choice(
        candidate,
        rng,
        "solid",
        others,
        solid=[(0.02, -0.02, 9.0)] * 2,
        leaky=[(0.0, 0.06, 3.0)] * 2,
        slow=[(0.021, -0.02, 30.0)] * 2,
    )


@CHOOSE_QUICK.property("means", N_("a configuration counts by its means over the seeds"))
def means(candidate, rng):
    others = {
        "lucky": (
            "best-single-run",
            _("how runs of one configuration are brought together: its luckiest seed is not all of it"),
        ),
        "often": (
            "summed",
            _("sum or mean: a configuration that was run more often is not better, or slower, for it"),
        ),
    }
    steady = [(0.02 + d, 0.0, 8.0 + s) for d, s in ((0.0, 1.0), (0.001, -1.0), (0.002, 0.0))]
    lucky = [(0.05, 0.0, 2.0), (-0.03, 0.0, 2.0), (-0.02, 0.0, 2.0)]
    _choice(candidate, rng, "steady", others, steady=steady, lucky=lucky, often=[(0.005, 0.0, 3.0)] * 6)


@CHOOSE_QUICK.property(
    "quickest", N_("of those at most `tolerance` below the best mean, the quickest is chosen")
)
def quickest(candidate, rng):
    others = {
        "best": ("most-accurate", _("within the tolerance accuracy no longer decides: time does")),
        "hasty": ("too-poor", _("the tolerance: which configurations are good enough at all?")),
    }
    _choice(
        candidate,
        rng,
        "good",
        others,
        best=[(0.03, 0.0, 20.0)] * 3,
        good=[(0.024, 0.0, 7.0)] * 3,
        hasty=[(0.012, 0.0, 2.0)] * 3,
        dull=[(0.025, 0.0, 9.0)] * 3,
    )


# 2. Pairs that may be compared --------------------------------------------------------------------------


def fair_pairs(configurations):
    pairs = []
    for i, j in itertools.combinations(range(len(configurations)), 2):
        a, b = configurations[i], configurations[j]
        levers = [name for name in a if a[name] != b[name]]
        if len(levers) == 1:
            pairs.append((i, j, levers[0]))
    return pairs


FAIR_PAIRS = Exercise("fair_pairs", solution=fair_pairs, hints=())


def _pairs(candidate, rng, changes):
    base = dict(
        learning_rate=float(rng.uniform(0.01, 0.1)),
        batch_size=draw(rng, 16, 64),
        dropout=0.0,
        optimizer="sgd",
        augment=False,
    )
    table = [base | change for change in changes]
    order = [int(i) for i in rng.permutation(len(table))]
    table = [dict(sorted(table[i].items(), key=lambda item: rng.random())) for i in order]
    trial = Trial(candidate, table, tried=_("{n} configurations").format(n=len(table)))
    if trial.result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    rows = trial.result
    shaped = type(rows) in (list, tuple, set) and all(
        type(row) in (list, tuple)
        and len(row) == 3
        and type(row[2]) is str
        and all(isinstance(n, (int, np.integer)) for n in row[:2])
        for row in rows
    )
    if not shaped:
        trial.fail("not-pairs", look=_("what is returned: a list of (i, j, lever)"))
    got = {(min(int(i), int(j)), max(int(i), int(j)), lever) for i, j, lever in rows}
    right = {
        (i, j, differ[0])
        for i, j in itertools.combinations(range(len(table)), 2)
        if len(differ := [k for k in table[i] if table[i][k] != table[j][k]]) == 1
    }
    if any(i == j for i, j, _lever in got):
        trial.fail("with-itself", look=_("a configuration is no pair with itself"))
    if right - got:
        trial.fail(
            "overlooks",
            got=_("{n} of {m} pairs").format(n=len(right & got), m=len(right)),
            look=_("every i against every later j, and levers whose values are 0 or False as well"),
        )
    if got - right:
        trial.fail(
            "too-many",
            got=str(sorted(got - right)[0]),
            look=_("how many levers differ: with two, nobody can say which one did it"),
        )
    if len(rows) != len(right):
        trial.fail("twice", look=_("each pair once, i before j"))


@FAIR_PAIRS.property("found", N_("pairs that differ in one lever are found, whatever its kind"))
def found_pairs(candidate, rng):
    _pairs(
        candidate,
        rng,
        [{}, {"dropout": 0.3}, {"augment": True}, {"optimizer": "adam"}, {"learning_rate": 0.5}],
    )


@FAIR_PAIRS.property("refused", N_("pairs that differ in more levers, or in none, are not"))
def refused_pairs(candidate, rng):
    _pairs(
        candidate,
        rng,
        [{}, {"dropout": 0.3, "augment": True}, {"dropout": 0.3}, {}, {"optimizer": "adam", "batch_size": 8}],
    )


# 3. How many errors are left ------------------------------------------------------------


def error_ratio(baseline, changed):
    seeds = sorted(set(baseline) & set(changed))
    if len(seeds) < 3:
        raise ValueError(f"{len(seeds)} common seeds: run at least 3")
    logs = np.log([(1 - changed[seed]) / (1 - baseline[seed]) for seed in seeds])
    return np.exp(logs.mean()), logs.std(ddof=1) / len(seeds) ** 0.5


ERROR_RATIO = lenient(Exercise("error_ratio", solution=error_ratio, hints=()), numbers)


def _accuracies(rng, n=6):
    seeds = [int(s) for s in rng.choice(np.arange(100), n + 2, replace=False)]
    luck, effect = rng.uniform(0.90, 0.97, n + 2), rng.uniform(0.6, 1.1, n + 2)
    baseline = {seed: float(luck[i]) for i, seed in enumerate(seeds[: n + 1])}
    changed = {
        seed: float(1 - (1 - luck[i]) * effect[i]) for i, seed in reversed(list(enumerate(seeds))) if i != n
    }
    return baseline, changed


def _ratio(candidate, rng, which):
    baseline, changed = _accuracies(rng)
    trial = Trial(
        candidate, baseline, changed, tried=_("{n} and {m} seeds").format(n=len(baseline), m=len(changed))
    )
    got = parts(
        trial, 2, _("what is returned: two numbers, the ratio and the standard error of its logarithm")
    )[which]
    common = sorted(set(baseline) & set(changed))
    a, b = np.array([baseline[s] for s in common]), np.array([changed[s] for s in common])
    logs, n = np.log((1 - b) / (1 - a)), len(common)
    mistakes = [
        [
            ("inverse", np.exp(-logs.mean()), _("what is divided by what: changed by baseline")),
            ("accuracies", np.exp(np.log(b / a).mean()), _("errors, not accuracies: 1 minus the accuracy")),
            (
                "arithmetic",
                np.exp(logs).mean(),
                _("the mean: of the logarithms, so that halving and doubling cancel"),
            ),
            ("of-the-means", (1 - b).mean() / (1 - a).mean(), _("ratios seed by seed, then the mean")),
            ("still-a-logarithm", logs.mean(), _("the ratio itself is wanted: undo the logarithm")),
            (
                "all-seeds",
                np.mean([1 - v for v in changed.values()]) / np.mean([1 - v for v in baseline.values()]),
                _("seeds that only one of the two has: they have no partner"),
            ),
        ],
        [
            (
                "spread-of-runs",
                logs.std(ddof=1),
                _("standard deviation or standard error: how sure is the mean of n?"),
            ),
            ("population", logs.std() / n**0.5, _("n or n − 1: these are few seeds out of many")),
            (
                "of-the-ratios",
                np.exp(logs).std(ddof=1) / n**0.5,
                _("what the spread is taken of: the logarithms"),
            ),
        ],
    ][which]
    judge(
        Trial(lambda: got, tried=trial.tried),
        (np.exp(logs.mean()), logs.std(ddof=1) / n**0.5)[which],
        mistakes,
        _("three pairs of runs, worked out on paper; are the seeds matched by their number?"),
        tolerance=1e-9,
    )


@ERROR_RATIO.property(
    "ratio", N_("the ratio is the geometric mean, seed by seed, of the errors changed by baseline")
)
def ratio(candidate, rng):
    _ratio(candidate, rng, 0)


@ERROR_RATIO.property("standard-error", N_("the standard error is that of the logarithms"))
def standard_error(candidate, rng):
    _ratio(candidate, rng, 1)


@ERROR_RATIO.property(
    "too-few", N_("fewer than three common seeds are refused with a ValueError, enough are not")
)
def too_few(candidate, rng):
    baseline, changed = _accuracies(rng)
    few, refused = dict(list(changed.items())[-2:]), []

    def call(a, b):
        try:
            return candidate(a, b)
        except ValueError:
            refused.append(True)
            return 0

    trial = Trial(call, {s: baseline[s] for s in few}, few, tried=_("two seeds"))
    if not refused:
        trial.fail("one-seed-claim", look=_("the number of seeds: two runs are an anecdote, and one is less"))
    judge(
        Trial(lambda: parts(Trial(candidate, baseline, changed), 2, "")[0]),
        np.exp(np.log([(1 - changed[s]) / (1 - baseline[s]) for s in set(baseline) & set(changed)]).mean()),
        tolerance=0.5,
    )


# 4. Two changes and both ----------------------------------------------------------------


def experiment(run):
    first, second = {"label_smoothing": 0.1}, {"momentum": 0.5}
    arms = {"baseline": {}, "first": first, "second": second, "both": first | second}
    return {name: {seed: run(seed, **levers) for seed in (0, 1, 2, 3)} for name, levers in arms.items()}


EXPERIMENT = Exercise("experiment", solution=experiment, hints=(), time_limit=30.0)
ARMS = ("baseline", "first", "second", "both")


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
        label_smoothing=0.0,
    ):
        """Validation accuracy of one run; the same again for the same seed and levers."""
        levers = {name: value for name, value in locals().items() if name not in ("self", "seed")}
        key = (int(seed), tuple(levers.items()))
        if key not in self.known:
            self.known[key] = round(float(self._rng.uniform(0.90, 0.97)), 6)
        return self.known[key]

    def test_accuracy(self, *_arguments, **_levers):
        """The test set's accuracy, which a plan does not look at."""
        self.tested = True
        return 0.95


def _plan(candidate, rng):
    """(trial, bench, levers by arm, seeds by arm). Numbers tell which run they come from."""
    bench = Bench(rng)
    trial = Trial(candidate, bench, tried=_("a bench that notes every run"))
    tables = trial.result
    if tables is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    if (
        type(tables) is not dict
        or set(tables) != set(ARMS)
        or any(type(t) is not dict or not t for t in tables.values())
    ):
        trial.fail(
            "not-four-tables",
            look=_("what is returned: {'baseline': {seed: accuracy, ...}, 'first': {...}, ...}"),
        )
    runs, levers = {(seed, value): about for (seed, about), value in bench.known.items()}, {}
    for arm in ARMS:
        kinds = set()
        for seed, value in tables[arm].items():
            value = round(float(value), 6) if isinstance(value, (int, float, np.floating)) else None
            kinds.add(runs.get((int(seed), value)))
        levers[arm] = dict(kinds.pop()) if len(kinds) == 1 and None not in kinds else None
    return trial, bench, levers, {arm: set(map(int, tables[arm])) for arm in ARMS}


@EXPERIMENT.property(
    "honest-table",
    N_("each table holds what runs of one configuration gave, by seed; the test set stays closed"),
)
def honest_table(candidate, rng):
    trial, bench, levers, _seeds = _plan(candidate, rng)
    if bench.tested:
        trial.fail(
            "looked-at-test",
            got=_("run.test_accuracy was called"),
            look=_("which split plans and compares: the test set is opened once, at the very end"),
        )
    for arm in ARMS:
        if levers[arm] is None:
            trial.fail(
                "other-numbers",
                got=arm,
                look=_("the numbers in the tables: every seed that was run, with exactly what the run gave"),
            )


@EXPERIMENT.property(
    "factorial", N_("first and second differ from the baseline in one lever each, both has the two changes")
)
def factorial(candidate, rng):
    trial, _bench, levers, _seeds = _plan(candidate, rng)
    if any(arm is None for arm in levers.values()):
        trial.fail(
            "other-numbers", look=_("the numbers in the tables: they must be those of one configuration")
        )
    base = levers["baseline"]
    changes = {arm: {k: v for k, v in levers[arm].items() if v != base[k]} for arm in ARMS}
    if any(len(changes[arm]) != 1 for arm in ("first", "second")):
        trial.fail(
            "two-changes",
            got=str({arm: changes[arm] for arm in ("first", "second")}),
            look=_("how many levers move: one in each"),
        )
    if set(changes["first"]) == set(changes["second"]):
        trial.fail("same-lever", look=_("first and second: two different levers"))
    if changes["both"] != changes["first"] | changes["second"]:
        trial.fail(
            "not-both",
            got=str(changes["both"]),
            look=_("the fourth configuration: both changes at once, and no other"),
        )


@EXPERIMENT.property("several-seeds", N_("all four are run with at least three seeds, the same for all"))
def several_seeds(candidate, rng):
    trial, _bench, levers, seeds = _plan(candidate, rng)
    if any(arm is None for arm in levers.values()):
        trial.fail(
            "other-numbers", look=_("the numbers in the tables: they must be those of one configuration")
        )
    if min(map(len, seeds.values())) < 3:
        trial.fail(
            "too-few-seeds", look=_("how often each configuration is run: one run says little about the next")
        )
    if any(some != seeds["baseline"] for some in seeds.values()):
        trial.fail(
            "other-seeds",
            look=_("the seeds of the four: with the same ones, runs can be compared seed by seed"),
        )
