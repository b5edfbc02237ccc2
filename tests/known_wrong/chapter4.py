"""Chapter 4, which run wins: right answers written in other ways, and the mistakes people make."""

import numpy as np
from scipy import stats

from . import correct, wrong


def _t(gaps):
    return round(stats.t.ppf(0.975, len(gaps) - 1), 2)


@correct("verdict")
def seed_by_seed(candidate, baseline):
    gaps = [float(a.mean() - b.mean()) for a, b in zip(candidate, baseline)]
    mean = sum(gaps) / len(gaps)
    variance = sum((g - mean) ** 2 for g in gaps) / (len(gaps) - 1)
    limit = stats.t.ppf(0.975, len(gaps) - 1) * (variance / len(gaps)) ** 0.5
    return "better" if mean > limit else "worse" if mean < -limit else "undecided"


@correct("verdict")
def through_an_interval(candidate, baseline):
    gaps = (candidate.astype(float) - baseline).mean(axis=1)
    t = {3: 4.3, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}[gaps.size]
    half = t * gaps.std(ddof=1) / np.sqrt(gaps.size)
    low, high = gaps.mean() - half, gaps.mean() + half
    return "undecided" if low <= 0 <= high else ("worse", "better")[int(low > 0)]


@wrong("verdict", "one-seed", by="one-seed")
def believes_the_first_seed(candidate, baseline):
    return "better" if candidate[0].mean() > baseline[0].mean() else "worse"


@wrong("verdict", "last-seed", by="one-seed")
def believes_the_last_seed(candidate, baseline):
    return "better" if candidate[-1].mean() > baseline[-1].mean() else "worse"


@wrong("verdict", "two-errors", by="standard-error")
def two_errors_for_any_number_of_seeds(candidate, baseline):
    gaps = candidate.mean(1) - baseline.mean(1)
    gap, error = gaps.mean(), gaps.std(ddof=1) / len(gaps) ** 0.5
    return "undecided" if abs(gap) <= 2 * error else "better" if gap > 0 else "worse"


@wrong("verdict", "most-seeds", by="one-seed")
def a_majority_of_seeds(candidate, baseline):
    won = (candidate.mean(1) > baseline.mean(1)).mean()
    return "better" if won > 0.5 else "worse"


@wrong("verdict", "one-seed", by="one-seed")
def compares_the_best_seeds(candidate, baseline):
    gap = candidate.mean(1).max() - baseline.mean(1).max()
    return "undecided" if abs(gap) < 0.005 else "better" if gap > 0 else "worse"


@wrong("verdict", "unpaired", by="paired")
def takes_the_seeds_as_strangers(candidate, baseline):
    a, b = candidate.mean(1), baseline.mean(1)
    error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    gap = a.mean() - b.mean()
    return "undecided" if abs(gap) <= _t(a) * error else "better" if gap > 0 else "worse"


@wrong("verdict", "sd-not-se", by="paired")
def forgets_the_root_of_n(candidate, baseline):
    gaps = candidate.mean(1) - baseline.mean(1)
    return (
        "undecided"
        if abs(gaps.mean()) <= _t(gaps) * gaps.std(ddof=1)
        else "better"
        if gaps.mean() > 0
        else "worse"
    )


@wrong("verdict", "sign", by="clear")
def subtracts_the_wrong_way(candidate, baseline):
    return seed_by_seed(baseline, candidate)


@wrong("verdict", "any-difference", by="one-seed")
def any_mean_above_nothing(candidate, baseline):
    gap = candidate.mean() - baseline.mean()
    return "undecided" if abs(gap) < 1e-9 else "better" if gap > 0 else "worse"


@wrong("verdict", "not-a-verdict", by="clear")
def returns_the_number(candidate, baseline):
    return candidate.mean() - baseline.mean()


@wrong("verdict", "returned-none", by="clear")
def prints_it(candidate, baseline):
    seed_by_seed(candidate, baseline)


def _half_width(width):
    """The right verdict with another half-width of the gaps."""

    def answer(candidate, baseline):
        gaps = candidate.mean(1) - baseline.mean(1)
        return "undecided" if abs(gaps.mean()) <= width(gaps) else "better" if gaps.mean() > 0 else "worse"

    return answer


@wrong("verdict", "n-for-root", by="standard-error")
def divides_by_n(candidate, baseline):
    return _half_width(lambda gaps: _t(gaps) * gaps.std(ddof=1) / len(gaps))(candidate, baseline)


@wrong("verdict", "one-error", by="standard-error")
def one_standard_error(candidate, baseline):
    return _half_width(stats.sem)(candidate, baseline)


@wrong("verdict", "two-errors", by="standard-error")
def as_if_there_were_many_seeds(candidate, baseline):
    return _half_width(lambda gaps: 1.96 * stats.sem(gaps))(candidate, baseline)


@wrong("verdict", "three-errors", by="standard-error")
def three_sigma(candidate, baseline):
    return _half_width(lambda gaps: 3 * stats.sem(gaps))(candidate, baseline)


@wrong("verdict", "population", by="standard-error")
def numpys_own_deviation(candidate, baseline):
    return _half_width(lambda gaps: _t(gaps) * gaps.std() / len(gaps) ** 0.5)(candidate, baseline)


@wrong("verdict", "sd-not-se", by="paired")
def two_standard_deviations(candidate, baseline):
    return _half_width(lambda gaps: 2 * gaps.std(ddof=1))(candidate, baseline)


@wrong("verdict", "sum-for-mean", by="standard-error")
def adds_the_differences_up(candidate, baseline):
    gaps = candidate.mean(1) - baseline.mean(1)
    total = sum(gaps)
    return "undecided" if abs(total) <= _t(gaps) * stats.sem(gaps) else "better" if total > 0 else "worse"


def _changes(run, baseline):
    return [name for name in baseline if run["levers"][name] != baseline[name]]


def _pick(runs, score):
    return max(runs, key=score)["name"]


@correct("winner")
def with_numpy(runs, baseline):
    fair = [r for r in runs if len(_changes(r, baseline)) == 1]
    return fair[int(np.argmax([np.mean(r["validation"]) for r in fair]))]["name"]


@wrong("winner", "summed", by="validation")
def with_a_sort(runs, baseline):
    fair = sorted((sum(r["validation"]), r["name"]) for r in runs if len(_changes(r, baseline)) == 1)
    return fair[-1][1]


@correct("winner")
def in_a_loop(runs, baseline):
    best, name = -1.0, None
    for run in runs:
        accuracies = run["validation"]
        score = sum(accuracies) / len(accuracies)
        if len(_changes(run, baseline)) == 1 and score > best:
            best, name = score, run["name"]
    return np.str_(name)


@wrong("winner", "chose-on-test", by="validation")
def by_the_test(runs, baseline):
    return _pick([r for r in runs if len(_changes(r, baseline)) == 1], lambda r: np.mean(r["test"]))


@wrong("winner", "chose-on-test", by="validation")
def by_both_together(runs, baseline):
    return _pick(
        [r for r in runs if len(_changes(r, baseline)) == 1],
        lambda r: np.mean(r["test"]) + np.mean(r["validation"]),
    )


@wrong("winner", "best-seed", by="mean")
def by_the_luckiest_seed(runs, baseline):
    return _pick([r for r in runs if len(_changes(r, baseline)) == 1], lambda r: max(r["validation"]))


@wrong("winner", "first-seed", by="mean")
def by_the_first_seed(runs, baseline):
    return _pick([r for r in runs if len(_changes(r, baseline)) == 1], lambda r: r["validation"][0])


@wrong("winner", "two-levers", by="one-lever")
def whatever_changed(runs, baseline):
    return _pick(runs, lambda r: np.mean(r["validation"]))


@wrong("winner", "two-levers", by="one-lever")
def at_least_one_change(runs, baseline):
    return _pick([r for r in runs if _changes(r, baseline)], lambda r: np.mean(r["validation"]))


@wrong("winner", "baseline-again", by="one-lever")
def at_most_one_change(runs, baseline):
    return _pick([r for r in runs if len(_changes(r, baseline)) <= 1], lambda r: np.mean(r["validation"]))


@wrong("winner", "lowest", by="validation")
def takes_accuracy_for_error(runs, baseline):
    return _pick([r for r in runs if len(_changes(r, baseline)) == 1], lambda r: -np.mean(r["validation"]))


def _fair(runs, baseline):
    return [r for r in runs if len(_changes(r, baseline)) == 1]


@wrong("winner", "last-seed", by="mean")
def by_the_last_seed(runs, baseline):
    return _pick(_fair(runs, baseline), lambda r: r["validation"][-1])


@wrong("winner", "worst-seed", by="mean")
def by_the_worst_seed(runs, baseline):
    return _pick(_fair(runs, baseline), lambda r: min(r["validation"]))


@wrong("winner", "median", by="mean")
def by_the_median(runs, baseline):
    return _pick(_fair(runs, baseline), lambda r: np.median(r["validation"]))


@wrong("winner", "not-a-name", by="validation")
def returns_the_run_itself(runs, baseline):
    return max(_fair(runs, baseline), key=lambda r: np.mean(r["validation"]))
