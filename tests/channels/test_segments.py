"""Counting and cleaning texts for SMS."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.channels import segments

GSM = st.text(st.sampled_from(sorted(segments._ALPHABET | segments._EXTENSION)))
#: Every code point, lone surrogates included: st.text() alone leaves those out.
ANYTHING = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("ê" * 70, "UCS-2", 70, 1),
        ("ê" + "a" * 70, "UCS-2", 71, 2),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
    ],
)
def test_texts_are_counted_as_networks_count(
    text: str, encoding: str, units: int, parts: int
) -> None:
    assert segments.count(text) == segments.Segments(encoding, units, parts)


def test_an_extension_character_is_not_split_across_two_parts() -> None:
    # 152 + the euro sign's two would fill 154: it moves to the second part as a whole, which then
    # has no room left for what would have fitted had it been split.
    text = "a" * 152 + "€" + "b" * 151
    assert segments.count(text).units == 305
    assert segments.count(text).parts == 2
    assert segments.count(text + "b").units == 306
    assert segments.count(text + "b").parts == 3


def test_a_surrogate_pair_is_not_split_across_two_parts() -> None:
    text = "ê" * 66 + "😀" + "a" * 66
    assert segments.count(text).units == 134
    assert segments.count(text).parts == 3


@pytest.mark.parametrize("letter", "åäöæøéèàùìòñüßÅÄÖÆØÉÑÜ§")
def test_letters_of_the_five_languages_inside_gsm_7_stay(letter: str) -> None:
    assert segments.strangers(letter) == []
    assert segments.plain(letter) == letter


@pytest.mark.parametrize(
    ("text", "cheap"),
    [
        ("ê ë ï â î ô û", "e e i a i o u"),
        ("œuvre reçue, Œdipe", "oeuvre recue, OEdipe"),
        ("“Je suis là…”", '"Je suis là..."'),
        ("Zoë – 's Heerenberg’s", "Zoe - 's Heerenberg's"),
        ("a\r\n\tb\u2028c\u00a0d", "a b c d"),
        ("\u202e284\u202c \u200b482\ufeff", "284 482"),
        ("x\ud800y\x00\x1bz", "xyz"),
        ("Łódź", "Lodz"),
        ("e\u0301e\u0302", "ée"),
        ("code 482²", "code 482²"),
        ("Дом", "Дом"),
    ],
)
def test_a_text_is_made_plain(text: str, cheap: str) -> None:
    assert segments.plain(text) == cheap


def test_a_call_keeps_the_letters_that_an_sms_cannot_afford() -> None:
    assert segments.harmless("À la forêt,\nmaître") == "À la forêt, maître"


@given(GSM)
def test_what_is_gsm_7_costs_one_or_two_a_character(text: str) -> None:
    counted = segments.count(text)
    assert counted.encoding == "GSM-7"
    assert len(text) <= counted.units <= 2 * len(text)
    assert counted.parts >= counted.units / 160


@given(ANYTHING)
def test_parts_hold_all_units_and_no_more_than_needed(text: str) -> None:
    counted = segments.count(text)
    whole, part = (160, 153) if counted.encoding == "GSM-7" else (70, 67)
    if counted.parts == 1:
        assert counted.units <= whole
    else:
        assert counted.units > whole
        # Each part but the last may waste one unit, where a pair did not fit.
        assert (part - 1) * (counted.parts - 1) < counted.units <= part * counted.parts


@given(ANYTHING)
def test_strangers_decide_the_encoding(text: str) -> None:
    odd = segments.strangers(text)
    assert len(odd) == len(set(odd))
    assert set(odd) <= set(text)
    assert segments.count(text).encoding == ("UCS-2" if odd else "GSM-7")


@given(ANYTHING, st.integers(1, 200))
def test_a_plain_text_is_harmless_and_short_enough(text: str, limit: int) -> None:
    cheap = segments.plain(text, limit)
    assert len(cheap) <= limit
    assert cheap == segments.plain(cheap, limit)
    assert cheap == " ".join(cheap.split())
    assert not any(unicodedata.category(c)[0] == "C" for c in cheap)
    cheap.encode()


@given(GSM)
def test_plain_changes_nothing_of_gsm_7_but_white_space(text: str) -> None:
    assert segments.plain(text, 10_000) == " ".join(text.split())


def test_every_accented_latin_letter_has_a_writing_in_gsm_7() -> None:
    accented = [
        letter
        for letter in map(chr, range(0xC0, 0x250))
        if unicodedata.normalize("NFKD", letter)[0].isascii()
    ]
    assert {x: segments.strangers(segments.plain(x)) for x in accented} == {x: [] for x in accented}
