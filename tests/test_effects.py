"""The stored measurements of chapter 4: consistent, repeatable, and saying what the text says."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import levers
from lenet_helpers import load_dataset
from lenet_helpers.augment import random_affine
from lenet_helpers.figures import tuning as figures
from lenet_helpers.figures.canvas import png
from lenet_helpers.figures.tuning import Effects
from lenet_helpers.results import stored_result
from lenet_helpers.sources import DataError
from lenet_helpers.tuning.evidence import OUTCOMES, paired_interval, power, verdict_of

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "lenet_helpers" / "results"


@pytest.fixture(scope="module")
def effects():
    return Effects()


def one(effects, name):
    """(mean, low, high) in points."""
    return [100 * effects.results["comparisons"][name][key] for key in ("mean", "low", "high")]


def judged(effects, name):
    """The comparison that the verdict is read from: at own rates, where the arm was given one."""
    return levers.OWN.format(name=name) if name in effects.results["chosen"] else name


def prose(cell):
    cells = json.loads((ROOT / "notebooks" / "en" / "04-tuning.ipynb").read_text("utf-8"))["cells"]
    return next("".join(c["source"]) for c in cells if c["id"] == cell)


def test_every_setting_is_stored_with_its_n_and_spread(effects):
    first = {name for name in effects.results["settings"] if name.endswith(", first round")}
    own = {levers.OWN.format(name=name) for name in effects.results["chosen"]}
    assert set(effects.results["settings"]) - first == {*levers.SETTINGS, *own}
    assert set(effects.results["chosen"]) <= set(levers.TUNED)
    for name, stored in effects.results["settings"].items():
        assert stored["mean"] == pytest.approx(np.mean(stored["accuracies"]), abs=1e-4)
        if len(stored["accuracies"]) > 1:
            assert stored["sd"] == pytest.approx(np.std(stored["accuracies"], ddof=1), abs=1e-4)
        if name in levers.SETTINGS:
            assert stored["changed"] == json.loads(json.dumps(levers.changed(levers.SETTINGS[name])))


def test_the_file_says_how_it_was_made(effects):
    assert {"command", "date", "versions", "recipe", "seeds", "threads"} <= set(effects.results)
    assert effects.results["seeds"] >= 1


def test_intervals_follow_the_rule_and_say_on_how_many_seeds_they_rest(effects):
    settings = effects.results["settings"]
    for name, c in effects.results["comparisons"].items():
        ours, theirs = (np.array(settings[n]["accuracies"]) for n in (name, c["baseline"]))
        n = min(len(ours), len(theirs))
        assert (c["images"], c["seeds"]) == (10_000, n) and n >= 3, name
        assert (c["mean"], c["low"], c["high"]) == pytest.approx(
            paired_interval(ours[:n] - theirs[:n]), abs=2e-5
        )


def test_every_network_of_another_depth_or_width_gets_a_rate_of_its_own():
    """And so does the baseline of each, or the comparison would be as unfair as before."""
    changes = {name: levers.changed(setting) for name, setting in levers.SETTINGS.items()}
    others = {name for name, changed in changes.items() if {"convs_per_stage", "width"} & set(changed)}
    assert others <= set(levers.TUNED) and len(others) == 8
    assert {levers.SETTINGS[name].baseline for name in levers.TUNED} <= set(levers.TUNED)
    for name in levers.TUNED:
        own = levers.with_rate(name, 0.004)
        assert own.baseline == levers.OWN.format(name=levers.SETTINGS[name].baseline)
        assert levers.changed(own) == changes[name] | {"learning_rate": 0.004}
        assert levers.changed(levers.with_rate(name, levers.RECIPE.learning_rate)) == changes[name]


def test_own_rates_are_the_best_of_those_tried(effects):
    for name, choice in effects.results["chosen"].items():
        best = max(choice["rates"], key=choice["rates"].get)
        assert float(best) == choice["chosen"], name
        tried = sorted(map(float, choice["rates"]))
        assert set(tried) <= set(levers.RATES) and tried[0] < choice["chosen"] < tried[-1], f"{name}: an edge"
        assert not set(choice["seeds"]) & set(levers.SEEDS), "chosen with seeds of their own"


def test_a_stored_run_can_be_made_again(effects, one_thread):
    try:
        dataset = load_dataset("mnist", n_train=500, validation=10_000)
    except DataError:
        pytest.skip("needs full MNIST")
    setting = levers.SETTINGS["few"]
    again = levers.run(dataset, replace(setting, training=replace(setting.training, seed=0)))["right"].mean()
    assert again == pytest.approx(effects.results["settings"]["few"]["accuracies"][0], abs=0.006)


def test_recap_claims_what_the_stored_intervals_support(effects):
    """Every name in the recap's columns has the verdict of that column, and none stands there by hearsay."""
    rows = [line.split("|")[1:-1] for line in prose("recap").splitlines() if line.startswith("|")]
    head = [cell.strip() for cell in rows[0]]
    assert head[1:] == list(OUTCOMES)
    claimed = 0
    for row in rows[2:]:
        for outcome, cell in zip(head[1:], row[1:], strict=True):
            names = re.findall(r"`([^`]+)`", cell)
            assert names or not cell.strip(" –"), f"{row[0]}: a claim without a measurement"
            for name in names:
                assert effects.verdict(name) == outcome, name
                claimed += 1
    assert claimed >= 25 and len(rows) >= 9


def test_every_setting_that_the_chapter_compares_is_in_the_recap(effects):
    recap = set(re.findall(r"`([^`]+)`", prose("recap")))
    # An arm that was tuned is judged at its own rate.
    compared = effects.results["comparisons"]
    assert {judged(effects, n) for n in compared} & set(compared) == recap - {"effects.table(name)"}


@pytest.mark.parametrize(
    "name, low, high",
    [
        # what the chapter's text says of each, in points: the mean lies in [low, high]
        ("one 1x1", -8.5, -7.5),
        ("one 3x3", -0.25, -0.15),
        ("dropout 0.5", -0.72, -0.62),
        ("batch 8", -0.4, -0.1),
        ("few, dropout 0.5", 0.6, 1.9),
        ("all three", 0.08, 0.18),
        ("few, all three", 3.3, 3.7),
        ("mirrored", -2.5, -1.5),
        ("half turn", -2.5, -1.5),
        ("shift 0.4", -11, -5),
        ("rotation 180", -10, -6),
    ],
)
def test_sizes_in_the_text(effects, name, low, high):
    assert low <= one(effects, judged(effects, name))[0] <= high


def test_costs_and_fits_in_the_text(effects):
    s = effects.results["settings"]
    base = s["baseline"]
    assert (base["parameters"], base["multiply_adds"]) == (44_426, 281_640)
    work = {name: one["multiply_adds"] / base["multiply_adds"] for name, one in s.items()}
    assert work["two 3x3"] == pytest.approx(1.8, abs=0.1)
    assert work["one 3x3"] == pytest.approx(0.7, abs=0.02)
    assert s["one 3x3"]["parameters"] > base["parameters"] > s["two 5x5"]["parameters"]
    assert work["width 3"] == pytest.approx(6, abs=0.3) and 1 - work["width 0.5"] == pytest.approx(
        0.6, abs=0.03
    )
    assert s["few"]["train_accuracy"] > 0.999 and s["few, width 3"]["train_accuracy"] > 0.999
    # Every baseline is ahead on its training images.
    gaps = {name: 100 * (s[name]["train_accuracy"] - s[name]["mean"]) for name in ("baseline", "long", "few")}
    assert 1.2 < gaps["baseline"] < 1.9 and 1.6 < gaps["long"] < 2.3 and 6 < gaps["few"] < 8.5
    assert abs(s["rate 0.1"]["mean"] - 0.1) < 0.03


def test_losses_in_the_text(effects):
    s = effects.results["settings"]
    assert s["few, decay 0.01"]["validation_loss"] < 0.55 * s["few"]["validation_loss"]
    assert effects.results["comparisons"]["few, decay 0.01"]["loss"]["high"] < 0
    assert 0.2 < one(effects, "few, decay 0.01")[0] < 0.8
    assert s["long"]["train_accuracy"] > 0.9995
    low, high = one(effects, "long, dropout 0.5")[1:]
    assert low < 0 < high
    assert s["batch 128, equal steps"]["validation_loss"] > s["baseline"]["validation_loss"]
    assert s["batch 128, equal steps"]["train_accuracy"] > 0.999


def test_classes_in_the_text(effects):
    """6 and 9 carry little more than a third of what rotation costs; 15 epochs bring over half of it back."""
    s = effects.results["settings"]
    lost = np.array(s["baseline"]["by_class"]) - np.array(s["rotation 180"]["by_class"])
    assert lost.argmax() == 9 and 0.3 < (lost[6] + lost[9]) / lost.sum() < 0.45
    plain = s["baseline"]["mean"] - s["rotation 180"]["mean"]
    assert s["long"]["mean"] - s["long, rotation 180"]["mean"] < plain / 2


def test_a_large_shift_loses_about_a_seventh_of_the_ink():
    split = load_dataset(n_train=500)
    ink = split.to_unit(split.train.images)
    moved = random_affine(ink, shift=0.4, generator=torch.Generator().manual_seed(0))
    assert 1 - (moved.sum((1, 2, 3)) / ink.sum((1, 2, 3))).mean() == pytest.approx(1 / 7, abs=0.02)


def test_padding_brings_back_most_of_what_three_layers_lose(effects):
    names = [judged(effects, name) for name in ("three 3x3", "three 3x3, padded")]
    unpadded, padded = (one(effects, name)[0] for name in names)
    assert unpadded < 0 and padded > unpadded / 2
    assert effects.verdict(names[1]) == "undecided"


def test_own_rates_in_the_text(effects):
    """Who wants another rate than the baseline, and what it brought on seeds that did not choose it."""
    chosen = {name: choice["chosen"] for name, choice in effects.results["chosen"].items()}
    assert set(chosen) == set(levers.TUNED), "no arm is left at a rate that it did not choose"
    usual = chosen["baseline"]
    assert usual == levers.RECIPE.learning_rate
    halved = {"two 5x5", "two 5x5, padded", "few", "few, width 3"}
    assert {name for name, rate in chosen.items() if rate == usual / 2} == halved
    assert chosen["batch 128, equal epochs"] == 2 * usual
    assert set(chosen.values()) <= {usual / 2, usual, 2 * usual}

    def means(name):
        return one(effects, name)[0], one(effects, levers.OWN.format(name=name))[0]

    assert all(effects.verdict(judged(effects, name)) != "better" for name in levers.DEPTH)
    assert means("two 3x3")[0] == pytest.approx(-0.1, abs=0.05)
    same, own = means("two 5x5")
    assert own < same - 0.1
    choice = effects.results["chosen"]["two 5x5"]["rates"]
    assert (choice[str(usual / 2)], choice[str(usual)]) == pytest.approx((0.975, 0.974), abs=0.0005)
    same, own = means("batch 128, equal epochs")
    assert own == pytest.approx(same / 2, abs=0.05)
    same, own = means("few, width 3")
    assert (same, own) == pytest.approx((1.1, 1.6), abs=0.05)
    settings = effects.results["settings"]
    baselines = [100 * settings[name]["mean"] for name in ("few, own rate", "few")]
    assert baselines == pytest.approx([92.1, 92.7], abs=0.05)
    assert means("width 3")[1] == pytest.approx(0.25, abs=0.05)
    assert means("width 0.5")[1] == pytest.approx(-2 / 3, abs=0.05)


def test_rates_and_sizes_in_the_text(effects):
    best = {}
    for optimizer, points in effects.results["rates"].items():
        means = [np.mean(p["accuracies"]) if not p["diverged"] else 0 for p in points]
        best[optimizer] = points[int(np.argmax(means))]["rate"]
        assert max(means[0], means[-1]) < max(means) - 0.05, "a U, seen as error"
        errors, top = 1 - np.array(means), int(np.argmax(means))
        assert min(errors[top - 1], errors[top + 1]) < 1.3 * errors[top], "flat over a factor of three"
        within_ten = [e for p, e in zip(points, errors) if 1 < p["rate"] / points[top]["rate"] < 11]
        assert max(within_ten) > 0.8, "a wall on the right"
    assert best["sgd"] > 5 * best["adam"]
    arms = {
        arm: {p["images"]: 1 - np.mean(p["accuracies"]) for p in points}
        for arm, points in effects.results["sizes"]["arms"].items()
    }
    plain, augmented = arms["plain"], arms["augmented"]
    assert 3.5 < plain[100] / plain[1_000] < 4.5 and 2.5 < plain[1_000] / plain[10_000] < 3.5
    assert plain[10_000] / plain[50_000] < 1.5, "much flatter"
    assert effects.results["sizes"]["steps"] * levers.RECIPE.batch_size / 50_000 == pytest.approx(
        1.2, abs=0.02
    )
    assert augmented[300] < plain[1_000], "300 augmented images do what over three times as many would"
    assert plain[300] - augmented[300] > 5 * (plain[50_000] - augmented[50_000])


def test_a_tenfold_rate_costs_more_than_other_levers_bring(effects):
    """Section 4.4's advice, on 10,000 images."""
    at = {p["rate"]: np.mean(p["accuracies"]) for p in effects.results["rates"]["adam"]}
    settings = effects.results["settings"]
    gains = [c["mean"] for n, c in effects.results["comparisons"].items() if settings[n]["n_train"] == 10_000]
    assert at[0.01] == max(at.values()) and min(at[0.01] - at[0.001], at[0.01] - at[0.1]) > max(gains)


def test_most_on_few_images_in_the_text(effects):
    few = {name: one(effects, name)[0] for name in effects.results["comparisons"] if name.startswith("few, ")}
    assert max(few, key=few.get) == "few, all three", "more than any other lever on 500 images"


def test_power_and_false_alarms_in_the_text():
    accuracies = np.array(stored_result("noise")["accuracies"])
    spread = np.sqrt(2) * accuracies.std(ddof=1)
    assert power(0.003, spread, 3) == pytest.approx(1 / 11, abs=0.005)
    assert 0.01 < np.ptp(accuracies) < 0.015, "more than a point"
    rows = {(r["case"], r["rule"], r["seeds"]): r for r in stored_result("coverage")["rows"]}
    alarms = rows["noise", "two standard errors", 3]["false_alarms"]
    assert alarms == pytest.approx(1 / 6, abs=0.02)
    assert (
        rows["noise", "bootstrap", 3]["coverage"]
        > 0.99
        > 0.85
        > rows["seed-dominated", "bootstrap", 3]["coverage"]
    )
    # Two networks that differ on 1 % of the images: what other images add, in points.
    assert [196 * np.sqrt(0.01 / n) for n in (10_000, 1_000)] == pytest.approx([0.2, 0.6], abs=0.05)


def test_search_team_lost_nothing_and_counted_nothing_twice():
    team = json.loads((RESULTS / "search-team.json").read_text())
    assert team["done"] == team["trials"] and (
        team["lost"],
        team["counted_twice"],
    ) == (0, 0)
    assert team["begun_again"] >= 1 and sum(team["trials_by_worker"]) == team["trials"]
    assert sum(team["importances"].values()) == pytest.approx(1, abs=0.01)


def test_figures_are_drawn_with_a_row_for_each_setting(effects):
    figure = effects.figure("width 3", "rate 0.1", "few, all three")
    assert len(figure.axes[0].get_yticklabels()) == 3
    assert "outside the picture" in figure.axes[0].get_xlabel()
    assert len(png(figure)) > 5000
    assert effects.table("width 3", "rate 0.1").index.tolist()[0] == "baseline"
    assert effects.figure("one 7x7", "two 3x3").legends and not effects.figure("one 7x7").legends
    rows = effects.table("two 3x3").index.tolist()
    assert rows[1] == effects.label("two 3x3") and rows[-1].endswith(rows[1]) and "own rate" in rows[-1]
    assert effects.table("long").index.tolist() == ["15 epochs: baseline"]


def test_figures_say_their_numbers(effects, monkeypatch):
    said = []
    monkeypatch.setattr(figures, "show", lambda fig, alt: said.append((len(png(fig)), alt)))
    effects.show("width 3", "one 1x1")
    effects.show("two 3x3")
    effects.show_rates()
    effects.show_sizes()
    effects.show_classes("baseline", "rotation 180")
    figures.show_coverage()
    figures.show_power(0.004)
    figures.show_many(0.003)
    figures.show_traces({"SGD": [dict(gradient=0.1, step=-0.01), dict(gradient=-0.2, step=0.02)]})
    assert len(said) == 9 and all(size > 5000 and "{" not in alt for size, alt in said)
    assert f"({effects.verdict('one 1x1')})" in said[0][1] and "0.3 points: " in said[6][1]


def test_a_verdict_is_read_from_the_interval():
    assert [verdict_of(*ends) for ends in ((0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1), (0.0, 0.1))] == [
        "better",
        "worse",
        "undecided",
        "undecided",
    ]


def test_quiz_has_a_question_for_every_section():
    from lenet_helpers.quizzes.questions import load_questions

    sections = {q.section for q in load_questions("04-tuning", "en")}
    assert sections == {f"4.{n}" for n in range(10)}
