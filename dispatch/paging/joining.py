"""What merging reports means for those who are called and those who go.

Nobody is called for a report that joined: whoever was may answer for the incident that stays, and
whoever goes goes for that one, with their times and their seat. An answer that comes for the report
counts there, and nobody is lost when it is taken apart again. What is kept of the reports is
`incidents.merging`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dispatch.audit import ENGINE, Actor
from dispatch.db import Session
from dispatch.errors import Conflict
from dispatch.incidents import alarms, handling, links, merging, timeline
from dispatch.incidents.case_models import Merge
from dispatch.incidents.handling import Change
from dispatch.incidents.models import Incident, IncidentStatus
from dispatch.outbox import queue
from dispatch.outbox.models import Purpose
from dispatch.paging import apart, bars, callouts, pages, telling, waiting
from dispatch.paging.case_models import FactsCall
from dispatch.paging.models import (
    UNFINISHED,
    Assignment,
    Callout,
    Page,
    PageStatus,
    Release,
)
from dispatch.people.models import Person
from dispatch.texts import N_, Sentence


def merge(
    session: Session, report: Incident, into: Incident, actor: Actor, now: datetime
) -> Sequence[Callout]:
    """Join a report with the incident that stays, and move its people; return that one's callouts.

    Raises Invalid or Conflict when the two cannot be one.
    """
    held = callouts.of_incident(session, report)
    going = {one: [a for a in one.assignments if a.status in UNFINISHED] for one in held}
    keep = {callout.want.team_id for callout, some in going.items() if some}
    news = alarms.news(report)
    _close_both(session, report, into, held, now)
    merging.join(session, report, into, actor, now, keep=keep)
    if report.begins_at is None:
        # What one report wants at once does not wait for the hour of another.
        waiting.no_longer(session, into, callouts.of_incident(session, into), actor, now)
    # The callouts that people move to are opened first; who moves takes a seat before any leaves.
    by_team = {one.want.team_id: one for one in callouts.advance(session, into, now)}
    for callout in held:
        there = by_team.get(callout.want.team_id)
        moved: dict[int, Assignment] = {}
        if there is not None:
            for one in going[callout]:
                moved[one.id] = _move(session, one, there, actor, now)
        _hand_over(session, callout, there, moved, now)
    for alarm in news:
        there = by_team.get(alarm.want.team_id) if alarm.want is not None else None
        facts = {name: fact for name, fact in alarm.facts.items() if name != "team"}
        want = there.want if there is not None else None
        alarms.raise_alarm(session, into, alarm.kind, now, want, **facts)
    callouts.advance(session, report, now)
    links.inherit(session, report, into, actor, now)
    apart.settle(session, into, now)
    return callouts.advance(session, into, now)


def _close_both(
    session: Session, report: Incident, into: Incident, held: Sequence[Callout], now: datetime
) -> None:
    """Close the incident that stays to everybody to whom either was closed.

    Raises Conflict where one of them goes: a dispatcher has to release them first.
    """
    into.barred = bars.both(into.barred, report.barred)
    if not into.barred:
        return
    session.flush()
    there = callouts.of_incident(session, into)
    for callout in (*held, *there):
        for one in callout.assignments:
            if one.status in UNFINISHED and bars.is_barred(into, one.person_id):
                told = N_("%(name)s goes, and one of the two is closed to them: release them.")
                raise Conflict(Sentence(told, name=one.person.name))
    for callout in there:
        for page in pages.still_open(callout):
            if page.person_id is not None and bars.is_barred(into, page.person_id):
                _rest(session, callout, page, "over.sms", now)


def _rest(session: Session, callout: Callout, page: Page, template: str, now: datetime) -> None:
    """End a page, and tell whoever was woken by it."""
    _take_back(session, page, now)
    page.status, page.ended_at, page.attempts = PageStatus.WITHDRAWN, now, []
    if page.person is not None and page.sent_at is not None:
        pages.stand_down(session, callout, page, template, now)


def take_in(session: Session, report: Incident, actor: Actor, now: datetime) -> Sequence[Callout]:
    """Join a report just opened with what takes in alerts like it, or page for it as for any."""
    into = merging.taking_in(session, report, now)
    if into is None:
        return callouts.advance(session, report, now, opened=True)
    merging.join(session, report, into, actor, now, by_itself=True)
    if report.begins_at is None and into.begins_at is not None:
        waiting.no_longer(session, into, callouts.of_incident(session, into), actor, now)
    return callouts.advance(session, into, now)


def take_apart(session: Session, merged: Merge, actor: Actor, now: datetime) -> Sequence[Callout]:
    """Let a report stand for itself again: it is paged for anew; who moved stays where they are."""
    merging.take_apart(session, merged, actor, now)
    return callouts.advance(session, merged.report, now)


def updated(
    session: Session, merged: Merge, change: Change, actor: Actor, now: datetime
) -> Sequence[Callout]:
    """Act on an update of a report that joined: a dispatcher judges what decides who goes.

    A team that it wants and nobody asked for is called, whatever else follows.
    """
    into = merging.staying(session, merged)
    other, fields = merged.report.reference, ", ".join(change.fields)
    timeline.add(session, into, "report_updated", actor, now, other=other, fields=fields)
    if change.material and into.status is IncidentStatus.OPEN:
        alarms.raise_alarm(session, into, "report_updated", now, other=other, fields=fields)
        wanted = change.routing.wants if change.routing is not None else ()
        merging.take_over(session, into, [one.row() for one in wanted], actor)
    return callouts.advance(session, into, now)


def cancelled(session: Session, merged: Merge, actor: Actor, now: datetime) -> Sequence[Callout]:
    """Act on the cancel of a report that joined: only the last of all ends the event."""
    into = merging.staying(session, merged)
    over = merging.cancelled(session, merged, actor, now)
    if over and into.status is IncidentStatus.OPEN:
        handling.end_incident(session, into, IncidentStatus.CANCELLED, actor, now)
    return callouts.advance(session, into, now)


def instead(session: Session, page: Page, *, lock: bool = True) -> Page:
    """Return what an answer to a page of a report that joined is for: the page that took its place.

    With `lock` the caller holds the report, and the incident that stays is locked now.
    """
    report = page.callout.incident
    if page.ended_at is None or report.status is not IncidentStatus.CLOSED:
        return page
    merged = merging.standing(session, report)
    if merged is None:
        return page
    if lock:
        callouts.of_incident(session, merging.staying(session, merged))
    query = (
        sa.select(Page)
        .join(Callout)
        .where(Callout.incident_id == merged.into_id, Page.person_id == page.person_id)
        .where(Page.status != PageStatus.SKIPPED)
    )
    # Another team may have called them too: the same team's comes first, an open one before others.
    team_id = page.callout.want.team_id
    return max(
        session.scalars(query),
        key=lambda one: (one.ended_at is None, one.callout.want.team_id == team_id, one.id),
        default=page,
    )


def _move(
    session: Session, going: Assignment, there: Callout, actor: Actor, now: datetime
) -> Assignment:
    """Let whoever goes for a report go for the incident that stays, with all their times."""
    here, person = going.callout, going.person
    page = _page_there(session, there, person, here.incident.reference, now)
    active = callouts.active_assignments(there)
    seat = next((one for one in active if one.person_id == person.id), None)
    if seat is None:
        # Whoever goes already is never one too many.
        there.want.people = max(there.want.people, len(active) + 1)
        seat = _seat(going, there, {one.seat for one in active})
        session.add(seat)
        _keep_told(session, going, seat, page)
    _take_back(session, page, now)
    page.status, page.ended_at, page.attempts = PageStatus.ACCEPTED, page.ended_at or now, []
    page.answered_at = page.answered_at or going.accepted_at
    going.status, going.released_at = going.status.RELEASED, now
    going.released_why = Release.CANCELLED
    before = pages.last_of(here, person.id)
    if before is not None:
        before.status = PageStatus.WITHDRAWN
        _take_back(session, before, now)
    session.flush()
    telling.notice(session, there.incident, page, "moved.sms", now, other=here.incident.reference)
    for one, other in ((here.incident, there.incident), (there.incident, here.incident)):
        kind = "moved_away" if one is here.incident else "moved_here"
        facts = {"person": person.name, "other": other.reference}
        timeline.add(session, one, kind, actor, now, **facts)
    return seat


def _keep_told(session: Session, going: Assignment, seat: Assignment, page: Page) -> None:
    """Ask nobody to tell the facts anew to whoever has read them, or was told."""
    read = [one.opened_at for one in going.callout.pages if one.person_id == going.person_id]
    page.opened_at = page.opened_at or next((at for at in read if at is not None), None)
    call = session.get(FactsCall, going.id)
    if call is not None and call.given_at is not None:
        session.add(
            FactsCall(
                assignment=seat,
                asked_at=call.asked_at,
                given_at=call.given_at,
                given_by=call.given_by,
            )
        )


def _seat(going: Assignment, there: Callout, taken: set[int]) -> Assignment:
    return Assignment(
        callout=there,
        person=going.person,
        seat=next(seat for seat in range(1, len(taken) + 2) if seat not in taken),
        status=going.status,
        accepted_at=going.accepted_at,
        on_the_way_at=going.on_the_way_at,
        on_scene_at=going.on_scene_at,
        expected_at=going.expected_at,
        ask_at=going.ask_at,
        welfare_asked_at=going.welfare_asked_at,
    )


def _hand_over(
    session: Session,
    callout: Callout,
    there: Callout | None,
    moved: Mapping[int, Assignment],
    now: datetime,
) -> None:
    """End the pages of a report; whoever was woken may answer for the incident that stays."""
    for page in pages.still_open(callout):
        attempts, seat = page.attempts, moved.get(page.replaces_id or 0)
        _take_back(session, page, now)
        page.status, page.ended_at, page.attempts = PageStatus.WITHDRAWN, now, []
        if page.person is None or (page.sent_at is None and seat is None):
            continue
        if there is None or there.cancelled_at is not None:
            pages.stand_down(session, callout, page, "over.sms", now)
        elif all(one.person_id != page.person_id for one in callouts.active_assignments(there)):
            _ask_there(session, page, page.person, there, seat, attempts, now)
        else:
            other = callout.incident.reference
            beside = _page_there(session, there, page.person, other, now)
            telling.notice(session, there.incident, beside, "moved.sms", now, other=other)


def _ask_there(
    session: Session,
    page: Page,
    person: Person,
    there: Callout,
    seat: Assignment | None,
    attempts: list[Any],
    now: datetime,
) -> None:
    """Let whoever was woken for a report answer for the incident that stays.

    Whoever is asked to take over a `seat` is asked still, and rung as was meant.
    """
    case = bars.others_of(session, there.incident)
    full = there.filled_at is not None and seat is None
    if full or bars.is_barred(there.incident, person.id, case):
        pages.stand_down(session, page.callout, page, "taken.sms", now)
        return
    other = page.callout.incident.reference
    beside = _page_there(session, there, person, other, now)
    beside.ended_at = None
    if seat is not None:
        beside.replaces_id, beside.attempts = seat.id, attempts
    session.flush()
    telling.notice(session, there.incident, beside, "joined.sms", now, other=other)
    facts = {"person": person.name, "other": other}
    timeline.add(session, there.incident, "told_joined", ENGINE, now, **facts)


def _page_there(
    session: Session, there: Callout, person: Person, other: str, now: datetime
) -> Page:
    """Return somebody's page for the incident that stays, made now if nobody called them for it."""
    held = pages.last_of(there, person.id)
    if held is not None and (held.ended_at is None or held.status is PageStatus.ACCEPTED):
        return held
    page = pages.rung(session, there, person, "", now)
    page.reason = {"kind": "joined", "other": other}
    return page


def _take_back(session: Session, page: Page, now: datetime) -> None:
    """Take back what has not left: it is about what is over, or may be true no longer."""
    about = [telling.about(page), f"{Purpose.NOTICE}:{page.uid}", *telling.said([page])]
    queue.withdraw(session, about, now)
