"""While no engine lives, one web process rings the control room itself; it ends when one lives."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from dispatch import wiring
from dispatch.audit import AuditEntry
from dispatch.channels.contract import State
from dispatch.clock import ManualClock
from dispatch.db import Store
from dispatch.outbox.models import Message
from dispatch.people.models import Organisation, OrganisationKind
from dispatch.settings import Settings
from dispatch.vigil import boards, standing_in, wrongs
from dispatch.vigil.judging import Found
from dispatch.vigil.models import Trouble
from dispatch.vigil.sentry import Sentry
from dispatch.wiring import Parts
from tests import centre
from tests.simulated import ACCOUNT, SimulatedTwilio
from tests.vigil.conftest import Watched

ROOM = "+3253123456"


class Dead(Watched):
    """A centre whose engine died, as one web process sees it."""

    def __init__(
        self, twilio: SimulatedTwilio, store: Store, settings: Settings, clock: ManualClock
    ) -> None:
        account = replace(
            settings.twilio,
            account_sid=ACCOUNT.sid,
            auth_token=ACCOUNT.token,
            sender=ACCOUNT.sender,
            api_base=twilio.base_url,
        )
        chosen = replace(settings, twilio=account)
        super().__init__(store, chosen, clock)
        self.twilio, self.passed = twilio, 1000.0
        self.sentry = self.another("web:1")

    def another(self, holder: str) -> Sentry:
        chosen = self.sentry.parts.settings
        parts = Parts(chosen, self.store, self.clock, wiring.channels(chosen, self.clock))
        sentry = Sentry(parts, holder)
        sentry.awake = lambda: 3600.0  # type: ignore[method-assign]
        return sentry

    def looks(self, seconds: float, *webs: Sentry, every: float = 10) -> None:
        """Let time pass without an engine, and the web processes look now and then."""
        for _ in range(int(seconds / every)):
            self.passed += every
            self.later("web", seconds=every)
            for one in webs or (self.sentry,):
                one.take_over()

    def rung(self) -> list[str]:
        return [row["body"] for row in self.twilio.messages(number=ROOM)]


@pytest.fixture
def dead(
    store: Store,
    cast: centre.Centre,
    settings: Settings,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Dead]:
    with SimulatedTwilio.in_thread() as twilio:
        dead = Dead(twilio, store, settings, clock)
        monkeypatch.setattr(standing_in.clock, "monotonic", lambda: dead.passed)
        dead.sentry = dead.another("web:1")
        dead.sentry.take_over()
        yield dead


def test_one_of_two_web_processes_rings_within_reason_and_ends_when_an_engine_lives(dead: Dead):
    other = dead.another("web:2")
    dead.looks(20, dead.sentry, other)
    assert dead.rung() == []
    dead.looks(20, dead.sentry, other)
    (said,) = dead.rung()
    assert said.startswith(
        "CONSOLE. Dit is Dispatch. De motor loopt niet: niemand wordt opgeroepen."
    )
    dead.looks(3600 - 120, dead.sentry, other, every=120)
    assert len(dead.rung()) == 5
    with dead.store.read() as session:
        assert session.scalar(sa.select(Message.status).limit(1)) == State.SENT
        query = sa.select(AuditEntry.actor).where(AuditEntry.action == "control_room.rung")
        assert set(session.scalars(query)) == {"web"}
    dead.later("web", "engine", seconds=2)
    dead.sentry.look()
    dead.looks(0)
    dead.sentry.take_over()
    assert len(dead.rung()) == 5


def test_an_alert_that_nobody_pages_is_rung_about_at_once(dead: Dead, cast: centre.Centre):
    dead.looks(60)
    centre.Sender(dead.store, cast).alert()
    dead.looks(30)
    assert "Oproepen die wachten: 1." in dead.rung()[-1]
    assert len(dead.rung()) == 2


def test_a_room_that_serves_two_organisations_rings_once(dead: Dead):
    with dead.store.write() as session:
        other = {"key": "other", "name": "Other", "kind": OrganisationKind.POLICE_ZONE}
        session.add(Organisation(**other, control_room_phone=ROOM))
    dead.looks(60)
    assert len(dead.rung()) == 1


def test_a_board_that_sounds_is_believed_for_five_minutes_and_seen_is_seen(
    dead: Dead, cast: centre.Centre
):
    def open_board() -> None:
        with dead.store.write() as session:
            boards.report(session, "tab", [cast.organisation.id], True, dead.clock.now())

    for _ in range(6):
        open_board()
        dead.looks(60, every=60)
    assert len(dead.rung()) == 1
    with dead.store.write() as session:
        (wrong,) = wrongs.standing(session, [])
        wrongs.mark_seen(session, wrong.uid, [], centre.ADA, dead.clock.now())
    for _ in range(5):
        open_board()
        dead.looks(60, every=60)
    assert len(dead.rung()) == 1


def test_nobody_is_rung_while_a_heart_beats_whatever_the_clocks_say(dead: Dead):
    for _ in range(6):
        dead.looks(10)
        dead.clock.advance(seconds=-20)
        dead.alive("engine")
        dead.clock.advance(seconds=20)
    assert dead.rung() == []


def test_a_call_that_a_living_engine_does_not_bring_away_is_carried_by_the_web(dead: Dead):
    for _ in range(7):
        dead.later("engine", "web", seconds=6)
        with dead.store.write() as session:
            stuck = [Found(Trouble.OVERDUE, dead.clock.now())]
            wrongs.keep(session, stuck, [Trouble.ENGINE, Trouble.OVERDUE], dead.clock.now())
        dead.sentry.ring()
    assert dead.rung() == []
    dead.sentry.take_over()
    (said,) = dead.rung()
    assert said.startswith("CONSOLE.")


def test_a_control_room_that_does_not_pick_up_is_told_outside_and_rung_again_sooner(
    dead: Dead, cast: centre.Centre
):
    dead.twilio.behave(ROOM, "fail")
    dead.looks(40)
    dead.twilio.wait_for(ROOM, status="failed")
    dead.looks(80)
    assert len(dead.rung()) == 2
    with dead.store.read() as session:
        found = {one.trouble: one for one in wrongs.standing(session, [cast.organisation.id])}
        assert set(found) == {Trouble.ENGINE, Trouble.UNHEARD}
        assert "Zone Dender" in wrongs.said(found[Trouble.UNHEARD], "en")
    dead.twilio.behave(ROOM, "deliver")
    dead.looks(60)
    dead.twilio.wait_until(lambda: dead.twilio.press(ROOM, "answer"))
    dead.looks(40, every=20)
    with dead.store.read() as session:
        standing = wrongs.standing(session, [cast.organisation.id])
        assert Trouble.UNHEARD not in {one.trouble for one in standing}


def test_a_call_that_could_not_leave_says_nothing_any_more_once_an_engine_lives(dead: Dead):
    dead.twilio.fault(http=503)
    dead.looks(40)
    dead.twilio.heal()
    dead.later("web", "engine", seconds=2)
    dead.sentry.look()
    with dead.store.read() as session:
        assert session.scalars(sa.select(Message.status)).all() == [State.WITHDRAWN]
        assert session.scalars(sa.select(boards.ConsoleCall)).all() == []
