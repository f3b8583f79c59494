"""Editing a draft cell by cell: who could take a turn and why, assigning, emptying, locking.

A cell is a person and a day, or a turn that lacks people. It answers with everybody ranked (for one
person: with every turn of the day), each with what it would break and cost. A hard breach is
refused in words unless a reason is given, which is kept. A turn that is dragged to another cell is
moved there, or exchanged with what stands there. What may be changed is for `rota.seating`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch.db import Session
from dispatch.errors import Conflict, Invalid, NotFound
from dispatch.people.models import Person
from dispatch.rota import drafts, rights, seating
from dispatch.rota.differences import Stand
from dispatch.rota.models import DraftSeat
from dispatch.rota.problem import Need
from dispatch.texts import N_
from dispatch.web import drafts as desk
from dispatch.web import reasons, session
from dispatch.web.drafted import OPEN, Drafted
from dispatch.web.forms import Form
from dispatch.web.posted import Done, show, take

blueprint = Blueprint("seats", __name__)

_GONE = N_("This is there no longer. Load the screen again.")
_SEVERAL = N_("This cell holds several turns: choose from its list.")
_PANEL, _SCREEN = "planner/_cell.html", "planner/draft.html"


@blueprint.get("/rota/drafts/<int:draft_id>/cell")
def cell(draft_id: int) -> ResponseReturnValue:
    """Show what could be done with a day of a person."""
    return _show(draft_id, Form(request.args))


@blueprint.get("/rota/drafts/<int:draft_id>/need")
def need(draft_id: int) -> ResponseReturnValue:
    """Show who could take a turn that lacks people."""
    return _show(draft_id, Form(request.args))


@blueprint.post("/rota/drafts/<int:draft_id>/seat")
def change(draft_id: int) -> ResponseReturnValue:
    """Assign, empty, lock or unlock; then show the draft as it is."""
    form = Form(request.form)
    return take(form, partial(_act, draft_id)) or _show(draft_id, form)


def _show(draft_id: int, form: Form) -> ResponseReturnValue:
    # The panel alone is swapped in beside a table that stays; without scripts it is the screen.
    alone = request.headers.get("HX-Request") == "true" and request.method == "GET"
    return show(_PANEL if alone else _SCREEN, form, partial(_shown, draft_id, alone))


# --- What a post does.


def _act(draft_id: int, opened: Session, form: Form) -> Done:
    draft = rights.draft_for(opened, session.viewer(), draft_id)
    whole = Drafted(opened, draft)
    do = _ACTIONS.get(form.one_of("do", _ACTIONS))
    if do is None:
        raise NotFound(N_("There is no such action."))
    said = do(whole, _asked(whole, form), form)
    place: dict[str, Any] = {
        name: form.values[name] for name in ("from", "months") if form.values.get(name)
    }
    return Done(said, url_for("drafts.desk", draft_id=draft_id, **place))


def _put(whole: Drafted, asked: Need, form: Form) -> str:
    person = whole.opened.get(Person, form.number("to", 1, 999_999_999) or 0)
    if person is None or person.id not in {one.id for one in whole.ground.people}:
        raise Conflict(_GONE)
    reason = form.text("reason", most=300)
    leaves = form.number("instead", 1, 999_999_999)
    form.check()
    _enter(whole, [(asked, leaves, person.id)], form, reason)
    return str(gettext("%(name)s has %(turn)s.", name=person.name, turn=reasons.turn(whole, asked)))


def _move(whole: Drafted, asked: Need, form: Form) -> str:
    """Give a turn to whoever it was dragged to, on that day."""
    from_id, to_id = (form.number(name, 1, 999_999_999) for name in ("person", "to"))
    day, reason = form.day("to_day", required=True), form.text("reason", most=300)
    form.check()
    names = {one.id: one.name for one in whole.ground.people}
    if day is None or from_id is None or to_id not in names:
        raise Conflict(_GONE)
    moves = _moves(whole, asked, from_id, to_id, day)
    first = moves[0][0]
    if len(moves) == 1 and first.id != asked.id:
        _remove(whole, asked, form)
    _enter(whole, moves, form, reason)
    turn = reasons.turn(whole, first)
    if len(moves) > 1:
        other = reasons.turn(whole, moves[1][0])
        return str(gettext("Exchanged: %(one)s and %(other)s.", one=turn, other=other))
    return str(gettext("%(name)s has %(turn)s.", name=names[to_id], turn=turn))


def _moves(
    whole: Drafted, asked: Need, from_id: int, to_id: int, day: date
) -> list[tuple[Need, int | None, int]]:
    """Return which turns change hands: who leaves each, and who comes.

    Whatever stands where a turn is dragged to is given in exchange, so that it still has somebody.
    """
    theirs = [one for one in reasons.held_on(whole, day, to_id) if one.id != asked.id]
    if len(theirs) > 1:
        raise Invalid(_SEVERAL)
    if theirs:
        return [(asked, from_id, to_id), (theirs[0], to_id, from_id)]
    if day in asked.days:
        return [(asked, from_id, to_id)]
    target = _of_line(whole, asked, day)
    there = sorted(who for need, who in whole.laid.seats if need == target.id)
    if len(there) < target.wanted:
        return [(target, None, to_id)]
    return [(target, there[0], to_id), (asked, from_id, there[0])]


def _of_line(whole: Drafted, asked: Need, day: date) -> Need:
    """Return the turn of a day on the line of another, of the same kind if there is one."""
    found = [
        one
        for one in whole.laid.problem.needs
        if one.line == asked.line and day in one.days and one.wanted
    ]
    if not found:
        raise Invalid(N_("No turn of that line begins on this day."))
    return min(found, key=lambda one: (one.kind != asked.kind, one.days[0] != day))


def _enter(
    whole: Drafted, moves: Sequence[tuple[Need, int | None, int]], form: Form, reason: str
) -> None:
    """Put people in turns, each in place of whoever leaves it, judged as one change."""
    stands = [
        _stand(whole, one, person, leaves)
        for need, leaves, person in moves
        for one in reasons.together(whole.laid.problem, need)
    ]
    seen = {
        (stand.line_id, stand.starts_at): _seen(whole, form, stand.line_id, stand.starts_at)
        for stand in stands
    }
    who, now = session.actor(), session.now()
    seating.put_all(whole.opened, whole.draft, stands, seen, who, now, reason=reason)


def _remove(whole: Drafted, asked: Need, form: Form) -> str:
    for seat in _held(whole, asked, form):
        seen = _seen(whole, form, seat.line_id, seat.starts_at)
        seating.remove(whole.opened, whole.draft, seat, session.actor(), session.now(), seen=seen)
    return str(gettext("%(turn)s is empty.", turn=reasons.turn(whole, asked)))


def _lock(locked: bool, whole: Drafted, asked: Need, form: Form) -> str:
    for seat in _held(whole, asked, form):
        seen = _seen(whole, form, seat.line_id, seat.starts_at)
        who, now = session.actor(), session.now()
        seating.lock(whole.opened, whole.draft, seat, locked, who, now, seen=seen)
    if locked:
        return str(gettext("Locked: the planner leaves it as it is."))
    return str(gettext("The planner may move it again."))


_ACTIONS: Mapping[str, Callable[[Drafted, Need, Form], str]] = {
    "put": _put,
    "move": _move,
    "remove": _remove,
    "lock": partial(_lock, True),
    "unlock": partial(_lock, False),
}


def _asked(whole: Drafted, form: Form) -> Need:
    """Return the need that a form names by its line and beginning, or by who has it on a day."""
    found = _named(whole, form)
    day, person = form.values.get("day", ""), form.values.get("person", "")
    if form.values.get("do") == "move" and day and person.isdigit():
        held = reasons.held_on(whole, _day(day), int(person))
        if len(held) > 1:
            raise Invalid(_SEVERAL)
        found = held[0] if held else None
    if found is None:
        raise Conflict(_GONE)
    return found


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Conflict(_GONE) from error


def _named(whole: Drafted, form: Form) -> Need | None:
    return reasons.named(whole, form.values.get("line", ""), form.values.get("at", ""))


def _stand(whole: Drafted, one: Need, person_id: int, leaves: int | None) -> Stand:
    """Return where somebody stands who takes a need: in place of who leaves, or on a free row."""
    for stand, seat in zip(whole.laid.stands, whole.laid.seats, strict=True):
        if leaves is not None and seat == (one.id, leaves):
            turn = whole.laid.whole.get(stand, stand)
            return Stand(turn.starts_at, turn.ends_at, turn.line_id, person_id)
    for row in whole.laid.rows[one.line]:
        if not any(
            stand.line_id == row and stand.starts_at < one.ends_at and one.starts_at < stand.ends_at
            for stand in whole.laid.stands
        ):
            return Stand(one.starts_at, one.ends_at, row, person_id)
    raise Invalid(N_("Everybody wanted has this turn already: choose who leaves it."))


def _held(whole: Drafted, asked: Need, form: Form) -> list[DraftSeat]:
    """Return somebody's seats of a need and of what belongs together with it."""
    person = form.number("person", 1, 999_999_999)
    ids = {one.id for one in reasons.together(whole.laid.problem, asked)}
    stands = {
        whole.laid.whole.get(stand, stand)
        for stand, seat in zip(whole.laid.stands, whole.laid.seats, strict=True)
        if seat[0] in ids and seat[1] == person
    }
    found = [seat for seat in whole.seats if drafts.stand_of(seat) in stands]
    if not found:
        raise Conflict(_GONE)
    return found


def _seen(whole: Drafted, form: Form, line_id: int, at: datetime) -> int:
    """Return which state of a seat the screen showed, 0 where it showed none.

    The draft's own revision was on the screen: had it not changed, what stands there was seen.
    """
    seat = next((s for s in whole.seats if (s.line_id, s.starts_at) == (line_id, at)), None)
    if seat is None:
        return 0
    shown = form.number("revision", 0, 999_999_999)
    return seat.revision if shown == whole.draft.revision else -1


# --- What the panel shows.


def _shown(draft_id: int, alone: bool, opened: Session, form: Form) -> dict[str, Any]:
    facts: dict[str, Any] = {} if alone else desk.shown(draft_id, opened, form)
    draft = rights.draft_for(opened, session.viewer(), draft_id)
    whole = Drafted(opened, draft)
    place = {name: form.values.get(name, "") for name in ("from", "months")}
    moving = form.values.get("do") == "move"
    if moving:
        panel = _of_target(whole, form)
    else:
        panel = _of_turn(whole, form) if form.values.get("line") else _of_day(whole, form)
    names = ("person", "day", "to", "to_day")
    return {
        **facts,
        "move": {name: form.values.get(name, "") for name in names} if moving else None,
        "draft_id": draft.id,
        "editable": draft.state in OPEN,
        "panel": panel and {"revision": draft.revision, "place": place, **panel},
    }


def _of_target(whole: Drafted, form: Form) -> dict[str, Any] | None:
    """Return the cell to which a turn was dragged; raises Conflict where none is named."""
    to, day = form.values.get("to"), form.values.get("to_day")
    if not to or not day:
        raise Conflict(_GONE)
    return _of_day(whole, Form({"person": to, "day": day}))


def _of_turn(whole: Drafted, form: Form) -> dict[str, Any] | None:
    asked = _named(whole, form)
    if asked is None:
        raise NotFound(_GONE)
    return reasons.panel_of_gap(whole, asked, _ranked(whole, asked, None))


def _of_day(whole: Drafted, form: Form) -> dict[str, Any] | None:
    day, person_id = form.day("day"), form.number("person", 1, 999_999_999)
    if day is None or person_id is None:
        return None
    return reasons.panel_of_day(whole, day, person_id, partial(_ranked, whole))


def _ranked(whole: Drafted, one: Need, holder: int | None) -> dict[str, Any]:
    """Return a turn with everybody who could take it, the best first."""
    seats = [seat for seat in whole.seats if seat.person_id == holder]
    ids = {
        stand
        for stand, seat in zip(whole.laid.stands, whole.laid.seats, strict=True)
        if seat == (one.id, holder)
    }
    here = next((seat for seat in seats if drafts.stand_of(seat) in ids), None)
    return reasons.others(whole, one, holder) | {
        "locked": here.locked if here else False,
        "reason": here.reason if here else "",
    }
