"""Whether the centre works: for monitors, load balancers and the header of every screen.

`/health` is about the whole centre and red when the engine is silent, a message is overdue or one
process keeps all others from writing for more than ten seconds, or when the engine's heartbeat lies
in the future, since nobody knows then what is late; `/ready` is about this process and its
database. Figures come from the database at the moment of asking, so every process says the same,
and none is about a person.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import flask
import prometheus_client
import sqlalchemy as sa
from flask import Blueprint
from flask_babel import gettext
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dispatch import upkeep
from dispatch.channels.contract import RECEIPTED, Kind, State
from dispatch.db import Session, Unavailable
from dispatch.outbox import queue, troubles
from dispatch.outbox.models import Message
from dispatch.outbox.troubles import Refusal
from dispatch.paging import replies
from dispatch.texts import N_
from dispatch.vigil import sentry, wrongs
from dispatch.vigil.models import Trouble
from dispatch.web import screens
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
    since = _silent_since(session)
    return {
        "sms_refused": [
            {
                "supplier": refusal.supplier,
                "since": screens.iso(refusal.since),
                "code": refusal.code,
                "meaning": _meaning(refusal),
            }
            for refusal in troubles.refusals(session, _alarms())
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
        names = {refusal.supplier for refusal in troubles.refusals(self._session, _alarms())}
        for name in _alarms():
            refusing.add_metric([name], name in names)
        yield refusing
        yield GaugeMetricFamily(
            "dispatch_callbacks_missing",
            "Whether suppliers call nothing back, so that replies may not be reaching us",
            value=_silent_since(self._session) is not None,
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


#: What our own words for a supplier's failing mean; a number is one of HTTP.
_FAILINGS = {
    "unwell": N_("it says that it is not well"),
    "connection": N_("it cannot be reached"),
    "timeout": N_("it does not answer in time"),
    "http-401": N_("it does not accept our account"),
    "http-403": N_("it does not accept our account"),
}


def _alarms() -> dict[str, Mapping[str, str]]:
    """Return the codes by which each supplier of texts and calls refuses us, in plain words."""
    channels = frame.parts().channels.values()
    return {one.name: one.alarms for one in channels if one.kinds & RECEIPTED}


def _meaning(refusal: Refusal) -> str:
    known = _alarms()[refusal.supplier].get(refusal.code) or _FAILINGS.get(refusal.code)
    return known or N_("it does not say why")


def _silent_since(session: Session) -> datetime | None:
    overdue = frame.parts().settings.engine.receipt_overdue_seconds
    return troubles.silent_since(session, _now(), overdue)


def sms_state() -> dict[str, str]:
    """Return whether texts go out and answers come in: working, trouble or down.

    `banner` is the kind of a banner with the same text, or empty.
    """
    if not frame.parts().channels:
        sentence = gettext("No SMS supplier is set up: nobody is texted.")
        return {"state": "down", "text": sentence, "banner": ""}
    with frame.reading() as session:
        refusals = troubles.refusals(session, _alarms())
        silent_since = _silent_since(session)
        struggling, failed, sent = _lately(session)
    if refusals:
        return _refused(refusals)
    if silent_since is not None:
        sentence = gettext(
            "No callback since %(since)s: replies may not be reaching us. The supplier is asked "
            "for them instead.",
            since=screens.short(silent_since, _now()),
        )
        return {"state": "trouble", "text": sentence, "banner": "waiting"}
    if struggling and not sent:
        sentence = gettext("The SMS supplier cannot be reached.")
        return {"state": "down", "text": sentence, "banner": ""}
    if struggling or failed:
        sentence = gettext(
            "%(count)s texts of the last ten minutes did not go out at once.",
            count=struggling + failed,
        )
        return {"state": "trouble", "text": sentence, "banner": ""}
    return {"state": "working", "text": gettext("Texts go out."), "banner": ""}


def _refused(refusals: Sequence[Refusal]) -> dict[str, str]:
    """Say who refuses us; while another carries texts, that is no reason to ring people."""
    sentences = [
        gettext(
            "%(supplier)s refuses our messages since %(since)s: %(meaning)s (%(code)s).",
            supplier=refusal.supplier,
            since=screens.short(refusal.since, _now()),
            meaning=gettext(_meaning(refusal)),
            code=refusal.code,
        )
        for refusal in refusals
    ]
    refusing = {refusal.supplier for refusal in refusals}
    carried = any(
        Kind.SMS in one.kinds and one.name not in refusing
        for one in frame.parts().channels.values()
    )
    if not carried:
        sentences.append(gettext("Ring people yourself."))
    kind = {"state": "trouble", "banner": "waiting"} if carried else _DOWN
    return {**kind, "text": " ".join(sentences)}


_DOWN = {"state": "down", "banner": "critical"}


def _lately(session: Session) -> tuple[int, int, int]:
    """Count the texts of the last minutes that struggle, that failed and that were sent."""
    since = _now() - _LATELY
    struggling = Message.status.in_((State.UNKNOWN, State.PENDING)) & (Message.attempts > 0)
    failed = (Message.status == State.FAILED) & (Message.failed_at > since)
    row = session.execute(
        sa.select(
            sa.func.count().filter(struggling),
            sa.func.count().filter(failed),
            sa.func.count().filter(Message.sent_at > since),
        ).where(Message.kind == Kind.SMS, Message.created_at > since)
    ).one()
    return row[0], row[1], row[2]
