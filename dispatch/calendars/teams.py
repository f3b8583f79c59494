"""Some days of a team's rota as a calendar file, to be taken along by who may read the rota.

A copy of one moment: an address that follows the rota belongs to one person and is for `feeds`.
Here colleagues are named, so there is no secret address, which would outlive whoever it was for.
"""

from collections.abc import Iterable
from datetime import datetime

from icalendar import Calendar, Event

from dispatch.rota.duty import Turn
from dispatch.texts import N_, say

_SUMMARY = N_("%(line)s: %(name)s")


def calendar_of(team: str, turns: Iterable[Turn], language: str, now: datetime) -> bytes:
    """Return turns as an iCalendar file, times in UTC."""
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//Dispatch//Rota//EN")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("name", _plain(team))
    for turn in turns:
        event = Event()
        # A turn that somebody covers a part of stands in pieces: each needs a name of its own.
        event.add("uid", f"{turn.cover_uid or turn.shift_uid}-{turn.from_at:%Y%m%dT%H%M%S}@rota")
        event.add("dtstamp", now)
        event.add("dtstart", turn.from_at)
        event.add("dtend", turn.until_at)
        facts = {"line": _plain(turn.line_name), "name": _plain(turn.person_name)}
        event.add("summary", say(language, _SUMMARY, **facts))
        event.add("transp", "TRANSPARENT")
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _plain(text: str) -> str:
    """Replace what no calendar may hold: a stray line break would forge a property."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
