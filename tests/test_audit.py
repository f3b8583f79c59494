"""The audit record: every change made behind its back is named, and erasing breaks nothing."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from dispatch.audit import (
    ENGINE,
    Actor,
    AuditDetail,
    AuditEntry,
    OwnWords,
    erase,
    link,
    record,
    tell,
    verify,
)
from dispatch.db import Session, Store
from dispatch.people.models import Organisation, OrganisationKind

NOW = datetime(2026, 3, 1, 22, 5, tzinfo=UTC)
AN = Actor("person", 12, "An Peeters")


def organisation(session: Session) -> int:
    row = Organisation(key="dender", name="Dender", kind=OrganisationKind.POLICE_ZONE)
    session.add(row)
    session.flush()
    return row.id


def write(session: Session, count: int = 1, at: datetime = NOW) -> None:
    for number in range(count):
        record(session, AN, "incident.opened", f"incident:{number}", {"reason": "assigned"}, at)


def linked(store: Store, count: int) -> None:
    with store.write() as session:
        write(session, count)
    with store.write() as session:
        assert link(session, NOW) == count


def behind_its_back(store: Store, *statements: str) -> None:
    """Change rows as somebody does who owns the database: no trigger and no key stops them."""
    connection = store.engine.raw_connection()
    cursor = connection.cursor()
    if store.is_sqlite:
        cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE 'audit_%_no_%'")
        statements = (*(f"DROP TRIGGER {name}" for (name,) in cursor.fetchall()), *statements)
    else:
        cursor.execute("SET session_replication_role = replica")
    for statement in statements:
        cursor.execute(statement)
    cursor.close()
    connection.commit()
    connection.invalidate()


def test_an_entry_says_who_did_what_and_keeps_the_name_erasable(store: Store) -> None:
    with store.write() as session:
        record(session, AN, "narrative.opened", "incident:D7K-4QX", {"until": NOW, "n": 1}, NOW)
        record(session, ENGINE, "callout.advanced", "incident:D7K-4QX", {}, NOW)
        entries = session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()
        details = session.scalars(sa.select(AuditDetail).order_by(AuditDetail.entry_id)).all()
    assert [entry.actor for entry in entries] == ["person:12", "engine"]
    assert (entries[0].action, entries[0].subject) == ("narrative.opened", "incident:D7K-4QX")
    assert entries[0].at == NOW
    assert entries[0].uid != entries[1].uid
    assert details[0].details == '{"by":"An Peeters","n":1,"until":"2026-03-01T22:05:00+00:00"}'


def test_own_words_are_sealed_for_the_organisation_and_told_in_clear(store: Store) -> None:
    reason = "de zus van An Janssens belt terug"
    with store.write() as session:
        owner = organisation(session)
        words = OwnWords(owner, {"reason": reason})
        record(session, AN, "narrative.open", "incident:D7K-4QX", {"n": 1}, NOW, words=words)
        record(session, ENGINE, "incident.open", "incident:D7K-4QX", {}, NOW)
        record(session, ENGINE, "incident.open", "incident:X2B-3CD", {}, NOW)
        link(session, NOW)
    with store.read() as session:
        assert verify(session, NOW).ok
        stored = "".join(session.scalars(sa.select(AuditDetail.details)))
        assert "Janssens" not in stored and "sealed" in stored
        opened, began = tell(session, "incident:D7K-4QX")
        assert list(tell(session, "incident:D7K-4QX", "incident.open")) == [began]
    assert (opened.at, opened.actor, opened.action) == (NOW, "person:12", "narrative.open")
    assert opened.details == {"by": "An Peeters", "n": 1, "reason": reason}
    assert began.details == {"by": "engine"}


def test_sealed_words_that_were_changed_moved_or_erased_are_not_told(store: Store) -> None:
    with store.write() as session:
        words = OwnWords(organisation(session), {"reason": "secret"})
        for number in range(3):
            record(session, AN, "narrative.open", f"incident:{number}", {}, NOW, words=words)
        link(session, NOW)
        erase(session, [3])
        first = session.scalars(sa.select(AuditDetail).where(AuditDetail.entry_id == 1)).one()
        second = session.scalars(sa.select(AuditDetail).where(AuditDetail.entry_id == 2)).one()
        second.details = first.details
        session.flush()
        told = [next(tell(session, f"incident:{number}")).details for number in range(3)]
        assert told == [{"by": "An Peeters", "reason": "secret"}, {**told[1], "reason": None}, {}]
        assert verify(session, NOW).faults == ["entry 2 (position 2): its details were changed"]


def test_recording_costs_two_statements(store: Store) -> None:
    with store.write() as session:
        statements: list[str] = []
        sa.event.listen(
            session.connection(),
            "before_cursor_execute",
            lambda _connection, _cursor, statement, *_rest: statements.append(statement),
        )
        write(session)
        assert len(statements) == 2


def test_what_json_cannot_say_is_refused(store: Store) -> None:
    with store.write() as session, pytest.raises(TypeError, match="object cannot be part"):
        record(session, AN, "x", "y", {"value": object()}, NOW)


def test_an_empty_record_is_in_order(store: Store) -> None:
    with store.write() as session:
        assert link(session, NOW) == 0
        verdict = verify(session, NOW)
    assert (verdict.ok, verdict.entries, verdict.unlinked, verdict.faults) == (True, 0, 0, [])


def test_a_linked_record_is_in_order(store: Store) -> None:
    linked(store, 3)
    linked(store, 2)
    with store.read() as session:
        verdict = verify(session, NOW)
    assert (verdict.ok, verdict.entries, verdict.unlinked, verdict.faults) == (True, 5, 0, [])


def test_a_backlog_is_linked_in_portions(store: Store) -> None:
    with store.write() as session:
        write(session, 1003)
    with store.write() as session:
        assert [link(session, NOW) for _ in range(3)] == [1000, 3, 0]
        assert verify(session, NOW).ok


def test_an_unlinked_tail_is_reported_and_a_fault_after_a_minute(store: Store) -> None:
    linked(store, 1)
    with store.write() as session:
        write(session, 2)
    with store.read() as session:
        soon = verify(session, NOW + timedelta(seconds=60))
        late = verify(session, NOW + timedelta(seconds=61))
    assert (soon.ok, soon.unlinked, soon.oldest_unlinked_seconds) == (True, 2, 60.0)
    assert (late.ok, late.faults) == (False, ["2 entries are not linked, the oldest for 61 s"])


def test_an_entry_that_becomes_visible_late_is_linked_after_higher_ones(store: Store) -> None:
    if store.is_sqlite:
        with store.write() as session:
            write(session, 2)
            first, second = session.scalars(sa.select(AuditEntry.id).order_by(AuditEntry.id))
        behind_its_back(store, f"UPDATE audit_detail SET linked = true WHERE entry_id = {first}")
        with store.write() as session:
            assert link(session, NOW) == 1
        behind_its_back(store, f"UPDATE audit_detail SET linked = false WHERE entry_id = {first}")
    else:
        with store.write() as slow:
            write(slow)
            first = slow.scalars(sa.select(AuditEntry.id)).one()
            with store.write() as session:
                write(session)
            with store.write() as session:
                assert link(session, NOW) == 1
                second = session.scalars(sa.text("SELECT entry_id FROM audit_link")).one()
    with store.write() as session:
        assert link(session, NOW) == 1
        order = sa.text("SELECT entry_id FROM audit_link ORDER BY position")
        assert session.scalars(order).all() == [second, first]
        assert first < second
        assert verify(session, NOW).ok


@pytest.mark.parametrize("table", ["audit_entry", "audit_link"])
@pytest.mark.parametrize("change", ["UPDATE {} SET entry = entry", "DELETE FROM {}"])
def test_the_database_refuses_to_change_the_record(store: Store, table: str, change: str) -> None:
    linked(store, 1)
    column = {"audit_entry": "subject", "audit_link": "hash"}[table]
    statement = change.format(table).replace("entry = entry", f"{column} = 'forged'")
    with (
        pytest.raises(sa.exc.DBAPIError, match="the audit record is never changed"),
        store.write() as session,
    ):
        session.execute(sa.text(statement))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            "UPDATE audit_entry SET subject = 'incident:9' WHERE id = {}",
            "(position 3): was changed",
        ),
        ("UPDATE audit_entry SET actor = 'person:9' WHERE id = {}", "(position 3): was changed"),
        ("UPDATE audit_entry SET digest = 'forged' WHERE id = {}", "(position 3): was changed"),
        ("UPDATE audit_entry SET uid = 'forged' WHERE id = {}", "(position 3): was changed"),
        ("UPDATE audit_entry SET at = '{at}' WHERE id = {}", "(position 3): was changed"),
        ("UPDATE audit_link SET hash = 'forged' WHERE position = 3", "(position 3): was changed"),
        ("UPDATE audit_detail SET details = '' WHERE entry_id = {}", "(position 3): its details"),
        ("DELETE FROM audit_link WHERE position = 3", "(position 4): 1 links before it"),
        ("DELETE FROM audit_entry WHERE id = {}", "(position 3): is missing"),
    ],
)
def test_a_change_is_named_by_its_first_entry(store: Store, change: str, fault: str) -> None:
    linked(store, 5)
    third = "(SELECT entry_id FROM audit_link WHERE position = 3)"
    behind_its_back(store, change.format(third, at="2026-03-01 22:06:00.000000"))
    with store.read() as session:
        verdict = verify(session, NOW)
    assert not verdict.ok
    assert fault in verdict.faults[0]


def test_exchanged_entries_are_found(store: Store) -> None:
    linked(store, 4)
    behind_its_back(
        store,
        "UPDATE audit_link SET position = 99 WHERE position = 2",
        "UPDATE audit_link SET position = 2 WHERE position = 3",
        "UPDATE audit_link SET position = 3 WHERE position = 99",
    )
    with store.read() as session:
        assert "(position 2): was changed, or its place" in verify(session, NOW).faults[0]


def test_marking_an_entry_as_linked_does_not_hide_it(store: Store) -> None:
    with store.write() as session:
        write(session)
    behind_its_back(store, "UPDATE audit_detail SET linked = true")
    with store.write() as session:
        assert link(session, NOW) == 0
        assert not verify(session, NOW + timedelta(minutes=2)).ok


def test_erasing_forgets_the_details_and_keeps_the_chain_whole(store: Store) -> None:
    linked(store, 3)
    with store.write() as session:
        erase(session, session.scalars(sa.select(AuditEntry.id).order_by(AuditEntry.id)).all()[:2])
        erase(session, [])
    with store.read() as session:
        details = session.scalars(sa.select(AuditDetail).order_by(AuditDetail.entry_id)).all()
        assert [detail.salt is None for detail in details] == [True, True, False]
        assert [detail.details is None for detail in details] == [True, True, False]
        assert verify(session, NOW).ok


def test_an_entry_may_be_erased_before_it_is_linked(store: Store) -> None:
    with store.write() as session:
        write(session)
        erase(session, session.scalars(sa.select(AuditEntry.id)))
    with store.write() as session:
        assert link(session, NOW) == 1
        assert verify(session, NOW).ok


def test_two_linkers_at_once_make_one_chain(store: Store) -> None:
    with store.write() as session:
        write(session, 20)
    start, results = threading.Barrier(3), []

    def run() -> None:
        start.wait()
        try:
            with store.write() as session:
                results.append(link(session, NOW))
        except sa.exc.IntegrityError:
            results.append(0)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [0, 0, 20]
    with store.read() as session:
        assert verify(session, NOW).ok
