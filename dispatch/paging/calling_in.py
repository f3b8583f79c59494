"""Calling in: an officer rings the centre and hears the call-outs that wait for an answer.

A number is forgeable: nothing is said but what a call-out's own call says, an answer counts as one
by text does (where a code is demanded, or several people share the number, the code must be keyed),
and an unknown number hears of no incident. What was played is carried from step to step by the
caller's own call, never in memory. Several call-outs are played one after the other. Carrying the
steps is for the web, what an answer leads to for `seats`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.incidents import timeline
from dispatch.paging import call_back, callouts, pages, reached, recall, seats, telling, wording
from dispatch.paging.models import Page, PageStatus
from dispatch.paging.reached import Owner
from dispatch.paging.seats import Taken
from dispatch.people.models import Organisation, Person
from dispatch.texts import N_, say


@dataclass(frozen=True)
class Turn:
    """What a call says next."""

    text: str
    language: str
    then: Mapping[str, Any] | None = None
    """What must be known when the keys come; None: none are asked for."""
    digits: int = 1
    """How many keys are asked for; 0: as many as come before #."""
    connect: str = ""
    """The number to connect the caller with, once the text is said."""


#: The key that leads an own number to where incidents are reported.
REPORT = "0"
_NOTHING = N_("This is Dispatch. No call-out waits for your answer.")
_ROOM = N_("Press 3 for the control room.")
_REPORT = N_("Press 0 to report an incident.")
_UNKNOWN = N_("This is Dispatch. This number is not known here. Ring the control room.")
_CONNECTING = N_("You are being connected with the control room.")
_CALLED_BACK = N_("You are being connected with whoever reported it.")
_GOES = N_("Thank you. You are going.")
_TAKEN = N_("A colleague is going already. You can rest.")
_OVER = N_("The call-out is over. You can rest.")
_CANNOT = N_("Noted. A colleague is being called.")
_HEARD = N_("Noted, thank you.")
_CODE = N_("Key the code in the text message that you got, then the hash key.")
_WRONG = N_("This is not the code.")
_GOING = N_("You are going for %(reference)s. Press 2 if you cannot go after all.")
_CANCELLED = N_("%(reference)s is cancelled. Turn back. Press 1 to confirm.")
_BYE = N_("Goodbye.")
_WRONG_CODES = 3


def known(session: Session, number: str, now: datetime) -> Sequence[Owner]:
    """Return whom a call from this number may be of; nobody for a stranger's."""
    return reached.owners(session, number, now) if number else ()


def stranger(session: Session) -> Turn:
    """Say to an unknown number that it is none of ours, and nothing else."""
    language = session.scalar(sa.select(Organisation.language).order_by(Organisation.id).limit(1))
    return _last(language or "en", _UNKNOWN)


def begin(
    session: Session, methods: Sequence[Owner], now: datetime, *, reports: bool = False
) -> Turn:
    """Play the first call-out that waits for whoever has this number, or say that none does.

    With `reports`, REPORT leads to where an incident is reported: for a desk's telephone may be
    known as somebody's.
    """
    turn = _next(session, _people(methods), [], "", now)
    if reports and (turn.then is None or turn.then["page"] is None):
        text = f"{turn.text} {say(turn.language, _REPORT)}"
        return replace(turn, text=text, then={"played": [], "page": None})
    return turn


def go_on(
    session: Session,
    methods: Sequence[Owner],
    state: Mapping[str, Any],
    keys: str,
    now: datetime,
) -> Turn:
    """Act on keys and say what comes next; `state` is what the turn before asked to be kept."""
    if not methods:
        # The number was taken off meanwhile.
        return stranger(session)
    people, played = _people(methods), [int(one) for one in state["played"]]
    page = _page(session, people, state.get("page"))
    if page is None:
        person = session.get_one(Person, people[0])
        if keys == "3":
            return _connected(session, person, person.organisation_id)
        return _last(person.language, _BYE)
    if state.get("code"):
        return _by_code(session, page, people, state, keys, now)
    if keys == "3" and page.person is not None:
        return _connected(session, page.person, page.callout.incident.organisation_id)
    if keys not in ("1", "2"):
        if page.ended_at is not None and not _seat(page):
            # Answered by another way since it was played, or nobody is wanted any more.
            return _next(session, people, played, "", now)
        return _played(session, page, [one for one in played if one != page.id], "", now)
    if keys == "1" and _code_wanted(session, people) and recall.unconfirmed(page.callout) == []:
        kept = {**state, "code": _WRONG_CODES}
        return Turn(say(_language(page), _CODE), _language(page), kept, digits=0)
    return _answered(session, page, people, played, keys, now)


def _people(methods: Sequence[Owner]) -> list[int]:
    return list(dict.fromkeys(method.person_id for method in methods))


def _code_wanted(session: Session, people: Sequence[int]) -> bool:
    return len(people) > 1 or not telling.settings(session).paging.plain_yes


def _page(session: Session, people: Sequence[int], page_id: object) -> Page | None:
    """Return the page that was played, locked; only one of the caller's own."""
    if page_id is None:
        return None
    page = seats.locked_page(session, int(str(page_id)))
    return page if page.person_id in people else None


def _waiting(session: Session, people: Sequence[int], now: datetime) -> list[Page]:
    """Return what these people may answer: what is open first, the most urgent of it first."""
    since = now - timedelta(hours=pages.REMEMBERED_HOURS)
    seated = sa.and_(Page.status == PageStatus.ACCEPTED, Page.answered_at > since)
    query = (
        sa.select(Page)
        .where(Page.person_id.in_(people), Page.status != PageStatus.SKIPPED)
        .where(sa.or_(Page.ended_at.is_(None), seated))
        .order_by(Page.ended_at.is_not(None), Page.id)
    )
    found = [one for one in session.scalars(query) if one.ended_at is None or _seat(one)]
    return sorted(
        found, key=lambda one: (one.ended_at is not None, one.callout.incident.priority, one.id)
    )


def _seat(page: Page) -> bool:
    active = callouts.active_assignments(page.callout) + recall.unconfirmed(page.callout)
    return any(one.person_id == page.person_id and one.done_at is None for one in active)


def _next(
    session: Session, people: Sequence[int], played: Sequence[int], before: str, now: datetime
) -> Turn:
    left = [page for page in _waiting(session, people, now) if page.id not in played]
    if left:
        # Not locked: after an answer another incident is, and locks have their order.
        return _played(session, left[0], played, before, now)
    person = session.get_one(Person, people[0])
    if before:
        return Turn(before, person.language)
    room = session.get_one(Organisation, person.organisation_id).control_room_phone
    text = [say(person.language, _NOTHING), say(person.language, _ROOM) if room else ""]
    then: dict[str, Any] | None = {"played": [], "page": None} if room else None
    return Turn(" ".join(text).strip(), person.language, then)


def _played(
    session: Session, page: Page, played: Sequence[int], before: str, now: datetime
) -> Turn:
    """Say what a page is about; noted once, so that the board sees that it was heard."""
    language, incident = _language(page), page.callout.incident
    spelled = " ".join(incident.reference.replace("-", ""))
    if any(one.person_id == page.person_id for one in recall.unconfirmed(page.callout)):
        text = say(language, _CANCELLED, reference=spelled)
    elif page.ended_at is not None:
        text = " ".join((say(language, _GOING, reference=spelled), say(language, _ROOM)))
    else:
        text = wording.text(
            telling.settings(session).templates_dir,
            "called_in.call",
            language,
            telling.subject(session, incident),
            name=page.person.name.partition(" ")[0] if page.person else "",
        )
    if page.id not in played:
        name = page.person.name if page.person else ""
        timeline.add(session, incident, "called_in", _actor(page), now, person=name)
        callouts.bump(session, incident)
    then = {"played": [*played, page.id], "page": page.id}
    return Turn(f"{before} {text}".strip(), language, then)


def _answered(
    session: Session,
    page: Page,
    people: Sequence[int],
    played: Sequence[int],
    keys: str,
    now: datetime,
) -> Turn:
    """Do what was keyed, and play the next call-out if there is one."""
    language, incident = _language(page), page.callout.incident
    turning = [one for one in recall.unconfirmed(page.callout) if one.person_id == page.person_id]
    if turning:
        seats.confirm_cancel(session, turning[0], _actor(page), now)
        return _next(session, people, played, say(language, _HEARD), now)
    if keys == "2":
        seats.decline(session, page, _actor(page), "call", now)
        heard = page.status is PageStatus.DECLINED
        return _next(session, people, played, say(language, _CANNOT if heard else _HEARD), now)
    taken = seats.accept(session, page, _actor(page), "call", now).taken
    said = say(language, {Taken.TOO_LATE: _TAKEN, Taken.OVER: _OVER}.get(taken, _GOES))
    waiting = call_back.number(session, incident) if taken in (Taken.GOES, Taken.ALREADY) else ""
    following = _next(session, people, played, said, now)
    if waiting and following.then is None:
        return Turn(f"{said} {say(language, _CALLED_BACK)}", language, connect=waiting)
    return following


def _by_code(
    session: Session,
    page: Page,
    people: Sequence[int],
    state: Mapping[str, Any],
    keys: str,
    now: datetime,
) -> Turn:
    if page.code and keys == page.code:
        return _answered(session, page, people, state["played"], "1", now)
    left = int(state["code"]) - 1
    if not left:
        return _last(_language(page), _WRONG)
    language = _language(page)
    return Turn(
        f"{say(language, _WRONG)} {say(language, _CODE)}", language, {**state, "code": left}, 0
    )


def _connected(session: Session, person: Person, organisation_id: int) -> Turn:
    room = session.get_one(Organisation, organisation_id).control_room_phone
    if not room:
        return _last(person.language, _BYE)
    return replace(_last(person.language, _CONNECTING), connect=room)


def _last(language: str, sentence: str) -> Turn:
    return Turn(say(language, sentence), language)


def _language(page: Page) -> str:
    return page.person.language if page.person is not None else "en"


def _actor(page: Page) -> Actor:
    return Actor("phone", page.person_id, page.person.name if page.person else "")
