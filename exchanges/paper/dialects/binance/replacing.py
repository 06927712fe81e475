"""Binance's cancel-replace: one order is canceled and another placed, and either can fail by itself."""

from __future__ import annotations

from exchanges.paper import placing
from exchanges.paper.dialects.binance import wire
from exchanges.paper.dialects.binance.call import Call
from exchanges.paper.dialects.binance.errors import ApiError, from_refusal, missing_either
from exchanges.paper.dialects.binance.order_form import Form, new_id, read_order
from exchanges.paper.dialects.binance.orders import (
    answer_type_of,
    cancel_one,
    cancel_restriction,
    find,
    place_one,
)
from exchanges.paper.dialects.binance.wire import Json
from exchanges.paper.filters import OrderRequest
from exchanges.paper.refusals import Refused

BY_ID, BY_NAME = "cancelOrderId", "cancelOrigClientOrderId"
CANCEL = (BY_ID, BY_NAME, "cancelNewClientOrderId", "cancelRestrictions", "orderRateLimitExceededMode")

_PARTLY = (-2021, "Order cancel-replace partially failed.")
_WHOLLY = (-2022, "Order cancel-replace failed.")


def cancel_replace(call: Call) -> Json:
    """Filters and the order count are looked at before anything is canceled; either then counts an order."""
    params = call.params
    mode = params.choice("cancelReplaceMode", ("STOP_ON_FAILURE", "ALLOW_FAILURE"))
    on_limit = params.choice("orderRateLimitExceededMode", ("DO_NOTHING", "CANCEL_ONLY")) or "DO_NOTHING"
    cancel_restriction(call)
    if not params.text(BY_ID) and not params.text(BY_NAME):
        raise missing_either(BY_NAME, BY_ID)
    request = read_order(call, Form(params))
    answer_type = answer_type_of(call, request)
    placing.check(call.engine, request)
    limited: Refused | None = None
    try:
        placing.check_order_count(call.engine)
    except Refused as refused:
        if on_limit == "DO_NOTHING":
            raise
        limited = refused

    canceled, cancel_error = _cancel(call)
    if cancel_error is not None and mode == "STOP_ON_FAILURE":
        if limited is None:
            placing.count_orders(call.engine)
        raise _failed(_WHOLLY, 400 if limited is None else 429, limited, cancel_error, None)
    placed, place_error = _place(call, request, answer_type)
    if place_error is None and cancel_error is None:
        return {
            "cancelResult": "SUCCESS",
            "newOrderResult": "SUCCESS",
            "cancelResponse": canceled,
            "newOrderResponse": placed,
        }
    answers = cancel_error or canceled, place_error or placed
    if cancel_error is not None and place_error is not None:
        raise _failed(_WHOLLY, 400, limited, *answers)
    # Over the limit the cheap mode is told so, the tolerant one that half of it worked.
    status = 429 if limited is not None and mode == "STOP_ON_FAILURE" else 409
    raise _failed(_PARTLY, status, limited, *answers)


def _cancel(call: Call) -> tuple[Json, ApiError | None]:
    cancel_id = call.params.client_id("cancelNewClientOrderId") or new_id(call)
    try:
        order = find(call, BY_ID, BY_NAME)
        return wire.canceled(cancel_one(call, order, cancel_id, cancel_restriction(call)), cancel_id), None
    except Refused as refused:
        error = from_refusal(refused)
        if error.code != -2011:
            error = ApiError(-2011, "Cancel order is invalid. Check origClOrdId and orderId.")
        return {}, error


def _place(call: Call, request: OrderRequest, answer_type: str) -> tuple[Json, ApiError | None]:
    try:
        return wire.placed(place_one(call, request), answer_type), None
    except Refused as refused:
        return {}, from_refusal(refused)


def _failed(
    whole: tuple[int, str],
    status: int,
    limited: Refused | None,
    cancel: Json | ApiError,
    new_order: Json | ApiError | None,
) -> ApiError:
    data = {
        "cancelResult": _result(cancel),
        "newOrderResult": _result(new_order),
        "cancelResponse": _response(cancel),
        "newOrderResponse": _response(new_order),
    }
    retry_after_s = limited.retry_after_s if limited is not None and status == 429 else 0
    return ApiError(*whole, status=status, retry_after_s=retry_after_s, data=data)


def _result(part: Json | ApiError | None) -> str:
    return "NOT_ATTEMPTED" if part is None else "FAILURE" if isinstance(part, ApiError) else "SUCCESS"


def _response(part: Json | ApiError | None) -> Json | None:
    return part.body() if isinstance(part, ApiError) else part
