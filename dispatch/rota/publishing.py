"""Publishing a draft: the difference, a version, and one notice to each person whose turns changed.

Only what differs is touched, so that everybody else's turns keep their identity and their calendars
stay quiet. What has begun is never touched without a reason, and then from now on only. What
somebody changed in the published rota since the draft was begun must be taken in first: nothing is
wiped by a plan that did not know of it. A version can be taken back while none of its turns has
begun. Where an organisation wants four eyes, one planner asks and another does it, both ways.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid, Refused
from dispatch.outbox.models import Message
from dispatch.people import access
from dispatch.people.access import Right
from dispatch.people.models import Person, Team
from dispatch.rota import (
    applying,
    changes,
    differences,
    drafts,
    ground,
    handing,
    judging,
    notices,
    planning,
    record,
)
from dispatch.rota.applying import Applied
from dispatch.rota.days import local
from dispatch.rota.differences import Change, Stand
from dispatch.rota.handing import Hand
from dispatch.rota.models import Draft, DraftState, Line, Shift, Version
from dispatch.rota.terms import terms_of
from dispatch.texts import N_, Sentence

#: So many turns are named in a sentence; of more only the number.
_NAMED = 5


def publish(
    session: Session, draft: Draft, actor: Actor, now: datetime, *, reason: str = ""
) -> Version | None:
    """Publish a draft; None where another planner must agree and is now asked to.

    Raises Invalid where a reason is missing, Conflict where the published rota changed meanwhile,
    Refused where one planner wants to be two.
    """
    team = _lock(session, draft.team_id)
    draft = drafts.locked(session, draft)
    _refuse_stale(session, team, draft)
    found = drafts.compare(session, draft)
    if not found:
        raise Conflict(N_("Nothing differs from what is published."))
    _refuse_begun(session, team, found, reason, now)
    drafts.refuse_breaches(session, draft, reason)
    asked_by = _seconded(session, team, draft, actor, now)
    if draft.state is DraftState.ASKED and asked_by is None:
        return None
    applied = applying.apply(session, team, found, actor, reason, now)
    draft.state = DraftState.PUBLISHED
    version = Version(
        draft_id=draft.id,
        first_on=draft.first_on,
        last_on=draft.last_on,
        published_by=asked_by or actor.name,
        seconded_by=actor.name if asked_by else "",
        days=ground.calendar_of(session, team, draft.first_on, draft.last_on).frozen(),
    )
    return _keep(session, team, version, applied, actor, now)


def undo(
    session: Session, version: Version, actor: Actor, now: datetime, *, reason: str = ""
) -> Version | None:
    """Take a version back: its turns and their covers stand again as they did before it.

    None where another planner must agree and is now asked to. Raises Conflict where one of its
    turns has begun, was changed or is covered meanwhile, Refused where one planner wants to be two,
    Invalid with everything hard that would be broken unless there is a reason.
    """
    team = _lock(session, version.team_id)
    back = [_reverse(session, team, kept, now) for kept in version.changes]
    if not back:
        raise Conflict(N_("This version changed nothing."))
    _refuse_breaks(session, team, back, reason)
    four_eyes = terms_of(session, team).four_eyes
    asked_by = version.undo_asked_by_id if four_eyes else None
    if four_eyes and not _is_second(asked_by, actor):
        _ask_undo(session, team, version, actor, now)
        return None
    version.undo_asked_at = version.undo_asked_by_id = None
    asker = session.get_one(Person, asked_by).name if asked_by is not None else ""
    applied = applying.apply(session, team, back, actor, reason, now)
    reversal = Version(
        draft_id=version.draft_id,
        first_on=version.first_on,
        last_on=version.last_on,
        published_by=asker or actor.name,
        seconded_by=actor.name if asker else "",
        days=version.days,
        undoes=version.number,
    )
    return _keep(session, team, reversal, applied, actor, now)


def versions(session: Session, team: Team) -> list[Version]:
    """Return a team's versions, the newest first."""
    query = sa.select(Version).where(Version.team_id == team.id)
    return list(session.scalars(query.order_by(Version.number.desc())))


def told_of(session: Session, version: Version) -> tuple[int, list[str]]:
    """Return how many people were told of a version, and the names of those who could not be."""
    sent = sa.select(Message.person_id).where(Message.about == _about(version))
    reached = set(session.scalars(sent.distinct()))
    concerned = set[int]()
    for change in map(differences.read, version.changes):
        sides = [stand for stand in (change.was, change.now) if stand is not None]
        for some in (sides, *([cover] for cover in (*change.covers, *change.returns))):
            if any(stand.ends_at > version.published_at for stand in some):
                concerned.update(stand.person_id for stand in some)
    names = sa.select(Person.name).where(Person.id.in_(concerned - reached)).order_by(Person.name)
    return len(reached), list(session.scalars(names))


# --- What keeps a draft from being published.


def _refuse_stale(session: Session, team: Team, draft: Draft) -> None:
    stale = drafts.changed_since(session, draft)
    if stale:
        told = N_("The published rota changed since this draft was begun: %(turns)s. Take it in.")
        raise Conflict(Sentence(told, turns=turns(session, team, map(drafts.stand_of, stale))))


def _refuse_begun(
    session: Session, team: Team, found: Iterable[Change], reason: str, now: datetime
) -> None:
    begun = [
        stand
        for change in found
        for stand in [change.was or change.now]
        if stand is not None and min(stand.starts_at, change.first_at) <= now
    ]
    if begun and not reason.strip():
        told = Sentence(
            N_("These turns have begun: %(turns)s. Say why they change."),
            turns=turns(session, team, begun),
        )
        raise Invalid(told, reason=told)


def _seconded(
    session: Session, team: Team, draft: Draft, actor: Actor, now: datetime
) -> str | None:
    """Return who asked, where this is the second planner; else note who asks, where two must."""
    if not terms_of(session, team).four_eyes:
        draft.state = DraftState.OPEN
        return None
    asked_by = draft.asked_by_id if draft.state is DraftState.ASKED else None
    if _is_second(asked_by, actor):
        return session.get_one(Person, asked_by).name
    draft.state, draft.asked_at, draft.asked_by_id = DraftState.ASKED, now, actor.id
    record.note(session, team, actor, "draft.asked", f"draft:{draft.id}", {}, now)
    told = N_("%(team)s: %(name)s asks you to look at a draft from %(first)s on and to publish it.")
    said = Sentence(told, team=team.name, name=actor.name, first=draft.first_on)
    _tell_others(session, team, said, actor, now)
    return None


def _is_second(asked_by: int | None, actor: Actor) -> bool:
    """Return whether somebody else has asked already; raises Refused for who cannot be a second."""
    if actor.kind != "person":
        raise Refused(N_("Two planners must agree here: publish on the screen."))
    if asked_by is not None and asked_by == actor.id:
        raise Refused(N_("You asked for this yourself: another planner must publish it."))
    return asked_by is not None


def _ask_undo(session: Session, team: Team, version: Version, actor: Actor, now: datetime) -> None:
    version.undo_asked_at, version.undo_asked_by_id = now, actor.id
    session.flush()
    facts = {"number": version.number}
    record.note(session, team, actor, "version.undo_asked", f"version:{version.id}", facts, now)
    told = N_("%(team)s: %(name)s asks you to take version %(number)s of the rota back.")
    said = Sentence(told, team=team.name, name=actor.name, number=version.number)
    place = f"rota/{team.key}/versions/{version.number}"
    _tell_others(session, team, said, actor, now, place)


def _tell_others(
    session: Session, team: Team, said: Sentence, actor: Actor, now: datetime, place: str = "turns"
) -> None:
    """Tell every other planner of a team."""
    others = access.with_right(session, Right.ROTA_CHANGE, team)
    people = [one for one in others if one != actor.id]
    notices.tell(session, team, people, said, now, place=place)


# --- Versions and notices.


def _keep(
    session: Session,
    team: Team,
    version: Version,
    applied: Applied,
    actor: Actor,
    now: datetime,
) -> Version:
    """Write a version down, and tell each person whose turns changed, and nobody else."""
    last = sa.select(sa.func.max(Version.number)).where(Version.team_id == team.id)
    version.team_id, version.published_at = team.id, now
    version.number = (session.scalar(last) or 0) + 1
    version.changes = applied.written
    session.add(version)
    session.flush()
    facts = {"number": version.number, "draft": version.draft_id, "undoes": version.undoes}
    record.note(session, team, actor, "rota.published", f"version:{version.id}", facts, now)
    for person_id, instants in applied.touched.items():
        told = N_("%(team)s: your turns have changed (%(count)s), the first on %(at)s.")
        first = max(min(instants), now)
        at = local(min(instants), team.time_zone)
        said = Sentence(told, team=team.name, count=len(instants), at=at)
        about = _about(version)
        notices.tell(session, team, [person_id], said, now, touches=first, about=about)
    return version


def _about(version: Version) -> str:
    return f"version:{version.id}"


def _reverse(session: Session, team: Team, kept: dict[str, Any], now: datetime) -> Change:
    """Return what takes one change back; raises Conflict where that is no longer possible."""
    change = differences.read(kept)
    was, then = change.was, change.now
    back = Change(then, was, returns=change.covers)
    if then is not None:
        shift = session.scalars(sa.select(Shift).where(Shift.uid == kept["made"])).one()
        if shift.cancelled_at is not None or drafts.stand_of(shift) != then:
            told = N_("These turns were changed meanwhile: %(turns)s.")
            raise Conflict(Sentence(told, turns=turns(session, team, [then])))
        back = replace(back, shift_id=shift.id, covers=_covered(session, team, shift, back, change))
    for stand in (was, then):
        if stand is not None and stand.starts_at <= now:
            told = N_("These turns have begun meanwhile: %(turns)s.")
            raise Conflict(Sentence(told, turns=turns(session, team, [stand])))
    return back


def _covered(
    session: Session, team: Team, shift: Shift, back: Change, change: Change
) -> tuple[Stand, ...]:
    """Return the covers that end when a change goes back: those that it had brought again.

    Raises Conflict naming others that would be lost: they came after the version.
    """
    left = back.now if back.moves else None
    lost = [
        Stand(cover.starts_at, cover.ends_at, shift.line_id, cover.person_id)
        for cover in changes.covers_of(session, shift)
        if left is None or cover.starts_at < left.starts_at or left.ends_at < cover.ends_at
    ]
    later = [cover for cover in lost if cover not in change.returns]
    if later:
        told = N_("These turns are covered meanwhile: %(turns)s. Cancel that first.")
        raise Conflict(Sentence(told, turns=turns(session, team, later)))
    return tuple(lost)


def _refuse_breaks(session: Session, team: Team, back: Sequence[Change], reason: str) -> None:
    """Raise Invalid with everything hard that turns would break by standing as before."""
    stands = [stand for one in back for stand in (one.was, one.now) if stand is not None]
    times = min(one.starts_at for one in stands), max(one.ends_at for one in stands)
    days = handing.around(team, *times)
    before = planning.published(session, team, *days)
    gone = [one.was for one in back if one.was is not None]
    after = [stand for stand in before if not any(stand.is_within(turn) for turn in gone)]
    after += [stand for one in back for stand in _serving(one)]
    people = {stand.person_id for stand in (*before, *after)}
    ground = planning.load(session, team, *days, people=people)
    judging.refuse(judging.broken_by(ground, before, after), reason)


def _serving(change: Change) -> list[Stand]:
    """Return who serves a turn that stands again: its holder, but where somebody covers."""
    found = [] if change.now is None else [change.now]
    for cover in change.returns:
        begin, end = cover.starts_at, cover.ends_at
        found = handing.handed(found, Hand(cover.line_id, begin, end, cover.person_id))
    return found


def turns(session: Session, team: Team, stands: Iterable[Stand]) -> tuple[Sentence, ...]:
    """Return turns as sentences name them, the first few of many."""
    stands = list(stands)
    lines = {line.id: line.name for line in session.scalars(sa.select(Line))}
    said = [
        Sentence(
            "%(line)s %(at)s %(name)s",
            line=lines[stand.line_id],
            at=local(stand.starts_at, team.time_zone),
            name=session.get_one(Person, stand.person_id).name,
        )
        for stand in stands[:_NAMED]
    ]
    more = len(stands) - _NAMED
    return (*said, Sentence(N_("%(count)s more"), count=more)) if more > 0 else tuple(said)


def _lock(session: Session, team_id: int) -> Team:
    """Let two publishings of one team wait for each other."""
    query = sa.select(Team).where(Team.id == team_id).with_for_update()
    return session.scalars(query).one()
