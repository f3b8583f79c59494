"""Taking in one request of a source, so that no alert is ever lost.

`prepare` understands it with no transaction open; `take_in` does the rest in one that writes. The
delivery is kept, sealed, before anything is made of it. What follows is in a savepoint: a bug in
paging or bad rota data undoes that part only, the delivery and an alarm on the console are
committed, the sender is told to try again, and the same id may succeed later. The answer is kept:
whoever repeats an id gets it again, byte for byte. Whether a source signed is decided before, by
`sources`; what an alert leads to is left to `handling` and `callouts`; what people see of
deliveries, and that nobody has looked at one in time, to `deliveries`.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

import sqlalchemy as sa

from dispatch import logs, seal, upkeep
from dispatch.audit import Actor
from dispatch.db import Base, Session, one_at_a_time
from dispatch.errors import Conflict
from dispatch.incidents import alarms, beginning, handling, merging, timeline
from dispatch.incidents.alerts import Alert, AlertType, Problem, without
from dispatch.incidents.handling import Origin
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.inserts import insert_once
from dispatch.intake import keyed, own, sources
from dispatch.intake.models import DeliveryStatus, EarlyCancel, Source
from dispatch.paging import callouts, corrections, joining
from dispatch.paging.models import Callout

log = logs.logger(__name__)

#: What reads which content type; any other is tried as the own format, for nothing authentic is
#: refused for a detail.
FORMATS: Mapping[str, Callable[[bytes], Alert]] = {
    "application/json": own.read,
    keyed.CONTENT_TYPE: keyed.read,
}

RETRY_AFTER_SECONDS = 5
#: How often the work is begun anew when another transaction was faster.
_ATTEMPTS = 3
_CANCEL_REMEMBERED = timedelta(hours=24)
#: A sender's clock may be ahead by as much as a request's.
_AHEAD = timedelta(minutes=5)
_ID_LIMIT = 200
_UNKNOWN_CANCEL = "No alert with this reference came yet; remembered for 24 hours."
_OTHERS_STAND = "Other reports of the same event stand: a dispatcher decides."
_UNNAMED_CANCEL = "Expected the reference of the alert to cancel: nothing was cancelled."


@dataclass(frozen=True)
class Request:
    """What a source sent."""

    webhook_id: str
    content_type: str
    body: bytes


@dataclass(frozen=True)
class Prepared:
    """A request and what it says: an alert, or why there is none."""

    request: Request
    alert: Alert | None
    detail: str = ""
    """Of an unreadable one; empty while there is no alert: we failed ourselves."""


@dataclass(frozen=True)
class Answer:
    """What the sender gets."""

    status: int
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        """Return what belongs to a status, so that a stored answer needs no headers."""
        if self.status < 400:
            return {"Content-Type": "application/json"}
        headers = {"Content-Type": "application/problem+json"}
        if self.status == 503:
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return headers


def prepare(request: Request, now: datetime) -> Prepared:
    """Understand a request; never raises."""
    kind = request.content_type.partition(";")[0].strip().lower()
    try:
        alert = FORMATS.get(kind, own.read)(request.body)
    except own.Unreadable as unreadable:
        return Prepared(request, None, unreadable.detail)
    except Exception:
        log.exception("format_failed", kind=kind[:40])
        return Prepared(request, None)
    alert = without(alert, "occurred_at", now + _AHEAD, _FUTURE)
    return Prepared(request, without(alert, "appointment_at", now + beginning.FARTHEST, _FAR))


_FUTURE = "Expected an instant that is not in the future."
_FAR = "Expected an instant within 60 days: people are called now."


def take_in(session: Session, source: Source, prepared: Prepared, now: datetime) -> Answer:
    """Keep a request, do what it says and return the answer; whatever goes wrong, it is kept.

    `source` may have been read a moment ago, in another transaction. Raises only what the database
    itself raises when it can keep nothing.
    """
    session.add(source)
    delivery, is_new = _keep(session, source, prepared, now)
    if delivery.body_hash != _hash(prepared.request):
        return _clash(session, source, delivery, now)
    if not is_new and delivery.status is not DeliveryStatus.FAILED:
        return Answer(delivery.answer_status, delivery.answer.encode())
    _touch(source, now)
    if prepared.alert is None and prepared.detail:
        return _unreadable(session, source, delivery, prepared.detail, now)
    if prepared.alert is not None:
        done = _attempt(session, source, delivery, prepared.alert, now)
        if done is not None:
            return _settle(session, source, delivery, done)
    return _fail(session, source, delivery, now)


class _Kept(NamedTuple):
    """The delivery that was kept, as far as handling it depends on it."""

    id: int
    uid: str
    reference: str
    body_hash: str
    status: DeliveryStatus = DeliveryStatus.FAILED
    answer_status: int = 503
    answer: str = ""


# Written past the session's bookkeeping, which costs several times as much as the statement.
_DELIVERY = Base.metadata.tables["delivery"]
_UPDATE = sa.update(_DELIVERY).where(_DELIVERY.c.id == sa.bindparam("delivery_id"))
_REPEATED = (
    sa.select(*(_DELIVERY.c[name] for name in _Kept._fields))
    .where(_DELIVERY.c.source_id == sa.bindparam("source_id"))
    .where(_DELIVERY.c.webhook_id == sa.bindparam("webhook_id"))
    .with_for_update()
)


def _keep(
    session: Session, source: Source, prepared: Prepared, now: datetime
) -> tuple[_Kept, bool]:
    """Insert the delivery, or return the one that has its id, locked."""
    request = prepared.request
    uid, reference, body_hash = seal.new_token(), handling.new_reference(), _hash(request)
    # Latin-1 gives every byte a letter: whatever came in can be got back as it was.
    place, body = body_place(uid), request.body.decode("latin-1")
    key = {"source_id": source.id, "webhook_id": _short_id(request.webhook_id)}
    row = {
        **key,
        "uid": uid,
        "body_hash": body_hash,
        "content_type": request.content_type[:100],
        "sealed_body": seal.seal(session, source.organisation_id, place, body),
        "reference": reference,
        "status": DeliveryStatus.FAILED,
        "received_at": now,
        "answer_status": 503,
    }
    delivery_id = insert_once(session, _DELIVERY, row)
    if delivery_id is not None:
        return _Kept(delivery_id, uid, reference, body_hash), True
    return _Kept(*session.connection().execute(_REPEATED, key).one()), False


def body_place(uid: str) -> str:
    """Return what a delivery's sealed body is bound to."""
    return f"delivery.sealed_body:{uid}"


def _hash(request: Request) -> str:
    return hashlib.sha256(request.body).hexdigest()


def _short_id(webhook_id: str) -> str:
    """A database's index takes no value of any length."""
    if len(webhook_id) <= _ID_LIMIT:
        return webhook_id
    return "sha256:" + hashlib.sha256(webhook_id.encode("utf-8", "surrogateescape")).hexdigest()


def _touch(source: Source, now: datetime) -> None:
    # Not every time: on PostgreSQL all deliveries of a source would wait for each other here.
    if source.last_delivery_at is None or now - source.last_delivery_at > timedelta(minutes=1):
        source.last_delivery_at = now


def _attempt(
    session: Session, source: Source, delivery: _Kept, alert: Alert, now: datetime
) -> "_Done | None":
    """Do what the alert says, all of it or nothing; None when that failed."""
    for _ in range(_ATTEMPTS):
        try:
            with session.begin_nested():
                return _do(session, source, delivery, alert, now)
        except sa.exc.IntegrityError:
            # Another transaction took the same reference or code: its rows are visible by now.
            log.warning("delivery_overtaken", delivery=delivery.uid, source=source.key)
        except Exception:
            log.exception("delivery_failed", delivery=delivery.uid, source=source.key)
            return None
    return None


# --- what an alert leads to ---


@dataclass(frozen=True)
class _Done:
    """What was made of an alert: the answer, and the reference it is known by here."""

    reference: str
    answer: Mapping[str, Any]
    problems: Sequence[Mapping[str, str]] = ()


def _do(session: Session, source: Source, delivery: _Kept, alert: Alert, now: datetime) -> _Done:
    if alert.type is AlertType.TEST:
        return _Done(delivery.reference, {"status": "test", "callouts": []})
    _one_at_a_time(session, source, alert)
    incident, early, joins = _known(session, source, delivery, alert, now)
    if incident is None:
        if alert.type is AlertType.CANCEL:
            return _remember_cancel(session, source, delivery, alert, early, now)
        incident, found = _open(session, source, alert, early, now, joins=joins)
    elif alert.type is AlertType.CANCEL:
        return _cancel(session, source, alert, incident, now)
    else:
        incident.source_reference = incident.source_reference or alert.reference
        found = _update(session, source, incident, alert, now)
    return _done(session, incident, found, incident.problems)


def _done(
    session: Session,
    incident: Incident,
    found: Sequence[Callout],
    problems: Sequence[Mapping[str, str]],
) -> _Done:
    session.flush()
    answer = {
        "reference": incident.reference,
        "status": str(incident.status),
        "url": _url(session, incident.reference),
        "callouts": callouts.summary(found),
        "problems": list(problems),
    }
    into = next((one.incident for one in found if one.incident is not incident), None)
    if into is not None:
        # Of a report that joined another the sender hears what is done for the event.
        answer |= {"status": str(into.status), "joined": into.reference}
    return _Done(incident.reference, answer, problems)


def _one_at_a_time(session: Session, source: Source, alert: Alert) -> None:
    """Let alerts of one reference wait for each other.

    Otherwise a cancel and its alert that come together would each not see the other, and the
    cancel would be lost.
    """
    if alert.reference is not None:
        one_at_a_time(session, f"{source.id}:{alert.reference}")


_KNOWN: sa.Select[Any] = sa.select(
    *(
        sa.select(table.id)
        .where(table.source_id == sa.bindparam("source_id"))
        .where(table.source_reference == sa.bindparam("reference"))
        .scalar_subquery()
        for table in (Incident, EarlyCancel)
    ),
    merging.JOINS_UNTIL.scalar_subquery(),
)


def _known(
    session: Session, source: Source, delivery: _Kept, alert: Alert, now: datetime
) -> tuple[Incident | None, EarlyCancel | None, bool]:
    """Return what came of this reference before, the incident locked; or a cancel without one.

    Of an alert that was unreadable at first it is the incident opened for its delivery. And
    whether any incident takes in alerts that are like it, just now.
    """
    incident_id = early_id = None
    if alert.reference is not None:
        asked = {"source_id": source.id, "reference": alert.reference}
        incident_id, early_id, until = session.execute(_KNOWN, asked).one()
    else:
        until = session.scalar(merging.JOINS_UNTIL)
    if incident_id is None and delivery.answer:
        query = sa.select(Incident.id).where(Incident.reference == delivery.reference)
        incident_id = session.scalar(query)
    return (
        None if incident_id is None else handling.locked(session, incident_id),
        None if early_id is None else session.get(EarlyCancel, early_id),
        until is not None and until > now,
    )


def _open(
    session: Session,
    source: Source,
    alert: Alert,
    early: EarlyCancel | None,
    now: datetime,
    *,
    joins: bool,
) -> tuple[Incident, Sequence[Callout]]:
    home, sender = origin(source), actor(source)
    if alert.organisation is not None:
        home = replace(home, organisation=sources.served(session, source, alert.organisation))
    if early is not None:
        session.delete(early)
        if now - early.received_at <= _CANCEL_REMEMBERED:
            cancelled = IncidentStatus.CANCELLED
            incident = handling.open_incident(
                session, alert, home, sender, now, status=cancelled, alarm="cancelled_before"
            )
            incident.closed_at = now
            timeline.add(session, incident, "cancelled_before", sender, now)
            return incident, ()
    incident = handling.open_incident(session, alert, home, sender, now)
    if joins:
        return incident, joining.take_in(session, incident, sender, now)
    return incident, callouts.advance(session, incident, now, opened=True)


def _update(
    session: Session, source: Source, incident: Incident, alert: Alert, now: datetime
) -> Sequence[Callout]:
    sender = actor(source)
    change = handling.update_incident(session, incident, alert, origin(source), sender, now)
    if incident.status is not IncidentStatus.OPEN:
        merged = merging.standing(session, incident)
        if merged is not None:
            return joining.updated(session, merged, change, sender, now)
        # Nobody is paged for what is over, and a person must see that the sender thinks otherwise.
        alarms.raise_alarm(session, incident, "updated_after_end", now)
    return corrections.follow(session, incident, change, sender, now)


def _cancel(
    session: Session, source: Source, alert: Alert, incident: Incident, now: datetime
) -> _Done:
    problems = [asdict(problem) for problem in alert.problems]
    merged = merging.standing(session, incident)
    if merged is not None:
        found = joining.cancelled(session, merged, actor(source), now)
        return _done(session, incident, found, problems)
    if merging.own_cancelled(session, incident, actor(source), now):
        problems.append(asdict(Problem("type", _OTHERS_STAND)))
        return _done(session, incident, callouts.advance(session, incident, now), problems)
    try:
        handling.end_incident(session, incident, IncidentStatus.CANCELLED, actor(source), now)
    except Conflict as conflict:
        problems.append(asdict(Problem("type", conflict.message)))
    found = callouts.advance(session, incident, now)
    return _done(session, incident, found, problems)


def _remember_cancel(
    session: Session,
    source: Source,
    delivery: _Kept,
    alert: Alert,
    early: EarlyCancel | None,
    now: datetime,
) -> _Done:
    """Keep a cancel whose alert did not come yet; one without a reference can cancel nothing."""
    problems = [asdict(problem) for problem in alert.problems]
    status = "unknown"
    if alert.reference is None:
        problems.append(asdict(Problem("reference", _UNNAMED_CANCEL)))
    else:
        status = "cancelled"
        problems.append(asdict(Problem("reference", _UNKNOWN_CANCEL)))
        if early is None:
            early = EarlyCancel(source_id=source.id, source_reference=alert.reference)
            session.add(early)
        early.received_at = now
    answer = {
        "reference": delivery.reference,
        "status": status,
        "url": None,
        "callouts": [],
        "problems": problems,
    }
    return _Done(delivery.reference, answer, problems)


def sweep(session: Session, now: datetime) -> None:
    """Forget cancels whose alert did not come in time."""
    session.execute(
        sa.delete(EarlyCancel).where(EarlyCancel.received_at < now - _CANCEL_REMEMBERED)
    )


def origin(source: Source) -> Origin:
    """Return where alerts of a source belong and who is paged when their place does not say."""
    return Origin(source.organisation, source.default_team, source.id)


def actor(source: Source) -> Actor:
    """Return a source as the audit names it."""
    return Actor("source", source.id, source.name)


def _url(session: Session, reference: str) -> str:
    return f"{session.info['settings'].web.public_url}/incidents/{quote(reference)}"


# --- answers ---


def _settle(session: Session, source: Source, delivery: _Kept, done: _Done) -> Answer:
    changed: dict[str, Any] = {"status": DeliveryStatus.HANDLED, "due_at": None}
    changed |= {"reference": done.reference, "problems": list(done.problems)}
    return _answered(session, source, delivery, 202, done.answer, changed)


def _unreadable(
    session: Session, source: Source, delivery: _Kept, detail: str, now: datetime
) -> Answer:
    log.warning("delivery_unreadable", delivery=delivery.uid, source=source.key)
    document = problem(422, "Unreadable", detail, reference=delivery.reference)
    changed: dict[str, Any] = {"status": DeliveryStatus.UNREADABLE}
    changed |= {"due_at": _unseen_at(session, now), "problems": [asdict(Problem("body", detail))]}
    return _answered(session, source, delivery, 422, document, changed)


def _fail(session: Session, source: Source, delivery: _Kept, now: datetime) -> Answer:
    changed = {} if delivery.answer else {"due_at": _unseen_at(session, now)}
    detail = "The alert is kept but could not be handled yet. Send it again, with the same id."
    document = problem(503, "Try again", detail, reference=delivery.reference)
    return _answered(session, source, delivery, 503, document, changed)


def _clash(session: Session, source: Source, delivery: _Kept, now: datetime) -> Answer:
    """Refuse an id used for two bodies; a person must see it, for one of them is not handled."""
    clash = {"clashes": _DELIVERY.c.clashes + 1, "seen_at": None}
    session.connection().execute(_UPDATE.values(clash), {"delivery_id": delivery.id})
    query = sa.select(Incident).where(Incident.reference == delivery.reference)
    incident = session.scalars(query).one_or_none()
    if incident is not None:
        timeline.add(session, incident, "delivery_clash", actor(source), now, source=source.name)
    upkeep.bump(session, source.organisation_id, "board")
    log.warning("delivery_clash", delivery=delivery.uid, source=source.key)
    detail = "This webhook-id came before with another body. A new request needs a new id."
    return Answer(422, json.dumps(problem(422, "Id used before", detail)).encode())


def _unseen_at(session: Session, now: datetime) -> datetime:
    return now + timedelta(seconds=session.info["settings"].intake.unseen_seconds)


def _answered(
    session: Session,
    source: Source,
    delivery: _Kept,
    status: int,
    answer: Mapping[str, Any],
    changed: Mapping[str, Any],
) -> Answer:
    body = json.dumps(answer)
    kept = {"delivery_id": delivery.id, "answer_status": status, "answer": body}
    session.connection().execute(_UPDATE, {**changed, **kept})
    upkeep.bump(session, source.organisation_id, "board")
    return Answer(status, body.encode())


def problem(status: int, title: str, detail: str, **more: str) -> dict[str, Any]:
    """Return a problem document (RFC 9457)."""
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
