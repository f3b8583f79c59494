"""Where a process is killed: every boundary on the path of an alert.

One is a transaction (with everything written and nothing committed, or committed and nobody told)
or a call of the supplier (before it, while the answer is awaited, after it). The names are those of
the product's own functions; `victim` watches them, and `test_boundaries` holds that no transaction
and no call is missing here.
"""

from collections.abc import Iterator
from typing import NamedTuple


class Boundary(NamedTuple):
    """One place to die."""

    step: int
    """Of the path of one alert in the design; 0: what goes on beside it."""
    process: str
    """engine or web."""
    name: str
    """What is passed there, as `victim` calls it."""
    need: str = ""
    """What has to be arranged for it to be passed; nothing: each alert passes it, and each beat."""


#: Transactions by the function that does their work: step, process, function, need.
TRANSACTIONS = (
    (5, "engine", "queue.claim", ""),
    (5, "engine", "hearing.settled", ""),
    (5, "engine", "hearing.expired", "expired"),
    (6, "engine", "hearing.asked", ""),
    (7, "engine", "replies.text_in", "unheard"),
    (8, "engine", "callouts.advance", ""),
    (8, "engine", "callouts.put_off", "fault"),
    (8, "engine", "deliveries.page_unseen", "unread"),
    (0, "engine", "audit.link", ""),
    (4, "web", "receive.take_in", ""),
    (6, "web", "hearing.receipt_in", ""),
    (7, "web", "replies.text_in", ""),
    (7, "web", "replies.key_pressed", "pressed"),
    (7, "web", "replies.answer_link", ""),
)
#: Calls of the supplier: step, method of its channel, need.
CALLS = (
    (5, "send", ""),
    (5, "find", "unclear"),
    (6, "look_up", ""),
    (7, "inbound", ""),
)
ON_THE_WIRE = "channel.send: answer awaited"


def _all() -> Iterator[Boundary]:
    for step, method, need in CALLS:
        yield Boundary(step, "engine", f"channel.{method}: before", need)
        if method == "send":
            yield Boundary(step, "engine", ON_THE_WIRE)
        yield Boundary(step, "engine", f"channel.{method}: after", need)
    for step, process, work, need in TRANSACTIONS:
        yield Boundary(step, process, f"{work}: before commit", need)
        yield Boundary(step, process, f"{work}: after commit", need)


#: The engine's first, then the web's. Those that leave a message leased come first of all: their
#: leases run out while the others are tried.
BOUNDARIES = tuple(_all())
