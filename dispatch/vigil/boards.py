"""Whether anybody would hear the console; where nobody would, the control room's phone rings.

A board says three times a minute that it is open and whether its browser lets it sound. The alarms
of an organisation that has no such board are rung: at once, anew for whatever is added, and every
few minutes until somebody has seen them. One call says them all: whoever picks up goes to the
board.
What is wrong with the centre itself is rung only where no alert would come in or go out. What no
board shows and no call brings is told outside. Who rings while no engine lives is `standing_in`.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dispatch import audit, logs, seal, texts
from dispatch.audit import Actor
from dispatch.channels.contract import Kind, State
from dispatch.db import Base, Session
from dispatch.incidents.models import Alarm, Incident
from dispatch.intake.models import Delivery, Source
from dispatch.outbox import queue
from dispatch.outbox.models import Message, Purpose
from dispatch.outbox.queue import Draft, Recipient
from dispatch.people.models import Organisation
from dispatch.texts import N_
from dispatch.vigil.judging import Found
from dispatch.vigil.models import ConsoleCall, OpenBoard, Trouble, Wrong

log = logs.logger(__name__)

#: A board that has said nothing for so long is asleep or cut off. A browser lets a hidden one speak
#: once a minute.
HEARD = timedelta(seconds=75)
#: What is added is rung once the call before has been heard; what stays unseen, a while later.
_ADDED, _AGAIN = timedelta(minutes=1), timedelta(minutes=4)
#: However long nobody opens a board, a control room that picks up is rung no more often about the
#: same.
_CALLS_AN_HOUR = 5
_HOUR = timedelta(hours=1)
_RUNG = (Trouble.WEB, Trouble.OVERDUE, Trouble.SOURCE, Trouble.COVER, Trouble.CHECK_IN)
#: A call that has not left by then leaves nobody, or not in time.
_LEAVES = timedelta(seconds=15)

_CALL = N_(
    "CONSOLE. This is Dispatch. Something needs you, and no board is open that can sound. Open the "
    "board."
)
_NO_WEB = N_(
    "CONSOLE. This is Dispatch. The web server does not run: no alert comes in and no board opens. "
    "Have it started, and ring whoever is on duty yourself."
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


def needing(session: Session, now: datetime) -> dict[int, set[str]]:
    """Return what needs each control room where nobody would hear it, as `by_room`."""
    hear = heard(session, now)
    found = {key: one for key, one in unseen(session).items() if key not in hear}
    return by_room(session, found) if found else {}


def by_room(session: Session, needs: Mapping[int, set[str]]) -> dict[int, set[str]]:
    """Put together what needs the same control room, by the first organisation that has it.

    One room often serves several: its telephone must ring once, not be engaged by ourselves.
    """
    first: dict[str, int] = {}
    rooms: dict[int, set[str]] = {}
    columns = sa.select(Organisation.id, Organisation.control_room_phone)
    for key, number in session.execute(columns.order_by(Organisation.id)):
        room = first.setdefault(number, key) if number else key
        if key in needs:
            rooms.setdefault(room, set()).update(needs[key])
    return rooms


def must_ring(
    alarms: Collection[str],
    last: Collection[str],
    ago: timedelta | None,
    calls: int,
    *,
    failed: bool = False,
) -> bool:
    """Tell whether to ring about alarms nobody has seen.

    `last` is what the last call was about, `ago` how long ago that was, `failed` whether nobody
    picked it up, `calls` how many there were within the hour.
    """
    if not alarms or ago is None:
        return bool(alarms)
    if set(alarms) - set(last):
        return ago >= _ADDED
    if failed:
        return ago >= (_ADDED if calls < _CALLS_AN_HOUR else _AGAIN)
    return ago >= _AGAIN and calls < _CALLS_AN_HOUR


def is_news(session: Session, now: datetime) -> bool:
    """Tell whether `ring` might have to do something; while nothing sounds it costs one look."""
    return bool(needing(session, now))


def ring(
    session: Session,
    needs: Mapping[int, Collection[str]],
    by: Actor,
    now: datetime,
    said: Mapping[int, str] | None = None,
) -> int:
    """Ring the control rooms of what needs them, each when it is time to; return how many.

    `needs` and `said`, the words to use, as `by_room`.
    """
    rung = 0
    for organisation_id, alarms in sorted(needs.items()):
        organisation = session.get_one(Organisation, organisation_id)
        last = session.get(ConsoleCall, organisation_id, with_for_update=True)
        # One in the future is from before the clock was set back: nobody knows how long ago.
        ago = now - last.at if last is not None and last.at <= now + _ADDED else None
        known = last.alarms if last is not None else ()
        calls, failed = _calls(session, organisation_id, now), _failed(session, organisation_id)
        if not must_ring(alarms, known, ago, calls, failed=failed):
            continue
        if last is None:
            last = ConsoleCall(organisation_id=organisation_id)
            session.add(last)
        last.at, last.alarms = now, sorted(alarms)
        if organisation.control_room_phone:
            words = (said or {}).get(organisation_id) or _words(session, organisation)
            _call(session, organisation, words, now)
            facts = {"alarms": sorted(alarms), "calls": calls + 1}
            subject = f"organisation:{organisation_id}"
            audit.record(session, by, "control_room.rung", subject, facts, now)
            rung += 1
        else:
            log.error("nobody_hears", organisation=organisation_id, alarms=len(alarms))
    session.flush()
    return rung


def unheard(session: Session, needs: Collection[int], now: datetime) -> Iterator[Found]:
    """Yield the organisations whose control room could not be rung about what needs it."""
    for organisation_id in needs:
        last = session.get(ConsoleCall, organisation_id)
        if last is None or not last.alarms:
            continue
        organisation = session.get_one(Organisation, organisation_id)
        newest = _newest(session, organisation_id)
        waits = newest is not None and newest.status not in (State.SENT, State.DELIVERED)
        late = newest is not None and waits and newest.created_at <= now - _LEAVES
        if not organisation.control_room_phone or late or _failed(session, organisation_id):
            facts = {"organisation": organisation.name}
            yield Found(Trouble.UNHEARD, last.at, str(organisation_id), facts, organisation_id)


def take_back(session: Session, now: datetime) -> None:
    """Withdraw the calls that have not left: what they say holds no longer."""
    waiting = sa.select(Message.organisation_id).where(
        Message.about.in_([_about(one) for one in session.scalars(sa.select(Organisation.id))]),
        Message.status.in_((State.PENDING, State.UNKNOWN)),
    )
    for organisation_id in sorted(set(session.scalars(waiting))):
        queue.withdraw(session, [_about(organisation_id)], now)
        # What else needs it is rung about anew.
        session.execute(
            sa.delete(ConsoleCall).where(ConsoleCall.organisation_id == organisation_id)
        )


def _calls(session: Session, organisation_id: int, now: datetime) -> int:
    """Count the calls of the last hour."""
    query = sa.select(sa.func.count()).select_from(Message)
    mine = Message.about == _about(organisation_id)
    return session.scalar(query.where(mine, Message.created_at > now - _HOUR)) or 0


def _newest(session: Session, organisation_id: int) -> Message | None:
    query = sa.select(Message).where(Message.about == _about(organisation_id))
    return session.scalars(query.order_by(Message.id.desc()).limit(1)).one_or_none()


def _failed(session: Session, organisation_id: int) -> bool:
    """Tell whether nobody picked up the last call of which anything is known."""
    query = sa.select(Message.status).where(
        Message.about == _about(organisation_id),
        Message.status.in_((State.DELIVERED, State.FAILED)),
    )
    return session.scalar(query.order_by(Message.id.desc()).limit(1)) is State.FAILED


def _about(organisation_id: int) -> str:
    return f"console:{organisation_id}"


def _words(session: Session, organisation: Organisation) -> str:
    web = sa.select(Wrong.id).where(Wrong.ended_at.is_(None), Wrong.trouble == Trouble.WEB)
    gone = session.scalar(web.limit(1)) is not None
    return texts.say(organisation.language, _NO_WEB if gone else _CALL)


def _call(session: Session, organisation: Organisation, words: str, now: datetime) -> None:
    number, language = organisation.control_room_phone, organisation.language
    to = Recipient(None, None, number, seal.fingerprint(session, number), language)
    draft = Draft(
        kind=Kind.CALL,
        purpose=Purpose.CONTROL_ROOM,
        text=words,
        expires_at=now + _AGAIN,
        about=_about(organisation.id),
        priority=1,
    )
    queue.put(session, organisation.id, to, draft, now)
