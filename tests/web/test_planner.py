"""The rota's screens: who sees what, what the forms keep and refuse, and times around DST."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
import sqlalchemy as sa

from dispatch.people import accounts
from dispatch.people.models import Organisation, OrganisationKind, Person, Role, RoleGrant, Team
from dispatch.rota.models import Absence, AbsenceKind, Answer, Cover, Line, Shift
from dispatch.web import create_app
from dispatch.wiring import Parts
from tests.centre import NOW, build


class Screens:
    """A centre's web, seen by a planner, a dispatcher, an officer and a stranger."""

    def __init__(self, store, settings, clock):
        self.store = store
        self.centre = build(store)
        self.app = create_app(Parts(settings, store, clock))
        self.app.config["WTF_CSRF_ENABLED"] = False
        with store.write() as session:
            self.strangers = Organisation(
                key="elsewhere", name="Elsewhere", kind=OrganisationKind.POLICE_ZONE
            )
            session.add(self.strangers)
            session.flush()
            zone = self.centre.organisation.id
            self.planner = self._somebody(session, "Petra Claes", Role.PLANNER, zone)
            self.dispatcher = self._somebody(session, "Dirk Smet", Role.DISPATCHER, zone)
            self.stranger = self._somebody(session, "Zoë Ver", Role.PLANNER, self.strangers.id)
            self.officer = self.centre.people["An"].id
            session.add(
                RoleGrant(person_id=self.officer, role=Role.RESPONDER, team_id=self.centre.team.id)
            )

    def _somebody(self, session, name, role, organisation_id):
        person = Person(organisation_id=organisation_id, name=name, created_at=NOW, language="en")
        session.add(person)
        session.flush()
        session.add(RoleGrant(person_id=person.id, role=role, organisation_id=organisation_id))
        return person.id

    def client(self, person_id):
        with self.store.write() as session:
            token = accounts.new_session(session, person_id, NOW)
        client = self.app.test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"] = token, True
        return client

    def turns(self):
        with self.store.read() as session:
            query = sa.select(Shift).where(Shift.cancelled_at.is_(None)).order_by(Shift.starts_at)
            return list(session.scalars(query))


@pytest.fixture
def screens(store, settings, clock):
    return Screens(store, settings, clock)


@pytest.fixture
def planner(screens):
    return screens.client(screens.planner)


def entered(screens, **fields):
    return {
        "team": "support",
        "line": "primary",
        "person": str(screens.centre.people["Chloé"].id),
        "starts_at": "2026-04-01T08:00",
        "ends_at": "2026-04-01T20:00",
        "reason": "",
        **fields,
    }


class _Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.words = []

    def handle_data(self, data):
        self.words.append(data)


def text(answer):
    parser = _Text()
    parser.feed(answer.text)
    return " ".join(" ".join(parser.words).split())


def test_everybody_concerned_sees_who_is_on_duty_and_why(screens):
    for person in (screens.planner, screens.dispatcher, screens.officer):
        shown = text(screens.client(person).get("/on-duty"))
        assert "An Peeters" in shown
        assert "planned turn" in shown
        assert "phone never reached yet" in shown


def test_a_dispatcher_sees_the_number_and_a_planner_does_not(screens):
    assert "+32 470 12 34 50" in text(screens.client(screens.dispatcher).get("/on-duty"))
    assert "12 34 50" not in text(screens.client(screens.planner).get("/on-duty"))


def test_a_gap_is_told_with_its_reason(screens):
    with screens.store.write() as session:
        session.get_one(Person, screens.officer).left_at = NOW - timedelta(hours=1)
    shown = text(screens.client(screens.planner).get("/on-duty"))
    assert "Nobody" in shown
    assert "An Peeters is planned but has left." in shown


def test_whoever_is_away_during_a_turn_is_nobody_and_until_when_is_told_but_not_why(screens):
    sick = {"kind": AbsenceKind.SICK, "answer": Answer.APPROVED, "asked_at": NOW, "asked_by": "An"}
    times = {"starts_at": NOW - timedelta(hours=1), "ends_at": NOW + timedelta(hours=5)}
    with screens.store.write() as session:
        session.add(Absence(person_id=screens.officer, **sick, **times))
    for path in ("/on-duty", "/board/on-duty"):
        shown = text(screens.client(screens.dispatcher).get(path)).replace("\u202f", " ")
        assert "An Peeters is planned but is away until Sat 14 Mar 19:02." in shown
        assert "Nobody" in shown
        assert "then An Peeters" in shown
        assert "+32 470 12 34 50" not in shown
        assert "illness" not in shown


def test_an_absence_that_begins_later_is_announced_and_ends_who_is_on_duty(screens):
    leave = {"kind": AbsenceKind.LEAVE, "answer": Answer.APPROVED, "asked_at": NOW, "asked_by": "A"}
    times = {"starts_at": NOW + timedelta(hours=5), "ends_at": NOW + timedelta(days=9)}
    with screens.store.write() as session:
        session.add(Absence(person_id=screens.officer, **leave, **times))
    shown = text(screens.client(screens.dispatcher).get("/on-duty")).replace("\u202f", " ")
    assert "Nobody after that: An Peeters is away." in shown
    told = "primary: nobody from Sat 14 Mar 19:02 to Wed 18 Mar 14:02, An Peeters is away"
    assert told in shown


def test_a_line_that_becomes_empty_is_announced(screens):
    shown = text(screens.client(screens.planner).get("/on-duty"))
    assert "primary: nobody from Wed 18 Mar 14:02" in shown.replace(" ", " ")


def test_somebody_who_is_on_two_lines_at_once_is_announced(screens):
    with screens.store.write() as session:
        session.execute(sa.update(Shift).values(person_id=screens.officer))
    shown = text(screens.client(screens.planner).get("/on-duty"))
    assert "An Peeters is on primary, backup at once" in shown


def test_outside_the_hours_of_a_team_an_empty_line_is_no_gap(screens):
    with screens.store.write() as session:
        team = session.get_one(Team, screens.centre.team.id)
        team.hours, team.day_contact = [[0, "08:00", "17:00"]], "the day unit, 053 12 34 56"
        session.execute(sa.update(Shift).values(cancelled_at=NOW))
    shown = text(screens.client(screens.planner).get("/on-duty"))
    assert "Outside this team's hours." in shown
    assert "the day unit, 053 12 34 56" in shown
    assert "Nobody" not in shown


def test_a_stranger_sees_no_team_and_finds_no_rota(screens):
    stranger = screens.client(screens.stranger)
    assert "An Peeters" not in stranger.get("/on-duty").text
    uid = screens.turns()[0].uid
    for path in ("/shifts?team=support", f"/shifts/{uid}", f"/shifts/{uid}/cover"):
        assert stranger.get(path).status_code == 404
    assert stranger.post("/shifts/new", data=entered(screens)).status_code == 404


def test_who_may_only_see_the_rota_cannot_change_it(screens):
    uid = screens.turns()[0].uid
    for person in (screens.dispatcher, screens.officer):
        client = screens.client(person)
        month = client.get("/shifts?team=support")
        assert month.status_code == 200
        assert "/shifts/new" not in month.text
        assert client.post("/shifts/new", data=entered(screens)).status_code == 403
        assert client.post(f"/shifts/{uid}", data={"do": "cancel"}).status_code == 403
    assert len(screens.turns()) == 2


def test_without_a_sign_in_every_screen_asks_for_one(screens):
    client = screens.app.test_client()
    for path in ("/on-duty", "/shifts", "/shifts/new", "/turns", "/covers/x"):
        assert client.get(path).status_code == 303


def test_the_month_shows_turns_on_every_day_they_touch_and_gaps_between(planner):
    shown = text(planner.get("/shifts?team=support&from=2026-03"))
    assert "Sat 14" in shown
    assert "14:02–… An Peeters" in shown
    assert "whole day An Peeters" in shown
    assert "…–14:02 An Peeters" in shown
    assert "whole day nobody" in shown


def test_the_month_marks_for_planners_alone_who_is_away_on_a_day_of_their_turn(screens):
    leave = {"kind": AbsenceKind.LEAVE, "answer": Answer.APPROVED, "asked_at": NOW, "asked_by": "A"}
    times = {"starts_at": NOW + timedelta(hours=5), "ends_at": NOW + timedelta(hours=20)}
    with screens.store.write() as session:
        session.add(Absence(person_id=screens.officer, **leave, **times))
    shown = text(screens.client(screens.planner).get("/shifts?team=support&from=2026-03"))
    days = {day: shown.partition(day)[2].partition("Bert Maes")[0] for day in ("Fri 13", "Sun 15")}
    assert "away" not in days["Fri 13"]
    assert "away" in days["Sun 15"]
    read = text(screens.client(screens.dispatcher).get("/shifts?team=support&from=2026-03"))
    assert "away" not in read


def test_the_month_says_which_days_are_shorter_and_longer(planner):
    assert "23 hours: the clock goes forward" in text(planner.get("/shifts?from=2026-03"))
    assert "25 hours: the clock goes back" in text(planner.get("/shifts?from=2026-10"))


@pytest.mark.parametrize("month", ["", "rubbish", "0001-01", "9999-12", "2026-13", "2026-03-31"])
def test_any_month_asked_for_gives_a_month(planner, month):
    assert planner.get("/shifts", query_string={"from": month}).status_code == 200


def test_a_turn_is_entered_in_local_time(screens, planner):
    answer = planner.post("/shifts/new", data=entered(screens))
    assert answer.status_code == 303
    assert answer.location == "/shifts?team=support&from=2026-04"
    turn = screens.turns()[-1]
    assert turn.starts_at == datetime(2026, 4, 1, 6, 0, tzinfo=UTC)
    assert "The turn is entered." in text(planner.get(answer.location))


def test_a_refused_turn_keeps_what_was_typed_and_names_the_field(screens, planner):
    answer = planner.post(
        "/shifts/new",
        data=entered(screens, ends_at="2026-04-01T07:00", reason="<b>because</b>"),
    )
    assert answer.status_code == 422
    assert 'value="2026-04-01T07:00"' in answer.text
    assert "&lt;b&gt;because&lt;/b&gt;" in answer.text
    assert re.search(r'id="ends_at-error">.*The end must be after the start\.', answer.text)
    assert "Chloé Dubois" in re.search(r"<option[^>]* selected>([^<]*)", answer.text)[1] or (
        f'value="{screens.centre.people["Chloé"].id}" selected' in answer.text
    )
    assert len(screens.turns()) == 2


def test_fields_left_empty_are_each_named(screens, planner):
    answer = planner.post(
        "/shifts/new", data=entered(screens, person="", starts_at="", ends_at="rubbish", line="x")
    )
    assert answer.status_code == 422
    for field in ("person", "starts_at", "ends_at", "line"):
        assert f'id="{field}-error"' in answer.text


def test_an_overlap_is_told_with_whom_and_when(screens, planner):
    answer = planner.post(
        "/shifts/new",
        data=entered(screens, starts_at="2026-03-18T10:00", ends_at="2026-03-18T20:00"),
    )
    assert answer.status_code == 422
    assert "An Peeters is on primary from 2026-03-11 14:02 to 2026-03-18 14:02." in text(answer)


def test_a_refusal_with_names_in_it_is_told_in_the_readers_language(screens, planner):
    planner.post("/language", data={"language": "nl"})
    times = {"starts_at": "2026-03-18T10:00", "ends_at": "2026-03-18T20:00"}
    answer = planner.post("/shifts/new", data=entered(screens, **times))
    assert "An Peeters staat op primary van 2026-03-11 14:02 tot 2026-03-18 14:02." in text(answer)


def test_a_time_that_the_clock_skips_is_refused_with_the_reason(screens, planner):
    answer = planner.post(
        "/shifts/new",
        data=entered(screens, starts_at="2026-03-29T02:30", ends_at="2026-03-29T12:00"),
    )
    assert answer.status_code == 422
    assert "This time does not exist" in text(answer)


def test_a_time_that_comes_twice_means_the_first_and_is_told(screens, planner):
    answer = planner.post(
        "/shifts/new",
        data=entered(screens, starts_at="2026-10-25T02:30", ends_at="2026-10-25T12:00"),
    )
    assert screens.turns()[-1].starts_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    shown = text(planner.get(answer.location))
    assert "02:30 comes twice that night: the first is meant." in shown
    assert "02:30 CEST–12:00 Chloé Dubois" in shown


def test_saving_a_turn_untouched_never_moves_it_to_the_other_of_two_equal_times(screens, planner):
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    with screens.store.write() as session:
        session.add(
            Shift(
                uid="autumn",
                line_id=session.scalars(sa.select(Line.id)).first(),
                person_id=screens.officer,
                starts_at=second,
                ends_at=second + timedelta(hours=9),
                changed_at=NOW,
            )
        )
    assert "02:30 CET" in text(planner.get("/shifts/autumn"))
    fields = {
        "person": str(screens.officer),
        "starts_at": "2026-10-25T02:30",
        "ends_at": "2026-10-25T12:30",
        "do": "change",
    }
    assert planner.post("/shifts/autumn", data=fields).status_code == 303
    turn = screens.turns()[-1]
    assert (turn.starts_at, turn.ends_at) == (second, second + timedelta(hours=10))


def test_a_cancelled_turn_is_offered_again_and_comes_back(screens, planner):
    planner.post("/shifts/new", data=entered(screens))
    uid = screens.turns()[-1].uid
    answer = planner.post(f"/shifts/{uid}", data={"do": "cancel"})
    assert answer.location == f"/shifts/{uid}"
    assert "Enter it again" in planner.get(answer.location).text
    assert len(screens.turns()) == 2
    assert planner.post(f"/shifts/{uid}", data={"do": "again"}).status_code == 303
    assert len(screens.turns()) == 3
    assert screens.turns()[-1].uid != uid
    assert planner.post(f"/shifts/{uid}", data={"do": "again"}).status_code == 422


def test_a_running_turn_is_cancelled_only_with_a_reason(screens, planner):
    uid = screens.turns()[0].uid
    answer = planner.post(f"/shifts/{uid}", data={"do": "cancel"})
    assert answer.status_code == 422
    assert 'id="reason-error"' in answer.text
    assert planner.post(f"/shifts/{uid}", data={"do": "cancel", "reason": "ill"}).status_code == 303


def test_a_cover_is_entered_changed_and_given_back(screens, planner):
    planner.post("/shifts/new", data=entered(screens))
    uid = screens.turns()[-1].uid
    fields = {
        "person": str(screens.centre.people["Bert"].id),
        "starts_at": "2026-04-01T10:00",
        "ends_at": "2026-04-01T12:00",
    }
    form = planner.get(f"/shifts/{uid}/cover")
    assert 'value="2026-04-01T08:00"' in form.text
    assert planner.post(f"/shifts/{uid}/cover", data=fields).status_code == 303
    month = text(planner.get("/shifts?team=support&from=2026-04"))
    assert "10:00–12:00 Bert Maes for Chloé Dubois" in month
    with screens.store.read() as session:
        cover = session.scalars(sa.select(Cover)).one().uid
    assert "Bert Maes" in planner.get(f"/shifts/{uid}").text
    later = fields | {"ends_at": "2026-04-01T13:00", "do": "change"}
    assert planner.post(f"/covers/{cover}", data=later).status_code == 303
    outside = fields | {"ends_at": "2026-04-01T23:00", "do": "change"}
    refused = planner.post(f"/covers/{cover}", data=outside)
    assert refused.status_code == 422
    assert "The turn ends on 2026-04-01 20:00." in text(refused)
    assert planner.post(f"/covers/{cover}", data={"do": "cancel"}).status_code == 303
    assert "10:00–12:00" not in text(planner.get("/shifts?team=support&from=2026-04"))


def test_no_address_holds_a_name(screens, planner):
    planner.post("/shifts/new", data=entered(screens))
    month = planner.get("/shifts?team=support&from=2026-04").text
    addresses = re.findall(r'(?:href|action|hx-get)="([^"]*)"', month)
    assert not any("Chlo" in address or "Dubois" in address for address in addresses)
