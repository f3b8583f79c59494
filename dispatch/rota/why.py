"""What cannot all hold, as sentences with names and dates (pure).

A rule said as a rule ("at least 11 h of rest between two turns"), a fact as a fact ("An is away
from Mon 22 Dec to Sun 28 Dec"), and what a rule means for those who are left ("Bert would have 4 h
of rest"). What a plan that stands breaks is said by `sentences`.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from dispatch.rota import problem as planned
from dispatch.rota import sentences
from dispatch.rota.planner import Reason, Shortage
from dispatch.rota.problem import Away, Limit, Measure, Officer, Problem, Rest, Rule, Run
from dispatch.rota.sentences import COUNTED, Words
from dispatch.texts import N_, Sentence

#: More names or turns in one sentence would not be read.
_NAMED = 6
#: Of so many people it is said one by one what keeps them.
_EACH = 4
_TICK = timedelta(microseconds=1)
_MORE = N_("%(count)s more")

_TAGS = {
    "night": "nights",
    "weekend": "weekends",
    "public_holiday": "public_holidays",
    "eve": "eves",
    "school_holiday": "school_holidays",
    "heavy": "heavy",
}
_MOST = {
    "plan": N_("Each person at most %(most)s %(of)s in this plan."),
    "month": N_("Each person at most %(most)s %(of)s in a month."),
    "year": N_("Each person at most %(most)s %(of)s in a year."),
    "day": N_("Each person at most %(most)s %(of)s in a day."),
    "days": N_("Each person at most %(most)s %(of)s in %(days)s days."),
}
_LEAST = {
    "plan": N_("Each person at least %(least)s %(of)s in this plan."),
    "month": N_("Each person at least %(least)s %(of)s in a month."),
    "year": N_("Each person at least %(least)s %(of)s in a year."),
    "day": N_("Each person at least %(least)s %(of)s in a day."),
    "days": N_("Each person at least %(least)s %(of)s in %(days)s days."),
}
_FOR_ONE = N_("%(name)s: %(rule)s")
_REST = N_("%(name)s would have %(hours)s h of rest where %(least)s h are due: %(turns)s.")
_AT_ONCE = N_("%(name)s would have two turns at the same time: %(turns)s.")
_AWAY = N_("%(name)s is away from %(first)s to %(last)s.")
_ELSEWHERE = {
    "not_member": N_("%(name)s is not in the team then: %(turns)s."),
    "other_team": N_("%(name)s has a turn in another team then: %(turns)s."),
}
_SEVERAL_AWAY = N_("Away then: %(names)s.")
_LACK = {
    False: N_("%(turns)s: people wanted %(wanted)s, possible at most %(available)s."),
    True: N_(
        "%(turns)s: trained for %(qualification)s wanted %(wanted)s, possible at most "
        "%(available)s."
    ),
}
_LACK_IN_ALL = {
    False: N_(
        "From %(first)s to %(last)s: %(of)s wanted %(wanted)s, possible at most %(available)s."
    ),
    True: N_(
        "From %(first)s to %(last)s: %(of)s of somebody trained for %(qualification)s wanted "
        "%(wanted)s, possible at most %(available)s."
    ),
}
_ONLY_HOLD = N_("Nobody but %(names)s is trained for %(qualification)s then.")
_HOLD = N_("Trained for %(qualification)s then: %(count)s people.")
_NOBODY_HOLDS = N_("Nobody is trained for %(qualification)s then.")
_ONLY = N_("Nobody but %(names)s can come.")
_NOBODY = N_("Nobody can come.")
_WANTS = N_("%(turns)s: people wanted %(wanted)s.")
_WANTS_TRAINED = N_("%(turns)s: somebody trained for %(qualification)s is wanted.")
_FIXED = {
    True: N_("%(name)s has this as a fixed turn: %(turns)s."),
    False: N_("%(name)s must not have this turn: %(turns)s."),
}


def rule_told(rule: Rule, problem: Problem) -> Sentence:
    """Return what a rule says."""
    match rule:
        case Rest():
            told = N_("At least %(hours)s h of rest between two turns.")
            return Sentence(told, hours=sentences.hours(rule.minutes))
        case planned.WeeklyRest():
            told = N_("At least %(hours)s h free in one stretch in every %(days)s days.")
            return Sentence(told, hours=sentences.hours(rule.minutes), days=rule.days)
        case Run() if rule.most is not None and rule.only.tag in _TAGS:
            told = N_("At most %(most)s %(of)s in a row.")
            return Sentence(told, most=rule.most, of=counted(Measure.TURNS, rule.only.tag))
        case Run() if rule.most is not None:
            told = N_("At most %(most)s days in a row with a turn.")
            return Sentence(told, most=rule.most)
        case Run():
            told = N_("At least %(least)s days in a row with a turn.")
            return Sentence(told, least=rule.least)
        case planned.FreeRun() if rule.only.kinds:
            told = N_("At least %(least)s days free between turns of kind %(kinds)s.")
            return Sentence(told, least=rule.least, kinds=", ".join(sorted(rule.only.kinds)))
        case planned.FreeRun():
            return Sentence(N_("At least %(least)s days free between turns."), least=rule.least)
        case Limit():
            return _limit(rule)
        case planned.WeekendsInARow():
            return Sentence(N_("At most %(most)s weekends in a row."), most=rule.most)
        case planned.WholeWeekend():
            return Sentence(N_("Both days of a weekend, or neither."))
        case planned.Succession():
            told = N_("No turn of kind %(then)s on the day after one of kind %(first)s.")
            return Sentence(told, first=rule.first, then=rule.then)
    return _of_people(rule, problem)


def _limit(rule: Limit) -> Sentence:
    days = rule.period if isinstance(rule.period, int) else 0
    period = ("day" if days == 1 else "days") if days else str(rule.period)
    facts: dict[str, object] = {"of": counted(rule.of, rule.only.tag), "days": days}
    facts |= {
        name: sentences.hours(value) if rule.of is Measure.MINUTES else value
        for name, value in (("most", rule.most), ("least", rule.least))
        if value is not None
    }
    return Sentence((_LEAST if rule.most is None else _MOST)[period], **facts)


def counted(measure: Measure, tag: str | None = None) -> Sentence:
    """Return what is counted, minutes as hours."""
    tagged = _TAGS.get(tag or "") if measure is Measure.TURNS else None
    return Sentence(COUNTED[tagged or measure.value])


def _of_people(rule: Rule, problem: Problem) -> Sentence:
    names = {officer.id: officer.name for officer in problem.people}
    match rule:
        case planned.Apart() | planned.Together():
            apart = N_("%(name)s and %(other)s never serve at the same time.")
            together = N_("%(name)s and %(other)s serve only at the same time.")
            told = apart if isinstance(rule, planned.Apart) else together
            one, other = (names.get(person, "") for person in rule.pair)
            return Sentence(told, name=one, other=other)
        case planned.Mentored():
            told = N_("%(name)s serves only beside one of these: %(names)s.")
            mentors = tuple(names.get(person, "") for person in sorted(rule.mentors))
            return Sentence(told, name=names.get(rule.trainee, ""), names=mentors)
        case planned.NotAll():
            told = N_("Each person at most %(most)s of these: %(turns)s.")
            turns = turns_told(sorted(rule.needs), problem, Words())
            return Sentence(told, most=rule.most, turns=turns)
    return Sentence(N_("The rule %(rule)s holds."), rule=rule.key)


def turns_told(needs: Iterable[int], problem: Problem, words: Words) -> tuple[Sentence, ...]:
    """Return turns as sentences name them, the first few of many."""
    ids = list(needs)
    said = [sentences.turn(problem.needs[need], problem, words) for need in ids[:_NAMED]]
    more = len(ids) - _NAMED
    return (*said, Sentence(_MORE, count=more)) if more > 0 else tuple(said)


# --- What counting shows.


def shortage_told(shortage: Shortage, problem: Problem, words: Words) -> list[Sentence]:
    """Return a lack in numbers, and behind it what keeps each person."""
    return [_lack(shortage, problem, words), *_behind(shortage, problem, words)]


def _lack(shortage: Shortage, problem: Problem, words: Words) -> Sentence:
    trained = shortage.qualification is not None
    numbers: tuple[object, object] = shortage.wanted, shortage.available
    if shortage.of == Measure.MINUTES:
        numbers = sentences.hours(shortage.wanted), sentences.hours(shortage.available)
    facts: dict[str, object] = {"wanted": numbers[0], "available": numbers[1]}
    if shortage.qualification is not None:
        facts["qualification"] = _qualification(shortage.qualification, words)
    rule = _rule(problem, shortage.key)
    if isinstance(rule, Limit | Run | planned.WeekendsInARow):
        tag = rule.only.tag
        facts |= {"first": shortage.days[0], "last": shortage.days[-1]}
        return Sentence(_LACK_IN_ALL[trained], of=counted(Measure(shortage.of), tag), **facts)
    return Sentence(_LACK[trained], turns=turns_told(shortage.needs, problem, words), **facts)


def _behind(shortage: Shortage, problem: Problem, words: Words) -> Iterator[Sentence]:
    people = {officer.id: officer for officer in problem.people}
    rule = _rule(problem, shortage.key)
    if shortage.qualification is not None:
        yield _holders(shortage.qualification, shortage.needs, problem, words)
    elif rule is None:
        names = _names([people[one] for one in shortage.people])
        yield Sentence(_ONLY, names=names) if names else Sentence(_NOBODY)
    yield from _all_away([people[one] for one in shortage.away], shortage.needs, problem, words)
    if isinstance(rule, Rest) and len(shortage.people) <= _EACH:
        for one in shortage.people:
            yield _rest(people[one], rule, shortage.needs, problem, words)
    elif rule is not None:
        yield rule_told(rule, problem)


def _holders(key: str, needs: Iterable[int], problem: Problem, words: Words) -> Sentence:
    days = [day for need in needs for day in problem.needs[need].days]
    found = [
        officer
        for officer in problem.people
        if all(
            any(
                holding.qualification == key
                and holding.from_on <= day
                and (holding.until_on is None or day <= holding.until_on)
                for holding in officer.holds
            )
            for day in days
        )
    ]
    qualification = _qualification(key, words)
    if not found:
        return Sentence(_NOBODY_HOLDS, qualification=qualification)
    if len(found) > _NAMED:
        return Sentence(_HOLD, count=len(found), qualification=qualification)
    return Sentence(_ONLY_HOLD, names=_names(found), qualification=qualification)


def _all_away(
    people: Sequence[Officer], needs: Sequence[int], problem: Problem, words: Words
) -> Iterator[Sentence]:
    """Yield who is away in some turns, one by one where they are few."""
    found = [(one, away) for one in people for away in [_away_in(one, needs, problem)] if away]
    if len(found) > _EACH:
        yield Sentence(_SEVERAL_AWAY, names=_names([one for one, _ in found]))
        return
    for one, away in found:
        yield _gone(one, away, needs, problem, words)


def _away_in(officer: Officer, needs: Iterable[int], problem: Problem) -> Away | None:
    for need in needs:
        turn = problem.needs[need]
        for away in officer.away:
            if away.starts_at < turn.ends_at and turn.starts_at < away.ends_at:
                return away
    return None


def _gone(
    officer: Officer, away: Away, needs: Iterable[int], problem: Problem, words: Words
) -> Sentence:
    if away.reason in _ELSEWHERE:
        turns = turns_told(needs, problem, words)
        return Sentence(_ELSEWHERE[away.reason], name=officer.name, turns=turns)
    zone = ZoneInfo(problem.zone)
    first = away.starts_at.astimezone(zone).date()
    last = max(first, (away.ends_at - _TICK).astimezone(zone).date())
    return Sentence(_AWAY, name=officer.name, first=first, last=last)


def _rest(
    officer: Officer, rule: Rest, needs: Iterable[int], problem: Problem, words: Words
) -> Sentence:
    """Say how little rest somebody would have between the two of some turns that are nearest."""
    turns = sorted((problem.needs[need] for need in needs), key=lambda need: need.starts_at)
    gaps: list[tuple[float, int, int]] = [
        (_between(one.ends_at, other.starts_at), one.id, other.id) for one, other in pairwise(turns)
    ]
    if not gaps:
        return Sentence(_FOR_ONE, name=officer.name, rule=rule_told(rule, problem))
    minutes, *pair = min(gaps)
    facts = {"name": officer.name, "turns": turns_told(pair, problem, words)}
    if minutes < 0:
        return Sentence(_AT_ONCE, **facts)
    least = sentences.hours(rule.minutes)
    return Sentence(_REST, hours=sentences.hours(minutes), least=least, **facts)


def _between(ends: datetime, starts: datetime) -> float:
    return (starts.timestamp() - ends.timestamp()) / 60


# --- What the solver shows.


def reasons_told(reasons: Iterable[Reason], problem: Problem, words: Words) -> list[Sentence]:
    """Return rules and facts that cannot all hold, each said once."""
    found = [said for reason in reasons for said in reason_told(reason, problem, words)]
    return list(dict.fromkeys(found))


def reason_told(reason: Reason, problem: Problem, words: Words) -> Iterator[Sentence]:
    """Yield what a reason says."""
    people = {officer.id: officer for officer in problem.people}
    turns = turns_told(reason.needs, problem, words)
    name = people[reason.person].name if reason.person in people else ""
    rule = _rule(problem, reason.key)
    match reason.key:
        case "cover":
            wanted = problem.needs[reason.needs[0]].wanted
            yield Sentence(_WANTS, turns=turns, wanted=wanted)
        case "skill":
            key = str(reason.facts.get("qualification", ""))
            qualification = _qualification(key, words)
            yield Sentence(_WANTS_TRAINED, turns=turns, qualification=qualification)
            yield _holders(key, reason.needs, problem, words)
        case "away":
            officer = people[reason.person or 0]
            away = _away_in(officer, reason.needs, problem)
            if away is not None:
                yield _gone(officer, away, reason.needs, problem, words)
        case "locked":
            fixed = problem.locked.get((reason.needs[0], reason.person or 0), True)
            yield Sentence(_FIXED[fixed], name=name, turns=turns)
        case "unit":
            unit = reason.facts.get("unit", "")
            yield Sentence(sentences.PLAIN["unit"], turns=turns, unit=unit, name=name)
        case "line":
            yield Sentence(sentences.PLAIN["line"], turns=turns, name=name)
        case _ if isinstance(rule, Rest) and name and len(reason.needs) == 2:
            yield _rest(people[reason.person or 0], rule, reason.needs, problem, words)
        case _ if rule is not None and name and not _names_people(rule):
            yield Sentence(_FOR_ONE, name=name, rule=rule_told(rule, problem))
        case _ if rule is not None:
            yield rule_told(rule, problem)


def _names_people(rule: Rule) -> bool:
    return isinstance(rule, planned.Apart | planned.Together | planned.Mentored)


def _rule(problem: Problem, key: str) -> Rule | None:
    return next((rule for rule in problem.rules if rule.key == key), None)


def _qualification(key: str, words: Words) -> object:
    return words.qualifications.get(key, key)


def _names(people: Sequence[Officer]) -> tuple[object, ...]:
    said: tuple[object, ...] = tuple(one.name for one in people[:_NAMED])
    more = len(people) - _NAMED
    return (*said, Sentence(_MORE, count=more)) if more > 0 else said
