"""A year of turns, as a database holds them after a year: what looking somebody up has to pass."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from dispatch.clock import SystemClock
from dispatch.people.models import Person
from dispatch.rota.models import Line, Shift
from tests.benchmarks.rig.site import Site, add_people

_LINES, _PEOPLE, _DAYS, _TURN = 3, 20, 365, timedelta(hours=8)


def add_year(site: Site) -> list[Person]:
    """Add lines with a turn every eight hours, from half a year ago on; return who takes them."""
    people = add_people(site, _PEOPLE)
    begin = SystemClock().now() - timedelta(days=_DAYS / 2)
    with site.store.write() as session:
        for number in range(_LINES):
            line = Line(
                team_id=site.cast.team.id,
                key=f"line-{number}",
                name=f"Line {number}",
                position=10 + number,
            )
            session.add(line)
            session.flush()
            turns = range(_DAYS * 3)
            session.add_all(
                turn(line, people[(at + number) % _PEOPLE], begin + at * _TURN) for at in turns
            )
    with site.store.write() as session:
        # As the server does by itself a minute after so much was written.
        session.execute(sa.text("ANALYZE"))
    return people


def turn(line: Line, person: Person, starts_at: datetime) -> Shift:
    """Return a published turn of eight hours."""
    return Shift(
        uid=f"{line.key}-{starts_at:%Y%m%d%H%M}",
        line_id=line.id,
        person_id=person.id,
        starts_at=starts_at,
        ends_at=starts_at + _TURN,
        changed_at=starts_at - timedelta(days=30),
    )
