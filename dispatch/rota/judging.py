"""What turns break, and what a change of them breaks anew, with its sentences.

Drafts, hand edits, swaps and covers are judged by the same rules. A change answers only for what it
makes worse: a rota that somebody inherited with faults can still be mended turn by turn. Whoever is
relieved for some hours of a turn has one turn all the same, not two without rest between them.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from dispatch.errors import Invalid
from dispatch.rota import rules, sentences
from dispatch.rota.differences import Stand
from dispatch.rota.planning import Ground, Laid
from dispatch.rota.problem import Breach
from dispatch.texts import N_, Sentence


@dataclass(frozen=True)
class Judged:
    """Something that turns break, in words."""

    breach: Breach
    told: Sentence

    @property
    def hard(self) -> bool:
        """Return whether no plan may have it."""
        return self.breach.cost is None


def broken(ground: Ground, laid: Laid) -> list[Judged]:
    """Return everything that turns break, empty needs included."""
    found = rules.check(laid.problem, set(laid.seats))
    return _told(ground, laid, found)


def broken_by(ground: Ground, before: Sequence[Stand], after: Sequence[Stand]) -> list[Judged]:
    """Return what turns break that they did not break before, or less; hard and soft.

    That somebody is now missing is no breach of a change; that somebody unfit takes a place is.
    """
    changed = set(before) ^ set(after)
    was, now = ground.lay(before), ground.lay(after)
    people = {stand.person_id for stand in changed}
    known = Counter[_Name]()
    for breach in rules.check(was.problem, set(was.seats), people, _needs(was, changed)):
        known[_name(breach)] += breach.amount
    found = []
    for breach in rules.check(now.problem, set(now.seats), people, _needs(now, changed)):
        if _missing(now, breach):
            continue
        known[_name(breach)] -= breach.amount
        if known[_name(breach)] < 0 or breach.key == "skill":
            found.append(breach)
    return _told(ground, now, found)


def refuse(found: Iterable[Judged], reason: str) -> None:
    """Raise Invalid with every hard breach, unless somebody says why it must be so."""
    hard = [judged.told for judged in found if judged.hard]
    if hard and not reason.strip():
        told = {f"breach.{number}": sentence for number, sentence in enumerate(hard)}
        ask = N_("This breaks rules: say why it must be so.")
        raise Invalid(" ".join([*hard, ask]), reason=ask, **told)


def keys(found: Iterable[Judged]) -> list[str]:
    """Return which rules are broken, for a row that keeps them."""
    return sorted({judged.breach.key for judged in found})


def stands_in(laid: Laid, breach: Breach) -> list[Stand]:
    """Return the turns that have a part in a breach; none where only somebody is missing."""
    if _missing(laid, breach):
        return []
    return [
        stand
        for stand, (need, person) in zip(laid.stands, laid.seats, strict=True)
        if need in breach.needs and breach.person in (None, person)
    ]


#: Breaches of this name are the same one, before a change and after it.
_Name = tuple[str, int | None, tuple[date, ...]]


def _name(breach: Breach) -> _Name:
    return breach.key, breach.person, breach.days


def _needs(laid: Laid, changed: Collection[Stand]) -> set[int]:
    """Return the needs that changed turns take, or left."""
    return {
        need.id
        for need in laid.problem.needs
        if any(_touches(laid, stand, need.id) for stand in changed)
    }


def _touches(laid: Laid, stand: Stand, need_id: int) -> bool:
    need = laid.problem.needs[need_id]
    here = stand.line_id in laid.rows[need.line]
    return here and stand.starts_at < need.ends_at and need.starts_at < stand.ends_at


def _missing(laid: Laid, breach: Breach) -> bool:
    """Return whether a breach only says that somebody is still wanted."""
    if breach.key not in ("cover", "skill"):
        return False
    need = laid.problem.needs[breach.needs[0]]
    filled = sum(seat[0] == need.id for seat in laid.seats)
    return filled < need.wanted


def _told(ground: Ground, laid: Laid, found: Iterable[Breach]) -> list[Judged]:
    return [Judged(one, sentences.told(one, laid.problem, ground.words)) for one in found]
