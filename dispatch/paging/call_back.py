"""Whoever reported by telephone waits for a call: who accepts is told to make it, or is connected.

A control room without a screen learns in no other way that somebody goes. Costs an incident that
was reported otherwise one look at facts that are loaded with it. How a call is connected is for the
channel, what was keyed for `intake.dial_in`.
"""

from datetime import datetime

from dispatch import logs, seal
from dispatch.db import Session
from dispatch.incidents import timeline
from dispatch.incidents.models import Incident
from dispatch.paging import telling
from dispatch.paging.models import Page

log = logs.logger(__name__)


def number(session: Session, incident: Incident) -> str:
    """Return the number at which whoever reported waits for a call; empty: nobody does."""
    if not incident.sealed_facts:
        return ""
    try:
        contact = timeline.unseal_json(session, incident, "sealed_facts").get("contact", {})
    except seal.Unsealable:
        # What cannot be read may keep nobody from going.
        log.error("facts_unreadable", incident=incident.reference)
        return ""
    return str(contact.get("phone", "")) if contact.get("call_back") else ""


def tell(session: Session, page: Page, now: datetime) -> None:
    """Text whoever has just accepted which number waits for them, if one does."""
    incident = page.callout.incident
    waiting = number(session, incident)
    if waiting:
        telling.notice(session, incident, page, "ring_back.sms", now, number=waiting)
