"""Whose an address is: a code is sent there, and whoever reads it gives it back.

Promise: six digits from the machine's own randomness, kept only as a keyed digest; good for a
quarter of an hour, for one right answer and for five wrong ones at most, and void as soon as a new
one is asked for; a few an hour. A wrong answer is counted, so it is returned and never raised: the
count must outlive a refusal. Bringing the code there is left to `paging.telling`, the question to
the screens.
"""

import hmac
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from dispatch import audit, seal, upkeep
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict
from dispatch.people import phones
from dispatch.people.models import ContactMethod
from dispatch.texts import N_

CODE_MINUTES = 15
_DIGITS = 6
_WRONG_ANSWERS = 5
_CODES_AN_HOUR = 5
_HOUR_SECONDS = 3600


class Verdict(StrEnum):
    """What an answer was."""

    RIGHT = "right"
    """The address is the person's, and is used from now on."""
    WRONG = "wrong"
    VOID = "void"
    """No code can be answered any more: it was used, is too old, or was guessed at too often."""


def new_code(session: Session, method: ContactMethod, actor: Actor, now: datetime) -> str:
    """Return a code to be sent to a method; an earlier one is void.

    Raises Conflict when the method was removed, or had too many codes this hour.
    """
    if method.removed_at is not None:
        raise Conflict(N_("This address was removed. Add it again."))
    key = seal.fingerprint(session, f"code to {method.uid}")
    if upkeep.hits(session, key, now, _HOUR_SECONDS) > _CODES_AN_HOUR:
        raise Conflict(N_("Too many codes were sent there. Wait an hour, then try again."))
    code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"
    method.code_digest = _digest(session, method, code)
    method.code_until, method.code_attempts = now + timedelta(minutes=CODE_MINUTES), 0
    session.flush()
    subject = f"person:{method.person_id}"
    facts = {"kind": method.kind.value, "method": method.uid}
    audit.record(session, actor, "method.code_sent", subject, facts, now)
    return code


def answer(
    session: Session, method: ContactMethod, code: str, actor: Actor, now: datetime
) -> Verdict:
    """Judge an answer; the right one confirms the method."""
    # Two answers at once must not be two times five.
    session.refresh(method, with_for_update=True)
    if not is_asked(method, now):
        return Verdict.VOID
    given = _digest(session, method, "".join(code.split()))
    if not hmac.compare_digest(given, method.code_digest):
        method.code_attempts += 1
        session.flush()
        return Verdict.WRONG
    method.code_digest = ""
    phones.verify(session, method, actor, now)
    return Verdict.RIGHT


def is_asked(method: ContactMethod, now: datetime) -> bool:
    """Tell whether a code that was sent to a method can still be answered."""
    if not method.code_digest or method.code_until is None:
        return False
    return method.code_until > now and method.code_attempts < _WRONG_ANSWERS


def _digest(session: Session, method: ContactMethod, code: str) -> str:
    return seal.fingerprint(session, f"code {method.uid} {code}")
