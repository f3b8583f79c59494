"""Reads TwiML, the little language in which a call is told what to do.

Only the verbs that a page needs: Say, Pause, Gather, Dial, Redirect, Hangup. Promise: anything
else, and anything that is no XML, raises `Unreadable`, as the real supplier ends such a call with
an error.
"""

from dataclasses import dataclass
from xml.etree import ElementTree


class Unreadable(Exception):
    """Not a document that a call can follow."""


@dataclass(frozen=True)
class Say:
    """Speak a text."""

    text: str


@dataclass(frozen=True)
class Gather:
    """Speak, and wait for keys."""

    texts: tuple[str, ...]
    action: str
    timeout: float
    digits: int
    """How many end it; 0: only `finish` does."""
    finish: str = "#"

    def heard(self, keys: str) -> tuple[str, str] | None:
        """Return what these keys say and what comes after it; None while more are awaited."""
        for at, key in enumerate(keys):
            if key == self.finish:
                return keys[:at], keys[at + 1 :]
            if at + 1 == self.digits:
                return keys[: at + 1], keys[at + 1 :]
        return None


@dataclass(frozen=True)
class Dial:
    """Connect the call with another telephone."""

    number: str
    ring_seconds: float


@dataclass(frozen=True)
class Redirect:
    """Go on with the document at this address."""

    url: str


@dataclass(frozen=True)
class Hangup:
    """End the call."""


Verb = Say | Gather | Dial | Redirect | Hangup


def parse(document: str) -> list[Verb]:
    """Read a document into the verbs that matter; raise `Unreadable`."""
    try:
        # Written by the product under test, on this machine.
        root = ElementTree.fromstring(document)  # noqa: S314
    except ElementTree.ParseError as error:
        raise Unreadable(f"no XML: {error}") from None
    if root.tag != "Response":
        raise Unreadable(f"<{root.tag}> instead of <Response>")
    try:
        return [verb for verb in map(_verb, root) if verb is not None]
    except ValueError as error:
        raise Unreadable(f"not a number: {error}") from None


def spoken(verbs: list[Verb]) -> str:
    """Return what a call says, a text said twice in a row only once."""
    texts: list[str] = []
    for verb in verbs:
        if isinstance(verb, Say):
            texts.append(verb.text)
        elif isinstance(verb, Gather):
            texts.extend(verb.texts)
    return " ".join(text for at, text in enumerate(texts) if at == 0 or text != texts[at - 1])


def _verb(element: ElementTree.Element) -> Verb | None:
    match element.tag:
        case "Say":
            return Say(element.text or "")
        case "Pause":
            return None
        case "Gather":
            inner = [_verb(child) for child in element]
            return Gather(
                texts=tuple(verb.text for verb in inner if isinstance(verb, Say)),
                action=element.get("action", ""),
                timeout=float(element.get("timeout", "5")),
                digits=int(element.get("numDigits", "0")),
                finish=element.get("finishOnKey", "#"),
            )
        case "Dial":
            number = element.findtext("Number") or element.text or ""
            return Dial(number.strip(), float(element.get("timeout", "30")))
        case "Redirect":
            return Redirect((element.text or "").strip())
        case "Hangup":
            return Hangup()
        case other:
            raise Unreadable(f"<{other}> is not simulated")
