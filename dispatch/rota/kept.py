"""Sentences kept as JSON, to be said later in the language of whoever reads them (pure).

A sentence that is kept names people and days as they were when it was made: what became of them
since does not rewrite it.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from dispatch.texts import Sentence


def written(sentence: str) -> Any:
    """Return a sentence as JSON."""
    if not isinstance(sentence, Sentence):
        return {"say": str(sentence)}
    return {"say": sentence.text, "facts": {key: _out(one) for key, one in sentence.facts.items()}}


def read(kept: Mapping[str, Any]) -> Sentence:
    """Return a sentence that was written."""
    facts = {key: _in(one) for key, one in kept.get("facts", {}).items()}
    # Without facts nothing is put into it, so a sign of per cent in it is only that.
    return Sentence(kept["say"], **facts) if facts else Sentence(kept["say"].replace("%", "%%"))


def _out(fact: object) -> Any:
    if isinstance(fact, Sentence):
        return written(fact)
    if isinstance(fact, datetime):
        return {"at": fact.isoformat()}
    if isinstance(fact, date):
        return {"on": fact.isoformat()}
    if isinstance(fact, Mapping):
        return {"names": dict(fact)}
    if isinstance(fact, tuple):
        return [_out(one) for one in fact]
    return fact if isinstance(fact, int | float | str) else str(fact)


def _in(kept: Any) -> object:
    if isinstance(kept, list):
        return tuple(_in(one) for one in kept)
    if not isinstance(kept, Mapping):
        return kept
    if "say" in kept:
        return read(kept)
    if "at" in kept:
        return datetime.fromisoformat(kept["at"])
    return date.fromisoformat(kept["on"]) if "on" in kept else kept["names"]
