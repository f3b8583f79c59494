"""Turning what must be told into messages for the outbox.

The one place that brings a person's phones, the wording and the outbox together. Every message that
calls somebody for a page carries `page:<uid>` as what it is about, what is said of it afterwards
its purpose in the place of `page`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dispatch import seal
from dispatch.channels.contract import Kind
from dispatch.db import Session
from dispatch.incidents.models import Incident
from dispatch.outbox import queue
from dispatch.outbox.models import Purpose
from dispatch.outbox.queue import Draft, Recipient
from dispatch.paging import reaching, woken, wording
from dispatch.paging.models import Page
from dispatch.people import phones, proofs
from dispatch.people.models import ContactMethod, MethodKind, Person
from dispatch.people.phones import Method
from dispatch.settings import Settings

_LEAST_URGENT = 3
#: By what a code comes: to a mobile by text, for whoever stands beside it hears a call.
_PROVED_BY = {
    MethodKind.MOBILE: Kind.SMS,
    MethodKind.LANDLINE: Kind.CALL,
    MethodKind.MAIL: Kind.MAIL,
    MethodKind.PUSH: Kind.PUSH,
}
_LETTERS = str.maketrans("0123456789abcdef", "ghijkmnpqrstuvwx")


def settings(session: Session) -> Settings:
    """Return the settings that the session was opened with."""
    found: Settings = session.info["settings"]
    return found


def about(page: Page) -> str:
    """Return what the messages of a page are about."""
    return f"page:{page.uid}"


def link_token(session: Session, page: Page) -> str:
    """Return the secret of the page's link: 128 bits, letters only, the same at every repeat.

    Derived and not kept: a copy of the database opens no link, and no digits of it can be taken
    for a code.
    """
    return seal.fingerprint(session, f"link:{page.uid}")[:32].translate(_LETTERS)


def said(pages: Iterable[Page]) -> list[str]:
    """Return what the texts are about that told whether they go: they may be true no longer."""
    purposes = (Purpose.STAND_DOWN, Purpose.ANSWER)
    return [f"{purpose}:{page.uid}" for page in pages for purpose in purposes]


def subject(session: Session, incident: Incident) -> wording.Subject:
    """Return what texts may say of an incident."""
    organisation = incident.organisation
    offered = settings(session).paging.offer_category_number and incident.category is not None
    return wording.Subject(
        reference=incident.reference,
        priority=incident.priority,
        mode=incident.response_mode,
        received_at=incident.received_at,
        time_zone=organisation.time_zone,
        control_room=organisation.control_room_phone,
        drill=incident.drill,
        appointment_at=incident.appointment_at,
        category_number=incident.category.number if offered and incident.category else None,
    )


def call_out(
    session: Session,
    incident: Incident,
    page: Page,
    channel: str,
    methods: Sequence[Method],
    wait: timedelta,
    now: datetime,
) -> bool:
    """Text or ring somebody for a page; False when no method takes this channel."""
    recipient = _recipient(session, channel, methods)
    if recipient is None:
        return False
    kind = reaching.kind_of(channel)
    facts = {"code": page.code, "link": _link(session, page), "name": _first_name(page)}
    draft = Draft(
        kind=kind,
        purpose=Purpose.CALLOUT,
        text=wording.text(
            _templates(session),
            f"callout.{kind}",
            recipient.language,
            subject(session, incident),
            **facts,
        ),
        expires_at=now + max(wait, _validity(session)),
        about=about(page),
        priority=incident.priority,
        gather=kind is Kind.CALL,
    )
    queue.put(session, incident.organisation_id, recipient, draft, now)
    return True


def ring_control_room(session: Session, incident: Incident, page: Page, now: datetime) -> bool:
    """Ring the organisation's control room; False when it has no number."""
    organisation = incident.organisation
    if not organisation.control_room_phone:
        return False
    number = organisation.control_room_phone
    recipient = Recipient(
        None, None, number, seal.fingerprint(session, number), organisation.language
    )
    draft = Draft(
        kind=Kind.CALL,
        purpose=Purpose.CONTROL_ROOM,
        text=wording.text(
            _templates(session),
            "control_room.call",
            organisation.language,
            subject(session, incident),
        ),
        expires_at=now + _validity(session),
        about=about(page),
        priority=incident.priority,
        gather=True,
    )
    queue.put(session, incident.organisation_id, recipient, draft, now)
    return True


def notice(
    session: Session,
    incident: Incident,
    page: Page,
    template: str,
    now: datetime,
    *,
    purpose: Purpose = Purpose.NOTICE,
    **facts: Any,
) -> None:
    """Tell the person of a page something, by the channel in the template's name.

    By text on every mobile that they were called on.
    """
    if page.person_id is None:
        return
    methods = phones.reachable(session, [page.person_id])[page.person_id]
    channel = template.rpartition(".")[2]
    facts = {"code": page.code, "link": _link(session, page), "name": _first_name(page)} | facts
    for chosen in woken.told_on(session, about(page), channel, methods):
        recipient = _recipient(session, channel, chosen)
        if recipient is None:
            continue
        draft = Draft(
            kind=Kind(channel),
            purpose=purpose,
            text=wording.text(
                _templates(session),
                template,
                recipient.language,
                subject(session, incident),
                **facts,
            ),
            expires_at=now + _validity(session),
            about=f"{purpose}:{page.uid}",
            priority=incident.priority,
            gather=channel == Kind.CALL,
        )
        queue.put(session, incident.organisation_id, recipient, draft, now)


def code(session: Session, method: ContactMethod, digits: str, now: datetime) -> None:
    """Send a code to a method that is not confirmed yet, by the way that it reaches."""
    person = session.get_one(Person, method.person_id)
    to = Recipient(
        person.id,
        method.id,
        phones.address_of(session, method),
        method.fingerprint,
        person.language,
    )
    kind = _PROVED_BY[method.kind]
    text = wording.text(
        _templates(session),
        f"code.{kind}",
        person.language,
        code=digits,
        minutes=proofs.CODE_MINUTES,
        name=_called(person),
    )
    draft = Draft(
        kind=kind,
        purpose=Purpose.CODE,
        text=text,
        expires_at=now + timedelta(minutes=proofs.CODE_MINUTES),
        about=f"method:{method.uid}",
        priority=_LEAST_URGENT,
    )
    queue.put(session, person.organisation_id, to, draft, now)


def answer(
    session: Session,
    organisation_id: int,
    to: Recipient,
    template: str,
    now: datetime,
    *,
    page: Page | None = None,
    **facts: Any,
) -> None:
    """Answer a text that came in, at the number it came from."""
    incident = page.callout.incident if page is not None else None
    what = subject(session, incident) if incident is not None else None
    values = {"code": "", "link": "", "minutes": None, "control_room": ""} | facts
    if what is not None:
        values.pop("control_room")
    draft = Draft(
        kind=Kind.SMS,
        purpose=Purpose.ANSWER,
        text=wording.text(_templates(session), template, to.language, what, **values),
        expires_at=now + _validity(session),
        about=f"{Purpose.ANSWER}:{page.uid}" if page is not None else "",
        # However many strangers write, a call-out goes before their answers.
        priority=incident.priority if incident is not None else _LEAST_URGENT,
    )
    queue.put(session, organisation_id, to, draft, now)


def link_of(session: Session, page: Page) -> str:
    """Return the page's link, or nothing where links are switched off."""
    return _link(session, page)


def _link(session: Session, page: Page) -> str:
    chosen = settings(session)
    if not chosen.paging.send_link:
        return ""
    return f"{chosen.web.public_url}/a/{link_token(session, page)}"


def _first_name(page: Page) -> str:
    return _called(page.person) if page.person is not None else ""


def _called(person: Person) -> str:
    return person.name.partition(" ")[0]


def _templates(session: Session) -> Path:
    return settings(session).templates_dir


def _validity(session: Session) -> timedelta:
    return timedelta(minutes=settings(session).paging.text_validity_minutes)


def _recipient(session: Session, channel: str, methods: Sequence[Method]) -> Recipient | None:
    for method in reaching.fitting(channel, methods):
        address = phones.open_address(session, method)
        if address is not None:
            person = method.person
            return Recipient(person.id, method.id, address, method.fingerprint, person.language)
    return None
