"""Binance's order endpoints: place, validate, query, cancel, list (Spot API documents, "Trading")."""

from __future__ import annotations

import base64
from typing import cast

from core.matching import SelfTradePrevention
from exchanges.paper.dialects.binance import rules, wire
from exchanges.paper.dialects.binance.account import commission_for_order
from exchanges.paper.dialects.binance.call import Call
from exchanges.paper.dialects.binance.errors import (
    UNKNOWN_ORDER,
    ApiError,
    missing,
    missing_either,
    not_required,
)
from exchanges.paper.dialects.binance.params import Params
from exchanges.paper.dialects.binance.wire import Json
from exchanges.paper.engine import CancelRestriction
from exchanges.paper.faults import mishaps
from exchanges.paper.filters import OrderRequest
from exchanges.paper.records import Order, OrderType, TimeInForce
from exchanges.paper.refusals import Reason, Refused

PLACEMENT = (
    "timeInForce",
    "quantity",
    "quoteOrderQty",
    "price",
    "newClientOrderId",
    "strategyId",
    "strategyType",
    "stopPrice",
    "trailingDelta",
    "icebergQty",
    "newOrderRespType",
    "selfTradePreventionMode",
    "pegPriceType",
    "pegOffsetValue",
    "pegOffsetType",
)
_STOPS = ("STOP_LOSS", "TAKE_PROFIT")
_STOP_LIMITS = ("STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
_LIMIT_NEEDS = ("timeInForce", "quantity", "price")
_NEEDS = {
    "LIMIT": _LIMIT_NEEDS,
    "LIMIT_MAKER": ("quantity", "price"),
    "MARKET": (),
    **dict.fromkeys(_STOPS, ("quantity",)),
    **dict.fromkeys(_STOP_LIMITS, _LIMIT_NEEDS),
}
_NOT_FOR = {
    "LIMIT": ("quoteOrderQty", "stopPrice", "trailingDelta"),
    "LIMIT_MAKER": ("timeInForce", "quoteOrderQty", "stopPrice", "trailingDelta"),
    "MARKET": ("timeInForce", "price", "stopPrice", "trailingDelta", "icebergQty"),
    **dict.fromkeys(_STOPS, ("timeInForce", "price", "quoteOrderQty", "icebergQty")),
    **dict.fromkeys(_STOP_LIMITS, ("quoteOrderQty",)),
}
_SELF_TRADE_MODES = (*rules.SELF_TRADE_MODES, "DECREMENT", "TRANSFER")


def place(call: Call) -> Json:
    request, response_type = _request(call)
    placed = call.engine.place(request, call.tampering.match_percent)
    _maybe_fill_later(call, placed.order)
    if response_type == "ACK":
        return wire.ack(placed.order)
    if response_type == "RESULT":
        return wire.result(placed.order)
    return wire.full(placed.order, placed.fills)


def test(call: Call) -> Json:
    """Check form and filters; balance and book are not asked, as on the venue."""
    request, _ = _request(call)
    call.engine.check(request)
    if not call.params.flag("computeCommissionRates", default=False):
        return {}
    return commission_for_order(call.engine)


def query(call: Call) -> Json:
    order = _find(call)
    if order is None or call.tampering.hides(order, call.engine.now_ms):
        raise Refused(Reason.NO_SUCH_ORDER)
    return wire.queried(order)


def cancel(call: Call) -> Json:
    params = call.params
    restriction = params.choice(
        "cancelRestrictions",
        ("ONLY_NEW", "ONLY_PARTIALLY_FILLED"),
        (-1145, "Invalid cancelRestrictions"),
    )
    cancel_id = params.client_id("newClientOrderId") or _new_id(call)
    try:
        order = _find(call)
    except Refused:
        raise ApiError(-2011, "Cancel order is invalid. Check origClOrdId and orderId.") from None
    if order is None:
        raise Refused(Reason.UNKNOWN_ORDER)
    order = _raced(call, order)
    canceled = call.engine.cancel(order, cancel_id, cast("CancelRestriction | None", restriction))
    _maybe_fill_later(call, canceled)
    return wire.canceled(canceled, cancel_id)


def cancel_all(call: Call) -> list[Json]:
    found = call.engine.open_orders(call.params.symbol().name)
    orders = [order for order in (_raced(call, order) for order in found) if order.is_open]
    if not orders:
        raise ApiError(*UNKNOWN_ORDER)
    cancel_id = _new_id(call)
    canceled = [call.engine.cancel(order, cancel_id) for order in orders]
    for order in canceled:
        _maybe_fill_later(call, order)
    return [wire.canceled(order, cancel_id) for order in canceled]


def open_orders(call: Call) -> list[Json]:
    symbol = call.params.optional_symbol()
    found = call.engine.open_orders(symbol.name if symbol else None)
    return [wire.queried(order) for order in call.tampering.visible(found, call.engine.now_ms)]


def all_orders(call: Call) -> list[Json]:
    params, engine = call.params, call.engine
    symbol, from_id, limit = params.symbol(), params.integer("orderId"), params.limit(500, 1000)
    start_ms, end_ms = params.span(engine.now_ms)
    found = engine.records.orders(
        engine.world.account.account,
        symbol.name,
        from_id=from_id,
        start_ms=start_ms,
        end_ms=end_ms,
        limit=limit,
    )
    return [wire.queried(order) for order in call.tampering.visible(found, engine.now_ms)]


def _raced(call: Call, order: Order) -> Order:
    """Return an order that is to be canceled, filled by a tampered exchange while the cancel arrives."""
    percent = call.tampering.race_percent
    if not percent:
        return order
    now = call.engine.find(order.symbol, order.order_id, None) or order
    return mishaps.fill_resting(call.engine, now, percent)


def _maybe_fill_later(call: Call, order: Order) -> None:
    delay_ms = call.tampering.late_fill_ms
    if delay_ms is not None and not order.is_open and order.remaining:
        call.engine.world.fill_later(order, call.engine.now_ms + delay_ms)


def _request(call: Call) -> tuple[OrderRequest, str]:
    """Return the order and the wanted form of the answer."""
    params = call.params
    symbol = params.symbol()
    side = params.choice("side", ("BUY", "SELL"), (-1117, "Invalid side."))
    order_type = _order_type(params)
    time_in_force = params.choice("timeInForce", ("GTC", "IOC", "FOK"), (-1115, "Invalid timeInForce."))
    _check_combination(params, order_type)
    price, quantity = _positive(params, "price"), _positive(params, "quantity")
    stop_price = _positive(params, "stopPrice")
    quote_quantity = _positive(params, "quoteOrderQty")
    strategy_type = params.integer("strategyType")
    if strategy_type is not None and strategy_type < 1_000_000:
        raise ApiError(-1134, "strategyType was less than 1000000.")
    default_response = "FULL" if order_type in ("LIMIT", "MARKET") else "ACK"
    response_type = params.choice("newOrderRespType", ("ACK", "RESULT", "FULL")) or default_response
    request = OrderRequest(
        symbol=symbol.name,
        is_buy=side == "BUY",
        type=cast("OrderType", order_type),
        client_order_id=params.client_id("newClientOrderId") or _new_id(call),
        time_in_force=cast("TimeInForce", time_in_force or "GTC"),
        price=price,
        quantity=quantity,
        quote_quantity=quote_quantity,
        stop_price=stop_price,
        self_trade=_self_trade_mode(params),
        strategy_id=params.integer("strategyId"),
        strategy_type=strategy_type,
    )
    return request, response_type


def _order_type(params: Params) -> str:
    order_type = params.choice("type", rules.ORDER_TYPES, (-1116, "Invalid orderType."))
    if order_type is None:
        raise missing("type")
    return order_type


def _check_combination(params: Params, order_type: str) -> None:
    params.require(_NEEDS[order_type])
    for name in _NOT_FOR[order_type]:
        if name in params:
            raise not_required(name)
    if order_type == "MARKET":
        if not params.text("quantity") and not params.text("quoteOrderQty"):
            raise missing_either("quantity", "quoteOrderQty")
        if "quantity" in params and "quoteOrderQty" in params:
            raise not_required("quoteOrderQty")
    if order_type in (*_STOPS, *_STOP_LIMITS):
        if not params.text("stopPrice") and not params.text("trailingDelta"):
            raise missing_either("stopPrice", "trailingDelta")
        if "trailingDelta" in params:
            raise ApiError(-2010, "Trailing stop orders are not supported for this symbol.")
    if "icebergQty" in params:
        raise ApiError(-2010, "Iceberg orders are not supported for this symbol.")
    if any(name in params for name in ("pegPriceType", "pegOffsetValue", "pegOffsetType")):
        raise ApiError(-2010, "Pegged orders are not supported for this symbol.")


def _positive(params: Params, name: str) -> int:
    value = params.decimal(name)
    if value == 0:
        raise ApiError(-1013, f"Invalid {name}.")
    return value or 0


def _self_trade_mode(params: Params) -> SelfTradePrevention:
    mode = params.choice("selfTradePreventionMode", _SELF_TRADE_MODES) or rules.DEFAULT_SELF_TRADE_MODE
    if mode not in rules.SELF_TRADE_MODES:
        raise Refused(Reason.SELF_TRADE_MODE)
    return cast("SelfTradePrevention", mode)


def _find(call: Call) -> Order | None:
    params = call.params
    symbol = params.symbol()
    order_id, client_order_id = params.integer("orderId"), params.client_id("origClientOrderId")
    if order_id is None and client_order_id is None:
        raise missing_either("origClientOrderId", "orderId")
    return call.engine.find(symbol.name, order_id, client_order_id)


def _new_id(call: Call) -> str:
    """Return an id as the venue makes them up: 22 letters and digits."""
    return base64.b64encode(call.random_bytes(18), altchars=b"xY").decode()[:22]
