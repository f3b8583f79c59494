"""Who is on duty now, as screens show it: name, why, until when, who is next, what may go wrong.

Made from the rows at every look. Outside a team's hours an empty line is no gap: then the team is
closed, and whom to ring instead is said. Numbers are given to those who may ring them. Which teams
are shown is decided by the viewer's rights; the look is in the templates. Somebody whose absence
stands, now or in a turn to come, is nobody here too: no alert pages them. Why is not told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from flask_babel import format_date, format_datetime, gettext

from dispatch.db import Session
from dispatch.people import phones, readiness
from dispatch.people.access import Right
from dispatch.people.hours import expected, expected_windows
from dispatch.people.models import TELEPHONES, ContactMethod, Person, Team
from dispatch.rota import attendance, rights
from dispatch.rota.duty import (
    Gap,
    Stretch,
    Turn,
    duty_between,
    gaps_among,
)
from dispatch.texts import N_
from dispatch.web import people as shown
from dispatch.web import session
from dispatch.web.checks import Duty

#: How far ahead a line that becomes empty is worth a warning.
AHEAD = timedelta(days=7)
_WARNINGS = 3

WHY_NOBODY = {
    "nobody": N_("Nobody is planned."),
    "left": N_("%(name)s is planned but has left."),
    "not_member": N_("%(name)s is planned but is no member of the team then."),
    "away": N_("%(name)s is planned but is away."),
}


def teams_on_duty(opened: Session, now: datetime) -> list[dict[str, Any]]:
    """Return every team that the viewer may see, with who is on each of its lines."""
    visible = session.viewer().teams(Right.ROTA_READ)
    teams = opened.scalars(sa.select(Team).where(Team.id.in_(visible)).order_by(Team.name)).all()
    found = {team.id: _lines(opened, team, now) for team in teams}
    held = [line.held for lines in found.values() for line in lines]
    ids = [one.person_id for one in held if isinstance(one, Turn)]
    people = _People(opened, ids, Duty(opened, teams, now))
    return [_team(team, found[team.id], people, now) for team in teams]


def name_of(turn: Turn) -> str:
    """Name a stretch of duty, for a form and for a link that chooses it."""
    return f"{turn.shift_uid}|{turn.from_at.isoformat()}"


def why_nobody(gap: Gap) -> str:
    """Say why nobody is on a line."""
    return str(gettext(WHY_NOBODY[gap.kind], name=gap.absent))


@dataclass(frozen=True)
class _Line:
    """A line from now on: what the rota says of this instant, and who will really come."""

    planned: Stretch
    ahead: Sequence[Stretch]

    @property
    def held(self) -> Stretch:
        """Return who is there now, or that nobody is."""
        return self.ahead[0]


def _lines(opened: Session, team: Team, now: datetime) -> list[_Line]:
    planned = duty_between(opened, team, now, now + AHEAD)
    first = {stretch.line_id: stretch for stretch in reversed(planned)}
    coming = [one for one in attendance.attended(opened, planned) if _lasts(one, now)]
    return [
        _Line(first[line_id], list(ahead))
        for line_id, ahead in groupby(coming, key=lambda one: one.line_id)
    ]


def _lasts(stretch: Stretch, now: datetime) -> bool:
    return stretch.until_at is None or stretch.until_at > now


def _team(team: Team, lines: list[_Line], people: "_People", now: datetime) -> dict[str, Any]:
    wanted = expected(team, now)
    here = [line.held for line in lines if isinstance(line.held, Turn)]
    seats = [_seat(team, line, people) for line in lines if wanted or line.held in here]
    opens = next((begin for begin, _ in expected_windows(team, now, now + AHEAD)), None)
    ahead = [stretch for line in lines for stretch in line.ahead]
    return {
        "key": team.key,
        "name": team.name,
        "seats": seats,
        "warnings": [*_doubled(here), *_empty(gaps_among(ahead, team, now, now + AHEAD), now)],
        "closed": None if wanted else {"until": opens, "contact": team.day_contact},
    }


def _seat(team: Team, line: _Line, people: "_People") -> dict[str, Any]:
    held, following = line.held, next((o for o in line.ahead[1:] if isinstance(o, Turn)), None)
    may_hand_over = rights.may_take_over_for(session.viewer(), team)
    turn = line.planned if isinstance(line.planned, Turn) and may_hand_over else None
    seat: dict[str, Any] = {
        "line": held.line_name,
        "person": None,
        "phone": None,
        "until": held.until_at,
        "covering": None,
        "next": {"name": following.person_name, "at": following.from_at} if following else None,
        "readiness": [],
        "gap": None,
        "since": held.from_at,
        "turn": name_of(turn) if turn is not None else None,
        "checks": people.checks.of(team, held),
    }
    if isinstance(held, Gap):
        return seat | {"gap": _why_now(held, line.planned)}
    after = line.ahead[1] if len(line.ahead) > 1 else None
    ends_empty = isinstance(after, Gap) and expected(team, held.until_at)
    return seat | {
        "person": {"id": held.person_id, "name": held.person_name},
        "phone": people.phone(held.person_id, team),
        "covering": held.covers,
        "readiness": people.readiness(held.person_id),
        "gap": _why_then(after) if isinstance(after, Gap) and ends_empty else None,
    }


def _why_now(gap: Gap, planned: Stretch) -> str:
    """Say why nobody is on a line, and until when, where somebody comes back in time for it."""
    if gap.kind != "away" or gap.until_at is None or gap.until_at == planned.until_at:
        return why_nobody(gap)
    end = format_datetime(gap.until_at, "EEE d MMM HH:mm")
    told = gettext("%(name)s is planned but is away until %(end)s.", name=gap.absent, end=end)
    return str(told)


def _why_then(gap: Gap) -> str:
    if gap.kind == "away":
        return str(gettext("Nobody after that: %(name)s is away.", name=gap.absent))
    return str(gettext("Nobody is planned after that."))


def _doubled(turns: Sequence[Turn]) -> list[str]:
    """Say who is on several lines at once: whoever is backup to themselves has none."""
    held: dict[int, list[Turn]] = {}
    for turn in turns:
        held.setdefault(turn.person_id, []).append(turn)
    return [
        gettext(
            "%(name)s is on %(lines)s at once",
            name=mine[0].person_name,
            lines=", ".join(turn.line_name for turn in mine),
        )
        for mine in held.values()
        if len(mine) > 1
    ]


def _empty(found: Sequence[Gap], now: datetime) -> list[str]:
    """Say which lines become empty; what is empty already stands at its seat."""
    coming = [gap for gap in found if gap.from_at is not None and gap.from_at > now]
    said = [_coming(gap) for gap in coming[:_WARNINGS]]
    if len(coming) > _WARNINGS:
        said.append(gettext("%(count)s more times this week", count=len(coming) - _WARNINGS))
    return said


def _coming(gap: Gap) -> str:
    begin, end = (format_datetime(at, "EEE d MMM HH:mm") for at in (gap.from_at, gap.until_at))
    facts = {"line": gap.line_name, "begin": begin, "end": end}
    if gap.kind == "away":
        told = gettext(
            "%(line)s: nobody from %(begin)s to %(end)s, %(name)s is away", name=gap.absent, **facts
        )
        return str(told)
    return str(gettext("%(line)s: nobody from %(begin)s to %(end)s", **facts))


class _People:
    """What is known of those on duty, loaded at once for all teams."""

    def __init__(self, opened: Session, ids: Sequence[int], checks: Duty) -> None:
        self._opened, self.checks = opened, checks
        self._concerns = readiness.concerns(opened, ids, shown.today())
        self._usable = phones.reachable(opened, ids)
        employers = sa.select(Person.id, Person.organisation_id).where(Person.id.in_(ids))
        self._employers = {row.id: row.organisation_id for row in opened.execute(employers)}
        reached = (
            sa.select(ContactMethod.person_id, sa.func.max(ContactMethod.reached_at).label("at"))
            .where(ContactMethod.person_id.in_(ids), ContactMethod.kind.in_(TELEPHONES))
            .group_by(ContactMethod.person_id)
        )
        self._reached = {row.person_id: row.at for row in opened.execute(reached)}

    def phone(self, person_id: int, team: Team) -> str | None:
        """Return the number to ring, for those who may."""
        viewer = session.viewer()
        if not viewer.may_person(Right.PHONES_READ, self._employers[person_id], [team.id]):
            return None
        for method in self._usable[person_id]:
            address = (
                phones.open_address(self._opened, method) if method.kind.is_telephone else None
            )
            if address is not None:
                return phones.spaced(address)
        return None

    def readiness(self, person_id: int) -> list[dict[str, str]]:
        """Return what may go wrong, and since when it is known that a text arrives."""
        said = [
            {"state": "bad" if one["urgent"] else "warning", "text": str(one["text"])}
            for one in shown.worded(self._concerns[person_id])
        ]
        reached = self._reached.get(person_id)
        if reached is None:
            text, state = gettext("phone never reached yet"), "warning"
        else:
            text, state = (
                gettext("phone reached %(on)s", on=format_date(reached, "d MMM y")),
                "good",
            )
        return [*said, {"state": state, "text": text}]
