"""Who stands before an order: they trade or cancel first, and what is left over fills it."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchanges.paper import admin
from exchanges.paper.market import STEP_MS, Market
from exchanges.paper.market.queue import PATIENCE_MS, ahead
from exchanges.paper.markets import synthetic_market
from exchanges.paper.symbols import SYMBOLS
from tests.exchanges.paper.venue import START_MS, Venue, Wall, open_venue

COARSE = "DOGEBTC"
"""A price of a hundred ticks: it stays where it is for minutes, and queues matter."""
TIMES = st.integers(START_MS - 10**10, START_MS)


@pytest.fixture(scope="module")
def coarse() -> Market:
    return synthetic_market(SYMBOLS[COARSE], seed=7)


@given(time_ms=TIMES, is_bid=st.booleans(), place=st.integers(0, 30))
@settings(max_examples=25)
def test_what_rests_at_a_price_is_what_the_book_shows(
    coarse: Market, time_ms: int, is_bid: bool, place: int
) -> None:
    for market in (coarse, synthetic_market(SYMBOLS["BTCUSDT"], seed=7)):
        book = market.book(time_ms, 31)
        level = (book.bids if is_bid else book.asks)[place]
        assert market.resting(level.price, is_bid=is_bid, time_ms=time_ms) == level.quantity
        other_best = (book.asks if is_bid else book.bids)[0].price
        assert market.resting(other_best, is_bid=is_bid, time_ms=time_ms) == 0


@given(time_ms=TIMES, is_bid=st.booleans())
@settings(max_examples=12)
def test_a_queue_only_shrinks_by_trades_and_cancels(coarse: Market, time_ms: int, is_bid: bool) -> None:
    since_ms = time_ms // STEP_MS * STEP_MS
    book = coarse.book(since_ms, 1)
    price, first = (book.bids if is_bid else book.asks)[0]
    left = [
        ahead(coarse, is_bid=is_bid, price=price, since_ms=since_ms, now_ms=since_ms + waited)
        for waited in range(0, PATIENCE_MS + STEP_MS, STEP_MS)
    ]
    assert left[0] == first
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    traded = 0
    for step, before in enumerate(left[:-1]):
        assert before <= max(0, first - traded)
        if before and before < first - traded:
            assert before == -(-first * (PATIENCE_MS - step * STEP_MS) // PATIENCE_MS)
        (trade,) = coarse.trades_from(coarse.ordinal_at(since_ms) + step - 1, 1)
        is_after = trade.time_ms > since_ms
        traded += trade.quantity * (is_after and trade.price == price and trade.buyer_is_maker is is_bid)


def test_nobody_stands_where_nobody_rested(coarse: Market) -> None:
    bid, ask = (side[0].price for side in (coarse.book(START_MS, 1).bids, coarse.book(START_MS, 1).asks))
    assert ahead(coarse, is_bid=True, price=ask, since_ms=START_MS, now_ms=START_MS + 1) == 0
    assert ahead(coarse, is_bid=True, price=bid, since_ms=START_MS, now_ms=START_MS + PATIENCE_MS) == 0
    assert ahead(coarse, is_bid=True, price=bid, since_ms=coarse.start_ms - 1, now_ms=coarse.start_ms) == 0


def rest_at_best(venue: Venue, quantity: str) -> int:
    """Buy at the best bid, more than a step trades; return the price in ticks."""
    admin.deposit(venue.exchange, "BTC", Decimal(1000))
    bid, _ = venue.best(COARSE)
    assert venue.order(symbol=COARSE, price=bid, quantity=quantity).body["status"] == "NEW"
    return int(Decimal(bid) * 10**8)


def fills(venue: Venue) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = venue.signed("GET", "/api/v3/myTrades", symbol=COARSE).body
    return rows


def test_an_order_at_the_best_bid_waits_its_turn_and_is_filled_in_parts(venue: Venue, wall: Wall) -> None:
    """The fills are those of a queue walked through by hand, print by print, until the price passes."""
    market = venue.exchange.ambient.markets[COARSE]
    price = rest_at_best(venue, "9000000")
    first = market.resting(price, is_bid=True, time_ms=START_MS)
    expected, traded = [], 0
    for trade in market.trades_from(market.ordinal_at(START_MS), 2_000):
        if trade.price < price or (trade.price == price and not trade.buyer_is_maker):
            break  # the price passed, or the other side came to the order
        if trade.price == price:
            waited_ms = trade.time_ms - START_MS
            cancels_leave = max(0, -(-first * (PATIENCE_MS - waited_ms) // PATIENCE_MS))
            over = trade.quantity - max(0, min(first - traded, cancels_leave))
            traded += trade.quantity
            if over > 0:
                expected.append((trade.time_ms, over))
    wall.now_ms = trade.time_ms - STEP_MS
    got = [(fill["time"], int(Decimal(fill["qty"]))) for fill in fills(venue)]
    assert got == expected
    assert len(got) > 3
    assert got[0][0] > START_MS + STEP_MS or first == 0
    order = venue.signed("GET", "/api/v3/order", symbol=COARSE, orderId=1).body
    assert order["status"] == "PARTIALLY_FILLED"


def test_the_second_in_the_queue_gets_what_the_first_leaves(venue: Venue, wall: Wall) -> None:
    rest_at_best(venue, "3000")
    bid, _ = venue.best(COARSE)
    venue.order(symbol=COARSE, price=bid, quantity="3000")
    wall.forward(4 * PATIENCE_MS)
    by_order = [fill["orderId"] for fill in fills(venue)]
    assert set(by_order) == {1, 2}
    assert by_order == sorted(by_order)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(looks=st.lists(st.integers(1, 60_000), min_size=1, max_size=10), quantity=st.integers(500, 60_000))
def test_looking_often_or_once_moves_the_same_queue(tmp_path: Path, looks: list[int], quantity: int) -> None:
    outcomes = []
    for pauses in ([], looks):
        wall = Wall()
        venue = open_venue(Path(tempfile.mkdtemp(dir=tmp_path)), wall)
        rest_at_best(venue, str(quantity))
        for pause in pauses:
            wall.forward(pause)
            venue.public("/api/v3/ping")
        wall.now_ms = START_MS + 700_000
        outcomes.append((fills(venue), venue.balances()))
        venue.exchange.close()
    assert outcomes[0] == outcomes[1]
