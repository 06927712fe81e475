"""The ambient book: around the price, in order, deep, and calm."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.paper.market import STEP_MS, Market, SymbolSpec, synthetic
from exchanges.paper.market.synthetic import START_MS

TIMES = st.integers(START_MS, START_MS + 4_000 * 86_400_000)
NOW = 1_795_221_676_123


@given(time_ms=TIMES, levels=st.integers(1, 50), symbol=st.sampled_from(["bitcoin", "coarse"]))
@settings(max_examples=60)
def test_book_is_in_order_around_the_last_trade(
    bitcoin: SymbolSpec, coarse: SymbolSpec, time_ms: int, levels: int, symbol: str
) -> None:
    market = synthetic({"bitcoin": bitcoin, "coarse": coarse}[symbol], seed=7)
    book = market.book(time_ms, levels)
    bids, asks = [level.price for level in book.bids], [level.price for level in book.asks]
    (trade,) = market.trades_from(market.ordinal_at(time_ms) - 1, 1)
    assert len(bids) == len(asks) == levels
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    assert 0 < bids[-1] <= bids[0] < asks[0]
    assert trade.price == (bids[0] if trade.buyer_is_maker else asks[0])
    assert all(level.quantity > 0 for level in (*book.bids, *book.asks))


@given(time_ms=TIMES, levels=st.integers(1, 200))
@settings(max_examples=30)
def test_fewer_levels_are_the_first_of_more(market: Market, time_ms: int, levels: int) -> None:
    few, many = market.book(time_ms, levels), market.book(time_ms, 200)
    assert few.bids == many.bids[:levels]
    assert few.asks == many.asks[:levels]


def test_book_stands_still_within_a_step(market: Market) -> None:
    step_ms = NOW // STEP_MS * STEP_MS
    assert market.book(step_ms, 20) is market.book(step_ms + STEP_MS - 1, 20)
    assert market.book(step_ms, 20) != market.book(step_ms + STEP_MS, 20)


def test_levels_keep_their_quantity_while_the_price_moves(market: Market) -> None:
    minute_ms = NOW // 60_000 * 60_000
    early = dict(market.book(minute_ms, 2000).bids[1:])
    late = dict(market.book(minute_ms + 60_000 - STEP_MS, 2000).bids[1:])
    shared = early.keys() & late.keys()
    assert len(shared) > 500
    assert all(early[price] == late[price] for price in shared)


def test_a_deep_book_ends_above_zero(coarse: SymbolSpec) -> None:
    book = synthetic(coarse, seed=7).book(NOW, 5000)
    assert len(book.asks) == 5000
    assert len(book.bids) < 5000
    assert book.bids[-1].price == 1


@pytest.mark.parametrize("levels", [20, 5000])
def test_book_holds_a_market_worth_of_quantity(market: Market, bitcoin: SymbolSpec, levels: int) -> None:
    """Twenty levels a side hold about what trades in a minute."""
    for side in (market.book(NOW, levels).bids, market.book(NOW, levels).asks):
        held = sum(level.quantity for level in side) / bitcoin.typical_steps
        assert held == pytest.approx(levels / 16, rel=0.5)
