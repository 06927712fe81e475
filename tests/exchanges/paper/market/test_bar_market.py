"""Trades, bars, klines and extremes of one market tell the same story."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.paper.market import (
    INTERVALS,
    MINUTE_MS,
    STEP_MS,
    TRADES_PER_MINUTE,
    Kline,
    Market,
    MarketTrade,
    SymbolSpec,
    synthetic,
)
from exchanges.paper.market.klines import DAY_MS
from exchanges.paper.market.synthetic import START_MS

NOW = 1_795_221_676_123  # 2026-11-21 00:41:16 UTC, a Saturday
FIRST_MINUTE = START_MS // MINUTE_MS
MINUTES = st.integers(FIRST_MINUTE, FIRST_MINUTE + 20 * 365 * 1440)


def aggregate(trades: Sequence[MarketTrade]) -> tuple[int, ...]:
    """Return what a bar of these trades holds, in the order of a kline, worked out one by one."""
    prices = [trade.price for trade in trades]
    bought = [trade for trade in trades if not trade.buyer_is_maker]
    return (
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        sum(trade.quantity for trade in trades),
        sum(trade.price * trade.quantity for trade in trades),
        len(trades),
        sum(trade.quantity for trade in bought),
        sum(trade.price * trade.quantity for trade in bought),
    )


def numbers(kline: Kline) -> tuple[int, ...]:
    return (
        kline.open,
        kline.high,
        kline.low,
        kline.close,
        kline.volume,
        kline.quote_volume,
        kline.trades,
        kline.taker_buy_volume,
        kline.taker_buy_quote,
    )


def combine(klines: Sequence[Kline]) -> tuple[int, ...]:
    """Return what one bar of these bars holds."""
    columns = list(zip(*map(numbers, klines), strict=True))
    return (columns[0][0], max(columns[1]), min(columns[2]), columns[3][-1], *map(sum, columns[4:]))


def listed(market: Market, interval: str, now_ms: int = NOW, **bounds: int) -> list[Kline]:
    limit = bounds.pop("limit", 500)
    start_ms, end_ms = bounds.pop("start_ms", None), bounds.pop("end_ms", None)
    return market.klines(interval, start_ms=start_ms, end_ms=end_ms, limit=limit, now_ms=now_ms)


@given(minute=MINUTES)
@settings(max_examples=30)
def test_a_minute_is_the_aggregate_of_its_trades(market: Market, minute: int) -> None:
    trades = market.path(minute)
    assert [trade.time_ms for trade in trades] == [
        minute * MINUTE_MS + index * STEP_MS for index in range(TRADES_PER_MINUTE)
    ]
    bars = market.minutes(minute, 1)
    assert tuple(int(column[0]) for column in bars.columns) == aggregate(trades)


@given(first=MINUTES, count=st.integers(1, 9000), data=st.data())
@settings(max_examples=20)
def test_bulk_equals_one_by_one(
    bitcoin: SymbolSpec, market: Market, first: int, count: int, data: st.DataObject
) -> None:
    bulk = market.minutes(first, count)
    index = data.draw(st.integers(0, count - 1))
    single = synthetic(bitcoin, seed=7).minutes(first + index, 1)
    assert [int(c[index]) for c in bulk.columns] == [int(c[0]) for c in single.columns]


def test_an_answer_cannot_be_overwritten(market: Market) -> None:
    bars = market.minutes(FIRST_MINUTE + 5, 5)
    with pytest.raises(ValueError, match="read-only"):
        bars.close[0] = 1


@pytest.mark.parametrize("interval", INTERVALS)
def test_every_interval_aggregates_the_minute(market: Market, interval: str) -> None:
    """The two newest bars, one of them still open, are made of exactly the minutes inside them."""
    bars = listed(market, interval, limit=2)
    first_minute = bars[0].open_ms // MINUTE_MS
    count = NOW // MINUTE_MS - first_minute + 1
    minutes = listed(market, "1m", start_ms=bars[0].open_ms, limit=count)
    assert len(minutes) == count
    assert bars[0].close_ms + 1 == bars[1].open_ms
    for bar in bars:
        inside = [minute for minute in minutes if bar.open_ms <= minute.open_ms <= bar.close_ms]
        assert numbers(bar) == combine(inside)


@given(now_ms=st.integers(START_MS, START_MS + 3000 * DAY_MS), interval=st.sampled_from(INTERVALS[:9]))
@settings(max_examples=30)
def test_the_open_bar_holds_the_trades_so_far(market: Market, now_ms: int, interval: str) -> None:
    (bar,) = listed(market, interval, now_ms=now_ms, limit=1)
    first, end = market.ordinal_at(bar.open_ms - 1), market.ordinal_at(now_ms)
    trades = market.trades_from(first, end - first)
    assert bar.open_ms <= trades[0].time_ms
    assert trades[-1].time_ms <= now_ms <= bar.close_ms
    assert numbers(bar) == aggregate(trades)
    assert bar.close == market.price(now_ms)


def test_a_bar_does_not_change_once_it_is_closed(bitcoin: SymbolSpec) -> None:
    early = listed(synthetic(bitcoin, 7), "1h", now_ms=NOW, limit=3)
    late = listed(synthetic(bitcoin, 7), "1h", now_ms=NOW + 9 * DAY_MS, start_ms=early[0].open_ms, limit=3)
    assert early[:2] == late[:2]
    assert early[2].open == late[2].open
    assert early[2].volume < late[2].volume


HOUR_MS = 60 * MINUTE_MS
NOON = NOW // DAY_MS * DAY_MS - DAY_MS // 2


@pytest.mark.parametrize(
    ("bounds", "opens"),
    [
        ({"limit": 3}, [-1, 0, 1]),
        ({"start_ms": NOON, "limit": 2}, [0, 1]),
        ({"start_ms": NOON - HOUR_MS + 1, "limit": 5}, [0, 1]),
        ({"end_ms": NOON, "limit": 2}, [-1, 0]),
        ({"end_ms": NOON - 1, "limit": 2}, [-2, -1]),
        ({"start_ms": NOON - 3 * HOUR_MS, "end_ms": NOON, "limit": 2}, [-3, -2]),
        ({"start_ms": NOON - HOUR_MS, "end_ms": NOON, "limit": 9}, [-1, 0]),
        ({"start_ms": NOON, "end_ms": NOON}, [0]),
        ({"start_ms": NOON + 1, "end_ms": NOON + 2}, []),
        ({"start_ms": NOON + 2 * HOUR_MS}, []),
        ({"start_ms": NOON, "end_ms": NOON - HOUR_MS}, []),
        ({"start_ms": NOON + DAY_MS}, []),
        ({"end_ms": START_MS - 1}, []),
        ({"end_ms": -1}, []),
    ],
)
def test_list_rules(market: Market, bounds: dict[str, int], opens: list[int]) -> None:
    """`opens`: hours from noon; it is half past one."""
    found = listed(market, "1h", now_ms=NOON + HOUR_MS + HOUR_MS // 2, **bounds)
    assert [(bar.open_ms - NOON) // HOUR_MS for bar in found] == opens


def test_lists_begin_with_the_market(market: Market) -> None:
    assert listed(market, "1d", start_ms=0, limit=2)[0].open_ms == START_MS
    assert listed(market, "1d", now_ms=START_MS - 1) == []
    (first,) = listed(market, "1w", now_ms=START_MS)
    assert first.trades == 1


def test_an_unknown_interval_is_refused(market: Market) -> None:
    with pytest.raises(ValueError, match=r"interval must be one of 1m, .* was '1H'"):
        listed(market, "1H")


@given(
    start=st.integers(START_MS - DAY_MS, START_MS + 2 * DAY_MS),
    length=st.integers(0, 3 * HOUR_MS),
)
@settings(max_examples=50)
def test_extremes_are_those_of_the_trades_between(market: Market, start: int, length: int) -> None:
    first, end = market.ordinal_at(start), market.ordinal_at(start + length)
    trades = market.trades_from(first, end - first)
    assert all(start < trade.time_ms <= start + length for trade in trades)
    found = market.extremes(start, start + length)
    bar = market.bar(start, start + length)
    if not trades:
        assert found is None
        assert bar is None
    else:
        expected = aggregate(trades)
        assert found == (expected[2], expected[1], expected[4])
        assert bar is not None
        assert numbers(bar) == expected


def test_extremes_of_a_year_are_those_of_its_days(market: Market) -> None:
    days = [market.extremes(NOW - (n + 1) * DAY_MS, NOW - n * DAY_MS) for n in range(40)]
    whole = market.extremes(NOW - 40 * DAY_MS, NOW)
    assert whole is not None
    assert whole.low == min(day.low for day in days if day)
    assert whole.high == max(day.high for day in days if day)
    assert whole.volume == sum(day.volume for day in days if day)


@given(ordinal=st.integers(0, 10**8))
@settings(max_examples=50)
def test_ordinals_count_trades_without_gaps(market: Market, ordinal: int) -> None:
    one, two = market.trades_from(ordinal, 2)
    assert (one.ordinal, two.ordinal) == (ordinal, ordinal + 1)
    assert market.ordinal_at(one.time_ms) == ordinal + 1
    assert market.ordinal_at(one.time_ms - 1) == ordinal
    assert market.price(one.time_ms) == one.price
    assert market.price(two.time_ms - 1) == one.price


def test_before_the_market_there_is_no_price(market: Market) -> None:
    assert not market.is_open(START_MS - 1)
    assert market.ordinal_at(START_MS - 1) == 0
    with pytest.raises(ValueError, match="begins at 1514764800000"):
        market.price(START_MS - 1)
    with pytest.raises(ValueError, match="does not trade in all 2 minutes"):
        market.minutes(FIRST_MINUTE - 1, 2)
    with pytest.raises(ValueError, match="at least 1"):
        market.minutes(FIRST_MINUTE, 0)
