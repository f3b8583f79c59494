"""Patterns and rules as forms, begun from a preset or from what holds.

A field of a form is named by its path in the document, which is how a fault is named too, so that
each stands beside the field it is about. How a pattern's fields become its document is for
`pattern_form`; what a document may say is for `rota.patterns` and `rota.presets`.
"""

import copy
import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from babel.dates import get_day_names
from flask import request
from flask_babel import get_locale, gettext

from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Membership, Person, Qualification, Team
from dispatch.rota import ground, patterns, presets, rulebook, terms, why
from dispatch.rota.days import local_day
from dispatch.rota.models import TeamPattern
from dispatch.rota.patterns.document import Weekday
from dispatch.rota.presets import Preset
from dispatch.rota.problem import Problem
from dispatch.texts import N_
from dispatch.web import pattern_form, session, turns_ahead
from dispatch.web.forms import CHOOSE, REQUIRED, Form, told

#: The numbers of a rule that its form edits.
_NUMBERS: Mapping[str, str] = {
    "hours": N_("hours"),
    "days": N_("in days"),
    "period": N_("in"),
    "least": N_("at least"),
    "most": N_("at most"),
}


# --- Patterns.


def is_edit(form: Form) -> bool:
    """Return whether a form of the pattern only wants to be shown again, with something changed."""
    return form.values.get("do", "").partition(" ")[0] in ("look", "add", "remove", "up")


def save(opened: Session, team: Team, form: Form) -> None:
    """Let the team take turns by what the form says from a day on."""
    valid_from = form.day("valid_from", required=True)
    document = pattern_form.posted(form)
    _refuse_unknown(opened, team, document, form)
    form.check()
    assert valid_from, "the form was checked"
    ground.set_pattern(opened, team, document, valid_from, session.actor(), session.now())


def pattern(opened: Session, team: Team, form: Form) -> dict[str, Any]:
    """Return what the screen of the pattern shows: what was typed, a preset, or what holds."""
    rows = _rows(opened, team)
    people = _people(opened, team)
    form.values.setdefault("valid_from", _tomorrow(team))
    added = None
    if request.method == "POST":
        document = pattern_form.posted(form)
        added = _edited(document, form, [person_id for person_id, _ in people])
    else:
        document = _begun(team, rows, form)
    pattern_form.fill(form, document)
    trained = _trained(opened)
    return {
        "presets": [
            (one.key, _said(one.names), _said(one.about)) for one in _presets("patterns").values()
        ],
        "rows": [row.valid_from for row in rows],
        "document": document,
        "added": added,
        "ahead": _ahead(opened, team, document, form, trained),
        "people": [("", gettext("nobody")), *people],
        "units": [("", gettext("each of them")), *_units(document)],
        "qualifications": [("", gettext("choose")), *trained.items()],
        "words": {name: gettext(said) for name, said in pattern_form.FIELDS.items()},
        "forms": {name: gettext(said) for name, said in pattern_form.FORMS.items()},
        "ons": _ons(),
        "every": [(word, gettext(said)) for word, said in _EVERY.items()],
        "faults": [
            (path, pattern_form.where(path), told) for path, told in form.errors.items() if path
        ],
    }


def _begun(team: Team, rows: list[TeamPattern], form: Form) -> dict[str, Any]:
    """Return the document that the form begins with, and let the day it holds from follow."""
    preset = _presets("patterns").get(request.args.get("preset", ""))
    if preset is not None:
        # Kept as JSON: what a file gives as dates and times is text from here on.
        return dict(json.loads(json.dumps(preset.document, default=str)))
    asked = [row for row in rows if row.valid_from.isoformat() == request.args.get("from")]
    today = local_day(session.now(), team.time_zone)
    later = [row for row in rows if row.valid_from > today]
    chosen = asked or later or rows
    if not chosen:
        return {"lines": []}
    if chosen[-1].valid_from > today:
        form.values["valid_from"] = chosen[-1].valid_from.isoformat()
    return copy.deepcopy(chosen[-1].document)


def _edited(document: dict[str, Any], form: Form, people: list[int]) -> str | None:
    """Change what was typed by the button that was pressed; return the row that it added."""
    action = form.values.get("do", "")
    if not is_edit(form) or action == "look":
        return None
    since = form.day("valid_from")
    try:
        return pattern_form.edit(document, action, people=people, since=since)
    except Conflict as error:
        form.refuse(error)
        return None


def _ahead(
    opened: Session, team: Team, document: Mapping[str, Any], form: Form, trained: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return the coming turns; None while something cannot be used, which is named if asked for."""
    try:
        first = Form({"valid_from": form.values["valid_from"]}).day("valid_from", required=True)
        first = first or date.fromisoformat(_tomorrow(team))
        return turns_ahead.shown(opened, team, patterns.read(document), first, trained)
    except Invalid as error:
        if form.values.get("do") == "look":
            form.refuse(error)
        return None


def _refuse_unknown(opened: Session, team: Team, document: Mapping[str, Any], form: Form) -> None:
    """Note who and what is named in a document without being there."""
    people, trained = {person_id for person_id, _ in _people(opened, team)}, _trained(opened)
    for number, line in enumerate(document.get("lines", ())):
        at = f"lines.{number}"
        for place, rotation in enumerate(line.get("rotations", ())):
            for turn, person_id in enumerate(rotation.get("order", ())):
                if person_id not in people:
                    form.error(f"{at}.rotations.{place}.order.{turn}", CHOOSE)
        turns = [(f"{at}.turns.{turn}", one) for turn, one in enumerate(line.get("turns", ()))]
        for where, one in [(at, line), *turns]:
            for place, wanted in enumerate(one.get("qualifications", ())):
                if wanted.get("qualification") not in trained:
                    form.error(f"{where}.qualifications.{place}.qualification", CHOOSE)


def _people(opened: Session, team: Team) -> list[tuple[int, str]]:
    """Return whoever is or was in the team, by name."""
    members = sa.select(Membership.person_id).where(Membership.team_id == team.id)
    query = sa.select(Person.id, Person.name).where(Person.id.in_(members))
    return [(row.id, row.name) for row in opened.execute(query.order_by(Person.name, Person.id))]


def _trained(opened: Session) -> dict[str, str]:
    found = opened.scalars(sa.select(Qualification).order_by(Qualification.id))
    return {one.key: _said(one.names) for one in found}


def _units(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    units = document.get("units") or {}
    return [(str(name), str(name)) for name in units.get("names", ())]


_EVERY: Mapping[str, str] = {
    "": N_("never: there are no units"),
    "week": N_("every week"),
    "half_month": N_("on the 1st and the 16th"),
    "month": N_("on the 1st"),
}
_ON: Mapping[str, str] = {
    "every_day": N_("every day"),
    "public_holiday": N_("public holiday"),
    "eve": N_("eve"),
    "school_holiday": N_("school holiday"),
    "optional": N_("free for some"),
    "before_public_holiday": N_("day before a public holiday"),
    "before_eve": N_("day before an eve"),
}


def _ons() -> list[tuple[str, str]]:
    """Return the words for days, those of the week first."""
    weekdays = get_day_names("wide", "format", get_locale())
    return [
        *((day.value, weekdays[day.number]) for day in Weekday),
        *((word, gettext(said)) for word, said in _ON.items()),
    ]


def _rows(opened: Session, team: Team) -> list[TeamPattern]:
    """Return the team's patterns in the order in which they hold."""
    query = sa.select(TeamPattern).where(TeamPattern.team_id == team.id)
    return list(opened.scalars(query.order_by(TeamPattern.valid_from)))


def _tomorrow(team: Team) -> str:
    return (local_day(session.now(), team.time_zone) + timedelta(days=1)).isoformat()


# --- Rules.


def set_rules(opened: Session, team: Team, form: Form) -> None:
    """Let a preset be the ground of a team's rules."""
    chosen = form.one_of("preset", _presets("rules"))
    form.check()
    terms.choose(opened, team, session.actor(), session.now(), preset=chosen)


def set_rule(opened: Session, team: Team, form: Form) -> None:
    """Let a rule hold with the numbers of the form."""
    rows = {str(row["key"]): row for row in rulebook.rows_of(opened, team)}
    key = form.one_of("key", rows)
    form.check()
    row = rows[key]
    numbers = presets.in_hours(row.get("numbers") or {})
    for name in _NUMBERS:
        path = f"{key}.{name}"
        if name in numbers and path in form.values:
            numbers[name] = _typed(form.values[path].strip(), numbers[name])
    hard = form.values.get(f"{key}.hard", "") == "hard"
    weight = None if hard else form.number(f"{key}.weight", 1, 100_000)
    if not hard and weight is None:
        form.error(f"{key}.weight", REQUIRED)
    form.check()
    rulebook.set_rule(
        opened,
        team,
        key,
        str(row["kind"]),
        numbers,
        session.actor(),
        session.now(),
        weight=weight,
        source=form.text(f"{key}.source", most=400),
        off=not form.ticked(f"{key}.on"),
    )


def rules(opened: Session, team: Team, form: Form) -> dict[str, Any]:
    """Return what the screen of the rules shows."""
    form.values.setdefault("preset", terms.terms_of(opened, team).preset)
    return {
        "presets": [(one.key, _said(one.names)) for one in _presets("rules").values()],
        "rules": [_rule(row, form) for row in rulebook.rows_of(opened, team)],
    }


def _rule(row: Mapping[str, Any], form: Form) -> dict[str, Any]:
    key, numbers = str(row["key"]), presets.in_hours(row.get("numbers") or {})
    sent = form.values.get("key") == key
    fields = [
        (f"{key}.{name}", gettext(said)) for name, said in _NUMBERS.items() if name in numbers
    ]
    for name, _ in fields:
        form.values.setdefault(name, str(numbers[name.rpartition(".")[2]]))
    if not sent:
        form.values[f"{key}.hard"] = "soft" if row.get("weight") is not None else "hard"
        form.values[f"{key}.on"] = "" if row.get("off") else "yes"
    form.values.setdefault(f"{key}.weight", str(row.get("weight") or ""))
    form.values.setdefault(f"{key}.source", str(row.get("source") or ""))
    return {
        "key": key,
        "name": key.replace("_", " ").capitalize(),
        "fields": fields,
        "told": _rule_told(row),
        "off": bool(row.get("off")),
    }


def _rule_told(row: Mapping[str, Any]) -> str:
    """Say what a rule says, switched off too."""
    [rule] = presets.rules_from([{**row, "off": False}])
    nobody = Problem(date.min, date.min, "UTC", (), ())
    return told(why.rule_told(rule, nobody))


# --- What both need.


def _presets(kind: str) -> Mapping[str, Preset]:
    return presets.presets(session.parts().settings.config_dir, kind)


def _said(names: Mapping[str, str]) -> str:
    return names.get(str(get_locale())) or names.get("en", "")


def _typed(text: str, held: object) -> object:
    """Return what was typed as a number where it is one, so that a fault names the field."""
    for kind in (int, float):
        try:
            return kind(text.replace(",", "."))
        except ValueError:
            continue
    return text if isinstance(held, str) else (text or held)
