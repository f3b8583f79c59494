"""Which questions a kind of incident asks, changed: each wording is a version of its own.

An incident asks what was in force when it came in, so that no answer stands under words to which
nobody gave it; what is changed is asked of what comes in from then on. A kind without questions of
its own asks the general ones. Reading them, and the answers, is left to `briefing`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dispatch import audit, seal
from dispatch.audit import Actor
from dispatch.db import Session, one_at_a_time
from dispatch.errors import Conflict, Invalid
from dispatch.incidents.alerts import FLAGS
from dispatch.incidents.case_models import Question
from dispatch.incidents.models import Category
from dispatch.texts import N_

#: What of an alert may answer a question; the rest are flags.
TELLS = ("knows_already", "meeting_point", "call_back", *FLAGS)
MOST = 20

_GONE = N_("This is there no longer. Load the screen again.")
_NO_WORDS = N_("Write the question in one language or more.")
_TOO_MANY = N_("These are as many questions as anybody can ask: take one out first.")


def in_force(session: Session, category_id: int | None, at: datetime) -> Sequence[Question]:
    """Return what a kind of incident asks of its own at an instant, in order; None: the general."""
    query = (
        sa.select(Question)
        .where(sa.or_(Question.from_at.is_(None), Question.from_at <= at))
        .where(sa.or_(Question.retired_at.is_(None), Question.retired_at > at))
        .order_by(Question.position, Question.id)
    )
    return session.scalars(query.where(_of(category_id))).all()


def listed(session: Session, category_id: int | None) -> Sequence[Question]:
    """Return what a kind of incident asks of its own from now on, in order; None: the general."""
    query = sa.select(Question).where(_of(category_id), Question.retired_at.is_(None))
    return session.scalars(query.order_by(Question.position, Question.id)).all()


def _of(category_id: int | None) -> sa.ColumnElement[bool]:
    # Written out: on PostgreSQL an index finds no row by IS NOT DISTINCT FROM.
    if category_id is None:
        return Question.category_id.is_(None)
    return Question.category_id == category_id


def add(
    session: Session,
    category: Category | None,
    names: Mapping[str, str],
    told_by: str,
    actor: Actor,
    now: datetime,
) -> Question:
    """Add a question at the end. Raises Invalid without words, Conflict when there are enough."""
    held = _held(session, category)
    if len(held) >= MOST:
        raise Conflict(_TOO_MANY)
    position = max((one.position for one in held), default=-1) + 1
    row = _version(category, seal.new_token(), position, names, told_by, now)
    session.add(row)
    _audit(session, row, category, "question.add", actor, now)
    return row


def begin(session: Session, category: Category, actor: Actor, now: datetime) -> None:
    """Let a kind of incident that has no questions begin with the general ones as its own."""
    if _held(session, category):
        raise Conflict(_GONE)
    for one in listed(session, None):
        row = _version(category, one.key, one.position, one.names, one.told_by, now)
        session.add(row)
        _audit(session, row, category, "question.add", actor, now)


def change(
    session: Session,
    category: Category | None,
    question_id: int,
    names: Mapping[str, str],
    told_by: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Word a question anew. Raises Invalid without words, Conflict when it was changed since."""
    old = _one(_held(session, category), question_id)
    row = _version(category, old.key, old.position, names, told_by, now)
    if (row.names, row.told_by) == (old.names, old.told_by):
        return
    old.retired_at = now
    # The database allows one in force: the old wording is out before the new one is in.
    session.flush()
    session.add(row)
    _audit(session, row, category, "question.change", actor, now)


def remove(
    session: Session, category: Category | None, question_id: int, actor: Actor, now: datetime
) -> None:
    """Ask a question no more. Raises Conflict when it was changed since."""
    old = _one(_held(session, category), question_id)
    old.retired_at = now
    _audit(session, old, category, "question.remove", actor, now)


def move(
    session: Session,
    category: Category | None,
    question_id: int,
    up: bool,
    actor: Actor,
    now: datetime,
) -> None:
    """Ask a question one place earlier or later. Raises Conflict when it was changed since."""
    held = list(_held(session, category))
    one = _one(held, question_id)
    place = held.index(one)
    beside = place - 1 if up else place + 1
    if not 0 <= beside < len(held):
        return
    held[place], held[beside] = held[beside], one
    for position, each in enumerate(held):
        each.position = position
    _audit(session, one, category, "question.move", actor, now)


def _held(session: Session, category: Category | None) -> Sequence[Question]:
    """Return the questions to change, for as long as this transaction lasts nobody else's."""
    one_at_a_time(session, "questions")
    return listed(session, category.id if category is not None else None)


def _one(held: Sequence[Question], question_id: int) -> Question:
    found = next((one for one in held if one.id == question_id), None)
    if found is None:
        raise Conflict(_GONE)
    return found


def _version(
    category: Category | None,
    key: str,
    position: int,
    names: Mapping[str, str],
    told_by: str,
    now: datetime,
) -> Question:
    said = {language: words for language, words in names.items() if words}
    if not said:
        raise Invalid(_NO_WORDS)
    category_id = category.id if category is not None else None
    row = Question(category_id=category_id, key=key, names=said, position=position, from_at=now)
    row.told_by = told_by
    return row


def _audit(
    session: Session,
    row: Question,
    category: Category | None,
    action: str,
    actor: Actor,
    now: datetime,
) -> None:
    facts: dict[str, Any] = {"question": row.key, "names": row.names}
    facts |= {"told_by": row.told_by, "position": row.position}
    subject = f"category:{category.key}" if category is not None else "category"
    audit.record(session, actor, action, subject, facts, now)
    session.flush()
