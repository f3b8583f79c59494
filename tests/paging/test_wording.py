"""No text says more than it may, in any language; and each fits the phone it goes to."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.channels import segments
from dispatch.incidents.models import ResponseMode
from dispatch.paging import wording
from dispatch.paging.wording import ANSWER_WORDS, Subject

FOLDER = Path(__file__).parents[2] / "templates"
LANGUAGES = sorted(ANSWER_WORDS)
#: The duty sheet is a list of turns and says nothing of an incident.
TEMPLATES = sorted(path.name for path in (FOLDER / "messages").iterdir() if path.stem != "sheet")
LINK = "https://dispatch.example/a/" + "k" * 32
FACTS = {"code": "482", "link": LINK, "name": "An", "minutes": 25, "control_room": "+3253123456"}
FACTS |= {"other": "F3M-7PL", "lead": "Bert Maes", "centre": "Dispatch", "number": "+3253000111"}


def _subject(**more: object) -> Subject:
    at = datetime(2026, 3, 14, 20, 5, tzinfo=UTC)
    values = {
        "reference": "D7K-4QX",
        "priority": 1,
        "mode": ResponseMode.GO_NOW,
        "received_at": at,
        "time_zone": "Europe/Brussels",
        "control_room": "+3253123456",
    }
    return Subject(**(values | more))


def _text(template: str, language: str, **more: object) -> str:
    facts = {key: value for key, value in FACTS.items() if key != "control_room"}
    facts["state"] = "on_scene"
    return wording.text(FOLDER, template, language, _subject(**more), **facts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_call_out_holds_exactly_one_code(language: str) -> None:
    text = _text("callout.sms", language)
    assert set(re.findall(r"(?<![\w+])\d{3,6}(?!\w)", text)) == {"482"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_call_out_offers_the_words_of_its_language(language: str) -> None:
    yes, no = ANSWER_WORDS[language]
    assert f"{yes} 482 / {no} 482" in _text("callout.sms", language)


def test_no_offered_word_is_taken_for_opting_out() -> None:
    taken = {"STOP", "STOPALL", "END", "CANCEL", "QUIT", "UNSUBSCRIBE", "ARRET"}
    assert not taken & {word for words in ANSWER_WORDS.values() for word in words}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", [name for name in TEMPLATES if name.endswith(".sms")])
@pytest.mark.parametrize("mode", list(ResponseMode))
def test_texts_are_gsm_and_two_parts_at_most(
    language: str, template: str, mode: ResponseMode
) -> None:
    text = _text(template, language, mode=mode)
    assert segments.strangers(text) == []
    assert segments.count(text).parts <= 2


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_first_word_tells_a_drill(language: str, template: str) -> None:
    if template in ("not_understood.sms", "no_callout.sms", "unknown_number.sms"):
        return
    drill = _text(template, language, drill=True).split()[0]
    assert drill != _text(template, language).split()[0]


@given(st.sampled_from(LANGUAGES), st.sampled_from(TEMPLATES))
def test_texts_are_made_of_what_they_may_hold_only(language: str, template: str) -> None:
    """Subject has no other field of an incident: whoever adds one has to come by here."""
    allowed = {
        "reference",
        "priority",
        "mode",
        "received_at",
        "time_zone",
        "control_room",
        "drill",
        "category_number",
        "appointment_at",
    }
    assert set(Subject.__dataclass_fields__) == allowed
    assert _text(template, language)


def test_time_is_the_organisations() -> None:
    assert "21:05" in _text("callout.sms", "nl")


def test_every_kind_of_the_timeline_has_a_sentence() -> None:
    """A kind written by the code but by no sentence would be shown as a bare word."""
    root = FOLDER.parent / "dispatch"
    written = set()
    for folder in ("incidents", "paging", "intake", "web"):
        for path in (root / folder).rglob("*.py"):
            pattern = r'timeline\.add\(\s*session,\s*[\w.]+,\s*"(\w+)"'
            written |= set(re.findall(pattern, path.read_text()))
    assert written
    missing = [kind for kind in written if wording.sentence(kind, {}, "en") == kind]
    assert missing == []
