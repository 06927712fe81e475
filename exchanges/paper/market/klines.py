"""Kline intervals on Binance's calendar, and bars made of finer bars."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from exchanges.paper.market.model import MINUTE_MS, Bars, Ints, Kline

DAY_MS = 1440 * MINUTE_MS
WEEK_MS = 7 * DAY_MS
_FIRST_MONDAY_MS = 4 * DAY_MS
_MONTH = "1M"

_FIXED_MS = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "2h": 120 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "6h": 360 * MINUTE_MS,
    "8h": 480 * MINUTE_MS,
    "12h": 720 * MINUTE_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": WEEK_MS,
}

INTERVALS = (*_FIXED_MS, _MONTH)
"""Case matters: `1m` is a minute, `1M` a month. All UTC; weeks begin on Monday, `3d` counts from 1970."""


def index_at(interval: str, time_ms: int) -> int:
    """Return the number of the interval that holds a time; numbers are consecutive.

    Raises ValueError for an interval that is not in `INTERVALS`.
    """
    if interval == _MONTH:
        moment = datetime.fromtimestamp(time_ms // 1000, UTC)
        return 12 * moment.year + moment.month - 1
    if interval not in _FIXED_MS:
        raise ValueError(f"interval must be one of {', '.join(INTERVALS)}, was {interval!r}")
    return (time_ms - _origin_ms(interval)) // _FIXED_MS[interval]


def open_ms(interval: str, index: int) -> int:
    """Return when the interval of that number begins."""
    if interval == _MONTH:
        return int(datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC).timestamp()) * 1000
    return _origin_ms(interval) + index * _FIXED_MS[interval]


def is_intraday(interval: str) -> bool:
    """Return whether the interval is shorter than an hour."""
    return interval != _MONTH and _FIXED_MS[interval] < 60 * MINUTE_MS


def _origin_ms(interval: str) -> int:
    return _FIRST_MONDAY_MS if interval == "1w" else 0


def chosen(
    interval: str, first_ms: int, last_ms: int, start_ms: int | None, end_ms: int | None, limit: int
) -> range:
    """Return the numbers of the intervals that Binance would list; the market traded in [first_ms, last_ms].

    Chosen by open time, bounds inclusive: the oldest `limit` from `start_ms`, or without it the newest.
    """
    oldest = index_at(interval, first_ms)
    newest = index_at(interval, last_ms if end_ms is None else max(0, min(end_ms, last_ms)))
    if start_ms is None:
        return range(max(oldest, newest - limit + 1), newest + 1)
    if start_ms > last_ms:
        return range(0)
    from_start = index_at(interval, max(0, start_ms))
    if open_ms(interval, from_start) < start_ms:
        from_start += 1
    oldest = max(oldest, from_start)
    return range(oldest, min(newest + 1, oldest + limit))


def join(parts: list[Bars]) -> Bars:
    """Return consecutive runs of bars as one run."""
    if len(parts) == 1:
        return parts[0]
    return Bars(*(np.concatenate(columns) for columns in zip(*(part.columns for part in parts), strict=True)))


def aggregate(bars: Bars, starts: Ints) -> Bars:
    """Return coarser bars, each from the fine bar at one of `starts` up to the next; `starts` increases."""
    ends = np.append(starts[1:], len(bars)) - 1
    return Bars(
        open=bars.open[starts],
        high=np.maximum.reduceat(bars.high, starts),
        low=np.minimum.reduceat(bars.low, starts),
        close=bars.close[ends],
        volume=np.add.reduceat(bars.volume, starts),
        quote_volume=np.add.reduceat(bars.quote_volume, starts),
        trades=np.add.reduceat(bars.trades, starts),
        taker_buy_volume=np.add.reduceat(bars.taker_buy_volume, starts),
        taker_buy_quote=np.add.reduceat(bars.taker_buy_quote, starts),
    )


def cut(bars: Bars, first: int, end: int) -> Bars:
    """Return the bars from `first` up to `end`."""
    return Bars(*(column[first:end] for column in bars.columns))


def listed(interval: str, indexes: range, bars: Bars) -> list[Kline]:
    """Return klines, one for each bar."""
    return [
        Kline(open_ms(interval, index), open_ms(interval, index + 1) - 1, *numbers)
        for index, numbers in zip(indexes, zip(*(c.tolist() for c in bars.columns), strict=True), strict=True)
    ]
