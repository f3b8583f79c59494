"""Bringing published turns to where a difference wants them, without one ever standing on another.

First what ends is taken out, then what moves shrinks to what it keeps and grows to what it gains,
then what is new is entered. A turn under way that goes to somebody else, or away, ends now: what
has been served stays served. Covers that a turn no longer reaches end with it, those that return
are entered again, and whoever lost or got one is told like everybody else. What may be changed at
all is for `publishing` to say.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.people.models import Person, Team
from dispatch.rota import absences, changes, differences
from dispatch.rota.changes import Span
from dispatch.rota.differences import Change, Stand
from dispatch.rota.models import Cover, Shift


@dataclass
class Applied:
    """What was done."""

    written: list[dict[str, Any]] = field(default_factory=list)
    """As a version keeps it."""
    touched: dict[int, list[datetime]] = field(default_factory=dict)
    """By person: where each of their turns changed that was not over."""

    def touch(self, person_id: int, at: datetime) -> None:
        """Note that a turn of somebody changed."""
        self.touched.setdefault(person_id, []).append(at)


def apply(
    session: Session,
    team: Team,
    found: Sequence[Change],
    actor: Actor,
    reason: str,
    now: datetime,
) -> Applied:
    """Change the published turns; raises Conflict where somebody was faster on a line."""
    return _Application(session, team, actor, reason, now).run(found)


class _Application:
    """One difference on its way into the published rota."""

    def __init__(
        self, session: Session, team: Team, actor: Actor, reason: str, now: datetime
    ) -> None:
        self.session, self.team, self.now = session, team, now
        self.actor, self.reason = actor, reason
        self.applied = Applied()

    def run(self, found: Sequence[Change]) -> Applied:
        """Change everything; return what was done."""
        rows = [self._row(change) for change in found]
        moving = [(row, change) for row, change in zip(rows, found, strict=True) if change.moves]
        with changes.alone(self.session):
            for row, change in zip(rows, found, strict=True):
                if row is not None and not change.moves:
                    self._end(row)
            self.session.flush()
            for row, change in moving:
                self._shrink(row, change)
            self.session.flush()
            for row, change in moving:
                self._grow(row, change)
            self.session.flush()
            for row, change in zip(rows, found, strict=True):
                shift = row if change.moves else self._enter(change)
                self._write(shift, self._settle(shift, change))
        return self.applied

    def _row(self, change: Change) -> Shift | None:
        if change.shift_id is None:
            return None
        query = sa.select(Shift).where(Shift.id == change.shift_id).with_for_update()
        return self.session.scalars(query.execution_options(populate_existing=True)).one()

    def _end(self, shift: Shift) -> None:
        """Take a turn out; of one under way only what is left."""
        if shift.starts_at < self.now < shift.ends_at:
            self._fit_covers(shift, shift.starts_at, self.now)
            self._move(shift, shift.starts_at, self.now)
            self._tell("shift.changed", shift)
        else:
            self._fit_covers(shift, shift.ends_at, shift.ends_at)
            changes.cancel(self.session, shift, self.actor, self.now)
            self._tell("shift.cancelled", shift)

    def _shrink(self, shift: Shift | None, change: Change) -> None:
        assert shift is not None and change.now is not None, "a turn that moves was and will be"
        begin = max(change.now.starts_at, shift.starts_at)
        end = min(change.now.ends_at, shift.ends_at)
        self._fit_covers(shift, begin, end)
        if (begin, end) != (shift.starts_at, shift.ends_at):
            self._move(shift, begin, end)

    def _grow(self, shift: Shift | None, change: Change) -> None:
        assert shift is not None and change.now is not None, "a turn that moves was and will be"
        begin, end = change.now.starts_at, change.now.ends_at
        if (begin, end) != (shift.starts_at, shift.ends_at):
            self._move(shift, begin, end)
        self._tell("shift.changed", shift)

    def _enter(self, change: Change) -> Shift | None:
        """Enter a new turn; one that takes over from another under way begins now."""
        stand = change.now
        if stand is None:
            return None
        taken_over = change.was is not None and change.was.starts_at < self.now < stand.ends_at
        shift = Shift(
            uid=str(uuid4()),
            line_id=stand.line_id,
            person_id=stand.person_id,
            starts_at=max(stand.starts_at, self.now) if taken_over else stand.starts_at,
            ends_at=stand.ends_at,
            sequence=0,
            changed_at=self.now,
        )
        self.session.add(shift)
        self.session.flush()
        self._tell("shift.entered", shift)
        return shift

    def _settle(self, shift: Shift | None, change: Change) -> Change:
        """Let who covered a turn cover again, and its holder be there for the rest all the same.

        Whoever has a turn although away was given it knowingly; what they had before may be
        covered, and takes no leave. Return what was done.
        """
        if shift is None or change.now is None:
            return change
        new = [(shift.starts_at, shift.ends_at)]
        if change.was is not None and change.moves:
            new = changes.gained((change.was.starts_at, change.was.ends_at), new[0])
        returned = [stand for cover in change.returns for stand in self._cover(shift, cover)]
        for cover in returned:
            new = _without(new, (cover.starts_at, cover.ends_at))
        for begin, end in _without(new, (datetime.min.replace(tzinfo=UTC), self.now)):
            absences.make_room(self.session, shift, begin, end, self.actor, self.now)
        return replace(change, returns=tuple(returned))

    def _cover(self, shift: Shift, cover: Stand) -> list[Stand]:
        """Enter a cover again, but for what somebody covers now; return what was entered."""
        left = (
            [] if cover.ends_at <= self.now else [(max(cover.starts_at, self.now), cover.ends_at)]
        )
        for other in changes.covers_of(self.session, shift):
            left = _without(left, (other.starts_at, other.ends_at))
        person = self.session.get_one(Person, cover.person_id)
        entered = [Stand(begin, end, shift.line_id, person.id) for begin, end in left]
        for one in entered:
            times, why = (one.starts_at, one.ends_at), "taken back"
            changes.enter_cover(self.session, shift, person, *times, self.actor, self.now, why)
            self.applied.touch(person.id, one.starts_at)
        return entered

    def _fit_covers(self, shift: Shift, begin: datetime, end: datetime) -> None:
        """Let no cover reach beyond what the turn keeps."""
        for cover in changes.covers_of(self.session, shift):
            starts_at, ends_at = max(cover.starts_at, begin), min(cover.ends_at, end)
            if (starts_at, ends_at) == (cover.starts_at, cover.ends_at):
                continue
            self.applied.touch(cover.person_id, cover.starts_at)
            if starts_at < ends_at:
                self._move(cover, starts_at, ends_at)
                action = "cover.changed"
            else:
                changes.cancel(self.session, cover, self.actor, self.now)
                action = "cover.cancelled"
            changes.tell(self.session, self.team, self.actor, action, cover, self.reason, self.now)
        self.session.flush()

    def _write(self, shift: Shift | None, change: Change) -> None:
        made = shift.uid if shift is not None else None
        self.applied.written.append(differences.written(change, made))
        ends = max(stand.ends_at for stand in (change.was, change.now) if stand is not None)
        # Whoever served need not be told what is written down of it.
        for person_id in change.people if ends > self.now else ():
            self.applied.touch(person_id, change.first_at)

    def _move(self, row: Shift | Cover, starts_at: datetime, ends_at: datetime) -> None:
        changes.move(self.session, row, (starts_at, ends_at), self.actor, self.now)

    def _tell(self, action: str, shift: Shift) -> None:
        changes.tell(self.session, self.team, self.actor, action, shift, self.reason, self.now)


def _without(times: Iterable[Span], taken: Span) -> list[Span]:
    """Return what is left of some times."""
    return [left for one in times for left in changes.gained(taken, one)]
