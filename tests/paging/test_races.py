"""Two people answer in the same instant: one goes, the other is told, every time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import sqlalchemy as sa

from dispatch.channels.contract import Inbound
from dispatch.incidents.models import Incident
from dispatch.paging import apart, replies
from dispatch.paging.models import Assignment, AssignmentStatus, Page
from tests.paging.conftest import ALERT, DORA, NUMBERS, Night

RUNS = 24
SUSPECT = replace(ALERT, flags={"suspect_side": True})


def _text_together(night: Night, texts: Sequence[tuple[str, str]]) -> list[str]:
    """Let each text in in a thread of its own, all released at once."""
    start, outcomes = Barrier(len(texts)), [""] * len(texts)

    def text(place: int, name: str, body: str, supplier_id: str) -> None:
        start.wait()
        with night.store.write() as session:
            inbound = Inbound(supplier_id, NUMBERS[name], body)
            outcomes[place] = replies.text_in(session, inbound, night.now)

    threads = []
    for place, (name, body) in enumerate(texts):
        night.texts += 1
        threads.append(Thread(target=text, args=(place, name, body, f"SM{night.texts}")))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _answer_together(night: Night, bodies: dict[str, str]) -> dict[str, str]:
    return dict(zip(bodies, _text_together(night, list(bodies.items())), strict=True))


def _codes(night: Night) -> dict[str, str]:
    return {name: night.code(name) for name in ("An", "Bert")}


def test_exactly_one_of_two_takes_the_only_seat(night: Night) -> None:
    for _ in range(RUNS):
        night.report()
        night.pass_time(240)
        outcomes = _answer_together(night, _codes(night))
        assert sorted(outcomes.values()) == ["goes", "too_late"]
        with night.store.read() as session:
            query = sa.select(sa.func.count(Assignment.id)).where(
                Assignment.status != AssignmentStatus.RELEASED
            )
            assert session.scalar(query) == len(night.incidents)


def test_one_person_who_says_yes_to_both_sides_of_a_case_goes_to_one(night: Night) -> None:
    for _ in range(2):
        night.report()
        night.report(SUSPECT)
        with night.store.write() as session:
            two = (session.get_one(Incident, one) for one in night.incidents[-2:])
            apart.link(session, *two, DORA, night.now)
        texts = [("An", f"JA {page.code}") for page in night.pages("An")[-2:]]
        assert sorted(_text_together(night, texts)) == ["goes", "too_late"]
        night.now += timedelta(days=2)


def test_yes_and_no_of_the_same_moment_leave_nobody_waiting(night: Night) -> None:
    for _ in range(RUNS // 4):
        night.report()
        night.pass_time(240)
        codes = _codes(night)
        outcomes = _answer_together(
            night, {"An": f"NEE {codes['An']}", "Bert": f"JA {codes['Bert']}"}
        )
        assert outcomes["Bert"] == "goes"
        assert night.status() == ["accepted"]
    with night.store.read() as session:
        still_open = sa.select(sa.func.count(Page.id)).where(Page.ended_at.is_(None))
        assert session.scalar(still_open) == 0
