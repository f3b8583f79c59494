"""What is to be planned and what was found: values that planner, checker and screens share.

A `Problem` holds everything a plan depends on: the needs to fill, the people, the rules and wishes
with what each is worth, what is locked and what stands already. A `Proposal` holds who fills what,
what it costs and how far it may be from the best. Both are plain values without rows or clocks, so
that the same problem can be planned, checked, repaired and explained anywhere, and tested by the
thousand. What a cost means is said here, once, in words; `rota.rules` and `rota.planner` each
compute it in their own way, so that neither can hide the other's mistake.

Cost of a plan: the sum over its breaches of soft rules, of what `Fair` says for each person, of the
wishes not met, of missing and surplus people, and of published turns taken away. Whole numbers.

Instants are aware, of any zone; lengths and distances are real time, also over a change of clocks.
Days, weekends and months are local. Times include their start and exclude their end. Nobody fills
two needs that overlap, nor one that overlaps a turn that is known outside the plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

#: One person fills one need: (need id, person id).
Seat = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SkillNeed:
    """Among those who fill a need, at least so many hold a qualification on each of its days."""

    qualification: str
    count: int = 1
    weight: int | None = None
    """Cost of each one missing on the day that lacks most; None: hard."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one line needs over one stretch of time."""

    id: int
    line: str
    kind: str
    """Kind of turn ("day", "night", "week"): the word that successions and selections use."""
    starts_at: datetime
    ends_at: datetime
    days: tuple[date, ...]
    """The local days on which it counts as a turn, in order; the first is its own day."""
    minutes: int
    """Minutes of working time, which for a standby are few or none."""
    rests: bool = False
    """Whether its time counts as rest: no rule on rest looks at it."""
    wanted: int = 1
    under: int | None = None
    """Cost of each person missing; None: hard."""
    over: int | None = None
    """Cost of each person too many; None: hard. What costs 0 is no breach."""
    skills: tuple[SkillNeed, ...] = ()
    unit: str | None = None
    """Only people of this unit ("zone north") may fill it."""
    tags: frozenset[str] = frozenset()
    """What it counts as: night, weekend, public_holiday, eve, school_holiday, heavy, and others."""
    weekends: frozenset[date] = frozenset()
    """The Saturdays of the weekends it takes."""
    block: str | None = None
    """Needs of one line with the same block are filled by the same people."""
    part: float = 1.0
    """How much of a turn it is, where several people have parts of one; for `rota.fairness`."""
    within: str | None = None
    """Which turn, or block, it is a part of; parts of one are planned each by itself.

    Those that one person has are one turn: counted once, on the first day of them all, and neither
    rest nor free days are due between them.
    """


@dataclass(frozen=True, slots=True)
class Holding:
    """A qualification that somebody holds, both days included."""

    qualification: str
    from_on: date
    until_on: date | None = None


@dataclass(frozen=True, slots=True)
class Away:
    """Somebody cannot be planned, from an instant up to but not including another."""

    starts_at: datetime
    ends_at: datetime
    reason: str
    """absence, not_member, other_team, or another word that a sentence exists for."""

    def meets(self, need: "Need") -> bool:
        """Return whether somebody cannot have a turn because of it."""
        return self.starts_at < need.ends_at and need.starts_at < self.ends_at

    def without(self, need: "Need") -> "tuple[Away, ...]":
        """Return what a turn that somebody has all the same leaves of it."""
        if not self.meets(need):
            return (self,)
        before = replace(self, ends_at=need.starts_at), self.starts_at < need.starts_at
        after = replace(self, starts_at=need.ends_at), need.ends_at < self.ends_at
        return tuple(part for part, is_left in (before, after) if is_left)


@dataclass(frozen=True, slots=True)
class Past:
    """A turn outside the days of the plan: rest, runs and windows reach to it."""

    kind: str
    line: str
    starts_at: datetime
    ends_at: datetime
    days: tuple[date, ...]
    minutes: int
    rests: bool = False
    tags: frozenset[str] = frozenset()
    weekends: frozenset[date] = frozenset()
    block: str | None = None
    """Which block it was of: `rota.fairness` counts it once, rules take each turn by itself."""
    part: float = 1.0
    within: str | None = None
    """As those of a need."""


@dataclass(frozen=True, slots=True)
class Officer:
    """Somebody who can be planned."""

    id: int
    name: str
    share: float = 1.0
    """Share of full employment; above 0."""
    unit: str | None = None
    lines: frozenset[str] | None = None
    """The lines this person may take; None: every one."""
    holds: tuple[Holding, ...] = ()
    away: tuple[Away, ...] = ()
    before: tuple[Past, ...] = ()
    """Turns that began before the plan's first day."""
    after: tuple[Past, ...] = ()
    """Turns that begin after its last day and are settled already."""

    @property
    def around(self) -> tuple[Past, ...]:
        """Return the turns that are known outside the plan."""
        return (*self.before, *self.after)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which needs are meant: those that match every word given."""

    kinds: frozenset[str] | None = None
    lines: frozenset[str] | None = None
    tag: str | None = None

    def takes(self, turn: Need | Past) -> bool:
        """Return whether a turn is meant."""
        return (
            (self.kinds is None or turn.kind in self.kinds)
            and (self.lines is None or turn.line in self.lines)
            and (self.tag is None or self.tag in turn.tags)
        )


EVERY = Selection()


class Measure(StrEnum):
    """What is counted."""

    TURNS = "turns"
    """Each on its own day; a block once, on the first day of its needs that are meant."""
    DAYS = "days"
    """Different local days with a turn."""
    MINUTES = "minutes"
    """All of a turn's on its own day."""
    WEEKENDS = "weekends"
    """Different weekends with a turn, each on its Saturday."""


# --- Rules. Each is broken by an amount; a soft one costs its weight times the amount.
#
# A rule on one person sees the turns of its selection, those before the plan and after it included.
# What these alone would break is not counted: two turns, a window or a period that the plan adds
# nothing to. Where a rule speaks of turns before the plan, it means all that are known around it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule has."""

    key: str
    """Names the rule in breaches and explanations; unique within a problem."""
    weight: int | None = None
    """Cost of each unit of breach; None: hard."""
    people: frozenset[int] | None = None
    """Whom it binds; None: everyone. A rule that names people of its own heeds those alone."""
    only: Selection = EVERY
    """Which turns it sees."""
    source: str = ""
    """Law, agreement or own decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest(Rule):
    """Between two turns that do not count as rest, at least so many minutes.

    Amount: 1 for each two turns nearer to each other, also two that overlap; two needs of one block
    never break it.
    """

    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyRest(Rule):
    """In every `days` local days in a row, one stretch of at least so many minutes without a turn.

    Windows run from local midnight to local midnight, hold a day of the plan, end with its last day
    or the person's last day in `after` at the latest, and begin with its first day or the person's
    first day in `before` at the earliest. Turns that count as rest do not interrupt, unless
    `standby_interrupts`.
    Amount: 1 for each window without.
    """

    minutes: int
    days: int = 7
    standby_interrupts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Rule):
    """Days in a row with a turn of the selection: at least and at most so many.

    The least is asked only of runs that begin after the first day and end before the last; turns
    before the plan lengthen a run. Amount: days too few of each run; or days too many, which is the
    number of its stretches of `most` + 1 days, less those that turns before the plan fill alone.
    """

    least: int = 1
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeRun(Rule):
    """Days in a row without a turn of the selection, between two turns: at least so many.

    Amount: days too few of each free run that lies between two turns; one that touches the edge of
    what is known is long enough. `between_blocks` counts only free days between different blocks
    (a turn of no block is one by itself), from the last day of one to the first of the one that
    begins next; two on neighbouring days, or on the same, lack all of them.
    """

    least: int
    between_blocks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit(Rule):
    """At least and at most so much of a measure in a period.

    `period`: "plan" (all of it, and nothing before), "month", "year" (each calendar one with a day
    of the plan), or a number of days: then every window of so many days that ends on a day of the
    plan, or holds one and ends on a later day that counts already. All but the first reach over
    what is known around the plan. A least is asked only of periods that lie wholly within the plan.
    Amount: how much too much (beyond the most, or beyond what turns before the plan make alone, if
    that is more) or too little in each period; for minutes in begun hours.
    """

    of: Measure = Measure.TURNS
    period: str | int = "plan"
    least: int | None = None
    most: int | None = None
    per_share: bool = False
    """Whether the numbers are those of full employment: multiplied with the share, the most rounded
    up and the least down, both after rounding to six decimals (so that 0.55 of 100 is 55)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekendsInARow(Rule):
    """At most so many weekends running with a turn.

    Amount: weekends too many of each run, counted like the days of `Run`.
    """

    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeWeekend(Rule):
    """Both days of a weekend or neither.

    Amount: 1 for each weekend with a turn on one of its days only, if its Sunday is of the plan.
    Its Saturday may lie before, and then counts also where the plan adds nothing.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession(Rule):
    """A turn of `then` may not have its own day on the day after that of a turn of `first`.

    Amount: 1 for each two such turns.
    """

    first: str
    then: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart(Rule):
    """Two people never on duty at the same time.

    Amount: 1 for each pair of needs of the selection that overlap; a need that both fill is one.
    """

    pair: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Together(Rule):
    """Two people on duty only at the same time. Amount: 1 for each need of one without the other.

    The other must fill some need that overlaps it, also one that is not of the selection.
    """

    pair: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentored(Rule):
    """A trainee only beside one of the mentors, in a need that overlaps. Amount: 1 each without.

    The selection says which needs of the trainee ask for it; the mentor's may be any.
    """

    trainee: int
    mentors: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAll(Rule):
    """Of some needs, one person fills at most so many: not Christmas and New Year both.

    Amount: needs too many of each person; needs of one block count once.
    """

    needs: frozenset[int]
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fair:
    """A burden shared out: each person costs weight x (count - target)^2 / share, rounded.

    Python's `round` on the exact quotient, with `Fraction(target)` and `Fraction(share)`. Only
    needs of the plan are counted, minutes in begun hours of each person's sum.
    """

    key: str
    weight: int = 100
    of: Measure = Measure.TURNS
    only: Selection = EVERY
    targets: Mapping[int, float] = field(default_factory=dict)
    """By person; history, share and presence are already in it. Who is not named costs nothing."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody would rather have, or rather not have, one of some needs.

    Wanted: costs its weight when none of them is theirs. Unwanted: when any is, once.
    """

    key: str
    person: int
    needs: frozenset[int]
    wanted: bool
    weight: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything that a plan depends on."""

    first: date
    last: date
    """Both included."""
    zone: str
    needs: tuple[Need, ...]
    """A need's id is its place here."""
    people: tuple[Officer, ...]
    rules: tuple[Rule, ...] = ()
    fairs: tuple[Fair, ...] = ()
    wishes: tuple[Wish, ...] = ()
    locked: Mapping[Seat, bool] = field(default_factory=dict)
    """Seats that must be, or must not be, in the plan."""
    stays: Mapping[Seat, int] = field(default_factory=dict)
    """What taking away a published seat costs."""
    facts: frozenset[Seat] = frozenset()
    """Locked seats that stand whatever speaks against them: begun, or covered by somebody."""
    present: frozenset[Seat] = frozenset()
    """The plan to begin from: a hint, never a promise."""


class Outcome(StrEnum):
    """How far a plan came."""

    OPTIMAL = "optimal"
    """Proven: nothing costs less."""
    FEASIBLE = "feasible"
    """Every hard rule holds; something cheaper may exist, never below the bound."""
    PARTIAL = "partial"
    """Hard rules hold, but some needs lack people, or people turns that a rule asks for."""
    IMPOSSIBLE = "impossible"
    """Proven: no plan keeps every hard rule and fills every need."""
    UNKNOWN = "unknown"
    """The time ended first."""


@dataclass(frozen=True, slots=True)
class Point:
    """A moment of a search."""

    seconds: float
    cost: int | None
    bound: int | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the planner found."""

    outcome: Outcome
    seats: frozenset[Seat] = frozenset()
    cost: int | None = None
    bound: int | None = None
    seconds: float = 0.0
    method: str = ""
    """Which formulation, or "greedy"."""
    reproducible: bool = False
    curve: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Breach:
    """Something that a plan does not keep."""

    key: str
    """The rule's key; or cover (missing or too many), skill, away, unit, line, locked, block,
    overlap, fair:<key>, wish:<key>, stays."""
    amount: int
    cost: int | None
    """None: hard."""
    person: int | None = None
    needs: tuple[int, ...] = ()
    days: tuple[date, ...] = ()
    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    """What a sentence about it needs: "hours" of rest, "count", "most", "qualification"."""
