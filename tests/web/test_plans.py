"""A month that cannot be covered: planned, explained, a way out taken, planned again, published."""

import re
from collections.abc import Iterator
from datetime import date

import pytest
import sqlalchemy as sa

from dispatch import searches
from dispatch.db import Store
from dispatch.people.models import Person, Role, Team
from dispatch.rota import absences, drafts, ground, rulebook, wishes
from dispatch.rota.models import (
    AbsenceKind,
    Draft,
    Easing,
    EasingKind,
    OpenTurn,
    PlanningRun,
)
from dispatch.settings import Settings, load
from tests.centre import ADA, NOW
from tests.web.conftest import Browser, Web
from tests.web.rotas import text

FIRST, LAST = date(2026, 4, 1), date(2026, 4, 6)
TURN = {"form": "days", "kind": "day24", "on": ["every_day"], "starts": "08:00", "ends": "08:00"}
REASON = "nobody else is there at Easter"


@pytest.fixture
def settings(sqlite_databases, tmp_path) -> Settings:
    """One database is enough for what screens show; `rota.ways` is tried on both."""
    url = sqlite_databases.empty(tmp_path)
    return load({"DISPATCH_DATA_DIR": str(tmp_path), "DISPATCH_DATABASE_URL": url})


@pytest.fixture
def store(settings) -> Iterator[Store]:
    opened = Store(settings.database_url, settings=settings, installation_key=bytes(32))
    yield opened
    opened.close()


@pytest.fixture
def planned(web: Web) -> Web:
    """Turns of a day each; after one, 36 hours of rest are due."""
    with web.store.write() as session:
        team = session.get_one(Team, web.centre.team.id)
        pattern = {"lines": [{"key": "primary", "turns": [TURN]}]}
        ground.set_pattern(session, team, pattern, date(2026, 1, 1), ADA, NOW)
        rulebook.set_rule(session, team, "rest", "rest", {"hours": 36}, ADA, NOW)
    return web


@pytest.fixture
def planner(planned: Web) -> Browser:
    return planned.as_role(Role.PLANNER)


def leave(planned: Web, *names: str, kind: AbsenceKind = AbsenceKind.LEAVE) -> None:
    with planned.store.write() as session:
        for name in names:
            span = (NOW.replace(month=3, day=30), NOW.replace(month=4, day=20))
            person = planned.centre.people[name]
            absences.ask(session, person, kind, *span, ADA, NOW, approved=True)


def begin(planner: Browser) -> str:
    form = {"first_on": str(FIRST), "last_on": str(LAST), "of": "nothing"}
    return str(planner.post("/rota/support/drafts", form).location)


def plan(planned: Web, planner: Browser, draft: str) -> str:
    """Plan a draft and return what its screen says."""
    assert planner.post(f"{draft}/plan", {"do": "start", "seconds": "10"}).status_code == 303
    return search(planned, planner, draft)


def search(planned: Web, planner: Browser, draft: str) -> str:
    assert searches.next_one(planned.store, planned.clock, lambda: False)
    return text(planner.get(f"{draft}/plan"))


def take(planner: Browser, planned: Web, draft: str, do: str, reason: str = REASON):
    """Take the first way out that has a thing which can be done so."""
    with planned.store.read() as session:
        run = session.scalars(sa.select(PlanningRun).order_by(PlanningRun.id.desc())).first()
    ways = [
        [[how["do"] for how in one["how"]] for one in way["gives"]]
        for way in run.explanation["ways"]
    ]
    number = next(place for place, gives in enumerate(ways) if any(do in how for how in gives))
    chosen = {
        f"how.{place}": how.index(do) if do in how else 0 for place, how in enumerate(ways[number])
    }
    form = {"do": "way", "run": run.id, "way": number, "reason": reason, **chosen}
    return planner.post(f"{draft}/plan", form)


@pytest.mark.slow
def test_a_way_out_is_taken_and_what_it_lets_go_of_is_shown_up_to_the_version(planned, planner):
    leave(planned, "Bert", "Chloé")
    draft = begin(planner)
    said = plan(planned, planner, draft)
    assert "Proven: no plan keeps every hard rule and fills every turn." in said
    assert "Bert Maes is away from Mon 30 Mar to" in said
    assert "An Peeters would have 0 h of rest where 36 h are due" in said
    assert "Ways out, the cheapest first" in said
    answer = take(planner, planned, draft, "rule", reason="")
    assert (answer.status_code, "Say why" in answer.text) == (422, True)
    assert take(planner, planned, draft, "rule").status_code == 303
    said = search(planned, planner, draft)
    eased = "For An Peeters kept as often as possible: At least 36 h of rest between two turns."
    assert "Every turn" not in said and "lack people" in said
    for screen in (draft, f"{draft}/plan", f"{draft}/compare"):
        shown = text(planner.get(screen))
        assert eased in shown and REASON in shown
    with planned.store.read() as session:
        run = session.scalars(sa.select(PlanningRun).order_by(PlanningRun.id.desc())).first()
        assert (run.outcome, run.explanation) == ("optimal", None)
        easing = session.scalars(sa.select(Easing).where(Easing.kind == "rule")).one()
        assert (easing.weight, easing.person_id) == (1000, planned.centre.people["An"].id)
        _, laid = drafts.lay(session, session.get_one(Draft, run.draft_id))
        assert len(laid.seats) == 6
    compare = text(planner.get(f"{draft}/compare"))
    assert "Hard rules broken" not in compare
    assert planner.post(f"{draft}/compare").status_code == 303
    shown = text(planner.get("/rota/support/versions/1"))
    assert eased in shown and REASON in shown


@pytest.mark.slow
def test_a_turn_that_nobody_can_have_is_offered_until_it_is_insisted_on_again(planned, planner):
    leave(planned, "An", "Bert")
    leave(planned, "Chloé", kind=AbsenceKind.SICK)
    draft = begin(planner)
    said = plan(planned, planner, draft)
    assert "Nobody can come." in said
    answer = take(planner, planned, draft, "open")
    assert answer.status_code == 303, answer.text
    with planned.store.read() as session:
        offered = list(session.scalars(sa.select(OpenTurn).order_by(OpenTurn.starts_at)))
        assert offered
        assert {easing.kind for easing in session.scalars(sa.select(Easing))} >= {EasingKind.OPEN}
        easing = session.scalars(sa.select(Easing).where(Easing.kind == EasingKind.OPEN)).first()
    search(planned, planner, draft)
    planner.post(f"{draft}/plan", {"do": "insist", "easing": easing.id})
    with planned.store.read() as session:
        assert session.get_one(OpenTurn, easing.open_turn_id).state == "withdrawn"


@pytest.mark.slow
def test_what_was_not_met_is_said_by_person_with_why(planned, planner):
    with planned.store.write() as session:
        team = session.get_one(Team, planned.centre.team.id)
        numbers = {"most": 1}
        rulebook.set_rule(session, team, "run", "run", numbers, ADA, NOW, weight=5)
        rulebook.set_rule(session, team, "few", "limit", {"most": 1}, ADA, NOW, weight=50)
        for name in ("An", "Bert"):
            person = session.get_one(Person, planned.centre.people[name].id)
            wishes.wish(session, team, person, True, FIRST, FIRST, 3, ADA, NOW)
    said = plan(planned, planner, begin(planner))
    assert "Wishes and soft rules not met, by person" in said
    assert "An Peeters has 2 turns where 1 are allowed" in said
    assert "wished for one of these and has none: primary Wed 1 Apr 08:00." in said
    assert re.search("Nearest: (An|Bert) .* instead of (Bert|An) ", said)
    assert "Who is affected: 3" in said


@pytest.mark.slow
def test_contradictory_locks_fail_with_a_sentence_in_the_viewers_language(planned, planner):
    draft = begin(planner)
    an = planned.centre.people["An"]
    form = {"line": "primary", "at": "2026-04-01T06:00:00+00:00", "to": an.id, "person": an.id}
    assert planner.post(f"{draft}/seat", {**form, "do": "put", "revision": 0}).status_code == 303
    assert planner.post(f"{draft}/seat", {**form, "do": "lock", "revision": 1}).status_code == 303
    leave(planned, "An")
    said = plan(planned, planner, draft)
    assert "An Peeters is locked in the turn on line primary on Wed 1 Apr, but is away then" in said
    planner.post("/language", {"language": "nl"})
    assert "Maak de beurt los" in text(planner.get(f"{draft}/plan"))
