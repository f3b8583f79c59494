"""Telling people by text what became of their turns.

A text begins with its kind, so that nobody takes it for a call-out, and says nothing of incidents.
What touches the next two days goes at once, whatever the hour: somebody might not turn up. All else
waits for the day. Who has no phone that takes texts is left to the screens.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dispatch import texts
from dispatch.channels import segments
from dispatch.channels.contract import Kind
from dispatch.db import Session
from dispatch.outbox import queue
from dispatch.outbox.models import Purpose
from dispatch.outbox.queue import Draft, Recipient
from dispatch.people import phones
from dispatch.people.models import Team
from dispatch.settings import Settings
from dispatch.texts import N_, Sentence

#: What happens within so long is told at once.
SOON = timedelta(hours=48)
#: When else people may be texted, by the team's clock.
DAY = (time(8, 0), time(20, 0))

_WORD = N_("ROTA")
_VALID = timedelta(hours=8)
#: A call-out goes before any of these.
_URGENT, _QUIET = 2, 3


def tell(
    session: Session,
    team: Team,
    person_ids: Iterable[int],
    sentence: Sentence,
    now: datetime,
    *,
    touches: datetime | None = None,
    about: str = "",
    place: str = "turns",
) -> int:
    """Text a sentence to people, each in their language; return how many can be texted.

    `touches` is the first instant that it is about; None: it can wait for the day. `place` is the
    screen that the link opens, below the centre's address.
    """
    urgent = touches is not None and touches < now + SOON
    at = now if urgent else by_day(team, now)
    settings: Settings = session.info["settings"]
    link = f" {settings.web.public_url}/{place}" if settings.paging.send_link else ""
    told = 0
    for methods in phones.reachable(session, person_ids).values():
        method = next((method for method in methods if method.texts), None)
        address = phones.open_address(session, method) if method is not None else None
        if method is None or address is None:
            continue
        told += 1
        person = method.person
        said = texts.say(person.language, sentence.text, **sentence.facts)
        draft = Draft(
            kind=Kind.SMS,
            purpose=Purpose.NOTICE,
            text=segments.plain(f"{texts.say(person.language, _WORD)}: {said}{link}"),
            expires_at=at + _VALID,
            about=about,
            priority=_URGENT if urgent else _QUIET,
            not_before=at,
        )
        to = Recipient(person.id, method.id, address, method.fingerprint, person.language)
        queue.put(session, person.organisation_id, to, draft, now)
    return told


def requests(team: Team) -> str:
    """Return the place where whoever plans a team answers what waits for them."""
    return f"rota/{team.key}/requests"


def by_day(team: Team, now: datetime) -> datetime:
    """Return `now`, or else the next instant at which people of the team may be texted."""
    begins, ends = DAY
    local = now.astimezone(ZoneInfo(team.time_zone))
    if begins <= local.time() < ends:
        return now
    day = local.date() if local.time() < begins else local.date() + timedelta(days=1)
    return datetime.combine(day, begins, local.tzinfo).astimezone(UTC)
