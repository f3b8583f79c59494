"""Who may do what: the only table of roles and rights.

A `Viewer` is what a request knows of who is asking: loaded once, with every right by organisation
and team, and never changed. `may` answers, `require` raises: NotFound where the viewer holds
nothing at all, so that nobody learns what exists in another zone, Refused where a right is missing.
Rights over one incident also come from being assigned to it: `may_read_incident` and `may_open`
decide on what the caller knows of the assignment. Finding out who is asking is left to `accounts`,
and barring a person from one case to `paging.confidentiality`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.errors import NotFound, Refused
from dispatch.people.models import Organisation, Person, Role, RoleGrant, Service, Team
from dispatch.texts import N_


class Right(StrEnum):
    """Something that may be done."""

    INCIDENT_READ = "incident.read"
    INCIDENT_OPEN = "incident.open"
    INCIDENT_HANDLE = "incident.handle"
    NARRATIVE_OPEN = "narrative.open"
    DELIVERY_READ_RAW = "delivery.read_raw"
    BOARD_READ = "board.read"
    ROTA_READ = "rota.read"
    ROTA_CHANGE = "rota.change"
    ROTA_TAKE_OVER = "rota.take_over"
    """Write down for somebody that they have taken over a turn; planners change it anyway."""
    PEOPLE_READ = "people.read"
    PEOPLE_CHANGE = "people.change"
    PHONES_READ = "phones.read"
    PHONES_CHANGE = "phones.change"
    AUDIT_READ = "audit.read"
    PROOF_READ = "proof.read"
    """When who was alerted of an incident, and what came of it; nothing that is sealed."""
    POLICY_READ = "policy.read"
    POLICY_CHANGE = "policy.change"
    SHEET_SEND = "sheet.send"
    """Choose to whom duty sheets go by mail, with everybody's numbers."""
    ADMINISTER = "administer"


#: The permission table. Nobody but this module reads roles.
RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.RESPONDER: frozenset({Right.ROTA_READ}),
    Role.DISPATCHER: frozenset(
        {
            Right.INCIDENT_READ,
            Right.INCIDENT_OPEN,
            Right.INCIDENT_HANDLE,
            Right.NARRATIVE_OPEN,
            Right.DELIVERY_READ_RAW,
            Right.BOARD_READ,
            Right.ROTA_READ,
            Right.ROTA_TAKE_OVER,
            Right.PEOPLE_READ,
            Right.PHONES_READ,
            Right.PROOF_READ,
            Right.POLICY_READ,
        }
    ),
    Role.PLANNER: frozenset(
        {Right.ROTA_READ, Right.ROTA_CHANGE, Right.PEOPLE_READ, Right.POLICY_READ}
    ),
    Role.ADMINISTRATOR: frozenset(
        {
            Right.ROTA_READ,
            Right.PEOPLE_READ,
            Right.PEOPLE_CHANGE,
            Right.PHONES_READ,
            Right.PHONES_CHANGE,
            Right.PROOF_READ,
            Right.POLICY_READ,
            Right.POLICY_CHANGE,
            Right.SHEET_SEND,
            Right.ADMINISTER,
        }
    ),
    Role.PRIVACY_OFFICER: frozenset(
        {
            Right.INCIDENT_READ,
            Right.NARRATIVE_OPEN,
            Right.DELIVERY_READ_RAW,
            Right.PEOPLE_READ,
            Right.AUDIT_READ,
            Right.PROOF_READ,
        }
    ),
}

#: Rights to see people and turns reach across a shared permanence: the dispatcher of one zone sees
#: who is on duty in a team that several zones share, and writes down who rang to say that they have
#: taken over; the planner sees people of all of them.
ACROSS = frozenset({Right.ROTA_READ, Right.ROTA_TAKE_OVER, Right.PEOPLE_READ, Right.PHONES_READ})


@dataclass(frozen=True)
class Grant:
    """A role and where it holds."""

    role: Role
    organisations: frozenset[int]
    teams: frozenset[int]
    across_organisations: frozenset[int] = frozenset()
    """Where only the rights in `ACROSS` hold."""
    across_teams: frozenset[int] = frozenset()

    def reach(self, right: Right) -> tuple[frozenset[int], frozenset[int]]:
        """Return the organisations and teams in which this grant gives `right`."""
        if right not in RIGHTS[self.role]:
            return frozenset(), frozenset()
        if right not in ACROSS:
            return self.organisations, self.teams
        return (
            self.organisations | self.across_organisations,
            self.teams | self.across_teams,
        )


@dataclass(frozen=True)
class Viewer:
    """Who is asking."""

    person_id: int
    name: str
    language: str
    organisation_id: int
    """The employer."""
    time_zone: str
    """The employer's: instants are shown in it."""
    grants: tuple[Grant, ...]

    @property
    def roles(self) -> frozenset[Role]:
        """Every role held anywhere, for showing."""
        return frozenset(grant.role for grant in self.grants)

    def organisations(self, right: Right | str) -> frozenset[int]:
        """Return the organisations in which `right` is held: what lists are filtered by."""
        return frozenset().union(*(grant.reach(Right(right))[0] for grant in self.grants))

    def teams(self, right: Right | str) -> frozenset[int]:
        """Return the teams in which `right` is held."""
        return frozenset().union(*(grant.reach(Right(right))[1] for grant in self.grants))

    def may(
        self,
        right: Right | str,
        organisation_id: int | None = None,
        team_id: int | None = None,
    ) -> bool:
        """Return whether `right` is held there; with neither given, anywhere; with both, in one."""
        organisations, teams = self.organisations(right), self.teams(right)
        if organisation_id is None and team_id is None:
            return bool(organisations or teams)
        return organisation_id in organisations or team_id in teams

    def may_person(
        self, right: Right | str, employer_id: int, team_ids: Iterable[int] = ()
    ) -> bool:
        """Return whether `right` is held over somebody, by the employer or by one of the teams."""
        return self.may(right, employer_id) or not self.teams(right).isdisjoint(team_ids)

    def require(
        self,
        right: Right | str,
        organisation_id: int | None = None,
        team_id: int | None = None,
    ) -> None:
        """Raise Refused without `right`, or NotFound where the viewer holds nothing at all."""
        if self.may(right, organisation_id, team_id):
            return
        if organisation_id is None and team_id is None:
            raise Refused(N_("Your roles do not allow this. Ask an administrator."))
        if any(self.may(other, organisation_id, team_id) for other in Right):
            raise Refused(N_("Your roles do not allow this here. Ask an administrator."))
        raise NotFound(N_("There is no such thing, or it is not yours to see."))


def may_read_incident(viewer: Viewer, organisation_id: int, assigned: bool) -> bool:
    """Return whether an incident of the organisation may be read; `assigned`: going for it."""
    return assigned or viewer.may(Right.INCIDENT_READ, organisation_id)


def may_open(viewer: Viewer, right: Right | str, organisation_id: int, assigned: bool) -> bool:
    """Return whether the narrative may be opened, with a reason; being assigned is one.

    A raw delivery is opened by its named right only: it may hold more than the case needs.
    """
    if assigned and Right(right) is Right.NARRATIVE_OPEN:
        return True
    return viewer.may(right, organisation_id)


def viewer_of(session: Session, person: Person) -> Viewer:
    """Load a person's rights."""
    employer = session.get_one(Organisation, person.organisation_id)
    rows = session.scalars(sa.select(RoleGrant).where(RoleGrant.person_id == person.id)).all()
    grants: tuple[Grant, ...] = ()
    if rows:
        runs, serves = _teams(session)
        grants = tuple(_grant(row, runs, serves) for row in rows)
    return Viewer(person.id, person.name, person.language, employer.id, employer.time_zone, grants)


def with_right(session: Session, right: Right, team: Team) -> list[int]:
    """Return who holds a right over a team, of those who have not left."""
    roles = [role for role, rights in RIGHTS.items() if right in rights]
    here = sa.or_(RoleGrant.team_id == team.id, RoleGrant.organisation_id == team.organisation_id)
    query = (
        sa.select(RoleGrant.person_id)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(RoleGrant.role.in_(roles), here, Person.left_at.is_(None))
    )
    return sorted(set(session.scalars(query)))


def _teams(session: Session) -> tuple[dict[int, int], dict[int, set[int]]]:
    """Return which organisation runs each team, and all that it serves, the own one included."""
    runs: dict[int, int] = {}
    serves: dict[int, set[int]] = {}
    query = sa.select(Team.id, Team.organisation_id, Service.organisation_id).outerjoin(
        Service, Service.team_id == Team.id
    )
    for team_id, runner_id, served_id in session.execute(query):
        runs[team_id] = runner_id
        serves.setdefault(team_id, {runner_id}).add(served_id or runner_id)
    return runs, serves


def _grant(row: RoleGrant, runs: dict[int, int], serves: dict[int, set[int]]) -> Grant:
    """Resolve a row; one that names neither organisation nor team holds nowhere."""
    if row.organisation_id is not None:
        here = row.organisation_id
        own = frozenset(team for team, runner in runs.items() if runner == here)
        serving = frozenset(team for team, served in serves.items() if here in served)
        return Grant(row.role, frozenset({here}), own, across_teams=serving)
    if row.team_id is None:
        return Grant(row.role, frozenset(), frozenset())
    teams = frozenset({row.team_id})
    if row.role is not Role.PLANNER:
        return Grant(row.role, frozenset(), teams)
    served = frozenset(serves.get(row.team_id, ()))
    beside = frozenset(team for team, others in serves.items() if not served.isdisjoint(others))
    return Grant(row.role, frozenset(), teams, served, beside)
