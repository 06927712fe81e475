"""Placing, querying and canceling orders: what is accepted, what is refused, and what both do to balances."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from exchanges.paper import admin
from tests.exchanges.paper.conftest import OpenVenue
from tests.exchanges.paper.venue import Venue, Wall

ORDER = "/api/v3/order"
LOW = "50000.00"


def buy(**changes: Any) -> dict[str, Any]:
    """Return a limit order that rests far below the market, with changes; None takes a field away."""
    fields = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.001",
        "price": LOW,
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


MARKET = {"type": "MARKET", "timeInForce": None, "price": None}
REFUSED: list[tuple[dict[str, Any], int, str]] = [
    (buy(symbol=None), -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
    (buy(side=""), -1102, "Mandatory parameter 'side' was not sent, was empty/null, or malformed."),
    (buy(symbol="btcusdt"), -1100, r"Illegal characters found in parameter 'symbol'; legal range is "),
    (buy(symbol="BTC/USDT"), -1100, r"Illegal characters found in parameter 'symbol'; legal range is "),
    (buy(symbol="NOSUCH"), -1121, "Invalid symbol."),
    (buy(symbol="１２３４５６"), -1121, "Invalid symbol."),
    (buy(side="LONG"), -1117, "Invalid side."),
    (buy(type="LIMITED"), -1116, "Invalid orderType."),
    (buy(timeInForce="GTD"), -1115, "Invalid timeInForce."),
    (buy(price=None), -1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed."),
    (buy(timeInForce=None), -1102, "Mandatory parameter 'timeInForce' was not sent"),
    (buy(quantity=None), -1102, "Mandatory parameter 'quantity' was not sent"),
    (buy(quoteOrderQty="10"), -1106, "Parameter 'quoteOrderQty' sent when not required."),
    (buy(stopPrice="10"), -1106, "Parameter 'stopPrice' sent when not required."),
    (buy(type="LIMIT_MAKER"), -1106, "Parameter 'timeInForce' sent when not required."),
    (buy(type="MARKET", price=None), -1106, "Parameter 'timeInForce' sent when not required."),
    (buy(type="MARKET", timeInForce=None), -1106, "Parameter 'price' sent when not required."),
    (
        buy(**MARKET, quantity=None),
        -1102,
        "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!",
    ),
    (buy(**MARKET, quoteOrderQty="10"), -1106, "Parameter 'quoteOrderQty' sent when not required."),
    (
        buy(quantity="1e-05"),
        -1100,
        "Illegal characters found in parameter 'quantity'; "
        r"legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'.",
    ),
    (buy(quantity="-1"), -1100, "Illegal characters found in parameter 'quantity'"),
    (buy(price="NaN"), -1100, "Illegal characters found in parameter 'price'"),
    (buy(price="٣"), -1100, "Illegal characters found in parameter 'price'"),
    (buy(price="0.123456789"), -1111, "Parameter 'price' has too much precision."),
    (buy(quantity="0.000000001"), -1111, "Parameter 'quantity' has too much precision."),
    (buy(quantity="0.00000000"), -1013, "Invalid quantity."),
    (buy(price="0"), -1013, "Invalid price."),
    (buy(newClientOrderId="a b"), -1100, "Illegal characters found in parameter 'newClientOrderId'"),
    (buy(newClientOrderId="a" * 37), -1100, "Illegal characters found in parameter 'newClientOrderId'"),
    (buy(newOrderRespType="SOME"), -1130, "Data sent for parameter 'newOrderRespType' is not valid."),
    (buy(strategyType="999999"), -1134, "strategyType was less than 1000000."),
    (
        buy(selfTradePreventionMode="DECREASE"),
        -1130,
        "Data sent for parameter 'selfTradePreventionMode' is not valid.",
    ),
    (
        buy(comment="x"),
        -1104,
        "Not all sent parameters were read; read '8' parameter(s) but was sent '9'.",
    ),
    (buy(icebergQty="0.01"), -2010, "IcebergQty exceeds QTY."),
    (buy(icebergQty="0.0001", timeInForce="IOC"), -1014, "Unsupported order combination."),
    (buy(**MARKET, icebergQty="0.0001"), -1106, "Parameter 'icebergQty' sent when not required."),
    (buy(icebergQty="0.000015"), -1013, "Filter failure: LOT_SIZE"),
    (buy(quantity="0.1", icebergQty="0.00099"), -1013, "Filter failure: ICEBERG_PARTS"),
    (buy(pegPriceType="PRIMARY_PEG"), -2010, "Pegged orders are not supported for this symbol."),
    (buy(price="50000.001"), -1013, "Filter failure: PRICE_FILTER"),
    (buy(price="1000000.01"), -1013, "Filter failure: PRICE_FILTER"),
    (buy(quantity="0.000015"), -1013, "Filter failure: LOT_SIZE"),
    (buy(quantity="9000.00001"), -1013, "Filter failure: LOT_SIZE"),
    (buy(quantity="99999999999999999999"), -1013, "Filter failure: LOT_SIZE"),
    (buy(**MARKET, quantity="118.32"), -1013, "Filter failure: MARKET_LOT_SIZE"),
    (buy(price="1.00", quantity="6"), -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    (buy(side="SELL", price="999999.00"), -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    (buy(quantity="0.00009"), -1013, "Filter failure: NOTIONAL"),
    (buy(**MARKET, quantity="0.00003"), -1013, "Filter failure: NOTIONAL"),
    (buy(**MARKET, quantity=None, quoteOrderQty="4.99"), -1013, "Filter failure: NOTIONAL"),
    (buy(quantity="1"), -2010, "Account has insufficient balance for requested action."),
    (buy(side="SELL", quantity="1.00001", price="200000"), -2010, "Account has insufficient balance"),
    (buy(**MARKET, quantity="0.5"), -2010, "Account has insufficient balance for requested action."),
    (buy(**MARKET, quantity=None, quoteOrderQty="20000"), -2010, "Account has insufficient balance"),
]


@pytest.mark.parametrize(("fields", "code", "text"), REFUSED)
def test_refusals_have_the_venues_codes_and_texts_and_change_nothing(
    venue: Venue, fields: dict[str, Any], code: int, text: str
) -> None:
    before = venue.balances()
    answer = venue.signed("POST", ORDER, **fields)
    assert answer.refusal == (400, code), answer
    assert answer.body["msg"].startswith(text)
    assert venue.balances() == before
    assert venue.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT").body == []
    assert venue.order(quantity="0.001", price=LOW).body["orderId"] == 1


def test_a_limit_order_rests_locks_and_is_given_back_when_canceled(venue: Venue) -> None:
    placed = venue.order(quantity="0.01", price=LOW, newClientOrderId="mine").body
    assert placed["status"] == "NEW"
    assert placed["fills"] == []
    assert venue.balances()["USDT"] == ("9500.00000000", "500.00000000")
    assert venue.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="mine").body["orderId"] == 1
    assert [row["orderId"] for row in venue.signed("GET", "/api/v3/openOrders").body] == [1]
    canceled = venue.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=1, newClientOrderId="the-cancel").body
    assert (canceled["origClientOrderId"], canceled["clientOrderId"]) == ("mine", "the-cancel")
    assert canceled["status"] == "CANCELED"
    assert venue.balances()["USDT"] == ("10000.00000000", "0.00000000")
    assert venue.signed("GET", ORDER, symbol="BTCUSDT", orderId=1).body["clientOrderId"] == "mine"
    again = venue.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=1)
    assert (again.refusal, again.body["msg"]) == ((400, -2011), "Unknown order sent.")


def test_a_market_order_pays_the_book_and_the_fee_in_what_it_receives(venue: Venue) -> None:
    _, ask = venue.best()
    filled = venue.order("BUY", "MARKET", quantity="0.01").body
    assert (filled["status"], filled["price"], filled["timeInForce"]) == ("FILLED", "0.00000000", "GTC")
    assert [fill["price"] for fill in filled["fills"]] == [ask]
    assert sum(Decimal(fill["commission"]) for fill in filled["fills"]) == Decimal("0.00001")
    assert {fill["commissionAsset"] for fill in filled["fills"]} == {"BTC"}
    spent = Decimal(filled["cummulativeQuoteQty"])
    assert venue.balances()["USDT"] == (f"{10000 - spent:.8f}", "0.00000000")
    assert venue.balances()["BTC"] == ("1.00999000", "0.00000000")
    sold = venue.order("SELL", "MARKET", quantity="0.01").body
    fee = sum(Decimal(fill["commission"]) for fill in sold["fills"])
    received = Decimal(sold["cummulativeQuoteQty"])
    assert {fill["commissionAsset"] for fill in sold["fills"]} == {"USDT"}
    assert venue.balances()["USDT"][0] == f"{10000 - spent + received - fee:.8f}"


def test_a_limit_order_that_trades_at_a_better_price_gives_back_the_rest(venue: Venue) -> None:
    _, ask = venue.best()
    limit = f"{Decimal(ask) + 100:.2f}"
    filled = venue.order(price=limit, quantity="0.01").body
    assert (filled["status"], filled["price"]) == ("FILLED", f"{limit}000000")
    assert Decimal(filled["cummulativeQuoteQty"]) == Decimal(ask) * Decimal("0.01")
    spent = Decimal(filled["cummulativeQuoteQty"])
    assert venue.balances()["USDT"] == (f"{10000 - spent:.8f}", "0.00000000")


def test_a_quote_quantity_is_spent_as_far_as_whole_steps_go(venue: Venue) -> None:
    bought = venue.order("BUY", "MARKET", quoteOrderQty="100").body
    assert bought["status"] == "FILLED"
    assert bought["origQty"] == bought["executedQty"]
    assert bought["origQuoteOrderQty"] == "100.00000000"
    rest = Decimal(100) - Decimal(bought["cummulativeQuoteQty"])
    assert 0 <= rest < Decimal(bought["fills"][-1]["price"]) * Decimal("0.00001")
    sold = venue.order("SELL", "MARKET", quoteOrderQty="50").body
    assert Decimal(sold["cummulativeQuoteQty"]) <= 50


@pytest.mark.parametrize(
    ("kind", "fields", "keys"),
    [
        ("MARKET", {}, "fills"),
        ("LIMIT", {"price": LOW}, "fills"),
        ("LIMIT_MAKER", {"price": LOW}, "transactTime"),
        ("LIMIT", {"price": LOW, "newOrderRespType": "ACK"}, "transactTime"),
        ("LIMIT", {"price": LOW, "newOrderRespType": "RESULT"}, "selfTradePreventionMode"),
    ],
)
def test_the_default_answer_is_full_for_market_and_limit(
    venue: Venue, kind: str, fields: dict[str, Any], keys: str
) -> None:
    assert list(venue.order("BUY", kind, quantity="0.001", **fields).body)[-1] == keys


def test_time_in_force_decides_what_becomes_of_the_rest(venue: Venue) -> None:
    _, ask = venue.best()
    level = venue.public("/api/v3/depth", symbol="BTCUSDT", limit=1).body["asks"][0][1]
    admin.deposit(venue.exchange, "USDT", Decimal(10**6))
    more = f"{Decimal(level) + Decimal('0.01'):f}"
    fok = venue.order(price=ask, quantity=more, timeInForce="FOK").body
    assert (fok["status"], fok["executedQty"]) == ("EXPIRED", "0.00000000")
    assert fok["expiryReason"] == "UNFILLED_FOK_ORDER_EXPIRED"
    ioc = venue.order(price=ask, quantity=more, timeInForce="IOC").body
    assert (ioc["status"], ioc["executedQty"]) == ("EXPIRED", level)
    assert ioc["expiryReason"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    assert venue.balances()["USDT"][1] == "0.00000000"
    gtc = venue.order(price=ask, quantity="0.01", timeInForce="GTC").body
    assert (gtc["status"], gtc["executedQty"]) == ("NEW", "0.00000000")
    assert venue.best()[0] == ask  # our own bid now stands where the ambient offer was taken


def test_taken_liquidity_comes_back_step_by_step(venue: Venue, wall: Wall) -> None:
    """Within a step the book stays as it is, and so does its update id."""

    def book() -> tuple[int, dict[str, Decimal]]:
        body = venue.public("/api/v3/depth", symbol="LTCUSDT", limit=5000).body
        return body["lastUpdateId"], {price: Decimal(quantity) for price, quantity in body["asks"]}

    wall.now_ms = (wall.now_ms // 60_000 + 1) * 60_000 + 1
    _, before = book()
    prices = list(before)
    second = prices[1]
    taken = before[prices[0]] + before[second] / 2
    assert venue.order("BUY", "MARKET", symbol="LTCUSDT", quantity=f"{taken:.3f}").status == 200
    after_id, after = book()
    assert 0 < after[second] < before[second]
    wall.forward(2_000)
    assert book() == (after_id, after)
    wall.forward(2_000)
    later_id, later = book()
    assert later_id > after_id
    assert after[second] < later[second] < before[second]


def test_limit_maker_refuses_to_take(venue: Venue) -> None:
    bid, ask = venue.best()
    refused = venue.order("BUY", "LIMIT_MAKER", price=ask, quantity="0.001")
    assert refused.body == {"code": -2010, "msg": "Order would immediately match and take."}
    assert venue.order("BUY", "LIMIT_MAKER", price=bid, quantity="0.001").status == 200


def test_a_client_id_is_unique_among_open_orders_only(venue: Venue) -> None:
    assert venue.order(quantity="0.001", price=LOW, newClientOrderId="once").status == 200
    twice = venue.order(quantity="0.001", price=LOW, newClientOrderId="once")
    assert twice.body == {"code": -2010, "msg": "Duplicate order sent."}
    venue.signed("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="once")
    assert venue.order("BUY", "MARKET", quantity="0.001", newClientOrderId="once").status == 200
    assert venue.order("BUY", "MARKET", quantity="0.001", newClientOrderId="once").status == 200
    assert venue.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="once").body["orderId"] == 3


def test_an_order_is_found_by_either_id_and_both_must_agree(venue: Venue) -> None:
    venue.order(quantity="0.001", price=LOW, newClientOrderId="mine")
    query = {"symbol": "BTCUSDT", "orderId": 1, "origClientOrderId": "other"}
    assert venue.signed("GET", ORDER, **query).refusal == (400, -2039)
    assert venue.signed("DELETE", ORDER, **query).refusal == (400, -2011)
    assert venue.signed("GET", ORDER, symbol="BTCUSDT").refusal == (400, -1102)
    assert venue.signed("GET", ORDER, symbol="BTCUSDT", orderId=2).refusal == (400, -2013)
    assert venue.signed("GET", ORDER, symbol="ETHUSDT", orderId=1).refusal == (400, -2013)
    assert venue.signed("GET", ORDER, symbol="BTCUSDT", orderId=2**63).refusal == (400, -1108)


def test_an_order_that_traded_nothing_is_archived_after_90_days(venue: Venue, wall: Wall) -> None:
    venue.order(quantity="0.001", price=LOW)
    venue.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=1)
    venue.order("BUY", "MARKET", quantity="0.001")
    wall.forward(90 * 86_400_000)
    assert venue.signed("GET", ORDER, symbol="BTCUSDT", orderId=1).body["status"] == "CANCELED"
    wall.forward(1)
    archived = venue.signed("GET", ORDER, symbol="BTCUSDT", orderId=1)
    assert archived.refusal == (400, -2026)
    assert archived.body["msg"].startswith("Order was canceled or expired with no executed qty over 90 days")
    assert venue.signed("GET", ORDER, symbol="BTCUSDT", orderId=2).body["status"] == "FILLED"


def test_cancel_restrictions(venue: Venue) -> None:
    venue.order(quantity="0.001", price=LOW)
    cancel = {"symbol": "BTCUSDT", "orderId": 1}
    refused = venue.signed("DELETE", ORDER, **cancel, cancelRestrictions="ONLY_PARTIALLY_FILLED")
    assert refused.body == {"code": -2011, "msg": "Order was not canceled due to cancel restrictions."}
    assert venue.signed("DELETE", ORDER, **cancel, cancelRestrictions="SOME").refusal == (400, -1145)
    assert venue.signed("DELETE", ORDER, **cancel, cancelRestrictions="ONLY_NEW").status == 200


def test_cancel_all_cancels_one_symbol_and_refuses_when_nothing_is_open(venue: Venue) -> None:
    for symbol, price in (("BTCUSDT", LOW), ("BTCUSDT", "50001.00"), ("LTCUSDT", "60.00")):
        venue.order(symbol=symbol, quantity="0.090", price=price)
    answer = venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert [row["status"] for row in answer.body] == ["CANCELED", "CANCELED"]
    assert len({row["clientOrderId"] for row in answer.body}) == 1
    assert [row["symbol"] for row in venue.signed("GET", "/api/v3/openOrders").body] == ["LTCUSDT"]
    again = venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert again.body == {"code": -2011, "msg": "Unknown order sent."}


@pytest.mark.parametrize(
    ("mode", "statuses"),
    [
        ("NONE", ("FILLED", "FILLED")),
        ("EXPIRE_MAKER", ("EXPIRED_IN_MATCH", "EXPIRED")),
        ("EXPIRE_TAKER", ("NEW", "EXPIRED_IN_MATCH")),
        ("EXPIRE_BOTH", ("EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH")),
    ],
)
def test_self_trade_prevention(venue: Venue, mode: str, statuses: tuple[str, str]) -> None:
    bid, ask = venue.best()
    inside = f"{Decimal(bid) + Decimal('0.01'):.2f}"
    assert Decimal(inside) < Decimal(ask)
    venue.order("BUY", quantity="0.01", price=inside)
    taker = venue.order(
        "SELL", quantity="0.01", price=inside, timeInForce="IOC", selfTradePreventionMode=mode
    ).body
    maker = venue.signed("GET", ORDER, symbol="BTCUSDT", orderId=1).body
    assert (maker["status"], taker["status"]) == statuses
    if mode == "NONE":
        trades = venue.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT").body
        assert {(row["id"], row["isBuyer"], row["isMaker"]) for row in trades} == {
            (trades[0]["id"], True, True),
            (trades[0]["id"], False, False),
        }


def test_order_test_checks_form_and_filters_and_places_nothing(venue: Venue) -> None:
    path = "/api/v3/order/test"
    assert venue.signed("POST", path, **buy(quantity="1")).body == {}  # balance is not asked
    assert venue.signed("POST", path, **buy(price="50000.001")).refusal == (400, -1013)
    rates = venue.signed("POST", path, **buy(), computeCommissionRates="true").body
    assert rates["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    assert venue.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT").body == []


def test_a_halted_symbol_refuses_orders_and_still_cancels(venue: Venue, wall: Wall) -> None:
    bid, _ = venue.best()
    venue.order(quantity="0.001", price=bid)
    admin.set_symbol_status(venue.exchange, "BTCUSDT", "HALT")
    wall.forward(3_600_000)
    refused = venue.order(quantity="0.001", price=bid)
    assert refused.body == {"code": -2010, "msg": "Market is closed."}
    assert venue.public("/api/v3/exchangeInfo", symbol="BTCUSDT").body["symbols"][0]["status"] == "HALT"
    order = venue.signed("GET", ORDER, symbol="BTCUSDT", orderId=1).body
    assert order["status"] == "NEW"  # nothing traded meanwhile
    assert venue.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=1).status == 200


def test_at_most_200_orders_rest_on_a_symbol(venues: OpenVenue) -> None:
    from exchanges.paper.limits import Limits

    venue = venues()
    admin.set_limits(venue.exchange, Limits(orders_per_ten_seconds=1000))
    for number in range(200):
        assert venue.order(quantity="0.0001", price=f"{50000 + number}").status == 200
    full = venue.order(quantity="0.0001", price=LOW)
    assert full.body == {"code": -1013, "msg": "Filter failure: MAX_NUM_ORDERS"}


def test_fees_in_bnb_are_discounted_and_fall_back_when_bnb_runs_out(venue: Venue) -> None:
    admin.set_bnb_fees(venue.exchange, True)
    _, ask = venue.best()
    bnb_price = Decimal(venue.public("/api/v3/ticker/price", symbol="BNBUSDT").body["price"])
    btc_price = Decimal(venue.public("/api/v3/ticker/price", symbol="BTCUSDT").body["price"])
    (fill,) = venue.order("BUY", "MARKET", quantity="0.01").body["fills"]
    assert fill["commissionAsset"] == "BNB"
    exact = Decimal("0.01") * Decimal("0.00075") * btc_price / bnb_price
    assert 0 <= Decimal(fill["commission"]) - exact < Decimal("0.00000001")
    assert fill["price"] == ask
    held = Decimal(venue.balances()["BNB"][0])
    assert held == 10 - Decimal(fill["commission"])
    admin.deposit(venue.exchange, "BNB", -held)
    (fill,) = venue.order("BUY", "MARKET", quantity="0.01").body["fills"]
    assert (fill["commissionAsset"], fill["commission"]) == ("BTC", "0.00001000")
