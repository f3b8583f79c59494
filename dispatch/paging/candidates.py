"""Who comes into question, judged at the moment of paging.

Gathers what the rota, the certificates, the phones and the case say right now and hands it to
`ranking`, which decides. Nothing is remembered between two steps: a turn that changed hands a
minute ago counts.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.incidents.models import Want
from dispatch.paging import ranking
from dispatch.paging.circumstances import Case
from dispatch.paging.models import NobodyOnDuty, Target
from dispatch.paging.policy import Step
from dispatch.paging.ranking import Candidate, Circumstances, Judged
from dispatch.people import phones, qualifications
from dispatch.people.models import Person, Qualification, Team
from dispatch.people.phones import Method
from dispatch.rota import absences, duty

SMS, CALL = "sms", "call"
#: The key of a team's line on which people learn: told once somebody goes, and never called.
SHADOW = "shadow"
_INSTANT = timedelta(microseconds=1)
#: Something that arrived so long ago says nothing of today.
_LATELY = timedelta(days=90)
#: Whoever is on the nobody-on-duty list comes after whoever is on duty.
_LISTED = 1000


@dataclass(frozen=True)
class Prospect:
    """Somebody who may be paged, before certificates and phones are looked at."""

    person_id: int
    name: str
    reason: Mapping[str, Any]
    last_resort: bool = False
    chosen: bool = False
    """By a dispatcher, or because nobody else is left: leave does not count."""
    place: int = 0
    """The rota's order."""


@dataclass(frozen=True)
class Asked:
    """What has come of a callout until now, as far as it says whom to ask next."""

    people: frozenset[int] = frozenset()
    """Who was paged already."""
    gave_way: frozenset[int] = frozenset()
    """Who was passed over for a colleague of the next line, and comes with that line's step."""


class Moment:
    """What is true for one want right now, looked up once and only when asked for."""

    def __init__(
        self, session: Session, want: Want, now: datetime, address: str | None = None
    ) -> None:
        self.session, self.want, self.now, self.address = session, want, now, address
        self._case = Case(session, want, now, address)
        self._stand_ins: bool | None = None
        self._methods: dict[int, Sequence[Method]] = {}
        self.unreadable: dict[int, str] = {}
        """Who has an address that could not be read, as far as anybody was looked at."""
        self._duties: dict[int, duty.Duty] = {}

    @property
    def present(self) -> duty.Duty:
        """Who is on duty in the wanted team."""
        return self._duty(self.want.team)

    @property
    def served(self) -> bool:
        """Whether anybody is on duty who can be called; whoever learns does not count."""
        return any(turn.line_key != SHADOW for turn in self.present.turns)

    def _duty(self, team: Team) -> duty.Duty:
        if team.id not in self._duties:
            self._duties[team.id] = duty.on_duty(self.session, team, self.now)
        return self._duties[team.id]

    @property
    def duty_until(self) -> datetime | None:
        """When somebody next comes on duty in a team that was looked at, if any was."""
        changes = [found.changes_at for found in self._duties.values()]
        return min((at for at in changes if at is not None), default=None)

    @property
    def gaps(self) -> list[duty.Gap]:
        """The lines that nobody is on."""
        return [line for line in self.present.lines if isinstance(line, duty.Gap)]

    def methods(self, person_ids: Collection[int]) -> Mapping[int, Sequence[Method]]:
        """Return how each person can be reached, in order."""
        missing = [person_id for person_id in person_ids if person_id not in self._methods]
        if missing:
            for person_id, found in phones.reachable(self.session, missing).items():
                self._methods[person_id] = [one for one in found if self._opens(one)]
        return self._methods

    def _opens(self, method: Method) -> bool:
        opens = phones.open_address(self.session, method) is not None
        if not opens:
            self.unreadable[method.person.id] = method.person.name
        return opens

    def for_step(self, step: Step, asked: Asked = Asked()) -> tuple[Judged, ...]:
        """Return whom a step adds, judged, the right person first."""
        found = self._judged(self._prospects(step, asked))
        if step.target is Target.EVERYONE:
            found = tuple(one for one in found if one.fit or _is_told(one))
        elif step.target is Target.PRIMARY and any(_gives_way(one) for one in found):
            found = ranking.give_way(found, self._not_asked(asked))
        return found

    def _not_asked(self, asked: Asked) -> tuple[Judged, ...]:
        """Return the backups who could still come first."""
        turns = [turn for turn in self._turns(Target.BACKUP) if turn.person_id not in asked.people]
        return self._judged(turns)

    def nobody_on_duty(self) -> tuple[Judged, ...]:
        """Return the team's nobody-on-duty list: paged even when not trained for this."""
        return self._judged(self._nobody_list())

    def although_away(self, people: Iterable[Person]) -> tuple[Judged, ...]:
        """Judge people as if they were not away."""
        reason = {"kind": "although_away"}
        return self._judged([Prospect(one.id, one.name, reason, chosen=True) for one in people])

    def by_hand(self, person: Person, by: str) -> Judged:
        """Return one person whom a dispatcher chose, whatever the training."""
        reason = {"kind": "by_hand", "by": by}
        return self._judged([Prospect(person.id, person.name, reason, True, chosen=True)])[0]

    def ranked(self) -> tuple[Judged, ...]:
        """Return everybody of the team to choose from, the right person first."""
        turns = _of_turns(self.present.turns)
        ids = {prospect.person_id for prospect in turns}
        members = qualifications.members(
            self.session, self.want.team, _today(self.want.team, self.now)
        )
        beside = [
            Prospect(person_id, name, {"kind": "member"}, place=len(turns))
            for person_id, name in members
            if person_id not in ids
        ]
        return self._judged([*turns, *beside])

    def best(self, refused: Collection[int]) -> Judged | None:
        """Return the best there is when nobody fit is left: on duty, or on the list."""
        everybody = [*_of_turns(self.present.turns), *self._nobody_list()]
        left = [prospect for prospect in everybody if prospect.person_id not in refused]
        return ranking.best_there_is(self._judged(left))

    def _prospects(self, step: Step, asked: Asked) -> list[Prospect]:
        if step.target is Target.PRIMARY:
            return self._turns(step.target)
        if step.target is Target.BACKUP:
            later = [one for one in self._turns(Target.PRIMARY) if one.person_id in asked.gave_way]
            return [*self._turns(step.target), *later]
        if step.target is Target.EVERYONE:
            return self._everyone()
        if step.target is Target.NOBODY_LIST:
            return self._nobody_list()
        if step.target is Target.TEAM and step.team_id is not None:
            other = self.session.get_one(Team, step.team_id)
            turns = self._duty(other).turns
            reason = {"kind": "team", "team": other.name}
            return [
                Prospect(turn.person_id, turn.person_name, reason, place=place)
                for place, turn in enumerate(turns)
            ]
        if step.target is Target.PERSON and step.person_id is not None:
            person = self.session.get_one(Person, step.person_id)
            return [Prospect(person.id, person.name, {"kind": "named"}, last_resort=True)]
        return []

    def _turns(self, target: Target) -> list[Prospect]:
        """Return who is on the line of a step."""
        return _of_turns([turn for turn in self.present.turns if turn.line_key == target])

    def _everyone(self) -> list[Prospect]:
        """Everybody in the team, as far as they may be trained for this."""
        members = qualifications.members(
            self.session, self.want.team, _today(self.want.team, self.now)
        )
        found = self._standing([person_id for person_id, _ in members])
        all_of_them = not found or self.want.substitute_id is not None
        return [
            Prospect(person_id, name, {"kind": "everyone"})
            for person_id, name in members
            if all_of_them or found[person_id].valid
        ]

    def _nobody_list(self) -> list[Prospect]:
        query = (
            sa.select(Person.id, Person.name)
            .join(NobodyOnDuty, NobodyOnDuty.person_id == Person.id)
            .where(NobodyOnDuty.team_id == self.want.team_id, Person.left_at.is_(None))
            .order_by(NobodyOnDuty.position)
        )
        return [
            Prospect(row.id, row.name, {"kind": "nobody_list"}, last_resort=True, place=place)
            for place, row in enumerate(self.session.execute(query), _LISTED)
        ]

    def _standing(self, person_ids: Sequence[int]) -> Mapping[int, qualifications.Standing]:
        """How each stands with what is wanted; nothing when no training is."""
        return self._stand(person_ids, self.want.qualification_id)

    def _stand(
        self, person_ids: Sequence[int], qualification_id: int | None
    ) -> Mapping[int, qualifications.Standing]:
        if qualification_id is None:
            return {}
        day = _today(self.want.team, self.now)
        return qualifications.standing(self.session, person_ids, qualification_id, day)

    def _judged(self, prospects: Sequence[Prospect]) -> tuple[Judged, ...]:
        """Judge people; what serves instead counts while nobody on duty has what is wanted."""
        found = self._candidates(prospects)
        serve = any(one.stands_in is not None for one in found) and self._nobody_holds()
        return ranking.rank(found, stand_ins=serve)

    def _nobody_holds(self) -> bool:
        if self._stand_ins is None:
            present = self._candidates(_of_turns(self.present.turns))
            self._stand_ins = not any(ranking.could_come(one) for one in present)
        return self._stand_ins

    def _candidates(self, prospects: Sequence[Prospect]) -> list[Candidate]:
        if not prospects:
            return []
        ids = [prospect.person_id for prospect in prospects]
        methods, standing = self.methods(ids), self._standing(ids)
        names = self.want.qualification.names if self.want.qualification else {}
        without = [person_id for person_id in ids if not channels_of(methods[person_id])]
        broken = phones.out_of_order(self.session, without) if without else set()
        away = _away(self.session, self.want.team, ids, self.now)
        known = self._circumstances(ids)
        instead = self._instead(standing)
        return [
            Candidate(
                person_id=prospect.person_id,
                name=prospect.name,
                reason=_reason(prospect, standing, names),
                channels=channels_of(methods[prospect.person_id]),
                methods=methods[prospect.person_id],
                shortfall=_shortfall(standing.get(prospect.person_id), names),
                stands_in=instead.get(prospect.person_id),
                unreachable=self._unreachable(prospect.person_id, broken),
                away=None if prospect.chosen else away.get(prospect.person_id),
                last_resort=prospect.last_resort,
                place=prospect.place,
                reached=_reached(methods[prospect.person_id], self.now),
                circumstances=known[prospect.person_id],
            )
            for prospect in prospects
        ]

    def _circumstances(self, person_ids: Sequence[int]) -> dict[int, Circumstances]:
        """Return what speaks for or against each; who has no telephone is not looked at closely."""
        people = {one: self._methods[one][0].person for one in person_ids if self._methods[one]}
        found = self._case.of(people)
        for person_id in person_ids:
            if person_id not in found:
                found[person_id] = Circumstances(barred=self._case.barred(person_id))
        return found

    def _instead(
        self, standing: Mapping[int, qualifications.Standing]
    ) -> Mapping[int, Mapping[str, Any]]:
        """Return what serves instead of what is wanted, by who holds it and lacks the other."""
        lacking = [person_id for person_id, found in standing.items() if not found.valid]
        if self.want.substitute is None or not lacking:
            return {}
        names, instead = self.want.substitute.names, self._stand(lacking, self.want.substitute_id)
        return {person_id: names for person_id in lacking if instead[person_id].valid}

    def _unreachable(self, person_id: int, broken: Collection[int]) -> dict[str, Any] | None:
        if person_id in self.unreadable:
            return {"kind": "unreadable"}
        return {"kind": "unusable"} if person_id in broken else None


def _away(
    session: Session, team: Team, person_ids: Collection[int], now: datetime
) -> dict[int, Mapping[str, Any]]:
    """Return until when people are away; why is theirs and is not told."""
    found: dict[int, Mapping[str, Any]] = {}
    for absence in absences.standing(session, person_ids, now, now + _INSTANT):
        said = {"kind": "away"}
        if absence.ends_at is not None:
            said = {"kind": "away_until", "on": _today(team, absence.ends_at).isoformat()}
        found[absence.person_id] = said
    return found


def _of_turns(turns: Sequence[duty.Turn]) -> list[Prospect]:
    """Who comes along to learn is called for nothing."""
    return [_of_turn(turn, place) for place, turn in enumerate(turns) if turn.line_key != SHADOW]


def _of_turn(turn: duty.Turn, place: int) -> Prospect:
    kind = turn.line_key if turn.line_key in ("primary", "backup") else "on_line"
    reason = {"kind": kind, "line": turn.line_name, "until": turn.until_at.isoformat()}
    covering = {"covering": turn.covers} if turn.covers else {}
    return Prospect(turn.person_id, turn.person_name, reason | covering, place=place)


def _is_told(judged: Judged) -> bool:
    """Of a whole team only those are named whom one would expect to be paged."""
    return judged.candidate.shortfall is None and judged.reason["kind"] != "not_as_wished"


def _gives_way(judged: Judged) -> bool:
    return judged.fit and ranking.is_burdened(judged.candidate)


def _reached(methods: Sequence[Method], now: datetime) -> bool:
    since = now - _LATELY
    return any(one.reached_at is not None and one.reached_at > since for one in methods)


def _reason(
    prospect: Prospect,
    standing: Mapping[int, qualifications.Standing],
    qualification: Mapping[str, Any],
) -> dict[str, Any]:
    held = standing.get(prospect.person_id)
    holds = {"holds": qualification} if held is not None and held.valid else {}
    return {**prospect.reason, **holds}


def _shortfall(
    standing: qualifications.Standing | None, qualification: Mapping[str, Any]
) -> dict[str, Any] | None:
    if standing is None or standing.valid:
        return None
    on = {"on": standing.on.isoformat()} if standing.on else {}
    return {"kind": standing.reason.value, "qualification": qualification, **on}


def lacking(
    session: Session, qualification_id: int, team: Team, person_id: int, now: datetime
) -> Mapping[str, Any] | None:
    """Return the names of the qualification if this person does not hold it today."""
    day = _today(team, now)
    if qualifications.standing(session, [person_id], qualification_id, day)[person_id].valid:
        return None
    return session.get_one(Qualification, qualification_id).names


def channels_of(methods: Sequence[Method]) -> frozenset[str]:
    """Return by which channels these methods wake somebody: a mail or a notice may be unseen."""
    channels = {SMS for method in methods if method.texts}
    channels |= {CALL for method in methods if method.kind.is_telephone}
    return frozenset(channels)


def _today(team: Team, now: datetime) -> date:
    return now.astimezone(ZoneInfo(team.time_zone)).date()
