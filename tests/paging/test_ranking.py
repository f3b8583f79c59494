"""Who is the right person: a table of cases, and what holds for any set of people."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.paging import ranking, wishes
from dispatch.paging.ranking import Candidate, Circumstances
from dispatch.paging.wishes import Answer

BOTH = frozenset({"sms", "call"})
LACKS: dict[str, Any] = {"kind": "none", "qualification": {"en": "deaths"}}
BARRED = Circumstances(barred={"kind": "closed"})
BUSY = Circumstances(busy="2026-03-14T12:00:00+00:00")
BEYOND = Circumstances(beyond=True)
RESTS = Circumstances(rests="2026-03-14T12:00:00+00:00")


def _wish(required: bool, met: bool | None, wish: str = "language") -> Circumstances:
    value = "fr" if wish == "language" else "woman"
    return Circumstances(answers=(Answer(wish, value, required, met),))


def _one(name: str = "An", known: Circumstances = ranking.NOTHING_KNOWN, **more: Any) -> Candidate:
    values = {"reason": {"kind": "primary"}, "channels": BOTH, "circumstances": known}
    return Candidate(**({"person_id": ord(name[0]), "name": name} | values | more))


#: Who comes first of two, the second of whom has the earlier place in the rota.
FIRST = {
    "whoever the case is not closed to": (_one(shortfall=LACKS), _one("Bert", BARRED)),
    "whoever is reachable": (_one(shortfall=LACKS), _one("Bert", channels=frozenset())),
    "whoever is not away": (_one(shortfall=LACKS), _one("Bert", away={"kind": "away"})),
    "whoever is trained": (_one(known=BUSY), _one("Bert", shortfall=LACKS)),
    "whoever holds what serves instead": (
        _one(shortfall=LACKS, stands_in={"en": "violence"}, known=BUSY),
        _one("Bert", shortfall=LACKS),
    ),
    "whoever is what is insisted on": (_one(known=_wish(True, True)), _one("Bert", BUSY)),
    "whoever may be what is insisted on": (
        _one(known=_wish(True, None, "gender")),
        _one("Bert", _wish(True, False, "gender")),
    ),
    "whoever is not asked for the other side": (_one(known=BUSY), _one("Bert", BEYOND)),
    "whoever is on no other call-out": (_one(known=_wish(False, False)), _one("Bert", BUSY)),
    "whoever is what is preferred": (
        _one(known=_wish(False, True)),
        _one("Bert", _wish(False, False)),
    ),
    "whoever has rested": (_one(), _one("Bert", RESTS)),
}
#: Who comes first of two with the same place.
FIRST_OF_A_LINE = {
    "whoever can be texted as well as called": (
        _one(),
        _one("Bert", channels=frozenset({"call"}), reached=True),
    ),
    "whoever was reached lately": (_one(reached=True), _one("Bert", Circumstances(near=True))),
    "whoever lives near": (_one(known=Circumstances(near=True)), _one("Bert")),
}


@pytest.mark.parametrize(("right", "other"), FIRST.values(), ids=FIRST)
def test_the_right_person_comes_before_the_rota(right: Candidate, other: Candidate) -> None:
    right = replace(right, place=1)
    ranked = ranking.rank([other, right])
    assert [one.candidate.name for one in ranked] == ["An", "Bert"]


@pytest.mark.parametrize(("right", "other"), FIRST_OF_A_LINE.values(), ids=FIRST_OF_A_LINE)
def test_of_one_line_whoever_can_be_there_first_comes_first(
    right: Candidate, other: Candidate
) -> None:
    ranked = ranking.rank([other, right])
    assert [one.candidate.name for one in ranked] == ["An", "Bert"]
    assert ranking.rank([right, other]) == ranked


def test_the_rota_comes_before_distance_and_how_many_ways_there_are() -> None:
    near = _one("Bert", Circumstances(near=True), place=1, reached=True)
    ranked = ranking.rank([near, _one(channels=frozenset({"call"}))])
    assert [one.candidate.name for one in ranked] == ["An", "Bert"]


@pytest.mark.parametrize(
    ("candidate", "kind"),
    [
        (_one(known=BARRED, last_resort=True), "closed"),
        (_one(channels=frozenset(), last_resort=True), "no_method"),
        (_one(away={"kind": "away"}), "away"),
        (_one(shortfall={"kind": "lapsed", "on": "2026-03-13"}), "lapsed"),
        (_one(shortfall=LACKS, stands_in={"en": "violence"}), "none"),
        (_one(known=_wish(True, False)), "not_as_wished"),
        (_one(known=_wish(True, None, "gender")), "not_as_wished"),
    ],
)
def test_whoever_is_not_fit_is_passed_over_with_the_reason(candidate: Candidate, kind: str) -> None:
    verdict = ranking.judge(candidate)
    assert not verdict.fit
    assert verdict.reason["kind"] == kind


@pytest.mark.parametrize(
    ("candidate", "noted"),
    [
        (_one(shortfall=LACKS, last_resort=True), "lacks"),
        (_one(known=_wish(True, False), last_resort=True), "wishes"),
        (_one(known=_wish(False, False)), "wishes"),
        (_one(known=BUSY), "busy"),
        (_one(known=BEYOND), "beyond"),
        (_one(known=RESTS), "rests"),
        (_one(known=Circumstances(near=True)), "near"),
    ],
)
def test_what_speaks_against_somebody_is_said_and_excludes_nobody(
    candidate: Candidate, noted: str
) -> None:
    verdict = ranking.judge(candidate)
    assert verdict.fit
    assert verdict.reason[noted]


def test_what_serves_instead_counts_only_while_nobody_has_what_is_wanted() -> None:
    instead = _one(shortfall=LACKS, stands_in={"en": "violence"})
    assert not ranking.judge(instead).fit
    served = ranking.judge(instead, stand_ins=True)
    assert served.fit
    assert served.reason["stands_in"] == {"en": "violence"}
    assert not ranking.could_come(instead)
    assert ranking.could_come(_one(known=BUSY))


@pytest.mark.parametrize(
    "against",
    [BEYOND, BUSY, RESTS, _wish(False, False)],
    ids=["other side", "busy", "rest", "wish"],
)
def test_the_backup_comes_first_where_something_speaks_against_the_primary(
    against: Circumstances,
) -> None:
    first = [ranking.judge(_one(known=against))]
    beside = [ranking.judge(_one("Bert", place=1))]
    given = ranking.give_way(first, beside)
    assert [(one.candidate.name, one.fit) for one in given] == [("An", False), ("Bert", True)]
    assert given[0].reason["kind"] == ranking.GIVES_WAY
    assert given[0].reason["to"] == "Bert"


@pytest.mark.parametrize(
    "beside",
    [
        [],
        [_one("Bert", BUSY, place=1)],
        [_one("Bert", place=1, away={"kind": "away"})],
        [_one("Bert", BARRED, place=1)],
        [_one(place=1)],
    ],
    ids=["nobody", "busy too", "away", "barred", "the same person"],
)
def test_nobody_gives_way_to_somebody_who_is_no_better(beside: list[Candidate]) -> None:
    first = [ranking.judge(_one(known=BUSY))]
    assert ranking.give_way(first, ranking.rank(beside)) == tuple(first)


def test_best_there_is_is_the_first_who_can_be_reached() -> None:
    judged = ranking.rank(
        [
            _one("An", channels=frozenset()),
            _one("Bert", shortfall=LACKS, away={"kind": "away"}),
            _one("Chloé", BARRED),
            _one("Dirk", shortfall=LACKS),
        ]
    )
    best = ranking.best_there_is(judged)
    assert best is not None
    assert (best.candidate.name, best.fit) == ("Dirk", True)
    assert best.reason["lacks"] == "none"
    assert ranking.shortage(best) == "nobody_qualified"


def test_somebody_trained_who_is_not_what_is_insisted_on_goes_rather_than_nobody() -> None:
    best = ranking.best_there_is(ranking.rank([_one(known=_wish(True, False))]))
    assert best is not None
    assert ranking.shortage(best) == "nobody_as_wished"


def test_nothing_sounds_for_whoever_only_gave_way() -> None:
    best = ranking.best_there_is(ranking.rank([_one(known=BUSY)]))
    assert best is not None
    assert ranking.shortage(best) == ""


# --- what holds for any set of people ---

_ANSWER = st.builds(
    Answer,
    st.just("language"),
    st.just("fr"),
    st.booleans(),
    st.sampled_from([True, False, None]),
)
_KNOWN = st.builds(
    Circumstances,
    barred=st.sampled_from([None, {"kind": "closed"}]),
    answers=st.lists(_ANSWER, max_size=2).map(tuple),
    beyond=st.booleans(),
    busy=st.sampled_from([None, "2026-03-14T12:00:00+00:00"]),
    rests=st.sampled_from([None, "2026-03-14T12:00:00+00:00"]),
    near=st.booleans(),
)
_PERSON = st.builds(
    Candidate,
    person_id=st.integers(1, 10_000),
    name=st.just("x"),
    reason=st.just({"kind": "member"}),
    channels=st.sampled_from([BOTH, frozenset({"call"}), frozenset()]),
    shortfall=st.sampled_from([None, LACKS]),
    stands_in=st.sampled_from([None, {"en": "violence"}]),
    away=st.sampled_from([None, {"kind": "away"}]),
    last_resort=st.booleans(),
    place=st.integers(0, 3),
    reached=st.booleans(),
    circumstances=_KNOWN,
)
_PEOPLE = st.lists(_PERSON, max_size=6, unique_by=lambda one: one.person_id)


def _ids(judged: Any) -> list[int]:
    return [one.candidate.person_id for one in judged]


@given(_PEOPLE, st.booleans())
def test_nobody_barred_unreachable_or_away_is_ever_chosen(
    people: list[Candidate], stand_ins: bool
) -> None:
    ranked = ranking.rank(people, stand_ins=stand_ins)
    fit = [one.candidate for one in ranked if one.fit]
    assert all(one.circumstances.barred is None and one.channels for one in fit)
    assert all(one.away is None for one in fit)
    best = ranking.best_there_is(ranked)
    assert best is None or best.candidate.circumstances.barred is None
    could = any(one.channels and one.circumstances.barred is None for one in people)
    assert (best is not None) is could


@given(_PEOPLE, st.data())
def test_everybody_is_ranked_once_and_taking_one_away_moves_no_other(
    people: list[Candidate], data: st.DataObject
) -> None:
    ranked = _ids(ranking.rank(people))
    assert sorted(ranked) == sorted(one.person_id for one in people)
    if people:
        gone = data.draw(st.sampled_from(people))
        left = [one for one in people if one is not gone]
        assert _ids(ranking.rank(left)) == [one for one in ranked if one != gone.person_id]


@given(_PEOPLE, _PEOPLE)
def test_giving_way_loses_nobody_and_never_leaves_fewer_to_be_paged(
    first: list[Candidate], beside: list[Candidate]
) -> None:
    before, others = ranking.rank(first), ranking.rank(beside)
    after = ranking.give_way(before, others)
    assert set(_ids(before)) <= set(_ids(after))
    assert sum(one.fit for one in after) == sum(one.fit for one in before)
    assert len(_ids(after)) == len(set(_ids(after)))


# --- the victim's wishes ---


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        (None, []),
        ({}, []),
        ({"language": "fr"}, [("language", "fr", False)]),
        ({"language": "Frans", "required": "language"}, [("language", "fr", True)]),
        (
            {"language": "fr-BE", "gender": "Female"},
            [("language", "fr", False), ("gender", "woman", False)],
        ),
        ({"gender": "vrouw", "required": "gender language"}, [("gender", "woman", True)]),
        ({"gender": "whoever"}, []),
        ({"language": "the usual one"}, []),
        ({"interpreter": "yes"}, []),
        ({"interpreter": "Arabic"}, [("language", "ar", False)]),
        (
            {"language": "ar", "interpreter": "yes", "required": "language"},
            [("language", "ar", False)],
        ),
        (
            {"language": "ar", "interpreter": "no", "required": "language"},
            [("language", "ar", True)],
        ),
    ],
)
def test_wishes_are_understood_as_they_are_written(
    said: dict[str, str] | None, understood: list[tuple[str, str, bool]]
) -> None:
    found = wishes.understood(said)
    assert [(one.wish, one.value, one.required) for one in found] == understood


@pytest.mark.parametrize(
    ("spoken", "gender", "met"),
    [
        (["nl", "fr"], "woman", [True, True]),
        (["nl"], "man", [False, False]),
        (["fr-BE"], "", [True, None]),
    ],
)
def test_somebody_answers_to_a_wish_as_far_as_it_is_known(
    spoken: list[str], gender: str, met: list[bool | None]
) -> None:
    asked = wishes.understood({"language": "fr", "gender": "woman"})
    assert [one.met for one in wishes.answers(asked, spoken, gender)] == met
