"""The phones, and whoever holds them: officers of all tempers, and a control room that is rung.

An officer knows what the phone showed and nothing else: the code and the link are read from the
text itself. They answer at once, late, twice, wrongly, in own words, by text, key or link, and
change their minds; some sleep. What each was told is kept, for the rules of the night.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from dispatch.db import Session
from dispatch.paging import replies, seats, self_check
from dispatch.paging.models import AssignmentStatus
from tests.simulation.supplier import Supplier, Traffic

if TYPE_CHECKING:
    from tests.simulation.night import Night

_CODE = re.compile(r"YES (\d{3,6})")
_STATES = re.compile(r"ON THE WAY (\d{3,6})")
_LINK = re.compile(r"/a/(\w+)")
_REFERENCE = re.compile(r"^(?:CALL-OUT|DRILL) ([A-Z0-9]{3}-[A-Z0-9]{3})")

#: What an officer does on a call-out's text, and how often of a hundred.
_ANSWERS: Mapping[str, Mapping[str, int]] = {
    "prompt": {"code": 25, "yes": 25, "plain yes": 15, "minutes": 5, "link": 15, "no": 8},
    "odd": {
        "twice": 10,
        "yes, no": 10,
        "no, yes": 10,
        "words": 10,
        "own words": 8,
        "wrong code": 8,
        "link": 6,
        "link no": 8,
        "plain no": 8,
        "stop": 5,
        "passes on": 6,
        "yes": 10,
    },
    "sleepy": {"yes": 5, "no": 3},
    "absent": {},
}
#: What an officer does when the phone rings.
_KEYS: Mapping[str, Mapping[str, int]] = {
    "prompt": {"1": 70, "2": 8},
    "odd": {"1": 25, "2": 15, "9": 10, "1 1": 5, "1 2": 5, "": 20},
    "sleepy": {"1": 35, "2": 5, "": 15},
    "absent": {"": 30},
}
_TEXTS: Mapping[str, tuple[str, ...]] = {
    "code": ("{code}",),
    "yes": ("YES {code}",),
    "plain yes": ("yes",),
    "minutes": ("{code} 25",),
    "no": ("NO {code}",),
    "plain no": ("no",),
    "twice": ("yes {code}", "YES {code}"),
    "yes, no": ("{code}", "no {code}"),
    "no, yes": ("NO {code}", "yes {code}"),
    "words": ("{code} but not before four",),
    "own words": ("child ill, ask Bert",),
    "wrong code": ("yes {wrong}",),
    "stop": ("STOP",),
}
_ONWARD = (AssignmentStatus.ON_THE_WAY, AssignmentStatus.ON_SCENE, AssignmentStatus.DONE)


@dataclass
class Phone:
    """A phone in somebody's pocket."""

    night: "Night"
    number: str
    mood: str
    off_until: float = -1.0
    told: list[tuple[float, str]] = field(default_factory=list)
    """What it showed or said, and when."""
    _answers_to: Supplier | None = None
    """Whose number the last text came from."""

    # --- what the supplier brings

    def text_arrives(self, text: str, supplier: Supplier) -> None:
        """Read a text, and perhaps answer it."""
        night, self._answers_to = self.night, supplier
        self.told.append((night.now, text))
        code = _CODE.search(text)
        if code is None:
            if ": you are going" in text:
                self._goes(text)
            return
        if "CANCELLED" in text:
            if night.chance(0.8):
                self._text(f"YES {code[1]}", night.rng.uniform(3, 90))
            return
        answer = self._chosen(_ANSWERS)
        if answer is not None:
            self._answer(answer, text, code[1])

    def letter_arrives(self, text: str) -> None:
        """Read a mail or a notice, perhaps, and perhaps follow its link."""
        night, link = self.night, _LINK.search(text)
        ready = {"prompt": 0.7, "odd": 0.5, "sleepy": 0.2, "absent": 0.05}[self._mood]
        if link is None or not night.chance(ready):
            return
        delay = night.rng.uniform(3, 200)
        night.later(delay, self._opens, link[1])
        for _ in range(night.rng.choice((0, 1, 1, 2))):
            delay += night.rng.uniform(1, 60)
            night.later(delay, self._follow, link[1], night.chance(0.8))

    def _opens(self, token: str) -> None:
        self.night.count.did["letter opened"] += 1

        def see(session: Session, now: datetime) -> None:
            page = seats.locked_page(session, replies.page_behind(session, token, now).id)
            replies.opened(session, page, now)

        self.night.web(f"shows the link of {self.number}", see)

    def rings(self, call: Traffic) -> float | None:
        """Return after how many seconds somebody picks up; None: nobody does."""
        ready = {"prompt": 0.85, "odd": 0.7, "sleepy": 0.6, "absent": 0.15}[self._mood]
        return self.night.rng.uniform(3, 20) if self.night.chance(ready) else None

    def picks_up(self, call: Traffic) -> None:
        """Hear what a call says, and perhaps press a key."""
        self.told.append((self.night.now, call.text))
        keys = self._chosen(_KEYS) or ""
        delay = 0.0
        for key in keys.split():
            delay += self.night.rng.uniform(1, 9)
            self.night.later(delay, self._press, call, key)

    # --- what somebody does

    @property
    def _mood(self) -> str:
        """Once the night is to end people are more willing, or it would have no end."""
        return "prompt" if self.night.ending and self.mood != "absent" else self.mood

    def _chosen(self, table: Mapping[str, Mapping[str, int]]) -> str | None:
        return self.night.one_of(table[self._mood], 0.01)

    def _answer(self, answer: str, text: str, code: str) -> None:
        night = self.night
        late = self.mood == "odd" and night.chance(0.25) and not night.ending
        delay = night.rng.uniform(150, 1200) if late else night.rng.uniform(2, 40)
        link = _LINK.search(text)
        if answer == "passes on":
            if link is not None:
                night.later(delay, self._passes_on, link[1])
                # Whatever they say later, they do not go.
                self._text(f"YES {code}", delay + night.rng.uniform(0.2, 60))
            return
        if answer.startswith("link"):
            if link is not None:
                night.later(delay, self._follow, link[1], answer == "link")
            return
        for body in _TEXTS[answer]:
            self._text(body.format(code=code, wrong=night.wrong_code()), delay)
            delay += night.rng.uniform(0.2, 60)

    def _text(self, body: str, delay: float) -> None:
        self.night.later(delay, self._send, body)

    def _send(self, body: str) -> None:
        kind = re.sub(r"\d{3,6}", "###", body)
        self.night.say(f"phone {self.number} texts: {kind}")
        self.night.count.did[f"texted {kind.lower()}"] += 1
        (self._answers_to or self.night.suppliers[0]).texted(self.number, body)

    def _press(self, call: Traffic, key: str) -> None:
        night = self.night
        night.count.did[f"pressed {key}"] += 1
        spoken = night.web(
            f"is told that {self.number} pressed {key} in {call.sid}",
            lambda session, now: replies.key_pressed(session, call.uid, key, now),
        )
        if isinstance(spoken, replies.Spoken):
            self.told.append((night.now, spoken.text))
            night.rules.spoken(call.uid, spoken.text)
            if "You are going" in spoken.text:
                self._goes(spoken.text)

    def _follow(self, token: str, goes: bool) -> None:
        night = self.night
        night.count.did["link followed"] += 1

        def answer(session: Session, now: datetime) -> str:
            _, taken = replies.answer_link(session, token, goes, now)
            return str(taken)

        said = night.web(f"takes {'yes' if goes else 'no'} by the link of {self.number}", answer)
        self.told.append((night.now, f"link: {said}"))
        if said == "goes":
            self._goes("")

    def _passes_on(self, token: str) -> None:
        """Say, signed in, that they know those concerned."""
        night = self.night
        night.count.did["passed on"] += 1

        def pass_on(session: Session, now: datetime) -> None:
            page = seats.locked_page(session, replies.page_behind(session, token, now).id)
            self_check.pass_on(session, page, replies.Actor("person", page.person_id, "x"), now)

        night.web(f"is told that {self.number} passes it on", pass_on)

    def _goes(self, text: str) -> None:
        """Somebody who goes says how far they are, or cannot after all."""
        night = self.night
        reference = _REFERENCE.search(text)
        if night.chance(0.12) and not night.ending and reference is not None:
            self._text("no", night.rng.uniform(5, 300))
        elif night.chance(0.06) and not night.ending:
            self._text("hand on", night.rng.uniform(5, 300))
        elif night.chance(0.25) and (code := _STATES.search(text)) is not None:
            for said in ("on the way {}", "on scene", "klaar {}")[: night.rng.randint(1, 3)]:
                self._text(said.format(code[1]), night.rng.uniform(10, 900))
        elif night.chance(0.25):
            night.later(night.rng.uniform(20, 200), self._moves_on)

    def _moves_on(self) -> None:
        """Say the next of on the way, on scene, done, on the screen."""
        night = self.night
        going = night.rows.execute(_GOING, {"number": self.number}).fetchall()
        mine = [page for page, person in going if person in night.owners[self.number]]
        if not mine:
            return
        page_id, then = night.rng.choice(mine), night.rng.choice(_ONWARD)

        def move(session: Session, now: datetime) -> bool:
            page = seats.locked_page(session, page_id)
            for one in page.callout.assignments:
                if one.person_id == page.person_id and one.released_at is None:
                    actor = replies.Actor("person", page.person_id, "officer")
                    return seats.move_on(session, one, then, actor, now)
            return False

        night.web(f"is told on a screen that {self.number} is {then}", move)


_GOING = """SELECT page.id, page.person_id FROM page JOIN assignment
    ON assignment.callout_id = page.callout_id AND assignment.person_id = page.person_id
    WHERE assignment.released_at IS NULL AND page.status = 'accepted' ORDER BY page.id"""
