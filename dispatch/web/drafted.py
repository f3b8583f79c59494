"""What a draft comes to, in words: its score, what it breaks, what publishing it would change.

Read once for each screen (`Drafted`), because a problem of a quarter takes a moment to load. What
is counted and judged is for `rota.quality`, `rota.judging` and `rota.differences`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from flask_babel import format_date, format_decimal, gettext

from dispatch.db import Session
from dispatch.people.models import Person, Team
from dispatch.rota import differences, drafts, easings, ground, judging, planning, quality, rulebook
from dispatch.rota.days import local
from dispatch.rota.differences import Change, Stand
from dispatch.rota.judging import Judged
from dispatch.rota.models import Draft, DraftSeat, DraftState, Line
from dispatch.rota.planning import Ground, Laid
from dispatch.texts import N_
from dispatch.web import by_person, session
from dispatch.web.by_person import Shown
from dispatch.web.forms import told
from dispatch.web.rota import begun_before
from dispatch.web.shares import BURDENS

#: What a draft may still be worked on in.
OPEN = (DraftState.OPEN, DraftState.ASKED)
STATES: Mapping[DraftState, str] = {
    DraftState.OPEN: N_("open"),
    DraftState.ASKED: N_("waits for a second planner"),
    DraftState.PUBLISHED: N_("published"),
    DraftState.DROPPED: N_("dropped"),
}
#: The parts of a score: what each is called, and what it counted.
_PARTS: Mapping[str, tuple[str, str]] = {
    "coverage": (
        N_("people where they are wanted"),
        N_("%(missing)s of %(wanted)s missing, %(untrained)s without the training"),
    ),
    "gaps": (N_("no turn empty"), N_("%(empty)s of %(needs)s turns have nobody")),
    "rules": (N_("rules kept"), N_("%(hard)s hard and %(soft)s soft breaches")),
    "wishes": (N_("wishes met"), N_("%(met)s of %(wishes)s")),
    "stability": (N_("published turns kept"), N_("%(moved)s of %(published)s moved")),
}
_FAIR = N_("shared fairly: %(burden)s")


@dataclass(frozen=True)
class Drafted:
    """A draft with everything that its screens say of it."""

    opened: Session
    draft: Draft

    @cached_property
    def team(self) -> Team:
        """Whose rota it is."""
        return self.opened.get_one(Team, self.draft.team_id)

    @cached_property
    def seats(self) -> list[DraftSeat]:
        """Who stands where."""
        return drafts.seats(self.opened, self.draft)

    @cached_property
    def _laid(self) -> tuple[Ground, Laid]:
        return drafts.lay(self.opened, self.draft, now=session.now())

    @property
    def ground(self) -> Ground:
        """What the plan depends on."""
        return self._laid[0]

    @property
    def laid(self) -> Laid:
        """The plan as a problem."""
        return self._laid[1]

    @cached_property
    def judged(self) -> list[Judged]:
        """Everything that it breaks."""
        return judging.broken(self.ground, self.laid)

    @cached_property
    def changes(self) -> list[Change]:
        """What publishing it would change."""
        return drafts.compare(self.opened, self.draft)

    @cached_property
    def lines(self) -> list[Line]:
        """The lines of the team."""
        return ground.lines_of(self.opened, self.team)

    def eased(self) -> list[dict[str, Any]]:
        """Return what the draft does not insist on, with the reason that was given."""
        found = easings.standing(self.opened, self.draft)
        days = (self.draft.first_on, self.draft.last_on)
        own = rulebook.rules_of(self.opened, self.team, *days) if found else ()
        return [
            {
                "id": one.id,
                "told": told(easings.told(one, self.ground, own)),
                "reason": one.reason,
                "by": one.made_by,
            }
            for one in found
        ]

    def summary(self) -> dict[str, Any]:
        """Return the score with its parts, and how much is broken."""
        found = quality.quality(
            self.laid.problem, self.laid.seats, [judged.breach for judged in self.judged]
        )
        broken = [one for one in self.judged if not one.breach.key.startswith(("fair:", "stays"))]
        empty = [one for one in broken if _lacks(one, self.laid)]
        hard = [one for one in broken if one.hard and one not in empty]
        soft = [one for one in broken if not one.hard and one not in empty]
        return {
            "score": found.score,
            "parts": [_part(part) for part in found.parts],
            "empty": _sentences(empty),
            "hard": _sentences(hard),
            "soft": _sentences(soft),
            "turns": len(self.seats),
            "changes": len(self.changes),
            "people": len(differences.by_person(self.changes)),
            "unpatterned": self._lacks_pattern(),
        }

    def _lacks_pattern(self) -> bool:
        """Return whether nothing says which turns are needed on some of its days."""
        found = ground.phases(self.opened, self.team, self.draft.first_on, self.draft.last_on)
        return not found or found[0].first > self.draft.first_on

    def table(self, first: Any, last: Any, *, published: bool = False) -> dict[str, Any]:
        """Return the draft by person, or what is published on its days."""
        laid, judged = self.laid, self.judged
        changed = {change.now for change in self.changes if change.now is not None}
        if published:
            days = (self.draft.first_on, self.draft.last_on)
            laid = self.ground.lay(planning.published(self.opened, self.team, *days))
            judged = judging.broken(self.ground, laid)
            # Whoever covers a part of a turn that changes is there in parts.
            gone = [change.was for change in self.changes if change.was is not None]
            changed = {one for one in laid.stands if any(one.is_within(turn) for turn in gone)}
        zone = self.team.time_zone
        calendar = ground.calendar_of(self.opened, self.team, first, last)
        shown = Shown(
            ground=self.ground,
            laid=laid,
            lines=self.lines,
            calendar=calendar,
            today=local(session.now(), zone).date(),
            judged=judged,
            private=True,
            changed=changed,
            locked={drafts.stand_of(seat) for seat in self.seats if seat.locked},
            begun=begun_before(self.opened, self.team, self.draft.first_on),
            window=(first, last),
        )
        return by_person.table(shown)


def about(whole: Drafted) -> dict[str, Any]:
    """Return what the head of each of a draft's screens shows."""
    draft = whole.draft
    editable = draft.state in OPEN
    return {
        "team": whole.team,
        "draft": row_of(draft),
        "editable": editable,
        "stale": len(drafts.changed_since(whole.opened, draft)) if editable else 0,
        "eased": whole.eased(),
    }


def row_of(draft: Draft) -> dict[str, Any]:
    """Return a draft as lists show it."""
    return {
        "id": draft.id,
        "name": draft.name,
        "days": days_of(draft.first_on, draft.last_on),
        "revision": draft.revision,
        "state": draft.state.value,
        "state_word": gettext(STATES[draft.state]),
        "open": draft.state in OPEN,
        "by": draft.created_by,
        "at": draft.created_at,
    }


def days_of(first: Any, last: Any) -> str:
    """Write from which to which day."""
    return f"{format_date(first, 'EEE d MMM')} – {format_date(last, 'EEE d MMM y')}"


def changes_by_person(opened: Session, team: Team, found: Iterable[Change]) -> list[dict[str, Any]]:
    """Return what changes for each person, in words."""
    found = list(found)
    people = differences.by_person(found)
    names = {
        row.id: row.name
        for row in opened.execute(sa.select(Person.id, Person.name).where(Person.id.in_(people)))
    }
    lines = {line.id: line.name for line in ground.lines_of(opened, team)}
    rows = [
        {
            "id": person_id,
            "name": names[person_id],
            "changes": [
                said for one in some for said in _changes(team, one, person_id, names, lines)
            ],
        }
        for person_id, some in people.items()
    ]
    return sorted(rows, key=lambda row: row["name"])


def _changes(
    team: Team,
    change: Change,
    person_id: int,
    names: Mapping[int, str],
    lines: Mapping[int, str],
) -> Iterable[dict[str, Any]]:
    """Yield what a change means to one person, also to who covers the turn that changes."""
    if person_id in change.people:
        yield _change(team, change, person_id, names, lines)
    for kind, covers, turn in (
        ("loses", change.covers, change.was),
        ("gains", change.returns, change.now),
    ):
        for cover in covers:
            if cover.person_id == person_id and turn is not None:
                facts = {"turn": _stand(team, cover, lines), "name": names[turn.person_id]}
                yield {"kind": kind, "told": gettext("%(turn)s, the cover for %(name)s", **facts)}


def _change(
    team: Team,
    change: Change,
    person_id: int,
    names: Mapping[int, str],
    lines: Mapping[int, str],
) -> dict[str, Any]:
    """Return a change as one of the two people has it: gains, loses or keeps with other times."""
    was, now = change.was, change.now
    if was is not None and now is not None and was.person_id == now.person_id:
        said = gettext(
            "%(was)s becomes %(now)s", was=_stand(team, was, lines), now=_stand(team, now, lines)
        )
        return {"kind": "moves", "told": said}
    stand = was if was is not None and was.person_id == person_id else now
    other = now if stand is was else was
    assert stand is not None, "a person's change has a turn of theirs"
    told_ = _stand(team, stand, lines)
    if stand is now:
        said = (
            gettext("%(turn)s, instead of %(name)s", turn=told_, name=names[other.person_id])
            if other
            else told_
        )
        return {"kind": "gains", "told": said}
    said = (
        gettext("%(turn)s, now %(name)s", turn=told_, name=names[other.person_id])
        if other
        else told_
    )
    return {"kind": "loses", "told": said}


def _stand(team: Team, stand: Stand, lines: Mapping[int, str]) -> str:
    begin, end = (_moment(at, team) for at in (stand.starts_at, stand.ends_at))
    return f"{lines.get(stand.line_id, '?')} {begin} – {end}"


def _moment(at: datetime, team: Team) -> str:
    zoned = local(at, team.time_zone)
    return f"{format_date(zoned.date(), 'EEE d MMM')} {zoned:%H:%M}"


def _part(part: quality.Part) -> dict[str, Any]:
    key, _, burden = part.key.partition(":")
    facts = {name: _written(value) for name, value in part.facts.items()}
    if burden:
        name, counted = gettext(_FAIR, burden=gettext(BURDENS[burden])), _off(part.facts["worst"])
    else:
        name, counted = (gettext(words, **facts) for words in _PARTS[key])
    return {
        "name": name,
        "told": counted,
        "points": round(part.points),
        "most": round(part.most),
        "full": part.points >= part.most,
    }


def _off(worst: float) -> str:
    """Say how far from a fair share whoever is furthest from theirs is, and to which side."""
    far = _written(abs(worst))
    if far == _written(0):
        return str(gettext("everybody has a fair share"))
    if worst > 0:
        return str(gettext("who is furthest off has %(count)s more than is fair", count=far))
    return str(gettext("who is furthest off has %(count)s less than is fair", count=far))


def _written(value: float) -> str:
    return str(format_decimal(round(value, 1), "#,##0.#"))


def _lacks(judged: Judged, laid: Laid) -> bool:
    return judged.breach.key in ("cover", "skill") and not judging.stands_in(laid, judged.breach)


def _sentences(some: Sequence[Judged]) -> list[str]:
    return [told(judged.told) for judged in some]
