"""Who is at the other end of a centre while its processes die: a control room and two officers.

Both do what the real ones do. A control room repeats a request under the same id until it is
answered 202; an officer answers what the phone shows, by text or by key, or sleeps on.
"""

import functools
import itertools
import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import requests

from tests import centre
from tests.simulated import SimulatedTwilio

AN, BERT = "+32470123450", "+32470123451"


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
        self._numbers = itertools.count(1)

    def act(self) -> None:
        self.report(f"K-{next(self._numbers)}")

    def report(self, reference: str) -> dict[str, Any]:
        """Send an alert until it is taken; return the answer."""
        while True:
            try:
                answer = self.post(f"msg_{reference}", reference=reference)
                if answer.status_code == 202:
                    break
                assert answer.status_code >= 500, answer.text
            except requests.RequestException:
                pass
            self.repeats += 1
            self._stopping.wait(0.05)
        return self.answers.setdefault(reference, answer.json())

    def await_answers(self, count: int) -> None:
        """Wait until so many alerts have been taken."""
        SimulatedTwilio.wait_until(lambda: len(self.answers) >= count, 60)

    def await_refusal(self) -> None:
        """Wait until a request is not taken."""
        before = self.repeats
        SimulatedTwilio.wait_until(lambda: self.repeats > before, 60)

    def post(self, webhook_id: str, **alert: str) -> requests.Response:
        """Send a request once."""
        place = {"postcode": "9400"}
        body = {"type": "alert", "category": "fatal_crash", "place": place, **alert}
        return self.send(webhook_id, json.dumps(body).encode())

    def send(self, webhook_id: str, body: bytes) -> requests.Response:
        """Send a signed body."""
        headers = centre.signed(body, datetime.now(UTC), webhook_id)  # noqa: TID251
        headers["content-type"] = "application/json"
        url = f"{self._url}/hooks/alerts/control-room"
        return requests.post(url, body, headers=headers, timeout=15)


class Officers(Party):
    """An answers every second text and every third call; Bert every second link.

    What neither answers stays open, and the control room is rung for it.
    """

    def __init__(self, twilio: SimulatedTwilio) -> None:
        super().__init__(0.1)
        self._twilio = twilio
        self._seen = 0
        self._turns = {key: itertools.count() for key in ("text", "call", "link")}
        self._trying: list[tuple[Callable[[], bool], int]] = []
        """What is not done yet, and how often it is tried again."""

    def act(self) -> None:
        arrivals = self._twilio.arrivals()
        for arrival in arrivals[self._seen :]:
            self._notice(arrival)
        self._seen = len(arrivals)
        trying, self._trying = self._trying, []
        self._trying += [(answer, left - 1) for answer, left in trying if left and not answer()]

    def _notice(self, arrival: dict[str, Any]) -> None:
        number, body = arrival["to"], arrival["body"]
        code = re.search(r"YES (\d+)", body)
        if number == AN and arrival["kind"] == "call":
            # What she does not take she ends, for a phone is called by one incident at a time.
            key = "1" if self._turn("call") % 3 == 0 else "hangup"
            press = functools.partial(self._twilio.press, AN, key, arrival["id"])
            self._trying.append((press, 20))
        elif number == AN and code and self._turn("text") % 2 == 0:
            self._twilio.reply(AN, f"YES {code[1]}")
        elif number == BERT and code and self._turn("link") % 2 == 0:
            (link,) = re.findall(r"http\S+", body)
            self._trying.append((functools.partial(_pressed, link), 20))

    def _turn(self, what: str) -> int:
        return next(self._turns[what])


def _pressed(link: str) -> bool:
    """Press the button behind a link; whether it did something."""
    try:
        return requests.post(link, {"answer": "yes"}, timeout=15).status_code < 500
    except requests.RequestException:
        return False
