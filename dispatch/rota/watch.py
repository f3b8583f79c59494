"""What will go wrong with a published rota, found in time.

Gaps, turns that break a hard rule or meet an absence, certificates that lapse before a turn, and a
rota that runs out. `findings` says everything that is so now; `tell` tells whoever answers for the
rota once of each, by day and in one text, and by mail as well four and two weeks before the last
turn ends.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from dispatch.audit import ENGINE
from dispatch.db import Base, Session
from dispatch.inserts import insert_once
from dispatch.people.models import Certificate, Qualification, Team
from dispatch.rota import judging, notices, planning, record, terms
from dispatch.rota.days import local, local_day
from dispatch.rota.duty import Gap, Turn, duty_between, gaps
from dispatch.rota.models import Line, Shift, Warned
from dispatch.texts import N_, Sentence

#: How far ahead is looked.
AHEAD = timedelta(days=92)
#: So many days before the last published turn ends.
WARNINGS = (28, 14)


class Kind(StrEnum):
    """What goes wrong."""

    GAP = "gap"
    BREACH = "breach"
    CERTIFICATE = "certificate"
    END = "end"


@dataclass(frozen=True)
class Finding:
    """One thing that will go wrong."""

    kind: Kind
    at: datetime
    """When it begins to matter."""
    told: Sentence
    about: str
    """The same as long as it is the same fault."""


def findings(session: Session, team: Team, now: datetime) -> list[Finding]:
    """Return what will go wrong with a team's published rota, in order of time."""
    found = list(_end(team, published_until(session, team, now), now))
    last = max(_ends(session, team, now), default=now)
    if last > now:
        ends = min(last, now + AHEAD)
        found += gaps_ahead(session, team, now, ends)
        found += _breaches(session, team, now, ends)
        found += lapsing(session, team, now, ends)
    return sorted(found, key=lambda finding: (finding.at, finding.about))


def published_until(session: Session, team: Team, now: datetime) -> datetime | None:
    """Return until when every line of a team has published turns; a line left long ago is none."""
    ends = _ends(session, team, now)
    if ends:
        return min(ends)
    query = sa.select(sa.func.max(Shift.ends_at)).join(Line)
    return session.scalar(query.where(Line.team_id == team.id, Shift.cancelled_at.is_(None)))


def teams_by_day(session: Session, now: datetime) -> list[Team]:
    """Return the teams with lines whose people may be texted now."""
    with_lines = sa.select(Team).where(Team.id.in_(sa.select(Line.team_id))).order_by(Team.id)
    return [team for team in session.scalars(with_lines) if notices.by_day(team, now) == now]


def tell(session: Session, team: Team, found: Iterable[Finding], now: datetime) -> int:
    """Tell whoever answers for a rota what is new of what was found; return how many."""
    new = [finding for finding in found if is_new(session, team, finding.about, now)]
    owners = terms.owners(session, team)
    ends = [finding.told for finding in new if finding.kind is Kind.END]
    for sentence in _summary(team, new):
        runs_out = sentence in ends
        notices.tell(session, team, owners, sentence, now, place="shifts", mail=runs_out)
    if new:
        facts = {"about": [finding.about for finding in new]}
        record.note(session, team, ENGINE, "rota.looked_at", f"team:{team.id}", facts, now)
    return len(new)


def _summary(team: Team, new: Iterable[Finding]) -> Iterator[Sentence]:
    """Say what is new in one sentence, and that the rota runs out in another."""
    faults = [finding for finding in new if finding.kind is not Kind.END]
    yield from (finding.told for finding in new if finding.kind is Kind.END)
    if len(faults) == 1:
        yield Sentence("%(team)s: %(told)s", team=team.name, told=faults[0].told)
    elif faults:
        counts = Counter(finding.kind for finding in faults)
        told = N_(
            "%(team)s: gaps %(gaps)s, broken rules %(breaches)s, certificates that lapse "
            "%(certificates)s; the first on %(at)s."
        )
        yield Sentence(
            told,
            team=team.name,
            gaps=counts[Kind.GAP],
            breaches=counts[Kind.BREACH],
            certificates=counts[Kind.CERTIFICATE],
            at=local(faults[0].at, team.time_zone),
        )


def is_new(session: Session, team: Team, about: str, now: datetime) -> bool:
    """Tell whether nobody was warned of this yet; from now on they were."""
    row = {"team_id": team.id, "about": about, "at": now}
    return insert_once(session, Base.metadata.tables[Warned.__tablename__], row) is not None


def _ends(session: Session, team: Team, now: datetime) -> list[datetime]:
    """Return when the last turn of each line ends that has turns to come.

    A turn further from the one before than is looked ahead, as with a wrong year, is not its rota.
    """
    query = (
        sa.select(Shift.line_id, Shift.starts_at, Shift.ends_at)
        .join(Line)
        .where(Line.team_id == team.id, Shift.cancelled_at.is_(None), Shift.ends_at > now)
        .order_by(Shift.starts_at, Shift.id)
    )
    ends: dict[int, datetime] = {}
    for line_id, starts_at, ends_at in session.execute(query):
        last = ends.setdefault(line_id, ends_at)
        if starts_at <= last + AHEAD:
            ends[line_id] = max(last, ends_at)
    return list(ends.values())


def _end(team: Team, until: datetime | None, now: datetime) -> Iterator[Finding]:
    if until is None:
        return
    left = (until - now).total_seconds() / 86400
    passed = [days for days in WARNINGS if left <= days]
    if passed:
        day = local_day(until, team.time_zone)
        told = N_("%(team)s: the rota is published until %(day)s only. Plan on.")
        said = Sentence(told, team=team.name, day=day)
        yield Finding(Kind.END, until, said, f"end:{day.isoformat()}:{passed[-1]}")


def gaps_ahead(session: Session, team: Team, now: datetime, ends: datetime) -> Iterator[Finding]:
    """Yield each time that a line has nobody within the team's hours."""
    wholes = [one for one in duty_between(session, team, now, ends) if isinstance(one, Gap)]
    for gap in gaps(session, team, now, ends):
        assert gap.from_at is not None and gap.until_at is not None, "cut to what was asked for"
        whole = next(one for one in wholes if _is_part(gap.line_id, gap.from_at, one))
        begin, end = (local(at, team.time_zone) for at in (gap.from_at, gap.until_at))
        if gap.until_at == ends and whole.until_at != ends:
            said = Sentence(
                N_("%(line)s: nobody from %(begin)s on."), line=gap.line_name, begin=begin
            )
        else:
            told = N_("%(line)s: nobody from %(begin)s to %(end)s.")
            said = Sentence(told, line=gap.line_name, begin=begin, end=end)
        # By where it really begins: what is seen of it begins and ends anew with every look.
        known = whole.from_at or whole.until_at
        about = f"gap:{gap.line_key}:{known.isoformat() if known else ''}"
        yield Finding(Kind.GAP, gap.from_at, said, about)


def _is_part(line_id: int, at: datetime, whole: Gap) -> bool:
    begun = whole.from_at is None or whole.from_at <= at
    return whole.line_id == line_id and begun and (whole.until_at is None or at < whole.until_at)


def _breaches(session: Session, team: Team, now: datetime, ends: datetime) -> Iterator[Finding]:
    first, last = (local_day(at, team.time_zone) for at in (now, ends))
    stands = planning.published(session, team, first, last)
    found = planning.load(session, team, first, last, people={stand.person_id for stand in stands})
    laid = found.lay(stands)
    for judged in judging.broken(found, laid):
        parts = judging.stands_in(laid, judged.breach)
        if judged.hard and parts:
            at = max(now, min(stand.starts_at for stand in parts))
            person, days = judged.breach.person, judged.breach.days
            about = f"{judged.breach.key}:{person or 0}:{days[0].isoformat() if days else ''}"
            yield Finding(Kind.BREACH, at, judged.told, about)


def lapsing(session: Session, team: Team, now: datetime, ends: datetime) -> Iterator[Finding]:
    """Yield each proof that nobody renewed and that ends before its holder's turn does."""
    turns: dict[int, list[Turn]] = {}
    for stretch in duty_between(session, team, now, ends):
        if isinstance(stretch, Turn):
            turns.setdefault(stretch.person_id, []).append(stretch)
    for person_id, (end, qualification) in _lasts(session, turns):
        late = [
            turn
            for turn in turns[person_id]
            if end < local_day(turn.until_at - timedelta(seconds=1), team.time_zone)
        ]
        if late:
            told = N_("%(name)s: %(qualification)s is valid until %(end)s, the turn is on %(at)s.")
            said = Sentence(
                told,
                name=late[0].person_name,
                qualification=qualification.names,
                end=end,
                at=local(late[0].from_at, team.time_zone),
            )
            about = f"certificate:{person_id}:{qualification.id}:{end.isoformat()}"
            yield Finding(Kind.CERTIFICATE, max(now, late[0].from_at), said, about)


def _lasts(
    session: Session, people: Iterable[int]
) -> Iterator[tuple[int, tuple[date, Qualification]]]:
    """Yield until when each qualification of each person is proven at the longest."""
    query = (
        sa.select(Certificate, Qualification)
        .join(Qualification, Qualification.id == Certificate.qualification_id)
        .where(Certificate.person_id.in_(list(people)), Certificate.revoked_on.is_(None))
    )
    last: dict[tuple[int, int], tuple[date, Qualification]] = {}
    for certificate, qualification in session.execute(query):
        key = (certificate.person_id, qualification.id)
        end = certificate.expires_on or date.max
        if key not in last or last[key][0] < end:
            last[key] = (end, qualification)
    yield from ((person_id, found) for (person_id, _), found in last.items())
