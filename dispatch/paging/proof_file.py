"""A proof of alert as a file: a table for people, a document for machines, and checking either.

What leaves is signed off by the record itself: the audit keeps the file's SHA-256 with who took it
along and when, and the chain of hashes keeps the audit. `check` says of a file whether it left here
as it is, and whether every entry that it rests on still stands in the chain where it says.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from dispatch import audit
from dispatch.audit import Actor, Link
from dispatch.db import Session
from dispatch.errors import Invalid
from dispatch.paging.proof import Asked, Proof
from dispatch.paging.proof_gaps import Figure, Gap

FORMAT = "dispatch-proof-1"
_EXPORTED = "proof.exported"
_HASH = hashlib.sha256


def document(
    proof: Proof,
    figures: Iterable[Figure],
    gaps: Iterable[Gap],
    evidence: Sequence[Link],
    made: Mapping[str, str],
) -> bytes:
    """Return the whole proof with the entries of the audit that it rests on, as JSON."""
    content = {
        "format": FORMAT,
        "reference": proof.reference,
        "drill": proof.drill,
        "received_at": proof.began_at,
        "policies": [asdict(one) for one in proof.followed],
        "figures": {one.name: one.seconds for one in figures},
        "gaps": [asdict(one) for one in gaps],
        "people": [_person(asked) for asked in proof.asked],
        "instants": [_present(asdict(one)) for one in proof.instants],
        "audit": {"subject": f"incident:{proof.reference}", "entries": list(map(asdict, evidence))},
        "made": dict(made),
    }
    text = json.dumps(content, ensure_ascii=False, indent=2, default=_plain)
    return f"{text}\n".encode()


def _person(asked: Asked) -> dict[str, Any]:
    found = asdict(asked)
    found["messages"] = [_present(one) for one in found["messages"]]
    return found


def _present(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what was not opened, so that nobody takes it for empty."""
    return {
        key: value
        for key, value in values.items()
        if not (key in ("text", "own_words") and value is None)
    }


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be part of a proof")


def rows(proof: Proof, words: Sequence[str]) -> Iterator[list[str]]:
    """Yield the table: `words` at the head, then each instant with its seconds, in order."""
    yield list(words)
    for one in proof.instants:
        told = f"{one.text} “{one.own_words}”" if one.own_words else one.text
        yield [one.at.isoformat(), f"{one.seconds:.3f}", one.kind, told, one.message]


def sign_off(
    session: Session,
    reference: str,
    content: bytes,
    kind: str,
    actor: Actor,
    now: datetime,
    *,
    words: bool,
) -> None:
    """Keep in the audit that this very file was taken along."""
    details = {"sha256": _HASH(content).hexdigest(), "kind": kind, "words": words}
    audit.record(session, actor, _EXPORTED, f"incident:{reference}", details, now)


def check(session: Session, content: bytes) -> Iterator[str]:
    """Say what is wrong with a file: it is not ours, was changed, or the record was.

    Raises Invalid for what is no proof at all.
    """
    digest = _HASH(content).hexdigest()
    ours = [one for one, said in audit.details_of(session, _EXPORTED) if said["sha256"] == digest]
    if not ours:
        yield "The file was changed since it was taken from here, or never was."
    if content.lstrip()[:1] == b"{":
        yield from _check_entries(session, *_read(content))


def _read(content: bytes) -> tuple[str, list[Mapping[str, Any]]]:
    """Return the subject and its entries, each of them with everything that one has."""
    try:
        found = json.loads(content)
        kept = found["audit"]
        entries: list[Mapping[str, Any]] = [dict(entry) for entry in kept["entries"]]
        if found["format"] == FORMAT and all(map(_is_whole, entries)):
            return str(kept["subject"]), entries
    except (ValueError, KeyError, TypeError):
        pass
    raise Invalid("This is no proof of alert of this version.")


def _is_whole(entry: Mapping[str, Any]) -> bool:
    return {one.name for one in fields(Link)} <= entry.keys() and isinstance(entry["uid"], str)


def _check_entries(
    session: Session, subject: str, entries: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    """Compare each entry in the file with the chain as it is now."""
    here = {link.uid: link for link in audit.evidence(session, subject)}
    for entry in entries:
        link = here.get(entry["uid"])
        now = json.loads(json.dumps(asdict(link), default=_plain)) if link is not None else None
        if now is None:
            yield f"Entry {entry['entry_id']} ({entry['action']}) is not in the record."
        elif entry["position"] is None:
            # Not linked when the file was made, a second at most after it was written.
            now |= {name: entry[name] for name in ("position", "previous", "hash")}
        if now is not None and now != entry:
            yield f"Entry {entry['entry_id']} ({entry['action']}) differs from the record."
