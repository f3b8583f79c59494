"""The screens of escalation policies: who sees and changes what, and what would happen."""

import re

import pytest
import sqlalchemy as sa

from dispatch.incidents.models import Category, FlagWant, ResponseMode
from dispatch.paging.models import Policy, PolicyStep, Target
from dispatch.people.models import Role, Team
from tests.centre import NOW
from tests.web.conftest import Browser, Web

FORM = {
    "name": "nights",
    "of_team": "1",
    "category": "",
    "priority": "",
    "day_weekend": "yes",
    "begins": "22:00",
    "ends": "06:00",
    "repeat": "300",
    "steps": "2",
    "after_0": "0",
    "target_0": "primary",
    "channel_0_0": "sms",
    "delay_0_0": "0",
    "channel_0_1": "call",
    "delay_0_1": "20",
    "after_1": "120",
    "target_1": "everyone",
    "channel_1_0": "call",
    "delay_1_0": "0",
}


@pytest.fixture
def ada(web: Web) -> Browser:
    return web.as_role(Role.ADMINISTRATOR)


def stored(web: Web) -> list[Policy]:
    with web.store.read() as session:
        query = sa.select(Policy).options(sa.orm.selectinload(Policy.steps))
        return list(session.scalars(query.order_by(Policy.id)))


def lines(text: str) -> list[str]:
    """What would happen, line by line, as seconds and words."""
    found = re.search(r'<ol class="rehearsal">(.*?)</ol>', text, re.DOTALL)
    assert found, text
    items = re.findall(r"<li .*?\+(\d+) s.*?<bdi>(.*?)</bdi>", found[1], re.DOTALL)
    return [f"{seconds}: {words}" for seconds, words in items]


@pytest.mark.parametrize(
    ("role", "seen", "made"),
    [
        (Role.RESPONDER, 403, 403),
        (Role.DISPATCHER, 200, 403),
        (Role.PLANNER, 200, 403),
        (Role.ADMINISTRATOR, 200, 200),
        (Role.PRIVACY_OFFICER, 403, 403),
    ],
)
def test_who_sees_policies_and_who_makes_them(web: Web, role: Role, seen: int, made: int):
    browser = web.as_role(role)
    assert browser.get("/policies").status_code == seen
    assert browser.get("/policies/1").status_code == seen
    assert browser.get("/policies/new").status_code == made
    assert (browser.post("/policies/new", {**FORM, "do": "save"}).status_code == 303) is (
        made == 200
    )
    assert len(stored(web)) == (2 if made == 200 else 1)


def test_what_would_happen_is_shown_for_now_and_for_any_instant(web: Web, ada: Browser):
    now = ada.get("/policies", query_string={"for_category": "1"}).text
    assert "standard" in now
    assert lines(now) == [
        "0: An Peeters, by text",
        "20: An Peeters again, by call",
        "90: An Peeters again, by call",
        "240: Bert Maes, by text",
        "260: Bert Maes again, by call",
        "330: Bert Maes again, by call",
        "480: Control room, by call",
        "500: Control room again, by call",
        "570: Control room again, by call",
        "780: Nobody has answered: the console sounds, and everybody is tried again",
    ]
    then = ada.get("/policies", query_string={"for_at": "2026-03-22T03:00"}).text
    assert "0: Nobody is on duty in Victim support: paging its nobody-on-duty list." in lines(then)
    assert "0: Chloé Dubois, by text" in lines(then)
    wrong = ada.get("/policies", query_string={"for_at": "2026-03-29T02:30"}).text
    assert "This time does not exist" in wrong
    for never in ("0001-01-01T00:30", "9999-12-31T23:30"):
        far = ada.get("/policies", query_string={"for_at": never})
        assert "Give a date and a time" in far.text


def test_a_form_grows_shrinks_and_shows_without_storing_anything(web: Web, ada: Browser):
    grown = ada.post("/policies/new", {**FORM, "do": "add"}).text
    assert 'id="after_2" name="after_2" type="number" value="360"' in grown
    shrunk = ada.post("/policies/new", {**FORM, "do": "remove:0"}).text
    assert 'id="after_0" name="after_0" type="number" value="120"' in shrunk
    assert "after_1" not in shrunk
    shown = ada.post("/policies/new", {**FORM, "name": "", "do": "preview"})
    assert shown.status_code == 200
    # Bert and Chloé are trained too; nobody else is paged twice.
    assert lines(shown.text)[2] == "120: Bert Maes, Chloé Dubois, by call"
    assert [one.name for one in stored(web)] == ["standard"]


def test_saving_names_each_field_by_which_it_could_end_in_silence(web: Web, ada: Browser):
    wrong = {**FORM, "target_1": "control_room", "channel_0_0": "", "channel_0_1": "", "repeat": ""}
    refused = ada.post("/policies/new", {**wrong, "ends": "", "do": "save"})
    assert refused.status_code == 422
    for field in ("repeat", "ends"):
        assert f'id="{field}-error"' in refused.text
    for seconds in ("0", "59"):
        refused = ada.post("/policies/new", {**FORM, "repeat": seconds, "do": "save"})
        assert 'id="repeat-error"' in refused.text
    refused = ada.post("/policies/new", {**wrong, "repeat": "60", "do": "save"})
    for field in ("target_1", "attempts_0"):
        assert f'id="{field}-error"' in refused.text
    assert "The last step must add people" in refused.text
    assert len(stored(web)) == 1


def test_a_policy_that_came_with_more_than_a_form_begins_with_is_shown_and_kept_whole(
    web: Web, ada: Browser
):
    many = [["sms", 0], *(["call", 20 * number] for number in range(1, 6))]
    with web.store.write() as session:
        steps = [
            PolicyStep(
                position=n, after_seconds=60 * n, target=Target.EVERYONE, attempts=many[: 6 - n % 2]
            )
            for n in range(14)
        ]
        session.add(Policy(name="long", team_id=1, repeat_seconds=60, created_at=NOW, steps=steps))
        session.flush()
        address = f"/policies/{steps[0].policy_id}"
    shown = ada.get(address).text
    fields = dict(re.findall(r'<input[^>]* name="((?:after|delay)_\w+)"[^>]*value="(\d*)"', shown))
    fields |= dict.fromkeys(re.findall(r'name="(channel_\w+)"', shown), "call")
    fields |= {f"target_{number}": "everyone" for number in range(14)}
    fields |= {"name": "long", "of_team": "1", "repeat": "60", "steps": "14"}
    # Every kind of day ticked is as good as none.
    fields |= {f"day_{kind}": "yes" for kind in ("weekday", "weekend", "public_holiday")}
    assert ada.post(address, {**fields, "do": "save"}).status_code == 303
    kept = stored(web)[-1]
    assert [len(step.attempts) for step in kept.steps] == [6, 5] * 7
    assert (kept.days, [step.after_seconds for step in kept.steps][-1]) == ([], 780)
    removed = ada.post(f"/policies/{kept.id}", {**fields, "do": "remove:0"}).text
    assert "channel_0_4" in removed
    assert "channel_0_5" not in removed
    assert "after_12" in removed
    assert "after_13" not in removed


def test_a_policy_is_made_changed_and_taken_out_of_use(web: Web, ada: Browser):
    made = ada.post("/policies/new", {**FORM, "do": "save"})
    assert made.status_code == 303
    nights = stored(web)[-1]
    assert (nights.team_id, nights.days, nights.begins, nights.ends) == (
        1,
        ["weekend"],
        "22:00",
        "06:00",
    )
    assert [(step.after_seconds, step.target, step.attempts) for step in nights.steps] == [
        (0, Target.PRIMARY, [["sms", 0], ["call", 20]]),
        (120, Target.EVERYONE, [["call", 0]]),
    ]
    address = f"/policies/{nights.id}"
    assert 'value="22:00"' in ada.get(address).text
    assert ada.post(address, {**FORM, "repeat": "60", "do": "save"}).status_code == 303
    second = stored(web)[-1]
    assert (second.version, second.repeat_seconds, second.created_by) == (
        2,
        60,
        "administrator@dender.example",
    )
    assert "out of use since" in ada.get(address).text
    assert ada.post(address, {**FORM, "do": "save"}).status_code == 403
    assert ada.post(f"/policies/{second.id}", {"do": "retire"}).status_code == 303
    assert [one.retired_at is None for one in stored(web)] == [True, False, False]
    last = ada.post("/policies/1", {"do": "retire"})
    assert "Every alert must find a policy" in last.text


def test_a_policy_that_holds_at_the_time_of_another_is_told_with_what_comes_first(
    web: Web, ada: Browser
):
    def saved(address: str = "/policies/new", **fields: str) -> str:
        answer = ada.post(address, {**FORM, **fields, "do": "save"}, follow_redirects=True)
        assert answer.status_code == 200
        return answer.text

    assert "holds as well" not in saved()
    first = stored(web)[-1].id
    later = saved(name="late", begins="20:00", ends="23:00")
    assert "22:00 - 23:00: nights holds as well; this policy comes first" in later
    # A change does not give the older one another place.
    again = saved(f"/policies/{first}", repeat="90")
    assert "22:00 - 23:00: late holds as well, and comes first because it was made later" in again
    assert "holds as well" not in saved(name="for one", priority="1", begins="23:30")


def test_a_policy_for_every_team_is_changed_only_by_whoever_administers_all(web: Web, ada: Browser):
    with web.store.write() as session:
        session.add(Team(key="x", name="Leie", organisation_id=web.leie.id, function="x"))
    general = {**FORM, "of_team": "", "do": "save"}
    assert ada.post("/policies/1", general).status_code == 403
    refused = ada.post("/policies/new", general)
    assert refused.status_code == 422
    assert 'id="of_team-error"' in refused.text
    theirs = web.as_role(Role.ADMINISTRATOR, zone=web.leie)
    ada.post("/policies/new", {**FORM, "do": "save"})
    assert theirs.get(f"/policies/{stored(web)[-1].id}").status_code == 404
    assert "nights" not in theirs.get("/policies").text
    assert len(stored(web)) == 2


def test_a_report_that_can_wait_is_shown_for_the_morning_with_what_else_it_calls(
    web: Web, ada: Browser
):
    with web.store.write() as session:
        (kind,) = session.scalars(sa.select(Category))
        kind.response_mode = ResponseMode.RING_15
        session.add(FlagWant(flag="second_officer", function="victim_support", people=2))
    asked = f"for_team=1&for_category={kind.id}&for_priority=3&for_at=2026-03-15T23:30"
    asked += "&for_second_officer=yes&for_language=fr&for_gender=woman&for_required=yes"
    shown = ada.get(f"/policies?{asked}").text
    assert "It waits: nobody is called before" in shown and "16 Mar 07:00" in shown
    assert "Victim support, 2 people (a second officer is needed)" in shown
    assert "is not what the victim insists on" in shown
    assert 'name="for_second_officer" value="yes" checked' in shown
    # What the report says decides; without it, nothing is left out and nobody waits.
    assert "It waits" not in ada.get("/policies?for_team=1&for_at=2026-03-15T23:30").text
