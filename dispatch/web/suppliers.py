"""How the suppliers of our messages stand, in words: for the header, for monitors, for a list.

Said by name: since when one refuses us and why, what goes by whom instead, and when it is tried
again. Everything comes from rows, so that every process says the same. A supplier's own words are
never shown: only the codes that its module reads from them.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext

from dispatch.channels.contract import RECEIPTED, Channel, Kind, State
from dispatch.db import Session
from dispatch.outbox import suppliers, troubles
from dispatch.outbox.models import Breaker, Message
from dispatch.outbox.suppliers import Standing
from dispatch.outbox.troubles import Refusal
from dispatch.texts import N_
from dispatch.web import screens
from dispatch.web import session as frame

#: How far back the state of the texts looks.
_LATELY = timedelta(minutes=10)
_ALL = frozenset(Kind)
_DOWN = {"state": "down", "banner": "critical"}

_CARRIES = {
    Kind.SMS: N_("texts"),
    Kind.CALL: N_("calls"),
    Kind.MAIL: N_("mail"),
    Kind.PUSH: N_("notices"),
}
_INSTEAD = {
    Kind.SMS: N_("Texts go by %(other)s instead."),
    Kind.CALL: N_("Calls go by %(other)s instead."),
    Kind.MAIL: N_("Mail goes by %(other)s instead."),
    Kind.PUSH: N_("Notices go by %(other)s instead."),
}
_NOTHING = {
    Kind.SMS: N_("Nothing else carries texts."),
    Kind.CALL: N_("Nothing else carries calls, and a text wakes nobody."),
    Kind.MAIL: N_("Nothing else carries mail."),
    Kind.PUSH: N_("Nothing else carries notices."),
}


def refusals(session: Session) -> list[Refusal]:
    """Return which suppliers of texts and calls refuse us."""
    return troubles.refusals(session, alarms(RECEIPTED))


def alarms(kinds: frozenset[Kind]) -> dict[str, Mapping[str, str]]:
    """Return the codes by which each supplier of these refuses us, in plain words."""
    return {one.name: one.alarms for one in _channels() if one.kinds & kinds}


def meaning(refusal: Refusal) -> str:
    """Return why a supplier refuses us, in English words to be said in any language."""
    return troubles.meaning(alarms(_ALL)[refusal.supplier], refusal.code)


def silent_since(session: Session) -> datetime | None:
    """Return since when no supplier has called anything back; None while they do."""
    overdue = frame.parts().settings.engine.receipt_overdue_seconds
    return troubles.silent_since(session, frame.parts().clock.now(), overdue)


def state() -> dict[str, str]:
    """Return whether texts go out and answers come in: working, trouble or down.

    `banner` is the kind of a banner with the same text, or empty.
    """
    if not frame.parts().channels:
        sentence = gettext("No SMS supplier is set up: nobody is texted.")
        return {"state": "down", "text": sentence, "banner": ""}
    with frame.reading() as session:
        told = _Told(session)
        since = silent_since(session)
        struggling, failed, sent = _lately(session)
    if told.refusals:
        return told.banner()
    if since is not None:
        sentence = gettext(
            "No callback since %(since)s: replies may not be reaching us. The supplier is asked "
            "for them instead.",
            since=screens.short(since, told.now),
        )
        return {"state": "trouble", "text": sentence, "banner": "waiting"}
    if struggling and not sent:
        sentence = gettext("The SMS supplier cannot be reached.")
        return {"state": "down", "text": sentence, "banner": ""}
    if struggling or failed:
        sentence = gettext(
            "%(count)s texts of the last ten minutes did not go out at once.",
            count=struggling + failed,
        )
        return {"state": "trouble", "text": sentence, "banner": ""}
    return {"state": "working", "text": gettext("Texts go out."), "banner": ""}


def listed(session: Session) -> list[dict[str, Any]]:
    """Return each supplier: {name, carries, works: bool, text, worked_at | None}."""
    told = _Told(session)
    refused = {one.supplier: one for one in told.refusals}
    return [
        {
            "name": one.name,
            "carries": ", ".join(gettext(_CARRIES[kind]) for kind in Kind if kind in one.kinds),
            "works": one.name not in refused,
            "text": " ".join(told.of(refused[one.name])) if one.name in refused else "",
            "worked_at": told.standings[one.name].worked_at,
        }
        for one in _channels()
    ]


class _Told:
    """What is said of the suppliers that refuse us at this moment."""

    def __init__(self, session: Session) -> None:
        self._session, self.now = session, frame.parts().clock.now()
        found = troubles.refusals(session, alarms(_ALL))
        self.refusals = [one for one in found if self._lasts(one)]

    @cached_property
    def standings(self) -> Mapping[str, Standing]:
        """How each supplier stands; not looked up while all is well."""
        names = [one.name for one in _channels()]
        return {one.name: one for one in suppliers.standings(self._session, names)}

    def _lasts(self, refusal: Refusal) -> bool:
        """Tell whether it is worth a banner: what wakes nobody is, once it is not trusted."""
        if refusal.supplier in alarms(RECEIPTED):
            return True
        distrusted = self.standings[refusal.supplier].state is not Breaker.CLOSED
        return distrusted or refusal.code in alarms(_ALL)[refusal.supplier]

    def banner(self) -> dict[str, str]:
        """Say who refuses us; while others carry texts and calls, that is no reason to ring."""
        sentences = [sentence for one in self.refusals for sentence in self.of(one)]
        text = " ".join(dict.fromkeys(sentences))
        missing = {kind for one in self.refusals for kind in self._carried_by_nobody(one)}
        if not missing & RECEIPTED:
            return {"state": "trouble", "banner": "waiting", "text": text}
        down = _DOWN if Kind.SMS in missing else _DOWN | {"state": "trouble"}
        return {**down, "text": f"{text} {gettext('Ring people yourself.')}"}

    def of(self, refusal: Refusal) -> list[str]:
        """Return the sentences about one: why, what goes instead, and when it is tried again."""
        sentence = gettext(
            "%(supplier)s refuses our messages since %(since)s: %(meaning)s (%(code)s).",
            supplier=refusal.supplier,
            since=screens.short(refusal.since, self.now),
            meaning=gettext(meaning(refusal)),
            code=refusal.code,
        )
        return [sentence, *self._instead(refusal), *self._again(self.standings[refusal.supplier])]

    def _instead(self, refusal: Refusal) -> Sequence[str]:
        return [
            gettext(_INSTEAD[kind], other=other) if other else gettext(_NOTHING[kind])
            for kind, other in self._others(refusal).items()
        ]

    def _carried_by_nobody(self, refusal: Refusal) -> list[Kind]:
        return [kind for kind, other in self._others(refusal).items() if not other]

    def _others(self, refusal: Refusal) -> dict[Kind, str]:
        """Return which other supplier carries what this one carries; empty where none does."""
        refusing = {one.supplier for one in self.refusals}
        kinds = frame.parts().channels[refusal.supplier].kinds
        return {
            kind: next(
                (one.name for one in _channels() if kind in one.kinds and one.name not in refusing),
                "",
            )
            for kind in Kind
            if kind in kinds
        }

    def _again(self, standing: Standing) -> Sequence[str]:
        if standing.state is Breaker.HALF_OPEN:
            return [gettext("It says that it is well again, and gets one message to show it.")]
        if standing.state is Breaker.CLOSED:
            return []
        if standing.retry_at is None or standing.retry_at <= self.now:
            return [gettext("It is asked now whether it is well again.")]
        at = screens.short(standing.retry_at, self.now)
        return [gettext("It is asked again at %(at)s whether it is well.", at=at)]


def _channels() -> Collection[Channel]:
    return frame.parts().channels.values()


def _lately(session: Session) -> tuple[int, int, int]:
    """Count the texts of the last minutes that struggle, that failed and that were sent."""
    since = frame.parts().clock.now() - _LATELY
    struggling = Message.status.in_((State.UNKNOWN, State.PENDING)) & (Message.attempts > 0)
    failed = (Message.status == State.FAILED) & (Message.failed_at > since)
    row = session.execute(
        sa.select(
            sa.func.count().filter(struggling),
            sa.func.count().filter(failed),
            sa.func.count().filter(Message.sent_at > since),
        ).where(Message.kind == Kind.SMS, Message.created_at > since)
    ).one()
    return row[0], row[1], row[2]
