"""Contact methods: how people are reached, and who owns a number that writes to us.

Numbers are kept in E.164, mail addresses in small letters, a browser as the subscription it gave;
all are sealed under the key of the person's employer and found by fingerprint.
Only a method that its owner or an administrator has confirmed is ever used. What suppliers say of
an address (unusable, blocked by a stop word, reached) is kept here, so that the next page takes
another way. Which method is tried when is left to `paging.policy`, rights to the screens.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import phonenumbers
import sqlalchemy as sa

from dispatch import audit, logs, seal
from dispatch.audit import Actor
from dispatch.channels import webpush
from dispatch.channels.contract import Kind
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import ContactMethod, MethodKind, Organisation, Person
from dispatch.texts import N_

log = logs.logger(__name__)

#: Places of a line's telephone among those of whoever has it, before and after all of their own.
_LINE_FIRST, _LINE_LAST = -1, 10_000

_Type = phonenumbers.PhoneNumberType
_FITTING = {
    MethodKind.MOBILE: {_Type.MOBILE, _Type.FIXED_LINE_OR_MOBILE},
    MethodKind.LANDLINE: {_Type.FIXED_LINE, _Type.FIXED_LINE_OR_MOBILE, _Type.VOIP},
}
_NOT_FITTING = {
    MethodKind.MOBILE: N_("This is not a mobile number: a text would not arrive."),
    MethodKind.LANDLINE: N_("This is not a landline number. Choose mobile, or check the number."),
}


@dataclass(frozen=True)
class Method:
    """A usable way to reach somebody; the address stays sealed until it is needed."""

    id: int
    person: Person
    kind: MethodKind
    uid: str
    sealed_address: str
    fingerprint: str
    texts: bool
    """Takes texts: a mobile whose owner has not texted a stop word. Calls reach it all the same."""
    reached_at: datetime | None = None

    @property
    def kinds(self) -> frozenset[Kind]:
        """Which kinds of message reach it."""
        return _KINDS[self.kind] - (frozenset() if self.texts else {Kind.SMS})


_KINDS = {
    MethodKind.MOBILE: frozenset({Kind.SMS, Kind.CALL}),
    MethodKind.LANDLINE: frozenset({Kind.CALL}),
    MethodKind.MAIL: frozenset({Kind.MAIL}),
    MethodKind.PUSH: frozenset({Kind.PUSH}),
}


def e164(number: str, country: str) -> str:
    """Return a telephone number in E.164, read as somebody in `country` writes it.

    Raises Invalid.
    """
    return phonenumbers.format_number(_parsed(number, country), phonenumbers.PhoneNumberFormat.E164)


def _parsed(number: str, country: str) -> phonenumbers.PhoneNumber:
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not phonenumbers.is_valid_number(parsed):
        sentence = N_("This is no complete telephone number. Write it like +32 470 12 34 56.")
        raise Invalid(sentence, address=sentence)
    return parsed


def mail_address(address: str) -> str:
    """Return a mail address as it is kept. Raises Invalid."""
    # Seven bits: a server on the way may know no more.
    if not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+", address.strip()):
        sentence = N_("This is no mail address. Write it like an.peeters@zone.example.")
        raise Invalid(sentence, address=sentence)
    return address.strip().lower()


def masked(number: str) -> str:
    """Return an E.164 number as those see it who need not ring it: +32 4.. .. .. 12."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "…"
    national = str(parsed.national_number)
    return f"+{parsed.country_code} {national[0]}.. .. .. {national[-2:]}"


def spaced(number: str) -> str:
    """Return an E.164 number as people read it aloud: +32 470 12 34 56."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def shown(kind: MethodKind, address: str, *, in_full: bool = True) -> str:
    """Return an address as people read it, or as those see it who need not use it."""
    if kind is MethodKind.PUSH:
        # The rest of it is a secret that lets anybody who has it write there.
        return urlsplit(webpush.subscription(address).endpoint).hostname or "" if address else ""
    if kind is MethodKind.MAIL:
        return address if in_full else "…@" + address.rpartition("@")[2]
    return spaced(address) if in_full else masked(address)


def add_method(
    session: Session,
    person: Person,
    kind: MethodKind,
    address: str,
    actor: Actor,
    now: datetime,
    *,
    line_id: int | None = None,
) -> ContactMethod:
    """Add a method after the others, not yet verified; one of a line goes on with its turns.

    Raises Invalid when the address is none of that kind, Conflict when the person, or the line,
    has one already.
    """
    if line_id is not None and of_lines(session, [line_id]):
        sentence = N_("This line has a telephone already. Remove that first.")
        raise Conflict(sentence)
    address = _address(session, person, kind, address)
    fingerprint = seal.fingerprint(session, address)
    present = methods(session, person)
    if any(method.fingerprint == fingerprint for method in present):
        raise Conflict(N_("This person has this address already."))
    uid = seal.new_token()
    method = ContactMethod(
        uid=uid,
        person_id=person.id,
        kind=kind,
        position=max((method.position for method in present), default=-1) + 1,
        sealed_address=seal.seal(session, person.organisation_id, _place(uid), address),
        fingerprint=fingerprint,
        line_id=line_id,
    )
    session.add(method)
    session.flush()
    audit.record(session, actor, "method.added", f"person:{person.id}", _facts(method), now)
    return method


def _address(session: Session, person: Person, kind: MethodKind, address: str) -> str:
    if kind is MethodKind.MAIL:
        return mail_address(address)
    if kind is MethodKind.PUSH:
        try:
            return webpush.subscription(address).text()
        except ValueError:
            sentence = N_("This browser cannot be notified. Allow notices, then try again.")
            raise Invalid(sentence, address=sentence) from None
    employer = session.get_one(Organisation, person.organisation_id)
    parsed = _parsed(address, employer.country)
    if phonenumbers.number_type(parsed) not in _FITTING[kind]:
        raise Invalid(_NOT_FITTING[kind], address=_NOT_FITTING[kind])
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def methods(session: Session, person: Person) -> list[ContactMethod]:
    """Return a person's methods in the order in which they are tried, usable or not."""
    query = _present().where(ContactMethod.person_id == person.id)
    return list(session.scalars(query.order_by(ContactMethod.position, ContactMethod.id)))


def counts(session: Session) -> Mapping[MethodKind, int]:
    """Return how many confirmed methods of each kind there are."""
    query = sa.select(ContactMethod.kind, sa.func.count()).group_by(ContactMethod.kind)
    query = query.where(ContactMethod.removed_at.is_(None), ContactMethod.verified_at.is_not(None))
    found = dict(session.execute(query).all())
    return {kind: found.get(kind, 0) for kind in MethodKind}


def verify(session: Session, method: ContactMethod, actor: Actor, now: datetime) -> None:
    """Confirm that the address is the person's; it is used from now on."""
    if method.removed_at is not None:
        raise Conflict(N_("This address was removed. Add it again."))
    method.verified_at = now
    method.unusable_at = None
    session.flush()
    audit.record(
        session, actor, "method.verified", f"person:{method.person_id}", _facts(method), now
    )


def remove(session: Session, method: ContactMethod, actor: Actor, now: datetime) -> None:
    """Stop using a method and erase its address."""
    if method.removed_at is None:
        method.removed_at = now
        method.sealed_address = method.fingerprint = method.code_digest = ""
        method.line_id = None
        session.flush()
        subject = f"person:{method.person_id}"
        audit.record(session, actor, "method.removed", subject, _facts(method), now)


def put_first(session: Session, method: ContactMethod, actor: Actor, now: datetime) -> None:
    """Let a method be tried before all others of its person."""
    others = [
        other
        for other in methods(session, session.get_one(Person, method.person_id))
        if other.id != method.id
    ]
    for position, other in enumerate([method, *others]):
        other.position = position
    session.flush()
    audit.record(session, actor, "method.first", f"person:{method.person_id}", _facts(method), now)


def pass_on(
    session: Session,
    method: ContactMethod,
    person: Person,
    actor: Actor,
    now: datetime,
    *,
    confirmed: bool,
) -> None:
    """Let a line's telephone be somebody's; first of theirs once they said that they have it."""
    if method.person_id != person.id:
        address = address_of(session, method)
        method.sealed_address = seal.seal(
            session, person.organisation_id, _place(method.uid), address
        )
        method.person_id = person.id
    method.held_at = now if confirmed else None
    method.position = _LINE_FIRST if confirmed else _LINE_LAST
    session.flush()
    facts = _facts(method) | {"confirmed": confirmed}
    audit.record(session, actor, "method.passed_on", f"person:{person.id}", facts, now)


def of_lines(session: Session, line_ids: Collection[int]) -> list[ContactMethod]:
    """Return the telephones of lines, usable or not."""
    return list(session.scalars(_present().where(ContactMethod.line_id.in_(line_ids))))


def note_answer(session: Session, fingerprint: str) -> None:
    """Note that a text came from a number: what is asked there can be answered there."""
    mute = sa.and_(ContactMethod.fingerprint == fingerprint, ContactMethod.mute_at.is_not(None))
    _mark(session, mute, mute_at=None)


def mark_mute(session: Session, method_id: int, now: datetime) -> None:
    """Note that a text arrived there and none came back."""
    _mark(session, ContactMethod.id == method_id, mute_at=now)


def reachable(session: Session, person_ids: Iterable[int]) -> dict[int, list[Method]]:
    """Return each person's verified and usable methods in order, in one query.

    Somebody who left has none.
    """
    result: dict[int, list[Method]] = {person_id: [] for person_id in person_ids}
    for method, person in session.execute(_REACHABLE, {"people": list(result)}):
        result[person.id].append(
            Method(
                method.id,
                person,
                method.kind,
                method.uid,
                method.sealed_address,
                method.fingerprint,
                texts=method.kind is MethodKind.MOBILE and method.blocked_at is None,
                reached_at=method.reached_at,
            )
        )
    return result


def out_of_order(session: Session, person_ids: Iterable[int]) -> set[int]:
    """Return who of these has a verified method that the supplier cannot reach."""
    query = _present().where(ContactMethod.person_id.in_(list(person_ids)))
    query = query.where(ContactMethod.verified_at.is_not(None))
    found = session.scalars(query.where(ContactMethod.unusable_at.is_not(None)))
    return {method.person_id for method in found}


def address_of(session: Session, method: Method | ContactMethod) -> str:
    """Return the address in clear, as a channel takes it; empty once removed."""
    if not method.sealed_address:
        return ""
    if isinstance(method, ContactMethod):
        owner = session.get_one(Person, method.person_id).organisation_id
    else:
        owner = method.person.organisation_id
    return seal.unseal(session, owner, _place(method.uid), method.sealed_address)


def open_address(session: Session, method: Method | ContactMethod) -> str | None:
    """Return the address in clear, or None for one that does not open: a fault to be looked at.

    One address that was changed or whose key is missing may keep nobody else from being called.
    """
    try:
        return address_of(session, method)
    except seal.Unsealable:
        log.error("address_unreadable", method=method.uid)
        return None


def by_number(session: Session, number: str) -> list[ContactMethod]:
    """Return the methods with this E.164 number, verified or not; a shared phone has several."""
    query = _present().where(ContactMethod.fingerprint == seal.fingerprint(session, number))
    return list(session.scalars(query.order_by(ContactMethod.id)))


def block(session: Session, fingerprint: str, now: datetime) -> None:
    """Note that the owner texted a stop word: the supplier refuses texts until START."""
    _mark(session, ContactMethod.fingerprint == fingerprint, blocked_at=now)


def unblock(session: Session, fingerprint: str) -> None:
    """Note that texts go through again."""
    _mark(session, ContactMethod.fingerprint == fingerprint, blocked_at=None)


def mark_unusable(session: Session, method_id: int, now: datetime) -> None:
    """Note that the supplier said the address cannot be reached; verifying it again undoes this."""
    _mark(session, ContactMethod.id == method_id, unusable_at=now)


def mark_reached(session: Session, method_id: int, now: datetime) -> None:
    """Note a receipt of delivery."""
    _mark(session, ContactMethod.id == method_id, reached_at=now)


def _mark(session: Session, which: sa.ColumnElement[bool], **instants: datetime | None) -> None:
    session.execute(sa.update(ContactMethod).where(which).values(**instants))


def _present() -> sa.Select[ContactMethod]:
    return sa.select(ContactMethod).where(ContactMethod.removed_at.is_(None))


_REACHABLE = (
    _present()
    .join(Person)
    .where(ContactMethod.person_id.in_(sa.bindparam("people", expanding=True)))
    .where(Person.left_at.is_(None), ContactMethod.unusable_at.is_(None))
    .where(ContactMethod.verified_at.is_not(None))
    .order_by(ContactMethod.position, ContactMethod.id)
    .add_columns(Person)
)


def _place(uid: str) -> str:
    return f"contact_method.sealed_address:{uid}"


def _facts(method: ContactMethod) -> dict[str, str]:
    return {"kind": method.kind.value, "method": method.uid}
