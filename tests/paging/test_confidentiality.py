"""What is sealed is opened with a reason, and the reason is sealed too."""

from dataclasses import replace

import sqlalchemy as sa

from dispatch import audit
from dispatch.audit import AuditDetail
from dispatch.incidents import handling
from tests.centre import ADA
from tests.paging.conftest import ALERT, Night


def test_why_a_narrative_was_opened_is_told_to_whoever_may_read_the_record_only(night: Night):
    incident_id = night.report(replace(ALERT, narrative="the lorry did not stop"))
    reason = "the sister of the driver rings back"
    with night.store.write() as session:
        incident = handling.locked(session, incident_id)
        narrative = handling.open_narrative(session, incident, reason, ADA, night.now)
        assert narrative == "the lorry did not stop"
        told = list(audit.tell(session, f"incident:{incident.reference}"))[-1]
        stored = "".join(session.scalars(sa.select(AuditDetail.details)))
    assert (told.action, told.details) == ("narrative.open", {"by": ADA.name, "reason": reason})
    assert "sister" not in stored
