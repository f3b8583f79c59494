"""What a team is planned by: pattern, rules, days, people's shares and pairings, and choices.

Each part is a screen with forms of its own; everything holds from a day on and nothing is deleted.
Patterns and rules are documents: `setup_documents` turns forms into them. What each means is for
`rota.ground`, `rota.rulebook` and `rota.terms`, which refuse what cannot be.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date, get_locale, gettext

from dispatch.db import Session
from dispatch.errors import Conflict, NotFound
from dispatch.incidents import catalogue
from dispatch.people import access
from dispatch.people.access import Right
from dispatch.people.models import Membership, Organisation, Person, Team
from dispatch.rota import ground, holidays, presets, terms
from dispatch.rota.days import local_day
from dispatch.rota.holidays import Kind
from dispatch.rota.models import Contract, OwnDay, Pairing, PairingKind, WishPeriod
from dispatch.texts import N_
from dispatch.web import checks, session, setup_documents
from dispatch.web.forms import REQUIRED, Form
from dispatch.web.posted import Done, show, take
from dispatch.web.rota_table import team_for
from dispatch.web.shares import BURDENS

blueprint = Blueprint("setup", __name__)

PARTS: Mapping[str, str] = {
    "pattern": N_("Pattern"),
    "rules": N_("Rules"),
    "days": N_("Days"),
    "people": N_("Shares and pairs"),
    "choices": N_("Choices"),
    "checks": N_("Check-ins"),
}
_KINDS: Mapping[Kind, str] = {
    Kind.PUBLIC_HOLIDAY: N_("public holiday"),
    Kind.EVE: N_("eve"),
    Kind.SCHOOL_HOLIDAY: N_("school holiday"),
    Kind.OPTIONAL: N_("free for some"),
}
_PAIRINGS: Mapping[PairingKind, str] = {
    PairingKind.APART: N_("never together"),
    PairingKind.TOGETHER: N_("only together"),
    PairingKind.MENTOR: N_("the first only beside the second"),
}
_PERIODS: Mapping[WishPeriod, str] = {
    WishPeriod.MONTH: N_("a month"),
    WishPeriod.QUARTER: N_("a quarter"),
    WishPeriod.YEAR: N_("a year"),
}
_EVES: Mapping[str, str] = {
    "": N_("as is usual in the country"),
    "yes": N_("they count"),
    "no": N_("they do not count"),
}
_GONE = N_("This is there no longer. Load the screen again.")
_YEAR = timedelta(days=366)


@blueprint.get("/rota/<key>/setup")
def first(key: str) -> ResponseReturnValue:
    """Show the first part."""
    return part(key, "pattern")


@blueprint.route("/rota/<key>/setup/<name>", methods=["GET", "POST"])
def part(key: str, name: str) -> ResponseReturnValue:
    """Show one part, and change it."""
    if name not in PARTS:
        raise NotFound(N_("There is nothing here."))
    form = Form(request.form if request.method == "POST" else None)

    def do(opened: Session, form: Form) -> Done:
        team = team_for(opened, key, Right.ROTA_CHANGE)
        verb = _VERBS.get((name, form.values.get("do", "")))
        if verb is None:
            raise NotFound(N_("There is no such action."))
        verb(opened, team, form)
        return Done(gettext("Stored."), url_for("setup.part", key=key, name=name))

    # A pattern is put together by buttons that store nothing.
    edited = name == "pattern" and setup_documents.is_edit(form)
    taken = None if edited else take(form, do)
    return taken or show(f"planner/setup_{name}.html", form, partial(_shown, key, name))


def _shown(key: str, name: str, opened: Session, form: Form) -> dict[str, Any]:
    team = team_for(opened, key, Right.ROTA_CHANGE)
    form.values.setdefault("today", local_day(session.now(), team.time_zone).isoformat())
    parts = [(one, gettext(words)) for one, words in PARTS.items()]
    return {"team": team, "parts": parts, "part": name, **_SHOWN[name](opened, team, form)}


def _by() -> tuple[Any, Any]:
    return session.actor(), session.now()


# --- Days.


def _add_day(opened: Session, team: Team, form: Form) -> None:
    on, kind = form.day("on", required=True), form.choice("kind", Kind)
    name = form.text("name", required=True, most=80)
    form.check()
    assert on and kind, "the form was checked"
    ground.set_day(opened, team, on, kind, name, *_by())


def _switch_day(opened: Session, team: Team, form: Form) -> None:
    on, kind = form.day("on", required=True), form.choice("kind", Kind)
    form.check()
    assert on and kind, "the form was checked"
    removed = form.values.get("do") == "remove"
    ground.set_day(opened, team, on, kind, form.text("name", most=80), *_by(), removed=removed)


def _days(opened: Session, team: Team, _form: Form) -> dict[str, Any]:
    today = local_day(session.now(), team.time_zone)
    calendar = ground.calendar_of(opened, team, today, today + _YEAR)
    query = sa.select(OwnDay).where(
        OwnDay.organisation_id == team.organisation_id, OwnDay.on >= today
    )
    own = {(row.on, row.kind): row for row in opened.scalars(query.order_by(OwnDay.on))}
    return {
        "days": [
            {
                "on": day.on,
                "label": format_date(day.on, "EEE d MMM y"),
                "kind": day.kind.value,
                "kind_word": gettext(_KINDS[day.kind]),
                "name": day.name,
                "own": (day.on, day.kind) in own,
            }
            for day in calendar.days
            # A week of school holidays would hide everything else.
            if day.kind is not Kind.SCHOOL_HOLIDAY or (day.on, day.kind) in own
        ],
        "removed": [
            {"on": row.on, "label": format_date(row.on, "EEE d MMM y"), "kind": row.kind}
            | {"kind_word": gettext(_KINDS[Kind(row.kind)]), "name": row.name}
            for row in own.values()
            if row.removed
        ],
        "kinds": [(kind.value, gettext(words)) for kind, words in _KINDS.items()],
    }


# --- People.


def _set_contract(opened: Session, team: Team, form: Form) -> None:
    members = {one.id: one for one in _members(opened, team)}
    chosen = form.id_of("membership", members)
    percent = form.number("percent", 1, 100)
    if percent is None:
        form.error("percent", REQUIRED)
    from_on, unit = form.day("from_on", required=True), form.text("unit", most=60)
    form.check()
    assert chosen and percent and from_on, "the form was checked"
    ground.set_contract(opened, members[chosen], from_on, percent / 100, *_by(), unit=unit)


def _pair(opened: Session, team: Team, form: Form) -> None:
    people = {one.person_id: one.person for one in _members(opened, team)}
    one, other = form.id_of("first", people), form.id_of("second", people)
    kind, from_on = form.choice("kind", PairingKind), form.day("pair_from", required=True)
    weight = form.number("weight", 1, 10_000)
    form.check()
    assert one and other and kind and from_on, "the form was checked"
    ground.pair(opened, team, kind, people[one], people[other], from_on, *_by(), weight=weight)


def _unpair(opened: Session, team: Team, form: Form) -> None:
    found = opened.get(Pairing, form.number("pairing", 1, 999_999_999) or 0)
    if found is None or found.team_id != team.id:
        raise Conflict(_GONE)
    ground.unpair(opened, found, local_day(session.now(), team.time_zone), *_by())


def _set_balance(opened: Session, team: Team, form: Form) -> None:
    people = {one.person_id: one.person for one in _members(opened, team)}
    person = form.id_of("person", people)
    measure = form.one_of("measure", BURDENS)
    amount, on = form.number("amount", 0, 10_000), form.day("balance_on", required=True)
    if amount is None:
        form.error("amount", REQUIRED)
    form.check()
    assert person and on and amount is not None, "the form was checked"
    ground.set_balance(opened, team, people[person], measure, amount, on, *_by())


def _people(opened: Session, team: Team, form: Form) -> dict[str, Any]:
    today = local_day(session.now(), team.time_zone)
    for name in ("from_on", "pair_from", "balance_on"):
        form.values.setdefault(name, today.isoformat())
    members = _members(opened, team)
    balances = ground.balances_of(opened, team)
    return {
        "members": [
            {
                "id": one.id,
                "person": one.person_id,
                "name": one.person.name,
                "contracts": _contracts(opened, one),
                "balances": [
                    (gettext(BURDENS[measure]), amount)
                    for measure, amount in balances.get(one.person_id, {}).items()
                    if measure in BURDENS
                ],
            }
            for one in members
        ],
        "choices": [
            ("", gettext("choose")),
            *((one.person_id, one.person.name) for one in members),
        ],
        "memberships": [("", gettext("choose")), *((one.id, one.person.name) for one in members)],
        "pairings": _pairings(opened, team, today),
        "kinds": [(kind.value, gettext(words)) for kind, words in _PAIRINGS.items()],
        "measures": [(key, gettext(words)) for key, words in BURDENS.items()],
    }


def _pairings(opened: Session, team: Team, today: date) -> list[dict[str, Any]]:
    found = ground.pairings_of(opened, team, today, today + _YEAR)
    people = {person_id for row in found for person_id in (row.first_id, row.second_id)}
    query = sa.select(Person.id, Person.name).where(Person.id.in_(people))
    names = {row.id: row.name for row in opened.execute(query)}
    return [
        {
            "id": row.id,
            "told": f"{names[row.first_id]}, {names[row.second_id]}",
            "kind": gettext(_PAIRINGS[row.kind]),
            "weight": row.weight,
            "from_on": row.from_on,
            "until_on": row.until_on,
        }
        for row in found
    ]


def _contracts(opened: Session, membership: Membership) -> list[dict[str, Any]]:
    query = sa.select(Contract).where(Contract.membership_id == membership.id)
    return [
        {"from_on": row.from_on, "percent": round(row.share * 100), "unit": row.unit}
        for row in opened.scalars(query.order_by(Contract.from_on))
    ]


def _members(opened: Session, team: Team) -> list[Membership]:
    today = local_day(session.now(), team.time_zone)
    query = (
        sa.select(Membership)
        .join(Person)
        .where(Membership.team_id == team.id)
        .where(sa.or_(Membership.until_on.is_(None), Membership.until_on >= today))
        .order_by(Person.name, Membership.from_on)
    )
    return list(opened.scalars(query))


# --- Choices.


def _choose(opened: Session, team: Team, form: Form) -> None:
    known = holidays.communities(opened.get_one(Organisation, team.organisation_id).country)
    community = form.one_of("days", known, required=False)
    budget, period = form.number("wish_budget", 0, 1000), form.choice("wish_period", WishPeriod)
    if budget is None:
        form.error("wish_budget", REQUIRED)
    form.check()
    terms.choose(
        opened,
        team,
        *_by(),
        days=community,
        eves=form.one_of("eves", _EVES, required=False),
        owner_id=form.id_of("owner", [id_ for id_, _ in _planners(opened, team)], required=False),
        heavy=" ".join(form.several("heavy", [one.key for one in catalogue.in_use(opened)])),
        four_eyes=form.ticked("four_eyes"),
        swaps_approved=form.ticked("swaps_approved"),
        wish_budget=budget,
        wish_period=period,
    )


def _choices(opened: Session, team: Team, form: Form) -> dict[str, Any]:
    held = terms.terms_of(opened, team)
    country = opened.get_one(Organisation, team.organisation_id).country
    language = str(get_locale())
    categories = {one.key: catalogue.name(one, language) for one in catalogue.in_use(opened)}
    heavy = form.several("heavy", categories) if request.method == "POST" else held.heavy.split()
    known = holidays.communities(country)
    if request.method != "POST":
        form.values.update(
            days=held.days,
            eves=held.eves,
            owner=str(held.owner_id or ""),
            wish_budget=str(held.wish_budget),
            wish_period=held.wish_period.value,
            four_eyes="yes" if held.four_eyes else "",
            swaps_approved="yes" if held.swaps_approved else "",
        )
    eves = presets.eves_of(session.parts().settings.config_dir, country)
    return {
        "owners": [("", gettext("everybody who plans the team")), *_planners(opened, team)],
        "categories": list(categories.items()),
        "heavy": heavy,
        "eves": [(word, gettext(said)) for word, said in _EVES.items()] if eves else [],
        "eves_source": eves.source if eves else "",
        "communities": [("", gettext("none")), *((one, one.capitalize()) for one in known)],
        "periods": [(period.value, gettext(words)) for period, words in _PERIODS.items()],
    }


def _planners(opened: Session, team: Team) -> list[tuple[int, str]]:
    ids = access.with_right(opened, Right.ROTA_CHANGE, team)
    query = sa.select(Person.id, Person.name).where(Person.id.in_(ids)).order_by(Person.name)
    return [(row.id, row.name) for row in opened.execute(query)]


_Verb = Callable[[Session, Team, Form], None]
_VERBS: Mapping[tuple[str, str], _Verb] = {
    ("pattern", "save"): setup_documents.save,
    ("rules", "preset"): setup_documents.set_rules,
    ("rules", "rule"): setup_documents.set_rule,
    ("days", "add"): _add_day,
    ("days", "remove"): _switch_day,
    ("days", "again"): _switch_day,
    ("people", "contract"): _set_contract,
    ("people", "pair"): _pair,
    ("people", "unpair"): _unpair,
    ("people", "balance"): _set_balance,
    ("choices", "choose"): _choose,
    ("checks", "choose"): checks.store_terms,
}
_SHOWN: Mapping[str, Callable[[Session, Team, Form], dict[str, Any]]] = {
    "pattern": setup_documents.pattern,
    "rules": setup_documents.rules,
    "days": _days,
    "people": _people,
    "choices": _choices,
    "checks": checks.terms,
}
