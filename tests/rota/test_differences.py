"""What publishing would change: turns that stay keep their identity."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dispatch.rota import differences
from dispatch.rota.differences import Change, Stand

BEGIN = datetime(2026, 12, 24, tzinfo=UTC)


def stand(begins=0, ends=24, person=1, line=1):
    return Stand(BEGIN + timedelta(hours=begins), BEGIN + timedelta(hours=ends), line, person)


def compare(published, drafted):
    return differences.compare(published, drafted)


def test_what_is_the_same_is_no_change_wherever_the_seat_came_from():
    assert compare({7: stand()}, [(stand(), 7)]) == []
    assert compare({7: stand()}, [(stand(), None)]) == []


def test_other_times_of_one_person_move_the_turn():
    (change,) = compare({7: stand()}, [(stand(ends=20), None)])
    assert change == Change(stand(), stand(ends=20), 7)
    assert change.moves and change.first_at == stand(ends=20).ends_at


def test_another_person_or_line_is_another_turn():
    (handed,) = compare({7: stand()}, [(stand(person=2), 7)])
    assert handed == Change(stand(), stand(person=2), 7)
    assert not handed.moves and handed.first_at == BEGIN
    (lined,) = compare({7: stand()}, [(stand(line=2), 7)])
    assert not lined.moves


def test_what_is_new_or_gone_says_so():
    new, gone = compare({7: stand(48, 72)}, [(stand(), None)])
    assert (new.was, new.now, new.shift_id) == (None, stand(), None)
    assert (gone.was, gone.now, gone.shift_id) == (stand(48, 72), None, 7)


def test_each_person_has_their_part():
    found = compare(
        {7: stand(), 8: stand(24, 48, 2)}, [(stand(person=2), 7), (stand(24, 48, 3), 8)]
    )
    assert {person: len(mine) for person, mine in differences.by_person(found).items()} == {
        1: 1,
        2: 2,
        3: 1,
    }


def test_a_version_keeps_both_sides_and_the_covers_that_end():
    change = Change(stand(), None, 7, covers=(stand(4, 8, person=2),))
    kept = differences.written(change, None)
    assert differences.read(kept) == Change(stand(), None, covers=change.covers)
    assert differences.read({"was": None, "now": kept["was"]}) == Change(None, stand())


@st.composite
def rotas(draw):
    edges = sorted(set(draw(st.lists(st.integers(0, 60), max_size=12))))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return [stand(one, two, draw(st.integers(1, 3)), draw(st.integers(1, 2))) for one, two in pairs]


@given(rotas(), rotas())
def test_applied_changes_make_the_published_rota_the_drafted_one(before, after):
    published = dict(enumerate(before, 1))
    found = compare(published, [(one, None) for one in after])
    left = dict(published)
    for change in found:
        assert change.was == left.pop(change.shift_id, None)
        assert change.was != change.now
    result = sorted([*left.values(), *(c.now for c in found if c.now is not None)])
    assert result == sorted(after)
