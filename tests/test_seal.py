"""Sealing: what is sealed opens in its place only, on both databases, through every rotation."""

import re
import threading
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from dispatch.db import Session, Store
from dispatch.people.models import Organisation, OrganisationKind
from dispatch.seal import (
    SealingKey,
    Unsealable,
    fingerprint,
    hash_token,
    new_token,
    rotate,
    seal,
    unseal,
)

NOW = datetime(2026, 3, 1, 22, 5, tzinfo=UTC)
PLACE = "incident.narrative:0b6e7a"


def organisation(session: Session, key: str = "dender") -> int:
    row = Organisation(key=key, name=key, kind=OrganisationKind.POLICE_ZONE)
    session.add(row)
    session.flush()
    return row.id


def another(store: Store, **context: object) -> Store:
    """Open the same database as another process does: with nothing in its memory."""
    return Store(store.url.render_as_string(hide_password=False), **{**store.context, **context})


def fails_after_sealing(store: Store, owner: int) -> None:
    def fail() -> None:
        with store.write() as session:
            seal(session, owner, PLACE, "lost")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()


def counted(session: Session) -> list[str]:
    """Return a list that grows by every statement this session sends."""
    statements: list[str] = []
    sa.event.listen(
        session.connection(),
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_rest: statements.append(statement),
    )
    return statements


@pytest.mark.parametrize("text", ["", "zij sprak met haar zus", "ä 𝄞 \x00 \n", "x" * 100_000])
def test_a_sealed_text_opens_and_shows_nothing(store: Store, text: str) -> None:
    with store.write() as session:
        owner = organisation(session)
        sealed = seal(session, owner, PLACE, text)
        assert re.fullmatch(r"\d+\.[A-Za-z0-9_=-]+", sealed)
        assert not text or text not in sealed
        assert unseal(session, owner, PLACE, sealed) == text
        assert seal(session, owner, PLACE, text) != sealed


def test_a_value_opens_in_its_own_place_and_organisation_only(store: Store) -> None:
    with store.write() as session:
        own, other = organisation(session), organisation(session, "kust")
        sealed = seal(session, own, PLACE, "text")
        seal(session, other, PLACE, "text")
        for owner, place in ((own, PLACE + "x"), (other, PLACE), (None, PLACE)):
            with pytest.raises(Unsealable):
                unseal(session, owner, place, sealed)


@pytest.mark.parametrize("wrong", ["", "plain text", "1", "1.", "x.AAAA", "1.!", "²." + "A" * 40])
def test_what_was_never_sealed_is_unsealable(store: Store, wrong: str) -> None:
    with store.write() as session:
        seal(session, None, PLACE, "text")
        with pytest.raises(Unsealable):
            unseal(session, None, PLACE, wrong)


def test_a_changed_value_and_a_missing_key_are_unsealable(store: Store) -> None:
    with store.write() as session:
        sealed = seal(session, None, PLACE, "text")
        key, _, blob = sealed.partition(".")
        changed = blob[:20] + ("A" if blob[20] != "A" else "B") + blob[21:]
        for value in (f"{key}.{changed}", f"{int(key) + 1}.{blob}", f"{10**18}.{blob}"):
            with pytest.raises(Unsealable):
                unseal(session, None, PLACE, value)


def test_another_process_with_the_same_installation_key_opens_it(store: Store) -> None:
    with store.write() as session:
        owner = organisation(session)
        sealed = seal(session, owner, PLACE, "text")
    other = another(store)
    with other.read() as session:
        assert unseal(session, owner, PLACE, sealed) == "text"
    other.close()


def test_the_database_alone_opens_nothing(store: Store) -> None:
    with store.write() as session:
        sealed = seal(session, None, PLACE, "text")
    thief = another(store, installation_key=b"t" * 32)
    with thief.read() as session, pytest.raises(Unsealable):
        unseal(session, None, PLACE, sealed)
    thief.close()


def test_a_known_key_costs_no_query(store: Store) -> None:
    with store.write() as session:
        owner = organisation(session)
        seal(session, owner, PLACE, "text")
    with store.write() as session:
        sealed = seal(session, owner, PLACE, "text")
        statements = counted(session)
        for _ in range(8):
            assert unseal(session, owner, PLACE, seal(session, owner, PLACE, "t")) == "t"
        assert unseal(session, owner, PLACE, sealed) == "text"
        assert statements == []


def test_a_key_that_was_rolled_back_seals_nothing_afterwards(store: Store) -> None:
    with store.write() as session:
        owner = organisation(session)
    fails_after_sealing(store, owner)
    with store.write() as session:
        savepoint = session.begin_nested()
        seal(session, owner, PLACE, "lost")
        savepoint.rollback()
        sealed = seal(session, owner, PLACE, "kept")
    other = another(store)
    with other.read() as session:
        assert unseal(session, owner, PLACE, sealed) == "kept"
    other.close()


def test_two_first_uses_at_once_agree_on_one_key(store: Store) -> None:
    with store.write() as session:
        owner = organisation(session)
    start, sealed = threading.Barrier(4), []

    def first_use() -> None:
        start.wait()
        with store.write() as session:
            sealed.append(seal(session, owner, PLACE, "text"))

    threads = [threading.Thread(target=first_use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as session:
        assert [unseal(session, owner, PLACE, value) for value in sealed] == ["text"] * 4
        assert session.scalar(sa.select(sa.func.count()).select_from(SealingKey)) == 1


def test_after_rotating_old_values_open_and_new_ones_have_new_keys(store: Store) -> None:
    with store.write() as session:
        owner = organisation(session)
        old = {place: seal(session, place, PLACE, "old") for place in (owner, None)}
    with store.write() as session:
        assert rotate(session, NOW) == 2
    fresh = another(store)
    with fresh.write() as session:
        for place, sealed in old.items():
            assert unseal(session, place, PLACE, sealed) == "old"
            new = seal(session, place, PLACE, "new")
            assert new.partition(".")[0] != sealed.partition(".")[0]
            assert unseal(session, place, PLACE, new) == "new"
        retired = session.scalars(sa.select(SealingKey.retired_at).order_by(SealingKey.id)).all()
        assert retired == [NOW, NOW, None, None]
    fresh.close()


def test_a_fingerprint_finds_a_number_again_in_this_installation_only(store: Store) -> None:
    with store.write() as session:
        number = fingerprint(session, "+32460200200")
        assert re.fullmatch(r"[0-9a-f]{64}", number)
        assert fingerprint(session, "+32460200201") != number
    with store.write() as session:
        rotate(session, NOW)
    other = another(store)
    with other.read() as session:
        assert fingerprint(session, "+32460200200") == number
        statements = counted(session)
        assert fingerprint(session, "+32460200200") == number
        assert statements == []
    other.close()


def test_looking_for_a_number_before_any_is_known_leaves_nothing_behind(store: Store) -> None:
    with store.read() as session:
        fingerprint(session, "+32460200200")
    with store.write() as session:
        number = fingerprint(session, "+32460200200")
    other = another(store)
    with other.read() as session:
        assert fingerprint(session, "+32460200200") == number
    other.close()


def test_a_key_knows_when_it_was_made(store: Store) -> None:
    with store.write() as session:
        seal(session, None, PLACE, "text")
        made = session.scalars(sa.select(SealingKey.created_at)).one()
        assert made.tzinfo == UTC
        assert made.year >= 2026


def test_tokens_are_long_enough_and_hold_no_digit() -> None:
    tokens = {new_token() for _ in range(200)}
    assert len(tokens) == 200
    assert all(re.fullmatch("[A-Za-z]{26}", token) for token in tokens)
    assert len(new_token(32)) == 52


def test_a_stored_token_opens_nothing() -> None:
    assert re.fullmatch("[0-9a-f]{64}", hash_token("abc"))
    assert hash_token("abc") != hash_token("abd")
