"""Incidents for machines, and the description of everything that machines may ask and send.

A key sees the incidents of its organisation only, and nothing of what is sealed; every other
incident does not exist for it. That a case was read is written down once an hour for each key. The
description is kept by hand in `openapi.json`; a test holds it against the routes. The rota for
machines is in `api_rota`, what is said of an incident in `paging.story`.
"""

import functools
import re
from pathlib import Path

import sqlalchemy as sa
from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import NotFound
from dispatch.incidents.models import Incident
from dispatch.paging import confidentiality, story
from dispatch.web import session
from dispatch.web.session import api_key_required

blueprint = Blueprint("api", __name__)


@blueprint.get("/api/v1/openapi.json")
def description() -> Response:
    """Answer with the description of the hooks and of this interface."""
    return Response(_description(), content_type="application/json")


@functools.cache
def _description() -> bytes:
    return Path(__file__).with_name("openapi.json").read_bytes()


@blueprint.get("/api/v1/incidents/<reference>")
@api_key_required("incidents:read")
def incident(reference: str) -> ResponseReturnValue:
    """Answer with what became of an incident."""
    key, now = session.api_key(), session.now()
    actor = Actor("key", key.id, key.name)
    with session.reading() as opened:
        found = _found(opened, reference)
        document = story.incident_json(opened, found)
        noted = confidentiality.read_lately(opened, found, actor, now)
    if not noted:
        with session.transaction() as opened:
            confidentiality.note_read(opened, found, actor, now)
    return jsonify(document)


def _found(opened: Session, reference: str) -> Incident:
    query = sa.select(Incident).where(Incident.reference == reference)
    organisation_id = session.api_key().organisation_id
    if organisation_id is not None:
        query = query.where(Incident.organisation_id == organisation_id)
    plausible = re.fullmatch("[A-Z0-9-]{1,20}", reference)
    found = opened.scalars(query).one_or_none() if plausible else None
    if found is None:
        raise NotFound("There is no such incident, or this key may not see it.")
    return found
