"""Turns for the tests of the rota's screens, who has them, and what a reader sees of an answer."""

from datetime import datetime, timedelta
from html.parser import HTMLParser

import sqlalchemy as sa

from dispatch.rota import rulebook
from dispatch.rota.models import Line, Shift
from tests.centre import ADA, NOW
from tests.web.conftest import Web

DAY = timedelta(days=1)
BEGINS = NOW + 20 * DAY


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def text(answer) -> str:
    """What a reader sees of an answer, in one line."""
    parser = _Text()
    parser.feed(answer.text)
    return " ".join(" ".join(parser.words).split())


def entered(web: Web, name: str, begins: datetime, line: str = "primary") -> str:
    uid = f"{name}-{begins:%m-%d}"
    with web.store.write() as session:
        line_id = session.scalars(sa.select(Line.id).where(Line.key == line)).one()
        person_id = web.centre.people[name].id
        times = {"starts_at": begins, "ends_at": begins + DAY, "changed_at": NOW}
        session.add(Shift(uid=uid, line_id=line_id, person_id=person_id, **times))
    return uid


def holder(web: Web, begins: datetime = BEGINS) -> str:
    query = sa.select(Shift.person_id).where(
        Shift.starts_at == begins, Shift.cancelled_at.is_(None)
    )
    with web.store.read() as session:
        held = session.scalars(query).one()
    return next(name for name, person in web.centre.people.items() if person.id == held)


def rest_of(web: Web, hours: int) -> None:
    numbers = {"minutes": hours * 60}
    with web.store.write() as session:
        rulebook.set_rule(session, web.centre.team, "rest", "rest", numbers, ADA, NOW)
