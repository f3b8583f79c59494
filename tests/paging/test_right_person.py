"""Nights in which not simply the primary is the right person."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.incidents import handling, links, merging
from dispatch.incidents.alerts import Alert, AlertType, Place
from dispatch.incidents.models import Incident, Want
from dispatch.intake import receive
from dispatch.intake.models import Source
from dispatch.paging import apart, bars, callouts, joining, seats, self_check
from dispatch.paging.models import AssignmentStatus, Page, PageStatus
from dispatch.people import places
from dispatch.people.models import Certificate, Membership, Person, Qualification, Team
from dispatch.rota.models import Line, Shift
from tests.paging.conftest import ALERT, DORA, Night, second_team

DRILL = Alert(AlertType.ALERT, category="fatal_crash", place=Place(postcode="9400"), drill=True)
SUSPECT = Alert(
    AlertType.ALERT,
    category="fatal_crash",
    place=Place(postcode="9400"),
    flags={"suspect_side": True},
)


def _paged(night: Night) -> list[str]:
    """Who was really paged for the last incident, in order."""
    with night.store.read() as session:
        query = (
            sa.select(Person.name)
            .join(Page, Page.person_id == Person.id)
            .where(Page.status != PageStatus.SKIPPED)
            .where(Page.callout.has(incident_id=night.incidents[-1]))
            .order_by(Page.id)
        )
        return [name.split()[0] for name in session.scalars(query)]


def _goes(night: Night, name: str) -> None:
    assert night.text(name, f"ja {night.code(name)}") == "goes"


def _done(night: Night, name: str) -> None:
    with night.callout() as (session, callout):
        going = next(a for a in callout.assignments if a.person.name.startswith(name))
        seats.move_on(session, going, AssignmentStatus.DONE, DORA, night.now)


def test_somebody_on_another_callout_comes_after_the_backup(night: Night) -> None:
    night.report()
    _goes(night, "An")
    night.pass_time(60)
    night.report()
    assert _paged(night) == ["Bert"]
    assert night.pages("An")[-1].reason["kind"] == "gives_way"
    night.pass_time(240)
    assert _paged(night) == ["Bert", "An"]


def test_whoever_gave_way_is_called_at_once_when_the_backup_says_no(night: Night) -> None:
    night.report()
    _goes(night, "An")
    night.report()
    night.text("Bert", f"nee {night.code('Bert')}")
    assert _paged(night) == ["Bert", "An"]
    assert night.alarms() == []


def test_whoever_came_back_lately_rests_while_a_colleague_can_go(night: Night) -> None:
    night.report()
    _goes(night, "An")
    _done(night, "An")
    night.pass_time(3600)
    night.report()
    assert _paged(night) == ["Bert"]
    assert "rests" in night.pages("An")[-1].reason
    _goes(night, "Bert")
    night.pass_time(3 * 3600)
    night.report()
    assert _paged(night) == ["An"]


def test_a_drill_keeps_nobody_busy(night: Night) -> None:
    night.report(DRILL)
    _goes(night, "An")
    night.report()
    assert _paged(night) == ["An"]


def test_a_seat_that_was_forgotten_keeps_nobody_busy_for_ever(night: Night) -> None:
    night.report()
    _goes(night, "An")
    night.now += timedelta(hours=25)
    night.report()
    assert _paged(night) == ["An"]


def test_another_training_serves_while_nobody_on_duty_has_what_is_wanted(night: Night) -> None:
    with night.store.write() as session:
        instead = Qualification(key="violence", names={"en": "violence"})
        session.add(instead)
        session.flush()
        an, bert = (night.person(session, name) for name in ("An", "Bert"))
        session.execute(sa.delete(Certificate).where(Certificate.person_id == an))
        session.add(
            Certificate(person_id=an, qualification_id=instead.id, issued_on=date(2025, 1, 1))
        )
        session.execute(sa.text("UPDATE category_want SET substitute_id = :id"), {"id": instead.id})
    night.report()
    assert _paged(night) == ["Bert"]
    with night.store.write() as session:
        session.execute(sa.delete(Certificate).where(Certificate.person_id == bert))
    night.report()
    assert _paged(night) == ["An"]
    assert night.pages("An")[-1].reason["stands_in"] == {"en": "violence"}
    assert night.alarms() == []


def test_nobody_is_called_where_they_know_people(night: Night) -> None:
    with night.store.write() as session:
        an = night.someone(session, "An")
        places.keep(session, an, "Kerkstraat, 9400", "", Actor("person", an.id, an.name), night.now)
        assert "Kerkstraat" not in an.sealed_places
    there = Place(address="Kerkstraat 5", municipality="Ninove", postcode="9400")
    night.report(Alert(AlertType.ALERT, category="fatal_crash", place=there))
    assert _paged(night) == ["Bert"]
    # Which place it is would tell of their own life.
    assert night.pages("An")[-1].reason == {"kind": "closed"}


def test_places_that_cannot_be_read_keep_nobody_from_being_called(night: Night) -> None:
    with night.store.write() as session:
        night.someone(session, "An").sealed_places = "1.bm90aGluZw=="
    night.report()
    assert _paged(night) == ["An"]


def _link(session: Session, one: int, other: int, night: Night) -> None:
    here, there = (session.get_one(Incident, incident_id) for incident_id in (one, other))
    apart.link(session, here, there, DORA, night.now)


def test_nobody_goes_to_both_sides_of_a_case(night: Night) -> None:
    victims = night.report()
    suspects = night.report(SUSPECT)
    with night.store.write() as session:
        _link(session, victims, suspects, night)
    codes = [page.code for page in night.pages("An")]
    assert night.text("An", f"ja {codes[0]}") == "goes"
    # Her page for the other side was open already: her yes to it gives no seat.
    assert night.text("An", f"ja {codes[1]}") == "too_late"
    assert "closed_yes" in night.story()
    assert _paged(night) == ["An", "Bert"]
    _goes(night, "Bert")
    with night.callout() as (session, callout):
        assert [going.person.name for going in callout.assignments] == ["Bert Maes"]
        case = bars.others_of(session, callout.incident)
        assert not bars.may_take(session, callout, night.person(session, "An"), case)


def test_both_sides_within_one_incident_are_kept_apart_too(night: Night) -> None:
    second_team(night)
    night.report()
    _goes(night, "An")
    with night.held() as (session, incident):
        jour = session.scalars(sa.select(Team).where(Team.key == "jour")).one()
        incident.wants.append(Want(team=jour, people=1, side="suspect"))
        session.flush()
        victims, suspects = incident.wants
        an = night.person(session, "An")
        assert bars.other_side(session, suspects) == {an}
        assert bars.other_side(session, victims) == set()


def test_whoever_passed_a_report_on_is_not_called_for_the_event_that_it_joins(night: Night) -> None:
    event, report = night.report(), night.report()
    with night.held(report) as (session, incident):
        an = night.someone(session, "An")
        bars.pass_on(session, incident, an, DORA, night.now)
    with night.store.write() as session:
        two = [handling.locked(session, incident_id) for incident_id in (report, event)]
        joining.merge(session, *two, DORA, night.now)
        assert bars.is_closed(two[1], an.id)


def test_an_alert_without_any_of_this_is_told_as_before(night: Night) -> None:
    night.report(ALERT)
    (page,) = night.pages("An")
    assert set(page.reason) == {"kind", "line", "until", "holds"}


def _linked(night: Night, *alerts: Alert) -> list[int]:
    """Report each and link it with the one before."""
    found = [night.report(alert) for alert in alerts]
    with night.store.write() as session:
        for before, after in pairwise(found):
            _link(session, before, after, night)
    return found


def _passes_on(night: Night, name: str, incident_id: int) -> None:
    with night.held(incident_id) as (session, incident):
        page = next(
            page
            for callout in callouts.of_incident(session, incident)
            for page in callout.pages
            if page.person is not None and page.person.name.startswith(name)
        )
        self_check.pass_on(session, page, DORA, night.now)


def test_whoever_passed_a_case_on_is_called_for_nothing_linked_with_it(night: Night) -> None:
    first, second, third = _linked(night, ALERT, ALERT, ALERT)
    _passes_on(night, "An", first)
    for incident_id in (second, third):
        night.incidents.append(incident_id)
        # She was being called for it: a colleague is asked at once, and not after her step's wait.
        assert _paged(night) == ["An", "Bert"]
    assert [page.ended_at is None for page in night.pages("An")] == [False] * 3
    later = night.report()
    with night.store.write() as session:
        _link(session, third, later, night)
    assert _paged(night) == ["An", "Bert"]
    assert night.text("An", f"ja {night.code('An')}") == "too_late"


def test_a_bar_of_a_dispatcher_holds_for_the_case_until_one_chooses_them(night: Night) -> None:
    first, second = _linked(night, ALERT, ALERT)
    with night.held(first) as (session, incident):
        bars.bar(session, incident, [night.someone(session, "An")], "", DORA, night.now)
    with night.held(second) as (session, incident):
        assert bars.is_barred(incident, night.person(session, "An"), _case(session, incident))
        bars.lift(session, incident, night.someone(session, "An"))
        assert not bars.is_barred(incident, night.person(session, "An"), _case(session, incident))
        an = night.someone(session, "An")
        bars.pass_on(session, session.get_one(Incident, first), an, DORA, night.now)
        # What she says herself, no dispatcher lifts.
        bars.lift(session, incident, an)
        assert bars.is_closed(incident, an.id, _case(session, incident))


def _case(session: Session, incident: Incident) -> bars.Others:
    session.flush()
    return bars.others_of(session, incident)


def test_of_two_reports_that_become_one_a_bar_of_ones_own_outlasts_a_dispatchers() -> None:
    own, other = {"1": "self", "2": "dispatcher"}, {"1": "dispatcher", "2": "lifted", "3": "self"}
    together = {"1": "self", "2": "dispatcher", "3": "self"}
    assert bars.both(own, other) == bars.both(other, own) == together


def test_a_yes_to_one_side_ends_the_call_for_the_other_at_once(night: Night) -> None:
    _linked(night, ALERT, SUSPECT)
    first = night.pages("An")[0]
    assert night.text("An", f"ja {first.code}") == "goes"
    assert _paged(night) == ["An", "Bert"]
    assert night.pages("An")[1].ended_at is not None


def test_the_console_asks_about_whoever_goes_to_both_sides_when_they_are_linked(
    night: Night,
) -> None:
    victims, suspects = night.report(), night.report(SUSPECT)
    for page in night.pages("An"):
        assert night.text("An", f"ja {page.code}") == "goes"
    with night.held(victims) as (session, incident):
        apart.link(session, incident, session.get_one(Incident, suspects), DORA, night.now)
    assert night.alarms() == ["goes_to_both"]
    with night.callout() as (session, callout):
        seats.release(session, callout.assignments[0], DORA, night.now)
    assert "goes_to_both" not in night.alarms()
    assert _paged(night)[-1] == "Bert"


def test_two_sides_of_one_report_are_called_different_people_from_the_first(night: Night) -> None:
    second_team(night)
    with night.store.write() as session:
        jour = session.scalars(sa.select(Team).where(Team.key == "jour")).one()
        times = {"starts_at": night.now, "ends_at": night.now + timedelta(days=1)}
        for place, (key, name) in enumerate((("primary", "An"), ("backup", "Chloé"))):
            line = Line(team_id=jour.id, key=key, name=key, position=place)
            session.add(line)
            session.flush()
            who = night.person(session, name)
            session.add(Membership(person_id=who, team_id=jour.id, from_on=date(2026, 1, 1)))
            session.add(
                Shift(uid=key, line_id=line.id, person_id=who, changed_at=night.now, **times)
            )
        home = receive.origin(session.get_one(Source, night.cast.source_id))
        incident = handling.open_incident(session, ALERT, home, DORA, night.now)
        night.incidents.append(incident.id)
        incident.wants.append(Want(team=jour, side="suspect"))
        callouts.advance(session, incident, night.now, opened=True)
    assert _paged(night) == ["An", "Chloé"]
    why = {"kind": "gives_way", "to": "Chloé Dubois", "beyond": True}
    assert why in [page.reason for page in night.pages("An")]


def test_where_nobody_else_is_left_both_sides_ask_and_the_first_yes_decides(night: Night) -> None:
    victims, suspects = _linked(night, ALERT, SUSPECT)
    night.pass_time(600)
    assert _paged(night) == ["An", "Bert"]
    night.incidents.append(victims)
    assert _paged(night) == ["An", "Bert"]
    for name, side in (("Bert", victims), ("An", suspects)):
        with night.store.read() as session:
            query = sa.select(Page.code).where(Page.callout.has(incident_id=side))
            code = session.scalar(query.where(Page.person_id == night.person(session, name)))
        assert night.text(name, f"ja {code}") == "goes"
        assert [one.ended_at is None for one in night.pages(name)] == [False, False]


def test_reports_of_the_two_sides_are_never_one_event(night: Night) -> None:
    victims, suspects = night.report(), night.report(SUSPECT)
    with night.store.write() as session:
        two = [handling.locked(session, incident_id) for incident_id in (suspects, victims)]
        assert merging.proposed(session, two) == []
        with pytest.raises(Conflict):
            joining.merge(session, *two, DORA, night.now)


def test_what_is_linked_with_a_report_is_linked_with_what_it_joins(night: Night) -> None:
    suspects, report = _linked(night, SUSPECT, ALERT)
    event = night.report()
    with night.store.write() as session:
        two = [handling.locked(session, incident_id) for incident_id in (report, event)]
        joining.merge(session, *two, DORA, night.now)
        assert suspects in links.linked_to(session, event)


def test_facts_that_cannot_be_read_keep_nobody_who_names_a_street_from_being_called(
    night: Night,
) -> None:
    with night.store.write() as session:
        bert = night.someone(session, "Bert")
        bert_says = Actor("person", bert.id, bert.name)
        places.keep(session, bert, "Kerkstraat, 9400", "", bert_says, night.now)
    night.report()
    with night.held() as (_, incident):
        incident.sealed_facts = "1.bm90aGluZw=="
    night.text("An", f"nee {night.code('An')}")
    assert _paged(night) == ["An", "Bert"]
    assert "stuck" not in night.alarms()


def test_a_line_that_says_nothing_is_no_place(night: Night) -> None:
    with night.store.write() as session, pytest.raises(Invalid):
        an = night.someone(session, "An")
        places.keep(session, an, ".", "", Actor("person", an.id, an.name), night.now)
