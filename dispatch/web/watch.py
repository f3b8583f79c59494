"""Whether the centre works: for monitors, load balancers and the header of every screen.

`/health` is about the whole centre and red when the engine is silent, a message is overdue or one
process keeps all others from writing for more than ten seconds, or when the engine's heartbeat lies
in the future, since nobody knows then what is late; `/ready` is about this process and its
database. Figures come from the database at the moment of asking, so every process says the same,
and none is about a person.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import flask
import prometheus_client
import sqlalchemy as sa
from flask import Blueprint
from flask_babel import gettext
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dispatch import upkeep
from dispatch.channels.contract import RECEIPTED
from dispatch.db import Session, Unavailable
from dispatch.outbox import queue
from dispatch.outbox.models import Message
from dispatch.paging import replies
from dispatch.vigil import sentry, wrongs
from dispatch.vigil.models import Trouble
from dispatch.web import screens, suppliers
from dispatch.web import session as frame

blueprint = Blueprint("watch", __name__)

RED_SECONDS = 10
_LATE_SECONDS = 3


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
        "sms_refused": [],
        "no_callback_since": None,
        "clock_skew_seconds": {},
        "troubles": [],
    }
    try:
        with frame.reading() as session:
            beat = upkeep.age(session, "engine", _now())
            ahead = upkeep.ahead(session, "engine", _now())
            due = queue.oldest_due_seconds(session, _now())
            told = {"clock_set_seconds": _clock_set(session), **_sms(session), **_found(session)}
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
    } | told
    return _report(report, 200 if well else 503)


def _now() -> datetime:
    """Return the present instant: a request that had to wait would take its own for the clock's."""
    return frame.parts().clock.now()


def _stuck_writer() -> dict[str, Any] | None:
    """Return the process that nobody can write for, since it was frozen in the middle of it."""
    writer = frame.parts().store.writer()
    if writer is None or writer.seconds <= RED_SECONDS:
        return None
    return {"pid": writer.pid, "seconds": round(writer.seconds)}


def _sms(session: Session) -> dict[str, Any]:
    """Return what is wrong with the suppliers of texts and calls.

    Nothing of it turns us red: it is told where people can act on it, and restarting us helps
    nobody.
    """
    since = suppliers.silent_since(session)
    return {
        "sms_refused": [
            {
                "supplier": refusal.supplier,
                "since": screens.iso(refusal.since),
                "code": refusal.code,
                "meaning": suppliers.meaning(refusal),
            }
            for refusal in suppliers.refusals(session)
        ],
        "no_callback_since": screens.iso(since) if since else None,
    }


def _found(session: Session) -> dict[str, Any]:
    """Return what the watch over the centre has found: as much as a monitor may know."""
    everybodys = wrongs.standing(session, ())
    return {
        "clock_skew_seconds": dict(sentry.skews(session, _now())),
        "troubles": [
            {"trouble": one.trouble.value, "since": screens.iso(one.since)} for one in everybodys
        ],
    }


def _clock_set(session: Session) -> float | None:
    """Return by how much the clock was set lately; negative: back."""
    ahead = upkeep.ahead(session, "engine", _now())
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
        beat = upkeep.age(self._session, "engine", _now())
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
        yield from self._found()
        yield GaugeMetricFamily(
            "dispatch_oldest_due_message_seconds",
            "Seconds that the oldest message due has waited",
            value=queue.oldest_due_seconds(self._session, _now()),
        )
        yield from self._suppliers()
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

    def _found(self) -> Iterator[Metric]:
        standing = Counter(one.trouble for one in wrongs.standing(self._session, ()))
        troubles_ = GaugeMetricFamily(
            "dispatch_troubles", "What is wrong with the centre, by kind", labels=["trouble"]
        )
        for kind in Trouble:
            troubles_.add_metric([kind.value], standing[kind])
        yield troubles_
        skews = GaugeMetricFamily(
            "dispatch_clock_skew_seconds",
            "By how much another clock is ahead of an engine's",
            labels=["whose"],
        )
        for name, seconds in sentry.skews(self._session, _now()).items():
            skews.add_metric([name], seconds)
        yield skews

    def _suppliers(self) -> Iterator[Metric]:
        refusing = GaugeMetricFamily(
            "dispatch_supplier_refusing", "Whether a supplier refuses us", labels=["supplier"]
        )
        names = {refusal.supplier for refusal in suppliers.refusals(self._session)}
        for name in suppliers.alarms(RECEIPTED):
            refusing.add_metric([name], name in names)
        yield refusing
        yield GaugeMetricFamily(
            "dispatch_callbacks_missing",
            "Whether suppliers call nothing back, so that replies may not be reaching us",
            value=suppliers.silent_since(self._session) is not None,
        )


def engine_state() -> dict[str, str]:
    """Return the engine's state for the header: running, late or stopped.

    `banner` is the kind of a banner with the same text, or empty.
    """
    with frame.reading() as session:
        beat = upkeep.age(session, "engine", _now())
        overdue = queue.oldest_due_seconds(session, _now())
        ahead = upkeep.ahead(session, "engine", _now())
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
