"""The dispatcher's screens: who sees what, and what each button does."""

import re

import pytest
import sqlalchemy as sa

from dispatch.audit import AuditEntry
from dispatch.channels.contract import Inbound
from dispatch.incidents import handling
from dispatch.incidents.models import Incident
from dispatch.outbox.models import Message
from dispatch.paging import callouts, replies
from dispatch.paging.models import Page
from dispatch.people.models import Role, Service
from tests.centre import ADA, NOW
from tests.web import nights
from tests.web.conftest import Browser, Web
from tests.web.desk import do, do_callout, lane_of

ENTERED = {
    "category": "fatal_crash",
    "address": nights.ADDRESS,
    "postcode": "9400",
    "municipality": "Ninove",
    "narrative": nights.NARRATIVE,
    "contact_name": nights.CONTACT,
    "flag_children_present": "yes",
}


@pytest.fixture
def desk(web: Web) -> Browser:
    return web.as_role(Role.DISPATCHER)


@pytest.fixture
def reference(web: Web) -> str:
    return nights.open_incident(web.store, web.centre)


def incident(web: Web, reference: str) -> Incident:
    with web.store.read() as session:
        return nights.of(session, reference)


# --- who may come in ---

SCREENS = ["/board", "/board/lanes", "/board/on-duty", "/board/find", "/incidents/new"]
OUTSIDERS = [Role.RESPONDER, Role.PLANNER, Role.ADMINISTRATOR]


@pytest.mark.parametrize("role", OUTSIDERS)
def test_the_screens_refuse_every_other_role(web, reference, role):
    browser = web.as_role(role)
    for path in SCREENS:
        assert browser.get(path).status_code == 403, path
    assert browser.post("/incidents/new", ENTERED).status_code == 403
    assert browser.post("/incidents/who", ENTERED).status_code == 403


@pytest.mark.parametrize("role", OUTSIDERS)
def test_an_incident_refuses_every_other_role(web, reference, role):
    browser, callout = web.as_role(role), nights.callout(web.store, reference).id
    before = nights.snapshot(web.store, "sign_in")
    for path in ("", "/pane"):
        assert browser.get(f"/incidents/{reference}{path}").status_code in (403, 404)
    for action in ("note", "close", "narrative", "facts", f"callouts/{callout}/page_next"):
        form = {"text": "x", "outcome": "x", "reason": "x"}
        assert do(browser, reference, action, form).status_code in (403, 404), action
    assert nights.snapshot(web.store, "sign_in") == before


def test_another_organisations_incident_does_not_exist(web, desk):
    with web.store.write() as session:
        session.add(Service(team_id=web.centre.team.id, organisation_id=web.leie.id))
    theirs = nights.open_incident(
        web.store, web.centre, home=web.leie, place=nights.Place(municipality="")
    )
    assert incident(web, theirs).organisation_id == web.leie.id
    callout = nights.callout(web.store, theirs).id
    before = nights.snapshot(web.store, "sign_in")
    for path in (f"/incidents/{theirs}", f"/incidents/{theirs}/pane", f"/board?incident={theirs}"):
        assert desk.get(path).status_code == 404
    for action in ("note", "close", "cancel", "acknowledge", "facts", "more", "narrative"):
        assert do(desk, theirs, action, {"text": "x", "reason": "x"}).status_code == 404, action
    for action in ("page_next", "page_person", "accept_for", "move_on", "release", "stand_down"):
        path = f"callouts/{callout}/{action}"
        assert do(desk, theirs, path, {"person": "1"}).status_code == 404
    assert theirs not in desk.get("/board").text
    assert "Nothing found" in desk.get(f"/board/find?q={theirs}").text
    assert nights.snapshot(web.store, "sign_in") == before


def test_whoever_may_only_read_sees_no_sealed_words_and_no_number(web, desk, reference):
    do(desk, reference, "note", {"text": "The aunt is Mrs Claes."})
    assert "Mrs Claes" in desk.get(f"/incidents/{reference}").text
    assert "450" in desk.get(f"/incidents/{reference}").text
    reader = web.as_role(Role.PRIVACY_OFFICER)
    shown = reader.get(f"/incidents/{reference}").text
    assert "Mrs Claes" not in shown
    assert "450" not in shown
    opened = do(reader, reference, "narrative", {"reason": "complaint 12"})
    assert "Mrs Claes" in opened.text


def test_notes_on_a_protected_identity_are_opened_with_a_reason(web, desk):
    reference = nights.open_incident(web.store, web.centre, flags={"protected_identity": True})
    do(desk, reference, "note", {"text": "She is with Mrs Claes."})
    assert "Mrs Claes" not in desk.get(f"/incidents/{reference}").text
    opened = do(desk, reference, "narrative", {"reason": "going there"})
    assert "Mrs Claes" in opened.text


def test_whoever_may_only_read_sees_masked_facts_and_no_buttons(web, reference):
    reader = web.as_role(Role.PRIVACY_OFFICER)
    shown = reader.get(f"/incidents/{reference}")
    assert shown.status_code == 200
    for secret in (nights.ADDRESS, nights.CONTACT, nights.SUMMARY, nights.NARRATIVE):
        assert secret not in shown.text
    assert "opened only with a reason" in shown.text
    assert "callouts/" not in shown.text
    assert do(reader, reference, "note", {"text": "x"}).status_code == 403


# --- a new incident ---


def entered(desk: Browser, **changes) -> dict[str, str]:
    token = nights.field(desk.get("/incidents/new").text, "token")
    return {**ENTERED, "token": token, **changes}


def test_a_new_incident_pages_whoever_was_foreseen(web, desk):
    form = entered(desk)
    before = nights.snapshot(web.store)
    seen = desk.post("/incidents/who", form, headers={"HX-Request": "true"}).text
    assert nights.snapshot(web.store) == before
    assert re.findall("<bdi>(.*?)</bdi></b>", seen) == ["An Peeters", "Bert Maes", "Control room"]
    assert "after 4 min" in seen
    answer = desk.post("/incidents/new", form)
    assert answer.status_code == 303
    reference = answer.headers["Location"].rpartition("=")[2]
    pages = nights.callout(web.store, reference).pages
    assert [page.person.name for page in pages] == ["An Peeters"]
    assert incident(web, reference).flags == {"children_present": True}


def test_the_same_form_sent_twice_is_one_incident(web, desk):
    form = entered(desk)
    first, second = (desk.post("/incidents/new", form) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert (
        desk.post("/incidents/new", entered(desk)).headers["Location"] != first.headers["Location"]
    )
    with web.store.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Incident)) == 2


def test_somebody_elses_form_token_names_no_incident(web, desk, reference):
    other = web.as_role(Role.DISPATCHER, Role.PLANNER)
    taken = entered(desk)["token"]
    opened = desk.post("/incidents/new", {**ENTERED, "token": taken}).headers["Location"]
    assert other.post("/incidents/new", {**ENTERED, "token": taken}).headers["Location"] != opened
    assert desk.post("/incidents/new", {**ENTERED, "token": "x"}).status_code == 303


def test_a_form_that_cannot_be_used_comes_back_with_everything_in_it(web, desk):
    form = entered(desk, category="", occurred_at="2030-01-01T00:00", priority="9")
    answer = desk.post("/incidents/new", form)
    assert answer.status_code == 422
    assert nights.ADDRESS in answer.text
    assert nights.NARRATIVE in answer.text
    assert "This lies in the future." in answer.text
    with web.store.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Incident)) == 0


def test_the_choice_of_teams_and_people_is_free(web, desk):
    chloe = web.centre.people["Chloé"].id
    form = entered(desk, **{f"team_{web.centre.team.id}": "2", "person": chloe})
    reference = desk.post("/incidents/new", form).headers["Location"].rpartition("=")[2]
    callout = nights.callout(web.store, reference)
    assert (callout.want.people, bool(callout.want.wanted_by)) == (2, True)
    called = {page.person.name for page in callout.pages}
    # Two are wanted and two have a turn; the third was chosen.
    assert called == {"An Peeters", "Bert Maes", "Chloé Dubois"}


def test_a_place_of_another_organisation_is_refused_with_whom_to_ring(web, desk):
    with web.store.write() as session:
        leie = session.get_one(type(web.leie), web.leie.id)
        leie.control_room_phone = "+3292345678"
        session.add(
            nights.Area(organisation_id=leie.id, first_postcode="9800", last_postcode="9800")
        )
    answer = desk.post("/incidents/new", entered(desk, postcode="9800"))
    assert answer.status_code == 422
    assert "Zone Leie" in answer.text
    assert "+32 9 234 56 78" in answer.text


def test_recording_afterwards_pages_nobody(web, desk):
    people = [web.centre.people["An"].id, web.centre.people["Bert"].id]
    form = entered(
        desk, handled_by=people, accepted_at="2026-03-14T01:10", done_at="2026-03-14T04:00"
    )
    answer = desk.post("/incidents/new?record=1", form | {"outcome": "home visit"})
    assert answer.status_code == 303, answer.text
    reference = answer.headers["Location"].rpartition("=")[2]
    assert nights.going(web.store, reference) == [(people[0], "done"), (people[1], "done")]
    with web.store.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Message)) == 0
        assert session.scalar(sa.select(sa.func.count()).select_from(Page)) == 0
    assert incident(web, reference).recorded_afterwards
    assert lane_of(desk, reference) == "closed"


def test_recording_afterwards_needs_who_went_and_when(web, desk):
    answer = desk.post("/incidents/new?record=1", entered(desk))
    assert answer.status_code == 422
    assert "Say who went." in answer.text


# --- one incident ---


def test_facts_are_shown_and_the_narrative_only_with_a_reason(web, desk, reference):
    shown = desk.get(f"/incidents/{reference}")
    for fact in (nights.ADDRESS, nights.CONTACT, "+32 53 11 22 33", "geo:50.83,4.02"):
        assert fact in shown.text
    assert nights.NARRATIVE not in shown.text
    assert 'value="assigned"' in shown.text
    assert do(desk, reference, "narrative", {"reason": " "}).status_code == 422
    opened = do(desk, reference, "narrative", {"reason": "assigned"})
    assert nights.NARRATIVE in opened.text
    assert opened.headers["Cache-Control"] == "no-store"
    with web.store.read() as session:
        query = sa.select(AuditEntry).where(AuditEntry.action == "narrative.open")
        assert len(session.scalars(query).all()) == 1


def test_a_protected_identity_is_masked_until_it_is_opened_with_a_reason(web, desk):
    reference = nights.open_incident(web.store, web.centre, flags={"protected_identity": True})
    shown = desk.get(f"/incidents/{reference}").text
    for secret in (nights.ADDRESS, nights.CONTACT, nights.SUMMARY, "the car park"):
        assert secret not in shown
    opened = do(desk, reference, "narrative", {"reason": "assigned"}).text
    assert nights.ADDRESS in opened


def test_reading_an_incident_is_written_down_once_an_hour(web, desk, reference):
    for _ in range(3):
        desk.get(f"/incidents/{reference}")
        desk.get(f"/incidents/{reference}/pane")
        desk.get(f"/board?incident={reference}")
    with web.store.read() as session:
        query = sa.select(AuditEntry).where(AuditEntry.action == "incident.read")
        assert len(session.scalars(query).all()) == 1


def test_no_screen_says_a_secret_in_an_address(web, desk, reference):
    shown = desk.get(f"/board?incident={reference}").text + desk.get("/incidents/new").text
    addresses = " ".join(re.findall(r'(?:href|action|hx-get|hx-post)="([^"]*)"', shown))
    for secret in nights.SECRETS:
        assert secret not in addresses


def test_page_next_takes_the_next_step_now(web, desk, reference):
    do_callout(web, desk, reference, "page_next")
    pages = nights.callout(web.store, reference).pages
    assert [page.person.name for page in pages] == ["An Peeters", "Bert Maes"]


def test_somebody_else_is_paged_by_hand(web, desk, reference):
    do_callout(web, desk, reference, "page_person", {"person": web.centre.people["Chloé"].id})
    page = nights.callout(web.store, reference).pages[-1]
    assert (page.person.name, page.reason["kind"]) == ("Chloé Dubois", "by_hand")


def said_no_before(desk: Browser, reference: str) -> set[str]:
    shown = desk.get(f"/incidents/{reference}").text
    options = re.findall("<option value=[^>]*>(.*?)</option>", shown)
    return {option.partition(" · ")[0] for option in options if "said no before" in option}


def test_the_choice_says_who_has_said_no(web, desk, reference):
    page = nights.callout(web.store, reference).pages[0]
    with web.store.write() as session:
        replies.text_in(session, Inbound("SM1", "+32470123450", f"NEE {page.code}"), NOW)
    assert said_no_before(desk, reference) == {"An Peeters"}
    bert = {"person": web.centre.people["Bert"].id}
    do_callout(web, desk, reference, "accept_for", bert)
    seat = nights.callout(web.store, reference).assignments[0].id
    do_callout(web, desk, reference, "release", {"assignment": seat})
    assert said_no_before(desk, reference) == {"An Peeters"}


def test_only_members_of_the_team_can_be_named(web, desk, reference):
    stranger = web.add("stranger", Role.RESPONDER)
    callout = nights.callout(web.store, reference).id
    for action in ("page_person", "accept_for"):
        path = f"callouts/{callout}/{action}"
        assert do(desk, reference, path, {"person": stranger.id}).status_code == 422
    assert len(nights.callout(web.store, reference).pages) == 1


def test_a_dispatcher_accepts_keys_progress_and_releases_for_an_officer(web, desk, reference):
    an = web.centre.people["An"].id
    do_callout(web, desk, reference, "accept_for", {"person": an})
    seat = nights.callout(web.store, reference).assignments[0].id
    for status in ("on_the_way", "on_scene"):
        do_callout(web, desk, reference, "move_on", {"assignment": seat, "status": status})
        assert nights.going(web.store, reference) == [(an, status)]
    do_callout(web, desk, reference, "release", {"assignment": seat})
    assert nights.going(web.store, reference) == [(an, "released")]
    assert lane_of(desk, reference) == "paging"


def test_standing_down_ends_a_callout_with_its_reason(web, desk, reference):
    do_callout(web, desk, reference, "stand_down", {"reason": "another service took over"})
    assert callouts.status(nights.callout(web.store, reference)) == "cancelled"
    assert "another service took over" in desk.get(f"/incidents/{reference}").text


def test_a_team_that_was_stood_down_is_called_again(web, desk, reference):
    assert "Call the team again" not in desk.get(f"/incidents/{reference}").text
    do_callout(web, desk, reference, "stand_down", {"reason": "another service took over"})
    shown = desk.get(f"/incidents/{reference}").text
    assert "Call the team again" in shown
    assert "Page next now" not in shown
    do_callout(web, desk, reference, "call_again", {"people": "2"})
    callout = nights.callout(web.store, reference)
    assert (callouts.status(callout), callout.want.people) == ("paging", 2)
    assert "calls Victim support again: 2 wanted." in desk.get(f"/incidents/{reference}").text


def test_whoever_must_turn_back_is_shown_with_a_number_until_they_know(web, desk, reference):
    do_callout(web, desk, reference, "accept_for", {"person": web.centre.people["An"].id})
    assert "An Peeters" in do(desk, reference, "cancel", follow_redirects=True).text
    for path in ("/board/lanes", f"/incidents/{reference}"):
        shown = desk.get(path).text
        assert "An Peeters has not confirmed the cancellation: ring." in shown
        assert "+32 470 12 34 50" in shown
    do(desk, reference, "close", {"outcome": "false alarm"})
    assert lane_of(desk, reference) == "needs_you"
    assert "I told them" in desk.get(f"/incidents/{reference}").text
    assert (
        "I told them" not in web.as_role(Role.PRIVACY_OFFICER).get(f"/incidents/{reference}").text
    )
    seat = nights.callout(web.store, reference).assignments[0].id
    callout = nights.callout(web.store, reference).id
    path = f"callouts/{callout}/told_cancel"
    assert do(desk, reference, path, {"assignment": "999"}).status_code == 422
    do_callout(web, desk, reference, "told_cancel", {"assignment": seat})
    assert lane_of(desk, reference) == "closed"
    assert do(desk, reference, path, {"assignment": seat}).status_code == 422


def test_more_people_of_a_team_are_asked_for(web, desk, reference):
    do(desk, reference, "more", {"team": web.centre.team.id, "people": "2"})
    assert nights.callout(web.store, reference).want.people == 3


def test_a_correction_pages_anew_while_nobody_has_accepted(web, desk, reference):
    form = {"category": "fatal_crash", "priority": "1", "municipality": "Denderleeuw"}
    assert do(desk, reference, "facts", form | {"postcode": "9401"}).status_code == 303
    assert incident(web, reference).municipality == "Denderleeuw"
    with web.store.read() as session:
        kinds = [line.kind for line in nights.told(session, reference)]
    assert "repaged" in kinds
    assert nights.ADDRESS in desk.get(f"/incidents/{reference}").text


def test_cancelling_and_closing_end_the_paging(web, desk):
    for action, status in (("cancel", "cancelled"), ("close", "closed")):
        reference = nights.open_incident(web.store, web.centre)
        assert do(desk, reference, action, {"outcome": "false alarm"}).status_code == 303
        assert incident(web, reference).status == status
        pages = nights.callout(web.store, reference).pages
        assert {str(page.status) for page in pages} == {"withdrawn"}
        assert "false alarm" in desk.get(f"/incidents/{reference}").text


def test_an_action_that_nobody_offers_is_not_found(web, desk, reference):
    callout = nights.callout(web.store, reference).id
    assert do(desk, reference, "erase").status_code == 404
    assert do(desk, reference, f"callouts/{callout}/erase").status_code == 404
    assert do(desk, reference, "callouts/999/page_next").status_code == 404


def test_an_action_answers_a_fragment_with_the_fragment(desk, reference):
    answer = do(desk, reference, "note", {"text": "ring back"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert 'id="incident"' in answer.text
    assert "ring back" in answer.text
    assert "<hx-partial" in answer.text
    assert "<html" not in answer.text


def test_an_action_leads_back_to_the_screen_it_came_from(desk, reference):
    plain = do(desk, reference, "note", {"text": "one"})
    assert plain.headers["Location"] == f"/board?incident={reference}"
    own = do(desk, reference, "note", {"text": "two", "back": "incident"})
    assert own.headers["Location"] == f"/incidents/{reference}"


def test_what_a_stranger_wrote_is_text_wherever_it_stands(web, desk):
    hostile = "<script>alert(1)</script>\u202e"
    reference = nights.open_incident(
        web.store,
        web.centre,
        summary=hostile,
        narrative=hostile,
        contact=nights.Contact(hostile, hostile, hostile),
        place=nights.Place(hostile, hostile, "9400", meeting_point=hostile),
        wishes={"language": hostile, "gender": hostile},
    )
    with web.store.write() as session:
        handling.add_note(session, nights.of(session, reference), hostile, ADA, NOW)
    for path in ("/board", f"/board?incident={reference}", f"/incidents/{reference}"):
        shown = desk.get(path)
        assert shown.status_code == 200
        assert "<script>alert" not in shown.text
        assert "\u202e" not in shown.text
