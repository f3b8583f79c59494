"""Absences: what is refused and why, what stands, and who learns of the turns left empty."""

import threading
from datetime import date

import pytest

from dispatch.errors import Conflict, Invalid, NotFound
from dispatch.people import access
from dispatch.people.models import Membership, Person
from dispatch.rota import absences, rights
from dispatch.rota.models import AbsenceKind, Answer


@pytest.fixture
def now(zone):
    return zone.at("2026-03-10 09:00")


def ask(zone, now, who="An", starts="2026-03-14", ends="2026-03-21", **more):
    times = zone.at(starts), ends and zone.at(ends)
    kind = more.pop("kind", AbsenceKind.LEAVE)
    return absences.ask(zone.session, zone.people[who], kind, *times, zone.planner, now, **more)


def test_leave_is_asked_and_counts_only_once_it_is_approved(zone, now):
    absence = ask(zone, now)
    week = zone.at("2026-03-14"), zone.at("2026-03-21")
    assert absence.answer is Answer.ASKED
    assert absences.standing(zone.session, [absence.person_id], *week) == []
    absences.approve(zone.session, absence, zone.planner, now)
    assert absences.standing(zone.session, [absence.person_id], *week) == [absence]
    assert zone.actions() == ["absence.asked", "absence.approved"]


def test_illness_and_what_a_planner_enters_stand_at_once(zone, now):
    ill = ask(zone, now, kind=AbsenceKind.SICK, starts="2026-03-10", ends=None)
    assert (ill.answer, ill.ends_at) == (Answer.APPROVED, None)
    assert ask(zone, now, who="Bert", approved=True).answer is Answer.APPROVED


@pytest.mark.parametrize(
    ("starts", "ends", "field"),
    [
        ("2026-03-14", "2026-03-14", "ends_at"),
        ("2026-03-14", "2036-03-14", "ends_at"),
    ],
)
def test_an_absence_that_cannot_be_is_refused_by_field(zone, now, starts, ends, field):
    with pytest.raises(Invalid) as refused:
        ask(zone, now, starts=starts, ends=ends)
    assert tuple(refused.value.fields) == (field,)


def test_an_absence_that_meets_another_is_refused_by_name(zone, now):
    ask(zone, now)
    with pytest.raises(Invalid, match="An Peeters is away already: leave from Sat 14 Mar 00:00"):
        ask(zone, now, starts="2026-03-20 23:00", ends="2026-03-22")
    ask(zone, now, starts="2026-03-21", ends="2026-03-22")
    ask(zone, now, who="Bert")


def test_an_open_end_meets_everything_after_it(zone, now):
    ask(zone, now, kind=AbsenceKind.SICK, ends=None)
    with pytest.raises(Invalid, match=r"illness from Sat 14 Mar 00:00 on \(asked\)"):
        ask(zone, now, starts="2027-01-01", ends="2027-01-02")


def test_an_open_end_lasts_until_the_leave_that_is_known_already(zone, now):
    ask(zone, now)
    ill = ask(zone, now, kind=AbsenceKind.SICK, starts="2026-03-10", ends=None)
    assert ill.ends_at == zone.at("2026-03-14")
    assert ask(zone, now, kind=AbsenceKind.SICK, starts="2026-03-21", ends=None).ends_at is None


def test_what_was_refused_or_withdrawn_is_in_nobodys_way(zone, now):
    absences.refuse(zone.session, ask(zone, now), "too many away", zone.planner, now)
    absences.withdraw(zone.session, ask(zone, now), zone.planner, now)
    assert ask(zone, now).answer is Answer.ASKED


def test_a_refusal_needs_a_reason_and_is_told(zone, now):
    zone.phone("An")
    absence = ask(zone, now)
    with pytest.raises(Invalid, match="Say why"):
        absences.refuse(zone.session, absence, " ", zone.planner, now)
    absences.refuse(zone.session, absence, "too many away", zone.planner, now)
    ((who, words, _),) = zone.texts()
    assert who == "An"
    assert words.startswith("ROOSTER: je afwezigheid vanaf za 14 mrt 00:00 is geweigerd")
    assert "too many" not in words


def test_an_answer_given_twice_is_a_conflict(zone, now):
    absence = ask(zone, now)
    absences.approve(zone.session, absence, zone.planner, now)
    with pytest.raises(Conflict):
        absences.refuse(zone.session, absence, "no", zone.planner, now)


def test_an_absence_on_published_turns_names_them_and_tells_whoever_plans(zone, now):
    zone.plans("Chloé")
    zone.phone("An", "Chloé")
    shift = zone.shift("An", "2026-03-13 17:00", "2026-03-20 17:00")
    zone.cover(shift, "Bert", "2026-03-18 17:00", "2026-03-20 17:00")
    zone.shift("An", "2026-03-27 17:00", "2026-04-03 17:00")
    hits = absences.approve(zone.session, ask(zone, now), zone.planner, now)
    assert [(hit.from_at, hit.until_at) for hit in hits] == [
        (zone.at("2026-03-14"), zone.at("2026-03-18 17:00"))
    ]
    told = {who: words for who, words, _ in zone.texts()}
    assert "An Peeters is afwezig" in told["Chloé"]
    assert set(told) == {"An", "Chloé"}


def test_illness_tonight_is_told_at_once_and_leave_next_month_by_day(zone, now):
    zone.plans("Chloé")
    zone.phone("Chloé")
    night = zone.at("2026-03-10 23:30")
    zone.shift("An", "2026-03-10 17:00", "2026-03-11 17:00")
    zone.shift("An", "2026-04-10 17:00", "2026-04-11 17:00")
    ask(zone, night, starts="2026-03-10 23:00", ends="2026-03-12", kind=AbsenceKind.SICK)
    ask(zone, night, starts="2026-04-10", ends="2026-04-12", approved=True)
    assert [at for _, _, at in zone.texts()] == [night, zone.at("2026-03-11 08:00")]


def test_whoever_plans_learns_of_leave_that_is_asked_and_of_an_illness_that_lasts(zone, now):
    zone.plans("Chloé")
    zone.phone("Chloé")
    zone.shift("An", "2026-03-13 17:00", "2026-03-20 17:00")
    ill = ask(zone, now, kind=AbsenceKind.SICK, starts="2026-03-10", ends="2026-03-11")
    assert zone.texts() == []
    absences.end(zone.session, ill, zone.at("2026-03-14"), zone.actor("An"), now)
    absences.end(zone.session, ill, zone.at("2026-03-12"), zone.actor("An"), now)
    ask(zone, now, who="Bert", starts="2026-04-01", ends="2026-04-02")
    first, second = (words for _, words, _ in zone.texts())
    assert "An Peeters is afwezig" in first and "vanaf vr 13 mrt 17:00" in first
    assert "Bert Maes vraagt om afwezig te zijn vanaf wo 1 apr 00:00." in second


@pytest.mark.parametrize("starts", ["2025-03-10", "2026-02-20", "2026-03-14", "2026-07-01"])
def test_illness_of_last_year_or_next_summer_is_asked_like_leave(zone, now, starts):
    far = ask(zone, now, kind=AbsenceKind.SICK, starts=starts, ends=None)
    assert far.answer is Answer.ASKED
    entered = ask(zone, now, "Bert", kind=AbsenceKind.SICK, starts=starts, ends=None, approved=True)
    assert entered.answer is Answer.APPROVED


def test_whoever_comes_back_early_has_been_away_all_the_same(zone, now):
    absence = ask(zone, now, starts="2026-03-09", kind=AbsenceKind.SICK, ends=None)
    absences.withdraw(zone.session, absence, zone.planner, now)
    assert (absence.answer, absence.ends_at) == (Answer.APPROVED, now)
    with pytest.raises(Conflict):
        absences.withdraw(zone.session, absence, zone.planner, now)


def test_an_end_moves_unless_another_absence_is_there(zone, now):
    absence = ask(zone, now, approved=True)
    ask(zone, now, starts="2026-03-28", ends="2026-03-29")
    absences.end(zone.session, absence, zone.at("2026-03-27"), zone.planner, now)
    assert absence.ends_at == zone.at("2026-03-27")
    with pytest.raises(Invalid):
        absences.end(zone.session, absence, zone.at("2026-03-30"), zone.planner, now)


def test_people_have_their_own_absences_and_planners_those_of_their_teams(zone, now):
    absence = ask(zone, now)
    viewer = {
        name: access.viewer_of(zone.session, person)
        for name, person in (*zone.people.items(), ("Chloé", zone.plans("Chloé")))
    }
    assert rights.absence_for(zone.session, viewer["An"], absence.id) is absence
    assert rights.absence_for(zone.session, viewer["Chloé"], absence.id, deciding=True) is absence
    for name, deciding in (("An", True), ("Bert", False)):
        with pytest.raises(NotFound):
            rights.absence_for(zone.session, viewer[name], absence.id, deciding=deciding)


def test_a_team_that_was_left_sees_and_decides_nothing_of_what_came_later(zone, now):
    absence, chloe = ask(zone, now), zone.plans("Chloé")
    held = zone.session.query(Membership).filter_by(person_id=absence.person_id).one()
    viewer = access.viewer_of(zone.session, chloe)
    held.until_on = date(2026, 3, 14)
    zone.session.flush()
    assert rights.absence_for(zone.session, viewer, absence.id, deciding=True) is absence
    held.until_on = date(2026, 3, 13)
    zone.session.flush()
    with pytest.raises(NotFound):
        rights.absence_for(zone.session, viewer, absence.id, deciding=True)


def test_two_requests_at_the_same_moment_do_not_overlap(store, make_zone):
    with store.write() as session:
        zone = make_zone(session)
    now, times = zone.at("2026-03-10 09:00"), (zone.at("2026-03-14"), zone.at("2026-03-21"))
    outcomes, start = [], threading.Barrier(2)

    def request():
        start.wait()
        try:
            with store.write() as session:
                an = session.get_one(Person, zone.people["An"].id)
                absences.ask(session, an, AbsenceKind.LEAVE, *times, zone.planner, now)
            outcomes.append("asked")
        except Invalid:
            outcomes.append("refused")

    threads = [threading.Thread(target=request) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["asked", "refused"]


def test_the_text_of_whoever_plans_leads_to_where_it_is_answered(zone, now):
    zone.plans("Chloé")
    zone.phone("Chloé")
    zone.shift("An", "2026-03-13 17:00", "2026-03-20 17:00")
    ask(zone, now, kind=AbsenceKind.SICK, starts="2026-03-10")
    ((_, words, _),) = zone.texts()
    assert words.endswith("/rota/support/requests")
