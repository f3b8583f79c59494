"""Runs of the planner: asked for, begun, watched, stopped, and put into the draft.

A run is a row, so that it can be asked for on a screen, done by an engine and watched by everybody.
Its row is all that a run ever locks: while it searches, no transaction is open. An engine that dies
leaves a run without a sign of life, and another begins it again. What was found goes into the draft
by itself unless somebody changed the draft meanwhile: then they decide. Where turns lack people, it
is looked into why before the run ends, and kept with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from dispatch.audit import Actor
from dispatch.db import Session
from dispatch.errors import Conflict, Invalid
from dispatch.people.models import Team
from dispatch.rota import drafts, explained, ground, kept, record, seating, sentences
from dispatch.rota.differences import Stand
from dispatch.rota.models import Draft, DraftState, Origin, PlanningRun, RunState
from dispatch.rota.planner import Explanation
from dispatch.rota.planning import Laid
from dispatch.rota.problem import Outcome, Point, Problem, Proposal
from dispatch.rota.sentences import Words
from dispatch.texts import N_, Sentence

#: Nobody waits longer than this for one plan.
LONGEST_SECONDS = 3600
#: A run that has not been seen for so long has lost its engine.
LOST = timedelta(seconds=30)
_OPEN = (RunState.WAITING, RunState.RUNNING)
#: Nobody waits longer than this to learn why.
EXPLAIN_SECONDS = 10
#: Nor whoever asked to stop longer than this.
HURRIED_SECONDS = 4
#: The curve on a screen needs no more points.
_POINTS = 200


@dataclass(frozen=True)
class Search:
    """A run that has begun: what to search, and for how long."""

    run_id: int
    laid: Laid
    words: Words
    seconds: int
    reproducible: bool


def ask(
    session: Session,
    draft: Draft,
    seconds: int,
    actor: Actor,
    now: datetime,
    *,
    reproducible: bool = False,
) -> PlanningRun:
    """Ask for a plan of a draft; the engine begins it at once.

    Raises Conflict while another run is on, Invalid where there is nothing to plan by.
    """
    draft = drafts.opened(session, draft)
    team = session.get_one(Team, draft.team_id)
    if not 1 <= seconds <= LONGEST_SECONDS:
        told = N_("Between 1 and %(most)s seconds.")
        raise Invalid(Sentence(told, most=LONGEST_SECONDS), seconds=told)
    if not ground.phases(session, team, draft.first_on, draft.last_on):
        raise Invalid(N_("This team has no pattern of turns for these days: choose one first."))
    on = sa.select(PlanningRun.id).where(
        PlanningRun.draft_id == draft.id, PlanningRun.state.in_(_OPEN)
    )
    if session.scalars(on).first() is not None:
        raise Conflict(N_("This draft is being planned already."))
    run = PlanningRun(
        draft_id=draft.id,
        state=RunState.WAITING,
        seconds=seconds,
        reproducible=reproducible,
        asked_at=now,
        asked_by=actor.name,
    )
    session.add(run)
    session.flush()
    record.note(session, team, actor, "run.asked", f"draft:{draft.id}", {"run": run.id}, now)
    return run


def waits(session: Session, now: datetime) -> bool:
    """Return whether a run waits to be begun, or to be begun again."""
    return (
        session.scalars(sa.select(PlanningRun.id).where(_to_begin(now)).limit(1)).first()
        is not None
    )


def _to_begin(now: datetime) -> sa.ColumnElement[bool]:
    lost = sa.and_(PlanningRun.state == RunState.RUNNING, PlanningRun.seen_at < now - LOST)
    return sa.or_(PlanningRun.state == RunState.WAITING, lost)


def begin(session: Session, now: datetime, run_id: int | None = None) -> int | None:
    """Begin a run that waits, or that lost its engine, and return its id; None if there is none."""
    query = (
        sa.select(PlanningRun)
        .where(_to_begin(now))
        .order_by(PlanningRun.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if run_id is not None:
        query = query.where(PlanningRun.id == run_id)
    run = session.scalars(query.execution_options(populate_existing=True)).first()
    if run is None:
        return None
    run.state, run.began_at, run.seen_at = RunState.RUNNING, now, now
    run.curve, run.revision = [], run.draft.revision
    run.explaining_at = None
    _show(session, run)
    return run.id


def search(session: Session, run_id: int, now: datetime) -> Search:
    """Return what a run is to search; nothing is written, for this takes a while."""
    run = session.get_one(PlanningRun, run_id)
    ground, laid = drafts.lay(session, run.draft, now=now)
    return Search(run.id, laid, ground.words, run.seconds, run.reproducible)


def to_explain(search: Search, proposal: Proposal) -> Problem | None:
    """Return the problem of which it is to be explained why turns lack people; None: none do."""
    problem = search.laid.problem
    found = proposal.outcome in (Outcome.OPTIMAL, Outcome.FEASIBLE)
    return explained.insisting(problem, proposal.seats) or (None if found else problem)


def explaining(session: Session, run_id: int, proposal: Proposal, now: datetime) -> bool:
    """Note that the search is over and that it is now looked into why turns lack people.

    Returns whether that has to be quick: somebody asked to stop.
    """
    run = _locked(session, run_id)
    run.outcome, run.cost, run.bound = proposal.outcome.value, proposal.cost, proposal.bound
    run.explaining_at = run.seen_at = now
    _show(session, run)
    return run.stop_asked


def watch(session: Session, run_id: int, curve: Sequence[Point], now: datetime) -> bool:
    """Write down how far a search is; return whether it should stop."""
    run = _locked(session, run_id)
    if run.state is not RunState.RUNNING:
        return True
    run.seen_at = now
    known = len(run.curve)
    run.curve = _thinned(curve)
    if curve:
        run.cost, run.bound = curve[-1].cost, curve[-1].bound
    if len(run.curve) != known:
        _show(session, run)
    return run.stop_asked


def finish(
    session: Session,
    search: Search,
    proposal: Proposal,
    actor: Actor,
    now: datetime,
    *,
    explanation: Explanation | None = None,
) -> PlanningRun:
    """Keep what was found, and put it into the draft unless somebody changed that meanwhile."""
    run = _locked(session, search.run_id)
    run.state, run.ended_at, run.seen_at = RunState.DONE, now, now
    run.outcome, run.method = proposal.outcome.value, proposal.method
    run.cost, run.bound = proposal.cost, proposal.bound
    run.reproducible = proposal.reproducible
    run.curve = _thinned(proposal.curve) or run.curve
    if explanation is not None:
        problem = to_explain(search, proposal) or search.laid.problem
        run.explanation = explained.document(explanation, problem, search.words)
    turns = search.laid.turns(sorted(proposal.seats))
    run.found = [
        [turn.line_id, turn.starts_at.isoformat(), turn.ends_at.isoformat(), turn.person_id]
        for turn in turns
    ]
    session.flush()
    _note(session, run, actor, "run.ended", now)
    draft = run.draft
    untouched = draft.revision == run.revision and draft.state is DraftState.OPEN
    if untouched and proposal.seats:
        take(session, run, actor, now)
    return run


def take(session: Session, run: PlanningRun, actor: Actor, now: datetime) -> int:
    """Put what a run found into its draft; return how many seats changed."""
    if run.state is not RunState.DONE or not run.found:
        raise Conflict(N_("This run has found nothing."))
    stands = [
        Stand(datetime.fromisoformat(begin), datetime.fromisoformat(end), line, person)
        for line, begin, end, person in run.found
    ]
    changed = seating.fill(session, run.draft, stands, Origin.PLANNER, actor, now)
    run.taken_at = now
    session.flush()
    return changed


def fail(session: Session, run_id: int, fault: str, actor: Actor, now: datetime) -> None:
    """Note that a search came to nothing, and why, to be read in any language."""
    run = _locked(session, run_id)
    team = session.get_one(Team, run.draft.team_id)
    lines = {line.key: line.name for line in ground.lines_of(session, team)}
    fault = sentences.in_names(fault, Words(lines))
    run.state, run.ended_at, run.fault = RunState.FAILED, now, fault
    run.explanation = {"fault": kept.written(fault)}
    session.flush()
    _note(session, run, actor, "run.failed", now)


def give_back(session: Session, run_id: int) -> None:
    """Let another engine begin a run again: this one is stopping."""
    run = _locked(session, run_id)
    run.state, run.seen_at = RunState.WAITING, None
    session.flush()


def stop(session: Session, run: PlanningRun, actor: Actor, now: datetime) -> None:
    """Ask a run to stop; what it has found by then is kept."""
    run = _locked(session, run.id)
    if run.state not in _OPEN:
        raise Conflict(N_("This run is over."))
    run.stop_asked = True
    if run.state is RunState.WAITING:
        run.state, run.ended_at = RunState.STOPPED, now
    session.flush()
    _note(session, run, actor, "run.stopped", now)


def of_draft(session: Session, draft: Draft) -> list[PlanningRun]:
    """Return the runs of a draft, the newest first."""
    query = sa.select(PlanningRun).where(PlanningRun.draft_id == draft.id)
    return list(session.scalars(query.order_by(PlanningRun.id.desc())))


def _locked(session: Session, run_id: int) -> PlanningRun:
    query = sa.select(PlanningRun).where(PlanningRun.id == run_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _thinned(curve: Sequence[Point]) -> list[list[float | int | None]]:
    """Return a curve with its first and last points and not too many between."""
    step = max(1, -(-len(curve) // _POINTS))
    kept = [*curve[:-1:step], *curve[-1:]]
    return [[round(point.seconds, 2), point.cost, point.bound] for point in kept]


def _show(session: Session, run: PlanningRun) -> None:
    session.flush()
    record.show(session, session.get_one(Team, run.draft.team_id))


def _note(session: Session, run: PlanningRun, actor: Actor, action: str, now: datetime) -> None:
    team = session.get_one(Team, run.draft.team_id)
    facts = {"run": run.id, "outcome": run.outcome, "cost": run.cost}
    record.note(session, team, actor, action, f"draft:{run.draft_id}", facts, now)
