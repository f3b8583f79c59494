"""Answers to checks, told apart from answers to pages; and whom checks leave in peace.

Every page comes first: the words of a check's answer are looked at only where they name a check's
code, or where no page could be meant by them. A line's telephone is whoever's has it, and of those
who were paged on it lately: the telephone may have changed hands in mid-page.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from dispatch.channels.contract import Inbound
from dispatch.checks import answers, telling
from dispatch.checks.models import Check, CheckKind
from dispatch.db import Session
from dispatch.outbox.models import Message, Purpose
from dispatch.paging import reading
from dispatch.paging.models import UNFINISHED, Assignment, Page, PageStatus
from dispatch.paging.reading import Says
from dispatch.people import phones
from dispatch.people.models import ContactMethod
from dispatch.rota import saying
from dispatch.texts import ANSWER_WORDS, N_, Sentence, say

awaited_since = answers.awaited_since

_PASSED_ON = timedelta(hours=24)
#: For so long somebody who is paged, or goes, is left in peace.
_PAGED, _GOES = timedelta(hours=2), timedelta(hours=12)
_THANKS = N_("noted, thank you.")
_NOTED = N_("noted. Your coordinator is told.")
_UNCLEAR = N_("not understood. Answer %(yes)s %(code)s or %(no)s %(code)s.")


@dataclass(frozen=True)
class Owner:
    """Somebody who may write from a telephone."""

    person_id: int
    id: int
    fingerprint: str


def owners(session: Session, number: str, now: datetime) -> list[Owner]:
    """Return who may write from a number, as far as it is confirmed: several share some."""
    found: dict[int, Owner] = {}
    for method in phones.by_number(session, number):
        if method.verified_at is None:
            continue
        people = [method.person_id]
        if method.line_id is not None:
            people += _paged_on(session, method, now)
        for person_id in people:
            found.setdefault(person_id, Owner(person_id, method.id, method.fingerprint))
    return list(found.values())


def _paged_on(session: Session, method: ContactMethod, now: datetime) -> Sequence[int]:
    query = (
        sa.select(Message.person_id)
        .where(Message.contact_method_id == method.id, Message.purpose == Purpose.CALLOUT)
        .where(Message.created_at > now - _PASSED_ON, Message.person_id.is_not(None))
        .distinct()
    )
    return [person_id for person_id in session.scalars(query) if person_id is not None]


def text_in(
    session: Session,
    senders: Sequence[Owner],
    inbound: Inbound,
    now: datetime,
    *,
    answerable: bool,
    plain: bool,
) -> str | None:
    """Act on a text that answers a check; None if it does not, and pages are to be looked at.

    `answerable`: a page could be meant by a text without a code; `plain`: a yes may go without.
    """
    if not senders:
        return None
    asked = answers.asked(session, {one.person_id for one in senders}, now)
    if not asked:
        return None
    read = reading.read(inbound.body, [check.code for check in asked])
    check = next((one for one in asked if one.code == read.code), None)
    still = [one for one in asked if one.ended_at is None]
    if check is None and not answerable and not read.strange_code and len(still) == 1:
        # Whatever it says: nothing else can be meant by it, from the telephone that was asked.
        here = still[0].method_id in (None, senders[0].id)
        check = still[0] if plain and here and len(senders) == 1 else None
    if check is None:
        return None
    if read.code is None and read.says is Says.OTHER:
        about_turn = saying.text_in(session, check.person, inbound.body, now)
        if about_turn is not None:
            return about_turn
    return _take(session, answers.by_uid(session, check.uid), read.says, inbound, senders, now)


def _take(
    session: Session,
    check: Check,
    says: Says,
    inbound: Inbound,
    senders: Sequence[Owner],
    now: datetime,
) -> str:
    yes, no = ANSWER_WORDS.get(check.person.language, ANSWER_WORDS["en"])
    outcome, told = "check_unclear", Sentence(_UNCLEAR, yes=yes, no=no, code=check.code)
    if says is Says.YES or (says is Says.NO and check.kind is CheckKind.TEST):
        # Of a test it only matters that something came back.
        answers.yes(session, check, "sms", now, method_id=senders[0].id)
        outcome, told = "checked", Sentence(_THANKS)
    elif says is Says.NO:
        heeded = answers.no(session, check, now)
        outcome, told = "check_refused", Sentence(_NOTED if heeded else _THANKS)
    telling.reply(session, check, inbound.sender, senders[0].id, told, now)
    return outcome


_HEARD = N_("Noted, thank you.")
_TOLD = N_("Noted. Your coordinator is told.")
_AGAIN = N_("Press 1 to confirm.")


def key_pressed(
    session: Session, message: Message, digit: str, now: datetime
) -> tuple[str, bool] | None:
    """Act on a key pressed in a call of a check; return what to say and whether to ask again.

    None if the call is about something else.
    """
    kind, _, uid = message.about.partition(":")
    if kind not in ("check", "stay"):
        return None
    check = answers.by_uid(session, uid)
    said = _HEARD
    if digit not in ("1", "2"):
        return say(message.language, _AGAIN), check.ended_at is None
    if kind == "stay":
        answers.stays(session, check, now)
    elif digit == "1" or check.kind is CheckKind.TEST:
        answers.yes(session, check, "call", now, method_id=message.contact_method_id)
    elif answers.no(session, check, now):
        said = _TOLD
    return say(message.language, said), False


def engaged(session: Session, person_ids: Collection[int], now: datetime) -> Mapping[int, bool]:
    """Return who of these is being paged (False) or goes for a call-out (True).

    A case that somebody forgot to close keeps nobody from being asked for ever.
    """
    paged = sa.select(Page.person_id).where(
        Page.person_id.in_(person_ids),
        Page.ended_at.is_(None),
        Page.created_at > now - _PAGED,
        Page.status != PageStatus.SKIPPED,
    )
    goes = sa.select(Assignment.person_id).where(
        Assignment.person_id.in_(person_ids),
        Assignment.status.in_(UNFINISHED),
        Assignment.accepted_at > now - _GOES,
    )
    found = {person_id: False for person_id in session.scalars(paged) if person_id is not None}
    return found | dict.fromkeys(session.scalars(goes), True)
