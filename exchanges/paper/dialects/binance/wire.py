"""How Binance prints numbers, orders and trades."""

from __future__ import annotations

from typing import Any

from exchanges.paper.records import Amendment, Fill, Order, OrderList, PreventedMatch
from exchanges.paper.symbols import SYMBOLS
from exchanges.paper.taking import Placed

Json = dict[str, Any]

KLINE_FIELDS = 12
TRADE_GROUP = 1
"""Accounts that self-trade prevention takes for one owner's; there is one account here, and one group."""
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
        "transactionTime",
        "trailingTime",
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
        "orderListId": order.list_id,
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


def placed(order: Placed, response_type: str) -> Json:
    """Return an order as it was placed: ACK, RESULT or FULL."""
    if response_type == "ACK":
        return ack(order.order)
    answer = result(order.order)
    if response_type == "FULL":
        answer["fills"] = [_fill(fill) for fill in order.fills]
    if order.prevented:
        answer["preventedMatches"] = [_prevented(match) for match in order.prevented]
    return answer


def canceled(order: Order, cancel_id: str) -> Json:
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": order.list_id,
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
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
        **amounts,
        "stopPrice": price(order.symbol, order.stop_price),
        "icebergQty": quantity(order.symbol, order.iceberg),
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": not order.is_waiting,
        "workingTime": order.working_ms,
        "origQuoteOrderQty": quote_order_quantity,
        "selfTradePreventionMode": order.self_trade,
        **_conditional(order),
    }


def amended(order: Order, amendment: Amendment) -> Json:
    """Return an order that was made smaller; this answer alone spells some names its own way."""
    name = order.symbol
    return {
        "symbol": name,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "origClientOrderId": amendment.client_id_before,
        "clientOrderId": order.client_order_id,
        "price": price(name, order.price),
        "qty": quantity(name, order.quantity),
        "executedQty": quantity(name, order.executed),
        "preventedQty": quantity(name, order.prevented),
        "quoteOrderQty": amount(order.quote_quantity),
        "cumulativeQuoteQty": amount(order.quote_executed),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": "BUY" if order.is_buy else "SELL",
        "workingTime": order.working_ms,
        "selfTradePreventionMode": order.self_trade,
        **_conditional(order),
    }


def order_list(listed: OrderList) -> Json:
    """Return a list as queries show it."""
    return {
        "orderListId": listed.list_id,
        "contingencyType": listed.contingency,
        "listStatusType": listed.status_type,
        "listOrderStatus": "EXECUTING" if listed.is_open else "ALL_DONE",
        "listClientOrderId": listed.client_id,
        "transactionTime": listed.updated_ms,
        "symbol": listed.symbol,
        "orders": _members(listed),
    }


def list_status(listed: OrderList) -> Json:
    """Return a list as the answer to an amendment shows it: without the kind and time of its last event."""
    shown = order_list(listed)
    return {name: shown[name] for name in shown if name not in ("listStatusType", "transactionTime")}


def prevented_match(match: PreventedMatch) -> Json:
    return {
        "symbol": match.symbol,
        "preventedMatchId": match.prevented_match_id,
        "takerOrderId": match.taker_order_id,
        "makerSymbol": match.symbol,
        "makerOrderId": match.maker_order_id,
        "tradeGroupId": TRADE_GROUP,
        "selfTradePreventionMode": match.self_trade,
        "price": price(match.symbol, match.price),
        **_lost(match),
        "transactTime": match.time_ms,
    }


def own_trade(fill: Fill) -> Json:
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": fill.list_id,
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
        **({} if order.is_unsized else {"origQty": quantity(order.symbol, order.quantity)}),
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
        "trailingDelta": order.trailing_delta or None,
        "trailingTime": order.trailing_ms if order.trailing_delta else None,
        "icebergQty": quantity(order.symbol, order.iceberg) if order.iceberg else None,
        "preventedMatchId": order.prevented_match_id if order.prevented else None,
        "preventedQuantity": quantity(order.symbol, order.prevented) if order.prevented else None,
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


def _prevented(match: PreventedMatch) -> Json:
    return {
        "preventedMatchId": match.prevented_match_id,
        "makerOrderId": match.maker_order_id,
        "price": price(match.symbol, match.price),
        **_lost(match),
    }


def _lost(match: PreventedMatch) -> Json:
    lost = {
        "makerPreventedQuantity": match.maker_quantity,
        "takerPreventedQuantity": match.taker_quantity,
    }
    return {name: quantity(match.symbol, steps) for name, steps in lost.items() if steps}


def _members(listed: OrderList) -> list[Json]:
    return [
        {"symbol": listed.symbol, "orderId": order_id, "clientOrderId": name}
        for order_id, name in listed.orders
    ]
