"""Assignments 3 and 4: right answers in several forms, and the mistakes that their checks must name."""

import statistics

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lenet_helpers import LeNet, LeNetConfig, LeNetVariant, TrainConfig, batches, train

from . import correct, wrong

# trained_network ----------------------------------------------------------------------


@correct("trained_network")
def by_its_own_loop(dataset):
    torch.manual_seed(1)
    model, generator = LeNet(), torch.Generator().manual_seed(3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for epoch in range(6):
        for images, labels in batches(dataset.train, 16, generator):
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return model


@correct("trained_network")
def sequential_with_log_softmax(dataset):
    torch.manual_seed(2)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
        nn.LogSoftmax(1),
    )
    for record in train(
        model, dataset, TrainConfig(optimizer="adamw", learning_rate=0.004, batch_size=16, epochs=6)
    ):
        assert record.train_loss > 0
    return model


@wrong("trained_network", "not-trained")
def untrained(dataset):
    return LeNet()


@wrong("trained_network", "returned-none")
def forgets_to_return(dataset):
    LeNet()


@wrong("trained_network", "not-a-module")
def returns_the_class(dataset):
    return LeNet


@wrong("trained_network", "opens-test")
def looks_at_the_test_images(dataset):
    try:
        dataset.test.images.mean()
    except RuntimeError:
        pass
    return LeNet()


@wrong("trained_network", "output-shape")
def eleven_classes(dataset):
    return LeNetVariant(LeNetConfig(classes=11))


@wrong("trained_network", "not-finite")
def diverged(dataset):
    model = LeNet()
    with torch.no_grad():
        model.fc3.bias += float("nan")
    return model


@wrong("trained_network", "not-trained")
def learning_rate_too_small(dataset):
    model = LeNet()
    for record in train(model, dataset, TrainConfig(learning_rate=1e-4, epochs=1)):
        pass
    return model


@wrong("trained_network", "in-place")
def spoils_the_images(dataset):
    dataset.train.images.zero_()
    return LeNet()


# choose_configuration -----------------------------------------------------------------


def _groups(runs, column="validation_accuracy"):
    groups = {}
    for run in runs:
        groups.setdefault(run["name"], []).append(run[column])
    return groups


@correct("choose_configuration")
def with_statistics(runs):
    means = {name: statistics.mean(values) for name, values in _groups(runs).items()}
    return sorted(means, key=means.get)[-1]


@correct("choose_configuration")
def with_pandas(runs):
    import pandas

    return pandas.DataFrame(runs).groupby("name").validation_accuracy.mean().idxmax()


@wrong("choose_configuration", "chose-on-test")
def by_test_accuracy(runs):
    return max(_groups(runs, "test_accuracy").items(), key=lambda item: np.mean(item[1]))[0]


@wrong("choose_configuration", "best-single-run")
def luckiest_run(runs):
    return max(runs, key=lambda run: run["validation_accuracy"])["name"]


@wrong("choose_configuration", "summed")
def sum_over_seeds(runs):
    groups = _groups(runs)
    # With equally many runs a sum chooses as a mean does: the mistake shows where they are not.
    return max(groups, key=lambda name: sum(groups[name]))


@wrong("choose_configuration", "worst")
def smallest(runs):
    groups = _groups(runs)
    return min(groups, key=lambda name: np.mean(groups[name]))


@wrong("choose_configuration", "not-a-name")
def the_number(runs):
    return max(np.mean(values) for values in _groups(runs).values())


@wrong("choose_configuration", "returned-none")
def prints_it(runs):
    with_statistics(runs)


# changed_levers -----------------------------------------------------------------------


@correct("changed_levers")
def in_a_loop(before, after):
    names = []
    for name, value in before.items():
        if after[name] != value:
            names.append(name)
    return names


@correct("changed_levers")
def as_a_set(before, after):
    return {name for name, _value in set(before.items()) ^ set(after.items())}


@wrong("changed_levers", "overlooks")
def first_only(before, after):
    for name in before:
        if before[name] != after[name]:
            return [name]
    return []


@wrong("changed_levers", "overlooks")
def skips_zero(before, after):
    return [name for name in before if before[name] and after[name] and before[name] != after[name]]


@wrong("changed_levers", "not-names")
def says_whether(before, after):
    return before != after


@wrong("changed_levers", "too-many")
def all_names(before, after):
    return list(before)


@wrong("changed_levers", "too-many")
def by_position(before, after):
    return [a[0] for a, b in zip(before.items(), after.items()) if a != b]


@wrong("changed_levers", "not-names")
def gives_values(before, after):
    return [(name, before[name], after[name]) for name in before if before[name] != after[name]]


@wrong("changed_levers", "returned-none")
def no_return(before, after):
    in_a_loop(before, after)


# paired_effect ------------------------------------------------------------------------


@correct("paired_effect")
def standard_library(baseline, changed):
    d = [changed[s] - baseline[s] for s in baseline if s in changed]
    if len(d) < 3:
        raise ValueError("three seeds at least")
    return statistics.fmean(d), statistics.stdev(d) / len(d) ** 0.5


@correct("paired_effect")
def in_torch(baseline, changed):
    seeds = baseline.keys() & changed.keys()
    if not len(seeds) > 2:
        raise ValueError(len(seeds))
    d = torch.tensor([changed[s] - baseline[s] for s in seeds], dtype=torch.float64)
    return [d.mean(), d.std() / len(d) ** 0.5]


def _differences(baseline, changed):
    seeds = sorted(baseline.keys() & changed.keys())
    if len(seeds) < 3:
        raise ValueError("three seeds at least")
    return np.array([changed[s] - baseline[s] for s in seeds])


@wrong("paired_effect", "sign")
def other_way_round(baseline, changed):
    return standard_library(changed, baseline)


@wrong("paired_effect", "all-seeds")
def means_of_all(baseline, changed):
    return np.mean(list(changed.values())) - np.mean(list(baseline.values())), standard_library(
        baseline, changed
    )[1]


@wrong("paired_effect", "mean")
def matched_by_position(baseline, changed):
    d = np.array(list(changed.values())) - np.array(list(baseline.values()))
    return np.median(d), d.std(ddof=1) / len(d) ** 0.5


@wrong("paired_effect", "spread-of-runs")
def standard_deviation(baseline, changed):
    d = _differences(baseline, changed)
    return d.mean(), d.std(ddof=1)


@wrong("paired_effect", "population")
def divides_by_n(baseline, changed):
    d = _differences(baseline, changed)
    return d.mean(), d.std() / len(d) ** 0.5


@wrong("paired_effect", "unpaired")
def unpaired(baseline, changed):
    d = _differences(baseline, changed)
    seeds, n = baseline.keys() & changed.keys(), len(d)
    spread = sum(np.var([table[s] for s in seeds], ddof=1) for table in (baseline, changed))
    return d.mean(), (spread / n) ** 0.5


@wrong("paired_effect", "one-seed-claim")
def claims_with_two_seeds(baseline, changed):
    d = [changed[s] - baseline[s] for s in baseline if s in changed]
    return statistics.fmean(d), statistics.stdev(d) / len(d) ** 0.5


# experiment ---------------------------------------------------------------------------

BASE = {"learning_rate": 0.02, "batch_size": 32}


@correct("experiment")
def another_lever(run):
    return {
        "baseline": {s: run(s, **BASE) for s in range(5)},
        "changed": {s: run(s, **BASE, dropout=0.2) for s in range(5)},
    }


@correct("experiment")
def in_pairs(run):
    tables = {"baseline": {}, "changed": {}}
    for seed in (11, 12, 13):
        tables["baseline"][seed] = run(seed, **BASE)
        tables["changed"][seed] = run(seed, **{**BASE, "learning_rate": 0.05})
    return tables


@wrong("experiment", "looked-at-test")
def asks_the_test_set(run):
    result = in_pairs(run)
    run.test_accuracy(0, **BASE)
    return result


@wrong("experiment", "two-changes")
def two_levers_at_once(run):
    return {
        "baseline": {s: run(s, **BASE) for s in range(3)},
        "changed": {s: run(s, learning_rate=0.05, batch_size=64) for s in range(3)},
    }


@wrong("experiment", "too-few-seeds")
def one_seed(run):
    return {"baseline": {0: run(0, **BASE)}, "changed": {0: run(0, **BASE, dropout=0.2)}}


@wrong("experiment", "other-seeds")
def seeds_of_their_own(run):
    return {
        "baseline": {s: run(s, **BASE) for s in range(3)},
        "changed": {s: run(s, **BASE, dropout=0.2) for s in range(3, 6)},
    }


@wrong("experiment", "no-comparison")
def no_baseline(run):
    table = {s: run(s, **BASE) for s in range(3)}
    return {"baseline": table, "changed": table}


@wrong("experiment", "many-configurations")
def a_whole_search(run):
    rates = {rate: {s: run(s, learning_rate=rate) for s in range(3)} for rate in (0.01, 0.02, 0.05)}
    return {"baseline": rates[0.01], "changed": rates[0.05]}


@wrong("experiment", "other-numbers")
def made_up_numbers(run):
    result = in_pairs(run)
    result["changed"] = {seed: value + 0.02 for seed, value in result["changed"].items()}
    return result


@wrong("experiment", "other-numbers")
def drops_the_worst_seed(run):
    result = another_lever(run)
    del result["changed"][min(result["changed"], key=result["changed"].get)]
    return result


@wrong("experiment", "not-two-tables")
def two_lists(run):
    return [run(s, **BASE) for s in range(3)], [run(s, **BASE, dropout=0.2) for s in range(3)]
