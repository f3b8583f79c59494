"""Patterns and rules as forms: from a preset, field by field, or the document itself as text.

A field of a form is named by its path in the document (`lines.0.turns.1.starts`), which is how a
fault is named too, so that each stands beside the field it is about. What a document may say is for
`rota.patterns` and `rota.presets`.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import request
from flask_babel import get_locale, gettext

from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Qualification, Team
from dispatch.rota import ground, presets, rulebook, terms
from dispatch.rota.days import local_day
from dispatch.rota.models import TeamPattern
from dispatch.rota.presets import Preset
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.forms import REQUIRED, Form

_NO_JSON = N_("This is no JSON: look at line %(line)s, column %(column)s.")
_GONE = N_("This is there no longer. Load the screen again.")
#: A pattern or a set of rules is far smaller.
_LONGEST = 100_000
#: What the form of a turn edits, as plain text, and what those fields are called.
_TIMES: Mapping[str, str] = {"starts": N_("from"), "ends": N_("until"), "begins": N_("begins on")}
#: The numbers of a rule that its form edits.
_NUMBERS: Mapping[str, str] = {
    "hours": N_("hours"),
    "minutes": N_("minutes"),
    "days": N_("in days"),
    "period": N_("in"),
    "least": N_("at least"),
    "most": N_("at most"),
}


# --- Patterns.


def set_preset(opened: Session, team: Team, form: Form) -> None:
    """Let the team take turns by a preset from a day on."""
    known = _presets("patterns")
    chosen = form.one_of("preset", known)
    valid_from = form.day("valid_from", required=True)
    form.check()
    assert valid_from, "the form was checked"
    _set(opened, team, known[chosen].document, valid_from)


def set_lines(opened: Session, team: Team, form: Form) -> None:
    """Take the fields of the form into the pattern that holds now."""
    row = _row(opened, team)
    valid_from = form.day("valid_from", required=True)
    form.check()
    if row is None:
        raise Conflict(_GONE)
    assert valid_from, "the form was checked"
    document = copy.deepcopy(row.document)
    for place, line in enumerate(document.get("lines", ())):
        at = f"lines.{place}"
        line["people"] = _whole(form, f"{at}.people", line.get("people", 1))
        trained = form.values.get(f"{at}.qualification", "")
        line["qualifications"] = _qualifications(line, trained)
        for number, turn in enumerate(line.get("turns", ())):
            for name in _TIMES:
                path = f"{at}.turns.{number}.{name}"
                if name in turn and path in form.values:
                    turn[name] = form.values[path].strip()
            turn["rests"] = form.ticked(f"{at}.turns.{number}.rests")
    form.check()
    _set(opened, team, document, valid_from)


def set_text(opened: Session, team: Team, form: Form) -> None:
    """Take the pattern as it was typed."""
    valid_from = form.day("valid_from", required=True)
    text = form.values.get("text", "")
    form.check()
    assert valid_from, "the form was checked"
    if len(text) > _LONGEST:
        form.error("text", N_("Shorten this to %(most)s characters."), most=_LONGEST)
        form.check()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = error if isinstance(error, json.JSONDecodeError) else None
        form.error(
            "text", _NO_JSON, line=place.lineno if place else 1, column=place.colno if place else 1
        )
        form.check()
    _set(opened, team, document, valid_from)


def pattern(opened: Session, team: Team, form: Form) -> dict[str, Any]:
    """Return what the screen of the pattern shows."""
    row = _row(opened, team)
    form.values.setdefault("valid_from", _tomorrow(team))
    document = row.document if row is not None else {"lines": []}
    form.values.setdefault("text", json.dumps(document, ensure_ascii=False, indent=2, default=str))
    trained = opened.scalars(sa.select(Qualification).order_by(Qualification.id))
    language = str(get_locale())
    return {
        "presets": [
            (one.key, _said(one.names), _said(one.about)) for one in _presets("patterns").values()
        ],
        "valid_from": row.valid_from if row is not None else None,
        "lines": list(_lines(document, form)) if row is not None else [],
        "qualifications": [
            ("", gettext("none")),
            *((one.key, one.names.get(language) or one.names["en"]) for one in trained),
        ],
    }


def _lines(document: Mapping[str, Any], form: Form) -> Iterator[dict[str, Any]]:
    for place, line in enumerate(document.get("lines", ())):
        at = f"lines.{place}"
        form.values.setdefault(f"{at}.people", str(line.get("people", 1)))
        held = line.get("qualifications") or ()
        form.values.setdefault(f"{at}.qualification", held[0]["qualification"] if held else "")
        turns = []
        for number, turn in enumerate(line.get("turns", ())):
            path = f"{at}.turns.{number}"
            if request.method != "POST":
                form.values[f"{path}.rests"] = "yes" if turn.get("rests") else ""
            fields = [
                (f"{path}.{name}", gettext(said)) for name, said in _TIMES.items() if name in turn
            ]
            for name, _ in fields:
                form.values.setdefault(name, str(turn[name.rpartition(".")[2]]))
            on = ", ".join(str(day).replace("_", " ") for day in turn.get("on", ()))
            turns.append(
                {"kind": turn["kind"], "on": on, "fields": fields, "rests": f"{path}.rests"}
            )
        yield {"at": at, "key": line["key"], "turns": turns}


def _qualifications(line: Mapping[str, Any], trained: str) -> list[dict[str, Any]]:
    """Return what a line asks for, the first of it as the form says."""
    held = list(line.get("qualifications") or ())
    if not trained:
        return held[1:]
    if held and held[0].get("qualification") == trained:
        return held
    return [{"qualification": trained}, *held[1:]]


def _set(opened: Session, team: Team, document: Any, valid_from: Any) -> None:
    if not isinstance(document, Mapping):
        raise Invalid(
            N_("A pattern with lines is expected."), text=N_("A pattern with lines is expected.")
        )
    # Kept as JSON: what a file gives as dates and times is text from here on.
    plain = json.loads(json.dumps(document, default=str))
    ground.set_pattern(opened, team, plain, valid_from, session.actor(), session.now())


def _row(opened: Session, team: Team) -> TeamPattern | None:
    """Return the pattern that holds, or the next that will."""
    query = sa.select(TeamPattern).where(TeamPattern.team_id == team.id)
    rows = list(opened.scalars(query.order_by(TeamPattern.valid_from)))
    today = local_day(session.now(), team.time_zone)
    held = [row for row in rows if row.valid_from <= today]
    later = [row for row in rows if row.valid_from > today]
    return later[-1] if later else held[-1] if held else None


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
    numbers = dict(row.get("numbers") or {})
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
    key, numbers = str(row["key"]), row.get("numbers") or {}
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
        "of": str(numbers.get("of", "")),
        "off": bool(row.get("off")),
    }


# --- What both need.


def _presets(kind: str) -> Mapping[str, Preset]:
    return presets.presets(session.parts().settings.config_dir, kind)


def _said(names: Mapping[str, str]) -> str:
    return names.get(str(get_locale())) or names.get("en", "")


def _whole(form: Form, name: str, held: int) -> int:
    found = form.number(name, 1, 50)
    return held if found is None else found


def _typed(text: str, held: object) -> object:
    """Return what was typed as a number where it is one, so that a fault names the field."""
    for kind in (int, float):
        try:
            return kind(text.replace(",", "."))
        except ValueError:
            continue
    return text if isinstance(held, str) else (text or held)
