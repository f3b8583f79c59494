"""Logs: one line of JSON an event on standard error, for people and machines alike.

An event is a word with fields ("message_sent", message=..., kind=...). Personal data stays out:
fields named after it are withheld, telephone numbers are masked wherever they turn up, an
exception is logged as its type and its places in the code and never with its text, which may quote
a narrative, and addresses of requests lose their query and everything that looks like a token.
Records of gunicorn and of libraries become the same lines. Where lines go is left to whoever
starts the process.
"""

import json
import logging
import logging.config
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

#: Fields that would hold personal data or a secret: never shown, whatever they hold.
WITHHELD = frozenset(
    {"name", "phone", "number", "address", "mail", "email", "text", "body", "narrative"}
    | {"summary", "contact", "note", "token", "password", "secret", "code", "link"}
)

_NUMBER = re.compile(r"\+\d[\d ./()-]{5,}\d|\b0\d[\d ./-]{6,}\d\b")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,}")
_QUERY = re.compile(r"\?\S*")


class Log:
    """A logger whose events are words and whose facts are fields."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, /, **fields: Any) -> None:
        """Log what helps in finding a fault."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: Any) -> None:
        """Log what happened."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: Any) -> None:
        """Log what was overcome but should not recur."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: Any) -> None:
        """Log what somebody has to look at."""
        self._log(logging.ERROR, event, fields)

    def exception(self, event: str, /, **fields: Any) -> None:
        """Log an error with the exception being handled."""
        self._log(logging.ERROR, event, fields, exc_info=True)

    def _log(self, level: int, event: str, fields: dict[str, Any], exc_info: bool = False) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, extra={"fields": fields}, exc_info=exc_info)


def logger(name: str) -> Log:
    """Return the logger of a module."""
    return Log(logging.getLogger(name))


def configure(level: str) -> None:
    """Send every record and every uncaught exception of this process to standard error."""
    logging.config.dictConfig(config(level))
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def config(level: str) -> dict[str, Any]:
    """Return the same as a dictionary for gunicorn, which configures logging anew itself."""
    ours = {"handlers": [], "propagate": True, "level": level.upper()}
    # Never below: a server's own debugging quotes whole requests.
    calm = "INFO" if level == "debug" else level.upper()
    servers = {"handlers": [], "propagate": True, "level": calm}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": JsonLines}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "lines",
                "stream": "ext://sys.stderr",
            }
        },
        # Libraries are quoted from warnings on only: below, some of them log whole requests.
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {"dispatch": ours, "gunicorn.error": servers, "gunicorn.access": servers},
    }


class JsonLines(logging.Formatter):
    """Makes a line of a record, without personal data."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        event, fields = _event(record)
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": event,
            "logger": record.name,
            **{key: _shown(key, value) for key, value in fields.items()},
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= _exception(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


def _masked(text: str) -> str:
    """Return `text` without queries, tokens and telephone numbers."""
    return _NUMBER.sub("[number]", _TOKEN.sub("[token]", _QUERY.sub("?[query]", text)))


def _event(record: logging.LogRecord) -> tuple[str, Mapping[str, Any]]:
    fields = getattr(record, "fields", None)
    if isinstance(fields, dict):
        return record.msg, fields
    atoms = record.args
    if record.name == "gunicorn.access" and isinstance(atoms, Mapping):
        request = {"method": atoms["m"], "path": _masked(str(atoms["U"])), "status": atoms["s"]}
        return "request", {**request, "bytes": atoms["B"], "microseconds": atoms["D"]}
    try:
        return _masked(record.getMessage()), {}
    except (TypeError, ValueError, KeyError):
        return "unprintable", {}


def _shown(key: str, value: Any) -> Any:
    if key in WITHHELD:
        return "[withheld]"
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(inner): _shown(str(inner), part) for inner, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_shown(key, part) for part in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return _NUMBER.sub("[number]", value if isinstance(value, str) else type(value).__name__)


def _exception(error: BaseException) -> dict[str, Any]:
    """Return the type of an exception and of its causes, and where it went wrong."""
    causes: list[str] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < 5:
        causes.append(_type(cause))
        cause = cause.__cause__ or cause.__context__
    places = [
        f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return {"error": _type(error), "causes": causes, "places": places[-20:]}


def _type(error: BaseException) -> str:
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


def _uncaught(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    if error is None or issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("dispatch").critical(
        "uncaught", extra={"fields": {}}, exc_info=(kind, error, trace)
    )
