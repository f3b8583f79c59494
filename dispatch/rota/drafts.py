"""Drafts: a plan that nobody follows yet, begun from nothing or from the published rota.

A draft holds every turn that begins on its days. It is compared with what is published, judged by
the rules, and takes in what somebody changed there meanwhile. Its seats are changed in `seating`;
what people follow is changed by `publishing` alone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Team
from dispatch.rota import differences, easings, judging, planning, record
from dispatch.rota.days import local_day, span
from dispatch.rota.differences import Change, Stand
from dispatch.rota.models import Cover, Draft, DraftSeat, DraftState, Line, Origin, Shift
from dispatch.rota.planning import Ground, Laid
from dispatch.texts import N_, Sentence

#: A year and the weeks around it: longer plans are fiction, and take for ever.
LONGEST_DAYS = 400


def begin(
    session: Session,
    team: Team,
    first_on: date,
    last_on: date,
    actor: Actor,
    now: datetime,
    *,
    name: str = "",
    empty: bool = False,
    history: bool = False,
) -> Draft:
    """Begin a draft from the published rota, or from nothing; raises Invalid by field.

    `history`: of days that are over, to write down what has been.
    """
    problems = _period(team, first_on, last_on, now, history)
    if problems:
        raise Invalid(" ".join(problems.values()), **problems)
    draft = Draft(
        team_id=team.id,
        name=name,
        first_on=first_on,
        last_on=last_on,
        state=DraftState.OPEN,
        revision=0,
        based_at=now,
        created_at=now,
        created_by=actor.name,
    )
    session.add(draft)
    session.flush()
    for shift in published(session, team, first_on, last_on):
        # What has begun is a fact, also in a plan that begins from nothing.
        if not empty or shift.starts_at <= now:
            session.add(_copy(draft, shift, actor, now))
    session.flush()
    facts = {"first_on": first_on, "last_on": last_on, "empty": empty}
    record.note(session, team, actor, "draft.begun", f"draft:{draft.id}", facts, now)
    return draft


def published(session: Session, team: Team, first_on: date, last_on: date) -> list[Shift]:
    """Return the published turns that begin on some days, both included, in order."""
    begins, ends = span(first_on, last_on, team.time_zone)
    query = (
        sa.select(Shift)
        .join(Line)
        .where(Line.team_id == team.id, Shift.cancelled_at.is_(None))
        .where(Shift.starts_at >= begins, Shift.starts_at < ends)
        .order_by(Shift.starts_at, Line.position)
    )
    return list(session.scalars(query))


def seats(session: Session, draft: Draft) -> list[DraftSeat]:
    """Return the seats that stand in a draft, in order."""
    query = (
        sa.select(DraftSeat)
        .join(Line)
        .where(DraftSeat.draft_id == draft.id, DraftSeat.removed_at.is_(None))
        .order_by(DraftSeat.starts_at, Line.position, DraftSeat.id)
    )
    return list(session.scalars(query))


def compare(session: Session, draft: Draft) -> list[Change]:
    """Return what publishing the draft would change, in order."""
    team = session.get_one(Team, draft.team_id)
    stands = {
        shift.id: stand_of(shift)
        for shift in published(session, team, draft.first_on, draft.last_on)
    }
    drafted = [(stand_of(seat), seat.shift_id) for seat in seats(session, draft)]
    found = differences.compare(stands, drafted)
    covers = sa.select(Cover).where(
        Cover.cancelled_at.is_(None), Cover.shift_id.in_([one.shift_id for one in found])
    )
    over = list(session.scalars(covers.order_by(Cover.starts_at)))
    return [replace(one, covers=_lost(one, over)) for one in found]


def _lost(change: Change, covers: Iterable[Cover]) -> tuple[Stand, ...]:
    """Return the covers that a change ends or cuts."""
    mine = [cover for cover in covers if cover.shift_id == change.shift_id]
    if change.moves and (now := change.now) is not None:
        inside = [c for c in mine if now.starts_at <= c.starts_at and c.ends_at <= now.ends_at]
        mine = [cover for cover in mine if cover not in inside]
    line_id = change.was.line_id if change.was is not None else 0
    return tuple(Stand(one.starts_at, one.ends_at, line_id, one.person_id) for one in mine)


def stand_of(row: Shift | DraftSeat) -> Stand:
    """Return who is where and when, as a value."""
    return Stand(row.starts_at, row.ends_at, row.line_id, row.person_id)


def drop(session: Session, draft: Draft, actor: Actor, now: datetime) -> None:
    """Give a draft up."""
    draft = opened(session, draft)
    draft.state = DraftState.DROPPED
    session.flush()
    team = session.get_one(Team, draft.team_id)
    record.note(session, team, actor, "draft.dropped", f"draft:{draft.id}", {}, now)


# --- What the published rota gained meanwhile.


def changed_since(session: Session, draft: Draft) -> list[Shift]:
    """Return the published turns of a draft's days that changed since it last looked at them.

    Also those that somebody covers since, or covers no more.
    """
    team = session.get_one(Team, draft.team_id)
    begins, ends = span(draft.first_on, draft.last_on, team.time_zone)
    known = sa.select(DraftSeat.shift_id).where(
        DraftSeat.draft_id == draft.id, DraftSeat.shift_id.is_not(None)
    )
    query = (
        sa.select(Shift)
        .join(Line)
        .where(Line.team_id == team.id)
        .where(
            sa.or_(
                Shift.changed_at > draft.based_at,
                Shift.covers.any(Cover.changed_at > draft.based_at),
            )
        )
        .where(
            sa.or_(Shift.id.in_(known), sa.and_(Shift.starts_at >= begins, Shift.starts_at < ends))
        )
        .order_by(Shift.starts_at, Shift.id)
    )
    return list(session.scalars(query))


def take_in(session: Session, draft: Draft, actor: Actor, now: datetime) -> list[Shift]:
    """Take in what changed in the published rota; return what the draft decides otherwise.

    A seat that nobody touched follows the published turn; one that somebody changed stays, and so
    does whatever stands where a new turn would.
    """
    draft = opened(session, draft)
    standing = seats(session, draft)
    clashes = []
    for shift in changed_since(session, draft):
        mine = [seat for seat in standing if seat.shift_id == shift.id]
        touched = [seat for seat in mine if seat.origin is not Origin.PUBLISHED]
        for seat in mine:
            if seat not in touched:
                seat.removed_at = seat.changed_at = now
                standing.remove(seat)
        session.flush()
        if touched or (shift.cancelled_at is None and _meets(standing, shift)):
            clashes.append(shift)
        elif shift.cancelled_at is None:
            copy = _copy(draft, shift, actor, now)
            session.add(copy)
            standing.append(copy)
    draft.based_at, draft.revision = now, draft.revision + 1
    session.flush()
    team = session.get_one(Team, draft.team_id)
    facts = {"clashes": len(clashes)}
    record.note(session, team, actor, "draft.took_in", f"draft:{draft.id}", facts, now)
    return clashes


def _meets(standing: Collection[DraftSeat], shift: Shift) -> bool:
    return any(
        seat.line_id == shift.line_id
        and seat.starts_at < shift.ends_at
        and shift.starts_at < seat.ends_at
        for seat in standing
    )


# --- Judging.


def ground_of(
    session: Session, draft: Draft, stands: Collection[Stand], *, history: bool = False
) -> Ground:
    """Return what a draft is planned and judged by, with what it does not insist on left out.

    `stands`: everybody who has, or is to have, a turn in it.
    """
    team, people = session.get_one(Team, draft.team_id), [stand.person_id for stand in stands]
    days = (draft.first_on, draft.last_on)
    ground = planning.load(session, team, *days, people=people, history=history)
    return easings.applied(ground, easings.standing(session, draft), stands)


def lay(session: Session, draft: Draft, *, now: datetime | None = None) -> tuple[Ground, Laid]:
    """Return a draft as a problem: what is locked stays, and so does what has begun by `now`.

    A turn that stands as it is published, with its covers, is laid by who really serves, and stays.
    """
    standing, parts = seats(session, draft), covered(session, draft)
    whole = {part: stand for stand, some in parts.items() for part in some}
    stands = served(standing, parts)
    ground = ground_of(session, draft, stands, history=now is not None)
    if now is None:
        return ground, replace(ground.lay(stands), whole=whole)
    facts = [stand for stand in stands if stand in whole]
    kept = [seat for seat in standing if seat.locked or seat.starts_at <= now]
    locked = [*facts, *served(kept, parts)]
    known = [stand_of(seat) for seat in standing if seat.origin is Origin.PUBLISHED]
    laid = ground.lay(stands, locked=locked, published=known, facts=facts, now=now)
    return ground, replace(laid, whole=whole)


def covered(session: Session, draft: Draft) -> dict[Stand, list[Stand]]:
    """Return who really serves each published turn that somebody covers, by the turn."""
    team, days = session.get_one(Team, draft.team_id), (draft.first_on, draft.last_on)
    begins, ends = span(*days, team.time_zone)
    covers = sa.select(Cover.shift_id).join(Shift).join(Line).where(Line.team_id == team.id)
    covers = covers.where(Cover.cancelled_at.is_(None))
    covers = covers.where(Shift.starts_at >= begins, Shift.starts_at < ends)
    ids = set(session.scalars(covers))
    if not ids:
        return {}
    parts = planning.served(session, team, *days)
    return {
        stand_of(shift): _within(shift, parts.get(shift.uid, []), ends)
        for shift in published(session, team, *days)
        if shift.id in ids
    }


def served(standing: Iterable[DraftSeat], parts: Mapping[Stand, Collection[Stand]]) -> list[Stand]:
    """Return who serves in some seats; `parts` as `covered` returns them."""
    stands = map(stand_of, standing)
    return [part for stand in stands for part in parts.get(stand, [stand])]


def _within(shift: Shift, parts: list[Stand], ends: datetime) -> list[Stand]:
    """Return the parts of a turn; it is one, of who serves longest, if one begins after the plan.

    No plan holds a turn that begins after its last day.
    """
    if all(part.starts_at < ends for part in parts):
        return parts
    most = max(parts, key=lambda part: part.ends_at - part.starts_at)
    return [Stand(shift.starts_at, shift.ends_at, shift.line_id, most.person_id)]


def refuse_breaches(session: Session, draft: Draft, reason: str) -> None:
    """Raise Invalid with every hard breach for which nobody has said why, unless `reason` does.

    A seat's reason is for what it broke when it was put there: a leave approved since is not among
    that. An empty need is no breach: it is published as a gap, and shown as one.
    """
    ground, laid = lay(session, draft)
    excused = {stand_of(seat): seat.broken for seat in seats(session, draft) if seat.reason}
    found = []
    for judged in judging.broken(ground, laid):
        taking_part = judging.stands_in(laid, judged.breach)
        known = (judged.breach.key in excused.get(stand, ()) for stand in taking_part)
        if taking_part and not any(known):
            found.append(judged)
    judging.refuse(found, reason)


# --- What each verb needs.


def locked(session: Session, draft: Draft) -> Draft:
    """Return a draft as it is now, locked; raises Conflict when it can no longer be changed."""
    query = sa.select(Draft).where(Draft.id == draft.id).with_for_update()
    draft = session.scalars(query.execution_options(populate_existing=True)).one()
    if draft.state in (DraftState.PUBLISHED, DraftState.DROPPED):
        raise Conflict(N_("This draft is closed: begin another one."))
    return draft


def opened(session: Session, draft: Draft) -> Draft:
    """Lock a draft to change it; whoever was asked to publish it would see another one."""
    draft = locked(session, draft)
    draft.state, draft.asked_at, draft.asked_by_id = DraftState.OPEN, None, None
    return draft


def _period(
    team: Team, first_on: date, last_on: date, now: datetime, history: bool
) -> dict[str, str]:
    if last_on < first_on:
        return {"last_on": N_("The last day comes before the first.")}
    if (last_on - first_on).days >= LONGEST_DAYS:
        told = N_("Longer than %(days)s days: plan it in parts.")
        return {"last_on": Sentence(told, days=LONGEST_DAYS)}
    if last_on < local_day(now, team.time_zone) and not history:
        return {"last_on": N_("These days are over.")}
    return {}


def _copy(draft: Draft, shift: Shift, actor: Actor, now: datetime) -> DraftSeat:
    return DraftSeat(
        draft_id=draft.id,
        line_id=shift.line_id,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        person_id=shift.person_id,
        shift_id=shift.id,
        origin=Origin.PUBLISHED,
        changed_at=now,
        changed_by=actor.name,
    )
