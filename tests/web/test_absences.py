"""One's own absences: asked, told, refused in words, taken back; and whose they are."""

import pytest
import sqlalchemy as sa

from dispatch.rota import absences
from dispatch.rota.models import Absence, AbsenceKind, Answer
from tests.centre import ADA, NOW
from tests.web.conftest import Browser, Web
from tests.web.rotas import text

LEAVE = {"kind": "leave", "first_on": "2026-04-06", "last_on": "2026-04-12"}


@pytest.fixture
def an(web: Web) -> Browser:
    return web.browser(web.centre.people["An"])


def stored(web: Web) -> list[Absence]:
    with web.store.read() as session:
        return list(session.scalars(sa.select(Absence).order_by(Absence.id)))


def ask(web: Web, name: str, **fields: str) -> int:
    browser = web.browser(web.centre.people[name])
    assert browser.post("/turns/absences", {**LEAVE, **fields}).status_code == 303
    return stored(web)[-1].id


def test_leave_is_asked_in_days_and_seen_until_it_is_answered(web, an):
    answer = an.post("/turns/absences", LEAVE)
    assert (answer.status_code, answer.location) == (303, "/turns/absences")
    (absence,) = stored(web)
    assert (absence.kind, absence.answer) == (AbsenceKind.LEAVE, Answer.ASKED)
    assert f"{absence.starts_at:%m-%d %H:%M}" == "04-05 22:00"
    assert f"{absence.ends_at:%m-%d %H:%M}" == "04-12 22:00"
    shown = text(an.get("/turns/absences"))
    assert "Asked. You are told what is decided." in shown
    assert "Mon 6 Apr – Sun 12 Apr asked Leave" in shown


def test_a_part_of_a_day_is_asked_in_times(web, an):
    times = {"from_time": "13:00", "until_time": "17:30", "last_on": "2026-04-06"}
    an.post("/turns/absences", {**LEAVE, **times})
    assert "Mon 6 Apr 13:00 – Mon 6 Apr 17:30" in text(an.get("/turns/absences"))


def test_illness_stands_at_once_may_have_no_end_and_names_the_turns_left_empty(web, an):
    begun = an.get("/turns/absences?kind=sick")
    assert 'value="sick" checked' in begun.text
    assert 'value="2026-03-14"' in begun.text
    an.post("/turns/absences", {"kind": "sick", "first_on": "2026-03-14", "last_on": ""})
    assert (stored(web)[0].answer, stored(web)[0].ends_at) == (Answer.APPROVED, None)
    shown = text(an.get("/turns/absences"))
    assert "Turns of yours that now need somebody else: 1." in shown
    assert "from Sat 14 Mar on approved Illness" in shown
    assert "You have turns then:" in shown


def test_only_an_illness_may_be_left_without_an_end(web, an):
    refused = an.post("/turns/absences", {**LEAVE, "last_on": "", "first_on": ""})
    assert refused.status_code == 422
    assert 'id="first_on-error"' in refused.text
    assert 'id="last_on-error"' in refused.text
    assert stored(web) == []


def test_an_overlap_is_refused_in_words_beside_the_day_and_nothing_is_lost(web, an):
    ask(web, "An")
    refused = an.post(
        "/turns/absences", {**LEAVE, "first_on": "2026-04-10", "last_on": "2026-04-20"}
    )
    assert refused.status_code == 422
    assert 'id="first_on-error"' in refused.text
    told = "An Peeters is away already: leave from Mon 6 Apr 00:00 to Mon 13 Apr 00:00 (asked)."
    assert told in text(refused)
    assert 'value="2026-04-20"' in refused.text


def test_an_end_before_the_start_is_told_beside_the_last_day(an):
    refused = an.post("/turns/absences", {**LEAVE, "last_on": "2026-04-01"})
    assert 'id="last_on-error"' in refused.text
    assert "The end must be after the start." in text(refused)


def test_what_was_refused_says_why_and_who_decided(web, an):
    number = ask(web, "An")
    with web.store.write() as session:
        absence = session.get_one(Absence, number)
        absences.refuse(session, absence, "Easter is full", ADA, NOW)
    shown = text(an.get("/turns/absences"))
    assert "refused Leave Ada says: Easter is full" in shown


def test_what_was_asked_can_be_withdrawn_once(web, an):
    number = ask(web, "An")
    assert an.post(f"/turns/absences/{number}/withdraw").status_code == 303
    assert stored(web)[0].answer is Answer.WITHDRAWN
    again = an.post(f"/turns/absences/{number}/withdraw")
    assert again.status_code == 422
    assert "This absence does not stand any more." in text(again)


def test_whoever_is_ill_says_until_when_and_is_back_earlier(web, an):
    number = ask(web, "An", kind="sick", first_on="2026-03-13", last_on="")
    an.post(f"/turns/absences/{number}/end", {"until_on": "2026-03-16"})
    assert f"{stored(web)[0].ends_at:%m-%d %H:%M}" == "03-16 23:00"
    assert "I am back" in text(an.get("/turns/absences"))
    an.post(f"/turns/absences/{number}/withdraw")
    assert stored(web)[0].ends_at == NOW
    assert stored(web)[0].answer is Answer.APPROVED


def test_leave_cannot_be_made_longer_without_asking(web, an):
    number = ask(web, "An")
    answer = an.post(f"/turns/absences/{number}/end", {"until_on": "2026-05-30"})
    assert answer.status_code == 422
    assert f"{stored(web)[0].ends_at:%m-%d}" == "04-12"


@pytest.mark.parametrize("action", ["withdraw", "end"])
def test_somebody_elses_absence_is_not_there(web, an, action):
    number = ask(web, "Bert", kind="sick", first_on="2026-03-16")
    answer = an.post(f"/turns/absences/{number}/{action}", {"until_on": "2026-04-08"})
    assert answer.status_code == 404
    assert an.post("/turns/absences/99999/withdraw").status_code == 404
    assert an.post(f"/turns/absences/{number}/approve").status_code == 404
    assert stored(web)[0].answer is Answer.APPROVED
    assert "Mon 16 Mar" not in text(an.get("/turns/absences"))


def test_without_a_sign_in_nothing_is_asked(web):
    stranger = web.anonymous()
    for path in ("/turns/absences", "/turns/wishes", "/turns"):
        assert "/sign-in" in stranger.get(path).location
    assert "/sign-in" in stranger.post("/turns/absences", LEAVE).location
    assert stored(web) == []
