"""The language a learner reads: one switch for every message and label of the package.

English strings stand in the code and are the keys; other languages are gettext
catalogues in ``locale/<code>/LC_MESSAGES/lenet_helpers.mo``. Write ``_("text")`` where
a string is used, and ``N_("text")`` where it is only declared (a label in a table)
and translated later by ``_``. Insert values after translation, so that the key stays
the same: ``_("epoch {n}").format(n=3)``.
"""

import gettext
from pathlib import Path

DOMAIN = "lenet_helpers"
LOCALES = Path(__file__).parent / "locale"

_language = "en"
_catalogue = gettext.NullTranslations()


def languages() -> list[str]:
    """Codes of the languages there are: English, and one per catalogue found."""
    found = LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")
    return ["en", *sorted(path.parent.parent.name for path in found)]


def set_language(code: str) -> None:
    """Show every message and label in language `code` from now on.

    Raises ValueError, naming the languages there are, when there is no catalogue.
    """
    global _language, _catalogue
    if code not in languages():
        # English on purpose: the reader asked for a language that is not here.
        raise ValueError(f"set_language({code!r}): choose one of {', '.join(languages())}")
    _catalogue = gettext.translation(DOMAIN, LOCALES, [code], fallback=True)
    _language = code


def language() -> str:
    """The code of the language in use, for example ``"en"``."""
    return _language


def _(text: str) -> str:
    """`text` in the language in use, or as it stands where no translation exists."""
    return _catalogue.gettext(text)


def N_(text: str) -> str:
    """Mark `text` for translation without translating it yet."""
    return text
