"""Drafts on a planner's desk: begun, changed cell by cell, compared, published, taken back."""

import re
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from dispatch.people.models import Membership, Role, Service, Team
from dispatch.rota import absences, drafts, ground, rulebook, runs, terms
from dispatch.rota.models import (
    AbsenceKind,
    Cover,
    Draft,
    DraftSeat,
    DraftState,
    Line,
    PlanningRun,
    RunState,
    Shift,
    Version,
)
from tests.centre import ADA, NOW
from tests.web.conftest import Browser, Web

PATTERN = {
    "lines": [
        {
            "key": key,
            "turns": [
                {"form": "days", "kind": "day24", "on": ["every_day"], "starts": "08:00"}
                | {"ends": "08:00"}
            ],
        }
        for key in ("primary", "backup")
    ]
}
FIRST, LAST = date(2026, 4, 1), date(2026, 4, 3)
AT = "2026-04-01T06:00:00+00:00"


@pytest.fixture
def planned(web: Web) -> Web:
    """The team turns every day from January on; nothing of April is published."""
    with web.store.write() as session:
        team = session.get_one(Team, web.centre.team.id)
        ground.set_pattern(session, team, PATTERN, date(2026, 1, 1), ADA, NOW)
    return web


@pytest.fixture
def planner(planned: Web) -> Browser:
    return planned.as_role(Role.PLANNER)


def begin(planner: Browser, **fields: str) -> str:
    """Begin a draft and return its address."""
    form = {"first_on": str(FIRST), "last_on": str(LAST), "of": "nothing", **fields}
    answer = planner.post("/rota/support/drafts", form)
    assert answer.status_code == 303, answer.text
    return answer.location


def put(planned: Web, planner: Browser, draft: str, name: str, **fields: object):
    form = {"do": "put", "line": "primary", "at": AT, "to": planned.centre.people[name].id}
    return planner.post(f"{draft}/seat", {**form, "revision": revision(planned), **fields})


def revision(planned: Web) -> int:
    with planned.store.read() as session:
        return session.scalars(sa.select(Draft.revision).order_by(Draft.id.desc())).first()


def standing(planned: Web) -> list[tuple[str, date]]:
    """Who stands in the last draft."""
    people = {person.id: name for name, person in planned.centre.people.items()}
    with planned.store.read() as session:
        seats = session.scalars(
            sa.select(DraftSeat).where(DraftSeat.removed_at.is_(None)).order_by(DraftSeat.starts_at)
        )
        return [(people[seat.person_id], seat.starts_at.date()) for seat in seats]


def test_only_who_may_change_the_rota_sees_its_drafts(planned, planner):
    draft = begin(planner)
    dispatcher = planned.as_role(Role.DISPATCHER)
    stranger = planned.as_role(Role.PLANNER, zone=planned.leie)
    for path in ("/rota/support/drafts", draft, f"{draft}/compare", f"{draft}/plan"):
        assert planner.get(path).status_code == 200
        assert dispatcher.get(path).status_code == 403
        assert stranger.get(path).status_code == 404
    assert put(planned, stranger, draft, "An").status_code == 404
    assert stranger.post(f"{draft}/drop").status_code == 404


def test_a_team_that_begins_is_shown_the_way_and_that_a_draft_lacks_a_pattern(web):
    with web.store.write() as session:
        zone = web.centre.organisation.id
        team = Team(key="new", name="New", organisation_id=zone, function="victim_support")
        session.add_all([team, Service(team=team, organisation_id=zone)])
        session.flush()
        session.add(Line(team_id=team.id, key="primary", name="Primary", position=0))
    planner, way = web.as_role(Role.PLANNER), "How this rota begins"
    assert way in planner.get("/shifts?team=new").text
    assert way not in web.as_role(Role.DISPATCHER).get("/shifts?team=new").text
    assert way not in planner.get("/shifts?team=support").text
    form = {"first_on": str(FIRST), "last_on": str(LAST), "of": "nothing"}
    draft = planner.post("/rota/new/drafts", form).location
    lacking = "Nothing says yet which turns are needed on these days"
    assert lacking in planner.get(draft).text
    with web.store.write() as session:
        team = session.scalars(sa.select(Team).where(Team.key == "new")).one()
        ground.set_pattern(session, team, PATTERN, FIRST, ADA, NOW)
    assert lacking not in planner.get(draft).text
    assert way not in planner.get("/shifts?team=new").text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"last_on": "2026-03-01"}, "The last day comes before the first."),
        ({"last_on": "2036-04-01"}, "Longer than 400 days: plan it in parts."),
        ({"first_on": "2025-01-01", "last_on": "2025-02-01"}, "These days are over."),
        ({"first_on": ""}, "Fill this in."),
    ],
)
def test_impossible_days_are_refused_beside_the_field(planner, fields, said):
    form = {"first_on": str(FIRST), "last_on": str(LAST), "of": "nothing", **fields}
    answer = planner.post("/rota/support/drafts", form)
    assert answer.status_code == 422
    assert said in answer.text


def test_a_turn_is_moved_by_a_form_and_what_cannot_be_says_why(planned, planner):
    draft = begin(planner)
    an, bert = planned.centre.people["An"].id, planned.centre.people["Bert"].id
    put(planned, planner, draft, "An")
    form = {"do": "move", "person": an, "day": "2026-04-01", "to": bert}

    def move(**fields: object):
        return planner.post(
            f"{draft}/seat",
            {**form, "revision": revision(planned), "to_day": "2026-04-01"} | fields,
        )

    assert "No turn of that line begins on this day." in move(to_day="2026-05-01").text
    assert "This is there no longer." in move(day="2026-04-02").text
    assert "changed this meanwhile" in move(revision=0).text
    assert move().status_code == 303
    assert standing(planned) == [("Bert", FIRST)]
    put(planned, planner, draft, "Bert", line="backup", reason="both at once")
    several = move(person=bert, to=an).text
    assert "This cell holds several turns: choose from its list." in several


def test_a_turn_that_is_dragged_nowhere_is_refused_in_words(planned, planner):
    draft = begin(planner)
    for answer in (
        planner.get(f"{draft}/cell?do=move"),
        planner.post(f"{draft}/seat", {"do": "move"}),
    ):
        assert answer.status_code == 409
        assert "This is there no longer." in answer.text


def test_a_cell_lists_everybody_with_what_speaks_against(planned, planner):
    with planned.store.write() as session:
        away = (NOW + timedelta(days=15), NOW + timedelta(days=25))
        bert = planned.centre.people["Bert"]
        absences.ask(session, bert, AbsenceKind.LEAVE, *away, ADA, NOW, approved=True)
    draft = begin(planner)
    panel = planner.get(
        f"{draft}/need", query_string={"line": "primary", "at": AT}, headers={"HX-Request": "true"}
    ).text
    assert "<html" not in panel
    assert panel.index("An Peeters") < panel.index("Bert Maes")
    assert "Bert Maes is away: primary Wed 1 Apr 08:00." in panel
    assert "not allowed" in panel


def test_a_cell_without_scripts_is_the_whole_screen(planned, planner):
    draft = begin(planner)
    person = planned.centre.people["An"].id
    html = planner.get(f"{draft}/cell?person={person}&day=2026-04-01").text
    assert "<html" in html
    assert "Turns of this day" in html


def test_somebody_is_assigned_locked_and_taken_off(planned, planner):
    draft = begin(planner)
    assert put(planned, planner, draft, "An").status_code == 303
    assert standing(planned) == [("An", FIRST)]
    seat = {"line": "primary", "at": AT, "person": planned.centre.people["An"].id}
    for do in ("lock", "unlock", "remove"):
        form = {"do": do, "revision": revision(planned), **seat}
        assert planner.post(f"{draft}/seat", form).status_code == 303, do
    assert standing(planned) == []


def test_a_hard_breach_is_refused_in_words_and_kept_with_its_reason(planned, planner):
    with planned.store.write() as session:
        team = session.get_one(Team, planned.centre.team.id)
        rulebook.set_rule(session, team, "rest", "rest", {"hours": 11}, ADA, NOW)
    draft = begin(planner)
    put(planned, planner, draft, "An")
    tomorrow = {"at": "2026-04-02T06:00:00+00:00"}
    refused = put(planned, planner, draft, "An", **tomorrow)
    assert refused.status_code == 422
    assert "An Peeters has 0 h of rest where 11 h are due" in refused.text
    assert len(standing(planned)) == 1
    assert put(planned, planner, draft, "An", reason="nobody else", **tomorrow).status_code == 303
    person = planned.centre.people["An"].id
    assert "nobody else" in planner.get(f"{draft}/cell?person={person}&day=2026-04-02").text


def test_who_was_slower_is_told_and_changes_nothing(planned, planner):
    draft = begin(planner)
    put(planned, planner, draft, "An")
    an = planned.centre.people["An"].id
    late = put(planned, planner, draft, "Bert", instead=an, revision=0)
    assert late.status_code == 422
    assert "changed this meanwhile" in late.text
    assert standing(planned) == [("An", FIRST)]


def test_turns_that_belong_together_are_given_together(planned, planner):
    blocks = [{**line, "blocks": [["wednesday", "thursday"]]} for line in PATTERN["lines"]]
    with planned.store.write() as session:
        team = session.get_one(Team, planned.centre.team.id)
        ground.set_pattern(session, team, {"lines": blocks}, date(2026, 1, 1), ADA, NOW)
    draft = begin(planner)
    put(planned, planner, draft, "Bert")
    assert [day.day for _, day in standing(planned)] == [1, 2]


def test_publishing_says_who_is_told_and_can_be_taken_back(planned, planner):
    draft = begin(planner)
    put(planned, planner, draft, "An")
    compared = planner.get(f"{draft}/compare").text
    assert "People told, each of their own turns only: 1." in compared
    assert "primary Wed 1 Apr 08:00 – Thu 2 Apr 08:00" in compared
    assert planner.post(f"{draft}/compare", {"reason": ""}).status_code == 303
    with planned.store.read() as session:
        assert session.scalars(sa.select(Version.number)).all() == [1]
    assert "An Peeters" in planner.get("/rota/support/versions/1").text
    assert planner.post("/rota/support/versions/1").status_code == 303
    with planned.store.read() as session:
        april = sa.select(Shift).where(Shift.starts_at > NOW, Shift.cancelled_at.is_(None))
        assert session.scalars(april).all() == []


def test_whoever_would_lose_a_cover_is_named_before_a_draft_is_published(planned, planner):
    put(planned, planner, draft := begin(planner), "An")
    planner.post(f"{draft}/compare", {})
    with planned.store.write() as session:
        begins = datetime.fromisoformat(AT)
        turn = session.scalars(sa.select(Shift).where(Shift.starts_at == begins)).one()
        bert = planned.centre.people["Bert"].id
        times = {"starts_at": turn.starts_at, "ends_at": turn.ends_at, "changed_at": NOW}
        session.add(Cover(uid="cover", shift_id=turn.id, person_id=bert, **times))
    draft = begin(planner, of="published")
    assert put(planned, planner, draft, "Chloé", instead=bert).status_code == 303
    shown = planner.get(f"{draft}/compare").text
    assert "the cover for An Peeters" in shown
    assert '<th scope="rowgroup" rowspan="2"><bdi>Bert Maes</bdi></th>' in shown


def test_with_four_eyes_another_planner_publishes(planned, planner):
    with planned.store.write() as session:
        team = session.get_one(Team, planned.centre.team.id)
        terms.choose(session, team, ADA, NOW, four_eyes=True)
    draft = begin(planner)
    put(planned, planner, draft, "An")
    assert "Ask another planner to publish" in planner.get(f"{draft}/compare").text
    planner.post(f"{draft}/compare", {"reason": ""})
    assert "You asked for this yourself" in planner.get(f"{draft}/compare").text
    second = planned.browser(planned.add("second@dender.example", Role.PLANNER))
    assert "asks for it to be published." in second.get(f"{draft}/compare").text
    second.post(f"{draft}/compare", {"reason": ""})
    with planned.store.read() as session:
        assert session.scalars(sa.select(Draft.state)).one() is DraftState.PUBLISHED


def test_what_was_published_meanwhile_is_taken_in(planned, planner):
    draft = begin(planner, of="published", first_on="2026-03-11", last_on="2026-03-31")
    planned.clock.advance(minutes=5)
    with planned.store.write() as session:
        for shift in session.scalars(sa.select(Shift)):
            shift.changed_at = planned.clock.now()
    assert "The published rota changed" in planner.get(draft).text
    assert planner.post(f"{draft}/take_in").status_code == 303
    assert "The published rota changed" not in planner.get(draft).text


def test_a_draft_that_is_dropped_can_be_looked_at_and_changed_no_more(planned, planner):
    draft = begin(planner)
    assert planner.post(f"{draft}/drop").status_code == 303
    html = planner.get(draft).text
    assert "dropped" in html
    assert "data-grid" not in html
    assert put(planned, planner, draft, "An").status_code == 422


def test_a_search_is_asked_for_stopped_and_told_of(planned, planner):
    draft = begin(planner)
    started = planner.post(f"{draft}/plan", {"do": "start", "seconds": "10"})
    assert started.status_code == 303, started.text
    assert "waits for the engine" in planner.get(f"{draft}/plan/search").text
    again = planner.post(f"{draft}/plan", {"do": "start", "seconds": "10"})
    assert "This draft is being planned already." in again.text
    with planned.store.read() as session:
        run = session.scalars(sa.select(PlanningRun.id)).one()
    assert planner.post(f"{draft}/plan", {"do": "stop", "run": run}).status_code == 303
    assert "stopped before it began" in planner.get(f"{draft}/plan").text


def test_a_search_that_ended_shows_its_curve_and_what_it_found(planned, planner):
    draft = begin(planner)
    planner.post(f"{draft}/plan", {"do": "start", "seconds": "10"})
    with planned.store.write() as session:
        run = session.scalars(sa.select(PlanningRun)).one()
        run.state, run.began_at, run.ended_at = RunState.DONE, NOW, NOW + timedelta(seconds=4)
        run.outcome, run.cost, run.bound = "feasible", 120, 90
        run.curve = [[0.1, 300, 0], [1.5, 120, 80], [4.0, 120, 90]]
        an = planned.centre.people["An"].id
        begins, line = NOW.replace(day=1, month=4, hour=6, minute=0), 1
        run.found = [[line, begins.isoformat(), (begins + timedelta(days=1)).isoformat(), an]]
    html = planner.get(f"{draft}/plan").text
    assert len(re.findall("<polyline", html)) == 2
    assert "25 %" in html
    assert "What nobody could fill, and why" in html
    assert planner.post(f"{draft}/plan", {"do": "take", "run": run.id}).status_code == 303
    assert standing(planned) == [("An", FIRST)]


def test_a_search_of_another_draft_is_not_to_be_touched(planned, planner):
    first, second = begin(planner), begin(planner)
    planner.post(f"{first}/plan", {"do": "start", "seconds": "10"})
    with planned.store.read() as session:
        run = session.scalars(sa.select(PlanningRun)).one()
        assert runs.of_draft(session, session.get_one(Draft, run.draft_id)) == [run]
    assert planner.post(f"{second}/plan", {"do": "stop", "run": run.id}).status_code == 422


def test_somebody_who_left_the_team_is_offered_for_nothing(planned, planner):
    with planned.store.write() as session:
        an = planned.centre.people["An"].id
        session.execute(
            sa.update(Membership)
            .where(Membership.person_id == an)
            .values(until_on=date(2026, 3, 20))
        )
    draft = begin(planner)
    with planned.store.read() as session:
        assert drafts.seats(session, session.scalars(sa.select(Draft)).one()) == []
    assert "An Peeters" not in planner.get(draft).text
    assert put(planned, planner, draft, "An").status_code == 422


def test_how_far_from_a_fair_share_somebody_is_is_said_with_its_side(planned, planner):
    draft = begin(planner)
    put(planned, planner, draft, "An")
    told = re.search(r"who is furthest off has ([\d.]+) less than is fair", planner.get(draft).text)
    assert told is not None and float(told[1]) > 0
