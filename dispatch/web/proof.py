"""The proof of alert of one incident: a screen, a print, and files to take along.

Whoever may read proofs of the incident's organisation sees who was alerted when and what came of
it; each reading is written down. What was said to people, and by them, is shown only to whoever may
open what is sealed, with a reason. A file that leaves is signed off in the audit.
"""

from collections.abc import Mapping

import flask
import sqlalchemy as sa
from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch import audit, seal, upkeep
from dispatch.db import Session
from dispatch.errors import Invalid, NotFound
from dispatch.incidents.models import Incident
from dispatch.intake.models import Delivery
from dispatch.paging import confidentiality, proof_file, proof_gaps, sentences
from dispatch.paging import proof as proofs
from dispatch.paging.confidentiality import Readable
from dispatch.paging.proof import Arrival, Proof
from dispatch.paging.proof_gaps import Sounded
from dispatch.people.access import Right
from dispatch.rota.imports import sheets
from dispatch.texts import N_
from dispatch.web import board, session
from dispatch.web.forms import Form

blueprint = Blueprint("proof", __name__)

_LATELY = 50
#: How many files one person takes along within so many seconds: each costs half a second.
_MOST_FILES = 20
_WINDOW_SECONDS = 300
_HEAD = (
    N_("Instant"),
    N_("Seconds since the alert"),
    N_("Kind"),
    N_("What happened"),
    N_("Message"),
)
_KINDS: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}


@blueprint.get("/proofs")
@session.reads
def listed(opened: Session) -> str:
    """Show the last incidents whose proofs the viewer may read; nothing of what happened."""
    session.viewer().require(Right.PROOF_READ)
    mine = session.viewer().organisations(Right.PROOF_READ)
    sought = Form(request.args).text("q", most=20).upper()
    query = sa.select(Incident).where(Incident.organisation_id.in_(mine))
    if sought:
        query = query.where(Incident.reference.contains(sought, autoescape=True))
    found = opened.scalars(query.order_by(Incident.received_at.desc()).limit(_LATELY)).all()
    return flask.render_template("dispatcher/proofs.html", incidents=found, sought=sought)


@blueprint.route("/incidents/<reference>/proof", methods=["GET", "POST"])
def shown(reference: str) -> ResponseReturnValue:
    """Show the proof; with a reason, what was said as well."""
    form, words = Form(request.form), False
    try:
        words = _opened(reference, form)
    except Invalid as error:
        form.refuse(error)
    with session.reading() as opened:
        found = _readable(opened, reference)
        proof = _proof(opened, found, board.language(), words=words)
        html = flask.render_template(
            "dispatcher/proof.html",
            form=form,
            proof=proof,
            figures=proof_gaps.figures(proof),
            gaps=proof_gaps.gaps(proof, _sounded(found.incident, proof.language)),
            evidence=audit.evidence(opened, f"incident:{reference}"),
            purposes={key: gettext(word) for key, word in proofs.PURPOSES.items()},
            organisation=found.incident.organisation.name,
            may_open=found.may_open,
            may_read=session.viewer().may(Right.INCIDENT_READ, found.incident.organisation_id),
            opened=words,
        )
    return html, 422 if form.errors else 200


@blueprint.route("/incidents/<reference>/proof.<kind>", methods=["GET", "POST"])
def export(reference: str, kind: str) -> ResponseReturnValue:
    """Return the proof as a file, and keep in the audit that it left."""
    if kind not in _KINDS:
        raise NotFound(N_("There is nothing here."))
    _limit()
    words = _opened(reference, Form(request.form))
    # Every alert waits for whoever writes, and a file takes a while: it is made beforehand.
    with session.reading() as opened:
        content = _file(opened, _readable(opened, reference), kind, words)
    with session.transaction() as opened:
        proof_file.sign_off(
            opened, reference, content, kind, session.actor(), session.now(), words=words
        )
    answer = flask.Response(content, content_type=_KINDS[kind])
    answer.headers.set("Content-Disposition", "attachment", filename=f"{reference}-proof.{kind}")
    return answer


def _limit() -> None:
    """Answer 429 to whoever takes one file after another."""
    session.viewer().require(Right.PROOF_READ)
    with session.transaction() as opened:
        key = seal.fingerprint(opened, f"proof files of {session.viewer().person_id}")
        taken = upkeep.hits(opened, key, session.now(), _WINDOW_SECONDS)
    if taken > _MOST_FILES:
        flask.abort(429)


def _file(opened: Session, found: Readable, kind: str, words: bool) -> bytes:
    if kind == "csv":
        proof = _proof(opened, found, board.language(), words=words)
        return sheets.as_csv(proof_file.rows(proof, [gettext(word) for word in _HEAD]))
    # Machines read English, whoever takes the file along.
    proof = _proof(opened, found, "en", words=words)
    return proof_file.document(
        proof,
        proof_gaps.figures(proof),
        proof_gaps.gaps(proof, _sounded(found.incident, "en")),
        audit.evidence(opened, f"incident:{found.incident.reference}"),
        {"at": session.now().isoformat(), "by": session.viewer().name},
    )


def _note_read(reference: str) -> None:
    """Write down that the proof is read, before it is shown; at most once an hour."""
    with session.reading() as opened:
        found = _readable(opened, reference)
        actor, now = session.actor(), session.now()
        if confidentiality.read_lately(opened, found.incident, actor, now, proof=True):
            return
    with session.transaction() as writing:
        confidentiality.note_read(writing, found.incident, actor, now, proof=True)


def _opened(reference: str, form: Form) -> bool:
    """Return whether what was said is shown as well: the reason for it is written down."""
    _note_read(reference)
    if request.method != "POST":
        return False
    with session.transaction() as opened:
        found = _readable(opened, reference)
        reason = form.text("reason")
        confidentiality.open_words(opened, found, reason, session.actor(), session.now())
    return True


def _readable(opened: Session, reference: str) -> Readable:
    session.viewer().require(Right.PROOF_READ)
    return confidentiality.provable(opened, session.viewer(), reference)


def _proof(opened: Session, found: Readable, language: str, *, words: bool) -> Proof:
    incident = found.incident
    query = sa.select(Delivery).where(Delivery.reference == incident.reference)
    arrivals = [
        Arrival(one.received_at, one.source.name, one.answer_status)
        for one in opened.scalars(query.order_by(Delivery.id))
    ]
    subject = f"incident:{incident.reference}"
    read = list(audit.tell(opened, subject, proofs.READ))
    return proofs.of(opened, incident, arrivals, read, language, words=words)


def _sounded(incident: Incident, language: str) -> list[Sounded]:
    zone = incident.organisation.time_zone
    return [
        Sounded(
            text=sentences.alarm({"kind": one.kind, **one.facts}, language, zone),
            raised_at=one.raised_at,
            acknowledged_at=one.acknowledged_at,
            acknowledged_by=one.acknowledged_by,
            ended_at=one.ended_at,
        )
        for one in incident.alarms
    ]
