"""What is wrong with the centre, judged from what was read; nothing is looked up here.

A cause is told, not what follows from it: while no engine is heard of, that messages wait is no
news. What only flickers is left out, but nothing is kept back for more than ten seconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dispatch.vigil.models import Trouble

#: The engine beats once a second, a web process every five: one that is only slow is not missed.
ENGINE_SECONDS, WEB_SECONDS = 7.0, 30.0
#: Whoever looks has to be awake for so long: all processes start together.
GRACE_SECONDS = 20.0
OVERDUE_SECONDS = 10.0
#: One fault that the next message undoes is no refusal; ten seconds without any supplier are one.
REFUSED, NONE_LEFT = timedelta(seconds=5), timedelta(seconds=10)
SKEW_SECONDS = 2.0


@dataclass(frozen=True)
class Found:
    """Something that is wrong now."""

    trouble: Trouble
    since: datetime
    about: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    organisation_id: int | None = None
    """Whose dispatchers are told; None: everybody's."""


@dataclass(frozen=True)
class Standing:
    """A supplier of texts or calls."""

    name: str
    texts: bool
    refused_since: datetime | None = None
    code: str = ""
    meaning: str = ""
    """Of the code, in English words to be said in any language."""
    calls: bool = False


@dataclass(frozen=True)
class Promise:
    """A source that sends test alerts, so that its silence says something."""

    key: str
    name: str
    organisation_id: int
    minutes: int
    heard_at: datetime | None


@dataclass(frozen=True)
class Readings:
    """What is known at an instant."""

    awake_seconds: float
    """How long whoever reads has been running."""
    engine_seconds: float | None
    """Since an engine was last heard of; None: not within a day."""
    web_seconds: float | None
    due_seconds: float
    """How long the message that waits longest has waited."""
    suppliers: Sequence[Standing] = ()
    silent_since: datetime | None = None
    """Since when suppliers have called nothing back."""
    promises: Sequence[Promise] = ()
    skews: Mapping[str, float] = field(default_factory=dict)
    """By how many seconds other clocks are ahead of an engine's, by their names."""
    untold: Mapping[str, datetime] = field(default_factory=dict)
    """Since when the watchdog outside cannot be told, by the way."""


def wrong(read: Readings, now: datetime) -> list[Found]:
    """Return everything that is wrong."""
    found = [
        *_processes(read, now),
        *_suppliers(read, now),
        *_sources(read, now),
        *_clocks(read, now),
        *(Found(Trouble.WATCHDOG, at, way, {"way": way}) for way, at in read.untold.items()),
    ]
    return [one for one in found if one.trouble in judged(read)]


#: What is found out from readings.
_READ = frozenset(Trouble) - {Trouble.COVER, Trouble.DATABASE}
#: At the start nothing was sent yet, and a supplier on this machine may start after us.
_SENT = {Trouble.SUPPLIER, Trouble.NO_SUPPLIER, Trouble.CALLBACKS}


def judged(read: Readings) -> frozenset[Trouble]:
    """Return what can be judged by whoever is awake for so long: the rest stays as it was found."""
    early = {Trouble.WEB} if read.awake_seconds < WEB_SECONDS else set()
    return _READ - early - (_SENT if read.awake_seconds < GRACE_SECONDS else set())


def _processes(read: Readings, now: datetime) -> Iterator[Found]:
    if is_silent(read.engine_seconds, read.awake_seconds):
        yield Found(Trouble.ENGINE, now - timedelta(seconds=read.engine_seconds or 0))
    elif read.due_seconds > OVERDUE_SECONDS:
        yield Found(Trouble.OVERDUE, now - timedelta(seconds=read.due_seconds))
    if read.web_seconds is not None and read.web_seconds > WEB_SECONDS:
        yield Found(Trouble.WEB, now - timedelta(seconds=read.web_seconds))


def is_silent(engine_seconds: float | None, awake_seconds: float) -> bool:
    """Tell whether no engine lives, for all that somebody awake for so long can know."""
    if awake_seconds < GRACE_SECONDS:
        return False
    return engine_seconds is None or engine_seconds > ENGINE_SECONDS


def _suppliers(read: Readings, now: datetime) -> Iterator[Found]:
    for one in read.suppliers:
        if one.refused_since is not None and one.refused_since <= now - REFUSED:
            rings = [other for other in read.suppliers if other.calls and not other.refused_since]
            facts: dict[str, Any] = {"supplier": one.name, "code": one.code}
            facts |= {"meaning": one.meaning, "unrung": one.calls and not rings}
            yield Found(Trouble.SUPPLIER, one.refused_since, one.name, facts)
    since = none_left(read.suppliers, now)
    if since is not None:
        yield Found(Trouble.NO_SUPPLIER, since)
    if read.silent_since is not None:
        yield Found(Trouble.CALLBACKS, read.silent_since)


def none_left(suppliers: Sequence[Standing], now: datetime) -> datetime | None:
    """Return since when no supplier takes texts; None while one does, or none is set up."""
    refused = [one.refused_since for one in suppliers if one.texts]
    lasting = [at for at in refused if at is not None and at <= now - NONE_LEFT]
    return max(lasting) if lasting and len(lasting) == len(refused) else None


def _sources(read: Readings, now: datetime) -> Iterator[Found]:
    for one in read.promises:
        since = one.heard_at or now
        if one.heard_at is None or now - one.heard_at > timedelta(minutes=one.minutes):
            never = one.heard_at is None
            facts = {"source": one.name, "minutes": one.minutes, "never": never}
            yield Found(Trouble.SOURCE, since, one.key, facts, one.organisation_id)


def _clocks(read: Readings, now: datetime) -> Iterator[Found]:
    for name, seconds in sorted(read.skews.items()):
        if abs(seconds) > SKEW_SECONDS:
            facts = {"whose": name, "seconds": round(seconds)}
            yield Found(Trouble.CLOCK, now, name, facts)
