"""What an alert would lead to, as lines to read: who, when, by what, why, and what is missing.

`paging.preview` foresees; here several people who are tried at one instant by one way become one
line, and what is missing stands where it would be noticed.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext

from dispatch.db import Session
from dispatch.incidents import catalogue
from dispatch.incidents.models import Category
from dispatch.paging import preview, sentences, story
from dispatch.paging.models import Policy
from dispatch.paging.policy import Plan
from dispatch.paging.preview import Foreseen, Preview
from dispatch.people.models import Team
from dispatch.texts import N_
from dispatch.web import session
from dispatch.web.board import language

_BY = {
    "sms": N_("by text"),
    "call": N_("by call"),
    "sms_second": N_("by text on the second mobile"),
    "call_second": N_("by call on the second mobile"),
    "landline": N_("by call on the landline"),
    "push": N_("by notice to the browser"),
    "mail": N_("by mail"),
}
#: What is missing so that a person must act even though somebody is called.
_GRAVE = {"nobody_on_duty", "nobody_qualified", "nobody_at_all"}


def shown(
    opened: Session, team: Team, category: Category | None, at: datetime, plan: Plan | None
) -> dict[str, Any]:
    """Return what an alert at `at` leads to, in order of time."""
    priority = category.priority if category else catalogue.UNCLASSIFIED_PRIORITY
    found = preview.rehearse(opened, team, category, priority, at, plan)
    chosen = opened.get_one(Policy, found.policy_id) if found.policy_id is not None else None
    return {
        "team": team.name,
        "at": at,
        "is_now": at == session.now(),
        "policy": chosen,
        "lines": sorted(_lines(found, at, team.time_zone), key=lambda line: line["at"]),
        "shortened": session.parts().settings.demo.step_seconds,
    }


def _lines(found: Preview, at: datetime, zone: str) -> Iterator[dict[str, Any]]:
    for gap in found.gaps:
        tone = "critical" if gap.kind in _GRAVE else "waiting"
        yield _line(
            at, gap.after_seconds, sentences.sentence(gap.kind, gap.facts, language(), zone), tone
        )
    for one in found.foreseen:
        if not one.fit:
            words = gettext("%(name)s is passed over", name=one.name)
            why = [sentences.reason(one.reason, language(), zone)]
            yield _line(at, one.after_seconds, words, "off-duty", why)
    yield from _tried(found.foreseen, at, zone)
    words = gettext("Nobody has answered: the console sounds, and everybody is tried again")
    yield _line(at, found.repeat_after_seconds, words, "critical")


def _tried(foreseen: Sequence[Foreseen], at: datetime, zone: str) -> Iterator[dict[str, Any]]:
    """Yield a line for each instant and way, with everybody who is tried then."""
    tried: dict[tuple[float, str, bool], list[Foreseen]] = {}
    for one in (one for one in foreseen if one.fit):
        for number, (channel, seconds) in enumerate(one.attempts):
            tried.setdefault((seconds, channel, number == 0), []).append(one)
    for (seconds, channel, first), people in tried.items():
        names = ", ".join(one.name or gettext(story.CONTROL_ROOM) for one in people)
        by = gettext(_BY[channel])
        words = (
            f"{names}, {by}" if first else gettext("%(names)s again, %(by)s", names=names, by=by)
        )
        why = [_why(one, zone, len(people) > 1) for one in people] if first else []
        tone = "waiting" if any(one.reason.get("lacks") for one in people) else "underway"
        yield _line(at, seconds, words, tone if first else "", why)


def _why(one: Foreseen, zone: str, several: bool) -> str:
    words = sentences.reason(one.reason, language(), zone)
    return f"{one.name}: {words}" if several else words


def _line(
    at: datetime, seconds: float, words: str, tone: str, why: Sequence[str] = ()
) -> dict[str, Any]:
    return {
        "at": at + timedelta(seconds=seconds),
        "seconds": round(seconds),
        "words": words,
        "why": [one for one in why if one],
        "tone": tone,
    }
