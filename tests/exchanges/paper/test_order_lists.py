"""Order lists: a pair locks once and only one of it trades; what waits comes when its order is filled."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchanges.paper import admin
from exchanges.paper.limits import Limits
from tests.exchanges.paper.placing import (
    HIGH,
    LOW,
    ORDER,
    first_passage_ms,
    inside,
    near,
    own_trades,
    queried,
    statuses,
    told,
)
from tests.exchanges.paper.venue import Answer, Venue, Wall

OCO, OTO, OTOCO = (f"/api/v3/orderList/{kind}" for kind in ("oco", "oto", "otoco"))
LIST = "/api/v3/orderList"
LIST_FIELDS = [
    "orderListId",
    "contingencyType",
    "listStatusType",
    "listOrderStatus",
    "listClientOrderId",
    "transactionTime",
    "symbol",
    "orders",
]


def without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def oco(**changes: Any) -> dict[str, Any]:
    """Return a pair that sells: a limit far above, a stop far below."""
    fields = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "quantity": "0.01",
        "aboveType": "LIMIT_MAKER",
        "abovePrice": HIGH,
        "belowType": "STOP_LOSS",
        "belowStopPrice": LOW,
        **changes,
    }
    return without_none(fields)


def bought(**changes: Any) -> dict[str, Any]:
    """Return a pair that buys: a stop far above, a limit far below."""
    fields = {
        "side": "BUY",
        "aboveType": "STOP_LOSS",
        "abovePrice": None,
        "aboveStopPrice": HIGH,
        "belowType": "LIMIT_MAKER",
        "belowStopPrice": None,
        "belowPrice": LOW,
    }
    return oco(**{**fields, **changes})


def oto(**changes: Any) -> dict[str, Any]:
    """Return a purchase far below, and the sale that waits for it."""
    fields = {
        "symbol": "BTCUSDT",
        "workingType": "LIMIT",
        "workingSide": "BUY",
        "workingPrice": LOW,
        "workingQuantity": "0.01",
        "workingTimeInForce": "GTC",
        "pendingType": "LIMIT",
        "pendingSide": "SELL",
        "pendingPrice": HIGH,
        "pendingQuantity": "0.01",
        "pendingTimeInForce": "GTC",
        **changes,
    }
    return without_none(fields)


def otoco(**changes: Any) -> dict[str, Any]:
    pair = {
        "pendingType": None,
        "pendingPrice": None,
        "pendingTimeInForce": None,
        "pendingAboveType": "LIMIT_MAKER",
        "pendingAbovePrice": HIGH,
        "pendingBelowType": "STOP_LOSS",
        "pendingBelowStopPrice": LOW,
    }
    return oto(**{**pair, "workingPrice": "40000.00", **changes})


def placed(venue: Venue, path: str, fields: dict[str, Any]) -> Any:
    answer = venue.signed("POST", path, **fields)
    assert answer.status == 200, answer
    return answer.body


RELATION = "The relationship of the prices for the orders is not correct."
REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    (OCO, oco(aboveType=None), -1102, "Mandatory parameter 'aboveType' was not sent"),
    (OCO, oco(quantity=None), -1102, "Mandatory parameter 'quantity' was not sent"),
    (OCO, oco(side="SHORT"), -1117, "Invalid side."),
    (OCO, oco(aboveType="LIMIT"), -1158, "Order type not supported in OCO."),
    (OCO, oco(aboveType="NONE"), -1116, "Invalid orderType."),
    (OCO, oco(belowType="LIMIT_MAKER"), -1168, "At least one OCO order must be contingent."),
    (
        OCO,
        bought(aboveType="LIMIT_MAKER", belowType="STOP_LOSS"),
        -1165,
        "A limit order in a buy OCO must be below.",
    ),
    (
        OCO,
        oco(aboveType="STOP_LOSS", belowType="LIMIT_MAKER"),
        -1197,
        "A stop loss order in a sell OCO must be below.",
    ),
    (
        OCO,
        oco(aboveType="TAKE_PROFIT", belowType="LIMIT_MAKER"),
        -1166,
        "A limit order in a sell OCO must be above.",
    ),
    (OCO, bought(belowType="STOP_LOSS"), -1196, "A stop loss order in a buy OCO must be above."),
    (OCO, bought(aboveType="TAKE_PROFIT"), -1198, "A take profit order in a buy OCO must be below."),
    (OCO, oco(belowType="TAKE_PROFIT"), -1199, "A take profit order in a sell OCO must be above."),
    (OCO, oco(abovePrice=None), -1102, "Mandatory parameter 'abovePrice' was not sent"),
    (
        OCO,
        oco(belowStopPrice=None),
        -1102,
        "Param 'belowStopPrice' or 'belowTrailingDelta' must be sent, but both were empty/null!",
    ),
    (OCO, oco(aboveTimeInForce="GTC"), -1106, "Parameter 'aboveTimeInForce' sent when not required."),
    (OCO, oco(belowPrice=LOW), -1106, "Parameter 'belowPrice' sent when not required."),
    (OCO, oco(abovePrice="60000"), -2010, RELATION),
    (OCO, oco(belowStopPrice="100000"), -2010, RELATION),
    (OCO, bought(belowPrice="100000"), -2010, RELATION),
    (OCO, oco(quantity="2"), -2010, "Account has insufficient balance for requested action."),
    (OCO, bought(quantity="0.1"), -2010, "Account has insufficient balance for requested action."),
    (OCO, oco(quantity="0.000015"), -1013, "Filter failure: LOT_SIZE"),
    (OCO, oco(abovePrice="999999"), -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    (OCO, oco(aboveClientOrderId="one", belowClientOrderId="one"), -2010, "Duplicate order sent."),
    (OCO, oco(aboveStrategyType="7"), -1134, "aboveStrategyType was less than 1000000."),
    (OCO, oco(newOrderRespType="ALL"), -1130, "Data sent for parameter 'newOrderRespType' is not valid."),
    (OTO, oto(workingType="MARKET"), -1130, "Data sent for parameter 'workingType' is not valid."),
    (OTO, oto(pendingPrice=None), -1102, "Mandatory parameter 'pendingPrice' was not sent"),
    (OTO, oto(pendingQuantity="0.00001"), -1013, "Filter failure: NOTIONAL"),
    (OTO, oto(workingQuantity="1"), -2010, "Account has insufficient balance for requested action."),
    (OTO, oto(workingType="LIMIT_MAKER"), -1106, "Parameter 'workingTimeInForce' sent when not required."),
    (OTOCO, otoco(pendingBelowType=None), -1102, "Mandatory parameter 'pendingBelowType' was not sent"),
    (OTOCO, otoco(pendingBelowType="LIMIT_MAKER"), -1168, "At least one OCO order must be contingent."),
    (OTOCO, otoco(pendingBelowStopPrice="160000"), -2010, RELATION),
]


@pytest.mark.parametrize(("path", "fields", "code", "text"), REFUSED)
def test_refusals_have_the_venues_codes_and_texts_and_change_nothing(
    venue: Venue, path: str, fields: dict[str, Any], code: int, text: str
) -> None:
    before = venue.balances()
    answer = venue.signed("POST", path, **fields)
    assert answer.refusal == (400, code), answer
    assert answer.body["msg"].startswith(text)
    assert venue.balances() == before
    assert statuses(venue) == []
    assert venue.order(quantity="0.001", price=LOW).body["orderId"] == 1


def test_a_pair_is_answered_listed_and_locks_once(venue: Venue) -> None:
    answer = placed(
        venue, OCO, oco(listClientOrderId="pair", aboveClientOrderId="up", belowClientOrderId="down")
    )
    assert list(answer) == [*LIST_FIELDS, "orderReports"]
    assert {name: answer[name] for name in LIST_FIELDS} == {
        "orderListId": 1,
        "contingencyType": "OCO",
        "listStatusType": "EXEC_STARTED",
        "listOrderStatus": "EXECUTING",
        "listClientOrderId": "pair",
        "transactionTime": venue.wall.now_ms,
        "symbol": "BTCUSDT",
        "orders": [
            {"symbol": "BTCUSDT", "orderId": 1, "clientOrderId": "down"},
            {"symbol": "BTCUSDT", "orderId": 2, "clientOrderId": "up"},
        ],
    }
    reports = answer["orderReports"]
    assert [(row["type"], row["status"], row["orderListId"]) for row in reports] == [
        ("STOP_LOSS", "NEW", 1),
        ("LIMIT_MAKER", "NEW", 1),
    ]
    assert venue.balances()["BTC"] == ("0.99000000", "0.01000000")
    shown = {name: answer[name] for name in LIST_FIELDS}
    assert venue.signed("GET", LIST, orderListId=1).body == shown
    assert venue.signed("GET", LIST, origClientOrderId="pair").body == shown
    assert venue.signed("GET", "/api/v3/openOrderList").body == [shown]
    assert venue.signed("GET", "/api/v3/allOrderList").body == [shown]
    assert [row["orderListId"] for row in venue.signed("GET", "/api/v3/openOrders").body] == [1, 1]
    assert told(venue) == [("NEW", 1, "NEW"), ("NEW", 2, "NEW"), ("EXEC_STARTED",)]
    counted = venue.signed("GET", "/api/v3/rateLimit/order").body
    assert [row["count"] for row in counted] == [2, 2]


def test_a_purchasing_pair_locks_what_its_dearer_leg_needs(venue: Venue) -> None:
    placed(venue, OCO, bought())
    assert venue.balances()["USDT"] == ("8500.00000000", "1500.00000000")
    venue.signed("DELETE", LIST, symbol="BTCUSDT", orderListId=1)
    assert venue.balances()["USDT"] == ("10000.00000000", "0.00000000")


def cancel_leg(venue: Venue) -> Answer:
    return venue.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=1)


def cancel_list(venue: Venue) -> Answer:
    return venue.signed("DELETE", LIST, symbol="BTCUSDT", orderListId=1, newClientOrderId="stop")


def cancel_everything(venue: Venue) -> Answer:
    return venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")


@pytest.mark.parametrize("cancel", [cancel_leg, cancel_list, cancel_everything])
@pytest.mark.parametrize(("path", "fields"), [(OCO, oco()), (OTO, oto()), (OTOCO, otoco())])
def test_canceling_one_leg_cancels_the_list(
    venue: Venue, cancel: Any, path: str, fields: dict[str, Any]
) -> None:
    before = venue.balances()
    count = len(placed(venue, path, fields)["orders"])
    assert cancel(venue).status == 200
    assert statuses(venue) == ["CANCELED"] * count
    assert venue.balances() == before
    assert venue.signed("GET", "/api/v3/openOrderList").body == []
    assert venue.signed("GET", LIST, orderListId=1).body["listOrderStatus"] == "ALL_DONE"
    assert [each for each in told(venue) if len(each) == 1] == [("EXEC_STARTED",), ("ALL_DONE",)]
    assert cancel(venue).body == {"code": -2011, "msg": "Unknown order sent."}


def test_a_canceled_list_is_answered_as_a_list(venue: Venue) -> None:
    placed(venue, OCO, oco(belowClientOrderId="down"))
    body = cancel_list(venue).body
    assert (body["listStatusType"], body["listOrderStatus"]) == ("ALL_DONE", "ALL_DONE")
    report = body["orderReports"][0]
    assert (report["origClientOrderId"], report["clientOrderId"]) == ("down", "stop")
    assert report["status"] == "CANCELED"
    placed(venue, OCO, oco())
    venue.order(quantity="0.01", price=LOW)
    rows = cancel_everything(venue).body
    assert [("orderReports" in row, row["orderListId"]) for row in rows] == [(True, 2), (False, -1)]


def test_the_limit_leg_trades_and_the_stop_leg_ends_in_the_same_step(venue: Venue, wall: Wall) -> None:
    price = near(venue, "1.0005")
    placed(venue, OCO, oco(abovePrice=price))
    wall.now_ms = first_passage_ms(venue, price, rising=True) + 60_000
    rows = [queried(venue, number) for number in (1, 2)]
    assert [(row["status"], row.get("expiryReason")) for row in rows] == [
        ("EXPIRED", "OCO_TRIGGER"),
        ("FILLED", None),
    ]
    assert {trade["orderListId"] for trade in own_trades(venue)} == {1}
    assert venue.balances()["BTC"] == ("0.99000000", "0.00000000")
    sequence = told(venue)[3:]
    assert sequence[0][:2] == ("TRADE", 2)
    assert ("EXPIRED", 1, "EXPIRED") in sequence
    assert sequence[-1] == ("ALL_DONE",)


def test_the_stop_leg_wakes_after_the_limit_leg_ended(venue: Venue, wall: Wall) -> None:
    price = near(venue, "0.9995")
    placed(venue, OCO, oco(belowStopPrice=price))
    wall.now_ms = first_passage_ms(venue, price, rising=False)
    assert statuses(venue) == ["FILLED", "EXPIRED"]
    assert queried(venue, 2)["expiryReason"] == "OCO_TRIGGER"
    assert venue.balances()["BTC"] == ("0.99000000", "0.00000000")
    assert [each for each in told(venue)[3:] if each[0] != "TRADE"] == [
        ("EXPIRED", 2, "EXPIRED"),
        ("NEW", 1, "NEW"),
        ("ALL_DONE",),
    ]


def test_a_stop_purchase_takes_over_what_the_limit_leg_had_locked(venue: Venue, wall: Wall) -> None:
    price = near(venue, "1.0005")
    placed(
        venue,
        OCO,
        bought(aboveType="STOP_LOSS_LIMIT", aboveStopPrice=price, abovePrice=price)
        | {"aboveTimeInForce": "GTC"},
    )
    admin.deposit(venue.exchange, "USDT", -Decimal(venue.balances()["USDT"][0]))
    wall.now_ms = first_passage_ms(venue, price, rising=True)
    row = queried(venue)
    assert row["isWorking"] is True
    assert statuses(venue)[1] == "EXPIRED"
    left = Decimal(row["origQty"]) - Decimal(row["executedQty"])
    assert Decimal(venue.balances()["USDT"][1]) == left * Decimal(price)


def test_a_leg_that_partly_trades_ends_the_other_and_goes_on(venue: Venue) -> None:
    """Our own purchase takes a part of the limit leg: the stop leg is gone, the rest of the limit stays."""
    price = inside(venue)
    placed(venue, OCO, oco(abovePrice=price))
    venue.order("BUY", "LIMIT", price=price, quantity="0.004", selfTradePreventionMode="NONE")
    assert statuses(venue) == ["EXPIRED", "PARTIALLY_FILLED", "FILLED"]
    assert venue.balances()["BTC"][1] == "0.00600000"
    assert venue.signed("GET", LIST, orderListId=1).body["listOrderStatus"] == "EXECUTING"


def test_a_leg_ended_by_self_trade_prevention_ends_the_list(venue: Venue) -> None:
    price = inside(venue)
    before = venue.balances()
    placed(venue, OCO, oco(abovePrice=price))
    venue.order("BUY", "LIMIT", price=price, quantity="0.004", timeInForce="IOC")
    assert statuses(venue) == ["EXPIRED", "EXPIRED_IN_MATCH", "EXPIRED"]
    assert venue.balances() == before


def test_the_words_of_before_2024_place_the_same_pair(venue: Venue) -> None:
    fields = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "quantity": "0.01",
        "price": HIGH,
        "stopPrice": LOW,
        "stopLimitPrice": LOW,
        "stopLimitTimeInForce": "GTC",
        "limitClientOrderId": "up",
        "stopClientOrderId": "down",
    }
    reports = placed(venue, "/api/v3/order/oco", fields)["orderReports"]
    assert [(row["type"], row["clientOrderId"]) for row in reports] == [
        ("STOP_LOSS_LIMIT", "down"),
        ("LIMIT_MAKER", "up"),
    ]
    missing = venue.signed(
        "POST", "/api/v3/order/oco", **without_none({**fields, "stopLimitTimeInForce": None})
    )
    assert missing.refusal == (400, -1102)
    plain = without_none({**fields, "stopLimitPrice": None, "stopLimitTimeInForce": None})
    names = {"limitClientOrderId": "up2", "stopClientOrderId": "down2"}
    assert placed(venue, "/api/v3/order/oco", plain | names)["orderReports"][0]["type"] == "STOP_LOSS"


def test_what_waits_locks_nothing_and_comes_when_its_order_is_filled(venue: Venue, wall: Wall) -> None:
    price = near(venue, "0.9995")
    answer = placed(venue, OTO, oto(workingPrice=price))
    assert [row["status"] for row in answer["orderReports"]] == ["NEW", "PENDING_NEW"]
    assert answer["contingencyType"] == "OTO"
    assert venue.balances()["BTC"] == ("1.00000000", "0.00000000")
    waiting = queried(venue, 2)
    assert (waiting["status"], waiting["isWorking"], waiting["workingTime"]) == ("PENDING_NEW", False, -1)
    assert told(venue) == [("NEW", 1, "NEW"), ("NEW", 2, "PENDING_NEW"), ("EXEC_STARTED",)]
    wall.now_ms = first_passage_ms(venue, price, rising=False) + 60_000
    assert statuses(venue) == ["FILLED", "NEW"]
    assert venue.balances()["BTC"][1] == "0.01000000"
    assert told(venue)[-1] == ("NEW", 2, "NEW")
    assert venue.signed("GET", LIST, orderListId=1).body["listOrderStatus"] == "EXECUTING"
    cancel_everything(venue)
    assert told(venue)[-1] == ("ALL_DONE",)


def test_a_working_order_filled_at_once_still_answers_pending(venue: Venue) -> None:
    answer = placed(venue, OTOCO, otoco(workingPrice="100000", newOrderRespType="FULL"))
    assert [row["status"] for row in answer["orderReports"]] == ["FILLED", "PENDING_NEW", "PENDING_NEW"]
    assert len(answer["orderReports"][0]["fills"]) > 0
    assert statuses(venue) == ["FILLED", "NEW", "NEW"]
    assert venue.balances()["BTC"][1] == "0.01000000"  # the pair locks once
    counted = venue.signed("GET", "/api/v3/rateLimit/order").body
    assert [row["count"] for row in counted] == [2, 2]  # three orders, one forgiven since it was filled


@pytest.mark.parametrize("time_in_force", ["IOC", "FOK"])
def test_a_working_order_that_expires_takes_what_waits_with_it(venue: Venue, time_in_force: str) -> None:
    placed(venue, OTOCO, otoco(workingTimeInForce=time_in_force))
    assert statuses(venue) == ["EXPIRED"] * 3
    assert queried(venue, 2)["expiryReason"] == "OTO_PHASE_ONE_EXPIRED"
    assert told(venue)[-1] == ("ALL_DONE",)


def test_what_cannot_come_in_when_its_time_comes_ends(venue: Venue) -> None:
    """The stop price is reached already, so that neither leg of the pair comes into the market."""
    stop = {"pendingBelowStopPrice": "120000.00", "workingPrice": "100000"}
    placed(venue, OTOCO, otoco(**stop))
    assert statuses(venue) == ["FILLED", "EXPIRED", "EXPIRED"]
    assert queried(venue, 3)["expiryReason"] == "REJECTED"
    assert venue.balances()["BTC"][1] == "0.00000000"


def test_a_waiting_market_order_trades_once_its_time_comes(venue: Venue) -> None:
    fields = oto(pendingType="MARKET", pendingPrice=None, pendingTimeInForce=None, workingPrice="100000")
    placed(venue, OTO, fields)
    assert statuses(venue) == ["FILLED", "FILLED"]
    assert len({trade["isBuyer"] for trade in own_trades(venue)}) == 2


def test_at_most_five_waiting_orders_count_in_lists_too_and_at_most_twenty_lists_stand(venue: Venue) -> None:
    admin.set_limits(venue.exchange, Limits(orders_per_ten_seconds=1000))
    for _ in range(5):
        placed(venue, OCO, oco())
    full = venue.signed("POST", OCO, **oco())
    assert full.body == {"code": -1013, "msg": "Filter failure: MAX_NUM_ALGO_ORDERS"}
    cancel_everything(venue)
    for _ in range(20):
        placed(venue, OTO, oto(workingQuantity="0.001", pendingQuantity="0.001"))
    full = venue.signed("POST", OTO, **oto(workingQuantity="0.001"))
    assert full.body == {"code": -1013, "msg": "Filter failure: MAX_NUM_ORDER_LISTS"}


def test_a_list_counts_all_its_orders_against_the_limit(venue: Venue) -> None:
    admin.set_limits(venue.exchange, Limits(orders_per_ten_seconds=4))
    answer = venue.signed("POST", OTOCO, **otoco())
    assert (answer.headers["X-MBX-ORDER-COUNT-10S"], answer.status) == ("3", 200)
    refused = venue.signed("POST", OCO, **oco())
    assert refused.refusal == (429, -1015)
    assert venue.order(quantity="0.001", price=LOW).status == 200


def test_names_of_lists_are_unique_among_the_open_ones(venue: Venue) -> None:
    placed(venue, OCO, oco(listClientOrderId="pair"))
    again = venue.signed("POST", OCO, **oco(listClientOrderId="pair"))
    assert again.body == {"code": -2010, "msg": "Duplicate order sent."}
    cancel_list(venue)
    assert placed(venue, OCO, oco(listClientOrderId="pair"))["orderListId"] == 2
    assert venue.signed("GET", LIST, origClientOrderId="pair").body["orderListId"] == 2


def test_lists_are_listed_by_id_time_and_number(venue: Venue, wall: Wall) -> None:
    for _ in range(3):
        placed(venue, OCO, oco())
        wall.forward(1_000)
    path = "/api/v3/allOrderList"

    def ids(**params: Any) -> list[int]:
        return [row["orderListId"] for row in venue.signed("GET", path, **params).body]

    start = wall.now_ms - 2_000
    assert ids() == [1, 2, 3]
    assert ids(limit=2) == [2, 3]
    assert ids(fromId=2) == [2, 3]
    assert ids(startTime=start) == [2, 3]
    assert ids(endTime=start) == [1, 2]
    assert venue.signed("GET", path, fromId=2, startTime=start).refusal == (400, -1128)
    assert venue.signed("GET", LIST, orderListId=9).body == {
        "code": -2018,
        "msg": "Order list does not exist.",
    }
    assert venue.signed("GET", LIST).refusal == (400, -1102)
    assert venue.signed("DELETE", LIST, symbol="ETHUSDT", orderListId=1).refusal == (400, -2011)


def test_a_pair_left_by_a_dead_process_is_followed_by_the_next(venues: Any, wall: Wall) -> None:
    first = venues()
    price = near(first, "1.0005")
    placed(first, OCO, oco(abovePrice=price))
    reached_ms = first_passage_ms(first, price, rising=True)
    first.exchange.close()
    wall.now_ms = reached_ms + 3_600_000
    later = venues()
    assert statuses(later) == ["EXPIRED", "FILLED"]
    assert later.signed("GET", "/api/v3/openOrderList").body == []
    later.exchange.reset()
    assert later.signed("GET", "/api/v3/allOrderList").body == []
    assert placed(later, OCO, oco())["orderListId"] == 1


def test_pairs_of_two_stops_trade_one_of_them(venue: Venue, wall: Wall) -> None:
    price = near(venue, "1.0005")
    placed(venue, OCO, oco(aboveType="TAKE_PROFIT", abovePrice=None, aboveStopPrice=price))
    assert venue.balances()["BTC"][1] == "0.01000000"
    wall.now_ms = first_passage_ms(venue, price, rising=True)
    assert statuses(venue) == ["EXPIRED", "FILLED"]
    assert venue.balances()["BTC"] == ("0.99000000", "0.00000000")
