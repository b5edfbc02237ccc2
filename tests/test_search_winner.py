"""The stored search that chapter 4 shows: chosen by TPE, its winner judged by what had no part in it."""

import numpy as np
import pytest

from benchmarks.search_postgres import tables
from lenet_helpers.results import stored_result
from lenet_helpers.tuning.evidence import paired_difference, unpack
from lenet_helpers.tuning.search import STARTUP, Tried, best_so_far


@pytest.fixture(scope="module")
def stored():
    return stored_result("search-winner")


def test_the_document_has_the_tables_of_the_search_on_postgresql_as_measured(pytestconfig):
    found = stored_result("search-postgres")
    assert tables(found) in (pytestconfig.rootpath / "docs" / "scaling.md").read_text("utf-8")
    assert found["done"] == found["trials"] and found["lost"] == found["counted_twice"] == 0
    pace = {int(n): value for n, value in found["trials_an_hour"].items()}
    assert pace[2] > 1.3 * pace[1] and found["cores"] == 2  # "more workers than cores bring nothing"
    assert max(pace[4], pace[8]) < 1.2 * pace[2]


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
