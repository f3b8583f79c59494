"""Who is on duty, and why; or since when nobody is, and why not.

The answer always comes from the published rows, never from a cache: one question for an instant as
for a month. Each line of a team is cut where anything changes (a turn begins or ends, a cover takes
over, a membership ends, somebody leaves) into stretches that leave no instant out. A stretch
includes its start and excludes its end. A cover beats the shift under it. Somebody who has left, or
is no member of the team on that local day, is nobody: paging them would be silence.

Whether the person on duty is fit for an incident is for `paging.policy` to say.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from dispatch.db import Instant, Session
from dispatch.people.hours import expected, expected_windows, instants
from dispatch.people.models import Membership, Person, Team
from dispatch.rota.models import Cover, Line, Shift


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody is on a line, from an instant up to but not including another."""

    line_id: int
    line_key: str
    line_name: str
    from_at: datetime
    until_at: datetime
    person_id: int
    person_name: str
    shift_uid: str
    cover_uid: str | None = None
    covers: str | None = None
    """The name of whom this covers."""

    @property
    def reason(self) -> dict[str, Any]:
        """Return why this person, as kind and facts fit for a timeline row."""
        until = self.until_at.isoformat()
        if self.covers is None:
            return {"kind": "shift", "until": until}
        return {"kind": "cover", "for": self.covers, "until": until}


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody is on a line; an end is None where no turn is known on that side."""

    line_id: int
    line_key: str
    line_name: str
    from_at: datetime | None
    until_at: datetime | None
    kind: str = "nobody"
    """nobody (planned), left, not_member; away, where `attendance` was asked."""
    absent: str | None = None
    """The name of who was planned and does not count."""
    next_id: int | None = None
    next_name: str | None = None
    """Who has the line's next turn."""

    @property
    def reason(self) -> dict[str, Any]:
        """Return why nobody, as kind and facts fit for a timeline row."""
        return {"kind": self.kind, **({"person": self.absent} if self.absent else {})}


Stretch = Turn | Gap


@dataclass(frozen=True, slots=True)
class Duty:
    """A team at an instant: one stretch for each of its lines, in their order."""

    team_key: str
    at: datetime
    expected: bool
    """Whether the team's hours want somebody now."""
    lines: tuple[Stretch, ...]

    @property
    def turns(self) -> list[Turn]:
        """Return who is on duty, in the order of the lines."""
        return [line for line in self.lines if isinstance(line, Turn)]

    @property
    def changes_at(self) -> datetime | None:
        """Return when somebody next comes or goes; None where no change is known."""
        return min((line.until_at for line in self.lines if line.until_at), default=None)

    @property
    def complete(self) -> bool:
        """Return whether every line has somebody."""
        return bool(self.lines) and len(self.turns) == len(self.lines)


def on_duty(session: Session, team: Team, at: datetime) -> Duty:
    """Return who is on duty at `at` on each line of the team."""
    lines = tuple(
        next(stretch for stretch in stretches if _during(stretch, at))
        for stretches in _stretches(session, team, at, at)
    )
    return Duty(team.key, at, expected(team, at), lines)


def duty_between(
    session: Session, team: Team, from_at: datetime, until_at: datetime
) -> list[Stretch]:
    """Return the stretches that touch the time between, line by line and in order.

    The first and the last of a line reach over the edges as far as they really last.
    """
    return [
        stretch
        for stretches in _stretches(session, team, from_at, until_at)
        for stretch in stretches
        if (stretch.from_at is None or stretch.from_at < until_at)
        and (stretch.until_at is None or stretch.until_at > from_at)
    ]


def gaps(session: Session, team: Team, from_at: datetime, until_at: datetime) -> list[Gap]:
    """Return where a line is empty within the team's hours, cut to the time asked for."""
    return gaps_among(duty_between(session, team, from_at, until_at), team, from_at, until_at)


def gaps_among(
    stretches: Iterable[Stretch], team: Team, from_at: datetime, until_at: datetime
) -> list[Gap]:
    """Return the gaps among some stretches as `gaps` does."""
    hours = expected_windows(team, from_at, until_at)
    return [
        replace(
            gap,
            from_at=max(gap.from_at or begin, begin),
            until_at=min(gap.until_at or end, end),
        )
        for gap in stretches
        if isinstance(gap, Gap)
        for begin, end in hours
        if (gap.from_at is None or gap.from_at < end)
        and (gap.until_at is None or gap.until_at > begin)
    ]


def not_counted(
    session: Session, team: Team, person_id: int, from_at: datetime, until_at: datetime
) -> tuple[str, datetime] | None:
    """Return why ("left" or "not_member") and when first the team cannot count on a person."""
    person = _people(session, team, {person_id})[person_id]
    for at in sorted({from_at, *person.edges()}):
        if from_at <= at < until_at and (absence := person.absence(at)):
            return absence, at
    return None


def _during(stretch: Stretch, at: datetime) -> bool:
    return (stretch.from_at is None or stretch.from_at <= at) and (
        stretch.until_at is None or at < stretch.until_at
    )


# --- From rows to stretches.

_FROM, _UNTIL = sa.bindparam("from_at", type_=Instant()), sa.bindparam("until_at", type_=Instant())
_on_line = sa.select(Shift.starts_at).where(Shift.line_id == Line.id, Shift.cancelled_at.is_(None))
# Shifts of a line do not overlap, so the last one begun and the next one to begin bound
# everything that matters, however long the history: each is one step in the index. They are found
# once for each line; joined in directly, PostgreSQL would find them again for every shift.
_bounds = (
    sa.select(
        Line.id,
        Line.key,
        Line.name,
        Line.position,
        sa.func.coalesce(
            _on_line.where(Shift.starts_at <= _FROM)
            .order_by(Shift.starts_at.desc())
            .limit(1)
            .scalar_subquery(),
            _FROM,
        ).label("begins_at"),
        sa.func.coalesce(
            _on_line.where(Shift.starts_at > _UNTIL)
            .order_by(Shift.starts_at)
            .limit(1)
            .scalar_subquery(),
            _UNTIL,
        ).label("ends_at"),
    )
    .where(Line.team_id == sa.bindparam("team_id"))
    .cte("bounds")
    .prefix_with("MATERIALIZED", dialect="postgresql")
)
# Whoever holds a turn or covers it, as far as the rota may count on them: a row for each time
# that somebody was a member.
_holder, _coverer = aliased(Person), aliased(Person)
_held, _covering = aliased(Membership), aliased(Membership)


def _counting(person: Any, member: Any, name: str) -> list[sa.Label[Any]]:
    columns = (person.name, person.left_at, member.from_on, member.until_on)
    return [column.label(f"{name}_{column.key}") for column in columns]


def _member(member: Any, person_id: Any) -> sa.ColumnElement[bool]:
    return sa.and_(member.person_id == person_id, member.team_id == sa.bindparam("team_id"))


_PLAN = (
    sa.select(
        _bounds.c.id.label("line_id"),
        _bounds.c.key.label("line_key"),
        _bounds.c.name.label("line_name"),
        Shift.uid.label("shift_uid"),
        Shift.person_id,
        Shift.starts_at,
        Shift.ends_at,
        Cover.uid.label("cover_uid"),
        Cover.person_id.label("coverer_id"),
        Cover.starts_at.label("cover_starts_at"),
        Cover.ends_at.label("cover_ends_at"),
        *_counting(_holder, _held, "holder"),
        *_counting(_coverer, _covering, "coverer"),
    )
    .select_from(_bounds)
    .outerjoin(
        Shift,
        sa.and_(
            Shift.line_id == _bounds.c.id,
            Shift.cancelled_at.is_(None),
            Shift.starts_at.between(_bounds.c.begins_at, _bounds.c.ends_at),
        ),
    )
    .outerjoin(Cover, sa.and_(Cover.shift_id == Shift.id, Cover.cancelled_at.is_(None)))
    .outerjoin(_holder, _holder.id == Shift.person_id)
    .outerjoin(_held, _member(_held, Shift.person_id))
    .outerjoin(_coverer, _coverer.id == Cover.person_id)
    .outerjoin(_covering, _member(_covering, Cover.person_id))
    .order_by(_bounds.c.position, _bounds.c.id, Shift.starts_at, Cover.starts_at)
)
_PEOPLE = (
    sa.select(Person.id, Person.name, Person.left_at, Membership.from_on, Membership.until_on)
    .outerjoin(
        Membership,
        sa.and_(Membership.person_id == Person.id, Membership.team_id == sa.bindparam("team_id")),
    )
    .where(Person.id.in_(sa.bindparam("people", expanding=True)))
)


def _stretches(
    session: Session, team: Team, from_at: datetime, until_at: datetime
) -> Iterator[list[Stretch]]:
    """Yield, for each line, stretches without holes from the beginning to the end of time.

    They are complete from the last turn begun at `from_at` to the first after `until_at`.
    """
    values = {"team_id": team.id, "from_at": from_at, "until_at": until_at}
    rows = session.execute(_PLAN, values).all()
    zone = ZoneInfo(team.time_zone)
    people: dict[int, _Planned] = {}
    for row in rows:
        if row.person_id is not None:
            held = row.holder_name, row.holder_left_at, row.holder_from_on, row.holder_until_on
            _count_in(people, row.person_id, *held, zone)
        if row.coverer_id is not None:
            held = row.coverer_name, row.coverer_left_at, row.coverer_from_on, row.coverer_until_on
            _count_in(people, row.coverer_id, *held, zone)
    # Several memberships of one person repeat the turn.
    once = {(row.line_id, row.shift_uid, row.cover_uid): row for row in rows}
    for _, group in groupby(once.values(), key=lambda row: row.line_id):
        yield _line(list(group), people)


@dataclass(slots=True)
class _Planned:
    """Somebody as far as the rota may count on them."""

    id: int
    name: str
    left_at: datetime | None
    member: dict[tuple[date, date | None], tuple[datetime, datetime]]
    """When a member: the days, and the instants that they begin and end at."""

    def absence(self, at: datetime) -> str | None:
        """Return why the person does not count at `at`, or None."""
        if self.left_at is not None and self.left_at <= at:
            return "left"
        return (
            None if any(begin <= at < end for begin, end in self.member.values()) else "not_member"
        )

    def edges(self) -> Iterator[datetime]:
        """Yield the instants at which this may change."""
        if self.left_at is not None:
            yield self.left_at
        for span in self.member.values():
            yield from span


def _people(session: Session, team: Team, ids: set[int]) -> dict[int, _Planned]:
    people: dict[int, _Planned] = {}
    for row in session.execute(_PEOPLE, {"team_id": team.id, "people": list(ids)}):
        _count_in(people, *row, ZoneInfo(team.time_zone))
    return people


def _count_in(
    people: dict[int, _Planned],
    person_id: int,
    name: str,
    left_at: datetime | None,
    from_on: date | None,
    until_on: date | None,
    zone: ZoneInfo,
) -> None:
    """Add one row of somebody to what is known of them."""
    person = people.get(person_id)
    if person is None:
        person = people[person_id] = _Planned(person_id, name, left_at, {})
    if from_on is None or (from_on, until_on) in person.member:
        return
    begin, end = min(instants(from_on, time.min, zone)), _FOR_GOOD
    if until_on is not None:
        end = min(instants(until_on + timedelta(days=1), time.min, zone))
    person.member[from_on, until_on] = begin, end


_FOR_GOOD = datetime.max.replace(tzinfo=UTC)


def _line(rows: Sequence[Any], people: dict[int, _Planned]) -> list[Stretch]:
    """Return the stretches of one line, whose rows are a shift with one of its covers each."""
    line = (rows[0].line_id, rows[0].line_key, rows[0].line_name)
    found: list[Stretch] = []
    end: datetime | None = None
    for uid, group in groupby(rows, key=lambda row: row.shift_uid):
        if uid is None:
            break
        shift_rows = list(group)
        if end is None or end < shift_rows[0].starts_at:
            found.append(Gap(*line, end, shift_rows[0].starts_at))
        found.extend(_shift(line, shift_rows, people))
        end = shift_rows[0].ends_at
    found.append(Gap(*line, end, None))
    return with_next(found)


def _shift(
    line: tuple[int, str, str], rows: Sequence[sa.Row[Any]], people: dict[int, _Planned]
) -> Iterator[Stretch]:
    """Cut a shift where its holder changes; a cut that changes nothing is no change."""
    shift, owner = rows[0], people[rows[0].person_id]
    covers = [row for row in rows if row.cover_uid is not None]
    cuts = {shift.starts_at, shift.ends_at, *owner.edges()}
    for cover in covers:
        cuts |= {cover.cover_starts_at, cover.cover_ends_at, *people[cover.coverer_id].edges()}

    def holding(piece: tuple[datetime, datetime]) -> tuple[sa.Row[Any] | None, str | None]:
        at = piece[0]
        cover = next((c for c in covers if c.cover_starts_at <= at < c.cover_ends_at), None)
        return cover, (owner if cover is None else people[cover.coverer_id]).absence(at)

    inside = pairwise(sorted(at for at in cuts if shift.starts_at <= at <= shift.ends_at))
    for (taken, absence), group in groupby(inside, key=holding):
        pieces = list(group)
        begin, end = pieces[0][0], pieces[-1][1]
        holder = owner if taken is None else people[taken.coverer_id]
        turn = Turn(*line, begin, end, holder.id, holder.name, shift.shift_uid)
        if absence is not None:
            yield Gap(*line, begin, end, absence, holder.name)
        elif taken is not None:
            yield replace(turn, cover_uid=taken.cover_uid, covers=owner.name)
        else:
            yield turn


def with_next(stretches: list[Stretch]) -> list[Stretch]:
    """Tell each gap who has the line's next turn."""
    following: Turn | None = None
    for index in range(len(stretches) - 1, -1, -1):
        stretch = stretches[index]
        if isinstance(stretch, Turn):
            following = stretch
        elif following is not None:
            stretches[index] = replace(
                stretch, next_id=following.person_id, next_name=following.person_name
            )
    return stretches
