"""What must hold all night: after every commit, at every message that leaves, and at the end.

Rows are read by plain SQL on the connection that has just committed, which is cheap enough to do
each time; whatever the product says of its rows is not asked. A rule that is broken is written
down and ends the night at the next step, for an exception thrown inside the product might be
caught there.
"""

import itertools
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dispatch import audit
from dispatch.channels.contract import Outgoing
from dispatch.incidents.models import Incident
from dispatch.paging import story

if TYPE_CHECKING:
    from tests.simulation.night import Night

#: Longer than any pause of the policies and of the outbox: what waits longer has been forgotten.
_LONGEST_WAIT = timedelta(seconds=1100)

_ACTIVE = "SELECT count(*) FROM assignment a WHERE a.callout_id = c.id AND a.released_at IS NULL"
_UNSENT = "status IN ('pending', 'sending', 'unknown')"
_OPEN = "i.status = 'open' AND w.ended_at IS NULL"
_CALLOUT = "FROM callout c JOIN want w ON w.id = c.want_id JOIN incident i ON i.id = c.incident_id"

# A fault in what had to be done: it is tried again within seconds, and the console says so.
_STUCK = """EXISTS (SELECT 1 FROM alarm stuck WHERE stuck.incident_id = i.id
    AND stuck.kind = 'stuck' AND stuck.ended_at IS NULL)"""

#: What is wrong with which row. `:latest` is the latest instant that anything may wait for.
ALWAYS: Mapping[str, str] = {
    "a callout that is neither filled nor over waits for nothing": """
        SELECT id FROM callout
        WHERE due_at IS NULL AND filled_at IS NULL AND cancelled_at IS NULL""",
    "a callout with an empty seat waits for nothing": f"""
        SELECT c.id {_CALLOUT} WHERE {_OPEN} AND ({_ACTIVE}) < w.people
        AND (c.due_at IS NULL OR (c.filled_at IS NOT NULL AND NOT {_STUCK}))""",
    "goes, and nobody will ask after them: assignment": f"""
        SELECT a.id {_CALLOUT} JOIN assignment a ON a.callout_id = c.id
        WHERE {_OPEN} AND a.status IN ('accepted', 'on_the_way')
        AND (a.ask_at IS NULL OR c.due_at IS NULL OR (c.due_at > a.ask_at AND NOT {_STUCK}))""",
    "more people go than are wanted for callout": f"""
        SELECT c.id {_CALLOUT} WHERE ({_ACTIVE}) > w.people""",
    "two people hold one seat of callout": """
        SELECT callout_id AS id FROM assignment WHERE released_at IS NULL
        GROUP BY callout_id, seat HAVING count(*) > 1""",
    "one person holds two seats of callout": """
        SELECT callout_id AS id FROM assignment WHERE released_at IS NULL
        GROUP BY callout_id, person_id HAVING count(*) > 1""",
    "somebody goes who has accepted no page: assignment": """
        SELECT a.id FROM assignment a WHERE a.released_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM page p WHERE p.callout_id = a.callout_id
            AND p.person_id = a.person_id AND p.status = 'accepted')""",
    "the case does not show who goes: assignment": """
        SELECT a.id FROM assignment a JOIN callout c ON c.id = a.callout_id
        JOIN person ON person.id = a.person_id
        WHERE a.released_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM timeline_entry t WHERE t.incident_id = c.incident_id
            AND t.kind IN ('accepted', 'moved_here') AND t.facts ->> 'person' = person.name)""",
    "released and not released at once: assignment": """
        SELECT id FROM assignment WHERE (released_at IS NULL) = (status = 'released')""",
    "still open though its callout is filled or over: page": """
        SELECT p.id FROM page p JOIN callout c ON c.id = p.callout_id
        WHERE p.ended_at IS NULL AND (c.cancelled_at IS NOT NULL
            OR (c.filled_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM assignment a
                WHERE a.id = p.replaces_id AND a.status IN ('accepted', 'on_the_way', 'on_scene'))
        ))""",
    "may still leave though its page has ended: message": """
        SELECT m.id FROM page p JOIN message m ON m.about = 'page:' || p.uid
        WHERE p.ended_at IS NOT NULL AND (m.status IN ('pending', 'unknown')
            OR (m.status = 'sending' AND m.withdrawn_at IS NULL))""",
    "nobody has answered, and nothing follows: check": """
        SELECT id FROM reach_check
        WHERE ended_at IS NULL AND due_at IS NULL AND stage <> 'board'""",
    "may still leave though its check has ended: message": """
        SELECT m.id FROM reach_check c JOIN message m ON m.about = 'check:' || c.uid
        WHERE c.ended_at IS NOT NULL AND c.kind <> 'reminder' AND (
            m.status IN ('pending', 'unknown')
            OR (m.status = 'sending' AND m.withdrawn_at IS NULL))""",
    "nobody pursues want": """
        SELECT w.id FROM want w JOIN incident i ON i.id = w.incident_id
        WHERE i.status = 'open' AND w.ended_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM callout c WHERE c.want_id = w.id)""",
    "open, without a callout and without an alarm: incident": """
        SELECT i.id FROM incident i WHERE i.status = 'open'
        AND NOT EXISTS (SELECT 1 FROM callout c WHERE c.incident_id = i.id)
        AND NOT EXISTS (SELECT 1 FROM alarm a WHERE a.incident_id = i.id AND a.ended_at IS NULL)""",
    "not over though its incident has ended: callout": """
        SELECT c.id FROM callout c JOIN incident i ON i.id = c.incident_id
        WHERE i.status <> 'open' AND c.cancelled_at IS NULL""",
    "cancelled, and the console does not ask to ring who goes: assignment": f"""
        SELECT a.id {_CALLOUT} JOIN assignment a ON a.callout_id = c.id
        WHERE i.status = 'cancelled' AND a.status IN ('accepted', 'on_the_way', 'on_scene')
        AND NOT EXISTS (SELECT 1 FROM alarm WHERE alarm.want_id = w.id AND alarm.ended_at IS NULL
            AND alarm.kind IN ('cancel_unconfirmed', 'cancel_unheard')
            AND alarm.facts ->> 'person_id' = a.person_id)""",
    "goes without the facts, and the console does not ask to tell them: assignment": f"""
        SELECT a.id {_CALLOUT} JOIN assignment a ON a.callout_id = c.id
        JOIN facts_call f ON f.assignment_id = a.id
        WHERE {_OPEN} AND f.given_at IS NULL AND a.status IN ('accepted', 'on_the_way', 'on_scene')
        AND c.cancelled_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM alarm WHERE alarm.want_id = w.id AND alarm.ended_at IS NULL
            AND alarm.kind = 'facts_unread' AND alarm.facts ->> 'person_id' = a.person_id)""",
    "exhausted without an alarm: callout": f"""
        SELECT c.id {_CALLOUT} WHERE c.exhausted_at IS NOT NULL AND {_OPEN} AND NOT EXISTS (
            SELECT 1 FROM alarm a WHERE a.want_id = w.id AND a.ended_at IS NULL)""",
    "goes or is called although the case is closed to them: person": """
        SELECT who.person_id AS id FROM (
            SELECT a.person_id, a.callout_id FROM assignment a WHERE a.released_at IS NULL
            UNION ALL SELECT p.person_id, p.callout_id FROM page p WHERE p.ended_at IS NULL) who
        JOIN callout c ON c.id = who.callout_id JOIN incident i ON i.id = c.incident_id,
        json_each(i.barred) closed WHERE closed.key = CAST(who.person_id AS TEXT)
        AND closed.value <> 'lifted'
        AND NOT EXISTS (SELECT 1 FROM assignment d WHERE d.callout_id = who.callout_id
            AND d.person_id = who.person_id AND d.status = 'done')""",
    "goes to both sides of a case: person": """
        SELECT a.person_id AS id FROM assignment a JOIN callout c ON c.id = a.callout_id
        JOIN incident i ON i.id = c.incident_id
        JOIN incident_link l ON i.id IN (l.incident_id, l.other_id)
        JOIN incident j ON j.id IN (l.incident_id, l.other_id) AND j.id <> i.id
        JOIN callout d ON d.incident_id = j.id JOIN assignment b ON b.callout_id = d.id
        WHERE a.person_id = b.person_id AND a.released_at IS NULL AND b.released_at IS NULL
        AND a.accepted_at > l.linked_at AND coalesce(i.flags ->> 'suspect_side', 0)
            <> coalesce(j.flags ->> 'suspect_side', 0)
        -- Joined with another report since: then the console asks.
        AND NOT EXISTS (SELECT 1 FROM alarm WHERE alarm.kind = 'goes_to_both'
            AND alarm.facts ->> 'person_id' = a.person_id)""",
    "is called urgently by what wakes nobody, and nothing follows: page": f"""
        SELECT p.id {_CALLOUT} JOIN page p ON p.callout_id = c.id
        JOIN person ON person.id = p.person_id
        WHERE {_OPEN} AND p.ended_at IS NULL AND i.priority = 1 AND person.left_at IS NULL
        -- Called already, for a report that has joined this.
        AND p.reason ->> 'kind' <> 'joined'
        AND EXISTS (SELECT 1 FROM contact_method m WHERE m.person_id = p.person_id
            AND m.kind IN ('mobile', 'landline') AND m.verified_at IS NOT NULL
            AND m.unusable_at IS NULL AND m.removed_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM message WHERE about = 'page:' || p.uid
            AND kind IN ('sms', 'call'))
        AND NOT EXISTS (SELECT 1 FROM json_each(p.attempts) a
            WHERE a.value ->> 0 NOT IN ('mail', 'push'))""",
    "waits for too long: callout": """
        SELECT id FROM callout WHERE due_at > :latest AND (filled_at IS NULL OR EXISTS (
            SELECT 1 FROM page p WHERE p.callout_id = callout.id AND p.ended_at IS NULL))""",
    "waits for too long: message": f"""
        SELECT id FROM message WHERE due_at > :latest AND {_UNSENT}""",
    "on its way, and nobody will look at it again: message": f"""
        SELECT id FROM message WHERE due_at IS NULL AND {_UNSENT}""",
}
_ALWAYS = " UNION ALL ".join(f"SELECT '{why}', id FROM ({rows})" for why, rows in ALWAYS.items())

_TOLD = re.compile(
    r"^(?:CALL-OUT|DRILL) (\S+): (you are going|taken by a colleague|no longer needed)"
)


@dataclass
class Standing:
    """How somebody stood when a message to them was put in: incidents by reference."""

    seated: set[str] = field(default_factory=set)
    """They may be told that they go."""
    going: set[str] = field(default_factory=set)
    """They may not be told that they need not."""
    called: set[str] = field(default_factory=set)


@dataclass
class Rules:
    """The rules of one night."""

    night: "Night"
    rows: sqlite3.Connection
    breaches: list[str] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    """How often each message has left, by its uid."""
    _ended: dict[str, float] = field(default_factory=dict)
    """When each page was first seen to have ended, by its uid."""
    _since: dict[str, float] = field(default_factory=dict)
    """Since when each seat, its end, and each page that may still be answered is so."""
    _standing: dict[str, Standing] = field(default_factory=dict)
    _last_message: int = 0
    _accepted: set[str] = field(default_factory=set)
    """What alerts that were answered 202 are known by."""

    def broken(self, why: str) -> None:
        """Write down that a rule is broken."""
        self.breaches.append(why)

    # --- after every commit

    def committed(self) -> None:
        """Look at everything that must hold after a commit."""
        latest = self.night.world.clock.now() + _LONGEST_WAIT + self.night.slack
        for why, row in self.rows.execute(_ALWAYS, {"latest": _text(latest)}):
            self.broken(f"{why} {row}")
        for (uid,) in self.rows.execute("SELECT uid FROM page WHERE ended_at IS NOT NULL"):
            self._ended.setdefault(uid, self.night.now)
        seen = dict.fromkeys(self._column(_SEEN), self.night.now)
        self._since = {what: self._since.get(what, at) for what, at in seen.items()}
        query = "SELECT id, uid, person_id FROM message WHERE id > ? ORDER BY id"
        fresh = self.rows.execute(query, (self._last_message,)).fetchall()
        for message_id, uid, person_id in fresh:
            self._last_message = message_id
            self._standing[uid] = self._stands(person_id, 0.0)

    def _stands(self, person_id: int | None, lease: float) -> Standing:
        """Return how somebody stands; what changed less than a lease ago may be so or otherwise."""
        found = Standing()
        for what, reference in self.rows.execute(_STANDS, (person_id,)):
            lately = self.night.now - self._since[what] < lease
            kind = what.partition(" ")[0]
            if kind == "page" and not lately:
                found.called.add(reference)
            if kind == "seat" and not lately:
                found.going.add(reference)
            if kind in ("seat", "closed") or (kind in ("end", "over") and lately):
                found.seated.add(reference)
        return found

    def _column(self, query: str, *values: object) -> list[Any]:
        return [row[0] for row in self.rows.execute(query, values)]

    # --- when a message leaves

    def leaving(self, message: Outgoing) -> None:
        """Hold what must be true of a message that the supplier takes."""
        night = self.night
        row = self.rows.execute(_LEAVING, (message.uid,)).fetchone()
        self.left[message.uid] += 1
        night.count.left += 1
        times = self.left[message.uid]
        if row is None:
            self.broken("a message left that is in no row")
            return
        message_id, attempts, resent, about, person_id = row
        night.say(f"  message {message_id} leaves, time {times}")
        if times > 1:
            night.count.again += 1
        if times > 1 + resent:
            self.broken(f"message {message_id} left {times} times, {resent} counted")
        assert night.performing is not None
        _, claimed = night.performing
        surprised = night.thawed or night.now - night.clock_set_at < 30
        if attempts != claimed.attempt and not surprised:
            self.broken(f"message {message_id} left by an engine whose lease was another's")
        ended = self._ended.get(about.removeprefix("page:"))
        lease = night.world.settings.engine.lease_seconds
        if ended is not None and night.now - ended > lease and not surprised:
            late = night.now - ended
            self.broken(f"message {message_id} left {late:.0f} s after its page had ended")
        so = {"when it was put in": self._standing[message.uid]}
        if night.thawed_at != night.now:
            # What stood still on the wire may have come true no longer meanwhile.
            so["when it left"] = self._stands(person_id, lease)
        self._told(message.text, message_id, so)

    def _told(self, text: str, message_id: int, so: Mapping[str, Standing]) -> None:
        told = _TOLD.match(text)
        if told is None:
            return
        reference, what = told.groups()
        for when, standing in so.items():
            goes = what == "you are going"
            if goes and reference not in standing.seated:
                self.broken(f"message {message_id} says 'you are going': no seat {when}")
            elif not goes and reference in standing.going:
                self.broken(f"message {message_id} says '{what}' to somebody who goes {when}")
            elif not goes and reference in standing.called:
                self.broken(f"message {message_id} says '{what}' to somebody called {when}")

    # --- what people hear at once

    def spoken(self, uid: str, text: str) -> None:
        """Hold what a call says after a key."""
        query = "SELECT about, person_id FROM message WHERE uid = ?"
        about, person_id = self.rows.execute(query, (uid,)).fetchone()
        seat = self.rows.execute(_SEAT, (person_id, about.partition(":")[2])).fetchone()
        if "You are going" in text and seat is None:
            self.broken("a call said 'you are going' to somebody without a seat")
        if "A colleague is going" in text and seat is not None:
            self.broken("a call said 'a colleague is going' to somebody who goes")

    def told_a_caller(self, people: Sequence[int], text: str) -> None:
        """Hold what somebody hears who calls in; `people` may have that number."""
        ids = ", ".join(map(str, people)) or "NULL"
        if "You are going" in text and not self._column(_GOES.format(ids)):
            self.broken("a caller heard 'you are going' and has no seat")
        if "No call-out waits" in text and self._column(_CALLED.format(ids)):
            self.broken("a caller who is being called heard that no call-out waits")

    def accepted(self, sent: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        """Hold what a 202 promises."""
        self.night.count.did[f"taken in: {sent['type']}"] += 1
        if sent["type"] not in ("alert", "update"):
            return
        self._accepted.add(told["reference"])
        query = "SELECT id, status FROM incident WHERE reference = ?"
        found = self.rows.execute(query, (told["reference"],)).fetchone()
        if found is None:
            self.broken(f"a 202 was answered for {sent.get('reference')}, and there is no incident")
            return
        incident_id, status = found
        counted = self.rows.execute(_LOUD, (incident_id, incident_id)).fetchone()
        if status == "open" and not any(counted):
            self.broken(f"a 202 was answered: incident {incident_id} has no callout and no alarm")

    # --- at the end

    def at_the_end(self) -> None:
        """Hold what must be true once all has come to rest."""
        night, now = self.night, self.night.world.clock.now()
        overdue = _text(now - timedelta(seconds=5))
        for why, query in AT_THE_END.items():
            for row in self._column(query, *([overdue] * query.count("?"))):
                self.broken(f"{why} {row}")
        with night.world.store.read() as session:
            verdict = audit.verify(session, now)
            self.breaches += verdict.faults
            if night.rng.random() < 0.2:
                for (incident_id,) in self.rows.execute("SELECT id FROM incident").fetchall():
                    story.incident_json(session, session.get_one(Incident, incident_id))
        self._nothing_is_lost()

    def _nothing_is_lost(self) -> None:
        """Hold that each alert was pursued, what was said to have gone has, what came was heard."""
        count = self.night.count
        count.alerts, count.counted = len(self._accepted), self._column(_COUNTED)[0]
        lost = self._accepted - set(self._column("SELECT reference FROM incident"))
        lost |= self._accepted.intersection(self._column(_FORGOTTEN))
        count.lost = len(lost)
        if lost:
            self.broken(f"{len(lost)} alerts that were answered 202 are lost")
        query = "SELECT id, uid FROM message WHERE status IN ('sent', 'delivered')"
        for message_id, uid in self.rows.execute(query):
            if not self.left[uid]:
                self.broken(f"message {message_id} is said to have gone and never left")
        known = set(self._column("SELECT supplier_id FROM inbound_text"))
        for text in itertools.chain(*(supplier.texts for supplier in self.night.suppliers)):
            if text.sid not in known and self.night.is_called(text.number):
                self.broken(f"what {text.number} texted was never taken in")


_FACTS = f"""
    SELECT CASE WHEN a.released_at IS NOT NULL THEN 'end '
        WHEN i.status = 'closed' THEN 'closed '
        WHEN i.status = 'cancelled' OR w.ended_at IS NOT NULL THEN 'over '
        ELSE 'seat ' END || a.id AS what, a.person_id, i.reference
    {_CALLOUT} JOIN assignment a ON a.callout_id = c.id
    UNION ALL SELECT 'page ' || p.id, p.person_id, i.reference
    {_CALLOUT} JOIN page p ON p.callout_id = c.id
    WHERE p.ended_at IS NULL AND ({_ACTIVE}) < w.people"""
_SEEN = f"SELECT what FROM ({_FACTS})"
_STANDS = f"SELECT what, reference FROM ({_FACTS}) WHERE person_id = ?"
_LEAVING = "SELECT id, attempts, resent, about, person_id FROM message WHERE uid = ?"
#: Of the callout itself, or of the incident that its report has joined meanwhile.
_SEAT = """SELECT a.id FROM page p JOIN callout c ON c.id = p.callout_id
    JOIN assignment a ON a.callout_id = c.id OR a.callout_id IN (
        SELECT other.id FROM callout other JOIN incident_merge m ON m.into_id = other.incident_id
        WHERE m.report_id = c.incident_id AND m.ended_at IS NULL)
    WHERE a.person_id = ? AND p.uid = ? AND a.released_at IS NULL"""
_GOES = "SELECT id FROM assignment WHERE released_at IS NULL AND person_id IN ({})"
_CALLED = "SELECT id FROM page WHERE ended_at IS NULL AND person_id IN ({})"
_LOUD = """SELECT (SELECT count(*) FROM callout WHERE incident_id = ?),
    (SELECT count(*) FROM alarm WHERE incident_id = ? AND ended_at IS NULL)"""

_COUNTED = "SELECT coalesce(sum(resent), 0) FROM message"
#: Open, and nobody was called, nobody goes, and no alarm ever sounded.
#: Stood down by a dispatcher before anything could leave is not forgotten.
_FORGOTTEN = """SELECT i.reference FROM incident i WHERE i.status = 'open'
    AND NOT EXISTS (SELECT 1 FROM alarm WHERE alarm.incident_id = i.id)
    AND NOT EXISTS (SELECT 1 FROM want w WHERE w.incident_id = i.id AND w.ended_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM callout c JOIN page p ON p.callout_id = c.id
        JOIN message m ON m.about = 'page:' || p.uid
        WHERE c.incident_id = i.id AND m.sent_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM callout c JOIN assignment a ON a.callout_id = c.id
        WHERE c.incident_id = i.id)"""

#: What is wrong once all has come to rest; `?` is an instant a moment ago.
AT_THE_END: Mapping[str, str] = {
    "neither answered nor ended nor loudly unanswered: callout": f"""
        SELECT c.id {_CALLOUT} WHERE {_OPEN} AND c.filled_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM alarm a WHERE a.incident_id = i.id AND a.ended_at IS NULL
            AND a.kind IN ('unanswered', 'nobody_at_all', 'everybody_declined', 'still_nobody'))""",
    "overdue, and an engine lives: callout": "SELECT id FROM callout WHERE due_at < ?",
    "overdue, and an engine lives: message": "SELECT id FROM message WHERE due_at < ?",
    "overdue, and an engine lives: delivery": "SELECT id FROM delivery WHERE due_at < ?",
    "failed, never repeated and never shown: delivery": """
        SELECT id FROM delivery WHERE status = 'failed' AND due_at IS NULL AND seen_at IS NULL
        AND reference NOT IN (SELECT reference FROM incident)""",
    "removed: timeline entry before": """
        SELECT max(id) FROM timeline_entry HAVING count(*) <> max(id)""",
}


def _text(at: datetime) -> str:
    """Return an instant as the database keeps it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
