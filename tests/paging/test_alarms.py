"""What makes the console sound: every fact once, with its own words, none hidden by another."""

from dispatch.incidents import alarms
from dispatch.paging import callouts, seats
from tests.paging.conftest import DORA, Night, ask, second_team


def _two_teams_unanswered(night: Night) -> None:
    """Support and jour are wanted, and nobody of either has accepted."""
    second_team(night)
    night.report()
    ask(night, "jour", 1)
    night.pass_time(800)
    night.see("nobody_on_duty")
    assert night.alarms(alarms.sounding) == ["unanswered", "unanswered"]


def _unanswered_and_seen(night: Night) -> None:
    night.report()
    night.pass_time(800)
    night.see("unanswered")
    assert night.alarm() == ""


def _decline(night: Night, *names: str) -> None:
    for name in names:
        assert night.text(name, f"NEE {night.code(name)}") == "declined"


def _by_hand(night: Night, name: str) -> None:
    with night.callout() as (session, callout):
        callouts.page_person(session, callout, night.someone(session, name), DORA, night.now)
        callouts.advance(session, callout.incident, night.now)


def test_everybody_declining_sounds_although_unanswered_was_seen(night: Night) -> None:
    _unanswered_and_seen(night)
    _decline(night, "An", "Bert", "Chloé")
    assert night.alarm() == "everybody_declined"
    assert "everybody_declined" in night.story()


def test_repeat_that_finds_nobody_sounds_once(night: Night) -> None:
    _unanswered_and_seen(night)
    _decline(night, "An", "Bert", "Chloé")
    night.see()
    night.pass_time(299)
    assert night.alarm() == "still_nobody"
    assert "repeated" not in night.story()
    night.see()
    night.pass_time(3600)
    assert night.alarm() == ""
    assert night.status() == ["unanswered"]


def test_somebody_tried_again_who_declines_too_sounds_anew(night: Night) -> None:
    night.report()
    _decline(night, "An", "Bert", "Chloé")
    night.see("everybody_declined")
    _by_hand(night, "Chloé")
    assert night.status() == ["paging"]
    assert "everybody_declined" not in night.alarms()
    _decline(night, "Chloé")
    assert night.alarm() == "everybody_declined"


def test_withdrawing_sounds_although_everything_before_was_seen(night: Night) -> None:
    _unanswered_and_seen(night)
    night.text("An", night.code("An"))
    assert night.alarms() == []
    night.text("An", f"NEE {night.code('An')}")
    assert night.alarm() == "withdrew"


def test_standing_down_one_team_leaves_the_alarms_of_the_other(night: Night) -> None:
    _two_teams_unanswered(night)
    with night.callout("jour") as (session, callout):
        seats.stand_down(session, callout, DORA, night.now)
    assert night.alarm() == "unanswered"
    assert _teams(night) == ["Victim support"]


def test_seeing_one_alarm_silences_no_other(night: Night) -> None:
    _two_teams_unanswered(night)
    with night.held() as (session, incident):
        first = alarms.sounding(incident)[0]
        alarms.acknowledge(session, incident, first, DORA, night.now)
    assert night.alarms(alarms.sounding) == ["unanswered"]
    assert len(night.alarms()) == 2


def test_team_that_is_complete_ends_its_own_alarms_only(night: Night) -> None:
    _two_teams_unanswered(night)
    night.text("Bert", night.code("Bert"))
    assert _teams(night) == ["Jour"]


def _teams(night: Night) -> list[str]:
    with night.held() as (_, incident):
        return [alarm.facts["team"] for alarm in alarms.standing(incident)]


def test_every_answer_in_own_words_is_an_alarm_of_its_own(night: Night) -> None:
    night.report()
    night.text("An", "child ill")
    night.text("Bert", "car broke down")
    night.text("An", "perhaps at four")
    assert night.alarms() == ["unclear_reply"] * 3


def test_what_stands_is_not_raised_again(night: Night) -> None:
    night.report()
    night.pass_time(4000)
    assert night.alarms() == ["unanswered"]


def test_alarm_that_is_seen_twice_is_told_once(night: Night) -> None:
    night.report()
    night.pass_time(800)
    with night.held() as (session, incident):
        (alarm,) = alarms.sounding(incident)
        for _ in range(2):
            alarms.acknowledge(session, incident, alarm, DORA, night.now)
    assert night.story().count("acknowledged") == 1
