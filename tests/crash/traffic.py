"""Who is at the other end of a centre while its processes die: a control room and two officers.

Both do what the real ones do. A control room repeats a request under the same id until it is
answered 202; an officer answers what the phone shows, by text or by key, or sleeps on.
"""

import functools
import itertools
import json
import queue
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import requests

from dispatch.clock import monotonic
from tests import centre
from tests.simulated import SimulatedTwilio

AN, BERT, TOWN = "+32470123450", "+32470123451", "9400"
#: Longer than it takes until the control room is rung.
_SLEEP_SECONDS = 6


class Party(threading.Thread, ABC):
    """Somebody who does something again and again, until told to stop."""

    def __init__(self, pause: float) -> None:
        super().__init__(name=type(self).__name__, daemon=True)
        self._pause = pause
        self._stopping = threading.Event()
        self.trouble: Exception | None = None

    def run(self) -> None:
        try:
            while not self._stopping.wait(self._pause):
                self.act()
        except Exception as error:  # noqa: BLE001 - told to the test, which waits for it
            self.trouble = error

    @abstractmethod
    def act(self) -> None:
        """Do it once."""

    def finish(self) -> None:
        """Stop, and raise what went wrong."""
        self._stopping.set()
        self.join(30)
        assert not self.is_alive()
        if self.trouble is not None:
            raise self.trouble


class ControlRoom(Party):
    """Sends alerts, one after the other."""

    def __init__(self, url: str, pause: float = 0.3) -> None:
        super().__init__(pause)
        self._url = url
        self.answers: dict[str, dict[str, Any]] = {}
        """What was answered 202, by the alert's own reference."""
        self.repeats = 0
        """How often a request got no answer, or not a good one, and was sent again."""
        self.soon: queue.SimpleQueue[str] = queue.SimpleQueue()
        """Postcodes that the next alerts are to come from."""
        self._numbers = itertools.count(1)

    def act(self) -> None:
        self.report(f"K-{next(self._numbers)}", TOWN if self.soon.empty() else self.soon.get())

    def report(self, reference: str, postcode: str = TOWN) -> dict[str, Any]:
        """Send an alert until it is taken; return the answer."""
        body = _alert(reference, postcode)
        taken = self.insist(f"msg_{reference}", body, 202)
        return self.answers.setdefault(reference, taken.json())

    def insist(self, webhook_id: str, body: bytes, status: int) -> requests.Response:
        """Send a body again and again until it is answered as it should be."""
        while True:
            try:
                answer = self.send(webhook_id, body)
                if answer.status_code == status:
                    return answer
                assert answer.status_code >= 500, answer.text
            except requests.RequestException:
                pass
            self.repeats += 1
            self._stopping.wait(0.05)

    def await_answers(self, count: int) -> None:
        """Wait until so many alerts have been taken."""
        SimulatedTwilio.wait_until(lambda: len(self.answers) >= count, 60)

    def await_refusal(self) -> None:
        """Wait until a request is not taken."""
        before = self.repeats
        SimulatedTwilio.wait_until(lambda: self.repeats > before, 60)

    def post(self, webhook_id: str, reference: str) -> requests.Response:
        """Send an alert once."""
        return self.send(webhook_id, _alert(reference, TOWN))

    def send(self, webhook_id: str, body: bytes) -> requests.Response:
        """Send a signed body."""
        headers = centre.signed(body, datetime.now(UTC), webhook_id)  # noqa: TID251
        headers["content-type"] = "application/json"
        url = f"{self._url}/hooks/alerts/control-room"
        return requests.post(url, body, headers=headers, timeout=15)


def _alert(reference: str, postcode: str) -> bytes:
    place = {"postcode": postcode}
    alert = {"type": "alert", "category": "fatal_crash", "place": place, "reference": reference}
    return json.dumps(alert).encode()


@dataclass
class Errand:
    """What an officer has in mind."""

    do: Callable[[], object]
    """Returns whether it is done."""
    tries: int = 20
    at: float = 0.0
    """Not before, by the monotonic clock."""


class Officers(Party):
    """An answers every second text at once and the others later, Bert every second link.

    So the control room is rung for some, and nothing stays open for long: calls to one phone wait
    for each other, and would pile up. Of hers An takes one of three.
    """

    def __init__(self, twilio: SimulatedTwilio) -> None:
        super().__init__(0.1)
        self.awake: set[str] = set()
        """Phones that are answered by a key whenever they ring."""
        self._twilio = twilio
        self._seen = 0
        self._turns = {key: itertools.count() for key in ("text", "call", "link")}
        self._errands: list[Errand] = []

    def act(self) -> None:
        arrivals = self._twilio.arrivals()
        for arrival in arrivals[self._seen :]:
            self._errands += self._to_do(arrival)
        self._seen = len(arrivals)
        errands, self._errands = self._errands, []
        for errand in errands:
            if errand.at > monotonic():
                self._errands.append(errand)
            elif not errand.do() and errand.tries > 1:
                self._errands.append(replace(errand, tries=errand.tries - 1))

    def _to_do(self, arrival: dict[str, Any]) -> Iterator[Errand]:
        number, body = arrival["to"], arrival["body"]
        code = re.search(r"YES (\d+)", body)
        if arrival["kind"] == "call":
            if number in {AN} | self.awake:
                takes = number != AN or self._turn("call") % 3 == 0
                key = "1" if takes else "hangup"
                yield Errand(functools.partial(self._twilio.press, number, key, arrival["id"]))
        elif number == AN and code:
            answer = functools.partial(self._twilio.reply, AN, f"YES {code[1]}")
            late = self._turn("text") % 2
            yield Errand(answer, at=monotonic() + late * _SLEEP_SECONDS)
        elif number == BERT and code and self._turn("link") % 2 == 0:
            (link,) = re.findall(r"http\S+", body)
            yield Errand(functools.partial(_pressed, link))

    def _turn(self, what: str) -> int:
        return next(self._turns[what])


def _pressed(link: str) -> bool:
    """Press the button behind a link; whether it did something."""
    try:
        return requests.post(link, {"answer": "yes"}, timeout=15).status_code < 500
    except requests.RequestException:
        return False
