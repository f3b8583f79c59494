"""Taking in what a team already has: an existing rota, and what each person has served.

`look` reads a file without writing anything: every problem by its row, and what would change.
`draft` puts the turns into a draft, to be compared and published like any other; `balances` keeps
what was served before. Both can be done again: the same file then changes nothing. A file may be a
list of turns, a table of days by lines or of people by days, or a table of people by what they had.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Membership, Person, Team
from dispatch.rota import changes, differences, drafts, ground, planning, record, seating
from dispatch.rota.days import local_day
from dispatch.rota.differences import Change, Stand
from dispatch.rota.imports import tables, words
from dispatch.rota.imports.sheets import Row, rows_of
from dispatch.rota.imports.tables import Context, Problem, Read
from dispatch.rota.models import Draft, Origin
from dispatch.rota.problem import Need
from dispatch.texts import N_, Sentence

__all__ = ["Imported", "Problem", "balances", "draft", "look"]

#: On days further away than this nobody has kept or made a rota.
_FAR = timedelta(days=5 * 366)
#: So large a part of the days must lie together for the others to be slips.
_MOSTLY = 0.75


@dataclass(frozen=True)
class Imported:
    """What a file says, and what taking it in would change."""

    read: Read
    changes: list[Change] = field(default_factory=list)
    """Of the published turns, in order."""
    first_on: date | None = None
    last_on: date | None = None

    @property
    def problems(self) -> list[Problem]:
        """Return what cannot be taken in, by row."""
        return self.read.problems


def look(session: Session, team: Team, name: str, content: bytes, now: datetime) -> Imported:
    """Return what a file says without writing anything; raises Invalid for a file as a whole."""
    rows = rows_of(name, content)
    read = tables.read(rows, _context(session, team, rows, now))
    if not read.stands:
        return Imported(read)
    days = [local_day(stand.starts_at, team.time_zone) for stand in read.stands]
    first, last = min(days), max(days)
    if (last - first).days >= drafts.LONGEST_DAYS:
        told = N_("Longer than %(days)s days: send it in parts.")
        raise Invalid(Sentence(told, days=drafts.LONGEST_DAYS), file=told)
    published = {
        shift.id: drafts.stand_of(shift) for shift in drafts.published(session, team, first, last)
    }
    found = differences.compare(
        published, [(stand, None) for stand in _beside(read.stands, published.values())]
    )
    return Imported(read, found, first, last)


def draft(session: Session, team: Team, imported: Imported, actor: Actor, now: datetime) -> Draft:
    """Begin a draft that holds a file's turns, and published ones where it has none.

    Raises Invalid while the file has problems.
    """
    _refuse(imported)
    if imported.first_on is None or imported.last_on is None:
        raise Conflict(N_("This file holds no turns."))
    made = drafts.begin(
        session,
        team,
        imported.first_on,
        imported.last_on,
        actor,
        now,
        name="import",
        history=True,
    )
    standing = [drafts.stand_of(seat) for seat in drafts.seats(session, made)]
    wanted = _beside(imported.read.stands, standing)
    seating.fill(session, made, wanted, Origin.IMPORT, actor, now, history=True)
    return made


def balances(
    session: Session, team: Team, imported: Imported, on: date, actor: Actor, now: datetime
) -> int:
    """Keep what people had served up to a day; return how many numbers are new or other."""
    _refuse(imported)
    present = ground.balances_of(session, team)
    changed = 0
    for person_id, measure, amount in imported.read.balances:
        if present.get(person_id, {}).get(measure) != amount:
            person = session.get_one(Person, person_id)
            ground.set_balance(session, team, person, measure, amount, on, actor, now)
            changed += 1
    facts = {"numbers": len(imported.read.balances), "changed": changed, "on": on}
    record.note(session, team, actor, "balances.imported", f"team:{team.id}", facts, now)
    return changed


def _refuse(imported: Imported) -> None:
    if imported.problems:
        told = {f"row.{problem.row}": problem.told for problem in imported.problems}
        raise Invalid(" ".join(told.values()), **told)


def _beside(stands: Iterable[Stand], others: Iterable[Stand]) -> list[Stand]:
    """Return a file's turns, and of the others those that none of them meets."""
    by_line: dict[int, list[Stand]] = {}
    for stand in stands:
        by_line.setdefault(stand.line_id, []).append(stand)
    kept = [
        other
        for other in others
        if not any(
            stand.starts_at < other.ends_at and other.starts_at < stand.ends_at
            for stand in by_line.get(other.line_id, ())
        )
    ]
    return sorted([*stands, *kept])


def _context(session: Session, team: Team, rows: Sequence[Row], now: datetime) -> Context:
    members = sa.select(Membership.person_id).where(Membership.team_id == team.id)
    people = session.execute(
        sa.select(Person.id, Person.name, Person.sign_in).where(Person.id.in_(members))
    ).all()
    lines = ground.lines_of(session, team)
    days = [day for row in rows for cell in row.cells if (day := words.day_of(cell))]
    near = _near(days, local_day(now, team.time_zone))
    wanted: Sequence[Need] = ()
    if near and (near[-1] - near[0]).days < drafts.LONGEST_DAYS:
        # A turn that a day lies in may have begun a week before.
        wanted = planning.needs(session, team, near[0] - timedelta(days=14), near[-1])
    found = words.known(
        [(row.id, row.name, row.sign_in) for row in people],
        [(line.id, line.key, line.name) for line in lines],
    )
    keys = {line.id: line.key for line in lines}
    # A turn of the last day may end two weeks later.
    first, last = (near[0], near[-1] + changes.LONGEST) if near else (date.max, date.min)
    return Context(found, team.time_zone, keys, wanted, first, last)


def _near(days: Iterable[date], today: date) -> list[date]:
    """Return the days of a sheet without those of a wrong year, in order.

    One slip must not condemn the whole sheet. A sheet that is too long on purpose is left as it is.
    """
    known = sorted(day for day in days if abs(day - today) <= _FAR)
    if not known:
        return []
    longest = timedelta(days=drafts.LONGEST_DAYS)
    spans = ((bisect_left(known, day + longest) - place, place) for place, day in enumerate(known))
    count, place = max(spans, key=lambda span: span[0])
    return known[place : place + count] if count >= _MOSTLY * len(known) else known
