"""Chapter 4: which run wins, and is it better than the baseline? Training with care is in
`chapter4_training`.

What a learner writes, in the order of the chapter:

    verdict(candidate, baseline)  -> "better", "worse" or "undecided"
        both: bool arrays (seeds, images), row s of both from the same seed, column i the same image
        "undecided" where the mean of the per-seed differences is within t standard errors of 0,
        t being Student's 97.5 % quantile for so many seeds (`tuning.evidence.t_quantile`)
    winner(runs, baseline)  -> name of the run to report
        runs: list of dicts {"name", "levers": dict, "validation": list, "test": list}, accuracies one a seed
        baseline: dict of the baseline's levers; only runs that change exactly one of them compete
"""

import numpy as np

from ..tuning.evidence import t_quantile
from ..wording import N_, _
from .core import Exercise
from .trial import Trial


def verdict(candidate, baseline):
    gaps = candidate.mean(axis=1) - baseline.mean(axis=1)  # one per seed
    error = gaps.std(ddof=1) / len(gaps) ** 0.5
    if abs(gaps.mean()) <= t_quantile(len(gaps)) * error:
        return "undecided"
    return "better" if gaps.mean() > 0 else "worse"


VERDICT = Exercise(
    "verdict",
    solution=verdict,
    hints=(
        N_(
            "Row s of both tables comes from the same seed. What is the fairest number to make from such a"
            " pair of rows?"
        ),
        N_(
            "Make one difference per seed. Their spread tells how far their mean may be off: s.d. / √(number"
            " of seeds) is its standard error."
        ),
        N_(
            "Compare |mean difference| with t_quantile(n) · std(ddof=1) / √n, and only beyond it look at the"
            " sign."
        ),
    ),
)


def _tables(counts_a, counts_b, images=200):
    """Two bool tables (seeds, images) whose rows have so many images right."""
    rows = np.arange(images)
    return (rows < np.array(counts_a)[:, None]), (rows < np.array(counts_b)[:, None])


def _verdict(candidate, a, b, wanted, others):
    """Call the answer; `others` maps a wrong verdict to the (key, advice) of the mistake behind it."""
    trial = Trial(
        candidate,
        a,
        b,
        tried=_("correct images per seed: {a} against {b} of {n}").format(
            a=a.sum(1).tolist(), b=b.sum(1).tolist(), n=a.shape[1]
        ),
    )
    if trial.result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    if type(trial.result) is not str or trial.result not in ("better", "worse", "undecided"):
        trial.fail("not-a-verdict", look=_("what is returned: one of the three words"))
    if trial.result != wanted:
        key, look = others.get(
            trial.result,
            ("verdict", _("the mean and the standard error of the differences, worked out on paper")),
        )
        trial.fail(key, look=look)


@VERDICT.property("clear", N_("a large, steady difference is seen, with its sign"))
def clear(candidate, rng):
    gain = rng.integers(8, 12, 5)
    base = rng.integers(170, 180, 5)
    up, down = _tables(base + gain, base), _tables(base, base + gain)
    timid = ("too-timid", _("the standard error: is it of the mean, or the spread of single seeds?"))
    _verdict(
        candidate,
        *up,
        "better",
        {"worse": ("sign", _("which of the two is subtracted from which")), "undecided": timid},
    )
    _verdict(
        candidate,
        *down,
        "worse",
        {"better": ("sign", _("which of the two is subtracted from which")), "undecided": timid},
    )


@VERDICT.property("one-seed", N_("one seed that does well proves nothing"))
def one_seed(candidate, rng):
    base = rng.integers(174, 178, 6)
    gains = np.array([6, -5, 5, -6, 4, -5])
    _verdict(
        candidate,
        *_tables(base + gains, base),
        "undecided",
        {
            "better": ("one-seed", _("how many seeds the verdict rests on: the others say the opposite")),
            "worse": ("last-seed", _("how many seeds the verdict rests on: the others say the opposite")),
        },
    )


@VERDICT.property("paired", N_("seeds that differ much among themselves do not hide a steady gain"))
def paired(candidate, rng):
    base = np.array([120, 185, 140, 170, 130]) + rng.integers(0, 4, 5)
    gain = np.array([4, 5, 4, 5, 4])
    _verdict(
        candidate,
        *_tables(base + gain, base),
        "better",
        {
            "undecided": (
                "unpaired",
                _("what the spread is taken of: each seed's own difference, not each table's accuracies"),
            )
        },
    )


@VERDICT.property("standard-error", N_("the yardstick is the standard error of the mean"))
def standard_error(candidate, rng):
    base = rng.integers(150, 170, 9)
    # mean 2.2 and s.d. 1.2: 5.5 standard errors, but less than two standard deviations
    gain = np.array([2, 4, 1, 3, 1, 2, 4, 1, 2])
    _verdict(
        candidate,
        *_tables(base + gain, base),
        "better",
        {
            "undecided": (
                "sd-not-se",
                _("a mean of n seeds is √n times steadier than one seed: divide the s.d. by √n"),
            )
        },
    )
    wide = np.array([9, -6, 8, -5])
    _verdict(
        candidate,
        *_tables(base[:4] + wide, base[:4]),
        "undecided",
        {
            "better": (
                "any-difference",
                _("whether the spread enters at all: a mean above 0 is not yet a gain"),
            )
        },
    )


@VERDICT.property("few-seeds", N_("with few seeds more standard errors are asked for"))
def few_seeds(candidate, rng):
    # Means of 2.6 and 3.3 standard errors: enough with ten seeds (2.3), not with three (4.3).
    shift = int(rng.integers(0, 5))
    few, many = np.array([3, 7, 2]), np.array([1, 8, 3, 0, 9, 3, 0, 9, 2, 2])
    base = np.array([150, 160, 155, 152, 149, 158, 161, 150, 147, 156]) + shift
    bold = {"better": ("two-errors", _("the number of standard errors: with three seeds 2 are far too few"))}
    _verdict(candidate, *_tables(base[:3] + few, base[:3]), "undecided", bold)
    _verdict(candidate, *_tables(base[:3], base[:3] + few), "undecided", {"worse": bold["better"]})
    timid = {
        "undecided": ("too-many-errors", _("the number of standard errors: with ten seeds 2.3 are enough"))
    }
    _verdict(candidate, *_tables(base + many, base), "better", timid)


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
)

_BASE = {"kernel_size": 5, "width": 1.0, "dropout": 0.0, "batch_size": 32}


def _run(name, validation, test, **changed):
    return dict(name=name, levers=_BASE | changed, validation=validation, test=test)


def _named(candidate, runs, rng, wanted, others):
    runs = [runs[i] for i in rng.permutation(len(runs))]
    trial = Trial(
        candidate,
        runs,
        dict(_BASE),
        tried=_("{n} runs: {names}").format(n=len(runs), names=", ".join(r["name"] for r in runs)),
    )
    if trial.result is None:
        trial.fail("returned-none", look=_("the end of your function: does it return something?"))
    if type(trial.result) is not str:
        trial.fail("not-a-name", look=_("what is returned: the name of a run"))
    if trial.result != wanted:
        key, look = others.get(trial.result, ("winner", _("the rule, applied by hand to these runs")))
        trial.fail(key, look=look)


@WINNER.property("validation", N_("validation decides; the test set has no say"))
def validation(candidate, rng):
    v = float(rng.uniform(0.9, 0.95))
    runs = [
        _run("wide", [v + 0.02] * 3, [v - 0.01] * 3, width=2.0),
        _run("drop", [v] * 3, [v + 0.03] * 3, dropout=0.2),
        _run("small", [v - 0.02] * 3, [v - 0.03] * 3, kernel_size=3),
    ]
    _named(
        candidate,
        runs,
        rng,
        "wide",
        {
            "drop": (
                "chose-on-test",
                _("which accuracy decides: a test set that chooses is no test any more"),
            ),
            "small": ("lowest", _("the direction: a larger accuracy is better")),
        },
    )


@WINNER.property("mean", N_("the mean over seeds counts, not the luckiest or the first"))
def mean(candidate, rng):
    v = float(rng.uniform(0.9, 0.95))
    runs = [
        _run("steady", [v + 0.01, v + 0.011, v + 0.012], [v] * 3, width=2.0),
        _run("lucky", [v - 0.01, v + 0.03, v - 0.012], [v] * 3, dropout=0.2),
        _run("early", [v + 0.02, v - 0.01, v - 0.01], [v] * 3, kernel_size=3),
    ]
    _named(
        candidate,
        runs,
        rng,
        "steady",
        {
            "lucky": (
                "best-seed",
                _("how a run's seeds are made into one number: its best seed is its luck"),
            ),
            "early": ("first-seed", _("how many of a run's seeds are used")),
        },
    )


@WINNER.property("one-lever", N_("only runs that change exactly one lever compete"))
def one_lever(candidate, rng):
    v = float(rng.uniform(0.9, 0.95))
    runs = [
        _run("two", [v + 0.03] * 3, [v] * 3, width=2.0, dropout=0.2),
        _run("one", [v + 0.01] * 3, [v] * 3, batch_size=64),
        _run("none", [v + 0.02] * 3, [v] * 3),
        _run("other", [v] * 3, [v] * 3, kernel_size=3),
    ]
    _named(
        candidate,
        runs,
        rng,
        "one",
        {
            "two": ("two-levers", _("how many levers that run changes: which of them would you thank?")),
            "none": ("baseline-again", _("whether that run changes anything at all")),
        },
    )
