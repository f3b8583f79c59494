"""Who will really come: turns of whoever is away are gaps, also those that begin later."""

import pytest

from dispatch.rota import attendance, duty
from dispatch.rota.models import Absence, AbsenceKind, Answer
from tests.rota.conftest import BRUSSELS


def _away(zone, who, begins, ends, answer=Answer.APPROVED):
    absence = Absence(person_id=zone.people[who].id, kind=AbsenceKind.LEAVE, answer=answer)
    absence.starts_at, absence.ends_at = zone.at(begins), zone.at(ends) if ends else None
    absence.asked_at, absence.asked_by = zone.at("2026-01-01"), who
    zone.session.add(absence)
    zone.session.flush()


def _told(zone, found):
    """Return the primary line's stretches as short words."""

    def day(at):
        return f"{at.astimezone(BRUSSELS):%d}" if at else "…"

    return [
        (
            one.person_name.split()[0]
            if isinstance(one, duty.Turn)
            else f"{one.kind} {one.absent}",
            day(one.from_at),
            day(one.until_at),
        )
        for one in found
        if one.line_key == "primary"
    ]


@pytest.fixture
def week(zone):
    """An has the first week of March, Bert the second and Chloé the third."""
    zone.shift("An", "2026-03-02T12:00", "2026-03-09T12:00")
    zone.shift("Bert", "2026-03-09T12:00", "2026-03-16T12:00")
    zone.shift("Chloé", "2026-03-16T12:00", "2026-03-23T12:00")
    return zone


def _attended(zone):
    planned = duty.duty_between(
        zone.session, zone.team, zone.at("2026-03-03"), zone.at("2026-03-20")
    )
    return attendance.attended(zone.session, planned)


def test_a_turn_is_cut_where_its_holder_is_away_and_whoever_really_comes_is_next(week):
    _away(week, "An", "2026-03-05T12:00", "2026-03-06T12:00")
    _away(week, "An", "2026-03-06T12:00", "2026-03-07T12:00")
    _away(week, "Bert", "2026-03-01T12:00", None)
    found = _attended(week)
    assert _told(week, found) == [
        ("An", "02", "05"),
        ("away An Peeters", "05", "07"),
        ("An", "07", "09"),
        ("away Bert Maes", "09", "16"),
        ("Chloé", "16", "23"),
    ]
    assert [one.next_name for one in found if isinstance(one, duty.Gap)][:2] == [
        "An Peeters",
        "Chloé Dubois",
    ]


@pytest.mark.parametrize("answer", [Answer.ASKED, Answer.REFUSED, Answer.WITHDRAWN])
def test_only_an_absence_that_is_approved_counts(week, answer):
    _away(week, "An", "2026-03-05T12:00", "2026-03-06T12:00", answer)
    assert _told(week, _attended(week))[0] == ("An", "02", "09")


def test_whoever_covers_comes_though_the_owner_is_away(week):
    turn = week.shift("An", "2026-04-01T12:00", "2026-04-08T12:00")
    week.cover(turn, "Bert", "2026-04-01T12:00", "2026-04-08T12:00")
    _away(week, "An", "2026-03-30T12:00", "2026-04-20T12:00")
    found = attendance.on_duty(week.session, week.team, week.at("2026-04-02"))
    assert [turn.person_name for turn in found.turns] == ["Bert Maes"]


def test_nobody_is_on_duty_while_away_and_the_line_says_who_comes_next(week):
    _away(week, "An", "2026-03-05T12:00", "2026-03-07T12:00")
    before, during = (
        attendance.on_duty(week.session, week.team, week.at(day)).lines[0]
        for day in ("2026-03-04", "2026-03-06")
    )
    assert (before.person_name, before.until_at) == ("An Peeters", week.at("2026-03-05T12:00"))
    assert (during.kind, during.absent, during.next_name) == ("away", "An Peeters", "An Peeters")
