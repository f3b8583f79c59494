"""Policies as rows: what is said of one by which a page could end in silence."""

from typing import Any

import pytest
import sqlalchemy as sa

from dispatch.db import Store
from dispatch.paging import plans, policies
from dispatch.paging.models import Policy, PolicyStep, Target
from tests import centre

TEXT = [["sms", 0]]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"repeat_seconds": 0}, "must be repeated"),
        ({"waits": (0, 480, 240)}, "comes before the one"),
        ({"last": Target.CONTROL_ROOM}, "last step must add people"),
        ({"attempts": []}, "tries nobody"),
    ],
)
def test_a_policy_that_could_end_in_silence_is_named(
    store: Store, changes: dict[str, Any], words: str
):
    centre.build(store)
    waits, last = changes.get("waits", (0, 240, 480)), changes.get("last", Target.EVERYONE)
    targets = (Target.PRIMARY, Target.BACKUP, last)
    with store.write() as session:
        steps = [
            PolicyStep(
                position=position,
                after_seconds=after,
                target=target,
                attempts=changes.get("attempts", TEXT),
            )
            for position, (after, target) in enumerate(zip(waits, targets, strict=True))
        ]
        repeat = changes.get("repeat_seconds", 300)
        odd = Policy(
            name="odd", priority=2, repeat_seconds=repeat, created_at=centre.NOW, steps=steps
        )
        session.add(odd)
        session.flush()
        (said,) = [fault for fault in policies.faults(session) if "odd" in fault]
    assert words in said


def test_a_policy_without_a_pause_does_not_repeat_for_ever_at_once(store: Store):
    centre.build(store)
    with store.write() as session:
        session.execute(sa.update(Policy).values(repeat_seconds=0))
        policy_id = session.scalars(sa.select(Policy.id)).one()
        assert plans.plan_of(session, policy_id, centre.NOW).repeat_seconds > 0
