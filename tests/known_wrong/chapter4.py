"""Chapter 4, which run wins: right answers written in other ways, and the mistakes people make."""

import numpy as np

from lenet_helpers.tuning.evidence import paired_difference, t_quantile

from . import correct, wrong


@correct("verdict")
def seed_by_seed(candidate, baseline):
    gaps = [float(a.mean() - b.mean()) for a, b in zip(candidate, baseline)]
    mean = sum(gaps) / len(gaps)
    variance = sum((g - mean) ** 2 for g in gaps) / (len(gaps) - 1)
    border = {3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 9: 2.306, 10: 2.262}[len(gaps)]
    t = mean / (variance / len(gaps)) ** 0.5 if variance else float("inf") * np.sign(mean)
    return "better" if t > border else "worse" if t < -border else "undecided"


@correct("verdict")
def by_the_rule_of_the_bench(candidate, baseline):
    return paired_difference(candidate, baseline).verdict


@correct("verdict")
def through_an_interval(candidate, baseline):
    gaps = (candidate.astype(float) - baseline).mean(axis=1)
    half = t_quantile(gaps.size) * gaps.std(ddof=1) / np.sqrt(gaps.size)
    low, high = gaps.mean() - half, gaps.mean() + half
    return "undecided" if low <= 0 <= high else ("worse", "better")[int(low > 0)]


@wrong("verdict", "one-seed")
def believes_the_first_seed(candidate, baseline):
    return "better" if candidate[0].mean() > baseline[0].mean() else "worse"


@wrong("verdict", "last-seed")
def believes_the_last_seed(candidate, baseline):
    return "better" if candidate[-1].mean() > baseline[-1].mean() else "worse"


@wrong("verdict", "one-seed")
def compares_the_best_seeds(candidate, baseline):
    gap = candidate.mean(1).max() - baseline.mean(1).max()
    return "undecided" if abs(gap) < 0.005 else "better" if gap > 0 else "worse"


@wrong("verdict", "unpaired")
def takes_the_seeds_as_strangers(candidate, baseline):
    a, b = candidate.mean(1), baseline.mean(1)
    error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    gap = a.mean() - b.mean()
    return "undecided" if abs(gap) <= 2 * error else "better" if gap > 0 else "worse"


@wrong("verdict", "sd-not-se")
def forgets_the_root_of_n(candidate, baseline):
    gaps = candidate.mean(1) - baseline.mean(1)
    return (
        "undecided" if abs(gaps.mean()) <= 2 * gaps.std(ddof=1) else "better" if gaps.mean() > 0 else "worse"
    )


@wrong("verdict", "two-errors")
def two_errors_whatever_n(candidate, baseline):
    gaps = candidate.mean(1) - baseline.mean(1)
    error = gaps.std(ddof=1) / np.sqrt(len(gaps))
    return "undecided" if abs(gaps.mean()) <= 2 * error else "better" if gaps.mean() > 0 else "worse"


@wrong("verdict", "too-many-errors")
def four_errors_whatever_n(candidate, baseline):
    gaps = candidate.mean(1) - baseline.mean(1)
    error = gaps.std(ddof=1) / np.sqrt(len(gaps))
    return "undecided" if abs(gaps.mean()) <= 4.3 * error else "better" if gaps.mean() > 0 else "worse"


@wrong("verdict", "sign")
def subtracts_the_wrong_way(candidate, baseline):
    return seed_by_seed(baseline, candidate)


@wrong("verdict", "any-difference")
def any_mean_above_nothing(candidate, baseline):
    gap = candidate.mean() - baseline.mean()
    return "undecided" if abs(gap) <= 0.002 else "better" if gap > 0 else "worse"


@wrong("verdict", "not-a-verdict")
def returns_the_number(candidate, baseline):
    return candidate.mean() - baseline.mean()


@wrong("verdict", "returned-none")
def prints_it(candidate, baseline):
    seed_by_seed(candidate, baseline)


def _changes(run, baseline):
    return [name for name in baseline if run["levers"][name] != baseline[name]]


def _pick(runs, score):
    return max(runs, key=score)["name"]


@correct("winner")
def with_numpy(runs, baseline):
    fair = [r for r in runs if len(_changes(r, baseline)) == 1]
    return fair[int(np.argmax([np.mean(r["validation"]) for r in fair]))]["name"]


@correct("winner")
def with_a_sort(runs, baseline):
    fair = sorted((sum(r["validation"]), r["name"]) for r in runs if len(_changes(r, baseline)) == 1)
    return fair[-1][1]


@wrong("winner", "chose-on-test")
def by_the_test(runs, baseline):
    return _pick([r for r in runs if len(_changes(r, baseline)) == 1], lambda r: np.mean(r["test"]))


@wrong("winner", "chose-on-test")
def by_both_together(runs, baseline):
    return _pick(
        [r for r in runs if len(_changes(r, baseline)) == 1],
        lambda r: np.mean(r["test"]) + np.mean(r["validation"]),
    )


@wrong("winner", "best-seed")
def by_the_luckiest_seed(runs, baseline):
    return _pick([r for r in runs if len(_changes(r, baseline)) == 1], lambda r: max(r["validation"]))


@wrong("winner", "first-seed")
def by_the_first_seed(runs, baseline):
    return _pick([r for r in runs if len(_changes(r, baseline)) == 1], lambda r: r["validation"][0])


@wrong("winner", "two-levers")
def whatever_changed(runs, baseline):
    return _pick(runs, lambda r: np.mean(r["validation"]))


@wrong("winner", "two-levers")
def at_least_one_change(runs, baseline):
    return _pick([r for r in runs if _changes(r, baseline)], lambda r: np.mean(r["validation"]))


@wrong("winner", "baseline-again")
def at_most_one_change(runs, baseline):
    return _pick([r for r in runs if len(_changes(r, baseline)) <= 1], lambda r: np.mean(r["validation"]))


@wrong("winner", "lowest")
def takes_accuracy_for_error(runs, baseline):
    return _pick([r for r in runs if len(_changes(r, baseline)) == 1], lambda r: -np.mean(r["validation"]))
