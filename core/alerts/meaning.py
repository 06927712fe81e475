"""What an entry of the journal means to somebody who is asleep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.journal.chain import Event, canonical_json

LONGEST_TEXT = 1_500
_OMITTED = frozenset({"request", "trade", "account"})


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to tell. `urgent`: no limit holds it back. `subject`: the same one is not told again soon."""

    code: str
    title: str
    text: str
    urgent: bool
    subject: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class _Meaning:
    code: str
    title: str
    urgent: bool = False
    applies: Callable[[Mapping[str, Any]], bool] = lambda _: True


_MEANINGS = {
    "DENIED": _Meaning("ORDER_DENIED", "An order was denied by the risk rules"),
    "REJECTED": _Meaning("ORDER_REJECTED", "The venue rejected an order"),
    "UNKNOWN": _Meaning("OUTCOME_UNKNOWN", "The outcome of an order is unknown", urgent=True),
    "QUARANTINED": _Meaning("QUARANTINED", "A symbol is in quarantine", urgent=True),
    "LATE_FIND": _Meaning("LATE_FIND", "An order given up was found at the venue", urgent=True),
    "BREAK": _Meaning("BREAK", "The books differ from the venue's"),
    "INTRUDER_ALARM": _Meaning("INTRUDER", "Somebody else acted on the account", urgent=True),
    "ADDRESS_CHANGED": _Meaning("ADDRESS_CHANGED", "A deposit address changed", urgent=True),
    "TRADING_STATE": _Meaning(
        "TRADING_STOPPED", "Trading was stopped", applies=lambda told: told.get("state") != "ACTIVE"
    ),
    "BREAKER_LATCHED": _Meaning("BREAKER_LATCHED", "A breaker is latched: nothing is bought"),
    "KEY_UNPROVEN": _Meaning("KEY_UNPROVEN", "An old API key is not proven dead"),
    "KEY_EXPOSED": _Meaning("KEY_EXPOSED", "An API key counts as exposed"),
    "EVIDENCE": _Meaning("STAGE_PASSED", "A stage was passed"),
}
TOLD_KINDS = tuple(_MEANINGS)


def alert_of(event: Event) -> Alert | None:
    """Return what to tell of an entry, None when nothing."""
    meaning = _MEANINGS.get(event.kind)
    if meaning is None or not meaning.applies(event.payload):
        return None
    details = {name: value for name, value in event.payload.items() if name not in _OMITTED}
    where = f" on {event.account}" if event.account else ""
    return Alert(
        code=meaning.code,
        title=meaning.title,
        text=f"{meaning.title}{where}: {canonical_json(details)}"[:LONGEST_TEXT],
        urgent=meaning.urgent,
        subject=_subject(meaning.code, event),
        time_ms=event.time_ms,
    )


def _subject(code: str, event: Event) -> str:
    """Name what it is about: alerts of one subject within a while are one alert."""
    told = event.payload
    names = ("client_order_id", "break_id", "breaker", "symbol", "asset")
    about = next((told[name] for name in names if told.get(name)), "")
    if code in ("ORDER_DENIED", "ORDER_REJECTED"):
        about = f"{told.get('symbol', '')} {told.get('code', '')}"
    return f"{code} {event.account or ''} {about}".strip()
