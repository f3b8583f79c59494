"""What waits for a planner: absences, swaps, sign-ups, late ones, and turns that nobody can serve.

Each request shows what deciding it means: who else is away, which turns become empty. Deciding is
one tap; refusing takes a reason, which the person reads. Who could step in is for `mending`.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import flask
import sqlalchemy as sa
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch.db import Session
from dispatch.errors import Conflict, NotFound
from dispatch.people.access import Right
from dispatch.people.models import Membership, Person, Team
from dispatch.rota import absences, changes, handing, open_turns, repairs, rights, swaps
from dispatch.rota.absences import FAR
from dispatch.rota.duty import Gap, gaps
from dispatch.rota.handing import Hand
from dispatch.rota.models import (
    Absence,
    AbsenceKind,
    Answer,
    Line,
    OpenTurn,
    Shift,
    Swap,
    SwapState,
)
from dispatch.rota.repairs import Hole
from dispatch.texts import N_
from dispatch.web import live, posted, session
from dispatch.web.absences import ICONS, hits_of, span_of
from dispatch.web.forms import Form, told
from dispatch.web.posted import Done, show, take
from dispatch.web.rota_table import lines_of, team_for
from dispatch.web.swaps import card, rules_said

blueprint = Blueprint("inbox", __name__)

_SCREEN = "planner/requests.html"
#: Gaps so far ahead are shown.
_GAPS_AHEAD = timedelta(days=56)
#: For how long what was decided stays in sight.
_KEPT = timedelta(days=14)


@blueprint.get("/rota/<key>/requests")
def requests(key: str) -> ResponseReturnValue:
    """Show what waits for a planner of the team."""
    return show(_SCREEN, Form(), partial(_shown, key))


@blueprint.get("/rota/<key>/requests/list")
@session.reads
def listed(opened: Session, key: str) -> ResponseReturnValue:
    """Show it again, for a screen that keeps itself fresh."""
    team_for(opened, key, Right.ROTA_CHANGE)

    def made() -> str:
        return flask.render_template("planner/_requests.html", **_shown(key, opened, Form()))

    return live.fragment(opened, ("rota",), made)


@blueprint.post("/rota/<key>/requests/<kind>/<int:row_id>/<action>")
def decide(key: str, kind: str, row_id: int, action: str) -> ResponseReturnValue:
    """Decide one request."""
    verb = _ACTIONS.get((kind, action))
    if verb is None:
        raise NotFound(N_("There is no such action."))
    form = Form(request.form)

    def do(opened: Session, form: Form) -> Done:
        team = team_for(opened, key, Right.ROTA_CHANGE)
        return Done(verb(opened, team, row_id, form), url_for("inbox.requests", key=key))

    return take(form, do) or show(_SCREEN, form, partial(_shown, key))


@blueprint.post("/rota/<key>/requests/offer")
def offer(key: str) -> ResponseReturnValue:
    """Offer a turn that nobody can serve, or a gap, to everybody of the team."""
    form = Form(request.form)

    def do(opened: Session, form: Form) -> Done:
        _offer(opened, team_for(opened, key, Right.ROTA_CHANGE), form)
        return Done(gettext("Offered to everybody."), url_for("inbox.requests", key=key))

    return take(form, do) or show(_SCREEN, form, partial(_shown, key))


@blueprint.record_once
def _install(state: Any) -> None:
    state.app.jinja_env.globals["requests_waiting"] = _count


def _count(team: Team) -> int:
    """Return how many requests wait, for every screen around a team's rota."""
    with session.reading() as opened:
        return waiting(opened, team)


def waiting(opened: Session, team: Team) -> int:
    """Return how much waits for whoever plans a team: requests, and turns that nobody serves.

    What is offered already waits for its takers.
    """
    now = session.now()
    held = swaps.waiting(opened, team, now)
    mine = [one for one in held if _is_for_planner(one)]
    offered = {one.shift.uid for one in held if one.state is SwapState.OFFERED}
    lost = {hole.turn.shift_uid for hole in repairs.lost(opened, team, now)} - offered
    standing = open_turns.standing(opened, team, now)
    signed = [one for one in standing if one.person_id is not None]
    nobody = [gap for gap in _gaps(opened, team, standing) if gap["offered"] is None]
    late = open_turns.taken_late(opened, team)
    return len([*_asked(opened, team), *mine, *signed, *late, *lost, *nobody])


# --- Deciding.


def _approve_absence(opened: Session, team: Team, row_id: int, _form: Form) -> str:
    absence = _absence(opened, team, row_id)
    hits = absences.approve(opened, absence, session.actor(), session.now())
    if not hits:
        return str(gettext("Approved. It leaves no published turn empty."))
    told = gettext(
        "Approved. Published turns that now need somebody else: %(count)s.", count=len(hits)
    )
    return str(told)


def _refuse_absence(opened: Session, team: Team, row_id: int, form: Form) -> str:
    absence = _absence(opened, team, row_id)
    reason = form.text("reason", most=300)
    form.check()
    absences.refuse(opened, absence, reason, session.actor(), session.now())
    return str(gettext("Refused. The person reads why."))


def _absence(opened: Session, team: Team, absence_id: int) -> Absence:
    absence = rights.absence_for(opened, session.viewer(), absence_id, deciding=True)
    if not _of_team(opened, team, [absence]):
        raise NotFound(N_("There is no such thing, or it is not yours to see."))
    return absence


def _approve_swap(opened: Session, team: Team, row_id: int, form: Form) -> str:
    swap = _swap(opened, team, row_id)
    held = swap.state is SwapState.DONE
    reason = form.text("reason", most=300)
    form.check()
    swaps.approve(opened, swap, session.actor(), session.now(), reason)
    if held:
        return str(gettext("Noted: it has been looked at."))
    return str(gettext("Approved: the turn has changed hands. Both are told."))


def _refuse_swap(opened: Session, team: Team, row_id: int, form: Form) -> str:
    reason = form.text("reason", required=True, most=300)
    form.check()
    swap = _swap(opened, team, row_id)
    swaps.decline(opened, swap, reason, session.actor(), session.now())
    return str(gettext("Refused: the turn stays where it was. Both are told."))


def _swap(opened: Session, team: Team, swap_id: int) -> Swap:
    swap = rights.swap_for(opened, session.viewer(), swap_id)
    if opened.get_one(Line, swap.shift.line_id).team_id != team.id:
        raise NotFound(N_("There is no such thing, or it is not yours to see."))
    return swap


def _approve_open(opened: Session, team: Team, row_id: int, form: Form) -> str:
    reason = form.text("reason", most=300)
    form.check()
    turn = _open_turn(opened, team, row_id)
    held = turn.to_approve
    open_turns.approve(opened, turn, session.actor(), session.now(), reason)
    if held:
        return str(gettext("Noted: it has been looked at."))
    return str(gettext("Approved: the turn is entered."))


def _refuse_open(opened: Session, team: Team, row_id: int, _form: Form) -> str:
    turn = _open_turn(opened, team, row_id)
    open_turns.refuse(opened, turn, session.actor(), session.now())
    return str(gettext("Refused: the turn is open again."))


def _withdraw_open(opened: Session, team: Team, row_id: int, _form: Form) -> str:
    turn = _open_turn(opened, team, row_id)
    open_turns.withdraw(opened, turn, session.actor(), session.now())
    return str(gettext("It is no longer offered."))


def _open_turn(opened: Session, team: Team, open_id: int) -> OpenTurn:
    turn = rights.open_turn_for(opened, session.viewer(), open_id)
    if turn.line.team_id != team.id:
        raise NotFound(N_("There is no such thing, or it is not yours to see."))
    return turn


def _offer(opened: Session, team: Team, form: Form) -> None:
    """Offer a stretch as it was shown: of somebody's turn, or of a line that is empty."""
    now, actor = session.now(), session.actor()
    lines = {line.key: line for line in lines_of(opened, team)}
    line_key = form.one_of("line", lines)
    begin, end = (posted.instant(form.values.get(name, "")) for name in ("begins", "ends"))
    form.check()
    uid = form.values.get("uid")
    if not uid:
        open_turns.offer(opened, lines[line_key], begin, end, actor, now)
        return
    query = sa.select(Shift).where(Shift.uid == uid, Shift.line_id == lines[line_key].id)
    shift = opened.scalars(query).one_or_none()
    if shift is None:
        raise Conflict(N_("This is there no longer. Load the screen again."))
    swaps.offer(opened, shift, None, actor, now, starts_at=max(begin, now), ends_at=end)


_ACTIONS: Mapping[tuple[str, str], Callable[[Session, Team, int, Form], str]] = {
    ("absence", "approve"): _approve_absence,
    ("absence", "refuse"): _refuse_absence,
    ("swap", "approve"): _approve_swap,
    ("swap", "refuse"): _refuse_swap,
    ("open", "approve"): _approve_open,
    ("open", "refuse"): _refuse_open,
    ("open", "withdraw"): _withdraw_open,
}


# --- What the screen shows.


def _shown(key: str, opened: Session, _form: Form) -> dict[str, Any]:
    team, now = team_for(opened, key, Right.ROTA_CHANGE), session.now()
    names, everybody = _members(opened, team), _names(opened)
    held = swaps.waiting(opened, team, now)
    signed = open_turns.standing(opened, team, now)
    offered = {one.shift_id for one in held if one.state is SwapState.OFFERED}
    return {
        "team": team,
        "asked": [_request(opened, one, names) for one in _asked(opened, team)],
        "empty": [_hole(opened, one, offered) for one in repairs.lost(opened, team, now)],
        "gaps": _gaps(opened, team, signed),
        "late": [
            _late(opened, one, team, everybody) for one in held if one.state is SwapState.DONE
        ],
        "taken": [_taken(opened, one, team) for one in open_turns.taken_late(opened, team)],
        "swaps": [card(opened, one, everybody) for one in held if one.state is SwapState.ACCEPTED],
        "signed": [_signed(opened, one) for one in signed if one.person_id is not None],
        "offers": [card(opened, one, everybody) for one in held if one.state is SwapState.OFFERED],
        "decided": [_decided(opened, one, names) for one in _answered(opened, team)],
    }


def _is_for_planner(swap: Swap) -> bool:
    return swap.state is not SwapState.OFFERED


def _names(opened: Session) -> dict[int, str]:
    return {row.id: row.name for row in opened.execute(sa.select(Person.id, Person.name))}


def _late(opened: Session, swap: Swap, team: Team, names: Mapping[int, str]) -> dict[str, Any]:
    """Return what holds already and must be looked at, with what it broke."""
    back = Hand(swap.shift.line_id, swap.starts_at, swap.ends_at, swap.from_id)
    judged = [one for one in handing.broken_since(opened, team, [back]) if one.hard]
    return card(opened, swap, names) | {
        "told": [told(one.told) for one in judged],
        "by": swap.asked_by,
        "may_undo": (swaps.undo_until(swap) or session.now()) > session.now(),
    }


def _taken(opened: Session, turn: OpenTurn, team: Team) -> dict[str, Any]:
    """Return a late sign-up that holds already, with what it broke."""
    assert turn.person_id is not None, "somebody signed up"
    back = Hand(turn.line_id, turn.starts_at, turn.ends_at, None)
    judged = handing.broken_since(opened, team, [back])
    return {
        "id": turn.id,
        "name": opened.get_one(Person, turn.person_id).name,
        "line": turn.line.name,
        "starts_at": turn.starts_at,
        "ends_at": turn.ends_at,
        "told": [told(one.told) for one in judged if one.hard],
        "may_undo": turn.ends_at > session.now(),
    }


def _signed(opened: Session, turn: OpenTurn) -> dict[str, Any]:
    assert turn.person_id is not None, "somebody signed up"
    judged = open_turns.judge(opened, turn, turn.person_id)
    return {
        "id": turn.id,
        "name": opened.get_one(Person, turn.person_id).name,
        "line": turn.line.name,
        "starts_at": turn.starts_at,
        "ends_at": turn.ends_at,
        **rules_said(judged, handing.is_late(turn.starts_at, session.now())),
    }


def _gaps(opened: Session, team: Team, offered: list[OpenTurn]) -> list[dict[str, Any]]:
    """Return the gaps between published turns, each with what is offered of it already."""
    now = session.now()
    found = [
        {
            "line": gap.line_name,
            "line_key": gap.line_key,
            "starts_at": gap.from_at,
            "ends_at": gap.until_at,
            "too_long": _lasts(gap) > changes.LONGEST,
            "offered": next((one.id for one in offered if _is_of(one, gap)), None),
        }
        for gap in gaps(opened, team, now, now + _GAPS_AHEAD)
        # Beyond the last turn nothing is published yet: that is no gap but a rota to be made.
        if gap.next_id is not None
    ]
    return sorted(found, key=lambda gap: (gap["starts_at"], gap["line"]))


def _lasts(gap: Gap) -> timedelta:
    assert gap.from_at and gap.until_at, "gaps within hours have both ends"
    return gap.until_at - gap.from_at


def _is_of(turn: OpenTurn, gap: Gap) -> bool:
    begins, ends = gap.from_at, gap.until_at
    assert begins and ends, "gaps within hours have both ends"
    return turn.line_id == gap.line_id and turn.starts_at < ends and begins < turn.ends_at


def _members(opened: Session, team: Team) -> dict[int, str]:
    query = sa.select(Person.id, Person.name).join(Membership)
    return {row.id: row.name for row in opened.execute(query.where(Membership.team_id == team.id))}


def _of_team(opened: Session, team: Team, found: Iterable[Absence]) -> list[Absence]:
    """Return the absences of people on days on which they are in the team."""
    memberships: dict[int, list[Membership]] = {}
    for one in opened.scalars(sa.select(Membership).where(Membership.team_id == team.id)):
        memberships.setdefault(one.person_id, []).append(one)
    return [
        absence
        for absence in found
        if any(
            rights.concerns(one, absence, team.time_zone)
            for one in memberships.get(absence.person_id, ())
        )
    ]


def _asked(opened: Session, team: Team) -> list[Absence]:
    query = sa.select(Absence).where(Absence.answer == Answer.ASKED)
    found = opened.scalars(query.order_by(Absence.starts_at, Absence.id))
    return _of_team(opened, team, found)


def _answered(opened: Session, team: Team) -> list[Absence]:
    query = sa.select(Absence).where(Absence.answered_at >= session.now() - _KEPT)
    found = opened.scalars(query.order_by(Absence.answered_at.desc(), Absence.id))
    return _of_team(opened, team, found)


def _why(opened: Session, absence: Absence) -> tuple[str, str]:
    """Return why somebody is away, and its mark; no more than that to others than the employer."""
    employer, viewer = opened.get_one(Person, absence.person_id).organisation_id, session.viewer()
    if employer == viewer.organisation_id or viewer.may(Right.ROTA_CHANGE, employer):
        return gettext(absences.KINDS[absence.kind]), ICONS[absence.kind]
    return gettext("away"), ICONS[AbsenceKind.OTHER]


def _request(opened: Session, absence: Absence, names: Mapping[int, str]) -> dict[str, Any]:
    ends_at = absence.ends_at or FAR
    kind, icon = _why(opened, absence)
    others = set(names) - {absence.person_id}
    beside = absences.standing(opened, others, absence.starts_at, ends_at)
    return {
        "id": absence.id,
        "name": names[absence.person_id],
        "kind": kind,
        "icon": icon,
        "span": span_of(absence.starts_at, absence.ends_at),
        "asked_at": absence.asked_at,
        "hits": hits_of(opened, absence),
        "beside": [
            {"name": names[one.person_id], "span": span_of(one.starts_at, one.ends_at)}
            for one in beside
        ],
    }


def _hole(opened: Session, hole: Hole, offered: set[int]) -> dict[str, Any]:
    turn = hole.turn
    shift = opened.scalars(sa.select(Shift).where(Shift.uid == turn.shift_uid)).one()
    return {
        "uid": turn.shift_uid,
        "name": turn.person_name,
        "line": turn.line_name,
        "line_key": turn.line_key,
        "kind": _why(opened, hole.absence)[0],
        "starts_at": hole.starts_at,
        "ends_at": hole.ends_at,
        "offered": shift.id in offered,
        # Only whose turn it is can be asked to give it; a cover is taken back by hand.
        "may_offer": turn.cover_uid is None,
    }


def _decided(opened: Session, absence: Absence, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "name": names[absence.person_id],
        "kind": _why(opened, absence)[0],
        "span": span_of(absence.starts_at, absence.ends_at),
        "answer": str(absence.answer),
        "reason": absence.reason,
        "by": absence.answered_by,
        "at": absence.answered_at,
    }
