"""Telling a watchdog that does not depend on us: by mail, by a signed webhook, and by silence.

Each trouble is told once when it begins and once when it is over, by every way that is set up; what
does not arrive is tried again, a little later each time, and stands on the console meanwhile.
Nothing goes through the outbox, which may be what is broken, and no transaction is open meanwhile.
While an engine, the intake and the database are well an address is asked for again and again: a
service out there notices when that stops, whatever has become of us. A turn without anybody is no
fault of the centre and is told to those who plan.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import requests
import sqlalchemy as sa

from dispatch import clock, logs, seal, signatures, texts, upkeep
from dispatch.channels import wire
from dispatch.channels.contract import Kind, Outgoing, State
from dispatch.db import Session
from dispatch.rota.days import local
from dispatch.texts import N_
from dispatch.vigil import wrongs
from dispatch.vigil.judging import ENGINE_SECONDS, WEB_SECONDS
from dispatch.vigil.models import Trouble, Wrong
from dispatch.wiring import Parts

log = logs.logger(__name__)

MAIL, WEBHOOK, PING = "mail", "webhook", "ping"
BEGAN, ENDED = "began", "ended"
_INSIDE = (Trouble.COVER, Trouble.CHECK_IN)
#: Longer than telling one trouble by every way takes.
_LEASE_SECONDS = 30.0
_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 300.0
_VALID_SECONDS = 86_400
#: What ended longer ago and could not be told is not worth telling.
_LATELY = timedelta(days=1)
_WORD = N_("DISPATCH WATCH")
#: While any of these stands, an alert may reach nobody: whoever waits for us to say that we live
#: must not hear it. Others do not stop us: whom they concern could not tell our death from them.
_DEADLY = (
    Trouble.ENGINE,
    Trouble.WEB,
    Trouble.OVERDUE,
    Trouble.NO_SUPPLIER,
    Trouble.UNHEARD,
)
#: What could not be told for so long is no flicker.
_UNTOLD = timedelta(seconds=15)
#: An address that did not answer is asked again so soon.
_ASK_AGAIN_SECONDS = 5.0


def due(told: Mapping[str, str], ended: bool, ways: Sequence[str]) -> list[tuple[str, str]]:
    """Return by which ways a trouble is to be told now, and whether as begun or as ended."""
    word = ENDED if ended else BEGAN
    return [(way, word) for way in ways if told.get(way) != word]


def _due(one: Wrong, ways: Sequence[str]) -> list[tuple[str, str]]:
    return due(one.told, one.ended_at is not None, ways)


class Watchdog:
    """Tells the watchdog that the settings name; does nothing where they name none."""

    def __init__(self, parts: Parts, holder: str) -> None:
        self._parts, self._holder = parts, holder
        self._to = parts.settings.watchdog
        self._http = wire.http(2, self._to.url)
        self._pauses: dict[str, tuple[float, float]] = {}
        mailer = parts.channels.get(MAIL)
        self._ways: dict[str, Callable[[Wrong, str], bool]] = {}
        if self._to.mail and mailer is not None:
            self._ways[MAIL] = self._by_mail
        if self._to.url:
            self._ways[WEBHOOK] = self._by_webhook

    def tell(self) -> int:
        """Tell what is new; return how much arrived. One process of several does it."""
        now = self._parts.clock.now()
        ways = [way for way in self._ways if self._may_try(way)]
        if not ways:
            return 0
        with self._parts.store.read() as session:
            waiting = [one.id for one in _of(session, now) if _due(one, ways)]
        return sum(self._tell_one(wrong_id, ways) for wrong_id in waiting)

    def _tell_one(self, wrong_id: int, ways: Sequence[str]) -> int:
        with self._parts.store.write() as session:
            now = self._parts.clock.now()
            mine = upkeep.take_lease(session, "outside", self._holder, now, _LEASE_SECONDS)
            # Looked at again: another process may have told it a moment ago.
            one = session.get(Wrong, wrong_id) if mine else None
        if one is None:
            return 0
        arrived = self._tell_by(one, _due(one, ways))
        if arrived:
            with self._parts.store.write() as session:
                row = session.get_one(Wrong, wrong_id, with_for_update=True)
                row.told = {**row.told, **arrived}
        return len(arrived)

    def tell_of(self, one: Wrong) -> bool:
        """Tell a trouble that no row keeps; return whether it is told by every way by now."""
        one.told = {**one.told, **self._tell_by(one, _due(one, list(self._ways)))}
        return not _due(one, list(self._ways))

    def _tell_by(self, one: Wrong, due: Sequence[tuple[str, str]]) -> dict[str, str]:
        """Return by which ways it arrived."""
        arrived = {}
        for way, word in due:
            if not self._may_try(way):
                continue
            if self._ways[way](one, word):
                arrived[way] = word
                self._pauses.pop(way, None)
            else:
                self._put_off(way)
        return arrived

    def _may_try(self, way: str) -> bool:
        return way not in self._pauses or clock.monotonic() >= self._pauses[way][0]

    def _put_off(self, way: str) -> None:
        last = self._pauses.get(way, (0.0, _FIRST_PAUSE / 2))[1]
        pause = min(_LONGEST_PAUSE, 2 * last)
        self._pauses[way] = (clock.monotonic() + pause, pause)
        log.error("watchdog_not_told", way=way, again_in=pause)

    def _by_mail(self, one: Wrong, word: str) -> bool:
        """Tell everybody; those who were told already are told again if one could not be."""
        language = self._parts.settings.centre.language
        text = _letter(one, word, language, self._parts)
        arrived = True
        for number, address in enumerate(self._to.mail):
            letter = Outgoing(
                uid=f"{one.uid}.{word}.{number}",
                kind=Kind.MAIL,
                to=address,
                text=text,
                language=language,
                validity_seconds=_VALID_SECONDS,
            )
            outcome = self._parts.channels[MAIL].send(letter)
            # Whether it went is unclear: twice is no harm, silence is.
            arrived = arrived and outcome.state is State.SENT
        return arrived

    def _by_webhook(self, one: Wrong, word: str) -> bool:
        now = self._parts.clock.now()
        body = json.dumps(document(one, word, self._parts)).encode()
        headers = {"Content-Type": "application/json"}
        if self._to.secrets:
            # The same id at every try: whoever gets it twice can tell.
            headers |= signatures.sign(self._to.secrets[0], f"{one.uid}.{word}", now, body)
        return self._exchange(
            lambda: self._http.post(
                self._to.url, data=body, headers=headers, timeout=_SECONDS, allow_redirects=False
            )
        )

    def ping(self) -> bool:
        """Ask for the address that says that all is well, if it is time and it is; one of several.

        Returns whether it answered.
        """
        if not self._to.ping_url:
            return False
        now, seconds = self._parts.clock.now(), self._to.ping_seconds * 0.95
        with self._parts.store.read() as session:
            last = upkeep.last_beat(session, PING)
            failing_since = last.facts.get("failing_since") if last is not None else None
            pause = _ASK_AGAIN_SECONDS if failing_since else seconds
            # One in the future is from before the clock was set back.
            early = last is not None and timedelta() <= now - last.at < timedelta(seconds=pause)
            if early or not _is_well(session, now):
                return False
        with self._parts.store.write() as session:
            if not upkeep.take_lease(session, PING, self._holder, now, 2 * _SECONDS):
                return False
        answered = self._exchange(self._ask)
        failing_since = None if answered else failing_since or now.isoformat()
        with self._parts.store.write() as session:
            upkeep.beat(session, PING, "outside", now, failing_since=failing_since)
        return answered

    def _ask(self) -> requests.Response:
        """Say that we live: signed as the webhook is, for whoever looks, over nothing."""
        headers, now = {}, self._parts.clock.now()
        if self._to.secrets:
            headers = signatures.sign(self._to.secrets[0], seal.new_token(), now, b"")
        return self._http.get(self._to.ping_url, headers=headers, timeout=_SECONDS)

    def untold(self, session: Session, now: datetime) -> dict[str, datetime]:
        """Return the ways by which nobody outside can be told, and since when."""
        found: dict[str, datetime] = {}
        for one in _of(session, now):
            since = one.ended_at or one.found_at
            for way, _ in _due(one, list(self._ways)) if since <= now - _UNTOLD else ():
                found[way] = min(since, found.get(way, since))
        last = upkeep.last_beat(session, PING) if self._to.ping_url else None
        failing_since = last.facts.get("failing_since") if last is not None else None
        if failing_since and datetime.fromisoformat(failing_since) <= now - _UNTOLD:
            found[PING] = datetime.fromisoformat(failing_since)
        return found

    def _exchange(self, ask: Callable[[], requests.Response]) -> bool:
        try:
            answer = wire.within(_SECONDS + 1, ask)
        except Exception as error:  # noqa: BLE001 - no answer is an answer too
            log.warning("watchdog_unreachable", fault=type(error).__name__)
            return False
        return 200 <= answer.status_code < 300


def _is_well(session: Session, now: datetime) -> bool:
    """Tell whether alerts come in and people are paged, as far as this process and its data know.

    An installation whose web never ran takes nothing in.
    """
    engine, web = (upkeep.age(session, name, now) for name in ("engine", "web"))
    if engine is None or web is None or engine > ENGINE_SECONDS or web > WEB_SECONDS:
        return False
    query = sa.select(Wrong.id).where(Wrong.ended_at.is_(None), Wrong.trouble.in_(_DEADLY))
    return session.scalar(query.limit(1)) is None


def _of(session: Session, now: datetime) -> Sequence[Wrong]:
    """Return what stands, or ended in the last day, and is anybody's business outside."""
    lately = sa.or_(Wrong.ended_at.is_(None), Wrong.ended_at > now - _LATELY)
    query = sa.select(Wrong).where(lately, Wrong.trouble.not_in(_INSIDE))
    return session.scalars(query.order_by(Wrong.id)).all()


def document(one: Wrong, word: str, parts: Parts) -> dict[str, str | None]:
    """Return what the webhook says: nothing of anybody."""
    return {
        "type": f"trouble.{word}",
        "id": one.uid,
        "centre": parts.settings.centre.name,
        "trouble": one.trouble.value,
        "about": one.about,
        "text": wrongs.said(one, "en"),
        "since": one.since.isoformat(),
        "ended_at": one.ended_at.isoformat() if one.ended_at else None,
        "health": f"{parts.settings.web.public_url}/health",
    }


def _letter(one: Wrong, word: str, language: str, parts: Parts) -> str:
    """Return a mail: a subject, then what is wrong since when."""
    over = N_("Over: %(told)s") if word == ENDED else "%(told)s"
    told = texts.say(language, over, told=wrongs.said(one, language))
    spoken = [_at(N_("Since %(at)s."), one.since, language, parts)]
    if one.ended_at is not None:
        spoken.append(_at(N_("Until %(at)s."), one.ended_at, language, parts))
    subject = f"{texts.say(language, _WORD)}: {parts.settings.centre.name}: {told}"
    return "\n".join([subject, "", told, *spoken, parts.settings.web.public_url + "/health", ""])


def _at(text: str, at: datetime, language: str, parts: Parts) -> str:
    return texts.say(language, text, at=local(at, parts.settings.centre.time_zone))
