"""What is said of somebody's circumstances in a case, beside why they are paged (pure).

Kinds and facts as `ranking` notes them; worded when somebody reads them, as all of `sentences`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from babel import Locale

from dispatch import texts
from dispatch.texts import N_

TOLD = {
    "untrained_on_duty": N_("Nobody on duty in %(team)s is trained for this: paging others."),
    "nobody_as_wished": N_("Nobody of %(team)s is what the victim insists on: paging the best."),
    "barred": N_("%(by)s says that these are not to be called for this case: %(people)s."),
    "asked_no_more": N_("%(person)s is asked no more: %(reason)s."),
    "goes_to_both": N_("%(person)s goes to both sides of one case."),
    "goes_though_closed": N_("%(person)s goes, and this case is closed to them."),
    "closed_yes": N_("%(person)s would go (%(via)s), but the case is closed to them."),
}
ALARMS = {
    "untrained_on_duty": N_(
        "Nobody on duty in %(team)s is trained for this: others are paged at once."
    ),
    "goes_to_both": N_("%(person)s goes to both sides of one case: ring, and release them here."),
    "goes_though_closed": N_(
        "%(person)s goes, but a linked incident is closed to them: ring, and release them if so."
    ),
    "nobody_as_wished": N_(
        "Nobody of %(team)s is what the victim insists on: the best there is is paged."
    ),
}
REASONS = {
    "gives_way": N_("%(to)s is called first"),
    "closed": N_("the case is closed to them"),
    "other_side": N_("goes to the other side of this case"),
    "not_as_wished": N_("is not what the victim insists on"),
}
VIA = {"passed_on": N_("passed on")}

#: By the gender that is wished, and whether they are it; None: it is not known.
_GENDER = {
    ("woman", True): N_("a woman as wished"),
    ("man", True): N_("a man as wished"),
    ("woman", False): N_("not a woman as wished"),
    ("man", False): N_("not a man as wished"),
    ("woman", None): N_("not known to be a woman as wished"),
    ("man", None): N_("not known to be a man as wished"),
}
_SPEAKS, _SPEAKS_NOT = N_("speaks %(language)s"), N_("does not speak %(language)s")
_BUSY = N_("on another call-out since %(at)s")
_RESTS = N_("back from a call-out at %(at)s")
_INSTEAD, _UNTRAINED = N_("holds %(qualification)s instead"), N_("but is not trained for this")
_NEAR, _BEYOND = N_("lives near"), N_("asked for the other side of this case as well")


def beside(facts: Mapping[str, Any], language: str, clocks: Mapping[str, str]) -> Iterator[str]:
    """Say what else speaks for or against somebody; `clocks` reads `busy` and `rests`."""
    if facts.get("stands_in"):
        held = facts["stands_in"]
        name = held.get(language) or held["en"]
        yield texts.say(language, _INSTEAD, qualification=name)
    elif facts.get("lacks"):
        yield texts.say(language, _UNTRAINED)
    for wish in facts.get("wishes", ()):
        if wish["wish"] == "language":
            name = Locale.parse(language).languages.get(wish["value"], wish["value"])
            told = _SPEAKS if wish["met"] else _SPEAKS_NOT
            yield texts.say(language, told) % {"language": name}
        else:
            yield texts.say(language, _GENDER[wish["value"], wish["met"]])
    for name, told in (("busy", _BUSY), ("rests", _RESTS)):
        if facts.get(name):
            yield texts.say(language, told, at=clocks[name])
    if facts.get("beyond"):
        yield texts.say(language, _BEYOND)
    if facts.get("near"):
        yield texts.say(language, _NEAR)
