"""Changing the seats of a draft: putting, moving, removing, locking, and filling it as a whole.

Two planners may work on one draft: each change says which state of the seat it saw, and who was
slower is told who was faster. A change that breaks a hard rule is refused with all that it breaks,
unless the planner says why it must be so; the reason is kept with the seat.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Person, Team
from dispatch.rota import drafts, judging, record
from dispatch.rota.changes import LONGEST
from dispatch.rota.days import local, local_day
from dispatch.rota.differences import Stand
from dispatch.rota.models import Draft, DraftSeat, Line, Origin
from dispatch.texts import N_, Sentence


def put(
    session: Session,
    draft: Draft,
    line: Line,
    person: Person,
    starts_at: datetime,
    ends_at: datetime,
    actor: Actor,
    now: datetime,
    *,
    seen: int = 0,
    reason: str = "",
    locked: bool = False,
) -> DraftSeat:
    """Put a person on a line, also in place of somebody else.

    `seen` is the revision of the seat that was there, 0 for none. Raises Conflict naming who was
    faster, Invalid with everything hard that it breaks unless there is a reason.
    """
    stand = Stand(starts_at, ends_at, line.id, person.id)
    known = {(line.id, starts_at): seen}
    [seat] = put_all(session, draft, [stand], known, actor, now, reason=reason)
    seat.locked = locked
    session.flush()
    return seat


def put_all(
    session: Session,
    draft: Draft,
    stands: Sequence[Stand],
    seen: Mapping[tuple[int, datetime], int],
    actor: Actor,
    now: datetime,
    *,
    reason: str = "",
) -> list[DraftSeat]:
    """Put people where several turns begin at once, which is judged as one change.

    So are turns that belong together, Saturday with Sunday. `seen` by line and start, as for `put`,
    which says what is raised.
    """
    draft = drafts.opened(session, draft)
    there = []
    for stand in stands:
        seat = _at(session, draft, stand.line_id, stand.starts_at)
        _refuse_faster(seat, seen.get((stand.line_id, stand.starts_at), 0))
        there.append(seat if seat is not None and seat.removed_at is None else None)
        _refuse_impossible(session, draft, stand, there[-1])
    held_before = [seat for seat in there if seat is not None]
    broken = _refuse_breaks(session, draft, stands, held_before, reason)
    found = []
    for stand, held in zip(stands, there, strict=True):
        seat = held or _new(session, draft, stand)
        seat.ends_at, seat.person_id, seat.locked = stand.ends_at, stand.person_id, False
        _changed(session, draft, seat, actor, now, reason=reason, broken=broken)
        _note(session, draft, seat, actor, "draft.seat_put", now)
        found.append(seat)
    return found


def move(
    session: Session,
    draft: Draft,
    seat: DraftSeat,
    actor: Actor,
    now: datetime,
    *,
    seen: int,
    line: Line | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    reason: str = "",
) -> DraftSeat:
    """Let a seat stand on another line or at other times; raises what `put` raises."""
    draft = drafts.opened(session, draft)
    seat = _seat(session, seat, seen)
    line_id = line.id if line is not None else seat.line_id
    stand = Stand(starts_at or seat.starts_at, ends_at or seat.ends_at, line_id, seat.person_id)
    _refuse_impossible(session, draft, stand, seat)
    broken = _refuse_breaks(session, draft, [stand], [seat], reason)
    seat.line_id, seat.starts_at, seat.ends_at = stand.line_id, stand.starts_at, stand.ends_at
    _changed(session, draft, seat, actor, now, reason=reason, broken=broken)
    _note(session, draft, seat, actor, "draft.seat_moved", now)
    return seat


def remove(
    session: Session, draft: Draft, seat: DraftSeat, actor: Actor, now: datetime, *, seen: int
) -> None:
    """Take somebody off a line; the seat is then empty."""
    draft = drafts.opened(session, draft)
    seat = _seat(session, seat, seen)
    seat.removed_at = now
    _changed(session, draft, seat, actor, now)
    _note(session, draft, seat, actor, "draft.seat_removed", now)


def lock(
    session: Session,
    draft: Draft,
    seat: DraftSeat,
    locked: bool,
    actor: Actor,
    now: datetime,
    *,
    seen: int,
) -> None:
    """Keep the planner from moving a seat, or let it again."""
    draft = drafts.opened(session, draft)
    seat = _seat(session, seat, seen)
    origin, seat.locked = seat.origin, locked
    _changed(session, draft, seat, actor, now, reason=seat.reason, broken=seat.broken)
    # Somebody liked it as it was: it is still the planner's, or the published one.
    seat.origin = origin
    _note(session, draft, seat, actor, "draft.seat_locked" if locked else "draft.seat_freed", now)


def fill(
    session: Session,
    draft: Draft,
    stands: Collection[Stand],
    origin: Origin,
    actor: Actor,
    now: datetime,
    *,
    history: bool = False,
) -> int:
    """Let exactly these turns stand in a draft; seats that are among them stay as they are.

    Returns how many changed. Locked seats stay in any case, and turns that have begun unless
    `history` is written.
    """
    draft = drafts.opened(session, draft)
    wanted = set(stands)
    kept: set[Stand] = set()
    changed = 0
    for seat in drafts.seats(session, draft):
        stand = drafts.stand_of(seat)
        if stand in wanted or seat.locked or (seat.starts_at <= now and not history):
            kept.add(stand)
            continue
        seat.removed_at = seat.changed_at = now
        changed += 1
    session.flush()
    for stand in sorted(wanted - kept):
        seat = DraftSeat(draft_id=draft.id, line_id=stand.line_id, person_id=stand.person_id)
        seat.starts_at, seat.ends_at, seat.origin = stand.starts_at, stand.ends_at, origin
        seat.changed_at, seat.changed_by = now, actor.name
        session.add(seat)
        changed += 1
    draft.revision += 1
    session.flush()
    team = session.get_one(Team, draft.team_id)
    facts = {"origin": origin.value, "changed": changed}
    record.note(session, team, actor, "draft.filled", f"draft:{draft.id}", facts, now)
    return changed


# --- What keeps a seat from changing.


def _refuse_breaks(
    session: Session,
    draft: Draft,
    stands: Sequence[Stand],
    instead: Sequence[DraftSeat],
    reason: str,
) -> list[str]:
    """Raise Invalid with what a change breaks unless there is a reason; return what that is for."""
    parts = drafts.covered(session, draft)
    before = drafts.served(drafts.seats(session, draft), parts)
    gone = set(drafts.served(instead, parts))
    after = [one for one in before if one not in gone] + list(stands)
    ground = drafts.ground_of(session, draft, {*before, *after})
    judging.refuse(judging.broken_by(ground, before, after), reason)
    if not reason.strip():
        return []
    # Also what whoever stood there broke just as well: the new seat needs its own excuse.
    without = [one for one in before if one not in gone]
    return judging.keys(one for one in judging.broken_by(ground, without, after) if one.hard)


def _at(session: Session, draft: Draft, line_id: int, starts_at: datetime) -> DraftSeat | None:
    """Return the last seat that stood on a line from an instant on, also a removed one."""
    query = (
        sa.select(DraftSeat)
        .where(DraftSeat.draft_id == draft.id, DraftSeat.line_id == line_id)
        .where(DraftSeat.starts_at == starts_at)
        .order_by(DraftSeat.removed_at.is_not(None), DraftSeat.id.desc())
        .limit(1)
    )
    return session.scalars(query.execution_options(populate_existing=True)).first()


def _seat(session: Session, seat: DraftSeat, seen: int) -> DraftSeat:
    session.refresh(seat)
    _refuse_faster(seat, seen)
    return seat


def _refuse_faster(seat: DraftSeat | None, seen: int) -> None:
    """Raise Conflict naming who changed a seat since somebody saw it."""
    removed = seat is not None and seat.removed_at is not None
    stands = 0 if seat is None or removed else seat.revision
    # Who saw it empty may fill it, also where somebody was taken off before.
    if seat is None or (stands == seen and not (removed and seen)):
        return
    told = N_("%(name)s changed this meanwhile. Look again.")
    raise Conflict(Sentence(told, name=seat.changed_by))


def _refuse_impossible(
    session: Session, draft: Draft, stand: Stand, seat: DraftSeat | None
) -> None:
    """Raise Invalid for what no reason makes possible."""
    team = session.get_one(Team, draft.team_id)
    problems: dict[str, str] = {}
    if stand.ends_at <= stand.starts_at:
        problems["ends_at"] = N_("The end must be after the start.")
    elif stand.ends_at - stand.starts_at > LONGEST:
        told = N_("Longer than %(days)s days: enter it in parts.")
        problems["ends_at"] = Sentence(told, days=LONGEST.days)
    if not draft.first_on <= local_day(stand.starts_at, team.time_zone) <= draft.last_on:
        told = N_("This draft is from %(first)s to %(last)s.")
        problems["starts_at"] = Sentence(told, first=draft.first_on, last=draft.last_on)
    met = next((one for one in drafts.seats(session, draft) if _overlaps(one, stand, seat)), None)
    if met is not None:
        told = N_("%(name)s is on %(line)s from %(begin)s to %(end)s.")
        problems["starts_at"] = Sentence(
            told,
            name=session.get_one(Person, met.person_id).name,
            line=session.get_one(Line, met.line_id).name,
            begin=local(met.starts_at, team.time_zone),
            end=local(met.ends_at, team.time_zone),
        )
    if problems:
        raise Invalid(" ".join(problems.values()), **problems)


def _overlaps(other: DraftSeat, stand: Stand, but: DraftSeat | None) -> bool:
    return (
        (but is None or other.id != but.id)
        and other.line_id == stand.line_id
        and other.starts_at < stand.ends_at
        and stand.starts_at < other.ends_at
    )


def _new(session: Session, draft: Draft, stand: Stand) -> DraftSeat:
    seat = DraftSeat(draft_id=draft.id, line_id=stand.line_id, starts_at=stand.starts_at)
    seat.revision = 0
    session.add(seat)
    return seat


def _changed(
    session: Session,
    draft: Draft,
    seat: DraftSeat,
    actor: Actor,
    now: datetime,
    *,
    reason: str = "",
    broken: Sequence[str] = (),
) -> None:
    seat.origin, seat.reason, seat.broken = Origin.HAND, reason.strip(), list(broken)
    seat.revision += 1
    seat.changed_at, seat.changed_by = now, actor.name
    draft.revision += 1
    session.flush()


def _note(
    session: Session, draft: Draft, seat: DraftSeat, actor: Actor, action: str, now: datetime
) -> None:
    team = session.get_one(Team, draft.team_id)
    facts = {
        "person": seat.person_id,
        "line": seat.line_id,
        "starts_at": seat.starts_at,
        "ends_at": seat.ends_at,
        "reason": seat.reason,
    }
    record.note(session, team, actor, action, f"draft:{draft.id}", facts, now)
