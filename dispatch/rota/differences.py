"""What publishing a draft would change (pure).

A turn that stays keeps its identity. A turn of the same person whose times move is moved; one that
goes to somebody else, or to another line, ends for the one and begins for the other: only so does
the first person's calendar learn of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Stand:
    """Somebody on a line from an instant up to but not including another."""

    starts_at: datetime
    ends_at: datetime
    line_id: int
    person_id: int

    def is_within(self, turn: "Stand") -> bool:
        """Return whether somebody serves in a turn, or in a part of it."""
        inside = turn.starts_at <= self.starts_at and self.ends_at <= turn.ends_at
        return inside and self.line_id == turn.line_id


@dataclass(frozen=True, slots=True)
class Change:
    """One turn as it is published and as it is drafted; None where there is none."""

    was: Stand | None
    now: Stand | None
    shift_id: int | None = None
    """The published turn; none: a new one."""
    covers: tuple[Stand, ...] = ()
    """What stood over the turn in somebody else's name and ends with it."""
    returns: tuple[Stand, ...] = ()
    """What stands over the turn again in somebody else's name."""

    @property
    def moves(self) -> bool:
        """Return whether the turn keeps its identity: the same person, in part at the same time."""
        was, now = self.was, self.now
        return (
            was is not None
            and now is not None
            and (was.line_id, was.person_id) == (now.line_id, now.person_id)
            and was.starts_at < now.ends_at
            and now.starts_at < was.ends_at
        )

    @property
    def first_at(self) -> datetime:
        """Return the first instant at which somebody else is on duty, or nobody."""
        if self.was is None or self.now is None:
            return (self.was or self.now).starts_at  # type: ignore[union-attr]
        if self.moves and self.was.starts_at == self.now.starts_at:
            return min(self.was.ends_at, self.now.ends_at)
        return min(self.was.starts_at, self.now.starts_at)

    @property
    def people(self) -> frozenset[int]:
        """Return whose turns change."""
        return frozenset(stand.person_id for stand in (self.was, self.now) if stand is not None)


def compare(
    published: Mapping[int, Stand], drafted: Sequence[tuple[Stand, int | None]]
) -> list[Change]:
    """Return what differs, in order.

    `published` by the turn's id; `drafted` with the id of the turn that each seat began as.
    """
    left, by_stand = dict(published), {stand: id_ for id_, stand in published.items()}
    pairs: list[tuple[Stand, int | None]] = []
    rest = []
    for stand, shift_id in drafted:
        same = by_stand.get(stand)
        if same is None or same not in left:
            rest.append((stand, shift_id))
        else:
            pairs.append((stand, same))
            del left[same]
    for stand, shift_id in rest:
        begun = shift_id if shift_id in left else _near(left, stand)
        if begun is not None:
            del left[begun]
        pairs.append((stand, begun))
    found = [
        Change(published.get(shift_id or 0), stand, shift_id)
        for stand, shift_id in pairs
        if shift_id is None or published[shift_id] != stand
    ]
    found += [Change(stand, None, shift_id) for shift_id, stand in left.items()]
    return sorted(found, key=lambda change: (change.first_at, change.shift_id or 0))


def by_person(changes: Iterable[Change]) -> dict[int, list[Change]]:
    """Return each person's part of the changes, in order."""
    result: dict[int, list[Change]] = {}
    for change in changes:
        beside = {cover.person_id for cover in (*change.covers, *change.returns)}
        for person_id in sorted(change.people | beside):
            result.setdefault(person_id, []).append(change)
    return result


def _near(left: Mapping[int, Stand], stand: Stand) -> int | None:
    """Return the turn that a seat stands in for: the same times, or the same person at one end."""

    def likeness(other: Stand) -> int:
        begins, ends = other.starts_at == stand.starts_at, other.ends_at == stand.ends_at
        if other.line_id != stand.line_id or not (begins or ends):
            return 0
        return 2 * (other.person_id == stand.person_id) + begins + ends

    best = max(left, key=lambda shift_id: likeness(left[shift_id]), default=None)
    # One end alone is no likeness: somebody else's turn that happens to meet it.
    return best if best is not None and likeness(left[best]) > 1 else None


# --- As a version keeps them.


def written(change: Change, made: str | None) -> dict[str, Any]:
    """Return a change as JSON; `made`: the uid of the turn that stands afterwards."""
    kept: dict[str, Any] = {"was": _written(change.was), "now": _written(change.now), "made": made}
    beside = {"covers": change.covers, "returns": change.returns}
    return kept | {name: [_written(cover) for cover in some] for name, some in beside.items()}


def read(kept: Mapping[str, Any]) -> Change:
    """Return a change that was written."""
    covers, returns = (
        tuple(filter(None, map(_read, kept.get(name, ())))) for name in ("covers", "returns")
    )
    return Change(_read(kept["was"]), _read(kept["now"]), covers=covers, returns=returns)


def _written(stand: Stand | None) -> dict[str, Any] | None:
    if stand is None:
        return None
    times = {"from": stand.starts_at.isoformat(), "until": stand.ends_at.isoformat()}
    return {"line": stand.line_id, "person": stand.person_id, **times}


def _read(kept: Mapping[str, Any] | None) -> Stand | None:
    if kept is None:
        return None
    begin, end = (datetime.fromisoformat(kept[name]) for name in ("from", "until"))
    return Stand(begin, end, kept["line"], kept["person"])
