"""What a night is made of, drawn from its seed: the rota, the moods, and what happens when.

Most nights are small, one alert and somebody who goes, for rare troubles meet oftener in many small
nights than in a few large ones. Nights of other kinds begin shortly before midnight, when
certificates end, or before the hour that is left out or comes twice.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.simulation.callers import Call
from tests.simulation.engines import Life
from tests.simulation.officers import Phone
from tests.simulation.world import CONTROL_ROOM, NUMBERS, SECOND, Turn

if TYPE_CHECKING:
    from tests.simulation.night import Night

_KINDS = {
    "ordinary": (datetime(2026, 3, 14, 13, 2, tzinfo=UTC), 60),
    "midnight": (datetime(2026, 2, 10, 22, 52, tzinfo=UTC), 14),
    "summer begins": (datetime(2026, 3, 29, 0, 52, tzinfo=UTC), 13),
    "winter begins": (datetime(2026, 10, 25, 0, 52, tzinfo=UTC), 13),
}
_SUPPORT = ("An", "Bert", "Chloé", "Dirk", "Els")
_CATEGORIES = {"fatal_crash": 45, "robbery": 25, "house_fire": 12, "bus_crash": 10, "strange": 8}
_PLACES: tuple[dict[str, str], ...] = (
    {"postcode": "9400", "municipality": "Ninove"},
    {"postcode": "9400"},
    {"postcode": "1000"},
    {},
)
_MOODS = {"prompt": 45, "odd": 25, "sleepy": 18, "absent": 12}
_WILLING = {"prompt": 80, "odd": 14, "sleepy": 4, "absent": 2}
#: How many of the nights are small: one alert, people who answer.
_SMALL = 0.6
_DAY = 86400.0


def begin(night: "Night") -> float:
    """Draw the night, enter its rota, and put what will happen into its queue; return its end."""
    rng = night.rng
    kind = rng.choices(list(_KINDS), [weight for _, weight in _KINDS.values()])[0]
    night.begins = _KINDS[kind][0] + timedelta(seconds=rng.uniform(0, 420))
    night.violence = rng.choice((0.0, 0.5, 1.0, 2.0))
    for supplier in night.suppliers:
        supplier.trouble = rng.choice((0.0, 0.3, 0.6, 1.0))
    lapsing = [name for name in _SUPPORT if kind == "midnight" and night.chance(0.4)]
    night.world.begin(night.begins, _rota(night), lapsing)
    troubles = ", ".join(str(supplier.trouble) for supplier in night.suppliers)
    night.say(f"{kind}: violence {night.violence}, suppliers' trouble {troubles}")
    small = night.chance(_SMALL)
    if night.chance(0.1 if small else 0.35):
        night.lives.append(Life(night, "second"))
    _people(night, _WILLING if small else _MOODS)
    _troubles(night)
    for _ in range(rng.randint(1, 2) if night.chance(0.12) else 0):
        night.later(rng.uniform(0, 120), _dials_in, night)
    if small:
        return _alert(night, 0, 0.2)
    ends = [_alert(night, number, 1.0) for number in range(rng.choices((1, 2, 3), (65, 25, 10))[0])]
    return max(*ends, _others(night))


def _rota(night: "Night") -> list[Turn]:
    """Draw who is on duty, and who is after them."""
    rng = night.rng
    if night.chance(0.05):
        # A turn long past: the team's rota is known, and empty now.
        return [Turn("support primary", "An", -_DAY, -3600)]
    first, second, third, fourth = rng.sample(_SUPPORT, 4)
    change = rng.uniform(-300, 900) if night.chance(0.5) else _DAY
    turns = [Turn("support primary", first, -_DAY, change)] if change > -_DAY else []
    if change < _DAY and not night.chance(0.2):
        turns.append(Turn("support primary", third, change, _DAY))
    if not night.chance(0.1):
        until = rng.uniform(0, 600) if night.chance(0.2) else _DAY
        turns.append(Turn("support backup", second, -_DAY, until))
        if until < _DAY and night.chance(0.7):
            turns.append(Turn("support backup", fourth, until, _DAY))
    if not night.chance(0.15):
        turns.append(Turn("social primary", rng.choice(("Fay", "Gil")), -_DAY, _DAY))
    return turns


def _people(night: "Night", moods: Mapping[str, int]) -> None:
    """Draw the moods, and whose phone is off."""
    rng = night.rng
    for name, number in (*NUMBERS.items(), ("Els", SECOND)):
        night.owners.setdefault(number, []).append(night.world.people[name])
    for number in (*night.owners, CONTROL_ROOM):
        mood = rng.choices(list(moods), list(moods.values()))[0]
        off = rng.uniform(0, 900) if night.chance(0.06) else -1.0
        night.phones[number] = Phone(night, number, mood, off)


def _alert(night: "Night", number: int, talk: float) -> float:
    """Draw one alert and, by `talk`, what is said of it later; return when it is all said."""
    rng, room = night.rng, night.control_room
    reference, at = f"R-{number}", rng.uniform(0, 90) * number
    alert: dict[str, Any] = {
        "type": "alert",
        "reference": reference,
        "category": rng.choices(list(_CATEGORIES), list(_CATEGORIES.values()))[0],
        "place": rng.choices(_PLACES, (70, 10, 10, 10))[0],
    }
    if night.chance(0.08):
        alert["drill"] = True
    if night.chance(0.05):
        del alert["reference"]
    webhook_id = f"alert-{number}"
    end = at + rng.choices((60, 300, 900), (60, 30, 10))[0]
    patience = 1 if night.chance(0.06) else 30

    def report(delay: float, webhook: str, fields: dict[str, Any]) -> None:
        night.later(delay, lambda: room.report(patience, webhook, **fields))

    report(at, webhook_id, alert)
    if night.chance(0.15 * talk):
        report(at + rng.uniform(0.5, 300), webhook_id, alert)
    if night.chance(0.03 * talk):
        report(at + rng.uniform(0.5, 100), webhook_id, alert | {"summary": "other"})
    if night.chance(0.2 * talk):
        again, other = at + rng.uniform(0.5, 100), alert | {"reference": f"{reference}-again"}
        report(again, f"again-{number}", other)
        desk, then = night.dispatcher, "merges"
        if night.chance(0.3):
            # It is about the suspect: of the same case, and not the same event.
            other["flags"], then = {"suspect_side": True}, "links"
        night.later(again + rng.uniform(1, 300), lambda: desk.does(then))
        if night.chance(0.4):
            night.later(again + rng.uniform(100, 600), lambda: desk.does("takes apart"))
    for _ in range(rng.randint(1, 2) if night.chance(0.25) else 0):
        caller = rng.choice(list(night.owners))
        night.later(at + rng.uniform(1, 300), Call, night, caller)
    if night.chance(0.2 * talk):
        report(at + rng.uniform(-5, 400), "", alert | _update(night))
    if night.chance(0.15 * talk):
        begins = -min(at, 20.0) if night.chance(0.25) else rng.uniform(1, 500)
        report(at + begins, "", {"type": "cancel", "reference": reference})
    return end


def _update(night: "Night") -> dict[str, Any]:
    rng = night.rng
    update: dict[str, Any] = {"type": "update", "priority": rng.choice((1, 2, None))}
    if night.chance(0.5):
        update["category"] = rng.choice(list(_CATEGORIES))
    if night.chance(0.3):
        update["place"] = {"address": "Burchtstraat 1"}
    return update


def _others(night: "Night") -> float:
    """Draw what else people do; return when the last of it is done."""
    rng, end = night.rng, 0.0
    deeds: list[tuple[float, int, Any]] = [
        (0.30, 3, night.dispatcher.act),
        (0.10, 1, night.dispatcher.looks),
        (0.20, 2, night.planner.act),
        (0.05, 1, night.control_room.rubbish),
        (0.04, 1, lambda: night.control_room.report(type="test")),
        (0.06, 2, lambda: _stranger(night)),
    ]
    for probability, most, deed in deeds:
        if night.chance(probability):
            for _ in range(rng.randint(1, most)):
                at = rng.uniform(1, 60) if night.chance(0.6) else rng.uniform(60, 700)
                night.later(at, deed)
                end = max(end, at + 20)
    return end


def _stranger(night: "Night") -> None:
    """Somebody whom nobody knows texts a code that is right, or nothing of the kind."""
    codes = night.rows.execute("SELECT code FROM page WHERE ended_at IS NULL AND code <> ''")
    code = next((row[0] for row in codes), "")
    body = f"yes {code}" if code and night.chance(0.6) else "who is this?"
    number = "+32470999999"
    night.phones.setdefault(number, Phone(night, number, "absent"))
    night.say("a stranger texts")
    night.suppliers[0].texted(number, body)


def _dials_in(night: "Night") -> None:
    """Somebody reports by keys: from the control room, from elsewhere, or from an officer's."""
    number = night.rng.choice((CONTROL_ROOM, "+32499000111", NUMBERS["An"]))
    Call(night, number, reports=True)


def _troubles(night: "Night") -> None:
    """Draw what happens to machines, clocks and the supplier."""
    rng, violence = night.rng, night.violence
    for life in night.lives:
        if night.chance(0.15 * violence):
            night.later(rng.uniform(0, 120), life.die)
        if night.chance(0.15 * violence):
            night.later(rng.uniform(0, 120), life.freeze, rng.uniform(1, 60))
    if night.chance(0.1 * violence):
        night.later(rng.uniform(0, 200), night.set_clock, _step(night))
    for supplier in night.suppliers:
        if night.chance(0.15 * supplier.trouble):
            at, lasts = rng.uniform(0, 60), rng.uniform(5, 240)
            state = rng.choice(("gone", "refusing", "mute"))
            night.later(at, supplier.turn, state)
            night.later(at + lasts, supplier.turn, "up")


def _step(night: "Night") -> float:
    size = night.rng.choice((3.0, 20.0, 90.0, 3600.0))
    return size * night.rng.choice((-1, 1)) * night.rng.uniform(0.5, 1)
