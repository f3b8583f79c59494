"""Reading what an officer texted back (pure).

Only a clear yes or no counts. Whatever is more than that ("482 but not before four", "child ill")
is left to a person: it is never an acceptance.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

_YES = frozenset(
    "ja|jaa|jawel|jep|yes|yep|yeah|oui|ok|oke|okay|okee|jo|y|j|o|accept|akkoord|d accord|ik ga"
    "|ik kom|ja ik ga|ja ik kom|j y vais|je viens|oui j y vais|jag kommer|jag aker|ja jag kommer"
    "|jeg korer|jeg kommer|ja jeg kommer|i go|i m going|yes i go|going|coming".split("|")
)
_NO = frozenset(
    "nee|neen|nej|non|no|nope|n|ik kan niet|kan niet|nee ik kan niet|je ne peux pas|peux pas"
    "|kan inte|jag kan inte|kan ikke|jeg kan ikke|i cannot|i can t|cannot|can t|no i can t".split(
        "|"
    )
)
#: How far somebody has come, and that all is well with them. None is also a word for going.
_ON_THE_WAY = frozenset(
    "opweg|op weg|onderweg|ik ben onderweg|ik ben op weg|en route|je suis en route|en chemin"
    "|pa vag|jag ar pa vag|pa vej|jeg er pa vej|on the way|on my way|i m on my way"
    "|omw".split("|")
)
_ON_SCENE = frozenset(
    "ter plaatse|terplaatse|ik ben ter plaatse|aangekomen|ik ben er|sur place|je suis sur place"
    "|arrive|arrivee|framme|pa plats|jag ar framme|fremme|pa stedet|jeg er fremme|on scene"
    "|arrived|i m here|at the scene".split("|")
)
_DONE = frozenset(
    "klaar|ik ben klaar|gedaan|afgerond|termine|j ai termine|fini|klar|fardig|jag ar klar"
    "|faerdig|jeg er faerdig|afsluttet|done|i m done|finished".split("|")
)
_WELL = frozenset(
    "alles goed|alles ok|alles in orde|goed|tout va bien|ca va|allt bra|allt val|bra|alt vel"
    "|alt godt|alt ok|all well|all is well|all good|fine|i m fine|well".split("|")
)
#: Whoever goes wants a colleague to take over. None is also a word for not going.
_HAND_ON = frozenset(
    "doorgeven|geef door|ik geef door|overdragen|aflossen|relais|relayer|relayez moi"
    "|remplacez moi|lamna over|avlos mig|byt av mig|giv videre|aflos mig|hand on|hand over"
    "|handover|take over|relieve me".split("|")
)
_CODE = re.compile(r"(?<!\d)\d{3,6}(?!\d)")
_MINUTES = re.compile(
    r"^(?:(?:in|over|dans|om|ca|circa) )?(\d{1,3})(?: ?(?:m|min|mins|minutes|"
    r"minuten|minuter|minutter))?$"
)
_LONGEST_MINUTES = 240


class Says(StrEnum):
    """What a text says."""

    YES = "yes"
    NO = "no"
    ON_THE_WAY = "on_the_way"
    ON_SCENE = "on_scene"
    DONE = "done"
    WELL = "well"
    """The answer to whether all is well; a plain yes says the same."""
    HAND_ON = "hand_on"
    OTHER = "other"


@dataclass(frozen=True)
class Reading:
    """A text, read: which of the known codes it names, if any, and what it says."""

    says: Says
    code: str | None = None
    minutes: int | None = None
    strange_code: bool = False
    """It names a run of digits like a code that is none of those known."""


_STATES = {
    Says.ON_THE_WAY: _ON_THE_WAY,
    Says.ON_SCENE: _ON_SCENE,
    Says.DONE: _DONE,
    Says.WELL: _WELL,
    Says.HAND_ON: _HAND_ON,
}


def read(body: str, codes: Collection[str]) -> Reading:
    """Read a text from somebody whose pages have these codes."""
    plain = _plain(body)
    found = [run for run in _CODE.findall(plain) if run in codes]
    code = found[0] if found else None
    if len(set(found)) > 1:
        return Reading(Says.OTHER, None)
    rest = plain
    if code is not None:
        rest = re.sub(rf"(?<!\d){code}(?!\d)", " ", plain)
    rest = " ".join(rest.split())
    strange = code is None and _CODE.search(plain) is not None
    says, minutes = _meaning(rest, has_code=code is not None)
    return Reading(says, code, minutes, strange)


def _meaning(rest: str, has_code: bool) -> tuple[Says, int | None]:
    if not rest:
        return (Says.YES if has_code else Says.OTHER), None
    if rest in _NO:
        return Says.NO, None
    if rest in _YES:
        return Says.YES, None
    for says, words in _STATES.items():
        if rest in words:
            return says, None
    minutes = _minutes(rest)
    if minutes is not None and has_code:
        return Says.YES, minutes
    head, _, tail = rest.partition(" ")
    if head in _YES and (minutes := _minutes(tail)) is not None:
        return Says.YES, minutes
    for said in _ON_THE_WAY:
        if rest.startswith(f"{said} ") and (minutes := _minutes(rest[len(said) + 1 :])):
            return Says.ON_THE_WAY, minutes
    return Says.OTHER, None


def _minutes(words: str) -> int | None:
    match = _MINUTES.match(words)
    if match is None:
        return None
    minutes = int(match.group(1))
    return minutes if 0 < minutes <= _LONGEST_MINUTES else None


def _plain(body: str) -> str:
    """Lower case without accents, punctuation and invisible characters."""
    folded = unicodedata.normalize("NFKD", body).casefold().replace("ø", "o").replace("æ", "ae")
    kept = "".join(
        char if char.isalnum() else " "
        for char in folded
        if (
            not unicodedata.combining(char) and unicodedata.category(char) not in ("Cf", "Cc", "Cs")
        )
        or char in "\n\r\t"
    )
    return " ".join(kept.split())
