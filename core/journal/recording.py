"""The order path's entries: an intent before it is sent, and whatever is learned of it afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from core.account import AccountKey
from core.ids import client_order_id, is_ours
from core.journal import outcomes, queries
from core.journal import statements as sql
from core.journal.accounts import is_noted
from core.journal.chain import plain
from core.journal.records import Order
from core.journal.store import Append, Store
from core.orders import (
    Fill,
    IllegalTransition,
    Intent,
    OrderReport,
    OrderRequest,
    OrderStatus,
    SendOnce,
)

if TYPE_CHECKING:
    from core.risk.approval import Approved

Context = Mapping[str, object]


def denied(
    store: Store,
    account: AccountKey,
    request: OrderRequest,
    reason_code: str,
    message: str,
    dry_run: bool,
    context: Context,
) -> None:
    payload = {
        **_request(request),
        "reason_code": reason_code,
        "message": message,
        "dry_run": dry_run,
        "context": plain(context, floats_as_text=True),
    }
    store.write(lambda append: append("DENIED", str(account), payload), may_use_reserve=False)


def intents(
    store: Store,
    installation_id: str,
    approvals: Sequence[Approved],
    account: AccountKey,
    timestamp_ms: int,
    recv_window_ms: int,
    dry_run: bool,
    context: Context,
) -> tuple[SendOnce, ...]:
    """Make intents durable together, with the journal's next sequences; return the permissions to send them.

    Their lines in the audit log come with the next one: before sending, only the disk is waited for.
    An approval becomes one intent: raises AlreadySpent the second time, also when the first was not written.
    """
    payloads = [intent_payload(each, timestamp_ms, recv_window_ms, dry_run, context) for each in approvals]
    requests = [each.spend() for each in approvals]

    def one(append: Append, request: OrderRequest, payload: Mapping[str, object]) -> Intent:
        if not is_noted(store, account, request.symbol):
            raise ValueError(f"{request.symbol} was not noted for {account}; call note_symbol first")
        sequence = next_sequence(store)
        name = client_order_id(installation_id, sequence)
        identity = {"client_order_id": name, "sequence": sequence}
        event = append("INTENT", str(account), {**identity, **payload})
        return Intent(
            client_order_id=name,
            sequence=sequence,
            account=account,
            request=request,
            timestamp_ms=timestamp_ms,
            recv_window_ms=recv_window_ms,
            created_ms=event.time_ms,
            dry_run=dry_run,
        )

    def body(append: Append) -> list[Intent]:
        return [one(append, *each) for each in zip(requests, payloads, strict=True)]

    increases_risk = any(request.purpose.increases_risk for request in requests)
    recorded = store.write(body, may_use_reserve=not increases_risk, log_later=True)
    return tuple(SendOnce(intent) for intent in recorded)


def next_sequence(store: Store) -> int:
    """Return the number of the next order, within the transaction that writes it."""
    row = store.row(sql.NEXT_ORDER_SEQUENCE)
    return 1 if row is None else int(row["sequence"])


def kept_intent(
    store: Store, installation_id: str, account: AccountKey, payload: Mapping[str, object]
) -> bool:
    """Write down an intent that was kept elsewhere while the journal could not take it; tell if it is new."""
    name = str(payload["client_order_id"])
    if not is_ours(name, installation_id):
        return False

    def body(append: Append) -> bool:
        if queries.order(store, name) is not None:
            return False
        append("INTENT", str(account), payload)
        return True

    return store.write(body)


def intent_payload(
    approved: Approved, timestamp_ms: int, recv_window_ms: int, dry_run: bool, context: Context
) -> dict[str, object]:
    """Return the event of an intent, without the name it gets."""
    return {
        **_request(approved.request),
        "timestamp_ms": timestamp_ms,
        "recv_window_ms": recv_window_ms,
        "dry_run": dry_run,
        "context": plain(context, floats_as_text=True),
        "approved_on": approved.numbers,
    }


def outcome(store: Store, name: str, status: OrderStatus, kind: str, payload: Mapping[str, object]) -> None:
    """Write down that an order became `status`. Raises IllegalTransition, LookupError for an unknown name."""

    def body(append: Append) -> None:
        order = known(store, name)
        outcomes.next_status(order.status, status)
        append(kind, str(order.account), {"client_order_id": name, **payload})

    store.write(body)


def report(store: Store, name: str, told: OrderReport) -> tuple[Fill, ...]:
    """Write down what a report adds to what is known, and return the fills that are new."""

    def body(append: Append) -> tuple[Fill, ...]:
        order = known(store, name)
        change = outcomes.change_by(order, told)
        fresh = tuple(fill for fill in told.fills if not is_recorded(store, order, fill))
        for fill in fresh:
            append("FILL", str(order.account), outcomes.fill_payload(order, fill))
        if change is not None:
            append("REPORT", str(order.account), outcomes.report_payload(order, told, change))
        return fresh

    return store.write(body)


def known(store: Store, name: str) -> Order:
    """Return an order of ours. Raises LookupError."""
    order = queries.order(store, name)
    if order is None:
        raise LookupError(f"the journal has no order {name}")
    return order


def is_recorded(store: Store, order: Order, fill: Fill) -> bool:
    """Tell whether a fill is recorded. Raises IllegalTransition when it is, but otherwise or elsewhere."""
    outcomes.refuse_strange_fill(order, fill)
    row = store.row(sql.FILL, (str(order.account), fill.symbol, int(order.intent.dry_run), fill.trade_id))
    if row is None:
        return False
    known = (row["client_order_id"], Decimal(row["price"]), Decimal(row["quantity"]))
    if known != (order.client_order_id, fill.price, fill.quantity.value):
        raise IllegalTransition(f"trade {fill.trade_id} on {fill.symbol} was recorded as {known}")
    return True


def _request(request: OrderRequest) -> dict[str, object]:
    return {
        "symbol": request.symbol,
        "side": request.side,
        "order_type": request.order_type,
        "quantity": request.quantity.value,
        "price": request.price,
        "time_in_force": request.time_in_force,
        "purpose": request.purpose,
        "decision_price": request.decision_price,
        "stop_price": request.stop_price,
    }
