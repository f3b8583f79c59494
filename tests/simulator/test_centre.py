"""The invented centre: fit for the first alert at any hour, and believable on every screen."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from dispatch import audit
from dispatch import settings as settings_
from dispatch.db import Session, Store
from dispatch.errors import Conflict
from dispatch.incidents import alarms, catalogue
from dispatch.incidents.models import Incident
from dispatch.intake import own
from dispatch.outbox.models import Message
from dispatch.paging import policies
from dispatch.paging.models import Callout
from dispatch.people import phones, qualifications, readiness
from dispatch.people.models import Person, Qualification, Team
from dispatch.people.readiness import Kind
from dispatch.rota import drafts, duty, judging, planning, watch
from dispatch.rota.models import Absence, Draft, Line, Shift, Wish
from dispatch.settings import Settings, shipped
from dispatch.simulator import centre
from tests import centre as another
from tests.conftest import INSTALLATION_KEY
from tests.databases import SqliteDatabases

SATURDAY = datetime(2026, 3, 14, 13, 2, tzinfo=UTC)
EXAMPLES = sorted((shipped("config") / "examples").glob("*.json"))


def demo_settings(folder: Path, database: str) -> Settings:
    return settings_.load(
        {
            "DISPATCH_CONFIG": str(shipped("config") / "demo.toml"),
            "DISPATCH_DATA_DIR": str(folder),
            "DISPATCH_DATABASE_URL": database,
        }
    )


def begin(session: Session, settings: Settings, now: datetime) -> None:
    """Fill the centre as the command does after an upgrade."""
    path = settings.config_dir / "catalogue.toml"
    begun = tomllib.loads(path.read_text(encoding="utf-8"))
    catalogue.install(session, begun)
    policies.install(session, begun, now)
    assert centre.fill(session, settings, now)


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    return demo_settings(tmp_path, database)


@contextmanager
def first_start(databases: SqliteDatabases, folder: Path, now: datetime) -> Iterator[Store]:
    """Fill a centre on SQLite."""
    database = databases.empty(folder)
    settings = demo_settings(folder, database)
    store = Store(database, settings=settings, installation_key=INSTALLATION_KEY)
    with store.write() as session:
        begin(session, settings, now)
    yield store
    store.close()


@pytest.fixture(scope="module")
def filled(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """The centre of a Saturday; tests only read it."""
    folder = tmp_path_factory.mktemp("centre")
    with first_start(sqlite_databases, folder, SATURDAY) as store:
        yield store


def team(session: Session, key: str = "victim-support") -> Team:
    return session.scalars(sa.select(Team).where(Team.key == key)).one()


@pytest.mark.slow
@pytest.mark.parametrize(
    "now",
    [
        pytest.param(datetime(2026, 3, 13, 15, 59, tzinfo=UTC), id="a minute before the turn"),
        pytest.param(datetime(2026, 3, 29, 1, 0, tzinfo=UTC), id="the night of 23 hours"),
        pytest.param(datetime(2026, 6, 17, 18, 30, tzinfo=UTC), id="while a colleague covers"),
        pytest.param(datetime(2026, 10, 26, 8, 0, tzinfo=UTC), id="office hours in winter time"),
    ],
)
def test_at_any_first_start_whoever_is_on_duty_can_be_reached_and_is_trained(
    sqlite_databases: SqliteDatabases, tmp_path: Path, now: datetime
):
    with (
        first_start(sqlite_databases, tmp_path, now) as store,
        store.read() as session,
    ):
        present = duty.on_duty(session, team(session), now)
        primary = present.turns[0]
        assert present.complete
        (mobile, *_) = phones.reachable(session, [primary.person_id])[primary.person_id]
        assert mobile.texts
        for key in ("victim_support", "bad_news", "sexual_offences"):
            wanted = session.scalars(sa.select(Qualification.id).filter_by(key=key)).one()
            held = qualifications.standing(session, [primary.person_id], wanted, now.date())
            assert held[primary.person_id].valid, key
        assert list(policies.faults(session)) == []


def test_the_rota_reaches_from_eight_weeks_back_to_twelve_ahead_without_a_gap(filled: Store):
    with filled.read() as session:
        for each in session.scalars(sa.select(Team)):
            since, until = SATURDAY - timedelta(weeks=8), SATURDAY + timedelta(weeks=12)
            assert duty.gaps(session, each, since, until) == []
        covered = duty.on_duty(session, team(session), datetime(2026, 3, 18, 19, 0, tzinfo=UTC))
        assert (covered.turns[0].person_name, covered.turns[0].covers) == (
            "Petra Willems",
            "An Peeters",
        )


def test_the_past_is_over_and_nothing_of_it_waits_to_be_sent(filled: Store):
    with filled.read() as session:
        incidents = session.scalars(sa.select(Incident)).all()
        assert len(incidents) > 10
        assert {str(one.status) for one in incidents} == {"closed", "cancelled"}
        assert not [alarm for one in incidents for alarm in alarms.standing(one)]
        midnight = datetime(2026, 3, 14, tzinfo=ZoneInfo("Europe/Brussels"))
        assert any(i.closed_at >= midnight for i in incidents)
        assert all(i.closed_at <= SATURDAY for i in incidents)
        assert session.scalars(sa.select(Callout.due_at)).unique().all() == [None]
        assert session.scalars(sa.select(Message.due_at)).unique().all() == [None]
        assert {i.organisation.key for i in incidents} == {"dender", "molenland"}


def test_a_planner_finds_patterns_requests_and_a_draft_of_the_next_quarter(filled: Store):
    with filled.read() as session:
        for key in ("victim-support", "social-on-call"):
            planned = team(session, key)
            stored = session.scalars(sa.select(Draft).where(Draft.team_id == planned.id)).one()
            ground, laid = drafts.lay(session, stored)
            hard = [str(one.told) for one in judging.broken(ground, laid) if one.hard]
            assert hard == []
            published = planning.published(
                session, planned, SATURDAY.date(), SATURDAY.date() + timedelta(weeks=8)
            )
            found = planning.load(
                session, planned, SATURDAY.date(), SATURDAY.date() + timedelta(weeks=8)
            )
            kinds = {need.kind for need in found.lay(published).problem.needs}
            assert kinds <= {"week", "night", "weekend"}, "the pattern explains every turn"
        answers = session.scalars(sa.select(Absence.answer)).all()
        assert {answer.value for answer in answers} == {"asked", "approved"}
        assert session.scalar(sa.select(sa.func.count()).select_from(Wish)) == 3
        faults = watch.findings(session, team(session), SATURDAY)
        assert {finding.kind.value for finding in faults} == {"breach", "certificate"}


def test_one_training_has_ended_and_one_is_about_to(filled: Store):
    with filled.read() as session:
        people = {person.id: person.name for person in session.scalars(sa.select(Person))}
        found = readiness.concerns(session, list(people), SATURDAY.date())
        trouble = {
            concern.kind: (people[person_id], concern.days)
            for person_id, concerns in found.items()
            for concern in concerns
            if concern.kind in (Kind.LAPSED, Kind.ENDS_SOON)
        }
        assert len(people) == 14
        assert trouble[Kind.LAPSED][0] == "Gilles Lambert"
        assert trouble[Kind.ENDS_SOON][0] == "Nils Åkesson"
        assert trouble[Kind.ENDS_SOON][1] <= 21


def test_every_phone_that_may_ring_has_a_name(filled: Store):
    with filled.read() as session:
        owners = centre.owners(session)
    names = {name for name, _ in owners.values()}
    assert owners["+32460200211"] == ("An Peeters", "nl")
    assert {"Control room of Police zone Dender", "Elin Sjöberg"} <= names


@pytest.mark.slow
def test_a_second_start_changes_nothing_and_a_late_one_lets_the_rota_go_on(
    store: Store, settings: Settings
):
    with store.write() as session:
        begin(session, settings, SATURDAY)
        before = session.scalar(sa.select(sa.func.count()).select_from(Shift))
        assert not centre.fill(session, settings, SATURDAY + timedelta(minutes=5))
        assert session.scalar(sa.select(sa.func.count()).select_from(Shift)) == before
        # Meanwhile somebody tried out a third line.
        for each in session.scalars(sa.select(Team)):
            session.add(Line(team_id=each.id, key="shadow", name="Shadow", position=9))
        session.flush()
        late = SATURDAY + timedelta(days=200)
        centre.fill(session, settings, late)
        for each in session.scalars(sa.select(Team)):
            found = duty.gaps(session, each, late, late + timedelta(weeks=12))
            assert {gap.line_key for gap in found} == {"shadow"}
        while audit.link(session, late):
            pass
        assert audit.verify(session, late).ok


def test_a_database_with_another_centre_is_refused(store: Store, settings: Settings):
    another.build(store)
    with store.write() as session, pytest.raises(Conflict, match="another centre"):
        centre.fill(session, settings, SATURDAY)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_alerts_are_understood_to_the_last_field(path: Path):
    alert = own.read(path.read_bytes())
    assert (alert.problems, dict(alert.unknown)) == ((), {})
