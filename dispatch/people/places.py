"""Where somebody knows people and where they live, as far as they say so themselves.

Both are theirs: sealed under their employer's key, shown to nobody else, never named as a reason.
Places are lines of text: a postcode or a run of them (9400-9409), a municipality, or a street in
one of these (Kerkstraat, 9400). Of a street it is enough that the address begins with it or holds
it. Who is not called because of a place is decided in `paging`.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime

from dispatch import audit, logs, seal
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Invalid
from dispatch.people.models import Person
from dispatch.texts import N_, Sentence

log = logs.logger(__name__)

_RUN = re.compile(r"([0-9A-Za-z]{3,8})(?:\s*-\s*([0-9A-Za-z]{3,8}))?")
_MOST, _LONGEST = 50, 120
_NOT_A_PLACE = N_("%(line)s is no place: write 9400, 9400-9409, Ninove, or Kerkstraat, 9400.")
_NOT_A_RUN = N_("%(line)s is no postcode: write 9400, or 9400-9409.")
_TOO_MANY = N_("Write at most %(most)s lines.")


@dataclass(frozen=True)
class Spot:
    """Where something happened."""

    postcode: str = ""
    municipality: str = ""
    address: str = ""


@dataclass(frozen=True)
class Places:
    """What somebody has said of places, line by line."""

    ties: tuple[str, ...] = ()
    """Where they know people: they are not called there."""
    home: tuple[str, ...] = ()
    """Where they live, as runs of postcodes."""

    @property
    def asks_for_street(self) -> bool:
        """Whether it takes more than postcode and municipality to tell."""
        return any("," in line for line in self.ties)

    def tied(self, spot: Spot) -> bool:
        """Return whether they know people there."""
        return any(_lies_in(line, spot) for line in self.ties)

    def near(self, spot: Spot) -> bool:
        """Return whether they live there."""
        return any(_in_run(line, spot.postcode) for line in self.home)


def _lies_in(line: str, spot: Spot) -> bool:
    street, comma, rest = line.rpartition(",")
    if comma:
        return bool(spot.address) and _plain(street) in _plain(spot.address) and _is(rest, spot)
    return _is(line, spot)


def _is(line: str, spot: Spot) -> bool:
    return _in_run(line, spot.postcode) or _plain(line) == _plain(spot.municipality)


def _in_run(line: str, postcode: str) -> bool:
    found = _RUN.fullmatch(line.strip())
    if found is None or not postcode or not _has_digit(line):
        return False
    first, last = found[1], found[2] or found[1]
    return len(first) == len(postcode) and first <= postcode <= last


def _plain(text: str) -> str:
    return " ".join(text.replace(".", " ").casefold().split())


def _has_digit(line: str) -> bool:
    return any(sign.isdigit() for sign in line)


def of(session: Session, person: Person) -> Places:
    """Return what somebody has said; nothing where it cannot be opened."""
    if not person.sealed_places:
        return Places()
    try:
        text = seal.unseal(session, person.organisation_id, _place(person), person.sealed_places)
    except seal.Unsealable:
        log.error("places_unreadable", person=person.id)
        return Places()
    held = json.loads(text)
    return Places(tuple(held["ties"]), tuple(held["home"]))


def keep(
    session: Session, person: Person, ties: str, home: str, actor: Actor, now: datetime
) -> None:
    """Keep what somebody says, a place on each line.

    Raises Invalid with what cannot be read, by `ties` and `home`.
    """
    found = Places(_lines(ties, "ties"), _lines(home, "home"))
    for line in found.ties:
        if not all(map(_plain, line.split(","))):
            told = Sentence(_NOT_A_PLACE, line=line)
            raise Invalid(told, ties=told)
    for line in found.home:
        if _RUN.fullmatch(line) is None or not _has_digit(line):
            told = Sentence(_NOT_A_RUN, line=line)
            raise Invalid(told, home=told)
    text = json.dumps({"ties": found.ties, "home": found.home})
    owner = person.organisation_id
    said = found.ties or found.home
    person.sealed_places = seal.seal(session, owner, _place(person), text) if said else ""
    session.flush()
    audit.record(session, actor, "places.changed", f"person:{person.id}", {}, now)


def _lines(text: str, field: str) -> tuple[str, ...]:
    lines = tuple(dict.fromkeys(" ".join(line.split()) for line in text.splitlines()))
    lines = tuple(line for line in lines if line)
    if len(lines) > _MOST or any(len(line) > _LONGEST for line in lines):
        told = Sentence(_TOO_MANY, most=_MOST)
        raise Invalid(told, **{field: told})
    return lines


def _place(person: Person) -> str:
    return f"person.sealed_places:{person.id}"
