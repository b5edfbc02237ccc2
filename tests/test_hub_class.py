"""The numbers of docs/scaling.md are those that were measured, and the plan follows from them."""

import pytest

from benchmarks.hub_class import RESULTS, circumstances, first_to_give_way, plan, table
from lenet_helpers.results import stored_result

ROW = {
    "students": 20,
    "start": 41.2,
    "server_mb": 100,
    "idle_mb": 500,
    "training_mb": 600,
    "rest_mb": 400,
    "first_picture": 3.04,
    "result_median": 55.0,
    "result_slowest": 61.4,
    "cpu_seconds": 6.0,
    "others_cores": 0.1,
    "cpu_seconds_start": 12.0,
}
FOUND = {"cores": 2, "memory_mb": 24_000, "classes": [ROW]}


def test_the_plan_by_hand():
    # 400 MB and 600 for each student, in units of 1024 MB; 6 seconds each within 60, rounded up; 12 to start.
    assert plan(FOUND).splitlines()[2:] == ["| 30 | 18 | 3 | 1 | 120 |", "| 200 | 118 | 20 | 4 | 120 |"]
    assert table(FOUND).splitlines()[2:] == ["| 20 | 41 | 500 | 600 | 3.0 | 55 | 61 |"]


@pytest.mark.parametrize("changed, gives_way", [({}, ("cores", 20)), ({"training_mb": 2360}, ("memory", 10))])
def test_what_gives_way_first(changed, gives_way):
    assert first_to_give_way(FOUND | {"classes": [ROW | changed]}) == gives_way


def test_the_document_has_the_tables_as_measured():
    found = stored_result("hub-class")
    document = (RESULTS.parents[2] / "docs" / "scaling.md").read_text("utf-8")
    assert table(found) in document and plan(found) in document and circumstances(found) in document
    what, students = first_to_give_way(found)
    assert f"What gives way first there: {what}, from {students} students on." in document
