"""Checks on screens: the link in a text, how a check-in stands, who was rung, a test of one's own.

The link shows what its text said and nothing else; whoever holds the telephone may answer. What an
answer means is for `checks.answers`.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import flask
import sqlalchemy as sa
from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, format_datetime, gettext

from dispatch.checks import answers, choices, monthly, showing, telling
from dispatch.checks.models import Check, CheckKind
from dispatch.checks.showing import Shown, State
from dispatch.db import Session
from dispatch.errors import NotFound, Refused
from dispatch.people import phones
from dispatch.people.access import Right
from dispatch.people.models import ContactMethod, Membership, Person, Team
from dispatch.rota import rights
from dispatch.rota.duty import Stretch, Turn
from dispatch.rota.models import Line
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.forms import REQUIRED, Form

blueprint = Blueprint("checks", __name__)


@blueprint.record_once
def _exempt(state: Any) -> None:
    """Take answers from a telephone that keeps no cookies: the link itself is the proof."""
    state.app.extensions["csrf"].exempt(f"{__name__}.{answer.__name__}")


_WORDS = {
    State.ANSWERED: N_("checked in %(at)s"),
    State.WAITING: N_("asked to check in %(at)s, no answer yet"),
    State.SILENT: N_("no answer to the check-in: ring"),
    State.REFUSED: N_("answered no to the check-in: ring"),
}
_NEXT_WORDS = {
    State.ANSWERED: N_("%(name)s takes over %(begins)s, checked in %(at)s"),
    State.WAITING: N_("%(name)s takes over %(begins)s, asked %(at)s, no answer yet"),
    State.SILENT: N_("%(name)s takes over %(begins)s, no answer to the check-in: ring"),
    State.REFUSED: N_("%(name)s takes over %(begins)s, answered no to the check-in: ring"),
}
_TONES = {State.ANSWERED: "good", State.WAITING: "warning"}
_STAYS = N_("%(name)s was asked to stay.")
_HEARD = N_("%(name)s stays until then.")


# --- the link in a text ---


@blueprint.route("/c/<token>", methods=["GET", "POST"])
def answer(token: str) -> ResponseReturnValue:
    """Show what the text asked, and take the answer."""
    try:
        if request.method == "POST":
            _take(token)
            return redirect(url_for("checks.answer", token=token), 303)
        return _show(token)
    except NotFound:
        return flask.render_template("responder/check.html", state="expired"), 404


def _take(token: str) -> None:
    goes = Form(request.form).one_of("answer", ("yes", "no")) == "yes"
    with session.transaction() as opened:
        found = answers.behind(opened, token, session.now())
        check = answers.by_uid(opened, found.uid)
        if goes:
            answers.yes(opened, check, "link", session.now())
        else:
            answers.no(opened, check, session.now())


def _show(token: str) -> str:
    with session.reading() as opened:
        check = answers.behind(opened, token, session.now())
        team, line = telling.team_and_line(opened, check)
        with force_locale(check.person.language):
            return flask.render_template(
                "responder/check.html",
                state=_state(check),
                check=check,
                is_test=check.kind is CheckKind.TEST,
                team=team,
                line=line,
                answer_url=url_for("checks.answer", token=token),
            )


def _state(check: Check) -> str:
    if check.answered_at is not None:
        return "answered"
    if check.ended_at is not None:
        return "over"
    return "refused" if check.refused_at is not None else "open"


# --- on duty ---


class Duty:
    """What is known of check-ins and of lines' telephones, loaded at once for all teams."""

    def __init__(self, opened: Session, teams: Collection[Team], now: datetime) -> None:
        self._now = now
        ids = [team.id for team in teams]
        self._checks = showing.current(opened, ids, now)
        lines = opened.scalars(sa.select(Line.id).where(Line.team_id.in_(ids))).all()
        self._phones = {one.line_id: one for one in phones.of_lines(opened, lines)}

    def of(self, team: Team, stretch: Stretch) -> list[dict[str, Any]]:
        """Say how it stands with whoever is on a line, and with whoever takes it over."""
        holder_id = stretch.person_id if isinstance(stretch, Turn) else None
        line_id, result = stretch.line_id, []
        for one in self._checks:
            held = one.person_id == holder_id and one.begins_at <= self._now
            follows = one.line_id == line_id and one.begins_at > self._now
            if one.team_id == team.id and (held or follows):
                result.append(_line(one, team, follows=follows))
        phone = self._phones.get(line_id)
        if phone is not None and holder_id is not None:
            result.append(_phone(phone, holder_id))
        return result


def _phone(method: ContactMethod, holder_id: int) -> dict[str, Any]:
    if method.person_id == holder_id and method.held_at is not None:
        at = format_datetime(method.held_at, "EEE d MMM HH:mm")
        text = gettext("has the line's telephone, said so %(at)s", at=at)
        return {"state": "good", "text": text, "check": None}
    text = gettext("has not said that they have the line's telephone")
    return {"state": "warning", "text": text, "check": None}


def _line(one: Shown, team: Team, *, follows: bool) -> dict[str, Any]:
    words = _NEXT_WORDS if follows else _WORDS
    at, begins = (format_datetime(when, "HH:mm") for when in (one.at, one.begins_at))
    text = gettext(words[one.state], name=one.name, at=at, begins=begins)
    if one.stays:
        text = f"{text}. {gettext(_HEARD if one.heard else _STAYS, name=one.stays)}"
    may_end = one.state not in _TONES and rights.may_take_over_for(session.viewer(), team)
    return {
        "state": _TONES.get(one.state, "bad"),
        "text": text,
        "name": one.name,
        "check": one.uid if may_end else None,
    }


@blueprint.post("/checks/<uid>/reached")
def reached(uid: str) -> ResponseReturnValue:
    """Write down that somebody was rung and is on duty."""
    with session.transaction() as opened:
        check = answers.by_uid(opened, uid)
        team = opened.get_one(Team, check.team_id)
        if not rights.may_take_over_for(session.viewer(), team):
            raise Refused(N_("Your roles do not allow this here. Ask an administrator."))
        answers.yes(opened, check, session.actor().name, session.now())
        name = check.person.name
    flash(gettext("Noted: %(name)s is reached.", name=name), "done")
    board = session.viewer().may(Right.BOARD_READ)
    return redirect(url_for("dispatcher.board" if board else "planner.on_duty"), 303)


# --- one's own telephones and reminders ---


@blueprint.post("/account/methods/<uid>/test")
def test(uid: str) -> ResponseReturnValue:
    """Send a test to a telephone of one's own."""
    with session.transaction() as opened:
        owner = opened.get_one(Person, session.viewer().person_id)
        method = next((one for one in phones.methods(opened, owner) if one.uid == uid), None)
        if method is None:
            raise NotFound(N_("There is no such address among yours."))
        monthly.test_own(opened, method, _team_of(opened, owner), session.now())
    flash(gettext("A test is on its way. Answer it as it says."), "done")
    return redirect(url_for("account.me"), 303)


@blueprint.post("/account/reminder")
def remind() -> ResponseReturnValue:
    """Choose how one is reminded of one's turns."""
    form = Form(request.form)
    hours = form.one_of("hours", [value for value, _ in reminders()])
    by_mail = form.one_of("by", ("sms", "mail")) == "mail"
    form.check()
    with session.transaction() as opened:
        owner = opened.get_one(Person, session.viewer().person_id)
        chosen = int(hours) if hours else None
        choices.remind(opened, owner, chosen, by_mail, session.actor(), session.now())
    flash(gettext("Stored."), "done")
    return redirect(url_for("account.me"), 303)


def reminders() -> list[tuple[str, str]]:
    """Return what may be chosen of when one is reminded."""
    hours = [(str(n), gettext("%(hours)s hours before", hours=n)) for n in (2, 6, 12, 24, 48, 72)]
    return [("", gettext("as the team has it")), ("0", gettext("not at all")), *hours]


def own(opened: Session, owner: Person) -> dict[str, Any]:
    """Return what the account says of tests and reminders."""
    held = choices.of_people(opened, [owner.id]).get(owner.id)
    query = sa.select(Check).where(Check.person_id == owner.id, Check.kind == CheckKind.TEST)
    newest = {one.method_id: one for one in opened.scalars(query.order_by(Check.id))}
    return {
        "tests": {method_id: _tested(one) for method_id, one in newest.items()},
        "may_test": _team_of(opened, owner) is not None,
        "reminder": {
            "hours": "" if held is None else str(held.hours),
            "by": "mail" if held is not None and held.by_mail else "sms",
            "offered": reminders(),
        },
    }


def _tested(check: Check) -> dict[str, str]:
    at = format_datetime(check.answered_at or check.asked_at, "EEE d MMM HH:mm")
    if check.answered_at is not None:
        return {"state": "good", "text": gettext("test answered %(at)s", at=at)}
    if check.ended_at is not None:
        return {"state": "bad", "text": gettext("test of %(at)s not answered", at=at)}
    return {"state": "warning", "text": gettext("test sent %(at)s, no answer yet", at=at)}


def _team_of(opened: Session, person: Person) -> Team | None:
    query = sa.select(Team).join(Membership, Membership.team_id == Team.id)
    return opened.scalars(query.where(Membership.person_id == person.id).order_by(Team.id)).first()


# --- what a team chose ---


def store_terms(opened: Session, team: Team, form: Form) -> None:
    """Store what a team chose about checks."""
    chosen = {
        "check_ins": form.ticked("check_ins"),
        "tests": form.ticked("tests"),
        "lead_minutes": form.number("lead_minutes", 0, 240),
        "wait_minutes": form.number("wait_minutes", 2, 60),
        "reminder_hours": form.number("reminder_hours", 0, 72),
    }
    for name, value in chosen.items():
        if value is None:
            form.error(name, REQUIRED)
    form.check()
    choices.choose(opened, team, session.actor(), session.now(), **chosen)


def terms(opened: Session, team: Team, form: Form) -> dict[str, Any]:
    """Return what a team's screen of checks shows."""
    if request.method != "POST":
        held = choices.of_team(opened, team)
        for name in ("lead_minutes", "wait_minutes", "reminder_hours"):
            form.values[name] = str(getattr(held, name))
        for name in ("check_ins", "tests"):
            form.values[name] = "yes" if getattr(held, name) else ""
    return {}
