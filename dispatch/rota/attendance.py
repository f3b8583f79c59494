"""Who will really come: the stretches of duty, with whoever is away left out.

The rota names whoever is planned, and goes on naming them while they are away: an alert passes them
over and pages them only once nobody else is left. So whoever looks at the rota to know who will
come (a screen, a machine, a warning) must see a gap there, also where an absence begins later than
now. Only an absence that is approved counts. Why somebody is away is not told.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from dispatch.db import Session
from dispatch.people import hours
from dispatch.people.models import Team
from dispatch.rota import absences, duty
from dispatch.rota.duty import Duty, Gap, Stretch, Turn
from dispatch.rota.models import Absence

#: Whoever comes next is looked for so far ahead.
_AHEAD = timedelta(days=14)


def on_duty(session: Session, team: Team, at: datetime) -> Duty:
    """Return who will come at `at` on each line of the team."""
    found = attended(session, duty.duty_between(session, team, at, at + _AHEAD))
    lines = tuple(
        next(stretch for stretch in stretches if _lasts(stretch, at))
        for _, stretches in groupby(found, key=lambda one: one.line_id)
    )
    return Duty(team.key, at, hours.expected(team, at), lines)


def attended(session: Session, planned: Sequence[Stretch]) -> list[Stretch]:
    """Return stretches of duty, in order by line, with a gap of kind "away" where somebody is."""
    turns = [stretch for stretch in planned if isinstance(stretch, Turn)]
    if not turns:
        return list(planned)
    begin, end = min(turn.from_at for turn in turns), max(turn.until_at for turn in turns)
    away: dict[int, list[Absence]] = {}
    for absence in absences.standing(session, {turn.person_id for turn in turns}, begin, end):
        away.setdefault(absence.person_id, []).append(absence)
    found: list[Stretch] = []
    for _, line in groupby(planned, key=lambda one: one.line_id):
        found += _of_line(list(line), away)
    return found


def _of_line(line: Sequence[Stretch], away: dict[int, list[Absence]]) -> list[Stretch]:
    """Return one line with its gaps, each with who really comes next, as far as is known here."""
    found: list[Stretch] = []
    for stretch in line:
        if isinstance(stretch, Turn):
            found += _cut(stretch, away.get(stretch.person_id, ()))
        elif stretch is line[-1]:
            found.append(stretch)
        else:
            found.append(replace(stretch, next_id=None, next_name=None))
    return duty.with_next(found)


def _cut(turn: Turn, away: Iterable[Absence]) -> Iterator[Stretch]:
    """Yield a turn in pieces: where its holder comes, and where not."""
    mine = [
        (max(one.starts_at, turn.from_at), min(one.ends_at or absences.FAR, turn.until_at))
        for one in away
    ]
    mine = [(begin, end) for begin, end in mine if begin < end]
    cuts = {turn.from_at, turn.until_at, *(at for times in mine for at in times)}

    def is_away(piece: tuple[datetime, datetime]) -> bool:
        return any(begin <= piece[0] < end for begin, end in mine)

    for gone, pieces in groupby(pairwise(sorted(cuts)), key=is_away):
        times = list(pieces)
        begin, end = times[0][0], times[-1][1]
        if gone:
            line = (turn.line_id, turn.line_key, turn.line_name)
            yield Gap(*line, begin, end, "away", turn.person_name)
        else:
            yield replace(turn, from_at=begin, until_at=end)


def _lasts(stretch: Stretch, at: datetime) -> bool:
    return stretch.until_at is None or at < stretch.until_at
