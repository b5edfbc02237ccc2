"""The stored search that chapter 4 shows: chosen by TPE, its winner judged by what had no part in it."""

import numpy as np
import pytest

from lenet_helpers.results import stored_result
from lenet_helpers.tuning.evidence import paired_difference, unpack
from lenet_helpers.tuning.search import STARTUP, Tried, best_so_far


@pytest.fixture(scope="module")
def stored():
    return stored_result("search-winner")


def test_most_trials_of_the_stored_study_were_chosen_by_the_search(stored):
    assert stored["random"] == STARTUP and len(stored["trials"]) >= 5 * STARTUP
    assert [t["slot"] for t in stored["trials"]] == list(range(len(stored["trials"])))


def test_the_stored_winner_is_the_best_of_those_run_to_the_end(stored):
    values, best = best_so_far([Tried(**t) for t in stored["trials"]])
    assert stored["winner"]["score"] == pytest.approx(best[-1], abs=1e-4)
    assert np.nanargmax(values) == stored["winner"]["slot"] >= STARTUP  # no random trial
    assert any(t["cut"] for t in stored["trials"])
    ends = {len(t["reports"]) for t in stored["trials"] if not t["cut"]}
    assert ends == {int(stored["question"]["epochs"])}


def test_the_stored_judgement_had_no_part_in_the_search(stored):
    assert stored["question"]["seed"] not in stored["seeds"] and len(stored["seeds"]) >= 5
    for rows in stored["right"].values():
        assert unpack(rows, stored["images"]).shape == (len(stored["seeds"]), stored["images"])


def test_what_section_4_8_says_of_the_stored_search(stored):
    trials = [Tried(**t) for t in stored["trials"]]
    values, _best = best_so_far(trials)
    assert np.nanmedian(values[STARTUP:]) > np.nanmedian(values[:STARTUP])  # the later dots lie higher
    assert 0.6 < np.mean([t.cut for t in trials]) < 0.73  # "two trials in three went no further"
    assert max(stored["importances"], key=stored["importances"].get) == "learning_rate"


def test_what_section_4_8_says_of_the_stored_winner(stored):
    right = {name: unpack(rows, stored["images"]) for name, rows in stored["right"].items()}
    assert (right["winner"].mean(axis=1) < stored["winner"]["score"]).all()  # "every one is lower"
    assert paired_difference(right["winner"], right["quick recipe"]).verdict == "better"
