"""Looking at every team's hand-overs, and acting on what is due: check-ins and reminders.

One engine of several goes round. What is to be done is read first and written one by one, each in
a transaction of its own that judges it anew: a crash between any two, or a second engine, neither
asks twice nor leaves anybody unasked. Nobody who is being paged is disturbed, and whoever goes for
a call-out has answered. A line's telephone is handed to whoever has the turn as it begins.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from dispatch import logs, upkeep
from dispatch.audit import ENGINE
from dispatch.checks import answers, choices, deciding, stages, telling
from dispatch.checks.deciding import Held
from dispatch.checks.models import Check, CheckEnd, CheckKind, CheckTerms, Stage
from dispatch.db import Session, Store
from dispatch.people import phones
from dispatch.people.models import ContactMethod, Person, Team
from dispatch.rota import attendance, duty
from dispatch.rota.duty import Turn
from dispatch.rota.models import Cover, Line, Shift

log = logs.logger(__name__)

#: Who of these people is being paged (False) or goes for a call-out (True); others are left out.
Engaged = Callable[[Session, Collection[int], datetime], Mapping[int, bool]]

#: What began so long ago is looked at no more, and who is paged is asked again so much later.
_BACK, _AGAIN = timedelta(hours=6), timedelta(minutes=2)
_LEASE_SECONDS = 15
#: A line's telephone can only be tried once it has changed hands: its stages follow faster.
_FASTER = 2


@dataclass(frozen=True)
class Seen:
    """Who has which duty around now, and what each team chose."""

    held: Sequence[Held]
    teams: Mapping[int, tuple[Team, CheckTerms]]
    phones: Mapping[int, ContactMethod]
    """The telephone of each line that has one."""


def go(store: Store, holder: str, now: datetime, engaged: Engaged) -> int:
    """Do everything that is due; return how much that was."""
    with store.write() as session:
        if not upkeep.take_lease(session, "checks", holder, now, _LEASE_SECONDS):
            return 0
    with store.read() as session:
        seen = _look(session, now)
        steps = [
            *_handing(seen, now),
            *_asking(session, seen, now, engaged),
            *_reminding(session, seen, now),
            *_going_on(session, seen, now, engaged),
        ]
    for step in steps:
        try:
            with store.write() as session:
                step(session)
        except Exception:
            # One of them that cannot be done may not keep the others from being asked.
            log.exception("check_failed")
    return len(steps)


_Step = Callable[[Session], None]


def _look(session: Session, now: datetime) -> Seen:
    # Somebody may also be tested who is in a team that has no line.
    asked = sa.select(Check.team_id).where(Check.ended_at.is_(None))
    concerned = sa.or_(Team.id.in_(sa.select(Line.team_id)), Team.id.in_(asked))
    query = sa.select(Team).where(concerned).order_by(Team.id)
    teams = {team.id: (team, choices.of_team(session, team)) for team in session.scalars(query)}
    ahead = max((_ahead(chosen) for _, chosen in teams.values()), default=timedelta())
    held: list[Held] = []
    for team, _ in teams.values():
        planned = duty.duty_between(session, team, now - _BACK, now + ahead)
        turns = [one for one in attendance.attended(session, planned) if isinstance(one, Turn)]
        held += [Held(team.id, turn) for turn in turns]
    lines = {one.turn.line_id for one in held}
    return Seen(held, teams, {m.line_id or 0: m for m in phones.of_lines(session, lines)})


def _ahead(chosen: CheckTerms) -> timedelta:
    """Return how far ahead a team is looked at: people may want to be reminded two days before."""
    return max(timedelta(minutes=chosen.lead_minutes), timedelta(hours=72))


# --- What is to be done.


def _handing(seen: Seen, now: datetime) -> list[_Step]:
    """Hand each line's telephone to whoever has the turn now."""
    steps: list[_Step] = []
    for one in seen.held:
        method, turn = seen.phones.get(one.turn.line_id), one.turn
        if method is None or not turn.from_at <= now < turn.until_at:
            continue
        if method.person_id != turn.person_id:
            asked = seen.teams[one.team_id][1].check_ins
            steps.append(_hand(method.id, turn.person_id, now, confirmed=not asked))
    return steps


def _hand(method_id: int, person_id: int, now: datetime, *, confirmed: bool) -> _Step:
    def do(session: Session) -> None:
        method = session.get_one(ContactMethod, method_id, with_for_update=True)
        if method.removed_at is None and method.person_id != person_id:
            person = session.get_one(Person, person_id)
            phones.pass_on(session, method, person, ENGINE, now, confirmed=confirmed)

    return do


def _asking(session: Session, seen: Seen, now: datetime, engaged: Engaged) -> list[_Step]:
    """Ask whoever's duty begins, once; on a line with a telephone, whoever's turn does."""
    due = []
    for one in [*deciding.beginnings(seen.held), *_taking(seen)]:
        _, chosen = seen.teams[one.team_id]
        lead = timedelta(minutes=chosen.lead_minutes)
        if one.turn.line_id in seen.phones:
            # Until then somebody else has it.
            lead = timedelta()
        if chosen.check_ins and deciding.is_due(one.turn.from_at, lead, now):
            due.append(one)
    about = {_check_in(one): one for one in due}
    known = _known(session, about)
    new = [one for name, one in about.items() if name not in known]
    busy = engaged(session, {one.turn.person_id for one in new}, now) if new else {}
    return [_ask(seen, one, now) for one in new if one.turn.person_id not in busy]


def _taking(seen: Seen) -> list[Held]:
    """Return the turns for which a line's telephone changes hands."""
    found = []
    for one in seen.held:
        phone = seen.phones.get(one.turn.line_id)
        if phone is not None and (phone.held_at is None or phone.person_id != one.turn.person_id):
            found.append(one)
    return found


def _check_in(one: Held) -> str:
    return f"check_in:{one.turn.person_id}:{one.turn.from_at.isoformat()}"


def _known(session: Session, about: Collection[str]) -> set[str]:
    return set(session.scalars(sa.select(Check.about).where(Check.about.in_(about))))


def _ask(seen: Seen, one: Held, now: datetime) -> _Step:
    team, chosen = seen.teams[one.team_id]
    leaves = deciding.outgoing(seen.held, one.turn)
    phone = seen.phones.get(one.turn.line_id)
    wait = timedelta(minutes=chosen.wait_minutes) / (_FASTER if phone is not None else 1)

    def do(session: Session) -> None:
        check = stages.begin(
            session,
            CheckKind.CHECK_IN,
            _check_in(one),
            one.turn.person_id,
            team,
            (one.turn.from_at, one.turn.until_at),
            now,
            line_id=one.turn.line_id,
            method_id=phone.id if phone is not None else None,
            outgoing_id=leaves.person_id if leaves is not None else None,
        )
        if check is not None:
            stages.first(session, check, wait, now)

    return do


def _reminding(session: Session, seen: Seen, now: datetime) -> list[_Step]:
    """Remind whoever's turn comes, as they or their team want it."""
    coming = [one for one in deciding.beginnings(seen.held) if one.turn.from_at > now]
    wanted = choices.of_people(session, {one.turn.person_id for one in coming})
    changed = _changed(session, coming)
    due = []
    for one in coming:
        team, chosen = seen.teams[one.team_id]
        own = wanted.get(one.turn.person_id)
        hours = chosen.reminder_hours if own is None else own.hours
        at = deciding.reminder_at(one.turn.from_at, hours, team.time_zone)
        if deciding.to_remind(one.turn.from_at, changed[one.turn], at, now):
            due.append((one, own is not None and own.by_mail))
    known = _known(session, [_reminder(one) for one, _ in due])
    return [_remind(seen, one, by_mail, now) for one, by_mail in due if _reminder(one) not in known]


def _reminder(one: Held) -> str:
    return f"reminder:{one.turn.person_id}:{one.turn.from_at.isoformat()}"


def _changed(session: Session, held: Iterable[Held]) -> dict[Turn, datetime]:
    """Return when each turn, or the cover in its place, was last changed."""
    turns = [one.turn for one in held]
    shifts = sa.select(Shift.uid, Shift.changed_at).where(
        Shift.uid.in_({turn.shift_uid for turn in turns})
    )
    covers = sa.select(Cover.uid, Cover.changed_at).where(
        Cover.uid.in_({turn.cover_uid for turn in turns if turn.cover_uid})
    )
    at = dict(session.execute(sa.union_all(shifts, covers)).all())
    return {turn: at[turn.cover_uid or turn.shift_uid] for turn in turns}


def _remind(seen: Seen, one: Held, by_mail: bool, now: datetime) -> _Step:
    team, turn = seen.teams[one.team_id][0], one.turn

    def do(session: Session) -> None:
        about, span = _reminder(one), (turn.from_at, turn.until_at)
        check = stages.begin(
            session,
            CheckKind.REMINDER,
            about,
            turn.person_id,
            team,
            span,
            now,
            line_id=turn.line_id,
        )
        if check is not None:
            telling.remind(session, check, by_mail=by_mail, until=turn.from_at, now=now)
            check.due_at, check.ended_at, check.outcome = None, now, CheckEnd.SENT

    return do


def _going_on(session: Session, seen: Seen, now: datetime, engaged: Engaged) -> list[_Step]:
    """Go further with what nobody answered; end what is over."""
    still = session.scalars(sa.select(Check).where(Check.ended_at.is_(None))).all()
    if not still:
        return []
    failed = telling.failed(session, [one for one in still if one.stage is Stage.TEXTED])
    held = engaged(session, {one.person_id for one in still}, now)
    steps = []
    for one in still:
        goes = held.get(one.person_id)
        theirs = one.kind is not CheckKind.CHECK_IN or deciding.is_theirs(
            seen.held, one.person_id, one.begins_at, now
        )
        is_due = one.due_at is not None and (one.due_at <= now or one.uid in failed)
        if is_due or goes or not theirs or one.ends_at <= now:
            chosen = seen.teams[one.team_id][1]
            wait = timedelta(minutes=chosen.wait_minutes)
            wait /= _FASTER if one.method_id is not None else 1
            steps.append(_go_on(one.id, one.stage, theirs, goes, wait, now))
    return steps


def _go_on(
    check_id: int, stage: Stage, theirs: bool, goes: bool | None, wait: timedelta, now: datetime
) -> _Step:
    def do(session: Session) -> None:
        check = session.get_one(Check, check_id, with_for_update=True)
        if check.ended_at is not None or check.stage is not stage:
            return
        if not theirs:
            stages.end(session, check, CheckEnd.MOVED, now)
        elif goes:
            answers.reached(session, check, "callout", now)
        elif check.ends_at <= now:
            stages.end(session, check, CheckEnd.UNANSWERED, now)
        elif goes is not None:
            check.due_at = now + _AGAIN
        else:
            stages.further(session, check, wait, now)

    return do
