"""What will go wrong with a published rota is found in time, and told once."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from dispatch.outbox.models import Message
from dispatch.people.models import Certificate, Qualification
from dispatch.rota import absences, terms, watch
from dispatch.rota.models import AbsenceKind
from dispatch.rota.watch import Kind

WEEKS = [
    ("2026-11-06 17:00", "2026-11-13 17:00"),
    ("2026-11-13 17:00", "2026-11-20 17:00"),
    ("2026-11-20 17:00", "2026-11-27 17:00"),
]


@pytest.fixture
def now(zone):
    zone.pattern()
    return zone.at("2026-11-08 09:00")


def plan(zone, *names, line="primary"):
    return [
        zone.shift(name, *week, line=line) for name, week in zip(names, WEEKS, strict=False) if name
    ]


def told(zone, now):
    return [(one.kind, str(one.told)) for one in watch.findings(zone.session, zone.team, now)]


def certify(zone, who, expires):
    trained = Qualification(key="bad_news", names={"en": "bad news", "nl": "slecht nieuws"})
    zone.session.add(trained)
    zone.session.flush()
    zone.session.add(
        Certificate(
            person_id=zone.people[who].id,
            qualification_id=trained.id,
            issued_on=date(2025, 1, 1),
            expires_on=date.fromisoformat(expires),
        )
    )
    zone.session.flush()


def look(zone, now):
    """What the engine does every hour; how much was new."""
    return sum(
        watch.tell(zone.session, team, watch.findings(zone.session, team, now), now)
        for team in watch.teams_by_day(zone.session, now)
    )


def test_a_rota_that_is_whole_has_nothing_but_its_end(zone, now):
    plan(zone, "An", "Bert", "An")
    plan(zone, "Chloé", "An", "Bert", line="backup")
    end = "Slachtofferbejegening: the rota is published until Fri 27 Nov only. Plan on."
    assert told(zone, now) == [(Kind.END, end)]
    early = zone.at("2026-10-20 09:00")
    assert Kind.END not in [kind for kind, _ in told(zone, early)]


def test_gaps_breaches_and_lapsing_certificates_are_named(zone, now):
    plan(zone, "An", None, "An")
    plan(zone, "Chloé", "An", "Bert", line="backup")
    leave = zone.at("2026-11-14"), zone.at("2026-11-15"), zone.planner, now
    absences.ask(zone.session, zone.people["An"], AbsenceKind.LEAVE, *leave, approved=True)
    certify(zone, "Bert", "2026-11-21")
    assert told(zone, now)[:3] == [
        (Kind.BREACH, "An Peeters is away: backup Fri 13 Nov 17:00."),
        (Kind.GAP, "primary: nobody from Fri 13 Nov 17:00 to Fri 20 Nov 17:00."),
        (
            Kind.CERTIFICATE,
            "Bert Maes: bad news is valid until Sat 21 Nov, the turn is on Fri 20 Nov 17:00.",
        ),
    ]


def test_a_renewed_certificate_lapses_no_more(zone, now):
    plan(zone, None, "An")
    certify(zone, "An", "2026-11-10")
    assert Kind.CERTIFICATE in [kind for kind, _ in told(zone, now)]
    trained = zone.session.query(Qualification).one()
    zone.session.add(
        Certificate(
            person_id=zone.people["An"].id,
            qualification_id=trained.id,
            issued_on=date(2026, 11, 1),
        )
    )
    zone.session.flush()
    assert Kind.CERTIFICATE not in [kind for kind, _ in told(zone, now)]


def test_whoever_plans_is_told_once_by_day_and_of_what_is_new(zone, now):
    zone.plans("Chloé")
    zone.phone("Chloé")
    plan(zone, "An", None, "An")
    plan(zone, "Chloé", "An", "Bert", line="backup")
    assert look(zone, zone.at("2026-11-08 03:00")) == 0
    assert look(zone, now) == 2
    assert look(zone, now + timedelta(hours=1)) == 0
    words = [words for _, words, _ in zone.texts()]
    assert [text.partition(" http")[0] for text in words] == [
        "ROOSTER: Slachtofferbejegening: het rooster is maar gepubliceerd tot vr 27 nov. "
        "Plan verder.",
        "ROOSTER: Slachtofferbejegening: primary: niemand van vr 13 nov 17:00 tot vr 20 nov 17:00.",
    ]


def test_the_end_of_a_rota_is_told_four_weeks_and_two_weeks_before(zone, now):
    zone.plans("Chloé")
    zone.phone("Chloé")
    plan(zone, "An", "Bert", "An")
    plan(zone, "Chloé", "An", "Bert", line="backup")
    days = [zone.at("2026-10-25 09:00") + timedelta(days=number) for number in range(30)]
    before = [(day, look(zone, day)) for day in days]
    ends = [day for day, count in before if count]
    left = [(zone.at("2026-11-27 17:00") - day).days for day in ends]
    assert 27 in left and 13 in left
    assert sum("Plan verder" in words for _, words, _ in zone.texts()) == 2


def test_the_end_of_a_rota_is_told_by_mail_as_well_and_nothing_else_is(zone, now):
    zone.plans("Chloé")
    zone.phone("Chloé")
    zone.mail("Chloé")
    plan(zone, "An", None, "An")
    plan(zone, "Chloé", "An", "Bert", line="backup")
    assert look(zone, now) == 2
    kinds = list(zone.session.scalars(sa.select(Message.kind).order_by(Message.id)))
    assert kinds == ["sms", "mail", "sms"]
    subject, empty, words, link, _ = zone.texts()[1][1].split("\n")
    assert subject.startswith("ROOSTER: Slachtofferbejegening: het rooster is maar gepubliceerd")
    assert (empty, words) == ("", subject.removeprefix("ROOSTER: "))
    assert link.endswith("/shifts")


def test_who_has_no_phone_for_texts_gets_a_mail(zone, now):
    zone.plans("Chloé")
    zone.mail("Chloé")
    plan(zone, "An", None, "An")
    plan(zone, "Chloé", "An", "Bert", line="backup")
    look(zone, now)
    assert set(zone.session.scalars(sa.select(Message.kind))) == {"mail"}


def test_a_gap_that_outlasts_what_is_looked_at_is_told_once(zone, now):
    zone.plans("Chloé")
    zone.phone("Chloé")
    zone.shift("An", "2026-11-06 17:00", "2026-11-13 17:00")
    zone.shift("Bert", "2026-11-06 17:00", "2027-05-07 17:00", line="backup")
    gap = "primary: nobody from Fri 13 Nov 17:00 on."
    assert [words for kind, words in told(zone, now) if kind is Kind.GAP] == [gap]
    assert look(zone, now) > 0
    assert look(zone, now + timedelta(hours=1)) == 0
    assert look(zone, zone.at("2026-11-14 09:00")) == 0


def test_a_rota_ends_where_the_first_line_does_whatever_stands_in_a_wrong_year(zone, now):
    plan(zone, "An", "Bert")
    plan(zone, "Chloé", "An", "Bert", line="backup")
    zone.shift("An", "2099-11-13 17:00", "2099-11-20 17:00")
    assert watch.published_until(zone.session, zone.team, now) == zone.at("2026-11-20 17:00")
    assert Kind.END in [kind for kind, _ in told(zone, now)]


def test_an_owner_who_plans_no_more_keeps_no_warning_from_whoever_does(zone, now):
    zone.plans("Chloé")
    terms.choose(zone.session, zone.team, zone.planner, now, owner_id=zone.plans("Bert").id)
    assert terms.owners(zone.session, zone.team) == [zone.people["Bert"].id]
    zone.people["Bert"].left_at = now
    zone.session.flush()
    assert terms.owners(zone.session, zone.team) == [zone.people["Chloé"].id]


def test_many_faults_are_one_text_to_the_owner_of_the_rota(zone, now):
    zone.plans("Chloé")
    zone.phone("Chloé", "Bert")
    owner = zone.plans("Bert").id
    terms.choose(zone.session, zone.team, zone.planner, now, owner_id=owner)
    plan(zone, "An", None, "An")
    assert look(zone, now) > 2
    (_, (who, words, _)) = zone.texts()
    assert who == "Bert"
    assert "gaten 2, gebroken regels 0, vervallende attesten 0; de eerste op zo 8 nov" in words
