"""One catalogue of words for everything that people read or hear.

The `.po` files beside the package are read as they are and compiled in memory, so a changed
translation needs no build step and no compiled file can be stale. Core texts use `catalogue`
directly, screens reach the same one through Flask-Babel. English is the language of the source and
needs no file; a sentence without a translation appears in English.
"""

import functools
import gettext
import io
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Self

from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

FOLDER = Path(__file__).parent / "translations"

#: The words offered in a text. None is a word that a carrier takes for opting out.
ANSWER_WORDS = {
    "nl": ("JA", "NEE"),
    "fr": ("OUI", "NON"),
    "sv": ("JA", "NEJ"),
    "da": ("JA", "NEJ"),
    "en": ("YES", "NO"),
}


@functools.cache
def catalogue(language: str) -> gettext.NullTranslations:
    """Return the translations into `language`; for English, or one nobody wrote, the source."""
    path = FOLDER / language / "LC_MESSAGES" / "messages.po"
    if not path.is_file():
        return NullTranslations()
    with path.open("rb") as file:
        messages = read_po(file, locale=language)
    for message in list(messages):
        # Babel counts an entry whose every plural form is empty as translated: it would be shown
        # as nothing at all.
        if not isinstance(message.string, str) and message.id and not any(message.string or ()):
            messages.delete(message.id)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(compiled)


def say(language: str, text: str, **facts: object) -> str:
    """Return `text` in `language` with `facts` put into its `%(name)s` places."""
    translated = catalogue(language).gettext(text)
    return translated % worded(language, facts) if facts else translated


def worded(language: str, facts: Mapping[str, object]) -> dict[str, object]:
    """Return facts as a reader of `language` writes them.

    Days, instants (read off the clock of the zone that they are in), sentences, names kept by
    language, and several of these as a tuple.
    """
    return {name: _word(language, fact) for name, fact in facts.items()}


def _word(language: str, fact: object) -> object:
    if isinstance(fact, datetime):
        return format_datetime(fact, "EEE d MMM HH:mm", locale=language)
    if isinstance(fact, date):
        return format_date(fact, "EEE d MMM", locale=language)
    if isinstance(fact, Sentence):
        return say(language, fact.text, **fact.facts)
    if isinstance(fact, Mapping):
        return fact.get(language) or fact["en"]
    if isinstance(fact, tuple):
        return ", ".join(str(_word(language, one)) for one in fact)
    return fact


class Sentence(str):
    """An English sentence with facts in it that can still be said in another language.

    The core refuses in sentences and does not know who reads them; the edges do. To everybody else
    it is the plain text that it looks like.
    """

    text: str
    facts: dict[str, object]

    def __new__(cls, text: str, **facts: object) -> Self:
        """Put `facts` into the `%(name)s` places of `text`, and remember both."""
        made = super().__new__(cls, text % worded("en", facts))
        made.text, made.facts = text, facts
        return made


def N_(text: str) -> str:  # noqa: N802 - the name that gettext's tools look for
    """Mark a text for translation where it stands; it is translated where it is read."""
    return text
