"""What officers answer: by text, key press, link or screen, all ending in the same verbs.

A text counts only with a code of the sender's own pages, or, with exactly one page to answer, as a
plain yes or no. A sender's number is forgeable and codes are short: the right code from a strange
number is refused and a dispatcher is told to ring. Whatever is more than a yes or no goes to the
board at once in the officer's own words and brings the next step forward.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from dispatch import seal, upkeep
from dispatch.audit import Actor
from dispatch.channels.contract import Inbound, Kind
from dispatch.db import Session
from dispatch.errors import Conflict, NotFound
from dispatch.incidents import alarms, timeline
from dispatch.incidents.models import Incident
from dispatch.outbox import receipts
from dispatch.outbox.models import Message, Purpose
from dispatch.outbox.queue import Recipient
from dispatch.paging import (
    call_back,
    callouts,
    joining,
    pages,
    progress,
    reached,
    reading,
    recall,
    seats,
    telling,
)
from dispatch.paging.models import Assignment, AssignmentStatus, Callout, Page, PageStatus
from dispatch.paging.reached import Owner
from dispatch.paging.reading import Reading, Says
from dispatch.paging.seats import Taken
from dispatch.people import phones
from dispatch.people.models import Organisation, Person
from dispatch.rota import saying
from dispatch.texts import N_, say

_STOP_WORDS = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "arret"})
#: A telephone that answers by itself ("I am driving") and we would never end.
_ANSWERS, _ANSWERS_SECONDS = 3, 3600
_START_WORDS = frozenset({"start", "unstop"})
#: So long after a page has ended an answer to it may still come in.
_ON_ITS_WAY = timedelta(minutes=15)


@dataclass(frozen=True)
class Sender:
    """Who texted, as far as the number tells."""

    methods: Sequence[Owner]
    pages: Sequence[Page]
    """Open pages first, then those that ended lately; the newest first."""

    @property
    def answerable(self) -> list[Page]:
        """Pages that a plain yes or no could mean: open ones, and seats held."""
        return [page for page in self.pages if page.ended_at is None or _holds_seat(page)]

    @property
    def answerable_in_order(self) -> list[Page]:
        """The same in the order in which incidents are locked."""
        return sorted(self.answerable, key=lambda page: page.callout.incident_id)


def text_in(session: Session, inbound: Inbound, now: datetime) -> str:
    """Take in a text and act on it; return a word for what became of it.

    A text taken in before (called back twice, or asked for as well) changes nothing.
    """
    kept = receipts.take_in(session, inbound, now)
    if kept is None:
        return "known"
    sender = _sender(session, inbound.sender, now)
    kept.outcome = _act(session, inbound, sender, now)
    # Last, as the telephone is locked after the incident.
    phones.note_answer(session, seal.fingerprint(session, inbound.sender))
    return kept.outcome


def awaited_since(session: Session, now: datetime) -> datetime | None:
    """Return since when an answer may have come: of anybody paged, or going, who may still text.

    Also for a while after a page has ended: it may end while a text is on its way, and that one's
    callback may be lost as any other's.
    """
    going = sa.exists().where(
        Assignment.callout_id == Page.callout_id,
        Assignment.person_id == Page.person_id,
        Assignment.status.not_in((AssignmentStatus.DONE, AssignmentStatus.RELEASED)),
    )
    query = sa.select(sa.func.min(Page.created_at)).where(
        Page.created_at > now - timedelta(hours=pages.REMEMBERED_HOURS),
        Page.person_id.is_not(None),
        sa.or_(
            Page.ended_at.is_(None), Page.ended_at > now - _ON_ITS_WAY, sa.and_(_seated(), going)
        ),
    )
    instants = session.scalar(query), reached.awaited_since(session)
    return min((at for at in instants if at is not None), default=None)


def _sender(session: Session, number: str, now: datetime) -> Sender:
    methods = reached.owners(session, number, now)
    people = {method.person_id for method in methods}
    since = now - timedelta(hours=pages.REMEMBERED_HOURS)
    query = (
        sa.select(Page)
        .where(Page.person_id.in_(people), Page.status != PageStatus.SKIPPED)
        .where(sa.or_(Page.ended_at.is_(None), Page.ended_at > since, _seated()))
        .order_by(Page.ended_at.is_not(None), Page.id.desc())
    )
    return Sender(methods, session.scalars(query).all() if people else [])


def _seated() -> sa.ColumnElement[bool]:
    return Page.status == PageStatus.ACCEPTED


def _holds_seat(page: Page) -> bool:
    return any(
        assignment.person_id == page.person_id
        and assignment.status not in (AssignmentStatus.DONE, AssignmentStatus.RELEASED)
        for assignment in page.callout.assignments
    )


def _turning_back(page: Page) -> Assignment | None:
    """Return the seat of somebody of whom it is not known that they have heard the cancel."""
    turning = recall.unconfirmed(page.callout)
    return next((one for one in turning if one.person_id == page.person_id), None)


def _act(session: Session, inbound: Inbound, sender: Sender, now: datetime) -> str:
    word = "".join(inbound.body.split()).casefold()
    fingerprint = seal.fingerprint(session, inbound.sender)
    if word in _STOP_WORDS:
        # Told first, as the incident is locked before the telephone: whoever stops does not go.
        for held in sender.answerable_in_order:
            _tell_board(session, held, "unclear_reply", inbound, now)
        phones.block(session, fingerprint, now)
        _bump_everywhere(session, sender)
        return "stopped"
    if word in _START_WORDS:
        phones.unblock(session, fingerprint)
        _bump_everywhere(session, sender)
        return "started"
    read = reading.read(inbound.body, [page.code for page in sender.pages if page.code])
    if not sender.methods:
        return _stranger(session, inbound, now)
    if read.code is None:
        plain = telling.settings(session).paging.plain_yes
        answerable = bool(sender.answerable)
        checked = reached.text_in(
            session, sender.methods, inbound, now, answerable=answerable, plain=plain
        )
        if checked is not None:
            return checked
    page = _meant(session, sender, read)
    if page is None:
        return _not_understood(session, inbound, sender, read, now)
    if read.says is Says.OTHER:
        return _own_words(session, page, inbound, now)
    page = seats.locked_page(session, page.id)
    told = progress.take(session, page, read, _phone(page), now)
    if told is not None:
        _answer(session, inbound, told.template, page, now, **told.facts)
        return told.outcome
    if read.says not in (Says.YES, Says.NO):
        return _own_words(session, page, inbound, now)
    return _clear_answer(session, page, read, inbound, now)


def _meant(session: Session, sender: Sender, read: Reading) -> Page | None:
    if read.code is not None:
        return next(page for page in sender.pages if page.code == read.code)
    if read.strange_code:
        return None
    answerable = sender.answerable
    shared = len({method.person_id for method in sender.methods}) > 1
    plain_counts = telling.settings(session).paging.plain_yes and not shared
    if read.says is Says.OTHER:
        return answerable[0] if len(answerable) == 1 else None
    if len(answerable) == 1 and plain_counts:
        return answerable[0]
    if not answerable and plain_counts and sender.pages:
        return sender.pages[0]
    return None


def _clear_answer(
    session: Session, page: Page, read: Reading, inbound: Inbound, now: datetime
) -> str:
    actor = _phone(page)
    turning = _turning_back(page)
    if turning is not None:
        seats.confirm_cancel(session, turning, actor, now)
        _answer(session, inbound, "confirmed.sms", page, now)
        return "cancel_confirmed"
    if page.callout.cancelled_at is not None and _holds_seat(page):
        _answer(session, inbound, "over.sms", page, now)
        return str(Taken.OVER)
    if read.says is Says.NO:
        changed = seats.decline(session, page, actor, "sms", now)
        # Of a call-out that somebody else goes for, nobody is called any more.
        heard = page.status is PageStatus.DECLINED
        _answer(session, inbound, "you_cannot.sms" if heard else "confirmed.sms", page, now)
        return "declined" if changed else "declined_again"
    acceptance = seats.accept(session, page, actor, "sms", now, read.minutes)
    if acceptance.taken in (Taken.GOES, Taken.ALREADY):
        facts = {"minutes": read.minutes, "code": page.code}
        _answer(session, inbound, "you_go.sms", page, now, **facts)
    else:
        late = "taken.sms" if acceptance.taken is Taken.TOO_LATE else "over.sms"
        _answer(session, inbound, late, page, now)
    return str(acceptance.taken)


def _own_words(session: Session, page: Page, inbound: Inbound, now: datetime) -> str:
    """Never an acceptance: a dispatcher reads it now, and the next person is not kept waiting."""
    page = _tell_board(session, page, "unclear_reply", inbound, now)
    code = page.code if page.ended_at is None else ""
    if _answers_left(session, inbound, now, _ANSWERS, _ANSWERS_SECONDS):
        _answer(session, inbound, "not_understood.sms", page, now, code=code)
    return "own_words"


def _tell_board(session: Session, page: Page, kind: str, inbound: Inbound, now: datetime) -> Page:
    """Let a dispatcher read the officer's own words, and bring the next step forward."""
    page = seats.locked_page(session, page.id)
    incident, person = page.callout.incident, _name(page)
    words = timeline.add(
        session, incident, kind, _phone(page), now, own_words=inbound.body, person=person
    )
    callouts.bump(session, incident)
    if page.ended_at is None or _holds_seat(page):
        want = page.callout.want
        alarms.raise_alarm(
            session, incident, "unclear_reply", now, want, person=person, words=words
        )
        callouts.catch_up(session, incident, now, hurried=page.callout)
    return page


def _not_understood(
    session: Session, inbound: Inbound, sender: Sender, read: Reading, now: datetime
) -> str:
    """A known person, but it cannot be told which page is meant: every open case is told.

    Where none is open it may be about a turn; else nobody reads it, and whoever wrote must know.
    """
    if not sender.answerable and len({method.person_id for method in sender.methods}) == 1:
        owner = session.get_one(Person, sender.methods[0].person_id)
        about_turn = saying.text_in(session, owner, inbound.body, now)
        if about_turn is not None:
            return about_turn
    for page in sender.answerable_in_order:
        kind = "wrong_code" if read.strange_code else "unclear_reply"
        _tell_board(session, page, kind, inbound, now)
    method = sender.methods[0]
    person = session.get_one(Person, method.person_id)
    to = Recipient(person.id, method.id, inbound.sender, method.fingerprint, person.language)
    template, room = "not_understood.sms", ""
    if not sender.answerable:
        template = "no_callout.sms"
        room = session.get_one(Organisation, person.organisation_id).control_room_phone
    if _answers_left(session, inbound, now, _ANSWERS, _ANSWERS_SECONDS):
        telling.answer(session, person.organisation_id, to, template, now, control_room=room)
    return "wrong_code" if read.strange_code else "not_understood"


def _answers_left(
    session: Session, inbound: Inbound, now: datetime, most: int, seconds: int
) -> bool:
    """Count one more answer of the kind that a telephone might answer by itself, for ever."""
    key = seal.hash_token(f"answered:{seal.fingerprint(session, inbound.sender)}")
    return upkeep.hits(session, key, now, window_seconds=seconds) <= most


def _stranger(session: Session, inbound: Inbound, now: datetime) -> str:
    """An unknown number: refused, answered at most once a day, and rung about if the code fits."""
    runs = reading.read(inbound.body, []).strange_code
    hit: Page | None = None
    if runs:
        query = sa.select(Page).where(Page.ended_at.is_(None), Page.code != "")
        for page in session.scalars(query):
            if reading.read(inbound.body, [page.code]).code is not None:
                hit = page
                break
    if hit is not None:
        page = seats.locked_page(session, hit.id)
        incident = page.callout.incident
        timeline.add(session, incident, "strange_number", _STRANGER, now, person=_name(page))
        want = page.callout.want
        alarms.raise_alarm(session, incident, "strange_number", now, want, person=_name(page))
    if _answers_left(session, inbound, now, 1, 86400) and _strangers_left(session, now):
        _answer_stranger(session, inbound, now)
    return "strange_code" if hit is not None else "stranger"


def _strangers_left(session: Session, now: datetime) -> bool:
    """Count one more answer to a stranger: many numbers may be one person's, who forges them."""
    most = telling.settings(session).paging.stranger_answers_per_hour
    return upkeep.hits(session, _STRANGERS, now, window_seconds=3600) <= most


def strangers_not_answered(session: Session) -> int:
    """Return how many unknown numbers of about a day were left without an answer."""
    most = telling.settings(session).paging.stranger_answers_per_hour
    return sum(max(0, count - most) for count in upkeep.counts(session, _STRANGERS))


_STRANGERS = seal.hash_token("answered: any stranger")
_STRANGER = Actor("phone", None, "unknown number")


def _answer_stranger(session: Session, inbound: Inbound, now: datetime) -> None:
    organisation = session.scalars(sa.select(Organisation).order_by(Organisation.id)).first()
    if organisation is None:
        return
    fingerprint = seal.fingerprint(session, inbound.sender)
    to = Recipient(None, None, inbound.sender, fingerprint, organisation.language)
    room = organisation.control_room_phone
    telling.answer(session, organisation.id, to, "unknown_number.sms", now, control_room=room)


def _answer(
    session: Session, inbound: Inbound, template: str, page: Page, now: datetime, **facts: object
) -> None:
    person = page.person
    if person is None:
        return
    fingerprint = seal.fingerprint(session, inbound.sender)
    to = Recipient(person.id, None, inbound.sender, fingerprint, person.language)
    owner = page.callout.incident.organisation_id
    values = {"link": telling.link_of(session, page)} | facts
    telling.answer(session, owner, to, template, now, page=page, **values)


def _phone(page: Page) -> Actor:
    return Actor("phone", page.person_id, _name(page))


def _name(page: Page) -> str:
    return page.person.name if page.person is not None else ""


def _bump_everywhere(session: Session, sender: Sender) -> None:
    for method in sender.methods:
        person = session.get_one(Person, method.person_id)
        upkeep.bump(session, person.organisation_id, "rota", "board")


@dataclass(frozen=True)
class Spoken:
    """What a call says after a key was pressed."""

    text: str
    language: str
    again: bool = False
    """The key meant nothing: ask once more."""
    connect: str = ""
    """The number to connect them with then; empty: none."""


_GOES = N_("Thank you. You are going. The facts are behind the link in your text message.")
_TAKEN = N_("A colleague is going already. You can rest.")
_OVER = N_("The call-out is over. You can rest.")
_CANNOT = N_("Noted. A colleague is being called.")
_HEARD = N_("Noted, thank you.")
_AGAIN = N_("Press 1 if you go. Press 2 if you cannot.")


def key_pressed(session: Session, uid: str, digit: str, now: datetime) -> Spoken:
    """Act on a key pressed in a call. Raises NotFound when no call has this id."""
    message = session.scalars(sa.select(Message).where(Message.uid == uid)).one_or_none()
    if message is None:
        raise NotFound("No such call.")
    language = message.language
    checked = reached.key_pressed(session, message, digit, now)
    if checked is not None:
        return Spoken(checked[0], language, again=checked[1])
    held = session.scalars(
        sa.select(Page).where(Page.uid == message.about.partition(":")[2])
    ).one_or_none()
    if held is None or digit not in ("1", "2"):
        return Spoken(say(language, _AGAIN), language, again=held is not None)
    page = seats.locked_page(session, held.id)
    if message.purpose is Purpose.CONTROL_ROOM:
        timeline.add(session, page.callout.incident, "control_room_heard", _phone(page), now)
        callouts.bump(session, page.callout.incident)
        return Spoken(say(language, _HEARD), language)
    turning = _turning_back(page)
    if turning is not None:
        seats.confirm_cancel(session, turning, _phone(page), now)
        return Spoken(say(language, _HEARD), language)
    if page.callout.cancelled_at is not None and _holds_seat(page):
        return Spoken(say(language, _OVER), language)
    if digit == "2":
        seats.decline(session, page, _phone(page), "call", now)
        heard = page.status is PageStatus.DECLINED
        return Spoken(say(language, _CANNOT if heard else _HEARD), language)
    taken = seats.accept(session, page, _phone(page), "call", now).taken
    said = {Taken.TOO_LATE: _TAKEN, Taken.OVER: _OVER}.get(taken, _GOES)
    waiting = call_back.number(session, page.callout.incident) if said is _GOES else ""
    return Spoken(say(language, said), language, connect=waiting)


def page_behind(session: Session, token: str, now: datetime) -> Page:
    """Return the page of a link, or the one in its place. Raises NotFound for a link that is none.

    A link works for its time after the newest text that holds it: a night's last text may not lead
    nowhere. Whether the page can still be answered is for the caller to see from it.
    """
    query = sa.select(Page).where(Page.token_hash == seal.hash_token(token))
    page = session.scalars(query).one_or_none()
    if page is None:
        raise NotFound("This link is not valid any more.")
    texted = sa.select(sa.func.max(Message.created_at)).where(Message.about == telling.about(page))
    since = session.scalar(texted.where(Message.kind != Kind.CALL)) or page.created_at
    if since + timedelta(minutes=telling.settings(session).paging.link_minutes) < now:
        raise NotFound("This link is not valid any more.")
    return joining.instead(session, seats.present(page), lock=False)


def opened(session: Session, page: Page, now: datetime) -> None:
    """Note, once, that the officer has opened the page."""
    if page.opened_at is None:
        page.opened_at = now
        # No server says that a mail or a notice was seen: this does.
        page.delivered_at = page.delivered_at or now
        if page.ended_at is None:
            page.status = PageStatus.DELIVERED
        incident = page.callout.incident
        timeline.add(session, incident, "opened", _phone(page), now, person=_name(page))
        callouts.bump(session, incident)


def answer_link(
    session: Session, token: str, goes: bool, now: datetime, minutes: int | None = None
) -> tuple[Page, Taken | None]:
    """Act on the buttons behind a link; the token is used up once the page has ended.

    Raises NotFound for a link that is none, Conflict when somebody else was chosen meanwhile.
    """
    found = page_behind(session, token, now)
    page = seats.locked_page(session, found.id)
    opened(session, page, now)
    if not goes:
        if not seats.decline(session, page, _phone(page), "link", now):
            raise Conflict("This call-out can no longer be answered.")
        return page, None
    if page.status is PageStatus.DECLINED:
        raise Conflict("You said that you cannot. Ring the control room if you can go after all.")
    return page, seats.accept(session, page, _phone(page), "link", now, minutes).taken


def incident_of(session: Session, page: Page) -> Incident:
    """Return the incident that a page belongs to."""
    return session.get_one(Callout, page.callout_id).incident
