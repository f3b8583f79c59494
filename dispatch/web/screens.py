"""What every template may rely on: how instants, durations and hostile text are shown.

Promises that a screen and the scripts that tick on it say the same thing in the same form, that
instants stand in the zone of the request, and that no text from outside can hide, turn around or
break what stands beside it. The look itself is in the templates and stylesheets; who may see what
is decided before any of this runs.
"""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask_babel
from flask import Flask

#: Marks that turn the direction of text around or are no characters at all. Left as they are, a
#: sender could make a telephone number or a name read differently from what it is.
_UNSEEN_MARKS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)


def install(app: Flask) -> None:
    """Give the application's templates their filters, and static addresses their versions."""
    app.jinja_env.filters.update(
        age=age,
        day=day,
        elapsed_share=elapsed_share,
        exact=exact,
        harmless=harmless,
        hms=hms,
        iso=iso,
        left=left,
        ms=ms,
        short=short,
        span=span,
    )
    versions: dict[str, str] = {}

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        # Without it a browser keeps the sheet of yesterday beside the screen of today.
        if endpoint == "static" and app.static_folder and "v" not in values:
            values["v"] = _version(versions, Path(app.static_folder) / values["filename"])


def _version(known: dict[str, str], path: Path) -> str:
    name = str(path)
    if name not in known:
        content = path.read_bytes() if path.is_file() else b""
        known[name] = hashlib.sha256(content).hexdigest()[:12]
    return known[name]


def harmless(text: object) -> str:
    """Make control and direction marks visible as U+FFFD; keep tabs and line ends."""
    return _UNSEEN_MARKS.sub("\ufffd", str(text).replace("\r\n", "\n"))


def iso(at: datetime) -> str:
    """Write an instant for `<time datetime>`, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def ms(at: datetime) -> int:
    """Write an instant as the scripts count: milliseconds since 1970."""
    return round(at.timestamp() * 1000)


def hms(at: datetime, beside: datetime | None = None) -> str:
    """Write the time of day with seconds; with the day when it is not that of `beside`."""
    told = "HH:mm:ss" if beside is None or _same_day(at, beside) else "d MMM HH:mm:ss"
    return str(flask_babel.format_datetime(at, told))


def short(at: datetime, now: datetime) -> str:
    """Write the time of day; with the day when it is not today."""
    return str(flask_babel.format_datetime(at, "HH:mm" if _same_day(at, now) else "d MMM HH:mm"))


def _same_day(at: datetime, beside: datetime) -> bool:
    one, other = (flask_babel.to_user_timezone(instant) for instant in (at, beside))
    return bool(one.date() == other.date())


def exact(at: datetime) -> str:
    """Write an instant beyond doubt: weekday, date, seconds, zone."""
    return str(flask_babel.format_datetime(at, "EEE d MMM y HH:mm:ss z"))


def day(at: datetime, form: str) -> str:
    """Write parts of the local day, such as "EEE d MMM"."""
    return str(flask_babel.format_datetime(at, form))


def age(at: datetime, now: datetime) -> str:
    """Write how long ago an instant was; `board.js` writes the same."""
    return span(max(0, int((now - at).total_seconds())))


def left(due_at: datetime, now: datetime) -> str:
    """Write the time left as m:ss, with a plus sign when it is over; `board.js` writes the same."""
    seconds = round((due_at - now).total_seconds())
    over = "+" if seconds < 0 else ""
    return f"{over}{abs(seconds) // 60}:{abs(seconds) % 60:02}"


def elapsed_share(due_at: datetime, whole: int, now: datetime) -> int:
    """Say how much of `whole` seconds has gone at `now`, in percent of a countdown ring."""
    remaining = (due_at - now) / timedelta(seconds=max(whole, 1))
    return round(100 * (1 - min(1, max(0, remaining))))


def span(seconds: int) -> str:
    """Write a length of time in its two largest units."""
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02}"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"
