"""Binance's "order amend keep priority": a smaller quantity for an order that keeps its place."""

from __future__ import annotations

from exchanges.paper import canceling
from exchanges.paper.dialects.binance import wire
from exchanges.paper.dialects.binance.call import Call
from exchanges.paper.dialects.binance.errors import ApiError, missing
from exchanges.paper.dialects.binance.order_form import new_id
from exchanges.paper.dialects.binance.orders import find
from exchanges.paper.dialects.binance.wire import Json
from exchanges.paper.refusals import Reason, Refused


def amend(call: Call) -> Json:
    quantity = call.params.decimal("newQty")
    if not quantity:
        raise ApiError(-1013, "Invalid newQty.")
    order = find(call)
    if order is None:
        raise Refused(Reason.AMEND_REFUSED, "Unknown order sent.")
    name = call.params.client_id("newClientOrderId") or new_id(call)
    amended, amendment, order_list = canceling.amend(call.engine, order, quantity, name)
    answer: Json = {
        "transactTime": call.engine.now_ms,
        "executionId": amendment.execution_id,
        "amendedOrder": wire.amended(amended, amendment),
    }
    if order_list is not None:
        answer["listStatus"] = wire.list_status(order_list)
    return answer


def history(call: Call) -> list[Json]:
    """Return the amendments of an order, oldest first."""
    params, engine = call.params, call.engine
    symbol, order_id = params.symbol(), params.integer("orderId")
    if order_id is None:
        raise missing("orderId")
    found = engine.records.lists.amendments(
        engine.world.account.account,
        symbol.name,
        order_id,
        first=params.integer("fromExecutionId") or 0,
        limit=params.limit(500, 1000),
    )
    return [
        {
            "symbol": each.symbol,
            "orderId": each.order_id,
            "executionId": each.execution_id,
            "origClientOrderId": each.client_id_before,
            "newClientOrderId": each.client_id_after,
            "origQty": wire.quantity(each.symbol, each.quantity_before),
            "newQty": wire.quantity(each.symbol, each.quantity_after),
            "time": each.time_ms,
        }
        for each in found
    ]
