"""Mail and notices: carried late or not at all, and nobody ever says what became of one.

What somebody does with a letter is for their phone, on which they read it.
"""

from collections.abc import Collection
from datetime import datetime

from dispatch.channels.contract import Kind, Outcome, Outgoing, Receipt, State
from tests.simulation.supplier import Supplier, Traffic


class Post(Supplier):
    """Carries mail, or notices."""

    def look_up(self, kind: Kind, supplier_id: str) -> Receipt | None:
        """Say nothing."""
        return None

    def find(self, message: Outgoing, since: datetime, known: Collection[str]) -> Receipt | None:
        """Find nothing."""
        return None

    def _refusal(self) -> Outcome:
        gone = self.night.chance(0.3)
        return Outcome(State.FAILED, code="gone" if gone else "http-413", permanent=gone)

    def _carry(self, taken: Traffic) -> None:
        night = self.night
        if night.chance(0.15 * self.trouble):
            night.count.faults[f"{taken.kind} vanished"] += 1
            return
        late = night.chance(0.2 * self.trouble)
        night.count.faults[f"{taken.kind} late"] += late
        delay = night.rng.uniform(60, 900) if late else night.rng.uniform(0.5, 20)
        night.later(delay, self._arrives, taken)

    def _arrives(self, one: Traffic) -> None:
        night = self.night
        query = "SELECT person_id FROM message WHERE uid = ?"
        ((person_id,),) = night.rows.execute(query, (one.uid,))
        night.say(f"{one.kind} {one.sid} arrives")
        numbers = [number for number, people in night.owners.items() if person_id in people]
        night.phones[numbers[0]].letter_arrives(one.text)
