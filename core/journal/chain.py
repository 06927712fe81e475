"""The hash chain: every event carries a hash over itself and everything before it.

hash = SHA-256(previous hash ‖ canonical record); the record is canonical JSON of account, kind, payload,
sequence and time. Before the first event stands a hash of 32 zero bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

from core.journal.records import Finding
from core.values import decimal_text

GENESIS = bytes(32)

_AS_IT_IS = frozenset({type(None), bool, int})

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the journal. `payload`: JSON-ready, numbers that are not counts as decimal text."""

    sequence: int
    time_ms: int
    kind: str
    account: str | None
    payload: Mapping[str, Any]


def plain(value: object, *, floats_as_text: bool = False) -> Any:
    """Return a value as JSON-ready data: Decimal and enum become text, tuples become lists.

    Raises TypeError for anything else, also for a float unless it is only an annotation (Λ and Γ).
    """
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, list | tuple):
        return [plain(item, floats_as_text=floats_as_text) for item in value]
    if isinstance(value, Mapping):
        return {_storable(key): plain(item, floats_as_text=floats_as_text) for key, item in value.items()}
    if floats_as_text and isinstance(value, float):
        return repr(float(value))
    raise TypeError(f"the journal does not take {type(value).__name__} {value!r}")


def _storable(text: str) -> str:
    """Return a plain string; half a surrogate pair, which a database does not take, is spelled out."""
    text = str(text)
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def canonical_json(value: object) -> str:
    """Return the one text of JSON-ready data: sorted keys, no spaces, ASCII."""
    return _encode(value)


def link(
    previous: bytes, *, sequence: int, time_ms: int, kind: str, account: str | None, payload: str
) -> bytes:
    """Return the hash of an event. `payload` is canonical JSON already."""
    record = (
        f'{{"account":{_encode(account)},"kind":{_encode(kind)},"payload":{payload},'
        f'"sequence":{sequence},"time_ms":{time_ms}}}'
    )
    return sha256(previous + record.encode()).digest()


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as its row holds it, not yet believed: a damaged file can hold any type in any column."""

    sequence: Any
    time_ms: Any
    kind: Any
    account: Any
    payload: Any
    hash: Any

    def event(self) -> Event:
        """Return the event. Raises ValueError when the payload is not JSON."""
        return Event(self.sequence, self.time_ms, self.kind, self.account, json.loads(self.payload))

    def follows(self, previous: bytes) -> bool:
        """Tell whether the hash is that of this event after `previous`."""
        try:
            expected = link(
                previous,
                sequence=self.sequence,
                time_ms=self.time_ms,
                kind=self.kind,
                account=self.account,
                payload=self.payload,
            )
        except (TypeError, ValueError):
            return False
        return bool(self.hash == expected)


def chain_findings(rows: Iterable[StoredEvent]) -> Iterator[Finding]:
    """Name every event that was altered, removed or put in. Rows come in order of sequence.

    After a wrong hash the check goes on from the stored one, so that one alteration is one finding. A cut-off
    end, or a chain rewritten from its start, can only be seen by comparing with a hash kept elsewhere.
    """
    previous, expected = GENESIS, 1
    for row in rows:
        if row.sequence != expected:
            yield Finding("EVENT_MISSING", f"event {expected} is missing; the next one is {row.sequence}")
        elif not row.follows(previous):
            yield Finding("EVENT_ALTERED", f"event {row.sequence} does not match its hash")
        previous = row.hash if isinstance(row.hash, bytes) else GENESIS
        expected = row.sequence + 1
