"""Nights in which not simply the primary is the right person."""

from datetime import date, timedelta

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.incidents import handling, links
from dispatch.incidents.alerts import Alert, AlertType, Place
from dispatch.incidents.models import Incident, Want
from dispatch.paging import bars, joining, seats
from dispatch.paging.models import AssignmentStatus, Page, PageStatus
from dispatch.people import places
from dispatch.people.models import Certificate, Person, Qualification, Team
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
    links.link(session, here, there, DORA, night.now)


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
        assert not bars.may_take(session, callout, night.person(session, "An"))


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
        assert bars.other_side(session, suspects, ()) == {an}
        assert bars.other_side(session, victims, ()) == set()


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
