"""What the victim wishes of whoever comes, and how somebody answers to it (pure).

Senders write a language as a code or by its name, in whatever language they speak, and a gender in
a word; what cannot be understood is shown and decides nothing. A wish is a preference unless the
sender says that it is required. Where an interpreter comes, the officer need not speak the language
any more: that wish becomes a preference, and nobody is passed over for it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from babel import Locale

LANGUAGE, GENDER, INTERPRETER, REQUIRED = "language", "gender", "interpreter", "required"
_NAMED_IN = ("en", "nl", "fr", "sv", "da", "de")
_GENDERS = {
    "woman": ("woman", "female", "f", "w", "v", "vrouw", "femme", "kvinna", "kvinde", "frau"),
    "man": ("man", "male", "m", "homme", "mand", "mann"),
}
_CODE = 2
_NO = frozenset({"", "no", "nee", "neen", "non", "nej"})


@dataclass(frozen=True)
class Answer:
    """One wish, and whether somebody is what is wished; None: it is not known of them."""

    wish: str
    value: str
    required: bool
    met: bool | None

    @property
    def weight(self) -> int:
        """How much it speaks against them: whoever may be it comes before who is not."""
        return 0 if self.met else 1 if self.met is None else 2

    def facts(self) -> dict[str, Any]:
        """Return it as a reason keeps it."""
        return {"wish": self.wish, "value": self.value, "met": self.met}


@dataclass(frozen=True)
class Wish:
    """One wish, understood."""

    wish: str
    value: str
    required: bool = False


def understood(wishes: Mapping[str, Any] | None) -> tuple[Wish, ...]:
    """Return what an incident's wishes ask of whoever comes."""
    return tuple(_understood(wishes)) if wishes else ()


def _understood(wishes: Mapping[str, Any]) -> Iterator[Wish]:
    required = str(wishes.get(REQUIRED, "")).split()
    interpreter = str(wishes.get(INTERPRETER, "")).strip().casefold()
    language = language_of(str(wishes.get(LANGUAGE, "")))
    if not language and interpreter not in _NO:
        language = language_of(interpreter)
    if language:
        yield Wish(LANGUAGE, language, LANGUAGE in required and interpreter in _NO)
    gender = gender_of(str(wishes.get(GENDER, "")))
    if gender:
        yield Wish(GENDER, gender, GENDER in required)


def answers(wishes: Collection[Wish], spoken: Collection[str], gender: str) -> tuple[Answer, ...]:
    """Return how somebody answers who speaks these languages and is of this gender, if known."""
    return tuple(_answer(one, spoken, gender) for one in wishes)


def _answer(wish: Wish, spoken: Collection[str], gender: str) -> Answer:
    if wish.wish == LANGUAGE:
        met: bool | None = wish.value in {one.partition("-")[0] for one in spoken}
    else:
        met = wish.value == gender if gender else None
    return Answer(wish.wish, wish.value, wish.required, met)


def language_of(word: str) -> str:
    """Return the code of a language that was written as a code or by name; empty: not known."""
    word = word.strip().casefold()
    short = word.replace("_", "-").partition("-")[0]
    if len(short) == _CODE and short.isalpha():
        return short
    return _names().get(word, "") if word else ""


@cache
def _names() -> Mapping[str, str]:
    """Return the codes of languages by their names in the languages spoken here."""
    return {
        str(name).casefold(): code
        for speaks in _NAMED_IN
        for code, name in Locale.parse(speaks).languages.items()
        if code.isalpha()
    }


def gender_of(word: str) -> str:
    """Return woman or man for a word that says so; empty: not known."""
    word = word.strip().casefold()
    return next((gender for gender, words in _GENDERS.items() if word in words), "")
