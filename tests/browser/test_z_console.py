"""What can only be said once everything else has been done with a chapter."""


def test_the_browser_had_nothing_to_complain_about(chapter):
    chapter.ensure_ran()
    assert not chapter.problems
