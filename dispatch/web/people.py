"""What the screens of people show: rows and facts in the viewer's words.

Numbers are shown in full to those who may ring them and masked to everybody else. Reading and
changing are decided by `admin`; this module only turns what was found into what is shown.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from babel import Locale
from flask_babel import format_date, get_locale, gettext
from sqlalchemy import orm

from dispatch.db import Session
from dispatch.people import phones, qualifications, readiness
from dispatch.people.access import Right, Viewer
from dispatch.people.models import (
    ContactMethod,
    MethodKind,
    Organisation,
    Person,
    Qualification,
    Role,
    Team,
)
from dispatch.people.qualifications import Reason
from dispatch.people.readiness import Concern, Kind
from dispatch.rota.models import Line
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.forms import Form
from dispatch.web.frame import ROLES

#: Languages that people may speak with victims, beside their own.
SPOKEN = tuple(
    "ar bg bs da de el en es et fa fi fr hr hu it ku lt lv nl no pl ps pt ro ru sk sl so sq sr sv "
    "ti tr uk ur zh".split()
)

_METHODS = {
    MethodKind.MOBILE: N_("mobile"),
    MethodKind.LANDLINE: N_("landline"),
    MethodKind.MAIL: N_("mail"),
    MethodKind.PUSH: N_("browser"),
}
_CONCERNS = {
    Kind.UNREACHABLE: N_("cannot be called: no confirmed telephone"),
    Kind.NO_TEXTS: N_("gets no texts: no confirmed mobile"),
    Kind.STOPPED: N_("gets no texts: answered STOP, has to text START"),
    Kind.UNUSABLE: N_("a telephone could not be reached"),
    Kind.UNVERIFIED: N_("a telephone waits to be confirmed"),
    Kind.ONE_DEVICE: N_("one telephone only"),
    Kind.NO_ANSWER: N_("texts arrive, no answer came by text"),
    Kind.SHARED: N_("shared number: answers need their code"),
    Kind.LAPSED: N_("%(qualification)s lapsed on %(on)s"),
    Kind.ENDS_SOON: N_("%(qualification)s ends in %(days)s days, on %(on)s"),
}
#: What keeps somebody from getting a text or a call.
_UNREACHED = (Kind.UNREACHABLE, Kind.NO_TEXTS, Kind.STOPPED, Kind.UNUSABLE)
_STANDINGS = {
    Reason.HELD: N_("counts"),
    Reason.LAPSED: N_("lapsed"),
    Reason.REVOKED: N_("revoked"),
    Reason.NOT_YET: N_("counts later"),
}


def today() -> date:
    """Return the day it is for the viewer."""
    return session.now().astimezone(ZoneInfo(session.viewer().time_zone)).date()


def rows(opened: Session, people: Iterable[Person]) -> list[dict[str, object]]:
    """Return the people of the list, with what may go wrong for those who take turns."""
    found = _loaded(opened, people)
    teams, employers = _names(opened, Team), _names(opened, Organisation)
    concerns = readiness.concerns(opened, [person.id for person in found], today())
    result = []
    for person in found:
        present = [one.team_id for one in person.memberships if _is_present(one.until_on)]
        result.append(
            {
                "id": person.id,
                "name": person.name,
                "employer": employers[person.organisation_id],
                "left_at": person.left_at,
                "roles": ", ".join(gettext(ROLES[role]) for role in _roles(person)),
                "teams": ", ".join(teams[team_id] for team_id in present),
                "concerns": worded(concerns[person.id]) if present and not person.left_at else [],
            }
        )
    return result


def phone_rows(opened: Session, people: Iterable[Person]) -> list[dict[str, object]]:
    """Return each person's telephones."""
    viewer = session.viewer()
    return [
        {
            "id": person.id,
            "name": person.name,
            "methods": _methods(opened, viewer, person),
        }
        for person in _loaded(opened, people)
    ]


def facts(opened: Session, viewer: Viewer, person: Person, form: Form) -> dict[str, object]:
    """Return everything about somebody, and fill the form with what is stored."""
    for name, value in (
        ("name", person.name),
        ("sign_in", person.sign_in or ""),
        ("language", person.language),
        ("gender", person.gender),
    ):
        form.values.setdefault(name, value)
    teams = [one.team_id for one in person.memberships]
    team_names = _names(opened, Team)
    concerns = readiness.concerns(opened, [person.id], today())[person.id]
    return {
        "person": person,
        "employer": opened.get_one(Organisation, person.organisation_id).name,
        "one": {"concerns": worded(concerns) if teams else []},
        "held": _held(opened, person),
        "memberships": [(one, team_names[one.team_id]) for one in person.memberships],
        "certificates": _certificates(opened, person),
        "methods": _methods(opened, viewer, person),
        "spoken": [(code, _language(code)) for code in SPOKEN],
        "may": {
            "change": viewer.may_person(Right.PEOPLE_CHANGE, person.organisation_id, teams),
            "phones": viewer.may_person(Right.PHONES_CHANGE, person.organisation_id, teams),
            "administer": viewer.may_person(Right.ADMINISTER, person.organisation_id, teams),
        },
        "choices": {
            **choices(opened, viewer),
            "line": [("", gettext("their own")), *lines_of(opened, person)],
        },
    }


def worded(concerns: Iterable[Concern]) -> list[dict[str, object]]:
    """Say what may go wrong with somebody, in the viewer's language."""
    return [
        {
            "text": gettext(
                _CONCERNS[concern.kind],
                qualification=_called(concern.qualification) if concern.qualification else "",
                on=format_date(concern.on, "d MMM y") if concern.on else "",
                days=concern.days,
            ),
            "urgent": concern.urgent,
        }
        for concern in concerns
    ]


def unreached(opened: Session, person_ids: Collection[int]) -> dict[int, str]:
    """Return why texts or calls would not reach people, of those whom they would not."""
    found = readiness.concerns(opened, person_ids, today())
    kept = {one: [held for held in its if held.kind in _UNREACHED] for one, its in found.items()}
    said = {one: worded(its) for one, its in kept.items() if its}
    return {one: "; ".join(str(line["text"]) for line in lines) for one, lines in said.items()}


def qualifications_offered(opened: Session) -> dict[int, str]:
    """Return every training that counts, by id."""
    return {row.id: _called(row) for row in opened.scalars(sa.select(Qualification))}


def lines_of(opened: Session, person: Person) -> list[tuple[int, str]]:
    """Return the lines of somebody's teams, to say whose telephone is passed on with turns."""
    teams = [one.team_id for one in person.memberships if _is_present(one.until_on)]
    query = sa.select(Line.id, Team.name, Line.name).join(Team, Team.id == Line.team_id)
    query = query.where(Line.team_id.in_(teams)).order_by(Team.name, Line.position)
    return [(row.id, f"{row[1]}: {row[2]}") for row in opened.execute(query)]


def organisation_choices(opened: Session, offered: Collection[int]) -> list[tuple[int, str]]:
    """Return organisations to choose from."""
    names = _names(opened, Organisation)
    return sorted(((one, names[one]) for one in offered), key=lambda choice: choice[1])


def choices(opened: Session, viewer: Viewer) -> dict[str, Sequence[tuple[object, str]]]:
    """Return what the fields of a person's screen offer."""
    teams = _names(opened, Team)
    organisations = organisation_choices(opened, viewer.organisations(Right.ADMINISTER))
    mine = sorted(viewer.teams(Right.ADMINISTER), key=lambda team_id: teams[team_id])
    return {
        "role": [(role.value, gettext(word)) for role, word in ROLES.items()],
        "place": [(f"organisation:{one}", name) for one, name in organisations]
        + [(f"team:{one}", teams[one]) for one in mine],
        "team": [(one, teams[one]) for one in mine],
        "qualification": sorted(
            qualifications_offered(opened).items(), key=lambda choice: choice[1]
        ),
        # A browser is added by itself.
        "kind": [
            (kind.value, gettext(word))
            for kind, word in _METHODS.items()
            if kind is not MethodKind.PUSH
        ],
        "language": [(code, _language(code)) for code in session.parts().settings.centre.languages],
        "gender": [("", gettext("not said")), ("woman", gettext("woman")), ("man", gettext("man"))],
    }


def _loaded(opened: Session, people: Iterable[Person]) -> list[Person]:
    """Return the same people with what hangs on them, in one query for each kind."""
    found = list(people)
    opened.scalars(
        sa.select(Person)
        .where(Person.id.in_([person.id for person in found]))
        .options(orm.selectinload(Person.memberships), orm.selectinload(Person.roles))
    ).all()
    return found


def _names(opened: Session, table: type[Team] | type[Organisation]) -> dict[int, str]:
    return {row.id: row.name for row in opened.execute(sa.select(table.id, table.name))}


def _is_present(until_on: date | None) -> bool:
    return until_on is None or until_on >= today()


def _roles(person: Person) -> list[Role]:
    return sorted({held.role for held in person.roles}, key=list(Role).index)


def _held(opened: Session, person: Person) -> list[dict[str, object]]:
    teams, organisations = _names(opened, Team), _names(opened, Organisation)
    return [
        {
            "row": one.id,
            "role": gettext(ROLES[one.role]),
            "place": teams.get(one.team_id or 0) or organisations.get(one.organisation_id or 0, ""),
        }
        for one in person.roles
    ]


def _certificates(opened: Session, person: Person) -> list[dict[str, object]]:
    names = qualifications_offered(opened)
    return [
        {
            "row": one.id,
            "name": names[one.qualification_id],
            "issued_on": one.issued_on,
            "expires_on": one.expires_on,
            "standing": gettext(_STANDINGS[qualifications.standing_of(one, today()).reason]),
            "valid": qualifications.valid_on(one, today()),
            "revoked": one.revoked_on is not None,
        }
        for one in sorted(person.certificates, key=lambda one: one.issued_on, reverse=True)
    ]


def _methods(opened: Session, viewer: Viewer, person: Person) -> list[dict[str, object]]:
    teams = [one.team_id for one in person.memberships]
    in_full = viewer.may_person(Right.PHONES_READ, person.organisation_id, teams)
    return [_method(opened, method, in_full) for method in phones.methods(opened, person)]


def _method(opened: Session, method: ContactMethod, in_full: bool) -> dict[str, object]:
    return {
        "row": method.id,
        "kind": gettext(_METHODS[method.kind]),
        "address": address(opened, method, in_full=in_full),
        "line": line_named(opened, method),
        "verified_at": method.verified_at,
        "blocked_at": method.blocked_at,
        "unusable_at": method.unusable_at,
        "reached_at": method.reached_at,
    }


def line_named(opened: Session, method: ContactMethod) -> str:
    """Return the line that a telephone belongs to; empty for somebody's own."""
    line = opened.get(Line, method.line_id) if method.line_id is not None else None
    return line.name if line is not None else ""


def address(opened: Session, method: ContactMethod, *, in_full: bool = True) -> str:
    """Return an address as people read it; of one that cannot be read, what is to be done."""
    found = phones.open_address(opened, method)
    if found is None:
        return str(gettext("could not be read: enter it again"))
    return phones.shown(method.kind, found, in_full=in_full)


def _called(qualification: Qualification) -> str:
    locale = get_locale()
    names = qualification.names
    own = names.get(locale.language) if locale else None
    return str(own or names.get("en") or qualification.key)


def _language(code: str) -> str:
    return str(Locale.parse(code).get_display_name(get_locale()))
