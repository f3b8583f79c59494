"""The screens of people, role by role."""

import re

import pytest
import sqlalchemy as sa

from dispatch.people import accounts, phones
from dispatch.people.models import Person, Qualification, Role
from tests.web.conftest import Browser, Web


@pytest.fixture
def admin(web: Web) -> Browser:
    return web.browser(web.add("ada@dender.example", Role.ADMINISTRATOR))


@pytest.fixture
def an(web: Web) -> int:
    return web.centre.people["An"].id


def act(browser: Browser, person_id: int, action: str, **form: object):
    return browser.post(f"/people/{person_id}/{action}", form)


# --- who sees what ---


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.RESPONDER, 403),
        (Role.DISPATCHER, 200),
        (Role.PLANNER, 200),
        (Role.ADMINISTRATOR, 200),
        (Role.PRIVACY_OFFICER, 200),
    ],
)
def test_who_may_see_people(web: Web, role: Role, status: int):
    browser = web.as_role(role)
    assert browser.get("/people").status_code == status
    assert browser.get("/people/phones").status_code == status


def test_somebody_of_another_zone_is_not_found_by_number(web: Web, an: int):
    browser = web.as_role(Role.ADMINISTRATOR, zone=web.leie)
    assert browser.get(f"/people/{an}").status_code == 404
    for action in ("change", "end", "grant", "add_phone", "password"):
        assert act(browser, an, action).status_code == 404
    assert "An Peeters" not in browser.get("/people").text


@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.PLANNER, Role.PRIVACY_OFFICER])
def test_whoever_only_sees_people_changes_nothing(web: Web, role: Role, an: int):
    browser = web.as_role(role)
    screen = browser.get(f"/people/{an}").text
    assert "/people/new" not in browser.get("/people").text
    assert not re.search(rf'action="/people/{an}/', screen)
    for action in ("change", "grant", "join", "certify", "add_phone", "end", "password"):
        assert act(browser, an, action, name="Changed").status_code == 403
    assert browser.get("/people/new").status_code == 403


def test_a_dispatcher_reads_numbers_and_a_planner_sees_them_masked(web: Web, an: int):
    dispatcher, planner = web.as_role(Role.DISPATCHER), web.as_role(Role.PLANNER)
    for path in (f"/people/{an}", "/people/phones"):
        assert "+32 470 12 34 50" in dispatcher.get(path).text
        assert "+32 4.. .. .. 50" in planner.get(path).text
        assert "12 34 50" not in planner.get(path).text


def test_the_list_warns_of_what_may_go_wrong(web: Web, admin: Browser):
    with web.store.write() as session:
        (method,) = phones.methods(session, session.get_one(Person, web.centre.people["Bert"].id))
        phones.block(session, method.fingerprint, web.clock.now())
    shown = admin.get("/people").text
    assert "one telephone only" in shown
    assert "answered STOP, has to text START" in shown


# --- what an administrator does ---


def test_somebody_is_added_and_can_then_be_found(web: Web, admin: Browser):
    answer = admin.post(
        "/people/new",
        {
            "name": "Zoë  \u202eVerbeke",
            "sign_in": "Zoe@dender.example",
            "language": "fr",
            "employer": web.centre.organisation.id,
        },
    )
    assert answer.status_code == 303
    shown = admin.get(answer.headers["Location"]).text
    assert "Zoë Verbeke" in shown
    assert "zoe@dender.example" in shown


def test_what_was_typed_survives_a_refusal(web: Web, admin: Browser):
    answer = admin.post(
        "/people/new",
        {"name": "Zoë", "sign_in": "ada@dender.example", "language": "xx", "employer": "999"},
    )
    assert answer.status_code == 422
    assert 'value="Zoë"' in answer.text
    assert answer.text.count('aria-invalid="true"') == 2
    taken = admin.post(
        "/people/new",
        {
            "name": "Zoë",
            "sign_in": "ada@dender.example",
            "language": "fr",
            "employer": web.centre.organisation.id,
        },
    )
    assert "Somebody else signs in with this name." in taken.text


def test_nobody_is_added_to_another_zone(web: Web, admin: Browser):
    answer = admin.post("/people/new", {"name": "Zoë", "language": "fr", "employer": web.leie.id})
    assert answer.status_code == 422


def test_details_are_corrected(web: Web, admin: Browser, an: int):
    answer = admin.post(
        f"/people/{an}/change",
        {
            "name": "An Peeters-Claes",
            "language": "fr",
            "gender": "woman",
            "languages": ["ar", "xx"],
        },
    )
    assert answer.status_code == 303
    with web.store.read() as session:
        changed = session.get_one(Person, an)
        assert (changed.name, changed.gender, changed.languages) == (
            "An Peeters-Claes",
            "woman",
            ["ar"],
        )


def test_a_telephone_is_added_confirmed_tried_first_and_removed(web: Web, admin: Browser, an: int):
    def used() -> list[str]:
        with web.store.read() as session:
            return [phones.address_of(session, one) for one in phones.reachable(session, [an])[an]]

    def row() -> int:
        with web.store.read() as session:
            return phones.methods(session, session.get_one(Person, an))[-1].id

    act(admin, an, "add_phone", kind="mobile", address="0470 99 88 77")
    assert used() == ["+32470123450"]
    fresh = row()
    act(admin, an, "verify_phone", row=fresh)
    assert used() == ["+32470123450", "+32470998877"]
    act(admin, an, "first_phone", row=fresh)
    assert used() == ["+32470998877", "+32470123450"]
    act(admin, an, "remove_phone", row=fresh)
    assert used() == ["+32470123450"]


def test_a_wrong_number_is_told_beside_its_field(admin: Browser, an: int):
    answer = act(admin, an, "add_phone", kind="mobile", address="053 12 34 56")
    assert answer.status_code == 422
    assert 'value="053 12 34 56"' in answer.text
    assert "This is not a mobile number" in answer.text


def test_a_role_is_given_and_taken_back(web: Web, admin: Browser, an: int):
    team = f"team:{web.centre.team.id}"
    assert act(admin, an, "grant", role="responder", place=team).status_code == 303
    assert act(admin, an, "grant", role="responder", place=team).status_code == 422
    assert act(admin, an, "grant", role="dispatcher", place=team).status_code == 422
    foreign = f"organisation:{web.leie.id}"
    assert act(admin, an, "grant", role="dispatcher", place=foreign).status_code == 422
    with web.store.read() as session:
        (held,) = session.get_one(Person, an).roles
    assert act(admin, an, "revoke", row=held.id).status_code == 303
    assert act(admin, an, "revoke", row=held.id).status_code == 404


def test_a_place_in_a_team_and_a_certificate_are_given_and_ended(web: Web, admin: Browser, an: int):
    act(admin, an, "join", team=web.centre.team.id, from_on="2026-01-01")
    with web.store.read() as session:
        (place,) = session.get_one(Person, an).memberships
        (proof,) = session.get_one(Person, an).certificates
        training = session.get_one(Qualification, proof.qualification_id)
    assert act(admin, an, "leave", row=place.id).status_code == 303
    assert act(admin, an, "revoke_certificate", row=proof.id).status_code == 303
    answer = act(
        admin,
        an,
        "certify",
        qualification=training.id,
        issued_on="2026-01-01",
        expires_on="2031-01-01",
    )
    assert answer.status_code == 303
    shown = admin.get(f"/people/{an}").text
    assert "revoked" in shown
    assert "counts" in shown


def test_a_button_names_rows_of_this_person_only(web: Web, admin: Browser, an: int):
    with web.store.read() as session:
        (other,) = phones.methods(session, session.get_one(Person, web.centre.people["Bert"].id))
    for row in (other.id, 999_999, "x", ""):
        assert act(admin, an, "remove_phone", row=row).status_code == 404
    assert act(admin, an, "remove_everything").status_code == 404


def test_whoever_leaves_is_taken_back_with_a_new_password(web: Web, admin: Browser):
    zoe = web.add("zoe@dender.example", Role.PLANNER)
    signed_in = web.browser(zoe)
    assert act(admin, zoe.id, "end").status_code == 303
    assert signed_in.get("/account").status_code == 303
    assert act(admin, zoe.id, "return").status_code == 303
    answer = act(admin, zoe.id, "password")
    password = re.search(r'id="password" readonly value="([A-Za-z]+)"', answer.text)[1]  # type: ignore[index]
    assert web.anonymous().sign_in("zoe@dender.example", password).status_code == 303
    accounts.check_password(password)


def test_a_password_needs_a_name_to_sign_in_with(admin: Browser, an: int):
    assert act(admin, an, "password").status_code == 409


def test_nobody_ends_the_own_account_or_takes_back_the_last_administrator(web: Web):
    ada = web.add("ada@dender.example", Role.ADMINISTRATOR)
    browser = web.browser(ada)
    assert act(browser, ada.id, "end").status_code == 422
    with web.store.read() as session:
        (held,) = session.get_one(Person, ada.id).roles
    assert act(browser, ada.id, "revoke", row=held.id).status_code == 422


def test_a_hostile_name_is_shown_as_text(web: Web, admin: Browser):
    web.add("<script>alert(1)</script>", Role.PLANNER)
    assert "<script>alert" not in admin.get("/people").text


def test_a_list_of_many_people_takes_no_more_queries(web: Web, admin: Browser):
    def count() -> int:
        sent: list[str] = []

        def note(_connection, _cursor, statement, *_rest) -> None:
            sent.append(statement)

        sa.event.listen(web.store.engine, "before_cursor_execute", note)
        admin.get("/people")
        sa.event.remove(web.store.engine, "before_cursor_execute", note)
        return len(sent)

    admin.get("/people")
    before = count()
    for number in range(15):
        web.add(f"officer{number}@dender.example", Role.PLANNER)
    assert count() == before
