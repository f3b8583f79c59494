"""One attempt to get one person: making pages, trying them, hearing of them, ending them.

A page holds what remains to be tried and when; what became of its messages is read from the outbox
each time, never pushed, so that a receipt that arrives between two crashes still counts. A page
stays answerable until it is ended here or by an answer.
"""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dispatch import seal
from dispatch.audit import ENGINE
from dispatch.channels.contract import Kind, State
from dispatch.db import Session
from dispatch.errors import Conflict
from dispatch.incidents import timeline
from dispatch.outbox import queue
from dispatch.outbox.models import Message, Purpose
from dispatch.paging import candidates, reaching, telling
from dispatch.paging.candidates import Moment
from dispatch.paging.models import Callout, Page, PageStatus
from dispatch.paging.policy import Attempt
from dispatch.paging.ranking import Judged
from dispatch.people.models import Person
from dispatch.people.phones import Method

#: The supplier's word for a phone that is off or out of reach, often for a moment only: its text
#: is sent once more.
_OUT_OF_REACH = "30003"
_TRY_AGAIN_SECONDS = 60
#: A page that ended is still known by its code for so long: the answer is then too late.
REMEMBERED_HOURS = 24
#: Numbers that people ring in need: never a code.
_EMERGENCY = frozenset({"911", "999", "990", "997", "998"})


def still_open(callout: Callout) -> list[Page]:
    """Return the pages that can still be answered."""
    return [page for page in callout.pages if page.ended_at is None]


def last_of(callout: Callout, person_id: int) -> Page | None:
    """Return the last page of somebody for this callout."""
    pages = [page for page in callout.pages if page.person_id == person_id]
    return pages[-1] if pages else None


def add(
    session: Session,
    callout: Callout,
    judged: Judged,
    attempts: Sequence[Attempt],
    now: datetime,
) -> Page:
    """Begin to page somebody; the first attempt is due at once."""
    candidate = judged.candidate
    earlier = [page for page in callout.pages if page.person_id == candidate.person_id]
    if earlier:
        # "You can rest" that is still to leave may not reach somebody who is called again.
        queue.withdraw(session, telling.said(earlier), now)
    page = Page(
        uid=seal.new_token(),
        callout=callout,
        person_id=candidate.person_id,
        status=PageStatus.WAITING,
        step=callout.step,
        reason=dict(judged.reason),
        attempts=_ways(callout, candidate.methods, attempts, now),
        code=_code(session, candidate.person_id, now),
        created_at=now,
    )
    # Added first: what follows may read, and a row that is only half known would be left out.
    session.add(page)
    page.token_hash = seal.hash_token(telling.link_token(session, page))
    page.person = session.get_one(Person, candidate.person_id)
    _tell_choice(session, callout, "paging", judged, now)
    return page


def _ways(
    callout: Callout, methods: Sequence[Method], attempts: Sequence[Attempt], now: datetime
) -> list[Any]:
    priority, zone = callout.incident.priority, callout.want.team.time_zone
    return _kept(reaching.attempts(attempts, methods, priority, now, zone))


def rung(session: Session, callout: Callout, person: Person, by: str, now: datetime) -> Page:
    """Keep that a dispatcher rang somebody who was not paged.

    Nothing is tried any more, but what is texted later names its code and its link.
    """
    page = Page(
        uid=seal.new_token(),
        callout=callout,
        person=person,
        person_id=person.id,
        status=PageStatus.WAITING,
        step=callout.step,
        reason={"kind": "by_hand", "by": by},
        attempts=[],
        code=_code(session, person.id, now),
        created_at=now,
        ended_at=now,
    )
    session.add(page)
    page.token_hash = seal.hash_token(telling.link_token(session, page))
    return page


def pass_over(session: Session, callout: Callout, judged: Judged, now: datetime) -> None:
    """Keep why somebody was not paged."""
    session.add(
        Page(
            uid=seal.new_token(),
            callout=callout,
            person_id=judged.candidate.person_id,
            status=PageStatus.SKIPPED,
            step=callout.step,
            reason=dict(judged.reason),
            created_at=now,
            ended_at=now,
        )
    )
    _tell_choice(session, callout, "skipped", judged, now)


def _tell_choice(
    session: Session, callout: Callout, kind: str, judged: Judged, now: datetime
) -> None:
    timeline.add(
        session,
        callout.incident,
        kind,
        ENGINE,
        now,
        person=judged.candidate.name,
        team=callout.want.team.name,
        reason=dict(judged.reason),
    )


def ring_control_room(
    session: Session, callout: Callout, attempts: Sequence[Attempt], now: datetime
) -> None:
    """Ring the control room that reported, or ring it again."""
    if not callout.incident.organisation.control_room_phone:
        timeline.add(session, callout.incident, "no_control_room", ENGINE, now)
        return
    held = [page for page in still_open(callout) if page.person_id is None]
    calls = [(candidates.CALL, now + timedelta(seconds=offset)) for _, offset in attempts]
    if held:
        held[0].attempts = _kept(calls)
        return
    page = Page(
        uid=seal.new_token(),
        callout=callout,
        person_id=None,
        status=PageStatus.WAITING,
        step=callout.step,
        reason={"kind": "control_room"},
        attempts=_kept(calls),
        created_at=now,
    )
    session.add(page)
    timeline.add(session, callout.incident, "ringing_control_room", ENGINE, now)


_DRAWN = Page.code.in_(sa.bindparam("drawn", expanding=True))
_CODES_USED = sa.union_all(
    sa.select(Page.code).where(Page.ended_at.is_(None), _DRAWN),
    sa.select(Page.code).where(
        Page.person_id == sa.bindparam("person_id"), Page.ended_at > sa.bindparam("since"), _DRAWN
    ),
)


def _code(session: Session, person_id: int, now: datetime) -> str:
    """Return digits that no open page has: three, or more when many pages are open.

    Nor any that the person remembers: a late yes would be taken for an answer to this page.
    """
    since = now - timedelta(hours=REMEMBERED_HOURS)
    for length in (3, 3, 4, 5, 6):
        drawn = [
            str(secrets.choice("23456789"))
            + f"{secrets.randbelow(10 ** (length - 1)):0{length - 1}}"
            for _ in range(8)
        ]
        asked = {"drawn": drawn, "person_id": person_id, "since": since}
        used = set(session.scalars(_CODES_USED, asked)) | _EMERGENCY
        used |= {row.code for row in session.new if isinstance(row, Page)}
        for code in drawn:
            if code not in used:
                return code
    raise Conflict("No free answer code; too many pages are open.")


def reread(session: Session, callout: Callout, now: datetime) -> None:
    """Take over what has become of the pages' messages, and hurry where one has failed."""
    pages = {telling.about(page): page for page in still_open(callout) if page not in session.new}
    if not pages:
        return
    query = sa.select(Message).where(Message.about.in_(pages)).order_by(Message.id)
    by_page: dict[str, list[Message]] = {}
    for message in session.scalars(query.execution_options(populate_existing=True)):
        by_page.setdefault(message.about, []).append(message)
    for key, messages in by_page.items():
        _reread_page(pages[key], messages, now)


def _reread_page(page: Page, messages: Sequence[Message], now: datetime) -> None:
    # Of an open page only what a newer message stands for is withdrawn.
    messages = [message for message in messages if message.status is not State.WITHDRAWN]
    if not messages:
        return
    page.sent_at = page.sent_at or _first(message.sent_at for message in messages)
    page.delivered_at = page.delivered_at or _first(message.delivered_at for message in messages)
    in_doubt = [message for message in messages if _in_trouble(message)]
    if page.delivered_at is not None:
        page.status = PageStatus.DELIVERED
    elif page.sent_at is not None:
        page.status = PageStatus.SENT
    if len(in_doubt) == len(messages) and all(m.status is State.FAILED for m in in_doubt):
        page.status = PageStatus.FAILED
    # What wakes nobody, sent beside it, says nothing of what does.
    waking = [message for message in messages if message.kind in (Kind.SMS, Kind.CALL)]
    newest = (waking or messages)[-1]
    if not _in_trouble(newest):
        return
    attempts = [(channel, datetime.fromisoformat(at)) for channel, at in page.attempts]
    again = str(newest.kind)
    tried, planned = [m.kind for m in messages].count(newest.kind), [c for c, _ in attempts]
    if newest.code == _OUT_OF_REACH and tried == 1 and again not in planned:
        attempts.append((again, now + timedelta(seconds=_TRY_AGAIN_SECONDS)))
    page.attempts = _kept(reaching.hurried(attempts, newest.kind, now))


def _in_trouble(message: Message) -> bool:
    """Failed, unclear, or refused for now: the next channel must not wait."""
    if message.status in (State.FAILED, State.UNKNOWN):
        return True
    return message.status is State.PENDING and message.attempts > 0


def _first(instants: Iterable[datetime | None]) -> datetime | None:
    return min((at for at in instants if at is not None), default=None)


def try_due(session: Session, callout: Callout, moment: Moment, wait: timedelta) -> None:
    """Send what is due by now; a text stays valid for `wait`, the time to the next step."""
    for page in still_open(callout):
        remaining = [(channel, datetime.fromisoformat(at)) for channel, at in page.attempts]
        ripe = {channel for channel, at in remaining if at <= moment.now}
        if not ripe:
            continue
        left = [(channel, at) for channel, at in remaining if at > moment.now]
        page.attempts = _kept(left)
        if page.person_id is None:
            telling.ring_control_room(session, callout.incident, page, moment.now)
            continue
        methods = moment.methods([page.person_id])[page.person_id]
        gone = [
            telling.call_out(session, callout.incident, page, channel, methods, wait, moment.now)
            for channel in sorted(ripe, reverse=True)
        ]
        if not any(gone):
            # Blocked or taken off since: whatever is left must not wait for its time.
            page.attempts = _kept(reaching.hurried(left, "", moment.now))


def withdraw(
    session: Session,
    callout: Callout,
    template: str,
    now: datetime,
    ending: Sequence[Page] | None = None,
) -> None:
    """End open pages, all or some; tell whoever may have been woken, unless `template` is empty."""
    ending = still_open(callout) if ending is None else ending
    if not ending:
        return
    queue.withdraw(session, [telling.about(page) for page in ending], now)
    for page in ending:
        page.status, page.ended_at, page.attempts = PageStatus.WITHDRAWN, now, []
        if template and page.sent_at is not None and page.person is not None:
            stand_down(session, callout, page, template, now)


def stand_down(
    session: Session, callout: Callout, page: Page, template: str, now: datetime
) -> None:
    """Tell somebody who may have been woken that it is over for them."""
    telling.notice(session, callout.incident, page, template, now, purpose=Purpose.STAND_DOWN)
    kind = "told_taken" if template == "taken.sms" else "told_over"
    person = page.person.name if page.person is not None else ""
    timeline.add(session, callout.incident, kind, ENGINE, now, person=person)


def _kept(attempts: Iterable[tuple[str, datetime]]) -> list[Any]:
    return [[channel, at.isoformat()] for channel, at in attempts]


def next_attempt_at(callout: Callout) -> datetime | None:
    """Return when the next attempt on any open page is due."""
    instants = [
        datetime.fromisoformat(at) for page in still_open(callout) for _, at in page.attempts
    ]
    return min(instants, default=None)


def try_anew(callout: Callout, moment: Moment, attempts: Sequence[Attempt]) -> None:
    """Begin the attempts of every open page again; who is still being tried is left alone."""
    for page in still_open(callout):
        if page.person_id is None:
            page.attempts = _kept([(candidates.CALL, moment.now)])
        elif not page.attempts:
            methods = moment.methods([page.person_id])[page.person_id]
            page.attempts = _ways(callout, methods, attempts, moment.now)
