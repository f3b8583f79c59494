"""From rows to a `Problem` and from a `Proposal` back to turns.

`load` reads once what a team's plan for some days depends on: what its patterns want, who can be
planned and when not, what each has behind them, rules, wishes and fair shares. `Ground.lay` puts
turns as they stand onto it, a draft's or the published ones, as often as wanted and without another
query. So planner, hand edits, swaps and checks all judge by one problem.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from dispatch.db import Session
from dispatch.people.models import Qualification, Team
from dispatch.rota import fairness, fitting, ground, heavy, officers, patterns, rulebook, wishes
from dispatch.rota import problem as planned
from dispatch.rota.changes import LONGEST
from dispatch.rota.days import span
from dispatch.rota.differences import Stand
from dispatch.rota.duty import Turn, duty_between
from dispatch.rota.fairness import History
from dispatch.rota.fitting import Fitted, Place
from dispatch.rota.ground import Phase
from dispatch.rota.models import Line, Wish
from dispatch.rota.planner.faults import may_fill
from dispatch.rota.problem import Need, Officer, Past, Problem, Rule, Seat
from dispatch.rota.sentences import Words

#: What a point of a wish weighs; one turn too many costs 100.
POINT = 10
#: What taking away a published turn costs, by how many days ahead it is.
STAYS = ((14, 400), (42, 250), (10_000, 150))
_DAY = timedelta(days=1)
#: Two years and a bit, in days: what is further back is forgiven.
_HISTORY = fairness.MONTHS * 31


@dataclass(frozen=True)
class Laid:
    """A problem and the turns that were put onto it."""

    problem: Problem
    stands: tuple[Stand, ...]
    seats: tuple[Seat, ...]
    """One for each turn, in the same order."""
    rows: Mapping[str, tuple[int, ...]]
    """The ids of each line's rows, in order."""
    whole: Mapping[Stand, Stand] = field(default_factory=dict)
    """The turn that each part of a covered one belongs to."""

    def seats_of(self, stands: Collection[Stand]) -> frozenset[Seat]:
        """Return the seats that some of the turns take."""
        pairs = zip(self.stands, self.seats, strict=True)
        return frozenset(seat for stand, seat in pairs if stand in stands)

    def turns(self, seats: Iterable[Seat]) -> list[Stand]:
        """Return the turns that seats stand for; whoever stays in a need stays on their row.

        A turn that is covered in part stays whole, and its cover over it.
        """
        standing = dict(zip(self.seats, self.stands, strict=True))
        found = [standing[seat] for seat in seats if seat in standing]
        taken: dict[int, list[Stand]] = defaultdict(list)
        for stand in found:
            taken[stand.line_id].append(stand)
        for need_id, person_id in sorted(set(seats) - standing.keys()):
            need = self.problem.needs[need_id]
            row = next((row for row in self.rows[need.line] if _free(taken[row], need)), None)
            # More people than the line has seats: nobody could be told where they stand.
            if row is not None:
                taken[row].append(Stand(need.starts_at, need.ends_at, row, person_id))
                found.append(taken[row][-1])
        return sorted({self.whole.get(stand, stand) for stand in found})


@dataclass(frozen=True)
class Ground:
    """What a team's plan for some days depends on, read once."""

    team_id: int
    first: date
    last: date
    place: Place
    wanted: tuple[Need, ...]
    fixed: Mapping[tuple[str, datetime], Sequence[int]]
    """Who takes a turn in a fixed order, by line and beginning."""
    people: tuple[Officer, ...]
    rules: tuple[Rule, ...]
    wishes: tuple[Wish, ...]
    rows: Mapping[str, tuple[int, ...]]
    words: Words
    past: Mapping[int, Sequence[Past]]
    """What each person has served, as far back as it matters."""
    later: Mapping[int, Sequence[Past]]
    """What is published for each person after the last day, as far ahead as it matters."""
    histories: Mapping[int, History] | None
    """What each person brings along; None: nobody asked what is fair."""

    def lay(
        self,
        stands: Sequence[Stand],
        *,
        locked: Collection[Stand] = (),
        published: Collection[Stand] = (),
        facts: Collection[Stand] = (),
        now: datetime | None = None,
    ) -> Laid:
        """Put turns onto the needs.

        `locked` ones stay; taking one of the `published` away costs by how near to `now` it is.
        What has begun by `now` is a fact as well as `facts` are: no absence undoes it.
        """
        fitted = fitting.fit(self.wanted, stands, self.place)
        seats = dict(zip(stands, fitted.seats, strict=True))
        begun = {seats[stand] for stand in stands if now is not None and stand.starts_at <= now}
        begun |= {seats[stand] for stand in facts}
        problem = Problem(
            first=self.first,
            last=self.last,
            zone=self.place.zone,
            needs=_apart(fitted.needs, self.people, begun),
            people=tuple(_there(person, fitted.needs, begun) for person in self.people),
            rules=self.rules,
            wishes=tuple(self._wishes(fitted.needs)),
            locked=self._locks(fitted) | {seats[stand]: True for stand in locked},
            facts=frozenset(begun),
            stays=_stays(seats, published, now) if now is not None else {},
            present=frozenset(fitted.seats),
        )
        return Laid(self._shared(problem), tuple(stands), fitted.seats, self.rows)

    def _shared(self, problem: Problem) -> Problem:
        """Add what is fair, where somebody asked."""
        if self.histories is None:
            return problem
        known = {
            person.id: (*self.past.get(person.id, ()), *self.later.get(person.id, ()))
            for person in self.people
        }
        alternating = fairness.alternation(problem, known)
        fairs = fairness.fairs(problem, self.histories)
        return replace(problem, rules=(*problem.rules, *alternating), fairs=fairs)

    def _locks(self, fitted: Fitted) -> dict[Seat, bool]:
        """Lock what a fixed order decides; where somebody stands already, that goes before it.

        Whoever is due and away leaves a turn that lacks people, and no plan that cannot be made.
        """
        people = {person.id: person for person in self.people}
        taken = {need for need, _ in fitted.seats}
        due = [
            (need, people[person])
            for need in fitted.needs
            if need.id not in taken
            for person in self.fixed.get((need.line, need.starts_at), ())
            if person in people
        ]
        lost = {(_block(need), one.id) for need, one in due if not may_fill(one, need)}
        return {(need.id, one.id): True for need, one in due if (_block(need), one.id) not in lost}

    def _wishes(self, needs: Iterable[Need]) -> Iterable[planned.Wish]:
        known = {person.id for person in self.people}
        needs = list(needs)
        for wish in self.wishes:
            meant = frozenset(need.id for need in needs if _meant(wish, need))
            if meant and wish.person_id in known:
                weight = wish.points * POINT
                yield planned.Wish(str(wish.id), wish.person_id, meant, wish.wanted, weight)


def load(
    session: Session,
    team: Team,
    first: date,
    last: date,
    *,
    people: Iterable[int] = (),
    history: bool = False,
) -> Ground:
    """Read what a plan for some days, both included, depends on.

    `people` are looked at also where they are no members; `history`: for fair shares as well.
    """
    rules = rulebook.rules_of(session, team, first, last)
    since = first - (_HISTORY if history else rulebook.reach(rules, first)) * _DAY
    until = last + rulebook.ahead(rules, last) * _DAY
    found = ground.phases(session, team, since, until)
    calendar = ground.calendar_of(session, team, since, until + 2 * _DAY, kept_before=first)
    place = Place(ground.keys_of(session, team, found), team.time_zone, calendar)
    before = _served(session, team, since, first - _DAY, found, place)
    later = _served(session, team, last + _DAY, until, found, place)
    staff = officers.load(session, team, first, last, people)
    lines = ground.lines_of(session, team)
    return Ground(
        team_id=team.id,
        first=first,
        last=last,
        place=place,
        wanted=_wanted(found, first, last, place),
        fixed=_fixed(session, team, found, first, last),
        people=tuple(_with_known(one, before, later, rules, first) for one in staff),
        rules=rules,
        wishes=tuple(wishes.standing(session, team, first, last)),
        rows=_rows(lines, place),
        words=_words(session, lines),
        past=before,
        later=later,
        histories=_histories(session, team, since, first, staff, before) if history else None,
    )


def published(session: Session, team: Team, first: date, last: date) -> list[Stand]:
    """Return who really serves, covers included, in the turns that begin on some days.

    A part of a turn is of the day on which the whole of it begins.
    """
    return [stand for parts in served(session, team, first, last).values() for stand in parts]


def served(session: Session, team: Team, first: date, last: date) -> dict[str, list[Stand]]:
    """Return what `published` does by the uid of each turn: its parts, in order."""
    begins, ends = span(first, last, team.time_zone)
    parts: dict[str, list[Turn]] = defaultdict(list)
    for turn in duty_between(session, team, begins - LONGEST, ends + LONGEST):
        if isinstance(turn, Turn):
            parts[turn.shift_uid].append(turn)
    return {
        uid: [Stand(one.from_at, one.until_at, one.line_id, one.person_id) for one in turns]
        for uid, turns in parts.items()
        if begins <= min(one.from_at for one in turns) < ends
    }


def needs(session: Session, team: Team, first: date, last: date) -> tuple[Need, ...]:
    """Return what a team's patterns want on some days."""
    found = ground.phases(session, team, first, last)
    calendar = ground.calendar_of(session, team, first, last + 2 * _DAY)
    place = Place(ground.keys_of(session, team, found), team.time_zone, calendar)
    return _wanted(found, first, last, place)


# --- What is read.


def _wanted(found: Iterable[Phase], first: date, last: date, place: Place) -> tuple[Need, ...]:
    return tuple(
        need
        for phase in found
        if max(first, phase.first) <= min(last, phase.last)
        for need in patterns.needs(
            phase.pattern,
            max(first, phase.first),
            min(last, phase.last),
            place.zone,
            place.calendar,
        )
    )


def _fixed(
    session: Session, team: Team, found: Iterable[Phase], first: date, last: date
) -> dict[tuple[str, datetime], list[int]]:
    """Return who is due by a fixed order, which counts from the day that it holds since."""
    result: dict[tuple[str, datetime], list[int]] = {}
    for phase in found:
        begin, end = max(first, phase.first), min(last, phase.last)
        if begin > end or not any(line.rotations for line in phase.pattern.lines):
            continue
        since = patterns.calendar_from(phase.pattern, begin)
        calendar = ground.calendar_of(session, team, since, end + 2 * _DAY)
        where = (begin, end, team.time_zone, calendar)
        needs = patterns.needs(phase.pattern, *where)
        for need_id, person in patterns.locks(phase.pattern, *where):
            key = (needs[need_id].line, needs[need_id].starts_at)
            result.setdefault(key, []).append(person)
    return result


def _served(
    session: Session, team: Team, first: date, last: date, found: Sequence[Phase], place: Place
) -> Mapping[int, Sequence[Past]]:
    """Return what each person serves in the published rota on some days."""
    stands = published(session, team, first, last)
    fitted: Fitted = fitting.fit(_wanted(found, first, last, place), stands, place)
    return fitting.past(fitted)


def _histories(
    session: Session,
    team: Team,
    since: date,
    first: date,
    staff: Iterable[Officer],
    past: Mapping[int, Sequence[Past]],
) -> dict[int, History]:
    """Return what each person brings along: presence counts as days of full employment."""
    last = first - _DAY
    opening = ground.balances_of(session, team)
    calls = heavy.counts(session, team, since, last)
    earlier = officers.load(session, team, since, last, [person.id for person in staff])
    frame = Problem(since, last, team.time_zone, (), tuple(earlier))
    days = (first - since).days
    return {
        person.id: fairness.history(
            past.get(person.id, ()),
            fairness.presence(frame, person) * person.share * days,
            opening.get(person.id),
            calls.get(person.id, 0),
        )
        for person in earlier
    }


def _words(session: Session, lines: Iterable[Line]) -> Words:
    qualifications = session.scalars(sa.select(Qualification))
    return Words(
        {line.key: line.name for line in lines}, {row.key: row.names for row in qualifications}
    )


def _with_known(
    person: Officer,
    before: Mapping[int, Sequence[Past]],
    later: Mapping[int, Sequence[Past]],
    rules: Collection[Rule],
    first: date,
) -> Officer:
    """Return somebody with the turns of this team too that are known on both sides of a plan."""
    near = _near(before.get(person.id, ()), rules, first)
    return replace(
        person,
        before=(*person.before, *near),
        after=(*person.after, *later.get(person.id, ())),
    )


def _block(need: Need) -> tuple[object, ...]:
    return (need.id,) if need.block is None else (need.line, need.block)


def _there(person: Officer, needs: Sequence[Need], begun: Collection[Seat]) -> Officer:
    """Return somebody without the absences during the turns of theirs that have begun."""
    away = person.away
    for need, who in begun:
        if who == person.id:
            away = tuple(part for one in away for part in one.without(needs[need]))
    return replace(person, away=away)


def _apart(
    needs: Sequence[Need], people: Iterable[Officer], begun: Collection[Seat]
) -> tuple[Need, ...]:
    """Return needs with what has begun of a block apart, where somebody is away for its rest.

    A block is taken as a whole: the rest would stay with whoever is away.
    """
    away = {person.id: person.away for person in people}
    blocks: dict[object, list[Need]] = defaultdict(list)
    for need in needs:
        blocks[_block(need)].append(need)
    apart = {
        need
        for need, who in begun
        for other in blocks[_block(needs[need])]
        if (other.id, who) not in begun and any(one.meets(other) for one in away[who])
    }
    return tuple(replace(need, block=None) if need.id in apart else need for need in needs)


def _rows(lines: Iterable[Line], place: Place) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = defaultdict(list)
    for line in lines:
        found[place.lines[line.id]].append(line.id)
    return {key: tuple(ids) for key, ids in found.items()}


def _near(past: Iterable[Past], rules: Collection[Rule], first: date) -> tuple[Past, ...]:
    """Return the turns that a rule may still reach back to."""
    since = first - rulebook.reach(rules, first) * _DAY
    return tuple(turn for turn in past if turn.days[-1] >= since)


def _meant(wish: Wish, need: Need) -> bool:
    on_days = any(wish.first_on <= day <= wish.last_on for day in need.days)
    return on_days and wish.kind in ("", need.kind)


def _stays(
    seats: Mapping[Stand, Seat], published: Collection[Stand], now: datetime
) -> dict[Seat, int]:
    return {
        seats[stand]: next(cost for days, cost in STAYS if stand.starts_at < now + days * _DAY)
        for stand in published
        if stand in seats
    }


def _free(taken: Iterable[Stand], need: Need) -> bool:
    return not any(s.starts_at < need.ends_at and need.starts_at < s.ends_at for s in taken)
