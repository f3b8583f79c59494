"""From an alert posted to its page at the supplier: idle, in a burst, to many phones at once."""

import sqlalchemy as sa

from dispatch.paging.models import Policy, PolicyStep, Target
from tests.benchmarks.figures import Table, median, milliseconds, percentile, sync_seconds
from tests.benchmarks.rig.alerts import alerts, arrived, require_taken
from tests.benchmarks.rig.client import sent
from tests.benchmarks.rig.site import Site, add_people, close_all, databases, site

_IDLE, _IDLE_PER_SECOND = 200, 8
_BURST, _BURST_CLIENTS = 240, 16
_PHONES = 50
_ROUNDS = 5


def run(share: float) -> Table:
    """Measure on both databases."""
    table = Table(("database", "what", "figure", "measured", "target", "of target", ""))
    for database in databases():
        with site(database) as centre, centre.running("web", "engine"):
            _warm(centre)
            _idle(centre, table, database.name, max(20, round(_IDLE * share)))
            close_all(centre)
            _burst(centre, table, database.name, max(20, round(_BURST * share)))
            close_all(centre)
            _phones(centre, table, database.name, max(1, round(_ROUNDS * share)))
    return table


def _warm(centre: Site) -> None:
    told = sent(centre.url, alerts("warm", 16), clients=4)
    require_taken(told)
    arrived(centre, told)
    close_all(centre)


def _idle(centre: Site, table: Table, database: str, count: int) -> None:
    told = sent(centre.url, alerts("idle", count), per_second=_IDLE_PER_SECOND)
    require_taken(told)
    at = [times[0] for times in arrived(centre, told)]
    whole = [one - answer.sent_at for one, answer in zip(at, told, strict=True)]
    handing = [one - answer.done_at for one, answer in zip(at, told, strict=True)]
    what = f"{count} idle"
    table.add(database, what, "answered, median", milliseconds(median([t.took for t in told])))
    table.add(database, what, "answer to arrival, median", milliseconds(median(handing)))
    table.judge(
        *(database, what, "arrived, median", median(whole)),
        target=0.015 + 2 * sync_seconds(),
        form=milliseconds,
        why="15 ms + 2 fsyncs",
    )
    slow = percentile(whole, 99)
    table.judge(database, what, "arrived, p99", slow, target=0.06, form=milliseconds)


def _burst(centre: Site, table: Table, database: str, count: int) -> None:
    told = sent(centre.url, alerts("burst", count), clients=_BURST_CLIENTS)
    require_taken(told)
    begun = min(answer.sent_at for answer in told)
    at = [times[0] - begun for times in arrived(centre, told)]
    what = f"burst of {count}"
    table.add(database, what, "arrived, median", milliseconds(median(at)))
    table.judge(database, what, "arrived, p95", percentile(at, 95), target=2.0, form=milliseconds)


def _phones(centre: Site, table: Table, database: str, rounds: int) -> None:
    """Page a whole team by one alert: the last phone counts."""
    add_people(centre, _PHONES - len(centre.cast.people))
    _page_everyone(centre)
    last = []
    for number in range(rounds):
        told = sent(centre.url, alerts(f"phones-{number}", 1))
        require_taken(told)
        last.append(max(arrived(centre, told, _PHONES)[0]) - told[0].sent_at)
        close_all(centre)
    what = f"{_PHONES} phones at once"
    table.judge(database, what, "all arrived, worst", max(last), target=1.0, form=milliseconds)


def _page_everyone(centre: Site) -> None:
    with centre.store.write() as session:
        standard = session.scalars(sa.select(Policy).order_by(Policy.id)).first()
        assert standard is not None
        session.add(
            Policy(
                name="everyone at once",
                team_id=centre.cast.team.id,
                repeat_seconds=standard.repeat_seconds,
                created_at=standard.created_at,
                steps=[
                    PolicyStep(
                        position=0,
                        after_seconds=0,
                        target=Target.EVERYONE,
                        attempts=[["sms", 0]],
                    )
                ],
            )
        )
