"""Assignment 4, a tuning report: choose by validation, change one thing, use several seeds, compare in
pairs.
"""

import numpy as np

from classroom.contract import beside, lenient, numbers
from lenet_helpers.checks.core import Exercise
from lenet_helpers.checks.trial import Trial, agree, describe, plain
from lenet_helpers.wording import N_, _


def choose_configuration(runs):
    scores = {}
    for run in runs:
        scores.setdefault(run["name"], []).append(run["validation_accuracy"])
    return max(scores, key=lambda name: sum(scores[name]) / len(scores[name]))


CHOOSE_CONFIGURATION = Exercise(
    "choose_configuration",
    solution=choose_configuration,
    hints=(
        N_("Every run has two accuracies. Only one of them may have a say in a choice; which?"),
        N_("A configuration was run with several seeds: collect its accuracies before you compare."),
        N_(
            "Group by name, take the mean validation accuracy of each group, return the name with the"
            " largest."
        ),
    ),
)


def _runs(rng, **accuracies):
    """Runs as a table of dicts: for each name a list of (validation, test) accuracies, shuffled."""
    runs = [
        dict(name=name, seed=seed, validation_accuracy=v, test_accuracy=t)
        for name, pairs in accuracies.items()
        for seed, (v, t) in enumerate(pairs)
    ]
    return [runs[i] for i in rng.permutation(len(runs))]


def _choice(candidate, runs, wanted, others):
    trial = Trial(
        candidate,
        runs,
        tried=_("{n} runs of {m} configurations").format(n=len(runs), m=len({r["name"] for r in runs})),
    )
    if trial.result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    if type(trial.result) is not str:
        trial.fail("not-a-name", look=_("what is returned: the name of a configuration"))
    if trial.result == wanted:
        return
    for name, (key, look) in others.items():
        if trial.result == name:
            trial.fail(key, look=look)
    trial.fail("choice", look=_("three runs on paper: which has the best mean validation accuracy?"))


@CHOOSE_CONFIGURATION.property("validation-only", N_("the test accuracy has no say in the choice"))
def validation_only(candidate, rng):
    base = float(rng.uniform(0.90, 0.93))
    runs = _runs(
        rng,
        modest=[(base, base + 0.04), (base + 0.001, base + 0.04)],
        solid=[(base + 0.02, base - 0.02), (base + 0.021, base - 0.02)],
        poor=[(base - 0.05, base - 0.01), (base - 0.05, base - 0.01)],
    )
    _choice(
        candidate,
        runs,
        "solid",
        {
            "modest": (
                "chose-on-test",
                _("which accuracy decides: a test set that chooses is no test any more"),
            ),
            "poor": ("worst", _("the direction: a larger accuracy is better")),
        },
    )


@CHOOSE_CONFIGURATION.property(
    "mean-over-seeds", N_("a configuration counts by its mean over seeds, not by its luckiest run")
)
def mean_over_seeds(candidate, rng):
    base = float(rng.uniform(0.90, 0.93))
    up = [base + d for d in (0.010, 0.012, 0.014)]
    runs = _runs(
        rng,
        steady=[(v, v) for v in up],
        lucky=[(base + 0.03, base), (base - 0.03, base), (base - 0.02, base)],
        often=[(base, base)] * 6,
    )
    _choice(
        candidate,
        runs,
        "steady",
        {
            "lucky": (
                "best-single-run",
                _(
                    "how runs of one configuration are brought together: the luckiest seed is not the"
                    " configuration"
                ),
            ),
            "often": (
                "summed",
                _("sum or mean: a configuration that was run more often is not better for it"),
            ),
        },
    )


def changed_levers(before, after):
    return sorted(name for name in before if before[name] != after[name])


CHANGED_LEVERS = Exercise(
    "changed_levers",
    solution=changed_levers,
    hints=(
        N_("Go through the names of the levers and compare the two values of each."),
        N_("Collect the names, not the values, and collect all of them, not only the first."),
        N_("sorted(name for name in before if before[name] != after[name])"),
    ),
)


def _config(rng):
    return dict(
        learning_rate=float(rng.uniform(0.01, 0.1)),
        batch_size=int(rng.integers(16, 64)),
        epochs=5,
        dropout=0.0,
        optimizer="sgd",
        augment=False,
    )


def _levers(candidate, before, after, wanted):
    trial = Trial(
        candidate,
        before,
        after,
        tried=_("two configurations that differ in {names}").format(names=", ".join(wanted) or _("nothing")),
    )
    got = trial.result
    if got is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    if type(got) not in (list, tuple, set, frozenset) or any(type(name) is not str for name in got):
        trial.fail("not-names", look=_("what is returned: a list of names"))
    if sorted(got) == sorted(wanted):
        return
    missing, extra = set(wanted) - set(got), set(got) - set(wanted)
    if missing:
        trial.fail(
            "overlooks",
            got=_("{got}, without {name}").format(got=sorted(got), name=", ".join(sorted(missing))),
            look=_("does the search stop at the first difference, or skip values like 0 and False?"),
        )
    trial.fail(
        "too-many",
        got=_("{name} besides").format(name=", ".join(sorted(extra)) or describe(list(got))),
        look=_("what counts as different: two equal values are no change"),
    )


@CHANGED_LEVERS.property("one", N_("one changed lever is found, whatever its kind"))
def one_change(candidate, rng):
    before = _config(rng)
    for name, value in (("learning_rate", 0.2), ("optimizer", "adam"), ("augment", True), ("dropout", 0.5)):
        _levers(candidate, before, before | {name: value}, [name])
        _levers(candidate, before | {name: value}, before, [name])


@CHANGED_LEVERS.property("several", N_("two levers changed at once are both found"))
def several_changes(candidate, rng):
    before = _config(rng)
    after = before | {"batch_size": before["batch_size"] + 1, "learning_rate": before["learning_rate"] * 2}
    _levers(candidate, before, dict(sorted(after.items())), ["batch_size", "learning_rate"])


@CHANGED_LEVERS.property("none", N_("two equal configurations differ in nothing"))
def no_change(candidate, rng):
    before = _config(rng)
    _levers(candidate, before, dict(sorted(before.items())), [])


def paired_effect(baseline, changed):
    seeds = sorted(set(baseline) & set(changed))
    if len(seeds) < 3:
        raise ValueError(f"{len(seeds)} common seeds: run at least 3")
    differences = np.array([changed[seed] - baseline[seed] for seed in seeds])
    return differences.mean(), differences.std(ddof=1) / len(seeds) ** 0.5


PAIRED_EFFECT = Exercise(
    "paired_effect",
    solution=paired_effect,
    hints=(
        N_("Two runs with one seed belong together: look at their difference, seed by seed."),
        N_("Only seeds that both have can be compared. With fewer than three, say so: raise ValueError."),
        N_(
            "The standard error of a mean of n differences is their standard deviation (with n − 1) divided"
            " by the root of n."
        ),
    ),
)


def _accuracies(rng, n=6):
    """Two dicts from seed to accuracy that go up and down together, one seed of each without a partner."""
    seeds = [int(s) for s in rng.choice(np.arange(100), n + 2, replace=False)]
    luck = rng.normal(0.95, 0.01, n + 2)
    effect = rng.normal(0.006, 0.002, n + 2)
    baseline = {seed: float(luck[i]) for i, seed in enumerate(seeds[: n + 1])}
    changed = {seed: float(luck[i] + effect[i]) for i, seed in reversed(list(enumerate(seeds))) if i != n}
    return baseline, changed


def _effect(candidate, baseline, changed, which):
    trial = Trial(
        candidate, baseline, changed, tried=_("{n} and {m} seeds").format(n=len(baseline), m=len(changed))
    )
    if trial.result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    parts = list(trial.result) if type(trial.result) in (tuple, list) else []
    if len(parts) != 2 or any(plain(part) is None or plain(part).size != 1 for part in parts):
        trial.fail(
            "not-a-pair", look=_("what is returned: two numbers, the mean difference and its standard error")
        )
    common = sorted(set(baseline) & set(changed))
    b, c = np.array([baseline[s] for s in common]), np.array([changed[s] for s in common])
    d, n = c - b, len(common)
    mistakes = [
        [
            ("sign", -d.mean(), _("what is taken from what: changed minus baseline")),
            (
                "all-seeds",
                np.mean(list(changed.values())) - np.mean(list(baseline.values())),
                _("seeds that only one of the two has: they have no partner"),
            ),
        ],
        [
            (
                "spread-of-runs",
                d.std(ddof=1),
                _("standard deviation or standard error: how sure is the mean of n?"),
            ),
            ("population", d.std() / n**0.5, _("n or n − 1: these are few seeds out of many")),
            (
                "unpaired",
                (b.var(ddof=1) / n + c.var(ddof=1) / n) ** 0.5,
                _("what the spread is taken of: the differences, seed by seed"),
            ),
        ],
    ][which]
    got, wanted = plain(parts[which]).reshape(()), (d.mean(), d.std(ddof=1) / n**0.5)[which]
    if agree(got, np.array(wanted), 1e-9):
        return
    for key, wrong, look in mistakes:
        if agree(got, np.array(wrong), 1e-9):
            trial.fail(key, look=look)
    trial.fail(
        ("mean", "standard-error")[which],
        look=_("three pairs of runs, worked out on paper; are the seeds matched by their number?"),
    )


@PAIRED_EFFECT.property("mean", N_("the effect is the mean of the differences of runs with the same seed"))
def paired_mean(candidate, rng):
    _effect(candidate, *_accuracies(rng), 0)


@PAIRED_EFFECT.property("standard-error", N_("its standard error is that of paired differences"))
def standard_error(candidate, rng):
    _effect(candidate, *_accuracies(rng), 1)


@PAIRED_EFFECT.property("too-few", N_("fewer than three common seeds are refused with a ValueError"))
def too_few(candidate, rng):
    baseline, changed = _accuracies(rng)
    few = dict(list(changed.items())[-2:])
    asked = []

    def call(a, b):
        try:
            return candidate(a, b)
        except ValueError:
            asked.append(True)
            return 0

    trial = Trial(
        call if callable(candidate) else candidate, {s: baseline[s] for s in few}, few, tried=_("two seeds")
    )
    if not asked:
        trial.fail("one-seed-claim", look=_("the number of seeds: two runs are an anecdote, and one is less"))
    Trial(candidate, baseline, changed)  # and enough seeds are not refused


PAIRED_EFFECT = lenient(PAIRED_EFFECT, numbers)
EXPERIMENT = beside(__file__, "ps4_plan").EXPERIMENT
