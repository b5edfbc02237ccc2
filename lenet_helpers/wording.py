"""The language a learner reads: one switch for every message and label of the package.

English strings stand in the code and are the keys; other languages are gettext catalogues in
``locale/<code>/LC_MESSAGES/lenet_helpers.mo``. Write ``_("text")`` where a string is used, and ``N_("text")``
where it is only declared (a label in a table) and translated later by ``_``. Insert values after translation,
so that the key stays the same: ``_("epoch {n}").format(n=3)``.
"""

import gettext
import os
from collections.abc import Iterable
from pathlib import Path

DOMAIN = "lenet_helpers"
LOCALES = Path(__file__).parent / "locale"

_language = "en"
_catalogue = gettext.NullTranslations()
shown: dict[str, str] = {}  # messages shown in another language so far, each to its English


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
    shown.clear()


def language() -> str:
    """The code of the language in use, for example ``"en"``."""
    return _language


def preferred_language(chosen: str = "") -> str:
    """The reader's language, of those there are: what LENET_LANGUAGE says, else what was `chosen` in the
    course, else what the system is set to (LC_ALL, LC_MESSAGES, LANG); English where there is none of them.
    """
    system = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    wanted = (code[:2].lower() for code in (os.environ.get("LENET_LANGUAGE", ""), chosen, system))
    return next((code for code in wanted if code in languages()), "en")


def _(text: str) -> str:
    """`text` in the language in use, or as it stands where no translation exists."""
    if not text:  # gettext answers an empty string with the catalogue's own header
        return ""
    return _remember(_catalogue.gettext(text), text)


def N_(text: str) -> str:
    """Mark `text` for translation without translating it yet."""
    return text


def pgettext(context: str, text: str) -> str:
    """`text` translated for a `context`, where one English word has several: pgettext("pooling", "none")."""
    return _remember(_catalogue.pgettext(context, text), text)


def _remember(translated: str, english: str) -> str:
    if translated != english:
        shown[translated] = english
    return translated


def sentences(*parts: str) -> str:
    """Whole sentences one after the other, as the language sets them apart; empty ones are left out."""
    # Translators: a catalogue has no empty text: a zero-width space stands for nothing.
    joint = pgettext("between two sentences", " ").replace("\u200b", "")
    return joint.join(part for part in parts if part)


def listed(parts: Iterable[object], *, clauses: bool = False) -> str:
    """`parts` in a row, as the language writes a list of words, or of whole `clauses`."""
    words = pgettext("between two words of a list", ", ")
    return (pgettext("between two clauses", "; ") if clauses else words).join(map(str, parts))
