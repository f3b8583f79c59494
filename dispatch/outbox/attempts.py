"""What is done with a claimed message: sending it, or asking what became of it.

Promise: no transaction is open, nothing is raised whatever a supplier or a channel does, and
nothing is sent on a claim that grew old. Claiming, and writing down what came of it, are for
`queue`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dispatch import clock, logs
from dispatch.channels.contract import Channel, Outcome, Receipt, State
from dispatch.outbox.queue import Claimed, Task

log = logs.logger(__name__)

#: Outcomes that say nothing of a supplier: it was never asked.
_NOT_ASKED = ("late", "no-supplier", "channel-raised")


@dataclass(frozen=True)
class Result:
    """What one attempt or question brought."""

    claimed: Claimed
    """With the supplier that the outcome is of."""
    outcome: Outcome | None = None
    receipt: Receipt | None = None
    """The answer to a question."""

    @property
    def of_supplier(self) -> bool:
        """Whether it tells something of the supplier."""
        return self.outcome is not None and self.outcome.code not in _NOT_ASKED


def perform(channels: Mapping[str, Channel], claimed: Claimed, until: float = math.inf) -> Result:
    """Do what was claimed with the supplier; nothing is raised.

    Nothing is sent after `until` (by the monotonic clock), for the lease would end before it.
    """
    channel = channels.get(claimed.channel)
    if channel is None:
        return Result(claimed, Outcome(State.PENDING, code="no-supplier", retry_after=5))
    began = clock.monotonic()
    try:
        result = _perform(channels, channel, claimed, until)
    except Exception:
        log.exception("channel_raised", message=claimed.outgoing.uid)
        result = Result(claimed, Outcome(State.UNKNOWN, code="channel-raised"))
    outcome = result.outcome
    log.info(
        "message_attempted",
        message=claimed.outgoing.uid,
        kind=claimed.outgoing.kind.value,
        task=claimed.task.value,
        supplier=result.claimed.channel,
        state=outcome.state.value if outcome else "asked",
        reason=outcome.code if outcome else "",
        took_ms=round((clock.monotonic() - began) * 1000),
    )
    return result


def _perform(
    channels: Mapping[str, Channel], channel: Channel, claimed: Claimed, until: float
) -> Result:
    if claimed.task is Task.ASK:
        found = channel.look_up(claimed.outgoing.kind, claimed.supplier_id)
        return Result(claimed, receipt=found)
    if claimed.task is Task.FIND:
        result = _find(channels, claimed)
        if result is not None:
            return result
    if clock.monotonic() > until:
        # Frozen, starved or kept waiting meanwhile: it may be another engine's before we end.
        return Result(claimed, Outcome(State.PENDING, code="late"))
    return Result(claimed, channel.send(claimed.outgoing))


def _find(channels: Mapping[str, Channel], claimed: Claimed) -> Result | None:
    """Ask the supplier that may have taken it, even if another is to send it now."""
    channel = channels.get(claimed.doubted)
    if channel is None:
        return None
    found = channel.find(claimed.outgoing, claimed.created_at, claimed.known)
    if found is None:
        return None
    outcome = Outcome(State.SENT, found.supplier_id, found=True)
    return Result(replace(claimed, channel=channel.name), outcome)
