"""Two people answer in the same instant: one goes, the other is told, every time."""

from threading import Barrier, Thread

import sqlalchemy as sa

from dispatch.channels.contract import Inbound
from dispatch.paging import replies
from dispatch.paging.models import Assignment, AssignmentStatus, Page
from tests.paging.conftest import NUMBERS, Night

RUNS = 24


def _answer_together(night: Night, bodies: dict[str, str]) -> dict[str, str]:
    """Let each text in a thread of its own, all released at once."""
    start, outcomes = Barrier(len(bodies)), {}

    def text(name: str, body: str, supplier_id: str) -> None:
        start.wait()
        with night.store.write() as session:
            inbound = Inbound(supplier_id, NUMBERS[name], body)
            outcomes[name] = replies.text_in(session, inbound, night.now)

    threads = []
    for name, body in bodies.items():
        night.texts += 1
        threads.append(Thread(target=text, args=(name, body, f"SM{night.texts}")))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


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
