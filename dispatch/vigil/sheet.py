"""Who is on duty in the coming week, with numbers, for the night when no screen works.

An organisation's sheet names everybody who will take turns in the teams that serve it, where nobody
will, and whom to ring then. It goes by mail every afternoon, and a few minutes after the last of
its changes; as plain text, with the same on paper attached. Numbers are personal data: only
addresses that an administrator has set get them, and each sending is recorded. Who may see which
number on a screen is for the screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
import sqlalchemy as sa

from dispatch import audit, logs, seal, texts
from dispatch.audit import ENGINE, Actor
from dispatch.channels.contract import DOCUMENT, Kind
from dispatch.db import Session
from dispatch.errors import Conflict, NotFound
from dispatch.outbox import queue
from dispatch.outbox.models import Purpose
from dispatch.outbox.queue import Draft, Recipient
from dispatch.paging.models import NobodyOnDuty
from dispatch.people import hours, phones
from dispatch.people.models import Organisation, Person, Service, Team
from dispatch.people.phones import Method
from dispatch.rota import attendance, duty
from dispatch.rota.days import local_day
from dispatch.rota.duty import Stretch, Turn
from dispatch.settings import Settings
from dispatch.texts import N_
from dispatch.vigil.models import SheetAddress, SheetSent

log = logs.logger(__name__)

DAYS = 7
#: When it goes every day, by the organisation's clock: somebody is still there to print it.
_DAILY = time(16, 0)
#: It goes once nothing has changed for so long.
QUIET = timedelta(minutes=5)
_VALID = timedelta(hours=12)
_LEAST_URGENT = 3
_WORD = N_("DUTY SHEET")
#: Inside the document, for it has nothing else with it.
_STYLE = """
body { font: 11pt/1.35 sans-serif; color: #000; background: #fff; margin: 12mm; }
h1 { font-size: 15pt; margin: 0; }
h2 { font-size: 12pt; margin: 6mm 0 1mm; }
p { margin: 1mm 0; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #888; padding: 1mm 2mm; text-align: left; vertical-align: top; }
tr { break-inside: avoid; }
.nobody { font-weight: bold; }
.numbers { white-space: nowrap; }
@page { margin: 10mm; }
@media print { body { margin: 0; } }
"""


@dataclass(frozen=True)
class Row:
    """A stretch of a line: who is on it, or nobody."""

    line: str
    begin: datetime
    end: datetime
    person_id: int | None
    name: str
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A team."""

    team_id: int
    team: str
    contact: str
    """Who answers outside its hours."""
    rows: tuple[Row, ...]
    beside: tuple[Row, ...]
    """Whom to ring when nobody of these answers."""


@dataclass(frozen=True)
class Sheet:
    """The whole of it."""

    organisation: str
    control_room: str
    zone: str
    begin: datetime
    end: datetime
    parts: tuple[Part, ...]


def make(session: Session, organisation: Organisation, day: date) -> Sheet:
    """Return an organisation's sheet from the beginning of a day on."""
    query = sa.select(Team).join(Service, Service.team_id == Team.id)
    mine = query.where(Service.organisation_id == organisation.id).order_by(Team.name, Team.id)
    zone = ZoneInfo(organisation.time_zone)
    begin = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=DAYS), time(), zone).astimezone(UTC)
    parts = tuple(part(session, team, begin, end) for team in session.scalars(mine))
    control_room = phones.spaced(organisation.control_room_phone)
    return Sheet(organisation.name, control_room, organisation.time_zone, begin, end, parts)


def part(session: Session, team: Team, begin: datetime, end: datetime) -> Part:
    """Return a team's part of a sheet."""
    planned = duty.duty_between(session, team, begin, end)
    windows = hours.expected_windows(team, begin, end)
    shown = [
        one
        for one in attendance.attended(session, planned)
        if isinstance(one, Turn) or _is_wanted(one, windows)
    ]
    beside = session.execute(
        sa.select(Person.id, Person.name)
        .join(NobodyOnDuty, NobodyOnDuty.person_id == Person.id)
        .where(NobodyOnDuty.team_id == team.id, Person.left_at.is_(None))
        .order_by(NobodyOnDuty.position)
    ).all()
    ids = {one.person_id for one in shown if isinstance(one, Turn)} | {row.id for row in beside}
    methods = phones.reachable(session, ids)
    numbers = {person_id: _numbers(session, found) for person_id, found in methods.items()}
    return Part(
        team.id,
        team.name,
        team.day_contact,
        tuple(_row(one, numbers, begin, end) for one in shown),
        tuple(Row("", begin, end, row.id, row.name, numbers[row.id]) for row in beside),
    )


def _is_wanted(one: Stretch, windows: Sequence[tuple[datetime, datetime]]) -> bool:
    """Tell whether somebody should be there."""
    return any(
        (one.from_at is None or one.from_at < end)
        and (one.until_at is None or one.until_at > begin)
        for begin, end in windows
    )


def _row(one: Stretch, numbers: dict[int, tuple[str, ...]], begin: datetime, end: datetime) -> Row:
    since, until = max(one.from_at or begin, begin), min(one.until_at or end, end)
    if isinstance(one, Turn):
        mine = numbers[one.person_id]
        return Row(one.line_name, since, until, one.person_id, one.person_name, mine)
    return Row(one.line_name, since, until, None, "", ())


def _numbers(session: Session, methods: Sequence[Method]) -> tuple[str, ...]:
    opened = (phones.open_address(session, one) for one in methods if one.kind.is_telephone)
    return tuple(phones.spaced(address) for address in opened if address is not None)


# --- as a letter ---


def letter(sheet: Sheet, language: str, templates: Path) -> str:
    """Return a mail: a subject, plain text, and the same for paper."""
    written = [_render(sheet, language, templates, name) for name in ("sheet.mail", "sheet.html")]
    zone = ZoneInfo(sheet.zone)
    days = texts.say(
        language,
        N_("%(organisation)s, %(begin)s to %(end)s"),
        organisation=sheet.organisation,
        begin=sheet.begin.astimezone(zone).date(),
        end=(sheet.end - timedelta(seconds=1)).astimezone(zone).date(),
    )
    subject = f"{texts.say(language, _WORD)}: {days}"
    return f"{subject}\n\n{written[0].strip()}\n{DOCUMENT}{written[1].strip()}\n"


def _render(sheet: Sheet, language: str, templates: Path, name: str) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates / "messages"),
        autoescape=name.endswith(".html"),
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(texts.catalogue(language), newstyle=True)  # type: ignore[attr-defined]
    zone = ZoneInfo(sheet.zone)

    def at(instant: datetime) -> str:
        return str(texts.worded(language, {"at": instant.astimezone(zone)})["at"])

    return environment.get_template(name).render(
        sheet=sheet, at=at, language=language, style=_STYLE
    )


# --- when it goes ---


def step(
    sent_at: datetime | None,
    sent: str,
    present: str,
    pending: str,
    pending_since: datetime | None,
    now: datetime,
    daily: datetime,
) -> str:
    """Say what to do: "send", "wait" (something has changed just now), or nothing ("").

    `present` is what the sheet sent last would say now, `daily` the last instant at which one goes.
    """
    if sent_at is None or sent_at < daily:
        return "send"
    if present == sent:
        return ""
    if present != pending or pending_since is None:
        return "wait"
    return "send" if now - pending_since >= QUIET else ""


def last_daily(zone: str, now: datetime) -> datetime:
    """Return the last instant at which a sheet goes every day."""
    local = now.astimezone(ZoneInfo(zone))
    today = datetime.combine(local.date(), _DAILY, local.tzinfo)
    return (today if today <= local else today - timedelta(days=1)).astimezone(UTC)


def organisations(session: Session) -> Sequence[Organisation]:
    """Return those that have set an address."""
    with_address = sa.select(SheetAddress.organisation_id)
    query = sa.select(Organisation).where(Organisation.id.in_(with_address))
    return session.scalars(query.order_by(Organisation.id)).all()


def is_news(session: Session, organisation: Organisation, now: datetime) -> bool:
    """Tell whether `look` would write anything: an alert may not wait until a sheet is made."""
    state = session.get(SheetSent, organisation.id)
    if state is None:
        return True
    does, present = _judge(session, organisation, state, now)
    return bool(does) or (present == state.digest and bool(state.pending))


def look(session: Session, organisation: Organisation, now: datetime) -> bool:
    """Send an organisation's sheet if it is time or it has changed; return whether it was."""
    state = session.get(SheetSent, organisation.id, with_for_update=True)
    if state is None:
        state = SheetSent(organisation_id=organisation.id, digest="", pending="")
        session.add(state)
    does, present = _judge(session, organisation, state, now)
    if does == "wait":
        state.pending, state.pending_since = present, now
    elif present == state.digest:
        state.pending, state.pending_since = "", None
    if does == "send":
        send(session, organisation, ENGINE, now)
    return does == "send"


def _judge(
    session: Session, organisation: Organisation, state: SheetSent, now: datetime
) -> tuple[str, str]:
    """Return what to do, and what the sheet sent last would say now."""
    present = ""
    if state.sent_at is not None:
        # As of the day on which it went: that a day has passed is no change.
        day = local_day(state.sent_at, organisation.time_zone)
        present = _digest(session, make(session, organisation, day))
    daily = last_daily(organisation.time_zone, now)
    since = state.pending_since
    # One in the future is from before the clock was set back.
    since = None if since is None or since > now else since
    return step(state.sent_at, state.digest, present, state.pending, since, now, daily), present


def send(session: Session, organisation: Organisation, actor: Actor, now: datetime) -> int:
    """Send an organisation's sheet to all its addresses; return how many."""
    settings: Settings = session.info["settings"]
    sheet = make(session, organisation, local_day(now, organisation.time_zone))
    text = letter(sheet, organisation.language, settings.templates_dir)
    found = [one for one in addresses(session, organisation.id) if _opens(session, one)]
    for one in found:
        address = address_of(session, one)
        to = Recipient(None, None, address, one.fingerprint, organisation.language)
        draft = Draft(
            kind=Kind.MAIL,
            purpose=Purpose.NOTICE,
            text=text,
            expires_at=now + _VALID,
            about=f"sheet:{one.uid}",
            priority=_LEAST_URGENT,
        )
        queue.put(session, organisation.id, to, draft, now)
    facts = {"addresses": [one.uid for one in found], "day": sheet.begin.isoformat()}
    audit.record(session, actor, "sheet.sent", f"organisation:{organisation.id}", facts, now)
    state = session.get(SheetSent, organisation.id) or SheetSent(organisation_id=organisation.id)
    state.digest, state.sent_at = _digest(session, sheet), now
    state.pending, state.pending_since = "", None
    session.add(state)
    session.flush()
    return len(found)


def _digest(session: Session, sheet: Sheet) -> str:
    # Keyed: what is only hashed can be guessed from numbers alone.
    return seal.fingerprint(session, repr(sheet))


# --- addresses ---


def addresses(session: Session, organisation_id: int) -> Sequence[SheetAddress]:
    """Return where an organisation's sheet goes."""
    query = sa.select(SheetAddress).where(SheetAddress.organisation_id == organisation_id)
    return session.scalars(query.order_by(SheetAddress.id)).all()


def address_of(session: Session, one: SheetAddress) -> str:
    """Return an address in clear."""
    return seal.unseal(session, one.organisation_id, _place(one.uid), one.sealed_address)


def _opens(session: Session, one: SheetAddress) -> bool:
    """Tell whether an address can be read: one that cannot keeps no other from its sheet."""
    try:
        address_of(session, one)
    except seal.Unsealable:
        log.error("sheet_address_unreadable", recipient=one.uid)
        return False
    return True


def add_address(
    session: Session, organisation: Organisation, address: str, actor: Actor, now: datetime
) -> SheetAddress:
    """Let the sheet go to an address as well.

    Raises Invalid for what is no mail address, Conflict for one that gets it already.
    """
    address = phones.mail_address(address)
    fingerprint = seal.fingerprint(session, address)
    if any(one.fingerprint == fingerprint for one in addresses(session, organisation.id)):
        sentence = N_("This address gets the sheet already.")
        raise Conflict(sentence)
    uid = seal.new_token()
    sealed = seal.seal(session, organisation.id, _place(uid), address)
    one = SheetAddress(
        uid=uid,
        organisation_id=organisation.id,
        sealed_address=sealed,
        fingerprint=fingerprint,
        added_at=now,
        added_by=actor.name,
    )
    session.add(one)
    session.flush()
    subject = f"organisation:{organisation.id}"
    audit.record(session, actor, "sheet.address_added", subject, {"address": uid}, now)
    return one


def remove_address(
    session: Session, organisation: Organisation, uid: str, actor: Actor, now: datetime
) -> None:
    """Send the sheet to an address no more; what is on its way there is taken back."""
    found = [one for one in addresses(session, organisation.id) if one.uid == uid]
    if not found:
        raise NotFound(N_("There is no such address."))
    session.delete(found[0])
    session.flush()
    queue.withdraw(session, [f"sheet:{uid}"], now)
    subject = f"organisation:{organisation.id}"
    audit.record(session, actor, "sheet.address_removed", subject, {"address": uid}, now)


def _place(uid: str) -> str:
    return f"sheet_address.sealed_address:{uid}"
