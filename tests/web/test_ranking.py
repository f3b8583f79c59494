"""Before anything is sent: who would be called, what speaks for or against them, and whom not."""

import re

from sqlalchemy.orm import Session

from dispatch.people.models import Person, Role, RoleGrant
from tests.centre import sounding
from tests.web import nights
from tests.web.test_dispatcher import ENTERED, entered, incident

FRAGMENT = {"HX-Request": "true"}


def _called(shown: str) -> list[str]:
    return re.findall("<bdi>(.*?)</bdi></b>", shown)


def _speaks(session: Session, person: Person, *languages: str, gender: str = "") -> None:
    held = session.get_one(Person, person.id)
    held.languages, held.gender = list(languages), gender


def test_a_wish_moves_a_colleague_up_and_says_why(web) -> None:
    desk, people = web.as_role(Role.DISPATCHER), web.centre.people
    with web.store.write() as session:
        _speaks(session, people["Bert"], "fr", gender="man")
    form = entered(desk, language="fr")
    shown = desk.post("/incidents/who", form, headers=FRAGMENT).text
    assert _called(shown) == ["Bert Maes", "An Peeters", "Control room"]
    assert "Bert Maes is called first, does not speak French" in shown
    # Nobody on duty is a woman: the best there is goes, and the console sounds.
    insisted = form | {"gender": "woman", "gender_required": "yes"}
    shown = desk.post("/incidents/who", insisted, headers=FRAGMENT).text
    assert "is not what the victim insists on" in shown
    assert "Nobody of Victim support is what the victim insists on: paging the best." in shown
    reference = desk.post("/incidents/new", insisted).headers["Location"].rpartition("=")[2]
    paged = [page for page in nights.callout(web.store, reference).pages if page.person]
    # Of An it is not known, of Bert it is known that he is not.
    assert [(one.person.name, one.status == "skipped") for one in paged if one.code] == [
        ("An Peeters", False)
    ]
    assert sounding(web.store) == ["nobody_as_wished"]
    assert "rather a woman, required" in desk.get(f"/incidents/{reference}").text


def test_not_this_person_is_kept_for_the_case_and_shown_on_its_timeline(web) -> None:
    desk, an = web.as_role(Role.DISPATCHER), web.centre.people["An"]
    form = entered(desk) | {"not": str(an.id), "not_reason": "Her sister lives there."}
    shown = desk.post("/incidents/who", form, headers=FRAGMENT).text
    assert _called(shown)[0] == "Bert Maes"
    assert re.search(f'id="not-{an.id}" value="{an.id}" checked', shown)
    # It outlives a mistake elsewhere in the form, and works without scripts.
    again = desk.post("/incidents/new", form | {"priority": "9"})
    assert again.status_code == 422
    assert re.search(f'id="not-{an.id}" value="{an.id}" checked', again.text)
    reference = desk.post("/incidents/new", form).headers["Location"].rpartition("=")[2]
    assert incident(web, reference).barred == {str(an.id): "dispatcher"}
    called = nights.callout(web.store, reference).pages
    assert [page.person.name for page in called if page.code] == ["Bert Maes"]
    told = desk.get(f"/incidents/{reference}").text
    assert "are not to be called for this case: An Peeters" in told
    assert "Her sister lives there." in told


def test_a_dispatcher_may_choose_somebody_after_all(web) -> None:
    desk, an = web.as_role(Role.DISPATCHER), web.centre.people["An"]
    form = entered(desk) | {"not": str(an.id)}
    reference = desk.post("/incidents/new", form).headers["Location"].rpartition("=")[2]
    callout = nights.callout(web.store, reference)
    path = f"/incidents/{reference}/callouts/{callout.id}"
    desk.post(f"{path}/page_person", {"person": str(an.id)})
    assert incident(web, reference).barred == {}
    # Who passed it on is never called again, whoever wants it.
    web.browser(an).post(f"/calls/{reference}/pass_on")
    assert "You passed this on" in web.browser(an).get(f"/calls/{reference}").text
    refused = desk.post(f"{path}/page_person", {"person": str(an.id)})
    assert "This case is closed to An Peeters." in refused.text
    refused = desk.post(f"{path}/accept_for", {"person": str(an.id)})
    assert refused.status_code == 409
    assert nights.going(web.store, reference) == []


def test_nobody_is_called_and_not_called_by_one_form(web) -> None:
    desk, an = web.as_role(Role.DISPATCHER), web.centre.people["An"]
    both = entered(desk) | {"not": str(an.id), "person": str(an.id)}
    refused = desk.post("/incidents/new", both)
    assert refused.status_code == 422
    assert "This case is closed to An Peeters." in refused.text


def test_whoever_passed_a_case_on_reads_nothing_that_is_linked_with_it(web) -> None:
    desk = web.as_role(Role.DISPATCHER)
    passed, linked = (
        desk.post("/incidents/new", entered(desk)).headers["Location"].rpartition("=")[2]
        for _ in range(2)
    )
    an, home = web.centre.people["An"].id, web.centre.organisation.id
    with web.store.write() as session:
        session.add(RoleGrant(person_id=an, role=Role.DISPATCHER, organisation_id=home))
    an = web.browser(web.centre.people["An"])
    assert an.get(f"/incidents/{linked}").status_code == 200
    an.post(f"/calls/{passed}/pass_on")
    assert desk.post(f"/incidents/{passed}/link", {"other": linked}).status_code == 303
    assert an.get(f"/incidents/{linked}").status_code == 404
    assert desk.get(f"/incidents/{linked}").status_code == 200


def test_the_form_offers_what_may_be_insisted_on(web) -> None:
    shown = web.as_role(Role.DISPATCHER).get("/incidents/new").text
    assert 'name="language_required"' in shown
    assert 'name="gender_required"' in shown
    assert set(ENTERED) <= set(re.findall('name="([a-z_]+)"', shown))


def test_somebody_says_where_they_know_people_and_only_they_read_it(web) -> None:
    an = web.browser(web.centre.people["An"])
    assert (
        an.post("/account/places", {"ties": "Kerkstraat, 9400", "home": "here"}).status_code == 422
    )
    kept = an.post("/account/places", {"ties": "Lindendreef, 9400\n", "home": "9400-9409"})
    assert kept.status_code == 303
    assert "Lindendreef, 9400" in an.get("/account/places").text
    desk = web.as_role(Role.DISPATCHER)
    assert "Lindendreef" not in desk.get("/account/places").text
    form = entered(desk, address="Lindendreef 5")
    shown = desk.post("/incidents/who", form, headers=FRAGMENT).text
    assert _called(shown)[0] == "Bert Maes"
    assert "the case is closed to them" in shown
