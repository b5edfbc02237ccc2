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


def test_without_a_checkout_the_folder_beside_the_notebooks_is_used(tmp_path, monkeypatch):
    (tmp_path / "results").mkdir()
    (tmp_path / "en").mkdir()
    (tmp_path / "results" / "x.json").write_text('{"a": 1}')
    monkeypatch.setattr(results, "FOLDER", tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "en")
    assert results.stored_result("x") == {"a": 1}
