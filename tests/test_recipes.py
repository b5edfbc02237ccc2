"""Recipes by budget, the stored race behind them, and the pages written from stored results."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import records
from lenet_helpers import TrainConfig, load_dataset
from lenet_helpers.figures import cost
from lenet_helpers.figures.cost import LENET, cost_figure, effect_costs
from lenet_helpers.results import stored_result
from lenet_helpers.train_config import QUICK, count_steps
from lenet_helpers.tuning import recipes
from lenet_helpers.tuning.recipes import RECIPES, front, images_per_second, recipe_for

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def digits():
    return load_dataset()


@pytest.fixture
def raced(monkeypatch):
    """Three recipes; the second costs more than the first and brings less."""

    def one(images, median, rate):
        recipe = {"learning_rate": rate, "batch_size": 100, "rotation": 5.0 if rate == 0.3 else 0.0}
        return {"images": images, "median": median, "recipe": recipe}

    race = {"a": one(1_000, 0.9, 0.1), "b": one(2_000, 0.8, 0.2), "c": one(100_000, 0.95, 0.3)}
    monkeypatch.setattr(recipes, "stored_result", lambda name: {"recipes": race})
    monkeypatch.setattr(recipes, "SMALL", 0)


def test_a_recipe_that_costs_more_and_brings_less_is_not_on_the_front(raced):
    assert [(n, one.learning_rate) for n, one in front().items()] == [(1_000, 0.1), (100_000, 0.3)]


@pytest.mark.parametrize("images, rate", [(500, 0.1), (9_900, 0.1), (10_100, 0.3), (200_000, 0.3)])
def test_the_nearest_by_ratio_is_taken_and_its_epochs_use_the_budget_up(raced, digits, images, rate):
    config = recipe_for(digits, images=images)
    assert config.learning_rate == rate
    steps = count_steps(digits, config)[1]
    assert abs(steps * config.batch_size - images) <= 100, "to within a batch"


def test_seconds_become_images_at_the_speed_of_each_recipe(raced, digits, monkeypatch):
    speed = {0.1: 1_000.0, 0.3: 250.0}
    monkeypatch.setattr(recipes, "images_per_second", lambda _data, one: speed[one.learning_rate])
    quick, slow = recipe_for(digits, seconds=2), recipe_for(digits, seconds=100)
    assert (quick.learning_rate, quick.epochs * 3_000) == (0.1, pytest.approx(2_000))
    # 100 s pay for 100,000 images of the first, a hundred times its cost, or 25,000 of the other, a quarter.
    assert (slow.learning_rate, slow.epochs * 3_000) == (0.3, pytest.approx(25_000))


def test_a_small_set_gets_small_batches_and_the_nearest_recipes_distortion(digits, monkeypatch):
    distorted = {"batch_size": 128, "rotation": 7.0, "scale": 0.05, "shift": 0.07}
    race = {
        "plain": {"images": 20_000, "median": 0.97, "recipe": {"batch_size": 128}},
        "distorted": {"images": 360_000, "median": 0.99, "recipe": distorted},
    }
    monkeypatch.setattr(recipes, "stored_result", lambda _name: {"recipes": race})
    assert recipe_for(digits, images=15_000) == replace(QUICK, epochs=5.0)
    many = recipe_for(digits, images=300_000)
    assert many == replace(QUICK, epochs=100.0, rotation=7.0, scale=0.05, shift=0.07)


@pytest.mark.parametrize(
    "budget, said",
    [
        ({}, "give a budget, either images=… or seconds=…"),
        ({"images": 10_000, "seconds": 1}, "give a budget, either images=… or seconds=…"),
        ({"images": 0}, "images=0: choose a number above 0"),
        ({"images": math.nan}, "images=nan: choose a number above 0"),
        ({"seconds": -1}, "seconds=-1: choose a number above 0"),
        ({"seconds": "ten"}, "seconds='ten': choose a number above 0"),
        ({"images": True}, "images=True: choose a number above 0"),
        ({"images": 31}, "the budget pays for 31 images: choose one for 32 to 3,000,000"),
        ({"images": 3_000_001}, "the budget pays for 3,000,001 images: choose one for 32 to 3,000,000"),
    ],
)
def test_a_budget_that_buys_nothing_is_refused_in_a_sentence(digits, budget, said):
    with pytest.raises(ValueError) as refused:
        recipe_for(digits, **budget)
    assert said in str(refused.value)


def test_a_split_smaller_than_a_batch_is_one_batch(digits):
    tiny = replace(digits, train=digits.train[:20])
    assert recipe_for(tiny, images=40) == replace(QUICK, batch_size=20, epochs=2.0)


def test_the_speed_is_that_of_steps_taken(digits):
    assert images_per_second(digits, QUICK) > 0


def test_the_stored_race_is_of_the_recipes_there_are():
    stored = stored_result("records")["recipes"]
    assert stored
    for name, one in stored.items():
        assert TrainConfig(**one["recipe"]) == RECIPES[name], "measured again after a change"
        assert one["images"] == round(60_000 * RECIPES[name].epochs)
        assert one["n"] == len(one["accuracies"]) and one["lowest"] == min(one["accuracies"])
        for bar in one["bars"]:
            assert bar["met"] in (True, False)


def test_the_page_of_records_is_written_from_the_stored_race():
    assert (ROOT / "docs" / "records.md").read_text("utf-8") == records.page(stored_result("records"))


@pytest.mark.parametrize(
    "right, share, met", [([0.99, 0.98, 0.97], 0.5, True), ([0.99, 0.97, 0.97], 0.5, False)]
)
def test_an_aim_asks_for_accuracy_and_time(right, share, met):
    assert records.bar(right, [share], 0.98, "median", 0.5)["met"] is met
    assert records.bar(right, [0.6], 0.98, "median", 0.5)["met"] is False
    assert records.bar(right, [share], 0.975, "every", 0.5)["met"] is False


def test_a_run_that_diverged_counts_as_nothing_right_and_is_listed():
    runs = {
        seed: {"accuracy": a, "load": 1.0, "commit": "c"}
        for seed, a in enumerate([0.98, "no longer a finite number", 0.97])
    }
    one = records.about("sprint", runs, {})
    assert one["accuracies"] == [0.98, 0.0, 0.97] and one["lowest"] == 0.0
    assert one["failures"] == {1: "no longer a finite number"}


def test_the_work_of_an_effect_is_counted_by_hand():
    recipe = {"batch_size": 32}
    base = {"multiply_adds": LENET, "mean": 0.9}
    settings = {
        "by epochs": base | {"changed": {}, "epochs": 3.0, "n_train": 500},
        "by steps": base | {"changed": {"steps": 10, "batch_size": 128}, "epochs": 3.0, "n_train": 500},
    }
    costs = effect_costs({"recipe": recipe, "settings": settings})
    assert costs == [(1_500 * LENET, 0.9), (1_280 * LENET, 0.9)]


def test_every_recipe_and_effect_is_in_the_picture():
    race, levers = stored_result("records"), stored_result("levers")
    ax = cost_figure(race, levers, stored_result("source-recipe")).axes[0]
    effects, measured, source = ax.lines
    assert len(effects.get_xdata()) == len(levers["settings"])
    assert len(measured.get_xdata()) == len(race["recipes"])
    assert source.get_xdata()[0] == 600_000 * LENET


def test_chapter_4_says_of_the_recipes_what_was_measured():
    """Section 4.10: 240 times the work, less than a quarter of the error; the star pays for thirty."""
    records, source = stored_result("records")["recipes"], stored_result("source-recipe")
    cheap, dear = (records[name] for name in ("dash", "eighty passes, distorted"))
    assert len(records) == 6 and (cheap["images"], dear["images"]) == (20_000, 4_800_000)
    errors = [100 - 100 * one["median"] for one in (cheap, dear)]
    assert 0.2 < errors[1] / errors[0] < 0.25
    star = 100 - 100 * source["test_accuracy"][-1]
    assert 600_000 / cheap["images"] == 30 and star > errors[0]


def test_chapter_4_says_of_the_parts_of_a_recipe_what_was_measured():
    """The parts of three passes: schedule, adaptive steps, momentum, and batches, whose size is free."""
    usual = RECIPES["three passes"]
    assert (usual.optimizer, usual.schedule, usual.batch_size) == ("adamw", "one-cycle", 256)
    whole, *arms = stored_result("records")["ablated"]["three passes"]
    assert not whole["changed"] and len(whole["accuracies"]) == 5
    constant, momentum, plain, small, large = (one["difference"] for one in arms)
    assert [one["changed"] for one in arms] == [
        {"schedule": "constant"},
        {"optimizer": "sgd", "momentum": 0.9},
        {"optimizer": "sgd"},
        {"batch_size": 64},
        {"batch_size": 512},
    ]
    assert 100 * constant["mean"] == pytest.approx(-2 / 3, abs=0.05) and constant["high"] < 0
    assert 100 * momentum["mean"] == pytest.approx(-0.5, abs=0.05) and momentum["high"] < 0
    assert -1.5 < 100 * plain["mean"] < -1.4 and plain["high"] < 0
    assert all(one["low"] < 0 < one["high"] for one in (small, large))
    few = {str(one["changed"]): one for one in stored_result("records")["ablated"]["sprint"]}
    assert 50_000 * RECIPES["sprint"].epochs == 20_000
    assert few["{'batch_size': 256}"]["difference"]["high"] < 0
    assert -1.5 < 100 * few["{'batch_size': 256}"]["difference"]["mean"] < -1.2
    distorted = {
        str(one["changed"]): one for one in stored_result("records")["ablated"]["six passes, distorted"]
    }
    without = distorted["{'rotation': 0.0, 'scale': 0.0, 'shift': 0.0}"]["difference"]
    assert without["low"] < 0 < without["high"]


def test_a_part_is_shown_with_its_rate_and_its_interval(monkeypatch):
    said = []
    monkeypatch.setattr(cost, "show", lambda fig, alt: said.append((fig, alt)))
    cost.show_parts("three passes")
    ((fig, alt),) = said
    arms = stored_result("records")["ablated"]["three passes"][1:]
    rows = [text.get_text() for text in fig.axes[0].get_yticklabels()]
    assert [row.split("rate ")[1] for row in rows] == [f"{one['rate']:g}" for one in arms]
    assert "schedule constant: -0.66 points" in alt.replace("−", "-")


def test_every_arm_is_judged_on_seeds_that_did_not_choose_its_rate():
    assert not set(records.CHOOSING) & set(range(records.JUDGED))
    for runs in stored_result("records")["ablated"].values():
        for one in runs:
            assert max(one["tried"], key=one["tried"].get) == f"{one['rate']:g}"
