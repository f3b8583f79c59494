"""What the engine does for rotas beside paging: searching for plans, and looking ahead."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from dispatch.clock import ManualClock
from dispatch.db import Store
from dispatch.engine import Engine
from dispatch.outbox import queue
from dispatch.outbox.models import Message
from dispatch.people.models import Role, RoleGrant
from dispatch.rota import drafts, ground, runs
from dispatch.rota.models import PlanningRun, RunState
from dispatch.settings import Settings
from dispatch.wiring import Parts
from tests import centre

WEEK = {"form": "week", "kind": "week", "begins": "friday", "starts": "17:00"}


@pytest.fixture
def cast(store: Store) -> centre.Centre:
    """The small centre, whose team takes turns by the week and is planned by Chloé."""
    cast = centre.build(store)
    with store.write() as session:
        lines = [{"key": key, "turns": [WEEK]} for key in ("primary", "backup")]
        began = date(2026, 1, 1)
        ground.set_pattern(session, cast.team, {"lines": lines}, began, centre.ADA, centre.NOW)
        planner = cast.people["Chloé"].id
        session.add(RoleGrant(person_id=planner, role=Role.PLANNER, team_id=cast.team.id))
    return cast


@pytest.fixture
def engine(
    store: Store, settings: Settings, clock: ManualClock, cast: centre.Centre
) -> Iterator[Engine]:
    made = Engine(Parts(settings, store, clock))
    yield made
    made.stop()


@pytest.mark.slow
def test_a_plan_that_somebody_asked_for_is_searched(engine: Engine, cast: centre.Centre):
    now = engine.parts.clock.now()
    with engine.store.write() as session:
        days = date(2026, 5, 1), date(2026, 5, 31)
        draft = drafts.begin(session, cast.team, *days, centre.ADA, now)
        run_id = runs.ask(session, draft, 5, centre.ADA, now).id
    engine.plan()
    with engine.store.read() as session:
        run = session.get_one(PlanningRun, run_id)
        assert (run.state, run.taken_at is not None) == (RunState.DONE, True)
        assert len(drafts.seats(session, run.draft)) == 10


def test_whoever_plans_is_told_once_that_the_rota_runs_out(engine: Engine, cast: centre.Centre):
    engine.sentry.look_at_rotas()
    engine.parts.clock.advance(hours=1)
    engine.sentry.look_at_rotas()
    with engine.store.read() as session:
        (message,) = session.scalars(sa.select(Message).where(Message.priority > 1))
        assert message.person_id == cast.people["Chloé"].id
        words = queue.text_of(session, message)
    assert words.startswith("ROTA: Victim support: the rota is published until Wed 18 Mar only.")


def test_one_engine_of_several_looks(engine: Engine, store: Store, cast: centre.Centre):
    other = Engine(engine.parts)
    other.sentry.holder = "another"
    engine.sentry.look_at_rotas()
    with store.write() as session:
        session.execute(sa.delete(Message))
    other.sentry.look_at_rotas()
    with store.read() as session:
        assert session.scalars(sa.select(Message)).all() == []
    assert engine.parts.clock.now() < centre.NOW + timedelta(minutes=30)
