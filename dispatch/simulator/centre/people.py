"""The fourteen people of the demonstration: names, phones, trainings, roles.

Days are counted from the day the centre is filled, so that whoever starts the demonstration always
meets one training that has ended and one that is about to. Swedish numbers are of the range that
its regulator keeps free for fiction; Belgium keeps none, and the demonstration's supplier is
simulated, so no text ever leaves the machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.people import accounts, phones, staff
from dispatch.people.models import MethodKind, Organisation, Person, Qualification, Role, Team
from dispatch.sections import Demo

#: Issued so many days ago, ends in so many days; None: never.
Days = tuple[int, int | None]

_SUPPORT: Mapping[str, Days] = {"victim_support": (2100, None)}
_DEATHS: Mapping[str, Days] = {**_SUPPORT, "bad_news": (700, 760)}
_ALL: Mapping[str, Days] = {**_DEATHS, "sexual_offences": (400, 695)}
_SOCIAL: Mapping[str, Days] = {"social_on_call": (1500, None)}


@dataclass(frozen=True)
class Member:
    """Somebody, as invented."""

    name: str
    language: str
    gender: str
    mobile: str
    holds: Mapping[str, Days] = field(default_factory=dict)
    """Qualifications by key."""
    landline: str = ""
    languages: tuple[str, ...] = ()
    employer: str = "dender"

    @property
    def first_name(self) -> str:
        """What the tables of turns and roles call them."""
        return self.name.partition(" ")[0]


#: In the order in which they take turns.
VICTIM_SUPPORT = (
    Member("An Peeters", "nl", "woman", "+32460200211", _ALL, "+3253555011", ("fr", "en")),
    Member("Bert Maes", "nl", "man", "+32460200212", _ALL, "+3253555012", ("en",)),
    Member("Chloé Dubois", "fr", "woman", "+32460200213", _ALL, "+3254555013", ("nl",)),
    Member(
        "Gilles Lambert",
        "fr",
        "man",
        "+32460200214",
        {**_DEATHS, "sexual_offences": (1104, -9)},
        employer="molenland",
    ),
    Member("Elin Sjöberg", "sv", "woman", "+46701740605", _SUPPORT, employer="molenland"),
    Member(
        "Nils Åkesson",
        "sv",
        "man",
        "+46701740606",
        {**_SUPPORT, "bad_news": (1079, 16)},
        languages=("en", "nl"),
    ),
    Member("Petra Willems", "en", "woman", "+32460200217", _ALL, "+3253555017", ("nl", "fr")),
)
SOCIAL_ON_CALL = (
    Member("Ingrid Söderlund", "sv", "woman", "+46701740607", _SOCIAL, "+3253555020", ("nl",)),
    Member("Jonas Van Damme", "nl", "man", "+32460200221", _SOCIAL),
    Member("Luc Moreau", "fr", "man", "+32460200222", _SOCIAL, "+3253555022", ("nl",)),
    Member("Maud Lefèvre", "fr", "woman", "+32460200223", {**_SOCIAL, "bad_news": (300, 430)}),
)
#: They sign in at a desk. In English, so that any newcomer can read the demonstration's screens.
DESK = (
    Member("Dirk De Smet", "en", "man", "+32460200231", languages=("nl", "fr")),
    Member("Ada Verhaeghe", "en", "woman", "+32460200232", languages=("nl",)),
    Member("Lars Holmgren", "en", "man", "+46701740608", languages=("sv", "nl")),
)
EVERYBODY = (*VICTIM_SUPPORT, *SOCIAL_ON_CALL, *DESK)

_IN_ORGANISATIONS = {
    "Dirk": Role.DISPATCHER,
    "Ada": Role.ADMINISTRATOR,
    "Lars": Role.PRIVACY_OFFICER,
}


def add(
    session: Session,
    organisations: Mapping[str, Organisation],
    demo: Demo,
    actor: Actor,
    began: datetime,
    now: datetime,
) -> dict[str, Person]:
    """Add everybody, as of `began`, able to sign in; return them by first name."""
    password = accounts.hashed(demo.password)
    qualifications = {row.key: row for row in session.scalars(sa.select(Qualification))}
    today = now.astimezone(ZoneInfo(organisations["dender"].time_zone)).date()
    people = {}
    for member in EVERYBODY:
        person = staff.add_person(
            session,
            organisations[member.employer],
            member.name,
            actor=actor,
            now=began,
            sign_in=sign_in_of(member, demo),
            language=member.language,
            gender=member.gender,
            languages=member.languages,
        )
        accounts.set_password(session, person, password, actor, began)
        for kind, number in (("mobile", member.mobile), ("landline", member.landline)):
            if number:
                method = phones.add_method(session, person, MethodKind(kind), number, actor, began)
                phones.verify(session, method, actor, began)
        for key, (issued, ends) in member.holds.items():
            issued_on = today - timedelta(days=issued)
            expires_on = None if ends is None else today + timedelta(days=ends)
            chosen = qualifications[key].id
            staff.certify(session, person, chosen, issued_on, expires_on, actor, began)
        people[member.first_name] = person
    return people


def present(session: Session, demo: Demo) -> dict[str, Person]:
    """Return by first name those of the fourteen who are still known and have not left."""
    names = {sign_in_of(member, demo): member.first_name for member in EVERYBODY}
    query = sa.select(Person).where(Person.sign_in.in_(names), Person.left_at.is_(None))
    return {names[str(person.sign_in)]: person for person in session.scalars(query)}


def sign_in_of(member: Member, demo: Demo) -> str:
    """Return the name somebody signs in with: the published one, or one like it."""
    published = {
        "An": demo.calendar_person,
        "Dirk": demo.dispatcher,
        "Petra": demo.planner,
        "Ada": demo.administrator,
    }
    domain = demo.calendar_person.partition("@")[2]
    plain = member.first_name.lower().replace("é", "e")
    return published.get(member.first_name) or f"{plain}@{domain}"


def place(
    session: Session,
    people: Mapping[str, Person],
    organisations: Mapping[str, Organisation],
    teams: Mapping[str, Team],
    actor: Actor,
    began: datetime,
) -> None:
    """Give everybody their teams and roles."""
    first_on = began.date()
    pools = {"victim-support": VICTIM_SUPPORT, "social-on-call": SOCIAL_ON_CALL}
    for key, members in pools.items():
        for member in members:
            person = people[member.first_name]
            staff.join(session, person, teams[key], first_on, None, actor, began)
            staff.grant(session, person, Role.RESPONDER, actor, began, team=teams[key])
        staff.grant(session, people["Petra"], Role.PLANNER, actor, began, team=teams[key])
    for name, role in _IN_ORGANISATIONS.items():
        for organisation in organisations.values():
            staff.grant(session, people[name], role, actor, began, organisation=organisation)
