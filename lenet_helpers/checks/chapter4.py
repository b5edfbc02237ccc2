"""Chapter 4: which run wins, and is it better than the baseline? Training with care is in
`chapter4_training`.
"""

import numpy as np

from ..wording import N_, _, listed
from .core import Contract, Exercise
from .trial import judge
from .values import TEXT, words

# Student's t: how many standard errors a mean of n differences may lie from 0 by luck, 19 times in 20.
T95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}


def verdict(candidate, baseline):
    t = {3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}
    differences = candidate.mean(axis=1) - baseline.mean(axis=1)  # one for each seed
    n = len(differences)
    error = differences.std(ddof=1) / n**0.5
    if abs(differences.mean()) <= t[n] * error:
        return "undecided"
    return "better" if differences.mean() > 0 else "worse"


VERDICT = Exercise(
    "verdict",
    solution=verdict,
    hints=(
        N_(
            "Row s of both tables comes from the same seed. What is the fairest number to make from such a"
            " pair of rows?"
        ),
        N_(
            "Make one difference for each seed. Their spread tells how far their mean may be off: the"
            " standard error is s.d. / √(number of seeds)."
        ),
        N_("Compare |mean difference| with t · std(ddof=1) / √n, and only beyond it look at the sign."),
    ),
    contract=Contract(
        N_(
            "candidate and baseline: bool arrays (seeds, images), True where an image was right; row s of"
            " both comes from the same seed, column i is the same image. 3 to 10 seeds."
        ),
        N_(
            'text: "undecided" where the mean of the per-seed differences in accuracy lies within t standard'
            ' errors (s.d. with n − 1, over √n) of 0, else "better" or "worse" by its sign. t is 4.30 for 3'
            " seeds, 3.18 for 4, 2.78 for 5, 2.57 for 6, 2.45 for 7, 2.36 for 8, 2.31 for 9, 2.26 for 10."
        ),
        may=N_("anything in Python, numpy and scipy, where scipy.stats.t.ppf(0.975, n − 1) is t"),
    ),
)

_VERDICT = words(
    "better", "worse", "undecided", key="not-a-verdict", look=N_("what is returned: one of the three words")
)


def _outcome(candidate, baseline, yardstick):
    """The verdict with `yardstick(differences, a, b)` as the half-width, in float64."""
    a, b = candidate.mean(axis=1), baseline.mean(axis=1)
    gap = float((a - b).mean())
    half = yardstick(a - b, a, b)
    return "undecided" if abs(gap) <= half + 1e-12 else "better" if gap > 0 else "worse"


def _half(t=None, spread=lambda d, a, b: d.std(ddof=1), root=lambda n: n**0.5):
    """A mistake's formula; by default the right one. t None: Student's."""

    def formula(candidate, baseline):
        n = len(candidate)
        return _outcome(candidate, baseline, lambda d, a, b: (t or T95[n]) * spread(d, a, b) / root(n))

    return formula


def _of_one_seed(s):
    return lambda a, b: "better" if a[s].mean() > b[s].mean() else "worse"


def _seeds_won(a, b):
    won = a.mean(axis=1) > b.mean(axis=1)
    return "better" if won.sum() > len(won) / 2 else "worse"


_ERROR = N_("how many standard errors: t belongs to the number of seeds, 4.30 for 3 and 2.36 for 8")
_ROOT = N_("a mean of n seeds is √n times steadier than one seed: divide the s.d. by √n")
_SEEDS = N_("how many seeds the verdict rests on: the others say the opposite")
_VERDICT_MISTAKES = (
    ("sign", lambda a, b: _half()(b, a), N_("which of the two is subtracted from which")),
    (
        "unpaired",
        _half(spread=lambda d, a, b: (a.var(ddof=1) + b.var(ddof=1)) ** 0.5),
        N_("what the spread is taken of: each seed's own difference, not each table's accuracies"),
    ),
    ("sd-not-se", _half(root=lambda n: 1), _ROOT),
    ("sd-not-se", _half(t=2, root=lambda n: 1), _ROOT),
    ("n-for-root", _half(root=lambda n: n), N_("the root: s.d. / √n, not s.d. / n")),
    ("one-error", _half(t=1), _ERROR),
    ("two-errors", _half(t=2), _ERROR),
    ("two-errors", _half(t=1.96), _ERROR),
    ("three-errors", _half(t=3), _ERROR),
    ("population", _half(spread=lambda d, a, b: d.std()), N_("n or n − 1: these are few seeds out of many")),
    (
        "sum-for-mean",
        _half(spread=lambda d, a, b: d.std(ddof=1) / len(d)),
        N_("the mean of the differences, not their sum"),
    ),
    (
        "any-difference",
        _half(spread=lambda d, a, b: 0),
        N_("whether the spread enters at all: a mean above 0 is no gain yet"),
    ),
    ("one-seed", _of_one_seed(0), _SEEDS),
    ("last-seed", _of_one_seed(-1), _SEEDS),
    ("most-seeds", _seeds_won, N_("how much each seed gained or lost, not only how many gained")),
)


def _tables(rng, ratio, n, *, seeds_apart=5, images=400):
    """Two bool tables (seeds, images) whose mean difference is about `ratio` times t standard errors."""
    while True:
        gains = rng.integers(-6, 7, n)
        goal = ratio * T95[n] * gains.std(ddof=1) / n**0.5
        each, rest = divmod(round(n * (goal - gains.mean())), n)
        gains += each + (np.arange(n) < rest)
        base = rng.integers(200, 200 + 10 * seeds_apart, n)
        error = gains.std(ddof=1) / n**0.5
        if error > 0 and abs(abs(gains.mean()) / (T95[n] * error) - abs(ratio)) < 0.04:
            tables = [np.arange(images) < count[:, None] for count in (base + gains, base)]
            return tuple(table[:, rng.permutation(images)] for table in tables)


def _say_tables(a, b):
    return _("correct images for each seed: {a} against {b} of {n}").format(
        a=a.sum(1).tolist(), b=b.sum(1).tolist(), n=a.shape[1]
    )


def _judge_verdicts(candidate, rng, cases, look):
    def more():
        n, errors = int(rng.integers(3, 11)), rng.uniform(0.8, 5.0)  # what other yardsticks call a gain
        return _tables(rng, rng.choice([-1, 1]) * errors / T95[n], n, seeds_apart=int(rng.choice([1, 5, 15])))

    judge(candidate, cases, _half(), _VERDICT_MISTAKES, kind=_VERDICT, say=_say_tables, more=more, look=look)


def _verdicts(candidate, rng, ratios, look, seeds=(3, 5, 8), **how):
    """Judge on tables whose mean lies at these multiples of t standard errors, up and down."""
    sizes = [int(n) for n in rng.permutation(np.resize(seeds, len(ratios)))]
    cases = [_tables(rng, r * (1 - 2 * int(rng.integers(2))), n, **how) for r, n in zip(ratios, sizes)]
    _judge_verdicts(candidate, rng, cases, look)


_WORKED = N_("the differences, seed by seed, their mean, and their standard error, worked out on paper")


@VERDICT.property("clear", N_("a large, steady difference is seen, with its sign"))
def clear(candidate, rng):
    _verdicts(candidate, rng, (3.2, -3.2, 3.6, -3.6, 4.0, -4.0), _WORKED, seeds_apart=1)


@VERDICT.property("one-seed", N_("one seed that does well proves nothing"))
def one_seed(candidate, rng):
    cases = []
    for n, lucky in ((6, 0), (5, -1), (8, 2), (4, 1), (7, -1), (5, 0)):
        base = rng.integers(250, 290, n)
        losses = -rng.integers(1, 7, n)
        losses[lucky] += 12 if n < 7 else 20
        tables = [np.arange(400) < count[:, None] for count in (base + losses, base)]
        cases += [tuple(tables), tuple(tables[::-1])]
    cases = [case for case in cases if abs(_ratio(*case) - 1) > 0.15]
    _judge_verdicts(candidate, rng, cases, _WORKED)


def _ratio(a, b):
    """The mean difference in units of t standard errors, without its sign."""
    d = a.mean(axis=1) - b.mean(axis=1)
    return abs(d.mean()) / (T95[len(d)] * d.std(ddof=1) / len(d) ** 0.5)


@VERDICT.property("paired", N_("seeds that differ much among themselves do not hide a steady gain"))
def paired(candidate, rng):
    _verdicts(candidate, rng, (1.4, -1.4, 1.8, -1.8, 2.5, 0.6), _WORKED, (5, 4, 7), seeds_apart=15)


@VERDICT.property(
    "standard-error", N_("the yardstick is t standard errors of the mean, by the number of seeds")
)
def standard_error(candidate, rng):
    either_side = [
        _tables(rng, ratio * (1 - 2 * int(rng.integers(2))), n)
        for n in rng.permutation(range(3, 11))
        for ratio in (0.9, 1.12)
    ]
    _judge_verdicts(candidate, rng, either_side, _WORKED)
    _verdicts(candidate, rng, (0.2, 0.5, 0.7, 1.3, 1.5, 2.0), _WORKED, (3, 8, 5, 10, 6, 4))
    steady = (
        np.arange(300) < np.array([210, 222, 240])[:, None],
        np.arange(300) < np.array([205, 217, 235])[:, None],
    )
    look = _("a gain that is the same in every seed: its standard error is 0")
    cases = [steady, steady[::-1], (steady[0], steady[0])]
    _judge_verdicts(candidate, rng, cases, look)


def winner(runs, baseline):
    def changes(run):
        return sum(run["levers"][name] != value for name, value in baseline.items())

    fair = [run for run in runs if changes(run) == 1]
    return max(fair, key=lambda run: sum(run["validation"]) / len(run["validation"]))["name"]


WINNER = Exercise(
    "winner",
    solution=winner,
    hints=(
        N_("First decide who may compete, then who wins, and only then look at what may not decide."),
        N_(
            "Count the levers in which a run differs from the baseline. Average its validation accuracies."
            " Leave the test alone."
        ),
        N_(
            "Keep the runs with exactly one changed lever; return the name of the one with the largest mean"
            " validation accuracy."
        ),
    ),
    contract=Contract(
        N_(
            'runs: a list of dicts with "name" (text), "levers" (dict with the baseline\'s names),'
            ' "validation" and "test" (lists of accuracies, one for each seed; runs may differ in their'
            " number of seeds)."
            " baseline: dict of the baseline's levers. At least one run changes exactly one lever."
        ),
        N_(
            "the name of the run with the highest mean validation accuracy among those that change exactly"
            " one lever of the baseline; no two means are equal."
        ),
        keeps=N_("the runs and the baseline, down to their lists"),
    ),
)

_BASE = {"kernel_size": 5, "width": 1.0, "dropout": 0.0, "batch_size": 32}


_OTHER = {
    "kernel_size": (3, 7),
    "width": (0.5, 2.0),
    "dropout": (0.2, 0.5),
    "batch_size": (8, 64),
    "optimizer": ("adam", "rmsprop"),
    "augment": (True,),
}
_BASE |= {"optimizer": "sgd", "augment": False}


def _levers(rng, changes):
    names = rng.choice(list(_OTHER), changes, replace=False)
    changed = {str(name): _OTHER[name][int(rng.integers(len(_OTHER[name])))] for name in names}
    return {name: _anew(changed.get(name, value)) for name, value in _BASE.items()}


def _anew(value):
    """An equal value that is, where Python allows it, another object: `is` must not pass for `==`."""
    return (
        "".join(list(value))
        if isinstance(value, str)
        else float(repr(value))
        if isinstance(value, float)
        else value
    )


def _fair(runs, baseline, allowed=(1,)):
    return [r for r in runs if sum(r["levers"][k] != v for k, v in baseline.items()) in allowed]


def _top(score, allowed=(1,)):
    """A mistake's formula: the name with the highest `score(run)` among runs with so many changes."""
    return lambda runs, baseline: max(_fair(runs, baseline, allowed), key=score)["name"]


def _mean(run):
    return float(np.mean(run["validation"]))


_ANY = range(len(_BASE) + 1)
_WINNER_MISTAKES = (
    (
        "chose-on-test",
        _top(lambda r: np.mean(r["test"])),
        N_("which accuracy decides: a test set that chooses is no test any more"),
    ),
    (
        "chose-on-test",
        _top(lambda r: np.mean(r["test"]) + _mean(r)),
        N_("which accuracies decide: the test set must play no part"),
    ),
    ("lowest", _top(lambda r: -_mean(r)), N_("the direction: a larger accuracy is better")),
    (
        "best-seed",
        _top(lambda r: max(r["validation"])),
        N_("how a run's seeds are made into one number: its best seed is its luck"),
    ),
    (
        "worst-seed",
        _top(lambda r: min(r["validation"])),
        N_("how a run's seeds are made into one number: the mean"),
    ),
    (
        "median",
        _top(lambda r: np.median(r["validation"])),
        N_("how a run's seeds are made into one number: the mean is asked for, not the median"),
    ),
    ("first-seed", _top(lambda r: r["validation"][0]), N_("how many of a run's seeds are used")),
    ("last-seed", _top(lambda r: r["validation"][-1]), N_("how many of a run's seeds are used")),
    (
        "summed",
        _top(lambda r: sum(r["validation"])),
        N_("sum or mean: a run with more seeds is not better for it"),
    ),
    ("two-levers", _top(_mean, _ANY), N_("how many levers that run changes: which of them would you thank?")),
    (
        "two-levers",
        _top(_mean, _ANY[1:]),
        N_("how many levers that run changes: which of them would you thank?"),
    ),
    ("baseline-again", _top(_mean, (0, 1)), N_("whether that run changes anything at all")),
)


def _contest(rng, kinds, spread, seeds=(2, 6)):
    """Runs in random order, each with so many changed levers as `kinds` says, and the baseline; every mistake
    that is not excluded by chance gives another name than the right one in some of a few contests.
    """
    while True:
        names = rng.permutation(
            [f"{word}-{n}" for n, word in enumerate(("wide", "drop", "small", "fast", "late", "deep", "old"))]
        )
        runs = []
        for name, changes in zip(names, kinds):
            n = int(rng.integers(*seeds))
            level = rng.uniform(0.90, 0.94 if spread < 0.01 else 0.91)  # else the level decides
            runs.append(
                dict(
                    name=str(name),
                    levers=_levers(rng, changes),
                    validation=[float(x) for x in level + rng.normal(size=n) * spread],
                    test=[float(x) for x in rng.uniform(0.88, 0.96) + rng.normal(size=n) * spread],
                )
            )
        runs = [runs[i] for i in rng.permutation(len(runs))]
        best, second = sorted(map(_mean, _fair(runs, _BASE)), reverse=True)[:2]
        if best - second > 0.002:
            return runs, dict(_BASE)


def _say_runs(runs, baseline):
    """The runs as people write them down: name, changed levers, mean accuracies."""
    text = _("{name} ({changes} changed): validation {validation:.4f}, test {test:.4f}, {n} seeds")
    said = [
        text.format(
            name=run["name"],
            changes=sum(run["levers"][lever] != value for lever, value in baseline.items()),
            validation=_mean(run),
            test=float(np.mean(run["test"])),
            n=len(run["validation"]),
        )
        for run in runs
    ]
    return listed(said, clauses=True)


def _contests(candidate, rng, cases, look):
    def more():
        return _contest(rng, (0, 2, 1, 1, 3, 1, 1), 0.02, (2, 7))

    judge(candidate, cases, winner, _WINNER_MISTAKES, kind=TEXT, say=_say_runs, more=more, look=look)


def _telling(draw, mistakes, n):
    """At least n contests, and more until each of the mistakes named gives a wrong winner in one."""
    cases, open_ones = [], [formula for key, formula, _look in _WINNER_MISTAKES if key in mistakes]
    while len(cases) < n or open_ones:
        case = draw()
        fooled = [f for f in open_ones if f(*case) != winner(*case)]
        if fooled or len(cases) < n:
            cases.append(case)
            open_ones = [f for f in open_ones if f not in fooled]
    return cases


@WINNER.property("validation", N_("validation decides; the test set plays no part"))
def validation(candidate, rng):
    cases = _telling(lambda: _contest(rng, (1, 1, 1, 1), 0.001), ("chose-on-test", "lowest"), n=6)
    _contests(candidate, rng, cases, _("the validation accuracies of these runs, averaged by hand"))


@WINNER.property("mean", N_("the mean over seeds counts, not the luckiest or the first"))
def mean(candidate, rng):
    about = ("best-seed", "worst-seed", "median", "first-seed", "last-seed", "summed")
    cases = _telling(lambda: _contest(rng, (1, 1, 1, 1), 0.02, (3, 7)), about, n=24)
    _contests(candidate, rng, cases, _("the mean of each run's own seeds"))


@WINNER.property("one-lever", N_("only runs that change exactly one lever compete"))
def one_lever(candidate, rng):
    cases = _telling(
        lambda: _contest(rng, (0, 2, 1, 1, 3, 1, 2), 0.003), ("two-levers", "baseline-again"), n=8
    )
    _contests(candidate, rng, cases, _("the levers of each run, counted one by one against the baseline's"))
