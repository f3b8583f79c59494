"""The centre's own numbers as a contact card, to be saved on the telephone that must ring at night.

A telephone that is set not to disturb lets through whom its owner named an emergency contact, and
whoever rings twice within three minutes: saved once, each call-out comes under a known name. The
card holds numbers that stand in every call-out anyway, and is found by an address that nobody can
guess, so that it opens without a sign-in. Promise: the same card for the same numbers, so that
saving it again changes the contact instead of adding a second.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from dispatch import seal, upkeep
from dispatch.channels.contract import Kind
from dispatch.db import Session
from dispatch.errors import Conflict, NotFound
from dispatch.outbox import queue
from dispatch.outbox.models import Purpose
from dispatch.outbox.queue import Draft, Recipient
from dispatch.paging import reaching, telling, wording
from dispatch.people import phones
from dispatch.people.models import Organisation, Person
from dispatch.texts import N_

VERSIONS = ("3.0", "4.0")
_VALID_HOURS = 12
_LEAST_URGENT = 3
_CARDS_AN_HOUR, _HOUR_SECONDS = 5, 3600


def numbers(session: Session, organisation: Organisation) -> list[str]:
    """Return every number that calls or texts people for an organisation, the caller's first."""
    chosen = telling.settings(session)
    found = [
        chosen.twilio.sender,
        *chosen.twilio.more_senders,
        chosen.gateway.sender,
        organisation.control_room_phone,
    ]
    return list(dict.fromkeys(number for number in found if number.startswith("+")))


def address(session: Session, organisation: Organisation) -> str:
    """Return where the card of an organisation is found."""
    return f"{telling.settings(session).web.public_url}/contact/{_token(session, organisation)}.vcf"


def behind(session: Session, token: str) -> Organisation:
    """Return whose card an address is. Raises NotFound."""
    for organisation in session.scalars(sa.select(Organisation).order_by(Organisation.id)):
        if _token(session, organisation) == token:
            return organisation
    raise NotFound(N_("This link is not valid any more."))


def _token(session: Session, organisation: Organisation) -> str:
    return seal.fingerprint(session, f"contact card:{organisation.id}")[:24]


def card(name: str, found: Sequence[str], uid: str, version: str = VERSIONS[0]) -> str:
    """Return a vCard (RFC 2426 or 6350) with these numbers (pure)."""
    name = _escaped(name)
    lines = ["BEGIN:VCARD", f"VERSION:{version}", f"UID:{uid}", f"FN:{name}"]
    if version == "4.0":
        lines += ["KIND:org", f"ORG:{name}"]
        lines += [f'TEL;VALUE=uri;TYPE="work,voice,text":tel:{number}' for number in found]
    else:
        lines += [f"N:{name};;;;", f"ORG:{name}"]
        lines += [f"TEL;TYPE=WORK,VOICE:{number}" for number in found]
    return "".join(f"{line}\r\n" for line in [*lines, "END:VCARD"])


def _escaped(text: str) -> str:
    for mark in ("\\", ";", ","):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())[:60]


def text(session: Session, person: Person, now: datetime) -> None:
    """Text somebody where the card is. Raises Conflict when no text reaches them, or too many."""
    methods = phones.reachable(session, [person.id])[person.id]
    method = next(iter(reaching.fitting(reaching.SMS, methods)), None)
    number = phones.open_address(session, method) if method is not None else None
    if method is None or number is None:
        raise Conflict(N_("No confirmed mobile takes texts: the card cannot be sent there."))
    key = seal.fingerprint(session, f"card to {person.id}")
    if upkeep.hits(session, key, now, _HOUR_SECONDS) > _CARDS_AN_HOUR:
        raise Conflict(N_("The card was sent there several times. Wait an hour, then try again."))
    employer = session.get_one(Organisation, person.organisation_id)
    chosen = telling.settings(session)
    draft = Draft(
        kind=Kind.SMS,
        purpose=Purpose.NOTICE,
        text=wording.text(
            chosen.templates_dir,
            "card.sms",
            person.language,
            centre=chosen.centre.name,
            link=address(session, employer),
        ),
        expires_at=now + timedelta(hours=_VALID_HOURS),
        about=f"card:{person.id}",
        priority=_LEAST_URGENT,
    )
    to = Recipient(person.id, method.id, number, method.fingerprint, person.language)
    queue.put(session, employer.id, to, draft, now)
