"""The hash chain: every event carries a hash over itself and everything before it.

hash = SHA-256(previous hash ‖ canonical record); the record is canonical JSON of account, kind, payload,
sequence and time. Before the first event stands a hash of 32 zero bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
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


@lru_cache(maxsize=1_000)
def _quoted(text: str | None) -> str:
    return _encode(text)


def link(
    previous: bytes, *, sequence: int, time_ms: int, kind: str, account: str | None, payload: str
) -> bytes:
    """Return the hash of an event. `payload` is canonical JSON already."""
    record = (
        f'{{"account":{_quoted(account)},"kind":{_quoted(kind)},"payload":{payload},'
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

    def follows(self, previous: bytes, *, renumbered: int = 0) -> bool:
        """Tell whether the hash is that of this event after `previous`, numbered higher by so much."""
        expected = self.hash_after(previous, renumbered=renumbered)
        return expected is not None and bool(self.hash == expected)

    def hash_after(self, previous: bytes, *, renumbered: int = 0) -> bytes | None:
        """Return the hash that this event has after `previous`, None when its columns can have none."""
        try:
            return link(
                previous,
                sequence=self.sequence + renumbered,
                time_ms=self.time_ms,
                kind=self.kind,
                account=self.account,
                payload=self.payload,
            )
        except (TypeError, ValueError):
            return None


class ChainCheck:
    """Names every event that was altered, removed, put in or moved. Events come in order of sequence.

    After a wrong event it goes on from the hash that is stored or from the one that would be right, so that
    one alteration is one finding. A cut-off end, or a chain rewritten from its start, can only be seen by
    comparing with a hash kept elsewhere.
    """

    def __init__(self) -> None:
        self.newest = 0
        self._previous: tuple[bytes, ...] = (GENESIS,)
        self._before_previous: tuple[bytes, ...] = ()
        self._shift = 0  # by how much events were renumbered, since one was put in or taken out

    def wrong_with(self, event: StoredEvent) -> Finding | None:
        """Return what is wrong with the next event."""
        if event.sequence <= self.newest:
            return Finding("EVENT_INSERTED", f"event {event.sequence} was put in before the first")
        found = self._compared(event)
        hashes = (event.hash,) if found is None else (event.hash, event.hash_after(self._previous[0]))
        self._before_previous = self._previous
        self._previous = tuple(each for each in hashes if isinstance(each, bytes)) or (GENESIS,)
        self.newest = event.sequence
        return found

    def _compared(self, event: StoredEvent) -> Finding | None:
        number, expected = event.sequence, self.newest + 1
        if number != expected:
            gone = (
                f"event {expected} is" if number == expected + 1 else f"events {expected} to {number - 1} are"
            )
            return Finding("EVENT_MISSING", f"{gone} missing, and so event {number} cannot be proven")
        for previous in self._previous:
            if event.follows(previous, renumbered=self._shift):
                return None
        for shift in (0, -1, 1):
            for previous in (*self._previous, *self._before_previous):
                if event.follows(previous, renumbered=shift):
                    self._shift = shift
                    was = f"was event {number + shift}" if shift else "followed another event"
                    return Finding("EVENT_MOVED", f"event {number} {was}: one was put in, taken out or moved")
        return Finding("EVENT_ALTERED", f"event {number} does not match its hash")
