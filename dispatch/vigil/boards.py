"""Whether anybody would hear the console; where nobody would, the control room's phone rings.

A board says three times a minute that it is open and whether its browser lets it sound. The alarms
of an organisation that has no such board are rung: at once, anew for whatever is added, and every
few minutes until somebody has seen them. One call says them all: whoever picks up goes to the
board.
What is wrong with the centre itself is rung only where no alert would come in or go out, and the
supplier still works.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dispatch import logs, seal, texts
from dispatch.channels.contract import Kind
from dispatch.db import Base, Session
from dispatch.incidents.models import Alarm, Incident
from dispatch.intake.models import Delivery, Source
from dispatch.outbox import queue
from dispatch.outbox.models import Message, Purpose
from dispatch.outbox.queue import Draft, Recipient
from dispatch.people.models import Organisation
from dispatch.texts import N_
from dispatch.vigil.models import ConsoleCall, OpenBoard, Trouble, Wrong

log = logs.logger(__name__)

#: A board that has said nothing for so long is asleep or cut off. A browser lets a hidden one speak
#: once a minute.
HEARD = timedelta(seconds=75)
#: What is added is rung once the call before has been heard; what stays unseen, a while later.
_ADDED, _AGAIN = timedelta(minutes=1), timedelta(minutes=4)
#: However long nobody opens a board, a control room is rung no more often about the same.
_CALLS_AN_HOUR = 5
_HOUR = timedelta(hours=1)
_RUNG = (Trouble.WEB, Trouble.OVERDUE, Trouble.SOURCE, Trouble.COVER)

_CALL = N_(
    "CONSOLE. This is Dispatch. Something needs you, and no board is open that can sound. Open the "
    "board."
)


def report(
    session: Session, tab: str, organisation_ids: Collection[int], sounds: bool, now: datetime
) -> None:
    """Note that a board is open, and whether it can sound."""
    session.execute(sa.delete(OpenBoard).where(OpenBoard.at < now - _HOUR))
    table = Base.metadata.tables[OpenBoard.__tablename__]
    kind = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    changed = {"sounds": sounds, "at": now}
    for organisation_id in sorted(organisation_ids):
        row = {"tab": tab, "organisation_id": organisation_id} | changed
        statement = kind.insert(table).values(row)
        key = ["tab", "organisation_id"]
        session.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))


def heard(session: Session, now: datetime) -> set[int]:
    """Return the organisations of which a board is open that can sound.

    While no web process lives, no board hears of anything, whatever it said a moment ago.
    """
    cut_off = sa.exists().where(Wrong.ended_at.is_(None), Wrong.trouble == Trouble.WEB)
    query = sa.select(OpenBoard.organisation_id).where(
        OpenBoard.sounds, OpenBoard.at > now - HEARD, OpenBoard.at <= now + HEARD, ~cut_off
    )
    return set(session.scalars(query.distinct()))


def unseen(session: Session) -> dict[int, set[str]]:
    """Return what sounds on the console, by organisation."""
    found: dict[int, set[str]] = {}
    alarms = (
        sa.select(Incident.organisation_id, Alarm.id)
        .join(Incident, Incident.id == Alarm.incident_id)
        .where(Alarm.ended_at.is_(None), Alarm.acknowledged_at.is_(None))
    )
    for organisation_id, alarm_id in session.execute(alarms):
        found.setdefault(organisation_id, set()).add(f"alarm:{alarm_id}")
    # Apart, for only so each is found by its index: most deliveries want nobody.
    clashed = Delivery.clashes > sa.literal_column("0")
    deliveries = sa.union(
        *(
            sa.select(Source.organisation_id, Delivery.id)
            .join(Source, Source.id == Delivery.source_id)
            .where(Delivery.seen_at.is_(None), waits)
            for waits in (Delivery.due_at.is_not(None), clashed)
        )
    )
    for organisation_id, delivery_id in session.execute(deliveries):
        found.setdefault(organisation_id, set()).add(f"delivery:{delivery_id}")
    wrong = sa.select(Wrong.organisation_id, Wrong.id).where(
        Wrong.ended_at.is_(None), Wrong.seen_at.is_(None), Wrong.trouble.in_(_RUNG)
    )
    for whose, wrong_id in session.execute(wrong).all():
        everybody = session.scalars(sa.select(Organisation.id)) if whose is None else (whose,)
        for organisation_id in everybody:
            found.setdefault(organisation_id, set()).add(f"wrong:{wrong_id}")
    return found


def must_ring(
    alarms: Collection[str], last: Collection[str], ago: timedelta | None, calls: int
) -> bool:
    """Tell whether to ring about alarms nobody has seen.

    `last` is what the last call was about, `ago` how long ago that was, `calls` how many there were
    within the hour.
    """
    if not alarms or ago is None:
        return bool(alarms)
    if set(alarms) - set(last):
        return ago >= _ADDED
    return ago >= _AGAIN and calls < _CALLS_AN_HOUR


def is_news(session: Session, now: datetime) -> bool:
    """Tell whether `ring` might have to do something; while nothing sounds it costs one look."""
    return bool(unseen(session).keys() - heard(session, now))


def ring(session: Session, now: datetime) -> int:
    """Ring every control room whose alarms nobody would hear; return how many."""
    unheard = {key: one for key, one in unseen(session).items() if key not in heard(session, now)}
    rung = 0
    for organisation_id, alarms in sorted(unheard.items()):
        organisation = session.get_one(Organisation, organisation_id)
        last = session.get(ConsoleCall, organisation_id, with_for_update=True)
        # One in the future is from before the clock was set back: nobody knows how long ago.
        ago = now - last.at if last is not None and last.at <= now + _ADDED else None
        calls = _calls(session, organisation_id, now)
        if not must_ring(alarms, last.alarms if last is not None else (), ago, calls):
            continue
        if last is None:
            last = ConsoleCall(organisation_id=organisation_id)
            session.add(last)
        last.at, last.alarms = now, sorted(alarms)
        if organisation.control_room_phone:
            _call(session, organisation, now)
            rung += 1
        else:
            log.error("nobody_hears", organisation=organisation_id, alarms=len(alarms))
    session.flush()
    return rung


def _calls(session: Session, organisation_id: int, now: datetime) -> int:
    """Count the calls of the last hour."""
    query = sa.select(sa.func.count()).select_from(Message)
    mine = Message.about == _about(organisation_id)
    return session.scalar(query.where(mine, Message.created_at > now - _HOUR)) or 0


def _about(organisation_id: int) -> str:
    return f"console:{organisation_id}"


def _call(session: Session, organisation: Organisation, now: datetime) -> None:
    number, language = organisation.control_room_phone, organisation.language
    to = Recipient(None, None, number, seal.fingerprint(session, number), language)
    draft = Draft(
        kind=Kind.CALL,
        purpose=Purpose.CONTROL_ROOM,
        text=texts.say(language, _CALL),
        expires_at=now + _AGAIN,
        about=_about(organisation.id),
        priority=1,
    )
    queue.put(session, organisation.id, to, draft, now)
