"""What speaks for or against people in one case: wishes, ties, other call-outs, rest, distance.

Gathered at the moment of paging for `ranking` to judge. What a case or a person does not have costs
no statement: languages, places and the last seat taken come with the person's own row, and only
whoever took a seat lately is looked up.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dispatch import logs, seal
from dispatch.db import Session
from dispatch.incidents import timeline
from dispatch.incidents.models import Incident, IncidentStatus, Want
from dispatch.paging import bars, telling, wishes
from dispatch.paging.models import UNFINISHED, Assignment, Callout, Release
from dispatch.paging.ranking import NOTHING_KNOWN, Circumstances
from dispatch.people import places
from dispatch.people.models import Person
from dispatch.people.places import Spot

log = logs.logger(__name__)

#: A seat that nobody has ended by then was forgotten: it keeps nobody busy.
_FORGOTTEN = timedelta(hours=24)
_CLOSED, _OTHER_SIDE = {"kind": "closed"}, {"kind": "other_side"}


class Case:
    """One want of one incident as people are measured by it, looked up once.

    `address` comes from a form, of which nothing is sealed yet; else the incident's own is opened.
    """

    def __init__(
        self, session: Session, want: Want, now: datetime, address: str | None = None
    ) -> None:
        self._session, self._want, self._now, self._address = session, want, now, address
        self._incident = want.incident
        self._wishes = wishes.understood(self._incident.wishes)
        self._rest = timedelta(minutes=telling.settings(session).paging.rest_minutes)
        self._others: bars.Others | None = None
        self._there: tuple[set[int], set[int]] | None = None

    def of(self, people: Mapping[int, Person]) -> dict[int, Circumstances]:
        """Return what speaks for or against each of these people."""
        since = self._now - max(_FORGOTTEN, self._rest)
        went = [one.id for one in people.values() if one.went_at and one.went_at > since]
        out = self._out(went, since) if went else {}
        return {person_id: self._one(person, out) for person_id, person in people.items()}

    def _one(self, person: Person, out: Mapping[int, tuple[str, datetime]]) -> Circumstances:
        barred, beyond = self._barred(person.id), person.id in self._beyond()[1]
        if not (self._wishes or person.sealed_places or person.id in out or barred or beyond):
            return NOTHING_KNOWN
        said = places.of(self._session, person)
        if barred is None and said.ties and said.tied(self._where(said.asks_for_street)):
            # Told as any other bar: which place it is would tell of their own life.
            barred = _CLOSED
        kind, at = out.get(person.id, ("", self._now))
        return Circumstances(
            barred=barred,
            answers=wishes.answers(
                self._wishes, (person.language, *(person.languages or ())), person.gender
            ),
            busy=at.isoformat() if kind == "busy" else None,
            rests=at.isoformat() if kind == "rests" else None,
            beyond=beyond,
            near=bool(said.home) and said.near(self._where(street=False)),
        )

    def barred(self, person_id: int) -> Mapping[str, Any] | None:
        """Return why a case is closed to somebody of whom nothing else is known."""
        return self._barred(person_id)

    def _barred(self, person_id: int) -> Mapping[str, Any] | None:
        if bars.is_barred(self._incident, person_id, self._linked()):
            return _CLOSED
        return _OTHER_SIDE if person_id in self._beyond()[0] else None

    def _linked(self) -> bars.Others:
        if self._others is None:
            incident = self._incident
            # What was opened in this transaction is linked with nothing yet.
            is_new = not sa.inspect(incident).has_identity or incident.received_at == self._now
            self._others = bars.ALONE if is_new else bars.others_of(self._session, incident)
        return self._others

    def _beyond(self) -> tuple[set[int], set[int]]:
        """Return who goes to another side of the case, and who is only asked to."""
        if self._there is None:
            asked = self._session, self._want, self._linked()
            self._there = bars.other_side(*asked), bars.asked_beyond(*asked)
        return self._there

    def _where(self, street: bool) -> Spot:
        """Return where it happened; the street is sealed, and opened only for whoever names one."""
        incident = self._incident
        if street and self._address is None:
            self._address = self._own_address()
        return Spot(incident.postcode or "", incident.municipality or "", self._address or "")

    def _own_address(self) -> str:
        try:
            facts = timeline.unseal_json(self._session, self._incident, "sealed_facts")
        except seal.Unsealable:
            # What cannot be read may keep nobody from being called.
            log.error("facts_unreadable", incident=self._incident.reference)
            return ""
        return str(facts.get("place", {}).get("address", ""))

    def _out(self, went: list[int], since: datetime) -> dict[int, tuple[str, datetime]]:
        """Return who is on another call-out, or came back from one, and since when."""
        query = (
            sa.select(
                Assignment.person_id,
                Assignment.status,
                Assignment.accepted_at,
                Assignment.done_at,
                Incident.status.label("then"),
                Incident.closed_at,
            )
            .join(Callout, Callout.id == Assignment.callout_id)
            .join(Incident, Incident.id == Callout.incident_id)
            .where(Assignment.person_id.in_(went), Assignment.accepted_at > since)
            .where(Assignment.released_why.is_distinct_from(Release.WITHDREW))
            .where(Assignment.released_why.is_distinct_from(Release.DISPATCHER))
            .where(Incident.drill.is_(False), Callout.cancelled_at.is_(None))
        )
        if sa.inspect(self._incident).has_identity:
            query = query.where(Incident.id != self._incident.id)
        found: dict[int, tuple[str, datetime]] = {}
        for row in self._session.execute(query.order_by(Assignment.accepted_at)):
            if row.status in UNFINISHED and row.then is IncidentStatus.OPEN:
                found[row.person_id] = ("busy", row.accepted_at)
                continue
            back_at = row.done_at or row.closed_at
            rests = back_at is not None and back_at + self._rest > self._now
            if rests and found.get(row.person_id, ("",))[0] != "busy":
                found[row.person_id] = ("rests", back_at)
        return found
