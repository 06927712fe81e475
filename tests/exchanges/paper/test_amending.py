"""Amendments: a smaller quantity, the same order, the same place in the queue."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchanges.paper import admin
from tests.exchanges.paper.placing import HIGH, LOW, ORDER, events, inside, queried, statuses
from tests.exchanges.paper.venue import Answer, Venue

AMEND = "/api/v3/order/amend/keepPriority"


def amend(venue: Venue, quantity: str, order_id: int = 1, **changes: Any) -> Answer:
    fields = {"symbol": "BTCUSDT", "orderId": order_id, "newQty": quantity, **changes}
    return venue.signed("PUT", AMEND, **fields)


def refusal(answer: Answer) -> tuple[int, str]:
    assert answer.status == 400
    return answer.code, answer.body["msg"]


def test_an_amended_order_is_smaller_and_renamed(venue: Venue) -> None:
    venue.order(quantity="0.01", price=LOW, newClientOrderId="first")
    answer = amend(venue, "0.004", newClientOrderId="second").body
    assert list(answer) == ["transactTime", "executionId", "amendedOrder"]
    assert answer["amendedOrder"] == {
        "symbol": "BTCUSDT",
        "orderId": 1,
        "orderListId": -1,
        "origClientOrderId": "first",
        "clientOrderId": "second",
        "price": "50000.00000000",
        "qty": "0.00400000",
        "executedQty": "0.00000000",
        "preventedQty": "0.00000000",
        "quoteOrderQty": "0.00000000",
        "cumulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "workingTime": venue.wall.now_ms,
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }
    assert venue.balances()["USDT"] == ("9800.00000000", "200.00000000")
    assert queried(venue)["origQty"] == "0.00400000"
    assert venue.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="second").status == 200
    told = [event for event in events(venue) if event.execution == "REPLACED"]
    assert [event.execution_id for event in told] == [answer["executionId"]]
    assert told[0].amendment is not None
    assert told[0].amendment.client_id_before == "first"
    rows = venue.signed("GET", "/api/v3/order/amendments", symbol="BTCUSDT", orderId=1).body
    assert rows == [
        {
            "symbol": "BTCUSDT",
            "orderId": 1,
            "executionId": answer["executionId"],
            "origClientOrderId": "first",
            "newClientOrderId": "second",
            "origQty": "0.01000000",
            "newQty": "0.00400000",
            "time": venue.wall.now_ms,
        }
    ]
    assert venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT").status == 200
    assert venue.balances()["USDT"] == ("10000.00000000", "0.00000000")


def test_the_old_name_is_free_again_and_a_name_is_made_up(venue: Venue) -> None:
    venue.order(quantity="0.01", price=LOW, newClientOrderId="first")
    made_up = amend(venue, "0.009").body["amendedOrder"]["clientOrderId"]
    assert len(made_up) == 22
    assert venue.order(quantity="0.001", price=LOW, newClientOrderId="first").status == 200
    kept = amend(venue, "0.008", newClientOrderId=made_up).body["amendedOrder"]
    assert (kept["origClientOrderId"], kept["clientOrderId"]) == (made_up, made_up)
    taken = amend(venue, "0.007", newClientOrderId="first")
    assert refusal(taken) == (-2038, "Duplicate order sent.")


def test_what_cannot_be_amended(venue: Venue) -> None:
    venue.order(quantity="0.01", price=LOW)
    increase = "Order amend (quantity increase) is not supported."
    assert refusal(amend(venue, "0.02")) == (-2038, increase)
    no_change = "The requested action would change no state; rejecting"
    assert refusal(amend(venue, "0.01")) == (-2038, no_change)
    assert refusal(amend(venue, "0.000015")) == (-1013, "Filter failure: LOT_SIZE")
    assert refusal(amend(venue, "0.00009")) == (-1013, "Filter failure: NOTIONAL")
    assert refusal(amend(venue, "0")) == (-1013, "Invalid newQty.")
    assert refusal(amend(venue, "0.001", order_id=7)) == (-2038, "Unknown order sent.")
    assert amend(venue, "0.001", origClientOrderId="other").refusal == (400, -2039)
    assert venue.signed("PUT", AMEND, symbol="BTCUSDT", newQty="0.001").refusal == (400, -1102)
    venue.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=1)
    assert refusal(amend(venue, "0.001")) == (-2038, "Unknown order sent.")


def test_ten_amendments_are_the_most(venue: Venue) -> None:
    venue.order(quantity="0.02", price=LOW)
    for number in range(10):
        assert amend(venue, f"0.0{19 - number}").status == 200
    assert refusal(amend(venue, "0.005")) == (-2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
    path = "/api/v3/order/amendments"
    rows = venue.signed("GET", path, symbol="BTCUSDT", orderId=1, limit=3).body
    assert [row["newQty"] for row in rows] == ["0.01900000", "0.01800000", "0.01700000"]
    later = venue.signed("GET", path, symbol="BTCUSDT", orderId=1, fromExecutionId=rows[2]["executionId"])
    assert len(later.body) == 8


@pytest.mark.parametrize(
    ("status", "code"), [("CANCEL_ONLY", None), ("HALT", -2038), ("BREAK", -2038), ("TRADING", None)]
)
def test_amendments_need_a_symbol_that_takes_them(venue: Venue, status: Any, code: int | None) -> None:
    venue.order(quantity="0.01", price=LOW)
    admin.set_symbol_status(venue.exchange, "BTCUSDT", status)
    assert amend(venue, "0.004").body.get("code") == code


def test_an_amended_order_keeps_its_place(venue: Venue) -> None:
    price = inside(venue)
    for _ in range(2):
        venue.order("SELL", price=price, quantity="0.01")
    amend(venue, "0.004")
    venue.order("BUY", price=price, quantity="0.003", selfTradePreventionMode="NONE", timeInForce="IOC")
    assert statuses(venue) == ["PARTIALLY_FILLED", "NEW", "FILLED"]


def test_an_order_that_traded_as_much_already_ends(venue: Venue) -> None:
    price = inside(venue)
    venue.order("SELL", price=price, quantity="0.01")
    venue.order("BUY", price=price, quantity="0.004", selfTradePreventionMode="NONE")
    ended = amend(venue, "0.004").body["amendedOrder"]
    assert (ended["status"], ended["expiryReason"]) == ("EXPIRED", "EXCHANGE_CANCELED")
    assert (ended["qty"], ended["executedQty"]) == ("0.01000000", "0.00400000")
    assert venue.balances()["BTC"][1] == "0.00000000"


def test_both_legs_of_a_pair_become_smaller(venue: Venue) -> None:
    fields = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "quantity": "0.01",
        "aboveType": "STOP_LOSS",
        "aboveStopPrice": HIGH,
        "belowType": "LIMIT_MAKER",
        "belowPrice": LOW,
        "belowClientOrderId": "limit",
    }
    venue.signed("POST", "/api/v3/orderList/oco", **fields)
    answer = amend(venue, "0.004", order_id=2, newClientOrderId="smaller").body
    assert answer["listStatus"]["orders"][1] == {
        "symbol": "BTCUSDT",
        "orderId": 2,
        "clientOrderId": "smaller",
    }
    assert [queried(venue, number)["origQty"] for number in (1, 2)] == ["0.00400000"] * 2
    assert venue.balances()["USDT"] == ("9400.00000000", "600.00000000")
    told = [event.order_list.status_type for event in events(venue) if event.order_list is not None]
    assert told == ["EXEC_STARTED", "UPDATED"]
    kept = amend(venue, "0.003", order_id=2, newClientOrderId="smaller").body
    assert kept["listStatus"]["listOrderStatus"] == "EXECUTING"
    assert len([event for event in events(venue) if event.order_list is not None]) == 2
    venue.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=1)
    assert venue.balances()["USDT"] == ("10000.00000000", "0.00000000")


def test_an_order_that_waits_for_another_becomes_smaller_too(venue: Venue) -> None:
    fields = {
        "symbol": "BTCUSDT",
        "workingType": "LIMIT",
        "workingSide": "BUY",
        "workingPrice": LOW,
        "workingQuantity": "0.01",
        "workingTimeInForce": "GTC",
        "pendingType": "LIMIT_MAKER",
        "pendingSide": "SELL",
        "pendingPrice": HIGH,
        "pendingQuantity": "0.01",
    }
    venue.signed("POST", "/api/v3/orderList/oto", **fields)
    assert amend(venue, "0.004", order_id=2).status == 200
    assert queried(venue, 2)["origQty"] == "0.00400000"
    assert venue.balances()["BTC"][1] == "0.00000000"


def test_an_amended_iceberg_shows_no_more_than_is_left(venue: Venue) -> None:
    price = inside(venue)
    venue.order("SELL", price=price, quantity="0.01", icebergQty="0.005")
    amend(venue, "0.002")
    asks = venue.public("/api/v3/depth", symbol="BTCUSDT", limit=1).body["asks"]
    assert [Decimal(value) for value in asks[0]] == [Decimal(price), Decimal("0.002")]
