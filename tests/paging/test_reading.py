"""What an officer's text means; more than a clear yes or no is left to a person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.paging.reading import Says, read
from dispatch.paging.wording import HAND_ON_WORDS, STATE_WORDS

CODES = {"482", "7315"}


@pytest.mark.parametrize(
    ("body", "code", "minutes"),
    [
        ("482", "482", None),
        ("JA 482", "482", None),
        ("ja482", "482", None),
        ("482 ja!", "482", None),
        ("Oui 7315.", "7315", None),
        ("482 25", "482", 25),
        ("482 in 25 min", "482", 25),
        ("ja 482 over 10 minuten", "482", 10),
        ("JEG KØRER 482", "482", None),
        ("j'y vais 482", "482", None),
        ("\u202e482\u200f", "482", None),
        ("482 482", "482", None),
        ("ja", None, None),
        ("Yes 15", None, 15),
    ],
)
def test_yes(body: str, code: str | None, minutes: int | None) -> None:
    found = read(body, CODES)
    assert (found.says, found.code, found.minutes) == (Says.YES, code, minutes)


@pytest.mark.parametrize(
    ("says", "body", "minutes"),
    [
        (says, f"{word} 482", None)
        for words in STATE_WORDS.values()
        for says, word in zip((Says.ON_THE_WAY, Says.ON_SCENE, Says.DONE), words, strict=True)
    ]
    + [
        (Says.ON_THE_WAY, "482 opweg", None),
        (Says.ON_THE_WAY, "Op weg 482, 25 min", 25),
        (Says.ON_SCENE, "ik ben er 482", None),
        (Says.DONE, "Færdig! 482", None),
        (Says.WELL, "alles goed 482", None),
        *((Says.HAND_ON, f"{word} 482", None) for word in HAND_ON_WORDS.values()),
        # More than the word is for a person to read.
        (Says.OTHER, "bijna klaar 482", None),
        (Says.OTHER, "nog niet ter plaatse 482", None),
        (Says.OTHER, "opweg maar file 482", None),
    ],
)
def test_how_far_somebody_has_come(says: Says, body: str, minutes: int | None) -> None:
    found = read(body, CODES)
    assert (found.says, found.code, found.minutes) == (says, "482", minutes)


@pytest.mark.parametrize("body", ["nee 482", "NON", "482 nej", "Neen.", "je ne peux pas 482"])
def test_no(body: str) -> None:
    assert read(body, CODES).says is Says.NO


@pytest.mark.parametrize(
    "body",
    ["482 but not before four", "child ill", "ja maar later", "482 7315", "482 999", "", "?", "🚗"],
)
def test_anything_else_is_for_a_person(body: str) -> None:
    assert read(body, CODES).says is Says.OTHER


def test_code_that_is_none_of_the_senders_is_strange() -> None:
    found = read("JA 555", CODES)
    assert found.strange_code and found.code is None


def test_code_inside_a_longer_number_is_no_code() -> None:
    assert read("048290", {"482"}).code is None


@given(st.text())
def test_any_text_can_be_read(body: str) -> None:
    assert read(body, CODES).says in Says


@given(st.text(alphabet=st.characters(whitelist_categories=["L", "Zs"]), min_size=12))
def test_prose_is_never_an_acceptance(body: str) -> None:
    assert read(f"482 not {body}", CODES).says is not Says.YES
