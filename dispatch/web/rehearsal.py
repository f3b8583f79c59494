"""What an alert would lead to, as lines to read: who, when, by what, why, and what is missing.

`paging.preview` foresees; here several people who are tried at one instant by one way become one
line, and what is missing stands where it would be noticed.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext, ngettext

from dispatch.db import Session
from dispatch.incidents import catalogue
from dispatch.incidents.models import Category
from dispatch.paging import preview, sentences, story
from dispatch.paging.models import Policy
from dispatch.paging.policy import Plan
from dispatch.paging.preview import Draft, Foreseen, Preview, Rehearsal
from dispatch.people.models import Team
from dispatch.texts import N_
from dispatch.web import case, session
from dispatch.web.board import language
from dispatch.web.forms import Form
from dispatch.web.people import SPOKEN

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
_GRAVE = {"nobody_on_duty", "nobody_at_all", *preview.SHORT}


def draft_of(form: Form, category: Category | None) -> Draft:
    """Return the report that a form supposes; what it does not say is as the category says."""
    usual = category.priority if category else catalogue.UNCLASSIFIED_PRIORITY
    wishes = {
        "language": form.text("for_language", most=20),
        "gender": form.one_of("for_gender", ("woman", "man"), required=False),
    }
    insisted = [name for name, wish in wishes.items() if wish and form.ticked("for_required")]
    wishes["required"] = " ".join(insisted)
    return Draft(
        form.number("for_priority", 1, 3) or usual,
        category,
        wishes={name: wish for name, wish in wishes.items() if wish},
        flags={flag: True for flag in sentences.FLAGS if form.ticked(f"for_{flag}")},
    )


def choices() -> dict[str, Any]:
    """Return what may be supposed of a report beside its kind."""
    return {
        "rehearsal_flags": [(flag, gettext(words)) for flag, words in sentences.FLAGS.items()],
        "rehearsal_languages": [(code, case.language_name(code)) for code in SPOKEN],
    }


def shown(
    opened: Session, team: Team, draft: Draft, at: datetime, plan: Plan | None
) -> dict[str, Any]:
    """Return what an alert at `at` leads to, in order of time."""
    found, zone = preview.rehearse(opened, team, draft, at, plan), team.time_zone
    told = found.preview
    chosen = opened.get_one(Policy, told.policy_id) if told.policy_id is not None else None
    return {
        "team": team.name,
        "at": at,
        "is_now": at == session.now(),
        "policy": chosen,
        "notes": list(_notes(found)),
        "begins_at": found.begins_at if found.begins_at > at else None,
        "priority": draft.priority,
        "lines": sorted(_lines(told, found.begins_at, zone), key=lambda line: line["at"]),
        "shortened": session.parts().settings.demo.step_seconds,
    }


def _notes(found: Rehearsal) -> Iterator[str]:
    """Say what else a report like this sets going, or keeps from it."""
    told = found.preview
    if told.closed:
        yield gettext("Outside its hours: not called. %(who)s", who=told.team.day_contact)
    elif not found.is_wanted:
        name = told.team.name
        yield gettext("A report like this does not call %(team)s: shown as if it did.", team=name)
    elif told.people > 1 or told.flag:
        yield called(told.team, told.people, told.flag)
    for one in found.also:
        yield gettext("As well: %(called)s", called=called(one.team, one.people, one.flag))
    yield from learners(told)


def called(team: Team, people: int, flag: str) -> str:
    """Say how many of a team are called, and what the report says so that they are."""
    words = ngettext("%(team)s, %(num)s person", "%(team)s, %(num)s people", people, team=team.name)
    return f"{words} ({gettext(sentences.FLAGS[flag])})" if flag else str(words)


def learners(told: Preview) -> Iterator[str]:
    """Say who learns, and that they are called for nothing."""
    for name, mentors in told.learners:
        if mentors:
            beside = ", ".join(mentors)
            told_ = N_("%(name)s learns: told once %(mentors)s goes, and never called instead.")
            yield gettext(told_, name=name, mentors=beside)
        else:
            told_ = N_("%(name)s learns: told once somebody goes, and never called instead.")
            yield gettext(told_, name=name)


def _lines(found: Preview, at: datetime, zone: str) -> Iterator[dict[str, Any]]:
    if found.closed:
        return
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
    words = sentences.reason(one.reason, language(), zone) if one.name else ""
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
