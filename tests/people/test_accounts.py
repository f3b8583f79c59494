"""Passwords, tries, sessions and keys."""

import threading
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from dispatch.db import Session, Store
from dispatch.errors import Invalid, Refused
from dispatch.people import accounts
from dispatch.people.accounts import Attempt
from dispatch.people.models import ApiKey, Person, SignIn
from tests.people.conftest import ADA, NOW, Cast

PASSWORD = "vier losse woorden hier"
IDLE, LONGEST = timedelta(hours=12), timedelta(days=7)


@pytest.fixture(scope="module")
def stored() -> str:
    """The hash of PASSWORD, made once because making it is slow by design."""
    return accounts.hashed(PASSWORD)


@pytest.fixture
def an(cast: Cast, stored: str) -> Person:
    person = cast.person("an@zone.example")
    person.password_hash = stored
    cast.session.flush()
    return person


def tried(
    cast: Cast, name: str = "an@zone.example", address: str = "192.0.2.1", known: int | None = None
) -> Attempt:
    return accounts.attempt(cast.session, name, address, known, NOW)


# --- passwords ---


def test_a_password_is_kept_as_argon2id_with_64_mebibytes(stored: str):
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert PASSWORD not in stored


def test_the_right_password_matches_and_a_wrong_one_does_not(stored: str):
    attempt = Attempt(False, 1, stored)
    assert accounts.matches(attempt, PASSWORD)
    assert not accounts.matches(attempt, PASSWORD + ".")
    assert not accounts.matches(attempt, "")


def test_nobody_and_somebody_without_a_password_never_match():
    assert not accounts.matches(Attempt(False), PASSWORD)
    assert not accounts.matches(Attempt(False, 1, ""), "")


def test_one_password_typed_on_two_keyboards_is_one(stored: str):
    composed, decomposed = "s\u00e9curit\u00e9 du soir", "se\u0301curite\u0301 du soir"
    assert accounts.matches(Attempt(False, 1, accounts.hashed(composed)), decomposed)


@pytest.mark.parametrize(
    "password",
    ["", "short", "1234567", "password", "Password", "password1", "qwertyuiop", "superman!",
     "anneleen", "anneleen99", "x" * 129],
)  # fmt: skip
def test_a_password_that_is_short_or_tried_first_is_refused(password: str):
    with pytest.raises(Invalid) as refusal:
        accounts.check_password(password, "Anneleen Peeters", "anneleen@zone.example")
    assert set(refusal.value.fields) == {"password"}


@pytest.mark.parametrize(
    "password",
    ["tienletter", "vier losse woorden hier", "日本語のパスワード", "x" * 128, "        "],
)
def test_any_kind_of_letters_makes_a_password(password: str):
    accounts.check_password(password, "Anneleen Peeters")


def test_no_more_than_two_passwords_are_looked_at_at_once(
    monkeypatch: pytest.MonkeyPatch, stored: str
):
    monkeypatch.setattr(accounts, "_HASHING_WAIT_SECONDS", 0.01)
    with accounts._Hashing(), accounts._Hashing(), pytest.raises(Refused):
        accounts.matches(Attempt(False, 1, stored), PASSWORD)
    assert accounts.matches(Attempt(False, 1, stored), PASSWORD)


# --- tries ---


def test_a_try_finds_the_person_whatever_the_case_of_the_name(cast: Cast, an: Person, stored: str):
    assert tried(cast, " AN@Zone.example ") == Attempt(False, an.id, stored)


def test_somebody_who_left_or_never_was_is_nobody(cast: Cast, an: Person):
    an.left_at = NOW
    cast.session.flush()
    assert tried(cast) == tried(cast, "nobody@zone.example") == Attempt(False)


def test_a_hundred_bad_tries_from_elsewhere_do_not_lock_the_owner_out(cast: Cast, an: Person):
    stranger = [tried(cast, address="198.51.100.7") for _ in range(100)]
    assert [one.limited for one in stranger] == [False] * 10 + [True] * 90
    assert not tried(cast).limited


def test_hundreds_of_bad_tries_from_everywhere_do_not_lock_a_known_browser_out(
    cast: Cast, an: Person
):
    strangers = [tried(cast, address=f"198.51.100.{number % 250}") for number in range(300)]
    assert sum(not one.limited for one in strangers) == 100
    assert not tried(cast, known=an.id).limited


def test_one_address_that_tries_many_names_is_stopped(cast: Cast, an: Person):
    tries = [tried(cast, f"name{number}@zone.example") for number in range(150)]
    assert sum(not one.limited for one in tries) == 100
    assert not tried(cast, address="192.0.2.2").limited


def test_a_browser_known_for_somebody_else_is_not_exempt(cast: Cast, an: Person):
    for number in range(200):
        tried(cast, address=f"198.51.100.{number}")
    assert tried(cast, known=an.id + 1).limited


def test_the_limit_ends_with_its_quarter_of_an_hour(cast: Cast, an: Person):
    for _ in range(11):
        last = tried(cast)
    assert last.limited
    later = NOW + timedelta(minutes=15)
    assert not accounts.attempt(cast.session, "an@zone.example", "192.0.2.1", None, later).limited


# --- sessions ---


def signed_in(session: Session, token: str, at: datetime) -> Person | None:
    found = accounts.session_person(session, token, at, IDLE, LONGEST)
    return found.person if found else None


def test_a_session_is_found_by_its_token_which_is_not_kept(cast: Cast, an: Person):
    token = accounts.new_session(cast.session, an.id, NOW)
    assert signed_in(cast.session, token, NOW) == an
    assert signed_in(cast.session, token + "x", NOW) is None
    row = cast.session.scalars(sa.select(SignIn)).one()
    assert token not in (row.token_hash, str(row.id))


def test_a_session_ends_when_idle_however_often_it_was_used_before(cast: Cast, an: Person):
    token = accounts.new_session(cast.session, an.id, NOW)
    later = NOW + timedelta(hours=11)
    accounts.touch(cast.session, token, later)
    assert signed_in(cast.session, token, later + timedelta(hours=11)) == an
    assert signed_in(cast.session, token, later + timedelta(hours=12)) is None


def test_a_session_ends_after_its_days_however_busy_it_is(cast: Cast, an: Person):
    token = accounts.new_session(cast.session, an.id, NOW)
    for hours in range(0, 7 * 24, 6):
        accounts.touch(cast.session, token, NOW + timedelta(hours=hours))
    assert signed_in(cast.session, token, NOW + LONGEST - timedelta(seconds=1)) == an
    assert signed_in(cast.session, token, NOW + LONGEST) is None


def test_touching_never_takes_a_session_back_in_time(cast: Cast, an: Person):
    token = accounts.new_session(cast.session, an.id, NOW)
    accounts.touch(cast.session, token, NOW - timedelta(days=1))
    assert signed_in(cast.session, token, NOW + timedelta(hours=11)) == an


def test_signing_out_ends_this_session_and_a_new_password_ends_all(cast: Cast, an: Person):
    here, there, elsewhere = (accounts.new_session(cast.session, an.id, NOW) for _ in range(3))
    accounts.end_session(cast.session, here, NOW)
    assert signed_in(cast.session, here, NOW) is None
    assert signed_in(cast.session, there, NOW) == an
    accounts.set_password(cast.session, an, "another hash", ADA, NOW)
    assert signed_in(cast.session, there, NOW) is None
    assert signed_in(cast.session, elsewhere, NOW) is None


def test_a_session_ends_when_the_person_leaves(cast: Cast, an: Person):
    token = accounts.new_session(cast.session, an.id, NOW)
    an.left_at = NOW + timedelta(hours=1)
    cast.session.flush()
    assert signed_in(cast.session, token, NOW) == an
    assert signed_in(cast.session, token, NOW + timedelta(hours=1)) is None


# --- keys of machines ---


def test_an_api_key_is_shown_once_and_found_again(cast: Cast):
    key = accounts.create_api_key(cast.session, "console", cast.dender, ["rota:read"], ADA, NOW)
    row = accounts.api_key(cast.session, key, NOW)
    assert row is not None
    assert (row.organisation_id, row.scopes) == (cast.dender.id, ["rota:read"])
    assert key not in row.key_hash
    assert accounts.api_key(cast.session, key[:-1], NOW) is None
    assert accounts.api_key(cast.session, "", NOW) is None


def test_a_revoked_key_opens_nothing(cast: Cast):
    key = accounts.create_api_key(cast.session, "console", None, ["rota:read"], ADA, NOW)
    cast.session.scalars(sa.select(ApiKey)).one().revoked_at = NOW
    cast.session.flush()
    assert accounts.api_key(cast.session, key, NOW) is None


@pytest.mark.parametrize("scopes", [[], ["everything"], ["rota:read", "everything"]])
def test_a_key_needs_scopes_that_exist(cast: Cast, scopes: list[str]):
    with pytest.raises(Invalid):
        accounts.create_api_key(cast.session, "console", None, scopes, ADA, NOW)


def test_a_key_published_beforehand_is_taken_as_it_is(cast: Cast):
    key = accounts.create_api_key(
        cast.session, "demo", None, sorted(accounts.SCOPES), ADA, NOW, key="demo-key"
    )
    assert key == "demo-key"
    assert accounts.api_key(cast.session, "demo-key", NOW) is not None


def test_tries_at_once_are_all_counted(store: Store):
    limited: list[bool] = []

    def try_once() -> None:
        with store.write() as session:
            limited.append(accounts.attempt(session, "an", "192.0.2.1", None, NOW).limited)

    threads = [threading.Thread(target=try_once) for _ in range(15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(limited) == [False] * 10 + [True] * 5
