"""Every text that leaves, and every sentence that explains (pure).

Texts come from `templates/messages/` and one catalogue. Promise: a text holds its kind as the first
word, the reference, priority, response mode, time, answer words, the control room's number and the
link, and nothing else of the incident; the only free-standing run of 3 to 6 digits in a call-out is
its code; the letters are GSM-7, so that one stray accent does not double the parts.
"""

import functools
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from babel.dates import format_datetime

from dispatch import texts
from dispatch.channels import segments
from dispatch.incidents.models import ResponseMode
from dispatch.paging import sentences
from dispatch.texts import N_

#: The words offered in a text.
ANSWER_WORDS = texts.ANSWER_WORDS

#: The words offered for how far somebody has come.
STATE_WORDS = {
    "nl": ("OPWEG", "TER PLAATSE", "KLAAR"),
    "fr": ("EN ROUTE", "SUR PLACE", "TERMINÉ"),
    "sv": ("PÅ VÄG", "FRAMME", "KLAR"),
    "da": ("PÅ VEJ", "FREMME", "FÆRDIG"),
    "en": ("ON THE WAY", "ON SCENE", "DONE"),
}

#: The word offered to whoever goes for a colleague who takes over.
HAND_ON_WORDS = {
    "nl": "DOORGEVEN",
    "fr": "RELAIS",
    "sv": "LÄMNA ÖVER",
    "da": "GIV VIDERE",
    "en": "HAND ON",
}

_KIND_WORDS = {
    "callout": N_("CALL-OUT"),
    "code": N_("CODE"),
    "card": N_("NUMBERS"),
    "drill": N_("DRILL"),
}

_MODES = {
    ResponseMode.GO_NOW: N_("go now"),
    ResponseMode.RING_15: N_("ring within 15 min"),
    ResponseMode.APPOINTMENT: N_("by appointment"),
}

sentence = sentences.sentence
alarm = sentences.alarm
reason = sentences.reason


@dataclass(frozen=True)
class Subject:
    """What a text may say of an incident."""

    reference: str
    priority: int
    mode: ResponseMode
    received_at: datetime
    time_zone: str
    control_room: str = ""
    """E.164, unbroken: spaces would make runs of digits that look like a code."""
    drill: bool = False
    category_number: int | None = None
    appointment_at: datetime | None = None


def text(
    folder: Path,
    template: str,
    language: str,
    subject: Subject | None = None,
    **facts: Any,
) -> str:
    """Return the text of `templates/messages/<template>` in `language`, fit to be sent.

    `facts` are what the template names beside the subject: code, link, name, minutes.
    """
    what, _, channel = template.partition(".")
    values = _values(language, what, subject) | facts
    rendered = _environment(folder, language).get_template(template).render(values)
    if channel == "mail":
        # Its first line is the subject.
        return "\n".join(line.strip() for line in rendered.splitlines())
    return segments.plain(rendered) if channel == "sms" else " ".join(rendered.split())


def mode(response_mode: ResponseMode, language: str) -> str:
    """Return the words of a response mode."""
    return texts.say(language, _MODES[response_mode])


def _values(language: str, what: str, subject: Subject | None) -> dict[str, Any]:
    yes, no = ANSWER_WORDS.get(language, ANSWER_WORDS["en"])
    kind = what if what in _KIND_WORDS else "callout"
    kind = "drill" if subject is not None and subject.drill else kind
    values: dict[str, Any] = {"word": texts.say(language, _KIND_WORDS[kind]), "yes": yes, "no": no}
    said = STATE_WORDS.get(language, STATE_WORDS["en"])
    values["states"] = dict(zip(("on_the_way", "on_scene", "done"), said, strict=True))
    values["hand_on"] = HAND_ON_WORDS.get(language, HAND_ON_WORDS["en"])
    if subject is None:
        return values
    return values | {
        "reference": subject.reference,
        "spelled": " ".join(subject.reference.replace("-", "")),
        "priority": subject.priority,
        "mode": mode(subject.mode, language),
        "time": _appointment(subject, language)
        or subject.received_at.astimezone(ZoneInfo(subject.time_zone)).strftime("%H:%M"),
        "appointment": _appointment(subject, language),
        "control_room": subject.control_room,
        "category_number": subject.category_number,
    }


def _appointment(subject: Subject, language: str) -> str:
    """Return when the appointment is, two digits at a time: nothing that looks like a code."""
    if subject.appointment_at is None:
        return ""
    local = subject.appointment_at.astimezone(ZoneInfo(subject.time_zone))
    return str(format_datetime(local, "EEE d MMM HH:mm", locale=language))


@functools.cache
def _environment(folder: Path, language: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder / "messages"),
        extensions=["jinja2.ext.i18n"],
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - plain texts; TwiML is escaped where it is built
    )
    catalogue = texts.catalogue(language)
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        catalogue.gettext, catalogue.ngettext, newstyle=True
    )
    return environment
