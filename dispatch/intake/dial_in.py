"""Dialling in: a control room without webhook or screen reports an incident by pressing keys.

It calls, proves itself by digits, chooses the zone and the category, keys the number at which it
can be rung back, hears all of it once more and sends. What was keyed goes the way of every alert:
a delivery is kept, an incident opened, whoever is on duty is paged, all before the caller hears
that it was sent. What was keyed so far is carried by the call itself, sealed by the web; nothing is
kept in memory. A call sends once, however often its last step is repeated.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.errors import Invalid
from dispatch.incidents import catalogue, timeline
from dispatch.incidents.models import Category, Incident
from dispatch.intake import keyed, pins, receive
from dispatch.intake.models import Source
from dispatch.paging.calling_in import Turn
from dispatch.people import phones
from dispatch.people.models import Organisation, Service
from dispatch.texts import N_, say

_TRIES = 3
_MOST_ZONES = 9
_PIN = N_("This is Dispatch. Control rooms: key your digits, then the hash key.")
_WRONG_PIN = N_("These digits are not known.")
_ZONE = N_("Which zone?")
_PRESS = N_("%(number)s: %(name)s.")
_CATEGORY = N_("Key the number of the category, then the hash key.")
_NO_CATEGORY = N_("There is no such category.")
_UNCLASSIFIED = N_("not known")
_NUMBER = N_("Key the number at which whoever goes can ring you, then the hash key.")
_THIS_NUMBER = N_("For the number that you call from, key star, then the hash key.")
_NO_NUMBER = N_("This is no complete number.")
_READ_BACK = N_(
    "%(zone)s. Category: %(category)s. To be rung at: %(number)s. Press 1 to send. Press 2 to "
    "begin again."
)
_SENT = N_("Sent. Reference %(reference)s. Somebody is being called, and will ring you. Goodbye.")
_NOT_SENT = N_("It could not be sent. Ring whoever is on duty yourself, or call again.")
_ENDED = N_("Goodbye.")


def begin(session: Session) -> Turn:
    """Ask who reports; whoever has no digits learns nothing."""
    query = sa.select(Organisation.language).order_by(Organisation.id).limit(1)
    language = session.scalar(query) or "en"
    return Turn(say(language, _PIN), language, {"step": "pin", "tries": _TRIES}, digits=0)


def go_on(
    session: Session, call_id: str, caller: str, state: Mapping[str, Any], keys: str, now: datetime
) -> Turn:
    """Take in what was keyed and ask for what is missing, or send it."""
    if state["step"] == "pin":
        return _by_digits(session, caller, state, keys, now)
    source = session.get(Source, state["source"])
    if source is None or source.pin_digest is None:
        # The digits were taken away meanwhile.
        return Turn(say("en", _ENDED), "en")
    return _Desk(session, source, caller, dict(state)).take(call_id, keys, now)


def _by_digits(
    session: Session, caller: str, state: Mapping[str, Any], keys: str, now: datetime
) -> Turn:
    source = pins.of(session, keys, caller, now)
    if source is not None:
        return _Desk(session, source, caller, {"source": source.id}).zone()
    again, left = begin(session), int(state["tries"]) - 1
    wrong = say(again.language, _WRONG_PIN)
    if not left:
        return Turn(wrong, again.language)
    return Turn(f"{wrong} {again.text}", again.language, {"step": "pin", "tries": left}, digits=0)


class _Desk:
    """One report by telephone, as far as it has come."""

    def __init__(
        self, session: Session, source: Source, caller: str, state: dict[str, Any]
    ) -> None:
        self._session, self._source, self._caller, self._state = session, source, caller, state
        self._language = source.organisation.language

    def take(self, call_id: str, keys: str, now: datetime) -> Turn:
        """Take in what was keyed at the present step."""
        match self._state["step"]:
            case "zone":
                return self._zone_keyed(keys)
            case "category":
                return self._category_keyed(keys)
            case "number":
                return self._number_keyed(keys)
            case _ if keys == "1":
                return self._send(call_id, now)
            case _ if keys == "2":
                return self.zone()
            case _:
                return self._read_back()

    def zone(self) -> Turn:
        """Ask which zone, where there is more than one."""
        zones = self._zones()
        if len(zones) == 1:
            self._state["zone"] = zones[0].key
            return self._category()
        offered = [
            say(self._language, _PRESS, number=number, name=zone.name)
            for number, zone in enumerate(zones, 1)
        ]
        return self._asked("zone", " ".join((say(self._language, _ZONE), *offered)), digits=1)

    def _zones(self) -> list[Organisation]:
        """Return whom the source's team serves; its own organisation where that is nobody."""
        query = (
            sa.select(Organisation)
            .join(Service, Service.organisation_id == Organisation.id)
            .where(Service.team_id == self._source.default_team_id)
            .order_by(Organisation.id != self._source.organisation_id, Organisation.name)
            .limit(_MOST_ZONES)
        )
        return list(self._session.scalars(query)) or [self._source.organisation]

    def _zone_keyed(self, keys: str) -> Turn:
        zones = self._zones()
        if not keys.isdecimal() or not 1 <= int(keys) <= len(zones):
            return self.zone()
        self._state["zone"] = zones[int(keys) - 1].key
        return self._category()

    def _category(self, before: str = "") -> Turn:
        offered = [(0, say(self._language, _UNCLASSIFIED))]
        offered += [
            (one.number, catalogue.name(one, self._language))
            for one in catalogue.in_use(self._session)
        ]
        read = [say(self._language, _PRESS, number=number, name=name) for number, name in offered]
        words = [before, say(self._language, _CATEGORY), *read]
        return self._asked("category", " ".join(words).strip(), digits=0)

    def _category_keyed(self, keys: str) -> Turn:
        number = int(keys) if keys.isdecimal() and len(keys) < 5 else -1
        known = {one.number: one.key for one in catalogue.in_use(self._session)}
        if number and number not in known:
            return self._category(say(self._language, _NO_CATEGORY))
        self._state["category"] = known.get(number, "")
        return self._number()

    def _number(self, before: str = "") -> Turn:
        words = [before, say(self._language, _NUMBER)]
        words += [say(self._language, _THIS_NUMBER)] if self._caller else []
        return self._asked("number", " ".join(words).strip(), digits=0)

    def _number_keyed(self, keys: str) -> Turn:
        try:
            given = self._caller if keys == "*" else keys
            self._state["number"] = phones.e164(given, self._source.organisation.country)
        except Invalid:
            return self._number(say(self._language, _NO_NUMBER))
        return self._read_back()

    def _read_back(self) -> Turn:
        query = sa.select(Category).where(Category.key == self._state["category"])
        category = self._session.scalars(query).one_or_none()
        zone = sa.select(Organisation.name).where(Organisation.key == self._state["zone"])
        text = say(
            self._language,
            _READ_BACK,
            zone=self._session.scalars(zone).one(),
            category=catalogue.name(category, self._language) or say(self._language, _UNCLASSIFIED),
            number=" ".join(self._state["number"].lstrip("+")),
        )
        return self._asked("confirm", text, digits=1)

    def _asked(self, step: str, text: str, digits: int) -> Turn:
        return Turn(text, self._language, {**self._state, "step": step}, digits)

    def _note(self, reference: str, now: datetime) -> None:
        """Let whoever looks know why nothing but this was reported, and that somebody waits."""
        query = sa.select(Incident).where(Incident.reference == reference)
        incident, sender = self._session.scalars(query).one(), receive.actor(self._source)
        timeline.add(self._session, incident, "dialled_in", sender, now, source=sender.name)

    def _send(self, call_id: str, now: datetime) -> Turn:
        body = keyed.document(*(self._state[name] for name in ("zone", "category", "number")))
        sent = receive.Request(f"call-{call_id}", keyed.CONTENT_TYPE, body)
        answer = receive.take_in(self._session, self._source, receive.prepare(sent, now), now)
        if answer.status != 202:
            return Turn(say(self._language, _NOT_SENT), self._language)
        reference = str(json.loads(answer.body)["reference"])
        self._note(reference, now)
        spelled = " ".join(reference.replace("-", ""))
        return Turn(say(self._language, _SENT, reference=spelled), self._language)
