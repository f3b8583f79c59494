"""A person's turns behind a secret address, for the person's own calendar.

Whoever knows the address sees when its owner is on duty and nothing else: no colleague, no number,
nothing of any incident. Programs poll when they like (some only daily), so the same rows always
give the same bytes: an entry carries the last change of its turn, never the present time, and a
turn taken away stays for 30 days as a cancelled entry, because programs keep what merely vanishes.
Where a colleague covers a part, what is left keeps uids of its own. Rules: RFC 5545 and 7986.

A courtesy copy: nothing depends on it being read. Headers and answers are for `web.feeds`.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import sqlalchemy as sa
from icalendar import Calendar, Event, vDuration, vText

from dispatch import audit
from dispatch.audit import Actor
from dispatch.calendars.models import CalendarAddress
from dispatch.db import Instant, Session
from dispatch.people.models import Person, Team
from dispatch.rota.models import Cover, Line, Shift
from dispatch.seal import hash_token, new_token
from dispatch.texts import N_, say

PAST, AHEAD = timedelta(days=60), timedelta(days=400)
#: How long a cancelled turn, or a revoked address, is still told.
REMEMBERED = timedelta(days=30)
_FETCHES_NOTED = timedelta(minutes=1)
_CALENDAR = N_("Duty of %(name)s")
_TURN = N_("On duty: %(team)s - %(line)s")
_COVER = N_("On duty: %(team)s - %(line)s (cover)")


@dataclass(frozen=True, slots=True)
class Feed:
    """What stands behind an address now."""

    body: bytes
    etag: str
    last_modified: datetime
    note_fetch: bool
    """Whether `fetched` should be called: the last one noted is a minute ago."""


def create_address(session: Session, person: Person, actor: Actor, now: datetime) -> str:
    """Make a new address, end the old one, and return the token, which is kept nowhere."""
    revoke(session, person, actor, now)
    token = new_token()
    session.add(CalendarAddress(person_id=person.id, token_hash=hash_token(token), created_at=now))
    session.flush()
    audit.record(session, actor, "calendar.address_made", f"person:{person.id}", {}, now)
    return token


def revoke(session: Session, person: Person, actor: Actor, now: datetime) -> None:
    """End the person's address; calendars that still ask are emptied, then told to give up."""
    address = standing(session, person.id)
    if address is not None:
        address.revoked_at = now
        session.flush()
        audit.record(session, actor, "calendar.address_revoked", f"person:{person.id}", {}, now)


def standing(session: Session, person_id: int) -> CalendarAddress | None:
    """Return the person's address that works, which also says when it was last fetched."""
    works = CalendarAddress.revoked_at.is_(None)
    query = sa.select(CalendarAddress).where(CalendarAddress.person_id == person_id, works)
    return session.scalars(query.order_by(CalendarAddress.id.desc())).first()


def fetched(session: Session, token: str, program: str, now: datetime) -> None:
    """Note when an address was fetched, and by which program as it calls itself."""
    session.execute(
        sa.update(CalendarAddress)
        .where(CalendarAddress.token_hash == hash_token(token))
        .values(fetched_at=now, fetched_by=_plain(program)[:80])
    )


def feed(session: Session, token: str, now: datetime) -> Feed | None:
    """Return the calendar behind an address, or None where there is none (any more)."""
    found = session.execute(_ADDRESS, {"token_hash": hash_token(token)}).one_or_none()
    if found is None:
        return None
    ended = min((at for at in (found.revoked_at, found.left_at) if at and at <= now), default=None)
    if ended is not None and ended + REMEMBERED <= now:
        return None
    # Whole days, so that the calendar does not change by the hour only because time passes.
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    made = _calendar(session, found, None if ended else today)
    return Feed(
        made.body,
        made.etag,
        made.changed_at or ended or found.created_at,
        found.fetched_at is None or found.fetched_at + _FETCHES_NOTED <= now,
    )


# --- From rows to entries.


_Row = sa.Row[*tuple[Any, ...]]


class _Entry(NamedTuple):
    starts_at: datetime
    uid: str
    ends_at: datetime
    sequence: int
    changed_at: datetime
    cancelled: bool
    summary: str


class _Made(NamedTuple):
    body: bytes
    etag: str
    changed_at: datetime | None


_person_id: sa.BindParameter[int] = sa.bindparam("person_id")
_from, _until = (sa.bindparam(name, type_=Instant()) for name in ("from_at", "until_at"))
_ADDRESS = (
    sa.select(
        CalendarAddress.token_hash,
        CalendarAddress.created_at,
        CalendarAddress.revoked_at,
        CalendarAddress.fetched_at,
        Person.id,
        Person.name,
        Person.language,
        Person.left_at,
    )
    .join(Person, Person.id == CalendarAddress.person_id)
    .where(CalendarAddress.token_hash == sa.bindparam("token_hash"))
)
_PLACES = sa.select(Line.id, Team.name, Line.name).join(Team, Team.id == Line.team_id)
_CHANGES = ("uid", "starts_at", "ends_at", "sequence", "changed_at", "cancelled_at")
_OWN = sa.select(Shift.line_id, *(getattr(Shift, name) for name in _CHANGES)).where(
    Shift.person_id == _person_id, Shift.ends_at > _from, Shift.starts_at < _until
)
_COVERED = (
    sa.select(Shift.uid.label("shift_uid"), *(getattr(Cover, name) for name in _CHANGES))
    .join(Shift, Shift.id == Cover.shift_id)
    .where(Shift.person_id == _person_id, Shift.ends_at > _from, Shift.starts_at < _until)
    .order_by(Cover.starts_at)
)
_COVERING = (
    sa.select(Shift.line_id, *(getattr(Cover, name) for name in _CHANGES))
    .join(Shift, Shift.id == Cover.shift_id)
    .where(Cover.person_id == _person_id, Cover.ends_at > _from, Cover.starts_at < _until)
)


_MARKS = sa.union_all(
    *(
        sa.select(sa.func.count(), sa.func.sum(table.sequence), sa.func.max(table.id)).where(own)
        for table, own in (
            (Shift, Shift.person_id == _person_id),
            (Cover, Cover.person_id == _person_id),
            (
                Cover,
                Cover.shift_id.in_(sa.select(Shift.id).where(Shift.person_id == _person_id)),
            ),
        )
    )
)
#: Calendars as last made, by all that they were made from. The rows are counted every time; rows
#: that did not change are not read again, because hundreds of programs ask for nothing new.
_made: dict[tuple[object, ...], _Made] = {}
_MADE_KEPT = 256


def _calendar(session: Session, owner: _Row, today: datetime | None) -> _Made:
    """Return the person's calendar on a day; without a day, the empty one."""
    domain = urlsplit(session.info["settings"].web.public_url).hostname or "dispatch"
    if today is None:
        return _rendered(owner, domain, [])
    places = {id_: (team, line) for id_, team, line in session.execute(_PLACES)}
    # Every change of a row raises its sequence, and no row is deleted before it is long past.
    marks = [tuple(row) for row in session.execute(_MARKS, {"person_id": owner.id})]
    state = (owner.token_hash, owner.name, owner.language, domain, today, str(places), str(marks))
    made = _made.get(state)
    if made is None:
        made = _rendered(owner, domain, sorted(_entries(session, owner, places, today)))
        if len(_made) >= _MADE_KEPT:
            _made.clear()
        _made[state] = made
    return made


def _entries(
    session: Session, owner: _Row, places: Mapping[int, tuple[str, str]], today: datetime
) -> Iterator[_Entry]:
    """Yield the person's own turns and those of others that the person covers."""
    window = {"person_id": owner.id, "from_at": today - PAST, "until_at": today + AHEAD}
    summary = cache(lambda text, line_id: _summary(owner.language, text, *places[line_id]))
    covers: dict[str, list[_Row]] = {}
    for row in session.execute(_COVERED, window):
        covers.setdefault(row.shift_uid, []).append(row)
    for row in session.execute(_OWN, window):
        pieces = _pieces(row, covers.get(row.uid, ()), summary(_TURN, row.line_id))
        yield from _recent(pieces, today)
    for row in session.execute(_COVERING, window):
        span = (row.starts_at, row.uid, row.ends_at)
        state = (row.sequence, row.changed_at, row.cancelled_at is not None)
        yield from _recent([_Entry(*span, *state, summary(_COVER, row.line_id))], today)


def _recent(entries: Iterable[_Entry], today: datetime) -> Iterator[_Entry]:
    for entry in entries:
        if not entry.cancelled or entry.changed_at >= today - REMEMBERED:
            yield entry


def _pieces(shift: _Row, covers: Sequence[_Row], summary: str) -> Iterator[_Entry]:
    """Yield what is left of a turn between its covers, and tombstones of what is not left.

    The piece at the turn's start has the turn's uid, every other one that of the turn and of the
    cover before it, so that a new cover renames nothing.
    """
    # Any change of the turn or of a cover may change any piece: each raises every sequence.
    sequence = shift.sequence + sum(cover.sequence + 1 for cover in covers)
    changed_at = max(row.changed_at for row in (shift, *covers))
    stand = [] if shift.cancelled_at else [row for row in covers if row.cancelled_at is None]
    begins = [(shift.uid, shift.starts_at), *((_after(shift, row), row.ends_at) for row in stand)]
    ends = [*(row.starts_at for row in stand), shift.ends_at]
    left = {
        uid: (begin, end)
        for (uid, begin), end in zip(begins, ends, strict=True)
        if begin < end and not shift.cancelled_at
    }
    told = [_after(shift, row) for row in covers if not _reached_end(shift, row)]
    for uid in [shift.uid, *told]:
        begin, end = left.get(uid, (shift.starts_at, shift.ends_at))
        yield _Entry(begin, uid, end, sequence, changed_at, uid not in left, summary)


def _after(shift: _Row, cover: _Row) -> str:
    return f"{shift.uid}-{cover.uid}"


def _reached_end(shift: _Row, cover: _Row) -> bool:
    """Whether nothing ever stood after the cover, so that there is nothing to take back."""
    moved = [row.sequence > (row.cancelled_at is not None) for row in (shift, cover)]
    return bool(cover.ends_at == shift.ends_at) and not any(moved)


# --- From entries to bytes.


def _summary(language: str, text: str, team: str, line: str) -> str:
    return say(language, text, team=_plain(team), line=_plain(line))


def _plain(text: str) -> str:
    """Replace what no calendar may hold: a stray line break would forge a property."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _rendered(owner: _Row, domain: str, entries: Sequence[_Entry]) -> _Made:
    opening = _opening(say(owner.language, _CALENDAR, name=_plain(owner.name)))
    body = b"".join([opening, *(_vevent(entry, domain) for entry in entries), _CLOSING])
    changed_at = max((entry.changed_at for entry in entries), default=None)
    return _Made(body, hashlib.sha256(body).hexdigest(), changed_at)


# Making an entry costs 0.2 ms, so a calendar of 400 is joined from what was made before.
@lru_cache(maxsize=20_000)
def _vevent(entry: _Entry, domain: str) -> bytes:
    event = Event()
    event.add("uid", f"{entry.uid}@{domain}")
    event.add("sequence", entry.sequence)
    event.add("dtstamp", entry.changed_at)
    event.add("last-modified", entry.changed_at)
    event.add("dtstart", entry.starts_at)
    event.add("dtend", entry.ends_at)
    event.add("summary", entry.summary)
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    event.add("class", "PRIVATE")
    # Being on call is not being busy: Outlook would refuse every meeting of a week on duty.
    event.add("transp", "TRANSPARENT")
    return bytes(event.to_ical())


def _opening(name: str) -> bytes:
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//Dispatch//Rota//EN")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("name", name)
    calendar.add("x-wr-calname", vText(name))
    calendar.add("refresh-interval", _REFRESH, parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", vDuration(_REFRESH))
    return bytes(calendar.to_ical()).removesuffix(_CLOSING)


_REFRESH = timedelta(minutes=15)
_CLOSING = b"END:VCALENDAR\r\n"
