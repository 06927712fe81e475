"""How Binance prints numbers, orders and trades."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from exchanges.paper.records import Fill, Order
from exchanges.paper.symbols import SYMBOLS

Json = dict[str, Any]

KLINE_FIELDS = 12
_TIME_FIELDS = frozenset(
    [
        "time",
        "updateTime",
        "transactTime",
        "workingTime",
        "serverTime",
        "openTime",
        "closeTime",
        "T",
        "createTime",
        "timestamp",
    ]
)


def amount(units: int) -> str:
    """Return units as a text with 8 decimals."""
    if units < 0:
        return f"-{amount(-units)}"
    digits = f"{units:09d}"
    return f"{digits[:-8]}.{digits[-8:]}"


def short(units: int) -> str:
    """Return units as a text without trailing zeros, as the venue prints multipliers and some rates."""
    return amount(units).rstrip("0").rstrip(".")


def price(symbol: str, ticks: int) -> str:
    return amount(ticks * SYMBOLS[symbol].tick)


def quantity(symbol: str, steps: int) -> str:
    return amount(steps * SYMBOLS[symbol].step)


def ack(order: Order) -> Json:
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "transactTime": order.updated_ms,
    }


def result(order: Order) -> Json:
    return {
        **ack(order),
        **_amounts(order),
        "workingTime": order.working_ms,
        "selfTradePreventionMode": order.self_trade,
        **_conditional(order),
    }


def full(order: Order, fills: Iterable[Fill]) -> Json:
    return {**result(order), "fills": [_fill(fill) for fill in fills]}


def canceled(order: Order, cancel_id: str) -> Json:
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": cancel_id,
        "transactTime": order.updated_ms,
        **_amounts(order),
        "selfTradePreventionMode": order.self_trade,
        **_conditional(order),
    }


def queried(order: Order) -> Json:
    amounts = _amounts(order)
    quote_order_quantity = amounts.pop("origQuoteOrderQty")
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        **amounts,
        "stopPrice": price(order.symbol, order.stop_price),
        "icebergQty": amount(0),
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": not order.is_waiting,
        "workingTime": order.working_ms,
        "origQuoteOrderQty": quote_order_quantity,
        "selfTradePreventionMode": order.self_trade,
        **_conditional(order),
    }


def own_trade(fill: Fill) -> Json:
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": -1,
        "price": price(fill.symbol, fill.price),
        "qty": quantity(fill.symbol, fill.quantity),
        "quoteQty": amount(fill.quote),
        "commission": amount(fill.commission),
        "commissionAsset": fill.commission_asset,
        "time": fill.time_ms,
        "isBuyer": fill.is_buy,
        "isMaker": fill.is_maker,
        "isBestMatch": True,
    }


def in_microseconds(answer: Any) -> Any:
    """Return an answer with its times in microseconds, for those who asked for that unit."""
    if isinstance(answer, dict):
        return {
            name: max(value * 1000, -1)
            if name in _TIME_FIELDS and isinstance(value, int)
            else in_microseconds(value)
            for name, value in answer.items()
        }
    if isinstance(answer, list):
        if len(answer) == KLINE_FIELDS and isinstance(answer[0], int):
            open_ms, close_ms = answer[0], answer[6]
            return [open_ms * 1000, *answer[1:6], close_ms * 1000 + 999, *answer[7:]]
        return [in_microseconds(value) for value in answer]
    return answer


def _amounts(order: Order) -> Json:
    return {
        "price": price(order.symbol, order.price),
        "origQty": quantity(order.symbol, order.quantity),
        "executedQty": quantity(order.symbol, order.executed),
        "origQuoteOrderQty": amount(order.quote_quantity),
        "cummulativeQuoteQty": amount(order.quote_executed),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": "BUY" if order.is_buy else "SELL",
    }


def _conditional(order: Order) -> Json:
    """Return the fields that only some orders have."""
    fields = {
        "stopPrice": price(order.symbol, order.stop_price) if order.stop_price else None,
        "strategyId": order.strategy_id,
        "strategyType": order.strategy_type,
        "expiryReason": order.expiry_reason or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _fill(fill: Fill) -> Json:
    return {
        "price": price(fill.symbol, fill.price),
        "qty": quantity(fill.symbol, fill.quantity),
        "commission": amount(fill.commission),
        "commissionAsset": fill.commission_asset,
        "tradeId": fill.trade_id,
    }
