"""Binance's order lists: OCO, OTO, OTOCO, OPO and OPOCO, placed, queried and canceled."""

from __future__ import annotations

from collections.abc import Mapping

from exchanges.paper import placing
from exchanges.paper.dialects.binance import wire
from exchanges.paper.dialects.binance.call import Call
from exchanges.paper.dialects.binance.errors import (
    BOTH_LIMIT,
    LEG_ON_WRONG_SIDE,
    LEG_TYPE,
    OPO_PENDING_SIDE,
    OPO_WORKING_SIDE,
    ApiError,
    missing,
    missing_either,
    not_valid,
)
from exchanges.paper.dialects.binance.order_form import Form, new_id, read_order, read_type, response_type
from exchanges.paper.dialects.binance.orders import canceled_list, raced
from exchanges.paper.dialects.binance.wire import Json
from exchanges.paper.filters import OrderRequest
from exchanges.paper.placing import ListRequest
from exchanges.paper.records import OrderList
from exchanges.paper.refusals import Reason, Refused

_LEG = (
    "ClientOrderId",
    "IcebergQty",
    "Price",
    "StopPrice",
    "TrailingDelta",
    "TimeInForce",
    "StrategyId",
    "StrategyType",
    "PegPriceType",
    "PegOffsetType",
    "PegOffsetValue",
)
_COMMON = ("listClientOrderId", "newOrderRespType", "selfTradePreventionMode")


def _leg(prefix: str) -> tuple[str, ...]:
    return tuple(prefix + name for name in _LEG)


OCO_NEEDS = ("symbol", "side", "quantity", "aboveType", "belowType")
OCO_TAKES = (*_COMMON, *_leg("above"), *_leg("below"))
WORKING_NEEDS = ("workingType", "workingSide", "workingPrice", "workingQuantity")
_WORKING_TAKES = tuple(
    name
    for name in _leg("working")
    if name not in ("workingPrice", "workingStopPrice", "workingTrailingDelta")
)
OTO_NEEDS = ("symbol", *WORKING_NEEDS, "pendingType", "pendingSide", "pendingQuantity")
OTO_TAKES = (*_COMMON, *_WORKING_TAKES, *_leg("pending"))
OTOCO_NEEDS = (
    "symbol",
    *WORKING_NEEDS,
    "pendingSide",
    "pendingQuantity",
    "pendingAboveType",
)
OTOCO_TAKES = (*_COMMON, *_WORKING_TAKES, "pendingBelowType", *_leg("pendingAbove"), *_leg("pendingBelow"))
OLD_OCO_NEEDS = ("symbol", "side", "quantity", "price", "stopPrice")
_OLD_LIMIT = {
    "newClientOrderId": "limitClientOrderId",
    "icebergQty": "limitIcebergQty",
    "strategyId": "limitStrategyId",
    "strategyType": "limitStrategyType",
    "stopPrice": "",
    "trailingDelta": "",
    "timeInForce": "",
}
_OLD_STOP = {
    "price": "stopLimitPrice",
    "timeInForce": "stopLimitTimeInForce",
    "newClientOrderId": "stopClientOrderId",
    "icebergQty": "stopIcebergQty",
    "strategyId": "stopStrategyId",
    "strategyType": "stopStrategyType",
}
OLD_OCO_TAKES = (
    *_COMMON,
    "trailingDelta",
    *(name for names in (_OLD_LIMIT, _OLD_STOP) for name in names.values() if name),
)
OPO_NEEDS, OPOCO_NEEDS = (
    tuple(name for name in names if name != "pendingQuantity") for names in (OTO_NEEDS, OTOCO_NEEDS)
)
_SHARED = {"side": "side", "quantity": "quantity"}
_PENDING_SHARED = {"side": "pendingSide", "quantity": "pendingQuantity"}
_UNSIZED = {"quantity": ""}
"""Of orders that sell what another one buys."""


def place_oco(call: Call) -> Json:
    return _place(call, _pair(call, "above", "below", _SHARED), None)


def place_old_oco(call: Call) -> Json:
    """Place a pair in the words of before 2024: a limit order, and a stop order with or without a limit."""
    params = call.params
    stop_type = "STOP_LOSS_LIMIT" if params.text("stopLimitPrice") else "STOP_LOSS"
    if stop_type == "STOP_LOSS_LIMIT" and not params.text("stopLimitTimeInForce"):
        raise missing("stopLimitTimeInForce")
    stop = read_order(call, Form(params, names=_OLD_STOP), stop_type)
    limit = read_order(call, Form(params, names=_OLD_LIMIT), "LIMIT_MAKER")
    return _place(call, (stop, limit), None)


def place_oto(call: Call) -> Json:
    pending = Form(call.params, "pending")
    return _place(call, (read_order(call, pending),), _working(call))


def place_otoco(call: Call) -> Json:
    return _place(call, _pair(call, "pendingAbove", "pendingBelow", _PENDING_SHARED), _working(call))


def place_opo(call: Call) -> Json:
    return _place_paid(call, (read_order(call, Form(call.params, "pending", _UNSIZED)),))


def place_opoco(call: Call) -> Json:
    return _place_paid(call, _pair(call, "pendingAbove", "pendingBelow", {**_PENDING_SHARED, **_UNSIZED}))


def query(call: Call) -> Json:
    list_id, client_id = call.params.integer("orderListId"), call.params.client_id("origClientOrderId")
    if list_id is None and client_id is None:
        raise missing_either("origClientOrderId", "orderListId")
    found = _find(call, list_id, client_id)
    if found is None:
        raise Refused(Reason.NO_SUCH_LIST)
    return wire.order_list(found)


def all_lists(call: Call) -> list[Json]:
    params, engine = call.params, call.engine
    from_id = params.integer("fromId")
    start_ms, end_ms = params.span(engine.now_ms)
    if from_id is not None and (start_ms is not None or end_ms is not None):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    found = engine.records.lists.list_page(
        engine.world.account.account,
        from_id=from_id,
        start_ms=start_ms,
        end_ms=end_ms,
        limit=params.limit(500, 1000),
    )
    return [wire.order_list(each) for each in found]


def open_lists(call: Call) -> list[Json]:
    return [wire.order_list(each) for each in call.engine.world.lists.values()]


def cancel(call: Call) -> Json:
    symbol = call.params.symbol()
    list_id, client_id = call.params.integer("orderListId"), call.params.client_id("listClientOrderId")
    if list_id is None and client_id is None:
        raise missing_either("listClientOrderId", "orderListId")
    cancel_id = call.params.client_id("newClientOrderId") or new_id(call)
    found = _find(call, list_id, client_id)
    if found is None or found.symbol != symbol.name or not found.is_open:
        raise Refused(Reason.UNKNOWN_ORDER)
    raced(call, min(call.engine.world.members(found), key=lambda order: order.is_waiting))
    still_open = call.engine.world.lists.get(found.list_id)
    if still_open is None:
        raise Refused(Reason.UNKNOWN_ORDER)
    return canceled_list(call, still_open, cancel_id)


def _place(call: Call, legs: tuple[OrderRequest, ...], working: OrderRequest | None) -> Json:
    answer_type = response_type(call.params, "RESULT")
    client_id = call.params.client_id("listClientOrderId") or new_id(call)
    placed = placing.place_list(call.engine, ListRequest(client_id, legs, working))
    reports = [wire.placed(each, answer_type) for each in placed.orders]
    return {**wire.order_list(placed.order_list), "orderReports": reports}


def _place_paid(call: Call, legs: tuple[OrderRequest, ...]) -> Json:
    """Place sales of what the working order buys."""
    working = _working(call)
    if not working.is_buy:
        raise ApiError(*OPO_WORKING_SIDE)
    if any(leg.is_buy for leg in legs):
        raise ApiError(*OPO_PENDING_SIDE)
    return _place(call, legs, working)


def _working(call: Call) -> OrderRequest:
    form = Form(call.params, "working")
    order_type = read_type(form)
    if order_type not in ("LIMIT", "LIMIT_MAKER"):
        raise not_valid("workingType")
    return read_order(call, form, order_type)


def _pair(call: Call, above: str, below: str, shared: Mapping[str, str]) -> tuple[OrderRequest, ...]:
    """Return the legs of a pair, the stop loss first."""
    forms = [Form(call.params, above, shared), Form(call.params, below, shared)]
    types = [read_type(form) for form in forms]
    if any(order_type in ("LIMIT", "MARKET") for order_type in types):
        raise ApiError(*LEG_TYPE)
    if set(types) == {"LIMIT_MAKER"}:
        raise ApiError(*BOTH_LIMIT)
    side = call.params.text(shared["side"])
    for is_above, order_type in zip((True, False), types, strict=True):
        kind = order_type.removesuffix("_LIMIT")
        belongs_above = (kind == "STOP_LOSS") is (side == "BUY")
        if is_above is not belongs_above and (error := LEG_ON_WRONG_SIDE.get((kind, side or ""))):
            raise ApiError(*error)
    legs = [read_order(call, form, order_type) for form, order_type in zip(forms, types, strict=True)]
    return tuple(sorted(legs, key=lambda leg: not leg.type.startswith("STOP_LOSS")))


def _find(call: Call, list_id: int | None, client_id: str | None) -> OrderList | None:
    engine = call.engine
    return engine.records.lists.find(engine.world.account.account, list_id, client_id)
