"""What will go wrong with the next call-out."""

from datetime import date, timedelta

from dispatch.people import phones
from dispatch.people.models import Certificate, MethodKind, Person, Qualification
from dispatch.people.readiness import Concern, Kind, concerns
from tests.people.conftest import ADA, NOW, Cast

DAY = date(2026, 3, 14)


def phone(cast: Cast, person: Person, number: str, kind: MethodKind = MethodKind.MOBILE):
    method = phones.add_method(cast.session, person, kind, number, ADA, NOW)
    phones.verify(cast.session, method, ADA, NOW)
    return method


def kinds(cast: Cast, person: Person) -> list[Kind]:
    cast.session.expire_all()
    return [concern.kind for concern in concerns(cast.session, [person.id], DAY)[person.id]]


def test_somebody_without_a_telephone_cannot_be_called(cast: Cast):
    assert kinds(cast, cast.person("An")) == [Kind.UNREACHABLE]


def test_a_telephone_that_waits_to_be_confirmed_does_not_count_yet(cast: Cast):
    an = cast.person("An")
    phones.add_method(cast.session, an, MethodKind.MOBILE, "0470 12 34 56", ADA, NOW)
    assert kinds(cast, an) == [Kind.UNREACHABLE, Kind.UNVERIFIED]


def test_one_telephone_is_a_concern_and_two_are_none(cast: Cast):
    an = cast.person("An")
    phone(cast, an, "0470 12 34 56")
    assert kinds(cast, an) == [Kind.ONE_DEVICE]
    phone(cast, an, "053 12 34 56", MethodKind.LANDLINE)
    assert kinds(cast, an) == []


def test_a_landline_alone_gets_no_texts_and_a_mail_address_calls_nobody(cast: Cast):
    an = cast.person("An")
    phone(cast, an, "an@zone.example", MethodKind.MAIL)
    assert kinds(cast, an) == [Kind.UNREACHABLE]
    phone(cast, an, "053 12 34 56", MethodKind.LANDLINE)
    assert kinds(cast, an) == [Kind.NO_TEXTS]


def test_a_stop_word_and_a_dead_number_are_told(cast: Cast):
    an = cast.person("An")
    stopped, dead = phone(cast, an, "0470 12 34 56"), phone(cast, an, "0470 12 34 57")
    phones.block(cast.session, stopped.fingerprint, NOW)
    phones.mark_unusable(cast.session, dead.id, NOW)
    assert kinds(cast, an) == [Kind.ONE_DEVICE, Kind.STOPPED, Kind.UNUSABLE]


def test_a_number_that_two_have_confirmed_is_told_to_both(cast: Cast):
    an, bert, chloe = (cast.person(name) for name in ("An", "Bert", "Chloé"))
    for person in (an, bert):
        phone(cast, person, "0470 12 34 56")
    phones.add_method(cast.session, chloe, MethodKind.MOBILE, "0470 12 34 56", ADA, NOW)
    assert Kind.SHARED in kinds(cast, an)
    assert Kind.SHARED in kinds(cast, bert)
    assert Kind.SHARED not in kinds(cast, chloe), "it is not confirmed there"


def test_a_telephone_that_left_a_text_without_an_answer_is_told_until_one_comes(cast: Cast):
    an = cast.person("An")
    method = phone(cast, an, "0470 12 34 56")
    phones.mark_mute(cast.session, method.id, NOW)
    assert Kind.NO_ANSWER in kinds(cast, an)
    phones.note_answer(cast.session, method.fingerprint)
    assert Kind.NO_ANSWER not in kinds(cast, an)


def test_a_certificate_is_told_before_and_after_it_ends_unless_it_was_renewed(cast: Cast):
    an = cast.person("An")
    phone(cast, an, "0470 12 34 56")
    phone(cast, an, "0470 12 34 57")
    soon, gone, renewed, for_good = (
        Qualification(key=key, names={}) for key in ("soon", "gone", "renewed", "for-good")
    )
    cast.session.add_all([soon, gone, renewed, for_good])
    cast.session.flush()

    def proof(training: Qualification, expires_on: date | None, revoked: bool = False) -> None:
        an.certificates.append(
            Certificate(
                qualification_id=training.id,
                issued_on=date(2020, 1, 1),
                expires_on=expires_on,
                revoked_on=date(2021, 1, 1) if revoked else None,
            )
        )

    proof(soon, DAY + timedelta(days=12))
    proof(gone, DAY - timedelta(days=1))
    proof(gone, None, revoked=True)
    proof(renewed, DAY - timedelta(days=1))
    proof(renewed, DAY + timedelta(days=61))
    proof(for_good, None)
    cast.session.flush()
    assert concerns(cast.session, [an.id], DAY)[an.id] == [
        Concern(Kind.LAPSED, gone, DAY - timedelta(days=1)),
        Concern(Kind.ENDS_SOON, soon, DAY + timedelta(days=12), 12),
    ]


def test_a_certificate_that_ends_today_has_no_days_left(cast: Cast):
    an = cast.person("An")
    training = Qualification(key="deaths", names={})
    cast.session.add(training)
    cast.session.flush()
    an.certificates.append(
        Certificate(qualification_id=training.id, issued_on=date(2020, 1, 1), expires_on=DAY)
    )
    cast.session.flush()
    assert kinds(cast, an) == [Kind.UNREACHABLE, Kind.ENDS_SOON]


def test_everybody_is_looked_at_in_two_queries(cast: Cast, queries: list[str]):
    people = [cast.person(f"Officer {number}").id for number in range(20)]
    queries.clear()
    assert len(concerns(cast.session, people, DAY)) == 20
    assert len(queries) == 2
