"""Resting orders meet the market as time passes, however seldom somebody looks."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from exchanges.paper import admin
from exchanges.paper.advance import next_hit
from exchanges.paper.market import STEP_MS, Extremes, Market
from exchanges.paper.records import Event, Order
from exchanges.paper.symbols import SYMBOLS
from tests.exchanges.paper.conftest import OpenVenue
from tests.exchanges.paper.venue import START_MS, Venue, Wall, open_venue

HOUR_MS = 3_600_000


def rows(venue: Venue) -> list[dict[str, Any]]:
    trades: list[dict[str, Any]] = venue.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT").body
    return trades


def first_passage(venue: Venue, price: Decimal, steps: int) -> int:
    """Return when the market first trades below a price, looking at every single trade."""
    market = venue.exchange.ambient.markets["BTCUSDT"]
    ticks = int(price * 10**8) // SYMBOLS["BTCUSDT"].tick
    first = market.ordinal_at(START_MS)
    return next(trade.time_ms for trade in market.trades_from(first, steps) if trade.price < ticks)


def below_market(venue: Venue, share: str) -> str:
    bid, _ = venue.best()
    return f"{Decimal(bid) * Decimal(share):.2f}"


def test_an_order_left_by_a_dead_process_is_filled_when_and_where_the_market_passed(
    venues: OpenVenue, wall: Wall
) -> None:
    first = venues()
    price = below_market(first, "0.999")
    first.order(price=price, quantity="0.01")
    passed_ms = first_passage(first, Decimal(price), 20_000)
    first.exchange.close()
    wall.forward(30 * 24 * HOUR_MS)
    later = venues()
    trades = rows(later)
    assert sum(Decimal(trade["qty"]) for trade in trades) == Decimal("0.01")
    assert {trade["price"] for trade in trades} == {f"{price}000000"}
    assert trades[-1]["time"] <= passed_ms
    assert trades[-1]["time"] % STEP_MS == 0
    assert all(trade["isMaker"] for trade in trades)
    order = later.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=1).body
    assert (order["status"], order["updateTime"]) == ("FILLED", trades[-1]["time"])
    assert later.balances()["USDT"][1] == "0.00000000"
    received = sum(Decimal(trade["qty"]) - Decimal(trade["commission"]) for trade in trades)
    assert later.balances()["BTC"][0] == f"{1 + received:.8f}"


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(looks=st.lists(st.integers(1, 2 * HOUR_MS), max_size=12), data=st.data())
def test_looking_often_or_once_gives_the_same_fills(
    tmp_path: Path, looks: list[int], data: st.DataObject
) -> None:
    orders = data.draw(
        st.lists(
            st.tuples(st.sampled_from(["BUY", "SELL"]), st.integers(1, 80), st.integers(1, 30)),
            min_size=1,
            max_size=5,
        )
    )
    outcomes = []
    for name, pauses in (("once", []), ("often", looks)):
        wall = Wall()
        venue = open_venue(Path(tempfile.mkdtemp(name, dir=tmp_path)), wall)
        bid, ask = (Decimal(price) for price in venue.best())
        for side, distance, thousandths in orders:
            share = Decimal(distance) / 20_000
            price = bid * (1 - share) if side == "BUY" else ask * (1 + share)
            quantity = f"{Decimal(thousandths) / 1000:.5f}"
            venue.order(side, price=f"{price:.2f}", quantity=quantity)
        for pause in pauses:
            wall.forward(pause)
            venue.public("/api/v3/ping")
        wall.now_ms = START_MS + 30 * HOUR_MS
        outcomes.append((rows(venue), venue.balances()))
        venue.exchange.close()
    assert outcomes[0] == outcomes[1]


def test_a_touched_price_fills_by_what_trades_there(venue: Venue, wall: Wall) -> None:
    """Rest exactly at the lowest price of the next minutes: it is touched, not passed."""
    market = venue.exchange.ambient.markets["BTCUSDT"]
    trades = market.trades_from(market.ordinal_at(START_MS), 40)
    lowest = min(trades, key=lambda trade: trade.price)
    price = Decimal(lowest.price) / 100
    assert price < Decimal(venue.best()[0])
    admin.deposit(venue.exchange, "USDT", Decimal(10**6))
    venue.order(price=f"{price}", quantity="5")
    wall.now_ms = lowest.time_ms
    partial = venue.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=1).body
    assert partial["status"] == "PARTIALLY_FILLED"
    traded = Decimal(lowest.quantity) * SYMBOLS["BTCUSDT"].step / 10**8
    book = market.book(lowest.time_ms, 1).asks[0]
    offered = Decimal(book.quantity) * SYMBOLS["BTCUSDT"].step / 10**8 if book.price == lowest.price else 0
    assert Decimal(partial["executedQty"]) == traded + offered
    left = Decimal(5) - Decimal(partial["executedQty"])
    assert Decimal(venue.balances()["USDT"][1]) == left * price
    canceled = venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=1).body
    assert (canceled["status"], canceled["executedQty"]) == ("CANCELED", partial["executedQty"])


def test_orders_touched_together_share_first_come_first_served(venue: Venue, wall: Wall) -> None:
    market = venue.exchange.ambient.markets["BTCUSDT"]
    trades = market.trades_from(market.ordinal_at(START_MS), 40)
    lowest = min(trades, key=lambda trade: trade.price)
    price = f"{Decimal(lowest.price) / 100}"
    admin.deposit(venue.exchange, "USDT", Decimal(10**6))
    admin.deposit(venue.exchange, "USDT", Decimal(10**6))
    small = f"{Decimal(max(10, lowest.quantity // 2)) / 10**5:.5f}"
    for quantity in (small, "5", "5"):
        assert venue.order(price=price, quantity=quantity).status == 200
    wall.now_ms = lowest.time_ms
    statuses = [row["status"] for row in venue.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT").body]
    assert statuses == ["FILLED", "PARTIALLY_FILLED", "NEW"]


def test_a_new_order_meets_the_market_only_from_the_next_step_on(venue: Venue, wall: Wall) -> None:
    wall.forward(50 * HOUR_MS)  # nothing rested all that time
    price = below_market(venue, "0.9995")
    venue.order(price=price, quantity="0.01")
    order = venue.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=1).body
    assert order["status"] == "NEW"


def test_symbols_are_brought_forward_together_in_the_order_it_happened(venue: Venue, wall: Wall) -> None:
    for symbol, quantity in (("SOLUSDT", "0.1"), ("ETHUSDT", "0.01"), ("BTCUSDT", "0.001"), ("LTCBTC", "1")):
        for side, share in (("BUY", "0.999"), ("SELL", "1.001"), ("BUY", "0.99")):
            tick = Decimal(SYMBOLS[symbol].tick) / 10**8
            price = (Decimal(venue.best(symbol)[0]) * Decimal(share)).quantize(tick)
            venue.order(side, symbol=symbol, price=f"{price:f}", quantity=quantity)
    with venue.exchange.transaction() as engine:
        number, placed = engine.world.account.account, len(engine.state.events_after(1, 0, 1000))
    wall.forward(48 * HOUR_MS)
    with venue.exchange.transaction() as engine:
        rows = engine.records.events_after(number, placed, 1000)
    fills = [event.fill for _, batch in rows for event in batch if event.fill is not None]
    assert len({fill.symbol for fill in fills}) > 2
    assert [fill.time_ms for fill in fills] == sorted(fill.time_ms for fill in fills)


@pytest.mark.parametrize("side", ["BUY", "SELL"])
@pytest.mark.parametrize("hit", [0, 1, 1023, 1024, 1025, 3071, 3072, 7167, 7168, 7999, None])
def test_the_next_hit_is_the_first_of_all_steps(hit: int | None, side: str) -> None:
    prices = [100] * 8000
    if hit is not None:
        prices[hit] = 99 if side == "BUY" else 101

    class Tape:
        def extremes(self, from_ms: int, to_ms: int) -> Extremes | None:
            span = prices[(from_ms + STEP_MS) // STEP_MS : to_ms // STEP_MS + 1]
            return Extremes(min(span), max(span), 1) if span else None

    template = Order("BTCUSDT", 1, "x", True, "LIMIT", "GTC", 99, 1, 0, 0, 0, "NEW", "NONE", 0, 0, 0)
    orders = [template, replace(template, is_buy=False, price=101)]
    assert next_hit(cast("Market", Tape()), orders, 0, len(prices) - 1) == hit


def test_events_tell_every_change_in_order(venue: Venue, wall: Wall) -> None:
    price = below_market(venue, "0.9999")
    venue.order(price=price, quantity="0.01", newClientOrderId="mine")
    wall.forward(24 * HOUR_MS)
    venue.order(price="50000", quantity="0.01")
    venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=2, newClientOrderId="stop-it")
    with venue.exchange.transaction() as engine:
        number = engine.world.account.account
        rows = engine.state.events_after(number, 0, 100)
    events: list[Event] = [event for _, batch in rows for event in batch]
    told = [(event.execution, event.order.status) for event in events if event.order is not None]
    assert told[0] == ("NEW", "NEW")
    assert told[-2:] == [("NEW", "NEW"), ("CANCELED", "CANCELED")]
    assert {execution for execution, _ in told[1:-2]} == {"TRADE"}
    assert told[-3] == ("TRADE", "FILLED")
    assert events[-2].cancel_id == "stop-it"
    assert [sequence for sequence, _ in rows] == sorted({sequence for sequence, _ in rows})
    balances = [event.balances for event in events if event.kind == "BALANCES"]
    assert all(free >= 0 and locked >= 0 for rows_ in balances for _, free, locked in rows_)
    times = [event.time_ms for event in events if event.kind == "ORDER"]
    assert times == sorted(times)


@pytest.mark.parametrize("hours", [24, 24 * 365])
def test_long_idle_spans_cost_little(venue: Venue, wall: Wall, hours: int) -> None:
    venue.order(price="50000", quantity="0.001")
    wall.forward(hours * HOUR_MS)
    order = venue.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=1).body
    assert order["status"] in ("NEW", "FILLED")
