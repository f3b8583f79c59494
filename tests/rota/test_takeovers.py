"""The late one by telephone: whoever says "I have An's turn until 08:00" is called from then on."""

from datetime import time, timedelta

import pytest

from dispatch.channels.contract import Inbound
from dispatch.errors import Conflict, Invalid
from dispatch.outbox.models import InboundText
from dispatch.paging import replies
from dispatch.people import access
from dispatch.people.models import Role, RoleGrant
from dispatch.rota import absences, rights, saying, swaps, takeovers
from dispatch.rota.duty import Turn, on_duty
from dispatch.rota.models import AbsenceKind, SwapKind, SwapState

WEEK = "2026-12-11 17:00", "2026-12-18 17:00"


@pytest.fixture
def now(zone):
    zone.pattern()
    zone.shift("An", *WEEK)
    zone.phone("An", "Bert")
    return zone.at("2026-12-12 23:10")


def turn_of(zone, now, who="An"):
    turns = takeovers.near(zone.session, zone.team, now)
    return next(turn for turn in turns if turn.person_name.startswith(who))


def take(zone, now, who="Bert", until="2026-12-13 08:00", turn=None, by=None):
    return takeovers.take_over(
        zone.session,
        zone.team,
        turn or turn_of(zone, now),
        zone.people[who],
        until and zone.at(until),
        by or zone.actor(who),
        now,
    )


def on(zone, at):
    zone.session.flush()
    return [turn.person_name.split()[0] for turn in on_duty(zone.session, zone.team, at).turns]


def test_it_holds_at_once_until_then_and_the_owner_is_told_at_night_how_to_undo_it(zone, now):
    swap = take(zone, now)
    assert (swap.kind, swap.state) == (SwapKind.LATE, SwapState.DONE)
    assert on(zone, now - timedelta(seconds=1)) == ["An"]
    assert on(zone, now) == ["Bert"]
    assert on(zone, zone.at("2026-12-13 08:00")) == ["An"]
    ((who, words, at),) = zone.texts()
    assert (who, at) == ("An", now)
    assert "Bert Maes heeft je beurt tot zo 13 dec 08:00. Niet akkoord? Antwoord TERUG." in words


def test_without_an_end_it_is_the_rest_of_the_turn(zone, now):
    take(zone, now, until=None)
    assert on(zone, zone.at("2026-12-18 16:59")) == ["Bert"]


def test_the_owner_takes_it_back_and_whoever_had_it_is_told(zone, now):
    swap = take(zone, now)
    later = now + timedelta(minutes=20)
    takeovers.undo(zone.session, swap, zone.actor("An"), later)
    assert (on(zone, now), on(zone, later)) == (["Bert"], ["An"])
    assert swap.state is SwapState.UNDONE
    assert [who for who, _, _ in zone.texts()] == ["An", "Bert"]


def test_rules_only_warn_and_a_planner_looks_at_it_afterwards(zone, now):
    leave = zone.at("2026-12-12"), zone.at("2026-12-14"), zone.planner, now
    absences.ask(zone.session, zone.people["Bert"], AbsenceKind.LEAVE, *leave, approved=True)
    swap = take(zone, now)
    assert (swap.broken, swap.to_approve) == (["away"], True)
    assert swaps.waiting(zone.session, zone.team, now) == [swap]
    swaps.decline(zone.session, swap, "you are on leave", zone.planner, now + timedelta(hours=1))
    assert (swap.state, swap.reason) == (SwapState.REFUSED, "you are on leave")
    assert on(zone, now + timedelta(hours=1)) == ["An"]


def test_a_turn_that_somebody_covers_is_taken_from_them_and_goes_on_after(zone, now):
    take(zone, now, until="2026-12-14 08:00")
    later = now + timedelta(hours=1)
    take(zone, later, "Chloé", "2026-12-13 08:00", turn_of(zone, later, "Bert"))
    assert on(zone, later) == ["Chloé"]
    assert on(zone, zone.at("2026-12-13 08:00")) == ["Bert"]
    assert on(zone, zone.at("2026-12-14 08:00")) == ["An"]


def test_undone_the_turn_is_again_whose_it_was_and_not_the_owners_who_is_ill(zone, now):
    take(zone, now, until=None)
    ill = zone.people["An"], AbsenceKind.SICK, now, None, zone.actor("An"), now
    absences.ask(zone.session, *ill)
    later = now + timedelta(hours=1)
    swap = take(zone, later, "Chloé", "2026-12-13 08:00", turn_of(zone, later, "Bert"))
    back = later + timedelta(hours=1)
    takeovers.undo(zone.session, swap, zone.actor("Bert"), back)
    assert (on(zone, later), on(zone, back)) == (["Chloé"], ["Bert"])
    assert on(zone, zone.at("2026-12-18 16:59")) == ["Bert"]


def test_whose_turn_it_is_has_it_back_by_saying_so(zone, now):
    take(zone, now)
    later = now + timedelta(hours=1)
    swap = take(zone, later, "An", None, turn_of(zone, later, "Bert"))
    assert (swap.cover, on(zone, later)) == (None, ["An"])
    assert "Antwoord TERUG" in zone.texts()[-1][1]
    at_once = later + timedelta(minutes=1)
    assert saying.text_in(zone.session, zone.people["An"], "terug", at_once) is None
    assert saying.text_in(zone.session, zone.people["Bert"], "terug", at_once) == "undone"
    assert (on(zone, later), on(zone, at_once)) == (["An"], ["Bert"])
    assert on(zone, zone.at("2026-12-13 08:00")) == ["An"]
    assert saying.text_in(zone.session, zone.people["Bert"], "terug", at_once) is None


@pytest.mark.parametrize("owner", [True, False])
def test_leave_that_a_turn_taken_over_cost_stands_again_once_that_is_undone(zone, now, owner):
    if owner:
        take(zone, now)
    who, of, end = ("An", "Bert", "2026-12-13 08:00") if owner else ("Bert", "An", WEEK[1])
    away = zone.at("2026-12-12 08:00"), zone.at("2026-12-20 08:00")
    leave = zone.people[who], AbsenceKind.LEAVE, *away, zone.planner, now
    absences.ask(zone.session, *leave, approved=True)
    swap = take(zone, now, who, None, turn_of(zone, now, of))

    def stands():
        found = absences.standing(zone.session, [zone.people[who].id], *away)
        return [(one.starts_at, one.ends_at) for one in found]

    assert stands() == [(away[0], now), (zone.at(end), away[1])]
    later = now + timedelta(hours=1)
    takeovers.undo(zone.session, swap, zone.planner, later)
    assert stands() == [(away[0], now), (later, zone.at(end)), (zone.at(end), away[1])]


def test_what_cannot_be_undone_any_more_is_answered_and_changes_nothing(zone, now):
    take(zone, now)
    later = now + timedelta(hours=1)
    take(zone, later, "An", None, turn_of(zone, later, "Bert"))
    take(zone, later, "Chloé", None, turn_of(zone, later))
    assert saying.text_in(zone.session, zone.people["Bert"], "terug", later) == "refused"
    assert "Chloé" in zone.texts()[-1][1]
    assert on(zone, later) == ["Chloé"]


def test_a_cover_that_is_over_is_not_lengthened_by_undoing_it(zone, now):
    swap = take(zone, now)
    later = now + timedelta(hours=1)
    take(zone, later, "An", None, turn_of(zone, later, "Bert"))
    with pytest.raises(Conflict):
        swaps.undo(zone.session, swap, zone.actor("An"), later + timedelta(hours=1))
    assert on(zone, later) == ["An"]


def test_what_cannot_be_taken_over_is_refused_by_field(zone, now):
    for until in ("2026-12-12 23:00", "2026-12-19 08:00"):
        with pytest.raises(Invalid) as refused:
            take(zone, now, until=until)
        assert tuple(refused.value.fields) == ("until",)
    with pytest.raises(Invalid, match="has this turn already"):
        take(zone, now, "An")


def test_a_turn_that_begins_soon_is_taken_over_from_its_beginning(zone, now):
    early = zone.at("2026-12-11 09:00")
    take(zone, early, until=None, turn=turn_of(zone, early))
    assert on(zone, zone.at("2026-12-11 17:00")) == ["Bert"]
    assert takeovers.near(zone.session, zone.team, zone.at("2026-12-11 03:00")) == []


def test_a_dispatcher_of_a_served_organisation_writes_it_down_for_others(zone, now):
    dispatcher = zone.people["Chloé"]
    zone.session.add(
        RoleGrant(person_id=dispatcher.id, role=Role.DISPATCHER, organisation_id=zone.served[1])
    )
    zone.session.flush()
    viewer = access.viewer_of(zone.session, dispatcher)
    assert rights.may_take_over_for(viewer, zone.team)
    bert = access.viewer_of(zone.session, zone.people["Bert"])
    assert not rights.may_take_over_for(bert, zone.team)
    assert rights.is_member(zone.session, bert, zone.team.id)


# --- By text.

TURNS = [
    Turn(1, "primary", "primary", None, None, 1, "An Peeters", "uid"),
    Turn(2, "backup", "backup", None, None, 2, "Chloé Dubois", "uid"),
]


@pytest.mark.parametrize(
    ("body", "name", "until"),
    [
        ("I have An's turn until 08:00", "An Peeters", time(8)),
        ("Ik heb de beurt van An tot 8u30", "An Peeters", time(8, 30)),
        ("j'ai la permanence d'An jusqu'à 8h", "An Peeters", time(8)),
        ("J'ai la garde de Chloe", "Chloé Dubois", None),
        ("Jag har Ans pass till 08.15", "An Peeters", time(8, 15)),
        ("Jeg har Chloés vagt til 23:00", "Chloé Dubois", time(23)),
    ],
)
def test_a_text_says_whose_turn_it_is_and_until_when(body, name, until):
    heard = saying.read(body, TURNS)
    assert [turn.person_name for turn in heard.turns] == [name]
    assert heard.until == until


@pytest.mark.parametrize(
    "body", ["ja", "JA 482", "An is ill", "I cannot take a turn", "answer later", "", "back soon"]
)
def test_what_is_not_surely_about_a_turn_is_left_alone(body):
    assert saying.read(body, TURNS) is None


@pytest.mark.parametrize("word", ["terug", "Retour.", "ÅTER", "ater", "tilbage!", "Back"])
def test_the_word_that_undoes_is_understood_in_every_language(word):
    assert saying.read(word, TURNS).undoes


def test_a_text_takes_over_is_answered_and_undone_by_one_word(zone, now):
    bert, an = zone.people["Bert"], zone.people["An"]
    assert saying.text_in(zone.session, bert, "Ik heb An haar beurt tot 08:00", now) == "taken_over"
    assert on(zone, now) == ["Bert"]
    assert on(zone, zone.at("2026-12-13 08:00")) == ["An"]
    later = now + timedelta(minutes=5)
    assert saying.text_in(zone.session, an, "terug", later) == "undone"
    assert on(zone, later) == ["An"]
    assert saying.text_in(zone.session, an, "terug", later) is None
    told = [(who, words) for who, words, _ in zone.texts()]
    assert [who for who, _ in told] == ["An", "Bert", "Bert", "An"]
    assert "je hebt de beurt van An Peeters tot zo 13 dec 08:00" in told[1][1]


def test_a_text_that_cannot_be_carried_out_is_answered_with_the_reason(zone, now):
    zone.shift("Chloé", *WEEK, line="backup")
    body = "I have the turn of An or Chloé"
    assert saying.text_in(zone.session, zone.people["Bert"], body, now) == "unclear"
    late = zone.at("2026-12-18 12:00")
    body = "An, beurt tot 18:00"
    assert saying.text_in(zone.session, zone.people["Bert"], body, late) == "refused"
    assert "de beurt eindigt op vr 18 dec 17:00" in zone.texts()[-1][1].lower()
    assert on(zone, late) == ["An", "Chloé"]


def test_the_supplier_brings_it_like_any_other_text(zone, now):
    number = f"+32470{zone.people['Bert'].id:06}"
    inbound = Inbound("SM1", number, "Ik heb An haar beurt tot 08:00", now)
    assert replies.text_in(zone.session, inbound, now) == "taken_over"
    assert on(zone, now) == ["Bert"]
    kept = zone.session.query(InboundText).one()
    assert kept.outcome == "taken_over"
