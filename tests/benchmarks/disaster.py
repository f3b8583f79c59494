"""A disaster night: 240 alerts in ten seconds, one of them for fifty people, and 100 boards open.

Once with a supplier that takes whatever comes, once with one whose numbers pass on a text a second
each: then what is most urgent has to leave first. An incident is on the boards when the last of
them shows it.
"""

import json
import math
import threading
from collections.abc import Sequence

import sqlalchemy as sa

from dispatch.clock import SystemClock
from dispatch.incidents.models import Incident
from dispatch.paging.models import Policy, PolicyStep, Target
from dispatch.people import accounts, staff
from dispatch.people.models import Organisation, Role
from tests.benchmarks.figures import Table, median, milliseconds, percentile
from tests.benchmarks.rig.alerts import alerts, arrived, require_taken
from tests.benchmarks.rig.boards import Seen, open_boards
from tests.benchmarks.rig.client import Told, sent
from tests.benchmarks.rig.site import Site, add_people, databases, site
from tests.centre import ADA
from tests.simulated import ACCOUNT

_ALERTS, _SECONDS, _CLIENTS = 240, 10, 16
_PHONES, _BOARDS, _NUMBERS = 50, 100, 8
_NAME, _PASSWORD = "dirk@dender.example", "vier losse woorden hier"
_LATEST_SECONDS = 120.0
#: So long after the last page the boards are looked at.
_LOOK_SECONDS = 30.0


def run(share: float) -> Table:
    """Measure on both databases."""
    table = Table(("database", "supplier", "figure", "measured", "target", "of target", ""))
    count = max(30, round(_ALERTS * share))
    for database in databases():
        with site(database) as centre:
            _night(centre, table, (database.name, "takes all"), count)
    numbers = tuple(f"+32255501{10 + number}" for number in range(_NUMBERS - 1))
    account = ACCOUNT._replace(more=numbers)
    paced = {"TWILIO__MORE_SENDERS": ",".join(numbers), "TWILIO__TEXTS_PER_SECOND": "1"}
    for database in databases():
        with site(database, account, **paced) as centre:
            centre.twilio.fault(per_second=1)
            _night(centre, table, (database.name, f"{_NUMBERS} texts a second"), count)
    return table


def _night(centre: Site, table: Table, who: tuple[str, str], count: int) -> None:
    add_people(centre, _PHONES - len(centre.cast.people))
    _page_everyone_for_priority_1(centre)
    _let_sign_in(centre)
    with centre.running("web", "engine"):
        require_taken(sent(centre.url, alerts("warm", 16, priority=3), clients=4))
        with open_boards(centre.url, _BOARDS, _NAME, _PASSWORD) as seen:
            told = _storm(centre, count)
        _figures(centre, table, who, told, seen)


def _storm(centre: Site, count: int) -> list[Told]:
    """Send the alerts and wait until the last page has arrived."""
    asks = [alerts(f"storm-{number}", 1, priority=2 + number % 2)[0] for number in range(count)]
    [asks[count // 2]] = alerts("mass", 1, priority=1)
    told = sent(centre.url, asks, clients=_CLIENTS, per_second=count / _SECONDS)
    require_taken(told)
    arrived(centre, told, seconds=_LATEST_SECONDS)
    threading.Event().wait(_LOOK_SECONDS)
    return told


def _figures(
    centre: Site, table: Table, who: tuple[str, str], told: Sequence[Told], seen: Seen
) -> None:
    whole = {json.loads(answer.body)["reference"]: answer for answer in told}
    with centre.store.read() as session:
        query = sa.select(Incident.reference, Incident.priority)
        priorities = dict(session.execute(query.where(Incident.reference.in_(whole))).all())
    took = [answer.took for answer in told]
    table.add(*who, "answered, median", milliseconds(median(took)))
    table.add(*who, "answered, p95", milliseconds(percentile(took, 95)))
    [mass] = [whole[reference] for reference, priority in priorities.items() if priority == 1]
    last = max(arrived(centre, [mass], _PHONES)[0]) - mass.sent_at
    table.add(*who, f"{_PHONES} phones of one alert, last", milliseconds(last))
    for priority in (2, 3):
        those = [whole[reference] for reference, at in priorities.items() if at == priority]
        at = zip(arrived(centre, those), those, strict=True)
        waited = [times[0] - answer.sent_at for times, answer in at]
        table.add(*who, f"priority {priority} arrived, p95", milliseconds(percentile(waited, 95)))
    shown = [
        max(board.get(reference, math.inf) for board in seen) - answer.done_at
        for reference, answer in whole.items()
    ]
    table.add(*who, f"on all {len(seen)} boards, median", milliseconds(median(shown)))
    table.judge(*who, "on all boards, latest", max(shown), target=10.0, form=milliseconds)


def _page_everyone_for_priority_1(centre: Site) -> None:
    now = SystemClock().now()
    step = PolicyStep(position=0, after_seconds=0, target=Target.EVERYONE, attempts=[["sms", 0]])
    with centre.store.write() as session:
        session.add(
            Policy(
                name="everyone at once",
                team_id=centre.cast.team.id,
                priority=1,
                repeat_seconds=3600,
                created_at=now,
                steps=[step],
            )
        )


def _let_sign_in(centre: Site) -> None:
    """Add a dispatcher, whose boards are all of them."""
    now = SystemClock().now()
    with centre.store.write() as session:
        zone = session.get_one(Organisation, centre.cast.organisation.id)
        dirk = staff.add_person(session, zone, "Dirk", sign_in=_NAME, actor=ADA, now=now)
        dirk.password_hash = accounts.hashed(_PASSWORD)
        staff.grant(session, dirk, Role.DISPATCHER, ADA, now, organisation=zone)
