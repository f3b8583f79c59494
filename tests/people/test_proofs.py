"""Codes that prove whose an address is."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from dispatch.audit import AuditDetail
from dispatch.errors import Conflict
from dispatch.people import phones, proofs
from dispatch.people.models import ContactMethod, MethodKind
from dispatch.people.proofs import Verdict
from tests.people.conftest import ADA, NOW, Cast


def added(cast: Cast, address: str = "an@zone.example") -> ContactMethod:
    """Add a mail address of somebody."""
    return phones.add_method(cast.session, cast.person(address), MethodKind.MAIL, address, ADA, NOW)


@pytest.fixture
def method(cast: Cast) -> ContactMethod:
    return added(cast)


def asked(cast: Cast, method: ContactMethod, minutes: float = 0) -> str:
    """Ask for a code so many minutes from now."""
    return proofs.new_code(cast.session, method, ADA, NOW + timedelta(minutes=minutes))


def answered(cast: Cast, method: ContactMethod, code: str, minutes: float = 1) -> Verdict:
    """Answer so many minutes from now."""
    return proofs.answer(cast.session, method, code, ADA, NOW + timedelta(minutes=minutes))


def is_used(cast: Cast, method: ContactMethod) -> bool:
    return phones.reachable(cast.session, [method.person_id])[method.person_id] != []


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def test_the_right_code_confirms_and_works_once(cast: Cast, method: ContactMethod):
    code = asked(cast, method)
    assert not is_used(cast, method)
    assert answered(cast, method, f" {code[:3]} {code[3:]} ") is Verdict.RIGHT
    assert is_used(cast, method)
    assert answered(cast, method, code) is Verdict.VOID


def test_a_wrong_code_confirms_nothing_and_five_end_it(cast: Cast, method: ContactMethod):
    code = asked(cast, method)
    verdicts = [answered(cast, method, other_than(code)) for _ in range(6)]
    assert verdicts == [Verdict.WRONG] * 5 + [Verdict.VOID]
    assert answered(cast, method, code) is Verdict.VOID
    assert not is_used(cast, method)


def test_an_old_code_is_void(cast: Cast, method: ContactMethod):
    code = asked(cast, method)
    assert answered(cast, method, code, minutes=15) is Verdict.VOID


def test_a_new_code_ends_the_one_before(cast: Cast, method: ContactMethod):
    first, second = asked(cast, method), asked(cast, method)
    if first != second:
        assert answered(cast, method, first) is Verdict.WRONG
    assert answered(cast, method, second) is Verdict.RIGHT


def test_without_a_code_nothing_is_right(cast: Cast, method: ContactMethod):
    assert answered(cast, method, "") is Verdict.VOID
    assert answered(cast, method, "000000") is Verdict.VOID


def test_a_code_is_good_for_its_own_address_only(cast: Cast, method: ContactMethod):
    other = added(cast, "an@home.example")
    code, others = asked(cast, method), asked(cast, other)
    if code != others:
        assert answered(cast, other, code) is Verdict.WRONG


def test_so_many_codes_an_hour_and_no_more(cast: Cast, method: ContactMethod):
    for _ in range(5):
        asked(cast, method)
    with pytest.raises(Conflict, match="Too many codes"):
        asked(cast, method)
    asked(cast, method, minutes=60)


def test_a_removed_address_gets_no_code_and_its_code_is_void(cast: Cast, method: ContactMethod):
    code = asked(cast, method)
    phones.remove(cast.session, method, ADA, NOW)
    assert answered(cast, method, code) is Verdict.VOID
    with pytest.raises(Conflict):
        asked(cast, method)


def test_no_code_is_kept_in_clear(cast: Cast, method: ContactMethod):
    code = asked(cast, method)
    told = [str(entry) for entry in cast.session.scalars(sa.select(AuditDetail.details))]
    assert method.code_digest not in ("", code)
    assert not any(code in entry for entry in told)
