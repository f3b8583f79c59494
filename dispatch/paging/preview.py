"""Who would be paged, why, when and by what, before anything is sent.

Asks the same people the same questions as `callouts` does at the moment of paging, each step at its
own moment, and writes nothing. It supposes that every message arrives and nobody answers. What it
foresees holds for the rota as it is now: that is asked again when the alert is real.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dispatch.db import Session
from dispatch.incidents import handling
from dispatch.incidents.alerts import Alert, AlertType, Place
from dispatch.incidents.handling import Origin
from dispatch.incidents.models import Category, Incident, Want
from dispatch.incidents.wanting import Wanted
from dispatch.paging import plans, policy, ranking, reaching, steps, trainees
from dispatch.paging.candidates import CALL, Asked, Moment
from dispatch.paging.models import Target
from dispatch.paging.policy import Attempt, Plan, Step
from dispatch.paging.ranking import GIVES_WAY, Judged
from dispatch.people.models import Organisation, Person, Qualification, Team

#: Kinds of gaps where somebody is called, but only for want of anybody better.
SHORT = frozenset({"nobody_qualified", "nobody_as_wished", "only_away", "untrained_on_duty"})


@dataclass(frozen=True)
class Draft:
    """An incident that is not there yet, as far as it decides who is called."""

    priority: int
    category: Category | None = None
    place: Place = field(default_factory=Place)
    wishes: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, bool] = field(default_factory=dict)
    barred: Collection[int] = ()
    """Whom a dispatcher does not want called."""

    def incident(self) -> Incident:
        """Return it as a row that is never added to a session: it only carries the questions."""
        return Incident(
            priority=self.priority,
            category_id=self.category.id if self.category else None,
            postcode=self.place.postcode,
            municipality=self.place.municipality,
            wishes=dict(self.wishes),
            flags=dict(self.flags),
            barred={str(person_id): "dispatcher" for person_id in self.barred},
        )


@dataclass(frozen=True)
class Foreseen:
    """Somebody who would be paged or passed over; no name: the control room, which is rung."""

    name: str
    after_seconds: float
    fit: bool
    reason: Mapping[str, Any]
    attempts: tuple[Attempt, ...] = ()
    """By what, and how long after the alert."""
    person_id: int | None = None


@dataclass(frozen=True)
class Gap:
    """What is missing, in a kind and facts of the timeline, and how long after the alert."""

    kind: str
    after_seconds: float
    facts: Mapping[str, Any]


@dataclass
class Preview:
    """What would happen for one team."""

    team: Team
    people: int
    foreseen: list[Foreseen] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    on_duty: bool = True
    closed: bool = False
    """Outside its hours, and another team is wanted too: nobody of it is paged."""
    flag: str = ""
    """What the report says so that they are wanted, if not its kind alone."""
    learners: Sequence[tuple[str, Sequence[str]]] = ()
    """Who is told once somebody goes, each with whom they learn beside; nobody: beside anybody."""
    policy_id: int | None = None
    """Which policy was in force; None: a plan that was handed in."""
    repeat_after_seconds: float = 0
    """When the console sounds for an unanswered call-out, and everybody is tried again."""


def foresee(
    session: Session, wanted: Sequence[Wanted], draft: Draft, now: datetime
) -> list[Preview]:
    """Return whom each wanted team would page, in order of time."""
    found: list[Preview] = []
    for one in wanted:
        # Whoever is closed counts as nobody for those that come after.
        others = len(wanted) - 1 - sum(before.closed for before in found)
        found.append(_of_team(session, one, others > 0, draft, now))
    return found


@dataclass(frozen=True)
class Rehearsal:
    """What would happen for one team, and what the same report sets going beside that."""

    preview: Preview
    begins_at: datetime
    """Nobody is called before: later than the alert where it can wait."""
    also: Sequence[Wanted] = ()
    """The other teams that are called."""
    is_wanted: bool = True
    """Whether a report like this wants the team at all, at that hour."""


def rehearse(
    session: Session, team: Team, draft: Draft, at: datetime, plan: Plan | None = None
) -> Rehearsal:
    """Return what an alert at `at` would lead to in a team, by `plan` or by what is in force."""
    alert = Alert(
        AlertType.ALERT,
        category=draft.category.key if draft.category is not None else None,
        priority=draft.priority,
        wishes=draft.wishes,
        flags=draft.flags,
    )
    home = Origin(session.get_one(Organisation, team.organisation_id), team)
    routing = handling.route(session, alert, home, at)
    begins_at = routing.begins_at or at
    wanted = next((one for one in routing.wants if one.team is team), None)
    also = [one for one in routing.wants if one.team is not team]
    others = wanted is not None and bool(also)
    shown = _of_team(session, wanted or Wanted(team), others, draft, begins_at, plan)
    return Rehearsal(shown, begins_at, also, wanted is not None)


def _of_team(
    session: Session,
    wanted: Wanted,
    others: bool,
    draft: Draft,
    now: datetime,
    plan: Plan | None = None,
) -> Preview:
    qualification_id, substitute_id = wanted.qualification_id, wanted.substitute_id
    want = Want(
        incident=draft.incident(),
        team=wanted.team,
        team_id=wanted.team.id,
        people=wanted.people,
        qualification_id=qualification_id,
        qualification=session.get(Qualification, qualification_id) if qualification_id else None,
        substitute_id=substitute_id,
        substitute=session.get(Qualification, substitute_id) if substitute_id else None,
        side=wanted.side,
    )
    moment = Moment(session, want, now, draft.place.address)
    preview = Preview(
        wanted.team,
        wanted.people,
        on_duty=moment.served,
        flag=wanted.flag,
        learners=trainees.foreseen(session, wanted.team, moment.present.turns, now),
    )
    if not (preview.on_duty or moment.present.expected or wanted.by) and others:
        preview.closed = True
        return preview
    if plan is None:
        preview.policy_id = plans.in_force(session, want, now)
        plan = plans.plan_of(session, preview.policy_id, now)
    _Walk(preview, moment, plan).whole()
    return preview


class _Walk:
    """Goes through the steps: while too few are being paged, the next one is taken at once."""

    def __init__(self, preview: Preview, moment: Moment, plan: Plan) -> None:
        self._preview, self._first, self._plan = preview, moment, plan
        self._seen: set[int] = set()

    def whole(self) -> None:
        """Add all that is foreseen."""
        usual = policy.usual_attempts(self._plan)
        if not self._preview.on_duty:
            self._gap("nobody_on_duty", 0)
            self._add(self._first.nobody_on_duty(), usual, 0)
        hurries = True
        for step in self._plan.steps:
            hurries = hurries and policy.hurries(step, self._paging(), self._preview.people)
            self._take(step, 0 if hurries or not self._paging() else step.after_seconds)
        self._add_away(usual)
        if not self._paging():
            best = self._first.best(())
            short = "nobody_at_all" if best is None else ranking.shortage(best)
            if short:
                self._gap(short, 0)
            if best is not None:
                self._seen.discard(best.candidate.person_id)
                self._add([best], usual, 0)
        start = self._first.now
        again = policy.next_step_at(self._plan, len(self._plan.steps), 0, start)
        self._preview.repeat_after_seconds = (again - start).total_seconds()
        self._preview.foreseen.sort(key=lambda one: one.after_seconds)

    def _take(self, step: Step, after: float) -> None:
        if step.target is Target.CONTROL_ROOM:
            self._ring(step, after)
            return
        moment = self._at(after)
        gaps = [gap for gap in moment.gaps if gap.line_key == step.target]
        for gap in gaps:
            self._gap("gap", after, line=gap.line_name, absent=gap.absent)
        found = moment.for_step(step, self._asked())
        came = self._add(found, step.attempts, after)
        if came and step.target in steps.OFF_DUTY and self._lacks_on_duty():
            self._gap("untrained_on_duty", after)
        if not came and not gaps:
            self._gap("adds_nobody", after)

    def _lacks_on_duty(self) -> bool:
        return ranking.lacks_on_duty((one.fit, one.reason) for one in self._preview.foreseen)

    def _add_away(self, usual: Sequence[Attempt]) -> None:
        """Add whoever was passed over as away: after the last step nobody else is left."""
        away = [one for one in self._preview.foreseen if one.reason.get("kind") in steps.AWAY]
        left = [one.person_id for one in away if one.person_id is not None]
        if not left:
            return
        after = self._plan.steps[-1].after_seconds if self._paging() else 0
        people = [self._first.session.get_one(Person, person_id) for person_id in left]
        self._seen.difference_update(left)
        if self._add(self._at(after).although_away(people), usual, after):
            self._gap("only_away", after)

    def _asked(self) -> Asked:
        known = [(one.person_id, one) for one in self._preview.foreseen if one.person_id]
        gave_way = (one for one, foreseen in known if foreseen.reason.get("kind") == GIVES_WAY)
        return Asked(frozenset(one for one, seen in known if seen.fit), frozenset(gave_way))

    def _ring(self, step: Step, after: float) -> None:
        session, team = self._first.session, self._first.want.team
        if not session.get_one(Organisation, team.organisation_id).control_room_phone:
            self._gap("no_control_room", after)
            return
        calls = tuple((CALL, after + offset) for _, offset in step.attempts)
        reason = {"kind": "control_room"}
        self._preview.foreseen.append(Foreseen("", after, True, reason, calls))

    def _at(self, after: float) -> Moment:
        """Return what is true at a step: a turn may change hands meanwhile."""
        first = self._first
        if not after:
            return first
        later = first.now + timedelta(seconds=after)
        return Moment(first.session, first.want, later, first.address)

    def _paging(self) -> int:
        return sum(bool(one.fit and one.name) for one in self._preview.foreseen)

    def _add(self, found: Sequence[Judged], attempts: Sequence[Attempt], after: float) -> bool:
        """Add whom a step adds; return whether that is anybody who was not there yet."""
        came, start = False, self._first.now
        for judged in found:
            one = judged.candidate
            if one.person_id in self._seen:
                continue
            if judged.reason.get("kind") != GIVES_WAY:
                self._seen.add(one.person_id)
            came = True
            at = start + timedelta(seconds=after)
            tried = self._tried(judged, attempts, at)
            seconds = tuple((channel, (at - start).total_seconds()) for channel, at in tried)
            self._preview.foreseen.append(
                Foreseen(one.name, after, judged.fit, judged.reason, seconds, one.person_id)
            )
        return came

    def _tried(
        self, judged: Judged, attempts: Sequence[Attempt], at: datetime
    ) -> Sequence[tuple[str, datetime]]:
        want = self._first.want
        priority, zone = want.incident.priority, want.team.time_zone
        methods = judged.candidate.methods
        return reaching.attempts(attempts, methods, priority, at, zone) if judged.fit else ()

    def _gap(self, kind: str, after: float, **facts: Any) -> None:
        facts |= {"team": self._preview.team.name}
        self._preview.gaps.append(Gap(kind, after, facts))
