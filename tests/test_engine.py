"""The engine where nothing else shows it: a database that goes away, and claims that grew old."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from dispatch import settings as settings_
from dispatch import upkeep
from dispatch.channels.contract import Inbound, Kind, State
from dispatch.checks import monthly
from dispatch.checks.models import Check, Stage
from dispatch.clock import ManualClock, SystemClock, monotonic
from dispatch.db import Session, Store, Unavailable
from dispatch.engine import Engine
from dispatch.incidents import handling
from dispatch.incidents.alerts import Alert, AlertType, Place
from dispatch.incidents.models import Incident
from dispatch.intake import receive
from dispatch.intake.models import Delivery, EarlyCancel, Source
from dispatch.outbox import queue
from dispatch.outbox.models import InboundText, Message, Purpose
from dispatch.outbox.queue import Draft, Recipient, Task
from dispatch.paging import callouts, pages, replies
from dispatch.paging.models import Callout, Page
from dispatch.people import phones
from dispatch.people.models import Person, SignIn
from dispatch.rota import changes
from dispatch.rota.models import Shift
from dispatch.wiring import Parts, channels
from tests import centre
from tests.simulated import SimulatedTwilio


@pytest.fixture
def twilio() -> Iterator[SimulatedTwilio]:
    with SimulatedTwilio.in_thread() as twilio:
        yield twilio


@pytest.fixture
def engine(
    store: Store, clock: ManualClock, twilio: SimulatedTwilio, tmp_path: Path
) -> Iterator[Engine]:
    environment = twilio.environment("http://127.0.0.1:1") | {"DISPATCH_DATA_DIR": str(tmp_path)}
    settings = settings_.load(environment)
    made = Engine(Parts(settings, store, clock, channels(settings, clock)))
    yield made
    made.stop()


@pytest.fixture
def cast(store: Store) -> centre.Centre:
    return centre.build(store)


def _put(engine: Engine, cast: centre.Centre) -> None:
    now = engine.parts.clock.now()
    with engine.store.write() as session:
        to = Recipient(cast.people["An"].id, None, "+32470123450", "An's", "en")
        draft = Draft(Kind.SMS, Purpose.CALLOUT, "go", now + timedelta(minutes=30))
        queue.put(session, cast.organisation.id, to, draft, now)


@contextmanager
def _outbox_away(store: Store) -> Iterator[None]:
    """Let no message be found for a while."""
    _rename(store, "message", "hidden")
    yield
    _rename(store, "hidden", "message")


def _rename(store: Store, table: str, name: str) -> None:
    with store.write() as session:
        session.execute(sa.text(f"ALTER TABLE {table} RENAME TO {name}"))


def test_senders_are_free_again_after_the_database_was_away(engine: Engine, cast: centre.Centre):
    with _outbox_away(engine.store):
        for _ in range(2 * engine.settings.engine.senders):
            with pytest.raises((Unavailable, sa.exc.SQLAlchemyError)):
                engine._claim_for_free_seats()
    _put(engine, cast)
    assert engine._claim_for_free_seats() == 1


def test_nothing_is_sent_on_a_claim_that_grew_old(
    engine: Engine, cast: centre.Centre, twilio: SimulatedTwilio
):
    """The engine was frozen, or starved: the message may be another engine's before it is sent."""
    _put(engine, cast)
    (claimed,) = engine.claim(1)
    engine.settle([engine.perform(claimed, until=monotonic() - 1)])
    assert twilio.arrivals() == []
    with engine.store.read() as session:
        assert session.scalars(sa.select(Message.status)).one() is State.PENDING


@pytest.mark.postgresql
def test_what_another_transaction_has_is_left_to_it(
    engine: Engine, cast: centre.Centre, clock: ManualClock
):
    """An engine that was frozen in the middle keeps its incident, and no other."""
    mine, other = _report(engine, cast), _report(engine, cast)
    clock.advance(seconds=240)
    with engine.store.write() as frozen:
        assert callouts.take(frozen, mine) is not None
        again = engine.advance_due()
    assert again is not None and again <= clock.now() + timedelta(seconds=1)
    assert [_pages(engine, incident) for incident in (mine, other)] == [1, 2]
    engine.advance_due()
    assert _pages(engine, mine) == 2


def _report(engine: Engine, cast: centre.Centre) -> int:
    with engine.store.write() as session:
        source = session.get_one(Source, cast.source_id)
        alert = Alert(AlertType.ALERT, category="fatal_crash", place=Place(postcode="9400"))
        home, sender = receive.origin(source), receive.actor(source)
        now = engine.parts.clock.now()
        incident = handling.open_incident(session, alert, home, sender, now)
        callouts.advance(session, incident, now)
        return incident.id


def _pages(engine: Engine, incident_id: int) -> int:
    query = sa.select(sa.func.count(Page.id)).join(Callout)
    with engine.store.read() as session:
        return session.scalar(query.where(Callout.incident_id == incident_id)) or 0


def _fault(*_: object) -> None:
    raise RuntimeError("a fault of ours")


def test_an_incident_that_cannot_be_advanced_sounds_and_is_tried_again(
    engine: Engine, clock: ManualClock, cast: centre.Centre, monkeypatch: pytest.MonkeyPatch
):
    _report(engine, cast)
    clock.advance(seconds=240)
    with monkeypatch.context() as broken:
        broken.setattr(pages, "try_due", _fault)
        engine.advance_due()
    assert centre.sounding(engine.store) == ["stuck"]
    clock.advance(seconds=10)
    engine.advance_due()
    assert centre.sounding(engine.store) == []


def test_a_loop_that_only_fails_stops_the_heart(
    engine: Engine, cast: centre.Centre, monkeypatch: pytest.MonkeyPatch
):
    for loop, name in ((engine._advance_loop, "advance"), (engine._claim_loop, "claim")):
        engine._ticks = {name: monotonic() - 9}
        with monkeypatch.context() as broken:
            broken.setattr(engine.store, "read", _fault)
            with pytest.raises(RuntimeError):
                loop()
        engine.beat()
    with engine.store.read() as session:
        assert upkeep.age(session, "engine", engine.parts.clock.now()) is None


def test_a_text_that_cannot_be_taken_in_keeps_no_other_out(
    engine: Engine, cast: centre.Centre, twilio: SimulatedTwilio, monkeypatch: pytest.MonkeyPatch
):
    _report(engine, cast)
    take_in = replies.text_in

    def faulty(session: Session, inbound: Inbound, now: datetime) -> str:
        if inbound.body == "poison":
            raise RuntimeError("a fault of ours")
        return take_in(session, inbound, now)

    monkeypatch.setattr(replies, "text_in", faulty)
    for body in ("poison", "yes"):
        twilio.reply("+32470123450", body)
    engine.ask_for_texts()
    with engine.store.read() as session:
        assert session.scalars(sa.select(InboundText.outcome)).all() == ["goes"]


# --- a clock that is set


def _calls(engine: Engine) -> int:
    query = sa.select(sa.func.count(Message.id)).where(Message.kind == Kind.CALL)
    with engine.store.read() as session:
        return session.scalar(query) or 0


@pytest.mark.parametrize("hours", [1, 30])
def test_a_clock_set_back_makes_nobody_wait_longer(
    engine: Engine, clock: ManualClock, cast: centre.Centre, hours: int
):
    engine.look_at_clock()
    incident_id = _report(engine, cast)
    engine.drain()
    clock.advance(seconds=10)
    engine.look_at_clock()
    clock.advance(hours=-hours)
    engine.look_at_clock()
    clock.advance(seconds=9)
    engine.advance_due()
    assert _calls(engine) == 0
    clock.advance(seconds=1)
    engine.advance_due()
    assert _calls(engine) == 1
    clock.advance(seconds=220)
    engine.advance_due()
    assert _pages(engine, incident_id) == 2


def test_a_text_put_in_before_the_clock_was_set_back_is_sent_at_once(
    engine: Engine, clock: ManualClock, cast: centre.Centre, twilio: SimulatedTwilio
):
    engine.look_at_clock()
    _put(engine, cast)
    clock.advance(hours=-1)
    engine.drain()
    assert twilio.arrivals() == []
    engine.look_at_clock()
    engine.drain()
    assert len(twilio.arrivals()) == 1


def test_a_message_on_the_wire_is_asked_about_in_time_after_the_clock_was_set_back(
    engine: Engine, clock: ManualClock, cast: centre.Centre
):
    engine.look_at_clock()
    _put(engine, cast)
    engine.claim(1)
    clock.advance(hours=-1)
    engine.look_at_clock()
    assert engine.claim(1) == []
    clock.advance(seconds=engine.settings.engine.lease_seconds)
    (claimed,) = engine.claim(1)
    assert claimed.task is Task.FIND


def test_what_is_put_in_after_the_clock_was_set_back_waits_its_time(
    engine: Engine, clock: ManualClock, cast: centre.Centre
):
    engine.look_at_clock()
    clock.advance(hours=-1)
    _report(engine, cast)
    engine.look_at_clock()
    clock.advance(seconds=19)
    engine.advance_due()
    assert _calls(engine) == 0


def test_an_engine_that_did_not_run_when_the_clock_was_set_back_sees_it_by_the_last_heartbeat(
    engine: Engine, clock: ManualClock, cast: centre.Centre
):
    _report(engine, cast)
    with engine.store.write() as session:
        upkeep.beat(session, "engine", "dead", clock.now())
    clock.advance(hours=-1)
    engine.look_at_clock()
    engine.beat()
    with engine.store.read() as session:
        assert upkeep.ahead(session, "engine", clock.now()) == 0
        assert upkeep.age(session, "engine", clock.now()) == 0
    clock.advance(seconds=20)
    engine.advance_due()
    assert _calls(engine) == 1


def test_an_engine_says_that_it_lives_before_it_does_anything(
    engine: Engine, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
):
    """It may die of the first thing that it does, and the clock be set back before the next."""
    beats: list[float] = []

    def seen() -> None:
        with engine.store.read() as session:
            beats.append(upkeep.ahead(session, "engine", clock.now() - timedelta(hours=1)))

    for loop in ("_advance_loop", "_claim_loop", "_settle_loop"):
        monkeypatch.setattr(engine, loop, lambda: None)
    monkeypatch.setattr(engine, "_every", lambda: seen() or ((engine.sweep, 3600),))
    engine.start()
    engine.stop()
    assert beats == [3600]


def test_a_clock_set_back_is_followed_although_the_database_is_away_just_then(
    engine: Engine, clock: ManualClock, cast: centre.Centre, monkeypatch: pytest.MonkeyPatch
):
    engine.look_at_clock()
    _report(engine, cast)
    clock.advance(hours=-1)
    with monkeypatch.context() as broken:
        broken.setattr(engine.store, "write", _fault)
        with pytest.raises(RuntimeError):
            engine.look_at_clock()
    engine.look_at_clock()
    clock.advance(seconds=20)
    engine.advance_due()
    assert _calls(engine) == 1


def test_whoever_is_asked_is_asked_further_in_time_although_the_clock_was_set_back(
    engine: Engine, clock: ManualClock, cast: centre.Centre
):
    engine.look_at_clock()
    with engine.store.write() as session:
        method = phones.methods(session, session.merge(cast.people["An"]))[0]
        monthly.test_own(session, method, session.merge(cast.team), clock.now())
    clock.advance(hours=-1)
    engine.look_at_clock()
    clock.advance(minutes=3)
    engine.check()
    with engine.store.read() as session:
        assert session.scalars(sa.select(Check.stage)).one() is Stage.CALLED


def test_chores_go_on_although_the_clock_was_set_back(
    store: Store, twilio: SimulatedTwilio, tmp_path: Path, cast: centre.Centre
):
    """Each is due by the clock, and would wait until that is where it was before."""
    environment = twilio.environment("http://127.0.0.1:1") | {"DISPATCH_DATA_DIR": str(tmp_path)}
    settings = settings_.load(environment)
    engine = Engine(Parts(settings, store, SystemClock(), channels(settings, SystemClock())))
    engine.start()
    assert engine._chores is not None
    for chore in engine._chores.get_jobs():
        chore.modify(next_run_time=engine.parts.clock.now() + timedelta(hours=1))
    with store.write() as session:
        session.execute(sa.delete(upkeep.Heartbeat))
    drift = engine._drift
    drift._now += timedelta(hours=1)
    SimulatedTwilio.wait_until(lambda: _beats(store) == [-3600], 10)
    engine.stop()


def _beats(store: Store) -> list[int]:
    with store.read() as session:
        told = session.scalars(sa.select(upkeep.Heartbeat.facts)).all()
    return [round(facts["clock_set_seconds"] or 0) for facts in told]


# --- what nobody needs any more


def test_what_is_over_is_cleared_away_by_one_engine_of_several(
    engine: Engine, cast: centre.Centre, clock: ManualClock
):
    now = clock.now()
    with engine.store.write() as session:
        for hours, word in ((25, "old"), (23, "young")):
            at = now - timedelta(hours=hours)
            cancel = EarlyCancel(source_id=cast.source_id, source_reference=word, received_at=at)
            session.add(cancel)
            upkeep.hits(session, word, at)
        for days, token, ended_at in ((8, "old", None), (1, "ended", now), (6, "live", None)):
            at = now - timedelta(days=days)
            person_id = cast.people["An"].id
            facts = {"person_id": person_id, "token_hash": token, "created_at": at, "seen_at": at}
            session.add(SignIn(**facts, ended_at=ended_at))
    with engine.store.write() as session:
        assert upkeep.take_lease(session, "sweep", "another engine", now, 60)
    engine.sweep()
    assert _left(engine) == [2, 2, 3]
    clock.advance(seconds=61)
    engine.sweep()
    assert _left(engine) == [1, 1, 1]


def _left(engine: Engine) -> list[int]:
    tables = (EarlyCancel, upkeep.RateCount, SignIn)
    return [centre.count(engine.store, table) for table in tables]


def test_whoever_takes_a_turn_over_at_once_is_paged_at_once(
    engine: Engine, clock: ManualClock, cast: centre.Centre
):
    _report(engine, cast)
    engine.follow_rota()
    clock.advance(seconds=30)
    with engine.store.write() as session:
        shift = session.scalars(sa.select(Shift).where(Shift.uid == "shift-primary")).one()
        chloe = session.get_one(Person, cast.people["Chloé"].id)
        now = clock.now()
        changes.enter_cover(session, shift, chloe, now, now + timedelta(hours=1), centre.ADA, now)
    engine.follow_rota()
    with engine.store.read() as session:
        (callout,) = session.scalars(sa.select(Callout)).all()
        assert [page.person.name for page in callout.pages] == ["An Peeters", "Chloé Dubois"]
        assert callout.due_at is not None and callout.due_at > now


@pytest.mark.postgresql
def test_a_delivery_that_another_transaction_has_is_left_to_it(
    engine: Engine, cast: centre.Centre, clock: ManualClock
):
    """Whoever has it may be frozen: the others are paged for, and nothing spins meanwhile."""
    sender = centre.Sender(engine.store, cast)
    mine, other = (centre.said(sender.send(body))["reference"] for body in (b"Help!", b"Fire!"))
    clock.advance(seconds=61)
    with engine.store.write() as frozen:
        held = sa.select(Delivery).where(Delivery.reference == mine).with_for_update()
        assert frozen.scalars(held).one()
        again = engine.advance_due()
        assert again is not None and clock.now() < again <= clock.now() + timedelta(seconds=1)
        assert _opened(engine) == [other]
    engine.advance_due()
    assert _opened(engine) == [other, mine]


def _opened(engine: Engine) -> list[str]:
    with engine.store.read() as session:
        return list(session.scalars(sa.select(Incident.reference).order_by(Incident.id)))


def test_an_engine_with_nobody_to_ask_after_takes_no_turn_to_write(engine, cast, monkeypatch):
    monkeypatch.setattr(engine.store, "write", None)
    engine.look_at_going()
