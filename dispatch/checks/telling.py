"""What is said when the loop is tried: texts and calls that nobody takes for a call-out.

Each begins with its own word. A code is four digits of which the first is 1: no page has such a
one, so that an answer can never be taken for another's. Messages about a check carry `check:<uid>`,
those to whoever is asked to stay `stay:<uid>`; a call-out goes before any of them.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from dispatch import seal, texts
from dispatch.channels import segments
from dispatch.channels.contract import Kind, State
from dispatch.checks.models import Check, CheckKind
from dispatch.db import Session
from dispatch.errors import Conflict
from dispatch.outbox import queue
from dispatch.outbox.models import Message, Purpose
from dispatch.outbox.queue import Draft, Recipient
from dispatch.people import phones
from dispatch.people.models import MethodKind, Person, Team
from dispatch.people.phones import Method
from dispatch.rota.days import local
from dispatch.rota.models import Line
from dispatch.settings import Settings
from dispatch.texts import N_, Sentence

#: The first word of what is sent.
WORDS = {
    CheckKind.CHECK_IN: N_("CHECK-IN"),
    CheckKind.TEST: N_("TEST"),
    CheckKind.REMINDER: N_("REMINDER"),
}
_PRIORITY = 3
#: Whom people ring in need, among numbers of four digits that begin like a code.
_EMERGENCY = frozenset({"1177", "1414", "1717", "1722", "1733", "1771", "1811", "1813", "1881"})
_LETTERS = str.maketrans("0123456789abcdef", "ghijkmnpqrstuvwx")

_ASKED = N_(
    "%(team)s, %(line)s: your turn begins %(at)s. Answer %(yes)s %(code)s, or %(no)s %(code)s if "
    "you cannot."
)
_ASKED_LINE = N_(
    "%(team)s, %(line)s: the turn of %(name)s has begun. Do you have this telephone, %(name)s? "
    "Answer %(yes)s %(code)s or %(no)s %(code)s."
)
_TESTED = N_("no call-out. Answer %(yes)s %(code)s: that shows that your texts reach us.")
_REMINDED = N_("%(team)s, %(line)s: your turn is from %(begin)s to %(end)s.")
_STAY = N_(
    "%(team)s, %(line)s: %(name)s has not answered. Stay on duty until you hear that %(name)s is "
    "reached."
)
_GO = N_("%(team)s, %(line)s: %(name)s is reached. Your turn is over.")
_MOVED = N_("%(team)s, %(line)s: %(name)s has the turn no longer. See the rota for who follows.")
_CALLED = N_(
    "Check-in. This is Dispatch for %(name)s. Your turn in %(team)s begins %(at)s. Press 1 if you "
    "are on duty. Press 2 if you cannot."
)
_CALLED_TEST = N_(
    "Test. This is Dispatch for %(name)s. There is no call-out. Press 1 to show that calls reach "
    "you."
)
_CALLED_STAY = N_(
    "Check-in. This is Dispatch for %(name)s. %(other)s has not answered. Stay on duty until you "
    "hear that %(other)s is reached. Press 1 to confirm."
)


def about(check: Check) -> str:
    """Return what the messages to whoever is checked are about."""
    return f"check:{check.uid}"


def stays(check: Check) -> str:
    """Return what the messages to whoever is asked to stay are about."""
    return f"stay:{check.uid}"


def token(session: Session, uid: str) -> str:
    """Return the secret of a check's link: derived, so that no copy of the database opens it."""
    return seal.fingerprint(session, f"check:{uid}")[:32].translate(_LETTERS)


def new_code(session: Session) -> str:
    """Return digits that no check which is still open has."""
    used = set(session.scalars(sa.select(Check.code).where(Check.ended_at.is_(None))))
    for _ in range(50):
        code = f"1{secrets.randbelow(1000):03}"
        if code not in used | _EMERGENCY:
            return code
    raise Conflict("No free answer code; too many checks are open.")


def ask_by_text(session: Session, check: Check, until: datetime, now: datetime) -> bool:
    """Text whoever is checked; False when no telephone of theirs takes texts."""
    method = _method(session, check, Kind.SMS)
    if method is None:
        return False
    yes, no = texts.ANSWER_WORDS.get(check.person.language, texts.ANSWER_WORDS["en"])
    said = _TESTED
    if check.kind is CheckKind.CHECK_IN:
        said = _ASKED if check.method_id is None else _ASKED_LINE
    facts = _facts(session, check) | {"yes": yes, "no": no, "code": check.code}
    words = _written(session, check, check.person, Sentence(said, **facts))
    return _put(session, Kind.SMS, method, words, about(check), until, now)


def ask_by_call(session: Session, check: Check, until: datetime, now: datetime) -> bool:
    """Ring whoever is checked; False when they have no telephone."""
    method = _method(session, check, Kind.CALL)
    if method is None:
        return False
    said = _CALLED_TEST if check.kind is CheckKind.TEST else _CALLED
    language = check.person.language
    words = texts.say(language, said, **_facts(session, check))
    return _put(session, Kind.CALL, method, words, about(check), until, now)


def remind(
    session: Session, check: Check, *, by_mail: bool, until: datetime, now: datetime
) -> bool:
    """Remind somebody of their turn, by text, or by mail where that is sent and they prefer it."""
    settings: Settings = session.info["settings"]
    kinds = [Kind.MAIL, Kind.SMS] if by_mail and settings.mail.host else [Kind.SMS]
    for kind in kinds:
        method = _method(session, check, kind)
        if method is not None:
            said = Sentence(_REMINDED, **_facts(session, check))
            words = _written(session, check, check.person, said, by_mail=kind is Kind.MAIL)
            return _put(session, kind, method, words, about(check), until, now)
    return False


def ask_to_stay(session: Session, check: Check, until: datetime, now: datetime) -> bool:
    """Ring and text whoever is still on duty; False when they cannot be reached either."""
    person = check.outgoing
    assert person is not None, "somebody is asked to stay"
    methods = phones.reachable(session, [person.id])[person.id]
    rung = next((one for one in methods if Kind.CALL in one.kinds), None)
    facts = {"name": _called(person), "other": check.person.name}
    words = texts.say(person.language, _CALLED_STAY, **facts)
    called = rung is not None and _put(session, Kind.CALL, rung, words, stays(check), until, now)
    return _tell_outgoing(session, check, _STAY, until, now) or called


def release(session: Session, check: Check, now: datetime, *, moved: bool = False) -> None:
    """Tell whoever was asked to stay that they can go, or that somebody else follows."""
    if check.outgoing_id is not None:
        queue.withdraw(session, [stays(check)], now)
        until = now + timedelta(hours=2)
        _tell_outgoing(session, check, _MOVED if moved else _GO, until, now)


def _tell_outgoing(
    session: Session, check: Check, said: str, until: datetime, now: datetime
) -> bool:
    person = check.outgoing
    assert person is not None, "somebody is asked to stay"
    methods = phones.reachable(session, [person.id])[person.id]
    method = next((one for one in methods if one.texts), None)
    if method is None:
        return False
    facts = _facts(session, check) | {"name": check.person.name}
    words = _written(session, check, person, Sentence(said, **facts), linked=False)
    return _put(session, Kind.SMS, method, words, stays(check), until, now)


def reply(
    session: Session, check: Check, address: str, method_id: int, said: Sentence, now: datetime
) -> None:
    """Answer a text about a check at the number that it came from."""
    words = _written(session, check, check.person, said, linked=False)
    fingerprint = seal.fingerprint(session, address)
    to = Recipient(check.person_id, method_id, address, fingerprint, check.person.language)
    until = now + timedelta(hours=1)
    draft = Draft(Kind.SMS, Purpose.ANSWER, words, until, f"said:{check.uid}", _PRIORITY)
    queue.put(session, check.person.organisation_id, to, draft, now)


def texted(session: Session, check: Check) -> Sequence[Message]:
    """Return the texts that asked, oldest first."""
    query = sa.select(Message).where(Message.about == about(check), Message.kind == Kind.SMS)
    found = session.scalars(query.order_by(Message.id).execution_options(populate_existing=True))
    return found.all()


def failed(session: Session, checks: Sequence[Check]) -> set[str]:
    """Return the uids of checks whose message certainly did not arrive."""
    names = {about(check): check.uid for check in checks}
    query = sa.select(Message.about).where(
        Message.about.in_(names), Message.status == State.FAILED, Message.kind == Kind.SMS
    )
    return {names[name] for name in session.scalars(query)}


def team_and_line(session: Session, check: Check) -> tuple[Team, str]:
    """Return the team and the name of the line that a check is about."""
    team = session.get_one(Team, check.team_id)
    line = session.get(Line, check.line_id) if check.line_id is not None else None
    return team, line.name if line is not None else ""


def _facts(session: Session, check: Check) -> dict[str, object]:
    team, line = team_and_line(session, check)
    begin, end = (local(at, team.time_zone) for at in (check.begins_at, check.ends_at))
    name = _called(check.person)
    return {"team": team.name, "line": line, "at": begin, "begin": begin, "end": end, "name": name}


def _written(
    session: Session,
    check: Check,
    person: Person,
    said: Sentence,
    *,
    linked: bool = True,
    by_mail: bool = False,
) -> str:
    settings: Settings = session.info["settings"]
    word = texts.say(person.language, WORDS[check.kind])
    line = f"{word}: {texts.say(person.language, said.text, **said.facts)}"
    place = "turns" if check.kind is CheckKind.REMINDER else f"c/{token(session, check.uid)}"
    link = f"{settings.web.public_url}/{place}"
    if by_mail:
        return f"{line}\n\n{line}\n{link}\n"
    return segments.plain(f"{line} {link}" if linked and settings.paging.send_link else line)


def _method(session: Session, check: Check, kind: Kind) -> Method | None:
    """Return where to reach whoever is checked; the one telephone that is tried stands alone."""
    methods = phones.reachable(session, [check.person_id])[check.person_id]
    found = [one for one in methods if kind in one.kinds]
    asked = next((one for one in found if one.id == check.method_id), None)
    if check.kind is CheckKind.TEST and check.method_id is not None:
        return asked
    return asked or next(iter(found), None)


def _put(
    session: Session,
    kind: Kind,
    method: Method,
    words: str,
    subject: str,
    until: datetime,
    now: datetime,
) -> bool:
    address, person = phones.open_address(session, method), method.person
    if address is None:
        return False
    to = Recipient(person.id, method.id, address, method.fingerprint, person.language)
    draft = Draft(
        kind=Kind.MAIL if method.kind is MethodKind.MAIL else kind,
        purpose=Purpose.NOTICE,
        text=words,
        expires_at=until,
        about=subject,
        priority=_PRIORITY,
        gather=kind is Kind.CALL,
    )
    queue.put(session, person.organisation_id, to, draft, now)
    return True


def _called(person: Person) -> str:
    return person.name.partition(" ")[0]
