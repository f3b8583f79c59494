"""Runs of the planner: asked, begun, watched, stopped, and what becomes of what they find."""

from datetime import date, timedelta

import pytest

from dispatch import searches
from dispatch.audit import ENGINE
from dispatch.clock import ManualClock
from dispatch.errors import Conflict, Invalid
from dispatch.rota import drafts, judging, kept, runs, seating
from dispatch.rota.models import Origin, PlanningRun, RunState
from dispatch.rota.planner import Explanation, Shortage
from dispatch.rota.problem import Outcome, Point, Proposal
from dispatch.texts import Sentence

JANUARY = date(2027, 1, 1), date(2027, 1, 31)


@pytest.fixture
def now(zone):
    zone.pattern()
    return zone.at("2026-11-02 09:00")


@pytest.fixture
def draft(zone, now):
    return drafts.begin(zone.session, zone.team, *JANUARY, zone.planner, now)


def ask(zone, now, draft, seconds=5, **more):
    return runs.ask(zone.session, draft, seconds, zone.planner, now, **more)


def begun(zone, now):
    return runs.search(zone.session, runs.begin(zone.session, now), now)


def found(search, *people):
    """A proposal that gives the first needs to people in turn."""
    seats = frozenset(enumerate(people))
    return Proposal(Outcome.FEASIBLE, seats, cost=7, bound=3, method="by hand")


def test_a_run_is_asked_begun_watched_and_its_plan_stands_in_the_draft(zone, now, draft):
    run = ask(zone, now, draft)
    assert run.state is RunState.WAITING
    search = begun(zone, now)
    assert (run.state, search.seconds) == (RunState.RUNNING, 5)
    curve = [Point(0.1, 90, 1), Point(0.2, 7, 3)]
    assert not runs.watch(zone.session, run.id, curve, now)
    assert (run.curve, run.cost, run.bound) == ([[0.1, 90, 1], [0.2, 7, 3]], 7, 3)
    an, bert = zone.people["An"].id, zone.people["Bert"].id
    runs.finish(zone.session, search, found(search, an, bert), ENGINE, now)
    assert (run.state, run.outcome, run.taken_at) == (RunState.DONE, "feasible", now)
    seats = drafts.seats(zone.session, draft)
    assert [(seat.person_id, seat.origin) for seat in seats] == [
        (an, Origin.PLANNER),
        (bert, Origin.PLANNER),
    ]
    assert [action for action in zone.actions() if action.startswith("run.")] == [
        "run.asked",
        "run.ended",
    ]


def test_why_turns_lack_people_is_kept_with_the_run_and_said_quickly_when_stopped(zone, now, draft):
    run = ask(zone, now, draft)
    search = begun(zone, now)
    nothing = Proposal(Outcome.IMPOSSIBLE)
    asked = runs.to_explain(search, nothing)
    assert asked is not None and asked.needs[0].under is None
    assert not runs.explaining(zone.session, run.id, nothing, now)
    assert (run.outcome, run.explaining_at, run.ended_at) == ("impossible", now, None)
    lack = Shortage("cover", (0,), asked.needs[0].days, "turns", 2, 1, people=(1,))
    why = Explanation(False, (lack,), seconds=0.2)
    runs.finish(zone.session, search, nothing, ENGINE, now, explanation=why)
    zone.session.refresh(run)
    told = [str(kept.read(one)) for one in run.explanation["lacks"][0]]
    assert told == [
        "primary Fri 1 Jan 17:00: people wanted 2, possible at most 1.",
        "Nobody but An Peeters can come.",
    ]
    other = ask(zone, now, draft)
    search = begun(zone, now)
    runs.stop(zone.session, other, zone.planner, now)
    assert runs.explaining(zone.session, other.id, nothing, now)


def test_what_was_found_waits_for_a_planner_where_the_draft_changed_meanwhile(zone, now, draft):
    run = ask(zone, now, draft)
    search = begun(zone, now)
    where = zone.lines["primary"], zone.people["Chloé"]
    times = zone.at("2027-01-01 17:00"), zone.at("2027-01-08 17:00")
    seating.put(zone.session, draft, *where, *times, zone.planner, now, locked=True)
    runs.finish(zone.session, search, found(search, zone.people["An"].id), ENGINE, now)
    assert run.taken_at is None
    assert len(drafts.seats(zone.session, draft)) == 1


def test_one_draft_is_planned_once_at_a_time(zone, now, draft):
    ask(zone, now, draft)
    with pytest.raises(Conflict, match="planned already"):
        ask(zone, now, draft)
    assert runs.begin(zone.session, now) is not None
    assert runs.begin(zone.session, now) is None


def test_a_run_without_a_sign_of_life_is_begun_again(zone, now, draft):
    run = ask(zone, now, draft)
    runs.begin(zone.session, now)
    runs.watch(zone.session, run.id, [], now + timedelta(minutes=1))
    assert runs.begin(zone.session, now + timedelta(seconds=80)) is None
    assert runs.begin(zone.session, now + timedelta(seconds=100)) == run.id


def test_a_run_stops_when_asked_and_one_that_waits_never_begins(zone, now, draft):
    run = ask(zone, now, draft)
    runs.begin(zone.session, now)
    runs.stop(zone.session, run, zone.planner, now)
    assert runs.watch(zone.session, run.id, [], now)
    zone.lines["primary"].name = "First call"
    told = Sentence("No turn on line %(line)s.", line="primary")
    runs.fail(zone.session, run.id, told, ENGINE, now)
    assert (run.state, run.fault) == (RunState.FAILED, "No turn on line First call.")
    with pytest.raises(Conflict, match="is over"):
        runs.stop(zone.session, run, zone.planner, now)
    waiting = ask(zone, now, draft)
    runs.stop(zone.session, waiting, zone.planner, now)
    assert waiting.state is RunState.STOPPED
    assert runs.begin(zone.session, now) is None
    assert runs.of_draft(zone.session, draft) == [waiting, run]


def test_what_cannot_be_planned_is_refused_before_it_waits(zone, now, draft):
    for seconds in (0, 86400):
        with pytest.raises(Invalid) as refused:
            ask(zone, now, draft, seconds)
        assert tuple(refused.value.fields) == ("seconds",)
    early = date(2019, 1, 1)
    draft.first_on = draft.last_on = early
    with pytest.raises(Invalid, match="no pattern of turns"):
        ask(zone, now, draft)


@pytest.mark.slow
def test_the_planner_fills_a_month_fairly_without_a_breach(store, make_zone):
    with store.write() as session:
        zone = make_zone(session)
        zone.pattern()
        now = zone.at("2026-11-02 09:00")
        draft = drafts.begin(session, zone.team, *JANUARY, zone.planner, now)
        run = runs.ask(session, draft, 10, zone.planner, now)
    heard: list[Point] = []
    clock = ManualClock(now)
    with store.write() as session:
        assert runs.begin(session, now) == run.id
    searches.carry_out(store, clock, run.id, ENGINE, lambda: False, heard.append)
    assert not searches.next_one(store, clock, lambda: False)
    with store.read() as session:
        run = session.get_one(PlanningRun, run.id)
        assert (run.state, run.outcome, run.fault) == (RunState.DONE, "optimal", "")
        assert heard and run.taken_at == now
        ground, laid = drafts.lay(session, run.draft, now=now)
        assert [judged.told for judged in judging.broken(ground, laid) if judged.hard] == []
        counts = [sum(person == one for _, person in laid.seats) for one in (1, 2, 3)]
        assert sum(counts) == 10
        assert max(counts) - min(counts) <= 1


@pytest.mark.slow
def test_a_run_that_was_stopped_says_why_turns_lack_people(store, make_zone):
    with store.write() as session:
        zone = make_zone(session)
        zone.pattern(people=2)
        now = zone.at("2026-11-02 09:00")
        draft = drafts.begin(session, zone.team, *JANUARY, zone.planner, now)
        run = runs.ask(session, draft, 60, zone.planner, now)
        runs.begin(session, now)
        runs.stop(session, run, zone.planner, now)
    searches.carry_out(store, ManualClock(now), run.id, ENGINE, lambda: False)
    with store.read() as session:
        run = session.get_one(PlanningRun, run.id)
        assert run.state is RunState.DONE
        told = [str(kept.read(one)) for lack in run.explanation["lacks"] for one in lack]
        lack = (
            "primary Fri 1 Jan 17:00, backup Fri 1 Jan 17:00: people wanted 4, possible at most 3."
        )
        assert lack in told


@pytest.mark.slow
def test_a_process_that_is_stopping_leaves_the_run_to_another(store, make_zone):
    with store.write() as session:
        zone = make_zone(session)
        zone.pattern()
        now = zone.at("2026-11-02 09:00")
        draft = drafts.begin(session, zone.team, *JANUARY, zone.planner, now)
        run = runs.ask(session, draft, 10, zone.planner, now)
    assert searches.next_one(store, ManualClock(now), lambda: True)
    with store.read() as session:
        assert session.get_one(PlanningRun, run.id).state is RunState.WAITING
