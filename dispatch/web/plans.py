"""Planning a draft: for how long, watching the search, stopping it, taking what it found.

The search itself is the engine's; this screen asks for it and looks again while it lasts. The curve
is drawn here, a table says the same in figures. What came of it is told as the draft's own score,
what nobody could fill and why, with the ways out as buttons, what was not met for each person, and
who is affected.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from dispatch.db import Session
from dispatch.errors import Conflict, NotFound
from dispatch.rota import explained, kept, rights, runs, ways
from dispatch.rota.models import Easing, PlanningRun, RunState
from dispatch.rota.problem import Outcome
from dispatch.texts import N_
from dispatch.web import drafted, session
from dispatch.web.drafted import Drafted
from dispatch.web.forms import REQUIRED, Form, told
from dispatch.web.posted import Done, show, take
from dispatch.web.reasons import unfilled, unmet

blueprint = Blueprint("plans", __name__)

#: What may be chosen, in seconds; the middle one is enough for a year of 60 people.
SECONDS: Mapping[int, str] = {
    10: N_("10 seconds: a first look"),
    60: N_("1 minute"),
    300: N_("5 minutes: a year of a large team"),
    1800: N_("half an hour"),
}
_OUTCOMES: Mapping[str, str] = {
    Outcome.OPTIMAL: N_("Proven: nothing costs less."),
    Outcome.FEASIBLE: N_("Every hard rule holds; something cheaper may exist."),
    Outcome.PARTIAL: N_(
        "Some turns lack people, or people turns that a rule asks for; every other hard rule holds."
    ),
    Outcome.IMPOSSIBLE: N_("Proven: no plan keeps every hard rule and fills every turn."),
    Outcome.UNKNOWN: N_("Nothing was found in this time."),
}
_STATES: Mapping[RunState, str] = {
    RunState.WAITING: N_("waits for the engine"),
    RunState.RUNNING: N_("searching"),
    RunState.DONE: N_("ended"),
    RunState.STOPPED: N_("stopped before it began"),
    RunState.FAILED: N_("failed"),
}
#: No way out gives up more things, each with a choice of how.
_MOST_GIVEN = 100
#: The picture of the curve, in its own units.
_WIDE, _HIGH, _LEFT, _BELOW = 640, 240, 56, 24
_TICKS = 4


@blueprint.route("/rota/drafts/<int:draft_id>/plan", methods=["GET", "POST"])
def screen(draft_id: int) -> ResponseReturnValue:
    """Show the last search for a plan of a draft, and begin or end one."""
    form = Form(request.form if request.method == "POST" else None)
    return take(form, partial(_act, draft_id)) or show(
        "planner/plan.html", form, partial(_shown, draft_id)
    )


@blueprint.get("/rota/drafts/<int:draft_id>/plan/search")
def search(draft_id: int) -> ResponseReturnValue:
    """Return the part of the screen that changes while a search is on."""
    return show("planner/_search.html", Form(), partial(_shown, draft_id))


# --- What a post does.


def _act(draft_id: int, opened: Session, form: Form) -> Done:
    do = _ACTIONS.get(form.one_of("do", _ACTIONS))
    if do is None:
        raise NotFound(N_("There is no such action."))
    return Done(do(draft_id, opened, form), url_for("plans.screen", draft_id=draft_id))


def _start(draft_id: int, opened: Session, form: Form) -> str:
    draft = rights.draft_for(opened, session.viewer(), draft_id)
    seconds = form.number("seconds", 1, runs.LONGEST_SECONDS)
    if seconds is None:
        form.error("seconds", REQUIRED)
    form.check()
    assert seconds is not None, "the form was checked"
    reproducible = form.ticked("reproducible")
    who, now = session.actor(), session.now()
    runs.ask(opened, draft, seconds, who, now, reproducible=reproducible)
    return str(gettext("The search begins."))


def _stop(draft_id: int, opened: Session, form: Form) -> str:
    runs.stop(opened, _run(draft_id, opened, form), session.actor(), session.now())
    return str(gettext("It stops; the best so far is kept."))


def _take(draft_id: int, opened: Session, form: Form) -> str:
    changed = runs.take(opened, _run(draft_id, opened, form), session.actor(), session.now())
    return str(gettext("Put into the draft. Turns that changed: %(count)s.", count=changed))


def _way(draft_id: int, opened: Session, form: Form) -> str:
    """Take a way out, and plan anew with it."""
    run = _run(draft_id, opened, form)
    way = form.number("way", 0, 99)
    reason = form.text("reason", most=300)
    chosen = [form.number(f"how.{place}", 0, 99) or 0 for place in range(_MOST_GIVEN)]
    form.check()
    who, now = session.actor(), session.now()
    ways.take(opened, run, -1 if way is None else way, chosen, reason, who, now)
    runs.ask(opened, run.draft, run.seconds, who, now, reproducible=run.reproducible)
    return str(gettext("Noted with the draft. The search begins anew."))


def _insist(draft_id: int, opened: Session, form: Form) -> str:
    easing = opened.get(Easing, form.number("easing", 1, 999_999_999) or 0)
    rights.draft_for(opened, session.viewer(), draft_id)
    if easing is None or easing.draft_id != draft_id:
        raise Conflict(N_("This is there no longer. Load the screen again."))
    ways.end(opened, easing, session.actor(), session.now())
    return str(gettext("It holds again in this draft."))


_ACTIONS: Mapping[str, Callable[[int, Session, Form], str]] = {
    "start": _start,
    "stop": _stop,
    "take": _take,
    "way": _way,
    "insist": _insist,
}


def _run(draft_id: int, opened: Session, form: Form) -> PlanningRun:
    run = rights.run_for(opened, session.viewer(), form.number("run", 1, 999_999_999) or 0)
    if run.draft_id != draft_id:
        raise Conflict(N_("This is there no longer. Load the screen again."))
    return run


# --- What the screen shows.


def _shown(draft_id: int, opened: Session, form: Form) -> dict[str, Any]:
    draft = rights.draft_for(opened, session.viewer(), draft_id)
    whole = Drafted(opened, draft)
    form.values.setdefault("seconds", "60")
    found = runs.of_draft(opened, draft)
    run = found[0] if found else None
    over = run is not None and run.state is RunState.DONE
    return {
        **drafted.about(whole),
        "lengths": [(seconds, gettext(words)) for seconds, words in SECONDS.items()],
        "run": _told(run) if run is not None else None,
        "summary": whole.summary() if over else None,
        "unfilled": unfilled(whole) if over else [],
        "unmet": unmet(whole) if over else [],
        "people": drafted.changes_by_person(opened, whole.team, whole.changes) if over else [],
        "others": [_told(other) for other in found[1:6]],
    }


def _told(run: PlanningRun) -> dict[str, Any]:
    gap = None
    if run.cost is not None and run.bound is not None:
        gap = round(100 * (run.cost - run.bound) / run.cost) if run.cost else 0
    now = run.ended_at or session.now()
    searched = run.explaining_at or now
    return {
        "id": run.id,
        "state": run.state.value,
        "state_word": gettext(_STATES[run.state]),
        "on": run.ended_at is None,
        "stopping": run.stop_asked,
        "seconds": run.seconds,
        "passed": round((searched - run.began_at).total_seconds()) if run.began_at else 0,
        "explaining": _passed(run, now),
        "explain_seconds": runs.EXPLAIN_SECONDS,
        "explained": _explained(run.explanation) if run.explanation else None,
        "by": run.asked_by,
        "asked_at": run.asked_at,
        "outcome": gettext(_OUTCOMES[run.outcome]) if run.outcome in _OUTCOMES else "",
        "found": run.outcome in (Outcome.OPTIMAL, Outcome.FEASIBLE),
        "proven": run.outcome == Outcome.OPTIMAL,
        "cost": run.cost,
        "bound": run.bound,
        "gap": gap,
        "method": run.method,
        "reproducible": run.reproducible,
        "turns": len(run.found),
        "taken": run.taken_at is not None,
        "takeable": run.state is RunState.DONE and bool(run.found) and run.taken_at is None,
        "fault": _fault(run),
        "curve": _curve(run, (searched - run.began_at).total_seconds() if run.began_at else 0),
    }


def _passed(run: PlanningRun, now: datetime) -> int | None:
    """Return for how long it is looked into why turns lack people; None: it is not."""
    if run.explaining_at is None or run.ended_at is not None:
        return None
    return round((now - run.explaining_at).total_seconds())


def _fault(run: PlanningRun) -> str:
    """Return why a run failed, in the viewer's language where that is known."""
    written = (run.explanation or {}).get("fault")
    return told(kept.read(written)) if written else run.fault


def _explained(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return why turns lack people in words, and the ways out."""
    if "ways" not in found:
        return None
    return {
        "possible": found["possible"],
        "smallest": found["smallest"],
        "proven": found["proven"],
        "within": told(kept.read(found["within"])) if found.get("within") else None,
        "more": found["more"],
        "lacks": [[told(kept.read(one)) for one in lack] for lack in found["lacks"]],
        "ways": [
            {
                "cost": way["cost"],
                "gives": [
                    {
                        "told": told(kept.read(one["told"])),
                        "how": [_how(how) for how in one["how"]],
                    }
                    for one in way["gives"]
                ],
            }
            for way in found["ways"]
        ],
    }


def _how(how: Mapping[str, Any]) -> str:
    words = explained.HOW[how["do"]]
    return str(gettext(words))


def _curve(run: PlanningRun, passed: float) -> dict[str, Any] | None:
    """Return a search as two lines on a sheet of `_WIDE` by `_HIGH`, with its figures.

    Drawn as far as it has come, so that one sees for how long nothing better was found.
    """
    points = [(float(at), cost, bound) for at, cost, bound in run.curve]
    values = [value for _, *both in points for value in both if value is not None]
    if len(set(values)) < 2:
        return None
    longest = max(points[-1][0], passed, 1.0)
    least, most = min(values), max(values)
    reach = max(most - least, 1)

    def place(at: float, value: int) -> str:
        across = _LEFT + (_WIDE - _LEFT - 8) * at / longest
        down = 8 + (_HIGH - _BELOW - 8) * (most - value) / reach
        return f"{across:.1f},{down:.1f}"

    def steps(which: int) -> str:
        """A value holds until the next one is found."""
        known = [(at, both[which]) for at, *both in points if both[which] is not None]
        corners = []
        for number, (at, value) in enumerate(known):
            until = known[number + 1][0] if number + 1 < len(known) else longest
            corners += [place(at, value), place(until, value)]
        return " ".join(corners)

    return {
        "wide": _WIDE,
        "high": _HIGH,
        "left": _LEFT,
        "cost": steps(0),
        "bound": steps(1),
        "ticks": [
            (place(0, value).partition(",")[2], value)
            for value in sorted({least + round(reach * n / _TICKS) for n in range(_TICKS + 1)})
        ],
        "seconds": longest,
        "points": [{"at": f"{at:.1f}", "cost": cost, "bound": bound} for at, cost, bound in points],
    }
