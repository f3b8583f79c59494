"""The kinds of incident and the trainings they ask for: rows, begun from `config/catalogue.toml`.

`install` adds what is missing and leaves what a centre has changed; everything else reads rows.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from dispatch.db import Session
from dispatch.incidents.models import Category, CategoryWant, FlagWant, ResponseMode
from dispatch.people.models import Qualification

#: What an unclassified incident is taken for: serious until somebody says otherwise.
UNCLASSIFIED_PRIORITY = 1
UNCLASSIFIED_MODE = ResponseMode.GO_NOW


def install(session: Session, catalogue: Mapping[str, Any]) -> None:
    """Add the qualifications and categories of `catalogue` that are not there yet."""
    held = {row.key: row for row in session.scalars(sa.select(Qualification))}
    for entry in catalogue["qualification"]:
        if entry["key"] not in held:
            held[entry["key"]] = Qualification(key=entry["key"], names=entry["names"])
            session.add(held[entry["key"]])
    session.flush()
    known = set(session.scalars(sa.select(Category.key)))
    for entry in catalogue["category"]:
        if entry["key"] not in known:
            session.add(_category(entry, held))
    flags = {tuple(row) for row in session.execute(sa.select(FlagWant.flag, FlagWant.function))}
    for entry in catalogue.get("flag", ()):
        # A row without people stays, so that what a centre took out does not come back.
        if (entry["flag"], entry["function"]) not in flags:
            session.add(
                FlagWant(
                    flag=entry["flag"],
                    function=entry["function"],
                    people=entry["people"],
                    qualification=held.get(entry.get("qualification", "")),
                )
            )
    session.flush()


def _category(entry: Mapping[str, Any], qualifications: Mapping[str, Qualification]) -> Category:
    wants = [
        CategoryWant(
            function=want["function"],
            people=want["people"],
            qualification_id=qualifications[want["qualification"]].id,
            substitute_id=qualifications[want["instead"]].id if "instead" in want else None,
            side=want.get("side", ""),
        )
        for want in entry["wants"]
    ]
    return Category(
        key=entry["key"],
        number=entry["number"],
        names=entry["names"],
        priority=entry["priority"],
        response_mode=ResponseMode(entry["response_mode"]),
        wants=wants,
    )


# With all that an incident needs of it, in one question.
_BY_KEY = (
    sa.select(Category)
    .where(Category.key == sa.bindparam("key"), Category.retired_at.is_(None))
    .options(joinedload(Category.wants).joinedload(CategoryWant.qualification))
)


def by_key(session: Session, key: str | None) -> Category | None:
    """Return the category in use with this key, if there is one."""
    if not key:
        return None
    return session.scalars(_BY_KEY, {"key": key}).unique().one_or_none()


def in_use(session: Session) -> list[Category]:
    """Return every category in use, in the order of its number."""
    query = sa.select(Category).where(Category.retired_at.is_(None)).order_by(Category.number)
    return list(session.scalars(query))


def name(category: Category | None, language: str) -> str:
    """Return the category's name in `language`, or English; empty for the unclassified."""
    if category is None:
        return ""
    return str(category.names.get(language) or category.names["en"])
