"""Villages: one officer with one phone each, where nothing happens but what a test brings about.

In the town nobody can say what becomes of one message: an answer takes back what is unsent, a newer
message stands for an older one, and calls to one phone wait for each other. Whatever has to happen
for certain happens in a village of its own.
"""

from datetime import date, timedelta

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.paging.models import NobodyOnDuty
from dispatch.people import phones
from dispatch.people.models import (
    Area,
    Certificate,
    Membership,
    MethodKind,
    Organisation,
    OrganisationKind,
    Person,
    Service,
    Team,
)
from dispatch.rota.models import Line, Shift
from dispatch.wiring import Parts

_DAY = timedelta(days=1)
_TOWN_CRIER = Actor("person", 1, "Ada")
#: What the small centre asks for at its only category.
_QUALIFICATION = 1


def found(parts: Parts, number: int) -> tuple[str, str]:
    """Add a village to the centre; return its postcode and its officer's phone."""
    postcode, phone = f"{9500 + number}", f"+32470{900_000 + number}"
    now, key = parts.clock.now(), f"village-{number}"
    with parts.store.write() as session:
        village = Organisation(
            key=key, name=key, kind=OrganisationKind.POLICE_ZONE, control_room_phone="+3254123456"
        )
        session.add(village)
        session.flush()
        of = {"organisation_id": village.id}
        officer = Person(name="The officer", created_at=now, language="en", **of)
        team = Team(key=key, name=key, function="victim_support", **of)
        session.add_all([officer, team, Service(team=team, **of)])
        session.add(Area(first_postcode=postcode, last_postcode=postcode, **of))
        session.flush()
        _on_duty(session, parts, officer, team)
        method = phones.add_method(session, officer, MethodKind.MOBILE, phone, _TOWN_CRIER, now)
        phones.verify(session, method, _TOWN_CRIER, now)
    return postcode, phone


def _on_duty(session: Session, parts: Parts, officer: Person, team: Team) -> None:
    now = parts.clock.now()
    line = Line(team_id=team.id, key="primary", name="primary", position=0)
    session.add(line)
    session.flush()
    session.add_all(
        [
            Membership(person_id=officer.id, team_id=team.id, from_on=date(2020, 1, 1)),
            Certificate(
                person_id=officer.id, qualification_id=_QUALIFICATION, issued_on=date(2025, 1, 1)
            ),
            NobodyOnDuty(team_id=team.id, person_id=officer.id),
            Shift(
                uid=f"shift-{team.key}",
                line_id=line.id,
                person_id=officer.id,
                starts_at=now - _DAY,
                ends_at=now + 7 * _DAY,
                changed_at=now,
            ),
        ]
    )
