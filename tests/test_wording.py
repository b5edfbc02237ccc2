import gettext

import pytest

from lenet_helpers import wording


@pytest.fixture(autouse=True)
def english_again():
    yield
    wording.set_language("en")


def test_english_is_the_text_itself():
    wording.set_language("en")
    assert wording.language() == "en"
    assert wording._("kernel size") == wording.N_("kernel size") == "kernel size"


def test_an_unknown_language_names_those_there_are():
    with pytest.raises(ValueError, match="choose one of en"):
        wording.set_language("tlh")
    assert wording.language() == "en"


def test_a_catalogue_is_found_and_used(tmp_path, monkeypatch):
    babel = pytest.importorskip("babel.messages")
    from babel.messages.mofile import write_mo

    catalogue = babel.Catalog(locale="zh")
    catalogue.add("kernel size", "卷积核大小")
    folder = tmp_path / "zh" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with open(folder / "lenet_helpers.mo", "wb") as file:
        write_mo(file, catalogue)
    monkeypatch.setattr(wording, "LOCALES", tmp_path)
    assert wording.languages() == ["en", "zh"]
    wording.set_language("zh")
    assert wording._("kernel size") == "卷积核大小"
    assert wording._("not translated yet") == "not translated yet"
    wording.set_language("en")
    assert isinstance(wording._catalogue, gettext.NullTranslations)
