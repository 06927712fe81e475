"""Trailing stops: they follow the price from a moment on, and wake when it turned by so much."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from exchanges.paper import admin
from exchanges.paper.advance import next_hit
from exchanges.paper.market import STEP_MS, MarketTrade
from tests.exchanges.paper.conftest import OpenVenue
from tests.exchanges.paper.placing import (
    HIGH,
    ORDER,
    STEPS_A_DAY,
    first_passage_ms,
    near,
    own_trades,
    queried,
)
from tests.exchanges.paper.venue import START_MS, Venue, Wall

DELTA = 20
KINDS = [("STOP_LOSS", "SELL"), ("TAKE_PROFIT", "SELL"), ("STOP_LOSS", "BUY"), ("TAKE_PROFIT", "BUY")]


def trail(venue: Venue, kind: str, side: str, **changes: Any) -> dict[str, Any]:
    fields = {"symbol": "BTCUSDT", "side": side, "type": kind, "quantity": "0.01", "trailingDelta": DELTA}
    answer = venue.signed("POST", ORDER, **fields, newOrderRespType="RESULT", **changes)
    assert answer.status == 200, answer
    body: dict[str, Any] = answer.body
    return body


def trades_after(venue: Venue, time_ms: int) -> Iterator[MarketTrade]:
    market = venue.exchange.ambient.markets["BTCUSDT"]
    first = market.ordinal_at(time_ms)
    for start in range(first, first + 60 * STEPS_A_DAY, STEPS_A_DAY):
        yield from market.trades_from(start, STEPS_A_DAY)


def first_turn_ms(venue: Venue, side: str, after_ms: int) -> int:
    """Return when the price first turned by the delta, looking at every single trade after a time."""
    best: int | None = None
    for trade in trades_after(venue, after_ms):
        if side == "SELL":
            best = trade.price if best is None else max(best, trade.price)
            if trade.price * 10_000 <= best * (10_000 - DELTA):
                return trade.time_ms
        else:
            best = trade.price if best is None else min(best, trade.price)
            if trade.price * 10_000 >= best * (10_000 + DELTA):
                return trade.time_ms
    raise AssertionError("the price never turned")


@pytest.mark.parametrize(("kind", "side"), KINDS)
def test_without_a_stop_price_it_follows_from_the_next_trade_on(
    venue: Venue, wall: Wall, kind: str, side: str
) -> None:
    placed = trail(venue, kind, side)
    assert (placed["trailingDelta"], placed["trailingTime"], placed["status"]) == (DELTA, -1, "NEW")
    assert "stopPrice" not in placed
    next_ms = (START_MS // STEP_MS + 1) * STEP_MS
    wall.now_ms = next_ms
    assert queried(venue)["trailingTime"] == next_ms
    turn_ms = first_turn_ms(venue, side, START_MS)
    wall.now_ms = turn_ms - 1
    assert queried(venue)["isWorking"] is False
    wall.now_ms = turn_ms
    row = queried(venue)
    assert (row["status"], row["workingTime"], row["trailingTime"]) == ("FILLED", turn_ms, next_ms)
    assert {(trade["time"], trade["isMaker"]) for trade in own_trades(venue)} == {(turn_ms, False)}
    assert all(locked == "0.00000000" for _, locked in venue.balances().values())


@pytest.mark.parametrize(("kind", "side"), KINDS)
def test_with_a_stop_price_it_follows_once_that_is_reached(
    venue: Venue, wall: Wall, kind: str, side: str
) -> None:
    rises = (side == "BUY") is (kind == "STOP_LOSS")
    price = near(venue, "1.001" if rises else "0.999")
    trail(venue, kind, side, stopPrice=price)
    reached_ms = first_passage_ms(venue, price, rising=rises)
    turn_ms = first_turn_ms(venue, side, reached_ms - 1)
    assert turn_ms > reached_ms
    wall.now_ms = reached_ms - 1
    assert queried(venue)["trailingTime"] == -1
    wall.now_ms = reached_ms
    assert (queried(venue)["trailingTime"], queried(venue)["isWorking"]) == (reached_ms, False)
    wall.now_ms = turn_ms
    assert (queried(venue)["status"], queried(venue)["workingTime"]) == ("FILLED", turn_ms)


def test_looking_often_or_once_wakes_it_at_the_same_time(venues: OpenVenue, wall: Wall) -> None:
    often = venues()
    trail(often, "STOP_LOSS", "SELL")
    turn_ms = first_turn_ms(often, "SELL", START_MS)
    once = venues(persona="mainnet")
    admin.deposit(once.exchange, "BTC", Decimal(1))
    trail(once, "STOP_LOSS", "SELL")
    while wall.now_ms < turn_ms + 60_000:
        wall.forward(7_001)
        often.public("/api/v3/ping")
    assert queried(often)["workingTime"] == queried(once)["workingTime"] == turn_ms


def test_a_limit_rests_after_the_turn(venue: Venue, wall: Wall) -> None:
    trail(venue, "STOP_LOSS_LIMIT", "SELL", timeInForce="GTC", price=HIGH)
    wall.now_ms = first_turn_ms(venue, "SELL", START_MS)
    row = queried(venue)
    assert (row["status"], row["isWorking"], row["workingTime"]) == ("NEW", True, wall.now_ms)
    assert venue.balances()["BTC"][1] == "0.01000000"


def test_a_purchase_at_any_price_locks_for_a_rise_by_the_delta(venue: Venue) -> None:
    last = Decimal(venue.public("/api/v3/ticker/price", symbol="BTCUSDT").body["price"])
    trail(venue, "STOP_LOSS", "BUY")
    locked = Decimal(venue.balances()["USDT"][1])
    assert abs(locked - last * Decimal("1.002") / 100) < Decimal("0.001")
    assert venue.signed("DELETE", ORDER, symbol="BTCUSDT", orderId=1).status == 200
    assert venue.balances()["USDT"] == ("10000.00000000", "0.00000000")


def test_trailing_orders_count_as_waiting_ones(venue: Venue) -> None:
    for _ in range(5):
        trail(venue, "STOP_LOSS", "SELL")
    fields = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.01"}
    full = venue.signed("POST", ORDER, **fields, trailingDelta=DELTA)
    assert full.body == {"code": -1013, "msg": "Filter failure: MAX_NUM_ALGO_ORDERS"}


def test_an_order_that_waits_for_the_next_trade_does_not_bring_it_about(venue: Venue) -> None:
    trail(venue, "STOP_LOSS", "SELL")
    with venue.exchange.transaction() as engine:
        orders = engine.open_orders()
        step = engine.now_ms // STEP_MS
        market = engine.ambient.markets["BTCUSDT"]
        assert next_hit(market, orders, step + 1, step) is None
        assert next_hit(market, orders, step + 1, step + 9) == step + 1


def test_a_pair_may_trail(venue: Venue, wall: Wall) -> None:
    fields = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "quantity": "0.01",
        "aboveType": "LIMIT_MAKER",
        "abovePrice": HIGH,
        "belowType": "STOP_LOSS",
        "belowTrailingDelta": DELTA,
    }
    assert venue.signed("POST", "/api/v3/orderList/oco", **fields).status == 200
    wall.now_ms = first_turn_ms(venue, "SELL", START_MS)
    assert queried(venue, 1)["status"] == "FILLED"
    assert (queried(venue, 2)["status"], queried(venue, 2)["expiryReason"]) == ("EXPIRED", "OCO_TRIGGER")
