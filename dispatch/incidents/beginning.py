"""When paging for an incident begins (pure): at once, unless it can wait.

What is to be done by appointment is paged for shortly before, and never at night for the day: then
the evening before. In the quiet hours what has the lowest priority and is not to be gone to now
waits until they end. Whoever decides that it cannot wait is for the caller to know.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from dispatch.incidents.models import ResponseMode
from dispatch.people import hours
from dispatch.people.models import Organisation

#: What may wait for the end of the quiet hours.
CAN_WAIT = 3
#: An appointment farther ahead is a slip of the pen: nobody would be called for months.
FARTHEST = timedelta(days=60)
#: So long before the quiet hours people are still called for what comes after them.
_EVENING = timedelta(hours=2)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Quiet:
    """The hours of every night in which nobody is woken for what can wait."""

    begins: time
    ends: time
    zone: ZoneInfo

    def around(self, at: datetime) -> tuple[datetime, datetime] | None:
        """Return the quiet hours that an instant is in, as instants; None: it is in none."""
        return next((one for one in self._nights(at) if one[0] <= at < one[1]), None)

    def _nights(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        day = at.astimezone(self.zone).date()
        for evening in (day - _DAY, day):
            morning = evening + _DAY if self.ends <= self.begins else evening
            yield (
                min(hours.instants(evening, self.begins, self.zone)),
                max(hours.instants(morning, self.ends, self.zone)),
            )


def quiet_of(organisation: Organisation) -> Quiet | None:
    """Return an organisation's quiet hours, if it has any."""
    if not (organisation.quiet_from and organisation.quiet_until):
        return None
    begins, ends = map(time.fromisoformat, (organisation.quiet_from, organisation.quiet_until))
    return Quiet(begins, ends, ZoneInfo(organisation.time_zone))


def begins_at(
    priority: int,
    mode: ResponseMode,
    appointment_at: datetime | None,
    quiet: Quiet | None,
    lead: timedelta,
    now: datetime,
) -> datetime | None:
    """Return when paging begins; None: at once. `lead` is the time before an appointment."""
    if appointment_at is not None:
        return _before(appointment_at - lead, quiet, now)
    if priority >= CAN_WAIT and mode is not ResponseMode.GO_NOW and quiet is not None:
        night = quiet.around(now)
        return night[1] if night is not None else None
    return None


def _before(start: datetime, quiet: Quiet | None, now: datetime) -> datetime | None:
    night = quiet.around(start) if quiet is not None else None
    evening = night[0] - _EVENING if night is not None else start
    return next((at for at in (evening, start) if at > now), None)
