import pytest

from lenet_helpers import results


def test_a_stored_result_names_its_command():
    assert results.stored_result("source-recipe")["command"].startswith("python -m benchmarks.")


def test_an_unknown_result_names_those_there_are():
    with pytest.raises(ValueError, match=r"stored_result\('nonsense'\): choose one of .*source-recipe"):
        results.stored_result("nonsense")


def test_every_stored_result_says_how_it_was_made():
    for path in results.FOLDER.glob("*.json"):
        assert "python -m benchmarks." in path.read_text("utf-8"), path.name
