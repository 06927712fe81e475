"""Cancel-replace: each half can fail by itself, and the answer says which."""

from __future__ import annotations

from typing import Any

import pytest

from exchanges.paper import admin
from exchanges.paper.limits import Limits
from tests.exchanges.paper.placing import LOW, queried, statuses
from tests.exchanges.paper.venue import Answer, Venue, sign

REPLACE = "/api/v3/order/cancelReplace"
UNKNOWN = {"code": -2011, "msg": "Unknown order sent."}
POOR = {"code": -2010, "msg": "Account has insufficient balance for requested action."}


def replace(venue: Venue, mode: str = "STOP_ON_FAILURE", **changes: Any) -> Answer:
    """Replace order 1 by a purchase far below."""
    fields = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.002",
        "price": LOW,
        "cancelReplaceMode": mode,
        "cancelOrderId": 1,
        **changes,
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    return venue.signed("POST", REPLACE, **fields)


def results(answer: Answer) -> tuple[Any, ...]:
    """Return status, code, and what became of both halves."""
    data = answer.body["data"]
    return (
        answer.status,
        answer.code,
        data["cancelResult"],
        data["newOrderResult"],
        data["cancelResponse"] and data["cancelResponse"].get("code"),
        data["newOrderResponse"] and data["newOrderResponse"].get("code"),
    )


def test_both_halves_succeed(venue: Venue) -> None:
    venue.order(quantity="0.001", price=LOW, newClientOrderId="old")
    answer = replace(venue, newClientOrderId="new", cancelNewClientOrderId="stop")
    assert answer.status == 200
    body = answer.body
    assert list(body) == ["cancelResult", "newOrderResult", "cancelResponse", "newOrderResponse"]
    assert (body["cancelResult"], body["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert (body["cancelResponse"]["origClientOrderId"], body["cancelResponse"]["clientOrderId"]) == (
        "old",
        "stop",
    )
    assert (body["newOrderResponse"]["clientOrderId"], body["newOrderResponse"]["fills"]) == ("new", [])
    assert statuses(venue) == ["CANCELED", "NEW"]
    assert venue.balances()["USDT"][1] == "100.00000000"
    assert answer.headers["X-MBX-ORDER-COUNT-10S"] == "2"


def test_money_freed_by_the_cancel_pays_for_the_new_order(venue: Venue) -> None:
    venue.order(quantity="0.15", price=LOW)
    assert replace(venue, quantity="0.19").status == 200
    assert venue.balances()["USDT"] == ("500.00000000", "9500.00000000")


def test_nothing_is_placed_when_the_cancel_fails(venue: Venue) -> None:
    answer = replace(venue)
    assert results(answer) == (400, -2022, "FAILURE", "NOT_ATTEMPTED", -2011, None)
    assert answer.body["msg"] == "Order cancel-replace failed."
    assert answer.body["data"]["cancelResponse"] == UNKNOWN
    assert answer.body["data"]["newOrderResponse"] is None
    assert statuses(venue) == []
    counted = venue.signed("GET", "/api/v3/rateLimit/order").body
    assert counted[0]["count"] == 1  # not attempted, but counted


def test_a_failed_new_order_leaves_the_cancel_done(venue: Venue) -> None:
    for mode in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
        order_id = venue.order(quantity="0.001", price=LOW).body["orderId"]
        answer = replace(venue, mode, quantity="1", cancelOrderId=order_id)
        assert results(answer) == (409, -2021, "SUCCESS", "FAILURE", None, -2010)
        assert answer.body["msg"] == "Order cancel-replace partially failed."
        assert answer.body["data"]["newOrderResponse"] == POOR
        assert queried(venue, order_id)["status"] == "CANCELED"
    assert venue.balances()["USDT"][1] == "0.00000000"


def test_a_failed_cancel_is_allowed(venue: Venue) -> None:
    answer = replace(venue, "ALLOW_FAILURE")
    assert results(answer) == (409, -2021, "FAILURE", "SUCCESS", -2011, None)
    assert answer.body["data"]["newOrderResponse"]["status"] == "NEW"
    assert statuses(venue) == ["NEW"]


def test_both_halves_fail(venue: Venue) -> None:
    answer = replace(venue, "ALLOW_FAILURE", quantity="1")
    assert results(answer) == (400, -2022, "FAILURE", "FAILURE", -2011, -2010)


def test_filters_are_looked_at_before_anything_is_canceled(venue: Venue) -> None:
    venue.order(quantity="0.001", price=LOW)
    answer = replace(venue, price="50000.001")
    assert answer.body == {"code": -1013, "msg": "Filter failure: PRICE_FILTER"}
    assert statuses(venue) == ["NEW"]


LIMITED = [
    ("STOP_ON_FAILURE", 1, (429, -2021, "SUCCESS", "FAILURE", None, -1015)),
    ("STOP_ON_FAILURE", 9, (429, -2022, "FAILURE", "NOT_ATTEMPTED", -2011, None)),
    ("ALLOW_FAILURE", 1, (409, -2021, "SUCCESS", "FAILURE", None, -1015)),
    ("ALLOW_FAILURE", 9, (400, -2022, "FAILURE", "FAILURE", -2011, -1015)),
]


@pytest.mark.parametrize(("mode", "order_id", "expected"), LIMITED)
def test_over_the_order_limit_the_cancel_can_still_be_had(
    venue: Venue, mode: str, order_id: int, expected: tuple[Any, ...]
) -> None:
    venue.order(quantity="0.001", price=LOW)
    admin.set_limits(venue.exchange, Limits(orders_per_ten_seconds=1))
    plain = replace(venue, mode)
    assert plain.refusal == (429, -1015)
    assert statuses(venue) == ["NEW"]
    answer = replace(venue, mode, cancelOrderId=order_id, orderRateLimitExceededMode="CANCEL_ONLY")
    assert results(answer) == expected
    assert statuses(venue) == ["CANCELED" if order_id == 1 else "NEW"]


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"cancelOrderId": None}, -1102, "Param 'cancelOrigClientOrderId' or 'cancelOrderId' must be sent"),
        ({"cancelReplaceMode": None}, -1102, "Mandatory parameter 'cancelReplaceMode' was not sent"),
        ({"cancelReplaceMode": "SOME"}, -1130, "Data sent for parameter 'cancelReplaceMode' is not valid."),
        ({"cancelRestrictions": "SOME"}, -1145, "Invalid cancelRestrictions"),
        ({"orderRateLimitExceededMode": "X"}, -1130, "Data sent for parameter 'orderRateLimitExceededMode'"),
        ({"newOrderRespType": "X"}, -1130, "Data sent for parameter 'newOrderRespType' is not valid."),
        ({"type": "MARKET"}, -1106, "Parameter 'timeInForce' sent when not required."),
    ],
)
def test_what_is_malformed_cancels_nothing(
    venue: Venue, changes: dict[str, Any], code: int, text: str
) -> None:
    venue.order(quantity="0.001", price=LOW)
    answer = replace(venue, **changes)
    assert answer.refusal == (400, code)
    assert answer.body["msg"].startswith(text)
    assert statuses(venue) == ["NEW"]


def test_restrictions_and_names_of_the_cancel(venue: Venue) -> None:
    venue.order(quantity="0.001", price=LOW, newClientOrderId="old")
    restricted = replace(venue, cancelRestrictions="ONLY_PARTIALLY_FILLED")
    assert restricted.body["data"]["cancelResponse"]["msg"] == (
        "Order was not canceled due to cancel restrictions."
    )
    wrong = replace(venue, cancelOrigClientOrderId="other")
    assert wrong.body["data"]["cancelResponse"]["code"] == -2011
    assert replace(venue, cancelOrderId=None, cancelOrigClientOrderId="old").status == 200


def test_replacing_a_leg_cancels_its_list(venue: Venue) -> None:
    pair = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "quantity": "0.01",
        "aboveType": "LIMIT_MAKER",
        "abovePrice": "150000",
        "belowType": "STOP_LOSS",
        "belowStopPrice": LOW,
    }
    venue.signed("POST", "/api/v3/orderList/oco", **pair)
    assert replace(venue).status == 200
    assert statuses(venue) == ["CANCELED", "CANCELED", "NEW"]


def test_a_halted_symbol_cancels_and_does_not_replace(venue: Venue) -> None:
    venue.order(quantity="0.001", price=LOW)
    admin.set_symbol_status(venue.exchange, "BTCUSDT", "HALT")
    answer = replace(venue)
    assert results(answer) == (409, -2021, "SUCCESS", "FAILURE", None, -2010)
    assert answer.body["data"]["newOrderResponse"]["msg"] == "Market is closed."


def test_half_a_failure_has_its_times_in_the_unit_that_was_asked_for(venue: Venue) -> None:
    venue.order(quantity="0.001", price=LOW)
    query = f"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=9&price={LOW}&cancelOrderId=1"
    query += f"&cancelReplaceMode=STOP_ON_FAILURE&timestamp={venue.exchange.now_ms()}"
    query += f"&signature={sign(venue.secret, query)}"
    headers = {"X_MBX_APIKEY": venue.api_key, "X_MBX_TIME_UNIT": "MICROSECOND"}
    answer = venue.send("POST", REPLACE, query=query, **headers)
    assert results(answer)[:4] == (409, -2021, "SUCCESS", "FAILURE")
    assert answer.body["data"]["cancelResponse"]["transactTime"] == venue.wall.now_ms * 1000
