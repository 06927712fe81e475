"""Binance's payloads and how they are read; orders and fills, both ways.

Shapes are declared once, as structs; a payload that has not its shape raises Unreadable and nothing else.
Source: Binance Spot API documents, "Trading endpoints" and "Account endpoints".
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from core.ids import order_list_id
from core.orders import (
    Fill,
    Intent,
    Liquidity,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
    filled_quantity,
)
from core.values import Base, Money, Quote, parse_decimal

T = TypeVar("T")

STATUSES: Final = {
    "NEW": OrderStatus.ACCEPTED,
    "PENDING_NEW": OrderStatus.ACCEPTED,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "PENDING_CANCEL": OrderStatus.PENDING_CANCEL,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}


class Unreadable(ValueError):
    """An answer that has not the shape it should have, or contradicts itself."""


class Payload(msgspec.Struct, rename="camel"):
    """Base of the shapes: Binance spells its fields in camel case; fields we do not name are passed over."""


def shaped(payload: object, shape: type[T]) -> T:
    """Return the payload as the shape. Raises Unreadable."""
    try:
        return msgspec.convert(payload, shape)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Unreadable(str(error)) from None


def parse_nothing(payload: object) -> None:
    """Read the answer of ping and order/test: an empty object. Raises Unreadable."""
    if payload != {}:
        raise Unreadable("an empty object was expected")


def number(text: object, name: str) -> Decimal:
    """Return the exact number, zero or above. Raises Unreadable."""
    try:
        value = parse_decimal(text, name)
    except ValueError as error:
        raise Unreadable(str(error)) from None
    if value < 0:
        raise Unreadable(f"{name} was {value}, below zero")
    return value


@lru_cache(maxsize=4_096)
def _number(text: str, name: str) -> Decimal:
    """As `number`, remembered: in a list of orders most zeros, sizes and prices are the same few."""
    return number(text, name)


class _FillPayload(Payload):
    price: str
    qty: str
    commission: str
    commission_asset: str
    trade_id: int


class _OrderPayload(Payload):
    """The fields that the replies of submit (FULL), query and cancel share."""

    symbol: str
    order_id: int
    client_order_id: str
    price: str
    orig_qty: str
    executed_qty: str
    cummulative_quote_qty: str
    status: str
    type: str
    side: str
    orig_client_order_id: str | None = None
    transact_time: int | None = None
    update_time: int | None = None
    order_list_id: int = -1
    fills: tuple[_FillPayload, ...] = ()


class _OrderNamePayload(Payload):
    symbol: str
    order_id: int
    client_order_id: str


class _TradePayload(Payload):
    symbol: str
    id: int
    order_id: int
    price: str
    qty: str
    commission: str
    commission_asset: str
    time: int
    is_buyer: bool
    is_maker: bool


def parse_order(payload: object) -> OrderReport:
    """Read one order: the FULL reply of a submit, a query, or the reply of a cancel. Raises Unreadable."""
    order = shaped(payload, _OrderPayload)
    side = _one_of(Side, order.side, "side")
    time_ms = order.update_time if order.transact_time is None else order.transact_time
    if time_ms is None:
        raise Unreadable("the order has no time")
    if order.status not in STATUSES:
        raise Unreadable(f"status was {order.status[:40]!r}")
    quantity = _number(order.orig_qty, "origQty")
    executed = _number(order.executed_qty, "executedQty")
    if executed > quantity > 0:
        raise Unreadable(f"executedQty {executed} is above origQty {quantity}")
    fills = tuple(_submit_fill(fill, order, side, time_ms) for fill in order.fills)
    if fills and filled_quantity(fills).value != executed:
        raise Unreadable(f"the fills do not add up to executedQty {executed}")
    return OrderReport(
        symbol=order.symbol,
        # The reply of a cancel has the cancel's own id in clientOrderId.
        client_order_id=order.orig_client_order_id or order.client_order_id,
        venue_order_id=order.order_id,
        side=side,
        order_type=_one_of(OrderType, order.type, "type"),
        status=STATUSES[order.status],
        quantity=Base(quantity),
        price=_number(order.price, "price"),
        executed_quantity=Base(executed),
        executed_quote=Quote(_number(order.cummulative_quote_qty, "cummulativeQuoteQty")),
        ts_event_ms=time_ms,
        fills=fills,
        order_list=None if order.order_list_id < 0 else order.order_list_id,
    )


def parse_orders(payload: object) -> tuple[OrderReport, ...]:
    return tuple(parse_order(order) for order in shaped(payload, list[Any]))


def parse_orders_of(payload: object, symbol: str) -> tuple[OrderReport, ...]:
    reports = parse_orders(payload)
    if any(report.symbol != symbol for report in reports):
        raise Unreadable(f"it holds orders of another symbol than {symbol}")
    return reports


def parse_order_names(payload: object, symbol: str) -> dict[int, str]:
    """Read the answer of allOrders: id -> client id; of very old orders little else is right."""
    orders = shaped(payload, list[_OrderNamePayload])
    if any(order.symbol != symbol for order in orders):
        raise Unreadable(f"it holds orders of another symbol than {symbol}")
    return {order.order_id: order.client_order_id for order in orders}


class _OrderListPayload(Payload):
    """One of the answers to a cancel of everything: an order list, with its orders."""

    order_reports: list[Any]


def parse_canceled(payload: object, symbol: str) -> tuple[OrderReport, ...]:
    """Read the answer to a cancel of everything on a symbol: orders and order lists. Raises Unreadable."""
    reports: list[OrderReport] = []
    for entry in shaped(payload, list[Any]):
        is_list = isinstance(entry, dict) and "orderReports" in entry
        orders = shaped(entry, _OrderListPayload).order_reports if is_list else [entry]
        reports += map(parse_order, orders)
    if any(report.symbol != symbol for report in reports):
        raise Unreadable(f"it holds orders of another symbol than {symbol}")
    return tuple(reports)


def parse_pair(payload: object, intents: tuple[Intent, Intent]) -> tuple[OrderReport, OrderReport]:
    """Read the answer of an order list: the orders of both intents, as they were sent. Raises Unreadable."""
    reports = [parse_order(order) for order in shaped(payload, _OrderListPayload).order_reports]
    found = {report.client_order_id: report for report in reports}
    if len(reports) != len(intents) or not all(intent.client_order_id in found for intent in intents):
        raise Unreadable("it does not show the two orders that were sent")
    first, second = (same_intent(found[intent.client_order_id], intent) for intent in intents)
    return first, second


def parse_cancel(payload: object, symbol: str, client_order_id: str) -> OrderReport:
    """Read the reply of a cancel: the order, or the list that ended with it. Raises Unreadable."""
    if not (isinstance(payload, dict) and "orderReports" in payload):
        return same_order(parse_order(payload), symbol, client_order_id)
    for each in map(parse_order, shaped(payload, _OrderListPayload).order_reports):
        if (each.symbol, each.client_order_id) == (symbol, client_order_id):
            return each
    raise Unreadable(f"it does not show {client_order_id}")


def _submit_fill(fill: _FillPayload, order: _OrderPayload, side: Side, time_ms: int) -> Fill:
    # What trades at once takes liquidity, and does so at the time of the reply, which gives none per fill.
    return Fill(
        symbol=order.symbol,
        trade_id=fill.trade_id,
        venue_order_id=order.order_id,
        side=side,
        price=number(fill.price, "price"),
        quantity=Base(number(fill.qty, "qty")),
        fee=Money(number(fill.commission, "commission"), fill.commission_asset),
        liquidity=Liquidity.TAKER,
        ts_event_ms=time_ms,
    )


def same_order(report: OrderReport, symbol: str, client_order_id: str) -> OrderReport:
    """Return the report if it is about the order that was asked for: a proxy may answer from a cache."""
    if (report.symbol, report.client_order_id) != (symbol, client_order_id):
        raise Unreadable(f"it is about {report.client_order_id[:40]!r}, not {client_order_id}")
    return report


def same_id(report: OrderReport, symbol: str, venue_order_id: int) -> OrderReport:
    """Return the report if it is about the order that was asked for."""
    if (report.symbol, report.venue_order_id) != (symbol, venue_order_id):
        raise Unreadable(f"it is about order {report.venue_order_id}, not {venue_order_id}")
    return report


def same_intent(report: OrderReport, intent: Intent) -> OrderReport:
    """Return the report if it is about the order as it was sent. Raises Unreadable."""
    same_order(report, intent.request.symbol, intent.client_order_id)
    sent = (intent.request.side, intent.request.order_type, intent.request.quantity)
    if (report.side, report.order_type, report.quantity) != sent:
        raise Unreadable(f"it shows another order than {intent.client_order_id} as sent")
    return report


def parse_trades(payload: object, symbol: str) -> tuple[Fill, ...]:
    """Read the answer of myTrades. Raises Unreadable."""
    trades = shaped(payload, list[_TradePayload])
    if any(trade.symbol != symbol for trade in trades):
        raise Unreadable(f"it holds trades of another symbol than {symbol}")
    return tuple(
        Fill(
            symbol=trade.symbol,
            trade_id=trade.id,
            venue_order_id=trade.order_id,
            side=Side.BUY if trade.is_buyer else Side.SELL,
            price=number(trade.price, "price"),
            quantity=Base(number(trade.qty, "qty")),
            fee=Money(number(trade.commission, "commission"), trade.commission_asset),
            liquidity=Liquidity.MAKER if trade.is_maker else Liquidity.TAKER,
            ts_event_ms=trade.time,
        )
        for trade in trades
    )


@lru_cache(maxsize=64)
def _one_of(kind: type[T], text: str, name: str) -> T:
    try:
        return kind(text)  # type: ignore[call-arg]  # an Enum class is called with its value
    except ValueError:
        raise Unreadable(f"{name} was {text[:40]!r}") from None


def order_params(request: OrderRequest) -> dict[str, object]:
    """Return the parameters of an order; the reply is asked for in full, with the fills and their fees."""
    return {
        "symbol": request.symbol,
        "side": request.side.value,
        "type": request.order_type.value,
        "timeInForce": request.time_in_force.value if request.time_in_force else None,
        "quantity": request.quantity.value,
        "price": request.price,
        "stopPrice": request.stop_price,
        "newOrderRespType": "FULL",
    }


def intent_params(intent: Intent) -> dict[str, object]:
    """Return everything that is signed for an intent, as it was recorded."""
    return order_params(intent.request) | {
        "newClientOrderId": intent.client_order_id,
        "recvWindow": intent.recv_window_ms,
        "timestamp": intent.timestamp_ms,
    }


def pair_params(stop: Intent, target: Intent) -> dict[str, object]:
    """Return everything that is signed for a stop and a target that sell the same: one OCO.

    The timestamp is the stop's; both intents were recorded at the same moment.
    """
    below, above = stop.request, target.request
    if (below.symbol, below.side, below.quantity) != (above.symbol, above.side, above.quantity):
        raise ValueError(f"{stop.client_order_id} and {target.client_order_id} do not sell the same")
    return {
        "symbol": below.symbol,
        "listClientOrderId": order_list_id(stop.client_order_id),
        "side": below.side.value,
        "quantity": below.quantity.value,
        "aboveType": above.order_type.value,
        "aboveClientOrderId": target.client_order_id,
        "abovePrice": above.price,
        "belowType": below.order_type.value,
        "belowClientOrderId": stop.client_order_id,
        "belowStopPrice": below.stop_price,
        "belowPrice": below.price,
        "belowTimeInForce": below.time_in_force.value if below.time_in_force else None,
        "newOrderRespType": "FULL",
        "recvWindow": stop.recv_window_ms,
        "timestamp": stop.timestamp_ms,
    }
