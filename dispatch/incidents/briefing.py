"""What a dispatcher asks before an officer leaves, and what was answered.

The list is data: for each kind of incident its own, or the general one, as it was in force when the
incident came in; `asking` changes it. What the alert says already stands filled in. Nothing waits
for an answer: whoever is to go is called, and goes, without. Answers tell of people, so they are
sealed, each with who wrote it down and when; a later answer never erases an earlier one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dispatch import audit, seal, upkeep
from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.incidents import asking, timeline
from dispatch.incidents.case_models import Answer, Question
from dispatch.incidents.models import Category, Incident


@dataclass(frozen=True)
class Asked:
    """A question, and what is known by now."""

    key: str
    names: Mapping[str, str]
    told: str | bool | None
    """What the alert says of it; None: nothing, or nothing that may be shown."""
    words: str = ""
    """The latest answer."""
    answered_at: datetime | None = None
    answered_by: str = ""

    @property
    def is_open(self) -> bool:
        """Whether nobody knows yet."""
        return self.told is None and self.answered_at is None


def install(session: Session, catalogue: Mapping[str, Any]) -> None:
    """Add the questions of `catalogue` to the kinds of incident that have none yet."""
    ids: dict[str, int | None] = {"": None}
    ids.update(session.execute(sa.select(Category.key, Category.id)).all())
    known = set(session.scalars(sa.select(Question.category_id).distinct()))
    for position, entry in enumerate(catalogue.get("question", ())):
        for key in entry["categories"]:
            if key in ids and ids[key] not in known:
                row = Question(category_id=ids[key], key=entry["key"], position=position)
                row.names, row.told_by = entry["names"], entry.get("told_by", "")
                session.add(row)
    session.flush()


def _questions(
    session: Session, incident: Incident, answered: Collection[str]
) -> Sequence[Question]:
    """Return what is asked of an incident, in order; what was answered is there to stay."""
    at, kind = incident.received_at, incident.category_id
    own = asking.in_force(session, kind, at) if kind is not None else ()
    found = list(own or asking.in_force(session, None, at))
    others = set(answered) - {one.key for one in found}
    if others:
        # Asked when it was taken for an incident of another kind.
        rows = session.scalars(sa.select(Question).where(Question.key.in_(others)))
        found += {row.key: row for row in sorted(rows, key=lambda one: one.id)}.values()
    return found


def asked(session: Session, incident: Incident, facts: Mapping[str, Any] | None) -> list[Asked]:
    """Return each question with what is known; without `facts` nothing sealed is read."""
    latest = _latest(session, incident)
    return [
        _known(session, incident, one, latest.get(one.key), facts)
        for one in _questions(session, incident, latest)
    ]


def words(names: Mapping[str, str], language: str) -> str:
    """Return a question in a language, or in another that it is written in."""
    return names.get(language) or names.get("en") or next(iter(names.values()))


def _known(
    session: Session,
    incident: Incident,
    question: Question,
    answer: Answer | None,
    facts: Mapping[str, Any] | None,
) -> Asked:
    told = tells(incident.flags, facts or {}, question.told_by)
    if answer is None:
        return Asked(question.key, question.names, told)
    words = "" if facts is None else _words(session, incident, answer)
    by = answer.answered_by
    return Asked(question.key, question.names, told, words, answer.answered_at, by)


def tells(flags: Mapping[str, Any], facts: Mapping[str, Any], told_by: str) -> str | bool | None:
    """Return what an alert says to a question (pure)."""
    if told_by == "knows_already":
        said = [one for one in facts.get("persons", ()) if "knows_already" in one]
        roles = [one.get("role", "") for one in said if one["knows_already"]]
        return ", ".join(filter(None, roles)) or (bool(roles) if said else None)
    if told_by == "meeting_point":
        return facts.get("place", {}).get("meeting_point") or None
    if told_by == "call_back":
        return facts.get("contact", {}).get("phone") or None
    flag = flags.get(told_by)
    return flag if isinstance(flag, bool) else None


def _latest(session: Session, incident: Incident) -> dict[str, Answer]:
    query = sa.select(Answer).where(Answer.incident_id == incident.id).order_by(Answer.id)
    return {answer.question: answer for answer in session.scalars(query)}


def _words(session: Session, incident: Incident, answer: Answer) -> str:
    return seal.unseal(session, incident.organisation_id, _place(answer.uid), answer.sealed_words)


def _place(uid: str) -> str:
    return f"briefing_answer.sealed_words:{uid}"


def answer(
    session: Session, incident: Incident, given: Mapping[str, str], actor: Actor, now: datetime
) -> int:
    """Keep what was answered, as far as it is new; return how many answers that were.

    An empty answer takes back the one before; a question that is not in `given` stays as it is.
    """
    latest = _latest(session, incident)
    kept = 0
    for question in _questions(session, incident, latest):
        said = given.get(question.key, "").strip()
        before = latest.get(question.key)
        if question.key not in given or said == (
            "" if before is None else _words(session, incident, before)
        ):
            continue
        uid = seal.new_token()
        sealed = seal.seal(session, incident.organisation_id, _place(uid), said)
        row = Answer(uid=uid, incident_id=incident.id, question=question.key, sealed_words=sealed)
        row.answered_at, row.answered_by = now, actor.name
        session.add(row)
        kept += 1
    if kept:
        session.flush()
        timeline.add(session, incident, "asked", actor, now, by=actor.name, count=kept)
        subject = f"incident:{incident.reference}"
        audit.record(session, actor, "incident.asked", subject, {"answers": kept}, now)
        upkeep.bump(session, incident.organisation_id, "board")
    return kept
