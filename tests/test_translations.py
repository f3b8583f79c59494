"""The catalogue of words is whole: whoever chose a language never meets a bare English sentence."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest
from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from dispatch import texts
from dispatch.channels.segments import plain, strangers
from dispatch.paging.wording import ANSWER_WORDS
from dispatch.texts import N_, Sentence

ROOT = Path(__file__).parents[1]
LANGUAGES = ["da", "fr", "nl", "sv"]

PLACE = re.compile(r"%\((\w+)\)s")
#: What is no word of a language: attributes that a macro writes, the product's name, keys, marks.
NO_WORDS = re.compile(r'[a-z-]+="[^"]*"|\b(Dispatch|Ctrl|Enter|[A-Za-z])\b|[^A-Za-zÀ-ÿ]+')
#: The classes of a screen's width are written like text.
WIDTH = re.compile(r"{% block width %}[^{]*{% endblock %}")
SAID_ATTRIBUTES = {"alt", "aria-label", "placeholder", "title", "data-says"}


def extracted(root: Path) -> Catalog:
    """Return what `make translations` finds below a folder."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    mappings = settings["tool"]["babel"]["mappings"]
    methods = [(mapping.pop("pattern"), mapping.pop("method")) for mapping in mappings]
    options = dict(zip((pattern for pattern, _ in methods), mappings, strict=True))
    found = Catalog()
    for file, line, text, _, _ in extract_from_dir(str(root), methods, options):
        found.add(text, locations=[(file, line)])
    return found


@cache
def source() -> Catalog:
    return extracted(ROOT)


@cache
def translations(language: str) -> Catalog:
    path = texts.FOLDER / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        return read_po(file, locale=language)


def said(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def forms(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return text if isinstance(text, tuple) else (text,)


def untranslated(found: Catalog, language: str) -> list[object]:
    known = {message.id: message for message in said(translations(language))}
    return [
        message.id
        for message in said(found)
        if message.id not in known
        or known[message.id].fuzzy
        or not all(forms(known[message.id].string or ""))
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_people_read_or_hear_is_translated(language: str):
    assert untranslated(source(), language) == [], "make translations, then translate"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_translated_that_nobody_says(language: str):
    known = {message.id for message in said(source())}
    assert [m.id for m in said(translations(language)) if m.id not in known] == []


def test_a_new_sentence_of_a_template_is_missed(tmp_path: Path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "new.html").write_text('{{ _("Nobody wrote this before.") }}')
    assert untranslated(extracted(tmp_path), "nl") == ["Nobody wrote this before."]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_places_of_its_sentence(language: str):
    for message in said(translations(language)):
        for text, translated in zip(forms(message.id), forms(message.string), strict=True):
            assert set(PLACE.findall(text)) == set(PLACE.findall(translated)), text
            # Anything else that looks like a place would end in an error where it is shown.
            assert "%" not in PLACE.sub("", translated), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_is_plain_text_that_ends_like_its_sentence(language: str):
    for message in said(translations(language)):
        for text, translated in zip(forms(message.id), forms(message.string), strict=True):
            # Templates put a translation into their markup as it stands, also between quotes.
            assert not set('<>&"') & set(translated), text
            assert translated[-1].isspace() == text[-1].isspace(), text
            assert text[-1] not in ".?:" or translated[-1] == text[-1], text


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_of_phones_are_cheap_letters(language: str):
    """What `plain` makes of a translation must still be that word: no letter is left outside."""
    for message in said(source()):
        for translated in forms(translations(language)[message.id].string):
            assert strangers(plain(translated)) == []


def test_every_language_that_texts_are_sent_in_has_its_words():
    assert sorted({*LANGUAGES, "en"}) == sorted(ANSWER_WORDS)


def test_a_sentence_with_facts_is_its_english_and_can_be_said_otherwise():
    told = Sentence(N_("%(name)s has this turn already."), name="An")
    assert told == "An has this turn already."
    assert texts.say("nl", told.text, **told.facts) == "An heeft deze beurt al."


class _Bare(HTMLParser):
    """Collects the words of a template that are the same in every language."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self._note(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in SAID_ATTRIBUTES:
                self._note(value or "")

    def _note(self, text: str) -> None:
        words = NO_WORDS.sub(" ", text).strip()
        if words:
            self.words.append(words)


@pytest.mark.parametrize(
    "template", sorted((ROOT / "templates").rglob("*.*")), ids=lambda path: path.name
)
def test_no_template_says_a_bare_word(template: Path):
    shown, written = "", WIDTH.sub("", template.read_text(encoding="utf-8"))
    for _, kind, text in jinja2.Environment().lex(written):
        shown += text if kind == "data" else " 0 " if kind == "variable_end" else ""
    found = _Bare()
    found.feed(shown)
    assert found.words == []
