"""Binance's order endpoints: place, validate, query, cancel, list (Spot API documents, "Trading")."""

from __future__ import annotations

from typing import cast

from exchanges.paper import canceling, lists, placing
from exchanges.paper.canceling import CancelRestriction
from exchanges.paper.dialects.binance import wire
from exchanges.paper.dialects.binance.account import commission_for_order
from exchanges.paper.dialects.binance.call import Call
from exchanges.paper.dialects.binance.errors import UNKNOWN_ORDER, ApiError, missing_either
from exchanges.paper.dialects.binance.order_form import Form, new_id, read_order, response_type
from exchanges.paper.dialects.binance.params import DAY_MS
from exchanges.paper.dialects.binance.wire import Json
from exchanges.paper.faults import mishaps
from exchanges.paper.filters import OrderRequest
from exchanges.paper.records import Order, OrderList
from exchanges.paper.refusals import Reason, Refused
from exchanges.paper.taking import Placed

ARCHIVED_AFTER_MS = 90 * DAY_MS
CANCEL_RESTRICTIONS = ("ONLY_NEW", "ONLY_PARTIALLY_FILLED")


def place(call: Call) -> Json:
    request = read_order(call, Form(call.params))
    answer_type = answer_type_of(call, request)
    return wire.placed(place_one(call, request), answer_type)


def place_one(call: Call, request: OrderRequest) -> Placed:
    placed = placing.place(call.engine, request, call.tampering.match_percent)
    _maybe_fill_later(call, placed.order)
    return placed


def answer_type_of(call: Call, request: OrderRequest) -> str:
    """Return the form in which a placed order is wanted."""
    return response_type(call.params, "FULL" if request.type in ("LIMIT", "MARKET") else "ACK")


def test(call: Call) -> Json:
    """Check form and filters; balance and book are not asked, as on the venue."""
    request = read_order(call, Form(call.params))
    answer_type_of(call, request)
    placing.check(call.engine, request)
    if not call.params.flag("computeCommissionRates", default=False):
        return {}
    return commission_for_order(call.engine)


def refuse_routing(call: Call) -> Json:
    """Refuse smart order routing: `exchangeInfo` names no symbols that could be routed to."""
    call.params.symbol()
    raise ApiError(-1020, "This operation is not supported.")


def query(call: Call) -> Json:
    order = find(call)
    if order is None or call.tampering.hides(order, call.engine.now_ms):
        raise Refused(Reason.NO_SUCH_ORDER)
    is_old = call.engine.now_ms - order.updated_ms > ARCHIVED_AFTER_MS
    if is_old and not order.is_open and not order.executed:
        raise Refused(Reason.ARCHIVED)
    return wire.queried(order)


def cancel(call: Call) -> Json:
    restriction = cancel_restriction(call)
    cancel_id = call.params.client_id("newClientOrderId") or new_id(call)
    try:
        order = find(call)
    except Refused:
        raise ApiError(-2011, "Cancel order is invalid. Check origClOrdId and orderId.") from None
    return wire.canceled(cancel_one(call, order, cancel_id, restriction), cancel_id)


def cancel_restriction(call: Call) -> CancelRestriction | None:
    choice = call.params.choice(
        "cancelRestrictions", CANCEL_RESTRICTIONS, (-1145, "Invalid cancelRestrictions")
    )
    return cast("CancelRestriction | None", choice)


def cancel_one(
    call: Call, order: Order | None, cancel_id: str, restriction: CancelRestriction | None
) -> Order:
    """Cancel an order, and the list it is in. Raises Refused."""
    if order is None:
        raise Refused(Reason.UNKNOWN_ORDER)
    canceled = canceling.cancel(call.engine, raced(call, order), cancel_id, restriction)
    _maybe_fill_later(call, canceled)
    return canceled


def cancel_all(call: Call) -> list[Json]:
    """Cancel a symbol's orders; those of a list are answered as a list."""
    engine = call.engine
    found = engine.open_orders(call.params.symbol().name)
    orders = [order for order in (raced(call, order) for order in found) if order.is_open]
    if not orders:
        raise ApiError(*UNKNOWN_ORDER)
    cancel_id = new_id(call)
    answers: list[Json] = []
    for order in orders:
        if order.order_id not in engine.world.orders[order.symbol]:
            continue  # it went with its list
        order_list = engine.world.lists.get(order.list_id)
        if order_list is not None:
            answers.append(canceled_list(call, order_list, cancel_id))
            continue
        canceled = canceling.cancel(engine, order, cancel_id)
        _maybe_fill_later(call, canceled)
        answers.append(wire.canceled(canceled, cancel_id))
    return answers


def canceled_list(call: Call, order_list: OrderList, cancel_id: str) -> Json:
    """Cancel a list; return it with what became of each of its open orders."""
    canceled, done = lists.cancel(call.engine, order_list, cancel_id)
    for order in canceled:
        _maybe_fill_later(call, order)
    reports = [wire.canceled(order, cancel_id) for order in canceled]
    return {**wire.order_list(done), "orderReports": reports}


def open_orders(call: Call) -> list[Json]:
    symbol = call.params.optional_symbol()
    found = call.engine.open_orders(symbol.name if symbol else None)
    return [wire.queried(order) for order in call.tampering.visible(found, call.engine.now_ms)]


def all_orders(call: Call) -> list[Json]:
    params, engine = call.params, call.engine
    symbol, from_id, limit = params.symbol(), params.integer("orderId"), params.limit(500, 1000)
    start_ms, end_ms = params.span(engine.now_ms)
    found = engine.records.orders.page(
        engine.world.account.account,
        symbol.name,
        from_id=from_id,
        start_ms=start_ms,
        end_ms=end_ms,
        limit=limit,
    )
    return [wire.queried(order) for order in call.tampering.visible(found, engine.now_ms)]


def find(call: Call, by_id: str = "orderId", by_name: str = "origClientOrderId") -> Order | None:
    """Look up the order that a request names. Raises ApiError when it names none, Refused for a mismatch."""
    params = call.params
    symbol = params.symbol()
    order_id, client_order_id = params.integer(by_id), params.client_id(by_name)
    if order_id is None and client_order_id is None:
        raise missing_either(by_name, by_id)
    return call.engine.find(symbol.name, order_id, client_order_id)


def raced(call: Call, order: Order) -> Order:
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
