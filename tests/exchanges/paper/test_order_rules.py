"""What a symbol and an account allow: declared truthfully, and kept by every way to place an order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from exchanges.paper import admin
from exchanges.paper.symbols import SYMBOLS, units
from tests.exchanges.paper.placing import HIGH, LOW, statuses
from tests.exchanges.paper.venue import Venue, sign

OCO = {
    "side": "SELL",
    "quantity": "0.01",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": HIGH,
    "belowType": "STOP_LOSS",
    "belowStopPrice": LOW,
}
OTO = {
    "workingType": "LIMIT",
    "workingSide": "BUY",
    "workingPrice": LOW,
    "workingQuantity": "0.01",
    "workingTimeInForce": "GTC",
    "pendingType": "MARKET",
    "pendingSide": "SELL",
    "pendingQuantity": "0.01",
}
PLACING: list[tuple[str, dict[str, Any]]] = [
    ("order", {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": LOW}),
    ("order", {"side": "BUY", "type": "MARKET", "quantity": "0.01"}),
    ("order", {"side": "SELL", "type": "STOP_LOSS", "quantity": "0.01", "trailingDelta": "100"}),
    ("orderList/oco", OCO),
    ("orderList/oto", OTO),
]


@pytest.mark.parametrize(("path", "fields"), PLACING)
@pytest.mark.parametrize("status", ["HALT", "BREAK", "CANCEL_ONLY"])
def test_a_symbol_that_does_not_trade_takes_no_orders(
    venue: Venue, path: str, fields: dict[str, Any], status: Any
) -> None:
    admin.set_symbol_status(venue.exchange, "BTCUSDT", status)
    refused = venue.signed("POST", f"/api/v3/{path}", symbol="BTCUSDT", **fields)
    assert refused.body == {"code": -2010, "msg": "Market is closed."}
    assert venue.public("/api/v3/exchangeInfo", symbol="BTCUSDT").body["symbols"][0]["status"] == status
    assert statuses(venue) == []
    admin.set_symbol_status(venue.exchange, "BTCUSDT", "TRADING")
    assert venue.signed("POST", f"/api/v3/{path}", symbol="BTCUSDT", **fields).status == 200


@pytest.mark.parametrize("status", ["HALT", "BREAK", "CANCEL_ONLY"])
def test_what_stands_can_be_canceled_whatever_the_symbol_s_state(venue: Venue, status: Any) -> None:
    venue.order(quantity="0.001", price=LOW)
    venue.signed("POST", "/api/v3/orderList/oco", symbol="BTCUSDT", **OCO)
    venue.signed("POST", "/api/v3/orderList/oto", symbol="BTCUSDT", **OTO)
    admin.set_symbol_status(venue.exchange, "BTCUSDT", status)
    assert venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=1).status == 200
    assert venue.signed("DELETE", "/api/v3/orderList", symbol="BTCUSDT", orderListId=1).status == 200
    assert venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT").status == 200
    assert set(statuses(venue)) == {"CANCELED"}


def test_exchange_info_says_what_is_served_and_what_is_not(venue: Venue) -> None:
    (info,) = venue.public("/api/v3/exchangeInfo", symbol="BTCUSDT").body["symbols"]
    allowed = {name: info[name] for name in info if name.endswith("Allowed") or name == "allowTrailingStop"}
    assert allowed == {
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
    }
    assert info["allowedSelfTradePreventionModes"] == [
        "NONE",
        "EXPIRE_TAKER",
        "EXPIRE_MAKER",
        "EXPIRE_BOTH",
        "DECREMENT",
        "TRANSFER",
    ]
    assert "sors" not in venue.public("/api/v3/exchangeInfo").body


def test_a_position_may_be_limited(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account holds 1 BTC."""
    limited = replace(SYMBOLS["BTCUSDT"], max_position=units("1.05"))
    monkeypatch.setitem(SYMBOLS, "BTCUSDT", limited)
    (info,) = venue.public("/api/v3/exchangeInfo", symbol="BTCUSDT").body["symbols"]
    assert {"filterType": "MAX_POSITION", "maxPosition": "1.05000000"} in info["filters"]
    assert venue.order(quantity="0.04", price=LOW).status == 200
    full = venue.order(quantity="0.02", price=LOW)
    assert full.body == {"code": -1013, "msg": "Filter failure: MAX_POSITION"}
    assert venue.order("SELL", quantity="0.02", price=HIGH).status == 200
    assert venue.order(quantity="0.01", price=LOW).status == 200


def test_smart_order_routing_is_not_supported(venue: Venue) -> None:
    fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    for path in ("sor/order", "sor/order/test"):
        refused = venue.signed("POST", f"/api/v3/{path}", **fields)
        assert refused.body == {"code": -1020, "msg": "This operation is not supported."}
    assert venue.signed("GET", "/api/v3/myAllocations", symbol="BTCUSDT").body == []


def test_nothing_beyond_the_public_filters_binds_the_account(venue: Venue) -> None:
    filters = venue.signed("GET", "/api/v3/myFilters", symbol="BTCUSDT").body
    assert filters == {"exchangeFilters": [], "symbolFilters": [], "assetFilters": []}


def test_no_symbol_has_execution_rules_or_a_reference_price(venue: Venue) -> None:
    rules = venue.public("/api/v3/executionRules", symbol="BTCUSDT").body
    assert rules == {"symbolRules": [{"symbol": "BTCUSDT", "rules": []}]}
    assert len(venue.public("/api/v3/executionRules").body["symbolRules"]) == len(SYMBOLS)
    for path in ("referencePrice", "referencePrice/calculation"):
        answer = venue.public(f"/api/v3/{path}", symbol="BTCUSDT")
        assert answer.body == {"code": -2043, "msg": "This symbol doesn't have a reference price."}


def test_weights_of_the_order_endpoints(venue: Venue) -> None:
    def weight(method: str, path: str, **params: Any) -> int:
        before = int(venue.public("/api/v3/ping").headers["X-MBX-USED-WEIGHT"])
        answer = venue.signed(method, f"/api/v3/{path}", **params)
        return int(answer.headers["X-MBX-USED-WEIGHT"]) - before

    symbol = {"symbol": "BTCUSDT"}
    assert weight("POST", "orderList/oco", **symbol, **OCO) == 0
    assert weight("POST", "orderList/oco", **symbol, **{**OCO, "quantity": "9"}) == 1
    assert weight("GET", "orderList", orderListId=1) == 4
    assert weight("GET", "openOrderList") == 6
    assert weight("GET", "allOrderList") == 20
    assert weight("PUT", "order/amend/keepPriority", **symbol, orderId=1, newQty="0.009") == 4
    assert weight("GET", "order/amendments", **symbol, orderId=1) == 4
    assert weight("GET", "myPreventedMatches", **symbol, preventedMatchId=1) == 2
    assert weight("GET", "myPreventedMatches", **symbol, orderId=1) == 20
    assert weight("GET", "myFilters", **symbol) == 40
    assert weight("GET", "rateLimit/order") == 40
    assert weight("DELETE", "orderList", **symbol, orderListId=1) == 0


def test_order_and_list_times_can_be_had_in_microseconds(venue: Venue) -> None:
    body = venue.signed("POST", "/api/v3/orderList/oco", symbol="BTCUSDT", **OCO).body
    headers = {"X_MBX_APIKEY": venue.api_key, "X_MBX_TIME_UNIT": "MICROSECOND"}

    query = urlencode({"orderListId": 1, "timestamp": venue.exchange.now_ms()})
    query += f"&signature={sign(venue.secret, query)}"
    row = venue.send("GET", "/api/v3/orderList", query=query, **headers).body
    assert row["transactionTime"] == body["transactionTime"] * 1000
