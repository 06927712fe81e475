"""Binance's execution rules and reference prices: no symbol here has any."""

from __future__ import annotations

from exchanges.paper.dialects.binance.call import Call
from exchanges.paper.dialects.binance.errors import NO_REFERENCE_PRICE, ApiError
from exchanges.paper.dialects.binance.market import check_status, selected
from exchanges.paper.dialects.binance.wire import Json


def execution_rules(call: Call) -> Json:
    status, engine = call.params.status(), call.engine
    listed = [each for each in selected(call) if status in (None, engine.status_of(each.name))]
    return {"symbolRules": [{"symbol": symbol.name, "rules": []} for symbol in listed]}


def reference_price(call: Call) -> Json:
    check_status(call, call.params.symbol())
    raise ApiError(*NO_REFERENCE_PRICE)
