"""Texts about turns: "I have An's turn until 08:00", and the word that gives a turn back.

Only a colleague who is on duty now or soon can be meant, by first name, in whatever language; what
is not surely about a turn is left to whoever else reads texts. A number that several people share
says nothing about who writes.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Membership, Person, Team
from dispatch.rota import notices, takeovers
from dispatch.rota.days import local
from dispatch.rota.duty import Turn
from dispatch.texts import N_, Sentence

#: What a turn is called.
_TURN = re.compile(
    r"\b(turn|shift|duty|beurt|wacht|dienst|permanence|garde|tour|pass|jour|beredskap|vagt)\w*\b"
)
_TIME = re.compile(r"\b([01]?\d|2[0-3])\s?(?:[:.hu]\s?([0-5]\d)?)(?!\d)")


@dataclass(frozen=True)
class Heard:
    """What a text says about a turn."""

    undoes: bool = False
    turns: tuple[Turn, ...] = ()
    """Whose turn is taken over; of several, nobody knows which is meant."""
    until: time | None = None


def read(body: str, turns: Iterable[Turn]) -> Heard | None:
    """Return what a text says about one of the turns, None if it is about something else."""
    words = _plain(body)
    if words.strip(" .!") in {_plain(word) for word in takeovers.UNDO_WORDS.values()}:
        return Heard(undoes=True)
    named = tuple(turn for turn in turns if _names(words, turn.person_name))
    if not named or not _TURN.search(words):
        return None
    found = _TIME.search(words)
    until = time(int(found[1]), int(found[2] or 0)) if found else None
    return Heard(turns=named, until=until)


def text_in(session: Session, person: Person, body: str, now: datetime) -> str | None:
    """Act on a text of somebody's; return a word for what became of it, None if it is not ours."""
    teams = _teams(session, person)
    near = {
        turn: team
        for team in teams
        for turn in takeovers.near(session, team, now)
        if turn.person_id != person.id
    }
    heard = read(body, near)
    if heard is None:
        return None
    actor = Actor("phone", person.id, person.name)
    if heard.undoes:
        return _undo(session, person, actor, now)
    if len(heard.turns) > 1:
        team = near[heard.turns[0]]
        told = N_("%(team)s: whose turn do you have? Say it on the screen, or ring.")
        return _answer(session, team, person, Sentence(told, team=team.name), "unclear", now)
    (turn,) = heard.turns
    return _take_over(session, near[turn], turn, person, heard.until, actor, now)


def _take_over(
    session: Session,
    team: Team,
    turn: Turn,
    person: Person,
    wall: time | None,
    actor: Actor,
    now: datetime,
) -> str:
    until = None if wall is None else _next(max(now, turn.from_at), wall, team.time_zone)
    try:
        # What is refused half way leaves the turn as it was.
        with session.begin_nested():
            swap = takeovers.take_over(session, team, turn, person, until, actor, now)
    except (Invalid, Conflict) as refused:
        said = Sentence(N_("%(team)s: not taken over. %(why)s"), team=team.name, why=_why(refused))
        return _answer(session, team, person, said, "refused", now)
    told = N_("%(team)s: you have the turn of %(name)s until %(at)s.")
    at = local(swap.ends_at, team.time_zone)
    said = Sentence(told, team=team.name, name=turn.person_name, at=at)
    return _answer(session, team, person, said, "taken_over", now)


def _undo(session: Session, person: Person, actor: Actor, now: datetime) -> str | None:
    swap = takeovers.to_undo(session, person.id, now)
    if swap is None:
        return None
    team = session.get_one(Team, swap.shift.line.team_id)
    try:
        with session.begin_nested():
            takeovers.undo(session, swap, actor, now)
    except (Invalid, Conflict) as refused:
        said = Sentence("%(team)s: %(why)s", team=team.name, why=_why(refused))
        return _answer(session, team, person, said, "refused", now)
    told = Sentence(N_("%(team)s: the turn is yours again."), team=team.name)
    return _answer(session, team, person, told, "undone", now)


def _why(refused: Invalid | Conflict) -> Sentence:
    """Return the first thing that a refusal says."""
    told = next(iter(refused.fields.values()), refused.message)
    return told if isinstance(told, Sentence) else Sentence(told.replace("%", "%%"))


def _answer(
    session: Session, team: Team, person: Person, told: Sentence, word: str, now: datetime
) -> str:
    notices.tell(session, team, [person.id], told, now, touches=now)
    return word


def _teams(session: Session, person: Person) -> list[Team]:
    member = sa.select(Membership.team_id).where(Membership.person_id == person.id)
    return list(session.scalars(sa.select(Team).where(Team.id.in_(member)).order_by(Team.id)))


def _names(words: str, name: str) -> bool:
    """Return whether somebody's first name, also as a possessive, is one of the words."""
    first = re.escape(_plain(name).split()[0])
    return re.search(rf"\b{first}s?\b", words) is not None


def _next(after: datetime, wall: time, zone: str) -> datetime:
    """Return the first instant after another at which a clock shows a time."""
    day = after.astimezone(ZoneInfo(zone)).date()
    at = datetime.combine(day, wall, ZoneInfo(zone))
    return at if at > after else datetime.combine(day + timedelta(days=1), wall, ZoneInfo(zone))


def _plain(text: str) -> str:
    """Return words in small letters without accents, as people text them."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in spread if not unicodedata.combining(c))
    return bare.replace("å", "a").replace("ø", "o").replace("’", "'")
