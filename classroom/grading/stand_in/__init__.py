"""In the place of `lenet_helpers.checks` while a notebook is graded: nothing here knows what is right.

The checks themselves run in another process, which calls the answers.
"""

_SAID = "marks are given when this notebook has been graded"


class Failed(AssertionError):
    """As in the suite; nothing here raises it."""


class Check:
    """`check.NAME(answer)` says that marks are given later."""

    Failed = Failed

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self._later

    def _later(self, *_args, **_kwargs):
        print(_SAID)

    def names(self):
        """No exercise is known here."""
        return []

    hint = solution = properties = _later


check = Check()
