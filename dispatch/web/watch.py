"""Whether the centre works: for monitors, load balancers and the header of every screen.

`/health` is about the whole centre and red when the engine is silent, a message is overdue or one
process keeps all others from writing for more than ten seconds, or when the engine's heartbeat lies
in the future, since nobody knows then what is late; `/ready` is about this process and its
database. Figures come from the database at the moment of asking, so every process says the same,
and none is about a person.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import flask
import prometheus_client
import sqlalchemy as sa
from flask import Blueprint
from flask_babel import gettext
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dispatch import upkeep
from dispatch.channels.contract import Kind, State
from dispatch.db import Session, Unavailable
from dispatch.outbox import queue
from dispatch.outbox.models import Message
from dispatch.paging import replies
from dispatch.web import session as frame

blueprint = Blueprint("watch", __name__)

RED_SECONDS = 10
_LATE_SECONDS = 3
#: How far back the state of the SMS supplier looks.
_LATELY = timedelta(minutes=10)


@blueprint.get("/health")
def health() -> flask.Response:
    """Say whether alerts would be handled now."""
    report: dict[str, Any] = {
        "status": "red",
        "database": "unavailable",
        "database_writer": None,
        "engine_heartbeat_seconds": None,
        "oldest_due_message_seconds": None,
        "clock_set_seconds": None,
    }
    try:
        with frame.reading() as session:
            beat = upkeep.age(session, "engine", frame.now())
            ahead = upkeep.ahead(session, "engine", frame.now())
            due = queue.oldest_due_seconds(session, frame.now())
            clock_set = _clock_set(session)
    except Unavailable:
        return _report(report, 503)
    stuck = _stuck_writer()
    well = beat is not None and beat <= RED_SECONDS and due <= RED_SECONDS
    well = well and stuck is None and not ahead
    report |= {
        "status": "ok" if well else "red",
        "database": "ok" if stuck is None else "locked",
        "database_writer": stuck,
        "engine_heartbeat_seconds": None if beat is None else round(beat, 1),
        "oldest_due_message_seconds": round(due, 1),
        "clock_set_seconds": clock_set,
    }
    return _report(report, 200 if well else 503)


def _stuck_writer() -> dict[str, Any] | None:
    """Return the process that nobody can write for, since it was frozen in the middle of it."""
    writer = frame.parts().store.writer()
    if writer is None or writer.seconds <= RED_SECONDS:
        return None
    return {"pid": writer.pid, "seconds": round(writer.seconds)}


def _clock_set(session: Session) -> float | None:
    """Return by how much the clock was set lately; negative: back."""
    ahead = upkeep.ahead(session, "engine", frame.now())
    if ahead:
        return -round(ahead, 1)
    last = upkeep.last_beat(session, "engine")
    return last.facts.get("clock_set_seconds") if last is not None else None


@blueprint.get("/ready")
def ready() -> flask.Response:
    """Say whether this process can serve."""
    try:
        with frame.reading() as session:
            session.execute(sa.text("SELECT 1"))
    except Unavailable:
        return _report({"status": "red", "database": "unavailable"}, 503)
    return _report({"status": "ok", "database": "ok"}, 200)


@blueprint.get("/metrics")
def metrics() -> flask.Response:
    """Give figures for Prometheus."""
    registry = prometheus_client.CollectorRegistry()
    with frame.reading() as session:
        registry.register(_Figures(session))
        text = prometheus_client.generate_latest(registry)
    return flask.Response(text, content_type=prometheus_client.CONTENT_TYPE_LATEST)


def _report(report: dict[str, Any], status: int) -> flask.Response:
    return flask.make_response(flask.jsonify(report), status)


class _Figures(Collector):
    """What the database says at the moment of a scrape."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def collect(self) -> Iterator[Metric]:
        """Yield each figure."""
        beat = upkeep.age(self._session, "engine", frame.now())
        yield GaugeMetricFamily(
            "dispatch_engine_heartbeat_seconds",
            "Seconds since the engine was last alive; NaN: never",
            value=float("nan") if beat is None else beat,
        )
        yield GaugeMetricFamily(
            "dispatch_clock_set_seconds",
            "By how much the clock was set lately; negative: back",
            value=_clock_set(self._session) or 0.0,
        )
        yield GaugeMetricFamily(
            "dispatch_oldest_due_message_seconds",
            "Seconds that the oldest message due has waited",
            value=queue.oldest_due_seconds(self._session, frame.now()),
        )
        messages = GaugeMetricFamily(
            "dispatch_messages", "Messages kept, by kind and state", labels=["kind", "state"]
        )
        query = sa.select(Message.kind, Message.status, sa.func.count()).group_by(
            Message.kind, Message.status
        )
        for kind, status, count in self._session.execute(query):
            messages.add_metric([kind.value, status.value], count)
        yield messages
        yield GaugeMetricFamily(
            "dispatch_messages_resent",
            "Messages kept that were sent again after an unclear outcome",
            value=self._session.scalar(sa.select(sa.func.coalesce(sa.func.sum(Message.resent), 0))),
        )
        yield GaugeMetricFamily(
            "dispatch_strangers_not_answered",
            "Unknown numbers of about a day that got no answer, because too many wrote",
            value=replies.strangers_not_answered(self._session),
        )


def engine_state() -> dict[str, str]:
    """Return the engine's state for the header: running, late or stopped.

    `banner` is the kind of a banner with the same text, or empty.
    """
    with frame.reading() as session:
        beat = upkeep.age(session, "engine", frame.now())
        overdue = queue.oldest_due_seconds(session, frame.now())
        ahead = upkeep.ahead(session, "engine", frame.now())
        clock_set = _clock_set(session)
    if ahead:
        sentence = gettext(
            "The clock was set back by %(seconds)s s, or differs from another machine's: call-outs "
            "may come late. Have the clocks set right.",
            seconds=round(ahead),
        )
        return {"state": "stopped", "text": sentence, "banner": "critical"}
    if beat is None:
        sentence = gettext("The engine has not run yet: nobody is paged.")
        return {"state": "stopped", "text": sentence, "banner": "critical"}
    if beat > RED_SECONDS:
        sentence = gettext(
            "The engine has been silent for %(seconds)s s: nobody is paged. Ring people yourself "
            "and have it started.",
            seconds=round(beat),
        )
        return {"state": "stopped", "text": sentence, "banner": "critical"}
    if clock_set is not None:
        sentence = gettext(
            "The clock was set by %(seconds)s s a moment ago: look at every open call-out.",
            seconds=round(clock_set),
        )
        return {"state": "late", "text": sentence, "banner": "waiting"}
    if beat > _LATE_SECONDS or overdue > RED_SECONDS:
        sentence = gettext("The engine is slow at this moment.")
        return {"state": "late", "text": sentence, "banner": ""}
    return {"state": "running", "text": gettext("The engine is running."), "banner": ""}


def sms_state() -> dict[str, str]:
    """Return whether texts go out: working, trouble or down."""
    if not frame.parts().channels:
        return {"state": "down", "text": gettext("No SMS supplier is set up: nobody is texted.")}
    since = frame.now() - _LATELY
    struggling = Message.status.in_((State.UNKNOWN, State.PENDING)) & (Message.attempts > 0)
    failed = (Message.status == State.FAILED) & (Message.failed_at > since)
    with frame.reading() as session:
        row = session.execute(
            sa.select(
                sa.func.count().filter(struggling).label("struggling"),
                sa.func.count().filter(failed).label("failed"),
                sa.func.count().filter(Message.sent_at > since).label("sent"),
            ).where(Message.kind == Kind.SMS, Message.created_at > since)
        ).one()
    if row.struggling and not row.sent:
        return {"state": "down", "text": gettext("The SMS supplier cannot be reached.")}
    if row.struggling or row.failed:
        sentence = gettext(
            "%(count)s texts of the last ten minutes did not go out at once.",
            count=row.struggling + row.failed,
        )
        return {"state": "trouble", "text": sentence}
    return {"state": "working", "text": gettext("Texts go out.")}
