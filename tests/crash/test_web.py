"""The web dies around the commit of an alert: the sender repeats, and there is one incident."""

import pytest
import requests
import sqlalchemy as sa

from dispatch.incidents.models import Incident
from dispatch.intake.models import Delivery
from dispatch.paging.models import Page
from tests.crash.conftest import Site
from tests.crash.traffic import ControlRoom
from tests.crash.victim import Life


@pytest.mark.slow
@pytest.mark.parametrize(("moment", "kept"), [("before", 0), ("after", 1)])
def test_a_sender_without_an_answer_repeats_and_one_incident_results(
    site: Site, moment: str, kept: int
) -> None:
    control_room = ControlRoom(site.url)
    site.web.start(Life(f"receive.take_in: {moment} commit"))
    site.twilio.wait_until(site.answers, 60)
    with pytest.raises(requests.RequestException):
        control_room.post("msg_1", reference="K-1")
    assert site.web.wait() == -9
    assert _count(site, Incident) == kept
    stored = _stored(site)

    site.serve()
    first = control_room.post("msg_1", reference="K-1")
    again = control_room.post("msg_1", reference="K-1")
    assert (first.status_code, again.content) == (202, first.content)
    assert stored in ("", first.text)
    assert _stored(site) == first.text
    assert [_count(site, table) for table in (Delivery, Incident, Page)] == [1, 1, 1]


def _count(site: Site, table: type) -> int:
    with site.store.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def _stored(site: Site) -> str:
    with site.store.read() as session:
        return session.scalar(sa.select(Delivery.answer)) or ""
