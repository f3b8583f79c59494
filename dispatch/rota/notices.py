"""Telling people by text, and by mail where it is asked for, what became of their turns.

A text begins with its kind, so that nobody takes it for a call-out, and says nothing of incidents.
What touches the next two days goes at once, whatever the hour: somebody might not turn up. All else
waits for the day. Who has no phone that takes texts gets a mail; who has neither is left to the
screens.
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
from dispatch.people.models import MethodKind, Team
from dispatch.people.phones import Method
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
    mail: bool = False,
) -> int:
    """Text a sentence to people, each in their language; return how many can be told.

    `touches` is the first instant that it is about; None: it can wait for the day. `place` is the
    screen that the link opens, below the centre's address. `mail`: by mail as well as by text.
    """
    urgent = touches is not None and touches < now + SOON
    at = now if urgent else by_day(team, now)
    settings: Settings = session.info["settings"]
    told = 0
    for methods in phones.reachable(session, person_ids).values():
        text = next((method for method in methods if method.texts), None)
        letter = next((method for method in methods if method.kind is MethodKind.MAIL), None)
        by_mail = bool(settings.mail.host) and (mail or text is None)
        sent = [
            _put(session, method, sentence, now, at=at, urgent=urgent, about=about, place=place)
            for method in (text, letter if by_mail else None)
            if method is not None
        ]
        told += any(sent)
    return told


def _put(
    session: Session,
    method: Method,
    sentence: Sentence,
    now: datetime,
    *,
    at: datetime,
    urgent: bool,
    about: str,
    place: str,
) -> bool:
    """Put a notice into the outbox; False if the address does not open."""
    address, person = phones.open_address(session, method), method.person
    if address is None:
        return False
    draft = Draft(
        kind=Kind.MAIL if method.kind is MethodKind.MAIL else Kind.SMS,
        purpose=Purpose.NOTICE,
        text=_written(session, method, sentence, place),
        expires_at=at + _VALID,
        about=about,
        priority=_URGENT if urgent else _QUIET,
        not_before=at,
    )
    to = Recipient(person.id, method.id, address, method.fingerprint, person.language)
    queue.put(session, person.organisation_id, to, draft, now)
    return True


def _written(session: Session, method: Method, sentence: Sentence, place: str) -> str:
    """Return what somebody reads: one line and the link, or a subject with both below it."""
    settings: Settings = session.info["settings"]
    language = method.person.language
    said = texts.say(language, sentence.text, **sentence.facts)
    line = f"{texts.say(language, _WORD)}: {said}"
    link = f"{settings.web.public_url}/{place}"
    if method.kind is MethodKind.MAIL:
        return f"{line}\n\n{said}\n{link}\n"
    return segments.plain(f"{line} {link}" if settings.paging.send_link else line)


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
