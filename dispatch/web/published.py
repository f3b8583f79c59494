"""Why her, why not him: of a cell of the rota that people follow.

Judged now, by the rules that hold now, over the months around the turn; beside it what was said
when it was published, where that is kept. Nothing is changed here: a turn's own screen does that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, partial
from typing import Any

import sqlalchemy as sa
from flask import url_for
from flask_babel import format_datetime, gettext

from dispatch.db import Session
from dispatch.people.models import Team
from dispatch.rota import judging, planning, provenance, why
from dispatch.rota.changes import LONGEST
from dispatch.rota.days import local, local_day, midnight
from dispatch.rota.differences import Stand
from dispatch.rota.duty import Turn, duty_between
from dispatch.rota.judging import Judged
from dispatch.rota.models import Origin, Shift
from dispatch.rota.planning import Ground, Laid
from dispatch.rota.problem import Need
from dispatch.rota.provenance import Provenance
from dispatch.texts import N_
from dispatch.web import reasons
from dispatch.web.forms import Form, told

_ORIGINS: Mapping[Origin, str] = {
    Origin.PUBLISHED: N_("it stood as it was published before"),
    Origin.PLANNER: N_("the planner put it there"),
    Origin.HAND: N_("somebody put it there by hand"),
    Origin.IMPORT: N_("it was imported"),
}


@dataclass(frozen=True)
class Published:
    """What is published of some days, as people really serve, with what it depends on."""

    opened: Session
    team: Team
    first: date
    last: date

    @cached_property
    def ground(self) -> Ground:
        """What the plan depends on, fair shares included."""
        people = {stand.person_id for stand in self.uids}
        return planning.load(
            self.opened, self.team, self.first, self.last, people=people, history=True
        )

    @cached_property
    def uids(self) -> dict[Stand, str]:
        """The uid of the turn that each part belongs to."""
        served = planning.served(self.opened, self.team, self.first, self.last)
        return {stand: uid for uid, parts in served.items() for stand in parts}

    @cached_property
    def laid(self) -> Laid:
        """The plan as a problem."""
        return self.ground.lay(list(self.uids))

    @cached_property
    def judged(self) -> list[Judged]:
        """Everything that it breaks."""
        return judging.broken(self.ground, self.laid)


def of_day(
    opened: Session, team: Team, form: Form, shown: tuple[date, date]
) -> dict[str, Any] | None:
    """Return why somebody has what they have on a day, or why not; None where none is named."""
    day, person_id = form.day("day"), form.number("person", 1, 999_999_999)
    if day is None or person_id is None or not shown[0] <= day <= shown[1]:
        return None
    whole = Published(opened, team, *_around(opened, team, day, person_id, shown))
    return reasons.panel_of_day(whole, day, person_id, partial(_turn, whole))


def of_gap(
    opened: Session, team: Team, form: Form, shown: tuple[date, date]
) -> dict[str, Any] | None:
    """Return who could take a turn that lacks people; None where there is no such turn."""
    whole = Published(opened, team, *shown)
    asked = reasons.named(whole, form.values.get("line", ""), form.values.get("at", ""))
    if asked is None:
        return None
    times: dict[str, Any] = {
        name: f"{local(at, team.time_zone):%Y-%m-%dT%H:%M}"
        for name, at in (("starts_at", asked.starts_at), ("ends_at", asked.ends_at))
    }
    change = url_for("shifts.new", team=team.key, line=asked.line, **times)
    row = reasons.others(whole, asked, None) | {"change": change}
    return reasons.panel_of_gap(whole, asked, row)


def _around(
    opened: Session, team: Team, day: date, person_id: int, shown: tuple[date, date]
) -> tuple[date, date]:
    """Return the days that are shown, or more, where somebody's turn of a day began before them."""
    begins, ends = (midnight(one, team.time_zone) for one in (day, day + timedelta(days=1)))
    before = duty_between(opened, team, begins - LONGEST, ends)
    turns = [turn for turn in before if isinstance(turn, Turn)]
    mine = {one.shift_uid for one in turns if one.person_id == person_id and one.until_at > begins}
    began = [local_day(one.from_at, team.time_zone) for one in turns if one.shift_uid in mine]
    return min([*began, shown[0]]), shown[1]


def _turn(whole: Published, one: Need, holder: int) -> dict[str, Any]:
    uids = [
        whole.uids[stand]
        for stand, seat in zip(whole.laid.stands, whole.laid.seats, strict=True)
        if seat == (one.id, holder)
    ]
    shift = whole.opened.scalars(sa.select(Shift).where(Shift.uid == uids[0])).one()
    return reasons.others(whole, one, holder) | {
        "kept": _kept(whole, provenance.of(whole.opened, whole.team, shift)),
        "faults": [
            (judged.hard, told(judged.told))
            for judged in whole.judged
            if one.id in judged.breach.needs and judged.breach.person in (None, holder)
        ],
        "change": url_for("shifts.shift", uid=shift.uid),
    }


def _kept(whole: Published, found: Provenance | None) -> list[str]:
    """Say where a turn comes from, why it stands, and what it was said to break."""
    if found is None:
        return [gettext("Entered or changed by hand; it is in no version.")]
    at = format_datetime(found.published_at, "d MMM y")
    facts = {"number": found.number, "name": found.published_by, "at": at}
    said = [gettext("Published in version %(number)s by %(name)s, %(at)s", **facts)]
    if found.origin is not None:
        said[0] += ": " + gettext(_ORIGINS[found.origin])
    said[0] += "."
    if found.reason:
        said.append(gettext("Reason given: %(reason)s", reason=found.reason))
    rules = {rule.key: rule for rule in whole.ground.rules}
    said += [
        gettext("Known then: %(rule)s", rule=told(why.rule_told(rules[key], whole.laid.problem)))
        for key in found.broken
        if key in rules
    ]
    return said
