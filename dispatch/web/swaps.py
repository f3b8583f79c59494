"""Turns that change hands, on the phone: offering, answering, signing up, and what the rules say.

Whoever may accept reads first what it would break. The planner's part is in `inbox`, the late one
in `takeovers`. What a swap means, and when it holds, is for `rota.swaps` and `rota.open_turns`.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_datetime, gettext

from dispatch.db import Session
from dispatch.errors import NotFound
from dispatch.people import qualifications
from dispatch.people.models import Person, Team
from dispatch.rota import handing, open_turns, rights, swaps
from dispatch.rota.days import local_day
from dispatch.rota.judging import Judged
from dispatch.rota.models import Line, OpenTurn, Shift, Swap, SwapKind, SwapState
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.forms import Form, told
from dispatch.web.posted import Done, show, take
from dispatch.web.rota_table import field_text
from dispatch.web.turns import AHEAD, teams_of

blueprint = Blueprint("swaps", __name__)

_SCREEN = "responder/swaps.html"
#: How a turn can be given: all of it, against another, or a part.
KINDS = ("give", "exchange", "part")
#: For how long what is over stays in sight.
_KEPT = timedelta(days=60)
_NOT_YOURS = N_("There is no such thing, or it is not yours to see.")


@blueprint.get("/turns/swaps")
def mine() -> ResponseReturnValue:
    """Show what the viewer is asked, what anybody may take, and what the viewer asked."""
    return show(_SCREEN, Form(), _mine)


@blueprint.route("/turns/<uid>/swap", methods=["GET", "POST"])
def offer(uid: str) -> ResponseReturnValue:
    """Offer one's own turn, a part of it, or an exchange."""
    form = Form(request.form if request.method == "POST" else request.args)
    return take(form, partial(_offer, uid)) or show(
        "responder/swap.html", form, partial(_offering, uid)
    )


@blueprint.post("/turns/swaps/<int:swap_id>/<action>")
def act(swap_id: int, action: str) -> ResponseReturnValue:
    """Answer what one is asked, take back what one asked, undo what somebody took over."""
    if action not in _ACTIONS:
        raise NotFound(N_("There is no such action."))

    def do(opened: Session, _form: Form) -> Done:
        swap = rights.swap_for(opened, session.viewer(), swap_id)
        return Done(_ACTIONS[action](opened, swap), url_for("swaps.mine"))

    form = Form(request.form)
    return take(form, do) or show(_SCREEN, form, _mine)


@blueprint.post("/turns/open/<int:open_id>")
def sign_up(open_id: int) -> ResponseReturnValue:
    """Sign up for a turn that nobody has."""

    def do(opened: Session, _form: Form) -> Done:
        turn = rights.open_turn_for(opened, session.viewer(), open_id)
        turn = open_turns.sign_up(opened, turn, _me(opened), session.actor(), session.now())
        if turn.shift_id is None:
            return Done(gettext("Noted. A planner must still agree."), url_for("swaps.mine"))
        return Done(gettext("The turn is yours."), url_for("turns.mine"))

    form = Form(request.form)
    return take(form, do) or show(_SCREEN, form, _mine)


# --- What a post does.


def _offer(uid: str, opened: Session, form: Form) -> Done:
    shift, team = _own_turn(opened, uid)
    kind = form.one_of("do", KINDS)
    zone = ZoneInfo(team.time_zone)
    facts: dict[str, Any] = {}
    to_id: int | None = None
    if kind == "exchange":
        theirs = {one.uid: one for one in _theirs(opened, team)}
        other = theirs.get(form.one_of("other", theirs))
        if other is not None:
            to_id, facts["other"] = other.person_id, other
    else:
        to_id = form.id_of("to", dict(_colleagues(opened, team)), required=False)
    if kind == "part":
        facts["starts_at"] = form.instant("starts_at", zone, required=True)
        facts["ends_at"] = form.instant("ends_at", zone, required=True)
    form.check()
    to = opened.get_one(Person, to_id) if to_id is not None else None
    swaps.offer(opened, shift, to, session.actor(), session.now(), **facts)
    told = gettext("Asked. The turn stays yours until somebody accepts.")
    return Done(told, url_for("swaps.mine"))


def _accept(opened: Session, swap: Swap) -> str:
    if not rights.is_member(opened, session.viewer(), _team(opened, swap).id):
        raise NotFound(_NOT_YOURS)
    swap = swaps.accept(opened, swap, _me(opened), session.actor(), session.now())
    if swap.state is SwapState.ACCEPTED:
        return str(gettext("Accepted. A planner must still agree; both of you are told."))
    return str(gettext("Done: the turn has changed hands."))


def _decline(opened: Session, swap: Swap) -> str:
    if swap.to_id != session.viewer().person_id or swap.state is not SwapState.OFFERED:
        raise NotFound(_NOT_YOURS)
    swaps.decline(opened, swap, "", session.actor(), session.now())
    return str(gettext("Noted. Your colleague is told."))


def _withdraw(opened: Session, swap: Swap) -> str:
    if swap.from_id != session.viewer().person_id:
        raise NotFound(_NOT_YOURS)
    swaps.withdraw(opened, swap, session.actor(), session.now())
    return str(gettext("Withdrawn: the turn stays yours."))


def _undo(opened: Session, swap: Swap) -> str:
    """Take back a swap of one's own, or have a turn back that somebody said to have taken over."""
    if not _may_undo(swap):
        raise NotFound(_NOT_YOURS)
    swaps.undo(opened, swap, session.actor(), session.now())
    if swap.kind is SwapKind.LATE:
        return str(gettext("The turn is yours again, from now on. Your colleague is told."))
    return str(gettext("Taken back: the turn is whose it was. Your colleague is told."))


def _may_undo(swap: Swap) -> bool:
    """Return whether it is the viewer's to take back: of a turn taken over only its owner's."""
    late = swap.kind is SwapKind.LATE
    mine = (swap.from_id,) if late else (swap.from_id, swap.to_id)
    return swap.ended_at is not None and session.viewer().person_id in mine


_ACTIONS: Mapping[str, Callable[[Session, Swap], str]] = {
    "accept": _accept,
    "decline": _decline,
    "withdraw": _withdraw,
    "undo": _undo,
}


def _me(opened: Session) -> Person:
    return opened.get_one(Person, session.viewer().person_id)


def _own_turn(opened: Session, uid: str) -> tuple[Shift, Team]:
    """Return a turn of the viewer's own that is not over."""
    query = sa.select(Shift).where(Shift.uid == uid, Shift.cancelled_at.is_(None))
    shift = opened.scalars(query).one_or_none()
    me = session.viewer().person_id
    if shift is None or shift.person_id != me or shift.ends_at <= session.now():
        raise NotFound(N_("There is no such turn, or it is not yours to change."))
    return shift, opened.get_one(Team, shift.line.team_id)


def _team(opened: Session, swap: Swap) -> Team:
    return opened.get_one(Team, opened.get_one(Line, swap.shift.line_id).team_id)


def _colleagues(opened: Session, team: Team) -> list[tuple[int, str]]:
    day = local_day(session.now(), team.time_zone)
    members = qualifications.members(opened, team, day)
    return [(id_, name) for id_, name in members if id_ != session.viewer().person_id]


def _theirs(opened: Session, team: Team) -> list[Shift]:
    """Return colleagues' turns that have not begun, by colleague and in order."""
    now = session.now()
    query = (
        sa.select(Shift)
        .join(Line)
        .join(Person, Person.id == Shift.person_id)
        .where(Line.team_id == team.id, Shift.cancelled_at.is_(None))
        .where(Shift.person_id.in_([id_ for id_, _ in _colleagues(opened, team)]))
        .where(Shift.starts_at > now, Shift.starts_at < now + AHEAD)
        .order_by(Person.name, Person.id, Shift.starts_at)
    )
    return list(opened.scalars(query))


# --- What a screen shows.


def _mine(opened: Session, form: Form) -> dict[str, Any]:
    if any(name.startswith("breach.") for name in form.errors):
        # Giving a reason in spite of a rule is for a planner.
        form.errors.pop("reason", None)
    me, now = session.viewer().person_id, session.now()
    teams = teams_of(opened, me)
    waiting = [one for team in teams for one in swaps.waiting(opened, team, now)]
    offered = [one for one in waiting if one.state is SwapState.OFFERED and one.from_id != me]
    own = [one for one in waiting if me in (one.from_id, one.to_id) and one not in offered]
    known = swaps.of_person(opened, me, now - _KEPT)
    undoable = [one for one in known if _may_undo(one) and (swaps.undo_until(one) or now) > now]
    over = [one for one in known if one not in waiting and one not in undoable]
    names = _names(opened, [*waiting, *known])

    def shown(found: Iterable[Swap], taker: int | None = None) -> list[dict[str, Any]]:
        return [card(opened, one, names, taker) for one in found]

    return {
        "for_me": shown([one for one in offered if one.to_id == me], me),
        "for_all": shown([one for one in offered if one.to_id is None], me),
        "open": [
            _open(opened, one, team)
            for team in teams
            for one in open_turns.standing(opened, team, now)
        ],
        "mine": shown([one for one in own if one.state is not SwapState.DONE]),
        "undoable": shown(undoable),
        "past": shown([one for one in over if one.state is not SwapState.OFFERED]),
        "may_take_over": bool(teams),
        "me": me,
    }


def _names(opened: Session, found: Iterable[Swap]) -> dict[int, str]:
    ids = {id_ for one in found for id_ in (one.from_id, one.to_id) if id_ is not None}
    query = sa.select(Person.id, Person.name).where(Person.id.in_(ids))
    return {row.id: row.name for row in opened.execute(query)}


def card(
    opened: Session, swap: Swap, names: Mapping[int, str], taker: int | None = None
) -> dict[str, Any]:
    """Return a swap as screens show it; with what the rules say if `taker` would have the turn."""
    shift, other = swap.shift, swap.other_shift
    taker = taker or (swap.to_id if swap.state in (SwapState.OFFERED, SwapState.ACCEPTED) else None)
    judged = swaps.judge(opened, swap, taker) if taker is not None else []
    return {
        "id": swap.id,
        "kind": str(swap.kind),
        "state": str(swap.state),
        "from": names[swap.from_id],
        "from_id": swap.from_id,
        "to": names[swap.to_id] if swap.to_id is not None else None,
        "to_id": swap.to_id,
        "team": _team(opened, swap).name,
        "line": shift.line.name,
        "starts_at": swap.starts_at,
        "ends_at": swap.ends_at,
        "part": (swap.starts_at, swap.ends_at) != (shift.starts_at, shift.ends_at),
        "other": other and {"starts_at": other.starts_at, "ends_at": other.ends_at},
        "asked_at": swap.asked_at,
        "reason": swap.reason,
        "undo_until": swaps.undo_until(swap),
        **rules_said(judged, handing.is_late(swap.starts_at, session.now())),
    }


def rules_said(judged: Iterable[Judged], late: bool) -> dict[str, Any]:
    """Say what a change would break, the worst first, and whether it can be done all the same."""
    found = sorted(judged, key=lambda one: not one.hard)
    hard = any(one.hard for one in found)
    return {"told": [told(one.told) for one in found], "hard": hard, "can": late or not hard}


def _open(opened: Session, turn: OpenTurn, team: Team) -> dict[str, Any]:
    me = session.viewer().person_id
    judged = open_turns.judge(opened, turn, me) if turn.person_id is None else []
    return {
        "id": turn.id,
        "team": team.name,
        "line": turn.line.name,
        "starts_at": turn.starts_at,
        "ends_at": turn.ends_at,
        "part": False,
        "other": None,
        "state": str(turn.state),
        "mine": turn.person_id == me,
        **rules_said(judged, handing.is_late(turn.starts_at, session.now())),
    }


def _offering(uid: str, opened: Session, form: Form) -> dict[str, Any]:
    shift, team = _own_turn(opened, uid)
    zone, begins_at = ZoneInfo(team.time_zone), max(shift.starts_at, session.now())
    form.values.setdefault("starts_at", field_text(begins_at, zone))
    form.values.setdefault("ends_at", field_text(shift.ends_at, zone))
    kind = form.values.get("do")
    by_name = groupby(_theirs(opened, team), key=lambda one: one.person_id)
    names = dict(_colleagues(opened, team))
    return {
        "turn": {
            "uid": shift.uid,
            "team": team.name,
            "line": shift.line.name,
            "starts_at": shift.starts_at,
            "ends_at": shift.ends_at,
        },
        "kind": kind if kind in KINDS else KINDS[0],
        "may_exchange": shift.starts_at > session.now(),
        "people": [("", gettext("everybody in the team")), *names.items()],
        "theirs": [
            {"name": names[person], "turns": [(one.uid, worded(one)) for one in turns]}
            for person, turns in by_name
        ],
    }


def worded(shift: Shift) -> str:
    """Write a turn for a list to choose from."""
    times = [format_datetime(at, "EEE d MMM HH:mm") for at in (shift.starts_at, shift.ends_at)]
    return f"{' – '.join(times)} · {shift.line.name}"
