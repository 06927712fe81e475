"""What a venue's word changes about an order of ours: the transition table, applied to what is recorded."""

from __future__ import annotations

import decimal
from dataclasses import dataclass

from core.journal.records import Order
from core.orders import (
    AT_VENUE,
    TERMINAL,
    Fill,
    IllegalTransition,
    OrderReport,
    OrderStatus,
    Side,
    advance,
)
from core.values import Base, Quote, decimal_text

_REPORTABLE = AT_VENUE | {
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.EXPIRED,
    OrderStatus.REJECTED,
}
_KEEPS_LATE_FILLS = frozenset(
    {OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED, OrderStatus.NEVER_ACCEPTED}
)
_DISPLAY = decimal.Context(prec=16)


def next_status(current: OrderStatus, new: OrderStatus) -> OrderStatus:
    """Return `new` when the table allows it. Raises IllegalTransition.

    An intent on disk may have been sent the moment after, so it stands for SUBMITTED as well: only ABANDONED,
    provably unsent, leaves INITIALIZED directly. That saves a second fsync before each order.
    """
    if current is OrderStatus.INITIALIZED and new is not OrderStatus.ABANDONED:
        current = advance(current, OrderStatus.SUBMITTED)
    return new if new is current else advance(current, new)


@dataclass(frozen=True, slots=True)
class Change:
    """What an order becomes. `completes`: it has ended with something executed, for the first time."""

    status: OrderStatus
    executed_quantity: Base
    executed_quote: Quote
    late: bool
    completes: bool


def change_by(order: Order, report: OrderReport) -> Change | None:
    """Return what a report changes, None when it says nothing new.

    A fill after the end is late: the order does not reopen. Raises IllegalTransition when the report is about
    another order, claims more than was asked for, or leads where the table does not.
    """
    _refuse_other_order(order, report)
    grown = report.executed_quantity > order.executed_quantity
    late = grown and order.status in _KEEPS_LATE_FILLS
    status = order.status if late else next_status(order.status, report.status)
    if not grown and status is order.status and order.venue_order_id == report.venue_order_id:
        return None
    if grown:
        return change_to(order, status, report.executed_quantity, report.executed_quote, late=late)
    return change_to(order, status, order.executed_quantity, order.executed_quote, late=late)


def change_to(order: Order, status: OrderStatus, quantity: Base, quote: Quote, *, late: bool) -> Change:
    """Return the change to a status with this much executed."""
    had_ended = order.status in TERMINAL and order.executed_quantity.value > 0
    has_ended = status in TERMINAL and quantity.value > 0
    return Change(status, quantity, quote, late=late, completes=has_ended and not had_ended)


def _refuse_other_order(order: Order, report: OrderReport) -> None:
    request = order.intent.request
    ours = (order.client_order_id, request.symbol, request.side)
    theirs = (report.client_order_id, report.symbol, report.side)
    if ours != theirs:
        raise IllegalTransition(f"a report about {theirs} cannot change {ours}")
    if order.venue_order_id not in (None, report.venue_order_id):
        # A client_order_id is unique only among open orders: this would be a second order under our name.
        known, told = order.venue_order_id, report.venue_order_id
        raise IllegalTransition(
            f"{order.client_order_id} is {known} at the venue, the report is about {told}"
        )
    if report.status not in _REPORTABLE:
        raise IllegalTransition(f"a venue cannot report {order.client_order_id} as {report.status}")
    if report.executed_quantity > request.quantity:
        executed, wanted = report.executed_quantity, request.quantity
        raise IllegalTransition(f"{order.client_order_id} executed {executed} of {wanted}")


def refuse_strange_fill(order: Order, fill: Fill) -> None:
    """Raise IllegalTransition when a fill cannot belong to the order."""
    if (fill.symbol, fill.side) != (order.symbol, order.side) or fill.quantity.value <= 0:
        raise IllegalTransition(f"{fill} is not a fill of {order.client_order_id}")


def report_payload(order: Order, report: OrderReport, change: Change) -> dict[str, object]:
    """Return the event of a report; `trade` is what the audit log shows when the order completes."""
    return {
        "client_order_id": order.client_order_id,
        "venue_order_id": report.venue_order_id,
        "status": change.status,
        "executed_quantity": change.executed_quantity.value,
        "executed_quote": change.executed_quote.value,
        "ts_event_ms": report.ts_event_ms,
        "late": change.late,
        "trade": _trade(order, report, change) if change.completes else None,
    }


def _trade(order: Order, report: OrderReport, change: Change) -> dict[str, object]:
    quantity, quote = change.executed_quantity.value, change.executed_quote.value
    side: Side = order.side
    return {
        "stage": order.context.get("stage"),
        "symbol": order.symbol,
        "side": side,
        "orderId": report.venue_order_id,
        "clientOrderId": order.client_order_id,
        "quantity": quantity,
        "price": decimal_text(_DISPLAY.divide(quote, quantity)),
        "quoteQty": quote,
        "dryRun": order.intent.dry_run,
        "lambda": order.context.get("lambda"),
        "gamma": order.context.get("gamma"),
    }


def fill_payload(order: Order, fill: Fill) -> dict[str, object]:
    """Return the event of one fill."""
    return {
        "client_order_id": order.client_order_id,
        "symbol": fill.symbol,
        "dry_run": order.intent.dry_run,
        "trade_id": fill.trade_id,
        "venue_order_id": fill.venue_order_id,
        "side": fill.side,
        "price": fill.price,
        "quantity": fill.quantity.value,
        "fee": fill.fee.amount,
        "fee_asset": fill.fee.currency,
        "liquidity": fill.liquidity,
        "ts_event_ms": fill.ts_event_ms,
        **({} if fill.fee_price is None else {"fee_price": fill.fee_price}),
    }
