"""What a planner does to published turns by hand: judged like every other change, and told.

What it breaks hard is refused unless the planner says why it must be; within a day of it rules only
warn, for somebody must have the turn tonight. Whoever gains or loses some of a turn is told. Where
two planners must agree, only what is that near is done by one alone: all else goes through a draft.
What makes a turn possible at all is for `changes` to say.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Person, Team
from dispatch.rota import changes, handing, judging, notices, planning, record
from dispatch.rota.changes import Span
from dispatch.rota.days import local
from dispatch.rota.differences import Stand
from dispatch.rota.judging import Judged
from dispatch.rota.models import Cover, Line, Shift
from dispatch.rota.terms import terms_of
from dispatch.texts import N_, Sentence

#: Farther from now is a slip of the year far more often than a turn.
_AHEAD, _BACK = timedelta(days=400), timedelta(days=5 * 366)


@dataclass(frozen=True)
class Edited:
    """The turn or cover that stands afterwards, and what it breaks hard all the same."""

    row: Shift | Cover
    broken: list[Judged]


@dataclass(frozen=True)
class By:
    """Who does it, when, and why."""

    actor: Actor
    now: datetime
    reason: str = ""
    note: str = ""
    """What the record says where there is no reason; it excuses nothing."""

    def given(self) -> tuple[Actor, datetime]:
        """Return who and when."""
        return self.actor, self.now

    @property
    def why(self) -> str:
        """Return what the record says."""
        return self.reason.strip() or self.note


def enter(session: Session, line: Line, person: Person, times: Span, by: By) -> Edited:
    """Put a person on a line; raises what `changes.enter_shift` raises, and what it breaks."""
    team = session.get_one(Team, line.team_id)
    edit = _Edit(session, team, by, [times], [person.id], times[0])
    return edit.run(lambda: changes.enter_shift(session, line, person, *times, *by.given(), by.why))


def cover(session: Session, shift: Shift, person: Person, times: Span, by: By) -> Edited:
    """Let a person take a turn or a part of it; raises like `enter`."""
    edit = _Edit(session, _team(session, shift), by, [times], [person.id], times[0])
    return edit.run(
        lambda: changes.enter_cover(session, shift, person, *times, *by.given(), by.why)
    )


def change(session: Session, row: Shift | Cover, person: Person, times: Span, by: By) -> Edited:
    """Move a turn or cover, or give it to somebody else; raises like `enter`."""
    was = (row.starts_at, row.ends_at)
    kept = person.id == row.person_id and times[0] == was[0]
    since = min(times[1], was[1]) if kept else min(times[0], was[0])
    to: dict[str, Any] = {
        "person": person,
        "starts_at": times[0],
        "ends_at": times[1],
        "reason": by.why,
    }

    def do() -> Shift | Cover:
        if isinstance(row, Shift):
            return changes.change_shift(session, row, *by.given(), **to)
        return changes.change_cover(session, row, *by.given(), **to)

    people = [person.id, _owner(row)]
    edit = _Edit(session, _team(session, row), by, [times, was], people, since, times[0] != was[0])
    return edit.run(do)


def cancel(session: Session, row: Shift | Cover, by: By) -> Edited:
    """Take a turn out, or give a covered time back to the turn's owner; raises like `enter`."""

    def do() -> Shift | Cover:
        if isinstance(row, Shift):
            changes.cancel_shift(session, row, *by.given(), by.why)
        else:
            changes.cancel_cover(session, row, *by.given(), by.why)
        return row

    was = (row.starts_at, row.ends_at)
    edit = _Edit(session, _team(session, row), by, [was], [_owner(row)], was[0], begins=False)
    return edit.run(do)


@dataclass(frozen=True)
class _Edit:
    """One change by hand: the times and people it touches, and the first instant that differs."""

    session: Session
    team: Team
    by: By
    times: Sequence[Span]
    people: Sequence[int]
    since: datetime
    begins: bool = True
    """Whether it says anew when a turn begins: what stands far from today may be taken away."""

    def run(self, do: Callable[[], Shift | Cover]) -> Edited:
        """Do it, judge what came of it, and tell whoever it touches."""
        late = handing.is_late(self.since, self.by.now)
        self._refuse_slips()
        if terms_of(self.session, self.team).four_eyes and not late:
            raise Conflict(
                N_("Two planners must agree here: change it in a draft and publish that.")
            )
        days = handing.around(self.team, *self._ends())
        before = planning.published(self.session, self.team, *days)
        people = {stand.person_id for stand in before}.union(self.people)
        # Before it is done: a leave that makes room would no longer be seen.
        ground = planning.load(self.session, self.team, *days, people=people)
        row = do()
        self.session.flush()
        after = planning.published(self.session, self.team, *days)
        broken = [one for one in judging.broken_by(ground, before, after) if one.hard]
        if not late:
            judging.refuse(broken, self.by.reason)
        about = f"{row.__tablename__}:{row.uid}"
        if broken:
            facts = {"broken": judging.keys(broken), "reason": self.by.why}
            record.note(
                self.session, self.team, self.by.actor, "rota.broken", about, facts, self.by.now
            )
        self._tell(
            after, before, N_("%(team)s: you have %(line)s from %(begin)s to %(end)s."), about
        )
        told = N_("%(team)s: %(line)s from %(begin)s to %(end)s is no longer yours.")
        self._tell(before, after, told, about)
        return Edited(row, broken)

    def _ends(self) -> Span:
        return min(begin for begin, _ in self.times), max(end for _, end in self.times)

    def _refuse_slips(self) -> None:
        begin, end = self.times[0]
        now = self.by.now
        problems = changes.wrong_times(begin, end)
        if self.begins and not now - _BACK < begin < now + _AHEAD:
            problems = {"starts_at": N_("This is far from today. Is the year right?")}
        if problems:
            raise Invalid(" ".join(problems.values()), **problems)

    def _tell(self, having: Iterable[Stand], less: Sequence[Stand], told: str, about: str) -> None:
        """Tell everybody which times of theirs are in the one and not in the other."""
        now, zone = self.by.now, self.team.time_zone
        for stand in having:
            for begin, end in _without(stand, less):
                if end <= now or stand.person_id == self.by.actor.id:
                    continue
                line = self.session.get_one(Line, stand.line_id).name
                times = {"begin": local(begin, zone), "end": local(end, zone)}
                said = Sentence(told, team=self.team.name, line=line, **times)
                to, touches = [stand.person_id], max(begin, now)
                notices.tell(self.session, self.team, to, said, now, touches=touches, about=about)


def _without(stand: Stand, less: Iterable[Stand]) -> list[Span]:
    """Return the parts of somebody's time that none of theirs among others has."""
    parts = [(stand.starts_at, stand.ends_at)]
    for other in less:
        if (other.line_id, other.person_id) == (stand.line_id, stand.person_id):
            taken = (other.starts_at, other.ends_at)
            parts = [left for part in parts for left in changes.gained(taken, part)]
    return parts


def _owner(row: Shift | Cover) -> int:
    return row.person_id if isinstance(row, Shift) else row.shift.person_id


def _team(session: Session, row: Shift | Cover) -> Team:
    line = row.line if isinstance(row, Shift) else row.shift.line
    return session.get_one(Team, line.team_id)
