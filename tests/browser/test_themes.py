"""axe-core over what the chapters put on the page, in both themes."""

import pytest


@pytest.mark.parametrize("theme", ["Dark", "Light"])
def test_axe_finds_nothing_serious(chapter, theme):
    chapter.ensure_ran()
    chapter.theme(theme)
    pictures = chapter.page.locator(".jp-OutputArea-output img")
    chapter.shot(theme.lower(), pictures.first if pictures.count() else None)
    assert chapter.violations() == []
