"""On which of their telephones somebody was called: what is said afterwards goes there too.

Whoever has two mobiles may have been woken by the second, for the first is off: "you can rest" that
goes to the first only lets them drive for nothing. Costs whoever has one mobile nothing.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from dispatch.channels.contract import Kind, State
from dispatch.db import Session
from dispatch.outbox.models import Message
from dispatch.paging import reaching
from dispatch.people.models import MethodKind
from dispatch.people.phones import Method

#: Went, or may have gone.
_LEFT = (State.SENDING, State.UNKNOWN, State.SENT, State.DELIVERED)


def told_on(
    session: Session, about: str, channel: str, methods: Sequence[Method]
) -> list[Sequence[Method]]:
    """Return by which methods to tell whoever was called for `about`; of each the first is used.

    A text goes to every mobile that they were called on, a call to the one that was reached last.
    """
    mobiles = [one for one in methods if one.kind is MethodKind.MOBILE]
    if len(mobiles) < 2:
        return [methods]
    query = (
        sa.select(Message.contact_method_id)
        .where(Message.about == about, Message.status.in_(_LEFT))
        .order_by(Message.delivered_at.is_(None), Message.delivered_at.desc(), Message.id.desc())
    )
    called = list(dict.fromkeys(session.scalars(query)))
    if reaching.kind_of(channel) is Kind.SMS:
        told = [one for one in reaching.fitting(channel, mobiles) if one.id in called]
        return [[one] for one in told] or [methods]
    place = {method_id: number for number, method_id in enumerate(called)}
    return [sorted(methods, key=lambda one: place.get(one.id, len(place)))]
