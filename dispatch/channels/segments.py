"""What a text costs as SMS, and how to make it harmless and cheap.

A phone network carries GSM-7 (160 characters, 153 in each part of a longer text) or, as soon as
one letter lies outside that alphabet, UCS-2 (70, then 67). One `ê` in a call-out more than doubles
its parts, and each part can be late on its own. Promise: `count` agrees with how networks cut, and
`plain` leaves no letter outside GSM-7 that has a near one in it. The wording is not decided here.
"""

import functools
import unicodedata
from dataclasses import dataclass

#: GSM 03.38 default alphabet, without its escape character.
_ALPHABET = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Reached through the escape character, so each costs two.
_EXTENSION = frozenset("\f^{}\\[~]|€")

#: Letters and marks whose nearest GSM-7 writing does not follow from their decomposition. `ç` is
#: here because the default alphabet holds only the capital, which reads wrongly inside a word.
_NEAREST = str.maketrans(
    {
        "ç": "c",
        "œ": "oe",
        "Œ": "OE",
        "ł": "l",
        "Ł": "L",
        "ŀ": "l",
        "Ŀ": "L",
        "đ": "d",
        "Đ": "D",
        "ð": "d",
        "Ð": "D",
        "þ": "th",
        "Þ": "Th",
        "ı": "i",
        "ħ": "h",
        "Ħ": "H",
        "ŧ": "t",
        "Ŧ": "T",
        "ẞ": "SS",
        "‘": "'",
        "’": "'",
        "‚": "'",
        "‛": "'",
        "′": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "″": '"',
        "«": '"',
        "»": '"',
        "‹": "'",
        "›": "'",
        "`": "'",
        "´": "'",
        "‐": "-",
        "‑": "-",
        "‒": "-",
        "–": "-",
        "—": "-",
        "−": "-",
        "•": "-",
        "…": "...",
        "×": "x",
    }
)

#: The longest body that suppliers take.
LONGEST = 1600


@dataclass(frozen=True)
class Segments:
    """How a text travels."""

    encoding: str
    """GSM-7 or UCS-2."""
    units: int
    """Septets or UTF-16 units, as the encoding counts."""
    parts: int
    """Messages billed, queued and delivered one by one."""


def count(text: str) -> Segments:
    """Count the parts of a text as networks cut it: no character is split across parts."""
    if strangers(text):
        costs = [2 if ord(character) > 0xFFFF else 1 for character in text]
        return Segments("UCS-2", sum(costs), _parts(costs, whole=70, part=67))
    costs = [2 if character in _EXTENSION else 1 for character in text]
    return Segments("GSM-7", sum(costs), _parts(costs, whole=160, part=153))


def strangers(text: str) -> list[str]:
    """List the characters outside GSM-7, each once, in order of appearance."""
    return [c for c in dict.fromkeys(text) if c not in _ALPHABET and c not in _EXTENSION]


def harmless(text: str, limit: int = LONGEST) -> str:
    """Make a text one line that no phone, voice or XML reader can be tricked with.

    Control characters, bidi and invisible marks, lone surrogates and unassigned code points go;
    any white space becomes one space; what exceeds `limit` characters is cut off.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())[:limit].strip()
    # A lone surrogate cannot be encoded and a bidi override shows "482" as "284": both are worse
    # than the character missing.
    visible = "".join(c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(unicodedata.normalize("NFC", visible).split())[:limit].strip()


def plain(text: str, limit: int = LONGEST) -> str:
    """Make a text harmless, and cheap: letters become their nearest in GSM-7 where there is one."""
    nearest = "".join(map(_nearest, harmless(text, limit)))
    return harmless(nearest, limit)


@functools.lru_cache(maxsize=4096)
def _nearest(character: str) -> str:
    if character in _ALPHABET or character in _EXTENSION:
        return character
    mapped = character.translate(_NEAREST)
    if mapped != character:
        return mapped
    category = unicodedata.category(character)
    if category == "Mn":
        return ""
    # Never digits: a superscript turned into a plain digit would change an answer code.
    if category[0] not in "LP":
        return character
    letters = "".join(
        c for c in unicodedata.normalize("NFKD", character) if unicodedata.category(c) != "Mn"
    )
    return character if strangers(letters) else letters


def _parts(costs: list[int], whole: int, part: int) -> int:
    if sum(costs) <= whole:
        return 1
    parts, used = 1, 0
    for cost in costs:
        if used + cost > part:
            parts, used = parts + 1, 0
        used += cost
    return parts
