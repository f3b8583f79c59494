"""Ways out of what cannot be covered: what each lets go of in a draft, and that it ends again."""

from dataclasses import dataclass
from datetime import date

import pytest
import sqlalchemy as sa

from dispatch.errors import Conflict, Invalid
from dispatch.rota import (
    absences,
    drafts,
    easings,
    ground,
    judging,
    publishing,
    rulebook,
    seating,
    ways,
)
from dispatch.rota.models import (
    AbsenceKind,
    Answer,
    Draft,
    Easing,
    EasingKind,
    OpenTurn,
    Pairing,
    PairingKind,
    PlanningRun,
    RunState,
)

DAYS = date(2027, 1, 1), date(2027, 1, 3)
TURN = {"form": "days", "kind": "day24", "on": ["every_day"], "starts": "08:00", "ends": "08:00"}
WHY = "nobody else is there"


@dataclass
class Desk:
    """A draft of three days, and a run that explains itself by hand."""

    zone: object
    draft: Draft

    def take(self, *hows: dict, chosen=(0,), reason=WHY) -> None:
        gives = [{"told": {"say": "x"}, "how": list(hows)}]
        run = PlanningRun(draft_id=self.draft.id, state=RunState.DONE, seconds=9)
        run.asked_at, run.asked_by = self.now, "Petra"
        run.explanation = {"ways": [{"cost": 1, "gives": gives}]}
        self.zone.session.add(run)
        self.zone.session.flush()
        ways.take(self.zone.session, run, 0, chosen, reason, self.zone.planner, self.now)

    @property
    def now(self):
        return self.zone.at("2026-11-02 09:00")

    @property
    def ground(self):
        return drafts.lay(self.zone.session, self.draft)[0]

    def put(self, who: str, day: int, **more):
        times = (self.zone.at(f"2027-01-0{day + n} 08:00") for n in (0, 1))
        where = self.zone.lines["primary"], self.zone.people[who]
        planner = self.zone.planner
        return seating.put(self.zone.session, self.draft, *where, *times, planner, self.now, **more)

    def turn(self, day: int) -> dict:
        return {"line": "primary", "at": self.zone.at(f"2027-01-0{day} 08:00").isoformat()}

    def broken(self) -> list[str]:
        found = judging.broken(*drafts.lay(self.zone.session, self.draft))
        return [one.breach.key for one in found if one.hard and one.breach.key != "cover"]

    def told(self) -> list[str]:
        own = rulebook.rules_of(self.zone.session, self.zone.team, *DAYS)
        standing = easings.standing(self.zone.session, self.draft)
        return [str(easings.told(one, self.ground, own)) for one in standing]


@pytest.fixture
def desk(zone) -> Desk:
    line = {"key": "primary", "turns": [TURN]}
    session, now = zone.session, zone.at("2026-11-02 09:00")
    ground.set_pattern(session, zone.team, {"lines": [line]}, DAYS[0], zone.planner, now)
    rulebook.set_rule(session, zone.team, "rest", "rest", {"hours": 20}, zone.planner, now)
    return Desk(zone, drafts.begin(session, zone.team, *DAYS, zone.planner, now))


def leave(desk: Desk, who: str, kind: AbsenceKind = AbsenceKind.LEAVE):
    span = desk.zone.at("2027-01-01 00:00"), desk.zone.at("2027-01-04 00:00")
    person = desk.zone.people[who]
    given = (desk.zone.session, person, kind, *span, desk.zone.planner, desk.now)
    return absences.ask(*given, approved=True)


def test_a_rule_is_relaxed_for_one_person_for_hand_edits_too_and_holds_again(desk):
    an = desk.zone.people["An"].id
    desk.put("An", 1)
    with pytest.raises(Invalid):
        desk.put("An", 2)
    desk.take({"do": "rule", "key": "rest", "person": an, "weight": 1000})
    second = desk.put("An", 2)
    assert desk.broken() == []
    assert desk.told() == [
        "For An Peeters kept as often as possible: At least 20 h of rest between two turns."
    ]
    desk.put("Bert", 3)
    with pytest.raises(Invalid):
        desk.put("Bert", 2, seen=second.revision)
    [easing] = easings.standing(desk.zone.session, desk.draft)
    assert (easing.reason, easing.made_by) == (WHY, desk.zone.planner.name)
    ways.end(desk.zone.session, easing, desk.zone.planner, desk.now)
    assert (desk.broken(), desk.told()) == (["rest"], [])
    with pytest.raises(Conflict):
        ways.end(desk.zone.session, easing, desk.zone.planner, desk.now)


def test_a_rule_about_people_is_switched_off_as_a_whole(desk):
    session, (an, bert) = desk.zone.session, (desk.zone.people[n] for n in ("An", "Bert"))
    given = (desk.zone.team, PairingKind.APART, an, bert, DAYS[0], desk.zone.planner, desk.now)
    ground.pair(session, *given)
    key = f"pairing-{session.scalars(sa.select(Pairing.id)).one()}"
    assert key in {rule.key for rule in desk.ground.rules}
    rule = {"do": "rule", "key": key, "person": None, "weight": 1000}
    desk.take(rule, {"do": "off", "key": key, "person": None}, chosen=(1,))
    assert key not in {rule.key for rule in desk.ground.rules}
    assert desk.told() == ["Switched off: An Peeters and Bert Maes never serve at the same time."]


def test_somebody_is_planned_although_away_in_one_turn_only(desk):
    leave(desk, "An")
    desk.take({"do": "away", "person": desk.zone.people["An"].id, "turns": [desk.turn(2)]})
    desk.put("An", 2)
    assert desk.broken() == []
    with pytest.raises(Invalid):
        desk.put("An", 1)
    assert desk.told() == ["An Peeters may have this turn although away: primary Sat 2 Jan 08:00."]
    # Published, the leave makes room for it: whoever is on duty is paged.
    version = publishing.publish(desk.zone.session, desk.draft, desk.zone.planner, desk.now)
    assert version is not None and len(version.changes) == 1
    left = absences.standing(
        desk.zone.session, [desk.zone.people["An"].id], desk.now, desk.zone.at("2027-02-01 00:00")
    )
    assert [(one.starts_at, one.ends_at) for one in left] == [
        (desk.zone.at("2027-01-01 00:00"), desk.zone.at("2027-01-02 08:00")),
        (desk.zone.at("2027-01-03 08:00"), desk.zone.at("2027-01-04 00:00")),
    ]


def test_an_absence_is_taken_back_and_the_person_is_told_but_illness_is_not(desk):
    absence = leave(desk, "An")
    leave(desk, "Bert", AbsenceKind.SICK)
    how = {"do": "withdraw", "turns": [desk.turn(1)]}
    desk.take(how | {"person": desk.zone.people["An"].id})
    assert (absence.answer, absence.reason) == (Answer.WITHDRAWN, WHY)
    for do in ("withdraw", "away"):
        with pytest.raises(Invalid, match="Bert Maes is ill"):
            desk.take(how | {"do": do, "person": desk.zone.people["Bert"].id})


def test_a_turn_is_offered_to_everybody_and_wanted_again_when_it_ends(desk):
    desk.take({"do": "open", "turns": [desk.turn(2)]})
    assert [need.wanted for need in desk.ground.wanted] == [1, 0, 1]
    [offered] = desk.zone.session.scalars(sa.select(OpenTurn))
    assert offered.starts_at == desk.zone.at("2027-01-02 08:00")
    [easing] = easings.standing(desk.zone.session, desk.draft)
    ways.end(desk.zone.session, easing, desk.zone.planner, desk.now)
    assert [need.wanted for need in desk.ground.wanted] == [1, 1, 1]
    assert offered.state == "withdrawn"


def test_of_lines_that_are_alike_the_one_that_lacks_somebody_is_offered(desk):
    session, now = desk.zone.session, desk.now
    lines = [{"key": key, "turns": [TURN]} for key in ("primary", "backup")]
    ground.set_pattern(session, desk.zone.team, {"lines": lines}, DAYS[0], desk.zone.planner, now)
    desk.put("An", 2)
    turns = [desk.turn(2) | {"line": line} for line in ("primary", "backup")]
    desk.take({"do": "open", "turns": turns, "count": 1})
    [easing] = easings.standing(session, desk.draft)
    assert easing.line == "backup"


def test_a_gap_is_no_lack_but_whoever_fills_it_is_wanted(desk):
    desk.take({"do": "gap", "turns": [desk.turn(2)]})
    assert [need.wanted for need in desk.ground.wanted] == [1, 0, 1]
    desk.put("An", 2)
    assert [need.wanted for need in desk.ground.wanted] == [1, 1, 1]
    assert desk.told() == ["One person fewer: primary Sat 2 Jan 08:00."]


def test_a_locked_seat_is_freed(desk):
    seat = desk.put("An", 1, locked=True)
    desk.take({"do": "locked", "person": seat.person_id, "turns": [desk.turn(1)]})
    assert not seat.locked
    desk.take({"do": "locked", "person": seat.person_id, "turns": [desk.turn(3)]})
    kinds = [one.kind for one in desk.zone.session.scalars(sa.select(Easing))]
    assert kinds == [EasingKind.LOCKED]


def test_a_way_without_a_reason_or_that_is_not_there_is_refused(desk):
    how = {"do": "gap", "turns": [desk.turn(2)]}
    with pytest.raises(Invalid) as refused:
        desk.take(how, reason=" ")
    assert tuple(refused.value.fields) == ("reason",)
    with pytest.raises(Conflict):
        desk.take(how, chosen=(7,))
    with pytest.raises(Conflict):
        desk.take({"do": "gap", "turns": [desk.turn(2) | {"line": "nowhere"}]})
    assert easings.standing(desk.zone.session, desk.draft) == []
