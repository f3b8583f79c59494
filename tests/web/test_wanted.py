"""The administrator's screen of who is wanted, and what an incident makes of it."""

import re

import sqlalchemy as sa

from dispatch.audit import AuditEntry
from dispatch.incidents import asking
from dispatch.incidents.models import Category, CategoryWant, FlagWant
from dispatch.people.models import Organisation, Qualification, Role
from tests.centre import ADA, NOW
from tests.web import nights
from tests.web.conftest import Browser, Web


def _kinds(web: Web, people: str, silent: str = "") -> dict[str, str]:
    with web.store.read() as session:
        (kind,) = session.scalars(sa.select(Category.id))
    name = f"kind-{kind}"
    return {"part": "kinds", f"{name}-victim_support": people, f"{name}-silent": silent}


def _flag(people: str, held: str = "") -> dict[str, str]:
    name = "second_officer-victim_support"
    return {"part": "flags", f"flag-{name}": people, f"held-{name}": held}


def _keep(ada: Browser, form: dict[str, str]) -> int:
    return ada.post("/wanted", form).status_code


def test_an_administrator_says_how_many_a_kind_and_a_flag_want(web: Web):
    ada = web.as_role(Role.ADMINISTRATOR)
    assert "children present" in ada.get("/wanted").text
    assert _keep(ada, _kinds(web, "2", "5")) == 303
    assert _keep(ada, _flag("3", "1")) == 303
    with web.store.read() as session:
        (kind,) = session.scalars(sa.select(Category))
        assert [(want.people, want.qualification_id) for want in kind.wants] == [(2, 1)]
        assert kind.silent_minutes == 5
        wanted = sa.select(FlagWant.people, FlagWant.qualification_id)
        assert session.execute(wanted).all() == [(3, 1)]
        done = {entry.action for entry in session.scalars(sa.select(AuditEntry))}
        assert {"category.change", "flag.change"} <= done
    shown = ada.get("/wanted").text
    assert 'name="flag-second_officer-victim_support" value="3"' in shown
    # Taken out it stays out, whatever a new centre begins with.
    assert _keep(ada, _flag("0")) == 303
    with web.store.read() as session:
        assert session.scalars(sa.select(FlagWant.people)).all() == [0]


def test_a_kind_that_wants_nobody_and_half_a_night_are_refused_with_the_reason(web: Web):
    ada = web.as_role(Role.ADMINISTRATOR)
    answer = ada.post("/wanted", _kinds(web, "0"))
    assert answer.status_code == 422 and "Every kind of incident wants somebody" in answer.text
    home = str(web.centre.organisation.id)
    half = {"part": "home", "home": home, "quiet_from": "21:30"}
    answer = ada.post("/wanted", half)
    assert answer.status_code == 422 and "Give both times, or none." in answer.text
    assert 'value="21:30"' in answer.text
    form = half | {"quiet_until": "06:00", "welfare_minutes": "45", "welfare_priority": "2"}
    assert _keep(ada, form) == 303
    with web.store.read() as session:
        found = session.get_one(Organisation, web.centre.organisation.id)
        chosen = found.quiet_from, found.quiet_until, found.welfare_minutes, found.welfare_priority
        assert chosen == ("21:30", "06:00", 45, 2)


def test_a_dispatcher_reads_it_and_changes_nothing(web: Web):
    desk = web.as_role(Role.DISPATCHER)
    assert " disabled" in desk.get("/wanted").text
    assert _keep(desk, _kinds(web, "2")) == 403
    assert web.as_role(Role.RESPONDER).get("/wanted").status_code == 403


def test_an_administrator_says_what_serves_instead_and_who_is_for_the_suspects_side(web: Web):
    ada, path = web.as_role(Role.ADMINISTRATOR), "/wanted/training"
    with web.store.write() as session:
        session.add(Qualification(key="violence", names={"en": "violence", "nl": "geweld"}))
    assert "violence" in ada.get(path).text
    form = {"qualification-1": "1", "substitute-1": "2", "suspect-1": "yes"}
    for wrong in ({"substitute-1": "1"}, {"qualification-1": ""}, {"substitute-1": "99"}):
        answer = ada.post(path, form | wrong)
        assert answer.status_code == 422 and 'name="suspect-1" value="yes" checked' in answer.text
    assert ada.post(path, form).status_code == 303
    # Sent once more it changes nothing, and is no change in the record.
    assert ada.post(path, form).status_code == 303
    with web.store.read() as session:
        want = session.get_one(CategoryWant, 1)
        assert (want.qualification_id, want.substitute_id, want.side) == (1, 2, "suspect")
        done = sa.select(AuditEntry.id).where(AuditEntry.action == "category.training")
        assert len(session.scalars(done).all()) == 1
    assert ada.post(path, {"qualification-1": "1"}).status_code == 303
    with web.store.read() as session:
        assert session.get_one(CategoryWant, 1).side == ""
    desk = web.as_role(Role.DISPATCHER)
    assert " disabled" in desk.get(path).text
    assert desk.post(path, form).status_code == 403


def test_an_administrator_changes_what_is_asked_before_anybody_drives(web: Web):
    ada = web.as_role(Role.ADMINISTRATOR)
    with web.store.write() as session:
        asking.add(session, None, {"en": "Who is there?"}, "", ADA, NOW)
    kind = "/wanted/questions?kind=fatal_crash"
    form = {"kind": "fatal_crash"}
    assert "Who is there?" in ada.get(kind).text

    def press(do: str, **fields: object) -> int:
        return ada.post("/wanted/questions", form | {"do": do, **fields}).status_code

    assert press("begin") == 303
    added = {"words-en": "Which door?", "words-fr": "Quelle porte ?"}
    assert press("add", told_by="meeting_point", **added) == 303
    shown = ada.get(kind).text
    assert shown.index("Who is there?") < shown.index("Which door?")
    (_, door) = map(int, re.findall(r'id="question-(\d+)"', shown))
    assert press("up", question=door) == 303
    shown = ada.get(kind).text
    assert shown.index("Which door?") < shown.index("Who is there?")
    refused = ada.post("/wanted/questions", form | {"do": "change", "question": door})
    assert refused.status_code == 422 and "Write the question" in refused.text
    web.clock.advance(seconds=1)
    assert press("change", question=door, **{"words-en": "Which bell?"}) == 303
    # It was changed since: nothing is taken out by mistake.
    assert press("remove", question=door) == 422
    reference = nights.open_incident(web.store, web.centre, now=web.clock.now())
    desk = web.as_role(Role.DISPATCHER)
    assert "Which bell?" in desk.get(f"/incidents/{reference}").text
    assert "Which bell?" in desk.get(kind).text
    assert desk.post("/wanted/questions", form | {"do": "add"} | added).status_code == 403
    assert web.as_role(Role.RESPONDER).get("/wanted/questions").status_code == 403
