"""Orders that wait for a price: how they are placed, what wakes them, and what becomes of them then."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchanges.paper import admin
from exchanges.paper.market import STEP_MS
from exchanges.paper.records import Event
from tests.exchanges.paper.conftest import OpenVenue
from tests.exchanges.paper.placing import (
    HIGH,
    LOW,
    ORDER,
    first_passage_ms,
    last_price,
    near,
    own_trades,
    queried,
)
from tests.exchanges.paper.venue import START_MS, Venue, Wall, open_venue, sign

HOUR_MS = 3_600_000
FALLS, RISES = ("STOP_LOSS", "SELL"), ("STOP_LOSS", "BUY")
TAKES_ABOVE, TAKES_BELOW = ("TAKE_PROFIT", "SELL"), ("TAKE_PROFIT", "BUY")
EITHER_SIDE = [(*FALLS, "0.999"), (*RISES, "1.001"), (*TAKES_ABOVE, "1.001"), (*TAKES_BELOW, "0.999")]


def stop(kind: str, side: str, stop_price: str, **changes: Any) -> dict[str, Any]:
    fields = {"symbol": "BTCUSDT", "side": side, "type": kind, "quantity": "0.01", "stopPrice": stop_price}
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


LIMIT = {"timeInForce": "GTC", "price": LOW}
REFUSED: list[tuple[dict[str, Any], int, str]] = [
    (
        stop("STOP_LOSS", "SELL", LOW, stopPrice=None),
        -1102,
        "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!",
    ),
    (stop("STOP_LOSS", "SELL", LOW, quantity=None), -1102, "Mandatory parameter 'quantity' was not sent"),
    (stop("STOP_LOSS_LIMIT", "SELL", LOW), -1102, "Mandatory parameter 'timeInForce' was not sent"),
    (
        stop("STOP_LOSS_LIMIT", "SELL", LOW, timeInForce="GTC"),
        -1102,
        "Mandatory parameter 'price' was not sent",
    ),
    (stop("STOP_LOSS", "SELL", LOW, price=LOW), -1106, "Parameter 'price' sent when not required."),
    (stop("STOP_LOSS", "SELL", LOW, **LIMIT), -1106, "Parameter 'timeInForce' sent when not required."),
    (
        stop("TAKE_PROFIT", "SELL", HIGH, quoteOrderQty="10"),
        -1106,
        "Parameter 'quoteOrderQty' sent when not required.",
    ),
    (stop("STOP_LOSS", "SELL", "0"), -1013, "Invalid stopPrice."),
    (stop("STOP_LOSS", "SELL", "1e4"), -1100, "Illegal characters found in parameter 'stopPrice'"),
    (stop("STOP_LOSS", "SELL", LOW, trailingDelta="9"), -1013, "Filter failure: TRAILING_DELTA"),
    (stop("STOP_LOSS", "SELL", LOW, trailingDelta="2001"), -1013, "Filter failure: TRAILING_DELTA"),
    (
        stop("STOP_LOSS", "SELL", LOW, trailingDelta="0"),
        -1130,
        "Data sent for parameter 'trailingDelta' is not valid.",
    ),
    (stop("STOP_LOSS", "SELL", "50000.001"), -1013, "Filter failure: PRICE_FILTER"),
    (stop("STOP_LOSS", "SELL", LOW, quantity="0.000015"), -1013, "Filter failure: LOT_SIZE"),
    (stop("STOP_LOSS", "SELL", LOW, quantity="0.00009"), -1013, "Filter failure: NOTIONAL"),
    (
        stop("STOP_LOSS_LIMIT", "SELL", LOW, timeInForce="GTC", price="1.00", quantity="1"),
        -1013,
        "Filter failure: PERCENT_PRICE_BY_SIDE",
    ),
    (stop("STOP_LOSS", "SELL", HIGH), -2010, "Order would trigger immediately."),
    (stop("STOP_LOSS", "BUY", LOW), -2010, "Order would trigger immediately."),
    (stop("TAKE_PROFIT", "SELL", LOW), -2010, "Order would trigger immediately."),
    (stop("TAKE_PROFIT_LIMIT", "BUY", HIGH, **LIMIT), -2010, "Order would trigger immediately."),
    (stop("STOP_LOSS", "SELL", LOW, quantity="1.1"), -2010, "Account has insufficient balance"),
    (stop("STOP_LOSS", "BUY", HIGH, quantity="0.1"), -2010, "Account has insufficient balance"),
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


@pytest.mark.parametrize(("kind", "side", "share"), EITHER_SIDE)
def test_a_stop_price_at_the_last_price_triggers_immediately(
    venue: Venue, kind: str, side: str, share: str
) -> None:
    at_last = venue.signed("POST", ORDER, **stop(kind, side, f"{last_price(venue):.2f}"))
    assert at_last.body == {"code": -2010, "msg": "Order would trigger immediately."}
    assert venue.signed("POST", ORDER, **stop(kind, side, near(venue, share))).status == 200


def test_a_waiting_order_is_acknowledged_locks_and_is_not_on_the_book(venue: Venue) -> None:
    depth = venue.public("/api/v3/depth", symbol="BTCUSDT", limit=5).body
    placed = venue.signed("POST", ORDER, **stop("STOP_LOSS", "SELL", LOW, newClientOrderId="guard"))
    assert set(placed.body) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    assert venue.balances()["BTC"] == ("0.99000000", "0.01000000")
    assert venue.public("/api/v3/depth", symbol="BTCUSDT", limit=5).body["asks"] == depth["asks"]
    row = queried(venue)
    assert (row["status"], row["type"], row["isWorking"], row["workingTime"]) == (
        "NEW",
        "STOP_LOSS",
        False,
        -1,
    )
    assert (row["stopPrice"], row["price"], row["timeInForce"]) == (f"{LOW}000000", "0.00000000", "GTC")
    assert venue.signed("GET", "/api/v3/openOrders", symbol="BTCUSDT").body == [row]
    canceled = venue.signed("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="guard").body
    assert (canceled["status"], canceled["type"], canceled["stopPrice"]) == (
        "CANCELED",
        "STOP_LOSS",
        f"{LOW}000000",
    )
    assert venue.balances()["BTC"] == ("1.00000000", "0.00000000")


@pytest.mark.parametrize(
    ("fields", "locked"),
    [
        (stop("STOP_LOSS_LIMIT", "SELL", LOW, **LIMIT), ("BTC", "0.01000000")),
        (stop("STOP_LOSS_LIMIT", "BUY", HIGH, timeInForce="GTC", price="151000"), ("USDT", "1510.00000000")),
        (stop("STOP_LOSS", "BUY", HIGH), ("USDT", "1500.00000000")),
        (stop("TAKE_PROFIT_LIMIT", "BUY", LOW, **LIMIT), ("USDT", "500.00000000")),
    ],
)
def test_what_is_locked_at_placement_is_free_again_after_a_cancel(
    venue: Venue, fields: dict[str, Any], locked: tuple[str, str]
) -> None:
    before = venue.balances()
    result = venue.signed("POST", ORDER, **fields, newOrderRespType="RESULT").body
    assert (result["status"], result["workingTime"]) == ("NEW", -1)
    assert Decimal(result["stopPrice"]) == Decimal(fields["stopPrice"])
    asset, amount = locked
    assert venue.balances()[asset][1] == amount
    assert venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT").body[0]["orderId"] == 1
    assert venue.balances() == before


def test_five_waiting_orders_are_the_most_a_symbol_takes(venue: Venue) -> None:
    for number in range(5):
        kind = "STOP_LOSS" if number % 2 else "TAKE_PROFIT"
        price = LOW if number % 2 else HIGH
        assert venue.signed("POST", ORDER, **stop(kind, "SELL", price)).status == 200
    full = venue.signed("POST", ORDER, **stop("STOP_LOSS", "SELL", LOW))
    assert full.body == {"code": -1013, "msg": "Filter failure: MAX_NUM_ALGO_ORDERS"}
    assert venue.order(quantity="0.01", price=LOW).status == 200  # other orders are not counted
    other = stop("STOP_LOSS", "SELL", "1000.00", symbol="ETHUSDT")
    assert venue.signed("POST", ORDER, **other).status == 200


def test_the_rules_list_the_types(venue: Venue) -> None:
    (info,) = venue.public("/api/v3/exchangeInfo", symbol="BTCUSDT").body["symbols"]
    assert {"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"} < set(info["orderTypes"])


def test_validation_checks_form_and_filters_only(venue: Venue) -> None:
    path = "/api/v3/order/test"
    assert venue.signed("POST", path, **stop("STOP_LOSS", "SELL", HIGH)).body == {}
    assert venue.signed("POST", path, **stop("STOP_LOSS", "SELL", "1.001")).refusal == (400, -1013)


@pytest.mark.parametrize(("kind", "side", "share"), EITHER_SIDE)
def test_a_reached_stop_trades_at_the_book_of_that_moment(
    venue: Venue, wall: Wall, kind: str, side: str, share: str
) -> None:
    price = near(venue, share)
    venue.signed("POST", ORDER, **stop(kind, side, price))
    reached_ms = first_passage_ms(venue, price, rising=Decimal(share) > 1)
    book = venue.exchange.ambient.markets["BTCUSDT"].book(reached_ms, 1)
    wall.now_ms = reached_ms - 1
    assert queried(venue)["isWorking"] is False
    wall.now_ms = reached_ms
    row = queried(venue)
    assert (row["status"], row["type"], row["isWorking"]) == ("FILLED", kind, True)
    assert (row["workingTime"], row["updateTime"]) == (reached_ms, reached_ms)
    assert Decimal(row["stopPrice"]) == Decimal(price)
    best = book.bids[0] if side == "SELL" else book.asks[0]
    trades = own_trades(venue)
    assert Decimal(trades[0]["price"]) == Decimal(best.price) / 100
    assert {(trade["time"], trade["isMaker"]) for trade in trades} == {(reached_ms, False)}
    assert all(locked == "0.00000000" for _, locked in venue.balances().values())


def test_a_stop_left_by_a_dead_process_fires_when_and_where_the_market_passed(
    venues: OpenVenue, wall: Wall
) -> None:
    first = venues()
    price = near(first, "0.999")
    first.signed("POST", ORDER, **stop("STOP_LOSS", "SELL", price))
    reached_ms = first_passage_ms(first, price, rising=False)
    first.exchange.close()
    wall.forward(30 * 24 * HOUR_MS)
    later = venues()
    row = queried(later)
    assert (row["status"], row["workingTime"]) == ("FILLED", reached_ms)
    assert reached_ms % STEP_MS == 0
    assert {trade["time"] for trade in own_trades(later)} == {reached_ms}


def test_a_stop_limit_rests_at_its_price_once_reached(venue: Venue, wall: Wall) -> None:
    """The limit is above the market when the stop is reached: the order waits for the price to come back."""
    price = near(venue, "0.999")
    limit = near(venue, "1.0005")
    venue.signed("POST", ORDER, **stop("STOP_LOSS_LIMIT", "SELL", price, timeInForce="GTC", price=limit))
    wall.now_ms = first_passage_ms(venue, price, rising=False)
    row = queried(venue)
    assert (row["status"], row["isWorking"], row["workingTime"]) == ("NEW", True, wall.now_ms)
    assert venue.balances()["BTC"][1] == "0.01000000"
    wall.forward(10 * 24 * HOUR_MS)
    row = queried(venue)
    assert row["status"] == "FILLED"
    assert {Decimal(trade["price"]) for trade in own_trades(venue)} == {Decimal(limit)}
    assert all(trade["isMaker"] for trade in own_trades(venue))


def test_a_woken_order_stands_behind_those_that_were_on_the_book_before(venue: Venue, wall: Wall) -> None:
    price = near(venue, "0.999")
    venue.signed("POST", ORDER, **stop("STOP_LOSS_LIMIT", "SELL", price, timeInForce="GTC", price=HIGH))
    venue.order("SELL", price=HIGH, quantity="0.01")
    wall.now_ms = first_passage_ms(venue, price, rising=False)
    with venue.exchange.transaction() as engine:
        assert [offer.order_id for offer in engine.venue.queue("BTCUSDT", is_buy=False)] == [2, 1]


def test_a_stop_limit_never_sells_below_its_limit(venue: Venue, wall: Wall) -> None:
    price, limit = near(venue, "0.999"), near(venue, "0.995")
    fields = stop("STOP_LOSS_LIMIT", "SELL", price, timeInForce="IOC", price=limit, quantity="0.9")
    venue.signed("POST", ORDER, **fields)
    wall.now_ms = first_passage_ms(venue, price, rising=False)
    row = queried(venue)
    assert row["status"] in ("FILLED", "EXPIRED")
    assert own_trades(venue)
    assert all(Decimal(trade["price"]) >= Decimal(limit) for trade in own_trades(venue))
    assert venue.balances()["BTC"][1] == "0.00000000"


def test_a_stop_purchase_takes_from_the_free_balance_what_it_did_not_lock(venue: Venue, wall: Wall) -> None:
    """It pays the asks above its stop price; without free balance for these it expires."""
    price = near(venue, "1.0005")
    quantity = Decimal("0.05")
    reached_ms = first_passage_ms(venue, price, rising=True)
    venue.signed("POST", ORDER, **stop("STOP_LOSS", "BUY", price, quantity=quantity))
    locked = Decimal(venue.balances()["USDT"][1])
    assert locked == quantity * Decimal(price)
    admin.deposit(venue.exchange, "USDT", -Decimal(venue.balances()["USDT"][0]))
    wall.now_ms = reached_ms
    row = queried(venue)
    ask = venue.exchange.ambient.markets["BTCUSDT"].book(reached_ms, 1).asks[0]
    assert Decimal(ask.price) / 100 > Decimal(price)
    assert (row["status"], row["executedQty"]) == ("EXPIRED", "0.00000000")
    assert row["expiryReason"] == "INSUFFICIENT_LIQUIDITY"
    assert Decimal(venue.balances()["USDT"][0]) == locked


def test_a_halted_symbol_wakes_nothing(venue: Venue, wall: Wall) -> None:
    price = near(venue, "0.999")
    venue.signed("POST", ORDER, **stop("STOP_LOSS", "SELL", price))
    admin.set_symbol_status(venue.exchange, "BTCUSDT", "HALT")
    wall.now_ms = first_passage_ms(venue, price, rising=False)
    assert queried(venue)["isWorking"] is False


def test_events_tell_placement_waking_and_trades(venue: Venue, wall: Wall) -> None:
    price = near(venue, "0.999")
    venue.signed("POST", ORDER, **stop("STOP_LOSS", "SELL", price))
    wall.now_ms = first_passage_ms(venue, price, rising=False)
    queried(venue)
    with venue.exchange.transaction() as engine:
        batches = engine.state.events_after(engine.world.account.account, 0, 10)
    events: list[Event] = [event for _, batch in batches for event in batch if event.order is not None]
    told = [(event.execution, event.order.is_waiting) for event in events if event.order is not None]
    assert told[:2] == [("NEW", True), ("NEW", False)]
    assert {execution for execution, _ in told[2:]} == {"TRADE"}


def test_a_working_time_that_is_not_yet_has_no_unit(venue: Venue) -> None:
    venue.signed("POST", ORDER, **stop("STOP_LOSS", "SELL", LOW))
    query = f"symbol=BTCUSDT&orderId=1&timestamp={venue.exchange.now_ms()}"
    answer = venue.send(
        "GET",
        ORDER,
        query=f"{query}&signature={sign(venue.secret, query)}",
        X_MBX_APIKEY=venue.api_key,
        X_MBX_TIME_UNIT="MICROSECOND",
    )
    assert (answer.body["time"], answer.body["workingTime"]) == (START_MS * 1000, -1)


waiting_orders = st.lists(
    st.tuples(
        st.sampled_from(["STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]),
        st.sampled_from(["BUY", "SELL"]),
        st.integers(1, 40),
        st.integers(-20, 20),
        st.sampled_from(["GTC", "IOC", "FOK"]),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(orders=waiting_orders, looks=st.lists(st.integers(1, 4 * HOUR_MS), max_size=10))
def test_looking_often_or_once_wakes_the_same_orders_at_the_same_time(
    tmp_path: Path, orders: list[tuple[str, str, int, int, str]], looks: list[int]
) -> None:
    outcomes = []
    for pauses in ([], looks):
        wall = Wall()
        venue = open_venue(Path(tempfile.mkdtemp(dir=tmp_path)), wall)
        for kind, side, distance, beyond, time_in_force in orders:
            rises = (side == "BUY") is kind.startswith("STOP_LOSS")
            price = last_price(venue) * (1 + Decimal(distance if rises else -distance) / 20_000)
            fields = stop(kind, side, f"{price:.2f}")
            if kind.endswith("LIMIT"):
                limit = price * (1 + Decimal(beyond) / 20_000)
                fields |= {"timeInForce": time_in_force, "price": f"{limit:.2f}"}
            assert venue.signed("POST", ORDER, **fields).status == 200
        for pause in pauses:
            wall.forward(pause)
            venue.public("/api/v3/ping")
        wall.now_ms = START_MS + 48 * HOUR_MS
        rows = venue.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT").body
        outcomes.append((rows, own_trades(venue), venue.balances()))
        venue.exchange.close()
    assert outcomes[0] == outcomes[1]
