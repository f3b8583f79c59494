"""Who calls the centre: officers who ring back, and a control room that reports by keys.

A call is a chain of requests of the supplier's, each with what the call knows by then and the keys
that were pressed. One may be lost with the process that took it, come twice, or never come because
the caller hung up; what was said is held to what is so at that moment.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dispatch.channels.contract import Calling
from dispatch.paging.calling_in import Turn
from dispatch.web import voice

if TYPE_CHECKING:
    from tests.simulation.night import Night

#: What an officer keys, and how often of a hundred; whatever is left hangs up.
_OFFICER = {"1": 55, "2": 12, "9": 6, "3": 5}
_CATEGORIES = {"3": 40, "10": 25, "11": 15, "12": 10, "0": 5, "77": 5}
_NUMBERS = ("*", "053123456", "12")
_WRONG_PIN = "00000000"


class Call:
    """One call to the centre."""

    def __init__(self, night: "Night", number: str, *, reports: bool = False) -> None:
        self.night, self.number, self.reports = night, number, reports
        self.patience = 6
        self.references: set[str] = set()
        self._begin()

    def _begin(self) -> None:
        self.sid = f"CA-{self.night.number_of_call()}"
        self.night.count.did["called to report" if self.reports else "called in"] += 1
        self._request(None, "")

    def _request(self, state: Mapping[str, Any] | None, keys: str) -> None:
        night, calling = self.night, Calling(self.sid, self.number, keys)
        kept = None if state is None else json.loads(json.dumps(state))

        def ask() -> object:
            return night.web(
                f"takes call {self.sid} of {self.number}, {len(keys)} keys",
                lambda session, now: voice.turn(session, calling, kept, now),
                intake=True,
            )

        heard = ask()
        if night.chance(0.3 if self.reports else 0.1):
            # An answer that did not come in time is asked for again, and that one is heard.
            night.count.faults["call asked twice"] += 1
            if isinstance(heard, Turn):
                self._hold(heard)
            heard = ask()
        if isinstance(heard, Turn):
            self._hold(heard)
            self._go_on(heard)
        elif self.reports and self.patience > 0:
            # "Dispatch cannot answer now": a control room calls again.
            self.patience -= 1
            night.later(night.rng.uniform(5, 30), self._begin)

    def _hold(self, heard: Turn) -> None:
        """Hold what was said to what is so."""
        rules, people = self.night.rules, self.night.owners.get(self.number, [])
        rules.told_a_caller(people, heard.text)
        if "Sent. Reference" in heard.text:
            spelled = heard.text.split("Sent. Reference ")[1].split(".")[0].replace(" ", "")
            self.references.add(spelled)
            rules.accepted({"type": "alert"}, {"reference": f"{spelled[:3]}-{spelled[3:]}"})
            if len(self.references) > 1:
                rules.broken("one call has reported two incidents")

    def _go_on(self, heard: Turn) -> None:
        night = self.night
        if heard.then is None:
            return
        if not night.ending and night.chance(0.08):
            night.count.faults["caller hung up"] += 1
            return
        keys = self._reported(heard.then) if self.reports else self._answered(heard)
        if keys:
            night.later(night.rng.uniform(1, 9), self._request, heard.then, keys)

    def _answered(self, heard: Turn) -> str:
        """Return what an officer keys; nothing: they hang up."""
        night, page_id = self.night, (heard.then or {}).get("page")
        if heard.digits == 0:
            query = "SELECT code FROM page WHERE id = ?"
            ((code,),) = night.rows.execute(query, (page_id,))
            return str(code) if night.chance(0.8) else night.wrong_code()
        return night.one_of(_OFFICER, 0.01) or ""

    def _reported(self, state: Mapping[str, Any]) -> str:
        """Return what a control room keys at a step."""
        night = self.night
        match state.get("step"):
            case None:
                # Its number is known as somebody's: first it says that it wants to report.
                return "0"
            case "pin":
                return _WRONG_PIN if night.chance(0.1) else night.world.pin
            case "zone":
                return "1"
            case "category":
                return night.one_of(_CATEGORIES, 0.01) or "3"
            case "number":
                return night.rng.choice(_NUMBERS)
            case _:
                return night.one_of({"1": 85, "2": 8}, 0.01) or "9"
