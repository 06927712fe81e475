"""Prices that move together, and cross markets that leave nothing to arbitrage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.paper.market import STEP_MS, TRADES_PER_MINUTE, Market, MarketTrade
from exchanges.paper.market.synthetic import START_MS
from exchanges.paper.markets import synthetic_market
from exchanges.paper.symbols import SYMBOLS

DAY_MS = 86_400_000
TIMES = st.integers(START_MS, START_MS + 4_000 * DAY_MS)
CROSSES = [name for name, symbol in SYMBOLS.items() if symbol.quote == "BTC"]
NOW_MINUTE = 1_795_221_676_123 // 60_000


@pytest.fixture(scope="module")
def markets() -> dict[str, Market]:
    return {name: synthetic_market(symbol, seed=7) for name, symbol in SYMBOLS.items()}


def best(market: Market, symbol: str, time_ms: int) -> tuple[int, int]:
    """Return best bid and ask in units."""
    book, tick = market.book(time_ms, 1), SYMBOLS[symbol].tick
    return book.bids[0].price * tick, book.asks[0].price * tick


@given(time_ms=TIMES, symbol=st.sampled_from(CROSSES))
@settings(max_examples=30, deadline=None)
def test_no_round_of_three_trades_gains_anything(
    markets: dict[str, Market], time_ms: int, symbol: str
) -> None:
    base = f"{SYMBOLS[symbol].base}USDT"
    for step_ms in range(time_ms, time_ms + 10 * STEP_MS, STEP_MS):
        bid, ask = best(markets[symbol], symbol, step_ms)
        base_bid, base_ask = best(markets[base], base, step_ms)
        bitcoin_bid, bitcoin_ask = best(markets["BTCUSDT"], "BTCUSDT", step_ms)
        # Units of 1e-8 on both sides: buy the base, sell it for bitcoin, sell that; and the other way round.
        assert bid * bitcoin_bid <= base_ask * 10**8
        assert base_bid * 10**8 <= ask * bitcoin_ask


@pytest.mark.parametrize("symbol", CROSSES)
def test_a_cross_is_within_a_tick_of_the_quotient_at_every_trade(
    markets: dict[str, Market], symbol: str
) -> None:
    rules = SYMBOLS[symbol]
    ordinal = markets[symbol].ordinal_at(NOW_MINUTE * 60_000)
    crossed, base, bitcoin = (
        markets[name].trades_from(ordinal, 2000) for name in (symbol, f"{rules.base}USDT", "BTCUSDT")
    )
    base_tick, bitcoin_tick = SYMBOLS[f"{rules.base}USDT"].tick, SYMBOLS["BTCUSDT"].tick
    for here, one, other in zip(crossed, base, bitcoin, strict=True):
        dividend, divisor = one.price * base_tick * 10**8, other.price * bitcoin_tick * rules.tick
        down = dividend // divisor
        assert here.price == (down if here.buyer_is_maker else -(-dividend // divisor))
    assert {trade.buyer_is_maker for trade in crossed} == {True, False}


def test_symbols_correlate_as_their_loadings_say(markets: dict[str, Market]) -> None:
    """Ten-minute returns of 60 days, whose variance clusters: the sampling error is about 0.04."""
    names = [name for name, symbol in SYMBOLS.items() if symbol.quote == "USDT"]
    first = NOW_MINUTE - 60 * 1440
    returns = np.array(
        [np.diff(np.log(markets[name].minutes(first, 60 * 1440).close[::10])) for name in names]
    )
    measured = np.corrcoef(returns)
    for i, one in enumerate(names):
        for j, other in enumerate(names[:i]):
            shared = dict(SYMBOLS[other].loadings)
            expected = sum(weight * shared[factor] for factor, weight in SYMBOLS[one].loadings)
            assert measured[i, j] == pytest.approx(expected, abs=0.15), (one, other)
    assert measured[1, 0] > 0.6


@given(first=st.integers(NOW_MINUTE - 10_000, NOW_MINUTE), count=st.integers(1, 300), data=st.data())
@settings(max_examples=8, deadline=None)
def test_a_cross_in_bulk_and_one_by_one_agree(first: int, count: int, data: st.DataObject) -> None:
    symbol = SYMBOLS["ETHBTC"]
    bulk = synthetic_market(symbol, seed=7).minutes(first, count)
    index = data.draw(st.integers(0, count - 1))
    market = synthetic_market(symbol, seed=7)
    single = market.minutes(first + index, 1)
    assert [int(column[index]) for column in bulk.columns] == [int(column[0]) for column in single.columns]
    trades = market.path(first + index)
    assert aggregate(trades) == tuple(int(column[0]) for column in single.columns[:6])


def aggregate(trades: tuple[MarketTrade, ...]) -> tuple[int, ...]:
    prices = [trade.price for trade in trades]
    volume = sum(trade.quantity for trade in trades)
    turnover = sum(trade.price * trade.quantity for trade in trades)
    return prices[0], max(prices), min(prices), prices[-1], volume, turnover


@pytest.mark.parametrize("symbol", list(SYMBOLS))
def test_every_symbol_has_a_market_worth_trading(markets: dict[str, Market], symbol: str) -> None:
    rules = SYMBOLS[symbol]
    bars = markets[symbol].minutes(NOW_MINUTE - 1440, 1440)
    assert (bars.trades == TRADES_PER_MINUTE).all()
    assert bars.volume.mean() * rules.step == pytest.approx(rules.typical_quantity, rel=0.6)
    assert bars.low.min() * rules.tick >= rules.min_price
    assert bars.high.max() * rules.tick <= rules.max_price
    assert len(set(bars.close.tolist())) > 5


@pytest.mark.parametrize(
    ("symbol", "first"),
    [
        ("BTCUSDT", [(10_564_331, 1413, False), (10_564_513, 12_783, False), (10_564_085, 14_380, True)]),
        ("ETHBTC", [(3239, 870, True), (3239, 93, True), (3239, 2578, True)]),
    ],
)
def test_the_listed_markets_of_a_seed_never_change(symbol: str, first: list[tuple[int, int, bool]]) -> None:
    """A state folder keeps trades made at these prices; a release that moves them must say so."""
    path = synthetic_market(SYMBOLS[symbol], seed=1).path((START_MS + 8 * 365 * DAY_MS) // 60_000)
    assert [(trade.price, trade.quantity, trade.buyer_is_maker) for trade in path[:3]] == first
