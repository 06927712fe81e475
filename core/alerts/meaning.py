"""What an entry of the journal means to somebody who is asleep: one sentence, and the command to type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.alerts.alert import Alert, sentence
from core.reconciliation.classes import BreakClass

if TYPE_CHECKING:
    from core.journal import Order
    from core.journal.chain import Event

STUCK, SUSPICIOUS, ROTATION = (
    f"trader runbook {name}" for name in ("stuck-order", "suspicious-activity", "key-rotation")
)
ADDRESS_TEXT = 12
"""How many characters of an address are shown: enough to compare, too few to pay to."""

_NO_BREAKS = frozenset(each.value for each in BreakClass if not each.is_break)

Told = Mapping[str, Any]
OrderNamed = Callable[[str], "Order | None"]
"""client_order_id -> the order as the journal knows it."""


@dataclass(frozen=True, slots=True)
class _Meaning:
    """`what`: the sentence, "" where an entry is of no interest. `about`: the subject within the kind."""

    code: str
    title: str
    command: str
    what: Callable[[Told, OrderNamed], str]
    about: Callable[[Told], object]
    urgent: bool = False


def _order_text(told: Told, order_named: OrderNamed) -> str:
    """Name an order by what it does; by its name alone where the journal has none of it."""
    name = told.get("client_order_id", "an order")
    order = order_named(str(name))
    if order is None:
        return f"order {name}"
    return f"{order.side} {order.quantity} {order.symbol} (order {name})"


def _is_simulated(told: Told, order_named: OrderNamed) -> bool:
    order = order_named(str(told.get("client_order_id")))
    return order is not None and order.intent.dry_run


def _denied(told: Told, _: OrderNamed) -> str:
    if told.get("dry_run"):
        return ""
    order = f"{told.get('side', 'order')} {told.get('quantity', '')} {told.get('symbol', '')}"
    return f"{order} was denied and not sent: {told.get('message') or told.get('reason_code', '')}"


def _rejected(told: Told, order_named: OrderNamed) -> str:
    if _is_simulated(told, order_named):
        return ""
    said = f"{told.get('venue_text', '')} ({told.get('venue_code', 'no code')})"
    return f"The venue rejected {_order_text(told, order_named)}, nothing was traded: {said}"


def _unknown(told: Told, order_named: OrderNamed) -> str:
    if _is_simulated(told, order_named):
        return ""
    order = _order_text(told, order_named)
    return f"Nobody knows whether {order} was executed, do not send it again: {told.get('reason', '')}"


def _quarantined(told: Told, _: OrderNamed) -> str:
    return f"{told.get('symbol')} is in quarantine, nothing is bought there: {told.get('reason', '')}"


def _late_find(told: Told, order_named: OrderNamed) -> str:
    executed = f"{told.get('executed_quantity', '?')} {told.get('symbol', '')} executed"
    return f"{_order_text(told, order_named)}, given up, is at the venue after all: {executed}"


def _late_fill(told: Told, order_named: OrderNamed) -> str:
    if not told.get("late") or _is_simulated(told, order_named):
        return ""
    order = _order_text(told, order_named)
    return f"{order} was filled after it had ended: {told.get('executed_quantity')} is executed now"


def _break(told: Told, _: OrderNamed) -> str:
    found = told.get("class", "")
    if found in _NO_BREAKS:
        return ""
    return f"The books differ from the venue's, {found}: {told.get('explanation', '')}"


def _intruder(told: Told, _: OrderNamed) -> str:
    found = list(told.get("breaks", {}).values())
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return f"Somebody else acted on the account: {found[0] if found else 'see the books'}{more}"


def _address_changed(told: Told, _: OrderNamed) -> str:
    shown = f"{str(told.get('address', ''))[:ADDRESS_TEXT]}…"
    return (
        f"The deposit address of {told.get('coin')} on {told.get('network')} changed to {shown}: send nothing"
    )


def _stopped(told: Told, _: OrderNamed) -> str:
    state = told.get("state")
    return "" if state == "ACTIVE" else f"Trading is {state}: {told.get('reason', '')}"


def _restored(told: Told, _: OrderNamed) -> str:
    previous = told.get("previous")
    return (
        f"This home goes on from a backup of installation {previous}, which must never trade again: "
        "it is halted until a comparison finds no difference"
    )


def _breaker(told: Told, _: OrderNamed) -> str:
    return f"The breaker {told.get('breaker')} tripped, nothing is bought: {told.get('reason', '')}"


def _refused(told: Told, _: OrderNamed) -> str:
    closed = f"stage {told.get('stage')} is closed by {', '.join(told.get('gates', ()))}"
    return f"Refused{f' on {symbol}' if (symbol := told.get('symbol')) else ''}: {told.get('why') or closed}"


def _unproven(told: Told, _: OrderNamed) -> str:
    return f"The key {told.get('old', '')} was replaced, but nobody proved that it is dead"


def _exposed(told: Told, _: OrderNamed) -> str:
    return f"The key {told.get('fingerprint', '')} counts as exposed: {told.get('reason', '')}"


def _passed(told: Told, _: OrderNamed) -> str:
    return f"Stage {told.get('stage')} was passed on {told.get('symbol')} with {told.get('trades')} trade(s)"


def _field(*names: str) -> Callable[[Told], object]:
    return lambda told: " ".join(str(told[name]) for name in names if told.get(name) is not None)


_ORDER = _field("client_order_id")

_MEANINGS: Mapping[str, _Meaning] = {
    "DENIED": _Meaning(
        "ORDER_DENIED", "An order was denied", "trader status", _denied, _field("symbol", "reason_code")
    ),
    "REJECTED": _Meaning(
        "ORDER_REJECTED", "An order was rejected", "trader check", _rejected, _field("venue_code")
    ),
    "UNKNOWN": _Meaning("OUTCOME_UNKNOWN", "An order's outcome is unknown", STUCK, _unknown, _ORDER, True),
    "QUARANTINED": _Meaning(
        "QUARANTINED", "A symbol is in quarantine", STUCK, _quarantined, _field("symbol"), True
    ),
    "LATE_FIND": _Meaning("LATE_FIND", "An order given up was found", STUCK, _late_find, _ORDER, True),
    "REPORT": _Meaning("LATE_FILL", "An order was filled late", "trader status", _late_fill, _ORDER, True),
    "BREAK": _Meaning("BREAK", "The books differ", "trader reconcile", _break, _field("break_id")),
    "INTRUDER_ALARM": _Meaning(
        "INTRUDER", "Somebody else acted", SUSPICIOUS, _intruder, lambda told: sorted(told["breaks"]), True
    ),
    "ADDRESS_CHANGED": _Meaning(
        "ADDRESS_CHANGED",
        "A deposit address changed",
        SUSPICIOUS,
        _address_changed,
        _field("coin", "network"),
        True,
    ),
    "TRADING_STATE": _Meaning(
        "TRADING_STOPPED", "Trading was stopped", "trader status", _stopped, _field("state", "reason")
    ),
    "RESTORED": _Meaning(
        "RESTORED",
        "A backup was restored",
        "trader runbook recovery",
        _restored,
        _field("installation_id"),
        True,
    ),
    "BREAKER_LATCHED": _Meaning(
        "BREAKER_LATCHED", "A breaker tripped", "trader status", _breaker, _field("breaker")
    ),
    "GATE_CLOSED": _Meaning(
        "GATE_REFUSED", "A stage was refused", "trader check", _refused, _field("stage", "symbol", "gates")
    ),
    "KEY_UNPROVEN": _Meaning("KEY_UNPROVEN", "An old key may live", ROTATION, _unproven, _field("old")),
    "KEY_EXPOSED": _Meaning("KEY_EXPOSED", "A key is exposed", ROTATION, _exposed, _field("fingerprint")),
    "EVIDENCE": _Meaning(
        "STAGE_PASSED", "A stage was passed", "trader runbook live-launch", _passed, _field("evidence_id")
    ),
}
TOLD_KINDS = tuple(_MEANINGS)


def alert_of(event: Event, order_named: OrderNamed) -> Alert | None:
    """Return what to tell of an entry, None when nothing.

    An entry that an older version wrote otherwise is told by its title: silence would be worse.
    """
    meaning = _MEANINGS.get(event.kind)
    if meaning is None:
        return None
    try:
        what, about = meaning.what(event.payload, order_named), meaning.about(event.payload)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        what, about = f"{meaning.title}, entry {event.sequence} of the journal", event.sequence
    if not what:
        return None
    return Alert(
        code=meaning.code,
        title=meaning.title,
        text=sentence(what, event.account, meaning.command),
        urgent=meaning.urgent,
        subject=f"{meaning.code} {event.account or ''} {about}",
        time_ms=event.time_ms,
    )
