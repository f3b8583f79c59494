"""Contact methods: what is accepted, what is used, and who owns a number."""

import json

import pytest
import sqlalchemy as sa

from dispatch import audit
from dispatch.channels import webpush
from dispatch.channels.contract import Kind
from dispatch.errors import Conflict, Invalid
from dispatch.people import phones
from dispatch.people.models import ContactMethod, MethodKind, Person
from tests.people.conftest import ADA, NOW, Cast

MOBILE, LANDLINE = MethodKind.MOBILE, MethodKind.LANDLINE
MAIL, PUSH = MethodKind.MAIL, MethodKind.PUSH
#: As a browser tells it; the keys are those of the examples of RFC 8291.
BROWSER = json.dumps(
    {
        "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/secret",
        "expirationTime": None,
        "keys": {
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
            "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
    }
)


def added(cast: Cast, person: Person, address: str, kind: MethodKind = MOBILE) -> ContactMethod:
    method = phones.add_method(cast.session, person, kind, address, ADA, NOW)
    phones.verify(cast.session, method, ADA, NOW)
    return method


@pytest.mark.parametrize(
    ("country", "written", "kind", "kept"),
    [
        ("BE", "0470 12 34 56", MOBILE, "+32470123456"),
        ("BE", "+32 (0)470/12.34.56", MOBILE, "+32470123456"),
        ("BE", "0032470123456", MOBILE, "+32470123456"),
        ("BE", "053 12 34 56", LANDLINE, "+3253123456"),
        ("SE", "070-174 06 05", MOBILE, "+46701740605"),
        ("DK", "20 12 34 56", MOBILE, "+4520123456"),
        ("BE", "+46701740605", MOBILE, "+46701740605"),
        ("BE", " An.Peeters@Zone.example ", MAIL, "an.peeters@zone.example"),
    ],
)
def test_an_address_is_read_as_people_of_the_country_write_it(
    cast: Cast, country: str, written: str, kind: MethodKind, kept: str
):
    cast.dender.country = country
    method = phones.add_method(cast.session, cast.person("An"), kind, written, ADA, NOW)
    assert phones.address_of(cast.session, method) == kept
    assert kept not in method.sealed_address


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("", MOBILE),
        ("112", MOBILE),
        ("0470 12 34", MOBILE),
        ("053 12 34 56", MOBILE),
        ("0470 12 34 56", LANDLINE),
        ("0900 12 345", LANDLINE),
        ("call me", MOBILE),
        ("an@zone", MAIL),
        ("an@zone.example\r\nBcc: all@zone.example", MAIL),
        ("née@zone.example", MAIL),
        ("https://push.example/x", PUSH),
        ('{"endpoint": "https://push.example/x"}', PUSH),
        ("an peeters@zone.example", MAIL),
    ],
)
def test_what_cannot_be_reached_that_way_is_refused_by_its_field(
    cast: Cast, written: str, kind: MethodKind
):
    with pytest.raises(Invalid) as refusal:
        phones.add_method(cast.session, cast.person("An"), kind, written, ADA, NOW)
    assert refusal.value.fields["address"] == str(refusal.value)


def test_somebody_has_an_address_once(cast: Cast):
    an = cast.person("An")
    added(cast, an, "0470 12 34 56")
    with pytest.raises(Conflict):
        phones.add_method(cast.session, an, MOBILE, "+32470123456", ADA, NOW)


def test_two_people_may_share_a_phone(cast: Cast):
    an, bert = cast.person("An"), cast.person("Bert")
    shared = [added(cast, person, "0470 12 34 56") for person in (an, bert)]
    assert phones.by_number(cast.session, "+32470123456") == shared
    assert phones.by_number(cast.session, "+32470123457") == []


def test_only_a_confirmed_and_usable_method_of_somebody_present_is_used(cast: Cast):
    an, left = cast.person("An"), cast.person("Left")
    phones.add_method(cast.session, an, MOBILE, "0470 00 00 01", ADA, NOW)
    dead = added(cast, an, "0470 00 00 02")
    gone = added(cast, an, "0470 00 00 03")
    good = added(cast, an, "0470 00 00 04")
    added(cast, left, "0470 00 00 05")
    phones.mark_unusable(cast.session, dead.id, NOW)
    phones.remove(cast.session, gone, ADA, NOW)
    left.left_at = NOW
    cast.session.flush()
    found = phones.reachable(cast.session, [an.id, left.id, 999_999])
    assert {person_id: [one.uid for one in used] for person_id, used in found.items()} == {
        an.id: [good.uid],
        left.id: [],
        999_999: [],
    }


def test_methods_come_in_the_order_in_which_they_are_tried(cast: Cast):
    an = cast.person("An")
    first, second, third = (added(cast, an, f"0470 00 00 0{number}") for number in (1, 2, 3))
    phones.put_first(cast.session, third, ADA, NOW)
    used = [third.uid, first.uid, second.uid]
    assert [one.uid for one in phones.reachable(cast.session, [an.id])[an.id]] == used
    assert [one.uid for one in phones.methods(cast.session, an)] == used


def test_reachable_asks_once_for_everybody(cast: Cast, queries: list[str]):
    people = [cast.person(f"Officer {number}") for number in range(20)]
    added(cast, people[3], "0470 12 34 56")
    cast.session.expire_all()
    ids = [person.id for person in people]
    queries.clear()
    assert len(phones.reachable(cast.session, ids)[ids[3]]) == 1
    assert len(queries) == 1


def test_after_a_stop_word_no_text_is_sent_but_a_call_still_reaches(cast: Cast):
    an = cast.person("An")
    method = added(cast, an, "0470 12 34 56")
    phones.block(cast.session, method.fingerprint, NOW)
    (used,) = phones.reachable(cast.session, [an.id])[an.id]
    assert not used.texts
    phones.unblock(cast.session, method.fingerprint)
    (used,) = phones.reachable(cast.session, [an.id])[an.id]
    assert used.texts


def test_a_landline_takes_no_texts(cast: Cast):
    an = cast.person("An")
    added(cast, an, "053 12 34 56", LANDLINE)
    (used,) = phones.reachable(cast.session, [an.id])[an.id]
    assert not used.texts


def test_a_method_says_in_which_language_and_with_whose_key(cast: Cast):
    an = cast.person("An", cast.town)
    an.language = "fr"
    added(cast, an, "0470 12 34 56")
    (used,) = phones.reachable(cast.session, [an.id])[an.id]
    assert (used.person.language, used.person.organisation_id) == ("fr", cast.town.id)
    assert phones.address_of(cast.session, used) == "+32470123456"


def test_confirming_again_makes_an_unusable_number_usable(cast: Cast):
    an = cast.person("An")
    method = added(cast, an, "0470 12 34 56")
    phones.mark_unusable(cast.session, method.id, NOW)
    cast.session.refresh(method)
    phones.verify(cast.session, method, ADA, NOW)
    assert len(phones.reachable(cast.session, [an.id])[an.id]) == 1


def test_a_receipt_is_noted(cast: Cast):
    method = added(cast, cast.person("An"), "0470 12 34 56")
    phones.mark_reached(cast.session, method.id, NOW)
    cast.session.refresh(method)
    assert method.reached_at == NOW


def test_a_removed_number_is_erased_and_owned_by_nobody(cast: Cast):
    method = added(cast, cast.person("An"), "0470 12 34 56")
    phones.remove(cast.session, method, ADA, NOW)
    phones.remove(cast.session, method, ADA, NOW)
    assert phones.by_number(cast.session, "+32470123456") == []
    assert phones.address_of(cast.session, method) == ""
    with pytest.raises(Conflict):
        phones.verify(cast.session, method, ADA, NOW)


def test_a_removed_number_may_be_added_again(cast: Cast):
    an = cast.person("An")
    phones.remove(cast.session, added(cast, an, "0470 12 34 56"), ADA, NOW)
    assert added(cast, an, "0470 12 34 56").position == 0


def test_every_change_is_audited_without_the_number(cast: Cast):
    an = cast.person("An")
    method = added(cast, an, "0470 12 34 56")
    phones.put_first(cast.session, method, ADA, NOW)
    phones.remove(cast.session, method, ADA, NOW)
    entries = cast.session.execute(
        sa.select(audit.AuditEntry.action, audit.AuditDetail.details)
        .join(audit.AuditDetail, audit.AuditDetail.entry_id == audit.AuditEntry.id)
        .where(audit.AuditEntry.action.like("method.%"))
        .order_by(audit.AuditEntry.id)
    ).all()
    assert [entry.action for entry in entries] == [
        "method.added",
        "method.verified",
        "method.first",
        "method.removed",
    ]
    assert not any("47012" in str(entry.details) for entry in entries)


def test_a_browser_is_sealed_like_any_address_and_shown_by_its_service_only(cast: Cast):
    """Whoever has the rest of its address can write there."""
    method = added(cast, cast.person("An"), BROWSER, PUSH)
    address = phones.address_of(cast.session, method)
    assert webpush.subscription(address) == webpush.subscription(BROWSER)
    assert "mozilla" not in method.sealed_address
    assert phones.shown(PUSH, address) == "updates.push.services.mozilla.com"


def test_one_browser_is_added_once_however_it_writes_its_subscription(cast: Cast):
    an = cast.person("An")
    added(cast, an, BROWSER, PUSH)
    with pytest.raises(Conflict):
        added(cast, an, json.dumps(json.loads(BROWSER), indent=2), PUSH)


def test_each_method_is_reached_by_its_own_kinds_of_message(cast: Cast):
    an = cast.person("An")
    added(cast, an, "0470 12 34 56")
    added(cast, an, "053 12 34 56", LANDLINE)
    added(cast, an, "an@zone.example", MAIL)
    added(cast, an, BROWSER, PUSH)
    mobile, landline, mail, browser = phones.reachable(cast.session, [an.id])[an.id]
    assert mobile.kinds == {Kind.SMS, Kind.CALL}
    assert landline.kinds == {Kind.CALL}
    assert mail.kinds == {Kind.MAIL}
    assert browser.kinds == {Kind.PUSH}
    phones.block(cast.session, mobile.fingerprint, NOW)
    assert phones.reachable(cast.session, [an.id])[an.id][0].kinds == {Kind.CALL}


def test_only_confirmed_methods_are_counted(cast: Cast):
    an = cast.person("An")
    added(cast, an, "an@zone.example", MAIL)
    phones.add_method(cast.session, an, MAIL, "an@home.example", ADA, NOW)
    counts = phones.counts(cast.session)
    assert (counts[MAIL], counts[PUSH]) == (1, 0)


def test_a_mail_address_is_shown_in_full_or_by_where_it_is():
    shown = [phones.shown(MAIL, "an@zone.example", in_full=full) for full in (True, False)]
    assert shown == ["an@zone.example", "…@zone.example"]


def test_a_number_is_shown_masked_or_spaced():
    assert phones.masked("+32470123412") == "+32 4.. .. .. 12"
    assert phones.masked("+4520123456") == "+45 2.. .. .. 56"
    assert phones.spaced("+32470123412") == "+32 470 12 34 12"
    assert phones.masked("") == "…"
    assert phones.spaced("") == ""
