"""Bringing published turns to where a difference wants them, without one ever standing on another.

First what ends is taken out, then what moves shrinks to what it keeps and grows to what it gains,
then what is new is entered. A turn under way that goes to somebody else, or away, ends now: what
has been served stays served. Covers that a turn no longer reaches end with it, and whoever lost one
is told like everybody else. What may be changed at all is for `publishing` to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.people.models import Team
from dispatch.rota import changes, differences
from dispatch.rota.differences import Change
from dispatch.rota.models import Shift


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
                self._write(row if change.moves else self._enter(change), change)
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
            changes.move(shift, shift.starts_at, self.now, self.now)
            self._tell("shift.changed", shift)
        else:
            self._fit_covers(shift, shift.ends_at, shift.ends_at)
            changes.cancel(shift, self.now)
            self._tell("shift.cancelled", shift)

    def _shrink(self, shift: Shift | None, change: Change) -> None:
        assert shift is not None and change.now is not None, "a turn that moves was and will be"
        begin = max(change.now.starts_at, shift.starts_at)
        end = min(change.now.ends_at, shift.ends_at)
        self._fit_covers(shift, begin, end)
        if (begin, end) != (shift.starts_at, shift.ends_at):
            changes.move(shift, begin, end, self.now)

    def _grow(self, shift: Shift | None, change: Change) -> None:
        assert shift is not None and change.now is not None, "a turn that moves was and will be"
        begin, end = change.now.starts_at, change.now.ends_at
        if (begin, end) != (shift.starts_at, shift.ends_at):
            changes.move(shift, begin, end, self.now)
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

    def _fit_covers(self, shift: Shift, begin: datetime, end: datetime) -> None:
        """Let no cover reach beyond what the turn keeps."""
        for cover in changes.covers_of(self.session, shift):
            starts_at, ends_at = max(cover.starts_at, begin), min(cover.ends_at, end)
            if (starts_at, ends_at) == (cover.starts_at, cover.ends_at):
                continue
            self.applied.touch(cover.person_id, cover.starts_at)
            if starts_at < ends_at:
                changes.move(cover, starts_at, ends_at, self.now)
                action = "cover.changed"
            else:
                changes.cancel(cover, self.now)
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

    def _tell(self, action: str, shift: Shift) -> None:
        changes.tell(self.session, self.team, self.actor, action, shift, self.reason, self.now)
